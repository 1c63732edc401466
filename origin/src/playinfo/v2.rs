//! Version 2. The offsets of key-frame descriptions are milliseconds, and there is no field for a token: that of an
//! encrypted file stands in the names of its playlists already.
//!
//! A file that needs a psign in version 4 needs a signature here: `sign` is MD5(KEY + appId + fileId + t + exper + us), of
//! those that are there, with the KEY of key anti-leech, and `t` is when it ends, in hexadecimal Unix seconds.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Failure, duration, marks, poster};
use crate::app::State as Shared;
use crate::catalog::Entry;
use crate::grant::Grant;
use crate::package::{MASTER, line};

/// Whether it may be had.
pub(super) fn check(
    app: &Shared,
    entry: &Entry,
    app_id: &str,
    file_id: &str,
    query: &HashMap<String, String>,
    now_s: u64,
) -> Result<(), Failure> {
    if !entry.asset.psign {
        return Ok(());
    }
    app.anti_leech.check_play_info(app_id, file_id, query, now_s).map_err(|refusal| {
        let expired = refusal.code == "signature_expired";
        Failure::signature(refusal, expired)
    })
}

pub(super) fn found(app: &Shared, entry: &Entry, grant: &Grant, base: &str) -> Value {
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
