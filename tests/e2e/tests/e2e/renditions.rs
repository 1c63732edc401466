//! Sound and text that are chosen while the pictures go on, in a real browser.

use std::time::Duration;

use cloud_player_e2e::renditions::{self, CUES, TONES};
use cloud_player_e2e::{Stage, stage};
use serde_json::{Value, json};

use crate::player::{self, START};

async fn start(stage: &Stage, options: Value) {
    let attributes = json!({ "src": "/renditions/master.m3u8", "autoplay": "" });
    player::start(stage, &attributes.as_object().cloned().unwrap_or_default(), options).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subtitle_is_active_when_it_is_to_be() {
    renditions::make();
    stage("subtitles", async |stage| {
        start(stage, json!({ "startTime": 1 })).await;
        let list = "return e2e.player.textRenditions.length > 0 && e2e.player.textRenditions";
        let list: Value = stage.wait_for("the list of text", START, list).await;
        assert_eq!(list[0]["name"], "Deutsch");
        let tracks = "return [...e2e.player.textTracks].map((t) => [t.kind, t.label, t.language, t.mode])";
        let found: Value = stage.js(tracks).await;
        assert_eq!(found, json!([["subtitles", "Deutsch", "de", "disabled"]]), "off until it is chosen");
        // What the browser's own menu does.
        stage
            .js::<()>(
                "const [track] = e2e.player.textTracks;
                 track.mode = 'showing';",
            )
            .await;
        let chosen = "return e2e.player.currentText === 0 && e2e.player.selectedText === 0";
        let _: bool = stage.wait_for("the choice to arrive", START, chosen).await;
        stage
            .js::<()>(
                // There is no list of cues before the first has come.
                "globalThis.seen = [];
                 const [track] = e2e.player.textTracks;
                 const active = () => [...(track.activeCues ?? [])].map((c) => c.text);
                 globalThis.look = setInterval(() => seen.push([e2e.video.currentTime, active()]), 20);",
            )
            .await;
        let played = "return e2e.player.currentTime > 13.5";
        let _: bool = stage.wait_for("three cues to pass", START, played).await;
        let seen: Vec<(f64, Vec<String>)> = stage.js("clearInterval(look); return seen").await;
        for (at, active) in seen {
            for (from, to, text) in CUES {
                let is_active = active.iter().any(|t| t == text);
                // Browsers look about four times a second, less often on a busy machine.
                assert!(!is_active || at > from - 0.1 && at < to + 0.8, "{text} at {at}");
                assert!(is_active || at < from + 0.8 || at > to - 0.1, "no {text} at {at}");
            }
        }
        let cues = "return [...e2e.player.textTracks[0].cues].map((c) => [c.startTime, c.endTime, c.text, c.line, c.align])";
        let cues: Vec<(f64, f64, String, Value, String)> = stage.js(cues).await;
        assert_eq!(cues.len(), CUES.len(), "each cue once: {cues:?}");
        for (cue, (from, to, text)) in cues.iter().zip(CUES) {
            assert!((cue.0 - from).abs() < 0.01 && (cue.1 - to).abs() < 0.01 && cue.2 == text, "{cue:?}");
        }
        assert_eq!((&cues[0].3, &*cues[0].4, &cues[2].3, &*cues[2].4), (&json!("auto"), "center", &json!(0), "start"));
        // Text without a line height is laid out over itself, or not at all.
        let line: String = stage.js("return getComputedStyle(e2e.video).lineHeight").await;
        assert_eq!(line, "normal");
        // And the way back.
        stage.js::<()>("e2e.player.selectText('off')").await;
        let off = "return e2e.player.currentText === -1 && e2e.player.textTracks[0].mode === 'disabled'";
        let _: bool = stage.wait_for("the track to be off", START, off).await;
        // A source without text leaves none of it in the menu.
        let empty = "e2e.player.src = '/renditions/v.m3u8'; await new Promise((soon) => setTimeout(soon, 300));
                     return e2e.player.textTracks.length";
        assert_eq!(stage.js::<usize>(empty).await, 0);
        let errors: Value = stage.js("return e2e.errors").await;
        assert_eq!(errors, json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_needs_nothing_else_of_a_strict_policy() {
    renditions::make();
    stage("strict-text", async |stage| {
        stage.open("/strict.html").await;
        stage
            .js::<()>(
                "await import('/define.js');
                 const player = document.createElement('cloud-player-video');
                 player.setAttribute('src', '/renditions/master.m3u8');
                 for (const name of ['autoplay', 'muted']) player.setAttribute(name, '');
                 player.options = { textLanguages: ['de-AT'], startTime: 2.5 };
                 document.body.append(player);
                 globalThis.player = player;",
            )
            .await;
        let shown = "const [track] = player.textTracks; return track?.activeCues?.[0]?.text";
        let text: String = stage.wait_for("a cue", START, shown).await;
        assert_eq!(text, CUES[0].2);
        let loaded: u8 = stage.js("return player.media.querySelector('track').readyState").await;
        assert_eq!(loaded, 2, "a track that failed to load is not drawn");
        let log = stage.console().await;
        assert!(!log.iter().any(|line| format!("{line:?}").contains("Content Security Policy")), "{log:?}");
    })
    .await;
}

/// Lets the page tell the tone that is heard, in hertz: the peak of its spectrum, or 0 in silence.
async fn listen(stage: &Stage) {
    stage
        .js::<()>(
            "const context = new AudioContext();
             const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
             context.createMediaElementSource(e2e.video).connect(analyser).connect(context.destination);
             globalThis.tone = () => {
                 const bins = new Float32Array(analyser.frequencyBinCount);
                 analyser.getFloatFrequencyData(bins);
                 const peak = bins.reduce((best, level, i) => (level > bins[best] ? i : best), 0);
                 return bins[peak] > -80 ? (peak * context.sampleRate) / analyser.fftSize : 0;
             };",
        )
        .await;
}

/// The sound is over after a third of the pictures, and playback begins behind that.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_without_sound_play_in_silence_and_those_before_with_sound() {
    renditions::make_silent();
    stage("silence", async |stage| {
        let attributes = json!({ "src": "/renditions/silent.m3u8", "autoplay": "" });
        let options = json!({ "startTime": 34, "bufferGoal": 6 });
        player::start(stage, &attributes.as_object().cloned().unwrap_or_default(), options).await;
        listen(stage).await;
        player::plays_on(stage, 2.0).await;
        let length = f64::from(renditions::LONG);
        let (place, duration, tone, loaded): (f64, f64, f64, f64) = stage
            .js("const { buffered } = e2e.video;
                 const loaded = buffered.end(buffered.length - 1);
                 return [e2e.video.currentTime, e2e.player.duration, tone(), loaded]")
            .await;
        assert!(place >= 36.0 && (duration - length).abs() < 0.2, "at {place} of {duration}");
        assert_eq!(tone, 0.0);
        assert!(loaded < length - 5.0, "{loaded} s: it plays before all pictures are there");

        // Back over the end of the sound: with it, and on without it.
        let [english, _] = TONES;
        let hears = format!("return Math.abs(tone() - {english}) < 20 && e2e.video.currentTime");
        stage.js::<()>("e2e.player.currentTime = 16").await;
        let heard: f64 = stage.wait_for("the tone", START, &hears).await;
        assert!((15.9..20.1).contains(&heard), "heard at {heard}");
        stage.js::<()>("globalThis.asked = performance.timeOrigin + performance.now()").await;
        let silent = "return e2e.video.currentTime > 21 && tone() === 0";
        let _: bool = stage.wait_for("silence", Duration::from_secs(15), silent).await;
        let waits: u64 =
            stage.js("return e2e.events.filter((e) => e.type === 'waiting' && e.at >= asked).length").await;
        assert_eq!(waits, 0, "where the one goes over into the other nothing is waited for");
        player::plays_on(stage, 1.0).await;

        // To the end, and back once more.
        stage.js::<()>(&format!("e2e.player.currentTime = {length} - 3")).await;
        let _: bool = stage.wait_for("the end", Duration::from_secs(15), "return e2e.video.ended").await;
        stage.js::<()>("e2e.player.currentTime = 5; await e2e.player.play()").await;
        let _: f64 = stage.wait_for("the tone again", START, &hears).await;
        let errors: Value = stage.js("return e2e.errors").await;
        assert_eq!(errors, json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sound_changes_and_the_pictures_go_on() {
    renditions::make();
    stage("sound", async |stage| {
        start(stage, json!({})).await;
        player::plays_on(stage, 3.0).await;
        listen(stage).await;
        let [english, french] = TONES;
        let hears = |tone: u32| format!("return Math.abs(tone() - {tone}) < 20 && e2e.video.currentTime");
        let _: f64 = stage.wait_for("the first tone", START, &hears(english)).await;
        let before: f64 = stage
            .js("globalThis.asked = performance.timeOrigin + performance.now();
                 e2e.player.selectAudio(1);
                 return e2e.video.currentTime")
            .await;
        let heard: f64 = stage.wait_for("the other tone", Duration::from_secs(8), &hears(french)).await;
        // A second of media, and what this machine takes to notice.
        assert!(heard - before < 2.5, "asked for at {before}, heard at {heard}");
        let _: bool = stage.wait_for("the event", START, "return e2e.player.currentAudio === 1").await;
        player::plays_on(stage, 2.0).await;
        let still: f64 = stage.js("return tone()").await;
        assert!((still - f64::from(french)).abs() < 20.0, "{still} Hz");
        let (appended, sound, waits): (u64, u64, u64) = stage
            .js("const since = e2e.probe.filter((p) => p.at >= asked && p.what === 'appendBuffer');
                 const count = (track) => since.filter((p) => p.track === track).length;
                 const waits = e2e.events.filter((e) => e.type === 'waiting' && e.at >= asked).length;
                 return [count('video'), count('audio'), waits]")
            .await;
        assert_eq!((appended, waits), (0, 0), "no picture is loaded again and nothing is waited for");
        assert!(sound > 0);
        let errors: Value = stage.js("return e2e.errors").await;
        assert_eq!(errors, json!([]));
    })
    .await;
}
