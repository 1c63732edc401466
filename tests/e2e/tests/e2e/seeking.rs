//! Seeks within what is buffered and out of it.

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::json;

use crate::player::{self, START};

#[tokio::test(flavor = "multi_thread")]
async fn a_seek_out_of_the_buffer_loads_and_one_into_it_does_not() {
    patient_stage("seeks", async |stage| {
        let options = json!({ "bufferGoal": 6, "startRung": 0 });
        player::start(stage, &player::file(stage, "sample"), options).await;
        player::plays_on(stage, 2.0).await;
        let duration: f64 = stage.js("return e2e.player.duration").await;
        assert!((duration - 24.0).abs() < 0.2, "{duration} s");
        assert_eq!(fetched(stage, "/005.ts").await, 0, "the last segment is beyond the buffer");

        seek(stage, 20.5).await;
        assert_eq!(fetched(stage, "/005.ts").await, 1);

        let before = stage.admin().requests().await.len();
        seek(stage, 1.0).await;
        player::plays_on(stage, 1.0).await;
        let after = stage.admin().requests().await;
        let again = after[before..].iter().filter(|request| request.path.contains("/000.ts")).count();
        assert_eq!(again, 0, "the first segment was in the buffer");
        player::no_errors(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn playback_stays_where_it_is_paused_and_goes_on() {
    patient_stage("pause", async |stage| {
        player::start(stage, &player::file(stage, "sample"), json!({})).await;
        player::plays_on(stage, 1.0).await;
        let moved: f64 = stage
            .js("e2e.player.pause();
                 const at = e2e.video.currentTime;
                 await new Promise((later) => setTimeout(later, 700));
                 return e2e.video.currentTime - at;")
            .await;
        assert!(moved.abs() < 0.1, "{moved} s while paused");
        stage.js::<()>("await e2e.player.play()").await;
        player::plays_on(stage, 1.0).await;
        player::no_errors(stage).await;
    })
    .await;
}

/// Seeks, and waits for a frame of that place.
async fn seek(stage: &Stage, to: f64) {
    stage.js::<()>(&format!("e2e.shown.length = 0; e2e.player.currentTime = {to}")).await;
    let body = format!("return e2e.shown.some(({{ mediaTime }}) => Math.abs(mediaTime - {to}) < 0.5)");
    let _: bool = stage.wait_for(&format!("a frame at {to} s"), START, &body).await;
}

async fn fetched(stage: &Stage, name: &str) -> usize {
    stage.admin().requests().await.iter().filter(|request| request.path.contains(name)).count()
}
