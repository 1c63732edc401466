//! Playlists that sign each of their children by itself, as CDNs of one signature a path have it.
//!
//! A renewal gives another address of the source, and what carried the source's signature carries the new one from then on.
//! What was signed by itself is reached by none: whoever made the playlist made that signature. So the playlist is loaded again,
//! and where it was signed by the playlist before, that one first. What is buffered plays on meanwhile.
//!
//! That is done after a renewal that a refusal led to, and after any other for what ends before the new grant does. A
//! live playlist is loaded again anyway; only the addresses of its kind are brought up to date.

use crate::access::signature_of;
use crate::secret::Url;
use crate::time::Timestamp;

use super::catalog::{Catalog, Stream};
use super::io::Output;
use super::lane::{LaneId, State};
use super::requests::{Ask, Purpose};
use super::{Engine, Stage};

impl Engine {
    /// A new grant is at hand; `refused`: because the last one was.
    pub(super) fn reload_signed(&mut self, now: Timestamp, refused: bool) {
        let until = self.grant_expires;
        let (Stage::Open(catalog), credentials) = (&mut self.stage, &self.credentials) else { return };
        let is_over = |url: &Url| {
            let ends = || signature_of(url).and_then(|signed| signed.expires);
            let is_early = || ends().is_some_and(|ends| until.is_none_or(|until| ends < until));
            credentials.is_beyond_renewal(url) && (refused || is_early())
        };
        let is_media_over = |stream: &Stream| {
            let media = stream.media.as_ref().filter(|media| !media.playlist.is_live());
            let segment = media.and_then(|media| media.playlist.segments.last());
            segment.is_some_and(|s| is_over(&s.uri) || s.keys.iter().flat_map(|key| &key.uri).any(is_over))
        };
        let (mut root, mut media) = (false, false);
        for (.., stream) in catalog.streams_mut() {
            root |= is_over(&stream.url);
            media |= is_media_over(stream);
        }
        if !root && !media {
            return;
        }
        self.reports.trace.note(now, "signed_anew", &[]);
        let used: Vec<_> =
            LaneId::ALL.into_iter().filter_map(|lane| Some((lane, self.stream_in_use(lane)?))).collect();
        for (lane, index) in &used {
            self.drop_segment(now, *lane);
            self.lanes.lane_mut(*lane).step_aside();
            self.lanes.lane_mut(*lane).state = State::AwaitPlaylist(*index);
        }
        let is_old = |purpose: &Purpose| {
            matches!(purpose, Purpose::Key(_) | Purpose::Init(_)) || purpose.stream().is_some()
        };
        for id in self.requests.give_up(is_old) {
            self.push(Output::Abort(id));
        }
        if let Stage::Open(catalog) = &mut self.stage {
            catalog.forget_unused(&used);
        }
        match self.credentials.source().filter(|_| root) {
            Some(source) => self.send(now, Ask::get(Purpose::Root, self.credentials.playlist_url(&source))),
            None => self.reload_awaited(now),
        }
    }

    /// The multivariant playlist is here once more: everything is where it says now.
    pub(super) fn readdress(&mut self, now: Timestamp, mut found: Catalog) {
        let (Stage::Open(catalog), credentials) = (&mut self.stage, &self.credentials) else { return };
        let named: Vec<_> =
            found.addresses_mut().map(|url| (credentials.cache_key(url), url.clone())).collect();
        for address in catalog.addresses_mut() {
            let key = credentials.cache_key(address);
            if let Some((_, url)) = named.iter().find(|(name, _)| *name == key) {
                address.clone_from(url);
            }
        }
        self.reload_awaited(now);
    }

    /// Loads the playlists that lanes wait for, at hand or not.
    pub(super) fn reload_awaited(&mut self, now: Timestamp) {
        for lane in LaneId::ALL {
            let State::AwaitPlaylist(index) = self.lanes.lane(lane).state else { continue };
            let Stage::Open(catalog) = &mut self.stage else { return };
            let (purpose, Some(stream)) = (Purpose::playlist(lane, index), catalog.stream_mut(lane, index))
            else {
                continue;
            };
            if !self.requests.is_pending(&purpose) {
                stream.asked = now;
                let ask = Ask::get(purpose, stream.url.clone());
                self.send(now, ask);
            }
        }
    }
}
