//! Play info: what a file id leads to, in three forms.
//!
//! - [`v4`]: `GET /getplayinfo/v4/{appId}/{fileId}?psign=`, as Tencent Cloud VOD answers now.
//! - [`v2`]: `GET /getplayinfo/v2/{appId}/{fileId}?t=&us=&exper=&sign=`, as it did before.
//! - [`neutral`]: `GET /playinfo/{fileId}?psign=`, a plain form of any other backend.
//!
//! All three hand out the same address, token and pictures. Failures of Tencent's have HTTP status 200 and a `code` other
//! than 0, as there; those of the neutral form are the origin's own refusals.

pub(crate) mod neutral;
pub(crate) mod v2;
pub(crate) mod v4;

use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::app::State;
use crate::catalog::Entry;
use crate::error::{Reason, Refusal};
use crate::package::POSTER;
use crate::reply;

/// A file that is known, or why not, in Tencent's number and the origin's words.
fn find<'a>(app: &'a State, file_id: &str) -> Result<&'a Entry, Failure> {
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
