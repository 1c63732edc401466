//! The cues of a text track that the page has, or is about to have.
//!
//! A cue that is in several segments, or in one that was loaded again, is told once; captions that go on over the end of
//! a segment, in parts that touch, are one cue whose end is told anew. How many are kept is bounded: what lies furthest
//! from the playhead goes first, behind it before ahead of it.

use std::collections::VecDeque;

use serde::Serialize;

use crate::media::{Cue, TextTrack};
use crate::time::{MediaTime, TimeRange};

/// A cue as the page gets it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CueInfo {
    /// Names it. One that the page knows is the same cue with another end.
    pub number: u32,
    /// Seconds.
    pub start: f64,
    /// Seconds.
    pub end: f64,
    /// WebVTT's cue identifier; empty if there is none.
    pub id: String,
    /// WebVTT cue settings, as a WebVTT file has them: `line:90% align:start`.
    pub settings: String,
    /// WebVTT cue text, tags included.
    pub text: String,
}

/// Cues with their numbers, by their start.
#[derive(Debug, Default)]
pub(super) struct Cues(VecDeque<(u32, Cue)>);

impl Cues {
    /// Takes a cue in; `number` is for a new one. The result is what the page is to be told.
    pub(super) fn add(&mut self, cue: Cue, number: u32) -> Option<CueInfo> {
        let joins = cue.track != TextTrack::WebVtt;
        let from = cue.range.start - if joins { LONGEST } else { SAME };
        let behind = self.0.partition_point(|(_, known)| known.range.start <= cue.range.start + SAME);
        let near = self.0.range_mut(..behind).rev().take_while(|(_, known)| known.range.start >= from);
        for (number, known) in near.take(MAX_LOOKED_AT) {
            let is_same = (&known.id, &known.settings, &known.text) == (&cue.id, &cue.settings, &cue.text);
            if is_same && known.range.end.abs_diff(cue.range.end) <= SAME && !joins {
                return None;
            }
            if is_same && joins && known.range.end + SAME >= cue.range.start {
                if cue.range.end <= known.range.end + SAME {
                    return None;
                }
                known.range.end = cue.range.end;
                return Some(info(*number, known));
            }
        }
        let told = info(number, &cue);
        let place = self.0.partition_point(|(_, known)| known.range.start <= cue.range.start);
        self.0.insert(place, (number, cue));
        Some(told)
    }

    /// All of them.
    pub(super) fn infos(&self) -> Vec<CueInfo> {
        self.0.iter().map(|(number, cue)| info(*number, cue)).collect()
    }

    /// Removes a cue that is too many, with `place` at the playhead; the result is its number.
    pub(super) fn too_many(&mut self, place: MediaTime) -> Option<u32> {
        if self.0.len() <= MAX_CUES {
            return None;
        }
        let first = self.0.front().is_some_and(|(_, cue)| cue.range.end + KEPT_BEHIND < place);
        let gone = if first { self.0.pop_front() } else { self.0.pop_back() };
        gone.map(|(number, _)| number)
    }

    /// Where none is missing that was too many; `None`: anywhere.
    pub(super) fn complete_in(&self) -> Option<TimeRange> {
        let (start, end) = (self.0.front()?.1.range.start, self.0.back()?.1.range.start);
        (self.0.len() >= MAX_CUES).then_some(TimeRange { start, end })
    }
}

fn info(number: u32, cue: &Cue) -> CueInfo {
    CueInfo {
        number,
        start: cue.range.start.as_secs(),
        end: cue.range.end.as_secs(),
        id: cue.id.clone(),
        settings: cue.settings.clone(),
        text: cue.text.clone(),
    }
}

/// Times this close are the same: segments round them each in their own way.
const SAME: MediaTime = MediaTime::from_millis(2);
/// Captions that began longer ago are not looked for.
const LONGEST: MediaTime = MediaTime::from_millis(60_000);
/// Cues that are looked at for each new one.
const MAX_LOOKED_AT: usize = 64;
/// Cues of a track: more than a film has.
const MAX_CUES: usize = 2500;
/// What is so far behind the playhead may go.
const KEPT_BEHIND: MediaTime = MediaTime::from_millis(30_000);

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(track: TextTrack, from_ms: i64, to_ms: i64, text: &str) -> Cue {
        let range = TimeRange { start: MediaTime::from_millis(from_ms), end: MediaTime::from_millis(to_ms) };
        Cue { track, range, id: String::new(), settings: String::new(), text: text.into() }
    }

    #[test]
    fn a_cue_of_two_segments_is_told_once() {
        let mut cues = Cues::default();
        let vtt = |from, to, text| cue(TextTrack::WebVtt, from, to, text);
        assert!(cues.add(vtt(1000, 3000, "a"), 0).is_some());
        assert_eq!(cues.add(vtt(1001, 2999, "a"), 1), None, "rounded in another way");
        assert!(cues.add(vtt(1000, 3000, "b"), 2).is_some(), "another text at the same time");
        assert!(cues.add(vtt(3000, 4000, "a"), 3).is_some(), "the same words again");
        assert_eq!(cues.infos().len(), 3);
    }

    #[test]
    fn captions_in_parts_are_one_cue() {
        let mut cues = Cues::default();
        let part = |from, to| cue(TextTrack::Cea608(1), from, to, "a");
        assert!(cues.add(part(1000, 4000), 0).is_some());
        let longer = cues.add(part(4000, 6000), 1).unwrap();
        assert_eq!((longer.number, longer.start, longer.end), (0, 1.0, 6.0));
        assert_eq!(cues.add(part(4000, 6000), 2), None, "loaded again");
        assert!(cues.add(part(6500, 7000), 3).is_some(), "shown again");
    }

    #[test]
    fn what_is_too_many_goes_from_behind_and_then_from_ahead() {
        let mut cues = Cues::default();
        for n in 0..=i64::try_from(MAX_CUES).unwrap() {
            let number = u32::try_from(n).unwrap();
            assert!(cues.add(cue(TextTrack::WebVtt, n * 1000, n * 1000 + 500, "a"), number).is_some());
        }
        let at = |s: i64| MediaTime::from_millis(s * 1000);
        assert_eq!(cues.too_many(at(100)), Some(0));
        assert_eq!(cues.too_many(at(100)), None);
        assert!(cues.add(cue(TextTrack::WebVtt, 1_000_500, 1_000_600, "a"), 9999).is_some());
        assert_eq!(cues.too_many(at(5)), Some(u32::try_from(MAX_CUES).unwrap()));
    }
}
