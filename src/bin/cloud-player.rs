//! The native command line.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cloud-player", version, about = "The player core on the command line")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a playlist's model as JSON
    Inspect(commands::inspect::Inspect),
    /// Turn media segments into one fragmented MP4 file
    Transmux(commands::transmux::Transmux),
    /// Print what is in media segments as JSON
    Probe(commands::probe::Probe),
    /// Play sessions in virtual time: from seeds, with random trouble, or over recorded networks
    Simulate(commands::simulate::Simulate),
    /// Play a recorded session again and compare what comes out
    Replay(commands::replay::Replay),
    /// Decrypt one segment that is encrypted as a whole
    Decrypt(commands::decrypt::Decrypt),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Inspect(command) => command.run(),
        Command::Transmux(command) => command.run(),
        Command::Probe(command) => command.run(),
        Command::Simulate(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Decrypt(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
