//! What a session may show at a server's door, and on which URLs it goes.

use std::collections::VecDeque;

use crate::secret::{Secret, Url};

use super::cache_key::{identity, is_value};
use super::json::token_expiry;
use super::signature::{expiry, inherit, is_signed_apart, resigned};
use super::token::{
    Kinds, TokenPlacement, file_name_prefix, format_url_with_token, with_path_prefix, with_query_param,
    without_path_prefix,
};
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
/// URLs found inside a playlist are given resolved, next to the URL that the playlist itself came from. A token or a
/// signature that was replaced gives way to the new one in every request made from then on ([`current`](Self::current)),
/// also where a playlist that is at hand still names the old one.
///
/// A token goes to the origin that its source is at and to the hosts that the page names, and to no other; a server that has
/// it already, by way of a redirect, is asked with it again.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    token: Option<TokenUse>,
    /// Tokens that were in use before, latest last.
    former: VecDeque<Secret<String>>,
    /// The address of the source as it is signed today, and as it was before, latest last.
    source: Option<Url>,
    signed: VecDeque<Url>,
    /// Hosts that the token may go to as well, `host` or `host:port`.
    hosts: Vec<String>,
}

impl Credentials {
    /// Of a session whose tokens may go to these hosts, beside the ones that its sources are at.
    pub fn for_hosts(hosts: &[String]) -> Self {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { hosts, ..Self::default() }
    }

    /// Whether a token is in use.
    pub fn has_any_token(&self) -> bool {
        self.token.is_some()
    }

    /// A source begins, at the address that the page or the play info gave, without the token.
    pub fn begin(&mut self, source: &Url, token: Option<TokenUse>) {
        let hosts = core::mem::take(&mut self.hosts);
        *self = Self { token, source: Some(source.clone()), hosts, ..Self::default() };
    }

    /// From now on this token is used, in the place of the last one, and the signature on this address. Whether either is
    /// another one than before.
    pub fn renew(&mut self, token: Option<Secret<String>>, source: Option<Url>) -> bool {
        let mut is_other = false;
        if let (Some(token), Some(used)) = (token, &mut self.token)
            && used.token != token
        {
            let old = core::mem::replace(&mut used.token, token);
            remember(&mut self.former, old);
            is_other = true;
        }
        if let Some(source) = source
            && self.source.as_ref() != Some(&source)
            && let Some(old) = self.source.replace(source)
        {
            remember(&mut self.signed, old);
            is_other = true;
        }
        is_other
    }

    /// The URL without the token in its path, where the session puts it there: what is relative to it has it too.
    fn bare(&self, url: &Url) -> Option<Url> {
        match &self.token.as_ref()?.placement {
            TokenPlacement::PathPrefix(name, _) => without_path_prefix(url, name),
            _ => None,
        }
    }

    /// A URL found in the playlist at `parent`, with the signature that it inherits.
    fn child(&self, parent: &Url, child: &Url) -> Url {
        let bare = |url: &Url| self.bare(url).unwrap_or_else(|| url.clone());
        self.renewed(&inherit(&bare(parent), &bare(child)))
    }

    /// The address of the source, as it is signed today, without the token.
    pub fn source(&self) -> Option<Url> {
        self.source.clone()
    }

    /// Whether a URL that was made before the last renewal has a signature of its own, which no renewal reaches.
    pub fn is_beyond_renewal(&self, url: &Url) -> bool {
        let url = self.bare(url).unwrap_or_else(|| url.clone());
        let is_apart = self.source.as_ref().is_some_and(|source| is_signed_apart(&url, source));
        is_apart && self.resigned(url.clone()) == url
    }

    /// The URL with the signature of today in the place of a former one.
    fn resigned(&self, url: Url) -> Url {
        match &self.source {
            Some(source) => self.signed.iter().fold(url, |url, former| resigned(&url, former, source)),
            None => url,
        }
    }

    /// Whether this is the address of the source, however it is signed.
    pub fn is_source(&self, url: &Url) -> bool {
        self.source.as_ref().is_some_and(|source| self.cache_key(source) == self.cache_key(url))
    }

    /// When what there is to show ends, in Unix seconds, as far as the source's address or the token says.
    pub fn expiry(&self) -> Option<i64> {
        let of_token = self.token.as_ref().and_then(|used| token_expiry(used.token.expose()));
        self.source.as_ref().and_then(expiry).into_iter().chain(of_token).min()
    }

    /// The URL as it is to be asked for now, whenever it was made.
    pub fn current(&self, url: &Url) -> Url {
        let bare = self.bare(url);
        let url = self.renewed(bare.as_ref().unwrap_or(url));
        let url = self.resigned(url);
        match &self.token {
            Some(TokenUse { token, placement: TokenPlacement::PathPrefix(name, _) }) if bare.is_some() => {
                with_path_prefix(&url, name, token.expose())
            }
            _ => url,
        }
    }

    /// A playlist that play info or the page named.
    pub fn playlist_url(&self, url: &Url) -> Url {
        let url = self.renewed(url);
        self.placed(url, Kinds::PLAYLIST, |_| false)
    }

    /// A media playlist named by the playlist at `parent`.
    pub fn child_playlist_url(&self, parent: &Url, child: &Url) -> Url {
        let url = self.child(parent, child);
        self.placed(url, Kinds::PLAYLIST, |_| self.has_token(parent) && same_origin(parent, child))
    }

    /// An init section or a media segment named by the playlist at `parent`.
    pub fn child_url(&self, parent: &Url, child: &Url) -> Url {
        let url = self.child(parent, child);
        self.placed(url, Kinds::SEGMENT, |_| false)
    }

    /// A key named by the playlist at `parent`.
    pub fn key_url(&self, parent: &Url, key: &Url) -> Url {
        let url = self.child(parent, key);
        self.placed(url, Kinds::KEY, |_| false)
    }

    /// The header that a request of this kind has beside its URL.
    pub fn header(&self, url: &Url, kind: Kinds) -> Option<(String, Secret<String>)> {
        match &self.token {
            Some(TokenUse { token, placement: TokenPlacement::Header(name, kinds) })
                if kinds.has(kind) && self.is_meant_for(url) =>
            {
                Some((name.clone(), token.clone()))
            }
            _ => None,
        }
    }

    /// The URL with the token, if that goes on URLs of this kind and may go there, or does for another reason.
    fn placed(&self, url: Url, kind: Kinds, may: impl Fn(&Url) -> bool) -> Url {
        let Some(TokenUse { token, placement }) = &self.token else { return url };
        let is_placed = match placement {
            TokenPlacement::FileNamePrefix => kind == Kinds::PLAYLIST,
            TokenPlacement::KeyQuery(_) => kind == Kinds::KEY,
            TokenPlacement::Query(_, kinds) | TokenPlacement::PathPrefix(_, kinds) => kinds.has(kind),
            TokenPlacement::Header(..) => false,
        };
        if !is_placed || !self.is_meant_for(&url) && !may(&url) {
            return url;
        }
        match placement {
            TokenPlacement::KeyQuery(name) | TokenPlacement::Query(name, _) => {
                with_query_param(&url, name, token.expose())
            }
            TokenPlacement::PathPrefix(name, _) => with_path_prefix(&url, name, token.expose()),
            _ => format_url_with_token(&url, token.expose()),
        }
    }

    /// As [`cache_key`](super::cache_key), leaving out every token that this session has used, wherever it stands.
    pub fn cache_key(&self, url: &Url) -> String {
        let tokens: Vec<_> = self.token.iter().map(|t| &t.token).chain(&self.former).collect();
        identity(self.bare(url).as_ref().unwrap_or(url), &tokens)
    }

    /// Whether the token may go there.
    fn is_meant_for(&self, url: &Url) -> bool {
        if self.source.as_ref().is_some_and(|source| same_origin(source, url)) {
            return true;
        }
        let origin = Parts::of(url.expose()).and_then(|parts| parts.web_origin());
        origin.is_some_and(|(_, host)| {
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
            self.hosts.iter().any(|meant| *meant == host || meant == name)
        })
    }

    /// Whether the token stands in the file name of a URL.
    fn has_token(&self, url: &Url) -> bool {
        let tokens = self.token.iter().map(|used| &used.token).chain(&self.former);
        let name = Parts::of(url.expose()).map(|parts| parts.file_name);
        name.is_some_and(|name| tokens.into_iter().any(|t| name.starts_with(&file_name_prefix(t.expose()))))
    }

    /// The URL with the token of today in the place of a former one, wherever that is: servers write the token that they were
    /// shown into the addresses of key services on hosts of their own.
    fn renewed(&self, url: &Url) -> Url {
        let (Some(used), Some(parts)) = (&self.token, Parts::of(url.expose())) else { return url.clone() };
        let current = used.token.expose();
        let name = self.former.iter().find_map(|old| {
            let name = parts.file_name.strip_prefix(&file_name_prefix(old.expose()))?;
            Some(format!("{}{name}", file_name_prefix(current)))
        });
        // Where the session puts it itself it is known however short it is.
        let own = match &used.placement {
            TokenPlacement::KeyQuery(name) | TokenPlacement::Query(name, _) => Some(encode_query_value(name)),
            _ => None,
        };
        let is_former = |name: &str, value: &str| {
            let is_own = own.as_deref() == Some(name);
            self.former.iter().any(|old| {
                is_value(old.expose(), value) || is_own && encode_query_value(old.expose()) == value
            })
        };
        let query = parts.parameters().any(|p| is_former(p.name, p.value)).then(|| {
            let texts = parts.query.unwrap_or_default().split('&').map(|text| match text.split_once('=') {
                Some((name, value)) if is_former(name, value) => {
                    format!("{name}={}", encode_query_value(current))
                }
                _ => text.to_owned(),
            });
            texts.collect::<Vec<_>>().join("&")
        });
        if name.is_none() && query.is_none() {
            return url.clone();
        }
        let file_name = name.as_deref().unwrap_or(parts.file_name);
        Url::new(Parts { file_name, query: query.as_deref().or(parts.query), ..parts }.join())
    }
}

fn remember<T: PartialEq>(former: &mut VecDeque<T>, old: T) {
    if former.contains(&old) {
        return;
    }
    if former.len() == MAX_FORMER {
        former.pop_front();
    }
    former.push_back(old);
}

/// How many former tokens, and addresses, are remembered: the playlist of a video is loaded once, and names what it named then
/// for hours.
const MAX_FORMER: usize = 512;

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
        credentials.begin(&url("http://h/d/m.m3u8"), Some(TokenUse::in_file_name(token("a.b"))));
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
        let parent = url("http://h/d/m.m3u8");
        credentials.begin(&parent, Some(TokenUse { token: token("a+b"), placement }));
        assert_eq!(credentials.playlist_url(&parent), parent);
        assert_eq!(credentials.child_url(&parent, &url("http://h/d/1.ts")).expose(), "http://h/d/1.ts");
        assert_eq!(
            credentials.key_url(&parent, &url("http://h/key?id=1")).expose(),
            "http://h/key?id=1&auth=a%2Bb"
        );
        assert_eq!(
            credentials.key_url(&parent, &url("http://k/key")).expose(),
            "http://k/key",
            "not its host"
        );
        let mut elsewhere = Credentials::for_hosts(&["K".into(), "l:8443".into()]);
        elsewhere.begin(&parent, credentials.token.clone());
        for (key, goes) in [("http://k:9/key", true), ("https://l:8443/key", true), ("https://l/key", false)]
        {
            assert_eq!(elsewhere.key_url(&parent, &url(key)).expose() != key, goes, "{key}");
        }
        assert_eq!(credentials.key_url(&parent, &url("data:,key")).expose(), "data:,key");
    }

    #[test]
    fn a_token_goes_on_the_kinds_of_request_that_it_is_for() {
        let parent = url("http://h/d/m.m3u8");
        let kinds = Kinds::PLAYLIST.and(Kinds::SEGMENT);
        let mut credentials = Credentials::default();
        credentials.begin(
            &parent,
            Some(TokenUse { token: token("t"), placement: TokenPlacement::Query("auth".into(), kinds) }),
        );
        assert_eq!(credentials.playlist_url(&parent).expose(), "http://h/d/m.m3u8?auth=t");
        assert_eq!(
            credentials.child_playlist_url(&parent, &url("http://h/i?x")).expose(),
            "http://h/i?x&auth=t"
        );
        assert_eq!(credentials.child_url(&parent, &url("http://h/1.ts")).expose(), "http://h/1.ts?auth=t");
        assert_eq!(credentials.child_url(&parent, &url("http://other/1.ts")).expose(), "http://other/1.ts");
        assert_eq!(credentials.key_url(&parent, &url("http://h/k")).expose(), "http://h/k");
        credentials.renew(Some(token("u")), None);
        assert_eq!(credentials.current(&url("http://h/1.ts?auth=t")).expose(), "http://h/1.ts?auth=u");

        let placement = TokenPlacement::Header("Authorization".into(), Kinds::KEY);
        credentials.begin(&parent, Some(TokenUse { token: token("Bearer t"), placement }));
        assert_eq!(credentials.playlist_url(&parent), parent);
        let header = |at: &str, kind| credentials.header(&url(at), kind).map(|(name, _)| name);
        assert_eq!(header("http://h/k", Kinds::KEY).as_deref(), Some("Authorization"));
        assert_eq!(header("http://h/m.m3u8", Kinds::PLAYLIST), None);
        assert_eq!(header("http://other/k", Kinds::KEY), None);
    }

    #[test]
    fn a_token_before_the_path_goes_wherever_relative_addresses_take_it_and_no_further() {
        let kinds = Kinds::PLAYLIST.and(Kinds::SEGMENT);
        let mut credentials = Credentials::default();
        let placement = TokenPlacement::PathPrefix("tk".into(), kinds);
        credentials.begin(
            &url("http://h/d/m.m3u8?t=5a71afc0&sign=2"),
            Some(TokenUse { token: token("a/b=c"), placement }),
        );
        let parent = credentials.playlist_url(&url("http://h/d/m.m3u8?t=5a71afc0&sign=2"));
        assert_eq!(parent.expose(), "http://h/tk=a%2Fb=c/d/m.m3u8?t=5a71afc0&sign=2");
        // As a relative address, from the root, and whole.
        for child in ["http://h/tk=a%2Fb=c/d/1.ts", "http://h/d/1.ts"] {
            let child = credentials.child_url(&parent, &url(child));
            assert_eq!(child.expose(), "http://h/tk=a%2Fb=c/d/1.ts?t=5a71afc0&sign=2");
            assert_eq!(credentials.cache_key(&child), credentials.cache_key(&url("http://h/d/1.ts")));
        }
        let other = url("http://other/tk=a%2Fb=c/d/1.ts");
        assert_eq!(credentials.child_url(&parent, &other).expose(), "http://other/d/1.ts");
        let key = url("http://h/tk=a%2Fb=c/d/k");
        assert_eq!(credentials.key_url(&parent, &key).expose(), "http://h/d/k?t=5a71afc0&sign=2");
        assert_eq!(format!("{parent}"), "http://h/tk=…/d/m.m3u8?…");

        credentials.renew(Some(token("new")), Some(url("http://h/d/m.m3u8?t=6a71afc0&sign=3")));
        assert_eq!(credentials.current(&parent).expose(), "http://h/tk=new/d/m.m3u8?t=6a71afc0&sign=3");
        assert!(credentials.is_source(&parent));
        let bare = url("http://h");
        credentials.begin(&bare, credentials.token.clone());
        assert_eq!(credentials.playlist_url(&bare).expose(), "http://h/tk=new/");
    }

    #[test]
    fn a_new_token_takes_the_place_of_the_old_wherever_that_stood() {
        let mut credentials = Credentials::default();
        credentials.begin(&url("http://h/d/m.m3u8?x=1"), Some(TokenUse::in_file_name(token("old.token"))));
        let master = credentials.playlist_url(&url("http://h/d/m.m3u8?x=1"));
        let key = url("http://h/k?id=7&token=old.token&&y");
        let before = credentials.cache_key(&key);
        credentials.renew(Some(token("new.token")), None);
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
        assert_eq!(renewed.expose(), "http://h/k?id=7&token=new.token&&y");
        assert_eq!(credentials.cache_key(&renewed), before, "still the same key");
    }

    #[test]
    fn what_was_signed_by_itself_is_told_from_what_carries_the_sources_signature() {
        let mut credentials = Credentials::default();
        let source = |t: &str| url(&format!("http://h/d/m.m3u8?expires={t}&signature=s{t}"));
        credentials.begin(&source("1800000000"), Some(TokenUse::in_file_name(token("old.token"))));
        let inherited = credentials.child_playlist_url(&source("1800000000"), &url("http://h/d/i.m3u8"));
        let own = credentials.child_playlist_url(
            &source("1800000000"),
            &url("http://h/d/i.m3u8?expires=1800000000&signature=own"),
        );
        let jwt = url("http://h/d/1.ts?j=eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDAwMDB9.c2ln");
        let cases = [(&inherited, false), (&own, true), (&jwt, false), (&url("http://h/d/1.ts"), false)];
        for renewed in [None, Some(source("1800000060"))] {
            credentials.renew(Some(token("new.token")), renewed);
            for (url, is_beyond) in cases {
                assert_eq!(credentials.is_beyond_renewal(url), is_beyond, "{}", url.expose());
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut credentials = Credentials::default();
        credentials.begin(&url("http://h/d/m.m3u8"), Some(TokenUse::in_file_name(token("first"))));
        let first = credentials.playlist_url(&url("http://h/d/m.m3u8"));
        for i in 0..MAX_FORMER + 9 {
            credentials.renew(
                Some(token(&format!("t{i}"))),
                Some(url(&format!("http://h/d/m.m3u8?expires={i}&signature=s"))),
            );
            credentials.renew(Some(token(&format!("t{i}"))), None);
            if i == MAX_FORMER - 1 {
                let wanted = format!("http://h/d/voddrm.token.t{i}.m.m3u8");
                assert_eq!(credentials.current(&first).expose(), wanted, "as many renewals later");
            }
        }
        assert_eq!((credentials.former.len(), credentials.signed.len()), (MAX_FORMER, MAX_FORMER));
    }

    #[test]
    fn a_redirect_takes_the_token_no_further_than_where_it_went() {
        let mut credentials = Credentials::default();
        credentials.begin(&url("http://h/d/m.m3u8"), Some(TokenUse::in_file_name(token("t"))));
        let child = |parent: &str, child: &str| {
            credentials.child_playlist_url(&url(parent), &url(child)).expose().to_owned()
        };
        assert_eq!(child("http://edge/d/m.m3u8", "http://edge/d/i.m3u8"), "http://edge/d/i.m3u8");
        assert_eq!(
            child("http://edge/d/voddrm.token.t.m.m3u8", "http://edge/d/i.m3u8"),
            "http://edge/d/voddrm.token.t.i.m3u8"
        );
        assert_eq!(child("http://edge/d/m.m3u8", "http://h/d/i.m3u8"), "http://h/d/voddrm.token.t.i.m3u8");
    }
}
