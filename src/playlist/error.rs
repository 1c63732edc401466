//! Why a playlist is refused, and what was odd about one that was not.
//!
//! Refusal is for text that is no playlist of the wanted kind, or one beyond a limit. Everything smaller is
//! a [`Warning`]: one bad tag never costs a segment or a variant. Neither shows any text of the playlist,
//! which may carry tokens; both name the line.

use core::fmt;

use serde::Serialize;

/// Which of the two kinds of playlist a text is (RFC 8216bis §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Its URIs are media playlists.
    Multivariant,
    /// Its URIs are media segments.
    Media,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Multivariant => "multivariant",
            Self::Media => "media",
        })
    }
}

/// What a text that is not a playlist looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instead {
    /// Nothing but white space.
    Empty,
    /// An HTML or XML page, as servers and captive portals send for errors.
    Markup,
    /// A JSON document.
    Json,
    /// Anything else.
    Other,
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty body",
            Self::Markup => "an HTML or XML page",
            Self::Json => "a JSON document",
            Self::Other => "other text",
        })
    }
}

/// Why a playlist was refused.
///
/// | code | rule |
/// |---|---|
/// | `not_a_playlist` | the first line must be `#EXTM3U` (RFC 8216bis §4.4.1.1) |
/// | `wrong_playlist_kind` | a media playlist where a multivariant one is needed, or the reverse (§4.1) |
/// | `mixed_playlist` | one text must not be both (§4.1) |
/// | `playlist_too_large` | a limit of [`Limits`](super::Limits) |
/// | `delta_update_mismatch` | a delta update skips segments that are not known (§6.3.7): load the whole playlist |
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaylistError {
    /// The text does not begin as a playlist does.
    #[error("line {line}: not a playlist but {instead}; the first line must be #EXTM3U")]
    NotAPlaylist {
        /// The first line with anything on it.
        line: u32,
        /// What it looks like.
        instead: Instead,
    },
    /// A good playlist, but not the kind that was asked for.
    #[error("line {line}: a {found} playlist where a {wanted} playlist is needed")]
    WrongKind {
        /// The line that decides the kind.
        line: u32,
        /// What it is.
        found: Kind,
        /// What it had to be.
        wanted: Kind,
    },
    /// Variants and segments in one text.
    #[error("line {line}: media segments and variant streams in one playlist")]
    Mixed {
        /// The first line of the second kind.
        line: u32,
    },
    /// More of something than a limit allows.
    #[error("line {line}: more than {limit} {what}")]
    TooLarge {
        /// The line that went over the limit; 0 when the text was not looked at.
        line: u32,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A delta update that does not continue what is known.
    #[error("line {line}: the update skips segments that are not known")]
    DeltaMismatch {
        /// The line of EXT-X-SKIP.
        line: u32,
    },
}

impl PlaylistError {
    /// Stable, machine-readable, snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAPlaylist { .. } => "not_a_playlist",
            Self::WrongKind { .. } => "wrong_playlist_kind",
            Self::Mixed { .. } => "mixed_playlist",
            Self::TooLarge { .. } => "playlist_too_large",
            Self::DeltaMismatch { .. } => "delta_update_mismatch",
        }
    }

    /// The line at fault, counted from 1; 0 when the text as a whole is.
    pub fn line(&self) -> u32 {
        match self {
            Self::NotAPlaylist { line, .. }
            | Self::WrongKind { line, .. }
            | Self::Mixed { line }
            | Self::TooLarge { line, .. }
            | Self::DeltaMismatch { line } => *line,
        }
    }
}

/// Something in a playlist that the specification forbids and that was read all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Counted from 1.
    pub line: u32,
    /// Tag, attribute and rule; never a value.
    pub text: String,
}
