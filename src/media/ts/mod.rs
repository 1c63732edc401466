//! MPEG-2 transport streams (ISO/IEC 13818-1): bytes to packets ([`framer`]), packets to PES payload
//! ([`demuxer`]), with the program tables ([`psi`]) and headers ([`packet`], [`pes`]) in between.
//!
//! Nothing here copies payload: what comes out borrows from the bytes that went in.

mod demuxer;
mod framer;
mod metadata;
mod packet;
mod pes;
pub(super) mod psi;
mod reader;

pub(super) use demuxer::{Demuxer, Event, Owner, Piece};
pub(super) use framer::Framer;
pub(super) use packet::Packet;
pub(super) use reader::TsReader;
