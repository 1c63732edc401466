//! One module a subcommand, and what they share.

pub(crate) mod decrypt;
mod feed;
pub(crate) mod inspect;
pub(crate) mod probe;
mod resource;
mod segments;
mod tracks;
pub(crate) mod transmux;
mod writer;

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
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }

    pub(crate) fn media(path: &Path, error: &MediaError) -> Self {
        Self(format!("{}: {}: {error}", path.display(), error.code()))
    }

    pub(crate) fn playlist(path: &Path, error: &PlaylistError) -> Self {
        Self(format!("{}: {}: {error}", path.display(), error.code()))
    }

    pub(crate) fn other(path: &Path, code: &str, what: &str) -> Self {
        Self(format!("{}: {code}: {what}", path.display()))
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
