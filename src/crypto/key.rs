//! Content keys and initialization vectors.
//!
//! Invariant: a key shows nothing of itself and is overwritten when dropped.

use core::fmt;

use crate::secret::Secret;

use super::{BLOCK, CryptoError};

/// An AES-128 content key.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey(Secret<[u8; BLOCK]>);

impl ContentKey {
    /// The key as a key server sends it: 16 raw bytes and nothing else (RFC 8216bis §5).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        match <[u8; BLOCK]>::try_from(bytes) {
            Ok(key) => Ok(Self(Secret::new(key))),
            Err(_) => Err(CryptoError::KeyLength { length: bytes.len() }),
        }
    }

    /// The key as people write it: 32 hexadecimal digits, with or without `0x`.
    pub fn from_hex(text: &str) -> Result<Self, CryptoError> {
        let digits = without_prefix(text);
        match u128_from_hex(digits) {
            Some(value) if digits.len() == 2 * BLOCK => Ok(Self(Secret::new(value.to_be_bytes()))),
            _ => Err(CryptoError::MalformedKey),
        }
    }

    /// The key itself, for the cipher.
    pub(super) fn expose(&self) -> &[u8; BLOCK] {
        self.0.expose()
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
    fn a_key_is_sixteen_bytes() {
        assert!(ContentKey::from_bytes(&[1; 16]).is_ok());
        for length in [0, 15, 17, 32] {
            let error = ContentKey::from_bytes(&vec![1; length]).unwrap_err();
            assert_eq!(error, CryptoError::KeyLength { length });
        }
        let key = ContentKey::from_hex("0x000102030405060708090a0B0c0d0e0f").unwrap();
        assert_eq!(key, ContentKey::from_bytes(&core::array::from_fn::<u8, 16, _>(|i| i as u8)).unwrap());
        for bad in ["", "00", "0x00010203040506070809", "000102030405060708090a0b0c0d0e0g"] {
            assert_eq!(ContentKey::from_hex(bad), Err(CryptoError::MalformedKey), "{bad}");
        }
    }

    #[test]
    fn a_key_shows_nothing() {
        assert_eq!(
            format!("{:?}", ContentKey::from_bytes(b"sixteen byte key").unwrap()),
            "ContentKey([secret])"
        );
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
