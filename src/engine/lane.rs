//! The loading lane: which segment comes next, of which rung, with which key.
//!
//! One segment is loaded at a time. Its key is asked for at the same moment, and bytes that arrive before the key
//! wait in the pipeline, so neither request waits for the other.

use std::collections::BTreeMap;

use crate::abr::Situation;
use crate::crypto::{ContentKey, Iv};
use crate::error::{Phase, PlayerError};
use crate::media::{Anchor, Cut, MediaEvent, SegmentFacts, SegmentStart, TrackKind};
use crate::playlist::{Method, Segment};
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::catalog::Media;
use super::io::{Output, PipelineCommand, PipelineEvent, RequestId};
use super::ranges;
use super::recovery::Fault;
use super::requests::{Ask, InFlight, Purpose};
use super::timers::Timer;
use super::{Effect, Engine, Stage};

/// The lane.
#[derive(Debug)]
pub(crate) struct Lane {
    state: State,
    /// Where loading goes on.
    next: MediaTime,
    /// The segment that the demultiplexer finished last, as rung and media sequence number: the one after it is read
    /// as its continuation.
    tail: Option<(usize, u64)>,
    /// The rung of the segment loaded last.
    rung: Option<usize>,
    /// By discontinuity sequence number: what is added to a timestamp in the media to get its place in the
    /// presentation. All rungs share it, which is what keeps them in step.
    timeline: BTreeMap<u64, i64>,
    /// Nothing can play until the next segment's first frames are there: the start, or a seek out of the buffer.
    urgent: bool,
}

#[derive(Debug)]
enum State {
    /// Nothing is known yet.
    Start,
    /// Free to load.
    Idle,
    /// Waits for the media playlist of this rung.
    AwaitPlaylist { rung: usize, first: bool },
    /// Loads a segment.
    Loading(Box<Loading>),
    /// All is loaded up to the end.
    Ended,
}

/// A segment being loaded.
#[derive(Debug)]
struct Loading {
    rung: usize,
    sequence: u64,
    discontinuity_sequence: u64,
    /// Where the playlist says that it lies.
    range: TimeRange,
    /// None while the next attempt is waited for.
    request: Option<RequestId>,
    cipher: Option<Cipher>,
    /// Continues what the demultiplexer holds.
    continues: bool,
    /// Begins something else, as the playlist says.
    discontinuity: bool,
    /// The request as it was sent, for another attempt when the network did its part but the bytes are bad.
    ask: Ask,
}

#[derive(Clone, Debug)]
struct Cipher {
    key: String,
    iv: Iv,
}

/// What a media playlist was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Nothing was loaded before.
    ForTheFirst,
    /// A switch.
    ForAnother,
}

impl Lane {
    /// A lane that begins at `start`.
    pub(crate) fn new(start: MediaTime) -> Self {
        Self {
            state: State::Start,
            next: start,
            tail: None,
            rung: None,
            timeline: BTreeMap::new(),
            urgent: true,
        }
    }

    /// Stops until this rung's playlist is here.
    pub(crate) fn wait_for_playlist(&mut self, rung: usize) {
        let first = matches!(self.state, State::Start | State::AwaitPlaylist { first: true, .. });
        self.state = State::AwaitPlaylist { rung, first };
    }

    /// Whether that is what the lane waits for.
    pub(crate) fn waits_for_playlist(&self, rung: usize) -> bool {
        matches!(self.state, State::AwaitPlaylist { rung: r, .. } if r == rung)
    }

    /// The playlist is here.
    pub(crate) fn playlist_is_here(&mut self) -> Waiting {
        let first = matches!(self.state, State::Start | State::AwaitPlaylist { first: true, .. });
        self.state = State::Idle;
        if first { Waiting::ForTheFirst } else { Waiting::ForAnother }
    }

    /// The rung of the segment being loaded.
    pub(crate) fn loading_rung(&self) -> Option<usize> {
        self.loading().map(|l| l.rung)
    }

    /// What the lane waits for, by a stable name.
    pub(crate) fn waiting_for(&self) -> Option<&'static str> {
        match &self.state {
            State::Start => Some("source"),
            State::AwaitPlaylist { .. } => Some("playlist"),
            State::Loading(l) if l.request.is_none() => Some("retry"),
            State::Loading(_) => Some("segment"),
            State::Idle | State::Ended => None,
        }
    }

    /// The attempt under way came to nothing.
    pub(crate) fn attempt_failed(&mut self, failures: u32) {
        if let State::Loading(l) = &mut self.state {
            l.request = None;
            l.ask.failures = failures;
        }
    }

    /// The place of the segment being loaded is known. An offset known before stays: all rungs share it.
    fn found_offset(&mut self, offset: i64) {
        if let State::Loading(l) = &self.state {
            self.timeline.entry(l.discontinuity_sequence).or_insert(offset);
        }
    }

    fn loading(&self) -> Option<&Loading> {
        if let State::Loading(l) = &self.state { Some(l) } else { None }
    }

    fn is_loading(&self, id: RequestId) -> bool {
        self.loading().is_some_and(|l| l.request == Some(id))
    }
}

impl Engine {
    /// Loads on, if there is room and something to load.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if !matches!(self.stage, Stage::Open(_)) || !matches!(self.lane.state, State::Idle) {
            return;
        }
        if self.sink.is_full() || self.sink.queued_bytes() > MAX_QUEUED {
            return;
        }
        let ahead = self.buffer_ahead();
        if ahead >= self.goal {
            let spare = (ahead - self.goal).to_duration().max(REFILL_STEP);
            self.timers.set(Timer::Refill, Some(now + spare));
            return;
        }
        let wanted = self.choose_rung();
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
                self.lane.wait_for_playlist(wanted);
                return self.ask_for_playlist(now, wanted);
            }
        };
        self.load_segment(now, rung);
    }

    /// Media from the playhead on that is in the sink or on its way there.
    pub(super) fn buffer_ahead(&self) -> MediaTime {
        MediaTime::ZERO.max(self.lane.next - self.playhead.state.position)
    }

    /// The rung that the next segment should be of.
    pub(super) fn choose_rung(&mut self) -> usize {
        let Stage::Open(catalog) = &self.stage else { return 0 };
        if let Some(rung) = self.held_rung {
            return rung.min(catalog.top());
        }
        let situation = Situation {
            ladder: catalog.ladder(),
            current: self.lane.rung,
            estimate: self.throughput.estimate(),
            buffer: self.buffer_ahead(),
            buffer_goal: self.goal,
        };
        self.rule.choose(&situation).min(catalog.top())
    }

    fn load_segment(&mut self, now: Timestamp, rung: usize) {
        let Stage::Open(catalog) = &self.stage else { return };
        let Some(media) = catalog.media(rung) else { return };
        let Some(segment) = self.next_segment(media) else {
            self.lane.state = State::Ended;
            return self.outbox.push_back(Effect::Pipeline(PipelineCommand::Flush));
        };
        let range = segment.range();
        let cipher = match self.cipher(media, segment) {
            Ok(cipher) => cipher,
            Err(error) => {
                self.report_error(now, error);
                return self.close(now);
            }
        };
        let key_url = cipher.as_ref().map(|(_, url)| url.clone());
        let url = self.credentials.child_url(&media.url, &segment.uri);
        let range_header = segment.byte_range.map(|r| (r.offset, r.length));
        let ask = Ask { range: range_header, ..Ask::get(Purpose::Segment, url) };
        let loading = Loading {
            rung,
            sequence: segment.sequence,
            discontinuity_sequence: segment.discontinuity_sequence,
            range,
            request: None,
            cipher: cipher.map(|(cipher, _)| cipher),
            continues: segment
                .sequence
                .checked_sub(1)
                .is_some_and(|before| self.lane.tail == Some((rung, before))),
            discontinuity: segment.discontinuity,
            ask: ask.clone(),
        };
        self.lane.rung = Some(rung);
        self.lane.state = State::Loading(Box::new(loading));
        // The segment goes first: it takes the connection that is open, the key the one that is yet to be made.
        self.send(now, ask);
        if let (Some(url), Some(Loading { cipher: Some(cipher), .. })) = (key_url, self.lane.loading()) {
            let key = cipher.key.clone();
            self.ask_for_key(now, key, url);
        }
    }

    /// The segment to load next, behind what the sink has or will have.
    fn next_segment<'a>(&self, media: &'a Media) -> Option<&'a Segment> {
        let coming = self.sink.coming();
        let mut segment = media.segment_from(self.lane.next)?;
        loop {
            let held = ranges::range_at(&coming, segment.start() + TOLERANCE, TOLERANCE);
            match held {
                Some(range) if range.end + TOLERANCE >= segment.end() => {
                    let next = media.segment_from(range.end)?;
                    if next.sequence <= segment.sequence {
                        return Some(segment);
                    }
                    segment = next;
                }
                _ => return Some(segment),
            }
        }
    }

    /// How a segment is encrypted, and where its key is.
    fn cipher(
        &self,
        media: &Media,
        segment: &Segment,
    ) -> Result<Option<(Cipher, crate::secret::Url)>, PlayerError> {
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
            return Err(unsupported("no EXT-X-KEY has the KEYFORMAT identity".into()));
        };
        if key.method != Method::Aes128 {
            return Err(unsupported(format!(
                "the encryption method {} is not supported yet",
                key.method.name()
            )));
        }
        let Some(uri) = &key.uri else {
            return Err(unsupported("an EXT-X-KEY without URI".into()));
        };
        let iv = Iv::from_bytes(key.iv_for(segment.sequence));
        let url = self.credentials.key_url(&media.url, uri);
        Ok(Some((Cipher { key: self.credentials.cache_key(uri), iv }, url)))
    }

    /// Gets the key to the pipeline: at once if it is at hand, else it is asked for, once.
    fn ask_for_key(&mut self, now: Timestamp, identity: String, url: crate::secret::Url) {
        let purpose = Purpose::Key(identity);
        let Purpose::Key(identity) = &purpose else { return };
        if self.keys.get(identity).is_none() && !self.requests.is_pending(&purpose) {
            self.send(now, Ask::get(purpose, url));
        }
    }

    pub(super) fn key_arrived(&mut self, now: Timestamp, ask: Ask, identity: String, body: &[u8]) {
        match ContentKey::from_bytes(body) {
            Ok(key) => {
                if let Some(Loading { request: Some(id), cipher: Some(cipher), .. }) = self.lane.loading()
                    && cipher.key == identity
                {
                    self.outbox.push_back(Effect::Pipeline(PipelineCommand::Key(*id, key.clone())));
                }
                self.keys.put(identity, key);
            }
            Err(error) => {
                self.failed(now, ask, Fault::Corrupt, None, Some((error.code(), error.to_string())))
            }
        }
    }

    /// The segment's request is in flight: get the pipeline ready for its bytes.
    pub(super) fn segment_sent(&mut self, id: RequestId) {
        let State::Loading(loading) = &mut self.lane.state else { return };
        loading.request = Some(id);
        let anchor = match self.lane.timeline.get(&loading.discontinuity_sequence) {
            Some(&offset) => Anchor::Offset { offset, expected: loading.range.start },
            None => Anchor::At(loading.range.start),
        };
        let plan = SegmentStart {
            anchor,
            discontinuity: loading.discontinuity,
            cut: if self.lane.urgent { Cut::FirstFrame(Cut::STEADY) } else { Cut::default() },
        };
        let cipher = loading.cipher.clone();
        let iv = cipher.as_ref().map(|c| c.iv);
        self.outbox.push_back(Effect::Pipeline(PipelineCommand::Begin {
            id,
            plan,
            continues: loading.continues,
            iv,
        }));
        if let Some(key) = cipher.and_then(|c| self.keys.get(&c.key)) {
            self.outbox.push_back(Effect::Pipeline(PipelineCommand::Key(id, key)));
        }
    }

    /// The last byte of the segment is here. What the pipeline makes of it comes through [`PipelineEvent`].
    pub(super) fn segment_arrived(&mut self, flight: InFlight) {
        self.throughput.add(flight.sample());
    }

    pub(super) fn on_pipeline(&mut self, now: Timestamp, id: Option<RequestId>, event: PipelineEvent) {
        // What comes of a request that was given up meanwhile is not wanted any more.
        if id.is_some_and(|id| !self.lane.is_loading(id)) {
            return;
        }
        match event {
            PipelineEvent::Media(MediaEvent::Tracks { video, audio }) => {
                let kinds = [video.then_some(TrackKind::Video), audio.then_some(TrackKind::Audio)];
                self.sink.expect(kinds.into_iter().flatten().collect());
            }
            PipelineEvent::Media(MediaEvent::Init(init)) => {
                if !self.sink.init(init.track, init.mime, init.data) {
                    let message = format!("a track of {} appears where there was none before", init.codec);
                    self.fatal(now, "track_added", Phase::Media, message, None);
                }
            }
            PipelineEvent::Media(MediaEvent::Fragment(fragment)) => {
                self.sink.append(fragment.track, fragment.data, fragment.range);
            }
            PipelineEvent::Media(MediaEvent::Timeline { offset }) => self.lane.found_offset(offset),
            PipelineEvent::Finished(facts) => self.segment_finished(now, &facts),
            PipelineEvent::Flushed => self.sink.end(),
            PipelineEvent::Failed { fault, phase, code, message } => {
                if let Some(id) = id {
                    self.segment_unusable(now, id, fault, phase, code, message);
                }
            }
        }
    }

    fn segment_finished(&mut self, now: Timestamp, facts: &SegmentFacts) {
        let State::Loading(loading) = core::mem::replace(&mut self.lane.state, State::Idle) else { return };
        self.lane.tail = Some((loading.rung, loading.sequence));
        self.lane.next = loading.range.end;
        self.lane.urgent = false;
        self.sink.expect_no_more();
        self.playhead.loaded(loading.range, loading.rung);
        self.reports.losses(now, facts);
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
        if let (Fault::WrongKey, Some(key)) = (fault, key) {
            self.keys.forget(&key);
        }
        self.failed(now, ask, fault, Some(phase), Some((code, message)));
    }

    /// The playhead jumped to `t`. What the sink holds or will hold is used, a load that serves the new place goes
    /// on, anything else is given up.
    pub(super) fn seek(&mut self, t: MediaTime) {
        if !matches!(self.stage, Stage::Open(_)) || matches!(self.lane.state, State::Start) {
            return;
        }
        let held = ranges::range_at(&self.sink.coming(), t, TOLERANCE);
        let target = held.map_or(t, |range| range.end);
        if let Some(loading) = self.lane.loading()
            && loading.range.start - TOLERANCE <= target
            && target < loading.range.end
        {
            return;
        }
        let near = target.abs_diff(self.lane.next) <= NEAR;
        match self.lane.state {
            State::Idle | State::AwaitPlaylist { .. } if near => return,
            State::Ended if held.is_some() && near => return,
            _ => {}
        }
        for id in self.requests.give_up(|purpose| *purpose == Purpose::Segment) {
            self.push(Output::Abort(id));
            self.outbox.push_back(Effect::Pipeline(PipelineCommand::Drop(id)));
        }
        if held.is_none() {
            self.sink.clear_queue();
            self.lane.urgent = true;
        }
        self.lane.tail = None;
        self.lane.next = target;
        if !matches!(self.lane.state, State::AwaitPlaylist { .. }) {
            self.lane.state = State::Idle;
        }
    }
}

/// Holes this small between ranges, and between a range and a place, are played over.
const TOLERANCE: MediaTime = MediaTime::from_millis(100);
/// What was loaded ends, and the next segment begins, within this of where the playlist says.
const NEAR: MediaTime = MediaTime::from_millis(500);
/// The sink is that much behind: wait for it.
const MAX_QUEUED: usize = 24 * 1024 * 1024;
const REFILL_STEP: core::time::Duration = core::time::Duration::from_millis(100);
