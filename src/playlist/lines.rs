//! Text to lines: what is a tag, what is a URI (RFC 8216bis §4.1).
//!
//! Every line ends at CR, LF or both; spaces and tabs around it do not count; comments and blank lines are
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
        let end = self.rest.bytes().position(|b| b == b'\n' || b == b'\r');
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
                    let value = value.trim_start_matches(BLANK);
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
    text.trim_start_matches(BLANK).trim_start().starts_with('#')
}

/// Without the white space that may stand around a line, a tag's value or an attribute.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(BLANK)
}

/// Whether a byte may stand in the name of a tag or an attribute.
pub(super) fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

/// NUL is here because fixed-size buffers written out whole are seen in the wild.
pub(super) const BLANK: [char; 3] = [' ', '\t', '\0'];

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
        assert_eq!(all(""), []);
        assert_eq!(all("\n \n"), []);
    }
}
