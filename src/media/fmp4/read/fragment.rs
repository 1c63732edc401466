//! A fragment on its way: its header, its data as they arrive, and what comes of both.

use core::ops::Range;

use super::clock::Clock;
use super::decrypt::{Decryption, Information, Scheme, hide};
use super::framer::Head;
use super::moof::Moof;
use super::movie::{Movie, Track};
use super::place::{Alone, Place, apply, decode_time, shown};
use super::traf::{Sample, Traf};
use crate::crypto::SampleCipher;
use crate::media::event::Fragment;
use crate::media::fmp4::{FragmentBuf, FragmentBuilder, SampleFlags};
use crate::media::{MediaError, SampleKey, TrackKind};
use crate::time::{MediaTime, TimeRange};

/// A `moof` and what has come of its data.
#[derive(Debug)]
pub(super) struct Gathered {
    /// `moof` and what follows it.
    pub(super) data: Vec<u8>,
    pub(super) moof: Moof,
    /// Where it was in its segment.
    pub(super) position: u64,
    /// Where its tracks go, once that is known.
    places: Vec<Place>,
    /// How much longer the header became.
    grown: i64,
    /// Where samples are, from the start of `moof`: in order, each to where it or one before it ends.
    samples: Vec<Range<usize>>,
    /// An `mdat` has begun.
    has_data: bool,
    /// What is said of the samples' encryption, for each track that is encrypted.
    information: Vec<Option<Information>>,
}

/// What one track had of a fragment, in 90 kHz ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) kind: TrackKind,
    /// Where it begins, what is lost of it counted in.
    pub(super) starts: Option<i64>,
    pub(super) range: Option<(i64, i64)>,
    pub(super) first_is_key: bool,
    pub(super) keys: u32,
    pub(super) lost: u64,
}

impl Gathered {
    /// Starts with a whole `moof`.
    pub(super) fn new(data: Vec<u8>, movie: &Movie, position: u64) -> Result<Self, MediaError> {
        let moof = Moof::parse(&data, movie, position)?;
        let mut information = Vec::with_capacity(moof.trafs.len());
        for traf in &moof.trafs {
            let damaged = MediaError::DamagedBox { position, kind: (*b"senc").into() };
            information.push(match protection(traf, movie) {
                Some(_) => Some(Information::gather(traf, &data).ok_or(damaged)?),
                None => None,
            });
        }
        let runs = moof.trafs.iter().flat_map(|traf| &traf.runs).map(|run| run.data.clone());
        let mut samples: Vec<_> = runs.filter(|data| !data.is_empty()).collect();
        samples.sort_unstable_by_key(|data| data.start);
        let mut end = 0;
        for data in &mut samples {
            end = data.end.max(end);
            data.end = end;
        }
        let places = Vec::new();
        Ok(Self { data, moof, position, places, grown: 0, samples, has_data: false, information })
    }

    /// Says whether its samples can be decrypted, where they are encrypted.
    pub(super) fn check_key(&self, movie: &Movie, key: Option<&SampleKey>) -> Result<(), MediaError> {
        for protection in self.moof.trafs.iter().filter_map(|traf| protection(traf, movie)) {
            let (position, scheme) = (self.position, protection.scheme.into());
            if Scheme::of(protection.scheme).is_none() {
                return Err(MediaError::UnsupportedScheme { position, scheme });
            }
            if key.is_none() {
                return Err(MediaError::NoSampleKey { position, scheme });
            }
        }
        Ok(())
    }

    /// A box begins behind the header. One that has samples and is no `mdat` was one before it was damaged: no browser
    /// takes it, and most refuse it.
    pub(super) fn begin_box(&mut self, head: &Head) -> Result<(), MediaError> {
        self.data.extend_from_slice(head.bytes());
        self.has_data |= head.kind == *b"mdat";
        let at = |place: usize| (place as i64).saturating_add(self.grown);
        let start = self.data.len() as i64;
        let content = head.content.map_or(i64::MAX, |content| i64::try_from(content).unwrap_or(i64::MAX));
        let end = start.saturating_add(content);
        let behind = self.samples.partition_point(|data| at(data.end) <= start);
        let has_samples = self.samples.get(behind).is_some_and(|data| at(data.start) < end && start < end);
        if has_samples && head.kind != *b"mdat" {
            return Err(MediaError::DamagedBox { position: head.position, kind: (*b"mdat").into() });
        }
        Ok(())
    }

    /// Whether all data are here. Samples may lie before the end of the last `mdat`.
    pub(super) fn is_complete(&self) -> bool {
        let end = (self.moof.end as i64).saturating_add(self.grown);
        self.has_data && self.data.len() as i64 >= end
    }

    /// The first presentation time of a kind of track on the media's own timeline, in the track's ticks.
    pub(super) fn first_time<'a>(
        &self,
        kind: TrackKind,
        movie: &'a Movie,
        clock: &Clock,
    ) -> Option<(i64, &'a Track)> {
        let (traf, track) = self.moof.trafs.iter().find_map(|traf| {
            let track = movie.tracks.get(traf.track).filter(|track| track.kind == kind)?;
            Some((traf, track))
        })?;
        let time = decode_time(traf, track, clock, None).saturating_add(track.delay);
        Some((shown(traf.samples.first()?, track, time), track))
    }

    /// Puts it on the timeline. `next` is where each track goes on; counts where tracks do not.
    pub(super) fn place(&mut self, movie: &Movie, clock: &Clock, next: &mut [Option<i64>], jumps: &mut u64) {
        let Some(offset) = clock.offset().filter(|_| self.places.is_empty()) else { return };
        for traf in &self.moof.trafs {
            let (Some(track), Some(next)) = (movie.tracks.get(traf.track), next.get_mut(traf.track)) else {
                self.places.push(Place::default());
                continue;
            };
            let start = decode_time(traf, track, clock, *next);
            let length: i64 = traf.samples.iter().map(|sample| i64::from(sample.duration)).sum();
            let longest = traf.samples.iter().map(|sample| i64::from(sample.duration)).max().unwrap_or(0);
            if next.is_some_and(|next| start.saturating_sub(next).saturating_abs() > longest) {
                *jumps = jumps.saturating_add(1);
            }
            *next = Some(start.saturating_add(length));
            self.places.push(Place::new(traf, track, start.saturating_add(track.shift(offset))));
        }
        for (traf, _) in self.moof.trafs.iter().zip(&self.information).filter(|(_, found)| found.is_some()) {
            hide(&traf.auxiliary.atoms, &mut self.data);
        }
        self.grown = apply(&mut self.data, &self.moof, movie, &self.places);
    }

    /// Decrypts what is encrypted.
    pub(super) fn decrypt(
        &mut self,
        movie: &Movie,
        key: Option<&SampleKey>,
        cipher: Option<&SampleCipher>,
    ) -> Result<(), MediaError> {
        let (Some(key), Some(cipher)) = (key, cipher) else { return Ok(()) };
        for (traf, information) in self.moof.trafs.iter().zip(&mut self.information) {
            let (Some(protection), Some(information)) = (protection(traf, movie), information.take()) else {
                continue;
            };
            let Some(scheme) = Scheme::of(protection.scheme) else { continue };
            let information = information.complete(&self.data, self.grown);
            let decryption = Decryption { scheme, protection, key, cipher };
            information
                .and_then(|information| decryption.samples(traf, &information, &mut self.data, self.grown))
                .ok_or(MediaError::DamagedBox { position: self.position, kind: (*b"senc").into() })?;
        }
        Ok(())
    }

    /// What comes of it: samples that go alone, then the rest; and what that was.
    pub(super) fn finish(self, movie: &Movie, out: &mut Vec<Fragment>) -> Vec<Shown> {
        let mut facts = Vec::with_capacity(self.places.len());
        let mut rest: Option<Rest> = None;
        for (traf, place) in self.moof.trafs.iter().zip(&self.places) {
            let Some(track) = movie.tracks.get(traf.track) else { continue };
            for alone in &place.alone {
                out.extend(self.alone(traf, track, alone));
            }
            let first = place.alone.first().and_then(|alone| traf.samples.get(alone.index));
            facts.push(Shown {
                kind: track.kind,
                starts: place.starts.map(|starts| track.ticks(starts)),
                range: place.shown.map(|(from, to)| (track.ticks(from), track.ticks(to))),
                first_is_key: first.map_or(place.key, Sample::is_sync),
                keys: place.keys,
                lost: place.lost,
            });
            let Some((from, to)) = place.rest else { continue };
            // Video's times count, and those of audio where there is none.
            if rest
                .as_ref()
                .is_none_or(|rest| rest.kind == TrackKind::Audio && track.kind == TrackKind::Video)
            {
                let last = traf.samples.last().map_or(0, |sample| i64::from(sample.duration));
                rest = Some(Rest {
                    kind: track.kind,
                    range: range(track, from, to),
                    decoded: range(track, place.decode_time, place.decode_end),
                    last_frame: MediaTime::from_ticks(track.ticks(last)),
                    key: track.kind == TrackKind::Audio || place.key,
                });
            }
        }
        if let Some(Rest { range, decoded, last_frame, key, .. }) = rest {
            let (track, data) = (main_kind(movie), FragmentBuf::from(self.data));
            out.push(Fragment { track, range, decoded, last_frame, starts_with_key_frame: key, data });
        }
        facts
    }

    /// A fragment of one sample.
    fn alone(&self, traf: &Traf, track: &Track, alone: &Alone) -> Option<Fragment> {
        let sample = traf.samples.get(alone.index)?;
        let run = traf.runs.iter().find(|run| run.samples.contains(&alone.index))?;
        let before = traf.samples.get(run.samples.start..alone.index)?;
        let before: i64 = before.iter().map(|sample| i64::from(sample.size)).sum();
        let start = (run.data.start as i64).checked_add(before)?.checked_add(self.grown)?;
        let start = usize::try_from(start).ok()?;
        let payload = self.data.get(start..start.checked_add(usize::try_from(sample.size).ok()?)?)?;

        let mut builder = FragmentBuilder::default();
        builder.payload().extend_from_slice(payload);
        let flags = if sample.is_sync() { SampleFlags::Sync } else { SampleFlags::Dependent };
        let offset = alone.time.saturating_add(track.media_time).saturating_sub(alone.decode_time);
        builder.commit(sample.duration, i32::try_from(offset).unwrap_or(0), flags);
        let decode_time = u64::try_from(alone.decode_time).ok()?;
        let data = builder.seal(traf.track_id, self.moof.sequence, decode_time)?;
        let duration = i64::from(sample.duration);
        let lasts = |from: i64| range(track, from, from.saturating_add(duration));
        Some(Fragment {
            // Only video has samples that go alone.
            track: TrackKind::Video,
            range: lasts(alone.time),
            decoded: lasts(alone.decode_time),
            last_frame: MediaTime::from_ticks(track.ticks(duration)),
            starts_with_key_frame: sample.is_sync(),
            data,
        })
    }
}

/// What goes out in one piece, by its main track.
struct Rest {
    kind: TrackKind,
    range: TimeRange,
    decoded: TimeRange,
    last_frame: MediaTime,
    key: bool,
}

/// How a track's share is protected, if its samples are, or may be.
fn protection<'a>(traf: &Traf, movie: &'a Movie) -> Option<&'a super::protection::Protection> {
    let track = movie.tracks.get(traf.track)?;
    let entry = usize::try_from(traf.defaults.description.checked_sub(1)?).ok()?;
    let protection = track.protections.get(entry)?.as_ref()?;
    (protection.samples.protected || traf.auxiliary.has_groups()).then_some(protection)
}

/// The kind that events go by.
fn main_kind(movie: &Movie) -> TrackKind {
    if movie.has(TrackKind::Video) { TrackKind::Video } else { TrackKind::Audio }
}

/// From zero on: browsers cut off what lies before.
fn range(track: &Track, from: i64, to: i64) -> TimeRange {
    let ticks = |time: i64| MediaTime::from_ticks(track.ticks(time).max(0));
    TimeRange { start: ticks(from), end: ticks(to) }
}
