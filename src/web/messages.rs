//! What page and worker say to each other: tagged plain objects with named fields, times in seconds.
//!
//! The other half is `www/messages.d.ts`. Invariant: no text from a message gets into an error, because a malformed
//! message may hold a token where a number should be.

use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use crate::engine::{
    Command, Config, ElementEvent, ElementState, Environment, Event, Input, SinkEvent, SinkFailure, Source,
    TokenPlacement,
};
use crate::media::TrackKind;
use crate::secret::{Secret, Url};
use crate::time::{MediaTime, TimeRange};

/// From the page to the worker.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum FromPage {
    /// Begin. Comes once, first.
    Start(Box<Start>),
    /// Go to this place.
    Seek { to: f64 },
    /// Hold this rung, or with none let the player choose.
    SelectRung { rung: Option<usize> },
    /// End the session.
    Stop,
    /// The element fired an event.
    Element(Element),
    /// The network came or went.
    Online { online: bool },
    /// The page was shown or hidden.
    Visible { visible: bool },
    /// The element's size in device pixels.
    Viewport(Viewport),
    /// The media source on the page opened.
    SinkOpened,
    /// An append or a remove on the page is finished.
    SinkDone { track: Track, buffered: Vec<(f64, f64)> },
    /// The source buffer on the page has no room.
    SinkFull { track: Track },
    /// The media source on the page, or the element, failed for good.
    SinkFailed { failure: SinkFailure, name: String, message: String },
}

/// How a session begins.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    session_id: String,
    /// Any number: 53 random bits.
    seed: f64,
    source: SourceMessage,
    report_url: Option<String>,
    report_interval: Option<f64>,
    buffer_goal: Option<f64>,
    back_buffer: Option<f64>,
    stored_throughput: Option<f64>,
    start_time: Option<f64>,
    start_rung: Option<usize>,
    /// Where the media source is to be; none: in the worker where that works.
    pub(super) sink: Option<SinkPlace>,
    viewport: Option<Viewport>,
}

impl Start {
    /// The settings, what to play, and what is known of the surroundings.
    pub(super) fn into_parts(self, wall_clock: i64) -> (Config, Source, Option<Environment>) {
        let defaults = Config::default();
        let media_time = |seconds: Option<f64>, default| seconds.map_or(default, MediaTime::from_secs);
        let config = Config {
            session_id: self.session_id,
            seed: whole(self.seed),
            wall_clock: Some(wall_clock),
            report_url: self.report_url.map(Url::new),
            report_interval: self
                .report_interval
                .map_or(defaults.report_interval, |seconds| MediaTime::from_secs(seconds).to_duration()),
            buffer_goal: media_time(self.buffer_goal, defaults.buffer_goal),
            back_buffer: media_time(self.back_buffer, defaults.back_buffer),
            stored_throughput: self.stored_throughput.map(whole).filter(|&rate| rate > 0),
            start: media_time(self.start_time, defaults.start),
            start_rung: self.start_rung,
        };
        (config, self.source.into(), self.viewport.map(Environment::from))
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum SourceMessage {
    Hls { url: String, token: Option<String>, token_placement: Option<PlacementMessage> },
    PlayInfo { endpoint: String, app_id: String, file_id: String, psign: Option<String> },
}

impl From<SourceMessage> for Source {
    fn from(message: SourceMessage) -> Self {
        match message {
            SourceMessage::Hls { url, token, token_placement } => Self::Hls {
                url: Url::new(url),
                token: token.map(|token| {
                    let placement = token_placement.map_or(TokenPlacement::FileNamePrefix, Into::into);
                    (Secret::new(token), placement)
                }),
            },
            SourceMessage::PlayInfo { endpoint, app_id, file_id, psign } => Self::PlayInfo {
                endpoint: Url::new(endpoint),
                app_id,
                file_id,
                psign: psign.map(Secret::new),
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum PlacementMessage {
    FileNamePrefix,
    KeyQuery { name: String },
}

impl From<PlacementMessage> for TokenPlacement {
    fn from(message: PlacementMessage) -> Self {
        match message {
            PlacementMessage::FileNamePrefix => Self::FileNamePrefix,
            PlacementMessage::KeyQuery { name } => Self::KeyQuery(name),
        }
    }
}

/// Where the media source lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SinkPlace {
    Worker,
    Page,
}

/// An event of the media element, and how it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Element {
    event: ElementEvent,
    position: f64,
    paused: bool,
    seeking: bool,
    rate: f64,
    ready_state: u8,
    decoded_frames: f64,
    dropped_frames: f64,
}

impl From<Element> for Input {
    fn from(message: Element) -> Self {
        let state = ElementState {
            position: MediaTime::from_secs(message.position),
            paused: message.paused,
            seeking: message.seeking,
            rate: message.rate,
            ready_state: message.ready_state,
            decoded_frames: whole(message.decoded_frames),
            dropped_frames: whole(message.dropped_frames),
        };
        Self::Element { event: message.event, state }
    }
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Viewport {
    width: f64,
    height: f64,
}

impl From<Viewport> for Environment {
    fn from(message: Viewport) -> Self {
        let pixels = |side: f64| u32::try_from(whole(side)).unwrap_or(u32::MAX);
        Self::Viewport { width: pixels(message.width), height: pixels(message.height) }
    }
}

/// A track's name in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Track {
    Video,
    Audio,
}

impl From<Track> for TrackKind {
    fn from(track: Track) -> Self {
        match track {
            Track::Video => Self::Video,
            Track::Audio => Self::Audio,
        }
    }
}

impl From<TrackKind> for Track {
    fn from(kind: TrackKind) -> Self {
        match kind {
            TrackKind::Video => Self::Video,
            TrackKind::Audio => Self::Audio,
        }
    }
}

/// What a message means to the session, if it needs nothing from the host.
pub(super) fn to_input(message: FromPage) -> Result<Input, FromPage> {
    Ok(match message {
        FromPage::Seek { to } => Input::Command(Command::Seek(MediaTime::from_secs(to))),
        FromPage::SelectRung { rung } => Input::Command(Command::SelectRung(rung)),
        FromPage::Element(element) => element.into(),
        FromPage::Online { online } => Input::Environment(Environment::Online(online)),
        FromPage::Visible { visible } => Input::Environment(Environment::Visible(visible)),
        FromPage::Viewport(viewport) => Input::Environment(viewport.into()),
        FromPage::SinkOpened => Input::Sink(SinkEvent::Opened),
        FromPage::SinkFailed { failure, name, message } => {
            let detail = super::js::join_detail(&name, &message);
            Input::Sink(SinkEvent::Failed { failure, detail })
        }
        other @ (FromPage::Start(_)
        | FromPage::Stop
        | FromPage::SinkDone { .. }
        | FromPage::SinkFull { .. }) => {
            return Err(other);
        }
    })
}

/// Ranges of seconds as ranges of media time.
pub(super) fn time_ranges(seconds: &[(f64, f64)]) -> Vec<TimeRange> {
    let range = |&(start, end): &(f64, f64)| TimeRange {
        start: MediaTime::from_secs(start),
        end: MediaTime::from_secs(end),
    };
    seconds.iter().map(range).collect()
}

/// From the worker to the page.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum ToPage {
    /// News of the session.
    Event { event: Box<Event> },
    /// News of the host itself: something went wrong outside the session.
    HostError(HostError),
    /// Set `currentTime`.
    Seek { to: f64 },
    /// Do this to the media source, or to what it is attached to.
    Sink { command: SinkMessage },
    /// The last request has ended: the worker may go.
    Stopped,
}

/// A failure that no part of the session has seen. Has the fields of a `PlayerError`, in a phase of its own.
#[derive(Serialize)]
pub(super) struct HostError {
    code: &'static str,
    phase: &'static str,
    status: Option<u16>,
    fatal: bool,
    message: String,
}

impl HostError {
    /// The core broke one of its own rules. The session is lost.
    pub(super) fn internal(message: String) -> Self {
        Self { code: "internal", phase: HOST_PHASE, status: None, fatal: true, message }
    }

    /// The page said something that makes no sense here.
    pub(super) fn bad_message(message: &str) -> Self {
        Self {
            code: "bad_message",
            phase: HOST_PHASE,
            status: None,
            fatal: false,
            message: message.to_owned(),
        }
    }
}

/// A sink command as the page gets it.
#[derive(Serialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub(super) enum SinkMessage {
    /// Attach a media source: the one that comes in the field `handle`, else one made on the page.
    Attach,
    AddTracks {
        tracks: Vec<TrackMessage>,
    },
    ChangeType {
        track: Track,
        mime: String,
    },
    /// The bytes come in the field `data`, an `ArrayBuffer`.
    Append {
        track: Track,
    },
    Remove {
        track: Track,
        start: f64,
        end: f64,
    },
    SetDuration {
        duration: f64,
    },
    EndOfStream,
    Detach,
}

#[derive(Serialize)]
pub(super) struct TrackMessage {
    pub(super) track: Track,
    pub(super) mime: String,
}

/// Reads a message. `None`: it is none.
pub(super) fn read(message: JsValue) -> Option<FromPage> {
    serde_wasm_bindgen::from_value(message).ok()
}

/// Makes a message. Plain objects, absent values as `null`.
pub(super) fn write(message: &ToPage) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    // Fails for numbers beyond 2^53 alone.
    message.serialize(&serializer).unwrap_or_default()
}

/// A number from the page as a count: not-a-number and negative ones become zero.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
fn whole(number: f64) -> u64 {
    number as u64
}

const HOST_PHASE: &str = "host";
