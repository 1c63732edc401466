//! What a network does when: periods of a rate and a latency, over and over.

use core::time::Duration;

/// A stretch in which nothing changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    /// How long.
    pub duration: Duration,
    /// Bits per second; 0 is an outage.
    pub rate: f64,
    /// From a request to its first byte.
    pub latency: Duration,
}

/// The periods; after the last comes the first. Never empty, and something gets through.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What it is called in results.
    pub name: String,
    periods: Vec<Period>,
}

impl Trace {
    /// `None` if nothing would ever get through.
    pub fn new(name: impl Into<String>, periods: Vec<Period>) -> Option<Self> {
        let periods: Vec<_> = periods.into_iter().filter(|p| !p.duration.is_zero()).collect();
        periods.iter().any(|p| p.rate > 0.0).then(|| Self { name: name.into(), periods })
    }

    /// Reads `duration_ms,kbit_per_s,latency_ms` a line; the error is the number of a line that is not that, or 0 when
    /// nothing would ever get through.
    pub fn parse(name: &str, text: &str) -> Result<Self, usize> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let periods = lines.map(|(i, line)| period(line).ok_or(i + 1)).collect::<Result<_, _>>()?;
        Self::new(name, periods).ok_or(0)
    }

    /// Rates multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for period in &mut self.periods {
            period.rate *= factor;
        }
        self
    }

    /// Mean rate in bits per second.
    pub fn mean_rate(&self) -> f64 {
        let time: f64 = self.periods.iter().map(|p| p.duration.as_secs_f64()).sum();
        self.periods.iter().map(|p| p.rate * p.duration.as_secs_f64()).sum::<f64>() / time
    }

    pub(super) fn period(&self, index: usize) -> Period {
        let nothing = Period { duration: Duration::MAX, rate: 0.0, latency: Duration::ZERO };
        self.periods.get(index % self.periods.len().max(1)).copied().unwrap_or(nothing)
    }
}

fn period(line: &str) -> Option<Period> {
    let mut numbers = line.split(',').map(|word| word.trim().parse::<f64>().ok().filter(|n| *n >= 0.0));
    let mut number = || numbers.next().flatten();
    let (duration, rate, latency) = (number()?, number()?, number()?);
    let seconds = |ms: f64| Duration::try_from_secs_f64(ms / 1000.0).ok();
    Some(Period { duration: seconds(duration)?, rate: rate * 1000.0, latency: seconds(latency)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_reads_and_repeats_and_a_bad_line_is_named() {
        let trace = Trace::parse("t", "1000,800,20\n3000,0,50\n\n").unwrap();
        assert_eq!(trace.period(3), trace.period(1));
        assert_eq!(trace.period(1).rate, 0.0);
        assert!((trace.mean_rate() - 200_000.0).abs() < 1.0);
        assert_eq!(Trace::parse("t", "1000,800,20\n1000,x,20").err(), Some(2));
        assert_eq!(Trace::parse("t", "1000,0,20").err(), Some(0));
        assert_eq!(Trace::parse("t", "").err(), Some(0));
    }
}
