//! Everything the engine waits for by the clock, in one table.

use crate::time::Timestamp;

use super::io::WakeUp;

/// A reason to be woken. The order is the order of [`Timer::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// A failed request is due to be sent again.
    Retry,
    /// A request in flight runs out of patience.
    Patience,
    /// The buffer has drained enough to load on.
    Refill,
    /// The segment being loaded may be better given up.
    SecondThought,
    /// The sink had no room; try again.
    Sink,
    /// Statistics for the page.
    Stats,
    /// A quality-of-experience report is due.
    Report,
    /// A live playlist is due to be loaded again.
    Reload,
    /// What the session may show is to be renewed.
    Access,
}

impl Timer {
    const ALL: [Self; 9] = [
        Self::Retry,
        Self::Patience,
        Self::Refill,
        Self::SecondThought,
        Self::Sink,
        Self::Stats,
        Self::Report,
        Self::Reload,
        Self::Access,
    ];

    fn why(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Patience => "request_timeout",
            Self::Refill => "buffer_refill",
            Self::SecondThought => "second_thought",
            Self::Sink => "sink_full",
            Self::Stats => "stats",
            Self::Report => "report",
            Self::Reload => "playlist_reload",
            Self::Access => "access_renewal",
        }
    }
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Timers([Option<Timestamp>; Timer::ALL.len()]);

impl Timers {
    /// Sets a timer, or stops it.
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Timestamp>) {
        if let Some(slot) = self.0.get_mut(timer as usize) {
            *slot = at;
        }
    }

    /// When a timer is set for.
    pub(crate) fn at(&self, timer: Timer) -> Option<Timestamp> {
        self.0.get(timer as usize).copied().flatten()
    }

    /// Whether the timer's time has come; it is stopped if so.
    pub(crate) fn expired(&mut self, timer: Timer, now: Timestamp) -> bool {
        match self.0.get_mut(timer as usize) {
            Some(slot) if slot.is_some_and(|at| at <= now) => {
                *slot = None;
                true
            }
            _ => false,
        }
    }

    /// The earliest.
    pub(crate) fn next(&self) -> Option<WakeUp> {
        Timer::ALL
            .iter()
            .zip(self.0)
            .filter_map(|(timer, at)| at.map(|at| WakeUp { at, why: timer.why() }))
            .min_by_key(|wake| wake.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_timer_is_next_and_fires_once() {
        let mut timers = Timers::default();
        assert_eq!(timers.next(), None);
        timers.set(Timer::Report, Some(Timestamp::from_millis(9)));
        timers.set(Timer::Retry, Some(Timestamp::from_millis(5)));
        assert_eq!(timers.next(), Some(WakeUp { at: Timestamp::from_millis(5), why: "retry" }));
        assert!(!timers.expired(Timer::Retry, Timestamp::from_millis(4)));
        assert!(timers.expired(Timer::Retry, Timestamp::from_millis(5)));
        assert!(!timers.expired(Timer::Retry, Timestamp::from_millis(5)));
        assert_eq!(timers.next().map(|w| w.why), Some("report"));
    }
}
