//! Renewal while a file plays, and the terms of access that an administrator sets for a session.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Site, path_of, uris};

const THREE_HOURS_S: i64 = 3 * 3600;

async fn renew(site: &Site, sid: &str, order: &Value) -> Answer {
    site.connect().await.send("POST", &format!("/s/{sid}/renew"), &[], &order.to_string()).await
}

async fn terms(site: &Site, sid: &str, terms: Value) -> Answer {
    site.admin("PUT", &format!("sessions/{sid}/access"), &terms).await
}

async fn renewals(site: &Site, sid: &str) -> Value {
    site.admin("GET", &format!("sessions/{sid}/access"), &Value::Null).await.json()["renewals"].clone()
}

/// The token that play info hands out.
async fn token(site: &Site, sid: &str, file: &str) -> String {
    let info = site.get(&format!("/s/{sid}/getplayinfo/v4/1/{file}")).await.json();
    info["media"]["streamingInfo"]["drmToken"].as_str().unwrap().to_owned()
}

/// Unix seconds, by the header `Date` of an answer, as an independent tool reads it.
fn date_of(answer: &Answer) -> i64 {
    let date = answer.header("date");
    assert!(date.ends_with(" GMT"), "{date}");
    let seconds = crate::harness::run_text("date", &["-u", "-d", date, "+%s"]);
    seconds.trim().parse().unwrap()
}

fn now_s() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

#[tokio::test]
async fn a_former_token_is_renewed_to_one_that_opens_keys_and_playlists() {
    let site = Site::start().await;
    let put = terms(&site, "r", json!({ "token_ttl_s": 8, "url_ttl_s": 20 })).await.json();
    assert_eq!((&put["token_ttl_s"], &put["signed_segments"]), (&json!(8), &json!(true)));
    let former = token(&site, "r", "sample").await;
    let answer = renew(&site, "r", &json!({ "fileId": "sample", "token": former })).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let grant = answer.json();
    let (expires, server_ms) = (grant["expires"].as_i64().unwrap(), grant["serverTime"].as_i64().unwrap());
    assert!((7..=8).contains(&(expires - server_ms / 1000)), "{grant}");
    assert!((server_ms / 1000 - now_s()).abs() <= 2 && (date_of(&answer) - now_s()).abs() <= 2);

    let fresh = grant["token"].as_str().unwrap();
    let url = path_of(grant["url"].as_str().unwrap());
    assert!(url.starts_with("/s/r/media/sample/master.m3u8?expires="), "{url}");
    let with_token = url.replace("/master.", &format!("/voddrm.token.{fresh}.master."));
    assert_eq!(uris(&site.get(&with_token).await.text())[0], format!("360p/voddrm.token.{fresh}.index.m3u8"));
    assert_eq!(site.get(&format!("/s/r/keys/sample/0?token={fresh}")).await.body.len(), 16);
    // It is no other session's.
    let stranger = site.get(&format!("/s/q/keys/sample/0?token={fresh}")).await;
    assert_eq!(stranger.refusal(), (403, "token_other_session".into()));

    // Where nothing is encrypted there is no token, and the address alone has an end.
    let clear = renew(&site, "r", &json!({ "fileId": "sample-clear" })).await.json();
    assert_eq!(clear["token"], Value::Null);
    assert!(clear["expires"].as_i64().unwrap() - server_ms / 1000 >= 20, "{clear}");
    assert_eq!(site.get(path_of(clear["url"].as_str().unwrap())).await.status, 200);
}

#[tokio::test]
async fn a_psign_renews_its_file() {
    let site = Site::start().await;
    let psign = async |file: &str, ttl_s: i64| {
        let order = json!({ "file_id": file, "ttl_s": ttl_s, "app_id": 15 });
        site.admin("POST", "tokens", &order).await.json()["psign"].as_str().unwrap().to_owned()
    };
    let good = psign("sample-psign", 60).await;
    let order = json!({ "fileId": "sample-psign", "psign": good });
    let grant = renew(&site, "p", &order).await.json();
    let fresh = grant["token"].as_str().unwrap();
    assert_eq!(site.get(&format!("/s/p/keys/sample-psign/0?token={fresh}")).await.status, 200);

    for (order, code) in [
        (json!({ "fileId": "sample-psign" }), "grant_missing"),
        (json!({ "fileId": "sample-psign", "psign": psign("sample-psign", -1).await }), "psign_expired"),
        (json!({ "fileId": "sample-psign", "psign": psign("sample", 60).await }), "psign_other_file"),
        (json!({ "fileId": "sample-psign", "psign": format!("{good}x") }), "psign_invalid"),
        (json!({ "fileId": "sample-psign", "psign": good, "appId": "16" }), "psign_other_app"),
        (json!({ "fileId": "sample-psign", "psign": good, "token": "x" }), "token_invalid"),
    ] {
        assert_eq!(renew(&site, "p", &order).await.refusal(), (403, code.into()), "{order}");
    }
}

#[tokio::test]
async fn what_renews_nothing_is_refused_readably_and_logged_with_its_reason() {
    let site = Site::start().await;
    terms(&site, "n", json!({ "token_ttl_s": -10 })).await;
    let ended = token(&site, "n", "sample").await;
    terms(&site, "n", json!({ "token_ttl_s": -400 })).await;
    let long_ended = token(&site, "n", "sample").await;
    let other = token(&site, "n", "sample-rotating").await;
    let foreign = token(&site, "m", "sample").await;
    let order = |token: &str| json!({ "fileId": "sample", "token": token });
    // A pause or a few failures may outlast a token.
    assert_eq!(renew(&site, "n", &order(&ended)).await.status, 200);
    for (order, status, code) in [
        (order(&long_ended), 403, "token_expired"),
        (order(&other), 403, "token_other_file"),
        (order(&foreign), 403, "token_other_session"),
        (order(""), 403, "token_invalid"),
        (json!({ "fileId": "nothing" }), 404, "not_found"),
        (json!({ "file": "sample" }), 400, "body"),
    ] {
        let answer = renew(&site, "n", &order).await;
        assert_eq!(answer.refusal(), (status, code.into()), "{order}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let exposed = answer.header("access-control-expose-headers");
        assert!(exposed.contains("Date") && exposed.contains("Retry-After"), "{exposed}");
        assert_ne!(answer.header("date"), "");
        let log = site.requests("n").await;
        let last = log.last().unwrap();
        assert_eq!((&last["path"], &last["refused"]), (&json!("/renew"), &json!(code)));
    }
    let counts = renewals(&site, "n").await;
    assert_eq!((&counts["asked"], &counts["granted"]), (&json!(7), &json!(1)));
    let get = site.get("/s/n/renew").await;
    assert_eq!(get.refusal(), (405, "method".into()));
    // A web page may ask from elsewhere, with a body that is JSON.
    let wish =
        [("access-control-request-headers", "content-type"), ("access-control-request-method", "POST")];
    let preflight = site.connect().await.send("OPTIONS", "/s/n/renew", &wish, "").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-headers")), (204, "content-type"));
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_take_their_time_fail_when_asked_to_and_are_counted() {
    let site = Site::start().await;
    let put = terms(&site, "d", json!({ "renew_fails": 2, "renew_delay_ms": 400 })).await.json();
    assert_eq!(put["renew_fails"], 2);
    let order = json!({ "fileId": "sample" });
    let first = renew(&site, "d", &order).await;
    assert_eq!(first.refusal(), (503, "renew_unavailable".into()));
    assert_eq!(first.header("access-control-allow-origin"), "*");
    assert!(first.head_after >= Duration::from_millis(400), "{:?}", first.head_after);
    assert_eq!(renewals(&site, "d").await["in_flight_max"], 1);

    let (second, third) = tokio::join!(renew(&site, "d", &order), renew(&site, "d", &order));
    let mut statuses = [second.status, third.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
    let counts = json!({ "asked": 3, "granted": 1, "in_flight": 0, "in_flight_max": 2 });
    assert_eq!(renewals(&site, "d").await, counts);
    // The log has the same by its times.
    let log = site.requests("d").await;
    let span = |i: usize| (log[i]["at_ms"].as_u64().unwrap(), log[i]["done_ms"].as_u64().unwrap());
    assert!(span(0).1 <= span(1).0, "one after the other: {log:?}");
    assert!(span(2).0 < span(1).1, "at the same time: {log:?}");
    // Who gives up is not under way.
    let given_up = tokio::time::timeout(Duration::from_millis(100), renew(&site, "d", &order)).await;
    assert!(given_up.is_err());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(renewals(&site, "d").await["in_flight"], 0);
}

#[tokio::test]
async fn a_playlist_is_had_with_no_token_or_with_one_that_holds() {
    let site = Site::start().await;
    let url = site.signed("/media/sample/360p/index.m3u8", true, 60).await;
    let with =
        |token: &str| format!("/s/l{}", url.replace("/index.", &format!("/voddrm.token.{token}.index.")));
    assert_eq!(site.get(&format!("/s/l{url}")).await.status, 200);
    let good = site.drm_token("sample", 60).await;
    assert_eq!(site.get(&with(&good)).await.status, 200);
    for (token, code) in [
        (site.drm_token("sample", -1).await, "token_expired"),
        (site.drm_token("sample-clear", 60).await, "token_other_file"),
        (token(&site, "another", "sample").await, "token_other_session"),
        (format!("{good}x"), "token_invalid"),
        ("TOK".into(), "token_invalid"),
        ("%22%0A".into(), "token_invalid"),
        (String::new(), "token_invalid"),
    ] {
        assert_eq!(site.get(&with(&token)).await.refusal(), (403, code.into()), "{token}");
        assert_eq!(site.requests("l").await.last().unwrap()["refused"], code);
    }
}

#[tokio::test]
async fn everything_of_a_session_goes_by_its_clock() {
    let site = Site::start().await;
    for offset in [THREE_HOURS_S, -THREE_HOURS_S] {
        let sid = format!("c{}", offset.unsigned_abs() + u64::from(offset > 0));
        terms(&site, &sid, json!({ "clock_offset_s": offset, "token_ttl_s": 8, "url_ttl_s": 8 })).await;
        let grant = renew(&site, &sid, &json!({ "fileId": "sample" })).await;
        assert!((date_of(&grant) - now_s() - offset).abs() <= 2, "{}", grant.header("date"));
        let grant = grant.json();
        assert!((grant["serverTime"].as_i64().unwrap() / 1000 - now_s() - offset).abs() <= 2);
        assert!((grant["expires"].as_i64().unwrap() - now_s() - offset - 8).abs() <= 2);
        // What it was handed holds for it, and is long gone or far off by the time of day.
        let key = format!("/s/{sid}/keys/sample/0?token={}", grant["token"].as_str().unwrap());
        assert_eq!(site.get(&key).await.status, 200);
        assert_eq!(site.get(path_of(grant["url"].as_str().unwrap())).await.status, 200);
        let refused = site.get(&format!("/s/{sid}/media/sample/master.m3u8")).await;
        assert!((date_of(&refused) - now_s() - offset).abs() <= 2, "a refusal has another date");

        // Orders of the administrator go by it where they name the session.
        let order = |named: bool| {
            let mut order = json!({ "path": "/media/sample/360p/000.ts", "ttl_s": 60, "directory": false });
            if named {
                order["sid"] = json!(sid);
            }
            order
        };
        let get = async |order: Value| {
            let url = site.admin("POST", "urls", &order).await.json()["url"].as_str().unwrap().to_owned();
            site.get(&format!("/s/{sid}{url}")).await.status
        };
        assert_eq!(get(order(true)).await, 200);
        assert_eq!(get(order(false)).await, if offset > 0 { 403 } else { 200 });
        let tokens = json!({ "file_id": "sample", "ttl_s": 60, "sid": sid });
        let drm =
            site.admin("POST", "tokens", &tokens).await.json()["drm_token"].as_str().unwrap().to_owned();
        assert_eq!(site.get(&format!("/s/{sid}/keys/sample/0?token={drm}")).await.status, 200);
    }
    // Another session's clock is its own.
    assert!((date_of(&site.get("/s/other/media/x/y").await) - now_s()).abs() <= 2);
}

#[tokio::test]
async fn a_revoked_session_is_refused_everything() {
    let site = Site::start().await;
    let grant = renew(&site, "v", &json!({ "fileId": "sample" })).await.json();
    let (url, token) = (path_of(grant["url"].as_str().unwrap()), grant["token"].as_str().unwrap());
    let (_, query) = url.split_once('?').unwrap();
    let paths = [
        url.to_owned(),
        format!("/s/v/media/sample/360p/index.m3u8?{query}"),
        format!("/s/v/media/sample/360p/000.ts?{query}"),
        format!("/s/v/keys/sample/0?token={token}"),
        "/s/v/getplayinfo/v4/1/sample".to_owned(),
    ];
    for path in &paths {
        assert_eq!(site.get(path).await.status, 200, "{path}");
    }
    terms(&site, "v", json!({ "revoked": true })).await;
    for path in &paths {
        let answer = site.get(path).await;
        assert_eq!(answer.refusal(), (403, "session_revoked".into()), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(site.requests("v").await.last().unwrap()["refused"], "session_revoked");
    }
    let order = json!({ "fileId": "sample", "token": token });
    assert_eq!(renew(&site, "v", &order).await.refusal(), (403, "session_revoked".into()));
    // Others watch on, with the same address.
    assert_eq!(site.get(&url.replace("/s/v/", "/s/w/")).await.status, 200);
    terms(&site, "v", json!({})).await;
    assert_eq!(site.get(&paths[2]).await.status, 200);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_token_may_be_bound_to_the_address_that_asked_for_it() {
    let site = Site::start().await;
    let host = site.origin.addr().to_string();
    let mut elsewhere = Client::connect_from([127, 0, 0, 2], &host).await;
    let unbound = token(&site, "b", "sample").await;
    let key = |token: &str| format!("/s/b/keys/sample/0?token={token}");
    assert_eq!(elsewhere.send("GET", &key(&unbound), &[], "").await.status, 200);
    terms(&site, "b", json!({ "bind_ip": true })).await;
    let bound = token(&site, "b", "sample").await;
    assert_eq!(site.get(&key(&bound)).await.status, 200);
    let refused = (403, "token_other_ip".to_owned());
    assert_eq!(elsewhere.send("GET", &key(&bound), &[], "").await.refusal(), refused);
    let url = site.signed("/media/sample/360p/index.m3u8", true, 60).await;
    let url = format!("/s/b{}", url.replace("/index.", &format!("/voddrm.token.{bound}.index.")));
    assert_eq!(site.get(&url).await.status, 200);
    assert_eq!(elsewhere.send("GET", &url, &[], "").await.refusal(), refused);
    let order = json!({ "fileId": "sample", "token": bound });
    assert_eq!(elsewhere.send("POST", "/s/b/renew", &[], &order.to_string()).await.refusal(), refused);
    // Who moved opens the file anew.
    let order = json!({ "fileId": "sample" });
    let moved = elsewhere.send("POST", "/s/b/renew", &[], &order.to_string()).await.json();
    let moved = key(moved["token"].as_str().unwrap());
    assert_eq!(elsewhere.send("GET", &moved, &[], "").await.status, 200);
    assert_eq!(site.get(&moved).await.refusal(), refused);
}

#[tokio::test]
async fn whether_segments_need_a_live_signature_is_the_sessions() {
    let site = Site::start().await;
    terms(&site, "u", json!({ "url_ttl_s": -1 })).await;
    let grant = renew(&site, "u", &json!({ "fileId": "sample" })).await.json();
    let (_, query) = grant["url"].as_str().unwrap().split_once('?').unwrap();
    let segment = format!("/s/u/media/sample/360p/000.ts?{query}");
    let playlist = format!("/s/u/media/sample/360p/index.m3u8?{query}");
    assert_eq!(site.get(&segment).await.refusal(), (403, "signature_expired".into()));
    terms(&site, "u", json!({ "signed_segments": false })).await;
    assert_eq!(site.get(&segment).await.status, 200);
    assert_eq!(site.get("/s/u/media/sample/360p/000.ts").await.status, 200);
    assert_eq!(site.get(&playlist).await.refusal(), (403, "signature_expired".into()));
    assert_eq!(site.get("/s/u/media/sample/360p/nothing.ts").await.refusal(), (404, "not_found".into()));
    assert_eq!(site.get("/media/sample/360p/000.ts").await.refusal(), (403, "signature_missing".into()));
}
