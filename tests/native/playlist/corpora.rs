//! Playlists written by others, where they are at hand: the folder that `CLOUD_PLAYER_CORPORA` names, which
//! `cargo xtask test` sets where it finds one. Without it these tests say so and check nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cloud_player::playlist::{MediaPlaylist, Refresh};
use cloud_player::secret::Url;

use super::{media, with_source};

pub(crate) fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("CLOUD_PLAYER_CORPORA").map(PathBuf::from);
    if folder.is_none() {
        println!("not checked: CLOUD_PLAYER_CORPORA names no folder");
    }
    folder
}

/// Playlists of a real server, as a player loaded them over time.
#[test]
fn recorded_live_streams_stay_on_one_timeline() {
    let Some(folder) = corpora() else { return };
    let mut refreshed = 0;
    for name in ["ll", "live-ts"] {
        let trace =
            std::fs::read_to_string(folder.join("gen/gohlslib").join(name).join("trace.jsonl")).unwrap();
        let mut playlists: BTreeMap<String, MediaPlaylist> = BTreeMap::new();
        for line in trace.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let (Some(url), Some(body)) = (record["path"].as_str(), record["body"].as_str()) else {
                continue;
            };
            if !body.contains("#EXT-X-TARGETDURATION") {
                continue;
            }
            let url = url.split('?').next().unwrap();
            let Some(playlist) = playlists.get_mut(url) else {
                playlists.insert(url.to_owned(), media(body));
                continue;
            };
            let known: BTreeMap<_, _> =
                playlist.segments.iter().map(|s| (s.sequence, (Url::clone(&s.uri), s.start()))).collect();
            let refresh = with_source(|source| playlist.refresh(body.as_bytes(), source)).unwrap();
            assert!(matches!(refresh, Refresh::Unchanged | Refresh::Advanced { .. }), "{url} {refresh:?}");
            assert_eq!(playlist.warnings, [], "{body}");
            for segment in &playlist.segments {
                if let Some((uri, start)) = known.get(&segment.sequence) {
                    assert_eq!((&segment.uri, segment.start()), (uri, *start));
                }
            }
            // The wall clock and the timeline go together.
            let dated: Vec<_> = playlist.segments.iter().filter(|s| !s.gap).collect();
            for pair in dated.windows(2) {
                let [a, b] = pair else { unreachable!() };
                let clock = b.program_date_time.unwrap().since(a.program_date_time.unwrap()).unwrap();
                let drift = (b.start() - a.start()).as_secs() - clock.as_secs_f64();
                assert!(drift.abs() < 0.1, "{url} {} {drift}", b.sequence);
            }
            refreshed += 1;
        }
    }
    assert!(refreshed > 100, "{refreshed}");
}
