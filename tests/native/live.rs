//! Live sessions: a window that moves in virtual time, and what can become of it.
//!
//! The stream is made by ffmpeg, which must be on the path.

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use cloud_player::engine::{Config, Event, Request, Source};
use cloud_player::secret::Url;
use cloud_player::time::Timestamp;

use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World, shared};

/// Seconds in a segment.
const SEGMENT: u64 = 2;
/// Segments in the window.
const WINDOW: usize = 6;

/// Three minutes in segments of two seconds.
pub(crate) fn segments() -> &'static [Vec<u8>] {
    static SEGMENTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEGMENTS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(
            "-v error -nostdin -y -f lavfi -i testsrc2=s=64x36:r=25 -f lavfi -i sine=r=48000".split(' '),
        );
        ffmpeg
            .args("-t 180 -c:v libx264 -preset ultrafast -g 50 -sc_threshold 0 -c:a aac -b:a 32k".split(' '));
        ffmpeg.args("-f hls -hls_time 2 -hls_list_size 0 -hls_segment_filename".split(' '));
        let status = ffmpeg.arg(folder.join("%d.ts")).arg(folder.join("p.m3u8")).status();
        assert!(status.expect("ffmpeg is needed").success());
        (0..90).map(|n| std::fs::read(folder.join(format!("{n}.ts"))).unwrap()).collect()
    })
}

/// What the origin does, by the time.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) clock: Rc<RefCell<Timestamp>>,
    /// Nothing new comes in this stretch, in seconds.
    stalls: std::ops::Range<u64>,
    /// It ends with this segment.
    last: usize,
    /// Sequence numbers begin anew with this segment.
    restarts_at: usize,
    /// Not there.
    pub(crate) missing: Option<usize>,
    /// Says when each segment was made.
    dated: bool,
}

impl Live {
    pub(crate) fn new() -> Self {
        let clock = shared(Timestamp::ZERO);
        Self { clock, stalls: 0..0, last: 89, restarts_at: usize::MAX, missing: None, dated: false }
    }

    /// The newest segment.
    fn newest(&self) -> usize {
        let seconds = self.clock.borrow().as_micros() / 1_000_000;
        let seconds = if self.stalls.contains(&seconds) { self.stalls.start } else { seconds };
        (WINDOW - 1 + (seconds / SEGMENT) as usize).min(self.last)
    }

    /// `shift` is how differently a rung counts.
    fn playlist(&self, shift: usize) -> String {
        let newest = self.newest();
        let first = (newest + 1 - WINDOW).max(if newest >= self.restarts_at { self.restarts_at } else { 0 });
        let number = if first >= self.restarts_at { first - self.restarts_at } else { first + shift };
        let mut out = format!("#EXTM3U\n#EXT-X-TARGETDURATION:{SEGMENT}\n#EXT-X-MEDIA-SEQUENCE:{number}\n");
        for n in first..=newest {
            if self.dated {
                let (minutes, seconds) = (n * 2 / 60, n * 2 % 60);
                out += &format!("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:{minutes:02}:{seconds:02}.000Z\n");
            }
            out += &format!("#EXTINF:{SEGMENT},\n{n}.ts\n");
        }
        if newest == self.last {
            out += "#EXT-X-ENDLIST\n";
        }
        out
    }

    pub(crate) fn serve(&self, request: &Request) -> Response {
        let path = request.url.expose().strip_prefix("http://origin.test/").expect("the origin");
        match path {
            "telemetry" => Response::status(204),
            "master.m3u8" => Response::ok(
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nlow.m3u8\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=600000\nhigh.m3u8\n",
            ),
            "live.m3u8" | "low.m3u8" => Response::ok(self.playlist(0)),
            "high.m3u8" => Response::ok(self.playlist(1000)),
            segment => {
                let n: usize = segment.trim_end_matches(".ts").parse().expect("a segment");
                let there = n <= self.newest() && n + WINDOW + 3 > self.newest() && self.missing != Some(n);
                if there { Response::ok(segments()[n].clone()) } else { Response::status(404) }
            }
        }
    }

    pub(crate) fn world(&self, name: &str, config: Config) -> World {
        let live = self.clone();
        let origin: Origin = Box::new(move |request| live.serve(request));
        let mut world = World::new(config, Network::new(3_000_000, RTT), origin);
        world.clock = Some(self.clock.clone());
        world.play(Source::Hls { url: Url::new(format!("http://origin.test/{name}.m3u8")), token: None });
        world
    }
}

/// Seconds of the stream that exist.
fn edge(w: &World, live: &Live) -> f64 {
    let _ = w;
    ((live.newest() + 1) as u64 * SEGMENT) as f64
}

#[test]
fn a_live_stream_plays_at_its_distance_from_the_edge() {
    let live = Live::new();
    let mut w = live.world("live", config());
    w.run_until(secs(3), "the first frame", |w| w.position() > 0.0 && w.element.state().ready_state >= 3);
    let loaded = w.events.iter().find_map(|(_, e)| match e {
        Event::Loaded { duration, .. } => Some(*duration),
        _ => None,
    });
    assert_eq!(loaded, Some(f64::INFINITY));
    let mut worst: f64 = 0.0;
    for _ in 0..100 {
        w.run_for(secs(1));
        worst = worst.max(edge(&w, &live) - w.position());
    }
    assert_eq!((w.fatal(), w.errors().count(), w.element.stalls), (None, 0, 0));
    // Three target durations, and as much as a segment more to begin at its start and until the next is known.
    assert!(worst < 6.0 + 2.0 * 2.0 + 1.0, "{worst} s behind the edge");
    assert!(edge(&w, &live) - w.position() >= 5.0, "too close: {}", edge(&w, &live) - w.position());
    // Once a target duration, a little more often where nothing was new.
    let reloads = w.requests_for("live.m3u8").len();
    assert!((45..=80).contains(&reloads), "{reloads} loads of the playlist in 100 s");
    let range = w.element.live_range.expect("the seekable range");
    assert!(range.start.as_secs() > 80.0 && range.end > range.start, "{range:?}");
}

#[test]
fn a_live_stream_that_ends_plays_to_its_end() {
    let live = Live { last: 20, ..Live::new() };
    let mut w = live.world("live", config());
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count()), (None, 0));
    assert!((w.position() - 42.0).abs() < 0.3, "ended at {}", w.position());
    assert!(
        w.events.iter().any(|(_, e)| matches!(e, Event::DurationChanged { duration } if *duration == 42.0))
    );
}

#[test]
fn an_origin_that_stands_still_is_waited_for() {
    let live = Live { stalls: 20..50, ..Live::new() };
    let mut w = live.world("live", config());
    w.run_for(secs(45));
    let stopped = w.position();
    assert_eq!(w.stats.as_ref().unwrap().waiting_for, Some("live_edge"));
    assert_eq!(w.fatal(), None);
    let before = w.requests_for("live.m3u8").len();
    assert!(before < 70, "{before} loads: asked in a tight loop");
    w.run_for(secs(15));
    assert!(w.position() > stopped + 5.0, "at {}, was at {stopped}", w.position());
    w.run_for(secs(30));
    assert_eq!((w.fatal(), w.errors().count()), (None, 0));
    assert!(edge(&w, &live) - w.position() < 35.0, "{} s behind", edge(&w, &live) - w.position());
}

#[test]
fn who_paused_for_longer_than_the_window_goes_on_near_the_edge() {
    let live = Live::new();
    let mut w = live
        .world("live", Config { buffer_goal: cloud_player::time::MediaTime::from_millis(6000), ..config() });
    w.run_for(secs(10));
    w.pause();
    w.run_for(secs(1));
    let paused_at = w.position();
    w.run_for(secs(60));
    assert_eq!(w.position(), paused_at);
    w.resume();
    w.run_for(secs(15));
    assert_eq!(w.fatal(), None);
    let behind = edge(&w, &live) - w.position();
    assert!((5.0..12.0).contains(&behind), "{behind} s behind the edge");
}

#[test]
fn sequence_numbers_that_begin_anew_cost_nothing_but_a_moment() {
    let live = Live { restarts_at: 20, ..Live::new() };
    let mut w = live.world("live", config());
    w.run_for(secs(90));
    assert_eq!(w.fatal(), None);
    assert!(w.element.stalls <= 1, "{} stalls", w.element.stalls);
    assert!(w.position() > 60.0, "at {}", w.position());
    let moving = w.position();
    w.run_for(secs(5));
    assert!(w.position() > moving + 4.0, "no longer moves");
}

#[test]
fn a_segment_that_is_not_there_is_stepped_over() {
    let live = Live { missing: Some(12), ..Live::new() };
    let mut w = live.world("live", config());
    w.run_for(secs(60));
    assert_eq!(w.fatal(), None);
    assert!(w.errors().all(|e| e.code == "not_found" && !e.fatal));
    assert_eq!(w.requests_for("/12.ts").len(), 3);
    assert!(w.position() > 45.0, "at {}", w.position());
}

#[test]
fn rungs_that_count_differently_are_one_timeline_by_their_dates() {
    let live = Live { dated: true, ..Live::new() };
    let mut w = live.world("master", Config { stored_throughput: Some(400_000), ..config() });
    w.run_for(secs(60));
    assert_eq!((w.fatal(), w.errors().count(), w.element.stalls), (None, 0, 0));
    let rungs: Vec<_> = w
        .events
        .iter()
        .filter_map(|(_, e)| if let Event::RungChanged { rung } = e { Some(*rung) } else { None })
        .collect();
    assert_eq!(rungs, [0, 1], "up once");
    // No segment twice under another number.
    let mut asked: Vec<_> = w.requests_for(".ts").iter().map(|(_, r)| r.url.expose().to_owned()).collect();
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert!(all - asked.len() <= 1, "{} segments were loaded twice", all - asked.len());
}

#[test]
fn a_stream_that_has_not_begun_is_waited_for() {
    let live = Live::new();
    let inner = live.clone();
    let clock = live.clock.clone();
    let origin: Origin = Box::new(move |request: &Request| {
        if request.url.expose().ends_with("live.m3u8") && *clock.borrow() < Timestamp::from_millis(9000) {
            return Response::ok("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n");
        }
        inner.serve(request)
    });
    let mut w = World::new(config(), Network::new(3_000_000, RTT), origin);
    w.clock = Some(live.clock.clone());
    w.play(Source::Hls { url: Url::new("http://origin.test/live.m3u8"), token: None });
    w.run_for(secs(8));
    assert_eq!(w.fatal(), None);
    w.run_until(Duration::from_secs(6), "playing", |w| w.element.state().ready_state >= 3);
    w.run_for(secs(20));
    assert_eq!((w.fatal(), w.element.stalls), (None, 0));
}

#[test]
fn a_newest_segment_that_is_not_there_does_not_end_the_stream() {
    // All that is known is loaded, and what comes next is missing from the moment on that it is named.
    let live = Live { missing: Some(8), ..Live::new() };
    let mut w = live.world("live", config());
    w.run_for(secs(60));
    assert_eq!((w.fatal(), w.element.ended), (None, false));
    assert!(w.position() > 45.0, "at {}", w.position());
}
