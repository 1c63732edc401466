//! What a decision is worth, with all that may follow from it.
//!
//! The worth of having so much buffer at a level of the network, with the last segment on such a rung, is a table: what the
//! best next segment brings by itself, and the worth of where it leads, averaged over how fast the network may turn out to
//! be ([`Forecast`]). Each pass over the table ([`Plan::improve`]) looks one segment further ahead; as the table is kept
//! from decision to decision, a pass each makes it look far enough that what comes after no longer matters. So the
//! buffer that a choice leaves has its price, and that is all there is to being careful.
//!
//! A segment brings its length times the utility of its rung (0 to 1 by the logarithm of the rate), less
//! [`SWITCH`] for each step of utility from the segment before and, where the picture stops, the [`Price`] of that. And
//! whatever the forecast says, now and then the network fails as it never did before ([`UNFORESEEN`]), so of two ways that
//! are worth the same otherwise, the one with more buffer is better.
//!
//! The table's rows run over the buffer at even distances: a download that takes so long leads from each place to one that
//! is a constant distance away, so a row is a weighted sum of shifted rows.

use super::Situation;
use super::duration::{Departure, Duration, OUTCOMES};
use super::forecast::{Forecast, LEVELS, Level};

/// The table and what it is about.
#[derive(Debug)]
pub(super) struct Plan {
    grid: Grid,
    rungs: Vec<Step>,
    /// Variance of the logarithm of a segment's size around its rung's average.
    size_variance: f32,
    /// By level, rung and place: the worth of going on from there after a segment of that rung.
    worth: Vec<f32>,
    /// By level, rung and place: what a segment of that rung brings there, and where it leads, if the network is at that
    /// level.
    brings: Vec<f32>,
    /// `brings` averaged over where the network goes when it leaves its level.
    elsewhere: Vec<f32>,
    /// By rung and place: `worth` averaged over where the network goes when it leaves its level.
    away: Vec<f32>,
    /// By level and rung.
    times: Vec<[Duration; OUTCOMES]>,
    /// By place: what an outage that nothing foretells costs on average, in the time of a segment.
    unforeseen: Vec<f32>,
}

/// What it costs to be without a picture, in seconds at the top rung.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    once: f32,
    second: f32,
}

impl Price {
    pub(super) const STALL: Self = Self { once: STALL_AT_ALL, second: STALL };
    /// Waiting for the start is not as bad as a stall.
    pub(super) const START: Self = Self { once: 0.0, second: 1.0 };

    /// Of what comes so many seconds too late; no price if it is early.
    fn of(self, late: f32) -> f32 {
        if late > 0.0 { self.once + self.second * late } else { 0.0 }
    }
}

/// The buffer, and what a segment is in it.
#[derive(Clone, Copy, Debug)]
struct Grid {
    places: usize,
    /// Seconds from place to place, and the inverse.
    step: f32,
    per_second: f32,
    /// Seconds of buffer beyond which the next request waits.
    goal: f32,
    /// Seconds that a segment lasts.
    segment: f32,
}

/// A rung.
#[derive(Clone, Copy, Debug)]
struct Step {
    utility: f32,
    bits: f32,
}

/// How a segment of a rung turns out at a level.
struct Outcome<'a> {
    utility: f32,
    times: &'a [Duration; OUTCOMES],
    /// The row of its worth, and that of its worth if the network has left the level.
    worth: &'a [f32],
    away: &'a [f32],
}

impl Plan {
    /// Without any foresight yet.
    pub(super) fn new(s: &Situation<'_>) -> Self {
        let segment = (s.segment.as_secs() as f32).max(0.1);
        let goal = (s.buffer_goal.as_secs() as f32).max(segment / 2.0);
        let places = whole((goal / USUAL_STEP).ceil()).clamp(MIN_PLACES, MAX_PLACES);
        let per_second = (places - 1) as f32 / goal;
        let grid = Grid { places, step: 1.0 / per_second, per_second, goal, segment };
        let rate = |i: Option<&super::Rung>| i.map_or(1.0, |rung| rung.rate() as f32);
        let (lowest, highest) = (rate(s.ladder.first()), rate(s.ladder.last()));
        let span = (highest / lowest).ln().max(f32::MIN_POSITIVE);
        let step = |rung: &super::Rung| Step {
            utility: ((rung.rate() as f32 / lowest).ln() / span).clamp(0.0, 1.0),
            bits: rung.rate() as f32 * segment,
        };
        // The peak is about three deviations from the average.
        let peak =
            |rung: &super::Rung| (rung.bandwidth as f32 / rung.rate() as f32).clamp(1.0, 4.0).ln() / 3.0;
        let size_variance =
            s.ladder.iter().map(|rung| peak(rung) * peak(rung)).sum::<f32>() / s.ladder.len().max(1) as f32;
        let rungs: Vec<_> = s.ladder.iter().map(step).collect();
        let rows = LEVELS * rungs.len();
        let (every, lasts) = UNFORESEEN;
        let unforeseen = |place: usize| {
            let outlasts = (-(place as f32 * grid.step) / lasts).exp();
            segment / every * STALL * lasts * outlasts
        };
        Self {
            grid,
            size_variance,
            worth: vec![0.0; rows * places],
            brings: vec![0.0; rows * places],
            elsewhere: vec![0.0; rungs.len() * places],
            away: vec![0.0; rungs.len() * places],
            times: vec![[Duration::default(); OUTCOMES]; rows],
            unforeseen: (0..places).map(unforeseen).collect(),
            rungs,
        }
    }

    /// How long downloads take follows from the forecast and the latency.
    pub(super) fn time(&mut self, forecast: &Forecast, latency: f32) {
        let departure = Departure::new(forecast);
        let of_levels = self.times.chunks_exact_mut(self.rungs.len().max(1));
        for (times, level) in of_levels.zip(forecast.levels()) {
            for (times, rung) in times.iter_mut().zip(&self.rungs) {
                let usual = rung.bits / level.rate;
                let spread = (forecast.variance_over(usual) + self.size_variance).sqrt();
                cost::add(OUTCOMES);
                *times = departure.durations_varied(level, rung.bits, spread);
                for time in times {
                    time.seconds += latency;
                }
            }
        }
    }

    /// Looks one segment further ahead.
    pub(super) fn improve(&mut self, forecast: &Forecast) {
        let (grid, rungs) = (self.grid, &self.rungs);
        let block = rungs.len() * grid.places;
        let levels = self.worth.chunks_exact(block).zip(self.brings.chunks_exact_mut(block));
        for ((worth, brings), times) in levels.zip(self.times.chunks_exact(rungs.len())) {
            let rows = worth.chunks_exact(grid.places).zip(self.away.chunks_exact(grid.places));
            let outcomes = rungs.iter().zip(times).zip(rows);
            let outcomes = outcomes.map(|((rung, times), (worth, away))| Outcome {
                utility: rung.utility,
                times,
                worth,
                away,
            });
            let mut given_up = None;
            for (outcome, brings) in outcomes.zip(brings.chunks_exact_mut(grid.places)) {
                outcome.brings(&grid, given_up.as_ref(), brings);
                given_up = given_up.or_else(|| Some(outcome.instead(&grid)));
            }
        }
        // Two sums over all levels, and what becomes of each.
        cost::add(3 * self.worth.len());
        self.elsewhere.fill(0.0);
        for (brings, likely) in self.brings.chunks_exact(block).zip(forecast.elsewhere()) {
            for (sum, brings) in self.elsewhere.iter_mut().zip(brings) {
                *sum += likely as f32 * brings;
            }
        }
        let segment = f64::from(grid.segment);
        let drifts = forecast.drifts_within(segment) as f32;
        let mut before = self.brings.get(..block).unwrap_or_default();
        let mut levels = self.brings.chunks_exact(block).peekable();
        for (worth, level) in self.worth.chunks_exact_mut(block).zip(forecast.levels()) {
            let leaves = level.leaves_within(segment) as f32;
            let Some(here) = levels.next() else { break };
            let after = levels.peek().copied().unwrap_or(here);
            let (stays, drifts) = ((1.0 - leaves) * (1.0 - 2.0 * drifts), (1.0 - leaves) * drifts);
            let sides = before.iter().zip(after).zip(here).zip(&self.elsewhere);
            for (worth, (((before, after), here), elsewhere)) in worth.iter_mut().zip(sides) {
                *worth = stays * here + drifts * (before + after) + leaves * elsewhere;
            }
            before = here;
            best_of(rungs, grid.places, worth);
        }
        // Only differences count; the sums would grow.
        let base = self.worth.last().copied().unwrap_or(0.0);
        self.away.fill(0.0);
        for (worth, likely) in self.worth.chunks_exact_mut(block).zip(forecast.elsewhere()) {
            let rows = worth.chunks_exact_mut(grid.places).zip(self.away.chunks_exact_mut(grid.places));
            for (row, away) in rows {
                for ((worth, sum), unforeseen) in row.iter_mut().zip(away).zip(&self.unforeseen) {
                    *worth -= base + unforeseen;
                    *sum += likely as f32 * *worth;
                }
            }
        }
    }

    /// The best rung to go on with up to `highest`, by the probability of each level; `before` is the rung of the segment
    /// before.
    pub(super) fn best(
        &self,
        likely: impl Iterator<Item = f32> + Clone,
        buffer: f32,
        (before, highest): (Option<usize>, usize),
        price: Price,
    ) -> usize {
        let width = self.rungs.len();
        let mut best = (0, f32::NEG_INFINITY);
        for (index, rung) in self.rungs.iter().enumerate().take(highest.saturating_add(1)) {
            let mut sum = -self.switch(before, index);
            for (level, likely) in likely.clone().enumerate().filter(|(_, likely)| *likely > NEGLIGIBLE) {
                let outcome = |rung: usize, utility: f32| {
                    let (times, worth) = (self.times.get(level * width + rung)?, self.row(level, rung)?);
                    Some(Outcome { utility, times, worth, away: self.away(rung)? })
                };
                let Some(this) = outcome(index, rung.utility) else { continue };
                let lowest = if index > 0 { outcome(0, 0.0) } else { None };
                sum += likely * this.brings_at(&self.grid, lowest.as_ref(), buffer, price);
            }
            if sum > best.1 {
                best = (index, sum);
            }
        }
        best.0
    }

    /// What so many bits of a segment of this rung bring if the network is at `level`, after `delay`.
    pub(super) fn download(
        &self,
        departure: &Departure,
        (at, level): (usize, &Level),
        rung: usize,
        (bits, delay): (f32, f32),
        buffer: f32,
        price: Price,
    ) -> f32 {
        let (Some(worth), Some(step)) = (self.row(at, rung), self.rungs.get(rung)) else { return 0.0 };
        let Some(away) = self.away(rung) else { return 0.0 };
        let mut sum = 0.0;
        for Duration { seconds, left } in departure.durations(level, bits) {
            cost::add(1);
            let time = delay + seconds;
            sum += KEEP * self.grid.worth_after(if left { away } else { worth }, buffer, time)
                - price.of(time - buffer);
        }
        self.grid.segment * step.utility + sum / OUTCOMES as f32
    }

    /// The price of going from a rung to another.
    pub(super) fn switch(&self, from: Option<usize>, to: usize) -> f32 {
        let utility = |rung: usize| self.rungs.get(rung).map(|rung| rung.utility);
        let from = from.and_then(utility);
        from.zip(utility(to)).map_or(0.0, |(from, to)| SWITCH * (from - to).abs())
    }

    /// The usual size of a segment of a rung, in bits.
    pub(super) fn bits(&self, rung: usize) -> f32 {
        self.rungs.get(rung).map_or(1.0, |rung| rung.bits)
    }

    fn away(&self, rung: usize) -> Option<&[f32]> {
        let start = rung * self.grid.places;
        self.away.get(start..start + self.grid.places)
    }

    fn row(&self, level: usize, rung: usize) -> Option<&[f32]> {
        let start = (level * self.rungs.len() + rung) * self.grid.places;
        self.worth.get(start..start + self.grid.places)
    }
}

impl Grid {
    /// The worth at a buffer, between two places.
    fn worth(&self, row: &[f32], buffer: f32) -> f32 {
        let at = lesser(greater(buffer * self.per_second, 0.0), (self.places - 1) as f32);
        let place = whole(at).min(self.places - 2);
        let share = at - place as f32;
        match row.get(place..place + 2) {
            Some(&[lower, upper]) => lower + share * (upper - lower),
            _ => 0.0,
        }
    }

    /// The worth of a segment that is all there is.
    fn alone(&self, row: &[f32]) -> f32 {
        self.worth_after(row, 0.0, 0.0)
    }

    /// The worth after a download of this time: the segment is in, and what was over the goal was waited for.
    fn worth_after(&self, row: &[f32], buffer: f32, time: f32) -> f32 {
        self.worth(row, lesser(greater(buffer - time, 0.0) + self.segment, self.goal))
    }
}

impl Outcome<'_> {
    /// What the segment brings at a buffer. Where it would come too late, it may still be given up for the lowest rung.
    fn brings_at(&self, grid: &Grid, lowest: Option<&Self>, buffer: f32, price: Price) -> f32 {
        let mut sum = 0.0;
        for (i, Duration { seconds: time, left }) in self.times.iter().copied().enumerate() {
            cost::add(1);
            let row = if left { self.away } else { self.worth };
            let mut this = KEEP * grid.worth_after(row, buffer, time) - price.of(time - buffer);
            if let (true, Some(lowest)) = (time > buffer, lowest) {
                let instead = lowest.worth_instead(grid, i, buffer, price) - self.price_of_going_down(grid);
                this = greater(this, instead);
            }
            sum += this;
        }
        grid.segment * self.utility + sum / OUTCOMES as f32
    }

    /// What is lost of what the segment itself would bring, when it is given up for the lowest rung.
    fn price_of_going_down(&self, grid: &Grid) -> f32 {
        (SWITCH + grid.segment) * self.utility
    }

    /// What remains when a segment is given up for this, the lowest rung, in the outcome `i`.
    fn worth_instead(&self, grid: &Grid, i: usize, buffer: f32, price: Price) -> f32 {
        let Duration { seconds, left } = self.times.get(i).copied().unwrap_or_default();
        let time = GIVEN_UP_AFTER + seconds;
        KEEP * grid.worth_after(if left { self.away } else { self.worth }, buffer, time)
            - price.of(time - buffer)
    }

    /// [`Outcome::worth_instead`] for every outcome and place.
    fn instead(&self, grid: &Grid) -> [[f32; MAX_PLACES]; OUTCOMES] {
        let mut rows = [[0.0; MAX_PLACES]; OUTCOMES];
        for (row, shift) in rows.iter_mut().zip(self.shifts(grid, GIVEN_UP_AFTER)) {
            let Some(row) = row.get_mut(..grid.places) else { break };
            shift.add_to(row, 1.0, None);
        }
        rows
    }

    /// [`Outcome::brings_at`] for every place.
    fn brings(&self, grid: &Grid, instead: Option<&[[f32; MAX_PLACES]; OUTCOMES]>, out: &mut [f32]) {
        out.fill(grid.segment * self.utility);
        let price = self.price_of_going_down(grid);
        for (i, shift) in self.shifts(grid, 0.0).enumerate() {
            let instead = instead.and_then(|rows| rows.get(i)).map(|row| (&row[..], price));
            shift.add_to(out, 1.0 / OUTCOMES as f32, instead);
        }
    }

    /// Where it leads in each outcome, so much later.
    fn shifts(&self, grid: &Grid, delay: f32) -> impl Iterator<Item = Shift<'_>> {
        let worth = (self.worth, grid.alone(self.worth));
        let away = (self.away, grid.alone(self.away));
        self.times.iter().map(move |time| {
            let (row, alone) = if time.left { away } else { worth };
            Shift::new(grid, row, alone, delay + time.seconds)
        })
    }
}

/// A row of worth as it is seen from before a download: what [`Grid::worth_after`] counts for, less [`Price::STALL`], for
/// every place.
struct Shift<'a> {
    row: &'a [f32],
    /// In the first so many places the buffer runs dry before the segment is in.
    dry: usize,
    /// What that is worth in the first of them, and how much more it is from each to the next.
    late: f32,
    rate: f32,
    /// From the others it leads to the same distance from each, up to the last place; this is where from the first, in
    /// places.
    shift: f32,
}

impl<'a> Shift<'a> {
    /// Where the buffer runs dry, the segment is `alone` afterwards.
    fn new(grid: &Grid, row: &'a [f32], alone: f32, time: f32) -> Self {
        let dry = whole((time * grid.per_second).ceil()).min(grid.places);
        let late = KEEP * alone - STALL_AT_ALL - STALL * time;
        let shift = dry as f32 + (grid.segment - time) * grid.per_second;
        Self { row, dry, late, rate: STALL * grid.step, shift }
    }

    /// Adds it to what is there, so much of it. Where the buffer runs dry, something else may be worth more, at a price.
    fn add_to(&self, out: &mut [f32], scale: f32, instead: Option<(&[f32], f32)>) {
        cost::add(out.len());
        let (runs_dry, lasts) = out.split_at_mut(self.dry.min(out.len()));
        let waits = |place: usize| self.late + self.rate * place as f32;
        match instead {
            Some((row, price)) => {
                for (place, (out, instead)) in runs_dry.iter_mut().zip(row).enumerate() {
                    *out += scale * greater(waits(place), instead - price);
                }
            }
            None => {
                for (place, out) in runs_dry.iter_mut().enumerate() {
                    *out += scale * waits(place);
                }
            }
        }
        let from = whole(self.shift);
        let share = self.shift - from as f32;
        let row = self.row.get(from..).unwrap_or_default();
        let (inner, full) = lasts.split_at_mut(row.len().saturating_sub(1).min(lasts.len()));
        let (lower, upper) = (scale * KEEP * (1.0 - share), scale * KEEP * share);
        for ((out, a), b) in inner.iter_mut().zip(row).zip(row.iter().skip(1)) {
            *out += lower * a + upper * b;
        }
        let full_worth = scale * KEEP * self.row.last().copied().unwrap_or(0.0);
        for out in full {
            *out += full_worth;
        }
    }
}

/// Turns, in the rows of one level, what going on with each rung is worth into what going on from each rung is: the best
/// of them, switches paid. The price of a switch is that of its steps, so a pass up and one down find it.
fn best_of(rungs: &[Step], places: usize, worth: &mut [f32]) {
    let steps = || rungs.iter().zip(rungs.iter().skip(1)).map(|(a, b)| SWITCH * (b.utility - a.utility));
    cost::add(2 * worth.len());
    for (i, price) in steps().enumerate() {
        let (below, above) = worth.split_at_mut((i + 1) * places);
        let below = below.get(i * places..).unwrap_or_default();
        for (above, below) in above.iter_mut().zip(below) {
            *above = greater(*above, below - price);
        }
    }
    for (i, price) in steps().enumerate().collect::<Vec<_>>().into_iter().rev() {
        let (below, above) = worth.split_at_mut((i + 1) * places);
        let below = below.get_mut(i * places..).unwrap_or_default();
        for (below, above) in below.iter_mut().zip(above.iter()) {
            *below = greater(*below, above - price);
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates, and not-a-number is 0
fn whole(number: f32) -> usize {
    number as usize
}

/// As `f32::max` and `f32::min`, for what is a number: those are calls of functions in WebAssembly, two fifths of a decision.
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The price of a step over the whole ladder, in seconds at the top rung.
pub(super) const SWITCH: f32 = 4.0;
/// The price of a second without a picture, in seconds at the top rung. More than what a viewer's survey gives (about 4):
/// what the model of the network does not know of comes as a stall.
const STALL: f32 = 9.0;
/// And of its being gone at all, however shortly.
const STALL_AT_ALL: f32 = 2.0;
/// What comes a segment later counts by this less.
const KEEP: f32 = 0.98;
/// A download that comes too late is known to after this, in seconds.
const GIVEN_UP_AFTER: f32 = 2.0;
/// An outage that nothing foretells comes once in so many seconds and lasts for so many on average.
const UNFORESEEN: (f32, f32) = (1800.0, 10.0);
/// Seconds from place to place, as far as the number of places allows: each costs time in every decision.
const USUAL_STEP: f32 = 1.0;
const MIN_PLACES: usize = 13;
const MAX_PLACES: usize = 25;
/// Levels less likely than this do not change a choice.
const NEGLIGIBLE: f32 = 1e-4;

#[cfg(not(test))]
mod cost {
    pub(super) fn add(_: usize) {}
}

/// Counts what a decision costs: one for each place or outcome that is looked at.
#[cfg(test)]
pub(super) mod cost {
    use core::cell::Cell;

    thread_local! { static STEPS: Cell<usize> = const { Cell::new(0) }; }

    pub(super) fn add(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// The steps since this was last asked for.
    pub(in crate::abr) fn take() -> usize {
        STEPS.replace(0)
    }
}
