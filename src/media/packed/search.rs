//! Finds where the frames of a segment start, and says no where noise looks like a frame by chance.

use crate::media::Found;
use crate::media::codec::frame::{self, AudioKind, FrameHeader, MAX_HEADER, Parsed, Syntax};
use crate::media::id3;
use crate::media::sniff::{self, SAMPLE};

/// The bytes at the start of a segment, or behind its first tags, until frames were found in them.
#[derive(Debug, Default)]
pub(super) struct Search {
    held: Vec<u8>,
    /// No frame starts before this place.
    from: usize,
}

/// What the bytes so far say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// More bytes have to come.
    Open,
    /// A tag starts at this place.
    Tag(usize),
    /// Frames of this kind start there.
    Frames(usize, AudioKind),
    /// There are none.
    Nothing(Option<Found>),
}

enum Candidate {
    No,
    Open,
    Yes(AudioKind),
}

impl Search {
    /// Takes bytes, no more than can decide; returns the rest.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = MAX_HELD.saturating_sub(self.held.len());
        let (taken, rest) = bytes.split_at(room.min(bytes.len()));
        self.held.extend_from_slice(taken);
        rest
    }

    /// Hands over what was held.
    pub(super) fn into_held(self) -> Vec<u8> {
        self.held
    }

    /// Bytes at which no frame starts.
    pub(super) fn searched(&self) -> u64 {
        self.from as u64
    }

    /// Where frames start, by content alone: the first place at which several frames follow each other. `at_end`: no more
    /// bytes come.
    pub(super) fn verdict(&mut self, at_end: bool) -> Verdict {
        let held = self.held.as_slice();
        if self.from == 0 {
            // Other containers, in which frames of audio may well follow each other.
            match sniff::sniff(held.get(..SAMPLE).unwrap_or(held)) {
                Some(Found::Mp4) => return Verdict::Nothing(Some(Found::Mp4)),
                _ if is_transport_stream(held) => return Verdict::Nothing(None),
                _ => {}
            }
            // Neither can be told yet.
            let wanted = if held.first() == Some(&0x47) { 2 * PACKET + 1 } else { 8 };
            if held.len() < wanted && !at_end {
                return Verdict::Open;
            }
        }
        while let Some(rest) = held.get(self.from..).filter(|rest| !rest.is_empty()) {
            if self.from > MAX_GARBAGE {
                break;
            }
            if rest.first() == Some(&b'I') {
                if rest.len() < id3::HEADER
                    && b"ID3".starts_with(rest.get(..rest.len().min(3)).unwrap_or_default())
                    && !at_end
                {
                    return Verdict::Open;
                }
                if id3::length(rest).is_some() {
                    return Verdict::Tag(self.from);
                }
            }
            match candidate(rest, self.from == 0, at_end) {
                Candidate::Yes(kind) => return Verdict::Frames(self.from, kind),
                Candidate::Open => return Verdict::Open,
                Candidate::No => self.from = self.from.saturating_add(1),
            }
        }
        if !at_end && self.from <= MAX_GARBAGE {
            return Verdict::Open;
        }
        let document = sniff::sniff(held.get(..SAMPLE).unwrap_or(held));
        Verdict::Nothing(document.filter(|found| *found != Found::PackedAudio))
    }
}

/// Whether frames start with `bytes`. At a segment's start fewer are enough, if the segment ends with them.
fn candidate(bytes: &[u8], first: bool, at_end: bool) -> Candidate {
    let mut at = 0_usize;
    let mut before: Option<FrameHeader> = None;
    for count in 0..CONSECUTIVE {
        let rest = bytes.get(at..).unwrap_or_default();
        let header = match read(rest) {
            Parsed::Frame(header) => header,
            // The last frame's end is the segment's.
            _ if at_end
                && first
                && count > 0
                && (at == bytes.len() || count > 1 && rest.len() < MAX_HEADER) =>
            {
                break;
            }
            Parsed::Need(_) if at_end => return Candidate::No,
            Parsed::Need(_) => return Candidate::Open,
            // Or a tag comes behind it.
            Parsed::No if count > 0 && id3::length(rest).is_some() => break,
            Parsed::No if count > 0 && !at_end && rest.len() < id3::HEADER && id3::may_start(rest) => {
                return Candidate::Open;
            }
            Parsed::No => return Candidate::No,
        };
        if before.is_some_and(|before| before.syntax != header.syntax) {
            return Candidate::No;
        }
        // Frames of one substream are alike; with others in between it is the first that has to be.
        if before.is_some_and(|before| before.role == header.role && !before.same_stream(&header)) {
            return Candidate::No;
        }
        at = at.saturating_add(header.len());
        before = Some(header);
    }
    before.map_or(Candidate::No, |header| Candidate::Yes(kind(header.syntax)))
}

fn read(bytes: &[u8]) -> Parsed {
    frame::parse(None, bytes)
}

fn kind(syntax: Syntax) -> AudioKind {
    match syntax {
        Syntax::Adts | Syntax::Loas => AudioKind::Aac,
        Syntax::Mpeg => AudioKind::Mpeg,
        Syntax::Ac3 => AudioKind::Ac3,
    }
}

fn is_transport_stream(bytes: &[u8]) -> bool {
    [0, PACKET, 2 * PACKET].iter().all(|&at| bytes.get(at) == Some(&0x47))
}

/// Frames that have to follow each other.
const CONSECUTIVE: usize = 3;
/// Bytes at which no frame starts, before the first one.
pub(super) const MAX_GARBAGE: usize = 1 << 16;
/// Enough to decide on the last of those: frames have 13 bits of length at most.
const MAX_HELD: usize = MAX_GARBAGE + (CONSECUTIVE + 1) * (1 << 13);
/// Bytes of a packet of a transport stream.
const PACKET: usize = 188;
