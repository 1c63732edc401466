//! Keys that open nothing.

use cloud_player_e2e::patient_stage;
use serde_json::json;

use super::{LONG, fails, plant, plant_for_good, requests, whole_sample_is_buffered};
use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_asked_for_once_more() {
    patient_stage("wrong-key-once", async |stage| {
        let wrong = json!({ "kind": "wrong_key" });
        // The first of all, one in the middle; and a segment that is of another key.
        plant(stage.admin(), "/keys/*/0", 1, wrong.clone()).await;
        plant(stage.admin(), "/keys/*/1", 1, wrong.clone()).await;
        plant(stage.admin(), "*/004.ts", 1, wrong).await;
        player::start(stage, &player::file(stage, "sample-rotating"), json!({ "startRung": 0 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
        whole_sample_is_buffered(stage).await;
        for ending in ["/keys/sample-rotating/0", "/keys/sample-rotating/1", "/000.ts", "/002.ts", "/004.ts"]
        {
            assert_eq!(requests(stage, ending).await.len(), 2, "{ending}");
        }
        assert_eq!(player::codes(stage).await, ["wrong_key"; 3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_key_that_stays_wrong_is_told_once() {
    patient_stage("wrong-key-later", async |stage| {
        plant_for_good(stage.admin(), "/keys/*/2", json!({ "kind": "wrong_key" })).await;
        let options = json!({ "startRung": 0, "bufferGoal": 4 });
        player::start(stage, &player::file(stage, "sample-rotating"), options).await;
        player::plays_on(stage, 2.0).await;
        fails(stage, "wrong_key", "decrypt", None).await;
    })
    .await;
}
