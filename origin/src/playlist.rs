//! Playlists as a viewer gets them: clear text from the ladder with keys, token and signatures written in.

use crate::catalog::{Asset, Iv, Protection};
use crate::keys;
use crate::package::line::{Line, lines, uri_of};
use crate::sign::{Permit, Signer};
use crate::viewer::{TOKEN_PREFIX, Viewer};

/// What a playlist is rewritten for.
#[derive(Debug)]
pub(crate) struct Rewrite<'a> {
    pub(crate) asset: &'a Asset,
    pub(crate) viewer: &'a Viewer,
    pub(crate) signer: &'a Signer,
    pub(crate) permit: Permit,
}

impl Rewrite<'_> {
    /// A multivariant or media playlist.
    pub(crate) fn apply(&self, clear: &str) -> String {
        let mut text = String::with_capacity(clear.len() * 2);
        let (mut place, mut key) = (0, None);
        let encrypted = lines(clear).all(|line| !matches!(line, Line::Uri(uri) if !keys::covers(uri)));
        for line in lines(clear) {
            match line {
                Line::Duration(_, raw) => {
                    let next = keys::key_id(self.asset, place).filter(|_| encrypted);
                    if next != key {
                        text += &self.key_tag(place);
                        key = next;
                    }
                    place += 1;
                    text += raw;
                }
                Line::Tag(tag) if tag.starts_with(SEQUENCE) => {
                    // Of a live stream it says which segment is the first that is listed.
                    place = tag.get(SEQUENCE.len()..).and_then(|n| n.trim().parse().ok()).unwrap_or_default();
                    text += &format!("{SEQUENCE}{}", self.asset.first_sequence + u64::from(place));
                }
                Line::Tag(tag) if tag.starts_with("#EXT-X-MEDIA:") => match uri_of(tag) {
                    Some(uri) => text += &tag.replace(uri, &self.child(uri)),
                    None => text += tag,
                },
                Line::Tag(tag) => text += tag,
                Line::Uri(uri) => text += &self.child(uri),
            }
            text.push('\n');
        }
        text
    }

    /// `#EXT-X-KEY` (RFC 8216bis 4.4.4.4) for the segment at `place`; its URI keeps the session prefix.
    fn key_tag(&self, place: u32) -> String {
        let (Protection::Aes128 { iv, .. }, Some(id)) =
            (self.asset.protection, keys::key_id(self.asset, place))
        else {
            return String::new();
        };
        let token = self.viewer.token.as_ref().map(|token| format!("?token={token}")).unwrap_or_default();
        let iv = match iv {
            Iv::Implicit => String::new(),
            Iv::Explicit => {
                format!(",IV=0x{}", hex::encode(keys::iv(self.asset, self.signer, place)))
            }
        };
        let (prefix, asset) = (&self.viewer.prefix, &self.asset.id);
        format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{prefix}/keys/{asset}/{id}{token}\"{iv}\n")
    }

    /// A child's address: with the token in its name if it is a playlist, signed if its parent was by itself.
    fn child(&self, uri: &str) -> String {
        let (directory, file) = uri.rsplit_once('/').map_or(("", uri), |(directory, file)| (directory, file));
        let slash = if directory.is_empty() { "" } else { "/" };
        let token = match &self.viewer.token {
            Some(token) if file.ends_with(".m3u8") => format!("{TOKEN_PREFIX}{token}."),
            _ => String::new(),
        };
        let query = match self.permit {
            Permit::Exact { expires } => {
                let parent = self.viewer.path.rsplit_once('/').map_or("", |(parent, _)| parent);
                format!("?{}", self.signer.url_query(&format!("{parent}/{uri}"), expires))
            }
            Permit::Directory => String::new(),
        };
        format!("{directory}{slash}{token}{file}{query}")
    }
}

const SEQUENCE: &str = "#EXT-X-MEDIA-SEQUENCE:";
