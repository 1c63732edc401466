//! Doing what the recovery table says: try again, go on without, let another rung take over, or end the session.

use crate::error::{Phase, PlayerError};
use crate::time::{MediaTime, Timestamp};

use super::io::{Output, RequestId, RequestKind};
use super::lane::{LaneId, State};
use super::recovery::{self, Fault, Instead, Remedy};
use super::requests::{Ask, Purpose};
use super::text::is_text;
use super::{Engine, Stage};

/// How a session goes on without what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is not needed now.
    Without,
    /// The same is at another address.
    Elsewhere,
    /// Another rung or rendition has it.
    Another,
    /// It is left out.
    Skip,
}

impl Engine {
    /// A request came to nothing. `detail` is a code and a sentence that say more than the fault does.
    pub(super) fn request_failed(
        &mut self,
        now: Timestamp,
        id: RequestId,
        fault: Fault,
        detail: Option<(&'static str, String)>,
    ) {
        if let Some(flight) = self.requests.take(id) {
            self.failed(now, flight.ask, fault, None, detail);
        }
    }

    /// Does what the recovery table says about a failed request.
    pub(super) fn failed(
        &mut self,
        now: Timestamp,
        ask: Ask,
        fault: Fault,
        phase: Option<Phase>,
        detail: Option<(&'static str, String)>,
    ) {
        let ask = match ask.purpose {
            Purpose::PlayInfo | Purpose::Renewal => self.info_failed(now, ask, fault, detail.as_ref()),
            _ => self.renews_for(now, ask, fault),
        };
        let Some(mut ask) = ask else { return };
        ask.failures = ask.failures.saturating_add(1);
        let fault = match (fault, &ask.purpose) {
            (Fault::Gone { status: status @ (404 | 410) }, Purpose::Segment(_)) if self.is_live => {
                Fault::NotThere { status }
            }
            (fault, _) => fault,
        };
        let kind = ask.purpose.kind();
        let jitter = self.next_random();
        // What broke on its way before says nothing about whether the bytes that came are good.
        let is_spoiled = matches!(fault, Fault::Corrupt | Fault::WrongKey);
        ask.spoiled = ask.spoiled.saturating_add(u32::from(is_spoiled));
        let failures = if is_spoiled { ask.spoiled } else { ask.failures };
        let instead = self.instead_of(&ask.purpose, fault);
        let mut remedy = recovery::remedy(kind, fault, failures, instead, jitter);
        if let Purpose::Report(batch) = ask.purpose {
            match remedy {
                Remedy::Retry(after) => self.requests.send_later(now + after, ask),
                Remedy::GiveUp => self.report_sent(now, batch, false),
            }
            return;
        }
        if matches!(self.stage, Stage::Closed) {
            return;
        }
        // A server that answers is there, whatever the host says.
        let is_cut_off = !self.online && fault.status().is_none();
        let can_wait = is_cut_off || !instead.any() && self.has_time() && !is_text(&ask.purpose);
        if remedy == Remedy::GiveUp && fault.may_pass() && can_wait {
            remedy = Remedy::Retry(recovery::delay(fault, ask.failures, jitter));
        }
        if let Purpose::Segment(lane) = ask.purpose {
            if let (LaneId::Main, Some(rung)) = (lane, self.lanes.main.loading_rung()) {
                self.history.ended(now, rung, true);
            }
            self.lanes.lane_mut(lane).attempt_failed(&ask);
        }
        let error = trouble(&ask, fault, phase, detail);
        // What it was to replace is there.
        if let Purpose::Segment(lane) = ask.purpose
            && self.lanes.lane(lane).loading().is_some_and(|loading| loading.replaces)
        {
            self.report_error(now, error);
            return self.abandon_segment(now, lane);
        }
        if let Remedy::Retry(after) = remedy {
            self.report_error(now, error);
            return self.requests.send_later(now + after, ask);
        }
        match self.way_on(&ask.purpose, fault, instead) {
            Some(way) => {
                self.report_error(now, error);
                self.go_on(now, &ask, fault, way);
            }
            None => self.end_by(now, error),
        }
    }

    /// What could take the place of what a request is for.
    fn instead_of(&self, purpose: &Purpose, fault: Fault) -> Instead {
        let played = self.playhead.has_started() && !self.sources.has_next() && !is_text(purpose);
        let (Some((lane, index)), Stage::Open(catalog)) = (self.stream_of(purpose), &self.stage) else {
            return Instead { played, ..Instead::default() };
        };
        let place = self.place_of(lane);
        Instead {
            elsewhere: lane == LaneId::Main && fault.is_of_the_server() && catalog.is_elsewhere(index),
            another: fault.is_of_the_rung() && catalog.has_other(lane, index, place),
            probation: catalog.stream(lane, index).is_some_and(|s| s.standing.is_on_probation()),
            played,
        }
    }

    /// How the session goes on without an answer to this, if it can.
    fn way_on(&self, purpose: &Purpose, fault: Fault, instead: Instead) -> Option<Way> {
        let skips = matches!(purpose, Purpose::Segment(_)) && self.may_skip(fault);
        match () {
            () if self.can_do_without(purpose) => Some(Way::Without),
            () if matches!(fault, Fault::NotThere { .. }) && skips => Some(Way::Skip),
            () if instead.elsewhere => Some(Way::Elsewhere),
            () if instead.another => Some(Way::Another),
            () if skips => Some(Way::Skip),
            () => None,
        }
    }

    /// Whether a segment that nobody has may be left out: what came before it played, and it is not the third in a row.
    /// Of a live stream it may be the thirtieth, as long as there is no other source.
    fn may_skip(&self, fault: Fault) -> bool {
        if matches!(fault, Fault::NotThere { .. }) {
            return self.skipped < MAX_SKIPPED || !self.sources.has_next();
        }
        fault.is_of_the_rung() && self.playhead.has_started() && self.skipped < MAX_SKIPPED
    }

    fn go_on(&mut self, now: Timestamp, ask: &Ask, fault: Fault, way: Way) {
        if self.is_of_text(&ask.purpose) {
            return self.text_failed(now, &ask.purpose);
        }
        let Some((lane, index)) = self.stream_of(&ask.purpose) else { return };
        let place = matches!(ask.purpose, Purpose::Segment(_)).then(|| self.place_of(lane));
        let Stage::Open(catalog) = &mut self.stage else { return };
        match way {
            Way::Without | Way::Another => catalog.bury(now, lane, index, place),
            Way::Elsewhere => {
                self.reports.trace.note(now, "variant_replaced", &[("rung", index as u64)]);
                return self.go_elsewhere(now, ask, fault, index);
            }
            Way::Skip => {
                self.skipped += 1;
                let loading = self.lanes.lane(lane).loading();
                let sequence = loading.map(|loading| loading.sequence);
                if let Some(media) = catalog.stream_mut(lane, index).and_then(|s| s.media.as_mut())
                    && let Some(sequence) = sequence
                {
                    self.reports.trace.note(now, "segment_skipped", &[("sequence", sequence)]);
                    media.playlist.set_gap(sequence);
                }
            }
        }
        self.stop_waiting(now, &ask.purpose, lane, index);
    }

    /// Whether text alone goes without what was asked for.
    fn is_of_text(&self, purpose: &Purpose) -> bool {
        match purpose {
            Purpose::Key(key) => self.lanes.text.loading().is_some_and(|loading| loading.needs_key(key)),
            Purpose::Init(_) => self.stream_of(purpose).is_some_and(|(lane, _)| lane == LaneId::Text),
            purpose => is_text(purpose),
        }
    }

    fn text_failed(&mut self, now: Timestamp, purpose: &Purpose) {
        match purpose {
            Purpose::Text(text) => self.text_stream_failed(now, *text),
            _ => self.text_segment_failed(now),
        }
    }

    /// The lane stops waiting for what will not come.
    fn stop_waiting(&mut self, now: Timestamp, purpose: &Purpose, lane: LaneId, index: usize) {
        match purpose {
            Purpose::Rung(_) | Purpose::Rendition(_) => {
                if self.lanes.lane(lane).waits_for_playlist(index) {
                    self.lanes.lane_mut(lane).state = State::Idle;
                }
            }
            _ => {
                self.drop_segment(now, lane);
                self.lanes.lane_mut(lane).step_aside();
            }
        }
    }

    /// Goes to another address of a rung, and with the others that are at a server that fails: they would find out one by
    /// one.
    fn go_elsewhere(&mut self, now: Timestamp, ask: &Ask, fault: Fault, rung: usize) {
        let Stage::Open(catalog) = &mut self.stage else { return };
        let mut leave = vec![rung];
        if fault.is_of_the_whole_server()
            && let Some(stream) = catalog.stream(LaneId::Main, rung)
        {
            let url = stream.url.clone();
            leave.extend(catalog.rungs_beside(&url).into_iter().filter(|other| *other != rung));
        }
        leave.retain(|rung| catalog.go_elsewhere(now, *rung));
        let left = |purpose: &Purpose| matches!(purpose, Purpose::Rung(rung) if leave.contains(rung));
        for id in self.requests.give_up(left) {
            self.push(Output::Abort(id));
        }
        for rung in leave {
            if self.lanes.main.waits_for_playlist(rung) {
                self.lanes.main.state = State::Idle;
            }
        }
        self.stop_waiting(now, &ask.purpose, LaneId::Main, rung);
    }

    /// The place that a lane loads for.
    fn place_of(&self, lane: LaneId) -> MediaTime {
        let loading = self.lanes.lane(lane).loading();
        loading.map_or_else(|| self.place_to_fill(lane), |loading| loading.target)
    }

    /// Whether something is buffered to play while a failure passes.
    pub(super) fn has_time(&self) -> bool {
        matches!(self.stage, Stage::Open(_)) && self.buffer_ahead() > MIN_TIME
    }

    /// The rung or rendition that a request is for, if it is for one.
    fn stream_of(&self, purpose: &Purpose) -> Option<(LaneId, usize)> {
        match purpose {
            Purpose::Rung(_) | Purpose::Rendition(_) | Purpose::Text(_) => purpose.stream(),
            Purpose::Segment(lane) => Some((*lane, self.lanes.lane(*lane).loading_rung()?)),
            Purpose::Init(identity) => LaneId::ALL.into_iter().find_map(|lane| {
                let loading = self.lanes.lane(lane).loading()?;
                let needs = loading.init.as_ref().is_some_and(|init| init.identity == *identity);
                needs.then_some((lane, loading.rung))
            }),
            _ => None,
        }
    }

    /// Whether the session goes on without an answer to this: a playlist fetched ahead of need, a key or an init
    /// section of a place that was left.
    fn can_do_without(&self, purpose: &Purpose) -> bool {
        let is_needed = |lane: LaneId, key: &str| {
            self.lanes.lane(lane).loading().is_some_and(|loading| loading.needs_key(key))
        };
        match purpose {
            Purpose::Text(_) | Purpose::Segment(LaneId::Text) => true,
            // A live stream ends where its playlist no longer comes.
            Purpose::Rung(rung) if self.is_live => self.lanes.main.at_rung() != Some(*rung),
            Purpose::Rendition(sound) if self.is_live => self.sound() != Some(*sound),
            Purpose::Rung(rung) => !self.lanes.main.waits_for_playlist(*rung),
            Purpose::Rendition(sound) => !self.lanes.audio.waits_for_playlist(*sound),
            Purpose::Key(key) => !LaneId::MEDIA.into_iter().any(|lane| is_needed(lane, key)),
            Purpose::Init(_) => self.stream_of(purpose).is_none_or(|(lane, _)| lane == LaneId::Text),
            Purpose::Segment(lane) => self.lanes.lane(*lane).loading().is_none(),
            _ => false,
        }
    }
}

/// What the page is told of a failure that does not end the session yet.
pub(super) fn trouble(
    ask: &Ask,
    fault: Fault,
    phase: Option<Phase>,
    detail: Option<(&'static str, String)>,
) -> PlayerError {
    let (code, message) = detail.unwrap_or_else(|| (fault.code(), fault.message()));
    PlayerError {
        code,
        phase: phase.unwrap_or_else(|| phase_of(ask.purpose.kind())),
        status: fault.status(),
        fatal: false,
        message,
        url: Some(ask.url.clone()),
    }
}

fn phase_of(kind: RequestKind) -> Phase {
    match kind {
        RequestKind::PlayInfo => Phase::PlayInfo,
        RequestKind::Playlist => Phase::Playlist,
        RequestKind::Key => Phase::Key,
        RequestKind::Segment | RequestKind::Telemetry => Phase::Segment,
    }
}

/// Segments in a row that may be left out before the stream is beyond playing.
const MAX_SKIPPED: u32 = 2;
/// With less than this buffered there is no time to wait for a failure to pass.
const MIN_TIME: MediaTime = MediaTime::from_millis(500);
