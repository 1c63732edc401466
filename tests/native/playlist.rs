//! Playlists, by their public interface.

// Hostile text is timed by a real clock.
#![allow(clippy::disallowed_methods)]

pub(crate) mod corpora;
mod fuzz;
mod model;
mod oracle;
mod refresh;
mod wild;

use cloud_player::playlist::{
    Limits, MediaPlaylist, Multivariant, PlaylistError, Source, Variables, parse_media, parse_multivariant,
};
use cloud_player::secret::Url;

const BASE: &str = "https://h.example/d/p.m3u8?token=t";

fn with_source<R>(f: impl FnOnce(&Source<'_>) -> R) -> R {
    let base = Url::new(BASE);
    f(&Source { base: &base, variables: &Variables::default(), limits: Limits::default() })
}

fn try_media(text: &str) -> Result<MediaPlaylist, PlaylistError> {
    with_source(|source| parse_media(text.as_bytes(), source))
}

fn media(text: &str) -> MediaPlaylist {
    try_media(text).unwrap()
}

fn multivariant(text: &str) -> Multivariant {
    with_source(|source| parse_multivariant(text.as_bytes(), source)).unwrap()
}

fn uris(playlist: &MediaPlaylist) -> Vec<&str> {
    playlist.segments.iter().map(|s| s.uri.expose().strip_prefix("https://h.example/d/").unwrap()).collect()
}

fn warnings(warnings: &[cloud_player::playlist::Warning]) -> Vec<(u32, &str)> {
    warnings.iter().map(|w| (w.line, w.text.as_str())).collect()
}
