//! From the worker to the page.

use serde::{Serialize, Serializer};
use wasm_bindgen::JsValue;

use super::Track;
use crate::engine::Event;
use crate::secret::Url;

/// A message.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(in crate::web) enum ToPage {
    /// News of the session.
    Event {
        event: Box<Event>,
    },
    /// News of the host itself: something went wrong outside the session.
    HostError(HostError),
    /// Set `currentTime`.
    Seek {
        to: f64,
    },
    Step {
        from: f64,
        to: f64,
    },
    /// Set `playbackRate`.
    SetRate {
        rate: f64,
    },
    /// Do this to the media source, or to what it is attached to.
    Sink {
        command: SinkMessage,
    },
    /// The last request has ended: the worker may go.
    Stopped,
}

/// A failure that no part of the session has seen. Has the fields of a `PlayerError`, in a phase of its own.
#[derive(Serialize)]
pub(in crate::web) struct HostError {
    code: &'static str,
    phase: &'static str,
    status: Option<u16>,
    fatal: bool,
    message: String,
}

impl HostError {
    /// The core broke one of its own rules. The session is lost.
    pub(in crate::web) fn internal(message: String) -> Self {
        Self { code: "internal", phase: HOST_PHASE, status: None, fatal: true, message }
    }

    /// The page said something that makes no sense here.
    pub(in crate::web) fn bad_message(message: &str) -> Self {
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
pub(in crate::web) enum SinkMessage {
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
        /// Where their media begins, in seconds.
        at: Option<f64>,
        /// Where the bare frames begin in it.
        head: usize,
    },
    Remove {
        track: Track,
        start: f64,
        end: f64,
    },
    SetDuration {
        duration: f64,
    },
    SetLiveRange {
        start: f64,
        end: f64,
    },
    EndOfStream,
    Detach,
    /// The address is told whole: the element has to load it.
    PlayFile {
        #[serde(serialize_with = "expose")]
        url: Url,
        from: f64,
    },
}

fn expose<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.expose())
}

#[derive(Serialize)]
pub(in crate::web) struct TrackMessage {
    pub(in crate::web) track: Track,
    /// Types to try, the best first.
    pub(in crate::web) mimes: Vec<String>,
    /// Types to try after those, with bare frames.
    pub(in crate::web) bare: Vec<&'static str>,
}

/// Makes a message. Plain objects, absent values as `null`.
pub(in crate::web) fn write(message: &ToPage) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    // Fails for numbers beyond 2^53 alone.
    message.serialize(&serializer).unwrap_or_default()
}

const HOST_PHASE: &str = "host";
