//! What the component is told.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::engine::{RenewReason, RequestKind, RungInfo, Wanted};
use crate::error::PlayerError;
use crate::handoff::{ElementCommand, Event, Fixed, Handoff, Output, Ready, Stored, Why};
use crate::telemetry::{Qoe, SourceKind};
use crate::time::{MediaTime, Timestamp};

/// A message.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Message<'a> {
    Request {
        id: u64,
        kind: &'static str,
        url: &'a str,
        method: &'static str,
        headers: Headers,
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<&'a str>,
        timeout_ms: u64,
    },
    Abort {
        id: u64,
    },
    /// The address is told whole: the native component has to load it.
    Source {
        url: &'a str,
        position: f64,
        play: bool,
        rate: f64,
        kind: &'static str,
    },
    Element {
        method: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
    },
    Event {
        name: &'static str,
        detail: Detail<'a>,
    },
    Renew {
        id: u64,
        reason: RenewReason,
        wanted: Wanted,
    },
    Store {
        key: &'static str,
        value: Option<&'a str>,
    },
    Wake {
        at: Option<f64>,
    },
}

/// What requests say of their body. Reports are JSON in plain text, as on the web.
struct Headers {
    is_report: bool,
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.is_report {
            map.serialize_entry("content-type", "text/plain;charset=UTF-8")?;
        }
        map.end()
    }
}

/// What belongs to an event.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Detail<'a> {
    Ready {
        duration: Option<f64>,
        source: usize,
        qualities: Vec<Level<'a>>,
        features: Features,
        selected: Selected,
        quality: Option<usize>,
    },
    Place {
        current_time: f64,
    },
    Time {
        current_time: f64,
        duration: Option<f64>,
    },
    Rate {
        rate: f64,
    },
    Quality {
        selected: Selected,
        quality: Option<usize>,
        reason: Why,
    },
    Source {
        source: usize,
        kind: SourceKind,
    },
    PlayInfo {
        #[serde(flatten)]
        info: &'a crate::engine::Description,
        poster: Option<&'a str>,
    },
    Error(&'a PlayerError),
    Qoe(&'a Qoe),
}

/// A rung and its place.
#[derive(Serialize)]
struct Level<'a> {
    index: usize,
    #[serde(flatten)]
    info: &'a RungInfo,
}

#[derive(Serialize)]
struct Features {
    quality: bool,
    renewal: bool,
    reason: Option<Fixed>,
}

/// `"auto"`, or an index.
struct Selected(Option<usize>);

impl Serialize for Selected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(index) => serializer.serialize_u64(index as u64),
            None => serializer.serialize_str("auto"),
        }
    }
}

/// Writes an output of a session.
pub(super) fn write(session: &Handoff, output: &Output) -> Option<String> {
    let position = session.position().as_secs();
    let message = match output {
        Output::Fetch(request) => Message::Request {
            id: request.id.0,
            kind: match request.kind {
                RequestKind::PlayInfo => "playInfo",
                RequestKind::Telemetry => "report",
                _ => "playlist",
            },
            url: request.url.expose(),
            method: if request.body.is_some() { "POST" } else { "GET" },
            headers: Headers { is_report: request.body.is_some() },
            body: request.body.as_deref(),
            timeout_ms: u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX),
        },
        Output::Abort(id) => Message::Abort { id: id.0 },
        Output::Source(source) => Message::Source {
            url: source.url.expose(),
            position: source.position.as_secs(),
            play: source.play,
            rate: source.rate,
            kind: if source.is_file { "file" } else { "hls" },
        },
        Output::Element(command) => {
            let (method, value) = match command {
                ElementCommand::Play => ("play", None),
                ElementCommand::Pause => ("pause", None),
                ElementCommand::Seek(to) => ("seek", Some(to.as_secs())),
                ElementCommand::SetRate(rate) => ("setRate", Some(*rate)),
            };
            Message::Element { method, value }
        }
        Output::Notify(Event::AccessWanted(wish)) => {
            Message::Renew { id: wish.id, reason: wish.reason, wanted: wish.wanted }
        }
        Output::Notify(event) => {
            let (name, detail) = event_of(session, event, position)?;
            Message::Event { name, detail }
        }
        Output::Store(key, value) => Message::Store {
            key: match key {
                Stored::Memory => "memory",
                Stored::Unsent => "unsent",
            },
            value: value.as_deref(),
        },
        Output::Wake(at) => Message::Wake { at: at.map(millis) },
    };
    serde_json::to_string(&message).ok()
}

fn event_of<'a>(
    session: &Handoff,
    event: &'a Event,
    current_time: f64,
) -> Option<(&'static str, Detail<'a>)> {
    let place = Detail::Place { current_time };
    Some(match event {
        Event::Ready(ready) => ("ready", ready_of(ready)),
        Event::PlayInfo(info, poster) => {
            ("playinfo", Detail::PlayInfo { info, poster: poster.as_ref().map(|url| url.expose()) })
        }
        Event::SourceChanged { source, kind } => {
            ("sourcechange", Detail::Source { source: *source, kind: *kind })
        }
        Event::Play => ("play", place),
        Event::Pause => ("pause", place),
        Event::Playing => ("playing", place),
        Event::Waiting => ("waiting", place),
        Event::Ended => ("ended", place),
        Event::TimeUpdate => {
            let duration = session.duration().map(MediaTime::as_secs);
            ("timeupdate", Detail::Time { current_time, duration })
        }
        Event::RateChanged(rate) => ("ratechange", Detail::Rate { rate: *rate }),
        Event::RungChanged { rung, held, reason } => {
            ("qualitychange", Detail::Quality { selected: Selected(*held), quality: *rung, reason: *reason })
        }
        Event::Error(error) => ("error", Detail::Error(error)),
        Event::Qoe(qoe) => ("qoe", Detail::Qoe(qoe)),
        Event::AccessWanted(_) => return None,
    })
}

fn ready_of(ready: &Ready) -> Detail<'_> {
    let levels = ready.rungs.iter().enumerate();
    Detail::Ready {
        duration: ready.duration.map(MediaTime::as_secs),
        source: ready.source,
        qualities: levels.map(|(index, info)| Level { index, info }).collect(),
        features: Features { quality: ready.fixed.is_none(), renewal: ready.renewal, reason: ready.fixed },
        selected: Selected(ready.held),
        quality: ready.rung,
    }
}

/// Never a moment too early.
fn millis(at: Timestamp) -> f64 {
    at.as_micros().div_ceil(1000) as f64
}
