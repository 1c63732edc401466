//! MPEG-2 transport streams (ISO/IEC 13818-1): bytes to packets ([`framer`]), packets to PES payload
//! ([`stream`]), as the program tables say ([`demuxer`], [`psi`]), with the headers ([`packet`], [`pes`]) in between.
//!
//! Nothing here copies payload: what comes out borrows from the bytes that went in.

mod continuity;
mod demuxer;
mod framer;
mod metadata;
mod packet;
mod pes;
pub(super) mod psi;
mod reader;
mod stream;

pub(super) use demuxer::{Demuxer, Event, Owner, Streams};
pub(super) use framer::Framer;
pub(super) use packet::Packet;
pub(super) use reader::TsReader;
pub(super) use stream::Piece;
