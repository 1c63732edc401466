//! The transmuxer against ffmpeg: what libav finds in a stream and what it finds in our output must be the same.
//!
//! Needs `ffmpeg` and `ffprobe` (with libx264) and `openssl` on the path.

mod anything;
mod audio;
mod before_zero;
pub(crate) mod captions;
mod cenc;
mod damage;
mod encryption;
mod fmp4;
mod fmp4_damage;
mod found;
mod fuzz_fmp4;
mod fuzz_video;
mod hevc;
mod packed;
mod packets;
mod presentation;
mod programs;
mod sample_aes;
mod segments_fuzz;
mod silence;
mod streams;
mod text_fuzz;
mod timed_metadata;
mod two_hours;
mod webvtt;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cloud_player::media::{
    Anchor, Cut, Fragment, InitSection, MediaError, MediaEvent, SegmentFacts, SegmentStart, TrackKind,
    Transmuxer, merge_init,
};
use cloud_player::time::{MediaTime, TICKS_PER_SECOND};

/// Where segments are placed: audio that starts before video has room.
const START: MediaTime = MediaTime::from_millis(10_000);

/// A stream made by ffmpeg, cut into segments of whole GOPs.
struct Stream {
    dir: PathBuf,
    segments: Vec<Vec<u8>>,
}

impl Stream {
    /// Six seconds in segments of two. `arguments` say how it is encoded.
    fn new(name: &str, arguments: &[&str]) -> Self {
        let dir = fresh_dir(name);
        let mut command = ffmpeg();
        command.args("-f lavfi -i testsrc2=s=320x180:r=30000/1001,noise=alls=20:allf=t".split(' '));
        command.args("-f lavfi -i sine=440:r=48000".split(' '));
        command.args("-t 6 -c:v libx264 -preset ultrafast -c:a aac".split(' '));
        command.args("-force_key_frames expr:gte(t,n_forced*2)".split(' ')).args(arguments);
        command.args("-f hls -hls_time 2 -hls_list_size 0 -hls_segment_filename".split(' '));
        command.arg(dir.join("%d.ts")).arg(dir.join("p.m3u8"));
        run(&mut command);
        let read = |i| std::fs::read(dir.join(format!("{i}.ts"))).ok();
        let segments: Vec<_> = (0..).map_while(read).collect();
        assert!(segments.len() >= 2, "{name}: {} segments", segments.len());
        Self { dir, segments }
    }

    fn usual(name: &str) -> Self {
        Self::new(name, &["-bf", "3", "-g", "60"])
    }
}

fn fresh_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("media").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args("-v error -nostdin -y".split(' '));
    command
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} is needed and did not start: {e}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn segment_start(facts: Option<&SegmentFacts>) -> SegmentStart {
    let anchor = match facts.and_then(|facts| Some((facts.offset?, facts.video.or(facts.audio)?.end))) {
        Some((offset, expected)) => Anchor::Offset { offset, expected },
        None => Anchor::At(START),
    };
    let cut = if facts.is_none() { Cut::FirstFrame(Cut::STEADY) } else { Cut::default() };
    SegmentStart { anchor, discontinuity: false, cut }
}

/// Feeds consecutive segments in chunks of `size`.
fn transmux(segments: &[Vec<u8>], size: usize) -> Result<(Vec<MediaEvent>, Vec<SegmentFacts>), MediaError> {
    let (mut transmuxer, mut out, mut facts) = (Transmuxer::new(), Vec::new(), Vec::new());
    for segment in segments {
        transmuxer.begin_segment(segment_start(facts.last()));
        for chunk in segment.chunks(size) {
            transmuxer.push(chunk, &mut out)?;
        }
        facts.push(transmuxer.end_segment(&mut out)?);
    }
    transmuxer.flush(&mut out);
    Ok((out, facts))
}

fn inits(events: &[MediaEvent]) -> Vec<&InitSection> {
    events.iter().filter_map(|e| if let MediaEvent::Init(init) = e { Some(init) } else { None }).collect()
}

fn fragments<'a>(events: &'a [MediaEvent], track: TrackKind) -> Vec<&'a Fragment> {
    let fragment = |e: &'a MediaEvent| if let MediaEvent::Fragment(f) = e { Some(f) } else { None };
    events.iter().filter_map(fragment).filter(|fragment| fragment.track == track).collect()
}

/// One file with all tracks.
fn write_file(events: &[MediaEvent], path: &Path) {
    let mut bytes = merge_init(&inits(events));
    for event in events {
        if let MediaEvent::Fragment(fragment) = event {
            bytes.extend(fragment.data.bytes());
        }
    }
    std::fs::write(path, bytes).unwrap();
}

/// A packet as ffprobe sees it, times in 90 kHz ticks.
#[derive(Debug, Clone, PartialEq)]
struct Packet {
    pts: i64,
    dts: i64,
    duration: Option<i64>,
    key: bool,
    position: u64,
}

/// The packets of one kind of track, in decode order.
fn probe(path: &Path, kind: &str) -> Vec<Packet> {
    let entries = "packet=pts,dts,duration,flags,pos:stream=time_base";
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", kind, "-show_entries", entries, "-of", "json"]).arg(path);
    let json: serde_json::Value = serde_json::from_str(&run(&mut command)).unwrap();
    let base = json["streams"][0]["time_base"].as_str().unwrap_or("1/1").to_owned();
    let rate: i64 = base.strip_prefix("1/").unwrap().parse().unwrap();
    let ticks = |value: &serde_json::Value| {
        value.as_i64().map(|value| (value * TICKS_PER_SECOND + rate / 2).div_euclid(rate))
    };
    json["packets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|packet| Packet {
            pts: ticks(&packet["pts"]).unwrap(),
            dts: ticks(&packet["dts"]).unwrap(),
            duration: ticks(&packet["duration"]),
            key: packet["flags"].as_str().unwrap().starts_with('K'),
            position: packet["pos"].as_str().map_or(0, |pos| pos.parse().unwrap()),
        })
        .collect()
}

/// The payload: of video the NAL units, without those that MP4 keeps elsewhere or not at all (parameter sets,
/// delimiters); of audio a hash of each frame, without its ADTS header.
fn payload(path: &Path, kind: &str) -> Vec<Vec<u8>> {
    let is_ts = path.extension().unwrap() == "ts";
    let mut command = ffmpeg();
    command.args(["-copyts", "-i"]).arg(path).args(["-map", &format!("0:{kind}"), "-c", "copy"]);
    if kind == "v" {
        let codec = video_codec(path);
        let raw = path.with_extension(&codec);
        run(command.arg(&raw));
        let bytes = std::fs::read(raw).unwrap();
        let starts = |i: &usize| bytes[*i..].starts_with(&[0, 0, 1]);
        let starts: Vec<usize> = (0..bytes.len()).filter(starts).chain([bytes.len()]).collect();
        let nal = |pair: &[usize]| {
            let nal = &bytes[pair[0] + 3..pair[1]];
            nal[..nal.iter().rposition(|&b| b != 0).map_or(0, |end| end + 1)].to_vec()
        };
        let elsewhere = |nal: &Vec<u8>| match codec.as_str() {
            "hevc" => matches!(nal[0] >> 1, 32..=35),
            _ => matches!(nal[0] & 0x1f, 7..=9),
        };
        return starts.windows(2).map(nal).filter(|nal| !elsewhere(nal)).collect();
    }
    if is_ts {
        command.args(["-bsf:a", "aac_adtstoasc"]);
    }
    let lines = run(command.args(["-f", "framemd5", "-"]));
    let hash = |line: &str| line.split(',').nth(5).unwrap().trim().as_bytes().to_vec();
    lines.lines().filter(|line| !line.starts_with('#')).map(hash).collect()
}

/// The codec of the first video stream, as libav calls it.
fn video_codec(path: &Path) -> String {
    let mut command = Command::new("ffprobe");
    command.args("-v error -select_streams v:0 -show_entries stream=codec_name -of csv=p=0".split(' '));
    run(command.arg(path)).lines().next().unwrap().trim_matches(',').to_owned()
}

/// Everything that libav finds in the stream is in our file, at the same times.
fn assert_same_media(stream: &Stream, events: &[MediaEvent], kinds: &[&str]) {
    let (input, output) = (stream.dir.join("all.ts"), stream.dir.join("out.mp4"));
    std::fs::write(&input, stream.segments.concat()).unwrap();
    write_file(events, &output);
    for &kind in kinds {
        let (want, got) = (probe(&input, kind), probe(&output, kind));
        assert_eq!(got.len(), want.len(), "{kind}: packets");
        let (payload_in, payload_out) = (payload(&input, kind), payload(&output, kind));
        assert!(payload_in.len() >= want.len(), "{kind}: the test's own reading");
        let differs = payload_in.iter().zip(&payload_out).position(|(a, b)| a != b);
        assert_eq!((payload_out.len(), differs), (payload_in.len(), None), "{kind}: payload");
        assert_eq!(keys(&got), keys(&want), "{kind}: key frames");
        // The whole stream is moved by one offset. The tick of doubt is libav's own, in audio's timescale.
        let pts = |p: &Packet| p.pts;
        let dts = |p: &Packet| p.dts;
        for time in [pts as fn(&Packet) -> i64, dts] {
            let offset = time(&got[0]) - time(&want[0]);
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                let error = time(got) - time(want) - offset;
                let bound = if kind == "v" { 0 } else { 90 };
                assert!(error.abs() <= bound, "{kind} {i}: {got:?} for {want:?}, {error} ticks off");
            }
        }
        for pair in got.windows(2) {
            // ffprobe does not say the duration of a fragment's only sample before it has read the next.
            let gap = pair[0].duration.map_or(0, |duration| pair[1].dts - pair[0].dts - duration);
            assert!(gap.abs() <= 1, "{kind}: a gap, {pair:?}");
        }
    }
    // It decodes, and nothing is said about it.
    let mut command = ffmpeg();
    command.arg("-i").arg(&output).args(["-f", "null", "-"]);
    let stderr = command.output().unwrap().stderr;
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
}

fn keys(packets: &[Packet]) -> Vec<bool> {
    packets.iter().map(|p| p.key).collect()
}

/// Codec strings as we say them.
fn codecs(events: &[MediaEvent]) -> Vec<&str> {
    inits(events).iter().map(|init| init.codec.as_str()).collect()
}

fn packets_of(segment: &[u8], pid: u16) -> Vec<usize> {
    let is = |p: &&(usize, &[u8])| u16::from_be_bytes([p.1[1] & 0x1f, p.1[2]]) == pid;
    segment.chunks_exact(188).enumerate().filter(|p| is(&p)).map(|(i, _)| i).collect()
}

const VIDEO_PID: u16 = 0x100;
const AUDIO_PID: u16 = 0x101;

fn without(segment: &[u8], gone: &[usize]) -> Vec<u8> {
    let packets = segment.chunks_exact(188).enumerate();
    packets.filter(|(i, _)| !gone.contains(i)).flat_map(|(_, p)| p.to_vec()).collect()
}
