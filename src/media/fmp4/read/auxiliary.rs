//! What a fragment says of the encryption of its samples (ISO/IEC 23001-7 §7): `senc`, or `saiz` with `saio`, and
//! sample groups of the kind `seig` that overrule the track's defaults.

use core::ops::Range;

use super::atom::{Atom, Fields};
use super::protection::SampleProtection;

/// Boxes of a `traf` that concern encryption.
#[derive(Clone, Debug, Default)]
pub(super) struct Auxiliary {
    /// To be hidden once the samples are decrypted.
    pub(super) atoms: Vec<Atom>,
    pub(super) senc: Option<Senc>,
    /// `saiz`: the size of each sample's information.
    pub(super) sizes: Option<Sizes>,
    /// `saio`: where that of the first one is, from the base of the data on.
    pub(super) offset: Option<usize>,
    /// How many samples, one group after another, belong to which description of a group (0: to none).
    groups: Vec<(u32, u32)>,
    /// Descriptions of groups.
    descriptions: Vec<SampleProtection>,
}

/// `senc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Senc {
    /// Where its entries are.
    pub(super) at: Range<usize>,
    pub(super) count: usize,
    /// They have subsamples.
    pub(super) subsamples: bool,
}

/// `saiz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    /// The same for all.
    All(u8),
    /// A byte for each.
    Each(Range<usize>),
}

impl Auxiliary {
    /// Takes a box, if it is one of these. `None`: it is, and it is damaged.
    pub(super) fn take(&mut self, atom: Atom, buffer: &[u8]) -> Option<()> {
        let mut fields = atom.fields(buffer);
        match &atom.kind {
            b"senc" => {
                let (_, flags) = fields.version()?;
                let count = usize::try_from(fields.u32()?).ok()?;
                let at = atom.body.end.checked_sub(fields.0.len())?..atom.body.end;
                self.senc = Some(Senc { at, count, subsamples: flags & 2 != 0 });
            }
            b"saiz" => {
                let (_, flags) = fields.version()?;
                if flags & 1 != 0 {
                    fields.take(8)?;
                }
                let size = fields.u8()?;
                fields.u32()?;
                let start = atom.body.end.checked_sub(fields.0.len())?;
                let each = Sizes::Each(start..atom.body.end);
                self.sizes = Some(if size == 0 { each } else { Sizes::All(size) });
            }
            b"saio" => {
                let (version, flags) = fields.version()?;
                if flags & 1 != 0 {
                    fields.take(8)?;
                }
                if fields.u32()? > 0 {
                    self.offset = usize::try_from(fields.either(version == 1)?).ok();
                }
            }
            b"sbgp" => {
                let (version, _) = fields.version()?;
                if fields.kind()? != *b"seig" {
                    return Some(());
                }
                if version == 1 {
                    fields.u32()?;
                }
                for _ in 0..fields.u32()? {
                    self.groups.push((fields.u32()?, fields.u32()?));
                }
            }
            b"sgpd" => {
                let (version, _) = fields.version()?;
                if fields.kind()? != *b"seig" {
                    return Some(());
                }
                let default = if version == 1 { fields.u32()? } else { 0 };
                if version >= 2 {
                    fields.u32()?;
                }
                for _ in 0..fields.u32()? {
                    let length = if version == 1 && default == 0 { fields.u32()? } else { default };
                    let mut entry = match usize::try_from(length).ok()? {
                        0 => fields,
                        length => Fields(fields.take(length)?),
                    };
                    self.descriptions.push(SampleProtection::parse(1, &mut entry)?);
                    if length == 0 {
                        fields = entry;
                    }
                }
            }
            _ => return Some(()),
        }
        self.atoms.push(atom);
        Some(())
    }

    /// Whether samples may be encrypted in another way than the track's.
    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// How a sample is encrypted, where its group has an own way.
    pub(super) fn group_of(&self, sample: usize) -> Option<SampleProtection> {
        let mut first = 0_u64;
        let sample = u64::try_from(sample).ok()?;
        for &(count, description) in &self.groups {
            first = first.saturating_add(u64::from(count));
            if sample < first {
                // Descriptions of the fragment itself are numbered from 0x10001 on (§8.9.4); the init section's are
                // those of a stream that changes its key, which one key cannot open.
                let index = usize::try_from(description.checked_sub(0x1_0001)?).ok()?;
                return self.descriptions.get(index).copied();
            }
        }
        None
    }
}
