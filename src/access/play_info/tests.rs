use proptest::prelude::*;
use serde_json::json;

use super::*;

mod neutral;
mod v2;

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

fn source(url: Url, kind: StreamKind, protected: Protected) -> PlaySource {
    PlaySource { url, kind, protected, token: None }
}

/// What can be played, best first.
fn places(info: &PlayInfo) -> Vec<(&str, StreamKind)> {
    info.sources.iter().map(|s| (s.url.expose(), s.kind)).collect()
}

fn with_streaming(streaming: Value) -> Value {
    json!({"code": 0, "media": {"streamingInfo": streaming}})
}

#[test]
fn the_documented_answer_is_read_whole() {
    let info = read(&documented()).unwrap();
    let url = Url::new("http://h/xxx/xx.m3u8?t=5c08d9fa&us=u&sign=SOURCESIGN");
    assert_eq!(info.sources, [source(url, StreamKind::Hls, Protected::SimpleAes)]);
    assert_eq!(info.drm_token.unwrap().expose(), "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
    assert_eq!(info.name.as_deref(), Some("Lesson 1"));
    assert_eq!(info.duration, Some(MediaTime::from_millis(30_500)));
    assert_eq!(info.poster.as_ref().map(Url::expose), Some("http://h/c.jpg?t=5c08d9fa&us=u&sign=POSTERSIGN"));
    let sprite = info.sprite.unwrap();
    assert_eq!(sprite.web_vtt, Some(Url::new("http://h/s.vtt?t=1&sign=SPRITESIGN")));
    assert_eq!(sprite.images, [Url::new("http://h/s1.jpg?t=1&sign=SPRITESIGN")]);
    let frame =
        |millis, content: &str| KeyFrame { at: MediaTime::from_millis(millis), content: content.into() };
    assert_eq!(info.key_frames, [frame(1500, "Start"), frame(100_200, "End")]);
    assert_eq!((info.context, info.preview, info.server_time, info.token_expiry), (None, None, None, None));
}

#[test]
fn what_is_rarely_there_is_read_too() {
    let mut answer = documented();
    answer["context"] = json!("CONTEXT");
    answer["serverTime"] = json!(1_700_000_000.25);
    // {"exp":1700000600}
    answer["media"]["streamingInfo"]["drmToken"] =
        json!("eyJhbGciOiJIUzI1NiJ9~eyJleHAiOjE3MDAwMDA2MDB9~c2ln");
    answer["media"]["streamingInfo"]["drmOutput"][0]["url"] =
        json!("http://h/x.m3u8?t=5&amp;exper=300&amp;sign=6");
    let info = read(&answer).unwrap();
    assert_eq!(info.context.as_ref().map(|c| c.expose().as_str()), Some("CONTEXT"));
    assert_eq!(info.server_time, Some(1_700_000_000_250));
    assert_eq!(info.token_expiry, Some(1_700_000_600));
    assert_eq!(info.preview, Some(MediaTime::from_secs(300.0)), "by the signed address");
    answer["media"]["exper"] = json!("60");
    assert_eq!(read(&answer).unwrap().preview, Some(MediaTime::from_secs(60.0)), "by a field of its own");
    answer["media"]["exper"] = json!(0);
    assert_eq!(read(&answer).unwrap().preview, None, "zero is no limit");
}

/// A player signature may ask for a transcoded file or for what was uploaded; then there are no adaptive streams.
#[test]
fn files_follow_streams() {
    let mut answer = documented();
    answer["media"]["originalInfo"] = json!({"url": "http://h/f0.mp4?sign=1", "size": 1});
    answer["media"]["transcodeInfo"] = json!({"url": "http://h/f30.m3u8"});
    let stream = ("http://h/xxx/xx.m3u8?t=5c08d9fa&us=u&sign=SOURCESIGN", StreamKind::Hls);
    let files = [("http://h/f30.m3u8", StreamKind::Hls), ("http://h/f0.mp4?sign=1", StreamKind::File)];
    let info = read(&answer).unwrap();
    assert_eq!(places(&info), [&[stream][..], &files].concat());
    let tokens: Vec<_> = info.sources.iter().map(|s| info.token_of(s).is_some()).collect();
    assert_eq!(tokens, [true, false, false], "a token goes to encrypted streams");
    answer["media"]["streamingInfo"] = Value::Null;
    assert_eq!(places(&read(&answer).unwrap()), files);
    answer["media"]["transcodeInfo"] = Value::Null;
    answer["media"]["originalInfo"] = json!({"url": "http://h/f0.FLV"});
    assert_eq!(read(&answer), Err(PlayInfoError::NoSource));
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
        (403, Class::RenewToken, "play_info_token_refused"),
        (1004, Class::RenewToken, "play_info_token_refused"),
        (1009, Class::RenewToken, "play_info_token_refused"),
        (1021, Class::RenewToken, "play_info_token_refused"),
        (2000, Class::Retry, "play_info_unavailable"),
        (2999, Class::Retry, "play_info_unavailable"),
        (1999, Class::Fatal, "play_info_refused"),
        (1003, Class::Fatal, "play_info_refused"),
        (404, Class::Fatal, "play_info_refused"),
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
        (json!({"videoInfo": {}}), "videoInfo.masterPlayList"),
        (json!({"videoInfo": {"masterPlayList": {"definition": 1}}}), "videoInfo.masterPlayList.url"),
        (json!({"videoInfo": {"transcodeList": [{"url": ""}]}}), "videoInfo.transcodeList[].url"),
        (json!({"videoInfo": {"sourceVideo": {"size": 1}}}), "videoInfo.sourceVideo.url"),
        (json!({"sources": []}), "sources"),
        (json!({"sources": 5}), "sources"),
        (json!({"sources": [{"type": "hls"}]}), "sources[].url"),
        (json!({"sources": ["u"], "token": 5}), "token"),
        (json!({"sources": [{"url": "u", "token": {}}]}), "sources[].token"),
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
    for class in [error.class(), PlayInfoError::TooLarge.class()] {
        assert_eq!(class, Class::Retry, "something between the player and the service has answered");
    }
    for class in [PlayInfoError::Shape { field: "media" }.class(), PlayInfoError::NoSource.class()] {
        assert_eq!(class, Class::Fatal);
    }
    let marked = ["\u{feff}", &documented().to_string()].concat();
    assert!(parse(marked.as_bytes(), &base()).is_ok());
}

#[test]
fn the_shape_tells_the_form() {
    let all = |mut answer: Value| {
        answer["videoInfo"] = json!({"sourceVideo": {"url": "http://h/2.mp4"}});
        answer["sources"] = json!(["http://h/neutral.m3u8"]);
        answer
    };
    let first = |answer: &Value| places(&read(answer).unwrap())[0].0.to_owned();
    let v4 = all(with_streaming(json!({"plainOutput": {"url": "http://h/4.m3u8"}})));
    assert_eq!(first(&v4), "http://h/4.m3u8");
    for media in [Value::Null, json!([]), json!("")] {
        assert_eq!(first(&all(json!({"version": 4, "media": media}))), "http://h/2.mp4");
    }
}

#[test]
fn lists_are_bounded() {
    let many = |item: Value| Value::Array(vec![item; 5_000]);
    let mut answer = documented();
    answer["media"]["streamingInfo"]["drmOutput"] = many(json!({"type": "simpleAES", "url": "u"}));
    answer["media"]["imageSpriteInfo"]["imageUrls"] = many(json!("u"));
    answer["media"]["keyFrameDescInfo"]["keyFrameDescList"] = many(json!({"timeOffset": 1}));
    for answer in [
        json!({"videoInfo": {"transcodeList": many(json!({"url": "u"})), "sourceVideo": {"url": "v"}}}),
        json!({"sources": many(json!("u"))}),
    ] {
        assert_eq!(read(&answer).unwrap().sources.len(), MAX_SOURCES);
    }
    let info = read(&answer).unwrap();
    assert_eq!(info.sources.len(), MAX_SOURCES);
    assert_eq!(info.sprite.unwrap().images.len(), MAX_IMAGES);
    assert_eq!(info.key_frames.len(), MAX_KEY_FRAMES);
}

#[test]
fn no_secret_shows() {
    let mut answer = documented();
    answer["context"] = json!("CONTEXT");
    for answer in [answer, v2::documented(), neutral::answer()] {
        let shown = format!("{:?}", read(&answer).unwrap());
        for secret in [
            "JhbGci",
            "CONTEXT",
            "POSTERSIGN",
            "SOURCESIGN",
            "SPRITESIGN",
            "SIGNED",
            "OWNTOKEN",
            "SHAREDTOKEN",
        ] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&body, &base());
    }

    #[test]
    fn no_damage_to_an_answer_panics(
        form in 0_usize..3,
        at in 0_usize..2500,
        byte in any::<u8>(),
        end in 0_usize..2500,
    ) {
        let form = [documented, v2::documented, neutral::answer][form];
        let mut body = form().to_string().into_bytes();
        if let Some(b) = body.get_mut(at) {
            *b = byte;
        }
        body.truncate(end.max(at));
        if let Ok(info) = parse(&body, &base()) {
            prop_assert!(!info.sources.is_empty());
        }
    }
}
