//! Play info of any backend: `{sources: [{url | src, type?, token?}], token?, expiry? | expires?, serverTime?,
//! poster?, thumbnails?, name?, duration?, preview?, keyFrames?: [{time, content}]}`.
//!
//! A source may be its address alone, and a single one may stand without a list. Moments are Unix time in seconds or
//! milliseconds, lengths and places on the timeline are seconds. `thumbnails` is the address of a WebVTT file.

use serde_json::Value;

use crate::secret::Url;

use super::fields::{
    Streams, address, either, items, key_frames, kind_of, name, preview, seconds, secret, text, unix_ms,
};
use super::{PlayInfo, PlayInfoError, PlaySource, Protected, Sprite, StreamKind};

pub(super) fn read(answer: &Value, list: &Value, base: &Url) -> Result<PlayInfo, PlayInfoError> {
    let token = secret(answer.get("token"), "token")?;
    let sources = sources(list, token.is_some(), base)?;
    Ok(PlayInfo {
        preview: preview([answer.get("preview"), None], &sources, base),
        sources,
        drm_token: token,
        token_expiry: either(answer, ["expiry", "expires"]).and_then(unix_ms).map(|ms| ms / 1000),
        name: name(Some(answer)),
        duration: answer.get("duration").and_then(seconds),
        poster: answer.get("poster").and_then(|p| address(p, base)),
        sprite: answer
            .get("thumbnails")
            .and_then(|t| address(t, base))
            .map(|url| Sprite { web_vtt: Some(url), images: Vec::new() }),
        key_frames: key_frames(answer.get("keyFrames"), "time", 1.0),
        ..PlayInfo::default()
    })
}

fn sources(list: &Value, has_token: bool, base: &Url) -> Result<Vec<PlaySource>, PlayInfoError> {
    let mut streams = Streams::default();
    let is_one = list.is_object() || list.is_string();
    let list = if is_one { core::slice::from_ref(list) } else { items(Some(list)) };
    for source in list {
        let url = address(either(source, ["url", "src"]).unwrap_or(source), base);
        let named = source.get("type").and_then(text);
        let kind = url.as_ref().and_then(|url| kind_of(url, named, StreamKind::Hls));
        let token = secret(source.get("token"), "sources[].token")?;
        let opens = kind == Some(StreamKind::Hls) && (has_token || token.is_some());
        let protected = if opens { Protected::SimpleAes } else { Protected::None };
        streams.add(url, kind, protected, token, "sources[].url");
    }
    streams.finish("sources")
}
