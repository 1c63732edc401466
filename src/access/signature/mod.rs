//! Signed URLs: what in them is signature, when it expires, and which other URLs it also opens.
//!
//! Everything that is known about a scheme is its row in [`SCHEMES`]; a parameter that no row names (`start`, `end`)
//! belongs to a segment's identity and is never touched. A signature goes on to another URL only where its scheme
//! says that it holds there.

mod expiry;
mod schemes;
#[cfg(test)]
mod tests;

use core::ops::Range;

use crate::secret::{DRM_TOKEN_PREFIX, Url};

use super::url_parts::{Parameter, Parts, extended, has_dot_segments};
use expiry::{decoded, matches};
use schemes::{Covers, Place, SCHEMES, Scheme};

/// What a URL says of its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The scheme's name, as in the table of `docs/access.md`.
    pub scheme: &'static str,
    /// When it was made or becomes valid, in Unix seconds. Where the scheme has no expiry, the server adds a life that
    /// only it knows, so the signature holds until then at least.
    pub issued: Option<i64>,
    /// When it expires, in Unix seconds.
    pub expires: Option<i64>,
}

/// The signature on a URL; the one that expires first, should there be several.
pub fn signature_of(url: &Url) -> Option<Signed> {
    let signed = SignedUrl::of(url.expose())?.signatures.into_iter().map(|s| {
        let times = (s.scheme.times)(&s.parameters);
        Signed { scheme: s.scheme.name, issued: times.issued, expires: times.expires }
    });
    signed.min_by_key(|s| s.expires.unwrap_or(i64::MAX))
}

/// Whether a URL carries a signature over itself (not only a token, which opens more than that) that `other` does not carry.
pub(super) fn is_signed_apart(url: &Url, other: &Url) -> bool {
    let signatures = |url| SignedUrl::of(Url::expose(url)).map_or(Vec::new(), |url| url.signatures);
    let others = signatures(other);
    let is_own = |s: &Signature<'_>| s.scheme.signs_the_url() && !others.iter().any(|o| s.is_same(o));
    signatures(url).iter().any(is_own)
}

/// When the signature on a URL expires, in seconds since 1970; the earliest, should there be several. `None` if
/// there is none, or none that says so.
pub fn expiry(url: &Url) -> Option<i64> {
    signature_of(url)?.expires
}

/// Hands the signature of a playlist URL on to a URL found in it.
///
/// The child gets the parent's signature, as it stands, if it carries no signature of its own and lies on the same
/// scheme, host and port where the parent's holds. Otherwise it comes back as it is. Both are absolute URLs.
pub fn inherit(parent: &Url, child: &Url) -> Url {
    let (Some(from), Some(to)) = (SignedUrl::of(parent.expose()), SignedUrl::of(child.expose())) else {
        return child.clone();
    };
    if to.signatures.iter().any(|s| s.scheme.signs_the_url()) {
        return child.clone();
    }
    let (mut directory, mut query) = (to.parts.directory.to_owned(), to.parts.query.map(str::to_owned));
    for signature in from.signatures.iter().filter(|s| s.scheme.propagated) {
        let unknown = matches!(signature.scheme.covers, Covers::Unknown);
        if !from.covers(signature, &to) || (unknown && !to.lies_below(&from)) {
            continue;
        }
        match &signature.segments {
            Some(at) => directory = with_segment(&directory, from.parts.directory, at),
            None if signature.parameters.iter().any(|p| to.parts.parameter(p.name).is_some()) => {}
            None => {
                for parameter in &signature.parameters {
                    query = Some(extended(query.as_deref(), parameter.text));
                }
            }
        }
    }
    Url::new(Parts { directory: &directory, query: query.as_deref(), ..to.parts }.join())
}

/// Puts a renewed signature in the place of the one it renews.
///
/// If `url` carries the signature that `former` carries, value for value, and `renewed` has one of the same scheme
/// that opens `url`, that one takes its place; all else in `url` stays, byte for byte. Otherwise `url` comes back as
/// it is.
pub fn resigned(url: &Url, former: &Url, renewed: &Url) -> Url {
    let signed = |url| SignedUrl::of(Url::expose(url));
    let (Some(on), Some(former), Some(renewed)) = (signed(url), signed(former), signed(renewed)) else {
        return url.clone();
    };
    let (mut directory, mut query) = (on.parts.directory.to_owned(), on.parts.query.map(str::to_owned));
    // From the last to the first, so that what is still to be replaced stays where it was found.
    for old in on.signatures.iter().rev().filter(|s| former.signatures.iter().any(|f| f.is_same(s))) {
        let new = renewed.signatures.iter().find(|new| {
            new.scheme.name == old.scheme.name
                && new.segments.is_some() == old.segments.is_some()
                && renewed.covers(new, &on)
        });
        match (new, &old.segments) {
            (Some(new), Some(at)) => {
                directory.replace_range(at.clone(), new.text_in(renewed.parts.directory))
            }
            (Some(new), None) => query = query.map(|q| replaced(&q, &old.parameters, &new.parameters)),
            (None, _) => {}
        }
    }
    Url::new(Parts { directory: &directory, query: query.as_deref(), ..on.parts }.join())
}

/// The length of the token that `path` begins with, one segment or two; `first` if the path begins here.
pub(crate) fn path_token(path: &str, first: bool) -> Option<usize> {
    token_at(path, first).map(|(_, _, length)| length)
}

/// A URL and the signatures on it.
pub(super) struct SignedUrl<'a> {
    pub(super) parts: Parts<'a>,
    /// Those in the query, then those in the path in its order.
    signatures: Vec<Signature<'a>>,
}

struct Signature<'a> {
    scheme: &'static Scheme,
    parameters: Vec<Parameter<'a>>,
    /// Where in the URL's directory it stands, if it stands there.
    segments: Option<Range<usize>>,
}

impl<'a> SignedUrl<'a> {
    /// Takes a URL apart; `None` as with [`Parts::of`].
    pub(super) fn of(url: &'a str) -> Option<Self> {
        let parts = Parts::of(url)?;
        let (mut signatures, mut free) = (Vec::new(), parts.parameters().collect::<Vec<_>>());
        for scheme in SCHEMES.iter().filter(|s| s.place != Place::Segments) {
            if let Some(parameters) = scheme.find(&free) {
                free.retain(|p| !parameters.contains(p));
                signatures.push(Signature { scheme, parameters, segments: None });
            }
        }
        let (mut at, mut first) = (0, true);
        while let Some(rest) = parts.directory.get(at..).filter(|rest| !rest.is_empty()) {
            let token = token_at(rest, first);
            let length = match &token {
                Some((_, _, length)) => *length,
                None => rest.find(SLASHES).unwrap_or(rest.len()),
            };
            if let Some((scheme, parameters, length)) = token {
                signatures.push(Signature { scheme, parameters, segments: Some(at..at + length) });
            }
            first &= length == 0;
            at += length + 1;
        }
        Some(Self { parts, signatures })
    }

    /// The directory without tokens.
    pub(super) fn bare_directory(&self) -> String {
        let mut directory = self.parts.directory.to_owned();
        for at in self.signatures.iter().rev().filter_map(|s| s.segments.clone()) {
            directory = with(&directory, &(at.start..at.end + 1), "");
        }
        directory
    }

    /// The parameters that belong to no signature.
    pub(super) fn own_parameters(&self) -> impl Iterator<Item = Parameter<'a>> {
        let in_query = |s: &&Signature<'_>| s.segments.is_none();
        self.parts
            .parameters()
            .filter(move |p| !self.signatures.iter().filter(in_query).any(|s| s.parameters.contains(p)))
    }

    /// What the signatures say of which resource is meant, beside the parameter that says it.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (Parameter<'a>, String)> {
        let all = self.signatures.iter().flat_map(|s| s.parameters.iter().map(move |p| (s.scheme, *p)));
        all.filter_map(|(scheme, p)| Some((p, schemes::subject(scheme, &p)?)))
    }

    /// Whether `signature`, which is on this URL, opens `other`.
    fn covers(&self, signature: &Signature<'_>, other: &SignedUrl<'_>) -> bool {
        let path = |of: &SignedUrl<'_>| of.bare_directory() + of.parts.file_name;
        self.parts.same_origin(&other.parts)
            && match signature.scheme.covers {
                Covers::Unknown => true,
                Covers::Path => self.is_same_path(other),
                Covers::Directory => other.lies_below(self),
                Covers::Paths(patterns) => match patterns(&signature.parameters) {
                    Some(patterns) => {
                        let path = decoded(&path(other));
                        !has_dot_segments(&path) && patterns.iter().any(|p| matches(p, &path))
                    }
                    None => self.is_same_path(other),
                },
                Covers::Resource(pattern) => pattern(&signature.parameters).is_some_and(|pattern| {
                    let query: Vec<_> = other.own_parameters().map(|p| p.text).collect();
                    let (scheme, host) = other.parts.web_origin().unwrap_or_default();
                    let mut url = scheme + "://" + &host + &path(other);
                    if !query.is_empty() {
                        url = url + "?" + &query.join("&");
                    }
                    !has_dot_segments(&decoded(&path(other))) && matches(&pattern, &url)
                }),
            }
    }

    /// Whether both name one file; `other` may have been given a token in its name since.
    fn is_same_path(&self, other: &SignedUrl<'_>) -> bool {
        let (name, other_name) = (self.parts.file_name, other.parts.file_name);
        let behind_token = || {
            let end = other_name.strip_prefix(DRM_TOKEN_PREFIX)?.strip_suffix(name)?;
            (!name.is_empty() && end.ends_with('.')).then_some(())
        };
        self.bare_directory() == other.bare_directory() && (name == other_name || behind_token().is_some())
    }

    fn lies_below(&self, other: &SignedUrl<'_>) -> bool {
        Parts { directory: &self.bare_directory(), ..self.parts }.lies_below(&other.bare_directory())
    }
}

impl Signature<'_> {
    /// Whether both are one signature, however encoded.
    fn is_same(&self, other: &Self) -> bool {
        let has = |p: &Parameter<'_>| self.parameters.iter().any(|q| decoded(q.text) == decoded(p.text));
        self.scheme.name == other.scheme.name
            && self.segments.is_some() == other.segments.is_some()
            && self.parameters.len() == other.parameters.len()
            && other.parameters.iter().all(has)
    }

    fn text_in<'d>(&self, directory: &'d str) -> &'d str {
        self.segments.clone().and_then(|at| directory.get(at)).unwrap_or_default()
    }
}

/// The token that a path begins with, and its length.
fn token_at(path: &str, first: bool) -> Option<(&'static Scheme, Vec<Parameter<'_>>, usize)> {
    let mut segments = path.split(SLASHES);
    let (one, two) = (segments.next()?, segments.next()?);
    // What follows the last slash is a file's name.
    let pair = (first && segments.next().is_some()).then(|| [one, two].map(Parameter::bare));
    SCHEMES.iter().find_map(|scheme| match (&scheme.place, &pair) {
        (Place::Query, _) | (Place::Segments, None) => None,
        (Place::QueryOrSegment, _) => {
            let parameters: Vec<_> = one.split('&').map(Parameter::of).collect();
            Some((scheme, scheme.find(&parameters)?, one.len()))
        }
        (Place::Segments, Some(pair)) => {
            let fits = scheme.needs.iter().zip(pair).all(|((_, shape), segment)| shape(segment));
            fits.then(|| (scheme, pair.to_vec(), one.len() + 1 + two.len()))
        }
    })
}

/// `directory` with a segment of `of` at the same place, if it begins as `of` does.
fn with_segment(directory: &str, of: &str, at: &Range<usize>) -> String {
    let begins_alike = of.get(..at.start).is_some_and(|before| directory.starts_with(before));
    let token = of.get(at.start..at.end + 1).filter(|_| begins_alike);
    with(directory, &(at.start..at.start), token.unwrap_or_default())
}

/// `text` with `new` in this place.
fn with(text: &str, at: &Range<usize>, new: &str) -> String {
    match (text.get(..at.start), text.get(at.end..)) {
        (Some(before), Some(after)) => [before, new, after].concat(),
        _ => text.to_owned(),
    }
}

/// `query` with `new` in the place of `old`, name by name; what is left of `new` follows at the end.
fn replaced(query: &str, old: &[Parameter<'_>], new: &[Parameter<'_>]) -> String {
    let mut new = new.to_vec();
    let mut out = Vec::new();
    for piece in query.split('&') {
        let Some(old) = old.iter().find(|old| old.text == piece) else {
            out.push(piece);
            continue;
        };
        if let Some(at) = new.iter().position(|new| new.name == old.name) {
            out.push(new.remove(at).text);
        }
    }
    out.extend(new.iter().map(|p| p.text));
    out.join("&")
}

/// Browsers take a backslash for a slash.
const SLASHES: [char; 2] = ['/', '\\'];
