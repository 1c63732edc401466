//! Whole segments, decrypted in place while the ciphertext arrives: AES in CBC mode with PKCS#7 padding (RFC 5652
//! §6.3), or in counter mode without any.
//!
//! Invariant: what goes to the sink does not depend on how the ciphertext was cut into chunks, and the last
//! block of CBC goes there only once it is known to be the last.

use core::fmt;

use cloud_player_cipher::{CbcCipher, Chain, CtrCipher, CtrStream, LONG, Width};

use super::{BLOCK, ContentKey, CryptoError, Iv};

/// How whole segments are encrypted: the methods of `EXT-X-KEY` that leave nothing of a segment in the clear.
///
/// RFC 8216bis §4.4.4.4 has AES-128; the other two go the same way with a longer key, as hls.js and Shaka Player have
/// them too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentMethod {
    /// `AES-128`: CBC, padded by PKCS#7.
    Aes128,
    /// `AES-256`: CBC, padded by PKCS#7.
    Aes256,
    /// `AES-256-CTR`: counter mode. The IV is the first counter block, and there is no padding.
    Aes256Ctr,
}

impl SegmentMethod {
    /// Bytes in a key of this method.
    pub const fn key_length(self) -> usize {
        match self {
            Self::Aes128 => BLOCK,
            Self::Aes256 | Self::Aes256Ctr => LONG,
        }
    }
}

/// Decrypts one segment.
///
/// In CBC mode up to 16 bytes of ciphertext are withheld between calls: a block that is not complete, or one that may
/// turn out to be the last and hold the padding.
pub struct Decryptor {
    mode: Mode,
    withheld: [u8; BLOCK],
    withheld_len: usize,
    length: u64,
}

enum Mode {
    Cbc(CbcCipher, Chain),
    Counter(CtrCipher, CtrStream),
}

impl Decryptor {
    /// A decryptor at the first byte of a segment. The key must be of the length that the method needs.
    pub fn new(method: SegmentMethod, key: &ContentKey, iv: &Iv) -> Result<Self, CryptoError> {
        let mode = match method {
            SegmentMethod::Aes128 => Mode::Cbc(CbcCipher::aes128(key.aes128()?), Chain::new(iv.as_bytes())),
            SegmentMethod::Aes256 => Mode::Cbc(CbcCipher::aes256(key.aes256()?), Chain::new(iv.as_bytes())),
            SegmentMethod::Aes256Ctr => {
                Mode::Counter(CtrCipher::aes256(key.aes256()?), CtrStream::new(iv.as_bytes(), Width::Full))
            }
        };
        Ok(Self { mode, withheld: [0; BLOCK], withheld_len: 0, length: 0 })
    }

    /// Takes the next bytes of ciphertext, decrypts what can be decrypted in place in `chunk`, and hands clear
    /// bytes to `sink`, at most twice. Stops with the sink's error.
    pub fn push<E>(
        &mut self,
        chunk: &mut [u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.length = self.length.saturating_add(chunk.len() as u64);
        if let Mode::Counter(cipher, stream) = &mut self.mode {
            cipher.apply(stream, chunk);
            return if chunk.is_empty() { Ok(()) } else { sink(chunk) };
        }
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
        if matches!(self.mode, Mode::Counter(..)) {
            return Ok(());
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
        self.decrypt_blocks(clear);
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
        let mut block = self.withheld;
        self.decrypt_blocks(&mut block);
        self.withheld_len = 0;
        block
    }

    /// Whole blocks.
    fn decrypt_blocks(&mut self, bytes: &mut [u8]) {
        if let Mode::Cbc(cipher, chain) = &mut self.mode {
            cipher.decrypt(chain, bytes, BLOCK, BLOCK);
        }
    }
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor").field("length", &self.length).finish_non_exhaustive()
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
        decrypt_with(SegmentMethod::Aes128, KEY, ciphertext, chunk)
    }

    fn decrypt_with(
        method: SegmentMethod,
        key: &str,
        ciphertext: &[u8],
        chunk: usize,
    ) -> Result<Vec<u8>, CryptoError> {
        let key = ContentKey::from_hex(key).unwrap();
        let mut decryptor = Decryptor::new(method, &key, &Iv::from_hex(IV).unwrap())?;
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

    /// NIST SP 800-38A F.2.5, CBC-AES256.Encrypt, and the padding block that OpenSSL adds to its four blocks.
    #[test]
    fn a_key_of_256_bits() {
        const KEY: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
        const CIPHER: &str = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
                              39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b\
                              3f461796d6b0d6b2e0c2a72b4d80e644";
        for chunk in 1..=100 {
            let clear = decrypt_with(SegmentMethod::Aes256, KEY, &hex(CIPHER), chunk).unwrap();
            assert_eq!(clear, hex(CLEAR), "chunks of {chunk}");
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let (short, long) = (KEY, [KEY, KEY].concat());
        for (method, key) in [
            (SegmentMethod::Aes128, long.as_str()),
            (SegmentMethod::Aes256, short),
            (SegmentMethod::Aes256Ctr, short),
        ] {
            let needed = method.key_length();
            let error = decrypt_with(method, key, &hex(CIPHER), 16).unwrap_err();
            assert_eq!(error, CryptoError::KeyMismatch { length: 48 - needed, needed });
        }
    }

    #[test]
    fn counter_mode_withholds_nothing_and_has_no_padding() {
        let key = ContentKey::from_hex(&[KEY, KEY].concat()).unwrap();
        for length in 1..40 {
            let mut decryptor =
                Decryptor::new(SegmentMethod::Aes256Ctr, &key, &Iv::from_sequence(7)).unwrap();
            let mut seen = 0;
            let mut sink = |bytes: &[u8]| -> Result<(), CryptoError> {
                assert!(!bytes.is_empty());
                seen += bytes.len();
                Ok(())
            };
            decryptor.push(&mut [], &mut sink).unwrap();
            decryptor.push(&mut vec![0; length], &mut sink).unwrap();
            assert_eq!((decryptor.length(), decryptor.finish(&mut sink)), (length as u64, Ok(())));
            assert_eq!(seen, length);
        }
        let empty = Decryptor::new(SegmentMethod::Aes256Ctr, &key, &Iv::from_sequence(7)).unwrap();
        assert_eq!(empty.finish(|_| Ok::<(), CryptoError>(())), Err(CryptoError::Empty));
    }

    #[test]
    fn only_the_last_block_waits() {
        let key = ContentKey::from_hex(KEY).unwrap();
        let mut decryptor = Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_hex(IV).unwrap()).unwrap();
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
        let mut decryptor = Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_hex(IV).unwrap()).unwrap();
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
        let mut decryptor = Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_hex(IV).unwrap()).unwrap();
        assert_eq!(decryptor.push(&mut hex(CIPHER), |_| Err("full")), Err("full"));
    }
}
