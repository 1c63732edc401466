//! The origin as its clients see it: a bound server, plain HTTP, and openssl and ffprobe as judges.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "clippy knows tests by their attribute, and the helpers beside them have none"
)]

mod access;
mod admin;
mod delivery;
mod faults;
mod harness;
mod keys;
mod live;
mod packaging;
mod playinfo;
mod program;
mod renew;
mod statics;
mod telemetry;
