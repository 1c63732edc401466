//! Origins that do what the specification allows and few expect, and some that do what it does not: nothing of it may
//! end a session that can go on, ask in a tight loop, or leave it standing.

use std::time::Duration;

use cloud_player::engine::{Config, Request, Source};
use cloud_player::media::TrackKind;
use cloud_player::secret::Url;
use cloud_player::time::{MediaTime, TimeRange};

use crate::origins::{APART, MASTER, live_world, plain, window};
use crate::renditions;
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World};

/// Playlists that take longer than one and a half target durations to come are out of date when they are here:
/// they are asked for again and again, and nothing ever plays.
#[test]
fn live_on_a_slow_way_to_the_origin_starts() {
    let mut w = live_world("master", config(), Duration::from_millis(3200), |path, _, now| match path {
        "master.m3u8" => Some(MASTER.into()),
        "low.m3u8" | "high.m3u8" => {
            let newest = 5 + (now / 2) as usize;
            Some(window(newest - 5, newest, "", plain))
        }
        _ => None,
    });
    w.run_for(secs(60));
    let loads = w.requests_for(".m3u8").len();
    assert!(
        !w.requests_for(".ts").is_empty(),
        "no segment was asked for in 60 s; {loads} loads of the playlist"
    );
}

/// A cache that leaves the query out answers every load with the same delta update: asked in a tight loop.
#[test]
fn delta_updates_that_never_fit_are_no_tight_loop() {
    let (mut known, mut spoiled) = (0, false);
    let mut w = live_world("live", config(), RTT, move |path, _, now| match path {
        "live.m3u8" => {
            let newest = 20 + (now / 2) as usize;
            let control = "#EXT-X-VERSION:9\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12\n";
            // The last answer that fits brings news, as every answer of a server that blocks does.
            let news = core::mem::replace(&mut known, newest) != newest;
            let fits = !spoiled;
            spoiled |= now >= 10 && news;
            if fits {
                return Some(window(newest - 19, newest, control, plain));
            }
            let skip = format!("{control}#EXT-X-SKIP:SKIPPED-SEGMENTS=9\n");
            let text = window(newest - 5, newest, &skip, plain);
            // It skips what the player has never seen.
            let first = newest + 100;
            Some(text.replace(&format!("SEQUENCE:{}", newest - 5), &format!("SEQUENCE:{first}")))
        }
        _ => None,
    });
    w.run_for(secs(10));
    let before = w.requests_for("live.m3u8").len();
    w.run_for(secs(20));
    let loads = w.requests_for("live.m3u8").len() - before;
    assert!(loads < 60, "{loads} loads in 20 s");
}

/// At its end a live playlist is replaced by the whole recording, as many origins do it.
#[test]
fn a_live_stream_that_becomes_its_recording_ends() {
    let mut w = live_world("live", config(), RTT, |path, _, now| {
        let newest = (5 + (now / 2) as usize).min(20);
        (path == "live.m3u8").then(|| match now {
            0..30 => window(newest - 5, newest, "", plain),
            _ => window(0, 20, "", plain) + "#EXT-X-ENDLIST\n",
        })
    });
    w.run_for(secs(120));
    assert_eq!(w.fatal(), None);
    let loads = w.requests_for("live.m3u8").len();
    assert!(
        w.element.ended,
        "stands at {}, waits for {:?}, {loads} loads of the playlist",
        w.position(),
        w.stats.as_ref().unwrap().waiting_for
    );
}

/// The encoder is away and the packager says so with EXT-X-GAP: that is not the end of the stream.
#[test]
fn gaps_at_the_live_edge_are_not_the_end() {
    let mut w = live_world("live", config(), RTT, |path, _, now| {
        let newest = 5 + (now / 2) as usize;
        (path == "live.m3u8").then(|| {
            window(newest - 5, newest, "", |n| {
                let gap = if (12..30).contains(&n) { "#EXT-X-GAP\n" } else { "" };
                format!("{gap}#EXTINF:2,\n{n}.ts\n")
            })
        })
    });
    w.run_for(secs(40));
    assert!(!w.element.ended, "ended at {}", w.position());
    w.run_for(secs(40));
    assert!(w.position() > 60.0, "at {}", w.position());
}

/// EXTINF is a tenth too long (old packagers round it up to whole seconds): the playlist's clock leaves the media's.
#[test]
fn durations_that_are_said_too_long_do_not_end_in_a_standstill() {
    let mut w = live_world("live", config(), RTT, |path, _, now| {
        let newest = 9 + (now / 2) as usize;
        (path == "live.m3u8").then(|| window(newest - 9, newest, "", |n| format!("#EXTINF:2.3,\n{n}.ts\n")))
    });
    w.run_for(secs(60));
    let mut moved = Vec::new();
    let mut before = w.position();
    for _ in 0..8 {
        w.run_for(secs(10));
        moved.push(((w.position() - before) * 10.0).round() / 10.0);
        before = w.position();
    }
    let trouble = (w.element.stalls, w.errors().count(), w.requests_for(".ts").len());
    assert!(w.element.stalls <= 2, "moved {moved:?} in 10 s each; stalls, errors, segments {trouble:?}");
}

/// The rate that was set to keep up is still there when there is nothing to keep up with any more.
#[test]
fn the_rate_is_given_back_when_the_stream_ends() {
    let mut w = live_world("live", config(), RTT, |path, _, now| {
        // Nothing for a while, then all at once: the viewer is behind and catches up.
        let newest = match now {
            0..20 => 5 + (now / 2) as usize,
            20..40 => 15,
            _ => 5 + (now / 2) as usize,
        };
        (path == "live.m3u8").then(|| {
            let newest = newest.min(29);
            let end = if newest == 29 { "#EXT-X-ENDLIST\n" } else { "" };
            window(newest.saturating_sub(19), newest, "", plain) + end
        })
    });
    w.run_until(secs(120), "the end", |w| w.element.ended);
    assert_eq!(w.element.state().rate.to_string(), "1", "the rate at the end");
}

/// A broken copy of the last segment, of which nothing says that it is one, ends the video early. Another one is asked for, and
/// once: where both are as short, the playlist is what is wrong.
#[test]
fn a_last_segment_that_is_cut_short_is_asked_for_once_more() {
    for (cuts, end) in [(1, 24.0), (99, 21.5)] {
        let mut count = 0;
        let origin: Origin = Box::new(move |request: &Request| {
            let mut response = renditions::serve(request);
            if request.url.expose().ends_with("005.ts") && count < cuts {
                count += 1;
                response.body.truncate(response.body.len() / 3);
                response.head.content_length = Some(response.body.len() as u64);
            }
            response
        });
        let config = Config { start_rung: Some(0), ..config() };
        let mut w = World::new(config, Network::new(5_000_000, RTT), origin);
        w.play(Source::Hls { url: Url::new("http://origin.test/l.m3u8"), token: None });
        w.run_until(secs(40), "the end", |w| w.element.ended);
        assert_eq!((w.fatal(), w.requests_for("005.ts").len()), (None, 2));
        assert!((w.position() - end).abs() < 0.8, "{cuts} cuts: ended at {}", w.position());
        assert_eq!(w.errors().map(|e| e.code).collect::<Vec<_>>(), ["segment_short"]);
    }
}

/// The browser makes room behind the playhead while the last segment comes, and what it takes is the key frame of what is
/// about to play: the rest of the segment goes too, and nothing follows that would show that it is missing.
#[test]
fn a_last_segment_that_the_browser_loses_is_loaded_again() {
    let config = Config { start_rung: Some(0), ..config() };
    let mut w = World::new(config, Network::new(1_500_000, RTT), Box::new(renditions::serve));
    w.play(Source::Hls { url: Url::new("http://origin.test/l.m3u8"), token: None });
    w.run_until(secs(10), "playing", |w| w.position() > 0.5);
    w.seek(23.7);
    w.run_until(secs(10), "the key frame", |w| w.element.tracks[0].last_end().as_secs() > 20.0);
    let place = MediaTime::from_millis(22_700);
    w.element.evict(TrackKind::Video, TimeRange { start: MediaTime::ZERO, end: place });
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.requests_for("005.ts").len()), (None, 2));
}

/// The same in the middle, and once more when it is loaded again: the place was taken for a hole after the second copy.
#[test]
fn a_segment_that_the_browser_loses_twice_is_loaded_a_third_time() {
    let config = Config { start_rung: Some(0), buffer_goal: MediaTime::from_millis(4000), ..config() };
    let mut w = World::new(config, Network::new(1_500_000, RTT), Box::new(renditions::serve));
    w.play(Source::Hls { url: Url::new("http://origin.test/l.m3u8"), token: None });
    w.run_until(secs(10), "playing", |w| w.position() > 0.5);
    w.seek(14.7);
    for copy in 1..=2 {
        w.run_until(secs(10), "the key frame", |w| {
            w.requests_for("003.ts").len() == copy && w.element.tracks[0].last_end().as_secs() > 12.1
        });
        let place = MediaTime::from_millis(13_700);
        w.element.evict(TrackKind::Video, TimeRange { start: MediaTime::ZERO, end: place });
    }
    w.run_until(secs(10), "playing", |w| w.position() > 15.0);
    assert!(w.position() < 15.5, "sent on to {}", w.position());
    assert_eq!((w.fatal(), w.requests_for("003.ts").len()), (None, 3));
}

/// Playback is to start in a gap, before any segment was loaded, and the lowest rung's playlist is not at hand: nobody knew
/// what lies behind the gap, and the session took it for the end.
#[test]
fn a_start_in_a_gap_goes_on_behind_it() {
    let origin: Origin = Box::new(|request: &Request| {
        let response = renditions::serve(request);
        if !request.url.expose().ends_with("/h.m3u8") {
            return response;
        }
        let text = String::from_utf8(response.body).unwrap();
        Response::ok(text.replace("#EXTINF:4,\n480p/v001", "#EXT-X-GAP\n#EXTINF:4,\n480p/v001"))
    });
    let config = Config { start: MediaTime::from_millis(5000), start_rung: Some(1), ..config() };
    let mut w = World::new(config, Network::new(3_000_000, RTT), origin);
    w.play(Source::Hls { url: Url::new("http://origin.test/master.m3u8"), token: None });
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
}

/// The playlist says that its segments are shorter than they are, and the playhead is sent over a gap to where the last one
/// would begin, which is where nothing is: the media lie further on, and nobody went there.
#[test]
fn behind_a_gap_playback_goes_on_where_the_media_are() {
    let origin: Origin = Box::new(|request: &Request| {
        let response = renditions::serve(request);
        if !request.url.expose().ends_with("/l.m3u8") {
            return response;
        }
        let text = String::from_utf8(response.body).unwrap().replace("#EXTINF:4,", "#EXTINF:3.6,");
        Response::ok(text.replace("#EXTINF:3.6,\n360p/v004", "#EXT-X-GAP\n#EXTINF:3.6,\n360p/v004"))
    });
    let mut w = World::new(config(), Network::new(3_000_000, RTT), origin);
    w.play(Source::Hls { url: Url::new("http://origin.test/l.m3u8"), token: None });
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    assert!(w.position() > 23.0, "ended at {}", w.position());
}

/// Each track has a hole that is small enough to be played over, and together they are too wide: nothing is missing that could
/// be loaded, and how long the playhead stood was counted anew at every look at it.
#[test]
fn a_hole_that_no_track_alone_has_is_stepped_over() {
    let config = Config { start_rung: Some(0), ..config() };
    let mut w = World::new(config, Network::new(5_000_000, RTT), Box::new(renditions::serve));
    w.play(Source::Hls { url: Url::new("http://origin.test/master.m3u8"), token: None });
    w.run_until(secs(10), "both tracks", |w| {
        w.element.tracks.iter().filter(|track| track.last_end().as_secs() > 14.0).count() == 2
    });
    for (kind, from, to) in [(TrackKind::Video, 9910, 10_000), (TrackKind::Audio, 9980, 10_060)] {
        let [start, end] = [from, to].map(MediaTime::from_millis);
        w.element.evict(kind, TimeRange { start, end });
    }
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
}

/// The playlist says that its segments are shorter than they are, so its end comes before the media's, and behind that the browser
/// loses some: nothing was missing by the playlist, and the playhead stood before the last of the media.
#[test]
fn a_hole_behind_the_end_of_the_playlist_is_stepped_over() {
    let list = |kind: &str| {
        Some(window(0, 14, "", |n| format!("#EXTINF:1.8,\n{kind}{n}.ts\n")) + "#EXT-X-ENDLIST\n")
    };
    let config = Config { back_buffer: MediaTime::from_millis(2000), ..config() };
    let mut w = live_world("master", config, RTT, move |path, _, _| match path {
        "master.m3u8" => Some(APART.into()),
        "low.m3u8" => list("v"),
        "sound.m3u8" => list("a"),
        _ => None,
    });
    w.run_until(secs(20), "all of it", |w| {
        w.element.tracks.iter().filter(|t| t.last_end().as_secs() > 29.5).count() == 2
    });
    for kind in [TrackKind::Video, TrackKind::Audio] {
        let [start, end] = [27_500, 29_000].map(MediaTime::from_millis);
        w.element.evict(kind, TimeRange { start, end });
    }
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    assert!(w.position() > 29.0, "ended at {}", w.position());
}
