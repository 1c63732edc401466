use proptest::prelude::*;
use serde_json::json;

use super::*;

fn base() -> Url {
    Url::new("https://play.example/getplayinfo/v4/1500/387702299667618135?psign=SIGNED")
}

fn read(answer: &Value) -> Result<PlayInfo, PlayInfoError> {
    parse(answer.to_string().as_bytes(), &base())
}

/// An answer in the shape and with the quirks of the service's own documentation.
fn documented() -> Value {
    json!({
        "code": 0, "message": "", "requestId": "37", "version": 4, "context": "", "warning": "",
        "media": {
            "basicInfo": {
                "Name": "Lesson 1", "size": 26246026, "duration": 30.5, "description": "",
                "coverUrl": "http://h/c.jpg?t=5c08d9fa&amp;us=u&amp;sign=POSTERSIGN"
            },
            "streamingInfo": {
                "plainOutput": {},
                "drmOutput": [{
                    "type": "simpleAes",
                    "url": "http://h/xxx/xx.m3u8?t=5c08d9fa&amp;us=u&amp;sign=SOURCESIGN",
                    "subStreams": [{"type": "video", "width": 427, "height": 240, "resolutionName": "SD"}]
                }],
                "drmToken": "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
            },
            "imageSpriteInfo": {
                "imageUrls": ["http://h/s1.jpg?t=1&amp;sign=SPRITESIGN"],
                "webVttUrl": "http://h/s.vtt?t=1&amp;sign=SPRITESIGN"
            },
            "keyFrameDescInfo": {"keyFrameDescList": [
                {"timeOffset": 1.5, "content": "Start"}, {"timeOffset": "100.2", "content": "End"}
            ]}
        }
    })
}

fn with_streaming(streaming: Value) -> Value {
    json!({"code": 0, "media": {"streamingInfo": streaming}})
}

#[test]
fn the_request_names_the_file_and_keeps_the_endpoint() {
    for (endpoint, psign, wanted) in [
        ("https://h/getplayinfo/v4", None, "https://h/getplayinfo/v4/1500/f%2F1"),
        (
            "https://h/getplayinfo/v4/",
            Some("a.b-_+/="),
            "https://h/getplayinfo/v4/1500/f%2F1?psign=a.b-_%2B%2F%3D",
        ),
        ("https://h/api?region=eu&x=%20", Some("s"), "https://h/api/1500/f%2F1?region=eu&x=%20&psign=s"),
        ("https://h", Some("s"), "https://h/1500/f%2F1?psign=s"),
        ("/s/1/getplayinfo/v4", None, "/s/1/getplayinfo/v4/1500/f%2F1"),
    ] {
        assert_eq!(request_url(&Url::new(endpoint), "1500", "f/1", psign).expose(), wanted);
    }
}

#[test]
fn the_documented_answer_is_read_whole() {
    let info = read(&documented()).unwrap();
    let url = Url::new("http://h/xxx/xx.m3u8?t=5c08d9fa&us=u&sign=SOURCESIGN");
    assert_eq!(info.sources, [PlaySource { url, protected: Protected::SimpleAes }]);
    assert_eq!(info.drm_token.unwrap().expose(), "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
    assert_eq!(info.name.as_deref(), Some("Lesson 1"));
    assert_eq!(info.duration, Some(MediaTime::from_millis(30_500)));
    assert_eq!(info.poster.as_deref(), Some("http://h/c.jpg?t=5c08d9fa&us=u&sign=POSTERSIGN"));
    let sprite = info.sprite.unwrap();
    assert_eq!(sprite.web_vtt, Some(Url::new("http://h/s.vtt?t=1&sign=SPRITESIGN")));
    assert_eq!(sprite.images, [Url::new("http://h/s1.jpg?t=1&sign=SPRITESIGN")]);
    let frame =
        |millis, content: &str| KeyFrame { at: MediaTime::from_millis(millis), content: content.into() };
    assert_eq!(info.key_frames, [frame(1500, "Start"), frame(100_200, "End")]);
}

#[test]
fn the_encrypted_stream_is_preferred_and_foreign_drm_left_out() {
    let info = read(&with_streaming(json!({
        "plainOutput": {"type": "plain", "url": "/clear.m3u8"},
        "drmOutput": [
            {"type": "FairPlay", "url": "http://h/f.m3u8"},
            {},
            {"type": "SIMPLEAES", "url": "enc.m3u8"},
        ],
    })))
    .unwrap();
    let found: Vec<_> = info.sources.iter().map(|s| (s.url.expose(), s.protected)).collect();
    assert_eq!(
        found,
        [
            ("https://play.example/getplayinfo/v4/1500/enc.m3u8", Protected::SimpleAes),
            ("https://play.example/clear.m3u8", Protected::None),
        ]
    );
    assert_eq!(info.drm_token, None);
}

#[test]
fn what_playback_does_not_need_cannot_stop_it() {
    let mut answer = documented();
    answer["media"]["basicInfo"] = json!("?");
    answer["media"]["imageSpriteInfo"] = json!({"imageUrls": 3, "webVttUrl": ["x"]});
    answer["media"]["keyFrameDescInfo"] =
        json!({"keyFrameDescList": [1, {"timeOffset": -1}, {"timeOffset": "NaN"}]});
    let info = read(&answer).unwrap();
    assert_eq!((info.poster, info.duration, info.sprite, info.key_frames.len()), (None, None, None, 0));
}

#[test]
fn numbers_may_be_texts() {
    let mut answer = documented();
    answer["code"] = json!("0");
    answer["media"]["basicInfo"]["duration"] = json!("61");
    assert_eq!(read(&answer).unwrap().duration, Some(MediaTime::from_millis(61_000)));
    assert_eq!(read(&json!({"code": "2001"})), Err(PlayInfoError::Service { code: 2001 }));
}

#[test]
fn service_codes_have_classes() {
    for (code, class, text) in [
        (1004, Class::RenewToken, "play_info_token_refused"),
        (1009, Class::RenewToken, "play_info_token_refused"),
        (1021, Class::RenewToken, "play_info_token_refused"),
        (2000, Class::Retry, "play_info_unavailable"),
        (2999, Class::Retry, "play_info_unavailable"),
        (1999, Class::Fatal, "play_info_refused"),
        (3000, Class::Fatal, "play_info_refused"),
        (-1, Class::Fatal, "play_info_refused"),
    ] {
        let error = read(&json!({"code": code, "message": "psign=LEAK", "media": null})).unwrap_err();
        assert_eq!((error.class(), error.code()), (class, text), "{code}");
        assert_eq!(error.is_retryable(), class == Class::Retry);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(&code.to_string()) && !shown.contains("LEAK"), "{shown}");
    }
}

#[test]
fn a_wrong_shape_names_the_field() {
    for (answer, field) in [
        (json!([]), "media"),
        (json!({"code": true}), "code"),
        (json!({"code": 0, "media": []}), "media"),
        (json!({"code": 0, "media": {}}), "media.streamingInfo"),
        (with_streaming(json!({})), "media.streamingInfo.drmOutput"),
        (with_streaming(json!({"drmOutput": 1})), "media.streamingInfo.drmOutput"),
        (with_streaming(json!({"plainOutput": [1], "drmOutput": ""})), "media.streamingInfo.drmOutput"),
        (with_streaming(json!({"plainOutput": true})), "media.streamingInfo.plainOutput"),
        (with_streaming(json!({"plainOutput": {"url": ""}})), "media.streamingInfo.plainOutput.url"),
        (
            with_streaming(json!({"drmOutput": [{"type": "simpleAES"}]})),
            "media.streamingInfo.drmOutput[].url",
        ),
        (with_streaming(json!({"plainOutput": {"url": "a"}, "drmToken": 7})), "media.streamingInfo.drmToken"),
    ] {
        let error = read(&answer).unwrap_err();
        assert_eq!(error, PlayInfoError::Shape { field }, "{answer}");
        assert_eq!(error.code(), "play_info_shape");
    }
    let foreign = read(&with_streaming(json!({"drmOutput": [{"type": "Widevine", "url": "http://h/w"}]})));
    assert_eq!(foreign, Err(PlayInfoError::NoSource));
}

#[test]
fn what_is_not_json_says_where() {
    let error = parse(b"<html>\n", &base()).unwrap_err();
    assert_eq!(error, PlayInfoError::NotJson { line: 1, column: 1 });
    assert_eq!(parse(b"", &base()).unwrap_err().code(), "play_info_not_json");
    assert_eq!(parse(&[b'['; 100_000], &base()).unwrap_err().code(), "play_info_not_json");
    assert_eq!(parse(&vec![b' '; MAX_BODY + 1], &base()), Err(PlayInfoError::TooLarge));
    let marked = ["\u{feff}", &documented().to_string()].concat();
    assert!(parse(marked.as_bytes(), &base()).is_ok());
}

#[test]
fn lists_are_bounded() {
    let many = |item: Value| Value::Array(vec![item; 5_000]);
    let mut answer = documented();
    answer["media"]["streamingInfo"]["drmOutput"] = many(json!({"type": "simpleAES", "url": "u"}));
    answer["media"]["imageSpriteInfo"]["imageUrls"] = many(json!("u"));
    answer["media"]["keyFrameDescInfo"]["keyFrameDescList"] = many(json!({"timeOffset": 1}));
    let info = read(&answer).unwrap();
    assert_eq!(info.sources.len(), MAX_SOURCES);
    assert_eq!(info.sprite.unwrap().images.len(), MAX_IMAGES);
    assert_eq!(info.key_frames.len(), MAX_KEY_FRAMES);
}

#[test]
fn no_secret_shows() {
    let shown = format!("{:?}", read(&documented()).unwrap());
    for secret in ["JhbGci", "POSTERSIGN", "SOURCESIGN", "SPRITESIGN", "SIGNED"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&body, &base());
    }

    #[test]
    fn no_damage_to_an_answer_panics(at in 0_usize..1500, byte in any::<u8>(), end in 0_usize..1500) {
        let mut body = documented().to_string().into_bytes();
        if let Some(b) = body.get_mut(at) {
            *b = byte;
        }
        body.truncate(end.max(at));
        if let Ok(info) = parse(&body, &base()) {
            prop_assert!(!info.sources.is_empty());
        }
    }
}
