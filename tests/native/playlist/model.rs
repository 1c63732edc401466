//! What a well-formed playlist becomes.

use core::time::Duration;
use std::sync::Arc;

use cloud_player::playlist::{
    ByteRange, ClientValue, ClosedCaptions, HdcpLevel, HintKind, IDENTITY, InstreamId, Limits, Method,
    Playlist, PlaylistType, RenditionType, Source, Variables, parse, parse_media,
};
use cloud_player::secret::Url;
use cloud_player::time::MediaTime;

use super::{media, multivariant, uris, with_source};

#[test]
fn an_encrypted_vod_playlist() {
    let p = media(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:7\n#EXT-X-MEDIA-SEQUENCE:4294967296\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-START:TIME-OFFSET=-4.5,PRECISE=YES\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k1?a=b\"\n#EXTINF:6.006,first\n0.ts\n#EXTINF:6.006,\n1.ts\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k2\",IV=0x000102030405060708090A0B0C0D0E0F\n#EXTINF:6.006,\n2.ts\n\
         #EXT-X-KEY:METHOD=NONE\n#EXT-X-DISCONTINUITY\n#EXT-X-BITRATE:800\n#EXTINF:4,\n3.ts\n#EXT-X-ENDLIST\n",
    );
    assert_eq!(p.warnings, []);
    assert_eq!(
        (p.version, p.playlist_type, p.ended, p.is_live()),
        (Some(6), Some(PlaylistType::Vod), true, false)
    );
    let start = p.start.unwrap();
    assert_eq!((start.offset, start.precise), (MediaTime::from_millis(-4500), true));
    assert_eq!(uris(&p), ["0.ts", "1.ts", "2.ts", "3.ts"]);
    assert_eq!(p.segments[0].title.as_deref(), Some("first"));
    let [first, second, third, last] = &p.segments[..] else { panic!() };
    assert_eq!(first.sequence, 1 << 32);
    assert_eq!(last.sequence, (1 << 32) + 3);
    assert!(Arc::ptr_eq(&first.keys, &second.keys));
    let key = &first.keys[0];
    assert_eq!((&key.method, key.iv, &*key.keyformat), (&Method::Aes128, None, IDENTITY));
    assert_eq!(key.uri.as_ref().unwrap().expose(), "https://h.example/d/k1?a=b");
    assert_eq!(key.iv_for(second.sequence), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(third.keys[0].iv_for(0), core::array::from_fn(|i| u8::try_from(i).unwrap()));
    assert_eq!(last.keys.len(), 0);
    assert_eq!((last.discontinuity, last.discontinuity_sequence, third.discontinuity_sequence), (true, 1, 0));
    assert_eq!((last.bitrate, third.bitrate), (Some(800_000), None));
}

#[test]
fn places_on_the_timeline_do_not_drift() {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:7\n".to_owned();
    for i in 0..9000 {
        text.push_str(&format!("#EXTINF:6.00667,\n{i}.ts\n"));
    }
    let p = media(&text);
    // 9000 x 6.00667 s x 90 kHz; one segment is 540600.3 ticks.
    assert_eq!(p.duration().ticks(), 4_865_402_700);
    assert_eq!(p.segments[8999].start().ticks(), 4_864_862_100);
    for pair in p.segments.windows(2) {
        assert_eq!(pair[0].start() + pair[0].duration(), pair[1].start());
    }
    assert_eq!(p.segments[0].extinf(), Some(Duration::from_nanos(6_006_670_000)));
    for i in [0, 1, 4500, 8999] {
        let range = p.segments[i].range();
        assert_eq!(p.segment_at(range.start), Some(i));
        assert_eq!(p.segment_at(range.end - MediaTime::from_ticks(1)), Some(i));
    }
    assert_eq!(p.segment_at(MediaTime::from_ticks(-1)), Some(0));
    assert_eq!(p.segment_at(MediaTime::MAX), Some(8999));
    assert_eq!(media("#EXTM3U\n").segment_at(MediaTime::ZERO), None);
}

#[test]
fn keys_of_several_formats_apply_at_once() {
    let p = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://a\",KEYFORMAT=\"com.apple.streamingkeydelivery\",KEYFORMATVERSIONS=\"1/2\"\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"data:text/plain;base64,AA==\",KEYFORMAT=\"urn:uuid:edef8ba9\"\n\
         #EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"100@20\"\n#EXTINF:4,\n0.m4s\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://b\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n#EXTINF:4,\n1.m4s\n\
         #EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"100@20\"\n#EXTINF:4,\n2.m4s\n\
         #EXT-X-KEY:METHOD=AES-256,URI=\"k\"\n#EXT-X-MAP:URI=\"j.mp4\"\n#EXTINF:4,\n3.m4s\n#EXTINF:4,\n4.m4s\n",
    );
    assert_eq!(p.warnings, []);
    let key_uris =
        |i: usize| p.segments[i].keys.iter().map(|k| k.uri.as_ref().unwrap().expose()).collect::<Vec<_>>();
    assert_eq!(key_uris(0), ["skd://a", "data:text/plain;base64,AA=="]);
    assert_eq!(p.segments[0].keys[0].keyformat_versions.as_deref(), Some("1/2"));
    assert!(!p.segments[0].keys[0].is_identity());
    assert_eq!(key_uris(1), ["skd://b", "data:text/plain;base64,AA=="]);
    assert_eq!(key_uris(2), [""; 0]);
    assert_eq!(p.segments[3].keys[0].method, Method::Aes256);

    let map = |i: usize| p.segments[i].map.as_ref().unwrap();
    assert_eq!(map(0).byte_range, Some(ByteRange { offset: 20, length: 100 }));
    assert_eq!((map(0).keys.len(), map(2).keys.len(), map(3).keys.len()), (2, 0, 1));
    assert!(Arc::ptr_eq(map(0), map(1)));
    assert!(Arc::ptr_eq(map(3), map(4)));
    assert_eq!(p.maps().count(), 3);
}

#[test]
fn a_byte_range_without_offset_goes_on_where_the_last_ended() {
    let p = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n#EXT-X-BYTERANGE:10@5\na.ts\n#EXTINF:4,\n\
         #EXT-X-BYTERANGE:20\na.ts\n#EXTINF:4,\na.ts\n#EXT-X-BYTERANGE:7\n#EXTINF:4,\nb.ts\n",
    );
    let ranges: Vec<_> = p.segments.iter().map(|s| s.byte_range.map(|r| (r.offset, r.length))).collect();
    assert_eq!(ranges, [Some((5, 10)), Some((15, 20)), None, Some((0, 7))]);
    assert_eq!(p.warnings[0].line, 13);
}

#[test]
fn dates_reach_every_segment() {
    let p = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3.9994,\n0\n#EXTINF:4,\n1\n\
         #EXT-X-PROGRAM-DATE-TIME:2024-02-29T23:59:58.500+01:00\n#EXTINF:4,\n2\n#EXTINF:4,\n3\n\
         #EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2024-03-01T00:00:00Z\n#EXTINF:4,\n4\n#EXTINF:4,\n5\n",
    );
    let dates: Vec<_> = p.segments.iter().map(|s| s.program_date_time.unwrap().to_string()).collect();
    assert_eq!(
        dates,
        [
            "2024-02-29T22:59:50.501Z",
            "2024-02-29T22:59:54.500Z",
            "2024-02-29T22:59:58.500Z",
            "2024-02-29T23:00:02.500Z",
            "2024-03-01T00:00:00.000Z",
            "2024-03-01T00:00:04.000Z",
        ]
    );
    assert_eq!(p.tail.program_date_time.unwrap().to_string(), "2024-03-01T00:00:08.000Z");
    assert_eq!(media("#EXTM3U\n#EXTINF:1,\na").segments[0].program_date_time, None);
}

#[test]
fn a_low_latency_playlist() {
    let p = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-VERSION:9\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=24.0,CAN-SKIP-DATERANGES=YES\n\
         #EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:100\n#EXT-X-DISCONTINUITY-SEQUENCE:3\n\
         #EXT-X-MAP:URI=\"i.mp4\"\n#EXT-X-GAP\n#EXTINF:4,\n100.mp4\n\
         #EXT-X-PART:DURATION=0.5,URI=\"101.mp4\",INDEPENDENT=YES,BYTERANGE=\"50@0\"\n\
         #EXT-X-PART:DURATION=0.5,URI=\"101.mp4\",BYTERANGE=\"60\"\n#EXTINF:1,\n101.mp4\n\
         #EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.33334,URI=\"102.0.mp4\",GAP=YES\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"102.1.mp4\",BYTERANGE-START=7,BYTERANGE-LENGTH=8\n\
         #EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"j.mp4\"\n\
         #EXT-X-RENDITION-REPORT:URI=\"../o.m3u8\",LAST-MSN=102,LAST-PART=0\n",
    );
    assert_eq!(p.warnings, []);
    let control = p.server_control.as_ref().unwrap();
    assert!(control.can_block_reload && control.can_skip_date_ranges);
    assert_eq!(control.can_skip_until, Some(Duration::from_secs(24)));
    assert_eq!(p.part_target, Some(Duration::from_millis(500)));
    assert_eq!(
        (p.hold_back(true), p.hold_back(false)),
        (Duration::from_millis(1500), Duration::from_secs(12))
    );
    assert!(p.segments[0].gap && p.segments[0].parts.is_empty());
    let parts: Vec<_> =
        p.segments[1].parts.iter().map(|x| (x.byte_range.unwrap().offset, x.independent)).collect();
    assert_eq!(parts, [(0, true), (50, false)]);
    let tail = &p.tail;
    assert!(tail.discontinuity && tail.parts[0].gap && tail.map.is_some());
    assert_eq!((tail.discontinuity_sequence, p.segments[1].discontinuity_sequence), (4, 3));
    assert_eq!(tail.parts[0].duration(), Duration::from_nanos(333_340_000));
    assert_eq!(p.next_sequence(), 102);
    assert_eq!(p.live_edge().ticks(), 5 * 90_000 + 30_001);
    let hint = &p.preload_hints[0];
    assert_eq!((hint.kind, hint.offset, hint.length), (HintKind::Part, 7, Some(8)));
    assert_eq!(p.preload_hints[1].kind, HintKind::Map);
    let report = &p.rendition_reports[0];
    assert_eq!(
        (report.uri.expose(), report.last_msn, report.last_part),
        ("https://h.example/o.m3u8", Some(102), Some(0))
    );
}

#[test]
fn date_ranges_of_one_id_are_one() {
    let p = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n\
         #EXT-X-DATERANGE:ID=\"a\",CLASS=\"c\",START-DATE=\"2024-01-01T00:00:00Z\",PLANNED-DURATION=59.993,\
         SCTE35-OUT=0xFC002F,X-TEXT=\"t\",X-NUMBER=1.5,X-BYTES=0x0A,CUE=\"PRE,ONCE\",END-ON-NEXT=YES\n\
         #EXT-X-DATERANGE:ID=\"b\",START-DATE=\"2024-01-01T00:00:00Z\"\n\
         #EXT-X-DATERANGE:ID=\"a\",DURATION=60,SCTE35-IN=0xFC00,X-NUMBER=2\n#EXTINF:4,\na\n",
    );
    assert_eq!(p.warnings, []);
    assert_eq!(p.date_ranges.len(), 2);
    let range = &p.date_ranges[0];
    assert_eq!((range.class.as_deref(), range.duration), (Some("c"), Some(Duration::from_secs(60))));
    assert_eq!(range.planned_duration, Some(Duration::from_millis(59_993)));
    assert_eq!(range.scte35_out.as_deref(), Some(&[0xfc, 0, 0x2f][..]));
    assert_eq!(range.scte35_in.as_deref(), Some(&[0xfc, 0][..]));
    assert_eq!((&range.cue[..], range.end_on_next), (&["PRE".to_owned(), "ONCE".to_owned()][..], true));
    let client: Vec<_> = range.client.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(
        client,
        [
            ("X-TEXT", ClientValue::Text("t".into())),
            ("X-NUMBER", ClientValue::Number(2.0)),
            ("X-BYTES", ClientValue::Bytes(vec![10])),
        ]
    );
}

#[test]
fn every_attribute_of_a_multivariant_playlist() {
    let p = multivariant(
        "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-CONTENT-STEERING:SERVER-URI=\"/steer\",PATHWAY-ID=\"CDN-A\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",ASSOC-LANGUAGE=\"en-GB\",DEFAULT=YES,\
         AUTOSELECT=YES,CHANNELS=\"16/JOC\",BIT-DEPTH=16,SAMPLE-RATE=48000,STABLE-RENDITION-ID=\"r1\",URI=\"a.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"CC\",INSTREAM-ID=\"SERVICE3\"\n\
         #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"S\",FORCED=YES,CHARACTERISTICS=\"public.a,public.b\",URI=\"s.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,SCORE=1.5,CODECS=\"avc1.64001f,mp4a.40.2\",\
         SUPPLEMENTAL-CODECS=\"dvh1.08.07/db4h\",RESOLUTION=1280x720,FRAME-RATE=29.97,HDCP-LEVEL=TYPE-1,\
         ALLOWED-CPC=\"com.example:A/B\",VIDEO-RANGE=PQ,STABLE-VARIANT-ID=\"v1\",PATHWAY-ID=\"CDN-A\",AUDIO=\"a\",\
         SUBTITLES=\"s\",CLOSED-CAPTIONS=\"cc\",REQ-VIDEO-LAYOUT=\"CH-STEREO\",PROGRAM-ID=1\n720.m3u8\n\
         #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,URI=\"i.m3u8\",VIDEO=\"v\"\n\
         #EXT-X-SESSION-DATA:DATA-ID=\"com.example.t\",VALUE=\"x\",LANGUAGE=\"en\"\n\
         #EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n",
    );
    assert_eq!(p.warnings, []);
    let v = &p.variants[0];
    assert_eq!(v.uri.expose(), "https://h.example/d/720.m3u8");
    assert_eq!((v.bandwidth, v.average_bandwidth, v.score), (Some(1_280_000), Some(1_000_000), Some(1.5)));
    assert_eq!(v.codecs, ["avc1.64001f", "mp4a.40.2"]);
    assert_eq!(v.supplemental_codecs, ["dvh1.08.07/db4h"]);
    assert_eq!((v.resolution, v.frame_rate), (Some((1280, 720)), Some(29.97)));
    assert_eq!((&v.hdcp_level, v.video_range.as_deref()), (&Some(HdcpLevel::Type1), Some("PQ")));
    assert_eq!(
        (v.allowed_cpc.as_deref(), v.video_layout.as_deref()),
        (Some("com.example:A/B"), Some("CH-STEREO"))
    );
    assert_eq!((v.stable_variant_id.as_deref(), v.pathway_id.as_deref()), (Some("v1"), Some("CDN-A")));
    assert_eq!(
        (v.audio.as_deref(), v.subtitles.as_deref(), v.video.as_deref()),
        (Some("a"), Some("s"), None)
    );
    assert_eq!(v.closed_captions, Some(ClosedCaptions::GroupId("cc".into())));
    assert_eq!(
        (p.i_frame_variants[0].bandwidth, p.i_frame_variants[0].video.as_deref()),
        (Some(90_000), Some("v"))
    );
    let audio = p.group(&RenditionType::Audio, "a").next().unwrap();
    assert!(audio.default && audio.autoselect && !audio.forced);
    assert_eq!(
        (audio.channels.as_deref(), audio.bit_depth, audio.sample_rate),
        (Some("16/JOC"), Some(16), Some(48_000))
    );
    assert_eq!(
        (audio.assoc_language.as_deref(), audio.stable_rendition_id.as_deref()),
        (Some("en-GB"), Some("r1"))
    );
    assert_eq!(p.renditions[1].instream_id, Some(InstreamId::Service(3)));
    assert_eq!((p.renditions[2].forced, &p.renditions[2].characteristics[1][..]), (true, "public.b"));
    assert_eq!((p.session_data[0].value.as_deref(), p.session_keys[0].method.name()), (Some("x"), "AES-128"));
    let steering = p.content_steering.as_ref().unwrap();
    assert_eq!(
        (steering.server_uri.expose(), steering.pathway_id.as_deref()),
        ("https://h.example/steer", Some("CDN-A"))
    );
}

#[test]
fn redundant_variants_are_fallbacks_of_one_rung() {
    let p = multivariant(
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720,CODECS=\"avc1.64001f,mp4a.40.2\"\na/720\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360\na/360\n\
         #EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.5\"\na/audio\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360\nb/360\n\
         #EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720,CODECS=\"avc1.64001f,mp4a.40.2\"\nb/720\n\
         #EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720,CODECS=\"hvc1.1.6.L93,mp4a.40.2\"\na/hevc\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360\nc/360\n\
         #EXT-X-STREAM-INF:RESOLUTION=320x180\nx\n#EXT-X-STREAM-INF:RESOLUTION=320x180\ny\n",
    );
    let rungs: Vec<_> =
        p.rungs().into_iter().map(|r| (r.variant, r.fallbacks, r.bandwidth, r.audio_only)).collect();
    assert_eq!(
        rungs,
        [
            (7, vec![], None, false),
            (8, vec![], None, false),
            (2, vec![], Some(64_000), true),
            (1, vec![3, 6], Some(1_000_000), false),
            (0, vec![4], Some(3_000_000), false),
            (5, vec![], Some(3_000_000), false),
        ]
    );
}

#[test]
fn variables_are_replaced_wherever_they_may_stand() {
    let text = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"host\",VALUE=\"c.example\"\n#EXT-X-DEFINE:QUERYPARAM=\"token\"\n\
                #EXT-X-DEFINE:NAME=\"iv\",VALUE=\"0F0E\"\n\
                #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"{$host}\"\nhttps://{$host}/v.m3u8?t={$token}\n";
    let m = multivariant(text);
    assert_eq!(m.warnings, []);
    assert_eq!(m.variants[0].uri.expose(), "https://c.example/v.m3u8?t=t");
    assert_eq!(m.variants[0].audio.as_deref(), Some("c.example"));

    let base = Url::new("https://h.example/d/m.m3u8");
    let source = Source { base: &base, variables: &m.variables, limits: Limits::default() };
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-DEFINE:NAME=\"n\",VALUE=\"12\"\n#EXT-X-DEFINE:IMPORT=\"host\"\n#EXT-X-DEFINE:IMPORT=\"iv\"\n\
                #EXT-X-DEFINE:IMPORT=\"none\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"//{$host}/k\",\
                IV=0x0000000000000000000000000000{$iv}\n#EXT-X-MAP:URI=\"i\",BYTERANGE=\"{$n}@{$n}\"\n#EXTINF:4,{$host}\nhttps://{$host}/{$none}.ts\n";
    let p = parse_media(text.as_bytes(), &source).unwrap();
    let segment = &p.segments[0];
    assert_eq!(segment.uri.expose(), "https://c.example/{$none}.ts");
    assert_eq!(segment.keys[0].uri.as_ref().unwrap().expose(), "https://c.example/k");
    assert_eq!(segment.keys[0].iv.unwrap()[14..], [0x0f, 0x0e]);
    let lines: Vec<_> = p.warnings.iter().map(|w| w.line).collect();
    assert_eq!(lines, [6, 10]);
    assert_eq!(segment.map.as_ref().unwrap().byte_range, Some(ByteRange { offset: 12, length: 12 }));
    assert!(!format!("{:?}", m.variables).contains("c.example"));
    assert_eq!(Variables::default().get("host"), None);
}

#[test]
fn nothing_that_grants_access_is_shown() {
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI=\"k?token=SECRET\",IV=SECRET\n\
                #EXTINF:SECRET\ns.ts?sign=SECRET\n#EXT-X-MAP:URL=SECRET\n";
    let p = media(text);
    assert_eq!(p.warnings.len(), 4);
    assert!(!format!("{p:?}").contains("SECRET"));
    let error = with_source(|source| parse_media(b"SECRET", source)).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("SECRET"));
}

#[test]
fn parse_tells_the_kinds_apart() {
    let kind = |text: &str| match parse(text.as_bytes(), &Url::default(), &Limits::default()) {
        Ok(Playlist::Multivariant(p)) => format!("multivariant {}", p.variants.len()),
        Ok(Playlist::Media(p)) => format!("media {}", p.segments.len()),
        Err(e) => e.code().to_owned(),
    };
    assert_eq!(kind("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-STREAM-INF:BANDWIDTH=1\na"), "multivariant 1");
    assert_eq!(kind("#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=NONE\n"), "multivariant 0");
    assert_eq!(kind("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO\n#EXTINF:1,\na"), "media 1");
    assert_eq!(kind("#EXTM3U\n#EXT-X-ENDLIST"), "media 0");
    assert_eq!(kind("#EXTM3U\na\nb"), "media 2");
    assert_eq!(kind("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXTINF:1,\nb"), "mixed_playlist");
}
