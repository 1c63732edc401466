//! What the page and the origin are told, and what is kept until the origin has it.
//!
//! A batch is in the host's keeping from the moment at which it may be lost (the page is hidden, the session ends, a send
//! failed) until it is acknowledged. Whoever finds it later sends it as it is: `(session_id, seq)` tells the origin what it has
//! already.

use std::collections::VecDeque;

use crate::error::PlayerError;
use crate::secret::Url;
use crate::telemetry::{Outbox, Qoe, QoeSession, Trace};
use crate::time::Timestamp;

use super::Handoff;
use super::Stage;
use super::io::{Event, Output, Stored};
use super::requests::{Ask, Purpose};

/// The telemetry of a session.
#[derive(Debug)]
pub(super) struct Reports {
    pub(super) qoe: QoeSession,
    pub(super) trace: Trace,
    outbox: Outbox,
    mail: Mail,
    /// When the next report is due.
    pub(super) due: Option<Timestamp>,
    /// When the next attempt is, after one that failed.
    pub(super) again: Option<Timestamp>,
}

/// Batches that have not arrived, oldest first.
#[derive(Debug, Default)]
struct Mail {
    batches: VecDeque<String>,
    /// The host keeps some of them.
    stored: bool,
}

impl Reports {
    /// Nothing has happened yet; some of earlier sessions may be left.
    pub(super) fn new(session_id: &str, unsent: &[String], now: Timestamp) -> Self {
        Self {
            qoe: QoeSession::new(now),
            trace: Trace::default(),
            outbox: Outbox::new(session_id),
            mail: Mail::of(unsent),
            due: None,
            again: None,
        }
    }
}

impl Mail {
    fn of(texts: &[String]) -> Self {
        let list = |text: &String| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
        let mut mail = Self::default();
        for batch in texts.iter().flat_map(list).filter(|batch| is_batch(batch)) {
            mail.add(batch);
        }
        mail
    }

    fn add(&mut self, batch: String) {
        if self.batches.contains(&batch) {
            return;
        }
        self.batches.push_back(batch);
        let mut bytes: usize = self.batches.iter().map(String::len).sum();
        while bytes > MAX_BYTES {
            bytes -= self.batches.pop_front().map_or(bytes, |batch| batch.len());
        }
    }

    fn text(&self) -> Option<String> {
        if self.batches.is_empty() { None } else { serde_json::to_string(&self.batches).ok() }
    }
}

/// Whether a stored text is what it should be: it goes to the origin as it is.
fn is_batch(text: &str) -> bool {
    text.len() <= MAX_BATCH && text.starts_with("{\"session_id\":") && text.ends_with("]}")
}

impl Handoff {
    /// What earlier sessions left is this one's to send; it is kept under its name from now on.
    pub(super) fn take_over_reports(&mut self, now: Timestamp) {
        if !self.reports.mail.batches.is_empty() {
            self.store_reports();
            self.send_batch(now);
        }
    }

    /// Tells the page and the record.
    pub(super) fn report_error(&mut self, now: Timestamp, error: PlayerError) {
        let failure = self.reports.qoe.failure(now, &error);
        self.reports.outbox.put_failure(&failure);
        let facts = [("status", u64::from(error.status.unwrap_or(0))), ("fatal", u64::from(error.fatal))];
        self.reports.trace.note(now, error.code, &facts);
        self.push(Output::Notify(Event::Error(error)));
    }

    /// The record as it stands: a stall that is not over counts too.
    pub(super) fn record(&self, now: Timestamp) -> Qoe {
        match self.open_stall(now) {
            Some(since) => {
                let mut qoe = self.reports.qoe.clone();
                qoe.waiting(since);
                qoe.snapshot(now)
            }
            None => self.reports.qoe.snapshot(now),
        }
    }

    /// A report is due, or it is the last moment for one (`keep`).
    pub(super) fn report(&mut self, now: Timestamp, keep: bool) {
        let record = self.record(now);
        self.push(Output::Notify(Event::Qoe(Box::new(record.clone()))));
        let goes_on = !matches!(self.stage, Stage::Closed | Stage::Idle);
        self.reports.due = goes_on.then(|| now + self.config.report_interval);
        if self.config.report_url.is_none() {
            return;
        }
        self.reports.outbox.put_qoe(record);
        // While the origin does not answer, one record that grows is better than many.
        if keep || self.reports.mail.batches.is_empty() {
            self.make_batches();
        }
        if keep {
            self.store_reports();
        }
        self.send_batch(now);
    }

    fn make_batches(&mut self) {
        self.reports.outbox.put_trace(self.reports.trace.drain());
        while let Some((seq, batch)) = self.reports.outbox.next_batch() {
            // It is the mail's from now on.
            self.reports.outbox.sent(seq, true);
            self.reports.mail.add(batch);
        }
    }

    fn store_reports(&mut self) {
        let text = self.reports.mail.text();
        if text.is_some() || self.reports.mail.stored {
            self.reports.mail.stored = text.is_some();
            self.push(Output::Store(Stored::Unsent, text));
        }
    }

    /// Sends the oldest batch, unless one is on its way.
    pub(super) fn send_batch(&mut self, now: Timestamp) {
        self.reports.again = None;
        let Some(url) = self.config.report_url.clone() else { return };
        if self.requests.has(Purpose::Report) {
            return;
        }
        if let Some(batch) = self.reports.mail.batches.front().cloned() {
            self.send_to(now, url, batch);
        }
    }

    fn send_to(&mut self, now: Timestamp, url: Url, batch: String) {
        let ask = Ask { purpose: Purpose::Report, url, body: Some(batch), failures: 0, generation: 0 };
        self.send(now, ask);
    }

    /// What became of a batch: `done`: the origin has it, or will never take it.
    pub(super) fn report_sent(&mut self, now: Timestamp, batch: Option<String>, done: bool) {
        let Some(batch) = batch else { return };
        if !done {
            self.reports.again = Some(now + AGAIN);
            return self.store_reports();
        }
        self.reports.mail.batches.retain(|other| *other != batch);
        if self.reports.mail.batches.is_empty() && self.reports.outbox.has_next() {
            self.make_batches();
        }
        if self.reports.mail.stored {
            self.store_reports();
        }
        self.send_batch(now);
    }
}

/// As much as a host's storage takes without being asked twice.
const MAX_BYTES: usize = 256 * 1024;
/// What `Outbox` makes at most.
const MAX_BATCH: usize = 64 * 1024;
/// After a report that did not arrive.
const AGAIN: core::time::Duration = core::time::Duration::from_secs(15);
