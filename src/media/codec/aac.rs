//! AAC in ADTS frames (ISO/IEC 14496-3 §1.A.2.2): the frame header, and what a decoder is configured with.

/// What stays the same over all frames of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AacConfig {
    /// Audio object type: 2 is AAC-LC (ISO/IEC 14496-3 table 1.17).
    pub(crate) object_type: u8,
    frequency_index: u8,
    channel_configuration: u8,
}

/// One frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AdtsHeader {
    pub(crate) config: AacConfig,
    /// Bytes of header; 9 with a CRC.
    pub(crate) header_len: usize,
    /// Bytes of payload behind it.
    pub(crate) payload_len: usize,
    /// Samples a channel.
    pub(crate) samples: u32,
}

impl AdtsHeader {
    /// Reads the first [`ADTS_HEADER`] bytes of a frame; `None` if they are not one's.
    pub(crate) fn parse(bytes: &[u8; ADTS_HEADER]) -> Option<Self> {
        let [sync, flags, format, channels, length, length_low, blocks] = *bytes;
        if sync != 0xff || flags & 0xf6 != 0xf0 {
            return None;
        }
        let header_len = if flags & 1 == 1 { 7 } else { 9 };
        let frame_len = u16::from_be_bytes([channels & 3, length]) << 3 | u16::from(length_low >> 5);
        let config = AacConfig {
            object_type: (format >> 6) + 1,
            frequency_index: format >> 2 & 0x0f,
            channel_configuration: (format & 1) << 2 | channels >> 6,
        };
        SAMPLE_RATES.get(usize::from(config.frequency_index))?;
        Some(Self {
            config,
            header_len,
            payload_len: usize::from(frame_len).checked_sub(header_len).filter(|&len| len > 0)?,
            samples: (u32::from(blocks & 3) + 1) * SAMPLES_PER_BLOCK,
        })
    }
}

impl AacConfig {
    /// Samples a second: the core rate, which spectral band replication may double.
    pub(crate) fn sample_rate(&self) -> u32 {
        SAMPLE_RATES.get(usize::from(self.frequency_index)).copied().unwrap_or(48_000)
    }

    /// Channels coded. Configuration 0 leaves it to the frames themselves; they overrule what is said here.
    pub(crate) fn channels(&self) -> u16 {
        match self.channel_configuration {
            0 => 2,
            7 => 8,
            n => u16::from(n),
        }
    }

    /// The codec string (RFC 6381 §3.3).
    pub(crate) fn codec(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }

    /// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    pub(crate) fn specific_config(&self) -> [u8; 2] {
        let channels = if self.channel_configuration == 0 { 2 } else { self.channel_configuration };
        let bits = u16::from(self.object_type) << 11
            | u16::from(self.frequency_index) << 7
            | u16::from(channels) << 3;
        bits.to_be_bytes()
    }
}

/// Bytes of a header without a CRC.
pub(crate) const ADTS_HEADER: usize = 7;

const SAMPLES_PER_BLOCK: u32 = 1024;
/// ISO/IEC 14496-3 table 1.18.
const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        // As ffmpeg writes it: AAC-LC, 44.1 kHz, stereo, 371 bytes, no CRC.
        let header = AdtsHeader::parse(&[0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc]).unwrap();
        assert_eq!((header.header_len, header.payload_len, header.samples), (7, 364, 1024));
        let config = header.config;
        assert_eq!(
            (config.sample_rate(), config.channels(), config.codec().as_str()),
            (44_100, 2, "mp4a.40.2")
        );
        assert_eq!(config.specific_config(), [0x12, 0x10]);
    }

    #[test]
    fn what_is_no_header() {
        let good = [0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc];
        for (at, byte) in [(0, 0xfe), (1, 0xe1), (1, 0xf3), (2, 0x7c)] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(AdtsHeader::parse(&bad), None, "byte {at}");
        }
        assert_eq!(AdtsHeader::parse(&[0xff, 0xf1, 0x50, 0x80, 0, 0xe0, 0]), None, "no payload");
    }
}
