//! Text to lines: what is a tag, what is a URI (RFC 8216bis §4.1).
//!
//! Every line ends at CR, LF or both; white space around it does not count; comments and blank lines are
//! passed over.

/// A line that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: u32,
    pub(super) content: Content<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// `#EXT…`: the name without `#`, and what stands behind the colon.
    Tag {
        name: &'a str,
        value: &'a str,
    },
    Uri(&'a str),
}

/// The meaningful lines of a text, in order.
#[derive(Clone, Debug)]
pub(super) struct Lines<'a> {
    rest: &'a str,
    number: u32,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }

    /// The next line as it stands, without its end.
    fn next_raw(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.number = self.number.saturating_add(1);
        let end = memchr::memchr2(b'\n', b'\r', self.rest.as_bytes());
        let Some((line, rest)) = end.and_then(|end| self.rest.split_at_checked(end)) else {
            return Some(core::mem::take(&mut self.rest));
        };
        self.rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\r', '\n'])).unwrap_or_default();
        Some(line)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            let line = trim(self.next_raw()?);
            let content = match line.strip_prefix('#') {
                Some(tag) if tag.starts_with("EXT") => {
                    let end = tag.bytes().position(|b| !is_name_byte(b)).unwrap_or(tag.len());
                    let (name, value) = tag.split_at_checked(end).unwrap_or((tag, ""));
                    let value = value.trim_start_matches(is_blank);
                    Content::Tag { name, value: trim(value.strip_prefix(':').unwrap_or(value)) }
                }
                Some(_) => continue,
                None if line.is_empty() => continue,
                None => Content::Uri(line),
            };
            return Some(Line { number: self.number, content });
        }
    }
}

/// Whether the first line that is not blank is `#EXTM3U`.
pub(super) fn begins_with_extm3u(text: &str) -> bool {
    matches!(Lines::new(text).next(), Some(Line { content: Content::Tag { name: "EXTM3U", .. }, .. }))
        && begins_with_hash(text)
}

/// Whether the first line that is not blank is a tag or a comment.
pub(super) fn begins_with_hash(text: &str) -> bool {
    text.trim_start_matches(is_blank).starts_with('#')
}

/// Without the white space that may stand around a line, a tag's value or an attribute.
pub(super) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim_matches(is_blank),
    }
}

/// White space of any kind, which is what other players take away. NUL is here because fixed-size buffers
/// written out whole are seen in the wild, the byte-order mark because playlists are put one after the other.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\0' | '\u{feff}')
}

/// Whether a byte may stand in the name of a tag or an attribute.
pub(super) fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(u32, String)> {
        Lines::new(text)
            .map(|l| {
                let content = match l.content {
                    Content::Tag { name, value } => format!("{name}|{value}"),
                    Content::Uri(uri) => uri.to_owned(),
                };
                (l.number, content)
            })
            .collect()
    }

    #[test]
    fn line_ends_of_every_kind_count_as_one_line() {
        let want: Vec<_> = [(1, "EXTM3U|"), (3, "EXTINF|4,t"), (4, "a b.ts"), (5, "EXT-X-ENDLIST|")]
            .map(|(n, s)| (n, s.to_owned()))
            .into();
        for end in ["\n", "\r\n", "\r"] {
            let text = ["#EXTM3U", "# comment", " #EXTINF:4,t\t", " a b.ts ", "#EXT-X-ENDLIST"].join(end);
            assert_eq!(all(&text), want);
        }
        assert_eq!(all("#EXTM3U\r\n\n\r#EXTINF : 4,t \n"), [(1, "EXTM3U|".into()), (4, "EXTINF|4,t".into())]);
        assert_eq!(all("\u{a0}a.ts\u{c} \n\u{feff}#EXTM3U\0"), [(1, "a.ts".into()), (2, "EXTM3U|".into())]);
        assert_eq!(all(""), []);
        assert_eq!(all("\n \n"), []);
    }
}
