//! `cargo xtask test`: everything that must hold before a change is good.
//!
//! A step is one entry of [`STEPS`]. To add one, write its function and its entry.

use std::time::{Duration, Instant};

use crate::abr;
use crate::build;
use crate::corpora;
use crate::project::{CLI, PRODUCT, Project};
use crate::setup::{self, CHROMEDRIVER, CHROMIUM, FFMPEG, FFPROBE, OPENSSL, PIP, PYTHON, WASM};
use crate::sh::{self, Cmd, Context, Error, Result, say};
use crate::test_miniprogram;

/// Run every check: formatting, lints, docs, native tests, size budget, browser tests, types, mini-program, end to end
///
/// This is what CI runs. Missing programs are installed by apt when run as root on Debian or Ubuntu; otherwise it
/// says what to install. All steps run even if one fails; the exit code tells whether all passed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only this step (and what it needs); may be given several times
    #[arg(long, value_name = "STEP", value_parser = step_names())]
    only: Vec<String>,
    /// Leave this step out; may be given several times
    #[arg(long, value_name = "STEP", value_parser = step_names())]
    skip: Vec<String>,
    /// List the steps
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    about: &'static str,
    /// A step that must have passed before.
    after: Option<&'static str>,
    /// Returns a note for the summary.
    run: fn(&Project) -> Result<String>,
}

const STEPS: [Step; 12] = [
    Step { name: "fmt", about: "rustfmt", after: None, run: fmt },
    Step {
        name: "clippy",
        about: "clippy on everything that runs on this machine",
        after: None,
        run: clippy,
    },
    Step {
        name: "clippy-wasm",
        about: "clippy on the core as it is for pages and for mini-programs",
        after: None,
        run: clippy_wasm,
    },
    Step { name: "doc", about: "rustdoc without a warning", after: None, run: doc },
    Step { name: "native", about: "unit and integration tests on this machine", after: None, run: native },
    Step {
        name: "corpora",
        about: "playlists of other projects, where they are at hand",
        after: None,
        run: corpora::run,
    },
    Step {
        name: "abr",
        about: "the choice of rungs over recorded networks, where they are at hand",
        after: None,
        run: abr::run,
    },
    Step {
        name: "build",
        about: "the WebAssembly build, its size within the budget",
        after: None,
        run: wasm,
    },
    Step { name: "types", about: "tsc --strict over www/", after: Some("build"), run: types },
    Step {
        name: "miniprogram",
        about: "the mini-program component in its simulator, with the origin",
        after: Some("build"),
        run: test_miniprogram::run,
    },
    Step { name: "browser", about: "wasm-bindgen tests in headless Chromium", after: None, run: browser },
    Step { name: "e2e", about: "the page, the origin and Chromium together", after: Some("build"), run: e2e },
];

enum Outcome {
    Passed(String),
    Failed(String),
    Blocked(&'static str),
}

pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let chosen = choose(&args.only, &args.skip);
    if args.list {
        for step in chosen {
            println!("{:<12} {}", step.name, step.about);
        }
        return Ok(());
    }
    let begun = Instant::now();
    let mut results: Vec<(&Step, Outcome, Duration)> = Vec::new();
    for (index, step) in chosen.iter().enumerate() {
        println!("[{}/{}] {}: {}", index + 1, chosen.len(), step.name, step.about);
        let started = Instant::now();
        let broken = results.iter().find(|(done, outcome, _)| {
            step.after == Some(done.name) && !matches!(outcome, Outcome::Passed(_))
        });
        let outcome = match broken {
            Some((done, ..)) => Outcome::Blocked(done.name),
            None => match (step.run)(project) {
                Ok(note) => Outcome::Passed(note),
                Err(error) => Outcome::Failed(error.to_string()),
            },
        };
        say(format_args!("{}, {:.1} s", outcome.shown(), started.elapsed().as_secs_f64()));
        results.push((step, outcome, started.elapsed()));
    }

    println!();
    println!("Summary, {:.0} s in all:", begun.elapsed().as_secs_f64());
    for (step, outcome, took) in &results {
        let line = outcome.shown();
        let line = line.lines().next().unwrap_or_default();
        println!("   {:<12} {:>7.1} s  {line}", step.name, took.as_secs_f64());
    }
    let failed: Vec<_> = results
        .iter()
        .filter(|(_, outcome, _)| !matches!(outcome, Outcome::Passed(_)))
        .map(|r| r.0.name)
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::Failed(format!("not passed: {}", failed.join(", ")))) }
}

impl Outcome {
    fn shown(&self) -> String {
        match self {
            Self::Passed(note) if note.is_empty() => "ok".to_owned(),
            Self::Passed(note) => format!("ok ({note})"),
            Self::Failed(why) => format!("FAILED: {why}"),
            Self::Blocked(by) => format!("FAILED: not run, because {by} did not pass"),
        }
    }
}

/// The steps to run, in order. What a chosen step needs is chosen too, unless it is to be skipped.
fn choose(only: &[String], skip: &[String]) -> Vec<&'static Step> {
    let named = |names: &[String], name: &str| names.iter().any(|n| n == name);
    let needed = |name: &str| STEPS.iter().any(|step| named(only, step.name) && step.after == Some(name));
    STEPS
        .iter()
        .filter(|step| only.is_empty() || named(only, step.name) || needed(step.name))
        .filter(|step| !named(skip, step.name))
        .collect()
}

fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

fn fmt(project: &Project) -> Result<String> {
    setup::component(project, "rustfmt")?;
    project.cargo().args(["fmt", "--all", "--check"]).run("fmt")?;
    Ok(String::new())
}

fn clippy(project: &Project) -> Result<String> {
    setup::component(project, "clippy")?;
    let cargo = project.cargo().args(["clippy", "--workspace", "--features", CLI, "--keep-going"]);
    // The end-to-end tests have `test = false` and must be named.
    cargo.args(["--all-targets", "--test", "e2e", "--", "-D", "warnings"]).run("clippy")?;
    Ok(String::new())
}

fn clippy_wasm(project: &Project) -> Result<String> {
    setup::component(project, "clippy")?;
    setup::wasm_target(project)?;
    let packages = ["clippy", "--package", CORE, "--package", "cloud-player-micro"];
    let args = ["--target", WASM, "--lib", "--test", WEB_TESTS];
    project.cargo().args(packages).args(args).args(["--", "-D", "warnings"]).run("clippy-wasm")?;
    let args = ["clippy", "--package", CORE, "--target", WASM, "--lib", "--features", "miniprogram"];
    project.cargo().args(args).args(["--", "-D", "warnings"]).run("clippy-miniprogram")?;
    Ok(String::new())
}

fn doc(project: &Project) -> Result<String> {
    let cargo = project.cargo().args(["doc", "--workspace", "--features", CLI, "--no-deps", "--keep-going"]);
    cargo.env("RUSTDOCFLAGS", "-D warnings").run("doc")?;
    Ok(String::new())
}

fn native(project: &Project) -> Result<String> {
    setup::tools(project, &[FFMPEG, FFPROBE, OPENSSL])?;
    // Apart, because cargo would build what they share with other features and so twice.
    let mut cargo = project.cargo().arg("test").args(PRODUCT).arg("--no-fail-fast");
    if let Some(folder) = corpora::at_hand(project) {
        cargo = cargo.env(corpora::CORPORA, folder);
    }
    let ours = tests(cargo, "native")?;
    let tool = tests(project.cargo().args(["test", "--package", "xtask"]), "native-xtask")?;
    Ok(format!("{ours}; xtask: {tool}"))
}

fn wasm(project: &Project) -> Result<String> {
    build::run(project, &build::Args { strict: true })?;
    Ok(String::new())
}

fn types(project: &Project) -> Result<String> {
    setup::node(project)?;
    let www = project.www();
    project.cmd("npm").dir(&www).args(["ci", "--no-audit", "--no-fund"]).run("npm-www")?;
    project.cmd("npm").dir(&www).args(["run", "types"]).run("types")?;
    Ok(String::new())
}

fn browser(project: &Project) -> Result<String> {
    setup::tools(project, &[CHROMIUM, CHROMEDRIVER])?;
    setup::wasm_target(project)?;
    let cargo = project.cargo().args(["test", "--package", CORE, "--target", WASM, "--no-fail-fast"]);
    let cargo = cargo.args(["--lib", "--test", WEB_TESTS]);
    // Exactly one driver may be named; any other browser's would win over this one.
    let cargo = cargo.without_env("GECKODRIVER").without_env("SAFARIDRIVER").without_env("MSEDGEDRIVER");
    tests(cargo.env("CHROMEDRIVER", driver()?), "browser")
}

fn e2e(project: &Project) -> Result<String> {
    // All but the browser are for the streams that independent packagers are had to make.
    setup::tools(project, &[CHROMIUM, CHROMEDRIVER, FFMPEG, FFPROBE, PYTHON, PIP])?;
    setup::node(project)?;
    let failures = project.target.join("e2e");
    if failures.exists() {
        std::fs::remove_dir_all(&failures).context(|| format!("empty {}", failures.display()))?;
    }
    let cargo = project.cargo().arg("test").args(PRODUCT).args(["--no-fail-fast", "--test", "e2e"]);
    // Scenarios that only wait are played beside one another, whatever the number of processors.
    let cargo = cargo.env("RUST_TEST_THREADS", "4");
    tests(cargo.env("CHROMEDRIVER", driver()?).env("CLOUD_PLAYER_E2E_OUT", &failures), "e2e").inspect_err(
        |_| {
            say(format_args!("screenshots and console logs of failures: {}", project.shown(&failures)));
        },
    )
}

fn driver() -> Result<std::path::PathBuf> {
    std::env::var_os("CHROMEDRIVER")
        .map(Into::into)
        .or_else(|| sh::which("chromedriver"))
        .ok_or_else(|| Error::Failed("chromedriver is missing".to_owned()))
}

/// Runs tests and counts them: a run that finds no test is a failure, however well it ended.
fn tests(cargo: Cmd, log: &str) -> Result<String> {
    // A backtrace through an async runtime is a page long and says less than the message.
    let (passed, ignored) = count(&cargo.env("RUST_BACKTRACE", "0").run(log)?);
    if passed == 0 {
        return Err(Error::Failed("no test ran".to_owned()));
    }
    Ok(if ignored == 0 { format!("{passed} tests") } else { format!("{passed} tests, {ignored} ignored") })
}

/// Tests passed and ignored, by the result lines of libtest and of wasm-bindgen-test.
fn count(output: &str) -> (u64, u64) {
    let number = |line: &str, word: &str| -> u64 {
        let part = line.split([';', '.']).find_map(|part| part.trim().strip_suffix(word));
        part.and_then(|n| n.trim().parse().ok()).unwrap_or_default()
    };
    output
        .lines()
        .filter(|line| line.contains("test result:"))
        .fold((0, 0), |(p, i), line| (p + number(line, "passed"), i + number(line, "ignored")))
}

const CORE: &str = "cloud-player";
/// The integration tests that are for the browser; the others run natively.
const WEB_TESTS: &str = "web*";

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        choose(&owned(only), &owned(skip)).iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_chosen_step_brings_what_it_needs() {
        assert_eq!(names(&["e2e"], &[]), ["build", "e2e"]);
        assert_eq!(names(&["e2e"], &["build"]), ["e2e"]);
        assert_eq!(names(&[], &[]), step_names());
        assert!(!names(&[], &["doc"]).contains(&"doc"));
    }

    #[test]
    fn a_step_comes_after_what_it_needs() {
        for (index, step) in STEPS.iter().enumerate() {
            let place = |name| STEPS.iter().position(|other| other.name == name);
            assert!(step.after.is_none_or(|name| place(name).is_some_and(|at| at < index)), "{}", step.name);
        }
    }

    #[test]
    fn tests_are_counted_over_all_binaries() {
        let output = "\
            test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            noise\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.10s\n";
        assert_eq!(count(output), (15, 1));
    }
}
