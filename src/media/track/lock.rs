//! Sample encryption as a track meets it: which key a NAL unit or a frame is under.
//!
//! A unit of the stream is under the key that is in force where it starts. It may end in the next segment, whose key or
//! IV is another one.

use std::sync::Arc;

use crate::crypto::{SampleDecryptor, SampleKey};

/// A key made ready, once for all tracks. One of the wrong length is none; whoever fetches keys says so.
pub(crate) fn ready(key: Option<SampleKey>) -> Option<Arc<SampleDecryptor>> {
    key.and_then(|key| SampleDecryptor::new(&key).ok()).map(Arc::new)
}

/// The key in force, and the key of the NAL unit or frame at hand.
#[derive(Debug, Default)]
pub(crate) struct SampleLock {
    in_force: Option<Arc<SampleDecryptor>>,
    at_hand: Option<Arc<SampleDecryptor>>,
}

impl SampleLock {
    /// What starts from here on is encrypted with this; `None`: it is in the clear.
    pub(crate) fn set(&mut self, key: Option<Arc<SampleDecryptor>>) {
        self.in_force = key;
    }

    /// A NAL unit or a frame starts.
    pub(crate) fn begin(&mut self) {
        self.at_hand.clone_from(&self.in_force);
    }

    /// The NAL unit at hand is complete: decrypts it in place and returns how many bytes it has now.
    pub(crate) fn open_nal(&self, nal: &mut [u8]) -> usize {
        self.at_hand.as_ref().map_or(nal.len(), |key| key.nal_unit(nal))
    }

    /// The frame at hand is complete: decrypts it in place.
    pub(crate) fn open_frame(&self, frame: &mut [u8]) {
        if let Some(key) = &self.at_hand {
            key.audio_frame(frame);
        }
    }
}
