//! BOLA-E, as in Sabre (`BolaEnh` with `--abr-osc`): BOLA on a buffer that is thought larger than it is at the start and
//! after seeks.
//!
//! Where a rung that the network carries is not worth loading at so much buffer, the rule pauses. These pauses count:
//! without them the buffer fills up, and on networks that swing the rule is a tenth lower.

use core::time::Duration;

use crate::time::{MediaTime, Timestamp};

use super::super::{Rule, Situation, Transfer};
use super::link::{Link, fits, rates, sustained};

/// The rule.
#[derive(Debug)]
pub struct BolaE {
    link: Link,
    seen: u64,
    safety: f64,
    /// Seconds of buffer that are only thought to be there.
    placeholder: f64,
    steady: bool,
    last: usize,
    /// What was decided on the next segment.
    next: Option<Next>,
}

/// One decision a download: it is asked for again while a pause or a playlist is waited for.
#[derive(Clone, Copy, Debug)]
struct Next {
    after: u64,
    rung: usize,
    at: Timestamp,
    /// How long it pauses.
    pause: Duration,
}

impl Default for BolaE {
    fn default() -> Self {
        Self {
            link: Link::new([3.0, 8.0]),
            seen: 0,
            safety: FIRST_BUFFER_SAFETY,
            placeholder: 0.0,
            steady: false,
            last: 0,
            next: None,
        }
    }
}

/// BOLA's two parameters and what they are about.
struct Bola {
    rates: Vec<f64>,
    utilities: Vec<f64>,
    gp: f64,
    vp: f64,
}

impl Bola {
    fn new(s: &Situation<'_>) -> Self {
        let rates = rates(s);
        let lowest = rates.first().copied().unwrap_or(1.0);
        let utilities: Vec<_> = rates.iter().map(|rate| 1.0 + (rate / lowest).ln()).collect();
        let full = s.buffer_goal.as_secs() + s.segment.as_secs();
        let buffer = full.max(MIN_BUFFER + MIN_BUFFER_PER_RUNG * rates.len() as f64);
        let highest = utilities.last().copied().unwrap_or(1.0);
        let gp = ((highest - 1.0) / (buffer / MIN_BUFFER - 1.0)).max(1e-6);
        Self { rates, utilities, gp, vp: MIN_BUFFER / gp }
    }

    fn rung(&self, level: f64) -> usize {
        let scores = self.rates.iter().zip(&self.utilities);
        let scores = scores.map(|(rate, utility)| (self.vp * (utility + self.gp) - level) / rate);
        let best = scores.enumerate().fold((0, f64::NEG_INFINITY), |b, s| if s.1 > b.1 { s } else { b });
        best.0
    }

    /// The buffer from which on a rung is preferred to all below it.
    fn min_level(&self, rung: usize) -> f64 {
        let (Some(&rate), Some(&utility)) = (self.rates.get(rung), self.utilities.get(rung)) else {
            return 0.0;
        };
        let below = self.rates.iter().zip(&self.utilities).take(rung).filter(|(r, _)| **r < rate);
        below.fold(0.0, |level: f64, (r, u)| {
            level.max(self.vp * (self.gp + (rate * u - r * utility) / (rate - r)))
        })
    }

    /// The buffer from which on a rung is not worth loading.
    fn max_level(&self, rung: usize) -> f64 {
        self.utilities.get(rung).map_or(0.0, |utility| self.vp * (utility + self.gp))
    }
}

impl BolaE {
    fn learn(&mut self, s: &Situation<'_>, bola: &Bola) {
        // Time spent waiting for room would have filled a larger buffer. What was learnt below was at its end.
        let waited = s.history.idle_since().map_or(0.0, |since| s.now.since(since).as_secs_f64());
        let level = s.buffer.as_secs() + waited;
        for download in s.history.downloads_since(self.seen) {
            if download.abandoned {
                continue;
            }
            self.last = download.rung;
            let was = level + (download.latency + download.time).as_secs_f64();
            self.placeholder = self.placeholder.min((bola.max_level(download.rung) - was).max(0.0));
            if level > 0.0 {
                self.placeholder = self.placeholder.max(bola.min_level(download.rung) - was);
            }
        }
        self.placeholder += waited;
        self.seen = s.history.downloads();
        self.link.learn(s.history);
    }

    fn next(&mut self, s: &Situation<'_>) -> Next {
        let after = s.history.downloads();
        if let Some(next) = self.next.filter(|next| next.after == after) {
            return next;
        }
        let (rung, seconds) = self.decide(s);
        let pause = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        *self.next.insert(Next { after, rung, at: s.now, pause })
    }

    /// The rung of the next segment and for how many seconds to pause before it.
    fn decide(&mut self, s: &Situation<'_>) -> (usize, f64) {
        let bola = Bola::new(s);
        self.learn(s, &bola);
        let level = s.buffer.as_secs();
        let Some(rate) = self.link.rate() else { return (0, 0.0) };
        let latency = self.link.latency();
        let carried = sustained(s, rate, latency);
        if !self.steady {
            self.steady = true;
            self.placeholder = (bola.min_level(carried) - level).max(0.0);
            return (carried, 0.0);
        }
        let mut rung = bola.rung(level + self.placeholder);
        if rung > self.last && rung > carried {
            rung = self.last.max(carried);
        }
        // What is only thought to be there is taken back before anything real is waited for.
        let over = (level + self.placeholder - bola.max_level(rung)).max(0.0);
        let mut pause = (over - self.placeholder).max(0.0);
        self.placeholder = (self.placeholder - over).max(0.0);
        if rung + 1 >= s.ladder.len() {
            pause = 0.0;
        }
        let bits = self.safety * (level - latency) * rate;
        self.safety = (self.safety * FIRST_BUFFER_SAFETY).max(BUFFER_SAFETY);
        let safe = fits(s, rung, bits);
        if safe < rung {
            self.placeholder = self.placeholder.min((bola.min_level(safe) - level).max(0.0));
            pause = 0.0;
        }
        (safe, pause)
    }
}

impl Rule for BolaE {
    fn choose(&mut self, s: &Situation<'_>) -> usize {
        self.next(s).rung
    }

    fn rest(&mut self, s: &Situation<'_>) -> MediaTime {
        let next = self.next(s);
        MediaTime::from_duration((next.at + next.pause).since(s.now))
    }

    fn abandon(&mut self, s: &Situation<'_>, transfer: &Transfer) -> Option<usize> {
        let latency = transfer.latency?.as_secs_f64();
        let (size, received) = (transfer.size? as f64 * 8.0, transfer.received as f64 * 8.0);
        let flow = transfer.elapsed.as_secs_f64() - latency;
        if received <= 0.0 || flow <= 0.0 || received >= size {
            return None;
        }
        let bola = Bola::new(s);
        let level = (s.buffer.as_secs() + self.placeholder - latency).max(0.0);
        // Asking again costs a latency, in which this download would go on.
        let left = size - received - latency * received / flow;
        if left <= 0.0 {
            return None;
        }
        let worth = |rung: usize, bits: f64| {
            bola.utilities.get(rung).map_or(f64::MIN, |u| (bola.vp * (bola.gp + u) - level) / bits)
        };
        let mut best = (None, worth(transfer.rung, left));
        let from = bola.rates.get(transfer.rung)?;
        for (rung, rate) in bola.rates.iter().enumerate().take(transfer.rung) {
            let bits = size * rate / from;
            if bits < left && worth(rung, bits) > best.1 {
                best = (Some(rung), worth(rung, bits));
            }
        }
        if let Some(rung) = best.0 {
            let wanted = if rung > 0 { bola.min_level(rung) } else { MIN_BUFFER };
            self.placeholder = self.placeholder.min((wanted - s.buffer.as_secs()).max(0.0));
            self.last = rung;
        }
        best.0
    }
}

const MIN_BUFFER: f64 = 10.0;
const MIN_BUFFER_PER_RUNG: f64 = 2.0;
const FIRST_BUFFER_SAFETY: f64 = 0.9;
const BUFFER_SAFETY: f64 = 0.5;
