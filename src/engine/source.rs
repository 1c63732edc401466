//! From an address to something that can be loaded: multivariant playlist, media playlists.

use crate::error::Phase;
use crate::playlist::{
    self, Limits, MediaPlaylist, Playlist, PlaylistError, Refresh, Segment, Source, Start,
};
use crate::secret::Url;
use crate::time::{MediaTime, Timestamp};

use super::catalog::{Catalog, Media};
use super::io::{ElementCommand, Event, Output};
use super::lane::{LaneId, State};
use super::live::live_place;
use super::recovery::Fault;
use super::requests::{Ask, Purpose};
use super::{Engine, Stage};

impl Engine {
    pub(super) fn root_arrived(&mut self, now: Timestamp, ask: Ask, url: Url, body: &[u8]) {
        let catalog = match playlist::parse(body, &url, &Limits::default()) {
            Ok(Playlist::Multivariant(multivariant)) => {
                let catalog =
                    Catalog::of_multivariant(&multivariant, &self.config.unsupported_codecs, |uri| {
                        self.credentials.child_playlist_url(&url, uri)
                    });
                let Some(mut catalog) = catalog else {
                    let message = "the multivariant playlist has no variant".into();
                    return self.fatal(now, "playlist_no_variant", Phase::Playlist, message, Some(url));
                };
                if matches!(self.stage, Stage::Open(_)) {
                    return self.readdress(now, catalog);
                }
                self.find_sound(&mut catalog);
                self.find_text(&catalog);
                catalog
            }
            Ok(Playlist::Media(_)) if matches!(self.stage, Stage::Open(_)) => {
                return self.reload_awaited(now);
            }
            Ok(Playlist::Media(media)) => {
                if let Some(detail) = unplayable(&media) {
                    return self.failed(now, ask, Fault::Gone { status: 200 }, None, Some(detail));
                }
                let Some(catalog) = Catalog::of_media(now, url, media) else { return };
                catalog
            }
            Err(error) => return self.playlist_unreadable(now, ask, &error),
        };
        let single = catalog.media(LaneId::Main, 0).is_some();
        self.stage = Stage::Open(Box::new(catalog));
        if single {
            self.playlist_ready(now, LaneId::Main, 0);
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
        let purpose = Purpose::playlist(lane, index);
        if wanted.is_fresh(now) || self.requests.is_pending(&purpose) {
            return;
        }
        let ask = Ask::get(purpose, wanted.url.clone());
        if let Stage::Open(catalog) = &mut self.stage
            && let Some(stream) = catalog.stream_mut(lane, index)
        {
            stream.asked = now;
        }
        self.send(now, ask);
    }

    pub(super) fn media_playlist_arrived(
        &mut self,
        now: Timestamp,
        ask: Ask,
        (lane, index): (LaneId, usize),
        url: Url,
        body: &[u8],
    ) {
        let at_rung = self.lanes.main.at_rung();
        let Stage::Open(catalog) = &mut self.stage else { return };
        let variables = catalog.variables().clone();
        let source = Source { base: &url, variables: &variables, limits: Limits::default() };
        let known = catalog.stream_mut(lane, index).and_then(|s| s.media.take_if(|m| m.playlist.is_live()));
        let (mut media, read) = match known {
            Some(known) => {
                let (media, news) = read_again(known, &url, body, &source);
                (Some(media), news)
            }
            None => match playlist::parse_media(body, &source) {
                // An update, and nothing that it could be an update of.
                Ok(playlist) if playlist.skipped > 0 => (None, Err(PlaylistError::DeltaMismatch { line: 1 })),
                Ok(playlist) => {
                    let playlist = catalog.put_beside_others(now, at_rung, (lane, index), playlist);
                    let added = playlist.segments.len();
                    (Some(Media { playlist, url }), Ok(Refresh::Advanced { added, removed: 0 }))
                }
                Err(error) => (None, Err(error)),
            },
        };
        if let (Ok(Refresh::Restarted), Some(media)) = (&read, &mut media) {
            self.align_restarted(now, (lane, index), &mut media.playlist);
        }
        let Stage::Open(catalog) = &mut self.stage else { return };
        if let Some(media) = media.as_ref().filter(|_| lane == LaneId::Main) {
            catalog.learn_segment(&media.playlist);
        }
        let detail = media.as_ref().and_then(|media| unplayable(&media.playlist));
        if let Some(stream) = catalog.stream_mut(lane, index).filter(|_| detail.is_none()) {
            stream.media = media;
            if let Ok(news) = &read {
                stream.heard(now, *news);
            }
        }
        let news = match read {
            Ok(news) => news,
            Err(error @ PlaylistError::DeltaMismatch { .. }) => {
                return self.whole_playlist(now, ask, (lane, index), &error);
            }
            Err(error) => return self.playlist_unreadable(now, ask, &error),
        };
        if let Some(detail) = detail {
            return self.failed(now, ask, Fault::Gone { status: 200 }, None, Some(detail));
        }
        self.playlist_news(now, lane, index, news);
        if self.lanes.lane(lane).waits_for_playlist(index) {
            self.playlist_ready(now, lane, index);
        }
    }

    /// A media playlist that the lane can go on with is here.
    fn playlist_ready(&mut self, now: Timestamp, lane: LaneId, index: usize) {
        let Stage::Open(catalog) = &self.stage else { return };
        // A live stream that is about to begin has nothing in it yet.
        if catalog.media(lane, index).is_some_and(|media| media.playlist.segments.is_empty()) {
            self.lanes.lane_mut(lane).state = State::AwaitPlaylist(index);
            return;
        }
        self.lanes.lane_mut(lane).state = State::Idle;
        if lane == LaneId::Main {
            self.announce_once(now);
        }
    }

    /// Tells what there is to play, if that was not told yet.
    pub(super) fn announce_once(&mut self, now: Timestamp) {
        if !core::mem::replace(&mut self.announced, true) {
            self.announce();
            self.choose_text(now);
        }
    }

    /// Tells the page and the sink what there is to play.
    fn announce(&mut self) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(media) = catalog.any_media() else { return };
        let (live, end) = (media.playlist.is_live(), media.playlist.window().end);
        // A viewer who has gone somewhere already stays there.
        let left = self.playhead.has_left();
        let gone = self.playhead.heading().is_none() && self.playhead.place() > MediaTime::ZERO;
        let start = start_place(self.playhead.heading(), catalog.start, &media.playlist).filter(|_| !gone);
        let rungs = catalog.infos();
        let (audio, text) = (catalog.sounds.infos().to_vec(), catalog.texts.infos());
        let duration = if live { f64::INFINITY } else { end.as_secs() };
        self.is_live = live;
        self.push(Output::Notify(Event::Loaded { duration, rungs, audio, text }));
        self.tell_sink();
        // The element may have been sent elsewhere meanwhile; then that is where playback starts.
        match start {
            Some(start) => self.place_at(start),
            // It is not at the beginning, but where it was in the source before.
            None if left => {
                self.playhead.arrived();
                self.playhead.state.position = MediaTime::ZERO;
                self.push(Output::Element(ElementCommand::Seek(MediaTime::ZERO)));
            }
            None => {}
        }
    }

    /// Tells the sink how long the presentation is, and where a live one can be sought in.
    pub(super) fn tell_sink(&mut self) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(media) = catalog.any_media() else { return };
        let (live, end) = (media.playlist.is_live(), media.playlist.window().end);
        self.sink.set_duration(if live { MediaTime::MAX } else { end });
        self.tell_live_range();
    }

    pub(super) fn playlist_unreadable(&mut self, now: Timestamp, ask: Ask, error: &PlaylistError) {
        self.failed(now, ask, Fault::Corrupt, None, Some((error.code(), error.to_string())));
    }
}

/// Takes over what a live playlist has become, or leaves it as it was where that cannot be read.
fn read_again(
    Media { mut playlist, url: known_url }: Media,
    url: &Url,
    body: &[u8],
    source: &Source<'_>,
) -> (Media, Result<Refresh, PlaylistError>) {
    let gaps: Vec<_> = playlist.segments.iter().filter(|s| s.gap).map(|s| s.sequence).collect();
    let news = playlist.refresh(body, source);
    // What was found missing is not named so in the next playlist.
    if matches!(news, Ok(Refresh::Unchanged | Refresh::Advanced { .. })) {
        gaps.into_iter().for_each(|sequence| playlist.set_gap(sequence));
    }
    let url = if news.is_ok() { url.clone() } else { known_url };
    (Media { playlist, url }, news)
}

/// Where to begin: where the page or the viewer wants to, else where the author does, else at the live edge; `None` is
/// the beginning.
fn start_place(
    wanted: Option<MediaTime>,
    author: Option<Start>,
    playlist: &MediaPlaylist,
) -> Option<MediaTime> {
    let (window, live) = (playlist.window(), playlist.is_live());
    let authored = playlist.start.or(author).map(|start| {
        let from = if start.offset < MediaTime::ZERO { window.end } else { window.start };
        let place = from + start.offset;
        // Without PRECISE the whole segment is to be shown.
        let segment = playlist.segment_at(place).and_then(|index| playlist.segments.get(index));
        if start.precise { place } else { segment.map_or(place, Segment::start) }
    });
    let latest = if live { live_place(playlist) } else { window.end };
    let place = wanted.or(authored).or_else(|| live.then_some(latest))?;
    let place = place.min(latest).max(window.start);
    (place > MediaTime::ZERO).then_some(place)
}

/// Why this version cannot play a playlist, as a code and a sentence.
fn unplayable(playlist: &MediaPlaylist) -> Option<(&'static str, String)> {
    let empty = playlist.segments.is_empty() && !playlist.is_live();
    empty.then(|| ("playlist_empty", "the playlist has no segment".into()))
}
