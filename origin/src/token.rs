//! Tokens: the DRM token that opens keys, and the psign that opens play info.
//!
//! A DRM token is `base64url(json{file,exp,sid?,ip?}).base64url(hmac)`, opaque to the player. A psign is a JWT signed
//! with HS256 and carries Tencent's player-signature claims.

use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::Refusal;
use crate::sign::Signer;
use crate::viewer::Viewer;

/// What a DRM token says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DrmClaims {
    pub(crate) file: String,
    /// Unix seconds.
    pub(crate) exp: u64,
    /// The only session that may use it, if it is bound to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    /// The only address it may be used from, if it is bound to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ip: Option<IpAddr>,
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
    /// Not made here, or not whole.
    Invalid,
    OtherFile,
    OtherSession,
    OtherIp,
    OtherApp,
}

impl TokenFault {
    /// The refusal of a DRM token.
    pub(crate) fn of_token(self) -> Refusal {
        let (code, message) = match self {
            Self::Expired => ("token_expired", "the token has expired"),
            Self::OtherFile => ("token_other_file", "the token is for another file"),
            Self::OtherSession => ("token_other_session", "the token is for another session"),
            Self::OtherIp => ("token_other_ip", "the token is for another address"),
            Self::Invalid | Self::OtherApp => ("token_invalid", "the token is not one of this origin"),
        };
        Refusal::forbidden(code, message)
    }

    /// The refusal of a psign.
    pub(crate) fn of_psign(self) -> Refusal {
        let (code, message) = match self {
            Self::Expired => ("psign_expired", "psign has expired"),
            Self::OtherFile => ("psign_other_file", "psign is for another file"),
            Self::OtherApp => ("psign_other_app", "psign is for another app"),
            Self::Invalid | Self::OtherSession | Self::OtherIp => ("psign_invalid", "psign is invalid"),
        };
        Refusal::forbidden(code, message)
    }
}

impl DrmClaims {
    pub(crate) fn seal(&self, signer: &Signer) -> String {
        signer.seal("drm-token", &encode(self))
    }

    /// Checks a token for the keys and playlists of `file`, asked for by this viewer.
    pub(crate) fn check(
        signer: &Signer,
        token: &str,
        file: &str,
        viewer: &Viewer,
        now_s: u64,
    ) -> Result<(), TokenFault> {
        let claims: Self = signer.open("drm-token", token).and_then(decode).ok_or(TokenFault::Invalid)?;
        if claims.file != file {
            Err(TokenFault::OtherFile)
        } else if claims.sid.is_some_and(|bound| bound != viewer.sid) {
            Err(TokenFault::OtherSession)
        } else if claims.ip.is_some_and(|bound| bound != viewer.ip) {
            Err(TokenFault::OtherIp)
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

    /// Checks a psign for play info of `file_id`, and of `app_id` where that is known.
    pub(crate) fn check(
        signer: &Signer,
        psign: &str,
        app_id: Option<&str>,
        file_id: &str,
        now_s: u64,
    ) -> Result<(), TokenFault> {
        // The header is covered by the tag, and the origin signs only HS256: no other algorithm can be slipped in.
        let message = signer.open("psign", psign).ok_or(TokenFault::Invalid)?;
        let (_, claims) = message.split_once('.').ok_or(TokenFault::Invalid)?;
        let claims: Self = decode(claims).ok_or(TokenFault::Invalid)?;
        let is_other = |app_id: &str| claims.app_id.is_some_and(|id| id.to_string() != app_id);
        if claims.file_id != file_id {
            Err(TokenFault::OtherFile)
        } else if app_id.is_some_and(is_other) {
            Err(TokenFault::OtherApp)
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
