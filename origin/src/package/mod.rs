//! Packaging: from a recipe to a directory of clear media that the origin serves, and encrypts while serving.
//!
//! A packaged directory holds `master.m3u8`, `poster.jpg` and one directory a rung with `index.m3u8` and its
//! segments. Child addresses in playlists are relative and never leave their directory. What makes the directory
//! (a [`Recipe`]) and what reads it (a [`Ladder`]) meet only there, so a directory made by other means serves as
//! well.
//!
//! `origin/sample` is made by `cloud-player-origin package --preset sample --out origin/sample`, and `origin/sample-splice`
//! and `origin/sample-tracks` likewise, by the presets `splice` and `tracks`.

mod ffmpeg;
mod ladder;
pub(crate) mod line;
mod multivariant;
mod recipe;
mod special;

use std::io;
use std::path::PathBuf;

pub use ladder::{Ladder, Rung};
pub(crate) use ladder::{MASTER, POSTER};
pub use recipe::Recipe;
pub use special::Special;

/// Why media could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// No ffmpeg on `PATH`.
    #[error("ffmpeg is not installed")]
    NoFfmpeg,
    /// ffmpeg gave up; its last words.
    #[error("ffmpeg failed: {0}")]
    Ffmpeg(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what packaging writes.
    #[error("{path}: {reason}")]
    Media {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl PackageError {
    fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    fn media(path: impl Into<PathBuf>, reason: &'static str) -> Self {
        Self::Media { path: path.into(), reason }
    }
}
