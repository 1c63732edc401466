//! Elementary streams: what their units are and how a decoder is set up for them. One module a codec.

pub(super) mod aac;
pub(super) mod annexb;
pub(super) mod aspect;
pub(super) mod bits;
pub(super) mod h264;
pub(super) mod h265;
pub(super) mod nal;
pub(super) mod sei;

use super::TrackKind;

/// What an elementary stream is coded in, of what is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Video(VideoCodec),
    /// AAC in ADTS frames.
    Aac,
}

/// A video codec whose stream consists of NAL units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum VideoCodec {
    #[default]
    H264,
    H265,
}

impl Codec {
    pub(super) const fn kind(self) -> TrackKind {
        match self {
            Self::Video(_) => TrackKind::Video,
            Self::Aac => TrackKind::Audio,
        }
    }
}

impl VideoCodec {
    /// Bytes at the start of a NAL unit that say what it is.
    pub(super) const fn head(self) -> usize {
        match self {
            Self::H264 => 2,
            Self::H265 => 3,
        }
    }

    /// Bytes of a NAL unit's header.
    pub(super) const fn header(self) -> usize {
        match self {
            Self::H264 => 1,
            Self::H265 => 2,
        }
    }

    /// By how much the picture order count grows from frame to frame: H.264 counts fields.
    pub(super) const fn counts(self) -> i64 {
        match self {
            Self::H264 => 2,
            Self::H265 => 1,
        }
    }

    /// What the NAL unit is that starts with these bytes.
    pub(super) fn nal_kind(self, head: &[u8]) -> nal::NalKind {
        match self {
            Self::H264 => h264::nal_kind(head),
            Self::H265 => h265::nal_kind(head),
        }
    }
}

/// What the transmuxer makes of an elementary stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamUse {
    /// Becomes a track.
    Supported(Codec),
    /// Is of this kind, in a codec that is not supported.
    Unsupported(TrackKind),
    /// Neither video nor audio.
    Ignored,
}

/// By stream type (ISO/IEC 13818-1 table 2-34, and the user-private ones of ATSC, Blu-ray and HLS) and descriptors.
pub(super) fn stream_use(stream_type: u8, descriptors: &[u8]) -> StreamUse {
    match stream_type {
        0x1b => StreamUse::Supported(Codec::Video(VideoCodec::H264)),
        0x24 => StreamUse::Supported(Codec::Video(VideoCodec::H265)),
        // Private data: what a registration descriptor says it is.
        0x06 if registration(descriptors) == Some(*b"HEVC") => {
            StreamUse::Supported(Codec::Video(VideoCodec::H265))
        }
        0x0f => StreamUse::Supported(Codec::Aac),
        0x01 | 0x02 | 0x10 | 0x1e | 0x1f | 0x20 | 0x21 | 0x32 | 0x33 | 0x42 | 0xd1 | 0xdb | 0xea => {
            StreamUse::Unsupported(TrackKind::Video)
        }
        0x03 | 0x04 | 0x11 | 0x1c | 0x2d | 0x81 | 0x84 | 0x87 | 0xc1 | 0xc2 | 0xcf => {
            StreamUse::Unsupported(TrackKind::Audio)
        }
        _ => StreamUse::Ignored,
    }
}

/// The format identifier of a registration descriptor (ISO/IEC 13818-1 §2.6.8).
pub(super) fn registration(descriptors: &[u8]) -> Option<[u8; 4]> {
    let mut rest = descriptors;
    while let Some((&[tag, length], after)) = rest.split_first_chunk::<2>() {
        if let (0x05, Some(format)) = (tag, after.first_chunk::<4>().filter(|_| length >= 4)) {
            return Some(*format);
        }
        rest = after.get(usize::from(length)..)?;
    }
    None
}
