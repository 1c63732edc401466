//! Streams with something special in the middle or beside them.

use cloud_player_e2e::patient_stage;
use serde_json::json;

use super::{LONG, requests};
use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn a_discontinuity_into_another_resolution_is_seamless() {
    patient_stage("splice", async |stage| {
        player::start(stage, &player::file(stage, "splice"), json!({})).await;
        player::rate(stage, 2).await;
        player::ends(stage, LONG).await;
        player::no_errors(stage).await;
        // The stamps of the second half count from 500 s; on the timeline it follows the first.
        let (at, shown): (f64, Vec<(f64, u32, u32)>) = stage
            .js("return [e2e.video.currentTime, e2e.shown.map(({ mediaTime, width, height }) => [mediaTime, width, height])]")
            .await;
        assert!((at - 16.0).abs() < 0.2, "ended at {at} s");
        let halves: Vec<_> = [0.0..7.9, 8.1..16.1]
            .map(|half| shown.iter().filter(|(at, ..)| half.contains(at)).collect::<Vec<_>>())
            .into();
        assert!(halves.iter().all(|half| half.len() > 30), "{} and {} frames", halves[0].len(), halves[1].len());
        assert!(halves[0].iter().all(|(_, width, height)| (*width, *height) == (640, 360)));
        assert!(halves[1].iter().all(|(_, width, height)| (*width, *height) == (854, 480)));
        let gap = shown.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max);
        assert!(gap < 1.5, "{gap} s were jumped over");

        // And back, and forth again: out of the buffer.
        for to in [2.0, 10.0] {
            stage.js::<()>(&format!("e2e.shown.length = 0; e2e.seek({to}); await e2e.player.play()")).await;
            player::plays_on(stage, 1.0).await;
        }
        player::no_errors(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_beside_the_pictures_is_played_with_them() {
    patient_stage("tracks", async |stage| {
        player::start(stage, &player::file(stage, "tracks"), json!({ "startRung": 1 })).await;
        player::rate(stage, 4).await;
        player::ends(stage, LONG).await;
        player::no_errors(stage).await;
        let at: f64 = stage.js("return e2e.video.currentTime").await;
        assert!((at - 20.0).abs() < 0.2, "ended at {at} s");
        let probed = player::probed(stage).await;
        let samples = |track: &str| -> u64 {
            let of = probed.iter().filter(|call| call.track.as_deref() == Some(track));
            of.filter_map(|call| call.samples).sum()
        };
        // 20 s of 25 pictures, and of 46.9 frames of sound; the one that primes the decoder may go.
        let (pictures, sound) = (samples("video"), samples("audio"));
        assert!(
            pictures == 500 && (936..=939).contains(&sound),
            "{pictures} pictures, {sound} frames of sound"
        );
        // The language that is the default, and no other.
        assert_eq!(requests(stage, "/en/000.ts").await.len(), 1);
        assert_eq!(requests(stage, "/fr/000.ts").await.len(), 0);
    })
    .await;
}
