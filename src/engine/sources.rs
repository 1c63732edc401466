//! The list of sources: which one plays, and which takes over where one fails for good, at the same place.
//!
//! A source that takes over gets a sink of its own: what the last one left behind may be what broke. Its tokens are its
//! own, too: none goes to a host that it is not meant for.

use std::collections::VecDeque;

use crate::access::{Credentials, TokenUse};
use crate::error::{Phase, PlayerError};
use crate::time::{MediaTime, Timestamp};

use super::info::Info;
use super::io::{Event, Output, PipelineCommand, SinkCommand, Source};
use super::lane::{LaneId, Lanes};
use super::playhead::Playhead;
use super::report::STATS_INTERVAL;
use super::requests::{Ask, Purpose};
use super::sink::SinkLink;
use super::timers::Timer;
use super::{Engine, Stage};

/// The sources of a session.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Which is in use.
    current: usize,
    /// What may take over, with its place in the page's list.
    next: VecDeque<(usize, Source)>,
}

impl Sources {
    /// More streams of the source in use, which come before any other source.
    pub(crate) fn more_of_this(&mut self, streams: impl DoubleEndedIterator<Item = Source>) {
        let current = self.current;
        streams.rev().for_each(|stream| self.next.push_front((current, stream)));
    }

    /// Which is in use.
    pub(crate) fn current(&self) -> usize {
        self.current
    }

    /// Nothing takes over any more.
    pub(crate) fn forget_next(&mut self) {
        self.next.clear();
    }

    /// Whether anything could take over.
    pub(crate) fn has_next(&self) -> bool {
        !self.next.is_empty()
    }
}

impl Engine {
    /// Starts. The sink is attached at once, beside the first request: neither needs the other.
    pub(super) fn load(&mut self, now: Timestamp, sources: Vec<Source>) {
        self.sources.next = sources.into_iter().enumerate().collect();
        let Some((_, first)) = self.sources.next.pop_front() else { return };
        self.reports.qoe.load(now);
        self.timers.set(Timer::Stats, Some(now + STATS_INTERVAL));
        self.schedule_report(now);
        self.reports.qoe.source(0, first.kind());
        self.open(now, first);
    }

    pub(super) fn open(&mut self, now: Timestamp, source: Source) {
        self.stage = Stage::Opening;
        let ask = match source {
            Source::PlayInfo { endpoints, app_id, file_id, query, overlay } => {
                match Info::new(endpoints, app_id, file_id, query, overlay.as_ref()) {
                    Ok(info) => self.info = Some(info),
                    Err((code, message)) => return self.fatal(now, code, Phase::PlayInfo, message, None),
                }
                self.info_ask()
            }
            Source::Hls { url, token } => {
                let token = token.map(|(token, placement)| TokenUse { token, placement });
                self.credentials.begin(&url, token);
                self.access_begins(now, self.info_expires);
                Ask::get(Purpose::Root, self.credentials.playlist_url(&url))
            }
            Source::File { url } => {
                self.stage = Stage::File;
                // Nobody is to tell that the element lets go of the media source: it is meant to.
                if !self.sink.is_detached() {
                    self.push(Output::Sink(SinkCommand::Detach));
                }
                self.sink = SinkLink::of_a_file();
                let from = self.playhead.place();
                return self.push(Output::Sink(SinkCommand::PlayFile(url, from)));
            }
        };
        self.send(now, ask);
    }

    /// The session cannot go on like this: the next source takes over, or it ends.
    pub(super) fn end_by(&mut self, now: Timestamp, mut error: PlayerError) {
        if matches!(self.stage, Stage::Idle | Stage::Closed) {
            return;
        }
        // Who lets go of the element wants no other source in it.
        let next = if error.code == "sink_closed" { None } else { self.sources.next.pop_front() };
        error.fatal = next.is_none();
        self.reports.qoe.source_failed(error.code);
        self.report_error(now, error);
        match next {
            Some((index, source)) => self.take_over(now, index, source),
            None => self.close(now),
        }
    }

    fn take_over(&mut self, now: Timestamp, index: usize, source: Source) {
        // Where a live stream was says nothing of where another source has the same.
        let place = (!self.is_live).then(|| self.playhead.place());
        if matches!(self.stage, Stage::File) {
            self.sink = SinkLink::in_its_place();
        }
        self.begin_anew(now);
        self.playhead.restarts(place);
        for id in self.requests.give_up(|purpose| !matches!(purpose, Purpose::Report(_))) {
            self.push(Output::Abort(id));
        }
        self.leave_sound();
        self.leave_text();
        self.lanes = Lanes::default();
        self.credentials = Credentials::for_hosts(&self.config.token_hosts);
        // The answer to a play info that comes next must not be taken for the renewal that the last source waited for.
        self.renewal.restart();
        self.grant_expires = None;
        if index != self.sources.current {
            (self.info, self.info_expires) = (None, None);
        }
        (self.announced, self.is_live, self.held_rung) = (false, false, None);
        self.limits.leave_ladder();
        (self.breakdowns, self.skipped) = ((0, Timestamp::ZERO), 0);
        self.timers.set(Timer::Reload, None);
        self.sources.current = index;
        let kind = source.kind();
        self.reports.trace.note(now, "source_changed", &[("source", index as u64)]);
        self.reports.qoe.source(index, kind);
        self.push(Output::Notify(Event::SourceChanged { source: index, kind }));
        self.open(now, source);
    }

    /// Lets go of the sink and of all that is on its way there; what comes next is loaded for the playhead.
    pub(super) fn begin_anew(&mut self, now: Timestamp) {
        for lane in LaneId::ALL {
            self.abandon_segment(now, lane);
            self.command(PipelineCommand::Reset(lane));
        }
        self.timers.set(Timer::Sink, None);
        (self.tight, self.sink_tries, self.vain_room) = (None, 0, (MediaTime::ZERO, 0));
        if self.sink.is_untouched() {
            self.sink.forget();
        } else {
            self.push(Output::Sink(SinkCommand::Detach));
            self.sink = SinkLink::in_its_place();
        }
        self.stands = None;
        self.audio.begins_anew();
        self.rate_back();
    }
}

impl Playhead {
    /// The element begins anew, at this place or wherever a new viewer would.
    pub(crate) fn restarts(&mut self, place: Option<MediaTime>) {
        self.forget_media();
        // At zero it is without being sent there.
        match place {
            Some(place) if place > MediaTime::ZERO => self.heads_for(place),
            Some(_) => self.arrived(),
            None => self.leaves(),
        }
    }
}
