//! BBA-0: the rung follows the buffer alone (Huang and others, *A Buffer-Based Approach to Rate Adaptation*, 2014).

use super::super::{Rule, Situation};
use super::link::rates;

/// The rule. Below the reservoir the lowest rung, above the cushion the highest, in between on a line, left only when
/// the line has passed the next rung.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bba0;

impl Rule for Bba0 {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        let rates = rates(s);
        let top = rates.len().saturating_sub(1);
        let (Some(&lowest), Some(&highest)) = (rates.first(), rates.last()) else { return 0 };
        let (buffer, full) = (s.buffer.as_secs(), s.buffer_goal.as_secs() + s.segment.as_secs());
        let (reservoir, upper) = (RESERVOIR * full, UPPER * full);
        if buffer <= reservoir {
            return 0;
        }
        if buffer >= upper {
            return top;
        }
        let line = lowest + (highest - lowest) * (buffer - reservoir) / (upper - reservoir);
        let current = s.current.unwrap_or(0).min(top);
        let up = rates.get(current + 1).is_some_and(|next| line >= *next);
        let down = current > 0 && rates.get(current - 1).is_some_and(|before| line <= *before);
        if up {
            rates.iter().rposition(|rate| *rate <= line).unwrap_or(0)
        } else if down {
            rates.iter().position(|rate| *rate >= line).unwrap_or(top)
        } else {
            current
        }
    }
}

/// As shares of the buffer, as in the paper's 90 s and 126 s of 240 s.
const RESERVOIR: f64 = 0.375;
const UPPER: f64 = 0.9;
