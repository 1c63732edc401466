//! A DRM token on a URL: in the file name (Tencent VOD's rule for encrypted HLS) or in the query.

use crate::secret::{DRM_TOKEN_PREFIX, Url};

use super::url_parts::{Parts, encode_path_segment, encode_query_value, extended};

/// Where a DRM token stands in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlacement {
    /// `v.m3u8` becomes `voddrm.token.<token>.v.m3u8`; the server hands the token on to the key URIs.
    FileNamePrefix,
    /// A query parameter of this name, put on key requests.
    KeyQuery(String),
    /// A query parameter of this name, put on requests of these kinds.
    Query(String, Kinds),
    /// The first segment of the path, `/name=<token>/`, of requests of these kinds.
    PathPrefix(String, Kinds),
    /// A request header of this name, on requests of these kinds.
    Header(String, Kinds),
}

/// Kinds of request that a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Multivariant and media playlists.
    pub const PLAYLIST: Self = Self(1);
    /// Content keys.
    pub const KEY: Self = Self(2);
    /// Init sections and media segments.
    pub const SEGMENT: Self = Self(4);
    /// All of them.
    pub const ALL: Self = Self(7);

    /// Of these bits: 1 for playlists, 2 for keys, 4 for segments.
    pub const fn of_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// The bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Puts `token` before the file name: `…/v.m3u8?t=1` becomes `…/voddrm.token.<token>.v.m3u8?t=1`.
///
/// The rest of the URL stays as it is, byte for byte. The token is opaque: what cannot stand in a path segment is
/// percent-encoded. A URL that has a token already, has no file name or is no hierarchical URL comes back as it is,
/// and so does any URL when the token is empty.
pub fn format_url_with_token(url: &Url, token: &str) -> Url {
    match Parts::of(url.expose()) {
        Some(parts)
            if !token.is_empty()
                && !parts.file_name.is_empty()
                && !parts.file_name.starts_with(DRM_TOKEN_PREFIX) =>
        {
            let file_name = format!("{}{}", file_name_prefix(token), parts.file_name);
            Url::new(Parts { file_name: &file_name, ..parts }.join())
        }
        _ => url.clone(),
    }
}

/// Adds the query parameter `name` with `value`, percent-encoded. A URL that has a parameter of this name keeps it,
/// whatever its value; the rest stays as it is, byte for byte.
pub fn with_query_param(url: &Url, name: &str, value: &str) -> Url {
    let name = encode_query_value(name);
    match Parts::of(url.expose()) {
        Some(parts) if parts.parameter(&name).is_none() => {
            let query = extended(parts.query, &format!("{name}={}", encode_query_value(value)));
            Url::new(Parts { query: Some(&query), ..parts }.join())
        }
        _ => url.clone(),
    }
}

/// Puts `/name=<token>` before the path of an absolute URL.
pub(super) fn with_path_prefix(url: &Url, name: &str, token: &str) -> Url {
    match Parts::of(url.expose()) {
        Some(parts) if !parts.origin.is_empty() && !token.is_empty() => {
            let below = if parts.directory.is_empty() { "/" } else { parts.directory };
            let directory = [&path_prefix(name), encode_path_segment(token).as_str(), below].concat();
            Url::new(Parts { directory: &directory, ..parts }.join())
        }
        _ => url.clone(),
    }
}

/// The URL without such a segment, whatever the token; `None`: it has none.
pub(super) fn without_path_prefix(url: &Url, name: &str) -> Option<Url> {
    let parts = Parts::of(url.expose())?;
    let (_, below) = parts.directory.strip_prefix(&path_prefix(name))?.split_once('/')?;
    let directory = ["/", below].concat();
    Some(Url::new(Parts { directory: &directory, ..parts }.join()))
}

fn path_prefix(name: &str) -> String {
    ["/", &encode_path_segment(name), "="].concat()
}

/// What stands before a file name that carries `token`.
pub(super) fn file_name_prefix(token: &str) -> String {
    format!("{DRM_TOKEN_PREFIX}{}.", encode_path_segment(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(url: &str, token: &str) -> String {
        format_url_with_token(&Url::new(url), token).expose().to_owned()
    }

    /// The page's `formatUrlWithToken` is held to the same rows.
    #[test]
    fn the_rows_that_pages_are_held_to() {
        let rows = include_str!("../../tests/fixtures/access/token-urls.json");
        let rows: Vec<[String; 3]> = serde_json::from_str(rows).unwrap();
        assert!(rows.len() > 30);
        for [url, token, wanted] in rows {
            assert_eq!(formatted(&url, &token), wanted, "{url:?} {token:?}");
        }
    }

    #[test]
    fn the_token_goes_before_the_file_name() {
        for (url, token, wanted) in [
            (
                "http://h/xxx/xx.m3u8?t=1&us=2&sign=3",
                "TOK",
                "http://h/xxx/voddrm.token.TOK.xx.m3u8?t=1&us=2&sign=3",
            ),
            ("http://h/x.m3u8?a=/b/c.d#/e", "T", "http://h/voddrm.token.T.x.m3u8?a=/b/c.d#/e"),
            ("x.m3u8", "T", "voddrm.token.T.x.m3u8"),
            ("/a/x.m3u8??&&%2f", "T", "/a/voddrm.token.T.x.m3u8??&&%2f"),
            ("http://h/x.m3u8", "a.b~c-_=", "http://h/voddrm.token.a.b~c-_=.x.m3u8"),
            ("http://h/x.m3u8", "a/b?c#d%e é", "http://h/voddrm.token.a%2Fb%3Fc%23d%25e%20%C3%A9.x.m3u8"),
        ] {
            assert_eq!(formatted(url, token), wanted);
            assert_eq!(formatted(wanted, token), wanted, "never twice");
            assert_eq!(formatted(wanted, "OTHER"), wanted, "never two");
        }
    }

    #[test]
    fn a_url_that_cannot_carry_one_stays_as_it_is() {
        for url in ["http://h/dir/?q=x.m3u8", "http://h", "data:,x.m3u8", ""] {
            assert_eq!(formatted(url, "T"), url);
        }
        assert_eq!(formatted("http://h/x.m3u8", ""), "http://h/x.m3u8");
    }

    #[test]
    fn a_parameter_is_added_once_and_replaces_none() {
        for (url, wanted) in [
            ("http://h/k", "http://h/k?token=a%2Fb%3D"),
            ("http://h/k?", "http://h/k?token=a%2Fb%3D"),
            ("http://h/k?id=%7e&x", "http://h/k?id=%7e&x&token=a%2Fb%3D"),
            ("http://h/k?id=1&#f", "http://h/k?id=1&token=a%2Fb%3D#f"),
            ("http://h/k?token=", "http://h/k?token="),
            ("http://h/k?mytoken=1", "http://h/k?mytoken=1&token=a%2Fb%3D"),
            ("data:,k", "data:,k"),
        ] {
            assert_eq!(with_query_param(&Url::new(url), "token", "a/b=").expose(), wanted);
        }
    }
}
