//! The rule of hls.js 1.6 with its default configuration (`abr-controller.ts`), as far as it concerns VOD.
//!
//! Going up asks for 1 / 0.7 of a rung's average rate, staying for 1 / 0.95 of it; while the buffer is short of this, a
//! rung may also be one that arrives before the buffer runs out or soon after. (From 1.5 on hls.js takes the peak rate for
//! going up, which makes it a good deal worse on a ladder that declares both.)

use super::super::{Rule, Situation, Transfer};
use super::link::Link;

/// The rule.
#[derive(Debug)]
pub struct HlsJs {
    link: Link,
}

impl Default for HlsJs {
    fn default() -> Self {
        Self { link: Link::new([3.0, 9.0]) }
    }
}

impl HlsJs {
    /// The highest rung that arrives within `delay` seconds; `None`: not even the lowest.
    fn best(&self, s: &Situation<'_>, rate: f64, delay: f64, factors: (f64, f64)) -> Option<usize> {
        let (keep, up) = factors;
        let current = s.current.unwrap_or(0);
        let length = s.segment.as_secs();
        s.ladder.iter().enumerate().rev().find_map(|(i, rung)| {
            let (usable, wanted) = (if i <= current { keep } else { up } * rate, rung.rate());
            let time = self.link.latency() + wanted * length / usable.max(1.0);
            (usable >= wanted && (delay <= 0.0 || time < delay)).then_some(i)
        })
    }
}

impl Rule for HlsJs {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        self.link.learn(s.history);
        let rate = self.link.rate().unwrap_or(DEFAULT_RATE);
        let buffer = s.buffer.as_secs();
        if let Some(rung) = self.best(s, rate, buffer, (KEEP, UP)).filter(|_| s.current.is_some()) {
            return rung;
        }
        let starvation = s.segment.as_secs().min(MAX_STARVATION);
        let delay = buffer + starvation;
        self.best(s, rate, delay, if buffer > 0.0 { (KEEP, UP) } else { (1.0, 1.0) }).unwrap_or(0)
    }

    fn abandon(&mut self, s: &Situation<'_>, transfer: &Transfer) -> Option<usize> {
        let elapsed = transfer.elapsed.as_secs_f64();
        let length = s.segment.as_secs();
        let latency = transfer.latency?.as_secs_f64();
        let flow = (elapsed - latency).max(0.001);
        // Half the segment's duration passes before anything is given up.
        if elapsed * 1000.0 <= 500.0 * length || transfer.rung == 0 || transfer.received == 0 {
            return None;
        }
        let rate = transfer.received as f64 * 8.0 / flow;
        let from = s.ladder.get(transfer.rung)?.rate();
        let size = transfer.size.map_or(from * length, |size| size as f64 * 8.0);
        let left = (size - transfer.received as f64 * 8.0) / rate;
        let buffer = s.buffer.as_secs();
        if left <= buffer || buffer >= 2.0 * length {
            return None;
        }
        let time = |rung: usize| {
            s.ladder.get(rung).map_or(f64::INFINITY, |r| latency + r.rate() * length / (KEEP * rate))
        };
        let to = (0..transfer.rung).rev().find(|rung| time(*rung) < buffer).unwrap_or(0);
        (time(to) < left && time(to) <= length * 10.0).then_some(to)
    }
}

const DEFAULT_RATE: f64 = 500_000.0;
const KEEP: f64 = 0.95;
const UP: f64 = 0.7;
const MAX_STARVATION: f64 = 4.0;
