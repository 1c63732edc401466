//! What must hold of any bytes that are read as a playlist.
//!
//! Used twice: by the fuzz targets, and by the ordinary tests, which replay the corpus.

// Each target uses its own part of this.
#![allow(dead_code, unused_imports)]

mod server;
mod update;

use cloud_player::playlist::{
    self, Limits, MediaPlaylist, Playlist, PlaylistError, Source, Variables, Warning, parse_media,
    parse_multivariant,
};
use cloud_player::secret::Url;

pub(crate) use update::update;

pub(crate) const BASE: &str = "https://h.example/d/p.m3u8?sig=a%2Fb&name=v";

pub(crate) fn with_source<R>(limits: Limits, f: impl FnOnce(&Source<'_>) -> R) -> R {
    f(&Source { base: &Url::new(BASE), variables: &Variables::default(), limits })
}

/// Reads the bytes as a multivariant playlist and checks what came of it.
pub(crate) fn multivariant(bytes: &[u8]) {
    let read = with_source(Limits::default(), |source| parse_multivariant(bytes, source));
    let any = playlist::parse(bytes, &Url::new(BASE), &Limits::default());
    let Ok(read) = read else {
        refused(bytes, &read.unwrap_err());
        return assert!(!matches!(any, Ok(Playlist::Multivariant(_))), "two ways to read, two answers");
    };
    warned(bytes, &read.warnings);
    assert_eq!(read.variants.len(), variant_lines(bytes), "a variant for each STREAM-INF with a URI");
    assert!(any == Ok(Playlist::Multivariant(read.clone())), "two ways to read, two answers");

    let rungs = read.rungs();
    let mut used: Vec<_> =
        rungs.iter().flat_map(|r| r.fallbacks.iter().chain([&r.variant])).copied().collect();
    used.sort_unstable();
    assert!(used.iter().copied().eq(0..read.variants.len()), "each variant is in one rung");
    assert!(rungs.is_sorted_by_key(|rung| rung.bandwidth));
    let few = Limits { max_entries: 1, ..Limits::default() };
    if let Ok(few) = with_source(few, |source| parse_multivariant(bytes, source)) {
        assert!(few.variants.len() <= 1 && few.renditions.len() <= 1 && few.session_data.len() <= 1);
    }
}

/// Reads the bytes as a media playlist and checks what came of it.
pub(crate) fn media(bytes: &[u8]) {
    let read = with_source(Limits::default(), |source| parse_media(bytes, source));
    let any = playlist::parse(bytes, &Url::new(BASE), &Limits::default());
    let Ok(read) = read else {
        refused(bytes, &read.unwrap_err());
        return assert!(!matches!(any, Ok(Playlist::Media(_))), "two ways to read, two answers");
    };
    warned(bytes, &read.warnings);
    assert!(any == Ok(Playlist::Media(read.clone())), "two ways to read, two answers");
    assert_eq!(read.segments.len(), uri_lines(bytes), "a segment for each URI line");
    consistent(&read);
    let few = Limits { max_segments: 1, ..Limits::default() };
    if let Ok(few) = with_source(few, |source| parse_media(bytes, source)) {
        assert!(few.segments.len() <= 1 && few.skipped <= 1);
    }
}

/// Numbers without a gap, a timeline without a gap, sums that fit, and lookups that find what is there.
pub(crate) fn consistent(playlist: &MediaPlaylist) {
    for pair in playlist.segments.windows(2) {
        assert_eq!(pair[0].end(), pair[1].start());
        assert!(pair[1].sequence == pair[0].sequence.saturating_add(1));
        assert!(pair[1].discontinuity_sequence >= pair[0].discontinuity_sequence);
        assert!(pair[0].program_date_time.is_none() || pair[1].program_date_time.is_some(), "dates go on");
    }
    for segment in &playlist.segments {
        assert!(segment.start() <= segment.end());
        assert!(!segment.uri.expose().is_empty());
        assert!(segment.byte_range.is_none_or(|r| r.offset.checked_add(r.length) == Some(r.end())));
        assert!(segment.keys.iter().all(|key| key.method.name() != "NONE"));
        let found = &playlist.segments[playlist.segment_at(segment.start()).unwrap()];
        assert!(found.start() <= segment.start() && segment.start() <= found.end());
    }
    for (at, segment) in playlist.segments.iter().enumerate().filter(|(_, s)| s.sequence < u64::MAX) {
        assert_eq!(playlist.index_of(segment.sequence), Some(at));
    }
    assert!(playlist.window().end <= playlist.live_edge());
    assert_eq!(playlist.maps().count() > 0, playlist.segments.iter().any(|s| s.map.is_some()));
}

fn refused(bytes: &[u8], error: &PlaylistError) {
    assert!(error.line() <= lines(bytes), "{error}");
    assert!(!error.to_string().contains('\n'));
}

fn warned(bytes: &[u8], warnings: &[Warning]) {
    let last = lines(bytes).max(1);
    assert!(warnings.iter().all(|w| (1..=last).contains(&w.line) && !w.text.is_empty()), "{warnings:?}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).replace("\r\n", "\n")
}

fn lines(bytes: &[u8]) -> u32 {
    u32::try_from(text(bytes).split(['\n', '\r']).count()).unwrap()
}

fn uri_lines(bytes: &[u8]) -> usize {
    text(bytes).split(['\n', '\r']).filter(|line| is_uri(line)).count()
}

fn is_uri(line: &str) -> bool {
    let line = trim(line);
    !line.is_empty() && !line.starts_with('#')
}

fn trim(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}')
}

fn variant_lines(bytes: &[u8]) -> usize {
    let mut waiting = false;
    let text = text(bytes);
    let complete = text.split(['\n', '\r']).filter(|line| {
        let tag = trim(line).strip_prefix("#EXT-X-STREAM-INF");
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        waiting |= tag.is_some_and(|value| !value.starts_with(is_name));
        is_uri(line) && core::mem::take(&mut waiting)
    });
    complete.count()
}
