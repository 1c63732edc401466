//! Segment bytes to what a `SourceBuffer` takes: MPEG-TS with H.264 and AAC in, or fragmented MP4; fragmented MP4 out.
//!
//! [`Transmuxer`] takes the clear bytes of one segment after another, in pieces of any size, and puts out init
//! sections and fragments as soon as the bytes for them are there. Two rules hold throughout:
//!
//! - **The output depends on the bytes, not on their pieces.** Every decision (where packets are, where a fragment
//!   ends) is made on content.
//! - **A payload byte is copied once**: from the packet it came in to its place in the fragment that goes out.
//!
//! Inside, `ts/` turns bytes into pieces of elementary streams, `codec/` knows what those consist of, `track/` makes
//! units of them, gives them times and gathers them, and `fmp4/` writes boxes. Fragmented MP4 goes through `fmp4/read/`
//! alone: it is not taken apart, only moved to its place on the timeline and, where it has to be, decrypted.
#![forbid(unsafe_code)]

mod codec;
mod cut;
mod error;
mod event;
mod fmp4;
mod reader;
mod sniff;
mod timeline;
mod track;
mod transmuxer;
mod ts;

pub use cut::Cut;
pub use error::{Found, FourCc, Losses, MediaError};
pub use event::{
    Cue, Format, Fragment, InitSection, MediaEvent, Metadata, SegmentFacts, SegmentStart, TextTrack,
    TrackKind, merge_init,
};
pub use fmp4::{FragmentBuf, SampleFacts, TrackFacts, list_samples, list_tracks};
pub use timeline::Anchor;
pub use transmuxer::Transmuxer;

pub use crate::crypto::SampleKey;
