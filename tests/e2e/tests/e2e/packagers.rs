//! Streams of independent packagers play to their end, every frame of them.

use std::time::Duration;

use cloud_player_e2e::packagers::{self, Packaged};
use cloud_player_e2e::{Stage, stage};
use serde_json::json;

use crate::player;

/// What becomes of a stream today.
#[derive(Debug, Clone, Copy)]
enum Today {
    /// It plays.
    Plays,
    /// It does not play yet, and this is where it should. Playing is then a failure of the list.
    NotYet,
}
use Today::{NotYet, Plays};

/// Every stream that `make.py` makes.
const STREAMS: [(&str, Today); 26] = [
    ("ffmpeg5-ts", Plays),
    ("ffmpeg5-ts-aes", Plays),
    ("ffmpeg5-ts-aes-iv", Plays),
    ("ffmpeg5-ts-ranges", Plays),
    ("ffmpeg5-fmp4", NotYet),
    ("ffmpeg8-ts", Plays),
    ("ffmpeg8-ts-aes", Plays),
    ("ffmpeg8-fmp4", NotYet),
    ("ffmpeg8-fmp4-ranges", NotYet),
    ("shaka-ts", NotYet),
    ("shaka-ts-aes", NotYet),
    ("shaka-ts-packed", NotYet),
    ("shaka-ts-sample-aes", NotYet),
    ("shaka-fmp4", NotYet),
    ("shaka-fmp4-cbcs", NotYet),
    ("bento4-ts", Plays),
    ("bento4-ts-aes", Plays),
    ("bento4-ts-aes-random", Plays),
    ("bento4-ts-ranges", Plays),
    ("bento4-ts-sample-aes", NotYet),
    ("bento4-fmp4", NotYet),
    ("gstreamer-ts", Plays),
    ("mediabunny-ts", Plays),
    ("mediabunny-ts-ranges", Plays),
    ("mediabunny-ts-packed", NotYet),
    ("mediabunny-cmaf", NotYet),
];

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_independent_packagers_play_to_their_end() {
    let packaged = packagers::make();
    let names: Vec<&str> = packaged.streams.iter().map(|stream| stream.name.as_str()).collect();
    let listed: Vec<&str> = STREAMS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed, "make.py and this list are about the same streams");
    stage("packagers", async |stage| {
        let mut complaints = Vec::new();
        for (made, (name, today)) in packaged.streams.iter().zip(STREAMS) {
            if let Some(why) = made.unavailable.as_ref().or(made.failed.as_ref()) {
                complaints.push(format!("{name} was not tested: {why}"));
                continue;
            }
            let outcome = plays_to_its_end(stage, name, &packaged).await;
            println!("{name}: {outcome:?}");
            match (today, outcome) {
                (Plays, Ok(())) | (NotYet, Err(_)) => {}
                (Plays, Err(why)) => complaints.push(format!("{name}: {why}")),
                (NotYet, Ok(())) => complaints.push(format!("{name} plays now: say so in this list")),
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
    let (video, audio) = (samples("video"), samples("audio"));
    let least = packaged.audio_frames.saturating_sub(EARLY_SOUND);
    if video != packaged.frames || !(least..=packaged.audio_frames).contains(&audio) {
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
/// To the end of ten seconds at four times their speed, on a busy machine.
const LONGEST: Duration = Duration::from_secs(30);
