//! SAMPLE-AES of two packagers (tests/fixtures/sample-aes): what comes out decodes to the pictures of the clear clip,
//! and has its audio packets.

use cloud_player::crypto::{ContentKey, Iv, SampleKey};

use super::*;

const KEY: &str = "00112233445566778899aabbccddeeff";
const IV: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample-aes").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn expected(name: &str) -> Vec<String> {
    String::from_utf8(fixture(name)).unwrap().lines().map(str::to_owned).collect()
}

fn key(iv: Iv) -> Option<SampleKey> {
    Some(SampleKey::new(ContentKey::from_hex(KEY).unwrap(), iv).unwrap())
}

fn fixed() -> Option<SampleKey> {
    key(Iv::from_hex(IV).unwrap())
}

type Segment = (Vec<u8>, Option<SampleKey>);

/// Feeds consecutive segments, each under its own key, in chunks of `size`.
fn open(segments: &[Segment], size: usize) -> Result<(Vec<MediaEvent>, Vec<SegmentFacts>), MediaError> {
    let (mut transmuxer, mut out, mut facts) = (Transmuxer::new(), Vec::new(), Vec::new());
    for (segment, key) in segments {
        transmuxer.sample_key(key.clone());
        transmuxer.begin_segment(segment_start(facts.last()));
        for chunk in segment.chunks(size) {
            transmuxer.push(chunk, &mut out)?;
        }
        facts.push(transmuxer.end_segment(&mut out)?);
    }
    transmuxer.flush(&mut out);
    Ok((out, facts))
}

/// What libav makes of a track: hashes of decoded pictures, or of audio packets as they are.
fn hashes(name: &str, events: &[MediaEvent], kind: &str) -> Vec<String> {
    let path = fresh_dir(&format!("sample_aes_{name}_{kind}")).join("out.mp4");
    write_file(events, &path);
    let mut command = ffmpeg();
    command.arg("-i").arg(&path).args(["-map", &format!("0:{kind}")]);
    if kind == "a" {
        command.args(["-c", "copy"]);
    }
    let output = command.args(["-f", "framemd5", "-"]).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    let hash = |line: &str| line.split(',').nth(5).unwrap().trim().to_owned();
    lines.lines().filter(|line| line.starts_with("0,")).map(hash).collect()
}

/// Any chunk size gives the same, and it is what it should be.
fn check(name: &str, segments: &[Segment], want: &[(&str, &[String])]) {
    let (whole, facts) = open(segments, usize::MAX).unwrap();
    for size in [1, 16, 100, 187, 188, 1000] {
        assert!(open(segments, size).unwrap().0 == whole, "{name}: chunks of {size}");
    }
    for facts in facts {
        assert!(!facts.losses.any(), "{name}: {:?}", facts.losses);
    }
    for (kind, want) in want {
        assert_eq!(hashes(name, &whole, kind), *want, "{name}");
    }
}

/// The IV of each segment is its number: the last picture of one is complete only when the next one's key is in force.
#[test]
fn segments_by_bento4_with_an_iv_each() {
    let segment = |n: u64| (fixture(&format!("bento-clip-{n}.ts")), key(Iv::from_sequence(n)));
    let (video, audio) = (expected("clip-v.md5"), expected("clip-a.md5"));
    check("bento", &[segment(0), segment(1)], &[("v", &video), ("a", &audio)]);
}

#[test]
fn segments_by_shaka_packager() {
    let (video, audio) = (expected("clip-v.md5"), expected("clip-a.md5"));
    let segment = (fixture("shaka-clip-video-1.ts"), fixed());
    check("shaka", &[segment], &[("v", &video[..12])]);
    let segment = (fixture("shaka-clip-audio-1.ts"), fixed());
    check("shaka", &[segment], &[("a", &audio[..48])]);
}

#[test]
fn emulation_prevention_is_taken_off_once() {
    let pictures = expected("dots-v.md5");
    for name in ["bento-dots-0.ts", "shaka-dots-1.ts"] {
        check(name, &[(fixture(name), fixed())], &[("v", &pictures)]);
    }
}

#[test]
fn audio_of_every_codec_in_transport_streams_and_packed() {
    for (name, clip, packets) in [
        ("bento-ac3-0.ts", "ac3-a.md5", 32),
        ("shaka-eac3-1.ts", "eac3-a.md5", 32),
        ("bento-packed-0.aac", "clip-a.md5", 47),
        ("bento-packed-0.eac3", "eac3-a.md5", 32),
        ("shaka-packed-1.ac3", "ac3-a.md5", 32),
    ] {
        let want = expected(clip);
        check(name, &[(fixture(name), fixed())], &[("a", &want[..packets])]);
        for size in [1, 100, usize::MAX] {
            let error = open(&[(fixture(name), None)], size).unwrap_err();
            assert_eq!(error.code(), "sample_key_missing", "{name}");
        }
    }
}

/// The stream's types as in a clear stream: 0x1b and 0x0f. The table's CRC is made right.
fn retyped(segment: &[u8], types: [u8; 2]) -> Vec<u8> {
    let mut segment = segment.to_vec();
    for packet in segment.chunks_exact_mut(188) {
        // The program map: table 2 behind a pointer field, in a packet that starts a section.
        if packet[1] & 0x40 == 0 || packet[3] & 0x20 != 0 || packet[4..6] != [0, 2] {
            continue;
        }
        let length = usize::from(u16::from_be_bytes([packet[6] & 0x0f, packet[7]]));
        let section = &mut packet[5..8 + length];
        let mut at = 12 + usize::from(section[11]);
        while at < section.len() - 4 {
            section[at] = match section[at] {
                0xdb => types[0],
                0xcf => types[1],
                other => panic!("stream type {other:#x}"),
            };
            at += 5 + usize::from(section[at + 4]);
        }
        let (body, crc) = section.split_at_mut(length - 1);
        crc.copy_from_slice(&crc32_mpeg2(body).to_be_bytes());
    }
    segment
}

fn crc32_mpeg2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

#[test]
fn the_program_map_says_what_is_encrypted() {
    let stream = Stream::usual("sample_aes_clear");
    // Clear types under a key: nothing is decrypted.
    let (clear, _) = transmux(&stream.segments, usize::MAX).unwrap();
    let keyed: Vec<_> = stream.segments.iter().map(|segment| (segment.clone(), fixed())).collect();
    assert!(open(&keyed, 4096).unwrap().0 == clear);
    // Of the same program one stream is encrypted and the other is not, by its type.
    let segment = fixture("bento-clip-0.ts");
    let zero = key(Iv::from_sequence(0));
    let (whole, _) = open(&[(segment.clone(), zero.clone())], 4096).unwrap();
    let (half, _) = open(&[(retyped(&segment, [0xdb, 0x0f]), zero.clone())], 4096).unwrap();
    assert!(fragments(&half, TrackKind::Video) == fragments(&whole, TrackKind::Video));
    assert!(fragments(&half, TrackKind::Audio) != fragments(&whole, TrackKind::Audio));
    let (half, _) = open(&[(retyped(&segment, [0x1b, 0xcf]), zero)], 4096).unwrap();
    assert!(fragments(&half, TrackKind::Video) != fragments(&whole, TrackKind::Video));
    assert!(fragments(&half, TrackKind::Audio) == fragments(&whole, TrackKind::Audio));
}

#[test]
fn a_missing_key_is_an_error_and_a_wrong_one_makes_noise() {
    let segment = fixture("bento-clip-0.ts");
    for size in [1, 188, usize::MAX] {
        let error = open(&[(segment.clone(), None)], size).unwrap_err();
        assert_eq!(error.code(), "sample_key_missing");
        let MediaError::SampleKeyMissing { position } = error else { panic!("{error}") };
        assert_eq!((position % 188, position < 188 * 10), (0, true), "{error}");
    }
    // The key is not kept for segments that come without one.
    let first = (segment.clone(), key(Iv::from_sequence(0)));
    let error = open(&[first.clone(), (fixture("bento-clip-1.ts"), None)], 4096).unwrap_err();
    assert_eq!(error.code(), "sample_key_missing");
    // Containers and headers are in the clear: only a decoder can tell that the key is wrong.
    let wrong = SampleKey::new(ContentKey::from_bytes(&[7; 16]).unwrap(), Iv::from_sequence(0)).unwrap();
    let (noise, facts) = open(&[(segment.clone(), Some(wrong))], 4096).unwrap();
    let (media, right) = open(&[first], 4096).unwrap();
    assert!(noise != media && facts[0].video == right[0].video && facts[0].audio == right[0].audio);
    assert_eq!(facts[0].losses, right[0].losses);
}

/// Flipped bits, cuts and splices: no panic, the same for any chunks, and not much more out than went in.
#[test]
fn damage_neither_panics_nor_depends_on_chunks() {
    let good =
        [("bento-clip-0.ts", 0), ("bento-dots-0.ts", 1), ("shaka-eac3-1.ts", 2), ("bento-packed-0.aac", 3)]
            .map(|(name, n)| (fixture(name), key(Iv::from_sequence(n))));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    for round in 0..300 {
        let (segment, key) = &good[round % 4];
        let mut bytes = segment.clone();
        for _ in 0..=next(20) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes.truncate(at.max(188)),
                2 => drop(bytes.splice(at..at, segment[..next(segment.len())].to_vec())),
                _ => drop(bytes.drain(at..(at + next(400)).min(bytes.len()))),
            }
            bytes.truncate(60_000);
            if bytes.is_empty() {
                bytes.push(0x47);
            }
        }
        let segments = [(bytes.clone(), key.clone()), (segment.clone(), fixed())];
        let once = open(&segments, usize::MAX);
        let again = open(&segments, 1 + next(3000));
        assert!(again == once, "round {round}");
        if let Ok((events, _)) = once {
            let out: usize = [TrackKind::Video, TrackKind::Audio]
                .into_iter()
                .flat_map(|kind| fragments(&events, kind))
                .map(|f| f.data.bytes().len())
                .sum();
            // Lengths for start codes, and headers of fragments that may hold one frame each.
            assert!(out < 4 * (bytes.len() + segment.len()), "round {round}: {out} bytes");
        }
    }
}

#[path = "../../../fuzz/media/sample_aes.rs"]
mod fuzz;

#[test]
fn the_fuzz_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/sample_aes");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        fuzz::sample_aes(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 5, "a corpus of {count}");
}
