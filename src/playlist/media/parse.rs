//! Text to [`MediaPlaylist`].

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::segment::{ByteRange, Map, Part, Segment, Tail};
use super::{DateRange, MediaPlaylist, PlaylistType};
use crate::playlist::attributes::attributes;
use crate::playlist::context::{Context, Place};
use crate::playlist::lines::{Content, Lines};
use crate::playlist::value::{self, Read};
use crate::playlist::{DateTime, Key, Kind, Method, PlaylistError, Source};
use crate::secret::Url;

/// Reads a media playlist. With `previous`, the timeline goes on from there where the two overlap, and a
/// delta update takes what it skips for known: its keys, its init section, its dates.
pub(crate) fn parse(
    text: &str,
    source: &Source<'_>,
    previous: Option<&MediaPlaylist>,
) -> Result<MediaPlaylist, PlaylistError> {
    let mut reader = Reader::new(Context::new(source, text), previous);
    for line in Lines::new(text) {
        match line.content {
            Content::Tag { name, value } => reader.tag(line.number, name, value)?,
            Content::Uri(uri) => reader.uri(line.number, uri)?,
        }
        reader.cx.check_expanded(line.number)?;
    }
    reader.check_delta()?;
    let skip_at = reader.skip_at;
    let new = reader.finish();
    match (skip_at, previous) {
        (Some((line, ..)), Some(previous)) if previous.is_replaced_by(&new) => {
            Err(PlaylistError::DeltaMismatch { line })
        }
        _ => Ok(new),
    }
}

pub(super) struct Reader<'a, 'p, 't> {
    pub(super) cx: Context<'a>,
    pub(super) out: MediaPlaylist,
    pub(super) previous: Option<&'p MediaPlaylist>,
    /// What has been said of the segment whose URI line has not come yet.
    pub(super) next: Next<'t>,
    pub(super) keys: Arc<[Key]>,
    pub(super) map: Option<Arc<Map>>,
    pub(super) bitrate: Option<u64>,
    /// EXT-X-DISCONTINUITY tags so far.
    pub(super) discontinuities: u64,
    /// Where the next segment begins.
    pub(super) clock: u64,
    /// A program date and the place on the timeline that it belongs to.
    pub(super) date: Option<(DateTime, u64)>,
    /// The line of EXT-X-SKIP, and the numbers that what it skips was looked up by.
    pub(super) skip_at: Option<(u32, u64, u64)>,
    /// The last of the skipped segments.
    pub(super) skipped: Option<&'p Segment>,
    /// Where the byte range of the last part ended.
    pub(super) part_end: Option<u64>,
    pub(super) parts: usize,
    pub(super) date_range_index: BTreeMap<String, usize>,
}

#[derive(Default)]
pub(super) struct Next<'t> {
    pub(super) nanos: Option<u64>,
    pub(super) title: &'t str,
    pub(super) range: Option<(u64, Option<u64>)>,
    pub(super) discontinuity: bool,
    pub(super) gap: bool,
    pub(super) date: Option<DateTime>,
    pub(super) parts: Vec<Part>,
}

impl<'a, 'p, 't> Reader<'a, 'p, 't> {
    fn new(cx: Context<'a>, previous: Option<&'p MediaPlaylist>) -> Self {
        let mut out = MediaPlaylist::default();
        // A live window keeps its length, give or take a segment.
        out.segments.reserve(previous.map_or(0, |p| p.segments.len() + 1));
        Self {
            cx,
            out,
            previous,
            next: Next::default(),
            keys: Arc::default(),
            map: None,
            bitrate: None,
            discontinuities: 0,
            clock: 0,
            date: None,
            skip_at: None,
            skipped: None,
            part_end: None,
            parts: 0,
            date_range_index: BTreeMap::new(),
        }
    }

    fn tag(&mut self, line: u32, name: &str, value: &'t str) -> Result<(), PlaylistError> {
        let at = |tag| Place { line, tag };
        match name {
            "EXTINF" => self.extinf(at("EXTINF"), value),
            "EXT-X-PROGRAM-DATE-TIME" => {
                self.next.date = DateTime::parse(value);
                if self.next.date.is_none() {
                    self.cx.warn(at("EXT-X-PROGRAM-DATE-TIME"), "must be a date as in RFC 3339");
                }
            }
            "EXT-X-BYTERANGE" => {
                self.next.range = self.range(at("EXT-X-BYTERANGE"), value);
            }
            "EXT-X-KEY" => self.key(at("EXT-X-KEY"), value)?,
            "EXT-X-MAP" => self.map(at("EXT-X-MAP"), value)?,
            "EXT-X-DISCONTINUITY" => {
                self.next.discontinuity = true;
                self.discontinuities = self.discontinuities.saturating_add(1);
            }
            "EXT-X-GAP" => self.next.gap = true,
            "EXT-X-BITRATE" => {
                let kilobits = self.integer(at("EXT-X-BITRATE"), value);
                self.bitrate = kilobits.and_then(|k| k.checked_mul(1000)).filter(|rate| *rate > 0);
            }
            "EXT-X-PART" => self.part(at("EXT-X-PART"), value)?,
            "EXT-X-DATERANGE" => self.date_range(at("EXT-X-DATERANGE"), value)?,
            "EXT-X-PRELOAD-HINT" => self.preload_hint(at("EXT-X-PRELOAD-HINT"), value)?,
            "EXT-X-RENDITION-REPORT" => self.rendition_report(at("EXT-X-RENDITION-REPORT"), value)?,
            "EXT-X-SKIP" => self.skip(at("EXT-X-SKIP"), value)?,
            "EXT-X-DEFINE" => self.cx.define(at("EXT-X-DEFINE"), value)?,
            "EXT-X-STREAM-INF" | "EXT-X-I-FRAME-STREAM-INF" => return Err(PlaylistError::Mixed { line }),
            _ => self.header(line, name, value),
        }
        Ok(())
    }

    /// Tags that speak of the playlist as a whole.
    fn header(&mut self, line: u32, name: &str, value: &str) {
        let at = |tag| Place { line, tag };
        match name {
            "EXT-X-TARGETDURATION" => {
                if let Some(nanos) = self.seconds(at("EXT-X-TARGETDURATION"), value) {
                    self.out.declared_target_duration = Some(Duration::from_nanos(nanos));
                }
            }
            "EXT-X-MEDIA-SEQUENCE" => {
                let at = at("EXT-X-MEDIA-SEQUENCE");
                if !self.out.segments.is_empty() {
                    self.cx.warn(at, "must come before the first segment");
                }
                if let Some(number) = self.integer(at, value) {
                    self.out.media_sequence = number;
                }
            }
            "EXT-X-DISCONTINUITY-SEQUENCE" => {
                let at = at("EXT-X-DISCONTINUITY-SEQUENCE");
                if !self.out.segments.is_empty() || self.discontinuities > 0 {
                    self.cx.warn(at, "must come before the first segment and EXT-X-DISCONTINUITY");
                }
                if let Some(number) = self.integer(at, value) {
                    self.out.discontinuity_sequence = number;
                }
            }
            "EXT-X-PLAYLIST-TYPE" => {
                self.out.playlist_type = match value {
                    v if v.eq_ignore_ascii_case("VOD") => Some(PlaylistType::Vod),
                    v if v.eq_ignore_ascii_case("EVENT") => Some(PlaylistType::Event),
                    _ => {
                        self.cx.warn(at("EXT-X-PLAYLIST-TYPE"), "must be VOD or EVENT");
                        None
                    }
                };
            }
            "EXT-X-ENDLIST" => self.out.ended = true,
            "EXT-X-I-FRAMES-ONLY" => self.out.i_frames_only = true,
            "EXT-X-INDEPENDENT-SEGMENTS" => self.out.independent_segments = true,
            "EXT-X-START" => self.out.start = self.cx.start(at("EXT-X-START"), value),
            "EXT-X-VERSION" => self.out.version = self.cx.version(at("EXT-X-VERSION"), value),
            "EXT-X-SERVER-CONTROL" => self.server_control(at("EXT-X-SERVER-CONTROL"), value),
            "EXT-X-PART-INF" => {
                let at = at("EXT-X-PART-INF");
                let target = attributes(value).find(|a| a.name == "PART-TARGET");
                self.out.part_target = target.and_then(|a| self.cx.nanos(at, &a)).map(Duration::from_nanos);
                if self.out.part_target.is_none() {
                    self.cx.warn(at, "PART-TARGET is missing");
                }
            }
            _ => self.cx.other_tag(line, name, Kind::Media),
        }
    }

    fn uri(&mut self, line: u32, reference: &str) -> Result<(), PlaylistError> {
        let at = Place { line, tag: "URI" };
        self.check_segments(line, self.out.segments.len())?;
        // What had this number before is most likely the same, and then shares its texts.
        let known = self.previous.and_then(|p| p.segment(self.out.next_sequence()));
        if let Some(known) = known.filter(|_| self.out.segments.is_empty()) {
            self.clock = known.start_nanos;
        }
        let next = core::mem::take(&mut self.next);
        let nanos = next.nanos.unwrap_or_else(|| {
            self.cx.warn(at, "no usable EXTINF before it");
            nanos_of(self.out.declared_target_duration.unwrap_or_default())
        });
        let uri = self.cx.url(at, reference, known.map(|k| &k.uri))?;
        let title = known.and_then(|k| k.title.as_ref()).filter(|title| ***title == *next.title);
        let title = title.cloned().or_else(|| (!next.title.is_empty()).then(|| next.title.into()));
        let previous = self.out.segments.last().or(self.skipped).and_then(|s| Some((s, s.byte_range?.end())));
        if next.range.is_some_and(|(_, offset)| offset.is_none())
            && previous.is_none_or(|(s, _)| without_query(&s.uri) != without_query(&uri))
        {
            self.cx.warn(
                at,
                "its byte range has no offset, and the segment before is no range of the same resource",
            );
        }
        let byte_range = next
            .range
            .and_then(|(length, offset)| bounded(length, offset.or(previous.map(|p| p.1)).unwrap_or(0)));
        let (keys, map) = (Arc::clone(&self.keys), self.map.clone());
        let program_date_time = self.date(next.date);
        self.out.segments.push(Segment {
            uri,
            // Numbered when the first number is known for certain.
            sequence: 0,
            discontinuity: next.discontinuity,
            discontinuity_sequence: self.discontinuities,
            byte_range,
            keys,
            map,
            program_date_time,
            gap: next.gap,
            bitrate: self.bitrate,
            title,
            parts: next.parts,
            measured: None,
            start_nanos: self.clock,
            nanos,
            has_extinf: next.nanos.is_some(),
        });
        self.clock = self.clock.saturating_add(nanos);
        Ok(())
    }

    /// Numbers that changed after EXT-X-SKIP were not those that the skipped segments were looked up by.
    fn check_delta(&self) -> Result<(), PlaylistError> {
        match self.skip_at {
            Some((line, first, discontinuities))
                if (first, discontinuities) != (self.out.media_sequence, self.out.discontinuity_sequence) =>
            {
                Err(PlaylistError::DeltaMismatch { line })
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> MediaPlaylist {
        let mut out = self.out;
        out.end_nanos = self.clock;
        let first_dated = self.date.is_some();
        out.tail = Tail {
            parts: self.next.parts,
            discontinuity: self.next.discontinuity,
            discontinuity_sequence: self.discontinuities.saturating_add(out.discontinuity_sequence),
            keys: self.keys,
            map: self.map,
            program_date_time: self.next.date.or_else(|| dated(self.date, self.clock)),
        };
        let mut sequence = out.media_sequence.saturating_add(out.skipped);
        for segment in &mut out.segments {
            segment.sequence = sequence;
            sequence = sequence.saturating_add(1);
            segment.discontinuity_sequence =
                segment.discontinuity_sequence.saturating_add(out.discontinuity_sequence);
        }
        if first_dated {
            super::refresh::back_fill_dates(&mut out.segments);
        }
        if out.declared_target_duration.is_none() {
            self.cx.warn(Place { line: 1, tag: "EXT-X-TARGETDURATION" }, "is missing");
        }
        out.warnings = self.cx.warnings;
        out
    }

    /// EXTINF (§4.4.4.1): a number of seconds, then a title.
    fn extinf(&mut self, at: Place, value: &'t str) {
        let (seconds, title) = value.split_once(',').unwrap_or((value, ""));
        self.next.nanos = self.seconds(at, seconds.trim());
        self.next.title = title.trim();
    }

    fn seconds(&mut self, at: Place, text: &str) -> Option<u64> {
        self.plain(at, value::nanos(text), "must be a decimal number of seconds")
    }

    fn integer(&mut self, at: Place, text: &str) -> Option<u64> {
        self.plain(at, value::integer(text), "must be a decimal integer")
    }

    pub(super) fn range(&mut self, at: Place, text: &str) -> Option<(u64, Option<u64>)> {
        // The quotation marks belong to the attribute of that name, but are found here too.
        self.plain(at, value::byte_range(text.trim_matches('"')), "must be <length>[@<offset>]")
    }

    fn plain<T>(&mut self, at: Place, read: Option<Read<T>>, rule: &str) -> Option<T> {
        if !read.as_ref().is_some_and(|r| r.whole) {
            self.cx.warn(at, rule);
        }
        read.map(|r| r.value)
    }

    /// EXT-X-KEY (§4.4.4.4): replaces the key of its format; METHOD=NONE ends them all.
    fn key(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        let key = self.cx.key(at, list)?;
        let known = self.keys.iter().position(|k| k.keyformat == key.keyformat);
        if key.method == Method::None {
            if !self.keys.is_empty() {
                self.keys = Arc::default();
            }
        } else if known.is_some_and(|i| self.keys.get(i) == Some(&key)) {
            // The same again: segments go on sharing it.
        } else if known.is_none() && self.keys.len() >= MAX_KEY_FORMATS {
            self.cx.warn(at, "too many key formats at once");
        } else {
            // The other keys are copied with it.
            self.cx.account(at.line, size_of::<Key>() * (self.keys.len() + 1))?;
            let mut keys = self.keys.to_vec();
            match known.and_then(|i| keys.get_mut(i)) {
                Some(slot) => *slot = key,
                None => keys.push(key),
            }
            self.keys = keys.into();
        }
        Ok(())
    }

    /// EXT-X-MAP (§4.4.4.5).
    fn map(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        let (mut uri, mut byte_range) = (None, None);
        for a in attributes(list) {
            match a.name {
                "URI" => uri = self.cx.uri(at, &a)?,
                "BYTERANGE" => {
                    let text = self.cx.text(at, &a);
                    let range = self.range(at, &text);
                    byte_range = range.and_then(|(length, offset)| bounded(length, offset.unwrap_or(0)));
                }
                _ => {}
            }
        }
        let Some(uri) = uri else {
            self.cx.warn(at, "URI is missing");
            return Ok(());
        };
        let map = Map { uri, byte_range, keys: Arc::clone(&self.keys) };
        if self.map.as_deref() != Some(&map) {
            self.map = Some(Arc::new(map));
        }
        Ok(())
    }

    fn date_range(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        let range = DateRange::read(&mut self.cx, at, list)?;
        let known = self.date_range_index.get(&range.id).and_then(|i| self.out.date_ranges.get_mut(*i));
        if let Some(known) = known {
            known.merge(range);
            return Ok(());
        }
        Context::check(at.line, self.out.date_ranges.len(), self.cx.limits.max_entries, "date ranges")?;
        self.date_range_index.insert(range.id.clone(), self.out.date_ranges.len());
        self.out.date_ranges.push(range);
        Ok(())
    }

    pub(super) fn check_segments(&self, line: u32, count: usize) -> Result<(), PlaylistError> {
        Context::check(line, count, self.cx.limits.max_segments, "segments")
    }

    /// The date of the segment that begins now: its own, else derived from the last one given.
    fn date(&mut self, own: Option<DateTime>) -> Option<DateTime> {
        if let Some(own) = own {
            self.date = Some((own, self.clock));
        }
        dated(self.date, self.clock)
    }
}

/// Enough for every DRM system there is, and a bound on what each EXT-X-KEY tag can cost.
const MAX_KEY_FORMATS: usize = 16;

/// What a date and its place make of another place after it.
pub(super) fn dated(date: Option<(DateTime, u64)>, clock: u64) -> Option<DateTime> {
    let (date, at) = date?;
    Some(date.plus_nanos(i64::try_from(clock.saturating_sub(at)).unwrap_or(i64::MAX)))
}

fn without_query(url: &Url) -> Option<&str> {
    url.expose().split('?').next()
}

fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A range whose end fits in 64 bits.
pub(super) fn bounded(length: u64, offset: u64) -> Option<ByteRange> {
    offset.checked_add(length).map(|_| ByteRange { offset, length })
}
