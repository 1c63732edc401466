//! What the public rules know of the network: averages over the downloads, weighted by their time.

use crate::abr::{Download, History, Situation};

/// Throughput and latency by exponentially weighted averages with two half-lives; the lower throughput counts, and the
/// higher latency.
#[derive(Debug)]
pub(super) struct Link {
    seen: u64,
    averages: [Average; 2],
}

#[derive(Debug)]
struct Average {
    half_life: f64,
    rate: f64,
    latency: f64,
    /// Of both, as they start from zero.
    weight: f64,
    latency_weight: f64,
}

impl Link {
    /// With these half-lives, in seconds of download.
    pub(super) fn new(half_lives: [f64; 2]) -> Self {
        let average =
            |half_life| Average { half_life, rate: 0.0, latency: 0.0, weight: 0.0, latency_weight: 0.0 };
        Self { seen: 0, averages: half_lives.map(average) }
    }

    /// Takes in what is new.
    pub(super) fn learn(&mut self, history: &History) {
        for download in history.downloads_since(self.seen).filter(|d| !d.abandoned) {
            let seconds = download.time.as_secs_f64().max(0.001);
            let rate = download.bytes as f64 * 8.0 / seconds;
            let latency = download.latency.as_secs_f64();
            for average in &mut self.averages {
                let keep = 0.5_f64.powf((seconds + latency) / average.half_life);
                average.rate = keep * average.rate + (1.0 - keep) * rate;
                average.weight = keep * average.weight + (1.0 - keep);
                // A latency counts the same however long the download.
                let keep = 0.5_f64.powf(1.0 / average.half_life);
                average.latency = keep * average.latency + (1.0 - keep) * latency;
                average.latency_weight = keep * average.latency_weight + (1.0 - keep);
            }
        }
        self.seen = history.downloads();
    }

    /// Bits per second; none before the first download.
    pub(super) fn rate(&self) -> Option<f64> {
        let rates = self.averages.iter().filter(|a| a.weight > 0.0).map(|a| a.rate / a.weight);
        rates.reduce(f64::min)
    }

    /// Seconds.
    pub(super) fn latency(&self) -> f64 {
        let latencies =
            self.averages.iter().filter(|a| a.latency_weight > 0.0).map(|a| a.latency / a.latency_weight);
        latencies.reduce(f64::max).unwrap_or(0.0)
    }
}

/// Throughput of one download in bits per second.
pub(super) fn rate_of(download: &Download) -> f64 {
    download.bytes as f64 * 8.0 / download.time.as_secs_f64().max(0.001)
}

/// The highest rung whose segments arrive in no more time than they last.
pub(super) fn sustained(s: &Situation<'_>, rate: f64, latency: f64) -> usize {
    let length = s.segment.as_secs();
    s.ladder.iter().skip(1).take_while(|rung| latency + length * rung.rate() / rate <= length).count()
}

/// The highest rung up to `rung` whose segment fits into what the buffer allows to load.
pub(super) fn fits(s: &Situation<'_>, rung: usize, bits: f64) -> usize {
    let length = s.segment.as_secs();
    s.ladder.iter().skip(1).take(rung).take_while(|rung| rung.rate() * length <= bits).count()
}

/// Declared average rates, lowest first.
pub(super) fn rates(s: &Situation<'_>) -> Vec<f64> {
    s.ladder.iter().map(super::super::Rung::rate).collect()
}
