//! What page and worker say to each other: tagged plain objects with named fields, times in seconds.
//!
//! The other half is `www/messages.d.ts`. Invariant: no text from a message gets into an error, because a malformed
//! message may hold a token where a number should be.

mod fields;
mod from_page;
mod to_page;

use serde::{Deserialize, Serialize};

use crate::media::TrackKind;

pub(super) use from_page::{FromPage, SinkPlace, Start, read};
pub(super) use to_page::{HostError, SinkMessage, ToPage, TrackMessage, write};

/// A track's name in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Track {
    Video,
    Audio,
}

impl From<Track> for TrackKind {
    fn from(track: Track) -> Self {
        match track {
            Track::Video => Self::Video,
            Track::Audio => Self::Audio,
        }
    }
}

impl From<TrackKind> for Track {
    fn from(kind: TrackKind) -> Self {
        match kind {
            TrackKind::Video => Self::Video,
            TrackKind::Audio => Self::Audio,
        }
    }
}
