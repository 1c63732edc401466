//! The engine's vocabulary: everything a host can tell it and everything it can ask of a host.
//!
//! Both enums are plain data. A host never answers an [`Output`] by returning a value: what became of it comes
//! back later as an [`Input`], so no call ever re-enters the engine.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

mod event;
mod pipeline;

pub use event::*;
pub(crate) use pipeline::*;

pub use super::access::{Grant, RenewFailure, RenewReason, RenewWish, Wanted};
pub use super::cues::CueInfo;
pub(crate) use super::lane::LaneId;
pub use super::renditions::{AudioInfo, TextInfo, TextKind};
pub use crate::access::play_info::Query;
pub use crate::access::{Kinds, OverlaySeed, TokenPlacement};
use crate::media::{Offer, TrackKind};
use crate::secret::{Secret, Url};
use crate::telemetry::SourceKind;
use crate::time::{MediaTime, TimeRange, Timestamp};

/// What a host tells the session.
#[derive(Debug)]
pub enum Input {
    /// The page, or whoever embeds the player, wants something.
    Command(Command),
    /// A request moved on.
    Net {
        /// The request, as named by [`Output::Fetch`].
        id: RequestId,
        /// What happened to it.
        event: NetEvent,
    },
    /// The sink (Media Source Extensions) moved on.
    Sink(SinkEvent),
    /// The media element fired an event, or simply played on.
    Element {
        /// What happened.
        event: ElementEvent,
        /// How the element stands now.
        state: ElementState,
    },
    /// Something around the player changed.
    Environment(Environment),
    /// The time of the last [`Output::Wake`] has come. Early or spare wake-ups do no harm.
    Wake,
}

/// A wish of the embedder.
#[derive(Debug)]
pub enum Command {
    /// Play the first of these that can be played; where one fails for good, the next goes on at the same place. Once a
    /// session: other media is another session.
    Load(Vec<Source>),
    /// Ask play info, tell what it says, [`Event::Streams`] last, and end. In the place of [`Load`](Self::Load).
    Look(Box<Source>),
    /// Go to this place.
    Seek(MediaTime),
    /// Hold one rung (an index into [`Event::Loaded`]'s list), or let the player choose.
    SelectRung(Option<usize>),
    /// Choose no rung below this one, and none above that one; `None`: no limit.
    LimitRungs {
        /// The lowest.
        floor: Option<usize>,
        /// The highest.
        cap: Option<usize>,
    },
    /// Load no further media until told otherwise; what is at hand plays on.
    PauseLoading(bool),
    /// Play one rendition of the sound (an index into [`Event::Loaded`]'s list), or let the player choose.
    SelectAudio(Option<usize>),
    /// Show text, or none.
    SelectText(TextChoice),
    /// What was asked for by [`Event::AccessWanted`] of this number; without a number, a grant that nobody asked for.
    Renewed {
        /// The number.
        id: Option<u64>,
        /// The new grant.
        answer: Result<Grant, RenewFailure>,
    },
    /// It is this time on the servers, in Unix milliseconds. No right is judged by the viewer's own clock.
    ServerTime(i64),
    /// Forget the content keys at hand: the next segments ask for theirs again.
    DropKeys,
    /// Stop everything and send the last report.
    Stop,
}

/// Which text to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextChoice {
    /// What suits the page's languages, else what the author wants shown.
    #[default]
    Auto,
    /// None.
    Off,
    /// This one: an index into [`Event::Loaded`]'s list, or the one of [`Event::TextTracks`].
    Track(usize),
}

/// What to play.
#[derive(Debug)]
pub enum Source {
    /// A file id, whose streams a play-info service names.
    PlayInfo {
        /// Base addresses of the service, the best first: where one fails, the next is asked. `/{app_id}/{file_id}` is added
        /// to the path.
        endpoints: Vec<Url>,
        /// The application the file belongs to.
        app_id: String,
        /// The file. A string: ids exceed what a double can hold.
        file_id: String,
        /// By what right; the session adds `context` and `overlay` itself.
        query: Query,
        /// What keys are to be wrapped with on their way, of a service that does so.
        overlay: Option<OverlaySeed>,
    },
    /// A playlist address.
    Hls {
        /// A multivariant or media playlist, possibly signed.
        url: Url,
        /// A DRM token and where it goes.
        token: Option<(Secret<String>, TokenPlacement)>,
    },
    /// A file that the media element plays by itself (progressive MP4).
    File {
        /// Its address, possibly signed.
        url: Url,
    },
}

impl Source {
    /// What it is, by a stable name.
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::PlayInfo { .. } => SourceKind::PlayInfo,
            Self::Hls { .. } => SourceKind::Hls,
            Self::File { .. } => SourceKind::File,
        }
    }
}

/// Names a request for as long as it is in flight. Never used twice in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// What a request is for. Hosts treat all kinds alike; shaping, logs and error phases tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// Play info for a file id.
    PlayInfo,
    /// A multivariant or media playlist.
    Playlist,
    /// A content key.
    Key,
    /// A media segment.
    Segment,
    /// A quality-of-experience batch (has a body, is POSTed, should outlive the page).
    Telemetry,
}

/// A request for the host to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name in later inputs.
    pub id: RequestId,
    /// What it is for.
    pub kind: RequestKind,
    /// Where to.
    pub url: Url,
    /// First byte and number of bytes, for an HTTP Range header.
    pub range: Option<(u64, u64)>,
    /// A header with a token, by its name.
    pub header: Option<(String, Secret<String>)>,
    /// POST this, as `text/plain` (which needs no CORS preflight). `None` is a GET.
    pub body: Option<String>,
}

/// What became of a request. `Head` comes once, then chunks, then `End`; `Failed` may come at any point and is last.
#[derive(Debug)]
pub enum NetEvent {
    /// The response's head is here.
    Head(ResponseHead),
    /// Bytes of the body, handed over: the session decrypts them in place.
    Chunk(Chunk),
    /// The body is complete.
    End,
    /// No response, or no more of it.
    Failed(NetFailure),
}

/// Bytes of a body. They may be a key, so `Debug` shows only how many there are.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk(pub Vec<u8>);

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// The part of a response's head that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// The HTTP status.
    pub status: u16,
    /// The URL after redirects, when it differs from the one requested.
    pub url: Option<Url>,
    /// Length of the body on the wire, when announced and not content-encoded.
    pub content_length: Option<u64>,
    /// The `Date` header, in milliseconds since 1970.
    pub date: Option<i64>,
    /// The `Retry-After` header, as a delay.
    pub retry_after: Option<Duration>,
    /// The same as a time, in milliseconds since 1970 by the server's clock.
    pub retry_at: Option<i64>,
}

/// Why a request got no (complete) response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetFailure {
    /// The host knows that it has no network.
    Offline,
    /// No connection, a reset one, a refused CORS check: browsers do not say which.
    Network,
    /// The body ended before its announced length.
    Short,
}

/// What became of a [`SinkCommand`].
#[derive(Debug)]
pub enum SinkEvent {
    /// The sink is attached to the media element and takes tracks.
    Opened,
    /// The append or remove that was under way on this track is finished.
    Done {
        /// The track.
        track: TrackKind,
        /// What the track holds now.
        buffered: Vec<TimeRange>,
    },
    /// No room (`QuotaExceededError`): the bytes come back.
    Full {
        /// The track.
        track: TrackKind,
        /// What was to be appended.
        data: Payload,
    },
    /// The sink refused something for good.
    Failed {
        /// What failed.
        failure: SinkFailure,
        /// The host's own words, for developers: an exception's name and message. Holds no URL.
        detail: String,
    },
}

/// Why a sink refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkFailure {
    /// There is no Media Source Extensions here.
    Unavailable,
    /// A track's type is not supported.
    UnsupportedType,
    /// An append failed: the bytes are not what the browser takes.
    Append,
    /// The media element reported a decoding error.
    Decode,
    /// The sink was closed from outside.
    Closed,
}

/// Bytes for a sink: a whole init section or a fragment.
pub type Payload = crate::media::FragmentBuf;

/// What the media element just did. The names are those of `HTMLMediaElement`'s events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementEvent {
    /// Time went by (`timeupdate`, or the host's own tick).
    TimeUpdate,
    /// Playback was asked for.
    Play,
    /// Playback was paused.
    Pause,
    /// Frames move.
    Playing,
    /// No data to go on with.
    Waiting,
    /// A seek began; the state's position is its target.
    Seeking,
    /// A seek ended.
    Seeked,
    /// The playback rate changed.
    RateChange,
    /// The first frame was presented.
    FirstFrame,
    /// The end was reached.
    Ended,
}

/// How the media element stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ElementState {
    /// `currentTime`.
    pub position: MediaTime,
    /// `paused`.
    pub paused: bool,
    /// `seeking`.
    pub seeking: bool,
    /// `playbackRate`.
    pub rate: f64,
    /// `readyState`, 0 to 4.
    pub ready_state: u8,
    /// `getVideoPlaybackQuality().totalVideoFrames`.
    pub decoded_frames: u64,
    /// `getVideoPlaybackQuality().droppedVideoFrames`.
    pub dropped_frames: u64,
}

/// What changed around the player.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Environment {
    /// The network came or went (`navigator.onLine`).
    Online(bool),
    /// The page was shown or hidden. Hidden is the last moment at which a report is sure to leave.
    Visible(bool),
    /// The viewer asked the browser to save data (`navigator.connection.saveData`).
    SavesData(bool),
    /// The element's size in device pixels.
    Viewport {
        /// Width.
        width: u32,
        /// Height.
        height: u32,
    },
}

/// What the session asks of its host.
#[derive(Debug)]
pub enum Output {
    /// Make this request.
    Fetch(Request),
    /// Give this request up. No further event of it is wanted; late ones are ignored.
    Abort(RequestId),
    /// Do this to the sink.
    Sink(SinkCommand),
    /// Do this to the media element.
    Element(ElementCommand),
    /// Tell the page.
    Notify(Event),
    /// Nothing more to do now. Give [`Input::Wake`] at this time, replacing any earlier wish; `None`: only when
    /// something happens. Always the last output of a drain.
    Wake(Option<WakeUp>),
}

/// When the session wants to be woken, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WakeUp {
    /// When.
    pub at: Timestamp,
    /// What for, for traces.
    pub why: &'static str,
}

/// A command to the sink. One append or remove a track is under way at a time; the session waits for
/// [`SinkEvent::Done`] (or `Full`) before it gives the next one for that track, and for all tracks before
/// `SetDuration` and `EndOfStream`, so a host needs no queue.
#[derive(Debug)]
pub enum SinkCommand {
    /// Make a media source and attach it to the element.
    Attach,
    /// Make a source buffer for each of these tracks. Comes once, before the first append.
    AddTracks(Vec<NewTrack>),
    /// The track goes on with another type (`SourceBuffer.changeType`).
    ChangeType(TrackKind, String),
    /// Append these bytes; where their media begins is said of fragments.
    Append(TrackKind, Payload, Option<MediaTime>),
    /// Remove this range.
    Remove(TrackKind, TimeRange),
    /// The presentation is this long; [`MediaTime::MAX`]: it has no end yet.
    SetDuration(MediaTime),
    /// A live presentation can be sought in from here to there (`setLiveSeekableRange`).
    SetLiveRange(TimeRange),
    /// All has been appended.
    EndOfStream,
    /// Detach and let go of everything.
    Detach,
    /// Let the media element play this file by itself, from this place on. Comes when nothing is attached.
    PlayFile(Url, MediaTime),
}

/// A track to make a source buffer for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrack {
    /// Whose it is.
    pub kind: TrackKind,
    /// Its type, for `addSourceBuffer`.
    pub mime: String,
    /// What may be offered in its place to a browser that does not take that type.
    pub others: &'static [Offer],
}

/// A command to the media element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ElementCommand {
    /// Set `currentTime`.
    Seek(MediaTime),
    /// The session's own step on: set `currentTime`, if that [is still](ElementCommand::goes) where the session believes
    /// it to be. If it is not (the viewer was faster), say [`ElementEvent::Seeking`] and [`ElementEvent::Seeked`] with the
    /// state as it is.
    Step {
        /// Where the session believes the element to be.
        from: MediaTime,
        /// Where it is to go.
        to: MediaTime,
    },
    /// Set `playbackRate`: a live stream is played a little faster or slower to keep its distance from the live edge.
    SetRate(f64),
}

impl ElementCommand {
    /// Whether an element at `position` takes a [`Step`](Self::Step): word of its position may be a little old, and it is
    /// never sent back.
    pub fn goes(from: MediaTime, to: MediaTime, position: MediaTime) -> bool {
        from - STEP_SLACK <= position && position <= to
    }
}

/// How far before where it is believed to be an element may be: it reports the place that it decodes, not the one shown.
const STEP_SLACK: MediaTime = MediaTime::from_millis(500);
