//! MPEG-1 and MPEG-2 audio, layers I to III (ISO/IEC 11172-3 §2.4.1.3, 13818-3 §2.4.1.3), and the unofficial MPEG-2.5.
//!
//! A free-format frame does not say how long it is. Browsers do not decode those, and here they are no frames.

use super::frame::{AudioConfig, FrameHeader, Parsed, Syntax};
use crate::media::fmp4::esds;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5.
    version: u8,
    /// 1 to 3.
    layer: u8,
    bit_rate: u32,
    sample_rate: u32,
    padding: bool,
    mono: bool,
}

/// Reads four bytes that start with the sync word.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some(header) = Header::parse(bytes) else { return Parsed::No };
    let signature = u32::from(header.version) << 24
        | u32::from(header.layer) << 20
        | u32::from(header.mono) << 18
        | header.sample_rate;
    let (samples, rate) = (header.samples(), header.sample_rate);
    Parsed::Frame(FrameHeader::whole(Syntax::Mpeg, signature, header.len(), samples, rate))
}

/// How a frame is decoded.
pub(crate) fn describe(frame: &[u8]) -> Option<AudioConfig> {
    let header = Header::parse(frame)?;
    // MPEG-2.5 goes by the name of MPEG-2.
    let object_type = if header.version == MPEG_1 { 0x6b } else { 0x69 };
    Some(AudioConfig {
        codec: format!("mp4a.{object_type:x}"),
        format: *b"mp4a",
        config: esds(object_type, &[]),
        channels: if header.mono { 1 } else { 2 },
        sample_rate: header.sample_rate,
        output_rate: header.sample_rate,
    })
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let &[_, a, b, c] = bytes.first_chunk::<4>()?;
        let (version, layer) = (a >> 3 & 3, 4_u8.checked_sub(a >> 1 & 3).filter(|&layer| layer < 4)?);
        let rate = *[44_100_u32, 48_000, 32_000].get(usize::from(b >> 2 & 3))?;
        let rates = match (version, layer) {
            (MPEG_1, 1) => &BIT_RATES_1,
            (MPEG_1, 2) => &BIT_RATES_2,
            (MPEG_1, _) => &BIT_RATES_3,
            (_, 1) => &LOW_BIT_RATES_1,
            _ => &LOW_BIT_RATES,
        };
        // Index 0 is the free format.
        let bit_rate = rates.get(usize::from((b >> 4).checked_sub(1)?))?;
        let halvings = match version {
            MPEG_1 => 0,
            2 => 1,
            0 => 2,
            _ => return None,
        };
        let reserved_emphasis = c & 3 == 2;
        (!reserved_emphasis).then_some(Self {
            version,
            layer,
            bit_rate: u32::from(*bit_rate) * 1000,
            sample_rate: rate >> halvings,
            padding: b & 2 != 0,
            mono: c >> 6 == 3,
        })
    }

    fn samples(&self) -> u32 {
        match (self.layer, self.version) {
            (1, _) => 384,
            (3, 0 | 2) => 576,
            _ => 1152,
        }
    }

    /// Bytes. Padding is one slot, which in layer I has four bytes.
    fn len(&self) -> usize {
        let slot = if self.layer == 1 { 4 } else { 1 };
        let slots = self.samples() / 8 / slot * self.bit_rate / self.sample_rate.max(1);
        (slots as usize).saturating_add(usize::from(self.padding)).saturating_mul(slot as usize)
    }
}

const MPEG_1: u8 = 3;

// Kilobits a second of indices 1 to 14.
const BIT_RATES_1: [u16; 14] = [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
const BIT_RATES_2: [u16; 14] = [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const BIT_RATES_3: [u16; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const LOW_BIT_RATES_1: [u16; 14] = [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const LOW_BIT_RATES: [u16; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_encoders_write() {
        // Bytes, and what ffprobe says of files that start with them.
        let cases = [
            ([0xff, 0xfb, 0x90, 0x64], 417, 1152, 44_100, 2, "mp4a.6b"), // layer III, 128 kbit/s
            ([0xff, 0xf3, 0x84, 0xc4], 192, 576, 24_000, 1, "mp4a.69"),  // MPEG-2 layer III, 64 kbit/s
            ([0xff, 0xfd, 0xa4, 0x04], 576, 1152, 48_000, 2, "mp4a.6b"), // layer II, 192 kbit/s
            ([0xff, 0xff, 0x96, 0x04], 292, 384, 48_000, 2, "mp4a.6b"),  // layer I, 288 kbit/s, padded
        ];
        for (bytes, len, samples, rate, channels, codec) in cases {
            let Parsed::Frame(header) = parse(&bytes) else { panic!("{bytes:x?}") };
            assert_eq!(
                (header.len(), header.samples, header.sample_rate),
                (len, samples, rate),
                "{bytes:x?}"
            );
            let config = describe(&bytes).unwrap();
            assert_eq!((config.channels, config.codec.as_str()), (channels, codec));
        }
    }

    #[test]
    fn what_is_no_header() {
        // Reserved version, layer, bit rate, sample rate and emphasis, and the free format.
        for (at, byte) in [(1, 0xeb), (1, 0xf9), (2, 0xf0), (2, 0x9c), (3, 0x66), (2, 0x00)] {
            let mut bad = [0xff, 0xfb, 0x90, 0x64];
            bad[at] = byte;
            assert_eq!(parse(&bad), Parsed::No, "{bad:x?}");
        }
    }
}
