//! A source that fails for good gives way to the next, and a browser that gives up on its media gets it anew.

use cloud_player_e2e::{patient_stage, renditions};
use serde_json::{Value, json};

use super::{LONG, plant_for_good};
use crate::player::{self, START};

#[tokio::test(flavor = "multi_thread")]
async fn the_next_source_takes_over_where_one_fails_for_good() {
    renditions::make_file();
    patient_stage("sources", async |stage| {
        let admin = stage.admin();
        plant_for_good(admin, "*/003.ts", json!({ "kind": "status", "status": 403 })).await;
        let file = Value::Object(player::file(stage, "sample"));
        let sources = json!([
            { "fileId": file["file-id"], "appId": file["app-id"], "playInfoUrl": file["play-info-url"] },
            { "file": "/renditions/legacy.mp4" },
        ]);
        let mut attributes = player::file(stage, "sample");
        for name in ["file-id", "app-id", "play-info-url"] {
            attributes.remove(name);
        }
        attributes.insert("src".into(), "/no/such/playlist.m3u8".into());
        let options = json!({ "fallbackSources": sources, "startRung": 0, "bufferGoal": 4 });
        player::start(stage, &attributes, options).await;
        // As a page would hear it.
        stage
            .js::<()>(
                "e2e.sources = [];
                 e2e.player.addEventListener('sourcechange', ({ detail }) => e2e.sources.push(detail.source));",
            )
            .await;
        player::rate(stage, 2).await;
        let plays = "return e2e.video.currentTime > 5";
        let _: bool = stage.wait_for("the second source to play", START, plays).await;
        let file = "return e2e.video.currentSrc.endsWith('/renditions/legacy.mp4') && e2e.video.currentTime";
        let at: f64 = stage.wait_for("the file to play", LONG, file).await;
        assert!(at > 5.0, "begun anew at {at}");
        player::recovers(stage, 8.0).await;
        let (rate, codes): (f64, Vec<String>) =
            stage.js("return [e2e.video.playbackRate, e2e.errors.map(({ code }) => code)]").await;
        assert_eq!((rate, codes), (2.0, vec!["not_found".to_owned(), "access_refused".to_owned()]));
        let heard: Vec<u32> = stage.js("return e2e.sources").await;
        assert_eq!(heard.last(), Some(&2), "{heard:?}");
        let sources: Value = stage.js("return e2e.player.qoe.sources").await;
        assert_eq!(
            sources,
            json!([
                { "source": 0, "kind": "hls", "shown": false, "failure": "not_found" },
                { "source": 1, "kind": "play_info", "shown": true, "failure": "access_refused" },
                { "source": 2, "kind": "file", "shown": true, "failure": null },
            ])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_cannot_decode_gets_the_media_anew_in_the_same_place() {
    for sink in ["page", "worker"] {
        patient_stage(&format!("decode-{sink}"), async |stage| {
            let options = json!({ "sink": sink, "startRung": 1, "bufferGoal": 6 });
            player::start(stage, &player::file(stage, "sample"), options).await;
            player::plays_on(stage, 4.0).await;
            // What a decoder does that gives up.
            stage.js::<()>("e2e.breakDecoder()").await;
            player::recovers(stage, 4.0).await;
            assert_eq!(player::codes(stage).await, ["decode_failed"]);
            player::rate(stage, 4).await;
            player::ends(stage, LONG).await;
        })
        .await;
    }
}
