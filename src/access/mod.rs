//! Who may watch: play info, tokens, signatures on URLs, and the server's clock.
//!
//! - [`play_info`] asks a service which streams a file id has and under which token.
//! - [`Overlay`] is what a key server wraps its answers with, made up for one playback and sent along.
//! - [`Credentials`] holds that token for a session and makes request URLs of the URLs in playlists.
//! - [`format_url_with_token`] and [`with_query_param`] put a token on one URL; [`inherit`] hands a playlist's
//!   signature on to what lies where it holds; [`expiry`] says how long it does.
//! - [`signature_of`] tells by which scheme a URL is signed; [`resigned`] puts a renewed signature in the place of
//!   the one it renews.
//! - [`cache_key`] names a key or playlist without what changes from viewer to viewer.
//! - [`renewal`] says when a grant is asked for anew.
//! - [`ServerClock`] is the time by which servers judge all of this.
//!
//! Invariants: URLs are edited as text, so a byte that is not meant to change does not, and signatures over them
//! hold; whatever is not understood is left as it is; no secret shows in `Debug`, errors or cache keys.
//!
//! `docs/access.md` has the table of signature schemes.

#![forbid(unsafe_code)]

mod base64;
mod cache_key;
mod clock;
mod credentials;
mod json;
mod overlay;
pub mod play_info;
pub mod renewal;
mod rsa;
mod signature;
mod token;
mod url_parts;

pub use base64::decode as decode_base64;
pub use cache_key::cache_key;
pub use clock::ServerClock;
pub use credentials::{Credentials, TokenUse};
pub use overlay::{Overlay, OverlaySeed, WrappedOverlay};
pub use play_info::{PlayInfo, PlayInfoError};
pub use rsa::{PublicKey, PublicKeyError};
pub(crate) use signature::path_token;
pub use signature::{Signed, expiry, inherit, resigned, signature_of};
pub use token::{Kinds, TokenPlacement, format_url_with_token, with_query_param};
pub(crate) use url_parts::same_origin;
