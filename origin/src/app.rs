//! What every handler can reach.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::anti_leech::AntiLeech;
use crate::cache::Cache;
use crate::catalog::Catalog;
use crate::overlay::Opener;
use crate::secret::Secret;
use crate::session::Sessions;
use crate::sign::Signer;
use crate::telemetry::Store;

pub(crate) type App = Arc<State>;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) catalog: Catalog,
    pub(crate) segments: Cache,
    pub(crate) signer: Signer,
    pub(crate) anti_leech: AntiLeech,
    pub(crate) opener: Opener,
    pub(crate) admin_token: Secret,
    pub(crate) sessions: Sessions,
    pub(crate) store: Store,
    pub(crate) www: Option<PathBuf>,
    pub(crate) url_ttl_s: i64,
    pub(crate) token_ttl_s: i64,
    /// Changes, or loses its sender, when the origin stops: bodies under way end then.
    pub(crate) stop: watch::Receiver<()>,
}

/// Locks, and goes on with the data of a thread that panicked: it holds counters and logs, not invariants.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
