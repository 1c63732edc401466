//! The rate rule: the highest rung that the estimated throughput carries, with a margin.
//!
//! The margin is asymmetric: going up asks for more room than staying, so that noise around a threshold does not
//! make the picture flap; and a thin buffer asks for more room than a full one, which can ride out a bad estimate.

use super::{Rule, Situation};

/// The rate rule. Has no memory: the same situation always gets the same answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate;

impl Rule for Rate {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        let rate = s.estimate.map_or(DEFAULT_BITS_PER_SECOND, |e| e.bits_per_second);
        let Some(current) = s.current else {
            return highest_under(s, rate as f64 * START_MARGIN);
        };
        let up = highest_under(s, rate as f64 * UP_MARGIN);
        if up > current {
            return up;
        }
        // With the buffer near its goal a slightly optimistic estimate costs nothing but buffer.
        let full = s.buffer.as_secs() >= 0.5 * s.buffer_goal.as_secs();
        let keep = highest_under(s, rate as f64 * if full { KEEP_MARGIN_FULL } else { KEEP_MARGIN_THIN });
        keep.min(current)
    }
}

fn highest_under(s: &Situation<'_>, limit: f64) -> usize {
    s.ladder.iter().rposition(|r| r.bandwidth as f64 <= limit).unwrap_or(0)
}

/// Taken for the throughput when nothing is known: enough for standard definition almost everywhere.
const DEFAULT_BITS_PER_SECOND: u64 = 2_000_000;
const START_MARGIN: f64 = 0.8;
const UP_MARGIN: f64 = 0.75;
const KEEP_MARGIN_FULL: f64 = 1.0;
const KEEP_MARGIN_THIN: f64 = 0.85;

#[cfg(test)]
mod tests {
    use super::super::{Estimate, Rung};
    use super::*;
    use crate::time::MediaTime;

    const LADDER: [Rung; 4] = [
        Rung { bandwidth: 700_000 },
        Rung { bandwidth: 1_400_000 },
        Rung { bandwidth: 2_800_000 },
        Rung { bandwidth: 5_000_000 },
    ];

    fn choose(estimate: Option<u64>, current: Option<usize>, buffer_s: i64) -> usize {
        Rate.choose(&Situation {
            ladder: &LADDER,
            current,
            estimate: estimate.map(|bits_per_second| Estimate { bits_per_second, measured: true }),
            buffer: MediaTime::from_millis(buffer_s * 1000),
            buffer_goal: MediaTime::from_millis(30_000),
        })
    }

    #[test]
    fn starts_cautiously_when_nothing_is_known_and_by_the_estimate_when_something_is() {
        assert_eq!(choose(None, None, 0), 1);
        assert_eq!(choose(Some(500_000), None, 0), 0);
        assert_eq!(choose(Some(20_000_000), None, 0), 3);
    }

    #[test]
    fn never_above_what_the_network_carries_and_never_off_the_ladder() {
        for rate in (0..40).map(|i| i * 250_000) {
            for current in 0..4 {
                let chosen = choose(Some(rate), Some(current), 30);
                assert!(chosen == 0 || LADDER[chosen].bandwidth <= rate, "{rate} {current} -> {chosen}");
            }
        }
    }

    #[test]
    fn noise_around_a_threshold_does_not_flap() {
        // 2.8 Mbit/s rung: entered only with 3.73 Mbit/s, kept down to 2.8 with a full buffer.
        assert_eq!(choose(Some(3_600_000), Some(1), 20), 1);
        assert_eq!(choose(Some(3_800_000), Some(1), 20), 2);
        assert_eq!(choose(Some(3_000_000), Some(2), 20), 2);
        assert_eq!(choose(Some(3_000_000), Some(2), 5), 1);
    }
}
