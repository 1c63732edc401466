//! The choice of a rung, for `cargo xtask bench choice`: what the player's rule takes of a worker's time.

use core::time::Duration;

use cloud_player::abr::{History, Outlook, Rule, Rung, Situation, Transfer};
use cloud_player::time::{MediaTime, Timestamp};
use wasm_bindgen::prelude::*;

/// A session as its rule sees it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Choice {
    rule: Outlook,
    history: History,
    ladder: Vec<Rung>,
    now: Timestamp,
    rung: Option<usize>,
    downloads: u32,
    buffer: MediaTime,
    buffer_goal: MediaTime,
}

#[wasm_bindgen]
impl Choice {
    /// Over so many rungs, with so many seconds of buffer.
    #[wasm_bindgen(constructor)]
    pub fn new(rungs: u32, buffer: u32) -> Self {
        let rung = |i: u32| {
            let average = 250_000 + 650_000 * u64::from(i);
            Rung { bandwidth: average * 5 / 4, average }
        };
        Self {
            rule: Outlook::default(),
            history: History::default(),
            ladder: (0..rungs).map(rung).collect(),
            now: Timestamp::ZERO,
            rung: None,
            downloads: 0,
            buffer: MediaTime::from_millis(12_000),
            buffer_goal: MediaTime::from_millis(i64::from(buffer) * 1000),
        }
    }

    /// A segment comes in, over a network that swings.
    pub fn download(&mut self) {
        self.downloads += 1;
        let piece =
            [60_000, 35_000, 80_000, 12_000].get(self.downloads as usize % 4).copied().unwrap_or(50_000);
        self.history.sent(self.now);
        for _ in 0..20 {
            self.now = self.now + Duration::from_millis(100);
            self.history.arrived(self.now, piece);
        }
        self.history.ended(self.now, self.rung.unwrap_or(0), false);
    }

    /// Chooses the next rung.
    pub fn choose(&mut self) -> u32 {
        let rung = self.ask(|rule, situation| rule.choose(situation));
        self.rung = Some(rung);
        u32::try_from(rung).unwrap_or(u32::MAX)
    }

    /// Thinks again about a download of the highest rung that will come too late.
    pub fn think(&mut self) -> bool {
        let rung = self.ladder.len() - 1;
        let seconds = Duration::from_secs(2);
        let transfer = Transfer {
            rung,
            before: self.rung,
            received: 50_000,
            size: Some(20_000_000),
            elapsed: seconds,
            latency: Some(Duration::from_millis(50)),
            idle: Duration::ZERO,
        };
        self.ask(|rule, situation| rule.abandon(situation, &transfer)).is_some()
    }

    fn ask<T>(&mut self, ask: impl FnOnce(&mut Outlook, &Situation<'_>) -> T) -> T {
        let situation = Situation {
            now: self.now,
            ladder: &self.ladder,
            current: self.rung,
            estimate: None,
            history: &self.history,
            buffer: self.buffer,
            buffer_goal: self.buffer_goal,
            segment: MediaTime::from_millis(3000),
            started: true,
        };
        ask(&mut self.rule, &situation)
    }
}
