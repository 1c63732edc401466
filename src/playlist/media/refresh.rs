//! Keeping a live playlist up to date (RFC 8216bis §6.3.4, §6.3.7).
//!
//! Invariant: segments keep their place on the timeline for as long as they stay, whatever the server sends;
//! a text that is refused or older than what is known changes nothing.

use super::segment::Segment;

/// Gives segments before the first dated one their dates.
pub(super) fn back_fill_dates(segments: &mut [Segment]) {
    let Some((index, date, at)) = segments
        .iter()
        .enumerate()
        .find_map(|(i, s)| s.program_date_time.map(|date| (i, date, s.start_nanos)))
    else {
        return;
    };
    for segment in segments.iter_mut().take(index) {
        let before = i64::try_from(at.saturating_sub(segment.start_nanos)).unwrap_or(i64::MAX);
        segment.program_date_time = Some(date.plus_nanos(-before));
    }
}
