//! Play info from several hosts, by signatures that are renewed, and keys under an overlay; and what the package exports of it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use cloud_player_e2e::{Stage, patient_stage};
use serde_json::{Map, Value, json};

use crate::player;

/// A port that nobody listens at.
fn nobody() -> String {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    format!("http://127.0.0.1:{port}/getplayinfo/v4")
}

fn with(mut attributes: Map<String, Value>, name: &str, value: impl Into<Value>) -> Map<String, Value> {
    attributes.insert(name.to_owned(), value.into());
    attributes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_there_gives_way_to_the_next() {
    patient_stage("info-fail-over", async |stage| {
        let list = format!("{} /s/{}/getplayinfo/v4", nobody(), stage.session());
        let attributes = with(player::file(stage, "sample"), "play-info-url", list);
        player::start(stage, &attributes, json!({})).await;
        player::recovers(stage, 1.0).await;
        assert_eq!(player::codes(stage).await, ["network"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_player_signature_is_asked_for_anew_once() {
    patient_stage("info-psign", async |stage| {
        let good = stage.admin().tokens("sample-psign", 600).await.psign;
        let expired = stage.admin().tokens("sample-psign", -60).await.psign;
        let attributes = with(player::file(stage, "sample-psign"), "token", expired.clone());
        player::start(stage, &attributes, json!({ "renewFrom": { "psign": good } })).await;
        player::plays_on(stage, 1.0).await;
        player::no_errors(stage).await;
        let wishes: Value = stage.js("return e2e.wishes").await;
        assert_eq!(wishes, json!([["refused", "playInfo"]]));

        let options = json!({ "renewFrom": { "psign": expired }, "sessionId": "info-psign-twice" });
        player::start(stage, &attributes, options).await;
        let failure = player::fatal(stage).await;
        assert_eq!((failure.code.as_str(), failure.phase.as_str()), ("play_info_token_refused", "play_info"));
        let wishes: Value = stage.js("return e2e.wishes").await;
        assert_eq!(wishes, json!([["refused", "playInfo"]]));
    })
    .await;
}

/// The overlay's public key, as the page's options have it.
pub(crate) async fn overlay_key(stage: &Stage) -> Value {
    json!({ "publicKey": stage.admin().overlay_key().await, "keyId": "1" })
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_under_an_overlay_play() {
    patient_stage("info-overlay", async |stage| {
        let options = json!({ "overlayKey": overlay_key(stage).await });
        player::start(stage, &player::file(stage, "sample"), options).await;
        player::plays_on(stage, 2.0).await;
        player::no_errors(stage).await;
        // The key service has not sent the key as it is.
        let asked: Vec<String> =
            stage.js("return e2e.probe.filter(({ what }) => what === 'fetch').map(({ url }) => url)").await;
        let info = asked.iter().find(|url| url.contains("/getplayinfo/")).expect("play info");
        assert!(info.contains("cipheredOverlayKey=") && info.contains("&cipheredOverlayIv="), "{info}");
        let key = asked.iter().find(|url| url.contains("/keys/")).expect("a key");
        let body = format!("return [...new Uint8Array(await (await fetch('{key}')).arrayBuffer())]");
        let under_overlay: Vec<u8> = stage.js(&body).await;
        let _: Value = stage
            .js(&format!("return (await fetch('/s/{}/getplayinfo/v4/1/sample')).json()", stage.session()))
            .await;
        let bare: Vec<u8> = stage.js(&body).await;
        assert!(under_overlay.len() == 16 && bare.len() == 16 && under_overlay != bare);
    })
    .await;
}

/// A page renews what play info named, in the forms that have no renewal of their own.
async fn renewed_by_the_page(name: &'static str, endpoint: &'static str, app_id: &'static str) {
    patient_stage(name, async |stage| {
        let sid = stage.session();
        stage.admin().access(&json!({ "token_ttl_s": 6, "url_ttl_s": 6, "signed_segments": true })).await;
        let attributes = with(player::file(stage, "sample"), "play-info-url", format!("/s/{sid}{endpoint}"));
        let attributes = with(attributes, "app-id", app_id);
        let renew_from = json!({ "url": format!("/s/{sid}/renew"), "fileId": "sample" });
        let options = json!({ "bufferGoal": 5, "backBuffer": 1, "renewFrom": renew_from });
        let begun = Instant::now();
        player::start(stage, &attributes, options).await;
        let body = "return e2e.video.currentTime >= 20.5";
        let _: bool = stage.wait_for("the end of the lesson", Duration::from_secs(60), body).await;
        player::no_errors(stage).await;
        let stalls: u64 = stage.js("return e2e.player.qoe.stallCount").await;
        let requests = stage.admin().requests().await;
        let refused: Vec<_> = requests.iter().filter(|r| r.status == Some(403)).collect();
        assert!(stalls == 0 && refused.is_empty(), "{stalls} stalls, {refused:#?}");
        let infos = requests.iter().filter(|r| r.path.contains("playinfo")).count();
        let renewals = stage.admin().renewals().await;
        assert_eq!((infos, renewals.in_flight_max), (1, 1), "{renewals:?}");
        let took = begun.elapsed();
        assert!(
            (2..=player::most_renewals(took, 6)).contains(&renewals.granted),
            "in {took:?}: {renewals:?}"
        );
        let wishes: Vec<(String, String)> = stage.js("return e2e.wishes").await;
        assert!(wishes.iter().all(|wish| *wish == ("expiring".to_owned(), "media".to_owned())), "{wishes:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_renews_what_the_neutral_form_named() {
    renewed_by_the_page("info-neutral", "", "playinfo").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_renews_what_version_2_named() {
    renewed_by_the_page("info-v2", "/getplayinfo/v2", "1500000000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_tells_what_play_info_says() {
    patient_stage("info-export", async |stage| {
        stage.open("/e2e.html").await;
        let ask = async |file: &str, token: &Value, more: &str| -> Value {
            let list = json!([nobody(), format!("/s/{}/getplayinfo/v4", stage.session())]);
            let body = format!(
                "const {{ getPlayInfo }} = await import('./index.js');
                 const options = {{ playInfoUrl: {list} {more} }};
                 return getPlayInfo(1500000000, {token}, '{file}', options).then(
                     (info) => ({{ info }}),
                     ({{ code, phase, fatal, message }}) => ({{ code, phase, fatal, message }}),
                 );"
            );
            stage.js(&body).await
        };
        let tokens = stage.admin().tokens("sample-psign", 600).await;
        for token in [json!(tokens.psign), json!({ "psign": tokens.psign })] {
            let told = ask("sample-psign", &token, "").await;
            let info = &told["info"];
            assert!(info["name"].is_string() && info["duration"].as_f64() == Some(24.0), "{told}");
            assert!(info["poster"].as_str().is_some_and(|url| url.starts_with("http")), "{told}");
            assert_eq!(info["keyFrames"][1]["content"], "Half-time");
            let source = &info["sources"][0];
            assert_eq!(source["type"], "hls");
            // What it tells opens the file.
            let opens = format!(
                "const {{ formatUrlWithToken }} = await import('./index.js');
                 return (await fetch(formatUrlWithToken({}, {}))).status",
                source["url"], source["token"]
            );
            assert_eq!(stage.js::<u16>(&opens).await, 200);
        }
        let refused = ask("sample-psign", &json!(null), "").await;
        assert_eq!(
            (&refused["code"], &refused["fatal"]),
            (&json!("play_info_refused"), &json!(true)),
            "{refused}"
        );
        let expired = stage.admin().tokens("sample-psign", -60).await.psign;
        let renew = format!(", renewAccess: async () => ({{ token: '{}' }})", tokens.psign);
        let renewed = ask("sample-psign", &json!(expired), &renew).await;
        assert_eq!(renewed["info"]["sources"][0]["type"], "hls", "{renewed}");
        let refused = ask("sample-psign", &json!(expired), "").await;
        assert_eq!(refused["code"], "play_info_token_refused");
    })
    .await;
}

/// The same rows as `src/access/token.rs` is held to.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_puts_tokens_on_addresses_as_the_core_does() {
    patient_stage("format-url", async |stage| {
        stage.open("/e2e.html").await;
        let rows = include_str!("../../../fixtures/access/token-urls.json");
        let wrong: Value = stage
            .js(&format!(
                "const {{ formatUrlWithToken }} = await import('./index.js');
                 const twice = ([url, token]) => formatUrlWithToken(formatUrlWithToken(url, token), token);
                 const made = (row) => [formatUrlWithToken(row[0], row[1]), twice(row)];
                 return {rows}.filter((row) => made(row).some((url) => url !== row[2])).map((row) => [row, made(row)]);"
            ))
            .await;
        assert_eq!(wrong, json!([]));
    })
    .await;
}
