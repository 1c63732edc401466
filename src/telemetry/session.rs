//! How the record of a session comes about: a state machine fed with what the media element and the loader do.
//!
//! The events are those of `HTMLMediaElement`, in the order in which the HTML standard fires them. An event that a state
//! has no use for changes nothing, so a host that sends one too many spoils no figure.

use core::time::Duration;

use crate::error::PlayerError;
use crate::time::Timestamp;

use super::qoe::{Exit, Failure, Qoe, SourceKind, SourceUse};

/// Keeps a session's [`Qoe`].
#[derive(Clone, Debug)]
pub struct QoeSession {
    made: Timestamp,
    state: State,
    played: Duration,
    stalled: Duration,
    /// Playing time by declared bandwidth: bits per second times microseconds, and the microseconds.
    weighted: u128,
    weighed_micros: u128,
    rung: Option<Rung>,
    /// Frames decoded and dropped, as the element told them last.
    frames_told: (u64, u64),
    /// The player itself moves the position: the next seek is not the viewer's. Whether it has begun.
    own_seek: Option<bool>,
    /// The figures that are simply counted. Those that depend on the time are filled in by `snapshot`.
    counted: Qoe,
}

/// The rung at the playhead.
#[derive(Clone, Copy, Debug)]
struct Rung {
    index: usize,
    bandwidth_bps: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing to play was named.
    Idle { wanted: bool },
    /// No frame yet. `wanted`: since when the viewer waits, if playing is wished for.
    Loading { since: Timestamp, wanted: Option<Timestamp> },
    /// The first frame shows; playing was not asked for.
    Still,
    /// Playing was asked for; frames do not move yet, for the first time.
    Joining { wanted: Timestamp },
    /// Frames move.
    Playing { since: Timestamp },
    /// They stopped for want of data.
    Stalled { since: Timestamp },
    /// `playing`: to go on afterwards; `starved`: once data is there.
    Seeking { playing: bool, starved: bool },
    /// After a seek, playing is waiting for data.
    Refilling,
    /// After a pause, playing was asked for.
    Resuming,
    /// Paused.
    Paused,
    /// At the end.
    Ended,
    /// The session was left.
    Over(Exit),
}

impl QoeSession {
    /// A session that is made at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self {
            made: now,
            state: State::Idle { wanted: false },
            played: Duration::ZERO,
            stalled: Duration::ZERO,
            weighted: 0,
            weighed_micros: 0,
            rung: None,
            frames_told: (0, 0),
            own_seek: None,
            counted: Qoe::default(),
        }
    }

    /// Something to play was named.
    pub fn load(&mut self, now: Timestamp) {
        if let State::Idle { wanted } = self.state {
            self.state = State::Loading { since: now, wanted: wanted.then_some(now) };
        }
    }

    /// From now on this source is what plays, or is to play.
    pub fn source(&mut self, source: usize, kind: SourceKind) {
        let sources = &mut self.counted.sources;
        sources.truncate(MAX_SOURCES - 1);
        sources.push(SourceUse { source, kind, shown: false, failure: None });
    }

    /// The source in use failed for good.
    pub fn source_failed(&mut self, code: &'static str) {
        if let Some(last) = self.counted.sources.last_mut() {
            last.failure = Some(code);
        }
    }

    /// Playing was asked for, by the viewer or by an autoplaying page. Startup counts from here, or from
    /// [`QoeSession::load`] if that is later; so an autoplaying host says this when it loads.
    pub fn play_requested(&mut self, now: Timestamp) {
        self.state = match self.state {
            State::Idle { .. } => State::Idle { wanted: true },
            State::Loading { since, wanted: None } => State::Loading { since, wanted: Some(now) },
            State::Still => State::Joining { wanted: now },
            State::Paused | State::Ended => State::Resuming,
            State::Seeking { .. } => State::Seeking { playing: true, starved: true },
            other => other,
        };
    }

    /// The first frame was presented.
    pub fn first_frame(&mut self, now: Timestamp) {
        if let Some(first) = self.counted.sources.last_mut() {
            first.shown = true;
        }
        if let State::Loading { wanted, .. } = self.state {
            self.state = match wanted {
                Some(wanted) => {
                    self.started(now, wanted);
                    State::Joining { wanted }
                }
                None => State::Still,
            };
        }
    }

    /// Frames move.
    pub fn playing(&mut self, now: Timestamp) {
        if let Some(last) = self.counted.sources.last_mut() {
            last.shown = true;
        }
        match self.state {
            State::Loading { since, wanted } => self.joined(now, wanted.unwrap_or(since)),
            State::Joining { wanted } => self.joined(now, wanted),
            State::Seeking { .. } => {
                self.state = State::Seeking { playing: true, starved: false };
                return;
            }
            State::Idle { .. } | State::Playing { .. } | State::Over(_) => return,
            _ => {}
        }
        self.enter(now, State::Playing { since: now });
    }

    /// There is no data to go on with. A stall only while playing, or when playing goes on after a pause.
    pub fn waiting(&mut self, now: Timestamp) {
        match self.state {
            State::Playing { .. } | State::Resuming => self.enter(now, State::Stalled { since: now }),
            State::Seeking { playing, .. } => self.state = State::Seeking { playing, starved: true },
            _ => {}
        }
    }

    /// The player itself is about to move the position, over a gap say: the next seek is not the viewer's, and a
    /// stall goes on through it.
    pub fn own_seek(&mut self) {
        self.own_seek = Some(false);
    }

    /// A seek began.
    pub fn seeking(&mut self, now: Timestamp) {
        if let Some(begun) = &mut self.own_seek {
            *begun = true;
            return;
        }
        let next = match self.state {
            // Going to the place to start at is part of starting.
            State::Idle { .. } | State::Loading { .. } | State::Seeking { .. } | State::Over(_) => return,
            same @ (State::Still | State::Joining { .. }) => same,
            State::Playing { .. } => State::Seeking { playing: true, starved: false },
            State::Stalled { .. } | State::Refilling | State::Resuming => {
                State::Seeking { playing: true, starved: true }
            }
            State::Paused | State::Ended => State::Seeking { playing: false, starved: false },
        };
        self.counted.seek_count += 1;
        self.enter(now, next);
    }

    /// The seek ended. Playing goes on at once, unless the element said that it waits for data: then when that is
    /// there.
    pub fn seeked(&mut self, now: Timestamp) {
        // Where the viewer's seek led to nothing to play, the player's went on from it: both end here.
        if self.own_seek.take_if(|begun| *begun).is_some() && !matches!(self.state, State::Seeking { .. }) {
            return;
        }
        if let State::Seeking { playing, starved } = self.state {
            let next = match (playing, starved) {
                (true, false) => State::Playing { since: now },
                (true, true) => State::Refilling,
                (false, _) => State::Paused,
            };
            self.enter(now, next);
        }
    }

    /// Playback was paused.
    pub fn paused(&mut self, now: Timestamp) {
        let next = match self.state {
            State::Idle { .. } => State::Idle { wanted: false },
            State::Loading { since, .. } => State::Loading { since, wanted: None },
            State::Joining { .. } => State::Still,
            State::Seeking { starved, .. } => State::Seeking { playing: false, starved },
            State::Playing { .. } | State::Stalled { .. } | State::Refilling | State::Resuming => {
                State::Paused
            }
            State::Still | State::Paused | State::Ended | State::Over(_) => return,
        };
        self.enter(now, next);
    }

    /// The end was reached. Waiting that leads straight to the end was no stall: nothing was left to wait for.
    pub fn ended(&mut self, now: Timestamp) {
        if matches!(self.state, State::Idle { .. } | State::Loading { .. } | State::Over(_)) {
            return;
        }
        if matches!(self.state, State::Stalled { .. }) {
            self.state = State::Paused;
        }
        self.counted.ended = true;
        self.enter(now, State::Ended);
    }

    /// The session is left by the viewer's or the page's wish.
    pub fn stopped(&mut self, now: Timestamp) {
        let exit = match self.state {
            State::Over(exit) => exit,
            State::Ended => Exit::Completed,
            State::Idle { .. } | State::Loading { .. } => Exit::BeforeStart,
            _ => Exit::Stopped,
        };
        self.enter(now, State::Over(exit));
    }

    /// From now on this rung is under the playhead. Rungs count from the lowest; a bandwidth of 0 is unknown.
    pub fn rung_playing(&mut self, now: Timestamp, index: usize, bandwidth_bps: u64) {
        // What has played until now played at the old rung.
        if let State::Playing { .. } = self.state {
            self.enter(now, State::Playing { since: now });
        }
        match self.rung.replace(Rung { index, bandwidth_bps }) {
            Some(old) if old.index < index => self.counted.switches_up += 1,
            Some(old) if old.index > index => self.counted.switches_down += 1,
            _ => {}
        }
    }

    /// Bytes arrived: media of a rung, or something else.
    pub fn bytes(&mut self, rung: Option<usize>, n: u64) {
        self.counted.bytes_total = self.counted.bytes_total.saturating_add(n);
        if let Some(rung) = rung.filter(|&r| r < MAX_RUNGS) {
            let by_rung = &mut self.counted.bytes_by_rung;
            if by_rung.len() <= rung {
                by_rung.resize(rung + 1, 0);
            }
            if let Some(bytes) = by_rung.get_mut(rung) {
                *bytes = bytes.saturating_add(n);
            }
        }
    }

    /// Bytes that had arrived were thrown away unplayed.
    pub fn wasted(&mut self, n: u64) {
        self.counted.bytes_wasted = self.counted.bytes_wasted.saturating_add(n);
    }

    /// The media element's own count of frames. It starts again from 0 when the source changes; what was counted stays
    /// counted.
    pub fn frames(&mut self, decoded: u64, dropped: u64) {
        let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        let (decoded_before, dropped_before) = self.frames_told;
        // Both start again at once, and few frames are ever dropped.
        let dropped_before = if decoded < decoded_before { 0 } else { dropped_before };
        self.counted.decoded_frames += more(decoded, decoded_before);
        self.counted.dropped_frames += more(dropped, dropped_before);
        self.frames_told = (decoded, dropped);
    }

    /// Something failed. A fatal failure ends the session. Returns what may be reported of it.
    pub fn failure(&mut self, now: Timestamp, error: &PlayerError) -> Failure {
        let failure = Failure::new(now, error);
        self.counted.failure_count += 1;
        self.counted.failures.truncate(MAX_FAILURES - 1);
        self.counted.failures.push(failure.clone());
        if failure.fatal {
            let exit = match self.state {
                State::Over(exit) => exit,
                State::Ended => Exit::Completed,
                State::Idle { .. } | State::Loading { .. } => Exit::StartFailure,
                _ => Exit::PlaybackFailure,
            };
            self.enter(now, State::Over(exit));
        }
        failure
    }

    /// The record as it stands at `now`.
    pub fn snapshot(&self, now: Timestamp) -> Qoe {
        // What is under way counts as if it ended now.
        let mut closed = self.clone();
        closed.enter(now, self.state);
        let (played, stalled) = (closed.played, closed.stalled);
        let total = played.saturating_add(stalled).as_secs_f64();
        Qoe {
            session_ms: whole_millis(now.since(self.made)),
            played_ms: whole_millis(played),
            stall_ms: whole_millis(stalled),
            rebuffer_ratio: if total > 0.0 { stalled.as_secs_f64() / total } else { 0.0 },
            average_bitrate_bps: closed
                .weighted
                .checked_div(closed.weighed_micros)
                .map(|bps| u64::try_from(bps).unwrap_or(u64::MAX)),
            exit: match self.state {
                State::Over(exit) => Some(exit),
                State::Ended => Some(Exit::Completed),
                _ => None,
            },
            ..closed.counted
        }
    }

    fn joined(&mut self, now: Timestamp, wanted: Timestamp) {
        self.started(now, wanted);
        self.counted.join_ms.get_or_insert(whole_millis(now.since(wanted)));
    }

    fn started(&mut self, now: Timestamp, wanted: Timestamp) {
        self.counted.startup_ms.get_or_insert(whole_millis(now.since(wanted)));
    }

    /// Changes state, giving the time spent in the old one to the figure that it belongs to.
    fn enter(&mut self, now: Timestamp, next: State) {
        match self.state {
            State::Playing { since } => {
                let spent = now.since(since);
                self.played = self.played.saturating_add(spent);
                if let Some(Rung { bandwidth_bps: bandwidth @ 1.., .. }) = self.rung {
                    let weight = spent.as_micros();
                    self.weighted =
                        self.weighted.saturating_add(weight.saturating_mul(u128::from(bandwidth)));
                    self.weighed_micros = self.weighed_micros.saturating_add(weight);
                }
            }
            State::Stalled { since } => {
                self.stalled = self.stalled.saturating_add(now.since(since));
                self.counted.stall_count += 1;
            }
            _ => {}
        }
        self.state = next;
    }
}

fn whole_millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

/// Ladders have about ten; bytes of a rung beyond this count in the total alone.
const MAX_RUNGS: usize = 64;
const MAX_FAILURES: usize = 16;
/// Sources that are told of; always the last.
const MAX_SOURCES: usize = 16;

#[cfg(test)]
mod tests;
