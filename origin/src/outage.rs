//! A whole outage: for a time a session's requests are not answered. Either the origin is silent, as when a cable is
//! pulled, and what was asked is answered when it is over; or connections are closed, as when nobody listens.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// An outage, as it comes from the administrator.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outage {
    /// How long it lasts; 0 ends one.
    for_ms: u64,
    /// Whether the origin is silent; else connections are closed.
    #[serde(default)]
    silent: bool,
}

impl Outage {
    /// Why this outage cannot be.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        (self.for_ms > FOR_MAX_MS).then_some("for_ms must be at most 3600000")
    }
}

/// Whether a session's requests reach the origin.
#[derive(Debug)]
pub(crate) struct Reach {
    outage: watch::Sender<Option<State>>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    until: Instant,
    silent: bool,
}

impl Reach {
    pub(crate) fn new() -> Self {
        Self { outage: watch::Sender::new(None) }
    }

    /// Begins an outage, in the place of one that is on.
    pub(crate) fn set(&self, outage: Outage) {
        let until = Instant::now() + Duration::from_millis(outage.for_ms);
        self.outage.send_replace(Some(State { until, silent: outage.silent }));
    }

    /// Whether there is an outage now.
    pub(crate) fn is_out(&self) -> bool {
        self.now().is_some()
    }

    /// Waits for the end of a silence; whether the way is clear then, or connections are to be closed.
    pub(crate) async fn pass(&self) -> bool {
        let mut changes = self.outage.subscribe();
        while let Some(State { until, silent }) = self.now() {
            if !silent {
                return false;
            }
            tokio::select! {
                () = sleep_until(until) => {}
                // Its sender is this one.
                _ = changes.changed() => {}
            }
        }
        true
    }

    /// Ends when connections are to be closed.
    pub(crate) async fn lost(&self) {
        let mut changes = self.outage.subscribe();
        while self.now().is_none_or(|state| state.silent) {
            // Its sender is this one.
            let _ = changes.changed().await;
        }
    }

    fn now(&self) -> Option<State> {
        self.outage.borrow().filter(|state| Instant::now() < state.until)
    }
}

const FOR_MAX_MS: u64 = 3_600_000;
