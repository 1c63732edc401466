//! Puts a fragment on the presentation timeline by changing its header, and nothing else of it.
//!
//! In nearly all cases the decode time (`tfdt`) is overwritten where it stands. The header is written anew, with the
//! samples' entries as they were, where that is not enough: a time that does not fit (`tfdt` of version 0) or is not
//! there, offsets from the start of a file (which MSE forbids), samples that do not stay.
//!
//! **Before zero.** Decode times cannot be negative. Audio that starts before zero is dropped: sync counts for more
//! than the first milliseconds. Video at the start of a presentation is decoded before it, if it has B-frames and no
//! edit list; what follows needs it. So those samples go out in fragments of their own at 0, 1, 2 ... ticks and are
//! shown when they should be; those that would be shown before zero go too, or are dropped where they lead the key frame
//! that is decoded before them (nothing later refers to them).

use super::atom::put;
use super::clock::{Clock, unwrap32};
use super::moof::Moof;
use super::movie::{Movie, Track};
use super::rewrite::rewrite;
use super::traf::{BASE_DATA_OFFSET, DATA_OFFSET, DEFAULT_BASE_IS_MOOF, Sample, Traf};
use crate::media::TrackKind;

/// Where a track's share of a fragment goes. Times are in the track's ticks, on the presentation's timeline.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// When the first sample that stays is decoded.
    pub(super) decode_time: i64,
    /// When the last sample has been.
    pub(super) decode_end: i64,
    /// Samples in front of that one.
    pub(super) head: usize,
    /// Those of them that go out by themselves.
    pub(super) alone: Vec<Alone>,
    /// Those that are lost.
    pub(super) lost: u64,
    /// When the first one is to be shown, which may be lost.
    pub(super) starts: Option<i64>,
    /// When samples are shown: the first one of all that stay or go alone, and all of them.
    pub(super) shown: Option<(i64, i64)>,
    /// Whether the first one that stays can be decoded by itself.
    pub(super) key: bool,
    /// How many that are shown can.
    pub(super) keys: u32,
    /// What stays, when it is shown.
    pub(super) rest: Option<(i64, i64)>,
}

/// A sample in a fragment of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alone {
    pub(super) index: usize,
    pub(super) decode_time: i64,
    /// When it is shown.
    pub(super) time: i64,
}

/// When the first sample of a track's share is decoded, on the media's own timeline. `next` is where the share before
/// ended.
pub(super) fn decode_time(traf: &Traf, track: &Track, clock: &Clock, next: Option<i64>) -> i64 {
    match (&traf.tfdt, clock.expected(track)) {
        (Some(tfdt), Some(near)) if !tfdt.wide => unwrap32(tfdt.time, near),
        (Some(tfdt), _) => tfdt.time,
        (None, near) => next.or(near).unwrap_or(0).max(0),
    }
}

impl Place {
    /// `start` is when the first sample is decoded.
    pub(super) fn new(traf: &Traf, track: &Track, start: i64) -> Self {
        let head = match track.kind {
            TrackKind::Video => video_head(traf, track, start),
            TrackKind::Audio => times(traf, start).take_while(|&(_, time)| time < 0).count(),
        };
        let mut place = Self { head, ..Self::default() };
        let step = step(track);
        let mut key_shown = None;
        for (index, (sample, time)) in times(traf, start).enumerate() {
            let shown = shown(sample, track, time);
            let last = shown.saturating_add(i64::from(sample.duration));
            place.starts = Some(place.starts.map_or(shown, |starts| starts.min(shown)));
            if index >= head {
                if index == head {
                    place.decode_time = time;
                    place.key = sample.is_sync();
                }
                place.decode_end = time.saturating_add(i64::from(sample.duration));
                place.rest = Some(join(place.rest, shown, last));
            } else {
                let floor = i64::try_from(index).unwrap_or(0).saturating_mul(step);
                let leads = shown < 0 && !sample.is_sync() && key_shown.is_some_and(|key| key >= 0);
                if sample.is_sync() {
                    key_shown = Some(shown);
                }
                if track.kind == TrackKind::Audio || leads || head.saturating_sub(index) > MAX_ALONE {
                    place.lost = place.lost.saturating_add(1);
                    continue;
                }
                place.alone.push(Alone { index, decode_time: time.max(floor), time: shown.max(0) });
            }
            place.shown = Some(join(place.shown, shown, last));
            place.keys = place.keys.saturating_add(u32::from(sample.is_sync()));
        }
        // Nothing of it is shown.
        if place.shown.is_some_and(|(_, end)| end <= 0) {
            let all = traf.samples.len();
            place = Self { head: all, lost: all as u64, starts: place.starts, ..Self::default() };
        }
        place
    }
}

/// Samples at the front of a track's share that cannot stay: up to the last one that is decoded too early or shown
/// before zero.
fn video_head(traf: &Traf, track: &Track, start: i64) -> usize {
    let step = step(track);
    let mut head = 0;
    for (index, (sample, time)) in times(traf, start).enumerate() {
        let floor = i64::try_from(index).unwrap_or(0).saturating_mul(step);
        if time < floor.max(0) || shown(sample, track, time) < 0 {
            head = index.saturating_add(1);
        } else if index > head.saturating_add(MAX_ALONE) {
            break;
        }
    }
    head
}

/// Samples and when they are decoded.
fn times(traf: &Traf, start: i64) -> impl Iterator<Item = (&Sample, i64)> {
    traf.samples.iter().scan(start, |time, sample| {
        let now = *time;
        *time = time.saturating_add(i64::from(sample.duration));
        Some((sample, now))
    })
}

/// When a sample is shown.
pub(super) fn shown(sample: &Sample, track: &Track, time: i64) -> i64 {
    time.saturating_add(sample.composition_offset).saturating_sub(track.media_time)
}

/// How far apart samples are decoded that come too early. A coarse timescale has no room for them.
fn step(track: &Track) -> i64 {
    i64::from(track.timescale >= 10_000)
}

fn join(range: Option<(i64, i64)>, start: i64, end: i64) -> (i64, i64) {
    range.map_or((start, end), |(from, to)| (from.min(start), to.max(end)))
}

/// Changes the header at the start of a fragment. Returns how many bytes it is longer now.
pub(super) fn apply(data: &mut Vec<u8>, moof: &Moof, movie: &Movie, places: &[Place]) -> i64 {
    let in_place = moof.trafs.iter().zip(places).all(|(traf, place)| stays(traf, place));
    if !in_place {
        let header = rewrite(data, moof, movie, places);
        let grown = header.len() as i64 - moof.length as i64;
        data.splice(..moof.length.min(data.len()), header);
        return grown;
    }
    for atom in &moof.foreign {
        atom.neutralize(data);
    }
    for (traf, place) in moof.trafs.iter().zip(places) {
        if let Some(tfdt) = &traf.tfdt {
            let at = tfdt.atom.body.start.saturating_add(4);
            match u32::try_from(place.decode_time) {
                Ok(time) if !tfdt.wide => put(data, at, &time.to_be_bytes()),
                _ => put(data, at, &place.decode_time.to_be_bytes()),
            }
        }
        if traf.flags & DEFAULT_BASE_IS_MOOF == 0 {
            let flags = traf.flags | DEFAULT_BASE_IS_MOOF;
            put(data, traf.tfhd.body.start, &flags.to_be_bytes());
            for run in traf.runs.iter().filter(|run| run.flags & DATA_OFFSET != 0) {
                let offset = u32::try_from(run.data.start).unwrap_or(0);
                put(data, run.atom.body.start.saturating_add(8), &offset.to_be_bytes());
            }
        }
    }
    0
}

/// Whether a track's share needs no more than another time.
fn stays(traf: &Traf, place: &Place) -> bool {
    let fits = |wide: bool| wide || u32::try_from(place.decode_time).is_ok();
    place.head == 0
        && traf.flags & BASE_DATA_OFFSET == 0
        && traf.tfdt.as_ref().is_some_and(|tfdt| fits(tfdt.wide))
        && traf.runs.first().is_some_and(|run| run.flags & DATA_OFFSET != 0)
}

/// Samples that may go out by themselves: decoders hold back 16 pictures at most.
const MAX_ALONE: usize = 64;
