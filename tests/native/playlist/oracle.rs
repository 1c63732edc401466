//! m3u8-rs and this crate read the same from well-formed playlists.

use proptest::prelude::*;

use super::{media, multivariant};
use cloud_player::playlist::{ClosedCaptions, Method, RenditionType};

#[derive(Clone, Debug)]
struct Line {
    millis: u32,
    key: Option<u8>,
    discontinuity: bool,
    range: Option<(u32, u32)>,
    map: Option<u8>,
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line =
        (0..20_000_u32, any::<Option<u8>>(), any::<bool>(), any::<Option<(u32, u32)>>(), any::<Option<u8>>())
            .prop_map(|(millis, key, discontinuity, range, map)| Line {
                millis,
                key,
                discontinuity,
                range,
                map,
            });
    prop::collection::vec(line, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn media_playlists(lines in lines(), first: u32) {
        let mut text = format!("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:20\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for (i, line) in lines.iter().enumerate() {
            if line.discontinuity {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            if let Some(key) = line.key {
                text.push_str(&format!("#EXT-X-KEY:METHOD=AES-128,URI=\"https://k/{key}\",IV=0x{key:032x}\n"));
            }
            if let Some(map) = line.map {
                text.push_str(&format!("#EXT-X-MAP:URI=\"https://m/{map}\"\n"));
            }
            text.push_str(&format!("#EXTINF:{}.{:03},\n", line.millis / 1000, line.millis % 1000));
            if let Some((length, offset)) = line.range {
                text.push_str(&format!("#EXT-X-BYTERANGE:{length}@{offset}\n"));
            }
            text.push_str(&format!("https://s/{i}.ts\n"));
        }
        text.push_str("#EXT-X-ENDLIST\n");
        let ours = media(&text);
        let (_, theirs) = m3u8_rs::parse_media_playlist(text.as_bytes()).unwrap();
        prop_assert_eq!(&ours.warnings, &[]);
        prop_assert_eq!(ours.media_sequence, theirs.media_sequence);
        prop_assert_eq!(ours.ended, theirs.end_list);
        prop_assert_eq!(ours.target_duration().as_secs(), theirs.target_duration);
        prop_assert_eq!(ours.segments.len(), theirs.segments.len());
        // m3u8-rs repeats a key only on the segment that follows its tag; an init section likewise.
        let (mut key, mut map) = (None, None);
        for (a, b) in ours.segments.iter().zip(&theirs.segments) {
            prop_assert_eq!(a.uri.expose(), &b.uri);
            prop_assert_eq!(a.extinf().unwrap().as_secs_f64() as f32, b.duration);
            prop_assert_eq!(a.discontinuity, b.discontinuity);
            let range = b.byte_range.as_ref().map(|r| (r.length, r.offset.unwrap()));
            prop_assert_eq!(a.byte_range.map(|r| (r.length, r.offset)), range);
            key = b.key.clone().or(key);
            map = b.map.clone().or(map);
            let theirs = key.as_ref().map(|k| (k.uri.clone().unwrap(), k.iv.clone().unwrap()));
            let ours = a.keys.first().map(|k| {
                assert_eq!(k.method, Method::Aes128);
                (k.uri.as_ref().unwrap().expose().to_owned(), format!("0x{:032x}", u128::from_be_bytes(k.iv.unwrap())))
            });
            prop_assert_eq!(ours, theirs);
            prop_assert_eq!(a.map.as_ref().map(|m| m.uri.expose()), map.as_ref().map(|m| m.uri.as_str()));
        }
    }

    #[test]
    fn multivariant_playlists(
        variants in prop::collection::vec((any::<u32>(), any::<Option<u32>>(), any::<Option<(u16, u16)>>(), any::<bool>()), 1..10),
        // Without an opening brace, which m3u8-rs does not know as the beginning of a variable.
        renditions in prop::collection::vec((prop::sample::select(vec!["AUDIO", "VIDEO", "SUBTITLES"]), "[ -!#-z|-~]{1,9}", any::<bool>()), 0..10),
    ) {
        let mut text = "#EXTM3U\n".to_owned();
        for (kind, name, default) in &renditions {
            let default = if *default { "YES" } else { "NO" };
            text.push_str(&format!(
                "#EXT-X-MEDIA:TYPE={kind},GROUP-ID=\"g\",NAME=\"{name}\",DEFAULT={default},URI=\"https://r\"\n"
            ));
        }
        for (bandwidth, average, size, none) in &variants {
            text.push_str(&format!("#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS=\"avc1.64001f,mp4a.40.2\""));
            if let Some(average) = average {
                text.push_str(&format!(",AVERAGE-BANDWIDTH={average}"));
            }
            if let Some((width, height)) = size {
                text.push_str(&format!(",RESOLUTION={width}x{height}"));
            }
            text.push_str(if *none { ",CLOSED-CAPTIONS=NONE" } else { ",CLOSED-CAPTIONS=\"cc\"" });
            text.push_str(&format!(",AUDIO=\"g\",FRAME-RATE=25.000\nhttps://v/{bandwidth}\n"));
        }
        let ours = multivariant(&text);
        let (_, theirs) = m3u8_rs::parse_master_playlist(text.as_bytes()).unwrap();
        prop_assert_eq!(&ours.warnings, &[]);
        prop_assert_eq!(ours.variants.len(), theirs.variants.len());
        for (a, b) in ours.variants.iter().zip(&theirs.variants) {
            prop_assert_eq!(a.uri.expose(), &b.uri);
            prop_assert_eq!(a.bandwidth, Some(b.bandwidth));
            prop_assert_eq!(a.average_bandwidth, b.average_bandwidth);
            prop_assert_eq!(Some(a.codecs.join(",")), b.codecs.clone());
            let size = b.resolution.map(|r| (u32::try_from(r.width).unwrap(), u32::try_from(r.height).unwrap()));
            prop_assert_eq!(a.resolution, size);
            prop_assert_eq!(a.frame_rate, b.frame_rate);
            prop_assert_eq!(&a.audio, &b.audio);
            let captions: &Option<ClosedCaptions> = &b.closed_captions;
            prop_assert_eq!(&a.closed_captions, captions);
        }
        prop_assert_eq!(ours.renditions.len(), theirs.alternatives.len());
        for (a, b) in ours.renditions.iter().zip(&theirs.alternatives) {
            let kind: &RenditionType = &b.media_type;
            prop_assert_eq!((&a.kind, &a.name, &a.group_id, a.default), (kind, &b.name, &b.group_id, b.default));
            prop_assert_eq!(a.uri.as_ref().map(|u| u.expose()), b.uri.as_deref());
        }
    }
}
