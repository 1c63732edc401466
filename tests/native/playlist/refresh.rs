//! Live playlists over time.

use core::time::Duration;
use std::ops::Range;

use cloud_player::playlist::{MediaPlaylist, PlaylistError, Refresh, Skip};
use cloud_player::time::{MediaTime, TimeRange};

use super::{media, uris, with_source};

const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n";

/// A window of segments of 4 s.
fn window(numbers: Range<u64>) -> String {
    let segments: String = numbers.clone().map(|n| format!("#EXTINF:4,\n{n}.ts\n")).collect();
    format!("{HEAD}#EXT-X-MEDIA-SEQUENCE:{}\n{segments}", numbers.start)
}

fn refresh(p: &mut MediaPlaylist, text: &str) -> Refresh {
    try_refresh(p, text).unwrap()
}

fn try_refresh(p: &mut MediaPlaylist, text: &str) -> Result<Refresh, PlaylistError> {
    with_source(|source| p.refresh(text.as_bytes(), source))
}

fn starts(p: &MediaPlaylist) -> Vec<f64> {
    p.segments.iter().map(|s| s.start().as_secs()).collect()
}

#[test]
fn a_window_slides_and_segments_keep_their_place() {
    let mut p = media(&window(10..14));
    let measured = TimeRange { start: MediaTime::from_ticks(7), end: MediaTime::from_ticks(9) };
    p.set_measured(12, measured);
    assert_eq!(refresh(&mut p, &window(10..14)), Refresh::Unchanged);
    assert_eq!(refresh(&mut p, &window(11..16)), Refresh::Advanced { added: 2, removed: 1 });
    assert_eq!(starts(&p), [4.0, 8.0, 12.0, 16.0, 20.0]);
    assert_eq!(refresh(&mut p, &window(12..17)), Refresh::Advanced { added: 1, removed: 1 });
    assert_eq!(starts(&p), [8.0, 12.0, 16.0, 20.0, 24.0]);
    assert_eq!((p.segments[0].sequence, p.segments[0].measured), (12, Some(measured)));
    assert_eq!(p.window().start.as_secs(), 8.0);
    assert!(p.has_left(MediaTime::from_millis(7999)) && !p.has_left(MediaTime::from_millis(8000)));
    assert_eq!(
        refresh(&mut p, &format!("{}#EXT-X-ENDLIST\n", window(12..17))),
        Refresh::Advanced { added: 0, removed: 0 }
    );
    assert!(!p.is_live());
    assert_eq!(p.reload(Refresh::Unchanged, false), None);
}

#[test]
fn nine_thousand_refreshes_do_not_drift() {
    let text = |from: u64| {
        let segments: String = (from..from + 3).map(|n| format!("#EXTINF:2.00201,\n{n}.ts\n")).collect();
        format!("{HEAD}#EXT-X-MEDIA-SEQUENCE:{from}\n{segments}")
    };
    let mut p = media(&text(0));
    for from in 1..=9000 {
        refresh(&mut p, &text(from));
    }
    // 9000 x 2.00201 s x 90 kHz; one segment is 180180.9 ticks.
    assert_eq!(p.window().start.ticks(), 1_621_628_100);
}

#[test]
fn an_older_state_changes_nothing() {
    let mut p = media(&window(10..14));
    let before = p.clone();
    assert_eq!(refresh(&mut p, &window(9..13)), Refresh::Stale);
    assert_eq!(refresh(&mut p, &window(10..13)), Refresh::Stale);
    // A list cut short is no restart.
    assert_eq!(refresh(&mut p, &window(10..10)), Refresh::Stale);
    // Tokens change from load to load; it is the same segment all the same.
    assert_eq!(refresh(&mut p, &window(9..13).replace(".ts", ".ts?t=2")), Refresh::Stale);
    assert_eq!(p, before);
}

#[test]
fn a_refused_text_changes_nothing() {
    let mut p = media(&window(10..14));
    let before = p.clone();
    for text in ["", "<html>", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"] {
        assert!(try_refresh(&mut p, text).is_err());
        assert_eq!(p, before);
    }
}

#[test]
fn a_restart_comes_after_what_was_played() {
    let mut p = media(&window(1000..1004));
    p.set_measured(1000, TimeRange::default());
    assert_eq!(refresh(&mut p, &window(0..3)), Refresh::Restarted);
    assert_eq!(starts(&p), [16.0, 20.0, 24.0]);
    assert!(p.segments[0].discontinuity);
    assert_eq!(p.segments[0].measured, None);
    // The same numbers for other segments.
    let mut p = media(&window(2..6));
    assert_eq!(refresh(&mut p, &window(1..4).replace(".ts", "-new.ts")), Refresh::Restarted);
    assert_eq!(starts(&p), [16.0, 20.0, 24.0]);
}

#[test]
fn a_restart_is_found_out_though_numbers_go_on() {
    let mut p = media(&window(0..3));
    p.set_measured(2, TimeRange::default());
    // The server begins anew and is further than before by the time of the next load.
    let anew = window(0..5).replace(".ts", "-new.ts").replace("EXTINF:4,", "EXTINF:3,");
    assert_eq!(refresh(&mut p, &anew), Refresh::Restarted);
    assert_eq!(starts(&p), [12.0, 15.0, 18.0, 21.0, 24.0]);
    assert!(p.segments[0].discontinuity && p.segments.iter().all(|s| s.measured.is_none()));
    // One segment that is another is no restart, but what was measured of the one before it does not hold.
    let mut p = media(&window(0..3));
    p.set_measured(0, TimeRange::default());
    p.set_measured(2, TimeRange::default());
    let replaced = window(0..4).replace("EXTINF:4,\n2.ts", "EXTINF:3,\nother.ts");
    assert_eq!(refresh(&mut p, &replaced), Refresh::Advanced { added: 1, removed: 0 });
    assert_eq!((p.segments[0].measured, p.segments[2].measured), (Some(TimeRange::default()), None));
    // Names that change from load to load, as tokens in them do, are no restart.
    let mut p = media(&window(0..3));
    assert_eq!(
        refresh(&mut p, &window(1..4).replace(".ts", "-token.ts")),
        Refresh::Advanced { added: 1, removed: 1 }
    );
    assert_eq!(starts(&p), [4.0, 8.0, 12.0]);
}

#[test]
fn dates_tell_a_restart_from_a_cache_that_lags() {
    let dated = |numbers: Range<u64>, date: &str| {
        window(numbers).replacen("#EXTINF", &format!("#EXT-X-PROGRAM-DATE-TIME:{date}\n#EXTINF"), 1)
    };
    let mut p = media(&dated(10..14, "2024-01-01T00:00:00Z"));
    assert_eq!(refresh(&mut p, &dated(9..13, "2023-12-31T23:59:56Z")), Refresh::Stale);
    // The same names and lengths, an hour later.
    assert_eq!(refresh(&mut p, &dated(9..13, "2024-01-01T01:00:00Z")), Refresh::Restarted);
    assert_eq!(starts(&p), [16.0, 20.0, 24.0, 28.0]);
}

#[test]
fn a_window_that_jumped_leaves_room_for_what_was_missed() {
    let mut p = media(&window(10..14));
    assert_eq!(refresh(&mut p, &window(16..18)), Refresh::Jumped { missed: 2 });
    assert_eq!(starts(&p), [24.0, 28.0]);
    // Nothing missed, nothing known either.
    assert_eq!(refresh(&mut p, &window(18..20)), Refresh::Jumped { missed: 0 });
    assert_eq!(starts(&p), [32.0, 36.0]);
    // Dates tell better than counting.
    let dated = |from: u64, date: &str| {
        window(from..from + 2).replacen("#EXTINF", &format!("#EXT-X-PROGRAM-DATE-TIME:{date}\n#EXTINF"), 1)
    };
    let mut p = media(&dated(10, "2024-01-01T00:00:00Z"));
    assert_eq!(refresh(&mut p, &dated(20, "2024-01-01T00:00:37.5Z")), Refresh::Jumped { missed: 8 });
    assert_eq!(starts(&p), [37.5, 41.5]);
    // A clock set back does not move the timeline back.
    assert_eq!(refresh(&mut p, &dated(30, "2023-01-01T00:00:00Z")), Refresh::Jumped { missed: 8 });
    assert_eq!(starts(&p), [77.5, 81.5]);
}

#[test]
fn an_empty_window_does_not_lose_the_timeline() {
    let mut p = media(&window(10..12));
    assert_eq!(refresh(&mut p, &window(12..12)), Refresh::Jumped { missed: 0 });
    assert_eq!(p.segments.len(), 0);
    refresh(&mut p, &window(12..14));
    assert_eq!(starts(&p), [8.0, 12.0]);
}

#[test]
fn dates_outlive_the_tag_they_came_from() {
    let mut p = media(&window(10..13).replacen(
        "#EXTINF",
        "#EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:00Z\n#EXTINF",
        1,
    ));
    refresh(&mut p, &window(11..15));
    let dates: Vec<_> =
        p.segments.iter().map(|s| s.program_date_time.unwrap().unix_millis() / 1000 % 60).collect();
    assert_eq!(dates, [4, 8, 12, 16]);
}

#[test]
fn a_delta_update_is_put_onto_what_is_known() {
    let control = "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=24,CAN-SKIP-DATERANGES=YES\n";
    let full = window(10..20)
        .replacen("#EXTINF", "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-MAP:URI=\"i\"\n#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:00Z\n#EXTINF", 1)
        + control
        + "#EXT-X-DATERANGE:ID=\"a\",X-N=1\n#EXT-X-DATERANGE:ID=\"b\",X-N=1\n";
    let mut p = media(&full);
    p.set_measured(15, TimeRange::default());
    let delta = |first: u64, skipped: u64, count: u64, more: &str| {
        let from = first + skipped;
        let segments: String = (from..from + count).map(|n| format!("#EXTINF:4,\n{n}.ts\n")).collect();
        format!(
            "{HEAD}{control}#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}{more}\n{segments}"
        )
    };
    let text = delta(12, 6, 4, ",RECENTLY-REMOVED-DATERANGES=\"a\tz\"")
        + "#EXT-X-DATERANGE:ID=\"b\",X-N=2\n#EXT-X-DATERANGE:ID=\"c\"\n";
    assert_eq!(refresh(&mut p, &text), Refresh::Advanced { added: 2, removed: 2 });
    assert_eq!(uris(&p), (12..22).map(|n| format!("{n}.ts")).collect::<Vec<_>>());
    assert_eq!((p.skipped, p.media_sequence, p.next_sequence()), (0, 12, 22));
    assert_eq!((starts(&p)[0], starts(&p)[9]), (8.0, 44.0));
    let last = &p.segments[9];
    // What the skipped lines said still holds.
    assert_eq!((last.keys.len(), last.map.is_some(), last.discontinuity_sequence), (1, true, 1));
    assert_eq!(last.program_date_time.unwrap().to_string(), "2024-01-01T00:00:44.000Z");
    assert_eq!(p.segment(15).unwrap().measured, Some(TimeRange::default()));
    let ranges: Vec<_> = p.date_ranges.iter().map(|r| (r.id.as_str(), r.client.len())).collect();
    assert_eq!(ranges, [("b", 1), ("c", 0)]);

    let before = p.clone();
    // Skips segments that were never seen, on either side.
    for (first, skipped) in [(11, 5), (12, 11), (30, 2)] {
        let error = try_refresh(&mut p, &delta(first, skipped, 2, "")).unwrap_err();
        assert_eq!((error.code(), error.line()), ("delta_update_mismatch", 6));
    }
    // What it adds to are other segments: it cannot be put onto these.
    let anew = delta(12, 6, 2, "").replace(".ts", "-new.ts").replace("EXTINF:4,", "EXTINF:3,");
    assert_eq!(try_refresh(&mut p, &anew), Err(PlaylistError::DeltaMismatch { line: 6 }));
    assert_eq!(refresh(&mut p, &delta(12, 6, 2, "")), Refresh::Stale);
    assert_eq!(p, before);
    assert_eq!(refresh(&mut p, &delta(12, 6, 4, "")), Refresh::Unchanged);
}

#[test]
fn the_first_date_of_a_delta_update_reaches_back() {
    let mut p = media(&window(0..3));
    let delta = format!(
        "{HEAD}#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n\
         #EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:12Z\n#EXTINF:4,\n3.ts\n"
    );
    assert_eq!(refresh(&mut p, &delta), Refresh::Advanced { added: 1, removed: 0 });
    let dates: Vec<_> = p.segments.iter().map(|s| s.program_date_time.unwrap().to_string()).collect();
    assert_eq!((&dates[0][11..], &dates[2][11..]), ("00:00:00.000Z", "00:00:08.000Z"));
}

#[test]
fn the_time_of_the_next_reload() {
    let p = media(&window(0..3));
    let advanced = Refresh::Advanced { added: 1, removed: 1 };
    assert_eq!(p.reload(advanced, false).unwrap().after, Duration::from_secs(4));
    assert_eq!(p.reload(Refresh::Unchanged, false).unwrap().after, Duration::from_secs(2));
    assert_eq!(p.reload(Refresh::Stale, true).unwrap().directives, Default::default());

    let low_latency = format!(
        "{}#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1,CAN-SKIP-UNTIL=24\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
         #EXT-X-PART:DURATION=0.5,URI=\"a\"\n#EXT-X-PART:DURATION=0.5,URI=\"b\"\n",
        window(0..7)
    );
    let p = media(&low_latency);
    let reload = p.reload(advanced, true).unwrap();
    assert_eq!(reload.after, Duration::ZERO);
    let d = reload.directives;
    assert_eq!((d.msn, d.part, d.skip), (Some(7), Some(2), Some(Skip::Segments)));
    let d = p.reload(advanced, false).unwrap().directives;
    assert_eq!((d.msn, d.part), (Some(7), None));
    // What looks like a lagging cache may be a restart, which only the whole playlist shows.
    assert_eq!(p.reload(Refresh::Stale, true).unwrap().directives.skip, None);
    // A server that answers at once with nothing new is not asked in a tight loop.
    assert_eq!(p.reload(Refresh::Unchanged, true).unwrap().after, Duration::from_millis(500));
    assert_eq!(
        media("#EXTM3U\n#EXT-X-TARGETDURATION:0\n").reload(Refresh::Unchanged, false).unwrap().after,
        Duration::from_millis(50)
    );
}
