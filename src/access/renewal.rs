//! When what a session may show at a server's door is asked for anew.
//!
//! A grant (a token, or a signed address) is renewed before it ends, by the servers' time, and when a server refuses it.
//! One renewal is under way at a time, and everybody waits for that one. What was refused, and is refused again with the grant
//! that came of it, is not renewed again: the right to watch is not a matter of patience. A renewal that brings the same grant
//! again has failed once that grant is about to end; so has one that brings a grant which is over when it comes, but that one is used,
//! for it may be the clock that is wrong.

use core::time::Duration;

use crate::time::Timestamp;

/// How long a grant lasts, by the host's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it was given.
    pub from: Timestamp,
    /// When it ends, as far as is known.
    pub until: Timestamp,
    /// So much earlier it may end: how far behind the servers' clock may be taken to be.
    pub doubt: Duration,
}

impl Life {
    /// Whether nobody needs to try it any more. Not of one that was over when it came: either a clock is wrong or the servers will
    /// refuse it, and only they know.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until && !self.is_dead()
    }

    /// Whether it was over when it came, or as good as that.
    fn is_dead(&self) -> bool {
        self.until.since(self.from) < SHORTEST
    }

    /// When to renew it: at 80 % of its life, and of a long one at random up to 90 %, so that the viewers of a lesson that
    /// began together do not all come at once. `None` for one that was over when it came: its clock is wrong, and
    /// to renew it would bring another one like it.
    fn due(&self, jitter: f64) -> Option<Timestamp> {
        if self.is_dead() {
            return None;
        }
        let whole = self.until.since(self.from);
        let spread = if whole >= LONG { 0.1 * jitter.clamp(0.0, 1.0) } else { 0.0 };
        let early = whole.mul_f64(0.8 + spread).saturating_sub(self.doubt);
        Some(self.from + early.max(whole / 2).max(SHORTEST))
    }
}

/// What to do about a request that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it again: the grant has been renewed since.
    Resend,
    /// Let it wait for the renewal that is under way, or that is asked for now.
    Wait,
    /// That was the last word.
    Final,
}

/// What is refused or opened: parts of a stream that may be behind doors of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doors(u16);

impl Doors {
    /// One of sixteen.
    pub const fn one(number: u8) -> Self {
        Self(1 << (number & 15))
    }

    /// Both.
    #[must_use]
    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn is_any(self) -> bool {
        self.0 != 0
    }
}

/// The state of renewal of one source.
#[derive(Clone, Debug, Default)]
pub struct Renewal {
    /// The renewal under way, by its number, and since when.
    asked: Option<(u64, Timestamp)>,
    last: u64,
    /// Renewals that have failed in a row, and when the next one may be asked for.
    failures: u32,
    again: Option<Timestamp>,
    /// Counts the grants.
    generation: u32,
    /// What was refused with a grant before this one, and has not opened since that was renewed: by this or a later one.
    unproved: Doors,
    since: u32,
    /// It was refused.
    refused: bool,
    /// What refused it, and not for having ended.
    blamed: Doors,
    /// It was over when it came.
    dead: bool,
}

impl Renewal {
    /// A source begins: answers to what the last one asked come too late.
    pub fn restart(&mut self) {
        *self = Self { last: self.last, generation: self.generation.wrapping_add(1), ..Self::default() };
    }

    /// Which grant is at hand.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether one is under way, or waits for its next attempt.
    pub fn is_wanted(&self) -> bool {
        self.asked.is_some() || self.again.is_some()
    }

    /// Whether the grant at hand opens nothing.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Renewals that have failed since the last one that did not.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The grant at hand has opened something.
    pub fn proved(&mut self, generation: u32, door: Doors) {
        if generation >= self.since {
            self.unproved = self.unproved.without(door);
        }
        let is_of_this = generation == self.generation;
        // It was the clock that was wrong.
        if is_of_this && core::mem::take(&mut self.dead) && self.asked.is_none() && !self.refused {
            (self.again, self.failures) = (None, 0);
        }
    }

    /// A request was refused that was made with the grant of this generation; `again`: not for the first time; `ended`: which
    /// is no wonder, for the grant has ended meanwhile. After [`Verdict::Wait`] a renewal is wanted, which
    /// [`plan`](Self::plan) times.
    pub fn refused(
        &mut self,
        now: Timestamp,
        generation: u32,
        door: Doors,
        again: bool,
        ended: bool,
    ) -> Verdict {
        if generation != self.generation {
            return Verdict::Resend;
        }
        if !ended && (again || self.unproved.meets(door)) {
            return Verdict::Final;
        }
        if !ended {
            self.blamed = self.blamed.and(door);
        }
        self.refused = true;
        if !self.is_wanted() {
            self.again = Some(now);
        }
        Verdict::Wait
    }

    /// A grant that has ended is wanted now.
    pub fn ended(&mut self, now: Timestamp) {
        if !self.is_wanted() {
            self.again = Some(now);
        }
    }

    /// When to ask next, or to stop waiting for an answer; `None`: not for now. `active`: somebody watches.
    pub fn plan(&self, life: Option<Life>, active: bool, jitter: f64) -> Option<Timestamp> {
        match (self.asked, self.again) {
            (Some((_, since)), _) => Some(since + PATIENCE),
            _ if !active => None,
            (None, Some(again)) => Some(again),
            (None, None) => life.and_then(|life| life.due(jitter)),
        }
    }

    /// Asks; the result is the number by which the answer comes.
    pub fn ask(&mut self, now: Timestamp) -> u64 {
        self.last += 1;
        self.asked = Some((self.last, now));
        self.again = None;
        self.last
    }

    /// Whether an answer that comes is waited for.
    pub fn awaits(&self, id: u64) -> bool {
        self.asked.is_some_and(|(asked, _)| asked == id)
    }

    /// The number of the renewal under way.
    pub fn asked(&self) -> Option<u64> {
        self.asked.map(|(id, _)| id)
    }

    /// A grant has come: another one than the one at hand or (not `is_other`) the same again; `left`: so long it lasts, as far as
    /// is known. Whether requests are to be made with it; if not, the attempt came to nothing.
    pub fn answered(&mut self, now: Timestamp, is_other: bool, left: Option<Duration>) -> bool {
        let is_short = left.is_some_and(|left| left < SHORTEST);
        // What has not ended and was refused all the same may have been refused by mistake: the servers are asked once more.
        if !is_other && (is_short || left.is_none() && !self.blamed.is_any()) {
            self.failed(now);
            return false;
        }
        let failures = self.failures;
        self.succeeded();
        if is_short {
            self.failures = failures;
            self.failed(now);
            self.dead = true;
        }
        true
    }

    /// A new grant is at hand.
    pub fn succeeded(&mut self) {
        let generation = self.generation.wrapping_add(1);
        *self = Self {
            last: self.last,
            generation,
            since: if self.blamed.is_any() { generation } else { self.since },
            unproved: self.unproved.and(self.blamed),
            ..Self::default()
        };
    }

    /// The answer was missed, or nothing could be asked: no failure.
    pub fn ended_anew(&mut self, now: Timestamp) {
        self.asked = None;
        self.again = Some(now);
    }

    /// What made attempts fail is over: the next one is due now, and the ones before do not count.
    pub fn hurry(&mut self, now: Timestamp) {
        self.failures = 0;
        self.again = self.again.map(|_| now);
    }

    /// The attempt came to nothing. The next one follows after a while, twice as long each time.
    pub fn failed(&mut self, now: Timestamp) {
        self.asked = None;
        self.failures = self.failures.saturating_add(1);
        let delay = FIRST_DELAY.saturating_mul(1 << (self.failures - 1).min(8)).min(MAX_DELAY);
        self.again = Some(now + delay);
    }
}

/// Viewers of grants that last longer are spread.
const LONG: Duration = Duration::from_secs(60);
/// A host that does not answer for so long has failed.
const PATIENCE: Duration = Duration::from_secs(15);
/// A grant for less than that is over when it comes; and none is renewed sooner.
const SHORTEST: Duration = Duration::from_secs(1);
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// The longest time between two attempts.
pub const MAX_DELAY: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: Doors = Doors::one(0);
    const B: Doors = Doors::one(1);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn life(from: u64, until: u64, doubt: u64) -> Option<Life> {
        Some(Life { from: at(from), until: at(until), doubt: Duration::from_millis(doubt) })
    }

    #[test]
    fn a_grant_is_renewed_at_four_fifths_of_its_life_at_the_latest_time_that_it_may_be() {
        let renewal = Renewal::default();
        assert_eq!(renewal.plan(life(1000, 9000, 0), true, 0.9), Some(at(7400)));
        assert_eq!(renewal.plan(life(1000, 9000, 1000), true, 0.0), Some(at(6400)));
        assert_eq!(renewal.plan(life(0, 6000, 9000), true, 0.0), Some(at(3000)), "not at once");
        assert_eq!(renewal.plan(life(0, 1500, 1000), true, 0.0), Some(at(1000)), "not all the time");
        assert_eq!(renewal.plan(life(0, 1_000_000, 0), true, 1.0), Some(at(900_000)));
        assert_eq!(renewal.plan(life(0, 1_000_000, 0), false, 1.0), None, "nobody watches");
        assert_eq!(renewal.plan(life(9000, 8000, 0), true, 0.0), None, "ended before it was given");
        let over = life(9000, 8000, 0).is_some_and(|life| life.is_over(at(10_000)));
        assert!(!over, "which is no reason for a refusal");
        assert_eq!(renewal.plan(None, true, 0.0), None);
    }

    #[test]
    fn many_refusals_are_one_renewal_and_those_of_an_older_grant_none() {
        let mut renewal = Renewal::default();
        let before = renewal.generation();
        assert_eq!(renewal.refused(at(5), before, A, false, false), Verdict::Wait);
        assert_eq!(renewal.plan(None, true, 0.0), Some(at(5)));
        let id = renewal.ask(at(5));
        assert_eq!(renewal.refused(at(6), before, A, false, false), Verdict::Wait);
        assert!(renewal.awaits(id) && !renewal.awaits(id + 1));
        renewal.succeeded();
        assert_eq!(renewal.refused(at(7), before, A, false, false), Verdict::Resend);
        assert_eq!(renewal.plan(None, true, 0.0), None);
    }

    #[test]
    fn a_grant_that_comes_by_refusal_and_opens_nothing_is_the_last() {
        let mut renewal = Renewal::default();
        renewal.refused(at(0), renewal.generation(), A, false, false);
        renewal.ask(at(0));
        renewal.succeeded();
        let now = renewal.generation();
        assert_eq!(renewal.clone().refused(at(1), now, A, false, false), Verdict::Final);
        let mut other = renewal.clone();
        assert_eq!(other.refused(at(1), now, B, false, false), Verdict::Wait, "that was not refused before");
        other.proved(now, B);
        assert_eq!(other.refused(at(1), now, A, false, false), Verdict::Final, "nor is it what has opened");
        renewal.proved(now, A);
        assert_eq!(renewal.clone().refused(at(1), now, A, false, false), Verdict::Wait);
        assert_eq!(
            renewal.clone().refused(at(1), now, A, true, true),
            Verdict::Wait,
            "it only came too late"
        );
        assert_eq!(
            renewal.refused(at(1), now, A, true, false),
            Verdict::Final,
            "this request was refused before"
        );
    }

    #[test]
    fn failures_are_further_and_further_apart() {
        let mut renewal = Renewal::default();
        renewal.ended(at(0));
        let mut now = at(0);
        for delay in [500, 1000, 2000, 4000, 8000, 8000] {
            renewal.ask(now);
            assert_eq!(renewal.plan(None, true, 0.0), Some(now + PATIENCE));
            renewal.failed(now);
            let next = renewal.plan(None, true, 0.0).unwrap();
            assert_eq!(next.since(now), Duration::from_millis(delay));
            now = next;
        }
        assert_eq!(renewal.failures(), 6);
    }

    #[test]
    fn the_same_grant_again_has_failed_once_it_is_about_to_end() {
        let secs = |secs| Some(Duration::from_secs(secs));
        let mut renewal = Renewal::default();
        let first = renewal.generation();
        renewal.ask(at(0));
        assert!(renewal.answered(at(0), false, secs(60)) && !renewal.is_wanted(), "there is time");
        renewal.ask(at(0));
        assert!(!renewal.answered(at(0), false, secs(0)));
        assert_eq!((renewal.failures(), renewal.plan(None, true, 0.0)), (1, Some(at(500))));
        // Refused although it lasts: once more, and that is all.
        assert_eq!(renewal.refused(at(1), renewal.generation(), A, false, false), Verdict::Wait);
        renewal.ask(at(1));
        assert!(renewal.answered(at(1), false, None));
        assert_eq!(renewal.refused(at(1), renewal.generation(), A, false, false), Verdict::Final);
        assert_ne!(renewal.generation(), first);
    }

    #[test]
    fn a_grant_that_is_over_when_it_comes_is_used_until_it_is_refused() {
        let mut renewal = Renewal::default();
        renewal.refused(at(0), renewal.generation(), A, false, false);
        renewal.ask(at(0));
        assert!(renewal.answered(at(0), true, Some(Duration::ZERO)));
        assert_eq!((renewal.failures(), renewal.plan(None, true, 0.0)), (1, Some(at(500))));
        let mut believed = renewal.clone();
        assert_eq!(renewal.refused(at(1), renewal.generation(), A, false, false), Verdict::Final);
        believed.proved(believed.generation(), A);
        assert_eq!((believed.failures(), believed.plan(None, true, 0.0)), (0, None), "the clock was wrong");
    }

    #[test]
    fn nobody_is_asked_again_while_nobody_watches() {
        let mut renewal = Renewal::default();
        renewal.ask(at(0));
        renewal.failed(at(0));
        assert_eq!((renewal.plan(None, false, 0.0), renewal.plan(None, true, 0.0)), (None, Some(at(500))));
        renewal.hurry(at(7));
        assert_eq!((renewal.plan(None, true, 0.0), renewal.failures()), (Some(at(7)), 0));
    }

    proptest! {
        /// Whatever is refused and fails, there is one renewal at a time, and no more of them than lives and refusals ask for.
        #[test]
        fn renewals_are_bounded(events in prop::collection::vec((0_u64..4000, 0_u8..4), 1..200), whole in 500_u64..20_000) {
            let (mut renewal, mut now, mut from) = (Renewal::default(), 0, 0);
            let (mut asked, mut refusals, mut failures) = (0_u64, 0_u64, 0_u64);
            for (passed, event) in events {
                now += passed;
                let life = Life { from: at(from), until: at(from + whole), doubt: Duration::ZERO };
                if renewal.asked().is_none() && renewal.plan(Some(life), true, 0.0).is_some_and(|due| due <= at(now)) {
                    renewal.ask(at(now));
                    asked += 1;
                }
                match (event, renewal.asked()) {
                    (0, Some(id)) if renewal.awaits(id) => {
                        let before = renewal.failures();
                        renewal.answered(at(now), true, Some(Duration::from_millis(whole)));
                        failures += u64::from(renewal.failures() > before);
                        from = now;
                    }
                    (1, Some(_)) => {
                        renewal.failed(at(now));
                        failures += 1;
                    }
                    (2, _) => {
                        refusals += u64::from(renewal.refused(at(now), renewal.generation(), A, false, false) == Verdict::Wait);
                    }
                    (3, _) => renewal.proved(renewal.generation(), A),
                    _ => {}
                }
            }
            let by_time = now / (whole * 8 / 10) + 1;
            prop_assert!(asked <= by_time + refusals + failures, "{asked} of {by_time} + {refusals} + {failures}");
        }
    }
}
