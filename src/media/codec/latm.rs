//! AAC in LATM, carried by LOAS (ISO/IEC 14496-3 §1.7): audio sync streams of one program with one layer, which is
//! what broadcasts have.
//!
//! An access unit starts at any bit of its frame; it is shifted to a byte's border where it lies.

use super::asc::{self, SpecificConfig};
use super::bits::{BitReader, BitWriter};
use super::frame::{AudioConfig, FrameHeader, Parsed, Syntax};
use crate::media::fmp4::esds;

/// Reads an AudioSyncStream's header, of which there are four bytes at least: the sync word and a length of 13 bits.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let &[_, high, low, ..] = bytes else { return Parsed::Need(4) };
    let payload = usize::from(u16::from_be_bytes([high & 0x1f, low]));
    if payload == 0 {
        return Parsed::No;
    }
    let header = FrameHeader::whole(Syntax::Loas, 0, payload, 0, 0);
    Parsed::Frame(FrameHeader { skip: 3, ..header })
}

/// What a StreamMuxConfig said: it holds until the next.
#[derive(Debug, Default)]
pub(crate) struct Multiplex {
    config: Option<MuxConfig>,
    /// It was not described since it changed.
    changed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct MuxConfig {
    specific: Vec<u8>,
    config: SpecificConfig,
    /// Access units in a frame.
    units: u32,
    /// Bytes of an access unit, where each has the same.
    fixed: Option<usize>,
}

impl Multiplex {
    /// Moves the access units of an AudioMuxElement to its start.
    pub(crate) fn unpack(&mut self, frame: &mut [u8], units: &mut Vec<usize>) -> Option<u32> {
        let mut bits = BitReader::new(frame);
        if !bits.bit()? {
            let config = MuxConfig::read(&mut bits)?;
            if self.config.as_ref() != Some(&config) {
                self.config = Some(config);
                self.changed = true;
            }
        }
        let config = self.config.as_ref()?;
        let (mut at, mut end) = (bits.position(), 0_usize);
        for _ in 0..config.units {
            let length = match config.fixed {
                Some(length) => length,
                None => {
                    let mut length = 0_usize;
                    loop {
                        let byte = read_byte(frame, at)?;
                        at = at.checked_add(8)?;
                        length = length.checked_add(usize::from(byte))?;
                        if byte != 0xff {
                            break;
                        }
                    }
                    length
                }
            };
            let after = length.checked_mul(8)?.checked_add(at)?;
            if length == 0 || after > frame.len().checked_mul(8)? {
                return None;
            }
            shift(frame, at, end, length);
            at = after;
            end = end.checked_add(length)?;
            units.push(length);
        }
        Some(config.config.samples)
    }

    pub(crate) fn take_change(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    pub(crate) fn describe(&self) -> Option<AudioConfig> {
        let MuxConfig { specific, config, .. } = self.config.as_ref()?;
        Some(AudioConfig {
            codec: format!("mp4a.40.{}", config.object_type),
            format: *b"mp4a",
            config: esds(0x40, specific),
            channels: config.channels,
            sample_rate: config.sample_rate,
            output_rate: config.output_rate,
        })
    }
}

impl MuxConfig {
    /// StreamMuxConfig (§1.7.3.1). `None` for several programs, layers or kinds of frame, which no broadcast has.
    fn read(bits: &mut BitReader<'_>) -> Option<Self> {
        let version = bits.bit()?;
        if version && bits.bit()? {
            return None; // audioMuxVersionA: of the future
        }
        if version {
            read_value(bits)?; // taraBufferFullness
        }
        let same_framing = bits.bit()?;
        let units = bits.bits(6)?.saturating_add(1);
        let (programs, layers) = (bits.bits(4)?, bits.bits(3)?);
        if !same_framing || programs > 0 || layers > 0 {
            return None;
        }
        let length = if version { Some(read_value(bits)?) } else { None };
        let start = bits.position();
        let mut reader = bits.clone();
        let config = asc::read(&mut reader, length)?;
        let length = length.unwrap_or(reader.position().saturating_sub(start));
        if !(reader.position().saturating_sub(start)..=MAX_SPECIFIC).contains(&length) {
            return None;
        }
        let mut specific = BitWriter::default();
        for _ in 0..length {
            specific.put(u32::from(bits.bit()?), 1);
        }
        let fixed = match bits.bits(3)? {
            0 => {
                bits.bits(8)?; // latmBufferFullness
                None
            }
            1 => Some((bits.bits(9)? as usize).saturating_add(20)),
            _ => return None,
        };
        if bits.bit()? {
            // otherData, at the frame's end: its length
            if version {
                read_value(bits)?;
            } else {
                while bits.bits(9)? >> 8 == 1 {}
            }
        }
        if bits.bit()? {
            bits.bits(8)?; // CRC of this config
        }
        Some(Self { specific: specific.into_bytes(), config, units, fixed })
    }
}

/// LatmGetValue (§1.7.3.1): one to four bytes.
fn read_value(bits: &mut BitReader<'_>) -> Option<usize> {
    let bytes = bits.bits(2)?.saturating_add(1);
    Some(bits.bits(bytes.saturating_mul(8))? as usize)
}

/// The eight bits from bit `at` on.
fn read_byte(bytes: &[u8], at: usize) -> Option<u8> {
    let high = bytes.get(at / 8)?;
    let low = if at.is_multiple_of(8) { 0 } else { *bytes.get((at / 8).checked_add(1)?)? };
    Some((u16::from_be_bytes([*high, low]) >> (8 - at % 8)) as u8)
}

/// Copies `length` bytes from bit `from` on to byte `to`, which lies before it.
fn shift(bytes: &mut [u8], from: usize, to: usize, length: usize) {
    for i in 0..length {
        let byte = read_byte(bytes, from.saturating_add(i.saturating_mul(8))).unwrap_or(0);
        if let Some(place) = bytes.get_mut(to.saturating_add(i)) {
            *place = byte;
        }
    }
}

/// Bits of an AudioSpecificConfig, at most: it has to fit into a descriptor.
const MAX_SPECIFIC: usize = 64 * 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with its config, of two access units.
    fn frame(version: bool) -> Vec<u8> {
        let mut out = BitWriter::default();
        let mut put = |value, count| out.put(value, count);
        put(0, 1);
        put(u32::from(version), 1);
        if version {
            put(0, 1);
            put(0, 2);
            put(0xff, 8); // buffer fullness
        }
        put(1, 1);
        put(1, 6); // two access units
        put(0, 7);
        if version {
            put(0, 2);
            put(16, 8);
        }
        put(0x1190, 16);
        put(0, 3);
        put(0xff, 8);
        put(0, 1);
        put(0, 1);
        for payload in [&[7; 300][..], b"abc"] {
            for _ in 0..payload.len() / 255 {
                put(255, 8);
            }
            put(payload.len() as u32 % 255, 8);
            payload.iter().for_each(|&byte| put(byte.into(), 8));
        }
        out.into_bytes()
    }

    #[test]
    fn units_are_shifted_to_bytes() {
        for version in [false, true] {
            let mut multiplex = Multiplex::default();
            let (mut bytes, mut units) = (frame(version), Vec::new());
            assert_eq!(multiplex.unpack(&mut bytes, &mut units), Some(1024), "version {version}");
            assert_eq!(units, [300, 3]);
            assert_eq!((&bytes[..300], &bytes[300..303]), (&[7; 300][..], &b"abc"[..]));
            assert!(multiplex.take_change() && !multiplex.take_change());
            let config = multiplex.describe().unwrap();
            assert_eq!(config.config, esds(0x40, &[0x11, 0x90]));
            assert_eq!((config.sample_rate, config.channels), (48_000, 2));
            multiplex.unpack(&mut frame(version), &mut Vec::new()).unwrap();
            assert!(!multiplex.take_change(), "the same config again");
        }
    }

    #[test]
    fn frames_that_break_off() {
        for version in [false, true] {
            let whole = frame(version);
            for length in 0..whole.len() - 1 {
                let unpacked = Multiplex::default().unpack(&mut whole[..length].to_vec(), &mut Vec::new());
                assert_eq!(unpacked, None, "{length} bytes");
            }
        }
        // No config yet.
        assert_eq!(Multiplex::default().unpack(&mut [0x80, 1, 2], &mut Vec::new()), None);
    }
}
