//! A playhead that does not move although it should, and what is done for it.
//!
//! A small hole in front of it is stepped over. With media at hand, which some decoders need a push to go on with, it is
//! helped by steps, each only when the one before has not helped and each noted in the trace: a *nudge*, a hardly
//! visible step on; a *re-seek*, a step on over what may not decode; a *re-append*, the media there removed and loaded
//! again; and at last the whole sink is made anew, which counts as a refusal of media by the browser (`breakdown`).

use core::time::Duration;

use crate::time::{MediaTime, TimeRange, Timestamp};

use super::lane::LaneId;
use super::ranges;
use super::report::GAP;
use super::{Engine, Stage};

/// Where the playhead stands, since when, and what was done for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standstill {
    place: MediaTime,
    since: Timestamp,
    /// Since when there is media at hand for it there.
    fed: Timestamp,
    /// When this was last looked at.
    looked: Timestamp,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Stands,
    Nudged,
    Sought,
    Appended,
}

impl Engine {
    /// Looks whether the playhead stands, and helps it.
    pub(super) fn help_standstill(&mut self, now: Timestamp) {
        let state = self.playhead.state;
        let is_to_move = (!state.paused || state.seeking) && state.rate > 0.0;
        if !is_to_move || !matches!(self.stage, Stage::Open(_)) || self.playhead.heading().is_some() {
            self.stands = None;
            return;
        }
        // It may be about to go on by itself, and word of its position may be late: only one that stood is helped.
        let stands = match self.stands {
            // A laptop that slept, or a page in the background, has not looked for a while: nothing stood meanwhile.
            Some(stands) if stands.place == state.position && now.since(stands.looked) < LOOKS => {
                Standstill { looked: now, ..stands }
            }
            _ => Standstill { place: state.position, since: now, fed: now, looked: now, step: Step::Stands },
        };
        self.stands = Some(stands);
        let stood = now.since(stands.since);
        let buffered = self.sink.buffered();
        if self.playhead.is_starved() && stood >= STOOD && !self.is_loading_for(state.position) {
            let mut behind = buffered.iter().map(|r| r.start).filter(|start| *start > state.position);
            if let Some(to) = behind.next().filter(|start| *start - state.position <= MAX_JUMP) {
                self.reports.trace.note(now, "gap_jumped", &[("ms", millis(to - state.position))]);
                self.stands = None;
                return self.send_to(to);
            }
        }
        let at_hand = ranges::range_at(&buffered, state.position, GAP).map(|r| r.end - state.position);
        let Some(at_hand) = at_hand.filter(|at_hand| *at_hand >= ENOUGH) else {
            // What it waits for has not come yet; time counts from when it has.
            return self.stands = Some(Standstill { fed: now, ..stands });
        };
        // A page that cannot be seen may not be given frames; and the first frame takes its time.
        let patience = if self.playhead.has_started() { 1 } else { 4 };
        if self.visible && now.since(stands.fed) >= stands.step.patience() * patience {
            self.help(now, stands, at_hand);
        }
    }

    /// How long the playhead had stood when it was last looked at.
    pub(super) fn stood(&self) -> Duration {
        self.stands.as_ref().map_or(Duration::ZERO, |stands| stands.looked.since(stands.since))
    }

    /// Whether what belongs there is on its way.
    fn is_loading_for(&self, place: MediaTime) -> bool {
        LaneId::MEDIA.into_iter().any(|lane| self.lanes.lane(lane).serves(place))
    }

    fn help(&mut self, now: Timestamp, Standstill { place, step, .. }: Standstill, at_hand: MediaTime) {
        let (name, to, step) = match step {
            Step::Stands => ("element_nudged", place + NUDGE, Step::Nudged),
            Step::Nudged => ("element_resought", place + SKIP.min(at_hand - NUDGE), Step::Sought),
            Step::Sought => {
                let length =
                    if let Stage::Open(catalog) = &self.stage { catalog.segment_length() } else { ENOUGH };
                self.sink.remove(TimeRange { start: place, end: place + length });
                ("media_reappended", place, Step::Appended)
            }
            Step::Appended => {
                self.stands = None;
                let message = "the media element does not play what it has".to_owned();
                return self.broke_down(now, "element_stalled", message);
            }
        };
        self.reports.trace.note(now, name, &[("ms", millis(place))]);
        self.send_to(to);
        // It is there when it says so; that it moves shows only then.
        self.stands = Some(Standstill { place: to, since: now, fed: now, looked: now, step });
    }
}

impl Step {
    /// How long it may stand after this step.
    fn patience(self) -> Duration {
        match self {
            Self::Stands => Duration::from_millis(1500),
            Self::Nudged => Duration::from_secs(2),
            Self::Sought => Duration::from_secs(4),
            Self::Appended => Duration::from_secs(8),
        }
    }
}

fn millis(time: MediaTime) -> u64 {
    u64::try_from(time.to_duration().as_millis()).unwrap_or(u64::MAX)
}

/// The longest time between two looks at a playhead that is watched.
const LOOKS: Duration = Duration::from_millis(1200);
/// A playhead that has not moved for so long does not move.
const STOOD: Duration = Duration::from_millis(400);
/// The widest hole that is stepped over.
const MAX_JUMP: MediaTime = MediaTime::from_millis(500);
/// An element with less than this at hand may wait for more.
pub(super) const ENOUGH: MediaTime = MediaTime::from_millis(1000);
const NUDGE: MediaTime = MediaTime::from_millis(50);
const SKIP: MediaTime = MediaTime::from_millis(500);
