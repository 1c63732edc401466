//! Elementary streams: what their units are and how a decoder is set up for them. One module a codec.

pub(super) mod aac;
pub(super) mod annexb;
pub(super) mod bits;
pub(super) mod h264;

use super::TrackKind;

/// What the transmuxer makes of an elementary stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamUse {
    /// Becomes a track of this kind.
    Supported(TrackKind),
    /// Is of this kind, in a codec that is not supported.
    Unsupported(TrackKind),
    /// Neither video nor audio.
    Ignored,
}

/// By stream type (ISO/IEC 13818-1 table 2-34, and the user-private ones of ATSC, Blu-ray and HLS).
pub(super) const fn stream_use(stream_type: u8) -> StreamUse {
    match stream_type {
        0x1b | 0xdb => StreamUse::Supported(TrackKind::Video),
        0x0f | 0xcf => StreamUse::Supported(TrackKind::Audio),
        0x01 | 0x02 | 0x10 | 0x1e | 0x1f | 0x20 | 0x21 | 0x24 | 0x32 | 0x33 | 0x42 | 0xd1 | 0xea => {
            StreamUse::Unsupported(TrackKind::Video)
        }
        0x03 | 0x04 | 0x11 | 0x1c | 0x2d | 0x81 | 0x84 | 0x87 | 0xc1 | 0xc2 => {
            StreamUse::Unsupported(TrackKind::Audio)
        }
        _ => StreamUse::Ignored,
    }
}

/// Whether the samples of such a stream are encrypted: the types that SAMPLE-AES has for H.264, AAC, AC-3 and Enhanced
/// AC-3. The descriptors beside them (a private data indicator `zavc`, `aacd`, `ac3d` or `ec3d`, and `apad` with the
/// audio's setup) say nothing that the type, ADTS headers and AC-3 headers do not say in the clear. There is no type
/// for encrypted HEVC: HLS carries it in fragmented MP4 only, and an HEVC stream of a transport stream is in the clear.
pub(super) const fn is_sample_encrypted(stream_type: u8) -> bool {
    matches!(stream_type, 0xdb | 0xcf | 0xc1 | 0xc2)
}
