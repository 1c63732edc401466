//! Keys and AES-128: turns the bytes of an encrypted segment into clear ones as they arrive.
//!
//! HLS encrypts a whole segment with AES-128-CBC and pads it by PKCS#7 (RFC 8216bis §4.4.4.4, `METHOD=AES-128`).
//! CBC decrypts block by block, so only the last block has to wait for the end of the segment.
//!
//! ```
//! use cloud_player::crypto::{CbcDecryptor, ContentKey, CryptoError, Iv};
//!
//! # fn segment() -> Vec<Vec<u8>> { vec![vec![0; 20], vec![0; 12]] }
//! let key = ContentKey::from_bytes(&[7; 16])?;
//! let mut decryptor = CbcDecryptor::new(&key, &Iv::from_sequence(42));
//! let mut clear = Vec::new();
//! let mut sink = |bytes: &[u8]| -> Result<(), CryptoError> { Ok(clear.extend_from_slice(bytes)) };
//! for mut chunk in segment() {
//!     decryptor.push(&mut chunk, &mut sink)?;
//! }
//! assert_eq!(decryptor.finish(&mut sink), Err(CryptoError::BadPadding)); // the wrong key
//! # Ok::<(), CryptoError>(())
//! ```
#![forbid(unsafe_code)]

pub(crate) mod ctr;
mod decryptor;
mod error;
mod key;
pub(crate) mod pattern;
mod sample;

pub use decryptor::CbcDecryptor;
pub use error::CryptoError;
pub use key::{ContentKey, Iv};
pub use sample::SampleKey;

/// Bytes in an AES block, in an AES-128 key and in an IV.
pub const BLOCK: usize = 16;
