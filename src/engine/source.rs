//! From what the page names to something that can be loaded: play info, multivariant playlist, media playlists.

use crate::access::{TokenUse, play_info};
use crate::error::Phase;
use crate::playlist::{self, Limits, MediaPlaylist, Playlist, PlaylistError};
use crate::secret::Url;
use crate::time::Timestamp;

use super::catalog::{Catalog, Media};
use super::io::{Event, Output, Source};
use super::lane::Waiting;
use super::recovery::Fault;
use super::report::STATS_INTERVAL;
use super::requests::{Ask, Purpose};
use super::timers::Timer;
use super::{Engine, Stage};

impl Engine {
    /// Starts. The sink is attached at once, beside the first request: neither needs the other.
    pub(super) fn load(&mut self, now: Timestamp, source: Source) {
        self.stage = Stage::Opening;
        self.reports.qoe.load(now);
        self.timers.set(Timer::Stats, Some(now + STATS_INTERVAL));
        self.schedule_report(now);
        let ask = match source {
            Source::PlayInfo { endpoint, app_id, file_id, psign } => {
                let psign = psign.as_ref().map(|p| p.expose().as_str());
                Ask::get(Purpose::PlayInfo, play_info::request_url(&endpoint, &app_id, &file_id, psign))
            }
            Source::Hls { url, token } => {
                self.credentials.set_token(token.map(|(token, placement)| TokenUse { token, placement }));
                Ask::get(Purpose::Root, self.credentials.playlist_url(&url))
            }
        };
        self.send(now, ask);
    }

    pub(super) fn play_info_arrived(&mut self, now: Timestamp, ask: Ask, url: &Url, body: &[u8]) {
        let info = match play_info::parse(body, url) {
            Ok(info) => info,
            Err(error) => {
                let fault = if error.is_retryable() {
                    Fault::Server { status: 200, retry_after: None }
                } else {
                    Fault::Refused { status: 200 }
                };
                return self.failed(now, ask, fault, None, Some((error.code(), error.to_string())));
            }
        };
        if let Some(url) = info.poster {
            self.push(Output::Notify(Event::Poster { url }));
        }
        self.credentials.set_token(info.drm_token.map(TokenUse::in_file_name));
        let Some(source) = info.sources.into_iter().next() else {
            let message = "the play info names no stream".into();
            return self.fatal(now, "play_info_no_source", Phase::PlayInfo, message, None);
        };
        let url = self.credentials.playlist_url(&source.url);
        self.send(now, Ask::get(Purpose::Root, url));
    }

    pub(super) fn root_arrived(&mut self, now: Timestamp, ask: Ask, url: Url, body: &[u8]) {
        let catalog = match playlist::parse(body, &url, &Limits::default()) {
            Ok(Playlist::Multivariant(multivariant)) => {
                let catalog = Catalog::of_multivariant(&multivariant, |v| {
                    self.credentials.child_playlist_url(&url, &v.uri)
                });
                let Some(catalog) = catalog else {
                    let message = "the multivariant playlist has no variant".into();
                    return self.fatal(now, "playlist_no_variant", Phase::Playlist, message, Some(url));
                };
                catalog
            }
            Ok(Playlist::Media(media)) => {
                if !self.playable(now, &media, &url) {
                    return;
                }
                let Some(catalog) = Catalog::of_media(url, media) else { return };
                catalog
            }
            Err(error) => return self.playlist_unreadable(now, ask, &error),
        };
        let single = catalog.media(0).is_some();
        self.stage = Stage::Open(catalog);
        if single {
            self.playlist_ready(now);
            return;
        }
        let rung = self.choose_rung();
        self.lane.wait_for_playlist(rung);
        self.ask_for_playlist(now, rung);
        // The playlist of the rung above will be wanted as soon as the rate is known; fetched now, it also opens the
        // second connection on which the key then finds its way beside the first segment.
        if self.held_rung.is_none() {
            self.ask_for_playlist(now, rung + 1);
        }
    }

    /// Requests a rung's media playlist, unless it is at hand or on its way, or there is no such rung.
    pub(super) fn ask_for_playlist(&mut self, now: Timestamp, rung: usize) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(wanted) = catalog.rung(rung) else { return };
        if wanted.media.is_none() && !self.requests.is_pending(&Purpose::Rung(rung)) {
            let ask = Ask::get(Purpose::Rung(rung), wanted.url.clone());
            self.send(now, ask);
        }
    }

    pub(super) fn rung_arrived(&mut self, now: Timestamp, ask: Ask, rung: usize, url: Url, body: &[u8]) {
        let playlist = match playlist::parse(body, &url, &Limits::default()) {
            Ok(Playlist::Media(media)) => media,
            Ok(Playlist::Multivariant(_)) => {
                let detail =
                    ("playlist_wrong_kind", "a multivariant playlist where a media playlist belongs".into());
                return self.failed(now, ask, Fault::Corrupt, None, Some(detail));
            }
            Err(error) => return self.playlist_unreadable(now, ask, &error),
        };
        if !self.playable(now, &playlist, &url) {
            return;
        }
        if let Stage::Open(catalog) = &mut self.stage {
            catalog.set_media(rung, Media { playlist, url });
        }
        if self.lane.waits_for_playlist(rung) {
            self.playlist_ready(now);
        }
    }

    /// A media playlist that the lane can go on with is here.
    fn playlist_ready(&mut self, now: Timestamp) {
        let first = self.lane.playlist_is_here();
        if first == Waiting::ForTheFirst {
            self.announce(now);
        }
    }

    /// Tells the page and the sink what there is to play.
    fn announce(&mut self, now: Timestamp) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(media) = (0..=catalog.top()).find_map(|i| catalog.media(i)) else { return };
        let duration = media.playlist.duration();
        let rungs = catalog.infos();
        let start = self.config.start;
        if start >= duration && duration > crate::time::MediaTime::ZERO {
            let message = format!("the start at {start} lies after the end at {duration}");
            return self.fatal(now, "start_after_end", Phase::Playlist, message, None);
        }
        self.sink.set_duration(duration);
        self.push(Output::Notify(Event::Loaded { duration: duration.as_secs(), rungs }));
        if start > crate::time::MediaTime::ZERO {
            self.reports.qoe.own_seek();
            self.push(Output::Element(super::ElementCommand::Seek(start)));
        }
    }

    fn playlist_unreadable(&mut self, now: Timestamp, ask: Ask, error: &PlaylistError) {
        self.failed(now, ask, Fault::Corrupt, None, Some((error.code(), error.to_string())));
    }

    /// Whether this version can play the playlist; says why not if it cannot.
    fn playable(&mut self, now: Timestamp, playlist: &MediaPlaylist, url: &Url) -> bool {
        let (code, message) = if !playlist.ended {
            ("live_unsupported", "the playlist has no EXT-X-ENDLIST: live streams are not supported yet")
        } else if playlist.segments.is_empty() {
            ("playlist_empty", "the playlist has no segment")
        } else {
            return true;
        };
        self.fatal(now, code, Phase::Playlist, message.into(), Some(url.clone()));
        false
    }
}
