//! Two kinds of failure: [`Error`] stops the origin from starting, [`Refusal`] answers one request.

use std::io;
use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use crate::package::PackageError;

/// Why the origin could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// What was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Media could not be read or made.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The telemetry database could not be opened.
    #[error("telemetry store: {0}")]
    Store(#[from] rusqlite::Error),
    /// The private key for overlays is not one.
    #[error("overlay key: {0}")]
    OverlayKey(String),
    /// No randomness for secrets.
    #[error("random source: {0}")]
    Random(#[from] getrandom::Error),
}

/// A request that is answered with an error: a status, a stable code and a sentence for people.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The code of a refusal, in the extensions of its answer: what the request log says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reason(pub(crate) &'static str);

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.code, "message": self.message }));
        let mut response = (self.status, Extension(Reason(self.code)), body).into_response();
        crate::reply::no_store(&mut response);
        response
    }
}
