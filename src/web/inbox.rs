//! The way in for whatever happens outside: responses, timers, media events, messages.

use core::fmt;
use std::rc::Rc;

use crate::engine::Input;

/// Takes inputs for a session. Cheap to clone: each callback owns one.
#[derive(Clone)]
pub struct Inbox(Rc<dyn Fn(Input)>);

impl Inbox {
    /// Calls `take` with each input.
    pub fn new(take: impl Fn(Input) + 'static) -> Self {
        Self(Rc::new(take))
    }

    /// Hands one input over.
    pub fn give(&self, input: Input) {
        (self.0)(input);
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}
