//! What can be wrong with the bytes of a segment, and what was lost where they could be used all the same.
//!
//! Positions are in bytes from the start of the segment, after decryption.

use core::fmt;

use serde::Serialize;

/// A segment that cannot be used. After one of these the transmuxer takes no bytes until the next
/// `begin_segment`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// `push` or `end_segment` without `begin_segment`, or after an error.
    #[error("no segment is open")]
    NoSegment,
    /// The segment ended without a byte.
    #[error("the segment is empty")]
    Empty,
    /// The segment is something else altogether, an error page in most cases.
    #[error("the segment is {found}, not media")]
    NotMedia {
        /// What it starts like.
        found: Found,
    },
    /// Media, in a container that is not supported.
    #[error("the segment is {found}; MPEG-TS was expected")]
    UnsupportedContainer {
        /// What it starts like.
        found: Found,
    },
    /// No MPEG-TS packet where one was expected. At position 0 of a decrypted segment: a wrong key.
    #[error("no MPEG-TS packet within {searched} bytes from byte {position}")]
    NoSync {
        /// Where a sync byte was expected.
        position: u64,
        /// Bytes looked at from there on.
        searched: u64,
    },
    /// No frames of audio that follow each other. At the start of a decrypted segment: a wrong key.
    #[error("no audio frames within {searched} bytes from byte {position}")]
    NoAudioFrames {
        /// Where frames were expected: behind the ID3 tags that were there.
        position: u64,
        /// Bytes at which none starts.
        searched: u64,
    },
    /// The segment ended, and no packet said which streams it has (ISO/IEC 13818-1 §2.4.4).
    #[error("no program association and program map in {length} bytes")]
    NoProgram {
        /// Bytes in the segment.
        length: u64,
        /// Where its first packet was.
        first_packet: u64,
        /// Tables that were there, but damaged.
        damaged_tables: u64,
    },
    /// The program has video or audio, but in no codec that is supported.
    #[error("the program at byte {position} has a stream of the unsupported type {stream_type:#04x}")]
    UnsupportedCodec {
        /// Where the program map was.
        position: u64,
        /// ISO/IEC 13818-1 table 2-34.
        stream_type: u8,
    },
    /// The program's samples are encrypted (`SAMPLE-AES`), and no key was given for them.
    #[error("the stream at byte {position} has encrypted samples, and there is no key for them")]
    SampleKeyMissing {
        /// Where the first packet of the stream was.
        position: u64,
    },
    /// Packets scrambled by a conditional access system: HLS does not have them, and no key of HLS opens them.
    #[error("the packet at byte {position} is scrambled")]
    Scrambled {
        /// Where the packet was.
        position: u64,
    },
    /// Fragmented MP4 without the init section that says what is in it (EXT-X-MAP).
    #[error("the fragment at byte {position} came without an init section")]
    NoInitSection {
        /// Where the fragment is, or should have its init section.
        position: u64,
    },
    /// MP4 whose samples are not in fragments: a file for download.
    #[error("the MP4 at byte {position} is not fragmented")]
    NotFragmented {
        /// Where its `moov` is.
        position: u64,
    },
    /// An init section with neither video nor audio.
    #[error("the init section at byte {position} has neither video nor audio")]
    NoTrack {
        /// Where it is.
        position: u64,
    },
    /// No MP4 box where one must be. At position 0 of a decrypted segment: a wrong IV.
    #[error("no MP4 box at byte {position}")]
    NoBox {
        /// Where one was expected.
        position: u64,
    },
    /// The segment ended inside a box, or without the data that a fragment's header speaks of.
    #[error("the box {kind} at byte {position} lacks {missing} bytes")]
    BoxTruncated {
        /// Where the box starts.
        position: u64,
        /// Which one.
        kind: FourCc,
        /// Bytes that did not come.
        missing: u64,
    },
    /// A box that does not hold what it must.
    #[error("the box {kind} at byte {position} is damaged")]
    DamagedBox {
        /// Where it is, or the one around it.
        position: u64,
        /// Which one.
        kind: FourCc,
    },
    /// A box, or what it lists, that is larger than any packager makes it.
    #[error("the box {kind} at byte {position} is over the limit of {limit}")]
    BoxTooLarge {
        /// Where it is.
        position: u64,
        /// Which one.
        kind: FourCc,
        /// The limit that it broke.
        limit: usize,
    },
    /// Encrypted samples (Common Encryption), and no key: a DRM system has it, which is the host's to ask.
    #[error("the fragment at byte {position} is encrypted ({scheme}), and there is no key for it here")]
    NoSampleKey {
        /// Where it is.
        position: u64,
        /// The protection scheme: `cenc`, `cbcs`.
        scheme: FourCc,
    },
    /// Samples protected in a way that no key opens here.
    #[error("the fragment at byte {position} is protected by the unsupported scheme {scheme}")]
    UnsupportedScheme {
        /// Where it is.
        position: u64,
        /// The protection scheme.
        scheme: FourCc,
    },
    /// One picture is larger than any encoder makes it.
    #[error("an access unit before byte {position} has more than {limit} bytes")]
    UnitTooLarge {
        /// How far the segment was read.
        position: u64,
        /// The limit that it broke.
        limit: usize,
    },
}

impl MediaError {
    /// A stable name for telemetry and for pages.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSegment => "no_segment",
            Self::Empty => "segment_empty",
            Self::NotMedia { .. } => "not_media",
            Self::UnsupportedContainer { .. } => "unsupported_container",
            Self::NoSync { .. } => "no_sync",
            Self::NoAudioFrames { .. } => "no_audio_frames",
            Self::NoProgram { .. } => "no_program",
            Self::UnsupportedCodec { .. } => "unsupported_codec",
            Self::SampleKeyMissing { .. } => "sample_key_missing",
            Self::Scrambled { .. } => "scrambled",
            Self::NoInitSection { .. } => "no_init_section",
            Self::NotFragmented { .. } => "not_fragmented",
            Self::NoTrack { .. } => "no_track",
            Self::NoBox { .. } => "no_box",
            Self::BoxTruncated { .. } => "box_truncated",
            Self::DamagedBox { .. } => "box_damaged",
            Self::BoxTooLarge { .. } => "box_too_large",
            Self::NoSampleKey { .. } => "samples_encrypted",
            Self::UnsupportedScheme { .. } => "scheme_unsupported",
            Self::UnitTooLarge { .. } => "unit_too_large",
        }
    }

    /// Whether the segment starts with noise, and that is why it cannot be used. In clear bytes that were just
    /// decrypted this means a wrong key (all is noise, and the padding is bad in most cases) or a wrong IV (some
    /// of the first 16 bytes are, so the first table is lost).
    pub const fn starts_with_noise(&self) -> bool {
        match self {
            Self::NoSync { position, .. }
            | Self::NoBox { position }
            | Self::NoAudioFrames { position, .. } => *position == 0,
            Self::NoProgram { first_packet, damaged_tables, .. } => *first_packet > 0 || *damaged_tables > 0,
            _ => false,
        }
    }
}

/// The four-character code of a box or of a protection scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourCc(pub [u8; 4]);

impl From<[u8; 4]> for FourCc {
    fn from(code: [u8; 4]) -> Self {
        Self(code)
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// What a segment starts like, when not like MPEG-TS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A page or another document in angle brackets.
    Markup,
    /// An object or an array.
    Json,
    /// An m3u8.
    Playlist,
    /// Other text.
    Text,
    /// ISO BMFF: MP4, CMAF.
    Mp4,
    /// AAC, MP3 or AC-3 frames, with or without an ID3 tag.
    PackedAudio,
    /// WebVTT.
    WebVtt,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Markup => "an HTML or XML document",
            Self::Json => "JSON",
            Self::Playlist => "a playlist",
            Self::Text => "text",
            Self::Mp4 => "ISO BMFF",
            Self::PackedAudio => "packed audio",
            Self::WebVtt => "WebVTT",
        })
    }
}

/// What was not used of a segment that could be used. All zero for a sound stream from its first key frame on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Bytes before and between packets, and those of an incomplete last packet.
    pub garbage_bytes: u64,
    /// Packets that their sender marked as damaged.
    pub damaged_packets: u64,
    /// Gaps in a stream's continuity counter: each stands for one lost packet or more.
    pub continuity_errors: u64,
    /// Program tables whose CRC was wrong.
    pub damaged_tables: u64,
    /// PES packets whose header could not be read, or was not there.
    pub damaged_pes: u64,
    /// PES packets that have fewer bytes than they say, because packets were lost or because the segment ends (what its
    /// end cuts off may go on in the next one); and those that the segment before cuts off, by all appearances.
    pub truncated_pes: u64,
    /// Packets that came before their program was known, and were too many to keep.
    pub early_packets: u64,
    /// Parameter sets that could not be read.
    pub damaged_parameter_sets: u64,
    /// Bytes of a video stream that are in no NAL unit.
    pub video_garbage_bytes: u64,
    /// Video access units before the first key frame, or that refer to what came before it; those without time stamp
    /// or without picture.
    pub unusable_units: u64,
    /// Video access units that lie before the presentation and that no later one refers to.
    pub units_before_start: u64,
    /// Audio frames that lie before the presentation.
    pub frames_before_start: u64,
    /// Bytes of an audio stream that are no frame.
    pub audio_garbage_bytes: u64,
    /// ID3 tags with more than a time stamp that were too large to keep, or had no time.
    pub lost_tags: u64,
    /// Places where video decode times jump, or audio time stamps leave the sample count by more than one frame.
    pub time_jumps: u64,
    /// Event messages of fragmented MP4 that could not be read, were too many or had no place.
    pub damaged_boxes: u64,
    /// WebVTT cues whose times, or whose place among other time stamps, cannot be read; and cues and captions beyond a
    /// limit of size or number.
    pub damaged_cues: u64,
}

impl Losses {
    /// Whether anything was lost.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}
