//! What opens a file for a session: the signed address of its multivariant playlist and, where it is encrypted, a DRM
//! token.

use axum::http::HeaderMap;
use axum::http::header::HOST;

use crate::access::Access;
use crate::app::State;
use crate::catalog::{Asset, Protection, Signing};
use crate::package::MASTER;
use crate::token::DrmClaims;
use crate::viewer::{TOKEN_PREFIX, Viewer};

/// An address and a token that live from now on, by the session's clock.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) url: String,
    /// `None`: nothing is encrypted.
    pub(crate) token: Option<String>,
    /// When the first of them ends, in Unix seconds.
    pub(crate) expires: u64,
    url_expires: u64,
}

impl Grant {
    /// For the keys and media of `asset`, and this session alone. `base` is from [`base`].
    pub(crate) fn new(app: &State, access: &Access, viewer: &Viewer, asset: &Asset, base: &str) -> Self {
        let (terms, now_s) = (access.terms(), access.now_s());
        let ends = |ttl: Option<i64>, usual: i64| now_s.saturating_add_signed(ttl.unwrap_or(usual));
        let url_expires = ends(terms.url_ttl_s, app.url_ttl_s);
        let path = format!("/media/{}/{MASTER}", asset.id);
        let url = format!("{base}{}", signed(app, &path, asset.signing, url_expires));
        match asset.protection {
            Protection::Clear => Self { url, token: None, expires: url_expires, url_expires },
            Protection::Aes128 { .. } => {
                let exp = ends(terms.token_ttl_s, app.token_ttl_s);
                let claims = DrmClaims {
                    file: asset.id.clone(),
                    exp,
                    sid: Some(viewer.sid.clone()),
                    ip: terms.bind_ip.then_some(viewer.ip),
                };
                let token = Some(claims.seal(&app.signer));
                Self { url, token, expires: exp.min(url_expires), url_expires }
            }
        }
    }

    /// The address of one of the file's playlists, by its path in the multivariant playlist, with the token in its name.
    pub(crate) fn tokened(&self, app: &State, asset: &Asset, base: &str, playlist: &str) -> String {
        let path = format!("/media/{}/{playlist}", asset.id);
        let url = signed(app, &path, asset.signing, self.url_expires);
        match (&self.token, path.rfind('/').and_then(|at| url.split_at_checked(at + 1))) {
            (Some(token), Some((directory, file))) => {
                format!("{base}{directory}{TOKEN_PREFIX}{token}.{file}")
            }
            _ => format!("{base}{url}"),
        }
    }
}

/// A path that begins with a slash, and the query that opens it, or all that lies beside it.
pub(crate) fn signed(app: &State, path: &str, signing: Signing, expires: u64) -> String {
    let directory = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
    let query = match signing {
        Signing::Exact => app.signer.url_query(path, expires),
        Signing::Directory => app.signer.url_query(directory, expires),
        Signing::TencentKey => app.anti_leech.query(directory, expires),
    };
    format!("{path}?{query}")
}

/// What whole addresses in an answer to this viewer begin with.
pub(crate) fn base(viewer: &Viewer, headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}{}", viewer.prefix)
}
