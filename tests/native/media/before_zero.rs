//! Segments that lie before the beginning of the presentation: nothing comes out of them, and they say where they begin all the
//! same.

use super::fmp4::Cmaf;
use super::packed::time_tag;
use super::*;

/// Places the segment so much earlier than its first video time stamp (of sound alone, its first) at zero, and expects it to say
/// that it begins so many ticks from there.
fn moves(kind: &str, init: Option<&[u8]>, segment: &[u8], begins: i64) {
    let place = |anchor| {
        let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
        if let Some(init) = init {
            transmuxer.init_section(init, &mut out).unwrap();
        }
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
        transmuxer.push(segment, &mut out).unwrap();
        transmuxer.end_segment(&mut out).unwrap()
    };
    let facts = place(Anchor::At(MediaTime::ZERO));
    let offset = facts.offset.unwrap();
    for early in [1, 5] {
        let early = early * TICKS_PER_SECOND;
        let moved = place(Anchor::Offset { offset: offset - early, expected: MediaTime::ZERO });
        let start = moved.start.unwrap().ticks() - (begins - early);
        assert!(start.abs() <= FRAME, "{kind}: {early} ticks early, it begins {start} ticks off");
        let ranges: Vec<_> = moved.video.into_iter().chain(moved.audio).collect();
        assert!(ranges.iter().all(|range| range.start >= MediaTime::ZERO), "{kind}: {ranges:?}");
        // A segment takes two seconds. Of pictures, the last one may stay for those that refer to it.
        let length: i64 = ranges.iter().map(|range| range.length().ticks()).sum();
        assert_eq!(length <= 3003, early > 3 * TICKS_PER_SECOND, "{kind}: {early} ticks early: {ranges:?}");
    }
}

/// The first of the sound is left out where the rest of it stays.
const FRAME: i64 = 1024 * TICKS_PER_SECOND / 48_000 + 90;

#[test]
fn of_mpeg_ts() {
    let stream = Stream::usual("before_zero_ts");
    let path = stream.dir.join("0.ts");
    let (video, audio) = (probe(&path, "v"), probe(&path, "a"));
    let first = if video[0].position < audio[0].position { &video[0] } else { &audio[0] };
    moves("TS", None, &stream.segments[0], first.pts - video[0].pts);
}

#[test]
fn of_fragmented_mp4() {
    let cmaf = Cmaf::new("before_zero_fmp4", &[]);
    let path = cmaf.dir.join("one.mp4");
    std::fs::write(&path, [&cmaf.init[..], &cmaf.segments[0]].concat()).unwrap();
    let first = |kind| probe(&path, kind).iter().map(|packet| packet.pts).min().unwrap();
    let (video, audio) = (first("v"), first("a"));
    moves("fMP4", Some(&cmaf.init), &cmaf.segments[0], video.min(audio) - video);
}

/// All of the sound before zero is left out, and with it went the time at which it begins.
#[test]
fn of_sound_alone_in_fragmented_mp4() {
    let cmaf = Cmaf::new("before_zero_fmp4_sound", &["-vn"]);
    moves("fMP4 sound", Some(&cmaf.init), &cmaf.segments[0], 0);
}

#[test]
fn of_packed_audio() {
    let dir = fresh_dir("before_zero_packed");
    let path = audio::encode(&dir, 48_000, "stereo", &["-t", "2", "-c:a", "aac"], "in.aac");
    let segment = [time_tag(900_000), std::fs::read(path).unwrap()].concat();
    moves("packed audio", None, &segment, 0);
}
