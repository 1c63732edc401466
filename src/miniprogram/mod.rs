//! The host of a mini-program's video component: JSON texts in, JSON texts out.
//!
//! `www/miniprogram/components/cloud-player-video/messages.d.ts` has their form, `core.js` beside it the other end. With the
//! feature `miniprogram` the wasm32 build exports [`Players`] as functions of numbers, which need nothing of the host: mini-programs have
//! neither the classes that wasm-bindgen's glue is made of nor the engines for what it compiles to.
//!
//! Invariant: no text from a message gets into an error, because a malformed message may hold a token where a number should be.

#[cfg(all(target_arch = "wasm32", feature = "miniprogram"))]
pub mod exports;
mod fields;
mod from_host;
mod headers;
mod players;
mod to_host;

pub use players::Players;
