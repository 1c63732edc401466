//! Fragmented MP4 (ISO/IEC 14496-12) for Media Source Extensions: init sections and fragments, made here or, by
//! [`Fmp4Reader`], passed through.
//!
//! A fragment is one `moof` and its `mdat`, with one track. Times are exact: every fragment says its decode
//! time (`tfdt`), durations add up to the next one's, and composition offsets are signed (`trun` version 1).

mod boxes;
mod fragment;
mod init;
mod read;

pub use fragment::FragmentBuf;
pub(super) use fragment::{FragmentBuilder, SampleFlags};
pub(super) use init::{SampleEntry, TrackConfig, esds, init_section};
pub(super) use read::{Fmp4Reader, SoundTrack};
pub use read::{SampleFacts, TrackFacts, list_samples, list_tracks};

pub(super) use boxes::boxed;
