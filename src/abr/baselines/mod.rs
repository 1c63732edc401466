//! Public rules, to measure the default against. Not part of what ships.
//!
//! Where a rule was published with a simulator (Spiteri, Sitaraman, Sparacio: *From Theory to Practice: Improving
//! Bitrate Adaptation in the DASH Reference Player*, MMSys 2018, and its Sabre), it is that version of it.

mod bba;
mod bola_e;
mod dynamic;
mod hls_js;
mod link;
mod robust_mpc;
mod throughput;

pub use bba::Bba0;
pub use bola_e::BolaE;
pub use dynamic::Dynamic;
pub use hls_js::HlsJs;
pub use robust_mpc::RobustMpc;
pub use throughput::ThroughputRule;

use super::Rule;

/// A rule by the name that it goes by on the command line.
pub fn by_name(name: &str) -> Option<Box<dyn Rule>> {
    Some(match name {
        "bba-0" => Box::new(Bba0),
        "bola-e" => Box::new(BolaE::default()),
        "dynamic" => Box::new(Dynamic::default()),
        "hls.js" => Box::new(HlsJs::default()),
        "robust-mpc" => Box::new(RobustMpc::default()),
        "throughput" => Box::new(ThroughputRule::default()),
        _ => return None,
    })
}

/// Every name that [`by_name`] knows.
pub const NAMES: [&str; 6] = ["bba-0", "bola-e", "dynamic", "hls.js", "robust-mpc", "throughput"];
