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
        0x1b => StreamUse::Supported(TrackKind::Video),
        0x0f => StreamUse::Supported(TrackKind::Audio),
        0x01 | 0x02 | 0x10 | 0x1e | 0x1f | 0x20 | 0x21 | 0x24 | 0x32 | 0x33 | 0x42 | 0xd1 | 0xdb | 0xea => {
            StreamUse::Unsupported(TrackKind::Video)
        }
        0x03 | 0x04 | 0x11 | 0x1c | 0x2d | 0x81 | 0x84 | 0x87 | 0xc1 | 0xc2 | 0xcf => {
            StreamUse::Unsupported(TrackKind::Audio)
        }
        _ => StreamUse::Ignored,
    }
}
