//! Segments as they were served, kept in memory: encrypting them again would slow the next viewer down.

use std::collections::HashMap;
use std::sync::Mutex;

use axum::body::Bytes;

use crate::app::lock;

/// Bodies by path, up to [`BYTES_MAX`] in all.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    bodies: HashMap<String, Bytes>,
    bytes: usize,
}

impl Cache {
    pub(crate) fn get(&self, path: &str) -> Option<Bytes> {
        lock(&self.kept).bodies.get(path).cloned()
    }

    /// Keeps a body. When there is no room all others go: that is rare, and they are made again.
    pub(crate) fn keep(&self, path: &str, body: &Bytes) {
        let mut kept = lock(&self.kept);
        if kept.bytes.saturating_add(body.len()) > BYTES_MAX {
            *kept = Kept::default();
        }
        if kept.bodies.insert(path.to_owned(), body.clone()).is_none() {
            kept.bytes = kept.bytes.saturating_add(body.len());
        }
    }
}

/// Room for two lessons.
const BYTES_MAX: usize = 160 << 20;
