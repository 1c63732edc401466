//! Clocks and units of time.
//!
//! Two clocks never mix: [`Timestamp`] is the host's monotonic clock (when did it happen), [`MediaTime`]
//! is a place on the presentation timeline (what is shown). Neither converts to the other implicitly.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment on the host's monotonic clock, in microseconds since an origin of the host's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin of the host's clock.
    pub const ZERO: Self = Self(0);

    /// A moment `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A moment `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero when `earlier` is later (a host clock that stepped back does no harm).
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Timestamp {
    /// So much earlier; the beginning at the earliest.
    pub const fn before(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(d.as_micros() as u64))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Ticks a second of [`MediaTime`]: the MPEG-2 system clock's 90 kHz (ISO/IEC 13818-1 §2.4.2.2).
pub const TICKS_PER_SECOND: i64 = 90_000;

/// A place on the presentation timeline, or a length of it, in 90 kHz ticks. Signed: decode times may
/// lie before the start of the presentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MediaTime(i64);

impl MediaTime {
    /// The start of the presentation.
    pub const ZERO: Self = Self(0);
    /// Later than any real place.
    pub const MAX: Self = Self(i64::MAX);

    /// From 90 kHz ticks.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// 90 kHz ticks.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// From seconds, rounded to the nearest tick; not-a-number becomes zero, infinities saturate.
    #[allow(clippy::cast_possible_truncation)] // `as` saturates, which is what is wanted
    pub fn from_secs(secs: f64) -> Self {
        Self((secs * TICKS_PER_SECOND as f64).round() as i64)
    }

    /// Seconds, for display and for APIs that speak in seconds (MSE).
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / TICKS_PER_SECOND as f64
    }

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(TICKS_PER_SECOND / 1000))
    }

    /// As a wall duration; negative lengths become zero.
    pub fn to_duration(self) -> Duration {
        let ticks = u64::try_from(self.0).unwrap_or(0);
        Duration::from_micros(ticks.saturating_mul(100) / 9)
    }

    /// From a wall duration.
    pub fn from_duration(d: Duration) -> Self {
        Self(i64::try_from(d.as_micros().saturating_mul(9) / 100).unwrap_or(i64::MAX))
    }

    /// The distance to `other`, never negative.
    pub const fn abs_diff(self, other: Self) -> Self {
        let d = self.0.saturating_sub(other.0);
        Self(if d < 0 { d.saturating_neg() } else { d })
    }
}

impl Add for MediaTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for MediaTime {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for MediaTime {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for MediaTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_secs())
    }
}

/// A half-open stretch of the presentation timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    /// First place inside.
    pub start: MediaTime,
    /// First place after.
    pub end: MediaTime,
}

impl TimeRange {
    /// Whether `t` lies inside.
    pub fn contains(&self, t: MediaTime) -> bool {
        self.start <= t && t < self.end
    }

    /// `end - start`, never negative.
    pub fn length(&self) -> MediaTime {
        MediaTime::ZERO.max(self.end - self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_time_round_trips_through_seconds_and_durations() {
        for ticks in [0, 1, 89_999, 90_000, 27_000_000_000] {
            let t = MediaTime::from_ticks(ticks);
            assert_eq!(MediaTime::from_secs(t.as_secs()), t);
        }
        assert_eq!(MediaTime::from_duration(Duration::from_millis(40)).ticks(), 3600);
        assert_eq!(MediaTime::from_ticks(3600).to_duration(), Duration::from_millis(40));
        assert_eq!(MediaTime::from_ticks(-5).to_duration(), Duration::ZERO);
        assert_eq!(MediaTime::from_secs(f64::NAN), MediaTime::ZERO);
        assert_eq!(MediaTime::from_secs(f64::INFINITY), MediaTime::MAX);
    }

    #[test]
    fn a_clock_that_steps_back_gives_no_negative_time() {
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
    }
}
