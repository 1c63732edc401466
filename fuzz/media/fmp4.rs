//! What must hold of any bytes that are read as fragmented MP4.
//!
//! Used twice: by the fuzz target, and by the ordinary tests, which replay the corpus. The first byte says how the rest
//! is fed, so that one input stands for one run.

use cloud_player::crypto::{ContentKey, Iv};
use cloud_player::media::{
    Anchor, Cut, MediaError, MediaEvent, SampleKey, SegmentFacts, SegmentStart, Transmuxer, list_samples,
};
use cloud_player::time::MediaTime;

type Run = (Result<SegmentFacts, MediaError>, Vec<MediaEvent>);

/// Reads the bytes as a segment and checks what came of it.
pub(crate) fn fmp4(data: &[u8]) {
    let Some((&how, bytes)) = data.split_first() else { return };
    let once = run(how, bytes, usize::MAX);
    let size = [1, 7, 64, 1000][usize::from(how & 3)];
    assert!(run(how, bytes, size) == once, "chunks of {size} make a difference");
    let (result, events) = once;
    if let Err(error) = &result {
        assert!(!error.code().is_empty() && !error.to_string().contains('\n'));
    }
    let (mut init, mut total) = (Vec::new(), 0);
    for event in &events {
        match event {
            MediaEvent::Init(section) => {
                assert!(section.mime.ends_with(&format!("codecs=\"{}\"", section.codec)));
                // Bytes that begin like another container are read as that one, whose init section is made here.
                assert!(section.data.len() <= bytes.len() + 1024);
                init = section.data.clone();
            }
            MediaEvent::Fragment(fragment) => {
                let data = fragment.data.bytes();
                total += data.len();
                assert_eq!(&data[4..8], b"moof");
                assert!(fragment.range.start >= MediaTime::ZERO);
                // What goes out is what the same reader takes, with times that are none below zero.
                let samples = list_samples(&init, data).expect("a fragment that can be read");
                assert!(!samples.is_empty());
            }
            MediaEvent::Metadata(metadata) => total += metadata.data.len(),
            MediaEvent::Tracks { .. }
            | MediaEvent::Unsupported { .. }
            | MediaEvent::Timeline { .. }
            | MediaEvent::Cue(_) => {}
        }
    }
    assert!(total <= 4 * bytes.len() + (1 << 16), "{total} bytes out of {}", bytes.len());
}

fn run(how: u8, bytes: &[u8], size: usize) -> Run {
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    if how & 4 != 0 {
        let key = ContentKey::from_hex("00112233445566778899aabbccddeeff").expect("a key");
        transmuxer.sample_key(Some(SampleKey { key, iv: Iv::from_sequence(1) }));
    }
    let anchor = match how >> 3 & 3 {
        0 => Anchor::At(MediaTime::ZERO),
        1 => Anchor::At(MediaTime::from_millis(10_000)),
        2 => Anchor::Offset { offset: -7000, expected: MediaTime::ZERO },
        _ => Anchor::Offset { offset: i64::MAX / 2, expected: MediaTime::from_millis(1000) },
    };
    let start = SegmentStart { anchor, discontinuity: how & 32 != 0, cut: Cut::default() };
    // The second time round, what the first one left behind is there.
    transmuxer.begin_segment(start);
    let first = feed(&mut transmuxer, bytes, size, &mut out);
    if how & 64 == 0 {
        return (first, out);
    }
    transmuxer.begin_segment(start);
    let second = feed(&mut transmuxer, bytes, size, &mut out);
    (first.and(second), out)
}

fn feed(
    transmuxer: &mut Transmuxer,
    bytes: &[u8],
    size: usize,
    out: &mut Vec<MediaEvent>,
) -> Result<SegmentFacts, MediaError> {
    bytes.chunks(size).try_for_each(|chunk| transmuxer.push(chunk, out))?;
    transmuxer.end_segment(out)
}
