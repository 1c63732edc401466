//! Keyed hashes, and the signatures on URLs.
//!
//! A signed URL ends in `?expires=<unix seconds>&signature=<hex>`, where the signature is
//! HMAC-SHA256(secret, "{scope}:{expires}"). The scope is the exact path or one of the directories above it, with
//! its final slash. The session prefix and a token in the file name are not part of the path.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::Refusal;
use crate::secret::Secret;

/// Holds the secret; everything that is signed or derived goes through it.
#[derive(Debug)]
pub(crate) struct Signer {
    secret: Secret,
}

/// What a URL's signature permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    /// This path alone.
    Exact { expires: u64 },
    /// All that lies in a directory.
    Directory,
}

impl Signer {
    pub(crate) fn new(secret: Secret) -> Self {
        Self { secret }
    }

    /// The query of a URL in `scope`.
    pub(crate) fn url_query(&self, scope: &str, expires: u64) -> String {
        let signature =
            hex::encode(mac(self.secret.expose(), &url_message(scope, expires)).finalize().into_bytes());
        format!("expires={expires}&signature={signature}")
    }

    /// Checks the parameters of a request for `path`.
    pub(crate) fn check_url(
        &self,
        path: &str,
        expires: Option<&str>,
        signature: Option<&str>,
        now_s: u64,
    ) -> Result<Permit, Refusal> {
        let (Some(expires), Some(signature)) = (expires, signature) else {
            return Err(Refusal::forbidden("signature_missing", "this address needs expires and signature"));
        };
        let invalid = || Refusal::forbidden("signature_invalid", "the signature does not match this address");
        let expires: u64 = expires.parse().map_err(|_| invalid())?;
        let tag = hex::decode(signature).map_err(|_| invalid())?;
        let matches =
            |scope: &str| mac(self.secret.expose(), &url_message(scope, expires)).verify_slice(&tag).is_ok();
        let permit = if matches(path) {
            Permit::Exact { expires }
        } else if directories(path).any(matches) {
            Permit::Directory
        } else {
            return Err(invalid());
        };
        if expires <= now_s {
            return Err(Refusal::forbidden("signature_expired", "the address has expired"));
        }
        Ok(permit)
    }

    /// `message.tag`, both in base64url, under a key of its own for `purpose`.
    pub(crate) fn seal(&self, purpose: &str, message: &str) -> String {
        let tag = mac(&self.derive(purpose), message.as_bytes()).finalize().into_bytes();
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    /// The message of something sealed, or `None` when the tag is wrong.
    pub(crate) fn open<'a>(&self, purpose: &str, sealed: &'a str) -> Option<&'a str> {
        let (message, tag) = sealed.rsplit_once('.')?;
        let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
        mac(&self.derive(purpose), message.as_bytes()).verify_slice(&tag).ok()?;
        Some(message)
    }

    /// Sixteen bytes that only the holder of the secret can name: keys and initialisation vectors.
    pub(crate) fn derive_block(&self, purpose: &str, name: &str) -> [u8; 16] {
        let tag = mac(&self.derive(purpose), name.as_bytes()).finalize().into_bytes();
        std::array::from_fn(|i| tag.get(i).copied().unwrap_or_default())
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        mac(self.secret.expose(), format!("derive/{purpose}").as_bytes()).finalize().into_bytes().into()
    }
}

/// Whether two secrets are equal, in a time that does not tell where they differ.
pub(crate) fn same_secret(a: &[u8], b: &[u8]) -> bool {
    mac(b"compare", a).finalize() == mac(b"compare", b).finalize()
}

/// The directories above a path, nearest first, each with its final slash.
pub(crate) fn directories(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/')
        .filter_map(|(at, _)| path.get(..=at))
        .filter(move |directory| *directory != path)
        .take(DIRECTORY_LIMIT)
}

fn url_message(scope: &str, expires: u64) -> Vec<u8> {
    format!("{scope}:{expires}").into_bytes()
}

/// HMAC takes a key of any length, so the error of `new_from_slice` cannot occur; an empty key stands in for it.
fn mac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key);
    mac.unwrap_or_else(|_| Hmac::new(&Default::default())).chain_update(message)
}

/// Media paths are four levels deep; nobody needs a signature over the twentieth.
const DIRECTORY_LIMIT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_listed_nearest_first() {
        assert_eq!(directories("/a/b/c.ts").collect::<Vec<_>>(), ["/a/b/", "/a/", "/"]);
        assert_eq!(directories("/a/").collect::<Vec<_>>(), ["/"]);
    }

    #[test]
    fn a_url_signature_is_plain_hmac_sha256() {
        // From: printf '/media/x/master.m3u8:1700000000' | openssl dgst -sha256 -hmac key
        let signer = Signer::new(Secret::new("key"));
        assert_eq!(
            signer.url_query("/media/x/master.m3u8", 1_700_000_000),
            "expires=1700000000&signature=e1abf0d0794f9374ef5b97cfc33f32105c408360e5cd3d0ca7852661cfde4115"
        );
    }

    #[test]
    fn what_is_sealed_for_one_purpose_opens_for_no_other() {
        let signer = Signer::new(Secret::new("key"));
        let sealed = signer.seal("a", "message");
        assert_eq!(signer.open("a", &sealed), Some("message"));
        assert_eq!(signer.open("b", &sealed), None);
        assert_eq!(signer.open("a", &format!("x{sealed}")), None);
        assert_eq!(signer.open("a", "no dot"), None);
    }
}
