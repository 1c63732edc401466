//! SAMPLE-AES outside of MP4 (Apple, "MPEG-2 Stream Encryption Format for HTTP Live Streaming"): H.264, AAC, AC-3 and
//! Enhanced AC-3 in transport streams and in packed audio, with AES-128 in CBC mode.
//!
//! Every NAL unit and every audio frame is a message of its own that begins with the IV. It consists of whole blocks
//! without padding: bytes that fill none stay in the clear, as do the first ones of each message.

use core::fmt;

use cloud_player_cipher::{CbcCipher, Chain};

use super::{BLOCK, CryptoError, Iv, SampleKey};

/// Decrypts the samples of elementary streams.
///
/// Works on bytes as they are and cannot tell whether they were encrypted: with a wrong key, and on what was in the
/// clear, it makes noise.
pub struct SampleDecryptor {
    cipher: CbcCipher,
    iv: Iv,
}

impl SampleDecryptor {
    /// A decryptor for samples under this key, which must have 16 bytes.
    pub fn new(key: &SampleKey) -> Result<Self, CryptoError> {
        Ok(Self { cipher: CbcCipher::aes128(key.key.aes128()?), iv: key.iv })
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
        self.cipher.decrypt(&mut Chain::new(self.iv.as_bytes()), bytes, stride, least);
    }
}

impl fmt::Debug for SampleDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SampleDecryptor([secret])")
    }
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

#[cfg(test)]
mod tests {
    use cbc::cipher::{BlockModeEncrypt, KeyIvInit};

    use super::*;
    use crate::crypto::ContentKey;

    const KEY: [u8; 16] = *b"sixteen byte key";
    const IV: [u8; 16] = *b"and so is the iv";

    fn decryptor() -> SampleDecryptor {
        let key = ContentKey::from_bytes(&KEY).unwrap();
        SampleDecryptor::new(&SampleKey::new(key, Iv::from_bytes(IV)).unwrap()).unwrap()
    }

    /// The blocks at these places, one after another.
    fn encrypt(bytes: &mut [u8], places: impl Iterator<Item = usize>) {
        let mut cipher = cbc::Encryptor::<aes::Aes128>::new(&KEY.into(), &IV.into());
        for at in places {
            let block: &mut [u8; 16] = (&mut bytes[at..at + 16]).try_into().unwrap();
            cipher.encrypt_block(block.into());
        }
    }

    fn add_emulation_prevention(nal: &[u8]) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::new();
        let mut zeros = 0;
        for &byte in nal {
            if zeros == 2 && byte <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }

    /// A NAL unit as a decoder takes it: without start codes or anything like them inside.
    fn nal(kind: u8, length: usize) -> Vec<u8> {
        let mut nal: Vec<u8> = (0..length).map(|i| [0x80, 0, 0, 3, 1, 7, 9][i % 7]).collect();
        nal[0] = 0x60 | kind;
        nal[length - 1] = 0x80;
        nal
    }

    /// Apple's syntax, line by line.
    fn encrypted(nal: &[u8]) -> Vec<u8> {
        let mut places = Vec::new();
        let mut at = 32;
        while at < nal.len() {
            if nal.len() - at > 16 {
                places.push(at);
                at += 16;
            }
            at += 144.min(nal.len() - at);
        }
        let mut nal = nal.to_vec();
        encrypt(&mut nal, places.into_iter());
        add_emulation_prevention(&nal)
    }

    #[test]
    fn nal_units_of_every_length() {
        for kind in [1, 5] {
            for length in (49..1000).chain([160 * 16 + 32, 160 * 16 + 33, 160 * 16 + 49, 160 * 33 + 7]) {
                let clear = nal(kind, length);
                let mut bytes = encrypted(&clear);
                assert_ne!(bytes, clear);
                let count = decryptor().nal_unit(&mut bytes);
                assert_eq!(bytes[..count], clear, "{length} bytes");
            }
        }
    }

    #[test]
    fn short_nal_units_and_those_of_other_types_stay() {
        for (kind, length) in (0..32).map(|kind| (kind, 300)).chain([(1, 48), (5, 48), (5, 2)]) {
            if matches!((kind, length), (1 | 5, 300)) {
                continue;
            }
            let clear = nal(kind, length);
            let mut bytes = clear.clone();
            assert_eq!((decryptor().nal_unit(&mut bytes), bytes), (length, clear), "type {kind}");
        }
        assert_eq!(decryptor().nal_unit(&mut []), 0);
    }

    #[test]
    fn audio_frames_of_every_length() {
        for length in 0..700 {
            let clear: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut bytes = clear.clone();
            encrypt(&mut bytes, (16..length.max(31) - 15).step_by(16));
            assert_eq!(bytes == clear, length < 32);
            decryptor().audio_frame(&mut bytes);
            assert_eq!(bytes, clear, "{length} bytes");
        }
    }

    #[test]
    fn emulation_prevention_bytes_go_and_nothing_else() {
        for (with, without) in [
            (&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3][..], &[1, 0, 0, 1, 0, 0, 0, 0][..]),
            (&[1, 0, 3, 0, 0, 4], &[1, 0, 3, 0, 0, 4]),
            (&[0, 0, 3, 3, 0, 0, 3, 3], &[0, 0, 3, 0, 0, 3]),
            (&[0, 0, 0, 3, 3], &[0, 0, 0, 3]),
            (&[0, 0], &[0, 0]),
            (&[], &[]),
        ] {
            let mut bytes = with.to_vec();
            let count = remove_emulation_prevention(&mut bytes);
            assert_eq!(&bytes[..count], without);
        }
    }

    #[test]
    fn a_long_key_is_refused_and_none_is_shown() {
        let long = ContentKey::from_bytes(&[1; 32]).unwrap();
        let key = SampleKey { key: long.clone(), iv: Iv::from_bytes(IV) };
        let error = CryptoError::KeyMismatch { length: 32, needed: 16 };
        assert_eq!(SampleDecryptor::new(&key).unwrap_err(), error);
        assert_eq!(SampleKey::new(long, key.iv).unwrap_err(), error);
        assert_eq!(format!("{:?}", decryptor()), "SampleDecryptor([secret])");
    }
}
