//! The standing of a rung, a rendition or an address that has failed: it is left alone for a while, longer each time,
//! and then gets another chance.
//!
//! Whoever has failed is on probation until something of it comes through: a failure then is not retried.

use core::time::Duration;

use crate::time::{MediaTime, Timestamp};

/// Whether something has failed for good, and what follows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// In a row.
    failures: u32,
    /// It is left alone until then.
    until: Option<Timestamp>,
    /// Where the media lies that it could not give; none: it gave none at all.
    failed_at: Option<MediaTime>,
}

impl Standing {
    /// It failed, with what belongs at this place, or altogether.
    pub(crate) fn fail(&mut self, now: Timestamp, place: Option<MediaTime>) {
        let rest = FIRST_REST.saturating_mul(1 << self.failures.min(8)).min(LONGEST_REST);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + rest);
        self.failed_at = place;
    }

    /// It is of no use here, and will not be.
    pub(crate) fn exclude(&mut self) {
        self.until = Some(Timestamp::ZERO + Duration::MAX);
        self.failed_at = None;
    }

    /// Something of it came through.
    pub(crate) fn prove(&mut self) {
        *self = Self::default();
    }

    /// Gives it another chance if it was left alone for long enough.
    pub(crate) fn forgive(&mut self, now: Timestamp) {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
        }
    }

    /// Whether it is left alone.
    pub(crate) fn rests(&self) -> bool {
        self.until.is_some()
    }

    /// Whether it has failed, and nothing of it came through since.
    pub(crate) fn is_on_probation(&self) -> bool {
        self.failures > 0
    }

    /// Whether it may have what belongs at a place although it is left alone: it failed elsewhere.
    pub(crate) fn may_do_at(&self, place: MediaTime) -> bool {
        self.failed_at.is_some_and(|at| at.abs_diff(place) > SAME_PLACE)
    }
}

const FIRST_REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(600);
/// Rungs do not agree on their borders to the tick.
const SAME_PLACE: MediaTime = MediaTime::from_millis(1000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_is_left_alone_for_longer_and_not_for_ever() {
        let mut standing = Standing::default();
        let mut now = Timestamp::ZERO;
        for seconds in [30, 60, 120, 240, 480, 600, 600] {
            standing.fail(now, None);
            standing.forgive(now + Duration::from_secs(seconds - 1));
            assert!(standing.rests(), "for {seconds} s");
            now = now + Duration::from_secs(seconds);
            standing.forgive(now);
            assert!(!standing.rests() && standing.is_on_probation());
        }
        standing.prove();
        assert!(!standing.is_on_probation());
        standing.fail(now, None);
        standing.forgive(now + FIRST_REST);
        assert!(!standing.rests());
    }

    #[test]
    fn what_failed_at_one_place_may_do_at_another() {
        let mut standing = Standing::default();
        standing.fail(Timestamp::ZERO, Some(MediaTime::from_millis(8000)));
        assert!(!standing.may_do_at(MediaTime::from_millis(8040)));
        assert!(standing.may_do_at(MediaTime::from_millis(12_000)));
        standing.fail(Timestamp::ZERO, None);
        assert!(!standing.may_do_at(MediaTime::from_millis(12_000)));
    }
}
