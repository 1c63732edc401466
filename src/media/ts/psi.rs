//! Program association and program map tables (ISO/IEC 13818-1 §2.4.4), gathered over packets.

use super::packet::Packet;

/// Gathers the sections of one PID. A section's length field has 12 bits, so it holds little more than 4 KB.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    partial: Vec<u8>,
    /// A section begins with the next byte, or has begun.
    open: bool,
}

impl Sections {
    /// Takes one packet's payload and hands each section that it completes to `sink`.
    pub(crate) fn push(&mut self, packet: &Packet<'_>, mut sink: impl FnMut(&[u8])) {
        if !packet.unit_start {
            if self.open {
                self.append(packet.payload, &mut sink);
            }
            return;
        }
        let Some((&pointer, rest)) = packet.payload.split_first() else { return };
        // A pointer beyond the packet: nothing that follows can be located.
        let (tail, rest) = rest.split_at_checked(usize::from(pointer)).unwrap_or_default();
        if !self.partial.is_empty() {
            self.append(tail, &mut sink);
        }
        self.partial.clear();
        self.open = true;
        self.append(rest, &mut sink);
    }

    /// Forgets a section that was begun; says whether there was one.
    pub(crate) fn reset(&mut self) -> bool {
        let begun = !self.partial.is_empty();
        self.partial.clear();
        self.open = false;
        begun
    }

    fn append(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8])) {
        self.partial.extend_from_slice(bytes);
        loop {
            let length = match *self.partial.as_slice() {
                [STUFFING, ..] => {
                    self.partial.clear();
                    self.open = false;
                    return;
                }
                [_, high, low, ..] => usize::from(u16::from_be_bytes([high & 0x0f, low])).saturating_add(3),
                _ => return,
            };
            let Some(section) = self.partial.get(..length) else { return };
            sink(section);
            self.partial.drain(..length);
        }
    }
}

/// A program association section: number and map PID of each program, in order.
pub(crate) fn parse_pat(section: &[u8]) -> Option<impl Iterator<Item = (u16, u16)>> {
    let entries = table_body(section, PAT)?;
    Some(entries.chunks_exact(4).filter_map(|entry| match *entry {
        [0, 0, ..] => None, // program 0 is the network information table
        [number, number_low, high, low] => {
            Some((u16::from_be_bytes([number, number_low]), u16::from_be_bytes([high & 0x1f, low])))
        }
        _ => None,
    }))
}

/// Whether a section is all of its table.
pub(crate) fn is_whole(section: &[u8]) -> bool {
    section.get(7) == Some(&0)
}

/// The program whose map a section is.
pub(crate) fn program_number(section: &[u8]) -> Option<u16> {
    let &[_, _, _, high, low] = section.first_chunk()?;
    Some(u16::from_be_bytes([high, low]))
}

/// A stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamInfo<'a> {
    /// Table 2-34.
    pub(crate) stream_type: u8,
    pub(crate) pid: u16,
    /// §2.6.
    pub(crate) descriptors: &'a [u8],
}

/// A program map section: the streams, in order.
pub(crate) fn parse_pmt(section: &[u8]) -> Option<impl Iterator<Item = StreamInfo<'_>>> {
    let body = table_body(section, PMT)?;
    let (&[_, _, high, low], rest) = body.split_first_chunk::<4>()?;
    let mut rest = rest.get(length(high, low)..)?;
    Some(core::iter::from_fn(move || {
        let (&[stream_type, pid_high, pid_low, high, low], after) = rest.split_first_chunk::<5>()?;
        let (descriptors, after) = after.split_at_checked(length(high, low)).unwrap_or((after, &[]));
        rest = after;
        Some(StreamInfo { stream_type, pid: u16::from_be_bytes([pid_high & 0x1f, pid_low]), descriptors })
    }))
}

/// Tag and body of each descriptor (§2.6).
pub(crate) fn descriptors(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
        let (body, rest) = rest.split_at_checked(usize::from(length))?;
        bytes = rest;
        Some((tag, body))
    })
}

/// Whether a section's CRC is right (annex A).
pub(crate) fn crc_matches(section: &[u8]) -> bool {
    crc(section) == 0
}

fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            let polynomial = if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            (crc << 1) ^ polynomial
        })
    })
}

/// What lies between the common header and the CRC, if the section is of this table and applies now.
fn table_body(section: &[u8], table_id: u8) -> Option<&[u8]> {
    let (&[id, _, _, _, _, version, _, _], rest) = section.split_first_chunk::<8>()?;
    let applies_now = version & 1 == 1;
    let (body, _crc) = rest.split_last_chunk::<4>()?;
    (id == table_id && applies_now).then_some(body)
}

/// Bytes of descriptors.
fn length(high: u8, low: u8) -> usize {
    usize::from(u16::from_be_bytes([high & 0x0f, low]))
}

/// The table id of a program association section (table 2-31).
pub(crate) const PAT: u8 = 0;
/// The table id of a program map section.
pub(crate) const PMT: u8 = 2;
/// A table id that no table has: the rest of the packet is stuffing.
const STUFFING: u8 = 0xff;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A section with its CRC. `body` goes behind the section's common header.
    pub(crate) fn section(table_id: u8, version: u8, body: &[u8]) -> Vec<u8> {
        let length = 5 + body.len() + 4;
        let mut s = vec![table_id, 0xb0 | (length >> 8) as u8, length as u8, 0, 1, 0xc1 | version << 1, 0, 0];
        s.extend(body);
        let crc = crc(&s);
        s.extend(crc.to_be_bytes());
        s
    }

    fn packet(unit_start: bool, payload: &[u8]) -> Packet<'_> {
        Packet { unit_start, payload, ..Packet::parse(&[0x47, 0, 0, 0x10]).unwrap() }
    }

    #[test]
    fn the_crc_is_the_standards() {
        // The check value that catalogues give for CRC-32/MPEG-2.
        assert_eq!(crc(b"123456789"), 0x0376_e6e7);
    }

    #[test]
    fn tables_are_read() {
        let pat = section(0, 0, &[0, 0, 0xe0, 0x10, 0, 1, 0xe1, 0x00, 0, 2, 0xff, 0xfe]);
        assert!(crc_matches(&pat));
        assert_eq!(parse_pat(&pat).unwrap().collect::<Vec<_>>(), [(1, 0x100), (2, 0x1ffe)]);
        let pmt = section(
            2,
            0,
            &[0xe1, 0x01, 0xf0, 2, 9, 9, 0x1b, 0xe1, 0x01, 0xf0, 3, 1, 1, 3, 0x0f, 0xe1, 0x02, 0xf0, 0],
        );
        let streams: Vec<_> =
            parse_pmt(&pmt).unwrap().map(|s| (s.stream_type, s.pid, s.descriptors.to_vec())).collect();
        assert_eq!(streams, [(0x1b, 0x101, vec![1, 1, 3]), (0x0f, 0x102, vec![])]);
        assert_eq!(program_number(&pmt), Some(1));
        assert_eq!(descriptors(&[1, 1, 3]).collect::<Vec<_>>(), [(1, &[3][..])]);
        assert_eq!(descriptors(&[1, 0, 2, 5, 1]).collect::<Vec<_>>(), [(1, &[][..])], "one that breaks off");
        assert!(parse_pmt(&pat).is_none());
        let mut damaged = pmt;
        damaged[12] ^= 1;
        assert!(!crc_matches(&damaged));
        let mut next = pat;
        next[5] &= !1;
        assert!(parse_pat(&next).is_none(), "a table that applies later");
    }

    #[test]
    fn sections_span_packets_and_share_them() {
        let long = section(2, 0, &[7; 300]);
        let short = section(0, 0, &[0, 1, 0xe1, 0]);
        let mut first = vec![0];
        first.extend(&long[..183]);
        let mut second = vec![(long.len() - 183) as u8];
        second.extend(&long[183..]);
        second.extend(&short);
        second.resize(184, STUFFING);
        let (mut sections, mut got) = (Sections::default(), Vec::new());
        sections.push(&packet(false, &[1, 2, 3]), |_| panic!("no section was begun"));
        sections.push(&packet(true, &first), |s| got.push(s.to_vec()));
        sections.push(&packet(true, &second), |s| got.push(s.to_vec()));
        assert_eq!(got, [long, short]);
        assert!(sections.partial.is_empty());
    }
}
