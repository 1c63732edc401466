//! Traces and ladders made from a seed, for tests: no network is recorded in this repository.

use core::time::Duration;

use super::trace::Period;
use super::{Ladder, Trace};

/// A ladder of these rates in kbit/s, and so many segments of this length whose sizes vary as those of films do.
pub fn ladder(seed: u64, rates_kbit: &[u64], segment: Duration, segments: usize) -> Ladder {
    let mut random = Random(seed);
    let rates: Vec<u64> = rates_kbit.iter().map(|rate| rate * 1000).collect();
    let sizes = (0..segments)
        .map(|_| {
            let factor = (0.2 * random.normal()).exp().clamp(0.5, 1.9);
            rates.iter().map(|rate| bits(*rate as f64 * segment.as_secs_f64() * factor)).collect()
        })
        .collect();
    Ladder { segment, rates, sizes }
}

/// A network whose rate, in kbit/s, stays near one of `levels` for about `stay` and then goes to another; around its
/// level it varies by `noise` (standard deviation of the logarithm) from second to second.
pub fn switching(seed: u64, levels: &[f64], stay: Duration, noise: f64) -> Option<Trace> {
    let mut random = Random(seed);
    let mut periods = Vec::new();
    let mut level = levels.first().copied()?;
    for _ in 0..600 {
        if random.uniform() < 1.0 / stay.as_secs_f64().max(1.0) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index
            let at = (random.uniform() * levels.len() as f64) as usize;
            level = levels.get(at).copied().unwrap_or(level);
        }
        periods.push(second(level * (noise * random.normal()).exp()));
    }
    Trace::new(format!("switching-{seed}"), periods)
}

/// Steps of so many seconds at a rate in kbit/s, over and over.
pub fn steps(name: &str, steps: &[(u64, f64)]) -> Option<Trace> {
    let period =
        |(seconds, kbit): &(u64, f64)| Period { duration: Duration::from_secs(*seconds), ..second(*kbit) };
    Trace::new(name, steps.iter().map(period).collect())
}

fn second(kbit: f64) -> Period {
    Period { duration: Duration::from_secs(1), rate: kbit * 1000.0, latency: Duration::from_millis(30) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates, and sizes are positive
fn bits(number: f64) -> u64 {
    (number as u64).max(1)
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Nearly normal, by twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
