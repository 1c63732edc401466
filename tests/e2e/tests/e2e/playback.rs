//! From a file id to moving pictures.

use std::time::Duration;

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::json;

use crate::player::{self, START};

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_file_plays_through_media_source_in_the_worker() {
    patient_stage("plays", async |stage| {
        player::start(stage, &player::file(stage, "sample"), json!({})).await;
        player::plays_on(stage, 3.0).await;
        player::no_errors(stage).await;
        only_fragmented_mp4(stage, "worker").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_media_source_in_workers_plays_too() {
    patient_stage("plays-page-sink", async |stage| {
        player::start(stage, &player::file(stage, "sample"), json!({ "sink": "page" })).await;
        player::plays_on(stage, 3.0).await;
        player::no_errors(stage).await;
        only_fragmented_mp4(stage, "page").await;
    })
    .await;
}

/// Chromium would also play the playlist, or the transport stream, by itself: here it did neither.
async fn only_fragmented_mp4(stage: &Stage, place: &str) {
    let probed = player::probed(stage).await;
    let kinds: Vec<&str> = probed.iter().filter_map(|call| call.kind.as_deref()).collect();
    assert!(!kinds.is_empty(), "no source buffer was made");
    assert!(
        kinds.iter().all(|kind| ["video/mp4", "audio/mp4"].iter().any(|mp4| kind.starts_with(mp4))),
        "{kinds:?}"
    );
    let mut bytes = 0;
    for call in probed.iter().filter(|call| call.what == "appendBuffer") {
        // What wakes the browser's sound is an init section, in a worker's media source.
        assert!(call.place == place || !call.is_media(), "{call:?}");
        assert!(call.boxes.is_some(), "{call:?}");
        bytes += call.bytes.unwrap_or_default();
    }
    assert!(bytes > 50_000, "{bytes} bytes through Media Source Extensions");
    let src: String = stage.js("return e2e.video.currentSrc").await;
    assert!(src.is_empty() || src.starts_with("blob:"), "{src}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_protecting_a_file_plays_to_its_end() {
    patient_stage("to-the-end", async |stage| {
        // In the clear; every URL signed by itself; a new key every two segments; sequence numbers past 32 bits.
        for file_id in ["sample-clear", "sample-exact", "sample-rotating", "sample-sequence"] {
            player::start(stage, &player::file(stage, file_id), json!({ "startRung": 0 })).await;
            stage.js::<()>("e2e.video.defaultPlaybackRate = e2e.video.playbackRate = 4").await;
            let _: bool = stage
                .wait_for(
                    &format!("the end of {file_id}"),
                    START + Duration::from_secs(20),
                    "e2e.video.playbackRate = 4; return e2e.events.some(({ type }) => type === 'ended')",
                )
                .await;
            player::no_errors(stage).await;
            let (at, frames): (f64, u64) = stage.js("return [e2e.video.currentTime, e2e.frames]").await;
            assert!(at > 23.0 && frames > 50, "{file_id} ended at {at} s after {frames} frames");
        }
    })
    .await;
}
