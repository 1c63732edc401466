//! A network in virtual time: a delay before the head of each response, then a rate that all bodies share.
//!
//! Bodies share the rate evenly and arrive in pieces, at most a tick apart while anything flows. Whoever owns the network
//! changes its rate as they like.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::engine::{Chunk, NetEvent, NetFailure, Request, RequestId, ResponseHead};
use crate::time::Timestamp;

/// What an origin answers, and what goes wrong on the way.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Status and headers.
    pub head: ResponseHead,
    /// All of it, as sent.
    pub body: Vec<u8>,
    /// The connection breaks after this many bytes, for the host to see as `breaks`.
    pub cut_after: Option<usize>,
    /// A body that ends early, where nothing else is said.
    pub breaks: Option<NetFailure>,
    /// Nothing more comes after this many bytes.
    pub stall_after: Option<usize>,
    /// The connection is refused.
    pub refused: bool,
    /// Not even a head comes.
    pub silent: bool,
}

impl Response {
    /// 200 and this body.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let content_length = Some(body.len() as u64);
        Self {
            head: ResponseHead { status: 200, content_length, ..Default::default() },
            body,
            ..Default::default()
        }
    }

    /// Without a body.
    pub fn status(status: u16) -> Self {
        Self { head: ResponseHead { status, ..Default::default() }, ..Default::default() }
    }

    /// Bytes of the body that arrive.
    pub(super) fn limit(&self) -> usize {
        self.stall_after.or(self.cut_after).unwrap_or(usize::MAX).min(self.body.len())
    }
}

/// The network.
#[derive(Debug)]
pub struct Network {
    /// What all bodies share; 0 is an outage in which nothing moves.
    pub bits_per_second: u64,
    /// From a request to its head.
    pub round_trip: Duration,
    /// Connections are reset and refused.
    pub down: bool,
    tick: Duration,
    transfers: BTreeMap<RequestId, Transfer>,
    ticked: Timestamp,
    /// Bits that the last tick left over.
    credit: u64,
}

#[derive(Debug)]
enum Transfer {
    Asked { at: Timestamp, request: Request },
    Silent,
    Flowing { response: Response, sent: usize },
}

impl Network {
    /// One whose bodies come in pieces a few milliseconds apart.
    pub fn new(bits_per_second: u64, round_trip: Duration) -> Self {
        Self {
            bits_per_second,
            round_trip,
            down: false,
            tick: TICK,
            transfers: BTreeMap::new(),
            ticked: Timestamp::ZERO,
            credit: 0,
        }
    }

    /// The same with fewer, larger pieces.
    #[must_use]
    pub fn in_pieces(self, tick: Duration) -> Self {
        Self { tick, ..self }
    }

    /// A request goes out, and is answered `late` after the round trip.
    pub fn send(&mut self, now: Timestamp, late: Duration, request: Request) {
        let at = now + self.round_trip + late;
        self.transfers.insert(request.id, Transfer::Asked { at, request });
    }

    /// The host wants no more of it.
    pub fn abort(&mut self, id: RequestId) {
        self.transfers.remove(&id);
    }

    /// Every connection breaks, as when a laptop sleeps.
    pub fn break_all(&mut self) -> Vec<(RequestId, NetEvent)> {
        let ids: Vec<_> = core::mem::take(&mut self.transfers).into_keys().collect();
        ids.into_iter().map(|id| (id, NetEvent::Failed(NetFailure::Network))).collect()
    }

    /// When something next moves.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let (mut smallest, mut flowing, mut next) = (usize::MAX, 0, None::<Timestamp>);
        let mut at = |at: Timestamp| next = Some(next.map_or(at, |next| next.min(at)));
        for transfer in self.transfers.values() {
            match transfer {
                Transfer::Asked { at: when, .. } if self.bits_per_second > 0 || self.down => {
                    at((*when).max(now))
                }
                Transfer::Flowing { .. } if self.down => at(now),
                Transfer::Flowing { response, sent } if response.limit() > *sent => {
                    smallest = smallest.min(response.limit() - sent);
                    flowing += 1;
                }
                _ => {}
            }
        }
        if flowing > 0 && self.bits_per_second > 0 && !self.down {
            let bits = (smallest as u64 * 8 * flowing).saturating_sub(self.credit);
            let time = Duration::from_micros(bits * 1_000_000 / self.bits_per_second + 1);
            at(now + time.min(self.tick));
        }
        next
    }

    /// What arrives by `now`. The origin is asked when a request reaches it.
    pub fn deliver(
        &mut self,
        now: Timestamp,
        mut origin: impl FnMut(&Request) -> Response,
    ) -> Vec<(RequestId, NetEvent)> {
        let passed = now.since(self.ticked).min(self.tick);
        self.ticked = now;
        let mut out = Vec::new();
        let mut flowing = 0;
        for (id, transfer) in &mut self.transfers {
            match transfer {
                Transfer::Asked { at, .. } if *at <= now && self.down => {
                    out.push((*id, NetEvent::Failed(NetFailure::Network)));
                }
                Transfer::Flowing { .. } if self.down => {
                    out.push((*id, NetEvent::Failed(NetFailure::Network)));
                }
                Transfer::Asked { at, request } if *at <= now && self.bits_per_second > 0 => {
                    let response = origin(request);
                    if response.refused {
                        out.push((*id, NetEvent::Failed(NetFailure::Network)));
                    } else if response.silent {
                        *transfer = Transfer::Silent;
                    } else {
                        out.push((*id, NetEvent::Head(response.head.clone())));
                        *transfer = Transfer::Flowing { response, sent: 0 };
                    }
                }
                _ => {}
            }
            flowing += u64::from(
                matches!(transfer, Transfer::Flowing { response, sent } if response.limit() > *sent),
            );
        }
        self.credit += self.bits_per_second * u64::try_from(passed.as_micros()).unwrap_or(0) / 1_000_000;
        let share = usize::try_from(self.credit / 8 / flowing.max(1)).unwrap_or(usize::MAX);
        self.credit = if flowing > 0 { self.credit % (8 * flowing) } else { 0 };
        for (id, transfer) in self.transfers.iter_mut().filter(|_| !self.down) {
            let Transfer::Flowing { response, sent } = transfer else { continue };
            let end = sent.saturating_add(share).min(response.limit());
            if end > *sent {
                out.push((*id, NetEvent::Chunk(Chunk(response.body[*sent..end].to_vec()))));
                *sent = end;
            }
            if response.cut_after.is_some_and(|limit| end >= limit) && response.stall_after.is_none() {
                out.push((*id, NetEvent::Failed(response.breaks.unwrap_or(NetFailure::Short))));
            } else if end == response.body.len() {
                out.push((*id, NetEvent::End));
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
