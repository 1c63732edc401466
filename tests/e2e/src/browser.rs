//! One browser session: a fresh Chromium with a profile of its own.

use std::time::Duration;

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A headless Chromium.
#[derive(Debug)]
pub(crate) struct Browser {
    client: Client,
    /// Removed when the browser is gone.
    _profile: TempDir,
}

/// A line of the browser's console, of the page or of a worker.
#[derive(Debug, Clone, Deserialize)]
pub struct Log {
    /// `SEVERE`, `WARNING`, `INFO` or `DEBUG`.
    pub level: String,
    /// Where it came from and what it says.
    pub message: String,
    /// Unix milliseconds.
    pub timestamp: f64,
}

impl Browser {
    pub(crate) async fn open(driver: &str) -> Self {
        let profile = tempfile::tempdir().expect("a folder for the browser's profile");
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&profile))
            .connect(driver)
            .await
            .unwrap_or_else(|error| panic!("chromium does not start: {error}"));
        Self { client, _profile: profile }
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("open {url}: {error}"));
    }

    /// Runs the body of an async function in the page; the value that it returns.
    pub(crate) async fn js(&self, body: &str) -> Result<Value, String> {
        let script = format!("return (async () => {{ {body}\n }})();");
        self.client.execute(&script, Vec::new()).await.map_err(|error| error.to_string())
    }

    /// A picture of the page, PNG.
    pub(crate) async fn screenshot(&self) -> Result<Vec<u8>, String> {
        self.client.screenshot().await.map_err(|error| error.to_string())
    }

    /// What the console said since the last call.
    pub(crate) async fn console(&self) -> Result<Vec<Log>, String> {
        let logs = self.client.issue_cmd(ConsoleLog).await.map_err(|error| error.to_string())?;
        serde_json::from_value(logs).map_err(|error| error.to_string())
    }

    /// Takes the network from the page, or gives it back, with the events that tell of it.
    pub(crate) async fn set_online(&self, online: bool) -> Result<(), String> {
        let params =
            json!({ "offline": !online, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        let command = DevTools { command: "Network.emulateNetworkConditions", params };
        self.client.issue_cmd(command).await.map(drop).map_err(|error| error.to_string())
    }

    /// Closes the browser. One that does not answer is left to chromedriver's end.
    pub(crate) async fn close(self) {
        let _ = tokio::time::timeout(CLOSING, self.client.close()).await;
    }
}

/// The options of `webdriver.json`, which the browser tests use too, and what is this session's own.
fn capabilities(profile: &TempDir) -> Capabilities {
    let shared = include_str!("../../../webdriver.json");
    let mut all: Capabilities = serde_json::from_str(shared).expect("webdriver.json is an object");
    let args = all.get_mut("goog:chromeOptions").and_then(|options| options.get_mut("args"));
    let args = args.and_then(Value::as_array_mut).expect("webdriver.json has arguments for Chromium");
    args.push(json!(format!("--user-data-dir={}", profile.path().display())));
    args.push(json!("--window-size=1280,900"));
    all.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
    all.insert("timeouts".to_owned(), json!({ "script": 60_000, "pageLoad": 60_000 }));
    all
}

/// `POST /session/{id}/se/log`, an extension that is not in the standard.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// `POST /session/{id}/goog/cdp/execute`, an extension of chromedriver: a command of the DevTools protocol.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.command, "params": self.params }).to_string()))
    }
}

const CLOSING: Duration = Duration::from_secs(10);
