//! Common Encryption with a key that the host has (ISO/IEC 23001-7): `cenc`, `cens`, `cbc1`, `cbcs`.
//!
//! Invariant: a sample is decrypted in place and keeps its size.

use core::ops::Range;

use super::atom::{Atom, Fields, Kind};
use super::auxiliary::Sizes;
use super::protection::{Protection, SampleProtection, vector};
use super::traf::Traf;
use crate::crypto::pattern::Pattern;
use crate::crypto::{Iv, SampleCipher};
use crate::media::SampleKey;

/// A protection scheme (§4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Cenc,
    Cens,
    Cbc1,
    Cbcs,
}

impl Scheme {
    /// By its four-character code.
    pub(super) fn of(kind: Kind) -> Option<Self> {
        Some(match &kind {
            b"cenc" => Self::Cenc,
            b"cens" => Self::Cens,
            b"cbc1" => Self::Cbc1,
            b"cbcs" => Self::Cbcs,
            _ => return None,
        })
    }
}

/// What decrypts the samples of one track.
#[derive(Debug)]
pub(super) struct Decryption<'a> {
    pub(super) scheme: Scheme,
    pub(super) protection: &'a Protection,
    pub(super) key: &'a SampleKey,
    pub(super) cipher: &'a SampleCipher,
}

impl Decryption<'_> {
    /// Decrypts all samples of a track's share of a fragment, whose data lies `moved` bytes behind where its header
    /// said. `None`: what is said of their encryption does not fit them.
    pub(super) fn samples(
        &self,
        traf: &Traf,
        information: &[u8],
        buffer: &mut [u8],
        moved: i64,
    ) -> Option<()> {
        let mut entries = Entries::new(traf, information);
        // ffmpeg 8 lists audio samples from the first one of the file on in every fragment.
        let count = traf.auxiliary.senc.as_ref().map_or(0, |senc| senc.count.min(senc.at.len()));
        for _ in traf.samples.len()..count {
            entries.next(0, &self.protection.samples)?;
        }
        let mut ways = traf.auxiliary.ways();
        let mut index = 0_usize;
        for run in &traf.runs {
            let mut at = i64::try_from(run.data.start).ok()?.checked_add(moved)?;
            for sample in traf.samples.get(run.samples.clone())? {
                let start = usize::try_from(at).ok()?;
                let end = start.checked_add(usize::try_from(sample.size).ok()?)?;
                let protection = ways.next().flatten().unwrap_or(self.protection.samples);
                let entry = entries.next(index, &protection)?;
                if protection.protected {
                    self.sample(buffer.get_mut(start..end)?, &protection, entry)?;
                }
                at = i64::try_from(end).ok()?;
                index = index.saturating_add(1);
            }
        }
        Some(())
    }

    fn sample(&self, sample: &mut [u8], protection: &SampleProtection, mut entry: Entry<'_>) -> Option<()> {
        let iv = entry.iv.or(protection.constant_iv).map_or(self.key.iv, Iv::from_bytes);
        let pattern = match self.scheme {
            Scheme::Cens | Scheme::Cbcs => Pattern { crypt: protection.crypt, skip: protection.skip },
            Scheme::Cenc | Scheme::Cbc1 => Pattern::NONE,
        };
        // Bento4 1.5 writes the schemes that have patterns without any: then they are what they came from.
        let scheme = match self.scheme {
            Scheme::Cens if !protection.blocks => Scheme::Cenc,
            Scheme::Cbcs if !protection.blocks && protection.iv_size > 0 => Scheme::Cbc1,
            scheme => scheme,
        };
        let mut stream = self.cipher.stream(&iv);
        let mut chain = self.cipher.chain(&iv);
        let mut stretch = |bytes: &mut [u8]| match scheme {
            Scheme::Cenc => stream.apply(bytes),
            Scheme::Cens => {
                for run in pattern.runs(bytes.len()) {
                    stream.apply(bytes.get_mut(run).unwrap_or_default());
                }
            }
            Scheme::Cbc1 => chain.decrypt(bytes, pattern),
            // The one scheme in which every stretch starts anew.
            Scheme::Cbcs => self.cipher.chain(&iv).decrypt(bytes, pattern),
        };
        let Some(subsamples) = &mut entry.subsamples else {
            stretch(sample);
            return Some(());
        };
        let mut rest = sample;
        while !subsamples.0.is_empty() {
            let clear = usize::from(subsamples.u16()?);
            let encrypted = usize::try_from(subsamples.u32()?).ok()?;
            let (_, behind) = rest.split_at_mut_checked(clear)?;
            let (bytes, behind) = behind.split_at_mut_checked(encrypted)?;
            stretch(bytes);
            rest = behind;
        }
        Some(())
    }
}

/// What is said of one sample.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    iv: Option<[u8; 16]>,
    /// Pairs of clear bytes (16 bits) and encrypted ones (32 bits).
    subsamples: Option<Fields<'a>>,
}

/// What is said of one sample after another.
struct Entries<'a> {
    fields: Fields<'a>,
    kind: EntryKind<'a>,
}

enum EntryKind<'a> {
    /// Nothing is.
    None,
    /// All entries have subsamples, or none has.
    Senc {
        subsamples: bool,
    },
    All(u8),
    Each(&'a [u8]),
}

impl<'a> Entries<'a> {
    /// `information` is what [`Information`] found.
    fn new(traf: &Traf, information: &'a [u8]) -> Self {
        let kind = match (&traf.auxiliary.senc, &traf.auxiliary.sizes) {
            (Some(senc), _) => {
                let subsamples = senc.subsamples;
                return Self { fields: Fields(information), kind: EntryKind::Senc { subsamples } };
            }
            (None, Some(Sizes::All(size))) => EntryKind::All(*size),
            (None, Some(Sizes::Each(_))) => {
                let (sizes, rest) =
                    information.split_at_checked(traf.samples.len()).unwrap_or((information, &[]));
                return Self { fields: Fields(rest), kind: EntryKind::Each(sizes) };
            }
            (None, None) => EntryKind::None,
        };
        Self { fields: Fields(information), kind }
    }

    fn next(&mut self, index: usize, protection: &SampleProtection) -> Option<Entry<'a>> {
        let iv_size = usize::from(protection.iv_size);
        let size = match self.kind {
            EntryKind::None if iv_size > 0 && protection.protected => return None,
            EntryKind::None => 0,
            EntryKind::Senc { subsamples } => {
                if !protection.protected && self.fields.0.is_empty() {
                    return Some(Entry { iv: None, subsamples: None });
                }
                let iv = self.iv(iv_size)?;
                let subsamples = if subsamples {
                    let count = usize::from(self.fields.u16()?);
                    Some(Fields(self.fields.take(count.saturating_mul(6))?))
                } else {
                    None
                };
                return Some(Entry { iv, subsamples });
            }
            EntryKind::All(size) => size,
            EntryKind::Each(sizes) => sizes.get(index).copied()?,
        };
        let mut own = Self { fields: Fields(self.fields.take(usize::from(size))?), kind: EntryKind::None };
        let iv = if own.fields.0.is_empty() { None } else { own.iv(iv_size)? };
        let subsamples = if own.fields.0.is_empty() {
            None
        } else {
            let count = usize::from(own.fields.u16()?);
            Some(Fields(own.fields.take(count.saturating_mul(6))?))
        };
        Some(Entry { iv, subsamples })
    }

    fn iv(&mut self, size: usize) -> Option<Option<[u8; 16]>> {
        if size == 0 { Some(None) } else { vector(self.fields.take(size)?).map(Some) }
    }
}

/// What is said of the samples of a fragment: the sizes of `saiz` where they differ, then the information itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Information {
    bytes: Vec<u8>,
    /// Where the information itself is, if it is not in `moof`.
    behind: Option<Range<usize>>,
}

impl Information {
    /// Copies it out of a `moof`, which is going to change.
    pub(super) fn gather(traf: &Traf, moof: &[u8]) -> Option<Self> {
        let auxiliary = &traf.auxiliary;
        if let Some(senc) = &auxiliary.senc {
            return Some(Self { bytes: moof.get(senc.at.clone())?.to_vec(), behind: None });
        }
        let count = traf.samples.len();
        let mut bytes = Vec::new();
        let length = match &auxiliary.sizes {
            None => 0,
            Some(Sizes::All(size)) => usize::from(*size).saturating_mul(count),
            Some(Sizes::Each(range)) => {
                bytes.extend(moof.get(range.clone())?.iter().take(count));
                bytes.resize(count, 0);
                bytes.iter().map(|&size| usize::from(size)).sum()
            }
        };
        if length == 0 {
            return Some(Self { bytes, behind: None });
        }
        let start = i64::try_from(auxiliary.offset?).ok()?.checked_add(traf.base)?;
        let start = usize::try_from(start).ok()?;
        let range = start..start.checked_add(length)?;
        match moof.get(range.clone()) {
            Some(information) => bytes.extend_from_slice(information),
            None => return Some(Self { bytes, behind: Some(range) }),
        }
        Some(Self { bytes, behind: None })
    }

    /// All of it, once the fragment is there; what was behind its header lies `moved` bytes further now.
    pub(super) fn complete(mut self, fragment: &[u8], moved: i64) -> Option<Vec<u8>> {
        if let Some(range) = self.behind {
            let place = |at: usize| usize::try_from(i64::try_from(at).ok()?.checked_add(moved)?).ok();
            self.bytes.extend_from_slice(fragment.get(place(range.start)?..place(range.end)?)?);
        }
        Some(self.bytes)
    }
}

/// Hides what said how samples were encrypted.
pub(super) fn hide(atoms: &[Atom], buffer: &mut [u8]) {
    for atom in atoms {
        atom.neutralize(buffer);
    }
}
