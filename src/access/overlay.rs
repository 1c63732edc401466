//! The overlay over content keys: what a key server wraps its answers with, for one playback.
//!
//! Whoever plays makes up an overlay key and an overlay IV, and sends both with the request for play info, each as 32
//! hexadecimal digits encrypted under the service's public key (RSA, PKCS#1 v1.5). The key server then answers with the
//! content key in AES-128-CBC under them ([`unwrap_key`]), so that a key caught on its way opens nothing.
//!
//! The core has no randomness: all of it comes from one seed of 32 bytes, which must be fresh from the host's
//! cryptographic generator (`crypto.getRandomValues`). The stream of AES-256 in counter mode under the seed, counting
//! from zero, is in this order the overlay key (16 bytes), the overlay IV (16 bytes) and the padding of both messages.
//! An overlay is made for one public key, so no padding is ever used with a second one.
//!
//! [`unwrap_key`]: crate::crypto::unwrap_key

use core::fmt::Write as _;

use cloud_player_cipher::{BLOCK, CtrCipher, CtrStream, LONG, Width};
use zeroize::Zeroizing;

use crate::crypto::{ContentKey, CryptoError, Iv, unwrap_key};
use crate::secret::Secret;

use super::rsa::{MAX_BYTES, PublicKey, PublicKeyError};

/// An overlay key and IV, and how a service is told of them.
#[derive(Clone, Debug)]
pub struct Overlay {
    key: Secret<[u8; BLOCK]>,
    iv: Secret<[u8; BLOCK]>,
    wrapped: WrappedOverlay,
}

/// What an overlay is made of: a service's public key, and randomness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlaySeed {
    /// The public key, as [`PublicKey::parse`] takes it.
    pub public_key: String,
    /// Its name at the service.
    pub key_id: String,
    /// Fresh from a cryptographic generator, and used for nothing else.
    pub seed: Secret<[u8; LONG]>,
}

impl OverlaySeed {
    /// Makes the overlay.
    pub fn grow(&self) -> Result<Overlay, PublicKeyError> {
        let key = PublicKey::parse(self.public_key.as_bytes())?;
        Ok(Overlay::new(&self.seed, &key, &self.key_id))
    }
}

/// An overlay that only the service can read: three parameters of a request for play info.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedOverlay {
    /// `cipheredOverlayKey`: hexadecimal digits.
    pub key: String,
    /// `cipheredOverlayIv`: hexadecimal digits.
    pub iv: String,
    /// `keyId`: which of its keys the service is to read them with.
    pub key_id: String,
}

impl Overlay {
    /// Makes an overlay from a seed that is used for nothing else, for the service whose public key this is.
    pub fn new(seed: &Secret<[u8; LONG]>, public_key: &PublicKey, key_id: &str) -> Self {
        let mut stream = Zeroizing::new([0; STREAM]);
        CtrCipher::aes256(seed.expose())
            .apply(&mut CtrStream::new(&[0; BLOCK], Width::Full), stream.as_mut_slice());
        let (key, rest) = stream.split_at(BLOCK);
        let (iv, padding) = rest.split_at(BLOCK);
        // A padding byte is not zero. A stream with twice as many bytes as are needed has enough of these.
        let mut padding = padding.iter().copied().filter(|byte| *byte != 0);
        let mut wrapped =
            |bytes: &[u8]| hex(&public_key.encrypt(hex(bytes).as_bytes(), &mut padding)).to_string();
        let wrapped = WrappedOverlay { key: wrapped(key), iv: wrapped(iv), key_id: key_id.to_owned() };
        let kept = |bytes| {
            let mut kept = Secret::new([0; BLOCK]);
            kept.expose_mut().copy_from_slice(bytes);
            kept
        };
        Self { key: kept(key), iv: kept(iv), wrapped }
    }

    /// What the request for play info says of it.
    pub fn wrapped(&self) -> &WrappedOverlay {
        &self.wrapped
    }

    /// The content key in a key server's answer.
    pub fn unwrap(&self, answer: &[u8]) -> Result<ContentKey, CryptoError> {
        unwrap_key(answer, &ContentKey::from_bytes(self.key.expose())?, &Iv::from_bytes(*self.iv.expose()))
    }
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The overlay key and IV, and twice the padding of two messages under the longest key.
const STREAM: usize = 2 * BLOCK + 4 * MAX_BYTES;

#[cfg(test)]
mod tests;
