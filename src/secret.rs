//! Values that must not leak: tokens, keys, signed URLs.
//!
//! Invariant: nothing in this module shows a secret through `Debug`, `Display` or `Serialize`, and what it
//! owns is overwritten when dropped. The one way out is a method whose name says so.

use core::fmt;
use std::borrow::Cow;
use std::sync::Arc;

use crate::access::path_token;
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
    pub fn new<'a>(text: impl Into<Cow<'a, str>>) -> Self {
        match text.into() {
            Cow::Borrowed(text) => Self(text.into()),
            Cow::Owned(text) => Self(Zeroizing::new(text).as_str().into()),
        }
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

/// The last clone overwrites the text. (Where two threads drop the last two at one moment, neither may find itself the
/// last; the core has one thread.)
impl Drop for Url {
    fn drop(&mut self) {
        if let Some(text) = Arc::get_mut(&mut self.0) {
            text.zeroize();
        }
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
/// `data:` URL, the token of a `voddrm.token.<token>.` file name and signatures in the path are taken out, and so is
/// what follows a `=` in the path, which may be one of a scheme that is not known.
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
            let (authority, path) = rest.split_at(rest.find(SLASHES).unwrap_or(rest.len()));
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

fn push_path(out: &mut String, mut path: &str) {
    let mut first = true;
    loop {
        let token = path_token(path, first);
        let (segment, rest) = path.split_at(token.or_else(|| path.find(SLASHES)).unwrap_or(path.len()));
        let (shown, hidden) = match segment.strip_prefix(DRM_TOKEN_PREFIX) {
            // A token may hold dots (a JWT does), and so may a file name: only the extension is safe to keep.
            Some(rest) => (DRM_TOKEN_PREFIX, Some(rest.rfind('.').and_then(|dot| rest.get(dot..)))),
            None if token.is_some() || segment.starts_with(JWT_START) => ("", Some(None)),
            None => match segment.find('=') {
                Some(at) => (segment.get(..=at).unwrap_or_default(), Some(None)),
                None => (segment, None),
            },
        };
        out.push_str(shown);
        if let Some(extension) = hidden {
            out.push('…');
            out.push_str(extension.unwrap_or_default());
        }
        let mut rest = rest.chars();
        let Some(slash) = rest.next() else { return };
        out.push(slash);
        path = rest.as_str();
        first &= segment.is_empty();
    }
}

/// `{"` in base64: how a JSON Web Token begins, sound or not.
const JWT_START: &str = "eyJ";

/// Browsers take a backslash for a slash.
const SLASHES: [char; 2] = ['/', '\\'];

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
    fn a_dropped_url_leaves_its_clones_as_they_are() {
        let url = Url::new("http://h/a?sig=1".to_owned());
        drop(url.clone());
        assert_eq!(url.expose(), "http://h/a?sig=1");
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
            ("http://u:p@h\\d\\voddrm.token.A.B.m3u8", "http://h\\d\\voddrm.token.….m3u8"),
            ("http://h/voddrm.token.A", "http://h/voddrm.token.…"),
            ("http://h/eyJhbGciOiJub25lIn0.cut/1.ts", "http://h/…/1.ts"),
            ("http://h/a/session=5ec2e7/1.ts", "http://h/a/session=…/1.ts"),
            (
                "http://h/d41d8cd98f00b204e9800998ecf8427e/1.ts",
                "http://h/d41d8cd98f00b204e9800998ecf8427e/1.ts",
            ),
        ] {
            assert_eq!(redact(url), shown);
            assert_eq!(format!("{} {:?}", Url::new(url), Url::new(url)), format!("{shown} {shown}"));
        }
    }
}
