//! `cargo xtask test --only abr`: the choice of rungs over recorded networks, against what it has to reach.
//!
//! The recordings are not part of this repository: a folder with `traces/SET/*.csv` and `ladders/*.txt`. A set's score is
//! given as a share of what a player that knows the future would reach, which was computed once, beside them, as were the
//! shares of public rules in another simulator.

use std::env;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::project::{CLI, Project};
use crate::sh::{Context, Error, Result, say};

/// A set of recordings. Pairs are for 30 s and for 10 s of buffer.
struct Set {
    name: &'static str,
    ladder: &'static str,
    /// What a player that knows the future scores.
    optimum: [f64; 2],
    /// Shares of it in the other simulator, in percent: the best public rule's and BOLA-E's.
    best: [f64; 2],
    bola_e: [f64; 2],
}

impl Set {
    const fn new(
        name: &'static str,
        ladder: &'static str,
        optimum: [f64; 2],
        best: [f64; 2],
        bola_e: [f64; 2],
    ) -> Self {
        Self { name, ladder, optimum, best, bola_e }
    }
}

const SETS: [Set; 5] = [
    Set::new("sabre-lte4g", "bbb4k", [91.05, 86.32], [93.8, 84.5], [87.1, 83.9]),
    Set::new("sabre-fcc-sd", "bbb", [78.62, 68.58], [75.0, 62.5], [74.7, 24.2]),
    Set::new("sabre-fcc-hd", "bbb4k", [63.35, 51.43], [60.5, 56.2], [60.5, 42.8]),
    Set::new("synthetic", "bbb", [76.53, 67.69], [86.8, 73.9], [85.0, 73.9]),
    Set::new("lolp-twitch-belgium", "bbb", [72.38, 69.34], [89.7, 80.5], [89.7, 80.5]),
];
const BUFFERS: [&str; 2] = ["30", "10"];
/// The least mean share of the optimum, in percent.
const SHARES: [f64; 2] = [84.0, 73.0];
/// In points: how far the default may be behind the best public rule on a set, and how far BOLA-E, as it is here, may be
/// from where it is in the other simulator.
const BEHIND: f64 = 2.0;
const APART: f64 = 3.0;
const DEFAULT: &str = "default";
const BOLA_E: &str = "bola-e";
const BASELINES: [&str; 6] = [BOLA_E, "robust-mpc", "dynamic", "throughput", "hls.js", "bba-0"];

#[derive(Deserialize)]
struct Summary {
    qoe: f64,
    stall_percent: f64,
}

/// What was found wrong on the way.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn at_most(&mut self, what: &str, is: f64, goal: f64) {
        if is > goal {
            self.0.push(format!("{what}: {is:.3}, should be {goal:.3} at most"));
        }
    }
}

pub(crate) fn run(project: &Project) -> Result<String> {
    let named = env::var_os(FOLDER).filter(|name| !name.is_empty());
    let folder = project.root.join(named.as_deref().unwrap_or(USUAL.as_ref()));
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
    let program = project.target.join("release/cloud-player");
    let (mut shares, mut findings) = (Vec::new(), Findings::default());
    for (i, (buffer, least)) in BUFFERS.into_iter().zip(SHARES).enumerate() {
        let mut sum = 0.0;
        for set in &SETS {
            sum += set.check(&mut findings, (i, buffer), |rule| {
                set.play(project, (&program, &folder), buffer, rule)
            })?;
        }
        let mean = sum / SETS.len() as f64;
        if mean < least {
            findings.0.push(format!("{buffer} s: {mean:.1} % of the optimum, less than {least}"));
        }
        shares.push(format!("{mean:.1} % of the optimum at {buffer} s"));
    }
    if findings.0.is_empty() { Ok(shares.join(", ")) } else { Err(Error::Failed(findings.0.join("\n"))) }
}

impl Set {
    /// Plays the default and the public rules; the result is the default's share of the optimum.
    fn check(
        &self,
        findings: &mut Findings,
        (i, buffer): (usize, &str),
        play: impl Fn(&str) -> Result<Summary>,
    ) -> Result<f64> {
        let pick = |pair: &[f64; 2]| pair.get(i).copied().unwrap_or(0.0);
        let share = |summary: &Summary| 100.0 * summary.qoe / pick(&self.optimum).max(1.0);
        let name = format!("{buffer} s, {}", self.name);
        let ours = play(DEFAULT)?;
        let mut line =
            format!("{name}: {:.1} %, stalled {:.3} %; public rules:", share(&ours), ours.stall_percent);
        let mut best = pick(&self.best);
        for rule in BASELINES {
            let summary = play(rule)?;
            best = best.max(share(&summary));
            line += &format!(" {rule} {:.1} ({:.3})", share(&summary), summary.stall_percent);
            if rule == BOLA_E {
                let apart = (share(&summary) - pick(&self.bola_e)).abs();
                findings.at_most(&format!("{name}: BOLA-E, points off"), apart, APART);
                let what = format!("{name}: stalled, with BOLA-E's");
                findings.at_most(&what, ours.stall_percent, summary.stall_percent);
            }
        }
        say(&line);
        let behind = best - share(&ours);
        findings.at_most(&format!("{name}: points behind the best public rule"), behind, BEHIND);
        Ok(share(&ours))
    }

    fn play(
        &self,
        project: &Project,
        (program, folder): (&PathBuf, &Path),
        buffer: &str,
        rule: &str,
    ) -> Result<Summary> {
        let play = project.cmd(program).args(["simulate", "--json", "--buffer", buffer, "--abr", rule]);
        let play = play.arg("--traces").arg(folder.join("traces").join(self.name));
        let out = play.arg("--ladder").arg(folder.join(format!("ladders/{}.txt", self.ladder))).read()?;
        let last = out.lines().last().unwrap_or_default();
        serde_json::from_str(last).context(|| format!("summary of {} with {rule}", self.name))
    }
}

const FOLDER: &str = "CLOUD_PLAYER_ABR";
const USUAL: &str = "../shared/abr";
