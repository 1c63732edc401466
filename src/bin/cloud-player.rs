//! The native command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cloud_player::cli;

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Inspect(cli::inspect::Args),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Inspect(args) => cli::inspect::run(&args),
    };
    if let Err(error) = result {
        eprintln!("cloud-player: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
