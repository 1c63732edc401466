//! The sink where Media Source Extensions do not reach into workers: each command goes to the page as a message,
//! bytes as a transferred `ArrayBuffer`. The page's half is `www/page-sink.js`.
//!
//! Invariant: what was sent is kept until the page says what became of it, so that no room means nothing lost.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;

use super::js;
use super::messages::{SinkMessage, ToPage, Track, TrackMessage};
use super::outbox::Outbox;
use crate::engine::{Input, Payload, SinkCommand, SinkEvent};
use crate::media::{Packaging, TrackKind};
use crate::secret::Url;
use crate::time::{MediaTime, TimeRange};

/// What has the page's element play a file by itself.
pub(super) fn play_file(url: &Url, from: MediaTime) -> SinkMessage {
    SinkMessage::PlayFile { url: url.clone(), from: from.as_secs() }
}

#[derive(Debug)]
pub(super) struct PageSink {
    outbox: Outbox,
    in_flight: Vec<(TrackKind, Payload)>,
}

impl PageSink {
    pub(super) fn new(outbox: Outbox) -> Self {
        Self { outbox, in_flight: Vec::new() }
    }

    /// Relays one command.
    pub(super) fn perform(&mut self, command: SinkCommand) {
        if let SinkCommand::Append(kind, data, at) = command {
            return self.append(kind, data, at);
        }
        let command = match command {
            SinkCommand::Append(..) => return,
            SinkCommand::Attach => SinkMessage::Attach,
            SinkCommand::AddTracks(tracks) => SinkMessage::AddTracks {
                tracks: tracks
                    .into_iter()
                    .map(|new| TrackMessage {
                        track: new.kind.into(),
                        bare: new
                            .others
                            .iter()
                            .filter(|o| o.packaging == Packaging::Frames)
                            .map(|o| o.mime)
                            .collect(),
                        mimes: core::iter::once(new.mime)
                            .chain(
                                new.others
                                    .iter()
                                    .filter(|o| o.packaging == Packaging::Fragments)
                                    .map(|o| o.mime.to_owned()),
                            )
                            .collect(),
                    })
                    .collect(),
            },
            SinkCommand::ChangeType(kind, mime) => SinkMessage::ChangeType { track: kind.into(), mime },
            SinkCommand::Remove(kind, range) => SinkMessage::Remove {
                track: kind.into(),
                start: range.start.as_secs().max(0.0),
                end: range.end.as_secs(),
            },
            SinkCommand::SetDuration(duration) => {
                SinkMessage::SetDuration { duration: js::duration(duration) }
            }
            SinkCommand::SetLiveRange(range) => {
                SinkMessage::SetLiveRange { start: range.start.as_secs().max(0.0), end: range.end.as_secs() }
            }
            SinkCommand::EndOfStream => SinkMessage::EndOfStream,
            SinkCommand::Detach => {
                self.in_flight.clear();
                SinkMessage::Detach
            }
            SinkCommand::PlayFile(url, from) => play_file(&url, from),
        };
        self.outbox.post(&ToPage::Sink { command });
    }

    /// The page finished an append or a remove.
    pub(super) fn done(&mut self, track: Track, buffered: Vec<TimeRange>) -> Input {
        self.take(track.into());
        Input::Sink(SinkEvent::Done { track: track.into(), buffered })
    }

    /// The page had no room. `None`: for nothing that was sent.
    pub(super) fn full(&mut self, track: Track) -> Option<Input> {
        let data = self.take(track.into())?;
        Some(Input::Sink(SinkEvent::Full { track: track.into(), data }))
    }

    fn append(&mut self, kind: TrackKind, data: Payload, at: Option<MediaTime>) {
        let bytes = Uint8Array::from(data.bytes()).buffer();
        let head = data.bytes().len().saturating_sub(data.payload().len());
        self.take(kind);
        self.in_flight.push((kind, data));
        let fields: [(&str, &JsValue); 1] = [("data", &bytes)];
        let command = SinkMessage::Append { track: kind.into(), at: at.map(MediaTime::as_secs), head };
        let message = ToPage::Sink { command };
        self.outbox.post_with(&message, &fields, &Array::of1(&bytes));
    }

    fn take(&mut self, kind: TrackKind) -> Option<Payload> {
        let at = self.in_flight.iter().position(|(of, _)| *of == kind)?;
        Some(self.in_flight.swap_remove(at).1)
    }
}
