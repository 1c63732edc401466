//! Each kind of fault, as a client meets it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Site, assert_takes};

/// A site and the signed address of a segment.
async fn site() -> (Site, String) {
    let site = Site::start().await;
    let url = site.signed("/media/sample/360p/000.ts", false, 600).await;
    (site, format!("/s/f{url}"))
}

#[tokio::test]
async fn status_with_retry_after_skip_and_times() {
    let (site, url) = site().await;
    let plan = json!({
        "pattern": "/media/*/360p/*.ts", "skip": 1, "times": 1,
        "fault": { "kind": "status", "status": 503, "retry_after_s": 7 },
    });
    let planted = site.admin("POST", "sessions/f/faults", &plan).await;
    assert!(planted.json()["id"].is_u64());
    assert_eq!(site.get(&url).await.status, 200);
    let failed = site.get(&url).await;
    assert_eq!(failed.refusal(), (503, "injected_fault".into()));
    assert_eq!(failed.header("retry-after"), "7");
    assert_eq!(site.get(&url).await.status, 200);
    let faults: Vec<_> = site.requests("f").await.iter().map(|r| r["fault"].clone()).collect();
    assert_eq!(faults, [json!(null), json!("status"), json!(null)]);
}

#[tokio::test]
async fn cut_closes_short_of_the_content_length() {
    let (site, url) = site().await;
    site.plant("f", ".ts", json!({ "kind": "cut", "after_bytes": 10_000 })).await;
    let cut = site.get(&url).await;
    let whole = site.get(url.strip_prefix("/s/f").unwrap()).await.body;
    assert_eq!((cut.status, cut.broken), (200, true));
    assert_eq!(cut.header("content-length"), whole.len().to_string());
    assert!(cut.body == whole[..10_000], "{} bytes came", cut.body.len());
    let log = site.requests("f").await;
    assert_eq!((&log[0]["aborted"], &log[0]["bytes_sent"]), (&json!(true), &json!(10_000)));
    let cleared = site.admin("DELETE", "sessions/f/faults", &json!(null)).await.json();
    assert_eq!(cleared, json!({ "cleared": 1 }));
    assert!(!site.get(&url).await.broken);
}

#[tokio::test]
async fn stall_pauses_and_goes_on() {
    let (site, url) = site().await;
    site.plant("f", "*.ts", json!({ "kind": "stall", "after_bytes": 5000, "for_ms": 600 })).await;
    let answer = site.get(&url).await;
    assert!(!answer.broken);
    assert!(answer.head_after < Duration::from_millis(400), "the head was held back too");
    assert!((600..1200).contains(&answer.end_after.as_millis()), "{:?}", answer.end_after);
}

#[tokio::test(flavor = "multi_thread")]
async fn stall_for_ever_lasts_until_somebody_gives_up() {
    let (site, url) = site().await;
    site.plant("f", "*.ts", json!({ "kind": "stall", "after_bytes": 0 })).await;
    assert!(tokio::time::timeout(Duration::from_millis(700), site.get(&url)).await.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let log = site.requests("f").await;
    assert_eq!((&log[0]["aborted"], &log[0]["bytes_sent"]), (&json!(true), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_does_not_wait_for_a_stalled_response() {
    let (site, url) = site().await;
    site.plant("f", "*.ts", json!({ "kind": "stall", "after_bytes": 1000 })).await;
    let mut client = site.connect().await;
    let stalled = tokio::spawn(async move { client.send("GET", &url, &[], "").await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let start = Instant::now();
    site.origin.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(stalled.await.unwrap().broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_holds_for_one_response_alone() {
    let (site, url) = site().await;
    let length = site.get(url.strip_prefix("/s/f").unwrap()).await.body.len() as f64;
    site.plant("f", ".ts", json!({ "kind": "slow", "bits_per_second": 500_000 })).await;
    assert_takes(length * 8.0 / 500_000.0, async || site.get(&url).await.end_after).await;
    let other = site.get("/s/f/getplayinfo/v4/1/sample").await;
    assert!(other.end_after < Duration::from_millis(500));
}

#[tokio::test]
async fn corrupt_has_the_right_length_and_wrong_bytes() {
    let (site, url) = site().await;
    site.plant("f", ".ts", json!({ "kind": "corrupt" })).await;
    let wrong = site.get(&url).await.body;
    let right = site.get(url.strip_prefix("/s/f").unwrap()).await.body;
    assert_eq!(wrong.len(), right.len());
    let differ = wrong.iter().zip(&right).filter(|(a, b)| a != b).count();
    assert_eq!(differ, right.len().div_ceil(512));

    site.plant("g", ".ts", json!({ "kind": "corrupt", "every": 1 })).await;
    let wrong = site.get(&url.replace("/s/f", "/s/g")).await.body;
    assert!(wrong.iter().zip(&right).all(|(a, b)| a != b));
}

#[tokio::test]
async fn a_preflight_uses_up_no_fault() {
    let (site, url) = site().await;
    let plan = json!({ "pattern": ".ts", "times": 1, "fault": { "kind": "status", "status": 500 } });
    site.admin("POST", "sessions/f/faults", &plan).await;
    let preflight = site.connect().await.send("OPTIONS", &url, &[], "").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(site.get(&url).await.status, 500);
}

#[tokio::test]
async fn faults_belong_to_one_session_and_see_no_token() {
    let (site, url) = site().await;
    site.plant("f", "/media/sample/master.m3u8", json!({ "kind": "status", "status": 500 })).await;
    let token = site.drm_token("sample", 60).await;
    let master = site.signed("/media/sample/master.m3u8", false, 60).await;
    let with_token = master.replace("/master", &format!("/voddrm.token.{token}.master"));
    assert_eq!(site.get(&format!("/s/f{with_token}")).await.status, 500);
    assert_eq!(site.get(&format!("/s/g{with_token}")).await.status, 200);
    assert_eq!(site.get(&url).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_outage_connections_close_without_an_answer() {
    let (site, url) = site().await;
    let other = url.strip_prefix("/s/f").unwrap();
    // One body is under way, one connection is idle, one request comes.
    site.plant("f", ".ts", json!({ "kind": "stall", "after_bytes": 1000 })).await;
    let mut busy = site.connect().await;
    let under_way = tokio::spawn({
        let url = url.clone();
        async move { busy.send("GET", &url, &[], "").await }
    });
    while site.requests("f").await.first().is_none_or(|r| r["bytes_sent"] == 0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    site.admin("DELETE", "sessions/f/faults", &json!(null)).await;
    let outage = json!({ "for_ms": 60_000, "silent": false });
    assert_eq!(site.admin("PUT", "sessions/f/outage", &outage).await.json(), outage);
    assert!(under_way.await.unwrap().broken);
    assert!(site.connect().await.try_send(&url).await.is_err(), "it was answered");
    assert_eq!(site.get(other).await.status, 200);

    site.admin("PUT", "sessions/f/outage", &json!({ "for_ms": 0 })).await;
    assert_eq!(site.get(&url).await.status, 200);
    let log = site.requests("f").await;
    assert_eq!((&log[1]["fault"], &log[1]["status"]), (&json!("outage"), &json!(null)));
    assert_eq!((&log[1]["aborted"], &log[2]["fault"]), (&json!(true), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_silent_outage_nothing_comes_until_it_is_over() {
    let (site, url) = site().await;
    site.admin("PUT", "sessions/f/outage", &json!({ "for_ms": 700, "silent": true })).await;
    let (first, second) = tokio::join!(site.get(&url), site.get(&url));
    for answer in [first, second] {
        assert_eq!(answer.status, 200);
        assert!(answer.head_after >= Duration::from_millis(600), "{:?}", answer.head_after);
    }
}
