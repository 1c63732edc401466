//! Thousands of sessions with random trouble, each from one seed, in virtual time.
//!
//! `SIMULATION_SESSIONS` says how many (10,000 by default), `SIMULATION_FIRST` from which seed on. A session that breaks
//! an invariant is named by its seed; `SIMULATION_SEED=n` plays that one alone and shows all that happened in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(dead_code)] // The element is shared with tests that look at more of it.

#[path = "../native/world/element.rs"]
mod element;
#[path = "../native/world/fmp4.rs"]
mod fmp4;
mod media;
mod network;
mod origin;
mod random;
mod scenario;
mod world;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use scenario::Scenario;
use world::Summary;

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

#[test]
fn sessions() {
    std::panic::set_hook(Box::new(|info| PANIC.with(|last| *last.borrow_mut() = info.to_string())));
    if let Some(seed) = variable("SIMULATION_SEED") {
        let message = replay(seed);
        let _ = std::panic::take_hook();
        assert!(message.is_none(), "seed {seed}: {}", message.unwrap_or_default());
        return;
    }
    let count = variable("SIMULATION_SESSIONS").unwrap_or(10_000);
    let first = variable("SIMULATION_FIRST").unwrap_or(0);
    media::media();
    let next = AtomicU64::new(first);
    let failed: Mutex<Vec<(u64, String)>> = Mutex::default();
    let totals: Mutex<Totals> = Mutex::default();
    // How fast it goes is told, and decides nothing.
    #[allow(clippy::disallowed_methods)]
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    match catch_unwind(AssertUnwindSafe(|| world::run(Scenario::new(seed), None))) {
                        Ok(summary) => totals.lock().unwrap().add(summary),
                        Err(_) => {
                            let message = PANIC.with(|last| last.borrow().clone());
                            failed.lock().unwrap().push((seed, message));
                        }
                    }
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{count} sessions from seed {first} in {seconds:.1} s: {:.0} a second; {:?}",
        count as f64 / seconds,
        totals.lock().unwrap()
    );
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    for (seed, message) in failed.iter().take(30) {
        println!("seed {seed}: {message}");
    }
    let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    if let Some(seed) = seeds.first() {
        replay(*seed);
        println!("SIMULATION_SEED={seed} cargo test --test simulation -- --nocapture");
    }
    let _ = std::panic::take_hook();
    assert!(seeds.is_empty(), "{} of {count} sessions broke an invariant: {seeds:?}", seeds.len());
}

/// Plays one session and prints what happened in it; the result is what broke.
fn replay(seed: u64) -> Option<String> {
    let scenario = Scenario::new(seed);
    println!("{scenario:#?}");
    let mut trace = Vec::new();
    let result = catch_unwind(AssertUnwindSafe(|| world::run(scenario, Some(&mut trace))));
    for line in &trace {
        println!("{line}");
    }
    println!("{result:?}");
    result.is_err().then(|| PANIC.with(|last| last.borrow().clone()))
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[derive(Debug, Default)]
struct Totals {
    steps: u64,
    fatal: u64,
    ended: u64,
    stalls: u64,
}

impl Totals {
    fn add(&mut self, summary: Summary) {
        self.steps += u64::from(summary.steps);
        self.fatal += u64::from(summary.fatal);
        self.ended += u64::from(summary.ended);
        self.stalls += u64::from(summary.stalls);
    }
}
