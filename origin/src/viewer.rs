//! What every viewer-facing request passes: the session prefix and the token come off the path, the session's
//! delay and faults apply, the answer is shaped, dated by the session's clock, logged and opened to other web origins.

use std::net::IpAddr;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONTENT_LENGTH, DATE, RANGE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::clock::unix_ms;
use crate::connection::Connection;
use crate::deliver::deliver;
use crate::error::{Reason, Refusal};
use crate::faults::Fault;
use crate::reply;
use crate::session::{DEFAULT_SID, Logged, is_sid};

/// Who asks, found in the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(crate) sid: String,
    pub(crate) ip: IpAddr,
    /// `/s/{sid}`, or empty when the request had no prefix: what absolute paths in answers begin with.
    pub(crate) prefix: String,
    /// The path without session prefix and token: what signatures cover.
    pub(crate) path: String,
    /// The token in the file name.
    pub(crate) token: Option<String>,
    /// Keys are to be wrong.
    pub(crate) wrong_key: bool,
}

/// What stands before a token in a file name.
pub(crate) const TOKEN_PREFIX: &str = "voddrm.token.";

/// The middleware. It rewrites the URI, so it must run before routing.
pub(crate) async fn enter(
    State(app): State<App>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut viewer = match Viewer::of(request.uri(), connection.peer) {
        Ok(viewer) => viewer,
        Err(refusal) => return reply::open_to_all(refusal.into_response()),
    };
    if viewer.path == "/admin" || viewer.path.starts_with("/admin/") {
        return match viewer.prefix.is_empty() {
            true => next.run(request).await,
            false => Refusal::not_found("administration has no session").into_response(),
        };
    }

    let session = app.sessions.get(&viewer.sid);
    let preflight = request.method() == Method::OPTIONS;
    let out = session.reach.is_out();
    let fault = if preflight || out { None } else { session.faults.strike(&viewer.path) };
    let name = if out { Some("outage") } else { fault.as_ref().map(Fault::name) };
    let mut record = session.record(logged(&request, &viewer, name));
    if !session.reach.pass().await {
        connection.close();
        // Dropped with the connection.
        return std::future::pending().await;
    }
    let delay = session.shape().delay(connection.is_fresh());
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }

    viewer.wrong_key = matches!(fault, Some(Fault::WrongKey));
    let head = request.method() == Method::HEAD;
    let answer = if preflight {
        reply::preflight(request.headers())
    } else if let Some(Fault::Status { status, retry_after_s }) = fault {
        injected(status, retry_after_s)
    } else {
        *request.uri_mut() = rewritten(request.uri(), &viewer.path);
        request.extensions_mut().insert(viewer);
        next.run(request).await
    };

    let (mut parts, body) = reply::open_to_all(answer).into_parts();
    parts.headers.insert(DATE, reply::date(session.access.now_s()));
    record.head(parts.status.as_u16(), parts.extensions.get::<Reason>().map(|reason| reason.0));
    // Bodies come from memory, whole; the limit is a formality.
    let Ok(mut body) = to_bytes(body, usize::MAX).await else {
        return Refusal::internal("the answer could not be read").into_response();
    };
    if let Some(Fault::Corrupt { every }) = fault {
        body = corrupt(&body, every);
    }
    if !head && !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    if head || body.is_empty() {
        record.finish();
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, deliver(body, session, fault, record, app.stop.clone()))
}

impl Viewer {
    fn of(uri: &Uri, ip: IpAddr) -> Result<Self, Refusal> {
        let path = uri.path();
        let (sid, prefix, path) = match path.strip_prefix("/s/") {
            Some(rest) => {
                let (sid, path) =
                    rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, "/"));
                if !is_sid(sid) {
                    return Err(Refusal::bad_request("session_id", "a session id is [A-Za-z0-9_-]{1,64}"));
                }
                (sid, format!("/s/{sid}"), path)
            }
            None => (DEFAULT_SID, String::new(), path),
        };
        let (path, token) = take_token(path)?;
        Ok(Self { sid: sid.to_owned(), ip, prefix, path, token, wrong_key: false })
    }
}

/// Splits `/dir/voddrm.token.<token>.<name>.<extension>` into `/dir/<name>.<extension>` and the token. Names of
/// playlists have one dot, so a token may have any number.
fn take_token(path: &str) -> Result<(String, Option<String>), Refusal> {
    let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
    let Some(rest) = file.strip_prefix(TOKEN_PREFIX) else { return Ok((path.to_owned(), None)) };
    let dot = rest.rmatch_indices('.').nth(1).map(|(at, _)| at);
    let Some((token, name)) = dot.and_then(|at| rest.split_at_checked(at)) else {
        return Err(Refusal::not_found("no file name after the token"));
    };
    Ok((format!("{directory}/{}", name.trim_start_matches('.')), Some(token.to_owned())))
}

fn logged(request: &Request, viewer: &Viewer, fault: Option<&'static str>) -> Logged {
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    Logged {
        at_ms: unix_ms(),
        method: request.method().to_string(),
        path: viewer.path.chars().take(LOGGED_PATH_MAX).collect(),
        token: viewer.token.is_some() || has("token"),
        signature: has("signature") || has("sign"),
        range: request.headers().get(RANGE).and_then(|value| value.to_str().ok()).map(str::to_owned),
        fault,
        status: None,
        refused: None,
        bytes_sent: 0,
        done_ms: None,
        aborted: false,
    }
}

fn rewritten(uri: &Uri, path: &str) -> Uri {
    let with_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // A part of a valid path and its query are valid again; anything else is answered as the root.
    with_query.parse().unwrap_or_default()
}

fn injected(status: u16, retry_after_s: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response =
        Refusal::new(status, "injected_fault", "an administrator asked for this").into_response();
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn corrupt(body: &Bytes, every: usize) -> Bytes {
    let wrong = |at: usize| at.is_multiple_of(every);
    body.iter().enumerate().map(|(at, byte)| if wrong(at) { !byte } else { *byte }).collect()
}

const LOGGED_PATH_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Result<Viewer, Refusal> {
        Viewer::of(&path.parse().unwrap(), IpAddr::from([127, 0, 0, 1]))
    }

    #[test]
    fn prefix_and_token_come_off() {
        let viewer = of("/s/a-1/media/x/360p/voddrm.token.ab.cd-_.index.m3u8?q=/").unwrap();
        assert_eq!((viewer.sid.as_str(), viewer.prefix.as_str()), ("a-1", "/s/a-1"));
        assert_eq!(viewer.path, "/media/x/360p/index.m3u8");
        assert_eq!(viewer.token.as_deref(), Some("ab.cd-_"));
        let viewer = of("/media/x/master.m3u8").unwrap();
        assert_eq!((viewer.sid.as_str(), viewer.prefix.as_str()), ("default", ""));
        assert_eq!(of("/s/abc").unwrap().path, "/");
    }

    #[test]
    fn what_is_no_session_or_file_is_refused() {
        assert_eq!(of("/s//x").unwrap_err().code, "session_id");
        assert_eq!(of("/s/a.b/x").unwrap_err().code, "session_id");
        assert_eq!(of("/media/x/voddrm.token.m3u8").unwrap_err().code, "not_found");
    }
}
