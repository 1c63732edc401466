//! The reference origin: the other side of the player. It packages, signs, encrypts and serves media,
//! answers play info in Tencent Cloud VOD's shapes and a neutral one, guards keys with tokens and renews them, shapes and breaks the
//! network on request, and records telemetry.
//!
//! It shares no code with the player core, so that the two check each other.
//!
//! ```no_run
//! # async fn demo() -> Result<(), cloud_player_origin::Error> {
//! let origin = cloud_player_origin::Origin::bind(cloud_player_origin::Config::default()).await?;
//! println!("http://{}", origin.addr());
//! origin.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Addresses
//!
//! Every viewer-facing address also exists below `/s/{sid}`, where `sid` (`[A-Za-z0-9_-]{1,64}`) is chosen by
//! the client; without it the session is `default`. Shape, faults, terms of access, clock and request log belong to a
//! session.
//!
//! | address | what |
//! |---|---|
//! | `/…` | the `www` directory |
//! | `/getplayinfo/v4/{appId}/{fileId}?psign=` | play info; the file id is the asset's id; `cipheredOverlayKey`, `cipheredOverlayIv` and `keyId` have keys encrypted once more |
//! | `/getplayinfo/v2/{appId}/{fileId}?t=&us=&exper=&sign=` | the same in the form that Tencent had before |
//! | `/playinfo/{fileId}?psign=` | the same in a neutral form: `{"sources","token","expires","serverTime","poster","thumbnails",…}` |
//! | `/media/{asset}/…` | `master.m3u8`, media playlists, segments; signed (see [`Signing`]), and a token in a playlist's name must hold |
//! | `/keys/{asset}/{key_id}?token=` | 16 bytes for a DRM token of that asset and session that has not expired; encrypted once more if play info was asked for with an overlay |
//! | `/overlay-key` | the public RSA key for overlays of keys, in PEM |
//! | `POST /renew` | a fresh address and token: `{"fileId","psign"?,"token"?,"appId"?}` gives `{"url","token","expires","serverTime"}` |
//! | `POST /telemetry`, `GET /telemetry[/sessions[/{id}]]` | see [`telemetry`] |
//! | `/admin/…` | needs the header `x-admin-token`; see [`admin`] |
//!
//! An error is JSON: `{"error":"stable_code","message":"…"}`; play info has Tencent's form instead.

#![forbid(unsafe_code)]

mod access;
pub mod admin;
mod anti_leech;
mod app;
mod cache;
mod catalog;
mod clock;
mod config;
mod connection;
mod deliver;
mod error;
mod faults;
mod grant;
mod keys;
mod live;
mod media;
mod outage;
mod overlay;
pub mod package;
mod playinfo;
mod playlist;
mod renew;
mod reply;
mod secret;
mod serve;
mod session;
mod shape;
mod sign;
pub mod telemetry;
mod token;
mod viewer;
mod www;

pub use catalog::{Asset, Iv, Media, Protection, Signing};
pub use config::Config;
pub use error::Error;
pub use secret::Secret;
pub use serve::Origin;
