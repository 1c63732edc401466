//! A playback session: the engine and the media pipeline that it commands.
//!
//! This is what a host drives. Segment bytes stop here: they are decrypted in place as they arrive, transmuxed, and
//! come out as fragments while the rest of the segment is still on the network. The engine sees how many bytes
//! arrived and what became of them, never the bytes.
//!
//! Each lane of the engine (the rungs, the sound where that is a rendition of its own, text) has a transmuxer.
//!
//! Invariant: bytes that arrive before their key, their init section or their place on the timeline wait in order,
//! bounded by [`MAX_HELD`]; nothing else is kept.

#![forbid(unsafe_code)]

use crate::crypto::{ContentKey, CryptoError, Decryptor, SampleKey};
use crate::engine::recovery::Fault;
use crate::engine::{
    Breakage, Chunk, Config, Effect, Encryption, Engine, InitData, Input, LaneId, Needs, NetEvent, Output,
    PipelineCommand, PipelineEvent, RequestId, Scheme,
};
use crate::error::Phase;
use crate::media::{Anchor, MediaError, MediaEvent, SegmentFacts, SegmentStart, Transmuxer};
use crate::time::Timestamp;

/// One source played by one media element, from load to the last report.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    main: Pipeline,
    audio: Pipeline,
    text: Pipeline,
    now: Timestamp,
    /// The host was told when to wake the session up, and nothing happened since.
    at_rest: bool,
}

impl Session {
    /// A session that has not been told what to play. `now` is any moment of the host's monotonic clock.
    pub fn new(config: Config, now: Timestamp) -> Self {
        Self {
            engine: Engine::new(config, now),
            main: Pipeline::default(),
            audio: Pipeline::default(),
            text: Pipeline::default(),
            now,
            at_rest: false,
        }
    }

    /// Takes in what happened. Drain [`Session::poll`] afterwards.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.now = now;
        self.at_rest = false;
        match input {
            Input::Net { id, event: NetEvent::Chunk(Chunk(bytes)) } if self.lane_of(id).is_some() => {
                self.engine.segment_bytes(now, id, bytes.len());
                self.feed(id, |segment, reader, out| segment.push(bytes, reader, out));
            }
            Input::Net { id, event: NetEvent::End } if self.lane_of(id).is_some() => {
                self.engine.handle(now, Input::Net { id, event: NetEvent::End });
                self.feed(id, Segment::end);
            }
            input => self.engine.handle(now, input),
        }
    }

    /// The next thing to do. [`Output::Wake`] is the last; after it there is `None` until something happens.
    ///
    /// Must be drained after every [`Session::handle`].
    pub fn poll(&mut self) -> Option<Output> {
        if self.at_rest {
            return None;
        }
        loop {
            match self.engine.poll() {
                Effect::Host(output) => {
                    self.at_rest = matches!(output, Output::Wake(_));
                    return Some(output);
                }
                Effect::Pipeline(command) => self.pipeline(command),
            }
        }
    }

    /// Bytes of media that wait here: for what they need, or for the sink.
    #[cfg(feature = "cli")]
    pub(crate) fn held_bytes(&self) -> usize {
        let held = |pipeline: &Pipeline| pipeline.segment.as_ref().map_or(0, |segment| segment.bytes);
        held(&self.main) + held(&self.audio) + self.engine.queued_bytes()
    }

    fn pipeline(&mut self, command: PipelineCommand) {
        match command {
            PipelineCommand::Begin { id, lane, plan, continues, needs } => {
                let pipeline = self.lane_mut(lane);
                pipeline.segment = Some(Segment::new(id, needs));
                pipeline.reader.next = Some(Plan { start: plan, continues, init: None, key: None });
            }
            PipelineCommand::Key(id, key) => {
                self.feed(id, |segment, reader, out| {
                    segment.key(&key, reader)?;
                    segment.resume(reader, out)
                });
            }
            PipelineCommand::Init(id, init) => {
                self.feed(id, |segment, reader, out| {
                    segment.awaits.init = false;
                    if let Some(plan) = &mut reader.next {
                        plan.init = Some(init);
                    }
                    segment.resume(reader, out)
                });
            }
            PipelineCommand::Place(id, anchor) => {
                self.feed(id, |segment, reader, out| {
                    segment.awaits.place = false;
                    reader.place(anchor);
                    segment.resume(reader, out)
                });
            }
            PipelineCommand::Drop(id) => {
                if let Some(lane) = self.lane_of(id) {
                    self.lane_mut(lane).forget();
                }
            }
            PipelineCommand::Reset(lane) => *self.lane_mut(lane) = Pipeline::default(),
            PipelineCommand::Flush(lane) => {
                let mut out = Vec::new();
                self.lane_mut(lane).reader.transmuxer.flush(&mut out);
                self.hand_on(lane, None, out);
                self.engine.handle_pipeline(self.now, lane, None, PipelineEvent::Flushed);
            }
        }
    }

    fn hand_on(&mut self, lane: LaneId, id: Option<RequestId>, events: Vec<MediaEvent>) {
        for event in events {
            self.engine.handle_pipeline(self.now, lane, id, PipelineEvent::Media(event));
        }
    }

    fn lane_mut(&mut self, lane: LaneId) -> &mut Pipeline {
        match lane {
            LaneId::Main => &mut self.main,
            LaneId::Audio => &mut self.audio,
            LaneId::Text => &mut self.text,
        }
    }

    /// The lane that this request is a segment of.
    fn lane_of(&self, id: RequestId) -> Option<LaneId> {
        let lanes = [(LaneId::Main, &self.main), (LaneId::Audio, &self.audio), (LaneId::Text, &self.text)];
        let is = |pipeline: &Pipeline| pipeline.segment.as_ref().is_some_and(|s| s.id == id);
        lanes.into_iter().find(|(_, pipeline)| is(pipeline)).map(|(lane, _)| lane)
    }

    /// Lets the segment's pipeline do something, and hands on what comes out.
    fn feed(
        &mut self,
        id: RequestId,
        step: impl FnOnce(&mut Segment, &mut Reader, &mut Vec<MediaEvent>) -> Result<Progress, Failure>,
    ) {
        let Some(lane) = self.lane_of(id) else { return };
        let Pipeline { reader, segment: Some(segment) } = self.lane_mut(lane) else { return };
        let mut out = Vec::new();
        let result = step(segment, reader, &mut out);
        let decrypts = segment.decrypts;
        if !matches!(result, Ok(Progress::More)) {
            self.lane_mut(lane).segment = None;
        }
        self.hand_on(lane, Some(id), out);
        let event = match result {
            Ok(Progress::More) => return,
            Ok(Progress::Finished(facts)) => PipelineEvent::Finished(*facts),
            Err(failure) => failure.event(decrypts),
        };
        self.engine.handle_pipeline(self.now, lane, Some(id), event);
    }
}

/// One lane's way from bytes to fragments.
#[derive(Debug, Default)]
struct Pipeline {
    reader: Reader,
    segment: Option<Segment>,
}

impl Pipeline {
    /// Gives the segment up. One of which nothing was read leaves the transmuxer as it is: what that holds back belongs
    /// to the segment before.
    fn forget(&mut self) {
        self.segment = None;
        self.reader.next = None;
        if self.reader.open {
            self.reader = Reader::default();
        }
    }
}

/// The transmuxer, told of a segment when its first clear byte comes and no earlier: a segment of which no byte comes
/// must not cost the one before its last frame, which the transmuxer holds back.
#[derive(Debug, Default)]
struct Reader {
    transmuxer: Transmuxer,
    /// The segment to begin with.
    next: Option<Plan>,
    /// The init section that the transmuxer has.
    init: Option<String>,
    /// A segment was begun and has not ended.
    open: bool,
}

/// A segment to begin with.
#[derive(Debug)]
struct Plan {
    start: SegmentStart,
    /// It goes on where the last one ended.
    continues: bool,
    init: Option<InitData>,
    /// What its samples are encrypted with.
    key: Option<SampleKey>,
}

impl Reader {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), Failure> {
        self.begin(out)?;
        let taken = self.transmuxer.push(bytes, out);
        self.keep_init(taken)
    }

    fn end(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, Failure> {
        self.begin(out)?;
        self.open = false;
        let facts = self.transmuxer.end_segment(out);
        self.keep_init(facts)
    }

    /// A body that was something else altogether may have cost the transmuxer what it knew: it is told again.
    fn keep_init<T>(&mut self, result: Result<T, MediaError>) -> Result<T, Failure> {
        if result.is_err() {
            self.init = None;
        }
        Ok(result?)
    }

    /// Says where the segment that is to begin belongs on the timeline.
    fn place(&mut self, anchor: Anchor) {
        if let Some(plan) = &mut self.next {
            plan.start.anchor = anchor;
        }
    }

    fn begin(&mut self, out: &mut Vec<MediaEvent>) -> Result<(), Failure> {
        let Some(plan) = self.next.take() else { return Ok(()) };
        if !plan.continues {
            // The last frame of what went before still belongs to it, unless it is of a segment that broke off.
            if !self.open {
                self.transmuxer.flush(out);
            }
            self.transmuxer = Transmuxer::new();
            self.init = None;
        }
        if let Some(init) = plan.init.filter(|init| self.init.as_ref() != Some(&init.identity)) {
            self.transmuxer.init_section(&init.open()?, out)?;
            self.init = Some(init.identity);
        }
        self.open = true;
        self.transmuxer.sample_key(plan.key);
        self.transmuxer.begin_segment(plan.start);
        Ok(())
    }
}

impl InitData {
    /// The init section in the clear.
    fn open(&self) -> Result<Vec<u8>, CryptoError> {
        let mut bytes = self.bytes.to_vec();
        let Some((method, key, iv)) = &self.cipher else { return Ok(bytes) };
        let mut clear = Vec::with_capacity(bytes.len());
        let mut decryptor = Decryptor::new(*method, key, iv)?;
        let mut keep = |plain: &[u8]| {
            clear.extend_from_slice(plain);
            Ok::<(), CryptoError>(())
        };
        decryptor.push(&mut bytes, &mut keep)?;
        decryptor.finish(&mut keep)?;
        Ok(clear)
    }
}

/// A segment on its way through the pipeline.
#[derive(Debug)]
struct Segment {
    id: RequestId,
    /// What its bytes still wait for.
    awaits: Needs,
    /// All of its bytes are encrypted.
    decrypts: bool,
    /// Bytes that wait, and how many they are.
    held: Vec<Vec<u8>>,
    bytes: usize,
    cipher: Option<Box<Decryptor>>,
    /// The last byte is here.
    complete: bool,
}

enum Progress {
    More,
    Finished(Box<SegmentFacts>),
}

enum Failure {
    Crypto(CryptoError),
    Media(MediaError),
    TooLate,
}

impl From<CryptoError> for Failure {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<MediaError> for Failure {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}

impl Failure {
    /// A segment that was decrypted into something that is noise from its first byte on was decrypted with the wrong
    /// key: a damaged segment does not look like that.
    fn event(self, decrypted: bool) -> PipelineEvent {
        let (fault, phase, code, message) = match self {
            Self::Media(error) if decrypted && error.starts_with_noise() => {
                let message = "the key does not decrypt this segment: what comes out is not media".into();
                (Fault::WrongKey, Phase::Decrypt, "wrong_key", message)
            }
            Self::Media(error) => (Fault::Corrupt, Phase::Media, error.code(), error.to_string()),
            Self::Crypto(error) => (Fault::Corrupt, Phase::Decrypt, error.code(), error.to_string()),
            Self::TooLate => {
                let message = format!("{MAX_HELD} bytes of a segment arrived before what they need");
                (Fault::Timeout, Phase::Key, "key_too_late", message)
            }
        };
        PipelineEvent::Failed(Breakage { fault, phase, code, message })
    }
}

impl Segment {
    fn new(id: RequestId, needs: Needs) -> Self {
        Self {
            id,
            awaits: needs,
            decrypts: needs.encryption.is_some_and(|e| e.scheme != Scheme::Samples),
            held: Vec::new(),
            bytes: 0,
            cipher: None,
            complete: false,
        }
    }

    fn waits(&self) -> bool {
        self.awaits.encryption.is_some() || self.awaits.init || self.awaits.place
    }

    fn push(
        &mut self,
        mut bytes: Vec<u8>,
        reader: &mut Reader,
        out: &mut Vec<MediaEvent>,
    ) -> Result<Progress, Failure> {
        if self.waits() {
            self.bytes = self.bytes.saturating_add(bytes.len());
            if self.bytes > MAX_HELD {
                return Err(Failure::TooLate);
            }
            self.held.push(bytes);
            return Ok(Progress::More);
        }
        match &mut self.cipher {
            None => reader.push(&bytes, out)?,
            Some(decryptor) => decryptor.push(&mut bytes, |plain| reader.push(plain, out))?,
        }
        Ok(Progress::More)
    }

    /// The key is here.
    fn key(&mut self, key: &ContentKey, reader: &mut Reader) -> Result<(), CryptoError> {
        let Some(Encryption { scheme, iv }) = self.awaits.encryption.take() else { return Ok(()) };
        match scheme {
            Scheme::Segment(method) => self.cipher = Some(Box::new(Decryptor::new(method, key, &iv)?)),
            Scheme::Samples => {
                let key = SampleKey::new(key.clone(), iv)?;
                if let Some(plan) = &mut reader.next {
                    plan.key = Some(key);
                }
            }
        }
        Ok(())
    }

    /// Something that the bytes waited for is here.
    fn resume(&mut self, reader: &mut Reader, out: &mut Vec<MediaEvent>) -> Result<Progress, Failure> {
        if self.waits() {
            return Ok(Progress::More);
        }
        for bytes in core::mem::take(&mut self.held) {
            self.push(bytes, reader, out)?;
        }
        if self.complete { self.end(reader, out) } else { Ok(Progress::More) }
    }

    fn end(&mut self, reader: &mut Reader, out: &mut Vec<MediaEvent>) -> Result<Progress, Failure> {
        self.complete = true;
        if self.waits() {
            return Ok(Progress::More);
        }
        if let Some(decryptor) = self.cipher.take() {
            let padding = decryptor.finish(|plain| reader.push(plain, out));
            if matches!(padding, Err(Failure::Crypto(CryptoError::BadPadding))) {
                // Bad padding after good media is a damaged end; after noise, what the noise was says more.
                reader.end(out)?;
                // It ended well, but what comes next, most likely the same again, does not go on from it.
                reader.transmuxer.abandon();
            }
            padding?;
        }
        Ok(Progress::Finished(Box::new(reader.end(out)?)))
    }
}

/// Bytes of a segment that may wait: a whole segment of any rung, with room to spare.
pub const MAX_HELD: usize = 64 * 1024 * 1024;
