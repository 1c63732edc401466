//! `cargo xtask test --only abr`: the choice of rungs over recorded networks, against what it has to reach.
//!
//! The recordings are not part of this repository: a folder with `traces/SET/*.csv` and `ladders/*.txt`. A set's score is
//! given as a share of what a player that knows the future would reach, which was computed once, beside them.

use std::env;

use serde::Deserialize;

use crate::project::{CLI, Project};
use crate::sh::{Context, Error, Result, say};

/// A set of recordings.
struct Set {
    name: &'static str,
    ladder: &'static str,
    /// What a player that knows the future scores, with 30 s and with 10 s of buffer.
    optimum: [f64; 2],
    /// The most time, in percent of what is watched, that may be stalled.
    stalled: [f64; 2],
}

const SETS: [Set; 5] = [
    Set { name: "sabre-lte4g", ladder: "bbb4k", optimum: [91.05, 86.32], stalled: [0.15, 0.46] },
    Set { name: "sabre-fcc-sd", ladder: "bbb", optimum: [78.62, 68.58], stalled: [0.10, 1.0] },
    Set { name: "sabre-fcc-hd", ladder: "bbb4k", optimum: [63.35, 51.43], stalled: [0.05, 1.0] },
    Set { name: "synthetic", ladder: "bbb", optimum: [76.53, 67.69], stalled: [0.30, 3.1] },
    Set { name: "lolp-twitch-belgium", ladder: "bbb", optimum: [72.38, 69.34], stalled: [0.02, 0.7] },
];
const BUFFERS: [&str; 2] = ["30", "10"];
/// The least mean share of the optimum, in percent.
const SHARES: [f64; 2] = [84.0, 73.0];

#[derive(Deserialize)]
struct Summary {
    qoe: f64,
    stall_percent: f64,
}

pub(crate) fn run(project: &Project) -> Result<String> {
    let named = env::var_os(FOLDER).filter(|name| !name.is_empty());
    let folder = project.root.join(named.as_deref().unwrap_or(DEFAULT.as_ref()));
    if !folder.join("traces").is_dir() {
        return match named {
            Some(_) => {
                Err(Error::Failed(format!("{FOLDER} names {}, which has no traces", folder.display())))
            }
            None => Ok(format!("SKIPPED, nothing checked: no {}; {FOLDER} may name it", folder.display())),
        };
    }
    let build = ["build", "--release", "--package", "cloud-player", "--features", CLI];
    project.cargo().args(build).args(["--bin", "cloud-player"]).run("abr-build")?;
    let (mut shares, mut wrong) = (Vec::new(), Vec::new());
    for (i, (buffer, least)) in BUFFERS.into_iter().zip(SHARES).enumerate() {
        let mut sum = 0.0;
        for set in &SETS {
            let play = project.cmd(project.target.join("release/cloud-player")).args(["simulate", "--json"]);
            let play = play.arg("--traces").arg(folder.join("traces").join(set.name));
            let ladder = folder.join(format!("ladders/{}.txt", set.ladder));
            let out = play.arg("--ladder").arg(ladder).args(["--buffer", buffer]).read()?;
            let last = out.lines().last().unwrap_or_default();
            let summary: Summary =
                serde_json::from_str(last).context(|| format!("summary of {}", set.name))?;
            let (optimum, stalled) = (set.optimum.get(i).copied(), set.stalled.get(i).copied());
            let share = 100.0 * summary.qoe / optimum.unwrap_or(100.0);
            say(format_args!(
                "{buffer} s, {}: {share:.1} %, stalled {:.3} %",
                set.name, summary.stall_percent
            ));
            sum += share;
            if summary.stall_percent > stalled.unwrap_or(0.0) {
                wrong.push(format!("{buffer} s, {}: stalled {:.3} %", set.name, summary.stall_percent));
            }
        }
        let mean = sum / SETS.len() as f64;
        if mean < least {
            wrong.push(format!("{buffer} s: {mean:.1} % of the optimum, less than {least}"));
        }
        shares.push(format!("{mean:.1} % of the optimum at {buffer} s"));
    }
    if wrong.is_empty() { Ok(shares.join(", ")) } else { Err(Error::Failed(wrong.join("\n"))) }
}

const FOLDER: &str = "CLOUD_PLAYER_ABR";
const DEFAULT: &str = "../shared/abr";
