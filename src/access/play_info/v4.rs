//! Play info in the form of Tencent VOD's `getplayinfo/v4`: all of it in `media`, times in seconds.
//!
//! Which part of `media` has the streams depends on what the player signature asks for: `streamingInfo` for adaptive
//! streams, else `transcodeInfo` or `originalInfo`. Encrypted streams come first, then clear ones, then files.

use serde_json::Value;

use crate::secret::Url;

use super::fields::{
    Streams, address, is_filled, key_frames, kind_of, name, preview, seconds, secret, sprite, text,
};
use super::{PlayInfo, PlayInfoError, PlaySource, Protected, StreamKind};

pub(super) fn read(answer: &Value, media: &Value, base: &Url) -> Result<PlayInfo, PlayInfoError> {
    let streaming = media.get("streamingInfo").filter(|v| v.is_object());
    let basic = media.get("basicInfo");
    let sources = sources(media, streaming, base)?;
    Ok(PlayInfo {
        preview: preview([media.get("exper"), answer.get("exper")], &sources, base),
        sources,
        drm_token: secret(streaming.and_then(|s| s.get("drmToken")), "media.streamingInfo.drmToken")?,
        context: secret(answer.get("context"), "context").unwrap_or_default(),
        name: name(basic),
        duration: basic.and_then(|b| b.get("duration")).and_then(seconds),
        poster: basic.and_then(|b| address(b.get("coverUrl")?, base)),
        sprite: media.get("imageSpriteInfo").and_then(|s| sprite(s, base)),
        key_frames: key_frames(
            media.get("keyFrameDescInfo").and_then(|info| info.get("keyFrameDescList")),
            "timeOffset",
            1.0,
        ),
        ..PlayInfo::default()
    })
}

fn sources(media: &Value, streaming: Option<&Value>, base: &Url) -> Result<Vec<PlaySource>, PlayInfoError> {
    let mut streams = Streams::default();
    for (key, field, url_field) in [
        ("drmOutput", "media.streamingInfo.drmOutput", "media.streamingInfo.drmOutput[].url"),
        ("plainOutput", "media.streamingInfo.plainOutput", "media.streamingInfo.plainOutput.url"),
    ] {
        for output in outputs(streaming.and_then(|s| s.get(key)), field)?.iter().filter(|o| is_filled(o)) {
            let system = output.get("type").and_then(text);
            let protected = match key {
                "plainOutput" => Protected::None,
                _ if system.is_some_and(|s| s.eq_ignore_ascii_case("simpleAES")) => Protected::SimpleAes,
                _ => {
                    streams.add_unsupported();
                    continue;
                }
            };
            let url = output.get("url").and_then(|u| address(u, base));
            streams.add(url, Some(StreamKind::Hls), protected, None, url_field);
        }
    }
    for key in ["transcodeInfo", "originalInfo"] {
        if let Some(url) = media.get(key).and_then(|file| address(file.get("url")?, base)) {
            let kind = kind_of(&url, None, StreamKind::File);
            streams.add(Some(url), kind, Protected::None, None, "");
        }
    }
    streams.finish(match streaming {
        Some(_) => "media.streamingInfo.drmOutput",
        None => "media.streamingInfo",
    })
}

/// A list of outputs, where a single one may stand without a list, and an empty one for none.
fn outputs<'a>(value: Option<&'a Value>, field: &'static str) -> Result<&'a [Value], PlayInfoError> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::String(s)) if s.is_empty() => Ok(&[]),
        Some(one @ Value::Object(_)) => Ok(core::slice::from_ref(one)),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(PlayInfoError::Shape { field }),
    }
}
