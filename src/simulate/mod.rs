//! Hosts in virtual time: one plays whole sessions with random trouble ([`sessions`]), the other, described here,
//! measures how well rungs are chosen.
//!
//! The engine is the real one, and so is everything it decides; only the media is left out. An origin serves a generated
//! ladder ([`Ladder`]), a network carries it as a [`Trace`] says, and a media element plays what has arrived. Segments
//! have a size and a length but no bytes: a session of ten minutes in 4K takes milliseconds.
//!
//! | file | is |
//! |---|---|
//! | `trace` | what the network does when |
//! | `network` | requests on it |
//! | `ladder` | what there is to play, and its playlists |
//! | `element` | the media element with its source buffer |
//! | `session` | the engine, and a pipeline that makes nothing out of nothing |
//! | `run` | all of them together |
//! | `score` | what came of it |
//! | `made` | traces and ladders made from a seed, for tests |

mod element;
mod ladder;
pub mod made;
mod network;
mod run;
mod score;
mod session;
pub mod sessions;
mod trace;

pub use ladder::Ladder;
pub use run::{Failure, Setup, run};
pub use score::{Score, Summary};
pub use trace::Trace;

use crate::abr::{Outlook, Rule, baselines};

/// The name of the rule that the player uses.
pub const DEFAULT: &str = "default";

/// A rule by its name on the command line.
pub fn rule(name: &str) -> Option<Box<dyn Rule>> {
    if name == DEFAULT { Some(Box::new(Outlook::default())) } else { baselines::by_name(name) }
}
