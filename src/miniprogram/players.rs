//! The players of a mini-program, by their handles.

use serde_json::Value;

use crate::error::{Phase, PlayerError};
use crate::handoff::{Event, Handoff, Output};
use crate::time::Timestamp;

use super::from_host;
use super::to_host;

/// Any number of players at once.
#[derive(Debug, Default)]
pub struct Players {
    last: u32,
    /// With their handles. Few at a time.
    players: Vec<(u32, Handoff)>,
}

impl Players {
    /// Makes a player by a config; the result is its handle. 0: the text is no config. `now` is in milliseconds.
    pub fn create(&mut self, now: f64, config: &[u8]) -> u32 {
        let Some(config) = read(config).as_ref().and_then(from_host::config) else { return 0 };
        self.last = self.last.wrapping_add(1).max(1);
        self.players.push((self.last, Handoff::new(config, at(now))));
        self.last
    }

    /// Hands an input to a player; the result is what is to be done, as a JSON array. Without a text: what is to be done as things
    /// stand. A text that is no input is an `error` event; a handle that is none is nothing to do.
    pub fn handle(&mut self, handle: u32, now: f64, input: &[u8]) -> String {
        let mut out = String::from("[");
        let Some((_, session)) = self.players.iter_mut().find(|(of, _)| *of == handle) else {
            return "[]".to_owned();
        };
        let mut push = |session: &Handoff, output: &Output| {
            if let Some(message) = to_host::write(session, output) {
                if out.len() > 1 {
                    out.push(',');
                }
                out.push_str(&message);
            }
        };
        if !input.is_empty() {
            match read(input).as_ref().and_then(from_host::input) {
                Some(input) => session.handle(at(now), input),
                None => push(session, &bad_message()),
            }
        }
        while let Some(output) = session.poll() {
            push(session, &output);
        }
        out.push(']');
        out
    }

    /// Lets go of a player.
    pub fn destroy(&mut self, handle: u32) {
        self.players.retain(|(of, _)| *of != handle);
    }
}

/// A text as it came, which may hold tokens.
fn read(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok().filter(Value::is_object)
}

fn at(now: f64) -> Timestamp {
    // `as` saturates, and what is no number is the origin.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Timestamp::from_micros((now * 1000.0) as u64)
}

fn bad_message() -> Output {
    Output::Notify(Event::Error(PlayerError {
        code: "bad_message",
        phase: Phase::Host,
        status: None,
        fatal: false,
        message: "what the component said makes no sense".to_owned(),
        url: None,
    }))
}
