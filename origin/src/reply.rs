//! Headers and bodies of answers: CORS, caching, byte ranges (RFC 9110 section 14).

use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CACHE_CONTROL,
    CONTENT_RANGE, CONTENT_TYPE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::Refusal;

/// The whole of `bytes`, or the part that a `Range` header asks for.
pub(crate) fn file(bytes: Bytes, mime: &'static str, cache: &'static str, headers: &HeaderMap) -> Response {
    let total = bytes.len();
    let range =
        headers.get(RANGE).and_then(|value| value.to_str().ok()).map_or(Range::Whole, |r| range(r, total));
    let mut response = match range {
        Range::Whole => Response::new(Body::from(bytes)),
        Range::Part { first, last } => {
            let part = bytes.slice(first..last.saturating_add(1).min(total));
            let mut response = (StatusCode::PARTIAL_CONTENT, Body::from(part)).into_response();
            set(&mut response, CONTENT_RANGE, &format!("bytes {first}-{last}/{total}"));
            response
        }
        Range::Unsatisfiable => {
            let message = format!("the file has {total} bytes");
            let mut refusal =
                Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", message).into_response();
            set(&mut refusal, CONTENT_RANGE, &format!("bytes */{total}"));
            return refusal;
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

/// Errors that come from the framework, in the form that all others have.
pub(crate) async fn error_as_json(response: Response) -> Response {
    let status = response.status();
    let json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let reason = status.canonical_reason().unwrap_or("error");
    Refusal::new(status, if status == StatusCode::METHOD_NOT_ALLOWED { "method" } else { "request" }, reason)
        .into_response()
}

/// Nobody may keep this answer.
pub(crate) fn no_store(response: &mut Response) {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
}

/// A header `Date` (RFC 9110 5.6.7).
pub(crate) fn date(unix_s: u64) -> HeaderValue {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix_s));
    // A date is ASCII.
    HeaderValue::from_str(&date).unwrap_or(HeaderValue::from_static(""))
}

/// Any web origin may read this answer, its date and lengths, and its timing.
pub(crate) fn open_to_all(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Date, Content-Range, Retry-After, Content-Length, Accept-Ranges"),
    );
    headers.insert(HeaderName::from_static("timing-allow-origin"), HeaderValue::from_static("*"));
    response
}

/// The answer to a CORS preflight: the headers asked for are allowed.
pub(crate) fn preflight(headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let out = response.headers_mut();
    out.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
    let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
    out.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        wanted.cloned().unwrap_or(HeaderValue::from_static("Range, Content-Type")),
    );
    out.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    response
}

/// For what is signed, secret or of the moment.
pub(crate) const NO_STORE: &str = "no-store";

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// Both inclusive.
    Part {
        first: usize,
        last: usize,
    },
    Unsatisfiable,
}

/// Reads a `Range` header. What is not one range of bytes is ignored, as RFC 9110 allows.
fn range(header: &str, total: usize) -> Range {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|spec| spec.split_once('-')) else {
        return Range::Whole;
    };
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse::<usize>().ok(),
        false => None,
    };
    let end = total.saturating_sub(1);
    match (number(first), number(last)) {
        (None, Some(0)) if first.is_empty() => Range::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && total == 0 => Range::Unsatisfiable,
        (None, Some(length)) if first.is_empty() => {
            Range::Part { first: total.saturating_sub(length), last: end }
        }
        (Some(first), None) if last.is_empty() && first < total => Range::Part { first, last: end },
        (Some(first), None) if last.is_empty() && first >= total => Range::Unsatisfiable,
        (Some(first), Some(last)) if last < first => Range::Whole,
        (Some(first), Some(_)) if first >= total => Range::Unsatisfiable,
        (Some(first), Some(last)) => Range::Part { first, last: last.min(end) },
        _ => Range::Whole,
    }
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (header, expected) in [
            ("bytes=0-0", Range::Part { first: 0, last: 0 }),
            ("bytes=10-", Range::Part { first: 10, last: 99 }),
            ("bytes=-10", Range::Part { first: 90, last: 99 }),
            ("bytes=-1000", Range::Part { first: 0, last: 99 }),
            ("bytes=90-1000", Range::Part { first: 90, last: 99 }),
            ("bytes=100-", Range::Unsatisfiable),
            ("bytes=100-200", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=5-4", Range::Whole),
            ("bytes=0-1,5-6", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=-", Range::Whole),
            ("items=0-1", Range::Whole),
        ] {
            assert_eq!(range(header, 100), expected, "{header}");
        }
        assert_eq!(range("bytes=-5", 0), Range::Unsatisfiable);
    }
}
