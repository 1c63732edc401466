//! Where media goes: a media source in this worker, or one on the page.

use js_sys::Array;

use super::inbox::Inbox;
use super::js;
use super::messages::{SinkMessage, SinkPlace, ToPage};
use super::mse::{self, Mse};
use super::outbox::Outbox;
use super::page_sink::{self, PageSink};
use crate::engine::{Input, SinkCommand, SinkEvent, SinkFailure};

#[derive(Debug)]
pub(super) enum Sink {
    /// In this worker; made when the session attaches it.
    Worker { inbox: Inbox, outbox: Outbox, mse: Option<Mse> },
    /// On the page.
    Page(PageSink),
}

impl Sink {
    /// A sink in the place wished for, else in the worker where that works.
    pub(super) fn new(place: Option<SinkPlace>, inbox: Inbox, outbox: Outbox) -> Self {
        let place = place.unwrap_or(if mse::works_in_worker() { SinkPlace::Worker } else { SinkPlace::Page });
        match place {
            SinkPlace::Worker => Self::Worker { inbox, outbox, mse: None },
            SinkPlace::Page => Self::Page(PageSink::new(outbox)),
        }
    }

    /// Does one command; what becomes of it goes to the inbox.
    pub(super) fn perform(&mut self, command: SinkCommand) {
        match (self, command) {
            (Self::Page(page), command) => page.perform(command),
            (Self::Worker { inbox, outbox, mse }, SinkCommand::Attach) => match Mse::new(inbox.clone()) {
                Ok(made) => {
                    let handle = made.handle();
                    let message = ToPage::Sink { command: SinkMessage::Attach };
                    outbox.post_with(&message, &[("handle", &handle)], &Array::of1(&handle));
                    *mse = Some(made);
                }
                Err(error) => inbox.give(Input::Sink(SinkEvent::Failed {
                    failure: SinkFailure::Unavailable,
                    detail: js::describe_error(&error),
                })),
            },
            (Self::Worker { outbox, mse, .. }, SinkCommand::Detach) => {
                // Dropped first: that the page lets go of it is no news then.
                *mse = None;
                outbox.post(&ToPage::Sink { command: SinkMessage::Detach });
            }
            (Self::Worker { outbox, .. }, SinkCommand::PlayFile(url, from)) => {
                outbox.post(&ToPage::Sink { command: page_sink::play_file(&url, from) });
            }
            (Self::Worker { mse: Some(mse), .. }, command) => mse.perform(command),
            (Self::Worker { inbox, mse: None, .. }, _) => inbox.give(Input::Sink(SinkEvent::Failed {
                failure: SinkFailure::Closed,
                detail: "no media source is attached".to_owned(),
            })),
        }
    }

    /// The sink on the page, if that is where it is.
    pub(super) fn page(&mut self) -> Option<&mut PageSink> {
        match self {
            Self::Page(page) => Some(page),
            Self::Worker { .. } => None,
        }
    }
}
