//! The neutral form: `{"sources":[{"url","type"}],"token","expires","serverTime","poster","thumbnails","name","duration"}`,
//! best source first. `token` is `null` where nothing is encrypted; `expires` is when token or address end, whichever comes
//! first, in Unix seconds; `serverTime` is in milliseconds; `thumbnails`, a WebVTT file, is `null`, for there are none.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use super::{duration, find, poster};
use crate::app::App;
use crate::error::Refusal;
use crate::grant::{self, Grant};
use crate::reply;
use crate::token::PsignClaims;
use crate::viewer::Viewer;

pub(crate) async fn serve(
    State(app): State<App>,
    Extension(viewer): Extension<Viewer>,
    Path(file_id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let session = app.sessions.get(&viewer.sid);
    let access = &session.access;
    access.admit()?;
    let entry = find(&app, &file_id).map_err(|failure| failure.refusal)?;
    if entry.asset.psign {
        let psign = query.get("psign").map_or("", String::as_str);
        PsignClaims::check(&app.signer, psign, None, &file_id, access.now_s())
            .map_err(|fault| fault.of_psign())?;
    }
    session.overlays.set(&entry.asset.id, None);
    let base = grant::base(&viewer, &headers);
    let grant = Grant::new(&app, access, &viewer, &entry.asset, &base);
    let mut response = Json(json!({
        "sources": [{ "url": grant.url, "type": "application/vnd.apple.mpegurl" }],
        "token": grant.token,
        "expires": grant.expires,
        "serverTime": access.now_ms(),
        "poster": poster(&base, entry),
        "thumbnails": null,
        "name": entry.asset.name,
        "duration": duration(entry),
    }))
    .into_response();
    reply::no_store(&mut response);
    Ok(response)
}
