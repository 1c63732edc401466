//! Playlists whose durations are not those of their media, and timelines that begin before zero: where media lies is what the
//! media says, and a playlist says which segment to try.

use cloud_player::engine::Config;
use cloud_player::time::MediaTime;

use crate::live;
use crate::origins::{self, APART, window};
use crate::setup::{RTT, config, secs};
use crate::world::{Response, World};

/// A video of `count` segments of two seconds, of each of which its playlist says that it is so long; `mark` is what stands
/// before it.
fn video(count: usize, told: f64, config: Config, mark: impl Fn(usize) -> &'static str + 'static) -> World {
    origins::live_world("p", config, RTT, move |path, _, _| {
        let list = || window(0, count - 1, "", |n| format!("{}#EXTINF:{told},\n{n}.ts\n", mark(n)));
        (path == "p.m3u8").then(|| list() + "#EXT-X-ENDLIST\n")
    })
}

fn plain(_: usize) -> &'static str {
    ""
}

fn ends_at(w: &mut World, seconds: f64) {
    w.run_until(secs(100), "the end", |w| w.element.ended || w.fatal().is_some());
    assert_eq!(w.fatal(), None);
    assert!((w.position() - seconds).abs() < 0.3, "ended at {}", w.position());
}

/// The last segment begins where the playlist has ended long since: it was loaded for the end, found to lie far behind it, and what
/// lies between was looked for in the segments before it until there was nothing left to wait for but what had been removed.
#[test]
fn who_goes_beyond_the_end_is_at_the_end_of_the_media() {
    let mut w = video(20, 1.0, config(), plain);
    w.run_until(secs(10), "playing", |w| w.position() > 0.2);
    w.seek(100.0);
    ends_at(&mut w, 100.0);
    let last = w.element.tracks[0].last_end().as_secs();
    assert!(last > 39.8, "the media ends at {last}");
}

/// Playback begins near the end, where the playlist has it; what lies before is longer than that, and the first segments would
/// lie before zero: nothing came of them, and the session ended with `segment_without_media`.
#[test]
fn who_goes_back_to_the_start_sees_it_from_zero() {
    let config = Config { start: MediaTime::from_millis(20_000), ..config() };
    let mut w = video(15, 1.5, config, plain);
    w.run_until(secs(10), "playing", |w| w.position() > 20.5);
    let before = w.now;
    w.seek(0.0);
    ends_at(&mut w, 30.0);
    let codes: Vec<_> = w.errors().map(|error| error.code).collect();
    assert_eq!(codes, [""; 0]);
    // Nothing that was placed before is taken for what belongs there by now.
    for n in 0..15 {
        assert!(w.requests_for(&format!("/{n}.ts")).iter().any(|(at, _)| *at >= before), "segment {n}");
    }
}

/// The sound of a live stream begins four seconds before its pictures do: what of it lies before zero is no broken segment.
#[test]
fn sound_before_the_beginning_of_a_live_stream_is_skipped() {
    let mut w = origins::live_world("master", config(), RTT, |path, _, now| {
        let newest = 2 + (now / 2) as usize;
        let list = |kind: &str, ahead: usize| {
            window(newest - 2, newest, "", |n| format!("#EXTINF:2,\n{kind}{}.ts\n", n + ahead))
        };
        match path {
            "master.m3u8" => Some(APART.into()),
            "low.m3u8" => Some(list("v", 2)),
            "sound.m3u8" => Some(list("a", 0)),
            _ => None,
        }
    });
    w.run_for(secs(30));
    let codes: Vec<_> = w.errors().map(|error| error.code).collect();
    assert_eq!((codes, w.fatal()), (vec![], None));
    assert!(w.position() > 15.0, "at {}", w.position());
}

/// By the playlist, all that follows a gap had begun before it.
#[test]
fn a_gap_is_jumped_to_where_the_media_go_on() {
    let mut w = video(15, 1.8, config(), |n| if n == 13 { "#EXT-X-GAP\n" } else { "" });
    ends_at(&mut w, 30.0);
}

/// The end of a segment is missing, the next one is a gap, and another part of the presentation begins: it was put as much too
/// early as was missing.
#[test]
fn what_a_broken_copy_lacks_does_not_move_what_follows() {
    let mut w = origins::live_world_of("p", config(), RTT, |path, _, _| match path {
        "p.m3u8" => {
            let list = window(0, 7, "", |n| match n {
                3 => "#EXT-X-GAP\n#EXTINF:2,\n3.ts\n#EXT-X-DISCONTINUITY\n".into(),
                n => format!("#EXTINF:2,\n{}.ts\n", if n < 3 { n } else { n + 20 }),
            });
            Some(Response::ok(list + "#EXT-X-ENDLIST\n"))
        }
        "2.ts" => {
            let mut copy = live::segments()[2].clone();
            copy.truncate(copy.len() / 3);
            Some(Response::ok(copy))
        }
        _ => None,
    });
    ends_at(&mut w, 16.0);
}
