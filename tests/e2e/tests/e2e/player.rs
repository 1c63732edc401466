//! A player on the test page, and what scenarios ask of it.

use std::time::Duration;

use cloud_player_e2e::Stage;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Long enough for a start on a busy machine.
pub(crate) const START: Duration = Duration::from_secs(20);

/// Attributes that play a file of the origin by play info, muted and by itself.
pub(crate) fn file(stage: &Stage, file_id: &str) -> Map<String, Value> {
    let sid = stage.session();
    object(json!({
        "file-id": file_id,
        "app-id": "1500000000",
        "play-info-url": format!("/s/{sid}/getplayinfo/v4"),
        "report-url": format!("/s/{sid}/telemetry"),
        "autoplay": "",
        "muted": "",
    }))
}

/// Attributes that play a signed playlist of the sample with this DRM token.
pub(crate) async fn playlist(stage: &Stage, drm_token: &str) -> Map<String, Value> {
    let src = stage.admin().url("/media/sample/master.m3u8", 600, true).await;
    let report = format!("/s/{}/telemetry", stage.session());
    object(json!({ "src": src, "token": drm_token, "report-url": report, "autoplay": "", "muted": "" }))
}

/// Opens the test page with a player in it.
pub(crate) async fn start(stage: &Stage, attributes: &Map<String, Value>, options: Value) {
    start_with_quota(stage, attributes, options, None).await;
}

/// The same, with room for only so many bytes in each source buffer.
pub(crate) async fn start_with_quota(
    stage: &Stage,
    attributes: &Map<String, Value>,
    options: Value,
    quota: Option<u64>,
) {
    open(stage).await;
    if let Some(quota) = quota {
        stage.js::<()>(&format!("e2e.quota = {quota}")).await;
    }
    begin(stage, attributes, options).await;
}

async fn open(stage: &Stage) {
    stage.open("/e2e.html").await;
    let _: bool = stage.wait_for("the test page", START, "return globalThis.e2e?.ready").await;
}

/// Opens the page and preloads the player: what is signed for [`begin`] next lives for seconds, and a browser on a busy machine
/// may take that long to come so far.
pub(crate) async fn preload(stage: &Stage) {
    open(stage).await;
    stage.js::<()>("await e2e.preload()").await;
}

/// Puts a player into the page.
pub(crate) async fn begin(stage: &Stage, attributes: &Map<String, Value>, options: Value) {
    let mut options = object(options);
    options.entry("sessionId").or_insert_with(|| stage.session().into());
    stage.js::<()>(&format!("await e2e.start({}, {})", json!(attributes), json!(options))).await;
}

/// Waits until this many more seconds have played, with frames to see.
pub(crate) async fn plays_on(stage: &Stage, seconds: f64) {
    let (from, frames): (f64, u64) = stage.js("return [e2e.video.currentTime, e2e.frames]").await;
    let body = format!(
        "return e2e.video.currentTime >= {from} + {seconds} && e2e.frames >= {frames} + {}",
        // A loaded machine may drop frames, but not most of them.
        (seconds * 25.0 / 3.0) as u64
    );
    let limit = START + Duration::from_secs_f64(seconds * 3.0);
    let _: bool = stage.wait_for(&format!("{seconds} s of playback"), limit, &body).await;
}

/// What reached Media Source Extensions.
#[derive(Debug, Deserialize)]
pub(crate) struct Probed {
    /// The method that was called.
    pub(crate) what: String,
    /// When, in Unix milliseconds.
    pub(crate) at: f64,
    /// `page` or `worker`.
    #[serde(rename = "where")]
    pub(crate) place: String,
    /// The type of a new source buffer.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// How much was appended.
    pub(crate) bytes: Option<u64>,
    /// The top-level boxes appended; `None` if it was no ISO media.
    pub(crate) boxes: Option<Vec<String>>,
    /// Whose buffer it was: `video` or `audio`.
    pub(crate) track: Option<String>,
    /// Samples that the appended fragments have.
    pub(crate) samples: Option<u64>,
}

impl Probed {
    pub(crate) fn is_media(&self) -> bool {
        self.boxes.iter().flatten().any(|name| name == "moof")
    }
}

pub(crate) async fn probed(stage: &Stage) -> Vec<Probed> {
    stage.js("return e2e.probe").await
}

/// An `error` event's detail.
#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) phase: String,
    pub(crate) status: Option<u16>,
    pub(crate) fatal: bool,
}

/// Waits for the fatal error; there must be exactly one.
pub(crate) async fn fatal(stage: &Stage) -> Failure {
    fatal_within(stage, START).await
}

/// The same, for one that takes its time.
pub(crate) async fn fatal_within(stage: &Stage, limit: Duration) -> Failure {
    let body = "return e2e.errors.some((error) => error.fatal)";
    let _: bool = stage.wait_for("a fatal error", limit, body).await;
    // A second one would follow at once.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut errors: Vec<Failure> = stage.js("return e2e.errors").await;
    errors.retain(|error| error.fatal);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

/// Plays on for so long, and has neither met a fatal error nor been thrown back.
pub(crate) async fn recovers(stage: &Stage, seconds: f64) {
    plays_on(stage, seconds).await;
    unbroken(stage).await;
}

/// Plays to the end, and has neither met a fatal error nor been thrown back.
pub(crate) async fn ends(stage: &Stage, limit: Duration) {
    let ended =
        "return e2e.errors.some(({ fatal }) => fatal) || e2e.events.some(({ type }) => type === 'ended')";
    let _: bool = stage.wait_for("the end", limit, ended).await;
    unbroken(stage).await;
}

async fn unbroken(stage: &Stage) {
    let (fatal, thrown_back): (Value, f64) =
        stage.js("return [e2e.errors.filter(({ fatal }) => fatal), e2e.thrownBack]").await;
    assert_eq!(fatal, json!([]));
    assert!(thrown_back < 0.05, "thrown back by {thrown_back} s");
}

/// Codes of the errors so far.
pub(crate) async fn codes(stage: &Stage) -> Vec<String> {
    stage.js("return e2e.errors.map(({ code }) => code)").await
}

/// Has it play so many times as fast.
pub(crate) async fn rate(stage: &Stage, rate: u32) {
    stage.js::<()>(&format!("e2e.video.defaultPlaybackRate = e2e.video.playbackRate = {rate}")).await;
}

pub(crate) async fn no_errors(stage: &Stage) {
    let errors: Value = stage.js("return e2e.errors").await;
    assert_eq!(errors, json!([]));
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// The most renewals in `took` of grants that live for `life_s`: one is due at 80 % of the life of the one before, and earlier by
/// what the servers' clock may be off: a second, where they tell it in whole seconds.
pub(crate) fn most_renewals(took: Duration, life_s: i64) -> u64 {
    (took.as_secs_f64() / (0.8 * life_s as f64 - 1.0)) as u64 + 2
}
