//! Answers that are errors.

use cloud_player_e2e::patient_stage;
use serde_json::json;

use super::{LONG, fails, plant, plant_for_good, requests, whole_sample_is_buffered};
use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn bursts_of_5xx_pass_wherever_they_come() {
    patient_stage("bursts-of-5xx", async |stage| {
        let admin = stage.admin();
        let status = |status: u16| json!({ "kind": "status", "status": status });
        let wait = |seconds: u64| json!({ "kind": "status", "status": 503, "retry_after_s": seconds });
        for (pattern, times, fault) in [
            ("/getplayinfo/*", 2, status(503)),
            ("*/master.m3u8", 1, wait(2)),
            ("*/360p/index.m3u8", 1, status(503)),
            ("*/360p/index.m3u8", 1, wait(1)),
            ("/keys/*/0", 1, status(503)),
            ("/keys/*/0", 1, wait(2)),
            ("/keys/*/1", 2, status(503)),
            ("*/000.ts", 2, status(503)),
            ("*/001.ts", 1, wait(2)),
            ("*/003.ts", 1, status(500)),
            ("*/003.ts", 1, status(502)),
            ("*/003.ts", 1, status(504)),
            ("*/003.ts", 1, status(429)),
        ] {
            plant(admin, pattern, times, fault).await;
        }
        player::start(stage, &player::file(stage, "sample-rotating"), json!({ "startRung": 0 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
        whole_sample_is_buffered(stage).await;

        // Each failed as often as it was to, and was asked for once more.
        for (ending, failures) in [
            ("/sample-rotating", 2),
            ("/master.m3u8", 1),
            ("/360p/index.m3u8", 2),
            ("/keys/sample-rotating/0", 2),
            ("/keys/sample-rotating/1", 2),
            ("/000.ts", 2),
            ("/001.ts", 1),
            ("/002.ts", 0),
            ("/003.ts", 4),
        ] {
            let of = requests(stage, ending).await;
            let failed = of.iter().filter(|request| request.fault.is_some()).count();
            assert_eq!((failed, of.len()), (failures, failures + 1), "{ending}: {of:?}");
        }
        // The server's wish to be left alone was heeded.
        for (ending, at, seconds) in [
            ("/master.m3u8", 0, 2.0),
            ("/360p/index.m3u8", 1, 1.0),
            ("/keys/sample-rotating/0", 1, 2.0),
            ("/001.ts", 0, 2.0),
        ] {
            let of = requests(stage, ending).await;
            let waited = of[at + 1].at_ms - of[at].at_ms;
            assert!(waited >= seconds * 1000.0, "{ending} was asked for again after {waited} ms");
        }
        let codes = player::codes(stage).await;
        assert_eq!(codes, ["server_error"; 16], "one for each");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_5xx_that_does_not_pass_is_told_once() {
    patient_stage("lasting-5xx", async |stage| {
        let admin = stage.admin();
        for (pattern, phase) in [("*/master.m3u8", "playlist"), ("/keys/*", "key")] {
            plant_for_good(admin, pattern, json!({ "kind": "status", "status": 503 })).await;
            player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
            fails(stage, "server_error", phase, Some(503)).await;
            admin.clear_faults().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_runs_out_during_playback_is_told_once() {
    patient_stage("runs-out", async |stage| {
        player::preload(stage).await;
        // The third key is not asked for before the eighth second.
        let token = stage.admin().tokens("sample-rotating", 7).await.drm_token;
        let mut attributes = player::playlist(stage, &token).await;
        let src = stage.admin().url("/media/sample-rotating/master.m3u8", 600, true).await;
        attributes.insert("src".to_owned(), src.into());
        player::begin(stage, &attributes, json!({ "startRung": 0, "bufferGoal": 4 })).await;
        player::plays_on(stage, 4.0).await;
        fails(stage, "access_refused", "key", Some(403)).await;

        // The same of a signature.
        plant_for_good(stage.admin(), "*/003.ts", json!({ "kind": "status", "status": 403 })).await;
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0, "bufferGoal": 4 }))
            .await;
        player::plays_on(stage, 2.0).await;
        fails(stage, "access_refused", "segment", Some(403)).await;
        let of = requests(stage, "/sample/360p/003.ts").await;
        // Once more with what play info names anew, and no more.
        assert_eq!(of.len(), 2, "asking again is no use: {of:?}");
    })
    .await;
}
