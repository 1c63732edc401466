//! The rung follows the network.

use std::time::Duration;

use cloud_player_e2e::stage;
use serde_json::json;

use crate::player;

// The sample's rungs are 130, 195, 290 and 423 kbit/s and it lasts 24 s: the buffer is kept short, and up and down are
// two scenarios, so that segments are left to switch on. An earlier session's estimate sets the start, which without
// one is made for an ordinary network, and that carries every rung of this sample.

#[tokio::test(flavor = "multi_thread")]
async fn the_rung_goes_up_when_the_network_allows() {
    stage("rung-up", async |stage| {
        stage.admin().shape(Some(220_000), 20).await;
        let options = json!({ "bufferGoal": 6, "storedThroughput": 200_000 });
        player::start(stage, &player::file(stage, "sample"), options).await;
        player::plays_on(stage, 1.0).await;
        let start: i32 = stage.js("return e2e.player.currentRung").await;
        assert!((0..=1).contains(&start), "rung {start} at 220 kbit/s");

        stage.admin().shape(Some(5_000_000), 20).await;
        let top = "return e2e.player.currentRung === 3 && e2e.shown.at(-1)?.height === 1080";
        let _: bool = stage.wait_for("frames of the top rung", SWITCH, top).await;
        player::no_errors(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rung_goes_down_when_it_must() {
    stage("rung-down", async |stage| {
        stage.admin().shape(Some(5_000_000), 20).await;
        let options = json!({ "bufferGoal": 6, "storedThroughput": 5_000_000 });
        player::start(stage, &player::file(stage, "sample"), options).await;
        let top = "return e2e.player.currentRung === 3 && e2e.shown.at(-1)?.height === 1080";
        let _: bool = stage.wait_for("frames of the top rung", player::START, top).await;

        stage.admin().shape(Some(150_000), 20).await;
        let lower = "return e2e.player.currentRung < 3 && e2e.shown.at(-1).height < 1080";
        let _: bool = stage.wait_for("frames of a lower rung", SWITCH, lower).await;
        player::no_errors(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_may_hold_a_rung() {
    stage("held-rung", async |stage| {
        player::start(stage, &player::file(stage, "sample"), json!({ "bufferGoal": 6 })).await;
        player::plays_on(stage, 0.5).await;
        let names: Vec<u32> = stage.js("return e2e.player.rungs.map(({ height }) => height)").await;
        assert_eq!(names, [360, 480, 720, 1080]);
        stage.js::<()>("e2e.player.currentRung = 1").await;
        let _: bool = stage
            .wait_for(
                "frames of the held rung",
                Duration::from_secs(20),
                "return e2e.shown.at(-1)?.height === 480",
            )
            .await;
        player::plays_on(stage, 4.0).await;
        let height: u32 = stage.js("return e2e.shown.at(-1).height").await;
        assert_eq!(height, 480);
    })
    .await;
}

/// Time for what is buffered to play out, and for a segment of the old rung to arrive over the new network.
const SWITCH: Duration = Duration::from_secs(40);
