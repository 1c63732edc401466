//! What there is to play: rungs, and how large each segment is on each; and the playlists that say so.

use core::fmt::Write;
use core::time::Duration;

use crate::engine::Request;
use crate::time::{MediaTime, TimeRange};

/// A ladder and its segments.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// How long a segment is.
    pub segment: Duration,
    /// Nominal rates in bits per second, lowest first.
    pub rates: Vec<u64>,
    /// By segment, then by rung: bits.
    pub sizes: Vec<Vec<u64>>,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Text(String),
    Segment { rung: usize, bits: u64, range: TimeRange },
}

impl Ladder {
    /// Reads a ladder: the segment duration in ms; the nominal rates in kbit/s; a line a segment with its bits on each
    /// rung. The error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let mut numbers = |what: &str| -> Result<Option<Vec<u64>>, String> {
            let Some(line) = lines.next() else { return Ok(None) };
            let numbers = line.split_whitespace().map(|word| word.parse().map_err(|_| word.to_owned()));
            let numbers: Result<_, _> = numbers.collect();
            numbers.map(Some).map_err(|word| format!("{what}: {word:?} is not a whole number"))
        };
        let millis = numbers("segment duration")?.and_then(|n| n.first().copied()).unwrap_or(0);
        let rates: Vec<u64> = numbers("rates")?.unwrap_or_default().iter().map(|r| r * 1000).collect();
        let mut sizes = Vec::new();
        while let Some(line) = numbers("segment sizes")? {
            if line.len() != rates.len() || line.contains(&0) {
                return Err(format!("segment {} has not one size a rung", sizes.len()));
            }
            sizes.push(line);
        }
        let ladder = Self { segment: Duration::from_millis(millis), rates, sizes };
        let rising = ladder.rates.is_sorted() && ladder.rates.first().is_some_and(|lowest| *lowest > 0);
        if millis == 0 || !rising || ladder.sizes.is_empty() {
            return Err("a ladder has a segment duration, rates from the lowest up, and segments".into());
        }
        Ok(ladder)
    }

    /// The same content in segments of another length: each old segment is taken for one of constant rate.
    #[must_use]
    pub fn cut(&self, length: Duration) -> Self {
        let (old, new) = (self.segment.as_secs_f64(), length.as_secs_f64());
        let total = old * self.sizes.len() as f64;
        let bits = |rung: usize, from: f64, to: f64| -> u64 {
            let of = |(i, sizes): (usize, &Vec<u64>)| {
                let start = i as f64 * old;
                let share = (to.min(start + old) - from.max(start)).max(0.0) / old;
                sizes.get(rung).map_or(0.0, |bits| *bits as f64 * share)
            };
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates
            let bits = self.sizes.iter().enumerate().map(of).sum::<f64>() as u64;
            bits.max(1)
        };
        let starts = (0..).map(|i| f64::from(i) * new).take_while(|start| start + new <= total + 1e-6);
        let segment = |start: f64| (0..self.rates.len()).map(|rung| bits(rung, start, start + new)).collect();
        Self { segment: length, rates: self.rates.clone(), sizes: starts.map(segment).collect() }
    }

    /// The largest segment over its length: what a multivariant playlist declares.
    fn peak(&self, rung: usize) -> u64 {
        let largest = self.sizes.iter().filter_map(|sizes| sizes.get(rung)).max().copied().unwrap_or(0);
        let millis = u64::try_from(self.segment.as_millis()).unwrap_or(u64::MAX).max(1);
        largest.saturating_mul(1000) / millis
    }

    /// What the request is for.
    pub(super) fn wanted(&self, request: &Request) -> Option<Wanted> {
        let path = request.url.expose().strip_prefix(ROOT)?;
        if path == MULTIVARIANT {
            return Some(Wanted::Text(self.multivariant()));
        }
        if let Some(rung) = path.strip_suffix(".m3u8") {
            let rung = rung.parse::<usize>().ok().filter(|rung| *rung < self.rates.len())?;
            return Some(Wanted::Text(self.media(rung)));
        }
        let (rung, number) = path.strip_suffix(".seg")?.split_once('-')?;
        let (rung, number): (usize, usize) = (rung.parse().ok()?, number.parse().ok()?);
        let bits = *self.sizes.get(number)?.get(rung)?;
        let place = |n: usize| {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            MediaTime::from_ticks(MediaTime::from_duration(self.segment).ticks().saturating_mul(n))
        };
        Some(Wanted::Segment {
            rung,
            bits,
            range: TimeRange { start: place(number), end: place(number + 1) },
        })
    }

    fn multivariant(&self) -> String {
        let mut text = String::from("#EXTM3U\n");
        for (rung, rate) in self.rates.iter().enumerate() {
            let peak = self.peak(rung);
            let _ = writeln!(
                text,
                "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={rate},CODECS=\"avc1.64001f\"\n{rung}.m3u8"
            );
        }
        text
    }

    fn media(&self, rung: usize) -> String {
        let length = self.segment.as_secs_f64();
        let mut text = format!("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{}\n", length.ceil());
        for number in 0..self.sizes.len() {
            let _ = writeln!(text, "#EXTINF:{length:.3},\n{rung}-{number}.seg");
        }
        text.push_str("#EXT-X-ENDLIST\n");
        text
    }
}

/// Where the ladder is.
const ROOT: &str = "https://origin.invalid/";
const MULTIVARIANT: &str = "all.m3u8";

/// The address to play.
pub(super) fn address() -> String {
    format!("{ROOT}{MULTIVARIANT}")
}
