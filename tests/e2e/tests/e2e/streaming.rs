//! Streaming is the design: what has arrived of an encrypted segment is appended, not kept until all of it is there.

use cloud_player_e2e::stage;
use serde_json::json;

use crate::player::{self, START};

#[tokio::test(flavor = "multi_thread")]
async fn media_is_appended_long_before_its_encrypted_segment_is_complete() {
    stage("streams", async |stage| {
        // The first segment of the lowest rung has about 60 kB.
        stage.admin().shape(Some(120_000), 50).await;
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        let segment = loop {
            let requests = stage.admin().requests().await;
            let first = requests.into_iter().find(|request| request.path.ends_with(".ts"));
            if let Some(segment) = first.filter(|segment| segment.done_ms.is_some()) {
                break segment;
            }
            let fatal: bool = stage.js("return e2e.errors.some((error) => error.fatal)").await;
            assert!(!fatal, "{}", stage.js::<serde_json::Value>("return e2e.errors").await);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        let took = segment.done_ms.unwrap_or_default() - segment.at_ms;
        assert!(took >= 3000.0, "the first segment took only {took} ms");

        let appended: f64 = stage
            .wait_for(
                "a fragment",
                START,
                "return e2e.probe.find(({ boxes }) => boxes?.includes('moof'))?.at",
            )
            .await;
        let after = appended - segment.at_ms;
        println!("first fragment after {after:.0} ms of the {took:.0} ms that its segment took");
        assert!(
            after > 0.0 && after < took / 2.0,
            "first fragment after {after} ms, segment after {took} ms"
        );

        let shown: f64 = stage.wait_for("a frame", START, "return e2e.shown[0]?.at").await;
        println!("first frame after {:.0} ms", shown - segment.at_ms);
        let early = player::probed(stage)
            .await
            .iter()
            .filter(|call| call.is_media() && call.at < segment.at_ms + took)
            .count();
        assert!(
            early >= 3,
            "{early} fragments before the segment was complete: it is not appended as it comes"
        );
    })
    .await;
}
