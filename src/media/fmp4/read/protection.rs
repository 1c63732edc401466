//! How a sample entry is protected: `sinf` with `frma`, `schm` and `tenc` (ISO/IEC 14496-12 §8.12, 23001-7 §8.2).

use super::atom::{Atom, Fields, Kind};

/// The protection of a sample entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Protection {
    /// What the entry would be without it: `avc1`.
    pub(super) format: Kind,
    /// `cenc`, `cbcs`; zeros where it is not said.
    pub(super) scheme: Kind,
    /// How samples are encrypted that no sample group has an own way for.
    pub(super) samples: SampleProtection,
}

/// How samples are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SampleProtection {
    pub(super) protected: bool,
    /// Bytes of the vector that each sample brings: 0, 8 or 16.
    pub(super) iv_size: u8,
    /// The vector of samples that bring none.
    pub(super) constant_iv: Option<[u8; 16]>,
    /// Blocks of a pattern: encrypted ones, then clear ones. Without clear ones there is no pattern.
    pub(super) crypt: u8,
    pub(super) skip: u8,
    /// It can have a pattern, so that it is one of whole blocks even without.
    pub(super) blocks: bool,
}

impl Protection {
    /// Reads `sinf`; `None` if it does not say what the entry really is.
    pub(super) fn parse(sinf: &Atom, buffer: &[u8]) -> Option<Self> {
        let format = sinf.child(buffer, b"frma")?.fields(buffer).kind()?;
        let scheme = sinf.child(buffer, b"schm").and_then(|schm| {
            let mut fields = schm.fields(buffer);
            fields.version()?;
            fields.kind()
        });
        let samples = sinf.descend(buffer, &[b"schi", b"tenc"]).and_then(|tenc| {
            let mut fields = tenc.fields(buffer);
            let (version, _) = fields.version()?;
            SampleProtection::parse(version, &mut fields)
        });
        Some(Self {
            format,
            scheme: scheme.unwrap_or_default(),
            samples: samples.unwrap_or(SampleProtection { protected: true, ..Default::default() }),
        })
    }
}

impl SampleProtection {
    /// The fields that `tenc` and the sample group entry `seig` have in common; only `seig` is always of version 1.
    pub(super) fn parse(version: u8, fields: &mut Fields<'_>) -> Option<Self> {
        fields.u8()?;
        let pattern = fields.u8()?;
        let (crypt, skip) = if version == 0 { (0, 0) } else { (pattern >> 4, pattern & 0x0f) };
        let protected = fields.u8()? == 1;
        let iv_size = fields.u8()?;
        fields.block()?; // the key's name: there is one key
        let constant_iv = if protected && iv_size == 0 { fields.iv() } else { None };
        Some(Self { protected, iv_size, constant_iv, crypt, skip, blocks: version > 0 })
    }
}

impl Fields<'_> {
    /// A vector behind its size.
    fn iv(&mut self) -> Option<[u8; 16]> {
        let size = usize::from(self.u8()?);
        vector(self.take(size)?)
    }
}

/// 8 bytes or 16 as a vector of 16: the counter starts at zero.
pub(super) fn vector(bytes: &[u8]) -> Option<[u8; 16]> {
    let mut iv = [0; 16];
    iv.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(iv)
}
