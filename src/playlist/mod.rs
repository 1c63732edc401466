//! Playlists: any text that claims to be HLS becomes one model (RFC 8216, draft-pantos-hls-rfc8216bis).
//!
//! - [`parse()`] tells a multivariant playlist from a media playlist; [`parse_multivariant`] and
//!   [`parse_media`] insist on a kind. URLs come out resolved and variables replaced.
//! - [`Multivariant::rungs`] is what adaptation chooses among; [`MediaPlaylist::segment_at`] is where a seek
//!   lands; [`MediaPlaylist::refresh`] brings a live playlist up to date.
//!
//! Invariants: reading takes linear time; nothing in the text makes it panic; what it can make us allocate is
//! bounded by [`Limits`]; one bad tag is a [`Warning`] and never costs a segment or a variant.
//!
//! The reading is our own, one pass over the lines. m3u8-rs gives the closed vocabularies of the
//! multivariant playlist ([`RenditionType`], [`HdcpLevel`], [`InstreamId`], [`ClosedCaptions`]) and checks
//! our reading in the tests wherever a playlist is well formed. Its parser is not called here: for a small
//! deviation it drops a tag, and with it a segment or a variant, and says neither which nor where.

#![forbid(unsafe_code)]

mod attributes;
mod context;
mod date;
mod error;
mod key;
mod lines;
mod media;
mod multivariant;
mod url;
mod value;
mod variables;

pub use date::DateTime;
pub use error::{Instead, Kind, PlaylistError, Warning};
pub use key::{IDENTITY, Key, Method};
pub use media::{
    ByteRange, ClientValue, DateRange, HintKind, Map, MediaPlaylist, Part, PlaylistType, PreloadHint,
    Refresh, Reload, RenditionReport, Segment, ServerControl, Start, Tail,
};
pub use multivariant::{
    ClosedCaptions, ContentSteering, HdcpLevel, InstreamId, Multivariant, Rendition, RenditionType, Rung,
    SessionData, Variant,
};
pub use url::{Directives, Skip, resolve};
pub use variables::Variables;
pub(crate) use variables::percent_decoded;

use std::borrow::Cow;

use crate::secret::Url;
use lines::{Content, Lines};

/// A playlist of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Playlist {
    /// Its URIs are media playlists.
    Multivariant(Multivariant),
    /// Its URIs are media segments.
    Media(MediaPlaylist),
}

/// How much a playlist may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub max_bytes: usize,
    /// Media segments, skipped ones included; also parts.
    pub max_segments: usize,
    /// Variants, renditions, session data and date ranges, of each.
    pub max_entries: usize,
    /// Bytes of URLs and strings after resolution and substitution, and of keys.
    pub max_expanded_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 16 << 20,
            max_segments: 200_000,
            max_entries: 20_000,
            max_expanded_bytes: 128 << 20,
        }
    }
}

/// Where a text came from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The URL that answered, after redirects: what references are relative to. Empty: they stay as written.
    pub base: &'a Url,
    /// The variables of the multivariant playlist, for EXT-X-DEFINE:IMPORT.
    pub variables: &'a Variables,
    /// How much is accepted.
    pub limits: Limits,
}

/// Reads a playlist of either kind that imports no variables.
///
/// # Errors
/// [`PlaylistError`], which names the line and the rule.
pub fn parse(bytes: &[u8], base: &Url, limits: &Limits) -> Result<Playlist, PlaylistError> {
    let source = Source { base, variables: &Variables::default(), limits: *limits };
    let text = text(bytes, &source)?;
    match kind(&text)? {
        (Kind::Multivariant, _) => multivariant::parse::parse(&text, &source).map(Playlist::Multivariant),
        (Kind::Media, _) => media::parse::parse(&text, &source, None).map(Playlist::Media),
    }
}

/// Reads a multivariant playlist.
///
/// # Errors
/// [`PlaylistError`], also when it is a media playlist.
pub fn parse_multivariant(bytes: &[u8], source: &Source<'_>) -> Result<Multivariant, PlaylistError> {
    let text = text(bytes, source)?;
    expect_kind(&text, Kind::Multivariant)?;
    multivariant::parse::parse(&text, source)
}

/// Reads a media playlist.
///
/// # Errors
/// [`PlaylistError`], also when it is a multivariant playlist.
pub fn parse_media(bytes: &[u8], source: &Source<'_>) -> Result<MediaPlaylist, PlaylistError> {
    let text = text(bytes, source)?;
    expect_kind(&text, Kind::Media)?;
    media::parse::parse(&text, source, None)
}

/// The bytes as text: a byte-order mark left out, bytes that are not UTF-8 replaced.
fn text<'b>(bytes: &'b [u8], source: &Source<'_>) -> Result<Cow<'b, str>, PlaylistError> {
    let limit = source.limits.max_bytes;
    if bytes.len() > limit {
        return Err(PlaylistError::TooLarge { line: 0, what: "bytes", limit });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // The strict check is much the faster one, and nearly always enough.
    Ok(core::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed))
}

fn expect_kind(text: &str, wanted: Kind) -> Result<(), PlaylistError> {
    match kind(text)? {
        (found, line) if found != wanted => Err(PlaylistError::WrongKind { line, found, wanted }),
        _ => Ok(()),
    }
}

/// Which kind a text is, and the line that decides it: the first variant or segment, else the first tag that
/// only one kind has. Refuses what does not begin with `#EXTM3U`, unless it begins with another tag or
/// comment and has a tag that decides.
fn kind(text: &str) -> Result<(Kind, u32), PlaylistError> {
    let begins_well = lines::begins_with_extm3u(text);
    let mut found = begins_well.then_some((Kind::Media, 1));
    let mut is_weak = true;
    if begins_well || lines::begins_with_hash(text) {
        for line in Lines::new(text) {
            let Content::Tag { name, .. } = line.content else { continue };
            match decides(name) {
                Some((kind, Strength::Certain)) => return Ok((kind, line.number)),
                Some((kind, Strength::Likely)) if is_weak => {
                    found = Some((kind, line.number));
                    is_weak = false;
                }
                _ => {}
            }
        }
    }
    let line = Lines::new(text).next().map_or(1, |line| line.number);
    found.ok_or(PlaylistError::NotAPlaylist { line, instead: instead(text) })
}

enum Strength {
    Certain,
    Likely,
}

/// What a tag tells about the kind of its playlist.
fn decides(tag: &str) -> Option<(Kind, Strength)> {
    Some(match tag {
        "EXT-X-STREAM-INF" | "EXT-X-I-FRAME-STREAM-INF" => (Kind::Multivariant, Strength::Certain),
        "EXTINF" | "EXT-X-PART" | "EXT-X-SKIP" => (Kind::Media, Strength::Certain),
        "EXT-X-MEDIA" | "EXT-X-SESSION-DATA" | "EXT-X-SESSION-KEY" | "EXT-X-CONTENT-STEERING" => {
            (Kind::Multivariant, Strength::Likely)
        }
        "EXT-X-TARGETDURATION"
        | "EXT-X-MEDIA-SEQUENCE"
        | "EXT-X-PLAYLIST-TYPE"
        | "EXT-X-ENDLIST"
        | "EXT-X-KEY"
        | "EXT-X-MAP" => (Kind::Media, Strength::Likely),
        _ => return None,
    })
}

fn instead(text: &str) -> Instead {
    match text.trim_start().bytes().next() {
        None => Instead::Empty,
        Some(b'<') => Instead::Markup,
        Some(b'{' | b'[') => Instead::Json,
        Some(_) => Instead::Other,
    }
}
