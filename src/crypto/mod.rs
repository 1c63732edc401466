//! Keys and what they open: turns encrypted bytes into clear ones as they arrive.
//!
//! HLS encrypts in two ways (RFC 8216bis §4.4.4.4):
//!
//! - **Whole segments** ([`Decryptor`]; `METHOD` AES-128, AES-256 and AES-256-CTR). CBC decrypts block by block, so
//!   only the last block has to wait for the end of the segment, for its padding; counter mode has none.
//! - **Samples** ([`SampleDecryptor`]; `METHOD=SAMPLE-AES`), in a container that stays in the clear.
//!
//! **What is encrypted as one.** Each media segment is a message of its own, begun with its own IV and ended with its
//! own padding (§5.2, §6.2.3: no chaining across media segments). A segment that is a byte range of a larger resource
//! (`EXT-X-BYTERANGE`) is no exception: the range, not the resource, is the message, and its length is a multiple of
//! 16 in CBC mode. Counter mode counts from the first byte of the range likewise. The one exception of §6.3.6 is the
//! I-frame playlist, whose ranges lie within messages; those are not played here.
//!
//! **A wrong key** shows in what comes out. Whole segments: noise from the first byte on, and in CBC mode bad padding
//! at the end with all but one in 256 keys. A wrong IV makes noise of the first 16 bytes in CBC mode, of everything in
//! counter mode. Samples: the container, its time stamps and the first bytes of every picture and sound are in the
//! clear, so a wrong key gives sound syntax around noise, which only a decoder can tell.
//!
//! ```
//! use cloud_player::crypto::{ContentKey, CryptoError, Decryptor, Iv, SegmentMethod};
//!
//! # fn segment() -> Vec<Vec<u8>> { vec![vec![0; 20], vec![0; 12]] }
//! let key = ContentKey::from_bytes(&[7; 16])?;
//! let mut decryptor = Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_sequence(42))?;
//! let mut clear = Vec::new();
//! let mut sink = |bytes: &[u8]| -> Result<(), CryptoError> { Ok(clear.extend_from_slice(bytes)) };
//! for mut chunk in segment() {
//!     decryptor.push(&mut chunk, &mut sink)?;
//! }
//! assert_eq!(decryptor.finish(&mut sink), Err(CryptoError::BadPadding)); // the wrong key
//! # Ok::<(), CryptoError>(())
//! ```
#![forbid(unsafe_code)]

mod decryptor;
mod error;
mod key;
pub(crate) mod pattern;
mod sample;
mod sample_aes;
mod unwrap;

pub use cloud_player_cipher::BLOCK;
pub use decryptor::{Decryptor, SegmentMethod};
pub use error::CryptoError;
pub use key::{ContentKey, Iv};
pub(crate) use sample::SampleCipher;
pub use sample::SampleKey;
pub use sample_aes::SampleDecryptor;
pub use unwrap::unwrap_key;
