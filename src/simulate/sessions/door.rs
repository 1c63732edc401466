//! A door in front of an origin: tokens and signatures that end, and a page that has new ones.
//!
//! What a seed says of it comes from a source of chance of its own, so that a session with a door is the session without
//! it, and the door. Its clock is the servers'; the viewer's own may be hours wrong.

use core::time::Duration;

use super::origin::{SIGNATURE, TOKEN};
use super::random::Random;
use crate::engine::{Grant, RenewFailure};
use crate::secret::{Secret, Url};
use crate::time::Timestamp;

/// How long grants live, and how they are renewed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door {
    /// Seconds that a grant lives.
    pub(super) life: u64,
    /// How long a renewal takes.
    pub(super) delay: Duration,
    /// Renewals in a hundred that fail, two in a row at most.
    pub(super) fails: u64,
    /// None succeeds.
    pub(super) never: bool,
    /// By so many milliseconds the viewer's clock is ahead.
    pub(super) clock_error: i64,
}

/// Seeds from here on have a door.
pub(super) const FIRST: u64 = 1 << 40;

/// Unix milliseconds on the servers when a session begins.
const EPOCH: u64 = 1_800_000_000_500;

impl Door {
    pub(super) fn of(seed: u64, mild: bool) -> Self {
        let r = &mut Random::new(seed ^ 0xd00);
        Self {
            life: r.pick(&[2, 4, 8, 8, 15, 30, 30, 60, 300, 3600]),
            delay: Duration::from_millis(r.pick(&[20, 150, 150, 600, 1000, 5000])),
            fails: r.pick(&[0, 0, 20, 50]),
            never: !mild && r.percent(5),
            clock_error: r.pick(&[0, 0, -43_200_000, -10_800_000, 10_800_000, 43_200_000]),
        }
    }

    /// The viewer's clock when the session begins.
    pub(super) fn wall_clock(&self) -> i64 {
        i64::try_from(EPOCH).unwrap_or(0) + self.clock_error
    }

    /// What the servers' clock shows, in Unix milliseconds.
    pub(super) fn server_ms(now: Timestamp) -> u64 {
        EPOCH + now.as_micros() / 1000
    }

    /// What is given now. `name` is the playlist's.
    pub(super) fn grant(&self, now: Timestamp, name: &str) -> Grant {
        let made = Self::server_ms(now);
        let expires = made / 1000 + self.life;
        Grant {
            url: Some(Url::new(format!(
                "http://origin.test/sim/{name}.m3u8?expires={expires}&signature={SIGNATURE}-{expires}-{made}"
            ))),
            token: Some(Secret::new(format!("{TOKEN}-{expires}-{made}"))),
            expires: i64::try_from(expires).ok(),
            server_time: None,
        }
    }

    /// Whether all that stands in a URL opens something now.
    pub(super) fn opens(now: Timestamp, url: &str) -> bool {
        let now = Self::server_ms(now);
        [TOKEN, SIGNATURE].into_iter().flat_map(|mark| url.split(mark).skip(1)).all(|rest| {
            let expires = rest.strip_prefix('-').and_then(|rest| rest.split('-').next()?.parse::<u64>().ok());
            expires.is_some_and(|expires| expires * 1000 > now)
        })
    }

    /// The token that stands in a URL.
    pub(super) fn token_in(url: &str) -> Option<&str> {
        let from = url.find(TOKEN)?;
        let length = url.get(from + TOKEN.len()..)?.find(|c: char| c != '-' && !c.is_ascii_digit());
        url.get(from..length.map_or(url.len(), |length| from + TOKEN.len() + length))
    }

    /// Whether nobody should ever be refused: a renewal is done long before the grant ends.
    pub(super) fn is_in_time(&self) -> bool {
        self.life >= 30 && self.delay <= Duration::from_secs(1) && !self.never
    }
}

/// A session waits for an answer for so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// The page's renewals.
#[derive(Debug, Default)]
pub(super) struct Renewals {
    /// The wish under way: when it is answered, its number, and whether it fails.
    pub(super) under_way: Option<(Timestamp, u64, bool)>,
    in_a_row: u32,
    pub(super) wishes: u64,
    pub(super) failures: u64,
}

impl Renewals {
    /// A wish comes. A page that is still at the last one, which the session has given up waiting for, answers both at once.
    pub(super) fn wish(&mut self, door: &Door, r: &mut Random, now: Timestamp, id: u64) {
        if let Some((at, last, _)) = &mut self.under_way {
            let since = now.since(at.before(door.delay));
            assert!(since >= PATIENCE, "a second renewal after {since:?}, beside the first");
            *last = id;
            return;
        }
        self.wishes += 1;
        let fails = door.never || self.in_a_row < 2 && r.percent(door.fails);
        self.in_a_row = if fails { self.in_a_row + 1 } else { 0 };
        self.failures += u64::from(fails);
        self.under_way = Some((now + door.delay, id, fails));
    }

    /// The answer whose time has come.
    pub(super) fn answer(
        &mut self,
        door: &Door,
        now: Timestamp,
        name: &str,
    ) -> Option<(u64, Result<Grant, RenewFailure>)> {
        let (_, id, fails) = self.under_way.take_if(|(at, ..)| *at <= now)?;
        Some((id, if fails { Err(RenewFailure::Unavailable) } else { Ok(door.grant(now, name)) }))
    }

    /// What must hold at the end of a session that took so long.
    pub(super) fn check(&self, door: &Door, took: Duration, refused: u64) {
        // At half of its life at the earliest, which is cut to the second, and once for each refusal and each failure.
        let life_ms = u128::from(door.life) * 1000 - 999;
        let by_time = u64::try_from(took.as_millis() * 2 / life_ms).unwrap_or(0);
        let most = by_time + refused + self.failures + 2;
        assert!(self.wishes <= most, "{} renewals, {most} at most: {door:?}", self.wishes);
    }
}
