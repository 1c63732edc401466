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

/// Chromium walks the boxes of an init section and refuses an append where those inside one do not add up to it; only those
/// that were needed here were looked at, and a copy damaged behind them went to the browser.
#[test]
fn an_init_section_that_browsers_cannot_take_apart_is_damaged() {
    let cmaf = Cmaf::new("cmaf_init", &[]);
    let damaged = |kind: &[u8; 4], edit: fn(&mut Vec<u8>)| {
        let mut init = cmaf.init.clone();
        edit(&mut init);
        let at = find(&init, kind);
        init[at] ^= 0x5a;
        pass(Some(&init), &[], 9, AT)
    };
    // The last box of `moov`, which is none of ours; and one of each box inside.
    for kind in [b"udta", b"trex", b"minf", b"dinf", b"stco", b"elst"] {
        let error = damaged(kind, |_| ()).unwrap_err();
        assert_eq!(error.code(), "box_damaged", "{}: {error}", kind.escape_ascii());
    }
    // In a track that does not go on it does no harm.
    let no_sound = |init: &mut Vec<u8>| {
        let soun = init.windows(4).position(|bytes| bytes == b"soun").unwrap();
        init[soun..soun + 4].copy_from_slice(b"text");
    };
    damaged(b"smhd", no_sound).unwrap();
    assert_eq!(damaged(b"smhd", |_| ()).unwrap_err().code(), "box_damaged");
}

/// Damage that begins behind the size of an `mdat` leaves a box of the right length with a name that could be one: it counted
/// as the fragment's data, and the browser got a `moof` without `mdat`.
#[test]
fn samples_are_in_mdat_or_the_fragment_is_damaged() {
    let cmaf = Cmaf::new("cmaf_mdat", &[]);
    let mut segment = cmaf.segments[0].clone();
    let mdat = find(&segment, b"mdat");
    segment[mdat + 4..].iter_mut().take(4000).for_each(|byte| *byte ^= 0x5a);
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.init_section(&cmaf.init, &mut out).unwrap();
    transmuxer.begin_segment(segment_start(None));
    let error = transmuxer.push(&segment, &mut out).unwrap_err();
    assert_eq!(error, MediaError::DamagedBox { position: mdat as u64, kind: (*b"mdat").into() });
    assert!(fragments(&out, TrackKind::Video).is_empty());
    assert_eq!(code(Some(&cmaf.init), &segment), "box_damaged");
    // Boxes without samples may lie between a header and its data, whatever they are called.
    let mut between = cmaf.segments[0].clone();
    let trun = find(&between, b"trun");
    assert_eq!(between[trun + 11] & 1, 1, "an offset");
    between.splice(mdat..mdat, *b"\0\0\0\x087>;.");
    for at in (0..between.len()).filter(|&at| between[at..].starts_with(b"trun")).collect::<Vec<_>>() {
        let offset = &mut between[at + 12..at + 16];
        let moved = u32::from_be_bytes(offset.try_into().unwrap()) + 8;
        offset.copy_from_slice(&moved.to_be_bytes());
    }
    pass(Some(&cmaf.init), &[between], 7, AT).unwrap();
    // Samples without a byte are no reason to do without.
    let boxed =
        |kind: &[u8; 4], body: &[u8]| [&((body.len() + 8) as u32).to_be_bytes()[..], kind, body].concat();
    let (tfhd, trun) = (boxed(b"tfhd", &[0, 2, 0, 0, 0, 0, 0, 1]), boxed(b"trun", &[0, 0, 0, 0, 0, 0, 0, 1]));
    let moof = boxed(b"moof", &boxed(b"traf", &[tfhd, trun].concat()));
    assert_eq!(code(Some(&cmaf.init), &[&moof[..], &boxed(b"free", &[])].concat()), "box_truncated");
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

#[test]
fn small_headers_cannot_ask_for_much() {
    let cmaf = Cmaf::new("cmaf_bombs", &["-an"]);
    let boxed =
        |kind: &[u8; 4], body: &[u8]| [&((body.len() + 8) as u32).to_be_bytes()[..], kind, body].concat();
    let tfhd = boxed(b"tfhd", &[0, 2, 0, 0, 0, 0, 0, 1]);
    // Samples without a field of their own, 60,000 of them in 16 bytes; again and again.
    let trun = boxed(b"trun", &[&[0; 4][..], &60_000_u32.to_be_bytes()].concat());
    let traf = boxed(b"traf", &[&tfhd[..], &trun].concat());
    let moof = boxed(b"moof", &traf.repeat(60_000));
    assert_eq!(code(Some(&cmaf.init), &moof), "box_too_large");
    let traf = boxed(b"traf", &[&tfhd[..], &trun.repeat(100_000)].concat());
    assert_eq!(code(Some(&cmaf.init), &boxed(b"moof", &traf)), "box_too_large");
    // Runs without samples, and then boxes without content while the data are awaited.
    let empty = boxed(b"trun", &[0; 8]);
    let one =
        boxed(b"trun", &[&[0, 0, 2, 0][..], &1_u32.to_be_bytes(), &(1_u32 << 25).to_be_bytes()].concat());
    let traf = boxed(b"traf", &[&tfhd[..], &empty.repeat(200_000), &one].concat());
    let segment = [boxed(b"moof", &traf), boxed(b"free", &[]).repeat(300_000)].concat();
    let error = pass(Some(&cmaf.init), &[segment], usize::MAX, AT).unwrap_err();
    assert_eq!(error.code(), "box_truncated");

    // As many groups of samples as fit, and more vectors than there are samples.
    let file =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cenc/shaka-cbcs-audio.mp4"));
    let init = file.unwrap();
    let init = &init[..find(&init, b"moof")];
    let groups = (0..400_000_u32).flat_map(|_| [0, 0, 0, 0, 0, 1, 0, 1]).collect::<Vec<u8>>();
    let sbgp = boxed(b"sbgp", &[&[0; 4][..], b"seig", &400_000_u32.to_be_bytes(), &groups].concat());
    let senc = boxed(b"senc", &[&[0; 4][..], &u32::MAX.to_be_bytes()].concat());
    let flags = [0, 0, 2, 1];
    let samples: Vec<u8> = (0..60_000).flat_map(|_| [0, 0, 0, 0]).collect();
    let trun = boxed(b"trun", &[&flags[..], &60_000_u32.to_be_bytes(), &[0, 0, 0, 0], &samples].concat());
    let traf = boxed(b"traf", &[&tfhd[..], &trun, &sbgp, &senc].concat());
    let segment = [boxed(b"moof", &traf), boxed(b"mdat", &[0; 8])].concat();
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.init_section(init, &mut out).unwrap();
    let key = ContentKey::from_bytes(&[7; 16]).unwrap();
    transmuxer.sample_key(Some(SampleKey { key, iv: Iv::from_sequence(1) }));
    transmuxer.begin_segment(segment_start(None));
    transmuxer.push(&segment, &mut out).unwrap();
    transmuxer.end_segment(&mut out).unwrap();
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
