//! What the page and the origin are told: errors, statistics, quality of experience.

use core::time::Duration;

use crate::error::PlayerError;
use crate::media::{Losses, SegmentFacts};
use crate::secret::Url;
use crate::telemetry::{Outbox, QoeSession, Trace};
use crate::time::{MediaTime, Timestamp};

use super::io::{ElementEvent, ElementState, Event, Output, Stats};
use super::ranges;
use super::requests::{Ask, Purpose};
use super::timers::Timer;
use super::{Engine, Stage};

/// The telemetry of a session.
#[derive(Debug)]
pub(crate) struct Reports {
    pub(crate) qoe: QoeSession,
    pub(crate) trace: Trace,
    pub(crate) outbox: Outbox,
}

impl Reports {
    /// Nothing has happened yet.
    pub(crate) fn new(session_id: String, now: Timestamp) -> Self {
        Self { qoe: QoeSession::new(now), trace: Trace::default(), outbox: Outbox::new(session_id) }
    }

    /// Translates the media element's events.
    pub(crate) fn on_element(&mut self, now: Timestamp, event: ElementEvent, state: ElementState) {
        match event {
            ElementEvent::Play => self.qoe.play_requested(now),
            ElementEvent::FirstFrame => self.qoe.first_frame(now),
            ElementEvent::Playing => self.qoe.playing(now),
            ElementEvent::Waiting => self.qoe.waiting(now),
            ElementEvent::Seeking => self.qoe.seeking(now),
            ElementEvent::Seeked => self.qoe.seeked(now),
            ElementEvent::Pause => self.qoe.paused(now),
            ElementEvent::Ended => self.qoe.ended(now),
            ElementEvent::TimeUpdate | ElementEvent::RateChange => {}
        }
        self.qoe.frames(state.decoded_frames, state.dropped_frames);
    }

    /// Media that was lost on the way, though the segment could be used.
    pub(crate) fn losses(&mut self, now: Timestamp, facts: &SegmentFacts) {
        let losses = &facts.losses;
        if *losses != Losses::default() {
            let facts = [
                ("continuity_errors", losses.continuity_errors),
                ("damaged_packets", losses.damaged_packets),
                ("garbage_bytes", losses.garbage_bytes),
                ("truncated_pes", losses.truncated_pes),
                ("unusable_units", losses.unusable_units),
            ];
            self.trace.note(now, "media_losses", &facts);
        }
    }
}

impl Engine {
    /// Tells the page and the record.
    pub(super) fn report_error(&mut self, now: Timestamp, error: PlayerError) {
        let failure = self.reports.qoe.failure(now, &error);
        self.reports.outbox.put_failure(&failure);
        self.reports.trace.note(
            now,
            error.code,
            &[("status", u64::from(error.status.unwrap_or(0))), ("fatal", u64::from(error.fatal))],
        );
        self.push(Output::Notify(Event::Error(error)));
    }

    /// Another rung is under the playhead.
    pub(super) fn rung_plays(&mut self, now: Timestamp, rung: usize) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(info) = catalog.rung(rung).map(|r| &r.info) else { return };
        self.reports.qoe.rung_playing(now, rung, info.bandwidth);
        self.push(Output::Notify(Event::RungChanged { rung }));
    }

    /// Statistics for the page, and the look at the playhead that no event prompts.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.timers.set(Timer::Stats, Some(now + STATS_INTERVAL));
        self.help_standstill(now);
        self.replace_worse(now);
        self.steer_latency();
        let buffered = self.sink.buffered();
        let position = self.playhead.state.position;
        let stats = Stats {
            position: position.as_secs(),
            buffer: ranges::range_at(&buffered, position, GAP).map_or(0.0, |r| (r.end - position).as_secs()),
            buffered: buffered.iter().map(|r| [r.start.as_secs(), r.end.as_secs()]).collect(),
            throughput: self.throughput.estimate().map(|e| e.bits_per_second),
            loading_rung: self.lanes.main.loading_rung(),
            playing_rung: self.playhead.rung(),
            waiting_for: self.waiting_for(),
            qoe: self.reports.qoe.snapshot(now),
        };
        self.push(Output::Notify(Event::Stats(Box::new(stats))));
    }

    /// Why the picture does not move, if it does not and should.
    fn waiting_for(&self) -> Option<&'static str> {
        match self.stage {
            Stage::Idle | Stage::Closed => None,
            Stage::Opening => Some("source"),
            Stage::File => self.playhead.is_starved().then_some("element"),
            Stage::Open(_) if !self.playhead.is_starved() => None,
            Stage::Open(_) if !self.sink.is_idle() => Some("sink"),
            Stage::Open(_) if self.requests.has_held() => Some("access"),
            Stage::Open(_) => {
                let lanes = self.lanes.main.waiting_for().or_else(|| self.lanes.audio.waiting_for());
                let media = self.buffer_ahead() > MediaTime::ZERO;
                // What is there is not taken up yet, or it is too little to begin with.
                let lanes = lanes.or(self.loading_paused.then_some("page"));
                lanes.or(self.is_live.then_some("live_edge")).or(media.then_some("element")).or(Some("hole"))
            }
        }
    }

    /// Sets the time of the next report.
    pub(super) fn schedule_report(&mut self, now: Timestamp) {
        if self.config.report_url.is_some() {
            self.timers.set(Timer::Report, Some(now + self.config.report_interval));
        }
    }

    /// Sends what there is to report. One batch is on its way at a time; the outbox keeps the rest.
    pub(super) fn send_report(&mut self, now: Timestamp) {
        let Some(url) = self.config.report_url.clone() else { return };
        self.reports.outbox.put_qoe(self.reports.qoe.snapshot(now));
        self.reports.outbox.put_trace(self.reports.trace.drain());
        self.send_batch(now, url);
        if !matches!(self.stage, Stage::Closed) {
            self.schedule_report(now);
        }
    }

    /// A batch arrived, or was given up for now.
    pub(super) fn report_sent(&mut self, now: Timestamp, batch: u64, arrived: bool) {
        self.reports.outbox.sent(batch, arrived);
        // After the end there is no next time: what waited for this batch goes out behind it.
        if let (true, Stage::Closed, Some(url)) = (arrived, &self.stage, self.config.report_url.clone()) {
            self.send_batch(now, url);
        }
    }

    fn send_batch(&mut self, now: Timestamp, url: Url) {
        if let Some((number, body)) = self.reports.outbox.next_batch() {
            self.send(now, Ask { body: Some(body), ..Ask::get(Purpose::Report(number), url) });
        }
    }
}

/// Time between two statistics events.
pub(super) const STATS_INTERVAL: Duration = Duration::from_millis(250);
/// Tracks do not start on the same tick.
pub(super) const GAP: MediaTime = MediaTime::from_millis(100);
