//! A media element with Media Source Extensions, in virtual time.
//!
//! Plays when every track has media at the position, stops when one has not, fires the events that browsers fire.

use core::time::Duration;
use std::collections::VecDeque;

use crate::engine::{ElementCommand, ElementEvent, ElementState, Input, SinkCommand, SinkEvent, SinkFailure};
use crate::media::TrackKind;
use crate::secret::Url;
use crate::time::{MediaTime, TimeRange, Timestamp};

use super::fmp4::{self, Appended};
use crate::engine::ranges;

/// The element and its media source.
#[derive(Debug)]
pub struct Element {
    state: ElementState,
    /// It has a media source.
    pub attached: bool,
    /// As was set.
    pub duration: Option<MediaTime>,
    /// Playback has come to the end.
    pub ended: bool,
    /// As was set.
    pub live_range: Option<TimeRange>,
    /// A file that it plays by itself.
    pub file: Option<Url>,
    /// The source buffers.
    pub tracks: Vec<Track>,
    /// Where every track has media.
    buffered: Vec<TimeRange>,
    /// Tracks keep all bytes that come.
    pub keeps_bytes: bool,
    /// Bytes that a track may hold, for tests of the quota.
    pub quota: Option<usize>,
    /// How long an append or a removal takes.
    pub operation: Duration,
    /// The decoder stands still until then, with media at hand.
    pub frozen: Timestamp,
    /// What is appended there is refused.
    pub unusable: Option<TimeRange>,
    pending: VecDeque<(Timestamp, Input)>,
    started: bool,
    playing: bool,
    next_tick: Timestamp,
    /// Times that playback stopped for want of media, after it had started, seeks left out.
    pub stalls: u32,
    end_of_stream: bool,
}

/// A source buffer.
#[derive(Debug)]
pub struct Track {
    /// Of what.
    pub kind: TrackKind,
    /// As it was made or changed to.
    pub mime: String,
    timescale: Option<u64>,
    /// Where random access points are.
    key_frames: Vec<MediaTime>,
    /// Sorted, disjoint stretches with the bytes that fill them.
    held: Vec<(TimeRange, usize)>,
    /// The same as the element says it: small holes count as filled.
    buffered: Vec<TimeRange>,
    /// Frames that were taken in.
    pub samples: usize,
    /// Appends, those of init sections counted in.
    pub appends: usize,
    /// The browser has made room by itself.
    evicted: bool,
    /// When the frame that was appended last is decoded, where it ends and where it is shown; `None`: the next one must
    /// be a random access point (MSE, "need random access point flag").
    last: Option<(TimeRange, TimeRange)>,
    /// Which clock each stretch was appended by, in order: it tells renditions of the sound apart.
    clocks: Vec<(TimeRange, u64)>,
    /// All bytes that came, in order, if they are kept.
    pub appended: Vec<u8>,
}

impl Default for Element {
    fn default() -> Self {
        Self::new()
    }
}

impl Element {
    /// Without a source, paused.
    pub fn new() -> Self {
        Self {
            state: ElementState { paused: true, rate: 1.0, ..Default::default() },
            attached: false,
            duration: None,
            ended: false,
            live_range: None,
            file: None,
            tracks: Vec::new(),
            buffered: Vec::new(),
            keeps_bytes: true,
            quota: None,
            operation: OPERATION,
            frozen: Timestamp::ZERO,
            unusable: None,
            pending: VecDeque::new(),
            started: false,
            playing: false,
            next_tick: Timestamp::ZERO,
            stalls: 0,
            end_of_stream: false,
        }
    }

    /// As the host would tell it.
    pub fn state(&self) -> ElementState {
        self.state
    }

    /// Plays or does not.
    pub fn set_paused(&mut self, paused: bool) {
        self.state.paused = paused;
    }

    /// So many frames were decoded so far, and so many of them dropped.
    pub fn set_frames(&mut self, decoded: u64, dropped: u64) {
        (self.state.decoded_frames, self.state.dropped_frames) = (decoded, dropped);
    }

    /// Where every track has media; small differences between tracks at the edges are bridged, as browsers do.
    pub fn buffered(&self) -> Vec<TimeRange> {
        self.buffered.clone()
    }

    fn find_buffered(&mut self) {
        // Of an ended stream the last ranges reach to the end of the longest track (MSE §3.1).
        let end = self.tracks.iter().map(Track::last_end).max().filter(|_| self.end_of_stream);
        let mut sets = self.tracks.iter().map(|track| track.buffered.clone()).map(|mut set| {
            if let (Some(last), Some(end)) = (set.last_mut(), end) {
                last.end = end;
            }
            set
        });
        let first = sets.next().unwrap_or_default();
        self.buffered = sets.fold(first, |acc, set| ranges::intersection([&acc[..], &set[..]]));
    }

    /// Carries out a command; what comes of it is told later.
    pub fn command(&mut self, now: Timestamp, command: SinkCommand) {
        let done = now + self.operation;
        match command {
            SinkCommand::Attach => {
                self.load();
                self.attached = true;
                self.pending.push_back((done, Input::Sink(SinkEvent::Opened)));
            }
            SinkCommand::AddTracks(tracks) => {
                assert!(self.attached && self.tracks.is_empty(), "source buffers are made once");
                self.tracks = tracks.into_iter().map(|new| Track::new(new.kind, new.mime)).collect();
            }
            SinkCommand::ChangeType(kind, mime) => self.track(kind).mime = mime,
            SinkCommand::Append(_, _, Some(at)) if self.unusable.is_some_and(|range| range.contains(at)) => {
                let (failure, detail) = (SinkFailure::Append, "unusable".to_owned());
                self.pending.push_back((done, Input::Sink(SinkEvent::Failed { failure, detail })));
            }
            SinkCommand::Append(kind, data, _) => {
                let (quota, keeps_bytes) = (self.quota.unwrap_or(usize::MAX), self.keeps_bytes);
                let track = self.track(kind);
                let event = if track.bytes() + data.bytes().len() > quota {
                    SinkEvent::Full { track: kind, data }
                } else {
                    track.append(data.bytes(), keeps_bytes);
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
            SinkCommand::SetLiveRange(range) => {
                // MSE: a TypeError otherwise.
                assert!(range.start >= MediaTime::ZERO && range.start <= range.end, "seekable in {range:?}");
                self.live_range = Some(range);
            }
            SinkCommand::EndOfStream => {
                self.end_of_stream = true;
                self.duration = self.tracks.iter().filter_map(|t| t.buffered().last().map(|r| r.end)).max();
            }
            SinkCommand::Detach => {
                self.attached = false;
                self.pending.retain(|(_, input)| !matches!(input, Input::Sink(_)));
            }
            SinkCommand::PlayFile(url, from) => {
                let (opened, closed) = (Input::Sink(SinkEvent::Opened), self.attached);
                self.load();
                // A media source that nobody has let go of says that the element has.
                if closed {
                    let (failure, detail) = (SinkFailure::Closed, "sourceclose".to_owned());
                    self.pending.push_back((done, Input::Sink(SinkEvent::Failed { failure, detail })));
                }
                self.pending.push_back((done, opened));
                self.file = Some(url);
                self.state.position = from;
                let whole = TimeRange { start: MediaTime::ZERO, end: FILE };
                let track = Track::new(TrackKind::Video, "video/mp4".to_owned());
                self.tracks.push(Track { held: vec![(whole, 1)], buffered: vec![whole], ..track });
                self.end_of_stream = true;
                self.duration = Some(FILE);
            }
        }
        self.find_buffered();
    }

    /// HTML's media element load algorithm: what was there is gone, and the position is back at the start.
    fn load(&mut self) {
        if !self.attached && self.tracks.is_empty() {
            return;
        }
        self.tracks.clear();
        self.pending.clear();
        (self.end_of_stream, self.playing, self.ended, self.duration) = (false, false, false, None);
        self.state = ElementState { paused: self.state.paused, rate: self.state.rate, ..Default::default() };
    }

    /// The browser makes room in a track by itself. Frames whose key frame went with it are dropped when they come.
    pub fn evict(&mut self, kind: TrackKind, range: TimeRange) {
        let track = self.track(kind);
        track.remove(range);
        track.evicted = true;
        self.find_buffered();
    }

    /// Plays so fast.
    pub fn set_rate(&mut self, now: Timestamp, rate: f64) {
        self.state.rate = rate;
        self.fire(now, ElementEvent::RateChange);
    }

    /// Goes there.
    pub fn seek(&mut self, now: Timestamp, to: MediaTime) {
        self.state.position = to;
        self.state.seeking = true;
        self.ended = false;
        self.fire(now, ElementEvent::Seeking);
    }

    /// Goes on there, if it is still where it was thought to be; else says where it is. The result is whether it went.
    pub fn step(&mut self, now: Timestamp, from: MediaTime, to: MediaTime) -> bool {
        let goes = ElementCommand::goes(from, to, self.state.position);
        if goes {
            self.seek(now, to);
        } else {
            self.fire(now, ElementEvent::Seeking);
            self.fire(now, ElementEvent::Seeked);
        }
        goes
    }

    /// Whether an append, a removal or the opening is under way.
    pub fn is_busy(&self) -> bool {
        self.pending.iter().any(|(_, input)| matches!(input, Input::Sink(_)))
    }

    /// When something happens by itself.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let pending = self.pending.iter().map(|(at, _)| *at).min();
        let runs_dry = self.playing.then(|| {
            let left = self.ahead().to_duration().div_f64(self.state.rate.max(0.1));
            now + left.max(Duration::from_millis(1))
        });
        [pending, runs_dry, Some(self.next_tick)].into_iter().flatten().min()
    }

    /// Time passes.
    pub fn pass(&mut self, now: Timestamp, time: Duration) {
        if self.playing && now >= self.frozen {
            let moved = MediaTime::from_duration(time.mul_f64(self.state.rate));
            self.state.position = (self.state.position + moved).min(self.state.position + self.ahead());
        }
    }

    /// What the session must be told by now.
    pub fn due(&mut self, now: Timestamp) -> Vec<Input> {
        self.update(now);
        if self.next_tick <= now {
            self.next_tick = now + Duration::from_millis(250);
            if self.attached {
                self.fire(now, ElementEvent::TimeUpdate);
            }
        }
        let mut out = Vec::new();
        while let Some(i) = self.pending.iter().position(|(at, _)| *at <= now) {
            out.extend(self.pending.remove(i).map(|(_, input)| match input {
                // Whoever listens looks at the element when the event comes.
                Input::Element { event, .. } => Input::Element { event, state: self.state },
                input => input,
            }));
        }
        out
    }

    /// Media from the position on.
    fn ahead(&self) -> MediaTime {
        let t = self.state.position;
        let here = self.buffered.iter().find(|r| r.start - FUDGE <= t && t < r.end);
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
        if !self.started && ahead > MediaTime::ZERO && now >= self.frozen {
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
            buffered: Vec::new(),
            samples: 0,
            appends: 0,
            evicted: false,
            last: None,
            clocks: Vec::new(),
            appended: Vec::new(),
        }
    }

    /// The clock of what the track holds at `t`.
    #[allow(dead_code, reason = "of the native tests alone")]
    pub fn clock_at(&self, t: MediaTime) -> Option<u64> {
        let held = self.held.iter().any(|(range, _)| range.contains(t));
        let last = self.clocks.iter().rev().find(|(range, _)| range.contains(t));
        last.filter(|_| held).map(|(_, clock)| *clock)
    }

    fn bytes(&self) -> usize {
        self.held.iter().map(|(_, n)| n).sum()
    }

    /// Where its media begins.
    pub fn first_start(&self) -> MediaTime {
        self.held.first().map_or(MediaTime::ZERO, |(range, _)| range.start)
    }

    /// Where its media ends.
    pub fn last_end(&self) -> MediaTime {
        self.held.last().map_or(MediaTime::ZERO, |(range, _)| range.end)
    }

    /// Where it has media.
    pub fn buffered(&self) -> Vec<TimeRange> {
        self.buffered.clone()
    }

    fn find_buffered(&mut self) {
        self.buffered.clear();
        for (range, _) in &self.held {
            match self.buffered.last_mut() {
                Some(last) if range.start - last.end <= TICK => last.end = last.end.max(range.end),
                _ => self.buffered.push(*range),
            }
        }
    }

    fn append(&mut self, bytes: &[u8], keeps_bytes: bool) {
        self.appends += 1;
        if keeps_bytes {
            self.appended.extend(bytes);
        }
        match fmp4::read(bytes, self.timescale) {
            Appended::Init { timescale } => {
                self.timescale = Some(timescale);
                self.last = None;
            }
            Appended::Media { range, decoded, last, samples, starts_with_sync } => {
                // Frames that are not decoded right behind those appended last must begin with a random access point
                // (MSE, coded frame processing).
                let follows = self.last.is_some_and(|(before, _)| {
                    let length = before.end - before.start;
                    decoded.start >= before.start && decoded.start - before.start <= length + length + TICK
                });
                if !follows && !starts_with_sync && self.kind == TrackKind::Video {
                    assert!(self.evicted, "{range:?} starts without a key frame");
                    self.last = None;
                    return;
                }
                if starts_with_sync && self.kind == TrackKind::Video {
                    self.key_frames.push(range.start);
                }
                self.samples += samples;
                self.clocks.push((range, self.timescale.unwrap_or_default()));
                self.take_out(range);
                let at = self.held.partition_point(|(r, _)| r.start < range.start);
                self.held.insert(at, (range, bytes.len()));
                self.find_buffered();
                let frame = |end: MediaTime| TimeRange { start: end - last, end };
                self.last = Some((frame(decoded.end), frame(range.end)));
            }
        }
    }

    /// MSE, coded frame removal.
    fn remove(&mut self, gone: TimeRange) {
        self.last = self.last.filter(|(_, shown)| !gone.contains(shown.start));
        self.take_out(gone);
        self.find_buffered();
    }

    fn take_out(&mut self, gone: TimeRange) {
        if !self.held.iter().any(|(range, _)| range.start < gone.end && gone.start < range.end) {
            return;
        }
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

/// How long every file is.
const FILE: MediaTime = MediaTime::from_millis(60_000);
const OPERATION: Duration = Duration::from_millis(2);
const ENOUGH: MediaTime = MediaTime::from_millis(200);
/// What rounding takes.
const TICK: MediaTime = MediaTime::from_millis(1);
/// Holes that are played over: two frames of the sound, as in Chromium.
const FUDGE: MediaTime = MediaTime::from_millis(43);
const END_SLACK: MediaTime = MediaTime::from_millis(50);
