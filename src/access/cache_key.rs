//! What a resource is called when tokens, signatures and viewers are left out.

use crate::secret::{DRM_TOKEN_PREFIX, Secret, Url};

use super::signature::SignedUrl;
use super::token::file_name_prefix;
use super::url_parts::{Parameter, encode_path_segment, encode_query_value};

/// The identity of a key or playlist: the same for all URLs that differ only in a file-name token, in a signature (see
/// `docs/access.md`), in the user part or in the fragment; different for all others. 32 hexadecimal digits that show
/// nothing of the URL, so that a token in a place that nobody knows of does not leak either.
///
/// Of a JSON Web Token, what it claims counts, its dates and its own name (`jti`) aside: two keys may have one
/// address and differ in what their tokens are for.
///
/// A token in the query is not known as such here, and a token in the file name is taken to end at its first dot;
/// [`Credentials::cache_key`](super::Credentials::cache_key) knows the tokens of its session.
pub fn cache_key(url: &Url) -> String {
    identity(url, &[])
}

/// As [`cache_key`], with these tokens left out as well, wherever they stand.
pub(super) fn identity(url: &Url, tokens: &[&Secret<String>]) -> String {
    let mut digest = Fnv::default();
    let Some(signed) = SignedUrl::of(url.expose()) else {
        digest.add(url.expose());
        return digest.hex();
    };
    let parts = signed.parts;
    let (scheme, host) = parts.web_origin().unwrap_or_default();
    let file_name = without_token(parts.file_name, tokens);
    for part in [&scheme, "//", &host, &signed.bare_directory(), file_name] {
        digest.add(part);
    }
    let is_token = |p: &Parameter<'_>| tokens.iter().any(|t| is_value(t.expose(), p.value));
    for parameter in signed.own_parameters().filter(|p| !is_token(p)) {
        digest.add("&");
        digest.add(parameter.text);
    }
    for (_, subject) in signed.subjects().filter(|(p, _)| !is_token(p)) {
        digest.add("&");
        digest.add(&subject);
    }
    digest.hex()
}

/// Whether `value`, as it stands in a query, is this token.
pub(super) fn is_value(token: &str, value: &str) -> bool {
    // As a path segment a token is encoded less than we would in a query, and servers copy it from there.
    token.len() >= MIN_TOKEN
        && (value == token || value == encode_query_value(token) || value == encode_path_segment(token))
}

fn without_token<'a>(file_name: &'a str, tokens: &[&Secret<String>]) -> &'a str {
    if let Some(name) = tokens.iter().find_map(|t| file_name.strip_prefix(&file_name_prefix(t.expose()))) {
        return name;
    }
    let unknown = file_name.strip_prefix(DRM_TOKEN_PREFIX).and_then(|rest| rest.split_once('.'));
    unknown.map_or(file_name, |(_, name)| name)
}

/// Shorter ones are not looked for among values: they could be anything.
const MIN_TOKEN: usize = 8;

/// FNV-1a with 128 bits: an identity, not a proof. Who makes two URLs collide confuses only his own playback.
struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    fn add(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    fn hex(&self) -> String {
        format!("{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::format_url_with_token;

    fn key(url: &str) -> String {
        cache_key(&Url::new(url))
    }

    #[test]
    fn the_digest_is_fnv_1a() {
        let mut digest = Fnv::default();
        digest.add("foobar"); // a vector of its authors
        assert_eq!(digest.hex(), "343e1662793c64bf6f0d3597ba446f18");
    }

    #[test]
    fn tokens_and_signatures_do_not_count() {
        let plain = key("http://h/d/v.f1.m3u8?id=7");
        for url in [
            "http://h/d/v.f1.m3u8?id=7&t=1&us=2&sign=3",
            "http://h/d/v.f1.m3u8?expires=1&id=7&signature=2",
            "http://h/d/voddrm.token.TOK.v.f1.m3u8?id=7",
            "HTTP://u:p@H:80/d/v.f1.m3u8?id=7#f",
        ] {
            assert_eq!(key(url), plain, "{url}");
        }
        let url = Url::new("http://h/d/v.f1.m3u8?id=7");
        assert_eq!(cache_key(&format_url_with_token(&url, "a/b=~")), plain);
    }

    #[test]
    fn everything_else_does() {
        let urls = [
            "http://h/d/k?id=1",
            "http://h/d/k?id=2",
            "http://h/d/k?id=1&t=1",
            "http://h/d/k?id=1&token=a",
            "http://h/d/k?id=1&token=b",
            "http://h/d/k",
            "http://h/d/K",
            "http://h/e/k",
            "https://h/d/k",
            "http://i/d/k",
            "data:,a",
            "data:,b",
        ];
        let keys: std::collections::BTreeSet<_> = urls.iter().map(|u| key(u)).collect();
        assert_eq!(keys.len(), urls.len());
    }

    #[test]
    fn a_known_token_does_not_count_wherever_it_stands() {
        let token = Secret::new("head.pay/load.tail".to_owned());
        let with = |url: &str| identity(&Url::new(url), &[&token]);
        assert_eq!(with("http://h/k?id=1&token=head.pay%2Fload.tail"), key("http://h/k?id=1"));
        assert_eq!(with("http://h/k?jwt=head.pay/load.tail&id=1"), key("http://h/k?id=1"));
        assert_eq!(with("http://h/voddrm.token.head.pay%2Fload.tail.v.m3u8"), key("http://h/v.m3u8"));
        assert_ne!(with("http://h/k?id=1&token=other"), key("http://h/k?id=1"));
        let short = Secret::new("1".to_owned());
        assert_eq!(identity(&Url::new("http://h/k?id=1"), &[&short]), key("http://h/k?id=1"));
    }
}
