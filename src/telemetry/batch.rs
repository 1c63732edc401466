//! Records on their way to the origin: `{"session_id":"…","seq":n,"records":[{"kind":"qoe",…},…]}`.
//!
//! One batch is under way at a time and is kept, unchanged and under its number, until it is acknowledged: sent again,
//! the origin knows it by `(session_id, seq)`. A batch has at most [`MAX_BATCH`] bytes, which is what browsers let out
//! of a page that is closing. What waits is bounded: the oldest trace records are dropped first, and counted; the
//! QoE record, of which only the latest matters, never is.

use std::collections::VecDeque;

use serde::Serialize;

use crate::time::Timestamp;

use super::qoe::{Failure, Qoe};
use super::trace::TraceEvent;

/// Collects records and makes batches of them.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// As JSON, quotes included.
    session_id: String,
    next_seq: u64,
    qoe: Option<String>,
    failures: VecDeque<String>,
    traces: VecDeque<String>,
    /// Bytes in `failures` and `traces`.
    waiting: usize,
    /// Trace records dropped since the last batch was made.
    dropped: u64,
    delivery: Delivery,
}

/// Where the current batch stands.
#[derive(Clone, Debug)]
enum Delivery {
    /// There is none.
    Idle,
    /// It is on its way.
    Sending(Batch),
    /// It did not arrive.
    Failed(Batch),
}

#[derive(Clone, Debug)]
struct Batch {
    seq: u64,
    body: String,
}

/// A record as it is sent.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Record<'a> {
    Qoe(&'a Qoe),
    Failure(&'a Failure),
    Trace(&'a TraceEvent),
}

impl Outbox {
    /// An outbox of the session of this name, of which it uses 128 bytes at most.
    pub fn new(session_id: impl AsRef<str>) -> Self {
        let mut room = MAX_SESSION_ID;
        let fits = |c: &char| {
            let left = room.checked_sub(c.len_utf8());
            room = left.unwrap_or(0);
            left.is_some()
        };
        let id: String = session_id.as_ref().chars().take_while(fits).collect();
        Self {
            session_id: serde_json::Value::from(id).to_string(),
            next_seq: 0,
            qoe: None,
            failures: VecDeque::new(),
            traces: VecDeque::new(),
            waiting: 0,
            dropped: 0,
            delivery: Delivery::Idle,
        }
    }

    /// Puts in the record as it stands now, in place of an older one that has not left yet.
    pub fn put_qoe(&mut self, qoe: Qoe) {
        self.qoe = json(&Record::Qoe(&qoe));
    }

    /// Puts in a failure.
    pub fn put_failure(&mut self, failure: &Failure) {
        if let Some(record) = json(&Record::Failure(failure)) {
            self.waiting += record.len();
            self.failures.push_back(record);
            self.make_room();
        }
    }

    /// Puts in trace events.
    pub fn put_trace(&mut self, events: impl IntoIterator<Item = TraceEvent>) {
        for event in events {
            if let Some(record) = json(&Record::Trace(&event)) {
                self.waiting += record.len();
                self.traces.push_back(record);
                self.make_room();
            }
        }
    }

    /// Whether there is something to send and nothing on its way.
    pub fn has_next(&self) -> bool {
        match &self.delivery {
            Delivery::Idle => self.qoe.is_some() || !self.failures.is_empty() || !self.traces.is_empty(),
            Delivery::Sending(_) => false,
            Delivery::Failed(_) => true,
        }
    }

    /// The batch to send now, with its number: the one that did not arrive, or a new one. `None` while one is on its
    /// way, or when there is nothing to say. What became of it is told to [`Outbox::sent`].
    pub fn next_batch(&mut self) -> Option<(u64, String)> {
        if !self.has_next() {
            return None;
        }
        let batch = match core::mem::replace(&mut self.delivery, Delivery::Idle) {
            Delivery::Failed(batch) => batch,
            Delivery::Idle | Delivery::Sending(_) => self.make_batch(),
        };
        let sent = (batch.seq, batch.body.clone());
        self.delivery = Delivery::Sending(batch);
        Some(sent)
    }

    /// What became of a batch: acknowledged by the origin, or to be sent again by the next [`Outbox::next_batch`].
    pub fn sent(&mut self, seq: u64, acknowledged: bool) {
        self.delivery = match core::mem::replace(&mut self.delivery, Delivery::Idle) {
            Delivery::Sending(batch) | Delivery::Failed(batch) if batch.seq == seq => {
                if acknowledged {
                    Delivery::Idle
                } else {
                    Delivery::Failed(batch)
                }
            }
            other => other,
        };
    }

    fn make_batch(&mut self) -> Batch {
        let seq = self.next_seq;
        self.next_seq += 1;
        let mut body = format!("{{\"session_id\":{},\"seq\":{seq},\"records\":[", self.session_id);
        let mut records = 0;
        let mut push = |record: &str| {
            let fits = body.len() + record.len() + CLOSING.len() < MAX_BATCH;
            if fits {
                if records > 0 {
                    body.push(',');
                }
                body.push_str(record);
                records += 1;
            }
            fits
        };
        if let Some(qoe) = self.qoe.take() {
            push(&qoe);
        }
        if self.dropped > 0 {
            let lost = TraceEvent::lost(Timestamp::ZERO, core::mem::take(&mut self.dropped));
            if let Some(lost) = json(&Record::Trace(&lost)) {
                push(&lost);
            }
        }
        for queue in [&mut self.failures, &mut self.traces] {
            while queue.front().is_some_and(|record| push(record)) {
                self.waiting -= queue.pop_front().map_or(0, |record| record.len());
            }
        }
        body.push_str(CLOSING);
        Batch { seq, body }
    }

    /// Drops what is oldest and matters least until the rest is within its bound.
    fn make_room(&mut self) {
        while self.waiting > MAX_WAITING {
            let Some(record) = self.traces.pop_front().or_else(|| self.failures.pop_front()) else { return };
            self.waiting -= record.len();
            self.dropped += 1;
        }
    }
}

/// A record as text. Records are plain structs, which always serialize; none is longer than [`MAX_RECORD`].
fn json(record: &Record<'_>) -> Option<String> {
    serde_json::to_string(record).ok().filter(|r| r.len() <= MAX_RECORD)
}

const CLOSING: &str = "]}";
const MAX_BATCH: usize = 64 * 1024;
/// A batch with one record of this size still fits.
const MAX_RECORD: usize = 32 * 1024;
const MAX_WAITING: usize = 256 * 1024;
const MAX_SESSION_ID: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Phase;
    use serde_json::Value;

    fn event(i: u64) -> TraceEvent {
        TraceEvent { at: Timestamp::from_millis(i), name: "tick", facts: vec![("i", i)] }
    }

    fn failure(at_ms: u64) -> Failure {
        Failure { code: "http_status", phase: Phase::Key, status: Some(404), fatal: false, at_ms }
    }

    fn records(body: &str) -> Vec<Value> {
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["session_id"], "s-1");
        body["records"].as_array().unwrap().clone()
    }

    /// Sends and acknowledges all batches.
    fn all(outbox: &mut Outbox) -> Vec<Value> {
        let mut found = Vec::new();
        while let Some((seq, body)) = outbox.next_batch() {
            assert!(body.len() <= MAX_BATCH);
            found.extend(records(&body));
            outbox.sent(seq, true);
        }
        found
    }

    #[test]
    fn a_batch_has_the_form_that_the_origin_stores() {
        let mut outbox = Outbox::new("s-1");
        assert!(!outbox.has_next() && outbox.next_batch().is_none());
        outbox.put_trace([event(4)]);
        outbox.put_failure(&failure(5));
        outbox.put_qoe(Qoe { played_ms: 1, ..Qoe::default() });
        outbox.put_qoe(Qoe { played_ms: 2, bytes_by_rung: vec![7, 8], ..Qoe::default() });
        let (seq, body) = outbox.next_batch().unwrap();
        assert!(
            body.starts_with(r#"{"session_id":"s-1","seq":0,"records":[{"kind":"qoe","sessionMs":0,"#),
            "{body}"
        );
        assert_eq!(seq, 0);
        let records = records(&body);
        assert_eq!(records.len(), 3, "the latest record takes the older one's place");
        assert_eq!(records[0]["playedMs"], 2);
        assert_eq!(records[0]["bytesByRung"], serde_json::json!([7, 8]));
        assert_eq!(
            records[1],
            serde_json::json!({"kind": "failure", "code": "http_status", "phase": "key", "status": 404, "fatal": false, "atMs": 5})
        );
        assert_eq!(
            records[2],
            serde_json::json!({"kind": "trace", "atMs": 4, "name": "tick", "facts": {"i": 4}})
        );
    }

    #[test]
    fn one_batch_is_under_way_and_kept_until_acknowledged() {
        let mut outbox = Outbox::new("s-1");
        outbox.put_trace([event(1)]);
        let first = outbox.next_batch().unwrap();
        outbox.put_trace([event(2)]);
        assert_eq!(outbox.next_batch(), None, "one is under way");
        outbox.sent(first.0 + 7, true);
        assert_eq!(outbox.next_batch(), None, "an answer to another batch is no answer to this one");
        outbox.sent(first.0, false);
        assert_eq!(outbox.next_batch().as_ref(), Some(&first), "the same again, under the same number");
        outbox.sent(first.0, true);
        outbox.sent(first.0, true);
        let second = outbox.next_batch().unwrap();
        assert_eq!(second.0, first.0 + 1);
        assert_eq!(records(&second.1).len(), 1);
        outbox.sent(second.0, true);
        assert!(!outbox.has_next());
    }

    #[test]
    fn many_records_go_in_several_batches_none_lost_none_twice() {
        let mut outbox = Outbox::new("s-1");
        outbox.put_qoe(Qoe::default());
        outbox.put_trace((0..3_000).map(event));
        let found = all(&mut outbox);
        let seen: Vec<_> = found.iter().filter_map(|r| r["facts"]["i"].as_u64()).collect();
        assert_eq!(seen, (0..3_000).collect::<Vec<_>>());
        assert_eq!(found.len(), 3_001);
    }

    #[test]
    fn an_outbox_that_cannot_send_drops_old_traces_and_says_how_many() {
        let mut outbox = Outbox::new("s-1");
        outbox.put_qoe(Qoe::default());
        outbox.put_failure(&failure(1));
        outbox.put_trace((0..50_000).map(event));
        assert!(outbox.waiting <= MAX_WAITING);
        let held: usize = outbox.failures.iter().chain(&outbox.traces).map(String::len).sum();
        assert_eq!(held, outbox.waiting);
        let found = all(&mut outbox);
        let kind = |k: &str| found.iter().filter(|r| r["kind"] == k).count();
        assert_eq!((kind("qoe"), kind("failure")), (1, 1));
        let lost =
            found.iter().find(|r| r["name"] == "trace_lost").unwrap()["facts"]["events"].as_u64().unwrap();
        let kept = found.iter().filter(|r| r["name"] == "tick").count() as u64;
        assert_eq!(lost + kept, 50_000);
        assert_eq!(found.last().unwrap()["facts"]["i"], 49_999, "the latest are kept");
        assert_eq!(outbox.waiting, 0);
    }

    #[test]
    fn failures_are_bounded_too() {
        let mut outbox = Outbox::new("s-1");
        for i in 0..50_000 {
            outbox.put_failure(&failure(i));
        }
        assert!(outbox.waiting <= MAX_WAITING);
        assert_eq!(all(&mut outbox).last().unwrap()["atMs"], 49_999);
    }

    #[test]
    fn a_session_id_is_quoted_and_bounded() {
        let mut outbox = Outbox::new(["\"\n", &"é".repeat(500)].concat());
        outbox.put_qoe(Qoe::default());
        let (_, body) = outbox.next_batch().unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        let id = body["session_id"].as_str().unwrap();
        assert!(id.starts_with("\"\né") && id.len() <= MAX_SESSION_ID);
    }
}
