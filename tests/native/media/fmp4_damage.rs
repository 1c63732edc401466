//! Fragmented MP4 that is not what it should be: a typed error, and never a panic.

use cloud_player::crypto::{ContentKey, Iv};
use cloud_player::media::SampleKey;
use proptest::prelude::*;

use super::fmp4::{AT, Cmaf, find, pass};
use super::*;

fn code(init: Option<&[u8]>, segment: &[u8]) -> &'static str {
    let once = pass(init, &[segment.to_vec()], usize::MAX, AT).unwrap_err();
    assert_eq!(pass(init, &[segment.to_vec()], 3, AT).unwrap_err(), once, "in chunks of 3");
    once.code()
}

#[test]
fn errors_say_what_is_wrong() {
    let cmaf = Cmaf::new("cmaf_errors", &[]);
    let (init, segment) = (Some(&cmaf.init[..]), &cmaf.segments[0]);
    assert_eq!(code(None, segment), "no_init_section");
    let (_, progressive) = Cmaf::one_file("cmaf_progressive", "faststart", &["-t", "1"]);
    assert_eq!(code(None, &progressive), "not_fragmented");
    assert_eq!(pass(Some(&progressive), &[], 9, AT).unwrap_err().code(), "not_fragmented");
    assert_eq!(pass(Some(&segment[..500]), &[], 9, AT).unwrap_err().code(), "no_init_section");

    // Cut short: in the data, in the header, between the two.
    let (moof, mdat) = (find(segment, b"moof"), find(segment, b"mdat"));
    for end in [segment.len() - 1, mdat + 8, mdat, moof + 100, moof + 8] {
        assert_eq!(code(init, &segment[..end]), "box_truncated", "cut at {end} of {}", segment.len());
    }
    // What came before the cut has come out.
    let two = [&segment[..], &cmaf.segments[1][..1000]].concat();
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.init_section(&cmaf.init, &mut out).unwrap();
    transmuxer.begin_segment(segment_start(None));
    transmuxer.push(&two, &mut out).unwrap();
    assert_eq!(fragments(&out, TrackKind::Video).len(), 1);
    assert_eq!(transmuxer.end_segment(&mut out).unwrap_err().code(), "box_truncated");

    // Samples that the data do not have.
    let mut long = segment.clone();
    let trun = find(&long, b"trun");
    long[trun + 24..trun + 28].copy_from_slice(&0x00ff_ffff_u32.to_be_bytes());
    assert_eq!(code(init, &long), "box_truncated");
    // More samples than anything has, and more than the box has room for.
    let mut many = segment.clone();
    many[trun + 12..trun + 16].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(code(init, &many), "box_too_large");
    many[trun + 12..trun + 16].copy_from_slice(&1000_u32.to_be_bytes());
    assert_eq!(code(init, &many), "box_damaged");
    // Sizes that nothing has.
    let mut large = segment.clone();
    large[mdat..mdat + 4].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    assert_eq!(code(init, &large), "box_too_large");
    let mut large = segment.clone();
    large[moof..moof + 4].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    assert_eq!(code(init, &large), "box_too_large");
    // Data in front of their header.
    let mut backwards = segment.clone();
    backwards[trun + 16..trun + 20].copy_from_slice(&(-5_000_i32).to_be_bytes());
    assert_eq!(code(init, &backwards), "box_damaged");
    // A track that counts in no time at all.
    let mut timeless = cmaf.init.clone();
    let mdhd = find(&timeless, b"mdhd");
    timeless[mdhd + 20..mdhd + 24].fill(0);
    assert_eq!(pass(Some(&timeless), &[], 9, AT).unwrap_err().code(), "box_damaged");
    assert_eq!(code(init, b""), "segment_empty");
}

#[test]
fn noise_is_told_from_damage() {
    let cmaf = Cmaf::new("cmaf_noise", &[]);
    let segment = &cmaf.segments[0];
    // The wrong IV: the first block is noise.
    let mut noise = segment.clone();
    noise[..16]
        .iter_mut()
        .zip(b"\x93\x17\xe6\x02\x88\xa1\xf0\x0b\x5c\x01\xff\xfe\x10\x9a\xee\x37")
        .for_each(|(b, n)| *b ^= n);
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.init_section(&cmaf.init, &mut out).unwrap();
    transmuxer.begin_segment(segment_start(None));
    let error = transmuxer.push(&noise, &mut out).unwrap_err();
    assert!(error.starts_with_noise(), "{error}");
    // It did not cost the init section: the right IV plays.
    transmuxer.begin_segment(segment_start(None));
    transmuxer.push(segment, &mut out).unwrap();
    transmuxer.end_segment(&mut out).unwrap();
    assert_eq!(fragments(&out, TrackKind::Video).len(), 1);
    // Garbage further in is damage.
    let mut damaged = segment.clone();
    let mdat = find(segment, b"mdat");
    damaged[mdat + 4] = 0xff;
    let error = pass(Some(&cmaf.init), &[damaged], 50, AT).unwrap_err();
    assert_eq!(
        (error.clone(), error.starts_with_noise()),
        (MediaError::NoBox { position: mdat as u64 }, false)
    );
}

#[test]
fn a_segment_given_up_can_be_fed_again() {
    let cmaf = Cmaf::new("cmaf_again", &[]);
    let (want, _) = pass(Some(&cmaf.init), &cmaf.segments[..1], usize::MAX, AT).unwrap();
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.init_section(&cmaf.init, &mut out).unwrap();
    for end in [700, 5000, cmaf.segments[0].len()] {
        transmuxer.begin_segment(segment_start(None));
        transmuxer.push(&cmaf.segments[0][..end], &mut out).unwrap();
    }
    let facts = transmuxer.end_segment(&mut out).unwrap();
    assert!(!facts.losses.any());
    let got: Vec<_> = fragments(&out, TrackKind::Video);
    assert!(got == fragments(&want, TrackKind::Video));
}

/// Runs to the end or an error, the same for two chunkings, and puts out little more than it was given.
fn survives(bytes: &[u8], key: bool, size: usize) {
    let run = |size: usize| {
        let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
        let key = key
            .then(|| SampleKey { key: ContentKey::from_bytes(&[7; 16]).unwrap(), iv: Iv::from_sequence(1) });
        transmuxer.sample_key(key);
        transmuxer.begin_segment(segment_start(None));
        let pushed = bytes.chunks(size).try_for_each(|chunk| transmuxer.push(chunk, &mut out));
        let result = pushed.and_then(|()| transmuxer.end_segment(&mut out));
        transmuxer.flush(&mut out);
        (result, out)
    };
    let once = run(usize::MAX);
    let again = run(size);
    assert!(once == again, "chunks of {size}: {:?} and not {:?}", again.0, once.0);
    let size = |event: &MediaEvent| match event {
        MediaEvent::Init(init) => init.data.len(),
        MediaEvent::Fragment(fragment) => fragment.data.bytes().len(),
        MediaEvent::Metadata(metadata) => metadata.data.len(),
        _ => 0,
    };
    let total: usize = once.1.iter().map(size).sum();
    assert!(total <= 4 * bytes.len() + 65_536, "{total} bytes out of {}", bytes.len());
}

#[test]
fn damage_of_any_kind() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cenc");
    let names = ["shaka-cbcs-video", "shaka-cens-audio", "bento4-cenc", "ffmpeg8-cenc", "shaka-lead-video"];
    let files = names.map(|name| std::fs::read(folder.join(name).with_extension("mp4")).unwrap());
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let index = || any::<prop::sample::Index>();
    // Mostly headers: that is where damage does most.
    let flips = prop::collection::vec((index(), any::<u8>(), any::<bool>()), 1..12);
    let cut = prop::option::of(index());
    let splice = prop::option::of((0..5_usize, index(), index(), 1..400_usize));
    proptest::test_runner::TestRunner::new(config)
        .run(&(0..5_usize, flips, cut, splice, 1..700_usize), |(file, flips, cut, splice, size)| {
            let mut bytes = files[file].clone();
            for (at, value, in_header) in flips {
                let end = if in_header { 1800.min(bytes.len()) } else { bytes.len() };
                bytes[at.index(end)] = value;
            }
            if let Some((other, from, to, length)) = splice {
                let source = &files[other];
                let from = from.index(source.len());
                let piece = source[from..source.len().min(from + length)].to_vec();
                let to = to.index(bytes.len());
                bytes.splice(to..to, piece);
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            survives(&bytes, file % 2 == 0, size);
            survives(&bytes, true, size);
            Ok(())
        })
        .unwrap();
}
