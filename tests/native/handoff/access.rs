//! Renewal of what the native component was handed.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cloud_player::engine::{Grant, RenewFailure, RenewReason, RenewWish, RequestKind, Wanted};
use cloud_player::handoff::{Command, Config, Event, NativeFailure, Renewed, Source};
use cloud_player::secret::{Secret, Url};
use cloud_player::time::Timestamp;

use super::phone::{DATE, Phone};
use super::{config, file_id, hls, ladder};

/// Unix seconds, so long after the origin of the clock.
fn after(secs: i64) -> i64 {
    DATE / 1000 + secs
}

fn info(token: &str, expires: i64) -> String {
    format!(
        r#"{{"code":0,"sources":[{{"url":"http://h/d/m.m3u8"}}],"token":"{token}","expires":{expires},"serverTime":{}}}"#,
        DATE + 1000
    )
}

fn wishes(phone: &Phone) -> Vec<RenewWish> {
    let wish = |(_, event): &(Timestamp, Event)| match event {
        Event::AccessWanted(wish) => Some(*wish),
        _ => None,
    };
    phone.events.iter().filter_map(wish).collect()
}

fn renewing() -> Config {
    Config { renews: true, ..config() }
}

fn grant(token: &str, expires: Option<i64>) -> Renewed {
    let grant = Grant { token: Some(Secret::new(token.to_owned())), expires, ..Grant::default() };
    Renewed { grant, query: None }
}

#[test]
fn play_info_is_asked_again_before_the_token_ends_and_the_source_replaced_once() {
    let asked = Rc::new(RefCell::new(0));
    let count = asked.clone();
    let mut phone = Phone::new(config(), move |now, request| match request.kind {
        RequestKind::PlayInfo => {
            *count.borrow_mut() += 1;
            let n = *count.borrow();
            Ok((200, info(&format!("T{n}"), after(50 * n))))
        }
        _ => ladder(now, request),
    });
    phone.load(vec![file_id()]);
    phone.run(38.0);
    assert_eq!(phone.urls(), ["http://h/d/voddrm.token.T1.middle.m3u8"]);
    phone.run(4.0);
    let urls = phone.urls();
    assert_eq!(urls, ["http://h/d/voddrm.token.T1.middle.m3u8", "http://h/d/voddrm.token.T2.middle.m3u8"]);
    let (at, source) = phone.sources.last().unwrap();
    assert!(
        (at.since(Timestamp::ZERO).as_secs_f64() - source.position.as_secs() - 1.5).abs() < 1.0,
        "{source:?}"
    );
    phone.run(20.0);
    assert_eq!(*asked.borrow(), 2);
    assert!(phone.errors().is_empty());
    assert_eq!(phone.stop().stall_count, 0);
}

#[test]
fn the_host_is_asked_before_the_end_and_answers_once() {
    let mut phone = Phone::new(Config { rung: Some(1), ..renewing() }, ladder);
    let url = Url::new(format!("http://h/d/m.m3u8?t={:x}&sign=0123456789abcdef0123456789abcdef", after(100)));
    phone.load(vec![Source::Hls { url, token: None }]);
    phone.run(95.0);
    assert_eq!(
        wishes(&phone),
        [RenewWish { id: 1, reason: RenewReason::Expiring, wanted: Wanted::Media, source: 0 }]
    );
    let url = format!("http://h/d/m.m3u8?t={:x}&sign=fedcba9876543210fedcba9876543210", after(1000));
    let answer =
        |url: &str| Renewed { grant: Grant { url: Some(Url::new(url)), ..Grant::default() }, query: None };
    phone.command(Command::Renewed { id: Some(1), answer: Ok(answer(&url)) });
    phone.command(Command::Renewed { id: Some(1), answer: Ok(answer("http://h/late")) });
    phone.run(5.0);
    assert_eq!(phone.sources.len(), 2);
    assert!(
        phone.urls()[1].contains("middle.m3u8") && phone.urls()[1].contains("fedcba98"),
        "{:?}",
        phone.urls()
    );
    phone.run(60.0);
    assert_eq!(wishes(&phone).len(), 1);
}

#[test]
fn a_component_that_stops_may_have_been_refused_and_goes_on_with_a_new_token_once() {
    let mut phone = Phone::new(renewing(), ladder);
    phone.load(vec![hls(Some("OLD")), Source::File { url: Url::new("http://h/v.mp4") }]);
    phone.run(10.0);
    let place = phone.place();
    phone.fails(NativeFailure::Network);
    assert_eq!(
        wishes(&phone),
        [RenewWish { id: 1, reason: RenewReason::Refused, wanted: Wanted::Media, source: 0 }]
    );
    assert_eq!(phone.codes(), [("access_refused", false)]);
    phone.run(1.0);
    assert_eq!(phone.sources.len(), 1, "it waits");
    phone.command(Command::Renewed { id: Some(1), answer: Ok(grant("NEW", None)) });
    let (_, source) = phone.sources.last().unwrap();
    assert_eq!(source.url.expose(), "http://h/d/voddrm.token.NEW.middle.m3u8");
    assert!((source.position.as_secs() - place).abs() < 0.5);
    // It opens nothing: that was the last word, and the failure is one like any other.
    phone.fails(NativeFailure::Network);
    phone.run(3.0);
    assert_eq!(wishes(&phone).len(), 1);
    assert_eq!(phone.codes()[1], ("network", false));
    assert_eq!(phone.sources.len(), 3, "the same again");
    // It has opened something since; a token may end again.
    phone.run(70.0);
    phone.fails(NativeFailure::Network);
    assert_eq!(wishes(&phone).len(), 2);
}

#[test]
fn a_component_that_stops_long_before_the_end_was_not_refused() {
    let mut phone = Phone::new(renewing(), ladder);
    let url =
        Url::new(format!("http://h/d/m.m3u8?t={:x}&sign=0123456789abcdef0123456789abcdef", after(1000)));
    phone.load(vec![Source::Hls { url, token: None }]);
    phone.run(10.0);
    phone.fails(NativeFailure::Network);
    phone.run(3.0);
    assert!(wishes(&phone).is_empty());
    assert_eq!(phone.codes(), [("network", false)]);
    assert_eq!(phone.sources.len(), 2);
}

#[test]
fn a_playlist_that_is_refused_waits_for_the_grant() {
    let mut phone = Phone::new(renewing(), |now, request| {
        if request.url.expose().contains("NEW") { ladder(now, request) } else { Ok((403, String::new())) }
    });
    phone.load(vec![hls(Some("OLD"))]);
    phone.run(1.0);
    assert_eq!(wishes(&phone).len(), 1);
    phone.command(Command::Renewed { id: Some(1), answer: Ok(grant("NEW", None)) });
    phone.run(3.0);
    assert_eq!(phone.urls(), ["http://h/d/voddrm.token.NEW.middle.m3u8"]);
    assert_eq!(phone.codes(), [("access_refused", false)]);

    let mut refused = Phone::new(renewing(), |_, _| Ok((403, String::new())));
    refused.load(vec![hls(Some("OLD"))]);
    refused.run(1.0);
    refused.command(Command::Renewed { id: Some(1), answer: Ok(grant("NEW", None)) });
    refused.run(1.0);
    assert_eq!(refused.codes(), [("access_refused", false), ("access_refused", true)]);
    assert_eq!(wishes(&refused).len(), 1);
}

#[test]
fn a_host_that_cannot_or_may_not_renew_ends_it() {
    let waiting = || {
        let mut phone = Phone::new(renewing(), ladder);
        phone.load(vec![hls(Some("OLD"))]);
        phone.run(5.0);
        phone.fails(NativeFailure::Unknown);
        phone
    };
    let mut revoked = waiting();
    revoked.command(Command::Renewed { id: Some(1), answer: Err(RenewFailure::Revoked) });
    assert_eq!(revoked.codes().last(), Some(&("access_revoked", true)));
    let mut silent = waiting();
    silent.run(60.0);
    assert_eq!(silent.codes().last(), Some(&("access_renewal_failed", true)));
    assert_eq!(wishes(&silent).len(), 3);
    let mut unable = waiting();
    for id in 1..=3 {
        unable.command(Command::Renewed { id: Some(id), answer: Err(RenewFailure::Unavailable) });
        unable.run(3.0);
    }
    assert_eq!(unable.codes().last(), Some(&("access_renewal_failed", true)));
    assert!(unable.now.since(Timestamp::ZERO) < Duration::from_secs(20));
}

#[test]
fn a_phone_that_slept_past_the_end_goes_on_with_what_play_info_gives() {
    let asked = Rc::new(RefCell::new(0));
    let count = asked.clone();
    let mut phone = Phone::new(config(), move |now, request| match request.kind {
        RequestKind::PlayInfo => {
            *count.borrow_mut() += 1;
            let n = *count.borrow();
            Ok((200, info(&format!("T{n}"), after(7200 * n * n))))
        }
        _ => ladder(now, request),
    });
    phone.load(vec![file_id()]);
    phone.run(10.0);
    let place = phone.place();
    phone.now = phone.now + Duration::from_secs(7 * 3600);
    phone.fails(NativeFailure::Network);
    phone.run(3.0);
    assert_eq!((*asked.borrow(), phone.codes()), (2, vec![("access_refused", false)]));
    let (_, source) = phone.sources.last().unwrap();
    assert_eq!(source.url.expose(), "http://h/d/voddrm.token.T2.middle.m3u8");
    assert!((source.position.as_secs() - place).abs() < 0.5 && phone.sources.len() == 2);
    let qoe = phone.stop();
    assert!(qoe.played_ms < 20_000, "nobody watched it sleep: {qoe:?}");
}

#[test]
fn a_playlist_that_signs_its_own_addresses_is_loaded_again_for_new_ones() {
    let signed = |n: u32| format!("t={:x}&sign={n:032x}", after(100 + 1000 * i64::from(n)));
    let of = |n| Renewed {
        grant: Grant { url: Some(Url::new(format!("http://h/d/m.m3u8?{}", signed(n)))), ..Grant::default() },
        query: None,
    };
    let mut phone = Phone::new(renewing(), move |now, request| {
        let n = u32::from(request.url.expose().contains(&signed(1)));
        let (status, body) = ladder(now, request)?;
        Ok((status, body.replace(".m3u8", &format!(".m3u8?{}", signed(10 + n)))))
    });
    let first = of(0).grant.url.unwrap();
    phone.load(vec![Source::Hls { url: first, token: None }]);
    phone.run(5.0);
    phone.command(Command::Renewed { id: None, answer: Ok(of(1)) });
    phone.run(5.0);
    assert_eq!(phone.urls(), [10, 11].map(|n| format!("http://h/d/middle.m3u8?{}", signed(n))));
    assert_eq!(phone.requests.len(), 2);
    assert!(phone.place() > 8.0 && phone.errors().is_empty());
}
