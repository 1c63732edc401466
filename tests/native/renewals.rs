//! Renewals that help nothing: the same grant again, one that is over when it comes, doors that stay shut, no network, nobody
//! who watches. Each ends, and none is asked for all the time.

use std::time::Duration;

use cloud_player::engine::{
    Command, Config, Environment, Event, Grant, Input, Query, RenewFailure, Request, Source,
};
use cloud_player::secret::Url;
use cloud_player::time::{MediaTime, Timestamp};

use crate::access::{Door, EPOCH, each_by_itself, world};
use crate::service::{behind, file};
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Renewer, Response, World};

const SOON: Duration = Duration::from_millis(50);

fn gives(grant: impl Fn(Timestamp) -> Grant + 'static) -> Option<Renewer> {
    Some(Box::new(move |now| (SOON, Ok(grant(now)))))
}

fn cannot() -> Option<Renewer> {
    Some(Box::new(|_| (SOON, Err(RenewFailure::Unavailable))))
}

/// A world in the middle of a lesson.
fn playing(life: u64) -> (World, Door) {
    let (mut world, door) = world(config(), life);
    world.play(Door::source(life));
    world.run_until(secs(9), "some seconds", |w| w.position() > 4.0);
    (world, door)
}

fn unix(now: Timestamp) -> i64 {
    i64::try_from((EPOCH + now.as_micros() / 1000) / 1000).unwrap()
}

#[test]
fn the_same_token_again_is_a_failure_and_no_loop() {
    let (mut world, door) = world(config(), 4);
    world.renewer = gives(|_| Door::grant(Timestamp::ZERO, 4));
    world.play(Door::source(4));
    world.run_until(secs(64), "the error", |w| w.fatal().is_some());
    assert_eq!(world.fatal().map(|e| e.code), Some("access_renewal_failed"));
    assert!(world.position() > 5.0, "what was buffered was played first: {}", world.position());
    assert_eq!(*door.refused.borrow(), [], "nothing is tried with what has ended");
    assert!(world.wishes.len() < 8, "{} renewals", world.wishes.len());
}

/// A page that asks its own cache gets the same until that forgets it.
#[test]
fn the_same_token_again_does_no_harm_while_it_lasts() {
    let (mut world, door) = world(config(), 12);
    world.renewer =
        gives(|now| Door::grant(Timestamp::from_millis(now.as_micros() / 1000 / 11_000 * 11_000), 12));
    world.play(Door::source(12));
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), world.element.stalls, door.refused.borrow().len()), (None, 0, 0));
    assert!(world.wishes.len() < 10, "{} renewals", world.wishes.len());
}

#[test]
fn a_refusal_is_not_excused_by_a_grant_that_was_over_when_it_came() {
    let ended: fn(Timestamp) -> Grant =
        |now| Grant { expires: Some(unix(Timestamp::ZERO)), ..Door::grant(now, 3600) };
    // Or its server's clock is ten minutes ahead of it.
    let ahead: fn(Timestamp) -> Grant =
        |now| Grant { server_time: Some((unix(now) + 600) * 1000), ..Door::grant(now, 300) };
    for grant in [ended, ahead] {
        let (mut world, door) = playing(3600);
        world.renewer = gives(grant);
        *door.revoked.borrow_mut() = u64::MAX;
        world.run_until(secs(30), "the error", |w| w.fatal().is_some());
        assert_eq!(world.fatal().map(|e| e.code), Some("access_refused"));
        assert_eq!((world.wishes.len(), door.refused.borrow().len()), (1, 2));
    }
}

#[test]
fn a_wrong_clock_ends_nothing_that_opens() {
    let (mut world, door) = playing(300);
    world.renewer =
        gives(|now| Grant { server_time: Some((unix(now) + 600) * 1000), ..Door::grant(now, 300) });
    *door.revoked.borrow_mut() = EPOCH + world.now.as_micros() / 1000;
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), world.element.stalls), (None, 0));
    assert_eq!((world.wishes.len(), door.refused.borrow().len()), (1, 1));
}

#[test]
fn a_clock_that_is_ahead_by_nearly_a_life_is_not_asked_by_all_the_time() {
    let (mut world, door) = world(config(), 300);
    let ahead = |now| (unix(now) + 299) * 1000;
    world.renewer = gives(move |now| Grant { server_time: Some(ahead(now)), ..Door::grant(now, 300) });
    world.play(Door::source(300));
    world.give(Input::Command(Command::ServerTime(ahead(Timestamp::ZERO))));
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), door.refused.borrow().len()), (None, 0));
    let wishes: Vec<_> = world.wishes.iter().map(|(at, ..)| *at).collect();
    assert!(wishes.windows(2).all(|two| two[1].since(two[0]) >= secs(1)), "{wishes:?}");
}

/// The signature on the address is as much of the grant as the token.
#[test]
fn a_token_without_the_signature_that_ended_helps_nothing() {
    let (mut world, door) = world(config(), 4);
    world.renewer = gives(|now| Grant { url: None, expires: None, ..Door::grant(now, 3600) });
    world.play(Door::source(4));
    world.run_until(secs(64), "the error", |w| w.fatal().is_some());
    assert_eq!(world.fatal().map(|e| e.code), Some("access_refused"));
    assert!(world.wishes.len() < 6 && door.refused.borrow().len() <= 2, "{} renewals", world.wishes.len());
}

#[test]
fn a_door_that_stays_shut_behind_playlists_that_open_is_the_last() {
    let (mut world, door) = each_by_itself(3600, false);
    world.run_until(secs(9), "some seconds", |w| w.position() > 4.0);
    *door.revoked.borrow_mut() = 1;
    world.run_until(secs(60), "the error", |w| w.fatal().is_some());
    assert_eq!(world.fatal().map(|e| e.code), Some("access_refused"));
    assert_eq!((world.wishes.len(), door.refused.borrow().len()), (1, 2));
}

#[test]
fn without_a_network_no_renewal_fails() {
    let (mut world, door) = playing(4);
    world.renewer = cannot();
    world.give(Input::Environment(Environment::Online(false)));
    let before = world.wishes.len();
    world.run_for(secs(60));
    assert_eq!(world.fatal(), None);
    assert!(world.wishes.len() < before + 12, "{} renewals", world.wishes.len() - before);
    world.renewer = gives(|now| Door::grant(now, 3600));
    let before = world.wishes.len();
    world.give(Input::Environment(Environment::Online(true)));
    assert_eq!(world.wishes.len(), before + 1, "at once");
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), door.refused.borrow().len()), (None, 0));
}

#[test]
fn what_fails_is_not_tried_for_ever_for_who_is_away() {
    let (mut world, door) = world(config(), 10);
    world.renewer = cannot();
    world.play(Door::source(10));
    world.run_until(secs(90), "a wish", |w| !w.wishes.is_empty());
    world.pause();
    world.run_for(secs(3600));
    assert_eq!(world.fatal(), None);
    assert!(world.wishes.len() < 8, "{} renewals in an hour of nobody", world.wishes.len());
    world.renewer = gives(|now| Door::grant(now, 3600));
    world.resume();
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), door.refused.borrow().len()), (None, 0));
}

/// Play info whose tokens live for four seconds, over the sample behind a door; from the second request on, `instead` of it.
fn named(instead: impl Fn(usize, Response) -> Response + 'static) -> (World, Door) {
    let (_, door) = world(config(), 4);
    let (clock, mut inside, mut count) = (door.clock.clone(), door.origin(), 0);
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
        count += 1;
        instead(count, Response::ok(body.to_string()))
    };
    let config = Config { buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut world = World::new(config, Network::new(5_000_000, RTT), Box::new(origin));
    world.clock = Some(door.clock.clone());
    world.play(info());
    (world, door)
}

fn info() -> Source {
    Source::PlayInfo {
        endpoints: vec![Url::new("http://origin.test/info")],
        app_id: "1".into(),
        file_id: "387702299773851453".into(),
        query: Query::V4 { psign: None, context: None, overlay: None },
        overlay: None,
    }
}

/// It would open the source that is playing as if it had never been, or end it.
#[test]
fn play_info_that_is_overtaken_by_a_grant_does_nothing() {
    for is_gone in [false, true] {
        let third =
            move |count, response| if is_gone && count > 2 { Response::status(404) } else { response };
        let (mut world, _) = named(third);
        let renews = |w: &World| w.position() > 2.0 && w.requests_for("/info/").len() > 2;
        world.run_until(secs(60), "a renewal", renews);
        let now = world.now;
        world.give(Input::Command(Command::Renewed { id: None, answer: Ok(Door::grant(now, 3600)) }));
        world.run_until(secs(60), "the end", |w| w.element.ended);
        assert_eq!((world.fatal(), world.element.stalls), (None, 0));
        let told = world.events.iter().filter(|(_, e)| matches!(e, Event::PlayInfo(_))).count();
        let loaded = ["master.m3u8", "/key"].map(|part| world.requests_for(part).len());
        assert_eq!((told, loaded), (1, [1, 1]));
    }
}

#[test]
fn play_info_that_is_gone_ends_nothing_while_there_is_something_to_play() {
    let gone = |count, response| if count > 1 { Response::status(404) } else { response };
    let (mut world, _) = named(gone);
    world.run_until(secs(60), "the error", |w| w.fatal().is_some());
    assert_eq!(world.fatal().map(|e| e.code), Some("access_renewal_failed"));
    assert!(world.position() > 5.0, "{}", world.position());
    let asked = world.requests_for("/info/").len();
    assert!((4..10).contains(&asked), "{asked} times");
}

/// The page says when what it gave ends; that is not forgotten when play info is here.
#[test]
fn the_end_that_the_page_names_holds_for_a_file_id() {
    let config = Config { renews: true, buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut world = World::new(config, Network::new(5_000_000, RTT), behind(Box::new(|_, _| None)));
    world.give(Input::Command(Command::ServerTime(EPOCH as i64)));
    world.play(file(&["info"], None, None));
    let grant = Grant { expires: Some(unix(Timestamp::ZERO) + 10), ..Grant::default() };
    world.give(Input::Command(Command::Renewed { id: None, answer: Ok(grant) }));
    world.run_until(secs(30), "a wish", |w| !w.wishes.is_empty());
    assert!((6.0..9.0).contains(&(world.wishes[0].0.as_micros() as f64 / 1e6)), "{:?}", world.wishes);
}

#[test]
fn a_wish_names_its_source() {
    let (_, door) = world(config(), 4);
    let mut inside = door.origin();
    let origin = move |request: &Request| match request.url.expose() {
        url if url.contains("first.test") => Response::status(404),
        _ => inside(request),
    };
    let config = Config { renews: true, buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut world = World::new(config, Network::new(5_000_000, RTT), Box::new(origin));
    world.clock = Some(door.clock.clone());
    let first = Source::Hls { url: Url::new("http://first.test/master.m3u8"), token: None };
    world.play_any(vec![first, Door::source(4)]);
    world.run_until(secs(9), "a wish", |w| !w.wishes.is_empty());
    assert_eq!(world.of_sources, [1]);
}
