//! Segments through the player's own path: read, decrypted, transmuxed, one after another.

use std::path::Path;
use std::rc::Rc;

use cloud_player::crypto::{CryptoError, Decryptor};
use cloud_player::media::{Anchor, Cut, MediaError, MediaEvent, SegmentFacts, SegmentStart, Transmuxer};
use cloud_player::time::MediaTime;

use super::Failure;
use super::segments::{Cipher, InitInput, Input};

/// Feeds a transmuxer with segments.
pub(crate) struct Feed {
    transmuxer: Transmuxer,
    chunk: usize,
    anchor: Anchor,
    cut: Cut,
    map: Option<Rc<InitInput>>,
    /// Where what came so far ends.
    end: MediaTime,
}

enum Stop {
    Crypto(CryptoError),
    Media(MediaError),
}

impl From<CryptoError> for Stop {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<MediaError> for Stop {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}

impl Stop {
    /// Noise, in bytes that were just decrypted, is the work of a wrong key.
    fn at(self, path: &Path, decrypted: bool) -> Failure {
        match self {
            Self::Media(error) if decrypted && error.starts_with_noise() => {
                Failure::other(path, "wrong_key", "the key does not decrypt this segment")
            }
            Self::Crypto(error) => Failure::crypto(path, &error),
            Self::Media(error) => Failure::media(path, &error),
        }
    }
}

impl Feed {
    /// The first segment's first video time stamp goes to `start`; bytes go in `chunk` at a time.
    pub(crate) fn new(start: MediaTime, chunk: u32) -> Self {
        Self {
            transmuxer: Transmuxer::new(),
            chunk: usize::try_from(chunk).unwrap_or(usize::MAX),
            anchor: Anchor::At(start),
            cut: Cut::FirstFrame(Cut::STEADY),
            map: None,
            end: start,
        }
    }

    /// Takes the next segment.
    pub(crate) fn segment(
        &mut self,
        input: &Input,
        out: &mut Vec<MediaEvent>,
    ) -> Result<SegmentFacts, Failure> {
        let path = &input.resource.path;
        self.transmuxer.sample_key(match &input.cipher {
            Cipher::Samples(key) => Some(key.clone()),
            Cipher::None | Cipher::Segment(..) => None,
        });
        if let Some(map) = input.map.as_ref().filter(|&map| self.map.as_ref() != Some(map)) {
            let bytes = self.init(map)?;
            self.transmuxer.init_section(&bytes, out).map_err(|e| Failure::media(&map.resource.path, &e))?;
            self.map = Some(Rc::clone(map));
        }
        if input.discontinuity {
            self.anchor = Anchor::At(self.end);
        }
        let start = SegmentStart { anchor: self.anchor, discontinuity: input.discontinuity, cut: self.cut };
        self.transmuxer.begin_segment(start);
        let mut bytes = input.resource.read()?;
        let encrypted = matches!(input.cipher, Cipher::Segment(..));
        let facts = self.bytes(&mut bytes, &input.cipher, out).map_err(|stop| stop.at(path, encrypted))?;
        let ends = [facts.video, facts.audio].into_iter().flatten().map(|range| range.end);
        self.end = ends.fold(self.end, MediaTime::max);
        if let Some(offset) = facts.offset {
            self.anchor = Anchor::Offset { offset, expected: self.end };
        }
        self.cut = Cut::default();
        Ok(facts)
    }

    /// What the last segment was in.
    pub(crate) fn container(&self) -> Option<&'static str> {
        self.transmuxer.container()
    }

    /// No segment follows.
    pub(crate) fn finish(&mut self, out: &mut Vec<MediaEvent>) {
        self.transmuxer.flush(out);
    }

    fn bytes(
        &mut self,
        bytes: &mut [u8],
        cipher: &Cipher,
        out: &mut Vec<MediaEvent>,
    ) -> Result<SegmentFacts, Stop> {
        let mut decryptor = match cipher {
            Cipher::Segment(method, key, iv) => Some(Decryptor::new(*method, key, iv)?),
            Cipher::None | Cipher::Samples(_) => None,
        };
        let mut push = |clear: &[u8]| self.transmuxer.push(clear, out).map_err(Stop::Media);
        for chunk in bytes.chunks_mut(self.chunk) {
            match &mut decryptor {
                Some(decryptor) => decryptor.push(chunk, &mut push)?,
                None => push(chunk)?,
            }
        }
        if let Some(decryptor) = decryptor {
            match decryptor.finish(&mut push) {
                // Bad padding after good media is a damaged end; after noise, what the noise was says more.
                Err(Stop::Crypto(CryptoError::BadPadding)) => {
                    self.transmuxer.end_segment(out)?;
                    return Err(Stop::Crypto(CryptoError::BadPadding));
                }
                finished => finished?,
            }
        }
        Ok(self.transmuxer.end_segment(out)?)
    }

    fn init(&self, map: &InitInput) -> Result<Vec<u8>, Failure> {
        let mut bytes = map.resource.read()?;
        let Cipher::Segment(method, key, iv) = &map.cipher else { return Ok(bytes) };
        let mut clear = Vec::with_capacity(bytes.len());
        let mut sink = |bytes: &[u8]| -> Result<(), CryptoError> {
            clear.extend_from_slice(bytes);
            Ok(())
        };
        let result = Decryptor::new(*method, key, iv).and_then(|mut decryptor| {
            decryptor.push(&mut bytes, &mut sink)?;
            decryptor.finish(&mut sink)
        });
        result.map_err(|error| Failure::crypto(&map.resource.path, &error))?;
        Ok(clear)
    }
}
