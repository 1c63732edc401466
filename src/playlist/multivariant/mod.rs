//! Multivariant playlists (RFC 8216bis §4.4.6): the variants of a presentation and what goes with them.

pub(super) mod parse;
mod rungs;

pub use m3u8_rs::{
    AlternativeMediaType as RenditionType, ClosedCaptionGroupId as ClosedCaptions, HDCPLevel as HdcpLevel,
    InstreamId,
};
pub use rungs::Rung;

use super::{Key, Start, Variables, Warning};
use crate::secret::Url;

/// A multivariant playlist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multivariant {
    /// EXT-X-VERSION.
    pub version: Option<u32>,
    /// EXT-X-STREAM-INF, in the order of the playlist: the first is what the author wants to begin with.
    pub variants: Vec<Variant>,
    /// EXT-X-I-FRAME-STREAM-INF.
    pub i_frame_variants: Vec<Variant>,
    /// EXT-X-MEDIA.
    pub renditions: Vec<Rendition>,
    /// EXT-X-SESSION-DATA.
    pub session_data: Vec<SessionData>,
    /// EXT-X-SESSION-KEY: keys that may be fetched before any media playlist.
    pub session_keys: Vec<Key>,
    /// EXT-X-CONTENT-STEERING.
    pub content_steering: Option<ContentSteering>,
    /// EXT-X-INDEPENDENT-SEGMENTS: every segment of every variant begins with a key frame.
    pub independent_segments: bool,
    /// EXT-X-START.
    pub start: Option<Start>,
    /// EXT-X-DEFINE: what media playlists may import.
    pub variables: Variables,
    /// What was odd, in the order of lines.
    pub warnings: Vec<Warning>,
}

impl Multivariant {
    /// The renditions of one type and group.
    pub fn group<'a>(
        &'a self,
        kind: &'a RenditionType,
        group_id: &'a str,
    ) -> impl Iterator<Item = &'a Rendition> {
        self.renditions.iter().filter(move |r| r.kind == *kind && r.group_id == group_id)
    }
}

/// One version of the presentation (EXT-X-STREAM-INF, §4.4.6.2, or EXT-X-I-FRAME-STREAM-INF, §4.4.6.3).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// Its media playlist.
    pub uri: Url,
    /// Peak segment bit rate, bits a second; `None` when the playlist does not say, though it must.
    pub bandwidth: Option<u64>,
    /// Average segment bit rate, bits a second.
    pub average_bandwidth: Option<u64>,
    /// The author's preference; higher is better.
    pub score: Option<f64>,
    /// RFC 6381 codec strings; empty when the playlist does not say.
    pub codecs: Vec<String>,
    /// Codecs with an enhancement, each with its brands (`dvh1.08.07/db4h`).
    pub supplemental_codecs: Vec<String>,
    /// Width and height, pixels.
    pub resolution: Option<(u32, u32)>,
    /// The highest, frames a second.
    pub frame_rate: Option<f64>,
    /// The output protection needed.
    pub hdcp_level: Option<HdcpLevel>,
    /// ALLOWED-CPC, as written.
    pub allowed_cpc: Option<String>,
    /// `SDR`, `HLG` or `PQ`.
    pub video_range: Option<String>,
    /// REQ-VIDEO-LAYOUT, as written.
    pub video_layout: Option<String>,
    /// The same in each playlist that lists this variant.
    pub stable_variant_id: Option<String>,
    /// The content steering pathway; `None` is the pathway `.`.
    pub pathway_id: Option<String>,
    /// Group of audio renditions.
    pub audio: Option<String>,
    /// Group of video renditions.
    pub video: Option<String>,
    /// Group of subtitle renditions.
    pub subtitles: Option<String>,
    /// Group of closed captions, or that there are none.
    pub closed_captions: Option<ClosedCaptions>,
}

impl Variant {
    /// Whether the playlist shows that there is no video: it lists codecs, none of them of video, and names
    /// neither a resolution nor a video group.
    pub fn is_audio_only(&self) -> bool {
        !self.codecs.is_empty()
            && self.codecs.iter().all(|c| is_audio_codec(c))
            && self.resolution.is_none()
            && self.video.is_none()
    }
}

fn is_audio_codec(codec: &str) -> bool {
    let name = codec.split('.').next().unwrap_or_default().to_ascii_lowercase();
    // mp4v is MPEG-4 part 2 video; mp4a also covers MP3 and MPEG-2 AAC.
    matches!(
        name.as_str(),
        "mp4a" | "ac-3" | "ec-3" | "ac-4" | "opus" | "flac" | "alac" | "mp3" | "vorbis" | "mhm1" | "mhm2"
    ) || name.starts_with("dts")
        || name == "iamf"
}

/// An alternative or additional track (EXT-X-MEDIA, §4.4.6.1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendition {
    /// TYPE.
    pub kind: RenditionType,
    /// The group that variants refer to.
    pub group_id: String,
    /// For people, in the language of the rendition.
    pub name: String,
    /// RFC 5646 tag.
    pub language: Option<String>,
    /// A language associated in another way, for example written instead of spoken.
    pub assoc_language: Option<String>,
    /// Its media playlist; `None` when it is part of the variant's own media.
    pub uri: Option<Url>,
    /// To be played unless the user chooses otherwise.
    pub default: bool,
    /// May be chosen without the user, by environment.
    pub autoselect: bool,
    /// Subtitles that are needed for understanding.
    pub forced: bool,
    /// Which closed captions of the video.
    pub instream_id: Option<InstreamId>,
    /// Media characteristic tags.
    pub characteristics: Vec<String>,
    /// CHANNELS, as written: a count, then coding identifiers (`6`, `16/JOC`).
    pub channels: Option<String>,
    /// Bits a sample.
    pub bit_depth: Option<u64>,
    /// Samples a second.
    pub sample_rate: Option<u64>,
    /// The same in each playlist that lists this rendition.
    pub stable_rendition_id: Option<String>,
}

/// EXT-X-SESSION-DATA (§4.4.6.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionData {
    /// Reverse DNS name of the datum.
    pub data_id: String,
    /// The datum.
    pub value: Option<String>,
    /// Where it is instead.
    pub uri: Option<Url>,
    /// What is at the URI: not JSON but bytes as they are.
    pub raw: bool,
    /// RFC 5646 tag.
    pub language: Option<String>,
}

/// EXT-X-CONTENT-STEERING (§4.4.6.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentSteering {
    /// The steering manifest.
    pub server_uri: Url,
    /// The pathway to begin with.
    pub pathway_id: Option<String>,
}
