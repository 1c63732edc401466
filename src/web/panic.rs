//! A panic reaches the page as a fatal error event. The core has no panic by design; this is for the day it does.
//!
//! Invariant: only the place in the source is told, never the panic's text, which may quote the data.

use core::cell::RefCell;
use std::sync::Once;

use super::messages::{HostError, ToPage};
use super::outbox::Outbox;

/// From now on panics are posted here.
pub(super) fn report_to(outbox: Outbox) {
    OUTBOX.with_borrow_mut(|slot| *slot = Some(outbox));
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map_or_else(String::new, |at| {
                // The path up to `src` is that of the machine that built this.
                let file = at.file().rsplit_once("src/").map_or(at.file(), |(_, file)| file);
                format!(" at {file}:{}", at.line())
            });
            OUTBOX.with_borrow(|outbox| {
                if let Some(outbox) = outbox {
                    outbox.post(&ToPage::HostError(HostError::internal(format!("the player broke{place}"))));
                }
            });
        }));
    });
}

thread_local! {
    static OUTBOX: RefCell<Option<Outbox>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();
