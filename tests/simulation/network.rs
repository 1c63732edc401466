//! The network of a session: a rate that changes, outages, a delay of each answer, and what answers are lost to.
//!
//! Bodies share the rate evenly and arrive in pieces, at most [`TICK`] apart while anything flows.

use std::collections::BTreeMap;
use std::time::Duration;

use cloud_player::engine::{Chunk, NetEvent, NetFailure, Request, RequestId, ResponseHead};
use cloud_player::time::Timestamp;

/// How the network is from some moment on.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    pub(crate) from: Timestamp,
    pub(crate) bits_per_second: u64,
    /// Connections are reset and refused.
    pub(crate) down: bool,
}

/// What an origin answers, and what becomes of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) body: Vec<u8>,
    pub(crate) fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// No connection.
    Refused,
    /// Not even a head comes.
    Silent,
    /// The connection breaks after this many bytes.
    Cut(usize, NetFailure),
    /// Nothing more comes after this many bytes.
    Stalls(usize),
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let content_length = Some(body.len() as u64);
        Self {
            head: ResponseHead { status: 200, content_length, ..Default::default() },
            body,
            fate: Fate::Arrives,
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { head: ResponseHead { status, ..Default::default() }, body: Vec::new(), fate: Fate::Arrives }
    }
}

#[derive(Debug)]
pub(crate) struct Network {
    weather: Vec<Weather>,
    transfers: BTreeMap<RequestId, Transfer>,
    ticked: Timestamp,
    /// Bits that the last tick left over.
    credit: u64,
}

#[derive(Debug)]
enum Transfer {
    Asked { at: Timestamp, request: Request },
    Silent,
    Flowing { answer: Answer, sent: usize },
}

impl Network {
    pub(crate) fn new(weather: Vec<Weather>) -> Self {
        Self { weather, transfers: BTreeMap::new(), ticked: Timestamp::ZERO, credit: 0 }
    }

    pub(crate) fn send(&mut self, at: Timestamp, request: Request) {
        self.transfers.insert(request.id, Transfer::Asked { at, request });
    }

    pub(crate) fn abort(&mut self, id: RequestId) {
        self.transfers.remove(&id);
    }

    /// Every connection breaks, as when a laptop sleeps.
    pub(crate) fn break_all(&mut self) -> Vec<(RequestId, NetEvent)> {
        let ids: Vec<_> = std::mem::take(&mut self.transfers).into_keys().collect();
        ids.into_iter().map(|id| (id, NetEvent::Failed(NetFailure::Network))).collect()
    }

    fn at(&self, now: Timestamp) -> (u64, bool) {
        let weather = self.weather.iter().rev().find(|w| w.from <= now);
        weather.map_or((0, false), |w| (w.bits_per_second, w.down))
    }

    /// When something next moves.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let (rate, down) = self.at(now);
        let changes = self.weather.iter().map(|w| w.from).find(|from| *from > now);
        let mut lefts = self.transfers.values().filter_map(|t| t.left().filter(|left| *left > 0));
        let smallest = lefts.by_ref().min();
        let flowing =
            self.transfers.values().filter(|t| t.left().is_some_and(|left| left > 0)).count() as u64;
        let flows = smallest.filter(|_| rate > 0 && !down).map(|left| {
            let micros = (left as u64 * 8 * flowing * 1_000_000 / rate).saturating_sub(self.credit) + 1000;
            now + Duration::from_micros(micros).min(TICK)
        });
        let asked = self.transfers.values().filter_map(|t| match t {
            Transfer::Asked { at, .. } if rate > 0 || down => Some((*at).max(now)),
            Transfer::Flowing { .. } if down => Some(now),
            _ => None,
        });
        asked.chain(changes).chain(flows).min()
    }

    /// What arrives by `now`.
    pub(crate) fn deliver(
        &mut self,
        now: Timestamp,
        mut origin: impl FnMut(&Request) -> Answer,
    ) -> Vec<(RequestId, NetEvent)> {
        let (rate, down) = self.at(now);
        let passed = now.since(self.ticked).min(TICK);
        self.ticked = now;
        let mut out = Vec::new();
        for (id, transfer) in &mut self.transfers {
            match transfer {
                Transfer::Asked { at, .. } if *at <= now && down => {
                    out.push((*id, NetEvent::Failed(NetFailure::Network)));
                }
                Transfer::Flowing { .. } if down => out.push((*id, NetEvent::Failed(NetFailure::Network))),
                Transfer::Asked { at, request } if *at <= now && rate > 0 => {
                    let answer = origin(request);
                    match answer.fate {
                        Fate::Refused => out.push((*id, NetEvent::Failed(NetFailure::Network))),
                        Fate::Silent => *transfer = Transfer::Silent,
                        _ => {
                            out.push((*id, NetEvent::Head(answer.head.clone())));
                            *transfer = Transfer::Flowing { answer, sent: 0 };
                        }
                    }
                }
                _ => {}
            }
        }
        let flowing =
            self.transfers.values().filter(|t| t.left().is_some_and(|left| left > 0)).count() as u64;
        self.credit += rate * u64::try_from(passed.as_micros()).unwrap() / 1_000_000;
        let share = usize::try_from(self.credit / 8 / flowing.max(1)).unwrap();
        self.credit = if flowing > 0 { self.credit % (8 * flowing) } else { 0 };
        for (id, transfer) in self.transfers.iter_mut().filter(|_| !down) {
            let Transfer::Flowing { answer, sent } = transfer else { continue };
            let end = sent.saturating_add(share).min(answer.limit());
            if end > *sent {
                out.push((*id, NetEvent::Chunk(Chunk(answer.body[*sent..end].to_vec()))));
                *sent = end;
            }
            match answer.fate {
                Fate::Cut(limit, how) if end >= limit => out.push((*id, NetEvent::Failed(how))),
                _ if end == answer.body.len() => out.push((*id, NetEvent::End)),
                _ => {}
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

impl Transfer {
    /// Bytes that will still come.
    fn left(&self) -> Option<usize> {
        match self {
            Self::Flowing { answer, sent } => Some(answer.limit() - sent),
            _ => None,
        }
    }
}

impl Answer {
    fn limit(&self) -> usize {
        match self.fate {
            Fate::Cut(limit, _) | Fate::Stalls(limit) => limit.min(self.body.len()),
            _ => self.body.len(),
        }
    }
}

const TICK: Duration = Duration::from_millis(40);
