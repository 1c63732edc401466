//! What a NAL unit is to a muxer, in the terms that H.264 and H.265 have in common.

/// By the first bytes of a NAL unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NalKind {
    /// A slice of a picture.
    Slice(Slice),
    /// More of the picture before: a slice's further partitions, an auxiliary or another layer's picture.
    SlicePart,
    /// A parameter set.
    ParameterSet(ParameterSet),
    /// Supplemental enhancement information.
    Sei,
    /// Access unit delimiter: says nothing that MP4 does not say.
    Delimiter,
    /// Filler: says nothing at all.
    Filler,
    /// Comes before a picture's slices (extension sets, prefixes).
    Prefix,
    /// The next picture starts a new coded sequence.
    EndOfSequence,
    /// Anything else.
    Other,
}

/// What the head of a slice says of its picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slice {
    /// It is the picture's first.
    pub(crate) first: bool,
    /// Decoding can start at the picture.
    pub(crate) key: bool,
    /// What leads this key picture refers to pictures that are not there (a broken link).
    pub(crate) broken_link: bool,
    /// The picture leads a key picture and refers to what comes before that (a RASL picture): it cannot be decoded where
    /// decoding starts at the key picture.
    pub(crate) skipped_leading: bool,
    /// Other pictures may refer to it.
    pub(crate) reference: bool,
}

/// The parameter sets that a decoder is configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterSet {
    Video,
    Sequence,
    Picture,
}

impl NalKind {
    /// Whether a NAL unit of this kind that follows a slice belongs to the next access unit (H.264 §7.4.1.2.3, H.265
    /// §7.4.2.4.4).
    pub(crate) const fn starts_unit(self) -> bool {
        match self {
            Self::Slice(slice) => slice.first,
            Self::ParameterSet(_) | Self::Sei | Self::Delimiter | Self::Prefix => true,
            Self::SlicePart | Self::Filler | Self::EndOfSequence | Self::Other => false,
        }
    }
}

/// Where a picture goes in output order, by its slice header: its picture order count, modulo a power of two (H.264
/// §8.2.1, H.265 §8.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The low bits of the count, and how many they are.
    pub(crate) low: u32,
    pub(crate) bits: u32,
    /// The count starts anew.
    pub(crate) restarts: bool,
    /// The next picture's count is close to this one's.
    pub(crate) leads: bool,
}

/// The most bytes that are needed to say what a NAL unit is.
pub(crate) const MAX_HEAD: usize = 3;
