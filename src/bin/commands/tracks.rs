//! One track out of MP4 that has two: the other one's boxes become such as readers skip.

use cloud_player::media::TrackKind;

/// Hides the tracks of an init section that are not of a kind; returns their numbers.
pub(crate) fn hide_tracks(init: &mut [u8], wanted: TrackKind) -> Vec<u32> {
    let handler = match wanted {
        TrackKind::Video => b"vide",
        TrackKind::Audio => b"soun",
    };
    let mut hidden = Vec::new();
    let moov = child(init, (0, init.len()), b"moov").unwrap_or_default();
    for (kind, range) in children(init, moov).filter(|(kind, _)| kind == b"trak").collect::<Vec<_>>() {
        let hdlr = child(init, range, b"mdia").and_then(|mdia| child(init, mdia, b"hdlr"));
        let is_wanted = hdlr.and_then(|(at, _)| init.get(at + 8..at + 12)) == Some(handler);
        if kind == *b"trak" && !is_wanted {
            let tkhd = child(init, range, b"tkhd").map_or(0, |(at, _)| at);
            let wide = init.get(tkhd) == Some(&1);
            hidden.push(number(init, tkhd + if wide { 20 } else { 12 }));
            hide(init, range);
        }
    }
    let mvex = child(init, moov, b"mvex").unwrap_or_default();
    for (_, range) in children(init, mvex).filter(|(kind, _)| kind == b"trex").collect::<Vec<_>>() {
        if hidden.contains(&number(init, range.0 + 4)) {
            hide(init, range);
        }
    }
    hidden
}

/// Hides these tracks in a fragment; false if it has no other.
pub(crate) fn hide_in_fragment(fragment: &mut [u8], hidden: &[u32]) -> bool {
    let moof = child(fragment, (0, fragment.len()), b"moof").unwrap_or_default();
    let mut left = false;
    for (_, range) in children(fragment, moof).filter(|(kind, _)| kind == b"traf").collect::<Vec<_>>() {
        let tfhd = child(fragment, range, b"tfhd").map_or(0, |(at, _)| at);
        if hidden.contains(&number(fragment, tfhd + 4)) {
            hide(fragment, range);
        } else {
            left = true;
        }
    }
    left
}

/// Where the content of a box starts and ends.
type Span = (usize, usize);

/// Boxes whose size has 32 bits, as the transmuxer lets them through inside of `moov` and `moof`.
fn children(bytes: &[u8], (mut at, end): Span) -> impl Iterator<Item = ([u8; 4], Span)> {
    core::iter::from_fn(move || {
        let header: [u8; 8] = bytes.get(at..end)?.first_chunk().copied()?;
        let size = usize::try_from(number(&header, 0)).ok()?;
        let next = at.checked_add(size).filter(|&next| size >= 8 && next <= end)?;
        let span = (at + 8, next);
        at = next;
        Some((header.last_chunk().copied()?, span))
    })
}

fn child(bytes: &[u8], span: Span, kind: &[u8; 4]) -> Option<Span> {
    children(bytes, span).find(|(found, _)| found == kind).map(|(_, span)| span)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn hide(bytes: &mut [u8], (start, _): Span) {
    if let Some(kind) = start.checked_sub(4).and_then(|at| bytes.get_mut(at..start)) {
        kind.copy_from_slice(b"free");
    }
}
