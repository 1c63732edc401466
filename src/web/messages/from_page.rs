//! From the page to the worker.

use wasm_bindgen::JsValue;

use super::Track;
use super::fields::{Fields, flag, index, named, number, text, whole};
use crate::engine::{
    Command, Config, ElementState, Environment, Grant, Input, Kinds, OverlaySeed, Query, RenewFailure,
    SinkEvent, SinkFailure, Source, TextChoice, TokenPlacement,
};
use crate::secret::{Secret, Url};
use crate::time::{MediaTime, TimeRange};
use crate::web::js;

/// A message, as far as the host has to know what it is.
pub(in crate::web) enum FromPage {
    /// Begin. Comes once, first.
    Start(Box<Start>),
    /// End the session.
    Stop,
    /// News for the session alone.
    Input(Input),
    /// An append or a remove on the page is finished.
    SinkDone { track: Track, buffered: Vec<TimeRange> },
    /// The source buffer on the page has no room.
    SinkFull { track: Track },
}

/// How a session begins.
pub(in crate::web) struct Start {
    pub(in crate::web) config: Config,
    pub(in crate::web) sources: Vec<Source>,
    /// Only play info is to be told.
    pub(in crate::web) looks: bool,
    pub(in crate::web) environment: Option<Environment>,
    /// Where the media source is to be; none: in the worker where that works.
    pub(in crate::web) sink: Option<SinkPlace>,
}

/// Where the media source lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum SinkPlace {
    Worker,
    Page,
}

/// Reads a message. `None`: it is none.
pub(in crate::web) fn read(message: JsValue) -> Option<FromPage> {
    let message = Fields::of(message);
    let input = match message.need("type", text)?.as_str() {
        "start" => return Some(FromPage::Start(Box::new(start(&message)?))),
        "stop" => return Some(FromPage::Stop),
        "sinkDone" => {
            let buffered = message.need("buffered", ranges)?;
            return Some(FromPage::SinkDone { track: message.need("track", track)?, buffered });
        }
        "sinkFull" => return Some(FromPage::SinkFull { track: message.need("track", track)? }),
        "seek" => Input::Command(Command::Seek(message.need("to", time)?)),
        "selectRung" => Input::Command(Command::SelectRung(message.may("rung", index)?)),
        "selectAudio" => Input::Command(Command::SelectAudio(message.may("audio", index)?)),
        "selectText" => {
            let choice = message.may("text", text_choice)?.unwrap_or(TextChoice::Off);
            Input::Command(Command::SelectText(choice))
        }
        "element" => element(&message)?,
        "renewed" => Input::Command(renewed(&message)?),
        "dropKeys" => Input::Command(Command::DropKeys),
        "online" => Input::Environment(Environment::Online(message.need("online", flag)?)),
        "limitRungs" => {
            let (floor, cap) = (message.may("floor", index)?, message.may("cap", index)?);
            Input::Command(Command::LimitRungs { floor, cap })
        }
        "pauseLoading" => Input::Command(Command::PauseLoading(message.need("pauses", flag)?)),
        "savesData" => Input::Environment(Environment::SavesData(message.need("saves", flag)?)),
        "visible" => Input::Environment(Environment::Visible(message.need("visible", flag)?)),
        "viewport" => Input::Environment(viewport(&message)?),
        "sinkOpened" => Input::Sink(SinkEvent::Opened),
        "sinkFailed" => sink_failed(&message)?,
        _ => return None,
    };
    Some(FromPage::Input(input))
}

fn start(message: &Fields) -> Option<Start> {
    let defaults = Config::default();
    let config = Config {
        session_id: message.need("sessionId", text)?,
        seed: whole(message.need("seed", number)?),
        report_url: message.may("reportUrl", url)?,
        report_interval: message
            .may("reportInterval", time)?
            .map_or(defaults.report_interval, MediaTime::to_duration),
        buffer_goal: message.may("bufferGoal", time)?.unwrap_or(defaults.buffer_goal),
        back_buffer: message.may("backBuffer", time)?.unwrap_or(defaults.back_buffer),
        stored_throughput: message.may("storedThroughput", number)?.map(whole).filter(|&rate| rate > 0),
        start: message.may("startTime", time)?.unwrap_or(defaults.start),
        start_rung: message.may("startRung", index)?,
        cap_to_viewport: message.may("capToViewport", flag)?.unwrap_or(defaults.cap_to_viewport),
        data_budget: message.may("dataBudget", number)?.map(whole),
        audio_languages: message.may("audioLanguages", texts)?.unwrap_or_default(),
        text_languages: message.may("textLanguages", texts)?.unwrap_or_default(),
        renews: message.may("renews", flag)?.unwrap_or(false),
        token_hosts: message.may("tokenHosts", texts)?.unwrap_or_default(),
        unsupported_codecs: message.may("unsupportedCodecs", texts)?.unwrap_or_default(),
        ..defaults
    };
    Some(Start {
        config,
        sources: message.need("sources", sources)?,
        looks: message.may("looks", flag)?.unwrap_or(false),
        environment: message.may("viewport", |value| viewport(&Fields::of(value)))?,
        sink: message.may("sink", sink_place)?,
    })
}

/// What came of a wish for a new grant, or a grant that nobody asked for.
fn renewed(message: &Fields) -> Option<Command> {
    let grant = message.may("grant", |value| {
        let grant = Fields::of(value);
        Some(Grant {
            url: grant.may("url", url)?,
            token: grant.may("token", text)?.map(Secret::new),
            expires: grant.may("expires", number)?.map(|seconds| seconds as i64),
            server_time: grant.may("serverTime", number)?.map(|ms| ms as i64),
        })
    })?;
    let failure =
        if message.need("revoked", flag)? { RenewFailure::Revoked } else { RenewFailure::Unavailable };
    Some(Command::Renewed { id: message.may("id", number)?.map(whole), answer: grant.ok_or(failure) })
}

fn sources(value: JsValue) -> Option<Vec<Source>> {
    let list = js_sys::Array::is_array(&value).then(|| js_sys::Array::from(&value))?;
    list.iter().map(|value| source(&Fields::of(value))).collect()
}

fn source(message: &Fields) -> Option<Source> {
    match message.need("kind", text)?.as_str() {
        "hls" => {
            let placement = message.may("tokenPlacement", token_placement)?;
            let placement = placement.unwrap_or(TokenPlacement::FileNamePrefix);
            let token = message.may("token", text)?.map(|token| (Secret::new(token), placement));
            Some(Source::Hls { url: message.need("url", url)?, token })
        }
        "playInfo" => Some(Source::PlayInfo {
            endpoints: message.need("endpoints", texts)?.into_iter().map(Url::new).collect(),
            app_id: message.need("appId", text)?,
            file_id: message.need("fileId", text)?,
            query: message.need("token", query)?,
            overlay: message.may("overlayKey", overlay)?,
        }),
        "file" => Some(Source::File { url: message.need("url", url)? }),
        _ => None,
    }
}

/// A player signature, an object that has one, or the parameters of a signed request.
fn query(value: JsValue) -> Option<Query> {
    let token = Fields::of(value);
    let sign = token.may("sign", text)?.map(Secret::new);
    if sign.is_some() {
        let (t, us, exper) = (token.may("t", text)?, token.may("us", text)?, token.may("exper", text)?);
        return Some(Query::V2 { t, us, exper, sign });
    }
    let psign = token.may("psign", text)?.map(Secret::new);
    Some(Query::V4 { psign, context: None, overlay: None })
}

/// A public key; what it is to wrap is made up here.
fn overlay(value: JsValue) -> Option<OverlaySeed> {
    let key = Fields::of(value);
    Some(OverlaySeed {
        public_key: key.need("publicKey", text)?,
        key_id: key.need("keyId", text)?,
        seed: js::random()?,
    })
}

fn token_placement(value: JsValue) -> Option<TokenPlacement> {
    let placement = Fields::of(value);
    match placement.need("kind", text)?.as_str() {
        "fileNamePrefix" => Some(TokenPlacement::FileNamePrefix),
        "keyQuery" => Some(TokenPlacement::KeyQuery(placement.need("name", text)?)),
        "query" => Some(TokenPlacement::Query(placement.need("name", text)?, kinds(&placement)?)),
        "pathPrefix" => Some(TokenPlacement::PathPrefix(placement.need("name", text)?, kinds(&placement)?)),
        "header" => Some(TokenPlacement::Header(placement.need("name", text)?, kinds(&placement)?)),
        _ => None,
    }
}

/// The kinds of request that a token is for; all unless it is said.
fn kinds(placement: &Fields) -> Option<Kinds> {
    let Some(names) = placement.may("on", texts)? else { return Some(Kinds::ALL) };
    names.iter().try_fold(Kinds::of_bits(0), |kinds, name| {
        Some(kinds.and(match name.as_str() {
            "playlist" => Kinds::PLAYLIST,
            "key" => Kinds::KEY,
            "segment" => Kinds::SEGMENT,
            _ => return None,
        }))
    })
}

/// The name of the automatic choice, or an index.
fn text_choice(value: JsValue) -> Option<TextChoice> {
    match value.as_string() {
        Some(name) => (name == "auto").then_some(TextChoice::Auto),
        None => index(value).map(TextChoice::Track),
    }
}

fn sink_place(value: JsValue) -> Option<SinkPlace> {
    match text(value)?.as_str() {
        "worker" => Some(SinkPlace::Worker),
        "page" => Some(SinkPlace::Page),
        _ => None,
    }
}

/// An event of the media element, and how it stands.
fn element(message: &Fields) -> Option<Input> {
    let state = ElementState {
        position: message.need("position", time)?,
        paused: message.need("paused", flag)?,
        seeking: message.need("seeking", flag)?,
        rate: message.need("rate", number)?,
        ready_state: u8::try_from(message.need("readyState", index)?).ok()?,
        decoded_frames: whole(message.need("decodedFrames", number)?),
        dropped_frames: whole(message.need("droppedFrames", number)?),
    };
    Some(Input::Element { event: message.need("event", named)?, state })
}

fn viewport(message: &Fields) -> Option<Environment> {
    let pixels = |side| u32::try_from(whole(side)).unwrap_or(u32::MAX);
    Some(Environment::Viewport {
        width: pixels(message.need("width", number)?),
        height: pixels(message.need("height", number)?),
    })
}

/// The media source on the page, or the element, failed for good.
fn sink_failed(message: &Fields) -> Option<Input> {
    let failure: SinkFailure = message.need("failure", named)?;
    let detail = js::join_detail(&message.need("name", text)?, &message.need("message", text)?);
    Some(Input::Sink(SinkEvent::Failed { failure, detail }))
}

fn track(value: JsValue) -> Option<Track> {
    named(value)
}

fn ranges(value: JsValue) -> Option<Vec<TimeRange>> {
    let range = |value: JsValue| {
        let pair = Fields::of(value);
        Some(TimeRange { start: pair.need("0", time)?, end: pair.need("1", time)? })
    };
    js_sys::Array::is_array(&value).then(|| js_sys::Array::from(&value))?.iter().map(range).collect()
}

fn texts(value: JsValue) -> Option<Vec<String>> {
    js_sys::Array::is_array(&value).then(|| js_sys::Array::from(&value))?.iter().map(text).collect()
}

fn time(value: JsValue) -> Option<MediaTime> {
    number(value).map(MediaTime::from_secs)
}

fn url(value: JsValue) -> Option<Url> {
    text(value).map(Url::new)
}
