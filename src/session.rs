//! A playback session: the engine and the media pipeline that it commands.
//!
//! This is what a host drives. Segment bytes stop here: they are decrypted in place as they arrive, transmuxed, and
//! come out as fragments while the rest of the segment is still on the network. The engine sees how many bytes
//! arrived and what became of them, never the bytes.
//!
//! Invariant: bytes that arrive before their key wait in order, bounded by [`MAX_HELD`]; nothing else is kept.

#![forbid(unsafe_code)]

use crate::crypto::{CbcDecryptor, ContentKey, CryptoError, Iv};
use crate::engine::recovery::Fault;
use crate::engine::{
    Config, Effect, Engine, Input, NetEvent, Output, PipelineCommand, PipelineEvent, RequestId,
};
use crate::error::Phase;
use crate::media::{MediaError, MediaEvent, SegmentStart, Transmuxer};
use crate::time::Timestamp;

/// One source played by one media element, from load to the last report.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    transmuxer: Transmuxer,
    segment: Option<Segment>,
    now: Timestamp,
    /// The host was told when to wake the session up, and nothing happened since.
    at_rest: bool,
}

impl Session {
    /// A session that has not been told what to play. `now` is any moment of the host's monotonic clock.
    pub fn new(config: Config, now: Timestamp) -> Self {
        Self {
            engine: Engine::new(config, now),
            transmuxer: Transmuxer::new(),
            segment: None,
            now,
            at_rest: false,
        }
    }

    /// Takes in what happened. Drain [`Session::poll`] afterwards.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.now = now;
        self.at_rest = false;
        match input {
            Input::Net { id, event: NetEvent::Chunk(bytes) } if self.is_segment(id) => {
                self.engine.segment_bytes(now, id, bytes.len());
                self.feed(id, |segment, transmuxer, out| segment.push(bytes, transmuxer, out));
            }
            Input::Net { id, event: NetEvent::End } if self.is_segment(id) => {
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

    fn pipeline(&mut self, command: PipelineCommand) {
        match command {
            PipelineCommand::Begin { id, plan, continues, iv } => self.begin(id, plan, continues, iv),
            PipelineCommand::Key(id, key) => {
                self.feed(id, |segment, transmuxer, out| segment.key(&key, transmuxer, out));
            }
            PipelineCommand::Drop(id) if self.is_segment(id) => {
                self.segment = None;
                self.transmuxer = Transmuxer::new();
            }
            PipelineCommand::Drop(_) => {}
            PipelineCommand::Flush => {
                self.flush(None);
                self.engine.handle_pipeline(self.now, None, PipelineEvent::Flushed);
            }
        }
    }

    /// The bytes of a segment are about to come.
    fn begin(&mut self, id: RequestId, plan: SegmentStart, continues: bool, iv: Option<Iv>) {
        let broke_off = self.segment.take().is_some_and(|s| s.fed);
        if !continues {
            // The last frame of what went before still belongs to it, unless it is of a segment that broke off.
            if !broke_off {
                self.flush(Some(id));
            }
            self.transmuxer = Transmuxer::new();
        }
        self.segment = Some(Segment::new(id, iv));
        let mut out = Vec::new();
        self.transmuxer.begin_segment(plan, &mut out);
        self.hand_on(Some(id), out);
    }

    /// Hands on the frame that was held back for want of its duration.
    fn flush(&mut self, id: Option<RequestId>) {
        let mut out = Vec::new();
        self.transmuxer.flush(&mut out);
        self.hand_on(id, out);
    }

    fn hand_on(&mut self, id: Option<RequestId>, events: Vec<MediaEvent>) {
        for event in events {
            self.engine.handle_pipeline(self.now, id, PipelineEvent::Media(event));
        }
    }

    fn is_segment(&self, id: RequestId) -> bool {
        self.segment.as_ref().is_some_and(|s| s.id == id)
    }

    /// Lets the segment's pipeline do something, and hands on what comes out.
    fn feed(
        &mut self,
        id: RequestId,
        step: impl FnOnce(&mut Segment, &mut Transmuxer, &mut Vec<MediaEvent>) -> Result<Progress, Failure>,
    ) {
        let Some(segment) = self.segment.as_mut().filter(|s| s.id == id) else { return };
        let mut out = Vec::new();
        let result = step(segment, &mut self.transmuxer, &mut out);
        let decrypts = segment.decrypts();
        self.hand_on(Some(id), out);
        let event = match result {
            Ok(Progress::More) => return,
            Ok(Progress::Finished(facts)) => {
                self.segment = None;
                PipelineEvent::Finished(facts)
            }
            Err(failure) => {
                self.segment = None;
                failure.event(decrypts)
            }
        };
        self.engine.handle_pipeline(self.now, Some(id), event);
    }
}

/// A segment on its way through the pipeline.
#[derive(Debug)]
struct Segment {
    id: RequestId,
    cipher: Cipher,
    /// Bytes of it have gone into the transmuxer.
    fed: bool,
    /// The last byte is here.
    complete: bool,
}

#[derive(Debug)]
enum Cipher {
    /// In the clear.
    None,
    /// Encrypted, and the key is not here yet.
    AwaitKey { iv: Iv, held: Vec<Vec<u8>>, bytes: usize },
    /// Being decrypted.
    Cbc(Box<CbcDecryptor>),
    /// All decrypted.
    Done,
}

enum Progress {
    More,
    Finished(crate::media::SegmentFacts),
}

enum Failure {
    Crypto(CryptoError),
    Media(MediaError),
    KeyTooLate,
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
        match self {
            Self::Media(error) if decrypted && error.starts_with_noise() => PipelineEvent::Failed {
                fault: Fault::WrongKey,
                phase: Phase::Decrypt,
                code: "wrong_key",
                message: "the key does not decrypt this segment: what comes out is not media".into(),
            },
            Self::Media(error) => PipelineEvent::Failed {
                fault: Fault::Corrupt,
                phase: Phase::Media,
                code: error.code(),
                message: error.to_string(),
            },
            Self::Crypto(error) => PipelineEvent::Failed {
                fault: Fault::Corrupt,
                phase: Phase::Decrypt,
                code: error.code(),
                message: error.to_string(),
            },
            Self::KeyTooLate => PipelineEvent::Failed {
                fault: Fault::Timeout,
                phase: Phase::Key,
                code: "key_too_late",
                message: format!("{MAX_HELD} bytes of a segment arrived before its key"),
            },
        }
    }
}

impl Segment {
    fn new(id: RequestId, iv: Option<Iv>) -> Self {
        let cipher = match iv {
            None => Cipher::None,
            Some(iv) => Cipher::AwaitKey { iv, held: Vec::new(), bytes: 0 },
        };
        Self { id, cipher, fed: false, complete: false }
    }

    fn decrypts(&self) -> bool {
        !matches!(self.cipher, Cipher::None)
    }

    fn push(
        &mut self,
        mut bytes: Vec<u8>,
        transmuxer: &mut Transmuxer,
        out: &mut Vec<MediaEvent>,
    ) -> Result<Progress, Failure> {
        self.fed |= !matches!(self.cipher, Cipher::AwaitKey { .. });
        match &mut self.cipher {
            Cipher::None => transmuxer.push(&bytes, out)?,
            Cipher::AwaitKey { held, bytes: total, .. } => {
                *total += bytes.len();
                if *total > MAX_HELD {
                    return Err(Failure::KeyTooLate);
                }
                held.push(bytes);
            }
            Cipher::Cbc(decryptor) => decryptor.push(&mut bytes, |plain| transmuxer.push(plain, out))?,
            Cipher::Done => {}
        }
        Ok(Progress::More)
    }

    fn key(
        &mut self,
        key: &ContentKey,
        transmuxer: &mut Transmuxer,
        out: &mut Vec<MediaEvent>,
    ) -> Result<Progress, Failure> {
        let Cipher::AwaitKey { iv, held, .. } = &mut self.cipher else { return Ok(Progress::More) };
        let decryptor = CbcDecryptor::new(key, iv);
        let held = core::mem::take(held);
        self.cipher = Cipher::Cbc(Box::new(decryptor));
        for bytes in held {
            self.push(bytes, transmuxer, out)?;
        }
        if self.complete { self.end(transmuxer, out) } else { Ok(Progress::More) }
    }

    fn end(&mut self, transmuxer: &mut Transmuxer, out: &mut Vec<MediaEvent>) -> Result<Progress, Failure> {
        self.complete = true;
        match core::mem::replace(&mut self.cipher, Cipher::Done) {
            waiting @ Cipher::AwaitKey { .. } => {
                self.cipher = waiting;
                return Ok(Progress::More);
            }
            Cipher::Cbc(decryptor) => {
                let padding = decryptor.finish(|plain| Ok::<(), Failure>(transmuxer.push(plain, out)?));
                if matches!(padding, Err(Failure::Crypto(CryptoError::BadPadding))) {
                    // Bad padding after good media is a damaged end; after noise, what the noise was says more.
                    transmuxer.end_segment(out)?;
                }
                padding?;
            }
            Cipher::None => self.cipher = Cipher::None,
            Cipher::Done => {}
        }
        Ok(Progress::Finished(transmuxer.end_segment(out)?))
    }
}

/// Ciphertext that may wait for its key: a whole segment of any rung, with room to spare.
pub const MAX_HELD: usize = 64 * 1024 * 1024;
