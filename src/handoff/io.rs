//! What a host tells a session and what it is asked for. Plain data, as in [`engine`](crate::engine): nothing calls back.

use core::time::Duration;

use serde::Serialize;

use crate::access::TokenUse;
use crate::access::play_info::Query;
use crate::engine::{Description, Grant, RenewFailure, RenewWish, RequestId, RequestKind, RungInfo};
use crate::error::PlayerError;
use crate::secret::{Secret, Url};
use crate::telemetry::{Qoe, SourceKind};
use crate::time::{MediaTime, Timestamp};

use super::network::NetworkType;

/// What is told once, at the start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names the session in reports.
    pub session_id: String,
    /// Anything that differs from session to session.
    pub seed: u64,
    /// Unix time in milliseconds by the viewer's own clock, when the session is made.
    pub wall_clock: Option<i64>,
    /// The same by the server that gives the rights.
    pub server_now: Option<i64>,
    /// Where reports go; none: nothing is reported.
    pub report_url: Option<Url>,
    /// Time between two reports.
    pub report_interval: Duration,
    /// The text of the last [`Stored::Memory`].
    pub memory: Option<String>,
    /// The texts of the last [`Stored::Unsent`] of sessions that are over.
    pub unsent: Vec<String>,
    /// What the network is, as far as it is known.
    pub network: NetworkType,
    /// Who is asked for play info where a source does not say.
    pub play_info_hosts: Vec<Url>,
    /// Hosts that tokens may go to, beside the origin of the source that they came with.
    pub token_hosts: Vec<String>,
    /// Codecs that are not played, by the first part of their RFC 6381 names.
    pub unsupported_codecs: Vec<String>,
    /// Play at once.
    pub autoplay: bool,
    /// Where to start.
    pub start: MediaTime,
    /// The host answers [`Event::AccessWanted`].
    pub renews: bool,
    /// Hold this rung from the start instead of choosing.
    pub rung: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            session_id: String::new(),
            seed: 0,
            wall_clock: None,
            server_now: None,
            report_url: None,
            report_interval: Duration::from_secs(30),
            memory: None,
            unsent: Vec::new(),
            network: NetworkType::Unknown,
            play_info_hosts: Vec::new(),
            token_hosts: Vec::new(),
            unsupported_codecs: Vec::new(),
            autoplay: false,
            start: MediaTime::ZERO,
            renews: false,
            rung: None,
        }
    }
}

/// What a host tells the session.
#[derive(Debug)]
pub enum Input {
    /// The page wants something.
    Command(Command),
    /// What became of a request.
    Net {
        /// The request, as named by [`Output::Fetch`].
        id: RequestId,
        /// What came of it.
        answer: Result<Response, NetFailure>,
    },
    /// The native component did something.
    Native(NativeEvent),
    /// The network is of this type now.
    Network(NetworkType),
    /// The page was shown or hidden. Hidden is the last moment at which something is sure to be stored.
    Visible(bool),
    /// The time of the last [`Output::Wake`] has come. Early or spare wake-ups do no harm.
    Wake,
}

/// A wish of the page.
#[derive(Debug)]
pub enum Command {
    /// Play the first of these that can be played; where one fails for good, the next goes on at the same place. Once a
    /// session.
    Load {
        /// What to play, best first.
        sources: Vec<Source>,
        /// In the place of [`Config::start`].
        start: Option<MediaTime>,
        /// In the place of [`Config::autoplay`].
        autoplay: Option<bool>,
    },
    /// Play.
    Play,
    /// Pause.
    Pause,
    /// Go to this place.
    Seek(MediaTime),
    /// Play so many times as fast.
    SetRate(f64),
    /// Name the sources that have not been tried anew, with what opens them today: the same list as that of [`Load`](Self::Load),
    /// in the same order.
    Refresh(Vec<Source>),
    /// Hold one rung (an index into [`Ready::rungs`]), or let the session choose.
    SelectRung(Option<usize>),
    /// What was asked for by [`Event::AccessWanted`] of this number; without a number, a grant that nobody asked for.
    Renewed {
        /// The number.
        id: Option<u64>,
        /// The new grant.
        answer: Result<Renewed, RenewFailure>,
    },
    /// The session is over.
    Stop,
}

/// What opens the source from now on.
#[derive(Debug, Default)]
pub struct Renewed {
    /// The grant.
    pub grant: Grant,
    /// The right by which play info is asked for from now on; then the grant is what that says.
    pub query: Option<Query>,
}

/// What to play.
#[derive(Debug)]
pub enum Source {
    /// A file id, whose streams a play-info service names.
    PlayInfo {
        /// Addresses or hosts of the service, best first; none: [`Config::play_info_hosts`].
        hosts: Vec<Url>,
        /// The application the file belongs to.
        app_id: String,
        /// The file.
        file_id: String,
        /// By what right.
        query: Query,
    },
    /// A playlist address.
    Hls {
        /// A multivariant or media playlist, possibly signed.
        url: Url,
        /// A token and where it goes.
        token: Option<TokenUse>,
    },
    /// One file.
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

/// A whole response.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The `Date` header, in milliseconds since 1970.
    pub date: Option<i64>,
    /// The `Retry-After` header, as a delay.
    pub retry_after: Option<Duration>,
    /// The body: play info is a secret.
    pub body: Secret<Vec<u8>>,
    /// What the host's network stack takes the throughput to be, in bits per second.
    pub throughput: Option<u64>,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetFailure {
    /// No connection, a reset one, or a host that the platform does not let through.
    Network,
    /// It took too long.
    Timeout,
}

/// What the native component did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NativeEvent {
    /// It knows what it is to play.
    LoadedMetadata {
        /// How long that is; `None`: not known, or without end.
        duration: Option<MediaTime>,
    },
    /// Time went by.
    TimeUpdate {
        /// Where it is.
        position: MediaTime,
        /// How long it is.
        duration: Option<MediaTime>,
    },
    /// It loads.
    Progress,
    /// It plays, or is about to.
    Play,
    /// It is paused.
    Pause,
    /// It has no data to go on with.
    Waiting,
    /// It reached the end.
    Ended,
    /// A seek came to its end.
    SeekComplete,
    /// It plays at another rate.
    RateChange(Option<f64>),
    /// It gave up.
    Error(NativeFailure),
}

/// Why the native component gave up, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeFailure {
    /// It could not load.
    Network,
    /// It could not decode.
    Decode,
    /// It does not play this.
    Unsupported,
    /// It does not say.
    Unknown,
}

/// What the session asks of its host.
#[derive(Debug)]
pub enum Output {
    /// Make this request.
    Fetch(Request),
    /// Give this request up.
    Abort(RequestId),
    /// Hand this to the native component.
    Source(Handover),
    /// Do this to the native component.
    Element(ElementCommand),
    /// Tell the page.
    Notify(Event),
    /// Keep this text until the next one of the same kind; `None`: it may go.
    Store(Stored, Option<String>),
    /// Give [`Input::Wake`] at this time, in the place of any other; `None`: only when something happens.
    Wake(Option<Timestamp>),
}

/// A request, answered as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name in the answer.
    pub id: RequestId,
    /// What it is for.
    pub kind: RequestKind,
    /// Where to.
    pub url: Url,
    /// POST this; `None` is a GET.
    pub body: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What the native component is to play.
#[derive(Clone, Debug, PartialEq)]
pub struct Handover {
    /// The address, token and signature included. It is loaded anew, even where it is the one at hand. What is asked of the
    /// component by [`Output::Element`] until it has loaded is how it goes on then, in the place of what stands here.
    pub url: Url,
    /// Whether it is one file instead of a playlist.
    pub is_file: bool,
    /// Where to go on.
    pub position: MediaTime,
    /// Play, or stay paused.
    pub play: bool,
    /// How fast.
    pub rate: f64,
}

/// A command to the native component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ElementCommand {
    /// Play.
    Play,
    /// Pause.
    Pause,
    /// Go there.
    Seek(MediaTime),
    /// Play so fast.
    SetRate(f64),
}

/// What a text in the host's keeping is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// What was learnt of the network: one for all sessions.
    Memory,
    /// Reports that have not arrived: one for each session.
    Unsent,
}

/// What the page is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// What there is to play.
    Ready(Ready),
    /// What play info says of the video, and an image to show before the first frame.
    PlayInfo(Box<Description>, Option<Url>),
    /// A new token or signature is wanted, by [`Command::Renewed`].
    AccessWanted(RenewWish),
    /// From now on this source is what plays, or is to play.
    SourceChanged {
        /// Index into the list of [`Command::Load`].
        source: usize,
        /// What it is.
        kind: SourceKind,
    },
    /// Playing is wished for.
    Play,
    /// It is not.
    Pause,
    /// The picture moves.
    Playing,
    /// It does not, for want of data.
    Waiting,
    /// Time went by.
    TimeUpdate,
    /// The end was reached.
    Ended,
    /// It plays so fast from now on.
    RateChanged(f64),
    /// This rung was chosen.
    RungChanged {
        /// The rung; `None` where there is no choice.
        rung: Option<usize>,
        /// Which one the page holds.
        held: Option<usize>,
        /// Why.
        reason: Why,
    },
    /// Something failed. Fatal failures end the session.
    Error(PlayerError),
    /// The record so far.
    Qoe(Box<Qoe>),
}

/// Why a rung was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// To begin with.
    Start,
    /// The page wants it.
    Manual,
    /// The one above stalled, or failed.
    Down,
    /// The one below was calm.
    Up,
}

/// What there is to play.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    /// Index into the list of [`Command::Load`].
    pub source: usize,
    /// How long it is; `None`: not known, or without end.
    pub duration: Option<MediaTime>,
    /// What can be chosen, lowest first; empty where there is no choice.
    pub rungs: Vec<RungInfo>,
    /// The chosen one.
    pub rung: Option<usize>,
    /// The one that the page holds.
    pub held: Option<usize>,
    /// Why there is no choice.
    pub fixed: Option<Fixed>,
    /// Whether somebody can be asked for a new grant.
    pub renewal: bool,
}

/// Why there is no choice of rungs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fixed {
    /// One file.
    File,
    /// A media playlist.
    MediaPlaylist,
    /// Sound or pictures are in renditions of their own, which no media playlist of a rung names.
    Renditions,
    /// One rung.
    Single,
    /// The playlist could not be had here; the native component may be let through where requests are not.
    Unreachable,
}
