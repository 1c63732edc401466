//! How fast the network will be: a distribution over levels, not a number.
//!
//! The model: the network's rate stays near a level and varies around it from second to second; at times it leaves for
//! another level, which is one of those that it has been at before or, as long as little has been seen, any. That is how
//! recorded networks behave, from a shaped line that is cut to a tenth for a minute to a phone in a train, and the three
//! quantities that tell them apart are learnt in the session: how much it varies, how long it stays and where it goes.
//!
//! How long it stays is learnt for high and low levels apart: a drop that lasts for seconds, between minutes of plenty, is
//! waited out, and one that has lasted for half a minute before is not. Before any was seen, the further a level is below
//! the usual, the shorter the network is believed to stay there.
//!
//! Levels lie on a grid, evenly in the logarithm, from a rate at which not even the lowest rung is any use to one at which
//! the highest is no question. A filter keeps the probability of each: [`Slice`]s make those likely that are near them. The
//! grid is coarse, so what is taken for a level's rate is what was seen while the network was at it.

use crate::time::Timestamp;

use super::{History, Slice};

/// The forecast.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    levels: Vec<Level>,
    /// Distance of two levels, in the logarithm.
    step: f64,
    /// The logarithm of what was believed before anything was seen.
    centre: f64,
    /// Sum of `ever`.
    total: f64,
    /// Of the logarithm of the rate of a second, around the level; and how many seconds it rests on.
    variance: f64,
    seconds_varied: f64,
    /// Times that it went to either neighbour, and in how many seconds.
    moved: f64,
    moving: f64,
    seen: u64,
    at: Timestamp,
}

/// A rate that the network may be at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    log: f64,
    /// Bits per second, by what was seen at it: `log` and `off`, which is the mean of as many seconds as `rests_on`.
    pub(super) rate: f32,
    off: f64,
    rests_on: f64,
    /// The probability that the network is at it.
    pub(super) now: f64,
    /// Seconds that it has been at it.
    ever: f64,
    /// Times that it was left.
    left: f64,
    /// Seconds for which the network usually stays at it.
    pub(super) stays: f32,
    /// The probability that the network goes to it when it leaves another.
    elsewhere: f64,
}

#[cfg(test)]
impl Level {
    pub(super) fn at(rate: f32, stays: f32) -> Self {
        Self {
            log: 0.0,
            rate,
            off: 0.0,
            rests_on: 0.0,
            now: 0.0,
            ever: 0.0,
            left: 0.0,
            stays,
            elsewhere: 0.0,
        }
    }
}

/// What is believed before anything is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Belief {
    /// Bits per second.
    pub(super) rate: f64,
    /// By how much that may be wrong: standard deviation of the logarithm.
    pub(super) spread: f64,
}

impl Level {
    /// The probability of leaving it within so many seconds.
    pub(super) fn leaves_within(&self, seconds: f64) -> f64 {
        1.0 - (-seconds / f64::from(self.stays)).exp()
    }

    /// So many seconds at this rate, as far as they were spent at this level. It never becomes another level.
    fn refine(&mut self, log: f64, seconds: f64, step: f64) {
        let seconds = self.now * seconds;
        self.rests_on = (self.rests_on + seconds).min(MOST_SECONDS_OF_RATE);
        let off = (log - self.log).clamp(-step, step);
        self.off += seconds / (self.rests_on + SECONDS_OF_RATE) * (off - self.off);
        self.rate = (self.log + self.off.clamp(-0.5 * step, 0.5 * step)).exp() as f32;
    }
}

impl Forecast {
    /// Over levels between two rates.
    pub(super) fn new(lowest: f64, highest: f64, belief: Belief, now: Timestamp) -> Self {
        let (from, to) = (lowest.ln(), highest.max(lowest * 2.0).ln());
        let step = (to - from) / (LEVELS - 1) as f64;
        let centre = belief.rate.max(1.0).ln().max(from).min(to);
        let level = |i: usize| {
            let log = from + step * i as f64;
            let z = (log - centre) / belief.spread;
            let (rate, now) = (log.exp() as f32, (-0.5 * z * z).exp());
            let stays = USUAL_STAY as f32;
            Level { log, rate, off: 0.0, rests_on: 0.0, now, ever: 0.0, left: 0.0, stays, elsewhere: 0.0 }
        };
        let moving = SECONDS_OF_DRIFT;
        let mut forecast = Self {
            centre,
            levels: (0..LEVELS).map(level).collect(),
            step,
            total: 0.0,
            variance: USUAL_SPREAD * USUAL_SPREAD,
            seconds_varied: SECONDS_OF_SPREAD,
            moved: moving * DRIFT / (step * step),
            moving,
            seen: 0,
            at: now,
        };
        forecast.normalize();
        forecast.find_departures();
        forecast
    }

    /// How long the network stays at each level, and where it goes when it leaves.
    fn find_departures(&mut self) {
        let seen: f64 = self.levels.iter().map(|level| level.ever * level.log).sum();
        let centre = (SECONDS_BELIEVED * self.centre + seen) / (SECONDS_BELIEVED + self.total);
        self.find_stays(centre);
        self.find_elsewhere(centre);
    }

    /// By what was seen at levels near each.
    fn find_stays(&mut self, centre: f64) {
        let stays = |level: &Level| {
            let (mut left, mut seconds) =
                (1.0, USUAL_STAY * (SHORTER_BELOW * (level.log - centre).min(0.0)).exp());
            for other in &self.levels {
                let near = 1.0 + (level.log - other.log) * (level.log - other.log);
                let alike = 1.0 / (near * near);
                left += alike * other.left;
                seconds += alike * other.ever;
            }
            (seconds / left) as f32
        };
        let stays: Vec<_> = self.levels.iter().map(stays).collect();
        for (level, stays) in self.levels.iter_mut().zip(stays) {
            level.stays = stays;
        }
    }

    /// Where it has been for long, or else near that rather than far away, but nowhere never. A level that is soon left was
    /// gone to more often than one at which it stayed as long at one go.
    fn find_elsewhere(&mut self, centre: f64) {
        let near = |level: &Level| heavy_tailed((level.log - centre).powi(2) / (FAR * FAR));
        let sum: f64 = self.levels.iter().map(near).sum();
        for level in &mut self.levels {
            let guess = (1.0 - ANYWHERE) * near(level) / sum + ANYWHERE / LEVELS as f64;
            level.elsewhere = (level.ever + SECONDS_ELSEWHERE * guess) / f64::from(level.stays);
        }
        let sum: f64 = self.levels.iter().map(|level| level.elsewhere).sum();
        for level in &mut self.levels {
            level.elsewhere /= sum;
        }
    }

    /// The levels, lowest first.
    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Variance of the logarithm of the mean rate over so many seconds, at any one level.
    pub(super) fn variance_over(&self, seconds: f32) -> f32 {
        self.variance as f32 / seconds.max(1.0)
    }

    /// The rate of now in bits per second, if the network hardly varies around it.
    pub(super) fn steady_rate(&self) -> Option<f64> {
        let rate = || self.levels.iter().map(|level| level.now * f64::from(level.rate)).sum();
        (self.variance < STEADY * STEADY).then(rate)
    }

    /// The probability of leaving whichever level it is at within so many seconds.
    fn leaves_within(&self, seconds: f64) -> f64 {
        self.levels.iter().map(|level| level.now * level.leaves_within(seconds)).sum()
    }

    /// The mean rate after the level is left, in bits per second.
    pub(super) fn rate_elsewhere(&self) -> f32 {
        self.levels.iter().map(|level| level.elsewhere as f32 * level.rate).sum()
    }

    /// How much of a level's probability goes to each of its neighbours within so many seconds.
    pub(super) fn drifts_within(&self, seconds: f64) -> f64 {
        (self.moved / self.moving * seconds).min(0.3)
    }

    /// By level, the probability of being at it after leaving another.
    pub(super) fn elsewhere(&self) -> impl Iterator<Item = f64> {
        self.levels.iter().map(|level| level.elsewhere)
    }

    /// By level, its probability so many seconds from now.
    pub(super) fn ahead(&self, seconds: f64) -> impl Iterator<Item = f32> {
        let leaves = self.leaves_within(seconds);
        let stays = move |level: &Level| (1.0 - level.leaves_within(seconds)) * level.now;
        self.levels.iter().map(move |level| (stays(level) + leaves * level.ever / self.total) as f32)
    }

    /// Takes in what is new.
    pub(super) fn learn(&mut self, history: &History, now: Timestamp) {
        let passed = now.since(self.at).as_secs_f64();
        self.at = now;
        let mut flowed = 0.0;
        for slice in history.slices_since(self.seen) {
            flowed += slice.time.as_secs_f64();
            self.observe(slice);
        }
        self.seen = history.slices();
        // What happens while nothing is asked for is not seen.
        if passed > flowed {
            self.pass((passed - flowed).min(LONGEST_PAUSE));
        }
    }

    /// As [`Forecast::learn`], of a slice that is not complete: the beliefs of the moment follow, what is learnt for good
    /// does not.
    pub(super) fn glimpse(&mut self, slice: &Slice) {
        self.pass(slice.time.as_secs_f64());
        self.weigh(self.log_of(slice), slice.time.as_secs_f64());
    }

    fn observe(&mut self, slice: &Slice) {
        let (log, seconds) = (self.log_of(slice), slice.time.as_secs_f64());
        // Did the network leave its level, or does it only vary?
        let likelihood = self.likelihood(log, seconds);
        let drifts = self.drifts_within(seconds);
        let (mut stayed, mut leaving, mut arrived, mut moved) = (0.0, 0.0, 0.0, 0.0);
        for (i, level) in self.levels.iter().enumerate() {
            let (likely, leaves) = (likelihood(level.log), level.leaves_within(seconds));
            let now = |i: Option<usize>| i.and_then(|i| self.levels.get(i)).map_or(level.now, |l| l.now);
            let sides = drifts * (now(i.checked_sub(1)) + now(Some(i + 1)));
            moved += (1.0 - leaves) * sides * likely;
            stayed += (1.0 - leaves) * (level.now * (1.0 - 2.0 * drifts) + sides) * likely;
            leaving += leaves * level.now;
            arrived += level.elsewhere * likely;
        }
        let all = (stayed + leaving * arrived).max(f64::MIN_POSITIVE);
        for level in &mut self.levels {
            level.left += level.now * level.leaves_within(seconds) * arrived / all;
        }
        self.moved += 0.5 * moved / all;
        self.moving += seconds;
        self.pass(seconds);
        // What was not known of the level is no noise. A surprise counts up to a limit: what is beyond it is another level.
        let mean: f64 = self.levels.iter().map(|level| level.now * level.log).sum();
        let surprise = (log - mean).clamp(-LARGEST_SURPRISE, LARGEST_SURPRISE);
        let weight = seconds.min(1.0);
        self.seconds_varied = self.seconds_varied * KEEP_SPREAD + weight;
        let unsure: f64 = self.levels.iter().map(|l| l.now * (l.log - mean) * (l.log - mean)).sum();
        let new = (surprise * surprise - unsure).max(0.0) * seconds.max(1.0);
        self.variance += weight / self.seconds_varied * (new - self.variance);
        self.variance = self.variance.max(LEAST_SPREAD * LEAST_SPREAD);
        self.weigh(log, seconds);
        for level in &mut self.levels {
            level.ever += level.now * seconds;
            level.refine(log, seconds, self.step);
        }
        self.total += seconds;
        self.find_departures();
    }

    /// Time passes: levels drift, and may be left.
    fn pass(&mut self, seconds: f64) {
        let (leaves, drifts) = (self.leaves_within(seconds), self.drifts_within(seconds));
        let mut before = self.levels.first().map_or(0.0, |level| level.now);
        let mut levels = self.levels.iter_mut().peekable();
        while let Some(level) = levels.next() {
            let now = level.now;
            let after = levels.peek().map_or(now, |next| next.now);
            let stayed = now + drifts * (before + after - 2.0 * now);
            level.now = (1.0 - level.leaves_within(seconds)) * stayed + leaves * level.elsewhere;
            before = now;
        }
    }

    /// Makes those levels more probable at which the rate that was seen is likely.
    fn weigh(&mut self, log: f64, seconds: f64) {
        let likelihood = self.likelihood(log, seconds);
        for level in &mut self.levels {
            level.now *= likelihood(level.log);
        }
        self.normalize();
    }

    /// How likely a rate is by level. With heavy tails: one slice alone never excludes a level.
    fn likelihood(&self, log: f64, seconds: f64) -> impl Fn(f64) -> f64 + use<> {
        let grid = self.step * self.step / 8.0;
        let variance = self.variance / seconds.max(1.0) + grid;
        move |level: f64| {
            let z2 = (log - level) * (log - level) / variance;
            heavy_tailed(z2)
        }
    }

    fn log_of(&self, slice: &Slice) -> f64 {
        let rate = (slice.bytes as f64 * 8.0).max(1.0) / slice.time.as_secs_f64().max(0.001);
        let lowest = self.levels.first().map_or(0.0, |level| level.log);
        let highest = self.levels.last().map_or(0.0, |level| level.log);
        rate.ln().max(lowest).min(highest)
    }

    fn normalize(&mut self) {
        let sum: f64 = self.levels.iter().map(|level| level.now).sum();
        let even = 1.0 / self.levels.len().max(1) as f64;
        for level in &mut self.levels {
            level.now = if sum > f64::MIN_POSITIVE { level.now / sum } else { even };
        }
    }
}

/// The density of Student's t distribution, but for a factor, by the square of the distance.
fn heavy_tailed(z2: f64) -> f64 {
    let u = 1.0 + z2 / TAIL;
    // To the power of -(TAIL + 1) / 2.
    1.0 / (u * u * u.sqrt())
}

/// How many levels there are.
pub(super) const LEVELS: usize = 22;
/// What is guessed of where the network goes counts like so many seconds of being there: near the centre of what was seen,
/// within about this distance of the logarithm, and with this probability anywhere, as far down as an outage.
const SECONDS_ELSEWHERE: f64 = 15.0;
const FAR: f64 = 1.0;
const ANYWHERE: f64 = 0.3;
/// What was believed at the start counts for the centre like so many seconds.
const SECONDS_BELIEVED: f64 = 5.0;
/// Before anything is seen: seconds after which the network leaves its level, shorter below the centre by this power of
/// the rate,
const USUAL_STAY: f64 = 60.0;
const SHORTER_BELOW: f64 = 0.25;
/// and the spread of its rate around it, with the seconds that this has been seen for.
const USUAL_SPREAD: f64 = 0.4;
const SECONDS_OF_SPREAD: f64 = 4.0;
/// A network never varies by less, or there would be no noise to tell from a change of level.
const LEAST_SPREAD: f64 = 0.05;
/// A network that varies by less from second to second is steady.
const STEADY: f64 = 0.07;
/// The middle of a level counts for its rate like so many seconds at it, and what was seen like so many at the most.
const SECONDS_OF_RATE: f64 = 3.0;
const MOST_SECONDS_OF_RATE: f64 = 60.0;
/// What was learnt of the spread fades by this with each slice.
const KEEP_SPREAD: f64 = 0.97;
/// Variance that a level gathers in a second, and for how many seconds that has been seen before anything is.
const DRIFT: f64 = 0.0015;
const SECONDS_OF_DRIFT: f64 = 20.0;
const LARGEST_SURPRISE: f64 = 1.0;
/// Degrees of freedom of the distribution of rates around a level (Student's t).
const TAIL: f64 = 4.0;
/// Seconds after which there is nothing left to forget.
const LONGEST_PAUSE: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn forecast() -> Forecast {
        Forecast::new(1e5, 2e7, Belief { rate: 2e6, spread: 1.0 }, Timestamp::ZERO)
    }

    fn see(forecast: &mut Forecast, mbit: f64, seconds: u64) {
        for _ in 0..seconds {
            forecast.observe(&Slice { bytes: (mbit * 1e6 / 8.0) as u64, time: Duration::from_secs(1) });
        }
    }

    fn below(forecast: &Forecast, mbit: f64) -> f64 {
        forecast.levels.iter().filter(|l| f64::from(l.rate) < mbit * 1e6).map(|l| l.now).sum()
    }

    #[test]
    fn it_follows_a_change_within_seconds_and_is_not_moved_by_one_bad_one() {
        let mut f = forecast();
        see(&mut f, 8.0, 30);
        assert!(below(&f, 5.0) < 0.05, "{}", below(&f, 5.0));
        see(&mut f, 2.0, 1);
        let after_one = below(&f, 4.0);
        see(&mut f, 2.0, 3);
        assert!(below(&f, 4.0) > 0.95 && below(&f, 4.0) > after_one, "{after_one} {}", below(&f, 4.0));
    }

    #[test]
    fn it_learns_how_often_the_network_changes_and_where_it_goes() {
        let (mut steady, mut switching) = (forecast(), forecast());
        see(&mut steady, 8.0, 200);
        for _ in 0..10 {
            see(&mut switching, 8.0, 10);
            see(&mut switching, 0.5, 10);
        }
        assert!(switching.leaves_within(5.0) > 3.0 * steady.leaves_within(5.0));
        let low = |f: &Forecast| f.elsewhere().take(LEVELS / 2).sum::<f64>();
        assert!(low(&switching) > 0.3 && low(&steady) < 0.1, "{} {}", low(&switching), low(&steady));
    }

    #[test]
    fn it_learns_how_long_a_drop_lasts_apart_from_what_is_between_drops() {
        let stays = |high: u64, low: u64| {
            let mut f = forecast();
            for _ in 0..6 {
                see(&mut f, 8.0, high);
                see(&mut f, 0.2, low);
            }
            let at = |mbit: f32| f.levels.iter().find(|l| l.rate > mbit * 1e6).map_or(0.0, |l| l.stays);
            (at(0.18), at(7.5))
        };
        let ((short, before), (long, _)) = (stays(60, 5), stays(60, 40));
        assert!(short < 12.0 && before > 3.0 * short, "{short} {before}");
        assert!((20.0..60.0).contains(&long), "{long}");
        // Nothing was seen yet.
        let levels = forecast().levels;
        assert!(levels[0].stays < 40.0 && levels[LEVELS - 1].stays == 60.0, "{levels:?}");
    }

    #[test]
    fn the_rate_of_a_level_is_what_was_seen_at_it() {
        // The grid's levels are almost a third apart.
        for mbit in [3.6, 4.0, 4.5, 5.0] {
            let mut f = forecast();
            see(&mut f, mbit, 60);
            let rate = f.steady_rate().unwrap() / 1e6;
            assert!((rate / mbit - 1.0).abs() < 0.02, "{rate} {mbit}");
            // Neither by a second that is unlike all others, nor by a change.
            see(&mut f, 0.3, 1);
            let highest = f.levels.iter().map(|l| f64::from(l.rate)).is_sorted();
            assert!(highest, "{f:?}");
        }
    }

    #[test]
    fn a_network_that_varies_is_not_steady() {
        let mut f = forecast();
        assert_eq!(f.steady_rate(), None);
        for _ in 0..60 {
            see(&mut f, 4.4, 1);
            see(&mut f, 5.6, 1);
        }
        assert_eq!(f.steady_rate(), None);
    }

    #[test]
    fn the_probabilities_stay_probabilities_whatever_is_seen() {
        let mut f = forecast();
        for (bytes, micros) in [(0, 0), (0, 1), (u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX)] {
            f.observe(&Slice { bytes, time: Duration::from_micros(micros) });
            let sum: f64 = f.levels.iter().map(|l| l.now).sum();
            assert!((sum - 1.0).abs() < 1e-9 && f.levels.iter().all(|l| l.now >= 0.0), "{f:?}");
            assert!(f.variance.is_finite() && f.levels.iter().all(|l| l.stays > 0.0), "{f:?}");
        }
    }
}
