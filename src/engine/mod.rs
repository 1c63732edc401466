//! Every decision of a session, and no I/O.
//!
//! The engine is a state machine with two enums and two methods, which a host reaches through
//! [`Session`](crate::session::Session): `handle` takes in what happened ([`Input`]), `poll` gives what is to be done
//! ([`Output`]), until it says when to wake up next. Nothing calls back, nothing waits, nothing reads a clock: the same inputs give the same outputs.
//!
//! | file | decides |
//! |---|---|
//! | `sources` | which of several sources, and another one where one has failed |
//! | `info` | whom play info is asked of, and what follows from no answer |
//! | `source` | which requests lead from a file id or an address to a list of rungs and their playlists |
//! | `lane` | which segment comes next |
//! | `loader` | how it is loaded: its request |
//! | `rungs` | its rung, and whether it is better given up for a lower one |
//! | `limits` | which rungs may be chosen |
//! | `upgrade` | what of the buffer is replaced by a better rung |
//! | `signed` | what is loaded again because it was signed by itself |
//! | `material` | what it needs: its key, its init section, its place on the timeline |
//! | `outcome` | what follows from what comes out of it |
//! | `sound` | which rendition of the sound plays, and the change from one to another |
//! | `text` | which text is shown, and when it is loaded |
//! | `live` | when a playlist is loaded again, and how far from the live edge to play |
//! | `sink` | in which order Media Source Extensions gets what |
//! | `recovery` | what is done about a failure: the table |
//! | `failure` | how it is done |
//! | `standing` | how long what has failed is left alone |
//! | `breakdown` | what follows when the browser refuses media |
//! | `standstill` | how a playhead that does not move is helped |
//! | `report` | what the page and the origin are told |
//!
//! Segment bytes never come here: the session feeds them to a media pipeline and tells the engine what came out.

#![forbid(unsafe_code)]

mod access;
mod breakdown;
mod catalog;
mod config;
mod cues;
mod failure;
mod info;
mod io;
mod keys;
mod lane;
mod limits;
mod live;
mod loader;
mod material;
mod outcome;
mod playhead;
pub(crate) mod ranges;
pub(crate) mod recovery;
mod renditions;
mod report;
mod requests;
mod rungs;
mod signed;
mod sink;
mod sound;
mod source;
mod sources;
mod standing;
mod standstill;
mod text;
mod timers;
mod upgrade;

use core::time::Duration;
use std::collections::VecDeque;

use crate::abr::{self, History, Throughput};
use crate::access::renewal::Renewal;
use crate::access::{Credentials, ServerClock};
use crate::error::{Phase, PlayerError};
use crate::media::TrackKind;
use crate::secret::Url;
use crate::time::{MediaTime, TimeRange, Timestamp};

pub use config::Config;
pub use io::*;

use catalog::Catalog;
use info::Info;
use keys::KeyRing;
use lane::Lanes;
use limits::Limits;
use material::Inits;
use playhead::Playhead;
use recovery::Fault;
use report::Reports;
use requests::{Ask, MAX_SMALL_BODY, Purpose, Requests};
use sink::{SinkLink, Tracks};
use sound::Sound;
use sources::Sources;
use standstill::Standstill;
use text::Text;
use timers::{Timer, Timers};

/// What the engine asks the session for: the host's part, and the media pipeline's.
#[derive(Debug)]
pub(crate) enum Effect {
    Host(Output),
    Pipeline(PipelineCommand),
}

/// The state machine. See the module's docs.
#[derive(Debug)]
pub(crate) struct Engine {
    config: Config,
    stage: Stage,
    outbox: VecDeque<Effect>,
    timers: Timers,
    requests: Requests,
    credentials: Credentials,
    clock: ServerClock,
    keys: KeyRing,
    inits: Inits,
    lanes: Lanes,
    sink: SinkLink,
    audio: Sound,
    text: Text,
    playhead: Playhead,
    throughput: Throughput,
    history: History,
    rule: Box<dyn abr::Rule>,
    /// The rung the page holds, if it does not let the player choose.
    held_rung: Option<usize>,
    limits: Limits,
    /// Media before this place was replaced by a better rung, or was not worth it.
    replaced_to: MediaTime,
    /// The page wants no further media for now.
    loading_paused: bool,
    /// The goal while the sink had no room for the configured one, and until when.
    tight: Option<(MediaTime, Timestamp)>,
    /// Attempts at an append that found no room, since one that did.
    sink_tries: u32,
    /// Where the playhead stood when room was last made for it, and how often there.
    vain_room: (MediaTime, u32),
    /// Whether the host has a network.
    online: bool,
    /// Whether the page can be seen.
    visible: bool,
    /// Refusals by the browser, and when the last one was.
    breakdowns: (u32, Timestamp),
    /// The page was told what there is to play.
    announced: bool,
    /// The presentation has no end yet.
    is_live: bool,
    /// The playhead does not move although it should.
    stands: Option<Standstill>,
    /// Segments in a row that nobody had.
    skipped: u32,
    /// What there was nothing of was looked for once more, since frames moved last.
    looked_again: bool,
    /// How often what lies far ahead was given up for room, since frames moved last.
    trims: u32,
    sources: Sources,
    /// Nothing is to be played, only play info told.
    looks: bool,
    renewal: Renewal,
    /// When the grant at hand was given, and when it ends, in Unix seconds.
    granted_at: Timestamp,
    grant_expires: Option<i64>,
    /// A number from 0 to 1 by which viewers are spread.
    spread: f64,
    /// The play info that named the source, which names it anew.
    info: Option<Info>,
    /// When the tokens that it gave end, in Unix seconds.
    info_expires: Option<i64>,
    /// When a live window last left the playhead behind.
    left_at: Option<Timestamp>,
    /// The playback rate that was set to keep the distance from the live edge.
    live_rate: Option<f64>,
    reports: Reports,
    random: u64,
}

/// How far the session has come.
#[derive(Debug)]
enum Stage {
    /// Nothing to play was named yet.
    Idle,
    /// On the way to the list of rungs.
    Opening,
    /// The rungs are known.
    Open(Box<Catalog>),
    /// The media element plays a file by itself.
    File,
    /// Stopped, or ended by a fatal error. Only the last report is still sent.
    Closed,
}

impl Engine {
    /// A session that has not been told what to play.
    pub(crate) fn new(config: Config, now: Timestamp) -> Self {
        Self::with_rule(config, Box::new(abr::Outlook::default()), now)
    }

    /// The same, with another rule for the choice of rungs.
    pub(crate) fn with_rule(config: Config, rule: Box<dyn abr::Rule>, now: Timestamp) -> Self {
        Self {
            stage: Stage::Idle,
            outbox: VecDeque::new(),
            timers: Timers::default(),
            requests: Requests::default(),
            credentials: Credentials::for_hosts(&config.token_hosts),
            clock: ServerClock::new(config.wall_clock),
            keys: KeyRing::default(),
            inits: Inits::default(),
            lanes: Lanes::default(),
            sink: SinkLink::new(),
            audio: Sound::default(),
            text: Text::default(),
            playhead: Playhead::at(config.start),
            throughput: Throughput::new(config.stored_throughput),
            history: History::default(),
            rule,
            held_rung: config.start_rung,
            limits: Limits::default(),
            replaced_to: MediaTime::ZERO,
            loading_paused: false,
            tight: None,
            sink_tries: 0,
            vain_room: (MediaTime::ZERO, 0),
            online: true,
            visible: true,
            breakdowns: (0, Timestamp::ZERO),
            announced: false,
            is_live: false,
            stands: None,
            skipped: 0,
            looked_again: false,
            trims: 0,
            sources: Sources::default(),
            looks: false,
            renewal: Renewal::default(),
            granted_at: now,
            grant_expires: None,
            spread: 0.0,
            info: None,
            info_expires: None,
            left_at: None,
            live_rate: None,
            reports: Reports::new(config.session_id.clone(), now),
            random: config.seed,
            config,
        }
    }

    /// Takes in what happened.
    pub(crate) fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Command(command) => self.on_command(now, command),
            Input::Net { id, event } => self.on_net(now, id, event),
            Input::Sink(event) => self.on_sink(now, event),
            Input::Element { event, state } => self.on_element(now, event, state),
            Input::Environment(environment) => self.on_environment(now, environment),
            Input::Wake => {}
        }
        self.settle(now);
    }

    /// Takes in what the media pipeline of a segment made.
    pub(crate) fn handle_pipeline(
        &mut self,
        now: Timestamp,
        lane: LaneId,
        id: Option<RequestId>,
        event: PipelineEvent,
    ) {
        self.on_pipeline(now, lane, id, event);
        self.settle(now);
    }

    /// The next thing to do. After [`Output::Wake`] there is nothing more until the next input.
    pub(crate) fn poll(&mut self) -> Effect {
        match self.outbox.pop_front() {
            Some(effect) => effect,
            None => match self.sink_command() {
                Some(command) => Effect::Host(Output::Sink(command)),
                None => Effect::Host(Output::Wake(self.timers.next())),
            },
        }
    }

    /// Bytes that wait for the sink.
    #[cfg(feature = "cli")]
    pub(crate) fn queued_bytes(&self) -> usize {
        self.sink.queued_bytes()
    }

    fn on_command(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::Load(sources) if matches!(self.stage, Stage::Idle) => self.load(now, sources),
            Command::Look(source) if matches!(self.stage, Stage::Idle) => self.look(now, *source),
            Command::Load(_) | Command::Look(_) => {}
            Command::Seek(to) => self.push(Output::Element(ElementCommand::Seek(to.max(MediaTime::ZERO)))),
            Command::SelectRung(rung) => self.held_rung = rung,
            Command::LimitRungs { floor, cap } => self.limits.page = (floor, cap),
            Command::PauseLoading(pauses) => self.loading_paused = pauses,
            Command::SelectAudio(audio) => self.select_audio(now, audio),
            Command::SelectText(text) => self.select_text(now, text),
            Command::Renewed { id, answer } => self.renewed(now, id, answer),
            Command::ServerTime(time) => self.clock.tell(now, time),
            Command::DropKeys => self.keys.clear(),
            Command::Stop => self.close(now),
        }
    }

    fn on_net(&mut self, now: Timestamp, id: RequestId, event: NetEvent) {
        match event {
            NetEvent::Head(head) => {
                if let Some(date) = head.date {
                    self.clock.observe(now, date);
                }
                let status = head.status;
                let until = |at| self.clock.server_ms(now).and_then(|time| wait_until(at, time));
                let fault =
                    Fault::of_status(status, head.retry_after.or_else(|| head.retry_at.and_then(until)));
                let Some(flight) = self.requests.head(now, id, head) else { return };
                if fault.is_none() {
                    let (purpose, generation) = (flight.ask.purpose.clone(), flight.ask.generation);
                    self.admitted(&purpose, generation);
                }
                let Some(flight) = self.requests.in_flight(id) else { return };
                // A server that ignores the range sends the whole resource, of which only a part was wanted.
                let ignored = flight.ask.range.is_some() && status == 200;
                if let Some(fault) = fault.or(ignored.then_some(Fault::Corrupt)) {
                    let detail =
                        ignored.then(|| ("range_ignored", "the server ignores the Range header".into()));
                    self.push(Output::Abort(id));
                    self.request_failed(now, id, fault, detail);
                }
            }
            NetEvent::Chunk(bytes) => {
                self.history.alongside(now, bytes.0.len());
                let Some(flight) = self.requests.progress(now, id, bytes.0.len()) else { return };
                if flight.received > MAX_SMALL_BODY {
                    self.push(Output::Abort(id));
                    self.request_failed(
                        now,
                        id,
                        Fault::Corrupt,
                        Some(("too_large", "the body is too large".into())),
                    );
                } else {
                    flight.body.expose_mut().extend_from_slice(&bytes.0);
                }
            }
            NetEvent::End => self.on_end(now, id),
            NetEvent::Failed(NetFailure::Short) => self.request_failed(now, id, Fault::Short, None),
            NetEvent::Failed(failure) => self.request_failed(now, id, Fault::Network(failure), None),
        }
    }

    /// Bytes of a media segment arrived; the session keeps them.
    pub(crate) fn segment_bytes(&mut self, now: Timestamp, id: RequestId, bytes: usize) {
        self.requests.progress(now, id, bytes);
        let main = self.lanes.of_request(id) == Some(LaneId::Main);
        if main {
            self.history.arrived(now, bytes);
        } else {
            self.history.alongside(now, bytes);
        }
        self.reports.qoe.bytes(self.lanes.main.loading_rung().filter(|_| main), bytes as u64);
    }

    fn on_end(&mut self, now: Timestamp, id: RequestId) {
        let Some(flight) = self.requests.take(id) else { return };
        let url = flight.final_url().clone();
        if !matches!(flight.ask.purpose, Purpose::Segment(_)) {
            self.reports.qoe.bytes(None, flight.received);
        }
        match flight.ask.purpose.clone() {
            Purpose::PlayInfo | Purpose::Renewal => {
                self.play_info_arrived(now, flight.ask, &url, flight.body.expose())
            }
            Purpose::Root => self.root_arrived(now, flight.ask, url, flight.body.expose()),
            Purpose::Rung(_) | Purpose::Rendition(_) | Purpose::Text(_) => {
                if let Some(stream) = flight.ask.purpose.stream() {
                    self.media_playlist_arrived(now, flight.ask, stream, url, flight.body.expose());
                }
            }
            Purpose::Key(identity) => self.key_arrived(now, flight.ask, identity, flight.body.expose()),
            Purpose::Init(identity) => self.init_arrived(now, flight.ask, identity, flight.body.expose()),
            Purpose::Segment(lane) => self.segment_arrived(now, lane, &flight),
            Purpose::Report(batch) => self.report_sent(now, batch, true),
        }
    }

    fn on_element(&mut self, now: Timestamp, event: ElementEvent, state: ElementState) {
        self.playhead.state = state;
        self.reports.on_element(now, event, state);
        if event == ElementEvent::Seeking {
            self.seek(now);
        }
        match event {
            // Startup is known now, and many a session is over before the next report is due.
            ElementEvent::FirstFrame => {
                self.playhead.starts();
                self.send_report(now);
            }
            ElementEvent::Playing => (self.looked_again, self.trims) = (false, 0),
            ElementEvent::Ended if !matches!(self.stage, Stage::Closed) => {
                self.push(Output::Notify(Event::Ended))
            }
            _ => {}
        }
        if let Some(rung) = self.playhead.rung_change() {
            self.frames_anew();
            self.rung_plays(now, rung);
        }
        self.count_frames(now, state);
        self.tell_sound();
        self.evict();
    }

    fn on_environment(&mut self, now: Timestamp, environment: Environment) {
        if environment == Environment::Visible(false) && !matches!(self.stage, Stage::Closed) {
            self.send_report(now);
        }
        match environment {
            Environment::Visible(visible) => self.visible = visible,
            Environment::Online(online) => {
                self.online = online;
                if online {
                    self.requests.hurry(now);
                    self.renewal.hurry(now);
                }
            }
            Environment::SavesData(saves) => self.limits.saves_data = saves,
            Environment::Viewport { width, height } => {
                self.limits.viewport = (width > 0 && height > 0).then_some((width, height));
            }
        }
    }

    fn on_sink(&mut self, now: Timestamp, event: SinkEvent) {
        match event {
            SinkEvent::Opened => {
                self.sink.opened();
                // An element that is given a source begins at zero.
                if let Some(place) = self.playhead.heading().filter(|_| self.announced) {
                    self.place_at(place);
                }
            }
            SinkEvent::Done { track, buffered } => {
                self.sink.done(track, buffered);
                if !self.sink.is_full() {
                    self.sink_tries = 0;
                }
            }
            SinkEvent::Full { track, data } => self.sink_full(now, track, data),
            SinkEvent::Failed { failure, detail } => self.sink_failed(now, failure, detail),
        }
    }

    /// An append found no room. What lies behind the playhead goes, then what seeks left ahead; if that is nothing,
    /// playing on makes room, and if nothing can play, the sink is too small for this stream.
    fn sink_full(&mut self, now: Timestamp, track: TrackKind, data: Payload) {
        self.sink.full(track, data);
        self.sink_tries += 1;
        let place = self.step_to_media(now).unwrap_or(self.playhead.place());
        let makes_room =
            self.sink.remove_before(place) || self.sink.remove_islands(place + loader::TOLERANCE);
        if makes_room && self.playhead.is_starved() {
            // What is appended behind a hole that has no room would be loaded and removed for ever.
            let (at, times) = self.vain_room;
            self.vain_room = (place, if at == place { times + 1 } else { 1 });
            if self.vain_room.1 > MAX_SINK_TRIES {
                return self.no_room(now);
            }
        } else if self.playhead.is_starved() {
            // What lies far ahead may take the room of what must play next, of this track or the other.
            let has_some = self.sink.has_at(track, place, SOME_AHEAD);
            let tries = if has_some { 4 } else { MAX_SINK_TRIES / 2 };
            if self.sink_tries == tries && self.sink.reaches(place + SOME_AHEAD) {
                self.reports.trace.note(now, "buffer_trimmed", &[]);
                self.trims += 1;
                self.sink.clear_queue(if track == TrackKind::Audio {
                    Tracks::Audio
                } else {
                    Tracks::AllButAudio
                });
                self.sink.remove(TimeRange { start: place + SOME_AHEAD, end: MediaTime::MAX });
            }
            if self.sink_tries > MAX_SINK_TRIES || self.trims > MAX_TRIMS {
                return self.no_room(now);
            }
        }
        let less = MediaTime::from_ticks(self.goal(now).ticks() / 4 * 3);
        self.tight = Some((less.max(MIN_GOAL).min(self.config.buffer_goal), now + TIGHT_FOR));
        self.timers.set(Timer::Sink, Some(now + SINK_RETRY));
    }

    fn no_room(&mut self, now: Timestamp) {
        let message = "the source buffer has no room for what must play next".into();
        self.fatal(now, "sink_full", Phase::Sink, message, None);
    }

    /// A playhead just before the media that has taken all the room waits for room in vain: it steps on to there.
    fn step_to_media(&mut self, now: Timestamp) -> Option<MediaTime> {
        let Stage::Open(catalog) = &self.stage else { return None };
        let (place, buffered) = (self.playhead.place(), self.sink.buffered());
        let waits = self.playhead.is_starved() && !self.playhead.is_stepping();
        // What belongs there may wait for the room.
        let coming = self.sink.coming(Tracks::All);
        // A segment whose media have come begins where they do, wherever it was expected.
        let serves = |lane: LaneId| {
            let loading = self.lanes.lane(lane).loading().filter(|_| self.lanes.lane(lane).serves(place));
            let begins = |end: MediaTime| coming.iter().any(|r| r.start > place && r.start < end);
            loading.is_some_and(|loading| !begins(loading.range.end))
        };
        let comes = ranges::range_at(&coming, place, loader::TOLERANCE).is_some()
            || LaneId::MEDIA.into_iter().any(serves);
        if !waits || comes {
            return None;
        }
        let reach = place + catalog.segment_length();
        let to = buffered.iter().map(|range| range.start).find(|start| *start > place && *start <= reach)?;
        self.reports.trace.note(now, "hole_jumped", &[]);
        self.send_to(to);
        Some(to)
    }

    /// How far ahead is loaded: the configured goal, or less for a while after the sink had no room for it.
    fn goal(&self, now: Timestamp) -> MediaTime {
        let goal = match self.tight {
            Some((goal, until)) if now < until => goal,
            _ => self.config.buffer_goal,
        };
        if self.limits.saves_data { goal.min(SAVER_GOAL) } else { goal }
    }

    /// Removes what lies too far behind the playhead, once that is worth an operation of the sink.
    fn evict(&mut self) {
        let limit = self.playhead.state.position - self.config.back_buffer;
        let first = self.sink.buffered().first().map(|r| r.start);
        if first.is_some_and(|first| first + EVICT_STEP < limit) {
            self.sink.remove_before(limit);
        }
    }

    /// Timers, then whatever can go on now.
    fn settle(&mut self, now: Timestamp) {
        if let Stage::Open(catalog) = &mut self.stage {
            catalog.forgive(now);
        }
        while let Some(id) = self.requests.timed_out(now) {
            self.push(Output::Abort(id));
            self.request_failed(now, id, Fault::Timeout, None);
        }
        while let Some(ask) = self.requests.due(now) {
            match ask.purpose {
                Purpose::Segment(lane) if self.has_enough(now, lane) => {
                    self.lanes.lane_mut(lane).step_aside()
                }
                _ => self.send(now, ask),
            }
        }
        if self.timers.expired(Timer::Sink, now) {
            self.sink.retry_full();
        }
        self.timers.expired(Timer::Refill, now);
        if self.timers.expired(Timer::SecondThought, now) {
            self.think_again(now);
        }
        if self.timers.expired(Timer::Report, now) {
            self.send_report(now);
        }
        self.reload_playlists(now);
        self.advance(now);
        self.advance_text(now);
        self.tell_cues();
        // What the lanes are at may be another playlist now.
        self.reload_playlists(now);
        if self.timers.expired(Timer::Stats, now) {
            self.tick(now);
        }
        self.renew(now);
        self.timers.set(Timer::Retry, self.requests.next_retry());
        self.timers.set(Timer::Patience, self.requests.next_timeout());
    }

    /// Puts a request in flight, or keeps it until there is a grant to make it with.
    fn send(&mut self, now: Timestamp, ask: Ask) {
        let Some(ask) = self.admit(now, ask) else { return };
        let lane = if let Purpose::Segment(lane) = ask.purpose { Some(lane) } else { None };
        let request = self.requests.send(now, ask);
        let id = request.id;
        if let Some(lane) = lane {
            self.segment_sent(now, lane, id);
        }
        self.push(Output::Fetch(request));
    }

    fn sink_command(&mut self) -> Option<SinkCommand> {
        let plays = matches!(self.stage, Stage::Opening | Stage::Open(_)) && !self.looks;
        if plays { self.sink.poll() } else { None }
    }

    /// Ends the session with an error that no request caused.
    fn fatal(&mut self, now: Timestamp, code: &'static str, phase: Phase, message: String, url: Option<Url>) {
        self.end_by(now, PlayerError { code, phase, status: None, fatal: true, message, url });
    }

    /// Gives everything up and sends the last report.
    fn close(&mut self, now: Timestamp) {
        if matches!(self.stage, Stage::Closed) {
            return;
        }
        for id in self.requests.give_up(|purpose| !matches!(purpose, Purpose::Report(_))) {
            self.push(Output::Abort(id));
            self.command(PipelineCommand::Drop(id));
        }
        self.lanes = Lanes::default();
        let attached = !matches!(self.stage, Stage::Idle) && !self.looks;
        self.stage = Stage::Closed;
        self.timers = Timers::default();
        self.reports.qoe.stopped(now);
        self.send_report(now);
        if attached {
            // What was shown last stays on the screen; nothing more is appended.
            self.sink.clear_queue(Tracks::All);
            self.push(Output::Sink(SinkCommand::Detach));
        }
    }

    /// Puts the playhead of an element that has not begun to play where it is to begin.
    fn place_at(&mut self, place: MediaTime) {
        self.reports.qoe.own_seek();
        self.playhead.heads_for(place);
        self.push(Output::Element(ElementCommand::Seek(place)));
    }

    /// Moves the playhead on, on the session's own account.
    fn send_to(&mut self, to: MediaTime) {
        let from = self.playhead.state.position;
        self.reports.qoe.own_seek();
        self.playhead.steps_to(to);
        self.push(Output::Element(ElementCommand::Step { from, to }));
    }

    fn push(&mut self, output: Output) {
        self.outbox.push_back(Effect::Host(output));
    }

    /// SplitMix64: enough to spread retries, and the same for the same seed.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// How long until a time, by a clock that shows `time`; both in milliseconds since 1970.
fn wait_until(at: i64, time: i64) -> Option<Duration> {
    Some(Duration::from_millis(u64::try_from(at.checked_sub(time)?).unwrap_or(0)))
}

/// Evicting costs the sink an operation: do it by stretches of this length.
const EVICT_STEP: MediaTime = MediaTime::from_millis(10_000);
/// Who saves data may not see all that is loaded.
const SAVER_GOAL: MediaTime = MediaTime::from_millis(15_000);
const MIN_GOAL: MediaTime = MediaTime::from_millis(8_000);
const SINK_RETRY: Duration = Duration::from_millis(500);
const MAX_SINK_TRIES: u32 = 20;
/// What is given up for room is loaded again: not for ever, if it helps nothing.
const MAX_TRIMS: u32 = 4;
/// Media that is enough to go on with.
const SOME_AHEAD: MediaTime = MediaTime::from_millis(1000);
/// A sink that had no room is asked for the whole goal again after this time.
const TIGHT_FOR: Duration = Duration::from_secs(60);
