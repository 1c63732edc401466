//! The host loop: inputs in, outputs done, one session.
//!
//! Invariant: the session is never entered twice. Whatever happens while outputs are being performed waits in the
//! queue; the loop that is running takes it up.

use core::cell::{Cell, RefCell};
use core::fmt;
use std::collections::VecDeque;
use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::fetch::Fetches;
use super::inbox::Inbox;
use super::js;
use super::messages::{self, FromPage, HostError, Start, ToPage};
use super::outbox::Outbox;
use super::page_sink::PageSink;
use super::panic;
use super::sink::Sink;
use super::timer::Timer;
use crate::engine::{Command, Config, ElementCommand, Input, Output};
use crate::session::Session;
use crate::warm_up::WarmUp;

/// What a dedicated worker runs: one session, and the browser's side of it. `www/worker.js` makes it and hands it
/// every message of the page.
#[wasm_bindgen]
pub struct Host {
    state: Rc<State>,
}

#[wasm_bindgen]
impl Host {
    /// `post(message, transfer)` sends to the page.
    #[wasm_bindgen(constructor)]
    pub fn new(post: js_sys::Function) -> Self {
        let outbox = Outbox::new(post);
        panic::report_to(outbox.clone());
        let state = Rc::new_cyclic(|weak: &std::rc::Weak<State>| {
            let weak = weak.clone();
            let inbox = Inbox::new(move |input| {
                if let Some(state) = weak.upgrade() {
                    state.take(input);
                }
            });
            State {
                fetches: Fetches::new(inbox.clone()),
                timer: RefCell::new(Timer::new(inbox.clone())),
                inbox,
                outbox,
                playing: RefCell::new(None),
                queue: RefCell::default(),
                pumping: Cell::new(false),
                stopping: Cell::new(false),
                warm_up: RefCell::default(),
            }
        });
        Self { state }
    }

    /// Has the browser compile what a session will need, a part at a time: functions are compiled when they are called
    /// first. For when there is nothing else to do. Says whether there is more.
    #[wasm_bindgen(js_name = warmUp)]
    pub fn warm_up(&self) -> bool {
        let mut warm_up = self.state.warm_up.borrow_mut();
        let more = warm_up.get_or_insert_with(|| Box::new(WarmUp::new())).step();
        if !more {
            *warm_up = None;
        }
        more
    }

    /// Takes one message of the page. A message that makes no sense becomes an error event.
    pub fn receive(&self, message: JsValue) {
        match messages::read(message) {
            Some(message) => self.state.hear(message),
            None => self.state.complain("the message is of no known form"),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}

struct State {
    inbox: Inbox,
    outbox: Outbox,
    fetches: Fetches,
    timer: RefCell<Timer>,
    playing: RefCell<Option<Playing>>,
    queue: RefCell<VecDeque<Input>>,
    pumping: Cell<bool>,
    stopping: Cell<bool>,
    warm_up: RefCell<Option<Box<WarmUp>>>,
}

struct Playing {
    session: Session,
    sink: Sink,
}

impl State {
    fn hear(&self, message: FromPage) {
        match message {
            FromPage::Start(start) => self.start(*start),
            _ if self.playing.borrow().is_none() => self.complain("nothing was started yet"),
            FromPage::Input(input) => self.take(input),
            FromPage::Stop => {
                self.stopping.set(true);
                self.take(Input::Command(Command::Stop));
            }
            FromPage::SinkDone { track, buffered } => {
                self.hear_sink(|page| Some(page.done(track, buffered)));
            }
            FromPage::SinkFull { track } => self.hear_sink(|page| page.full(track)),
        }
    }

    /// Something that the sink on the page reports.
    fn hear_sink(&self, heard: impl FnOnce(&mut PageSink) -> Option<Input>) {
        let input = self.playing.borrow_mut().as_mut().and_then(|playing| heard(playing.sink.page()?));
        // What is of no operation under way is late news of a sink that was let go.
        if let Some(input) = input {
            self.take(input);
        }
    }

    fn start(&self, start: Start) {
        if self.playing.borrow().is_some() {
            return self.complain("a session is running: a new source needs a new worker");
        }
        let sink = Sink::new(start.sink, self.inbox.clone(), self.outbox.clone());
        let config = Config { wall_clock: Some(js::wall_clock_at_zero()), ..start.config };
        let session = Session::new(config, js::now());
        *self.playing.borrow_mut() = Some(Playing { session, sink });
        self.queue.borrow_mut().extend(start.environment.map(Input::Environment));
        let mut sources = start.sources;
        self.take(Input::Command(match sources.pop() {
            Some(source) if start.looks => Command::Look(Box::new(source)),
            last => Command::Load(sources.into_iter().chain(last).collect()),
        }));
    }

    fn take(&self, input: Input) {
        self.queue.borrow_mut().push_back(input);
        if !self.pumping.replace(true) {
            self.pump();
            self.pumping.set(false);
            if self.stopping.get() && self.fetches.is_idle() {
                self.stopping.set(false);
                self.outbox.post(&ToPage::Stopped);
            }
        }
    }

    fn pump(&self) {
        let mut playing = self.playing.borrow_mut();
        let Some(Playing { session, sink }) = playing.as_mut() else { return };
        loop {
            let Some(input) = self.queue.borrow_mut().pop_front() else { return };
            if matches!(input, Input::Wake) {
                self.timer.borrow_mut().fired();
            }
            session.handle(js::now(), input);
            while let Some(output) = session.poll() {
                match output {
                    Output::Fetch(request) => self.fetches.start(request),
                    Output::Abort(id) => self.fetches.abort(id),
                    Output::Sink(command) => sink.perform(command),
                    Output::Element(ElementCommand::Seek(to)) => {
                        self.outbox.post(&ToPage::Seek { to: to.as_secs() })
                    }
                    Output::Element(ElementCommand::Step { from, to }) => {
                        self.outbox.post(&ToPage::Step { from: from.as_secs(), to: to.as_secs() })
                    }
                    Output::Element(ElementCommand::SetRate(rate)) => {
                        self.outbox.post(&ToPage::SetRate { rate })
                    }
                    Output::Notify(event) => self.outbox.post(&ToPage::Event { event: Box::new(event) }),
                    Output::Wake(wish) => {
                        self.timer.borrow_mut().set(js::now(), wish.map(|wish| wish.at));
                        break;
                    }
                }
            }
        }
    }

    fn complain(&self, message: &str) {
        self.outbox.post(&ToPage::HostError(HostError::bad_message(message)));
    }
}
