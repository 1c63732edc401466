//! Which rungs may be chosen: what the page, the size of the element, the decoder and the data budget allow.
//!
//! A rung that the page holds is not subject to any of it, and the page's floor goes before what is limited
//! automatically.

use core::time::Duration;

use crate::abr;
use crate::time::Timestamp;

use super::catalog::Catalog;
use super::io::ElementState;
use super::{Engine, Stage};

/// What limits the choice of rungs, beside the network.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// By the page's wish: the lowest rung, and the highest.
    pub(crate) page: (Option<usize>, Option<usize>),
    /// The element's size in device pixels, if it is known and anything can be seen.
    pub(crate) viewport: Option<(u32, u32)>,
    /// The viewer asked the browser to save data.
    pub(crate) saves_data: bool,
    decoder: Decoder,
}

/// Which rung the decoder could not keep up with.
#[derive(Debug, Default)]
struct Decoder {
    /// When frames were counted, how many there were, and how many of them were dropped.
    counted: Option<(Timestamp, u64, u64)>,
    /// The highest rung, until when.
    cap: Option<(usize, Timestamp)>,
    /// How often it was found overburdened.
    times: u32,
}

impl Limits {
    /// Another ladder comes: what is said in indices of the last one means nothing.
    pub(super) fn leave_ladder(&mut self) {
        self.page = (None, None);
        self.decoder = Decoder::default();
    }
}

impl Engine {
    /// The lowest and the highest rung that may be chosen.
    pub(super) fn allowed(&self, now: Timestamp) -> (usize, usize) {
        let Stage::Open(catalog) = &self.stage else { return (0, usize::MAX) };
        let top = catalog.ladder().len().saturating_sub(1);
        let (floor, cap) = self.limits.page;
        let cap = cap.unwrap_or(top).min(top);
        let floor = floor.unwrap_or(0).min(cap);
        let viewport = self.limits.viewport.filter(|_| self.config.cap_to_viewport);
        let automatic = [
            viewport.and_then(|size| fits(catalog, size)),
            self.budget().map(|rate| affordable(catalog.ladder(), rate)),
            self.limits.decoder.cap.filter(|(_, until)| now < *until).map(|(rung, _)| rung),
        ];
        let cap = automatic.into_iter().flatten().fold(cap, usize::min);
        (floor, cap.max(floor))
    }

    /// The mean rate that may be loaded, in bits per second.
    fn budget(&self) -> Option<f64> {
        let saver = self.limits.saves_data.then_some(SAVER_BUDGET);
        let budget = self.config.data_budget.into_iter().chain(saver).min()?;
        Some(budget as f64 * 8.0 / 3600.0)
    }

    /// Looks whether the decoder keeps up with the rung at the playhead.
    pub(super) fn count_frames(&mut self, now: Timestamp, state: ElementState) {
        let rung = self.playhead.rung().filter(|_| self.visible && !state.paused);
        let decoder = &mut self.limits.decoder;
        let (Some(rung), Some((since, decoded, dropped))) = (rung, decoder.counted) else {
            decoder.counted = rung.map(|_| (now, state.decoded_frames, state.dropped_frames));
            return;
        };
        if now.since(since) < COUNTED_FOR {
            return;
        }
        decoder.counted = Some((now, state.decoded_frames, state.dropped_frames));
        // Both begin again with another source.
        let (Some(decoded), Some(dropped)) =
            (state.decoded_frames.checked_sub(decoded), state.dropped_frames.checked_sub(dropped))
        else {
            return;
        };
        if decoded < ENOUGH_FRAMES || dropped * 5 < decoded || rung == 0 {
            return;
        }
        let rest = FIRST_CAP.saturating_mul(1 << decoder.times.min(5));
        decoder.times += 1;
        decoder.cap = Some((rung - 1, now + rest));
        self.reports.trace.note(now, "decoder_overburdened", &[("rung", rung as u64), ("dropped", dropped)]);
    }

    /// The rung at the playhead changes: frames of two rungs are not counted together.
    pub(super) fn frames_anew(&mut self) {
        self.limits.decoder.counted = None;
    }
}

/// The highest rung that an element of this size has use for: the lowest one that fills it in one direction, and those of
/// its size. `None`: the sizes are not known.
fn fits(catalog: &Catalog, (width, height): (u32, u32)) -> Option<usize> {
    let rungs = || catalog.sizes().enumerate();
    let (_, size) = rungs().find(|(_, (w, h))| *w > 0 && (*w >= width || *h >= height))?;
    rungs().filter(|(_, other)| *other == size).map(|(i, _)| i).last()
}

/// The highest rung that takes no more than this rate; the lowest is always affordable.
fn affordable(ladder: &[abr::Rung], rate: f64) -> usize {
    ladder.iter().rposition(|rung| rung.rate() <= rate).unwrap_or(0)
}

/// Bytes an hour for who saves data: 480p of most ladders.
const SAVER_BUDGET: u64 = 500_000_000;
/// Frames are counted over this time.
const COUNTED_FOR: Duration = Duration::from_secs(10);
/// Fewer say nothing.
const ENOUGH_FRAMES: u64 = 100;
/// A rung that is too much for the decoder is not tried again for this long, then for twice as long each time.
const FIRST_CAP: Duration = Duration::from_secs(60);
