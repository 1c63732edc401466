//! dash.js's Dynamic, as in Sabre: the throughput rule while the buffer is short, BOLA when it is not.

use super::super::{Rule, Situation, Transfer};
use super::link::{Link, rates, sustained};
use super::throughput::ThroughputRule;

/// The rule.
#[derive(Debug)]
pub struct Dynamic {
    throughput: ThroughputRule,
    link: Link,
    buffer_leads: bool,
}

impl Default for Dynamic {
    fn default() -> Self {
        Self { throughput: ThroughputRule::default(), link: Link::new([3.0, 8.0]), buffer_leads: false }
    }
}

impl Dynamic {
    /// BOLA proper, kept from going up beyond what the network carries (BOLA-O).
    fn bola(&self, s: &Situation<'_>) -> usize {
        let rates = rates(s);
        let lowest = rates.first().copied().unwrap_or(1.0);
        let highest = rates.last().copied().unwrap_or(1.0);
        let vp = s.buffer_goal.as_secs() / ((highest / lowest).ln() + GP);
        let level = s.buffer.as_secs();
        let scores = rates.iter().map(|rate| (vp * ((rate / lowest).ln() + GP) - level) / rate);
        let best = scores.enumerate().fold((0, f64::NEG_INFINITY), |b, s| if s.1 > b.1 { s } else { b });
        let last = s.current.unwrap_or(0);
        let carried = self.link.rate().map_or(0, |rate| sustained(s, rate, self.link.latency()));
        if best.0 > last { best.0.min(carried.max(last)) } else { best.0 }
    }
}

impl Rule for Dynamic {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        self.link.learn(s.history);
        let (by_buffer, by_throughput) = (self.bola(s), self.throughput.choose(s));
        let short = s.buffer.as_secs() < THRESHOLD;
        if self.buffer_leads && short && by_buffer < by_throughput {
            self.buffer_leads = false;
        } else if !self.buffer_leads && !short && by_buffer >= by_throughput {
            self.buffer_leads = true;
        }
        if self.buffer_leads { by_buffer } else { by_throughput }
    }

    fn abandon(&mut self, s: &Situation<'_>, transfer: &Transfer) -> Option<usize> {
        self.throughput.gives_up(s, transfer)
    }
}

const GP: f64 = 5.0;
/// Seconds.
const THRESHOLD: f64 = 10.0;
