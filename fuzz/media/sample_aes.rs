//! What must hold of any bytes that are read with a key for their samples.
//!
//! Used twice: by the fuzz target, and by the ordinary tests, which replay the corpus. The first byte of an input says
//! how the rest is fed: its low half in which chunks, bit 4 whether as two segments under two IVs.

use cloud_player::crypto::{ContentKey, Iv, SampleKey};
use cloud_player::media::{Anchor, Cut, MediaError, MediaEvent, SegmentFacts, SegmentStart, Transmuxer};
use cloud_player::time::MediaTime;

const KEY: [u8; 16] = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes();
const IV: [u8; 16] = 0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0_u128.to_be_bytes();

pub(crate) fn sample_aes(input: &[u8]) {
    let Some((&how, bytes)) = input.split_first() else { return };
    let (first, second) = bytes.split_at(if how & 0x10 == 0 { bytes.len() } else { bytes.len() / 2 });
    let segments = if second.is_empty() { vec![first] } else { vec![first, second] };
    let size = usize::from(how & 0x0f).pow(3) + 1;

    let (events, result) = open(&segments, Some(KEY), usize::MAX);
    assert!(
        (&events, &result) == (&open(&segments, Some(KEY), size).0, &open(&segments, Some(KEY), size).1),
        "chunks"
    );

    // A key changes nothing but the payload: all that decisions are made by is in the clear.
    let (noise, same) = open(&segments, Some([7; 16]), usize::MAX);
    assert!(result == same, "{same:?} with another key");
    assert!(events.iter().map(outline).eq(noise.iter().map(outline)), "another key, other decisions");

    // Without a key a transport stream either has no use for one, or that is the error.
    if first.first() == Some(&0x47) {
        match open(&segments, None, usize::MAX) {
            (clear, Ok(facts)) => {
                assert!(result == Ok(facts) && events == clear, "decrypted what was in the clear")
            }
            (_, Err(MediaError::SampleKeyMissing { .. })) => {}
            (_, error) => assert!(error == result, "{error:?} without a key"),
        }
    }
}

type Opened = (Vec<MediaEvent>, Result<Vec<SegmentFacts>, MediaError>);

fn open(segments: &[&[u8]], key: Option<[u8; 16]>, size: usize) -> Opened {
    let (mut transmuxer, mut out, mut facts) = (Transmuxer::new(), Vec::new(), Vec::new());
    let anchor = Anchor::At(MediaTime::from_millis(10_000));
    for (n, segment) in segments.iter().enumerate() {
        let iv = if n == 0 { Iv::from_bytes(IV) } else { Iv::from_sequence(1) };
        let key = key.map(|key| SampleKey::new(ContentKey::from_bytes(&key).unwrap(), iv).unwrap());
        transmuxer.sample_key(key);
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
        for chunk in segment.chunks(size) {
            if let Err(error) = transmuxer.push(chunk, &mut out) {
                return (out, Err(error));
            }
        }
        match transmuxer.end_segment(&mut out) {
            Ok(more) => facts.push(more),
            Err(error) => return (out, Err(error)),
        }
    }
    transmuxer.flush(&mut out);
    (out, Ok(facts))
}

/// An event without its payload.
fn outline(event: &MediaEvent) -> String {
    match event {
        MediaEvent::Fragment(f) => {
            format!("{:?} {:?} {} {}", f.track, f.range, f.starts_with_key_frame, f.data.bytes().len())
        }
        other => format!("{other:?}"),
    }
}
