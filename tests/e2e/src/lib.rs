//! A stage for end-to-end tests: the real origin in this process, chromedriver beside it, and a headless
//! Chromium that shows the built page.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use cloud_player_e2e::stage;
//! # #[allow(clippy::disallowed_methods)]
//! #[tokio::test(flavor = "multi_thread")]
//! async fn the_title_shows() {
//!     stage("the_title_shows", async |stage| {
//!         stage.open("/").await;
//!         let title: String = stage.wait_for("a title", Duration::from_secs(5), "return document.title").await;
//!         assert!(!title.is_empty());
//!     })
//!     .await;
//! }
//! # fn main() {}
//! ```
//!
//! Whatever happens in a scenario, its browser is closed and its files are removed; if it fails, a screenshot and
//! the console are left in `target/e2e/`. Stages take turns, because what they measure is time; those that measure none
//! are patient and play beside one another.

// A harness: what fails here fails the test, and says what it was. It starts programs and measures time.
#![allow(clippy::expect_used, clippy::panic, clippy::disallowed_methods)]
#![forbid(unsafe_code)]

mod admin;
mod browser;
mod driver;
pub mod packagers;
pub mod renditions;
mod stage;
mod www;

pub use admin::{Admin, Renewals, Request, Tokens};
pub use browser::Log;
pub use stage::{Stage, patient_stage, stage};
