//! One module a subcommand, and what they share.

pub(crate) mod decrypt;
pub(crate) mod inspect;
pub(crate) mod simulate;
pub(crate) mod transmux;

use std::fmt;
use std::io;
use std::path::Path;

use cloud_player::crypto::{ContentKey, CryptoError, Iv};
use cloud_player::media::MediaError;
use cloud_player::playlist::PlaylistError;

/// Why a command failed, as one line.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// What was asked for cannot be done.
    pub(crate) fn usage(what: &str) -> Self {
        Self(what.to_owned())
    }

    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }

    pub(crate) fn media(path: &Path, error: &MediaError) -> Self {
        Self(format!("{}: {}: {error}", path.display(), error.code()))
    }

    pub(crate) fn playlist(path: &Path, error: &PlaylistError) -> Self {
        Self(format!("{}: {}: {error}", path.display(), error.code()))
    }

    pub(crate) fn crypto(path: &Path, error: &CryptoError) -> Self {
        Self(format!("{}: {}: {error}", path.display(), error.code()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An argument that is a key; errors do not repeat it.
fn parse_key(text: &str) -> Result<ContentKey, CryptoError> {
    ContentKey::from_hex(text)
}

fn parse_iv(text: &str) -> Result<Iv, CryptoError> {
    Iv::from_hex(text)
}
