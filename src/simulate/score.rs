//! What came of sessions, as one record each and one for all.

use core::time::Duration;

use serde::Serialize;

use super::ladder::Ladder;

/// A session.
#[derive(Clone, Debug, Serialize)]
pub struct Score {
    /// The network's name.
    pub trace: String,
    /// The rule's.
    pub abr: String,
    /// 100 is the top rung throughout, at once and without a stall.
    pub qoe: f64,
    /// Mean nominal rate of what played.
    pub mean_kbps: f64,
    /// Time stalled after the start.
    pub stall_s: f64,
    /// How often.
    pub stalls: f64,
    /// From the first request to the first frame.
    pub startup_s: f64,
    /// Changes of rung.
    pub switches: f64,
    /// Media played.
    pub media_s: f64,
    /// Bits received, those in vain included.
    pub bits: f64,
    /// Bits of downloads that were given up.
    pub wasted_bits: f64,
}

/// Means over sessions.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Always `summary`.
    pub trace: String,
    /// The rule's name.
    pub abr: String,
    /// How many.
    pub sessions: usize,
    /// Mean of the sessions'.
    pub qoe: f64,
    /// What nineteen of twenty sessions exceed.
    pub qoe_p5: f64,
    /// Mean of the sessions'.
    pub mean_kbps: f64,
    /// Stalled time of all in percent of media of all.
    pub stall_percent: f64,
    /// Mean of the sessions'.
    pub stall_s: f64,
    /// Mean of the sessions'.
    pub stalls: f64,
    /// Of all, over media of all.
    pub stalls_per_hour: f64,
    /// Mean of the sessions'.
    pub startup_s: f64,
    /// Median of the sessions'.
    pub startup_p50_s: f64,
    /// What nineteen of twenty sessions keep within.
    pub startup_p95_s: f64,
    /// Mean of the sessions'.
    pub switches: f64,
    /// Of all, over media of all.
    pub switches_per_minute: f64,
    /// Mean of the sessions'.
    pub media_s: f64,
    /// Mean of the sessions'.
    pub bits: f64,
    /// Gigabytes received over hours of media.
    pub gb_per_hour: f64,
    /// Mean of the sessions'.
    pub wasted_bits: f64,
    /// Of all that was received.
    pub wasted_percent: f64,
}

/// What a session is scored by.
pub(super) struct Played<'a> {
    pub(super) rungs: &'a [usize],
    pub(super) stalls: u64,
    pub(super) stalled: Duration,
    pub(super) startup: Duration,
    pub(super) bits: u64,
    pub(super) wasted: u64,
}

impl Score {
    pub(super) fn of(trace: &str, abr: &str, ladder: &Ladder, played: &Played<'_>) -> Self {
        let utilities = utilities(&ladder.rates);
        let utility = |rung: &usize| utilities.get(*rung).copied().unwrap_or(0.0);
        let (length, rungs) = (ladder.segment.as_secs_f64(), played.rungs);
        let media = (length * rungs.len() as f64).max(f64::MIN_POSITIVE);
        let quality: f64 = rungs.iter().map(|rung| length * utility(rung)).sum();
        let pairs = || rungs.iter().zip(rungs.iter().skip(1));
        let steps: f64 = pairs().map(|(a, b)| (utility(b) - utility(a)).abs()).sum();
        let stalled = played.stalled.as_secs_f64();
        let startup = played.startup.as_secs_f64();
        let kbits: f64 = rungs.iter().filter_map(|rung| ladder.rates.get(*rung)).map(|r| *r as f64).sum();
        Self {
            trace: trace.into(),
            abr: abr.into(),
            qoe: 100.0 / media * (quality - SWITCH * steps - STALL * stalled - startup),
            mean_kbps: kbits / 1000.0 / rungs.len().max(1) as f64,
            stall_s: stalled,
            stalls: played.stalls as f64,
            startup_s: startup,
            switches: pairs().filter(|(a, b)| a != b).count() as f64,
            media_s: media,
            bits: played.bits as f64,
            wasted_bits: played.wasted as f64,
        }
    }
}

impl Summary {
    /// Of at least one session.
    pub fn of(scores: &[Score]) -> Option<Self> {
        let first = scores.first()?;
        let sum = |of: fn(&Score) -> f64| -> f64 { scores.iter().map(of).sum() };
        let mean = |of: fn(&Score) -> f64| sum(of) / scores.len() as f64;
        let ranked = |of: fn(&Score) -> f64, share: f64| {
            let mut all: Vec<_> = scores.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index
            let at = ((all.len() - 1) as f64 * share).round() as usize;
            all.get(at).copied().unwrap_or(0.0)
        };
        let media = sum(|s| s.media_s);
        Some(Self {
            trace: "summary".into(),
            abr: first.abr.clone(),
            sessions: scores.len(),
            qoe: mean(|s| s.qoe),
            qoe_p5: ranked(|s| s.qoe, 0.05),
            mean_kbps: mean(|s| s.mean_kbps),
            stall_percent: 100.0 * sum(|s| s.stall_s) / media,
            stall_s: mean(|s| s.stall_s),
            stalls: mean(|s| s.stalls),
            stalls_per_hour: 3600.0 * sum(|s| s.stalls) / media,
            startup_s: mean(|s| s.startup_s),
            startup_p50_s: ranked(|s| s.startup_s, 0.5),
            startup_p95_s: ranked(|s| s.startup_s, 0.95),
            switches: mean(|s| s.switches),
            switches_per_minute: 60.0 * sum(|s| s.switches) / media,
            media_s: mean(|s| s.media_s),
            bits: mean(|s| s.bits),
            gb_per_hour: sum(|s| s.bits) / 8e9 / (media / 3600.0),
            wasted_bits: mean(|s| s.wasted_bits),
            wasted_percent: 100.0 * sum(|s| s.wasted_bits) / sum(|s| s.bits).max(1.0),
        })
    }
}

/// By rung: 0 for the lowest, 1 for the highest, by the logarithm of the rate in between.
fn utilities(rates: &[u64]) -> Vec<f64> {
    let (lowest, highest) = match (rates.first(), rates.last()) {
        (Some(lowest), Some(highest)) => (*lowest as f64, *highest as f64),
        _ => return Vec::new(),
    };
    let span = (highest / lowest).ln();
    rates.iter().map(|r| if span > 0.0 { (*r as f64 / lowest).ln() / span } else { 1.0 }).collect()
}

const SWITCH: f64 = 4.0;
const STALL: f64 = 4.0;
