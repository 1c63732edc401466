//! Sound streams, each of a kind that encoders and packagers make.

use cloud_player::media::{Anchor, Cut, Format, Fragment, MediaEvent, SegmentStart, TrackKind, Transmuxer};
use cloud_player::time::MediaTime;

use super::*;

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
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
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
    transmuxer.begin_segment(segment_start(None));
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
    assert!(lengths[8..12].is_sorted() && video.len() < 20, "{lengths:?}");
}

/// Program tables may stand in the init section alone (RFC 8216bis §3.1.1).
#[test]
fn tables_may_come_as_an_init_section() {
    let stream = Stream::usual("tables-apart");
    let (want, _) = transmux(&stream.segments, usize::MAX).unwrap();
    let is_table = |packet: &&[u8]| matches!((packet[1] & 0x1f, packet[2]), (0, 0) | (0x10, 0));
    let apart = |segment: &Vec<u8>| {
        let (tables, media): (Vec<_>, Vec<_>) = segment.chunks(188).partition(is_table);
        (tables.concat(), media.concat())
    };
    let (mut transmuxer, mut out, mut facts) = (Transmuxer::new(), Vec::new(), None);
    for (n, segment) in stream.segments.iter().enumerate() {
        let (tables, media) = apart(segment);
        assert!(!tables.is_empty());
        if n == 0 {
            transmuxer.init_section(&tables, &mut out).unwrap();
        }
        transmuxer.begin_segment(segment_start(facts.as_ref()));
        transmuxer.push(&media, &mut out).unwrap();
        facts = Some(transmuxer.end_segment(&mut out).unwrap());
    }
    transmuxer.flush(&mut out);
    assert_eq!(out, want);
}
