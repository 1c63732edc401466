//! Whole sessions with random trouble, each from one seed, in virtual time.
//!
//! The session is the real one, and so are its media; the rest of the world is a model: an origin, a network, a media
//! element with Media Source Extensions, a viewer, and what goes wrong with each ([`Scenario`]). After every step the
//! invariants of the session are checked, and one that does not hold is a panic, as in a test, which [`play`] turns into an
//! error that names it. The same seed plays the same session, on any machine.
//!
//! | file | is |
//! |---|---|
//! | `scenario` | what a seed stands for |
//! | `door` | tokens and signatures that end, of seeds from [`FIRST_WITH_DOOR`] on |
//! | `media` | what is played, made by ffmpeg |
//! | `origin` | playlists, segments and keys, and what goes wrong there |
//! | `network` | what carries them |
//! | `element` | the media element and its source buffers |
//! | `fmp4` | reads what is appended to them |
//! | `world` | all of them together, and the invariants |
//! | `random` | the only source of chance |

// A model that does not hold fails as loudly as a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod door;
mod element;
mod fmp4;
mod media;
mod network;
mod origin;
mod random;
mod scenario;
mod world;

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

pub use element::{Element, Track};
pub use media::Media;
pub use network::{Network, Response};
pub use scenario::Scenario;
pub use world::{Note, Summary};

/// Sessions of seeds from here on are those from zero on, behind a door whose tokens and signatures end and are renewed.
pub const FIRST_WITH_DOOR: u64 = door::FIRST;

/// Plays the session of a seed. Everything that happens is handed to `note`, a line each, secrets left out.
///
/// # Errors
/// What did not hold. The panic hook has seen it too, with where it was.
pub fn play<'a>(seed: u64, media: &'a Media, note: Option<Note<'a>>) -> Result<Summary, String> {
    let result = catch_unwind(AssertUnwindSafe(|| world::run(Scenario::new(seed), media, note)));
    result.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().map_or_else(|| "a panic".into(), |text| (*text).into()),
    })
}

/// Plays the session of a seed and gives its [recording](crate::recording). Panics where an invariant breaks.
pub fn record(seed: u64, media: &Media) -> Vec<u8> {
    world::record(Scenario::new(seed), media)
}

/// Plays the sessions of many seeds on all cores. What they came to, and the seeds of those that broke an invariant with
/// what did not hold.
pub fn play_all(seeds: Range<u64>, media: &Media) -> (Totals, Vec<(u64, String)>) {
    let next = AtomicU64::new(seeds.start);
    let outcome: Mutex<(Totals, Vec<_>)> = Mutex::default();
    // What breaks is told below, and once; a panic may tell more when it is played alone.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let result = play(seed, media, None);
                    let mut outcome = outcome.lock().unwrap();
                    match result {
                        Ok(summary) => outcome.0.add(summary),
                        Err(message) => outcome.1.push((seed, message)),
                    }
                }
            });
        }
    });
    std::panic::set_hook(hook);
    let (totals, mut broken) = outcome.into_inner().unwrap();
    broken.sort();
    (totals, broken)
}

/// What sessions came to, together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Steps of their worlds.
    pub steps: u64,
    /// Ended with an error.
    pub fatal: u64,
    /// Played to the end.
    pub ended: u64,
    /// Times that playback stopped for want of media.
    pub stalls: u64,
}

impl Totals {
    fn add(&mut self, summary: Summary) {
        self.steps += u64::from(summary.steps);
        self.fatal += u64::from(summary.fatal);
        self.ended += u64::from(summary.ended);
        self.stalls += u64::from(summary.stalls);
    }
}
