//! What a seed stands for: a stream, a network, an element, a viewer, and what goes wrong with each.
//!
//! Trouble comes first and then ends ([`Scenario::calm`]), so that every session has time to show that it recovers. In
//! a mild scenario nothing goes wrong that the recovery table gives up on, so that no session may end with an error.

use core::time::Duration;

use super::door::{self, Door};
use super::media::{PIECE, PIECES, WEIGHTS};
use super::random::Random;
use crate::engine::Config;
use crate::secret::Url;
use crate::time::{MediaTime, Timestamp};

/// A session's whole story.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(super) seed: u64,
    pub(super) mild: bool,
    pub(super) stream: Layout,
    pub(super) live: Option<Live>,
    pub(super) weather: Vec<Weather>,
    pub(super) round_trip: Duration,
    /// Answers come this much later, at random, and overtake each other.
    pub(super) jitter: Duration,
    pub(super) faults: Vec<Fault>,
    pub(super) quota: Option<usize>,
    pub(super) operation: Duration,
    /// When the browser makes room by itself: behind the playhead, or ahead of it.
    pub(super) evictions: Vec<(Timestamp, bool)>,
    /// When the decoder stands still, and for how long.
    pub(super) freezes: Vec<(Timestamp, Duration)>,
    pub(super) viewer: Vec<(Timestamp, Action)>,
    pub(super) config: Config,
    pub(super) door: Option<Door>,
    /// From here on nothing goes wrong.
    pub(super) calm: Timestamp,
    pub(super) end: Timestamp,
}

/// How the network is from some moment on.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    pub(super) from: Timestamp,
    pub(super) bits_per_second: u64,
    /// Connections are reset and refused.
    pub(super) down: bool,
}

/// How the stream is laid out.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) rungs: usize,
    /// Pieces in a segment.
    pub(super) pieces: usize,
    pub(super) segments: usize,
    pub(super) fragmented: bool,
    pub(super) encrypted: bool,
    /// Renditions of the sound; none: it comes with the pictures.
    pub(super) sounds: usize,
    /// The page names the media playlist itself.
    pub(super) single: bool,
    /// Discontinuities: from this segment on, media from this piece on, with the timestamps that it has there. The first
    /// begins the stream.
    pub(super) sections: Vec<(usize, usize)>,
    /// Segments that are not there, and said not to be (EXT-X-GAP).
    pub(super) gaps: Vec<usize>,
    /// The same of the renditions of the sound alone.
    pub(super) mute: Vec<usize>,
    /// Segments that the renditions of the sound lack at the end.
    pub(super) silent: usize,
    /// Thousandths of a segment's length that the playlist says it has.
    pub(super) told: u64,
}

impl Layout {
    /// Whether a segment is not there, of the sound or the pictures.
    pub(super) fn lacks(&self, segment: usize, of_sound: bool) -> bool {
        self.gaps.contains(&segment) || of_sound && self.mute.contains(&segment)
    }

    /// The piece that a segment begins with.
    pub(super) fn piece(&self, segment: usize) -> usize {
        let of = self.sections.iter().rev().find(|(from, _)| *from <= segment);
        of.map_or(segment * self.pieces, |(from, piece)| piece + (segment - from) * self.pieces)
    }
}

/// A live stream.
#[derive(Clone, Debug)]
pub(super) struct Live {
    /// Segments in the window.
    pub(super) window: usize,
    /// Nothing new comes in this stretch, in seconds.
    pub(super) stalls: std::ops::Range<u64>,
    /// Says when each segment was made.
    pub(super) dated: bool,
    /// When the server begins anew and counts from zero, in seconds.
    pub(super) restart: Option<u64>,
}

/// A sort of trouble with answers.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) on: Target,
    pub(super) what: Trouble,
    pub(super) until: Timestamp,
    /// Answers in a hundred.
    pub(super) percent: u64,
    /// Answers for one resource.
    pub(super) times: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Any,
    Root,
    Playlist,
    /// What this rung has, playlist and segments.
    Rung(usize),
    Sound,
    Segment,
    Key,
    Init,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Refused,
    Silent,
    Cut,
    Short,
    Stall,
    Status(u16),
    /// 429 or 503 with Retry-After, in seconds.
    Busy(u16, u64),
    WrongKey,
    /// Bytes in the middle are others.
    Corrupt,
    /// The body ends early and says so nowhere.
    Truncated,
    /// A page to log in at.
    Html,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// By the slider.
    Seek(MediaTime),
    /// By the page's own command.
    CommandSeek(MediaTime),
    Pause,
    Resume,
    Hold(Option<usize>),
    Online(bool),
    /// The lid is shut for this long.
    Sleep(Duration),
    Stop,
}

impl Trouble {
    /// Whether waiting helps, as the recovery table has it.
    pub(super) fn passes(self) -> bool {
        match self {
            Self::Refused | Self::Silent | Self::Cut | Self::Short | Self::Stall | Self::Busy(..) => true,
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            Self::WrongKey | Self::Corrupt | Self::Truncated | Self::Html => false,
        }
    }
}

impl Scenario {
    /// What this seed stands for.
    pub fn new(seed: u64) -> Self {
        let Some(plain) = seed.checked_sub(door::FIRST) else { return Self::plain(seed) };
        let mut scenario = Self::plain(plain);
        let door = Door::of(plain, scenario.mild);
        scenario.config.renews = true;
        scenario.config.wall_clock = Some(door.wall_clock());
        scenario.door = Some(door);
        scenario
    }

    fn plain(seed: u64) -> Self {
        let r = &mut Random::new(seed);
        let mild = r.percent(65);
        let live = r.percent(35).then(|| Live {
            window: usize::try_from(r.within(4, 9)).unwrap(),
            stalls: 0..0,
            dated: r.percent(40),
            restart: None,
        });
        let stream = layout(r, live.is_some());
        let calm = Timestamp::from_millis(r.within(3_000, 40_000));
        let end = calm + Duration::from_secs(60);
        let mut scenario = Self {
            seed,
            mild,
            weather: weather(r, mild, &stream, calm),
            round_trip: Duration::from_millis(r.pick(&[5, 20, 50, 120, 300])),
            jitter: Duration::from_millis(r.pick(&[0, 0, 30, 300])),
            faults: Vec::new(),
            quota: None,
            operation: Duration::from_millis(r.pick(&[1, 2, 2, 15, 60])),
            evictions: Vec::new(),
            freezes: Vec::new(),
            viewer: Vec::new(),
            config: config(r, seed, &stream, live.is_some()),
            door: None,
            stream,
            live,
            calm,
            end,
        };
        scenario.trouble(r);
        scenario.element(r);
        scenario.watch(r);
        scenario.lay_out_oddly(&mut Random::new(seed ^ 0x0dd));
        scenario
    }

    /// What the specification allows, or does not, and is seen all the same.
    fn lay_out_oddly(&mut self, r: &mut Random) {
        let segments = self.stream.segments;
        let any = |r: &mut Random| usize::try_from(r.within(1, segments as u64 - 1)).unwrap();
        if r.percent(12) {
            let mut from: Vec<_> = (0..r.pick(&[1, 1, 2, 4])).map(|_| any(r)).collect();
            from.sort_unstable();
            from.dedup();
            for (i, segment) in from.iter().enumerate() {
                let length = from.get(i + 1).unwrap_or(&segments) - segment;
                let last = (PIECES - length * self.stream.pieces) as u64;
                self.stream.sections.push((*segment, usize::try_from(r.within(0, last + 1)).unwrap()));
            }
        }
        if r.percent(10) {
            let from = any(r);
            self.stream.gaps = (from..from + r.pick(&[1, 1, 2, 4])).filter(|n| n + 1 < segments).collect();
        }
        if r.percent(10) {
            self.stream.told = r.pick(&[900, 950, 1020, 1050, 1150]);
        }
        let mut silence = Random::new(self.seed ^ 0x51_1e5ce);
        // Sound that is over before a discontinuity does not say where it lies, to who begins behind that.
        let one = self.stream.sections.len() == 1;
        if self.live.is_none() && self.stream.sounds > 0 && silence.percent(10) && one {
            self.stream.silent = silence.pick(&[1, 1, 2, 10]).min(segments - 1);
        }
        if self.stream.sounds > 0 && silence.percent(10) {
            let from = any(&mut silence);
            let gaps = from..from + silence.pick(&[1, 2, 10]);
            self.stream.mute = gaps.filter(|n| n + 1 < segments).collect();
        }
        if let Some(live) = &mut self.live
            && r.percent(12)
        {
            live.restart = Some(r.within(2, (self.calm.as_micros() / 1_000_000).max(3)));
        }
    }

    /// Seconds of the whole stream.
    pub(super) fn seconds(&self) -> u64 {
        (self.stream.segments * self.stream.pieces) as u64 * PIECE
    }

    /// The name of the playlist that the page is given.
    pub(super) fn playlist(&self) -> &'static str {
        if self.stream.single { "r0" } else { "master" }
    }

    /// Failures that a request may see because its connection is reset: by the network, once among the attempts at it, and each
    /// time that the lid is shut.
    pub(super) fn resets(&self) -> u32 {
        let sleeps = self.viewer.iter().filter(|(_, action)| matches!(action, Action::Sleep(_))).count();
        u32::from(self.weather.iter().any(|w| w.down)) + u32::try_from(sleeps).unwrap_or(u32::MAX)
    }

    fn trouble(&mut self, r: &mut Random) {
        if let Some(live) = &mut self.live
            && r.percent(30)
        {
            let from = r.within(0, self.calm.as_micros() / 1_000_000);
            live.stalls = from..(from + r.within(2, 20)).min(self.calm.as_micros() / 1_000_000);
        }
        let passing = [
            Trouble::Refused,
            Trouble::Silent,
            Trouble::Cut,
            Trouble::Short,
            Trouble::Stall,
            Trouble::Status(500),
            Trouble::Status(503),
            Trouble::Busy(429, 2),
            Trouble::Busy(503, 4),
        ];
        let lasting = [
            Trouble::Corrupt,
            Trouble::Truncated,
            Trouble::Html,
            Trouble::Status(404),
            Trouble::Status(403),
            Trouble::Status(410),
            Trouble::WrongKey,
        ];
        let targets = [
            Target::Any,
            Target::Root,
            Target::Playlist,
            Target::Sound,
            Target::Segment,
            Target::Segment,
            Target::Key,
            Target::Init,
        ];
        for _ in 0..r.pick(&[0, 1, 1, 2, 3]) {
            let on = r.pick(&targets);
            let fault = if self.mild {
                let (what, times) = match r.within(0, 10) {
                    0 if matches!(on, Target::Segment | Target::Playlist | Target::Root) => {
                        (r.pick(&[Trouble::Corrupt, Trouble::Html, Trouble::Truncated]), 1)
                    }
                    1 if on == Target::Key => (Trouble::WrongKey, 1),
                    2 if on == Target::Segment && self.live.is_some() => {
                        (Trouble::Status(404), r.pick(&[1, 2, 3]))
                    }
                    _ => (r.pick(&passing), r.pick(&[1, 2, 3])),
                };
                Fault { on, what, until: self.calm, percent: r.pick(&[10, 30, 100]), times }
            } else {
                let what = if r.percent(50) { r.pick(&passing) } else { r.pick(&lasting) };
                Fault {
                    on,
                    what,
                    until: self.calm,
                    percent: r.pick(&[10, 50, 100]),
                    times: r.pick(&[1, 2, 5, 99]),
                }
            };
            self.faults.push(fault);
        }
        // A segment and its key are tried twice together (`wrong_key` and `corrupt` of the recovery table): who breaks both, one
        // after the other, has broken too much to be mild.
        if self.mild && self.faults.iter().any(|fault| fault.what == Trouble::WrongKey) {
            self.faults.retain(|fault| fault.on != Target::Segment || fault.what.passes());
        }
        // A rung that is broken for good, beside others that are not.
        if self.stream.rungs > 1 && r.percent(15) {
            let rung = usize::try_from(r.within(0, self.stream.rungs as u64)).unwrap();
            let what = r.pick(&[Trouble::Status(404), Trouble::Corrupt, Trouble::Status(500)]);
            if self.live.is_none() {
                self.faults =
                    vec![Fault { on: Target::Rung(rung), what, until: self.end, percent: 100, times: 9999 }];
            }
        }
    }

    fn element(&mut self, r: &mut Random) {
        let heaviest = WEIGHTS[self.stream.rungs - 1] * self.stream.pieces;
        if r.percent(15) {
            self.quota = Some(if self.mild { 40_000 + heaviest * 2 } else { 4_000 + heaviest / 2 });
        }
        let calm = self.calm.as_micros() / 1000;
        for _ in 0..r.pick(&[0, 0, 0, 1, 3]) {
            self.evictions.push((Timestamp::from_millis(r.within(2000, calm)), r.percent(50)));
        }
        for _ in 0..r.pick(&[0, 0, 0, 1]) {
            let freeze = Duration::from_millis(r.within(100, 3000));
            self.freezes.push((Timestamp::from_millis(r.within(1000, calm)), freeze));
        }
        self.evictions.sort();
        self.freezes.sort();
    }

    fn watch(&mut self, r: &mut Random) {
        let calm = self.calm.as_micros() / 1000;
        let mut at = r.within(300, 12_000);
        for _ in 0..r.pick(&[0, 0, 1, 2, 4]) {
            let mut act = |at: u64, action| self.viewer.push((Timestamp::from_millis(at.min(calm)), action));
            let seconds = (self.stream.segments * self.stream.pieces) as u64 * PIECE;
            match r.within(0, 10) {
                0..=4 => {
                    let command = r.percent(30);
                    for _ in 0..r.pick(&[1, 1, 2, 10]) {
                        let to = MediaTime::from_millis(
                            i64::try_from(r.within(0, seconds * 1000 + 1500)).unwrap(),
                        );
                        act(at, if command { Action::CommandSeek(to) } else { Action::Seek(to) });
                        at += r.within(20, 150);
                    }
                }
                5 | 6 => {
                    act(at, Action::Pause);
                    at += r.within(50, 15_000);
                    act(at, Action::Resume);
                }
                7 => {
                    act(at, Action::Hold(Some(usize::try_from(r.within(0, 5)).unwrap())));
                    at += r.within(50, 10_000);
                    act(at, Action::Hold(None));
                }
                8 => {
                    act(at, Action::Online(false));
                    at += r.within(50, 10_000);
                    act(at, Action::Online(true));
                }
                _ => act(at, Action::Sleep(Duration::from_secs(r.within(1, 60)))),
            }
            at += r.within(100, 9000);
        }
        if r.percent(4) {
            self.viewer.push((Timestamp::from_millis(r.within(0, calm)), Action::Stop));
        }
        self.viewer.sort_by_key(|(at, _)| *at);
    }
}

fn layout(r: &mut Random, live: bool) -> Layout {
    let pieces = if live { r.pick(&[1, 1, 2]) } else { r.pick(&[1, 2, 3]) };
    let sounds = if r.percent(25) { r.pick(&[1, 2]) } else { 0 };
    let single = sounds == 0 && r.percent(15);
    Layout {
        rungs: if single { 1 } else { r.pick(&[1, 2, 3, 4]) },
        pieces,
        segments: if live {
            PIECES / pieces
        } else {
            usize::try_from(r.within(3, (PIECES / pieces) as u64)).unwrap()
        },
        fragmented: sounds == 0 && r.percent(25),
        encrypted: r.percent(50),
        sounds,
        single,
        sections: vec![(0, 0)],
        gaps: Vec::new(),
        mute: Vec::new(),
        silent: 0,
        told: 1000,
    }
}

fn config(r: &mut Random, seed: u64, stream: &Layout, live: bool) -> Config {
    Config {
        session_id: "simulated".into(),
        seed,
        report_url: Some(Url::new("http://origin.test/telemetry")),
        buffer_goal: MediaTime::from_millis(r.pick(&[4000, 8000, 15_000, 30_000])),
        back_buffer: MediaTime::from_millis(r.pick(&[2000, 10_000, 30_000])),
        stored_throughput: r.pick(&[None, Some(60_000), Some(300_000), Some(3_000_000)]),
        start: MediaTime::from_millis(if live { 0 } else { r.pick(&[0, 0, 0, 5000, 200_000]) }),
        start_rung: if r.percent(15) {
            Some(usize::try_from(r.within(0, stream.rungs as u64)).unwrap())
        } else {
            None
        },
        ..Config::default()
    }
}

fn weather(r: &mut Random, mild: bool, stream: &Layout, calm: Timestamp) -> Vec<Weather> {
    let lowest = WEIGHTS[0] as u64 * 8 / PIECE;
    let mut out = Vec::new();
    let mut at = 0;
    while Timestamp::from_millis(at) < calm {
        let from = Timestamp::from_millis(at);
        let outage = at > 0 && r.percent(25);
        let (rate, down) = match (outage, mild) {
            (true, _) if r.percent(50) => (0, false),
            (true, _) => (lowest, true),
            (false, _) => (lowest * r.pick(&[5, 10, 20, 40, 100, 500]) / 10, false),
        };
        out.push(Weather { from, bits_per_second: rate, down });
        // A silence shorter than patience, or a reset that retries outlast.
        at += match (outage, mild) {
            (false, _) => r.within(1000, 15_000),
            (true, true) if down => r.within(20, 240),
            (true, true) => r.within(50, 2500),
            (true, false) => r.within(50, 25_000),
        };
    }
    let highest = WEIGHTS[stream.rungs - 1] as u64 * 8 / PIECE;
    out.push(Weather { from: calm, bits_per_second: highest * r.pick(&[2, 4, 20]) + 60_000, down: false });
    out
}
