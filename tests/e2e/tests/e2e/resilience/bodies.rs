//! Bodies that end early, stop coming, or are not what they should be.

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::json;

use super::{LONG, plant, plant_for_good, requests, whole_sample_is_buffered};
use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_cut_anywhere() {
    patient_stage("cuts", async |stage| {
        // The first and last bytes of things, blocks of the cipher, packets of the container, and in the middle.
        for (pattern, places) in [
            ("/getplayinfo/*", &[0, 300][..]),
            ("*/master.m3u8", &[0, 100]),
            ("*/360p/index.m3u8", &[1, 200]),
            ("/keys/*", &[0, 15]),
            ("*/000.ts", &[0, 1, 188]),
            ("*/001.ts", &[15, 16, 17]),
            ("*/002.ts", &[9_000, 30_000]),
            ("*/003.ts", &[62_900, 62_976, 62_991]),
            ("*/004.ts", &[40_000]),
            ("*/005.ts", &[61_000, 0]),
        ] {
            for after in places {
                plant(stage.admin(), pattern, 1, json!({ "kind": "cut", "after_bytes": after })).await;
            }
        }
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
        whole_sample_is_buffered(stage).await;
        for (ending, cuts) in [("/0", 2), ("/000.ts", 3), ("/001.ts", 3), ("/003.ts", 3), ("/004.ts", 1)] {
            let of = requests(stage, ending).await;
            assert_eq!(of.len(), cuts + 1, "{ending}: {of:?}");
            assert!(of.iter().take(cuts).all(|request| request.aborted), "{ending}: {of:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_stop_coming_are_asked_for_again() {
    patient_stage("stalls", async |stage| {
        for (pattern, after_bytes) in
            [("*/360p/index.m3u8", 60), ("/keys/*", 8), ("*/001.ts", 20_000), ("*/003.ts", 0)]
        {
            plant(stage.admin(), pattern, 1, json!({ "kind": "stall", "after_bytes": after_bytes })).await;
        }
        // A pause that patience outlasts.
        let pause = json!({ "kind": "stall", "after_bytes": 30_000, "for_ms": 1500 });
        plant(stage.admin(), "*/002.ts", 1, pause).await;
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
        whole_sample_is_buffered(stage).await;
        for (ending, stalls) in
            [("/360p/index.m3u8", 1), ("/keys/sample/0", 1), ("/001.ts", 1), ("/002.ts", 0), ("/003.ts", 1)]
        {
            let of = requests(stage, ending).await;
            assert_eq!(of.len(), stalls + 1, "{ending}: {of:?}");
            assert!(of.iter().take(stalls).all(|request| request.aborted), "{ending}: {of:?}");
        }
        assert_eq!(player::codes(stage).await, ["timeout"; 4]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_segment_is_asked_for_again() {
    patient_stage("corrupt-once", async |stage| {
        plant(stage.admin(), "*/001.ts", 1, noise()).await;
        plant(stage.admin(), "*/004.ts", 1, noise()).await;
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
        whole_sample_is_buffered(stage).await;
        assert_eq!(noise_told(stage).await, 2);
        for ending in ["/360p/001.ts", "/360p/004.ts"] {
            assert_eq!(requests(stage, ending).await.len(), 2, "{ending}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_stays_corrupt_is_taken_from_another_rung() {
    patient_stage("corrupt-rung", async |stage| {
        plant_for_good(stage.admin(), "*/360p/001.ts", noise()).await;
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
        whole_sample_is_buffered(stage).await;
        assert_eq!(noise_told(stage).await, 2);
        let shown: Vec<u32> = stage
            .js("return [...new Set(e2e.shown.filter(({ mediaTime }) => mediaTime > 4.1).map(({ height }) => height))]")
            .await;
        assert!(!shown.contains(&360) && !shown.is_empty(), "{shown:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_is_corrupt_on_every_rung_is_left_out() {
    patient_stage("corrupt-ladder", async |stage| {
        plant_for_good(stage.admin(), "*/001.ts", noise()).await;
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
        assert!(noise_told(stage).await > 0);
        for rung in ["360p", "480p", "720p", "1080p"] {
            assert_eq!(requests(stage, &format!("/{rung}/001.ts")).await.len(), 2, "{rung}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_little_damage_is_played_over() {
    patient_stage("damage", async |stage| {
        // What it hits depends on the key: pictures, which Chromium patches up, or sound, which it may refuse. Then the sink
        // is made anew, and what is loaded again is whole.
        plant(stage.admin(), "*/001.ts", 1, json!({ "kind": "corrupt" })).await;
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
    })
    .await;
}

/// A byte of each block is wrong: nothing is left of what was encrypted.
fn noise() -> serde_json::Value {
    json!({ "kind": "corrupt", "every": 16 })
}

/// How often noise was told of, and nothing else was. It depends on the key: a little of the noise looks like a transport stream,
/// and then it is the padding at its end that does not.
async fn noise_told(stage: &Stage) -> usize {
    let codes = player::codes(stage).await;
    let is_noise = |code: &String| ["segment_corrupt", "bad_padding"].contains(&code.as_str());
    assert!(codes.iter().all(is_noise), "{codes:?}");
    codes.len()
}
