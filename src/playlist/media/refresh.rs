//! Keeping a live playlist up to date (RFC 8216bis §6.2.5, §6.3.4, §6.3.7).
//!
//! Invariants: a segment keeps its place on the timeline, and what was measured of it, for as long as it
//! stays; the timeline never goes back; a text that is refused or older than what is known changes nothing.

use core::time::Duration;
use std::collections::BTreeMap;

use super::parse::dated;
use super::{DateRange, MediaPlaylist, Segment};
use crate::playlist::{Directives, Kind, PlaylistError, Skip, Source};
use crate::time::MediaTime;

/// What a reload brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refresh {
    /// Nothing new.
    Unchanged,
    /// The playlist went on.
    Advanced {
        /// Segments that are new at the end.
        added: usize,
        /// Segments that left at the start.
        removed: usize,
    },
    /// The playlist went on so far that nothing known is left in it; the timeline leaves room for what was
    /// never seen.
    Jumped {
        /// Segments that came and went unseen.
        missed: u64,
    },
    /// The server began anew: sequence numbers went back to other segments, or all that have the numbers of
    /// known ones are others. The new segments come after the old ones on the timeline and the first is a
    /// discontinuity; offsets found for discontinuity sequence numbers no longer hold.
    Restarted,
    /// An older state of the same playlist, from a cache for example; it was ignored.
    Stale,
}

/// When to load a live playlist next, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// How long after the start of the last load.
    pub after: Duration,
    /// What to ask of the server. A delta update (`skip`) presumes that the last load is younger than half of CAN-SKIP-UNTIL.
    pub directives: Directives,
}

impl MediaPlaylist {
    /// Reads the answer to a reload and takes it over.
    ///
    /// # Errors
    /// [`PlaylistError`], after which the playlist is as before.
    /// With [`PlaylistError::DeltaMismatch`] the whole playlist must be loaded, without `skip`.
    pub fn refresh(&mut self, bytes: &[u8], source: &Source<'_>) -> Result<Refresh, PlaylistError> {
        let text = crate::playlist::text(bytes, source)?;
        crate::playlist::expect_kind(&text, Kind::Media)?;
        let new = super::parse::parse(&text, source, Some(self))?;
        Ok(if new.skipped > 0 {
            self.take_delta(new, source.limits.max_entries)
        } else {
            self.take_whole(new)
        })
    }

    /// When and how to load the playlist next; `None` when it will not change. `last` is what the last load
    /// brought; with `low_latency`, parts are asked for as they appear.
    pub fn reload(&self, last: Refresh, low_latency: bool) -> Option<Reload> {
        if !self.is_live() {
            return None;
        }
        let news = !matches!(last, Refresh::Unchanged | Refresh::Stale);
        let control = self.server_control.clone().unwrap_or_default();
        let target = self.target_duration().max(MIN_RELOAD);
        let part_target = self.part_target.filter(|_| low_latency);
        let mut directives = Directives::default();
        if control.can_block_reload {
            directives.msn = Some(self.next_sequence());
            directives.part = part_target.and_then(|_| u32::try_from(self.tail.parts.len()).ok());
        }
        // A server that began anew may look as if it lagged: only the whole playlist shows which it is.
        if last != Refresh::Stale
            && control.can_skip_until.is_some_and(|until| self.duration() > MediaTime::from_duration(until))
        {
            directives.skip =
                Some(if control.can_skip_date_ranges { Skip::SegmentsAndDateRanges } else { Skip::Segments });
        }
        let after = match (news, control.can_block_reload) {
            (true, true) => Duration::ZERO,
            // The server did not hold the answer back as it said it would: do not ask in a tight loop.
            (false, true) => part_target.unwrap_or(target / 2).max(MIN_RELOAD),
            (true, false) => target,
            (false, false) => target / 2,
        };
        Some(Reload { after, directives })
    }

    /// Whether a live window has moved past a place: what was there can no longer be loaded.
    pub fn has_left(&self, playhead: MediaTime) -> bool {
        playhead < self.window().start
    }

    /// Takes over a delta update that was read with this playlist as the previous one.
    fn take_delta(&mut self, mut new: Self, max_date_ranges: usize) -> Refresh {
        if new.next_sequence() < self.next_sequence() {
            return Refresh::Stale;
        }
        let refresh = self.compare(&new);
        let gone = self.index_of(new.media_sequence).unwrap_or(0);
        let kept = usize::try_from(new.skipped).unwrap_or(usize::MAX);
        self.carry_over(&mut new);
        let mut segments = core::mem::take(&mut self.segments);
        segments.drain(..gone);
        segments.truncate(kept);
        segments.append(&mut new.segments);
        new.segments = segments;
        // The first date may have come only now.
        back_fill_dates(&mut new.segments);
        new.skipped = 0;
        if new.server_control.as_ref().is_some_and(|c| c.can_skip_date_ranges) {
            new.date_ranges = self.updated_date_ranges(&mut new, max_date_ranges);
        }
        *self = new;
        refresh
    }

    fn take_whole(&mut self, mut new: Self) -> Refresh {
        let went_back =
            new.media_sequence < self.media_sequence || new.next_sequence() < self.next_sequence();
        if went_back && new.ended && !self.ended && self.overlap(&new).any(|(old, new)| is_same(old, new)) {
            return self.take_recording(new);
        }
        let refresh = if !went_back && self.is_replaced_by(&new) {
            Refresh::Restarted
        } else if !went_back {
            self.compare(&new)
        } else if new.segments.is_empty() || self.overlap(&new).any(|(old, new)| is_same(old, new)) {
            return Refresh::Stale;
        } else {
            Refresh::Restarted
        };
        new.shift(self.place_for(&new, refresh));
        if refresh == Refresh::Restarted {
            if let Some(first) = new.segments.first_mut() {
                first.discontinuity = true;
            }
        } else {
            self.carry_over(&mut new);
        }
        *self = new;
        refresh
    }

    /// The presentation is over, and the playlist is now that of its recording: the whole of it, or a part. What it has
    /// from before the window stays unknown, for the timeline has no place for it.
    fn take_recording(&mut self, mut new: Self) -> Refresh {
        let known = self.next_sequence();
        if new.next_sequence() < known {
            self.ended = true;
            return Refresh::Advanced { added: 0, removed: 0 };
        }
        let (first, sequence) = (self.first_nanos(), self.first_sequence());
        let before = new.segments.partition_point(|segment| segment.sequence < sequence);
        new.segments.drain(..before);
        if let Some(segment) = new.segments.first() {
            (new.media_sequence, new.discontinuity_sequence) =
                (segment.sequence, segment.discontinuity_sequence);
        }
        let added = usize::try_from(new.next_sequence().saturating_sub(known)).unwrap_or(usize::MAX);
        new.shift(first);
        self.carry_over(&mut new);
        *self = new;
        Refresh::Advanced { added, removed: 0 }
    }

    /// What a newer state of the same playlist brings.
    fn compare(&self, new: &Self) -> Refresh {
        let missed = new.media_sequence.saturating_sub(self.next_sequence());
        if missed > 0 || (new.media_sequence == self.next_sequence() && !self.segments.is_empty()) {
            return Refresh::Jumped { missed };
        }
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let added = count(new.next_sequence().saturating_sub(self.next_sequence()));
        let removed = count(new.media_sequence.saturating_sub(self.media_sequence));
        let same = added == 0
            && removed == 0
            && new.ended == self.ended
            && new.tail.parts.len() == self.tail.parts.len()
            && new.preload_hints == self.preload_hints;
        if same { Refresh::Unchanged } else { Refresh::Advanced { added, removed } }
    }

    /// Whether no segment of `new` that has the number of a known one can be that one. Numbers need not go
    /// back when a server begins anew: it may have come as far as before by the time of the next load.
    pub(super) fn is_replaced_by(&self, new: &Self) -> bool {
        let mut overlap = self.overlap(new).peekable();
        overlap.peek().is_some() && overlap.all(|(old, new)| is_other(old, new))
    }

    /// Segments of both, by sequence number.
    fn overlap<'a>(&'a self, new: &'a Self) -> impl Iterator<Item = (&'a Segment, &'a Segment)> {
        let first = new.segments.first().map_or(u64::MAX, |s| s.sequence);
        let skip = self.segments.first().map_or(0, |s| first.saturating_sub(s.sequence));
        let old = self.segments.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX));
        old.filter_map(|old| new.segment(old.sequence).map(|new| (old, new)))
    }

    /// Where on the timeline the first segment of `new` belongs.
    fn place_for(&self, new: &Self, refresh: Refresh) -> u64 {
        if refresh == Refresh::Restarted {
            return self.end_nanos;
        }
        if let Some((old, same)) = self.overlap(new).next() {
            return old.start_nanos.saturating_sub(same.start_nanos.saturating_sub(new.first_nanos()));
        }
        let dated = self.segments.last().and_then(|old| {
            let since = new.segments.first()?.program_date_time?.since(old.program_date_time?)?;
            old.start_nanos.checked_add(u64::try_from(since.as_nanos()).ok()?)
        });
        let counted = new.media_sequence.saturating_sub(self.next_sequence());
        let target = u64::try_from(new.target_duration().as_nanos()).unwrap_or(u64::MAX);
        let counted = self.end_nanos.saturating_add(counted.saturating_mul(target));
        // A clock that was set back must not put new segments on top of old ones.
        dated.filter(|dated| *dated >= self.end_nanos).unwrap_or(counted)
    }

    pub(super) fn first_nanos(&self) -> u64 {
        self.segments.first().map_or(self.end_nanos, |s| s.start_nanos)
    }

    /// Moves everything on, if need be, to behind a playlist that is further. No earlier place is known to be free where both
    /// are of one presentation, of which this one has begun anew.
    pub fn go_behind(&mut self, other: &Self) {
        self.shift(self.first_nanos().max(other.end_nanos));
    }

    /// Moves everything so that the first segment begins at `place`.
    pub(super) fn shift(&mut self, place: u64) {
        let from = self.first_nanos();
        if place == from {
            return;
        }
        let moved = |nanos: u64| place.saturating_add(nanos.saturating_sub(from));
        self.end_nanos = moved(self.end_nanos);
        for segment in &mut self.segments {
            segment.start_nanos = moved(segment.start_nanos);
        }
    }

    /// Gives `new` what was found out about segments that it still has.
    fn carry_over(&self, new: &mut Self) {
        let Some(first) = new.segments.first().map(|s| s.sequence) else { return };
        let skip = usize::try_from(first.saturating_sub(self.first_sequence())).unwrap_or(usize::MAX);
        let ahead = usize::try_from(self.first_sequence().saturating_sub(first)).unwrap_or(usize::MAX);
        let known = self.segments.iter().skip(skip);
        let mut date = None;
        for (old, new) in known.zip(new.segments.iter_mut().skip(ahead)) {
            if !is_other(old, new) {
                new.measured = new.measured.or(old.measured);
                new.program_date_time = new.program_date_time.or(old.program_date_time);
            }
            new.program_date_time = new.program_date_time.or_else(|| dated(date, new.start_nanos));
            date = new.program_date_time.map(|date| (date, new.start_nanos));
        }
        // The date that all others were derived from may have left the window.
        for segment in new.segments.iter_mut().rev().take_while(|s| s.program_date_time.is_none()) {
            segment.program_date_time = dated(date, segment.start_nanos);
        }
        back_fill_dates(&mut new.segments);
    }

    /// Date ranges known before and those of a delta update, without those it removed; the newest when there
    /// are too many.
    fn updated_date_ranges(&mut self, new: &mut Self, limit: usize) -> Vec<DateRange> {
        // `None` is a range that was removed.
        let mut index: BTreeMap<String, Option<usize>> = BTreeMap::new();
        for id in &new.removed_date_ranges {
            index.insert(id.clone(), None);
        }
        let mut all: Vec<DateRange> = Vec::new();
        let known = self.date_ranges.drain(..).map(|range| (range, false));
        for (range, is_new) in known.chain(new.date_ranges.drain(..).map(|range| (range, true))) {
            match index.get(&range.id) {
                Some(None) if !is_new => {}
                Some(Some(at)) => {
                    if let Some(known) = all.get_mut(*at) {
                        known.merge(range);
                    }
                }
                _ => {
                    index.insert(range.id.clone(), Some(all.len()));
                    all.push(range);
                }
            }
        }
        all.drain(..all.len().saturating_sub(limit));
        all
    }

    fn first_sequence(&self) -> u64 {
        self.segments.first().map_or(self.media_sequence, |s| s.sequence)
    }
}

/// Gives segments before the first dated one their dates.
pub(super) fn back_fill_dates(segments: &mut [Segment]) {
    let dated = segments.iter().enumerate().find_map(|(i, s)| Some((i, s.program_date_time?, s.start_nanos)));
    let Some((index, date, at)) = dated else { return };
    for segment in segments.iter_mut().take(index) {
        let before = i64::try_from(at.saturating_sub(segment.start_nanos)).unwrap_or(i64::MAX);
        segment.program_date_time = Some(date.plus_nanos(before.saturating_neg()));
    }
}

/// A target duration of zero, or a server that does not block as it promised, must not become a busy loop.
const MIN_RELOAD: Duration = Duration::from_millis(100);

/// Whether two segments of one number are certainly the same one. Tokens in the query may differ from load to
/// load. A server that begins anew may well use the names of before, but not at the time of before.
fn is_same(a: &Segment, b: &Segment) -> bool {
    path(a) == path(b) && a.byte_range == b.byte_range && a.nanos == b.nanos && !differ_in_time(a, b)
}

/// Whether two segments of one number are certainly not the same one: another name does not suffice, because
/// tokens are seen in paths and file names, nor another time, because dates are seen that are those of the load.
fn is_other(a: &Segment, b: &Segment) -> bool {
    let name = |s| path(s).rsplit('/').next();
    a.uri != b.uri
        && name(a) != name(b)
        && (a.byte_range != b.byte_range || a.nanos != b.nanos || differ_in_time(a, b))
}

fn path(segment: &Segment) -> &str {
    segment.uri.expose().split('?').next().unwrap_or_default()
}

/// Whether both are dated, further apart than rounding and a clock that is put right would have them.
fn differ_in_time(a: &Segment, b: &Segment) -> bool {
    let (Some(a_date), Some(b_date)) = (a.program_date_time, b.program_date_time) else { return false };
    let apart = Duration::from_millis(a_date.unix_millis().abs_diff(b_date.unix_millis()));
    apart > Duration::from_nanos(a.nanos.max(b.nanos)).max(Duration::from_secs(1))
}
