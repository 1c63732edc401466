//! The network that a session seems to have: one bottleneck of a given rate shared by all its responses, and a
//! round-trip delay.
//!
//! A [`Link`] is a queue in virtual time. Each quantum of bytes occupies it for `bytes * 8 / rate` after what is
//! already queued, and is handed on when it has passed. Responses take turns because each asks for one quantum at
//! a time.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use crate::app::lock;

/// Rate and delay of a session.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    /// `None`: as fast as the machine goes.
    #[serde(default)]
    pub(crate) bits_per_second: Option<u64>,
    #[serde(default)]
    pub(crate) rtt_ms: u64,
}

impl Shape {
    /// Why this shape cannot be.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if self.bits_per_second.is_some_and(|rate| rate < RATE_MIN) {
            Some("bits_per_second must be null or at least 1000")
        } else if self.rtt_ms > RTT_MAX_MS {
            Some("rtt_ms must be at most 60000")
        } else {
            None
        }
    }

    /// The wait before the head of a response; a new connection pays one round trip more.
    pub(crate) fn delay(&self, new_connection: bool) -> Duration {
        Duration::from_millis(self.rtt_ms) * if new_connection { 2 } else { 1 }
    }
}

/// A bottleneck that any number of responses share.
#[derive(Debug)]
pub(crate) struct Link {
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    rate: Option<u64>,
    free_at: Instant,
}

/// How far one response has come on one link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    passed_at: Instant,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self { passed_at: Instant::now() }
    }
}

impl Link {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self { queue: Mutex::new(Queue { rate, free_at: Instant::now() }) }
    }

    /// Holds from the next quantum on.
    pub(crate) fn set_rate(&self, rate: Option<u64>) {
        let mut queue = lock(&self.queue);
        queue.rate = rate;
        queue.free_at = Instant::now();
    }

    /// How many bytes to pass at once: about what the link carries in [`PACE`].
    pub(crate) fn quantum(&self) -> usize {
        let Some(rate) = lock(&self.queue).rate else { return QUANTUM_UNSHAPED };
        let bytes = u128::from(rate) * PACE.as_millis() / 8000;
        usize::try_from(bytes).unwrap_or(QUANTUM_MAX).clamp(QUANTUM_MIN, QUANTUM_MAX)
    }

    /// Waits until `bytes` have passed.
    ///
    /// A response that sends without a pause starts where its last quantum ended, not where the timer happened to
    /// wake it: timers are late by a millisecond or more, and the rate would suffer. A pause earns no credit.
    pub(crate) async fn pass(&self, bytes: usize, progress: &mut Progress) {
        let passed_at = {
            let mut queue = lock(&self.queue);
            let Some(rate) = queue.rate else { return };
            let now = Instant::now();
            let late = now.saturating_duration_since(progress.passed_at);
            let ready_at = if late < LATE_MAX { progress.passed_at } else { now };
            let took = Duration::from_secs_f64(bytes as f64 * 8.0 / rate as f64);
            queue.free_at = queue.free_at.max(ready_at) + took;
            queue.free_at
        };
        progress.passed_at = passed_at;
        if passed_at > Instant::now() {
            sleep_until(passed_at).await;
        }
    }
}

const RATE_MIN: u64 = 1000;
const RTT_MAX_MS: u64 = 60_000;
const PACE: Duration = Duration::from_millis(4);
/// An Ethernet frame's payload of TCP.
const QUANTUM_MIN: usize = 1460;
const QUANTUM_MAX: usize = 4096;
const QUANTUM_UNSHAPED: usize = 64 * 1024;
/// More than a busy machine delays a timer, less than a pause that somebody meant.
const LATE_MAX: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_responses_share_one_rate() {
        let link = Link::new(Some(8_000_000));
        let start = Instant::now();
        let send = || async {
            let mut progress = Progress::start();
            for _ in 0..250 {
                link.pass(4000, &mut progress).await;
            }
        };
        tokio::join!(send(), send());
        let took = start.elapsed().as_secs_f64();
        assert!((took - 2.0).abs() < 0.01, "2 MB at 1 MB/s took {took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_earns_no_burst() {
        let link = Link::new(Some(8_000_000));
        let mut progress = Progress::start();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let start = Instant::now();
        link.pass(100_000, &mut progress).await;
        assert_eq!(start.elapsed().as_millis(), 100);
    }
}
