//! Renewal of what the session may show: what a host is asked for and answers, and requests that wait for it.
//!
//! Every URL is brought up to date where it is sent, so that nothing that was made of an older token or signature needs to be
//! found again: playlists at hand, requests that wait for their next attempt, the addresses of rungs.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::access::renewal::{Life, MAX_DELAY, Verdict};
use crate::error::{Phase, PlayerError};
use crate::secret::{Secret, Url};
use crate::time::Timestamp;

use super::io::{Event, Kinds, LaneId, NetFailure, Output, RequestKind};
use super::recovery::Fault;
use super::requests::{Ask, Purpose};
use super::timers::Timer;
use super::{Engine, Stage};

/// What opens the source from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The address of the source, signed anew; `None`: the signature, if there is one, stays.
    pub url: Option<Url>,
    /// The token; `None`: it stays.
    pub token: Option<Secret<String>>,
    /// When it ends, in Unix seconds by the servers' clock; `None`: the address says so, or nobody knows.
    pub expires: Option<i64>,
    /// What time it is on the server that gave it, in Unix milliseconds.
    pub server_time: Option<i64>,
}

/// Why there is no new grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewFailure {
    /// It could not be had just now.
    Unavailable,
    /// The viewer may not watch any more.
    Revoked,
}

/// A new grant is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RenewWish {
    /// Its number, to answer by ([`Command::Renewed`](super::Command::Renewed)).
    pub id: u64,
    /// Why.
    pub reason: RenewReason,
    /// What is to be opened by it.
    pub wanted: Wanted,
    /// Of which source: an index into the list that was loaded.
    pub source: usize,
}

/// What a new grant is to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wanted {
    /// The stream: its address, its token.
    Media,
    /// Play info: the token is a player signature, the address one of the service.
    PlayInfo,
}

/// Why a new grant is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewReason {
    /// The one at hand ends soon, or has ended.
    Expiring,
    /// A server refused it.
    Refused,
}

impl Engine {
    /// A source begins with what it came with.
    pub(super) fn access_begins(&mut self, now: Timestamp, expires: Option<i64>) {
        self.renewal.restart();
        self.granted(now, expires);
    }

    fn granted(&mut self, now: Timestamp, expires: Option<i64>) {
        self.grant_expires = expires.or_else(|| self.credentials.expiry());
        self.granted_at = now;
        self.spread = (self.next_random() >> 11) as f64 / (1u64 << 53) as f64;
    }

    /// Whether somebody could be asked for a new grant.
    fn can_renew(&self) -> bool {
        self.config.renews || self.info.is_some()
    }

    /// How long the grant at hand lasts, as far as it and the servers say.
    fn life(&self, now: Timestamp) -> Option<Life> {
        let left_ms = self.grant_expires?.saturating_mul(1000).saturating_sub(self.clock.server_ms(now)?);
        let left = Duration::from_millis(left_ms.unsigned_abs());
        let until = if left_ms >= 0 { now + left } else { now.before(left) };
        Some(Life { from: self.granted_at, until, doubt: self.clock.doubt() })
    }

    /// Whether a request must wait: it would be refused, and what it waits for is on its way.
    fn must_wait(&mut self, now: Timestamp, purpose: &Purpose) -> bool {
        if !needs_grant(purpose) || !self.can_renew() {
            return false;
        }
        if self.renewal.is_refused() && self.renewal.is_wanted() {
            return true;
        }
        let is_over = self.life(now).is_some_and(|life| life.is_over(now));
        if is_over {
            self.renewal.ended(now);
        }
        is_over
    }

    /// Brings a request up to date, or holds it back; `None`: it is held.
    pub(super) fn admit(&mut self, now: Timestamp, mut ask: Ask) -> Option<Ask> {
        if self.must_wait(now, &ask.purpose) {
            self.requests.hold(ask);
            return None;
        }
        if ask.purpose.kind() == RequestKind::PlayInfo {
            ask.url = self.info_ask().url;
        }
        if needs_grant(&ask.purpose) {
            ask.url = self.credentials.current(&ask.url);
            let kind = match ask.purpose.kind() {
                RequestKind::Key => Kinds::KEY,
                RequestKind::Segment => Kinds::SEGMENT,
                _ => Kinds::PLAYLIST,
            };
            ask.header = self.credentials.header(&ask.url, kind);
            ask.generation = self.renewal.generation();
        }
        Some(ask)
    }

    /// A request was answered: the grant that it was made with opens something.
    pub(super) fn admitted(&mut self, purpose: &Purpose, generation: u32) {
        if needs_grant(purpose) {
            self.renewal.proved(generation, purpose.door());
        }
    }

    /// What is wrong with a request may be the grant: then it waits for a new one, or is sent again with the one that has come
    /// since. What comes back is for the recovery table.
    pub(super) fn renews_for(&mut self, now: Timestamp, mut ask: Ask, fault: Fault) -> Option<Ask> {
        if !needs_grant(&ask.purpose)
            || !self.can_renew()
            || matches!(self.stage, Stage::Closed | Stage::Idle)
        {
            return Some(ask);
        }
        // A refusal without CORS headers looks like a broken connection, and some say that what has expired is gone.
        let is_refusal = match fault {
            Fault::Refused { .. } => true,
            Fault::Network(NetFailure::Network) | Fault::Gone { status: 410 } => {
                self.life(now).is_some_and(|life| life.is_over(now))
            }
            _ => false,
        };
        if !is_refusal {
            return Some(ask);
        }
        // Who comes too late was not refused for what it is.
        let ended = self.life(now).is_some_and(|life| life.is_over(now + life.doubt));
        let verdict = self.renewal.refused(now, ask.generation, ask.purpose.door(), ask.refused, ended);
        if verdict == Verdict::Final {
            return Some(ask);
        }
        self.reports.trace.note(now, "access_refused", &[("generation", u64::from(ask.generation))]);
        if let Purpose::Segment(lane) = ask.purpose {
            if let (LaneId::Main, Some(rung)) = (lane, self.lanes.main.loading_rung()) {
                self.history.ended(now, rung, true);
            }
            self.lanes.lane_mut(lane).attempt_failed(&ask);
        }
        ask.refused |= verdict == Verdict::Wait && !ended;
        match verdict {
            Verdict::Resend => self.send(now, ask),
            _ => self.requests.hold(ask),
        }
        None
    }

    /// Asks for a new grant when it is time, and ends what cannot be waited for any longer.
    pub(super) fn renew(&mut self, now: Timestamp) {
        self.timers.set(Timer::Access, None);
        if !self.can_renew() || !matches!(self.stage, Stage::Opening | Stage::Open(_)) {
            return;
        }
        let is_lost = self.renewal.is_refused() || self.life(now).is_some_and(|life| life.is_over(now));
        let has_failed = self.renewal.failures() >= MIN_FAILURES;
        if is_lost && has_failed && self.online && self.requests.has_held() && !self.has_time() {
            return self.end_access(
                now,
                "access_renewal_failed",
                "what the session may show has ended, and a new token or signature could not be had",
            );
        }
        let loads = self.lanes.loading().next().is_some() || self.requests.has_held();
        // What is loaded ahead for nobody is worth a few attempts.
        let active = !self.playhead.state.paused || loads && !has_failed;
        let life = self.life(now);
        let Some(due) = self.renewal.plan(life, active, self.spread) else { return };
        if due > now {
            return self.timers.set(Timer::Access, Some(due));
        }
        if self.renewal.asked().is_some() {
            self.reports.trace.note(now, "renewal_timeout", &[]);
            // A laptop that slept, or a page in the background, has not waited.
            if now.since(due) > LATE {
                self.forget_renewal();
                self.renewal.ended_anew(now)
            } else {
                self.renewal_failed(now)
            }
            return self.renew(now);
        }
        let reason = if self.renewal.is_refused() { RenewReason::Refused } else { RenewReason::Expiring };
        let id = self.renewal.ask(now);
        self.reports.trace.note(now, "renewal_asked", &[("id", id)]);
        if self.config.renews {
            let wanted = if self.info_waits() { Wanted::PlayInfo } else { Wanted::Media };
            let source = self.sources.current();
            self.push(Output::Notify(Event::AccessWanted(RenewWish { id, reason, wanted, source })));
        } else {
            self.ask_info_again(now);
        }
        self.timers.set(Timer::Access, self.renewal.plan(life, active, self.spread));
    }

    /// The host's answer, or a grant that it gives without having been asked (`id` is `None`).
    pub(super) fn renewed(&mut self, now: Timestamp, id: Option<u64>, answer: Result<Grant, RenewFailure>) {
        if id.is_some_and(|id| !self.renewal.awaits(id)) || matches!(self.stage, Stage::Closed) {
            return;
        }
        match answer {
            Ok(grant) => {
                self.reports.trace.note(now, "renewed", &[]);
                if let Some(time) = grant.server_time {
                    self.clock.tell(now, time);
                }
                self.forget_renewal();
                if self.info_waits() {
                    let is_other = self.renew_info(grant.token, grant.url);
                    if id.is_none() {
                        self.renewal.succeeded();
                    } else if !self.renewal.answered(now, is_other, None) {
                        return;
                    }
                } else if self.credentials.source().is_none() {
                    // What play info names is not known yet: only how long the page has it open.
                    self.info_expires = grant.expires.or(self.info_expires);
                } else {
                    let refused = self.renewal.is_refused();
                    let is_other = self.credentials.renew(grant.token, grant.url);
                    let (before, at) = (self.grant_expires, self.granted_at);
                    self.granted(now, grant.expires);
                    let left = self.life(now).map(|life| life.until.since(now));
                    if id.is_none() {
                        self.renewal.succeeded();
                    } else if !self.renewal.answered(now, is_other, left) {
                        self.reports.trace.note(now, "renewal_failed", &[]);
                        (self.grant_expires, self.granted_at) = (before, at);
                        return;
                    }
                    self.reload_signed(now, refused);
                }
                for _ in 0..self.requests.held() {
                    if let Some(ask) = self.requests.release() {
                        self.send(now, ask);
                    }
                }
            }
            Err(RenewFailure::Unavailable) => {
                self.reports.trace.note(now, "renewal_failed", &[]);
                self.renewal_failed(now);
            }
            Err(RenewFailure::Revoked) => {
                // The right to watch is gone, wherever the same may be had.
                self.sources.forget_next();
                self.end_access(now, "access_revoked", "the viewer may not watch this any more");
            }
        }
    }

    /// Play info that is still on its way answers nobody any more.
    pub(super) fn forget_renewal(&mut self) {
        for id in self.requests.give_up(|purpose| *purpose == Purpose::Renewal) {
            self.push(Output::Abort(id));
        }
    }

    /// An attempt came to nothing. Without a network none could have come to anything.
    fn renewal_failed(&mut self, now: Timestamp) {
        self.forget_renewal();
        if self.online {
            self.renewal.failed(now);
        } else {
            self.renewal.ended_anew(now + MAX_DELAY);
        }
    }

    fn end_access(&mut self, now: Timestamp, code: &'static str, message: &str) {
        let error = PlayerError {
            code,
            phase: Phase::Access,
            status: None,
            fatal: true,
            message: message.to_owned(),
            url: None,
        };
        self.end_by(now, error);
    }
}

/// Whether what a request is for is behind the door: play info brings the grant, and reports need none.
fn needs_grant(purpose: &Purpose) -> bool {
    !matches!(purpose.kind(), RequestKind::PlayInfo | RequestKind::Telemetry)
}

/// Who looks so late was not awake.
const LATE: Duration = Duration::from_secs(2);
/// A renewal that failed so often in a row is not only late.
const MIN_FAILURES: u32 = 3;
