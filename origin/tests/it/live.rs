//! Live views, and ladders with renditions of their own.

use std::path::Path;
use std::time::Duration;

use cloud_player_origin::package::{Ladder, Special};
use serde_json::json;

use crate::harness::{Site, attribute, run, run_text, sample, uris};

/// The number after a tag's colon.
fn number(playlist: &str, tag: &str) -> u64 {
    let line = playlist.lines().find_map(|line| line.strip_prefix(tag)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {tag} in {playlist}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_view_moves_stalls_and_ends() {
    let site = Site::start().await;
    let master = site.signed("/media/sample-live/master.m3u8", true, 600).await;
    let (_, query) = master.split_once('?').unwrap();
    let rung = format!("/media/sample-live/360p/index.m3u8?{query}");
    let listed = async || site.get(&format!("/s/l{rung}")).await.text();
    let sequence = |text: &str| number(text, "#EXT-X-MEDIA-SEQUENCE");
    let set = async |live: serde_json::Value| {
        assert_eq!(site.admin("PUT", "sessions/l/live", &live).await.status, 200);
    };
    set(json!({ "window_s": 16 })).await;
    let begun = listed().await;
    assert_eq!(sequence(&begun), 0);
    assert_eq!(uris(&begun), ["0-000.ts", "1-001.ts", "2-002.ts", "3-003.ts"]);
    assert!(!begun.contains("ENDLIST") && !begun.contains("PLAYLIST-TYPE"));
    assert_eq!(site.get(&format!("/s/l/media/sample-live/360p/4-004.ts?{query}")).await.status, 404);
    // Another rung, and another session.
    assert_eq!(
        sequence(&site.get(&format!("/s/l/media/sample-live/480p/index.m3u8?{query}")).await.text()),
        0
    );

    while sequence(&listed().await) == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(sequence(&site.get(&format!("/s/m{rung}")).await.text()), 0, "another session's clock ran");
    for (n, status) in [("0-000.ts", 200), ("4-004.ts", 200), ("0-001.ts", 404), ("000.ts", 404)] {
        let segment = site.get(&format!("/s/l/media/sample-live/360p/{n}?{query}")).await;
        assert_eq!(segment.status, status, "{n}");
    }

    set(json!({ "window_s": 16, "paused": true })).await;
    let stalled = listed().await;
    tokio::time::sleep(Duration::from_millis(4200)).await;
    assert_eq!(listed().await, stalled);

    set(json!({ "window_s": 16, "ends_after_s": 9 })).await;
    while !listed().await.ends_with("#EXT-X-ENDLIST\n") {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ended = listed().await;
    assert_eq!((sequence(&ended), number(&ended, "#EXT-X-DISCONTINUITY-SEQUENCE")), (2, 0));
    assert_eq!(uris(&ended), ["2-002.ts", "3-003.ts", "4-004.ts", "5-005.ts"]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(listed().await, ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_decrypts_a_segment_of_a_later_turn() {
    let site = Site::start().await;
    let token = site.drm_token("sample-live", 60).await;
    let rung = site.signed("/media/sample-live/360p/index.m3u8", true, 600).await;
    let (_, query) = rung.split_once('?').unwrap();
    // Two turns of the file and a little are published when it begins.
    assert_eq!(site.admin("PUT", "sessions/l/live", &json!({ "window_s": 52 })).await.status, 200);
    let with_token = rung.replace("/index", &format!("/voddrm.token.{token}.index"));
    let text = site.get(&format!("/s/l{with_token}")).await.text();
    assert_eq!(uris(&text).len(), 13);
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 2);
    let key = site.get(attribute(&text, "URI").unwrap()).await.body;
    let cipher = site.get(&format!("/s/l/media/sample-live/360p/12-000.ts?{query}")).await.body;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, &cipher).unwrap();
    let (key, iv) = (hex::encode(key), format!("{:032x}", 12));
    let path = file.path().to_str().unwrap();
    let clear = run("openssl", &["enc", "-d", "-aes-128-cbc", "-K", &key, "-iv", &iv, "-in", path]);
    assert!(clear == std::fs::read(sample().join("360p/000.ts")).unwrap());
}

#[tokio::test]
async fn renditions_have_the_token_and_the_signature_of_their_parent_and_text_is_clear() {
    let site = Site::start().await;
    let token = site.drm_token("tracks", 60).await;
    let master = site.signed("/media/tracks/master.m3u8", false, 60).await;
    let master = master.replace("/master", &format!("/voddrm.token.{token}.master"));
    let text = site.get(&format!("/s/t{master}")).await.text();
    let renditions: Vec<&str> = text.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:")).collect();
    let languages: Vec<_> = renditions.iter().map(|line| attribute(line, "LANGUAGE").unwrap()).collect();
    assert_eq!(languages, ["en", "fr", "en"]);
    for (line, segment, kind) in
        renditions.iter().zip(["000.ts", "000.ts", "000.vtt"]).map(|(line, name)| match name {
            "000.vtt" => (line, name, "text/vtt; charset=utf-8"),
            _ => (line, name, "video/mp2t"),
        })
    {
        let uri = attribute(line, "URI").unwrap();
        assert!(uri.contains("/voddrm.token.") && uri.contains("?expires="), "{line}");
        let playlist = site.get(&format!("/s/t/media/tracks/{uri}")).await.text();
        assert_eq!(playlist.contains("#EXT-X-KEY"), segment.ends_with(".ts"), "{playlist}");
        let directory = uri.split('/').next().unwrap();
        let child = uris(&playlist)[0];
        assert!(child.starts_with(segment), "{child}");
        let answer = site.get(&format!("/s/t/media/tracks/{directory}/{child}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        let clear = std::fs::read(beside("sample-tracks").join(directory).join(segment)).unwrap();
        assert_eq!(answer.body == clear, segment.ends_with(".vtt"));
    }
}

#[test]
fn the_special_samples_are_what_they_say() {
    let first = |path: &str, stream: &str| {
        let path = beside(path);
        let arguments = ["-v", "error", "-select_streams", stream, "-show_entries"];
        let entries = ["stream=start_time,width", "-of", "default=nw=1:nk=1", path.to_str().unwrap()];
        let text = run_text("ffprobe", &[&arguments[..], &entries].concat());
        let mut numbers: Vec<f64> = text.lines().map(|line| line.parse().unwrap()).collect();
        // A transport stream's streams are told twice, its program once more.
        numbers.truncate(if stream == "v" { 2 } else { 1 });
        numbers
    };
    assert_eq!(first("sample-splice/mixed/a000.ts", "v"), [640.0, 10.0]);
    assert_eq!(first("sample-splice/mixed/b000.ts", "v"), [854.0, 500.0]);
    // The frame that primes the decoder lies before the first picture.
    let primes = |start: f64| (9.97..=10.0).contains(&start);
    assert_eq!(first("sample-tracks/360p/000.ts", "v"), [640.0, 10.0]);
    assert!(
        primes(first("sample-tracks/en/000.ts", "a")[0]) && primes(first("sample-tracks/fr/000.ts", "a")[0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_makes_the_special_samples() {
    let parent = tempfile::tempdir().unwrap();
    for (special, name) in [(Special::Splice, "sample-splice"), (Special::Tracks, "sample-tracks")] {
        let made = parent.path().join(name);
        special.make(&made, &|_| ()).await.unwrap();
        let (made, kept) = (Ladder::load(&made).unwrap(), Ladder::load(&beside(name)).unwrap());
        assert_eq!((made.duration, made.last_place()), (kept.duration, kept.last_place()), "{name}");
        let sizes = |ladder: &Ladder| ladder.rungs.iter().map(|r| (r.width, r.height)).collect::<Vec<_>>();
        assert_eq!(sizes(&made), sizes(&kept), "{name}");
    }
}

fn beside(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
