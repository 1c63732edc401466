//! What reading a playlist costs: a long VOD playlist, and a live window of five hours as it goes on.
//!
//! `cargo bench --bench playlist`. Every figure includes dropping what is no longer needed: the result of a
//! reading, or the playlist that a refresh replaces. What must not get worse is gated elsewhere, by counting
//! allocations (`tests/refresh_cost.rs`): seconds differ from machine to machine.

// A benchmark may fail by panicking.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::ops::Range;

use cloud_player::playlist::{Limits, MediaPlaylist, Source, Variables, parse_media};
use cloud_player::secret::Url;
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

/// 10,000 segments, their URLs signed.
#[divan::bench]
fn parse_vod(bencher: Bencher<'_, '_>) {
    let text = format!("{}#EXT-X-ENDLIST\n", playlist(0..10_000));
    bench_parse(bencher, &text);
}

/// Five hours of segments of 6 s, read from nothing.
#[divan::bench]
fn parse_live(bencher: Bencher<'_, '_>) {
    bench_parse(bencher, &playlist(1..WINDOW + 1));
}

/// The same text after one that has one segment more at the start and one less at the end.
#[divan::bench]
fn refresh_live(bencher: Bencher<'_, '_>) {
    let base = Url::new(BASE);
    let source = source(&base);
    let before = parse_media(playlist(0..WINDOW).as_bytes(), &source).unwrap();
    let text = playlist(1..WINDOW + 1);
    bencher.counter(BytesCount::of_str(&text)).with_inputs(|| before.clone()).bench_local_values(
        |mut known: MediaPlaylist| {
            known.refresh(text.as_bytes(), &source).unwrap();
            // Kept, as a player keeps it; what was replaced has been dropped inside.
            known
        },
    );
}

const BASE: &str = "https://cdn.example/course/1/1080p.m3u8?expires=68a1b2c3&signature=0123456789abcdef";
/// Segments of 6 s in five hours.
const WINDOW: u32 = 3000;

fn bench_parse(bencher: Bencher<'_, '_>, text: &str) {
    let base = Url::new(BASE);
    let source = source(&base);
    bencher
        .counter(BytesCount::of_str(text))
        .bench_local(|| drop(parse_media(text.as_bytes(), &source).unwrap()));
}

fn source(base: &Url) -> Source<'_> {
    static NONE: std::sync::LazyLock<Variables> = std::sync::LazyLock::new(Variables::default);
    Source { base, variables: &NONE, limits: Limits::default() }
}

fn playlist(numbers: Range<u32>) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:{}\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"key?token=0123456789abcdef\"\n",
        numbers.start
    );
    for n in numbers {
        writeln!(
            text,
            "#EXTINF:6.006,\n1080p/segment-{n:06}.ts?sign=0123456789abcdef0123456789abcdef&t=68a1b2c3"
        )
        .unwrap();
    }
    text
}
