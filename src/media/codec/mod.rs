//! Elementary streams: what their units are and how a decoder is set up for them. One module a codec.

pub(super) mod aac;
pub(super) mod ac3;
pub(super) mod annexb;
pub(super) mod asc;
pub(super) mod aspect;
pub(super) mod bits;
pub(super) mod frame;
pub(super) mod h264;
pub(super) mod h265;
pub(super) mod latm;
pub(super) mod mpeg_audio;
pub(super) mod nal;
pub(super) mod sei;

use super::TrackKind;
use super::ts::psi;
use frame::AudioKind;

/// What an elementary stream is coded in, of what is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Video(VideoCodec),
    Audio(AudioKind),
}

/// A video codec whose stream consists of NAL units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum VideoCodec {
    #[default]
    H264,
    H265,
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
    /// ID3 tags.
    Metadata,
    /// None of these.
    Ignored,
}

/// By stream type (ISO/IEC 13818-1 table 2-34, and the user-private ones of ATSC, Blu-ray and HLS); by the stream's
/// descriptors, as the program map has them, where the type leaves it open.
pub(super) fn stream_use(stream_type: u8, descriptors: &[u8]) -> StreamUse {
    if let Some(kind) = audio_kind(stream_type, descriptors) {
        return StreamUse::Supported(Codec::Audio(kind));
    }
    match stream_type {
        0x1b | 0xdb => StreamUse::Supported(Codec::Video(VideoCodec::H264)),
        0x24 => StreamUse::Supported(Codec::Video(VideoCodec::H265)),
        0x06 if is_registered(descriptors, b"HEVC") => StreamUse::Supported(Codec::Video(VideoCodec::H265)),
        0x06 if private_audio(descriptors) == Some(None) => StreamUse::Unsupported(TrackKind::Audio),
        0x15 if psi::descriptors(descriptors).all(may_be_id3) => StreamUse::Metadata,
        0x01 | 0x02 | 0x10 | 0x1e | 0x1f | 0x20 | 0x21 | 0x32 | 0x33 | 0x42 | 0xd1 | 0xea => {
            StreamUse::Unsupported(TrackKind::Video)
        }
        // AAC without a transport syntax, MPEG-H; DTS and TrueHD as Blu-ray has them.
        0x1c | 0x2d | 0x82 | 0x83 | 0x85 | 0x8a => StreamUse::Unsupported(TrackKind::Audio),
        _ => StreamUse::Ignored,
    }
}

fn is_registered(descriptors: &[u8], format: &[u8; 4]) -> bool {
    psi::descriptors(descriptors).any(|(tag, body)| tag == REGISTRATION && body.starts_with(format))
}

/// What an audio stream of this type is, of those that are supported.
fn audio_kind(stream_type: u8, descriptors: &[u8]) -> Option<AudioKind> {
    match stream_type {
        0x03 | 0x04 => Some(AudioKind::Mpeg),
        0x0f | 0x11 | 0xcf => Some(AudioKind::Aac),
        // ATSC, Blu-ray's Enhanced AC-3, ATSC's, and those of SAMPLE-AES.
        0x81 | 0x84 | 0x87 | 0xc1 | 0xc2 => Some(AudioKind::Ac3),
        0x06 => private_audio(descriptors).flatten(),
        _ => None,
    }
}

/// What the descriptors of private data say it is (ETSI EN 300 468 §6.2, annexes D and G; registrations at SMPTE):
/// `Some(None)` is audio that is not supported.
fn private_audio(descriptors: &[u8]) -> Option<Option<AudioKind>> {
    psi::descriptors(descriptors).find_map(|descriptor| match descriptor {
        (0x6a | 0x7a, _) | (REGISTRATION, [b'A', b'C', b'-', b'3', ..] | [b'E', b'A', b'C', b'3', ..]) => {
            Some(Some(AudioKind::Ac3))
        }
        (0x7c, _) => Some(Some(AudioKind::Aac)),
        (0x7b, _)
        | (
            REGISTRATION,
            [b'D', b'T', b'S', _, ..] | [b'O', b'p', b'u', b's', ..] | [b'A', b'C', b'-', b'4', ..],
        ) => Some(None),
        _ => None,
    })
}

/// Whether a descriptor of a metadata stream leaves it open that ID3 tags are in it: a registration or a format identifier
/// (ISO/IEC 13818-1 §2.6.60) of something else does not.
fn may_be_id3((tag, body): (u8, &[u8])) -> bool {
    match (tag, body) {
        (REGISTRATION, body) => body.starts_with(b"ID3 "),
        // metadata_application_format, then metadata_format, each with an identifier where it is all ones.
        (0x26, [0xff, 0xff, _, _, _, _, rest @ ..] | [_, _, rest @ ..]) => match rest {
            [0xff, identifier @ ..] => identifier.starts_with(b"ID3 "),
            _ => false,
        },
        _ => true,
    }
}

const REGISTRATION: u8 = 0x05;

/// Whether the samples of such a stream are encrypted: the types that SAMPLE-AES has for H.264, AAC, AC-3 and Enhanced
/// AC-3. The descriptors beside them (a private data indicator `zavc`, `aacd`, `ac3d` or `ec3d`, and `apad` with the
/// audio's setup) say nothing that the type, ADTS headers and AC-3 headers do not say in the clear. There is no type
/// for encrypted HEVC: HLS carries it in fragmented MP4 only, and an HEVC stream of a transport stream is in the clear.
pub(super) const fn is_sample_encrypted(stream_type: u8) -> bool {
    matches!(stream_type, 0xdb | 0xcf | 0xc1 | 0xc2)
}
