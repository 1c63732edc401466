//! The origin as its administrator and as a reader of telemetry see it: over HTTP, like everybody else.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The administrator of one origin, for one viewer session.
#[derive(Debug)]
pub struct Admin {
    http: Client<HttpConnector, Full<Bytes>>,
    addr: SocketAddr,
    token: String,
    session: String,
}

/// A line of the session's request log. Times are Unix milliseconds.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// When it came.
    pub at_ms: f64,
    /// The method: a page of another origin asks with `OPTIONS` first.
    pub method: String,
    /// The path, without anything secret.
    pub path: String,
    /// The status, once the head is sent.
    pub status: Option<u16>,
    /// Why it was refused: the code of the answer.
    pub refused: Option<String>,
    /// Bytes of the body sent so far.
    pub bytes_sent: u64,
    /// When the last byte was sent.
    pub done_ms: Option<f64>,
    /// Whether it ended short.
    pub aborted: bool,
    /// The fault that was injected, by its kind.
    pub fault: Option<String>,
}

/// The session's renewals, counted by the origin.
#[derive(Debug, Clone, Deserialize)]
pub struct Renewals {
    /// How many were asked for, those that failed too.
    pub asked: u64,
    /// How many gave a new token.
    pub granted: u64,
    /// The most that were under way at the same time.
    pub in_flight_max: u64,
}

/// What lets a viewer play a file.
#[derive(Debug, Clone, Deserialize)]
pub struct Tokens {
    /// For the key service.
    pub drm_token: String,
    /// For play info.
    pub psign: String,
}

impl Admin {
    pub(crate) fn new(addr: SocketAddr, token: &[u8], session: &str) -> Self {
        Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            addr,
            token: String::from_utf8_lossy(token).into_owned(),
            session: session.to_owned(),
        }
    }

    /// Limits the session's bandwidth (`None`: not at all) and sets its round-trip time.
    pub async fn shape(&self, bits_per_second: Option<u64>, rtt_ms: u32) {
        let shape = json!({ "bits_per_second": bits_per_second, "rtt_ms": rtt_ms });
        let path = format!("/admin/sessions/{}/shape", self.session);
        self.call(Method::PUT, &path, Some(&shape)).await;
    }

    /// Plants a fault: `{"pattern":…,"fault":{"kind":…},"times":…,"skip":…}`.
    pub async fn fault(&self, plan: &Value) {
        let path = format!("/admin/sessions/{}/faults", self.session);
        self.call(Method::POST, &path, Some(plan)).await;
    }

    /// Cuts the session off for so long: nothing answers (`silent`), or connections are closed.
    pub async fn outage(&self, for_ms: u64, silent: bool) {
        let path = format!("/admin/sessions/{}/outage", self.session);
        self.call(Method::PUT, &path, Some(&json!({ "for_ms": for_ms, "silent": silent }))).await;
    }

    /// Says how the session's live streams run: `{"window_s":…,"ends_after_s":…,"paused":…}`.
    pub async fn live(&self, live: &Value) {
        self.call(Method::PUT, &format!("/admin/sessions/{}/live", self.session), Some(live)).await;
    }

    /// Sets the session's terms of access, as a whole: `{"token_ttl_s":…,"url_ttl_s":…,"signed_segments":…,"bind_ip":…,
    /// "renew_fails":…,"renew_delay_ms":…,"revoked":…,"clock_offset_s":…}`; what is left out is as it was at first.
    pub async fn access(&self, terms: &Value) {
        self.call(Method::PUT, &format!("/admin/sessions/{}/access", self.session), Some(terms)).await;
    }

    /// The session's renewals so far.
    pub async fn renewals(&self) -> Renewals {
        #[derive(Deserialize)]
        struct Account {
            renewals: Renewals,
        }
        let path = format!("/admin/sessions/{}/access", self.session);
        self.read::<Account>(Method::GET, &path, None).await.renewals
    }

    /// Removes all faults.
    pub async fn clear_faults(&self) {
        let path = format!("/admin/sessions/{}/faults", self.session);
        self.call(Method::DELETE, &path, None).await;
    }

    /// What the session has asked for so far, oldest first.
    pub async fn requests(&self) -> Vec<Request> {
        self.read(Method::GET, &format!("/admin/sessions/{}/requests", self.session), None).await
    }

    /// Tokens for a file and the session; a negative life, which is by the session's clock, makes expired ones.
    pub async fn tokens(&self, file_id: &str, ttl_s: i64) -> Tokens {
        let order = json!({ "file_id": file_id, "ttl_s": ttl_s, "sid": self.session });
        self.read(Method::POST, "/admin/tokens", Some(&order)).await
    }

    /// A signed URL of a path such as `/media/sample/master.m3u8`, within the session.
    pub async fn url(&self, path: &str, ttl_s: i64, directory: bool) -> String {
        #[derive(Deserialize)]
        struct Signed {
            url: String,
        }
        let order = json!({ "path": path, "ttl_s": ttl_s, "directory": directory, "sid": self.session });
        let signed: Signed = self.read(Method::POST, "/admin/urls", Some(&order)).await;
        format!("/s/{}{}", self.session, signed.url)
    }

    /// The public key for overlays of content keys, in PEM.
    pub async fn overlay_key(&self) -> String {
        String::from_utf8_lossy(&self.call(Method::GET, "/overlay-key", None).await).into_owned()
    }

    /// The stored telemetry, one entry a session, newest first.
    pub async fn telemetry_sessions(&self) -> Vec<Value> {
        self.read(Method::GET, "/telemetry/sessions", None).await
    }

    /// The stored records of a session; none if it is unknown.
    pub async fn telemetry(&self, session: &str) -> Vec<Value> {
        let (status, body) = self.send(Method::GET, &format!("/telemetry/sessions/{session}"), None).await;
        if status == StatusCode::NOT_FOUND {
            return Vec::new();
        }
        assert!(status.is_success(), "telemetry of {session}: {status}");
        parse(&body)
    }

    async fn read<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> T {
        parse(&self.call(method, path, body).await)
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Bytes {
        let (status, answer) = self.send(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        answer
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Bytes) {
        let request = hyper::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.addr))
            .header("x-admin-token", &self.token)
            .header("content-type", "application/json")
            .body(Full::from(body.map(Value::to_string).unwrap_or_default()))
            .expect("a request");
        let response = self.http.request(request).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let status = response.status();
        let body = response.into_body().collect().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        (status, body.to_bytes())
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(body)))
}
