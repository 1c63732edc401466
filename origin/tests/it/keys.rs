//! The key service, and encryption as openssl sees it.

use cloud_player_origin::{Config, Error, Origin, Secret};
use serde_json::json;

use crate::harness::{Site, attribute, config, path_of, run, run_text, sample};

#[tokio::test]
async fn a_key_is_sixteen_bytes_for_a_good_token() {
    let site = Site::start().await;
    let token = site.drm_token("sample", 60).await;
    let key = site.get(&format!("/s/any/keys/sample/0?token={token}")).await;
    assert_eq!((key.status, key.body.len()), (200, 16));
    assert_eq!(key.header("content-type"), "application/octet-stream");
    assert_eq!(key.header("cache-control"), "no-store");
    assert_eq!(site.get(&format!("/keys/sample/1?token={token}")).await.refusal(), (404, "not_found".into()));
    assert_eq!(site.get(&format!("/keys/sample/x?token={token}")).await.refusal(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_key_is_refused_to_every_other_token() {
    let site = Site::start().await;
    let refusal = async |path: String| site.get(&path).await.refusal();
    assert_eq!(refusal("/keys/sample/0".into()).await, (403, "token_missing".into()));
    assert_eq!(refusal("/keys/sample/0?token=".into()).await, (403, "token_missing".into()));
    let old = site.drm_token("sample", -1).await;
    assert_eq!(refusal(format!("/keys/sample/0?token={old}")).await, (403, "token_expired".into()));
    let other = site.drm_token("sample-rotating", 60).await;
    let good = site.drm_token("sample", 60).await;
    let (message, tag) = good.split_once('.').unwrap();
    let (other_message, _) = other.split_once('.').unwrap();
    let got = refusal(format!("/keys/sample/0?token={other}")).await;
    assert_eq!(got, (403, "token_other_file".into()));
    for bad in [
        "x".into(),
        format!("{message}.{}", tag.to_lowercase()),
        format!("{other_message}.{tag}"),
        message.into(),
        format!("{good}."),
    ] {
        let got = refusal(format!("/keys/sample/0?token={bad}")).await;
        assert_eq!(got, (403, "token_invalid".into()), "{bad}");
    }
}

#[tokio::test]
async fn a_token_from_play_info_is_bound_to_its_session() {
    let site = Site::start().await;
    let info = site.get("/s/mine/getplayinfo/v4/1/sample").await.json();
    let token = info["media"]["streamingInfo"]["drmToken"].as_str().unwrap().to_owned();
    assert_eq!(site.get(&format!("/s/mine/keys/sample/0?token={token}")).await.status, 200);
    let stranger = site.get(&format!("/s/yours/keys/sample/0?token={token}")).await;
    assert_eq!(stranger.refusal(), (403, "token_other_session".into()));
    assert_eq!(site.get(&format!("/keys/sample/0?token={token}")).await.status, 403);
}

/// An overlay as a player sends it: 32 digits under the origin's public key, by openssl.
fn ciphered(public_key: &str, text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (key, clear) = (directory.path().join("key.pem"), directory.path().join("clear"));
    std::fs::write(&key, public_key).unwrap();
    std::fs::write(&clear, text).unwrap();
    let (key, clear) = (key.to_str().unwrap(), clear.to_str().unwrap());
    let pkcs1 = ["-pkeyopt", "rsa_padding_mode:pkcs1"];
    let out = run(
        "openssl",
        &[&["pkeyutl", "-encrypt", "-pubin", "-inkey", key, "-in", clear][..], &pkcs1[..]].concat(),
    );
    hex::encode(out)
}

#[tokio::test]
async fn with_an_overlay_a_key_comes_encrypted_for_that_session_and_file() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const IV: &str = "fedcba9876543210fedcba9876543210";
    let site = Site::start().await;
    let public_key = site.get("/overlay-key").await.text();
    assert!(public_key.starts_with("-----BEGIN PUBLIC KEY-----"), "{public_key}");
    let info = async |file: &str, query: &str| {
        let answer = site.get(&format!("/s/o/getplayinfo/v4/1/{file}?{query}")).await.json();
        (answer["code"].as_u64().unwrap(), answer["media"]["streamingInfo"]["drmToken"].clone())
    };
    let key = async |file: &str, id: u32, token: &serde_json::Value| {
        site.get(&format!("/s/o/keys/{file}/{id}?token={}", token.as_str().unwrap())).await.body
    };
    let (_, token) = info("sample-rotating", "").await;
    let clear = [key("sample-rotating", 0, &token).await, key("sample-rotating", 1, &token).await];

    let (ciphered_key, ciphered_iv) = (ciphered(&public_key, KEY), ciphered(&public_key, IV));
    let overlay = format!("cipheredOverlayKey={ciphered_key}&cipheredOverlayIv={ciphered_iv}&keyId=1");
    let (code, token) = info("sample-rotating", &overlay).await;
    assert_eq!(code, 0);
    for (id, clear) in (0..).zip(&clear) {
        let covered = key("sample-rotating", id, &token).await;
        assert_eq!(covered.len(), 16);
        assert_ne!(&covered, clear);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, &covered).unwrap();
        let path = file.path().to_str().unwrap();
        let decrypt = ["enc", "-d", "-aes-128-cbc", "-nopad", "-K", KEY, "-iv", IV, "-in", path];
        assert_eq!(&run("openssl", &decrypt), clear);
    }
    // A renewed token opens the same.
    let order = json!({ "fileId": "sample-rotating" }).to_string();
    let renewed = site.connect().await.send("POST", "/s/o/renew", &[], &order).await.json();
    assert_eq!(key("sample-rotating", 0, &renewed["token"]).await, key("sample-rotating", 0, &token).await);
    // Another file and another session have none.
    let (_, other) = info("sample", "").await;
    let plain = site.get(&format!("/keys/sample/0?token={}", site.drm_token("sample", 60).await)).await.body;
    assert_eq!(key("sample", 0, &other).await, plain);
    let stranger = site.drm_token("sample-rotating", 60).await;
    assert_eq!(site.get(&format!("/keys/sample-rotating/0?token={stranger}")).await.body, clear[0]);

    let short = ciphered(&public_key, "0123");
    let raw = ciphered(&public_key, "0123456789abcdef");
    for bad in [
        format!("cipheredOverlayKey={ciphered_key}"),
        format!("cipheredOverlayKey={ciphered_key}&cipheredOverlayIv={ciphered_iv}&keyId=2"),
        format!("cipheredOverlayKey={ciphered_key}&cipheredOverlayIv={KEY}"),
        format!("cipheredOverlayKey={short}&cipheredOverlayIv={ciphered_iv}"),
        format!("cipheredOverlayKey={raw}&cipheredOverlayIv={ciphered_iv}"),
        format!("cipheredOverlayKey={}&cipheredOverlayIv={ciphered_iv}", "zz".repeat(256)),
        format!("cipheredOverlayKey={}&cipheredOverlayIv={ciphered_iv}", "7f".repeat(256)),
    ] {
        assert_eq!(info("sample-rotating", &bad).await, (1005, json!(null)), "{bad}");
        assert_eq!(site.requests("o").await.last().unwrap()["refused"], "overlay_invalid");
    }
    // Without one in play info keys are as they were.
    let (_, token) = info("sample-rotating", "").await;
    assert_eq!(key("sample-rotating", 0, &token).await, clear[0]);
}

#[tokio::test]
async fn a_key_for_overlays_that_is_none_is_told_at_the_start() {
    let config = Config { overlay_key: Secret::new("-----BEGIN"), ..config() };
    assert!(matches!(Origin::bind(config).await, Err(Error::OverlayKey(_))));
}

#[tokio::test]
async fn openssl_decrypts_what_is_served_to_what_was_packaged() {
    let site = Site::start().await;
    for (asset, keys, explicit) in [
        ("sample", 1, false),
        ("sample-rotating", 3, true),
        ("sample-sequence", 3, false),
        ("lesson", 1, true),
    ] {
        let info = site.get(&format!("/getplayinfo/v4/1/{asset}")).await.json();
        let streaming = &info["media"]["streamingInfo"];
        let token = streaming["drmToken"].as_str().unwrap();
        let url = path_of(streaming["drmOutput"][0]["url"].as_str().unwrap());
        let (_, query) = url.split_once('?').unwrap();
        let directory = format!("/media/{asset}/480p");
        let rung = site.get(&format!("{directory}/voddrm.token.{token}.index.m3u8?{query}")).await.text();

        let (mut sequence, mut key, mut keys_seen, mut segments) = (0_u128, None, Vec::new(), 0);
        for line in rung.lines() {
            if let Some(number) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                sequence = number.parse().unwrap();
            } else if line.starts_with("#EXT-X-KEY:") {
                assert_eq!(attribute(line, "METHOD"), Some("AES-128"));
                let bytes = site.get(attribute(line, "URI").unwrap()).await.body;
                assert_eq!(bytes.len(), 16);
                let iv = attribute(line, "IV").map(|iv| iv.strip_prefix("0x").unwrap().to_owned());
                assert_eq!(iv.is_some(), explicit);
                assert!(!keys_seen.contains(&bytes), "a key came twice");
                keys_seen.push(bytes.clone());
                key = Some((hex::encode(bytes), iv));
            } else if !line.is_empty() && !line.starts_with('#') {
                let (key, iv) = key.as_ref().unwrap();
                let iv = iv.clone().unwrap_or_else(|| format!("{sequence:032x}"));
                let cipher = site.get(&format!("{directory}/{line}?{query}")).await.body;
                let file = tempfile::NamedTempFile::new().unwrap();
                std::fs::write(&file, &cipher).unwrap();
                let path = file.path().to_str().unwrap();
                let clear =
                    run("openssl", &["enc", "-d", "-aes-128-cbc", "-K", key, "-iv", &iv, "-in", path]);
                let packaged = std::fs::read(sample().join("480p").join(line)).unwrap();
                assert_ne!(cipher, packaged);
                assert!(clear == packaged, "{asset}: {line} differs");
                sequence += 1;
                segments += 1;
            }
        }
        assert_eq!((segments, keys_seen.len()), (6, keys), "{asset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_plays_it() {
    let site = Site::start().await;
    for asset in ["sample", "sample-rotating", "sample-clear"] {
        let token = site.drm_token(asset, 60).await;
        // Signed exactly, because ffmpeg passes no parameters on.
        let url = site.signed(&format!("/media/{asset}/720p/index.m3u8"), false, 60).await;
        let url = url.replace("/index", &format!("/voddrm.token.{token}.index"));
        let url = format!("http://{}/s/ffmpeg{url}", site.origin.addr());
        let count = run_text(
            "ffprobe",
            &[
                "-v",
                "error",
                "-count_frames",
                "-select_streams",
                "v:0",
                "-show_entries",
                "stream=nb_read_frames,width",
                "-of",
                "default=nw=1",
                &url,
            ],
        );
        assert!(count.contains("width=1280") && count.contains("nb_read_frames=600"), "{asset}: {count}");
    }
}

#[tokio::test]
async fn a_wrong_key_comes_from_the_key_service_or_from_the_encryption() {
    let site = Site::start().await;
    let token = site.drm_token("sample", 60).await;
    let path = format!("keys/sample/0?token={token}");
    let right = site.get(&format!("/{path}")).await.body;
    site.plant("k", "/keys/*", json!({ "kind": "wrong_key" })).await;
    let wrong = site.get(&format!("/s/k/{path}")).await.body;
    assert_eq!(wrong.len(), 16);
    assert_ne!(wrong, right);

    let url = site.signed("/media/sample/360p/000.ts", false, 60).await;
    let segment = site.get(&url).await.body;
    site.plant("s", ".ts", json!({ "kind": "wrong_key" })).await;
    let other = site.get(&format!("/s/s{url}")).await.body;
    assert_eq!(other.len(), segment.len());
    assert_ne!(other, segment);
    assert!(site.get(&url).await.body == segment, "the wrong one was kept");
}

#[tokio::test]
async fn keys_and_playlists_are_the_same_after_a_restart_with_the_same_secret() {
    let path = "/getplayinfo/v4/1/sample-rotating";
    let mut keys = Vec::new();
    for _ in 0..2 {
        let site = Site::start().await;
        let info = site.get(path).await.json();
        let token = info["media"]["streamingInfo"]["drmToken"].as_str().unwrap().to_owned();
        let url = site.signed("/media/sample-rotating/360p/index.m3u8", true, 60).await;
        let ivs: Vec<String> = site
            .get(&url)
            .await
            .text()
            .lines()
            .filter_map(|line| attribute(line, "IV").map(str::to_owned))
            .collect();
        keys.push((site.get(&format!("/keys/sample-rotating/2?token={token}")).await.body, ivs));
        site.origin.shutdown().await;
    }
    assert_eq!(keys[0], keys[1]);
}
