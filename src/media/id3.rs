//! ID3v2 tags (id3.org: 2.2, 2.3, 2.4), gathered from bytes in pieces: in front of packed audio and between its frames
//! (RFC 8216bis §3.1.3), and as timed metadata in transport streams.

use super::event::{MediaEvent, Metadata};
use crate::time::{MediaTime, TimeRange};

/// A whole tag, or the start of one that is too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) data: Vec<u8>,
    /// Bytes that it has, of which `data` has [`MAX_TAG`] at most.
    pub(crate) length: usize,
}

/// Gathers one tag after another.
#[derive(Debug, Default)]
pub(crate) struct TagReader {
    data: Vec<u8>,
    /// Bytes of the tag that are still to come; `None` before its header is complete.
    left: Option<usize>,
    length: usize,
}

/// What a piece of a tag led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Done(Tag),
    /// The bytes so far, ten, are no tag's header.
    NoTag,
}

/// Whether these are the first bytes of a tag: four of them.
pub(crate) fn may_start(bytes: &[u8]) -> bool {
    matches!(bytes, [b'I', b'D', b'3', 2..=4, ..])
}

/// The length of the tag that starts with this header, header and footer included.
pub(crate) fn length(header: &[u8]) -> Option<usize> {
    let &[b'I', b'D', b'3', version @ 2..=4, revision, flags, ref size @ ..] =
        header.first_chunk::<HEADER>()?
    else {
        return None;
    };
    let size = syncsafe(*size).filter(|_| revision != 0xff && flags & 0x0f == 0)? as usize;
    let footer = if version == 4 && flags & FOOTER != 0 { HEADER } else { 0 };
    size.checked_add(HEADER)?.checked_add(footer)
}

impl TagReader {
    /// Takes bytes of a tag, up to its end. Returns those behind it.
    pub(crate) fn push<'a>(&mut self, mut bytes: &'a [u8]) -> (Progress, &'a [u8]) {
        if self.left.is_none() {
            let wanted = HEADER.saturating_sub(self.data.len());
            let (header, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.data.extend_from_slice(header);
            bytes = rest;
            if self.data.len() < HEADER {
                return (Progress::More, bytes);
            }
            let Some(length) = length(&self.data) else {
                *self = Self::default();
                return (Progress::NoTag, bytes);
            };
            self.left = Some(length.saturating_sub(HEADER));
            self.length = length;
        }
        let left = self.left.unwrap_or(0);
        let (own, rest) = bytes.split_at(left.min(bytes.len()));
        let room = MAX_TAG.saturating_sub(self.data.len());
        self.data.extend_from_slice(own.get(..room.min(own.len())).unwrap_or_default());
        let left = left.saturating_sub(own.len());
        self.left = Some(left);
        if left > 0 {
            return (Progress::More, rest);
        }
        let Self { data, length, .. } = core::mem::take(self);
        (Progress::Done(Tag { data, length }), rest)
    }

    /// Bytes of a tag that was begun.
    pub(crate) fn held(&self) -> usize {
        self.data.len()
    }
}

/// What of a tag is used here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The 33-bit time stamp that HLS puts into a private frame (RFC 8216bis §3.1.3).
    pub(crate) timestamp: Option<u64>,
    /// It has other frames.
    pub(crate) more: bool,
}

impl Tag {
    /// What is told of it, at its place in 90 kHz ticks.
    pub(crate) fn at(self, ticks: i64) -> MediaEvent {
        let time = MediaTime::from_ticks(ticks);
        let range = TimeRange { start: time, end: time };
        let scheme = "https://aomedia.org/emsg/ID3".to_owned();
        MediaEvent::Metadata(Metadata { range, scheme, value: String::new(), data: self.data })
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.data.len() == self.length
    }

    pub(crate) fn contents(&self) -> Contents {
        // What is cut off is more than a time stamp.
        let mut contents = Contents { timestamp: None, more: !self.is_whole() };
        let &[_, _, _, version, _, flags, ..] = self.data.as_slice() else { return contents };
        let body = self.data.get(HEADER..).unwrap_or_default();
        let whole;
        let body = if version == 3 && flags & UNSYNCHRONISED != 0 {
            whole = synchronise(body);
            &whole
        } else {
            body
        };
        let mut rest = behind_extended_header(version, flags, body);
        while let Some((frame, after)) = Frame::read(version, rest) {
            let used = frame.timestamp(flags);
            contents.timestamp = contents.timestamp.or(used);
            contents.more |= used.is_none();
            rest = after;
        }
        contents
    }
}

struct Frame<'a> {
    id: [u8; 4],
    version: u8,
    flags: u8,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The next frame and what is behind it; `None` at the padding and at the end.
    fn read(version: u8, bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (id, size, flags, rest) = match *bytes {
            [a, b, c, x, y, z, ref rest @ ..] if version == 2 => {
                ([a, b, c, b' '], u32::from_be_bytes([0, x, y, z]), 0, rest)
            }
            [a, b, c, d, w, x, y, z, _, flags, ref rest @ ..] if version > 2 => {
                let size = [w, x, y, z];
                // Some writers of version 2.4 keep to the sizes of 2.3.
                let size =
                    if version == 4 { syncsafe(size) } else { None }.unwrap_or(u32::from_be_bytes(size));
                ([a, b, c, d], size, flags, rest)
            }
            _ => return None,
        };
        if id.first() == Some(&0) {
            return None;
        }
        let (body, after) = rest.split_at_checked(size as usize)?;
        Some((Self { id, version, flags, body }, after))
    }

    /// The time stamp, if this is its frame.
    fn timestamp(&self, tag_flags: u8) -> Option<u64> {
        // Grouping, compression, encryption, and in 2.4 unsynchronisation and the length without it.
        let (grouped, packed) = if self.version == 4 { (0x40, 0x0c) } else { (0x20, 0xc0) };
        if &self.id != b"PRIV" || self.flags & packed != 0 {
            return None;
        }
        let mut body = self.body.get(usize::from(self.flags & grouped != 0)..)?;
        let synchronised;
        if self.version == 4 {
            if self.flags & 0x01 != 0 {
                body = body.get(4..)?;
            }
            if self.flags & 0x02 != 0 || tag_flags & UNSYNCHRONISED != 0 {
                synchronised = synchronise(body);
                body = &synchronised;
            }
        }
        let stamp = body.strip_prefix(OWNER)?.first_chunk::<8>()?;
        Some(u64::from_be_bytes(*stamp) & 0x1_ffff_ffff)
    }
}

fn behind_extended_header(version: u8, flags: u8, body: &[u8]) -> &[u8] {
    if version < 3 || flags & EXTENDED == 0 {
        return body;
    }
    let Some(size) = body.first_chunk::<4>() else { return &[] };
    // In 2.4 the size counts itself.
    let length = if version == 4 { syncsafe(*size) } else { u32::from_be_bytes(*size).checked_add(4) };
    length.and_then(|length| body.get(length as usize..)).unwrap_or_default()
}

/// Takes out the zeros that keep a tag's bytes from looking like a sync word of MPEG audio.
fn synchronise(bytes: &[u8]) -> Vec<u8> {
    let mut before = 0;
    let keep = |&byte: &u8| {
        let stuffed = before == 0xff && byte == 0;
        before = byte;
        !stuffed
    };
    bytes.iter().copied().filter(keep).collect()
}

/// Four times seven bits.
fn syncsafe(bytes: [u8; 4]) -> Option<u32> {
    bytes.iter().try_fold(0, |size, &byte| (byte < 0x80).then_some(size << 7 | u32::from(byte)))
}

/// Bytes of a tag that are kept. Time stamps come first; a tag that is longer is some album's cover.
pub(crate) const MAX_TAG: usize = 1 << 18;
/// Bytes of a header, and of a footer.
pub(crate) const HEADER: usize = 10;
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";
// Flags of the header.
const UNSYNCHRONISED: u8 = 0x80;
const EXTENDED: u8 = 0x40;
const FOOTER: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    fn size(size: usize) -> [u8; 4] {
        [size >> 21, size >> 14, size >> 7, size].map(|part| part as u8 & 0x7f)
    }

    fn tag(version: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        [b"ID3", &[version, 0, flags][..], &size(body.len()), body].concat()
    }

    fn private(version: u8, stamp: u64) -> Vec<u8> {
        let body = [OWNER, &stamp.to_be_bytes()].concat();
        let size = if version == 4 { size(body.len()) } else { (body.len() as u32).to_be_bytes() };
        [b"PRIV", &size[..], &[0, 0], &body].concat()
    }

    fn contents(bytes: &[u8]) -> Contents {
        let (Progress::Done(tag), []) = TagReader::default().push(bytes) else { panic!("{bytes:x?}") };
        assert!(tag.is_whole() && tag.data == bytes);
        tag.contents()
    }

    #[test]
    fn time_stamps_of_all_versions() {
        for version in [3, 4] {
            let alone = Contents { timestamp: Some(0x1_2345_6789), more: false };
            let frame = private(version, 0x1_2345_6789);
            assert_eq!(contents(&tag(version, 0, &frame)), alone);
            // Padding behind it, an extended header before it.
            assert_eq!(contents(&tag(version, 0, &[&frame[..], &[0; 40]].concat())), alone);
            let extended =
                if version == 4 { &[0, 0, 0, 6, 1, 0][..] } else { &[0, 0, 0, 6, 0, 0, 0, 0, 0, 0] };
            assert_eq!(contents(&tag(version, EXTENDED, &[extended, &frame].concat())), alone);
            let text = [b"TIT2", &size(3)[..], &[0, 0], b"\0ab"].concat();
            assert_eq!(
                contents(&tag(version, 0, &[text.clone(), frame.clone()].concat())),
                Contents { more: true, ..alone }
            );
            assert_eq!(contents(&tag(version, 0, &text)), Contents { timestamp: None, more: true });
        }
        // More than 33 bits, and a size as 2.3 has it in 2.4.
        assert_eq!(contents(&tag(4, 0, &private(4, u64::MAX))).timestamp, Some(0x1_ffff_ffff));
        let mut long = [b"TXXX", &200_u32.to_be_bytes()[..], &[0, 0], &[1; 200]].concat();
        long.extend(private(4, 7));
        assert_eq!(contents(&tag(4, 0, &long)).timestamp, Some(7));
        assert_eq!(contents(&tag(2, 0, b"TT2\0\0\x02\0a")), Contents { timestamp: None, more: true });
        let with_footer = [tag(4, FOOTER, &private(4, 9)), vec![0; 10]].concat();
        assert_eq!(contents(&with_footer).timestamp, Some(9));
    }

    #[test]
    fn unsynchronised_time_stamps() {
        // 0x1_ff00_ff00 has a zero behind each ff.
        let stamp = 0x1_ff00_ff00_u64;
        let stuffed = [OWNER, &[0, 0, 0, 1, 0xff, 0, 0, 0xff, 0, 0]].concat();
        let frame = |size: [u8; 4], flags| [b"PRIV", &size[..], &[0, flags], &stuffed].concat();
        let plain = (stuffed.len() as u32 - 2).to_be_bytes();
        assert_eq!(contents(&tag(3, 0x80, &frame(plain, 0))).timestamp, Some(stamp));
        assert_eq!(contents(&tag(4, 0x80, &frame(size(stuffed.len()), 2))).timestamp, Some(stamp));
        assert_eq!(contents(&tag(4, 0x80, &frame(size(stuffed.len()), 0))).timestamp, Some(stamp));
    }

    #[test]
    fn tags_in_pieces_and_too_large() {
        let bytes = [tag(4, 0, &private(4, 5)), b"behind".to_vec()].concat();
        for split in 0..bytes.len() - 6 {
            let mut reader = TagReader::default();
            let (first, rest) = bytes.split_at(split);
            assert_eq!(reader.push(first), (Progress::More, &[][..]));
            let (progress, behind) = reader.push(rest);
            assert_eq!(behind, b"behind");
            assert!(matches!(progress, Progress::Done(_)), "split at {split}");
        }
        let huge = tag(3, 0, &[private(3, 5), vec![b'x'; MAX_TAG]].concat());
        let mut reader = TagReader::default();
        let (mut done, mut most) = (None, 0);
        for chunk in huge.chunks(1000) {
            let (progress, rest) = reader.push(chunk);
            assert!(rest.is_empty());
            most = most.max(reader.held());
            done = Some(progress);
        }
        let Some(Progress::Done(tag)) = done else { panic!("{done:?}") };
        assert_eq!((tag.is_whole(), tag.data.len()), (false, MAX_TAG));
        assert!(most <= MAX_TAG, "{most}");
        assert_eq!(tag.contents().timestamp, Some(5));
        for bad in [
            b"ID3\x05\0\0\0\0\0\0",
            b"ID3\x04\xff\0\0\0\0\0",
            b"ID3\x04\0\x01\0\0\0\0",
            b"ID3\x04\0\0\x80\0\0\0",
        ] {
            assert_eq!(TagReader::default().push(bad), (Progress::NoTag, &[][..]));
        }
    }
}
