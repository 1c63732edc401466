//! From what the page names to an address that the native component is handed.

use core::time::Duration;

use crate::access::play_info::{self, Class, Hosts, PlaySource, Query, StreamKind};
use crate::access::renewal::Doors;
use crate::access::{Credentials, Kinds, TokenPlacement, TokenUse};
use crate::engine::recovery::Fault;
use crate::engine::{Description, Grant, NetFailure as Broken, RequestKind};
use crate::error::{Phase, PlayerError};
use crate::playlist::{self, Kind, Limits, PlaylistError, Variables};
use crate::secret::Url;
use crate::time::Timestamp;

use super::access::Held;
use super::io::{Event, Fixed, NetFailure, Output, Response, Source};
use super::ladder::Ladder;
use super::requests::{Ask, Purpose};
use super::{Break, Handoff, Opened, Stage};

/// Who is asked which streams a file id has.
#[derive(Debug)]
pub(super) struct Service {
    hosts: Hosts,
    app_id: String,
    file_id: String,
    query: Query,
}

impl Service {
    /// The request for play info.
    pub(super) fn url(&self) -> Url {
        play_info::request(self.hosts.current(), &self.app_id, &self.file_id, &self.query)
    }

    /// Another right to ask; what was learnt of the service stays.
    pub(super) fn sign(&mut self, query: Query) {
        match (&mut self.query, query) {
            (Query::V4 { psign, .. }, Query::V4 { psign: Some(signature), .. }) => *psign = Some(signature),
            (of, query) => *of = query,
        }
    }
}

impl Handoff {
    pub(super) fn open(&mut self, now: Timestamp, source: Source) {
        self.stage = Stage::Opening;
        self.quality.restart();
        match source {
            Source::PlayInfo { hosts, app_id, file_id, query } => {
                let hosts = if hosts.is_empty() { self.config.play_info_hosts.clone() } else { hosts };
                let Some(hosts) = Hosts::new(hosts) else {
                    let message = "no host was named that could be asked for play info";
                    return self.source_failed(now, "play_info_no_host", Phase::PlayInfo, message, None);
                };
                let service = Service { hosts, app_id, file_id, query };
                let ask = self.ask(Purpose::PlayInfo, service.url());
                self.service = Some(service);
                self.send(now, ask);
            }
            Source::Hls { url, token } => {
                if token.as_ref().is_some_and(|used| !reaches_playlists(&used.placement)) {
                    let message =
                        "only a token in the playlist's address reaches what the native component asks for";
                    return self.source_failed(
                        now,
                        "token_placement_unsupported",
                        Phase::Access,
                        message,
                        None,
                    );
                }
                self.credentials.begin(&url, token);
                self.access_begins(now, self.info_expires);
                self.root = url;
                self.ask_root(now);
            }
            Source::File { url } => {
                self.credentials.begin(&url, None);
                self.access_begins(now, None);
                self.root = url;
                self.opened(now, None, Some(Fixed::File));
            }
        }
    }

    pub(super) fn ask_root(&mut self, now: Timestamp) {
        let ask = self.ask(Purpose::Root, self.root_address());
        self.send(now, ask);
    }

    /// The address of the playlist, as it is today.
    pub(super) fn root_address(&self) -> Url {
        self.credentials.current(&self.credentials.playlist_url(&self.root))
    }

    /// An answer came, or none.
    pub(super) fn answered(&mut self, now: Timestamp, ask: Ask, answer: Result<Response, NetFailure>) {
        let response = match answer {
            Ok(response) => response,
            Err(_) if !self.estimate.is_online() => {
                return self.failed(now, ask, Fault::Network(Broken::Offline), None);
            }
            Err(NetFailure::Network) => return self.failed(now, ask, Fault::Network(Broken::Network), None),
            Err(NetFailure::Timeout) => return self.failed(now, ask, Fault::Timeout, None),
        };
        if let Some(date) = response.date {
            self.clock.observe(now, date);
        }
        if let Some(rate) = response.throughput {
            self.estimate.measured(rate);
        }
        if let Some(fault) = Fault::of_status(response.status, response.retry_after) {
            return self.failed(now, ask, fault, None);
        }
        if ask.purpose != Purpose::Report {
            self.reports.qoe.bytes(None, response.body.expose().len() as u64);
        }
        match ask.purpose {
            Purpose::PlayInfo => self.play_info_arrived(now, ask, response.body.expose()),
            Purpose::Root => self.root_arrived(now, ask, response.body.expose()),
            Purpose::Report => self.report_sent(now, ask.body, true),
        }
    }

    fn play_info_arrived(&mut self, now: Timestamp, ask: Ask, body: &[u8]) {
        let info = match play_info::parse(body, &ask.url) {
            Ok(info) => info,
            Err(error) => {
                let fault = match error.class() {
                    Class::Retry => Fault::Server { status: 200, retry_after: None },
                    Class::RenewToken => Fault::Refused { status: 200 },
                    Class::Fatal => Fault::Gone { status: 200 },
                };
                return self.failed(now, ask, fault, Some((error.code(), error.to_string())));
            }
        };
        if let Some(service) = &mut self.service {
            service.hosts.answered();
        }
        if let Some(time) = info.server_time {
            self.clock.tell(now, time);
        }
        if self.is_renewing() {
            // The same stream as before, if it is named again.
            let same = |stream: &&PlaySource| self.credentials.is_source(&stream.url);
            let stream = info.sources.iter().find(same).or(info.sources.first());
            let grant = Grant {
                url: stream.map(|stream| stream.url.clone()),
                token: stream.and_then(|stream| info.token_of(stream)).cloned(),
                expires: info.token_expiry,
                ..Grant::default()
            };
            return self.take_grant(now, grant);
        }
        let mut streams = info.sources.iter().map(|stream| match stream.kind {
            StreamKind::File => Source::File { url: stream.url.clone() },
            StreamKind::Hls => {
                let token = info.token_of(stream).cloned().map(TokenUse::in_file_name);
                Source::Hls { url: stream.url.clone(), token }
            }
        });
        self.info_expires = info.token_expiry;
        let first = streams.next();
        let index = self.source;
        streams.rev().for_each(|stream| self.sources.push_front((index, stream)));
        let poster = info.poster.clone();
        self.info_duration = info.duration;
        self.push(Output::Notify(Event::PlayInfo(Box::new(Description::of(info)), poster)));
        match first {
            Some(first) => self.open(now, first),
            None => {
                let message = "the play info names no stream";
                self.source_failed(now, "play_info_no_source", Phase::PlayInfo, message, None);
            }
        }
    }

    fn root_arrived(&mut self, now: Timestamp, ask: Ask, body: &[u8]) {
        self.renewal.proved(ask.generation, Doors::one(Held::Root as u8));
        let base = ask.url.clone();
        let variables = Variables::default();
        let source = playlist::Source { base: &base, variables: &variables, limits: Limits::default() };
        match playlist::parse_multivariant(body, &source) {
            Ok(multivariant) => {
                let url = |uri: &Url| self.credentials.child_playlist_url(&base, uri);
                let ladder = Ladder::of(&multivariant, &self.config.unsupported_codecs, url);
                if let Stage::Open(_) = self.stage {
                    return self.refreshed(now, ladder);
                }
                match ladder {
                    Some((ladder, fixed)) => self.opened(now, Some(ladder), fixed),
                    None => {
                        let message = "the multivariant playlist has no variant";
                        self.source_failed(now, "playlist_no_variant", Phase::Playlist, message, Some(base));
                    }
                }
            }
            // What is in it is the native component's business.
            Err(PlaylistError::WrongKind { found: Kind::Media, .. })
                if !matches!(self.stage, Stage::Open(_)) =>
            {
                self.opened(now, None, Some(Fixed::MediaPlaylist));
            }
            Err(error) => self.failed(now, ask, Fault::Corrupt, Some((error.code(), error.to_string()))),
        }
    }

    /// The playlist was loaded again, or could not be (`None`): what is at hand may still do.
    fn refreshed(&mut self, now: Timestamp, ladder: Option<(Ladder, Option<Fixed>)>) {
        let Stage::Open(opened) = &mut self.stage else { return };
        let Some(why) = self.refreshing else { return };
        // Another ladder would have other indices.
        let same = |new: &Ladder| opened.ladder.as_ref().is_some_and(|old| old.len() == new.len());
        if let Some((ladder, None)) = ladder.filter(|(ladder, _)| same(ladder)) {
            opened.ladder = Some(ladder);
        }
        self.hand_over(now, why);
    }

    /// It is known what there is to play.
    fn opened(&mut self, now: Timestamp, ladder: Option<Ladder>, fixed: Option<Fixed>) {
        if let Some(ladder) = &ladder {
            self.quality.start(ladder, self.estimate.rate());
        }
        self.stage = Stage::Open(Box::new(Opened { ladder, fixed, told: false }));
        self.hand_over(now, Break::Begins);
    }

    /// The address for the native component, as it is today.
    pub(super) fn address(&self) -> Url {
        let Stage::Open(opened) = &self.stage else { return self.root.clone() };
        let rung = opened.choice().and_then(|ladder| ladder.url(self.quality.current()));
        match (rung, opened.fixed) {
            (Some(rung), _) => self.credentials.current(rung),
            (None, Some(Fixed::File)) => self.credentials.current(&self.root),
            (None, _) => self.root_address(),
        }
    }

    /// A request failed: it is sent again, something takes its place, or the source is of no use.
    pub(super) fn failed(
        &mut self,
        now: Timestamp,
        mut ask: Ask,
        fault: Fault,
        detail: Option<(&'static str, String)>,
    ) {
        if ask.purpose == Purpose::Report {
            // What the origin does not take today it will not take tomorrow.
            let is_last = matches!(fault, Fault::Gone { status: 400 | 413 | 422 });
            return self.report_sent(now, ask.body, is_last);
        }
        let is_offline = matches!(fault, Fault::Network(Broken::Offline));
        ask.failures += u32::from(!is_offline);
        let (code, message) = detail.unwrap_or_else(|| (fault.code(), fault.message()));
        let status = fault.status().filter(|status| !(200..300).contains(status));
        let kind = ask.purpose.kind();
        let phase = if kind == RequestKind::PlayInfo { Phase::PlayInfo } else { Phase::Playlist };
        let error = PlayerError { code, phase, status, fatal: false, message, url: Some(ask.url.clone()) };

        if ask.purpose == Purpose::PlayInfo && self.is_renewing() {
            self.report_error(now, error);
            if let Some(service) = &mut self.service {
                service.hosts.fail_over();
            }
            return self.renewal_failed(now);
        }
        if matches!(fault, Fault::Refused { .. }) {
            let held = if ask.purpose == Purpose::PlayInfo { Held::PlayInfo } else { Held::Root };
            if self.renews_for(now, ask.generation, held) {
                return self.report_error(now, error);
            }
        }
        let may_pass = fault.may_pass() || matches!(fault, Fault::Corrupt);
        let wait = FIRST_DELAY.saturating_mul(1 << ask.failures.saturating_sub(1).min(4)).min(MAX_DELAY);
        let jitter = (self.next_random() % 500) as u32;
        let wait = wait.mul_f64(1.0 - f64::from(jitter) / 1000.0);
        let wait = match fault {
            Fault::Server { retry_after: Some(after), .. } => wait.max(after.min(MAX_RETRY_AFTER)),
            _ => wait,
        };
        if ask.purpose == Purpose::PlayInfo && may_pass && !is_offline {
            // Another host at once; after all of them, a pause.
            let is_new = self.service.as_mut().is_some_and(|service| service.hosts.fail_over());
            if let Some(service) = &self.service {
                ask.url = service.url();
            }
            ask.failures -= u32::from(is_new);
            if is_new {
                self.report_error(now, error);
                return self.send(now, ask);
            }
        }
        let attempts = if matches!(fault, Fault::Corrupt) { 2 } else { ATTEMPTS };
        if may_pass && ask.failures < attempts {
            self.report_error(now, error);
            return self.requests.send_later(now + wait, ask);
        }
        if ask.purpose == Purpose::Root && matches!(self.stage, Stage::Open(_)) {
            self.report_error(now, error);
            return self.refreshed(now, None);
        }
        // The platform lets requests through to hosts on a list alone, and the native component to any.
        if ask.purpose == Purpose::Root && matches!(fault, Fault::Network(_) | Fault::Timeout) {
            self.report_error(now, error);
            return self.opened(now, None, Some(Fixed::Unreachable));
        }
        self.end_by(now, error);
    }

    /// The source is of no use.
    pub(super) fn source_failed(
        &mut self,
        now: Timestamp,
        code: &'static str,
        phase: Phase,
        message: &str,
        url: Option<Url>,
    ) {
        let message = message.to_owned();
        self.end_by(now, PlayerError { code, phase, status: None, fatal: true, message, url });
    }

    /// The session cannot go on like this: the next source takes over at the same place, or it ends.
    pub(super) fn end_by(&mut self, now: Timestamp, mut error: PlayerError) {
        if matches!(self.stage, Stage::Idle | Stage::Closed) {
            return;
        }
        let next = self.sources.pop_front();
        error.fatal = next.is_none();
        self.reports.qoe.source_failed(error.code);
        // What is still to come of the element is a stall, as far as the viewer can tell.
        self.breaks_off(now, Break::Broken);
        self.report_error(now, error);
        let Some((index, source)) = next else { return self.close(now) };
        self.give_up(None);
        self.credentials = Credentials::for_hosts(&self.config.token_hosts);
        self.renewal.restart();
        (self.grant_expires, self.held, self.restart_at, self.refreshing) = (None, Held::Nothing, None, None);
        (self.postponed, self.playhead.duration) = (None, None);
        if index != self.source {
            (self.service, self.info_expires, self.info_duration) = (None, None, None);
        }
        self.failures.clear();
        self.source = index;
        let kind = source.kind();
        self.reports.trace.note(now, "source_changed", &[("source", index as u64)]);
        self.reports.qoe.source(index, kind);
        self.push(Output::Notify(Event::SourceChanged { source: index, kind }));
        self.open(now, source);
    }
}

/// Whether a token that goes there is in the address that the native component is handed.
fn reaches_playlists(placement: &TokenPlacement) -> bool {
    match placement {
        TokenPlacement::FileNamePrefix => true,
        TokenPlacement::Query(_, kinds) | TokenPlacement::PathPrefix(_, kinds) => kinds.has(Kinds::PLAYLIST),
        TokenPlacement::KeyQuery(_) | TokenPlacement::Header(..) => false,
    }
}

/// How often a request is made that may be answered another time.
const ATTEMPTS: u32 = 3;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(8);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
