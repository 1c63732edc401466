//! A session whose media a native component plays by itself: it is handed an address, and fetches, decrypts and decodes
//! alone.
//!
//! What is left to decide is which address: play info, token or signature, the rung, when it is renewed, what takes its place
//! when it fails; and what happened, from the few events that such a component has. The shape is that of the
//! [`engine`](crate::engine): `handle` takes in what happened, `poll` gives what is to be done, and nothing waits or reads a
//! clock.
//!
//! | file | decides |
//! |---|---|
//! | `source` | which requests lead from what the page names to an address, and which source takes over |
//! | `ladder` | which rungs can be handed over alone |
//! | `quality` | which rung is |
//! | `network` | what the network carries |
//! | `access` | when what opens the source is renewed |
//! | `playhead` | what the component's positions mean |
//! | `element` | what the component is told, and what is done when it gives up |
//! | `report` | what the page and the origin are told, and what is kept until they have it |

#![forbid(unsafe_code)]

mod access;
mod element;
mod io;
mod ladder;
mod network;
mod playhead;
mod quality;
mod report;
mod requests;
mod source;

use std::collections::VecDeque;

use crate::access::renewal::Renewal;
use crate::access::{Credentials, ServerClock};
use crate::engine::NetFailure as Broken;
use crate::engine::recovery::Fault;
use crate::secret::Url;
use crate::time::{MediaTime, Timestamp};

pub use io::*;
pub use network::NetworkType;

use access::Held;
use ladder::Ladder;
use network::Estimate;
use playhead::Playhead;
use quality::Quality;
use report::Reports;
use requests::{Ask, Purpose, Requests};
use source::Service;

/// The state machine. See the module's docs.
#[derive(Debug)]
pub struct Handoff {
    config: Config,
    stage: Stage,
    outbox: VecDeque<Output>,
    requests: Requests,
    /// Sources that may take over, with their place in the page's list.
    sources: VecDeque<(usize, Source)>,
    /// The place of the one in use.
    source: usize,
    service: Option<Service>,
    /// When the tokens that the play info gave end, in Unix seconds, and how long the video is.
    info_expires: Option<i64>,
    info_duration: Option<MediaTime>,
    /// The address of the source as it was named.
    root: Url,
    credentials: Credentials,
    clock: ServerClock,
    renewal: Renewal,
    held: Held,
    granted_at: Timestamp,
    grant_expires: Option<i64>,
    spread: f64,
    renew_at: Option<Timestamp>,
    /// With which grant the native component plays.
    handed: u32,
    handed_at: Timestamp,
    /// The playlist is loaded again for the addresses in it, which are handed over then.
    refreshing: Option<Break>,
    playhead: Playhead,
    quality: Quality,
    estimate: Estimate,
    /// When the native component failed, of late.
    failures: Vec<Timestamp>,
    failed_at: Option<Timestamp>,
    /// When it is handed the same again.
    restart_at: Option<Timestamp>,
    /// It is to be handed a source once the viewer looks again: it would play by itself.
    postponed: Option<Break>,
    /// When and where it failed last in a way that was taken for the end of the grant.
    blamed: Option<(Timestamp, MediaTime)>,
    reports: Reports,
    /// A picture has moved.
    started: bool,
    told_play: bool,
    /// A seek has come to its place, and its picture does not move yet.
    settles: bool,
    visible: bool,
    /// The component waited for data when the page was hidden, or began to since.
    waited: bool,
    woken_at: Option<Timestamp>,
    random: u64,
}

/// How far the session has come.
#[derive(Debug)]
enum Stage {
    /// Nothing to play was named yet.
    Idle,
    /// On the way to an address.
    Opening,
    /// The native component has one.
    Open(Box<Opened>),
    /// Over. Only reports are still sent.
    Closed,
}

/// What there is to play.
#[derive(Debug)]
struct Opened {
    ladder: Option<Ladder>,
    /// Why nothing of it may be chosen.
    fixed: Option<Fixed>,
    /// The page was told.
    told: bool,
}

impl Opened {
    /// The rungs, where there is a choice.
    fn choice(&self) -> Option<&Ladder> {
        self.ladder.as_ref().filter(|_| self.fixed.is_none())
    }

    /// The rungs, where it is known which of them plays.
    fn known(&self) -> Option<&Ladder> {
        self.ladder.as_ref().filter(|_| matches!(self.fixed, None | Some(Fixed::Single)))
    }
}

/// Why what plays stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// Nothing has played of this source.
    Begins,
    /// Something else is to play.
    Wished,
    /// It failed.
    Broken,
}

impl Handoff {
    /// A session that has not been told what to play.
    pub fn new(config: Config, now: Timestamp) -> Self {
        // The clock of the core counts from its origin, the host's from now.
        let since = i64::try_from(now.as_micros() / 1000).unwrap_or(i64::MAX);
        let mut clock = ServerClock::new(config.wall_clock.map(|unix| unix.saturating_sub(since)));
        if let Some(server) = config.server_now {
            clock.tell(now, server);
        }
        let mut session = Self {
            stage: Stage::Idle,
            outbox: VecDeque::new(),
            requests: Requests::default(),
            sources: VecDeque::new(),
            source: 0,
            service: None,
            info_expires: None,
            info_duration: None,
            root: Url::default(),
            credentials: Credentials::for_hosts(&config.token_hosts),
            clock,
            renewal: Renewal::default(),
            held: Held::Nothing,
            granted_at: now,
            grant_expires: None,
            spread: 0.0,
            renew_at: None,
            handed: 0,
            handed_at: now,
            refreshing: None,
            playhead: Playhead::new(config.start, now),
            quality: Quality::new(config.rung),
            estimate: Estimate::new(config.network, config.memory.as_deref()),
            failures: Vec::new(),
            failed_at: None,
            restart_at: None,
            postponed: None,
            blamed: None,
            reports: Reports::new(&config.session_id, &config.unsent, now),
            started: false,
            told_play: false,
            settles: false,
            visible: true,
            waited: false,
            woken_at: None,
            random: config.seed,
            config,
        };
        session.take_over_reports(now);
        session.settle(now);
        session
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.notice_silence(now);
        match input {
            Input::Command(command) => self.on_command(now, command),
            Input::Net { id, answer } => {
                if let Some(ask) = self.requests.take(id) {
                    self.answered(now, ask, answer);
                }
            }
            Input::Native(event) => self.on_native(now, event),
            Input::Network(kind) => self.on_network(now, kind),
            Input::Visible(true) => self.on_shown(now),
            Input::Visible(false) => self.on_hidden(now),
            Input::Wake => {}
        }
        self.settle(now);
    }

    /// The next thing to do; `None`: nothing until the next input.
    pub fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    /// Where playback is.
    pub fn position(&self) -> MediaTime {
        self.playhead.position
    }

    /// How long what plays is; `None`: not known, or without end.
    pub fn duration(&self) -> Option<MediaTime> {
        self.playhead.duration.or(self.info_duration)
    }

    fn on_command(&mut self, now: Timestamp, command: Command) {
        if matches!(self.stage, Stage::Closed) {
            return;
        }
        let is_open = matches!(self.stage, Stage::Open(_));
        match command {
            Command::Load { sources, start, autoplay } if matches!(self.stage, Stage::Idle) => {
                self.load(now, sources, start, autoplay);
            }
            Command::Load { .. } => {}
            Command::Refresh(sources) => self.refresh(sources),
            Command::Play => {
                self.playhead.wishes(now, true);
                self.reports.qoe.play_requested(now);
                if is_open {
                    self.push(Output::Element(ElementCommand::Play));
                }
            }
            Command::Pause => {
                self.on_pause(now);
                if is_open {
                    self.push(Output::Element(ElementCommand::Pause));
                }
            }
            Command::Seek(to) => {
                let to = to.max(MediaTime::ZERO);
                if is_open && !self.playhead.arriving() {
                    self.reports.qoe.seeking(now);
                    self.quality.rests();
                }
                self.playhead.seeks(now, to);
                if is_open {
                    self.push(Output::Element(ElementCommand::Seek(to)));
                }
            }
            Command::SetRate(rate) => {
                if rate.is_finite() && rate > 0.0 {
                    self.rate_changed(rate);
                    if is_open {
                        self.push(Output::Element(ElementCommand::SetRate(rate)));
                    }
                }
            }
            Command::SelectRung(rung) => {
                let choice = match &self.stage {
                    Stage::Open(opened) => opened.choice(),
                    _ => None,
                };
                let changes = self.quality.hold(now, rung, choice);
                if changes {
                    self.change_rung(now, Why::Manual);
                } else if is_open {
                    self.tell_rung(Why::Manual);
                }
            }
            Command::Renewed { id, answer } => self.renewed(now, id, answer),
            Command::Stop => {
                self.breaks_off(now, Break::Wished);
                self.reports.qoe.stopped(now);
                self.close(now);
            }
        }
    }

    fn load(
        &mut self,
        now: Timestamp,
        sources: Vec<Source>,
        start: Option<MediaTime>,
        autoplay: Option<bool>,
    ) {
        self.sources = sources.into_iter().enumerate().collect();
        let Some((index, first)) = self.sources.pop_front() else { return };
        self.source = index;
        if let Some(start) = start {
            self.playhead.position = start.max(MediaTime::ZERO);
        }
        if autoplay.unwrap_or(self.config.autoplay) {
            self.playhead.wishes(now, true);
            self.reports.qoe.play_requested(now);
        }
        self.reports.qoe.load(now);
        self.reports.qoe.source(index, first.kind());
        self.reports.due = Some(now + self.config.report_interval);
        self.open(now, first);
    }

    /// Sources of the page's list whose turn has not come, as they are named now. What play info named is not among them.
    fn refresh(&mut self, sources: Vec<Source>) {
        for (index, source) in sources.into_iter().enumerate().filter(|(index, _)| *index > self.source) {
            if let Some((_, queued)) = self.sources.iter_mut().find(|(at, _)| *at == index) {
                *queued = source;
            }
        }
    }

    fn on_pause(&mut self, now: Timestamp) {
        self.on_native(now, NativeEvent::Pause);
        self.playhead.wishes(now, false);
        self.reports.qoe.paused(now);
        self.tell_play(false);
    }

    /// Nobody looks: waiting is no stall from here on, and what is to be kept is kept now.
    fn on_hidden(&mut self, now: Timestamp) {
        self.visible = false;
        if matches!(self.stage, Stage::Idle | Stage::Closed) {
            return;
        }
        if self.playhead.waiting.is_some() {
            self.waited = true;
            self.end_waiting(now);
            self.quality.rests();
            self.reports.qoe.paused(now);
        }
        self.report(now, true);
    }

    fn on_shown(&mut self, now: Timestamp) {
        if core::mem::replace(&mut self.visible, true) {
            return;
        }
        self.playhead.watched(now);
        if core::mem::take(&mut self.waited) && self.playhead.wants && !self.playhead.moving {
            self.playhead.waiting = Some(now);
            self.reports.qoe.play_requested(now);
        }
        if let Some(why) = self.postponed.take() {
            self.hand_over(now, why);
        }
    }

    fn on_network(&mut self, now: Timestamp, kind: NetworkType) {
        let was_online = self.estimate.is_online();
        self.estimate.changed(kind);
        if !was_online && self.estimate.is_online() {
            self.requests.send_now(now);
            self.restart_at = self.restart_at.map(|_| now);
            self.reports.again = self.reports.again.map(|_| now);
        }
    }

    /// Does what is due, and says when to look again.
    fn settle(&mut self, now: Timestamp) {
        while let Some((id, ask)) = self.requests.overdue(now) {
            self.push(Output::Abort(id));
            let offline = Fault::Network(Broken::Offline);
            let fault = if self.estimate.is_online() { Fault::Timeout } else { offline };
            self.failed(now, ask, fault, None);
        }
        while let Some(ask) = self.requests.due(now) {
            self.send(now, ask);
        }
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(self.reports.due) {
            self.report(now, false);
        }
        if is_due(self.reports.again) {
            self.send_batch(now);
        }
        if is_due(self.restart_at) {
            self.hand_over(now, Break::Broken);
        }
        self.renew(now);
        self.adapt(now);
        self.look_for_standstill(now);
        let times =
            [self.reports.due, self.reports.again, self.restart_at, self.renew_at, self.stall_at(now)];
        let next = times.into_iter().flatten().chain(self.requests.next()).min();
        if next != self.woken_at || is_due(self.woken_at) {
            self.woken_at = next;
            self.push(Output::Wake(next));
        }
    }

    /// The end: the last report is made, and kept until it has arrived.
    fn close(&mut self, now: Timestamp) {
        self.give_up(None);
        self.stage = Stage::Closed;
        (self.restart_at, self.renew_at, self.held, self.refreshing) = (None, None, Held::Nothing, None);
        self.postponed = None;
        self.sources.clear();
        self.playhead.waiting = None;
        self.playhead.wishes(now, false);
        self.report(now, true);
    }

    fn ask(&self, purpose: Purpose, url: Url) -> Ask {
        Ask { purpose, url, body: None, failures: 0, generation: self.renewal.generation() }
    }

    fn send(&mut self, now: Timestamp, ask: Ask) {
        let (kind, timeout) = (ask.purpose.kind(), ask.purpose.timeout());
        let (url, body) = (ask.url.clone(), ask.body.clone());
        let id = self.requests.sent(now, ask);
        self.push(Output::Fetch(Request { id, kind, url, body, timeout }));
    }

    /// Gives up requests of this purpose, or all but reports.
    fn give_up(&mut self, purpose: Option<Purpose>) {
        for id in self.requests.give_up(purpose) {
            self.push(Output::Abort(id));
        }
    }

    fn push(&mut self, output: Output) {
        self.outbox.push_back(output);
    }

    /// SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
