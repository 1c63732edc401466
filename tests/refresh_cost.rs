//! What a refresh may cost, counted in allocations: seconds differ from machine to machine and from minute to
//! minute. A binary of its own, because the counting allocator serves all of it.

// A test may fail by panicking.
#![allow(clippy::unwrap_used)]

use std::ops::Range;

use allocation_counter::{AllocationInfo, measure};
use cloud_player::playlist::{Limits, MediaPlaylist, Refresh, Source, Variables, parse_media};
use cloud_player::secret::Url;

/// Five hours of segments of 6 s.
const WINDOW: u32 = 3000;

fn with_source<R>(f: impl FnOnce(&Source<'_>) -> R) -> R {
    let base = Url::new("https://cdn.example/course/1/1080p.m3u8?signature=0123456789abcdef");
    f(&Source { base: &base, variables: &Variables::default(), limits: Limits::default() })
}

fn playlist(numbers: Range<u32>, uri: &dyn Fn(u32) -> String) -> String {
    let start = numbers.start;
    let segments: String = numbers.map(|n| format!("#EXTINF:6.006,Lesson\n{}\n", uri(n))).collect();
    format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:{start}\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n{segments}"
    )
}

/// What reading the text from nothing allocates, and what a refresh to it does.
fn cost(before: &str, text: &str) -> (AllocationInfo, AllocationInfo) {
    with_source(|source| {
        let parse = measure(|| drop(parse_media(text.as_bytes(), source).unwrap()));
        let mut known: MediaPlaylist = parse_media(before.as_bytes(), source).unwrap();
        let refresh = measure(|| {
            assert_eq!(
                known.refresh(text.as_bytes(), source),
                Ok(Refresh::Advanced { added: 1, removed: 1 })
            );
        });
        assert_eq!(known.segments.len(), usize::try_from(WINDOW).unwrap());
        (parse, refresh)
    })
}

#[test]
fn a_refresh_allocates_for_what_is_new() {
    let uris: [&dyn Fn(u32) -> String; 3] = [
        &|n| format!("1080p/{n}.ts?sign=0123456789abcdef"),
        &|n| format!("https://cdn.example/course/1/1080p/{n}.ts?sign=0123456789abcdef"),
        &|n| format!("../2/{n} a.ts"),
    ];
    for uri in uris {
        let (parse, refresh) = cost(&playlist(0..WINDOW, uri), &playlist(1..WINDOW + 1, uri));
        assert!(parse.count_total >= 2 * u64::from(WINDOW), "{parse:?}");
        // One URL, one title, and what there is once in a playlist; references with dots take detours.
        let detours = if uri(0).starts_with('.') { 5 * u64::from(WINDOW) } else { 0 };
        assert!(refresh.count_total <= 40 + detours, "{refresh:?} against {parse:?}");
        assert!(refresh.count_total < parse.count_total && refresh.bytes_total < parse.bytes_total);
        assert!(refresh.bytes_max <= parse.bytes_max, "{refresh:?} against {parse:?}");
    }
}

#[test]
fn a_refresh_where_every_url_is_signed_anew_allocates_no_more_than_a_parse() {
    let signed = |numbers: Range<u32>, sign: u32| playlist(numbers, &|n| format!("{n}.ts?sign={sign}"));
    let (parse, refresh) = cost(&signed(0..WINDOW, 1), &signed(1..WINDOW + 1, 2));
    assert!(refresh.count_total <= parse.count_total, "{refresh:?} against {parse:?}");
    assert!(refresh.bytes_total <= parse.bytes_total, "{refresh:?} against {parse:?}");
}
