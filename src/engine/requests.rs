//! Requests in flight, requests that wait for their next attempt, and requests that wait for the right to be made.
//!
//! Invariant: a request is in exactly one of the three tables, and what it is for ([`Purpose`]) goes with it, so an
//! answer that comes late, for a request given up, finds nothing and changes nothing.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::abr::{MIN_SAMPLE_BYTES, Sample};
use crate::access::renewal::Doors;
use crate::secret::{Secret, Url};
use crate::time::Timestamp;

use super::io::{Request, RequestId, RequestKind, ResponseHead};
use super::lane::LaneId;
use super::recovery::{BODY_PATIENCE, HEAD_PATIENCE, PLAY_INFO_PATIENCE};

/// What the answer to a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The play info of the file id.
    PlayInfo,
    /// The same, to name the source that is playing anew.
    Renewal,
    /// The address that the page or the play info gave: a multivariant playlist, or the only media playlist.
    Root,
    /// The media playlist of this rung.
    Rung(usize),
    /// The media playlist of this rendition of the sound.
    Rendition(usize),
    /// The media playlist of this rendition of the text.
    Text(usize),
    /// The content key with this identity.
    Key(String),
    /// The init section with this identity.
    Init(String),
    /// The media segment that this lane loads.
    Segment(LaneId),
    /// The telemetry batch with this number.
    Report(u64),
}

impl Purpose {
    /// The media playlist that a lane loads by.
    pub(crate) fn playlist(lane: LaneId, index: usize) -> Self {
        match lane {
            LaneId::Main => Self::Rung(index),
            LaneId::Audio => Self::Rendition(index),
            LaneId::Text => Self::Text(index),
        }
    }

    /// The rung or rendition whose media playlist it is.
    pub(crate) fn stream(&self) -> Option<(LaneId, usize)> {
        match self {
            Self::Rung(index) => Some((LaneId::Main, *index)),
            Self::Rendition(index) => Some((LaneId::Audio, *index)),
            Self::Text(index) => Some((LaneId::Text, *index)),
            _ => None,
        }
    }

    /// What its refusal says, and its success: a directory may be closed while the next is open.
    pub(crate) fn door(&self) -> Doors {
        Doors::one(match self {
            Self::Root => 0,
            Self::PlayInfo | Self::Renewal => 1,
            Self::Key(_) => 2,
            Self::Init(_) => 3,
            Self::Rung(_) => 4,
            Self::Rendition(_) => 5,
            Self::Text(_) => 6,
            Self::Segment(lane) => 7 + *lane as u8,
            Self::Report(_) => 15,
        })
    }

    /// The kind that hosts and the recovery table see.
    pub(crate) fn kind(&self) -> RequestKind {
        match self {
            Self::PlayInfo | Self::Renewal => RequestKind::PlayInfo,
            Self::Root | Self::Rung(_) | Self::Rendition(_) | Self::Text(_) => RequestKind::Playlist,
            Self::Key(_) => RequestKind::Key,
            Self::Init(_) | Self::Segment(_) => RequestKind::Segment,
            Self::Report(_) => RequestKind::Telemetry,
        }
    }
}

/// A request that can be sent, and sent again.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) purpose: Purpose,
    pub(crate) url: Url,
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) body: Option<String>,
    /// Attempts that have failed so far.
    pub(crate) failures: u32,
    /// Those of them that brought something else than was asked for.
    pub(crate) spoiled: u32,
    /// How long the server may hold the answer back, as it was asked to.
    pub(crate) hold: Duration,
    /// Which grant it was made with, and whether it was refused with the one before that.
    pub(crate) generation: u32,
    pub(crate) refused: bool,
    /// A header with the token.
    pub(crate) header: Option<(String, Secret<String>)>,
}

impl Ask {
    /// A plain GET.
    pub(crate) fn get(purpose: Purpose, url: Url) -> Self {
        Self {
            purpose,
            url,
            range: None,
            body: None,
            failures: 0,
            spoiled: 0,
            hold: Duration::ZERO,
            generation: 0,
            refused: false,
            header: None,
        }
    }
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) ask: Ask,
    pub(crate) head: Option<ResponseHead>,
    /// Bytes of body so far.
    pub(crate) received: u64,
    /// The body itself, of everything but media segments: play info and keys are secrets.
    pub(crate) body: Secret<Vec<u8>>,
    sent: Timestamp,
    /// When the first bytes of the body were seen, and how many those were.
    first: Option<(Timestamp, u64)>,
    /// Bytes of other bodies that came in since: they shared the network.
    alongside: u64,
    /// When anything last happened.
    active: Timestamp,
}

impl InFlight {
    /// When patience ends.
    fn deadline(&self) -> Timestamp {
        if self.ask.purpose.kind() == RequestKind::PlayInfo {
            return self.sent + PLAY_INFO_PATIENCE;
        }
        self.active + if self.head.is_some() { BODY_PATIENCE } else { HEAD_PATIENCE + self.ask.hold }
    }

    /// When it was sent.
    pub(crate) fn sent(&self) -> Timestamp {
        self.sent
    }

    /// When anything of it last happened.
    pub(crate) fn active(&self) -> Timestamp {
        self.active
    }

    /// From its sending to its first bytes, if those are here.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.first.map(|(at, _)| at.since(self.sent))
    }

    /// What the transfer says about the network: the bytes after the first piece, those of transfers beside it counted
    /// in, over the time that they took. The first piece only starts the clock, for it may hold whatever came in while the host was busy. A body that came
    /// in so few pieces that this says nothing is counted from its request on, latency included.
    pub(crate) fn sample(&self) -> Sample {
        let after_first = self.first.map(|(at, bytes)| Sample {
            bytes: self.received.saturating_sub(bytes).saturating_add(self.alongside),
            time: self.active.since(at),
        });
        match after_first {
            Some(sample) if sample.bytes >= MIN_SAMPLE_BYTES && sample.time >= MIN_FLOW => sample,
            _ => Sample { bytes: self.received, time: self.active.since(self.sent) },
        }
    }

    /// The address the body came from, redirects followed.
    pub(crate) fn final_url(&self) -> &Url {
        self.head.as_ref().and_then(|h| h.url.as_ref()).unwrap_or(&self.ask.url)
    }
}

/// The tables.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    last: u64,
    in_flight: BTreeMap<RequestId, InFlight>,
    waiting: Vec<(Timestamp, Ask)>,
    held: Vec<Ask>,
}

impl Requests {
    /// Puts a request in flight; the result is what the host must fetch.
    pub(crate) fn send(&mut self, now: Timestamp, ask: Ask) -> Request {
        self.last += 1;
        let id = RequestId(self.last);
        let request = Request {
            id,
            kind: ask.purpose.kind(),
            url: ask.url.clone(),
            range: ask.range,
            header: ask.header.clone(),
            body: ask.body.clone(),
        };
        let flight = InFlight {
            ask,
            head: None,
            received: 0,
            body: Secret::new(Vec::new()),
            sent: now,
            first: None,
            alongside: 0,
            active: now,
        };
        self.in_flight.insert(id, flight);
        request
    }

    /// Sends `ask` again at `at`.
    pub(crate) fn send_later(&mut self, at: Timestamp, ask: Ask) {
        self.waiting.push((at, ask));
    }

    /// Sends everything that waits at once: what it waited for has passed.
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        for (at, _) in &mut self.waiting {
            *at = now;
        }
    }

    /// Keeps `ask` until [`release`](Self::release).
    pub(crate) fn hold(&mut self, ask: Ask) {
        self.held.push(ask);
    }

    /// Whether anything is kept.
    pub(crate) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether something for this purpose is kept.
    pub(crate) fn holds(&self, purpose: &Purpose) -> bool {
        self.held.iter().any(|ask| ask.purpose == *purpose)
    }

    /// How many are kept.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// What was kept for longest. The others still count as pending.
    pub(crate) fn release(&mut self) -> Option<Ask> {
        (!self.held.is_empty()).then(|| self.held.remove(0))
    }

    /// The next request whose time has come.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<Ask> {
        let i = self.waiting.iter().position(|(at, _)| *at <= now)?;
        Some(self.waiting.swap_remove(i).1)
    }

    /// When the next attempt is due.
    pub(crate) fn next_retry(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|(at, _)| *at).min()
    }

    /// When the next request in flight runs out of patience.
    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        self.in_flight.values().map(InFlight::deadline).min()
    }

    /// A request in flight that has run out of patience.
    pub(crate) fn timed_out(&self, now: Timestamp) -> Option<RequestId> {
        self.in_flight.iter().find(|(_, f)| f.deadline() <= now).map(|(id, _)| *id)
    }

    /// Records the head.
    pub(crate) fn head(&mut self, now: Timestamp, id: RequestId, head: ResponseHead) -> Option<&InFlight> {
        let flight = self.in_flight.get_mut(&id)?;
        flight.head = Some(head);
        flight.active = now;
        Some(flight)
    }

    /// Records bytes of body; the request is `None` when it is not in flight.
    pub(crate) fn progress(&mut self, now: Timestamp, id: RequestId, bytes: usize) -> Option<&mut InFlight> {
        for (other, flight) in &mut self.in_flight {
            if *other != id && flight.first.is_some() {
                flight.alongside += bytes as u64;
            }
        }
        let flight = self.in_flight.get_mut(&id)?;
        flight.first.get_or_insert((now, bytes as u64));
        flight.received += bytes as u64;
        flight.active = now;
        Some(flight)
    }

    /// A request in flight.
    pub(crate) fn in_flight(&self, id: RequestId) -> Option<&InFlight> {
        self.in_flight.get(&id)
    }

    /// Takes a request out, because it ended one way or the other.
    pub(crate) fn take(&mut self, id: RequestId) -> Option<InFlight> {
        self.in_flight.remove(&id)
    }

    /// Whether something for this purpose is in flight or waits.
    pub(crate) fn is_pending(&self, purpose: &Purpose) -> bool {
        self.in_flight
            .values()
            .map(|f| &f.ask)
            .chain(self.waiting.iter().map(|(_, a)| a))
            .chain(&self.held)
            .any(|a| a.purpose == *purpose)
    }

    /// Gives up everything for which `which` holds; the result is what the host must abort.
    pub(crate) fn give_up(&mut self, which: impl Fn(&Purpose) -> bool) -> Vec<RequestId> {
        self.waiting.retain(|(_, ask)| !which(&ask.purpose));
        self.held.retain(|ask| !which(&ask.purpose));
        let ids: Vec<_> =
            self.in_flight.iter().filter(|(_, f)| which(&f.ask.purpose)).map(|(id, _)| *id).collect();
        for id in &ids {
            self.in_flight.remove(id);
        }
        ids
    }
}

/// Bytes seen to flow for less than this flowed too fast for the host's clock and buffers to tell how fast.
const MIN_FLOW: Duration = Duration::from_millis(20);

/// Playlists, keys, play info: a body larger than this is not what was asked for.
pub(crate) const MAX_SMALL_BODY: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: Purpose = Purpose::Segment(LaneId::Main);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn patience_counts_from_the_last_sign_of_life() {
        let mut r = Requests::default();
        let id = r.send(at(0), Ask::get(SEGMENT, Url::new("u"))).id;
        assert_eq!(r.next_timeout(), Some(at(0) + HEAD_PATIENCE));
        r.head(at(3000), id, ResponseHead { status: 200, ..Default::default() });
        r.progress(at(7000), id, 10);
        assert_eq!(r.timed_out(at(11_999)), None);
        assert_eq!(r.timed_out(at(12_000)), Some(id));
    }

    #[test]
    fn play_info_has_three_seconds_for_all_of_it() {
        for purpose in [Purpose::PlayInfo, Purpose::Renewal] {
            let mut r = Requests::default();
            let id = r.send(at(0), Ask::get(purpose, Url::new("u"))).id;
            r.head(at(2000), id, ResponseHead { status: 200, ..Default::default() });
            r.progress(at(2900), id, 10);
            assert_eq!((r.timed_out(at(2999)), r.timed_out(at(3000))), (None, Some(id)));
        }
    }

    #[test]
    fn a_sample_is_what_flowed_after_the_first_piece() {
        let mut r = Requests::default();
        let id = r.send(at(0), Ask::get(SEGMENT, Url::new("u"))).id;
        r.head(at(2000), id, ResponseHead { status: 200, ..Default::default() });
        // A busy host sees the head late and finds much waiting behind it.
        r.progress(at(2000), id, 400_000);
        let flight = r.progress(at(3000), id, 600_000).unwrap();
        assert_eq!(flight.sample(), Sample { bytes: 600_000, time: Duration::from_secs(1) });
        // All in one piece: nothing flowed that could be timed.
        let id = r.send(at(5000), Ask::get(SEGMENT, Url::new("v"))).id;
        let flight = r.progress(at(5100), id, 500_000).unwrap();
        assert_eq!(flight.sample(), Sample { bytes: 500_000, time: Duration::from_millis(100) });
    }

    #[test]
    fn what_is_given_up_is_gone_from_all_tables() {
        let mut r = Requests::default();
        let id = r.send(at(0), Ask::get(SEGMENT, Url::new("u"))).id;
        r.send_later(at(5), Ask::get(SEGMENT, Url::new("v")));
        r.send_later(at(6), Ask::get(Purpose::Root, Url::new("w")));
        r.hold(Ask::get(SEGMENT, Url::new("x")));
        assert_eq!(r.give_up(|p| *p == SEGMENT), [id]);
        assert!(!r.has_held());
        assert!(!r.is_pending(&SEGMENT) && r.is_pending(&Purpose::Root));
        assert!(r.progress(at(1), id, 1).is_none());
        assert_eq!(r.next_retry(), Some(at(6)));
        assert!(r.due(at(5)).is_none());
        assert_eq!(r.due(at(6)).unwrap().url, Url::new("w"));
    }
}
