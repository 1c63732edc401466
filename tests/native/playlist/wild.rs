//! Playlists as they are found, and text that is none.

use std::time::{Duration, Instant};

use cloud_player::playlist::{
    Instead, Kind, Limits, MediaPlaylist, Method, PlaylistError, Source, Variables, parse, parse_media,
    parse_multivariant,
};
use cloud_player::secret::Url;
use proptest::prelude::*;

use super::{media, multivariant, try_media, uris, warnings, with_source};

#[test]
fn what_m3u8_rs_loses_is_kept() {
    // A clear segment after an encrypted one must not be decrypted.
    let p = media(
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:1,\na\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\nb\n",
    );
    assert_eq!((p.segments[0].keys.len(), p.segments[1].keys.len()), (1, 0));
    let p = media("#EXTM3U\n#EXT-X-TARGETDURATION:4.0\n#EXTINF:4,\na\n");
    assert_eq!((p.target_duration().as_secs(), uris(&p)), (4, vec!["a"]));
    assert_eq!(media("\u{feff}#EXTM3U\n#EXTINF:4,\na\n").segments.len(), 1);
    let m = multivariant(
        "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",DEFAULT=yes,FORCED=NO,LANGUAGE=\"\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1280000.7\na\n",
    );
    assert_eq!((m.variants[0].bandwidth, m.renditions[0].default), (Some(1_280_000), true));
    assert_eq!(
        warnings(&m.warnings),
        [
            (2, "EXT-X-MEDIA: DEFAULT must be YES or NO"),
            (3, "EXT-X-STREAM-INF: BANDWIDTH must be a decimal integer")
        ]
    );
}

#[test]
fn one_bad_tag_never_costs_a_segment() {
    for tag in [
        "#EXT-X-KEY:",
        "#EXT-X-KEY:METHOD",
        "#EXT-X-KEY:METHOD=AES-128",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=zz",
        "#EXT-X-MAP",
        "#EXT-X-MAP:BYTERANGE=\"x\"",
        "#EXT-X-BYTERANGE:x",
        "#EXT-X-BYTERANGE:18446744073709551615@18446744073709551615",
        "#EXT-X-PROGRAM-DATE-TIME:yesterday",
        "#EXT-X-DATERANGE:ID",
        "#EXT-X-PART:URI=",
        "#EXT-X-PART-INF",
        "#EXT-X-SERVER-CONTROL:HOLD-BACK=-1",
        "#EXT-X-MEDIA-SEQUENCE:-3",
        "#EXT-X-MEDIA-SEQUENCE:99999999999999999999",
        "#EXT-X-TARGETDURATION:",
        "#EXT-X-DISCONTINUITY-SEQUENCE:x",
        "#EXT-X-PLAYLIST-TYPE:LIVE",
        "#EXT-X-START:",
        "#EXT-X-DEFINE:",
        "#EXT-X-VERSION:three",
        "#EXT-X-BITRATE:fast",
        "#EXT-X-PRELOAD-HINT:TYPE=PARTY",
        "#EXT-X-RENDITION-REPORT",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=many",
        "#EXTINF",
        "#EXTINF:,",
        "#EXTINF:six,",
        "#EXT-X-MEDIA:TYPE=AUDIO",
    ] {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{tag}\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n");
        let p = media(&text);
        assert_eq!(uris(&p), ["a.ts", "b.ts"], "{tag}");
        assert_eq!(p.warnings.first().map(|w| w.line), Some(3), "{tag} {:?}", p.warnings);
        assert_eq!(p.duration().as_secs(), 8.0, "{tag}");
    }
}

#[test]
fn unusual_but_clear_text_is_read_without_loss() {
    for (extinf, nanos) in [
        ("#EXTINF:6.006", 6_006_000_000),
        ("#EXTINF: 6.006 , a, b", 6_006_000_000),
        ("#EXTINF:6.006 tvg-id=\"x\",News", 6_006_000_000),
        ("#EXTINF:6,", 6_000_000_000),
        ("#EXTINF:.5,", 500_000_000),
        ("#EXTINF:0,", 0),
    ] {
        let p = media(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:7\n{extinf}\n\n# comment\n a.ts \n"));
        assert_eq!(p.segments[0].extinf(), Some(Duration::from_nanos(nanos)), "{extinf}");
        assert_eq!(uris(&p), ["a.ts"], "{extinf}");
    }
    // No length given: the timeline counts a target duration.
    let p = media("#EXTM3U\n#EXT-X-TARGETDURATION:7\n#EXTINF:-1,Radio\na\nb\n");
    assert_eq!((p.segments[0].extinf(), p.duration().as_secs()), (None, 14.0));
    let p = media("#EXTM3U\n#EXTINF:+5,\n\u{a0}a.ts\u{c}\n\u{feff}#EXTM3U\n#EXTINF:5,\nb.ts\n");
    assert_eq!((p.duration().as_secs(), uris(&p)), (10.0, vec!["a.ts", "b.ts"]));
    // Blanks and apostrophes are no part of a URI, and an empty one is none.
    for (written, want) in [("\" k \"", Some("k")), ("'k'", Some("k")), ("\"\"", None), ("\" \"", None)] {
        let p = media(&format!("#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI={written}\n#EXTINF:1,\na\n"));
        let uri =
            p.segments[0].keys[0].uri.as_ref().map(|u| u.expose().rsplit('/').next().unwrap().to_owned());
        assert_eq!(uri.as_deref(), want, "{written}");
    }
    let p = media("#EXTM3U\n#EXT-X-MAP:URI=\"\"\n#EXTINF:1,\na\n");
    assert_eq!((p.segments[0].map.as_ref(), p.warnings[0].line), (None, 2));
    // A key without METHOD is not "no key".
    let p = media("#EXTM3U\n#EXT-X-KEY:URI=\"k\"\n#EXTINF:1,\na\n");
    assert_eq!(p.segments[0].keys[0].method, Method::Aes128);
    // Headers after segments count for all of them.
    let p = media(
        "#EXTM3U\n#EXTINF:1,\na\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:2\n#EXTINF:1,\nb\n",
    );
    let numbers: Vec<_> = p.segments.iter().map(|s| (s.sequence, s.discontinuity_sequence)).collect();
    assert_eq!(numbers, [(7, 2), (8, 2)]);
    // Bytes that are not UTF-8 cost nothing but themselves.
    let p = with_source(|s| parse_media(b"#EXTM3U\n#EXTINF:1,\xff\na\n#EXTINF:1,\nb\n", s)).unwrap();
    assert_eq!(uris(&p), ["a", "b"]);
    // #EXTM3U may be missing where tags leave no doubt.
    let p = media("#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na\n");
    assert_eq!(warnings(&p.warnings), [(1, "EXTM3U: must be the first line")]);

    let m = multivariant(
        "#EXTM3U\n#EXT-X-STREAM-INF: CODECS=avc1.64001f,mp4a.40.2 , BANDWIDTH=\"900000\", RESOLUTION=640X360\n\n#x\na b|c\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:NAME=\"no bandwidth\"\nb\norphan\n#EXT-X-STREAM-INF:BANDWIDTH=3\n",
    );
    assert_eq!(m.variants[0].codecs, ["avc1.64001f", "mp4a.40.2"]);
    assert_eq!((m.variants[0].bandwidth, m.variants[0].resolution), (Some(900_000), Some((640, 360))));
    assert_eq!(m.variants[0].uri.expose(), "https://h.example/d/a%20b|c");
    assert_eq!((m.variants.len(), m.variants[1].bandwidth), (2, None));
    let lines: Vec<_> = m.warnings.iter().map(|w| w.line).collect();
    assert_eq!(lines, [2, 6, 7, 9, 10]);
}

#[test]
fn what_is_no_playlist_is_refused() {
    for (text, line, instead) in [
        ("", 1, Instead::Empty),
        ("\u{feff}\r\n \n", 1, Instead::Empty),
        ("\n<!DOCTYPE html><html>#EXTM3U</html>", 2, Instead::Markup),
        ("{\"error\":403}", 1, Instead::Json),
        ("Not found", 1, Instead::Other),
        ("# only a comment", 1, Instead::Other),
        ("a.ts\n#EXTM3U\n#EXTINF:1,\nb.ts", 1, Instead::Other),
    ] {
        assert_eq!(try_media(text), Err(PlaylistError::NotAPlaylist { line, instead }), "{text}");
    }
    assert_eq!(
        try_media("#EXTM3U\n\n#EXT-X-STREAM-INF:BANDWIDTH=1\na"),
        Err(PlaylistError::WrongKind { line: 3, found: Kind::Multivariant, wanted: Kind::Media })
    );
    let error = with_source(|s| parse_multivariant(b"#EXTM3U\n#EXTINF:1,\na", s)).unwrap_err();
    assert_eq!(error, PlaylistError::WrongKind { line: 2, found: Kind::Media, wanted: Kind::Multivariant });
    assert_eq!(error.to_string(), "line 2: a media playlist where a multivariant playlist is needed");
    assert_eq!(
        try_media("#EXTM3U\n#EXTINF:1,\na\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb"),
        Err(PlaylistError::Mixed { line: 4 })
    );
}

#[test]
fn limits_hold() {
    let base = Url::new(format!("https://h.example/{}/p.m3u8", "d".repeat(1000)));
    let limits = Limits { max_bytes: 400, max_segments: 3, max_entries: 2, max_expanded_bytes: 2500 };
    let source = Source { base: &base, variables: &Variables::default(), limits };
    let line_of = |text: &str| match parse(text.as_bytes(), source.base, &limits) {
        Err(PlaylistError::TooLarge { line, what, .. }) => format!("{line} {what}"),
        other => format!("{other:?}"),
    };
    assert_eq!(line_of(&format!("#EXTM3U\n#{}", "x".repeat(400))), "0 bytes");
    let segments = |uri: &str| format!("#EXTM3U\n{}", format!("#EXTINF:1,\n{uri}\n").repeat(4));
    assert_eq!(line_of(&segments("http://x/")), "9 segments");
    assert_eq!(line_of(&segments("x")), "7 bytes of URLs, strings and keys");
    assert_eq!(
        line_of(&format!("#EXTM3U\n{}", "#EXT-X-PART:URI=\"http://x/\",DURATION=1\n".repeat(4))),
        "5 segments"
    );
    assert_eq!(line_of("#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n"), "2 segments");
    let variants = "#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://x/\n".repeat(3);
    assert_eq!(line_of(&format!("#EXTM3U\n{variants}")), "6 variants");
}

/// Two megabytes of each, in a build without optimization: linear work takes about a second, quadratic work
/// would take hours.
#[test]
fn hostile_text_takes_linear_time() {
    let big = |unit: &str| unit.repeat((2 << 20) / unit.len());
    let numbered = |unit: &dyn Fn(usize) -> String| (0..30_000).map(unit).collect::<String>();
    let keys =
        numbered(&|i| format!("#EXT-X-KEY:METHOD=AES-128,URI=\"k\",KEYFORMAT=\"{i}\"\n#EXTINF:1,\na\n"));
    let ranges = format!("#EXT-X-DATERANGE:ID=\"a\"{}", numbered(&|i| format!(",X-{i}=1")));
    let query = format!("https://h.example/p?{}", "a=b&".repeat(2000));
    for text in [
        big("#EXT-X-KEY:A"),
        format!("#EXT-X-KEY:{}", big("A,")),
        format!("#EXT-X-KEY:{}", big("=,")),
        format!("#EXT-X-KEY:A={}", big("b,c d,")),
        format!("#EXT-X-KEY:{}", big("A=\"")),
        format!("#EXTINF:1,\n{}", big("../")),
        format!("#EXTINF:1,\n/{}", big("a/../")),
        format!("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n{}", big("{$a")),
        big("\r"),
        big(" \0"),
        big("#EXTINF:1,\n#EXT-X-GAP\n"),
        format!("#EXT-X-TARGETDURATION:{}", big("9")),
        big("#EXT-X-DATERANGE:ID=\"a\",X-A=\"b\"\n"),
        ranges,
        keys,
        big("#EXT-X-DEFINE:QUERYPARAM=\"b\"\n"),
        format!("#EXT-X-DATERANGE:ID=\"a\",CUE=\"{}\"", big("a,")),
    ] {
        let started = Instant::now();
        let text = format!("#EXTM3U\n{text}\n#EXT-X-ENDLIST\n");
        let result = parse(text.as_bytes(), &Url::new(&*query), &Limits::default());
        assert!(result.is_ok(), "{:.80} {:?}", text, result.err());
        assert!(started.elapsed() < Duration::from_secs(20), "{text:.80} took {:?}", started.elapsed());
    }
}

/// A variable may be long, and stand in many places: what that makes of a short text is bounded like its URLs.
#[test]
fn variables_cannot_make_a_text_grow_without_bound() {
    let define =
        |bytes: usize| format!("#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{}\"\n", "0".repeat(bytes));
    let limits = Limits { max_expanded_bytes: 1 << 20, ..Limits::default() };
    for hostile in [
        "#EXT-X-START:TIME-OFFSET={$a}\n".repeat(100_000),
        format!("#EXT-X-DATERANGE:ID=\"b\"{}\n", ",START-DATE=\"{$a}\"".repeat(100_000)),
        format!("#EXT-X-DEFINE:NAME=\"b\"{}\n", ",VALUE=\"{$a}\"".repeat(100_000)),
        format!("#EXTINF:1,\n{}\n", "{$a}".repeat(100_000)),
        format!("#EXT-X-MAP:URI=\"{}\"\n", "{$a}".repeat(100_000)),
    ] {
        let started = Instant::now();
        let text = define(100_000) + &hostile + "#EXTINF:1,\na\n";
        let result = parse(text.as_bytes(), &Url::new(super::BASE), &limits);
        let what = "bytes of URLs, strings and keys";
        assert!(
            matches!(result, Err(PlaylistError::TooLarge { what: w, .. }) if w == what),
            "{:.60} {:?}",
            hostile,
            result.err()
        );
        assert!(started.elapsed() < Duration::from_secs(20), "{hostile:.60} took {:?}", started.elapsed());
    }
    // Far from the limit, a variable may stand in as many places as it likes.
    let text = define(10) + &"#EXTINF:1,\n{$a}.ts\n".repeat(1000);
    assert!(parse(text.as_bytes(), &Url::new(super::BASE), &limits).is_ok());
}

struct Text(Vec<u8>);

impl core::fmt::Debug for Text {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.0.escape_ascii().to_string())
    }
}

/// Lines that are nearly right, in any order and with any damage.
fn text() -> impl Strategy<Value = Text> {
    let line = prop_oneof![
        4 => prop::sample::select(LINES.to_vec()).prop_map(str::to_owned),
        1 => (prop::sample::select(LINES.to_vec()), any::<prop::sample::Index>(), "\\PC{0,3}").prop_map(|(line, at, junk)| {
            let at = line.char_indices().map(|(i, _)| i).nth(at.index(line.chars().count())).unwrap_or(0);
            format!("{}{junk}{}", &line[..at], &line[at..])
        }),
        1 => "[#A-Z:=,\"{$}0-9@x. \t-]{0,40}",
    ];
    (
        prop::collection::vec((line, prop::sample::select(vec!["\n", "\r\n", "\r"])), 0..40),
        any::<bool>(),
        any::<Option<(prop::sample::Index, u8)>>(),
    )
        .prop_map(|(lines, begins, damage)| {
            let mut bytes = if begins { b"#EXTM3U\n".to_vec() } else { Vec::new() };
            for (line, end) in lines {
                bytes.extend(line.bytes().chain(end.bytes()));
            }
            if let (Some((at, byte)), false) = (damage, bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            Text(bytes)
        })
}

const LINES: &[&str] = &[
    "#EXTM3U",
    "#EXTINF:6.006,title",
    "#EXTINF:18446744073709551615,",
    "seg.ts?a=b#c",
    "https://o.example/../x",
    "//",
    "#EXT-X-TARGETDURATION:6",
    "#EXT-X-MEDIA-SEQUENCE:18446744073709551614",
    "#EXT-X-MEDIA-SEQUENCE:5",
    "#EXT-X-DISCONTINUITY-SEQUENCE:18446744073709551615",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x0123456789abcdef0123456789abcdef",
    "#EXT-X-KEY:METHOD=NONE",
    "#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"1@2\"",
    "#EXT-X-BYTERANGE:9223372036854775808@9223372036854775807",
    "#EXT-X-BYTERANGE:5",
    "#EXT-X-PROGRAM-DATE-TIME:9999-12-31T23:59:60.999999999-99:99",
    "#EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:00Z",
    "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2024-01-01T00:00:00Z\",SCTE35-OUT=0xFC,X-A=1",
    "#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES=\"a\tb\"",
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=1,CAN-SKIP-DATERANGES=YES",
    "#EXT-X-PART-INF:PART-TARGET=0.3",
    "#EXT-X-PART:URI=\"p\",DURATION=0.3,BYTERANGE=\"5\",INDEPENDENT=YES",
    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p\"",
    "#EXT-X-RENDITION-REPORT:URI=\"r\",LAST-MSN=1,LAST-PART=99999999999",
    "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$a}\"",
    "#EXT-X-DEFINE:QUERYPARAM=\"token\"",
    "{$a}{$b}.ts",
    "#EXT-X-GAP",
    "#EXT-X-BITRATE:18446744073709551615",
    "#EXT-X-START:TIME-OFFSET=-99999999999999999999,PRECISE=YES",
    "#EXT-X-PLAYLIST-TYPE:EVENT",
    "#EXT-X-ENDLIST",
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\"",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"",
];

/// What holds for every playlist, however it came about.
fn check(p: &MediaPlaylist) {
    for pair in p.segments.windows(2) {
        assert!(pair[0].start() <= pair[1].start() && pair[0].end() == pair[1].start());
        assert!(pair[1].sequence == pair[0].sequence.saturating_add(1));
        assert!(pair[0].discontinuity_sequence <= pair[1].discontinuity_sequence);
    }
    for (i, segment) in p.segments.iter().enumerate() {
        assert!(segment.byte_range.is_none_or(|r| r.offset.checked_add(r.length).is_some()));
        assert!(segment.keys.iter().all(|k| k.method != Method::None));
        if segment.sequence < u64::MAX {
            assert_eq!(p.index_of(segment.sequence), Some(i));
        }
        let at = p.segment_at(segment.start());
        assert!(at.is_some_and(|at| p.segments[at].start() == segment.start()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_reader(text in text()) {
        let base = Url::new(super::BASE);
        match parse(&text.0, &base, &Limits::default()) {
            Ok(cloud_player::playlist::Playlist::Media(p)) => check(&p),
            Ok(cloud_player::playlist::Playlist::Multivariant(p)) => {
                let rungs = p.rungs();
                let covered: usize = rungs.iter().map(|r| 1 + r.fallbacks.len()).sum();
                prop_assert_eq!(covered, p.variants.len());
                prop_assert!(rungs.is_sorted_by_key(|r| r.bandwidth));
            }
            Err(_) => {}
        }
    }

    #[test]
    fn no_sequence_of_texts_breaks_a_refresh(texts in prop::collection::vec(text(), 1..6)) {
        let mut playlist = MediaPlaylist::default();
        for Text(bytes) in &texts {
            let before = playlist.clone();
            let result = with_source(|source| playlist.refresh(bytes, source));
            if result.is_err() {
                prop_assert_eq!(&playlist, &before);
            }
            prop_assert!(playlist.window().start >= before.window().start || playlist.segments.is_empty());
            prop_assert_eq!(playlist.skipped, 0);
            check(&playlist);
            if let Ok(refresh) = result {
                let reload = playlist.reload(refresh, true);
                prop_assert_eq!(reload.is_some(), playlist.is_live());
            }
        }
    }
}
