//! A play-info service over the sample, at any host whose name begins with `info`, with what it may answer instead; and its
//! key service, which wraps keys as play info was asked to.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use cloud_player::engine::{OverlaySeed, Query, Request, Source};
use cloud_player::secret::{Secret, Url};

use crate::sample::{self, MASTER, TOKEN};
use crate::world::{Origin, Response};

/// Answers requests for play info in the place of the service: it gets the request and how many there were before.
pub(crate) type Instead = Box<dyn FnMut(&Request, usize) -> Option<Response>>;

/// The sample behind a service.
pub(crate) fn behind(instead: Instead) -> Origin {
    behind_overlay(instead, None)
}

/// The same, with keys wrapped for who has asked for that.
pub(crate) fn behind_overlay(mut instead: Instead, key: Option<Rc<PrivateKey>>) -> Origin {
    let (mut count, mut overlay) = (0, None);
    Box::new(move |request: &Request| {
        let url = request.url.expose();
        if url.starts_with("http://info") {
            count += 1;
            overlay = key.as_ref().and_then(|key| key.overlay(url));
            return instead(request, count - 1).unwrap_or_else(|| Response::ok(answer(MASTER, TOKEN)));
        }
        let mut response = sample::serve(request);
        if let (Some((key, iv)), true) = (&overlay, url.contains("/key")) {
            response.body = wrapped(&response.body, key, iv);
        }
        response
    })
}

/// Play info for the sample: version 4.
pub(crate) fn answer(url: &str, token: &str) -> String {
    serde_json::json!({
        "code": 0,
        "message": "",
        "context": "c0ntext/of-this-answer==",
        "media": {
            "basicInfo": { "name": "A lesson", "coverUrl": "http://origin.test/p.jpg?expires=99&signature=p05ter" },
            "streamingInfo": { "drmOutput": [{ "type": "SimpleAES", "url": url }], "drmToken": token },
        },
    })
    .to_string()
}

pub(crate) fn refusal(code: i64) -> Response {
    Response::ok(format!(r#"{{"code": {code}, "message": "quoted: p.s1gn"}}"#))
}

/// A file of services at these hosts.
pub(crate) fn file(hosts: &[&str], psign: Option<&str>, overlay: Option<OverlaySeed>) -> Source {
    let endpoint = |host: &&str| Url::new(format!("http://{host}.test/getplayinfo/v4"));
    Source::PlayInfo {
        endpoints: hosts.iter().map(endpoint).collect(),
        app_id: "1500".into(),
        file_id: "387702299773851453".into(),
        query: Query::V4 {
            psign: psign.map(|psign| Secret::new(psign.to_owned())),
            context: None,
            overlay: None,
        },
        overlay,
    }
}

/// The service's pair of RSA keys, of OpenSSL's making.
pub(crate) struct PrivateKey(String);

impl PrivateKey {
    pub(crate) fn new() -> Rc<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("service");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.pem", MADE.fetch_add(1, Ordering::Relaxed)));
        let path = file.to_str().unwrap().to_owned();
        let words = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", &path];
        openssl(&words, &[]);
        Rc::new(Self(path))
    }

    pub(crate) fn public(&self) -> String {
        String::from_utf8(openssl(&["rsa", "-pubout", "-in", &self.0], &[])).unwrap()
    }

    pub(crate) fn seed(&self) -> OverlaySeed {
        OverlaySeed { public_key: self.public(), key_id: "1".into(), seed: Secret::new(*SEED) }
    }

    /// The overlay that a request asks for: its key and its IV, as 32 digits each.
    pub(crate) fn overlay(&self, url: &str) -> Option<(String, String)> {
        let value = |name: &str| {
            let digits = url.split(&format!("{name}=")).nth(1)?.split('&').next().unwrap();
            let words = ["pkeyutl", "-decrypt", "-inkey", &self.0];
            Some(String::from_utf8(openssl(&words, &bytes(digits))).unwrap())
        };
        Some((value("cipheredOverlayKey")?, value("cipheredOverlayIv")?))
    }
}

pub(crate) const SEED: &[u8; 32] = b"randomness that nobody else has!";

pub(crate) fn wrapped(key: &[u8], overlay: &str, iv: &str) -> Vec<u8> {
    openssl(&["enc", "-aes-128-cbc", "-nopad", "-K", overlay, "-iv", iv], key)
}

pub(crate) fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn openssl(words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("OPENSSL IS MISSING, and this test is nothing without it");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What a service is asked, in order, by host.
pub(crate) fn asked(requests: &[(cloud_player::time::Timestamp, Request)]) -> Vec<String> {
    let host =
        |url: &str| url.strip_prefix("http://info").map(|rest| rest.split('.').next().unwrap().to_owned());
    requests.iter().filter_map(|(_, request)| host(request.url.expose())).collect()
}
