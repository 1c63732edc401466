//! Everything that a page, its console and the reports get, searched for the secrets of the session.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cloud_player_e2e::patient_stage;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::play_info::overlay_key;
use crate::player;

/// What the worker asked for, and the randomness that it took.
#[derive(Deserialize)]
struct Seen {
    url: Option<String>,
    random: Option<Vec<u8>>,
}

/// Bytes in every dress.
fn dresses(secret: &[u8]) -> Vec<String> {
    let hex = |before: &str, upper: bool| {
        secret.iter().fold(String::new(), |mut text, byte| {
            let digits = if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            write!(text, "{before}{digits}").expect("a string");
            text
        })
    };
    let list = json!(secret).to_string();
    let mut all = vec![
        hex("", false),
        hex("", true),
        hex("%", false),
        hex("%", true),
        list.trim_matches(['[', ']']).to_owned(),
    ];
    for last in ["+/", "-_"] {
        let digits: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(last.chars()).collect();
        // The last digit may be shared with what follows.
        let whole = secret.len() / 3 * 3;
        let number = |three: &[u8]| three.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        all.push(
            secret[..whole]
                .chunks(3)
                .flat_map(|three| (0..4).map(move |at| number(three) >> (18 - 6 * at) & 63))
                .map(|n| digits[n])
                .collect(),
        );
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        all.push(text.to_owned());
        all.push(url::form_urlencoded::byte_serialize(secret).collect());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_events_console_or_reports() {
    patient_stage("secrets", async |stage| {
        let sid = stage.session();
        stage.admin().access(&json!({ "token_ttl_s": 6, "url_ttl_s": 6, "signed_segments": true })).await;
        let good = stage.admin().tokens("sample-psign", 600).await.psign;
        let expired = stage.admin().tokens("sample-psign", -60).await.psign;
        let mut attributes = player::file(stage, "sample-psign");
        attributes.insert("token".to_owned(), expired.clone().into());
        for (pattern, kind) in [("*.ts", "status"), ("*.m3u8", "status"), ("/keys/*", "wrong_key")] {
            let mut fault = json!({ "kind": kind });
            if kind == "status" {
                fault["status"] = 503.into();
            }
            stage.admin().fault(&json!({ "pattern": pattern, "fault": fault, "times": 1 })).await;
        }
        let renew_from = json!({ "url": format!("/s/{sid}/renew"), "fileId": "sample-psign", "psign": good });
        let options = json!({
            "bufferGoal": 5, "backBuffer": 1, "reportInterval": 1,
            "overlayKey": overlay_key(stage).await, "renewFrom": renew_from,
        });
        player::start(stage, &attributes, options).await;
        let renewed = "return e2e.grants.length >= 2 && e2e.video.currentTime > 8";
        let _: bool = stage.wait_for("two renewals", player::START, renewed).await;
        // The content key as it is, for who asks without an overlay.
        let key: Vec<u8> = stage
            .js(&format!(
                "const {{ getPlayInfo }} = await import('./index.js');
                 const {{ sources: [{{ token }}] }} = await getPlayInfo(1500000000, '{good}', 'sample-psign',
                     {{ playInfoUrl: '/s/{sid}/getplayinfo/v4' }});
                 e2e.grants.push({{ token }});
                 return [...new Uint8Array(await (await fetch('/s/{sid}/keys/sample-psign/0?token=' + token)).arrayBuffer())]"
            ))
            .await;
        assert_eq!(key.len(), 16);
        stage.admin().access(&json!({ "token_ttl_s": 6, "url_ttl_s": 6, "revoked": true })).await;
        let failure = player::fatal(stage).await;
        assert_eq!(failure.code, "access_revoked");
        stage.js::<()>("await e2e.player.destroy()").await;

        let mut secrets: BTreeSet<Vec<u8>> = BTreeSet::from([key, good.into_bytes(), expired.into_bytes()]);
        let seen: Vec<Seen> = stage.js("return e2e.probe.filter(({ url, random }) => url || random)").await;
        for seen in seen {
            secrets.extend(seen.random.filter(|random| random.len() == 32));
            let url = seen.url.unwrap_or_default();
            for name in ["signature=", "token=", "voddrm.token.", "cipheredOverlayKey=", "cipheredOverlayIv=", "psign="] {
                let Some(rest) = url.split(name).nth(1) else { continue };
                let value = rest.split(['&', '?', '/']).next().unwrap_or_default();
                // A token in a file name ends where the name of the file begins.
                let end = if name.starts_with("voddrm") { value.match_indices('.').nth(1).map(|(at, _)| at) } else { None };
                secrets.insert(value[..end.unwrap_or(value.len())].as_bytes().to_vec());
            }
        }
        let grants: Vec<Value> = stage.js("return e2e.grants").await;
        for grant in grants {
            let url = grant["url"].as_str().unwrap_or_default();
            let signature = url.split("signature=").nth(1).unwrap_or_default();
            secrets.extend([signature, grant["token"].as_str().unwrap_or_default()].map(|s| s.as_bytes().to_vec()));
        }
        secrets.remove(&Vec::new());
        assert!(secrets.len() > 12, "only {} secrets", secrets.len());

        let heard: Vec<String> = stage.js("return e2e.heard").await;
        let records = json!(stage.admin().telemetry(sid).await).to_string();
        assert!(heard.iter().any(|text| text.contains("access_revoked")) && records.contains("access_revoked"));
        let mut shown = heard;
        shown.push(records);
        // The browser's own lines about failed requests have the address that it asked for.
        let console = stage.console().await.into_iter().map(|line| line.message);
        shown.extend(console.filter(|line| !line.contains("Failed to load resource")));
        shown.push(stage.js("return document.documentElement.outerHTML.replace(/ token=\"[^\"]*\"/, '')").await);
        shown.push(stage.js("return JSON.stringify([performance.getEntriesByType('mark'), performance.getEntriesByType('measure'), { ...localStorage }, { ...sessionStorage }, document.cookie])").await);
        for secret in &secrets {
            for dress in dresses(secret) {
                let leak = shown.iter().find(|text| text.contains(&dress));
                assert_eq!(leak, None, "{dress}");
            }
        }
    })
    .await;
}
