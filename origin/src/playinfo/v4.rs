//! Version 4. Times are seconds, as everywhere in Tencent's current interfaces.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Failure, OVERLAY_INVALID, duration, marks, poster};
use crate::app::State as Shared;
use crate::catalog::Entry;
use crate::error::Refusal;
use crate::grant::Grant;
use crate::overlay::Overlay;
use crate::token::{PsignClaims, TokenFault};

/// Whether it may be had, and under which overlay.
pub(super) fn check(
    app: &Shared,
    entry: &Entry,
    app_id: &str,
    file_id: &str,
    query: &HashMap<String, String>,
    now_s: u64,
) -> Result<Option<Overlay>, Failure> {
    if entry.asset.psign {
        let psign = query.get("psign").map_or("", String::as_str);
        PsignClaims::check(&app.signer, psign, Some(app_id), file_id, now_s)
            .map_err(|fault| Failure::signature(fault.of_psign(), fault == TokenFault::Expired))?;
    }
    app.opener.open(query).map_err(|()| Failure {
        code: OVERLAY_INVALID,
        refusal: Refusal::forbidden("overlay_invalid", "the overlay key or its vector is invalid"),
    })
}

pub(super) fn found(entry: &Entry, grant: &Grant, base: &str, query: &HashMap<String, String>) -> Value {
    let context = query.get("context").map_or("", String::as_str);
    json!({ "context": context, "warning": entry.warning, "media": media(entry, grant, base) })
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
