//! The player's own rule: the choice that is worth most on average over how the network may go on.
//!
//! [`Forecast`] says how fast the network may be, [`Plan`] what follows. Nothing is decided by a threshold: how careful the
//! rule is follows from how much the network varies, how often it changes and how much buffer there is.
//!
//! The rate of the network is taken apart from its latency, so small segments on a distant server do not look like a slow
//! network.

use core::time::Duration;

use crate::time::{MediaTime, Timestamp};

use super::forecast::{Belief, Forecast};
use super::plan::{Plan, STALL};
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
        Self { ladder: s.ladder.to_vec(), segment, buffer_goal, forecast, plan }
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
        for _ in 0..PASSES {
            state.plan.improve(&state.forecast);
        }
        if s.current.is_none() && s.history.slices() == 0 {
            return first_rung(s);
        }
        // The network may leave its level before the download is under way or while it is.
        let likely = state.forecast.ahead(0.5 * s.segment.as_secs());
        let likely: Vec<f32> = likely.collect();
        state.plan.best(likely.iter().copied(), s.buffer.as_secs() as f32, s.current, stall(s))
    }
}

impl Rule for Outlook {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        if s.ladder.len() < 2 {
            return 0;
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
        let late = levels().filter(|(_, level)| left / level.rate > buffer);
        if left <= 0.0 || late.map(|(_, level)| level.now).sum::<f64>() < LIKELY_LATE {
            return None;
        }
        let brings = |rung: usize, bits: f32, delay: f32| {
            let at = |(i, level): (usize, &super::forecast::Level)| {
                let brings = plan.download((i, level.rate), rung, (bits, delay), buffer, stall(s));
                level.now as f32 * brings
            };
            levels().map(at).sum::<f32>() - plan.switch(transfer.before, rung)
        };
        let mut best = (None, brings(transfer.rung, left, 0.0) + WORTH_IT);
        for rung in 0..transfer.rung {
            // The content is the same: large on one rung is large on another.
            let bits = plan.bits(rung) * size / usual;
            if bits < left {
                let this = brings(rung, bits, latency);
                if this > best.1 {
                    best = (Some(rung), this);
                }
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

fn latency(s: &Situation<'_>) -> f32 {
    s.history.latency().map_or(USUAL_LATENCY, |latency| latency.as_secs_f32())
}

/// Waiting for the start is not as bad as a stall.
fn stall(s: &Situation<'_>) -> f32 {
    if s.started { STALL } else { 1.0 }
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
/// Segments that the first decision looks ahead, and how many more each further one does.
const FIRST_PASSES: usize = 12;
const PASSES: usize = 1;
/// A download is thought about when it is as likely as this to come too late, and given up when something else is worth so
/// much more, in seconds at the top rung.
const LIKELY_LATE: f64 = 0.5;
const WORTH_IT: f32 = 0.3;
