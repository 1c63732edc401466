//! From what the page names to something that can be loaded: play info, multivariant playlist, media playlists.

use crate::access::{TokenUse, play_info};
use crate::error::Phase;
use crate::playlist::{self, Limits, MediaPlaylist, Playlist, PlaylistError};
use crate::secret::Url;
use crate::time::Timestamp;

use super::catalog::{Catalog, Media};
use super::io::{ElementCommand, Event, Output, Source};
use super::lane::{LaneId, State};
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
            self.push(Output::Notify(Event::Poster { url: Url::new(url) }));
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
                let catalog =
                    Catalog::of_multivariant(&multivariant, &self.config.unsupported_codecs, |uri| {
                        self.credentials.child_playlist_url(&url, uri)
                    });
                let Some(catalog) = catalog else {
                    let message = "the multivariant playlist has no variant".into();
                    return self.fatal(now, "playlist_no_variant", Phase::Playlist, message, Some(url));
                };
                catalog
            }
            Ok(Playlist::Media(media)) => {
                if let Some(detail) = unplayable(&media) {
                    return self.failed(now, ask, Fault::Gone { status: 200 }, None, Some(detail));
                }
                let Some(catalog) = Catalog::of_media(url, media) else { return };
                catalog
            }
            Err(error) => return self.playlist_unreadable(now, ask, &error),
        };
        let single = catalog.media(LaneId::Main, 0).is_some();
        self.stage = Stage::Open(catalog);
        if single {
            self.playlist_ready(LaneId::Main);
            return;
        }
        let rung = self.choose_rung(now);
        self.lanes.main.state = State::AwaitPlaylist(rung);
        self.ask_for_playlist(now, LaneId::Main, rung);
        // The playlist of the rung above will be wanted as soon as the rate is known; fetched now, it also opens the
        // second connection on which the key then finds its way beside the first segment.
        if self.held_rung.is_none() {
            self.ask_for_playlist(now, LaneId::Main, rung + 1);
        }
    }

    /// Requests the media playlist of a rung or a rendition, unless it is at hand or on its way, or there is no such.
    pub(super) fn ask_for_playlist(&mut self, now: Timestamp, lane: LaneId, index: usize) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(wanted) = catalog.stream(lane, index) else { return };
        let purpose = match lane {
            LaneId::Main => Purpose::Rung(index),
            LaneId::Audio => Purpose::Rendition(index),
        };
        if wanted.media.is_none() && !self.requests.is_pending(&purpose) {
            let ask = Ask::get(purpose, wanted.url.clone());
            self.send(now, ask);
        }
    }

    pub(super) fn media_playlist_arrived(
        &mut self,
        now: Timestamp,
        ask: Ask,
        (lane, index): (LaneId, usize),
        url: Url,
        body: &[u8],
    ) {
        let playlist = match playlist::parse(body, &url, &Limits::default()) {
            Ok(Playlist::Media(media)) => media,
            Ok(Playlist::Multivariant(_)) => {
                let detail =
                    ("playlist_wrong_kind", "a multivariant playlist where a media playlist belongs".into());
                return self.failed(now, ask, Fault::Corrupt, None, Some(detail));
            }
            Err(error) => return self.playlist_unreadable(now, ask, &error),
        };
        if let Some(detail) = unplayable(&playlist) {
            return self.failed(now, ask, Fault::Gone { status: 200 }, None, Some(detail));
        }
        if let Stage::Open(catalog) = &mut self.stage {
            catalog.set_media(lane, index, Media { playlist, url });
        }
        if self.lanes.lane(lane).waits_for_playlist(index) {
            self.playlist_ready(lane);
        }
    }

    /// A media playlist that the lane can go on with is here.
    fn playlist_ready(&mut self, lane: LaneId) {
        self.lanes.lane_mut(lane).state = State::Idle;
        if lane == LaneId::Main && !core::mem::replace(&mut self.announced, true) {
            self.announce();
        }
    }

    /// Tells the page and the sink what there is to play.
    fn announce(&mut self) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(media) = catalog.any_media() else { return };
        let duration = media.playlist.duration();
        let rungs = catalog.infos();
        self.sink.set_duration(duration);
        self.push(Output::Notify(Event::Loaded { duration: duration.as_secs(), rungs }));
        // The element may have been sent elsewhere meanwhile; then that is where playback starts.
        if let Some(start) = self.playhead.heading() {
            let start = start.min(duration);
            self.playhead.heads_for(start);
            self.reports.qoe.own_seek();
            self.push(Output::Element(ElementCommand::Seek(start)));
        }
    }

    fn playlist_unreadable(&mut self, now: Timestamp, ask: Ask, error: &PlaylistError) {
        self.failed(now, ask, Fault::Corrupt, None, Some((error.code(), error.to_string())));
    }
}

/// Why this version cannot play a playlist, as a code and a sentence.
fn unplayable(playlist: &MediaPlaylist) -> Option<(&'static str, String)> {
    if !playlist.ended {
        let message = "the playlist has no EXT-X-ENDLIST: live streams are not supported yet";
        return Some(("live_unsupported", message.into()));
    }
    playlist.segments.is_empty().then(|| ("playlist_empty", "the playlist has no segment".into()))
}
