//! `POST /renew` `{"fileId","psign"?,"token"?,"appId"?}`: a fresh address and token while a file plays, for who shows
//! what opened it: a psign that holds, or the session's own DRM token, also one that ended a short while ago. A file
//! whose play info asks for no psign is renewed without either, but never for one that does not hold.
//!
//! The answer is `{"url","token","expires","serverTime"}`: `token` is `null` where nothing is encrypted, `expires` is when
//! the first of both ends, in Unix seconds, `serverTime` is in milliseconds.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::error::Refusal;
use crate::grant::{self, Grant};
use crate::reply;
use crate::sign::Signer;
use crate::token::{DrmClaims, PsignClaims};
use crate::viewer::Viewer;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    file_id: String,
    #[serde(default)]
    psign: Option<String>,
    #[serde(default)]
    token: Option<String>,
    /// Only looked at in a psign that names one.
    #[serde(default)]
    app_id: Option<String>,
}

pub(crate) async fn serve(
    State(app): State<App>,
    Extension(viewer): Extension<Viewer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let session = app.sessions.get(&viewer.sid);
    let access = &session.access;
    let renewal = access.begin_renewal();
    if !renewal.delay.is_zero() {
        tokio::time::sleep(renewal.delay).await;
    }
    access.admit()?;
    if renewal.fails {
        let message = "an administrator asked for this renewal to fail";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "renew_unavailable", message));
    }
    let order: Order =
        serde_json::from_slice(&body).map_err(|error| Refusal::bad_request("body", error.to_string()))?;
    let entry = app.catalog.get(&order.file_id).ok_or_else(|| Refusal::not_found("no such file"))?;
    order.check(&app.signer, &viewer, entry.asset.psign, access.now_s())?;
    let grant = Grant::new(&app, access, &viewer, &entry.asset, &grant::base(&viewer, &headers));
    renewal.granted();
    let mut response = Json(json!({
        "url": grant.url, "token": grant.token, "expires": grant.expires, "serverTime": access.now_ms(),
    }))
    .into_response();
    reply::no_store(&mut response);
    Ok(response)
}

impl Order {
    fn check(&self, signer: &Signer, viewer: &Viewer, needs_grant: bool, now_s: u64) -> Result<(), Refusal> {
        if let Some(psign) = &self.psign {
            PsignClaims::check(signer, psign, self.app_id.as_deref(), &self.file_id, now_s)
                .map_err(|fault| fault.of_psign())?;
        }
        if let Some(token) = &self.token {
            let then = now_s.saturating_sub(GRACE_S);
            DrmClaims::check(signer, token, &self.file_id, viewer, then).map_err(|fault| fault.of_token())?;
        }
        match self.psign.is_none() && self.token.is_none() && needs_grant {
            true => Err(Refusal::forbidden("grant_missing", "this file needs a psign or its former token")),
            false => Ok(()),
        }
    }
}

/// A viewer whose renewals failed for a while, or who paused, has a token that ended.
const GRACE_S: u64 = 300;
