//! Loading segments: their requests, their keys, and what comes out of them.
//!
//! One segment is loaded at a time. Its key is asked for at the same moment, and bytes that arrive before the key wait
//! in the pipeline, so neither request waits for the other.

use crate::abr::Situation;
use crate::crypto::{ContentKey, Iv, SegmentMethod};
use crate::error::{Phase, PlayerError};
use crate::media::{Anchor, Cut, MediaEvent, SegmentFacts, SegmentStart, TrackKind};
use crate::playlist::{Method, Segment};
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::catalog::Media;
use super::io::{ElementCommand, Encryption, Output, PipelineCommand, PipelineEvent, RequestId, Scheme};
use super::lane::{Cipher, Loading, Next, State};
use super::ranges;
use super::recovery::Fault;
use super::requests::{Ask, InFlight, Purpose};
use super::timers::Timer;
use super::{Effect, Engine, Stage};

impl Engine {
    /// Loads on, if there is room and something to load.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if !matches!(self.stage, Stage::Open(_))
            || !matches!(self.lane.state, State::Idle)
            || self.sink.is_full()
            || self.sink.queued_bytes() > MAX_QUEUED
        {
            return;
        }
        let ahead = self.buffer_ahead();
        let goal = self.goal(now);
        if ahead >= goal {
            if !self.playhead.state.paused {
                let spare = (ahead - goal).to_duration().max(REFILL_STEP);
                self.timers.set(Timer::Refill, Some(now + spare));
            }
            return;
        }
        let wanted = self.choose_rung(now);
        let Stage::Open(catalog) = &self.stage else { return };
        let at_hand = |rung: usize| catalog.media(rung).is_some();
        let rung = match self.lane.rung {
            _ if at_hand(wanted) => wanted,
            // On the way up there is no hurry: go on with what is at hand while the playlist comes.
            Some(current) if wanted > current && at_hand(current) => {
                self.ask_for_playlist(now, wanted);
                current
            }
            _ => {
                self.lane.state = State::AwaitPlaylist(wanted);
                return self.ask_for_playlist(now, wanted);
            }
        };
        self.load_segment(now, rung);
    }

    /// The place that must have media next for playback to go on: the end of what is buffered at the playhead, queued
    /// media counted in, or the playhead itself.
    fn target(&self) -> MediaTime {
        let coming = self.sink.coming();
        let position = self.playhead.place();
        if let Some(range) = ranges::range_at(&coming, position, TOLERANCE) {
            return range.end.max(position);
        }
        // A playhead at the very end, or sent beyond it, has nothing in front of it; it needs the media before.
        let place = position.min(self.last_place().unwrap_or(position)).max(MediaTime::ZERO);
        ranges::range_at(&coming, place, TOLERANCE).map_or(place, |range| range.end)
    }

    /// The last place with something to play, by the playlist.
    fn last_place(&self) -> Option<MediaTime> {
        let Stage::Open(catalog) = &self.stage else { return None };
        let media = self.lane.rung.and_then(|rung| catalog.media(rung)).or_else(|| catalog.any_media())?;
        Some(media.playlist.duration() - END_MARGIN)
    }

    /// Media from the playhead on that is in the sink or on its way there.
    pub(super) fn buffer_ahead(&self) -> MediaTime {
        MediaTime::ZERO.max(self.target() - self.playhead.place())
    }

    /// The rung that the next segment should be of.
    pub(super) fn choose_rung(&mut self, now: Timestamp) -> usize {
        let (buffer, buffer_goal) = (self.buffer_ahead(), self.goal(now));
        let Stage::Open(catalog) = &self.stage else { return 0 };
        let chosen = match self.held_rung {
            Some(rung) => rung,
            None => self.rule.choose(&Situation {
                ladder: catalog.ladder(),
                current: self.lane.rung,
                estimate: self.throughput.estimate(),
                buffer,
                buffer_goal,
            }),
        };
        catalog.usable(chosen)
    }

    fn load_segment(&mut self, now: Timestamp, rung: usize) {
        let target = self.target();
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(media) = catalog.media(rung) else { return };
        let (segment, drift, continues) = match self.lane.next_segment(media, rung, target) {
            Next::Segment { segment, drift, continues } => (segment, drift, continues),
            Next::End => {
                if self.lane.wants_flush() {
                    self.outbox.push_back(Effect::Pipeline(PipelineCommand::Flush));
                } else {
                    self.sink.end();
                }
                return;
            }
            Next::Hole => return self.over_the_hole(now, target),
        };
        let cipher = match self.cipher(media, segment) {
            Ok(cipher) => cipher,
            Err(error) => {
                self.report_error(now, error);
                return self.close(now);
            }
        };
        let url = self.credentials.child_url(&media.url, &segment.uri);
        let range = segment.byte_range.map(|r| (r.offset, r.length));
        let ask = Ask { range, ..Ask::get(Purpose::Segment, url) };
        let urgent = self.buffer_ahead() == MediaTime::ZERO;
        let mut loading = Loading::new(rung, segment, drift, target, ask.clone());
        (loading.cipher, loading.continues, loading.urgent) = (cipher, continues, urgent);
        self.lane.begin(loading);
        // The segment goes first: it takes the connection that is open, the key the one that is yet to be made.
        self.send(now, ask);
        self.ask_for_key(now);
    }

    /// Nothing fills the place where loading should go on: the playhead will have to step over it, and loading goes on
    /// behind it.
    fn over_the_hole(&mut self, now: Timestamp, hole: MediaTime) {
        let Stage::Open(catalog) = &self.stage else { return };
        let rung = self.lane.rung.unwrap_or(0);
        let behind = catalog
            .media(rung)
            .and_then(|media| media.playlist.segments.iter().find(|s| s.start() > hole && !s.gap))
            .map(Segment::start);
        // While there is something to play it is played first; the step is made when the playhead is at the hole.
        if self.buffer_ahead() > MediaTime::ZERO {
            self.timers.set(Timer::Refill, Some(now + self.buffer_ahead().to_duration().max(REFILL_STEP)));
            return;
        }
        match behind {
            Some(to) => {
                self.reports.trace.note(now, "hole_jumped", &[]);
                self.reports.qoe.own_seek();
                self.lane.give_up();
                self.playhead.heads_for(to);
                self.push(Output::Element(ElementCommand::Seek(to)));
            }
            None => self.sink.end(),
        }
    }

    /// How a segment is encrypted, and where its key is.
    fn cipher(&self, media: &Media, segment: &Segment) -> Result<Option<Cipher>, PlayerError> {
        let unsupported = |message: String| PlayerError {
            code: "encryption_unsupported",
            phase: Phase::Decrypt,
            status: None,
            fatal: true,
            message,
            url: None,
        };
        if segment.keys.is_empty() {
            return Ok(None);
        }
        let Some(key) = segment.keys.iter().find(|k| k.is_identity()) else {
            let message = format!(
                "the key comes by way of a DRM system, by the EXT-X-KEY with KEYFORMAT {}",
                segment.keys.iter().map(|k| k.keyformat.as_ref()).collect::<Vec<_>>().join(", ")
            );
            return Err(PlayerError { code: "drm_unsupported", ..unsupported(message) });
        };
        let scheme = match &key.method {
            Method::Aes128 => Scheme::Segment(SegmentMethod::Aes128),
            Method::Aes256 => Scheme::Segment(SegmentMethod::Aes256),
            Method::Aes256Ctr => Scheme::Segment(SegmentMethod::Aes256Ctr),
            Method::SampleAes | Method::SampleAesCtr => Scheme::Samples,
            Method::None | Method::Other(_) => {
                return Err(unsupported(format!("unknown encryption method {}", key.method.name())));
            }
        };
        let Some(uri) = &key.uri else {
            return Err(unsupported("an EXT-X-KEY without URI".into()));
        };
        Ok(Some(Cipher {
            key: self.credentials.cache_key(uri),
            url: self.credentials.key_url(&media.url, uri),
            encryption: Encryption { scheme, iv: Iv::from_bytes(key.iv_for(segment.sequence)) },
        }))
    }

    /// Asks for the key of the segment being loaded, unless it is at hand or on its way.
    fn ask_for_key(&mut self, now: Timestamp) {
        let Some(Loading { cipher: Some(Cipher { key, url, .. }), .. }) = self.lane.loading() else { return };
        let purpose = Purpose::Key(key.clone());
        if self.keys.get(key).is_none() && !self.requests.is_pending(&purpose) {
            let ask = Ask::get(purpose, url.clone());
            self.send(now, ask);
        }
    }

    pub(super) fn key_arrived(&mut self, now: Timestamp, ask: Ask, identity: String, body: &[u8]) {
        let user = self.lane.loading().and_then(|l| Some((l.request, l.cipher.as_ref()?)));
        let user = user.filter(|(_, cipher)| cipher.key == identity);
        let needed = user.map(|(_, cipher)| cipher.encryption.scheme.key_length());
        let key = ContentKey::from_bytes(body)
            .and_then(|key| needed.map_or(Ok(()), |needed| key.check_length(needed)).map(|()| key));
        match key {
            Ok(key) => {
                if let Some((Some(id), _)) = user {
                    self.outbox.push_back(Effect::Pipeline(PipelineCommand::Key(id, key.clone())));
                }
                self.keys.put(identity, key);
            }
            Err(error) => {
                self.failed(now, ask, Fault::Corrupt, None, Some((error.code(), error.to_string())))
            }
        }
    }

    /// The segment's request is in flight: get the pipeline ready for its bytes.
    pub(super) fn segment_sent(&mut self, now: Timestamp, id: RequestId) {
        let State::Loading(loading) = &mut self.lane.state else { return };
        loading.request = Some(id);
        loading.offset = None;
        let (start, cipher) = (loading.range.start, loading.cipher.clone());
        let (continues, discontinuity, urgent) = (loading.continues, loading.discontinuity, loading.urgent);
        let sequence = loading.discontinuity_sequence;
        let anchor = match self.lane.offset(sequence) {
            Some(offset) => Anchor::Offset { offset, expected: start },
            None => Anchor::At(start),
        };
        let cut = if urgent { Cut::FirstFrame(Cut::STEADY) } else { Cut::default() };
        let plan = SegmentStart { anchor, discontinuity, cut };
        let encryption = cipher.as_ref().map(|c| c.encryption);
        self.outbox.push_back(Effect::Pipeline(PipelineCommand::Begin { id, plan, continues, encryption }));
        match cipher.map(|c| self.keys.get(&c.key)) {
            Some(Some(key)) => self.outbox.push_back(Effect::Pipeline(PipelineCommand::Key(id, key))),
            // A key that did not fit was dropped since: another attempt asks for it anew.
            Some(None) if self.lane.loading().is_some_and(|l| l.ask.failures > 0) => self.ask_for_key(now),
            _ => {}
        }
    }

    /// The last byte of the segment is here. What the pipeline makes of it comes through [`PipelineEvent`].
    pub(super) fn segment_arrived(&mut self, flight: &InFlight) {
        self.throughput.add(flight.sample());
    }

    pub(super) fn on_pipeline(&mut self, now: Timestamp, id: Option<RequestId>, event: PipelineEvent) {
        // What comes of a request that was given up meanwhile is not wanted any more.
        if id.is_some_and(|id| self.lane.loading_by(id).is_none()) || matches!(self.stage, Stage::Closed) {
            return;
        }
        match event {
            PipelineEvent::Media(MediaEvent::Tracks { video, audio }) => {
                let kinds = [video.then_some(TrackKind::Video), audio.then_some(TrackKind::Audio)];
                self.sink.expect(kinds.into_iter().flatten().collect());
            }
            // Playing the rest would be a black picture or silence, and nobody would know why.
            PipelineEvent::Media(MediaEvent::Unsupported { track, stream_type }) => {
                if let Some(id) = id {
                    let kind = match track {
                        TrackKind::Video => "video",
                        TrackKind::Audio => "audio",
                    };
                    let message = format!("the {kind} is of the unsupported stream type {stream_type:#04x}");
                    self.segment_unusable(
                        now,
                        id,
                        Fault::Corrupt,
                        Phase::Media,
                        "unsupported_codec",
                        message,
                    );
                }
            }
            PipelineEvent::Media(MediaEvent::Init(init)) => {
                if !self.sink.init(init.track, init.mime, init.data) {
                    let message = format!("a track of {} appears where there was none before", init.codec);
                    self.fatal(now, "track_added", Phase::Media, message, None);
                }
            }
            PipelineEvent::Media(MediaEvent::Fragment(fragment)) => {
                if fragment.track == TrackKind::Video || !self.sink.has(TrackKind::Video) {
                    // What a flush brings belongs to the rung before; it is one frame.
                    let rung = self.lane.loading_rung().or(self.lane.rung);
                    self.playhead.loaded(fragment.range, rung.unwrap_or(0));
                }
                self.sink.append(fragment);
            }
            PipelineEvent::Media(MediaEvent::Timeline { offset }) => {
                if let Some(loading) = id.and_then(|id| self.lane.loading_by(id)) {
                    loading.offset = Some(offset);
                }
            }
            // Text tracks and metadata have no listener yet.
            PipelineEvent::Media(MediaEvent::Cue(_) | MediaEvent::Metadata(_)) => {}
            PipelineEvent::Finished(facts) => self.segment_finished(now, id, &facts),
            PipelineEvent::Flushed => self.sink.end(),
            PipelineEvent::Failed { fault, phase, code, message } => {
                if let Some(id) = id {
                    self.segment_unusable(now, id, fault, phase, code, message);
                }
            }
        }
    }

    fn segment_finished(&mut self, now: Timestamp, id: Option<RequestId>, facts: &SegmentFacts) {
        let measured = match (facts.video, facts.audio) {
            (Some(v), Some(a)) => TimeRange { start: v.start.max(a.start), end: v.end.min(a.end) },
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => {
                let message = "the segment has neither a picture nor a sound".to_owned();
                if let Some(id) = id {
                    self.segment_unusable(
                        now,
                        id,
                        Fault::Corrupt,
                        Phase::Media,
                        "segment_without_media",
                        message,
                    );
                }
                return;
            }
        };
        self.reports.losses(now, facts);
        self.sink.expect_no_more();
        if let Some(loading) = self.lane.finish(measured)
            && let Some(cipher) = &loading.cipher
        {
            self.keys.proved(&cipher.key);
        }
    }

    /// The bytes came, but they are not the media they should be.
    fn segment_unusable(
        &mut self,
        now: Timestamp,
        id: RequestId,
        fault: Fault,
        phase: Phase,
        code: &'static str,
        message: String,
    ) {
        let Some(loading) = self.lane.loading() else { return };
        let (ask, key) = (loading.ask.clone(), loading.cipher.as_ref().map(|c| c.key.clone()));
        if self.requests.take(id).is_some() {
            self.push(Output::Abort(id));
        }
        // A key that has opened another segment is not wrong: this segment is. A new one may have been mixed up on its
        // way and is asked for once more.
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

    /// The playhead jumped. What the sink holds or will hold is used, a load that serves the new place goes on,
    /// anything else is given up.
    pub(super) fn seek(&mut self) {
        self.playhead.arrived();
        if !matches!(self.stage, Stage::Open(_)) {
            return;
        }
        let target = self.target();
        if self.lane.serves(target) {
            return;
        }
        self.abandon_segment();
        // Nothing that is queued plays at the new place.
        if self.buffer_ahead() == MediaTime::ZERO {
            self.sink.clear_queue();
        }
    }

    /// Gives up the segment being loaded, and any further attempt at it.
    pub(super) fn abandon_segment(&mut self) {
        for id in self.requests.give_up(|purpose| *purpose == Purpose::Segment) {
            self.push(Output::Abort(id));
            self.outbox.push_back(Effect::Pipeline(PipelineCommand::Drop(id)));
        }
        self.lane.give_up();
    }
}

/// Holes this small between ranges, and between a range and a place, are played over.
const TOLERANCE: MediaTime = MediaTime::from_millis(100);
/// Closer to the end than this there may be nothing left to play.
const END_MARGIN: MediaTime = MediaTime::from_millis(200);
/// The sink is that much behind: wait for it.
const MAX_QUEUED: usize = 24 * 1024 * 1024;
const REFILL_STEP: core::time::Duration = core::time::Duration::from_millis(100);
