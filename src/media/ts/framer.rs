//! Finds the packets in a segment's bytes, and finds them again after garbage.
//!
//! Packets are 188 bytes (ISO/IEC 13818-1), or 192 and 204 with a time stamp or a checksum around them. Sync
//! is taken where [`CONFIRM`] packets follow each other; fewer will do at the end of a segment.
//!
//! Invariant: which bytes are packets depends on the bytes alone, not on how they were cut into chunks.

use super::packet::{PACKET, SYNC};
use crate::media::{Found, MediaError, sniff};

/// Cuts one segment at a time into packets.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    /// Distance between packets, while in sync.
    stride: Option<usize>,
    /// The stride at which this segment was last in sync.
    last_stride: Option<usize>,
    /// Bytes that are not a packet yet, or not known to be one. Never more than [`WINDOW`].
    carry: Vec<u8>,
    /// The first bytes of the segment, if they are not packets.
    start: Vec<u8>,
    /// Where `carry` starts, or the next byte if it is empty.
    position: u64,
    /// Where sync was lost.
    lost_at: u64,
    /// Bytes that were no packet.
    garbage: u64,
    /// Where sync was had first.
    first_packet: Option<u64>,
}

impl Framer {
    /// The next byte is the first of a segment.
    pub(crate) fn begin(&mut self) {
        let mut carry = core::mem::take(&mut self.carry);
        carry.clear();
        *self = Self { carry, ..Self::default() };
    }

    /// How far the segment was read.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Where the segment's first packet was.
    pub(crate) fn first_packet(&self) -> u64 {
        self.first_packet.unwrap_or(0)
    }

    /// Bytes of the segment that were no packet.
    pub(crate) fn garbage(&self) -> u64 {
        self.garbage
    }

    /// Takes the next bytes of the segment and hands each packet to `sink`, with its position.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl FnMut(u64, &[u8]) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        while !bytes.is_empty() {
            let want = match self.stride {
                Some(stride) if self.carry.is_empty() => {
                    let used = self.take_packets(stride, bytes, sink)?;
                    bytes = bytes.get(used..).unwrap_or_default();
                    if self.stride.is_some() {
                        self.carry.extend_from_slice(bytes);
                        return Ok(());
                    }
                    continue;
                }
                Some(stride) => stride,
                None => WINDOW,
            };
            let (head, rest) = bytes.split_at(want.saturating_sub(self.carry.len()).min(bytes.len()));
            self.carry.extend_from_slice(head);
            bytes = rest;
            if self.stride.is_none() {
                self.search(false)?;
            }
            self.take_carried(sink)?;
        }
        Ok(())
    }

    /// The segment is complete: what is left are packets if it looks like them.
    pub(crate) fn end(
        &mut self,
        sink: &mut impl FnMut(u64, &[u8]) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        if self.position == 0 && self.carry.is_empty() {
            return Err(MediaError::Empty);
        }
        loop {
            if self.stride.is_none() {
                self.search(true)?;
            }
            self.take_carried(sink)?;
            if self.stride.is_some() || self.carry.is_empty() {
                break;
            }
        }
        // A packet in a wider stride is whole without what follows it.
        if self.carry.len() >= PACKET
            && self.carry.first() == Some(&SYNC)
            && let Some(packet) = self.carry.get(..PACKET)
        {
            sink(self.position, packet)?;
        } else {
            self.garbage = self.garbage.saturating_add(self.carry.len() as u64);
        }
        self.position = self.position.saturating_add(self.carry.len() as u64);
        self.carry.clear();
        if self.last_stride.is_none() {
            return Err(self.no_sync(self.position));
        }
        Ok(())
    }

    /// The packets at the front of `carry`.
    fn take_carried(
        &mut self,
        sink: &mut impl FnMut(u64, &[u8]) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let Some(stride) = self.stride else { return Ok(()) };
        let mut carry = core::mem::take(&mut self.carry);
        let used = self.take_packets(stride, &carry, sink)?;
        carry.drain(..used.min(carry.len()));
        self.carry = carry;
        Ok(())
    }

    /// Whole packets at the front of `bytes`, until there is no more or sync is lost. Returns how many bytes.
    fn take_packets(
        &mut self,
        stride: usize,
        bytes: &[u8],
        sink: &mut impl FnMut(u64, &[u8]) -> Result<(), MediaError>,
    ) -> Result<usize, MediaError> {
        let mut used = 0_usize;
        for cell in bytes.chunks_exact(stride) {
            match cell.get(..PACKET) {
                Some(packet) if packet.first() == Some(&SYNC) => sink(self.position, packet)?,
                _ => {
                    self.stride = None;
                    self.lost_at = self.position;
                    break;
                }
            }
            used = used.saturating_add(stride);
            self.position = self.position.saturating_add(stride as u64);
        }
        Ok(used)
    }

    /// Looks for sync in `carry` and drops what lies before it. Without sync, drops what cannot become it.
    fn search(&mut self, at_end: bool) -> Result<(), MediaError> {
        let decidable = if at_end { self.carry.len() } else { self.carry.len().saturating_sub(CONFIRM_SPAN) };
        if decidable == 0 {
            return Ok(());
        }
        let searched = self.position.saturating_sub(self.lost_at);
        let limit = usize::try_from(MAX_GARBAGE.saturating_sub(searched)).unwrap_or(usize::MAX);
        let found = (0..decidable.min(limit)).find_map(|at| Some((at, self.stride_at(at, at_end)?)));
        if self.position == 0 {
            self.start.extend(self.carry.iter().take(sniff::SAMPLE));
        }
        let dropped = found.map_or(decidable, |(at, _)| at);
        self.carry.drain(..dropped);
        self.position = self.position.saturating_add(dropped as u64);
        self.garbage = self.garbage.saturating_add(dropped as u64);
        if let Some((_, stride)) = found {
            // The time stamp before a packet is its own.
            let skipped = self.position.saturating_sub(self.lost_at);
            let own = if stride == TIME_STAMPED { skipped.min((TIME_STAMPED - PACKET) as u64) } else { 0 };
            self.garbage = self.garbage.saturating_sub(own);
            self.stride = Some(stride);
            self.last_stride = Some(stride);
            self.first_packet.get_or_insert(self.position.saturating_sub(own));
            return Ok(());
        }
        if self.position.saturating_sub(self.lost_at) >= MAX_GARBAGE {
            return Err(self.no_sync(MAX_GARBAGE));
        }
        Ok(())
    }

    /// Why there is no packet in the bytes searched.
    fn no_sync(&self, searched: u64) -> MediaError {
        let found = if self.last_stride.is_none() { sniff::sniff(&self.start) } else { None };
        match found {
            None => MediaError::NoSync { position: self.lost_at, searched },
            Some(found @ (Found::Mp4 | Found::PackedAudio | Found::WebVtt)) => {
                MediaError::UnsupportedContainer { found }
            }
            Some(found) => MediaError::NotMedia { found },
        }
    }

    /// The stride at which packets follow each other from `at` on.
    fn stride_at(&self, at: usize, at_end: bool) -> Option<usize> {
        let cells = self.carry.get(at..).filter(|cells| cells.first() == Some(&SYNC))?;
        let skipped = self.position.saturating_add(at as u64).saturating_sub(self.lost_at);
        STRIDES.into_iter().find(|&stride| {
            let (good, bad) =
                cells.iter().step_by(stride).take(CONFIRM).fold((0, 0), |(good, bad), &byte| {
                    if byte == SYNC { (good + 1, bad) } else { (good, bad + 1) }
                });
            // Where a packet has to be anyway, one sync byte in the row may be damaged.
            let due = match self.last_stride {
                Some(last) => last == stride && skipped.is_multiple_of(stride as u64),
                None => skipped == 0,
            };
            let last_packet = at_end && good == 1;
            match bad {
                0 if last_packet => due && cells.len() >= PACKET,
                0 => true,
                _ => due && good == CONFIRM - 1,
            }
        })
    }
}

/// How far apart packets may be: plain, behind a 4-byte time stamp, before a 16-byte checksum.
const STRIDES: [usize; 3] = [PACKET, TIME_STAMPED, 204];
const TIME_STAMPED: usize = 192;
/// Packets in a row that make sync.
const CONFIRM: usize = 4;
/// Bytes behind a sync byte that are looked at for the packets that confirm it.
const CONFIRM_SPAN: usize = (CONFIRM - 1) * 204;
/// Bytes kept while searching.
const WINDOW: usize = 4 * CONFIRM_SPAN;
/// Bytes of garbage after which a segment is given up.
const MAX_GARBAGE: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(count: usize, stride: usize) -> Vec<u8> {
        let cell = |i: usize| (0..stride).map(move |b| if b == 0 { SYNC } else { (i * 7 + b) as u8 & 0x3f });
        (0..count).flat_map(cell).collect()
    }

    /// Positions of the packets, and what was lost.
    fn frame(bytes: &[u8], chunk: usize) -> Result<(Vec<u64>, u64), MediaError> {
        let (mut framer, mut at) = (Framer::default(), Vec::new());
        let mut sink = |position, packet: &[u8]| {
            assert_eq!(packet, &bytes[position as usize..][..PACKET]);
            at.push(position);
            Ok(())
        };
        framer.begin();
        for chunk in bytes.chunks(chunk) {
            framer.push(chunk, &mut sink)?;
        }
        framer.end(&mut sink)?;
        Ok((at, framer.garbage()))
    }

    fn every_chunking(bytes: &[u8]) -> Result<(Vec<u64>, u64), MediaError> {
        let whole = frame(bytes, usize::MAX);
        for chunk in [1, 2, 3, 187, 188, 189, 500, 1000, 3000] {
            assert_eq!(frame(bytes, chunk), whole, "chunks of {chunk}");
        }
        whole
    }

    #[test]
    fn packets_of_each_stride() {
        for stride in STRIDES {
            for count in [1, 2, 3, 4, 5, 30] {
                let (at, lost) = every_chunking(&packets(count, stride)).unwrap();
                // One packet alone could be of any stride; what follows it is lost.
                let extra = if count == 1 { 0 } else { lost };
                assert_eq!((at.len(), extra), (count, 0), "{count} packets of {stride}");
            }
        }
    }

    #[test]
    fn time_stamps_before_packets_are_no_garbage() {
        let mut bytes = vec![0x11; 4];
        bytes.extend(packets(10, 192));
        let (at, lost) = every_chunking(&bytes[..bytes.len() - 4]).unwrap();
        assert_eq!((at.len(), at[0], lost), (10, 4, 0));
    }

    #[test]
    fn garbage_before_between_and_after() {
        let good = packets(20, 188);
        let mut bytes = vec![0x11; 777];
        bytes.extend(&good);
        bytes.extend([0x48; 33]);
        bytes.extend(&good);
        bytes.extend([0x12; 100]);
        let (at, lost) = every_chunking(&bytes).unwrap();
        assert_eq!(at.len(), 40);
        assert_eq!((at[0], at[20], lost), (777, 777 + 20 * 188 + 33, 777 + 33 + 100));
    }

    #[test]
    fn a_bad_sync_byte_costs_one_packet() {
        for bad in [1, 3, 10, 18, 19] {
            let mut bytes = packets(20, 188);
            bytes[bad * 188] = 0;
            assert_eq!(every_chunking(&bytes).unwrap().0.len(), 19, "packet {bad}");
        }
    }

    #[test]
    fn noise_is_told_from_documents_and_from_nothing() {
        let noise: Vec<u8> =
            (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
        let error = every_chunking(&noise).unwrap_err();
        assert!(error.starts_with_noise(), "{error}");
        assert!(every_chunking(&noise[..10]).unwrap_err().starts_with_noise());
        let page = b"<!doctype html><title>403 Forbidden</title>".repeat(30);
        for length in [43, 1000] {
            let error = every_chunking(&page[..length]).unwrap_err();
            assert_eq!(error, MediaError::NotMedia { found: Found::Markup });
        }
        assert_eq!(every_chunking(&[]), Err(MediaError::Empty));
    }

    #[test]
    fn a_wrong_iv_costs_the_first_packet_only() {
        let mut bytes = packets(20, 188);
        bytes[..16].fill(0x99);
        assert_eq!(every_chunking(&bytes).unwrap(), ((1..20).map(|i| i * 188).collect(), 188));
    }
}
