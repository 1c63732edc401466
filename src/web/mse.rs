//! Media Source Extensions, driven from where this code runs: in the worker where the browser allows it.
//!
//! Specification: W3C Media Source Extensions. Invariant: an append hands the browser a view of wasm memory, never a
//! new buffer; the browser copies what it takes before the call returns.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use web_sys::{MediaSource, MediaSourceReadyState, SourceBuffer, TimeRanges};

use super::inbox::Inbox;
use super::js;
use crate::engine::{Input, NewTrack, Payload, SinkCommand, SinkEvent, SinkFailure};
use crate::media::{Offer, Packaging, TrackKind};
use crate::time::{MediaTime, TimeRange};

/// Whether a media source can be made in a dedicated worker of this browser.
pub fn works_in_worker() -> bool {
    let class = Reflect::get(&js_sys::global(), &"MediaSource".into()).unwrap_or_default();
    let answer = Reflect::get(&class, &"canConstructInDedicatedWorker".into()).unwrap_or_default();
    answer.as_bool().unwrap_or(false)
}

/// One media source and its source buffers.
#[derive(Debug)]
pub struct Mse {
    source: MediaSource,
    inbox: Inbox,
    tracks: Vec<Track>,
    /// Gone when this sink is.
    life: Rc<()>,
    #[expect(dead_code, reason = "held for its drop")]
    listeners: Listeners,
}

impl Mse {
    /// Makes a media source. [`SinkEvent::Opened`] follows when its handle is attached to an element.
    ///
    /// # Errors
    /// The browser's own exception.
    pub fn new(inbox: Inbox) -> Result<Self, JsValue> {
        let source = MediaSource::new()?;
        let mut listeners = Listeners::new(source.clone().unchecked_into());
        let opened = inbox.clone();
        // A media source opens again when something is appended after its end; only the first time is news.
        let first = Cell::new(true);
        listeners.add("sourceopen", move || {
            if first.replace(false) {
                opened.give(Input::Sink(SinkEvent::Opened));
            }
        });
        let closed = inbox.clone();
        listeners.add("sourceclose", move || {
            closed
                .give(failed(SinkFailure::Closed, "the media element let go of the media source".to_owned()));
        });
        Ok(Self { source, inbox, tracks: Vec::new(), life: Rc::new(()), listeners })
    }

    /// What the page puts into `srcObject`: to be transferred, once.
    pub fn handle(&self) -> JsValue {
        Reflect::get(&self.source, &"handle".into()).unwrap_or_default()
    }

    /// The media source itself, for an element that lives on the same thread.
    pub fn source(&self) -> &MediaSource {
        &self.source
    }

    /// Does one command. `Attach` and `Detach` are the making and dropping of this value; files are none of its business.
    pub fn perform(&mut self, command: SinkCommand) {
        let outcome = match command {
            SinkCommand::Attach | SinkCommand::Detach | SinkCommand::PlayFile(..) => Ok(()),
            SinkCommand::AddTracks(tracks) => self.add_tracks(&tracks),
            SinkCommand::ChangeType(kind, mime) => self.with_track(
                kind,
                |track| track.appender().change_type(&mime),
                SinkFailure::UnsupportedType,
            ),
            SinkCommand::Append(kind, data, at) => self.append(kind, data, at),
            SinkCommand::Remove(kind, range) => self.with_track(
                kind,
                |track| track.buffer.remove(range.start.as_secs().max(0.0), range.end.as_secs()),
                SinkFailure::Append,
            ),
            SinkCommand::SetDuration(duration) => self.set_duration(duration),
            SinkCommand::SetLiveRange(range) => self.set_live_range(range),
            SinkCommand::EndOfStream => self.end_of_stream(),
        };
        if let Err(event) = outcome {
            self.inbox.give(event);
        }
    }

    fn add_tracks(&mut self, tracks: &[NewTrack]) -> Result<(), Input> {
        for NewTrack { kind, mime, others } in tracks {
            let usual = Offer { mime: "", packaging: Packaging::Fragments };
            let takes = |offer: &&Offer| MediaSource::is_type_supported(offer.mime);
            // Where nothing is taken, the refusal is of the usual type.
            let offer = match MediaSource::is_type_supported(mime) {
                true => &usual,
                false => others.iter().find(takes).unwrap_or(&usual),
            };
            let buffer = self
                .source
                .add_source_buffer(if offer.mime.is_empty() { mime } else { offer.mime })
                .map_err(|error| refusal(SinkFailure::UnsupportedType, &error))?;
            self.tracks.push(Track::new(*kind, buffer, offer.packaging, &self.inbox));
        }
        Ok(())
    }

    fn append(&self, kind: TrackKind, data: Payload, at: Option<MediaTime>) -> Result<(), Input> {
        let Some(track) = self.track(kind) else { return Err(no_such_track()) };
        let bytes = match (track.packaging, at) {
            (Packaging::Fragments, _) => data.bytes(),
            (Packaging::Frames, Some(at)) => {
                // Bare frames say nothing of their time. Refused like the append itself would be, which then says why.
                let _ = Reflect::set(&track.buffer, &"timestampOffset".into(), &at.as_secs().into());
                data.payload()
            }
            (Packaging::Frames, None) => {
                self.inbox.give(Input::Sink(SinkEvent::Done { track: kind, buffered: track.buffered() }));
                return Ok(());
            }
        };
        match track.appender().append_view(bytes) {
            Ok(()) => Ok(()),
            Err(error) if js::error_name(&error) == "QuotaExceededError" => {
                Err(Input::Sink(SinkEvent::Full { track: kind, data }))
            }
            Err(error) if js::error_name(&error) == "InvalidStateError" => {
                self.refuse_later(refusal(SinkFailure::Append, &error));
                Ok(())
            }
            Err(error) => Err(refusal(SinkFailure::Append, &error)),
        }
    }

    /// The element has broken down, or is being taken away by a page whose word of it is still on its way here: the
    /// cause comes as an event of its own, or the end of this sink. Only if neither does, the refusal is news.
    fn refuse_later(&self, refusal: Input) {
        let (life, inbox) = (Rc::downgrade(&self.life), self.inbox.clone());
        let refuse = Closure::once_into_js(move || {
            if life.strong_count() > 0 {
                inbox.give(refusal);
            }
        });
        js::set_timeout(refuse.unchecked_ref(), CAUSE_MS);
    }

    fn set_duration(&self, duration: MediaTime) -> Result<(), Input> {
        // A duration below what is buffered is an InvalidStateError: media that runs longer than its playlist says.
        let buffered_end =
            self.tracks.iter().flat_map(Track::buffered).map(|range| range.end).max().unwrap_or_default();
        let seconds = js::duration(duration.max(buffered_end));
        match Reflect::set(&self.source, &"duration".into(), &seconds.into()) {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(SinkFailure::Append, &error)),
        }
    }

    /// Where the browser lacks this, the element can be sought in what is buffered.
    fn set_live_range(&self, range: TimeRange) -> Result<(), Input> {
        let source: &LiveSource = self.source.unchecked_ref();
        if self.source.ready_state() == MediaSourceReadyState::Open {
            let _ = source.set_live_seekable_range(range.start.as_secs().max(0.0), range.end.as_secs());
        }
        Ok(())
    }

    fn end_of_stream(&self) -> Result<(), Input> {
        if self.source.ready_state() != MediaSourceReadyState::Open {
            return Ok(());
        }
        self.source.end_of_stream().map_err(|error| refusal(SinkFailure::Append, &error))
    }

    fn with_track(
        &self,
        kind: TrackKind,
        act: impl FnOnce(&Track) -> Result<(), JsValue>,
        failure: SinkFailure,
    ) -> Result<(), Input> {
        let track = self.track(kind).ok_or_else(no_such_track)?;
        act(track).map_err(|error| refusal(failure, &error))
    }

    fn track(&self, kind: TrackKind) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == kind)
    }
}

/// One source buffer.
#[derive(Debug)]
struct Track {
    kind: TrackKind,
    buffer: SourceBuffer,
    packaging: Packaging,
    #[expect(dead_code, reason = "held for its drop")]
    listeners: Listeners,
}

impl Track {
    fn new(kind: TrackKind, buffer: SourceBuffer, packaging: Packaging, inbox: &Inbox) -> Self {
        let mut listeners = Listeners::new(buffer.clone().unchecked_into());
        // A failed append fires `error` and then `updateend`; that end is not a success.
        let broken = Rc::new(Cell::new(false));
        let (breaking, to_fail) = (broken.clone(), inbox.clone());
        listeners.add("error", move || {
            breaking.set(true);
            to_fail
                .give(failed(SinkFailure::Append, "the browser could not use what was appended".to_owned()));
        });
        let (done, source) = (inbox.clone(), buffer.clone());
        listeners.add("updateend", move || {
            if !broken.get() {
                done.give(Input::Sink(SinkEvent::Done { track: kind, buffered: ranges(&source) }));
            }
        });
        Self { kind, buffer, packaging, listeners }
    }

    fn buffered(&self) -> Vec<TimeRange> {
        ranges(&self.buffer)
    }

    fn appender(&self) -> &Appender {
        self.buffer.unchecked_ref()
    }
}

fn ranges(buffer: &SourceBuffer) -> Vec<TimeRange> {
    // Refused when the buffer was removed from its source: then it holds nothing.
    buffer.buffered().map(|ranges| time_ranges(&ranges)).unwrap_or_default()
}

fn time_ranges(ranges: &TimeRanges) -> Vec<TimeRange> {
    (0..ranges.length())
        .filter_map(|i| {
            Some(TimeRange {
                start: MediaTime::from_secs(ranges.start(i).ok()?),
                end: MediaTime::from_secs(ranges.end(i).ok()?),
            })
        })
        .collect()
}

fn refusal(failure: SinkFailure, error: &JsValue) -> Input {
    failed(failure, js::describe_error(error))
}

fn failed(failure: SinkFailure, detail: String) -> Input {
    Input::Sink(SinkEvent::Failed { failure, detail })
}

fn no_such_track() -> Input {
    failed(SinkFailure::Append, "no source buffer for this track".to_owned())
}

/// Event listeners that are taken off again when dropped.
#[derive(Debug)]
struct Listeners {
    target: web_sys::EventTarget,
    added: Vec<Listener>,
}

impl Listeners {
    fn new(target: web_sys::EventTarget) -> Self {
        Self { target, added: Vec::new() }
    }

    fn add(&mut self, event: &'static str, act: impl FnMut() + 'static) {
        let closure = Closure::<dyn FnMut()>::new(act);
        // Fails for no event name and no function that exists.
        let _ = self.target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        self.added.push((event, closure));
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for (event, closure) in &self.added {
            let _ = self.target.remove_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        }
    }
}

/// How long the cause of a refusal may take to show.
const CAUSE_MS: f64 = 500.0;

type Listener = (&'static str, Closure<dyn FnMut()>);

#[wasm_bindgen]
extern "C" {
    /// A `SourceBuffer`, with the calls for which web-sys wants a mutable slice or does not exist.
    type Appender;

    /// Gets a view of wasm memory: the glue makes a subarray, not a slice.
    #[wasm_bindgen(method, catch, js_name = appendBuffer)]
    fn append_view(this: &Appender, data: &[u8]) -> Result<(), JsValue>;

    /// A `MediaSource`, likewise.
    type LiveSource;

    #[wasm_bindgen(method, catch, js_name = setLiveSeekableRange)]
    fn set_live_seekable_range(this: &LiveSource, start: f64, end: f64) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = changeType)]
    fn change_type(this: &Appender, mime: &str) -> Result<(), JsValue>;
}
