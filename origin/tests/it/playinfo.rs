//! Play info in its other forms, and what all have in common.

use cloud_player_origin::{Config, Secret};
use serde_json::{Value, json};

use crate::harness::{Site, config, path_of, run_text, uris};

const KEY: &str = "24FEQmTzro4V5u3D5epW";

fn md5(text: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    let out = run_text("openssl", &["dgst", "-md5", "-r", file.path().to_str().unwrap()]);
    out.split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn version_2_leads_to_the_same_streams_with_the_token_in_their_names() {
    let site = Site::start().await;
    let answer = site.get("/s/two/getplayinfo/v2/1500000000/sample-exact").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let info = answer.json();
    assert_eq!((&info["code"], &info["version"], &info["message"]), (&json!(0), &json!(2), &json!("")));
    let video = &info["videoInfo"];
    assert_eq!(video["sourceVideo"]["floatDuration"], json!(24.0));
    assert_eq!(video["basicInfo"]["name"], "Sample, every URL signed by itself");
    // Milliseconds here, seconds in version 4.
    let marks = &info["keyFrameDescInfo"]["keyFrameDescList"];
    assert_eq!((&marks[0]["timeOffset"], &marks[1]["timeOffset"]), (&json!(0), &json!(12_000)));
    let v4 = site.get("/getplayinfo/v4/1/sample-exact").await.json();
    assert_eq!(v4["media"]["keyFrameDescInfo"]["keyFrameDescList"][1]["timeOffset"], json!(12.0));

    let url = video["masterPlayList"]["url"].as_str().unwrap();
    assert!(url.contains("/s/two/media/sample-exact/voddrm.token."), "{url}");
    let master = site.get(path_of(url)).await.text();
    assert_eq!(uris(&master).len(), 4);
    let list = video["transcodeList"].as_array().unwrap();
    assert_eq!(
        list.iter().map(|rung| rung["height"].as_u64().unwrap()).collect::<Vec<_>>(),
        [360, 480, 720, 1080]
    );
    for rung in list {
        let playlist = site.get(path_of(rung["url"].as_str().unwrap())).await;
        assert_eq!(playlist.status, 200);
        // From here a player needs nothing that it was not told.
        let text = playlist.text();
        let key = crate::harness::attribute(&text, "URI").unwrap().to_owned();
        assert_eq!(site.get(&key).await.body.len(), 16);
    }
    let poster = site.get(path_of(info["coverInfo"]["coverUrl"].as_str().unwrap())).await;
    assert_eq!(poster.status, 200);

    let clear = site.get("/getplayinfo/v2/1/sample-clear").await.json();
    let url = clear["videoInfo"]["masterPlayList"]["url"].as_str().unwrap();
    assert!(!url.contains("voddrm"), "{url}");
    assert_eq!(site.get(path_of(url)).await.status, 200);
    let leech = site.get("/getplayinfo/v2/1/sample-anti-leech").await.json();
    let rung = leech["videoInfo"]["transcodeList"][0]["url"].as_str().unwrap().to_owned();
    assert!(rung.contains("&sign="), "{rung}");
    assert_eq!(site.get(path_of(&rung)).await.status, 200);
}

#[tokio::test]
async fn version_2_is_signed_where_version_4_needs_a_psign() {
    let site = Site::with(Config { anti_leech_key: Some(Secret::new(KEY)), ..config() }).await;
    let code = async |query: &str| {
        let answer = site.get(&format!("/getplayinfo/v2/15/sample-psign?{query}")).await;
        assert_eq!(answer.status, 200);
        answer.json()["code"].as_u64().unwrap()
    };
    let sign = md5(&format!("{KEY}15sample-psignffffffffus1"));
    assert_eq!(code(&format!("t=ffffffff&us=us1&sign={sign}")).await, 0);
    assert_eq!(code(&format!("t=ffffffff&us=us2&sign={sign}")).await, 1003);
    assert_eq!(code(&format!("t=ffffffff&us=us1&exper=60&sign={sign}")).await, 1003);
    let preview = md5(&format!("{KEY}15sample-psignffffffff60us1"));
    assert_eq!(code(&format!("t=ffffffff&us=us1&exper=60&sign={preview}")).await, 0);
    let old = md5(&format!("{KEY}15sample-psign5a71afc0us1"));
    assert_eq!(code(&format!("t=5a71afc0&us=us1&sign={old}")).await, 1004);
    assert_eq!(code("").await, 1003);
    let unknown = site.get("/s/x/getplayinfo/v2/15/nothing").await.json();
    assert_eq!((&unknown["code"], unknown.get("videoInfo")), (&json!(1006), None));
    assert_eq!(site.requests("x").await[0]["refused"], "not_found");
    let reasons: Vec<Value> = site.requests("default").await.iter().map(|r| r["refused"].clone()).collect();
    let invalid = json!("signature_invalid");
    let expired = json!("signature_expired");
    assert_eq!(
        reasons,
        [json!(null), invalid.clone(), invalid, json!(null), expired, json!("signature_missing")]
    );
}

#[tokio::test]
async fn the_neutral_form_says_when_it_ends_and_what_time_it_is() {
    let site = Site::start().await;
    let terms = json!({ "token_ttl_s": 8, "clock_offset_s": -10_800 });
    site.admin("PUT", "sessions/n/access", &terms).await;
    let answer = site.get("/s/n/playinfo/sample").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let info = answer.json();
    let (expires, server_ms) = (info["expires"].as_u64().unwrap(), info["serverTime"].as_u64().unwrap());
    assert!((7..=8).contains(&(expires - server_ms / 1000)), "{info}");
    let source = &info["sources"][0];
    assert_eq!(source["type"], "application/vnd.apple.mpegurl");
    assert_eq!(site.get(path_of(source["url"].as_str().unwrap())).await.status, 200);
    let key = format!("/s/n/keys/sample/0?token={}", info["token"].as_str().unwrap());
    assert_eq!(site.get(&key).await.status, 200);
    assert_eq!((&info["thumbnails"], &info["duration"]), (&json!(null), &json!(24.0)));
    assert_eq!(site.get(path_of(info["poster"].as_str().unwrap())).await.status, 200);
    assert_eq!(site.get("/playinfo/sample-clear").await.json()["token"], json!(null));

    assert_eq!(site.get("/playinfo/nothing").await.refusal(), (404, "not_found".into()));
    assert_eq!(site.get("/playinfo/sample-psign").await.refusal(), (403, "psign_invalid".into()));
    let order = json!({ "file_id": "sample-psign", "ttl_s": 60, "app_id": 15 });
    let psign = site.admin("POST", "tokens", &order).await.json()["psign"].as_str().unwrap().to_owned();
    assert_eq!(site.get(&format!("/playinfo/sample-psign?psign={psign}")).await.status, 200);
}

#[tokio::test]
async fn a_revoked_session_gets_play_info_in_no_form() {
    let site = Site::start().await;
    site.admin("PUT", "sessions/v/access", &json!({ "revoked": true })).await;
    for form in ["getplayinfo/v4/1", "getplayinfo/v2/1", "playinfo"] {
        let answer = site.get(&format!("/s/v/{form}/sample")).await;
        assert_eq!(answer.refusal(), (403, "session_revoked".into()), "{form}");
    }
}

#[tokio::test]
async fn version_4_gives_the_context_back() {
    let site = Site::start().await;
    let info = site.get("/getplayinfo/v4/1/sample?context=a%20lesson").await.json();
    assert_eq!(info["context"], "a lesson");
}
