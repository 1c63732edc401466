//! WebVTT segments: the cases of vtt.js where they are at hand, and how HLS places cues.

use std::path::Path;

use cloud_player::media::{Cue, Found};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::playlist::corpora::corpora;

fn at(anchor: Anchor) -> SegmentStart {
    SegmentStart { anchor, discontinuity: false, cut: Cut::default() }
}

const AT_ZERO: Anchor = Anchor::At(MediaTime::ZERO);

fn read_in(size: usize, anchor: Anchor, bytes: &[u8]) -> Result<(Vec<Cue>, SegmentFacts), MediaError> {
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.begin_segment(at(anchor));
    for chunk in bytes.chunks(size) {
        transmuxer.push(chunk, &mut out)?;
    }
    let facts = transmuxer.end_segment(&mut out)?;
    transmuxer.flush(&mut out);
    let cue = |e| if let MediaEvent::Cue(cue) = e { cue } else { panic!("{e:?}") };
    Ok((out.into_iter().map(cue).collect(), facts))
}

fn read(anchor: Anchor, text: &str) -> (Vec<Cue>, SegmentFacts) {
    read_in(1000, anchor, text.as_bytes()).unwrap()
}

/// Where vtt.js differs from the WebVTT standard, and why the standard's answer is ours.
const KNOWN: [(&str, &str); 4] = [
    (
        "cue-times/min-top-digits.vtt",
        "a first number that has not two digits is hours, and minutes must follow",
    ),
    ("cue-times/minimum-spots-over-sixty.vtt", "a first number over 59 is hours, and minutes must follow"),
    ("file-layout/header-no-new-line.vtt", "a line with an arrow ends the header: it starts a block"),
    (
        "integration/id.vtt",
        "a second line with an arrow ends the block whose first has one: it starts a block",
    ),
];

/// vtt.js says in its test scripts which expectation a file has; where it is not the one of its own name, it is that
/// of its folder.
fn expectation(vtt: &Path) -> Option<Value> {
    let own = vtt.with_extension("json");
    let name = vtt.file_stem()?.to_str()?;
    let shared = match (vtt.parent()?.file_name()?.to_str()?, name) {
        ("cue-times", "missing-separator") => "bad-data",
        ("file-layout", "webvtt-no-bom" | "webvtt-space" | "webvtt-tab" | "webvtt-with-bom") => "with-data",
        ("cue-times", _) => "with-data",
        ("file-layout", _) => "no-output",
        ("align", _) => "bad-align",
        ("line", _) => "bad-line",
        ("position", _) => "bad-position",
        ("region", _) => "bad-region",
        ("size", _) => "bad-size",
        ("vertical", _) => "bad-vertical",
        _ => "",
    };
    let path = if own.exists() { own } else { vtt.with_file_name(format!("{shared}.json")) };
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn vtt_files(folder: &Path, all: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            vtt_files(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "vtt") {
            all.push(path);
        }
    }
}

/// What both say of a cue: identifier, times in milliseconds, text.
type Facts = (String, i64, i64, String);

#[test]
fn cases_of_vtt_js() {
    let Some(folder) = corpora() else { return };
    let folder = folder.join("webvtt/mozilla-vtt.js");
    let mut files = Vec::new();
    vtt_files(&folder, &mut files);
    files.sort_unstable();
    let (mut checked, mut wrong) = (0, Vec::new());
    for path in files {
        let Some(expected) = expectation(&path) else { continue };
        let bytes = std::fs::read(&path).unwrap();
        let read = read_in(7, AT_ZERO, &bytes);
        assert_eq!(read, read_in(bytes.len().max(1), AT_ZERO, &bytes), "{}", path.display());
        let cues = read.map(|(cues, _)| cues).unwrap_or_default();
        let millis = |time: &Value| (time.as_f64().unwrap() * 1000.0).round() as i64;
        let theirs = expected["cues"].as_array().unwrap();
        let want: Vec<Facts> = theirs
            .iter()
            .map(|cue| {
                let text = |name: &str| cue[name].as_str().unwrap().to_owned();
                (text("id"), millis(&cue["startTime"]), millis(&cue["endTime"]), text("text"))
            })
            .collect();
        let got: Vec<Facts> = cues
            .iter()
            .map(|cue| {
                (cue.id.clone(), cue.range.start.ticks() / 90, cue.range.end.ticks() / 90, cue.text.clone())
            })
            .collect();
        checked += 1;
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        if want != got {
            println!("{name}: {want:?} {got:?}");
            wrong.push(name);
            continue;
        }
        // What vtt.js reads from the settings is in ours.
        for (cue, theirs) in cues.iter().zip(theirs) {
            let has = |token: String| cue.settings.split_ascii_whitespace().any(|setting| setting == token);
            let (vertical, align) = (theirs["vertical"].as_str().unwrap(), theirs["align"].as_str().unwrap());
            assert!(vertical.is_empty() || has(format!("vertical:{vertical}")), "{name}");
            assert!(align == "middle" || has(format!("align:{align}")), "{name} {align} {}", cue.settings);
            let size = theirs["size"].as_f64().unwrap();
            assert!(size == 100.0 || has(format!("size:{size}%")), "{name} {size} {}", cue.settings);
        }
    }
    assert!(checked > 150, "{checked}");
    let known: Vec<_> = KNOWN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(wrong, known, "of {checked}; one that is right now is known no longer");
}

const CUE: &str = "00:01.000 --> 00:03.000 line:0\nHello\n";

/// Anchor, header and where a cue from 1 s to 3 s then is, in ticks.
#[test]
fn cues_are_placed_like_media_of_their_sequence() {
    let anchor = |offset, expected| Anchor::Offset { offset, expected: MediaTime::from_millis(expected) };
    let map = |mpegts: u64, local: &str| format!("X-TIMESTAMP-MAP=MPEGTS:{mpegts},LOCAL:{local}\n");
    let wrap = 1_u64 << 33;
    let (ten, hours_27) = (900_000, 27 * 3600 * 1000);
    let cases = [
        // Video that starts at time stamp 10 s is at 0.
        (anchor(-ten, 0), map(900_000, "00:00:00.000"), 90_000),
        (anchor(-ten, 0), "X-TIMESTAMP-MAP=LOCAL:00:00:00.500,MPEGTS:900000\n".to_owned(), 45_000),
        (anchor(-ten, 0), map(990_000, "00:00.000"), 180_000),
        // The cue's clock went on, and the map says since when.
        (anchor(-ten, 0), map(900_000 + 90_000, "00:00:01.000"), 90_000),
        // Without a map, 0 is 0.
        (anchor(0, 0), String::new(), 90_000),
        (anchor(-45_000, 0), String::new(), 45_000),
        // A second map is none, and nor is one that cannot be read.
        (
            anchor(-ten, 0),
            "Kind: captions\nX-TIMESTAMP-MAP=MPEGTS:x,LOCAL:00:00.000\n".to_owned()
                + &map(900_000, "00:00.000"),
            90_000,
        ),
        // The time stamps have wrapped between the map's and the cue's, or the map is of before the wrap.
        (anchor(-8_589_844_592, 0), map(wrap - 90_000, "00:00.000"), 90_000),
        (
            anchor(0, hours_27),
            map(u64::try_from(hours_27 * 90).unwrap() % wrap, "00:00:00.000"),
            hours_27 * 90 + 90_000,
        ),
        (anchor(-8_589_934_592 + 90_000, 0), map(0, "00:00.000"), 180_000),
        // The offset is not known: presentation times, unless that cannot be.
        (AT_ZERO, map(900_000, "00:00:00.000"), 90_000),
        (Anchor::At(MediaTime::from_millis(2_000)), String::new(), 90_000),
        (Anchor::At(MediaTime::from_millis(20_000)), map(2_700_000, "00:00.000"), 1_890_000),
    ];
    for (anchor, header, start) in cases {
        let (cues, facts) = read(anchor, &format!("WEBVTT\n{header}\n{CUE}"));
        let range = cues[0].range;
        assert_eq!((range.start.ticks(), range.length().ticks()), (start, 180_000), "{anchor:?} {header}");
        assert_eq!(
            facts.offset,
            if let Anchor::Offset { offset, .. } = anchor { Some(offset) } else { None }
        );
        assert_eq!((facts.cues, cues[0].settings.as_str(), cues[0].text.as_str()), (1, "line:0", "Hello"));
    }
    // One file for a presentation of days: time stamps wrap, cue times do not.
    let text = "WEBVTT\n\n00:01.000 --> 00:03.000\na\n\n50:00:00.000 --> 50:00:01.000\nb";
    let (cues, _) = read(anchor(0, 0), text);
    assert_eq!(cues[1].range.start, MediaTime::from_millis(50 * 3_600_000));
    // What is over before the presentation starts is not shown, what has begun is shown from its start.
    let text = "WEBVTT\n\n00:01.000 --> 00:03.000\na\n\n00:01.000 --> 00:05.000\nb";
    let (cues, facts) = read(anchor(-270_000, 0), text);
    assert_eq!(
        (facts.cues, cues.len(), cues[0].range.start, cues[0].range.end.ticks()),
        (1, 1, MediaTime::ZERO, 180_000)
    );
}

#[test]
fn segments_without_cues_are_none_without_text() {
    for text in [
        "WEBVTT",
        "WEBVTT\n\n",
        "\u{feff}WEBVTT - silence\r\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00.000\r\n\r\n",
        "WEBVTT\n\0",
    ] {
        let (cues, facts) = read(AT_ZERO, text);
        assert_eq!(
            (cues.len(), facts.cues, facts.length, facts.losses.any()),
            (0, 0, text.len() as u64, false),
            "{text}"
        );
    }
    for text in ["WEBVTTX\n", " WEBVTT\n", "WEBSRT", &format!("1\n{CUE}")] {
        let error = read_in(3, AT_ZERO, text.as_bytes()).unwrap_err();
        assert_eq!(error, MediaError::NotMedia { found: Found::Text }, "{text}");
    }
    assert_eq!(read_in(3, AT_ZERO, b"").unwrap_err(), MediaError::Empty);
    let (_, facts) = read(AT_ZERO, "WEBVTT\n\n0 --> 1\nx\n\n00:01.000 --> 00:02.000\nx");
    assert_eq!((facts.cues, facts.losses.damaged_cues), (1, 1));
}

/// A header may come apart, by EXT-X-MAP; then segments may go without one, or be empty.
#[test]
fn a_header_may_come_apart() {
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.init_section(b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n", &mut out).unwrap();
    let anchor = Anchor::Offset { offset: 0, expected: MediaTime::ZERO };
    let own = format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:990000,LOCAL:00:00:00.000\n\n{CUE}");
    let mut starts = Vec::new();
    for text in [CUE, "", &own, &format!("id\n{CUE}"), &format!("WEBVTT\n\n{CUE}")] {
        transmuxer.begin_segment(at(anchor));
        for byte in text.as_bytes().chunks(1) {
            transmuxer.push(byte, &mut out).unwrap();
        }
        let facts = transmuxer.end_segment(&mut out).unwrap();
        assert_eq!(facts.cues as usize, out.len());
        starts.extend(
            out.drain(..).map(|e| if let MediaEvent::Cue(cue) = e { cue.range.start.ticks() } else { -1 }),
        );
    }
    assert_eq!(starts, [990_000, 1_080_000, 990_000, 90_000]);
    // Not so without.
    transmuxer = Transmuxer::new();
    transmuxer.begin_segment(at(anchor));
    transmuxer.push(b"WEBVTT\n", &mut out).unwrap();
    transmuxer.end_segment(&mut out).unwrap();
    transmuxer.begin_segment(at(anchor));
    transmuxer.push(CUE.as_bytes(), &mut out).unwrap();
    assert!(transmuxer.end_segment(&mut out).is_err());
}

/// Text goes out as soon as its cue is complete.
#[test]
fn a_cue_goes_out_with_the_line_behind_it() {
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.begin_segment(at(AT_ZERO));
    let text = format!("WEBVTT - a header that is long enough to know what it is\n\n{CUE}");
    transmuxer.push(text.as_bytes(), &mut out).unwrap();
    assert_eq!(out.len(), 0, "more text may follow");
    transmuxer.push(b"\n", &mut out).unwrap();
    assert_eq!(out.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any text: no panic, and nothing depends on pieces.
    #[test]
    fn any_text_reads_the_same_in_any_pieces(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "\n", "\n\n", "\r", "\r\n", "-->", " --> ", "00:01.000", "1:00:02.000", "NOTE", "STYLE", "id", "\0", "é",
            "\u{feff}", "X-TIMESTAMP-MAP=MPEGTS:8589934591,LOCAL:99999999999:00:00.000\n", "WEBVTT", "line:-1", "99",
            "00:01.000 --> 00:02.000\n",
        ]), 0..40),
        cut in 0_usize..400,
        size in 1_usize..50,
        start in proptest::sample::select(vec![0, -1, i64::MIN, i64::MAX, 90_000]),
    ) {
        let mut bytes = format!("WEBVTT{}", parts.concat()).into_bytes();
        bytes.truncate(cut);
        for anchor in [
            Anchor::At(MediaTime::from_ticks(start)),
            Anchor::Offset { offset: start, expected: MediaTime::from_ticks(start / 2) },
        ] {
            let all = read_in(bytes.len().max(1), anchor, &bytes);
            prop_assert_eq!(&all, &read_in(size, anchor, &bytes));
            if let Ok((cues, facts)) = all {
                prop_assert_eq!(cues.len(), facts.cues as usize);
                prop_assert!(cues.iter().all(|cue| cue.range.start >= MediaTime::ZERO));
            }
        }
    }
}
