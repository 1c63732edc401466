//! The fields of a JSON object, and readers of their values.
//!
//! By hand, for a derived `Deserialize` of tagged enums is most of a small module. Invariant: a reader answers `None` for a value
//! of another type, and never quotes it.

use serde_json::Value;

use crate::secret::Url;
use crate::time::MediaTime;

/// An object, or anything else: then it has no fields.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Value);

impl<'a> Fields<'a> {
    /// A field that must be there. `None`: it is not, or `read` does not take it.
    pub(super) fn need<T>(&self, name: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        read(self.get(name)?)
    }

    /// A field that may be `null` or absent, which is `Some(None)`.
    pub(super) fn may<T>(&self, name: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<Option<T>> {
        match self.get(name) {
            None => Some(None),
            Some(value) => read(value).map(Some),
        }
    }

    /// A field that nothing depends on: what does not fit is not there.
    pub(super) fn any<T>(&self, name: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        self.get(name).and_then(read)
    }

    /// An object in a field; nothing in it if there is none.
    pub(super) fn inner(&self, name: &str) -> Self {
        Self(self.get(name).unwrap_or(&Value::Null))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

pub(super) fn owned(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// An identifier, which some hold as a number.
pub(super) fn name(value: &Value) -> Option<String> {
    owned(value).or_else(|| value.as_u64().map(|number| number.to_string()))
}

pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

pub(super) fn flag(value: &Value) -> Option<bool> {
    value.as_bool()
}

/// A whole number, rounded down; negative ones are none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
pub(super) fn whole(value: &Value) -> Option<u64> {
    value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64)
}

/// A whole number, rounded down.
#[allow(clippy::cast_possible_truncation)] // `as` saturates
pub(super) fn integer(value: &Value) -> Option<i64> {
    value.as_f64().map(|number| number as i64)
}

/// An index.
pub(super) fn index(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// Seconds.
pub(super) fn time(value: &Value) -> Option<MediaTime> {
    value.as_f64().map(MediaTime::from_secs)
}

pub(super) fn url(value: &Value) -> Option<Url> {
    value.as_str().map(Url::new)
}

/// A list of what `read` takes; anything else in it spoils it.
pub(super) fn list<'a, T>(read: impl Fn(&'a Value) -> Option<T>) -> impl FnOnce(&'a Value) -> Option<Vec<T>> {
    move |value| value.as_array()?.iter().map(read).collect()
}
