//! A network in virtual time: a delay before each response's head, then a shared rate.

use std::collections::BTreeMap;
use std::time::Duration;

use cloud_player::engine::{Chunk, NetEvent, NetFailure, Request, RequestId, ResponseHead};
use cloud_player::time::Timestamp;

use super::Origin;

/// What an origin answers, and what goes wrong on the way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) head: ResponseHead,
    pub(crate) body: Vec<u8>,
    /// The connection breaks after this many bytes.
    pub(crate) cut_after: Option<usize>,
    /// Nothing more comes after this many bytes.
    pub(crate) stall_after: Option<usize>,
    /// The connection is refused.
    pub(crate) refused: bool,
    /// Not even a head comes.
    pub(crate) silent: bool,
}

impl Response {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let content_length = Some(body.len() as u64);
        Self {
            head: ResponseHead { status: 200, content_length, ..Default::default() },
            body,
            ..Default::default()
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { head: ResponseHead { status, ..Default::default() }, ..Default::default() }
    }
}

/// The network. The rate may be changed at any time.
pub(crate) struct Network {
    pub(crate) bits_per_second: u64,
    pub(crate) round_trip: Duration,
    transfers: BTreeMap<RequestId, Transfer>,
    ticked: Timestamp,
    /// Bits that the last tick could not use up.
    credit: u64,
}

enum Transfer {
    Asked { at: Timestamp },
    Silent,
    Flowing { response: Response, sent: usize },
}

impl Network {
    pub(crate) fn new(bits_per_second: u64, round_trip: Duration) -> Self {
        Self { bits_per_second, round_trip, transfers: BTreeMap::new(), ticked: Timestamp::ZERO, credit: 0 }
    }

    pub(super) fn send(&mut self, now: Timestamp, id: RequestId) {
        self.transfers.insert(id, Transfer::Asked { at: now + self.round_trip });
    }

    pub(super) fn abort(&mut self, id: RequestId) {
        self.transfers.remove(&id);
    }

    /// When something next moves.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.transfers
            .values()
            .filter_map(|t| match t {
                Transfer::Asked { at } => Some(*at),
                Transfer::Silent => None,
                Transfer::Flowing { .. } if self.bits_per_second == 0 => None,
                Transfer::Flowing { response, sent } if response.stall_after.is_some_and(|n| *sent >= n) => {
                    None
                }
                Transfer::Flowing { .. } => Some(now + TICK),
            })
            .min()
    }

    /// What arrives by `now`.
    pub(super) fn deliver(
        &mut self,
        now: Timestamp,
        origin: &mut Origin,
        asked: &BTreeMap<RequestId, Request>,
    ) -> Vec<(RequestId, NetEvent)> {
        let mut out = Vec::new();
        let passed = now.since(self.ticked).min(TICK);
        self.ticked = now;
        for (id, transfer) in &mut self.transfers {
            if let Transfer::Asked { at } = transfer
                && *at <= now
            {
                let response = origin(&asked[id]);
                if response.silent {
                    *transfer = Transfer::Silent;
                } else if response.refused {
                    out.push((*id, NetEvent::Failed(NetFailure::Network)));
                } else {
                    out.push((*id, NetEvent::Head(response.head.clone())));
                    *transfer = Transfer::Flowing { response, sent: 0 };
                }
            }
        }
        let flowing = self
            .transfers
            .values()
            .filter(|t| matches!(t, Transfer::Flowing { response, sent } if *sent < response.body.len()))
            .count() as u64;
        self.credit += self.bits_per_second * passed.as_micros() as u64 / 1_000_000;
        let share = (self.credit / 8 / flowing.max(1)) as usize;
        self.credit = 0;
        for (id, transfer) in &mut self.transfers {
            let Transfer::Flowing { response, sent } = transfer else { continue };
            let limit =
                response.stall_after.or(response.cut_after).unwrap_or(usize::MAX).min(response.body.len());
            let end = sent.saturating_add(share).min(limit);
            if end > *sent {
                out.push((*id, NetEvent::Chunk(Chunk(response.body[*sent..end].to_vec()))));
                *sent = end;
            }
            if *sent == response.body.len() {
                out.push((*id, NetEvent::End));
            } else if response.cut_after.is_some_and(|n| *sent >= n) {
                out.push((*id, NetEvent::Failed(NetFailure::Short)));
            }
        }
        for (id, event) in &out {
            if matches!(event, NetEvent::End | NetEvent::Failed(_)) {
                self.transfers.remove(id);
            }
        }
        out
    }
}

const TICK: Duration = Duration::from_millis(5);
