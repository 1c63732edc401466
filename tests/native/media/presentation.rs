//! Where segments go on the presentation timeline, and what happens where one does not continue the other.

use cloud_player::media::Format;

use super::*;

#[test]
fn at_the_start_of_the_presentation_no_time_is_negative() {
    let stream = Stream::usual("zero");
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    let anchor = Anchor::At(MediaTime::ZERO);
    transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
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
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
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
    let large =
        Stream::new("discontinuity_large", &["-s", "640x360", "-ar", "44100", "-output_ts_offset", "500"]);
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.begin_segment(segment_start(None));
    transmuxer.push(&small.segments[0], &mut out).unwrap();
    let before = transmuxer.end_segment(&mut out).unwrap();
    let end = before.video.unwrap().end;
    let cut = Cut::default();
    transmuxer.begin_segment(SegmentStart { anchor: Anchor::At(end), discontinuity: true, cut });
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
        transmuxer.begin_segment(segment_start(facts.as_ref()));
        transmuxer.push(&segment[..segment.len() / 2], &mut given_up).unwrap();
        transmuxer.begin_segment(segment_start(facts.as_ref()));
        transmuxer.push(segment, &mut out).unwrap();
        facts = Some(transmuxer.end_segment(&mut out).unwrap());
        assert!(!facts.unwrap().losses.any(), "{facts:?}");
    }
    transmuxer.flush(&mut out);
    assert_eq!(facts.as_ref(), whole_facts.last());
    let frames = |events: &[MediaEvent]| fragments(events, TrackKind::Video).last().unwrap().range;
    assert_eq!(frames(&out), frames(&whole));
}
