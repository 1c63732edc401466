//! A browser with little room for media.

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::json;

use super::{LONG, fails};
use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn a_small_quota_in_the_worker_is_lived_with() {
    patient_stage("quota-worker", async |stage| lives_with_little_room(stage, "worker").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_quota_on_the_page_is_lived_with() {
    patient_stage("quota-page", async |stage| lives_with_little_room(stage, "page").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_at_all_is_told_once() {
    patient_stage("no-quota", async |stage| {
        player::start_with_quota(
            stage,
            &player::file(stage, "sample"),
            json!({ "startRung": 3 }),
            Some(9_000),
        )
        .await;
        fails(stage, "sink_full", "sink", None).await;
    })
    .await;
}

/// The top rung has up to 50 kB of pictures a second: there is room for about eight seconds of them, not for the thirty
/// that are wanted ahead and the thirty behind.
async fn lives_with_little_room(stage: &Stage, sink: &str) {
    let options = json!({ "startRung": 3, "sink": sink });
    player::start_with_quota(stage, &player::file(stage, "sample"), options, Some(QUOTA)).await;
    player::rate(stage, 2).await;
    player::ends(stage, LONG).await;
    let refused: Vec<player::Probed> =
        player::probed(stage).await.into_iter().filter(|call| call.what == "refused").collect();
    assert!(!refused.is_empty(), "the quota was never met");
    assert!(refused.iter().all(|call| call.place == sink), "{refused:?}");
    let frames: u64 = stage.js("return e2e.frames").await;
    assert!(frames > 100, "{frames} frames");
    let at: f64 = stage.js("return e2e.video.currentTime").await;
    assert!(at > 23.9, "ended at {at} s");
}

const QUOTA: u64 = 360_000;
