//! Runs other programs and tells what they are doing.
//!
//! A command's output goes to a log file. On a terminal its last line shows while it runs; elsewhere a line a
//! minute says that it is alive. The output is printed only if the command fails.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a task stopped; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("{what}: {source}")]
    Json { what: String, source: serde_json::Error },
    #[error("{0}")]
    Failed(String),
}

/// Says what an I/O error was about.
pub(crate) trait Context<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io { what: what(), source })
    }
}

impl<T> Context<T> for serde_json::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Json { what: what(), source })
    }
}

/// One line that tells what happens next.
pub(crate) fn say(line: impl std::fmt::Display) {
    println!("   {line}");
}

/// A command to run.
#[derive(Debug)]
pub(crate) struct Cmd {
    command: Command,
    logs: PathBuf,
    accepted: Option<i32>,
}

impl Cmd {
    pub(crate) fn new(program: impl Into<OsString>, dir: &Path, logs: &Path) -> Self {
        let mut command = Command::new(program.into());
        command.current_dir(dir).stdin(Stdio::null());
        Self { command, logs: logs.to_owned(), accepted: None }
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Has [`Cmd::run`] take this exit code for a success too.
    pub(crate) fn accept(mut self, code: i32) -> Self {
        self.accepted = Some(code);
        self
    }

    /// Runs it without a word and returns its standard output, trimmed. `Err` if it cannot be run or fails.
    pub(crate) fn read(mut self) -> Result<String> {
        let shown = self.shown();
        let out = self.command.output().context(|| shown.clone())?;
        if !out.status.success() {
            let text = String::from_utf8_lossy(&out.stderr);
            return Err(Error::Failed(format!("{shown}: {}\n{}", ended(out.status), text.trim_end())));
        }
        Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    }

    /// Leaves the running program to the caller, its output going where ours goes.
    pub(crate) fn spawn(mut self) -> Result<std::process::Child> {
        let shown = self.shown();
        self.command.spawn().context(|| shown)
    }

    /// Runs it, telling so, and returns all its output. `log` names the log file.
    pub(crate) fn run(mut self, log: &str) -> Result<String> {
        let shown = self.shown();
        say(format_args!("$ {shown}"));
        let begun = Instant::now();
        fs::create_dir_all(&self.logs).context(|| format!("create {}", self.logs.display()))?;
        let path = self.logs.join(log).with_extension("log");
        let mut file = File::create(&path).context(|| format!("create {}", path.display()))?;

        let (reader, writer) = io::pipe().context(|| "pipe".to_owned())?;
        let second = writer.try_clone().context(|| "pipe".to_owned())?;
        self.command.stdout(writer).stderr(second);
        let mut child = self.command.spawn().context(|| shown.clone())?;
        // Our ends of the pipe must go, or the reader never sees its end.
        drop(self.command);

        let (lines, received) = mpsc::channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                if lines.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });

        let mut progress = Progress::new();
        let mut output = String::new();
        let mut exited = None;
        let status = loop {
            match received.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    writeln!(file, "{line}").context(|| format!("write {}", path.display()))?;
                    progress.line(&line);
                    output.push_str(&line);
                    output.push('\n');
                }
                // Something that it started may outlive it and hold the pipe: silence after its end is the end.
                Err(RecvTimeoutError::Timeout) => match exited {
                    Some(status) => break status,
                    None => exited = child.try_wait().context(|| shown.clone())?,
                },
                Err(RecvTimeoutError::Disconnected) => break child.wait().context(|| shown.clone())?,
            }
            progress.tick();
        };
        progress.clear();
        if status.success() || self.accepted.is_some_and(|code| status.code() == Some(code)) {
            return Ok(output);
        }
        println!("{}", tail(&output, FAILURE_LINES));
        let seconds = begun.elapsed().as_secs_f64();
        Err(Error::Failed(format!(
            "{shown}: {} after {seconds:.1} s (log: {})",
            ended(status),
            path.display()
        )))
    }

    fn shown(&self) -> String {
        let program = Path::new(self.command.get_program()).file_name().unwrap_or_default();
        let mut shown = program.to_string_lossy().into_owned();
        for arg in self.command.get_args() {
            shown.push(' ');
            // A script given on the command line is not for reading here.
            let text = arg.to_string_lossy();
            shown.push_str(if text.contains('\n') { "…" } else { &text });
        }
        shown
    }
}

/// Whether a program is on `PATH`, and where.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn ended(status: ExitStatus) -> String {
    status.code().map_or_else(|| format!("ended by a signal ({status})"), |code| format!("exit code {code}"))
}

/// The last `lines` lines of a text, with a note where it was cut. What cargo says of its progress is left out.
fn tail(text: &str, lines: usize) -> String {
    let mut kept = VecDeque::with_capacity(lines);
    let mut dropped = 0;
    let progress = |line: &&str| {
        ["Compiling ", "Checking ", "Downloaded "].iter().any(|p| line.trim_start().starts_with(p))
    };
    for line in text.lines().filter(|line| !progress(line)) {
        if kept.len() == lines {
            kept.pop_front();
            dropped += 1;
        }
        kept.push_back(line);
    }
    let mut out =
        if dropped == 0 { String::new() } else { format!("… {dropped} lines before these …\n") };
    out.extend(kept.into_iter().flat_map(|line| [line, "\n"]));
    out.trim_end().to_owned()
}

/// Shows that a command is alive.
struct Progress {
    terminal: bool,
    begun: Instant,
    told: Instant,
    last: String,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Self { terminal: io::stdout().is_terminal(), begun: now, told: now, last: String::new() }
    }

    fn line(&mut self, line: &str) {
        let printable = line.chars().filter(|c| !c.is_control());
        let shown: String = printable.take(90).collect();
        if !shown.trim().is_empty() {
            self.last = shown;
        }
    }

    fn tick(&mut self) {
        let every = if self.terminal { Duration::from_millis(200) } else { Duration::from_secs(60) };
        if self.told.elapsed() < every {
            return;
        }
        self.told = Instant::now();
        let seconds = self.begun.elapsed().as_secs();
        if self.terminal {
            print!("\r\x1b[K     {seconds} s: {}", self.last.trim());
            let _ = io::stdout().flush();
        } else {
            say(format_args!("  … {seconds} s: {}", self.last.trim()));
        }
    }

    fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[K");
            let _ = io::stdout().flush();
        }
    }
}

/// How much of a failed command's output is printed; the log has all of it.
const FAILURE_LINES: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Cmd {
        let dir = std::env::temp_dir();
        Cmd::new("sh", &dir, &dir.join(format!("xtask-test-{}", std::process::id()))).args(["-c", script])
    }

    #[test]
    fn output_of_both_streams_is_kept_in_order() {
        assert_eq!(sh("echo one; echo two >&2; echo three").run("order").unwrap(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_failure_names_the_command_and_its_exit_code() {
        let error = sh("exit 3").run("fails").unwrap_err().to_string();
        assert!(error.contains("sh -c exit 3: exit code 3"), "{error}");
    }

    #[test]
    fn an_exit_code_may_be_accepted() {
        assert_eq!(sh("echo out; exit 1").accept(1).run("accepted").unwrap(), "out\n");
        assert!(sh("exit 2").accept(1).run("other").is_err());
    }

    #[test]
    fn a_program_left_behind_does_not_hold_us_up() {
        let begun = Instant::now();
        let output = sh("sleep 20 & echo $!").run("orphan").unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10));
        sh(&format!("kill {}", output.trim())).read().unwrap();
    }

    #[test]
    fn a_long_output_is_cut_at_the_front() {
        assert_eq!(tail("a\nb\nc\n", 2), "… 1 lines before these …\nb\nc");
        assert_eq!(tail("a\n   Compiling x v1\nb\n", 2), "a\nb");
    }
}
