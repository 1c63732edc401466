//! Captions of the video: what libavcodec's decoder makes of a stream, and what must hold beyond it.
//!
//! `captions/pop-on.scc` was written by pycaption, the others by hand; the pairs go into SEI messages of a stream with
//! reordered pictures.

mod pictures;
mod stream;

use std::path::Path;
use std::process::Command;

use cloud_player::media::{Captions, Cue, TextTrack};

use stream::{inject, scc};

use super::*;
use crate::playlist::corpora::corpora;

/// Cues of one track, with those that only a segment's end parts joined.
fn cues(events: &[MediaEvent], track: TextTrack) -> Vec<Cue> {
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

fn line_21(pairs: &BTreeMap<usize, [u8; 2]>) -> impl FnMut(usize) -> Vec<[u8; 3]> {
    |frame| {
        let [a, b] = pairs.get(&frame).copied().unwrap_or([0x80, 0x80]);
        vec![[0xfc, a, b], [0xfd, 0x80, 0x80]]
    }
}

fn captioned(name: &str, pairs: &BTreeMap<usize, [u8; 2]>) -> Vec<Vec<u8>> {
    captioned_with(name, pairs, "3")
}

fn captioned_with(name: &str, pairs: &BTreeMap<usize, [u8; 2]>, reordered: &str) -> Vec<Vec<u8>> {
    let arguments = ["-s", "64x48", "-crf", "40", "-bf", reordered, "-g", "60", "-t", "11", "-an"];
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

/// A stream of pictures with pop-on captions in CC1, for sessions; the second one is of 1.2 to 3.97 s.
pub(crate) fn for_sessions() -> Vec<Vec<u8>> {
    // Several tests want it, at the same time.
    static MADE: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    MADE.get_or_init(|| captioned_with("captions-session", &scc("pop-on.scc"), "1")).clone()
}
