//! Tokens and signatures that end while the video plays, at a door that checks them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cloud_player::engine::{
    Command, Config, Event, Grant, Input, Query, RenewFailure, RenewReason, Request, SinkEvent, SinkFailure,
    Source, TokenPlacement,
};
use cloud_player::error::Phase;
use cloud_player::secret::{Secret, Url};
use cloud_player::time::Timestamp;

use crate::sample::{self, TOKEN};
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World, shared};

/// Unix milliseconds on the servers when the session begins.
pub(crate) const EPOCH: u64 = 1_800_000_000_500;

/// Tokens and signatures that live so long, by the servers' clock.
pub(crate) struct Door {
    life: u64,
    pub(crate) clock: Rc<RefCell<Timestamp>>,
    /// Refusals, with when they were.
    pub(crate) refused: Rc<RefCell<Vec<(f64, String)>>>,
    /// Nothing made before this opens anything, whatever it says.
    pub(crate) revoked: Rc<RefCell<u64>>,
}

impl Door {
    fn now_ms(clock: &Rc<RefCell<Timestamp>>) -> u64 {
        EPOCH + clock.borrow().as_micros() / 1000
    }

    /// What is given now.
    pub(crate) fn grant(now: Timestamp, life: u64) -> Grant {
        let made = EPOCH + now.as_micros() / 1000;
        let expires = made / 1000 + life;
        Grant {
            url: Some(Url::new(format!(
                "http://origin.test/sample/master.m3u8?expires={expires}&signature=s{made}"
            ))),
            token: Some(Secret::new(format!("t.{expires}.{made}"))),
            expires: Some(expires as i64),
            server_time: None,
        }
    }

    pub(crate) fn source(life: u64) -> Source {
        let grant = Self::grant(Timestamp::ZERO, life);
        let token = grant.token.map(|token| (token, TokenPlacement::FileNamePrefix));
        Source::Hls { url: grant.url.unwrap(), token }
    }

    /// The sample behind this door, as `sample::serve` has it behind its own.
    pub(crate) fn origin(&self) -> Origin {
        let (clock, refused, revoked) = (self.clock.clone(), self.refused.clone(), self.revoked.clone());
        Box::new(move |request: &Request| {
            let now = Self::now_ms(&clock);
            let url = request.url.expose().to_owned();
            let holds = |expires: &str, made: &str| {
                expires.parse::<u64>().unwrap() * 1000 > now
                    && made.parse::<u64>().unwrap() >= *revoked.borrow()
            };
            let refuse = |what: &str| {
                refused.borrow_mut().push(((now - EPOCH) as f64 / 1000.0, format!("{what}: {url}")));
                with_date(now, Response::status(403))
            };
            let mut plain = url.clone();
            if let Some(rest) = url.split("expires=").nth(1) {
                let (expires, rest) = rest.split_once("&signature=s").unwrap();
                let made = rest.split('&').next().unwrap();
                if !holds(expires, made) {
                    return refuse("signature");
                }
                plain = plain
                    .replace(&format!("expires={expires}&signature=s{made}"), "expires=99&signature=5ec2e7");
            }
            let mut token = None;
            if let Some(rest) = url.split("t.1").nth(1) {
                let mut parts =
                    format!("1{rest}").split(['.', '&', '/']).take(2).map(str::to_owned).collect::<Vec<_>>();
                let (made, expires) = (parts.pop().unwrap(), parts.pop().unwrap());
                if !holds(&expires, &made) {
                    return refuse("token");
                }
                let text = format!("t.{expires}.{made}");
                plain = plain.replace(&text, TOKEN);
                token = Some(text);
            }
            let mut response = sample::serve(&Request { url: Url::new(plain), ..request.clone() });
            if let (Some(token), true) = (&token, url.contains(".m3u8")) {
                response = Response::ok(String::from_utf8(response.body).unwrap().replace(TOKEN, token));
            }
            with_date(now, response)
        })
    }
}

fn with_date(now: u64, mut response: Response) -> Response {
    response.head.date = Some((now / 1000 * 1000) as i64);
    response
}

/// The sample at a door whose grants live for so many seconds, and a page that gives new ones.
pub(crate) fn world(config: Config, life: u64) -> (World, Door) {
    let clock = shared(Timestamp::ZERO);
    let door = Door { life, clock: clock.clone(), refused: shared(Vec::new()), revoked: shared(0) };
    let config =
        Config { renews: true, buffer_goal: cloud_player::time::MediaTime::from_millis(6000), ..config };
    let mut world = World::new(config, Network::new(5_000_000, RTT), door.origin());
    world.clock = Some(clock);
    world.renewer = Some(Box::new(move |now| (Duration::from_millis(150), Ok(Door::grant(now, life)))));
    (world, door)
}

/// Plays to the end; the result is how often playback stopped.
fn plays_on(world: &mut World, door: &Door) -> u32 {
    world.play(Door::source(door.life));
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(world.fatal(), None);
    world.element.stalls
}

#[test]
fn short_lives_are_renewed_before_they_end_and_nobody_is_refused() {
    for hours in [0, -3, 3] {
        let wall_clock = Some(EPOCH as i64 + hours * 3_600_000);
        let (mut world, door) = world(Config { wall_clock, ..config() }, 4);
        assert_eq!(plays_on(&mut world, &door), 0, "no stall");
        assert_eq!(*door.refused.borrow(), [], "{hours} hours wrong");
        let wishes = &world.wishes;
        assert!((5..=14).contains(&wishes.len()), "{} renewals in 24 s of 4 s", wishes.len());
        assert!(wishes.iter().all(|(.., reason)| *reason == RenewReason::Expiring));
        // What is at hand is not asked for again.
        for part in ["master.m3u8", "/key"] {
            assert_eq!(world.requests_for(part).len(), 1, "{part}");
        }
    }
}

#[test]
fn what_is_refused_waits_for_one_renewal_and_is_asked_for_again() {
    let (mut world, door) = world(config(), 3600);
    world.play(Door::source(door.life));
    world.run_until(secs(9), "some seconds", |w| w.position() > 4.0);
    *door.revoked.borrow_mut() = Door::now_ms(&door.clock);
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), world.element.stalls), (None, 0));
    assert_eq!((world.wishes.len(), door.refused.borrow().len()), (1, 1), "{:?}", door.refused.borrow());
    assert_eq!(world.wishes[0].2, RenewReason::Refused);
}

#[test]
fn a_renewal_that_helps_nothing_is_the_last() {
    let (mut world, door) = world(config(), 3600);
    world.play(Door::source(door.life));
    world.run_until(secs(9), "some seconds", |w| w.position() > 4.0);
    *door.revoked.borrow_mut() = u64::MAX;
    world.run_until(secs(60), "the end", |w| w.fatal().is_some());
    let error = world.fatal().unwrap();
    assert_eq!((error.code, error.status), ("access_refused", Some(403)));
    assert_eq!((world.wishes.len(), door.refused.borrow().len()), (1, 2));
}

#[test]
fn a_renewal_that_fails_twice_is_tried_again_and_nobody_notices() {
    let (mut world, door) = world(config(), 4);
    let mut fails = 2;
    world.renewer = Some(Box::new(move |now| {
        let takes = Duration::from_millis(50);
        if fails > 0 {
            fails -= 1;
            return (takes, Err(RenewFailure::Unavailable));
        }
        (takes, Ok(Door::grant(now, 4)))
    }));
    assert_eq!(plays_on(&mut world, &door), 0, "no stall");
    assert_eq!(*door.refused.borrow(), []);
}

#[test]
fn a_renewal_that_never_comes_ends_the_session_when_nothing_is_left_to_play() {
    for answers in [true, false] {
        let (mut world, door) = world(config(), 4);
        world.renewer =
            answers.then(|| -> crate::world::Renewer { Box::new(|_| (RTT, Err(RenewFailure::Unavailable))) });
        world.play(Door::source(door.life));
        world.run_until(secs(90), "the error", |w| w.fatal().is_some());
        let error = world.fatal().unwrap();
        assert_eq!(
            (error.code, error.phase, error.url.is_none()),
            ("access_renewal_failed", Phase::Access, true)
        );
        assert!(world.position() > 5.0, "what was buffered was played first: {}", world.position());
        assert_eq!(*door.refused.borrow(), [], "nothing is tried with what has ended");
    }
}

#[test]
fn who_may_not_watch_any_more_is_told_at_once() {
    let (mut world, door) = world(config(), 4);
    world.renewer = Some(Box::new(|_| (RTT, Err(RenewFailure::Revoked))));
    world.play(Door::source(door.life));
    world.run_until(secs(9), "the error", |w| w.fatal().is_some());
    assert_eq!(world.fatal().map(|e| (e.code, e.phase)), Some(("access_revoked", Phase::Access)));
    let asked = world.requests.len();
    world.run_for(secs(9));
    assert!(world.requests[asked..].iter().all(|(_, r)| r.body.is_some()), "nothing is loaded any more");
}

#[test]
fn nobody_renews_for_who_is_away_and_the_first_request_after_it_waits() {
    let (mut world, door) = world(config(), 4);
    world.play(Door::source(door.life));
    world.run_until(secs(9), "some seconds", |w| w.position() > 2.0);
    world.pause();
    world.run_for(secs(8));
    let before = world.wishes.len();
    world.run_for(secs(3600));
    assert_eq!(world.wishes.len(), before, "an hour of nobody");
    world.resume();
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), door.refused.borrow().len()), (None, 0));
}

#[test]
fn a_grant_that_nobody_asked_for_is_taken() {
    let (mut world, door) = world(config(), 3600);
    world.play(Door::source(door.life));
    world.run_until(secs(9), "some seconds", |w| w.position() > 4.0);
    let now = world.now;
    *door.revoked.borrow_mut() = Door::now_ms(&door.clock);
    world.give(Input::Command(Command::Renewed { id: None, answer: Ok(Door::grant(now, 3600)) }));
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.wishes.len(), door.refused.borrow().len()), (0, 0));
}

/// The neutral form of play info, for the session itself: nobody else is asked.
#[test]
fn a_source_that_play_info_named_is_named_anew() {
    let (_, door) = world(config(), 4);
    let (clock, mut inside) = (door.clock.clone(), door.origin());
    let origin = move |request: &Request| {
        if !request.url.expose().contains("/info/") {
            return inside(request);
        }
        let now = *clock.borrow();
        let Grant { url, token, expires, .. } = Door::grant(now, 4);
        let body = serde_json::json!({
            "sources": [{ "url": url.unwrap().expose() }],
            "token": token.unwrap().expose(),
            "expires": expires,
            "serverTime": EPOCH + now.as_micros() / 1000,
        });
        Response::ok(body.to_string())
    };
    let config = Config { buffer_goal: cloud_player::time::MediaTime::from_millis(6000), ..config() };
    let mut world = World::new(config, Network::new(5_000_000, RTT), Box::new(origin));
    world.clock = Some(door.clock.clone());
    world.play(Source::PlayInfo {
        endpoints: vec![Url::new("http://origin.test/info")],
        app_id: "1".into(),
        file_id: "387702299773851453".into(),
        query: Query::V4 { psign: None, context: None, overlay: None },
        overlay: None,
    });
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), world.element.stalls), (None, 0));
    assert_eq!(*door.refused.borrow(), []);
    let asked = world.requests_for("/info/").len();
    assert!((6..=14).contains(&asked), "{asked} play infos in 24 s of 4 s");
    for part in ["master.m3u8", "/key"] {
        assert_eq!(world.requests_for(part).len(), 1, "{part}");
    }
}

/// What it names would be taken for the grant that the source before still waits for.
#[test]
fn play_info_that_takes_over_is_no_answer_to_a_renewal() {
    let (_, door) = world(config(), 4);
    let mut inside = door.origin();
    let mut world = World::new(
        Config { renews: true, ..config() },
        Network::new(200_000, RTT),
        Box::new(move |request: &Request| match request.url.expose() {
            url if url.contains("/info/") => {
                Response::ok(r#"{"sources": [{"url": "http://origin.test/legacy.mp4"}]}"#)
            }
            _ => inside(request),
        }),
    );
    world.clock = Some(door.clock.clone());
    let file = Source::PlayInfo {
        endpoints: vec![Url::new("http://origin.test/info")],
        app_id: "1".into(),
        file_id: "2".into(),
        query: Query::V4 { psign: None, context: None, overlay: None },
        overlay: None,
    };
    world.play_any(vec![Door::source(door.life), file]);
    world.run_until(secs(9), "a wish", |w| !w.wishes.is_empty());
    let (failure, detail) = (SinkFailure::Unavailable, String::new());
    world.give(Input::Sink(SinkEvent::Failed { failure, detail }));
    let is_told = |event: &Event| matches!(event, Event::PlayInfo(_));
    world.run_until(secs(60), "play info", |w| w.events.iter().any(|(_, event)| is_told(event)));
    assert!(world.wishes.iter().all(|(_, answered, _)| answered.is_none()) && !world.wishes.is_empty());
}

#[test]
fn without_anybody_to_ask_a_refusal_is_final_and_no_clock_judges() {
    let (_, door) = world(config(), 4);
    let mut world = World::new(config(), Network::new(300_000, RTT), door.origin());
    world.clock = Some(door.clock.clone());
    world.play(Door::source(door.life));
    world.run_until(secs(90), "the error", |w| w.fatal().is_some());
    assert_eq!(world.fatal().map(|e| e.code), Some("access_refused"));
    assert_eq!((world.wishes.len(), door.refused.borrow().len()), (0, 1));
}

/// The sample at a server that signs each URL by itself, for so many seconds, and the URLs in its playlists with it: so that they
/// say when they end, or not (type A of CDNs). Once anything is revoked every segment is refused.
pub(crate) fn each_by_itself(life: u64, says: bool) -> (World, Door) {
    let sign = move |url: &str, now: u64| {
        let hash: u64 = url.bytes().fold(7, |hash, byte| hash.wrapping_mul(131) ^ u64::from(byte));
        match says {
            true => format!("{url}?Expires={}&Signature={hash:x}~{now}&Key-Pair-Id=K", now / 1000 + life),
            false => format!("{url}?auth_key={}-{now}-0-{hash:032x}", now / 1000),
        }
    };
    let clock = shared(Timestamp::ZERO);
    let door = Door { life, clock: clock.clone(), refused: shared(Vec::new()), revoked: shared(0) };
    let (refused, of_door, revoked) = (door.refused.clone(), door.clock.clone(), door.revoked.clone());
    let origin = move |request: &Request| {
        let now = Door::now_ms(&of_door);
        let whole = request.url.expose();
        if whole.contains("/telemetry") {
            return with_date(now, Response::status(204));
        }
        let (url, query) = whole.split_once('?').unwrap();
        let made: u64 = match says {
            true => query.split('~').nth(1).unwrap().split('&').next().unwrap().parse().unwrap(),
            false => query.split('-').nth(1).unwrap().parse().unwrap(),
        };
        assert_eq!(sign(url, made), whole, "a signature of another URL");
        let is_shut = *revoked.borrow() > 0 && url.ends_with(".ts");
        if is_shut || made / 1000 + life <= now / 1000 {
            refused.borrow_mut().push(((now - EPOCH) as f64 / 1000.0, whole.to_owned()));
            return with_date(now, Response::status(403));
        }
        if url.ends_with("/key") {
            return with_date(now, Response::ok(sample::KEY));
        }
        let plain = Url::new(format!("{url}?signature=5ec2e7"));
        let mut response = sample::serve(&Request { url: plain, ..request.clone() });
        if url.ends_with(".m3u8") {
            let text = String::from_utf8(response.body).unwrap();
            let at = url.rsplit_once('/').unwrap().0;
            let lines = text.lines().map(|line| match line {
                _ if line.contains("URI=\"/key\"") => {
                    line.replace("/key", &sign("http://origin.test/key", now))
                }
                _ if line.starts_with('#') => line.to_owned(),
                _ => sign(&format!("{at}/{line}"), now),
            });
            response = Response::ok(lines.map(|line| line + "\n").collect::<String>());
        }
        with_date(now, response)
    };
    let buffer_goal = cloud_player::time::MediaTime::from_millis(6000);
    let config = Config { renews: true, buffer_goal, ..config() };
    let mut world = World::new(config, Network::new(5_000_000, RTT), Box::new(origin));
    world.clock = Some(clock);
    let master = move |now: Timestamp| {
        Url::new(sign("http://origin.test/sample/master.m3u8", EPOCH + now.as_micros() / 1000))
    };
    world.renewer = Some(Box::new(move |now| {
        (Duration::from_millis(150), Ok(Grant { url: Some(master(now)), ..Grant::default() }))
    }));
    world.play(Source::Hls { url: master(Timestamp::ZERO), token: None });
    (world, door)
}

#[test]
fn what_is_signed_by_itself_is_signed_anew_before_it_ends() {
    let (mut world, door) = each_by_itself(8, true);
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), world.element.stalls), (None, 0));
    assert_eq!(*door.refused.borrow(), []);
    let wishes = world.wishes.len();
    assert!((2..=4).contains(&wishes), "{wishes} renewals in 24 s of 8 s");
    // What is behind the door is not asked for again, only what names it.
    assert_eq!(world.requests_for("master.m3u8").len(), 1 + wishes);
    assert_eq!(world.requests_for("/key").len(), 1);
}

#[test]
fn what_does_not_say_when_it_ends_is_signed_anew_once_it_is_refused() {
    let (mut world, door) = each_by_itself(8, false);
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), world.element.stalls), (None, 0));
    let (refused, wishes) = (door.refused.borrow().len(), world.wishes.len());
    assert!((1..=3).contains(&wishes) && refused <= wishes, "{wishes} renewals, {refused} refusals");
    assert_eq!(world.requests_for("/key").len(), 1);
}

#[test]
fn what_is_signed_for_longer_than_the_grant_is_left_as_it_is() {
    let (mut world, door) = each_by_itself(3600, true);
    let expires = |now: Timestamp| Some(((EPOCH + now.as_micros() / 1000) / 1000 + 4) as i64);
    let grant = move |now| Grant { expires: expires(now), ..Grant::default() };
    world.renewer = Some(Box::new(move |now| (RTT, Ok(grant(now)))));
    world.run_until(secs(9), "some seconds", |w| w.position() > 1.0);
    let now = world.now;
    world.give(Input::Command(Command::Renewed { id: None, answer: Ok(grant(now)) }));
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert!(world.wishes.len() > 3 && door.refused.borrow().is_empty());
    assert_eq!(world.requests_for("master.m3u8").len(), 1);
}
