//! The session's one wake-up, as one browser timeout that each new wish replaces.

use wasm_bindgen::prelude::*;

use super::inbox::Inbox;
use super::js;
use crate::engine::Input;
use crate::time::Timestamp;

/// At most one timeout is pending.
#[derive(Debug)]
pub(super) struct Timer {
    callback: Closure<dyn FnMut()>,
    pending: Option<Pending>,
}

impl Timer {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { callback: Closure::new(move || inbox.give(Input::Wake)), pending: None }
    }

    /// Wakes the session at `at`; `None`: not at all.
    pub(super) fn set(&mut self, now: Timestamp, at: Option<Timestamp>) {
        if at.is_some() && self.pending.as_ref().map(|pending| pending.at) == at {
            return;
        }
        if let Some(pending) = self.pending.take() {
            js::clear_timeout(&pending.timer);
        }
        self.pending = at.map(|at| {
            let millis = (at.since(now).as_secs_f64() * 1000.0).ceil().min(MAX_DELAY_MS);
            Pending { at, timer: js::set_timeout(self.callback.as_ref().unchecked_ref(), millis) }
        });
    }

    /// To be called when the timeout's input is taken: a wish for the same time must then be set anew.
    pub(super) fn fired(&mut self) {
        self.pending = None;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(pending) = self.pending.take() {
            js::clear_timeout(&pending.timer);
        }
    }
}

#[derive(Debug)]
struct Pending {
    at: Timestamp,
    timer: JsValue,
}

/// Longest delay that `setTimeout` takes (a signed 32-bit number). Waking early does no harm.
const MAX_DELAY_MS: f64 = 2_147_483_647.0;
