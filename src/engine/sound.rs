//! Which sound plays, and the change from one to another.
//!
//! A change leaves the pictures alone. What plays goes on until media of the other rendition is here; that takes its
//! place from shortly behind the playhead on, where the sink overlaps what it has, and what was loaded of the old one
//! beyond that, and far behind the playhead, is removed. So nothing is waited for, and what is heard changes within a
//! second of media.
//!
//! Sound that comes with the rungs (EXT-X-MEDIA without a URI) is had with their pictures alone: a change to it loads
//! both again from the playhead on. Where the sink has pictures and sound in one buffer, as with fragmented MP4 that was
//! not taken apart, neither way is open, and the choice is refused.
//!
//! Sound that is missing is not waited for: an element plays nothing where one of its source buffers has nothing. Where a
//! rendition ends before the pictures, or has a hole, silence takes its place as far as there are pictures, so that for the
//! sink all sound is there. That takes frames of silence in the codec of the sound ([`Silence`]); without them, pictures
//! play on alone only once all of them are loaded (MSE, end of stream), and a hole is stepped over.

use crate::error::{Phase, PlayerError};
use crate::media::{Fragment, InitSection, Silence, TrackKind};
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::catalog::Catalog;
use super::io::{AudioInfo, Event, Output, PipelineCommand};
use super::lane::{LaneId, State};
use super::requests::Purpose;
use super::sink::Tracks;
use super::{Engine, Stage, loader, ranges};

/// What is known of the sound.
#[derive(Debug, Default)]
pub(crate) struct Sound {
    /// What the viewer chose, by the list that the page knows.
    choice: Option<usize>,
    /// What the viewer chose of the source before.
    carried: Option<AudioInfo>,
    /// What the sink was last given.
    given: Option<usize>,
    /// What the sink has is to be replaced by media that is still to come.
    replacing: bool,
    /// Whether the sound that comes with the rungs can be told from their pictures; `None` before any came.
    with_rungs: Option<bool>,
    /// Silence in the codec of what the sink was given last, if there is any.
    silence: Option<Silence>,
    /// Where the last of it ended.
    silent_to: Option<MediaTime>,
}

impl Sound {
    /// The sink has nothing any more.
    pub(super) fn begins_anew(&mut self) {
        (self.given, self.replacing) = (None, false);
        (self.silence, self.silent_to) = (None, None);
    }

    /// What follows is decoded by this.
    pub(super) fn begins_with(&mut self, init: &InitSection) {
        self.silence = Silence::of(init);
    }
}

impl Engine {
    /// Another source takes over: a choice holds for what has the same name there.
    pub(super) fn leave_sound(&mut self) {
        let (choice, carried) = (self.audio.choice, self.audio.carried.take());
        // One that did not come so far as to show its renditions leaves what was chosen before it.
        let (choice, carried) = match &self.stage {
            Stage::Open(catalog) => (None, choice.and_then(|i| catalog.sounds.infos().get(i)).cloned()),
            _ => (choice, carried),
        };
        self.audio = Sound { choice, carried, ..Sound::default() };
    }

    /// The renditions are known: what the page prefers and the viewer has chosen is among them.
    pub(super) fn find_sound(&mut self, catalog: &mut Catalog) {
        catalog.sounds.prefer(&self.config.audio_languages);
        if let Some(carried) = self.audio.carried.take() {
            let is = |info: &AudioInfo| (&info.name, &info.language) == (&carried.name, &carried.language);
            self.audio.choice = catalog.sounds.infos().iter().position(is);
        }
        catalog.sounds.choose(self.audio.choice);
    }

    /// The viewer chooses, or leaves it to the player.
    pub(super) fn select_audio(&mut self, now: Timestamp, choice: Option<usize>) {
        self.audio.choice = choice;
        let rung = self.lanes.main.at_rung();
        let Stage::Open(catalog) = &mut self.stage else { return };
        let Some(rung) = rung else {
            catalog.sounds.choose(choice);
            return;
        };
        let before = catalog.audio_of(rung);
        let was = catalog.sounds.choose(choice);
        let (after, apart) = (catalog.audio_of(rung), catalog.sound_of(rung).is_some());
        if before == after {
            return;
        }
        let is_possible =
            if apart { self.sink.takes(TrackKind::Audio) } else { self.audio.with_rungs != Some(false) };
        if !is_possible {
            catalog.sounds.choose(was);
            self.audio.choice = was;
            let message =
                "pictures and sound of the rungs are in one buffer: neither plays without the other";
            let error = PlayerError {
                code: "audio_inseparable",
                phase: Phase::Media,
                status: None,
                fatal: false,
                message: message.into(),
                url: None,
            };
            return self.report_error(now, error);
        }
        self.reports.trace.note(now, "audio_selected", &[]);
        self.sink.expect_too(TrackKind::Audio);
        // Back to what the sink still has, before anything of the other came: there is nothing to replace.
        self.audio.replacing = self.audio.given.is_some() && self.audio.given != after;
        self.give_up_sound(now, LaneId::Audio);
        if !apart && self.audio.replacing {
            self.give_up_sound(now, LaneId::Main);
        }
        self.choose_text(now);
    }

    /// What a lane loads is not wanted any more, nor what was held back of it.
    fn give_up_sound(&mut self, now: Timestamp, lane: LaneId) {
        self.abandon_segment(now, lane);
        self.command(PipelineCommand::Reset(lane));
        if lane == LaneId::Audio {
            if matches!(self.lanes.audio.state, State::AwaitPlaylist(_)) {
                self.lanes.audio.state = State::Idle;
            }
            for id in self.requests.give_up(|purpose| matches!(purpose, Purpose::Rendition(_))) {
                self.push(Output::Abort(id));
            }
        }
    }

    /// Where a lane has to begin so that what it loads takes the place of the sound that plays; `None`: it does not.
    pub(super) fn replaces_from(&self, lane: LaneId) -> Option<MediaTime> {
        let Stage::Open(catalog) = &self.stage else { return None };
        let rung = self.lanes.main.at_rung().filter(|_| self.audio.replacing)?;
        let source = if catalog.sound_of(rung).is_some() { LaneId::Audio } else { LaneId::Main };
        // Where the other one failed for good, it may be the one that plays that goes on.
        let is_other = self.audio.given != catalog.audio_of(rung);
        (lane == source && is_other).then(|| self.playhead.place() + SAFETY)
    }

    /// Whether a fragment of sound goes to the sink. The first one that takes the place of what plays makes place for
    /// itself and for what follows.
    pub(super) fn takes_sound(&mut self, now: Timestamp, lane: LaneId, fragment: &Fragment) -> bool {
        let Stage::Open(catalog) = &self.stage else { return false };
        let audio = self.lanes.main.at_rung().and_then(|rung| catalog.audio_of(rung));
        if let Some(from) = self.replaces_from(lane) {
            let range = fragment.range;
            // The next one begins soon enough, and not where frames are being played.
            if range.start < from && range.end <= from + SOON {
                return false;
            }
            self.sink.replace_sound(range.start.max(from), self.playhead.place() - KEPT);
            self.reports.trace.note(now, "audio_replaced", &[]);
        }
        (self.audio.given, self.audio.replacing) = (audio, false);
        if let Some(audio) = audio {
            self.playhead.sound_loaded(fragment.range, audio);
        }
        true
    }

    /// There is no sound from a place on up to another: silence takes its place as far as there are pictures. `false`: it does
    /// not, or no pictures are there or on their way.
    pub(super) fn keep_silent(&mut self, now: Timestamp, from: MediaTime, to: MediaTime) -> bool {
        let Some(silence) = self.audio.silence.clone() else { return false };
        let pictures = ranges::range_at(&self.sink.coming(Tracks::AllButAudio), from, loader::TOLERANCE);
        let Some(pictures) = pictures.filter(|pictures| pictures.start < to) else {
            return !matches!(self.lanes.main.state, State::Idle);
        };
        // From a little before, if that has none either: where pictures start there must be sound.
        let coming = self.sink.coming(Tracks::Audio);
        let before = coming.iter().filter(|range| range.start <= from).map(|range| range.end.min(from)).max();
        let start = before.unwrap_or(MediaTime::ZERO).max(pictures.start).max(from - EARLIER);
        let end = pictures.end.min(to).min(from + AT_ONCE);
        if self.audio.silent_to.is_none_or(|end| end.abs_diff(start) > loader::TOLERANCE) {
            let ms = u64::try_from(start.to_duration().as_millis()).unwrap_or(u64::MAX);
            self.reports.trace.note(now, "sound_missing", &[("ms", ms)]);
        }
        for fragment in silence.fill(TimeRange { start, end }) {
            self.audio.silent_to = Some(fragment.range.end);
            if self.takes_sound(now, LaneId::Audio, &fragment) {
                self.sink.append(fragment);
            }
        }
        true
    }

    /// Pictures went to the sink, and their sound may be in them.
    pub(super) fn sound_with_pictures(&mut self, fragment: &Fragment) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(rung) = self.lanes.main.at_rung().filter(|_| !self.sink.has(TrackKind::Audio)) else {
            return;
        };
        if let Some(audio) = catalog.audio_of(rung).filter(|_| catalog.sound_of(rung).is_none()) {
            self.playhead.sound_loaded(fragment.range, audio);
        }
    }

    /// The program of a rung is known: whether its sound comes apart from its pictures.
    pub(super) fn sound_of_rung(&mut self, has_audio: bool) {
        self.audio.with_rungs = Some(has_audio);
        let apart = self.sound().is_some();
        if let Stage::Open(catalog) = &mut self.stage
            && apart
            && !has_audio
        {
            catalog.sounds.inseparable();
        }
    }

    /// Tells the page which rendition is under the playhead, when that changes.
    pub(super) fn tell_sound(&mut self) {
        if let Some(audio) = self.playhead.sound_change() {
            self.push(Output::Notify(Event::AudioChanged { audio }));
        }
    }
}

/// From the playhead to where other sound begins: what the element says of its position may be so old, and the frames
/// there are on their way to the loudspeaker.
const SAFETY: MediaTime = MediaTime::from_millis(400);
/// Sound that begins so much later is soon enough.
const SOON: MediaTime = MediaTime::from_millis(550);
/// Silence may begin this much before it has to.
const EARLIER: MediaTime = MediaTime::from_millis(1000);
/// So much silence is made at once.
const AT_ONCE: MediaTime = MediaTime::from_millis(10_000);
/// What is kept of the old sound behind the playhead.
const KEPT: MediaTime = MediaTime::from_millis(1000);
