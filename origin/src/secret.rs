//! Bytes that must not be shown: `Debug` prints a placeholder, and there is no `Display` or `Serialize`.

use std::fmt;

/// A signing secret or an administrator's token.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret given from outside, usually by an environment variable.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// A fresh secret: 32 random bytes in hex, so that it fits into a header.
    ///
    /// # Errors
    /// The system's random source failed.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex::encode(bytes).into_bytes()))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
