//! What is known of the segment at hand, and what it amounts to.

use super::clock::Clock;
use super::emsg::Emsg;
use super::fragment::Shown;
use super::framer::Head;
use crate::media::TrackKind;
use crate::media::event::SegmentFacts;
use crate::time::{MediaTime, TimeRange};

/// What is known of the segment at hand.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub(super) clock: Option<Clock>,
    /// Event messages without a place.
    pub(super) events: Vec<Emsg>,
    /// Where its first fragment is on the timeline.
    pub(super) start: Option<i64>,
    pub(super) facts: SegmentFacts,
    has_video: bool,
}

impl Segment {
    /// Counts what a track had of a fragment.
    pub(super) fn add(&mut self, shown: &Shown) {
        let losses = &mut self.facts.losses;
        let (range, lost) = match shown.kind {
            TrackKind::Video => (&mut self.facts.video, &mut losses.units_before_start),
            TrackKind::Audio => (&mut self.facts.audio, &mut losses.frames_before_start),
        };
        *lost = lost.saturating_add(shown.lost);
        self.start = self.start.into_iter().chain(shown.starts).min();
        let Some((from, to)) = shown.range else { return };
        let new =
            TimeRange { start: MediaTime::from_ticks(from.max(0)), end: MediaTime::from_ticks(to.max(0)) };
        *range = Some(
            range.map_or(new, |old| TimeRange { start: old.start.min(new.start), end: old.end.max(new.end) }),
        );
        if shown.kind == TrackKind::Video {
            self.facts.key_frames = self.facts.key_frames.saturating_add(shown.keys);
            if !core::mem::replace(&mut self.has_video, true) {
                self.facts.starts_with_key_frame = shown.first_is_key;
            }
        }
    }

    pub(super) fn hold(&mut self, event: Emsg) {
        let held: usize = self.events.iter().map(Emsg::size).sum();
        if self.events.len() < MAX_HELD_EVENTS && held.saturating_add(event.size()) <= MAX_EVENTS {
            self.events.push(event);
        } else {
            self.lose_box();
        }
    }

    pub(super) fn lose_box(&mut self) {
        let lost = &mut self.facts.losses.damaged_boxes;
        *lost = lost.saturating_add(1);
    }

    /// Data that no header speaks of.
    pub(super) fn lose_data(&mut self, head: &Head) {
        let lost = &mut self.facts.losses.garbage_bytes;
        *lost = lost.saturating_add(head.content.unwrap_or(0));
    }

    pub(super) fn facts_with(mut self, length: u64) -> SegmentFacts {
        self.facts.losses.damaged_boxes =
            self.facts.losses.damaged_boxes.saturating_add(self.events.len() as u64);
        self.facts.offset = self.clock.and_then(|clock| clock.offset());
        self.facts.start = self.start.map(MediaTime::from_ticks);
        self.facts.length = length;
        self.facts
    }
}

/// Bytes of event messages that wait for their place.
pub(super) const MAX_EVENTS: usize = 256 << 10;
/// How many may wait.
const MAX_HELD_EVENTS: usize = 256;
