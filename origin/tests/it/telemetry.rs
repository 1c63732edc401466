//! Batches in, sessions out.

use cloud_player_origin::Config;
use serde_json::{Value, json};

use crate::harness::{Answer, Site, config};

async fn post(site: &Site, path: &str, kind: &str, body: &str) -> Answer {
    site.connect().await.send("POST", path, &[("content-type", kind)], body).await
}

fn batch(session: &str, seq: u64, records: Value) -> String {
    json!({ "session_id": session, "seq": seq, "records": records }).to_string()
}

#[tokio::test]
async fn a_batch_counts_once() {
    let site = Site::start().await;
    let first = batch("one", 0, json!([{ "kind": "start" }, { "kind": "qoe", "startup_ms": 900 }]));
    let stored = post(&site, "/telemetry", "application/json", &first).await;
    assert_eq!(stored.json(), json!({ "stored": 2, "duplicate": false }));
    let again = post(&site, "/s/x/telemetry", "text/plain;charset=UTF-8", &first).await;
    assert_eq!((again.status, again.json()), (200, json!({ "stored": 0, "duplicate": true })));
    // Later batches may overtake earlier ones.
    let third = batch("one", 2, json!([{ "kind": "qoe", "startup_ms": 902 }]));
    let second = batch("one", 1, json!([{ "kind": "qoe", "startup_ms": 901 }]));
    assert_eq!(post(&site, "/telemetry", "text/plain", &third).await.status, 200);
    assert_eq!(post(&site, "/telemetry", "text/plain", &second).await.status, 200);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(post(&site, "/telemetry", "text/plain", &batch("two", 0, json!([]))).await.status, 200);

    let sessions = site.get("/telemetry/sessions").await.json();
    let ids: Vec<_> =
        sessions.as_array().unwrap().iter().map(|s| s["session_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["two", "one"]);
    assert_eq!(sessions[1]["batches"], 3);
    assert_eq!(sessions[1]["qoe"], json!({ "kind": "qoe", "startup_ms": 902 }));
    assert_eq!(sessions[0]["qoe"], Value::Null);
    assert!(sessions[1]["last_seen"].as_u64() >= sessions[1]["first_seen"].as_u64());
    let records = site.get("/telemetry/sessions/one").await.json();
    let kinds: Vec<_> = records.as_array().unwrap().iter().map(|r| r["startup_ms"].clone()).collect();
    assert_eq!(kinds, [json!(null), json!(900), json!(901), json!(902)]);
    assert_eq!(site.get("/telemetry/sessions/none").await.status, 404);
}

#[tokio::test]
async fn other_shapes_are_refused() {
    let site = Site::start().await;
    for body in [
        "".to_owned(),
        "{".into(),
        "[]".into(),
        json!({ "session_id": "x", "seq": 0 }).to_string(),
        json!({ "session_id": "x", "records": [] }).to_string(),
        batch("x", 0, json!([1])),
        batch("x", 0, json!({})),
        batch("", 0, json!([])),
        batch(&"x".repeat(129), 0, json!([])),
        json!({ "session_id": "x", "seq": -1, "records": [] }).to_string(),
        json!({ "session_id": 5, "seq": 1, "records": [] }).to_string(),
    ] {
        let answer = post(&site, "/telemetry", "application/json", &body).await;
        assert_eq!(answer.refusal(), (400, "batch".into()), "{body}");
        assert_ne!(answer.json()["message"], "");
    }
    let form = post(&site, "/telemetry", "application/x-www-form-urlencoded", "a=b").await;
    assert_eq!(form.refusal(), (415, "content_type".into()));
    let big = batch("x", 0, json!([{ "text": "x".repeat(256 * 1024) }]));
    assert_eq!(
        post(&site, "/telemetry", "text/plain", &big).await.refusal(),
        (413, "batch_too_large".into())
    );
    assert_eq!(site.get("/telemetry/sessions").await.json(), json!([]));
}

#[tokio::test]
async fn the_page_shows_sessions_and_escapes_them() {
    let site = Site::start().await;
    assert!(site.get("/telemetry").await.text().contains("No player has reported yet"));
    let evil = "<script>alert(1)</script>\"'";
    let record = json!([{ "kind": "qoe", "rebuffers": 3, "note": evil, "<b>": 1 }]);
    post(&site, "/telemetry", "application/json", &batch(evil, 0, record)).await;
    let page = site.get("/telemetry").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = page.text();
    assert!(!text.contains("<script") && !text.contains("<b>"));
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;"));
    assert!(text.contains("<dt>rebuffers<dd>3"));
    let link = text.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(site.get(&format!("/{link}")).await.json()[0]["rebuffers"], 3);
}

#[tokio::test]
async fn a_file_outlives_the_origin() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config { db: Some(directory.path().join("telemetry.db")), ..config() };
    let site = Site::with(config()).await;
    post(&site, "/telemetry", "text/plain", &batch("kept", 7, json!([{ "kind": "end" }]))).await;
    site.origin.shutdown().await;
    let site = Site::with(config()).await;
    assert_eq!(site.get("/telemetry/sessions/kept").await.json(), json!([{ "kind": "end" }]));
    let again = post(&site, "/telemetry", "text/plain", &batch("kept", 7, json!([{ "kind": "end" }]))).await;
    assert_eq!(again.json()["duplicate"], true);
}
