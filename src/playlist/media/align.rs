//! Putting playlists of one presentation on one timeline (RFC 8216bis §6.2.4, §6.3.3).
//!
//! A playlist that was read begins at zero. Of a live presentation another rung's window may begin elsewhere: what
//! says where is the program date, else the media sequence number, else that both end at the live edge.

use core::time::Duration;

use super::{MediaPlaylist, Segment};

impl MediaPlaylist {
    /// Moves this playlist to where it belongs beside `reference`, a playlist of the same presentation that was as it is
    /// `age` ago.
    pub fn align_to(&mut self, reference: &Self, age: Duration) {
        let Some(first) = self.segments.first().map(|s| s.start_nanos) else {
            // What comes next in it will be made from now on.
            self.end_nanos = reference.end_nanos;
            return;
        };
        let by = self.place_beside(reference, age).saturating_sub(i128::from(first));
        let moved = |nanos: u64| u64::try_from(i128::from(nanos).saturating_add(by));
        // What lies before the beginning of time cannot be played: who began later cannot go there.
        let before = self.segments.partition_point(|segment| moved(segment.start_nanos).is_err());
        self.segments.drain(..before);
        if let Some(first) = self.segments.first() {
            (self.media_sequence, self.discontinuity_sequence) =
                (first.sequence, first.discontinuity_sequence);
        }
        self.end_nanos = moved(self.end_nanos).unwrap_or(0);
        for segment in &mut self.segments {
            segment.start_nanos = moved(segment.start_nanos).unwrap_or(0);
        }
    }

    /// Puts this playlist, which goes where nothing was before, and `other`, which was as it is `age` ago, beside each other: the
    /// one that lies further back goes on to where the other is. Whether that is `other`.
    pub fn meet(&mut self, other: &mut Self, age: Duration) -> bool {
        let (first, of_other) = (self.first_nanos(), other.first_nanos());
        let moved = |from: u64, by: i128| {
            let place = i128::from(from).saturating_add(by.saturating_abs());
            u64::try_from(place).unwrap_or(u64::MAX)
        };
        let by = self.place_beside(other, age).saturating_sub(i128::from(first));
        if by < 0 {
            other.shift(moved(of_other, by))
        } else {
            self.shift(moved(first, by))
        }
        by < 0
    }

    /// Where the first segment belongs: by the dates; by the numbers, where both playlists have one of them, or go on from each
    /// other as much as the time in between lets expect; or else so that the edge is where it should be by now.
    fn place_beside(&self, reference: &Self, age: Duration) -> i128 {
        let (Some(first), Some(last)) = (self.segments.first(), self.segments.last()) else { return 0 };
        let length = i128::from(self.end_nanos.saturating_sub(first.start_nanos));
        // Dates are compared at the reference's end: it is the newest and likely in both.
        let dated = reference.segments.last().and_then(|known| {
            let (own, other) =
                (first.program_date_time?.unix_millis(), known.program_date_time?.unix_millis());
            let ahead = own.checked_sub(other)?.checked_mul(NANOS_PER_MILLI)?;
            Some(i128::from(known.start_nanos).saturating_add(i128::from(ahead)))
        });
        // A date by which nothing of it could be played is wrong.
        let dated = dated.filter(|place| place.saturating_add(length) > 0);
        let same = |segment: &Segment| {
            let same = reference.segment(segment.sequence)?;
            let before = segment.start_nanos.checked_sub(first.start_nanos)?;
            Some(i128::from(same.start_nanos).saturating_sub(i128::from(before)))
        };
        let grown = if reference.is_live() { age.as_nanos() } else { 0 };
        let edge = i128::from(reference.end_nanos).saturating_add_unsigned(grown);
        let at_the_edge = edge.saturating_sub(length);
        let goes_on = || {
            let missed = first.sequence.checked_sub(reference.segments.last()?.sequence)?.checked_sub(1)?;
            let mean = length / i128::try_from(self.segments.len()).ok()?;
            let place = i128::from(reference.end_nanos).checked_add(mean.checked_mul(i128::from(missed))?)?;
            let target = i128::try_from(self.target_duration().as_nanos()).ok()?;
            (place.abs_diff(at_the_edge) <= (2 * target).unsigned_abs()).then_some(place)
        };
        dated.or_else(|| same(last)).or_else(|| same(first)).or_else(goes_on).unwrap_or(at_the_edge)
    }
}

const NANOS_PER_MILLI: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use crate::playlist::{Limits, MediaPlaylist, Source, Variables, parse_media};
    use crate::secret::Url;

    fn window(first: u64, durations: &[f64], dates: Option<&str>) -> MediaPlaylist {
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        text += &dates.map(|date| format!("#EXT-X-PROGRAM-DATE-TIME:{date}\n")).unwrap_or_default();
        for duration in durations {
            text += &format!("#EXTINF:{duration},\ns.ts\n");
        }
        let source =
            Source { base: &Url::new(""), variables: &Variables::default(), limits: Limits::default() };
        parse_media(text.as_bytes(), &source).unwrap()
    }

    fn starts(playlist: &MediaPlaylist) -> Vec<f64> {
        playlist.segments.iter().map(|s| s.start().as_secs()).collect()
    }

    #[test]
    fn by_date() {
        let reference = window(10, &[4.0, 4.0, 4.0], Some("2026-01-01T00:00:00Z"));
        // Numbered in a way of its own, and two seconds later.
        let mut other = window(700, &[4.0, 4.0], Some("2026-01-01T00:00:02.000Z"));
        other.align_to(&reference, Duration::ZERO);
        assert_eq!(starts(&other), [2.0, 6.0]);
        // What lies before the reference's beginning is left out: zero is where time begins.
        let mut longer = window(700, &[4.0, 4.0, 4.0], Some("2025-12-31T23:59:55.000Z"));
        longer.align_to(&reference, Duration::ZERO);
        assert_eq!((starts(&longer), longer.media_sequence), (vec![3.0], 702));
        // A date by which nothing would be left is wrong.
        let mut early = window(700, &[4.0], Some("2025-01-01T00:00:00Z"));
        early.align_to(&reference, Duration::ZERO);
        assert_eq!(starts(&early), [8.0], "at the edge");
    }

    #[test]
    fn what_has_no_segment_yet_begins_at_the_edge() {
        let reference = window(10, &[4.0, 4.0, 4.0], None);
        let mut empty = window(0, &[], None);
        empty.align_to(&reference, Duration::ZERO);
        let text = b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:4,\ns.ts\n";
        let source =
            Source { base: &Url::new(""), variables: &Variables::default(), limits: Limits::default() };
        empty.refresh(text, &source).unwrap();
        assert_eq!(starts(&empty), [12.0]);
    }

    #[test]
    fn by_number() {
        let reference = window(10, &[4.0, 4.0, 4.0], None);
        let mut other = window(11, &[3.9, 4.1, 4.0], None);
        other.align_to(&reference, Duration::ZERO);
        assert_eq!(starts(&other), [4.0, 7.9, 12.0], "its last number is not in the reference, its first is");
        let mut other = window(11, &[4.0, 4.0], None);
        other.align_to(&reference, Duration::ZERO);
        assert_eq!(starts(&other), [4.0, 8.0]);
    }
    /// A reference that was loaded long ago ends long before the edge.
    #[test]
    fn by_the_time_that_has_passed() {
        let reference = window(10, &[4.0, 4.0, 4.0], None);
        let age = Duration::from_secs(29);
        let mut other = window(18, &[4.0, 4.0], None);
        other.align_to(&reference, age);
        assert_eq!(starts(&other), [32.0, 36.0], "its numbers go on from the reference's");
        let mut other = window(700, &[4.0, 4.0], None);
        other.align_to(&reference, age);
        assert_eq!(starts(&other), [33.0, 37.0], "they are its own: at the edge as it is by now");
    }

    /// One has begun anew and goes on behind what was known of it; the other, which came since, was put elsewhere.
    #[test]
    fn two_that_meet_are_beside_each_other_and_neither_goes_back() {
        let renewed = || {
            let mut renewed = window(8, &[2.0; 6], None);
            renewed.shift(60_000_000_000);
            renewed
        };
        let age = Duration::from_secs(14);
        // The numbers say that it goes on where the other ends; the window has moved since.
        let (mut late, mut own) = (window(0, &[2.0; 6], None), renewed());
        assert!(own.meet(&mut late, age));
        assert_eq!((starts(&own)[0], starts(&late)[0]), (60.0, 44.0));
        assert_eq!(late.window().end.as_secs(), 56.0);
        // It is further already.
        late.shift(100_000_000_000);
        assert!(!own.meet(&mut late, age));
        assert_eq!((starts(&own)[0], starts(&late)[0]), (116.0, 100.0));
        // One with nothing in it goes on at the edge.
        let (mut empty, mut own) = (window(0, &[], None), renewed());
        assert!(own.meet(&mut empty, Duration::ZERO));
        assert_eq!((starts(&own)[0], empty.end_nanos), (60.0, 72_000_000_000));
    }

    /// One that has begun anew was placed behind what was known of it; the other was heard of much later.
    #[test]
    fn who_begins_anew_goes_behind_all_that_was_known() {
        let (mut renewed, other) = (window(0, &[2.0, 2.0], None), window(10, &[6.0, 6.0], None));
        renewed.go_behind(&other);
        assert_eq!((starts(&renewed), renewed.window().end.as_secs()), (vec![12.0, 14.0], 16.0));
        renewed.go_behind(&other);
        assert_eq!(starts(&renewed), [12.0, 14.0]);
        let mut further = renewed.clone();
        further.go_behind(&window(0, &[2.0], None));
        assert_eq!(starts(&further), [12.0, 14.0], "never back");
    }
}
