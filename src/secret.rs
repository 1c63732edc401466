//! Values that must not leak: tokens, keys, signed URLs.
//!
//! Invariant: nothing in this module shows a secret through `Debug`, `Display` or `Serialize`, and what it
//! owns is overwritten when dropped. The one way out is a method whose name says so.

use core::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

/// A secret of any shape. `Debug` and `Serialize` show `[secret]`; memory is overwritten on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself, to add to it.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// The value itself, for the one place that uses it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T: Zeroize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[secret]")
    }
}

/// A URL that a request is sent to. It may carry a token or a signature in its path, query or user part, so
/// `Debug`, `Display` and `Serialize` show it redacted (see [`redact`]); [`Url::expose`] gives it whole.
///
/// A clone shares the text: a live playlist hands thousands of them from one load to the next.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Url(Arc<str>);

impl Url {
    /// Wraps an absolute or relative URL reference, as text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The URL as it goes on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The URL as it may be shown.
    pub fn redacted(&self) -> String {
        redact(&self.0)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

/// A URL without anything that grants access: the user part, the query's values, the fragment, the body of a
/// `data:` URL and the token of a `voddrm.token.<token>.` file name are taken out.
pub fn redact(url: &str) -> String {
    if url.get(..5).is_some_and(|s| s.eq_ignore_ascii_case("data:")) {
        return "data:…".to_owned();
    }
    let url = url.split('#').next().unwrap_or_default();
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    let mut out = String::with_capacity(url.len());
    // `//host/path` takes its scheme from where it stands; it has a user part all the same.
    let absolute = path.split_once("://").or_else(|| path.strip_prefix("//").map(|rest| ("", rest)));
    match absolute {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            out.push_str(scheme);
            out.push_str(if scheme.is_empty() { "//" } else { "://" });
            out.push_str(authority.rsplit('@').next().unwrap_or_default());
            push_path(&mut out, path);
        }
        None => push_path(&mut out, path),
    }
    if query.is_some_and(|q| !q.is_empty()) {
        out.push_str("?…");
    }
    out
}

/// The file-name prefix behind which Tencent VOD carries a DRM token.
pub(crate) const DRM_TOKEN_PREFIX: &str = "voddrm.token.";

fn push_path(out: &mut String, path: &str) {
    for (i, segment) in path.split('/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        match segment.strip_prefix(DRM_TOKEN_PREFIX) {
            // A token may hold dots (a JWT does), and so may a file name: only the extension is safe to keep.
            Some(rest) => {
                out.push_str(DRM_TOKEN_PREFIX);
                out.push('…');
                if let Some((_, ext)) = rest.rsplit_once('.') {
                    out.push('.');
                    out.push_str(ext);
                }
            }
            None => out.push_str(segment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing() {
        let s = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{s:?}"), "[secret]");
        assert_eq!(serde_json::to_string(&s).unwrap(), "\"[secret]\"");
        assert_eq!(s.expose(), "hunter2");
    }

    #[test]
    fn a_url_shows_where_but_not_by_what_right() {
        for (url, shown) in [
            (
                "https://u:p@cdn.example:8443/a/b.m3u8?expires=1&signature=ff#t=1",
                "https://cdn.example:8443/a/b.m3u8?…",
            ),
            ("http://h/xxx/voddrm.token.A.B.C.v.f1.m3u8?t=1", "http://h/xxx/voddrm.token.….m3u8?…"),
            ("data:text/plain;base64,AAECAw", "data:…"),
            ("seg/1.ts", "seg/1.ts"),
            ("http://h?sig=1", "http://h?…"),
            ("//u:p@h/x?y", "//h/x?…"),
        ] {
            assert_eq!(redact(url), shown);
            assert_eq!(format!("{} {:?}", Url::new(url), Url::new(url)), format!("{shown} {shown}"));
        }
    }
}
