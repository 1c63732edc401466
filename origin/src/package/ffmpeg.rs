//! Running ffmpeg: in a directory of its own that takes its final name only when all is done.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::fs;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdout, Command};

use super::recipe::Recipe;
use super::{PackageError, multivariant};

pub(super) async fn make(
    recipe: &Recipe,
    directory: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), PackageError> {
    let work = Work::beside(directory)?;
    for rung in &recipe.rungs {
        let path = work.path.join(rung.name);
        fs::create_dir_all(&path).await.map_err(PackageError::file(&path))?;
    }
    run(&recipe.arguments(&work.path), recipe.name, recipe.seconds, progress).await?;
    multivariant::write(recipe, &work.path).await?;
    work.publish(directory).await?;
    progress(&format!("packaged {} in {}", recipe.name, directory.display()));
    Ok(())
}

/// Runs it with these arguments, which make so many seconds of `name`.
pub(super) async fn run(
    arguments: &[String],
    name: &str,
    seconds: u32,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), PackageError> {
    let child = Command::new("ffmpeg")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => PackageError::NoFfmpeg,
        _ => PackageError::Ffmpeg(error.to_string()),
    })?;
    progress(&format!("packaging {name} with ffmpeg, {seconds} s of video"));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ((), words) = tokio::join!(report(name, seconds, stdout, progress), last_words(stderr));
    let status = child.wait().await.map_err(|error| PackageError::Ffmpeg(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(PackageError::Ffmpeg(format!("{status}: {words}"))) }
}

/// Reads ffmpeg's `-progress` lines and passes on every tenth of the whole.
async fn report(name: &str, seconds: u32, stdout: Option<ChildStdout>, progress: &(dyn Fn(&str) + Sync)) {
    let Some(stdout) = stdout else { return };
    let mut lines = BufReader::new(stdout).lines();
    let mut told = 0;
    while let Ok(Some(line)) = lines.next_line().await {
        // The unit is microseconds, whatever the name says.
        let Some(time) = line.strip_prefix("out_time_ms=").and_then(|time| time.parse::<u64>().ok()) else {
            continue;
        };
        let percent = (time / 10_000 / u64::from(seconds.max(1))).min(100) / 10 * 10;
        if percent > told {
            told = percent;
            progress(&format!("packaging {name}: {percent} %"));
        }
    }
}

async fn last_words(stderr: Option<ChildStderr>) -> String {
    let Some(stderr) = stderr else { return String::new() };
    let mut words = Vec::new();
    let mut rest = stderr.take(STDERR_MAX);
    // What could not be read is missing from an error message, no more.
    let _ = rest.read_to_end(&mut words).await;
    let mut more = rest.into_inner();
    let _ = tokio::io::copy(&mut more, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&words).trim().to_owned()
}

/// A directory under construction. It is removed when dropped.
pub(super) struct Work {
    path: PathBuf,
}

impl Work {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn beside(directory: &Path) -> Result<Self, PackageError> {
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|error| PackageError::Ffmpeg(error.to_string()))?;
        let path = directory.with_file_name(format!(".{name}.{}", hex::encode(random)));
        // ffmpeg reads `%` in names as a pattern and has no escape that all its parts know; refuse it here.
        if path.to_string_lossy().contains('%') {
            return Err(PackageError::media(
                path,
                "ffmpeg cannot write below a directory with a % in its name",
            ));
        }
        std::fs::create_dir_all(&path).map_err(PackageError::file(&path))?;
        Ok(Self { path })
    }

    /// Takes the place of `directory`. If another process was first, its work is as good as ours.
    pub(super) async fn publish(self, directory: &Path) -> Result<(), PackageError> {
        let old = self.path.with_extension("old");
        let replaces = fs::rename(directory, &old).await.is_ok();
        let renamed = fs::rename(&self.path, directory).await;
        if replaces {
            // Left over at worst.
            let _ = fs::remove_dir_all(&old).await;
        }
        match renamed {
            Err(_) if directory.join("master.m3u8").is_file() => Ok(()),
            other => other.map_err(PackageError::file(directory)),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Gone already when it was published.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Enough of ffmpeg's complaints to see what is wrong.
const STDERR_MAX: u64 = 4096;
