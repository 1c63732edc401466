//! AC-3 and Enhanced AC-3 (ETSI TS 102 366): frame headers (§4.4, annex E.1.2), and the boxes that describe them in MP4
//! (annex F).
//!
//! A sample of Enhanced AC-3 has six blocks: shorter frames are put together. It has the dependent substreams of its
//! frames; the frames of further programs are left out.

use super::bits::{BitReader, BitWriter};
use super::frame::{AudioConfig, FrameHeader, Parsed, Role, Syntax};
use crate::media::fmp4::boxed;

/// The header's fields that both syntaxes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    fscod: u8,
    bsid: u8,
    /// 0 for Enhanced AC-3, where it is further down, if there.
    bsmod: u8,
    acmod: u8,
    lfeon: bool,
    /// Of AC-3, for the box.
    bit_rate_code: u8,
    sample_rate: u32,
    len: usize,
    blocks: u32,
    role: Role,
    locations: u16,
}

/// Reads the first bytes of a frame, of which there are four at least and the sync word is right.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some(&[_, _, _, _, _, id, _]) = bytes.first_chunk::<7>() else { return Parsed::Need(7) };
    let bsid = id >> 3;
    if bsid > 10 && bytes.len() < 12 {
        return Parsed::Need(12);
    }
    let Some(header) = Header::read(bytes) else { return Parsed::No };
    let signature = u32::from(header.bsid) << 24
        | u32::from(header.acmod) << 20
        | u32::from(header.lfeon) << 18
        | header.sample_rate;
    let samples = header.blocks.saturating_mul(SAMPLES_PER_BLOCK);
    let frame = FrameHeader::whole(Syntax::Ac3, signature, header.len, samples, header.sample_rate);
    let (role, locations) = (header.role, header.locations);
    Parsed::Frame(FrameHeader { role, dependents: (role == Role::Dependent).into(), locations, ..frame })
}

/// How a sample is decoded that starts with this frame; `header` says which dependent substreams it has.
pub(crate) fn describe(header: &FrameHeader, sample: &[u8]) -> Option<AudioConfig> {
    let first = Header::read(sample)?;
    let channels = first.channels().saturating_add(extra_channels(header.locations));
    let mut bits = BitWriter::default();
    let (codec, box_type) = if first.bsid > 10 {
        // dec3 (F.6): kilobits a second, one independent substream.
        let bytes = u64::try_from(sample.len()).ok()?;
        let samples = u64::from(header.samples.max(1));
        let rate = bytes.saturating_mul(8).saturating_mul(u64::from(first.sample_rate)) / samples / 1000;
        bits.put(u32::try_from(rate.min(0x1fff)).ok()?, 13);
        bits.put(0, 3);
        for (value, count) in [(first.fscod, 2), (first.bsid, 5), (0, 2), (first.bsmod, 3), (first.acmod, 3)]
        {
            bits.put(u32::from(value), count);
        }
        bits.put(u32::from(first.lfeon), 1);
        bits.put(0, 3);
        bits.put(u32::from(header.dependents), 4);
        if header.dependents > 0 {
            bits.put(u32::from(header.locations), 9);
        } else {
            bits.put(0, 1);
        }
        ("ec-3", b"dec3")
    } else {
        // dac3 (F.4)
        for (value, count) in [(first.fscod, 2), (first.bsid, 5), (first.bsmod, 3), (first.acmod, 3)] {
            bits.put(u32::from(value), count);
        }
        bits.put(u32::from(first.lfeon), 1);
        bits.put(u32::from(first.bit_rate_code), 5);
        bits.put(0, 5);
        ("ac-3", b"dac3")
    };
    let mut config = Vec::new();
    boxed(&mut config, box_type, |out| out.extend_from_slice(&bits.into_bytes()));
    Some(AudioConfig {
        codec: codec.to_owned(),
        format: if first.bsid > 10 { *b"ec-3" } else { *b"ac-3" },
        config,
        channels,
        sample_rate: first.sample_rate,
        output_rate: first.sample_rate,
    })
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(bytes);
        if bits.bits(16)? != 0x0b77 {
            return None;
        }
        match bytes.get(5)? >> 3 {
            0..=10 => Self::read_ac3(&mut bits),
            11..=16 => Self::read_enhanced(&mut bits),
            _ => None,
        }
    }

    fn read_ac3(bits: &mut BitReader<'_>) -> Option<Self> {
        bits.bits(16)?; // crc1
        let (fscod, frmsizecod) = (byte(bits, 2)?, bits.bits(6)?);
        let (bsid, bsmod, acmod) = (byte(bits, 5)?, byte(bits, 3)?, byte(bits, 3)?);
        if acmod & 1 == 1 && acmod != 1 {
            bits.bits(2)?; // cmixlev
        }
        if acmod & 4 == 4 {
            bits.bits(2)?; // surmixlev
        }
        if acmod == 2 {
            bits.bits(2)?; // dsurmod
        }
        let lfeon = bits.bit()?;
        let rate = *SAMPLE_RATES.get(usize::from(fscod))?;
        let kilobits = u32::from(*BIT_RATES.get(frmsizecod as usize / 2)?);
        // Of 16 bits. At 44.1 kHz the odd codes have one more than the even.
        let odd = if fscod == 1 { frmsizecod % 2 } else { 0 };
        let words = (96_000 * kilobits / rate).saturating_add(odd);
        Some(Self {
            fscod,
            bsid,
            bsmod,
            acmod,
            lfeon,
            bit_rate_code: u8::try_from(frmsizecod / 2).ok()?,
            // Streams of 9 and 10 run at a half and a quarter of the rate.
            sample_rate: rate >> bsid.saturating_sub(8),
            len: (words as usize).checked_mul(2)?,
            blocks: 6,
            role: Role::Whole,
            locations: 0,
        })
    }

    fn read_enhanced(bits: &mut BitReader<'_>) -> Option<Self> {
        let (kind, substream) = (bits.bits(2)?, bits.bits(3)?);
        let len = (bits.bits(11)? as usize).saturating_add(1).saturating_mul(2);
        let (fscod, code) = (byte(bits, 2)?, bits.bits(2)?);
        let (sample_rate, blocks) = if fscod == 3 {
            (SAMPLE_RATES.get(code as usize)? / 2, 6)
        } else {
            (*SAMPLE_RATES.get(usize::from(fscod))?, *[1, 2, 3, 6].get(code as usize)?)
        };
        let (acmod, lfeon, bsid) = (byte(bits, 3)?, bits.bit()?, byte(bits, 5)?);
        let role = match (kind, substream) {
            (0 | 2, 0) => Role::Start,
            (0 | 2, _) => Role::Other,
            (1, _) => Role::Dependent,
            _ => return None,
        };
        let mut locations = 0;
        if kind == 1 {
            for _ in 0..if acmod == 0 { 2 } else { 1 } {
                bits.bits(5)?; // dialnorm
                if bits.bit()? {
                    bits.bits(8)?; // compr
                }
            }
            if bits.bit()? {
                locations = self::locations(bits.bits(16)?);
            }
        }
        let bsmod = 0;
        (len >= MIN_ENHANCED).then_some(Self {
            fscod,
            bsid,
            bsmod,
            acmod,
            lfeon,
            bit_rate_code: 0,
            sample_rate,
            len,
            blocks,
            role,
            locations,
        })
    }

    fn channels(&self) -> u16 {
        let full = [2, 1, 2, 3, 3, 4, 4, 5].get(usize::from(self.acmod)).copied().unwrap_or(2);
        full + u16::from(self.lfeon)
    }
}

fn byte(bits: &mut BitReader<'_>, count: u32) -> Option<u8> {
    u8::try_from(bits.bits(count)?).ok()
}

/// `chan_loc` (table F.6.1) of a `chanmap` (table E.1.4), whose first bit is the left channel. Bit 0: Lc and Rc, then Lrs and
/// Rrs, Cs, Ts, Lsd and Rsd, Lw and Rw, Lvh and Rvh, Cvh; bit 8: LFE2.
fn locations(chanmap: u32) -> u16 {
    let at = |from_first: u32| chanmap >> (15 - from_first) & 1 == 1;
    let mut locations = 0;
    for bit in 0..8_u16 {
        locations |= u16::from(at(5 + u32::from(bit))) << bit;
    }
    locations | u16::from(at(14)) << 8
}

fn extra_channels(locations: u16) -> u16 {
    // Those that stand for a pair count twice.
    let pairs = locations & 0b0_0111_0011;
    u16::try_from(locations.count_ones().saturating_add(pairs.count_ones())).unwrap_or(0)
}

const SAMPLES_PER_BLOCK: u32 = 256;
/// Samples that are put into one access unit, at most.
pub(crate) const MAX_SAMPLES: u32 = 6 * SAMPLES_PER_BLOCK;
/// Bytes of an Enhanced AC-3 frame, at least: its header is read before the frame is.
const MIN_ENHANCED: usize = 12;
const SAMPLE_RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Kilobits a second (table 4.13).
const BIT_RATES: [u16; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8]) -> FrameHeader {
        match parse(bytes) {
            Parsed::Frame(header) => header,
            other => panic!("{other:x?}"),
        }
    }

    #[test]
    fn frames_of_ac3() {
        // 48 kHz, 448 kbit/s, 5.1, as ffmpeg writes it.
        let bytes = [0x0b, 0x77, 0, 0, 0x1e, 0x40, 0xe1, 0, 0, 0, 0, 0];
        let frame = header(&bytes);
        assert_eq!((frame.len(), frame.samples, frame.sample_rate), (1792, 1536, 48_000));
        let config = describe(&frame, &bytes).unwrap();
        assert_eq!((config.channels, config.codec.as_str()), (6, "ac-3"));
        assert_eq!(config.config, b"\0\0\0\x0bdac3\x10\x3d\xe0");
        // 44.1 kHz, where frames of a stream alternate; table 4.13 has these lengths.
        for (code, len) in [(0, 138), (1, 140), (37, 2788), (36, 2786)] {
            let bytes = [0x0b, 0x77, 0, 0, 0x40 | code, 0x40, 0x40];
            assert_eq!(header(&bytes).len(), len, "code {code}");
        }
        for bad in [[0xde, 0x40], [0x26, 0x40], [0x1e, 0xf8]] {
            let bytes = [&bytes[..4], &bad, &bytes[6..]].concat();
            assert_eq!(parse(&bytes), Parsed::No, "{bad:x?}");
        }
        assert_eq!((parse(&bytes[..4]), parse(&bytes[..6])), (Parsed::Need(7), Parsed::Need(7)));
    }

    #[test]
    fn frames_of_enhanced_ac3() {
        let build = |fields: &[(u32, u32)]| {
            let mut out = BitWriter::default();
            out.put(0x0b77, 16);
            fields.iter().for_each(|&(value, count)| out.put(value, count));
            let mut bytes = out.into_bytes();
            bytes.resize(12, 0);
            bytes
        };
        // Independent, 768 bytes, 48 kHz, six blocks, 5.1.
        let bytes = build(&[(0, 2), (0, 3), (383, 11), (0, 2), (3, 2), (7, 3), (1, 1), (16, 5)]);
        let frame = header(&bytes);
        assert_eq!((frame.len(), frame.samples, frame.role), (768, 1536, Role::Start));
        // Dependent, with a channel map that adds the rear pair.
        let map = 1 << (15 - 6);
        let dependent = build(&[
            (1, 2),
            (0, 3),
            (255, 11),
            (0, 2),
            (3, 2),
            (2, 3),
            (0, 1),
            (16, 5),
            (0, 5),
            (1, 1),
            (9, 8),
            (1, 1),
            (map, 16),
        ]);
        let dependent = header(&dependent);
        assert_eq!((dependent.role, dependent.locations, dependent.dependents), (Role::Dependent, 2, 1));
        let both = FrameHeader { dependents: 1, locations: 2, ..frame };
        let config = describe(&both, &bytes).unwrap();
        assert_eq!((config.channels, config.codec.as_str()), (8, "ec-3"));
        // 3 kbit/s for 12 bytes in 32 ms; then 0, 16, 0, 0, 7, 1, 0, 1 and the location.
        assert_eq!(config.config, b"\0\0\0\x0edec3\x00\x18\x20\x0f\x02\x02");
        let other = build(&[(0, 2), (1, 3), (383, 11), (0, 2), (0, 2), (2, 3), (0, 1), (16, 5)]);
        assert_eq!((header(&other).role, header(&other).samples), (Role::Other, 256));
        let half = build(&[(0, 2), (0, 3), (383, 11), (3, 2), (0, 2), (2, 3), (0, 1), (16, 5)]);
        assert_eq!((header(&half).sample_rate, header(&half).samples), (24_000, 1536));
        assert_eq!(parse(&bytes[..7]), Parsed::Need(12));
        for reserved in [(3, 0), (0, 3)] {
            let bytes = build(&[
                (reserved.0, 2),
                (0, 3),
                (383, 11),
                (reserved.1, 2),
                (3, 2),
                (2, 3),
                (0, 1),
                (16, 5),
            ]);
            assert_eq!(parse(&bytes), Parsed::No);
        }
    }
}
