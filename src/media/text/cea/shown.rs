//! From a display that changes to cues that have a start and an end.

use crate::media::event::{Cue, MediaEvent, TextTrack};
use crate::time::{MediaTime, TICKS_PER_SECOND, TimeRange};

/// Since when a display has shown what it shows; `None` if that is nothing. Times are in ticks.
///
/// Each change asks first what to put out ([`cut`](Self::cut), [`step`](Self::step)), then changes, then says whether
/// something is shown ([`set`](Self::set)).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    since: Option<i64>,
}

/// Where cues go.
#[derive(Debug)]
pub(super) struct Output<'a> {
    pub(super) out: &'a mut Vec<MediaEvent>,
    pub(super) tally: &'a mut Tally,
}

/// What came out of a segment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) cues: u32,
    /// Bytes of their texts.
    bytes: usize,
    /// Cues that were too many.
    pub(super) dropped: u64,
}

impl Shown {
    /// What is shown is about to be replaced, or to be put out as far as it goes.
    pub(super) fn cut(&mut self, now: i64) -> Option<(i64, i64)> {
        let since = self.since.filter(|&since| since < now)?;
        self.since = Some(now);
        Some((since, now))
    }

    /// Something is about to be added. Text that is written while it is shown comes by the character; it makes a cue
    /// only every [`STEP`], and what is added to it until then is in it from the start.
    pub(super) fn step(&mut self, now: i64) -> Option<(i64, i64)> {
        self.since.filter(|&since| now.saturating_sub(since) >= STEP)?;
        self.cut(now)
    }

    /// Whether anything is shown from `now` on.
    pub(super) fn set(&mut self, visible: bool, now: i64) {
        self.since = visible.then(|| self.since.unwrap_or(now));
    }

    /// Time jumps to `now`.
    pub(super) fn rebase(&mut self, now: i64) {
        if let Some(since) = &mut self.since {
            *since = now;
        }
    }
}

impl Output<'_> {
    pub(super) fn cue(&mut self, track: TextTrack, (start, end): (i64, i64), settings: String, text: String) {
        let start = start.max(0);
        if start >= end {
            return; // over before the presentation starts
        }
        let bytes = self.tally.bytes.saturating_add(text.len());
        if bytes > MAX_BYTES || self.tally.cues >= MAX_CUES {
            self.tally.dropped = self.tally.dropped.saturating_add(1);
            return;
        }
        self.tally.bytes = bytes;
        self.tally.cues = self.tally.cues.saturating_add(1);
        let range = TimeRange { start: MediaTime::from_ticks(start), end: MediaTime::from_ticks(end) };
        self.out.push(MediaEvent::Cue(Cue { track, range, id: String::new(), settings, text }));
    }
}

/// Ticks between cues of text that is written while it is shown.
const STEP: i64 = TICKS_PER_SECOND / 4;
/// Cues in a segment. Few bytes of a hostile stream can change a screen full of windows.
const MAX_CUES: u32 = 8192;
/// Bytes of cue text in a segment.
const MAX_BYTES: usize = 1 << 20;
