//! One track in a fragment: `traf` with `tfhd`, `tfdt` and `trun` (ISO/IEC 14496-12 §8.8.6 to §8.8.8, §8.8.12).

use core::ops::Range;

use super::atom::{Atom, Fields};
use super::auxiliary::Auxiliary;
use super::moof::MAX_SAMPLES;
use super::movie::{Defaults, Movie};

/// A track's share of a fragment.
#[derive(Clone, Debug)]
pub(super) struct Traf {
    /// Index of the track in its movie.
    pub(super) track: usize,
    pub(super) track_id: u32,
    /// The box itself.
    pub(super) atom: Atom,
    pub(super) tfhd: Atom,
    /// Flags of `tfhd`.
    pub(super) flags: u32,
    /// What `tfhd` says, and else `trex`.
    pub(super) defaults: Defaults,
    pub(super) tfdt: Option<Tfdt>,
    pub(super) runs: Vec<Run>,
    pub(super) samples: Vec<Sample>,
    /// From where on offsets count, from the start of `moof`.
    pub(super) base: i64,
    pub(super) auxiliary: Auxiliary,
}

/// `tfdt`: when the first sample is decoded.
#[derive(Clone, Debug)]
pub(super) struct Tfdt {
    pub(super) atom: Atom,
    pub(super) wide: bool,
    pub(super) time: i64,
}

/// `trun`: samples that lie one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) atom: Atom,
    pub(super) version: u8,
    pub(super) flags: u32,
    /// Where its entries start.
    pub(super) entries: usize,
    pub(super) first_flags: u32,
    /// Its samples, by index.
    pub(super) samples: Range<usize>,
    /// Where their bytes are, from the start of `moof`.
    pub(super) data: Range<usize>,
}

/// A sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) size: u32,
    pub(super) duration: u32,
    pub(super) flags: u32,
    pub(super) composition_offset: i64,
}

impl Sample {
    /// Whether it can be decoded without others (§8.8.3.1).
    pub(super) fn is_sync(&self) -> bool {
        self.flags & NON_SYNC == 0
    }
}

/// A `traf` that was read.
pub(super) struct Parsed {
    /// `None`: its track does not go on.
    pub(super) traf: Option<Traf>,
    /// Where its data ends.
    pub(super) end: usize,
}

impl Traf {
    /// Reads a `traf`. `implicit` is where its data starts if it does not say so; `None`: it is damaged.
    pub(super) fn parse(
        atom: &Atom,
        buffer: &[u8],
        movie: &Movie,
        position: u64,
        implicit: usize,
    ) -> Option<Parsed> {
        let tfhd = atom.child(buffer, b"tfhd")?;
        let mut fields = tfhd.fields(buffer);
        let (_, flags) = fields.version()?;
        let track_id = fields.u32()?;
        let known = movie.track(track_id);
        let mut defaults = known.map(|(_, track)| track.defaults).unwrap_or_default();
        let base = if flags & BASE_DATA_OFFSET != 0 { Some(fields.u64()?) } else { None };
        for (flag, field) in [
            (DESCRIPTION, &mut defaults.description),
            (DEFAULT_DURATION, &mut defaults.duration),
            (DEFAULT_SIZE, &mut defaults.size),
            (DEFAULT_FLAGS, &mut defaults.flags),
        ] {
            if flags & flag != 0 {
                *field = fields.u32()?;
            }
        }
        let base = match base {
            Some(base) => absolute_base(atom, buffer, base, position)?,
            None if flags & DEFAULT_BASE_IS_MOOF != 0 => 0,
            None => i64::try_from(implicit).ok()?,
        };
        let mut traf = Self {
            track: known.map_or(0, |(index, _)| index),
            track_id,
            atom: atom.clone(),
            tfhd,
            flags,
            defaults,
            tfdt: None,
            runs: Vec::new(),
            samples: Vec::new(),
            base,
            auxiliary: Auxiliary::default(),
        };
        let mut data = base;
        let mut children = atom.children(buffer);
        for child in &mut children {
            match &child.kind {
                b"tfdt" => traf.tfdt = Some(Tfdt::parse(child, buffer)?),
                b"trun" => data = traf.run(child, buffer, base, data)?,
                _ => traf.auxiliary.take(child, buffer)?,
            }
        }
        if !children.is_whole() {
            return None;
        }
        let end = usize::try_from(data).ok()?;
        Some(Parsed { traf: known.is_some().then_some(traf), end })
    }

    /// Reads a `trun`, whose data starts at `data` if it does not say so. Returns where its data ends.
    fn run(&mut self, atom: Atom, buffer: &[u8], base: i64, data: i64) -> Option<i64> {
        let mut fields = atom.fields(buffer);
        let (version, flags) = fields.version()?;
        let count = usize::try_from(fields.u32()?).ok()?;
        let start = if flags & DATA_OFFSET != 0 {
            base.checked_add(i64::from(fields.u32()?.cast_signed()))?
        } else {
            data
        };
        let first_flags = if flags & FIRST_FLAGS != 0 { fields.u32()? } else { self.defaults.flags };
        let entries = atom.body.end.checked_sub(fields.0.len())?;
        let first = self.samples.len();
        // Without fields of their own, samples take no bytes: their count has to be within reason by itself.
        if first.checked_add(count)? > MAX_SAMPLES.saturating_add(1) {
            // One too many is enough for the fragment to be refused.
            self.samples.resize(MAX_SAMPLES.saturating_add(1), Sample::NONE);
            return Some(start);
        }
        let mut size = 0_u64;
        for index in 0..count {
            let default_flags = if index == 0 { first_flags } else { self.defaults.flags };
            let sample = Sample::parse(&mut fields, version, flags, &self.defaults, default_flags)?;
            size = size.checked_add(u64::from(sample.size))?;
            self.samples.push(sample);
        }
        let end = start.checked_add(i64::try_from(size).ok()?)?;
        self.runs.push(Run {
            atom,
            version,
            flags,
            entries,
            first_flags,
            samples: first..self.samples.len(),
            data: usize::try_from(start).ok()?..usize::try_from(end).ok()?,
        });
        Some(end)
    }
}

/// What an offset from the start of the file is from the start of `moof`. The segment may be a stretch of that file, so
/// the offset says nothing by itself: either it is that of `moof`, and `trun` says how much further the data are, or it
/// is that of the data.
fn absolute_base(traf: &Atom, buffer: &[u8], base: u64, position: u64) -> Option<i64> {
    let length = i64::try_from(buffer.len()).ok()?;
    let first = traf.child(buffer, b"trun").and_then(|trun| {
        let mut fields = trun.fields(buffer);
        let (_, flags) = fields.version()?;
        fields.u32()?;
        if flags & DATA_OFFSET != 0 { fields.u32().map(u32::cast_signed) } else { None }
    });
    if first.is_some_and(|offset| i64::from(offset) >= length) {
        return Some(0);
    }
    let from_moof = i64::try_from(base).ok()?.saturating_sub(i64::try_from(position).ok()?);
    let behind_head = length.saturating_add(8);
    Some(if (length..length.saturating_add(MAX_GAP)).contains(&from_moof) { from_moof } else { behind_head })
}

impl Tfdt {
    fn parse(atom: Atom, buffer: &[u8]) -> Option<Self> {
        let mut fields = atom.fields(buffer);
        let (version, _) = fields.version()?;
        let time = i64::try_from(fields.either(version == 1)?).ok()?;
        Some(Self { atom, wide: version == 1, time })
    }
}

impl Run {
    /// Bytes of an entry.
    pub(super) fn entry_size(&self) -> usize {
        let fields =
            [DURATIONS, SIZES, FLAGS, OFFSETS].iter().filter(|&&flag| self.flags & flag != 0).count();
        fields.saturating_mul(4)
    }
}

impl Sample {
    const NONE: Self = Self { size: 0, duration: 0, flags: 0, composition_offset: 0 };

    fn parse(
        fields: &mut Fields<'_>,
        version: u8,
        flags: u32,
        defaults: &Defaults,
        default_flags: u32,
    ) -> Option<Self> {
        let mut field = |flag: u32, default: u32| -> Option<u32> {
            if flags & flag != 0 { fields.u32() } else { Some(default) }
        };
        let duration = field(DURATIONS, defaults.duration)?;
        let size = field(SIZES, defaults.size)?;
        let sample_flags = field(FLAGS, default_flags)?;
        let offset = field(OFFSETS, 0)?;
        // Version 0 has no sign; what is far above any delay was written by someone who meant one all the same.
        let signed = version != 0 || offset >> 31 == 1;
        let composition_offset = if signed { i64::from(offset.cast_signed()) } else { i64::from(offset) };
        Some(Self { size, duration, flags: sample_flags, composition_offset })
    }
}

/// Bytes between a header and its data that are believed: another track's data, most likely.
const MAX_GAP: i64 = 1 << 24;
// Flags of tfhd (§8.8.7.1).
pub(super) const BASE_DATA_OFFSET: u32 = 0x01;
pub(super) const DESCRIPTION: u32 = 0x02;
pub(super) const DEFAULT_DURATION: u32 = 0x08;
pub(super) const DEFAULT_SIZE: u32 = 0x10;
pub(super) const DEFAULT_FLAGS: u32 = 0x20;
pub(super) const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
// Flags of trun (§8.8.8.1).
pub(super) const DATA_OFFSET: u32 = 0x01;
pub(super) const FIRST_FLAGS: u32 = 0x04;
pub(super) const DURATIONS: u32 = 0x100;
pub(super) const SIZES: u32 = 0x200;
pub(super) const FLAGS: u32 = 0x400;
pub(super) const OFFSETS: u32 = 0x800;
/// `sample_is_non_sync_sample` (§8.8.3.1).
const NON_SYNC: u32 = 1 << 16;
