//! Live streams: at the edge, behind the window, over a stop at the origin, to the end.

use std::time::Duration;

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::json;

use super::{LONG, requests};
use crate::player::{self, START};

#[tokio::test(flavor = "multi_thread")]
async fn who_pauses_for_longer_than_the_window_goes_on_at_the_edge() {
    patient_stage("live-window", async |stage| {
        stage.admin().live(&json!({ "window_s": 16 })).await;
        player::start(stage, &player::file(stage, "sample-live"), json!({ "startRung": 0, "bufferGoal": 4 }))
            .await;
        player::plays_on(stage, 3.0).await;
        // Not at the beginning of the window, but as far from its end as the specification says: three durations.
        let (first, duration): (f64, Option<f64>) =
            stage.js("return [e2e.shown[0].mediaTime, e2e.player.duration]").await;
        assert!(first > 3.5, "the first frame is of {first} s");
        assert_eq!(duration, None, "infinite");

        stage.js::<()>("e2e.player.pause()").await;
        let stood: f64 = stage.js("return e2e.video.currentTime").await;
        // What can be sought in ends where a viewer would begin, twelve seconds from the edge: the window, of sixteen, has
        // left all that is buffered when that place is five seconds further.
        let gone = "const { seekable, buffered } = e2e.video;
            return seekable.end(0) > buffered.end(buffered.length - 1) + 5";
        let _: bool = stage.wait_for("the window to move on", LONG, gone).await;
        stage.js::<()>("await e2e.player.play()").await;
        // What is buffered is played first.
        let caught_up = format!("return e2e.video.currentTime > {stood} + 12 && !e2e.video.seeking");
        let _: bool = stage.wait_for("a place in the window", LONG, &caught_up).await;
        player::recovers(stage, 6.0).await;
        within_the_window(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_stalls_and_goes_on_is_waited_for() {
    patient_stage("live-stalls", async |stage| {
        stage.admin().live(&json!({ "window_s": 24 })).await;
        player::start(stage, &player::file(stage, "sample-live"), json!({ "startRung": 0 })).await;
        player::plays_on(stage, 1.0).await;
        stage.admin().live(&json!({ "window_s": 24, "paused": true })).await;
        let stands = "const { video } = e2e;
            return video.readyState < 3 && e2e.events.at(-1)?.type === 'waiting' && video.currentTime";
        let stood: f64 = stage.wait_for("the end of what there is", LONG, stands).await;
        // A playlist that does not change is asked for again, and again.
        let before = requests(stage, "/360p/index.m3u8").await.len();
        while requests(stage, "/360p/index.m3u8").await.len() < before + 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stage.admin().live(&json!({ "window_s": 24 })).await;
        player::recovers(stage, 6.0).await;
        player::no_errors(stage).await;
        let gap: f64 = stage
            .js(&format!(
                "const at = e2e.shown.map(({{ mediaTime }}) => mediaTime).filter((t) => t > {stood} - 2);
                 return Math.max(...at.slice(1).map((t, i) => t - at[i]))"
            ))
            .await;
        assert!(gap < 1.5, "{gap} s were jumped over");
        within_the_window(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_that_outlasts_the_window_it_goes_on_at_the_edge() {
    patient_stage("live-blackout", async |stage| {
        stage.admin().live(&json!({ "window_s": 16 })).await;
        player::start(stage, &player::file(stage, "sample-live"), json!({ "startRung": 0 })).await;
        player::plays_on(stage, 1.0).await;
        stage.admin().outage(30_000, false).await;
        let stands = "const { video } = e2e;
            return video.readyState < 3 && e2e.events.at(-1)?.type === 'waiting' && video.currentTime";
        let stood: f64 = stage.wait_for("the end of what is buffered", LONG, stands).await;
        let on =
            format!("return e2e.errors.some(({{ fatal }}) => fatal) || e2e.video.currentTime > {stood} + 2");
        let _: bool = stage.wait_for("the end of the outage", LONG, &on).await;
        player::recovers(stage, 4.0).await;
        within_the_window(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_that_ends_is_played_to_its_end() {
    patient_stage("live-ends", async |stage| {
        player::start(stage, &player::file(stage, "sample-live"), json!({ "startRung": 0 })).await;
        player::plays_on(stage, 1.0).await;
        // The file, of 24 s, is over once and has begun anew before the end.
        let begun = requests(stage, "/360p/index.m3u8").await[0].at_ms;
        let passed: f64 = stage.js(&format!("return Date.now() - {begun}")).await;
        let ends_after = (passed / 4000.0).ceil() * 4.0 + 4.0;
        stage.admin().live(&json!({ "window_s": 24, "ends_after_s": ends_after })).await;
        player::ends(stage, LONG).await;
        player::no_errors(stage).await;
        let (at, duration): (f64, f64) =
            stage.js("return [e2e.video.currentTime, e2e.player.duration]").await;
        let end = 24.0 + ends_after;
        assert!((at - end).abs() < 0.2 && (duration - end).abs() < 0.2, "ended at {at} s of {duration} s");
        let frames: u64 = stage.js("return e2e.frames").await;
        assert!(frames > 100, "{frames} frames");

        // Who comes later gets what is left, from its beginning.
        player::start(stage, &player::file(stage, "sample-live"), json!({ "startRung": 0 })).await;
        player::plays_on(stage, 1.0).await;
        let duration: f64 = stage.js("return e2e.player.duration").await;
        assert!((duration - 24.0).abs() < 0.2, "{duration} s");
        player::no_errors(stage).await;
    })
    .await;
}

/// The playhead is where the stream can be had, and not far from the edge.
async fn within_the_window(stage: &Stage) {
    let within = "const { seekable, currentTime } = e2e.video;
        return currentTime > seekable.start(0) - 1 && seekable.end(0) - currentTime < 16";
    let _: bool = stage.wait_for("a playhead in the window", START, within).await;
}
