//! `GET /getplayinfo/v4/{appId}/{fileId}?psign=`: play info in the shape of Tencent Cloud VOD, version 4. Failures
//! have HTTP status 200 and a `code` other than 0, as there. Times are seconds, as everywhere in Tencent's current
//! interfaces; version 2 counted the offsets of key-frame descriptions in milliseconds.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::app::{App, State as Shared};
use crate::catalog::{Entry, Protection, Signing};
use crate::clock::{expiry, unix_s};
use crate::package::{MASTER, POSTER};
use crate::reply;
use crate::token::{DrmClaims, PsignClaims, TokenFault};
use crate::viewer::Viewer;

pub(crate) async fn serve(
    State(app): State<App>,
    Extension(viewer): Extension<Viewer>,
    Path((app_id, file_id)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let psign = query.get("psign").map_or("", String::as_str);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let base = format!("http://{host}{}", viewer.prefix);
    let body = match find(&app, &app_id, &file_id, psign) {
        Ok(entry) => found(&app, entry, &viewer.sid, &base),
        Err((code, message)) => answer(json!({ "code": code, "message": message })),
    };
    let mut response = Json(body).into_response();
    reply::no_store(&mut response);
    response
}

fn find<'a>(
    app: &'a Shared,
    app_id: &str,
    file_id: &str,
    psign: &str,
) -> Result<&'a Entry, (u32, &'static str)> {
    let entry = app.catalog.get(file_id).ok_or((FILE_UNKNOWN, "file not exist"))?;
    if entry.asset.psign {
        PsignClaims::check(&app.signer, psign, app_id, file_id, unix_s()).map_err(|fault| match fault {
            TokenFault::Invalid => (PSIGN_INVALID, "psign is invalid"),
            TokenFault::Expired => (PSIGN_EXPIRED, "psign has expired"),
        })?;
    }
    Ok(entry)
}

fn found(app: &Shared, Entry { asset, ladder, warning }: &Entry, sid: &str, base: &str) -> Value {
    let path = format!("/media/{}/{MASTER}", asset.id);
    let scope = match asset.signing {
        Signing::Exact => path.clone(),
        Signing::Directory => format!("/media/{}/", asset.id),
    };
    let url = format!("{base}{path}?{}", app.signer.url_query(&scope, expiry(app.url_ttl_s)));
    let sub_streams: Vec<Value> = ladder
        .rungs
        .iter()
        .map(|rung| {
            json!({
                "type": "video", "width": rung.width, "height": rung.height,
                "resolutionName": format!("{}P", rung.height),
            })
        })
        .collect();
    let streaming = match asset.protection {
        Protection::Clear => json!({
            "drmOutput": [], "plainOutput": { "url": url, "subStreams": sub_streams }, "drmToken": "",
        }),
        Protection::Aes128 { .. } => {
            let token =
                DrmClaims { file: asset.id.clone(), exp: expiry(app.token_ttl_s), sid: Some(sid.to_owned()) };
            json!({
                "drmOutput": [{ "type": "SimpleAES", "url": url, "subStreams": sub_streams }],
                "plainOutput": { "url": "", "subStreams": [] },
                "drmToken": token.seal(&app.signer),
            })
        }
    };
    let media = json!({
        "basicInfo": {
            "name": asset.name,
            "description": "",
            "duration": if asset.live { 0.0 } else { ladder.duration },
            "coverUrl": format!("{base}/media/{}/{POSTER}", asset.id),
        },
        "streamingInfo": streaming,
        "imageSpriteInfo": null,
        "keyFrameDescInfo": { "keyFrameDescList": [
            { "timeOffset": 0, "content": "Start" },
            { "timeOffset": ladder.duration / 2.0, "content": "Half-time" },
        ] },
    });
    answer(json!({ "code": 0, "message": "", "warning": warning, "media": media }))
}

/// What every answer has, around what this one says.
fn answer(mut body: Value) -> Value {
    let mut id = [0; 16];
    // Only there to be quoted: without randomness it is all zeros.
    let _ = getrandom::fill(&mut id);
    if let Value::Object(fields) = &mut body {
        fields.insert("requestId".into(), hex::encode(id).into());
        fields.insert("version".into(), 4.into());
        fields.entry("warning").or_insert_with(|| "".into());
    }
    body
}

/// The file id names nothing.
const FILE_UNKNOWN: u32 = 1006;
/// The psign is missing, forged or for another file.
const PSIGN_INVALID: u32 = 1003;
/// The psign was good once.
const PSIGN_EXPIRED: u32 = 1004;
