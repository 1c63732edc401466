//! `cargo xtask test --only corpora`: the command line against playlists and media written by others.
//!
//! The corpora are not part of this repository: a folder with playlists and media, what independent parsers make of
//! them, and `tools/check_*.py`, which compare. What differs must be in [`KNOWN`], with its reason.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::PathBuf;

use crate::project::Project;
use crate::setup::{self, PIP, PYTHON};
use crate::sh::{Context, Error, Result};

pub(crate) fn run(project: &Project) -> Result<String> {
    let named = env::var_os(CORPORA).filter(|name| !name.is_empty());
    let folder = project.root.join(named.as_deref().unwrap_or(DEFAULT.as_ref()));
    if !folder.join(PLAYLISTS).is_file() {
        return match named {
            Some(_) => {
                Err(Error::Failed(format!("{CORPORA} names {}, which has no {PLAYLISTS}", folder.display())))
            }
            None => Ok(format!("SKIPPED, nothing checked: no {}; {CORPORA} may name it", folder.display())),
        };
    }
    setup::tools(project, &[PYTHON, PIP])?;
    let build = ["build", "--release", "--package", "cloud-player", "--features", "cli"];
    project.cargo().args(build).args(["--bin", "cloud-player"]).run("corpora-build")?;
    let libav = libav(project)?;

    let (mut output, mut counts) = (String::new(), Vec::new());
    for (check, unit) in [(PLAYLISTS, "playlists"), (MEDIA, "inputs")] {
        let python = project.cmd("python3").env("PYTHONPATH", &libav).arg(folder.join(check));
        let python = python.arg(project.target.join("release/cloud-player")).arg(&folder);
        // It exits with 1 when anything differs, and Python does when the script itself breaks off.
        let found = python.accept(1).run("corpora")?;
        let end = format!(" {unit} as expected");
        let count = found.lines().rfind(|line| line.contains(&end));
        let count =
            count.ok_or_else(|| Error::Failed(format!("{check} did not come to its end:\n{found}")))?;
        counts.push(count.split(';').next().unwrap_or_default().replace(" as expected", ""));
        output.push_str(&found);
    }

    let known = project.root.join(KNOWN);
    let known = fs::read_to_string(&known).context(|| format!("read {}", known.display()))?;
    verdict(&output, &known, |path| folder.join(path).is_file())?;
    Ok(format!("{} as expected", counts.join(", ")))
}

/// Where Python finds libav, which the media is compared with; installed once, below the target folder.
fn libav(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("python").join(LIBAV);
    if !folder.join("av").is_dir() {
        let pip =
            project.cmd("python3").args(["-m", "pip", "install", "--quiet", "--no-warn-script-location"]);
        pip.arg("--target").arg(&folder).arg(LIBAV).run("corpora-libav")?;
    }
    Ok(folder)
}

/// The folder, absolute, if one is at hand.
pub(crate) fn at_hand(project: &Project) -> Option<PathBuf> {
    let named = env::var_os(CORPORA).filter(|name| !name.is_empty());
    let folder = project.root.join(named.as_deref().unwrap_or(DEFAULT.as_ref()));
    folder.join(PLAYLISTS).is_file().then_some(folder)
}

/// Whether exactly the known differences occurred, of the playlists that are there.
fn verdict(output: &str, known: &str, is_there: impl Fn(&str) -> bool) -> Result<()> {
    let known: BTreeSet<_> =
        known.lines().filter_map(difference).filter(|(_, path)| is_there(path)).collect();
    let found: BTreeSet<_> = output.lines().filter_map(difference).collect();
    let unknown = output.lines().filter(|line| difference(line).is_some_and(|d| !known.contains(&d)));
    let unknown: Vec<_> = unknown.map(str::to_owned).collect();
    let gone = known.difference(&found).map(|(what, path)| format!("no longer: {what} {path}"));
    let wrong: Vec<_> = unknown.into_iter().chain(gone).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::Failed(format!("not as {KNOWN} has it:\n{}", wrong.join("\n"))))
}

/// What happened to which playlist, from a line of the check or of the list.
fn difference(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    let what =
        words.next().filter(|word| ["REFUSED", "DIFFERS", "HUNG", "CRASHED", "FAIL"].contains(word))?;
    Some((what, words.next()?))
}

pub(crate) const CORPORA: &str = "CLOUD_PLAYER_CORPORA";
const DEFAULT: &str = "../shared/corpora";
const PLAYLISTS: &str = "tools/check_playlists.py";
const MEDIA: &str = "tools/check_media.py";
const LIBAV: &str = "av==18.1.0";
const KNOWN: &str = "tests/corpora/known-differences.txt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_may_differ_and_it_must() {
        let known = "# why\n\nREFUSED m3u8/a.m3u8 because\nDIFFERS m3u8/b.m3u8 because\n";
        let all = |_: &str| true;
        let both = "DIFFERS m3u8/b.m3u8 segments.uri got 1 want 2\nREFUSED m3u8/a.m3u8 text\nx {'ok': 1}\n";
        assert!(verdict(both, known, all).is_ok());

        let more = format!("{both}CRASHED m3u8/c.m3u8 101\n");
        let error = verdict(&more, known, all).unwrap_err().to_string();
        assert!(error.ends_with("\nCRASHED m3u8/c.m3u8 101"), "{error}");

        let fewer = "REFUSED m3u8/a.m3u8 text\n";
        let error = verdict(fewer, known, all).unwrap_err().to_string();
        assert!(error.ends_with("\nno longer: DIFFERS m3u8/b.m3u8"), "{error}");
        assert!(verdict(fewer, known, |path| path != "m3u8/b.m3u8").is_ok());

        // The same playlist differing in another way is another difference.
        assert!(verdict("DIFFERS m3u8/a.m3u8\nDIFFERS m3u8/b.m3u8\n", known, all).is_err());
    }
}
