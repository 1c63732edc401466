//! How long a download takes, in a few ways that are equally likely.
//!
//! A download that takes longer than the network stays at its level does not end there: what is left of it flows at the
//! rate of where the network goes. A network that falls to nothing now and then, for a second or two, is not one on which
//! a segment takes forever.

use super::forecast::{Forecast, Level};

/// One way that a download may turn out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Duration {
    pub(super) seconds: f32,
    /// The network has left its level by then.
    pub(super) left: bool,
}

/// For what the network leaves its level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    /// Bits per second.
    elsewhere: f32,
}

impl Departure {
    pub(super) fn new(forecast: &Forecast) -> Self {
        Self { elsewhere: forecast.rate_elsewhere() }
    }

    /// For a body whose size is known and a rate that does not vary but by the level. The slowest comes first.
    pub(super) fn durations(&self, level: &Level, bits: f32) -> [Duration; OUTCOMES] {
        self.varied(level, [bits; OUTCOMES])
    }

    /// Where the size and the rate vary as well, with this standard deviation of their logarithms.
    pub(super) fn durations_varied(&self, level: &Level, bits: f32, spread: f32) -> [Duration; OUTCOMES] {
        let (far, near) = ((spread * FAR).exp(), (spread * NEAR).exp());
        self.varied(level, [bits * far, bits * near, bits / near, bits / far])
    }

    fn varied(&self, level: &Level, bits: [f32; OUTCOMES]) -> [Duration; OUTCOMES] {
        let rate = level.rate;
        // The slowest is the one in which what is slow lasts, and what is fast does not.
        let lasts = rate < self.elsewhere;
        let mut stays = STAYS.map(|stays| level.stays * stays);
        if lasts {
            stays.reverse();
        }
        let mut durations = [Duration::default(); OUTCOMES];
        for (duration, (bits, stays)) in durations.iter_mut().zip(bits.into_iter().zip(stays)) {
            let here = rate * stays;
            *duration = if bits <= here {
                Duration { seconds: bits / rate, left: false }
            } else {
                Duration { seconds: stays + (bits - here) / self.elsewhere, left: true }
            };
        }
        durations
    }
}

/// In how many ways.
pub(super) const OUTCOMES: usize = 4;
/// The means of the quarters of the normal distribution, to either side.
const FAR: f32 = 1.15;
const NEAR: f32 = 0.32;
/// The medians of the quarters of the exponential distribution.
const STAYS: [f32; OUTCOMES] = [0.134, 0.47, 0.98, 2.08];

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Departure = Departure { elsewhere: 8e6 };

    fn level(rate: f32) -> Level {
        Level::at(rate, 10.0)
    }

    #[test]
    fn a_download_at_a_low_rate_ends_when_the_network_recovers() {
        // A hundred seconds, if the network stayed.
        let slow = NETWORK.durations(&level(1e5), 1e7);
        assert!(slow.iter().all(|d| d.left && d.seconds < 25.0), "{slow:?}");
        assert!(slow.is_sorted_by(|a, b| a.seconds >= b.seconds), "{slow:?}");
    }

    #[test]
    fn a_download_at_a_high_rate_may_be_caught_by_what_follows() {
        let [slowest, .., fastest] = NETWORK.durations(&level(4e7), 8e7);
        assert!(slowest.left && slowest.seconds > 2.0, "{slowest:?}");
        assert!(!fastest.left && fastest.seconds == 2.0, "{fastest:?}");
    }
}
