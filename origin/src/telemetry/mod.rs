//! Telemetry: batches from players are stored once each and shown as JSON and on a plain page.
//!
//! `POST /telemetry` takes `{"session_id":"…","seq":n,"records":[{…},…]}` as `application/json` or `text/plain`, 256
//! KiB at most. The pair (session_id, seq) names a batch: a second copy is acknowledged and not stored again.
//! `GET /telemetry/sessions` lists sessions, newest first; `GET /telemetry/sessions/{id}` has a session's records;
//! `GET /telemetry` is for people.

mod page;
mod store;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::Refusal;

pub(crate) use store::Store;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/telemetry", get(page).post(receive).layer(DefaultBodyLimit::max(BATCH_MAX)))
        .route("/telemetry/sessions", get(sessions))
        .route("/telemetry/sessions/{id}", get(session))
}

/// What a player sends.
#[derive(Debug, Deserialize)]
struct Batch {
    session_id: String,
    seq: u32,
    records: Vec<Map<String, Value>>,
}

async fn receive(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("text/plain");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !["application/json", "text/plain"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        let message = "a batch is application/json or text/plain";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message));
    }
    let body = body.map_err(|_| {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", "a batch has 256 KiB at most")
    })?;
    let batch: Batch =
        serde_json::from_slice(&body).map_err(|error| Refusal::bad_request("batch", error.to_string()))?;
    if !(1..=SESSION_ID_MAX).contains(&batch.session_id.len()) {
        return Err(Refusal::bad_request("batch", "session_id must have 1 to 128 bytes"));
    }
    let records = batch.records.len();
    let stored = run(app, move |store| store.add(&batch.session_id, batch.seq, &batch.records)).await?;
    Ok(Json(json!({ "stored": if stored { records } else { 0 }, "duplicate": !stored })))
}

async fn sessions(State(app): State<App>) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!(run(app, Store::sessions).await?)))
}

async fn session(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let records = run(app, move |store| store.records(&id)).await?;
    match records.is_empty() {
        true => Err(Refusal::not_found("no such session")),
        false => Ok(Json(Value::Array(records))),
    }
}

async fn page(State(app): State<App>) -> Result<Html<String>, Refusal> {
    Ok(Html(page::render(&run(app, Store::sessions).await?)))
}

/// Runs a query off the async threads.
async fn run<T: Send + 'static>(
    app: App,
    query: impl FnOnce(&Store) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let outcome = tokio::task::spawn_blocking(move || query(&app.store)).await;
    match outcome {
        Ok(Ok(answer)) => Ok(answer),
        _ => Err(Refusal::internal("the telemetry store failed")),
    }
}

const BATCH_MAX: usize = 256 * 1024;
const SESSION_ID_MAX: usize = 128;
