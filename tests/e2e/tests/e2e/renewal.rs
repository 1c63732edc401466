//! Tokens and signatures that end in the middle of a lesson.

use std::time::{Duration, Instant};

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::{Map, Value, json};

use crate::player;

/// Seconds that a token and a signature live.
const LIFE: i64 = 8;

/// A lesson that is loaded a little at a time, and whose page renews.
async fn start(stage: &Stage, terms: Value) {
    player::preload(stage).await;
    stage.admin().access(&terms).await;
    let ttl = terms["token_ttl_s"].as_i64().unwrap();
    let token = stage.admin().tokens("sample", ttl).await.drm_token;
    let src = stage.admin().url("/media/sample/master.m3u8", ttl, true).await;
    let attributes: Map<String, Value> =
        [("src", json!(src)), ("token", json!(token)), ("autoplay", json!("")), ("muted", json!(""))]
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect();
    let renew_from = json!({ "url": format!("/s/{}/renew", stage.session()), "fileId": "sample" });
    let options = json!({ "bufferGoal": 5, "backBuffer": 1, "renewFrom": renew_from });
    player::begin(stage, &attributes, options).await;
    player::plays_on(stage, 1.0).await;
}

fn terms(more: &Value) -> Value {
    let mut terms = json!({ "token_ttl_s": LIFE, "url_ttl_s": LIFE, "signed_segments": true });
    terms.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    terms
}

/// Plays for a minute, the lesson again and again. How long that took: more on a busy machine.
async fn a_minute(stage: &Stage) -> Duration {
    let begun = Instant::now();
    for _ in 0..3 {
        let body = "return e2e.video.currentTime >= 20.5";
        let _: bool = stage.wait_for("the end of the lesson", Duration::from_secs(60), body).await;
        stage.js::<()>("e2e.seek(0)").await;
        let body = "return e2e.video.currentTime < 10 && !e2e.video.seeking";
        let _: bool = stage.wait_for("the seek back", player::START, body).await;
    }
    begun.elapsed()
}

async fn nobody_noticed(stage: &Stage, took: Duration) {
    player::no_errors(stage).await;
    let stalls: u64 = stage.js("return e2e.player.qoe.stallCount").await;
    assert_eq!(stalls, 0, "rebuffers");
    let requests = stage.admin().requests().await;
    let refused: Vec<_> = requests.iter().filter(|r| r.status == Some(403)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    // Nothing that is at hand is asked for again: what a renewal changes is the door, not what is behind it.
    let of = |part: &str| requests.iter().filter(|r| r.method == "GET" && r.path.contains(part)).count();
    assert_eq!((of("master.m3u8"), of("/keys/")), (1, 1));
    let renewals = stage.admin().renewals().await;
    assert_eq!(renewals.in_flight_max, 1, "{renewals:?}");
    let most = player::most_renewals(took, LIFE);
    assert!((7..=most).contains(&renewals.granted), "{renewals:?} in {took:?} of {LIFE} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_live_for_eight_seconds_play_for_a_minute() {
    patient_stage("renewal", async |stage| {
        start(stage, terms(&json!({}))).await;
        let took = a_minute(stage).await;
        nobody_noticed(stage, took).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_three_hours_fast_changes_nothing() {
    wrong_clock("renewal-fast-clock", -10_800).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_three_hours_slow_changes_nothing() {
    wrong_clock("renewal-slow-clock", 10_800).await;
}

/// The servers are so many seconds ahead of the browser.
async fn wrong_clock(name: &str, offset: i64) {
    patient_stage(name, async |stage| {
        start(stage, terms(&json!({ "clock_offset_s": offset }))).await;
        let took = a_minute(stage).await;
        nobody_noticed(stage, took).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_twice_is_tried_again() {
    patient_stage("renewal-fails", async |stage| {
        start(stage, terms(&json!({ "renew_fails": 2 }))).await;
        let took = a_minute(stage).await;
        nobody_noticed(stage, took).await;
        let renewals = stage.admin().renewals().await;
        assert_eq!(renewals.asked, renewals.granted + 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_file_opens_nothing() {
    patient_stage("other-file", async |stage| {
        let token = stage.admin().tokens("sample-psign", 600).await.drm_token;
        player::start(stage, &player::playlist(stage, &token).await, json!({})).await;
        let failure = player::fatal(stage).await;
        assert_eq!((failure.code.as_str(), failure.status), ("access_refused", Some(403)));
        let requests = stage.admin().requests().await;
        assert!(requests.iter().all(|r| !r.path.contains("/keys/") || r.status == Some(403)));
        let shown: u64 = stage.js("return e2e.frames").await;
        assert_eq!(shown, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_revoked_ends_within_a_segment() {
    patient_stage("revoked", async |stage| {
        let long = json!({ "token_ttl_s": 600, "url_ttl_s": 600, "signed_segments": true });
        start(stage, long.clone()).await;
        player::plays_on(stage, 2.0).await;
        let mut revoked = long;
        revoked["revoked"] = true.into();
        stage.admin().access(&revoked).await;
        let before: f64 = stage.js("return e2e.video.currentTime").await;
        let failure = player::fatal_within(stage, Duration::from_secs(15)).await;
        assert_eq!((failure.code.as_str(), failure.phase.as_str()), ("access_revoked", "access"));
        // The sample's segments are four seconds long; a refusal comes with the next one.
        let played: f64 = stage.js("return e2e.video.currentTime").await;
        assert!(played - before < 4.0 + 1.0, "{before} to {played}");
        let errors: Value = stage.js("return e2e.errors").await;
        assert_eq!(errors.as_array().map(Vec::len), Some(1), "{errors}");
    })
    .await;
}

/// Every address is signed by itself: what names them is loaded again, and nothing behind it.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_signed_one_by_one_are_signed_anew() {
    patient_stage("renewal-exact", async |stage| {
        stage.admin().access(&terms(&json!({}))).await;
        let mut attributes = player::file(stage, "sample-exact");
        for name in ["file-id", "app-id", "play-info-url"] {
            attributes.remove(name);
        }
        let token = stage.admin().tokens("sample-exact", LIFE).await.drm_token;
        let src = stage.admin().url("/media/sample-exact/master.m3u8", LIFE, false).await;
        attributes.extend([("src".to_owned(), json!(src)), ("token".to_owned(), json!(token))]);
        let renew_from = json!({ "url": format!("/s/{}/renew", stage.session()), "fileId": "sample-exact" });
        let options = json!({ "bufferGoal": 5, "backBuffer": 1, "renewFrom": renew_from });
        player::start(stage, &attributes, options).await;
        let body = "return e2e.video.currentTime >= 23";
        let _: bool = stage.wait_for("the end of the lesson", Duration::from_secs(60), body).await;
        player::no_errors(stage).await;
        let stalls: u64 = stage.js("return e2e.player.qoe.stallCount").await;
        let requests = stage.admin().requests().await;
        let refused: Vec<_> = requests.iter().filter(|r| r.status == Some(403)).collect();
        assert!(stalls == 0 && refused.is_empty(), "{stalls} stalls, {refused:#?}");
        let of = |part: &str| requests.iter().filter(|r| r.method == "GET" && r.path.contains(part)).count();
        let granted = stage.admin().renewals().await.granted;
        assert!(granted >= 2 && of("master.m3u8") as u64 == 1 + granted, "{granted} renewals");
        assert_eq!(of("/keys/"), 1);
    })
    .await;
}

/// A source that has taken over must not get what was asked for the one before; nor is a page that hangs the last.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_wish_is_answered() {
    patient_stage("renewal-wishes", async |stage| {
        stage.open("/e2e.html").await;
        let told: Value = stage
            .js("const { Renewer } = await import('./access.js');
                 const [asked, posted, settle] = [[], [], []];
                 const renew = (wish) => new Promise((resolve) => { asked.push(wish); settle.push(resolve); });
                 const renewer = new Renewer(renew, (message) => posted.push(message));
                 const answers = [
                   renewer.answer({ id: 1, reason: 'expiring', wanted: 'media', source: 0 }),
                   renewer.answer({ id: 2, reason: 'refused', wanted: 'playInfo', source: 1 }),
                 ];
                 settle[0]({ token: 'of the first' });
                 settle[1]({ token: 'of the second' });
                 await Promise.all(answers);
                 renewer.answer({ id: 3, reason: 'expiring', wanted: 'media', source: 1 });
                 renewer.stop();
                 const wishes = asked.map(({ signal, ...wish }) => ({ ...wish, aborted: signal.aborted }));
                 return { wishes, posted };")
            .await;
        let wish = |reason: &str, wanted: &str, source: u8, aborted: bool| {
            json!({ "reason": reason, "wanted": wanted, "source": source, "aborted": aborted })
        };
        let wishes = [
            wish("expiring", "media", 0, true),
            wish("refused", "playInfo", 1, true),
            wish("expiring", "media", 1, true),
        ];
        assert_eq!(told["wishes"], json!(wishes));
        let grant = json!({ "url": null, "token": "of the second", "expires": null, "serverTime": null });
        assert_eq!(
            told["posted"],
            json!([{ "type": "renewed", "id": 2, "grant": grant, "revoked": false }])
        );
    })
    .await;
}

/// What the session would not understand is no grant, and the next wish is answered all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_grant_is_none() {
    patient_stage("renewal-malformed", async |stage| {
        stage.open("/e2e.html").await;
        let grants: Vec<Value> = stage
            .js("const { Renewer } = await import('./access.js');
                 const posted = [];
                 let next;
                 const renewer = new Renewer(async () => next, (message) => posted.push(structuredClone(message)));
                 const given = [
                   undefined, 5, { token: { psign: 'x' } }, { token: 7 }, { expires: 'soon' }, { serverTime: () => 1 },
                   { src: 'http://[' }, { expires: '1700000000' }, { expires: new Date(1500), serverTime: new Date(1500) },
                 ];
                 for (const [id, grant] of given.entries()) {
                   next = grant;
                   await renewer.answer({ id, reason: 'refused', wanted: 'media', source: 0 });
                 }
                 return posted.map(({ id, grant }) => [id, grant]);")
            .await;
        let times = |expires: Value, server_time: Value| {
            json!({ "url": null, "token": null, "expires": expires, "serverTime": server_time })
        };
        let nothing = times(json!(null), json!(null));
        let wanted = [
            json!(null),
            nothing,
            json!(null),
            json!(null),
            json!(null),
            json!(null),
            json!(null),
            times(json!(1_700_000_000), json!(null)),
            times(json!(1), json!(1500)),
        ];
        let wanted: Vec<Value> = wanted.into_iter().enumerate().map(|(id, grant)| json!([id, grant])).collect();
        assert_eq!(grants, wanted);
    })
    .await;
}
