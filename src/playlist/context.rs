//! What both parsers share: the base URL, variables, limits and warnings, and reading attributes with them.
//!
//! Invariant: whatever a value looks like, reading it gives the best that can be made of it and at most a
//! warning. The one exception is [`Limits`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::attributes::Attribute;
use super::error::{Kind, PlaylistError, Warning};
use super::key::{IDENTITY, Key, Method};
use super::lines::trim;
use super::url::Resolver;
use super::value::{self, Read};
use super::variables::{Variables, parameters};
use super::{Limits, Source, Start};
use crate::secret::Url;
use crate::time::MediaTime;

/// A tag and its line, for warnings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) tag: &'static str,
}

pub(super) struct Context<'a> {
    pub(super) limits: Limits,
    pub(super) variables: Variables,
    pub(super) warnings: Vec<Warning>,
    imports: &'a Variables,
    resolver: Resolver<'a>,
    /// The parameters of the base URL, once they are asked for.
    query: Option<BTreeMap<String, String>>,
    /// The last URL that was resolved; its memory is what matters.
    resolved: String,
    /// Bytes of resolved URLs and substituted strings so far.
    expanded: usize,
}

impl<'a> Context<'a> {
    pub(super) fn new(source: &Source<'a>, text: &str) -> Self {
        let mut context = Self {
            limits: source.limits,
            variables: Variables::default(),
            warnings: Vec::new(),
            imports: source.variables,
            resolver: Resolver::new(source.base),
            query: None,
            resolved: String::new(),
            expanded: 0,
        };
        if !super::lines::begins_with_extm3u(text) {
            context.warn(Place { line: 1, tag: "EXTM3U" }, "must be the first line");
        }
        context
    }

    /// A tag that this kind of playlist has no use for; one that belongs to the other kind is odd.
    pub(super) fn other_tag(&mut self, line: u32, name: &str, kind: Kind) {
        if super::decides(name).is_some_and(|(belongs, _)| belongs != kind) {
            self.warn_text(line, format!("{name}: is out of place in a {kind} playlist"));
        }
    }

    #[cold]
    pub(super) fn warn(&mut self, at: Place, rule: &str) {
        self.warn_text(at.line, format!("{}: {rule}", at.tag));
    }

    #[cold]
    fn warn_attribute(&mut self, at: Place, attribute: &Attribute<'_>, rule: &str) {
        self.warn_text(at.line, format!("{}: {} {rule}", at.tag, attribute.name));
    }

    pub(super) fn warn_text(&mut self, line: u32, text: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(Warning { line, text });
        }
    }

    /// A string with variables replaced.
    pub(super) fn string(&mut self, at: Place, attribute: &Attribute<'_>) -> Result<String, PlaylistError> {
        if !attribute.quoted || !attribute.sound {
            self.warn_attribute(at, attribute, "must be a quoted string");
        }
        let text = self.text(at, attribute).into_owned();
        self.account(at.line, text.len())?;
        Ok(text)
    }

    /// The value of an attribute that may refer to variables (§4.3), replaced.
    pub(super) fn text<'t>(&mut self, at: Place, attribute: &Attribute<'t>) -> Cow<'t, str> {
        let (text, defined) = self.substitute(attribute.value);
        if !defined {
            self.warn_attribute(at, attribute, UNDEFINED);
        }
        text
    }

    /// A text with variables replaced, and whether all were defined. What that makes longer counts, and beyond
    /// the limit nothing is replaced any more: a variable may be long, and stand in a million places.
    fn substitute<'t>(&mut self, text: &'t str) -> (Cow<'t, str>, bool) {
        let left = self.limits.max_expanded_bytes.saturating_sub(self.expanded);
        let result = self.variables.substitute(text, left);
        match &result.text {
            _ if result.too_long => self.expanded = usize::MAX,
            Cow::Owned(text) => self.expanded = self.expanded.saturating_add(text.len()),
            Cow::Borrowed(_) => {}
        }
        (result.text, result.all_defined)
    }

    /// A comma-separated list in a string, without blanks or empty items.
    pub(super) fn list(
        &mut self,
        at: Place,
        attribute: &Attribute<'_>,
    ) -> Result<Vec<String>, PlaylistError> {
        let text = self.string(at, attribute)?;
        let mut items = text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned);
        let list = items.by_ref().take(MAX_LIST).collect();
        if items.next().is_some() {
            self.warn_attribute(at, attribute, "has too many items");
        }
        Ok(list)
    }

    /// A URI attribute, resolved; nothing when it is empty, which is no way to say "this playlist".
    pub(super) fn uri(&mut self, at: Place, attribute: &Attribute<'_>) -> Result<Option<Url>, PlaylistError> {
        if !attribute.quoted || !attribute.sound {
            self.warn_attribute(at, attribute, "must be a quoted string");
        }
        match trim(attribute.value) {
            "" => Ok(None),
            reference => self.url(at, reference, None).map(Some),
        }
    }

    /// A URI reference with variables replaced, resolved. Where that is `known`, it is shared.
    pub(super) fn url(
        &mut self,
        at: Place,
        reference: &str,
        known: Option<&Url>,
    ) -> Result<Url, PlaylistError> {
        let (reference, defined) = self.substitute(reference);
        self.resolver.resolve(&reference, &mut self.resolved);
        if !defined {
            self.warn(at, UNDEFINED);
        }
        self.account(at.line, self.resolved.len())?;
        Ok(match known {
            Some(known) if known.expose() == self.resolved => known.clone(),
            _ => Url::new(&*self.resolved),
        })
    }

    /// YES or NO.
    pub(super) fn yes(&mut self, at: Place, attribute: &Attribute<'_>) -> bool {
        let yes = attribute.is("YES");
        if !matches!(attribute.value, "YES" | "NO") || attribute.quoted {
            self.warn_attribute(at, attribute, "must be YES or NO");
        }
        yes
    }

    pub(super) fn integer(&mut self, at: Place, attribute: &Attribute<'_>) -> Option<u64> {
        self.read(at, attribute, value::integer, "must be a decimal integer")
    }

    /// A number of seconds, in nanoseconds.
    pub(super) fn nanos(&mut self, at: Place, attribute: &Attribute<'_>) -> Option<u64> {
        self.read(at, attribute, value::nanos, "must be a decimal number")
    }

    pub(super) fn float(&mut self, at: Place, attribute: &Attribute<'_>) -> Option<f64> {
        self.read(at, attribute, value::float, "must be a decimal number")
    }

    pub(super) fn read<T>(
        &mut self,
        at: Place,
        attribute: &Attribute<'_>,
        read: impl Fn(&str) -> Option<Read<T>>,
        rule: &str,
    ) -> Option<T> {
        let text = self.text(at, attribute);
        let read = read(&text);
        if !read.as_ref().is_some_and(|r| r.whole) {
            self.warn_attribute(at, attribute, rule);
        }
        read.map(|r| r.value)
    }

    /// The bytes of a hexadecimal-sequence.
    pub(super) fn hex(&mut self, at: Place, attribute: &Attribute<'_>) -> Option<Vec<u8>> {
        let bytes = value::hex(&self.text(at, attribute));
        if bytes.is_none() {
            self.warn_attribute(at, attribute, "must be a hexadecimal sequence");
        }
        bytes
    }

    /// EXT-X-KEY and EXT-X-SESSION-KEY (§4.4.4.4, §4.4.6.5).
    pub(super) fn key(&mut self, at: Place, list: &str) -> Result<Key, PlaylistError> {
        let mut key = Key::default();
        let mut named = false;
        for a in super::attributes::attributes(list) {
            match a.name {
                "METHOD" => {
                    key.method = Method::from_name(a.value);
                    named = !a.value.is_empty();
                }
                "URI" => key.uri = self.uri(at, &a)?,
                "IV" => {
                    let iv = value::iv(&self.text(at, &a));
                    if !iv.is_some_and(|iv| iv.whole) {
                        self.warn_attribute(at, &a, "must be 0x and 32 hexadecimal digits");
                    }
                    key.iv = iv.map(|iv| iv.value);
                }
                "KEYFORMAT" if !a.value.is_empty() && a.value != IDENTITY => {
                    key.keyformat = self.string(at, &a)?.into()
                }
                "KEYFORMATVERSIONS" => key.keyformat_versions = Some(self.string(at, &a)?.into()),
                _ => {}
            }
        }
        if !named {
            // Nothing says how the segments are encrypted, but with a key to fetch they are not clear.
            key.method = if key.uri.is_some() { Method::Aes128 } else { Method::None };
            self.warn(at, "METHOD is missing");
        }
        if key.method != Method::None && key.uri.is_none() {
            self.warn(at, "URI is missing");
        }
        Ok(key)
    }

    /// EXT-X-DEFINE (§4.4.2.3).
    pub(super) fn define(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        let (mut name, mut value) = (None, None);
        for a in super::attributes::attributes(list) {
            match a.name {
                "NAME" => name = Some(a.value),
                "VALUE" => value = Some(self.text(at, &a).into_owned()),
                "IMPORT" => (name, value) = (Some(a.value), self.imports.get(a.value).map(str::to_owned)),
                "QUERYPARAM" => {
                    let parameters = self.query.get_or_insert_with(|| parameters(self.resolver.query()));
                    (name, value) = (Some(a.value), parameters.get(a.value).cloned());
                }
                _ => {}
            }
        }
        match (name, value) {
            (Some(name), Some(value)) if !name.is_empty() => {
                self.account(at.line, name.len() + value.len())?;
                if !self.variables.define(name, value) {
                    self.warn(at, "the variable is already defined");
                }
            }
            (Some(name), None) if !name.is_empty() => self.warn(at, "the variable has no value"),
            _ => self.warn(at, "NAME, IMPORT or QUERYPARAM is missing"),
        }
        Ok(())
    }

    /// EXT-X-START (§4.4.2.2).
    pub(super) fn start(&mut self, at: Place, list: &str) -> Option<Start> {
        let (mut offset, mut precise) = (None, false);
        for a in super::attributes::attributes(list) {
            match a.name {
                "TIME-OFFSET" => offset = self.float(at, &a).map(MediaTime::from_secs),
                "PRECISE" => precise = self.yes(at, &a),
                _ => {}
            }
        }
        if offset.is_none() {
            self.warn(at, "TIME-OFFSET is missing");
        }
        offset.map(|offset| Start { offset, precise })
    }

    /// EXT-X-VERSION (§4.4.1.2).
    pub(super) fn version(&mut self, at: Place, text: &str) -> Option<u32> {
        let version = value::integer(text).and_then(|r| u32::try_from(r.value).ok());
        if version.is_none() {
            self.warn(at, "must be a decimal integer");
        }
        version
    }

    /// Fails when there is one more than allowed.
    pub(super) fn check(
        line: u32,
        count: usize,
        limit: usize,
        what: &'static str,
    ) -> Result<(), PlaylistError> {
        if count < limit { Ok(()) } else { Err(PlaylistError::TooLarge { line, what, limit }) }
    }

    /// Keeps a short text from growing without bound by way of a long base URL, a variable or keys of many formats.
    pub(super) fn account(&mut self, line: u32, bytes: usize) -> Result<(), PlaylistError> {
        self.expanded = self.expanded.saturating_add(bytes);
        self.check_expanded(line)
    }

    /// Fails when texts have grown beyond the limit.
    pub(super) fn check_expanded(&self, line: u32) -> Result<(), PlaylistError> {
        let limit = self.limits.max_expanded_bytes;
        if self.expanded <= limit {
            return Ok(());
        }
        Err(PlaylistError::TooLarge { line, what: "bytes of URLs, strings and keys", limit })
    }
}

/// Far more codecs, characteristics or cues than there are.
const MAX_LIST: usize = 64;
/// More would tell nothing new.
const MAX_WARNINGS: usize = 1000;
const UNDEFINED: &str = "refers to a variable that is not defined";
