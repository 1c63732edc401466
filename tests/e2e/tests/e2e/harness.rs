//! The stage itself: what it says of a page must be true before it is believed of the player.

use std::time::Duration;

use cloud_player_e2e::{patient_stage, stage};
use serde_json::json;

use crate::player;

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_tells_fragmented_mp4_from_transport_stream() {
    stage("probe", async |stage| {
        stage.open("/e2e.html").await;
        let seen: serde_json::Value = stage
            .js("
                await import('./probe.js');
                const video = document.body.appendChild(document.createElement('video'));
                const source = new MediaSource();
                video.src = URL.createObjectURL(source);
                await new Promise((open) => source.addEventListener('sourceopen', open, { once: true }));
                const type = 'video/mp4; codecs=\"avc1.42c00d\"';
                const buffer = source.addSourceBuffer(type);
                const box = [0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65];
                buffer.appendBuffer(new Uint8Array([...box, ...box]));
                await new Promise((done) => buffer.addEventListener('updateend', done, { once: true }));
                buffer.appendBuffer(new Uint8Array(188).fill(0x47));
                await new Promise((after) => setTimeout(after, 100));
                return e2e.probe.map(({ what, where, type, bytes, boxes }) => [what, where, type ?? null, bytes ?? null, boxes ?? null]);
            ")
            .await;
        let kind = "video/mp4; codecs=\"avc1.42c00d\"";
        assert_eq!(
            seen,
            json!([
                ["addSourceBuffer", "page", kind, null, null],
                ["appendBuffer", "page", null, 16, ["free", "free"]],
                ["appendBuffer", "page", null, 188, null],
            ])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_sees_into_a_worker() {
    stage("probe-worker", async |stage| {
        stage.open("/e2e.html").await;
        let where_from: Vec<String> = stage
            .js(&format!(
                "const text = `
                    import '{}';
                    const source = new MediaSource();
                    postMessage(source.handle, [source.handle]);
                    source.onsourceopen = () => {{
                        const buffer = source.addSourceBuffer('video/mp4; codecs=\"avc1.42c00d\"');
                        buffer.appendBuffer(new Uint8Array([0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65]));
                    }};`;
                const url = URL.createObjectURL(new Blob([text], {{ type: 'text/javascript' }}));
                const worker = new Worker(url, {{ type: 'module' }});
                const handle = await new Promise((come) => (worker.onmessage = ({{ data }}) => come(data)));
                document.body.appendChild(document.createElement('video')).srcObject = handle;
                while (e2e.probe.length < 2) await new Promise((soon) => setTimeout(soon, 20));
                return e2e.probe.map(({{ what, where, boxes }}) => [what, where, ...(boxes ?? [])].join(' '));",
                stage.address("/probe.js")
            ))
            .await;
        assert_eq!(where_from, ["addSourceBuffer worker", "appendBuffer worker free"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_shaped_and_its_requests_are_told() {
    stage("shaped", async |stage| {
        stage.open("/e2e.html").await;
        stage.admin().shape(Some(1_000_000), 100).await;
        let url = stage.admin().url("/media/sample/master.m3u8", 60, true).await;
        let (status, ms): (u16, f64) = stage
            .js(&format!(
                "const begun = performance.now();
                 const response = await fetch('{url}');
                 await response.text();
                 return [response.status, performance.now() - begun];"
            ))
            .await;
        assert_eq!(status, 200);
        assert!(ms >= 100.0, "{ms} ms with a round-trip time of 100 ms");
        let requests = stage.admin().requests().await;
        let request = requests.first().expect("the request is in the log");
        assert_eq!((request.path.as_str(), request.status), ("/media/sample/master.m3u8", Some(200)));
        assert!(request.done_ms.is_some_and(|done| done >= request.at_ms) && !request.aborted, "{request:?}");

        stage
            .admin()
            .fault(&json!({ "pattern": "*.m3u8", "fault": { "kind": "status", "status": 503 } }))
            .await;
        let again: u16 = stage.js(&format!("return (await fetch('{url}')).status")).await;
        assert_eq!(again, 503);
        stage.admin().clear_faults().await;
        let cleared: u16 = stage.js(&format!("return (await fetch('{url}')).status")).await;
        assert_eq!(cleared, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_thrown_back_is_seen_and_a_seek_is_none() {
    patient_stage("thrown-back", async |stage| {
        player::start(stage, &player::file(stage, "sample"), json!({ "startRung": 0 })).await;
        player::plays_on(stage, 2.0).await;
        stage.js::<()>("e2e.seek(0.2)").await;
        player::plays_on(stage, 1.5).await;
        let thrown_back: f64 = stage.js("return e2e.thrownBack").await;
        assert!(thrown_back < 0.05, "{thrown_back} s by a seek");
        stage.js::<()>("e2e.video.currentTime = 0.1").await;
        let seen = "return e2e.thrownBack > 1";
        let _: bool = stage.wait_for("the watch to see it", Duration::from_secs(10), seen).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_that_is_posted_can_be_read() {
    stage("telemetry", async |stage| {
        stage.open("/e2e.html").await;
        let batch = json!({ "session_id": "abc", "seq": 0, "records": [{ "kind": "qoe", "startup_ms": 7 }] });
        let status: u16 = stage
            .js(&format!(
                "return (await fetch('/s/{}/telemetry', {{ method: 'POST', body: `{batch}` }})).status",
                stage.session()
            ))
            .await;
        assert_eq!(status, 200);
        let records = stage.admin().telemetry("abc").await;
        assert!(records.iter().any(|record| record.to_string().contains("\"startup_ms\":7")), "{records:?}");
        assert!(stage.admin().telemetry("nobody").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_in_vain_fails_and_leaves_evidence() {
    let folder = std::env::var_os("CLOUD_PLAYER_E2E_OUT").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/e2e").into(),
        std::path::PathBuf::from,
    );
    let failed = tokio::spawn(stage("in-vain", async |stage| {
        stage.open("/e2e.html").await;
        stage.js::<()>("console.error('a line for the log')").await;
        stage.wait_for::<bool>("what never comes", Duration::from_millis(200), "return false").await;
    }))
    .await
    .expect_err("the scenario fails")
    .into_panic();
    let message = failed.downcast_ref::<String>().expect("a message");
    assert!(message.contains("what never comes"), "{message}");
    let log = std::fs::read_to_string(folder.join("in-vain.log")).expect("a log");
    assert!(log.contains("a line for the log"), "{log}");
    let png = std::fs::read(folder.join("in-vain.png")).expect("a screenshot");
    assert!(png.starts_with(b"\x89PNG"));
    // This failure was wanted.
    for kind in ["log", "png"] {
        std::fs::remove_file(folder.join("in-vain").with_extension(kind)).expect("removed");
    }
}
