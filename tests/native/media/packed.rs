//! Packed audio: segments of frames with ID3 tags.

use super::audio::{assert_decodes, assert_every_chunking_is_the_same, assert_same_frames, encode, frames};
use super::*;

const KINDS: &[(&str, &[&str], &str)] = &[
    ("aac", &["-c:a", "aac"], "mp4a.40.2"),
    ("mp2", &["-c:a", "mp2"], "mp4a.6b"),
    ("mp3", &["-c:a", "libmp3lame", "-q:a", "3", "-write_xing", "0", "-id3v2_version", "0"], "mp4a.6b"),
    ("ac3", &["-c:a", "ac3"], "ac-3"),
    ("eac3", &["-c:a", "eac3"], "ec-3"),
];

fn syncsafe(size: usize) -> [u8; 4] {
    [size >> 21, size >> 14, size >> 7, size].map(|part| part as u8 & 0x7f)
}

fn tag(flags: u8, body: &[u8]) -> Vec<u8> {
    let footer = if flags & 0x10 != 0 { &[0; 10][..] } else { &[] };
    [b"ID3\x04\0", &[flags][..], &syncsafe(body.len()), body, footer].concat()
}

fn frame(id: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), &syncsafe(body.len()), &[0, 0], body].concat()
}

fn time_frame(pts: u64) -> Vec<u8> {
    frame("PRIV", &[b"com.apple.streaming.transportStreamTimestamp\0", &pts.to_be_bytes()[..]].concat())
}

pub(super) fn time_tag(pts: u64) -> Vec<u8> {
    tag(0, &time_frame(pts))
}

/// A file of frames, and where each frame starts, as ffprobe says.
fn encoded(dir: &Path, name: &str, arguments: &[&str]) -> (PathBuf, Vec<u8>, Vec<usize>) {
    // libav counts raw AC-3 in 90 kHz, with the rounding of each frame added up; at 48 kHz there is none.
    let rate = if name.ends_with("ac3") { 48_000 } else { 44_100 };
    let path = encode(dir, rate, "stereo", arguments, &format!("in.{name}"));
    let bytes = std::fs::read(&path).unwrap();
    let starts = probe(&path, "a").iter().map(|packet| packet.position as usize).collect();
    (path, bytes, starts)
}

fn metadata(events: &[MediaEvent]) -> Vec<(MediaTime, &[u8])> {
    let mut told = Vec::new();
    for event in events {
        if let MediaEvent::Metadata(m) = event {
            assert_eq!((m.scheme.as_str(), m.range.start), ("https://aomedia.org/emsg/ID3", m.range.end));
            told.push((m.range.start, m.data.as_slice()));
        }
    }
    told
}

#[test]
fn frames_of_every_codec_with_and_without_tags() {
    let dir = fresh_dir("packed");
    for &(name, arguments, codec) in KINDS {
        let (input, bytes, starts) = encoded(&dir, name, arguments);
        let filters: &[&str] = if name == "aac" { &["-bsf:a", "aac_adtstoasc"] } else { &[] };
        let want = frames(&input, filters);
        let check = |label: &str, segments: &[Vec<u8>]| {
            let (events, facts) = transmux(segments, 4096).unwrap_or_else(|e| panic!("{name}, {label}: {e}"));
            assert!(facts.iter().all(|facts| !facts.losses.any()), "{name}, {label}: {facts:?}");
            let output = dir.join(format!("{name}.mp4"));
            write_file(&events, &output);
            assert_same_frames(&format!("{name}, {label}"), &frames(&output, &[]), &want);
            assert_decodes(&output);
            assert_eq!(codecs(&events), [codec]);
            let tracks = MediaEvent::Tracks { video: false, audio: true };
            assert_eq!(events.iter().filter(|e| **e == tracks).count(), 1);
            assert_eq!(facts[0].audio.unwrap().start, START, "{name}, {label}");
            assert_eq!(facts[0].first_packet, 0);
            facts
        };
        assert_eq!(check("as it is", std::slice::from_ref(&bytes))[0].offset, None);
        // Three segments, by a clock that wraps in the second.
        let borders = [0, starts[starts.len() / 3], starts[starts.len() * 2 / 3], bytes.len()];
        let segments: Vec<Vec<u8>> = borders
            .windows(2)
            .map(|pair| {
                let frames = starts.iter().position(|&start| start == pair[0]).unwrap_or(0);
                let ticks = (want[frames].0 - want[0].0) as u64;
                let pts = ((1 << 33) - 150_000 + ticks) % (1 << 33);
                [time_tag(pts), bytes[pair[0]..pair[1]].to_vec()].concat()
            })
            .collect();
        let facts = check("tags", &segments);
        let offset = START.ticks() - (1_i64 << 33) + 150_000;
        let wrapped = facts.iter().map(|f| f.offset.unwrap().rem_euclid(1 << 33)).collect::<Vec<_>>();
        assert_eq!(wrapped, [offset.rem_euclid(1 << 33); 3], "{name}");
        // Without time stamps the segments go on where the one before ended.
        let plain: Vec<Vec<u8>> = borders.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect();
        check("no tags", &plain);
        assert_every_chunking_is_the_same(name, &[segments[1][..9000].to_vec()], &[1, 2, 3, 13, 1000]);
        assert_every_chunking_is_the_same(name, &segments, &[997]);
    }
}

#[test]
fn a_time_stamp_or_the_anchor_places_a_segment() {
    let dir = fresh_dir("packed_place");
    let (_, bytes, starts) = encoded(&dir, "aac", KINDS[0].1);
    let piece = &bytes[..starts[50]];
    let place = |anchor, segment: &[u8]| {
        let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
        transmuxer.push(segment, &mut out).unwrap();
        let facts = transmuxer.end_segment(&mut out).unwrap();
        (facts.audio.unwrap().start.ticks(), facts.offset)
    };
    let stamped = [time_tag(900_000), piece.to_vec()].concat();
    let at = Anchor::At(MediaTime::from_ticks(45_000));
    assert_eq!(place(at, &stamped), (45_000, Some(-855_000)));
    assert_eq!(place(at, piece), (45_000, None));
    let known = Anchor::Offset { offset: -600_000, expected: MediaTime::from_ticks(290_000) };
    let (start, offset) = place(known, &stamped);
    assert!((start - 300_000).abs() <= 1 && offset == Some(-600_000), "{start} {offset:?}");
    assert!((place(known, piece).0 - 290_000).abs() <= 1);
}

#[test]
fn tags_anywhere_and_what_they_carry() {
    let dir = fresh_dir("packed_tags");
    for &(name, arguments, _) in KINDS {
        let (_, bytes, starts) = encoded(&dir, name, arguments);
        let (plain, _) = transmux(&[[time_tag(900_000), bytes.clone()].concat()], 4096).unwrap();
        // Before the first frame: a title, then the time in a tag with a footer, unsynchronised for good measure, then
        // one that is too large to keep. Between frames: another title, and a tag with nothing in it.
        let title = tag(0, &frame("TIT2", b"\x03title"));
        let time = tag(0x90, &[time_frame(900_000), vec![0; 30]].concat());
        let large = tag(0, &frame("APIC", &vec![0xff; 300_000]));
        let second = tag(0, &frame("TIT2", b"\x03second"));
        let (head, tail) = bytes.split_at(starts[60]);
        let segment = [&title[..], &time, &large, head, &second, &tag(0, &[]), tail].concat();
        let (events, facts) = transmux(std::slice::from_ref(&segment), 4096).unwrap();
        let losses = cloud_player::media::Losses { lost_tags: 1, ..Default::default() };
        assert_eq!(facts[0].losses, losses, "{name}");
        let payload = |events: &[MediaEvent]| {
            fragments(events, TrackKind::Audio)
                .iter()
                .flat_map(|f| f.data.payload().to_vec())
                .collect::<Vec<_>>()
        };
        assert!(payload(&events) == payload(&plain), "{name}: the tags are not in the stream");
        let told = metadata(&events);
        assert_eq!(told.len(), 2, "{name}");
        assert_eq!(told[0], (START, title.as_slice()));
        let input = probe(&dir.join(format!("in.{name}")), "a");
        let place = START.ticks() + input[60].pts - input[0].pts;
        assert!((told[1].0.ticks() - place).abs() <= 2, "{name}: {} for {place}", told[1].0.ticks());
        assert_eq!(told[1].1, second);
        let small = [&title[..], &time, &bytes[..starts[8]], &second, &bytes[starts[8]..starts[12]]].concat();
        assert_every_chunking_is_the_same(name, &[small], &[1, 2, 5, 11]);
    }
}

#[test]
fn what_trails_and_what_is_in_the_way_is_skipped() {
    let dir = fresh_dir("packed_trailing");
    for &(name, arguments, _) in KINDS {
        let (_, bytes, starts) = encoded(&dir, name, arguments);
        let (plain, _) = transmux(std::slice::from_ref(&bytes), 4096).unwrap();
        let id3v1 = [b"TAG", &[b'x'; 125][..]].concat();
        let ape = [b"APETAGEX\xd0\x07\0\0\x40\0\0\0\x01\0\0\0\0\0\0\xa0", &[0; 8][..], &[b'y'; 64]].concat();
        let (events, facts) = transmux(&[[&bytes[..], &id3v1, &ape].concat()], 4096).unwrap();
        assert!(events == plain, "{name}");
        assert_eq!(facts[0].losses.audio_garbage_bytes as usize, id3v1.len() + ape.len(), "{name}");
        // Some noise in the middle, and a frame that is cut short.
        let noise: Vec<u8> = (0..3000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let damaged =
            [&bytes[..starts[40]], &noise, &bytes[starts[40]..starts[80] - 30], &bytes[starts[80]..]]
                .concat();
        let (events, facts) = transmux(std::slice::from_ref(&damaged), 4096).unwrap();
        let output = dir.join("out.mp4");
        write_file(&events, &output);
        let got = frames(&output, &[]).len();
        assert!(starts.len() - got <= 4, "{name}: {got} of {}, {facts:?}", starts.len());
        assert_every_chunking_is_the_same(name, &[damaged], &[1001]);
        // Cut off in the middle of a frame.
        let (_, facts) = transmux(&[bytes[..starts[30] + 20].to_vec()], 4096).unwrap();
        assert_eq!(facts[0].losses.audio_garbage_bytes.min(20), facts[0].losses.audio_garbage_bytes);
    }
}

#[test]
fn segments_that_were_cut_anywhere() {
    let dir = fresh_dir("packed_cut");
    for &(name, arguments, _) in KINDS {
        let (_, bytes, starts) = encoded(&dir, name, arguments);
        // In the middle of a frame: its second half starts like nothing.
        let border = (starts[50] + starts[51]) / 2 + 1;
        let segments = [bytes[..border].to_vec(), bytes[border..].to_vec()];
        let (events, facts) = transmux(&segments, 4096).unwrap_or_else(|e| panic!("{name}: {e}"));
        let output = dir.join("out.mp4");
        write_file(&events, &output);
        assert_eq!(frames(&output, &[]).len(), starts.len() - 1, "{name}: {facts:?}");
        assert_eq!(facts[1].first_packet as usize, starts[51] - border, "{name}");
        // A segment of noise is still one.
        let noise = vec![0xa5; 100_000];
        let error = transmux(&[segments[0].clone(), noise], 4096).unwrap_err();
        assert!(error.starts_with_noise(), "{name}: {error}");
    }
}

#[test]
fn a_stream_that_becomes_another() {
    // No tag between them: the first frames of the second are looked at twice, then believed.
    let dir = fresh_dir("packed_becomes");
    let encoder = ["-c:a", "libmp3lame", "-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0"];
    let read = |rate, layout, name| std::fs::read(encode(&dir, rate, layout, &encoder, name)).unwrap();
    let (first, second) = (read(44_100, "stereo", "a.mp3"), read(48_000, "mono", "b.mp3"));
    let noise: Vec<u8> = (0..3000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for between in [&[][..], &noise] {
        let segment = [&first[..], between, &second].concat();
        let (events, _) = transmux(std::slice::from_ref(&segment), 4096).unwrap();
        let rates: Vec<_> = inits(&events).iter().map(|init| init.format).collect();
        let format = |sample_rate, channels| cloud_player::media::Format::Audio { sample_rate, channels };
        assert_eq!(rates, [format(44_100, 2), format(48_000, 1)]);
        let payload: usize =
            fragments(&events, TrackKind::Audio).iter().map(|f| f.data.payload().len()).sum();
        assert!(payload + 20_000 > first.len() + second.len(), "{payload} of {}", segment.len());
        assert_every_chunking_is_the_same("becomes", &[segment], &[999]);
    }
}

#[test]
fn noise_behind_a_sync_word_is_told_as_noise() {
    let noise = |seed: u32| -> Vec<u8> {
        let mut state = seed | 1;
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 11) as u8
        };
        (0..200_000).map(|_| byte()).collect()
    };
    let starts: [&[u8]; 5] = [
        &[0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc],
        &[0xff, 0xfb, 0x90, 0x64],
        &[0x0b, 0x77, 0x12, 0x34, 0x1e, 0x40, 0xe1],
        &[0x0b, 0x77, 0x01, 0x7f, 0x3f, 0x86],
        b"ID3",
    ];
    for seed in 0..20 {
        for start in starts {
            let segment = [start, &noise(seed * 7919)].concat();
            let error = transmux(std::slice::from_ref(&segment), 4096).unwrap_err();
            assert!(error.starts_with_noise(), "{start:x?}, seed {seed}: {error}");
            assert_eq!(error.code(), "no_audio_frames");
            assert_eq!(transmux(&[segment], 333).unwrap_err(), error);
        }
    }
}

#[test]
fn other_things_behind_a_tag() {
    let stream = Stream::usual("packed_other");
    let mp4 = b"\0\0\0\x1cftypiso6\0\0\0\0iso6mp41\0\0\0\x08moov".to_vec();
    let cases = [
        (stream.segments[0].clone(), "no_audio_frames"),
        (mp4, "unsupported_container"),
        (Vec::new(), "no_audio_frames"),
        (b"<html><body>403</body></html>".to_vec(), "no_audio_frames"),
    ];
    for (behind, code) in cases {
        let segment = [time_tag(900_000), behind].concat();
        let error = transmux(std::slice::from_ref(&segment), 4096).unwrap_err();
        assert_eq!((error.code(), error.starts_with_noise()), (code, false), "{error}");
        for size in [1, 100] {
            assert_eq!(transmux(std::slice::from_ref(&segment), size).unwrap_err(), error);
        }
    }
}

#[test]
fn another_codec_and_another_container_follow() {
    let dir = fresh_dir("packed_change");
    let (_, aac, aac_starts) = encoded(&dir, "aac", KINDS[0].1);
    let (_, mp3, mp3_starts) = encoded(&dir, "mp3", KINDS[2].1);
    let stream = Stream::new("packed_change_ts", &["-vn", "-ar", "44100"]);
    let segments =
        [aac[..aac_starts[60]].to_vec(), mp3[..mp3_starts[60]].to_vec(), stream.segments[0].clone()];
    let (events, facts) = transmux(&segments, 4096).unwrap();
    assert_eq!(codecs(&events), ["mp4a.40.2", "mp4a.6b", "mp4a.40.2"]);
    assert!(facts.iter().all(|facts| !facts.losses.any()), "{facts:?}");
    let ranges: Vec<_> = facts.iter().map(|facts| facts.audio.unwrap()).collect();
    assert!(ranges[0].end.abs_diff(ranges[1].start) <= MediaTime::from_ticks(2), "{ranges:?}");
}
