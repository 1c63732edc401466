//! The few browser functions that the host calls by name, alike on the page and in a worker.
//!
//! Invariant: nothing here keeps state.

use wasm_bindgen::prelude::*;

use crate::secret::Secret;
use crate::time::{MediaTime, Timestamp};

/// Now, on the monotonic clock of this worker or page.
pub(super) fn now() -> Timestamp {
    let micros = performance_now() * 1000.0;
    // `as` saturates: a clock that is not a number reads zero.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Timestamp::from_micros(micros as u64)
}

/// Unix time in milliseconds at `Timestamp::ZERO`.
pub(super) fn wall_clock_at_zero() -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let at_zero = (js_sys::Date::now() - performance_now()).round() as i64;
    at_zero
}

/// Whether the browser believes it has a network. Unknown counts as yes.
pub(super) fn online() -> bool {
    let global = js_sys::global();
    let navigator = js_sys::Reflect::get(&global, &"navigator".into()).unwrap_or_default();
    let on_line = js_sys::Reflect::get(&navigator, &"onLine".into()).unwrap_or_default();
    on_line.as_bool().unwrap_or(true)
}

/// An exception's `name`, such as `QuotaExceededError`.
pub(super) fn error_name(error: &JsValue) -> String {
    text_property(error, "name")
}

/// An exception's name and message, without any URL in it, cut to a readable length.
pub(super) fn describe_error(error: &JsValue) -> String {
    join_detail(&error_name(error), &text_property(error, "message"))
}

/// `name: message`, with words that look like a URL left out. The browser writes these texts, but what a
/// browser may one day put into them is not ours to decide.
pub(super) fn join_detail(name: &str, message: &str) -> String {
    let mut out = name.to_owned();
    if !name.is_empty() && !message.is_empty() {
        out.push(':');
    }
    for word in message.split_whitespace() {
        if out.len() + word.len() > MAX_DETAIL {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if word.contains("://") || word.contains("data:") { "[url]" } else { word });
    }
    out
}

/// Bytes of the browser's cryptographic generator; `None` if it has none.
pub(super) fn random<const N: usize>() -> Option<Secret<[u8; N]>> {
    let mut bytes = Secret::new([0; N]);
    get_random_values(bytes.expose_mut()).ok()?;
    Some(bytes)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    /// The browser's `setTimeout`.
    #[wasm_bindgen(js_name = setTimeout)]
    pub(super) fn set_timeout(callback: &js_sys::Function, delay_ms: f64) -> JsValue;

    /// The browser's `clearTimeout`.
    #[wasm_bindgen(js_name = clearTimeout)]
    pub(super) fn clear_timeout(timer: &JsValue);

    /// The browser's `fetch`.
    #[wasm_bindgen(js_name = fetch)]
    pub(super) fn fetch(url: &str, init: &web_sys::RequestInit) -> js_sys::Promise;
}

fn text_property(of: &JsValue, name: &str) -> String {
    js_sys::Reflect::get(of, &name.into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

/// Longest developer text that is handed on, in bytes.
const MAX_DETAIL: usize = 300;

/// A presentation's duration in seconds, infinite for one that has no end yet.
pub(super) fn duration(duration: MediaTime) -> f64 {
    if duration == MediaTime::MAX { f64::INFINITY } else { duration.as_secs() }
}
