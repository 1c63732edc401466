//! `simulate --traces`: the choice of rungs over recorded networks, as one JSON object a session and one for all.
//!
//! A trace is a file `*.csv`, `duration_ms,kbit_per_s,latency_ms` a line; a ladder is a text file with the segment
//! duration in ms, a line of rates in kbit/s from the lowest up, and a line of sizes in bits for each segment.

use core::time::Duration;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::Failure;
use cloud_player::abr::baselines;
use cloud_player::simulate::{self, Ladder, Setup, Summary, Trace};

/// Recorded networks.
#[derive(Debug, clap::Args)]
#[group(id = "recorded", multiple = true)]
pub(super) struct Rungs {
    /// Folder with traces (`*.csv`): scores the choice of rungs over them
    #[arg(long, value_name = "DIR", requires_all = ["ladder", "buffer"], required_unless_present_any = ["seed", "seeds", "sessions"])]
    traces: Option<PathBuf>,
    /// The rungs and the sizes of their segments
    #[arg(long, value_name = "FILE")]
    ladder: Option<PathBuf>,
    /// The most that is buffered, in seconds
    #[arg(long, value_name = "S")]
    buffer: Option<f64>,
    /// The rule
    #[arg(long, value_name = "NAME", default_value = simulate::DEFAULT, value_parser = names())]
    abr: String,
    /// Cut the content into segments of this many seconds instead
    #[arg(long, value_name = "S")]
    segment: Option<f64>,
    /// Only these rungs of the ladder, counted from 0 for the lowest
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    rungs: Vec<usize>,
    /// Multiply all rates of the traces by this
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    scale: f64,
    /// Leave out traces whose mean rate is less than this many times the lowest rung
    #[arg(long, value_name = "FACTOR", default_value_t = 0.0)]
    min_mean: f64,
    /// Only every second trace by name: the first, the third, ... or the second, the fourth, ...
    #[arg(long, value_name = "WHICH", value_parser = ["odd", "even"])]
    only: Option<String>,
    /// Print JSON; without it, a table
    #[arg(long)]
    json: bool,
}

impl Rungs {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let ladder = self.ladder()?;
        let buffer = Duration::try_from_secs_f64(self.buffer.unwrap_or_default())
            .map_err(|_| Failure::usage("--buffer is not a length of time"))?;
        let mut scores = Vec::new();
        for trace in self.traces(&ladder)? {
            let rule = simulate::rule(&self.abr).ok_or_else(|| Failure::usage("no such rule"))?;
            let setup = Setup { trace: &trace, ladder: &ladder, buffer };
            let score = simulate::run(setup, &self.abr, rule)
                .map_err(|failure| Failure::usage(&format!("{}: {failure}", trace.name)))?;
            scores.push(score);
        }
        let summary = Summary::of(&scores).ok_or_else(|| Failure::usage("there is no trace"))?;
        self.print(&scores, &summary).map_err(|error| Failure::file(Path::new("standard output"), &error))
    }

    fn ladder(&self) -> Result<Ladder, Failure> {
        let file = self.ladder.as_deref().unwrap_or(Path::new(""));
        let text = std::fs::read_to_string(file).map_err(|e| Failure::file(file, &e))?;
        let mut ladder =
            Ladder::parse(&text).map_err(|what| Failure::usage(&format!("{}: {what}", file.display())))?;
        if !self.rungs.is_empty() {
            let pick = |all: &[u64]| self.rungs.iter().filter_map(|rung| all.get(*rung).copied()).collect();
            ladder.sizes = ladder.sizes.iter().map(|sizes| pick(sizes)).collect();
            ladder.rates = pick(&ladder.rates);
        }
        let Some(seconds) = self.segment else { return Ok(ladder) };
        let length = Duration::try_from_secs_f64(seconds).ok().filter(|d| *d >= Duration::from_millis(100));
        length.map(|length| ladder.cut(length)).ok_or_else(|| Failure::usage("--segment is too short"))
    }

    fn traces(&self, ladder: &Ladder) -> Result<Vec<Trace>, Failure> {
        let folder = self.traces.as_deref().unwrap_or(Path::new(""));
        let entries = std::fs::read_dir(folder).map_err(|e| Failure::file(folder, &e))?;
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
        files.sort();
        let mut traces = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(|e| Failure::file(&file, &e))?;
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let trace = Trace::parse(&name, &text)
                .map_err(|line| Failure::usage(&format!("{}: line {line} is no period", file.display())))?;
            traces.push(trace.scaled(self.scale));
        }
        let lowest = ladder.rates.first().map_or(0.0, |rate| *rate as f64);
        traces.retain(|trace| trace.mean_rate() >= self.min_mean * lowest);
        let which = self.only.as_deref().map(|which| usize::from(which == "even"));
        let kept = traces.into_iter().enumerate().filter(|(i, _)| which.is_none_or(|which| i % 2 == which));
        Ok(kept.map(|(_, trace)| trace).collect())
    }

    fn print(&self, scores: &[simulate::Score], summary: &Summary) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            for score in scores {
                serde_json::to_writer(&mut out, score)?;
                writeln!(out)?;
            }
            serde_json::to_writer(&mut out, summary)?;
            return writeln!(out);
        }
        writeln!(
            out,
            "{:>7} {:>8} {:>8} {:>8} {:>8}  trace",
            "qoe", "kbit/s", "stall s", "start s", "switches"
        )?;
        for s in scores {
            let (stall, start) = (s.stall_s, s.startup_s);
            writeln!(
                out,
                "{:>7.2} {:>8.0} {stall:>8.2} {start:>8.2} {:>8}  {}",
                s.qoe, s.mean_kbps, s.switches, s.trace
            )?;
        }
        let s = summary;
        writeln!(
            out,
            "{:>7.2} {:>8.0} {:>8.2} {:>8.2} {:>8.1}  all {}, stalled {:.3} %",
            s.qoe, s.mean_kbps, s.stall_s, s.startup_s, s.switches, s.sessions, s.stall_percent
        )
    }
}

fn names() -> Vec<&'static str> {
    core::iter::once(simulate::DEFAULT).chain(baselines::NAMES).collect()
}
