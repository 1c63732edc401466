//! Live: playlists that change, a window that moves, and the distance from the live edge (RFC 8216bis §6.3.3, §6.3.4,
//! §6.3.7).
//!
//! The playlists of the rung and of the rendition that the lanes are at are loaded again as the specification times it;
//! others when they are wanted. All are put on one timeline. What the window has left behind cannot be loaded: a
//! playhead that is left there with nothing buffered goes to where a new viewer would begin.

use core::time::Duration;

use crate::playlist::{MediaPlaylist, PlaylistError, Refresh, Segment};
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::catalog::Media;
use super::io::{ElementCommand, Event, Output};
use super::lane::LaneId;
use super::requests::{Ask, Purpose};
use super::timers::Timer;
use super::{Engine, Stage};

impl Engine {
    /// Loads live playlists again that are due.
    pub(super) fn reload_playlists(&mut self, now: Timestamp) {
        let mut next: Option<Timestamp> = None;
        for lane in LaneId::ALL {
            let Some(index) = self.stream_in_use(lane) else { continue };
            let purpose = Purpose::playlist(lane, index);
            let Stage::Open(catalog) = &self.stage else { break };
            let Some(stream) = catalog.stream(lane, index) else { continue };
            let Some(media) = &stream.media else { continue };
            let Some(reload) = media.playlist.reload(stream.news, false) else { continue };
            if self.requests.is_pending(&purpose) {
                continue;
            }
            let due = stream.asked + reload.after;
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            let mut directives = reload.directives;
            if stream.whole {
                directives.skip = None;
            }
            // A server that was asked to answer when there is news may take its time.
            let target = media.playlist.target_duration();
            let hold = if directives.msn.is_some() { target.saturating_mul(2) } else { Duration::ZERO };
            let ask = Ask { hold, ..Ask::get(purpose, directives.apply(&stream.url)) };
            if let Stage::Open(catalog) = &mut self.stage
                && let Some(stream) = catalog.stream_mut(lane, index)
            {
                stream.asked = now;
            }
            self.send(now, ask);
        }
        self.timers.set(Timer::Reload, next);
    }

    pub(super) fn stream_in_use(&self, lane: LaneId) -> Option<usize> {
        match lane {
            LaneId::Main => self.lanes.main.at_rung(),
            LaneId::Audio => self.sound(),
            LaneId::Text => self.text_stream(),
        }
    }

    /// How far media lies behind where the live playlist of a lane has it.
    fn drift(&self, lane: LaneId) -> MediaTime {
        self.lanes.lane(lane).drift()
    }

    /// An update does not fit what is known of the playlist: all of it is asked for. A server that sends updates to who
    /// does not ask for one has failed.
    pub(super) fn whole_playlist(
        &mut self,
        now: Timestamp,
        ask: Ask,
        (lane, index): (LaneId, usize),
        error: &PlaylistError,
    ) {
        self.reports.trace.note(now, "playlist_delta_mismatch", &[]);
        let Stage::Open(catalog) = &mut self.stage else { return };
        let Some(stream) = catalog.stream_mut(lane, index) else { return };
        // Nothing new: the next load keeps its distance.
        stream.news = Refresh::Unchanged;
        if core::mem::replace(&mut stream.whole, true) || stream.media.is_none() {
            self.playlist_unreadable(now, ask, error);
        }
    }

    /// What a load of a media playlist brought, beside the playlist.
    pub(super) fn playlist_news(&mut self, now: Timestamp, lane: LaneId, index: usize, news: Refresh) {
        match news {
            Refresh::Restarted | Refresh::Jumped { .. } => {
                let name = if news == Refresh::Restarted { "playlist_restarted" } else { "playlist_jumped" };
                self.reports.trace.note(now, name, &[]);
                let used = LaneId::ALL.into_iter().filter_map(|of| Some((of, self.stream_in_use(of)?)));
                let used: Vec<_> = used.chain([(lane, index)]).collect();
                if let Stage::Open(catalog) = &mut self.stage {
                    catalog.forget_unused(&used);
                }
                self.lanes.in_doubt |= news != Refresh::Restarted;
                if news == Refresh::Restarted {
                    self.abandon_segment(now, lane);
                    self.lanes.lane_mut(lane).forget_drift();
                    self.forget_text();
                }
            }
            Refresh::Unchanged | Refresh::Advanced { .. } | Refresh::Stale => {}
        }
        if !self.announced {
            // The sound's playlist may come first, and says as much about what a missing segment is.
            let Stage::Open(catalog) = &self.stage else { return };
            self.is_live |= catalog.media(lane, index).is_some_and(|media| media.playlist.is_live());
            return;
        }
        if lane != LaneId::Main {
            return;
        }
        self.tell_live_range();
        let Stage::Open(catalog) = &self.stage else { return };
        let ended = catalog.media(lane, index).map(|m| &m.playlist).filter(|playlist| !playlist.is_live());
        if let Some(end) = ended.map(|playlist| playlist.window().end)
            && core::mem::take(&mut self.is_live)
        {
            self.sink.set_duration(end);
            self.push(Output::Notify(Event::DurationChanged { duration: end.as_secs() }));
        }
    }

    /// Of two playlists that begin anew, the second goes beside the first: where each ended before says nothing any more. The
    /// first goes behind all that was known.
    pub(super) fn align_restarted(
        &mut self,
        now: Timestamp,
        (lane, index): (LaneId, usize),
        playlist: &mut MediaPlaylist,
    ) {
        let others = LaneId::MEDIA.into_iter().filter(|other| *other != lane);
        let others: Vec<_> = others.filter_map(|of| Some((of, self.stream_in_use(of)?))).collect();
        let Stage::Open(catalog) = &mut self.stage else { return };
        let Some(stream) = catalog.stream(lane, index) else { return };
        let (mut restarts, since) = (stream.restarts, stream.changed);
        if !stream.may_show {
            restarts = restarts.wrapping_add(1);
        }
        let others = others.into_iter().filter_map(|(of, i)| Some((of, i, catalog.stream(of, i)?)));
        let others = others.filter_map(|(of, i, s)| Some((of, i, s, &s.media.as_ref()?.playlist)));
        let others: Vec<_> = others.collect();
        // Not every playlist shows each time that the server begins anew.
        let as_new = others.iter().filter(|(.., stream, _)| stream.restarts >= restarts);
        let mut late = None;
        match as_new.max_by_key(|(.., stream, _)| stream.restarts) {
            Some((.., stream, first)) => {
                restarts = stream.restarts;
                playlist.align_to(first, now.since(stream.got));
            }
            // The others were heard of since: what they had then was before this, unless they came for the first time since
            // this one last had something new.
            None => {
                for (of, i, stream, list) in &others {
                    if lane != LaneId::Text && stream.came >= since && counts_like(list, playlist) {
                        late = Some((*of, *i));
                    } else {
                        playlist.go_behind(list);
                    }
                }
            }
        }
        let mut moved = false;
        if let Some((of, i)) = late
            && let Some(stream) = catalog.stream_mut(of, i)
        {
            (stream.restarts, stream.may_show) = (restarts, true);
            let age = now.since(stream.changed);
            moved = stream.media.as_mut().is_some_and(|late| playlist.meet(&mut late.playlist, age));
        }
        if let Some(stream) = catalog.stream_mut(lane, index) {
            stream.restarts = restarts;
        }
        if let Some((of, _)) = late.filter(|_| moved) {
            self.abandon_segment(now, of);
            self.lanes.lane_mut(of).forget_drift();
            if of == LaneId::Main {
                self.tell_live_range();
            }
        }
    }

    /// Tells the sink where a live presentation can be sought in, if it is one.
    pub(super) fn tell_live_range(&mut self) {
        if let Some(playlist) = self.live_playlist() {
            // Media that lie before where the playlist has them may lead before the beginning, where none can be sought:
            // `setLiveSeekableRange` throws on it.
            let drift = self.drift(LaneId::Main);
            let place = |at: MediaTime| (at + drift).max(MediaTime::ZERO);
            let range = TimeRange { start: place(playlist.window().start), end: place(live_place(playlist)) };
            self.is_live = true;
            self.sink.set_live_range(range);
        }
    }

    /// The playlist that says where the live edge is.
    pub(super) fn live_playlist(&self) -> Option<&MediaPlaylist> {
        let Stage::Open(catalog) = &self.stage else { return None };
        let at = self.lanes.main.at_rung().and_then(|rung| catalog.media(LaneId::Main, rung));
        let media: &Media = at.or_else(|| catalog.any_media())?;
        Some(&media.playlist).filter(|playlist| playlist.is_live() && !playlist.segments.is_empty())
    }

    /// The window has moved past the place that is to be loaded. What is buffered is played first.
    pub(super) fn window_left(&mut self, now: Timestamp, lane: LaneId, rung: usize) {
        if self.playhead.is_stepping() {
            return;
        }
        let ahead = self.playable_ahead();
        if ahead > MediaTime::ZERO {
            return self.refill_after(now, ahead);
        }
        let Stage::Open(catalog) = &self.stage else { return };
        // Both lanes go where the pictures are: of the rung that is to go on, for that of the one before may be out of date.
        let at = if lane == LaneId::Main { Some(rung) } else { self.lanes.main.at_rung() };
        let main = at.and_then(|rung| catalog.media(LaneId::Main, rung));
        let (lane, media) = match main {
            Some(main) => (LaneId::Main, Some(main)),
            None => (lane, catalog.media(lane, rung)),
        };
        let Some(to) = media.map(|media| live_place(&media.playlist)) else { return };
        let to = to + self.drift(lane);
        // It was sent there already. Lanes that do not agree on the window must not make it go to and fro.
        if self.left_at.is_some_and(|at| now.since(at) < SETTLE) {
            return self.refill_after(now, MediaTime::from_duration(SETTLE));
        }
        // One lane's window may have left what the other's still has; going back would help neither. What the element says
        // of its position may be a little old.
        if to <= self.playhead.place() + LATELY {
            return self.refill_after(now, MediaTime::from_duration(SETTLE));
        }
        self.left_at = Some(now);
        self.reports.trace.note(now, "window_left", &[]);
        for lane in LaneId::ALL {
            self.abandon_segment(now, lane);
        }
        self.send_to(to);
    }

    /// Plays a live stream a little faster when it is further from the live edge than it was to be, and a little slower
    /// when it is closer or about to run dry; leaves alone who went further back, paused or chose a rate.
    pub(super) fn steer_latency(&mut self) {
        let state = self.playhead.state;
        let Some(playlist) = self.live_playlist() else { return self.rate_back() };
        let target = MediaTime::from_duration(playlist.hold_back(false));
        // The edge is known as of the last load; it has moved on by a segment at most since.
        let latency = playlist.live_edge() + self.drift(LaneId::Main) - state.position;
        let rate_is_ours = state.rate == 1.0 || self.live_rate == Some(state.rate);
        if state.paused || state.seeking || !rate_is_ours {
            return;
        }
        if latency > target + MAX_CATCH_UP {
            return self.rate_back();
        }
        let segment = MediaTime::from_duration(playlist.target_duration());
        // What was begun goes on a little beyond where it began, so that the rate does not flap.
        let slow = self.live_rate == Some(SLOWER);
        let wanted = if self.buffer_ahead() < if slow { MIN_BUFFER + DEAD_ZONE } else { MIN_BUFFER } {
            // Running dry: there is nothing to gain by being early.
            if latency < target { SLOWER } else { 1.0 }
        } else if latency > target + segment + DEAD_ZONE {
            FASTER
        } else if latency > target + segment && self.live_rate == Some(FASTER) {
            // Not quite back yet.
            FASTER
        } else {
            1.0
        };
        self.set_live_rate(wanted);
    }

    /// There is nothing to keep up with.
    pub(super) fn rate_back(&mut self) {
        if self.live_rate.is_some_and(|rate| rate == self.playhead.state.rate) {
            self.set_live_rate(1.0);
        }
    }

    fn set_live_rate(&mut self, wanted: f64) {
        if wanted != self.playhead.state.rate && self.live_rate != Some(wanted) {
            self.live_rate = Some(wanted);
            self.push(Output::Element(ElementCommand::SetRate(wanted)));
        } else if wanted == self.playhead.state.rate {
            self.live_rate = Some(wanted);
        }
    }
}

/// Where a new viewer of a live stream begins: HOLD-BACK or three target durations from the live edge (§4.4.3.8, §6.3.3),
/// at the start of the segment that lies there.
pub(super) fn live_place(playlist: &MediaPlaylist) -> MediaTime {
    let window = playlist.window();
    let place = playlist.live_edge() - MediaTime::from_duration(playlist.hold_back(false));
    let place = place.max(window.start);
    let segment = playlist.segment_at(place).and_then(|index| playlist.segments.get(index));
    segment.map_or(place, Segment::start)
}

/// How old the element's last word on its position may be.
const LATELY: MediaTime = MediaTime::from_millis(500);
/// After the window has left the playhead behind, it is not sent on again for so long.
const SETTLE: Duration = Duration::from_secs(1);
const FASTER: f64 = 1.05;
const SLOWER: f64 = 0.95;
/// Rates are not changed for less than this.
const DEAD_ZONE: MediaTime = MediaTime::from_millis(1000);
/// Who is further back than this went there.
const MAX_CATCH_UP: MediaTime = MediaTime::from_millis(30_000);
/// With less than this buffered the stream is about to stop.
const MIN_BUFFER: MediaTime = MediaTime::from_millis(1000);

/// Whether a live playlist may count like a newer one: it ends where that does or earlier, and nearly reaches it.
fn counts_like(older: &MediaPlaylist, newer: &MediaPlaylist) -> bool {
    let numbers =
        |list: &MediaPlaylist| Some((list.segments.first()?.sequence, list.segments.last()?.sequence));
    let (Some(older), Some(newer)) = (numbers(older), numbers(newer)) else { return false };
    let reach = (older.1 - older.0).max(newer.1 - newer.0) + 1;
    older.1 <= newer.1.saturating_add(1) && newer.0 <= older.1.saturating_add(reach)
}
