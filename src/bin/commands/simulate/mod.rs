//! `simulate`: sessions in virtual time, from seeds with random trouble, or over recorded networks.

mod rungs;
mod seeds;

use super::Failure;

/// Play sessions in virtual time: from seeds, with random trouble, or over recorded networks.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    seeds: seeds::Seeds,
    #[command(flatten)]
    rungs: rungs::Rungs,
}

impl Simulate {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        if self.seeds.are_given() { self.seeds.run() } else { self.rungs.run() }
    }
}
