//! `cargo xtask bench choice`: what the choice of a rung costs in WebAssembly, in Node.
//!
//! What runs is in `benches/micro/`. Natively a unit test of `src/abr/outlook.rs` counts steps instead.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::bench_media;
use crate::project::Project;
use crate::setup;
use crate::sh::{Context, Error, Result};

/// Measure what the player's rule takes of a worker's time, with ten rungs and 30 s of buffer
///
/// Fails if a decision takes more than 0.2 ms, by the median.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Decisions
    #[arg(long, default_value_t = 600)]
    rounds: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    table: BTreeMap<String, Times>,
    given_up: u32,
}

/// Milliseconds.
#[derive(Debug, Deserialize)]
struct Times {
    median: f64,
    p95: f64,
    coldest: f64,
}

pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    setup::node(project)?;
    let out = project.target.join("micro/out");
    bench_media::module(project, &out)?;
    let script = project.root.join("benches/micro/choice.mjs");
    let work = json!({ "rounds": args.rounds }).to_string();
    let json = project.cmd("node").arg(script).arg(&out).arg(work).read()?;
    let measured: Measured = serde_json::from_str(&json).context(|| "what choice.mjs measured".to_owned())?;
    println!("ms{:>31}{:>10}{:>10}", "median", "95 %", "coldest");
    for (what, times) in &measured.table {
        println!("{what:<23}{:>10.3}{:>10.3}{:>10.3}", times.median, times.p95, times.coldest);
    }
    println!("downloads given up: {}", measured.given_up);
    let slow = ["choose", "think"].iter().filter_map(|what| Some((what, measured.table.get(*what)?.median)));
    let slow: Vec<_> = slow.filter(|(_, median)| *median > LONGEST).collect();
    if slow.is_empty() { Ok(()) } else { Err(Error::Failed(format!("more than {LONGEST} ms: {slow:?}"))) }
}

/// Milliseconds.
const LONGEST: f64 = 0.2;
