//! A URL taken apart and put together again as text (RFC 3986 §3).
//!
//! Invariant: the parts of a URL, joined, are the URL, byte for byte. Nothing is decoded, normalised or judged.

use crate::secret::Url;

/// The parts of a hierarchical URL or reference. Has no `Debug`: a part may be a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// `https://host:443`, `//host`, or nothing.
    pub(crate) origin: &'a str,
    /// The path up to and with its last slash.
    pub(crate) directory: &'a str,
    /// What follows the last slash of the path.
    pub(crate) file_name: &'a str,
    /// What follows `?`, without it.
    pub(crate) query: Option<&'a str>,
    /// What follows `#`, without it.
    pub(crate) fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Takes a URL apart. `None` for one without hierarchy (`data:`, `blob:`), which carries no token or signature.
    pub(crate) fn of(url: &'a str) -> Option<Self> {
        let (rest, fragment) = cut(url, '#');
        let (rest, query) = cut(rest, '?');
        let scheme_end = scheme_length(rest);
        let after_scheme = rest.get(scheme_end..)?;
        let authority_start = match after_scheme.strip_prefix("//") {
            Some(_) => Some(scheme_end + 2),
            None if scheme_end > 0 => return None,
            None => None,
        };
        // Browsers take a backslash for a slash.
        let origin_end = authority_start.map_or(0, |start| {
            rest.get(start..).and_then(|r| r.find(['/', '\\'])).map_or(rest.len(), |i| start + i)
        });
        let (origin, path) = rest.split_at_checked(origin_end)?;
        let (directory, file_name) = path.split_at_checked(path.rfind(['/', '\\']).map_or(0, |i| i + 1))?;
        Some(Self { origin, directory, file_name, query, fragment })
    }

    /// The URL of these parts.
    pub(crate) fn join(&self) -> String {
        let mut url = [self.origin, self.directory, self.file_name].concat();
        for (mark, part) in [('?', self.query), ('#', self.fragment)] {
            if let Some(part) = part {
                url.push(mark);
                url.push_str(part);
            }
        }
        url
    }

    /// The query's parameters, in order. A stray `&` gives none.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        self.query.unwrap_or_default().split('&').filter(|p| !p.is_empty()).map(Parameter::of)
    }

    /// The first parameter of this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<Parameter<'a>> {
        self.parameters().find(|p| p.name == name)
    }

    /// Scheme, host and port, in a form that compares; `None` for a reference without them.
    pub(crate) fn web_origin(&self) -> Option<(String, String)> {
        let (scheme, authority) = self.origin.split_once("//")?;
        let scheme = scheme.strip_suffix(':')?.to_ascii_lowercase();
        let host = authority.rsplit('@').next()?.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => "",
        };
        let host = host.strip_suffix(default_port).unwrap_or(&host).to_owned();
        (!host.is_empty()).then_some((scheme, host))
    }

    /// Whether both are of one scheme, host and port.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        self.web_origin().is_some_and(|origin| other.web_origin() == Some(origin))
    }

    /// Whether this lies in `directory` or below, whatever a browser makes of dot segments.
    pub(crate) fn lies_below(&self, directory: &str) -> bool {
        !directory.is_empty()
            && self
                .directory
                .strip_prefix(directory)
                .is_some_and(|below| !has_dot_segments(below) && !is_dot_segment(self.file_name))
    }
}

/// Whether two URLs are of one scheme, host and port.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    match (Parts::of(a.expose()), Parts::of(b.expose())) {
        (Some(a), Some(b)) => a.same_origin(&b),
        _ => false,
    }
}

/// A parameter of a query, `name=value` or a bare name, encoded as it stands in the URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameter<'a> {
    /// All of it.
    pub(crate) text: &'a str,
    /// What stands before the first `=`.
    pub(crate) name: &'a str,
    /// What follows it.
    pub(crate) value: &'a str,
}

impl<'a> Parameter<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Self { text, name, value }
    }

    /// A path segment that is all value.
    pub(crate) fn bare(text: &'a str) -> Self {
        Self { text, name: "", value: text }
    }
}

/// Adds text to a query; none if there is nothing to add.
pub(crate) fn extended(query: Option<&str>, addition: &str) -> String {
    match query {
        None | Some("") => addition.to_owned(),
        Some(query) if query.ends_with('&') => [query, addition].concat(),
        Some(query) => [query, "&", addition].concat(),
    }
}

/// `text` as a value of a query parameter: all but unreserved characters percent-encoded (RFC 3986 §2.3).
pub(crate) fn encode_query_value(text: &str) -> String {
    encode(text, is_unreserved)
}

/// `text` as part of a path segment: what may stand there (RFC 3986 §3.3, `pchar`) stays.
pub(crate) fn encode_path_segment(text: &str) -> String {
    encode(text, |b| is_unreserved(b) || b"!$&'()*+,;=:@".contains(&b))
}

fn encode(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(u32::from(nibble), 16).map(|c| c.to_ascii_uppercase()));
            }
        }
    }
    out
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Whether a path has segments that a browser resolves away.
pub(crate) fn has_dot_segments(path: &str) -> bool {
    path.split(['/', '\\']).any(is_dot_segment)
}

fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Length of `scheme:` at the start, or 0.
fn scheme_length(url: &str) -> usize {
    match url.split_once(':') {
        Some((scheme, _))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) =>
        {
            scheme.len() + 1
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_comes_apart_where_it_should() {
        let p = Parts::of("https://u@h:8443/a/b/c.m3u8?x=/1?&y#z?/#").unwrap();
        assert_eq!((p.origin, p.directory, p.file_name), ("https://u@h:8443", "/a/b/", "c.m3u8"));
        assert_eq!((p.query, p.fragment), (Some("x=/1?&y"), Some("z?/#")));
        let p = Parts::of("a/b").unwrap();
        assert_eq!((p.origin, p.directory, p.file_name, p.query), ("", "a/", "b", None));
        let p = Parts::of("http://h?q").unwrap();
        assert_eq!((p.origin, p.directory, p.file_name, p.query), ("http://h", "", "", Some("q")));
        let p = Parts::of("http://h\\a\\b?c\\d").unwrap();
        assert_eq!((p.origin, p.directory, p.file_name, p.query), ("http://h", "\\a\\", "b", Some("c\\d")));
        assert!(Parts::of("data:text/plain;base64,AAEC//8=").is_none());
    }

    proptest! {
        #[test]
        fn parts_join_to_what_they_came_from(url in "(https?://|//|/|)[a-z.:@/\\\\?#&=%é ]{0,40}") {
            if let Some(parts) = Parts::of(&url) {
                prop_assert_eq!(parts.join(), url);
            }
        }
    }

    #[test]
    fn origins_compare_as_browsers_compare_them() {
        let same = |a, b| Parts::of(a).unwrap().same_origin(&Parts::of(b).unwrap());
        assert!(same("https://H.example/a", "HTTPS://x:y@h.example:443/b"));
        assert!(!same("https://h/a", "http://h/a"));
        assert!(!same("https://h/a", "https://h:444/a"));
        assert!(!same("https://h/a", "https://h@evil/a"));
        assert!(!same("https://h/a", "https://evil\\@h/a"), "a backslash ends the authority");
        assert!(!same("/a", "/b"), "no origin is not an origin");
    }

    #[test]
    fn below_means_below_after_dot_segments_too() {
        let below = |url, directory| Parts::of(url).unwrap().lies_below(directory);
        assert!(below("http://h/a/b/c", "/a/"));
        assert!(!below("http://h/ab/c", "/a/"));
        for url in ["http://h/a/../c", "http://h/a/%2e%2E/c", "http://h/a/b/.%2e\\..\\c", "http://h/a/..\\c"]
        {
            assert!(!below(url, "/a/"), "{url}");
        }
    }
}
