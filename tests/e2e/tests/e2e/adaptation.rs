//! The rung follows the network.

use std::time::Duration;

use cloud_player_e2e::stage;
use serde_json::json;

use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn the_rung_goes_up_when_the_network_allows_and_down_when_it_must() {
    stage("rungs", async |stage| {
        // The sample's rungs are 130, 195, 290 and 423 kbit/s.
        stage.admin().shape(Some(220_000), 20).await;
        // A short buffer, so that 24 s of sample are enough to see both; and an earlier session's estimate, for without
        // one the start is made for an ordinary network, which carries every rung of this sample.
        let options = json!({ "bufferGoal": 6, "storedThroughput": 200_000 });
        player::start(stage, &player::file(stage, "sample"), options).await;
        player::plays_on(stage, 1.0).await;
        let start: i32 = stage.js("return e2e.player.currentRung").await;
        assert!(start <= 1, "rung {start} at 220 kbit/s");

        stage.admin().shape(Some(5_000_000), 20).await;
        let top: i32 = stage
            .wait_for("the top rung", Duration::from_secs(20), "return e2e.player.currentRung === 3 && 3")
            .await;
        let height = "return e2e.shown.at(-1)?.height === 1080";
        let _: bool = stage.wait_for("frames of the top rung", Duration::from_secs(10), height).await;

        stage.admin().shape(Some(150_000), 20).await;
        let lower = format!("return e2e.player.currentRung < {top} && e2e.shown.at(-1).height < 1080");
        let _: bool = stage.wait_for("frames of a lower rung", Duration::from_secs(30), &lower).await;
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
