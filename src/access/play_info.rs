//! Play info: which streams a file id has, and the token that opens them.
//!
//! The request and the answer are those of Tencent VOD's `getplayinfo/v4`, read with the latitude that its answers
//! need in practice: names and types in any case, `&amp;` in addresses, numbers as texts, `{}` for nothing.
//!
//! Invariant: what playback does not need (poster, thumbnails, names) is left out when it is malformed; what it does
//! need makes an error that names the field. Nothing of the answer's text is in an error.

use core::fmt;

use serde_json::Value;

use crate::secret::{Secret, Url};
use crate::time::MediaTime;

use super::token::with_query_param;
use super::url_parts::{Parts, encode_query_value};

/// The address that answers with the play info of a file: `{endpoint}/{app_id}/{file_id}?psign={psign}`. The endpoint
/// may have a path and a query of its own; both stay.
pub fn request_url(endpoint: &Url, app_id: &str, file_id: &str, psign: Option<&str>) -> Url {
    let Some(parts) = Parts::of(endpoint.expose()) else { return endpoint.clone() };
    let path = [parts.directory, parts.file_name].concat();
    let path = format!(
        "{}/{}/{}",
        path.trim_end_matches('/'),
        encode_query_value(app_id),
        encode_query_value(file_id)
    );
    let url = Url::new(Parts { directory: &path, file_name: "", ..parts }.join());
    psign.map_or_else(|| url.clone(), |psign| with_query_param(&url, "psign", psign))
}

/// What a play-info service says of a file.
#[derive(Clone, Default, PartialEq)]
pub struct PlayInfo {
    /// What can be played, best first: encrypted streams, then clear ones. Never empty.
    pub sources: Vec<PlaySource>,
    /// The token that opens the keys of encrypted streams.
    pub drm_token: Option<Secret<String>>,
    /// The file's name.
    pub name: Option<String>,
    /// How long it is.
    pub duration: Option<MediaTime>,
    /// An image to show before the first frame. A whole address, to be handed to the page: it may be signed.
    pub poster: Option<String>,
    /// Thumbnails.
    pub sprite: Option<Sprite>,
    /// Places worth a mark on the timeline, as listed.
    pub key_frames: Vec<KeyFrame>,
}

/// A stream of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaySource {
    /// Its multivariant playlist, without the token.
    pub url: Url,
    /// How it is protected.
    pub protected: Protected,
}

/// How a stream is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protected {
    /// HLS AES-128; the keys need the token.
    SimpleAes,
    /// It is not.
    None,
}

/// Thumbnails, many to an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sprite {
    /// The WebVTT file that says where on which image a moment's thumbnail is.
    pub web_vtt: Option<Url>,
    /// The images.
    pub images: Vec<Url>,
}

/// A place worth a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFrame {
    /// Where.
    pub at: MediaTime,
    /// What is there.
    pub content: String,
}

/// Why there is no play info.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayInfoError {
    /// The body is larger than any real one.
    #[error("the play info is larger than {MAX_BODY} bytes")]
    TooLarge,
    /// The body is not JSON.
    #[error("the play info is not JSON (line {line}, column {column})")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// A field is missing or not what it should be.
    #[error("the play info has no usable {field}")]
    Shape {
        /// Its path.
        field: &'static str,
    },
    /// The service answered with an error code.
    #[error("{} (code {code})", self.plainly())]
    Service {
        /// The service's own number.
        code: i64,
    },
    /// There are streams, but only under DRM systems that this player does not have.
    #[error("every stream of this file is under a DRM system that this player does not support")]
    NoSource,
}

/// What can be done about a [`PlayInfoError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Asking again, or another host, may help.
    Retry,
    /// Another player signature may help.
    RenewToken,
    /// Nothing.
    Fatal,
}

impl PlayInfoError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match (self, self.class()) {
            (Self::TooLarge, _) => "play_info_too_large",
            (Self::NotJson { .. }, _) => "play_info_not_json",
            (Self::Shape { .. }, _) => "play_info_shape",
            (Self::NoSource, _) => "play_info_no_source",
            (Self::Service { .. }, Class::Retry) => "play_info_unavailable",
            (Self::Service { .. }, Class::RenewToken) => "play_info_token_refused",
            (Self::Service { .. }, Class::Fatal) => "play_info_refused",
        }
    }

    /// What can be done about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Service { code: 2000..=2999 } => Class::Retry,
            Self::Service { code: 1004 | 1009 | 1021 } => Class::RenewToken,
            _ => Class::Fatal,
        }
    }

    /// Whether asking again may help.
    pub fn is_retryable(&self) -> bool {
        self.class() == Class::Retry
    }

    fn plainly(&self) -> &'static str {
        match self.class() {
            Class::Retry => "the play-info service cannot answer at the moment",
            Class::RenewToken => {
                "the play-info service refuses the player signature: missing, expired or not for this file"
            }
            Class::Fatal => "the play-info service refuses this file or this request",
        }
    }
}

/// Reads the body of an answer. `base` is the address that it came from.
pub fn parse(body: &[u8], base: &Url) -> Result<PlayInfo, PlayInfoError> {
    if body.len() > MAX_BODY {
        return Err(PlayInfoError::TooLarge);
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let answer: Value = serde_json::from_slice(body)
        .map_err(|e| PlayInfoError::NotJson { line: e.line(), column: e.column() })?;
    match answer.get("code") {
        None | Some(Value::Null) => {}
        Some(code) => match integer(code).ok_or(PlayInfoError::Shape { field: "code" })? {
            0 => {}
            code => return Err(PlayInfoError::Service { code }),
        },
    }
    let media = object(&answer, "media", "media")?;
    let streaming = object(media, "streamingInfo", "media.streamingInfo")?;
    let basic = media.get("basicInfo");
    Ok(PlayInfo {
        sources: sources(streaming, base)?,
        drm_token: drm_token(streaming)?,
        name: basic.and_then(|b| b.get("name").or_else(|| b.get("Name"))).and_then(text).map(str::to_owned),
        duration: basic.and_then(|b| b.get("duration")).and_then(seconds),
        poster: basic.and_then(|b| address(b.get("coverUrl")?, base)).map(|u| u.expose().to_owned()),
        sprite: media.get("imageSpriteInfo").and_then(|s| sprite(s, base)),
        key_frames: media.get("keyFrameDescInfo").map(key_frames).unwrap_or_default(),
    })
}

impl fmt::Debug for PlayInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sources, drm_token, name, duration, poster, sprite, key_frames } = self;
        f.debug_struct("PlayInfo")
            .field("sources", sources)
            .field("drm_token", drm_token)
            .field("name", name)
            .field("duration", duration)
            .field("poster", &poster.as_deref().map(Url::new))
            .field("sprite", sprite)
            .field("key_frames", key_frames)
            .finish()
    }
}

/// The streams that can be played: those with AES-128 first.
fn sources(streaming: &Value, base: &Url) -> Result<Vec<PlaySource>, PlayInfoError> {
    let mut sources = Vec::new();
    let mut lacking = None;
    let mut foreign = false;
    for (key, field, url_field) in [
        ("drmOutput", "media.streamingInfo.drmOutput", "media.streamingInfo.drmOutput[].url"),
        ("plainOutput", "media.streamingInfo.plainOutput", "media.streamingInfo.plainOutput.url"),
    ] {
        for output in outputs(streaming.get(key), field)? {
            let kind = output.get("type").and_then(text);
            let protected = match key {
                "plainOutput" => Protected::None,
                _ if kind.is_some_and(|k| k.eq_ignore_ascii_case("simpleAES")) => Protected::SimpleAes,
                _ => {
                    foreign = true;
                    continue;
                }
            };
            match output.get("url").and_then(|u| address(u, base)) {
                Some(url) => sources.push(PlaySource { url, protected }),
                None => lacking = lacking.or(Some(url_field)),
            }
        }
    }
    if !sources.is_empty() {
        return Ok(sources);
    }
    Err(match lacking {
        Some(field) => PlayInfoError::Shape { field },
        None if foreign => PlayInfoError::NoSource,
        None => PlayInfoError::Shape { field: "media.streamingInfo.drmOutput" },
    })
}

/// A list of outputs, where a single one may stand without a list, and an empty one for none.
fn outputs<'a>(value: Option<&'a Value>, field: &'static str) -> Result<Vec<&'a Value>, PlayInfoError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(s)) if s.is_empty() => Ok(Vec::new()),
        Some(one @ Value::Object(fields)) => Ok(if fields.is_empty() { Vec::new() } else { vec![one] }),
        Some(Value::Array(list)) => Ok(list
            .iter()
            .filter(|o| o.as_object().is_some_and(|f| !f.is_empty()))
            .take(MAX_SOURCES)
            .collect()),
        Some(_) => Err(PlayInfoError::Shape { field }),
    }
}

fn drm_token(streaming: &Value) -> Result<Option<Secret<String>>, PlayInfoError> {
    match streaming.get("drmToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => Ok((!token.is_empty()).then(|| Secret::new(token.clone()))),
        Some(_) => Err(PlayInfoError::Shape { field: "media.streamingInfo.drmToken" }),
    }
}

fn sprite(value: &Value, base: &Url) -> Option<Sprite> {
    let sprite = Sprite {
        web_vtt: value.get("webVttUrl").and_then(|u| address(u, base)),
        images: items(value.get("imageUrls")).filter_map(|u| address(u, base)).take(MAX_IMAGES).collect(),
    };
    (sprite != Sprite::default()).then_some(sprite)
}

fn key_frames(value: &Value) -> Vec<KeyFrame> {
    items(value.get("keyFrameDescList"))
        .filter_map(|f| {
            let content = f.get("content").and_then(text).unwrap_or_default().to_owned();
            Some(KeyFrame { at: seconds(f.get("timeOffset")?)?, content })
        })
        .take(MAX_KEY_FRAMES)
        .collect()
}

fn object<'a>(parent: &'a Value, key: &str, field: &'static str) -> Result<&'a Value, PlayInfoError> {
    parent.get(key).filter(|v| v.is_object()).ok_or(PlayInfoError::Shape { field })
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// A text that is not empty.
fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|s| !s.is_empty())
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| text(value)?.parse().ok())
}

/// A length or place in seconds, fractions included, as version 4 has both; negative ones are none.
fn seconds(value: &Value) -> Option<MediaTime> {
    let seconds = value.as_f64().or_else(|| text(value)?.parse().ok())?;
    (seconds >= 0.0 && seconds.is_finite()).then(|| MediaTime::from_secs(seconds))
}

/// An absolute address.
fn address(value: &Value, base: &Url) -> Option<Url> {
    Some(crate::playlist::resolve(base, &text(value)?.replace("&amp;", "&")))
}

/// Real answers have a few KiB.
const MAX_BODY: usize = 1 << 20;
const MAX_SOURCES: usize = 16;
const MAX_IMAGES: usize = 1_000;
const MAX_KEY_FRAMES: usize = 1_000;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
