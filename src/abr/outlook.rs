//! The player's own rule: the choice that is worth most on average over how the network may go on.
//!
//! [`Forecast`] says how fast the network may be, [`Plan`] what follows. How careful the rule is follows from how much the
//! network varies, how often it changes and how much buffer there is. One limit stands above the plan: a steady network
//! is not asked for more than it carries.
//!
//! The rate of the network is taken apart from its latency, so small segments on a distant server do not look like a slow
//! network.
//!
//! Before anything is seen, the first rung is the highest whose peak four fifths of an earlier session's throughput carry,
//! or of [`DEFAULT_BITS_PER_SECOND`] where there was none. If the ladder changes, the forecast is made anew from the history.

use core::time::Duration;

use crate::time::{MediaTime, Timestamp};

use super::duration::{Departure, OUTCOMES};
use super::forecast::{Belief, Forecast, Level};
use super::plan::{Plan, Price};
use super::{Estimate, Rule, Rung, Situation, Transfer};

/// The rule.
#[derive(Default)]
pub struct Outlook {
    state: Option<State>,
    last: Option<Choice>,
}

/// A choice, and what it was made of. It is asked for on every event while there is nothing to load (at the live edge, behind
/// the end), and is hundreds of thousands of operations.
struct Choice {
    now: Timestamp,
    current: Option<usize>,
    estimate: Option<Estimate>,
    slices: u64,
    buffer: MediaTime,
    started: bool,
    rung: usize,
}

impl Choice {
    /// Whether nothing is different by now that would make another choice.
    fn holds(&self, s: &Situation<'_>) -> bool {
        (self.current, self.estimate, self.slices, self.started)
            == (s.current, s.estimate, s.history.slices(), s.started)
            && self.buffer.abs_diff(s.buffer) < SAME_BUFFER
            && s.now.since(self.now) < SAME_TIME
    }
}

/// Thousands of numbers say nothing to a reader, and the code that prints them would be a third of what this rule adds to a download.
impl core::fmt::Debug for Outlook {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Outlook").finish_non_exhaustive()
    }
}

/// What is known, for one ladder and one buffer.
struct State {
    ladder: Vec<Rung>,
    segment: MediaTime,
    buffer_goal: MediaTime,
    forecast: Forecast,
    plan: Plan,
    /// The plan looks further ahead once a download: this many have been taken in.
    planned: u64,
}

impl State {
    fn new(s: &Situation<'_>, forecast: Option<Forecast>) -> Self {
        let forecast = forecast.unwrap_or_else(|| first_forecast(s));
        let mut plan = Plan::new(s);
        plan.time(&forecast, USUAL_LATENCY);
        for _ in 0..FIRST_PASSES {
            plan.improve(&forecast);
        }
        let (segment, buffer_goal) = (s.segment, s.buffer_goal);
        Self {
            ladder: s.ladder.to_vec(),
            segment,
            buffer_goal,
            forecast,
            plan,
            planned: s.history.downloads(),
        }
    }

    fn is_of(&self, s: &Situation<'_>) -> bool {
        self.ladder == s.ladder && self.segment == s.segment && self.buffer_goal == s.buffer_goal
    }
}

impl Outlook {
    /// What is known, up to date.
    fn state(&mut self, s: &Situation<'_>) -> &mut State {
        let state = match self.state.take() {
            Some(state) if state.is_of(s) => state,
            // What was learnt of the network holds for any buffer.
            Some(state) if state.ladder == s.ladder => State::new(s, Some(state.forecast)),
            _ => State::new(s, None),
        };
        let state = self.state.insert(state);
        state.forecast.learn(s.history, s.now);
        state
    }

    fn choose_anew(&mut self, s: &Situation<'_>) -> usize {
        let latency = latency(s);
        let state = self.state(s);
        state.plan.time(&state.forecast, latency);
        if state.planned != s.history.downloads() {
            state.planned = s.history.downloads();
            state.plan.improve(&state.forecast);
        }
        // The network may leave its level before the download is under way or while it is.
        let likely = state.forecast.ahead(0.5 * s.segment.as_secs());
        let likely: Vec<f32> = likely.collect();
        let rungs = (s.current, carried(s, &state.forecast));
        state.plan.best(likely.iter().copied(), s.buffer.as_secs() as f32, rungs, price(s))
    }
}

impl Rule for Outlook {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        if s.ladder.len() < 2 {
            return 0;
        }
        // A plan takes some milliseconds to begin with, which nothing is to wait for that the first frame waits for.
        if s.current.is_none() && s.history.slices() == 0 {
            return first_rung(s);
        }
        if let (Some(last), Some(state)) = (&self.last, &self.state)
            && last.holds(s)
            && state.is_of(s)
        {
            return last.rung;
        }
        let rung = self.choose_anew(s);
        self.last = Some(Choice {
            now: s.now,
            current: s.current,
            estimate: s.estimate,
            slices: s.history.slices(),
            buffer: s.buffer,
            started: s.started,
            rung,
        });
        rung
    }

    fn abandon(&mut self, s: &Situation<'_>, transfer: &Transfer) -> Option<usize> {
        let latency = latency(s);
        let state = self.state(s);
        let mut forecast = state.forecast.clone();
        if let Some(slice) = s.history.current(s.now) {
            forecast.glimpse(&slice);
        }
        let plan = &state.plan;
        let usual = plan.bits(transfer.rung);
        let size = transfer.size.map_or(usual, |bytes| bytes as f32 * 8.0);
        let left = size - transfer.received as f32 * 8.0;
        let buffer = s.buffer.as_secs() as f32;
        let levels = || forecast.levels().iter().enumerate();
        // While it will probably be in time there is nothing to think about: a moment's low rate is no reason.
        let departure = Departure::new(&forecast);
        let late = |level: &Level| {
            let durations = departure.durations(level, left);
            level.now * durations.iter().filter(|d| d.seconds > buffer).count() as f64 / OUTCOMES as f64
        };
        if left <= 0.0 || forecast.levels().iter().map(late).sum::<f64>() < LIKELY_LATE {
            return None;
        }
        let worth = |at: (usize, &Level), rung: usize, bits: f32, delay: f32| {
            plan.download(&departure, at, rung, (bits, delay), buffer, price(s))
                - plan.switch(transfer.before, rung)
        };
        // The content is the same: large on one rung is large on another.
        let lower = || {
            (0..transfer.rung)
                .map(|rung| (rung, plan.bits(rung) * size / usual))
                .filter(|(_, bits)| *bits < left)
        };
        // To go on leaves it open to give up a moment later, when more is known.
        let goes_on = |at: (usize, &Level)| {
            let on = worth(at, transfer.rung, left, 0.0);
            lower().map(|(rung, bits)| worth(at, rung, bits, latency + LATER)).fold(on, f32::max)
        };
        let mut best = (None, levels().map(|at| at.1.now as f32 * goes_on(at)).sum::<f32>() + WORTH_IT);
        for (rung, bits) in lower() {
            let this = levels().map(|at| at.1.now as f32 * worth(at, rung, bits, latency)).sum::<f32>();
            if this > best.1 {
                best = (Some(rung), this);
            }
        }
        best.0
    }
}

/// The first rung: what shows a good picture almost everywhere if nothing is known, or what an earlier session has seen the
/// network carry; a first frame costs little of the first segment, so its time is no concern.
fn first_rung(s: &Situation<'_>) -> usize {
    let rate = s.estimate.map_or(DEFAULT_BITS_PER_SECOND, |estimate| estimate.bits_per_second);
    let limit = rate as f64 * START_MARGIN;
    s.ladder.iter().rposition(|rung| rung.bandwidth as f64 <= limit).unwrap_or(0)
}

fn first_forecast(s: &Situation<'_>) -> Forecast {
    let belief =
        s.estimate
            .map_or(Belief { rate: DEFAULT_BITS_PER_SECOND as f64, spread: SPREAD_UNKNOWN }, |estimate| {
                Belief { rate: estimate.bits_per_second as f64, spread: SPREAD_STORED }
            });
    let rate = |rung: Option<&Rung>| rung.map_or(1.0, Rung::rate);
    let (lowest, highest) = (rate(s.ladder.first()) * BELOW, rate(s.ladder.last()) * ABOVE);
    Forecast::new(lowest, highest, belief, s.now)
}

/// The highest rung to choose. One above the rate of a steady network eats the buffer up, perhaps so slowly that the plan,
/// which looks some minutes ahead, does not mind; but an outage that a full buffer outlasts is then a stall. On a network
/// that varies, such a rung makes use of what the buffer has no room for.
fn carried(s: &Situation<'_>, forecast: &Forecast) -> usize {
    let Some(rate) = forecast.steady_rate() else { return usize::MAX };
    s.ladder.iter().skip(1).take_while(|rung| rung.rate() <= rate).count()
}

fn latency(s: &Situation<'_>) -> f32 {
    s.history.latency().map_or(USUAL_LATENCY, |latency| latency.as_secs_f32())
}

fn price(s: &Situation<'_>) -> Price {
    if s.started { Price::STALL } else { Price::START }
}

/// Taken for the throughput when nothing is known: enough for standard definition almost everywhere.
const DEFAULT_BITS_PER_SECOND: u64 = 2_000_000;
const START_MARGIN: f64 = 0.8;
/// By how much the default may be wrong, and what an earlier session stored: deviations of the logarithm.
const SPREAD_UNKNOWN: f64 = 1.2;
const SPREAD_STORED: f64 = 1.0;
/// The range of levels: from this share of the lowest rung to so many times the highest.
const BELOW: f64 = 0.1;
const ABOVE: f64 = 2.0;
/// Seconds.
const USUAL_LATENCY: f32 = 0.05;
/// A choice holds while the buffer is as it was, to within this, and for so long.
const SAME_BUFFER: MediaTime = MediaTime::from_millis(500);
const SAME_TIME: Duration = Duration::from_secs(2);
/// Segments that the first decision looks ahead. Each download adds one.
const FIRST_PASSES: usize = 12;
/// A download is thought about when it is as likely as this to come too late, and given up when something else is worth so
/// much more, in seconds at the top rung; or so many seconds later, if that is soon enough.
const LIKELY_LATE: f64 = 0.5;
const WORTH_IT: f32 = 0.3;
const LATER: f32 = 1.5;

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::super::History;
    use super::super::plan::cost;
    use super::*;
    use crate::time::Timestamp;

    /// The most that a decision may cost: what `cargo xtask bench choice` measures as 0.1 to 0.2 ms in WebAssembly.
    const MOST_STEPS: usize = 57_000;

    struct Session {
        rule: Outlook,
        history: History,
        ladder: Vec<Rung>,
        now: Timestamp,
        current: Option<usize>,
    }

    impl Session {
        fn new(rungs: u64) -> Self {
            let rung = |i| Rung { bandwidth: 400_000 * (i + 1), average: 300_000 * (i + 1) };
            let ladder = (0..rungs).map(rung).collect();
            let history = History::default();
            Self { rule: Outlook::default(), history, ladder, now: Timestamp::ZERO, current: None }
        }

        fn download(&mut self) {
            self.history.sent(self.now);
            for _ in 0..20 {
                self.now = self.now + Duration::from_millis(100);
                self.history.arrived(self.now, 40_000);
            }
            self.history.ended(self.now, 0, false);
        }

        fn ask<T>(&mut self, ask: impl FnOnce(&mut Outlook, &Situation<'_>) -> T) -> (T, usize) {
            let situation = Situation {
                now: self.now,
                ladder: &self.ladder,
                current: self.current,
                estimate: None,
                history: &self.history,
                buffer: MediaTime::from_millis(12_000),
                buffer_goal: MediaTime::from_millis(30_000),
                segment: MediaTime::from_millis(3000),
                started: true,
            };
            cost::take();
            (ask(&mut self.rule, &situation), cost::take())
        }
    }

    #[test]
    fn a_decision_costs_no_more_than_a_worker_can_spare() {
        let mut session = Session::new(10);
        // The first request waits for nothing; the plan is made while the first segment is looked at.
        assert_eq!(session.ask(|rule, s| rule.choose(s)).1, 0);
        session.download();
        let (rung, steps) = session.ask(|rule, s| rule.choose(s));
        session.current = Some(rung);
        assert!(steps < FIRST_PASSES * MOST_STEPS, "{steps}");
        for _ in 0..5 {
            session.download();
            let (rung, steps) = session.ask(|rule, s| rule.choose(s));
            session.current = Some(rung);
            assert!((1000..MOST_STEPS).contains(&steps), "{steps}");
            // Asked again while nothing has come in, it only looks at what it knows.
            let (again, steps) = session.ask(|rule, s| rule.choose(s));
            assert!(again == rung && steps < MOST_STEPS / 20, "{again} {rung} {steps}");
            let transfer = Transfer {
                rung: 9,
                before: session.current,
                received: 50_000,
                size: Some(20_000_000),
                elapsed: Duration::from_secs(2),
                latency: Some(Duration::from_millis(50)),
                idle: Duration::ZERO,
            };
            let (lower, steps) = session.ask(|rule, s| rule.abandon(s, &transfer));
            assert!(lower.is_some() && steps < MOST_STEPS / 20, "{lower:?} {steps}");
        }
    }

    #[test]
    fn the_first_rung_is_by_what_an_earlier_session_saw_or_a_modest_one() {
        let first = |stored: Option<u64>| {
            let mut session = Session::new(10);
            let estimate =
                stored.map(|bits_per_second| super::super::Estimate { bits_per_second, measured: false });
            session.ask(|rule, s| rule.choose(&Situation { estimate, ..*s })).0
        };
        // Peaks are multiples of 400 kbit/s.
        assert_eq!([first(None), first(Some(300_000)), first(Some(2_600_000))], [3, 0, 4]);
        assert_eq!(first(Some(u64::MAX)), 9);
    }

    #[test]
    fn a_steady_network_is_not_asked_for_more_than_it_carries() {
        // 3.2 Mbit/s; the highest rungs take 3.0 and 3.3.
        let mut session = Session::new(11);
        for _ in 0..40 {
            session.download();
            let full = MediaTime::from_millis(30_000);
            let rung = session.ask(|rule, s| rule.choose(&Situation { buffer: full, ..*s })).0;
            session.current = Some(rung);
        }
        assert_eq!(session.current, Some(9));
    }

    #[test]
    fn a_ladder_that_is_cut_short_forgets_nothing_of_the_network() {
        let mut session = Session::new(10);
        for _ in 0..8 {
            session.download();
            session.current = Some(session.ask(|rule, s| rule.choose(s)).0);
        }
        assert!(session.current > Some(2), "{:?}", session.current);
        session.ladder.truncate(3);
        let (rung, _) = session.ask(|rule, s| rule.choose(&Situation { current: Some(0), ..*s }));
        assert_eq!(rung, 2);
    }

    #[test]
    fn a_distant_server_is_not_a_slow_network() {
        let chosen = |latency: u64| {
            let mut session = Session::new(10);
            for _ in 0..8 {
                session.history.sent(session.now);
                session.now = session.now + Duration::from_millis(latency);
                for _ in 0..10 {
                    session.history.arrived(session.now, 100_000);
                    session.now = session.now + Duration::from_millis(100);
                }
                session.history.ended(session.now, 0, false);
                session.current = Some(session.ask(|rule, s| rule.choose(s)).0);
            }
            session.current
        };
        assert_eq!((chosen(20), chosen(600)), (Some(9), Some(9)));
    }
}
