//! Sessions whose media a native component plays by itself.

mod access;
mod anything;
mod hidden;
mod loading;
mod phone;
mod playing;
mod quality;
mod reports;
mod rights;

use cloud_player::access::TokenUse;
use cloud_player::access::play_info::Query;
use cloud_player::engine::RequestKind;
use cloud_player::handoff::{Config, NetworkType, Request, Source};
use cloud_player::secret::{Secret, Url};
use cloud_player::time::Timestamp;

use phone::Reply;

fn config() -> Config {
    Config { session_id: "s-1".into(), seed: 7, network: NetworkType::G4, ..Config::default() }
}

fn hls(token: Option<&str>) -> Source {
    let token = token.map(|token| TokenUse::in_file_name(Secret::new(token.to_owned())));
    Source::Hls { url: Url::new("http://h/d/m.m3u8"), token }
}

fn file_id() -> Source {
    Source::PlayInfo {
        hosts: vec![Url::new("http://p1/getplayinfo/v4"), Url::new("http://p2/getplayinfo/v4")],
        app_id: "1".into(),
        file_id: "2".into(),
        query: Query::V4 { psign: Some(Secret::new("SIGNED".into())), context: None, overlay: None },
    }
}

/// Three rungs of 0.5, 1.5 and 4 Mbit/s.
const LADDER: &str = "#EXTM3U\n\
    #EXT-X-STREAM-INF:BANDWIDTH=4000000,RESOLUTION=1920x1080\nhigh.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=640x360\nlow.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1500000,RESOLUTION=1280x720\nmiddle.m3u8\n";

/// Answers playlists with the ladder, reports with thanks, and all else with 404.
fn ladder(_: Timestamp, request: &Request) -> Reply {
    Ok(match request.kind {
        RequestKind::Playlist => (200, LADDER.to_owned()),
        RequestKind::Telemetry => (204, String::new()),
        _ => (404, String::new()),
    })
}
