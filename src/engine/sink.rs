//! The engine's side of the sink: what is to be appended, what is under way, what is buffered.
//!
//! Media Source Extensions takes one operation a source buffer at a time, wants every source buffer made before the
//! first append and none busy when the duration is set or the stream is ended. All of that order is kept here, so
//! that a host only carries out commands.

use std::collections::{BTreeSet, VecDeque};

use crate::media::{Fragment, InitSection, Offer, TrackKind};
use crate::time::{MediaTime, TimeRange};

use super::io::{NewTrack, Payload, SinkCommand};
use super::ranges;

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

#[derive(Debug)]
struct Track {
    kind: TrackKind,
    /// As the source buffer was made.
    mime: String,
    /// What may be offered in its place.
    others: &'static [Offer],
    queue: VecDeque<Op>,
    busy: Busy,
    /// Came back for want of room.
    full: Option<Media>,
    buffered: Vec<TimeRange>,
    /// Where key frames begin, of video: what a removal must end at.
    key_frames: BTreeSet<MediaTime>,
    /// What was queued last was forgotten: frames that need it cannot be shown.
    orphans: bool,
    /// Where what was appended last ends, unless that was removed again. Nothing goes on over an init section.
    last: Option<MediaTime>,
}

/// Bytes to append.
#[derive(Debug)]
struct Media {
    data: Payload,
    /// Where they lie; init sections lie nowhere.
    place: Option<TimeRange>,
    /// Their first frame needs the one before it. A source buffer leaves it out, and all up to the next key frame, when
    /// that is not what was appended last or is not there any more (MSE, coded frame processing and removal).
    follows: bool,
}

#[derive(Debug)]
enum Op {
    ChangeType(String),
    Append(Media),
    Remove(TimeRange),
}

impl Op {
    fn step(&self) -> Option<Step<'_>> {
        match self {
            Self::Append(media) => Some(Step::Append(media)),
            Self::Remove(range) => Some(Step::Remove(*range)),
            Self::ChangeType(_) => None,
        }
    }
}

/// What a track's source buffer is doing.
#[derive(Debug, PartialEq, Eq)]
enum Busy {
    No,
    /// Where, and whether it needs what is before it.
    Appending(Option<TimeRange>, bool),
    Removing(TimeRange),
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
            let (data, place) = (fragment.data, Some(fragment.range));
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
            self.remove_of(|kind| {
                let overlaps = has_video && kind == TrackKind::Audio;
                let end = if overlaps { (end - OVERLAP).max(MediaTime::ZERO) } else { end };
                TimeRange { start: MediaTime::ZERO, end }
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

    fn remove_of(&mut self, range: impl Fn(TrackKind) -> TimeRange) -> bool {
        let mut removes = false;
        for track in &mut self.tracks {
            let range = range(track.kind);
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
        let is_before = |range: &Option<TimeRange>| range.is_none_or(|range| range.start < from);
        track.queue.retain(|op| !matches!(op, Op::Append(media) if !is_before(&media.place)));
        track.full.take_if(|media| !is_before(&media.place));
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
                track.last = place.map(|range| range.end);
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

    /// Where what is being appended lies.
    pub(crate) fn appending(&self) -> Option<MediaTime> {
        let place = |track: &Track| if let Busy::Appending(place, _) = &track.busy { *place } else { None };
        self.tracks.iter().filter_map(place).map(|range| range.start).min()
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

    /// Where every track has media.
    pub(crate) fn buffered(&self) -> Vec<TimeRange> {
        ranges::intersection(self.tracks.iter().map(|t| t.buffered.as_slice()))
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

    /// Whether there is no media of some track, or of any: nothing plays then, even at the end (MSE, `buffered`).
    pub(crate) fn lacks_a_track(&self) -> bool {
        self.tracks.is_empty() || self.tracks.iter().any(|track| track.coming().is_empty())
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
                    SinkCommand::Append(track.kind, data, place.map(|range| range.start))
                }
                Op::Remove(range) => {
                    track.busy = Busy::Removing(range);
                    track.last = track.last.filter(|end| !removes(range, *end));
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

impl Track {
    /// What is in and what is queued, taken in order as the source buffer will.
    fn coming(&self) -> Vec<TimeRange> {
        let (mut coming, mut last) = (self.buffered.clone(), self.last);
        match self.busy {
            Busy::Appending(place, _) => {
                coming.extend(place);
                last = place.map(|range| range.end);
            }
            Busy::Removing(range) => coming = ranges::without(&coming, range),
            Busy::No => {}
        }
        let mut step = |op: Step<'_>| match op {
            Step::Append(Media { place: None, .. }) => last = None,
            Step::Append(Media { place: Some(place), follows, .. }) => {
                if *follows && !leads(&coming, last, place.start) {
                    last = None;
                } else {
                    last = Some(place.end);
                    coming.push(*place);
                }
            }
            Step::Remove(range) => {
                coming = ranges::without(&coming, range);
                last = last.filter(|end| !removes(range, *end));
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
    fn next_op(&mut self) -> Option<Op> {
        loop {
            let op = self.queue.pop_front()?;
            match &op {
                Op::Append(Media { place: Some(place), follows: true, .. })
                    if !leads(&self.buffered, self.last, place.start) =>
                {
                    self.last = None;
                }
                _ => return Some(op),
            }
        }
    }

    fn is_removing(&self) -> bool {
        matches!(self.busy, Busy::Removing(_)) || self.queue.iter().any(|op| matches!(op, Op::Remove(_)))
    }
}

/// What changes what a source buffer has.
enum Step<'a> {
    Append(&'a Media),
    Remove(TimeRange),
}

/// Whether frames that start there go on from what was appended last, and that is among what is there.
fn leads(there: &[TimeRange], last: Option<MediaTime>, start: MediaTime) -> bool {
    last.is_some_and(|end| start - end <= FOLLOWS && end - start <= REORDERED)
        && there.iter().any(|range| range.start <= start && start - range.end <= FOLLOWS)
}

/// Whether the frame that ends there goes when this range is removed.
fn removes(range: TimeRange, end: MediaTime) -> bool {
    range.start < end && end <= range.end
}

/// Frames of sound and pictures do not end together. So much sound is kept before the pictures, for a segment that is loaded
/// up to there again to meet: browsers wait at the smallest hole.
const OVERLAP: MediaTime = MediaTime::from_millis(200);
/// What starts this long after a frame may still need it.
const FOLLOWS: MediaTime = MediaTime::from_millis(500);
/// What is decoded after a frame may be shown this long before its end.
const REORDERED: MediaTime = MediaTime::from_millis(2000);

/// Whether a source buffer made for one type takes the other without `changeType`: the same container and the same
/// four-character code of the sample entry (profile and level may differ).
fn same_codec_family(a: &str, b: &str) -> bool {
    let family = |mime: &str| mime.split('.').next().unwrap_or_default().to_owned();
    family(a) == family(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Format;

    fn init(sink: &mut SinkLink, kind: TrackKind, mime: &str) {
        let format = Format::Video { width: 1, height: 1 };
        let codec = mime.split('"').nth(1).unwrap().into();
        assert!(sink.init(InitSection::passed_through(kind, codec, format, vec![1, 2, 3])));
    }

    fn name(command: Option<SinkCommand>) -> String {
        match command {
            None => "-".into(),
            Some(SinkCommand::Append(kind, data, _)) => format!("append {kind:?} {}", data.bytes().len()),
            Some(SinkCommand::Remove(kind, _)) => format!("remove {kind:?}"),
            Some(SinkCommand::AddTracks(tracks)) => format!("add {}", tracks.len()),
            Some(other) => format!("{other:?}").split('(').next().unwrap().to_owned(),
        }
    }

    fn span(from_s: i64, to_s: i64) -> TimeRange {
        TimeRange { start: MediaTime::from_millis(from_s * 1000), end: MediaTime::from_millis(to_s * 1000) }
    }

    fn fragment(track: TrackKind, bytes: usize, from_s: i64, to_s: i64) -> Fragment {
        let data = Payload::from(vec![0; bytes]);
        Fragment { track, range: span(from_s, to_s), starts_with_key_frame: true, data }
    }

    fn ready() -> SinkLink {
        let mut sink = SinkLink::new();
        sink.expect(vec![TrackKind::Video, TrackKind::Audio]);
        sink.poll();
        sink.opened();
        init(&mut sink, TrackKind::Video, "video/mp4; codecs=\"avc1.64001f\"");
        init(&mut sink, TrackKind::Audio, "audio/mp4; codecs=\"mp4a.40.2\"");
        assert_eq!(name(sink.poll()), "add 2");
        sink
    }

    #[test]
    fn source_buffers_are_made_only_when_every_track_is_known() {
        let mut sink = SinkLink::new();
        sink.expect(vec![TrackKind::Video, TrackKind::Audio]);
        assert_eq!(name(sink.poll()), "Attach");
        init(&mut sink, TrackKind::Video, "video/mp4; codecs=\"avc1.64001f\"");
        assert_eq!(name(sink.poll()), "-");
        sink.opened();
        assert_eq!(name(sink.poll()), "-");
        init(&mut sink, TrackKind::Audio, "audio/mp4; codecs=\"mp4a.40.2\"");
        assert_eq!(name(sink.poll()), "add 2");
    }

    #[test]
    fn one_operation_a_track_at_a_time_and_duration_and_end_only_between() {
        let mut sink = ready();
        sink.set_duration(MediaTime::from_millis(8000));
        assert_eq!(name(sink.poll()), "SetDuration");
        assert_eq!(name(sink.poll()), "append Video 3");
        assert_eq!(name(sink.poll()), "append Audio 3");
        sink.append(fragment(TrackKind::Video, 9, 0, 1));
        sink.end();
        assert_eq!(name(sink.poll()), "-");
        sink.done(TrackKind::Video, vec![]);
        assert_eq!(name(sink.poll()), "append Video 9");
        sink.done(TrackKind::Video, vec![]);
        assert_eq!(name(sink.poll()), "-");
        sink.done(TrackKind::Audio, vec![]);
        assert_eq!(name(sink.poll()), "EndOfStream");
        assert_eq!(name(sink.poll()), "-");
    }

    #[test]
    fn bytes_that_found_no_room_are_kept_in_order_behind_the_removal_that_makes_room() {
        let mut sink = ready();
        assert_eq!(name(sink.poll()), "append Video 3");
        sink.append(fragment(TrackKind::Video, 9, 0, 1));
        sink.done(TrackKind::Video, vec![span(0, 5)]);
        let Some(SinkCommand::Append(_, data, _)) = sink.poll() else { panic!("append") };
        sink.append(fragment(TrackKind::Video, 7, 4, 5));
        sink.full(TrackKind::Video, data);
        assert_eq!(name(sink.poll()), "append Audio 3");
        assert_eq!(name(sink.poll()), "-");
        assert!(sink.remove_before(MediaTime::from_millis(4500)));
        assert!(sink.remove_before(MediaTime::from_millis(4500)), "it is on its way");
        assert_eq!(name(sink.poll()), "remove Video");
        sink.done(TrackKind::Video, vec![]);
        sink.retry_full();
        assert_eq!(name(sink.poll()), "append Video 9");
        sink.done(TrackKind::Video, vec![]);
        assert_eq!(name(sink.poll()), "append Video 7");
    }

    #[test]
    fn an_end_that_was_told_is_told_again_after_a_removal() {
        let mut sink = ready();
        sink.append(fragment(TrackKind::Video, 1, 0, 2));
        sink.append(fragment(TrackKind::Video, 1, 2, 4));
        sink.end();
        let drain = |sink: &mut SinkLink| {
            let mut last = "-".to_owned();
            for _ in 0..9 {
                match name(sink.poll()).as_str() {
                    "-" => {}
                    other => other.clone_into(&mut last),
                }
                sink.done(TrackKind::Video, vec![span(0, 4)]);
                sink.done(TrackKind::Audio, vec![]);
            }
            last
        };
        assert_eq!(drain(&mut sink), "EndOfStream");
        assert!(sink.remove_before(MediaTime::from_millis(3000)));
        assert_eq!(name(sink.poll()), "remove Video");
        assert_eq!(drain(&mut sink), "EndOfStream");
    }

    #[test]
    fn what_is_queued_or_under_way_is_coming() {
        let mut sink = ready();
        for kind in [TrackKind::Video, TrackKind::Audio] {
            sink.append(fragment(kind, 1, 0, 2));
            sink.append(fragment(kind, 1, 2, 4));
        }
        assert_eq!((sink.coming(Tracks::All), sink.buffered()), (vec![span(0, 4)], vec![]));
        sink.clear_queue(Tracks::All);
        assert_eq!(sink.coming(Tracks::All), []);
    }

    #[test]
    fn what_is_forgotten_takes_along_what_needs_it_and_leaves_the_init_section() {
        let mut sink = ready();
        sink.append(fragment(TrackKind::Video, 9, 0, 2));
        sink.clear_queue(Tracks::All);
        sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 2, 3) });
        assert_eq!(sink.coming(Tracks::AllButAudio), []);
        sink.append(fragment(TrackKind::Video, 5, 8, 9));
        assert_eq!(name(sink.poll()), "append Video 3");
        sink.done(TrackKind::Video, vec![]);
        assert_eq!(name(sink.poll()), "append Video 5");
    }

    #[test]
    fn a_frame_whose_place_was_removed_is_not_appended() {
        let mut sink = ready();
        sink.append(fragment(TrackKind::Video, 9, 50, 60));
        for there in [vec![], vec![span(50, 60)]] {
            sink.poll();
            sink.done(TrackKind::Video, there);
        }
        sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 60, 61) });
        assert_eq!(sink.coming(Tracks::AllButAudio), [span(50, 61)]);
        sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 47, 48) });
        assert_eq!(sink.coming(Tracks::AllButAudio), [span(50, 61)]);
    }

    /// Between being queued and being appended.
    #[test]
    fn a_frame_whose_predecessor_is_removed_meanwhile_is_not_appended() {
        let mut sink = ready();
        assert_eq!(name(sink.poll()), "append Video 3");
        sink.append(fragment(TrackKind::Video, 9, 0, 2));
        sink.done(TrackKind::Video, vec![]);
        assert_eq!(name(sink.poll()), "append Video 9");
        sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 2, 4) });
        sink.append(fragment(TrackKind::Video, 5, 4, 6));
        sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 4, 6, 8) });
        assert_eq!(sink.coming(Tracks::AllButAudio), [span(0, 8)]);
        sink.done(TrackKind::Video, vec![span(0, 2)]);
        assert!(sink.remove(span(0, 3)));
        assert_eq!(sink.coming(Tracks::AllButAudio), [span(4, 8)]);
        assert_eq!(name(sink.poll()), "remove Video");
        assert_eq!(name(sink.poll()), "append Audio 3");
        sink.done(TrackKind::Video, vec![]);
        assert_eq!(name(sink.poll()), "append Video 5");
        sink.done(TrackKind::Video, vec![span(4, 6)]);
        assert_eq!(name(sink.poll()), "append Video 4");
    }

    /// It comes back behind the removal that makes room, which may take what it follows.
    #[test]
    fn a_frame_that_found_no_room_and_whose_predecessor_makes_room_is_not_appended() {
        let mut sink = ready();
        assert_eq!(name(sink.poll()), "append Video 3");
        sink.append(fragment(TrackKind::Video, 9, 8, 9));
        sink.append(Fragment { starts_with_key_frame: false, ..fragment(TrackKind::Video, 7, 9, 10) });
        sink.done(TrackKind::Video, vec![span(0, 5)]);
        assert_eq!(name(sink.poll()), "append Video 9");
        sink.done(TrackKind::Video, vec![span(0, 5), span(8, 9)]);
        let Some(SinkCommand::Append(_, data, _)) = sink.poll() else { panic!("append") };
        sink.full(TrackKind::Video, data);
        assert_eq!(sink.coming(Tracks::AllButAudio), [span(0, 5), span(8, 10)]);
        assert!(sink.remove_islands(MediaTime::from_millis(4000)));
        assert_eq!(sink.coming(Tracks::AllButAudio), [span(0, 5)]);
        assert_eq!(name(sink.poll()), "remove Video");
        sink.done(TrackKind::Video, vec![span(0, 5)]);
        sink.retry_full();
        assert_eq!(name(sink.poll()), "append Audio 3");
        assert_eq!(name(sink.poll()), "-");
        assert!(!sink.is_full());
    }

    #[test]
    fn nothing_is_coming_while_a_track_has_not_shown_itself() {
        let mut sink = SinkLink::new();
        sink.expect(vec![TrackKind::Video, TrackKind::Audio]);
        init(&mut sink, TrackKind::Video, "video/mp4; codecs=\"avc1.64001f\"");
        sink.append(fragment(TrackKind::Video, 9, 0, 2));
        assert_eq!(sink.coming(Tracks::All), []);
        assert_eq!(sink.coming(Tracks::AllButAudio), [span(0, 2)]);
    }

    #[test]
    fn another_profile_needs_no_change_of_type_and_another_codec_does() {
        let mut sink = ready();
        init(&mut sink, TrackKind::Video, "video/mp4; codecs=\"avc1.4d401e\"");
        init(&mut sink, TrackKind::Audio, "audio/mp4; codecs=\"ac-3\"");
        let mut names = Vec::new();
        for _ in 0..5 {
            names.push(name(sink.poll()));
            sink.done(TrackKind::Video, vec![]);
            sink.done(TrackKind::Audio, vec![]);
        }
        assert_eq!(
            names,
            ["append Video 3", "append Video 3", "append Audio 3", "ChangeType", "append Audio 3"]
        );
    }
}
