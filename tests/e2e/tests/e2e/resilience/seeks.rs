//! A viewer who drags the timeline about.

use cloud_player_e2e::patient_stage;
use serde_json::json;

use crate::player::{self, START};

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_fast_seeks_the_last_one_counts() {
    patient_stage("ten-seeks", async |stage| {
        // Slow enough for each seek to find the one before at its segment.
        stage.admin().shape(Some(1_500_000), 60).await;
        let options = json!({ "startRung": 0, "bufferGoal": 4 });
        player::start(stage, &player::file(stage, "sample"), options).await;
        player::plays_on(stage, 1.0).await;
        let before = stage.admin().requests().await.len();
        stage
            .js::<()>(
                "for (const to of [21.3, 5.2, 13.4, 1.1, 22.8, 9.9, 18.2, 3.3, 14.6, 17.1]) {
                     e2e.seek(to);
                     await new Promise((later) => setTimeout(later, 70));
                 }
                 e2e.shown.length = 0;",
            )
            .await;
        let landed = "return !e2e.video.seeking && e2e.shown[0]?.mediaTime";
        let first: f64 = stage.wait_for("a frame", START, landed).await;
        assert!((17.0..18.0).contains(&first), "the first frame after the seeks is of {first} s");
        player::recovers(stage, 3.0).await;
        player::no_errors(stage).await;

        // What was begun for a place that was left is not finished: of the segments that were seeked into and passed over,
        // most are broken off, and what came in last is where the viewer is.
        let requests = stage.admin().requests().await;
        let loaded: Vec<&str> = requests[before..]
            .iter()
            .filter(|request| request.path.ends_with(".ts") && !request.aborted && request.done_ms.is_some())
            .map(|request| &request.path[request.path.len() - 6..])
            .collect();
        let last = loaded.iter().rposition(|name| *name == "004.ts").expect("the segment of the last place");
        assert!(loaded[last..].iter().all(|name| ["004.ts", "005.ts"].contains(name)), "{loaded:?}");
        assert!(loaded.len() <= 8, "{loaded:?}");
    })
    .await;
}
