//! The engine's side of the sink: what is to be appended, what is under way, what is buffered.
//!
//! Media Source Extensions takes one operation a source buffer at a time, wants every source buffer made before the
//! first append and none busy when the duration is set or the stream is ended. All of that order is kept here, so
//! that a host only carries out commands.

use std::collections::{BTreeSet, VecDeque};

use crate::media::{Fragment, InitSection, TrackKind};
use crate::time::{MediaTime, TimeRange};

use super::io::{NewTrack, Payload, SinkCommand};
use super::ranges;

mod track;

use track::{Busy, Media, Op, Place, Track, removes};

/// Some of the tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracks {
    All,
    Audio,
    AllButAudio,
    None,
}

impl Tracks {
    fn has(self, kind: TrackKind) -> bool {
        match self {
            Self::All => true,
            Self::Audio => kind == TrackKind::Audio,
            Self::AllButAudio => kind != TrackKind::Audio,
            Self::None => false,
        }
    }
}

/// The sink as the engine knows it.
#[derive(Debug)]
pub(crate) struct SinkLink {
    state: State,
    tracks: Vec<Track>,
    /// The kinds that must have shown their type before the source buffers are made; `None` while unknown.
    expected: Option<Vec<TrackKind>>,
    /// A duration that the sink has not been told yet.
    duration: Option<MediaTime>,
    /// A seekable range of a live presentation that the sink has not been told yet.
    live_range: Option<TimeRange>,
    end: End,
    /// Another was let go for it.
    succeeds: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Detached,
    Attaching,
    /// Attached; source buffers are still to be made.
    Open,
    /// Source buffers exist.
    Ready,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// More media will come.
    Open,
    /// All media is queued; say so once it is in.
    Wanted,
    /// Said.
    Told,
}

impl SinkLink {
    /// Not attached to anything.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Detached,
            tracks: Vec::new(),
            expected: None,
            duration: None,
            live_range: None,
            end: End::Open,
            succeeds: false,
        }
    }

    /// Says which kinds of track will come, so that none is waited for in vain nor forgotten.
    pub(crate) fn expect(&mut self, kinds: Vec<TrackKind>) {
        if self.state != State::Ready {
            self.expected = Some(kinds);
        }
    }

    /// No further kinds will come, but for one of which nothing has been loaded yet: a whole segment has shown those that
    /// there are.
    pub(crate) fn expect_no_more(&mut self, but: Option<TrackKind>) {
        if self.state != State::Ready && !self.tracks.is_empty() {
            let shown = self.tracks.iter().map(|t| t.kind).filter(|kind| but != Some(*kind));
            self.expected = Some(shown.chain(but).collect());
        }
    }

    /// Whether no source buffer was made yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.state != State::Ready
    }

    /// Not attached to anything, in the place of one that was let go.
    pub(crate) fn in_its_place() -> Self {
        Self { succeeds: true, ..Self::new() }
    }

    /// The element was given a file to play by itself, and has not said so yet.
    pub(crate) fn of_a_file() -> Self {
        Self { state: State::Attaching, ..Self::new() }
    }

    /// Whether the host has nothing of it.
    pub(crate) fn is_detached(&self) -> bool {
        self.state == State::Detached
    }

    /// Whether the element has what it was given.
    pub(crate) fn is_opened(&self) -> bool {
        !matches!(self.state, State::Detached | State::Attaching)
    }

    /// Whether a failure that is told now is of the one that was let go for this one, which was not given anything yet.
    pub(crate) fn is_told_late(&self) -> bool {
        self.succeeds && self.is_untouched()
    }

    /// Forgets everything but the media source itself, which has no source buffer yet.
    pub(crate) fn forget(&mut self) {
        let state = core::mem::replace(&mut self.state, State::Detached);
        *self = Self { state, succeeds: self.succeeds, ..Self::new() };
    }

    /// The host says that the sink is attached.
    pub(crate) fn opened(&mut self) {
        if self.state == State::Attaching {
            self.state = State::Open;
        }
    }

    /// Tells the sink how long the presentation is.
    pub(crate) fn set_duration(&mut self, duration: MediaTime) {
        self.duration = Some(duration);
    }

    /// Tells the sink where a live presentation can be sought in.
    pub(crate) fn set_live_range(&mut self, range: TimeRange) {
        self.live_range = Some(range);
    }

    /// Queues an init section. `false`: the sink has no place for this kind of track.
    pub(crate) fn init(&mut self, init: InitSection) -> bool {
        self.end = End::Open;
        let others = init.others();
        let InitSection { track: kind, mime, data, .. } = init;
        let media = Media { data: Payload::from(data), place: None, follows: false };
        if let Some(track) = self.tracks.iter_mut().find(|t| t.kind == kind) {
            if !same_codec_family(&track.mime, &mime) {
                track.queue.push_back(Op::ChangeType(mime.clone()));
            }
            track.mime = mime;
            track.queue.push_back(Op::Append(media));
            return true;
        }
        if self.state == State::Ready {
            return false;
        }
        let queue = VecDeque::from([Op::Append(media)]);
        self.tracks.push(Track {
            kind,
            mime,
            others,
            queue,
            busy: Busy::No,
            full: None,
            buffered: Vec::new(),
            key_frames: BTreeSet::new(),
            orphans: false,
            forgotten: 0,
            last: None,
        });
        true
    }

    /// Queues a fragment.
    pub(crate) fn append(&mut self, fragment: Fragment) {
        self.end = End::Open;
        if let Some(track) = self.track_mut(fragment.track) {
            let is_key = fragment.track != TrackKind::Video || fragment.starts_with_key_frame;
            if !is_key && track.orphans {
                return;
            }
            track.orphans = false;
            if fragment.track == TrackKind::Video && fragment.starts_with_key_frame {
                track.key_frames.insert(fragment.range.start);
            }
            let Fragment { range: shown, decoded, last_frame, data, .. } = fragment;
            let place = Some(Place { shown, decoded, last_frame });
            track.queue.push_back(Op::Append(Media { data, place, follows: !is_key }));
        }
    }

    /// Whether there is such a track.
    pub(crate) fn has(&self, kind: TrackKind) -> bool {
        self.tracks.iter().any(|t| t.kind == kind)
    }

    /// Queues the removal of what lies before `limit`, up to the last key frame there: a source buffer removes on to
    /// the next key frame, which may lie behind the playhead. `false`: there is nothing to remove.
    pub(crate) fn remove_before(&mut self, limit: MediaTime) -> bool {
        let end = match self.tracks.iter().find(|t| t.kind == TrackKind::Video) {
            Some(video) => video.key_frames.range(..=limit).next_back().copied(),
            None => Some(limit),
        };
        let has_video = self.has(TrackKind::Video);
        end.is_some_and(|end| {
            self.remove_of(|track| {
                let mut end = end;
                if track.kind == TrackKind::Audio {
                    // Sound that is over plays on as silence only as long as some of it is there (MSE, end of stream).
                    let last = track.buffered.last().map_or(end, |range| range.end);
                    end = if has_video { end.min(last) - OVERLAP } else { end };
                }
                TimeRange { start: MediaTime::ZERO, end: end.max(MediaTime::ZERO) }
            })
        })
    }

    /// Queues the removal of what lies behind the stretch that holds `place`: media that a seek left ahead.
    pub(crate) fn remove_islands(&mut self, place: MediaTime) -> bool {
        let behind = |t: &Track| t.buffered.iter().map(|r| r.start).find(|start| *start > place);
        let Some(start) = self.tracks.iter().filter_map(behind).min() else { return false };
        self.remove(TimeRange { start, end: MediaTime::MAX })
    }

    /// Queues the removal of a range from every track. `false`: no track has media there that is not being removed.
    pub(crate) fn remove(&mut self, range: TimeRange) -> bool {
        self.remove_of(|_| range)
    }

    fn remove_of(&mut self, range: impl Fn(&Track) -> TimeRange) -> bool {
        let mut removes = false;
        for track in &mut self.tracks {
            let range = range(track);
            if track.is_removing() {
                removes = true;
                continue;
            }
            if track.buffered.iter().any(|b| b.start < range.end && range.start < b.end) {
                removes = true;
                track.key_frames.retain(|t| !range.contains(*t));
                // In front of a payload that found no room: it is what makes the room.
                track.queue.push_front(Op::Remove(range));
            }
        }
        removes
    }

    /// One more kind will come, if those that will are known.
    pub(crate) fn expect_too(&mut self, kind: TrackKind) {
        if let Some(expected) = self.expected.as_mut().filter(|expected| !expected.contains(&kind)) {
            expected.push(kind);
        }
    }

    /// Whether it has a place for this kind of track.
    pub(crate) fn takes(&self, kind: TrackKind) -> bool {
        self.state != State::Ready || self.has(kind)
    }

    /// Makes place for other sound from `from` on: what is queued for there is forgotten, what is buffered there is
    /// removed, and so is what lies before `behind`.
    pub(crate) fn replace_sound(&mut self, from: MediaTime, behind: MediaTime) {
        self.end = End::Open;
        let Some(track) = self.track_mut(TrackKind::Audio) else { return };
        let is_before = |media: &Media| media.place.is_none_or(|place| place.shown.start < from);
        track.queue.retain(|op| !matches!(op, Op::Append(media) if !is_before(media)));
        track.full.take_if(|media| !is_before(media));
        let behind = TimeRange { start: MediaTime::ZERO, end: behind };
        let ahead = TimeRange { start: from, end: MediaTime::MAX };
        for range in [behind, ahead] {
            if track.coming().iter().any(|held| held.start < range.end && range.start < held.end) {
                track.queue.push_back(Op::Remove(range));
            }
        }
    }

    /// Forgets what is queued: it belongs to a place that is no longer wanted. Init sections belong to no place: what
    /// the pipeline still holds back comes by the one that it made last.
    pub(crate) fn clear_queue(&mut self, tracks: Tracks) {
        for track in self.tracks.iter_mut().filter(|t| tracks.has(t.kind)) {
            let queued = track.queue.len();
            let stays = |media: &Media| media.place.is_none();
            track.queue.retain(|op| match op {
                Op::Append(media) => stays(media),
                Op::ChangeType(_) => true,
                Op::Remove(_) => false,
            });
            let full = track.full.take_if(|media| !stays(media));
            track.orphans |= full.is_some() || track.queue.len() < queued;
        }
        self.end = End::Open;
    }

    /// All media has been queued.
    pub(crate) fn end(&mut self) {
        if self.end == End::Open {
            self.end = End::Wanted;
        }
    }

    /// The host finished an operation.
    pub(crate) fn done(&mut self, kind: TrackKind, buffered: Vec<TimeRange>) {
        if let Some(track) = self.track_mut(kind) {
            if let Busy::Appending(place, _) = core::mem::replace(&mut track.busy, Busy::No) {
                track.last = place;
            }
            track.buffered = buffered;
        }
    }

    /// The host found no room for an append.
    pub(crate) fn full(&mut self, kind: TrackKind, data: Payload) {
        if let Some(track) = self.track_mut(kind)
            && let Busy::Appending(place, follows) = core::mem::replace(&mut track.busy, Busy::No)
        {
            track.full = Some(Media { data, place, follows });
        }
    }

    /// How often frames were forgotten because those that they need had gone, from any track.
    pub(crate) fn forgotten(&self) -> u32 {
        self.tracks.iter().fold(0, |sum, track| sum.saturating_add(track.forgotten))
    }

    /// Where what is being appended lies.
    pub(crate) fn appending(&self) -> Option<MediaTime> {
        let place = |track: &Track| if let Busy::Appending(place, _) = &track.busy { *place } else { None };
        self.tracks.iter().filter_map(place).map(|place| place.shown.start).min()
    }

    /// Whether an append waits for room.
    pub(crate) fn is_full(&self) -> bool {
        self.tracks.iter().any(|t| t.full.is_some())
    }

    /// Tries again what found no room.
    pub(crate) fn retry_full(&mut self) {
        for track in &mut self.tracks {
            if let Some(media) = track.full.take() {
                let removes = track.queue.iter().take_while(|op| matches!(op, Op::Remove(_))).count();
                track.queue.insert(removes, Op::Append(media));
            }
        }
    }

    /// Where every track has media. Of an ended stream the last ranges reach to the end of the longest track (MSE, `buffered`).
    pub(crate) fn buffered(&self) -> Vec<TimeRange> {
        if self.end != End::Told {
            return ranges::intersection(self.tracks.iter().map(|track| track.buffered.as_slice()));
        }
        let end = self.tracks.iter().filter_map(|track| track.buffered.last()).map(|range| range.end).max();
        let mut sets: Vec<_> = self.tracks.iter().map(|track| track.buffered.clone()).collect();
        let lasts = sets.iter_mut().filter_map(|set| set.last_mut());
        lasts.zip(end.into_iter().cycle()).for_each(|(last, end)| last.end = end);
        ranges::intersection(sets.iter().map(Vec::as_slice))
    }

    /// Whether any track has media behind this place.
    pub(crate) fn reaches(&self, place: MediaTime) -> bool {
        self.tracks.iter().any(|t| t.buffered.last().is_some_and(|range| range.end > place))
    }

    /// Whether a track has media from a place on for so long.
    pub(crate) fn has_at(&self, kind: TrackKind, place: MediaTime, length: MediaTime) -> bool {
        let has = |range: &TimeRange| range.contains(place) && range.end - place >= length;
        self.tracks.iter().any(|t| t.kind == kind && t.buffered.iter().any(has))
    }

    /// Where each of these tracks has media or is about to have it: what is queued counts as if it were in.
    ///
    /// Nothing has, while a track that must come has not shown itself: the others wait for it.
    pub(crate) fn coming(&self, tracks: Tracks) -> Vec<TimeRange> {
        let awaited = self.expected.iter().flatten().filter(|kind| tracks.has(**kind));
        if self.state != State::Ready && awaited.into_iter().any(|kind| !self.has(*kind)) {
            return Vec::new();
        }
        let sets: Vec<_> = self.tracks.iter().filter(|t| tracks.has(t.kind)).map(Track::coming).collect();
        ranges::intersection(sets.iter().map(Vec::as_slice))
    }

    /// Whether there is no media of some track, or of any, and the playhead is not at the end: nothing plays then, even in an
    /// ended stream (MSE, `buffered`).
    pub(crate) fn lacks_a_track(&self, place: MediaTime) -> bool {
        let coming: Vec<_> = self.tracks.iter().map(Track::coming).collect();
        let end = coming.iter().filter_map(|ranges| ranges.last()).map(|range| range.end).max();
        end.is_none_or(|end| place < end - AT_THE_END && coming.iter().any(Vec::is_empty))
    }

    /// Whether everything queued is in.
    pub(crate) fn is_idle(&self) -> bool {
        self.tracks.iter().all(|t| t.busy == Busy::No && t.queue.is_empty() && t.full.is_none())
    }

    /// Bytes that wait to be appended.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.tracks
            .iter()
            .flat_map(|t| t.queue.iter())
            .map(|op| if let Op::Append(media) = op { media.data.bytes().len() } else { 0 })
            .sum()
    }

    /// The next command that the sink can take now.
    pub(crate) fn poll(&mut self) -> Option<SinkCommand> {
        match self.state {
            State::Detached => {
                self.state = State::Attaching;
                return Some(SinkCommand::Attach);
            }
            State::Attaching => return None,
            State::Open => {
                let expected = self.expected.as_ref()?;
                if expected.iter().any(|kind| !self.tracks.iter().any(|t| t.kind == *kind)) {
                    return None;
                }
                self.tracks.retain(|t| expected.contains(&t.kind));
                self.state = State::Ready;
                let new = |t: &Track| NewTrack { kind: t.kind, mime: t.mime.clone(), others: t.others };
                return Some(SinkCommand::AddTracks(self.tracks.iter().map(new).collect()));
            }
            State::Ready => {}
        }
        if self.tracks.iter().all(|t| t.busy == Busy::No)
            && let Some(duration) = self.duration.take()
        {
            return Some(SinkCommand::SetDuration(duration));
        }
        if let Some(range) = self.live_range.take() {
            return Some(SinkCommand::SetLiveRange(range));
        }
        for track in &mut self.tracks {
            // A removal may pass a payload that found no room, an append may not.
            if track.busy != Busy::No
                || (track.full.is_some() && !matches!(track.queue.front(), Some(Op::Remove(_))))
            {
                continue;
            }
            let Some(op) = track.next_op() else { continue };
            return Some(match op {
                Op::ChangeType(mime) => SinkCommand::ChangeType(track.kind, mime),
                Op::Append(Media { data, place, follows }) => {
                    track.busy = Busy::Appending(place, follows);
                    SinkCommand::Append(track.kind, data, place.map(|place| place.shown.start))
                }
                Op::Remove(range) => {
                    track.busy = Busy::Removing(range);
                    track.last = track.last.filter(|last| !removes(range, last));
                    // A source that was ended opens again when something is removed (MSE §3.5.7).
                    if self.end == End::Told {
                        self.end = End::Wanted;
                    }
                    SinkCommand::Remove(track.kind, range)
                }
            });
        }
        if self.end == End::Wanted && self.is_idle() {
            self.end = End::Told;
            return Some(SinkCommand::EndOfStream);
        }
        None
    }

    fn track_mut(&mut self, kind: TrackKind) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|t| t.kind == kind)
    }
}

/// Frames of sound and pictures do not end together. So much sound is kept before the pictures, for a segment that is loaded
/// up to there again to meet: browsers wait at the smallest hole.
const OVERLAP: MediaTime = MediaTime::from_millis(200);

/// A browser that is so close to the end takes it for the end.
const AT_THE_END: MediaTime = MediaTime::from_millis(50);

/// Whether a source buffer made for one type takes the other without `changeType`: the same container and the same
/// four-character code of the sample entry (profile and level may differ).
fn same_codec_family(a: &str, b: &str) -> bool {
    let family = |mime: &str| mime.split('.').next().unwrap_or_default().to_owned();
    family(a) == family(b)
}

#[cfg(test)]
mod tests;
