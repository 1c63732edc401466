//! `cargo xtask bench`: Cloud Player against its peers, in the same browser, network and minute.
//!
//! The harness is not part of this repository: a folder with `run.mjs` (which drives Chromium and shapes the
//! network), `package.json` and `gen-stream.sh`. It is copied under the target folder and set up there once.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::build;
use crate::project::Project;
use crate::setup::{self, CHROMIUM, FFMPEG, OPENSSL};
use crate::sh::{Context, Error, Result, say};
use crate::{bench_choice, bench_media};

/// Measure the built player against other players and print medians and ratios
///
/// Needs the benchmark harness: the folder named by CLOUD_PLAYER_BENCH, else `shared/bench` beside the checkout.
/// Runs are interleaved, a fresh browser each. The first time it generates the media, about six minutes.
///
/// `bench media` measures the media path alone, beside those of hls.js and mux.js, and `bench choice` the choice of a rung;
/// neither needs a harness.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Runs of each player
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Bandwidth in Mbit/s; several, separated by commas; 0 is unthrottled
    #[arg(long, default_value = "5")]
    bw: String,
    /// Round-trip time in ms
    #[arg(long, default_value_t = 50)]
    rtt: u32,
    /// Players, separated by commas; the first is what the others are compared with
    #[arg(long, default_value = "hlsjs,cloudplayer")]
    players: String,
    /// Streams of the harness, separated by commas
    #[arg(long, default_value = "aes/master.m3u8")]
    streams: String,
    /// Seconds to watch after the start
    #[arg(long, default_value_t = 10)]
    watch: u32,
    /// Where to seek to after watching, in seconds, or `none`
    #[arg(long, default_value = "none")]
    seek: String,
    /// Fail if cloudplayer's first frame takes more than this times the first player's
    #[arg(long)]
    max_ratio: Option<f64>,
    /// Media that the harness's gen-stream.sh has made already
    #[arg(long)]
    media: Option<PathBuf>,
}

/// What is measured by itself.
#[derive(Debug, clap::Subcommand)]
enum Part {
    Media(bench_media::Args),
    Choice(bench_choice::Args),
}

/// One run, as the harness writes it; only what is shown here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    player: String,
    stream: String,
    bw: f64,
    run: u32,
    #[serde(default)]
    started: bool,
    first_frame: Option<f64>,
    first_height: Option<f64>,
    #[serde(rename = "bytesFF")]
    bytes_first_frame: Option<f64>,
    stall_ms: Option<f64>,
    task_watch: Option<f64>,
    cpu_watch: Option<f64>,
    failed: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
}

pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    match &args.part {
        Some(Part::Media(args)) => return bench_media::run(project, args),
        Some(Part::Choice(args)) => return bench_choice::run(project, args),
        None => {}
    }
    let harness = harness(project)?;
    setup::tools(project, &[CHROMIUM])?;
    build::module(project)?;
    let bench = prepare(project, &harness)?;
    let media = match &args.media {
        Some(media) => media.canonicalize().context(|| format!("{}", media.display()))?,
        None => media(project, &bench)?,
    };

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let out = bench.join(format!("out/{now}.jsonl"));
    let adapters = project.root.join("benches/peers");
    let mount = format!("/cloudplayer/={}", project.www().display());
    say(format_args!("{} runs of {} at {} Mbit/s, {} ms", args.runs, args.players, args.bw, args.rtt));
    let options = [
        ("--adapter-dir", adapters.display().to_string()),
        ("--mount", mount),
        ("--media", media.display().to_string()),
        ("--players", args.players.clone()),
        ("--streams", args.streams.clone()),
        ("--bw", args.bw.clone()),
        ("--rtt", args.rtt.to_string()),
        ("--runs", args.runs.to_string()),
        ("--watch", args.watch.to_string()),
        ("--seek", args.seek.clone()),
        ("--out", out.display().to_string()),
    ];
    let options = options.iter().flat_map(|(name, value)| [*name, value.as_str()]);
    project.cmd("node").dir(&bench).arg("run.mjs").args(options).run("bench")?;

    let text = fs::read_to_string(&out).context(|| format!("read {}", out.display()))?;
    let runs: Vec<Run> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context(|| format!("{}", out.display()))?;
    let base = args.players.split(',').next().unwrap_or_default();
    let worst = print(&runs, base);
    say(format_args!("every figure: {}", project.shown(&out)));
    verdict(&runs, worst, args.max_ratio)
}

/// Where the harness is.
fn harness(project: &Project) -> Result<PathBuf> {
    let beside = || project.root.parent().map(|folder| folder.join("shared/bench"));
    let folder = env::var_os(HARNESS).map(PathBuf::from).or_else(beside).unwrap_or_default();
    if folder.join("run.mjs").is_file() {
        return Ok(folder);
    }
    Err(Error::Failed(format!("no benchmark harness in {}; set {HARNESS} to its folder", folder.display())))
}

/// Copies the harness where it may be written to, and installs the players that it compares.
fn prepare(project: &Project, harness: &Path) -> Result<PathBuf> {
    setup::node(project)?;
    let bench = project.target.join("bench-peers");
    copy(harness, &bench)?;
    setup::packages(project, &bench)?;
    Ok(bench)
}

/// Copies a folder over another, except what is made in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).context(|| format!("create {}", to.display()))?;
    let entries = fs::read_dir(from).context(|| format!("read {}", from.display()))?;
    for entry in entries {
        let entry = entry.context(|| format!("read {}", from.display()))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if ["node_modules", "media", "out"].iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            // Removed first, because a read-only original makes a read-only copy.
            let _ = fs::remove_file(&target);
            fs::copy(&source, &target).context(|| format!("copy {}", source.display()))?;
        }
    }
    Ok(())
}

/// Generates the media once; a half-made folder is never taken for a whole one.
fn media(project: &Project, bench: &Path) -> Result<PathBuf> {
    let media = bench.join("media");
    if media.is_dir() {
        return Ok(media);
    }
    setup::tools(project, &[FFMPEG, OPENSSL])?;
    say("generating the media, about six minutes on two cores, once");
    let unfinished = bench.join("media.unfinished");
    project.cmd("bash").dir(bench).arg("gen-stream.sh").arg(&unfinished).run("bench-media")?;
    fs::rename(&unfinished, &media).context(|| format!("rename {}", unfinished.display()))?;
    Ok(media)
}

/// Prints medians by stream and bandwidth. Returns the worst ratio of cloudplayer's first frame to the base's.
fn print(runs: &[Run], base: &str) -> Option<f64> {
    let mut cells: BTreeMap<(&str, u64), BTreeMap<&str, Vec<&Run>>> = BTreeMap::new();
    for run in runs {
        // Bandwidths sort as whole bits per second.
        let cell = cells.entry((&run.stream, (run.bw * 1e6) as u64)).or_default();
        cell.entry(&run.player).or_default().push(run);
    }
    let mut worst = None;
    for ((stream, bits), players) in &cells {
        println!();
        println!("{stream}, {} Mbit/s, medians", *bits as f64 / 1e6);
        let heads = ["runs", "first frame", "ratio", "height", "KB to it", "stall ms", "main ms", "CPU ms"];
        print!("{:<14}", "player");
        heads.iter().for_each(|head| print!("{head:>12}"));
        println!();
        for (player, runs) in players {
            let ratio = players.get(base).and_then(|base| ratio(runs, base));
            if *player == "cloudplayer" {
                worst = ratio.into_iter().chain(worst).reduce(f64::max);
            }
            let of =
                |value: fn(&Run) -> Option<f64>| shown(median(runs.iter().filter_map(|run| value(run))), 0);
            let cells = [
                runs.iter().filter(|run| run.started).count().to_string(),
                of(|run| run.first_frame),
                shown(ratio, 2),
                of(|run| run.first_height),
                of(|run| Some(run.bytes_first_frame? / 1e3)),
                of(|run| run.stall_ms),
                of(|run| run.task_watch),
                of(|run| run.cpu_watch),
            ];
            print!("{player:<14}");
            cells.iter().for_each(|cell| print!("{cell:>12}"));
            println!();
        }
    }
    println!();
    worst
}

/// The median of the ratios of first frames that were measured side by side.
fn ratio(runs: &[&Run], base: &[&Run]) -> Option<f64> {
    median(runs.iter().filter_map(|run| {
        let beside = base.iter().find(|other| other.run == run.run)?;
        Some(run.first_frame? / beside.first_frame?)
    }))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied();
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { at(middle) } else { Some((at(middle.checked_sub(1)?)? + at(middle)?) / 2.0) }
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn verdict(runs: &[Run], worst: Option<f64>, limit: Option<f64>) -> Result<()> {
    for run in runs {
        for error in run.failed.iter().chain(&run.errors) {
            say(format_args!("{} run {}: {error}", run.player, run.run));
        }
    }
    let broken = runs.iter().filter(|run| run.failed.is_some() || !run.started).count();
    if broken > 0 {
        return Err(Error::Failed(format!("{broken} of {} runs did not start", runs.len())));
    }
    match (limit, worst) {
        (Some(limit), Some(worst)) if worst > limit => {
            Err(Error::Failed(format!("first frame at {worst:.2} times the base; the limit is {limit}")))
        }
        (Some(_), None) => Err(Error::Failed("no ratio was measured to hold to the limit".to_owned())),
        _ => Ok(()),
    }
}

const HARNESS: &str = "CLOUD_PLAYER_BENCH";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_even_and_none() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0].into_iter()), Some(2.5));
        assert_eq!(median([f64::NAN].into_iter()), None);
    }

    #[test]
    fn ratios_pair_runs_of_the_same_round() {
        let runs: Vec<Run> =
            [("a", 0, 100.0), ("b", 0, 50.0), ("b", 1, 900.0), ("a", 2, 10.0), ("b", 2, 4.0)]
                .into_iter()
                .map(|(player, run, ff)| {
                    let json = format!(
                        r#"{{"player":"{player}","stream":"s","bw":5,"run":{run},"firstFrame":{ff}}}"#
                    );
                    serde_json::from_str(&json).unwrap()
                })
                .collect();
        let of = |player| runs.iter().filter(|run| run.player == player).collect::<Vec<_>>();
        assert_eq!(ratio(&of("b"), &of("a")), Some(0.45));
    }
}
