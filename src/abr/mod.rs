//! Adaptive bitrate: how fast the network is and which rung it carries.
//!
//! [`History`] is what was seen of the network, [`Throughput`] the plain estimate that pages and reports show; a
//! [`Rule`] turns what was seen and the buffer into a choice. One trait, one file an algorithm. Nothing here keeps time
//! or reads a clock: what a rule knows is what it is handed, so every choice can be replayed.

#![forbid(unsafe_code)]

#[cfg(any(test, feature = "cli"))]
pub mod baselines;
mod duration;
mod forecast;
mod history;
mod outlook;
mod plan;
mod throughput;

pub use history::{Download, History, SLICE, Slice};
pub use outlook::Outlook;
pub use throughput::{Estimate, MIN_SAMPLE_BYTES, Sample, Throughput};

use core::time::Duration;

use crate::time::{MediaTime, Timestamp};

/// A rung as a rule sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Declared peak rate in bits per second (RFC 8216bis BANDWIDTH), 0 when unknown.
    pub bandwidth: u64,
    /// Declared average rate in bits per second (AVERAGE-BANDWIDTH), 0 when unknown.
    pub average: u64,
}

impl Rung {
    /// What a segment takes on average, in bits per second: as declared, else by the peak. Never 0.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let rate = if self.average > 0 { self.average.min(self.bandwidth.max(1)) } else { self.bandwidth };
        rate.max(1) as f64
    }
}

/// What a rule may look at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// When.
    pub now: Timestamp,
    /// The rungs, lowest first. Never empty.
    pub ladder: &'a [Rung],
    /// The rung of the last segment loaded, none before the first.
    pub current: Option<usize>,
    /// How fast the network is believed to be; none before the first sample.
    pub estimate: Option<Estimate>,
    /// What was seen of the network in this session.
    pub history: &'a History,
    /// Media from the playhead to the end of what is loaded.
    pub buffer: MediaTime,
    /// Where `buffer` is led to: while it is below, the next segment is asked for.
    pub buffer_goal: MediaTime,
    /// How long a segment is, as far as the playlists say.
    pub segment: MediaTime,
    /// Whether anything has been shown yet.
    pub started: bool,
}

/// A download of a media segment under way.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// Which rung's.
    pub rung: usize,
    /// The rung of the segment before, none for the first.
    pub before: Option<usize>,
    /// Bytes of body so far.
    pub received: u64,
    /// Length of the body, when announced.
    pub size: Option<u64>,
    /// Since the request.
    pub elapsed: Duration,
    /// From the request to the first byte, if that is here.
    pub latency: Option<Duration>,
    /// Since bytes last arrived.
    pub idle: Duration,
}

/// Chooses the rung of the next segment.
pub trait Rule: core::fmt::Debug {
    /// An index into `situation.ladder`. Out-of-range answers are taken for the highest rung.
    fn choose(&mut self, situation: &Situation<'_>) -> usize;

    /// How much of the buffer to let play before the next segment is chosen, although there is room for it. Asked
    /// again when that has passed; zero goes on at once.
    fn rest(&mut self, situation: &Situation<'_>) -> MediaTime {
        let _ = situation;
        MediaTime::ZERO
    }

    /// Whether to give a download up and ask for its segment again, and on which rung: a lower one, or the answer does
    /// not count.
    fn abandon(&mut self, situation: &Situation<'_>, transfer: &Transfer) -> Option<usize> {
        let _ = (situation, transfer);
        None
    }
}
