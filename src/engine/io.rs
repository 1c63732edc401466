//! The engine's vocabulary: everything a host can tell it and everything it can ask of a host.
//!
//! Both enums are plain data. A host never answers an [`Output`] by returning a value: what became of it comes
//! back later as an [`Input`], so no call ever re-enters the engine.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

pub use super::access::{Grant, RenewFailure, RenewReason, RenewWish, Wanted};
pub use super::cues::CueInfo;
pub(crate) use super::lane::LaneId;
pub use super::renditions::{AudioInfo, TextInfo, TextKind};
use crate::access::PlayInfo;
pub use crate::access::play_info::Query;
pub use crate::access::{Kinds, OverlaySeed, TokenPlacement};
use crate::crypto::{BLOCK, Iv, SegmentMethod};
use crate::error::PlayerError;
use crate::media::{MediaEvent, Offer, SegmentFacts, TrackKind};
use crate::secret::{Secret, Url};
use crate::telemetry::{Qoe, SourceKind};
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
    /// What play info names to be played, for who asked for no more than that ([`Command::Look`]).
    Streams {
        /// The best first.
        sources: Vec<StreamInfo>,
        /// When the tokens end, in Unix seconds.
        expires: Option<i64>,
    },
    /// What the session may show ends soon or was refused: a new token or signature is wanted, by
    /// [`Command::Renewed`]. One is asked for at a time, and requests wait for it.
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
        /// Index into the list of [`Command::Load`].
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

/// What a media request's pipeline is to do. Handled by the session; hosts never see it.
#[derive(Debug)]
pub(crate) enum PipelineCommand {
    /// The body of this request is a media segment.
    Begin {
        /// The request.
        id: RequestId,
        /// Whose segment it is.
        lane: LaneId,
        /// How to read it.
        plan: crate::media::SegmentStart,
        /// It goes on where the lane's last segment ended: same rung, next in the playlist.
        continues: bool,
        /// What its bytes wait for.
        needs: Needs,
    },
    /// The key that this request waits for.
    Key(RequestId, crate::crypto::ContentKey),
    /// The init section that this request waits for.
    Init(RequestId, InitData),
    /// The place on the timeline that this request waits for.
    Place(RequestId, crate::media::Anchor),
    /// The request is given up: forget what was not handed on.
    Drop(RequestId),
    /// No segment follows on this lane: hand on what was held back.
    Flush(LaneId),
    /// Something else follows on this lane: forget what was held back.
    Reset(LaneId),
}

/// What must be at hand before a segment's first byte can be read. Bytes that come earlier wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// Encrypted: wait for a key.
    pub(crate) encryption: Option<Encryption>,
    /// Wait for an init section.
    pub(crate) init: bool,
    /// Wait for the place on the timeline; the one in the plan does not count.
    pub(crate) place: bool,
}

/// An init section as it came, and what opens it.
#[derive(Clone, Debug)]
pub(crate) struct InitData {
    /// The same for the same bytes.
    pub(crate) identity: String,
    pub(crate) bytes: std::sync::Arc<[u8]>,
    pub(crate) cipher: Option<(SegmentMethod, crate::crypto::ContentKey, Iv)>,
}

/// How a segment is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encryption {
    /// What of it is.
    pub(crate) scheme: Scheme,
    /// The initialization vector, of the segment or of its samples.
    pub(crate) iv: Iv,
}

/// What of a segment is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// All of it: it is decrypted before it is read.
    Segment(SegmentMethod),
    /// Its samples: whoever reads it decrypts them.
    Samples,
}

impl Scheme {
    /// Bytes in a key.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Segment(method) => method.key_length(),
            Self::Samples => BLOCK,
        }
    }
}

/// What a media pipeline tells the engine. Sent by the session; hosts never make it.
#[derive(Debug)]
pub(crate) enum PipelineEvent {
    /// Media for the sink.
    Media(MediaEvent),
    /// The segment is complete.
    Finished(SegmentFacts),
    /// Nothing is held back any more.
    Flushed,
    /// The segment cannot be used, or not all of it.
    Failed(Breakage),
}

/// Why a segment cannot be used.
#[derive(Debug)]
pub(crate) struct Breakage {
    /// What the recovery table knows it as.
    pub(crate) fault: super::recovery::Fault,
    /// Decrypt or media.
    pub(crate) phase: crate::error::Phase,
    /// The error's own stable code.
    pub(crate) code: &'static str,
    /// One sentence.
    pub(crate) message: String,
}
