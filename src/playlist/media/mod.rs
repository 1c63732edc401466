//! Media playlists (RFC 8216bis §4.4.3 to §4.4.5): the segments of one rendition, in order.
//!
//! Places on the timeline are sums of EXTINF durations, kept in nanoseconds and rounded to 90 kHz ticks only
//! when asked for, so that ten thousand segments of 6.006 s end where they should.

mod align;
mod daterange;
mod low_latency;
pub(super) mod parse;
mod refresh;
mod segment;

pub use daterange::{ClientValue, DateRange};

pub use refresh::{Refresh, Reload};
pub use segment::{ByteRange, Map, Part, Segment, Tail};

use core::time::Duration;
use std::sync::Arc;

use super::Warning;
use crate::secret::Url;
use crate::time::{MediaTime, TimeRange};

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaPlaylist {
    /// EXT-X-VERSION.
    pub version: Option<u32>,
    /// EXT-X-TARGETDURATION, which every playlist must have; [`MediaPlaylist::target_duration`] does without.
    pub declared_target_duration: Option<Duration>,
    /// The number of the first segment, skipped ones included.
    pub media_sequence: u64,
    /// The discontinuity sequence number of the first segment, skipped ones included.
    pub discontinuity_sequence: u64,
    /// EXT-X-PLAYLIST-TYPE.
    pub playlist_type: Option<PlaylistType>,
    /// EXT-X-ENDLIST: no segment will be added.
    pub ended: bool,
    /// EXT-X-I-FRAMES-ONLY: each segment is one key frame.
    pub i_frames_only: bool,
    /// EXT-X-INDEPENDENT-SEGMENTS: each segment begins with a key frame.
    pub independent_segments: bool,
    /// EXT-X-START.
    pub start: Option<Start>,
    /// Segments with a URI, oldest first; their numbers are consecutive.
    pub segments: Vec<Segment>,
    /// What is known of the segment that comes next: its parts, before it has a URI of its own.
    pub tail: Tail,
    /// EXT-X-SKIP: how many segments a delta update leaves out before the first of `segments`. Zero after
    /// [`MediaPlaylist::refresh`], which puts them in.
    pub skipped: u64,
    /// RECENTLY-REMOVED-DATERANGES of EXT-X-SKIP, by id.
    pub removed_date_ranges: Vec<String>,
    /// EXT-X-DATERANGE, in order of first appearance; tags of the same id are one.
    pub date_ranges: Vec<DateRange>,
    /// EXT-X-PART-INF: the longest a part may be.
    pub part_target: Option<Duration>,
    /// EXT-X-SERVER-CONTROL.
    pub server_control: Option<ServerControl>,
    /// EXT-X-PRELOAD-HINT.
    pub preload_hints: Vec<PreloadHint>,
    /// EXT-X-RENDITION-REPORT.
    pub rendition_reports: Vec<RenditionReport>,
    /// What was odd, in the order of lines.
    pub warnings: Vec<Warning>,
    /// Where the next segment will begin.
    end_nanos: u64,
}

impl MediaPlaylist {
    /// Whether the playlist may still change: then it must be loaded again.
    pub fn is_live(&self) -> bool {
        !self.ended && self.playlist_type != Some(PlaylistType::Vod)
    }

    /// The longest a segment may be, to the nearest second: as declared, else as found.
    pub fn target_duration(&self) -> Duration {
        self.declared_target_duration.unwrap_or_else(|| {
            let longest = self.segments.iter().map(|s| s.nanos).max().unwrap_or(0);
            Duration::from_secs(Duration::from_nanos(longest).as_secs_f64().round() as u64)
        })
    }

    /// Where the segments lie on the timeline; parts of the tail are not counted in.
    pub fn window(&self) -> TimeRange {
        let start = self.segments.first().map_or(MediaTime::ZERO, Segment::start);
        TimeRange { start, end: self.segments.last().map_or(start, Segment::end) }
    }

    /// The sum of all segments.
    pub fn duration(&self) -> MediaTime {
        self.window().length()
    }

    /// Where the last segment, or the last part after it, ends.
    pub fn live_edge(&self) -> MediaTime {
        let tail = self.tail.parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.nanos));
        segment::ticks(self.end_nanos.saturating_add(tail))
    }

    /// How far from the live edge to play (§4.4.3.8): HOLD-BACK, or three target durations; with
    /// `low_latency`, PART-HOLD-BACK where there is one.
    pub fn hold_back(&self, low_latency: bool) -> Duration {
        let control = self.server_control.as_ref();
        let part = control.and_then(|c| c.part_hold_back).filter(|_| low_latency);
        part.or_else(|| control.and_then(|c| c.hold_back))
            .unwrap_or_else(|| self.target_duration().saturating_mul(3))
    }

    /// Index of the segment that contains `time`; the first or last one when `time` is outside the window.
    /// `None` when there is no segment.
    pub fn segment_at(&self, time: MediaTime) -> Option<usize> {
        let after = self.segments.partition_point(|s| s.start() <= time);
        (!self.segments.is_empty()).then(|| after.saturating_sub(1))
    }

    /// Index of the segment with a media sequence number.
    pub fn index_of(&self, sequence: u64) -> Option<usize> {
        let first = self.segments.first()?.sequence;
        let index = usize::try_from(sequence.checked_sub(first)?).ok()?;
        (index < self.segments.len()).then_some(index)
    }

    /// The segment with a media sequence number.
    pub fn segment(&self, sequence: u64) -> Option<&Segment> {
        self.segments.get(self.index_of(sequence)?)
    }

    /// The number that the next segment will have.
    pub fn next_sequence(&self) -> u64 {
        let count = self.skipped.saturating_add(u64::try_from(self.segments.len()).unwrap_or(u64::MAX));
        self.media_sequence.saturating_add(count)
    }

    /// Keeps what parsing a segment's media told about where it really lies. Refreshes preserve it.
    pub fn set_measured(&mut self, sequence: u64, range: TimeRange) {
        if let Some(segment) = self.index_of(sequence).and_then(|i| self.segments.get_mut(i)) {
            segment.measured = Some(range);
        }
    }

    /// Takes a segment for missing: it was named and could not be had.
    pub fn set_gap(&mut self, sequence: u64) {
        if let Some(segment) = self.index_of(sequence).and_then(|i| self.segments.get_mut(i)) {
            segment.gap = true;
        }
    }

    /// Every init section, once each, in order.
    pub fn maps(&self) -> impl Iterator<Item = &Arc<Map>> {
        let mut last: Option<&Arc<Map>> = None;
        self.segments.iter().filter_map(|s| s.map.as_ref()).filter(move |map| {
            let new = !last.is_some_and(|last| Arc::ptr_eq(last, map));
            last = Some(map);
            new
        })
    }
}

/// EXT-X-PLAYLIST-TYPE (§4.4.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlaylistType {
    /// Segments are only ever added.
    Event,
    /// Nothing changes.
    Vod,
}

/// EXT-X-START (§4.4.2.2): where the author wants playback to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// From the start of the playlist; negative: from its end.
    pub offset: MediaTime,
    /// Show nothing before the offset, though the segment begins earlier.
    pub precise: bool,
}

/// EXT-X-SERVER-CONTROL (§4.4.3.8): what the server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerControl {
    /// It answers `_HLS_msn` and `_HLS_part` when what they ask for is there.
    pub can_block_reload: bool,
    /// It makes delta updates; segments older than this may be skipped.
    pub can_skip_until: Option<Duration>,
    /// Delta updates may also skip date ranges.
    pub can_skip_date_ranges: bool,
    /// The least distance from the live edge.
    pub hold_back: Option<Duration>,
    /// The same in low latency.
    pub part_hold_back: Option<Duration>,
}

/// EXT-X-PRELOAD-HINT (§4.4.5.3): a resource that will be needed next and may be requested now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreloadHint {
    /// What it is.
    pub kind: HintKind,
    /// Where it will be.
    pub uri: Url,
    /// First byte of it.
    pub offset: u64,
    /// How many bytes, when known.
    pub length: Option<u64>,
}

/// TYPE of a preload hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HintKind {
    /// A part.
    Part,
    /// An init section.
    Map,
}

/// EXT-X-RENDITION-REPORT (§4.4.5.4): how far another rendition's playlist is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionReport {
    /// Its media playlist.
    pub uri: Url,
    /// Its last media sequence number.
    pub last_msn: Option<u64>,
    /// Its last part of that number.
    pub last_part: Option<u32>,
}
