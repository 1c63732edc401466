//! Sound in a playlist of its own, where its playlist or its media are not what the pictures' are.

use std::path::Path;

use cloud_player::engine::{Config, Request, Source};
use cloud_player::media::TrackKind;
use cloud_player::secret::Url;
use cloud_player::time::MediaTime;

use crate::origins::{APART, live_world, live_world_of, tracks, window};
use crate::renditions;
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World};

/// Pictures and sound in two playlists; from `at` on, in seconds, both are 20 segments further (and, with `restarts`, count from
/// zero again), but the sound's load is the first to see it.
fn jumping(at: u64, restarts: bool) -> World {
    let mut jumped = false;
    live_world_of("master", config(), RTT, move |path, _, now| {
        jumped |= now >= at && path == "sound.m3u8";
        let newest = 5 + (now / 2) as usize + if jumped { 20 } else { 0 };
        let base = if jumped && restarts { (at / 2) as usize + 20 } else { 0 };
        beside(path, |kind| {
            let first = newest - 5;
            let text = window(first, newest, "", |n| format!("#EXTINF:2,\n{kind}{n}.ts\n"));
            text.replace(&format!("SEQUENCE:{first}\n"), &format!("SEQUENCE:{}\n", first - base))
        })
    })
}

/// The playlists of pictures and sound that are apart.
fn beside(path: &str, list: impl Fn(&str) -> String) -> Option<Response> {
    match path {
        "master.m3u8" => Some(Response::ok(APART)),
        "low.m3u8" => Some(Response::ok(list("v"))),
        "sound.m3u8" => Some(Response::ok(list("a"))),
        _ => None,
    }
}

/// A server begins anew when the pictures' playlist has come, with other numbers and time stamps, and the sound's first comes
/// then. For `lag` seconds, that of the pictures is as it was before, and the sound's as it came first.
fn sound_late(lag: u64) -> World {
    const ANEW: u64 = 2;
    let mut came = false;
    live_world_of("master", config(), RTT, move |path, _, now| {
        let is_sound = path == "sound.m3u8";
        if is_sound && now < ANEW {
            return Some(Response::status(503));
        }
        came |= is_sound;
        let first = match (now - now.min(ANEW)) as usize / 2 {
            since if came && now >= ANEW + lag && !is_sound => since,
            since if is_sound && now > ANEW + lag => since,
            _ if is_sound => 0,
            _ => 40,
        };
        beside(path, |kind| window(first, first + 5, "", |n| format!("#EXTINF:2,\n{kind}{n}.ts\n")))
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

/// The sound's playlist comes for the first time when the numbers have begun anew, and nothing in it shows that: its media were
/// put where those of the old numbers lie, and never met the pictures.
#[test]
fn sound_whose_playlist_first_comes_when_all_begins_anew_meets_the_pictures() {
    meets_the_pictures(0);
}

/// A load of the pictures' playlist in between brings the old one, from a cache.
#[test]
fn sound_that_first_comes_before_an_old_playlist_of_the_pictures_meets_them() {
    meets_the_pictures(3);
}

/// The windows that came first have nothing in common: nothing came for longer than either lasts.
#[test]
fn sound_that_first_comes_before_an_outage_of_the_playlists_meets_the_pictures() {
    meets_the_pictures(16);
}

fn meets_the_pictures(lag: u64) {
    let mut w = sound_late(lag);
    w.run_for(secs(lag + 30));
    let position = w.position();
    w.run_for(secs(10));
    let waits = w.stats.as_ref().unwrap().waiting_for;
    assert!(
        w.position() > position + 8.0,
        "stood at {position}, now at {}, waits for {waits:?}",
        w.position()
    );
    assert_eq!(w.fatal(), None);
    // What is heard is of what is seen.
    let numbered = |path: &str, kind: char| path.starts_with(kind) && path.ends_with(".ts");
    let pictures = w.places(TrackKind::Video, |path| numbered(path, 'v'));
    let sound = w.places(TrackKind::Audio, |path| numbered(path, 'a'));
    let both = sound
        .iter()
        .filter_map(|(path, at)| Some((path, *at, *pictures.get(path.replace('a', "v").as_str())?)));
    let last: Vec<_> = both.filter(|(_, at, _)| *at > position).collect();
    assert!(
        last.len() > 3 && last.iter().all(|(_, a, v)| (a - v).abs() < 0.5),
        "{last:?} of {sound:?} {pictures:?}"
    );
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
