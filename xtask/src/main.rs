//! `cargo xtask`: the one way to build, demonstrate, test and measure Cloud Player.
//!
//! Every subcommand installs what it can by itself (the wasm target, wasm-opt, and on Debian as root the
//! browser), says what it is doing while it does it, and shows a command's output only when that failed.
//! wasm-bindgen and its test runner are linked in as a library, so their version is the one in `Cargo.lock`.

// A host tool: the clock and the threads that the core must not touch are its business.
#![allow(clippy::disallowed_methods)]
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod abr;
mod bench;
mod bench_choice;
mod bench_media;
mod build;
mod corpora;
mod demo;
mod miniprogram;
mod project;
mod setup;
mod sh;
mod size;
mod test;
mod test_miniprogram;

use project::Project;
use sh::Error;

#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", about = "Builds, demonstrates, tests and measures Cloud Player", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Build(build::Args),
    Demo(demo::Args),
    Test(test::Args),
    Bench(bench::Args),
    /// wasm-bindgen, at the version that the crate is pinned to; takes the arguments of the `wasm-bindgen` program
    #[command(disable_help_flag = true)]
    Bindgen(Passed),
    /// The runner that `cargo test --target wasm32-unknown-unknown` calls; takes the arguments of
    /// `wasm-bindgen-test-runner`
    #[command(disable_help_flag = true)]
    TestRunner(Passed),
}

#[derive(Debug, clap::Args)]
struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl Passed {
    fn with_program(self, name: &str) -> impl Iterator<Item = OsString> {
        std::iter::once(OsString::from(name)).chain(self.args)
    }
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    let done = match task {
        Task::Build(args) => Project::find().and_then(|project| build::run(&project, &args)),
        Task::Demo(args) => Project::find().and_then(|project| demo::run(&project, &args)),
        Task::Test(args) => Project::find().and_then(|project| test::run(&project, &args)),
        Task::Bench(args) => Project::find().and_then(|project| bench::run(&project, &args)),
        Task::Bindgen(passed) => {
            wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(passed.with_program("wasm-bindgen"))
                .map_err(|error| Error::Failed(format!("wasm-bindgen: {error:?}")))
        }
        Task::TestRunner(passed) => wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(
            passed.with_program("wasm-bindgen-test-runner"),
        )
        .map_err(|error| Error::Failed(format!("wasm-bindgen-test-runner: {error:?}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
