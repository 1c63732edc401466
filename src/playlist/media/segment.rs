//! Segments, their parts and their init sections.

use core::time::Duration;
use std::sync::Arc;

use crate::playlist::{DateTime, Key};
use crate::secret::Url;
use crate::time::{MediaTime, TimeRange};

/// A media segment (RFC 8216bis §3, §4.4.4).
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Where its bytes are.
    pub uri: Url,
    /// Media sequence number.
    pub sequence: u64,
    /// Timestamps do not go on from the segment before it.
    pub discontinuity: bool,
    /// Segments of one number share a timeline; so do segments of other renditions with that number.
    pub discontinuity_sequence: u64,
    /// Which bytes of the resource; `None` for all.
    pub byte_range: Option<ByteRange>,
    /// The ways to its key, one for each key format; empty when it is clear. Shared between segments.
    pub keys: Arc<[Key]>,
    /// What initializes the parser; shared between segments.
    pub map: Option<Arc<Map>>,
    /// When it was captured, given or derived from a neighbour.
    pub program_date_time: Option<DateTime>,
    /// Known to be missing: not to be requested.
    pub gap: bool,
    /// EXT-X-BITRATE, bits a second.
    pub bitrate: Option<u64>,
    /// The text behind the duration.
    pub title: Option<Arc<str>>,
    /// Its parts, where the playlist still lists them.
    pub parts: Vec<Part>,
    /// Where it really lies, once its media has been parsed.
    pub measured: Option<TimeRange>,
    pub(super) start_nanos: u64,
    pub(super) nanos: u64,
    pub(super) has_extinf: bool,
}

impl Segment {
    /// Where it begins: the sum of what comes before it.
    pub fn start(&self) -> MediaTime {
        ticks(self.start_nanos)
    }

    /// Where it ends: where the next one begins.
    pub fn end(&self) -> MediaTime {
        ticks(self.start_nanos.saturating_add(self.nanos))
    }

    /// From [`Segment::start`] to [`Segment::end`].
    pub fn duration(&self) -> MediaTime {
        self.end() - self.start()
    }

    /// Where it lies on the timeline.
    pub fn range(&self) -> TimeRange {
        TimeRange { start: self.start(), end: self.end() }
    }

    /// EXTINF; `None` when it is missing or no number, in which case the timeline counts a target duration.
    pub fn extinf(&self) -> Option<Duration> {
        self.has_extinf.then(|| Duration::from_nanos(self.nanos))
    }
}

/// A stretch of a resource, in bytes. The end fits in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// The first byte.
    pub offset: u64,
    /// How many.
    pub length: u64,
}

impl ByteRange {
    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// A media initialization section (EXT-X-MAP, §4.4.4.5). When it is encrypted its key must have an explicit
/// initialization vector; where it has none, that of the segment being loaded is the best guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Where its bytes are.
    pub uri: Url,
    /// Which bytes of the resource; `None` for all.
    pub byte_range: Option<ByteRange>,
    /// The ways to its key; empty when it is clear.
    pub keys: Arc<[Key]>,
}

/// A partial segment (EXT-X-PART, §4.4.4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where its bytes are.
    pub uri: Url,
    /// Which bytes of the resource; `None` for all.
    pub byte_range: Option<ByteRange>,
    /// It begins with a key frame.
    pub independent: bool,
    /// Known to be missing.
    pub gap: bool,
    pub(super) nanos: u64,
}

impl Part {
    /// Its duration.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }
}

/// The segment at the live edge, before its URI line: what applies to its parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tail {
    /// Its parts so far.
    pub parts: Vec<Part>,
    /// As for a segment.
    pub discontinuity: bool,
    /// As for a segment.
    pub discontinuity_sequence: u64,
    /// As for a segment.
    pub keys: Arc<[Key]>,
    /// As for a segment.
    pub map: Option<Arc<Map>>,
    /// As for a segment.
    pub program_date_time: Option<DateTime>,
}

/// Nanoseconds to ticks, to the nearest.
pub(super) fn ticks(nanos: u64) -> MediaTime {
    // 9 ticks are 100,000 ns; taken apart so that nothing overflows.
    let ticks = nanos / 100_000 * 9 + (nanos % 100_000 * 9 + 50_000) / 100_000;
    MediaTime::from_ticks(i64::try_from(ticks).unwrap_or(i64::MAX))
}
