//! The times of a video stream as they go into its track.
//!
//! **Decode times.** MP4 decode times cannot be negative, yet a stream that starts at presentation time zero and
//! has B-frames is decoded from before zero on. Decode times before zero become 0, 1, 2 ... ticks, in one
//! fragment each, so that durations and presentation times stay exact; all others are the stream's own. (Moving
//! all decode times by one constant would be as good for browsers, but libav then shows video late.)
//!
//! **Units left out.** Where units are left out behind one that has gone out already, decode times would leap, and
//! Media Source Extensions take a leap of more than two frames for a place where everything up to the next key frame
//! has to go. So the decode times behind it lag, and catch up by a frame with each frame.

use crate::media::timeline::Stamp;
use crate::time::TICKS_PER_SECOND;

/// One video track's times, in 90 kHz ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// The next unit is not decoded before.
    floor: i64,
    /// Nor after, where units were left out.
    ceiling: i64,
    lags: bool,
    /// Duration of the last unit whose duration was measured.
    duration: Option<u32>,
    /// Duration of a unit, where the parameter sets say it.
    pub(super) nominal: Option<u32>,
    /// The last unit's own time stamps.
    pub(super) last: Option<Stamp>,
    /// When the last key frame is shown.
    pub(super) key_pts: i64,
}

/// Where a unit goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) dts: i64,
    pub(super) pts: i64,
    pub(super) duration: u32,
    /// Time jumps behind the unit.
    pub(super) jumps: bool,
    /// The next unit is decoded where this one ends.
    pub(super) goes_on: bool,
}

impl Clock {
    /// The same stream, at another place.
    pub(super) fn reset(&mut self) {
        *self = Self { nominal: self.nominal, ..Self::default() };
    }

    /// Places a unit; `next` are the time stamps of the one after it, if there is one.
    pub(super) fn place(&mut self, stamp: Stamp, next: Option<Stamp>) -> Place {
        let mut dts = stamp.dts.max(self.floor);
        if self.lags {
            self.lags = dts > self.ceiling;
            dts = dts.min(self.ceiling.max(self.floor));
        }
        let (duration, jumps) = self.measure(stamp, next);
        let length = i64::from(duration);
        self.floor = if jumps { 0 } else { dts.saturating_add(1) };
        self.ceiling = dts.saturating_add(length.saturating_mul(2));
        self.lags &= !jumps;
        let end = dts.saturating_add(length);
        let goes_on = next.is_some_and(|next| next.dts.max(self.floor) == end);
        Place { dts, pts: stamp.pts.max(0), duration, jumps, goes_on }
    }

    /// A unit is left out behind the one that was placed last.
    pub(super) fn leave_out(&mut self) {
        self.lags = self.floor > 0;
    }

    /// The time stamps of a unit that has none, from those of the one before, which may be a field.
    pub(super) fn after(&self, stamp: Stamp, field: bool) -> Stamp {
        let step = self.frame() / if field { 2 } else { 1 };
        Stamp { pts: stamp.pts.saturating_add(step), dts: stamp.dts.saturating_add(step) }
    }

    /// What a frame lasts where no time stamps say it.
    pub(super) fn frame(&self) -> i64 {
        i64::from(self.nominal.unwrap_or_else(|| self.usual_duration()))
    }

    /// What a unit lasts whose end is not known.
    pub(super) fn usual_duration(&self) -> u32 {
        self.duration.or(self.nominal).unwrap_or(DEFAULT_DURATION)
    }

    /// The duration of a unit, and whether time jumps behind it.
    fn measure(&mut self, stamp: Stamp, next: Option<Stamp>) -> (u32, bool) {
        let Some(next) = next else { return (self.usual_duration(), false) };
        match next.dts.saturating_sub(stamp.dts) {
            distance @ 1..=MAX_DURATION => {
                let duration = u32::try_from(distance).unwrap_or(1);
                self.duration = Some(duration);
                (duration, false)
            }
            // Time stands still, or goes back a little where a muxer leaves decode times out.
            distance if (-MAX_STEP_BACK..=0).contains(&distance) => (1, false),
            _ => (self.usual_duration(), true),
        }
    }
}

/// Ticks: 30 frames a second.
const DEFAULT_DURATION: u32 = 3000;
/// Ticks that a picture stands, at most: slides of a screen recording stand long.
const MAX_DURATION: i64 = 30 * TICKS_PER_SECOND;
/// Ticks that a decode time may go back without being a jump.
const MAX_STEP_BACK: i64 = TICKS_PER_SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(time: i64) -> Stamp {
        Stamp { pts: time, dts: time }
    }

    #[test]
    fn decode_times_before_zero_are_squeezed_and_durations_stay() {
        let mut clock = Clock::default();
        let placed: Vec<_> = [-20, -10, 0, 10, 20]
            .map(|time| clock.place(stamp(time), Some(stamp(time + 10))))
            .map(|place| (place.dts, place.duration, place.goes_on))
            .into();
        assert_eq!(placed, [(0, 10, false), (1, 10, false), (2, 10, false), (10, 10, true), (20, 10, true)]);
    }

    #[test]
    fn decode_times_catch_up_after_units_that_were_left_out() {
        let mut clock = Clock::default();
        clock.place(stamp(100), Some(stamp(110)));
        for _ in 0..3 {
            clock.leave_out();
        }
        let placed: Vec<_> =
            (14..20).map(|n| clock.place(stamp(n * 10), Some(stamp(n * 10 + 10))).dts).collect();
        assert_eq!(placed, [120, 140, 160, 170, 180, 190]);
    }

    #[test]
    fn a_leap_in_the_stream_itself_stays() {
        let mut clock = Clock::default();
        let far = 40 * TICKS_PER_SECOND;
        assert!(clock.place(stamp(100), Some(stamp(far))).jumps);
        assert_eq!(clock.place(stamp(far), None).dts, far);
        assert!(clock.place(stamp(far), Some(stamp(100))).jumps);
        assert_eq!(clock.place(stamp(100), None).dts, 100);
    }
}
