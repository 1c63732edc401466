//! AES-128 in counter mode as Common Encryption counts (ISO/IEC 23001-7 §9.3): the last 8 of 16 bytes are the block
//! counter, which wraps around by itself.

use aes::cipher::{Array, BlockCipherEncrypt};
use aes::{Aes128, Block};

use super::BLOCK;

/// The key stream of one sample, which goes on over all that is encrypted in it.
pub(crate) struct CtrStream<'a> {
    cipher: &'a Aes128,
    head: [u8; 8],
    count: u64,
    /// Some blocks of key stream, because ciphers work on several at once, and how many bytes of them are used.
    stream: [u8; LANES * BLOCK],
    used: usize,
}

impl<'a> CtrStream<'a> {
    /// The stream that starts at a counter block.
    pub(crate) fn new(cipher: &'a Aes128, iv: &[u8; BLOCK]) -> Self {
        let (head, count) = iv.split_at(BLOCK / 2);
        let half = |bytes: &[u8]| bytes.first_chunk().copied().unwrap_or_default();
        Self {
            cipher,
            head: half(head),
            count: u64::from_be_bytes(half(count)),
            stream: [0; LANES * BLOCK],
            used: LANES * BLOCK,
        }
    }

    /// Decrypts (or encrypts, which is the same) in place.
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.used >= LANES * BLOCK {
                self.refill();
            }
            let stream = self.stream.get(self.used..).unwrap_or_default();
            let count = stream.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            for (byte, key) in now.iter_mut().zip(stream) {
                *byte ^= key;
            }
            self.used = self.used.saturating_add(count);
            rest = later;
        }
    }

    fn refill(&mut self) {
        let (blocks, _) = Array::slice_as_chunks_mut(&mut self.stream);
        for block in blocks.iter_mut() {
            let block: &mut Block = block;
            let (head, count) = block.split_at_mut(BLOCK / 2);
            head.copy_from_slice(&self.head);
            count.copy_from_slice(&self.count.to_be_bytes());
            self.count = self.count.wrapping_add(1);
        }
        self.cipher.encrypt_blocks(blocks);
        self.used = 0;
    }
}

/// Blocks that are encrypted at once.
const LANES: usize = 8;

#[cfg(test)]
mod tests {
    use aes::cipher::KeyInit;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    // NIST SP 800-38A F.5.1, CTR-AES128.Encrypt.
    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
    const CLEAR: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    const CIPHER: &str = "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff\
                          5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee";

    #[test]
    fn stretches_of_any_length_are_one_stream() {
        let cipher = Aes128::new_from_slice(&hex(KEY)).unwrap();
        let iv: [u8; 16] = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
        for length in 1..64 {
            let mut bytes = hex(CIPHER);
            let mut stream = CtrStream::new(&cipher, &iv);
            bytes.chunks_mut(length).for_each(|chunk| stream.apply(chunk));
            assert_eq!(bytes, hex(CLEAR), "{length}");
        }
    }

    #[test]
    fn the_counter_has_eight_bytes() {
        let cipher = Aes128::new_from_slice(&hex(KEY)).unwrap();
        let stream = |iv: &str| {
            let mut bytes = [0; 32];
            CtrStream::new(&cipher, &hex(iv).try_into().unwrap()).apply(&mut bytes);
            bytes
        };
        let wrapping = stream("0102030405060708ffffffffffffffff");
        assert_eq!(wrapping[16..], stream("01020304050607080000000000000000")[..16]);
    }
}
