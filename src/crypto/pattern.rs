//! Which blocks of a stretch are encrypted, and AES-128 in CBC mode over those alone (ISO/IEC 23001-7 §9.6, §10.3).

use core::ops::Range;

use aes::cipher::{Array, BlockCipherDecrypt};
use aes::{Aes128, Block};

use super::BLOCK;

/// So many blocks are encrypted, then so many are not, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Encrypted blocks.
    pub(crate) crypt: u8,
    /// Clear blocks behind them. 0: all whole blocks are encrypted.
    pub(crate) skip: u8,
}

impl Pattern {
    /// All whole blocks.
    pub(crate) const NONE: Self = Self { crypt: 0, skip: 0 };

    /// What is encrypted of a stretch of so many bytes. What does not fill all the blocks that the pattern encrypts at
    /// once is in the clear, as is what does not fill a block.
    pub(crate) fn runs(self, length: usize) -> impl Iterator<Item = Range<usize>> {
        let whole = length / BLOCK * BLOCK;
        let (run, stride) = match self {
            Self { skip: 0, .. } => (whole, whole),
            Self { crypt, skip } => {
                let run = usize::from(crypt) * BLOCK;
                (run, run + usize::from(skip) * BLOCK)
            }
        };
        // Nothing encrypted: no step, and no run.
        let starts = (0..whole).step_by(stride.max(1)).take_while(move |_| run > 0);
        starts.map(move |start| start..start + run).take_while(move |run| run.end <= length)
    }
}

/// A chain of blocks.
pub(crate) struct CbcChain<'a> {
    cipher: &'a Aes128,
    previous: Block,
}

impl<'a> CbcChain<'a> {
    /// The chain that starts with a vector.
    pub(crate) fn new(cipher: &'a Aes128, iv: &[u8; BLOCK]) -> Self {
        Self { cipher, previous: Array(*iv) }
    }

    /// Decrypts, in place, the blocks of a stretch that the pattern says are encrypted.
    pub(crate) fn decrypt(&mut self, bytes: &mut [u8], pattern: Pattern) {
        let length = bytes.len();
        let mut places = pattern.runs(length).flat_map(|run| run.step_by(BLOCK));
        loop {
            // Ciphers work on several blocks at once, wherever those come from.
            let (mut at, mut blocks, mut count) = ([0; LANES], [Block::default(); LANES], 0);
            for ((at, block), place) in at.iter_mut().zip(&mut blocks).zip(&mut places) {
                let Some(bytes) = bytes.get(place..).and_then(<[u8]>::first_chunk::<BLOCK>) else { break };
                *at = place;
                *block = Array(*bytes);
                count += 1;
            }
            if count == 0 {
                return;
            }
            let encrypted = blocks;
            self.cipher.decrypt_blocks(blocks.get_mut(..count).unwrap_or_default());
            for ((at, clear), encrypted) in at.iter().zip(&blocks).zip(encrypted).take(count) {
                let to = bytes.get_mut(*at..).unwrap_or_default();
                for ((to, clear), previous) in to.iter_mut().zip(clear).zip(self.previous) {
                    *to = clear ^ previous;
                }
                self.previous = encrypted;
            }
        }
    }
}

/// Blocks that are decrypted at once.
const LANES: usize = 8;

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockModeEncrypt, KeyInit, KeyIvInit};

    use super::*;

    #[test]
    fn a_pattern_leaves_its_end_clear() {
        let runs = |crypt, skip, length| Pattern { crypt, skip }.runs(length).collect::<Vec<_>>();
        assert_eq!(runs(1, 9, 400), [0..16, 160..176, 320..336]);
        assert_eq!(runs(1, 9, 175), vec![0..16]);
        assert_eq!(runs(2, 1, 79), vec![0..32], "of the second two only one and a bit are there");
        assert_eq!(runs(2, 1, 80), [0..32, 48..80]);
        assert_eq!(runs(0, 0, 47), vec![0..32]);
        assert_eq!(runs(3, 0, 47), vec![0..32]);
        assert!(runs(0, 5, 400).is_empty() && runs(1, 9, 15).is_empty() && runs(0, 0, 0).is_empty());
    }

    #[test]
    fn a_chain_goes_on_behind_what_is_clear() {
        let (key, iv) = ([7; 16], [9; 16]);
        let cipher = Aes128::new(&key.into());
        let clear: Vec<u8> = (0..1000_u32).map(|i| (i * 7) as u8).collect();
        for pattern in [Pattern::NONE, Pattern { crypt: 1, skip: 9 }, Pattern { crypt: 3, skip: 2 }] {
            let mut bytes = clear.clone();
            let mut encryptor = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into());
            for run in pattern.runs(bytes.len()) {
                for block in bytes[run].chunks_mut(16) {
                    encryptor.encrypt_block(block.try_into().unwrap());
                }
            }
            assert_ne!(bytes, clear);
            CbcChain::new(&cipher, &iv).decrypt(&mut bytes, pattern);
            assert_eq!(bytes, clear, "{pattern:?}");
        }
    }
}
