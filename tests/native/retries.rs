//! What becomes of another attempt when there is no need of it any more, or no sense in it.

use cloud_player::engine::{Config, Environment, Input, Request};
use cloud_player::media::TrackKind;
use cloud_player::time::{MediaTime, TimeRange};

use crate::origins::{live_world, plain, window};
use crate::sample;
use crate::setup::{self, RTT, faulty, secs, world};
use crate::world::Response;

fn config() -> Config {
    Config { buffer_goal: MediaTime::from_millis(6000), start_rung: Some(0), ..setup::config() }
}

/// The viewer goes back while it is put off, and has more than enough to play.
#[test]
fn another_attempt_waits_until_it_is_wanted() {
    let fault = |count: u32, response| {
        if count > 0 {
            return response;
        }
        let mut busy = Response::status(503);
        busy.head.retry_after = Some(secs(2));
        busy
    };
    let mut w = world(config(), 5_000_000, faulty("004.ts", fault));
    w.run_until(secs(30), "the failure", |w| w.errors().count() > 0);
    let asked = w.requests_for("004.ts").len();
    w.seek(1.0);
    w.run_until(secs(20), "most of it", |w| w.position() > 9.0);
    assert_eq!((asked, w.requests_for("004.ts").len()), (1, 1));
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.element.stalls, w.requests_for("004.ts").len()), (None, 0, 2));
    assert!((w.position() - sample::SECONDS).abs() < 0.3, "ended at {}", w.position());
}

/// The host is wrong about the network: nothing else was tried, for what failed was to come back with it.
#[test]
fn a_server_that_fails_is_left_although_the_host_says_it_is_offline() {
    let mut w = world(config(), 5_000_000, faulty("360p/002.ts", |_, _| Response::status(503)));
    w.give(Input::Environment(Environment::Online(false)));
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.requests_for("360p/002.ts").len()), (None, 3));
    assert!(!w.requests_for("480p/002.ts").is_empty());
}

/// The playhead stands before a hole that is small enough to be played over when an append finds no room: what lies behind the hole was
/// taken for what a seek had left, and all of it went.
#[test]
fn a_sink_without_room_keeps_what_is_about_to_play() {
    let list = window(0, 14, "", plain) + "#EXT-X-ENDLIST\n";
    let mut w =
        live_world("p", setup::config(), RTT, move |path, _, _| (path == "p.m3u8").then(|| list.clone()));
    w.pause();
    w.element.quota = Some(100_000);
    w.run_until(secs(10), "some of it", |w| {
        w.element.tracks.first().is_some_and(|track| track.last_end().as_secs() > 2.0)
    });
    let [start, end] = [0, 60].map(MediaTime::from_millis);
    w.element.evict(TrackKind::Video, TimeRange { start, end });
    w.run_for(secs(10));
    w.resume();
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    let again = (0..15).filter(|n| w.requests_for(&format!("/{n}.ts")).len() > 1).count();
    assert_eq!(again, 0, "segments were loaded again");
}

/// The date that a server names is by its own clock, which another answer has told, and not by the device's, which is hours wrong.
#[test]
fn a_date_to_wait_for_is_by_the_servers_clock() {
    const SERVER: i64 = 1_800_000_000_000;
    for (hours, told) in [(3, true), (-3, true), (3, false)] {
        let fault = move |count: u32, mut response: Response| {
            if count == 0 {
                response = Response::status(503);
                response.head.retry_at = Some(SERVER + 9_000);
            }
            response
        };
        let mut origin = faulty("004.ts", fault);
        let dated = move |request: &Request| {
            let mut response = origin(request);
            // Only the playlists say what time it is.
            if request.url.expose().contains("master.m3u8") && told {
                response.head.date = Some(SERVER);
            }
            response
        };
        let wall_clock = Some(SERVER + hours * 3_600_000);
        let config = Config { wall_clock, buffer_goal: MediaTime::from_millis(30_000), ..config() };
        let mut w = world(config, 5_000_000, Box::new(dated));
        w.run_until(secs(60), "another attempt", |w| w.requests_for("004.ts").len() == 2);
        let again = w.now.as_micros() as f64 / 1e6;
        let expected = if told { 8.9..9.3 } else { 0.0..2.5 };
        assert!(expected.contains(&again), "{hours} hours wrong: asked again after {again} s");
        w.run_until(secs(60), "the end", |w| w.element.ended);
        assert_eq!(w.fatal(), None);
    }
}
