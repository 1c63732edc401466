//! Frames of audio: what the headers of all codecs say alike, and how the payload of a frame becomes access units.
//!
//! The four syntaxes start with sync words that exclude each other, so that content decides which one is read:
//! [`aac`](super::aac) (ADTS), [`latm`](super::latm) (LOAS), [`mpeg_audio`](super::mpeg_audio) and
//! [`ac3`](super::ac3) (AC-3 and Enhanced AC-3).

use super::{aac, ac3, latm, mpeg_audio};

/// What an audio stream is said to be: within it, content decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AudioKind {
    /// AAC, in ADTS or in LOAS: streams announced as one are now and then the other.
    Aac,
    /// MPEG-1 and MPEG-2 audio of any layer.
    Mpeg,
    /// AC-3 and Enhanced AC-3.
    Ac3,
}

/// What a frame is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Adts,
    Loas,
    Mpeg,
    Ac3,
}

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) syntax: Syntax,
    /// What all frames of a stream of one configuration have in common.
    pub(crate) signature: u32,
    /// The frame's first bytes that do not belong to an access unit.
    pub(crate) skip: usize,
    /// The bytes behind them.
    pub(crate) payload: usize,
    /// Samples a channel; 0 where only the payload says it.
    pub(crate) samples: u32,
    /// Samples a second; 0 where only the payload says it.
    pub(crate) sample_rate: u32,
    /// ADTS: raw data blocks that are each followed by a CRC of their own; 0 for none.
    pub(crate) guarded_blocks: u8,
    pub(crate) role: Role,
    /// Enhanced AC-3: dependent substreams, and where their channels are (`chan_loc`).
    pub(crate) dependents: u8,
    pub(crate) locations: u16,
}

/// How frames make access units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A frame is one, or several.
    Whole,
    /// Starts one, or goes on with one that is shorter than six blocks.
    Start,
    /// More channels of the frame before it.
    Dependent,
    /// Of another program in the same stream: not used.
    Other,
}

/// What the first bytes of a frame turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// No frame.
    No,
    /// Read it again with so many bytes.
    Need(usize),
    Frame(FrameHeader),
}

/// What a decoder is set up with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudioConfig {
    /// RFC 6381.
    pub(crate) codec: String,
    /// The sample entry's four-character code.
    pub(crate) format: [u8; 4],
    /// The box in it, whole.
    pub(crate) config: Vec<u8>,
    pub(crate) channels: u16,
    /// Samples a second as frames count them: the track's timescale.
    pub(crate) sample_rate: u32,
    /// Samples a second of the sound: twice as many where spectral band replication is announced.
    pub(crate) output_rate: u32,
}

impl FrameHeader {
    /// The header of a frame that is one access unit, as it stands.
    pub(crate) fn whole(
        syntax: Syntax,
        signature: u32,
        payload: usize,
        samples: u32,
        sample_rate: u32,
    ) -> Self {
        Self {
            syntax,
            signature,
            skip: 0,
            payload,
            samples,
            sample_rate,
            guarded_blocks: 0,
            role: Role::Whole,
            dependents: 0,
            locations: 0,
        }
    }

    /// Whether both can be frames of one stream that does not change.
    pub(crate) fn same_stream(&self, other: &Self) -> bool {
        self.syntax == other.syntax && self.signature == other.signature
    }

    /// Whether a decoder that is set up for the one decodes the other.
    pub(crate) fn same_format(&self, other: &Self) -> bool {
        let channels = |h: &Self| (h.dependents, h.locations);
        self.same_stream(other) && channels(self) == channels(other)
    }

    /// Bytes of the whole frame.
    pub(crate) fn len(&self) -> usize {
        self.skip.saturating_add(self.payload)
    }
}

/// Reads the start of a frame of `kind`; of any but LOAS if that is not known.
pub(crate) fn parse(kind: Option<AudioKind>, bytes: &[u8]) -> Parsed {
    let is = |wanted: AudioKind| kind.is_none_or(|kind| kind == wanted);
    match *bytes {
        [0xff, b, _, _, ..] if b & 0xf6 == 0xf0 && is(AudioKind::Aac) => aac::parse(bytes),
        [0xff, b, _, _, ..] if b & 0xe0 == 0xe0 && is(AudioKind::Mpeg) => mpeg_audio::parse(bytes),
        [0x0b, 0x77, _, _, ..] if is(AudioKind::Ac3) => ac3::parse(bytes),
        [0x56, b, _, _, ..] if b & 0xe0 == 0xe0 && kind == Some(AudioKind::Aac) => latm::parse(bytes),
        [_, _, _, _, ..] => Parsed::No,
        _ => Parsed::Need(MIN_HEADER),
    }
}

/// Whether a frame can start with this byte.
pub(crate) fn may_start(byte: u8) -> bool {
    matches!(byte, 0xff | 0x56 | 0x0b)
}

/// Makes access units of frames, and says how they are decoded. Knows what LATM says once for many frames.
#[derive(Debug, Default)]
pub(crate) struct Unpacker {
    latm: latm::Multiplex,
}

impl Unpacker {
    /// Rewrites a frame's payload so that its access units lie one behind the other at its start, and puts their
    /// lengths into `units`. Returns the samples of each; `None` if the payload cannot be read.
    pub(crate) fn unpack(
        &mut self,
        header: &FrameHeader,
        payload: &mut [u8],
        units: &mut Vec<usize>,
    ) -> Option<u32> {
        units.clear();
        match header.syntax {
            Syntax::Adts if header.guarded_blocks > 0 => {
                aac::unpack(usize::from(header.guarded_blocks), payload, units)
            }
            Syntax::Loas => self.latm.unpack(payload, units),
            Syntax::Adts | Syntax::Mpeg | Syntax::Ac3 => {
                units.push(payload.len());
                Some(header.samples)
            }
        }
    }

    /// Whether what [`unpack`](Self::unpack) read last has to be described, though its header is the same as before.
    pub(crate) fn take_change(&mut self) -> bool {
        self.latm.take_change()
    }

    /// How the access unit at the start of `payload` is decoded.
    pub(crate) fn describe(&self, header: &FrameHeader, payload: &[u8]) -> Option<AudioConfig> {
        match header.syntax {
            Syntax::Adts => aac::describe(header, payload),
            Syntax::Loas => self.latm.describe(),
            Syntax::Mpeg => mpeg_audio::describe(payload),
            Syntax::Ac3 => ac3::describe(header, payload),
        }
    }
}

/// The least bytes that tell the syntaxes apart.
const MIN_HEADER: usize = 4;
/// The most bytes that a header has.
pub(crate) const MAX_HEADER: usize = 12;
