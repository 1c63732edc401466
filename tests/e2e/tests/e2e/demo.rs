//! The demo page, as a visitor gets it.

use std::time::Duration;

use cloud_player_e2e::stage;

use crate::player::START;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_page_plays_and_shows_figures() {
    stage("demo", async |stage| {
        stage.open("/").await;
        let player = "document.querySelector('cloud-player-video')";
        let plays = format!("return {player}?.currentTime > 1");
        let _: bool = stage.wait_for("the demo to play", START, &plays).await;
        let figures = "return document.querySelector('#headline').textContent.match(/Startup\\s*\\d+/)?.[0]";
        let _: String = stage.wait_for("the startup time", Duration::from_secs(5), figures).await;
        let rungs: usize = stage.js("return document.querySelectorAll('#rungs button').length").await;
        assert!(rungs >= 4, "{rungs} buttons for rungs");
        let failed: bool = stage.js("return !document.querySelector('#failure').hidden").await;
        assert!(!failed);
    })
    .await;
}
