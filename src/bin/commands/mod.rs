//! One module a subcommand, and what they share.

pub(crate) mod decrypt;
mod feed;
pub(crate) mod inspect;
pub(crate) mod probe;
pub(crate) mod replay;
mod resource;
mod segments;
pub(crate) mod simulate;
mod tracks;
pub(crate) mod transmux;
mod writer;

use std::fmt;
use std::io;
use std::path::Path;

use cloud_player::crypto::{ContentKey, CryptoError, Iv, SegmentMethod};
use cloud_player::media::MediaError;
use cloud_player::playlist::PlaylistError;

/// How whole segments are encrypted, as EXT-X-KEY names it.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Method {
    #[value(name = "AES-128")]
    Aes128,
    #[value(name = "AES-256")]
    Aes256,
    #[value(name = "AES-256-CTR")]
    Aes256Ctr,
}

impl Method {
    /// The method that was named, else the one in CBC mode that the key is of.
    pub(crate) fn or_of(named: Option<Self>, key: &ContentKey) -> SegmentMethod {
        match named {
            Some(Self::Aes128) => SegmentMethod::Aes128,
            Some(Self::Aes256) => SegmentMethod::Aes256,
            Some(Self::Aes256Ctr) => SegmentMethod::Aes256Ctr,
            None if key.length() == SegmentMethod::Aes256.key_length() => SegmentMethod::Aes256,
            None => SegmentMethod::Aes128,
        }
    }
}

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
