use serde_json::json;

use super::*;

pub(super) fn answer() -> Value {
    json!({
        "sources": [
            {
                "url": null, "src": "/v/master.m3u8?sig=SOURCESIGN&amp;x=1",
                "type": "application/vnd.apple.mpegurl; charset=utf-8"
            },
            {"url": "https://b/v/stream", "token": "OWNTOKEN"},
            {"url": "https://b/v/manifest", "type": "application/dash+xml"},
            {"url": "https://b/v.mpd"},
            {"url": "https://b/v/file", "type": "video/mp4; codecs=\"avc1.64001f\""},
            "https://b/v.mp4?sig=SOURCESIGN"
        ],
        "token": "SHAREDTOKEN", "expiry": 1_700_000_600, "serverTime": 1_700_000_000_123_i64,
        "poster": "/p.jpg?sig=POSTERSIGN", "thumbnails": "thumbs.vtt?sig=SPRITESIGN",
        "name": "Lesson 3", "duration": 61.5, "preview": "30",
        "keyFrames": [{"time": 1.5, "content": "Start"}, {"content": "nowhere"}, {"time": 3}]
    })
}

#[test]
fn a_neutral_answer_is_read_whole() {
    let info = read(&answer()).unwrap();
    assert_eq!(
        places(&info),
        [
            ("https://play.example/v/master.m3u8?sig=SOURCESIGN&x=1", StreamKind::Hls),
            ("https://b/v/stream", StreamKind::Hls),
            ("https://b/v/file", StreamKind::File),
            ("https://b/v.mp4?sig=SOURCESIGN", StreamKind::File),
        ]
    );
    let tokens: Vec<_> =
        info.sources.iter().map(|s| info.token_of(s).map(|token| token.expose().as_str())).collect();
    assert_eq!(tokens, [Some("SHAREDTOKEN"), Some("OWNTOKEN"), None, None]);
    assert_eq!((info.token_expiry, info.server_time), (Some(1_700_000_600), Some(1_700_000_000_123)));
    assert_eq!(info.poster.as_ref().map(Url::expose), Some("https://play.example/p.jpg?sig=POSTERSIGN"));
    let thumbnails = Url::new("https://play.example/getplayinfo/v4/1500/thumbs.vtt?sig=SPRITESIGN");
    assert_eq!(info.sprite, Some(Sprite { web_vtt: Some(thumbnails), images: Vec::new() }));
    assert_eq!((info.name.as_deref(), info.duration), (Some("Lesson 3"), Some(MediaTime::from_secs(61.5))));
    assert_eq!(info.preview, Some(MediaTime::from_secs(30.0)));
    let frame =
        |millis, content: &str| KeyFrame { at: MediaTime::from_millis(millis), content: content.into() };
    assert_eq!(info.key_frames, [frame(1500, "Start"), frame(3000, "")]);
}

#[test]
fn a_neutral_answer_may_be_short() {
    for sources in [json!("v.m3u8"), json!({"url": "v.m3u8"}), json!(["v.m3u8"]), json!([{"src": "v.m3u8"}])]
    {
        let info = read(&json!({"code": 0, "media": null, "sources": sources})).unwrap();
        let url = Url::new("https://play.example/getplayinfo/v4/1500/v.m3u8");
        assert_eq!(
            info,
            PlayInfo { sources: vec![source(url, StreamKind::Hls, Protected::None)], ..PlayInfo::default() }
        );
    }
    assert_eq!(read(&json!({"sources": ["http://h/v.mpd"]})), Err(PlayInfoError::NoSource));
    assert_eq!(read(&json!({"code": 2001, "sources": ["v"]})), Err(PlayInfoError::Service { code: 2001 }));
}

/// Seconds or milliseconds, as numbers or as texts, under either name; `expiry` before `expires`, and both before what
/// the token says of itself.
#[test]
fn moments_are_in_seconds_or_milliseconds() {
    // {"exp":5}
    let token = "eyJleHAiOjV9.tag";
    for (fields, wanted) in [
        (json!({"expiry": 1_700_000_600, "expires": 7}), Some(1_700_000_600)),
        (json!({"expires": 1_700_000_600_999_i64}), Some(1_700_000_600)),
        (json!({"expires": "1700000600"}), Some(1_700_000_600)),
        (json!({"expires": "1700000600999"}), Some(1_700_000_600)),
        (json!({"expires": "soon"}), Some(5)),
        (json!({"expires": -3}), Some(5)),
        (json!({}), Some(5)),
        (json!({"token": "opaque"}), None),
    ] {
        let mut answer = json!({"sources": ["v.m3u8"], "token": token});
        for (name, value) in fields.as_object().unwrap() {
            answer[name] = value.clone();
        }
        assert_eq!(read(&answer).unwrap().token_expiry, wanted, "{fields}");
    }
}
