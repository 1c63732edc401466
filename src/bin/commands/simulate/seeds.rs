//! `simulate --seed`, `--seeds` and `--sessions`: whole sessions with random trouble, the invariants checked.

use core::ops::Range;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::Failure;
use cloud_player::simulate::sessions::{self, Media, Scenario};

/// Sessions from seeds. The media are made by ffmpeg, which must be on the path.
#[derive(Debug, clap::Args)]
#[group(id = "random", multiple = true)]
pub(super) struct Seeds {
    /// Play the session of this seed and print all that happens in it
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "sessions", "recorded"])]
    seed: Option<u64>,
    /// Where to, instead of standard output
    #[arg(long, value_name = "FILE", requires = "seed")]
    trace: Option<PathBuf>,
    /// Record the session to this file, for `replay`
    #[arg(long, value_name = "FILE", requires = "seed", conflicts_with = "trace")]
    record: Option<PathBuf>,
    /// Play the sessions of these seeds on all cores, and print every seed that breaks an invariant
    #[arg(long, value_name = "FROM..TO", value_parser = range, conflicts_with_all = ["sessions", "recorded"])]
    seeds: Option<Range<u64>>,
    /// The same for so many seeds from 0 on
    #[arg(long, value_name = "N", conflicts_with = "recorded")]
    sessions: Option<u64>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let parts = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parts.filter(|range| range.start < range.end).ok_or_else(|| "not FROM..TO, such as 0..1000".into())
}

impl Seeds {
    pub(super) fn are_given(&self) -> bool {
        self.seed.is_some() || self.seeds.is_some() || self.sessions.is_some()
    }

    pub(super) fn run(&self) -> Result<(), Failure> {
        let folder = std::env::temp_dir().join(format!("cloud-player-{}", std::process::id()));
        let media = Media::make(&folder).map_err(|error| Failure::file(&folder, &error))?;
        let Some(seed) = self.seed else { return self.all(&media) };
        if let Some(file) = &self.record {
            let recording = sessions::record(seed, &media);
            return std::fs::write(file, recording).map_err(|error| Failure::file(file, &error));
        }
        let mut out: Box<dyn Write> = match &self.trace {
            Some(file) => {
                let opened = std::fs::File::create(file).map_err(|error| Failure::file(file, &error))?;
                Box::new(std::io::BufWriter::new(opened))
            }
            None => Box::new(std::io::stdout().lock()),
        };
        let mut written = writeln!(out, "{:#?}", Scenario::new(seed));
        let mut note = |line| {
            if written.is_ok() {
                written = writeln!(out, "{line}");
            }
        };
        let result = sessions::play(seed, &media, Some(&mut note));
        let file = self.trace.as_deref().unwrap_or(Path::new("standard output"));
        written.and_then(|()| out.flush()).map_err(|error| Failure::file(file, &error))?;
        let summary = result.map_err(|what| Failure::usage(&format!("seed {seed}: {what}")))?;
        eprintln!("seed {seed}: {summary:?}");
        Ok(())
    }

    fn all(&self, media: &Media) -> Result<(), Failure> {
        let seeds = self.seeds.clone().unwrap_or(0..self.sessions.unwrap_or_default());
        let count = seeds.end - seeds.start;
        // How fast it goes is told, and decides nothing.
        #[allow(clippy::disallowed_methods)]
        let began = std::time::Instant::now();
        let (totals, broken) = sessions::play_all(seeds, media);
        let seconds = began.elapsed().as_secs_f64();
        for (seed, what) in &broken {
            println!("seed {seed}: {what}");
        }
        println!("{count} sessions in {seconds:.1} s, {:.0} a second: {totals:?}", count as f64 / seconds);
        if broken.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(&format!("{} of {count} sessions broke an invariant", broken.len())))
    }
}
