//! What opens the samples of a stream whose container is in the clear (`METHOD=SAMPLE-AES`, Common Encryption).

use aes::cipher::KeyInit;

use super::{ContentKey, Iv};

/// The key of a stream that is encrypted sample by sample, and the vector of those samples that bring none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleKey {
    /// The content key.
    pub key: ContentKey,
    /// The initialization vector of the playlist.
    pub iv: Iv,
}

impl SampleKey {
    /// The cipher of Common Encryption: AES-128, in whichever mode.
    pub(crate) fn cipher(&self) -> Result<aes::Aes128, super::CryptoError> {
        Ok(aes::Aes128::new(self.key.expose().into()))
    }
}
