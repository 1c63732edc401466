//! `replay`: a recorded session, played again.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Failure;
use cloud_player::engine::Output;
use cloud_player::recording::{self, Happens};

/// Play a recorded session again and compare what comes out with what came out then. A recording holds keys, tokens and
/// media: whoever has it can watch the video.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// The recording
    file: PathBuf,
    /// Write what happens to this file (`-` for standard output); keys, tokens and addresses are left out
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

impl Replay {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let bytes = std::fs::read(&self.file).map_err(|error| Failure::file(&self.file, &error))?;
        let name = self.trace.as_deref().unwrap_or(Path::new("standard output"));
        let mut out: Option<Box<dyn Write>> = match &self.trace {
            None => None,
            Some(file) if file == Path::new("-") => Some(Box::new(std::io::stdout().lock())),
            Some(file) => {
                let opened = std::fs::File::create(file).map_err(|error| Failure::file(file, &error))?;
                Some(Box::new(std::io::BufWriter::new(opened)))
            }
        };
        let mut written = Ok(());
        let result = recording::replay(&bytes, |at, happens| {
            let (Some(out), Ok(())) = (&mut out, &written) else { return };
            let seconds = at.as_micros() as f64 / 1e6;
            written = match happens {
                Happens::Input(input) => writeln!(out, "{seconds:9.3} > {input:?}"),
                Happens::Output(Output::Wake(_)) => Ok(()),
                Happens::Output(output) => writeln!(out, "{seconds:9.3} < {output:?}"),
            };
        });
        let written = written.and_then(|()| out.map_or(Ok(()), |mut out| out.flush()));
        written.map_err(|error| Failure::file(name, &error))?;
        let replayed =
            result.map_err(|error| Failure::usage(&format!("{}: {error}", self.file.display())))?;
        let note = if replayed.breaks_off { "; it breaks off there" } else { "" };
        eprintln!("{} inputs lead to the {} outputs recorded{note}", replayed.inputs, replayed.outputs);
        Ok(())
    }
}
