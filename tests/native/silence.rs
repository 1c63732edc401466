//! Sound that is missing where there are pictures: silence takes its place, and everything goes on as if it were there.

use std::ops::Range;

use cloud_player::engine::{Command, Config, Event, Input};
use cloud_player::media::TrackKind;
use cloud_player::time::MediaTime;

use crate::origins::{APART, live_world, window};
use crate::setup::{RTT, config, secs};
use crate::world::World;

/// So many segments of two seconds, without those of `holes`.
fn list(kind: &str, segments: usize, holes: &Range<usize>) -> String {
    let gap = |n: usize| if holes.contains(&n) { "#EXT-X-GAP\n" } else { "" };
    let segment = |n| format!("{}#EXTINF:2,\n{kind}{n}.ts\n", gap(n));
    window(0, segments - 1, "", segment) + "#EXT-X-ENDLIST\n"
}

/// Pictures in eighty segments of two seconds. Their sound has so many, and not those of `holes`.
fn video(config: Config, sound: usize, holes: Range<usize>) -> World {
    live_world("master", config, RTT, move |path, _, _| match path {
        "master.m3u8" => Some(APART.into()),
        "low.m3u8" => Some(list("v", 80, &(0..0))),
        "sound.m3u8" => Some(list("a", sound, &holes)),
        _ => None,
    })
}

fn from(seconds: i64) -> Config {
    let goal = MediaTime::from_millis(8000);
    Config { start: MediaTime::from_millis(seconds * 1000), buffer_goal: goal, ..config() }
}

/// Frames were shown, and nothing was waited for, left out or told.
fn assert_smooth(w: &World) {
    assert_eq!((w.fatal(), w.errors().count(), w.element.stalls), (None, 0, 0));
}

/// Nothing played before all pictures were loaded.
#[test]
fn behind_the_end_of_the_sound_pictures_play_at_once_and_before_it_there_is_sound() {
    let mut w = video(from(100), 10, 0..0);
    w.run_until(secs(3), "pictures", |w| w.position() > 100.5);
    assert_eq!(w.requests_for("/a9.ts").len(), 1, "which shows what the silence has to be like");
    // It was begun with the last of the sound at hand, and goes on without any.
    w.run_until(secs(10), "more pictures", |w| w.position() > 108.0);
    w.seek(10.0);
    w.run_until(secs(3), "the place before", |w| w.position() > 11.0);
    assert_eq!(w.requests_for("/a5.ts").len(), 1);
    w.run_until(secs(15), "the end of the sound, and more", |w| w.position() > 23.0);
    w.seek(60.0);
    w.run_until(secs(3), "a place in between", |w| w.position() > 61.0);
    w.seek(155.0);
    w.run_until(secs(8), "the end", |w| w.element.ended);
    assert!((w.position() - 160.0).abs() < 0.1, "ended at {}", w.position());
    assert_eq!(w.requests_for("/v60.ts").len(), 0, "what nobody went to");
    assert_smooth(&w);
}

/// The pictures that come behind the sound did not fit into the sink all at once.
#[test]
fn a_sink_with_little_room_is_enough_for_pictures_behind_the_end_of_the_sound() {
    let mut w = video(from(0), 10, 0..0);
    w.element.quota = Some(400_000);
    w.run_until(secs(170), "the end", |w| w.element.ended || w.fatal().is_some());
    assert!((w.position() - 160.0).abs() < 0.1, "ended at {}", w.position());
    assert_smooth(&w);
}

/// The playhead was sent over it, and the pictures that lie there were not seen.
#[test]
fn pictures_play_on_through_a_hole_in_the_sound() {
    let mut w = video(from(0), 80, 5..9);
    w.run_until(secs(30), "the sound behind it", |w| w.position() > 25.0);
    assert_eq!(w.requests_for("/a9.ts").len(), 1);
    // As fast as they play: nothing was stepped over.
    assert!(w.now.as_micros() > 24_000_000, "after {} s", w.now.as_micros() / 1_000_000);
    assert_smooth(&w);
}

/// What the sound is in is not known there, and what lies behind the hole tells it.
#[test]
fn playback_begins_in_a_hole_in_the_sound() {
    for holes in [5..9, 5..80] {
        let mut w = video(from(13), 80, holes);
        w.run_until(secs(3), "pictures", |w| w.position() > 13.5);
        w.run_until(secs(20), "pictures behind it", |w| w.position() > 20.0);
        assert!(w.now.as_micros() > 6_000_000, "after {} s", w.now.as_micros() / 1_000_000);
        w.seek(4.0);
        w.run_until(secs(3), "sound before it", |w| w.position() > 5.0);
        assert_eq!(w.requests_for("/a2.ts").len(), 1);
        assert_smooth(&w);
    }
}

/// The viewer chooses what is over before the place where they are: the sound from before does not go on.
#[test]
fn a_rendition_that_is_over_before_the_playhead_is_silent() {
    let master = APART.replace(
        "#EXT-X-STREAM-INF",
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"short\",URI=\"short.m3u8\"\n#EXT-X-STREAM-INF",
    );
    let mut w = live_world("master", from(30), RTT, move |path, _, _| match path {
        "master.m3u8" => Some(master.clone()),
        "low.m3u8" => Some(list("v", 80, &(0..0))),
        "sound.m3u8" => Some(list("a", 80, &(0..0))),
        "short.m3u8" => Some(list("a", 10, &(0..0))),
        _ => None,
    });
    w.run_until(secs(5), "pictures", |w| w.position() > 31.0);
    let appends = |w: &World| {
        w.element.tracks.iter().find(|t| t.kind == TrackKind::Audio).map_or(0, |track| track.appended.len())
    };
    w.give(Input::Command(Command::SelectAudio(Some(1))));
    let before = appends(&w);
    w.run_until(secs(20), "pictures in silence", |w| w.position() > 48.0);
    let changed = w.events.iter().any(|(_, event)| matches!(event, Event::AudioChanged { audio: 1 }));
    assert!(changed, "the other is what is under the playhead");
    // Frames of silence take less than a hundredth of what the sound takes.
    assert!(appends(&w) - before < 20_000, "{} bytes", appends(&w) - before);
    w.seek(10.0);
    w.run_until(secs(3), "its sound", |w| w.position() > 11.0);
    assert_smooth(&w);
}

/// The opposite: what was shown last stays on the screen.
#[test]
fn sound_that_goes_on_behind_the_pictures_plays_to_its_end() {
    for start in [0, 30] {
        let mut w = live_world("master", from(start), RTT, |path, _, _| match path {
            "master.m3u8" => Some(APART.into()),
            "low.m3u8" => Some(list("v", 10, &(0..0))),
            "sound.m3u8" => Some(list("a", 20, &(0..0))),
            _ => None,
        });
        w.run_until(secs(45), "the end", |w| w.element.ended || w.fatal().is_some());
        assert!((w.position() - 40.0).abs() < 0.2, "ended at {}", w.position());
        w.seek(5.0);
        w.run_until(secs(5), "pictures", |w| w.position() > 7.0);
        assert_eq!((w.fatal(), w.errors().count()), (None, 0));
    }
}
