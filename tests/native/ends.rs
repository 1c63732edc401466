//! The end of a video, and of its parts: what is missing there is loaded again, and where there is nothing it is said.

use cloud_player::engine::Config;
use cloud_player::media::TrackKind;
use cloud_player::time::{MediaTime, TimeRange};

use crate::live;
use crate::origins::{APART, live_world, live_world_of, window};
use crate::setup::{RTT, config, secs};
use crate::world::{Response, World};

/// A video of twelve segments of two seconds; those from `gaps` on are said to be missing.
fn video(config: Config, gaps: usize) -> World {
    live_world("p", config, RTT, move |path, _, _| {
        let list = || {
            window(0, 11, "", |n| {
                let gap = if n >= gaps { "#EXT-X-GAP\n" } else { "" };
                format!("{gap}#EXTINF:2,\n{n}.ts\n")
            })
        };
        (path == "p.m3u8").then(|| list() + "#EXT-X-ENDLIST\n")
    })
}

/// The viewer goes almost to the end while the last segment comes, and the browser takes what is there of it to make room: the rest is
/// nothing without its key frame, and the end of what came was so close to the playhead that nothing seemed to be missing.
#[test]
fn a_last_segment_that_the_browser_takes_before_a_playhead_close_to_its_end_is_loaded_again() {
    let mut w = video(config(), usize::MAX);
    w.run_until(secs(40), "the last segment", |w| !w.requests_for("/11.ts").is_empty());
    w.network.bits_per_second = 100_000;
    w.seek(23.65);
    w.run_until(secs(10), "some of it", |w| {
        w.element.tracks.iter().all(|track| track.last_end().as_secs() > 22.1)
    });
    for kind in [TrackKind::Video, TrackKind::Audio] {
        w.element.evict(kind, TimeRange { start: MediaTime::ZERO, end: MediaTime::from_millis(60_000) });
    }
    w.run_until(secs(20), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.requests_for("/11.ts").len()), (None, 2));
}

/// An ended media source without media never plays, and never ends.
#[test]
fn where_nothing_is_left_to_show_the_session_says_so() {
    for (start, gaps) in [(0, 0), (20_000, 9)] {
        let mut w = video(Config { start: MediaTime::from_millis(start), ..config() }, gaps);
        w.run_until(secs(20), "the error", |w| w.fatal().is_some());
        assert_eq!(w.fatal().unwrap().code, "nothing_to_play");
    }
}

/// There are pictures to the end, and no sound that belongs to them: nothing played, for a source buffer was to be made for it.
/// What sound there is makes it, for silence and for who goes back.
#[test]
fn pictures_without_any_sound_left_play_to_the_end() {
    let config = Config { start: MediaTime::from_millis(20_000), ..config() };
    let mut w = live_world("master", config, RTT, |path, _, _| {
        let list = |kind: &str, gaps: usize| {
            let gap = |n: usize| if n >= gaps { "#EXT-X-GAP\n" } else { "" };
            window(0, 11, "", |n| format!("{}#EXTINF:2,\n{kind}{n}.ts\n", gap(n))) + "#EXT-X-ENDLIST\n"
        };
        match path {
            "master.m3u8" => Some(APART.into()),
            "low.m3u8" => Some(list("v", usize::MAX)),
            "sound.m3u8" => Some(list("a", 9)),
            _ => None,
        }
    });
    w.run_until(secs(20), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.element.tracks.len()), (None, 2));
    w.seek(14.0);
    w.run_until(secs(3), "sound", |w| w.position() > 15.0);
    assert_eq!((w.fatal(), w.requests_for("/a7.ts").len()), (None, 1));
}

/// Sound of twenty seconds beside pictures of a minute: when it is over, what is left of it keeps the pictures going (MSE, end
/// of stream). It was removed as too far behind, loaded again, removed again, and then there was nothing to play.
#[test]
fn pictures_that_are_much_longer_than_their_sound_play_to_the_end() {
    let config = Config { back_buffer: MediaTime::from_millis(2000), ..config() };
    let mut w = live_world("master", config, RTT, |path, _, _| {
        let list = |kind: &str, last: usize| {
            window(0, last, "", |n| format!("#EXTINF:2,\n{kind}{n}.ts\n")) + "#EXT-X-ENDLIST\n"
        };
        match path {
            "master.m3u8" => Some(APART.into()),
            "low.m3u8" => Some(list("v", 29)),
            "sound.m3u8" => Some(list("a", 9)),
            _ => None,
        }
    });
    w.run_until(secs(100), "the end", |w| w.element.ended || w.fatal().is_some());
    assert_eq!(w.fatal(), None);
    assert!(w.position() > 59.5, "ended at {}", w.position());
    assert_eq!(w.requests_for("/a9.ts").len(), 1);
}

/// Where what lies before a discontinuity ends says where the part behind it begins, and no other segment shows that some of it
/// is missing. Another copy is asked for, and once: where both are as short, the playlist is what is wrong.
#[test]
fn a_segment_before_a_discontinuity_that_is_cut_short_is_asked_for_once_more() {
    for (cuts, end) in [(1, 16.0), (99, 14.4)] {
        let mut count = 0;
        let mut w = live_world_of("p", config(), RTT, move |path, _, _| match path {
            "p.m3u8" => {
                let list = window(0, 7, "", |n| match n {
                    4 => "#EXT-X-DISCONTINUITY\n#EXTINF:2,\n24.ts\n".into(),
                    n => format!("#EXTINF:2,\n{}.ts\n", if n < 4 { n } else { n + 20 }),
                });
                Some(Response::ok(list + "#EXT-X-ENDLIST\n"))
            }
            "3.ts" if count < cuts => {
                count += 1;
                let mut copy = live::segments()[3].clone();
                copy.truncate(copy.len() / 3);
                Some(Response::ok(copy))
            }
            _ => None,
        });
        w.run_until(secs(60), "the end", |w| w.element.ended);
        assert_eq!((w.fatal(), w.requests_for("/3.ts").len()), (None, 2));
        assert_eq!(w.errors().map(|error| error.code).collect::<Vec<_>>(), ["segment_short"]);
        assert!((w.position() - end).abs() < 0.5, "{cuts} cuts: ended at {}", w.position());
    }
}
