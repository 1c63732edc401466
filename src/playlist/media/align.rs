//! Putting playlists of one presentation on one timeline (RFC 8216bis §6.2.4, §6.3.3).
//!
//! A playlist that was read begins at zero. Of a live presentation another rung's window may begin elsewhere: what
//! says where is the program date, else the media sequence number, else that both end at the live edge.

use super::MediaPlaylist;

impl MediaPlaylist {
    /// Moves this playlist to where it belongs beside `reference`, a playlist of the same presentation.
    pub fn align_to(&mut self, reference: &Self) {
        let Some(first) = self.segments.first().map(|s| s.start_nanos) else {
            // What comes next in it will be made from now on.
            self.end_nanos = reference.end_nanos;
            return;
        };
        let by = self.place_beside(reference).saturating_sub(i128::from(first));
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

    /// Where the first segment belongs.
    fn place_beside(&self, reference: &Self) -> i128 {
        let Some(first) = self.segments.first() else { return 0 };
        // Dates are compared at the reference's end: it is the newest and likely in both.
        let dated = reference.segments.last().and_then(|known| {
            let (own, other) =
                (first.program_date_time?.unix_millis(), known.program_date_time?.unix_millis());
            let ahead = own.checked_sub(other)?.checked_mul(NANOS_PER_MILLI)?;
            Some(i128::from(known.start_nanos).saturating_add(i128::from(ahead)))
        });
        let length = self.end_nanos.saturating_sub(first.start_nanos);
        let at_the_edge = i128::from(reference.end_nanos).saturating_sub(i128::from(length));
        let numbered = || {
            let last = self.segments.last()?;
            let same = reference.segment(last.sequence)?;
            let before = last.start_nanos.checked_sub(first.start_nanos)?;
            Some(i128::from(same.start_nanos).saturating_sub(i128::from(before)))
        };
        // A date by which nothing of it could be played is wrong.
        let dated = dated.filter(|place| place.saturating_add(i128::from(length)) > 0);
        dated.or_else(numbered).unwrap_or(at_the_edge)
    }
}

const NANOS_PER_MILLI: i64 = 1_000_000;

#[cfg(test)]
mod tests {
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
        other.align_to(&reference);
        assert_eq!(starts(&other), [2.0, 6.0]);
        // What lies before the reference's beginning is left out: zero is where time begins.
        let mut longer = window(700, &[4.0, 4.0, 4.0], Some("2025-12-31T23:59:55.000Z"));
        longer.align_to(&reference);
        assert_eq!((starts(&longer), longer.media_sequence), (vec![3.0], 702));
        // A date by which nothing would be left is wrong.
        let mut early = window(700, &[4.0], Some("2025-01-01T00:00:00Z"));
        early.align_to(&reference);
        assert_eq!(starts(&early), [8.0], "at the edge");
    }

    #[test]
    fn what_has_no_segment_yet_begins_at_the_edge() {
        let reference = window(10, &[4.0, 4.0, 4.0], None);
        let mut empty = window(0, &[], None);
        empty.align_to(&reference);
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
        other.align_to(&reference);
        assert_eq!(starts(&other), [0.0, 3.9, 8.0], "its last number is not in the reference: at the edge");
        let mut other = window(11, &[4.0, 4.0], None);
        other.align_to(&reference);
        assert_eq!(starts(&other), [4.0, 8.0]);
    }
}
