//! Replacing what is buffered ahead of the playhead by a better rung, when that pays.
//!
//! Once as much is buffered as is to be, a network that carries far more than what was loaded while it was slow, or was
//! not known yet, has nothing to do. What is loaded again was loaded in vain before, and is reported as such; so only
//! media is replaced that is far enough ahead to be in long before it is played, and by something visibly better.

use crate::time::{MediaTime, Timestamp};

use super::lane::LaneId;
use super::{Engine, Stage};

impl Engine {
    /// The place of a segment worth replacing, and the rung to replace it by.
    pub(super) fn worth_replacing(&mut self, now: Timestamp) -> Option<(MediaTime, usize)> {
        let is_wanted = !self.is_live && self.held_rung.is_none() && self.playhead.has_started();
        if !is_wanted || self.limits.saves_data || self.loading_paused {
            return None;
        }
        // A network that has become fast shows so in little time, which hardly moves an average over time.
        let last = self.history.downloads_since(self.history.downloads().saturating_sub(1)).last()?;
        let rate = last.bytes as f64 * 8.0 / (last.latency + last.time).as_secs_f64().max(1e-3);
        let wanted = self.choose_rung(now);
        let Stage::Open(catalog) = &self.stage else { return None };
        let media = catalog.media(LaneId::Main, wanted)?;
        let rate_of = |rung: usize| catalog.ladder().get(rung).map_or(0.0, |rung| rung.rate());
        if rate < rate_of(wanted) * SPARE {
            return None;
        }
        let place = self.playhead.place();
        let segment = catalog.segment_length();
        let safe = place + SAFE.max(segment + segment);
        let end = place + self.ahead(LaneId::Main);
        // Each is tried once, in order: one that turns out not to fill its place would be tried for ever.
        let from = safe.max(self.replaced_to);
        let at = |place| place + self.lanes.main.drift_for(place, false);
        let segments = media.playlist.segments.iter().filter(|s| at(s.start()) >= from && !s.gap);
        // To the very end: what comes behind it goes on from it.
        let candidates = segments.take_while(|s| at(s.end()) <= end);
        candidates
            .into_iter()
            .find(|s| {
                let rung = self.playhead.rung_at(at(s.start()) + HALF_A_SECOND);
                rung.is_some_and(|rung| rung < wanted && rate_of(wanted) >= rate_of(rung) * BETTER)
            })
            .map(|s| (at(s.start()), wanted))
    }

    /// A segment that was to replace another is not waited for when that is about to play, or when it takes so long that
    /// the buffer shrinks.
    pub(super) fn keep_what_plays(&mut self, now: Timestamp, target: MediaTime) {
        let segment =
            if let Stage::Open(catalog) = &self.stage { catalog.segment_length() } else { TOO_LATE };
        let shrinks = self.ahead(LaneId::Main) + segment < self.goal(now);
        if shrinks || target - self.playhead.place() < TOO_LATE {
            self.abandon_segment(now, LaneId::Main);
        }
    }
}

/// What is so close to the playhead is not replaced any more.
const TOO_LATE: MediaTime = MediaTime::from_millis(2000);
/// The network carries so many times what the better rung takes: loading it is done in a third of its time.
const SPARE: f64 = 3.0;
/// What replaces it takes so many times the rate.
const BETTER: f64 = 1.4;
/// What will play sooner than this stays.
const SAFE: MediaTime = MediaTime::from_millis(8000);
/// Rungs do not agree on their borders to the tick.
const HALF_A_SECOND: MediaTime = MediaTime::from_millis(500);
