//! Half a minute in which nothing is answered, with less than that buffered: the picture stops, and goes on from there by
//! itself.

use std::time::Duration;

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::LONG;
use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_closed_for_half_a_minute() {
    patient_stage("blackout-closed", async |stage| {
        begin(stage).await;
        stage.admin().outage(OUTAGE_MS, false).await;
        let stood = stalls(stage).await;
        goes_on_from(stage, stood).await;
        let tried = stage.admin().requests().await;
        assert!(tried.iter().any(|request| request.fault.as_deref() == Some("outage")), "{tried:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answers_for_half_a_minute() {
    patient_stage("blackout-silent", async |stage| {
        begin(stage).await;
        stage.admin().outage(OUTAGE_MS, true).await;
        let stood = stalls(stage).await;
        goes_on_from(stage, stood).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_says_that_there_is_no_network() {
    patient_stage("blackout-offline", async |stage| {
        begin(stage).await;
        stage.admin().outage(OUTAGE_MS, false).await;
        stage.set_online(false).await;
        let over = Instant::now() + Duration::from_millis(OUTAGE_MS);
        let offline: bool = stage.js("return !navigator.onLine").await;
        assert!(offline);
        let stood = stalls(stage).await;
        sleep_until(over).await;
        stage.set_online(true).await;
        goes_on_from(stage, stood).await;
    })
    .await;
}

/// Plays, with a few seconds ahead.
async fn begin(stage: &Stage) {
    let options = json!({ "startRung": 0, "bufferGoal": 4 });
    player::start(stage, &player::file(stage, "sample"), options).await;
    player::plays_on(stage, 2.0).await;
}

/// It comes to the end of its buffer; where that is.
async fn stalls(stage: &Stage) -> f64 {
    let stands = "const { video } = e2e;
        return (video.readyState < 3 && !video.paused && e2e.events.at(-1)?.type === 'waiting') && video.currentTime";
    stage.wait_for("a stall", LONG, stands).await
}

/// It plays on from there, by itself.
async fn goes_on_from(stage: &Stage, stood: f64) {
    let on =
        format!("return e2e.errors.some(({{ fatal }}) => fatal) || e2e.video.currentTime > {stood} + 0.5");
    let _: bool = stage.wait_for("the end of the outage", LONG, &on).await;
    player::recovers(stage, 3.0).await;
    // Every moment was shown: nothing was jumped over.
    let gap: f64 = stage
        .js("const at = e2e.shown.map(({ mediaTime }) => mediaTime);
             return Math.max(...at.slice(1).map((t, i) => t - at[i]))")
        .await;
    assert!(gap < 1.5, "{gap} s were jumped over");
}

const OUTAGE_MS: u64 = 30_000;
