//! Throughput from downloads: two exponentially weighted averages, a quick and a slow one.
//!
//! A sample is bytes over the time in which they were flowing, so neither the server's thinking time nor decrypting
//! nor a full buffer is taken for a slow network. The quick average
//! follows a drop at once, the slow one does not believe a short burst: the estimate is the lower of both.

use core::time::Duration;

/// One download, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Bytes of body.
    pub bytes: u64,
    /// Time in which they flowed.
    pub time: Duration,
}

/// How fast the network is believed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Bits per second.
    pub bits_per_second: u64,
    /// Whether it rests on this session's own samples; else it is what an earlier session stored, or a default.
    pub measured: bool,
}

/// The estimator.
#[derive(Clone, Debug)]
pub struct Throughput {
    quick: Average,
    slow: Average,
    prior: Option<u64>,
}

impl Throughput {
    /// Starts from what an earlier session stored, in bits per second, or from nothing.
    pub fn new(prior: Option<u64>) -> Self {
        Self { quick: Average::new(QUICK_HALF_LIFE), slow: Average::new(SLOW_HALF_LIFE), prior }
    }

    /// Learns from a download. Samples too small to mean anything are left out: see [`MIN_SAMPLE_BYTES`].
    pub fn add(&mut self, sample: Sample) {
        if sample.bytes < MIN_SAMPLE_BYTES {
            return;
        }
        // A body that was already in the host's buffers "flows" in no time; count at least the time that the
        // fastest believable link would have taken.
        let floor = sample.bytes as f64 * 8.0 / MAX_BITS_PER_SECOND;
        let seconds = sample.time.as_secs_f64().max(floor);
        let rate = sample.bytes as f64 * 8.0 / seconds;
        self.quick.add(rate, seconds);
        self.slow.add(rate, seconds);
    }

    /// The estimate; `None` when nothing was measured and nothing stored.
    pub fn estimate(&self) -> Option<Estimate> {
        match (self.quick.value(), self.slow.value()) {
            (Some(quick), Some(slow)) => {
                Some(Estimate { bits_per_second: to_rate(quick.min(slow)), measured: true })
            }
            _ => self.prior.map(|bits_per_second| Estimate { bits_per_second, measured: false }),
        }
    }
}

/// Bodies smaller than this say more about latency than about the network's rate.
pub const MIN_SAMPLE_BYTES: u64 = 16 * 1024;

const QUICK_HALF_LIFE: f64 = 2.0;
const SLOW_HALF_LIFE: f64 = 8.0;
const MAX_BITS_PER_SECOND: f64 = 1e9;

/// An exponentially weighted average whose weights are seconds of download, without the bias of its start.
#[derive(Clone, Debug)]
struct Average {
    half_life: f64,
    sum: f64,
    weight: f64,
}

impl Average {
    fn new(half_life: f64) -> Self {
        Self { half_life, sum: 0.0, weight: 0.0 }
    }

    fn add(&mut self, value: f64, seconds: f64) {
        let keep = 0.5_f64.powf(seconds / self.half_life);
        self.sum = self.sum * keep + value * (1.0 - keep);
        self.weight = self.weight * keep + (1.0 - keep);
    }

    fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates, and rates are positive
fn to_rate(bits_per_second: f64) -> u64 {
    bits_per_second as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn download(mbit_per_s: f64, seconds: f64) -> Sample {
        Sample { bytes: (mbit_per_s * 1e6 / 8.0 * seconds) as u64, time: Duration::from_secs_f64(seconds) }
    }

    fn estimate(samples: &[(f64, f64)]) -> f64 {
        let mut t = Throughput::new(None);
        for &(rate, seconds) in samples {
            t.add(download(rate, seconds));
        }
        t.estimate().unwrap().bits_per_second as f64 / 1e6
    }

    #[test]
    fn the_first_sample_is_believed_whole() {
        assert!((estimate(&[(5.0, 0.5)]) - 5.0).abs() < 0.01);
    }

    #[test]
    fn a_drop_is_followed_quickly_and_a_burst_slowly() {
        let steady = [(8.0, 2.0); 10];
        let drop = estimate(&[&steady[..], &[(1.0, 4.0)]].concat());
        assert!(drop < 3.0, "{drop}");
        let burst = estimate(&[&vec![(1.0, 2.0); 10][..], &[(20.0, 1.0)]].concat());
        assert!(burst < 3.0, "{burst}");
    }

    #[test]
    fn small_and_instant_samples_do_no_harm() {
        let mut t = Throughput::new(Some(3_000_000));
        t.add(Sample { bytes: 100, time: Duration::from_secs(1) });
        assert_eq!(t.estimate(), Some(Estimate { bits_per_second: 3_000_000, measured: false }));
        t.add(Sample { bytes: 1_000_000, time: Duration::ZERO });
        let e = t.estimate().unwrap();
        assert!(e.measured && e.bits_per_second <= 1_000_000_000);
    }
}
