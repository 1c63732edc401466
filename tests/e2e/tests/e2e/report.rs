//! What the origin knows afterwards.

use std::time::{Duration, Instant};

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::{Value, json};

use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn the_quality_of_a_session_can_be_read_at_the_origin() {
    patient_stage("qoe", async |stage| {
        let token = stage.admin().tokens("sample", 600).await.drm_token;
        let attributes = player::playlist(stage, &token).await;
        player::start(stage, &attributes, json!({ "reportInterval": 1 })).await;
        player::plays_on(stage, 3.0).await;
        stage.js::<()>("await e2e.player.destroy()").await;

        let records = left_with(stage, "stopped").await;
        let last =
            records.iter().rev().find(|record| qoe(record).is_some()).and_then(qoe).expect("a QoE record");
        let number = |name: &str| last[name].as_f64().unwrap_or_else(|| panic!("{name} in {last}"));
        assert!((1.0..20_000.0).contains(&number("startupMs")), "{last}");
        assert!(number("playedMs") >= 2000.0, "{last}");
        assert!(number("bytesTotal") > 50_000.0, "{last}");
        assert!(number("averageBitrateBps") >= 100_000.0, "{last}");
        assert!(number("decodedFrames") >= 30.0, "{last}");
        assert_eq!(last["failureCount"], 0);

        let text = json!(records).to_string();
        let signature =
            attributes["src"].as_str().and_then(|src| src.split("signature=").nth(1)).expect("a signature");
        assert!(!text.contains(&token) && !text.contains(signature), "a secret stands in the records");
        let sessions = stage.admin().telemetry_sessions().await;
        assert!(sessions.iter().any(|session| session["session_id"] == stage.session()), "{sessions:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_session_reports_why() {
    patient_stage("qoe-failed", async |stage| {
        let token = stage.admin().tokens("sample", -60).await.drm_token;
        player::start(stage, &player::playlist(stage, &token).await, json!({})).await;
        player::fatal(stage).await;
        stage.js::<()>("await e2e.player.destroy()").await;
        let records = left_with(stage, "start_failure").await;
        let failure = &records.iter().rev().find_map(qoe).expect("a QoE record")["failures"][0];
        assert_eq!((&failure["code"], &failure["phase"]), (&json!("access_refused"), &json!("playlist")));
        assert!(!json!(records).to_string().contains(&token));
    })
    .await;
}

/// The figures of a record, if it has any.
fn qoe(record: &Value) -> Option<&Value> {
    let record = record.get("record").unwrap_or(record);
    (record["kind"] == "qoe").then_some(record)
}

/// The session's records, once one says that it was left in this way.
async fn left_with(stage: &Stage, exit: &str) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let records = stage.admin().telemetry(stage.session()).await;
        if records.iter().filter_map(qoe).any(|qoe| qoe["exit"] == exit) {
            return records;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "no record with exit {exit}: {}", json!(records));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
