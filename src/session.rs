//! A playback session: the engine and the media pipeline that it commands.
//!
//! This is what a host drives. Segment bytes stop here: they are decrypted in place as they arrive, transmuxed, and
//! come out as fragments while the rest of the segment is still on the network. The engine sees how many bytes
//! arrived and what became of them, never the bytes.
//!
//! Invariant: bytes that arrive before their key wait in order, bounded by [`MAX_HELD`]; nothing else is kept.

#![forbid(unsafe_code)]

use crate::crypto::{ContentKey, CryptoError, Decryptor, SampleKey};
use crate::engine::recovery::Fault;
use crate::engine::{
    Chunk, Config, Effect, Encryption, Engine, Input, NetEvent, Output, PipelineCommand, PipelineEvent,
    RequestId, Scheme,
};
use crate::error::Phase;
use crate::media::{MediaError, MediaEvent, SegmentFacts, SegmentStart, Transmuxer};
use crate::time::Timestamp;

/// One source played by one media element, from load to the last report.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    reader: Reader,
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
            reader: Reader::default(),
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
            Input::Net { id, event: NetEvent::Chunk(Chunk(bytes)) } if self.is_segment(id) => {
                self.engine.segment_bytes(now, id, bytes.len());
                self.feed(id, |segment, reader, out| segment.push(bytes, reader, out));
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
            PipelineCommand::Begin { id, plan, continues, encryption } => {
                self.segment = Some(Segment::new(id, encryption));
                self.reader.next = Some(Next { plan, continues, key: None });
            }
            PipelineCommand::Key(id, key) => {
                self.feed(id, |segment, reader, out| segment.key(&key, reader, out));
            }
            PipelineCommand::Drop(id) if self.is_segment(id) => {
                self.segment = None;
                self.reader = Reader::default();
            }
            PipelineCommand::Drop(_) => {}
            PipelineCommand::Flush => {
                self.flush();
                self.engine.handle_pipeline(self.now, None, PipelineEvent::Flushed);
            }
        }
    }

    /// Hands on the frame that was held back for want of its duration.
    fn flush(&mut self) {
        let mut out = Vec::new();
        self.reader.transmuxer.flush(&mut out);
        self.hand_on(None, out);
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
        step: impl FnOnce(&mut Segment, &mut Reader, &mut Vec<MediaEvent>) -> Result<Progress, Failure>,
    ) {
        let Some(segment) = self.segment.as_mut().filter(|s| s.id == id) else { return };
        let mut out = Vec::new();
        let result = step(segment, &mut self.reader, &mut out);
        let decrypts = segment.decrypts();
        self.hand_on(Some(id), out);
        let event = match result {
            Ok(Progress::More) => return,
            Ok(Progress::Finished(facts)) => {
                self.segment = None;
                PipelineEvent::Finished(*facts)
            }
            Err(failure) => {
                self.segment = None;
                failure.event(decrypts)
            }
        };
        self.engine.handle_pipeline(self.now, Some(id), event);
    }
}

/// The transmuxer, told of a segment when its first clear byte comes and no earlier: a segment of which no byte comes
/// must not cost the one before its last frame, which the transmuxer holds back.
#[derive(Debug, Default)]
struct Reader {
    transmuxer: Transmuxer,
    /// The segment to begin with.
    next: Option<Next>,
    /// A segment was begun and has not ended.
    open: bool,
}

#[derive(Debug)]
struct Next {
    plan: SegmentStart,
    /// It goes on where the last one ended.
    continues: bool,
    /// What its samples are encrypted with.
    key: Option<SampleKey>,
}

impl Reader {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        self.begin(out);
        self.transmuxer.push(bytes, out)
    }

    fn end(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, MediaError> {
        self.begin(out);
        self.open = false;
        self.transmuxer.end_segment(out)
    }

    fn begin(&mut self, out: &mut Vec<MediaEvent>) {
        let Some(Next { plan, continues, key }) = self.next.take() else { return };
        if !continues {
            // The last frame of what went before still belongs to it, unless it is of a segment that broke off.
            if !self.open {
                self.transmuxer.flush(out);
            }
            self.transmuxer = Transmuxer::new();
        }
        self.open = true;
        self.transmuxer.sample_key(key);
        self.transmuxer.begin_segment(plan);
    }
}

/// A segment on its way through the pipeline.
#[derive(Debug)]
struct Segment {
    id: RequestId,
    cipher: Cipher,
    /// The last byte is here.
    complete: bool,
}

#[derive(Debug)]
enum Cipher {
    /// None, or one that whoever reads the segment takes off its samples.
    None,
    /// Encrypted, and the key is not here yet.
    AwaitKey { encryption: Encryption, held: Vec<Vec<u8>>, bytes: usize },
    /// Being decrypted.
    Segment(Box<Decryptor>),
    /// All decrypted.
    Done,
}

enum Progress {
    More,
    Finished(Box<SegmentFacts>),
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
    fn new(id: RequestId, encryption: Option<Encryption>) -> Self {
        let cipher = match encryption {
            None => Cipher::None,
            Some(encryption) => Cipher::AwaitKey { encryption, held: Vec::new(), bytes: 0 },
        };
        Self { id, cipher, complete: false }
    }

    /// Whether the bytes that are read were all encrypted.
    fn decrypts(&self) -> bool {
        !matches!(self.cipher, Cipher::None)
    }

    fn push(
        &mut self,
        mut bytes: Vec<u8>,
        reader: &mut Reader,
        out: &mut Vec<MediaEvent>,
    ) -> Result<Progress, Failure> {
        match &mut self.cipher {
            Cipher::None => reader.push(&bytes, out)?,
            Cipher::AwaitKey { held, bytes: total, .. } => {
                *total += bytes.len();
                if *total > MAX_HELD {
                    return Err(Failure::KeyTooLate);
                }
                held.push(bytes);
            }
            Cipher::Segment(decryptor) => decryptor.push(&mut bytes, |plain| reader.push(plain, out))?,
            Cipher::Done => {}
        }
        Ok(Progress::More)
    }

    fn key(
        &mut self,
        key: &ContentKey,
        reader: &mut Reader,
        out: &mut Vec<MediaEvent>,
    ) -> Result<Progress, Failure> {
        let Cipher::AwaitKey { encryption: Encryption { scheme, iv }, held, .. } = &mut self.cipher else {
            return Ok(Progress::More);
        };
        let held = core::mem::take(held);
        self.cipher = match scheme {
            Scheme::Segment(method) => Cipher::Segment(Box::new(Decryptor::new(*method, key, iv)?)),
            Scheme::Samples => {
                let key = SampleKey::new(key.clone(), *iv)?;
                if let Some(next) = &mut reader.next {
                    next.key = Some(key);
                }
                Cipher::None
            }
        };
        for bytes in held {
            self.push(bytes, reader, out)?;
        }
        if self.complete { self.end(reader, out) } else { Ok(Progress::More) }
    }

    fn end(&mut self, reader: &mut Reader, out: &mut Vec<MediaEvent>) -> Result<Progress, Failure> {
        self.complete = true;
        match core::mem::replace(&mut self.cipher, Cipher::Done) {
            waiting @ Cipher::AwaitKey { .. } => {
                self.cipher = waiting;
                return Ok(Progress::More);
            }
            Cipher::Segment(decryptor) => {
                let padding = decryptor.finish(|plain| Ok::<(), Failure>(reader.push(plain, out)?));
                if matches!(padding, Err(Failure::Crypto(CryptoError::BadPadding))) {
                    // Bad padding after good media is a damaged end; after noise, what the noise was says more.
                    reader.end(out)?;
                }
                padding?;
            }
            Cipher::None => self.cipher = Cipher::None,
            Cipher::Done => {}
        }
        Ok(Progress::Finished(Box::new(reader.end(out)?)))
    }
}

/// Ciphertext that may wait for its key: a whole segment of any rung, with room to spare.
pub const MAX_HELD: usize = 64 * 1024 * 1024;
