//! Sets of time ranges, as `SourceBuffer.buffered` gives them: sorted, disjoint.

use crate::time::{MediaTime, TimeRange};

/// Where all of `sets` have media. Empty when there are no sets.
pub(crate) fn intersection<'a>(sets: impl IntoIterator<Item = &'a [TimeRange]>) -> Vec<TimeRange> {
    let mut sets = sets.into_iter();
    let Some(first) = sets.next() else { return Vec::new() };
    sets.fold(first.to_vec(), |acc, set| {
        let mut out = Vec::new();
        let (mut a, mut b) = (acc.iter().peekable(), set.iter().peekable());
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            let both = TimeRange { start: x.start.max(y.start), end: x.end.min(y.end) };
            if both.start < both.end {
                out.push(both);
            }
            if x.end <= y.end {
                a.next()
            } else {
                b.next()
            };
        }
        out
    })
}

/// Where any of `ranges`, given in any order, has media.
pub(crate) fn union(mut ranges: Vec<TimeRange>) -> Vec<TimeRange> {
    ranges.sort_unstable_by_key(|r| r.start);
    let mut out: Vec<TimeRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// `ranges` without what lies in `gone`.
pub(crate) fn without(ranges: &[TimeRange], gone: TimeRange) -> Vec<TimeRange> {
    let parts = |r: &TimeRange| {
        [
            TimeRange { start: r.start, end: r.end.min(gone.start) },
            TimeRange { start: r.start.max(gone.end), end: r.end },
        ]
    };
    ranges.iter().flat_map(parts).filter(|r| r.start < r.end).collect()
}

/// The range that holds `t`. Holes up to `tolerance` count as filled, for the search and for the range's end: tracks
/// do not start and end on the same tick, and browsers play over such holes.
pub(crate) fn range_at(ranges: &[TimeRange], t: MediaTime, tolerance: MediaTime) -> Option<TimeRange> {
    let mut found: Option<TimeRange> = None;
    for range in ranges {
        match &mut found {
            None if range.start - tolerance <= t && t < range.end => found = Some(*range),
            None => {}
            Some(whole) if range.start - whole.end <= tolerance => whole.end = range.end,
            Some(_) => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(pairs: &[(i64, i64)]) -> Vec<TimeRange> {
        pairs
            .iter()
            .map(|&(a, b)| TimeRange { start: MediaTime::from_millis(a), end: MediaTime::from_millis(b) })
            .collect()
    }

    #[test]
    fn only_what_all_tracks_hold_can_play() {
        let (v, a) = (r(&[(0, 100), (200, 300)]), r(&[(10, 220), (290, 400)]));
        assert_eq!(intersection([&v[..], &a[..]]), r(&[(10, 100), (200, 220), (290, 300)]));
        assert_eq!(intersection([&v[..]]), v);
        assert_eq!(intersection([]), []);
        assert_eq!(intersection([&v[..], &[]]), []);
    }

    #[test]
    fn a_union_is_sorted_and_disjoint() {
        assert_eq!(union(r(&[(50, 60), (0, 10), (10, 20), (5, 8)])), r(&[(0, 20), (50, 60)]));
    }

    #[test]
    fn what_is_removed_leaves_what_is_before_and_behind() {
        assert_eq!(without(&r(&[(0, 100), (200, 300)]), r(&[(50, 250)])[0]), r(&[(0, 50), (250, 300)]));
        assert_eq!(without(&r(&[(0, 100)]), r(&[(0, 100)])[0]), []);
        assert_eq!(without(&r(&[(10, 20)]), r(&[(12, 15)])[0]), r(&[(10, 12), (15, 20)]));
    }

    #[test]
    fn small_holes_do_not_end_a_range_and_large_ones_do() {
        let set = r(&[(100, 200), (230, 300), (900, 1000)]);
        let tolerance = MediaTime::from_millis(50);
        let at = |ms| range_at(&set, MediaTime::from_millis(ms), tolerance);
        assert_eq!(at(60), Some(r(&[(100, 300)])[0]));
        assert_eq!(at(210), Some(r(&[(230, 300)])[0]));
        assert_eq!(at(40), None);
        assert_eq!(at(1000), None);
    }
}
