//! One source takes over from another, or one sink: what is late news, what is carried over and what is not.

use cloud_player::engine::{Command, Config, Input, Request, SinkEvent, SinkFailure, Source, TokenPlacement};
use cloud_player::secret::{Secret, Url};
use cloud_player::time::{MediaTime, TimeRange, Timestamp};

use crate::live::Live;
use crate::sample::{self, TOKEN};
use crate::setup::{self, RTT, secs, source, world};
use crate::world::{Network, Origin, Response, World};

fn config() -> Config {
    Config { buffer_goal: MediaTime::from_millis(6000), start_rung: Some(0), ..setup::config() }
}

fn refuses(w: &mut World, failure: SinkFailure) {
    w.give(Input::Sink(SinkEvent::Failed { failure, detail: "refused".to_owned() }));
}

fn file() -> Source {
    Source::File { url: Url::new("http://legacy.test/video.mp4") }
}

/// What is not on the origin itself is not there.
fn else_nothing() -> Origin {
    Box::new(|request: &Request| {
        let there = request.url.expose().contains("origin.test");
        if there { sample::serve(request) } else { Response::status(404) }
    })
}

fn gone() -> Source {
    Source::Hls { url: Url::new("http://gone.test/m.m3u8"), token: None }
}

/// A media source that the element lets go of says so: a file takes its place without that ending the session.
#[test]
fn a_file_takes_over_from_a_media_source_that_holds_nothing_yet() {
    let mut w = World::new(config(), Network::new(5_000_000, RTT), else_nothing());
    w.play_any(vec![gone(), file(), source()]);
    w.run_until(secs(5), "playing the file", |w| w.element.file.is_some() && w.position() > 1.0);
    assert_eq!(w.fatal(), None);
    // And a media source takes over from the file.
    refuses(&mut w, SinkFailure::Decode);
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
}

/// A failed append is told twice: by the source buffer and, by way of the page, by the element.
#[test]
fn what_is_told_late_of_the_media_source_does_not_end_the_file() {
    let mut w = World::new(config(), Network::new(5_000_000, RTT), else_nothing());
    w.play_any(vec![source(), file()]);
    for at in [1.0, 1.5, 2.0] {
        w.run_until(secs(10), "playing", |w| w.position() > at);
        refuses(&mut w, SinkFailure::Append);
    }
    refuses(&mut w, SinkFailure::Decode);
    w.run_until(secs(5), "playing the file", |w| w.element.file.is_some() && w.position() > 3.0);
    assert_eq!(w.fatal(), None);
    refuses(&mut w, SinkFailure::Decode);
    assert_eq!(w.fatal().unwrap().code, "decode_failed");
}

/// A content security policy without `blob:` in `media-src`.
#[test]
fn an_element_that_takes_no_media_source_ends_the_session() {
    let mut w = world(config(), 5_000_000, Box::new(sample::serve));
    refuses(&mut w, SinkFailure::Decode);
    assert_eq!(w.fatal().unwrap().code, "decode_failed");
}

fn live(name: &str) -> Source {
    Source::Hls { url: Url::new(format!("http://{name}.test/live.m3u8")), token: None }
}

/// Live streams by several names, of which each is there up to a second.
fn live_until(names: [(&'static str, u64); 2], stream: &Live) -> World {
    let serve = stream.clone();
    let origin: Origin = Box::new(move |request: &Request| {
        let now = serve.clock.borrow().as_micros() / 1_000_000;
        let url = request.url.expose();
        let Some((name, until)) = names.iter().find(|(name, _)| url.contains(name)) else {
            return Response::status(204);
        };
        let url = Url::new(url.replace(&format!("{name}.test"), "origin.test"));
        if now > *until { Response::status(403) } else { serve.serve(&Request { url, ..request.clone() }) }
    });
    let mut w = World::new(setup::config(), Network::new(3_000_000, RTT), origin);
    w.clock = Some(stream.clock.clone());
    w
}

/// Where a live stream was says nothing of where another one is, and less of where a file is.
#[test]
fn who_comes_from_a_live_stream_begins_where_a_new_viewer_would() {
    let mut w = live_until([("first", 40), ("second", 80)], &Live::new());
    w.play_any(vec![live("first"), live("second"), file()]);
    w.run_until(secs(60), "some of it", |w| w.position() > 38.0);
    w.run_until(secs(30), "playing on", |w| w.position() > 8.0 && w.position() < 20.0);
    let at = w.position();
    w.run_until(secs(20), "playing on", |w| w.position() > at + 10.0);
    w.run_until(secs(40), "the file", |w| w.element.file.is_some());
    assert!(w.position() < 1.0, "{}", w.position());
    assert_eq!(w.fatal(), None);
}

/// Nobody has them any more, and the next source does.
#[test]
fn a_live_stream_without_segments_gives_way_to_the_next_source() {
    let stream = Live::new();
    let serve = stream.clone();
    let mut w = World::new(
        setup::config(),
        Network::new(3_000_000, RTT),
        Box::new(move |request: &Request| {
            let late = serve.clock.borrow().as_micros() > 20_000_000 && request.url.expose().contains(".ts");
            if late { Response::status(404) } else { serve.serve(request) }
        }),
    );
    w.clock = Some(stream.clock.clone());
    w.play_any(vec![live("origin"), file()]);
    w.run_until(secs(60), "the file", |w| w.element.file.is_some());
}

/// No frame is ever shown: it takes longer to see that than refusals count for.
#[test]
fn an_element_that_never_begins_to_play_ends_the_session() {
    let mut w = World::new(config(), Network::new(5_000_000, RTT), Box::new(sample::serve));
    w.element.frozen = Timestamp::ZERO + secs(10_000);
    w.play(source());
    w.run_until(secs(400), "the error", |w| w.fatal().is_some());
    assert_eq!(w.fatal().unwrap().code, "element_stalled");
}

#[test]
fn what_was_refused_of_one_source_is_no_fault_of_the_next() {
    let origin: Origin = Box::new(|request: &Request| {
        let url = Url::new(request.url.expose().replace("second.test", "origin.test"));
        sample::serve(&Request { url, ..request.clone() })
    });
    let second = Source::Hls {
        url: Url::new(sample::MASTER.replace("origin.test", "second.test")),
        token: Some((Secret::new(TOKEN.to_owned()), TokenPlacement::FileNamePrefix)),
    };
    let mut w = World::new(config(), Network::new(5_000_000, RTT), origin);
    w.play_any(vec![source(), second]);
    for at in [1.0, 1.5, 2.0, 3.0] {
        w.run_until(secs(10), "playing", |w| w.position() > at);
        refuses(&mut w, SinkFailure::Decode);
    }
    assert_eq!(w.fatal(), None);
    w.run_until(secs(60), "the end", |w| w.element.ended);
}

/// The one that came last, not the one that plays.
#[test]
fn a_rung_of_another_codec_that_is_not_taken_is_left() {
    let mut w = world(config(), 5_000_000, Box::new(sample::serve));
    w.run_until(secs(10), "playing", |w| w.position() > 2.5);
    w.give(Input::Command(Command::SelectRung(Some(1))));
    w.run_until(secs(10), "the other", |w| !w.requests_for("480p/00").is_empty());
    refuses(&mut w, SinkFailure::UnsupportedType);
    let before = w.requests_for("480p/00").len();
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.requests_for("480p/00").len()), (None, before));
}

/// Far ahead of the playhead, which plays up to it and behind it.
#[test]
fn media_that_cannot_be_appended_is_left_out_where_it_is() {
    let origin: Origin = Box::new(|request: &Request| {
        let response = sample::serve(request);
        if !request.url.expose().contains("master.m3u8") {
            return response;
        }
        let text = String::from_utf8(response.body).unwrap();
        let uri = text.lines().find(|line| line.contains("360p")).unwrap();
        Response::ok(format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=500000\n{uri}\n"))
    });
    let mut w = World::new(config(), Network::new(5_000_000, RTT), origin);
    let ms = MediaTime::from_millis;
    w.element.unusable = Some(TimeRange { start: ms(8500), end: ms(11_000) });
    w.play(source());
    w.run_until(secs(60), "what comes before it", |w| w.position() > 7.5);
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
}
