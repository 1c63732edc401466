//! Thousands of sessions with random trouble, each from one seed, in virtual time.
//!
//! `SIMULATION_SESSIONS` says how many (10,000 by default), `SIMULATION_FIRST` from which seed on. A session that breaks
//! an invariant is named by its seed; `cloud-player simulate --seed N` plays that one alone and shows all that happened.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use cloud_player::recording::replay;
use cloud_player::simulate::sessions::{self, Media};

#[test]
fn sessions() {
    hold("simulation", variable("SIMULATION_FIRST").unwrap_or(0));
}

/// The same behind a door whose tokens and signatures end: lives from two seconds to an hour, renewals that are slow or fail,
/// viewers' clocks that are hours wrong.
#[test]
fn sessions_behind_a_door() {
    hold("door", sessions::FIRST_WITH_DOOR);
}

fn hold(name: &str, first: u64) {
    let count = variable("SIMULATION_SESSIONS").unwrap_or(10_000);
    let media = Media::make(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)).unwrap();
    // How fast it goes is told, and decides nothing.
    #[allow(clippy::disallowed_methods)]
    let began = std::time::Instant::now();
    let (totals, broken) = sessions::play_all(first..first + count, &media);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{count} sessions from seed {first} in {seconds:.1} s: {:.0} a second; {totals:?}",
        count as f64 / seconds
    );
    for (seed, message) in broken.iter().take(30) {
        println!("seed {seed}: {message}");
    }
    if let Some((seed, _)) = broken.first() {
        let _ = sessions::play(*seed, &media, Some(&mut |line| println!("{line}")));
        println!("cargo run --release --features cli -- simulate --seed {seed}");
    }
    let seeds: Vec<_> = broken.iter().map(|(seed, _)| seed).collect();
    assert!(broken.is_empty(), "{} of {count} sessions broke an invariant: {seeds:?}", broken.len());
}

/// Sessions that once broke an invariant, with trouble so rare that the first 10,000 have none of it.
#[test]
fn once_broken() {
    let media = Media::make(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("once_broken")).unwrap();
    let seeds = include_str!("once_broken.txt").split_whitespace().map(|seed| seed.parse::<u64>().unwrap());
    let broken: Vec<_> =
        seeds.filter_map(|seed| Some((seed, sessions::play(seed, &media, None).err()?))).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// What was recorded of a session leads to the same outputs, bit for bit.
#[test]
fn recordings() {
    let media = Media::make(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("recordings")).unwrap();
    let (mut bytes, mut outputs) = (0, 0);
    for seed in 0..200 {
        let recording = sessions::record(seed, &media);
        let replayed = replay(&recording, |_, _| {}).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(!replayed.breaks_off && replayed.outputs > replayed.inputs, "seed {seed}: {replayed:?}");
        bytes += recording.len();
        outputs += replayed.outputs;
    }
    println!("200 recordings of {bytes} bytes lead to the same {outputs} outputs");
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
