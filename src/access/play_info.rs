//! Play info: which streams a file id has, and the token that opens them.
//!
//! An answer is read by its shape, whatever address it came from:
//!
//! | form | told by | who answers so |
//! |---|---|---|
//! | version 4 | `media` | Tencent VOD `getplayinfo/v4` |
//! | version 2 | `videoInfo` | Tencent VOD `getplayinfo/v2`, and `v4` for files that were never asked for otherwise |
//! | neutral | `sources` | any other backend; `docs/access.md` has its fields |
//!
//! They are read with the latitude that answers need in practice: names and types in any case, `&amp;` in addresses,
//! numbers as texts, `{}` for nothing.
//!
//! Invariants: what playback does not need (poster, thumbnails, names) is left out when it is malformed; what it does
//! need makes an error that names the field. Nothing of the answer's text is in an error. The texts of an answer are
//! overwritten once it is read.

use core::fmt;

use serde_json::Value;

use crate::access::json::token_expiry;
use crate::secret::{Secret, Url};
use crate::time::MediaTime;

mod error;
mod fields;
mod hosts;
mod neutral;
mod request;
mod v2;
mod v4;

pub use error::{Class, PlayInfoError};
pub use hosts::Hosts;
pub use request::{Query, request, request_url};

use fields::{answer, integer, unix_ms};

/// What a play-info service says of a file.
#[derive(Clone, Default, PartialEq)]
pub struct PlayInfo {
    /// What can be played, best first. Never empty.
    pub sources: Vec<PlaySource>,
    /// The token that opens the keys of encrypted streams, where a stream has none of its own.
    pub drm_token: Option<Secret<String>>,
    /// When that token expires, in seconds since 1970, as far as the answer or the token says so.
    pub token_expiry: Option<i64>,
    /// The service's clock when it answered, in milliseconds since 1970.
    pub server_time: Option<i64>,
    /// What the service wants to see again in the next request for this file.
    pub context: Option<Secret<String>>,
    /// The file's name.
    pub name: Option<String>,
    /// How long it is.
    pub duration: Option<MediaTime>,
    /// How much of it, from its beginning, may be watched for now. None: all of it.
    pub preview: Option<MediaTime>,
    /// An image to show before the first frame. A whole address, to be handed to the page: it may be signed.
    pub poster: Option<Url>,
    /// Thumbnails.
    pub sprite: Option<Sprite>,
    /// Places worth a mark on the timeline, as listed.
    pub key_frames: Vec<KeyFrame>,
}

/// A stream of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaySource {
    /// Its multivariant playlist, or the file, without the token.
    pub url: Url,
    /// What lies there.
    pub kind: StreamKind,
    /// How it is protected.
    pub protected: Protected,
    /// The token of this stream alone.
    pub token: Option<Secret<String>>,
}

/// What a stream's address leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamKind {
    /// A playlist.
    #[default]
    Hls,
    /// A file that a media element plays by itself.
    File,
}

/// How a stream is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protected {
    /// HLS AES-128; the keys need the token.
    SimpleAes,
    /// It is not.
    #[default]
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

impl PlayInfo {
    /// The token that a stream of this answer is opened with: its own, else the file's if it is encrypted.
    pub fn token_of<'a>(&'a self, source: &'a PlaySource) -> Option<&'a Secret<String>> {
        let shared = self.drm_token.as_ref().filter(|_| source.protected == Protected::SimpleAes);
        source.token.as_ref().or(shared)
    }
}

/// Reads the body of an answer. `base` is the address that it came from.
pub fn parse(body: &[u8], base: &Url) -> Result<PlayInfo, PlayInfoError> {
    let answer = answer(body)?;
    let answer = answer.value();
    match answer.get("code") {
        None | Some(Value::Null) => {}
        Some(code) => match integer(code).ok_or(PlayInfoError::Shape { field: "code" })? {
            0 => {}
            code => return Err(PlayInfoError::Service { code }),
        },
    }
    let part = |name| answer.get(name).filter(|part| part.is_object());
    let mut info = if let Some(media) = part("media") {
        v4::read(answer, media, base)?
    } else if let Some(video) = part("videoInfo") {
        v2::read(answer, video, base)?
    } else if let Some(sources) = answer.get("sources") {
        neutral::read(answer, sources, base)?
    } else {
        return Err(PlayInfoError::Shape { field: "media" });
    };
    info.server_time = answer.get("serverTime").and_then(unix_ms);
    if info.token_expiry.is_none() {
        info.token_expiry = info.drm_token.as_ref().and_then(|token| token_expiry(token.expose()));
    }
    Ok(info)
}

impl fmt::Debug for PlayInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sources,
            drm_token,
            token_expiry,
            server_time,
            context,
            name,
            duration,
            preview,
            poster,
            sprite,
            key_frames,
        } = self;
        f.debug_struct("PlayInfo")
            .field("sources", sources)
            .field("drm_token", drm_token)
            .field("token_expiry", token_expiry)
            .field("server_time", server_time)
            .field("context", context)
            .field("name", name)
            .field("duration", duration)
            .field("preview", preview)
            .field("poster", poster)
            .field("sprite", sprite)
            .field("key_frames", key_frames)
            .finish()
    }
}

/// Real answers have a few KiB.
const MAX_BODY: usize = 1 << 20;
const MAX_SOURCES: usize = 16;
const MAX_IMAGES: usize = 1_000;
const MAX_KEY_FRAMES: usize = 1_000;

#[cfg(test)]
mod tests;
