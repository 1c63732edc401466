//! Play info: whom it is asked of and by what right, and what follows from an answer, or from none.
//!
//! | what comes | what follows |
//! |---|---|
//! | not all of an answer within 3 s, no connection, 5xx, a body that is not the service's, a code from 2000 to 2999 | the next host at once; where all have failed, all of them again, as the recovery table says |
//! | HTTP 401 or 403, or one of the codes 403, 1004, 1009, 1021 | the page is asked for another player signature, once |
//! | anything else | the end of this source |
//!
//! Also while a source that it named is playing: then it names that source anew, with a new token.

use crate::access::play_info::{self, Class, Hosts, PlayInfo, PlaySource, StreamKind};
use crate::access::renewal::Verdict;
use crate::access::{Overlay, OverlaySeed, TokenPlacement};
use crate::error::Phase;
use crate::secret::{Secret, Url};
use crate::telemetry::SourceKind;
use crate::time::Timestamp;

use super::Engine;
use super::failure::trouble;
use super::io::{Description, Event, Grant, NetFailure, Output, Query, RenewFailure, Source, StreamInfo};
use super::recovery::Fault;
use super::requests::{Ask, Purpose};

/// A service, and what it is asked.
#[derive(Debug)]
pub(crate) struct Info {
    hosts: Hosts,
    app_id: String,
    file_id: String,
    query: Query,
    overlay: Option<Overlay>,
}

impl Info {
    /// Why it cannot be asked is told by a code and a sentence.
    pub(crate) fn new(
        endpoints: Vec<Url>,
        app_id: String,
        file_id: String,
        mut query: Query,
        seed: Option<&OverlaySeed>,
    ) -> Result<Self, (&'static str, String)> {
        let hosts = Hosts::new(endpoints);
        let hosts = hosts.ok_or_else(|| ("play_info_no_host", "no play-info service is named".into()))?;
        // Version 2 has no place for one, and its keys come bare.
        let seed = seed.filter(|_| matches!(query, Query::V4 { .. }));
        let made = seed.map(OverlaySeed::grow).transpose();
        let made = made.map_err(|error| (error.code(), error.to_string()))?;
        if let Query::V4 { overlay, .. } = &mut query {
            *overlay = made.as_ref().map(|made| made.wrapped().clone());
        }
        Ok(Self { hosts, app_id, file_id, query, overlay: made })
    }

    /// What the service's keys come under.
    pub(crate) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_ref()
    }

    fn url(&self) -> Url {
        play_info::request(self.hosts.current(), &self.app_id, &self.file_id, &self.query)
    }
}

impl Engine {
    /// Asks play info for no more than to tell what it says.
    pub(super) fn look(&mut self, now: Timestamp, source: Source) {
        if matches!(source, Source::PlayInfo { .. }) {
            self.looks = true;
            self.open(now, source);
        }
    }

    /// The request for play info, as it is to be made now.
    pub(super) fn info_ask(&self) -> Ask {
        Ask::get(Purpose::PlayInfo, self.info.as_ref().map(Info::url).unwrap_or_default())
    }

    /// Asks for the source that is playing to be named anew.
    pub(super) fn ask_info_again(&mut self, now: Timestamp) {
        // An attempt that nobody waits for any more.
        self.forget_renewal();
        self.send(now, Ask { purpose: Purpose::Renewal, ..self.info_ask() });
    }

    /// Whether play info waits for another player signature.
    pub(super) fn info_waits(&self) -> bool {
        self.requests.holds(&Purpose::PlayInfo)
    }

    /// From now on it is asked by this right, and at this address. Whether that is another one than before.
    pub(super) fn renew_info(&mut self, token: Option<Secret<String>>, url: Option<Url>) -> bool {
        let Some(info) = &mut self.info else { return false };
        let before = info.url();
        if let (Query::V4 { psign, .. }, Some(token)) = (&mut info.query, token) {
            *psign = Some(token);
        }
        if let Some(hosts) = url.and_then(|url| Hosts::new([url])) {
            info.hosts = hosts;
        }
        info.url() != before
    }

    /// Play info did not come. What comes back is for the recovery table: all hosts have been asked, and no signature helps.
    pub(super) fn info_failed(
        &mut self,
        now: Timestamp,
        mut ask: Ask,
        fault: Fault,
        detail: Option<&(&'static str, String)>,
    ) -> Option<Ask> {
        let may_another = match fault {
            Fault::Network(failure) => failure != NetFailure::Offline,
            Fault::Short | Fault::Timeout | Fault::Server { .. } | Fault::Corrupt => true,
            _ => false,
        };
        if may_another && self.info.as_mut().is_some_and(|info| info.hosts.fail_over()) {
            self.report_error(now, trouble(&ask, fault, None, detail.cloned()));
            self.send(now, ask);
            return None;
        }
        // What is buffered plays on, whatever the service says now.
        if ask.purpose == Purpose::Renewal {
            if let Some(id) = self.renewal.asked() {
                self.renewed(now, Some(id), Err(RenewFailure::Unavailable));
            }
            return None;
        }
        if self.config.renews && matches!(fault, Fault::Refused { .. }) {
            let (generation, door) = (self.renewal.generation(), ask.purpose.door());
            let verdict = self.renewal.refused(now, generation, door, ask.refused, false);
            if verdict != Verdict::Final {
                self.reports.trace.note(now, "play_info_refused", &[]);
                ask.refused = true;
                self.requests.hold(ask);
                return None;
            }
        }
        Some(ask)
    }

    pub(super) fn play_info_arrived(&mut self, now: Timestamp, ask: Ask, url: &Url, body: &[u8]) {
        let found = match play_info::parse(body, url) {
            Ok(found) => found,
            Err(error) => {
                let fault = match error.class() {
                    Class::Retry => Fault::Server { status: 200, retry_after: None },
                    Class::RenewToken => Fault::Refused { status: 200 },
                    Class::Fatal => Fault::Gone { status: 200 },
                };
                return self.failed(now, ask, fault, None, Some((error.code(), error.to_string())));
            }
        };
        if let Some(info) = &mut self.info {
            info.hosts.answered();
            if let Query::V4 { context, .. } = &mut info.query {
                context.clone_from(&found.context);
            }
        }
        if let Some(time) = found.server_time {
            self.clock.tell(now, time);
        }
        if ask.purpose == Purpose::Renewal {
            // The same stream as before, if it is named again.
            let same = |stream: &&PlaySource| self.credentials.is_source(&stream.url);
            let stream = found.sources.iter().find(same).or(found.sources.first());
            let grant = Grant {
                url: stream.map(|stream| stream.url.clone()),
                token: stream.and_then(|stream| found.token_of(stream)).cloned(),
                expires: found.token_expiry,
                ..Grant::default()
            };
            return self.renewed(now, self.renewal.asked(), Ok(grant));
        }
        self.info_expires = found.token_expiry.or(self.info_expires);
        let stream = |stream: &PlaySource| StreamInfo {
            url: stream.url.clone(),
            kind: match stream.kind {
                StreamKind::File => SourceKind::File,
                StreamKind::Hls => SourceKind::Hls,
            },
            token: found.token_of(stream).filter(|_| stream.kind == StreamKind::Hls).cloned(),
        };
        let streams: Vec<_> = found.sources.iter().map(stream).collect();
        self.describe(found);
        if self.looks {
            self.push(Output::Notify(Event::Streams { sources: streams, expires: self.info_expires }));
            return self.close(now);
        }
        let named = |StreamInfo { url, kind, token }| match kind {
            SourceKind::File => Source::File { url },
            _ => Source::Hls { url, token: token.map(|token| (token, TokenPlacement::FileNamePrefix)) },
        };
        let mut streams = streams.into_iter().map(named);
        let Some(first) = streams.next() else {
            let message = "the play info names no stream".into();
            return self.fatal(now, "play_info_no_source", Phase::PlayInfo, message, None);
        };
        self.sources.more_of_this(streams);
        self.open(now, first);
    }

    /// Tells the page what play info says of the video.
    fn describe(&mut self, found: PlayInfo) {
        if let Some(url) = found.poster.clone() {
            self.push(Output::Notify(Event::Poster { url }));
        }
        self.push(Output::Notify(Event::PlayInfo(Box::new(Description::of(found)))));
    }
}
