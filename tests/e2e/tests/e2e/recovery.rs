//! What breaks on the way and need not stop a video.

use cloud_player_e2e::patient_stage;
use serde_json::json;

use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn a_video_plays_over_an_unavailable_and_a_cut_segment() {
    patient_stage("recovers", async |stage| {
        let admin = stage.admin();
        admin.fault(&json!({ "pattern": "*/000.ts", "fault": { "kind": "status", "status": 503 }, "times": 1 })).await;
        admin.fault(&json!({ "pattern": "*/001.ts", "fault": { "kind": "cut", "after_bytes": 9000 }, "times": 1 })).await;
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        player::plays_on(stage, 7.0).await;
        let fatal: bool = stage.js("return e2e.errors.some((error) => error.fatal)").await;
        assert!(!fatal);
        let requests = admin.requests().await;
        for (name, status) in [("/000.ts", 503), ("/001.ts", 200)] {
            let of: Vec<_> = requests.iter().filter(|request| request.path.contains(name)).collect();
            assert!(of.len() >= 2, "{name} was asked for again: {of:?}");
            assert_eq!(of[0].status, Some(status));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_is_an_error_and_not_a_black_frame() {
    patient_stage("missing-file", async |stage| {
        player::start(stage, &player::file(stage, "no-such-file"), json!({})).await;
        let failure = player::fatal(stage).await;
        assert_eq!((failure.code.as_str(), failure.phase.as_str()), ("play_info_refused", "play_info"));
    })
    .await;
}
