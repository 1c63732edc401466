//! Where the native component is and what it does, as far as its events tell.
//!
//! Components say less than a media element: most have neither `playing` nor `seeking`, and all keep silent about what a
//! viewer does with their own controls. So a picture moves when the position does, and a seek is a position that time alone
//! does not lead to.

use core::time::Duration;

use crate::time::{MediaTime, Timestamp};

/// The component, as it was last known to stand.
#[derive(Debug)]
pub(super) struct Playhead {
    pub(super) position: MediaTime,
    /// When that was.
    updated: Timestamp,
    /// `None`: not known, or without end.
    pub(super) duration: Option<MediaTime>,
    /// Playing is wished for.
    pub(super) wants: bool,
    /// When that changed last.
    pub(super) wished: Timestamp,
    pub(super) rate: f64,
    /// The picture moves.
    pub(super) moving: bool,
    /// It ran out of data then.
    pub(super) waiting: Option<Timestamp>,
    pub(super) ended: bool,
    /// A seek is under way: where to, and since when.
    seek: Option<(MediaTime, Timestamp)>,
    arrival: Option<Arrival>,
    /// Nothing that it said of what it plays has an end.
    is_live: bool,
}

/// A source was handed over, and its picture does not move yet.
#[derive(Debug)]
struct Arrival {
    since: Timestamp,
    /// It knows what it is to play.
    loaded: bool,
    /// It was sent to the place that it did not go to by itself.
    corrected: Option<Timestamp>,
    last: Option<MediaTime>,
}

/// What a position means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Still,
    /// The picture moves.
    On,
    /// For the first time since the source was handed over.
    Arrived,
    /// The source began elsewhere than it was told to.
    Astray,
    /// The seek that was asked for is over.
    Sought,
    /// The viewer went there by the component's own controls.
    Jumped,
}

impl Playhead {
    /// Nothing plays; it is to begin there.
    pub(super) fn new(start: MediaTime, now: Timestamp) -> Self {
        Self {
            position: start,
            updated: now,
            duration: None,
            wants: false,
            wished: now,
            rate: 1.0,
            moving: false,
            waiting: None,
            ended: false,
            seek: None,
            arrival: None,
            is_live: false,
        }
    }

    /// Another source is handed over, which goes on at the result; `ends`: others know that it has an end.
    pub(super) fn leaves(&mut self, now: Timestamp, ends: bool) -> MediaTime {
        if core::mem::take(&mut self.is_live) && !ends {
            self.position = MediaTime::ZERO;
        }
        self.arrival = Some(Arrival { since: now, loaded: false, corrected: None, last: None });
        (self.moving, self.waiting, self.seek, self.ended) = (false, None, None, false);
        self.position
    }

    /// It has begun, or not since then.
    pub(super) fn arriving(&self) -> bool {
        self.arrival.is_some()
    }

    /// What it says now is of a source that it still loads: it pauses and waits because of that alone.
    pub(super) fn is_loading(&self) -> bool {
        self.arrival.as_ref().is_some_and(|arrival| !arrival.loaded)
    }

    /// The viewer waits for it from now on.
    pub(super) fn watched(&mut self, now: Timestamp) {
        if let Some(arrival) = &mut self.arrival {
            arrival.since = now;
        }
    }

    /// It knows what it is to play.
    pub(super) fn loaded(&mut self, duration: Option<MediaTime>) {
        self.lasts(duration);
        self.is_live = self.duration.is_none();
        if let Some(arrival) = &mut self.arrival {
            arrival.loaded = true;
        }
    }

    /// It said how long that is, or did not: one that is asked too early has not known yet.
    pub(super) fn lasts(&mut self, duration: Option<MediaTime>) {
        if duration.is_some() {
            (self.duration, self.is_live) = (duration, false);
        }
    }

    /// Goes elsewhere, or what it loads begins there.
    pub(super) fn seeks(&mut self, now: Timestamp, to: MediaTime) {
        self.position = to;
        self.ended = false;
        if let Some(arrival) = &mut self.arrival {
            (arrival.last, arrival.corrected) = (None, None);
            return;
        }
        self.seek = Some((to, now));
        (self.moving, self.waiting) = (false, None);
    }

    /// A seek is under way.
    pub(super) fn is_seeking(&self) -> bool {
        self.seek.is_some()
    }

    /// The seek is over; `false`: there was none.
    pub(super) fn sought(&mut self) -> bool {
        self.seek.take().is_some()
    }

    /// The wish to play, or not to.
    pub(super) fn wishes(&mut self, now: Timestamp, play: bool) -> bool {
        let changes = self.wants != play;
        if changes {
            (self.wants, self.wished) = (play, now);
        }
        if !play {
            (self.moving, self.waiting) = (false, None);
        }
        changes
    }

    /// When it was last known to move, if that is long ago and it never said that it stopped.
    pub(super) fn silent_since(&self, now: Timestamp) -> Option<Timestamp> {
        (self.moving && now.since(self.updated) >= SILENCE).then_some(self.updated)
    }

    /// Since when it does nothing although it should, if that is so.
    pub(super) fn stuck_since(&self) -> Option<Timestamp> {
        let loading = self.arrival.as_ref().filter(|arrival| !arrival.loaded).map(|arrival| arrival.since);
        self.waiting.or(loading).filter(|_| self.wants)
    }

    /// It is there now.
    pub(super) fn time_update(&mut self, now: Timestamp, position: MediaTime) -> Step {
        if let Some(arrival) = &mut self.arrival {
            let last = arrival.last.replace(position);
            // One that is paused at its place is a little off it, and does not move.
            let moves = last.map_or(self.wants && position > self.position, |last| position > last);
            // Where a component seeks to the key frame before a place, it is a segment off at most.
            let reached = position + SEGMENT >= self.position && position <= self.position + SEGMENT;
            let at_start = position <= NEAR && self.position > NEAR + NEAR;
            let astray = !reached || at_start;
            if !moves {
                return Step::Still;
            }
            match arrival.corrected {
                None if astray => {
                    arrival.corrected = Some(now);
                    arrival.last = None;
                    return Step::Astray;
                }
                Some(since) if astray && now.since(since) < PATIENCE => return Step::Still,
                _ => {}
            }
            self.arrival = None;
            (self.position, self.updated) = (position, now);
            return Step::Arrived;
        }
        if let Some((to, since)) = self.seek {
            if position.abs_diff(to) > NEAR && now.since(since) < PATIENCE {
                return Step::Still;
            }
            self.seek = None;
            (self.position, self.updated) = (position, now);
            return Step::Sought;
        }
        let (before, elapsed) = (self.position, now.since(self.updated));
        (self.position, self.updated) = (position, now);
        let ahead = MediaTime::from_duration(elapsed.mul_f64(self.rate.clamp(0.1, 16.0)));
        if position > before + ahead + NEAR {
            return Step::Jumped;
        }
        if position + NEAR < before {
            // From the end to the beginning: it plays in a loop.
            let looped = self.duration.is_some_and(|end| before + NEAR >= end) && position <= NEAR;
            return if looped { Step::On } else { Step::Jumped };
        }
        if position > before { Step::On } else { Step::Still }
    }
}

/// Positions that are so near are the same, for what a component says four times a second.
const NEAR: MediaTime = MediaTime::from_millis(1500);
/// Components say where they are four times a second, some once.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a segment may be.
const SEGMENT: MediaTime = MediaTime::from_millis(12_000);
/// A component that is not where it was sent after so long will not go there.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn media(ms: i64) -> MediaTime {
        MediaTime::from_millis(ms)
    }

    /// One that has begun at 10 s, at 1 s on the clock.
    fn playing() -> Playhead {
        let mut playhead = Playhead::new(media(10_000), at(0));
        playhead.wishes(at(0), true);
        assert_eq!(playhead.leaves(at(0), false), media(10_000));
        playhead.loaded(Some(media(60_000)));
        assert_eq!(playhead.time_update(at(750), media(10_000)), Step::Still);
        assert_eq!(playhead.time_update(at(1000), media(10_250)), Step::Arrived);
        playhead
    }

    #[test]
    fn a_picture_moves_when_the_position_does() {
        let mut playhead = playing();
        assert_eq!(playhead.time_update(at(1250), media(10_500)), Step::On);
        assert_eq!(playhead.time_update(at(1500), media(10_500)), Step::Still);
        assert_eq!(playhead.time_update(at(9000), media(11_000)), Step::On, "after waiting");
        playhead.rate = 2.0;
        assert_eq!(playhead.time_update(at(11_000), media(15_000)), Step::On);
    }

    #[test]
    fn a_position_that_time_does_not_lead_to_is_the_viewers() {
        let mut playhead = playing();
        assert_eq!(playhead.time_update(at(1250), media(30_000)), Step::Jumped);
        assert_eq!(playhead.time_update(at(1500), media(2_000)), Step::Jumped);
        assert_eq!(playhead.time_update(at(1750), media(2_250)), Step::On);
        let mut at_the_end = playing();
        assert_eq!(at_the_end.time_update(at(1250), media(59_900)), Step::Jumped);
        assert_eq!(at_the_end.time_update(at(1500), media(100)), Step::On, "a loop is no seek");
    }

    #[test]
    fn a_seek_lasts_until_the_position_is_near_its_target() {
        let mut playhead = playing();
        playhead.seeks(at(1250), media(40_000));
        assert_eq!(playhead.time_update(at(1300), media(10_600)), Step::Still, "said before it went");
        assert_eq!(playhead.position, media(40_000));
        assert_eq!(playhead.time_update(at(1500), media(39_500)), Step::Sought);
        assert_eq!(playhead.time_update(at(1750), media(39_750)), Step::On);
    }

    #[test]
    fn a_source_that_begins_elsewhere_is_sent_where_it_belongs_once() {
        let mut playhead = playing();
        playhead.leaves(at(2000), false);
        playhead.loaded(Some(media(60_000)));
        assert_eq!(playhead.time_update(at(3000), media(0)), Step::Still);
        assert_eq!(playhead.time_update(at(3250), media(250)), Step::Astray);
        assert_eq!(playhead.time_update(at(3500), media(500)), Step::Still);
        assert_eq!(playhead.time_update(at(3750), media(10_300)), Step::Arrived);

        playhead.leaves(at(4000), false);
        assert_eq!(playhead.time_update(at(5000), media(0)), Step::Still);
        assert_eq!(playhead.time_update(at(5250), media(250)), Step::Astray);
        assert_eq!(playhead.time_update(at(15_000), media(500)), Step::Still);
        assert_eq!(playhead.time_update(at(15_200), media(700)), Step::Still, "it may still go there");
        assert_eq!(playhead.time_update(at(15_300), media(800)), Step::Arrived);
    }

    #[test]
    fn what_has_no_end_begins_anew_where_it_is_and_what_has_one_goes_on() {
        let begun = || {
            let mut playhead = Playhead::new(media(10_000), at(0));
            playhead.leaves(at(0), false);
            playhead.loaded(None);
            playhead
        };
        assert_eq!(begun().leaves(at(2000), false), MediaTime::ZERO);
        assert_eq!(begun().leaves(at(2000), true), media(10_000), "play info knows better");
        let mut later = begun();
        later.lasts(Some(media(60_000)));
        assert_eq!(later.leaves(at(2000), false), media(10_000), "it said so later");
        later.loaded(None);
        assert_eq!(later.leaves(at(3000), false), media(10_000), "it knew before");
    }

    #[test]
    fn one_that_is_paused_a_little_off_its_place_does_not_move() {
        let mut playhead = playing();
        playhead.wishes(at(1500), false);
        playhead.leaves(at(2000), false);
        playhead.loaded(Some(media(60_000)));
        assert_eq!(playhead.time_update(at(3000), media(10_500)), Step::Still);
        assert_eq!(playhead.time_update(at(3250), media(10_500)), Step::Still);
    }

    #[test]
    fn a_seek_while_a_source_loads_is_where_that_begins() {
        let mut playhead = playing();
        playhead.leaves(at(2000), false);
        playhead.seeks(at(2100), media(50_000));
        assert_eq!(playhead.time_update(at(3000), media(10_250)), Step::Still);
        assert_eq!(playhead.time_update(at(3250), media(10_500)), Step::Astray);
        assert_eq!(playhead.stuck_since(), Some(at(2000)));
    }
}
