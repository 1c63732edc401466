//! The host for web pages: what the session asks for, done with `fetch`, Media Source Extensions and timers, in a
//! dedicated worker. It decides nothing.
//!
//! `www/worker.js` makes a [`Host`] and hands it the page's messages; [`messages`] is their form. Everything that
//! happens outside comes in through one [`Inbox`], everything for the page leaves through one outbox.

pub mod fetch;
mod host;
mod inbox;
mod js;
mod messages;
pub mod mse;
mod outbox;
mod page_sink;
mod panic;
mod sink;
mod timer;

use wasm_bindgen::prelude::*;

pub use host::Host;
pub use inbox::Inbox;

/// The version of the player.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
