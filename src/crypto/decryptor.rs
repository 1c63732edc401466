//! AES-128-CBC with PKCS#7 padding (RFC 5652 §6.3), decrypted in place while the ciphertext arrives.
//!
//! Invariant: what goes to the sink does not depend on how the ciphertext was cut into chunks, and the last
//! block goes there only once it is known to be the last.

use core::fmt;

use aes::Aes128;
use cbc::Decryptor;
use cbc::cipher::{Array, BlockModeDecrypt, KeyIvInit};

use super::{BLOCK, ContentKey, CryptoError, Iv};

/// Decrypts one segment.
///
/// Up to 16 bytes of ciphertext are withheld between calls: a block that is not complete, or one that may turn
/// out to be the last and hold the padding.
pub struct CbcDecryptor {
    cipher: Decryptor<Aes128>,
    withheld: [u8; BLOCK],
    withheld_len: usize,
    length: u64,
}

impl CbcDecryptor {
    /// A decryptor at the first byte of a segment.
    pub fn new(key: &ContentKey, iv: &Iv) -> Self {
        let cipher = Decryptor::new(key.expose().into(), iv.as_bytes().into());
        Self { cipher, withheld: [0; BLOCK], withheld_len: 0, length: 0 }
    }

    /// Takes the next bytes of ciphertext, decrypts what can be decrypted in place in `chunk`, and hands clear
    /// bytes to `sink`, at most twice. Stops with the sink's error.
    pub fn push<E>(
        &mut self,
        chunk: &mut [u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.length = self.length.saturating_add(chunk.len() as u64);
        let free = BLOCK.saturating_sub(self.withheld_len);
        let Some((head, rest)) = chunk.split_at_mut_checked(free).filter(|(_, rest)| !rest.is_empty()) else {
            self.withhold(chunk);
            return Ok(());
        };
        // More bytes follow the withheld block, so it is not the last.
        if self.withheld_len > 0 {
            self.withhold(head);
            sink(&self.decrypt_withheld())?;
            self.decrypt_body(rest, sink)
        } else {
            self.decrypt_body(chunk, sink)
        }
    }

    /// The ciphertext is complete: hands the last bytes to `sink`, without their padding.
    pub fn finish<E: From<CryptoError>>(
        mut self,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.length == 0 {
            return Err(CryptoError::Empty.into());
        }
        if self.withheld_len != BLOCK {
            return Err(CryptoError::NotBlockAligned { length: self.length }.into());
        }
        let block = self.decrypt_withheld();
        let padding = block.last().map_or(0, |&n| usize::from(n));
        match block.len().checked_sub(padding).and_then(|n| block.split_at_checked(n)) {
            Some((clear, pad)) if padding > 0 && pad.iter().all(|&b| usize::from(b) == padding) => {
                if clear.is_empty() { Ok(()) } else { sink(clear) }
            }
            _ => Err(CryptoError::BadPadding.into()),
        }
    }

    /// Bytes of ciphertext taken so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// All but the last 1 to 16 bytes of `body`, which starts on a block.
    fn decrypt_body<E>(
        &mut self,
        body: &mut [u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let whole = body.len().saturating_sub(1) / BLOCK * BLOCK;
        let Some((clear, tail)) = body.split_at_mut_checked(whole) else { return Ok(()) };
        self.withhold(tail);
        if clear.is_empty() {
            return Ok(());
        }
        let (blocks, _) = Array::slice_as_chunks_mut(clear);
        self.cipher.decrypt_blocks(blocks);
        sink(clear)
    }

    fn withhold(&mut self, bytes: &[u8]) {
        let free = self.withheld.get_mut(self.withheld_len..).unwrap_or_default();
        for (to, from) in free.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.withheld_len = self.withheld_len.saturating_add(bytes.len()).min(BLOCK);
    }

    fn decrypt_withheld(&mut self) -> [u8; BLOCK] {
        let mut block = Array::from(self.withheld);
        self.cipher.decrypt_block(&mut block);
        self.withheld_len = 0;
        block.into()
    }
}

impl fmt::Debug for CbcDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CbcDecryptor").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // NIST SP 800-38A F.2.1, CBC-AES128.Encrypt, and the padding block that follows its four blocks.
    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
    const IV: &str = "0x000102030405060708090a0b0c0d0e0f";
    const CLEAR: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    const CIPHER: &str = "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2\
                          73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7\
                          8cb82807230e1321d3fae00d18cc2012";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    fn decrypt(ciphertext: &[u8], chunk: usize) -> Result<Vec<u8>, CryptoError> {
        let key = ContentKey::from_hex(KEY).unwrap();
        let mut decryptor = CbcDecryptor::new(&key, &Iv::from_hex(IV).unwrap());
        let mut clear = Vec::new();
        let mut sink = |bytes: &[u8]| {
            assert!(!bytes.is_empty());
            clear.extend_from_slice(bytes);
            Ok::<(), CryptoError>(())
        };
        for chunk in ciphertext.to_vec().chunks_mut(chunk) {
            decryptor.push(chunk, &mut sink)?;
        }
        decryptor.finish(&mut sink)?;
        Ok(clear)
    }

    #[test]
    fn chunks_of_any_size_decrypt_alike() {
        for chunk in 1..=100 {
            assert_eq!(decrypt(&hex(CIPHER), chunk).unwrap(), hex(CLEAR), "chunks of {chunk}");
        }
    }

    #[test]
    fn only_the_last_block_waits() {
        let key = ContentKey::from_hex(KEY).unwrap();
        let mut decryptor = CbcDecryptor::new(&key, &Iv::from_hex(IV).unwrap());
        let mut seen = 0;
        for (i, byte) in hex(CIPHER).into_iter().enumerate() {
            decryptor
                .push(&mut [byte], |clear| {
                    seen += clear.len();
                    Ok::<(), ()>(())
                })
                .unwrap();
            assert_eq!(seen, i / BLOCK * BLOCK, "after {} bytes", i + 1);
        }
    }

    #[test]
    fn an_empty_chunk_changes_nothing() {
        let key = ContentKey::from_hex(KEY).unwrap();
        let mut decryptor = CbcDecryptor::new(&key, &Iv::from_hex(IV).unwrap());
        let mut ciphertext = hex(CIPHER);
        let mut clear = Vec::new();
        let mut sink = |bytes: &[u8]| {
            clear.extend_from_slice(bytes);
            Ok::<(), CryptoError>(())
        };
        for chunk in ciphertext.chunks_mut(16) {
            for part in [&mut [][..], chunk, &mut []] {
                decryptor.push(part, &mut sink).unwrap();
            }
        }
        decryptor.finish(&mut sink).unwrap();
        assert_eq!(clear, hex(CLEAR));
    }

    #[test]
    fn failures_are_told_apart() {
        let ciphertext = hex(CIPHER);
        assert_eq!(decrypt(&[], 16), Err(CryptoError::Empty));
        for length in [1, 15, 17, 79] {
            let cut = &ciphertext[..length];
            assert_eq!(decrypt(cut, 7), Err(CryptoError::NotBlockAligned { length: length as u64 }));
        }
        // Without its last block the message ends in 0x10, which asks for sixteen bytes of 0x10.
        assert_eq!(decrypt(&ciphertext[..64], 64), Err(CryptoError::BadPadding));
    }

    #[test]
    fn a_sinks_error_comes_out() {
        let key = ContentKey::from_hex(KEY).unwrap();
        let mut decryptor = CbcDecryptor::new(&key, &Iv::from_hex(IV).unwrap());
        assert_eq!(decryptor.push(&mut hex(CIPHER), |_| Err("full")), Err("full"));
    }
}
