//! AES in counter mode (NIST SP 800-38A §6.5): a stream of key bytes that the content is combined with.
//!
//! The first counter block is the IV; each further one is it plus one, as a number of 128 bits.

use core::fmt;

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit, ParBlocks,
};
use aes::{Aes256Enc, Block};

use super::{BLOCK, ContentKey, CryptoError, Iv};

/// AES-256 in counter mode at some byte of its stream.
pub(super) struct CounterMode {
    cipher: Aes256Enc,
    /// What the next block of key bytes is made from.
    counter: u128,
    /// The last block of key bytes, of which the last `left` are unused.
    last: Block,
    left: usize,
}

impl CounterMode {
    pub(super) fn new(key: &ContentKey, iv: &Iv) -> Result<Self, CryptoError> {
        let cipher = Aes256Enc::new(key.aes256()?.into());
        let counter = u128::from_be_bytes(*iv.as_bytes());
        Ok(Self { cipher, counter, last: Block::default(), left: 0 })
    }

    /// Decrypts the next bytes.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let (head, rest) = bytes.split_at_mut(self.left.min(bytes.len()));
        let unused = self.last.get(BLOCK.saturating_sub(self.left)..).unwrap_or_default();
        combine(head, unused);
        self.left = self.left.saturating_sub(head.len());
        if !rest.is_empty() {
            let Self { cipher, counter, last, left } = self;
            cipher.encrypt_with_backend(Work { counter, last, left, bytes: rest });
        }
    }
}

struct Work<'a> {
    counter: &'a mut u128,
    last: &'a mut Block,
    left: &'a mut usize,
    bytes: &'a mut [u8],
}

impl BlockSizeUser for Work<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Work<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        for run in self.bytes.chunks_mut(BLOCK * B::ParBlocksSize::USIZE) {
            let mut blocks = ParBlocks::<B>::default();
            for (number, block) in (0..).zip(&mut blocks) {
                *block = Array(self.counter.wrapping_add(number).to_be_bytes());
            }
            backend.encrypt_par_blocks_inplace(&mut blocks);
            let count = run.len().div_ceil(BLOCK);
            *self.counter = self.counter.wrapping_add(count as u128);
            combine(run, Array::slice_as_flattened(&blocks));
            *self.last = blocks.get(count.saturating_sub(1)).copied().unwrap_or_default();
            *self.left = count.saturating_mul(BLOCK).saturating_sub(run.len());
        }
    }
}

fn combine(bytes: &mut [u8], stream: &[u8]) {
    for (byte, key) in bytes.iter_mut().zip(stream) {
        *byte ^= key;
    }
}

impl fmt::Debug for CounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterMode([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(iv: [u8; 16], bytes: &[u8], chunk: usize) -> Vec<u8> {
        let key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
        let key = ContentKey::from_hex(key).unwrap();
        let mut mode = CounterMode::new(&key, &Iv::from_bytes(iv)).unwrap();
        let mut bytes = bytes.to_vec();
        bytes.chunks_mut(chunk).for_each(|chunk| mode.apply(chunk));
        bytes
    }

    /// NIST SP 800-38A F.5.6, CTR-AES256.Decrypt. Its counter passes `0xff` in the last byte.
    #[test]
    fn the_standards_own_example() {
        let iv = core::array::from_fn(|i| 0xf0 + i as u8);
        let cipher: [u128; 4] = [
            0x601e_c313_7757_89a5_b7a7_f504_bbf3_d228,
            0xf443_e3ca_4d62_b59a_ca84_e990_caca_f5c5,
            0x2b09_30da_a23d_e94c_e870_17ba_2d84_988d,
            0xdfc9_c58d_b67a_ada6_13c2_dd08_4579_41a6,
        ];
        let clear: [u128; 4] = [
            0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a,
            0xae2d_8a57_1e03_ac9c_9eb7_6fac_45af_8e51,
            0x30c8_1c46_a35c_e411_e5fb_c119_1a0a_52ef,
            0xf69f_2445_df4f_9b17_ad2b_417b_e66c_3710,
        ];
        let bytes = |blocks: [u128; 4]| blocks.map(u128::to_be_bytes).concat();
        for chunk in 1..=64 {
            assert_eq!(apply(iv, &bytes(cipher), chunk), bytes(clear), "chunks of {chunk}");
        }
    }

    #[test]
    fn the_counter_is_a_number_of_128_bits() {
        // From all ones the counter goes to zero, whose key bytes a stream from zero begins with.
        let (zeros, mut low) = ([0; 48], [0xff; 16]);
        assert_eq!(apply(low, &zeros, 48)[16..], apply([0; 16], &zeros, 48)[..32]);
        // A carry out of the low half goes into the high half.
        low[7] = 0;
        let mut carried = [0xff; 16];
        carried[7] = 1;
        carried[8..].fill(0);
        assert_eq!(apply(low, &zeros, 48)[16..], apply(carried, &zeros, 48)[..32]);
    }
}
