//! What a segment is encrypted with (RFC 8216bis §4.4.4.4, §5).

use std::borrow::Cow;

use crate::secret::Url;

/// How media is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Not at all.
    #[default]
    None,
    /// Whole segments, AES-128 in CBC mode with PKCS#7 padding.
    Aes128,
    /// Whole segments, AES-256 in CBC mode with PKCS#7 padding.
    Aes256,
    /// Whole segments, AES-256 in counter mode.
    Aes256Ctr,
    /// Samples, by the rules of the container, AES-128 in CBC mode.
    SampleAes,
    /// Samples, by the rules of the container, AES-128 in counter mode.
    SampleAesCtr,
    /// A method this code does not know, by its name.
    Other(String),
}

impl Method {
    /// From the enumerated string, in any case.
    pub(super) fn from_name(name: &str) -> Self {
        let known =
            [Self::None, Self::Aes128, Self::Aes256, Self::Aes256Ctr, Self::SampleAes, Self::SampleAesCtr];
        known
            .into_iter()
            .find(|m| m.name().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// The enumerated string.
    pub fn name(&self) -> &str {
        match self {
            Self::None => "NONE",
            Self::Aes128 => "AES-128",
            Self::Aes256 => "AES-256",
            Self::Aes256Ctr => "AES-256-CTR",
            Self::SampleAes => "SAMPLE-AES",
            Self::SampleAesCtr => "SAMPLE-AES-CTR",
            Self::Other(name) => name,
        }
    }
}

/// One way to the key of a segment. A segment may have several, one for each key format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Never [`Method::None`] in a segment's keys: a clear segment has none.
    pub method: Method,
    /// Where the key is.
    pub uri: Option<Url>,
    /// The initialization vector; `None` when it follows from the media sequence number ([`Key::iv_for`]).
    pub iv: Option<[u8; 16]>,
    /// How the key is represented; [`IDENTITY`] when it is the bytes themselves.
    pub keyformat: Cow<'static, str>,
    /// The versions of the key format it complies with, as written (`1/2`).
    pub keyformat_versions: Option<Box<str>>,
}

/// The key format of a key that is sent as 16 (or 32) raw bytes.
pub const IDENTITY: &str = "identity";

impl Key {
    /// Whether the key is sent as raw bytes, not by way of a DRM system.
    pub fn is_identity(&self) -> bool {
        self.keyformat == IDENTITY
    }

    /// The initialization vector of a segment: the explicit one, else its media sequence number as a
    /// big-endian integer of 128 bits (§5.2).
    pub fn iv_for(&self, sequence: u64) -> [u8; 16] {
        self.iv.unwrap_or_else(|| u128::from(sequence).to_be_bytes())
    }
}

impl Default for Key {
    fn default() -> Self {
        Self {
            method: Method::None,
            uri: None,
            iv: None,
            keyformat: Cow::Borrowed(IDENTITY),
            keyformat_versions: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_implicit_iv_is_the_whole_sequence_number() {
        let mut key = Key::default();
        assert_eq!(
            key.iv_for(0x1_0203_0405_0607),
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7].map(|b: u8| b)
        );
        key.iv = Some([9; 16]);
        assert_eq!(key.iv_for(1), [9; 16]);
    }

    #[test]
    fn methods_keep_their_names() {
        for name in ["NONE", "AES-128", "AES-256", "AES-256-CTR", "SAMPLE-AES", "SAMPLE-AES-CTR", "SM4-CBC"] {
            assert_eq!(Method::from_name(name).name(), name);
        }
        assert_eq!(Method::from_name("aes-128"), Method::Aes128);
    }
}
