//! Adaptive bitrate: how fast the network is and which rung it carries.
//!
//! [`Throughput`] turns downloads into an estimate; a [`Rule`] turns the estimate and the buffer into a choice.
//! One trait, one file an algorithm. Nothing here keeps time or reads a clock: what a rule knows is what it is
//! handed, so every choice can be replayed.

#![forbid(unsafe_code)]

mod rate;
mod throughput;

pub use rate::Rate;
pub use throughput::{Estimate, MIN_SAMPLE_BYTES, Sample, Throughput};

use crate::time::MediaTime;

/// A rung as a rule sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Declared peak rate in bits per second (RFC 8216bis BANDWIDTH), 0 when unknown.
    pub bandwidth: u64,
}

/// What a rule may look at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The rungs, lowest first. Never empty.
    pub ladder: &'a [Rung],
    /// The rung of the last segment loaded, none before the first.
    pub current: Option<usize>,
    /// How fast the network is believed to be; none before the first sample.
    pub estimate: Option<Estimate>,
    /// Media from the playhead to the end of what is loaded.
    pub buffer: MediaTime,
    /// Where `buffer` is led to.
    pub buffer_goal: MediaTime,
}

/// Chooses the rung of the next segment.
pub trait Rule: core::fmt::Debug {
    /// An index into `situation.ladder`. Out-of-range answers are taken for the highest rung.
    fn choose(&mut self, situation: &Situation<'_>) -> usize;
}
