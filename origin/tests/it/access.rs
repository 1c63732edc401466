//! Play info, URL signatures, and the token in the file name.

use cloud_player_origin::{Config, Secret};
use serde_json::json;

use crate::harness::{SECRET, Site, attribute, config, path_of, run_text, uris};

const RUNG: &str = "/media/sample/360p/index.m3u8";

#[tokio::test]
async fn play_info_leads_to_a_playable_url() {
    let site = Site::start().await;
    let answer = site.get("/s/viewer/getplayinfo/v4/1500000000/sample").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let info = answer.json();
    assert_eq!((&info["code"], &info["version"], &info["message"]), (&json!(0), &json!(4), &json!("")));
    assert_eq!(info["requestId"].as_str().unwrap().len(), 32);
    assert_eq!(info["media"]["basicInfo"]["duration"], json!(24.0));
    let marks = &info["media"]["keyFrameDescInfo"]["keyFrameDescList"];
    assert_eq!((&marks[0]["timeOffset"], &marks[1]["timeOffset"]), (&json!(0.0), &json!(12.0)));
    let streaming = &info["media"]["streamingInfo"];
    let output = &streaming["drmOutput"][0];
    assert_eq!(output["type"], "SimpleAES");
    let rungs: Vec<&str> = output["subStreams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["resolutionName"].as_str().unwrap())
        .collect();
    assert_eq!(rungs, ["360P", "480P", "720P", "1080P"]);
    assert_eq!(streaming["plainOutput"]["url"], "");
    assert!(streaming["drmToken"].as_str().unwrap().contains('.'));
    let url = output["url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("http://{}/s/viewer/media/sample/master.m3u8?expires=", site.origin.addr()))
    );
    let master = site.get(path_of(url)).await;
    assert_eq!(master.status, 200);
    assert_eq!(master.header("content-type"), "application/vnd.apple.mpegurl");
    let poster = site.get(path_of(info["media"]["basicInfo"]["coverUrl"].as_str().unwrap())).await;
    assert_eq!((poster.status, poster.header("content-type")), (200, "image/jpeg"));
}

#[tokio::test]
async fn play_info_of_a_clear_asset_has_a_plain_output() {
    let site = Site::start().await;
    let info = site.get("/getplayinfo/v4/1/sample-clear").await.json();
    let streaming = &info["media"]["streamingInfo"];
    assert_eq!((&streaming["drmOutput"], &streaming["drmToken"]), (&json!([]), &json!("")));
    let url = path_of(streaming["plainOutput"]["url"].as_str().unwrap());
    let (_, query) = url.split_once('?').unwrap();
    assert_eq!(uris(&site.get(url).await.text())[0], "360p/index.m3u8");
    let rung = site.get(&format!("/media/sample-clear/360p/index.m3u8?{query}")).await.text();
    assert!(!rung.contains("EXT-X-KEY"));
}

#[tokio::test]
async fn play_info_failures_have_status_200_and_a_code() {
    let site = Site::start().await;
    let code = async |path: &str| {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 200);
        let body = answer.json();
        assert!(body.get("media").is_none());
        assert_ne!(body["message"], "");
        body["code"].as_u64().unwrap()
    };
    assert_eq!(code("/getplayinfo/v4/1/nothing").await, 1006);
    let psign = async |order: serde_json::Value| {
        site.admin("POST", "tokens", &order).await.json()["psign"].as_str().unwrap().to_owned()
    };
    let path = "/getplayinfo/v4/15/sample-psign";
    assert_eq!(code(path).await, 1003);
    assert_eq!(code(&format!("{path}?psign=")).await, 1003);
    let good = psign(json!({ "file_id": "sample-psign", "ttl_s": 60, "app_id": 15 })).await;
    assert_eq!(code(&format!("{path}?psign={good}x")).await, 1003);
    assert_eq!(code(&format!("/getplayinfo/v4/16/sample-psign?psign={good}")).await, 1003);
    let other = psign(json!({ "file_id": "sample", "ttl_s": 60 })).await;
    assert_eq!(code(&format!("{path}?psign={other}")).await, 1003);
    let old = psign(json!({ "file_id": "sample-psign", "ttl_s": -1 })).await;
    assert_eq!(code(&format!("{path}?psign={old}")).await, 1004);
    assert_eq!(site.get(&format!("{path}?psign={good}")).await.json()["code"], 0);
}

#[tokio::test]
async fn a_directory_signature_holds_for_bare_children() {
    let site = Site::start().await;
    let url = site.signed("/media/sample/master.m3u8", true, 60).await;
    let (_, query) = url.split_once('?').unwrap();
    let master = site.get(&url).await.text();
    assert_eq!(uris(&master), ["360p/index.m3u8", "480p/index.m3u8", "720p/index.m3u8", "1080p/index.m3u8"]);
    assert_eq!(site.get("/media/sample/360p/index.m3u8").await.refusal(), (403, "signature_missing".into()));
    let rung = site.get(&format!("{RUNG}?{query}")).await.text();
    assert_eq!(uris(&rung)[0], "000.ts");
    let segment = site.get(&format!("/s/anybody/media/sample/360p/000.ts?{query}")).await;
    assert_eq!((segment.status, segment.header("content-type")), (200, "video/mp2t"));
}

#[tokio::test]
async fn an_exact_signature_is_handed_down_to_every_child() {
    let site = Site::start().await;
    let url = site.signed("/media/sample/master.m3u8", false, 60).await;
    let (_, query) = url.split_once('?').unwrap();
    assert_eq!(site.get(&format!("{RUNG}?{query}")).await.refusal(), (403, "signature_invalid".into()));
    let master = site.get(&format!("/s/x{url}")).await.text();
    let expires = query.split('&').next().unwrap();
    let mut segments = 0;
    for child in uris(&master) {
        assert!(child.contains(expires), "{child} does not expire with its parent");
        let rung = site.get(&format!("/s/x/media/sample/{child}")).await;
        assert_eq!(rung.status, 200);
        let directory = child.split('/').next().unwrap();
        for child in uris(&rung.text()) {
            let head = site
                .connect()
                .await
                .send("HEAD", &format!("/media/sample/{directory}/{child}"), &[], "")
                .await;
            assert_eq!(head.status, 200);
            segments += 1;
        }
    }
    assert_eq!(segments, 24);
    let info = site.get("/getplayinfo/v4/1/sample-exact").await.json();
    let url = info["media"]["streamingInfo"]["drmOutput"][0]["url"].as_str().unwrap().to_owned();
    assert!(uris(&site.get(path_of(&url)).await.text())[0].contains("&signature="));
}

#[tokio::test]
async fn signatures_that_do_not_hold_are_refused() {
    let site = Site::start().await;
    let code = async |path: String| site.get(&path).await.refusal();
    let old = site.signed(RUNG, false, -1).await;
    assert_eq!(code(old).await, (403, "signature_expired".into()));
    let good = site.signed(RUNG, false, 60).await;
    assert_eq!(site.get(&good).await.status, 200);
    let (_, query) = good.split_once('?').unwrap();
    let (expires, signature) = query.split_once('&').unwrap();
    let later: u64 = expires["expires=".len()..].parse().unwrap();
    for bad in [format!("{RUNG}?{expires}"), format!("{RUNG}?{signature}")] {
        assert_eq!(code(bad).await, (403, "signature_missing".into()));
    }
    for bad in [
        format!("{RUNG}?expires={}&{signature}", later + 1),
        format!("{RUNG}?{expires}&signature={}", "0".repeat(64)),
        format!("{RUNG}?{expires}&signature=zz"),
        format!("{RUNG}?{expires}&signature="),
        format!("{RUNG}?expires=+{later}&{signature}x"),
        format!("/media/sample/480p/index.m3u8?{query}"),
        format!("/media/sample/360p/000.ts?{query}"),
    ] {
        assert_eq!(code(bad.clone()).await, (403, "signature_invalid".into()), "{bad}");
    }
    let other = site.signed(RUNG, true, 60).await;
    let (_, query) = other.split_once('?').unwrap();
    assert_eq!(site.get(&format!("/media/sample/360p/000.ts?{query}")).await.status, 200);
    assert_eq!(code(format!("/media/sample/480p/000.ts?{query}")).await, (403, "signature_invalid".into()));
    // What does not exist is told only to those who may ask.
    assert_eq!(code("/media/nothing/x.ts".into()).await, (403, "signature_missing".into()));
    let nothing = site.signed("/media/nothing/x.ts", false, 60).await;
    assert_eq!(code(nothing).await, (404, "not_found".into()));
}

#[tokio::test]
async fn anybody_with_the_secret_can_sign() {
    let site = Site::start().await;
    let expires = 4_102_444_800_u64;
    let message = format!("{RUNG}:{expires}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, &message).unwrap();
    let out = run_text("openssl", &["dgst", "-sha256", "-hmac", SECRET, "-r", file.path().to_str().unwrap()]);
    let signature = out.split(' ').next().unwrap();
    assert_eq!(site.get(&format!("{RUNG}?expires={expires}&signature={signature}")).await.status, 200);
}

#[tokio::test]
async fn key_anti_leech_guards_its_directory() {
    let key = Some(Secret::new("24FEQmTzro4V5u3D5epW"));
    let site = Site::with(Config { anti_leech_key: key, ..config() }).await;
    let code = async |path: &str| site.get(path).await.refusal();
    let info = site.get("/getplayinfo/v4/1/sample-anti-leech").await.json();
    let url = path_of(info["media"]["streamingInfo"]["drmOutput"][0]["url"].as_str().unwrap()).to_owned();
    let (master, query) = url.split_once('?').unwrap();
    assert!(query.starts_with("t=") && query.contains("&us=") && query.contains("&sign="), "{query}");
    // Children are bare: what opens the directory is passed on by the player.
    assert_eq!(uris(&site.get(&url).await.text())[0], "360p/index.m3u8");
    let segment = "/media/sample-anti-leech/360p/000.ts";
    assert_eq!(site.get(&format!("{segment}?{query}")).await.status, 200);
    assert_eq!(code(segment).await, (403, "signature_missing".into()));
    assert_eq!(code(&format!("{segment}?{query}x")).await, (403, "signature_invalid".into()));
    assert_eq!(code(&format!("{segment}?{query}&rlimit=3")).await, (403, "signature_invalid".into()));
    // No other signature opens it, and its own opens nothing else.
    assert_eq!(code(&format!("/media/sample/360p/000.ts?{query}")).await, (403, "signature_missing".into()));
    let plain = site.signed("/media/sample/360p/000.ts", true, 60).await;
    let (_, plain) = plain.split_once('?').unwrap();
    assert_eq!(code(&format!("{segment}?{plain}")).await, (403, "signature_missing".into()));
    assert_eq!(code(&site.signed(master, true, -1).await).await, (403, "signature_expired".into()));

    // Anybody with the KEY can sign: with all parameters, over the nearest directory.
    let by_hand = |directory: &str, rest: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, format!("24FEQmTzro4V5u3D5epW{directory}{rest}")).unwrap();
        let out = run_text("openssl", &["dgst", "-md5", "-r", file.path().to_str().unwrap()]);
        out.split(' ').next().unwrap().to_owned()
    };
    let sign = by_hand("/media/sample-anti-leech/360p/", "ffffffff3003anything");
    let query = format!("t=ffffffff&exper=300&rlimit=3&us=anything&sign={sign}");
    assert_eq!(site.get(&format!("{segment}?{query}")).await.status, 200);
    let beside = segment.replace("360p", "480p");
    assert_eq!(code(&format!("{beside}?{query}")).await, (403, "signature_invalid".into()));
    let log = site.requests("default").await;
    let (last, before) = (&log[log.len() - 1], &log[log.len() - 2]);
    assert_eq!((&last["signature"], &last["refused"]), (&json!(true), &json!("signature_invalid")));
    assert_eq!(before["refused"], json!(null));
}

#[tokio::test]
async fn a_token_in_the_file_name_goes_to_children_and_keys() {
    let site = Site::start().await;
    let token = site.drm_token("sample", 60).await;
    let url = site.signed("/media/sample/master.m3u8", true, 60).await;
    let (_, query) = url.split_once('?').unwrap();
    let master = site.get(&format!("/s/t/media/sample/voddrm.token.{token}.master.m3u8?{query}")).await;
    assert_eq!(master.status, 200);
    assert_eq!(uris(&master.text())[0], format!("360p/voddrm.token.{token}.index.m3u8"));
    let rung =
        site.get(&format!("/s/t/media/sample/360p/voddrm.token.{token}.index.m3u8?{query}")).await.text();
    assert_eq!(attribute(&rung, "URI").unwrap(), format!("/s/t/keys/sample/0?token={token}"));
    assert_eq!(uris(&rung)[0], "000.ts");
    let plain = site.get(&format!("{RUNG}?{query}")).await.text();
    assert_eq!(attribute(&plain, "URI").unwrap(), "/keys/sample/0");

    // The signature of a playlist with a token is that of the playlist without, and so are its children's.
    let exact = site.signed(RUNG, false, 60).await;
    let with_token = exact.replace("/index.m3u8", &format!("/voddrm.token.{token}.index.m3u8"));
    let rung = site.get(&with_token).await.text();
    assert!(uris(&rung)[0].starts_with("000.ts?expires="));
}
