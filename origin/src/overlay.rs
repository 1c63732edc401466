//! Overlay encryption: a player that names a key and a vector of its own, under the origin's public RSA key, gets content
//! keys under them, so that what stands on the wire opens nothing by itself.
//!
//! Play info takes `cipheredOverlayKey` and `cipheredOverlayIv`, each RSA PKCS#1 v1.5 over 32 hexadecimal digits (16
//! bytes) and in hexadecimal again, and `keyId`, which names the public key: the one at `/overlay-key` is [`KEY_ID`]. From
//! then on the key service answers this session's requests for this file with AES-128-CBC, without padding, of the 16
//! bytes. Play info without these takes the overlay off again.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

use aes::Aes128;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::{Pkcs1v15Encrypt, PrivateKey};

use crate::app::{App, lock};
use crate::error::Error;
use crate::secret::Secret;

/// Under what a session has the keys of a file encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overlay {
    key: [u8; 16],
    iv: [u8; 16],
}

impl Overlay {
    /// A content key as it goes over the wire.
    pub(crate) fn cover(&self, mut block: [u8; 16]) -> [u8; 16] {
        let cipher = cbc::Encryptor::<Aes128>::new(&self.key.into(), &self.iv.into());
        let length = block.len();
        // One whole block: there is nothing that could not be done.
        let _ = cipher.encrypt_padded::<NoPadding>(&mut block, length);
        block
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Overlay(…)")
    }
}

/// The overlays of a session, by file.
#[derive(Debug, Default)]
pub(crate) struct Overlays {
    by_file: Mutex<HashMap<String, Overlay>>,
}

impl Overlays {
    /// Puts one on, or takes it off.
    pub(crate) fn set(&self, file: &str, overlay: Option<Overlay>) {
        let mut by_file = lock(&self.by_file);
        match overlay {
            Some(overlay) => by_file.insert(file.to_owned(), overlay),
            None => by_file.remove(file),
        };
    }

    pub(crate) fn get(&self, file: &str) -> Option<Overlay> {
        lock(&self.by_file).get(file).copied()
    }
}

/// The RSA pair that overlays come under.
pub(crate) struct Opener {
    private: PrivateKey,
    /// SubjectPublicKeyInfo in PEM.
    public: String,
}

impl Opener {
    /// `pem` is PKCS#8.
    pub(crate) fn new(pem: &Secret) -> Result<Self, Error> {
        let pem = std::str::from_utf8(pem.expose()).map_err(|error| Error::OverlayKey(error.to_string()))?;
        let private =
            PrivateKey::from_pkcs8_pem(pem).map_err(|error| Error::OverlayKey(error.to_string()))?;
        let public = private.to_public_key().to_public_key_pem(LineEnding::LF);
        Ok(Self { private, public: public.map_err(|error| Error::OverlayKey(error.to_string()))? })
    }

    /// What a request for play info asks for: no overlay, or this one; `Err` when it cannot be read.
    pub(crate) fn open(&self, query: &HashMap<String, String>) -> Result<Option<Overlay>, ()> {
        match (query.get("cipheredOverlayKey"), query.get("cipheredOverlayIv")) {
            (None, None) => Ok(None),
            (Some(key), Some(iv)) if query.get("keyId").is_none_or(|id| id == KEY_ID) => {
                Ok(Some(Overlay { key: self.block(key).ok_or(())?, iv: self.block(iv).ok_or(())? }))
            }
            _ => Err(()),
        }
    }

    fn block(&self, ciphered: &str) -> Option<[u8; 16]> {
        // Of what has the wrong padding some other text comes out, which is not made of 32 digits.
        let digits = self.private.decrypt(Pkcs1v15Encrypt, &hex::decode(ciphered).ok()?).ok()?;
        hex::decode(digits).ok()?.try_into().ok()
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(…)")
    }
}

/// `GET /overlay-key`: the public key, in PEM.
pub(crate) async fn serve(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, "application/x-pem-file")], app.opener.public.clone()).into_response()
}

const KEY_ID: &str = "1";

#[cfg(test)]
mod tests {
    use super::*;

    fn block(digits: &str) -> [u8; 16] {
        hex::decode(digits).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_key_is_one_block_of_cbc() {
        // From: printf 000102…0f | xxd -r -p | openssl enc -aes-128-cbc -nopad -K 0123… -iv fedc…
        let overlay = Overlay {
            key: block("0123456789abcdef0123456789abcdef"),
            iv: block("fedcba9876543210fedcba9876543210"),
        };
        let covered = overlay.cover(block("000102030405060708090a0b0c0d0e0f"));
        assert_eq!(hex::encode(covered), "cfd2ffcbbe7f3d14d514345ab4ffd095");
    }
}
