//! Content keys and initialization vectors.
//!
//! Invariant: a key shows nothing of itself and is overwritten when dropped.

use core::fmt;

use cloud_player_cipher::LONG;

use crate::secret::Secret;

use super::{BLOCK, CryptoError};

/// A content key: of AES-128, or of AES-256.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey(Bytes);

#[derive(Clone, PartialEq, Eq)]
enum Bytes {
    Aes128(Secret<[u8; BLOCK]>),
    Aes256(Secret<[u8; LONG]>),
}

impl ContentKey {
    /// The key as a key server sends it: 16 or 32 raw bytes and nothing else (RFC 8216bis §5).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        if let Ok(key) = <[u8; BLOCK]>::try_from(bytes) {
            return Ok(Self(Bytes::Aes128(Secret::new(key))));
        }
        match <[u8; LONG]>::try_from(bytes) {
            Ok(key) => Ok(Self(Bytes::Aes256(Secret::new(key)))),
            Err(_) => Err(CryptoError::KeyLength { length: bytes.len() }),
        }
    }

    /// The key as people write it: 32 or 64 hexadecimal digits, with or without `0x`.
    pub fn from_hex(text: &str) -> Result<Self, CryptoError> {
        let digits = without_prefix(text);
        if digits.len() == 2 * LONG {
            let halves = digits.split_at_checked(LONG).ok_or(CryptoError::MalformedKey)?;
            let half = |digits| u128_from_hex(digits).ok_or(CryptoError::MalformedKey);
            let mut key = Secret::new([0; LONG]);
            let (high, low) = key.expose_mut().split_at_mut(BLOCK);
            high.copy_from_slice(&half(halves.0)?.to_be_bytes());
            low.copy_from_slice(&half(halves.1)?.to_be_bytes());
            return Ok(Self(Bytes::Aes256(key)));
        }
        match u128_from_hex(digits) {
            Some(value) if digits.len() == 2 * BLOCK => {
                Ok(Self(Bytes::Aes128(Secret::new(value.to_be_bytes()))))
            }
            _ => Err(CryptoError::MalformedKey),
        }
    }

    /// Bytes in the key: 16 or 32.
    pub const fn length(&self) -> usize {
        match self.0 {
            Bytes::Aes128(_) => BLOCK,
            Bytes::Aes256(_) => LONG,
        }
    }

    /// Says whether the key has the length that is needed.
    pub const fn check_length(&self, needed: usize) -> Result<(), CryptoError> {
        let length = self.length();
        if length == needed { Ok(()) } else { Err(CryptoError::KeyMismatch { length, needed }) }
    }

    /// The key itself, for a cipher that takes 16 bytes.
    pub(crate) fn aes128(&self) -> Result<&[u8; BLOCK], CryptoError> {
        match &self.0 {
            Bytes::Aes128(key) => Ok(key.expose()),
            Bytes::Aes256(_) => Err(CryptoError::KeyMismatch { length: LONG, needed: BLOCK }),
        }
    }

    /// The key itself, for a cipher that takes 32 bytes.
    pub(crate) fn aes256(&self) -> Result<&[u8; LONG], CryptoError> {
        match &self.0 {
            Bytes::Aes128(_) => Err(CryptoError::KeyMismatch { length: BLOCK, needed: LONG }),
            Bytes::Aes256(key) => Ok(key.expose()),
        }
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey([secret])")
    }
}

/// The initialization vector of one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Iv([u8; BLOCK]);

impl Iv {
    /// The IV of a segment whose `EXT-X-KEY` names none: its media sequence number, big-endian, in 16 bytes
    /// (RFC 8216bis §5.2).
    pub fn from_sequence(media_sequence_number: u64) -> Self {
        Self(u128::from(media_sequence_number).to_be_bytes())
    }

    /// The `IV` attribute of `EXT-X-KEY`: a 128-bit number in hexadecimal, so leading zeros may be missing; `0x`
    /// may be missing too.
    pub fn from_hex(text: &str) -> Result<Self, CryptoError> {
        u128_from_hex(without_prefix(text)).map(|v| Self(v.to_be_bytes())).ok_or(CryptoError::MalformedIv)
    }

    /// All 128 bits, given as they are.
    pub const fn from_bytes(bytes: [u8; BLOCK]) -> Self {
        Self(bytes)
    }

    /// All 128 bits, the most significant first.
    pub const fn as_bytes(&self) -> &[u8; BLOCK] {
        &self.0
    }
}

fn without_prefix(text: &str) -> &str {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text)
}

fn u128_from_hex(digits: &str) -> Option<u128> {
    // `from_str_radix` would take a sign.
    let all_digits = digits.bytes().all(|b| b.is_ascii_hexdigit());
    (all_digits && digits.len() <= 2 * BLOCK).then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_sixteen_or_thirty_two_bytes() {
        for length in [16, 32] {
            let key = ContentKey::from_bytes(&vec![1; length]).unwrap();
            assert_eq!(key.length(), length);
            assert_eq!((key.aes128().is_ok(), key.aes256().is_ok()), (length == 16, length == 32));
            assert_eq!(key.check_length(length), Ok(()));
            let needed = 48 - length;
            assert_eq!(key.check_length(needed), Err(CryptoError::KeyMismatch { length, needed }));
        }
        for length in [0, 15, 17, 31, 33, 64] {
            let error = ContentKey::from_bytes(&vec![1; length]).unwrap_err();
            assert_eq!(error, CryptoError::KeyLength { length });
        }
    }

    #[test]
    fn a_key_is_read_from_hexadecimal_digits() {
        let counted = |n: u8| ContentKey::from_bytes(&(0..n).collect::<Vec<_>>()).unwrap();
        let digits = "000102030405060708090a0B0c0d0e0f";
        assert_eq!(ContentKey::from_hex(&format!("0x{digits}")).unwrap(), counted(16));
        let long = format!("{digits}101112131415161718191a1b1c1d1e1f");
        assert_eq!(ContentKey::from_hex(&long).unwrap(), counted(32));
        let bad = ["", "00", "0x00010203040506070809", "000102030405060708090a0b0c0d0e0g", &long[..62]];
        for bad in bad.map(str::to_owned).into_iter().chain([long.replace("1f", "1g"), "é".repeat(32)]) {
            assert_eq!(ContentKey::from_hex(&bad), Err(CryptoError::MalformedKey), "{bad}");
        }
    }

    #[test]
    fn a_key_shows_nothing() {
        for key in [&b"sixteen byte key"[..], b"a key that has thirty-two bytes."] {
            assert_eq!(format!("{:?}", ContentKey::from_bytes(key).unwrap()), "ContentKey([secret])");
        }
    }

    #[test]
    fn an_iv_is_a_128_bit_number() {
        let low = |v: u64| [[0; 8], v.to_be_bytes()].concat();
        assert_eq!(Iv::from_sequence(5).as_bytes().as_slice(), low(5));
        assert_eq!(Iv::from_sequence(u64::MAX).as_bytes().as_slice(), low(u64::MAX));
        assert_eq!(Iv::from_hex("0x5").unwrap(), Iv::from_sequence(5));
        assert_eq!(Iv::from_hex("0XABCDEF0123456789ABCDEF0123456789").unwrap().as_bytes()[..2], [0xab, 0xcd]);
        for bad in ["", "0x", "0x+5", "x5", "0x1234567890123456789012345678901234"] {
            assert_eq!(Iv::from_hex(bad), Err(CryptoError::MalformedIv), "{bad}");
        }
    }
}
