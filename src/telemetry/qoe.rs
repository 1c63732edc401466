//! The quality-of-experience record of a session. `docs/telemetry.md` defines each figure.

use serde::Serialize;

use crate::error::{Phase, PlayerError};
use crate::time::Timestamp;

use super::millis;

/// How a session went, so far or in the end. Times are wall time; a figure that does not exist yet is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Qoe {
    /// Time since the session was made.
    pub session_ms: u64,
    /// Startup time: from the wish to play until the first frame.
    pub startup_ms: Option<u64>,
    /// From the same moment until frames move.
    pub join_ms: Option<u64>,
    /// Playing time: frames moved.
    pub played_ms: u64,
    /// Rebuffering events: playback stopped because nothing was left to play. One that still lasts counts.
    pub stall_count: u64,
    /// How long they lasted.
    pub stall_ms: u64,
    /// `stall_ms / (stall_ms + played_ms)`; 0 before anything played.
    pub rebuffer_ratio: f64,
    /// Declared bandwidth of what played, weighted by playing time.
    pub average_bitrate_bps: Option<u64>,
    /// Seeks by the viewer; dragging is one.
    pub seek_count: u64,
    /// Changes at the playhead to a higher rung.
    pub switches_up: u64,
    /// Changes at the playhead to a lower rung.
    pub switches_down: u64,
    /// Media bytes received, by rung, lowest first.
    pub bytes_by_rung: Vec<u64>,
    /// All bytes received.
    pub bytes_total: u64,
    /// Bytes received and thrown away unplayed.
    pub bytes_wasted: u64,
    /// Frames decoded.
    pub decoded_frames: u64,
    /// Frames decoded and not shown.
    pub dropped_frames: u64,
    /// All failures, also those that `failures` has no room for.
    pub failure_count: u64,
    /// The first failures, and always the last.
    pub failures: Vec<Failure>,
    /// The sources that were tried, in this order; the last one is in use.
    pub sources: Vec<SourceUse>,
    /// Whether playback reached the end.
    pub ended: bool,
    /// How the session was left; `None` while it lives.
    pub exit: Option<Exit>,
}

/// A failure, without anything that could be secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Stable code.
    pub code: &'static str,
    /// Where it happened.
    pub phase: Phase,
    /// The HTTP status, if a response caused it.
    pub status: Option<u16>,
    /// Whether it ended the session.
    pub fatal: bool,
    /// When, on the host's monotonic clock.
    pub at_ms: u64,
}

impl Failure {
    /// What a record may say of `error`: not its text, not its URL.
    pub fn new(now: Timestamp, error: &PlayerError) -> Self {
        Self {
            code: error.code,
            phase: error.phase,
            status: error.status,
            fatal: error.fatal,
            at_ms: millis(now),
        }
    }
}

/// How a source did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceUse {
    /// Its index in the page's list. A play info may name several streams: they share one.
    pub source: usize,
    /// What it is.
    pub kind: SourceKind,
    /// Whether a frame of it was shown.
    pub shown: bool,
    /// The code of the failure that ended it.
    pub failure: Option<&'static str>,
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A file id, whose streams a play-info service names.
    PlayInfo,
    /// An HLS playlist.
    Hls,
    /// A file that the media element plays by itself.
    File,
}

/// How a session was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// After the end was reached.
    Completed,
    /// By the viewer, before the end.
    Stopped,
    /// By the viewer, before the first frame (exit before video start).
    BeforeStart,
    /// By a failure before the first frame (video start failure).
    StartFailure,
    /// By a failure later (video playback failure).
    PlaybackFailure,
}
