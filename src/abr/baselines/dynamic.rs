//! dash.js's Dynamic, as in Sabre (`DynamicDash`): the throughput rule while the buffer is short, BOLA-E when it is not.

use crate::time::MediaTime;

use super::super::{Rule, Situation, Transfer};
use super::bola_e::BolaE;
use super::throughput::ThroughputRule;

/// The rule.
#[derive(Debug, Default)]
pub struct Dynamic {
    throughput: ThroughputRule,
    bola: BolaE,
    buffer_leads: bool,
}

impl Dynamic {
    fn lead(&mut self, s: &Situation<'_>) -> bool {
        let level = s.buffer.as_secs();
        self.buffer_leads = if self.buffer_leads { level >= SHORT } else { level > LONG };
        self.buffer_leads
    }
}

impl Rule for Dynamic {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        if self.lead(s) { self.bola.choose(s) } else { self.throughput.choose(s) }
    }

    fn rest(&mut self, s: &Situation<'_>) -> MediaTime {
        if self.lead(s) { self.bola.rest(s) } else { MediaTime::ZERO }
    }

    fn abandon(&mut self, s: &Situation<'_>, transfer: &Transfer) -> Option<usize> {
        if self.buffer_leads { self.bola.abandon(s, transfer) } else { self.throughput.gives_up(s, transfer) }
    }
}

/// Seconds of buffer below which the throughput leads, and above which the buffer does.
const SHORT: f64 = 5.0;
const LONG: f64 = 10.0;
