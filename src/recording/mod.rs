//! Sessions from the field, played again: every input with its time, and a digest of what each led to.
//!
//! A host that is asked to hands each input and output of a [`Session`] to a [`Recorder`] and keeps the bytes that it
//! gives. [`replay`] hands the same inputs to a new session and compares what comes out, bit for bit: a bug that was seen
//! once, on somebody else's machine, is seen again here as often as it takes.
//!
//! **A recording holds everything that the session had**: content keys, tokens, signed addresses, and the media. Whoever
//! has it can watch the video. It is never made unless the host asks for it, and is to be kept like the keys that are in
//! it, or better made with a test account in the first place. There is no form of it without secrets: a session decrypts,
//! so with another key in the recording the media that come out are others, and with the right one nothing is gained by
//! hiding the rest.
//!
//! ```text
//! recording = magic now config (length record)*    numbers are LEB128, signed ones zigzag
//! record    = 0 time input                         since the input before
//!           | 1 count digest                       outputs since the input before: FNV-1a, 64 bits
//! ```
//!
//! A recording that breaks off, because the page was closed, plays to where it does.

#![forbid(unsafe_code)]

mod digest;
mod inputs;
mod value;

use core::time::Duration;

use crate::engine::{Config, Input, Output, SinkCommand, SinkEvent};
use crate::media::{FragmentBuf, TrackKind};
use crate::session::Session;
use crate::time::Timestamp;

use digest::Digest;
use inputs::Recorded;
use value::Value;

/// Turns what a host and a session say to each other into bytes. Touches nothing else: where they go is the host's
/// business.
#[derive(Debug)]
pub struct Recorder {
    last: Timestamp,
    outputs: Outputs,
}

/// What came out since the last input.
#[derive(Debug, Default)]
struct Outputs {
    count: u64,
    digest: Digest,
}

impl Outputs {
    fn add(&mut self, output: &Output) {
        self.count += 1;
        self.digest.output(output);
    }
}

impl Recorder {
    /// Begins with what [`Session::new`] is given, which goes to `out` as everything that follows does.
    pub fn new(config: &Config, now: Timestamp, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(MAGIC);
        now.put(out);
        config.put(out);
        Self { last: now, outputs: Outputs::default() }
    }

    /// Before [`Session::handle`], which takes the input.
    pub fn input(&mut self, now: Timestamp, input: &Input, out: &mut Vec<u8>) {
        self.finish(out);
        let mut record = Vec::new();
        INPUT.put(&mut record);
        now.since(self.last).put(&mut record);
        inputs::put(input, &mut record);
        record.put(out);
        self.last = now;
    }

    /// For each that [`Session::poll`] gives.
    pub fn output(&mut self, output: &Output) {
        self.outputs.add(output);
    }

    /// After the last input was drained; before, it does no harm.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let Outputs { count, digest } = core::mem::take(&mut self.outputs);
        if count > 0 {
            let mut record = Vec::new();
            OUTPUTS.put(&mut record);
            (count, digest.value()).put(&mut record);
            record.put(out);
        }
    }
}

/// What a recording came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many were handed in.
    pub inputs: u64,
    /// How many came out.
    pub outputs: u64,
    /// The recording breaks off in the middle of a record.
    pub breaks_off: bool,
}

/// Why a recording cannot be played, or not on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It does not begin as one.
    #[error("this is no recording of this version's format")]
    Format,
    /// It holds something that no recorder writes.
    #[error("the recording is damaged behind input {0}")]
    Damaged(u64),
    /// What comes out is not what came out then. This is expected of a version that decides differently.
    #[error("input {input}, at {at:?}, leads to {outputs} outputs that are not the {recorded} recorded")]
    Differs {
        /// Which, from 1.
        input: u64,
        /// When it was given.
        at: Timestamp,
        /// What came out.
        outputs: u64,
        /// What came out then.
        recorded: u64,
    },
}

/// What happens while a recording plays.
#[derive(Debug)]
pub enum Happens<'a> {
    /// This is handed in next.
    Input(&'a Input),
    /// This came out.
    Output(&'a Output),
}

/// Plays a recording; `see` is shown everything as it happens.
///
/// # Errors
/// [`ReplayError`], with everything up to there shown.
pub fn replay(
    recording: &[u8],
    mut see: impl FnMut(Timestamp, Happens<'_>),
) -> Result<Replayed, ReplayError> {
    let mut rest = recording.strip_prefix(MAGIC).ok_or(ReplayError::Format)?;
    let mut now = Timestamp::take(&mut rest).ok_or(ReplayError::Format)?;
    let config = Config::take(&mut rest).ok_or(ReplayError::Format)?;
    let mut session = Session::new(config, now);
    let mut appended = Appended::default();
    let (mut all, mut outputs) = (Replayed::default(), Outputs::default());
    while !rest.is_empty() {
        let Some(mut record) = value::take_bytes(&mut rest) else {
            all.breaks_off = true;
            break;
        };
        let damaged = ReplayError::Damaged(all.inputs);
        match u64::take(&mut record).ok_or(damaged)? {
            OUTPUTS => {
                let recorded: (u64, u64) = Value::take(&mut record).ok_or(damaged)?;
                if (outputs.count, outputs.digest.value()) != recorded {
                    let (input, outputs) = (all.inputs, outputs.count);
                    return Err(ReplayError::Differs { input, at: now, outputs, recorded: recorded.0 });
                }
            }
            INPUT => {
                let (passed, input): (Duration, Recorded) = Value::take(&mut record).ok_or(damaged)?;
                now = now + passed;
                let input = appended.resolve(input).ok_or(damaged)?;
                all.inputs += 1;
                see(now, Happens::Input(&input));
                session.handle(now, input);
                outputs = Outputs::default();
                while let Some(output) = session.poll() {
                    all.outputs += 1;
                    outputs.add(&output);
                    see(now, Happens::Output(&output));
                    appended.keep(output);
                }
            }
            _ => return Err(damaged),
        }
    }
    Ok(all)
}

/// What was appended last, by track: a sink that has no room gives it back, and it is not recorded again.
#[derive(Default)]
struct Appended([Option<FragmentBuf>; 2]);

impl Appended {
    fn of(&mut self, track: TrackKind) -> &mut Option<FragmentBuf> {
        let [video, audio] = &mut self.0;
        match track {
            TrackKind::Video => video,
            TrackKind::Audio => audio,
        }
    }

    fn keep(&mut self, output: Output) {
        if let Output::Sink(SinkCommand::Append(track, data, _)) = output {
            *self.of(track) = Some(data);
        }
    }

    fn resolve(&mut self, input: Recorded) -> Option<Input> {
        match input {
            Recorded::Input(input) => Some(input),
            Recorded::Full(track) => {
                let data = self.of(track).take()?;
                Some(Input::Sink(SinkEvent::Full { track, data }))
            }
        }
    }
}

const MAGIC: &[u8] = b"cloud-player recording 2\n";
const INPUT: u64 = 0;
const OUTPUTS: u64 = 1;

#[cfg(test)]
mod tests;
