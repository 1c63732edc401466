//! The chromedriver process: one for all tests that run at the same time.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A running chromedriver. The last holder to let go stops it.
#[derive(Debug)]
pub(crate) struct Driver {
    process: Child,
    port: u16,
}

static RUNNING: Mutex<Weak<Driver>> = Mutex::new(Weak::new());

impl Driver {
    /// The one that runs already, or a new one.
    pub(crate) fn shared() -> Arc<Self> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let driver = Arc::new(Self::start());
            *running = Arc::downgrade(&driver);
            driver
        })
    }

    fn start() -> Self {
        let program = std::env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let spawned =
            Command::new(&program).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut process =
            spawned.unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut reader = BufReader::new(stdout);
        let mut said = String::new();
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
            let port = line
                .split_once("successfully on port ")
                .and_then(|(_, rest)| rest.trim_end().trim_end_matches('.').parse().ok());
            if let Some(port) = port {
                // It must not come to wait for us to read on.
                std::thread::spawn(move || std::io::copy(&mut reader.by_ref(), &mut std::io::sink()));
                return Self { process, port };
            }
            let _ = said.write_str(&line);
            line.clear();
        }
        let _ = process.kill();
        let _ = process.wait();
        panic!("chromedriver did not say its port:\n{said}")
    }

    /// Where it takes WebDriver commands.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Sessions close their browsers themselves, so that nothing is left for it to clean up.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
