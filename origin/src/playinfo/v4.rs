//! Version 4. Times are seconds, as everywhere in Tencent's current interfaces.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Failure, OVERLAY_INVALID, answer, duration, find, marks, poster};
use crate::app::{App, State as Shared};
use crate::catalog::Entry;
use crate::error::Refusal;
use crate::grant::{self, Grant};
use crate::overlay::Overlay;
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
    let (entry, overlay) = match open(&app, &app_id, &file_id, &query, session.access.now_s()) {
        Ok(opened) => opened,
        Err(failure) => return Ok(failure.answer(4)),
    };
    session.overlays.set(&entry.asset.id, overlay);
    let base = grant::base(&viewer, &headers);
    let grant = Grant::new(&app, &session.access, &viewer, &entry.asset, &base);
    let context = query.get("context").map_or("", String::as_str);
    let media = media(entry, &grant, &base);
    Ok(answer(4, json!({ "context": context, "warning": entry.warning, "media": media })))
}

fn open<'a>(
    app: &'a Shared,
    app_id: &str,
    file_id: &str,
    query: &HashMap<String, String>,
    now_s: u64,
) -> Result<(&'a Entry, Option<Overlay>), Failure> {
    let entry = find(app, file_id)?;
    if entry.asset.psign {
        let psign = query.get("psign").map_or("", String::as_str);
        PsignClaims::check(&app.signer, psign, Some(app_id), file_id, now_s)
            .map_err(|fault| Failure::signature(fault.of_psign(), fault == TokenFault::Expired))?;
    }
    let overlay = app.opener.open(query).map_err(|()| Failure {
        code: OVERLAY_INVALID,
        refusal: Refusal::forbidden("overlay_invalid", "the overlay key or its vector is invalid"),
    })?;
    Ok((entry, overlay))
}

fn media(entry: &Entry, grant: &Grant, base: &str) -> Value {
    let sub_streams: Vec<Value> = entry
        .ladder
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
    let marks = marks(entry).map(|(at_s, content)| json!({ "timeOffset": at_s, "content": content }));
    json!({
        "basicInfo": {
            "name": entry.asset.name,
            "description": "",
            "duration": duration(entry),
            "coverUrl": poster(base, entry),
        },
        "streamingInfo": streaming,
        "imageSpriteInfo": null,
        "keyFrameDescInfo": { "keyFrameDescList": marks },
    })
}
