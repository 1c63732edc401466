//! What happened in a session, for whoever answers for its quality.
//!
//! - [`QoeSession`] turns what the engine sees into one record, [`Qoe`], at any moment.
//! - [`Trace`] keeps the last events with their numbers, for finding out why.
//! - [`Outbox`] brings both to the origin in batches, none lost while there is room, none twice.
//!
//! Invariant: no record can hold a URL, token, key or signature: records are made of numbers, enums and texts that
//! stand in the program's source.

#![forbid(unsafe_code)]

mod batch;
mod qoe;
mod session;
mod trace;

pub use batch::Outbox;
pub use qoe::{Exit, Failure, Qoe, SourceKind, SourceUse};
pub use session::QoeSession;
pub use trace::{Trace, TraceEvent};

use crate::time::Timestamp;

/// Whole milliseconds on the host's monotonic clock.
fn millis(at: Timestamp) -> u64 {
    at.as_micros() / 1000
}
