//! `GET /getplayinfo/v4/{appId}/{fileId}?psign=`: play info in the shape of Tencent Cloud VOD, version 4. Failures
//! have HTTP status 200 and a `code` other than 0, as there. Times are seconds, as everywhere in Tencent's current
//! interfaces; version 2 counted the offsets of key-frame descriptions in milliseconds.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::app::{App, State as Shared};
use crate::catalog::Entry;
use crate::error::{Reason, Refusal};
use crate::grant::{self, Grant};
use crate::overlay::Overlay;
use crate::package::POSTER;
use crate::reply;
use crate::token::{PsignClaims, TokenFault};
use crate::viewer::Viewer;

pub(crate) async fn serve(
    State(app): State<App>,
    Extension(viewer): Extension<Viewer>,
    Path((app_id, file_id)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let session = app.sessions.get(&viewer.sid);
    session.access.admit()?;
    let found_it = find(&app, &app_id, &file_id, &query, session.access.now_s());
    let mut response = match found_it {
        Ok((entry, overlay)) => {
            session.overlays.set(&entry.asset.id, overlay);
            let base = grant::base(&viewer, &headers);
            let grant = Grant::new(&app, &session.access, &viewer, &entry.asset, &base);
            Json(found(entry, &grant, &base)).into_response()
        }
        Err((code, refusal)) => {
            let body = answer(json!({ "code": code, "message": refusal.message }));
            (Extension(Reason(refusal.code)), Json(body)).into_response()
        }
    };
    reply::no_store(&mut response);
    Ok(response)
}

fn find<'a>(
    app: &'a Shared,
    app_id: &str,
    file_id: &str,
    query: &HashMap<String, String>,
    now_s: u64,
) -> Result<(&'a Entry, Option<Overlay>), (u32, Refusal)> {
    let unknown = || (FILE_UNKNOWN, Refusal::not_found("file not exist"));
    let entry = app.catalog.get(file_id).ok_or_else(unknown)?;
    if entry.asset.psign {
        let psign = query.get("psign").map_or("", String::as_str);
        PsignClaims::check(&app.signer, psign, Some(app_id), file_id, now_s).map_err(
            |fault| match fault {
                TokenFault::Expired => (PSIGN_EXPIRED, fault.of_psign()),
                _ => (PSIGN_INVALID, fault.of_psign()),
            },
        )?;
    }
    let overlay = app.opener.open(query).map_err(|()| {
        (OVERLAY_INVALID, Refusal::forbidden("overlay_invalid", "the overlay key or its vector is invalid"))
    })?;
    Ok((entry, overlay))
}

fn found(Entry { asset, ladder, warning }: &Entry, grant: &Grant, base: &str) -> Value {
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
    let streaming = match &grant.token {
        None => json!({
            "drmOutput": [], "plainOutput": { "url": grant.url, "subStreams": sub_streams }, "drmToken": "",
        }),
        Some(token) => json!({
            "drmOutput": [{ "type": "SimpleAES", "url": grant.url, "subStreams": sub_streams }],
            "plainOutput": { "url": "", "subStreams": [] },
            "drmToken": token,
        }),
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
/// The overlay is not readable. Tencent documents no number for this; it is one that asking again does not help.
const OVERLAY_INVALID: u32 = 1005;
/// The psign was good once.
const PSIGN_EXPIRED: u32 = 1004;
