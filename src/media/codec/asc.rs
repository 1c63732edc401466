//! AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) and the program config element (§4.4.1.1).

use super::bits::{BitReader, BitWriter};

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpecificConfig {
    /// 2: AAC-LC; 5: with spectral band replication; 29: and with parametric stereo (table 1.17).
    pub(crate) object_type: u8,
    /// Of the core.
    pub(crate) sample_rate: u32,
    pub(crate) output_rate: u32,
    pub(crate) channels: u16,
    /// Channel configuration of the core (table 1.19); 0: a program config element says it.
    pub(crate) configuration: u32,
    /// Samples a channel of one access unit, by the core's rate.
    pub(crate) samples: u32,
}

/// The fields of a program config element that are copied, and what they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProgramConfig {
    bits: Vec<(u32, u32)>,
    pub(crate) channels: u16,
}

/// Reads a config whose length in bits is `length`, where it is told; only then may an extension follow it. `None` for
/// object types whose access units this player has no name for.
pub(crate) fn read(bits: &mut BitReader<'_>, length: Option<usize>) -> Option<SpecificConfig> {
    let start = bits.position();
    let mut object_type = read_object_type(bits)?;
    let sample_rate = read_rate(bits)?;
    let configuration = bits.bits(4)?;
    let mut extension = None;
    if matches!(object_type, SBR | PARAMETRIC_STEREO) {
        extension = Some((object_type, read_rate(bits)?));
        object_type = read_object_type(bits)?;
    }
    // GASpecificConfig (§4.4.1) of AAC Main, LC, SSR, LTP.
    if !matches!(object_type, 1..=4) {
        return None;
    }
    let samples = if bits.bit()? { 960 } else { 1024 };
    if bits.bit()? {
        bits.bits(14)?; // coreCoderDelay
    }
    let _extension_flag = bits.bit()?;
    let channels = match configuration {
        0 => ProgramConfig::read(bits, start)?.channels,
        7 => 8,
        n @ 1..=6 => u16::try_from(n).ok()?,
        _ => return None,
    };
    if let (None, Some(length)) = (extension, length) {
        extension = read_extension(&mut bits.clone(), start.checked_add(length)?);
    }
    let (object_type, output_rate) = extension.unwrap_or((object_type, sample_rate));
    let channels = if object_type == PARAMETRIC_STEREO { 2 } else { channels };
    Some(SpecificConfig { object_type, sample_rate, output_rate, channels, configuration, samples })
}

/// The extension behind a config that a decoder may ignore (§1.6.6): the object type that it adds, and its rate.
fn read_extension(bits: &mut BitReader<'_>, end: usize) -> Option<(u8, u32)> {
    let left = |bits: &BitReader<'_>| end.saturating_sub(bits.position());
    if left(bits) < 16 || bits.bits(11)? != 0x2b7 || read_object_type(bits)? != SBR || !bits.bit()? {
        return None;
    }
    let rate = read_rate(bits)?;
    let stereo = left(bits) >= 12 && bits.bits(11)? == 0x548 && bits.bit()?;
    Some((if stereo { PARAMETRIC_STEREO } else { SBR }, rate))
}

/// The program config element that a raw data block starts with, if it does.
pub(crate) fn program_config(block: &[u8]) -> Option<ProgramConfig> {
    let mut bits = BitReader::new(block);
    (bits.bits(3)? == 5).then(|| ProgramConfig::read(&mut bits, 0)).flatten()
}

impl ProgramConfig {
    /// Reads an element, of a structure that started at bit `origin`.
    fn read(bits: &mut BitReader<'_>, origin: usize) -> Option<Self> {
        let mut element = Self { bits: Vec::new(), channels: 0 };
        element.copy(bits, 10)?; // instance tag, object type, sampling frequency index
        let [front, side, back] = [element.copy(bits, 4)?, element.copy(bits, 4)?, element.copy(bits, 4)?];
        let [lfe, data, coupling] = [element.copy(bits, 2)?, element.copy(bits, 3)?, element.copy(bits, 4)?];
        for width in [4, 4, 3] {
            // A mono, a stereo and a matrix mix-down may be there.
            if element.copy(bits, 1)? == 1 {
                element.copy(bits, width)?;
            }
        }
        let mut channels = lfe;
        for _ in 0..front.saturating_add(side).saturating_add(back) {
            let is_pair = element.copy(bits, 5)? >> 4;
            channels = channels.saturating_add(1).saturating_add(is_pair);
        }
        for _ in 0..lfe.saturating_add(data) {
            element.copy(bits, 4)?;
        }
        for _ in 0..coupling {
            element.copy(bits, 5)?;
        }
        element.channels = u16::try_from(channels).ok()?;
        let past = bits.position().wrapping_sub(origin) % 8;
        bits.bits(if past == 0 { 0 } else { u32::try_from(8_usize.saturating_sub(past)).ok()? })?;
        let comment = bits.bits(8)?;
        for _ in 0..comment {
            bits.bits(8)?;
        }
        Some(element)
    }

    fn copy(&mut self, bits: &mut BitReader<'_>, count: u32) -> Option<u32> {
        let value = bits.bits(count)?;
        self.bits.push((value, count));
        Some(value)
    }

    /// Appends the element without its comment to a config that starts with `out`.
    pub(crate) fn write(&self, out: &mut BitWriter) {
        for &(value, count) in &self.bits {
            out.put(value, count);
        }
        out.align();
        out.put(0, 8);
    }
}

fn read_object_type(bits: &mut BitReader<'_>) -> Option<u8> {
    match bits.bits(5)? {
        31 => u8::try_from(bits.bits(6)?.saturating_add(32)).ok(),
        kind => u8::try_from(kind).ok(),
    }
}

fn read_rate(bits: &mut BitReader<'_>) -> Option<u32> {
    match bits.bits(4)? {
        15 => bits.bits(24).filter(|rate| RATES.contains(rate)),
        index => SAMPLE_RATES.get(index as usize).copied(),
    }
}

/// ISO/IEC 14496-3 table 1.18.
pub(crate) const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Rates that are believed where any number of 24 bits may stand.
const RATES: core::ops::RangeInclusive<u32> = 1_000..=192_000;
const SBR: u8 = 5;
const PARAMETRIC_STEREO: u8 = 29;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Option<SpecificConfig> {
        read(&mut BitReader::new(bytes), Some(bytes.len() * 8))
    }

    #[test]
    fn configs_of_the_standards_examples() {
        let config = |object_type, sample_rate, output_rate, channels: u16, samples| {
            let configuration = if object_type == 29 { 1 } else { channels.into() };
            Some(SpecificConfig { object_type, sample_rate, output_rate, channels, configuration, samples })
        };
        // AAC-LC 44.1 kHz stereo; the same with frames of 960; HE-AAC of 24 kHz, told first or behind; with parametric
        // stereo, told first or behind.
        assert_eq!(read_bytes(&[0x12, 0x10]), config(2, 44_100, 44_100, 2, 1024));
        assert_eq!(read_bytes(&[0x12, 0x14]), config(2, 44_100, 44_100, 2, 960));
        assert_eq!(read_bytes(&[0x2b, 0x11, 0x88, 0x00]), config(5, 24_000, 48_000, 2, 1024));
        assert_eq!(read_bytes(&[0x13, 0x10, 0x56, 0xe5, 0x98]), config(5, 24_000, 48_000, 2, 1024));
        assert_eq!(read_bytes(&[0xeb, 0x09, 0x88, 0x00]), config(29, 24_000, 48_000, 2, 1024));
        assert_eq!(
            read_bytes(&[0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80]),
            config(29, 24_000, 48_000, 2, 1024)
        );
        // xHE-AAC, and what breaks off.
        assert_eq!(read_bytes(&[0xf9, 0x48, 0x40]), None);
        for length in 0..2 {
            assert_eq!(read_bytes(&[0x12, 0x10][..length]), None);
        }
    }

    #[test]
    fn a_program_config_element_is_copied() {
        // Front: one channel and a pair, back: a pair, one LFE; a comment of two bytes.
        let mut out = BitWriter::default();
        for (value, count) in
            [(5, 3), (0, 4), (1, 2), (3, 4), (2, 4), (0, 4), (1, 4), (1, 2), (0, 3), (0, 4), (0, 3)]
        {
            out.put(value, count);
        }
        for (value, count) in [(0, 5), (0x10, 5), (0x11, 5), (0, 4)] {
            out.put(value, count);
        }
        out.align();
        for value in [2, 0x61, 0x62] {
            out.put(value, 8);
        }
        let block = out.into_bytes();
        let element = program_config(&block).unwrap();
        assert_eq!(element.channels, 6);
        let mut config = BitWriter::default();
        config.put(0x1180, 16);
        element.write(&mut config);
        let config = config.into_bytes();
        let read = read_bytes(&config).unwrap();
        assert_eq!((read.channels, read.sample_rate, read.object_type), (6, 48_000, 2));
        assert_eq!(program_config(&block[1..]), None);
    }
}
