//! AES in CBC mode (NIST SP 800-38A §6.2), decrypting in place, for keys of either length.
//!
//! One function does it for whole segments and for samples alike. It works on as many blocks at a time as the cipher
//! does.

use core::fmt;

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockSizeUser, KeyInit, ParBlocks,
};
use aes::{Aes128Dec, Aes256Dec, Block};

use super::{BLOCK, LONG};

/// A key, ready to decrypt.
pub struct CbcCipher(Key);

enum Key {
    Aes128(Aes128Dec),
    Aes256(Aes256Dec),
}

/// What the next block is combined with: the block before it, or the IV.
#[derive(Debug)]
pub struct Chain(Block);

impl CbcCipher {
    /// With a key of 16 bytes.
    pub fn aes128(key: &[u8; BLOCK]) -> Self {
        Self(Key::Aes128(Aes128Dec::new(key.into())))
    }

    /// With a key of 32 bytes.
    pub fn aes256(key: &[u8; LONG]) -> Self {
        Self(Key::Aes256(Aes256Dec::new(key.into())))
    }

    /// Decrypts the block that lies at every `stride` bytes, where at least `least` bytes are left; `stride` is not
    /// zero. The last stride may be short.
    #[inline(never)]
    pub fn decrypt(&self, chain: &mut Chain, bytes: &mut [u8], stride: usize, least: usize) {
        let work = Work { chain, bytes, stride, least: least.max(BLOCK) };
        match &self.0 {
            Key::Aes128(cipher) => cipher.decrypt_with_backend(work),
            Key::Aes256(cipher) => cipher.decrypt_with_backend(work),
        }
    }
}

impl Chain {
    /// The chain that starts with a vector.
    #[inline]
    pub fn new(iv: &[u8; BLOCK]) -> Self {
        Self(Array(*iv))
    }
}

struct Work<'a> {
    chain: &'a mut Chain,
    bytes: &'a mut [u8],
    stride: usize,
    least: usize,
}

impl BlockSizeUser for Work<'_> {
    type BlockSize = U16;
}

impl BlockCipherDecClosure for Work<'_> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { chain: Chain(chain), bytes, stride, least } = self;
        for run in bytes.chunks_mut(stride.saturating_mul(B::ParBlocksSize::USIZE)) {
            let mut blocks = ParBlocks::<B>::default();
            for (block, place) in blocks.iter_mut().zip(places(run, stride, least)) {
                *block = Array(*place);
            }
            let encrypted = blocks.clone();
            backend.decrypt_par_blocks_inplace(&mut blocks);
            for ((place, clear), encrypted) in places(run, stride, least).zip(blocks).zip(encrypted) {
                *place = (u128::from_ne_bytes(clear.0) ^ u128::from_ne_bytes(chain.0)).to_ne_bytes();
                *chain = encrypted;
            }
        }
    }
}

#[inline(always)]
fn places(run: &mut [u8], stride: usize, least: usize) -> impl Iterator<Item = &mut [u8; BLOCK]> {
    run.chunks_mut(stride)
        .filter(move |chunk| chunk.len() >= least)
        .filter_map(|chunk| chunk.first_chunk_mut())
}

impl fmt::Debug for CbcCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CbcCipher([secret])")
    }
}
