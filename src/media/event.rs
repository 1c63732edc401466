//! What goes into the transmuxer beside bytes, and what comes out.

use serde::Serialize;

use super::fmp4::{FragmentBuf, SampleEntry, TrackConfig, init_section};
use super::{Anchor, Cut, Losses};
use crate::time::TimeRange;

/// Video and audio go to separate tracks and buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// What the transmuxer has to know of a segment before its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentStart {
    /// Where it belongs on the presentation timeline.
    pub anchor: Anchor,
    /// Whether it does not continue the segment before (`EXT-X-DISCONTINUITY`).
    pub discontinuity: bool,
    /// How long its fragments are.
    pub cut: Cut,
}

/// What the transmuxer found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// The program is known: these kinds of track will come. Again if it changes.
    Tracks {
        /// It has video.
        video: bool,
        /// It has audio.
        audio: bool,
    },
    /// The place of the segment on the timeline is known, where [`Anchor::At`] left it open. Other segments of the
    /// same discontinuity sequence have the same offset.
    Timeline {
        /// What is added to unwrapped time stamps, in 90 kHz ticks.
        offset: i64,
    },
    /// How a track is decoded from here on.
    Init(InitSection),
    /// Media of one track.
    Fragment(Fragment),
    /// Text to show for a while.
    Cue(Cue),
    /// Data that belongs to a moment of the presentation.
    Metadata(Metadata),
}

/// An init section: to be appended before the fragments that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitSection {
    /// Whose.
    pub track: TrackKind,
    /// For `addSourceBuffer`: `video/mp4; codecs="avc1.64001f"`.
    pub mime: String,
    /// RFC 6381: `avc1.64001f`, `mp4a.40.2`.
    pub codec: String,
    /// What it shows or sounds like.
    pub format: Format,
    /// `ftyp` and `moov`.
    pub data: Vec<u8>,
    config: TrackConfig,
}

/// The format of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Pictures of this size, in samples, after cropping.
    Video {
        /// Samples in a line.
        width: u32,
        /// Lines.
        height: u32,
    },
    /// Sound.
    Audio {
        /// Samples a second.
        sample_rate: u32,
        /// Channels.
        channels: u16,
    },
}

/// A fragment of one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Whose.
    pub track: TrackKind,
    /// The stretch of the presentation that it holds.
    pub range: TimeRange,
    /// Whether it can be decoded without what came before.
    pub starts_with_key_frame: bool,
    /// `moof` and `mdat`.
    pub data: FragmentBuf,
}

/// Text to show for a while: of a WebVTT segment, or a closed caption that travels in the video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// Which of the tracks that a segment may have.
    pub track: TextTrack,
    /// When to show it.
    pub range: TimeRange,
    /// WebVTT's cue identifier; empty if there is none.
    pub id: String,
    /// WebVTT cue settings, as a WebVTT file has them: `line:90% align:start`.
    pub settings: String,
    /// WebVTT cue text, tags included.
    pub text: String,
}

/// A text track of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextTrack {
    /// A WebVTT segment has one.
    WebVtt,
    /// CEA-608 channel: 1 to 4 for CC1 to CC4.
    Cea608(u8),
    /// CEA-708 service: 1 to 63.
    Cea708(u8),
}

/// Data that belongs to a moment of the presentation: an ID3 tag of a transport stream or of packed audio, or an event
/// message (`emsg`) of fragmented MP4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// From when on; its end is its start where it has no duration.
    pub range: TimeRange,
    /// `scheme_id_uri` of an event message; for ID3, `https://aomedia.org/emsg/ID3`.
    pub scheme: String,
    /// `value` of an event message; else empty.
    pub value: String,
    /// The tag, or the message.
    pub data: Vec<u8>,
}

/// What was in a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentFacts {
    /// Added to unwrapped time stamps, in 90 kHz ticks; `None` if there was no time stamp.
    pub offset: Option<i64>,
    /// Video that starts in this segment. The last frame of it comes out with the next segment, or with `flush`;
    /// its end is an estimate.
    pub video: Option<TimeRange>,
    /// Audio that came out of this segment.
    pub audio: Option<TimeRange>,
    /// Frames that can be decoded without others.
    pub key_frames: u32,
    /// Whether the first video frame is one.
    pub starts_with_key_frame: bool,
    /// Bytes.
    pub length: u64,
    /// Where the first packet was: 0, if the segment is whole and was decrypted with the right IV.
    pub first_packet: u64,
    /// What could not be used.
    pub losses: Losses,
}

impl InitSection {
    /// Of pictures that nobody decodes, for sessions that carry none.
    #[cfg(feature = "cli")]
    pub(crate) fn blank() -> Self {
        let entry = SampleEntry::Video {
            format: *b"avc1",
            width: 16,
            height: 16,
            sample_aspect: (1, 1),
            config: Vec::new(),
        };
        let config = TrackConfig { id: 1, timescale: 90_000, entry };
        Self::new(TrackKind::Video, "avc1.64001f".into(), config)
    }

    pub(super) fn new(track: TrackKind, codec: String, config: TrackConfig) -> Self {
        let (kind, format) = match config.entry {
            SampleEntry::Video { width, height, .. } => {
                ("video", Format::Video { width: width.into(), height: height.into() })
            }
            SampleEntry::Audio { channels, sample_rate, .. } => {
                ("audio", Format::Audio { sample_rate, channels })
            }
        };
        let mime = format!("{kind}/mp4; codecs=\"{codec}\"");
        Self { track, mime, codec, format, data: init_section(&[&config]), config }
    }
}

/// One init section for several tracks: with it, the fragments of all of them make one file.
pub fn merge_init(sections: &[&InitSection]) -> Vec<u8> {
    let configs: Vec<&TrackConfig> = sections.iter().map(|section| &section.config).collect();
    init_section(&configs)
}
