//! The native component: what it is told, what it says, and what is done when it gives up.

use core::time::Duration;

use crate::engine::NetFailure as Broken;
use crate::engine::recovery::Fault;
use crate::error::{Phase, PlayerError};
use crate::time::{MediaTime, Timestamp};

use super::access::Held;
use super::io::{
    ElementCommand, Event, Fixed, Handover, NativeEvent, NativeFailure, Output, Ready, Stored, Why,
};
use super::playhead::Step;
use super::{Break, Handoff, Stage};
use crate::access::renewal::Doors;

impl Handoff {
    /// Hands the component the address of today, to go on where it is.
    pub(super) fn hand_over(&mut self, now: Timestamp, why: Break) {
        let Stage::Open(opened) = &self.stage else { return };
        let is_file = opened.fixed == Some(Fixed::File);
        (self.restart_at, self.refreshing, self.postponed) = (None, None, None);
        if !self.visible && self.playhead.wants {
            self.postponed = Some(why);
            return;
        }
        self.breaks_off(now, why);
        (self.handed, self.handed_at) = (self.renewal.generation(), now);
        let position = self.playhead.leaves(now, self.info_duration.is_some());
        let (play, rate) = (self.playhead.wants, self.playhead.rate);
        self.reports.trace.note(now, "source_handed_over", &[("rung", self.quality.current() as u64)]);
        self.push(Output::Source(Handover { url: self.address(), is_file, position, play, rate }));
    }

    /// What plays will not go on by itself.
    pub(super) fn breaks_off(&mut self, now: Timestamp, why: Break) {
        if self.playhead.sought() || core::mem::take(&mut self.settles) {
            self.reports.qoe.seeked(now);
        }
        // One that is under way goes on, whatever is done about it.
        let stall = self.open_stall(now);
        match why {
            Break::Begins => {}
            _ if stall.is_some() => self.end_waiting(now),
            // The viewer waits for what they did not ask for.
            Break::Broken if self.playhead.moving => self.reports.qoe.waiting(now),
            // A wait that was asked for is no stall; nor does anything play.
            Break::Wished if self.playhead.moving => self.reports.qoe.paused(now),
            _ => {}
        }
        self.quality.rests();
        (self.playhead.waiting, self.playhead.moving) = (None, false);
    }

    pub(super) fn on_native(&mut self, now: Timestamp, event: NativeEvent) {
        if !matches!(self.stage, Stage::Open(_)) {
            return;
        }
        match event {
            NativeEvent::LoadedMetadata { duration } => {
                self.playhead.loaded(duration);
                self.tell_ready();
            }
            NativeEvent::TimeUpdate { position, duration } => self.time_update(now, position, duration),
            // One that begins by itself says so before it has loaded. Where nobody asked the first source to, it was the viewer.
            NativeEvent::Play if self.playhead.is_loading() && (self.playhead.wants || self.started) => {}
            NativeEvent::Play => {
                self.playhead.wishes(now, true);
                self.reports.qoe.play_requested(now);
                self.tell_play(true);
            }
            // A component that loads another source stops the last one; that is nobody's wish.
            NativeEvent::Pause if self.playhead.is_loading() || self.playhead.ended => {}
            NativeEvent::Pause => {
                self.end_waiting(now);
                self.playhead.wishes(now, false);
                self.quality.rests();
                self.reports.qoe.paused(now);
                self.tell_play(false);
            }
            NativeEvent::Waiting => self.waits(now),
            NativeEvent::SeekComplete => {
                if self.playhead.sought() {
                    self.seek_ends(now);
                } else if let Some(since) = self.playhead.waiting.take() {
                    // It waited because the viewer went elsewhere.
                    self.reports.qoe.seeking(since);
                    self.quality.rests();
                    self.seek_ends(now);
                }
            }
            NativeEvent::Ended if self.playhead.is_loading() => {}
            NativeEvent::Ended => {
                // Waiting that leads straight to the end was for nothing.
                self.playhead.waiting = None;
                self.playhead.wishes(now, false);
                (self.playhead.ended, self.settles) = (true, false);
                self.quality.rests();
                self.reports.qoe.ended(now);
                self.told_play = false;
                self.push(Output::Notify(Event::Ended));
                self.report(now, true);
            }
            NativeEvent::RateChange(rate) => {
                if let Some(rate) =
                    rate.filter(|rate| rate.is_finite() && *rate > 0.0 && !self.playhead.is_loading())
                {
                    self.rate_changed(rate);
                }
            }
            NativeEvent::Error(failure) => self.native_failed(now, failure),
            NativeEvent::Progress => {}
        }
    }

    pub(super) fn rate_changed(&mut self, rate: f64) {
        if self.playhead.rate != rate {
            self.playhead.rate = rate;
            self.push(Output::Notify(Event::RateChanged(rate)));
        }
    }

    fn time_update(&mut self, now: Timestamp, position: MediaTime, duration: Option<MediaTime>) {
        self.playhead.lasts(duration);
        let target = self.playhead.position;
        let step = self.playhead.time_update(now, position);
        match step {
            Step::Still => {}
            Step::Astray => return self.push(Output::Element(ElementCommand::Seek(target))),
            Step::Sought => self.seek_ends(now),
            Step::Jumped => {
                // It waited because the viewer went elsewhere.
                let since = self.playhead.waiting.take().unwrap_or(now);
                if !core::mem::take(&mut self.settles) {
                    self.reports.qoe.seeking(since);
                }
                self.reports.qoe.seeked(now);
                self.quality.rests();
            }
            Step::On | Step::Arrived => self.moves(now, step),
        }
        if !self.playhead.arriving() {
            self.push(Output::Notify(Event::TimeUpdate));
        }
    }

    /// The component is where it was sent. Until its picture moves it is still the seek that the viewer waits for.
    fn seek_ends(&mut self, now: Timestamp) {
        self.settles = self.playhead.wants;
        if !self.settles {
            self.reports.qoe.seeked(now);
        }
    }

    /// The picture moves.
    fn moves(&mut self, now: Timestamp, step: Step) {
        if !self.playhead.wants {
            // A last word from before the pause.
            if step == Step::On && now.since(self.playhead.wished) < SETTLE {
                return;
            }
            self.playhead.wishes(now, true);
            self.reports.qoe.play_requested(now);
        }
        // One that does not say when it has loaded has said `play` before it counted.
        self.tell_play(true);
        self.playhead.ended = false;
        self.waited = false;
        self.end_waiting(now);
        if step == Step::Arrived {
            self.tell_ready();
            self.renewal.proved(self.handed, Doors::one(Held::Source as u8));
            if let Stage::Open(opened) = &self.stage
                && let Some(ladder) = opened.known()
            {
                let rung = self.quality.current();
                self.reports.qoe.rung_playing(now, rung, ladder.bandwidth(rung));
            }
        }
        if core::mem::take(&mut self.settles) {
            self.reports.qoe.seeked(now);
        }
        let is_first = !core::mem::replace(&mut self.started, true);
        self.reports.qoe.first_frame(now);
        self.reports.qoe.playing(now);
        self.quality.plays(now);
        if !core::mem::replace(&mut self.playhead.moving, true) {
            self.push(Output::Notify(Event::Playing));
        }
        if is_first {
            self.report(now, false);
        }
        self.learn(now);
    }

    /// What plays in calm is what the network carries.
    fn learn(&mut self, now: Timestamp) {
        let is_calm = self.quality.calm(now) >= PROOF;
        if is_calm && self.known_bandwidth().is_some_and(|bandwidth| self.estimate.carried(bandwidth)) {
            self.remember();
        }
    }

    /// There is no data to go on with.
    fn waits(&mut self, now: Timestamp) {
        if self.playhead.is_seeking() || self.settles {
            self.reports.qoe.waiting(now);
        }
        if self.playhead.moving {
            self.playhead.moving = false;
            if self.visible {
                self.playhead.waiting = Some(now);
            } else {
                self.waited = true;
                self.quality.rests();
                self.reports.qoe.paused(now);
            }
        }
        if self.playhead.wants {
            self.push(Output::Notify(Event::Waiting));
        }
    }

    /// A component that says nothing of its position does not play, whatever it said last: the phone sleeps, or the mini-program
    /// is in the background.
    pub(super) fn notice_silence(&mut self, now: Timestamp) {
        let Some(last) = self.playhead.silent_since(now) else { return };
        self.playhead.moving = false;
        self.quality.rests();
        self.reports.qoe.paused(last);
    }

    /// Since when a stall lasts, if one does.
    pub(super) fn open_stall(&self, now: Timestamp) -> Option<Timestamp> {
        self.playhead.waiting.filter(|since| now.since(*since) >= STALL)
    }

    /// The waiting is over: what was long enough was a stall.
    pub(super) fn end_waiting(&mut self, now: Timestamp) {
        if let Some(since) = self.open_stall(now) {
            self.reports.qoe.waiting(since);
            self.reports.trace.note(now, "stalled", &[("ms", now.since(since).as_millis() as u64)]);
            self.quality.stalled(since);
            if self.known_bandwidth().is_some_and(|bandwidth| self.estimate.failed(bandwidth)) {
                self.remember();
            }
        }
        self.playhead.waiting = None;
    }

    /// The declared rate of what plays.
    fn known_bandwidth(&self) -> Option<u64> {
        let Stage::Open(opened) = &self.stage else { return None };
        let bandwidth = opened.known()?.bandwidth(self.quality.current());
        (bandwidth > 0).then_some(bandwidth)
    }

    fn remember(&mut self) {
        self.push(Output::Store(Stored::Memory, Some(self.estimate.memory())));
    }

    /// Changes the rung where it is time to.
    pub(super) fn adapt(&mut self, now: Timestamp) {
        let Stage::Open(opened) = &self.stage else { return };
        let Some(ladder) =
            opened.choice().filter(|_| self.visible && self.playhead.wants && !self.playhead.arriving())
        else {
            return;
        };
        let change = match self.open_stall(now) {
            Some(since) => self.quality.step_down(now, since, ladder, self.estimate.rate()),
            None if self.playhead.moving => self.quality.step_up(now, ladder),
            None => None,
        };
        if let Some(why) = change {
            self.change_rung(now, why);
        }
    }

    /// Hands over the rung that was chosen.
    pub(super) fn change_rung(&mut self, now: Timestamp, why: Why) {
        self.reports.trace.note(now, "rung_changed", &[("rung", self.quality.current() as u64)]);
        self.tell_rung(why);
        self.hand_over(now, Break::Wished);
    }

    /// When a stall becomes one, when it is long enough for another rung, and when nothing but another source helps.
    pub(super) fn stall_at(&self, now: Timestamp) -> Option<Timestamp> {
        let waits = self.playhead.waiting.map(|since| {
            let stall = since + STALL;
            if now < stall { stall } else { self.quality.down_at(since) }
        });
        let stuck = self.playhead.stuck_since().filter(|_| self.visible).map(|since| since + PATIENCE);
        waits.into_iter().chain(stuck).filter(|at| *at > now).min()
    }

    /// A component that does nothing for so long has given up without saying so.
    pub(super) fn look_for_standstill(&mut self, now: Timestamp) {
        let since = self.playhead.stuck_since().filter(|_| self.visible && self.estimate.is_online());
        if self.restart_at.is_none()
            && self.held == Held::Nothing
            && self.refreshing.is_none()
            && self.postponed.is_none()
            && matches!(self.stage, Stage::Open(_))
            && since.is_some_and(|since| now.since(since) >= PATIENCE)
        {
            let message = "the native component does not move, and does not say why".to_owned();
            self.broke(now, "element_stalled", Phase::Sink, message);
        }
    }

    fn native_failed(&mut self, now: Timestamp, failure: NativeFailure) {
        let is_echo = |before| now.since(before) <= ECHO && self.handed_at <= before;
        let echo = self.failed_at.is_some_and(is_echo);
        self.failed_at = Some(now);
        let is_known = self.restart_at.is_some() || self.refreshing.is_some() || self.postponed.is_some();
        if echo || is_known || self.held == Held::Source {
            return;
        }
        if self.looks_expired(now, failure) && self.renews_for(now, self.handed, Held::Source) {
            self.blamed = Some((now, self.playhead.position));
            self.breaks_off(now, Break::Broken);
            let message = "the native component stopped, and what it was handed may have ended".to_owned();
            let (code, phase) = ("access_refused", Phase::Segment);
            let error = PlayerError { code, phase, status: None, fatal: false, message, url: None };
            return self.report_error(now, error);
        }
        let (code, phase, message) = match failure {
            NativeFailure::Network if !self.estimate.is_online() => {
                let fault = Fault::Network(Broken::Offline);
                (fault.code(), Phase::Segment, fault.message())
            }
            NativeFailure::Network => {
                ("network", Phase::Segment, "the native component could not load".to_owned())
            }
            NativeFailure::Decode => {
                ("decode_failed", Phase::Sink, "the native component could not decode".to_owned())
            }
            NativeFailure::Unsupported => {
                ("codec_unsupported", Phase::Sink, "the native component does not play this".to_owned())
            }
            NativeFailure::Unknown => {
                ("native_failed", Phase::Sink, "the native component gave up and does not say why".to_owned())
            }
        };
        self.broke(now, code, phase, message);
    }

    /// Begun anew in the same place; the second time in a while with the rung below; then the next source.
    fn broke(&mut self, now: Timestamp, code: &'static str, phase: Phase, message: String) {
        let error = PlayerError { code, phase, status: None, fatal: false, message, url: None };
        self.failures.retain(|at| now.since(*at) < MEMORY);
        let before = self.failures.len();
        if !self.estimate.is_online() {
            // It is nobody's fault, and passes.
            self.report_error(now, error);
            return self.restart_after(now, MAX_PAUSE);
        }
        self.failures.push(now);
        let can_step = before > 0 && matches!(&self.stage, Stage::Open(opened) if opened.choice().is_some());
        if before > 0 && can_step && self.quality.fall_back(now) {
            self.report_error(now, error);
            self.tell_rung(Why::Down);
            return self.restart_after(now, FIRST_PAUSE);
        }
        if before >= ATTEMPTS || before > 0 && !self.sources.is_empty() || code == "codec_unsupported" {
            return self.end_by(now, error);
        }
        self.report_error(now, error);
        self.restart_after(now, FIRST_PAUSE.saturating_mul(1 << before.min(4)).min(MAX_PAUSE));
    }

    /// Hands over the address of then. Until that, whatever the component still says of its failure is no news.
    fn restart_after(&mut self, now: Timestamp, pause: Duration) {
        self.breaks_off(now, Break::Broken);
        self.restart_at = Some(now + pause);
    }

    fn tell_ready(&mut self) {
        let renewal = self.can_renew();
        let Stage::Open(opened) = &mut self.stage else { return };
        if core::mem::replace(&mut opened.told, true) {
            return;
        }
        let rungs = opened.choice().map(|ladder| ladder.infos()).unwrap_or_default();
        let fixed = opened.fixed;
        let rung = fixed.is_none().then(|| self.quality.current());
        let duration = self.playhead.duration.or(self.info_duration);
        let held = self.quality.held();
        self.push(Output::Notify(Event::Ready(Ready {
            source: self.source,
            duration,
            rungs,
            rung,
            held,
            fixed,
            renewal,
        })));
        if fixed.is_none() {
            self.tell_rung(Why::Start);
        }
    }

    pub(super) fn tell_rung(&mut self, reason: Why) {
        let has_choice = matches!(&self.stage, Stage::Open(opened) if opened.choice().is_some());
        let rung = has_choice.then(|| self.quality.current());
        self.push(Output::Notify(Event::RungChanged { rung, held: self.quality.held(), reason }));
    }

    /// Tells the page once for each change.
    pub(super) fn tell_play(&mut self, plays: bool) {
        if core::mem::replace(&mut self.told_play, plays) != plays {
            self.push(Output::Notify(if plays { Event::Play } else { Event::Pause }));
        }
    }
}

/// Waiting that is shorter is no stall.
const STALL: Duration = Duration::from_millis(500);
/// After a pause a component may still say where it was.
const SETTLE: Duration = Duration::from_secs(1);
/// A failure that is said again so soon, of the same source, is the same one.
const ECHO: Duration = Duration::from_millis(200);
/// A rung that played for so long without a stall is one that the network carries.
const PROOF: Duration = Duration::from_secs(20);
/// A component that waits for so long waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);
/// Failures that are further apart have nothing to do with each other.
const MEMORY: Duration = Duration::from_secs(60);
/// Failures in that time after which a source is given up that nothing can take the place of.
const ATTEMPTS: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(8);
