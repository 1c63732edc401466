//! The recovery table of `src/engine/recovery.rs`, row by row: a test is named like its row. Behind it, what takes the
//! place of what fails: addresses, rungs, the next segment, sources.

use std::time::Duration;

use cloud_player::engine::{
    Config, Environment, Event, Input, Request, ResponseHead, SinkEvent, SinkFailure, Source,
};
use cloud_player::media::TrackKind;
use cloud_player::secret::Url;
use cloud_player::telemetry::SourceKind;
use cloud_player::time::MediaTime;

use crate::live::Live;
use crate::sample::{self, KEY, SECONDS, TOKEN};
use crate::setup::{self, RTT, faulty, secs, segment_requests, source, world};
use crate::world::{Network, Origin, Response, World, shared};

/// Little is loaded ahead, so that what goes wrong on the way is felt.
fn config() -> Config {
    Config { buffer_goal: MediaTime::from_millis(6000), ..setup::config() }
}

fn held(rung: usize) -> Config {
    Config { start_rung: Some(rung), ..config() }
}

fn play(origin: Origin) -> World {
    world(held(0), 5_000_000, origin)
}

/// The sample, with one rung alone and without the others to take its place.
fn one_rung(mut fault: impl FnMut(&str, Response) -> Response + 'static) -> Origin {
    Box::new(move |request: &Request| {
        let response = sample::serve(request);
        let url = request.url.expose();
        if url.contains("master.m3u8") {
            let text = String::from_utf8(response.body).unwrap();
            let head = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=500000\n";
            let uri = text.lines().find(|line| line.contains("360p")).unwrap();
            return Response::ok(format!("{head}{uri}\n"));
        }
        fault(url, response)
    })
}

fn ends(w: &mut World) {
    w.run_until(secs(300), "the end", |w| w.element.ended || w.fatal().is_some());
    assert_eq!(w.fatal(), None);
    assert!((w.position() - SECONDS).abs() < 0.3, "ended at {}", w.position());
}

/// The session ends with this error, and with no other.
fn fails(w: &mut World, code: &str) {
    w.run_until(secs(300), "the error", |w| w.fatal().is_some());
    w.run_for(secs(5));
    let fatal: Vec<_> = w.errors().filter(|e| e.fatal).collect();
    assert_eq!(fatal.len(), 1, "{fatal:?}");
    assert_eq!(fatal[0].code, code);
}

fn asked(w: &World, part: &str) -> usize {
    w.requests_for(part).len()
}

fn noted(w: &World, code: &str) -> usize {
    w.errors().filter(|e| e.code == code && !e.fatal).count()
}

fn seconds_between(w: &World, part: &str) -> Vec<f64> {
    let at: Vec<_> = w.requests_for(part).iter().map(|(at, _)| at.as_micros() as f64 / 1e6).collect();
    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Nothing of it comes from the second segment on, for a time.
fn out_for(seconds: u64, fault: impl Fn(Response) -> Response + 'static) -> World {
    let clock = shared(cloud_player::time::Timestamp::ZERO);
    let time = clock.clone();
    let origin = one_rung(move |_, response| {
        let now = time.borrow().as_micros() / 1_000_000;
        if (3..3 + seconds).contains(&now) { fault(response) } else { response }
    });
    let mut w = World::new(Config { start_rung: Some(0), ..config() }, Network::new(1_000_000, RTT), origin);
    w.clock = Some(clock);
    w.play(source());
    w
}

#[test]
fn offline() {
    let mut w = out_for(100, |_| Response { refused: true, ..Response::default() });
    w.run_until(secs(10), "playing", |w| w.position() > 1.0);
    w.give(Input::Environment(Environment::Online(false)));
    w.run_for(secs(102));
    assert_eq!(w.fatal(), None, "for as long as there is no network");
    w.give(Input::Environment(Environment::Online(true)));
    ends(&mut w);
}

#[test]
fn network() {
    // Half a minute of nothing, with six seconds at hand.
    let mut w = out_for(30, |_| Response { refused: true, ..Response::default() });
    ends(&mut w);
    assert!(noted(&w, "network") >= 6 && w.element.stalls >= 1);
    // It never comes back.
    let mut w = out_for(1000, |_| Response { refused: true, ..Response::default() });
    fails(&mut w, "network");
    assert_eq!(noted(&w, "network"), 14);
    // Before anything has played, nobody is in the middle of anything.
    let mut w = play(faulty("000.ts", |_, _| Response { refused: true, ..Response::default() }));
    fails(&mut w, "network");
    assert_eq!(asked(&w, "000.ts"), 6);
}

#[test]
fn timeout_head() {
    let mut w = play(one_rung_stalled(1, 0));
    ends(&mut w);
    assert_eq!((noted(&w, "timeout"), asked(&w, "001.ts")), (1, 2));
}

/// The second segment stops after so many bytes, so often; 0: not even its head comes.
fn one_rung_stalled(times: u32, after: usize) -> Origin {
    let mut count = 0;
    one_rung(move |url, response| {
        if !url.contains("001.ts") || count == times {
            return response;
        }
        count += 1;
        Response { silent: after == 0, stall_after: Some(after), ..response }
    })
}

#[test]
fn timeout_body() {
    let mut w = play(one_rung_stalled(2, 9000));
    ends(&mut w);
    assert_eq!((noted(&w, "timeout"), asked(&w, "001.ts")), (2, 3));
}

#[test]
fn short() {
    let mut count = 0;
    let mut w = play(one_rung(move |url, response| {
        if !url.contains("001.ts") || count == 3 {
            return response;
        }
        count += 1;
        Response { cut_after: Some(3000 * count), ..response }
    }));
    ends(&mut w);
    assert_eq!((noted(&w, "short_body"), asked(&w, "001.ts")), (3, 4));
}

#[test]
fn server() {
    for (part, times) in [("master.m3u8", 3), ("index.m3u8", 2), ("key", 3), ("001.ts", 5)] {
        let fault = move |n, r| if n < times { Response::status(503) } else { r };
        let mut w = play(faulty(part, fault));
        ends(&mut w);
        assert!(noted(&w, "server_error") >= 2, "{part}");
    }
    // Another rung has what one has not.
    let mut w = world(held(1), 5_000_000, faulty("480p/001.ts", |_, _| Response::status(500)));
    ends(&mut w);
    assert_eq!((asked(&w, "480p/001.ts"), w.element.stalls), (3, 0));
    // And of what nobody has, one is left out.
    let mut w = play(one_rung(|url, r| if url.contains("002.ts") { Response::status(500) } else { r }));
    ends(&mut w);
    assert_eq!((asked(&w, "002.ts"), noted(&w, "server_error")), (15, 15));
}

#[test]
fn too_many() {
    let busy = |n, response| {
        let after = Some(Duration::from_secs(5));
        let head = ResponseHead { status: 429, retry_after: after, ..Default::default() };
        if n < 2 { Response { head, ..Response::default() } } else { response }
    };
    let mut w = play(faulty("001.ts", busy));
    ends(&mut w);
    let waits = seconds_between(&w, "001.ts");
    assert!(waits.len() == 2 && waits.iter().all(|wait| *wait >= 5.0), "{waits:?}");
}

#[test]
fn refused() {
    for part in ["master.m3u8", "index.m3u8", "key", "000.ts", "003.ts"] {
        let mut w = play(faulty(part, |_, _| Response::status(403)));
        fails(&mut w, "access_refused");
        assert_eq!(w.fatal().unwrap().status, Some(403));
        assert_eq!(asked(&w, part), 1, "{part}");
    }
}

#[test]
fn gone() {
    for status in [404, 410, 416] {
        let mut w = world(held(1), 5_000_000, faulty("480p/001.ts", move |_, _| Response::status(status)));
        ends(&mut w);
        assert_eq!((asked(&w, "480p/001.ts"), w.element.stalls), (1, 0), "another rung, at once");
    }
    let mut w = play(faulty("master.m3u8", |_, _| Response::status(404)));
    fails(&mut w, "not_found");
    // The first is missing: there is nothing to go on from.
    let mut w = play(one_rung(|url, r| if url.contains("000.ts") { Response::status(404) } else { r }));
    fails(&mut w, "not_found");
}

#[test]
fn not_there() {
    let mut live = Live::new();
    live.missing = Some(12);
    let mut w = live.world("live", setup::config());
    w.run_until(secs(40), "what comes behind it", |w| w.position() > 28.0);
    assert_eq!((w.fatal(), asked(&w, "/12.ts")), (None, 3));
}

#[test]
fn corrupt() {
    let broken = |mut response: Response| {
        response.body.iter_mut().skip(64).step_by(3).for_each(|b| *b ^= 0x5a);
        response
    };
    let mut w = play(faulty("001.ts", move |n, r| if n == 0 { broken(r) } else { r }));
    ends(&mut w);
    assert_eq!(asked(&w, "001.ts"), 2);
    let mut w = world(held(1), 5_000_000, faulty("480p/001.ts", move |_, r| broken(r)));
    ends(&mut w);
    assert_eq!((asked(&w, "480p/001.ts"), asked(&w, "360p/001.ts")), (2, 1));
    let mut w = play(one_rung(move |url, r| if url.contains("002.ts") { broken(r) } else { r }));
    ends(&mut w);
    assert_eq!(asked(&w, "002.ts"), 2, "left out");
    let mut w = play(one_rung(move |url, r| match url.rsplit_once(".ts") {
        Some((name, _)) if !name.ends_with("000") => broken(r),
        _ => r,
    }));
    fails(&mut w, "segment_corrupt");
}

#[test]
fn wrong_key() {
    let wrong = || Response::ok([7; 16]);
    let mut w = play(faulty("key", move |n, r| if n == 0 { wrong() } else { r }));
    ends(&mut w);
    assert_eq!(asked(&w, "/key"), 2);
    let mut w = play(faulty("key", move |_, _| wrong()));
    fails(&mut w, "wrong_key");
    assert_eq!(asked(&w, "/key"), 2);
    assert!(KEY != [7; 16]);
}

/// The browser says so, in the middle of playing.
fn refuses(w: &mut World, failure: SinkFailure) {
    w.give(Input::Sink(SinkEvent::Failed { failure, detail: "refused".to_owned() }));
}

#[test]
fn append() {
    let mut w = play(Box::new(sample::serve));
    w.run_until(secs(20), "playing", |w| w.position() > 5.0);
    let (place, stalls) = (w.position(), w.element.stalls);
    refuses(&mut w, SinkFailure::Append);
    // What comes late of the old sink is no second refusal.
    refuses(&mut w, SinkFailure::Decode);
    w.run_until(secs(5), "playing on", |w| w.position() > place + 1.0 && w.position() < place + 3.0);
    assert!(w.element.stalls <= stalls + 1);
    ends(&mut w);
    assert_eq!(noted(&w, "append_failed") + noted(&w, "decode_failed"), 1);
}

#[test]
fn decode() {
    // Anew, then on another rung, then no more.
    let mut w = world(held(1), 5_000_000, Box::new(sample::serve));
    for (n, rung) in [(1, "480p"), (2, "360p")] {
        w.run_until(secs(20), "playing", |w| w.position() > 2.0 * f64::from(n));
        let before = w.requests.len();
        refuses(&mut w, SinkFailure::Decode);
        w.run_for(secs(1));
        let after = &w.requests[before..];
        assert!(after.iter().any(|(_, r)| r.url.expose().contains(rung)), "{n}: {after:?}");
    }
    w.run_until(secs(20), "playing", |w| w.position() > 6.0);
    refuses(&mut w, SinkFailure::Decode);
    fails(&mut w, "decode_failed");
    // One a minute is no end.
    let mut w = world(Config { back_buffer: MediaTime::ZERO, ..held(0) }, 5_000_000, Box::new(sample::serve));
    for _ in 0..4 {
        w.seek(2.0);
        w.run_until(secs(20), "playing", |w| w.position() > 4.0);
        refuses(&mut w, SinkFailure::Decode);
        w.run_for(secs(70));
    }
    assert_eq!(w.fatal(), None);
}

#[test]
fn unsupported() {
    let mut w = play(one_rung(|_, r| r));
    w.run_until(secs(10), "playing", |w| w.position() > 0.5);
    refuses(&mut w, SinkFailure::UnsupportedType);
    fails(&mut w, "codec_unsupported");
    let mut w = world(held(1), 5_000_000, Box::new(sample::serve));
    w.run_until(secs(10), "playing", |w| w.position() > 0.5);
    refuses(&mut w, SinkFailure::UnsupportedType);
    ends(&mut w);
    assert_eq!(noted(&w, "codec_unsupported"), 1);
}

#[test]
fn quota() {
    let room = |bytes| {
        let mut w = World::new(held(0), Network::new(5_000_000, RTT), Box::new(sample::serve));
        w.element.quota = Some(bytes);
        w.play(source());
        w
    };
    ends(&mut room(300_000));
    fails(&mut room(3_000), "sink_full");
}

#[test]
fn standstill() {
    let mut w = play(Box::new(sample::serve));
    w.run_until(secs(20), "playing", |w| w.position() > 5.0);
    // Until it is nudged; until media is appended again; and for so long that the sink is made anew.
    for freeze in [2, 8, 20] {
        let (frozen, appends) = (w.now, video_appends(&w));
        w.element.frozen = frozen + secs(freeze);
        w.run_for(secs(freeze + 2));
        assert_eq!(w.fatal(), None);
        assert_eq!(noted(&w, "element_stalled"), usize::from(freeze == 20));
        if freeze == 8 {
            assert!(video_appends(&w) > appends);
        }
        w.seek(6.0);
        w.run_until(secs(10), "playing", |w| w.position() > 7.0);
    }
    ends(&mut w);
    let trace = w.reports().concat();
    for step in ["element_nudged", "element_resought", "media_reappended"] {
        assert!(trace.contains(step), "{step}");
    }
}

fn video_appends(w: &World) -> usize {
    w.element.tracks.iter().find(|t| t.kind == TrackKind::Video).map_or(0, |t| t.appends)
}

/// Every variant at two addresses, of which `fault` answers for the first.
fn twice(mut fault: impl FnMut(&str, Response) -> Response + 'static) -> Origin {
    Box::new(move |request: &Request| {
        let url = request.url.expose().to_owned();
        if let Some(rest) = url.strip_prefix("http://backup.test") {
            let url = Url::new(format!("http://origin.test{rest}"));
            return sample::serve(&Request { url, ..request.clone() });
        }
        let response = fault(&url, sample::serve(request));
        if !url.contains("master.m3u8") || response.head.status != 200 {
            return response;
        }
        let text = String::from_utf8(response.body).unwrap();
        let mut again = String::new();
        for pair in text.lines().collect::<Vec<_>>().windows(2) {
            if pair[0].starts_with("#EXT-X-STREAM-INF") {
                let (directory, _) = pair[1].split_once('/').unwrap();
                let name = format!("voddrm.token.{TOKEN}.index.m3u8?expires=99&signature=5ec2e7");
                again += &format!("{}\nhttp://backup.test/sample/{directory}/{name}\n", pair[0]);
            }
        }
        Response::ok(text + &again)
    })
}

#[test]
fn another_address_takes_over_and_brings_the_other_rungs_along() {
    let down = |url: &str| !url.contains("master") && !url.contains("telemetry") && !url.contains("000.ts");
    let mut w = world(Config { start_rung: None, ..config() }, 5_000_000, {
        twice(move |url, r| if down(url) && url.contains("00") { Response::status(503) } else { r })
    });
    ends(&mut w);
    let lost =
        w.requests_for("origin.test").iter().filter(|(_, r)| r.url.expose().contains("/001.ts")).count();
    assert_eq!(lost, 3, "three attempts, and no rung finds out by itself");
    assert!(asked(&w, "backup.test") >= 5 && w.element.stalls == 0);
    // A missing one is missing at one address: at once, and only the rung that has lost it.
    let mut w = world(held(1), 5_000_000, {
        twice(|url, r| if url.contains("480p/001.ts") { Response::status(404) } else { r })
    });
    ends(&mut w);
    assert_eq!(asked(&w, "origin.test/sample/480p/001.ts"), 1);
    assert!(asked(&w, "backup.test/sample/480p") > 0 && asked(&w, "360p/001.ts") == 0);
}

#[test]
fn a_rung_that_failed_is_tried_again_after_a_while_and_once() {
    let clock = shared(cloud_player::time::Timestamp::ZERO);
    let time = clock.clone();
    let origin: Origin = Box::new(move |request: &Request| {
        let (url, now) = (request.url.expose(), time.borrow().as_micros() / 1_000_000);
        let response = sample::serve(request);
        if url.contains("480p/00") && (1..100).contains(&now) { Response::status(500) } else { response }
    });
    let config = Config { back_buffer: MediaTime::ZERO, ..held(1) };
    let mut w = World::new(config, Network::new(5_000_000, RTT), origin);
    w.clock = Some(clock);
    w.play(source());
    // Round and round, for three minutes.
    for _ in 0..14 {
        w.run_until(secs(60), "most of it", |w| w.position() > 15.0);
        w.seek(0.5);
    }
    assert_eq!((w.fatal(), w.element.stalls), (None, 0));
    let times: Vec<_> = w.requests_for("480p/00").iter().map(|(at, _)| at.as_micros() as f64 / 1e6).collect();
    let tries: Vec<_> = times.iter().filter(|at| (10.0..100.0).contains(*at)).collect();
    assert!((1..=3).contains(&tries.len()), "{times:?}");
    assert!(times.iter().filter(|at| **at > 140.0).count() > 3, "it is back: {times:?}");
}

#[test]
fn the_next_source_takes_over_at_the_same_place() {
    let legacy = Url::new("http://legacy.test/video.mp4?token=abc");
    let broken: Origin = Box::new(|request: &Request| {
        let url = request.url.expose();
        if let Some(rest) = url.strip_prefix("http://second.test") {
            let url = Url::new(format!("http://origin.test{rest}"));
            return sample::serve(&Request { url, ..request.clone() });
        }
        let response = sample::serve(request);
        if url.contains("origin.test/sample/360p/002.ts") { Response::status(403) } else { response }
    });
    let second = Source::Hls {
        url: Url::new(sample::MASTER.replace("origin.test", "second.test")),
        token: Some((
            cloud_player::secret::Secret::new(TOKEN.to_owned()),
            cloud_player::engine::TokenPlacement::FileNamePrefix,
        )),
    };
    let mut w = World::new(held(0), Network::new(5_000_000, RTT), broken);
    w.play_any(vec![source(), second, Source::File { url: legacy.clone() }]);
    w.run_until(secs(30), "playing", |w| w.position() > 1.5);
    let place = w.position();
    w.run_until(secs(30), "the second source", |w| {
        w.events.iter().any(|(_, e)| *e == Event::SourceChanged { source: 1, kind: SourceKind::Hls })
    });
    w.run_until(secs(10), "playing on", |w| w.position() > place + 2.0 && w.position() < place + 4.0);
    assert!(noted(&w, "access_refused") == 1 && w.fatal().is_none());
    // Both have failed: the element plays the file by itself.
    for _ in 0..3 {
        w.run_until(secs(10), "playing", |w| !w.element.buffered().is_empty());
        let at = w.position();
        w.run_until(secs(10), "playing", |w| w.position() > at + 0.5);
        refuses(&mut w, SinkFailure::Decode);
    }
    w.run_for(secs(1));
    assert_eq!(w.element.file, Some(legacy));
    let at = w.position();
    assert!(at > place + 1.0);
    w.run_until(secs(10), "playing the file", |w| w.position() > at + 2.0);
    // And that fails too.
    refuses(&mut w, SinkFailure::Decode);
    fails(&mut w, "decode_failed");
    let report = w.reports().pop().unwrap();
    assert!(
        report.contains(
            r#""sources":[{"source":0,"kind":"hls","shown":true,"failure":"access_refused"},{"source":1,"kind":"hls","shown":true,"failure":"decode_failed"},{"source":2,"kind":"file","shown":true,"failure":"decode_failed"}]"#
        ),
        "{report}"
    );
    assert!(!report.contains("token=abc"));
}

#[test]
fn a_first_source_that_never_starts_costs_little() {
    let mut w = World::new(
        config(),
        Network::new(5_000_000, RTT),
        Box::new(|request: &Request| {
            let url = request.url.expose();
            if url.contains("gone.test") { Response::status(404) } else { sample::serve(request) }
        }),
    );
    let gone = Source::Hls { url: Url::new("http://gone.test/m.m3u8"), token: None };
    w.play_any(vec![gone, source()]);
    w.run_until(secs(2), "playing", |w| w.position() > 0.1);
    ends(&mut w);
    assert_eq!(segment_requests(&w).len(), 6);
}
