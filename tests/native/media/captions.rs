//! Captions of the video: what libavcodec's decoder makes of a stream, and what must hold beyond it.
//!
//! `captions/pop-on.scc` was written by pycaption, the other by hand; the pairs go into SEI messages of a stream with
//! reordered pictures.

use std::path::Path;
use std::process::Command;

use cloud_player::media::{CaptionFacts, Captions, Cue, TextTrack};

use super::*;
use crate::playlist::corpora::corpora;

/// Cues of one track, with those that only a segment's end parts joined.
pub(super) fn cues(events: &[MediaEvent], track: TextTrack) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    for event in events {
        let MediaEvent::Cue(cue) = event else { continue };
        if cue.track != track {
            continue;
        }
        let same = |old: &&mut Cue| {
            old.range.end == cue.range.start && (&old.text, &old.settings) == (&cue.text, &cue.settings)
        };
        match cues.iter_mut().find(same) {
            Some(old) => old.range.end = cue.range.end,
            None => cues.push(cue.clone()),
        }
    }
    cues
}

/// What a viewer reads: no tags, no layout.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for (from, to) in [
        ("<i>", ""),
        ("</i>", ""),
        ("<u>", ""),
        ("</u>", ""),
        ("\u{a0}", " "),
        ("’", "'"),
        ("\\h", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
    ] {
        text = text.replace(from, to);
    }
    text.replace("&amp;", "&")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Start and end in milliseconds from the first picture, and the text.
type Shown = (i64, i64, String);

/// What libavcodec shows.
fn shown_by_ffmpeg(stream: &Path) -> Vec<Shown> {
    let mut command = ffmpeg();
    let file = stream.file_name().unwrap().to_str().unwrap();
    command.current_dir(stream.parent().unwrap());
    command.args([
        "-f",
        "lavfi",
        "-i",
        &format!("movie={file}[out+subcc]"),
        "-map",
        "s",
        "-f",
        "webvtt",
        "-",
    ]);
    let file = run(&mut command);
    let millis = |time: &str| {
        let whole: i64 =
            time.rsplit_once('.').unwrap().0.split(':').fold(0, |t, n| t * 60 + n.parse::<i64>().unwrap());
        whole * 1000 + time.rsplit_once('.').unwrap().1.parse::<i64>().unwrap()
    };
    let cue = |block: &str| {
        let (times, text) = block.trim_start().split_once('\n').unwrap_or((block, ""));
        let (start, end) = times.trim().split_once(" --> ")?;
        Some((millis(start), millis(end), plain(text)))
    };
    // Where the topmost row is empty, a cue starts with a blank line.
    file.replace("\n\n\n", "\n\n").split("\n\n").filter_map(cue).collect()
}

fn shown(cues: &[Cue]) -> Vec<Shown> {
    let millis = |time: MediaTime| ((time - START).ticks() + 45).div_euclid(90);
    cues.iter().map(|cue| (millis(cue.range.start), millis(cue.range.end), plain(&cue.text))).collect()
}

#[track_caller]
fn assert_same(ours: &[Shown], theirs: &[Shown]) {
    let texts = |shown: &[Shown]| -> Vec<String> { shown.iter().map(|s| s.2.clone()).collect() };
    assert_eq!(texts(ours), texts(theirs));
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours.0 - theirs.0).abs() <= 1 && (ours.1 - theirs.1).abs() <= 1, "{ours:?} {theirs:?}");
    }
}

/// The pairs of a Scenarist file, by frame.
fn scc(name: &str) -> BTreeMap<usize, [u8; 2]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native/media/captions");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let mut pairs = BTreeMap::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let (time, data) = line.split_once('\t').unwrap();
        let [h, m, s, f] = time.split(':').map(|n| n.parse::<usize>().unwrap()).collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        for (i, pair) in data.split(' ').enumerate() {
            // Where one caption's codes end with another's start, it is sent a little late.
            let mut frame = ((h * 60 + m) * 60 + s) * 30 + f + i;
            while pairs.contains_key(&frame) {
                frame += 1;
            }
            pairs.insert(frame, u16::from_str_radix(pair, 16).unwrap().to_be_bytes());
        }
    }
    pairs
}

/// An SEI message with these constructs, escaped.
pub(super) fn sei(constructs: &[[u8; 3]]) -> Vec<u8> {
    let mut message = b"\xb5\x00\x31GA94\x03".to_vec();
    message.extend([0xc0 | u8::try_from(constructs.len()).unwrap(), 0xff]);
    message.extend(constructs.concat());
    message.push(0xff);
    let mut out = vec![4, u8::try_from(message.len()).unwrap()];
    let mut zeros = 0;
    for byte in message.into_iter().chain([0x80]) {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// The stream with caption data in its pictures; `constructs` is asked by the picture's place in presentation order.
/// Only tables and video remain.
fn inject(segments: &[Vec<u8>], mut constructs: impl FnMut(usize) -> Vec<[u8; 3]>) -> Vec<Vec<u8>> {
    let payload = |packet: &[u8]| {
        let skip = if packet[3] & 0x20 == 0 { 4 } else { 5 + usize::from(packet[4]) };
        packet[skip..].to_vec()
    };
    let mut stamps = Vec::new();
    let mut all = Vec::new();
    for segment in segments {
        let (mut tables, mut units) = (Vec::new(), Vec::<Vec<u8>>::new());
        for packet in segment.chunks_exact(188) {
            match u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) {
                0 | 0x1000 if units.is_empty() => tables.extend(packet),
                VIDEO_PID => {
                    if packet[1] & 0x40 != 0 {
                        units.push(Vec::new());
                    }
                    units.last_mut().unwrap().extend(payload(packet));
                }
                _ => {}
            }
        }
        stamps.extend(units.iter().map(|unit| pts(unit)));
        all.push((tables, units));
    }
    stamps.sort_unstable();
    let mut counter = 0;
    let mut write = |(tables, units): (Vec<u8>, Vec<Vec<u8>>)| {
        let mut out = tables;
        for mut unit in units {
            let constructs = constructs(stamps.binary_search(&pts(&unit)).unwrap());
            if !constructs.is_empty() {
                let slice = unit
                    .windows(4)
                    .position(|w| w[..3] == [0, 0, 1] && matches!(w[3] & 0x1f, 1 | 5))
                    .unwrap();
                let nal = [&[0, 0, 1, 6][..], &sei(&constructs)].concat();
                unit.splice(slice..slice, nal);
            }
            (unit[4], unit[5]) = (0, 0); // PES of unknown length
            packets(&unit, &mut counter, &mut out);
        }
        out
    };
    all.into_iter().map(&mut write).collect()
}

fn pts(pes: &[u8]) -> u64 {
    let b = |i: usize| u64::from(pes[i]);
    (b(9) >> 1 & 7) << 30 | b(10) << 22 | (b(11) >> 1) << 15 | b(12) << 7 | b(13) >> 1
}

/// A PES packet in packets of the transport stream.
fn packets(mut pes: &[u8], counter: &mut u8, out: &mut Vec<u8>) {
    let mut start = 0x40;
    while !pes.is_empty() {
        let (now, rest) = pes.split_at(pes.len().min(if pes.len() < 184 { 182 } else { 184 }));
        let stuffing = 184 - now.len();
        out.extend([0x47, start | 1, 0, if stuffing > 0 { 0x30 } else { 0x10 } | *counter & 15]);
        if stuffing > 0 {
            out.extend([u8::try_from(stuffing - 1).unwrap(), 0]);
            out.extend(std::iter::repeat_n(0xff, stuffing - 2));
        }
        out.extend(now);
        (pes, start, *counter) = (rest, 0, counter.wrapping_add(1));
    }
}

fn line_21(pairs: &BTreeMap<usize, [u8; 2]>) -> impl FnMut(usize) -> Vec<[u8; 3]> {
    |frame| {
        let [a, b] = pairs.get(&frame).copied().unwrap_or([0x80, 0x80]);
        vec![[0xfc, a, b], [0xfd, 0x80, 0x80]]
    }
}

fn captioned(name: &str, pairs: &BTreeMap<usize, [u8; 2]>) -> Vec<Vec<u8>> {
    let arguments = ["-s", "64x48", "-crf", "40", "-bf", "3", "-g", "60", "-t", "11", "-an"];
    let stream = Stream::new(name, &arguments);
    let segments = inject(&stream.segments, line_21(pairs));
    std::fs::write(stream.dir.join("captions.ts"), segments.concat()).unwrap();
    segments
}

fn all_of(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("media").join(name).join("captions.ts")
}

#[test]
fn pop_on_captions_are_those_that_ffmpeg_shows() {
    let segments = captioned("captions-pop-on", &scc("pop-on.scc"));
    let (events, facts) = transmux(&segments, 1000).unwrap();
    let cues = cues(&events, TextTrack::Cea608(1));
    assert_same(&shown(&cues), &shown_by_ffmpeg(&all_of("captions-pop-on")));
    assert_eq!(cues[1].text, "A &lt;b&gt; tag &amp; an ampersand,\nthen a second line: 100%");
    assert_eq!(cues[0].settings, "line:84.6% position:10.0% align:start");
    let count = events.iter().filter(|event| matches!(event, MediaEvent::Cue(_))).count();
    // The last cue came out behind the last segment, or not at all.
    assert!(facts.iter().map(|facts| facts.cues as usize).sum::<usize>().abs_diff(count) <= 1, "{facts:?}");
    assert!(facts.iter().all(|facts| !facts.losses.any()), "{facts:?}");
    for size in [1, 187, 4096, usize::MAX] {
        assert_eq!(transmux(&segments, size).unwrap(), (events.clone(), facts.clone()), "{size}");
    }
}

/// Italics and underlines, and rows that are apart from each other, which become cues of their own.
#[test]
fn captions_look_as_they_do_in_ffmpeg() {
    let segments = captioned("captions-styles", &scc("styles.scc"));
    let (events, _) = transmux(&segments, 1000).unwrap();
    let cues = cues(&events, TextTrack::Cea608(1));
    let looks: Vec<_> = cues.iter().map(|cue| (cue.settings.as_str(), cue.text.as_str())).collect();
    assert_eq!(
        looks,
        [
            ("line:79.3% position:10.0% align:start", "<i>ab</i> cd <u>ef</u> <i>gh</i>"),
            ("line:74.0% position:12.5% align:start", "ab"),
            ("line:84.6% position:22.5% align:start", "<i>cd</i> <i>ef</i>"),
        ]
    );
    let path = all_of("captions-styles");
    let [first, second] = &shown_by_ffmpeg(&path)[..] else { panic!("two captions") };
    let ours = shown(&cues);
    assert_same(&ours[..1], std::slice::from_ref(first));
    assert_eq!((ours[1].0, ours[2].1, format!("{}\n{}", ours[1].2, ours[2].2)), second.clone());
    // libavcodec has the same letters in italics and underlined.
    let mut command = ffmpeg();
    command.current_dir(path.parent().unwrap());
    let file = run(command.args("-f lavfi -i movie=captions.ts[out+subcc] -map s -f webvtt -".split(' ')));
    let file: String = file.replace("\\h", " ").split_whitespace().collect();
    for look in ["<i>ab</i>cd", "<u>ef</u>", "<i>gh</i>", "<i>cdef</i>"] {
        assert!(file.contains(look), "{look} {file}");
    }
}

/// Text that is written while it is shown: what is shown in the end of each step is what ffmpeg has for all of it.
#[test]
fn roll_up_captions_are_those_that_ffmpeg_shows() {
    let segments = captioned("captions-roll-up", &scc("roll-up.scc"));
    let (events, _) = transmux(&segments, 1000).unwrap();
    let cues = shown(&cues(&events, TextTrack::Cea608(1)));
    let theirs = shown_by_ffmpeg(&all_of("captions-roll-up"));
    assert!(theirs.len() >= 4 && theirs.iter().any(|cue| cue.2.lines().count() == 3), "{theirs:?}");
    for theirs in &theirs {
        let ours = cues.iter().find(|ours| (ours.1 - theirs.1).abs() <= 1);
        assert_eq!(ours.map(|ours| &ours.2), Some(&theirs.2), "{theirs:?} {cues:#?}");
    }
    for pair in cues.windows(2) {
        assert!(pair[0].1 == pair[1].0, "no gap and no overlap: {pair:?}");
        assert!(pair[1].1 - pair[1].0 >= 30 && pair[1].1 - pair[1].0 <= 2000, "{pair:?}");
    }
    assert!(cues.len() < 25, "a cue is not a character: {}", cues.len());
}

/// A caption that is shown over the end of a segment comes out with the segment.
#[test]
fn captions_do_not_wait_for_the_next_segment() {
    let segments = captioned("captions-segments", &scc("pop-on.scc"));
    let mut transmuxer = Transmuxer::new();
    let (mut out, mut facts) = (Vec::new(), Vec::<SegmentFacts>::new());
    for segment in &segments {
        let before = out.len();
        transmuxer.begin_segment(segment_start(facts.last()));
        transmuxer.push(segment, &mut out).unwrap();
        facts.push(transmuxer.end_segment(&mut out).unwrap());
        let end = facts.last().unwrap().video.unwrap().end;
        let cues: Vec<&Cue> = out[before..]
            .iter()
            .filter_map(|e| if let MediaEvent::Cue(cue) = e { Some(cue) } else { None })
            .collect();
        assert_eq!(facts.last().unwrap().cues as usize, cues.len());
        if (2..=3).contains(&facts.len()) {
            let missing = end - cues.last().unwrap().range.end;
            assert!(missing <= MediaTime::from_millis(200), "all but what may still change: {missing}");
        }
    }
}

/// A segment that is fed again gives the same captions again, whatever was there of it before.
#[test]
fn a_segment_that_is_abandoned_leaves_no_trace() {
    let segments = captioned("captions-abandon", &scc("roll-up.scc"));
    let texts = |events: &[MediaEvent]| {
        cues(events, TextTrack::Cea608(1)).into_iter().map(|cue| cue.text).collect::<Vec<_>>()
    };
    let feed = |again: bool| {
        let (mut transmuxer, mut out, mut facts) =
            (Transmuxer::new(), Vec::new(), Vec::<SegmentFacts>::new());
        for (i, segment) in segments.iter().enumerate() {
            transmuxer.begin_segment(segment_start(facts.last()));
            if again && i == 1 {
                transmuxer.push(&segment[..segment.len() * 2 / 3], &mut Vec::new()).unwrap();
                transmuxer.begin_segment(segment_start(facts.last()));
            }
            transmuxer.push(segment, &mut out).unwrap();
            facts.push(transmuxer.end_segment(&mut out).unwrap());
        }
        transmuxer.flush(&mut out);
        texts(&out)
    };
    assert_eq!(feed(true), feed(false));
}

/// Whatever happens to the stream: no panic, cues that can be shown, and nothing depends on chunks.
#[test]
fn captions_of_damaged_streams() {
    let segments = &captioned("captions-damage", &scc("roll-up.scc"))[..2];
    let mut seed = 7_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut captions = 0;
    for _ in 0..60 {
        let mut segments = segments.to_vec();
        for segment in &mut segments {
            for _ in 0..=random(8) {
                let at = random(segment.len());
                match random(4) {
                    0 => drop(segment.drain(at..segment.len().min(at + random(600)))),
                    1 => segment.truncate(at.max(2000)),
                    _ => segment[at] ^= 1 << random(8),
                }
            }
        }
        let Ok((events, facts)) = transmux(&segments, 1000) else { continue };
        assert_eq!(transmux(&segments, usize::MAX).unwrap(), (events.clone(), facts));
        let cues = cues(&events, TextTrack::Cea608(1));
        assert!(cues.iter().all(|cue| cue.range.start < cue.range.end && !cue.text.is_empty()), "{cues:?}");
        captions += cues.len();
    }
    assert!(captions > 60, "{captions}");
}

#[test]
fn captions_of_other_players_test_streams() {
    let Some(folder) = corpora() else { return };
    let mut count = 0;
    for name in ["mux.js/sintel-captions.ts", "vhs/caption.ts"] {
        let path = folder.join("ts").join(name);
        let (events, _) = transmux(&[std::fs::read(&path).unwrap()], 4096).unwrap();
        let (mut ours, mut theirs) = (shown(&cues(&events, TextTrack::Cea608(1))), shown_by_ffmpeg(&path));
        // Neither knows how long the last one is shown.
        (ours.last_mut().unwrap().1, theirs.last_mut().unwrap().1) = (0, 0);
        assert_same(&ours, &theirs);
        count += ours.len();
    }
    assert!(count >= 5, "{count}");
    let bytes = std::fs::read(folder.join("ts/mux.js/multi-channel-608-captions.ts")).unwrap();
    let (events, _) = transmux(&[bytes], 4096).unwrap();
    let last = |track| plain(&cues(&events, track).last().unwrap().text);
    assert_eq!(last(TextTrack::Cea608(1)), "PERIOD, FOLKS.\nWE'RE LOSING TIME FROM QUESTION\nPERIOD.");
    assert!(
        last(TextTrack::Cea608(3))
            .starts_with("être une période de questions\ntrès courte, chers députés.\nNous")
    );
}

/// The samples of a fragmented MP4 file, one by one.
#[test]
fn captions_of_mp4_samples() {
    let Some(folder) = corpora() else { return };
    let dir = fresh_dir("captions-mp4");
    let part = |name: &str| std::fs::read(folder.join("ts/mux.js").join(name)).unwrap();
    let file = [part("dash-608-captions-init.mp4"), part("dash-608-captions-seg.m4s")].concat();
    let path = dir.join("in.mp4");
    std::fs::write(&path, &file).unwrap();
    let mut command = Command::new("ffprobe");
    command.args(
        "-v error -select_streams v -show_entries packet=pts_time,dts_time,pos,size -of csv=p=0".split(' '),
    );
    let (mut captions, mut out) = (Captions::default(), Vec::new());
    captions.begin_segment();
    for line in run(command.arg(&path)).lines() {
        let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let [pts, dts, size, at] = fields[..] else { panic!("{line}") };
        let sample = &file[at as usize..][..size as usize];
        captions.avc_sample(
            sample,
            4,
            MediaTime::from_secs(pts) + START,
            MediaTime::from_secs(dts) + START,
            &mut out,
        );
    }
    captions.flush(MediaTime::from_millis(33), &mut out);
    let (mut ours, mut theirs) = (shown(&cues(&out, TextTrack::Cea608(1))), shown_by_ffmpeg(&path));
    assert!(ours.len() > 1, "{ours:?}");
    let first = theirs[0].0 - ours[0].0;
    theirs.iter_mut().for_each(|cue| (cue.0, cue.1) = (cue.0 - first, cue.1 - first));
    (ours.last_mut().unwrap().1, theirs.last_mut().unwrap().1) = (0, 0);
    assert_same(&ours, &theirs);
}

/// One picture after another at 30 a second; each takes what it is given.
struct Feed {
    captions: Captions,
    out: Vec<MediaEvent>,
    frame: i64,
}

impl Feed {
    fn new() -> Self {
        Self { captions: Captions::default(), out: Vec::new(), frame: 0 }
    }

    fn picture(&mut self, constructs: &[[u8; 3]]) {
        let time = MediaTime::from_ticks(self.frame * 3000);
        self.captions.picture(time, time, &mut self.out);
        self.captions.sei(&sei(constructs));
        self.frame += 1;
    }

    /// A caption channel packet with one block of service 1, in one picture.
    fn packet(&mut self, block: &[u8]) {
        let size = block.len() + 2;
        let mut bytes =
            vec![u8::try_from(size.div_ceil(2)).unwrap(), 0x20 | u8::try_from(block.len()).unwrap()];
        bytes.extend(block);
        bytes.resize(size.next_multiple_of(2), 0);
        let kind = |i| if i == 0 { 0xff } else { 0xfe };
        let constructs: Vec<_> =
            bytes.chunks(2).enumerate().map(|(i, pair)| [kind(i), pair[0], pair[1]]).collect();
        self.picture(&constructs);
    }

    fn cues(mut self, track: TextTrack) -> Vec<(i64, i64, String, String)> {
        self.captions.flush(MediaTime::from_ticks(3000), &mut self.out);
        let frame = |time: MediaTime| time.ticks() / 3000;
        cues(&self.out, track)
            .into_iter()
            .map(|cue| (frame(cue.range.start), frame(cue.range.end), cue.settings, cue.text))
            .collect()
    }
}

const DEFINE_0: [u8; 7] = [0x98, 0x18, 0xc6, 0x32, 0x71, 0x1f, 0x11];

#[test]
fn windows_of_digital_captions() {
    let mut feed = Feed::new();
    // Hidden, bottom centre, two rows of 32; then shown, replaced by another, which is toggled and deleted.
    feed.packet(&[&DEFINE_0[..], b"\x92\x00\x02one", b"\x90\x05\x80", b"\x0dtwo\x10\x39"].concat());
    feed.packet(&[0x89, 0x01]);
    feed.packet(b"\x99\x38\x00\x00\x02\x1f\x19\x97\x00\x00\x02\x00\x91\x2a\x00\x2athr\x08ee&");
    feed.packet(&[0x8a, 0x01]);
    feed.packet(&[0x8b, 0x03]);
    feed.packet(&[0x8c, 0xff]);
    feed.packet(&[0x89, 0xff]);
    let bottom = "line:70%,end position:50%,center align:start size:60%";
    let text = "\u{a0}\u{a0}one\n<i>two™</i>";
    let top = "line:0%,start position:0%,line-left align:center";
    assert_eq!(
        feed.cues(TextTrack::Cea708(1)),
        [
            (1, 3, bottom.into(), text.into()),
            (2, 4, top.into(), "thee&amp;".into()),
            (4, 5, bottom.into(), text.into()),
        ]
    );
}

#[test]
fn digital_captions_scroll() {
    let mut feed = Feed::new();
    feed.packet(&[&[0x98, 0x38], &DEFINE_0[2..], b"a\x0db"].concat());
    for _ in 0..20 {
        feed.packet(b"");
    }
    feed.packet(b"\x0dc\x0e");
    feed.packet(b"d");
    let texts: Vec<_> =
        feed.cues(TextTrack::Cea708(1)).into_iter().map(|cue| (cue.0, cue.1, cue.3)).collect();
    // What is written soon after is there at once.
    let want = [(0, 21, "a\nb"), (21, 23, "b\nd")];
    assert_eq!(texts, want.map(|(start, end, text)| (start, end, text.to_owned())));
}

fn odd(byte: u8) -> u8 {
    if byte.count_ones().is_multiple_of(2) { byte | 0x80 } else { byte }
}

/// Codes that are sent once, twice or three times; damaged bytes; and a stream that has no parity at all.
#[test]
fn pairs_of_line_21() {
    let run = |pairs: &[[u8; 2]], parity: bool, track| {
        let mut feed = Feed::new();
        for pair in pairs {
            let pair = if parity {
                pair.map(|b| if b & 0x80 == 0 { odd(b) } else { odd(b & 0x7f) ^ 0x80 })
            } else {
                *pair
            };
            feed.picture(&[[if track > 2 { 0xfd } else { 0xfc }, pair[0], pair[1]]]);
        }
        feed.cues(TextTrack::Cea608(track)).into_iter().map(|cue| cue.3).collect::<Vec<_>>()
    };
    let (load, address, show) = ([0x14, 0x20], [0x14, 0x70], [0x14, 0x2f]);
    let backspace = [0x14, 0x21];
    for parity in [true, false] {
        let once = [load, address, *b"ab", backspace, show, [0, 0]];
        assert_eq!(run(&once, parity, 1), ["a"]);
        let twice = [load, load, address, address, *b"ab", backspace, backspace, show, show, [0, 0]];
        assert_eq!(run(&twice, parity, 1), ["a"]);
        let thrice = [load, address, *b"ab", backspace, backspace, backspace, *b"c\0", show, [0, 0]];
        assert_eq!(run(&thrice, parity, 1), ["c"]);
        // Channel 2 in between.
        let two =
            [load, address, [0x1c, 0x20], [0x1c, 0x70], *b"xy", load, *b"ab", [0x1c, 0x2f], show, [0, 0]];
        assert_eq!((run(&two, parity, 1), run(&two, parity, 2)), (vec!["ab".into()], vec!["xy".into()]));
        // A program's name in between is not for the screen.
        let other = [load, address, *b"ab", [0x01, 0x03], *b"No", *b"pe", [0x0f, 0x1d], show, [0, 0]];
        assert_eq!(run(&other, parity, 3), ["ab"]);
    }
    // Bit 7 marks what arrives with wrong parity.
    let damaged =
        [load, address, [b'a', b'b' | 0x80], [b'c' | 0x80, b'd'], [0x14, 0x21 | 0x80], *b"ef", show, [0, 0]];
    assert_eq!(run(&damaged, true, 1), ["a█ef"]);
    // Text that belongs to what was before is not shown.
    assert_eq!(run(&[*b"ab", address, *b"cd", show, load, address, *b"ef", show, [0, 0]], true, 1), ["ef"]);
}

#[test]
fn few_bytes_do_not_make_endless_cues() {
    let mut captions = Captions::default();
    let mut out = Vec::new();
    captions.begin_segment();
    let mut feed = Feed { captions, out: Vec::new(), frame: 0 };
    for window in 0..8 {
        feed.packet(&[&[0x98 + window, 0x38], &DEFINE_0[2..], &[b'&'; 22]].concat());
        feed.packet(&[b'&'; 31]);
    }
    for _ in 0..20_000 {
        feed.packet(&[0x8b, 0xff]);
    }
    let facts = feed.captions.end_segment(&mut out);
    assert!(facts.dropped > 10_000, "{facts:?}");
    let bytes: usize =
        feed.out.iter().map(|e| if let MediaEvent::Cue(cue) = e { cue.text.len() } else { 0 }).sum();
    assert!(bytes <= 1 << 20 && feed.out.len() <= 8192, "{bytes} {}", feed.out.len());
    feed.captions.begin_segment();
    assert_eq!(feed.captions.end_segment(&mut out), CaptionFacts::default());
}
