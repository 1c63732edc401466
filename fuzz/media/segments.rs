//! What must hold of any bytes that are read as two consecutive segments: nothing depends on their pieces, output is well
//! formed and no larger than what came in allows.
//!
//! Used twice: by the fuzz targets, and by the ordinary tests, which replay the corpus.

use cloud_player::media::{
    Anchor, Cut, Fragment, MediaError, MediaEvent, SegmentFacts, SegmentStart, Transmuxer,
};
use cloud_player::time::MediaTime;

/// Transport streams.
pub(crate) fn ts(data: &[u8]) {
    segments(data);
}

/// Packed audio.
pub(crate) fn packed_audio(data: &[u8]) {
    segments(data);
}

/// The first byte says how large pieces are, the second where the second segment starts, the third how segments are placed
/// and whether they belong together.
fn segments(data: &[u8]) {
    let [size, border, place, bytes @ ..] = data else { return };
    let border = bytes.len() * usize::from(*border) / 255;
    let whole = read(bytes, border, *place, bytes.len().max(1));
    let pieces = read(bytes, border, *place, usize::from(*size).max(1));
    assert!(whole == pieces, "it depends on the pieces: {:?} and {:?}", whole.1, pieces.1);
    let (events, facts) = whole;
    let fragments: Vec<&Fragment> =
        events.iter().filter_map(|e| if let MediaEvent::Fragment(f) = e { Some(f) } else { None }).collect();
    for fragment in &fragments {
        assert!(fragment.range.start >= MediaTime::ZERO || fragment.range.end > fragment.range.start);
        well_formed(fragment);
    }
    // A NAL unit gets a length in place of its start code, which may be a byte shorter. Parameter sets go round once.
    let payload: usize = fragments.iter().map(|f| f.data.payload().len()).sum();
    assert!(payload <= bytes.len() + bytes.len() / 3 + 1, "{payload} bytes of {}", bytes.len());
    let tags: usize =
        events.iter().map(|e| if let MediaEvent::Metadata(m) = e { m.data.len() } else { 0 }).sum();
    assert!(tags <= bytes.len());
    for facts in facts.iter().flatten() {
        assert!(facts.length <= bytes.len() as u64 && facts.first_packet <= facts.length);
    }
}

type Read = (Vec<MediaEvent>, Vec<Result<SegmentFacts, MediaError>>);

fn read(bytes: &[u8], border: usize, place: u8, size: usize) -> Read {
    let (mut transmuxer, mut out, mut all) = (Transmuxer::new(), Vec::new(), Vec::new());
    let expected = MediaTime::from_ticks(i64::from(place >> 3) * 45_000);
    let anchor = match place & 1 {
        0 => Anchor::At(expected),
        _ => Anchor::Offset { offset: -900_000, expected },
    };
    let (head, tail) = bytes.split_at(border.min(bytes.len()));
    for (segment, discontinuity) in [(head, false), (tail, place & 2 != 0)] {
        let cut = if place & 4 == 0 { Cut::default() } else { Cut::FirstFrame(Cut::STEADY) };
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity, cut });
        let pushed = segment.chunks(size).try_for_each(|piece| transmuxer.push(piece, &mut out));
        let facts = pushed.and_then(|()| transmuxer.end_segment(&mut out));
        if let Err(error) = &facts {
            assert!(!error.to_string().is_empty() && !error.code().is_empty());
        }
        all.push(facts);
    }
    transmuxer.flush(&mut out);
    (out, all)
}

/// `moof` and `mdat` fill the fragment, and the samples of the one fill the other.
fn well_formed(fragment: &Fragment) {
    let bytes = fragment.data.bytes();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let moof = number(0);
    assert_eq!((&bytes[4..8], &bytes[moof + 4..moof + 8]), (&b"moof"[..], &b"mdat"[..]));
    assert_eq!(moof + number(moof), bytes.len());
    assert_eq!(fragment.data.payload().len(), number(moof) - 8);
    let trun = bytes.windows(4).position(|w| w == b"trun").unwrap();
    let (flags, count) = (number(trun + 4) & 0x00ff_ffff, number(trun + 8));
    let entry = 8 + if flags & 0x400 != 0 { 4 } else { 0 } + if flags & 0x800 != 0 { 4 } else { 0 };
    let sizes: usize = (0..count).map(|i| number(trun + 16 + i * entry + 4)).sum();
    assert_eq!(sizes, fragment.data.payload().len());
}
