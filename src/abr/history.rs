//! What a session has seen of the network: its downloads, and how fast bytes flowed within them.
//!
//! A [`Download`] is one media segment; a [`Slice`] is a stretch of about [`SLICE`] within one. A long download over a
//! network that changes says more in slices than as one average, and a download that is still under way already says
//! something. Time in which nothing was asked for says nothing and is in neither.

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::Timestamp;

/// A download of a media segment that has come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Download {
    /// Which rung's.
    pub rung: usize,
    /// Bytes of body.
    pub bytes: u64,
    /// From the request to the first byte.
    pub latency: Duration,
    /// From the first byte to the last.
    pub time: Duration,
    /// It was given up.
    pub abandoned: bool,
}

/// A stretch of time in which bytes were flowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many.
    pub bytes: u64,
    /// For how long.
    pub time: Duration,
}

/// The record. Bounded; what is old is forgotten.
#[derive(Clone, Debug, Default)]
pub struct History {
    downloads: Ring<Download>,
    slices: Ring<Slice>,
    latency: Option<f64>,
    ended: Option<Timestamp>,
    open: Option<Open>,
}

/// Where a download under way stands.
#[derive(Clone, Copy, Debug)]
struct Open {
    sent: Timestamp,
    first: Option<Timestamp>,
    last: Timestamp,
    /// Bytes of its own.
    bytes: u64,
    /// Where the slice began, and what has flowed since, whatever it was for.
    slice: Timestamp,
    flowed: u64,
    /// Slices of this download so far.
    slices: u32,
}

impl History {
    /// A media segment is asked for.
    pub fn sent(&mut self, now: Timestamp) {
        let (first, bytes, flowed, slices) = (None, 0, 0, 0);
        self.open = Some(Open { sent: now, first, last: now, bytes, slice: now, flowed, slices });
    }

    /// Bytes of it arrived. The first piece only starts the clock: it may hold whatever came in while the host was
    /// busy.
    pub fn arrived(&mut self, now: Timestamp, bytes: usize) {
        let Some(open) = &mut self.open else { return };
        open.bytes = open.bytes.saturating_add(bytes as u64);
        open.last = now;
        if open.first.is_none() {
            open.first = Some(now);
            open.slice = now;
            let latency = now.since(open.sent);
            if latency < UNWATCHED {
                let latency = latency.as_secs_f64();
                let known = self.latency.unwrap_or(latency);
                self.latency = Some(known + LATENCY_WEIGHT * (latency - known));
            }
            return;
        }
        self.flowed(now, bytes);
    }

    /// Bytes of something else arrived: they share the network.
    pub fn alongside(&mut self, now: Timestamp, bytes: usize) {
        if self.open.is_some_and(|open| open.first.is_some()) {
            self.flowed(now, bytes);
        }
    }

    fn flowed(&mut self, now: Timestamp, bytes: usize) {
        let Some(open) = &mut self.open else { return };
        open.flowed = open.flowed.saturating_add(bytes as u64);
        if now.since(open.slice) >= SLICE {
            self.cut(now);
        }
    }

    /// Time went by. Nothing that arrives is something to remember as well.
    pub fn passed(&mut self, now: Timestamp) {
        let Some(open) = &mut self.open else { return };
        let silent = now.since(open.slice);
        let limit = if open.first.is_some() { SILENCE } else { FIRST_SILENCE };
        if silent >= limit {
            self.cut(now);
        }
    }

    fn cut(&mut self, now: Timestamp) {
        let Some(open) = &mut self.open else { return };
        let time = now.since(open.slice);
        if time < UNWATCHED {
            self.slices.push(Slice { bytes: open.flowed, time });
        }
        (open.slice, open.flowed) = (now, 0);
        open.slices += 1;
    }

    /// The download came to its end, or was given up. What is left after its last whole slice is one of its own if it is
    /// long enough to say something.
    pub fn ended(&mut self, now: Timestamp, rung: usize, abandoned: bool) {
        self.passed(now);
        let Some(open) = self.open.take() else { return };
        self.ended = Some(now);
        let Some(first) = open.first else { return };
        let time = now.since(open.slice);
        if time >= MIN_SLICE && open.flowed >= MIN_SLICE_BYTES {
            self.slices.push(Slice { bytes: open.flowed, time });
        } else if open.slices == 0 && open.bytes >= MIN_SLICE_BYTES && !abandoned {
            // In so few pieces that what flowed after the first says nothing: count from the request on.
            let time = now.since(open.sent).max(MIN_TIME);
            if time < UNWATCHED {
                self.slices.push(Slice { bytes: open.bytes, time });
            }
        }
        let (latency, time) = (first.since(open.sent), now.since(first));
        self.downloads.push(Download { rung, bytes: open.bytes, latency, time, abandoned });
    }

    /// The slice under way, if it is long enough to say something.
    pub fn current(&self, now: Timestamp) -> Option<Slice> {
        let open = self.open.filter(|open| open.first.is_some())?;
        let time = now.since(open.slice);
        (time >= MIN_SLICE).then_some(Slice { bytes: open.flowed, time })
    }

    /// Usual time from a request to its first byte; none before the first.
    pub fn latency(&self) -> Option<Duration> {
        self.latency.and_then(|secs| Duration::try_from_secs_f64(secs).ok())
    }

    /// Since when no media segment is being downloaded; none while one is, and before the first.
    pub fn idle_since(&self) -> Option<Timestamp> {
        self.ended.filter(|_| self.open.is_none())
    }

    /// How many downloads there were since the session began.
    pub fn downloads(&self) -> u64 {
        self.downloads.count
    }

    /// The downloads after the first `seen`, as far as they are not forgotten, oldest first.
    pub fn downloads_since(&self, seen: u64) -> impl Iterator<Item = &Download> {
        self.downloads.since(seen)
    }

    /// How many slices there were since the session began.
    pub fn slices(&self) -> u64 {
        self.slices.count
    }

    /// The slices after the first `seen`, as far as they are not forgotten, oldest first.
    pub fn slices_since(&self, seen: u64) -> impl Iterator<Item = &Slice> {
        self.slices.since(seen)
    }
}

/// The last [`KEPT`] of a sequence.
#[derive(Clone, Debug)]
struct Ring<T> {
    last: VecDeque<T>,
    count: u64,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { last: VecDeque::new(), count: 0 }
    }
}

impl<T> Ring<T> {
    fn push(&mut self, item: T) {
        if self.last.len() >= KEPT {
            self.last.pop_front();
        }
        self.last.push_back(item);
        self.count += 1;
    }

    fn since(&self, seen: u64) -> impl Iterator<Item = &T> {
        let new = usize::try_from(self.count.saturating_sub(seen)).unwrap_or(usize::MAX);
        self.last.iter().skip(self.last.len().saturating_sub(new))
    }
}

/// A slice is at least this long while more is to come.
pub const SLICE: Duration = Duration::from_millis(500);
/// Without a byte for this long, a slice ends as well; and while the first byte is waited for, which a server may take
/// its time for.
const SILENCE: Duration = Duration::from_secs(1);
const FIRST_SILENCE: Duration = Duration::from_secs(3);
/// Nobody looked for so long, because a laptop slept or a page was frozen: that says nothing of the network.
const UNWATCHED: Duration = Duration::from_secs(15);
/// The last slice of a download may be this short.
const MIN_SLICE: Duration = Duration::from_millis(100);
const MIN_SLICE_BYTES: u64 = super::MIN_SAMPLE_BYTES;
/// A body that was in the host's buffers as a whole "arrives" in no time.
const MIN_TIME: Duration = Duration::from_millis(1);
const LATENCY_WEIGHT: f64 = 0.25;
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_laptop_that_slept_saw_nothing_of_the_network() {
        let mut history = History::default();
        let mut now = Timestamp::ZERO;
        // Asleep while the first byte is waited for.
        history.sent(now);
        now = now + Duration::from_secs(40_000);
        history.arrived(now, 50_000);
        history.ended(now, 0, false);
        assert_eq!((history.latency(), history.slices()), (None, 0), "{history:?}");
        // And in the middle of the body: what comes then counts from when somebody looks again.
        history.sent(now);
        history.arrived(now + Duration::from_millis(50), 50_000);
        now = now + Duration::from_secs(40_000);
        history.passed(now);
        now = now + Duration::from_millis(200);
        history.arrived(now, 50_000);
        history.ended(now, 0, false);
        let slices: Vec<_> = history.slices_since(0).copied().collect();
        assert_eq!(slices, [Slice { bytes: 50_000, time: Duration::from_millis(200) }]);
        // An outage that was watched is one.
        history.sent(now);
        history.arrived(now, 50_000);
        for second in 1..=40 {
            history.passed(now + Duration::from_secs(second));
        }
        assert_eq!(history.slices(), 41);
        assert!(history.slices_since(1).all(|slice| slice.bytes == 0), "{history:?}");
    }
}
