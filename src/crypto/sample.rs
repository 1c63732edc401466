//! What opens the samples of a stream whose container is in the clear (`METHOD=SAMPLE-AES`, Common Encryption).

use aes::cipher::KeyInit;

use super::{BLOCK, ContentKey, CryptoError, Iv};

/// The key of a stream that is encrypted sample by sample, and the vector of those samples that bring none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleKey {
    /// The content key.
    pub key: ContentKey,
    /// The initialization vector of the playlist.
    pub iv: Iv,
}

impl SampleKey {
    /// Checks the key's length: samples are always encrypted with AES-128.
    pub fn new(key: ContentKey, iv: Iv) -> Result<Self, CryptoError> {
        key.check_length(BLOCK)?;
        Ok(Self { key, iv })
    }

    /// The cipher of Common Encryption: AES-128, in whichever mode.
    pub(crate) fn cipher(&self) -> Result<aes::Aes128, CryptoError> {
        Ok(aes::Aes128::new(self.key.aes128()?.into()))
    }
}
