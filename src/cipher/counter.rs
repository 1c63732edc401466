//! AES in counter mode (NIST SP 800-38A §6.5), for keys of either length: a stream of key bytes that the content is
//! combined with.
//!
//! One function does it for whole segments and for samples alike.

use core::fmt;

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit, ParBlocks,
};
use aes::{Aes128Enc, Aes256Enc, Block};

use super::{BLOCK, LONG};

/// A key, ready to make key bytes.
pub struct CtrCipher(Key);

enum Key {
    Aes128(Aes128Enc),
    Aes256(Aes256Enc),
}

/// Some byte of a stream.
pub struct CtrStream {
    width: Width,
    /// What the next block of key bytes is made from.
    counter: u128,
    /// The last block of key bytes, of which the last `left` are unused.
    last: Block,
    left: usize,
}

/// How much of a counter block counts and wraps around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The last 8 bytes, as Common Encryption counts (ISO/IEC 23001-7 §9.3).
    Half,
    /// All 16 bytes.
    Full,
}

impl CtrCipher {
    /// With a key of 16 bytes.
    pub fn aes128(key: &[u8; BLOCK]) -> Self {
        Self(Key::Aes128(Aes128Enc::new(key.into())))
    }

    /// With a key of 32 bytes.
    pub fn aes256(key: &[u8; LONG]) -> Self {
        Self(Key::Aes256(Aes256Enc::new(key.into())))
    }

    /// Decrypts (or encrypts, which is the same) the next bytes in place.
    #[inline(never)]
    pub fn apply(&self, stream: &mut CtrStream, bytes: &mut [u8]) {
        let (head, rest) = bytes.split_at_mut(stream.left.min(bytes.len()));
        let unused = stream.last.get(BLOCK.saturating_sub(stream.left)..).unwrap_or_default();
        combine(head, unused);
        stream.left = stream.left.saturating_sub(head.len());
        if rest.is_empty() {
            return;
        }
        let work = Work { stream, bytes: rest };
        match &self.0 {
            Key::Aes128(cipher) => cipher.encrypt_with_backend(work),
            Key::Aes256(cipher) => cipher.encrypt_with_backend(work),
        }
    }
}

impl CtrStream {
    /// The stream whose first counter block is the IV.
    pub fn new(iv: &[u8; BLOCK], width: Width) -> Self {
        Self { width, counter: u128::from_be_bytes(*iv), last: Block::default(), left: 0 }
    }

    fn counter(&self, number: u64) -> u128 {
        match self.width {
            Width::Full => self.counter.wrapping_add(u128::from(number)),
            Width::Half => {
                let low = self.counter as u64;
                self.counter & !u128::from(u64::MAX) | u128::from(low.wrapping_add(number))
            }
        }
    }
}

struct Work<'a> {
    stream: &'a mut CtrStream,
    bytes: &'a mut [u8],
}

impl BlockSizeUser for Work<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Work<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { stream, bytes } = self;
        for run in bytes.chunks_mut(BLOCK * B::ParBlocksSize::USIZE) {
            let mut blocks = ParBlocks::<B>::default();
            for (number, block) in (0..).zip(&mut blocks) {
                *block = Array(stream.counter(number).to_be_bytes());
            }
            backend.encrypt_par_blocks_inplace(&mut blocks);
            let count = run.len().div_ceil(BLOCK);
            stream.counter = stream.counter(count as u64);
            combine(run, Array::slice_as_flattened(&blocks));
            stream.last = blocks.get(count.saturating_sub(1)).copied().unwrap_or_default();
            stream.left = count.saturating_mul(BLOCK).saturating_sub(run.len());
        }
    }
}

fn combine(bytes: &mut [u8], stream: &[u8]) {
    for (byte, key) in bytes.iter_mut().zip(stream) {
        *byte ^= key;
    }
}

impl fmt::Debug for CtrStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CtrStream([secret])")
    }
}

impl fmt::Debug for CtrCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CtrCipher([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let bytes = (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap());
        bytes.collect::<Vec<_>>().try_into().unwrap()
    }

    fn aes128() -> CtrCipher {
        CtrCipher::aes128(&hex("2b7e151628aed2a6abf7158809cf4f3c"))
    }

    fn aes256() -> CtrCipher {
        CtrCipher::aes256(&hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"))
    }

    fn apply(cipher: &CtrCipher, width: Width, iv: [u8; 16], bytes: &[u8], chunk: usize) -> Vec<u8> {
        let mut stream = CtrStream::new(&iv, width);
        let mut bytes = bytes.to_vec();
        bytes.chunks_mut(chunk).for_each(|chunk| cipher.apply(&mut stream, chunk));
        bytes
    }

    /// NIST SP 800-38A F.5.2 and F.5.6, CTR-AES128.Decrypt and CTR-AES256.Decrypt. Their counter passes `0xff` in the
    /// last byte.
    #[test]
    fn the_standards_own_examples() {
        let iv = core::array::from_fn(|i| 0xf0 + i as u8);
        let aes128_cipher: [u128; 4] = [
            0x874d_6191_b620_e326_1bef_6864_990d_b6ce,
            0x9806_f66b_7970_fdff_8617_187b_b9ff_fdff,
            0x5ae4_df3e_dbd5_d35e_5b4f_0902_0db0_3eab,
            0x1e03_1dda_2fbe_03d1_7921_70a0_f300_9cee,
        ];
        let aes256_cipher: [u128; 4] = [
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
        for (cipher, encrypted) in [(aes128(), aes128_cipher), (aes256(), aes256_cipher)] {
            for width in [Width::Half, Width::Full] {
                for chunk in 1..=64 {
                    let got = apply(&cipher, width, iv, &bytes(encrypted), chunk);
                    assert_eq!(got, bytes(clear), "{width:?}, chunks of {chunk}");
                }
            }
        }
    }

    #[test]
    fn a_full_counter_is_a_number_of_128_bits() {
        let full = |iv| apply(&aes256(), Width::Full, iv, &[0; 48], 48);
        // From all ones the counter goes to zero, whose key bytes a stream from zero begins with.
        assert_eq!(full([0xff; 16])[16..], full([0; 16])[..32]);
        // A carry out of the low half goes into the high half.
        assert_eq!(
            full(hex("ffffffffffffff00ffffffffffffffff"))[16..],
            full(hex("ffffffffffffff010000000000000000"))[..32]
        );
    }

    #[test]
    fn a_half_counter_has_eight_bytes() {
        let half = |iv| apply(&aes128(), Width::Half, hex(iv), &[0; 96], 96);
        for (iv, wrapped) in [
            ("0102030405060708ffffffffffffffff", "01020304050607080000000000000000"),
            ("ffffffffffffffffffffffffffffffff", "ffffffffffffffff0000000000000000"),
        ] {
            assert_eq!(half(iv)[16..], half(wrapped)[..80]);
        }
    }

    #[test]
    fn a_cipher_shows_nothing() {
        assert_eq!(format!("{:?}", aes128()), "CtrCipher([secret])");
    }
}
