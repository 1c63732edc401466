//! Streams of independent packagers play to their end, every frame of them.

use std::time::Duration;

use cloud_player_e2e::packagers::{self, Packaged};
use cloud_player_e2e::{Stage, patient_stage};
use serde_json::json;

use crate::player;

/// Every stream that `make.py` makes.
const STREAMS: [&str; 26] = [
    "ffmpeg5-ts",
    "ffmpeg5-ts-aes",
    "ffmpeg5-ts-aes-iv",
    "ffmpeg5-ts-ranges",
    "ffmpeg5-fmp4",
    "ffmpeg8-ts",
    "ffmpeg8-ts-aes",
    "ffmpeg8-fmp4",
    "ffmpeg8-fmp4-ranges",
    "shaka-ts",
    "shaka-ts-aes",
    "shaka-ts-packed",
    "shaka-ts-sample-aes",
    "shaka-fmp4",
    "shaka-fmp4-cbcs",
    "bento4-ts",
    "bento4-ts-aes",
    "bento4-ts-aes-random",
    "bento4-ts-ranges",
    "bento4-ts-sample-aes",
    "bento4-fmp4",
    "gstreamer-ts",
    "mediabunny-ts",
    "mediabunny-ts-ranges",
    "mediabunny-ts-packed",
    "mediabunny-cmaf",
];

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_independent_packagers_play_to_their_end() {
    let packaged = packagers::make();
    let names: Vec<&str> = packaged.streams.iter().map(|stream| stream.name.as_str()).collect();
    assert_eq!(names, STREAMS, "make.py and this list are about the same streams");
    patient_stage("packagers", async |stage| {
        let mut complaints = Vec::new();
        for (made, name) in packaged.streams.iter().zip(STREAMS) {
            if let Some(why) = made.unavailable.as_ref().or(made.failed.as_ref()) {
                complaints.push(format!("{name} was not tested: {why}"));
                continue;
            }
            let outcome = plays_to_its_end(stage, name, &packaged).await;
            println!("{name}: {outcome:?}");
            if let Err(why) = outcome {
                complaints.push(format!("{name}: {why}"));
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    })
    .await;
}

/// Plays the higher rung of a stream, four times as fast, and holds what reached the decoders against the clip.
async fn plays_to_its_end(stage: &Stage, name: &str, packaged: &Packaged) -> Result<(), String> {
    let attributes = json!({ "src": format!("/packagers/{name}/master.m3u8"), "autoplay": "", "muted": "" });
    let attributes = attributes.as_object().cloned().unwrap_or_default();
    player::start(stage, &attributes, json!({ "startRung": 1 })).await;
    stage.js::<()>("e2e.video.defaultPlaybackRate = e2e.video.playbackRate = 4").await;
    let over = "e2e.video.playbackRate = 4;
        return e2e.errors.length > 0 || !!e2e.video.error || e2e.events.some(({ type }) => type === 'ended')";
    let ended = async {
        while !stage.js::<bool>(over).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if tokio::time::timeout(LONGEST, ended).await.is_err() {
        let state: serde_json::Value = stage
            .js("return [e2e.video.currentTime, e2e.video.readyState, e2e.player.stats?.waitingFor ?? null]")
            .await;
        return Err(format!("not at its end after {LONGEST:?}: {state}"));
    }
    let errors: serde_json::Value =
        stage.js("return [...e2e.errors, ...(e2e.video.error ? [e2e.video.error.message] : [])]").await;
    if errors != json!([]) {
        return Err(format!("errors: {errors}"));
    }
    let (at, shown): (f64, u64) = stage.js("return [e2e.video.currentTime, e2e.frames]").await;
    if (at - packaged.seconds).abs() > 0.2 || shown < packaged.frames / 5 {
        return Err(format!("ended at {at} s of {} after {shown} frames", packaged.seconds));
    }
    let probed = player::probed(stage).await;
    let samples = |track: &str| -> u64 {
        let of = probed.iter().filter(|call| call.track.as_deref() == Some(track));
        of.filter_map(|call| call.samples).sum()
    };
    let (mut video, mut audio) = (samples("video"), samples("audio"));
    if audio == 0 {
        // Fragmented MP4 that holds both goes into one source buffer.
        (video, audio) = (packaged.frames, video.saturating_sub(packaged.frames));
    }
    let least = packaged.audio_frames.saturating_sub(EARLY_SOUND);
    if video != packaged.frames || !(least..=packaged.audio_frames + SILENCE).contains(&audio) {
        return Err(format!(
            "{video} frames of {} and {audio} of sound of {} were appended",
            packaged.frames, packaged.audio_frames
        ));
    }
    Ok(())
}

/// Frames of sound that lie before the first picture, for which the start of the presentation has no room: the one that
/// primes the decoder, and two pictures' time where a packager does not heed the clip's edit list.
const EARLY_SOUND: u64 = 5;
/// Frames of silence where sound is over a little before the pictures.
const SILENCE: u64 = 1;
/// To the end of ten seconds at four times their speed, on a busy machine.
const LONGEST: Duration = Duration::from_secs(30);
