//! The media element as the engine knows it, and which rung and rendition of the sound are under the playhead.

use std::collections::VecDeque;

use crate::time::{MediaTime, TimeRange};

use super::io::ElementState;
use super::lane::LaneId;

/// What each stretch of loaded media is of.
#[derive(Debug, Default)]
struct Stretches {
    /// In load order: later loads replace earlier ones.
    loaded: VecDeque<(TimeRange, usize)>,
    /// What was last reported as playing.
    playing: Option<usize>,
}

/// The playhead.
#[derive(Debug, Default)]
pub(crate) struct Playhead {
    pub(crate) state: ElementState,
    rungs: Stretches,
    sounds: Stretches,
    /// What each segment took that came through, of each lane.
    segments: VecDeque<(LaneId, TimeRange, u64)>,
    /// Where the session is sending the element; what it says of its position until it seeks there is out of date.
    heading: Option<MediaTime>,
    /// That is a step of the session's own, and the element has not answered it yet.
    steps: bool,
    /// What the element says of its position is of the source before.
    left: bool,
    /// A frame was shown.
    started: bool,
}

impl Playhead {
    /// Before the element says anything, on its way to `start`.
    pub(crate) fn at(start: MediaTime) -> Self {
        Self {
            state: ElementState { paused: true, rate: 1.0, ..ElementState::default() },
            heading: (start > MediaTime::ZERO).then_some(start),
            ..Self::default()
        }
    }

    /// The session sends the element there.
    pub(crate) fn heads_for(&mut self, place: MediaTime) {
        (self.heading, self.steps, self.left) = (Some(place), false, false);
    }

    /// The session steps on to there.
    pub(crate) fn steps_to(&mut self, place: MediaTime) {
        self.heads_for(place);
        self.steps = true;
    }

    /// Whether a step is under way. An element without metadata does not answer any.
    pub(crate) fn is_stepping(&self) -> bool {
        self.steps && self.state.ready_state >= HAVE_METADATA
    }

    /// The element has a place in the source before, which says nothing of where it is to be in this one.
    pub(crate) fn leaves(&mut self) {
        (self.heading, self.steps, self.left) = (None, false, true);
    }

    /// Whether it has, and was not sent anywhere yet.
    pub(crate) fn has_left(&self) -> bool {
        self.left
    }

    /// The element seeks, to wherever it says.
    pub(crate) fn arrived(&mut self) {
        (self.heading, self.steps, self.left) = (None, false, false);
    }

    /// A frame was shown.
    pub(crate) fn starts(&mut self) {
        self.started = true;
    }

    /// Whether a frame was shown yet.
    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// Where the session is sending the element, if it has not gone there yet.
    pub(crate) fn heading(&self) -> Option<MediaTime> {
        self.heading
    }

    /// Where playback is, or is about to be.
    pub(crate) fn place(&self) -> MediaTime {
        let position = if self.left { MediaTime::ZERO } else { self.state.position };
        self.heading.unwrap_or(position)
    }

    /// Media of this rung was handed to the sink for this stretch.
    pub(crate) fn loaded(&mut self, range: TimeRange, rung: usize) {
        self.rungs.loaded(range, rung);
    }

    /// Sound of this rendition was handed to the sink for this stretch.
    pub(crate) fn sound_loaded(&mut self, range: TimeRange, audio: usize) {
        self.sounds.loaded(range, audio);
    }

    /// The rung under the playhead, if it is another one than when last asked.
    pub(crate) fn rung_change(&mut self) -> Option<usize> {
        self.rungs.change(self.state.position)
    }

    /// The rendition of the sound under the playhead, if it is another one than when last asked.
    pub(crate) fn sound_change(&mut self) -> Option<usize> {
        self.sounds.change(self.state.position)
    }

    /// The rung under the playhead.
    pub(crate) fn rung(&self) -> Option<usize> {
        self.rungs.at(self.state.position)
    }

    /// The rung of what was loaded for a place.
    pub(crate) fn rung_at(&self, place: MediaTime) -> Option<usize> {
        self.rungs.at(place)
    }

    /// What the sink held is gone.
    pub(crate) fn forget_media(&mut self) {
        self.rungs = Stretches::default();
        self.sounds = Stretches::default();
        self.segments.clear();
    }

    /// A segment came through that took so many bytes. The result is the bytes of those that it replaces, unplayed.
    pub(crate) fn segment_loaded(&mut self, lane: LaneId, range: TimeRange, bytes: u64) -> u64 {
        let (place, half) = (self.place(), (range.end - range.start).ticks() / 2);
        let mut lost = 0;
        self.segments.retain(|(of, old, bytes)| {
            let common = old.end.min(range.end) - old.start.max(range.start);
            let replaced = *of == lane && common.ticks() > half;
            if replaced && old.start > place {
                lost += bytes;
            }
            !replaced
        });
        if self.segments.len() >= MAX_STRETCHES {
            self.segments.pop_front();
        }
        self.segments.push_back((lane, range, bytes));
        lost
    }

    /// Whether the element waits for media that is not there although it should play.
    pub(crate) fn is_starved(&self) -> bool {
        self.state.ready_state < HAVE_FUTURE_DATA && (!self.state.paused || self.state.seeking)
    }
}

impl Stretches {
    fn loaded(&mut self, range: TimeRange, of: usize) {
        if let Some((last, last_of)) = self.loaded.back_mut()
            && *last_of == of
            && last.end.abs_diff(range.start) <= JOIN
        {
            last.end = range.end;
            return;
        }
        if self.loaded.len() >= MAX_STRETCHES {
            self.loaded.pop_front();
        }
        self.loaded.push_back((range, of));
    }

    fn at(&self, t: MediaTime) -> Option<usize> {
        self.loaded.iter().rev().find(|(range, _)| range.contains(t)).map(|(_, of)| *of)
    }

    fn change(&mut self, t: MediaTime) -> Option<usize> {
        let now = self.at(t)?;
        (self.playing.replace(now) != Some(now)).then_some(now)
    }
}

const HAVE_METADATA: u8 = 1;
const HAVE_FUTURE_DATA: u8 = 3;
/// Fragments this close are one stretch.
const JOIN: MediaTime = MediaTime::from_millis(50);
const MAX_STRETCHES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_loaded_last_is_what_plays_and_a_change_is_told_once() {
        let ms = MediaTime::from_millis;
        let mut p = Playhead::default();
        assert_eq!(p.rung_change(), None);
        p.loaded(TimeRange { start: ms(0), end: ms(4000) }, 1);
        p.loaded(TimeRange { start: ms(4000), end: ms(8000) }, 1);
        p.loaded(TimeRange { start: ms(4000), end: ms(8000) }, 3);
        assert_eq!(p.rung_change(), Some(1));
        assert_eq!(p.rung_change(), None);
        p.state.position = ms(5000);
        assert_eq!(p.rung_change(), Some(3));
    }
}
