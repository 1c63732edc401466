//! # Cloud Player
//!
//! One HLS player core for protected course video, run by several hosts: a web page (through WebAssembly, in a
//! worker) and a headless native host that plays whole sessions in virtual time.
//!
//! ## Shape
//!
//! ```text
//!   host (web, tests, command line)      fetch, Media Source Extensions, timers, clock
//!     │  Input            ▲ Output
//!     ▼                   │
//!   session ── segment bytes ──▶ crypto ──▶ media        decrypt, demultiplex, multiplex
//!     │  (everything else)          fragments ┐
//!     ▼                                       ▼
//!   engine ──▶ playlist, access, abr, telemetry          every decision, no I/O
//! ```
//!
//! Arrows point one way. Nothing but the host modules names a clock, a network, a random source or a thread: what
//! happened comes in as an [`Input`](engine::Input) with the time at which it happened, what is to be done goes out
//! as an [`Output`](engine::Output). The same inputs give the same outputs.
//!
//! | module | owns |
//! |---|---|
//! | [`session`] | what a host drives: the engine and the media pipeline |
//! | [`engine`] | what to fetch, append, evict, retry and report, and when |
//! | [`playlist`] | playlist text to model, RFC 8216bis |
//! | [`access`] | play info, tokens and signatures on URLs, the server's clock |
//! | [`crypto`] | keys, AES as bytes arrive, whole segments and samples |
//! | [`media`] | MPEG-TS, packed audio, fragmented MP4 and text to what a sink takes, as bytes arrive |
//! | [`abr`] | throughput and the choice of a rung |
//! | [`telemetry`] | quality of experience, trace, batches |
//! | [`recording`] | sessions from the field written down, with all their secrets, and played again |
//! | [`handoff`] | the decisions for a native component that plays an address by itself |
//! | [`miniprogram`] | the host of a mini-program's component: JSON in, JSON out (feature `miniprogram`: its exports, on wasm32) |
//! | `warm_up` | what the host has compiled before it is needed |
//! | `web` | the page's host (wasm32 without that feature) |
//! | `simulate` | hosts in virtual time: sessions from seeds, and the choice of rungs measured (feature `cli`) |
//!
//! ## The host loop
//!
//! A host hands in what happened, then drains outputs until it is told when to wake up. It never answers an output by
//! returning a value, and nothing calls back into it.
//!
//! ```
//! use cloud_player::engine::{Command, Config, Input, NetEvent, Output, ResponseHead, Source};
//! use cloud_player::secret::Url;
//! use cloud_player::session::Session;
//! use cloud_player::time::Timestamp;
//!
//! let mut session = Session::new(Config::default(), Timestamp::ZERO);
//! let source = Source::Hls { url: Url::new("https://cdn.example/lesson.m3u8"), token: None };
//! let mut inputs = vec![Input::Command(Command::Load(vec![source]))];
//! let mut fatal = None;
//! while let Some(input) = inputs.pop() {
//!     session.handle(Timestamp::from_millis(1), input);
//!     while let Some(output) = session.poll() {
//!         match output {
//!             // A real host starts a request here and hands in head, chunks and end as they come.
//!             Output::Fetch(request) => {
//!                 let head = ResponseHead { status: 403, ..ResponseHead::default() };
//!                 inputs.push(Input::Net { id: request.id, event: NetEvent::Head(head) });
//!             }
//!             Output::Notify(cloud_player::engine::Event::Error(error)) => fatal = Some(error),
//!             // A real host gives `Input::Wake` at `wake.at`.
//!             Output::Wake(_) | Output::Abort(_) | Output::Sink(_) | Output::Element(_) | Output::Notify(_) => {}
//!         }
//!     }
//! }
//! assert_eq!(fatal.map(|e| e.code), Some("access_refused"));
//! ```

pub mod abr;
pub mod access;
pub mod crypto;
pub mod engine;
pub mod error;
pub mod handoff;
pub mod media;
pub mod miniprogram;
pub mod playlist;
pub mod recording;
pub mod secret;
pub mod session;
#[cfg(feature = "cli")]
pub mod simulate;
pub mod telemetry;
pub mod time;
#[cfg(any(test, all(target_arch = "wasm32", not(feature = "miniprogram"))))]
mod warm_up;

#[cfg(all(target_arch = "wasm32", not(feature = "miniprogram")))]
pub mod web;
