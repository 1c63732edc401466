//! Who may not watch is told so, once and clearly.

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::json;

use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refused_with_a_clear_error() {
    patient_stage("expired-token", async |stage| {
        let token = stage.admin().tokens("sample", -60).await.drm_token;
        player::start(stage, &player::playlist(stage, &token).await, json!({})).await;
        let failure = player::fatal(stage).await;
        assert_eq!((failure.code.as_str(), failure.phase.as_str()), ("access_refused", "playlist"));
        assert_eq!((failure.status, failure.fatal), (Some(403), true));
        nothing_shown_and_nothing_leaked(stage, &token).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_token_plays_a_signed_playlist() {
    patient_stage("valid-token", async |stage| {
        let token = stage.admin().tokens("sample", 600).await.drm_token;
        player::start(stage, &player::playlist(stage, &token).await, json!({})).await;
        player::plays_on(stage, 1.0).await;
        player::no_errors(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_signature_of_the_playlist_is_refused() {
    patient_stage("expired-signature", async |stage| {
        let token = stage.admin().tokens("sample", 600).await.drm_token;
        let mut attributes = player::playlist(stage, &token).await;
        let url = stage.admin().url("/media/sample/master.m3u8", -60, true).await;
        attributes.insert("src".to_owned(), url.into());
        player::start(stage, &attributes, json!({})).await;
        let failure = player::fatal(stage).await;
        assert_eq!((failure.code.as_str(), failure.phase.as_str()), ("access_refused", "playlist"));
        assert_eq!(failure.status, Some(403));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_signature_opens_a_file_and_an_expired_one_does_not() {
    patient_stage("psign", async |stage| {
        let good = stage.admin().tokens("sample-psign", 600).await.psign;
        let expired = stage.admin().tokens("sample-psign", -60).await.psign;
        let mut attributes = player::file(stage, "sample-psign");
        attributes.insert("token".to_owned(), good.into());
        player::start(stage, &attributes, json!({})).await;
        player::plays_on(stage, 1.0).await;
        player::no_errors(stage).await;

        attributes.insert("token".to_owned(), expired.clone().into());
        player::start(stage, &attributes, json!({ "sessionId": "psign-expired" })).await;
        let failure = player::fatal(stage).await;
        assert_eq!((failure.code.as_str(), failure.phase.as_str()), ("play_info_token_refused", "play_info"));
        nothing_shown_and_nothing_leaked(stage, &expired).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_has_an_error_of_its_own() {
    patient_stage("wrong-key", async |stage| {
        stage.admin().fault(&json!({ "pattern": "/keys/*", "fault": { "kind": "wrong_key" } })).await;
        player::start(stage, &player::file(stage, "sample"), json!({})).await;
        let failure = player::fatal(stage).await;
        assert_eq!((failure.code.as_str(), failure.phase.as_str()), ("wrong_key", "decrypt"));
        let shown: u64 = stage.js("return e2e.frames").await;
        assert_eq!(shown, 0);
    })
    .await;
}

async fn nothing_shown_and_nothing_leaked(stage: &Stage, secret: &str) {
    let shown: u64 = stage.js("return e2e.frames").await;
    assert_eq!(shown, 0);
    let errors: serde_json::Value = stage.js("return e2e.errors").await;
    assert!(!errors.to_string().contains(secret), "the token stands in an error: {errors}");
    for line in stage.console().await {
        // The browser's own lines about failed requests have the address that it asked for.
        let ours = !line.message.contains("Failed to load resource");
        assert!(
            !(ours && line.message.contains(secret)),
            "the token stands in the console: {}",
            line.message
        );
    }
}
