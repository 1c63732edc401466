//! The transmuxer: finds out by its first bytes which container a segment is in, and has it read.

use super::event::{MediaEvent, SegmentFacts, SegmentStart};
use super::fmp4::Fmp4Reader;
use super::packed::PackedReader;
use super::reader::Reader;
use super::sniff::{self, SAMPLE};
use super::text::WebVttReader;
use super::ts::TsReader;
use super::{Found, MediaError, SampleKey};

/// Turns consecutive segments of one rung into init sections and fragments.
///
/// ```text
/// init_section? (sample_key? begin_segment push* end_segment abandon?)* flush
/// ```
///
/// - A segment that is left without `end_segment` (it could not be loaded to its end) is forgotten by the next
///   `begin_segment`, which then waits for a key frame: the same segment can be fed again from its start.
/// - After an error no bytes are taken until the next `begin_segment`.
/// - After a switch of rung, or a seek, make a new transmuxer; `flush` the old one if what it holds is wanted.
#[derive(Debug, Default)]
pub struct Transmuxer {
    /// Reads the container that the last segment was in.
    current: Option<(Container, Box<dyn Reader>)>,
    state: State,
    key: Option<SampleKey>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    /// The segment's first bytes do not tell yet what it is in.
    Unknown(SegmentStart, Vec<u8>),
    /// The current reader has a segment open.
    Open,
}

/// What a segment is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Ts,
    Fmp4,
    PackedAudio,
    WebVtt,
}

impl Container {
    /// By the first bytes. What is nothing at all is for the reader of MPEG-TS to look through: it finds packets behind
    /// garbage, and says what is wrong where there are none.
    fn of(start: &[u8]) -> Self {
        match sniff::sniff(start) {
            Some(Found::Mp4) => Self::Fmp4,
            Some(Found::PackedAudio) => Self::PackedAudio,
            Some(Found::WebVtt) => Self::WebVtt,
            Some(_) | None => Self::Ts,
        }
    }

    fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Ts => Box::new(TsReader::default()),
            Self::Fmp4 => Box::new(Fmp4Reader::default()),
            Self::PackedAudio => Box::new(PackedReader::default()),
            Self::WebVtt => Box::new(WebVttReader::default()),
        }
    }
}

impl Transmuxer {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the last segment was in: `mpeg_ts`, `fmp4`, `packed_audio`, `webvtt`. `None` before the first.
    pub fn container(&self) -> Option<&'static str> {
        self.current.as_ref().map(|(container, _)| match container {
            Container::Ts => "mpeg_ts",
            Container::Fmp4 => "fmp4",
            Container::PackedAudio => "packed_audio",
            Container::WebVtt => "webvtt",
        })
    }

    /// The init section that applies from the next segment on (`EXT-X-MAP`), whole and in the clear.
    pub fn init_section(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let container = Container::of(bytes);
        match &mut self.current {
            Some((current, reader)) if *current == container => reader.init_section(bytes, out),
            _ => self.enter(container, out).init_section(bytes, out),
        }
    }

    /// The key that samples are encrypted with from the next segment on; `None`: they are in the clear.
    pub fn sample_key(&mut self, key: Option<SampleKey>) {
        self.key.clone_from(&key);
        if let Some((_, reader)) = &mut self.current {
            reader.sample_key(key);
        }
    }

    /// The next bytes are the first of a segment. If it does not continue the one before, the end of that one comes out
    /// with the first of them.
    pub fn begin_segment(&mut self, start: SegmentStart) {
        self.abandon_open();
        self.state = State::Unknown(start, Vec::new());
    }

    /// Takes the next bytes of the segment.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        match &mut self.state {
            State::Closed => return Err(MediaError::NoSegment),
            State::Unknown(_, held) if held.len().saturating_add(bytes.len()) < SAMPLE => {
                held.extend_from_slice(bytes);
                return Ok(());
            }
            State::Unknown(_, held) => {
                // As many as are looked at, however they arrive.
                let wanted = SAMPLE.saturating_sub(held.len());
                let more = bytes.get(..wanted.min(bytes.len())).unwrap_or_default();
                self.open(more, out)?;
            }
            State::Open => {}
        }
        let result = self.reader().push(bytes, out);
        self.close_on_error(result)
    }

    /// The segment is complete. Puts out all frames that are, and says what was in it.
    pub fn end_segment(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, MediaError> {
        match &self.state {
            State::Closed => return Err(MediaError::NoSegment),
            State::Unknown(..) => self.open(&[], out)?,
            State::Open => {}
        }
        let result = self.reader().end_segment(out);
        let facts = self.close_on_error(result)?;
        self.state = State::Closed;
        Ok(facts)
    }

    /// The segment that ended last is not to be used after all. What is held back of it is forgotten, and the next one
    /// waits for a key frame.
    pub fn abandon(&mut self) {
        self.state = State::Closed;
        if let Some((_, reader)) = &mut self.current {
            reader.abandon();
        }
    }

    /// No segment follows: puts out the frame that was held back for want of its duration.
    pub fn flush(&mut self, out: &mut Vec<MediaEvent>) {
        if let Some((_, reader)) = &mut self.current {
            reader.flush(out);
        }
    }

    /// The first bytes are here, those held and `more`: has a reader begin with those held.
    fn open(&mut self, more: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let State::Unknown(start, held) = core::mem::replace(&mut self.state, State::Open) else {
            return Ok(());
        };
        let mut sample = held.clone();
        sample.extend_from_slice(more);
        // However the bytes came, as many of them decide.
        sample.truncate(SAMPLE);
        let reader = self.enter(self.container_after(&sample), out);
        reader.begin_segment(&start, out);
        let result = if held.is_empty() { Ok(()) } else { reader.push(&held, out) };
        self.close_on_error(result)
    }

    /// What the next segment is in. One that starts like nothing stays with the reader before it: noise, from the wrong IV
    /// most likely, must not cost the init section; and packed audio may be cut anywhere.
    fn container_after(&self, start: &[u8]) -> Container {
        match self.current {
            // A WebVTT segment whose header came apart starts with any text, or is empty.
            Some((Container::WebVtt, _)) if sniff::sniff(start) == Some(Found::Text) => Container::WebVtt,
            Some((current @ (Container::Fmp4 | Container::PackedAudio), _))
                if !start.starts_with(&[TS_SYNC]) && sniff::sniff(start).is_none() =>
            {
                current
            }
            _ => Container::of(start),
        }
    }

    /// The reader of a container: the current one, or a new one in its place.
    fn enter(&mut self, container: Container, out: &mut Vec<MediaEvent>) -> &mut dyn Reader {
        if self.current.as_ref().is_none_or(|(current, _)| *current != container) {
            self.flush(out);
            let mut reader = container.reader();
            reader.sample_key(self.key.clone());
            self.current = Some((container, reader));
        }
        self.reader()
    }

    fn reader(&mut self) -> &mut dyn Reader {
        self.current.get_or_insert_with(|| (Container::Ts, Container::Ts.reader())).1.as_mut()
    }

    fn abandon_open(&mut self) {
        if let (State::Open, Some((_, reader))) = (core::mem::take(&mut self.state), &mut self.current) {
            reader.abandon();
        }
    }

    fn close_on_error<T>(&mut self, result: Result<T, MediaError>) -> Result<T, MediaError> {
        if result.is_err() {
            self.abandon_open();
        }
        result
    }
}

/// What MPEG-TS starts with. As the start of a box it would make one of more than a gigabyte.
const TS_SYNC: u8 = 0x47;
