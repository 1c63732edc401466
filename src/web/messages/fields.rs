//! The fields of a plain object that came from JavaScript, and readers of their values.
//!
//! By hand, because a derived `Deserialize` of tagged enums is a tenth of all the code that a page downloads.
//! Invariant: a reader answers `None` for a value of another type, and never quotes it.

use js_sys::Reflect;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use wasm_bindgen::JsValue;

/// An object, or anything else: then it has no fields.
pub(super) struct Fields(JsValue);

impl Fields {
    pub(super) fn of(value: JsValue) -> Self {
        Self(value)
    }

    /// A field that must be there. `None`: it is not, or `read` does not take it.
    pub(super) fn need<T>(&self, name: &str, read: impl FnOnce(JsValue) -> Option<T>) -> Option<T> {
        read(self.get(name))
    }

    /// A field that may be `null` or absent, which is `Some(None)`.
    pub(super) fn may<T>(&self, name: &str, read: impl FnOnce(JsValue) -> Option<T>) -> Option<Option<T>> {
        let value = self.get(name);
        if value.is_null() || value.is_undefined() { Some(None) } else { read(value).map(Some) }
    }

    fn get(&self, name: &str) -> JsValue {
        // Refused for what is no object.
        Reflect::get(&self.0, &name.into()).unwrap_or_default()
    }
}

pub(super) fn text(value: JsValue) -> Option<String> {
    value.as_string()
}

/// Any number, also one that is not finite.
pub(super) fn number(value: JsValue) -> Option<f64> {
    value.as_f64()
}

pub(super) fn flag(value: JsValue) -> Option<bool> {
    value.as_bool()
}

/// A whole number from zero on.
pub(super) fn index(value: JsValue) -> Option<usize> {
    let number = value.as_f64()?;
    let index = u32::try_from(whole(number)).ok()?;
    (f64::from(index) == number).then_some(index as usize)
}

/// One of a fixed set of names.
pub(super) fn named<T: DeserializeOwned>(value: JsValue) -> Option<T> {
    let name = value.as_string()?;
    let name: StrDeserializer<'_, Error> = name.as_str().into_deserializer();
    T::deserialize(name).ok()
}

/// A number as a count: not-a-number and negative ones become zero.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
pub(super) fn whole(number: f64) -> u64 {
    number as u64
}
