//! The last events of a session with their numbers, for whoever looks into a failure.
//!
//! Invariant: an event consists of words from the program's source and of numbers, so it cannot hold a URL or a
//! secret; and there are never more than [`MAX_EVENTS`] of them.

use std::collections::VecDeque;

use serde::{Serialize, Serializer};

use crate::time::Timestamp;

use super::millis;

/// A ring of events. When it is full, the oldest makes room.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    events: VecDeque<TraceEvent>,
    lost: u64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceEvent {
    /// When, on the host's monotonic clock.
    #[serde(rename = "atMs", serialize_with = "as_millis")]
    pub at: Timestamp,
    /// What: a stable name in snake case.
    pub name: &'static str,
    /// Numbers that belong to it, by name.
    #[serde(serialize_with = "as_map")]
    pub facts: Vec<(&'static str, u64)>,
}

impl Trace {
    /// Notes an event. Facts beyond the eighth are left out.
    pub fn note(&mut self, now: Timestamp, name: &'static str, facts: &[(&'static str, u64)]) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
            self.lost += 1;
        }
        let facts = facts.iter().copied().take(MAX_FACTS).collect();
        self.events.push_back(TraceEvent { at: now, name, facts });
    }

    /// The events that are held, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &TraceEvent> {
        self.events.iter()
    }

    /// Takes the events out, oldest first. If some had to make room, an event `trace_lost` in front says how many.
    pub fn drain(&mut self) -> Vec<TraceEvent> {
        let lost = core::mem::take(&mut self.lost);
        let first = self.events.front().filter(|_| lost > 0).map(|e| TraceEvent::lost(e.at, lost));
        first.into_iter().chain(self.events.drain(..)).collect()
    }
}

impl TraceEvent {
    /// Says that `count` events are missing from the record.
    pub(super) fn lost(at: Timestamp, count: u64) -> Self {
        Self { at, name: "trace_lost", facts: vec![("events", count)] }
    }
}

fn as_millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(millis(*at))
}

fn as_map<S: Serializer>(facts: &[(&'static str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().copied())
}

const MAX_EVENTS: usize = 512;
const MAX_FACTS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_in_order_and_once() {
        let mut trace = Trace::default();
        trace.note(Timestamp::from_millis(5), "rung_changed", &[("from", 0), ("to", 2)]);
        trace.note(Timestamp::from_millis(9), "stalled", &[]);
        let json = serde_json::to_string(&trace.drain()).unwrap();
        assert_eq!(
            json,
            r#"[{"atMs":5,"name":"rung_changed","facts":{"from":0,"to":2}},{"atMs":9,"name":"stalled","facts":{}}]"#
        );
        assert_eq!(trace.drain(), []);
    }

    #[test]
    fn the_ring_keeps_the_latest_and_says_what_it_lost() {
        let mut trace = Trace::default();
        let n = u64::try_from(MAX_EVENTS).unwrap() + 7;
        for i in 0..n {
            trace.note(Timestamp::from_millis(i), "tick", &[("i", i); 20]);
        }
        assert_eq!(trace.events().count(), MAX_EVENTS);
        let events = trace.drain();
        assert_eq!(events.first(), Some(&TraceEvent::lost(Timestamp::from_millis(7), 7)));
        let last = events.last().unwrap();
        assert_eq!((last.at, last.facts.len()), (Timestamp::from_millis(n - 1), MAX_FACTS));
        trace.note(Timestamp::ZERO, "tick", &[]);
        assert_eq!(trace.drain().len(), 1, "the loss is told once");
    }
}
