//! The segments that a command reads: files named one by one, or those of a media playlist on this machine.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;
use cloud_player::crypto::{ContentKey, CryptoError, Iv, SegmentMethod};
use cloud_player::media::SampleKey;
use cloud_player::playlist::{self, Key, Limits, Map, Method, Segment};
use cloud_player::secret::Url;

use super::resource::Resource;
use super::{Failure, parse_iv, parse_key};

/// What a command reads.
#[derive(Args)]
pub(crate) struct Source {
    /// Consecutive segments
    #[arg(required_unless_present = "playlist")]
    inputs: Vec<PathBuf>,
    /// A media playlist: its segments, init sections and keys are the input
    #[arg(long, conflicts_with_all = ["inputs", "key"])]
    playlist: Option<PathBuf>,
    /// The content key of encrypted segments, 32 hexadecimal digits
    #[arg(long, value_parser = parse_key)]
    key: Option<ContentKey>,
    /// Their initialization vector, hexadecimal; without it the segments are numbered from 0
    #[arg(long, value_parser = parse_iv, requires = "key")]
    iv: Option<Iv>,
    /// Bytes to feed at a time; the output is the same for every number
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) chunk: u32,
}

impl Source {
    /// The segments, in order.
    pub(crate) fn inputs(&self) -> Result<Vec<Input>, Failure> {
        match &self.playlist {
            Some(playlist) => of_playlist(playlist),
            None => Ok(of_files(&self.inputs, self.key.as_ref(), self.iv)),
        }
    }
}

/// A segment, and what must be known to read it.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) resource: Resource,
    pub(crate) cipher: Cipher,
    /// The init section that it needs; the one before goes on where it is the same.
    pub(crate) map: Option<Rc<InitInput>>,
    /// It does not continue the segment before.
    pub(crate) discontinuity: bool,
}

/// An init section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitInput {
    pub(crate) resource: Resource,
    pub(crate) cipher: Cipher,
}

/// How bytes are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cipher {
    /// Not at all.
    #[default]
    None,
    /// All of them.
    Segment(SegmentMethod, ContentKey, Iv),
    /// The samples in them (`SAMPLE-AES`).
    Samples(SampleKey),
}

/// Files, encrypted as a whole or not; without an IV they are numbered from 0.
fn of_files(paths: &[PathBuf], key: Option<&ContentKey>, iv: Option<Iv>) -> Vec<Input> {
    let input = |(number, path): (u64, &PathBuf)| Input {
        resource: Resource::file(path),
        cipher: key.map_or(Cipher::None, |key| {
            let iv = iv.unwrap_or_else(|| Iv::from_sequence(number));
            Cipher::Segment(super::Method::or_of(None, key), key.clone(), iv)
        }),
        map: None,
        discontinuity: false,
    };
    (0..).zip(paths).map(input).collect()
}

/// The segments of a media playlist, those that are missing (EXT-X-GAP) left out.
fn of_playlist(path: &Path) -> Result<Vec<Input>, Failure> {
    let bytes = Resource::file(path).read()?;
    let source =
        playlist::Source { base: &Url::default(), variables: &Default::default(), limits: Limits::default() };
    let playlist = playlist::parse_media(&bytes, &source).map_err(|error| Failure::playlist(path, &error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut keys = Keys { playlist: path, folder, known: Vec::new() };
    let mut inputs: Vec<Input> = Vec::with_capacity(playlist.segments.len());
    // A discontinuity before a segment that is missing is one before the next that is not.
    let mut discontinuity = false;
    for segment in &playlist.segments {
        discontinuity |= segment.discontinuity;
        if segment.gap {
            continue;
        }
        let map = segment.map.as_ref().map(|map| keys.map(map, segment)).transpose()?.map(Rc::new);
        let same = inputs.last().and_then(|last| last.map.clone()).filter(|last| Some(last) == map.as_ref());
        inputs.push(Input {
            resource: Resource::of(folder, segment.uri.expose(), segment.byte_range)?,
            cipher: keys.cipher(&segment.keys, segment.sequence)?,
            map: same.or(map),
            discontinuity: core::mem::take(&mut discontinuity) && !inputs.is_empty(),
        });
    }
    Ok(inputs)
}

/// Keys, each read once.
struct Keys<'a> {
    playlist: &'a Path,
    folder: &'a Path,
    known: Vec<(String, ContentKey)>,
}

impl Keys<'_> {
    fn map(&mut self, map: &Map, segment: &Segment) -> Result<InitInput, Failure> {
        Ok(InitInput {
            resource: Resource::of(self.folder, map.uri.expose(), map.byte_range)?,
            cipher: match self.cipher(&map.keys, segment.sequence)? {
                // Init sections have no samples.
                Cipher::Samples(_) => Cipher::None,
                cipher => cipher,
            },
        })
    }

    fn cipher(&mut self, keys: &[Key], sequence: u64) -> Result<Cipher, Failure> {
        let Some(first) = keys.first() else { return Ok(Cipher::None) };
        let Some(key) = keys.iter().find(|key| key.is_identity()) else {
            return Err(self.unsupported(&format!("the key format {}", first.keyformat)));
        };
        let iv = Iv::from_bytes(key.iv_for(sequence));
        match key.method {
            Method::Aes128 => Ok(Cipher::Segment(SegmentMethod::Aes128, self.key(key)?, iv)),
            Method::Aes256 => Ok(Cipher::Segment(SegmentMethod::Aes256, self.key(key)?, iv)),
            Method::Aes256Ctr => Ok(Cipher::Segment(SegmentMethod::Aes256Ctr, self.key(key)?, iv)),
            Method::SampleAes | Method::SampleAesCtr => {
                let key = SampleKey::new(self.key(key)?, iv);
                Ok(Cipher::Samples(key.map_err(|error| Failure::crypto(self.playlist, &error))?))
            }
            ref other => Err(self.unsupported(&format!("the method {}", other.name()))),
        }
    }

    fn key(&mut self, key: &Key) -> Result<ContentKey, Failure> {
        let uri = key.uri.as_ref().map(Url::expose).unwrap_or_default();
        if let Some((_, key)) = self.known.iter().find(|(known, _)| known == uri) {
            return Ok(key.clone());
        }
        let resource = Resource::of(self.folder, uri, None)?;
        let wrong = |error: CryptoError| Failure::crypto(&resource.path, &error);
        let key = ContentKey::from_bytes(&resource.read()?).map_err(wrong)?;
        self.known.push((uri.to_owned(), key.clone()));
        Ok(key)
    }

    fn unsupported(&self, what: &str) -> Failure {
        Failure::other(self.playlist, "encryption_unsupported", what)
    }
}
