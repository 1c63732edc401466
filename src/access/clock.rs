//! The servers' clock, kept against the host's monotonic one.
//!
//! Tokens and signatures expire by the servers' time; the viewer's own clock may be hours wrong. A `Date` header
//! (RFC 9110 §6.6.1) is cut to the second and takes time to arrive, and one from a cache may be old: a sample is
//! never ahead of a correct server, only behind. So the sample that puts the server's time latest is the best. Only
//! the last few count, so that a single server whose clock is ahead does not rule for ever. The estimate is then
//! behind by less than a second and the shortest way from the server.

use core::time::Duration;

use crate::time::Timestamp;
use std::collections::VecDeque;

/// Server time as a function of the host's monotonic time.
#[derive(Clone, Debug, Default)]
pub struct ServerClock {
    /// Unix milliseconds at `Timestamp::ZERO` by the host's wall clock: better than nothing until a server speaks.
    guess: Option<i64>,
    /// The same by a server that says its time to the millisecond: whoever gives the grants.
    told: Option<i64>,
    /// The same by the last few `Date` headers.
    samples: VecDeque<i64>,
}

impl ServerClock {
    /// A clock that believes the host's wall clock (Unix milliseconds at `Timestamp::ZERO`) until a server speaks.
    pub fn new(wall_clock: Option<i64>) -> Self {
        Self { guess: wall_clock, told: None, samples: VecDeque::new() }
    }

    /// Takes in the `Date` header, in Unix milliseconds, of a response whose head arrived at `now`.
    pub fn observe(&mut self, now: Timestamp, date_ms: i64) {
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(date_ms.saturating_sub(millis(now)));
    }

    /// Takes in the time that whoever gives the grants says it is, in Unix milliseconds. It counts before every `Date`.
    pub fn tell(&mut self, now: Timestamp, server_ms: i64) {
        self.told = Some(server_ms.saturating_sub(millis(now)));
    }

    /// Unix milliseconds at `now`, for what needs some time or other; `None` when neither a server nor the host has said.
    pub fn unix_ms(&self, now: Timestamp) -> Option<i64> {
        let at_zero = self.at_zero().or(self.guess)?;
        Some(at_zero.saturating_add(millis(now)))
    }

    /// The same by servers alone: the viewer's own clock may be hours wrong, and no right is judged by it.
    pub fn server_ms(&self, now: Timestamp) -> Option<i64> {
        Some(self.at_zero()?.saturating_add(millis(now)))
    }

    /// How far behind it may be.
    pub fn doubt(&self) -> Duration {
        if self.told.is_some() { Duration::from_millis(250) } else { Duration::from_secs(1) }
    }

    fn at_zero(&self) -> Option<i64> {
        self.told.or_else(|| self.samples.iter().copied().max())
    }
}

fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_micros() / 1000).unwrap_or(i64::MAX)
}

/// How many `Date` headers count.
const SAMPLES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_clock_takes_the_place_of_the_hosts() {
        let now = Timestamp::from_millis(5_000);
        assert_eq!(ServerClock::default().unix_ms(now), None);
        let mut clock = ServerClock::new(Some(10_000_000));
        assert_eq!(clock.unix_ms(now), Some(10_005_000));
        clock.observe(now, 1_700_000_000_000);
        assert_eq!(clock.unix_ms(Timestamp::from_millis(5_250)), Some(1_700_000_000_250));
    }

    #[test]
    fn samples_close_in_on_the_true_time_and_stale_ones_do_no_harm() {
        // The true time is 1000 s at zero; dates are cut to the second and arrive 40 to 400 ms later.
        let mut clock = ServerClock::default();
        for (sent, way) in [(0_u64, 400), (730, 40), (1990, 90), (2500, 40), (3960, 60)] {
            let date = (1_000_000 + i64::try_from(sent).unwrap()) / 1000 * 1000;
            clock.observe(Timestamp::from_millis(sent + way), date);
        }
        clock.observe(Timestamp::from_millis(4_000), 3_600);
        let error = 1_010_000 - clock.unix_ms(Timestamp::from_millis(10_000)).unwrap();
        assert!((0..=400).contains(&error), "{error} ms behind");
    }

    #[test]
    fn a_server_that_is_ahead_is_forgotten() {
        let mut clock = ServerClock::default();
        clock.observe(Timestamp::ZERO, 9_000_000);
        for second in 1..=SAMPLES as u64 {
            clock.observe(Timestamp::from_millis(second * 1000), 1_000_000 + second as i64 * 1000);
        }
        assert_eq!(clock.unix_ms(Timestamp::ZERO), Some(1_000_000));
    }

    #[test]
    fn no_date_overflows() {
        let mut clock = ServerClock::default();
        clock.observe(Timestamp::from_micros(u64::MAX), i64::MIN);
        clock.observe(Timestamp::ZERO, i64::MAX);
        assert_eq!(clock.unix_ms(Timestamp::from_micros(u64::MAX)), Some(i64::MAX));
    }
    #[test]
    fn the_hosts_clock_judges_nothing_and_who_gives_the_grants_is_believed_first() {
        let mut clock = ServerClock::new(Some(7));
        assert_eq!(clock.server_ms(Timestamp::ZERO), None);
        clock.observe(Timestamp::ZERO, 5_000);
        assert_eq!((clock.server_ms(Timestamp::ZERO), clock.doubt()), (Some(5_000), Duration::from_secs(1)));
        clock.tell(Timestamp::from_millis(100), 4_600);
        clock.observe(Timestamp::ZERO, 9_000);
        assert_eq!(clock.server_ms(Timestamp::from_millis(200)), Some(4_700));
        assert!(clock.doubt() < Duration::from_secs(1));
    }
}
