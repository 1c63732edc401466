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
    // Of which of the server's beginnings the known playlist is.
    let mut epoch = server.epoch();
    // Whether dates of before may stand beside those of a server that began anew unseen.
    let mut dates_mixed = false;
    // What the server had when it was last loaded, and the time before that.
    let (mut seen, mut older) = (server.clone(), server.clone());
    for byte in bytes.iter().take(MAX_OPERATIONS) {
        server.operate(*byte);
        if !Server::is_idle(*byte) {
            continue;
        }
        let (loaded, skip) = match byte / 8 {
            // A cache that lags.
            23.. => (&older, 0),
            choice if server.epoch() == epoch => (&server, usize::from(choice.saturating_sub(12))),
            // A server that began anew cannot know what to skip.
            _ => (&server, 0),
        };
        let same_epoch = loaded.epoch() == epoch;
        if let Some(refresh) = load(&mut known, loaded, skip, same_epoch, dates_mixed && skip > 0, source) {
            let is_unseen = matches!(refresh, Refresh::Unchanged | Refresh::Advanced { .. }) && !same_epoch;
            // Only a whole text with dates of its own takes those of before away.
            let cleared = skip == 0 && loaded.text(0).contains("PROGRAM-DATE-TIME");
            dates_mixed = is_unseen || (dates_mixed && !cleared);
            epoch = loaded.epoch();
        }
        if byte / 8 < 23 {
            older = core::mem::replace(&mut seen, server.clone());
        }
    }
}

/// A load costs as much as there are segments, and there may be a load for each operation.
const MAX_OPERATIONS: usize = 200;

/// Loads what a server has; afterwards that is what is known, or the load was not taken over and nothing comes
/// back. `same_epoch` is whether segments of one number are the same ones.
fn load(
    known: &mut MediaPlaylist,
    server: &Server,
    skip: usize,
    same_epoch: bool,
    dates_mixed: bool,
    source: &Source<'_>,
) -> Option<Refresh> {
    let before = known.clone();
    let result = refresh(known, server.text(skip).as_bytes(), source);
    match result {
        Ok(Refresh::Stale) => {
            assert!(same_epoch || server.is_empty(), "a server that began anew was taken for one that lags");
            return None;
        }
        Err(PlaylistError::DeltaMismatch { .. }) if skip > 0 => return None,
        Ok(Refresh::Unchanged | Refresh::Advanced { .. }) if same_epoch => {
            for segment in &known.segments {
                let Some(old) = before.segment(segment.sequence) else { continue };
                assert_eq!(segment.start(), old.start(), "a segment moved");
            }
        }
        Ok(Refresh::Unchanged | Refresh::Advanced { .. }) => {
            let mut both = known.segments.iter().filter_map(|new| Some((before.segment(new.sequence)?, new)));
            assert!(
                before.segments.is_empty()
                    || both.any(|(a, b)| (a.extinf(), a.byte_range) == (b.extinf(), b.byte_range)),
                "nothing is as it was, and still the server was not seen to begin anew"
            );
        }
        Ok(Refresh::Restarted) if same_epoch => {
            let mut numbers = before.segments.iter().map(|s| s.sequence);
            assert!(
                !numbers.any(|n| known.segment(n).is_some()),
                "a server that went on was seen to begin anew"
            );
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
        if let Some(date) = whole.program_date_time.filter(|_| !dates_mixed) {
            let known = known.program_date_time.unwrap();
            assert!(known.unix_millis().abs_diff(date.unix_millis()) <= 1, "{known} {date}");
        }
    }
    assert_eq!((&known.tail.parts, known.ended), (&whole.tail.parts, whole.ended));
    assert_eq!((&known.tail.keys, &known.tail.map), (&whole.tail.keys, &whole.tail.map));
    result.ok()
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
            // A server that began anew unseen has something else under that number.
            if let Some(kept) = known.segment(last.sequence).filter(|kept| kept.uri == last.uri) {
                assert_eq!(kept.measured, last.measured);
            }
        }
        (_, None) => {}
    }
    result
}

const MEASURED: TimeRange = TimeRange { start: MediaTime::ZERO, end: MediaTime::from_ticks(7) };
