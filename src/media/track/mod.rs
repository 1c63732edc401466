//! Elementary streams to tracks: units are put together, given times and gathered into fragments. [`video`] and
//! [`audio`] do it for every codec of their kind.

pub(super) mod audio;
mod clock;
pub(super) mod lock;
mod order;
pub(super) mod parameters;
pub(super) mod video;

pub(super) use lock::SampleLock;

use super::{Fragment, Losses, MediaEvent};
use crate::time::{MediaTime, TimeRange};

/// Where a track puts what it makes and loses.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    pub(super) out: &'a mut Vec<MediaEvent>,
    pub(super) losses: &'a mut Losses,
}

/// What a track had of one segment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    pub(super) range: Option<TimeRange>,
    pub(super) key_frames: u32,
    /// Whether the first unit is a key frame; `None` before the first unit.
    pub(super) first_is_key: Option<bool>,
    /// Captions that came out.
    pub(super) cues: u32,
}

impl Share {
    fn add(&mut self, start: i64, end: i64, key: bool) {
        self.range = Some(join(self.range, start, end));
        self.first_is_key.get_or_insert(key);
        self.key_frames = self.key_frames.saturating_add(u32::from(key));
    }
}

impl Sink<'_> {
    fn fragment(&mut self, fragment: Fragment) {
        self.out.push(MediaEvent::Fragment(fragment));
    }
}

fn range(start: i64, end: i64) -> TimeRange {
    TimeRange { start: MediaTime::from_ticks(start), end: MediaTime::from_ticks(end) }
}

fn join(range: Option<TimeRange>, start: i64, end: i64) -> TimeRange {
    let new = self::range(start, end);
    range.map_or(new, |old| TimeRange { start: old.start.min(new.start), end: old.end.max(new.end) })
}
