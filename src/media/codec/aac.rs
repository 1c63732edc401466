//! AAC in ADTS frames (ISO/IEC 14496-3 §1.A.2.2): the frame header, and what a decoder is configured with.
//!
//! **HE-AAC.** ADTS cannot say that a stream has spectral band replication: its header gives the core's object type and
//! rate, and 22.05 or 24 kHz is as well plain AAC-LC as HE-AAC. So what is written is what the header says,
//! `mp4a.40.2` at the core's rate, which the standard calls implicit signalling (§1.6.5.3): decoders find the extension in
//! the frames and double the rate of their output; times are right either way. LATM says it, and there it is `mp4a.40.5`.

use super::asc::{self, SAMPLE_RATES};
use super::bits::BitWriter;
use super::frame::{AudioConfig, FrameHeader, Parsed, Syntax};
use crate::media::fmp4::esds;

/// Reads the first bytes of a frame, of which there are four at least and the sync word is right.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some(&[_, flags, format, channels, length, length_low, blocks]) = bytes.first_chunk() else {
        return Parsed::Need(ADTS_HEADER);
    };
    // The profile's two bits, the rate's index and the channel configuration; not the private bit between them.
    let signature = u32::from(u16::from_be_bytes([format & 0xfd, channels & 0xc0]));
    let frequency_index = format >> 2 & 0x0f;
    let Some(&rate) = SAMPLE_RATES.get(usize::from(frequency_index)) else { return Parsed::No };
    let len = u16::from_be_bytes([channels & 3, length]) << 3 | u16::from(length_low >> 5);
    let guarded = flags & 1 == 0;
    let blocks = (blocks & 3) + 1;
    // With several blocks there are their places before the CRC, and a CRC behind each.
    let guarded_blocks = if guarded && blocks > 1 { blocks } else { 0 };
    let skip = if guarded && blocks == 1 { ADTS_HEADER + 2 } else { ADTS_HEADER };
    let Some(payload) = usize::from(len).checked_sub(skip).filter(|&len| len > 0) else { return Parsed::No };
    let samples = u32::from(blocks) * SAMPLES_PER_BLOCK;
    let header = FrameHeader::whole(Syntax::Adts, signature, payload, samples, rate);
    Parsed::Frame(FrameHeader { skip, guarded_blocks, ..header })
}

/// Takes a frame of several raw data blocks with CRCs apart: behind the header are 16 bits for the place of each block
/// but the first and a CRC, then the blocks, each with a CRC behind it (§1.A.2.2.2, §1.A.2.2.3).
///
/// Without CRCs the places are not told, and finding them means decoding: there a sample has all blocks, which decoders
/// take one after the other.
pub(crate) fn unpack(count: usize, payload: &mut [u8], units: &mut Vec<usize>) -> Option<u32> {
    let first = count.checked_mul(2)?;
    let place = |i: usize| -> Option<usize> {
        let at = i.checked_sub(1)?.checked_mul(2)?;
        let &[high, low] = payload.get(at..)?.first_chunk()?;
        Some(usize::from(u16::from_be_bytes([high, low])))
    };
    let all = payload.len().checked_sub(first)?;
    let mut starts = [0; MAX_BLOCKS + 1];
    for (i, start) in starts.iter_mut().enumerate().skip(1) {
        *start = if i < count { place(i)? } else { all };
    }
    let mut end = 0;
    for pair in starts.windows(2).take(count) {
        let &[from, to] = pair else { continue };
        let len = to.checked_sub(from)?.checked_sub(2).filter(|&len| len > 0)?;
        let from = first.checked_add(from)?;
        let to = from.checked_add(len)?;
        if to > payload.len() {
            return None;
        }
        payload.copy_within(from..to, end);
        end = end.checked_add(len)?;
        units.push(len);
    }
    Some(SAMPLES_PER_BLOCK)
}

/// How a frame is decoded. Where the header leaves the channels to the frame, they are taken from its start: a program
/// config element (§4.4.1.1), or what the first element is.
pub(crate) fn describe(header: &FrameHeader, payload: &[u8]) -> Option<AudioConfig> {
    let [format, channels] = u16::try_from(header.signature).ok()?.to_be_bytes();
    let object_type = (format >> 6) + 1;
    let mut configuration = (format & 1) << 2 | channels >> 6;
    let element = if configuration == 0 { asc::program_config(payload) } else { None };
    let channels = match (configuration, &element) {
        (0, Some(element)) => element.channels,
        (0, None) => {
            // A single channel element comes first, or anything else.
            configuration = if payload.first()? >> 5 == 0 { 1 } else { 2 };
            u16::from(configuration)
        }
        (7, _) => 8,
        (n, _) => u16::from(n),
    };
    let mut specific = BitWriter::default();
    specific.put(u32::from(object_type), 5);
    specific.put(u32::from(format >> 2 & 0x0f), 4);
    specific.put(u32::from(configuration), 4);
    specific.put(0, 3); // 1024 samples, no core coder, no extension
    if let Some(element) = element {
        element.write(&mut specific);
    }
    Some(AudioConfig {
        codec: format!("mp4a.40.{object_type}"),
        format: *b"mp4a",
        config: esds(0x40, &specific.into_bytes()),
        channels,
        sample_rate: header.sample_rate,
        output_rate: header.sample_rate,
    })
}

/// Bytes of a header without a CRC.
const ADTS_HEADER: usize = 7;
const SAMPLES_PER_BLOCK: u32 = 1024;
/// Raw data blocks in a frame.
const MAX_BLOCKS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// As ffmpeg writes it: AAC-LC, 44.1 kHz, stereo, 371 bytes, no CRC.
    const HEADER: [u8; 7] = [0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc];

    fn header(bytes: &[u8]) -> FrameHeader {
        match parse(bytes) {
            Parsed::Frame(header) => header,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_header_is_read() {
        let header = header(&HEADER);
        assert_eq!((header.skip, header.payload, header.samples), (7, 364, 1024));
        let config = describe(&header, &[0x20]).unwrap();
        assert_eq!((config.sample_rate, config.channels, config.codec.as_str()), (44_100, 2, "mp4a.40.2"));
        assert_eq!(config.config, esds(0x40, &[0x12, 0x10]));
        // The MPEG-2 bit and the private bit change nothing.
        for (at, bit) in [(1, 0x08), (2, 0x02)] {
            let mut other = HEADER;
            other[at] |= bit;
            assert!(self::header(&other).same_stream(&header));
        }
    }

    #[test]
    fn what_is_no_header() {
        assert_eq!(parse(&HEADER[..6]), Parsed::Need(7));
        let mut bad = HEADER;
        bad[2] = 0x7c;
        assert_eq!(parse(&bad), Parsed::No, "a rate that does not exist");
        assert_eq!(parse(&[0xff, 0xf1, 0x50, 0x80, 0, 0xe0, 0]), Parsed::No, "no payload");
    }

    #[test]
    fn blocks_with_crcs_become_units() {
        // Three blocks: their places, a CRC, then each with a CRC.
        let mut payload = b"\0\x05\0\x09\xcc\xccaaa\xcc\xccbb\xcc\xccc\xcc\xcc".to_vec();
        let mut units = Vec::new();
        assert_eq!(unpack(3, &mut payload, &mut units), Some(1024));
        assert_eq!((units.as_slice(), &payload[..6]), (&[3, 2, 1][..], &b"aaabbc"[..]));
        let mut bytes = HEADER;
        (bytes[1], bytes[6]) = (0xf0, 0xfe);
        let header = header(&bytes);
        assert_eq!((header.skip, header.guarded_blocks, header.samples), (7, 3, 3072));
        // Places that cannot be.
        for places in [b"\0\x09\0\x05", b"\0\x01\0\x02", b"\xff\xff\0\x05", b"\0\0\0\0"] {
            let mut payload = [&places[..], &[0; 20]].concat();
            let mut units = Vec::new();
            assert_eq!(unpack(3, &mut payload, &mut units), None, "{places:x?}");
        }
        assert_eq!(unpack(4, &mut [], &mut Vec::new()), None);
    }
}
