//! Packed audio (RFC 8216bis §3.1.3): frames of ADTS, MPEG audio, AC-3 or Enhanced AC-3, one behind the other, with ID3
//! tags at the start and, it may be, in between. Content decides the codec.
//!
//! [`search`] finds the first frames, [`reader`] does the rest.

mod reader;
mod search;

pub(super) use reader::PackedReader;
