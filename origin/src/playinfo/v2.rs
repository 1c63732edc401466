//! Version 2. The offsets of key-frame descriptions are milliseconds, and there is no field for a token: that of an
//! encrypted file stands in the names of its playlists already.
//!
//! A file that needs a psign in version 4 needs a signature here: `sign` is MD5(KEY + appId + fileId + t + exper + us), of
//! those that are there, with the KEY of key anti-leech, and `t` is when it ends, in hexadecimal Unix seconds.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Failure, answer, duration, find, marks, poster};
use crate::app::{App, State as Shared};
use crate::catalog::Entry;
use crate::error::Refusal;
use crate::grant::{self, Grant};
use crate::package::{MASTER, line};
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
    let entry = match open(&app, &app_id, &file_id, &query, session.access.now_s()) {
        Ok(entry) => entry,
        Err(failure) => return Ok(failure.answer(2)),
    };
    session.overlays.set(&entry.asset.id, None);
    let base = grant::base(&viewer, &headers);
    let grant = Grant::new(&app, &session.access, &viewer, &entry.asset, &base);
    Ok(answer(2, found(&app, entry, &grant, &base)))
}

fn open<'a>(
    app: &'a Shared,
    app_id: &str,
    file_id: &str,
    query: &HashMap<String, String>,
    now_s: u64,
) -> Result<&'a Entry, Failure> {
    let entry = find(app, file_id)?;
    if entry.asset.psign {
        app.anti_leech.check_play_info(app_id, file_id, query, now_s).map_err(|refusal| {
            let expired = refusal.code == "signature_expired";
            Failure::signature(refusal, expired)
        })?;
    }
    Ok(entry)
}

fn found(app: &Shared, entry: &Entry, grant: &Grant, base: &str) -> Value {
    let master = entry.ladder.playlist(MASTER).unwrap_or_default();
    let playlists = line::lines(master).filter_map(|line| match line {
        line::Line::Uri(uri) => Some(uri),
        _ => None,
    });
    let length = duration(entry);
    let transcoded: Vec<Value> = entry
        .ladder
        .rungs
        .iter()
        .zip(playlists)
        .map(|(rung, playlist)| {
            json!({
                "url": grant.tokened(app, &entry.asset, base, playlist),
                "width": rung.width, "height": rung.height, "bitrate": rung.bandwidth,
                "duration": length.round(), "floatDuration": length, "container": "hls",
            })
        })
        .collect();
    let marks = marks(entry)
        .map(|(at_s, content)| json!({ "timeOffset": (at_s * 1000.0).round() as u64, "content": content }));
    json!({
        "warning": entry.warning,
        "coverInfo": { "coverUrl": poster(base, entry) },
        "videoInfo": {
            "basicInfo": { "name": entry.asset.name, "description": "", "duration": length.round() },
            "masterPlayList": { "url": grant.tokened(app, &entry.asset, base, MASTER) },
            "transcodeList": transcoded,
            // What was uploaded is not kept.
            "sourceVideo": { "url": "", "duration": length.round(), "floatDuration": length },
        },
        "imageSpriteInfo": null,
        "keyFrameDescInfo": { "keyFrameDescList": marks },
    })
}
