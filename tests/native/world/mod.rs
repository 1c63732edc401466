//! A world for a session to live in, in virtual time: an origin, a network and a media element.
//!
//! Nothing sleeps: the clock jumps to the next thing that happens. The world checks on every step what must always
//! hold, and a run is bounded, so that a session that hangs fails its test and names what it waited for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cloud_player::engine::{
    Command, Config, ElementCommand, ElementEvent, Event, Grant, Input, NetEvent, Output, RenewFailure,
    RenewReason, Request, RequestId, SinkCommand, Source, Stats, Wanted,
};
use cloud_player::error::PlayerError;
use cloud_player::media::TrackKind;
use cloud_player::session::Session;
use cloud_player::time::{MediaTime, Timestamp};

pub(crate) use cloud_player::simulate::sessions::{Element, Network, Response};

/// Answers requests. Called when the request reaches the origin.
pub(crate) type Origin = Box<dyn FnMut(&Request) -> Response>;

/// What a page does for a new grant: how long that takes, and what comes of it.
pub(crate) type Renewer = Box<dyn FnMut(Timestamp) -> (Duration, Result<Grant, RenewFailure>)>;

/// A session and all that it talks to.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    session: Session,
    origin: Origin,
    pub(crate) network: Network,
    pub(crate) element: Element,
    wake: Option<Timestamp>,
    /// What the page was told, statistics left out.
    pub(crate) events: Vec<(Timestamp, Event)>,
    pub(crate) stats: Option<Box<Stats>>,
    /// Every request, with when it was made.
    pub(crate) requests: Vec<(Timestamp, Request)>,
    in_flight: BTreeMap<RequestId, Request>,
    pub(crate) first_append: Option<Timestamp>,
    /// Where fragments were appended, each with how many requests there had been.
    pub(crate) fragments: Vec<(usize, TrackKind, MediaTime)>,
    steps: u64,
    /// The session has moved the playhead on, and was not told yet that the element seeks.
    stepping: bool,
    /// Shows the time to an origin that changes with it.
    pub(crate) clock: Option<Rc<RefCell<Timestamp>>>,
    /// Answers wishes for a new grant, after a while.
    pub(crate) renewer: Option<Renewer>,
    answers: Vec<(Timestamp, u64, Result<Grant, RenewFailure>)>,
    /// When each wish came, and when it was answered.
    pub(crate) wishes: Vec<(Timestamp, Option<Timestamp>, RenewReason)>,
    /// What each wish was for.
    pub(crate) wanted: Vec<Wanted>,
    /// And of which source.
    pub(crate) of_sources: Vec<usize>,
    /// Everything that goes in and comes out, and now and then the whole session, as a log would show it.
    pub(crate) log: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(config: Config, network: Network, origin: Origin) -> Self {
        Self {
            now: Timestamp::ZERO,
            session: Session::new(config, Timestamp::ZERO),
            origin,
            network,
            element: Element::new(),
            wake: None,
            events: Vec::new(),
            stats: None,
            requests: Vec::new(),
            in_flight: BTreeMap::new(),
            first_append: None,
            fragments: Vec::new(),
            steps: 0,
            stepping: false,
            clock: None,
            renewer: None,
            answers: Vec::new(),
            wishes: Vec::new(),
            wanted: Vec::new(),
            of_sources: Vec::new(),
            log: None,
        }
    }

    /// Loads and asks for playback.
    pub(crate) fn play(&mut self, source: Source) {
        self.play_any(vec![source]);
    }

    /// The same, with several sources.
    pub(crate) fn play_any(&mut self, sources: Vec<Source>) {
        self.give(Input::Command(Command::Load(sources)));
        self.element.set_paused(false);
        let state = self.element.state();
        self.give(Input::Element { event: ElementEvent::Play, state });
    }

    /// What a page does when the viewer drags the slider.
    pub(crate) fn seek(&mut self, seconds: f64) {
        self.set_position(MediaTime::from_secs(seconds));
    }

    pub(crate) fn pause(&mut self) {
        self.element.set_paused(true);
        let state = self.element.state();
        self.give(Input::Element { event: ElementEvent::Pause, state });
    }

    pub(crate) fn resume(&mut self) {
        self.element.set_paused(false);
        let state = self.element.state();
        self.give(Input::Element { event: ElementEvent::Play, state });
    }

    pub(crate) fn give(&mut self, input: Input) {
        if let Input::Element { event, state } = &input {
            // An element without metadata does not say that it seeks.
            self.stepping &= *event != ElementEvent::Seeking && state.ready_state > 0;
        }
        if let Some(log) = &mut self.log {
            log.push(format!("{input:?}"));
        }
        self.session.handle(self.now, input);
        self.drain();
        if let Some(log) = &mut self.log
            && self.steps.is_multiple_of(SHOW_EVERY)
        {
            log.push(format!("{:?}", self.session));
        }
    }

    /// Runs until `done` holds; panics when that takes more than `limit` of virtual time.
    pub(crate) fn run_until(&mut self, limit: Duration, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + limit;
        while !done(self) {
            assert!(
                self.now < end,
                "not within {limit:?}: {what}; the session waits for {:?}, position {}, {:#?}",
                self.stats.as_ref().and_then(|s| s.waiting_for),
                self.element.state().position,
                self.events
            );
            self.step(end);
        }
    }

    /// Runs for this long.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(end);
        }
    }

    /// The fatal error, if the session ended with one.
    pub(crate) fn fatal(&self) -> Option<&PlayerError> {
        self.errors().find(|e| e.fatal)
    }

    pub(crate) fn errors(&self) -> impl Iterator<Item = &PlayerError> {
        self.events.iter().filter_map(|(_, e)| if let Event::Error(e) = e { Some(e) } else { None })
    }

    pub(crate) fn position(&self) -> f64 {
        self.element.state().position.as_secs()
    }

    /// The bodies of all telemetry requests so far.
    pub(crate) fn reports(&self) -> Vec<&str> {
        self.requests.iter().filter_map(|(_, r)| r.body.as_deref()).collect()
    }

    /// Requests whose address contains `part`.
    pub(crate) fn requests_for(&self, part: &str) -> Vec<(Timestamp, &Request)> {
        self.requests.iter().filter(|(_, r)| r.url.expose().contains(part)).map(|(t, r)| (*t, r)).collect()
    }

    /// Where the media of each file that was asked for begin, by its path. Right where a track's next file is asked for once
    /// the one before has been appended.
    pub(crate) fn places(&self, kind: TrackKind, is_of: impl Fn(&str) -> bool) -> BTreeMap<&str, f64> {
        fn path(request: &Request) -> Option<&str> {
            request.url.expose().strip_prefix("http://origin.test/")
        }
        let mut places = BTreeMap::new();
        let mut last = None;
        for (requests, _, at) in self.fragments.iter().filter(|(_, of, _)| *of == kind) {
            let asked = self.requests.iter().enumerate().take(*requests).rev();
            let found = asked.filter_map(|(i, (_, r))| Some((i, path(r)?))).find(|(_, path)| is_of(path));
            let Some((request, path)) = found.filter(|(request, _)| last != Some(*request)) else { continue };
            last = Some(request);
            places.insert(path, at.as_secs());
        }
        places
    }

    /// One step: to whatever happens next, but not beyond `end`.
    fn step(&mut self, end: Timestamp) {
        self.steps += 1;
        assert!(self.steps < 5_000_000, "too many steps: the session spins");
        let answer = self.answers.iter().map(|(at, ..)| *at).min();
        let next = [self.wake, self.network.next(self.now), self.element.next(self.now), answer];
        let next = next.into_iter().flatten().min();
        let next = next.unwrap_or(end).max(self.now).min(end);
        let passed = next.since(self.now);
        self.element.pass(self.now, passed);
        self.now = next;
        if let Some(clock) = &self.clock {
            *clock.borrow_mut() = next;
        }
        for (id, event) in self.network.deliver(next, &mut self.origin) {
            if matches!(event, NetEvent::End | NetEvent::Failed(_)) {
                self.in_flight.remove(&id);
            }
            self.give(Input::Net { id, event });
        }
        while let Some(i) = self.answers.iter().position(|(at, ..)| *at <= next) {
            let (_, id, answer) = self.answers.swap_remove(i);
            self.wishes.last_mut().unwrap().1 = Some(next);
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

    fn drain(&mut self) {
        let mut count = 0;
        while let Some(output) = self.session.poll() {
            count += 1;
            assert!(count < 10_000, "the session never comes to rest");
            if let Some(log) = &mut self.log {
                log.push(format!("{output:?}"));
                if let Output::Notify(event) = &output
                    && !matches!(event, Event::Poster { .. } | Event::PlayInfo(_) | Event::Streams { .. })
                {
                    log.push(serde_json::to_string(event).unwrap());
                }
            }
            match output {
                Output::Wake(wake) => {
                    if let Some(wake) = wake {
                        // A wake-up in the past would be a busy loop.
                        assert!(wake.at >= self.now, "woken in the past for {}", wake.why);
                    }
                    self.wake = wake.map(|w| w.at);
                }
                Output::Fetch(request) => self.fetch(request),
                Output::Abort(id) => {
                    self.in_flight.remove(&id);
                    self.network.abort(id);
                }
                Output::Sink(command) => {
                    if let SinkCommand::Append(kind, _, at) = &command {
                        self.first_append.get_or_insert(self.now);
                        self.fragments.extend(at.map(|at| (self.requests.len(), *kind, at)));
                    }
                    self.element.command(self.now, command);
                }
                Output::Element(ElementCommand::Seek(to)) => self.set_position(to),
                Output::Element(ElementCommand::Step { from, to }) => {
                    assert!(!self.stepping, "a step from {from} to {to} while one is under way");
                    self.stepping = self.element.state().ready_state > 0;
                    self.element.step(self.now, from, to);
                }
                Output::Element(ElementCommand::SetRate(rate)) => self.element.set_rate(self.now, rate),
                Output::Notify(Event::Stats(stats)) => self.stats = Some(stats),
                Output::Notify(Event::AccessWanted(wish)) => {
                    assert!(self.answers.is_empty(), "one renewal at a time");
                    self.wishes.push((self.now, None, wish.reason));
                    self.wanted.push(wish.wanted);
                    self.of_sources.push(wish.source);
                    if let Some(renewer) = &mut self.renewer {
                        let (takes, answer) = renewer(self.now);
                        self.answers.push((self.now + takes, wish.id, answer));
                    }
                }
                Output::Notify(event) => self.events.push((self.now, event)),
            }
        }
    }

    fn fetch(&mut self, request: Request) {
        let twice = self
            .in_flight
            .values()
            .any(|r| r.url == request.url && r.range == request.range && r.body.is_none());
        assert!(!twice, "two requests for the same bytes in flight: {request:?}");
        self.network.send(self.now, Duration::ZERO, request.clone());
        self.requests.push((self.now, request.clone()));
        self.in_flight.insert(request.id, request);
    }

    fn set_position(&mut self, to: MediaTime) {
        self.element.seek(self.now, to);
    }
}

/// Steps from one look at the whole session to the next.
const SHOW_EVERY: u64 = 97;

/// A value that an origin's closure and a test can both see.
pub(crate) fn shared<T>(value: T) -> Rc<RefCell<T>> {
    Rc::new(RefCell::new(value))
}
