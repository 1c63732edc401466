//! A media element with Media Source Extensions, in virtual time.
//!
//! Plays when every track has media at the position, stops when one has not, fires the events that browsers fire.

use std::collections::VecDeque;
use std::time::Duration;

use cloud_player::engine::{ElementEvent, ElementState, Input, SinkCommand, SinkEvent};
use cloud_player::media::TrackKind;
use cloud_player::time::{MediaTime, TimeRange, Timestamp};

use super::fmp4::{self, Appended};

/// The element and its media source.
pub(crate) struct Element {
    state: ElementState,
    pub(crate) attached: bool,
    pub(crate) duration: Option<MediaTime>,
    pub(crate) ended: bool,
    pub(crate) live_range: Option<TimeRange>,
    pub(crate) tracks: Vec<Track>,
    /// Bytes that a track may hold, for tests of the quota.
    pub(crate) quota: Option<usize>,
    /// How long an append or a removal takes.
    pub(crate) operation: Duration,
    /// The decoder stands still until then, with media at hand.
    pub(crate) frozen: Timestamp,
    pending: VecDeque<(Timestamp, Input)>,
    started: bool,
    playing: bool,
    next_tick: Timestamp,
    /// Times that playback stopped for want of media, after it had started, seeks left out.
    pub(crate) stalls: u32,
    end_of_stream: bool,
}

/// A source buffer.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) kind: TrackKind,
    pub(crate) mime: String,
    timescale: Option<u64>,
    /// Where random access points are.
    key_frames: Vec<MediaTime>,
    /// Sorted, disjoint stretches with the bytes that fill them.
    held: Vec<(TimeRange, usize)>,
    pub(crate) samples: usize,
    pub(crate) appends: usize,
    /// The browser has made room by itself.
    evicted: bool,
    /// Which clock each stretch was appended by, in order: it tells renditions of the sound apart.
    clocks: Vec<(TimeRange, u64)>,
    /// All bytes that came, in order.
    pub(crate) appended: Vec<u8>,
}

impl Element {
    pub(super) fn new() -> Self {
        Self {
            state: ElementState { paused: true, rate: 1.0, ..Default::default() },
            attached: false,
            duration: None,
            ended: false,
            live_range: None,
            tracks: Vec::new(),
            quota: None,
            operation: OPERATION,
            frozen: Timestamp::ZERO,
            pending: VecDeque::new(),
            started: false,
            playing: false,
            next_tick: Timestamp::ZERO,
            stalls: 0,
            end_of_stream: false,
        }
    }

    pub(crate) fn state(&self) -> ElementState {
        self.state
    }

    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.state.paused = paused;
    }

    /// Where every track has media; small differences between tracks at the edges are bridged, as browsers do.
    pub(crate) fn buffered(&self) -> Vec<TimeRange> {
        // Of an ended stream the last ranges reach to the end of the longest track (MSE §3.1).
        let end = self.tracks.iter().map(Track::last_end).max().filter(|_| self.end_of_stream);
        let mut sets = self.tracks.iter().map(Track::buffered).map(|mut set| {
            if let (Some(last), Some(end)) = (set.last_mut(), end) {
                last.end = end;
            }
            set
        });
        let Some(first) = sets.next() else { return Vec::new() };
        sets.fold(first, |acc, set| {
            let mut both = Vec::new();
            for a in &acc {
                for b in &set {
                    let r = TimeRange { start: a.start.max(b.start), end: a.end.min(b.end) };
                    if r.start < r.end {
                        both.push(r);
                    }
                }
            }
            both
        })
    }

    pub(super) fn command(&mut self, now: Timestamp, command: SinkCommand) {
        let done = now + self.operation;
        match command {
            SinkCommand::Attach => {
                self.attached = true;
                self.pending.push_back((done, Input::Sink(SinkEvent::Opened)));
            }
            SinkCommand::AddTracks(tracks) => {
                assert!(self.attached && self.tracks.is_empty(), "source buffers are made once");
                self.tracks = tracks.into_iter().map(|new| Track::new(new.kind, new.mime)).collect();
            }
            SinkCommand::ChangeType(kind, mime) => self.track(kind).mime = mime,
            SinkCommand::Append(kind, data, _) => {
                let quota = self.quota.unwrap_or(usize::MAX);
                let track = self.track(kind);
                let event = if track.bytes() + data.bytes().len() > quota {
                    SinkEvent::Full { track: kind, data }
                } else {
                    track.append(data.bytes());
                    self.end_of_stream = false;
                    SinkEvent::Done { track: kind, buffered: self.track(kind).buffered() }
                };
                self.pending.push_back((done, Input::Sink(event)));
            }
            SinkCommand::Remove(kind, range) => {
                // MSE §3.5.7: a removal opens an ended source again, and goes on to the next random access point.
                self.end_of_stream = false;
                let track = self.track(kind);
                let next = track.key_frames.iter().copied().filter(|t| *t >= range.end).min();
                track.remove(TimeRange { start: range.start, end: next.unwrap_or(range.end) });
                let event = SinkEvent::Done { track: kind, buffered: track.buffered() };
                self.pending.push_back((done, Input::Sink(event)));
            }
            SinkCommand::SetDuration(duration) => self.duration = Some(duration),
            SinkCommand::SetLiveRange(range) => self.live_range = Some(range),
            SinkCommand::EndOfStream => {
                self.end_of_stream = true;
                self.duration = self.tracks.iter().filter_map(|t| t.buffered().last().map(|r| r.end)).max();
            }
            SinkCommand::Detach => self.attached = false,
        }
    }

    /// The browser makes room in a track by itself. Frames whose key frame went with it are dropped when they come.
    #[allow(dead_code, reason = "of the simulation alone")]
    pub(crate) fn evict(&mut self, kind: TrackKind, range: TimeRange) {
        let track = self.track(kind);
        track.remove(range);
        track.evicted = true;
    }

    pub(super) fn set_rate(&mut self, now: Timestamp, rate: f64) {
        self.state.rate = rate;
        self.fire(now, ElementEvent::RateChange);
    }

    pub(super) fn seek(&mut self, now: Timestamp, to: MediaTime) {
        self.state.position = to;
        self.state.seeking = true;
        self.ended = false;
        self.fire(now, ElementEvent::Seeking);
    }

    /// When something happens by itself.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let pending = self.pending.iter().map(|(at, _)| *at).min();
        let runs_dry = self.playing.then(|| {
            let left = self.ahead().to_duration().div_f64(self.state.rate.max(0.1));
            now + left.max(Duration::from_millis(1))
        });
        [pending, runs_dry, Some(self.next_tick)].into_iter().flatten().min()
    }

    /// Time passes.
    pub(super) fn pass(&mut self, now: Timestamp, time: Duration) {
        if self.playing && now >= self.frozen {
            let moved = MediaTime::from_duration(time.mul_f64(self.state.rate));
            self.state.position = (self.state.position + moved).min(self.state.position + self.ahead());
        }
    }

    /// What the session must be told by now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Input> {
        self.update(now);
        if self.next_tick <= now {
            self.next_tick = now + Duration::from_millis(250);
            if self.attached {
                self.fire(now, ElementEvent::TimeUpdate);
            }
        }
        let mut out = Vec::new();
        while let Some(i) = self.pending.iter().position(|(at, _)| *at <= now) {
            out.extend(self.pending.remove(i).map(|(_, input)| input));
        }
        out
    }

    /// Media from the position on.
    fn ahead(&self) -> MediaTime {
        let t = self.state.position;
        let here = self.buffered().into_iter().find(|r| r.start - FUDGE <= t && t < r.end);
        here.map_or(MediaTime::ZERO, |r| r.end - t)
    }

    fn update(&mut self, now: Timestamp) {
        let ahead = self.ahead();
        let at_end =
            self.end_of_stream && self.duration.is_some_and(|d| self.state.position + END_SLACK >= d);
        let enough = ahead >= ENOUGH || (self.end_of_stream && ahead > MediaTime::ZERO);
        self.state.ready_state = if self.tracks.is_empty() {
            0
        } else if enough {
            4
        } else if ahead > MediaTime::ZERO {
            2
        } else {
            1
        };
        if at_end && !self.state.paused && !self.ended {
            self.ended = true;
            self.playing = false;
            self.fire(now, ElementEvent::Ended);
            return;
        }
        if self.state.seeking && ahead > MediaTime::ZERO {
            self.state.seeking = false;
            self.fire(now, ElementEvent::Seeked);
        }
        if !self.started && ahead > MediaTime::ZERO {
            self.started = true;
            self.fire(now, ElementEvent::FirstFrame);
        }
        let plays =
            !self.state.paused && !self.ended && if self.playing { ahead > MediaTime::ZERO } else { enough };
        if plays != self.playing {
            self.playing = plays;
            if plays {
                self.fire(now, ElementEvent::Playing);
            } else if !self.state.paused && !self.ended {
                if !self.state.seeking {
                    self.stalls += 1;
                }
                self.fire(now, ElementEvent::Waiting);
            }
        }
    }

    fn fire(&mut self, now: Timestamp, event: ElementEvent) {
        self.pending.push_back((now, Input::Element { event, state: self.state }));
    }

    fn track(&mut self, kind: TrackKind) -> &mut Track {
        self.tracks.iter_mut().find(|t| t.kind == kind).expect("a command for a track that was never added")
    }
}

impl Track {
    fn new(kind: TrackKind, mime: String) -> Self {
        Self {
            kind,
            mime,
            timescale: None,
            key_frames: Vec::new(),
            held: Vec::new(),
            samples: 0,
            appends: 0,
            evicted: false,
            clocks: Vec::new(),
            appended: Vec::new(),
        }
    }

    /// The clock of what the track holds at `t`.
    #[allow(dead_code, reason = "of the native tests alone")]
    pub(crate) fn clock_at(&self, t: MediaTime) -> Option<u64> {
        let held = self.held.iter().any(|(range, _)| range.contains(t));
        let last = self.clocks.iter().rev().find(|(range, _)| range.contains(t));
        last.filter(|_| held).map(|(_, clock)| *clock)
    }

    fn bytes(&self) -> usize {
        self.held.iter().map(|(_, n)| n).sum()
    }

    /// Where its media begins.
    pub(crate) fn first_start(&self) -> MediaTime {
        self.held.first().map_or(MediaTime::ZERO, |(range, _)| range.start)
    }

    /// Where its media ends.
    pub(crate) fn last_end(&self) -> MediaTime {
        self.held.last().map_or(MediaTime::ZERO, |(range, _)| range.end)
    }

    pub(crate) fn buffered(&self) -> Vec<TimeRange> {
        let mut out: Vec<TimeRange> = Vec::new();
        for (range, _) in &self.held {
            match out.last_mut() {
                Some(last) if range.start - last.end <= MediaTime::from_millis(1) => {
                    last.end = last.end.max(range.end)
                }
                _ => out.push(*range),
            }
        }
        out
    }

    fn append(&mut self, bytes: &[u8]) {
        self.appends += 1;
        self.appended.extend(bytes);
        match fmp4::read(bytes, self.timescale) {
            Appended::Init { timescale } => self.timescale = Some(timescale),
            Appended::Media { range, samples, starts_with_sync } => {
                // Coded frames that follow nothing must begin with a random access point (MSE §3.5.8).
                let follows = self
                    .held
                    .iter()
                    .any(|(r, _)| r.end.abs_diff(range.start) <= FUDGE || r.contains(range.start));
                if self.evicted && !follows && !starts_with_sync && self.kind == TrackKind::Video {
                    return;
                }
                assert!(
                    follows || starts_with_sync || self.kind == TrackKind::Audio,
                    "{range:?} starts without a key frame"
                );
                if starts_with_sync && self.kind == TrackKind::Video {
                    self.key_frames.push(range.start);
                }
                self.samples += samples;
                self.clocks.push((range, self.timescale.unwrap_or_default()));
                self.remove(range);
                self.held.push((range, bytes.len()));
                self.held.sort_by_key(|(r, _)| r.start);
            }
        }
    }

    fn remove(&mut self, gone: TimeRange) {
        let mut out = Vec::new();
        for (range, bytes) in self.held.drain(..) {
            let total = range.length().ticks().max(1);
            for part in [
                TimeRange { start: range.start, end: range.end.min(gone.start) },
                TimeRange { start: range.start.max(gone.end), end: range.end },
            ] {
                if part.start < part.end {
                    let share = i64::try_from(bytes).unwrap() * part.length().ticks() / total;
                    out.push((part, usize::try_from(share).unwrap()));
                }
            }
        }
        self.held = out;
    }
}

const OPERATION: Duration = Duration::from_millis(2);
const ENOUGH: MediaTime = MediaTime::from_millis(200);
const FUDGE: MediaTime = MediaTime::from_millis(100);
const END_SLACK: MediaTime = MediaTime::from_millis(50);
