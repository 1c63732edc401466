//! Fragmented MP4 and CMAF in (ISO/IEC 14496-12, 23000-19): passed through, not made anew.
//!
//! What a segment's fragments hold goes on as it came. Their headers are read for times, key frames and encryption;
//! decode times are moved onto the presentation's timeline; samples of Common Encryption are decrypted where they
//! stand. `reader` puts it together, `segment` keeps count. The other modules are a box or a job each: `framer` finds boxes in the stream;
//! `movie`, `codecs` and `protection` read the init section; `moof`, `traf` and `auxiliary` a fragment's header;
//! `clock`, `place` and `rewrite` give it its time; `decrypt` opens its samples; `emsg` reads event messages;
//! `listing` is for tools.

mod atom;
mod auxiliary;
mod clock;
mod codecs;
mod decrypt;
mod emsg;
mod fragment;
mod framer;
mod listing;
mod moof;
mod movie;
mod place;
mod protection;
mod reader;
mod rewrite;
mod segment;
mod traf;

pub use listing::{SampleFacts, TrackFacts, list_samples, list_tracks};
pub(in crate::media) use movie::SoundTrack;
pub(in crate::media) use reader::Fmp4Reader;
