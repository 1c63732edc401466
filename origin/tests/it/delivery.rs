//! Ranges, CORS, shaping and the request log.

use std::path::Path;
use std::time::{Duration, Instant};

use cloud_player_origin::Config;
use serde_json::json;

use crate::harness::{Answer, Site, assert_takes, config, sample};

/// An origin with files of known sizes.
async fn with_files(files: &[(&str, usize)]) -> (Site, tempfile::TempDir) {
    let www = tempfile::tempdir().unwrap();
    for (name, size) in files {
        std::fs::write(www.path().join(name), vec![b'x'; *size]).unwrap();
    }
    let site = Site::with(Config { www: Some(www.path().to_owned()), ..config() }).await;
    (site, www)
}

#[tokio::test]
async fn ranges_of_a_clear_segment_are_those_of_the_file() {
    let site = Site::start().await;
    let url = site.signed("/media/sample-clear/360p/001.ts", false, 60).await;
    let file = std::fs::read(sample().join("360p/001.ts")).unwrap();
    let whole = site.get(&url).await;
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
    assert!(whole.body == file);
    let total = file.len();
    for (header, part, content_range) in [
        ("bytes=0-187", &file[..188], format!("bytes 0-187/{total}")),
        ("bytes=188-", &file[188..], format!("bytes 188-{}/{total}", total - 1)),
        ("bytes=-16", &file[total - 16..], format!("bytes {}-{}/{total}", total - 16, total - 1)),
        ("bytes=0-99999999", &file[..], format!("bytes 0-{}/{total}", total - 1)),
    ] {
        let answer = site.get_with(&url, &[("range", header)]).await;
        assert_eq!((answer.status, answer.header("content-range")), (206, content_range.as_str()));
        assert_eq!(answer.header("content-length"), part.len().to_string());
        assert!(answer.body == part, "{header}");
    }
    let beyond = site.get_with(&url, &[("range", &format!("bytes={total}-"))]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, format!("bytes */{total}").as_str()));
    assert_eq!(site.get_with(&url, &[("range", "bytes=0-1,4-5")]).await.status, 200);
}

#[tokio::test]
async fn ranges_of_an_encrypted_segment_are_cut_from_the_cipher_text() {
    let site = Site::start().await;
    let url = site.signed("/media/sample/360p/001.ts", false, 60).await;
    let whole = site.get(&url).await.body;
    assert_eq!(whole.len() % 16, 0);
    let part = site.get_with(&url, &[("range", "bytes=100-299")]).await;
    assert!(part.body == whole[100..300]);
}

#[tokio::test]
async fn other_web_origins_may_read_everything() {
    let site = Site::start().await;
    let open = |answer: &Answer| {
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("timing-allow-origin"), "*");
        let exposed = answer.header("access-control-expose-headers");
        for name in ["Date", "Content-Range", "Retry-After", "Content-Length"] {
            assert!(exposed.contains(name), "{name} is not exposed");
        }
        assert!(answer.header("date").ends_with("GMT"));
    };
    let url = site.signed("/media/sample/360p/000.ts", false, 60).await;
    open(&site.get(&url).await);
    open(&site.get("/media/sample/360p/000.ts").await);
    open(&site.get("/keys/sample/0").await);
    open(&site.get("/getplayinfo/v4/1/sample").await);
    open(&site.get("/nothing").await);
    open(&site.get("/s/bad.sid/x").await);
    let asked = [
        ("origin", "http://elsewhere"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range,cmcd-session"),
    ];
    let preflight = site.connect().await.send("OPTIONS", &format!("/s/p{url}"), &asked, "").await;
    open(&preflight);
    assert_eq!((preflight.status, preflight.body.len()), (204, 0));
    assert_eq!(preflight.header("access-control-allow-headers"), "range,cmcd-session");
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert_eq!(preflight.header("access-control-max-age"), "7200");
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let site = Site::start().await;
    let url = site.signed("/media/sample/360p/000.ts", false, 60).await;
    let length = site.get(&url).await.body.len();
    let head = site.connect().await.send("HEAD", &url, &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), length.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shaped_session_has_its_rate_and_no_other() {
    let (site, _www) = with_files(&[("a.bin", 250_000), ("b.bin", 2_500_000)]).await;
    site.shape("slow", Some(1_000_000), 0).await;
    assert_takes(2.0, async || site.get("/s/slow/a.bin").await.end_after).await;
    site.shape("fast", Some(20_000_000), 0).await;
    assert_takes(1.0, async || site.get("/s/fast/b.bin").await.end_after).await;
    assert!(site.get("/s/other/b.bin").await.end_after < Duration::from_millis(700));
    site.shape("slow", None, 0).await;
    assert!(site.get("/s/slow/a.bin").await.end_after < Duration::from_millis(700));
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_of_a_session_share_its_rate() {
    let (site, _www) = with_files(&[("a.bin", 250_000)]).await;
    site.shape("x", Some(2_000_000), 0).await;
    assert_takes(2.0, async || {
        let start = Instant::now();
        let (first, second) = tokio::join!(site.get("/s/x/a.bin"), site.get("/s/x/a.bin"));
        let apart = first.end_after.abs_diff(second.end_after);
        assert!(apart < Duration::from_millis(400), "they did not take turns: {apart:?} apart");
        start.elapsed()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rate_holds_for_a_response_under_way() {
    let (site, _www) = with_files(&[("a.bin", 250_000)]).await;
    // One second at 62.5 kB/s, the other 187.5 kB at 375 kB/s.
    assert_takes(1.5, async || {
        site.shape("x", Some(500_000), 0).await;
        let (answer, ()) = tokio::join!(site.get("/s/x/a.bin"), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            site.shape("x", Some(3_000_000), 0).await;
        });
        answer.end_after
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_costs_two_round_trips_and_a_used_one_one() {
    let (site, _www) = with_files(&[("a.bin", 10)]).await;
    site.shape("x", None, 500).await;
    assert_takes(1.0, async || site.get("/s/x/a.bin").await.head_after).await;
    let mut client = site.connect().await;
    client.send("GET", "/s/x/a.bin", &[], "").await;
    assert_takes(0.5, async || client.send("GET", "/s/x/a.bin", &[], "").await.head_after).await;
}

#[tokio::test]
async fn the_log_has_every_request_and_no_secret() {
    let site = Site::start().await;
    let token = site.drm_token("sample", 60).await;
    let url = site.signed("/media/sample/master.m3u8", true, 60).await;
    let (_, query) = url.split_once('?').unwrap();
    site.get(&format!("/s/log/media/sample/360p/voddrm.token.{token}.index.m3u8?{query}")).await;
    site.get(&format!("/s/log/keys/sample/0?token={token}")).await;
    let range = [("range", "bytes=0-99")];
    site.get_with(&format!("/s/log/media/sample/360p/000.ts?{query}"), &range).await;
    site.get("/s/log/getplayinfo/v4/1/sample?psign=hush").await;
    site.get("/media/sample/master.m3u8").await;
    let log = site.requests("log").await;
    let seen: Vec<_> = log
        .iter()
        .map(|r| {
            (
                r["path"].as_str().unwrap(),
                r["status"].as_u64().unwrap(),
                r["token"] == true,
                r["signature"] == true,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("/media/sample/360p/index.m3u8", 200, true, true),
            ("/keys/sample/0", 200, true, false),
            ("/media/sample/360p/000.ts", 206, false, true),
            ("/getplayinfo/v4/1/sample", 200, false, false),
        ]
    );
    assert_eq!((&log[1]["bytes_sent"], &log[2]["bytes_sent"]), (&json!(16), &json!(100)));
    assert_eq!((&log[2]["range"], &log[1]["range"]), (&json!("bytes=0-99"), &json!(null)));
    assert!(log.iter().all(|r| r["aborted"] == false && r["done_ms"].as_u64() >= r["at_ms"].as_u64()));
    let text = serde_json::to_string(&log).unwrap();
    let signature = query.rsplit('=').next().unwrap();
    for secret in [token.as_str(), token.split('.').next().unwrap(), signature, "hush"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_who_leaves_is_logged_as_aborted() {
    let (site, _www) = with_files(&[("a.bin", 1_000_000)]).await;
    site.shape("x", Some(800_000), 0).await;
    let left = tokio::time::timeout(Duration::from_millis(500), site.get("/s/x/a.bin")).await;
    assert!(left.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let log = site.requests("x").await;
    let sent = log[0]["bytes_sent"].as_u64().unwrap();
    assert!((30_000..90_000).contains(&sent), "{sent}");
    assert_eq!((&log[0]["aborted"], log[0]["done_ms"].is_u64()), (&json!(true), true));
}

#[test]
fn the_samples_are_small() {
    fn size(path: &Path) -> u64 {
        let entries = std::fs::read_dir(path).unwrap().map(Result::unwrap);
        entries.map(|e| if e.path().is_dir() { size(&e.path()) } else { e.metadata().unwrap().len() }).sum()
    }
    assert!(size(&sample()) < 3_000_000);
    let beside = |name: &str| sample().with_file_name(name);
    assert!(size(&beside("sample-splice")) + size(&beside("sample-tracks")) < 1_300_000);
}
