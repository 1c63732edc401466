//! URI references to URLs (RFC 3986 §5), and delivery directives on playlist URLs (RFC 8216bis §6.2.5).
//!
//! Every text resolves to something: what a general URI parser would refuse (blanks, `|`, letters outside
//! ASCII) is found in the wild and must not lose a segment. Bytes that no HTTP request line may carry are
//! percent-encoded; apart from them and from dot segments, a reference is not touched, so signatures hold.

use std::borrow::Cow;

use crate::secret::Url;

/// The URL that a reference in the resource at `base` means. With an empty base, or one that nothing can be
/// relative to (`data:`), the reference comes back as written.
pub fn resolve(base: &Url, reference: &str) -> Url {
    let mut out = String::new();
    Resolver::new(base).resolve(reference, &mut out);
    Url::new(out)
}

/// Delivery directives: what a client asks of the server that makes the playlist (RFC 8216bis §6.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `_HLS_msn`: answer when the playlist holds this media sequence number.
    pub msn: Option<u64>,
    /// `_HLS_part`: and this part of it.
    pub part: Option<u32>,
    /// `_HLS_skip`: answer with a delta update.
    pub skip: Option<Skip>,
}

/// What a delta update may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// `YES`: segments older than the skip boundary.
    Segments,
    /// `v2`: also date ranges.
    SegmentsAndDateRanges,
}

impl Directives {
    /// The URL that asks for this. Directives it already had are replaced; the rest of a query, signed or
    /// not, stays as it is.
    pub fn apply(&self, url: &Url) -> Url {
        let (url, fragment) = match url.expose().split_once('#') {
            Some((url, fragment)) => (url, Some(fragment)),
            None => (url.expose(), None),
        };
        let (path, query) = match url.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (url, None),
        };
        let mut out = path.to_owned();
        let mut separator = '?';
        let mut push = |parameter: &str| {
            out.push(separator);
            out.push_str(parameter);
            separator = '&';
        };
        query.into_iter().flat_map(|q| q.split('&')).filter(|p| !is_directive(p)).for_each(&mut push);
        // In the order of their names, as caches like it.
        if let Some(msn) = self.msn {
            push(&format!("{MSN}={msn}"));
        }
        if let Some(part) = self.part {
            push(&format!("{PART}={part}"));
        }
        if let Some(skip) = self.skip {
            let version = match skip {
                Skip::Segments => "YES",
                Skip::SegmentsAndDateRanges => "v2",
            };
            push(&format!("{SKIP}={version}"));
        }
        if let Some(fragment) = fragment {
            out.push('#');
            out.push_str(fragment);
        }
        Url::new(out)
    }
}

const MSN: &str = "_HLS_msn";
const PART: &str = "_HLS_part";
const SKIP: &str = "_HLS_skip";

fn is_directive(parameter: &str) -> bool {
    [MSN, PART, SKIP].contains(&parameter.split('=').next().unwrap_or_default())
}

/// A base URL taken apart once, for the many references of a playlist.
pub(super) struct Resolver<'a> {
    base: Components<'a>,
    /// Everything up to and with the last slash of the path: what a plain relative reference is put behind.
    /// `None` when references cannot be joined so.
    directory: Option<&'a str>,
    as_written: bool,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(base: &'a Url) -> Self {
        let text = base.expose();
        let base = Components::of(text);
        // A path without a root in a URL with a scheme is opaque: `data:`, `blob:`.
        let opaque = base.scheme.is_some() && base.authority.is_none() && !base.path.starts_with('/');
        let head = text.split(['?', '#']).next().unwrap_or_default();
        let slash = head.len() - base.path.len() + base.path.rfind('/').map_or(0, |at| at + 1);
        let plain = !base.path.is_empty() && !has_dots(base.path);
        let directory = head.get(..slash).filter(|_| plain && !needs_encoding(head));
        Self { base, directory, as_written: text.is_empty() || opaque }
    }

    /// The query of the base, as written.
    pub(super) fn query(&self) -> Option<&'a str> {
        self.base.query
    }

    /// Puts what the reference means in place of what is in `out`, which one playlist uses again and again.
    pub(super) fn resolve(&self, reference: &str, out: &mut String) {
        out.clear();
        if self.as_written {
            return out.push_str(reference);
        }
        match self.directory {
            Some(directory) if is_plain(reference) => {
                out.push_str(directory);
                out.push_str(reference);
            }
            _ => self.transform(reference, out),
        }
        if needs_encoding(reference) || self.directory.is_none() {
            encode(out);
        }
    }

    /// RFC 3986 §5.2.2.
    fn transform(&self, reference: &str, out: &mut String) {
        let r = Components::of(reference);
        let base = &self.base;
        let mut compose = |scheme, authority, path: &str, query| {
            compose(out, [scheme, authority, Some(path), query, r.fragment]);
        };
        if r.scheme.is_some() {
            // Without an authority it is not for us to say what the dots mean.
            let path = if r.authority.is_some() { without_dots(r.path) } else { r.path.into() };
            return compose(r.scheme, r.authority, &path, r.query);
        }
        if r.authority.is_some() {
            return compose(base.scheme, r.authority, &without_dots(r.path), r.query);
        }
        let (path, query) = if r.path.is_empty() {
            (base.path.into(), r.query.or(base.query))
        } else if r.path.starts_with('/') {
            (without_dots(r.path), r.query)
        } else if base.authority.is_some() && base.path.is_empty() {
            (without_dots(&format!("/{}", r.path)).into_owned().into(), r.query)
        } else {
            let (directory, _) = base.path.split_at(base.path.rfind('/').map_or(0, |at| at + 1));
            (without_dots(&format!("{directory}{}", r.path)).into_owned().into(), r.query)
        };
        compose(base.scheme, base.authority, &path, query);
    }
}

/// A reference taken apart (RFC 3986 appendix B).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Components<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Components<'a> {
    fn of(text: &'a str) -> Self {
        let (text, fragment) = match text.split_once('#') {
            Some((text, fragment)) => (text, Some(fragment)),
            None => (text, None),
        };
        let (text, query) = match text.split_once('?') {
            Some((text, query)) => (text, Some(query)),
            None => (text, None),
        };
        let (scheme, text) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (authority, path) = match text.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, text),
        };
        Self { scheme, authority, path, query, fragment }
    }
}

/// Scheme, authority, path, query and fragment as one text (RFC 3986 §5.3).
fn compose(out: &mut String, parts: [Option<&str>; 5]) {
    let marks = [("", ":"), ("//", ""), ("", ""), ("?", ""), ("#", "")];
    for (part, (before, after)) in parts.into_iter().zip(marks) {
        if let Some(part) = part {
            out.push_str(before);
            out.push_str(part);
            out.push_str(after);
        }
    }
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> Cow<'_, str> {
    if !has_dots(path) {
        return Cow::Borrowed(path);
    }
    let (root, relative) = match path.strip_prefix('/') {
        Some(relative) => ("/", relative),
        None => ("", path),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = relative.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    out.push_str(root);
    for (i, segment) in kept.iter().enumerate() {
        if i > 0 {
            out.push('/');
        }
        out.push_str(segment);
    }
    Cow::Owned(out)
}

fn has_dots(path: &str) -> bool {
    path.starts_with('.') || path.as_bytes().windows(2).any(|pair| pair == b"/.")
}

/// Whether a reference only has to be put behind a directory.
fn is_plain(reference: &str) -> bool {
    // The path stands behind a slash: a slash or a dot there has a meaning of its own.
    let mut before = b'/';
    for b in reference.bytes() {
        match b {
            b'?' | b'#' => break,
            b':' => return false,
            b'.' if before == b'/' => return false,
            _ => before = b,
        }
    }
    !reference.is_empty() && !reference.starts_with(['/', '?', '#'])
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn needs_encoding(url: &str) -> bool {
    // All of it in any case: a loop without a way out is done sixteen bytes at a time.
    url.bytes().fold(false, |found, b| found | !is_sendable(b))
}

fn is_sendable(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>')
}

/// Percent-encodes what no request line may carry.
fn encode(url: &mut String) {
    let is_data = url.get(..5).is_some_and(|s| s.eq_ignore_ascii_case("data:"));
    if is_data || !needs_encoding(url) {
        return;
    }
    let mut out = String::with_capacity(url.len() + 16);
    for b in url.bytes() {
        if is_sendable(b) {
            out.push(char::from(b));
        } else {
            let digit = |n: u8| char::from(if n < 10 { b'0' + n } else { b'A' - 10 + n });
            out.push('%');
            out.push(digit(b >> 4));
            out.push(digit(b & 15));
        }
    }
    *url = out;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: &str, reference: &str) -> String {
        resolve(&Url::new(base), reference).expose().to_owned()
    }

    #[test]
    fn the_examples_of_rfc_3986() {
        for (reference, want) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g#s/./x", "http://a/b/c/g#s/./x"),
            ("g#s/../x", "http://a/b/c/g#s/../x"),
            ("http:g", "http:g"),
        ] {
            assert_eq!(at("http://a/b/c/d;p?q", reference), want, "{reference}");
        }
    }

    #[test]
    fn references_and_bases_of_the_wild() {
        for (base, reference, want) in [
            ("", "a b.ts", "a b.ts"),
            ("http://h", "a.ts", "http://h/a.ts"),
            ("http://h?x=/y", "a.ts", "http://h/a.ts"),
            ("http://h/p.m3u8?sig=a/b", "s.ts?k=1&k=%2F", "http://h/s.ts?k=1&k=%2F"),
            ("http://h/d/p.m3u8", "s|1.ts", "http://h/d/s|1.ts"),
            ("http://h/d/p.m3u8", "第1课 a.ts", "http://h/d/%E7%AC%AC1%E8%AF%BE%20a.ts"),
            ("http://h/第/p.m3u8", "s.ts", "http://h/%E7%AC%AC/s.ts"),
            ("http://h/d/p.m3u8", "2020-01-01T10:00:00.ts", "http://h/d/2020-01-01T10:00:00.ts"),
            ("http://h/d/p.m3u8", "data:text/plain;base64,A A", "data:text/plain;base64,A A"),
            ("http://h/d/p.m3u8", "skd://key id", "skd://key%20id"),
            ("http://h/d/p.m3u8", "https://o/x/../y.ts", "https://o/y.ts"),
            ("http://h/a/../d/p.m3u8", "s.ts", "http://h/d/s.ts"),
            ("data:application/x,#EXTM3U", "s.ts", "s.ts"),
            ("blob:http://h/uuid", "s.ts", "s.ts"),
            ("videos/p.m3u8", "s.ts", "videos/s.ts"),
            ("/videos/p.m3u8", "../s.ts", "/s.ts"),
            ("//h/p.m3u8", "s.ts", "//h/s.ts"),
        ] {
            assert_eq!(at(base, reference), want, "{base} {reference}");
        }
    }

    #[test]
    fn directives_leave_the_rest_of_a_url_alone() {
        let all = Directives { msn: Some(7), part: Some(0), skip: Some(Skip::SegmentsAndDateRanges) };
        for (url, want) in [
            ("http://h/p.m3u8", "http://h/p.m3u8?_HLS_msn=7&_HLS_part=0&_HLS_skip=v2"),
            (
                "http://h/p.m3u8?sig=a%2Fb==&&e",
                "http://h/p.m3u8?sig=a%2Fb==&&e&_HLS_msn=7&_HLS_part=0&_HLS_skip=v2",
            ),
            (
                "http://h/p?_HLS_msn=6&a=1&_HLS_part=3#f",
                "http://h/p?a=1&_HLS_msn=7&_HLS_part=0&_HLS_skip=v2#f",
            ),
        ] {
            assert_eq!(all.apply(&Url::new(url)).expose(), want);
        }
        assert_eq!(Directives::default().apply(&Url::new("http://h/p?a#f")).expose(), "http://h/p?a#f");
        let skip = Directives { skip: Some(Skip::Segments), ..Directives::default() };
        assert_eq!(skip.apply(&Url::new("p")).expose(), "p?_HLS_skip=YES");
    }
}
