//! A scenario's stage: an origin and a browser of its own.

use std::fs;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cloud_player_origin::{Config, Origin};
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::RwLock;

use crate::admin::Admin;
use crate::browser::{Browser, Log};
use crate::driver::Driver;
use crate::www;

/// What a scenario plays on.
#[derive(Debug)]
pub struct Stage {
    origin: Origin,
    admin: Admin,
    browser: Browser,
    session: String,
}

/// Sets up a stage, plays a scenario on it and strikes it. `name` (`[A-Za-z0-9_-]`) is the viewer session at the
/// origin and names the files that are left if the scenario fails.
///
/// # Panics
/// If the scenario does, or if the stage cannot be set up.
pub async fn stage(name: &str, scenario: impl AsyncFnOnce(&Stage)) {
    // Taken before the turn, so that chromedriver lives from the first stage to the last.
    let driver = Driver::shared();
    let _turn = TURN.write().await;
    play(name, &driver, scenario).await;
}

/// Like [`stage`], for a scenario that waits for things to come about, however long they take, and measures no time:
/// such scenarios play beside one another, as many as tests run at a time.
///
/// # Panics
/// As [`stage`].
pub async fn patient_stage(name: &str, scenario: impl AsyncFnOnce(&Stage)) {
    let driver = Driver::shared();
    let _turn = TURN.read().await;
    play(name, &driver, scenario).await;
}

async fn play(name: &str, driver: &Driver, scenario: impl AsyncFnOnce(&Stage)) {
    let www = www::with_probe();
    let config = Config { www: Some(www.path().to_owned()), ..Config::default() };
    let origin = Origin::bind(config).await.expect("the origin starts");
    let admin = Admin::new(origin.addr(), origin.admin_token().expose(), name);
    let browser = Browser::open(&driver.url()).await;
    let stage = Stage { origin, admin, browser, session: name.to_owned() };

    let outcome = AssertUnwindSafe(scenario(&stage)).catch_unwind().await;
    if outcome.is_err() {
        stage.keep_evidence().await;
    }
    stage.browser.close().await;
    stage.origin.shutdown().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

impl Stage {
    /// Opens a page of the origin, such as `/index.html`.
    ///
    /// # Panics
    /// If it does not load.
    pub async fn open(&self, path: &str) {
        self.browser.goto(&self.address(path)).await;
    }

    /// The whole address of a path at the origin.
    pub fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.origin.addr())
    }

    /// The viewer session: paths under `/s/{session}/` are shaped, broken and logged for this stage.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Has the browser say and do as if there were no network, or one again; the page's own requests only.
    ///
    /// # Panics
    /// If the browser refuses.
    pub async fn set_online(&self, online: bool) {
        self.browser.set_online(online).await.unwrap_or_else(|error| panic!("network conditions: {error}"));
    }

    /// Runs the body of an async function in the page and takes the value that it returns.
    ///
    /// # Panics
    /// If the script throws, or returns something else.
    pub async fn js<T: DeserializeOwned>(&self, body: &str) -> T {
        let value = self.browser.js(body).await.unwrap_or_else(|error| panic!("{error}\nin: {body}"));
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}\nfrom: {body}"))
    }

    /// Runs such a body again and again until it returns something true, and takes that.
    ///
    /// # Panics
    /// If that takes longer than `timeout`, with `what` and the page's last error in the message.
    pub async fn wait_for<T: DeserializeOwned>(&self, what: &str, timeout: Duration, body: &str) -> T {
        let begun = Instant::now();
        loop {
            let value: Value = self.js(body).await;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return serde_json::from_value(value.clone())
                    .unwrap_or_else(|error| panic!("{what}: {error}: {value}"));
            }
            if begun.elapsed() > timeout {
                let errors: Value = self.js("return globalThis.e2e?.errors ?? []").await;
                panic!("waited {timeout:?} in vain for {what}; error events on the page: {errors}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The origin's administrator, for this stage's session.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// What the console said since the last call.
    ///
    /// # Panics
    /// If the browser does not tell.
    pub async fn console(&self) -> Vec<Log> {
        self.browser.console().await.unwrap_or_else(|error| panic!("console: {error}"))
    }

    /// Leaves a screenshot, the console and the request log where they can be looked at.
    async fn keep_evidence(&self) {
        let folder = std::env::var_os("CLOUD_PLAYER_E2E_OUT")
            .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/e2e").into(), PathBuf::from);
        let mut notes = String::new();
        let mut note = |line: String| {
            notes.push_str(&line);
            notes.push('\n');
        };
        match self.browser.console().await {
            Ok(logs) => logs.iter().for_each(|log| note(format!("{} {}", log.level, log.message))),
            Err(error) => note(format!("no console: {error}")),
        }
        // Asked of the origin itself: a failure to get it must not hide the failure of the scenario.
        if let Ok(requests) = AssertUnwindSafe(self.admin.requests()).catch_unwind().await {
            requests.iter().for_each(|request| note(format!("{request:?}")));
        }
        let saved = fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(format!("{}.log", self.session)), notes));
        if let Err(error) = saved {
            eprintln!("{}: {error}", folder.display());
        }
        match self.browser.screenshot().await {
            Ok(png) => drop(fs::write(folder.join(format!("{}.png", self.session)), png)),
            Err(error) => eprintln!("no screenshot: {error}"),
        }
    }
}

/// Held by who plays: alone, or beside others. It is given in the order in which it was asked for.
static TURN: RwLock<()> = RwLock::const_new(());

const POLL: Duration = Duration::from_millis(50);
