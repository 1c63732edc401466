//! What the forms of play info have in common: reading fields that may be there, and collecting streams.

use serde_json::Value;
use zeroize::Zeroizing;

use crate::access::json::{self, Json};
use crate::access::url_parts::Parts;
use crate::secret::{Secret, Url};
use crate::time::MediaTime;

use super::{
    KeyFrame, MAX_BODY, MAX_IMAGES, MAX_KEY_FRAMES, MAX_SOURCES, PlayInfoError, PlaySource, Protected,
    Sprite, StreamKind,
};

/// An answer as JSON.
pub(super) fn answer(body: &[u8]) -> Result<Json, PlayInfoError> {
    if body.len() > MAX_BODY {
        return Err(PlayInfoError::TooLarge);
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    Json::read(body).map_err(|e| PlayInfoError::NotJson { line: e.line(), column: e.column() })
}

/// The streams found so far, and what was in the way of others.
#[derive(Default)]
pub(super) struct Streams {
    sources: Vec<PlaySource>,
    lacking: Option<&'static str>,
    unsupported: bool,
}

impl Streams {
    /// A stream; `field` names the one that should have its address.
    pub(super) fn add(
        &mut self,
        url: Option<Url>,
        kind: Option<StreamKind>,
        protected: Protected,
        token: Option<Secret<String>>,
        field: &'static str,
    ) {
        match (url, kind) {
            (None, _) => self.lacking = self.lacking.or(Some(field)),
            (Some(_), None) => self.unsupported = true,
            (Some(url), Some(kind)) if self.sources.len() < MAX_SOURCES => {
                self.sources.push(PlaySource { url, kind, protected, token });
            }
            _ => {}
        }
    }

    /// A stream in a form that is not played.
    pub(super) fn add_unsupported(&mut self) {
        self.unsupported = true;
    }

    /// All of them; `field` names the one that has none if nothing was found at all.
    pub(super) fn finish(self, field: &'static str) -> Result<Vec<PlaySource>, PlayInfoError> {
        match self {
            Self { sources, .. } if !sources.is_empty() => Ok(sources),
            Self { lacking: Some(field), .. } => Err(PlayInfoError::Shape { field }),
            Self { unsupported: true, .. } => Err(PlayInfoError::NoSource),
            _ => Err(PlayInfoError::Shape { field }),
        }
    }
}

/// What lies at an address: what its type says, where there is one, else its file name, else `otherwise`. `None` is
/// something that neither this player nor a browser plays.
pub(super) fn kind_of(url: &Url, named: Option<&str>, otherwise: StreamKind) -> Option<StreamKind> {
    // `application/vnd.apple.mpegurl; charset=utf-8`, `application/x-mpegURL`, `video/mp4`, `hls`
    let subtype = named.map(|named| named.split(';').next().unwrap_or_default().trim());
    let name = Parts::of(url.expose()).map_or("", |parts| parts.file_name);
    let extension = subtype.or_else(|| name.contains('.').then_some(name));
    let known = extension.unwrap_or_default().as_bytes();
    let known = known.rsplit(|b| b"/.-".contains(b)).next().unwrap_or_default();
    let is_one_of = |list: &[&str]| list.iter().any(|other| known.eq_ignore_ascii_case(other.as_bytes()));
    if is_one_of(PLAYLISTS) {
        Some(StreamKind::Hls)
    } else if is_one_of(FILES) {
        Some(StreamKind::File)
    } else if named.is_some() || is_one_of(UNPLAYABLE) {
        None
    } else {
        Some(otherwise)
    }
}

/// What stands under the first of two names that has anything.
pub(super) fn either<'a>(parent: &'a Value, names: [&str; 2]) -> Option<&'a Value> {
    names.into_iter().find_map(|name| parent.get(name).filter(|value| !value.is_null()))
}

/// The name of a file.
pub(super) fn name(parent: Option<&Value>) -> Option<String> {
    either(parent?, ["name", "Name"]).and_then(text).map(str::to_owned)
}

/// A text that is not empty.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|s| !s.is_empty())
}

pub(super) fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| text(value)?.parse().ok())
}

fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| text(value)?.parse().ok())?;
    (number >= 0.0 && number.is_finite()).then_some(number)
}

/// A length or place in seconds, fractions included; negative ones are none.
pub(super) fn seconds(value: &Value) -> Option<MediaTime> {
    number(value).map(MediaTime::from_secs)
}

/// A moment in milliseconds since 1970, given in these or in seconds.
pub(super) fn unix_ms(value: &Value) -> Option<i64> {
    json::unix_ms(number(value)?)
}

/// A secret that may be missing or empty, but not of another type.
pub(super) fn secret(
    value: Option<&Value>,
    field: &'static str,
) -> Result<Option<Secret<String>>, PlayInfoError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok((!text.is_empty()).then(|| Secret::new(text.clone()))),
        Some(_) => Err(PlayInfoError::Shape { field }),
    }
}

/// An absolute address.
pub(super) fn address(value: &Value, base: &Url) -> Option<Url> {
    let text = Zeroizing::new(text(value)?.replace("&amp;", "&"));
    Some(crate::playlist::resolve(base, &text))
}

/// Whether this is an object with anything in it.
pub(super) fn is_filled(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| !fields.is_empty())
}

pub(super) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn sprite(value: &Value, base: &Url) -> Option<Sprite> {
    let sprite = Sprite {
        web_vtt: value.get("webVttUrl").and_then(|u| address(u, base)),
        images: items(value.get("imageUrls"))
            .iter()
            .filter_map(|u| address(u, base))
            .take(MAX_IMAGES)
            .collect(),
    };
    (sprite != Sprite::default()).then_some(sprite)
}

/// The marks of a list: `place` names the field that says where, in `scale` to a second.
pub(super) fn key_frames(list: Option<&Value>, place: &str, scale: f64) -> Vec<KeyFrame> {
    let mut frames = Vec::new();
    for frame in items(list) {
        if let Some(at) = frame.get(place).and_then(number).filter(|_| frames.len() < MAX_KEY_FRAMES) {
            let content = frame.get("content").and_then(text).unwrap_or_default().to_owned();
            frames.push(KeyFrame { at: MediaTime::from_secs(at / scale), content });
        }
    }
    frames
}

/// How much may be watched, in seconds: by a field, or by the parameter of an address that is signed with it (`exper`
/// of Tencent's key anti-leech). Zero is no limit.
pub(super) fn preview(fields: [Option<&Value>; 2], sources: &[PlaySource], base: &Url) -> Option<MediaTime> {
    let mut told = fields.into_iter().flatten().find_map(number);
    for url in sources.iter().map(|source| &source.url).chain([base]) {
        let signed = || Parts::of(url.expose())?.parameter("exper")?.value.parse::<u32>().ok();
        told = told.or_else(|| signed().map(f64::from));
    }
    told.filter(|seconds| *seconds > 0.0).map(MediaTime::from_secs)
}

/// Subtypes of media types, and extensions, of playlists.
const PLAYLISTS: &[&str] = &["m3u8", "m3u", "mpegurl", "hls"];
/// The same of what browsers play.
const FILES: &[&str] = &[
    "mp4",
    "m4v",
    "mov",
    "quicktime",
    "webm",
    "ogv",
    "m4a",
    "mp3",
    "mpeg",
    "aac",
    "ogg",
    "oga",
    "wav",
    "file",
];
/// Extensions of what is neither a playlist nor anything that a browser plays.
const UNPLAYABLE: &[&str] = &["mpd", "flv", "avi", "wmv", "asf", "mkv", "rm", "rmvb", "mpg", "vob"];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
