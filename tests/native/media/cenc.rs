//! Common Encryption: what packagers encrypted, opened with the key, is what they were given.
//!
//! `tests/fixtures/cenc` holds 0.6 s of video and audio, `clear.mp4`, as encrypted by Shaka Packager 3.8
//! (`--protection_scheme`), Bento4 1.5 (`mp4encrypt --method MPEG-…`) and ffmpeg 8.1 (`-encryption_scheme
//! cenc-aes-ctr`).

use cloud_player::crypto::{ContentKey, Iv};
use cloud_player::media::{Anchor, Cut, SampleKey};

use super::fmp4::{AT, assert_decodes, find, hashes};
use super::*;

const KEY: &str = "00112233445566778899aabbccddeeff";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cenc")
}

fn sample_key(key: &str) -> SampleKey {
    SampleKey { key: ContentKey::from_hex(key).unwrap(), iv: Iv::from_sequence(0) }
}

fn decrypt(
    bytes: &[u8],
    key: Option<&str>,
    size: usize,
    anchor: Anchor,
) -> Result<Vec<MediaEvent>, MediaError> {
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.sample_key(key.map(sample_key));
    transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
    for chunk in bytes.chunks(size) {
        transmuxer.push(chunk, &mut out)?;
    }
    let facts = transmuxer.end_segment(&mut out)?;
    assert_eq!(facts.losses.garbage_bytes, 0);
    Ok(out)
}

#[test]
fn every_scheme_of_every_packager() {
    let dir = fresh_dir("cenc");
    let clear = folder().join("clear.mp4");
    let mut count = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name == "clear.mp4" {
            continue;
        }
        count += 1;
        let bytes = fixture(&name);
        // Where decode times stand, they are overwritten; from zero on, ffmpeg's headers are written anew.
        let anchors: &[Anchor] =
            if name.starts_with("ffmpeg") { &[AT, Anchor::At(MediaTime::ZERO)] } else { &[AT] };
        for &anchor in anchors {
            let events = decrypt(&bytes, Some(KEY), usize::MAX, anchor).unwrap();
            for size in [1, 333] {
                assert!(
                    decrypt(&bytes, Some(KEY), size, anchor).unwrap() == events,
                    "{name}: chunks of {size}"
                );
            }
            let output = dir.join(&name);
            write_file(&events, &output);
            let kinds: &[&str] = match name.rsplit('-').next().unwrap() {
                "video.mp4" => &["v"],
                "audio.mp4" => &["a"],
                _ => &["v", "a"],
            };
            for kind in kinds {
                let (got, want) = (hashes(&output, kind), hashes(&clear, kind));
                // From zero on, audio that starts before it is gone.
                let lost = want.len() - got.len();
                assert!(lost == 0 || *kind == "a" && anchor != AT && lost < 4, "{name}: {lost} lost");
                assert_eq!(got, want[lost..], "{name} {kind}");
            }
            assert_decodes(&output);
            // Nothing is left of the protection.
            let written = std::fs::read(&output).unwrap();
            for kind in [b"encv", b"enca", b"sinf", b"senc", b"saiz", b"saio", b"pssh"] {
                let found = written.windows(4).any(|w| w == kind);
                assert!(!found, "{name}: {}", String::from_utf8_lossy(kind));
            }
            let codec = inits(&events)[0].codec.clone();
            assert!(codec.starts_with(if kinds[0] == "v" { "avc1.64000a" } else { "mp4a.40.2" }), "{codec}");
        }
    }
    assert_eq!(count, 15);
}

#[test]
fn without_the_key_it_is_the_hosts() {
    for (name, scheme) in [("shaka-cbcs-video.mp4", *b"cbcs"), ("bento4-cenc.mp4", *b"cenc")] {
        let bytes = fixture(name);
        let position = find(&bytes, b"moof") as u64;
        let error = decrypt(&bytes, None, 100, AT).unwrap_err();
        assert_eq!(error, MediaError::NoSampleKey { position, scheme: scheme.into() });
        assert!(error.to_string().contains(&format!("({})", String::from_utf8_lossy(&scheme))), "{error}");
    }
    // What is in the clear at the front plays without a key.
    let lead = fixture("shaka-lead-video.mp4");
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.begin_segment(SegmentStart { anchor: AT, discontinuity: false, cut: Cut::default() });
    assert_eq!(transmuxer.push(&lead, &mut out).unwrap_err().code(), "samples_encrypted");
    assert_eq!(fragments(&out, TrackKind::Video).len(), 1);
    // A scheme that is not Common Encryption.
    let mut other = fixture("shaka-cbcs-video.mp4");
    let at = find(&other, b"schm") + 12;
    other[at..at + 4].copy_from_slice(b"odkm");
    let error = decrypt(&other, Some(KEY), 100, AT).unwrap_err();
    assert_eq!((error.code(), error.to_string().contains("odkm")), ("scheme_unsupported", true));
}

#[test]
fn the_wrong_key_makes_noise_and_no_more() {
    let bytes = fixture("shaka-cbcs-video.mp4");
    let right = decrypt(&bytes, Some(KEY), 4096, AT).unwrap();
    let wrong = decrypt(&bytes, Some("ff112233445566778899aabbccddeeff"), 4096, AT).unwrap();
    let sizes = |events: &[MediaEvent]| {
        fragments(events, TrackKind::Video).iter().map(|f| f.data.bytes().len()).collect::<Vec<_>>()
    };
    assert!(right != wrong && sizes(&right) == sizes(&wrong));
}

#[test]
fn damaged_information_is_an_error() {
    for (name, kind) in
        [("shaka-cbcs-video.mp4", b"senc"), ("bento4-cenc.mp4", b"senc"), ("ffmpeg8-cenc.mp4", b"senc")]
    {
        let mut bytes = fixture(name);
        let at = find(&bytes, kind);
        // The first subsample is longer than its sample; or, of audio, there is one where there is none.
        bytes[at + 16..at + 40].fill(0xff);
        let error = decrypt(&bytes, Some(KEY), 512, AT).unwrap_err();
        assert_eq!(error.code(), "box_damaged", "{name}");
    }
}
