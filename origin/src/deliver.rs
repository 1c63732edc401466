//! A body on its way: paced by the session's link, broken by a fault, counted in the log.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::sync::watch;

use crate::faults::Fault;
use crate::session::{Record, Session};
use crate::shape::{Link, Progress};

/// Turns a whole body into one that arrives as the session's network and `fault` would have it.
pub(crate) fn deliver(
    body: Bytes,
    session: Arc<Session>,
    fault: Option<Fault>,
    mut record: Record,
    stop: watch::Receiver<()>,
) -> Body {
    if body.is_empty() {
        record.finish();
        return Body::empty();
    }
    let slow = match fault {
        Some(Fault::Slow { bits_per_second }) => Some((Link::new(Some(bits_per_second)), Progress::start())),
        _ => None,
    };
    let delivery =
        Delivery { body, sent: 0, session, progress: Progress::start(), slow, fault, record, stop };
    Body::from_stream(futures_util::stream::unfold(delivery, |mut delivery| async move {
        let chunk = delivery.next().await?;
        Some((chunk, delivery))
    }))
}

struct Delivery {
    body: Bytes,
    sent: usize,
    session: Arc<Session>,
    progress: Progress,
    slow: Option<(Link, Progress)>,
    fault: Option<Fault>,
    record: Record,
    stop: watch::Receiver<()>,
}

impl Delivery {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.body.is_empty() {
            return None;
        }
        let (mut stop, session) = (self.stop.clone(), Arc::clone(&self.session));
        tokio::select! {
            _ = stop.changed() => Some(Err(io::Error::other("the origin stops"))),
            () = session.reach.lost() => Some(Err(io::Error::other("an outage"))),
            chunk = self.chunk() => Some(chunk),
        }
    }

    async fn chunk(&mut self) -> io::Result<Bytes> {
        let mut size = self.session.link.quantum().min(self.body.len());
        match self.fault {
            Some(Fault::Cut { after_bytes }) if self.sent >= after_bytes => {
                // The connection drops what it has not written yet: let it write first.
                tokio::time::sleep(FLUSH).await;
                return Err(io::Error::other("injected cut"));
            }
            Some(Fault::Stall { after_bytes, for_ms }) if self.sent >= after_bytes => {
                match for_ms {
                    Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                    None => std::future::pending().await,
                }
                self.fault = None;
            }
            Some(Fault::Cut { after_bytes } | Fault::Stall { after_bytes, .. }) => {
                size = size.min(after_bytes.saturating_sub(self.sent));
            }
            _ => {}
        }
        if let Some((link, progress)) = &mut self.slow {
            size = size.min(link.quantum());
            link.pass(size, progress).await;
        }
        self.session.reach.pass().await;
        self.session.link.pass(size, &mut self.progress).await;
        let chunk = self.body.split_to(size);
        self.sent += size;
        self.record.sent(size);
        if self.body.is_empty() {
            self.record.finish();
        }
        Ok(chunk)
    }
}

/// Time for bytes already handed over to leave before the connection is cut.
const FLUSH: Duration = Duration::from_millis(20);
