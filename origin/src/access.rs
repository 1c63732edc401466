//! What a session may do and by which time: its clock, the lives of what it is handed, revocation, and its renewals.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::lock;
use crate::clock::unix_ms;
use crate::error::Refusal;

/// A session's terms, as they come from the administrator.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Terms {
    /// Life of the DRM tokens that it is handed, in seconds; `None`: the origin's own.
    pub(crate) token_ttl_s: Option<i64>,
    /// Life of the addresses that it is handed, in seconds; `None`: the origin's own.
    pub(crate) url_ttl_s: Option<i64>,
    /// Whether segments, like playlists, are had for a live signature only.
    pub(crate) signed_segments: bool,
    /// Whether DRM tokens that it is handed hold for the address only that asked for them.
    pub(crate) bind_ip: bool,
    /// How many of the next renewals fail.
    renew_fails: u32,
    /// How long a renewal takes.
    renew_delay_ms: u64,
    /// Whether it is refused everything.
    revoked: bool,
    /// By how much its server is ahead of the time of day: in the header `Date` and in every check.
    clock_offset_s: i64,
}

impl Terms {
    /// Why these cannot be.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if self.renew_delay_ms > DELAY_MAX_MS {
            Some("renew_delay_ms must be at most 60000")
        } else if self.clock_offset_s.unsigned_abs() > OFFSET_MAX_S {
            Some("clock_offset_s must be within a year")
        } else {
            None
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            token_ttl_s: None,
            url_ttl_s: None,
            signed_segments: true,
            bind_ip: false,
            renew_fails: 0,
            renew_delay_ms: 0,
            revoked: false,
            clock_offset_s: 0,
        }
    }
}

/// A session's terms, and what came of its renewals.
#[derive(Debug, Default)]
pub(crate) struct Access {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    terms: Terms,
    renewals: Renewals,
}

/// Renewals counted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Renewals {
    asked: u64,
    granted: u64,
    in_flight: u64,
    /// The most that were under way at the same time.
    in_flight_max: u64,
}

/// What an administrator is told: the terms, less the failures that have been had, and `renewals`.
#[derive(Debug, Serialize)]
pub(crate) struct Account {
    #[serde(flatten)]
    terms: Terms,
    renewals: Renewals,
}

impl Access {
    /// Holds from now on, for renewals that wait too.
    pub(crate) fn set(&self, terms: Terms) {
        lock(&self.state).terms = terms;
    }

    pub(crate) fn terms(&self) -> Terms {
        lock(&self.state).terms
    }

    pub(crate) fn account(&self) -> Account {
        let state = lock(&self.state);
        Account { terms: state.terms, renewals: state.renewals }
    }

    /// Unix milliseconds by the session's clock.
    pub(crate) fn now_ms(&self) -> u64 {
        unix_ms().saturating_add_signed(self.terms().clock_offset_s.saturating_mul(1000))
    }

    /// Unix seconds by the session's clock.
    pub(crate) fn now_s(&self) -> u64 {
        self.now_ms() / 1000
    }

    /// Nothing is for a session that was revoked.
    pub(crate) fn admit(&self) -> Result<(), Refusal> {
        match self.terms().revoked {
            true => Err(Refusal::forbidden("session_revoked", "this session may not watch any longer")),
            false => Ok(()),
        }
    }

    /// Counts a renewal, which is under way until what this returns is dropped.
    pub(crate) fn begin_renewal(&self) -> Renewal<'_> {
        let mut state = lock(&self.state);
        let State { terms, renewals } = &mut *state;
        renewals.asked += 1;
        renewals.in_flight += 1;
        renewals.in_flight_max = renewals.in_flight_max.max(renewals.in_flight);
        let fails = terms.renew_fails > 0;
        terms.renew_fails = terms.renew_fails.saturating_sub(1);
        Renewal { access: self, fails, delay: Duration::from_millis(terms.renew_delay_ms) }
    }
}

/// A renewal under way.
#[derive(Debug)]
pub(crate) struct Renewal<'a> {
    access: &'a Access,
    /// Whether it is to fail.
    pub(crate) fails: bool,
    pub(crate) delay: Duration,
}

impl Renewal<'_> {
    pub(crate) fn granted(&self) {
        lock(&self.access.state).renewals.granted += 1;
    }
}

impl Drop for Renewal<'_> {
    fn drop(&mut self) {
        lock(&self.access.state).renewals.in_flight -= 1;
    }
}

const DELAY_MAX_MS: u64 = 60_000;
const OFFSET_MAX_S: u64 = 366 * 86_400;
