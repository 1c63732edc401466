//! Attribute lists: `NAME=value,NAME="value"` (RFC 8216bis §4.2).
//!
//! Reading never fails and always moves on. Where the text is not what the specification asks for, the
//! attribute says so ([`Attribute::sound`]) and the next one is still found.

use super::lines::{is_name_byte, trim};

/// One attribute, its value without quotation marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) quoted: bool,
    /// False when quotation marks or separators are missing.
    pub(super) sound: bool,
}

impl Attribute<'_> {
    /// Whether the value is this enumerated string, in any case.
    pub(super) fn is(&self, text: &str) -> bool {
        self.value.eq_ignore_ascii_case(text)
    }
}

/// The attributes of a list, in order.
pub(super) fn attributes(list: &str) -> Attributes<'_> {
    Attributes { rest: list }
}

#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let list = self.rest.trim_start_matches([' ', '\t', ',']);
        if list.is_empty() {
            self.rest = "";
            return None;
        }
        let comma = list.find(',').unwrap_or(list.len());
        let (item, _) = list.split_at_checked(comma).unwrap_or((list, ""));
        let Some((name, _)) = item.split_once('=') else {
            self.rest = list.get(comma..).unwrap_or_default();
            return Some(Attribute { name: trim(item), value: "", quoted: false, sound: false });
        };
        let value = list.get(name.len() + 1..).unwrap_or_default().trim_start_matches([' ', '\t']);
        let name = trim(name);
        if let Some((value, rest)) = value.strip_prefix('"').and_then(|v| v.split_once('"')) {
            // Whatever stands between the closing mark and the next comma has no meaning.
            let (stray, rest) =
                rest.split_at_checked(rest.find(',').unwrap_or(rest.len())).unwrap_or((rest, ""));
            self.rest = rest;
            return Some(Attribute { name, value, quoted: true, sound: trim(stray).is_empty() });
        }
        let (value, rest) = value.split_at_checked(unquoted_end(value)).unwrap_or((value, ""));
        self.rest = rest;
        let sound = !value.starts_with('"') && !value.contains(',');
        let value = trim(value);
        let apostrophes = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\''));
        let value = apostrophes.unwrap_or_else(|| trim(value.strip_prefix('"').unwrap_or(value)));
        Some(Attribute { name, value, quoted: false, sound: sound && apostrophes.is_none() })
    }
}

/// Where an unquoted value ends: at a comma with another attribute behind it. A comma followed by anything
/// else belongs to a string whose quotation marks were forgotten (`CODECS=avc1.64001f,mp4a.40.2`).
fn unquoted_end(text: &str) -> usize {
    for (at, _) in text.match_indices(',') {
        let behind = text.get(at + 1..).unwrap_or_default().trim_start_matches([' ', '\t', ',']);
        let name = behind.bytes().take_while(|b| is_name_byte(*b)).count();
        let named = behind.starts_with(|c: char| c.is_ascii_uppercase())
            && behind.get(name..).is_some_and(|b| b.trim_start_matches([' ', '\t']).starts_with('='));
        if named || behind.is_empty() {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(list: &str) -> Vec<(&str, &str, bool)> {
        attributes(list).map(|a| (a.name, a.value, a.sound)).collect()
    }

    #[test]
    fn lists_as_the_specification_has_them() {
        assert_eq!(
            all(r#"BANDWIDTH=1280000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,NAME="""#),
            [
                ("BANDWIDTH", "1280000", true),
                ("CODECS", "avc1.64001f,mp4a.40.2", true),
                ("RESOLUTION", "640x360", true),
                ("NAME", "", true)
            ]
        );
        assert_eq!(all(""), []);
    }

    #[test]
    fn lists_as_they_are_found() {
        assert_eq!(all(" A = 1 , B=\"x\" ,,C=2,"), [("A", "1", true), ("B", "x", true), ("C", "2", true)]);
        assert_eq!(
            all("CODECS=avc1.4d,mp4a.40.2,BANDWIDTH=1"),
            [("CODECS", "avc1.4d,mp4a.40.2", false), ("BANDWIDTH", "1", true)]
        );
        assert_eq!(
            all("URI=https://h/k?a=1,b=2&c,IV=0x1"),
            [("URI", "https://h/k?a=1,b=2&c", false), ("IV", "0x1", true)]
        );
        assert_eq!(
            all("CODECS=\"avc1,mp4a,BANDWIDTH=1"),
            [("CODECS", "avc1,mp4a", false), ("BANDWIDTH", "1", true)]
        );
        assert_eq!(all("A='x,y',B=''"), [("A", "x,y", false), ("B", "", false)]);
        assert_eq!(all("A='x,B='"), [("A", "'x", true), ("B", "'", true)]);
        assert_eq!(all("A=\"x\"y,B=1"), [("A", "x", false), ("B", "1", true)]);
        assert_eq!(all("nonsense,A=1"), [("nonsense", "", false), ("A", "1", true)]);
        assert_eq!(all("A="), [("A", "", true)]);
        assert_eq!(all("A=,B=1"), [("A", "", true), ("B", "1", true)]);
        assert_eq!(all("=,=\",\"="), [("", ",=\",\"=", false)]);
    }
}
