//! SAMPLE-AES outside of MP4 (Apple, "MPEG-2 Stream Encryption Format for HTTP Live Streaming"): H.264, AAC, AC-3 and
//! Enhanced AC-3 in transport streams and in packed audio, with AES-128 in CBC mode.
//!
//! Every NAL unit and every audio frame is a message of its own that begins with the IV. It consists of whole blocks
//! without padding: bytes that fill none stay in the clear, as do the first ones of each message.

use core::fmt;

use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use aes::{Aes128Dec, Block};

use super::{BLOCK, CryptoError, Iv, SampleKey};

/// Decrypts the samples of elementary streams.
///
/// Works on bytes as they are and cannot tell whether they were encrypted: with a wrong key, and on what was in the
/// clear, it makes noise.
pub struct SampleDecryptor {
    cipher: Aes128Dec,
    iv: Iv,
}

impl SampleDecryptor {
    /// A decryptor for samples under this key, which must have 16 bytes.
    pub fn new(key: &SampleKey) -> Result<Self, CryptoError> {
        Ok(Self { cipher: Aes128Dec::new(key.key.aes128()?.into()), iv: key.iv })
    }

    /// Decrypts an H.264 NAL unit, given without start code, in place, and returns how many bytes it has now.
    ///
    /// Slices (NAL unit types 1 and 5) of more than 48 bytes are encrypted: 32 bytes are clear, and of what follows
    /// one block in ten is encrypted, unless it is the very end. What was encrypted is the NAL unit with its emulation
    /// prevention bytes; the encrypted one was given such bytes once more. So one layer is taken off, and what is left
    /// is the NAL unit as it once was.
    pub fn nal_unit(&self, nal: &mut [u8]) -> usize {
        if !matches!(nal.first(), Some(header) if matches!(header & 0x1f, 1 | 5)) || nal.len() <= CLEAR_NAL {
            return nal.len();
        }
        let length = remove_emulation_prevention(nal);
        let nal = nal.get_mut(..length).unwrap_or_default();
        self.decrypt(nal.get_mut(NAL_LEAD..).unwrap_or_default(), PATTERN, BLOCK + 1);
        length
    }

    /// Decrypts an audio frame in place: an AAC frame without its ADTS header, or an AC-3 or Enhanced AC-3
    /// synchronization frame. 16 bytes are clear, and all whole blocks behind them are encrypted.
    pub fn audio_frame(&self, frame: &mut [u8]) {
        self.decrypt(frame.get_mut(FRAME_LEAD..).unwrap_or_default(), BLOCK, BLOCK);
    }

    /// One message, a block of which lies at every `stride` bytes that have at least `least` bytes left to them.
    fn decrypt(&self, bytes: &mut [u8], stride: usize, least: usize) {
        let mut chain = Array(*self.iv.as_bytes());
        for run in bytes.chunks_mut(stride.saturating_mul(LANES)) {
            let mut blocks = [Block::default(); LANES];
            let mut count = 0;
            for (block, place) in blocks.iter_mut().zip(places(run, stride, least)) {
                *block = Array(*place);
                count += 1;
            }
            let encrypted = blocks;
            self.cipher.decrypt_blocks(blocks.get_mut(..count).unwrap_or_default());
            for ((place, clear), encrypted) in places(run, stride, least).zip(blocks).zip(encrypted) {
                for ((byte, clear), chain) in place.iter_mut().zip(clear).zip(chain) {
                    *byte = clear ^ chain;
                }
                chain = encrypted;
            }
        }
    }
}

impl fmt::Debug for SampleDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SampleDecryptor([secret])")
    }
}

fn places(run: &mut [u8], stride: usize, least: usize) -> impl Iterator<Item = &mut [u8; BLOCK]> {
    run.chunks_mut(stride)
        .filter(move |chunk| chunk.len() >= least)
        .filter_map(|chunk| chunk.first_chunk_mut())
}

/// Removes the bytes of 3 that follow two zeros (ITU-T H.264 §7.4.1.1); returns how many bytes are left.
fn remove_emulation_prevention(nal: &mut [u8]) -> usize {
    let (mut from, mut to) = (0_usize, 0_usize);
    while let Some(rest) = nal.get(from..) {
        let found = rest.windows(3).position(|bytes| bytes == [0, 0, 3]);
        let kept = found.map_or(rest.len(), |at| at.saturating_add(2));
        // Up to the first one everything stays where it is.
        if to != from {
            nal.copy_within(from..from.saturating_add(kept), to);
        }
        to = to.saturating_add(kept);
        if found.is_none() {
            break;
        }
        from = from.saturating_add(kept).saturating_add(1);
    }
    to
}

/// Bytes of a NAL unit that has nothing encrypted, at most.
const CLEAR_NAL: usize = 48;
/// Clear bytes that an encrypted NAL unit starts with.
const NAL_LEAD: usize = 32;
/// From one encrypted block of a NAL unit to the next.
const PATTERN: usize = 10 * BLOCK;
/// Clear bytes that an audio frame starts with, the ADTS header not counted.
const FRAME_LEAD: usize = 16;
/// Blocks that are decrypted together: software AES makes several in the time of one.
const LANES: usize = 16;
