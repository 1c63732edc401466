//! The transmuxer against ffmpeg: what libav finds in a stream and what it finds in our output must be the same.
//!
//! Needs `ffmpeg` and `ffprobe` (with libx264) and `openssl` on the path.

use std::path::{Path, PathBuf};
use std::process::Command;

use cloud_player::crypto::{CbcDecryptor, ContentKey, CryptoError, Iv};
use cloud_player::media::{
    Anchor, Cut, Format, Fragment, InitSection, MediaError, MediaEvent, SegmentFacts, SegmentStart, TrackKind,
    Transmuxer, merge_init,
};
use cloud_player::time::{MediaTime, TICKS_PER_SECOND};
use proptest::prelude::*;

/// Where segments are placed: audio that starts before video has room.
const START: MediaTime = MediaTime::from_millis(10_000);

// ---- streams ----

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

// ---- our side ----

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
        transmuxer.begin_segment(segment_start(facts.last()), &mut out);
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

fn fragments(events: &[MediaEvent], track: TrackKind) -> Vec<&Fragment> {
    let fragment = |e| if let &MediaEvent::Fragment(ref fragment) = e { Some(fragment) } else { None };
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

// ---- ffmpeg's side ----

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
        let raw = path.with_extension("h264");
        run(command.arg(&raw));
        let bytes = std::fs::read(raw).unwrap();
        let starts = |i: &usize| bytes[*i..].starts_with(&[0, 0, 1]);
        let starts: Vec<usize> = (0..bytes.len()).filter(starts).chain([bytes.len()]).collect();
        let nal = |pair: &[usize]| {
            let nal = &bytes[pair[0] + 3..pair[1]];
            nal[..nal.iter().rposition(|&b| b != 0).map_or(0, |end| end + 1)].to_vec()
        };
        return starts.windows(2).map(nal).filter(|nal| !matches!(nal[0] & 0x1f, 7..=9)).collect();
    }
    if is_ts {
        command.args(["-bsf:a", "aac_adtstoasc"]);
    }
    let lines = run(command.args(["-f", "framemd5", "-"]));
    let hash = |line: &str| line.split(',').nth(5).unwrap().trim().as_bytes().to_vec();
    lines.lines().filter(|line| !line.starts_with('#')).map(hash).collect()
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

// ---- the media ----

#[test]
fn b_frames_at_a_fractional_rate_in_several_segments() {
    let stream = Stream::usual("b_frames");
    let (events, facts) = transmux(&stream.segments, 65_536).unwrap();
    assert_same_media(&stream, &events, &["v", "a"]);
    assert_eq!(codecs(&events).len(), 2);
    assert!(facts.iter().all(|facts| !facts.losses.any() && facts.starts_with_key_frame), "{facts:?}");
    assert!(facts.windows(2).all(|f| f[0].offset == f[1].offset));
    // Each segment begins where the one before ends, and the first where it was put.
    let video: Vec<_> = facts.iter().map(|facts| facts.video.unwrap()).collect();
    assert_eq!(video[0].start, START);
    assert!(video.windows(2).all(|v| v[0].end.abs_diff(v[1].start) <= MediaTime::from_ticks(1)), "{video:?}");
    // A segment's fragments start with its key frame: what was held back goes out by itself.
    for segment in &video {
        let fragments = fragments(&events, TrackKind::Video);
        assert!(fragments.iter().any(|f| f.range.start == segment.start && f.starts_with_key_frame));
    }
}

#[test]
fn baseline_with_mono_audio_at_44_1_khz() {
    let arguments = ["-profile:v", "baseline", "-r", "25", "-ac", "1", "-ar", "44100", "-b:a", "48k"];
    let stream = Stream::new("baseline", &arguments);
    let (events, _) = transmux(&stream.segments, 65_536).unwrap();
    assert_same_media(&stream, &events, &["v", "a"]);
    let init = inits(&events);
    assert_eq!(init[0].format, Format::Video { width: 320, height: 180 });
    assert_eq!(init[1].format, Format::Audio { sample_rate: 44_100, channels: 1 });
    assert_eq!(init[1].mime, "audio/mp4; codecs=\"mp4a.40.2\"");
    assert!(init[0].mime.starts_with("video/mp4; codecs=\"avc1.42c0"), "{}", init[0].mime);
}

#[test]
fn slices_interlacing_and_odd_sizes() {
    let arguments = ["-vf", "scale=322:244,setsar=16/11", "-x264-params", "slices=4:interlaced=1:bframes=2"];
    let stream = Stream::new("slices", &arguments);
    let (events, _) = transmux(&stream.segments, 65_536).unwrap();
    assert_same_media(&stream, &events, &["v", "a"]);
    assert_eq!(inits(&events)[0].format, Format::Video { width: 322, height: 244 });
    let shape = |name: &str| {
        let entries = "stream=width,height,sample_aspect_ratio,profile,level";
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-select_streams", "v", "-show_entries", entries, "-of", "flat"]);
        let lines = run(command.arg(stream.dir.join(name)));
        lines.lines().filter(|l| l.starts_with("streams.")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(shape("out.mp4"), shape("all.ts"));
    assert!(shape("out.mp4").contains("16:11"), "{}", shape("out.mp4"));
}

#[test]
fn open_gops_start_at_recovery_points() {
    let stream = Stream::new("open_gop", &["-x264-params", "open-gop=1:keyint=30:bframes=3:b-adapt=0"]);
    let (events, facts) = transmux(&stream.segments, 65_536).unwrap();
    assert_same_media(&stream, &events, &["v", "a"]);
    assert!(facts.iter().map(|facts| facts.key_frames).sum::<u32>() > 3, "{facts:?}");
}

#[test]
fn one_kind_of_track_alone() {
    for (name, arguments, kind, track) in
        [("video_only", ["-an"], "v", TrackKind::Video), ("audio_only", ["-vn"], "a", TrackKind::Audio)]
    {
        let stream = Stream::new(name, &arguments);
        let (events, facts) = transmux(&stream.segments, 65_536).unwrap();
        assert_same_media(&stream, &events, &[kind]);
        assert!(events.iter().all(|e| !matches!(e, MediaEvent::Fragment(f) if f.track != track)));
        let first = facts[0].video.or(facts[0].audio).unwrap();
        assert_eq!(first.start, START);
    }
}

#[test]
fn time_stamps_wrap() {
    // 2^33 ticks are 95443.7 s; the muxer starts 1.4 s later than it is told.
    let stream = Stream::new("wrap", &["-bf", "2", "-output_ts_offset", "95440"]);
    let (events, facts) = transmux(&stream.segments, 65_536).unwrap();
    assert_eq!(facts.iter().map(|facts| facts.losses.time_jumps).sum::<u64>(), 0);
    let video: Vec<_> = facts.iter().map(|facts| facts.video.unwrap()).collect();
    assert_eq!(video[0].start, START);
    assert!(video.windows(2).all(|v| v[0].end.abs_diff(v[1].start) <= MediaTime::from_ticks(1)), "{video:?}");
    // libav unwraps as well, so its times are ours by one offset.
    assert_same_media(&stream, &events, &["v", "a"]);

    // After a seek, a fresh transmuxer places each segment alone, whichever side of the wrap it is on.
    for (segment, facts) in stream.segments.iter().zip(&facts) {
        let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
        let expected = facts.video.unwrap().start + MediaTime::from_millis(300);
        let anchor = Anchor::Offset { offset: facts.offset.unwrap(), expected };
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() }, &mut out);
        transmuxer.push(segment, &mut out).unwrap();
        let alone = transmuxer.end_segment(&mut out).unwrap();
        assert_eq!(alone.video.unwrap().start, facts.video.unwrap().start);
    }
}

#[test]
fn nothing_depends_on_chunks() {
    let stream = Stream::usual("chunks");
    let whole = transmux(&stream.segments, usize::MAX).unwrap();
    for size in [1, 7, 187, 188, 189, 1000, 65_536] {
        assert!(transmux(&stream.segments, size).unwrap() == whole, "chunks of {size} bytes");
    }
}

#[test]
fn a_segment_may_end_anywhere() {
    // Between any two packets, so that PES packets, NAL units and ADTS frames go on in the next segment.
    let stream = Stream::usual("borders");
    let (whole, _) = transmux(&stream.segments, usize::MAX).unwrap();
    let all = stream.segments.concat();
    for border in [7, 100, 501] {
        let (head, tail) = all.split_at(border * 188);
        let (events, facts) = transmux(&[head.to_vec(), tail.to_vec()], usize::MAX).unwrap();
        for (kind, name) in [(TrackKind::Video, "v"), (TrackKind::Audio, "a")] {
            let payload = |events: &[MediaEvent]| {
                let mdat = |f: &&Fragment| {
                    let bytes = f.data.bytes();
                    bytes[bytes.windows(4).position(|w| w == b"mdat").unwrap() + 4..].to_vec()
                };
                fragments(events, kind).iter().map(mdat).collect::<Vec<_>>().concat()
            };
            assert!(payload(&events) == payload(&whole), "{name}: border at packet {border}");
        }
        assert!(facts.iter().all(|facts| facts.losses.time_jumps == 0), "{facts:?}");
    }
}

#[test]
fn the_first_frame_comes_with_the_first_packet_of_the_second() {
    let stream = Stream::usual("first_frame");
    let segment = &stream.segments[0];
    let second = probe(&stream.dir.join("0.ts"), "v")[1].position;
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.begin_segment(segment_start(None), &mut out);
    let mut first_video = None;
    let mut first_audio = None;
    for (i, packet) in segment.chunks(188).enumerate() {
        transmuxer.push(packet, &mut out).unwrap();
        let at = (i as u64 + 1) * 188;
        first_video = first_video.or((!fragments(&out, TrackKind::Video).is_empty()).then_some(at));
        first_audio = first_audio.or((!fragments(&out, TrackKind::Audio).is_empty()).then_some(at));
    }
    assert_eq!(first_video, Some(second + 188));
    let audio_packet = probe(&stream.dir.join("0.ts"), "a")[0].position;
    assert!(first_audio.unwrap() <= audio_packet + 5 * 188, "{first_audio:?} after {audio_packet}");
    let video = fragments(&out, TrackKind::Video);
    assert!(video[0].starts_with_key_frame);
    let lengths: Vec<_> = video.iter().map(|f| f.range.length().ticks() / 3003).collect();
    // Frames shown out of order make a fragment's range longer than its count.
    assert_eq!(lengths[0], 1);
    assert!(lengths[1..4].is_sorted() && video.len() < 10, "{lengths:?}");
}

// ---- the presentation ----

#[test]
fn at_the_start_of_the_presentation_no_time_is_negative() {
    let stream = Stream::usual("zero");
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    let anchor = Anchor::At(MediaTime::ZERO);
    transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() }, &mut out);
    transmuxer.push(&stream.segments[0], &mut out).unwrap();
    let facts = transmuxer.end_segment(&mut out).unwrap();
    transmuxer.flush(&mut out);
    assert_eq!(facts.video.unwrap().start, MediaTime::ZERO);
    assert!(facts.losses.frames_before_start > 0, "ffmpeg's audio starts one priming frame early");
    let path = stream.dir.join("zero.mp4");
    write_file(&out, &path);
    let (video, audio) = (probe(&path, "v"), probe(&path, "a"));
    let input = stream.dir.join("0.ts");
    let want = probe(&input, "v");
    assert_eq!(video.iter().map(|p| p.pts).min(), Some(0));
    let offset = want[0].pts;
    let pts = |packets: &[Packet], offset| packets.iter().map(|p| p.pts - offset).collect::<Vec<_>>();
    assert_eq!(pts(&video, 0), pts(&want, offset));
    assert!((0..1921).contains(&audio[0].pts), "{:?}", audio[0]);

    // Another rung's first frame may lie a little before this one's.
    for early in [3, 2000] {
        let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
        let anchor = Anchor::Offset { offset: facts.offset.unwrap() - early, expected: MediaTime::ZERO };
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() }, &mut out);
        transmuxer.push(&stream.segments[0], &mut out).unwrap();
        transmuxer.end_segment(&mut out).unwrap();
        transmuxer.flush(&mut out);
        write_file(&out, &path);
        let got = probe(&path, "v");
        assert_eq!(got.len(), want.len(), "no frame is dropped, the key frame least of all");
        assert_eq!((got[0].pts, got[0].key), (0, true));
        assert_eq!(pts(&got, 0)[1..], pts(&want, offset + early)[1..]);
    }
}

#[test]
fn a_discontinuity_brings_a_new_init_section_and_a_new_offset() {
    let small = Stream::usual("discontinuity_small");
    let large = Stream::new("discontinuity_large", &["-s", "640x360", "-ar", "44100", "-output_ts_offset", "500"]);
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.begin_segment(segment_start(None), &mut out);
    transmuxer.push(&small.segments[0], &mut out).unwrap();
    let before = transmuxer.end_segment(&mut out).unwrap();
    let end = before.video.unwrap().end;
    let cut = Cut::default();
    transmuxer.begin_segment(SegmentStart { anchor: Anchor::At(end), discontinuity: true, cut }, &mut out);
    transmuxer.push(&large.segments[0], &mut out).unwrap();
    let after = transmuxer.end_segment(&mut out).unwrap();
    transmuxer.flush(&mut out);
    assert_ne!(before.offset, after.offset);
    assert_eq!(after.video.unwrap().start, end);
    let formats: Vec<_> = inits(&out).iter().map(|init| init.format).collect();
    assert_eq!(formats[2], Format::Video { width: 640, height: 360 });
    assert_eq!(formats[3], Format::Audio { sample_rate: 44_100, channels: 1 });
    // Nothing of the old configuration comes after the new init section.
    let change = out.iter().position(|e| matches!(e, MediaEvent::Init(i) if *i == *inits(&out)[2])).unwrap();
    for (events, from, to) in [(&out[..change], START, end), (&out[change..], end, MediaTime::MAX)] {
        for fragment in fragments(events, TrackKind::Video) {
            assert!(from <= fragment.range.start && fragment.range.end <= to, "{:?}", fragment.range);
        }
    }
    let frames = probe(&small.dir.join("0.ts"), "v").len();
    let path = small.dir.join("before.mp4");
    write_file(&out[..change], &path);
    assert_eq!(probe(&path, "v").len(), frames, "the frame held back goes out before the change");
}

#[test]
fn a_stream_entered_in_the_middle_waits_for_a_key_frame() {
    let stream = Stream::usual("entered");
    let mut segments = stream.segments.clone();
    // All of the key frame gone, and what comes before it but the tables.
    let later = probe(&stream.dir.join("0.ts"), "v")[5].position as usize;
    segments[0].drain(3 * 188..later);
    let (events, facts) = transmux(&segments, 4096).unwrap();
    assert!(facts[0].losses.unusable_units > 20, "{:?}", facts[0]);
    let video = fragments(&events, TrackKind::Video);
    assert!(video[0].starts_with_key_frame);
    assert!(!facts[0].starts_with_key_frame && facts[1].starts_with_key_frame);
}

#[test]
fn a_segment_given_up_can_be_fed_again() {
    let stream = Stream::usual("again");
    let (whole, whole_facts) = transmux(&stream.segments, usize::MAX).unwrap();
    let (mut transmuxer, mut out, mut facts) = (Transmuxer::new(), Vec::new(), None);
    for segment in &stream.segments {
        let mut given_up = Vec::new();
        transmuxer.begin_segment(segment_start(facts.as_ref()), &mut given_up);
        transmuxer.push(&segment[..segment.len() / 2], &mut given_up).unwrap();
        transmuxer.begin_segment(segment_start(facts.as_ref()), &mut out);
        transmuxer.push(segment, &mut out).unwrap();
        facts = Some(transmuxer.end_segment(&mut out).unwrap());
        assert!(!facts.unwrap().losses.any(), "{facts:?}");
    }
    transmuxer.flush(&mut out);
    assert_eq!(facts.as_ref(), whole_facts.last());
    let frames = |events: &[MediaEvent]| fragments(events, TrackKind::Video).last().unwrap().range;
    assert_eq!(frames(&out), frames(&whole));
}

// ---- damage ----

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

#[test]
fn lost_audio_is_a_gap_not_a_shift() {
    let stream = Stream::usual("lost_audio");
    let audio = packets_of(&stream.segments[0], AUDIO_PID);
    let damaged = without(&stream.segments[0], &audio[20..60]);
    let (events, facts) = transmux(&[damaged], 4096).unwrap();
    let losses = facts[0].losses;
    assert_eq!((losses.continuity_errors, losses.time_jumps), (1, 1), "{losses:?}");
    let path = stream.dir.join("gap.mp4");
    write_file(&events, &path);
    let input = stream.dir.join("0.ts");
    let (want, got) = (probe(&input, "a"), probe(&path, "a"));
    assert!(got.len() < want.len());
    let offset = got[0].pts - want[0].pts;
    let (last_got, last_want) = (got.last().unwrap(), want.last().unwrap());
    assert!((last_got.pts - last_want.pts - offset).abs() <= 1920, "{last_got:?} for {last_want:?}");
    // No frame was made up: each is one of the input's.
    let all = payload(&input, "a");
    assert!(payload(&path, "a").iter().all(|hash| all.contains(hash)));
}

#[test]
fn lost_video_packets_are_counted_and_the_rest_plays() {
    let stream = Stream::usual("lost_video");
    let video = packets_of(&stream.segments[0], VIDEO_PID);
    let gone = [video[40], video[80], video[81], video[100]];
    let damaged = without(&stream.segments[0], &gone);
    let (events, facts) = transmux(&[damaged.clone(), stream.segments[1].clone()], 4096).unwrap();
    assert_eq!(facts[0].losses.continuity_errors, 3);
    let (input, path) = (stream.dir.join("damaged.ts"), stream.dir.join("damaged.mp4"));
    std::fs::write(&input, damaged).unwrap();
    write_file(&events, &path);
    let frames = probe(&stream.dir.join("0.ts"), "v").len() + probe(&stream.dir.join("1.ts"), "v").len();
    let got = probe(&path, "v").len();
    assert!(got.abs_diff(frames) <= gone.len(), "{got} frames of {frames}");
}

#[test]
fn repeated_and_damaged_packets_do_no_harm() {
    let stream = Stream::usual("repeated");
    let whole = transmux(&stream.segments[..1], usize::MAX).unwrap();
    let twice: Vec<u8> = stream.segments[0].chunks(188).flat_map(|p| [p, p].concat()).collect();
    assert!(transmux(&[twice], 4096).unwrap().0 == whole.0);
    // A copy marked as damaged before each packet, and stuffing.
    let marked: Vec<u8> = stream.segments[0]
        .chunks(188)
        .flat_map(|p| {
            let mut damaged = p.to_vec();
            damaged[1] |= 0x80;
            let mut stuffing = vec![0xff; 188];
            stuffing[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
            [damaged, stuffing, p.to_vec()].concat()
        })
        .collect();
    let (events, facts) = transmux(&[marked], 4096).unwrap();
    assert!(events == whole.0);
    assert_eq!(facts[0].losses.damaged_packets as usize, stream.segments[0].len() / 188);
}

#[test]
fn packets_of_192_and_204_bytes() {
    let stream = Stream::usual("wide");
    let whole = transmux(&stream.segments[..1], usize::MAX).unwrap();
    let wide = |before: usize, after: usize| -> Vec<u8> {
        let cell = |p: &[u8]| [&vec![0x11; before][..], p, &vec![0x22; after]].concat();
        stream.segments[0].chunks(188).flat_map(cell).collect()
    };
    for (before, after) in [(4, 0), (0, 16)] {
        for size in [1, 1000, usize::MAX] {
            let (events, _) = transmux(&[wide(before, after)], size).unwrap();
            assert!(events == whole.0, "{before} bytes before and {after} after, chunks of {size}");
        }
    }
}

#[test]
fn scrambled_packets_are_an_error() {
    let stream = Stream::usual("scrambled");
    let mut segment = stream.segments[0].clone();
    let at = packets_of(&segment, VIDEO_PID)[10] * 188;
    segment[at + 3] |= 0x80;
    let error = transmux(&[segment], 4096).unwrap_err();
    assert_eq!(error, MediaError::Scrambled { position: at as u64 });
}

#[test]
fn other_documents_are_told_by_name() {
    let cases: [(&[u8], &str); 5] = [
        (b"<html><body>403 Forbidden</body></html>", "not_media"),
        (b"{\"code\":403,\"message\":\"sign expired\"}", "not_media"),
        (b"", "segment_empty"),
        (b"\0\0\0\x1cftypiso6\0\0\0\0iso6mp41", "unsupported_container"),
        (&[0xa5; 5000], "no_sync"),
    ];
    for (bytes, code) in cases {
        assert_eq!(transmux(&[bytes.to_vec()], 10).unwrap_err().code(), code);
    }
    let stream = Stream::usual("truncated");
    let segment = &stream.segments[0];
    let without_tables = without(segment, &packets_of(segment, 0));
    assert_eq!(transmux(&[without_tables], 4096).unwrap_err().code(), "no_program");
    // A segment cut short in the middle of a packet gives what it has.
    let (_, facts) = transmux(&[segment[..segment.len() / 2 / 188 * 188 + 50].to_vec()], 4096).unwrap();
    assert_eq!(facts[0].losses.garbage_bytes, 50);
    assert!(facts[0].video.is_some());
}

// ---- encryption ----

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

enum Failed {
    Crypto(CryptoError),
    Media(MediaError),
}

impl From<CryptoError> for Failed {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

fn encrypt(clear: &Path, encrypted: &Path, iv: &str) {
    let mut command = Command::new("openssl");
    command.args(["enc", "-aes-128-cbc", "-K", KEY, "-iv", iv, "-in"]).arg(clear).arg("-out").arg(encrypted);
    run(&mut command);
}

/// Decrypts and transmuxes one segment chunk by chunk.
fn play_encrypted(bytes: &[u8], key: &str, iv: Iv, size: usize) -> Result<Vec<MediaEvent>, Failed> {
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    let mut decryptor = CbcDecryptor::new(&ContentKey::from_hex(key).unwrap(), &iv);
    transmuxer.begin_segment(segment_start(None), &mut out);
    for chunk in bytes.to_vec().chunks_mut(size) {
        decryptor.push(chunk, |clear| transmuxer.push(clear, &mut out).map_err(Failed::Media))?;
    }
    decryptor.finish(|clear| transmuxer.push(clear, &mut out).map_err(Failed::Media))?;
    transmuxer.end_segment(&mut out).map_err(Failed::Media)?;
    transmuxer.flush(&mut out);
    Ok(out)
}

#[test]
fn an_encrypted_segment_streams() {
    let stream = Stream::usual("encrypted");
    let (clear, encrypted) = (stream.dir.join("0.ts"), stream.dir.join("0.enc"));
    encrypt(&clear, &encrypted, "0000000000000000ffffffffffffffff");
    let bytes = std::fs::read(&encrypted).unwrap();
    let (whole, _) = transmux(&stream.segments[..1], usize::MAX).unwrap();
    for size in [1, 15, 16, 17, 1000, 65_536] {
        let Ok(events) = play_encrypted(&bytes, KEY, Iv::from_sequence(u64::MAX), size) else {
            panic!("chunks of {size}");
        };
        assert!(events == whole, "chunks of {size}");
    }

    // The wrong key shows at the first bytes, or at the latest in the padding.
    let wrong = "ff0102030405060708090a0b0c0d0e0f";
    match play_encrypted(&bytes, wrong, Iv::from_sequence(u64::MAX), 65_536) {
        Err(Failed::Media(error)) => assert!(error.is_noise(), "{error}"),
        Err(Failed::Crypto(error)) => assert_eq!(error, CryptoError::BadPadding),
        Ok(_) => panic!("the wrong key played"),
    }
    // The wrong IV costs the first block, which is in the first packet: a stuffing packet here.
    let Ok(events) = play_encrypted(&bytes, KEY, Iv::from_sequence(1), 65_536) else {
        panic!("the wrong IV");
    };
    assert!(events == whole);
}

// ---- anything at all ----

fn damaged_stream() -> Vec<u8> {
    let stream = Stream::new("anything", &["-s", "64x48", "-b:v", "60k", "-bf", "2", "-t", "4"]);
    stream.segments[0].clone()
}

/// Runs to the end or an error, the same for two chunkings.
fn survives(bytes: &[u8], size: usize) {
    let once = transmux(&[bytes.to_vec(), bytes.to_vec()], usize::MAX);
    let again = transmux(&[bytes.to_vec(), bytes.to_vec()], size);
    assert!(again == once, "chunks of {size}: {:?} and not {:?}", again.map(|r| r.1), once.map(|r| r.1));
}

#[test]
fn damaged_streams_neither_panic_nor_depend_on_chunks() {
    let good = damaged_stream();
    let runner = |config: ProptestConfig| proptest::test_runner::TestRunner::new(config);
    let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60);
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    runner(config.clone())
        .run(&(flips, 1..2000_usize), |(flips, size)| {
            let mut bytes = good.clone();
            for (at, value) in flips {
                *at.get_mut(&mut bytes) = value;
            }
            survives(&bytes, size);
            Ok(())
        })
        .unwrap();
    // Pieces cut out, doubled and put in another order.
    let pieces = prop::collection::vec((any::<prop::sample::Index>(), 1..5000_usize), 1..20);
    runner(config.clone())
        .run(&(pieces, 1..2000_usize), |(pieces, size)| {
            let bytes: Vec<u8> = pieces
                .iter()
                .flat_map(|(at, length)| good[at.index(good.len())..].iter().take(*length).copied())
                .collect();
            survives(&bytes, size);
            Ok(())
        })
        .unwrap();
    // Packets with random content under the right PIDs.
    let packets = prop::collection::vec((0..6_usize, prop::collection::vec(any::<u8>(), 185)), 5..40);
    runner(config)
        .run(&(packets, 1..2000_usize), |(packets, size)| {
            let mut bytes = good[..188 * 3].to_vec();
            for (pid, content) in packets {
                let pid: u16 = [0, 0x1000, VIDEO_PID, AUDIO_PID, 0x11, 0x200][pid];
                bytes.extend([0x47, (pid >> 8) as u8 | content[0] & 0x40, pid as u8]);
                bytes.extend(content);
            }
            survives(&bytes, size);
            Ok(())
        })
        .unwrap();
}
