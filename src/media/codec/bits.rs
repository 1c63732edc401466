//! A bit reader over bytes, most significant bit first, with the Exp-Golomb codes of ITU-T H.264 §9.1; and a writer.

/// Reads bits; `None` once the bytes are used up.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Up to 32 bits as a number.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value)
    }

    /// `ue(v)`. A code longer than 32 bits is no legal one: `None`.
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let low = self.bits(zeros)?;
        Some((1_u32 << zeros).wrapping_sub(1).wrapping_add(low))
    }

    /// `se(v)`.
    pub(crate) fn se(&mut self) -> Option<i32> {
        let code = self.ue()?;
        let magnitude = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 1 { magnitude } else { -magnitude })
    }
}

impl BitReader<'_> {
    /// Bits read so far.
    pub(crate) fn position(&self) -> usize {
        self.at
    }
}

/// Writes bits.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are still free.
    free: u32,
}

impl BitWriter {
    /// Appends the low `count` bits of `value`.
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> bit & 1 == 1) << self.free;
            }
        }
    }

    /// Fills the last byte with zeros.
    pub(crate) fn align(&mut self) {
        self.free = 0;
    }

    /// What was written; the last byte filled with zeros.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes() {
        // Codes 0 to 4 of table 9-1: 1, 010, 011, 00100, 00101, then a bit to spare.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut reader = BitReader::new(&bytes);
        assert_eq!([(); 5].map(|()| reader.ue().unwrap()), [0, 1, 2, 3, 4]);
        let mut reader = BitReader::new(&bytes);
        assert_eq!([(); 5].map(|()| reader.se().unwrap()), [0, 1, -1, 2, -2]);
    }

    #[test]
    fn the_end_and_endless_codes() {
        let mut reader = BitReader::new(&[0xa5]);
        assert_eq!(reader.bits(8), Some(0xa5));
        assert_eq!(reader.bit(), None);
        assert_eq!(reader.bits(0), Some(0));
        assert_eq!(BitReader::new(&[0; 100]).ue(), None);
    }
}
