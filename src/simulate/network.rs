//! Requests for segments on the network of a trace, one at a time: a latency, then bits at the trace's rate.

use core::time::Duration;

use crate::engine::RequestId;
use crate::time::Timestamp;

use super::Trace;

/// The network, and the request on it.
#[derive(Debug)]
pub(super) struct Network<'a> {
    trace: &'a Trace,
    now: Timestamp,
    /// The period that `now` lies in, and when that ends.
    period: usize,
    period_ends: Timestamp,
    transfer: Option<Transfer>,
    /// Since when nothing gets through.
    silent: Option<Timestamp>,
}

#[derive(Debug)]
struct Transfer {
    id: RequestId,
    begins: Timestamp,
    head: bool,
    bits: f64,
    arrived: f64,
    /// Whole bytes handed on.
    handed_on: u64,
}

/// What moved.
#[derive(Debug, PartialEq)]
pub(super) enum Moved {
    Head { id: RequestId, bytes: u64 },
    Bytes { id: RequestId, bytes: u64 },
    End { id: RequestId },
}

impl<'a> Network<'a> {
    pub(super) fn new(trace: &'a Trace) -> Self {
        let now = Timestamp::ZERO;
        let period_ends = now + trace.period(0).duration;
        Self { trace, now, period: 0, period_ends, transfer: None, silent: None }
    }

    /// Sends a request for a body of this many bits.
    pub(super) fn send(&mut self, id: RequestId, bits: u64) {
        let begins = self.now + self.trace.period(self.period).latency;
        let (bits, arrived) = (bits as f64, 0.0);
        self.transfer = Some(Transfer { id, begins, head: false, bits, arrived, handed_on: 0 });
    }

    /// Gives a request up; the result is how many bits of it came in vain.
    pub(super) fn abort(&mut self, id: RequestId) -> u64 {
        let given_up = self.transfer.take_if(|transfer| transfer.id == id);
        given_up.map_or(0, |transfer| whole(transfer.arrived))
    }

    /// Since when nothing gets through, if nothing does.
    pub(super) fn silent_since(&self) -> Option<Timestamp> {
        self.silent
    }

    /// The next moment at which something may move.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let transfer = self.transfer.as_ref()?;
        if !transfer.head {
            return Some(transfer.begins.max(self.now));
        }
        let rate = self.trace.period(self.period).rate;
        // The first packet, then by pieces.
        let piece = if transfer.arrived < PACKET { PACKET } else { f64::INFINITY };
        let wanted = (transfer.bits - transfer.arrived).min(piece);
        let micros = if rate > 0.0 { (wanted / rate * 1e6).ceil() } else { f64::INFINITY };
        let flows = Duration::from_micros(whole(micros.min(PIECE.as_micros() as f64)).max(1));
        Some((self.now + flows).min(self.period_ends.max(self.now + Duration::from_micros(1))))
    }

    /// Goes on to `now`, which is no later than [`Network::next`] where there is a request.
    pub(super) fn pass(&mut self, now: Timestamp) -> Option<Moved> {
        while self.now < now {
            let until = now.min(self.period_ends);
            let rate = self.trace.period(self.period).rate;
            if let Some(transfer) = self.transfer.as_mut().filter(|t| t.head) {
                transfer.arrived =
                    (transfer.arrived + rate * until.since(self.now).as_secs_f64()).min(transfer.bits);
            }
            self.silent = if rate > 0.0 { None } else { self.silent.or(Some(self.now)) };
            self.now = until;
            if self.now >= self.period_ends {
                self.period += 1;
                self.period_ends = self.period_ends + self.trace.period(self.period).duration;
            }
        }
        let transfer = self.transfer.as_mut()?;
        let id = transfer.id;
        if !transfer.head {
            transfer.head = transfer.begins <= self.now;
            return transfer.head.then_some(Moved::Head { id, bytes: whole(transfer.bits / 8.0) });
        }
        let bytes = whole(transfer.arrived / 8.0);
        if bytes > transfer.handed_on {
            let new = bytes - transfer.handed_on;
            transfer.handed_on = bytes;
            return Some(Moved::Bytes { id, bytes: new });
        }
        if transfer.arrived >= transfer.bits {
            self.transfer = None;
            return Some(Moved::End { id });
        }
        None
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates, and counts are positive
fn whole(number: f64) -> u64 {
    number as u64
}

/// What arrives first, in bits.
const PACKET: f64 = 1460.0 * 8.0;
/// How often a host is told of more.
const PIECE: Duration = Duration::from_millis(100);
