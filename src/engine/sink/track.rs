//! One source buffer as the engine knows it, and what a source buffer does with what is appended (MSE, coded frame
//! processing and removal).

use std::collections::{BTreeSet, VecDeque};

use crate::media::{Offer, TrackKind};
use crate::time::{MediaTime, TimeRange};

use super::super::io::Payload;
use super::super::ranges;

#[derive(Debug)]
pub(super) struct Track {
    pub(super) kind: TrackKind,
    /// As the source buffer was made.
    pub(super) mime: String,
    /// What may be offered in its place.
    pub(super) others: &'static [Offer],
    pub(super) queue: VecDeque<Op>,
    pub(super) busy: Busy,
    /// Came back for want of room.
    pub(super) full: Option<Media>,
    pub(super) buffered: Vec<TimeRange>,
    /// Where key frames begin, of video: what a removal must end at.
    pub(super) key_frames: BTreeSet<MediaTime>,
    /// What was queued last was forgotten: frames that need it cannot be shown.
    pub(super) orphans: bool,
    /// How often frames were forgotten because those that they need had gone from the source buffer.
    pub(super) forgotten: u32,
    /// What was appended last, unless its end was removed again. Nothing goes on over an init section.
    pub(super) last: Option<Place>,
}

/// Bytes to append.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) data: Payload,
    /// Where they lie; init sections lie nowhere.
    pub(super) place: Option<Place>,
    /// Their first frame needs the one before it. A source buffer leaves it out, and all up to the next key frame, when
    /// that is not what was appended last or is not there any more (MSE, coded frame processing and removal).
    pub(super) follows: bool,
}

/// Where frames lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) shown: TimeRange,
    pub(super) decoded: TimeRange,
    /// How long the one lasts that is decoded last.
    pub(super) last_frame: MediaTime,
}

#[derive(Debug)]
pub(super) enum Op {
    ChangeType(String),
    Append(Media),
    Remove(TimeRange),
}

impl Op {
    pub(super) fn step(&self) -> Option<Step<'_>> {
        match self {
            Self::Append(media) => Some(Step::Append(media)),
            Self::Remove(range) => Some(Step::Remove(*range)),
            Self::ChangeType(_) => None,
        }
    }
}

/// What a track's source buffer is doing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Busy {
    No,
    /// Where, and whether it needs what is before it.
    Appending(Option<Place>, bool),
    Removing(TimeRange),
}

impl Track {
    /// What is in and what is queued, taken in order as the source buffer will.
    pub(super) fn coming(&self) -> Vec<TimeRange> {
        let (mut coming, mut last) = (self.buffered.clone(), self.last);
        match self.busy {
            Busy::Appending(place, _) => {
                coming.extend(place.map(|place| place.shown));
                last = place;
            }
            Busy::Removing(range) => coming = ranges::without(&coming, range),
            Busy::No => {}
        }
        let mut step = |op: Step<'_>| match op {
            Step::Append(Media { place: None, .. }) => last = None,
            Step::Append(Media { place: Some(place), follows, .. }) => {
                if *follows && !leads(&coming, last, place) {
                    last = None;
                } else {
                    last = Some(*place);
                    coming.push(place.shown);
                }
            }
            Step::Remove(range) => {
                coming = ranges::without(&coming, range);
                last = last.filter(|last| !removes(range, last));
            }
        };
        // A removal may pass what found no room.
        let removals = self.queue.iter().take_while(|op| matches!(op, Op::Remove(_))).count();
        self.queue.iter().take(removals).filter_map(Op::step).for_each(&mut step);
        self.full.iter().map(Step::Append).for_each(&mut step);
        self.queue.iter().skip(removals).filter_map(Op::step).for_each(&mut step);
        ranges::union(coming)
    }

    /// The next operation. Frames that the source buffer would leave out are forgotten, with all that need them.
    pub(super) fn next_op(&mut self) -> Option<Op> {
        loop {
            let op = self.queue.pop_front()?;
            match &op {
                Op::Append(Media { place: Some(place), follows: true, .. })
                    if !leads(&self.buffered, self.last, place) =>
                {
                    self.last = None;
                    self.forgotten = self.forgotten.saturating_add(1);
                }
                _ => return Some(op),
            }
        }
    }

    pub(super) fn is_removing(&self) -> bool {
        matches!(self.busy, Busy::Removing(_)) || self.queue.iter().any(|op| matches!(op, Op::Remove(_)))
    }
}

/// What changes what a source buffer has.
pub(super) enum Step<'a> {
    Append(&'a Media),
    Remove(TimeRange),
}

/// Whether these frames go on from what was appended last, and that is among what is there: they do if the first one is
/// decoded within two frames of the last one before it (MSE §3.5.8, "last decode timestamp").
fn leads(there: &[TimeRange], last: Option<Place>, next: &Place) -> bool {
    let start = next.shown.start;
    last.is_some_and(|last| {
        let distance = next.decoded.start - (last.decoded.end - last.last_frame);
        distance >= MediaTime::ZERO - TICK && distance <= last.last_frame + last.last_frame + TICK
    }) && there.iter().any(|range| range.start <= start && start - range.end <= NEAR)
}

/// Whether the frame that ends this goes when that range is removed: if it begins in it (MSE §3.5.9).
pub(super) fn removes(range: TimeRange, last: &Place) -> bool {
    range.contains(last.shown.end - last.last_frame)
}

/// What rounding takes.
const TICK: MediaTime = MediaTime::from_millis(1);
/// What starts this long behind what is there may go on from it.
const NEAR: MediaTime = MediaTime::from_millis(500);
