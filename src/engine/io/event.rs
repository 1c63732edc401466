//! What the page is told.

use serde::{Serialize, Serializer};

use super::{AudioInfo, CueInfo, RenewWish, TextInfo};
use crate::access::PlayInfo;
use crate::error::PlayerError;
use crate::secret::{Secret, Url};
use crate::telemetry::{Qoe, SourceKind};
use crate::time::MediaTime;

/// What the page is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The source is known: what it is called, how long it is and which rungs it has.
    Loaded {
        /// Seconds; infinite for a live presentation.
        duration: f64,
        /// Lowest first.
        rungs: Vec<RungInfo>,
        /// The renditions of the sound, in the order of the playlist; empty where there is no choice.
        audio: Vec<AudioInfo>,
        /// The renditions of the text, in the order of the playlist.
        text: Vec<TextInfo>,
    },
    /// Play info arrived with something to show before the first frame.
    Poster {
        /// An image address, which may be signed: only the page gets to see it whole.
        #[serde(serialize_with = "expose")]
        url: Url,
    },
    /// What play info says of the video, beside its streams.
    PlayInfo(Box<Description>),
    /// What play info names to be played, for who asked for no more than that ([`Command::Look`](super::Command::Look)).
    Streams {
        /// The best first.
        sources: Vec<StreamInfo>,
        /// When the tokens end, in Unix seconds.
        expires: Option<i64>,
    },
    /// What the session may show ends soon or was refused: a new token or signature is wanted, by
    /// [`Command::Renewed`](super::Command::Renewed). One is asked for at a time, and requests wait for it.
    AccessWanted(RenewWish),
    /// From now on this rung is what plays.
    RungChanged {
        /// Index into the list of `Loaded`.
        rung: usize,
    },
    /// From now on this rendition of the sound is what plays.
    AudioChanged {
        /// Index into the list of `Loaded`.
        audio: usize,
    },
    /// Captions were found that no playlist announces: there is more text to choose from.
    TextTracks {
        /// All of it; what was there before has the same place.
        text: Vec<TextInfo>,
    },
    /// From now on this text is what is shown; what came of another is not shown any more.
    TextChanged {
        /// Index into the list of `Loaded` or `TextTracks`.
        text: Option<usize>,
    },
    /// Text to show, and text to forget.
    Cues {
        /// Whose: index into the list of `Loaded` or `TextTracks`.
        text: usize,
        /// New ones, and known ones that are shown for longer than was said.
        added: Vec<CueInfo>,
        /// Numbers of those that are too far from the playhead to be kept.
        removed: Vec<u32>,
    },
    /// How things stand; about four times a second while something moves.
    Stats(Box<Stats>),
    /// Something failed. Fatal ones end the session.
    Error(PlayerError),
    /// From now on this source is what plays, or is to play.
    SourceChanged {
        /// Index into the list of [`Command::Load`](super::Command::Load).
        source: usize,
        /// What it is.
        kind: SourceKind,
    },
    /// A live presentation came to its end.
    DurationChanged {
        /// Seconds.
        duration: f64,
    },
    /// Everything was played.
    Ended,
}

fn expose<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.expose())
}

/// What play info says of a video. Image addresses may be signed: only the page gets to see them whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// What it is called.
    pub name: Option<String>,
    /// Seconds.
    pub duration: Option<f64>,
    /// Only so many seconds of it may be watched.
    pub preview: Option<f64>,
    /// A WebVTT file that names the place of each thumbnail in a sprite sheet.
    #[serde(serialize_with = "expose_some")]
    pub thumbnails: Option<Url>,
    /// The sprite sheets.
    #[serde(serialize_with = "expose_all")]
    pub sprites: Vec<Url>,
    /// Places worth going to.
    pub key_frames: Vec<KeyFrameInfo>,
}

impl Description {
    /// What the play info says.
    pub(crate) fn of(info: PlayInfo) -> Self {
        let (thumbnails, sprites) =
            info.sprite.map_or((None, Vec::new()), |sprite| (sprite.web_vtt, sprite.images));
        let key_frames = info.key_frames.into_iter().map(|frame| KeyFrameInfo::new(frame.at, frame.content));
        Self {
            name: info.name,
            duration: info.duration.map(MediaTime::as_secs),
            preview: info.preview.map(MediaTime::as_secs),
            thumbnails,
            sprites,
            key_frames: key_frames.collect(),
        }
    }
}

/// A stream that play info names. Its address and token are told whole: the page is to play it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamInfo {
    /// Without the token.
    #[serde(serialize_with = "expose")]
    pub url: Url,
    /// What lies there.
    #[serde(rename = "type")]
    pub kind: SourceKind,
    /// What opens its keys.
    #[serde(serialize_with = "expose_secret")]
    pub token: Option<Secret<String>>,
}

/// A place in a video, and what is there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyFrameInfo {
    /// Seconds.
    pub at: f64,
    /// In the author's words.
    pub content: String,
}

impl KeyFrameInfo {
    pub(crate) fn new(at: MediaTime, content: String) -> Self {
        Self { at: at.as_secs(), content }
    }
}

fn expose_some<S: Serializer>(url: &Option<Url>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_ref().map(Url::expose).serialize(serializer)
}

fn expose_secret<S: Serializer>(secret: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

fn expose_all<S: Serializer>(urls: &[Url], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(urls.iter().map(Url::expose))
}

/// A rung as the page sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RungInfo {
    /// Declared peak rate in bits per second, 0 when unknown.
    pub bandwidth: u64,
    /// Pixels; 0 when unknown.
    pub width: u32,
    /// Pixels; 0 when unknown.
    pub height: u32,
    /// Frames per second; 0 when unknown.
    pub frame_rate: f64,
    /// As in the playlist's CODECS.
    pub codecs: String,
}

/// A snapshot for display and debugging.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Seconds.
    pub position: f64,
    /// Seconds of media from the position on that can play without the network.
    pub buffer: f64,
    /// Buffered ranges in seconds, start and end.
    pub buffered: Vec<[f64; 2]>,
    /// Estimated throughput in bits per second; `null` before the first sample.
    pub throughput: Option<u64>,
    /// The rung being loaded.
    pub loading_rung: Option<usize>,
    /// The rung at the playhead.
    pub playing_rung: Option<usize>,
    /// What the session waits for, when it does not simply play: a stable snake-case name.
    pub waiting_for: Option<&'static str>,
    /// The quality-of-experience record so far.
    pub qoe: Qoe,
}
