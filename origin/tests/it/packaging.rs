//! Packaged media as ffprobe sees it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cloud_player_origin::package::{Ladder, Recipe};

use crate::harness::{attribute, run_text, sample};

#[test]
fn the_sample_is_what_its_playlist_says() {
    let rungs = inspect(&sample());
    assert_eq!(rungs, [(640, 360), (854, 480), (1280, 720), (1920, 1080)]);
    assert_eq!(Ladder::load(&sample()).unwrap().duration, 24.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_makes_a_ladder_once() {
    let cache = tempfile::tempdir().unwrap();
    let said = Mutex::new(Vec::new());
    let say = |line: &str| said.lock().unwrap().push(line.to_owned());
    let recipe = Recipe::lesson().lasting(8);
    let directory = recipe.ensure(cache.path(), &say).await.unwrap();
    assert_eq!(inspect(&directory), [(640, 360), (854, 480), (1280, 720), (1920, 1080)]);
    let ladder = Ladder::load(&directory).unwrap();
    assert_eq!((ladder.duration, ladder.last_place()), (8.0, Some(1)));
    let rates: Vec<u64> = ladder.rungs.iter().map(|rung| rung.bandwidth / 100_000).collect();
    for (rate, expected) in rates.iter().zip([5, 11, 24, 45]) {
        assert!(rate.abs_diff(expected) <= expected / 5 + 1, "{rates:?} x 100 kbit/s");
    }
    let lines = said.lock().unwrap().len();
    assert!(lines > 5, "too little progress was told");

    let start = Instant::now();
    assert_eq!(recipe.ensure(cache.path(), &say).await.unwrap(), directory);
    assert!(start.elapsed().as_millis() < 200 && said.lock().unwrap().len() == lines, "it was made twice");
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1, "something was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encode_that_fails_or_is_dropped_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let left = || std::fs::read_dir(parent.path()).unwrap().count();
    let percent = Recipe::sample().make(&parent.path().join("50%"), &|_| ()).await.unwrap_err();
    assert!(percent.to_string().contains('%'), "{percent}");
    assert_eq!(left(), 0);
    // Nothing to encode: whether ffmpeg or the look at its work refuses, no directory appears.
    Recipe::sample().lasting(0).make(&parent.path().join("empty"), &|_| ()).await.unwrap_err();
    assert_eq!(left(), 0);
    let directory = parent.path().join("dropped");
    let recipe = Recipe::sample();
    let dropped = tokio::time::timeout(Duration::from_millis(700), recipe.make(&directory, &|_| ())).await;
    assert!(dropped.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(left(), 0);
}

/// Checks every rung of a ladder against its playlists, and gives their sizes.
fn inspect(directory: &Path) -> Vec<(u32, u32)> {
    let master = std::fs::read_to_string(directory.join("master.m3u8")).unwrap();
    let (mut sizes, mut keyframes_of_all, mut bandwidth_below) = (Vec::new(), Vec::new(), 0);
    let mut lines = master.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("#EXT-X-STREAM-INF:") else { continue };
        let rung = directory.join(lines.next().unwrap());
        let bandwidth: u64 = attribute(info, "BANDWIDTH").unwrap().parse().unwrap();
        let average: u64 = attribute(info, "AVERAGE-BANDWIDTH").unwrap().parse().unwrap();
        assert!(average <= bandwidth && average > bandwidth_below, "rates do not rise clearly");
        bandwidth_below = bandwidth;
        assert_eq!(attribute(info, "FRAME-RATE"), Some("25.000"));

        let video = streams(&rung, "v:0");
        let audio = streams(&rung, "a:0");
        let codecs = attribute(info, "CODECS").unwrap();
        let profile = match video["profile"].as_str() {
            "Main" => "4d",
            "High" => "64",
            other => panic!("profile {other}"),
        };
        let level: u8 = video["level"].parse().unwrap();
        assert!(codecs.starts_with(&format!("avc1.{profile}")), "{codecs} is not {}", video["profile"]);
        assert!(codecs.ends_with(&format!("{level:02x},mp4a.40.2")), "{codecs} is not level {level}");
        assert_eq!((video["codec_name"].as_str(), video["pix_fmt"].as_str()), ("h264", "yuv420p"));
        assert_eq!((video["has_b_frames"].as_str(), video["avg_frame_rate"].as_str()), ("2", "25/1"));
        assert_eq!(
            (audio["codec_name"].as_str(), audio["profile"].as_str(), audio["sample_rate"].as_str()),
            ("aac", "LC", "48000")
        );
        let (width, height) = attribute(info, "RESOLUTION").unwrap().split_once('x').unwrap();
        assert_eq!((video["width"].as_str(), video["height"].as_str()), (width, height));
        sizes.push((width.parse().unwrap(), height.parse().unwrap()));

        // Segment by segment: a hundred frames, a key frame first and another after two seconds.
        let (mut keyframes, mut bits, mut seconds) = (Vec::new(), 0, 0);
        let playlist = std::fs::read_to_string(&rung).unwrap();
        for uri in playlist.lines().filter(|line| line.ends_with(".ts")) {
            let file = rung.with_file_name(uri);
            let mut frames = frames(&file);
            assert_eq!(frames.len(), 100, "{}", file.display());
            assert!(frames.windows(2).any(|pair| pair[0] > pair[1]), "no B-frames in {}", file.display());
            frames.sort_unstable();
            let keys: Vec<usize> = (0..frames.len()).filter(|&i| frames[i].1).collect();
            assert_eq!(keys, [0, 50], "{}", file.display());
            keyframes.extend(keys.iter().map(|&i| frames[i].0));
            bits += std::fs::metadata(&file).unwrap().len() * 8;
            seconds += 4;
        }
        assert!((bits / seconds).abs_diff(average) * 100 < average, "AVERAGE-BANDWIDTH is off");
        keyframes_of_all.push(keyframes);
    }
    assert!(keyframes_of_all.windows(2).all(|pair| pair[0] == pair[1]), "rungs are not aligned");
    sizes
}

fn streams(playlist: &Path, which: &str) -> BTreeMap<String, String> {
    let entries =
        "stream=codec_name,profile,level,width,height,has_b_frames,avg_frame_rate,pix_fmt,sample_rate";
    // The playlist rather than a segment; a program section repeats the streams, and they agree.
    let path = playlist.to_str().unwrap();
    let arguments =
        ["-v", "error", "-select_streams", which, "-show_entries", entries, "-of", "default=nw=1", path];
    let text = run_text("ffprobe", &arguments);
    text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
}

/// Time in 90 kHz ticks of each frame, and whether it is a key frame, in the order of the file.
fn frames(file: &Path) -> Vec<(i64, bool)> {
    let path = file.to_str().unwrap();
    let entries = "packet=pts,flags";
    let arguments =
        ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0", path];
    let text = run_text("ffprobe", &arguments);
    let frame = |line: &str| {
        let (pts, flags) = line.split_once(',')?;
        Some((pts.parse().ok()?, flags.starts_with('K')))
    };
    text.lines().filter_map(frame).collect()
}
