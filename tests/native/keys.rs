//! Whole sessions over streams in each way of encryption, and those that cannot be opened.

use std::path::{Path, PathBuf};
use std::process::Command;

use aes::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use cloud_player::engine::{Request, Source};
use cloud_player::error::Phase;
use cloud_player::media::TrackKind;
use cloud_player::secret::Url;

use crate::sample;
use crate::setup::{RTT, config, edited, secs, world};
use crate::world::{Network, Response, World};

const LONG_KEY: &[u8; 32] = b"a key that has thirty-two bytes.";
const SAMPLE_KEY: [u8; 16] = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes();

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample-aes").join(name)
}

/// The sample, its segments encrypted anew by `encrypt`, which gets their numbers.
fn reencrypted(
    method: &'static str,
    key: impl AsRef<[u8]> + 'static,
    encrypt: fn(&[u8], u64) -> Vec<u8>,
) -> World {
    let mut origin = edited(move |text| text.replace("METHOD=AES-128", &format!("METHOD={method}")));
    let serve = move |request: &Request| {
        let path = request.url.expose().split('?').next().unwrap();
        let response = origin(request);
        if path.ends_with("/key") && !response.body.is_empty() {
            return Response::ok(key.as_ref());
        }
        let Some(name) = path.strip_prefix("http://origin.test/").filter(|p| p.ends_with(".ts")) else {
            return response;
        };
        let clear = Path::new(env!("CARGO_MANIFEST_DIR")).join("origin").join(name);
        let number = name.trim_end_matches(".ts").rsplit('/').next().unwrap().parse().unwrap();
        Response::ok(encrypt(&std::fs::read(clear).unwrap(), number))
    };
    world(config(), 5_000_000, Box::new(serve))
}

fn cbc_256(clear: &[u8], number: u64) -> Vec<u8> {
    let iv = u128::from(number).to_be_bytes();
    cbc::Encryptor::<aes::Aes256>::new(LONG_KEY.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(clear)
}

/// By openssl.
fn counter_256(clear: &[u8], number: u64) -> Vec<u8> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys");
    std::fs::create_dir_all(&dir).unwrap();
    let hex: String = LONG_KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    let (from, to) = (dir.join(format!("{number}.ts")), dir.join(format!("{number}.enc")));
    std::fs::write(&from, clear).unwrap();
    let mut command = Command::new("openssl");
    command.args(["enc", "-aes-256-ctr", "-K", &hex, "-iv", &format!("{number:032x}"), "-in"]).arg(&from);
    assert!(command.arg("-out").arg(&to).status().unwrap().success());
    std::fs::read(to).unwrap()
}

fn video_samples(w: &World) -> usize {
    w.element.tracks.iter().find(|t| t.kind == TrackKind::Video).unwrap().samples
}

#[test]
fn longer_keys_play_like_the_short_one() {
    for (method, encrypt) in [("AES-256", cbc_256 as fn(&[u8], u64) -> _), ("AES-256-CTR", counter_256)] {
        let mut w = reencrypted(method, LONG_KEY, encrypt);
        w.run_until(secs(40), method, |w| w.element.ended);
        assert_eq!((w.errors().count(), w.element.stalls), (0, 0), "{method}");
        assert!(video_samples(&w) >= 600, "{method}: {} samples", video_samples(&w));
    }
}

#[test]
fn a_wrong_long_key_is_told_from_a_broken_stream() {
    for (method, encrypt) in [("AES-256", cbc_256 as fn(&[u8], u64) -> _), ("AES-256-CTR", counter_256)] {
        let mut w = reencrypted(method, b"another key that has 32 bytes...", encrypt);
        w.run_until(secs(60), method, |w| w.fatal().is_some());
        let error = w.fatal().unwrap();
        assert_eq!((error.code, error.phase), ("wrong_key", Phase::Decrypt), "{method}");
    }
}

#[test]
fn a_key_of_the_wrong_length_is_the_key_servers_fault() {
    for (method, key) in [("AES-128", &LONG_KEY[..]), ("AES-256", &SAMPLE_KEY), ("SAMPLE-AES", LONG_KEY)] {
        let mut w = reencrypted(method, key, sample::encrypt);
        w.run_until(secs(60), method, |w| w.fatal().is_some());
        let error = w.fatal().unwrap();
        assert_eq!((error.code, error.phase), ("key_mismatch", Phase::Key), "{method}");
        assert_eq!(w.requests_for("/key").len(), 2, "asked for once more");
    }
}

/// Segments that are byte ranges of one resource: each is encrypted on its own, from its IV to its padding.
#[test]
fn byte_ranges_are_messages_of_their_own() {
    let segments: Vec<Vec<u8>> = (0..6)
        .map(|n| {
            let path = format!("{}/origin/sample/360p/{n:03}.ts", env!("CARGO_MANIFEST_DIR"));
            std::fs::read(path).unwrap()
        })
        .collect();
    let aes_128 = sample::encrypt as fn(&[u8], u64) -> _;
    for (method, encrypt) in [("AES-128", aes_128), ("AES-256", cbc_256), ("AES-256-CTR", counter_256)] {
        let messages: Vec<Vec<u8>> = (0..).zip(&segments).map(|(n, clear)| encrypt(clear, n)).collect();
        let mut playlist = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-KEY:METHOD={method},URI=\"key\"\n"
        );
        let mut offset = 0;
        for message in &messages {
            playlist += &format!("#EXTINF:4,\n#EXT-X-BYTERANGE:{}@{offset}\nall.ts\n", message.len());
            offset += message.len();
        }
        playlist += "#EXT-X-ENDLIST\n";
        let resource = messages.concat();
        let origin = move |request: &Request| {
            let mut response = match (request.url.expose().rsplit('/').next(), request.range) {
                (Some("p.m3u8"), _) => Response::ok(playlist.as_str()),
                (Some("key"), _) => {
                    Response::ok(if method == "AES-128" { &sample::KEY[..] } else { LONG_KEY })
                }
                (Some("all.ts"), Some((start, length))) => {
                    let start = usize::try_from(start).unwrap();
                    Response::ok(&resource[start..][..usize::try_from(length).unwrap()])
                }
                _ => Response::status(204),
            };
            if request.range.is_some() {
                response.head.status = 206;
            }
            response
        };
        let mut w = World::new(config(), Network::new(5_000_000, RTT), Box::new(origin));
        w.play(Source::Hls { url: Url::new("http://origin.test/p.m3u8"), token: None });
        w.run_until(secs(40), method, |w| w.element.ended);
        assert_eq!((w.errors().count(), w.element.stalls), (0, 0), "{method}");
        assert!(video_samples(&w) >= 600, "{method}: {} samples", video_samples(&w));
    }
}

/// A stream of Bento4, whose segments have their numbers as IVs; `key` is the line that says so.
fn sample_aes(key: &'static str, bits_per_second: u64, key_fails: u32) -> World {
    let mut failures = 0;
    let origin = move |request: &Request| match request.url.expose() {
        "http://origin.test/p.m3u8" => {
            let head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD";
            let segments = "#EXTINF:1,\nbento-clip-0.ts\n#EXTINF:0.917,\nbento-clip-1.ts\n#EXT-X-ENDLIST\n";
            Response::ok(format!("{head}\n{key}\n{segments}"))
        }
        "http://origin.test/key" if failures < key_fails => {
            failures += 1;
            Response::status(503)
        }
        "http://origin.test/key" => Response::ok(SAMPLE_KEY),
        url => match url.rsplit_once('/') {
            Some((_, name)) if name.ends_with(".ts") => Response::ok(std::fs::read(fixture(name)).unwrap()),
            _ => Response::status(204),
        },
    };
    let mut world = World::new(config(), Network::new(bits_per_second, RTT), Box::new(origin));
    world.play(Source::Hls { url: Url::new("http://origin.test/p.m3u8"), token: None });
    world
}

/// Hashes of the pictures that libav decodes from all that was appended.
fn pictures(w: &World) -> Vec<String> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sample-aes-session.mp4");
    let track = w.element.tracks.iter().find(|t| t.kind == TrackKind::Video).unwrap();
    std::fs::write(&path, &track.appended).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(&path)
        .args(["-f", "framemd5", "-"])
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let hash = |line: &str| line.split(',').nth(5).unwrap().trim().to_owned();
    lines.lines().filter(|line| line.starts_with("0,")).map(hash).collect()
}

#[test]
fn encrypted_samples_play_and_wait_for_their_key() {
    let expected = std::fs::read_to_string(fixture("clip-v.md5")).unwrap();
    let expected: Vec<_> = expected.lines().collect();
    // With failures the segment is complete before its key comes.
    for (bits_per_second, key_fails) in [(100_000, 0), (5_000_000, 0), (5_000_000, 2)] {
        let mut w = sample_aes("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\"", bits_per_second, key_fails);
        w.run_until(secs(20), "the end", |w| w.element.ended);
        assert_eq!(w.errors().filter(|e| e.phase != Phase::Key).count(), 0);
        assert_eq!(pictures(&w), expected, "{bits_per_second} bit/s, {key_fails} failures");
        assert_eq!(w.requests_for(".ts").len(), 2);
    }
}

#[test]
fn encrypted_samples_without_a_key_are_an_error() {
    let mut w = sample_aes("", 5_000_000, 0);
    w.run_until(secs(20), "an error", |w| w.fatal().is_some());
    assert_eq!(w.fatal().unwrap().code, "sample_key_missing");
}

#[test]
fn what_cannot_be_opened_is_said_by_name() {
    let fairplay = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n\
                    #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"data:text/plain;base64,AAAA\",\
                    KEYFORMAT=\"urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed\"";
    let both = ["com.apple.streamingkeydelivery", "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"];
    for (line, code, names) in [
        (fairplay, "drm_unsupported", &both[..]),
        ("#EXT-X-KEY:METHOD=SM4-CBC,URI=\"key\"", "encryption_unsupported", &["SM4-CBC"]),
        ("#EXT-X-KEY:METHOD=AES-256-GCM,URI=\"key\"", "encryption_unsupported", &["AES-256-GCM"]),
    ] {
        let mut w = sample_aes(line, 5_000_000, 0);
        w.run_until(secs(20), code, |w| w.fatal().is_some());
        let error = w.fatal().unwrap();
        assert_eq!((error.code, error.phase), (code, Phase::Decrypt));
        assert!(names.iter().all(|name| error.message.contains(name)), "{}", error.message);
        assert!(!error.message.contains("skd:") && w.requests_for(".ts").is_empty());
    }
    // Beside the identity format, another one does no harm.
    let mut w = sample_aes(
        "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\"",
        5_000_000,
        0,
    );
    w.run_until(secs(20), "the end", |w| w.element.ended);
}

/// Where the key changes, the next one is there before the first segment that needs it is asked for.
#[test]
fn the_key_behind_a_change_comes_before_its_segment() {
    for answer in [sample::KEY.to_vec(), b"too short".to_vec()] {
        let key = format!("#EXT-X-KEY:METHOD=AES-128,URI=\"/key?token={}&v=2\"\n", sample::TOKEN);
        let mut origin = edited(move |text| {
            // Before the fourth segment.
            let at = text.match_indices("#EXTINF").nth(3).unwrap().0;
            format!("{}{key}{}", &text[..at], &text[at..])
        });
        let whole = answer.len() == 16;
        let serve = move |request: &Request| match request.url.expose().contains("v=2") {
            true => Response::ok(answer.clone()),
            false => origin(request),
        };
        let mut w = world(config(), 2_000_000, Box::new(serve));
        w.run_until(secs(60), "the end, or an error", |w| w.element.ended || w.fatal().is_some());
        let key = w.requests_for("v=2")[0].0;
        let (third, fourth) = (w.requests_for("/002.ts")[0].0, w.requests_for("/003.ts")[0].0);
        assert!(third <= key && key < fourth, "{third:?} {key:?} {fourth:?}");
        match whole {
            true => assert_eq!((w.fatal(), w.requests_for("v=2").len()), (None, 1)),
            false => {
                assert_eq!(w.errors().next().map(|e| (e.code, e.phase)), Some(("key_length", Phase::Key)))
            }
        }
    }
}
