//! What goes wrong between a server and a screen. Each scenario ends with the picture moving on from where it was, or with
//! the one error that says what is the matter.

mod blackout;
mod bodies;
mod keys;
mod live;
mod quota;
mod seeks;
mod sources;
mod statuses;
mod streams;

use std::time::Duration;

use cloud_player_e2e::{Admin, Request, Stage};
use serde_json::{Value, json};

use crate::player;

/// For scenarios in which something times out several times.
const LONG: Duration = Duration::from_secs(120);

/// Plants a fault that hits so many requests for these paths.
async fn plant(admin: &Admin, pattern: &str, times: u32, fault: Value) {
    admin.fault(&json!({ "pattern": pattern, "fault": fault, "times": times })).await;
}

/// Plants a fault that hits every request for these paths.
async fn plant_for_good(admin: &Admin, pattern: &str, fault: Value) {
    admin.fault(&json!({ "pattern": pattern, "fault": fault })).await;
}

/// The session's requests for a path that ends so.
async fn requests(stage: &Stage, ending: &str) -> Vec<Request> {
    let mut requests = stage.admin().requests().await;
    requests.retain(|request| request.path.ends_with(ending));
    requests
}

/// The session ends with this error and no other fatal one.
async fn fails(stage: &Stage, code: &str, phase: &str, status: Option<u16>) {
    let failure = player::fatal_within(stage, LONG).await;
    assert_eq!((failure.code.as_str(), failure.phase.as_str(), failure.status), (code, phase, status));
}

/// All of the sample lies in the element's buffer, in one piece.
async fn whole_sample_is_buffered(stage: &Stage) {
    let ranges: Vec<(f64, f64)> = stage
        .js("const { buffered } = e2e.video;
             return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)])")
        .await;
    assert!(matches!(ranges.as_slice(), [(from, to)] if *from < 0.1 && *to > 23.9), "{ranges:?}");
}
