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
    /// Where the last sample ends: the bytes that make the fragment, from the start of `moof`.
    pub(super) end: usize,
    /// Those of other tracks.
    pub(super) foreign: Vec<Atom>,
}

impl Moof {
    /// Reads the `moof` that the whole buffer is, `position` bytes into its segment.
    pub(super) fn parse(buffer: &[u8], movie: &Movie, position: u64) -> Result<Self, MediaError> {
        let damaged = |kind: &[u8; 4]| MediaError::DamagedBox { position, kind: (*kind).into() };
        let moof = Atoms::new(buffer, 0..buffer.len()).next().ok_or(damaged(b"moof"))?;
        let mut found =
            Self { sequence: 0, trafs: Vec::new(), length: buffer.len(), end: 0, foreign: Vec::new() };
        let mut room = MAX_SAMPLES;
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
                    let parsed = Traf::parse(&atom, buffer, movie, (position, implicit), room)
                        .ok_or(damaged(b"traf"))?;
                    implicit = parsed.end;
                    match parsed.traf {
                        Some(traf) if !traf.samples.is_empty() => {
                            let kind = (*b"trun").into();
                            let too_many = MediaError::BoxTooLarge { position, kind, limit: MAX_SAMPLES };
                            room = room.checked_sub(traf.samples.len()).ok_or(too_many)?;
                            let ends = traf.runs.iter().map(|run| run.data.end);
                            found.end = ends.fold(found.end, usize::max);
                            found.trafs.push(traf);
                        }
                        _ => found.foreign.push(atom),
                    }
                }
                _ => {}
            }
        }
        if !children.is_whole() {
            return Err(damaged(b"moof"));
        }
        Ok(found)
    }
}

/// Samples in a fragment. Ten seconds of audio in a course's video are some 500.
pub(super) const MAX_SAMPLES: usize = 1 << 16;
