//! Parts of the core alone. Here the media path, for `cargo xtask bench media`: what a session does to a segment's bytes between `fetch` and
//! `SourceBuffer`, without the session.
//!
//! As in the product, each chunk is copied once into memory of its own, and each fragment leaves as a view of wasm
//! memory.

#![cfg(target_arch = "wasm32")]

mod choice;

use cloud_player::crypto::{ContentKey, CryptoError, Decryptor, Iv, SegmentMethod};
use cloud_player::media::{
    Anchor, Cut, MediaError, MediaEvent, SegmentFacts, SegmentStart, TrackKind, Transmuxer,
};
use cloud_player::time::MediaTime;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Takes what a source buffer would be given.
    pub type Sink;

    #[wasm_bindgen(method)]
    fn append(this: &Sink, video: bool, data: &[u8]);
}

/// Reads consecutive segments.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Pipeline {
    transmuxer: Transmuxer,
    decryptor: Option<Decryptor>,
    last: Option<SegmentFacts>,
    /// What the next segment's time stamps are moved by, over what the last one's were.
    shift: i64,
    repeats: bool,
    out: Vec<MediaEvent>,
}

#[wasm_bindgen]
impl Pipeline {
    /// One that has seen nothing.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// A segment begins. Without a key it is in the clear.
    pub fn begin(&mut self, key: Option<Vec<u8>>, iv: Option<Vec<u8>>) -> Result<(), JsError> {
        let last = self.last.and_then(|facts| Some((facts.offset?, facts.video.or(facts.audio)?.end)));
        let anchor = match last {
            Some((offset, expected)) => {
                Anchor::Offset { offset: offset.saturating_add(self.shift), expected }
            }
            // Room for audio that starts before video, which no contender is to leave out.
            None => Anchor::At(MediaTime::from_millis(1000)),
        };
        self.shift = 0;
        self.transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
        self.decryptor = match (key, iv.as_deref().and_then(<[u8]>::first_chunk)) {
            (Some(key), Some(iv)) => {
                let key = ContentKey::from_bytes(&key)?;
                Some(Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_bytes(*iv))?)
            }
            _ => None,
        };
        Ok(())
    }

    /// The next segment is one that was had before: its time stamps are to go on, this many seconds later.
    pub fn repeat(&mut self, seconds: f64) {
        self.shift = MediaTime::from_secs(seconds).ticks();
        self.repeats = true;
    }

    /// The next bytes of the segment.
    pub fn push(&mut self, chunk: &Uint8Array, sink: &Sink) -> Result<(), JsError> {
        let Self { transmuxer, decryptor, out, .. } = self;
        let mut bytes = chunk.to_vec();
        match decryptor {
            Some(decryptor) => {
                decryptor.push(&mut bytes, |clear| Ok::<(), Broken>(transmuxer.push(clear, out)?))?;
            }
            None => transmuxer.push(&bytes, out)?,
        }
        drop(bytes);
        self.drain(sink);
        Ok(())
    }

    /// The segment is complete.
    pub fn end(&mut self, sink: &Sink) -> Result<(), JsError> {
        let Self { transmuxer, decryptor, out, .. } = self;
        if let Some(decryptor) = decryptor.take() {
            decryptor.finish(|clear| Ok::<(), Broken>(transmuxer.push(clear, out)?))?;
        }
        let facts = transmuxer.end_segment(out)?;
        self.last = Some(facts);
        self.drain(sink);
        let mut losses = facts.losses;
        if core::mem::take(&mut self.repeats) {
            // The stream's sound does not end with its picture.
            losses.time_jumps = 0;
        }
        if losses.any() { Err(JsError::new(&format!("{losses:?}"))) } else { Ok(()) }
    }

    /// No segment follows.
    pub fn flush(&mut self, sink: &Sink) {
        self.transmuxer.flush(&mut self.out);
        self.drain(sink);
    }

    fn drain(&mut self, sink: &Sink) {
        for event in self.out.drain(..) {
            match event {
                MediaEvent::Init(init) => sink.append(init.track == TrackKind::Video, &init.data),
                MediaEvent::Fragment(fragment) => {
                    sink.append(fragment.track == TrackKind::Video, fragment.data.bytes());
                }
                _ => {}
            }
        }
    }
}

/// Decrypts a segment whose bytes come in these chunks, and does nothing with it. The clear bytes' number.
#[wasm_bindgen]
pub fn decrypt(chunks: Vec<Uint8Array>, key: &[u8], iv: &[u8]) -> Result<usize, JsError> {
    let iv = iv.first_chunk().copied().unwrap_or_default();
    let key = ContentKey::from_bytes(key)?;
    let mut decryptor = Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_bytes(iv))?;
    let mut length = 0_usize;
    let mut sink = |clear: &[u8]| -> Result<(), CryptoError> {
        length = length.saturating_add(core::hint::black_box(clear).len());
        Ok(())
    };
    for chunk in chunks {
        decryptor.push(&mut chunk.to_vec(), &mut sink)?;
    }
    decryptor.finish(&mut sink)?;
    Ok(length)
}

/// Copies chunks into wasm memory, and does nothing with them.
#[wasm_bindgen]
pub fn copy(chunks: Vec<Uint8Array>) {
    for chunk in chunks {
        core::hint::black_box(chunk.to_vec());
    }
}

#[derive(Debug)]
enum Broken {
    Crypto(CryptoError),
    Media(MediaError),
}

impl core::fmt::Display for Broken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Crypto(error) => error.fmt(f),
            Self::Media(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Broken {}

impl From<CryptoError> for Broken {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<MediaError> for Broken {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}
