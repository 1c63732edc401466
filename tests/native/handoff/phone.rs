//! A phone in virtual time: an origin some way off, a native component with the events that such components have, and storage.

use std::collections::BTreeMap;
use std::time::Duration;

use cloud_player::engine::RequestId;
use cloud_player::error::PlayerError;
use cloud_player::handoff::{
    Command, Config, ElementCommand, Event, Handoff, Handover, Input, NativeEvent, NativeFailure, NetFailure,
    Output, Ready, Request, Response, Source, Stored, Why,
};
use cloud_player::secret::Secret;
use cloud_player::telemetry::Qoe;
use cloud_player::time::{MediaTime, Timestamp};

/// What an origin answers: a status and a body, or nothing.
pub(crate) type Reply = Result<(u16, String), NetFailure>;
type Origin = Box<dyn FnMut(Timestamp, &Request) -> Reply>;
/// Whether the component lacks data for this address just now.
type Starves = Box<dyn Fn(Timestamp, &str) -> bool>;

pub(crate) struct Phone {
    pub(crate) session: Handoff,
    pub(crate) now: Timestamp,
    pub(crate) component: Option<Component>,
    pub(crate) events: Vec<(Timestamp, Event)>,
    pub(crate) sources: Vec<(Timestamp, Handover)>,
    pub(crate) requests: Vec<(Timestamp, Request)>,
    pub(crate) commands: Vec<(Timestamp, ElementCommand)>,
    pub(crate) memory: Option<String>,
    pub(crate) unsent: Option<String>,
    /// The component takes no notice of where it is to begin.
    pub(crate) begins_at_zero: bool,
    pub(crate) starves: Starves,
    /// How long what it loads is, as it says with the metadata.
    pub(crate) duration: Option<MediaTime>,
    origin: Origin,
    answers: Vec<(Timestamp, RequestId, Reply)>,
    wake: Option<Timestamp>,
}

/// The native component.
pub(crate) struct Component {
    pub(crate) url: String,
    pub(crate) position: f64,
    pub(crate) playing: bool,
    pub(crate) rate: f64,
    /// It does not say when it has loaded.
    pub(crate) silent: bool,
    pub(crate) place: f64,
    loaded_at: Option<Timestamp>,
    waiting: bool,
    told: Timestamp,
}

pub(crate) const LENGTH: f64 = 600.0;
const TICK: Duration = Duration::from_millis(50);
const LATENCY: Duration = Duration::from_millis(60);

impl Phone {
    pub(crate) fn new(config: Config, origin: impl FnMut(Timestamp, &Request) -> Reply + 'static) -> Self {
        let now = Timestamp::from_millis(1000);
        let mut phone = Self {
            session: Handoff::new(config, now),
            now,
            component: None,
            events: Vec::new(),
            sources: Vec::new(),
            requests: Vec::new(),
            commands: Vec::new(),
            memory: None,
            unsent: None,
            begins_at_zero: false,
            starves: Box::new(|_, _| false),
            duration: Some(MediaTime::from_secs(LENGTH)),
            origin: Box::new(origin),
            answers: Vec::new(),
            wake: None,
        };
        phone.drain();
        phone
    }

    pub(crate) fn load(&mut self, sources: Vec<Source>) {
        self.command(Command::Load { sources, start: None, autoplay: Some(true) });
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.give(Input::Command(command));
    }

    pub(crate) fn native(&mut self, event: NativeEvent) {
        self.give(Input::Native(event));
    }

    /// The component gives up, and stops.
    pub(crate) fn fails(&mut self, failure: NativeFailure) {
        self.component.as_mut().unwrap().playing = false;
        self.native(NativeEvent::Error(failure));
    }

    pub(crate) fn give(&mut self, input: Input) {
        self.session.handle(self.now, input);
        self.drain();
    }

    /// Lets time go by.
    pub(crate) fn run(&mut self, secs: f64) {
        let end = self.now + Duration::from_secs_f64(secs);
        while self.now < end {
            self.now = self.now + TICK;
            while let Some(at) = self.answers.iter().position(|(at, ..)| *at <= self.now) {
                let (_, id, reply) = self.answers.swap_remove(at);
                let answer = reply.map(|(status, body)| Response {
                    status,
                    date: Some(DATE + (self.now.as_micros() / 1000) as i64),
                    retry_after: None,
                    body: Secret::new(body.into_bytes()),
                    throughput: None,
                });
                self.give(Input::Net { id, answer });
            }
            self.play_on();
            if self.wake.is_some_and(|at| at <= self.now) {
                self.give(Input::Wake);
                assert!(self.wake.is_none_or(|at| at > self.now), "a wake-up that is due at once, for ever");
            }
        }
    }

    fn play_on(&mut self) {
        let (now, begins_at_zero, duration) = (self.now, self.begins_at_zero, self.duration);
        let Some(component) = &mut self.component else { return };
        if let Some(at) = component.loaded_at {
            if at > now {
                return;
            }
            component.loaded_at = None;
            component.place = if begins_at_zero { 0.0 } else { component.position };
            component.told = now;
            let plays = component.playing;
            if component.silent {
                return;
            }
            self.native(NativeEvent::LoadedMetadata { duration });
            if plays {
                self.native(NativeEvent::Play);
            }
            return;
        }
        if !component.playing {
            return;
        }
        let starves = (self.starves)(now, &component.url);
        let begins_to_wait = starves && !component.waiting;
        component.waiting = starves;
        if begins_to_wait {
            return self.native(NativeEvent::Waiting);
        }
        if starves {
            return;
        }
        component.place = (component.place + TICK.as_secs_f64() * component.rate).min(LENGTH);
        if component.place >= LENGTH {
            component.playing = false;
            return self.native(NativeEvent::Ended);
        }
        if now.since(component.told) >= Duration::from_millis(250) {
            component.told = now;
            let position = MediaTime::from_secs(component.place);
            self.native(NativeEvent::TimeUpdate { position, duration: None });
        }
    }

    fn drain(&mut self) {
        let mut bound = 0..10_000;
        while let Some(output) = self.session.poll() {
            assert!(bound.next().is_some(), "it does not come to an end");
            match output {
                Output::Fetch(request) => {
                    let reply = (self.origin)(self.now, &request);
                    self.answers.push((self.now + LATENCY, request.id, reply));
                    self.requests.push((self.now, request));
                }
                Output::Abort(id) => self.answers.retain(|(_, other, _)| *other != id),
                Output::Source(source) => {
                    self.component = Some(Component {
                        url: source.url.expose().to_owned(),
                        position: source.position.as_secs(),
                        playing: source.play,
                        rate: source.rate,
                        silent: false,
                        loaded_at: Some(self.now + Duration::from_millis(300)),
                        place: 0.0,
                        waiting: false,
                        told: self.now,
                    });
                    self.sources.push((self.now, source));
                }
                Output::Element(command) => {
                    self.commands.push((self.now, command));
                    self.obey(command);
                }
                Output::Notify(event) => self.events.push((self.now, event)),
                Output::Store(Stored::Memory, text) => self.memory = text,
                Output::Store(Stored::Unsent, text) => self.unsent = text,
                Output::Wake(at) => self.wake = at,
            }
        }
    }

    fn obey(&mut self, command: ElementCommand) {
        let Some(component) = &mut self.component else { return };
        match command {
            ElementCommand::Play if !component.playing => {
                component.playing = true;
                self.native(NativeEvent::Play);
            }
            ElementCommand::Pause if component.playing => {
                component.playing = false;
                self.native(NativeEvent::Pause);
            }
            ElementCommand::Seek(to) => {
                component.place = to.as_secs();
                component.position = to.as_secs();
            }
            ElementCommand::SetRate(rate) => component.rate = rate,
            ElementCommand::Play | ElementCommand::Pause => {}
        }
    }

    /// Where the component is.
    pub(crate) fn place(&self) -> f64 {
        self.component.as_ref().unwrap().place
    }

    pub(crate) fn urls(&self) -> Vec<&str> {
        self.sources.iter().map(|(_, source)| source.url.expose()).collect()
    }

    pub(crate) fn ready(&self) -> &Ready {
        let ready = self.events.iter().rev().find_map(|(_, event)| match event {
            Event::Ready(ready) => Some(ready),
            _ => None,
        });
        ready.unwrap()
    }

    pub(crate) fn errors(&self) -> Vec<&PlayerError> {
        let error = |(_, event): &'_ (Timestamp, Event)| matches!(event, Event::Error(_));
        let errors = self.events.iter().filter(|e| error(e));
        errors
            .map(|(_, event)| match event {
                Event::Error(error) => error,
                _ => unreachable!(),
            })
            .collect()
    }

    pub(crate) fn codes(&self) -> Vec<(&'static str, bool)> {
        self.errors().iter().map(|error| (error.code, error.fatal)).collect()
    }

    /// Rungs as the page was told of them, without the first.
    pub(crate) fn changes(&self) -> Vec<(Timestamp, usize, Why)> {
        let change = |(at, event): &(Timestamp, Event)| match event {
            Event::RungChanged { rung: Some(rung), reason, .. } if *reason != Why::Start => {
                Some((*at, *rung, *reason))
            }
            _ => None,
        };
        self.events.iter().filter_map(change).collect()
    }

    pub(crate) fn count(&self, wanted: &Event) -> usize {
        self.events.iter().filter(|(_, event)| event == wanted).count()
    }

    /// Stops, and gives the last record.
    pub(crate) fn stop(&mut self) -> Qoe {
        self.command(Command::Stop);
        let qoe = self.events.iter().rev().find_map(|(_, event)| match event {
            Event::Qoe(qoe) => Some((**qoe).clone()),
            _ => None,
        });
        qoe.unwrap()
    }
}

/// Unix milliseconds at the origin of the clock.
pub(crate) const DATE: i64 = 1_700_000_000_000;

/// What an origin has stored, as `(session_id, seq)`; a batch that comes again is counted.
#[derive(Default)]
pub(crate) struct Archive {
    pub(crate) batches: BTreeMap<(String, u64), (String, usize)>,
}

impl Archive {
    pub(crate) fn take(&mut self, body: &str) {
        let batch: serde_json::Value = serde_json::from_str(body).unwrap();
        let key = (batch["session_id"].as_str().unwrap().to_owned(), batch["seq"].as_u64().unwrap());
        let entry = self.batches.entry(key).or_insert_with(|| (body.to_owned(), 0));
        assert_eq!(entry.0, body, "the same number, another batch");
        entry.1 += 1;
    }
}
