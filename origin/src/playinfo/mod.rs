//! Play info: what a file id leads to, in three forms.
//!
//! - [`v4`]: `GET /getplayinfo/v4/{appId}/{fileId}?psign=`, as Tencent Cloud VOD answers now.
//! - [`v2`]: `GET /getplayinfo/v2/{appId}/{fileId}?t=&us=&exper=&sign=`, as it did before.
//! - [`neutral`]: `GET /playinfo/{fileId}?psign=`, a plain form of any other backend.
//!
//! All three hand out the same address, token and pictures. Failures of Tencent's have HTTP status 200 and a `code` other
//! than 0, as there; those of the neutral form are the origin's own refusals.

pub(crate) mod neutral;
mod v2;
mod v4;

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::app::{App, State as Shared};
use crate::catalog::Entry;
use crate::error::{Reason, Refusal};
use crate::grant::{self, Grant};
use crate::package::POSTER;
use crate::reply;
use crate::viewer::Viewer;

/// `GET /getplayinfo/{version}/{appId}/{fileId}`: Tencent's, in both versions.
pub(crate) async fn serve(
    State(app): State<App>,
    Extension(viewer): Extension<Viewer>,
    Path((version, app_id, file_id)): Path<(String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let is_v2 = match version.as_str() {
        "v2" => true,
        "v4" => false,
        _ => return Err(Refusal::not_found("no such version of play info")),
    };
    let session = app.sessions.get(&viewer.sid);
    session.access.admit()?;
    let now_s = session.access.now_s();
    let opened = find(&app, &file_id).and_then(|entry| {
        let overlay = match is_v2 {
            true => v2::check(&app, entry, &app_id, &file_id, &query, now_s).map(|()| None),
            false => v4::check(&app, entry, &app_id, &file_id, &query, now_s),
        };
        Ok((entry, overlay?))
    });
    let number = if is_v2 { 2 } else { 4 };
    let (entry, overlay) = match opened {
        Ok(opened) => opened,
        Err(failure) => return Ok(failure.answer(number)),
    };
    session.overlays.set(&entry.asset.id, overlay);
    let base = grant::base(&viewer, &headers);
    let grant = Grant::new(&app, &session.access, &viewer, &entry.asset, &base);
    let found = match is_v2 {
        true => v2::found(&app, entry, &grant, &base),
        false => v4::found(entry, &grant, &base, &query),
    };
    Ok(answer(number, found))
}

/// A file that is known, or why not, in Tencent's number and the origin's words.
fn find<'a>(app: &'a Shared, file_id: &str) -> Result<&'a Entry, Failure> {
    let unknown = || Failure { code: FILE_UNKNOWN, refusal: Refusal::not_found("file not exist") };
    app.catalog.get(file_id).ok_or_else(unknown)
}

/// Why there is no play info.
struct Failure {
    code: u32,
    refusal: Refusal,
}

impl Failure {
    /// A psign, or version 2's signature, that does not hold: expired ones have a number of their own.
    fn signature(refusal: Refusal, expired: bool) -> Self {
        Self { code: if expired { SIGNATURE_EXPIRED } else { SIGNATURE_INVALID }, refusal }
    }

    fn answer(self, version: u32) -> Response {
        let body = json!({ "code": self.code, "message": self.refusal.message });
        (Extension(Reason(self.refusal.code)), answer(version, body)).into_response()
    }
}

/// What every answer of Tencent's has, around what this one says.
fn answer(version: u32, mut body: Value) -> Response {
    let mut id = [0; 16];
    // Only there to be quoted: without randomness it is all zeros.
    let _ = getrandom::fill(&mut id);
    if let Value::Object(fields) = &mut body {
        fields.insert("requestId".into(), hex::encode(id).into());
        fields.insert("version".into(), version.into());
        fields.entry("code").or_insert_with(|| 0.into());
        fields.entry("message").or_insert_with(|| "".into());
        fields.entry("warning").or_insert_with(|| "".into());
    }
    let mut response = Json(body).into_response();
    reply::no_store(&mut response);
    response
}

/// The image to show before the first frame; `base` is from [`crate::grant::base`].
fn poster(base: &str, entry: &Entry) -> String {
    format!("{base}/media/{}/{POSTER}", entry.asset.id)
}

/// Seconds; 0 of what has no end.
fn duration(entry: &Entry) -> f64 {
    if entry.asset.live { 0.0 } else { entry.ladder.duration }
}

/// Places worth a mark: seconds, and what is there.
fn marks(entry: &Entry) -> [(f64, &'static str); 2] {
    [(0.0, "Start"), (entry.ladder.duration / 2.0, "Half-time")]
}

/// The file id names nothing.
const FILE_UNKNOWN: u32 = 1006;
/// What is to open the file is missing, forged or for another file.
const SIGNATURE_INVALID: u32 = 1003;
/// It was good once.
const SIGNATURE_EXPIRED: u32 = 1004;
/// The overlay is not readable. Tencent documents no number for this; it is one that asking again does not help.
const OVERLAY_INVALID: u32 = 1005;
