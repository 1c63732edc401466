//! Loading segments: which one comes next, and its request.
//!
//! Each lane loads one segment at a time.

use core::time::Duration;

use crate::error::{Phase, PlayerError};
use crate::media::TrackKind;
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::catalog::Catalog;
use super::io::{Output, PipelineCommand};
use super::lane::{LaneId, Loading, Next, State};
use super::ranges;
use super::requests::{Ask, Purpose};
use super::sink::Tracks;
use super::timers::Timer;
use super::{Engine, Stage, standstill};

/// What a lane did when it was to load on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// It loads, waits or has loaded enough.
    Goes,
    /// It has loaded everything.
    Ended,
}

impl Engine {
    /// Loads on, if there is room and something to load.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if !matches!(self.stage, Stage::Open(_))
            || self.sink.is_full()
            || self.sink.queued_bytes() > MAX_QUEUED
        {
            return;
        }
        let main = self.advance_main(now);
        self.lanes.main.over = main == Progress::Ended;
        // The first steps may have ended the session.
        let audio = match self.sound() {
            Some(sound) => self.advance_audio(now, sound, main),
            None => Progress::Ended,
        };
        // What waits for its place does not wait for rungs that have gone by it, or have nothing more to load for now.
        if let Some(sound) = self.lanes.audio.loading().filter(|l| l.awaits_offset) {
            let (start, gone_by) = (sound.range.start, self.lanes.main.has_gone_by(sound));
            // On the way to another place they are idle for a moment only, and at the live edge until their next playlist,
            // whichever rung's that is; but who has enough waits for the sound.
            let comes = self.is_live
                && self.target(LaneId::Main) <= start + TOLERANCE
                && self.ahead(LaneId::Main) < self.goal(now);
            let idle = matches!(self.lanes.main.state, State::Idle) && self.playhead.heading().is_none();
            self.offset_found(gone_by || idle && !comes);
        }
        // The rungs may be over before sound that ends before them has been placed.
        if main == Progress::Ended {
            self.offset_found(true);
            self.place_sound();
        }
        // The other goes on without what has not come by now.
        if self.sound().is_some() {
            let ended =
                [(main, TrackKind::Video, TrackKind::Audio), (audio, TrackKind::Audio, TrackKind::Video)];
            for (_, kind, other) in ended.into_iter().filter(|(lane, ..)| *lane == Progress::Ended) {
                if !self.sink.has(kind) {
                    self.sink.expect_no_more(Some(other));
                }
            }
        }
        self.lanes.audio.over = audio == Progress::Ended;
        if (main, audio) == (Progress::Ended, Progress::Ended) && matches!(self.stage, Stage::Open(_)) {
            // What has not come by now does not come.
            self.sink.expect_no_more(None);
            if self.sink.lacks_a_track(self.playhead.place()) {
                // The browser may have taken what was there, more than once: it is looked for without what is known of that.
                if !core::mem::replace(&mut self.looked_again, true) {
                    LaneId::MEDIA.into_iter().for_each(|lane| self.lanes.lane_mut(lane).give_up());
                    return self.refill_after(now, MediaTime::ZERO);
                }
                return self.end_by(now, nothing_to_play());
            }
            // What a seek has left behind the end would be waited for.
            let end = self.target(LaneId::Main).max(self.target(LaneId::Audio));
            self.sink.remove_islands(end + TOLERANCE);
            self.sink.end();
        }
    }

    fn advance_main(&mut self, now: Timestamp) -> Progress {
        if !self.wants_more(now, LaneId::Main) || self.rests(now) {
            return Progress::Goes;
        }
        let wanted = self.choose_rung(now);
        let place = self.place_to_fill(LaneId::Main);
        let Stage::Open(catalog) = &self.stage else { return Progress::Goes };
        let current = self.lanes.main.rung;
        let at_hand = |rung: usize| match catalog.stream(LaneId::Main, rung) {
            // Of the rung that plays, what is known is good enough to go on with.
            Some(stream) if current == Some(rung) => stream.media.is_some(),
            stream => stream.is_some_and(|stream| stream.is_fresh(now)),
        };
        let rung = match current {
            _ if at_hand(wanted) => wanted,
            // On the way up there is no hurry: go on with what is at hand while the playlist comes.
            Some(current)
                if wanted > current && at_hand(current) && catalog.usable(current, place) == current =>
            {
                self.ask_for_playlist(now, LaneId::Main, wanted);
                current
            }
            _ => {
                self.lanes.main.state = State::AwaitPlaylist(wanted);
                self.ask_for_playlist(now, LaneId::Main, wanted);
                return Progress::Goes;
            }
        };
        // The playlist that was waited for may have failed, and this one be at hand from before.
        self.announce_once(now);
        self.load_segment(now, LaneId::Main, rung)
    }

    /// The sound keeps up with the pictures and does not run far ahead of them: on a slow network it would only take
    /// their place.
    fn advance_audio(&mut self, now: Timestamp, sound: usize, main: Progress) -> Progress {
        let lead = self.ahead(LaneId::Audio) - self.ahead(LaneId::Main);
        let leads = main == Progress::Goes && lead > MAX_LEAD && self.replaces_from(LaneId::Audio).is_none();
        if leads || !self.wants_more(now, LaneId::Audio) {
            return Progress::Goes;
        }
        let Stage::Open(catalog) = &self.stage else { return Progress::Goes };
        let current = self.lanes.audio.rung == Some(sound);
        if catalog
            .stream(LaneId::Audio, sound)
            .is_none_or(|s| s.media.is_none() || !current && !s.is_fresh(now))
        {
            self.lanes.audio.state = State::AwaitPlaylist(sound);
            self.ask_for_playlist(now, LaneId::Audio, sound);
            return Progress::Goes;
        }
        self.load_segment(now, LaneId::Audio, sound)
    }

    /// Whether a lane is free to load and has not loaded enough.
    fn wants_more(&mut self, now: Timestamp, lane: LaneId) -> bool {
        let rests = self.playhead.state.paused && self.ahead(lane) >= SOME;
        let waits = self.loading_paused || self.limits.saves_data && rests;
        if waits || !matches!(self.lanes.lane(lane).state, State::Idle) {
            return false;
        }
        if self.replaces_from(lane).is_some() {
            return true;
        }
        let (ahead, goal) = (self.ahead(lane), self.goal(now));
        if ahead < goal || self.is_left_alone(lane) {
            return true;
        }
        if !self.playhead.state.paused {
            self.refill_after(now, ahead - goal);
        }
        false
    }

    /// Whether so much is buffered that another attempt at a segment can wait until it is wanted: a seek back into what is
    /// buffered makes it so.
    pub(super) fn has_enough(&self, now: Timestamp, lane: LaneId) -> bool {
        let is_media = LaneId::MEDIA.contains(&lane);
        is_media && self.replaces_from(lane).is_none() && self.ahead(lane) >= self.goal(now)
    }

    /// Whether nothing plays because the other lane is over. What is longer plays on alone only when its end is in, too (MSE, end
    /// of stream), so it is loaded however far that is.
    fn is_left_alone(&self, lane: LaneId) -> bool {
        let other = if lane == LaneId::Main { &self.lanes.audio } else { &self.lanes.main };
        other.over && self.sound().is_some() && self.playhead.is_starved() && self.buffer_ahead() < UNPLAYABLE
    }

    /// Looks again after this much was played.
    pub(super) fn refill_after(&mut self, now: Timestamp, spare: MediaTime) {
        let at = now + spare.to_duration().max(REFILL_STEP);
        // What was set before may be for the other lane; to look too early costs nothing.
        let at = self.timers.at(Timer::Refill).filter(|set| *set > now).map_or(at, |set| set.min(at));
        self.timers.set(Timer::Refill, Some(at));
    }

    /// The rendition that the sound comes from, if it does not come with the rung that the main lane is at.
    pub(super) fn sound(&self) -> Option<usize> {
        let Stage::Open(catalog) = &self.stage else { return None };
        catalog.sound_of(self.lanes.main.at_rung()?)
    }

    /// The place that must have media of this lane next for playback to go on: the end of what is buffered at the
    /// playhead, queued media counted in, or the playhead itself.
    pub(super) fn target(&self, lane: LaneId) -> MediaTime {
        let coming = self.sink.coming(self.tracks_of(lane));
        let position = self.playhead.place();
        if let Some(range) = ranges::range_at(&coming, position, TOLERANCE) {
            return range.end.max(position);
        }
        // A playhead at the very end, or sent beyond it, has nothing in front of it; it needs the media before, which may
        // lie further on than the playlist says.
        let there = coming.last().map(|range| range.end);
        let last = self.last_place(lane).max(there).unwrap_or(position);
        let place = position.min(last).max(MediaTime::ZERO);
        ranges::range_at(&coming, place, TOLERANCE).map_or(place, |range| range.end)
    }

    /// The place that the segment to be loaded next is for.
    pub(super) fn place_to_fill(&self, lane: LaneId) -> MediaTime {
        self.lanes.lane(lane).again_at().unwrap_or_else(|| self.load_from(lane))
    }

    /// The same, of what is loaded for the first time.
    fn load_from(&self, lane: LaneId) -> MediaTime {
        self.replaces_from(lane).unwrap_or_else(|| self.target(lane))
    }

    /// The tracks that a lane fills.
    fn tracks_of(&self, lane: LaneId) -> Tracks {
        match lane {
            LaneId::Audio => Tracks::Audio,
            LaneId::Main if self.sound().is_some() => Tracks::AllButAudio,
            LaneId::Main => Tracks::All,
            LaneId::Text => Tracks::None,
        }
    }

    /// The last place with something to play, by the playlist.
    fn last_place(&self, lane: LaneId) -> Option<MediaTime> {
        let Stage::Open(catalog) = &self.stage else { return None };
        let index = match lane {
            LaneId::Main => self.lanes.main.rung,
            LaneId::Audio => self.sound(),
            LaneId::Text => self.text_stream(),
        };
        let media = index.and_then(|index| catalog.media(lane, index)).or_else(|| catalog.any_media())?;
        let end = media.playlist.window().end;
        Some(end + self.lanes.lane(lane).drift_for(end, media.playlist.is_live()) - END_MARGIN)
    }

    /// Media of a lane from the playhead on that is in the sink or on its way there.
    pub(super) fn ahead(&self, lane: LaneId) -> MediaTime {
        MediaTime::ZERO.max(self.target(lane) - self.playhead.place())
    }

    /// Media from the playhead on that is in the sink or on its way there, sound and pictures.
    pub(super) fn buffer_ahead(&self) -> MediaTime {
        let main = self.ahead(LaneId::Main);
        if self.sound().is_some() { main.min(self.ahead(LaneId::Audio)) } else { main }
    }

    /// Media from the playhead on that is still played. An element that waits does not begin again for the little
    /// that may lie between the playhead and a hole; at high rates, not for what would be enough otherwise.
    pub(super) fn playable_ahead(&self) -> MediaTime {
        let ahead = self.buffer_ahead();
        let is_idle = self.sink.is_idle() && self.playhead.is_starved();
        let limit = if self.stood() >= STOOD { standstill::ENOUGH } else { UNPLAYABLE };
        if is_idle && ahead < limit { MediaTime::ZERO } else { ahead }
    }

    fn load_segment(&mut self, now: Timestamp, lane: LaneId, rung: usize) -> Progress {
        let mut target = self.place_to_fill(lane);
        let Stage::Open(catalog) = &self.stage else { return Progress::Goes };
        let Some(media) = catalog.media(lane, rung) else { return Progress::Goes };
        let drift = self.lanes.lane(lane).drift_for(target, media.playlist.is_live());
        if media.playlist.is_live() && media.playlist.has_left(target - drift + LEFT_MARGIN) {
            self.window_left(now, lane, rung);
            return Progress::Goes;
        }
        let coming = self.sink.coming(self.tracks_of(lane));
        // The last place is one by the playlist of another rung, which may be a little longer.
        let is_reached = |range: &TimeRange| range.start <= target && target <= range.end + END_MARGIN;
        // Behind the end of the sound there may be silence, and what is missing beside that is silence, too.
        let is_over = lane == LaneId::Audio && self.lanes.audio.ends_before(media, rung, target);
        if !media.playlist.is_live() && !is_over && !coming.iter().any(is_reached) {
            target = target.min(media.playlist.window().end + drift - END_MARGIN);
        }
        let goes_on = coming.iter().any(|range| range.start < target && target <= range.end);
        let next = self.lanes.lane(lane).next_segment(media, rung, target, goes_on, drift);
        let next = match next {
            // Of sound that nothing is known of yet, no silence can be made: what comes next shows it.
            Next::Gap if lane == LaneId::Audio && !self.sink.has(TrackKind::Audio) => {
                let mut all = media.playlist.segments.iter().filter(|segment| !segment.gap);
                let behind = all.clone().find(|segment| segment.start() + drift > target);
                behind.or_else(|| all.next_back()).map_or(Next::Gap, |segment| {
                    target = segment.start() + drift;
                    Next::Segment { segment, drift, continues: false }
                })
            }
            next => next,
        };
        let (segment, drift, continues) = match next {
            Next::Segment { segment, drift, continues } => (segment, drift, continues),
            // The live edge: what comes next is in the next playlist.
            Next::End if media.playlist.is_live() => return Progress::Goes,
            Next::End => {
                if self.lanes.lane_mut(lane).wants_flush() {
                    self.command(PipelineCommand::Flush(lane));
                    return Progress::Goes;
                }
                if self.is_silent(now, lane, rung, target) {
                    return Progress::Goes;
                }
                // Media that lie further on than the playlist ends are gone on to, and nothing loads what is missing before them.
                if coming.iter().any(|range| range.start > target.max(self.playhead.place())) {
                    return self.over_the_hole(now, lane, rung, target);
                }
                return Progress::Ended;
            }
            lacks @ (Next::Gap | Next::Hole) => {
                // What was looked for behind the end of the sound is not there, but silence, as at its end.
                let may_be_silent = is_over || matches!(lacks, Next::Gap);
                if may_be_silent && self.is_silent(now, lane, rung, target) {
                    return Progress::Goes;
                }
                return self.over_the_hole(now, lane, rung, target);
            }
        };
        let init = segment.map.as_ref().map(|map| self.init_section(media, map, segment)).transpose();
        let (cipher, init) = match (self.cipher(media, segment), init) {
            (Ok(cipher), Ok(init)) => (cipher, init),
            (Err(error), _) | (_, Err(error)) => {
                self.end_by(now, error);
                return Progress::Goes;
            }
        };
        let url = self.credentials.child_url(&media.url, &segment.uri);
        let range = segment.byte_range.map(|r| (r.offset, r.length));
        let ask = Ask { range, ..Ask::get(Purpose::Segment(lane), url) };
        let urgent = self.ahead(lane) == MediaTime::ZERO;
        let restarts = catalog.stream(lane, rung).map_or(0, |stream| stream.restarts);
        let mut loading = Loading::new(rung, restarts, segment, drift, target, ask.clone());
        (loading.cipher, loading.init, loading.continues, loading.urgent) = (cipher, init, continues, urgent);
        loading.forgotten = self.sink.forgotten();
        self.lanes.lane_mut(lane).begin(loading);
        // The segment goes first: it takes the connection that is open, the key the one that is yet to be made.
        self.send(now, ask);
        self.ask_for_material(now, lane);
        Progress::Goes
    }

    /// Replaces a segment ahead of the playhead by one of a better rung, if there is nothing else to do and it pays.
    pub(super) fn replace_worse(&mut self, now: Timestamp) {
        let is_at_rest = matches!(self.lanes.main.state, State::Idle) && !self.sink.is_full();
        if !is_at_rest || self.ahead(LaneId::Main) < self.goal(now) || !self.config.replace_buffered {
            return;
        }
        let Some((place, rung)) = self.worth_replacing(now) else { return };
        self.replaced_to = place + MediaTime::from_ticks(1);
        self.lanes.main.replace(rung, place);
        self.load_segment(now, LaneId::Main, rung);
        match self.lanes.main.loading_mut() {
            Some(loading) => (loading.replaces, loading.continues) = (true, false),
            None => self.lanes.main.give_up(),
        }
        self.reports.trace.note(now, "segment_replaced", &[("rung", rung as u64)]);
    }

    /// Nothing fills the place where loading should go on: the playhead will have to step over it, and loading goes on
    /// behind it.
    fn over_the_hole(&mut self, now: Timestamp, lane: LaneId, rung: usize, hole: MediaTime) -> Progress {
        let Stage::Open(catalog) = &self.stage else { return Progress::Goes };
        // Of a step that is under way it is heard where it leads, and the other lane may have made it.
        if self.playhead.is_stepping() {
            return Progress::Goes;
        }
        // The step is never back, however little of what lies before the hole was played.
        let hole = hole.max(self.playhead.place());
        let behind = self.next_media(catalog, lane, rung, hole);
        // While there is something to play it is played first; the step is made when the playhead is at the hole.
        let ahead = self.playable_ahead();
        if ahead > MediaTime::ZERO {
            self.refill_after(now, ahead);
            return Progress::Goes;
        }
        // Of a live stream, what lies behind is in a playlist to come.
        let Some(to) = behind else { return if self.is_live { Progress::Goes } else { Progress::Ended } };
        self.reports.trace.note(now, "hole_jumped", &[]);
        self.lanes.lane_mut(lane).give_up();
        self.send_to(to);
        Progress::Goes
    }

    /// Where there are media of a lane behind a place that has none.
    fn next_media(&self, catalog: &Catalog, lane: LaneId, rung: usize, hole: MediaTime) -> Option<MediaTime> {
        let drift = self.lanes.lane(lane).drift_for(hole, self.is_live);
        let media = catalog.media(lane, rung);
        let told = media
            .and_then(|media| media.playlist.segments.iter().find(|s| s.start() + drift > hole && !s.gap))
            .map(|segment| segment.start() + drift);
        // What lies far beyond the playlist was put there by a damaged timestamp.
        let reach = media.map_or(MediaTime::MAX, |media| {
            let length = catalog.segment_length().ticks().saturating_mul(BEYOND);
            media.playlist.window().end + drift + MediaTime::from_ticks(length)
        });
        // Media may lie elsewhere than the playlist says, and what is there already needs no playlist.
        let coming = self.sink.coming(self.tracks_of(lane));
        let there = coming.iter().map(|range| range.start).find(|start| *start > hole && *start <= reach);
        told.into_iter().chain(there).min()
    }

    /// Whether silence takes the place of what a lane lacks.
    fn is_silent(&mut self, now: Timestamp, lane: LaneId, rung: usize, hole: MediaTime) -> bool {
        let Stage::Open(catalog) = &self.stage else { return false };
        if lane != LaneId::Audio {
            return false;
        }
        let from = hole.max(self.playhead.place());
        let to = self.next_media(catalog, lane, rung, from).unwrap_or(MediaTime::MAX);
        self.keep_silent(now, from, to)
    }

    /// The playhead jumped. What the sink holds or will hold is used, a load that serves the new place goes on,
    /// anything else is given up.
    pub(super) fn seek(&mut self, now: Timestamp) {
        self.playhead.arrived();
        self.replaced_to = MediaTime::ZERO;
        if !matches!(self.stage, Stage::Open(_)) {
            return;
        }
        self.text_seek(now);
        for lane in LaneId::MEDIA {
            if self.lanes.lane(lane).serves(self.load_from(lane)) {
                continue;
            }
            let has_media = self.ahead(lane) > MediaTime::ZERO;
            // What was loaded last is still what loading goes on from, and the end of it may still be held back.
            if has_media && self.lanes.lane(lane).loading().is_none() {
                continue;
            }
            self.abandon_segment(now, lane);
            // Nothing that is queued plays at the new place.
            if !has_media {
                self.sink.clear_queue(self.tracks_of(lane));
            }
        }
    }

    /// Gives up the segment being loaded, and any further attempt at it.
    pub(super) fn abandon_segment(&mut self, now: Timestamp, lane: LaneId) {
        self.drop_segment(now, lane);
        self.lanes.lane_mut(lane).give_up();
    }

    /// Lets go of the segment being loaded: its request, and what the pipeline has of it.
    pub(super) fn drop_segment(&mut self, now: Timestamp, lane: LaneId) {
        if let (LaneId::Main, Some(rung)) = (lane, self.lanes.main.loading_rung()) {
            self.history.ended(now, rung, true);
        }
        if let Some(flight) =
            self.lanes.lane(lane).loading().and_then(|l| self.requests.in_flight(l.request?))
        {
            self.reports.qoe.wasted(flight.received);
        }
        for id in self.requests.give_up(|purpose| *purpose == Purpose::Segment(lane)) {
            self.push(Output::Abort(id));
        }
        // Also one that is complete and waits for its key.
        if let Some(id) = self.lanes.lane(lane).loading().and_then(|loading| loading.request) {
            self.command(PipelineCommand::Drop(id));
        }
    }
}

/// All was loaded that there is from the playhead on, and nothing of it can be shown.
fn nothing_to_play() -> PlayerError {
    PlayerError {
        code: "nothing_to_play",
        phase: Phase::Media,
        status: None,
        fatal: true,
        message: "no segment from here to the end has anything to play".into(),
        url: None,
    }
}

/// Holes this small between ranges, and between a range and a place, are played over.
pub(super) const TOLERANCE: MediaTime = MediaTime::from_millis(100);
/// Less than this is not begun with.
const UNPLAYABLE: MediaTime = MediaTime::from_millis(500);
/// An element that has stood for so long with less than it is helped with does not begin again.
const STOOD: Duration = Duration::from_secs(1);
/// Segments that media may lie beyond a playlist that tells too little.
const BEYOND: i64 = 6;
/// A place this close before a live window is taken for its start.
const LEFT_MARGIN: MediaTime = MediaTime::from_millis(500);
/// Closer to the end than this there may be nothing left to play.
const END_MARGIN: MediaTime = MediaTime::from_millis(200);
/// The sink is that much behind: wait for it.
const MAX_QUEUED: usize = 24 * 1024 * 1024;
/// Who saves data and pauses has this much to go on with.
const SOME: MediaTime = MediaTime::from_millis(5000);
const REFILL_STEP: core::time::Duration = core::time::Duration::from_millis(100);
/// The sound may be this much further than the pictures.
const MAX_LEAD: MediaTime = MediaTime::from_millis(4000);
