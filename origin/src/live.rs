//! A live view of a packaged file: its media playlists become windows that move with the clock of the session that asks.
//!
//! The stream is the file over and over, with a discontinuity where it begins anew. When a session first asks for it, a
//! window's length has been published already; from then on segments come and go as time passes. Segments are called
//! `{n}-{name}`, `n` counting from the beginning of the stream, so that each has an address and an encryption of its own.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::app::lock;
use crate::package::line::{Line, lines};

/// How a session's live streams run, as it comes from the administrator.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Live {
    /// Seconds of media in a playlist.
    window_s: f64,
    /// Streams end so long after the session first asked for one; `None`: never.
    ends_after_s: Option<f64>,
    /// Nothing is published and nothing leaves the window, as when an encoder hangs; then it goes on from there.
    paused: bool,
}

impl Live {
    /// Why this cannot be.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if !(1.0..=WINDOW_MAX_S).contains(&self.window_s) {
            Some("window_s must be in 1..=3600")
        } else if self.ends_after_s.is_some_and(|end| !(0.0..=ENDS_MAX_S).contains(&end)) {
            Some("ends_after_s must be in 0..=86400")
        } else {
            None
        }
    }
}

impl Default for Live {
    fn default() -> Self {
        Self { window_s: 24.0, ends_after_s: None, paused: false }
    }
}

/// A session's live streams: all of them run by one clock.
#[derive(Debug)]
pub(crate) struct Broadcast {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    live: Live,
    begun: bool,
    /// Time that counts, up to `running_since`.
    elapsed_s: f64,
    running_since: Option<Instant>,
}

/// What is published at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment {
    /// The length of the window, in seconds.
    window_s: f64,
    /// How far the stream has come, in seconds from its beginning.
    edge_s: f64,
    ended: bool,
}

impl Broadcast {
    pub(crate) fn new() -> Self {
        let state = State { live: Live::default(), begun: false, elapsed_s: 0.0, running_since: None };
        Self { state: Mutex::new(state) }
    }

    /// Holds from now on.
    pub(crate) fn set(&self, live: Live) {
        let mut state = lock(&self.state);
        state.elapsed_s = state.elapsed();
        state.live = live;
        state.running_since = (state.begun && !live.paused).then(Instant::now);
    }

    /// What is published now. The first to ask begins the stream.
    pub(crate) fn now(&self) -> Moment {
        let mut state = lock(&self.state);
        if !state.begun {
            state.begun = true;
            state.running_since = (!state.live.paused).then(Instant::now);
        }
        let Live { window_s, ends_after_s, .. } = state.live;
        let elapsed_s = state.elapsed();
        let ended = ends_after_s.is_some_and(|end| elapsed_s >= end);
        Moment {
            window_s,
            edge_s: window_s + ends_after_s.map_or(elapsed_s, |end| elapsed_s.min(end)),
            ended,
        }
    }
}

impl State {
    fn elapsed(&self) -> f64 {
        self.elapsed_s + self.running_since.map_or(0.0, |since| since.elapsed().as_secs_f64())
    }
}

/// A media playlist as the endless stream that it is a turn of.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    header: Vec<&'a str>,
    turn: Vec<Segment<'a>>,
    turn_s: f64,
}

#[derive(Debug)]
struct Segment<'a> {
    tags: Vec<&'a str>,
    info: &'a str,
    name: &'a str,
    /// Seconds from the beginning of the turn.
    end_s: f64,
    discontinuous: bool,
}

impl<'a> Stream<'a> {
    /// Reads a complete playlist. `None` if there is nothing in it.
    pub(crate) fn of(clear: &'a str) -> Option<Self> {
        let mut stream = Self { header: Vec::new(), turn: Vec::new(), turn_s: 0.0 };
        let (mut tags, mut info) = (Vec::new(), "");
        for line in lines(clear) {
            match line {
                Line::Tag(tag) if NOT_LIVE.iter().any(|name| tag.starts_with(name)) => {}
                Line::Tag(tag) if is_of_segment(tag) => tags.push(tag),
                Line::Tag(tag) => stream.header.push(tag),
                Line::Duration(seconds, raw) => {
                    stream.turn_s += seconds;
                    info = raw;
                }
                Line::Uri(name) => {
                    // The beginning of a turn is one after the end of another.
                    let discontinuous = stream.turn.is_empty() || tags.contains(&DISCONTINUITY);
                    tags.retain(|tag| *tag != DISCONTINUITY);
                    let tags = std::mem::take(&mut tags);
                    stream.turn.push(Segment { tags, info, name, end_s: stream.turn_s, discontinuous });
                }
            }
        }
        (stream.turn_s > 0.0).then_some(stream)
    }

    /// The playlist of a moment, in the clear, its media sequence counted from the beginning of the stream.
    pub(crate) fn playlist(&self, moment: Moment) -> String {
        let (first, next) = self.window(moment);
        let mut text = String::new();
        let mut line = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        self.header.iter().for_each(|tag| line(tag));
        line(&format!("#EXT-X-MEDIA-SEQUENCE:{first}"));
        let before = (0..first).filter(|n| self.is_discontinuous(*n)).count();
        line(&format!("#EXT-X-DISCONTINUITY-SEQUENCE:{before}"));
        for n in first..next {
            let Some(segment) = self.segment(n) else { break };
            if self.is_discontinuous(n) {
                line(DISCONTINUITY);
            }
            segment.tags.iter().for_each(|tag| line(tag));
            line(segment.info);
            line(&match segment.name.rsplit_once('/') {
                Some((directory, file)) => format!("{directory}/{n}-{file}"),
                None => format!("{n}-{}", segment.name),
            });
        }
        if moment.ended {
            line("#EXT-X-ENDLIST");
        }
        text
    }

    /// Whether segment `n` is that of this name, and can be had: it is listed, or was as long ago as a window is long.
    pub(crate) fn has(&self, n: u32, name: &str, moment: Moment) -> bool {
        let (first, next) = self.window(moment);
        let kept = self.window(Moment { edge_s: moment.edge_s - moment.window_s, ..moment }).0.min(first);
        (kept..next).contains(&n) && self.segment(n).is_some_and(|segment| segment.name == name)
    }

    /// The segments that are listed: from the first that lies in the window whole, to before the first that is not
    /// complete.
    fn window(&self, moment: Moment) -> (u32, u32) {
        let next = self.complete(moment.edge_s);
        let end_s = next.checked_sub(1).map_or(0.0, |last| self.end_s(last));
        let first =
            (0..next).rev().take_while(|n| end_s - self.start_s(*n) <= moment.window_s + SLACK_S).last();
        (first.unwrap_or(next), next)
    }

    /// How many segments end by then.
    fn complete(&self, edge_s: f64) -> u32 {
        if edge_s <= 0.0 {
            return 0;
        }
        let turns = (edge_s / self.turn_s).floor();
        let rest_s = edge_s - turns * self.turn_s + SLACK_S;
        let in_turn = self.turn.iter().take_while(|segment| segment.end_s <= rest_s).count();
        turns as u32 * self.len() + in_turn as u32
    }

    fn len(&self) -> u32 {
        u32::try_from(self.turn.len()).unwrap_or(u32::MAX).max(1)
    }

    fn segment(&self, n: u32) -> Option<&Segment<'a>> {
        self.turn.get((n % self.len()) as usize)
    }

    fn end_s(&self, n: u32) -> f64 {
        f64::from(n / self.len()) * self.turn_s + self.segment(n).map_or(0.0, |segment| segment.end_s)
    }

    fn start_s(&self, n: u32) -> f64 {
        n.checked_sub(1).map_or(0.0, |before| self.end_s(before))
    }

    fn is_discontinuous(&self, n: u32) -> bool {
        n > 0 && self.segment(n).is_some_and(|segment| segment.discontinuous)
    }
}

/// Segment `n` of this name: `{directory}/{n}-{file}` taken apart.
pub(crate) fn name_of(path: &str) -> Option<(u32, String)> {
    let (directory, file) = path.rsplit_once('/')?;
    let (n, file) = file.split_once('-')?;
    Some((n.parse().ok()?, format!("{directory}/{file}")))
}

fn is_of_segment(tag: &str) -> bool {
    ["#EXT-X-DISCONTINUITY", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-BYTERANGE", "#EXT-X-MAP"]
        .iter()
        .any(|name| tag.starts_with(name))
}

const DISCONTINUITY: &str = "#EXT-X-DISCONTINUITY";
/// What is said of complete playlists only, or said anew here.
const NOT_LIVE: [&str; 4] =
    ["#EXT-X-PLAYLIST-TYPE", "#EXT-X-ENDLIST", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE"];
/// Sums of durations are not exact.
const SLACK_S: f64 = 0.001;
const WINDOW_MAX_S: f64 = 3600.0;
const ENDS_MAX_S: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n\
        #EXTINF:4,\n0.ts\n#EXTINF:4,\n1.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\n2.ts\n#EXT-X-ENDLIST\n";

    fn at(edge_s: f64) -> String {
        let moment = Moment { window_s: 12.0, edge_s, ended: false };
        let text = Stream::of(FILE).unwrap().playlist(moment);
        text.lines().skip(2).collect::<Vec<_>>().join(" ").replace("#EXT-X-", "")
    }

    #[test]
    fn the_window_moves_over_the_file_again_and_again() {
        let begun = "MEDIA-SEQUENCE:0 DISCONTINUITY-SEQUENCE:0 #EXTINF:4, 0-0.ts #EXTINF:4, 1-1.ts DISCONTINUITY #EXTINF:2, 2-2.ts";
        assert_eq!(at(12.0), begun);
        assert_eq!(at(13.9), begun);
        assert_eq!(
            at(14.0),
            "MEDIA-SEQUENCE:1 DISCONTINUITY-SEQUENCE:0 #EXTINF:4, 1-1.ts DISCONTINUITY #EXTINF:2, 2-2.ts DISCONTINUITY \
             #EXTINF:4, 3-0.ts"
        );
        assert_eq!(
            at(20.0),
            "MEDIA-SEQUENCE:2 DISCONTINUITY-SEQUENCE:0 DISCONTINUITY #EXTINF:2, 2-2.ts DISCONTINUITY #EXTINF:4, 3-0.ts \
             #EXTINF:4, 4-1.ts DISCONTINUITY #EXTINF:2, 5-2.ts"
        );
        // Both that came before are counted.
        assert_eq!(
            at(24.0),
            "MEDIA-SEQUENCE:4 DISCONTINUITY-SEQUENCE:2 #EXTINF:4, 4-1.ts DISCONTINUITY #EXTINF:2, 5-2.ts DISCONTINUITY \
             #EXTINF:4, 6-0.ts"
        );
    }

    #[test]
    fn what_has_left_the_window_can_be_had_for_a_while() {
        let stream = Stream::of(FILE).unwrap();
        let has = |n, name, edge_s| stream.has(n, name, Moment { window_s: 12.0, edge_s, ended: false });
        assert!(has(0, "0.ts", 12.0) && has(0, "0.ts", 25.0) && !has(0, "0.ts", 30.0));
        assert!(!has(3, "0.ts", 13.9) && has(3, "0.ts", 14.0) && !has(3, "1.ts", 14.0));
        assert_eq!(name_of("360p/17-005.ts"), Some((17, "360p/005.ts".into())));
        assert_eq!(name_of("360p/005.ts"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_to_ask_begins_it_and_a_pause_does_not_count() {
        let broadcast = Broadcast::new();
        let pass = async |s| tokio::time::sleep(std::time::Duration::from_secs(s)).await;
        let edge = || broadcast.now().edge_s.round();
        pass(50).await;
        assert_eq!(edge(), 24.0);
        pass(5).await;
        assert_eq!(edge(), 29.0);
        broadcast.set(Live { paused: true, ..Live::default() });
        pass(60).await;
        assert_eq!(edge(), 29.0);
        broadcast.set(Live { ends_after_s: Some(8.0), ..Live::default() });
        pass(2).await;
        assert!(!broadcast.now().ended);
        pass(2).await;
        assert!(broadcast.now().ended && edge() == 32.0);
    }
}
