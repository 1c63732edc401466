//! The throughput rule of dash.js, as in Sabre: the highest rung that nine tenths of the average throughput carry, less
//! while the buffer is short of a segment.

use super::super::{Rule, Situation, Transfer};
use super::link::{Link, fits, sustained};

/// The rule.
#[derive(Debug)]
pub struct ThroughputRule {
    link: Link,
    /// How much of what the buffer allows may be loaded; falls with the downloads.
    safety: f64,
}

impl Default for ThroughputRule {
    fn default() -> Self {
        Self { link: Link::new([3.0, 8.0]), safety: FIRST_BUFFER_SAFETY }
    }
}

impl Rule for ThroughputRule {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        self.link.learn(s.history);
        let Some(rate) = self.link.rate() else { return 0 };
        let latency = self.link.latency();
        let rung = sustained(s, rate * SAFETY, latency);
        let bits = self.safety * (s.buffer.as_secs() - latency) * rate;
        self.safety = (self.safety * FIRST_BUFFER_SAFETY).max(BUFFER_SAFETY);
        fits(s, rung, bits)
    }
}

impl ThroughputRule {
    /// Downloads that would take far longer than they last are given up. Part of Dynamic; the rule by itself is measured
    /// without.
    pub(super) fn gives_up(&mut self, s: &Situation<'_>, transfer: &Transfer) -> Option<usize> {
        let elapsed = transfer.elapsed.as_secs_f64();
        let flow = elapsed - transfer.latency?.as_secs_f64();
        let size = transfer.size? as f64 * 8.0;
        let received = transfer.received as f64 * 8.0;
        if elapsed < GRACE || flow <= 0.0 || received <= 0.0 {
            return None;
        }
        let rate = received / flow;
        let left = size - received;
        if elapsed + left / rate <= PATIENCE * s.segment.as_secs() {
            return None;
        }
        let rung = sustained(s, rate * SAFETY, self.link.latency());
        let (to, from) = (s.ladder.get(rung)?.rate(), s.ladder.get(transfer.rung)?.rate());
        (rung < transfer.rung && size * to / from < left).then_some(rung)
    }
}

const SAFETY: f64 = 0.9;
const FIRST_BUFFER_SAFETY: f64 = 0.9;
const BUFFER_SAFETY: f64 = 0.5;
/// Seconds before which nothing is given up.
const GRACE: f64 = 0.5;
/// In segment durations.
const PATIENCE: f64 = 1.8;
