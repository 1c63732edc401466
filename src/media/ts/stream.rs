//! One elementary stream: packets to PES payload, with the PES headers read and what is missing noticed.

use super::continuity::{Continuity, Step};
use super::packet::Packet;
use super::pes::{self, Parsed, PesHeader};
use crate::media::{Losses, MediaError};

/// A stream that plays.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) pid: u16,
    /// Whether its samples are encrypted, by its type; the key is the tracks' concern.
    pub(crate) encrypted: bool,
    continuity: Continuity,
    /// Bytes may be missing before the next ones, and that was not told yet.
    lost: bool,
    pes: Pes,
    /// Bytes that the PES packet at hand still has to have; 0 if it does not say so.
    missing: usize,
    says_length: bool,
    /// The PES packet at hand does not say its length, and its last packet is full of it: as a rule, more follows.
    full: bool,
    /// The next packet is the segment's first.
    begins: bool,
}

/// A piece of one elementary stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// Bytes before this piece are missing.
    pub(crate) lost: bool,
    /// A PES packet starts with this piece.
    pub(crate) start: Option<PesHeader>,
    /// The elementary stream's bytes.
    pub(crate) payload: &'a [u8],
}

#[derive(Debug)]
enum Pes {
    /// No PES packet has started.
    None,
    /// Bytes belong to no PES packet that could be read.
    Skip,
    /// The header's bytes so far.
    Header(Vec<u8>),
    Payload,
}

impl Stream {
    pub(crate) fn new(pid: u16) -> Self {
        Self {
            pid,
            encrypted: false,
            continuity: Continuity::default(),
            lost: true,
            pes: Pes::None,
            missing: 0,
            says_length: false,
            full: false,
            begins: false,
        }
    }

    /// The continuity counter may start anew.
    pub(crate) fn begin_segment(&mut self) {
        self.begins = true;
    }

    /// What the segment had so far is forgotten.
    pub(crate) fn abandon(&mut self) {
        (self.missing, self.full) = (0, false);
    }

    /// Counts a PES packet that the segment's end cuts off.
    pub(crate) fn end_segment(&mut self, losses: &mut Losses) {
        self.end_pes(losses);
    }

    /// Takes the next packet, which is at `position` of its segment.
    pub(crate) fn push<'a>(
        &mut self,
        packet: &Packet<'a>,
        position: u64,
        losses: &mut Losses,
    ) -> Result<Option<Piece<'a>>, MediaError> {
        if packet.scrambled {
            return Err(MediaError::Scrambled { position });
        }
        if !packet.has_payload {
            return Ok(None);
        }
        if core::mem::take(&mut self.begins) {
            // Where the segment before was cut short, the count does not go on, and its last PES packet does not either.
            if packet.unit_start && self.full && !self.continuity.is_next(packet) {
                losses.truncated_pes = losses.truncated_pes.saturating_add(1);
            }
            self.continuity.reset();
        }
        let step = self.continuity.step(packet);
        match step {
            Step::Next => {}
            Step::Repeat => return Ok(None),
            Step::Gap | Step::Stuck => {
                losses.continuity_errors = losses.continuity_errors.saturating_add(1);
                self.lost |= step == Step::Gap;
            }
        }
        let damaged = |losses: &mut Losses| losses.damaged_pes = losses.damaged_pes.saturating_add(1);
        if packet.unit_start {
            self.end_pes(losses);
            if let Pes::Header(_) = core::mem::replace(&mut self.pes, Pes::Header(Vec::new())) {
                damaged(losses);
            }
        } else if step == Step::Gap && matches!(self.pes, Pes::Header(_)) {
            self.pes = Pes::None;
        }
        let (start, payload) = match &mut self.pes {
            Pes::Skip => return Ok(None),
            // Its start was lost, or lies before where the stream was entered.
            Pes::None => {
                damaged(losses);
                self.pes = Pes::Skip;
                return Ok(None);
            }
            Pes::Payload => (None, packet.payload),
            Pes::Header(begun) => {
                let before = begun.len();
                let parsed = if before == 0 {
                    pes::parse(packet.payload)
                } else {
                    begun.extend_from_slice(packet.payload);
                    pes::parse(begun)
                };
                match parsed {
                    Parsed::Incomplete => {
                        if before == 0 {
                            begun.extend_from_slice(packet.payload);
                        }
                        return Ok(None);
                    }
                    Parsed::Other => {
                        self.pes = Pes::Skip;
                        damaged(losses);
                        return Ok(None);
                    }
                    Parsed::Header(header, payload) => {
                        let from = packet.payload.len().saturating_sub(payload.len());
                        self.pes = Pes::Payload;
                        self.missing = header.length.unwrap_or(0);
                        self.says_length = header.length.is_some();
                        (Some(header), packet.payload.get(from..).unwrap_or_default())
                    }
                }
            }
        };
        if start.is_some_and(|header| header.scrambled) {
            return Err(MediaError::Scrambled { position });
        }
        self.missing = self.missing.saturating_sub(payload.len());
        self.full = !self.says_length && packet.payload.len() == FULL;
        Ok(Some(Piece { lost: core::mem::take(&mut self.lost), start, payload }))
    }

    fn end_pes(&mut self, losses: &mut Losses) {
        if core::mem::take(&mut self.missing) > 0 {
            losses.truncated_pes = losses.truncated_pes.saturating_add(1);
        }
    }
}

/// Bytes in a packet without an adaptation field.
const FULL: usize = 184;
