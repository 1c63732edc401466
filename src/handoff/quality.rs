//! Which rung plays: the first, and when another one takes its place.
//!
//! A change hands the native component another address, which the viewer sees. So there are few: down after a stall that
//! does not end or the second one in a while, up after calm, never two within [`BETWEEN`]. A rung that stalled soon after the
//! step up to it makes the next calm longer.

use core::time::Duration;

use crate::time::Timestamp;

use super::io::Why;
use super::ladder::Ladder;
use super::network::carries;

/// The choice for one source.
#[derive(Debug, Default)]
pub(super) struct Quality {
    /// What the page holds.
    held: Option<usize>,
    current: usize,
    /// When it was changed last, and whether by a step up.
    changed: Option<(Timestamp, bool)>,
    /// The stall before this one.
    stalled: Option<Timestamp>,
    /// Since when nothing stalls.
    calm_since: Option<Timestamp>,
    /// Steps up that came to nothing, in a row.
    failed_ups: u32,
}

impl Quality {
    /// Held by the page, or to be chosen.
    pub(super) fn new(held: Option<usize>) -> Self {
        Self { held, ..Self::default() }
    }

    /// The page's choice.
    pub(super) fn held(&self) -> Option<usize> {
        self.held
    }

    /// The rung that plays.
    pub(super) fn current(&self) -> usize {
        self.current
    }

    /// Another source, by the same choice.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.held);
    }

    /// The first rung: the page's, else the highest that a network of this rate carries.
    pub(super) fn start(&mut self, ladder: &Ladder, rate: u64) {
        let top = ladder.len().saturating_sub(1);
        let fits = (0..ladder.len()).rev().find(|&rung| carries(rate, ladder.bandwidth(rung)));
        self.current = self.held.map_or(fits.unwrap_or(0), |held| held.min(top));
    }

    /// The page holds a rung, or lets go. Says whether another one is to play.
    pub(super) fn hold(&mut self, now: Timestamp, held: Option<usize>, ladder: Option<&Ladder>) -> bool {
        self.held = held;
        self.calm_since = self.calm_since.map(|_| now);
        let Some((ladder, held)) = ladder.zip(held) else { return false };
        let wanted = held.min(ladder.len().saturating_sub(1));
        core::mem::replace(&mut self.current, wanted) != wanted
    }

    /// It plays.
    pub(super) fn plays(&mut self, now: Timestamp) {
        self.calm_since.get_or_insert(now);
    }

    /// It does not, for another reason than a stall; calm begins anew.
    pub(super) fn rests(&mut self) {
        self.calm_since = None;
    }

    /// For how long it has played without a stall.
    pub(super) fn calm(&self, now: Timestamp) -> Duration {
        self.calm_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// The rung below, if the page lets the session choose and the last change is long enough ago; `since`: when the stall
    /// began that is under way.
    pub(super) fn step_down(
        &mut self,
        now: Timestamp,
        since: Timestamp,
        ladder: &Ladder,
        rate: u64,
    ) -> Option<Why> {
        let second = self.stalled.is_some_and(|before| since.since(before) <= WINDOW);
        if self.held.is_some() || self.current == 0 || !self.may_change(now) {
            return None;
        }
        if !second && now.since(since) < LONG_STALL {
            return None;
        }
        let below = self.current - 1;
        let fits = (0..below).rev().find(|&rung| carries(rate, ladder.bandwidth(rung)));
        let is_known = ladder.bandwidth(below) > 0 && !carries(rate, ladder.bandwidth(below));
        let failed_up = self.changed.is_some_and(|(at, up)| up && since.since(at) <= FAILED_UP);
        self.failed_ups = if failed_up { self.failed_ups.saturating_add(1) } else { self.failed_ups };
        self.change(now, if is_known { fits.unwrap_or(0) } else { below }, false);
        Some(Why::Down)
    }

    /// The rung below, because this one failed for good.
    pub(super) fn fall_back(&mut self, now: Timestamp) -> bool {
        let can = self.held.is_none() && self.current > 0;
        if can {
            self.change(now, self.current - 1, false);
        }
        can
    }

    /// A stall of more than the least length is over.
    pub(super) fn stalled(&mut self, since: Timestamp) {
        self.stalled = Some(since);
        self.calm_since = None;
    }

    /// The rung above, after calm.
    pub(super) fn step_up(&mut self, now: Timestamp, ladder: &Ladder) -> Option<Why> {
        let above = self.current + 1;
        let is_due = self.calm(now) >= self.calm_needed() && self.may_change(now);
        if self.held.is_some() || above >= ladder.len() || !is_due {
            return None;
        }
        if self.changed.is_some_and(|(at, up)| up && now.since(at) > FAILED_UP) {
            self.failed_ups = 0;
        }
        self.change(now, above, true);
        Some(Why::Up)
    }

    /// When a stall that began then, and still lasts, is long enough for the rung below.
    pub(super) fn down_at(&self, since: Timestamp) -> Timestamp {
        let bound = self.changed.map_or(since, |(at, _)| at + BETWEEN);
        (since + LONG_STALL).max(bound)
    }

    fn change(&mut self, now: Timestamp, rung: usize, up: bool) {
        self.current = rung;
        self.changed = Some((now, up));
        self.calm_since = None;
        self.stalled = None;
    }

    fn may_change(&self, now: Timestamp) -> bool {
        self.changed.is_none_or(|(at, _)| now.since(at) >= BETWEEN)
    }

    fn calm_needed(&self) -> Duration {
        CALM.saturating_mul(1 << self.failed_ups.min(4)).min(MAX_CALM)
    }
}

/// No two changes of the session's own within this time.
const BETWEEN: Duration = Duration::from_secs(30);
/// A stall that lasts so long is no accident.
const LONG_STALL: Duration = Duration::from_secs(2);
/// Nor are two stalls within this time.
const WINDOW: Duration = Duration::from_secs(60);
/// How long a rung plays without a stall before the one above is tried.
pub(super) const CALM: Duration = Duration::from_secs(60);
const MAX_CALM: Duration = Duration::from_secs(600);
/// A stall so soon after a step up is that step's fault.
const FAILED_UP: Duration = Duration::from_secs(90);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn ladder() -> Ladder {
        Ladder::of_bandwidths(&[400_000, 1_200_000, 3_000_000, 6_000_000])
    }

    #[test]
    fn the_first_rung_is_what_the_network_carries_or_what_the_page_holds() {
        for (rate, held, rung) in [
            (100_000, None, 0),
            (1_600_000, None, 1),
            (4_000_000, None, 2),
            (90_000_000, None, 3),
            (100_000, Some(2), 2),
            (100_000, Some(9), 3),
        ] {
            let mut quality = Quality::new(held);
            quality.start(&ladder(), rate);
            assert_eq!(quality.current(), rung, "{rate} {held:?}");
        }
    }

    #[test]
    fn a_long_stall_or_a_second_one_steps_down_and_never_twice_within_the_bound() {
        let mut quality = Quality::default();
        quality.start(&ladder(), 90_000_000);
        assert_eq!(quality.step_down(at(11), at(10), &ladder(), u64::MAX), None, "one short stall");
        quality.stalled(at(10));
        assert_eq!(
            quality.step_down(at(51), at(50), &ladder(), u64::MAX),
            Some(Why::Down),
            "the second in a minute"
        );
        assert_eq!(quality.current(), 2);
        assert_eq!(quality.step_down(at(60), at(55), &ladder(), u64::MAX), None, "too soon");
        assert_eq!(quality.down_at(at(55)), at(81));
        assert_eq!(quality.step_down(at(81), at(55), &ladder(), 1_000_000), Some(Why::Down), "long");
        assert_eq!(quality.current(), 0, "as far as is known to be needed");
        assert_eq!(quality.step_down(at(200), at(150), &ladder(), 0), None, "nothing is below");
    }

    #[test]
    fn calm_steps_up_and_takes_longer_after_each_step_that_came_to_nothing() {
        let mut quality = Quality::default();
        quality.start(&ladder(), 1_600_000);
        quality.plays(at(0));
        assert_eq!(quality.step_up(at(59), &ladder()), None);
        assert_eq!(quality.step_up(at(60), &ladder()), Some(Why::Up));
        assert_eq!(quality.step_down(at(95), at(92), &ladder(), u64::MAX), Some(Why::Down));
        quality.plays(at(96));
        assert_eq!(quality.step_up(at(96 + 119), &ladder()), None, "twice as much calm");
        assert_eq!(quality.step_up(at(96 + 120), &ladder()), Some(Why::Up));
        quality.plays(at(217));
        assert_eq!(quality.step_up(at(217 + 120), &ladder()), Some(Why::Up), "it held");
        quality.plays(at(340));
        assert_eq!(quality.step_up(at(9999), &ladder()), None, "nothing is above");
    }

    #[test]
    fn what_the_page_holds_is_held() {
        let mut quality = Quality::default();
        quality.start(&ladder(), 1_600_000);
        assert!(quality.hold(at(1), Some(3), Some(&ladder())));
        assert!(!quality.hold(at(1), Some(3), Some(&ladder())));
        quality.plays(at(1));
        assert_eq!(quality.step_down(at(100), at(50), &ladder(), 0), None);
        assert!(!quality.fall_back(at(100)));
        assert!(!quality.hold(at(100), None, Some(&ladder())), "it goes on from there");
        assert_eq!(quality.step_down(at(200), at(150), &ladder(), u64::MAX), Some(Why::Down));
    }
}
