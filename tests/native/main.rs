//! Behaviour of the core, natively: one binary, one module a subject.

// A test's helpers may fail as loudly as the test itself; clippy exempts only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(feature = "cli")]
mod abr;
mod access;
mod adverse;
mod asleep;
mod beside;
mod choice;
mod crypto;
mod damaged;
mod ends;
mod handoff;
mod keys;
mod limits;
mod live;
mod lying;
mod media;
mod origins;
mod play;
mod play_info;
mod playlist;
mod recovery;
mod renditions;
mod renewals;
mod retries;
mod sample;
mod secrets;
mod service;
mod setup;
mod silence;
mod takeover;
mod text;
mod trouble;
mod world;
