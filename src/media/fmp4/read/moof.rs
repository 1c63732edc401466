//! The header of a fragment: `moof` (ISO/IEC 14496-12 §8.8.4).

use super::atom::{Atom, Atoms};
use super::movie::Movie;
use super::traf::Traf;
use crate::media::MediaError;

/// A `moof` at the start of a buffer.
#[derive(Clone, Debug)]
pub(super) struct Moof {
    /// `mfhd`.
    pub(super) sequence: u32,
    /// Those of tracks that go on, with samples in them.
    pub(super) trafs: Vec<Traf>,
    /// Bytes of it.
    pub(super) length: usize,
    /// Those of other tracks.
    pub(super) foreign: Vec<Atom>,
}

impl Moof {
    /// Reads the `moof` that the whole buffer is, `position` bytes into its segment.
    pub(super) fn parse(buffer: &[u8], movie: &Movie, position: u64) -> Result<Self, MediaError> {
        let damaged = |kind: &[u8; 4]| MediaError::DamagedBox { position, kind: (*kind).into() };
        let moof = Atoms::new(buffer, 0..buffer.len()).next().ok_or(damaged(b"moof"))?;
        let mut found = Self { sequence: 0, trafs: Vec::new(), length: buffer.len(), foreign: Vec::new() };
        let mut children = moof.children(buffer);
        // Where the data of a track fragment starts that does not say it: behind that of the one before (§8.8.7.1).
        let mut implicit = 0;
        for atom in &mut children {
            match &atom.kind {
                b"mfhd" => {
                    let mut fields = atom.fields(buffer);
                    found.sequence = fields.version().and_then(|_| fields.u32()).ok_or(damaged(b"mfhd"))?;
                }
                b"traf" => {
                    let parsed =
                        Traf::parse(&atom, buffer, movie, position, implicit).ok_or(damaged(b"traf"))?;
                    implicit = parsed.end;
                    match parsed.traf {
                        Some(traf) if !traf.samples.is_empty() => found.trafs.push(traf),
                        _ => found.foreign.push(atom),
                    }
                }
                _ => {}
            }
        }
        if !children.is_whole() {
            return Err(damaged(b"moof"));
        }
        let samples = found.trafs.iter().map(|traf| traf.samples.len()).sum::<usize>();
        if samples > MAX_SAMPLES {
            return Err(MediaError::BoxTooLarge { position, kind: (*b"trun").into(), limit: MAX_SAMPLES });
        }
        Ok(found)
    }

    /// Where the last sample ends: the bytes that make the fragment, from the start of `moof`.
    pub(super) fn end(&self) -> usize {
        let ends = self.trafs.iter().flat_map(|traf| &traf.runs).map(|run| run.data.end);
        ends.max().unwrap_or(0)
    }
}

/// Samples in a fragment. Ten seconds of audio in a course's video are some 500.
pub(super) const MAX_SAMPLES: usize = 1 << 16;
