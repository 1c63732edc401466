use serde_json::json;

use super::*;

/// In the shape of version 2, with the quirks of its documentation: addresses without a scheme, marks in milliseconds,
/// percent-encoded texts.
pub(super) fn documented() -> Value {
    json!({
        "code": 0, "message": "", "version": 2,
        "playerInfo": {
            "playerId": "0", "name": "Default player", "defaultVideoClassification": "SD",
            "videoClassification": [
                {"id": "FLU", "name": "Smooth", "definitionList": [10, 510, 210, 610, 10046, 710]},
                {"id": "SD", "name": "SD", "definitionList": [20, 520, 220, 620, 10047, 720]},
                {"id": "HD", "name": "HD", "definitionList": [30, 530, 230, 630, 10048, 730]}
            ]
        },
        "coverInfo": {"coverUrl": "//h/cover.jpg?t=5&amp;sign=POSTERSIGN"},
        "imageSpriteInfo": {"imageSpriteList": [
            {"definition": 10, "webVttUrl": "http://h/old.vtt", "imageUrls": ["http://h/old.jpg"]},
            {
                "definition": 20, "webVttUrl": "http://h/s.vtt?sign=SPRITESIGN",
                "imageUrls": ["http://h/s1.jpg", "http://h/s2.jpg"]
            }
        ]},
        "keyFrameDescInfo": {"keyFrameDescList": [
            {"timeOffset": 1500, "content": "%E5%BC%80%E5%A7%8B"},
            {"timeOffset": "100200", "content": "The+end"}
        ]},
        "videoInfo": {
            "basicInfo": {"name": "Lesson 2", "size": 1, "duration": 3601, "tags": []},
            "masterPlayList": {
                "idrAligned": true, "url": "//h/v/master_playlist.m3u8?t=5a71afc0&us=u&exper=300&sign=SOURCESIGN",
                "definition": 10000, "md5": "d8f1c0ac2c2e9a8e1b8e9a1bd5b1d2f3"
            },
            "transcodeList": [
                {"url": "http://h/v/f0.f10.mp4", "definition": 10, "duration": 3601, "height": 240},
                {"url": "http://h/v/f0.f30.mp4", "definition": 30, "duration": 3601, "height": 720},
                {"url": "http://h/v/f0.f20.mp4", "definition": 20, "duration": 3601, "height": 480},
                {"url": "http://h/v/f0.f220.m3u8", "definition": 220, "duration": 3601, "height": 480},
                {"url": "http://h/v/f0.f230.m3u8", "definition": 230, "duration": 3601, "height": 720},
                {"url": "http://h/v/f0.f0.flv", "definition": 0}
            ],
            "sourceVideo": {"url": "http://h/v/f0.mp4", "duration": 3602, "container": "mov,mp4"}
        }
    })
}

/// It may come from the address of version 4, as `base` is.
#[test]
fn the_documented_answer_of_version_2_is_read_whole() {
    let info = read(&documented()).unwrap();
    assert_eq!(
        places(&info),
        [
            ("https://h/v/master_playlist.m3u8?t=5a71afc0&us=u&exper=300&sign=SOURCESIGN", StreamKind::Hls),
            ("http://h/v/f0.f220.m3u8", StreamKind::Hls),
            ("http://h/v/f0.f20.mp4", StreamKind::File),
            ("http://h/v/f0.f230.m3u8", StreamKind::Hls),
            ("http://h/v/f0.f10.mp4", StreamKind::File),
            ("http://h/v/f0.f30.mp4", StreamKind::File),
            ("http://h/v/f0.mp4", StreamKind::File),
        ]
    );
    assert!(info.sources.iter().all(|s| s.protected == Protected::None && info.token_of(s).is_none()));
    assert_eq!((info.name.as_deref(), info.drm_token.as_ref()), (Some("Lesson 2"), None));
    assert_eq!(info.duration, Some(MediaTime::from_secs(3601.0)));
    assert_eq!(info.preview, Some(MediaTime::from_secs(300.0)));
    assert_eq!(info.poster.as_ref().map(Url::expose), Some("https://h/cover.jpg?t=5&sign=POSTERSIGN"));
    let sprite = info.sprite.as_ref().unwrap();
    assert_eq!(sprite.web_vtt, Some(Url::new("http://h/s.vtt?sign=SPRITESIGN")));
    assert_eq!(sprite.images, [Url::new("http://h/s1.jpg"), Url::new("http://h/s2.jpg")]);
    let frame =
        |millis, content: &str| KeyFrame { at: MediaTime::from_millis(millis), content: content.into() };
    assert_eq!(info.key_frames, [frame(1500, "\u{5f00}\u{59cb}"), frame(100_200, "The end")]);
}

#[test]
fn version_2_makes_do_with_less() {
    let mut answer = documented();
    let video = answer["videoInfo"].as_object_mut().unwrap();
    video.remove("masterPlayList");
    video.remove("basicInfo");
    answer["playerInfo"] = json!("?");
    let info = read(&answer).unwrap();
    assert_eq!(places(&info)[0], ("http://h/v/f0.f220.m3u8", StreamKind::Hls), "playlists first");
    assert_eq!((info.sources.len(), info.duration), (6, Some(MediaTime::from_secs(3602.0))));
    answer["videoInfo"]["transcodeList"] = json!([]);
    let info = read(&answer).unwrap();
    assert_eq!(places(&info), [("http://h/v/f0.mp4", StreamKind::File)]);
    answer["videoInfo"]["sourceVideo"]["url"] = json!("http://h/v/f0.wmv?x=.mp4");
    assert_eq!(read(&answer), Err(PlayInfoError::NoSource));
    answer["videoInfo"]["masterPlayList"] = Value::Null;
    answer["videoInfo"]["masterPlaylist"] = json!({"url": "m"});
    let root = "https://play.example/getplayinfo/v4/1500/m";
    assert_eq!(places(&read(&answer).unwrap()), [(root, StreamKind::Hls)], "another spelling");
}

/// The request of version 2 says how much may be watched even where no address in its answer does.
#[test]
fn the_preview_limit_may_be_the_requests_own() {
    let answer = json!({"videoInfo": {"sourceVideo": {"url": "http://h/v.mp4"}}}).to_string();
    let limit = |query: &str| {
        let base = Url::new(["https://h/getplayinfo/v2/1/2?", query].concat());
        parse(answer.as_bytes(), &base).unwrap().preview.map(MediaTime::as_secs)
    };
    assert_eq!(limit("t=5&exper=60&sign=6"), Some(60.0));
    for query in ["t=5&exper=0&sign=6", "exper=-1", "exper=x", "exper=", "x=60"] {
        assert_eq!(limit(query), None, "{query}");
    }
}
