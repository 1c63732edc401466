//! Doing what the recovery table says: try again, go on without, let another rung take over, or end the session.

use crate::error::{Phase, PlayerError};
use crate::time::{MediaTime, Timestamp};

use super::io::{RequestId, RequestKind};
use super::lane::{LaneId, State};
use super::recovery::{self, Fault, Remedy};
use super::requests::{Ask, Purpose};
use super::text::is_text;
use super::{Engine, Stage};

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
        mut ask: Ask,
        fault: Fault,
        phase: Option<Phase>,
        detail: Option<(&'static str, String)>,
    ) {
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
        let mut remedy = recovery::remedy(kind, fault, failures, jitter);
        if let Purpose::Report(batch) = ask.purpose {
            match remedy {
                Remedy::Retry(after) => self.requests.send_later(now + after, ask),
                Remedy::Fatal => self.report_sent(now, batch, false),
            }
            return;
        }
        if matches!(self.stage, Stage::Closed) {
            return;
        }
        let may_wait = !self.online || self.has_time() && !is_text(&ask.purpose);
        if remedy == Remedy::Fatal && fault.may_pass() && may_wait {
            remedy = Remedy::Retry(recovery::delay(fault, ask.failures, jitter));
        }
        let goes_on = remedy != Remedy::Fatal
            || self.can_do_without(&ask.purpose)
            || self.step_over(&ask.purpose, fault)
            || self.bury_rung(&ask.purpose, fault);
        let (code, message) = detail.unwrap_or_else(|| (fault.code(), fault.message()));
        let error = PlayerError {
            code,
            phase: phase.unwrap_or_else(|| phase_of(kind)),
            status: fault.status(),
            fatal: !goes_on,
            message,
            url: Some(ask.url.clone()),
        };
        if let Purpose::Segment(lane) = ask.purpose {
            if let (LaneId::Main, Some(rung)) = (lane, self.lanes.main.loading_rung()) {
                self.history.ended(now, rung, true);
            }
            self.lanes.lane_mut(lane).attempt_failed(&ask);
        }
        self.report_error(now, error);
        match remedy {
            Remedy::Retry(after) => self.requests.send_later(now + after, ask),
            Remedy::Fatal if !goes_on => self.close(now),
            Remedy::Fatal => self.go_on_without(now, &ask.purpose),
        }
    }

    /// Whether something is buffered to play while a failure passes.
    fn has_time(&self) -> bool {
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

    /// Takes the rung or rendition that failed out of use, if that may help: another one takes its place.
    fn bury_rung(&mut self, purpose: &Purpose, fault: Fault) -> bool {
        let stream = self.stream_of(purpose);
        let (Some((lane, index)), true, Stage::Open(catalog)) =
            (stream, fault.is_of_the_rung(), &mut self.stage)
        else {
            return false;
        };
        catalog.bury(lane, index)
    }

    /// The lane stops waiting for what will not come.
    fn go_on_without(&mut self, now: Timestamp, purpose: &Purpose) {
        match purpose {
            Purpose::Rung(_) | Purpose::Rendition(_) => {
                let Some((lane, index)) = self.stream_of(purpose) else { return };
                if let Stage::Open(catalog) = &mut self.stage {
                    catalog.bury(lane, index);
                }
                let lane = self.lanes.lane_mut(lane);
                if lane.waits_for_playlist(index) {
                    lane.state = State::Idle;
                }
            }
            Purpose::Text(text) => self.text_stream_failed(now, *text),
            Purpose::Segment(LaneId::Text) => self.text_segment_failed(now),
            Purpose::Segment(lane) => self.abandon_segment(now, *lane),
            Purpose::Key(key) if self.lanes.text.loading().is_some_and(|loading| loading.needs_key(key)) => {
                self.text_segment_failed(now);
            }
            Purpose::Init(_) => match self.stream_of(purpose) {
                Some((LaneId::Text, _)) => self.text_segment_failed(now),
                Some((lane, _)) => self.abandon_segment(now, lane),
                None => {}
            },
            _ => {}
        }
    }

    /// A segment of a live stream that is not there is taken for a gap.
    fn step_over(&mut self, purpose: &Purpose, fault: Fault) -> bool {
        let (Purpose::Segment(lane), Fault::NotThere { .. }) = (purpose, fault) else { return false };
        let Some(loading) = self.lanes.lane(*lane).loading() else { return false };
        let (index, sequence) = (loading.rung, loading.sequence);
        if let Stage::Open(catalog) = &mut self.stage
            && let Some(media) = catalog.stream_mut(*lane, index).and_then(|stream| stream.media.as_mut())
        {
            media.playlist.set_gap(sequence);
        }
        true
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
            _ => false,
        }
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

/// With less than this buffered there is no time to wait for a failure to pass.
const MIN_TIME: MediaTime = MediaTime::from_millis(500);
