//! A running origin, a small HTTP client over hyper that sees when bytes arrive, and independent tools.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cloud_player_origin::{Config, Origin, Secret};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) const SECRET: &str = "a-secret-that-must-not-show";
pub(crate) const ADMIN: &str = "an-admin-token-that-must-not-show";

pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample")
}

pub(crate) fn config() -> Config {
    Config { secret: Some(Secret::new(SECRET)), admin_token: Some(Secret::new(ADMIN)), ..Config::default() }
}

/// An origin with an administrator.
pub(crate) struct Site {
    pub(crate) origin: Origin,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self { origin: Origin::bind(config).await.unwrap() }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(&self.origin.addr().to_string()).await
    }

    /// GET on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.connect().await.send("GET", path, &[], "").await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.connect().await.send("GET", path, headers, "").await
    }

    pub(crate) async fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let token = [("x-admin-token", ADMIN)];
        self.connect().await.send(method, &format!("/admin/{path}"), &token, &body.to_string()).await
    }

    pub(crate) async fn signed(&self, path: &str, directory: bool, ttl_s: i64) -> String {
        let order = serde_json::json!({ "path": path, "ttl_s": ttl_s, "directory": directory });
        self.admin("POST", "urls", &order).await.json()["url"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn drm_token(&self, file: &str, ttl_s: i64) -> String {
        let order = serde_json::json!({ "file_id": file, "ttl_s": ttl_s });
        self.admin("POST", "tokens", &order).await.json()["drm_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn plant(&self, sid: &str, pattern: &str, fault: Value) {
        let plan = serde_json::json!({ "pattern": pattern, "fault": fault });
        assert_eq!(self.admin("POST", &format!("sessions/{sid}/faults"), &plan).await.status, 200);
    }

    pub(crate) async fn shape(&self, sid: &str, bits_per_second: Option<u64>, rtt_ms: u64) {
        let shape = serde_json::json!({ "bits_per_second": bits_per_second, "rtt_ms": rtt_ms });
        assert_eq!(self.admin("PUT", &format!("sessions/{sid}/shape"), &shape).await.status, 200);
    }

    pub(crate) async fn requests(&self, sid: &str) -> Vec<Value> {
        let log = self.admin("GET", &format!("sessions/{sid}/requests"), &Value::Null).await.json();
        log.as_array().unwrap().clone()
    }
}

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// A response as it arrived.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The connection ended before the body did.
    pub(crate) broken: bool,
    /// From sending the request.
    pub(crate) head_after: Duration,
    pub(crate) end_after: Duration,
}

impl Client {
    pub(crate) async fn connect(host: &str) -> Self {
        let stream = TcpStream::connect(host).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, host: host.to_owned() }
    }

    /// From another address of this machine: all of 127.0.0.0/8 is its own on Linux.
    pub(crate) async fn connect_from(ip: [u8; 4], host: &str) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        let stream = socket.connect(host.parse().unwrap()).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, host: host.to_owned() }
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        self.sender.ready().await.unwrap();
        let start = Instant::now();
        let response = self.sender.send_request(request).await.unwrap();
        let head_after = start.elapsed();
        let (parts, mut incoming) = response.into_parts();
        let (mut body, mut broken) = (Vec::new(), false);
        while let Some(frame) = incoming.frame().await {
            match frame {
                Ok(frame) => body.extend_from_slice(frame.data_ref().unwrap()),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        let (status, headers) = (parts.status.as_u16(), parts.headers);
        Answer { status, headers, body, broken, head_after, end_after: start.elapsed() }
    }

    /// GET that may end without an answer.
    pub(crate) async fn try_send(&mut self, path: &str) -> hyper::Result<u16> {
        let request = Request::get(path).header("host", &self.host).body(Full::default()).unwrap();
        self.sender.ready().await?;
        self.sender.send_request(request).await.map(|response| response.status().as_u16())
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a refusal, after its status.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap_or_default().to_owned())
    }
}

/// Checks that something takes `expected_s` within a tenth. It must never be faster; on a busy machine it may be
/// slower, so the best of three counts.
pub(crate) async fn assert_takes(expected_s: f64, mut attempt: impl AsyncFnMut() -> Duration) {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let took = attempt().await.as_secs_f64();
        assert!(took > expected_s * 0.9, "took only {took:.3} s, not {expected_s} s");
        best = best.min(took);
        if best < expected_s * 1.1 {
            return;
        }
    }
    panic!("took {best:.3} s at best, not {expected_s} s");
}

/// The addresses in a playlist.
pub(crate) fn uris(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The value of a quoted or bare attribute in a tag.
pub(crate) fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let at = tag.find(&format!("{name}="))? + name.len() + 1;
    let rest = &tag[at..];
    Some(match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap(),
        None => rest.split(',').next().unwrap(),
    })
}

/// Path and query of an absolute URL.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = url.strip_prefix("http://").unwrap();
    &rest[rest.find('/').unwrap()..]
}

/// What a tool prints; the tool must be installed and succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("these tests need {program}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {complaint}");
    output.stdout
}

pub(crate) fn run_text(program: &str, arguments: &[&str]) -> String {
    String::from_utf8(run(program, arguments)).unwrap()
}
