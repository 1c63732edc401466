//! Administration refuses strangers and nonsense.

use serde_json::json;

use crate::harness::{ADMIN, Site};

#[tokio::test]
async fn only_the_token_opens_administration() {
    let site = Site::start().await;
    let longer = format!("{ADMIN}x");
    for headers in
        [&[][..], &[("x-admin-token", "")], &[("x-admin-token", "no")], &[("x-admin-token", &longer)]]
    {
        let answer = site.get_with("/admin/sessions/x/requests", headers).await;
        assert_eq!(answer.refusal(), (403, "admin_token".into()));
    }
    let right = [("x-admin-token", ADMIN)];
    assert_eq!(site.get_with("/admin/sessions/x/requests", &right).await.json(), json!([]));
    assert_eq!(site.get_with("/s/x/admin/sessions/x/requests", &right).await.status, 404);
    assert_eq!(site.origin.admin_token().expose(), ADMIN.as_bytes());
    assert_eq!(format!("{:?}", site.origin.admin_token()), "Secret(…)");
}

#[tokio::test]
async fn nonsense_is_refused_with_a_reason() {
    let site = Site::start().await;
    for (method, path, body, code) in [
        ("PUT", "sessions/x/shape", json!({ "bits_per_second": 10 }), "shape"),
        ("PUT", "sessions/x/shape", json!({ "rtt_ms": 1_000_000 }), "shape"),
        ("PUT", "sessions/x/shape", json!({ "rate": 10 }), "body"),
        ("PUT", "sessions/a.b/shape", json!({}), "session_id"),
        ("POST", "sessions/x/faults", json!({ "pattern": "x", "fault": { "kind": "flood" } }), "body"),
        ("POST", "sessions/x/faults", json!({ "pattern": "", "fault": { "kind": "corrupt" } }), "fault"),
        (
            "POST",
            "sessions/x/faults",
            json!({ "pattern": "x", "fault": { "kind": "status", "status": 99 } }),
            "fault",
        ),
        (
            "POST",
            "sessions/x/faults",
            json!({ "pattern": "x", "fault": { "kind": "corrupt", "every": 0 } }),
            "fault",
        ),
        ("PUT", "sessions/x/live", json!({ "window_s": 0 }), "live"),
        ("PUT", "sessions/x/live", json!({ "ends_after_s": -1 }), "live"),
        ("PUT", "sessions/x/access", json!({ "revoke": true }), "body"),
        ("PUT", "sessions/x/access", json!({ "renew_delay_ms": 60_001 }), "access"),
        ("PUT", "sessions/x/access", json!({ "clock_offset_s": i64::MIN }), "access"),
        ("PUT", "sessions/a.b/access", json!({}), "session_id"),
        ("POST", "tokens", json!({ "file_id": "sample", "ttl_s": 1, "sid": "a.b" }), "session_id"),
        ("PUT", "sessions/x/outage", json!({ "for_ms": 3_600_001 }), "outage"),
        ("PUT", "sessions/x/outage", json!({ "silent": true }), "body"),
        ("POST", "tokens", json!({ "file_id": "sample" }), "body"),
        ("POST", "urls", json!({ "path": "media", "ttl_s": 1 }), "path"),
    ] {
        let answer = site.admin(method, path, &body).await;
        assert_eq!(answer.refusal(), (400, code.into()), "{path} {body}");
        assert_ne!(answer.json()["message"], "");
    }
    // What the framework refuses has the same form.
    assert_eq!(site.admin("PATCH", "tokens", &json!({})).await.refusal(), (405, "method".into()));
    let post = site.connect().await.send("POST", "/keys/sample/0", &[], "").await;
    assert_eq!(post.refusal(), (405, "method".into()));
    assert_eq!(site.get("/keys/%ff/0?token=x").await.refusal(), (400, "request".into()));
    let shape = json!({ "bits_per_second": 5_000_000, "rtt_ms": 50 });
    assert_eq!(site.admin("PUT", "sessions/x/shape", &shape).await.json(), shape);
}
