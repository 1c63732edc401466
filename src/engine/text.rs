//! Text: which of it is shown, loading it, and handing it to the page.
//!
//! Only what is shown is loaded, from the playhead on, one segment at a time, and only while the media has enough: text
//! never takes the network from a picture that is waited for. Its failures are told and end nothing; a segment that
//! cannot be had is left out, and after several in a row, or without a playlist, the next stream of the same rendition
//! takes over, or nothing is shown.
//!
//! Captions in the pictures come with them. Those that are not shown are kept too: what is buffered is not read again
//! when they are chosen.

use crate::media::{Cue, MediaEvent};
use crate::playlist::Segment;
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::catalog::Catalog;
use super::cues::{CueInfo, Cues};
use super::io::{Breakage, Event, Output, PipelineEvent, RequestId, TextChoice, TextInfo};
use super::lane::{LaneId, Loading, State};
use super::renditions::TextSource;
use super::requests::{Ask, Purpose};
use super::{Engine, Stage, ranges};

/// The text of a session.
#[derive(Debug, Default)]
pub(crate) struct Text {
    choice: TextChoice,
    /// What the viewer chose of the source before.
    carried: Option<TextInfo>,
    /// What is shown, by the list that the page knows.
    shown: Option<usize>,
    /// By the same list; of text that is loaded, what is shown alone has any.
    cues: Vec<Cues>,
    /// Where all cues of what is shown are at hand, of text that is loaded.
    have: Vec<TimeRange>,
    /// Segments in a row that could not be had.
    failed: u32,
    /// The number of the next cue.
    next: u32,
    added: Vec<CueInfo>,
    removed: Vec<u32>,
}

impl Engine {
    /// Another source takes over: a choice holds for what has the same name there.
    pub(super) fn leave_text(&mut self) {
        let (choice, carried) = (self.text.choice, self.text.carried.take());
        let carried = match (&self.stage, choice) {
            (Stage::Open(catalog), TextChoice::Track(track)) => catalog.texts.infos().get(track).cloned(),
            (Stage::Open(_), TextChoice::Auto | TextChoice::Off) => None,
            _ => carried,
        };
        if self.text.shown.is_some() {
            self.push(Output::Notify(Event::TextChanged { text: None }));
        }
        self.text = Text { choice, carried, ..Text::default() };
    }

    /// The renditions are known: what the viewer has chosen is among them.
    pub(super) fn find_text(&mut self, catalog: &Catalog) {
        let Some(carried) = self.text.carried.take() else { return };
        let is = |info: &TextInfo| {
            (info.kind, &info.name, &info.language) == (carried.kind, &carried.name, &carried.language)
        };
        let found = catalog.texts.infos().iter().position(is);
        self.text.choice = found.map_or(TextChoice::Auto, TextChoice::Track);
    }

    /// The viewer chooses, or leaves it to the player.
    pub(super) fn select_text(&mut self, now: Timestamp, choice: TextChoice) {
        self.text.choice = choice;
        self.choose_text(now);
    }

    /// Shows what is to be shown, as things are now.
    pub(super) fn choose_text(&mut self, now: Timestamp) {
        let Stage::Open(catalog) = &mut self.stage else { return };
        if !self.announced {
            return;
        }
        let wanted = match self.text.choice {
            TextChoice::Off => None,
            TextChoice::Track(track) => catalog.texts.source(track).map(|_| track),
            TextChoice::Auto => {
                // All groups have the same renditions.
                let audio = catalog.audio_of(self.lanes.main.at_rung().unwrap_or(0));
                let heard = audio.and_then(|audio| catalog.sounds.infos().get(audio));
                catalog.texts.automatic(&self.config.text_languages, heard.map(|info| info.language.as_str()))
            }
        };
        if wanted == self.text.shown {
            return;
        }
        if let Some(track) = wanted {
            catalog.texts.revive(track);
        }
        self.show_text(now, wanted);
    }

    fn show_text(&mut self, now: Timestamp, track: Option<usize>) {
        self.abandon_segment(now, LaneId::Text);
        for id in self.requests.give_up(|purpose| matches!(purpose, Purpose::Text(_))) {
            self.push(Output::Abort(id));
        }
        let Stage::Open(catalog) = &self.stage else { return };
        for (track, cues) in self.text.cues.iter_mut().enumerate() {
            if let Some(TextSource::Playlists(_)) = catalog.texts.source(track) {
                *cues = Cues::default();
            }
        }
        self.text.have.clear();
        self.text.removed.clear();
        self.text.failed = 0;
        self.text.added = track.and_then(|t| self.text.cues.get(t)).map(Cues::infos).unwrap_or_default();
        self.text.shown = track;
        self.push(Output::Notify(Event::TextChanged { text: track }));
    }

    /// The stream that what is shown is loaded from.
    pub(super) fn text_stream(&self) -> Option<usize> {
        let Stage::Open(catalog) = &self.stage else { return None };
        catalog.texts.stream_of(self.text.shown?)
    }

    /// Loads on, if there is something to load and nothing more important.
    pub(super) fn advance_text(&mut self, now: Timestamp) {
        let Some(index) = self.text_stream() else { return };
        let Stage::Open(catalog) = &self.stage else { return };
        if !matches!(self.lanes.text.state, State::Idle) || self.media_is_urgent() {
            return;
        }
        let Some(media) = catalog.media(LaneId::Text, index) else {
            return self.ask_for_playlist(now, LaneId::Text, index);
        };
        let restarts = catalog.stream(LaneId::Text, index).map_or(0, |stream| stream.restarts);
        let Some(segment) = self.next_text(now, restarts, &media.playlist.segments) else { return };
        let init = segment.map.as_ref().map(|map| self.init_section(media, map, segment)).transpose();
        let (cipher, init) = match (self.cipher(media, segment), init) {
            (Ok(cipher), Ok(init)) => (cipher, init),
            (Err(mut error), _) | (_, Err(mut error)) => {
                error.fatal = false;
                self.report_error(now, error);
                return self.text_stream_failed(now, index);
            }
        };
        let url = self.credentials.child_url(&media.url, &segment.uri);
        let range = segment.byte_range.map(|r| (r.offset, r.length));
        let ask = Ask { range, ..Ask::get(Purpose::Segment(LaneId::Text), url) };
        let drift = self.lanes.main.drift();
        let mut loading = Loading::new(index, restarts, segment, drift, segment.start(), ask.clone());
        (loading.cipher, loading.init) = (cipher, init);
        self.lanes.text.begin(loading);
        self.send(now, ask);
        self.ask_for_material(now, LaneId::Text);
    }

    /// Whether media is waited for that text would hold up.
    fn media_is_urgent(&self) -> bool {
        let loads = LaneId::MEDIA.into_iter().any(|lane| !matches!(self.lanes.lane(lane).state, State::Idle));
        loads && self.buffer_ahead() < ENOUGH
    }

    /// The first segment between the playhead and how far ahead is loaded whose cues are not at hand. Media says where
    /// text lies, so text waits for media of its place.
    fn next_text<'a>(&self, now: Timestamp, restarts: u32, segments: &'a [Segment]) -> Option<&'a Segment> {
        let (drift, place) = (self.lanes.main.drift(), self.playhead.place());
        let media = place + self.ahead(LaneId::Main);
        let end = (place + self.goal(now)).min(media.max(place + ENOUGH));
        let first = segments.partition_point(|s| s.end() + drift <= place);
        let rest = segments.get(first..)?;
        let found = rest.iter().take_while(|s| s.start() + drift < end).find(|s| {
            let needed = TimeRange { start: place.max(s.start() + drift), end: end.min(s.end() + drift) };
            let middle = MediaTime::from_ticks(needed.start.ticks() / 2 + needed.end.ticks() / 2);
            !s.gap && !self.text.have.iter().any(|range| range.contains(middle))
        })?;
        // Playlists of text are seen to miscount: media that is well past its start has another number.
        let is_placed = self.lanes.offset((restarts, found.discontinuity_sequence)).is_some();
        (is_placed || media > found.start() + drift + GONE_BY).then_some(found)
    }

    /// Something came out of a segment of text.
    pub(super) fn on_text(&mut self, now: Timestamp, id: Option<RequestId>, event: PipelineEvent) {
        match event {
            PipelineEvent::Media(MediaEvent::Cue(cue)) => {
                if let Some(track) = self.text.shown {
                    self.keep_cue(track, cue);
                }
            }
            PipelineEvent::Finished(facts) => {
                self.reports.losses(now, &facts);
                self.text_segment_done();
            }
            // Nothing is said in it.
            PipelineEvent::Failed(Breakage { code: "segment_empty", .. }) => self.text_segment_done(),
            PipelineEvent::Failed(breakage) => {
                if let Some(id) = id {
                    self.segment_unusable(now, LaneId::Text, id, breakage);
                }
            }
            PipelineEvent::Media(_) | PipelineEvent::Flushed => {}
        }
    }

    fn text_segment_done(&mut self) {
        let Some(loading) = self.lanes.text.loading() else { return };
        if let Some(cipher) = &loading.cipher {
            self.keys.proved(&cipher.key);
        }
        self.text.failed = 0;
        self.text_covers(loading.range);
        self.lanes.text.give_up();
    }

    /// All that there is of this stretch is at hand, as far as it is kept.
    fn text_covers(&mut self, range: TimeRange) {
        self.text.have.push(range);
        self.text.have = ranges::union(core::mem::take(&mut self.text.have));
        let shown = self.text.shown.and_then(|track| self.text.cues.get(track));
        if let Some(complete) = shown.and_then(Cues::complete_in) {
            self.text.have = ranges::intersection([&self.text.have[..], &[complete][..]]);
        }
    }

    /// A segment of text failed for good.
    pub(super) fn text_segment_failed(&mut self, now: Timestamp) {
        let Some(loading) = self.lanes.text.loading() else { return };
        let (range, index) = (loading.range, loading.rung);
        self.abandon_segment(now, LaneId::Text);
        self.text_covers(range);
        self.text.failed += 1;
        if self.text.failed >= MAX_FAILED {
            self.text_stream_failed(now, index);
        }
    }

    /// The playlist of a text failed for good, or what is in it.
    pub(super) fn text_stream_failed(&mut self, now: Timestamp, index: usize) {
        let Stage::Open(catalog) = &mut self.stage else { return };
        catalog.bury(now, LaneId::Text, index, None);
        self.text.failed = 0;
        self.text.have.clear();
        if self.text.shown.is_some_and(|track| catalog.texts.stream_of(track).is_none()) {
            self.text.choice = TextChoice::Off;
            self.show_text(now, None);
        }
    }

    /// The playhead jumped: what is being loaded may be for another place.
    pub(super) fn text_seek(&mut self, now: Timestamp) {
        let place = self.playhead.place();
        let is_near = |range: TimeRange| range.end > place && range.start < place + self.config.buffer_goal;
        if self.lanes.text.loading().is_some_and(|loading| !is_near(loading.range)) {
            self.abandon_segment(now, LaneId::Text);
        }
    }

    /// The server of the text began anew.
    pub(super) fn forget_text(&mut self) {
        self.text.have.clear();
    }

    /// Captions came with the pictures.
    pub(super) fn caption(&mut self, cue: Cue) {
        let Stage::Open(catalog) = &mut self.stage else { return };
        if catalog.texts.in_band(cue.track).is_none() {
            if !catalog.texts.discover(cue.track) {
                return;
            }
            let text = catalog.texts.infos();
            if self.announced {
                self.push(Output::Notify(Event::TextTracks { text }));
            }
        }
        if let Stage::Open(catalog) = &self.stage
            && let Some(track) = catalog.texts.in_band(cue.track)
        {
            self.keep_cue(track, cue);
        }
    }

    fn keep_cue(&mut self, track: usize, cue: Cue) {
        let place = self.playhead.place();
        let text = &mut self.text;
        let is_shown = text.shown == Some(track);
        if text.cues.len() <= track {
            text.cues.resize_with(track + 1, Cues::default);
        }
        let Some(cues) = text.cues.get_mut(track) else { return };
        if let Some(told) = cues.add(cue, text.next) {
            text.next = text.next.wrapping_add(u32::from(told.number == text.next));
            if is_shown {
                text.added.push(told);
            }
        }
        while let Some(number) = cues.too_many(place) {
            let untold = text.added.iter().position(|cue| cue.number == number);
            match untold.filter(|_| is_shown) {
                Some(i) => drop(text.added.swap_remove(i)),
                None if is_shown => text.removed.push(number),
                None => {}
            }
        }
    }

    /// Hands the page what has changed.
    pub(super) fn tell_cues(&mut self) {
        let Some(text) = self.text.shown.filter(|_| !matches!(self.stage, Stage::Closed)) else { return };
        if self.text.added.is_empty() && self.text.removed.is_empty() {
            return;
        }
        let added = core::mem::take(&mut self.text.added);
        let removed = core::mem::take(&mut self.text.removed);
        self.push(Output::Notify(Event::Cues { text, added, removed }));
    }
}

/// Whether this is text alone.
pub(super) fn is_text(purpose: &Purpose) -> bool {
    matches!(purpose, Purpose::Text(_) | Purpose::Segment(LaneId::Text))
}

/// With so much media at hand there is time for text.
const ENOUGH: MediaTime = MediaTime::from_millis(2000);
/// Media that is so far past the start of a text has come to where the text belongs.
const GONE_BY: MediaTime = MediaTime::from_millis(1000);
/// Segments in a row that may fail before the stream is given up.
const MAX_FAILED: u32 = 3;
