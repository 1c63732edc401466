//! What a session may show at a server's door, and on which URLs it goes.

use std::collections::VecDeque;

use crate::secret::{Secret, Url};

use super::cache_key::{identity, is_value};
use super::signature::inherit;
use super::token::{TokenPlacement, file_name_prefix, format_url_with_token, with_query_param};
use super::url_parts::{Parts, encode_query_value, same_origin};

/// A token, and where it stands in URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// Opaque to the player.
    pub token: Secret<String>,
    /// Where it goes.
    pub placement: TokenPlacement,
}

impl TokenUse {
    /// A token in the file name of playlists.
    pub fn in_file_name(token: Secret<String>) -> Self {
        Self { token, placement: TokenPlacement::FileNamePrefix }
    }
}

/// Makes request URLs of the URLs that play info and playlists name. Owned by the engine.
///
/// URLs found inside a playlist are given resolved, next to the URL that the playlist itself came from. A token that
/// was replaced gives way to the new one in every URL made from then on, also where a playlist that is at hand
/// still names the old one.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    token: Option<TokenUse>,
    /// Tokens that were in use before, latest last.
    former: VecDeque<Secret<String>>,
}

impl Credentials {
    /// From now on this token is used; `None`: none is.
    pub fn set_token(&mut self, token: Option<TokenUse>) {
        if let Some(old) = core::mem::replace(&mut self.token, token) {
            if self.former.len() == MAX_FORMER {
                self.former.pop_front();
            }
            self.former.push_back(old.token);
        }
    }

    /// A playlist that play info or the page named.
    pub fn playlist_url(&self, url: &Url) -> Url {
        let url = self.renewed(url);
        match &self.token {
            Some(TokenUse { token, placement: TokenPlacement::FileNamePrefix }) => {
                format_url_with_token(&url, token.expose())
            }
            _ => url,
        }
    }

    /// A media playlist named by the playlist at `parent`. The token in the file name goes along if it is on the
    /// same host.
    pub fn child_playlist_url(&self, parent: &Url, child: &Url) -> Url {
        let url = self.child_url(parent, child);
        if same_origin(parent, child) { self.playlist_url(&url) } else { url }
    }

    /// An init section or a media segment named by the playlist at `parent`.
    pub fn child_url(&self, parent: &Url, child: &Url) -> Url {
        self.renewed(&inherit(parent, child))
    }

    /// A key named by the playlist at `parent`.
    pub fn key_url(&self, parent: &Url, key: &Url) -> Url {
        let url = self.child_url(parent, key);
        match &self.token {
            Some(TokenUse { token, placement: TokenPlacement::KeyQuery(name) }) => {
                with_query_param(&url, name, token.expose())
            }
            _ => url,
        }
    }

    /// As [`cache_key`](super::cache_key), leaving out every token that this session has used, wherever it stands.
    pub fn cache_key(&self, url: &Url) -> String {
        let tokens: Vec<_> = self.token.iter().map(|t| &t.token).chain(&self.former).collect();
        identity(url, &tokens)
    }

    /// The URL with the token of today in the place of a former one.
    fn renewed(&self, url: &Url) -> Url {
        let (Some(current), Some(parts)) = (&self.token, Parts::of(url.expose())) else { return url.clone() };
        let current = current.token.expose();
        let name = self.former.iter().find_map(|old| {
            let name = parts.file_name.strip_prefix(&file_name_prefix(old.expose()))?;
            Some(format!("{}{name}", file_name_prefix(current)))
        });
        let is_former = |value: &str| self.former.iter().any(|old| is_value(old.expose(), value));
        let query = parts.parameters().any(|p| is_former(p.value)).then(|| {
            let renewed = parts.parameters().map(|p| {
                if is_former(p.value) {
                    format!("{}={}", p.name, encode_query_value(current))
                } else {
                    p.text.to_owned()
                }
            });
            renewed.collect::<Vec<_>>().join("&")
        });
        if name.is_none() && query.is_none() {
            return url.clone();
        }
        let file_name = name.as_deref().unwrap_or(parts.file_name);
        Url::new(Parts { file_name, query: query.as_deref().or(parts.query), ..parts }.join())
    }
}

/// How many former tokens are remembered. A playlist older than as many renewals is fetched anew anyway.
const MAX_FORMER: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn url(text: &str) -> Url {
        Url::new(text)
    }

    #[test]
    fn without_a_token_urls_only_inherit_signatures() {
        let credentials = Credentials::default();
        let parent = url("http://h/d/m.m3u8?t=1&sign=2");
        assert_eq!(credentials.playlist_url(&parent), parent);
        for made in [
            credentials.child_playlist_url(&parent, &url("http://h/d/x")),
            credentials.child_url(&parent, &url("http://h/d/x")),
            credentials.key_url(&parent, &url("http://h/d/x")),
        ] {
            assert_eq!(made.expose(), "http://h/d/x?t=1&sign=2");
        }
    }

    #[test]
    fn a_file_name_token_goes_on_playlists_of_its_host_alone() {
        let mut credentials = Credentials::default();
        credentials.set_token(Some(TokenUse::in_file_name(token("a.b"))));
        let parent = credentials.playlist_url(&url("http://h/d/m.m3u8?t=1&sign=2"));
        assert_eq!(parent.expose(), "http://h/d/voddrm.token.a.b.m.m3u8?t=1&sign=2");
        let child = |c: &str| credentials.child_playlist_url(&parent, &url(c)).expose().to_owned();
        assert_eq!(child("http://h/d/360/i.m3u8"), "http://h/d/360/voddrm.token.a.b.i.m3u8?t=1&sign=2");
        assert_eq!(
            child("http://h/d/voddrm.token.a.b.i.m3u8?t=1&sign=2"),
            "http://h/d/voddrm.token.a.b.i.m3u8?t=1&sign=2"
        );
        assert_eq!(child("http://other/d/i.m3u8"), "http://other/d/i.m3u8");
        assert_eq!(
            credentials.child_url(&parent, &url("http://h/d/1.ts?start=0")).expose(),
            "http://h/d/1.ts?start=0&t=1&sign=2"
        );
        assert_eq!(
            credentials.key_url(&parent, &url("http://h/k?token=a.b")).expose(),
            "http://h/k?token=a.b"
        );
    }

    #[test]
    fn a_query_token_goes_on_keys_alone() {
        let mut credentials = Credentials::default();
        let placement = TokenPlacement::KeyQuery("auth".to_owned());
        credentials.set_token(Some(TokenUse { token: token("a+b"), placement }));
        let parent = url("http://h/d/m.m3u8");
        assert_eq!(credentials.playlist_url(&parent), parent);
        assert_eq!(credentials.child_url(&parent, &url("http://h/d/1.ts")).expose(), "http://h/d/1.ts");
        assert_eq!(
            credentials.key_url(&parent, &url("http://k/key?id=1")).expose(),
            "http://k/key?id=1&auth=a%2Bb"
        );
        assert_eq!(credentials.key_url(&parent, &url("data:,key")).expose(), "data:,key");
    }

    #[test]
    fn a_new_token_takes_the_place_of_the_old_wherever_that_stood() {
        let mut credentials = Credentials::default();
        credentials.set_token(Some(TokenUse::in_file_name(token("old.token"))));
        let master = credentials.playlist_url(&url("http://h/d/m.m3u8?x=1"));
        let key = url("http://h/k?id=7&token=old.token&&y");
        let before = credentials.cache_key(&key);
        credentials.set_token(Some(TokenUse::in_file_name(token("new.token"))));
        assert_eq!(
            credentials.playlist_url(&master).expose(),
            "http://h/d/voddrm.token.new.token.m.m3u8?x=1"
        );
        assert_eq!(
            credentials
                .child_playlist_url(&master, &url("http://h/d/voddrm.token.old.token.i.m3u8"))
                .expose(),
            "http://h/d/voddrm.token.new.token.i.m3u8"
        );
        let renewed = credentials.key_url(&master, &key);
        assert_eq!(renewed.expose(), "http://h/k?id=7&token=new.token&y");
        assert_eq!(credentials.cache_key(&renewed), before, "still the same key");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut credentials = Credentials::default();
        for i in 0..100 {
            credentials.set_token(Some(TokenUse::in_file_name(token(&format!("t{i}")))));
        }
        assert_eq!(credentials.former.len(), MAX_FORMER);
    }
}
