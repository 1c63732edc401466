//! Where the media's own timeline lies on that of the presentation.
//!
//! Unlike the time stamps of a transport stream, `tfdt` does not wrap (in version 0 it does, after 2^32). A track's
//! times are moved by one number as long as the offset stays, rounded once: nothing drifts.

use super::movie::Track;
use crate::media::Anchor;
use crate::time::TICKS_PER_SECOND;

/// The clock of one segment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    /// Waits for a first time, which goes here.
    Pending(i64),
    /// 90 kHz ticks: what is added to the media's times, and about where the segment is.
    Running { offset: i64, expected: Option<i64> },
}

impl Clock {
    pub(super) fn new(anchor: Anchor) -> Self {
        match anchor {
            Anchor::At(time) => Self::Pending(time.ticks()),
            Anchor::Offset { offset, expected } => Self::Running { offset, expected: Some(expected.ticks()) },
        }
    }

    /// Starts a pending clock at this presentation time of a track; says the offset if it did.
    pub(super) fn start(&mut self, time: i64, track: &Track) -> Option<i64> {
        let Self::Pending(at) = *self else { return None };
        let offset = at.saturating_sub(track.ticks(time));
        *self = Self::Running { offset, expected: None };
        Some(offset)
    }

    pub(super) fn offset(&self) -> Option<i64> {
        match *self {
            Self::Pending(_) => None,
            Self::Running { offset, .. } => Some(offset),
        }
    }

    /// About where the segment is in a track's own decode times.
    pub(super) fn expected(&self, track: &Track) -> Option<i64> {
        let Self::Running { offset, expected: Some(expected) } = *self else { return None };
        let shown = rescale(expected.saturating_sub(offset), track.timescale.into(), TICKS_PER_SECOND);
        Some(shown.saturating_add(track.media_time).saturating_sub(track.delay))
    }
}

impl Track {
    /// Own ticks to 90 kHz.
    pub(super) fn ticks(&self, time: i64) -> i64 {
        rescale(time, TICKS_PER_SECOND, self.timescale.into())
    }

    /// What is added to decode times.
    pub(super) fn shift(&self, offset: i64) -> i64 {
        rescale(offset, self.timescale.into(), TICKS_PER_SECOND).saturating_add(self.delay)
    }
}

/// `value * to / from`, to the nearest, for rates of at most 32 bits.
pub(super) fn rescale(value: i64, to: i64, from: i64) -> i64 {
    let from = from.max(1);
    let (whole, rest) = (value.div_euclid(from), value.rem_euclid(from));
    let rest = rest.saturating_mul(to).saturating_add(from / 2) / from;
    whole.saturating_mul(to).saturating_add(rest)
}

/// The time congruent to `time` modulo 2^32 that is closest to `near`.
pub(super) fn unwrap32(time: i64, near: i64) -> i64 {
    const WRAP: i64 = 1 << 32;
    let ahead = time.wrapping_sub(near).rem_euclid(WRAP);
    near.saturating_add(if ahead >= WRAP / 2 { ahead - WRAP } else { ahead }).max(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_round_to_the_nearest() {
        assert_eq!(rescale(1024, 90_000, 48_000), 1920);
        assert_eq!(rescale(1, 90_000, 44_100), 2);
        assert_eq!(rescale(-1, 90_000, 44_100), -2);
        assert_eq!(rescale(-90_000, 12_800, 90_000), -12_800);
        assert_eq!(rescale(i64::MAX, 90_000, 1), i64::MAX);
    }

    #[test]
    fn a_short_clock_wraps() {
        assert_eq!(unwrap32(5, 3), 5);
        assert_eq!(unwrap32(5, (1 << 32) + 100), (1 << 32) + 5);
        assert_eq!(unwrap32((1 << 32) - 5, (1 << 33) + 7), (1 << 33) - 5);
        assert_eq!(unwrap32((1 << 32) - 5, 7), (1 << 32) - 5, "never before the time itself");
    }
}
