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

use crate::access;
use crate::media::InitSection;
use crate::secret::Url;

pub use host::Host;
pub use inbox::Inbox;

/// The version of the player.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// An init section of AAC sound, for which no sound comes: a browser that is given it sets up what plays sound.
#[wasm_bindgen(js_name = soundInit)]
pub fn sound_init() -> Vec<u8> {
    InitSection::of_no_sound().data
}

/// Puts a DRM token before the file name of an HLS address: `…/v.m3u8?t=1` becomes `…/voddrm.token.<token>.v.m3u8?t=1`.
/// An address that has a token already, or cannot carry one, comes back as it is.
#[wasm_bindgen(js_name = formatUrlWithToken)]
pub fn format_url_with_token(url: String, token: &str) -> String {
    access::format_url_with_token(&Url::new(url), token).expose().to_owned()
}
