//! Whatever is said in whatever order: no panic, no end without a beginning, and no secret on the way out.

use cloud_player::miniprogram::Players;
use proptest::prelude::*;
use serde_json::Value;

fn inputs() -> impl Strategy<Value = String> {
    let secs = prop_oneof![Just(-1.0), Just(0.0), Just(1e300), 0.0..100.0_f64];
    let event = prop::sample::select(vec![
        "play",
        "pause",
        "waiting",
        "ended",
        "seekcomplete",
        "loadedmetadata",
        "progress",
        "ratechange",
        "error",
    ]);
    let body = prop::sample::select(vec![
        super::LADDER.to_owned(),
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned(),
        "<html>".to_owned(),
        r#"{"code":0,"sources":["http://h/d/v.m3u8?sign=SECRET"],"token":"SECRET","expires":1700000060}"#
            .to_owned(),
        r#"{"code":1009}"#.to_owned(),
    ]);
    let status = prop::sample::select(vec![200, 204, 301, 401, 403, 404, 429, 500, 503]);
    let quoted = |text: &str| Value::from(text).to_string();
    prop_oneof![
        Just(r#"{"type":"play"}"#.to_owned()),
        Just(r#"{"type":"pause"}"#.to_owned()),
        Just(r#"{"type":"wake"}"#.to_owned()),
        Just(r#"{"type":"destroy"}"#.to_owned()),
        Just(r#"{"type":"load","sources":[{"kind":"playInfo","appId":1,"fileId":"2","token":{"psign":"SECRET"}},
            {"kind":"hls","url":"http://u:SECRET@h/m.m3u8","drmToken":"SECRET"},{"kind":"file","url":"http://h/v?sign=SECRET"}]}"#.to_owned()),
        (0_u8..8).prop_map(|rung| format!(r#"{{"type":"setQuality","quality":{rung}}}"#)),
        Just(r#"{"type":"setQuality","quality":"auto"}"#.to_owned()),
        any::<bool>().prop_map(|hidden| format!(r#"{{"type":"visibility","hidden":{hidden}}}"#)),
        prop::sample::select(vec!["wifi", "none", "4g"]).prop_map(|n| format!(r#"{{"type":"network","networkType":"{n}"}}"#)),
        secs.clone().prop_map(|to| format!(r#"{{"type":"seek","to":{to}}}"#)),
        secs.clone().prop_map(|rate| format!(r#"{{"type":"setRate","rate":{rate}}}"#)),
        event.prop_map(|event| format!(r#"{{"type":"native","event":"{event}","detail":{{"message":"MEDIA_ERR_NETWORK SECRET"}}}}"#)),
        secs.prop_map(|at| format!(r#"{{"type":"native","event":"timeupdate","detail":{{"currentTime":{at}}}}}"#)),
        (1_u8..12, status, body).prop_map(move |(id, status, body)| {
            format!(r#"{{"type":"response","id":{id},"status":{status},"body":{}}}"#, quoted(&body))
        }),
        (1_u8..12).prop_map(|id| format!(r#"{{"type":"requestFailed","id":{id},"reason":"timeout"}}"#)),
        (1_u8..4).prop_map(|id| format!(r#"{{"type":"renewed","id":{id},"token":"SECRET2","url":"http://h/m.m3u8?sign=SECRET"}}"#)),
        (1_u8..4, any::<bool>()).prop_map(|(id, r)| format!(r#"{{"type":"renewFailed","id":{id},"revoked":{r}}}"#)),
        "\\PC{0,20}",
    ]
}

proptest! {
    #[test]
    fn any_sequence_of_inputs_is_taken(inputs in prop::collection::vec((0_u32..20_000, inputs()), 0..60)) {
        let mut players = Players::default();
        let config = br#"{"sessionId":"s","renews":true,"reportUrl":"http://h/r","playInfoHosts":["p1","p2"]}"#;
        let mut now = 0.0;
        let handle = players.create(now, config);
        let mut errors = 0;
        for (passed, input) in inputs {
            now += f64::from(passed);
            let outputs: Value = serde_json::from_str(&players.handle(handle, now, input.as_bytes())).unwrap();
            for output in outputs.as_array().unwrap() {
                match output["type"].as_str().unwrap() {
                    // These are what a secret is for.
                    "request" if output["kind"] != "report" => {}
                    "source" => {}
                    "event" => {
                        let is_fatal = output["name"] == "error" && output["detail"]["fatal"] == true;
                        errors += usize::from(is_fatal);
                        prop_assert!(!output.to_string().contains("SECRET"), "{output}");
                    }
                    "wake" => prop_assert!(output["at"].as_f64().is_none_or(|at| at >= now), "{output} at {now}"),
                    _ => prop_assert!(!output.to_string().contains("SECRET"), "{output}"),
                }
            }
        }
        prop_assert!(errors <= 1, "fatal {errors} times");
    }

    #[test]
    fn any_config_is_a_handle_or_none(text in "\\PC{0,40}") {
        let mut players = Players::default();
        let handle = players.create(0.0, text.as_bytes());
        prop_assert_eq!(players.handle(handle + 1, 0.0, b""), "[]");
    }
}
