//! A live playlist as it is refreshed, by a good server or by any.

use cloud_player::playlist::{Limits, MediaPlaylist, PlaylistError, Refresh, Source, parse_media};
use cloud_player::time::{MediaTime, TimeRange};

use super::server::Server;
use super::{consistent, with_source};

/// Bytes that begin with `#` are texts, each the answer to a reload; others are operations of a [`Server`].
pub(crate) fn update(bytes: &[u8]) {
    with_source(Limits { max_segments: 2000, ..Limits::default() }, |source| {
        if bytes.first() == Some(&b'#') { texts(bytes, source) } else { operations(bytes, source) }
    });
}

fn texts(bytes: &[u8], source: &Source<'_>) {
    let mut known: Option<MediaPlaylist> = None;
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.windows(BETWEEN.len()).position(|w| w == BETWEEN).unwrap_or(rest.len());
        let text = &rest[..end];
        rest = rest.get(end + BETWEEN.len()..).unwrap_or_default();
        match &mut known {
            None => known = parse_media(text, source).ok().filter(|p| p.skipped == 0),
            Some(known) => drop(refresh(known, text, source)),
        }
    }
}

/// What stands between texts.
const BETWEEN: &[u8] = b"\n====\n";

fn operations(bytes: &[u8], source: &Source<'_>) {
    let mut server = Server::default();
    server.operate(0);
    let mut known = parse_media(server.text(0).as_bytes(), source).unwrap();
    // What the server had when it was last loaded, and the time before that.
    let (mut seen, mut older) = (server.clone(), server.clone());
    for byte in bytes.iter().take(400) {
        server.operate(*byte);
        if !Server::is_idle(*byte) {
            continue;
        }
        let skip = match byte / 8 {
            // A cache that lags.
            23.. => {
                load(&mut known, &older, 0, older.epoch() == seen.epoch(), source);
                continue;
            }
            choice if server.epoch() == seen.epoch() => usize::from(choice.saturating_sub(12)),
            // A server that began anew cannot know what to skip.
            _ => 0,
        };
        load(&mut known, &server, skip, server.epoch() == seen.epoch(), source);
        older = core::mem::replace(&mut seen, server.clone());
    }
}

/// Loads what a server has; afterwards that is what is known. `same_epoch` is whether segments of one number
/// are the same ones.
fn load(known: &mut MediaPlaylist, server: &Server, skip: usize, same_epoch: bool, source: &Source<'_>) {
    let before = known.clone();
    match refresh(known, server.text(skip).as_bytes(), source) {
        Ok(Refresh::Stale) => return,
        Err(PlaylistError::DeltaMismatch { .. }) if skip > 0 => return,
        Ok(Refresh::Unchanged | Refresh::Advanced { .. }) if same_epoch => {
            for segment in &known.segments {
                let Some(old) = before.segment(segment.sequence) else { continue };
                assert_eq!(segment.start(), old.start(), "a segment moved");
            }
        }
        Ok(_) => {}
        Err(error) => panic!("{error}"),
    }
    let whole = parse_media(server.text(0).as_bytes(), source).unwrap();
    assert_eq!(whole.warnings, [], "{}", server.text(0));
    assert_eq!(known.segments.len(), whole.segments.len());
    for (known, whole) in known.segments.iter().zip(&whole.segments) {
        assert_eq!(
            (&known.uri, known.sequence, known.extinf(), known.byte_range, known.gap, known.bitrate),
            (&whole.uri, whole.sequence, whole.extinf(), whole.byte_range, whole.gap, whole.bitrate),
        );
        assert_eq!(
            (&known.keys, &known.map, &known.parts, known.discontinuity_sequence),
            (&whole.keys, &whole.map, &whole.parts, whole.discontinuity_sequence),
        );
        // The first after a restart is one, whatever the server says.
        assert!(known.discontinuity || !whole.discontinuity);
        if let Some(date) = whole.program_date_time {
            let known = known.program_date_time.unwrap();
            assert!(known.unix_millis().abs_diff(date.unix_millis()) <= 1, "{known} {date}");
        }
    }
    assert_eq!((&known.tail.parts, known.ended), (&whole.tail.parts, whole.ended));
    assert_eq!((&known.tail.keys, &known.tail.map), (&whole.tail.keys, &whole.tail.map));
}

/// One refresh, and what must hold of every one.
fn refresh(known: &mut MediaPlaylist, text: &[u8], source: &Source<'_>) -> Result<Refresh, PlaylistError> {
    if let Some(last) = known.segments.last().map(|s| s.sequence) {
        known.set_measured(last, MEASURED);
    }
    let before = known.clone();
    let result = known.refresh(text, source);
    for low_latency in [false, true] {
        if let Some(reload) = result.ok().and_then(|refresh| known.reload(refresh, low_latency)) {
            // Only where the server holds the answer back may it be asked again at once.
            assert!(!reload.after.is_zero() || reload.directives.msn.is_some());
            assert!(!reload.directives.apply(source.base).expose().is_empty());
        }
    }
    if matches!(result, Err(_) | Ok(Refresh::Stale)) {
        assert!(*known == before, "a load that was not taken over changed something");
        return result;
    }
    consistent(known);
    assert_eq!(known.skipped, 0);
    assert!(known.segments.len() <= source.limits.max_segments);
    let Some(first) = known.segments.first() else { return result };
    match (result, before.segments.last()) {
        (Ok(Refresh::Jumped { .. } | Refresh::Restarted), Some(last)) => assert!(first.start() >= last.end()),
        (_, Some(last)) => {
            if let Some(old) = before.segment(first.sequence) {
                assert_eq!(first.start(), old.start(), "the window moved");
            }
            if let Some(kept) = known.segment(last.sequence) {
                assert_eq!(kept.measured, last.measured);
            }
        }
        (_, None) => {}
    }
    result
}

const MEASURED: TimeRange = TimeRange { start: MediaTime::ZERO, end: MediaTime::from_ticks(7) };
