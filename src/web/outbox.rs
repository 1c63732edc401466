//! The way out to the page.

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::JsValue;

use super::messages::{self, ToPage};

/// Posts messages to the page.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    post: Function,
}

impl Outbox {
    /// `post(message, transfer)` is the worker's `postMessage`.
    pub(super) fn new(post: Function) -> Self {
        Self { post }
    }

    pub(super) fn post(&self, message: &ToPage) {
        self.post_with(message, &[], &Array::new());
    }

    /// Adds to a sink message's command what only JavaScript can hold, and hands over what `transfer` lists.
    pub(super) fn post_with(&self, message: &ToPage, fields: &[(&str, &JsValue)], transfer: &Array) {
        let message = messages::write(message);
        let command = Reflect::get(&message, &"command".into()).unwrap_or_default();
        for (name, value) in fields {
            // Fails on frozen objects and on what is none.
            let _ = Reflect::set(&command, &(*name).into(), value);
        }
        // Fails when something cannot be cloned: all of these are plain data, or listed for transfer.
        let _ = self.post.call2(&JsValue::UNDEFINED, &message, transfer);
    }
}
