//! From the 33-bit clock of a stream to the presentation timeline.

use crate::time::MediaTime;

/// How a segment's time stamps are placed on the presentation timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Not known yet: the segment's first video time stamp (its first audio one, where there is no video) is
    /// placed here, and the offset that results is reported by [`MediaEvent::Timeline`](super::MediaEvent).
    At(MediaTime),
    /// Known from an earlier segment of the same discontinuity sequence, of this rung or another.
    Offset {
        /// Added to unwrapped time stamps, in 90 kHz ticks.
        offset: i64,
        /// About where the segment belongs, which says how often the 33 bits have wrapped: off by less than
        /// 13 hours is enough.
        expected: MediaTime,
    },
}

/// When an access unit is shown and decoded, in 90 kHz ticks of the presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) pts: i64,
    pub(super) dts: i64,
}

/// The clock of one segment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timeline {
    /// Waits for a first time stamp.
    Pending(MediaTime),
    /// `near` is an unwrapped time close to all of the segment's. It stays where it is: a time stamp that is
    /// wrong then spoils no other.
    Running { near: i64, offset: i64 },
}

impl Timeline {
    pub(super) fn new(anchor: Anchor) -> Self {
        match anchor {
            Anchor::At(time) => Self::Pending(time),
            Anchor::Offset { offset, expected } => {
                Self::Running { near: expected.ticks().saturating_sub(offset), offset }
            }
        }
    }

    /// Starts a pending clock at `pts`; says the offset if it did.
    pub(super) fn start(&mut self, pts: u64) -> Option<i64> {
        let Self::Pending(at) = *self else { return None };
        let near = unwrap(pts, 0);
        let offset = at.ticks().saturating_sub(near);
        *self = Self::Running { near, offset };
        Some(offset)
    }

    /// What is added to unwrapped time stamps.
    pub(super) fn offset(&self) -> Option<i64> {
        match *self {
            Self::Pending(_) => None,
            Self::Running { offset, .. } => Some(offset),
        }
    }

    /// Where 33-bit time stamps lie in the presentation; `None` while the clock is pending.
    pub(super) fn place(&self, pts: u64, dts: Option<u64>) -> Option<Stamp> {
        let Self::Running { near, offset } = *self else { return None };
        let pts = unwrap(pts, near);
        let dts = dts.map_or(pts, |dts| unwrap(dts, pts));
        Some(Stamp { pts: pts.saturating_add(offset), dts: dts.saturating_add(offset) })
    }
}

/// The time congruent to `stamp` modulo 2^33 that is closest to `near`.
fn unwrap(stamp: u64, near: i64) -> i64 {
    let stamp = i64::try_from(stamp & (WRAP as u64 - 1)).unwrap_or(0);
    let ahead = stamp.wrapping_sub(near).rem_euclid(WRAP);
    near.saturating_add(if ahead >= WRAP / 2 { ahead - WRAP } else { ahead })
}

/// Time stamps have 33 bits (ISO/IEC 13818-1 §2.4.3.7).
const WRAP: i64 = 1 << 33;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_stamp_goes_to_the_anchor() {
        let mut timeline = Timeline::new(Anchor::At(MediaTime::from_ticks(500)));
        assert_eq!(timeline.place(900_000, None), None);
        let first: u64 = (1 << 33) - 100;
        assert_eq!(timeline.start(first), Some(600));
        assert_eq!(timeline.start(7), None, "it starts once");
        assert_eq!(timeline.place(first, None).unwrap().pts, 500);
        // 100 ticks later the 33 bits have wrapped; the decoding time has not.
        assert_eq!(timeline.place(0, Some(first)), Some(Stamp { pts: 600, dts: 500 }));
        assert_eq!(timeline.place(first - 50, None).unwrap().pts, 450);
    }

    #[test]
    fn a_known_offset_finds_its_epoch() {
        // Three wraps into a stream that began with time stamp 900_000 at presentation time 0.
        for wraps in 0..4 {
            let expected = MediaTime::from_ticks(wraps * WRAP + 123 - 900_000);
            let timeline = Timeline::new(Anchor::Offset { offset: -900_000, expected });
            assert_eq!(timeline.place(123 + 45, None).unwrap().pts, expected.ticks() + 45);
            assert_eq!(timeline.offset(), Some(-900_000));
        }
    }
}
