//! What goes into the transmuxer beside bytes, and what comes out.

use serde::Serialize;

use super::fmp4::{FragmentBuf, SampleEntry, TrackConfig, init_section};
use super::{Anchor, Cut, Losses};
use crate::time::{MediaTime, TimeRange};

/// Video and audio go to separate tracks and buffers.
///
/// Fragmented MP4 that has both in one is passed through as it is, so it goes to one buffer: its one init section and all
/// its fragments are of the kind [`TrackKind::Video`], [`MediaEvent::Tracks`] says video alone, and the MIME type names
/// both codecs (`video/mp4; codecs="avc1.64001f,mp4a.40.2"`).
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
    /// The program has a track of this kind, in a codec that is not supported; what else it has comes out.
    Unsupported {
        /// The kind of track that is missing.
        track: TrackKind,
        /// ISO/IEC 13818-1 table 2-34.
        stream_type: u8,
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
    /// RFC 6381: `avc1.64001f`, `mp4a.40.2`; both, with a comma between, where one section is for both.
    pub codec: String,
    /// What it shows or sounds like.
    pub format: Format,
    /// `ftyp` and `moov`.
    pub data: Vec<u8>,
    /// What it was made from; `None`: it was passed through.
    config: Option<TrackConfig>,
}

/// A way to offer a track to a `SourceBuffer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// For `isTypeSupported` and `addSourceBuffer`.
    pub mime: &'static str,
    /// What to append then.
    pub packaging: Packaging,
}

/// What is appended to a `SourceBuffer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packaging {
    /// Init sections, and fragments as they are.
    Fragments,
    /// The bare frames of each fragment, [`FragmentBuf::payload`], with its `range.start` as the buffer's
    /// `timestampOffset`; and no init section.
    Frames,
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
    /// When that is decoded.
    pub decoded: TimeRange,
    /// How long the frame lasts that is decoded last. Not told of sound, whose frames stand alone.
    pub last_frame: MediaTime,
    /// Whether it can be decoded without what came before.
    pub starts_with_key_frame: bool,
    /// `moof` and `mdat`.
    pub data: FragmentBuf,
}

/// Text to show for a while: of a WebVTT segment, or a closed caption that travels in the video.
///
/// A WebVTT cue that is shown over several segments is in each of them, equal in each. A caption that is shown over the
/// end of a segment comes out in parts that touch, equal but for their ranges.
///
/// A WebVTT segment is placed by the offset of its discontinuity sequence, which video and audio have:
/// [`Anchor::Offset`]. With [`Anchor::At`] its cue times are taken for presentation times, and no offset is reported.
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
    /// Its first time stamp, in the presentation. It may lie before zero, where nothing comes out.
    pub start: Option<MediaTime>,
    /// Video that starts in this segment. The last frame of it comes out with the next segment, or with `flush`;
    /// its end is an estimate.
    pub video: Option<TimeRange>,
    /// Audio that came out of this segment.
    pub audio: Option<TimeRange>,
    /// Frames that can be decoded without others.
    pub key_frames: u32,
    /// Whether the first video frame is one.
    pub starts_with_key_frame: bool,
    /// Cues that came out of this segment.
    pub cues: u32,
    /// Bytes.
    pub length: u64,
    /// Where the first packet was: 0, if the segment is whole and was decrypted with the right IV.
    pub first_packet: u64,
    /// What could not be used.
    pub losses: Losses,
}

impl InitSection {
    /// How else the track can be offered, where a browser does not take `mime`, best first. MPEG audio goes by several
    /// names: in MP4 Firefox calls layer III `mp3`, WebKit says `mp4a.40.34`, and Chromium takes it bare only. Layers I and
    /// II, which have the same `codec`, are decoded by none of them.
    pub fn others(&self) -> &'static [Offer] {
        match self.codec.as_str() {
            "mp4a.6b" | "mp4a.69" => MPEG_AUDIO,
            _ => &[],
        }
    }

    /// Of sound that never comes, for a browser to set up what plays sound.
    #[cfg(all(target_arch = "wasm32", not(feature = "miniprogram")))]
    pub(crate) fn of_no_sound() -> Self {
        let config = super::fmp4::esds(0x40, &[0x11, 0x90]);
        let entry = SampleEntry::Audio { format: *b"mp4a", channels: 2, sample_rate: 48_000, config };
        Self::new(TrackKind::Audio, "mp4a.40.2".into(), TrackConfig { id: 1, timescale: 48_000, entry })
    }

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
        Self { track, mime, codec, format, data: init_section(&[&config]), config: Some(config) }
    }

    /// One that came as it is, for all tracks that are in it.
    pub(crate) fn passed_through(track: TrackKind, codec: String, format: Format, data: Vec<u8>) -> Self {
        let kind = match track {
            TrackKind::Video => "video",
            TrackKind::Audio => "audio",
        };
        let mime = format!("{kind}/mp4; codecs=\"{codec}\"");
        Self { track, mime, codec, format, data, config: None }
    }
}

const MPEG_AUDIO: &[Offer] = &[
    Offer { mime: "audio/mp4; codecs=\"mp3\"", packaging: Packaging::Fragments },
    Offer { mime: "audio/mp4; codecs=\"mp4a.40.34\"", packaging: Packaging::Fragments },
    Offer { mime: "audio/mpeg", packaging: Packaging::Frames },
];

/// One init section for several tracks: with it, the fragments of all of them make one file. One that was passed
/// through is all there is, and stays as it is.
pub fn merge_init(sections: &[&InitSection]) -> Vec<u8> {
    if let Some(section) = sections.iter().find(|section| section.config.is_none()) {
        return section.data.clone();
    }
    let configs: Vec<&TrackConfig> = sections.iter().filter_map(|section| section.config.as_ref()).collect();
    init_section(&configs)
}
