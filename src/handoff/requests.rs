//! Requests in flight, and requests that wait for their next attempt.

use core::time::Duration;

use crate::engine::{RequestId, RequestKind};
use crate::secret::Url;
use crate::time::Timestamp;

/// What the answer to a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    PlayInfo,
    /// The address that the page or the play info gave.
    Root,
    Report,
}

impl Purpose {
    pub(super) fn kind(self) -> RequestKind {
        match self {
            Self::PlayInfo => RequestKind::PlayInfo,
            Self::Root => RequestKind::Playlist,
            Self::Report => RequestKind::Telemetry,
        }
    }

    /// How long the answer may take. Another host is asked for play info soon.
    pub(super) fn timeout(self) -> Duration {
        match self {
            Self::PlayInfo => Duration::from_secs(5),
            Self::Root | Self::Report => Duration::from_secs(10),
        }
    }
}

/// A request that can be sent, and sent again.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) purpose: Purpose,
    pub(super) url: Url,
    pub(super) body: Option<String>,
    /// Attempts that have failed so far.
    pub(super) failures: u32,
    /// Which grant it was made with.
    pub(super) generation: u32,
}

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Requests {
    last: u64,
    /// With the time at which the host must have answered. Few at a time.
    in_flight: Vec<(RequestId, Ask, Timestamp)>,
    later: Vec<(Timestamp, Ask)>,
}

impl Requests {
    /// A request goes out.
    pub(super) fn sent(&mut self, now: Timestamp, ask: Ask) -> RequestId {
        self.last += 1;
        let deadline = now + ask.purpose.timeout() + GRACE;
        self.in_flight.push((RequestId(self.last), ask, deadline));
        RequestId(self.last)
    }

    /// A request is sent again at this time.
    pub(super) fn send_later(&mut self, at: Timestamp, ask: Ask) {
        self.later.push((at, ask));
    }

    /// All that wait are due: the network is back.
    pub(super) fn send_now(&mut self, now: Timestamp) {
        self.later.iter_mut().for_each(|(at, _)| *at = now);
    }

    /// A request has ended. `None`: it was given up before.
    pub(super) fn take(&mut self, id: RequestId) -> Option<Ask> {
        let at = self.in_flight.iter().position(|(other, ..)| *other == id)?;
        Some(self.in_flight.swap_remove(at).1)
    }

    /// One that is due to be sent again.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<Ask> {
        let at = self.later.iter().position(|(at, _)| *at <= now)?;
        Some(self.later.swap_remove(at).1)
    }

    /// One that the host has forgotten.
    pub(super) fn overdue(&mut self, now: Timestamp) -> Option<(RequestId, Ask)> {
        let id = self.in_flight.iter().find(|(.., deadline)| *deadline <= now)?.0;
        Some((id, self.take(id)?))
    }

    /// Gives up those of this purpose, or all but reports; the result is what is in flight of them.
    pub(super) fn give_up(&mut self, purpose: Option<Purpose>) -> Vec<RequestId> {
        let goes = |ask: &Ask| purpose.map_or(ask.purpose != Purpose::Report, |goes| ask.purpose == goes);
        self.later.retain(|(_, ask)| !goes(ask));
        let given_up = self.in_flight.extract_if(.., |(_, ask, _)| goes(ask));
        given_up.map(|(id, ..)| id).collect()
    }

    /// Whether one of this purpose is in flight or waits.
    pub(super) fn has(&self, purpose: Purpose) -> bool {
        let in_flight = self.in_flight.iter().map(|(_, ask, _)| ask);
        in_flight.chain(self.later.iter().map(|(_, ask)| ask)).any(|ask| ask.purpose == purpose)
    }

    /// When something is to be done.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let deadlines = self.in_flight.iter().map(|(.., deadline)| *deadline);
        deadlines.chain(self.later.iter().map(|(at, _)| *at)).min()
    }
}

/// The host keeps the time itself; this is for one that does not.
const GRACE: Duration = Duration::from_secs(3);
