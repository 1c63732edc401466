//! What opens the samples of a stream whose container is in the clear (`METHOD=SAMPLE-AES`, Common Encryption).

use cloud_player_cipher::{CbcCipher, Chain, CtrCipher, CtrStream, Width};

use super::pattern::Pattern;
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
    pub(crate) fn cipher(&self) -> Result<SampleCipher, CryptoError> {
        let key = self.key.aes128()?;
        Ok(SampleCipher { cbc: CbcCipher::aes128(key), ctr: CtrCipher::aes128(key) })
    }
}

/// The key of Common Encryption, ready to decrypt.
#[derive(Debug)]
pub(crate) struct SampleCipher {
    cbc: CbcCipher,
    ctr: CtrCipher,
}

impl SampleCipher {
    /// A chain of CBC blocks (ISO/IEC 23001-7 §10.3) that starts with a vector.
    pub(crate) fn chain(&self, iv: &Iv) -> CbcChain<'_> {
        CbcChain { cipher: &self.cbc, chain: Chain::new(iv.as_bytes()) }
    }

    /// The key stream of one sample, which goes on over all that is encrypted in it (§9.3).
    pub(crate) fn stream(&self, iv: &Iv) -> SampleStream<'_> {
        SampleStream { cipher: &self.ctr, stream: CtrStream::new(iv.as_bytes(), Width::Half) }
    }
}

/// AES-128 in CBC mode, over the encrypted blocks alone.
pub(crate) struct CbcChain<'a> {
    cipher: &'a CbcCipher,
    chain: Chain,
}

impl CbcChain<'_> {
    /// Decrypts, in place, the blocks of a stretch that the pattern says are encrypted.
    pub(crate) fn decrypt(&mut self, bytes: &mut [u8], pattern: Pattern) {
        // Single blocks that lie apart are decrypted together, as are those of one run.
        if pattern.crypt == 1 && pattern.skip > 0 {
            let stride = BLOCK.saturating_mul(usize::from(pattern.skip).saturating_add(1));
            return self.cipher.decrypt(&mut self.chain, bytes, stride, BLOCK);
        }
        for run in pattern.runs(bytes.len()) {
            self.cipher.decrypt(&mut self.chain, bytes.get_mut(run).unwrap_or_default(), BLOCK, BLOCK);
        }
    }
}

/// AES-128 in counter mode.
pub(crate) struct SampleStream<'a> {
    cipher: &'a CtrCipher,
    stream: CtrStream,
}

impl SampleStream<'_> {
    /// Decrypts the next bytes in place.
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        self.cipher.apply(&mut self.stream, bytes);
    }
}

#[cfg(test)]
mod tests {
    use aes::Aes128;
    use cbc::cipher::{BlockModeEncrypt, KeyIvInit};

    use super::*;

    #[test]
    fn a_chain_goes_on_behind_what_is_clear() {
        let (key, iv) = ([7; 16], [9; 16]);
        let sample_key = SampleKey::new(ContentKey::from_bytes(&key).unwrap(), Iv::from_bytes(iv)).unwrap();
        let cipher = sample_key.cipher().unwrap();
        let patterns = [(0, 0), (1, 9), (3, 2), (5, 5), (1, 0)].map(|(crypt, skip)| Pattern { crypt, skip });
        for (pattern, length) in
            patterns.into_iter().flat_map(|p| [1000, 975, 160, 175, 176, 15].map(|n| (p, n)))
        {
            let clear: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
            let mut bytes = clear.clone();
            let mut encryptor = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into());
            for run in pattern.runs(bytes.len()) {
                for block in bytes[run].chunks_mut(16) {
                    encryptor.encrypt_block(block.try_into().unwrap());
                }
            }
            assert_eq!(bytes == clear, pattern.runs(length).next().is_none());
            cipher.chain(&sample_key.iv).decrypt(&mut bytes, pattern);
            assert_eq!(bytes, clear, "{pattern:?}, {length} bytes");
        }
    }
}
