//! # Cloud Player
//!
//! One HLS player core for protected course video, written once and run by several hosts: a web page
//! (through WebAssembly), and a headless native host that plays whole sessions in virtual time.
//!
//! (The architecture and the host-loop contract are documented here as the parts land.)

pub mod abr;
pub mod access;
#[cfg(feature = "cli")]
pub mod cli;
pub mod crypto;
pub mod engine;
pub mod error;
pub mod media;
pub mod playlist;
pub mod secret;
pub mod session;
pub mod telemetry;
pub mod time;

#[cfg(target_arch = "wasm32")]
pub mod web;
