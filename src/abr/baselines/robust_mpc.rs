//! RobustMPC (Yin and others, *A Control-Theoretic Approach for Dynamic Adaptive Video Streaming over HTTP*, 2015): the
//! best plan for the next five segments if the throughput is the harmonic mean of the last five downloads, discounted by
//! the largest error of the last five predictions.

use std::collections::VecDeque;

use super::super::{Rule, Situation};
use super::link::{rate_of, rates};

/// The rule.
#[derive(Debug, Default)]
pub struct RobustMpc {
    seen: u64,
    rates: VecDeque<f64>,
    errors: VecDeque<f64>,
    predicted: Option<f64>,
}

impl RobustMpc {
    fn learn(&mut self, s: &Situation<'_>) {
        for download in s.history.downloads_since(self.seen).filter(|d| !d.abandoned) {
            let rate = rate_of(download).max(1.0);
            if let Some(predicted) = self.predicted {
                self.errors.push_back((predicted - rate).abs() / rate);
            }
            self.rates.push_back(rate);
            while self.rates.len() > WINDOW {
                self.rates.pop_front();
            }
            while self.errors.len() > WINDOW {
                self.errors.pop_front();
            }
            self.predicted = Some(self.mean());
        }
        self.seen = s.history.downloads();
    }

    fn mean(&self) -> f64 {
        self.rates.len() as f64 / self.rates.iter().map(|rate| 1.0 / rate).sum::<f64>().max(f64::MIN_POSITIVE)
    }
}

impl Rule for RobustMpc {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        self.learn(s);
        if self.rates.is_empty() {
            return 0;
        }
        let error = self.errors.iter().copied().fold(0.0, f64::max);
        let plan = Plan::new(s, self.mean() / (1.0 + error));
        let (buffer, last) = (s.buffer.as_secs(), s.current.unwrap_or(0));
        let worth = |rung: usize| plan.worth(HORIZON, buffer, last, rung);
        let best = (0..s.ladder.len()).map(|rung| (rung, worth(rung)));
        best.fold((0, f64::NEG_INFINITY), |best, this| if this.1 > best.1 { this } else { best }).0
    }
}

/// A search through all plans, cut where even the top rung without stall from there on could not win.
struct Plan {
    length: f64,
    full: f64,
    /// By rung: seconds that a segment takes, and what it is worth.
    times: Vec<f64>,
    worths: Vec<f64>,
}

impl Plan {
    fn new(s: &Situation<'_>, rate: f64) -> Self {
        let rates = rates(s);
        let (lowest, highest) = (rates.first().copied().unwrap_or(1.0), rates.last().copied().unwrap_or(1.0));
        let span = (highest / lowest).ln().max(1e-9);
        let length = s.segment.as_secs();
        let latency = s.history.latency().unwrap_or_default().as_secs_f64();
        Self {
            length,
            full: s.buffer_goal.as_secs(),
            times: rates.iter().map(|r| latency + r * length / rate.max(1.0)).collect(),
            worths: rates.iter().map(|r| (r / lowest).ln() / span).collect(),
        }
    }

    /// What the next `steps` segments are worth with this one on `rung`, the others on their best rungs.
    fn worth(&self, steps: usize, buffer: f64, last: usize, rung: usize) -> f64 {
        let (Some(time), Some(worth)) = (self.times.get(rung), self.worths.get(rung)) else {
            return f64::NEG_INFINITY;
        };
        let before = self.worths.get(last).copied().unwrap_or(0.0);
        let stall = (time - buffer).max(0.0);
        let now = self.length * worth - SWITCH * (worth - before).abs() - STALL * stall;
        if steps <= 1 {
            return now;
        }
        let buffer = ((buffer - time).max(0.0) + self.length).min(self.full);
        let mut best = f64::NEG_INFINITY;
        // The best plans stay or go to a rung and stay there; further back and forth costs more than it brings.
        for next in 0..self.times.len() {
            let step = self.worths.get(next).copied().unwrap_or(0.0) - worth;
            let bound = (steps - 1) as f64 * self.length - SWITCH * step.abs();
            if bound > best {
                best = best.max(self.worth(steps - 1, buffer, rung, next));
            }
        }
        now + best
    }
}

const WINDOW: usize = 5;
const HORIZON: usize = 5;
const SWITCH: f64 = 4.0;
const STALL: f64 = 4.0;
