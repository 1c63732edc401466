//! Origins that do what the specification allows and few expect, and some that do what it does not: nothing of it may
//! end a session that can go on, ask in a tight loop, or leave it standing.

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use cloud_player::engine::{Config, Request, Source};
use cloud_player::media::TrackKind;
use cloud_player::secret::Url;
use cloud_player::time::{MediaTime, TimeRange, Timestamp};

use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World, shared};
use crate::{live, renditions};

/// A live origin: `answer` gets the path, the query and the seconds that have passed.
pub(crate) fn live_world(
    name: &str,
    config: Config,
    round_trip: Duration,
    mut answer: impl FnMut(&str, &str, u64) -> Option<String> + 'static,
) -> World {
    live_world_of(name, config, round_trip, move |path, query, now| {
        answer(path, query, now).map(Response::ok)
    })
}

/// The same, for answers that are no playlists.
pub(crate) fn live_world_of(
    name: &str,
    config: Config,
    round_trip: Duration,
    mut answer: impl FnMut(&str, &str, u64) -> Option<Response> + 'static,
) -> World {
    let clock: Rc<RefCell<Timestamp>> = shared(Timestamp::ZERO);
    let time = clock.clone();
    let origin: Origin = Box::new(move |request: &Request| {
        let path = request.url.expose().strip_prefix("http://origin.test/").expect("the origin");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let now = time.borrow().as_micros() / 1_000_000;
        if path == "telemetry" {
            return Response::status(204);
        }
        if let Some(response) = answer(path, query, now) {
            return response;
        }
        let stem = path.trim_end_matches(".ts");
        let (list, number) = match stem.split_at(1) {
            ("v", n) => (&tracks().0, n),
            ("a", n) => (&tracks().1, n),
            _ => return Response::ok(live::segments()[stem.parse::<usize>().expect("a segment")].clone()),
        };
        Response::ok(list[number.parse::<usize>().expect("a segment")].clone())
    });
    let mut world = World::new(config, Network::new(3_000_000, round_trip), origin);
    world.clock = Some(clock);
    world.play(Source::Hls { url: Url::new(format!("http://origin.test/{name}.m3u8")), token: None });
    world
}

/// Pictures and sound of three minutes, in segments of two seconds.
pub(crate) type Tracks = (Vec<Vec<u8>>, Vec<Vec<u8>>);

pub(crate) fn tracks() -> &'static Tracks {
    static FILES: OnceLock<Tracks> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adverse");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (kind, source, codec) in [
            ("v", "testsrc2=s=64x36:r=25", "-c:v libx264 -preset ultrafast -g 50 -sc_threshold 0"),
            ("a", "sine=r=48000", "-c:a aac -b:a 32k"),
        ] {
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source, "-t", "180"]);
            ffmpeg.args(codec.split(' '));
            ffmpeg.args("-f hls -hls_time 2 -hls_list_size 0 -hls_segment_filename".split(' '));
            let name = folder.join(format!("{kind}%d.ts"));
            assert!(ffmpeg.arg(name).arg(folder.join(format!("{kind}.m3u8"))).status().unwrap().success());
        }
        let read = |kind: &str| {
            (0..89).map(|n| std::fs::read(folder.join(format!("{kind}{n}.ts"))).unwrap()).collect()
        };
        (read("v"), read("a"))
    })
}

pub(crate) fn window(first: usize, newest: usize, header: &str, segment: impl Fn(usize) -> String) -> String {
    let mut out = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n{header}");
    (first..=newest).for_each(|n| out += &segment(n));
    out
}

pub(crate) const MASTER: &str =
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=600000\nhigh.m3u8\n";

pub(crate) const APART: &str = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"m\",DEFAULT=YES,URI=\"sound.m3u8\"\n\
     #EXT-X-STREAM-INF:BANDWIDTH=300000,AUDIO=\"a\"\nlow.m3u8\n";

pub(crate) fn plain(n: usize) -> String {
    format!("#EXTINF:2,\n{n}.ts\n")
}

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

/// Pictures and sound in two playlists; from `at` on, in seconds, both are 20 segments further (and, with `restarts`, count from
/// zero again), but the sound's load is the first to see it.
fn jumping(at: u64, restarts: bool) -> World {
    let mut jumped = false;
    live_world("master", config(), RTT, move |path, _, now| {
        jumped |= now >= at && path == "sound.m3u8";
        let newest = 5 + (now / 2) as usize + if jumped { 20 } else { 0 };
        let base = if jumped && restarts { (at / 2) as usize + 20 } else { 0 };
        let list = |kind: &str| {
            let first = newest - 5;
            let text = window(first, newest, "", |n| format!("#EXTINF:2,\n{kind}{n}.ts\n"));
            Some(text.replace(&format!("SEQUENCE:{first}\n"), &format!("SEQUENCE:{}\n", first - base)))
        };
        match path {
            "master.m3u8" => Some(APART.into()),
            "low.m3u8" => list("v"),
            "sound.m3u8" => list("a"),
            _ => None,
        }
    })
}

/// The sound's playlist jumps first: the pictures' is forgotten, read again and put at zero.
#[test]
fn sound_whose_playlist_jumps_first_does_not_put_the_pictures_at_zero() {
    let mut w = jumping(20, false);
    w.run_for(secs(45));
    assert_eq!(w.fatal(), None);
    let (position, range) = (w.position(), w.element.live_range.unwrap());
    assert!(
        range.end.as_secs() + 2.0 > position && range.start.as_secs() < position,
        "plays at {position}, can be sought in {range:?}"
    );
}

/// Likewise, with sequence numbers that begin anew.
#[test]
fn sound_whose_playlist_begins_anew_first_does_not_stop_the_pictures() {
    let mut w = jumping(60, true);
    w.run_for(secs(85));
    let position = w.position();
    w.run_for(secs(15));
    assert!(
        w.fatal().is_none() && w.position() > position + 10.0,
        "stood at {position}, now at {}, waits for {:?}, seekable {:?}, {:?}",
        w.position(),
        w.stats.as_ref().unwrap().waiting_for,
        w.element.live_range,
        w.errors().map(|e| e.code).collect::<Vec<_>>()
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

/// The sound's playlist counts discontinuities differently, and the sound comes after the pictures' goal is met.
#[test]
fn late_sound_of_a_sequence_that_the_pictures_never_have_plays() {
    let mut count = 0;
    let origin: Origin = Box::new(move |request: &Request| {
        let response = renditions::serve(request);
        let url = request.url.expose();
        if url.ends_with("/l.m3u8") || url.ends_with("/h.m3u8") {
            let text = String::from_utf8(response.body).unwrap();
            return Response::ok(text.replace("#EXTM3U\n", "#EXTM3U\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n"));
        }
        if url.ends_with("a000.ts") {
            count += 1;
            if count <= 3 {
                return Response::status(503);
            }
        }
        response
    });
    let config = Config { buffer_goal: MediaTime::from_millis(8000), ..config() };
    let mut w = World::new(config, Network::new(3_000_000, RTT), origin);
    w.play(Source::Hls { url: Url::new("http://origin.test/master.m3u8"), token: None });
    w.run_for(secs(60));
    assert!(
        w.position() > 5.0,
        "at {}, waits for {:?}, sound asked for {} times",
        w.position(),
        w.stats.as_ref().unwrap().waiting_for,
        w.requests_for("a000.ts").len()
    );
}

/// A segment without sound in a stream that has it is loaded again and again.
#[test]
fn a_segment_without_sound_is_loaded_once() {
    let origin: Origin = Box::new(|request: &Request| {
        let path = request.url.expose().strip_prefix("http://origin.test/").unwrap();
        match path {
            "telemetry" => Response::status(204),
            "p.m3u8" => {
                let segments: String = (0..6).map(|n| format!("#EXTINF:4,\n360p/{n:03}.ts\n")).collect();
                Response::ok(format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST\n"))
            }
            "360p/002.ts" => Response::ok(renditions::apart()["360p/v002.ts"].clone()),
            file => Response::ok(
                std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("origin/sample").join(file))
                    .unwrap(),
            ),
        }
    });
    let mut w = World::new(config(), Network::new(5_000_000, RTT), origin);
    w.play(Source::Hls { url: Url::new("http://origin.test/p.m3u8"), token: None });
    w.run_for(secs(40));
    let loads = w.requests_for("002.ts").len();
    assert!(loads <= 8, "loaded {loads} times; at {}, fatal {:?}", w.position(), w.fatal());
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

/// The sound's playlist comes at once and the pictures' only when the window has moved on: put on two timelines, the sound
/// lies before the beginning of the presentation, and segments of it have nothing to play.
#[test]
fn pictures_whose_playlist_comes_late_are_put_beside_the_sound() {
    let mut busy = true;
    let mut w = live_world_of("master", config(), RTT, move |path, _, now| {
        let newest = 5 + (now / 2) as usize;
        let list = |kind: &str| {
            Response::ok(window(newest - 5, newest, "", |n| format!("#EXTINF:2,\n{kind}{n}.ts\n")))
        };
        match path {
            "master.m3u8" => Some(Response::ok(APART)),
            "low.m3u8" if std::mem::take(&mut busy) => {
                let mut response = Response::status(503);
                response.head.retry_after = Some(secs(8));
                Some(response)
            }
            "low.m3u8" => Some(list("v")),
            "sound.m3u8" => Some(list("a")),
            _ => None,
        }
    });
    w.run_for(secs(30));
    let codes: Vec<_> = w.errors().map(|e| e.code).collect();
    assert_eq!((codes, w.fatal()), (vec!["server_error"], None));
    assert!(w.position() > 15.0, "at {}", w.position());
    let loads = |kind: char| -> Vec<String> {
        w.requests_for(&format!("test/{kind}")).iter().map(|(_, r)| r.url.expose().to_owned()).collect()
    };
    let (pictures, sound) = (loads('v'), loads('a'));
    let mut once = pictures.clone();
    once.dedup();
    assert_eq!(pictures, once, "each segment of the pictures once");
    assert!(sound.len() > 8, "{sound:?}");
}

/// The sound of the last segment comes broken while its pictures, which have shown where both belong, are still on their
/// way: the place was forgotten, no other pictures came to show it again, and the sound waited for it for ever.
#[test]
fn sound_that_comes_broken_does_not_cost_both_their_place() {
    let mut broken = true;
    let origin: Origin = Box::new(move |request: &Request| {
        let last_sound = request.url.expose().ends_with("a005.ts");
        if last_sound && std::mem::take(&mut broken) {
            return Response::ok("<!DOCTYPE html><p>please log in</p>".repeat(9));
        }
        renditions::serve(request)
    });
    let config = Config { start: MediaTime::from_millis(200_000), ..config() };
    let mut w = World::new(config, Network::new(300_000, RTT), origin);
    w.play(Source::Hls { url: Url::new("http://origin.test/master.m3u8"), token: None });
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().map(|e| e.code).collect::<Vec<_>>()), (None, vec!["not_media"]));
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

/// The sound's playlist comes first, and its oldest segment is gone by the time it is asked for: a live stream goes on behind it,
/// and that it is one is known although the pictures' playlist is not here yet.
#[test]
fn sound_that_is_gone_before_the_pictures_are_known_is_stepped_over() {
    let mut busy = true;
    let mut w = live_world_of("master", config(), RTT, move |path, _, now| {
        let newest = 5 + (now / 2) as usize;
        let list = |kind: &str| {
            Response::ok(window(newest - 5, newest, "", |n| format!("#EXTINF:2,\n{kind}{n}.ts\n")))
        };
        match path {
            "master.m3u8" => Some(Response::ok(APART)),
            "low.m3u8" if std::mem::take(&mut busy) => {
                let mut response = Response::status(503);
                response.head.retry_after = Some(secs(3));
                Some(response)
            }
            "low.m3u8" => Some(list("v")),
            "sound.m3u8" => Some(list("a")),
            "a0.ts" => Some(Response::status(404)),
            _ => None,
        }
    });
    w.run_for(secs(30));
    assert_eq!(w.fatal(), None);
    assert!(w.position() > 15.0, "at {}", w.position());
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

/// The sound's playlist is ahead of the pictures' and has a discontinuity that they have not reached: the sound was placed by
/// what the part before had, before the beginning of time, and a segment without media ended the session.
#[test]
fn sound_of_a_part_that_the_pictures_have_not_reached_waits_for_them() {
    let mut w = live_world("master", config(), RTT, |path, _, now| {
        // From number ten on the media begin anew; the pictures' playlist lags for a while.
        let newest = 5 + (now / 2) as usize;
        let list = |kind: &str, newest: usize| {
            let first = newest - 5;
            let passed = usize::from(first > 10);
            let header = format!("#EXT-X-DISCONTINUITY-SEQUENCE:{passed}\n");
            let text = window(first, newest, &header, |n| {
                let (mark, piece) = if n >= 10 { ("#EXT-X-DISCONTINUITY\n", n - 10) } else { ("", n) };
                format!("{}#EXTINF:2,\n{kind}{piece}.ts\n", if n == 10 { mark } else { "" })
            });
            Some(text)
        };
        match path {
            "master.m3u8" => Some(APART.into()),
            "low.m3u8" if (8..16).contains(&now) => list("v", 9),
            "low.m3u8" => list("v", newest),
            "sound.m3u8" => list("a", newest),
            _ => None,
        }
    });
    w.run_for(secs(40));
    assert_eq!(w.errors().map(|e| e.code).collect::<Vec<_>>(), [""; 0]);
    assert!(w.position() > 25.0, "at {}", w.position());
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

/// One of pictures and sound ends before the other, with more to come of that than is to be buffered: neither played on, for
/// only an ended stream plays on without one of them, nor was loaded on, for enough was there.
#[test]
fn pictures_and_sound_that_do_not_end_together_play_to_the_end_of_the_longer() {
    for (pictures, sounds) in [(5_usize, 15_usize), (15, 5)] {
        let list =
            |kind: &str, count: usize| window(0, count - 1, "", |n| format!("#EXTINF:2,\n{kind}{n}.ts\n"));
        let config = Config { buffer_goal: MediaTime::from_millis(4000), ..config() };
        let mut w = live_world("master", config, RTT, move |path, _, _| match path {
            "master.m3u8" => Some(APART.into()),
            "low.m3u8" => Some(list("v", pictures) + "#EXT-X-ENDLIST\n"),
            "sound.m3u8" => Some(list("a", sounds) + "#EXT-X-ENDLIST\n"),
            _ => None,
        });
        w.run_until(secs(60), "the end", |w| w.element.ended);
        assert_eq!(w.fatal(), None);
        assert!(w.position() > 29.0, "{pictures} and {sounds}: ended at {}", w.position());
    }
}

/// The sound's first segment comes incomplete, so the next one, behind a discontinuity, is expected earlier than it is, where
/// the pictures have been: it was placed by what they had there, far behind the end, and the stream never ended.
#[test]
fn sound_behind_one_that_was_cut_short_waits_for_the_place_of_its_own_sequence() {
    let (mut cut, mut busy) = (true, true);
    let mut w = live_world_of("master", config(), RTT, move |path, _, _| {
        let list = |kind: &str| {
            let text = window(0, 3, "", |n| match n {
                0 => format!("#EXTINF:2,\n{kind}0.ts\n#EXT-X-DISCONTINUITY\n"),
                n => format!("#EXTINF:2,\n{kind}{}.ts\n", 24 + n),
            });
            Some(Response::ok(text + "#EXT-X-ENDLIST\n"))
        };
        match path {
            "master.m3u8" => Some(Response::ok(APART)),
            "low.m3u8" => list("v"),
            "sound.m3u8" => list("a"),
            "a0.ts" if std::mem::take(&mut cut) => {
                let mut body = tracks().1[0].clone();
                body.truncate(body.len() / 2);
                Some(Response::ok(body))
            }
            "v25.ts" if std::mem::take(&mut busy) => Some(Response::status(503)),
            _ => None,
        }
    });
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    assert!((w.position() - 8.0).abs() < 0.5, "ended at {}", w.position());
}

/// The first segment shows nothing of the sound, once because its copy is a broken one, or always: the source buffers were made
/// without one for it, and the sound of the next segment ended the session.
#[test]
fn sound_that_comes_late_begins_anew() {
    for copies in [1, 99] {
        let mut left = copies;
        let origin: Origin = Box::new(move |request: &Request| {
            let path = request.url.expose().strip_prefix("http://origin.test/").unwrap();
            match path {
                "telemetry" => Response::status(204),
                "p.m3u8" => {
                    let segments: String = (0..6).map(|n| format!("#EXTINF:4,\n360p/{n:03}.ts\n")).collect();
                    Response::ok(format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST\n"))
                }
                "360p/000.ts" if left > 0 => {
                    left -= 1;
                    Response::ok(renditions::apart()["360p/v000.ts"].clone())
                }
                file => Response::ok(
                    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("origin/sample").join(file))
                        .unwrap(),
                ),
            }
        });
        let mut w = World::new(config(), Network::new(5_000_000, RTT), origin);
        w.play(Source::Hls { url: Url::new("http://origin.test/p.m3u8"), token: None });
        w.run_until(secs(60), "the end", |w| w.element.ended);
        assert_eq!(w.fatal(), None);
        assert!(w.errors().all(|error| error.code == "track_added"), "{:?}", w.errors().collect::<Vec<_>>());
    }
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

/// Pictures and sound have a gap in the same place, the sound the wider one: both sent the playhead on in the same moment, the
/// second from where it no longer was, and of the seeks that the element then told, one was taken for the viewer's.
#[test]
fn a_gap_of_pictures_and_sound_is_stepped_over_one_step_at_a_time() {
    let list = |kind: &str, gaps: std::ops::Range<usize>| {
        window(0, 15, "", |n| {
            let gap = if gaps.contains(&n) { "#EXT-X-GAP\n" } else { "" };
            format!("{gap}#EXTINF:2,\n{kind}{n}.ts\n")
        }) + "#EXT-X-ENDLIST\n"
    };
    let mut w = live_world("master", config(), RTT, move |path, _, _| match path {
        "master.m3u8" => Some(APART.into()),
        "low.m3u8" => Some(list("v", 5..7)),
        "sound.m3u8" => Some(list("a", 5..9)),
        _ => None,
    });
    // That a step waits for the answer to the one before is checked by the world.
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    assert_eq!(w.stats.as_ref().map(|stats| stats.qoe.seek_count), Some(0));
}
