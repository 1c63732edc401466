//! A session from the first request to the last frame.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use crate::abr::Rule;
use crate::engine::{
    Chunk, Command, Config, ElementEvent, Environment, Event, Input, NetEvent, NetFailure, Output, Request,
    RequestId, ResponseHead, SinkCommand, SinkEvent, Source,
};
use crate::media::TrackKind;
use crate::secret::Url;
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::element::Element;
use super::ladder::{self, Ladder, Wanted};
use super::network::{Moved, Network};
use super::score::{Played, Score};
use super::session::Session;
use super::trace::Trace;

/// What to play, over what, with how much buffer.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The network.
    pub trace: &'a Trace,
    /// The content.
    pub ladder: &'a Ladder,
    /// The most that is buffered, the segment on its way counted in.
    pub buffer: Duration,
}

/// A session that did not come to its end.
#[derive(Debug)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Plays a session with this rule.
pub fn run(setup: Setup<'_>, name: &str, rule: Box<dyn Rule>) -> Result<Score, Failure> {
    let mut world = World::new(setup, rule);
    world.play()?;
    Ok(world.score(setup, name))
}

struct World<'a> {
    now: Timestamp,
    session: Session,
    ladder: &'a Ladder,
    network: Network<'a>,
    element: Element,
    wake: Option<Timestamp>,
    /// Answers that cost no time, and what they answer.
    answers: Vec<(RequestId, Option<String>)>,
    segments: BTreeMap<RequestId, (usize, u64, TimeRange)>,
    /// The range that is being appended.
    appending: Option<TimeRange>,
    /// Media and its rung, in the order in which it came through.
    played: Vec<(TimeRange, usize, u64)>,
    wasted: u64,
    fatal: Option<String>,
    /// What the session was told of the network.
    online: bool,
}

impl<'a> World<'a> {
    fn new(setup: Setup<'a>, rule: Box<dyn Rule>) -> Self {
        let length = MediaTime::from_duration(setup.ladder.segment);
        // A request waits while what is buffered and one segment more are more than the buffer.
        let goal = MediaTime::from_duration(setup.buffer) - length + MediaTime::from_ticks(1);
        let buffer_goal = goal.max(MediaTime::from_ticks(1));
        let segments = i64::try_from(setup.ladder.sizes.len()).unwrap_or(i64::MAX);
        // Each segment is loaded once, as the public figures have it.
        let (back_buffer, replace_buffered) = (MediaTime::MAX, false);
        let config = Config { buffer_goal, back_buffer, replace_buffered, ..Config::default() };
        Self {
            now: Timestamp::ZERO,
            session: Session::new(config, rule),
            ladder: setup.ladder,
            network: Network::new(setup.trace),
            element: Element::new(MediaTime::from_ticks(length.ticks().saturating_mul(segments))),
            wake: None,
            answers: Vec::new(),
            segments: BTreeMap::new(),
            appending: None,
            played: Vec::new(),
            wasted: 0,
            fatal: None,
            online: true,
        }
    }

    fn play(&mut self) -> Result<(), Failure> {
        let url = Url::new(ladder::address());
        self.give(Input::Command(Command::Load(vec![Source::Hls { url, token: None }])));
        self.give(self.element.input(ElementEvent::Play));
        for _ in 0..MAX_STEPS {
            if let Some(code) = self.fatal.take() {
                return Err(Failure(format!("the session ended with {code} at {}", self.element.position())));
            }
            if self.element.has_ended() {
                return Ok(());
            }
            if !self.step() {
                break;
            }
        }
        Err(Failure(format!("the session hangs at {}", self.element.position())))
    }

    /// Goes on to whatever happens next; `false` if nothing will.
    fn step(&mut self) -> bool {
        if let Some((id, text)) = self.answers.pop() {
            self.answer(id, text);
            return true;
        }
        let next = [self.wake, self.network.next(), self.element.next()].into_iter().flatten().min();
        let Some(next) = next else { return false };
        self.now = next.max(self.now);
        for event in self.element.pass(self.now) {
            self.give(self.element.input(event));
        }
        let moved = self.network.pass(self.now);
        let silence = self.network.silent_since().map_or(Duration::ZERO, |since| self.now.since(since));
        let online = silence < SILENCE;
        if online != self.online {
            self.online = online;
            self.give(Input::Environment(Environment::Online(online)));
        }
        if let Some(moved) = moved {
            self.moved(moved);
        }
        if self.wake.is_some_and(|at| at <= self.now) {
            self.wake = None;
            // A host that wakes the session looks at the element first.
            self.give(self.element.input(ElementEvent::TimeUpdate));
            self.give(Input::Wake);
        }
        true
    }

    fn answer(&mut self, id: RequestId, text: Option<String>) {
        let Some(text) = text else {
            return self.give(Input::Net { id, event: NetEvent::Failed(NetFailure::Network) });
        };
        let head = ResponseHead { status: 200, ..ResponseHead::default() };
        self.give(Input::Net { id, event: NetEvent::Head(head) });
        self.give(Input::Net { id, event: NetEvent::Chunk(Chunk(text.into_bytes())) });
        self.give(Input::Net { id, event: NetEvent::End });
    }

    fn moved(&mut self, moved: Moved) {
        match moved {
            Moved::Head { id, bytes } => {
                let head =
                    ResponseHead { status: 200, content_length: Some(bytes), ..ResponseHead::default() };
                self.give(Input::Net { id, event: NetEvent::Head(head) });
            }
            Moved::Bytes { id, bytes } => {
                self.session.arrived(self.now, id, bytes);
                self.drain();
            }
            Moved::End { id } => {
                let Some((rung, bits, range)) = self.segments.remove(&id) else { return };
                self.played.push((range, rung, bits));
                self.appending = Some(range);
                self.session.complete(self.now, id, range);
                self.drain();
            }
        }
    }

    fn give(&mut self, input: Input) {
        self.session.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.session.poll() {
                Output::Wake(wake) => {
                    self.wake = wake.map(|wake| wake.at);
                    return;
                }
                Output::Fetch(request) => self.fetch(&request),
                Output::Abort(id) => {
                    self.wasted += self.network.abort(id);
                    self.segments.remove(&id);
                }
                Output::Sink(command) => self.sink(&command),
                Output::Notify(Event::Error(error)) if error.fatal => self.fatal = Some(error.code.into()),
                Output::Element(_) | Output::Notify(_) => {}
            }
        }
    }

    fn fetch(&mut self, request: &Request) {
        match self.ladder.wanted(request) {
            Some(Wanted::Segment { rung, bits, range }) => {
                self.segments.insert(request.id, (rung, bits, range));
                self.network.send(request.id, bits);
            }
            Some(Wanted::Text(text)) => self.answers.push((request.id, Some(text))),
            None => self.answers.push((request.id, None)),
        }
    }

    fn sink(&mut self, command: &SinkCommand) {
        let track = match command {
            SinkCommand::Attach => {
                self.session.handle(self.now, Input::Sink(SinkEvent::Opened));
                return;
            }
            SinkCommand::Append(track, ..) => {
                if let Some(range) = self.appending {
                    self.element.append(range);
                }
                *track
            }
            SinkCommand::Remove(track, _) => *track,
            _ => return,
        };
        debug_assert_eq!(track, TrackKind::Video, "there are only pictures");
        let buffered = self.element.buffered();
        self.session.handle(self.now, Input::Sink(SinkEvent::Done { track, buffered }));
        for event in self.element.pass(self.now) {
            let input = self.element.input(event);
            self.session.handle(self.now, input);
        }
    }

    fn score(mut self, setup: Setup<'_>, name: &str) -> Score {
        // A segment that was loaded twice plays as it came last.
        self.played.sort_by_key(|(range, ..)| range.start);
        let mut rungs: Vec<(TimeRange, usize)> = Vec::new();
        let mut bits = self.wasted;
        for (range, rung, size) in self.played {
            bits += size;
            match rungs.last_mut() {
                Some(last) if last.0.start == range.start => last.1 = rung,
                _ => rungs.push((range, rung)),
            }
        }
        let rungs: Vec<usize> = rungs.into_iter().map(|(_, rung)| rung).collect();
        let played = Played {
            rungs: &rungs,
            stalls: self.element.stalls,
            stalled: self.element.stalled,
            startup: self.element.startup,
            bits,
            wasted: self.wasted,
        };
        Score::of(&setup.trace.name, name, setup.ladder, &played)
    }
}

/// A device that gets nothing through for this long says that it has no network.
const SILENCE: Duration = Duration::from_secs(10);
/// A session of ten minutes takes some ten thousand.
const MAX_STEPS: u32 = 5_000_000;
