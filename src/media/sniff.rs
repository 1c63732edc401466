//! What a segment is by its first bytes, when it is not MPEG-TS.

use super::Found;

/// Bytes of a segment's start that are enough to name it.
pub(super) const SAMPLE: usize = 64;

/// Names what `start` is the start of; `None` for noise. Noise passes for packed audio once in some
/// thousand times, for anything else practically never.
pub(super) fn sniff(start: &[u8]) -> Option<Found> {
    if let Some(b"ftyp" | b"styp" | b"moov" | b"moof" | b"sidx" | b"emsg" | b"prft") = start.get(4..8) {
        return Some(Found::Mp4);
    }
    let unmarked = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
    if let [b'W', b'E', b'B', b'V', b'T', b'T', b' ' | b'\t' | b'\r' | b'\n', ..] = unmarked {
        return Some(Found::WebVtt); // whatever its header has
    }
    // Names that text may have there too; a box of 16 MiB does not start a segment.
    if let [0, _, _, _, kind @ ..] = start
        && [b"mdat", b"free", b"skip", b"uuid", b"ssix", b"meta"].iter().any(|known| kind.starts_with(*known))
    {
        return Some(Found::Mp4);
    }
    match start {
        // ADTS, MPEG audio with a legal bit rate and sample rate, AC-3; or the tag that packed audio starts with.
        [0xff, b, ..] if b & 0xf6 == 0xf0 => return Some(Found::PackedAudio),
        [0xff, b, c, ..] if b & 0xe0 == 0xe0 && c & 0xf0 != 0xf0 && c & 0x0c != 0x0c && b & 0x06 != 0 => {
            return Some(Found::PackedAudio);
        }
        [0x0b, 0x77, ..] | [b'I', b'D', b'3', ..] => return Some(Found::PackedAudio),
        _ => {}
    }
    let text = text(start)?.trim_start_matches('\u{feff}').trim_start();
    Some(match text.as_bytes() {
        [b'<', ..] => Found::Markup,
        [b'{' | b'[', ..] => Found::Json,
        [b'W', b'E', b'B', b'V', b'T', b'T', ..] => Found::WebVtt,
        [b'#', b'E', b'X', b'T', ..] => Found::Playlist,
        _ => Found::Text,
    })
}

/// The start as text, if it is any: UTF-8 without control characters.
fn text(start: &[u8]) -> Option<&str> {
    let text = match core::str::from_utf8(start) {
        Ok(text) => text,
        // The sample may end inside a character.
        Err(e) if e.error_len().is_none() => core::str::from_utf8(start.get(..e.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_and_documents() {
        let cases: [(&[u8], Option<Found>); 13] = [
            (b"<html>", Some(Found::Markup)),
            (b"\xef\xbb\xbf \r\n<?xml version=\"1.0\"?>", Some(Found::Markup)),
            (b"{\"code\": 403}", Some(Found::Json)),
            (b"#EXTM3U\n", Some(Found::Playlist)),
            (b"WEBVTT\n\n", Some(Found::WebVtt)),
            ("访问被拒绝".as_bytes(), Some(Found::Text)),
            (&"访问被拒绝".as_bytes()[..8], Some(Found::Text)),
            (b"\0\0\0\x18stypmsdh", Some(Found::Mp4)),
            (b"\xff\xf1\x50\x80", Some(Found::PackedAudio)),
            (b"ID3\x04\0\0\0\0\0\x3f", Some(Found::PackedAudio)),
            (b"\x0b\x77\0\0", Some(Found::PackedAudio)),
            (b"<\x93\x01\xfe", None),
            (b"\x80\x81\x82\x83", None),
        ];
        for (start, found) in cases {
            assert_eq!(sniff(start), found, "{start:x?}");
        }
    }
}
