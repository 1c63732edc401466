//! Play info: which host is asked and by what right, what follows from each answer, and the overlay over keys that goes
//! with it. And the corpus of the fuzz target, replayed.

use std::path::Path;

use cloud_player::engine::{
    Command, Config, Event, Grant, Input, Query, RenewFailure, Request, Source, Wanted,
};
use cloud_player::error::Phase;
use cloud_player::secret::{Secret, Url};
use cloud_player::time::Timestamp;

use crate::access::Door;
use crate::service::{Instead, PrivateKey, answer, asked, behind, behind_overlay, file, refusal};
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World};

#[path = "../../fuzz/access/play_info.rs"]
mod target;

fn world(config: Config, origin: Origin) -> World {
    World::new(config, Network::new(5_000_000, RTT), origin)
}

fn is_of(request: &Request, host: &str) -> bool {
    request.url.expose().starts_with(&format!("http://{host}."))
}

/// `info-a` does not answer as it should.
fn first_fails(failure: fn() -> Response) -> Instead {
    Box::new(move |request, _| is_of(request, "info-a").then(failure))
}

/// A code, and an answer that leads to it.
type Case = (&'static str, fn() -> Response);

fn failures() -> [Case; 6] {
    [
        ("network", || Response { refused: true, ..Response::default() }),
        ("timeout", || Response { silent: true, ..Response::default() }),
        ("server_error", || Response::status(503)),
        ("play_info_not_json", || Response::ok("<html>not here</html>")),
        ("play_info_unavailable", || refusal(2000)),
        ("play_info_unavailable", || refusal(2999)),
    ]
}

#[test]
fn a_host_that_does_not_answer_gives_way_to_the_next_at_once() {
    for (code, failure) in failures() {
        let mut world = world(config(), behind(first_fails(failure)));
        world.play(file(&["info-a", "info-b"], None, None));
        let plays = |w: &World| w.position() > 1.0;
        world.run_until(secs(20), "playback", plays);
        assert_eq!(asked(&world.requests), ["-a", "-b"], "{code}");
        let patience = if code == "timeout" { 3.0 } else { 0.0 };
        let second = world.requests_for("info-b")[0].0.as_micros() as f64 / 1e6;
        assert!((patience..patience + 0.2).contains(&second), "{code}: {second}");
        let told: Vec<_> = world.errors().map(|e| (e.code, e.phase, e.fatal)).collect();
        assert_eq!(told, [(code, Phase::PlayInfo, false)]);
    }
}

#[test]
fn hosts_that_all_fail_are_asked_round_by_round_and_then_it_is_over() {
    for (code, failure) in failures() {
        let mut world = world(config(), behind(Box::new(move |_, _| Some(failure()))));
        world.play(file(&["info-a", "info-b", "info-c"], None, None));
        world.run_until(secs(90), "the error", |w| w.fatal().is_some());
        assert_eq!(world.fatal().map(|e| (e.code, e.phase)), Some((code, Phase::PlayInfo)));
        assert_eq!(asked(&world.requests), ["-a", "-b", "-c"].repeat(4), "{code}");
    }
}

#[test]
fn a_refused_player_signature_is_renewed_once_by_the_page() {
    let refusals: [Case; 5] = [
        ("play_info_token_refused", || refusal(403)),
        ("play_info_token_refused", || refusal(1004)),
        ("play_info_token_refused", || refusal(1009)),
        ("play_info_token_refused", || refusal(1021)),
        ("access_refused", || Response::status(403)),
    ];
    for (code, refuse) in refusals {
        for (renews, helps) in [(true, true), (true, false), (false, true)] {
            let instead: Instead = Box::new(move |request, _| {
                let is_old = request.url.expose().contains("psign=0ld.psign");
                (is_old || !helps).then(refuse)
            });
            let mut world = world(Config { renews, ..config() }, behind(instead));
            world.renewer = Some(Box::new(|_: Timestamp| {
                let token = Some(Secret::new("n3w.psign".to_owned()));
                (RTT, Ok(Grant { token, ..Grant::default() }))
            }));
            world.play(file(&["info-a", "info-b"], Some("0ld.psign"), None));
            world.run_until(secs(20), "an end", |w| w.position() > 1.0 || w.fatal().is_some());
            let failed = world.fatal().map(|e| (e.code, e.phase));
            let refused = Some((code, Phase::PlayInfo));
            assert_eq!(failed, if renews && helps { None } else { refused }, "{code} {renews} {helps}");
            let psigns: Vec<_> = world
                .requests_for("info")
                .iter()
                .map(|(_, r)| r.url.expose().split("psign=").nth(1).unwrap().split('&').next().unwrap())
                .map(str::to_owned)
                .collect();
            // The same host: it has answered.
            assert!(asked(&world.requests).iter().all(|host| host == "-a"));
            match renews {
                true => assert_eq!(psigns, ["0ld.psign", "n3w.psign"]),
                false => assert_eq!(psigns, ["0ld.psign"]),
            }
            assert_eq!(world.wanted, if renews { vec![Wanted::PlayInfo] } else { vec![] });
        }
    }
}

#[test]
fn a_page_that_has_no_other_signature_ends_it() {
    for (answer, code) in
        [(RenewFailure::Revoked, "access_revoked"), (RenewFailure::Unavailable, "access_renewal_failed")]
    {
        let mut world =
            world(Config { renews: true, ..config() }, behind(Box::new(|_, _| Some(refusal(1004)))));
        world.renewer = Some(Box::new(move |_: Timestamp| (RTT, Err(answer))));
        world.play(file(&["info"], Some("0ld.psign"), None));
        world.run_until(secs(60), "the error", |w| w.fatal().is_some());
        assert_eq!(world.fatal().map(|e| e.code), Some(code));
        assert_eq!(asked(&world.requests).len(), 1);
    }
}

/// A page that signs the request itself (version 2) gives another address.
#[test]
fn another_address_of_the_service_takes_the_place_of_all_hosts() {
    let instead: Instead = Box::new(|request, _| {
        (!request.url.expose().starts_with("http://info-c.test/v2/1500/387702299773851453?sign=n3w"))
            .then(|| refusal(1004))
    });
    let mut world = world(Config { renews: true, ..config() }, behind(instead));
    world.renewer = Some(Box::new(|_: Timestamp| {
        let url = Some(Url::new("http://info-c.test/v2?sign=n3w"));
        (RTT, Ok(Grant { url, ..Grant::default() }))
    }));
    world.play(file(&["info-a", "info-b"], None, None));
    world.run_until(secs(20), "playback", |w| w.position() > 1.0);
    assert_eq!(asked(&world.requests), ["-a", "-c"]);
}

#[test]
fn any_other_answer_is_final_and_not_repeated_in_the_error() {
    for (code, failure) in [
        ("play_info_refused", (|| refusal(1006)) as fn() -> Response),
        ("play_info_refused", || refusal(-1)),
        ("play_info_refused", || refusal(3000)),
        ("play_info_refused", || refusal(1999)),
        ("play_info_shape", || Response::ok(r#"{"code": 0}"#)),
        ("not_found", || Response::status(404)),
    ] {
        let mut world =
            world(Config { renews: true, ..config() }, behind(Box::new(move |_, _| Some(failure()))));
        world.play(file(&["info-a", "info-b"], Some("p.s1gn"), None));
        world.run_until(secs(20), "the error", |w| w.fatal().is_some());
        let error = world.fatal().unwrap();
        assert_eq!((error.code, error.phase), (code, Phase::PlayInfo));
        assert!(!error.message.is_empty() && !format!("{error} {error:?}").contains("p.s1gn"), "{error:?}");
        assert_eq!((asked(&world.requests).len(), world.wishes.len()), (1, 0), "{code}");
    }
}

#[test]
fn what_one_answer_gave_as_context_the_next_request_gives_back() {
    let life = 4;
    let (_, door) = crate::access::world(config(), life);
    let (clock, mut inside) = (door.clock.clone(), door.origin());
    let mut failed = false;
    let origin = move |request: &Request| {
        if !request.url.expose().starts_with("http://info") {
            return inside(request);
        }
        if !core::mem::replace(&mut failed, true) {
            return Response::status(503);
        }
        let Grant { url, token, .. } = Door::grant(*clock.borrow(), life);
        Response::ok(answer(url.unwrap().expose(), token.unwrap().expose()))
    };
    let mut world = world(config(), Box::new(origin));
    world.clock = Some(door.clock.clone());
    world.play(file(&["info-a", "info-b"], None, None));
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), world.element.stalls, door.refused.borrow().len()), (None, 0, 0));
    let infos = world.requests_for("http://info");
    assert!(infos.len() > 4, "{} play infos", infos.len());
    for (at, (_, request)) in infos.iter().enumerate() {
        let gives_back = request.url.expose().ends_with("context=c0ntext%2Fof-this-answer%3D%3D");
        assert_eq!(gives_back, at > 1, "{at}");
        // Who has answered is asked first from then on.
        assert_eq!(is_of(request, "info-b"), at > 0, "{at}");
    }
}

#[test]
fn keys_that_come_under_an_overlay_play() {
    let key = PrivateKey::new();
    let mut world = world(config(), behind_overlay(Box::new(|_, _| None), Some(key.clone())));
    world.play(file(&["info"], None, Some(key.seed())));
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((world.fatal(), world.element.stalls), (None, 0));
    let url = world.requests_for("info")[0].1.url.expose().to_owned();
    assert!(url.ends_with("&keyId=1"), "{url}");
    let (overlay, iv) = key.overlay(&url).unwrap();
    assert!(overlay != iv && [overlay, iv].iter().all(|digits| digits.len() == 32));
}

#[test]
fn keys_that_come_bare_where_an_overlay_was_asked_for_open_nothing() {
    let key = PrivateKey::new();
    let mut world = world(config(), behind(Box::new(|_, _| None)));
    world.play(file(&["info"], None, Some(key.seed())));
    world.run_until(secs(60), "the error", |w| w.fatal().is_some());
    assert_eq!(world.fatal().map(|e| e.code), Some("wrong_key"));
}

/// It cannot be sent there, so no key comes under it.
#[test]
fn a_file_of_version_2_has_no_overlay() {
    let mut world = world(config(), behind(Box::new(|_, _| None)));
    let Source::PlayInfo { endpoints, app_id, file_id, overlay, .. } =
        file(&["info"], None, Some(PrivateKey::new().seed()))
    else {
        unreachable!()
    };
    let sign = Some(Secret::new("5".to_owned()));
    let query = Query::V2 { t: None, us: None, exper: None, sign };
    world.play(Source::PlayInfo { endpoints, app_id, file_id, query, overlay });
    world.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(world.fatal(), None);
}

#[test]
fn a_public_key_that_is_none_is_told_before_anything_is_asked() {
    let mut seed = PrivateKey::new().seed();
    seed.public_key = "-----BEGIN PUBLIC KEY-----".into();
    let mut world = world(config(), behind(Box::new(|_, _| None)));
    world.play(file(&["info"], None, Some(seed)));
    assert_eq!(world.fatal().map(|e| (e.code, e.phase)), Some(("public_key_malformed", Phase::PlayInfo)));
    assert_eq!(asked(&world.requests).len(), 0);
}

#[test]
fn without_a_host_there_is_nobody_to_ask() {
    let mut world = world(config(), behind(Box::new(|_, _| None)));
    world.play(file(&[], None, None));
    assert_eq!(world.fatal().map(|e| e.code), Some("play_info_no_host"));
}

#[test]
fn who_only_looks_is_told_what_there_is_and_nothing_is_loaded() {
    let mut world = world(Config { report_url: None, ..config() }, behind(first_fails(|| refusal(2001))));
    world.give(Input::Command(Command::Look(Box::new(file(&["info-a", "info-b"], None, None)))));
    world.run_for(secs(5));
    assert_eq!(asked(&world.requests), ["-a", "-b"]);
    assert_eq!(world.requests.len(), 2);
    let told: Vec<_> = world.events.iter().map(|(_, event)| event).collect();
    let [Event::Error(_), Event::Poster { url }, Event::PlayInfo(info), Event::Streams { sources, .. }] =
        &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(info.name.as_deref(), Some("A lesson"));
    assert!(url.expose().ends_with("&signature=p05ter"));
    let sources = serde_json::to_value(sources).unwrap();
    assert_eq!(
        sources,
        serde_json::json!([{ "url": crate::sample::MASTER, "type": "hls", "token": crate::sample::TOKEN }])
    );
    assert_eq!(world.element.state().ready_state, 0);
}

/// Each file as it is, cut short everywhere, and with every byte damaged.
#[test]
fn the_play_info_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/play_info");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let whole = std::fs::read(file.unwrap().path()).unwrap();
        target::play_info(&whole);
        for at in 0..whole.len() {
            target::play_info(&whole[..at]);
            for byte in *b"\"0}x" {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                target::play_info(&damaged);
            }
        }
        count += 1;
    }
    assert!(count >= 6, "a corpus of {count}");
}
