//! Reading a packaged directory: its playlists as text, its segments by place, and the few facts that play info
//! tells about it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::PackageError;
use super::line::{Line, lines, uri_of};

/// A packaged directory.
#[derive(Debug)]
pub struct Ladder {
    root: PathBuf,
    /// By path below the root.
    playlists: BTreeMap<String, String>,
    /// How many segments stand before this one in its playlist, by path below the root.
    segments: BTreeMap<String, u32>,
    /// As the multivariant playlist lists them.
    pub rungs: Vec<Rung>,
    /// Seconds, of the longest rung.
    pub duration: f64,
}

/// What play info says about a rung.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rung {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Peak bits a second.
    pub bandwidth: u64,
}

impl Ladder {
    /// Reads the playlists below `root`.
    ///
    /// # Errors
    /// A playlist cannot be read, or names a child outside its directory.
    pub fn load(root: &Path) -> Result<Self, PackageError> {
        let mut ladder = Self {
            root: root.to_owned(),
            playlists: BTreeMap::new(),
            segments: BTreeMap::new(),
            rungs: Vec::new(),
            duration: 0.0,
        };
        let master = ladder.read(MASTER)?;
        for line in lines(&master) {
            match line {
                Line::Tag(tag) => {
                    ladder.rungs.extend(tag.strip_prefix("#EXT-X-STREAM-INF:").map(rung));
                    // A rendition may have a playlist of its own.
                    if let Some(uri) = tag.strip_prefix("#EXT-X-MEDIA:").and_then(uri_of) {
                        ladder.load_rung(uri)?;
                    }
                }
                Line::Uri(uri) => ladder.load_rung(uri)?,
                Line::Duration(..) => {
                    return Err(PackageError::media(root.join(MASTER), "not a multivariant playlist"));
                }
            }
        }
        ladder.playlists.insert(MASTER.to_owned(), master);
        Ok(ladder)
    }

    /// The clear text of a playlist.
    pub fn playlist(&self, name: &str) -> Option<&str> {
        self.playlists.get(name).map(String::as_str)
    }

    /// The place of a segment in its playlist, counted from 0.
    pub fn segment(&self, name: &str) -> Option<u32> {
        self.segments.get(name).copied()
    }

    /// The place of the last segment of the longest playlist.
    pub fn last_place(&self) -> Option<u32> {
        self.segments.values().copied().max()
    }

    /// Where a file of the ladder lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn load_rung(&mut self, name: &str) -> Result<(), PackageError> {
        let text = self.read(name)?;
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
        let (mut duration, mut place) = (0.0, 0);
        for line in lines(&text) {
            match line {
                Line::Duration(seconds, _) => duration += seconds,
                Line::Uri(uri) if is_plain(uri) => {
                    self.segments.insert(format!("{directory}/{uri}"), place);
                    place += 1;
                }
                Line::Uri(_) => {
                    return Err(PackageError::media(self.path(name), "a child outside the directory"));
                }
                Line::Tag(_) => {}
            }
        }
        self.duration = self.duration.max(duration);
        self.playlists.insert(name.to_owned(), text);
        Ok(())
    }

    fn read(&self, name: &str) -> Result<String, PackageError> {
        let path = self.path(name);
        if !is_plain(name) {
            return Err(PackageError::media(path, "a child outside the directory"));
        }
        std::fs::read_to_string(&path).map_err(PackageError::file(path))
    }
}

/// The still picture's name.
pub(crate) const POSTER: &str = "poster.jpg";
/// The multivariant playlist's name.
pub(crate) const MASTER: &str = "master.m3u8";

fn rung(attributes: &str) -> Rung {
    let mut rung = Rung::default();
    for (name, value) in attributes.split(',').filter_map(|attribute| attribute.split_once('=')) {
        match (name, value.split_once('x')) {
            ("BANDWIDTH", _) => rung.bandwidth = value.parse().unwrap_or_default(),
            ("RESOLUTION", Some((width, height))) => {
                rung.width = width.parse().unwrap_or_default();
                rung.height = height.parse().unwrap_or_default();
            }
            _ => {}
        }
    }
    rung
}

/// A relative path of plain names.
fn is_plain(name: &str) -> bool {
    name.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    })
}
