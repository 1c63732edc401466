//! The PES packet header (ISO/IEC 13818-1 §2.4.3.6).

/// What a PES header says. Time stamps are 33-bit numbers of 90 kHz ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PesHeader {
    /// Presentation time stamp of the first access unit that starts in this packet.
    pub(crate) pts: Option<u64>,
    /// Its decoding time stamp, where it differs.
    pub(crate) dts: Option<u64>,
    /// Bytes of payload, where the packet says it.
    pub(crate) length: Option<usize>,
    /// The payload is scrambled.
    pub(crate) scrambled: bool,
}

/// What the first bytes of a PES packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// Read it again when more bytes have come; a header has 264 at most.
    Incomplete,
    /// Not a PES packet, or one without a payload to decode (padding, program maps).
    Other,
    /// The header, and the payload behind it.
    Header(PesHeader, &'a [u8]),
}

/// Reads the start of a PES packet.
///
/// `PES_packet_length` does not end a packet, the next unit start does: some muxers write a wrong length.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    if !PREFIX.iter().zip(bytes).all(|(want, byte)| want == byte) {
        return Parsed::Other;
    }
    if let Some(&id) = bytes.get(3)
        && !matches!(id, 0xbd | 0xc0..=0xef | 0xfa..=0xfe)
    {
        return Parsed::Other;
    }
    let Some((fixed, rest)) = bytes.split_first_chunk::<9>() else { return Parsed::Incomplete };
    let &[_, _, _, _, all, all_low, control, flags, length] = fixed;
    let Some((fields, payload)) = rest.split_at_checked(usize::from(length)) else {
        return Parsed::Incomplete;
    };
    let mut header = PesHeader { scrambled: control & 0x30 != 0, ..PesHeader::default() };
    let behind_the_flags = usize::from(u16::from_be_bytes([all, all_low]));
    header.length = behind_the_flags.checked_sub(usize::from(length).saturating_add(3));
    if flags & 0x80 != 0 {
        header.pts = time_stamp(fields);
        if flags & 0x40 != 0 {
            header.dts = fields.get(5..).and_then(time_stamp);
        }
    }
    Parsed::Header(header, payload)
}

fn time_stamp(field: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e] = field.first_chunk::<5>()?;
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1)
}

const PREFIX: [u8; 3] = [0, 0, 1];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A PES header of the given stream, without a length.
    pub(crate) fn header(stream_id: u8, pts: Option<u64>, dts: Option<u64>) -> Vec<u8> {
        let stamp = |tag: u8, t: u64| {
            [
                tag << 4 | (t >> 29) as u8 & 14 | 1,
                (t >> 22) as u8,
                (t >> 14) as u8 | 1,
                (t >> 7) as u8,
                (t << 1) as u8 | 1,
            ]
        };
        let flags = u8::from(pts.is_some()) << 7 | u8::from(dts.is_some()) << 6;
        let mut fields = Vec::new();
        fields.extend(pts.map(|t| stamp(if dts.is_some() { 3 } else { 2 }, t)).into_iter().flatten());
        fields.extend(dts.map(|t| stamp(1, t)).into_iter().flatten());
        [&[0, 0, 1, stream_id, 0, 0, 0x80, flags, fields.len() as u8][..], &fields].concat()
    }

    #[test]
    fn time_stamps_have_33_bits() {
        for t in [0, 1, 0x7fff, 0x8000, 0x3fff_ffff, 0x1_5555_5555, 0x1_ffff_ffff] {
            let bytes = [&header(0xe0, Some(t), Some(t ^ 0xff))[..], b"payload"].concat();
            let want = PesHeader { pts: Some(t), dts: Some(t ^ 0xff), ..PesHeader::default() };
            assert_eq!(parse(&bytes), Parsed::Header(want, b"payload"), "{t:#x}");
        }
    }

    #[test]
    fn the_length_is_that_of_the_payload() {
        let mut bytes = header(0xe0, Some(1), None);
        for (all, length) in [(0_u16, None), (7, None), (8, Some(0)), (1008, Some(1000))] {
            bytes[4..6].copy_from_slice(&all.to_be_bytes());
            let want = PesHeader { pts: Some(1), length, ..PesHeader::default() };
            assert_eq!(parse(&bytes), Parsed::Header(want, &[]));
        }
    }

    #[test]
    fn what_is_short_waits_and_what_is_wrong_goes() {
        let bytes = header(0xe0, Some(1), None);
        for length in 0..bytes.len() {
            assert_eq!(parse(&bytes[..length]), Parsed::Incomplete, "{length} bytes");
        }
        assert_eq!(parse(&[0, 0, 2]), Parsed::Other);
        assert_eq!(parse(&[0, 0, 1, 0xbe, 0, 10]), Parsed::Other, "padding");
        // A flag without its field.
        let header = PesHeader { scrambled: true, ..PesHeader::default() };
        assert_eq!(parse(&[0, 0, 1, 0xe0, 0, 0, 0xb0, 0xc0, 2, 1, 2, 9]), Parsed::Header(header, &[9]));
    }
}
