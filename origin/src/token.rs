//! Tokens: the DRM token that opens keys, and the psign that opens play info.
//!
//! A DRM token is `base64url(json{file,exp,sid?}).base64url(hmac)`, opaque to the player. A psign is a JWT signed
//! with HS256 and carries Tencent's player-signature claims.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::sign::Signer;

/// What a DRM token says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DrmClaims {
    pub(crate) file: String,
    /// Unix seconds.
    pub(crate) exp: u64,
    /// The only session that may use it, if it is bound to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
}

/// What a psign says, of the claims that the origin looks at.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PsignClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_id: Option<u64>,
    pub(crate) file_id: String,
    pub(crate) current_time_stamp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expire_time_stamp: Option<u64>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    Expired,
    Invalid,
}

impl DrmClaims {
    pub(crate) fn seal(&self, signer: &Signer) -> String {
        signer.seal("drm-token", &encode(self))
    }

    /// Checks a token for the keys of `file`, asked for by session `sid`.
    pub(crate) fn check(
        signer: &Signer,
        token: &str,
        file: &str,
        sid: &str,
        now_s: u64,
    ) -> Result<(), TokenFault> {
        let claims: Self = signer.open("drm-token", token).and_then(decode).ok_or(TokenFault::Invalid)?;
        if claims.file != file || claims.sid.is_some_and(|bound| bound != sid) {
            Err(TokenFault::Invalid)
        } else if claims.exp <= now_s {
            Err(TokenFault::Expired)
        } else {
            Ok(())
        }
    }
}

impl PsignClaims {
    pub(crate) fn seal(&self, signer: &Signer) -> String {
        let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        signer.seal("psign", &format!("{header}.{}", encode(self)))
    }

    pub(crate) fn check(
        signer: &Signer,
        psign: &str,
        app_id: &str,
        file_id: &str,
        now_s: u64,
    ) -> Result<(), TokenFault> {
        // The header is covered by the tag, and the origin signs only HS256: no other algorithm can be slipped in.
        let message = signer.open("psign", psign).ok_or(TokenFault::Invalid)?;
        let (_, claims) = message.split_once('.').ok_or(TokenFault::Invalid)?;
        let claims: Self = decode(claims).ok_or(TokenFault::Invalid)?;
        if claims.file_id != file_id || claims.app_id.is_some_and(|id| id.to_string() != app_id) {
            Err(TokenFault::Invalid)
        } else if claims.expire_time_stamp.is_some_and(|expiry| expiry <= now_s) {
            Err(TokenFault::Expired)
        } else {
            Ok(())
        }
    }
}

fn encode(claims: &impl Serialize) -> String {
    // Claims are plain structs of strings and numbers, which always serialize.
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap_or_default())
}

fn decode<T: for<'de> Deserialize<'de>>(message: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(message).ok()?).ok()
}
