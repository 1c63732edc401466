//! Viewer sessions: each has its own network shape, faults, terms of access, clock and request log.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::access::Access;
use crate::app::lock;
use crate::clock::unix_ms;
use crate::faults::Faults;
use crate::live::Broadcast;
use crate::outage::Reach;
use crate::overlay::Overlays;
use crate::shape::{Link, Shape};

/// One viewer as the network sees them.
#[derive(Debug)]
pub(crate) struct Session {
    shape: Mutex<Shape>,
    pub(crate) link: Link,
    pub(crate) faults: Faults,
    pub(crate) reach: Reach,
    pub(crate) broadcast: Broadcast,
    pub(crate) access: Access,
    pub(crate) overlays: Overlays,
    log: Mutex<VecDeque<Arc<Mutex<Logged>>>>,
}

/// A request in the log. Times are Unix milliseconds, by the time of day. The path has neither session prefix nor token nor query.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Logged {
    pub(crate) at_ms: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Whether the file name carried a DRM token, or the query one.
    pub(crate) token: bool,
    /// Whether the query carried a signature.
    pub(crate) signature: bool,
    pub(crate) range: Option<String>,
    /// The fault that was injected, by its kind.
    pub(crate) fault: Option<&'static str>,
    /// `None` until the head is sent.
    pub(crate) status: Option<u16>,
    /// Why it was refused: the code of the answer.
    pub(crate) refused: Option<&'static str>,
    /// Bytes of the body handed to the connection so far.
    pub(crate) bytes_sent: u64,
    /// `None` while the response is under way.
    pub(crate) done_ms: Option<u64>,
    /// Ended, by either side, before all of the body was sent.
    pub(crate) aborted: bool,
}

impl Session {
    fn new() -> Self {
        Self {
            shape: Mutex::default(),
            link: Link::new(None),
            faults: Faults::default(),
            reach: Reach::new(),
            broadcast: Broadcast::new(),
            access: Access::default(),
            overlays: Overlays::default(),
            log: Mutex::default(),
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        *lock(&self.shape)
    }

    pub(crate) fn set_shape(&self, shape: Shape) {
        *lock(&self.shape) = shape;
        self.link.set_rate(shape.bits_per_second);
    }

    /// All requests still remembered, oldest first.
    pub(crate) fn requests(&self) -> Vec<Logged> {
        lock(&self.log).iter().map(|logged| lock(logged).clone()).collect()
    }

    /// Opens an entry of the log.
    pub(crate) fn record(&self, logged: Logged) -> Record {
        let logged = Arc::new(Mutex::new(logged));
        let mut log = lock(&self.log);
        if log.len() >= LOG_MAX {
            log.pop_front();
        }
        log.push_back(Arc::clone(&logged));
        Record { logged, finished: false }
    }
}

/// A log entry being written. It closes when it is dropped: as aborted unless [`Record::finish`] came first.
#[derive(Debug)]
pub(crate) struct Record {
    logged: Arc<Mutex<Logged>>,
    finished: bool,
}

impl Record {
    pub(crate) fn head(&self, status: u16, refused: Option<&'static str>) {
        let mut logged = lock(&self.logged);
        (logged.status, logged.refused) = (Some(status), refused);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        let mut logged = lock(&self.logged);
        logged.bytes_sent = logged.bytes_sent.saturating_add(bytes as u64);
    }

    /// All of the body is sent.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let mut logged = lock(&self.logged);
        logged.done_ms = Some(unix_ms());
        logged.aborted = !self.finished;
    }
}

/// All sessions by id. A session begins when somebody first names it.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_id: Mutex<HashMap<String, (u64, Arc<Session>)>>,
}

impl Sessions {
    pub(crate) fn get(&self, sid: &str) -> Arc<Session> {
        let mut by_id = lock(&self.by_id);
        let now = unix_ms();
        if let Some((used_ms, session)) = by_id.get_mut(sid) {
            *used_ms = now;
            return Arc::clone(session);
        }
        if by_id.len() >= SESSIONS_MAX {
            let stalest = by_id.iter().min_by_key(|(_, (used_ms, _))| *used_ms).map(|(sid, _)| sid.clone());
            stalest.and_then(|sid| by_id.remove(&sid));
        }
        let session = Arc::new(Session::new());
        by_id.insert(sid.to_owned(), (now, Arc::clone(&session)));
        session
    }
}

/// Whether a client may call its session this: `[A-Za-z0-9_-]{1,64}`.
pub(crate) fn is_sid(sid: &str) -> bool {
    (1..=64).contains(&sid.len()) && sid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The session of requests that name none.
pub(crate) const DEFAULT_SID: &str = "default";

const SESSIONS_MAX: usize = 2000;
const LOG_MAX: usize = 10_000;
