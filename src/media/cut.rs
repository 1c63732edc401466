//! Where fragments end. Decided by the media's times alone, so that the bytes of every fragment are the same
//! however the segment arrived.

use crate::time::MediaTime;

/// How long fragments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The first frame goes out by itself, as soon as it is complete, then two; each fragment after them is a quarter as long
    /// as all before it, up to this. Media that comes a little faster than it plays is then never waited for: what plays lasts longer
    /// than the next fragment takes. For the start of playback, a seek or a switch into an empty buffer.
    FirstFrame(MediaTime),
    /// Every fragment has at least this length.
    Steady(MediaTime),
}

impl Cut {
    /// The length that costs little in `moof`s and appends, and little in waiting.
    pub const STEADY: MediaTime = MediaTime::from_millis(500);
}

impl Default for Cut {
    fn default() -> Self {
        Self::Steady(Self::STEADY)
    }
}

/// One track's state of a [`Cut`]. Lengths are in 90 kHz ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    wanted: i64,
    limit: i64,
    gone: i64,
}

impl Pace {
    pub(super) fn new(cut: Cut) -> Self {
        match cut {
            Cut::FirstFrame(limit) => Self { wanted: 0, limit: limit.ticks(), gone: 0 },
            Cut::Steady(length) => Self { wanted: length.ticks(), limit: length.ticks(), gone: 0 },
        }
    }

    /// Whether a fragment of this length is long enough.
    pub(super) fn is_due(&self, length: i64) -> bool {
        length >= self.wanted
    }

    /// A fragment of this length has gone out.
    pub(super) fn cut(&mut self, length: i64) {
        if self.wanted == self.limit {
            return;
        }
        let is_first = self.gone == 0;
        self.gone = self.gone.saturating_add(length);
        // A decoder shows nothing before it has three frames: more appends for them would only take longer.
        let wanted = if is_first { length.saturating_mul(2) } else { self.gone / 4 };
        self.wanted = wanted.min(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_grow_to_the_steady_length() {
        let frame = 3600;
        let mut pace = Pace::new(Cut::FirstFrame(MediaTime::from_ticks(10 * frame)));
        let mut lengths = Vec::new();
        for _ in 0..16 {
            let length = (1..).map(|n| n * frame).find(|&length| pace.is_due(length)).unwrap();
            pace.cut(length);
            lengths.push(length / frame);
        }
        assert_eq!(lengths, [1, 2, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 10, 10, 10]);
    }
}
