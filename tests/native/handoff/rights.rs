//! New rights: a guess that was wrong is not made again, and whatever is still to come is asked for by the newest.

use std::time::Duration;

use cloud_player::access::play_info::Query;
use cloud_player::engine::{Grant, RequestKind, Wanted};
use cloud_player::handoff::{Command, Config, Event, NativeFailure, Renewed, Source};
use cloud_player::secret::{Secret, Url};

use super::phone::{DATE, Phone};
use super::{config, file_id, hls, ladder};

fn renewing() -> Config {
    Config { renews: true, ..config() }
}

fn token(name: &str, expires: Option<i64>) -> Renewed {
    let grant = Grant { token: Some(Secret::new(name.to_owned())), expires, ..Grant::default() };
    Renewed { grant, query: None }
}

fn psign(name: &str) -> Renewed {
    let psign = Some(Secret::new(name.to_owned()));
    Renewed { grant: Grant::default(), query: Some(Query::V4 { psign, context: None, overlay: None }) }
}

fn wishes(phone: &Phone) -> Vec<(u64, Wanted)> {
    let wish = |event: &Event| match event {
        Event::AccessWanted(wish) => Some((wish.id, wish.wanted)),
        _ => None,
    };
    phone.events.iter().filter_map(|(_, event)| wish(event)).collect()
}

/// Fails two seconds after each start, and is given another token whenever one is wanted.
fn storm(expires: Option<i64>) -> Phone {
    let mut phone = Phone::new(renewing(), ladder);
    phone.load(vec![hls(Some("T0"))]);
    for _ in 0..60 {
        phone.run(3.0);
        if phone.codes().iter().any(|(_, fatal)| *fatal) {
            break;
        }
        if phone.component.as_ref().unwrap().playing {
            phone.fails(NativeFailure::Network);
        }
        if let Some((id, _)) = wishes(&phone).last() {
            let answer = Ok(token(&format!("T{id}"), expires));
            phone.command(Command::Renewed { id: Some(*id), answer });
        }
    }
    phone
}

#[test]
fn failures_that_nobody_explains_are_one_renewal_and_then_what_they_are() {
    // A right that is over when it comes is asked for anew, a few times at most: the clock may be wrong.
    for (expires, most) in [(None, 1), (Some(DATE / 1000 - 9_000), 3)] {
        let phone = storm(expires);
        assert!((1..=most).contains(&wishes(&phone).len()), "{expires:?}: {}", wishes(&phone).len());
        assert!(phone.sources.len() < 8, "{}", phone.sources.len());
        assert_eq!(phone.codes().last(), Some(&("network", true)));
    }
}

#[test]
fn a_failure_in_the_same_place_is_no_renewal_however_late_it_comes() {
    let mut phone = Phone::new(renewing(), ladder);
    phone.load(vec![hls(Some("T0"))]);
    phone.run(10.0);
    phone.fails(NativeFailure::Network);
    phone.command(Command::Renewed { id: Some(1), answer: Ok(token("T1", None)) });
    phone.run(1.0);
    phone.command(Command::Pause);
    phone.run(90.0);
    phone.fails(NativeFailure::Network);
    assert_eq!(wishes(&phone).len(), 1);
}

#[test]
fn a_token_that_has_lived_and_ended_is_renewed_each_time() {
    let mut phone = Phone::new(renewing(), ladder);
    phone.load(vec![hls(Some("T0"))]);
    phone.run(10.0);
    for sleep in 1..4_i64 {
        let hour = 3600 * sleep;
        let expires = Some(DATE / 1000 + (phone.now.as_micros() / 1_000_000) as i64 + hour);
        phone.command(Command::Renewed { id: None, answer: Ok(token(&format!("T{sleep}"), expires)) });
        phone.run(3.0);
        let before = wishes(&phone).len();
        phone.now = phone.now + Duration::from_secs(hour.unsigned_abs() + 600);
        phone.fails(NativeFailure::Network);
        assert_eq!(wishes(&phone).len(), before + 1, "the phone slept");
        let (id, _) = *wishes(&phone).last().unwrap();
        phone.command(Command::Renewed { id: Some(id), answer: Ok(token(&format!("S{sleep}"), None)) });
        phone.run(3.0);
    }
}

/// Play info is refused unless it is asked for by this.
fn service(opened_by: &'static str, renews: bool) -> Phone {
    let info = r#"{"code":0,"sources":[{"url":"http://h/d/m.m3u8"}],"token":"T"}"#;
    Phone::new(Config { renews, ..config() }, move |now, request| match request.kind {
        RequestKind::PlayInfo if request.url.expose().contains(opened_by) => Ok((200, info.to_owned())),
        RequestKind::PlayInfo => Ok((200, r#"{"code":1009,"message":"expired"}"#.to_owned())),
        _ => ladder(now, request),
    })
}

#[test]
fn a_player_signature_that_is_refused_is_asked_for_once() {
    let mut phone = service("psign=AGAIN", true);
    phone.load(vec![file_id()]);
    phone.run(1.0);
    assert_eq!(phone.codes(), [("play_info_token_refused", false)]);
    assert_eq!(wishes(&phone), [(1, Wanted::PlayInfo)]);
    phone.command(Command::Renewed { id: Some(1), answer: Ok(psign("AGAIN")) });
    phone.run(3.0);
    assert_eq!(phone.urls(), ["http://h/d/voddrm.token.T.middle.m3u8"]);

    // A token is one for what was wanted.
    let mut named = service("psign=AGAIN", true);
    named.load(vec![file_id()]);
    named.run(1.0);
    named.command(Command::Renewed { id: Some(1), answer: Ok(token("AGAIN", None)) });
    named.run(3.0);
    assert_eq!(named.sources.len(), 1);

    let mut refused = service("nothing", true);
    refused.load(vec![file_id()]);
    refused.run(1.0);
    refused.command(Command::Renewed { id: Some(1), answer: Ok(psign("AGAIN")) });
    refused.run(3.0);
    let code = "play_info_token_refused";
    assert_eq!((refused.codes(), wishes(&refused).len()), (vec![(code, false), (code, true)], 1));
}

#[test]
fn a_player_signature_that_comes_while_play_info_is_asked_for_asks_anew() {
    for renews in [false, true] {
        let mut phone = service("psign=LATE", renews);
        phone.load(vec![file_id()]);
        phone.command(Command::Renewed { id: None, answer: Ok(psign("LATE")) });
        phone.run(3.0);
        assert_eq!(phone.urls(), ["http://h/d/voddrm.token.T.middle.m3u8"]);
        assert!(phone.errors().is_empty(), "the first answer was for the right of before");
    }
}

#[test]
fn the_rights_of_version_2_are_renewed_as_a_whole() {
    let query = |t: &str, sign: &str| Query::V2 {
        t: Some(t.to_owned()),
        us: Some("u".to_owned()),
        exper: Some("0".to_owned()),
        sign: Some(Secret::new(sign.to_owned())),
    };
    let mut phone = service("t=2&us=u&exper=0&sign=B", true);
    let hosts = vec![Url::new("http://p1/getplayinfo/v2")];
    let (app_id, file_id) = ("1".to_owned(), "2".to_owned());
    phone.load(vec![Source::PlayInfo { hosts, app_id, file_id, query: query("1", "A") }]);
    phone.run(1.0);
    let answer = Ok(Renewed { grant: Grant::default(), query: Some(query("2", "B")) });
    phone.command(Command::Renewed { id: Some(1), answer });
    phone.run(3.0);
    assert_eq!(phone.sources.len(), 1, "{:?}", phone.codes());
}

#[test]
fn a_first_token_that_comes_while_the_playlist_is_asked_for_asks_anew() {
    let mut phone = Phone::new(config(), |now, request| {
        let may = request.url.expose().contains("token.T.");
        if may { ladder(now, request) } else { Ok((403, String::new())) }
    });
    phone.load(vec![hls(None)]);
    phone.command(Command::Renewed { id: None, answer: Ok(token("T", None)) });
    phone.run(3.0);
    assert_eq!(phone.urls(), ["http://h/d/voddrm.token.T.middle.m3u8"]);
    assert!(phone.errors().is_empty());
}

#[test]
fn sources_whose_turn_has_not_come_are_opened_by_the_rights_of_today() {
    let other = |token: &str| Source::Hls {
        url: Url::new("http://h/other/m.m3u8"),
        token: Some(cloud_player::access::TokenUse::in_file_name(Secret::new(token.to_owned()))),
    };
    let mut phone = Phone::new(config(), ladder);
    phone.load(vec![hls(Some("T")), other("OLD")]);
    phone.run(5.0);
    phone.command(Command::Refresh(vec![hls(Some("IGNORED")), other("NEW")]));
    assert_eq!(phone.sources.len(), 1);
    phone.fails(NativeFailure::Unsupported);
    phone.run(3.0);
    assert_eq!(phone.urls()[1], "http://h/other/voddrm.token.NEW.middle.m3u8");
}
