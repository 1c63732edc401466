//! Content keys: which key a segment has, AES-128-CBC with it, and the service that hands it out for a token.
//!
//! Keys and explicit initialisation vectors are derived from the secret, so they are the same after a restart with
//! the same secret and need no store.

use std::collections::HashMap;

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::app::App;
use crate::catalog::{Asset, Iv, Protection};
use crate::error::Refusal;
use crate::reply;
use crate::sign::Signer;
use crate::token::DrmClaims;
use crate::viewer::Viewer;

/// The key of the segment at `place`; `None` when it is clear.
pub(crate) fn key_id(asset: &Asset, place: u32) -> Option<u32> {
    match asset.protection {
        Protection::Clear => None,
        Protection::Aes128 { rotate_every, .. } => {
            Some(rotate_every.and_then(|every| place.checked_div(every)).unwrap_or(0))
        }
    }
}

/// The initialisation vector of the segment at `place`: of its key, or its media sequence number.
pub(crate) fn iv(asset: &Asset, signer: &Signer, place: u32) -> [u8; 16] {
    match asset.protection {
        Protection::Aes128 { iv: Iv::Explicit, .. } => {
            let id = key_id(asset, place).unwrap_or_default();
            signer.derive_block("media-iv", &format!("{}/{id}", asset.id))
        }
        _ => (u128::from(asset.first_sequence) + u128::from(place)).to_be_bytes(),
    }
}

/// Whether a segment of this name is encrypted where others are: text is not.
pub(crate) fn covers(name: &str) -> bool {
    !name.ends_with(".vtt")
}

/// A whole segment as it is served. With `wrong_key` its key is not the one that the key service gives.
pub(crate) fn encrypt(asset: &Asset, signer: &Signer, place: u32, clear: Vec<u8>, wrong_key: bool) -> Bytes {
    let Some(id) = key_id(asset, place) else { return clear.into() };
    let key = key(asset, signer, id, wrong_key);
    let cipher = cbc::Encryptor::<Aes128>::new(&key.into(), &iv(asset, signer, place).into());
    cipher.encrypt_padded_vec::<Pkcs7>(&clear).into()
}

/// `GET /keys/{asset}/{key_id}?token=`: the key's 16 bytes, under the session's overlay if it has one.
pub(crate) async fn serve(
    State(app): State<App>,
    Extension(viewer): Extension<Viewer>,
    Path((asset, id)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let session = app.sessions.get(&viewer.sid);
    session.access.admit()?;
    let token = query.get("token").filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| Refusal::forbidden("token_missing", "a key needs a token"))?;
    DrmClaims::check(&app.signer, token, &asset, &viewer, session.access.now_s())
        .map_err(|fault| fault.of_token())?;
    let unknown = || Refusal::not_found("no such key");
    let entry = app.catalog.get(&asset).ok_or_else(unknown)?;
    let id: u32 = id.parse().map_err(|_| unknown())?;
    let last = if entry.asset.live { Some(u32::MAX) } else { entry.ladder.last_place() };
    let last = last.and_then(|place| key_id(&entry.asset, place)).ok_or_else(unknown)?;
    if id > last {
        return Err(unknown());
    }
    let key = key(&entry.asset, &app.signer, id, viewer.wrong_key);
    let key = session.overlays.get(&asset).map_or(key, |overlay| overlay.cover(key));
    Ok(reply::file(Bytes::copy_from_slice(&key), "application/octet-stream", reply::NO_STORE, &headers))
}

fn key(asset: &Asset, signer: &Signer, id: u32, wrong: bool) -> [u8; 16] {
    let key = signer.derive_block("media-key", &format!("{}/{id}", asset.id));
    if wrong { key.map(|byte| !byte) } else { key }
}
