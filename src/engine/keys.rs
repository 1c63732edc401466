//! Content keys by identity, fetched once each.
//!
//! A key's identity is its address without token and signature, so a renewed token does not fetch it again. The
//! store is bounded: a playlist that rotates its key every few segments for hours must not fill memory with keys.

use std::collections::VecDeque;

use crate::crypto::ContentKey;

/// The keys at hand, newest use last.
#[derive(Debug, Default)]
pub(crate) struct KeyRing(VecDeque<Entry>);

#[derive(Debug)]
struct Entry {
    identity: String,
    key: ContentKey,
    /// It has opened a segment.
    proved: bool,
}

impl KeyRing {
    /// The key with this identity, if it is at hand.
    pub(crate) fn get(&mut self, identity: &str) -> Option<ContentKey> {
        let i = self.0.iter().position(|e| e.identity == identity)?;
        let entry = self.0.remove(i)?;
        let key = entry.key.clone();
        self.0.push_back(entry);
        Some(key)
    }

    /// Stores a key; the one unused for longest makes room.
    pub(crate) fn put(&mut self, identity: String, key: ContentKey) {
        self.0.retain(|e| e.identity != identity);
        if self.0.len() >= MAX_KEYS {
            self.0.pop_front();
        }
        self.0.push_back(Entry { identity, key, proved: false });
    }

    /// Drops a key that turned out not to fit.
    pub(crate) fn forget(&mut self, identity: &str) {
        self.0.retain(|e| e.identity != identity);
    }

    /// Drops all keys.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The key opened a segment.
    pub(crate) fn proved(&mut self, identity: &str) {
        if let Some(entry) = self.0.iter_mut().find(|e| e.identity == identity) {
            entry.proved = true;
        }
    }

    /// Whether the key has opened a segment before.
    pub(crate) fn is_proved(&self, identity: &str) -> bool {
        self.0.iter().any(|e| e.identity == identity && e.proved)
    }
}

const MAX_KEYS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> ContentKey {
        ContentKey::from_bytes(&[n; 16]).unwrap()
    }

    #[test]
    fn the_key_unused_for_longest_makes_room() {
        let mut ring = KeyRing::default();
        for n in 0..16 {
            ring.put(n.to_string(), key(n));
        }
        assert!(ring.get("0").is_some());
        ring.put("16".into(), key(16));
        assert!(ring.get("0").is_some() && ring.get("1").is_none() && ring.get("16").is_some());
        ring.forget("0");
        assert!(ring.get("0").is_none());
    }
}
