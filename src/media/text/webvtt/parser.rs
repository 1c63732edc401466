//! The parser of the WebVTT standard (WebVTT §6.1 "parser algorithm", "collect a WebVTT block"), fed in pieces of any
//! size.
//!
//! A cue goes out with the line that ends it. Style sheets and regions do not: they are for the page's style, and a
//! cue's own `region` setting, which stays in its settings, then names nothing.

use super::time::{TimestampMap, Timing};

/// Parses one file.
#[derive(Debug, Default)]
pub(super) struct Parser {
    stage: Stage,
    /// The line at hand, without its end.
    line: Vec<u8>,
    /// It is longer than is kept.
    long_line: bool,
    /// The line before ended in CR: a LF belongs to that end.
    after_return: bool,
    block: Block,
    cues: usize,
    /// Cues whose times cannot be read, or that are beyond a limit.
    pub(super) damaged: u64,
}

/// Where in the file the next line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// It must be the signature.
    #[default]
    Signature,
    /// The header came apart from the file: it may be the signature.
    MaybeSignature,
    Header,
    Body,
}

/// The block at hand.
#[derive(Debug, Default)]
struct Block {
    lines: u32,
    has_arrow: bool,
    cue: Option<Cue>,
    /// What may become the identifier; once there is a cue, its text.
    buffer: String,
    too_large: bool,
}

/// A cue, at cue times in ticks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) id: String,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) settings: String,
    pub(super) text: String,
}

/// What a file consists of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// The signature: a header follows.
    Header,
    /// The header maps cue times to time stamps.
    Map(TimestampMap),
    Cue(Cue),
}

/// Where items go.
type Sink<'a> = &'a mut dyn FnMut(Item);

/// The file has no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotWebVtt;

impl Parser {
    /// For a file whose header may have come before it.
    pub(super) fn headless() -> Self {
        Self { stage: Stage::MaybeSignature, ..Self::default() }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8], sink: Sink<'_>) -> Result<(), NotWebVtt> {
        while let Some((&first, rest)) = bytes.split_first() {
            if core::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = rest;
                continue;
            }
            let length = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, rest) = bytes.split_at_checked(length.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
            let kept = part.get(..MAX_LINE.saturating_sub(self.line.len())).unwrap_or(part);
            self.line.extend_from_slice(kept);
            self.long_line |= kept.len() < part.len();
            let Some((&end, rest)) = rest.split_first() else { break };
            self.after_return = end == b'\r';
            bytes = rest;
            self.end_line(sink)?;
        }
        Ok(())
    }

    /// The file is complete.
    pub(super) fn end(&mut self, sink: Sink<'_>) -> Result<(), NotWebVtt> {
        if !self.line.is_empty() || self.stage == Stage::Signature {
            self.end_line(sink)?;
        }
        self.end_block(sink);
        Ok(())
    }

    fn end_line(&mut self, sink: Sink<'_>) -> Result<(), NotWebVtt> {
        let mut line = core::mem::take(&mut self.line);
        // The line's end is never part of a character, so that each line can be decoded by itself.
        let mut text = String::from_utf8_lossy(&line);
        if text.contains('\0') {
            text = text.replace('\0', "\u{fffd}").into();
        }
        let result = self.take_line(&text, sink);
        self.long_line = false;
        line.clear();
        self.line = line;
        result
    }

    fn take_line(&mut self, line: &str, sink: Sink<'_>) -> Result<(), NotWebVtt> {
        match self.stage {
            Stage::Signature | Stage::MaybeSignature => {
                if is_signature(line.strip_prefix('\u{feff}').unwrap_or(line)) {
                    self.stage = Stage::Header;
                    sink(Item::Header);
                } else if self.stage == Stage::MaybeSignature {
                    self.stage = Stage::Body;
                    self.body_line(line, sink);
                } else {
                    return Err(NotWebVtt);
                }
            }
            Stage::Header if line.is_empty() => self.stage = Stage::Body,
            Stage::Header if !has_arrow(line) => {
                if let Some(attributes) = line.strip_prefix("X-TIMESTAMP-MAP=") {
                    match TimestampMap::parse(attributes) {
                        Some(map) => sink(Item::Map(map)),
                        None => self.damaged = self.damaged.saturating_add(1),
                    }
                }
            }
            Stage::Header | Stage::Body => {
                self.stage = Stage::Body;
                self.body_line(line, sink);
            }
        }
        Ok(())
    }

    fn body_line(&mut self, line: &str, sink: Sink<'_>) {
        if line.is_empty() {
            return self.end_block(sink);
        }
        let has_arrow = has_arrow(line);
        if has_arrow && (self.block.lines >= 2 || self.block.has_arrow) {
            self.end_block(sink);
        }
        let block = &mut self.block;
        block.lines = block.lines.saturating_add(1);
        if has_arrow {
            block.has_arrow = true;
            match Timing::parse(line).filter(|_| !self.long_line) {
                Some(Timing { start, end, settings }) => {
                    let (id, settings) = (core::mem::take(&mut block.buffer), settings.to_owned());
                    block.cue = Some(Cue { id, start, end, settings, text: String::new() });
                }
                None => self.damaged = self.damaged.saturating_add(1),
            }
        } else if block.lines == 1 || block.cue.is_some() {
            // The lines of any other block are of no use.
            block.too_large |= self.long_line || block.buffer.len().saturating_add(line.len()) >= MAX_TEXT;
            if !block.too_large {
                if !block.buffer.is_empty() {
                    block.buffer.push('\n');
                }
                block.buffer.push_str(line);
            }
        }
    }

    fn end_block(&mut self, sink: Sink<'_>) {
        let block = core::mem::take(&mut self.block);
        let Some(mut cue) = block.cue else { return };
        self.cues = self.cues.saturating_add(1);
        if block.too_large || self.cues > MAX_CUES {
            self.damaged = self.damaged.saturating_add(1);
            return;
        }
        cue.text = block.buffer;
        sink(Item::Cue(cue));
    }
}

fn has_arrow(line: &str) -> bool {
    line.as_bytes().windows(3).any(|bytes| bytes == b"-->")
}

fn is_signature(line: &str) -> bool {
    line.strip_prefix("WEBVTT")
        .is_some_and(|rest| matches!(rest.as_bytes().first(), None | Some(b' ' | b'\t')))
}

/// Bytes of a line that are kept. Text is far shorter; an image in a data URL may come near.
const MAX_LINE: usize = 256 << 10;
/// Bytes in a cue's text.
const MAX_TEXT: usize = 256 << 10;
/// Cues in a segment: a whole film with a cue a word has some ten thousand.
const MAX_CUES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: impl AsRef<[u8]>) -> Result<Vec<Cue>, NotWebVtt> {
        let mut all = Vec::new();
        for size in 1..text.as_ref().len().clamp(2, 40) {
            let (mut parser, mut items) = (Parser::default(), Vec::new());
            let mut sink = |item| items.push(item);
            for piece in text.as_ref().chunks(size) {
                parser.push(piece, &mut sink)?;
            }
            parser.end(&mut sink)?;
            all.push(items);
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "it depends on the pieces");
        Ok(all
            .pop()
            .unwrap()
            .into_iter()
            .filter_map(|i| if let Item::Cue(cue) = i { Some(cue) } else { None })
            .collect())
    }

    fn texts(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().map(|cue| (cue.id, cue.text)).collect()
    }

    fn owned(cues: &[(&str, &str)]) -> Vec<(String, String)> {
        cues.iter().map(|&(id, text)| (id.to_owned(), text.to_owned())).collect()
    }

    const TIMES: &str = "00:01.000 --> 00:02.000";

    #[test]
    fn signatures() {
        for good in ["WEBVTT", "WEBVTT\n", "WEBVTT\r", "WEBVTT text\r\n", "WEBVTT\t", "\u{feff}WEBVTT\n\n"] {
            assert_eq!(parse(good), Ok(vec![]), "{good:?}");
        }
        for bad in [
            "",
            "\n",
            "WEBVT",
            "WEBVTTX",
            " WEBVTT",
            "webvtt",
            "\u{feff}\u{feff}WEBVTT",
            "\nWEBVTT",
            "WEBVTT\0",
        ] {
            assert_eq!(parse(bad), Err(NotWebVtt), "{bad:?}");
        }
    }

    #[test]
    fn every_line_end_is_one() {
        for end in ["\n", "\r", "\r\n"] {
            let text = ["WEBVTT", "", "id", TIMES, "a", "b", "", "", TIMES, "c"].join(end);
            assert_eq!(texts(&text), owned(&[("id", "a\nb"), ("", "c")]), "{end:?}");
        }
    }

    #[test]
    fn blocks_end_where_the_standard_ends_them() {
        let cases = [
            // Without a blank line behind the header, or between cues.
            (format!("WEBVTT\n{TIMES}\na\n{TIMES}\nb"), vec![("", "a"), ("", "b")]),
            (format!("WEBVTT\nkey: value\n{TIMES}\na"), vec![("", "a")]),
            // An arrow in the text is the next cue's, or ends this one.
            (format!("WEBVTT\n\n{TIMES}\na\nb --> c\nd\n\n"), vec![("", "a")]),
            (format!("WEBVTT\n\n{TIMES}\nid\n{TIMES}\nb"), vec![("", "id"), ("", "b")]),
            // Times that cannot be read lose their cue alone.
            (format!("WEBVTT\n\nid\n1 --> 2\na\n\n{TIMES}\nb"), vec![("", "b")]),
            (format!("WEBVTT\n\n-->\n{TIMES}\nb"), vec![("", "b")]),
            (format!("WEBVTT\n\nid\n-->\n{TIMES}\nb"), vec![("", "b")]),
            // An identifier has one line.
            (format!("WEBVTT\n\nx\nid\n{TIMES}\nb"), vec![("", "b")]),
            // Other blocks.
            (
                format!("WEBVTT\n\nNOTE x\ny\n\nSTYLE\n::cue {{}}\n\nREGION\nid:r\n\nSTYLE\n{TIMES}\nb"),
                vec![("STYLE", "b")],
            ),
            // A line of spaces is not blank, a cue without text is one.
            (format!("WEBVTT\n\n{TIMES}\n \nb\n\n{TIMES}"), vec![("", " \nb"), ("", "")]),
        ];
        for (text, cues) in cases {
            assert_eq!(texts(&text), owned(&cues), "{text}");
        }
    }

    #[test]
    fn text_is_decoded() {
        let mut bytes = format!("WEBVTT\n\n{TIMES}\na\0é").into_bytes();
        bytes.extend(b"\xff\xe4\xb8\nb\xe4\xb8\xad");
        assert_eq!(parse(bytes).unwrap()[0].text, "a\u{fffd}é\u{fffd}\u{fffd}\nb中");
    }

    #[test]
    fn nothing_is_kept_without_limit() {
        let mut parser = Parser::default();
        let mut cues = 0;
        let mut sink = |item| cues += usize::from(matches!(item, Item::Cue(_)));
        parser.push(b"WEBVTT\n\n", &mut sink).unwrap();
        let long = vec![b'x'; MAX_TEXT + 1];
        for text in [&long, &long[..MAX_TEXT / 2], b"short"] {
            parser.push(format!("{TIMES}\n").as_bytes(), &mut sink).unwrap();
            for _ in 0..3 {
                parser.push(text, &mut sink).unwrap();
                parser.push(b"\n", &mut sink).unwrap();
                assert!(parser.line.capacity() + parser.block.buffer.capacity() < 4 * MAX_TEXT);
            }
            parser.push(b"\n", &mut sink).unwrap();
        }
        for _ in 0..MAX_CUES {
            parser.push(format!("{TIMES}\nx\n\n").as_bytes(), &mut sink).unwrap();
        }
        assert_eq!((cues, parser.damaged), (MAX_CUES - 2, 5));
    }
}
