//! Fragmented MP4 passed through: what libav finds in the input, it finds in our output, moved by one offset.

use cloud_player::media::{Anchor, Cut, Format, Metadata};

use super::*;

/// Fragmented MP4 made by ffmpeg: an init section and segments.
pub(super) struct Cmaf {
    pub(super) dir: PathBuf,
    pub(super) init: Vec<u8>,
    pub(super) segments: Vec<Vec<u8>>,
}

impl Cmaf {
    /// Six seconds in segments of two, as an HLS packager makes them.
    pub(super) fn new(name: &str, arguments: &[&str]) -> Self {
        let dir = fresh_dir(name);
        let mut command = source();
        command.args("-c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a aac".split(' ')).args(arguments);
        command.args("-f hls -hls_segment_type fmp4 -hls_time 2 -hls_list_size 0".split(' '));
        command.args(["-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename"]);
        run(command.arg(dir.join("%d.m4s")).arg(dir.join("p.m3u8")));
        let init = std::fs::read(dir.join("init.mp4")).unwrap();
        let read = |i| std::fs::read(dir.join(format!("{i}.m4s"))).ok();
        let segments: Vec<_> = (0..).map_while(read).collect();
        assert!(segments.len() >= 3, "{name}: {} segments", segments.len());
        Self { dir, init, segments }
    }

    /// One file with everything in it, a fragment at each key frame.
    pub(super) fn one_file(name: &str, flags: &str, arguments: &[&str]) -> (PathBuf, Vec<u8>) {
        let dir = fresh_dir(name);
        let path = dir.join("in.mp4");
        let mut command = source();
        command.args("-c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a aac".split(' ')).args(arguments);
        run(command.args(["-movflags", flags]).arg(&path));
        let bytes = std::fs::read(path).unwrap();
        (dir, bytes)
    }
}

fn source() -> Command {
    let mut command = ffmpeg();
    command.args("-f lavfi -i testsrc2=s=320x180:r=25,noise=alls=20:allf=t".split(' '));
    command.args("-f lavfi -i sine=440:r=48000 -t 6".split(' '));
    command
}

/// Feeds an init section and segments in chunks of `size`; the first goes to `anchor`.
pub(super) fn pass(
    init: Option<&[u8]>,
    segments: &[Vec<u8>],
    size: usize,
    anchor: Anchor,
) -> Result<(Vec<MediaEvent>, Vec<SegmentFacts>), MediaError> {
    let (mut transmuxer, mut out, mut facts) = (Transmuxer::new(), Vec::new(), Vec::<SegmentFacts>::new());
    if let Some(init) = init {
        transmuxer.init_section(init, &mut out)?;
    }
    let mut anchor = anchor;
    for segment in segments {
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
        for chunk in segment.chunks(size) {
            transmuxer.push(chunk, &mut out)?;
        }
        let now = transmuxer.end_segment(&mut out)?;
        if let Some((offset, range)) = now.offset.zip(now.video.or(now.audio)) {
            anchor = Anchor::Offset { offset, expected: range.end };
        }
        facts.push(now);
    }
    transmuxer.flush(&mut out);
    Ok((out, facts))
}

pub(super) const AT: Anchor = Anchor::At(START);

/// Hashes of the packets of a track, and their times.
pub(super) fn hashes(path: &Path, kind: &str) -> Vec<String> {
    let mut command = ffmpeg();
    command.args(["-copyts", "-i"]).arg(path).args(["-map", &format!("0:{kind}:0"), "-c", "copy"]);
    let text = run(command.args(["-f", "framehash", "-hash", "md5", "-"]));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    // Stream, dts, pts, duration, size, hash; then side data.
    lines.map(|line| line.split(',').nth(5).unwrap().trim().to_owned()).collect()
}

/// Everything that libav finds in `input` is in `output`, all of it moved by the same time, and decodes.
pub(super) fn assert_passed(input: &Path, output: &Path, kinds: &[&str]) {
    let mut offsets = Vec::new();
    for kind in kinds {
        assert_eq!(hashes(output, kind), hashes(input, kind), "{kind}: payload");
        let select = format!("{kind}:0");
        let (want, got) = (super::probe(input, &select), super::probe(output, &select));
        assert_eq!(keys(&got), keys(&want), "{kind}: key frames");
        for (got, want) in got.iter().zip(&want) {
            offsets.push(got.pts - want.pts);
        }
    }
    let (least, most) = (offsets.iter().min().unwrap(), offsets.iter().max().unwrap());
    // Ticks of the track are rounded to 90 kHz here.
    assert!(most - least <= 4, "the tracks are moved by {least} to {most}");
    assert_decodes(output);
}

pub(super) fn assert_decodes(path: &Path) {
    let mut command = ffmpeg();
    command.arg("-i").arg(path).args(["-f", "null", "-"]);
    let stderr = command.output().unwrap().stderr;
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
}

fn boxes(bytes: &[u8]) -> Vec<(String, &[u8])> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while rest.len() >= 8 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        found.push((String::from_utf8(rest[4..8].to_vec()).unwrap(), &rest[..size]));
        rest = &rest[size..];
    }
    found
}

/// Where a box of this kind starts.
pub(super) fn find(bytes: &[u8], kind: &[u8; 4]) -> usize {
    bytes.windows(4).position(|w| w == kind).unwrap() - 4
}

#[test]
fn both_tracks_in_one() {
    let cmaf = Cmaf::new("cmaf_muxed", &[]);
    let (events, facts) = pass(Some(&cmaf.init), &cmaf.segments, 65_536, AT).unwrap();
    let (input, output) = (cmaf.dir.join("in.mp4"), cmaf.dir.join("out.mp4"));
    std::fs::write(&input, [&cmaf.init[..], &cmaf.segments.concat()].concat()).unwrap();
    write_file(&events, &output);
    assert_passed(&input, &output, &["v", "a"]);
    let [MediaEvent::Tracks { video: true, audio: false }, MediaEvent::Init(init), ..] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(init.mime, "video/mp4; codecs=\"avc1.4d400c,mp4a.40.2\"");
    assert_eq!(init.format, Format::Video { width: 320, height: 180 });
    assert_eq!(merge_init(&[init]), init.data);
    assert!(fragments(&events, TrackKind::Audio).is_empty());
    let video: Vec<_> = facts.iter().map(|facts| facts.video.unwrap()).collect();
    assert_eq!(video[0].start, START);
    assert!(video.windows(2).all(|v| v[0].end == v[1].start), "{video:?}");
    for (facts, segment) in facts.iter().zip(&cmaf.segments) {
        assert!(!facts.losses.any() && facts.starts_with_key_frame && facts.key_frames == 1, "{facts:?}");
        assert_eq!((facts.length, facts.offset), (segment.len() as u64, facts.offset));
        assert!(facts.audio.unwrap().start <= facts.video.unwrap().end);
    }
}

#[test]
fn nothing_but_decode_times_changes() {
    let cmaf = Cmaf::new("cmaf_bytes", &[]);
    let (events, _) = pass(Some(&cmaf.init), &cmaf.segments, 65_536, AT).unwrap();
    let fragments = fragments(&events, TrackKind::Video);
    assert_eq!(fragments.len(), cmaf.segments.len());
    for (fragment, segment) in fragments.iter().zip(&cmaf.segments) {
        let got = fragment.data.bytes();
        let want = &segment[find(segment, b"moof")..];
        assert_eq!(got.len(), want.len());
        let differs: Vec<_> = (0..got.len()).filter(|&i| got[i] != want[i]).collect();
        let times: Vec<_> = (0..got.len()).filter(|&i| got[i..].starts_with(b"tfdt")).collect();
        let in_time = |i: &usize| times.iter().any(|at| (at + 8..at + 16).contains(i));
        assert!(!differs.is_empty() && differs.iter().all(in_time), "{differs:?} and not {times:?}");
    }
}

#[test]
fn nothing_depends_on_chunks() {
    let cmaf = Cmaf::new("cmaf_chunks", &["-t", "5"]);
    let whole = pass(Some(&cmaf.init), &cmaf.segments, usize::MAX, AT).unwrap();
    for size in [1, 7, 64, 1000, 65_536] {
        assert!(pass(Some(&cmaf.init), &cmaf.segments, size, AT).unwrap() == whole, "chunks of {size}");
    }
}

#[test]
fn fragments_come_as_soon_as_they_are_whole() {
    let flags = "frag_every_frame+empty_moov+default_base_moof";
    let (_, bytes) = Cmaf::one_file("cmaf_frames", flags, &["-an", "-t", "2"]);
    let moofs: Vec<_> =
        (4..bytes.len()).filter(|&i| bytes[i..].starts_with(b"moof")).map(|i| i - 4).collect();
    assert!(moofs.len() > 40);
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.begin_segment(SegmentStart { anchor: AT, discontinuity: false, cut: Cut::default() });
    transmuxer.push(&bytes[..moofs[0]], &mut out).unwrap();
    for (i, pair) in moofs.windows(2).enumerate() {
        transmuxer.push(&bytes[pair[0]..pair[1] - 1], &mut out).unwrap();
        assert_eq!(fragments(&out, TrackKind::Video).len(), i);
        transmuxer.push(&bytes[pair[1] - 1..pair[1]], &mut out).unwrap();
        assert_eq!(fragments(&out, TrackKind::Video).len(), i + 1);
    }
    let keys = fragments(&out, TrackKind::Video).iter().filter(|f| f.starts_with_key_frame).count();
    assert_eq!(keys, 1, "of a GOP of two seconds");
}

#[test]
fn every_codec_has_its_name() {
    let cases: [(&str, &[&str], &str); 8] = [
        (
            "hevc",
            &["-an", "-c:v", "libx265", "-x265-params", "log-level=0", "-tag:v", "hvc1"],
            "hvc1.1.6.L60.90",
        ),
        (
            "hev1",
            &["-an", "-c:v", "libx265", "-x265-params", "log-level=0", "-tag:v", "hev1"],
            "hev1.1.6.L60.90",
        ),
        ("avc3", &["-an", "-profile:v", "high", "-preset", "medium", "-tag:v", "avc3"], "avc3.64000c"),
        ("vp9", &["-an", "-c:v", "libvpx-vp9", "-deadline", "realtime"], "vp09.00.11.08.01.02.02.02.00"),
        ("opus", &["-vn", "-c:a", "libopus"], "Opus"),
        ("flac", &["-vn", "-c:a", "flac", "-strict", "-2"], "fLaC"),
        ("ac3", &["-vn", "-c:a", "ac3"], "ac-3"),
        ("mp3", &["-vn", "-c:a", "libmp3lame"], "mp4a.6b"),
    ];
    for (name, arguments, codec) in cases {
        let arguments = [arguments, &["-t", "1"]].concat();
        let flags = "frag_keyframe+empty_moov+delay_moov+default_base_moof";
        let (dir, bytes) = Cmaf::one_file(&format!("codec_{name}"), flags, &arguments);
        let (events, facts) = pass(None, &[bytes], 65_536, AT).unwrap();
        let init = inits(&events)[0];
        assert_eq!(init.codec, codec, "{name}");
        assert!(!facts[0].losses.any(), "{facts:?}");
        let kind = if init.track == TrackKind::Video { "v" } else { "a" };
        if let Format::Audio { sample_rate, channels } = init.format {
            assert_eq!((sample_rate, channels), (48_000, 1), "{name}");
        }
        write_file(&events, &dir.join("out.mp4"));
        assert_passed(&dir.join("in.mp4"), &dir.join("out.mp4"), &[kind]);
    }
}

#[test]
fn a_start_at_zero_keeps_every_picture() {
    // Without an edit list, B-frames mean that the first picture is decoded before it is shown: before zero.
    let (dir, bytes) = Cmaf::one_file("cmaf_zero", "frag_keyframe+empty_moov+default_base_moof", &[]);
    let zero = Anchor::At(MediaTime::ZERO);
    let (events, facts) = pass(None, std::slice::from_ref(&bytes), 65_536, zero).unwrap();
    assert!(pass(None, &[bytes], 1, zero).unwrap() == (events.clone(), facts.clone()));
    let output = dir.join("out.mp4");
    write_file(&events, &output);
    let (want, got) = (super::probe(&dir.join("in.mp4"), "v"), super::probe(&output, "v"));
    assert_eq!(hashes(&output, "v"), hashes(&dir.join("in.mp4"), "v"));
    assert_eq!((keys(&got), got[0].pts), (keys(&want), 0));
    assert!(got.iter().zip(&want).all(|(g, w)| g.pts - w.pts == -want[0].pts), "{got:?}");
    assert!(got.windows(2).all(|p| p[0].dts < p[1].dts) && got[0].dts == 0, "{got:?}");
    assert_eq!(facts[0].losses.units_before_start, 0);
    assert!(facts[0].starts_with_key_frame && facts[0].key_frames == 3);
    // Audio stays in sync: what starts before zero is dropped.
    let (want, audio) = (super::probe(&dir.join("in.mp4"), "a"), super::probe(&output, "a"));
    let lost = facts[0].losses.frames_before_start as usize;
    assert!((1..=4).contains(&lost) && audio.len() + lost == want.len(), "{lost} of {}", want.len());
    let moved = want[lost].pts - audio[0].pts;
    assert!((moved - facts[0].offset.unwrap().abs()).abs() <= 4, "{moved} by {:?}", facts[0].offset);
    assert_decodes(&output);
}

#[test]
fn audio_before_the_first_picture_waits_for_its_place() {
    let flags = "frag_keyframe+empty_moov+default_base_moof+separate_moof";
    let (dir, bytes) = Cmaf::one_file("cmaf_separate", flags, &[]);
    // Audio first, however ffmpeg orders them: the first two fragments change places.
    let all = boxes(&bytes);
    let start = all.iter().position(|(kind, _)| kind == "moof").unwrap();
    let bytes_of = |i: usize| all[i].1;
    let mut swapped: Vec<u8> = (0..start).flat_map(|i| bytes_of(i).to_vec()).collect();
    for i in [start + 2, start + 3, start, start + 1] {
        swapped.extend(bytes_of(i));
    }
    swapped.extend((start + 4..all.len()).flat_map(|i| bytes_of(i).to_vec()));
    for (name, bytes) in [("as_is", &bytes), ("swapped", &swapped)] {
        let whole = pass(None, std::slice::from_ref(bytes), usize::MAX, AT).unwrap();
        assert!(pass(None, std::slice::from_ref(bytes), 1000, AT).unwrap() == whole);
        let (events, facts) = whole;
        assert_eq!(facts[0].video.unwrap().start, START, "{name}");
        let offsets = events.iter().filter(|e| matches!(e, MediaEvent::Timeline { .. })).count();
        assert_eq!(offsets, 1);
        let output = dir.join(format!("{name}.mp4"));
        write_file(&events, &output);
        assert_passed(&dir.join("in.mp4"), &output, &["v", "a"]);
    }
}

#[test]
fn old_headers_are_brought_up_to_date() {
    // Offsets from the file's start, which MSE refuses.
    let (dir, bytes) = Cmaf::one_file("cmaf_base", "frag_keyframe+empty_moov", &[]);
    let moof = find(&bytes, b"moof");
    assert_eq!(bytes[find(&bytes, b"tfhd") + 11] & 1, 1, "the test's own premise: base-data-offset");
    let (init, media) = bytes.split_at(moof);
    for (name, init, segment) in [("whole", None, bytes.clone()), ("apart", Some(init), media.to_vec())] {
        let (events, _) = pass(init, &[segment], 65_536, AT).unwrap();
        for fragment in fragments(&events, TrackKind::Video) {
            let header = fragment.data.bytes();
            let flags = &header[find(header, b"tfhd") + 8..][..4];
            assert_eq!((flags[1] & 2, flags[3] & 1), (2, 0), "default-base-is-moof alone");
        }
        let output = dir.join(format!("{name}.mp4"));
        write_file(&events, &output);
        assert_passed(&dir.join("in.mp4"), &output, &["v", "a"]);
    }
}

/// Replaces each `tfdt` by what `make` makes of its time, and mends sizes and offsets.
fn with_tfdt(segment: &[u8], make: impl Fn(u64) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, bytes) in boxes(segment) {
        if kind != "moof" {
            out.extend(bytes);
            continue;
        }
        let mut moof = Vec::new();
        for (kind, bytes) in boxes(&bytes[8..]) {
            if kind != "traf" {
                moof.extend(bytes);
                continue;
            }
            let mut traf = Vec::new();
            for (kind, bytes) in boxes(&bytes[8..]) {
                match kind.as_str() {
                    "tfdt" => traf.extend(make(u64::from_be_bytes(bytes[12..20].try_into().unwrap()))),
                    _ => traf.extend(bytes),
                }
            }
            moof.extend((traf.len() as u32 + 8).to_be_bytes());
            moof.extend(b"traf");
            moof.extend(traf);
        }
        let shift = (moof.len() + 8) as i32 - bytes.len() as i32;
        let mut moof = [&(moof.len() as u32 + 8).to_be_bytes()[..], b"moof", &moof].concat();
        for i in 0..moof.len() - 4 {
            if moof[i..].starts_with(b"trun") {
                let offset = i32::from_be_bytes(moof[i + 12..i + 16].try_into().unwrap()) + shift;
                moof[i + 12..i + 16].copy_from_slice(&offset.to_be_bytes());
            }
        }
        out.extend(moof);
    }
    out
}

fn tfdt0(time: u64) -> Vec<u8> {
    [&b"\0\0\0\x10tfdt\0\0\0\0"[..], &(time as u32).to_be_bytes()].concat()
}

#[test]
fn decode_times_of_32_bits_and_none() {
    let cmaf = Cmaf::new("cmaf_tfdt", &[]);
    let input = cmaf.dir.join("in.mp4");
    std::fs::write(&input, [&cmaf.init[..], &cmaf.segments.concat()].concat()).unwrap();
    let short: Vec<_> = cmaf.segments.iter().map(|s| with_tfdt(s, tfdt0)).collect();
    let none: Vec<_> = cmaf.segments.iter().map(|s| with_tfdt(s, |_| Vec::new())).collect();
    // 2^32 at 12,800 ticks a second are 335,544 s: once where it fits, once where it does not.
    for (name, segments, at) in [("short", &short, 10), ("long", &short, 400_000), ("none", &none, 10)] {
        let anchor = Anchor::At(MediaTime::from_millis(at * 1000));
        let whole = pass(Some(&cmaf.init), segments, usize::MAX, anchor).unwrap();
        assert!(pass(Some(&cmaf.init), segments, 999, anchor).unwrap() == whole);
        let output = cmaf.dir.join(format!("{name}.mp4"));
        write_file(&whole.0, &output);
        assert_passed(&input, &output, &["v", "a"]);
        assert_eq!(whole.1[0].video.unwrap().start.ticks(), at * 90_000, "{name}");
        let wide = whole.0.iter().any(|event| match event {
            MediaEvent::Fragment(f) => f.data.bytes()[find(f.data.bytes(), b"tfdt") + 8] == 1,
            _ => false,
        });
        assert_eq!(wide, name != "short", "{name}");
    }
    // Without a time, a segment after a seek is where it is expected.
    let expected = MediaTime::from_millis(54_000);
    let anchor = Anchor::Offset { offset: 0, expected };
    let (_, facts) = pass(Some(&cmaf.init), &none[1..2], 4096, anchor).unwrap();
    assert!(facts[0].video.unwrap().start.abs_diff(expected) < MediaTime::from_millis(200), "{facts:?}");
}

#[test]
fn a_clock_of_32_bits_wraps() {
    let cmaf = Cmaf::new("cmaf_wrap", &[]);
    // Video's clock wraps in the second segment.
    let near_end = (1_u64 << 32) - 40_000;
    let base = std::cell::Cell::new(0);
    let segments: Vec<_> = cmaf
        .segments
        .iter()
        .map(|segment| {
            // The first `tfdt` is video's; audio is left where it is, and out of this.
            base.set(0);
            with_tfdt(segment, |time| {
                base.set(base.get() + 1);
                tfdt0(if base.get() == 1 { time + near_end } else { time })
            })
        })
        .collect();
    let (_, facts) = pass(Some(&cmaf.init), &segments, 65_536, AT).unwrap();
    let video: Vec<_> = facts.iter().map(|facts| facts.video.unwrap()).collect();
    assert_eq!(video[0].start, START);
    assert!(video.windows(2).all(|v| v[0].end == v[1].start), "{video:?}");
}

#[test]
fn a_rendition_of_another_timescale_stays_in_place() {
    let video = Cmaf::new("cmaf_rungs", &["-an", "-video_track_timescale", "30000"]);
    let other = Cmaf::new("cmaf_rungs_other", &["-an", "-video_track_timescale", "11111"]);
    let audio = Cmaf::new("cmaf_rungs_audio", &["-vn", "-ar", "44100"]);
    let (_, first) = pass(Some(&video.init), &video.segments[..1], 4096, AT).unwrap();
    let offset = first[0].offset.unwrap();
    for (rendition, is_exact) in [(&video, true), (&other, false), (&audio, false)] {
        for index in [0, 1, 2] {
            let expected = START + MediaTime::from_millis(index as i64 * 2000);
            let anchor = Anchor::Offset { offset, expected };
            let (_, facts) =
                pass(Some(&rendition.init), &rendition.segments[index..=index], 4096, anchor).unwrap();
            let range = facts[0].video.or(facts[0].audio).unwrap();
            let bound = MediaTime::from_ticks(if is_exact { 0 } else { 90_000 / 11 });
            assert!(range.start.abs_diff(expected) <= bound, "{index}: {range:?} and not {expected:?}");
        }
    }
}

#[test]
fn an_init_section_in_the_stream_and_a_new_one() {
    let (first, second) = (Cmaf::new("cmaf_init_1", &[]), Cmaf::new("cmaf_init_2", &["-s", "160x90"]));
    // Each segment brings its own; the second kind comes in the middle of the third segment.
    let inline = |cmaf: &Cmaf, i: usize| [&cmaf.init[..], &cmaf.segments[i]].concat();
    let both = [inline(&first, 2), inline(&second, 2)].concat();
    let segments = [inline(&first, 0), inline(&first, 1), both];
    let (events, facts) = pass(None, &segments, 1000, AT).unwrap();
    assert!(pass(None, &segments, usize::MAX, AT).unwrap().0 == events);
    let sizes: Vec<_> = inits(&events).iter().map(|init| init.format).collect();
    let size = |width, height| Format::Video { width, height };
    assert_eq!(sizes, [size(320, 180), size(160, 90)]);
    assert_eq!(fragments(&events, TrackKind::Video).len(), 4);
    assert_eq!(facts[2].key_frames, 2);
}

#[test]
fn event_messages_find_their_place() {
    let cmaf = Cmaf::new("cmaf_emsg", &[]);
    let strings = b"urn:x\0one\0";
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>();
    let event = |version: u8, body: &[u8]| {
        let size = (12 + body.len()) as u32;
        [&size.to_be_bytes()[..], b"emsg", &[version, 0, 0, 0], body].concat()
    };
    // Half a second into the segment; and 3 s on the media's own timeline, which video starts at 0.08 s.
    let v0 = event(0, &[&strings[..], &numbers(&[1000, 500, 250, 7]), b"payload"].concat());
    let v1 = event(1, &[&numbers(&[1000, 0, 3000, u32::MAX, 8]), &strings[..], b"more"].concat());
    let damaged = event(0, b"urn without an end");
    let segment = [&v0, &v1, &damaged, &cmaf.segments[0][..]].concat();
    let (events, facts) = pass(Some(&cmaf.init), &[segment], 10, AT).unwrap();
    let found: Vec<&Metadata> =
        events.iter().filter_map(|e| if let MediaEvent::Metadata(m) = e { Some(m) } else { None }).collect();
    let [first, second] = found[..] else { panic!("{found:?}") };
    assert_eq!(
        (first.scheme.as_str(), first.value.as_str(), &first.data[..]),
        ("urn:x", "one", &b"payload"[..])
    );
    // The segment starts with its audio, a frame before video.
    let start = facts[0].audio.unwrap().start.min(facts[0].video.unwrap().start);
    assert_eq!(first.range.start - start, MediaTime::from_millis(500));
    assert_eq!(first.range.length(), MediaTime::from_millis(250));
    assert_eq!(second.data, b"more");
    assert_eq!(second.range.start.ticks(), 270_000 + facts[0].offset.unwrap());
    assert_eq!(second.range.length(), MediaTime::ZERO);
    assert_eq!(facts[0].losses.damaged_boxes, 1);
    let at = |want: fn(&MediaEvent) -> bool| events.iter().position(want).unwrap();
    assert!(at(|e| matches!(e, MediaEvent::Metadata(_))) < at(|e| matches!(e, MediaEvent::Fragment(_))));
}

#[test]
fn sizes_of_all_kinds_and_boxes_of_no_interest() {
    let cmaf = Cmaf::new("cmaf_sizes", &["-an"]);
    let segment = &cmaf.segments[0];
    let whole = pass(Some(&cmaf.init), std::slice::from_ref(segment), usize::MAX, AT).unwrap();
    let mdat = find(segment, b"mdat");
    // To the end of the segment.
    let mut open = segment.clone();
    open[mdat..mdat + 4].fill(0);
    let (events, facts) = pass(Some(&cmaf.init), &[open], 777, AT).unwrap();
    assert_eq!(facts[0].video, whole.1[0].video);
    let payload = |events: &[MediaEvent]| {
        let bytes = fragments(events, TrackKind::Video)[0].data.bytes().to_vec();
        bytes[find(&bytes, b"mdat") + 8..].to_vec()
    };
    assert!(payload(&events) == payload(&whole.0));
    // 64 bits wide, and much around it that is not known. The offset in `trun` has to know the longer header.
    let header = ((segment.len() - mdat + 8) as u64).to_be_bytes();
    let mut wide = [&b"\0\0\0\x0cfree----"[..], &segment[..mdat], b"\0\0\0\x01mdat", &header].concat();
    let trun = find(&wide, b"trun");
    let offset = u32::from_be_bytes(wide[trun + 16..trun + 20].try_into().unwrap()) + 8;
    wide[trun + 16..trun + 20].copy_from_slice(&offset.to_be_bytes());
    wide.extend(&segment[mdat + 8..]);
    wide.extend(b"\0\0\0\x0dzzzz?????\0\0\0\x08mfra\0\0");
    let (events, facts) = pass(Some(&cmaf.init), &[wide], 13, AT).unwrap();
    assert_eq!((facts[0].video, facts[0].losses.garbage_bytes), (whole.1[0].video, 2));
    let output = cmaf.dir.join("wide.mp4");
    write_file(&events, &output);
    assert_decodes(&output);
}
