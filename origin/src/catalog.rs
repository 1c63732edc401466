//! What can be played: an asset is one ladder with one way of protecting it. Several assets may share the
//! same media and differ in protection, so that every rule has an address to try it on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Config;
use crate::error::Error;
use crate::package::{Ladder, PackageError, Recipe};

/// A playable file. Its id is the file id of play info and the directory below `/media/`.
#[derive(Clone, Debug)]
pub struct Asset {
    /// `[A-Za-z0-9_-]+`.
    pub id: String,
    /// The title in play info.
    pub name: String,
    /// The media behind it.
    pub media: Media,
    /// Whether and how segments are encrypted.
    pub protection: Protection,
    /// The media sequence number of the first segment.
    pub first_sequence: u64,
    /// Whether play info asks for a psign.
    pub psign: bool,
    /// What kind of signature play info hands out.
    pub signing: Signing,
    /// Whether it is a live stream, of the media over and over.
    pub live: bool,
}

/// Where the frames come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// The small ladder in the repository.
    Sample,
    /// Eight seconds, and then, with other time stamps, as many in another resolution.
    Splice,
    /// Two rungs with sound in two languages and subtitles beside them.
    Tracks,
    /// A minute at realistic rates, encoded once by ffmpeg; the sample where there is no ffmpeg.
    Lesson,
}

/// Segment protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// None.
    Clear,
    /// `METHOD=AES-128`: AES-128-CBC with PKCS#7 padding over whole segments (RFC 8216bis 4.4.4.4).
    Aes128 {
        /// Written in the playlist or left to the media sequence number.
        iv: Iv,
        /// A new key every this many segments; `None` keeps one key.
        rotate_every: Option<u32>,
    },
}

/// Where the initialisation vector stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iv {
    /// The media sequence number, big-endian in 128 bits.
    Implicit,
    /// An `IV` attribute.
    Explicit,
}

/// The scope of the signature that play info writes on the multivariant playlist's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// Over the asset's directory: the player passes the parameters on to bare children.
    Directory,
    /// Over the exact path: the origin signs every child.
    Exact,
    /// Tencent Cloud VOD's key anti-leech, over the asset's directory; nothing else is taken there.
    TencentKey,
}

impl Asset {
    /// The assets of the demo and the tests.
    pub fn built_in() -> Vec<Self> {
        let sample = Self {
            id: "sample".into(),
            name: "Sample".into(),
            media: Media::Sample,
            protection: Protection::Aes128 { iv: Iv::Implicit, rotate_every: None },
            first_sequence: 0,
            psign: false,
            signing: Signing::Directory,
            live: false,
        };
        let like_sample = |id: &str, name: &str| Self { id: id.into(), name: name.into(), ..sample.clone() };
        vec![
            Self { protection: Protection::Clear, ..like_sample("sample-clear", "Sample, not encrypted") },
            Self {
                signing: Signing::Exact,
                ..like_sample("sample-exact", "Sample, every URL signed by itself")
            },
            Self {
                signing: Signing::TencentKey,
                ..like_sample("sample-anti-leech", "Sample, URLs signed by key anti-leech")
            },
            Self { psign: true, ..like_sample("sample-psign", "Sample, psign required") },
            Self {
                protection: Protection::Aes128 { iv: Iv::Explicit, rotate_every: Some(2) },
                ..like_sample("sample-rotating", "Sample, a new key every two segments")
            },
            // Past 32 bits, so that a truncated IV shows, and with rotation, so that both rules meet.
            Self {
                protection: Protection::Aes128 { iv: Iv::Implicit, rotate_every: Some(2) },
                first_sequence: (1 << 33) + 7,
                ..like_sample("sample-sequence", "Sample, long media sequence numbers")
            },
            Self {
                media: Media::Lesson,
                protection: Protection::Aes128 { iv: Iv::Explicit, rotate_every: None },
                ..like_sample("lesson", "Lesson")
            },
            Self { live: true, ..like_sample("sample-live", "Sample, live") },
            Self { media: Media::Splice, ..like_sample("splice", "Two resolutions, one after the other") },
            Self { media: Media::Tracks, ..like_sample("tracks", "Two languages and subtitles") },
            sample,
        ]
    }
}

/// An asset with its media in place.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) asset: Asset,
    pub(crate) ladder: Arc<Ladder>,
    /// What a viewer should know, such as media that stands in for other media.
    pub(crate) warning: String,
}

/// All assets by id.
#[derive(Debug)]
pub(crate) struct Catalog {
    entries: BTreeMap<String, Entry>,
}

impl Catalog {
    /// Reads the sample and, with a cache directory, makes the lesson where it is not there yet. `progress` gets
    /// lines for people.
    pub(crate) async fn open(config: &Config, progress: &(dyn Fn(&str) + Sync)) -> Result<Self, Error> {
        let sample = Arc::new(Ladder::load(&config.sample)?);
        let wanted = config.assets.iter().any(|asset| asset.media == Media::Lesson);
        let (lesson, warning) = match &config.cache {
            Some(cache) if wanted => match Recipe::lesson().ensure(cache, progress).await {
                Ok(directory) => (Arc::new(Ladder::load(&directory)?), String::new()),
                Err(error) => (Arc::clone(&sample), stand_in(&error, progress)),
            },
            _ => (Arc::clone(&sample), "lesson is not packaged: the sample stands in for it".to_owned()),
        };
        // Where another sample was named, these need not lie beside it.
        let beside = |name: &str| match Ladder::load(&config.sample.with_file_name(name)) {
            Ok(ladder) => (Arc::new(ladder), String::new()),
            Err(_) => (Arc::clone(&sample), format!("{name} is missing: the sample stands in for it")),
        };
        let (splice, tracks) = (beside("sample-splice"), beside("sample-tracks"));
        let entry = |asset: &Asset| {
            let (ladder, warning) = match asset.media {
                Media::Sample => (Arc::clone(&sample), String::new()),
                Media::Splice => splice.clone(),
                Media::Tracks => tracks.clone(),
                Media::Lesson => (Arc::clone(&lesson), warning.clone()),
            };
            Entry { asset: asset.clone(), ladder, warning }
        };
        Ok(Self { entries: config.assets.iter().map(|asset| (asset.id.clone(), entry(asset))).collect() })
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

fn stand_in(error: &PackageError, progress: &(dyn Fn(&str) + Sync)) -> String {
    let warning = format!("lesson could not be packaged ({error}): the sample stands in for it");
    progress(&warning);
    warning
}
