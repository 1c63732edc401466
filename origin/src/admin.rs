//! Administration: the network of each session, its faults, its terms of access and its request log; tokens and signed
//! addresses.
//!
//! Every request carries the administrator's token in the header `x-admin-token`.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `PUT /admin/sessions/{sid}/shape` | `{"bits_per_second":n\|null,"rtt_ms":n}` | the shape |
//! | `POST /admin/sessions/{sid}/faults` | `{"pattern","fault":{"kind",…},"times":n\|null,"skip":n}` | `{"id":n}` |
//! | `DELETE /admin/sessions/{sid}/faults` | | `{"cleared":n}` |
//! | `PUT /admin/sessions/{sid}/outage` | `{"for_ms":n,"silent":bool}` | the outage |
//! | `PUT /admin/sessions/{sid}/live` | `{"window_s"?:n,"ends_after_s"?:n\|null,"paused"?:bool}` | how live streams run |
//! | `PUT /admin/sessions/{sid}/access` | `{"token_ttl_s"?,"url_ttl_s"?,"signed_segments"?,"bind_ip"?,"renew_fails"?,"renew_delay_ms"?,"revoked"?,"clock_offset_s"?}` | as the next |
//! | `GET /admin/sessions/{sid}/access` | | the terms, and `"renewals":{"asked","granted","in_flight","in_flight_max"}` |
//! | `GET /admin/sessions/{sid}/requests` | | a list, oldest first; times are Unix milliseconds |
//! | `POST /admin/tokens` | `{"file_id","ttl_s","sid"?,"app_id"?}` | `{"drm_token","psign"}` |
//! | `POST /admin/urls` | `{"path","ttl_s","directory","sid"?}` | `{"url"}`: path and query |
//!
//! Faults are `{"kind":"status","status","retry_after_s"?}`, `{"kind":"cut","after_bytes"}`,
//! `{"kind":"stall","after_bytes","for_ms"?}`, `{"kind":"slow","bits_per_second"}`, `{"kind":"corrupt","every"?}` and
//! `{"kind":"wrong_key"}`. A path is matched without session prefix, token and query.
//!
//! In an outage connections are closed without an answer, bodies under way included; or, `silent`, nothing comes until
//! it is over. `for_ms` 0 ends it.
//!
//! The terms of access of a session are put as a whole: what is left out is as it was in the beginning. Lives are those of
//! what play info and renewals hand out from then on. `renew_fails` is how many of the next renewals are answered with 503.
//! A `revoked` session is refused play info, playlists, segments, keys and renewals. `clock_offset_s` moves the header
//! `Date` and the time by which everything of the session is checked and made, also tokens and addresses that the
//! administrator orders with its `sid`. Without `signed_segments` segments are had without a signature. With `bind_ip` the
//! tokens that it is handed hold for the address that asked for them.
//!
//! An address below an asset with key anti-leech is signed so, over its directory, whatever `directory` says.
//!
//! In the log `refused` is the code of the refusal that was the answer.
//!
//! Live streams run by one clock a session, which starts when the first of them is asked for. Without anything set they
//! list 24 s and never end.

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::access::{Account, Terms};
use crate::app::App;
use crate::catalog::Signing;
use crate::clock::unix_s;
use crate::error::Refusal;
use crate::faults::Plan;
use crate::grant;
use crate::live::Live;
use crate::outage::Outage;
use crate::session::{Logged, is_sid};
use crate::shape::Shape;
use crate::sign::same_secret;
use crate::token::{DrmClaims, PsignClaims};

pub(crate) fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/admin/sessions/{sid}/shape", put(shape))
        .route("/admin/sessions/{sid}/live", put(live))
        .route("/admin/sessions/{sid}/access", get(account).put(access))
        .route("/admin/sessions/{sid}/outage", put(outage))
        .route("/admin/sessions/{sid}/faults", post(plant).delete(clear))
        .route("/admin/sessions/{sid}/requests", get(requests))
        .route("/admin/tokens", post(tokens))
        .route("/admin/urls", post(urls))
        .route_layer(from_fn_with_state(App::clone(app), authorize))
}

async fn authorize(State(app): State<App>, request: Request, next: Next) -> Result<Response, Refusal> {
    let given = request.headers().get("x-admin-token").map_or(&b""[..], |value| value.as_bytes());
    if same_secret(given, app.admin_token.expose()) {
        Ok(next.run(request).await)
    } else {
        Err(Refusal::forbidden("admin_token", "the header x-admin-token is missing or wrong"))
    }
}

async fn shape(State(app): State<App>, Path(sid): Path<String>, body: Bytes) -> Result<Json<Shape>, Refusal> {
    let shape: Shape = read(&body)?;
    if let Some(fault) = shape.fault() {
        return Err(Refusal::bad_request("shape", fault));
    }
    app.sessions.get(checked(&sid)?).set_shape(shape);
    Ok(Json(shape))
}

async fn live(State(app): State<App>, Path(sid): Path<String>, body: Bytes) -> Result<Json<Live>, Refusal> {
    let live: Live = read(&body)?;
    if let Some(fault) = live.fault() {
        return Err(Refusal::bad_request("live", fault));
    }
    app.sessions.get(checked(&sid)?).broadcast.set(live);
    Ok(Json(live))
}

async fn access(
    State(app): State<App>,
    Path(sid): Path<String>,
    body: Bytes,
) -> Result<Json<Account>, Refusal> {
    let terms: Terms = read(&body)?;
    if let Some(fault) = terms.fault() {
        return Err(Refusal::bad_request("access", fault));
    }
    let session = app.sessions.get(checked(&sid)?);
    session.access.set(terms);
    Ok(Json(session.access.account()))
}

async fn account(State(app): State<App>, Path(sid): Path<String>) -> Result<Json<Account>, Refusal> {
    Ok(Json(app.sessions.get(checked(&sid)?).access.account()))
}

async fn outage(
    State(app): State<App>,
    Path(sid): Path<String>,
    body: Bytes,
) -> Result<Json<Outage>, Refusal> {
    let outage: Outage = read(&body)?;
    if let Some(fault) = outage.fault() {
        return Err(Refusal::bad_request("outage", fault));
    }
    app.sessions.get(checked(&sid)?).reach.set(outage);
    Ok(Json(outage))
}

async fn plant(State(app): State<App>, Path(sid): Path<String>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let plan: Plan = read(&body)?;
    if let Some(fault) = plan.fault() {
        return Err(Refusal::bad_request("fault", fault));
    }
    let id = app.sessions.get(checked(&sid)?).faults.plant(plan);
    let id = id.ok_or_else(|| Refusal::bad_request("fault", "too many faults are planted already"))?;
    Ok(Json(json!({ "id": id })))
}

async fn clear(State(app): State<App>, Path(sid): Path<String>) -> Result<Json<Value>, Refusal> {
    let cleared = app.sessions.get(checked(&sid)?).faults.clear();
    Ok(Json(json!({ "cleared": cleared })))
}

async fn requests(State(app): State<App>, Path(sid): Path<String>) -> Result<Json<Vec<Logged>>, Refusal> {
    Ok(Json(app.sessions.get(checked(&sid)?).requests()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenOrder {
    file_id: String,
    ttl_s: i64,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    app_id: Option<u64>,
}

async fn tokens(State(app): State<App>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let order: TokenOrder = read(&body)?;
    let now_s = now_s(&app, order.sid.as_deref())?;
    let exp = now_s.saturating_add_signed(order.ttl_s);
    let drm = DrmClaims { file: order.file_id.clone(), exp, sid: order.sid, ip: None };
    let psign = PsignClaims {
        app_id: order.app_id,
        file_id: order.file_id,
        current_time_stamp: now_s,
        expire_time_stamp: Some(exp),
    };
    Ok(Json(json!({ "drm_token": drm.seal(&app.signer), "psign": psign.seal(&app.signer) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UrlOrder {
    path: String,
    ttl_s: i64,
    #[serde(default)]
    directory: bool,
    #[serde(default)]
    sid: Option<String>,
}

async fn urls(State(app): State<App>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let UrlOrder { path, ttl_s, directory, sid } = read(&body)?;
    let expires = now_s(&app, sid.as_deref())?.saturating_add_signed(ttl_s);
    if !path.starts_with('/') {
        return Err(Refusal::bad_request("path", "a path begins with /"));
    }
    let asset = path.strip_prefix("/media/").and_then(|rest| app.catalog.get(rest.split('/').next()?));
    let signing = match asset.map(|entry| entry.asset.signing) {
        Some(Signing::TencentKey) => Signing::TencentKey,
        _ if directory => Signing::Directory,
        _ => Signing::Exact,
    };
    Ok(Json(json!({ "url": grant::signed(&app, &path, signing, expires) })))
}

/// Unix seconds by the clock of the session, if one is named.
fn now_s(app: &App, sid: Option<&str>) -> Result<u64, Refusal> {
    Ok(match sid {
        Some(sid) => app.sessions.get(checked(sid)?).access.now_s(),
        None => unix_s(),
    })
}

fn checked(sid: &str) -> Result<&str, Refusal> {
    if is_sid(sid) {
        Ok(sid)
    } else {
        Err(Refusal::bad_request("session_id", "a session id is [A-Za-z0-9_-]{1,64}"))
    }
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request("body", error.to_string()))
}
