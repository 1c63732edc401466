//! What the origin is started with. Nothing here changes while it runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::catalog::Asset;
use crate::secret::Secret;

/// Settings of an origin. The default listens on a free loopback port, serves the built-in sample, keeps
/// telemetry in memory and makes fresh secrets: what a test wants.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The directory served at `/`.
    pub www: Option<PathBuf>,
    /// The ready-made ladder behind the `sample` assets; `sample-splice` and `sample-tracks` lie beside it.
    pub sample: PathBuf,
    /// Where encoded media is kept. `None`: nothing is encoded and `lesson` shows the sample.
    pub cache: Option<PathBuf>,
    /// The telemetry database. `None`: in memory.
    pub db: Option<PathBuf>,
    /// Signs URLs, tokens and psigns, and is what media keys are derived from. `None`: random.
    pub secret: Option<Secret>,
    /// Opens `/admin`. `None`: random, see [`crate::Origin::admin_token`].
    pub admin_token: Option<Secret>,
    /// The KEY of key anti-leech. `None`: derived from the secret.
    pub anti_leech_key: Option<Secret>,
    /// The RSA key that overlays of keys come under: PKCS#8 in PEM. By default one that everybody knows, for tests.
    pub overlay_key: Secret,
    /// Life of the URLs in play info, in seconds.
    pub url_ttl_s: i64,
    /// Life of the DRM token in play info, in seconds.
    pub token_ttl_s: i64,
    /// What can be played.
    pub assets: Vec<Asset>,
}

impl Config {
    /// The default, with the secrets from `CLOUD_PLAYER_ORIGIN_SECRET` and `CLOUD_PLAYER_ADMIN_TOKEN` where set.
    pub fn from_env() -> Self {
        Self {
            secret: secret_from_env(SECRET_ENV),
            admin_token: secret_from_env(ADMIN_ENV),
            ..Self::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            www: None,
            sample: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/sample")),
            cache: None,
            db: None,
            secret: None,
            admin_token: None,
            anti_leech_key: None,
            overlay_key: Secret::new(include_str!("../overlay-key.pem")),
            url_ttl_s: 6 * 3600,
            token_ttl_s: 6 * 3600,
            assets: Asset::built_in(),
        }
    }
}

/// The environment variable of the signing secret.
pub(crate) const SECRET_ENV: &str = "CLOUD_PLAYER_ORIGIN_SECRET";
/// The environment variable of the administrator's token.
pub(crate) const ADMIN_ENV: &str = "CLOUD_PLAYER_ADMIN_TOKEN";

fn secret_from_env(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new)
}
