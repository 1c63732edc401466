//! What opens the samples of a stream whose container is in the clear (`METHOD=SAMPLE-AES`, Common Encryption).

use super::{ContentKey, Iv};

/// The key of a stream that is encrypted sample by sample, and the vector of those samples that bring none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleKey {
    /// The content key.
    pub key: ContentKey,
    /// The initialization vector of the playlist.
    pub iv: Iv,
}
