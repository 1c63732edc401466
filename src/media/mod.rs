//! Segment bytes to what a `SourceBuffer` takes: MPEG-TS, packed audio and fragmented MP4 in, fragmented MP4 out. Where a
//! browser does not take a codec in MP4, [`InitSection::others`] says how else to offer the track.
//!
//! [`Transmuxer`] takes the clear bytes of one segment after another, in pieces of any size, and puts out init
//! sections and fragments as soon as the bytes for them are there. Two rules hold throughout:
//!
//! - **The output depends on the bytes, not on their pieces.** Every decision (where packets are, where a fragment
//!   ends) is made on content.
//! - **A payload byte is copied once**: from the packet it came in to its place in the fragment that goes out.
//!
//! Text comes out as cues: of WebVTT segments, and of the closed captions (CEA-608 and CEA-708) in the video.
//!
//! Inside, `ts/` turns bytes into pieces of elementary streams, `packed/` takes the ID3 tags out of packed audio,
//! `codec/` knows what those consist of, `track/` makes
//! units of them, gives them times and gathers them, and `fmp4/` writes boxes. Fragmented MP4 goes through
//! `fmp4/read/` alone: it is not taken apart, only moved to its place on the timeline and, where it has to be, decrypted.
//!
//! Samples may be encrypted (SAMPLE-AES): with a [`SampleKey`] the tracks decrypt each NAL unit and each frame where it
//! lies, as soon as it is complete. The program map says which streams are encrypted; HEVC in MPEG-TS has no such
//! encryption.
#![forbid(unsafe_code)]

mod codec;
mod cut;
mod error;
mod event;
mod fmp4;
mod id3;
mod packed;
mod reader;
mod silence;
mod sniff;
mod text;
mod timeline;
mod track;
mod transmuxer;
mod ts;

pub use cut::Cut;
pub use error::{Found, FourCc, Losses, MediaError};
pub use event::{
    Cue, Format, Fragment, InitSection, MediaEvent, Metadata, Offer, Packaging, SegmentFacts, SegmentStart,
    TextTrack, TrackKind, merge_init,
};
pub use fmp4::{FragmentBuf, SampleFacts, TrackFacts, list_samples, list_tracks};
pub use silence::Silence;
pub use text::{CaptionFacts, Captions};
pub use timeline::Anchor;
pub use transmuxer::Transmuxer;

pub use crate::crypto::SampleKey;
