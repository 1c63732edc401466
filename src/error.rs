//! What a page is told when something fails.
//!
//! Each part of the core has its own error enum, by who is at fault; this module gives them one outer form
//! with a stable code. What is *done* about an error is decided in `engine::recovery` and nowhere else.

use serde::Serialize;

use crate::secret::Url;

/// Where in the chain from play info to picture a failure happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Asking which streams a file id has.
    PlayInfo,
    /// Having the right to watch renewed.
    Access,
    /// A multivariant or media playlist.
    Playlist,
    /// A content key.
    Key,
    /// The bytes of an init section or a media segment.
    Segment,
    /// Turning ciphertext into media.
    Decrypt,
    /// Demultiplexing and multiplexing media.
    Media,
    /// Media Source Extensions, the media element, or the native component.
    Sink,
    /// The player itself, or who embeds it.
    Host,
}

/// A failure as the page sees it: one `error` event carries exactly this.
///
/// Holds no token, key or signature: URLs are [`Url`]s, which show themselves redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code} in {phase:?}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct PlayerError {
    /// Stable, machine-readable, snake case; the table is in `docs/errors.md`.
    pub code: &'static str,
    /// Where it happened.
    pub phase: Phase,
    /// The HTTP status, where a response caused it.
    pub status: Option<u16>,
    /// Whether the session ended because of it.
    pub fatal: bool,
    /// One plain sentence for a developer's eyes.
    pub message: String,
    /// What was being fetched, redacted when shown.
    pub url: Option<Url>,
}
