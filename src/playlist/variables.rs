//! Variables: EXT-X-DEFINE and `{$name}` (RFC 8216bis §4.3, §4.4.2.3).
//!
//! Substitution happens once, never in its own result. A reference to a variable that is not defined stays as written, so
//! that one bad reference costs no more than the URL it stands in.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The variables of a playlist, by name. Those of a multivariant playlist are what its media playlists import.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

/// Values are often tokens: only names are shown.
impl core::fmt::Debug for Variables {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Variables {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Defines a variable; false, and nothing changed, when there already is one of that name.
    pub(super) fn define(&mut self, name: &str, value: String) -> bool {
        if self.0.contains_key(name) {
            return false;
        }
        self.0.insert(name.to_owned(), value);
        true
    }

    /// The text with each reference replaced, as long as the result has no more than `limit` bytes.
    pub(super) fn substitute<'t>(&self, text: &'t str, limit: usize) -> Substituted<'t> {
        // Nearly no text has any: a search for one byte is the fastest way to tell.
        if !text.contains('{') || !text.contains("{$") {
            return Substituted { text: Cow::Borrowed(text), all_defined: true, too_long: false };
        }
        let mut out = String::with_capacity(text.len());
        let mut all_defined = true;
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{$") {
            out.push_str(before);
            let name =
                behind.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
            let (name, tail) = behind.split_at_checked(name).unwrap_or((behind, ""));
            match (tail.strip_prefix('}'), self.get(name)) {
                (Some(tail), Some(value)) => {
                    if out.len().saturating_add(value.len()) > limit {
                        return Substituted { text: Cow::Borrowed(text), all_defined, too_long: true };
                    }
                    out.push_str(value);
                    rest = tail;
                }
                (closed, _) => {
                    all_defined &= closed.is_none() || name.is_empty();
                    out.push_str("{$");
                    rest = behind;
                }
            }
        }
        out.push_str(rest);
        Substituted { text: Cow::Owned(out), all_defined, too_long: false }
    }
}

/// What became of a text with references to variables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Substituted<'t> {
    pub(super) text: Cow<'t, str>,
    /// Whether every reference had a definition.
    pub(super) all_defined: bool,
    /// The text is as written, because the result would be longer than allowed.
    pub(super) too_long: bool,
}

/// The parameters of a query, percent-decoded (EXT-X-DEFINE:QUERYPARAM); of one name the first.
pub(super) fn parameters(query: Option<&str>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for parameter in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        all.entry(percent_decoded(name)).or_insert_with(|| percent_decoded(value));
    }
    all
}

/// What a percent-encoded text says; the text itself where that is no UTF-8.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let byte = match tail {
            [high, low, behind @ ..] if *first == b'%' => hex_pair(*high, *low).map(|byte| (byte, behind)),
            _ => None,
        };
        let (byte, behind) = byte.unwrap_or((*first, tail));
        out.push(byte);
        rest = behind;
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_once() {
        let mut v = Variables::default();
        assert!(v.define("host", "h.example".into()));
        assert!(v.define("a-b_1", "{$host}".into()));
        assert!(!v.define("host", "other".into()));
        for (text, want, all_defined) in [
            ("https://{$host}/{$a-b_1}.ts", "https://h.example/{$host}.ts", true),
            ("plain", "plain", true),
            ("{$none}{$host}", "{$none}h.example", false),
            ("{${$host}", "{$h.example", true),
            ("{$host", "{$host", true),
        ] {
            let want = Substituted { text: want.into(), all_defined, too_long: false };
            assert_eq!(v.substitute(text, 100), want, "{text}");
        }
        assert_eq!(v.substitute("{$host}{$host}", 18).text, "h.exampleh.example");
        let refused = v.substitute("{$host}{$host}", 17);
        assert_eq!((&*refused.text, refused.too_long), ("{$host}{$host}", true));
    }

    #[test]
    fn query_parameters_are_found_by_their_decoded_name() {
        let all = parameters(Some("a=1&tok%65n=x%2Fy%zz&b&a=2"));
        let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(all, [("a", "1"), ("b", ""), ("token", "x/y%zz")]);
        assert_eq!(parameters(None).len(), 0);
    }
}
