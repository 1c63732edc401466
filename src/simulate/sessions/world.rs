//! One session from its first input to its last, and what must hold after every step of it.

use core::time::Duration;
use std::collections::BTreeMap;

use super::door::Renewals;
use super::element::Element;
use super::media::{Media, PIECE, WEIGHTS};
use super::network::Network;
use super::origin::{KEY, Origin, SIGNATURE, TOKEN};
use super::random::Random;
use super::scenario::{Action, Scenario};
use crate::engine::{
    Command, ElementCommand, ElementEvent, Environment, Event, Input, NetEvent, Output, Request, RequestId,
    RequestKind, SinkCommand, Source, Stats, TokenPlacement,
};
use crate::error::PlayerError;
use crate::recording::Recorder;
use crate::secret::{Secret, Url};
use crate::session::Session;
use crate::time::{MediaTime, TimeRange, Timestamp};

mod invariants;

/// A session and its world.
struct World<'a> {
    scenario: Scenario,
    now: Timestamp,
    session: Session,
    origin: Origin<'a>,
    network: Network,
    element: Element,
    random: Random,
    wake: Option<Timestamp>,
    in_flight: BTreeMap<RequestId, Request>,
    stats: Option<Box<Stats>>,
    fatal: Option<PlayerError>,
    stopped: bool,
    detached: bool,
    /// Bytes of bodies that were handed over: all, and those that telemetry counts (of segments as they come, of others
    /// when they are complete).
    bytes: u64,
    counted: u64,
    small: BTreeMap<RequestId, u64>,
    /// Errors that the page was told.
    errors: u64,
    /// Bytes that may wait in the session.
    most_held: usize,
    /// When something was last under way, or nothing was waited for.
    busy: Timestamp,
    /// Seeks by the viewer.
    seeks: u64,
    /// Seeks by the session. A stall goes on through one; with seeks by the viewer it does not.
    own_seeks: u64,
    /// A step by the session was not answered yet.
    stepping: bool,
    /// Where playback was before the last step.
    position: MediaTime,
    /// Where the viewer went last.
    wanted: Option<MediaTime>,
    /// The next seek by the session is what the page asked for.
    asked: bool,
    evicts: Option<bool>,
    /// Segments at the end that nobody had when playback ended.
    ended_without: Option<usize>,
    steps: u32,
    /// When playback last moved, or was not to.
    moved: Timestamp,
    /// When the position was last set: of several at once the session hears one by one.
    sought: Timestamp,
    /// When each address was asked for last.
    tried: BTreeMap<String, Timestamp>,
    renewals: Renewals,
    slept: bool,
    hindered: bool,
    note: Option<Note<'a>>,
    /// All that the session is told and says, if that is wanted.
    recording: Option<(Recorder, Vec<u8>)>,
}

/// Takes what happens, a line each.
pub type Note<'a> = &'a mut (dyn FnMut(String) + 'a);

/// What a session came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// Steps of the world.
    pub steps: u32,
    /// It ended with an error.
    pub fatal: bool,
    /// It played to the end.
    pub ended: bool,
    /// Times that playback stopped for want of media.
    pub stalls: u32,
}

/// Plays a scenario; panics where an invariant breaks.
pub(super) fn run<'a>(scenario: Scenario, media: &'a Media, note: Option<Note<'a>>) -> Summary {
    World::new(scenario, media, note).run()
}

/// Plays a scenario and records it.
pub(super) fn record(scenario: Scenario, media: &Media) -> Vec<u8> {
    let mut bytes = Vec::new();
    let recorder = Recorder::new(&scenario.config, Timestamp::ZERO, &mut bytes);
    let mut world = World::new(scenario, media, None);
    world.recording = Some((recorder, bytes));
    world.run();
    let Some((mut recorder, mut bytes)) = world.recording else { return Vec::new() };
    recorder.finish(&mut bytes);
    bytes
}

impl<'a> World<'a> {
    fn new(scenario: Scenario, media: &'a Media, note: Option<Note<'a>>) -> Self {
        let mut element = Element::new();
        (element.quota, element.operation) = (scenario.quota, scenario.operation);
        element.keeps_bytes = false;
        Self {
            now: Timestamp::ZERO,
            session: Session::new(scenario.config.clone(), Timestamp::ZERO),
            origin: Origin::new(scenario.clone(), media),
            network: Network::new(0, scenario.round_trip).in_pieces(TICK),
            random: Random::new(scenario.seed ^ 0xe1e),
            element,
            wake: None,
            in_flight: BTreeMap::new(),
            stats: None,
            fatal: None,
            stopped: false,
            detached: false,
            bytes: 0,
            counted: 0,
            small: BTreeMap::new(),
            errors: 0,
            most_held: most_held(&scenario),
            busy: Timestamp::ZERO,
            seeks: 0,
            own_seeks: 0,
            stepping: false,
            position: MediaTime::ZERO,
            asked: false,
            evicts: None,
            ended_without: None,
            steps: 0,
            moved: Timestamp::ZERO,
            sought: Timestamp::ZERO,
            wanted: None,
            tried: BTreeMap::new(),
            renewals: Renewals::default(),
            slept: false,
            hindered: scenario.weather.iter().any(|w| w.down || w.bits_per_second < 100_000),
            note,
            recording: None,
            scenario,
        }
    }

    fn run(&mut self) -> Summary {
        let mut url = Url::new(Origin::address(&self.scenario));
        let mut token = Secret::new(TOKEN.to_owned());
        if let Some(door) = &self.scenario.door {
            let grant = door.grant(self.now, self.scenario.playlist());
            (url, token) = (grant.url.unwrap(), grant.token.unwrap());
        }
        let token = Some((token, TokenPlacement::FileNamePrefix));
        self.give(Input::Command(Command::Load(vec![Source::Hls { url, token }])));
        self.element.set_paused(false);
        self.element_event(ElementEvent::Play);
        let mut viewer = std::mem::take(&mut self.scenario.viewer).into_iter().peekable();
        while self.now < self.scenario.end {
            let acts = viewer.peek().map(|(at, _)| (*at).max(self.now));
            self.step(acts);
            while let Some((_, action)) = viewer.next_if(|(at, _)| *at <= self.now) {
                self.act(action);
            }
        }
        self.finish()
    }

    fn step(&mut self, acts: Option<Timestamp>) {
        self.steps += 1;
        assert!(self.steps < 60_000, "the session spins");
        let changes = self.scenario.weather.first().map(|weather| weather.from.max(self.now));
        let answer = self.renewals.under_way.map(|(at, ..)| at.max(self.now));
        let own =
            [self.wake, self.network.next(self.now), self.element.next(self.now), acts, changes, answer];
        let next = own.into_iter().flatten().min().unwrap_or(self.scenario.end);
        let next = next.max(self.now).min(self.scenario.end);
        self.element.pass(self.now, next.since(self.now));
        self.now = next;
        let position = self.element.state().position;
        assert!(
            position >= self.position,
            "the position went back by itself, from {} to {position}",
            self.position
        );
        self.check_motion(position);
        self.check_waiting();
        while self.scenario.evictions.first().is_some_and(|(at, _)| *at <= next) {
            self.evicts = Some(self.scenario.evictions.remove(0).1);
        }
        while self.scenario.freezes.first().is_some_and(|(at, _)| *at <= next) {
            self.element.frozen = next + self.scenario.freezes.remove(0).1;
        }
        while let Some(weather) = self.scenario.weather.first().filter(|weather| weather.from <= next) {
            (self.network.bits_per_second, self.network.down) = (weather.bits_per_second, weather.down);
            self.scenario.weather.remove(0);
        }
        let origin = &mut self.origin;
        for (id, event) in self.network.deliver(next, |request| origin.serve(next, request)) {
            self.net(id, event);
        }
        if let Some(door) = self.scenario.door
            && let Some((id, answer)) = self.renewals.answer(&door, next, self.scenario.playlist())
        {
            self.give(Input::Command(Command::Renewed { id: Some(id), answer }));
        }
        for input in self.element.due(next) {
            self.give(input);
        }
        if self.wake.is_some_and(|at| at <= next) {
            self.wake = None;
            self.give(Input::Wake);
        }
    }

    fn net(&mut self, id: RequestId, event: NetEvent) {
        let Some(request) = self.in_flight.get(&id) else { return };
        if let NetEvent::Chunk(chunk) = &event
            && request.kind != RequestKind::Telemetry
        {
            let bytes = chunk.0.len() as u64;
            self.bytes += bytes;
            match request.kind {
                // An init section is small too.
                RequestKind::Segment if !request.url.expose().contains("init.mp4") => self.counted += bytes,
                _ => *self.small.entry(id).or_default() += bytes,
            }
        }
        if let NetEvent::End = event {
            self.origin.came(request);
            self.counted += self.small.remove(&id).unwrap_or(0);
        }
        if matches!(event, NetEvent::End | NetEvent::Failed(_)) {
            self.in_flight.remove(&id);
        }
        self.give(Input::Net { id, event });
    }

    fn act(&mut self, action: Action) {
        self.note(|| format!("viewer: {action:?}"));
        match action {
            Action::Seek(to) => {
                self.seeks += 1;
                self.set_position(self.seekable(to));
            }
            Action::CommandSeek(to) => {
                self.seeks += 1;
                self.asked = true;
                self.give(Input::Command(Command::Seek(self.seekable(to))));
                self.asked = false;
            }
            Action::Pause => {
                self.element.set_paused(true);
                self.element_event(ElementEvent::Pause);
            }
            Action::Resume => {
                self.element.set_paused(false);
                self.element_event(ElementEvent::Play);
            }
            Action::Hold(rung) => self.give(Input::Command(Command::SelectRung(rung))),
            Action::Online(online) => self.give(Input::Environment(Environment::Online(online))),
            Action::Sleep(time) => {
                self.slept = true;
                self.now = (self.now + time).min(self.scenario.end);
                // What was under way goes on as if no time had passed.
                self.sought = self.sought + time;
                self.tried.values_mut().for_each(|at| *at = *at + time);
                // The trouble that was to come while the lid was shut comes to nothing; what is calm stays so.
                (self.moved, self.busy) = (self.now, self.now);
                for (id, event) in self.network.break_all() {
                    self.net(id, event);
                }
            }
            Action::Stop => {
                self.stopped = true;
                self.give(Input::Command(Command::Stop));
            }
        }
    }

    /// Where the slider can be dragged to: not beyond the live edge.
    fn seekable(&self, to: MediaTime) -> MediaTime {
        match (&self.scenario.live, self.element.live_range) {
            (Some(_), Some(range)) => to.max(range.start).min(range.end),
            (Some(_), None) => MediaTime::ZERO,
            (None, _) => to,
        }
    }

    fn element_event(&mut self, event: ElementEvent) {
        let state = self.element.state();
        self.give(Input::Element { event, state });
    }

    fn give(&mut self, input: Input) {
        if self.note.is_some()
            && !matches!(
                input,
                Input::Wake
                    | Input::Net { event: NetEvent::Chunk(_), .. }
                    | Input::Element { event: ElementEvent::TimeUpdate, .. }
            )
        {
            self.note(|| short(format!("> {input:?}")));
        }
        if let Some((recorder, bytes)) = &mut self.recording {
            recorder.input(self.now, &input, bytes);
        }
        if let Input::Element { event, state } = &input {
            // An element without metadata does not say that it seeks.
            self.stepping &= *event != ElementEvent::Seeking && state.ready_state > 0;
        }
        self.session.handle(self.now, input);
        let mut outputs = 0;
        while let Some(output) = self.session.poll() {
            if let Some((recorder, _)) = &mut self.recording {
                recorder.output(&output);
            }
            outputs += 1;
            assert!(outputs < 500, "{outputs} outputs for one input");
            self.output(output);
        }
        let held = self.session.held_bytes();
        assert!(held <= self.most_held, "{held} bytes wait in the session, {} at most", self.most_held);
    }

    fn output(&mut self, output: Output) {
        if self.note.is_some()
            && !matches!(
                output,
                Output::Wake(_)
                    | Output::Notify(Event::Stats(_))
                    | Output::Sink(SinkCommand::Append(_, _, Some(_)))
            )
        {
            self.note(|| short(format!("< {output:?}")));
        }
        match output {
            Output::Wake(wake) => {
                assert!(wake.is_none_or(|w| w.at >= self.now), "woken in the past: {wake:?}");
                self.wake = wake.map(|w| w.at);
            }
            Output::Fetch(request) => self.fetch(request),
            Output::Abort(id) => {
                self.in_flight.remove(&id);
                self.network.abort(id);
            }
            Output::Sink(command) => self.sink(command),
            Output::Element(ElementCommand::Seek(to)) => {
                assert!(!self.over() || self.asked, "a seek after the end");
                let position = self.element.state().position;
                assert!(self.asked || to >= position, "the session went back from {position} to {to}");
                self.own_seeks += u64::from(!self.asked);
                self.set_position(to);
            }
            Output::Element(ElementCommand::Step { from, to }) => {
                assert!(!self.over(), "a step after the end");
                assert!(!self.stepping, "a step from {from} to {to} while one is under way");
                self.stepping = self.element.state().ready_state > 0;
                self.own_seeks += 1;
                if self.element.step(self.now, from, to) {
                    self.check_step(to);
                    self.position = to;
                    (self.moved, self.sought) = (self.now, self.now);
                }
            }
            Output::Element(ElementCommand::SetRate(rate)) => self.element.set_rate(self.now, rate),
            Output::Notify(Event::Stats(stats)) => self.told(stats),
            Output::Notify(Event::AccessWanted(wish)) => {
                assert!(!self.over(), "a wish after the end");
                let door = self.scenario.door.expect("nobody renews here");
                self.renewals.wish(&door, &mut self.random, self.now, wish.id);
            }
            Output::Notify(event) => {
                harmless(&format!("{event:?}"));
                if matches!(event, Event::Ended) {
                    self.ended_without = Some(self.origin.missing_at_the_end());
                }
                if let Event::Error(error) = event {
                    self.errors += 1;
                    harmless(&format!("{error} {}", serde_json::to_string(&error).unwrap()));
                    assert!(!self.over(), "an error after the end: {error:?}");
                    if error.fatal {
                        self.ended_by(error);
                    }
                }
            }
        }
    }

    fn ended_by(&mut self, error: PlayerError) {
        assert!(!self.scenario.mild, "recoverable, and given up: {error:?}");
        if let Some(door) = &self.scenario.door {
            let may = door.never || !error.code.starts_with("access_re");
            assert!(may || error.code == "access_refused", "a right that could be renewed: {error:?}");
        }
        self.fatal = Some(error);
    }

    fn over(&self) -> bool {
        self.stopped || self.fatal.is_some()
    }

    fn fetch(&mut self, request: Request) {
        assert!(
            !self.over() || request.kind == RequestKind::Telemetry,
            "a request after the end: {request:?}"
        );
        if let Some(body) = &request.body {
            harmless(body);
        }
        let same = |r: &Request| r.url == request.url && r.range == request.range && r.body.is_none();
        assert!(!self.in_flight.values().any(same), "two requests for the same bytes in flight: {request:?}");
        assert!(self.in_flight.len() < 12, "{} requests in flight", self.in_flight.len());
        // What was being loaded before a seek into what is buffered may go on.
        let again = self.tried.insert(request.url.expose().to_owned(), self.now);
        let goes_on = again.is_some_and(|before| before < self.sought && self.sought.since(before) < A_WHILE);
        if request.kind == RequestKind::Segment && self.now > self.sought && !goes_on {
            let position = self.element.state().position;
            let ahead = self
                .element
                .buffered()
                .into_iter()
                .find(|r| r.contains(position))
                .map_or(0.0, |r| (r.end - position).as_secs());
            let goal = self.scenario.config.buffer_goal.as_secs();
            // The sound may lead the pictures, and a segment that broke off is asked for again.
            let segment = self.scenario.stream.pieces as f64 * PIECE as f64;
            let more = ahead > goal + segment + 4.5;
            assert!(
                !more || self.is_replaced(&request),
                "{ahead} s buffered, the goal is {goal}, and {request:?}"
            );
        }
        let late = Duration::from_micros(
            self.random.within(0, u64::try_from(self.scenario.jitter.as_micros()).unwrap() + 1),
        );
        self.network.send(self.now, late, request.clone());
        self.in_flight.insert(request.id, request);
    }

    /// Whether a segment of the rungs is there already, which another rung's may take the place of. Where it lies depends on
    /// where playback began, of a playlist that says wrong durations.
    fn is_replaced(&self, request: &Request) -> bool {
        let name = request.url.expose().rsplit(['/']).next().unwrap_or_default();
        let number = name.split(['.', '?']).next().and_then(|name| name.rsplit_once('-')?.1.parse().ok());
        name.starts_with('r') && number.is_some_and(|n| self.origin.has_given(n))
    }

    fn sink(&mut self, command: SinkCommand) {
        let attaches = matches!(command, SinkCommand::Attach);
        assert!(
            !self.detached || attaches && !self.over(),
            "a command to a sink that was let go: {command:?}"
        );
        match &command {
            SinkCommand::Detach => self.detached = true,
            SinkCommand::Append(kind, ..) => {
                if let Some(behind) = self.evicts.take() {
                    let position = self.element.state().position;
                    let second = MediaTime::from_millis(1000);
                    self.element.evict(
                        *kind,
                        if behind {
                            TimeRange { start: MediaTime::ZERO, end: position - second }
                        } else {
                            TimeRange { start: position + second + second, end: MediaTime::MAX }
                        },
                    );
                }
            }
            _ => {}
        }
        self.element.command(self.now, command);
        if attaches {
            // An element that is given a source begins at zero, where the session has sent it from.
            self.detached = false;
            self.position = self.element.state().position;
        }
    }

    fn set_position(&mut self, to: MediaTime) {
        self.position = to;
        self.wanted = Some(to);
        (self.moved, self.sought) = (self.now, self.now);
        self.element.seek(self.now, to);
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(note) = &mut self.note {
            let at = self.now.as_micros() as f64 / 1e6;
            let position = self.element.state().position.as_secs();
            note(format!("{at:9.3} [{position:7.3}] {}", line()));
        }
    }
}

/// No secret stands in what others see.
fn harmless(text: &str) {
    for secret in [TOKEN, SIGNATURE, std::str::from_utf8(&KEY).unwrap()] {
        assert!(!text.contains(secret), "a secret in {text}");
    }
}

fn short(mut line: String) -> String {
    if line.len() > 300 {
        line.truncate((0..=300).rev().find(|i| line.is_char_boundary(*i)).unwrap_or(0));
        line.push('…');
    }
    line
}

/// The longest way back once nothing goes wrong any more: a request that is just asked for and never answered, the
/// longest delay before the next attempt, and a segment on the slowest calm network.
const RECOVERY: Duration = Duration::from_secs(28);
/// A request and its next attempt are not further apart.
const A_WHILE: Duration = Duration::from_secs(20);
/// What may wait in the session: a segment of each lane for its key, and for the sink all up to the goal and one more.
fn most_held(scenario: &Scenario) -> usize {
    let segment = WEIGHTS[scenario.stream.rungs - 1] * scenario.stream.pieces + 20_000;
    let seconds = scenario.config.buffer_goal.as_secs() as usize / PIECE as usize + 4;
    segment * 4 + seconds * WEIGHTS[scenario.stream.rungs - 1]
}

/// The longest time for which everything may be put off: a delay before the next attempt, and a server that is busy.
const PUT_OFF: Duration = Duration::from_secs(13);
/// Bodies come in pieces so far apart.
const TICK: Duration = Duration::from_millis(40);
