//! A media element with one source buffer, in virtual time: it starts when something is in, drains in real time, stops
//! when nothing is left, and says so by the events that browsers fire.

use core::time::Duration;

use crate::engine::{ElementEvent, ElementState, Input};
use crate::time::{MediaTime, TimeRange, Timestamp};

/// The element.
#[derive(Debug)]
pub(super) struct Element {
    now: Timestamp,
    position: MediaTime,
    /// From the start to here without a hole.
    buffered: MediaTime,
    end: MediaTime,
    moves: bool,
    started: bool,
    ended: bool,
    tick: Timestamp,
    /// When it last stopped for want of media.
    dry: Option<Timestamp>,
    pub(super) startup: Duration,
    pub(super) stalls: u64,
    pub(super) stalled: Duration,
}

impl Element {
    /// Of a presentation of this length.
    pub(super) fn new(end: MediaTime) -> Self {
        Self {
            now: Timestamp::ZERO,
            position: MediaTime::ZERO,
            buffered: MediaTime::ZERO,
            end,
            moves: false,
            started: false,
            ended: false,
            tick: Timestamp::ZERO,
            dry: None,
            startup: Duration::ZERO,
            stalls: 0,
            stalled: Duration::ZERO,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn position(&self) -> MediaTime {
        self.position
    }

    /// What the source buffer holds.
    pub(super) fn buffered(&self) -> Vec<TimeRange> {
        let all = TimeRange { start: MediaTime::ZERO, end: self.buffered };
        if all.length() > MediaTime::ZERO { vec![all] } else { Vec::new() }
    }

    /// Media was appended.
    pub(super) fn append(&mut self, range: TimeRange) {
        if range.start <= self.buffered {
            self.buffered = self.buffered.max(range.end);
        }
    }

    /// When it does something by itself.
    pub(super) fn next(&self) -> Option<Timestamp> {
        if !self.moves {
            return None;
        }
        let left = (self.buffered - self.position).to_duration();
        Some(self.tick.min(self.now + left.max(Duration::from_micros(1))))
    }

    /// Time goes on to `now`; the result is what the element fires.
    pub(super) fn pass(&mut self, now: Timestamp) -> Vec<ElementEvent> {
        let mut events = Vec::new();
        if self.moves {
            self.position =
                (self.position + MediaTime::from_duration(now.since(self.now))).min(self.buffered);
        }
        self.now = now;
        if self.ended {
            return events;
        }
        // A microsecond is not a whole number of ticks.
        let left = (self.buffered - self.position).to_duration();
        let dry = left <= Duration::from_micros(20);
        if self.moves && dry {
            self.moves = false;
            if self.end - self.position <= END {
                self.ended = true;
                events.push(ElementEvent::Ended);
            } else {
                self.dry = Some(now);
                events.push(ElementEvent::Waiting);
            }
        } else if !self.moves && !dry {
            self.moves = true;
            self.tick = now + TICK;
            if !core::mem::replace(&mut self.started, true) {
                self.startup = now.since(Timestamp::ZERO);
                events.push(ElementEvent::FirstFrame);
            }
            if let Some(since) = self.dry.take() {
                let time = now.since(since);
                self.stalled += time;
                self.stalls += u64::from(time >= SHORTEST_STALL);
            }
            events.push(ElementEvent::Playing);
        } else if self.moves && self.tick <= now {
            self.tick = now + TICK;
            events.push(ElementEvent::TimeUpdate);
        }
        events
    }

    /// An event, or a mere look, as an input.
    pub(super) fn input(&self, event: ElementEvent) -> Input {
        let ready_state = if self.moves { 4 } else { 2 };
        let state =
            ElementState { position: self.position, rate: 1.0, ready_state, ..ElementState::default() };
        Input::Element { event, state }
    }
}

/// How often browsers fire `timeupdate`.
const TICK: Duration = Duration::from_millis(250);
const END: MediaTime = MediaTime::from_millis(20);
/// Media that is in time to the millisecond does not stall.
const SHORTEST_STALL: Duration = Duration::from_millis(1);
