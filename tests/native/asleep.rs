//! Live streams that went on while nobody looked: the window of a rung that was not loaded has moved, or a laptop slept.

use std::time::Duration;

use cloud_player::engine::{Command, Config, Input};
use cloud_player::time::MediaTime;

use crate::origins::{MASTER, live_world, live_world_of, plain, window};
use crate::setup::{RTT, config, secs};
use crate::world::{Response, World};

/// Little is loaded ahead.
fn close() -> Config {
    Config { buffer_goal: MediaTime::from_millis(6000), ..config() }
}

/// A window of so many segments, the newest by the time, which ends with `last`.
fn moving(now: u64, segments: usize, last: usize) -> String {
    let newest = (segments - 1 + (now / 2) as usize).min(last);
    let end = if newest == last { "#EXT-X-ENDLIST\n" } else { "" };
    window(newest + 1 - segments, newest, "", plain) + end
}

/// Nothing runs for so long.
fn sleep(w: &mut World, seconds: u64) {
    w.now = w.now + Duration::from_secs(seconds);
}

/// The stream is over when another rung's playlist comes for the first time: it was taken for a video that begins at zero, and what
/// comes next was looked for from its end.
#[test]
fn a_rung_that_is_first_seen_when_the_stream_has_ended_is_put_in_its_place() {
    let config = Config { start_rung: Some(0), start: MediaTime::from_millis(4000), ..close() };
    let mut w = live_world("master", config, RTT, |path, _, now| match path {
        "master.m3u8" => Some(MASTER.into()),
        "low.m3u8" => Some(moving(now, 15, 24)),
        "high.m3u8" => Some(moving(now, 15, 24).replace(".ts", ".ts?high")),
        _ => None,
    });
    w.give(Input::Command(Command::SelectRung(Some(0))));
    w.run_for(secs(25));
    assert!(w.requests_for("high.m3u8").is_empty() && w.requests_for("/20.ts").is_empty());
    w.give(Input::Command(Command::SelectRung(Some(1))));
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.element.stalls), (None, 0));
    assert!((w.position() - 50.0).abs() < 0.3, "ended at {}", w.position());
    let of_high: Vec<_> = w.requests_for("?high").iter().map(|(_, r)| r.url.expose().to_owned()).collect();
    let rest: Vec<_> = (19..=24).map(|n| format!("http://origin.test/{n}.ts?high")).collect();
    assert_eq!(of_high, rest, "each once, in order");
}

/// The segment behind the last one that was loaded is in no playlist any more, and none is to come: that was taken for the end.
#[test]
fn a_stream_that_moved_on_and_ended_meanwhile_plays_to_its_end() {
    let mut w = live_world("p", close(), RTT, |path, _, now| (path == "p.m3u8").then(|| moving(now, 6, 30)));
    w.run_for(secs(10));
    sleep(&mut w, 100);
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    assert!((w.position() - 62.0).abs() < 0.3, "ended at {}", w.position());
}

/// The server has begun anew, its numbers have gone by those that are known, and it counts discontinuities as before: nothing but its
/// media says so, which lie where the first ones did, and were looked for there.
#[test]
fn a_server_that_began_anew_meanwhile_is_played_where_its_playlist_is() {
    let mut w = live_world("p", close(), RTT, |path, _, now| {
        let newest = 5 + (now / 2) as usize;
        let number = if now < 50 { 0 } else { 40 };
        (path == "p.m3u8")
            .then(|| window(newest - 5, newest, "", |n| format!("#EXTINF:2,\n{}.ts\n", n - number)))
    });
    w.run_for(secs(10));
    sleep(&mut w, 100);
    w.run_for(secs(20));
    assert_eq!(w.fatal(), None);
    let (at, range) = (w.position(), w.element.live_range.unwrap());
    assert!(range.contains(MediaTime::from_secs(at)), "at {at}, and can be sought in {range:?}");
    w.run_for(secs(10));
    assert!(w.position() > at + 9.0, "stands at {}", w.position());
}

/// The playlist of the rung that played does not come any more: where the other's is was not looked at.
#[test]
fn a_rung_that_is_gone_after_a_sleep_does_not_keep_the_other_from_its_window() {
    let config = Config { start_rung: Some(0), ..close() };
    let mut w = live_world_of("master", config, RTT, |path, _, now| match path {
        "master.m3u8" => Some(Response::ok(MASTER)),
        "low.m3u8" if now > 100 => Some(Response::status(404)),
        "low.m3u8" | "high.m3u8" => Some(Response::ok(moving(now, 6, 500))),
        _ => None,
    });
    w.give(Input::Command(Command::SelectRung(Some(0))));
    w.run_for(secs(10));
    sleep(&mut w, 100);
    w.give(Input::Command(Command::SelectRung(None)));
    w.run_for(secs(30));
    assert_eq!(w.fatal(), None);
    assert!(w.position() > 130.0, "at {}", w.position());
}
