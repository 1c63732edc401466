use super::*;
use crate::media::Format;

fn init(sink: &mut SinkLink, kind: TrackKind, mime: &str) {
    let format = Format::Video { width: 1, height: 1 };
    let codec = mime.split('"').nth(1).unwrap().into();
    assert!(sink.init(InitSection::passed_through(kind, codec, format, vec![1, 2, 3])));
}

fn name(command: Option<SinkCommand>) -> String {
    match command {
        None => "-".into(),
        Some(SinkCommand::Append(kind, data, _)) => format!("append {kind:?} {}", data.bytes().len()),
        Some(SinkCommand::Remove(kind, _)) => format!("remove {kind:?}"),
        Some(SinkCommand::AddTracks(tracks)) => format!("add {}", tracks.len()),
        Some(other) => format!("{other:?}").split('(').next().unwrap().to_owned(),
    }
}

fn span(from_s: i64, to_s: i64) -> TimeRange {
    TimeRange { start: MediaTime::from_millis(from_s * 1000), end: MediaTime::from_millis(to_s * 1000) }
}

fn fragment(track: TrackKind, bytes: usize, from_s: i64, to_s: i64) -> Fragment {
    let data = Payload::from(vec![0; bytes]);
    let (range, last_frame) = (span(from_s, to_s), MediaTime::from_millis(40));
    Fragment { track, range, decoded: range, last_frame, starts_with_key_frame: true, data }
}

fn ready() -> SinkLink {
    let mut sink = SinkLink::new();
    sink.expect(vec![TrackKind::Video, TrackKind::Audio]);
    sink.poll();
    sink.opened();
    init(&mut sink, TrackKind::Video, "video/mp4; codecs=\"avc1.64001f\"");
    init(&mut sink, TrackKind::Audio, "audio/mp4; codecs=\"mp4a.40.2\"");
    assert_eq!(name(sink.poll()), "add 2");
    sink
}

#[test]
fn source_buffers_are_made_only_when_every_track_is_known() {
    let mut sink = SinkLink::new();
    sink.expect(vec![TrackKind::Video, TrackKind::Audio]);
    assert_eq!(name(sink.poll()), "Attach");
    init(&mut sink, TrackKind::Video, "video/mp4; codecs=\"avc1.64001f\"");
    assert_eq!(name(sink.poll()), "-");
    sink.opened();
    assert_eq!(name(sink.poll()), "-");
    init(&mut sink, TrackKind::Audio, "audio/mp4; codecs=\"mp4a.40.2\"");
    assert_eq!(name(sink.poll()), "add 2");
}

#[test]
fn one_operation_a_track_at_a_time_and_duration_and_end_only_between() {
    let mut sink = ready();
    sink.set_duration(MediaTime::from_millis(8000));
    assert_eq!(name(sink.poll()), "SetDuration");
    assert_eq!(name(sink.poll()), "append Video 3");
    assert_eq!(name(sink.poll()), "append Audio 3");
    sink.append(fragment(TrackKind::Video, 9, 0, 1));
    sink.end();
    assert_eq!(name(sink.poll()), "-");
    sink.done(TrackKind::Video, vec![]);
    assert_eq!(name(sink.poll()), "append Video 9");
    sink.done(TrackKind::Video, vec![]);
    assert_eq!(name(sink.poll()), "-");
    sink.done(TrackKind::Audio, vec![]);
    assert_eq!(name(sink.poll()), "EndOfStream");
    assert_eq!(name(sink.poll()), "-");
}

#[test]
fn bytes_that_found_no_room_are_kept_in_order_behind_the_removal_that_makes_room() {
    let mut sink = ready();
    assert_eq!(name(sink.poll()), "append Video 3");
    sink.append(fragment(TrackKind::Video, 9, 0, 1));
    sink.done(TrackKind::Video, vec![span(0, 5)]);
    let Some(SinkCommand::Append(_, data, _)) = sink.poll() else { panic!("append") };
    sink.append(fragment(TrackKind::Video, 7, 4, 5));
    sink.full(TrackKind::Video, data);
    assert_eq!(name(sink.poll()), "append Audio 3");
    assert_eq!(name(sink.poll()), "-");
    assert!(sink.remove_before(MediaTime::from_millis(4500)));
    assert!(sink.remove_before(MediaTime::from_millis(4500)), "it is on its way");
    assert_eq!(name(sink.poll()), "remove Video");
    sink.done(TrackKind::Video, vec![]);
    sink.retry_full();
    assert_eq!(name(sink.poll()), "append Video 9");
    sink.done(TrackKind::Video, vec![]);
    assert_eq!(name(sink.poll()), "append Video 7");
}

#[test]
fn an_end_that_was_told_is_told_again_after_a_removal() {
    let mut sink = ready();
    sink.append(fragment(TrackKind::Video, 1, 0, 2));
    sink.append(fragment(TrackKind::Video, 1, 2, 4));
    sink.end();
    let drain = |sink: &mut SinkLink| {
        let mut last = "-".to_owned();
        for _ in 0..9 {
            match name(sink.poll()).as_str() {
                "-" => {}
                other => other.clone_into(&mut last),
            }
            sink.done(TrackKind::Video, vec![span(0, 4)]);
            sink.done(TrackKind::Audio, vec![]);
        }
        last
    };
    assert_eq!(drain(&mut sink), "EndOfStream");
    assert!(sink.remove_before(MediaTime::from_millis(3000)));
    assert_eq!(name(sink.poll()), "remove Video");
    assert_eq!(drain(&mut sink), "EndOfStream");
}

#[test]
fn what_is_queued_or_under_way_is_coming() {
    let mut sink = ready();
    for kind in [TrackKind::Video, TrackKind::Audio] {
        sink.append(fragment(kind, 1, 0, 2));
        sink.append(fragment(kind, 1, 2, 4));
    }
    assert_eq!((sink.coming(Tracks::All), sink.buffered()), (vec![span(0, 4)], vec![]));
    sink.clear_queue(Tracks::All);
    assert_eq!(sink.coming(Tracks::All), []);
}

#[test]
fn what_is_forgotten_takes_along_what_needs_it_and_leaves_the_init_section() {
    let mut sink = ready();
    sink.append(fragment(TrackKind::Video, 9, 0, 2));
    sink.clear_queue(Tracks::All);
    sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 2, 3) });
    assert_eq!(sink.coming(Tracks::AllButAudio), []);
    sink.append(fragment(TrackKind::Video, 5, 8, 9));
    assert_eq!(name(sink.poll()), "append Video 3");
    sink.done(TrackKind::Video, vec![]);
    assert_eq!(name(sink.poll()), "append Video 5");
}

#[test]
fn a_frame_whose_place_was_removed_is_not_appended() {
    let mut sink = ready();
    sink.append(fragment(TrackKind::Video, 9, 50, 60));
    for there in [vec![], vec![span(50, 60)]] {
        sink.poll();
        sink.done(TrackKind::Video, there);
    }
    sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 60, 61) });
    assert_eq!(sink.coming(Tracks::AllButAudio), [span(50, 61)]);
    sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 47, 48) });
    assert_eq!(sink.coming(Tracks::AllButAudio), [span(50, 61)]);
}

/// MSE §3.5.8: more than two frames behind the last one decoded, the next has to be a key frame. Frames shown out of order
/// do not count.
#[test]
fn frames_go_on_from_those_that_are_decoded_right_before_them() {
    let ms = MediaTime::from_millis;
    let behind = |decoded: i64, shown: i64| Fragment {
        range: TimeRange { start: ms(shown), end: ms(shown + 1000) },
        decoded: TimeRange { start: ms(decoded), end: ms(decoded + 1000) },
        starts_with_key_frame: false,
        ..fragment(TrackKind::Video, 7, 0, 1)
    };
    // The last of the frames before, of 40 ms, is decoded at 1.96 s.
    for (next, there) in [
        (behind(2000, 2000), 3000),
        (behind(2040, 2040), 3040),
        (behind(2080, 2080), 2000),
        (behind(2000, 2300), 3300),
        (behind(1900, 2000), 2000),
    ] {
        let mut sink = ready();
        sink.append(fragment(TrackKind::Video, 9, 0, 2));
        sink.append(next);
        let end = sink.coming(Tracks::AllButAudio).last().map(|range| range.end);
        assert_eq!(end, Some(ms(there)));
    }
}

/// Where frames are missing, the one before lasts until the next; removed is up to a key frame, be it one that was there before.
#[test]
fn a_long_last_frame_goes_with_what_it_begins_in() {
    let ms = MediaTime::from_millis;
    let part = |from: i64, to: i64| {
        let range = TimeRange { start: ms(from), end: ms(to) };
        Fragment { range, decoded: range, last_frame: ms(500), ..fragment(TrackKind::Video, 9, 0, 2) }
    };
    for (parts, removed, there) in
        [(vec![part(0, 1500), part(1500, 2000)], 1500, Some(3000)), (vec![part(0, 2000)], 1600, None)]
    {
        let mut sink = ready();
        sink.poll();
        for part in parts {
            sink.append(part);
            sink.done(TrackKind::Video, vec![span(0, 2)]);
            assert_eq!(name(sink.poll()), "append Video 9");
        }
        sink.done(TrackKind::Video, vec![span(0, 2)]);
        assert!(sink.remove(TimeRange { start: MediaTime::ZERO, end: ms(removed) }));
        sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 2, 3) });
        let end = sink.coming(Tracks::AllButAudio).last().map(|range| range.end);
        assert_eq!(end.filter(|end| *end > ms(2000)), there.map(ms));
    }
}

/// Between being queued and being appended.
#[test]
fn a_frame_whose_predecessor_is_removed_meanwhile_is_not_appended() {
    let mut sink = ready();
    assert_eq!(name(sink.poll()), "append Video 3");
    sink.append(fragment(TrackKind::Video, 9, 0, 2));
    sink.done(TrackKind::Video, vec![]);
    assert_eq!(name(sink.poll()), "append Video 9");
    sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 2, 4) });
    sink.append(fragment(TrackKind::Video, 5, 4, 6));
    sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 4, 6, 8) });
    assert_eq!(sink.coming(Tracks::AllButAudio), [span(0, 8)]);
    sink.done(TrackKind::Video, vec![span(0, 2)]);
    assert!(sink.remove(span(0, 3)));
    assert_eq!(sink.coming(Tracks::AllButAudio), [span(4, 8)]);
    assert_eq!(name(sink.poll()), "remove Video");
    assert_eq!(name(sink.poll()), "append Audio 3");
    sink.done(TrackKind::Video, vec![]);
    assert_eq!(name(sink.poll()), "append Video 5");
    sink.done(TrackKind::Video, vec![span(4, 6)]);
    assert_eq!(name(sink.poll()), "append Video 4");
}

/// It comes back behind the removal that makes room, which may take what it follows.
#[test]
fn a_frame_that_found_no_room_and_whose_predecessor_makes_room_is_not_appended() {
    let mut sink = ready();
    assert_eq!(name(sink.poll()), "append Video 3");
    sink.append(fragment(TrackKind::Video, 9, 8, 9));
    sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 9, 10) });
    sink.done(TrackKind::Video, vec![span(0, 5)]);
    assert_eq!(name(sink.poll()), "append Video 9");
    sink.done(TrackKind::Video, vec![span(0, 5), span(8, 9)]);
    let Some(SinkCommand::Append(_, data, _)) = sink.poll() else { panic!("append") };
    sink.full(TrackKind::Video, data);
    assert_eq!(sink.coming(Tracks::AllButAudio), [span(0, 5), span(8, 10)]);
    assert!(sink.remove_islands(MediaTime::from_millis(4000)));
    assert_eq!(sink.coming(Tracks::AllButAudio), [span(0, 5)]);
    assert_eq!(name(sink.poll()), "remove Video");
    sink.done(TrackKind::Video, vec![span(0, 5)]);
    sink.retry_full();
    assert_eq!(name(sink.poll()), "append Audio 3");
    assert_eq!(name(sink.poll()), "-");
    assert!(!sink.is_full());
}

#[test]
fn nothing_is_coming_while_a_track_has_not_shown_itself() {
    let mut sink = SinkLink::new();
    sink.expect(vec![TrackKind::Video, TrackKind::Audio]);
    init(&mut sink, TrackKind::Video, "video/mp4; codecs=\"avc1.64001f\"");
    sink.append(fragment(TrackKind::Video, 9, 0, 2));
    assert_eq!(sink.coming(Tracks::All), []);
    assert_eq!(sink.coming(Tracks::AllButAudio), [span(0, 2)]);
}

#[test]
fn another_profile_needs_no_change_of_type_and_another_codec_does() {
    let mut sink = ready();
    init(&mut sink, TrackKind::Video, "video/mp4; codecs=\"avc1.4d401e\"");
    init(&mut sink, TrackKind::Audio, "audio/mp4; codecs=\"ac-3\"");
    let mut names = Vec::new();
    for _ in 0..5 {
        names.push(name(sink.poll()));
        sink.done(TrackKind::Video, vec![]);
        sink.done(TrackKind::Audio, vec![]);
    }
    assert_eq!(names, ["append Video 3", "append Video 3", "append Audio 3", "ChangeType", "append Audio 3"]);
}
