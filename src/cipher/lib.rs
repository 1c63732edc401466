//! AES in the modes that segments and samples are encrypted with, in place.
//!
//! This is a crate of its own because of how it is compiled: every byte of a protected stream goes through here, and
//! nothing else of the player needs as much time, so the `wasm` profile optimises this for speed and the player for
//! size. The functions that do the work are not generic and are never inlined, so that they stay what this crate's
//! compilation made of them, and the module has the large code of a bit-sliced cipher once a mode and key length.
#![forbid(unsafe_code)]

mod cbc;
mod counter;

pub use cbc::{CbcCipher, Chain};
pub use counter::{CtrCipher, CtrStream, Width};

/// Bytes in a block, in a key of AES-128 and in an IV.
pub const BLOCK: usize = 16;
/// Bytes in a key of AES-256.
pub const LONG: usize = 32;
