//! Renewal of what the session may show, by the rules of [`access::renewal`](crate::access::renewal).
//!
//! A native component that plays names what it was handed, for as long as it plays: a new grant reaches it only by another
//! source, which is handed over once for each grant.

use core::time::Duration;

use crate::access::TokenUse;
use crate::access::play_info::Query;
use crate::access::renewal::{Doors, Life, Verdict};
use crate::engine::{Grant, RenewFailure, RenewReason, RenewWish, Wanted};
use crate::error::{Phase, PlayerError};
use crate::time::{MediaTime, Timestamp};

use super::io::{Event, NativeFailure, Output, Renewed};
use super::ladder::Ladder;
use super::requests::Purpose;
use super::{Break, Handoff, Stage};

/// What waits for a new grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Held {
    #[default]
    Nothing,
    /// The request for play info.
    PlayInfo,
    /// The request for the playlist.
    Root,
    /// The native component, which gave up.
    Source,
}

impl Handoff {
    /// A source begins with what it came with.
    pub(super) fn access_begins(&mut self, now: Timestamp, expires: Option<i64>) {
        self.renewal.restart();
        (self.held, self.blamed) = (Held::Nothing, None);
        self.granted(now, expires);
    }

    fn granted(&mut self, now: Timestamp, expires: Option<i64>) {
        self.grant_expires = expires.or_else(|| self.credentials.expiry());
        self.granted_at = now;
        self.spread = (self.next_random() >> 11) as f64 / (1u64 << 53) as f64;
    }

    /// Whether somebody could be asked for a new grant.
    pub(super) fn can_renew(&self) -> bool {
        self.config.renews || self.service.is_some()
    }

    fn life(&self, now: Timestamp) -> Option<Life> {
        let left_ms = self.grant_expires?.saturating_mul(1000).saturating_sub(self.clock.server_ms(now)?);
        let left = Duration::from_millis(left_ms.unsigned_abs());
        let until = if left_ms >= 0 { now + left } else { now.before(left) };
        Some(Life { from: self.granted_at, until, doubt: self.clock.doubt() })
    }

    /// A server or the native component refused what it was shown. `false`: that was the last word.
    pub(super) fn renews_for(&mut self, now: Timestamp, generation: u32, held: Held) -> bool {
        if !self.can_renew() || held == Held::PlayInfo && !self.config.renews {
            return false;
        }
        let ended = self.life(now).is_some_and(|life| life.is_over(now + life.doubt));
        match self.renewal.refused(now, generation, Doors::one(held as u8), false, ended) {
            Verdict::Final => return false,
            Verdict::Wait => {
                self.reports.trace.note(now, "access_refused", &[("generation", u64::from(generation))]);
                self.held = held;
            }
            Verdict::Resend => {
                self.held = held;
                self.release(now);
            }
        }
        true
    }

    /// Whether a failure of the native component, which does not say, looks like the end of the grant.
    pub(super) fn looks_expired(&self, now: Timestamp, failure: NativeFailure) -> bool {
        if matches!(failure, NativeFailure::Decode | NativeFailure::Unsupported) || !self.can_renew() {
            return false;
        }
        let life = self.life(now);
        // It has lived, and its time is over.
        if life.is_some_and(|life| life.until > life.from && life.is_over(now)) {
            return true;
        }
        // The rest is a guess. Where it was made of late, or in this place, a new grant was of no use.
        let place = self.playhead.position;
        let is_guessed =
            |(at, before): (Timestamp, MediaTime)| now.since(at) < GUESSED || place.abs_diff(before) < THERE;
        if self.blamed.is_some_and(is_guessed) {
            return false;
        }
        match life {
            Some(life) => life.is_over(now + life.doubt + NEAR_END),
            // Nobody knows how long it lasts; a network that is there is no reason to fail.
            None => self.estimate.is_online(),
        }
    }

    /// Asks for a new grant when it is time, and ends what cannot be waited for any longer.
    pub(super) fn renew(&mut self, now: Timestamp) {
        self.renew_at = None;
        if !self.can_renew() || !matches!(self.stage, Stage::Opening | Stage::Open(_)) {
            return;
        }
        if self.held != Held::Nothing && self.renewal.failures() >= MIN_FAILURES {
            let message =
                "what the session may show has ended, and a new token or signature could not be had";
            return self.end_access(now, "access_renewal_failed", message);
        }
        let active = self.held != Held::Nothing || self.playhead.wants;
        let life = self.life(now);
        let Some(due) = self.renewal.plan(life, active, self.spread) else { return };
        if due > now {
            self.renew_at = Some(due);
            return;
        }
        if self.renewal.asked().is_some() {
            self.reports.trace.note(now, "renewal_timeout", &[]);
            // A mini-program in the background has not waited.
            if now.since(due) > LATE {
                self.renewal.ended_anew(now)
            } else {
                self.renewal.failed(now)
            }
            return self.renew(now);
        }
        let reason = if self.renewal.is_refused() { RenewReason::Refused } else { RenewReason::Expiring };
        let id = self.renewal.ask(now);
        self.reports.trace.note(now, "renewal_asked", &[("id", id)]);
        if self.config.renews {
            let wanted = if self.held == Held::PlayInfo { Wanted::PlayInfo } else { Wanted::Media };
            let source = self.source;
            self.push(Output::Notify(Event::AccessWanted(RenewWish { id, reason, wanted, source })));
        } else {
            self.ask_play_info(now);
        }
        self.renew_at = self.renewal.plan(life, active, self.spread);
    }

    /// The host's answer, or a grant that it gives without having been asked.
    pub(super) fn renewed(&mut self, now: Timestamp, id: Option<u64>, answer: Result<Renewed, RenewFailure>) {
        if id.is_some_and(|id| !self.renewal.awaits(id)) || matches!(self.stage, Stage::Idle | Stage::Closed)
        {
            return;
        }
        match answer {
            Ok(Renewed { mut grant, query }) => {
                if let Some(time) = grant.server_time {
                    self.clock.tell(now, time);
                }
                let of_info = |token| Query::V4 { psign: Some(token), context: None, overlay: None };
                let is_info = self.held == Held::PlayInfo && query.is_none();
                let query = if is_info { grant.token.take().map(of_info) } else { query };
                if let (Some(query), Some(service)) = (query, &mut self.service) {
                    service.sign(query);
                    let renews = matches!(self.stage, Stage::Open(_)) || self.is_renewing();
                    // What was asked for by the right of before is of no use.
                    if self.requests.has(Purpose::PlayInfo) {
                        self.give_up(Some(Purpose::PlayInfo));
                        self.held = if renews { self.held } else { Held::PlayInfo };
                    }
                    // The grant is what play info says then.
                    if renews {
                        if self.renewal.asked().is_none() {
                            self.renewal.ask(now);
                        }
                        return self.ask_play_info(now);
                    }
                }
                self.take_grant(now, grant);
            }
            Err(RenewFailure::Unavailable) => {
                self.reports.trace.note(now, "renewal_failed", &[]);
                self.renewal.failed(now);
            }
            Err(RenewFailure::Revoked) => {
                self.sources.clear();
                self.end_access(now, "access_revoked", "the viewer may not watch this any more");
            }
        }
    }

    /// A new grant is at hand.
    pub(super) fn take_grant(&mut self, now: Timestamp, grant: Grant) {
        self.reports.trace.note(now, "renewed", &[]);
        let before = (self.root_address(), self.address());
        let is_other = match grant.token {
            // The first one, of a playlist that is asked for already.
            Some(token) if self.asks_root() && !self.credentials.has_any_token() => {
                self.credentials.begin(&self.root, Some(TokenUse::in_file_name(token)));
                self.credentials.renew(None, grant.url);
                true
            }
            token => self.credentials.renew(token, grant.url),
        };
        let (expires, at) = (self.grant_expires, self.granted_at);
        self.granted(now, grant.expires);
        let left = self.life(now).map(|life| life.until.since(now));
        if self.renewal.asked().is_none() {
            self.renewal.succeeded();
        } else if !self.renewal.answered(now, is_other, left) {
            (self.grant_expires, self.granted_at) = (expires, at);
            return;
        }
        let changes = (self.root_address(), self.address()) != before;
        if changes && self.requests.has(Purpose::Root) {
            self.give_up(Some(Purpose::Root));
            self.held = if self.refreshing.is_some() { self.held } else { Held::Root };
        }
        if self.held == Held::Nothing && changes {
            self.hand_over_anew(now, Break::Wished);
        } else {
            self.release(now);
        }
    }

    /// The playlist is asked for, or is to be, and nothing is known of it.
    fn asks_root(&self) -> bool {
        let asks = self.held == Held::Root || self.requests.has(Purpose::Root);
        asks && matches!(self.stage, Stage::Opening)
    }

    /// Hands over what the new grant opens.
    fn hand_over_anew(&mut self, now: Timestamp, why: Break) {
        let signed =
            matches!(&self.stage, Stage::Open(opened) if opened.choice().is_some_and(Ladder::is_signed));
        if !signed {
            return self.hand_over(now, why);
        }
        self.refreshing = Some(why);
        if !self.requests.has(Purpose::Root) {
            self.ask_root(now);
        }
    }

    /// What waited for the grant goes on with it.
    fn release(&mut self, now: Timestamp) {
        match core::mem::take(&mut self.held) {
            Held::Nothing => {}
            Held::PlayInfo => self.ask_play_info(now),
            Held::Root => self.ask_root(now),
            Held::Source => self.hand_over_anew(now, Break::Broken),
        }
    }

    /// A renewal by play info came to nothing.
    pub(super) fn renewal_failed(&mut self, now: Timestamp) {
        self.reports.trace.note(now, "renewal_failed", &[]);
        self.renewal.failed(now);
    }

    /// Whether the play info that is asked for is to renew the grant of a source that is open.
    pub(super) fn is_renewing(&self) -> bool {
        self.renewal.asked().is_some() && (matches!(self.stage, Stage::Open(_)) || self.held == Held::Root)
    }

    fn end_access(&mut self, now: Timestamp, code: &'static str, message: &str) {
        let phase = Phase::Access;
        self.give_up(None);
        let message = message.to_owned();
        self.end_by(now, PlayerError { code, phase, status: None, fatal: true, message, url: None });
    }

    fn ask_play_info(&mut self, now: Timestamp) {
        if let Some(service) = &self.service
            && !self.requests.has(Purpose::PlayInfo)
        {
            let url = service.url();
            self.send(now, self.ask(Purpose::PlayInfo, url));
        }
    }
}

/// An end that is so near is the likeliest reason for what nobody explains.
const NEAR_END: Duration = Duration::from_secs(10);
/// A failure so soon after, or so near the place of, one that was taken for the end of a grant is something else.
const GUESSED: Duration = Duration::from_secs(60);
const THERE: MediaTime = MediaTime::from_millis(5_000);
/// Who looks so late was not awake.
const LATE: Duration = Duration::from_secs(2);
/// A renewal that failed so often in a row is not only late.
const MIN_FAILURES: u32 = 3;
