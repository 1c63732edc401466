//! The element in pages that are not made for it.

use cloud_player_e2e::patient_stage;
use serde_json::json;

use crate::player::{START, file};

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_policy_and_an_element_older_than_its_definition() {
    patient_stage("embed", async |stage| {
        stage.open("/strict.html").await;
        let attributes = json!(file(stage, "sample"));
        stage
            .js::<()>(&format!(
                "const player = document.createElement('cloud-player-video');
                 for (const [name, value] of Object.entries({attributes})) player.setAttribute(name, value);
                 player.options = {{ sessionId: 'embed', startRung: 0 }};
                 player.currentTime = 2;
                 document.body.append(player);
                 player.addEventListener('error', (event) => (globalThis.failed = event.detail.code));
                 globalThis.player = player;
                 await import('/define.js');"
            ))
            .await;
        let moves = "return globalThis.failed ?? (player.currentTime > 2.5 && 'plays')";
        let plays: String = stage.wait_for("playback", START, moves).await;
        assert_eq!(plays, "plays");
        let (id, rung, background): (String, i32, String) = stage
            .js("return [player.player.sessionId, player.selectedRung, getComputedStyle(player).backgroundColor]")
            .await;
        // What was set before the class was there holds, and the shadow tree's own style applies.
        assert_eq!((id.as_str(), rung, background.as_str()), ("embed", 0, "rgb(0, 0, 0)"));
        let log = stage.console().await;
        assert!(!log.iter().any(|line| format!("{line:?}").contains("Content Security Policy")), "{log:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_that_does_not_start_is_told_and_not_waited_for() {
    patient_stage("no-core", async |stage| {
        stage.open("/strict.html").await;
        let attributes = json!(file(stage, "sample"));
        let (code, fatal): (String, bool) = stage
            .js(&format!(
                // A module that has nothing of what the worker looks for, like one of another version.
                "WebAssembly.compileStreaming = () => WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
                 const {{ CloudPlayer }} = await import('/player.js');
                 await CloudPlayer.preload();
                 await import('/define.js');
                 const player = document.createElement('cloud-player-video');
                 for (const [name, value] of Object.entries({attributes})) player.setAttribute(name, value);
                 const failed = new Promise((resolve) => player.addEventListener('error', ({{ detail }}) => resolve(detail)));
                 document.body.append(player);
                 const {{ code, fatal }} = await failed;
                 return [code, fatal];"
            ))
            .await;
        assert_eq!((code.as_str(), fatal), ("internal", true));
    })
    .await;
}
