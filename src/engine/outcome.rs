//! What the media pipelines make of segments, and what follows from it.

use crate::error::Phase;
use crate::media::{MediaEvent, SegmentFacts, TrackKind};
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::io::{Breakage, Output, PipelineCommand, PipelineEvent, RequestId};
use super::lane::LaneId;
use super::loader;
use super::recovery::Fault;
use super::requests::InFlight;
use super::sink::Tracks;
use super::{Engine, Stage};

impl Engine {
    /// The last byte of the segment is here. What the pipeline makes of it comes through [`PipelineEvent`].
    pub(super) fn segment_arrived(&mut self, now: Timestamp, lane: LaneId, flight: &InFlight) {
        if let (LaneId::Main, Some(rung)) = (lane, self.lanes.main.loading_rung()) {
            self.history.ended(now, rung, false);
        }
        // What the sound takes is counted with the pictures that it comes in beside.
        if lane == LaneId::Main || lane == LaneId::Audio && self.sound().is_none() {
            self.throughput.add(flight.sample());
        }
        if let Some(loading) = self.lanes.lane_mut(lane).loading_mut() {
            loading.bytes = flight.received;
        }
    }

    pub(super) fn on_pipeline(
        &mut self,
        now: Timestamp,
        lane: LaneId,
        id: Option<RequestId>,
        event: PipelineEvent,
    ) {
        // What comes of a request that was given up meanwhile is not wanted any more.
        if id.is_some_and(|id| self.lanes.of_request(id) != Some(lane)) || matches!(self.stage, Stage::Closed)
        {
            return;
        }
        if lane == LaneId::Text {
            return self.on_text(now, id, event);
        }
        // Of two sounds, the one of the rendition plays; pictures beside it do not.
        let apart = self.sound().is_some();
        let is_unwanted = |kind| match lane {
            LaneId::Main => apart && kind == TrackKind::Audio,
            LaneId::Audio | LaneId::Text => kind == TrackKind::Video,
        };
        match event {
            PipelineEvent::Media(MediaEvent::Tracks { video, audio }) => {
                // The rungs say what comes with them; that the rendition has sound is known beforehand.
                if lane == LaneId::Main {
                    self.sound_of_rung(audio);
                    let kinds =
                        [video.then_some(TrackKind::Video), (audio || apart).then_some(TrackKind::Audio)];
                    self.sink.expect(kinds.into_iter().flatten().collect());
                }
            }
            // Playing the rest would be a black picture or silence, and nobody would know why.
            PipelineEvent::Media(MediaEvent::Unsupported { track, stream_type }) => {
                if let Some(id) = id.filter(|_| !is_unwanted(track)) {
                    let kind = match track {
                        TrackKind::Video => "video",
                        TrackKind::Audio => "audio",
                    };
                    let message = format!("the {kind} is of the unsupported stream type {stream_type:#04x}");
                    let (fault, phase, code) = (Fault::Corrupt, Phase::Media, "unsupported_codec");
                    self.segment_unusable(now, lane, id, Breakage { fault, phase, code, message });
                }
            }
            PipelineEvent::Media(MediaEvent::Init(init)) if is_unwanted(init.track) => {}
            PipelineEvent::Media(MediaEvent::Init(init)) => {
                let codec = init.codec.clone();
                if init.track == TrackKind::Audio {
                    self.audio.begins_with(&init);
                }
                if !self.sink.init(init) {
                    let message = format!("a track of {codec} appears where there was none before");
                    // A segment that showed nothing of it may have been a broken copy.
                    self.broke_down(now, "track_added", message);
                }
            }
            PipelineEvent::Media(MediaEvent::Fragment(fragment)) if is_unwanted(fragment.track) => {}
            PipelineEvent::Media(MediaEvent::Fragment(fragment)) => {
                if fragment.track == TrackKind::Audio && !self.takes_sound(now, lane, &fragment) {
                    return;
                }
                if fragment.track == TrackKind::Video
                    || lane == LaneId::Main && !self.sink.has(TrackKind::Video)
                {
                    // What a flush brings belongs to the rung before; it is one frame.
                    let rung = self.lanes.main.loading_rung().or(self.lanes.main.rung);
                    self.playhead.loaded(fragment.range, rung.unwrap_or(0));
                    self.sound_with_pictures(&fragment);
                }
                self.sink.append(fragment);
            }
            PipelineEvent::Media(MediaEvent::Timeline { offset }) => {
                if let Some(sequence) = self.lanes.lane(lane).loading().map(|l| l.discontinuity_sequence) {
                    self.lanes.found_offset(sequence, offset);
                    self.offset_found(false);
                }
            }
            PipelineEvent::Media(MediaEvent::Cue(cue)) => self.caption(cue),
            // Timed metadata has no listener yet.
            PipelineEvent::Media(MediaEvent::Metadata(_)) => {}
            PipelineEvent::Finished(facts) => self.segment_finished(now, lane, id, &facts),
            PipelineEvent::Flushed => {}
            PipelineEvent::Failed(breakage) => {
                if let Some(id) = id {
                    self.segment_unusable(now, lane, id, breakage);
                }
            }
        }
    }

    fn segment_finished(
        &mut self,
        now: Timestamp,
        lane: LaneId,
        id: Option<RequestId>,
        facts: &SegmentFacts,
    ) {
        let apart = self.sound().is_some();
        let audio = facts.audio.filter(|_| lane == LaneId::Audio || !apart);
        let video = facts.video.filter(|_| lane == LaneId::Main);
        // Nothing comes out of what lies before zero, which is no fault of the segment's.
        let starts = facts.start.unwrap_or(MediaTime::ZERO);
        let begins_early = MediaTime::ZERO - starts > MIN_EARLY;
        let measured = match (video, audio) {
            (Some(v), Some(a)) => TimeRange { start: v.start.max(a.start), end: v.end.min(a.end) },
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) if begins_early => TimeRange { start: starts, end: MediaTime::ZERO },
            (None, None) => {
                if let Some(id) = id {
                    let message = "the segment has neither a picture nor a sound".to_owned();
                    let (fault, phase, code) = (Fault::Corrupt, Phase::Media, "segment_without_media");
                    self.segment_unusable(now, lane, id, Breakage { fault, phase, code, message });
                }
                return;
            }
        };
        self.reports.losses(now, facts);
        if let Some(id) = id.filter(|_| self.is_cut_short(lane, measured)) {
            let message = "the segment is shorter than the playlist says".to_owned();
            let (fault, phase, code) = (Fault::Corrupt, Phase::Media, "segment_short");
            return self.segment_unusable(now, lane, id, Breakage { fault, phase, code, message });
        }
        if lane == LaneId::Main {
            let nowhere = video.is_none() && audio.is_none();
            let in_doubt = core::mem::take(&mut self.lanes.in_doubt) || nowhere;
            if begins_early && !self.is_live || in_doubt && self.lies_elsewhere(measured) {
                return self.place_anew(now);
            }
        }
        if lane == LaneId::Main {
            self.sink.expect_no_more(apart.then_some(TrackKind::Audio));
        }
        let forgotten = self.sink.forgotten();
        if let Some(loading) = self.lanes.lane_mut(lane).finish(measured, forgotten) {
            self.lanes.offset_proved(loading.discontinuity_sequence);
            self.skipped = 0;
            let lost = self.playhead.segment_loaded(lane, measured, loading.bytes);
            self.reports.qoe.wasted(lost);
            if loading.replaces {
                self.lanes.lane_mut(lane).forget_tail();
            }
            // What comes behind it is there: nothing else will bring out its last frame.
            if loading.replaces || self.target(lane) > measured.end + loader::TOLERANCE {
                self.command(PipelineCommand::Flush(lane));
            }
            if let Stage::Open(catalog) = &mut self.stage
                && let Some(stream) = catalog.stream_mut(lane, loading.rung)
            {
                stream.standing.prove();
            }
            if let Some(cipher) = &loading.cipher {
                self.keys.proved(&cipher.key);
            }
        }
        if lane == LaneId::Main {
            let gone_by = self.lanes.audio.loading().is_some_and(|sound| self.lanes.main.has_gone_by(sound));
            self.offset_found(gone_by);
        }
    }

    /// Whether the last segment, or the last before a discontinuity, ends so early that it may be a broken copy: a presentation
    /// must not end there, nor what follows be put there, before another copy says the same. Of any other segment the next one
    /// shows that something is missing.
    fn is_cut_short(&self, lane: LaneId, measured: TimeRange) -> bool {
        let Stage::Open(catalog) = &self.stage else { return false };
        let Some(loading) = self.lanes.lane(lane).loading().filter(|l| l.ask.spoiled == 0) else {
            return false;
        };
        let Some(media) = catalog.media(lane, loading.rung) else { return false };
        let next = media.playlist.segment(loading.sequence.saturating_add(1));
        let is_last = next.is_none_or(|next| next.discontinuity);
        let quarter = MediaTime::from_ticks(loading.range.length().ticks() / 4);
        // It may be expected too early, where the copy before was short, too.
        let lacks = (loading.range.end - measured.end).max(loading.range.length() - measured.length());
        !media.playlist.is_live() && is_last && lacks > quarter.max(MIN_CUT)
    }

    /// Whether the segment of the rungs that came through is far from where its live playlist has it.
    fn lies_elsewhere(&self, measured: TimeRange) -> bool {
        self.is_live && self.lanes.main.loading().is_some_and(|loading| loading.is_far_from(measured))
    }

    /// The timeline turns out to be a wrong one: a server has begun anew, unseen, and counts discontinuities as before; or
    /// playback began behind segments that are longer than their playlist says, and the first would lie before zero. The segment
    /// is loaded again, to be placed where the playlist has it, and what was placed before goes.
    fn place_anew(&mut self, now: Timestamp) {
        self.reports.trace.note(now, "timeline_restarted", &[]);
        if let Some(sequence) = self.lanes.main.loading().map(|loading| loading.discontinuity_sequence) {
            self.lanes.forget_offset(sequence);
        }
        for lane in LaneId::MEDIA {
            self.abandon_segment(now, lane);
            self.lanes.lane_mut(lane).forget_drift();
        }
        self.sink.clear_queue(Tracks::All);
        self.sink.remove(TimeRange { start: MediaTime::ZERO, end: MediaTime::MAX });
    }

    /// The bytes came, but they are not the media they should be.
    pub(super) fn segment_unusable(
        &mut self,
        now: Timestamp,
        lane: LaneId,
        id: RequestId,
        breakage: Breakage,
    ) {
        let Some(loading) = self.lanes.lane(lane).loading() else { return };
        let (ask, key) = (loading.ask.clone(), loading.cipher.as_ref().map(|c| c.key.clone()));
        let init = loading.init.clone();
        // The sound was placed by it and did not find it: what is wrong with the sound says nothing about it, and the
        // rungs will not find it again for a segment that they are already in the middle of.
        if lane == LaneId::Main {
            self.lanes.doubt_offset(loading.discontinuity_sequence);
        }
        // Another attempt is to have other copies of what may be at fault.
        if let Some(init) = init {
            self.inits.forget(&init.identity);
            if let Some(key) = init.cipher.map(|cipher| cipher.key).filter(|key| !self.keys.is_proved(key)) {
                self.keys.forget(&key);
            }
        }
        if self.requests.take(id).is_some() {
            self.push(Output::Abort(id));
        }
        // A key that has opened another segment is not wrong: this segment is. A new one may have been mixed up on its
        // way and is asked for once more.
        let Breakage { fault, phase, code, message } = breakage;
        let (fault, code, message) = match (fault, key) {
            (Fault::WrongKey, Some(key)) if self.keys.is_proved(&key) => (
                Fault::Corrupt,
                "segment_corrupt",
                "the segment is not media, and its key is known to be right".into(),
            ),
            (Fault::WrongKey, Some(key)) => {
                self.keys.forget(&key);
                (fault, code, message)
            }
            _ => (fault, code, message),
        };
        self.failed(now, ask, fault, Some(phase), Some((code, message)));
    }
}

/// Sound may begin a little before the pictures that say where a segment belongs.
const MIN_EARLY: MediaTime = MediaTime::from_millis(500);
/// Durations are rounded, and the last frame's is a guess.
const MIN_CUT: MediaTime = MediaTime::from_millis(1000);
