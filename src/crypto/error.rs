//! What can be wrong with a key, an IV or a ciphertext.

use super::BLOCK;

/// A failure of decryption. Holds no key, no IV and no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// A key server answered with something that is not a key.
    #[error("a content key has 16 or 32 bytes, this has {length}")]
    KeyLength {
        /// Bytes that came.
        length: usize,
    },
    /// A key, but not of the cipher that the method names.
    #[error("the encryption method takes a key of {needed} bytes, this has {length}")]
    KeyMismatch {
        /// Bytes in the key.
        length: usize,
        /// Bytes that it should have.
        needed: usize,
    },
    /// The answer of a key server that wraps its keys is one block of ciphertext, and this is not.
    #[error("a wrapped content key has {BLOCK} bytes, this has {length}")]
    WrappedKeyLength {
        /// Bytes that came.
        length: usize,
    },
    /// Not `0x` and one to 32 hexadecimal digits.
    #[error("an initialization vector is 1 to 32 hexadecimal digits")]
    MalformedIv,
    /// Not 32 or 64 hexadecimal digits.
    #[error("a content key is 32 or 64 hexadecimal digits")]
    MalformedKey,
    /// No ciphertext at all; even an empty message encrypts to one block.
    #[error("the ciphertext is empty")]
    Empty,
    /// The ciphertext was cut short, or never was AES-CBC.
    #[error("ciphertext comes in blocks of {BLOCK} bytes, this has {length} bytes")]
    NotBlockAligned {
        /// Bytes that came.
        length: u64,
    },
    /// The last block does not end in PKCS#7 padding: a wrong key, or damage to the last two blocks.
    #[error("the last block has no valid padding")]
    BadPadding,
}

impl CryptoError {
    /// A stable name for telemetry and for pages.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::KeyLength { .. } => "key_length",
            Self::KeyMismatch { .. } => "key_mismatch",
            Self::WrappedKeyLength { .. } => "wrapped_key_length",
            Self::MalformedIv => "malformed_iv",
            Self::MalformedKey => "malformed_key",
            Self::Empty => "ciphertext_empty",
            Self::NotBlockAligned { .. } => "ciphertext_not_block_aligned",
            Self::BadPadding => "bad_padding",
        }
    }
}
