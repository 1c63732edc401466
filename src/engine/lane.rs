//! The loading lanes: what is being loaded, and where loading goes on.
//!
//! One lane loads what the rungs have, another the sound where that is a rendition of its own, and a third text, for
//! which `text` decides.
//!
//! Where loading goes on follows from the playhead and from what the sink holds or is about to hold, each time anew,
//! never from a count of what was loaded: media that is missing, for whatever reason, is found missing and loaded.
//! Playlists only say which segment to try; where its media lies is what the media says.

use std::collections::BTreeMap;

use crate::playlist::Segment;
use crate::secret::Url;
use crate::time::{MediaTime, TimeRange};

use super::catalog::Media;
use super::io::{Encryption, RequestId};
use super::requests::Ask;

/// Which lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneId {
    /// The rungs: pictures, and the sound that comes with them.
    Main,
    /// A rendition of the sound (`EXT-X-MEDIA` with a `URI`).
    Audio,
    /// A rendition of the text.
    Text,
}

/// The lanes, and the timeline that they share.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    pub(super) main: Lane,
    pub(super) audio: Lane,
    pub(super) text: Lane,
    /// By discontinuity sequence number: what is added to a timestamp in the media to get its place in the
    /// presentation. All rungs and renditions share it, which is what keeps them in step.
    timeline: BTreeMap<Sequence, Offset>,
    /// The window has jumped since: a server may have begun anew meanwhile, and its numbers gone by those that are known.
    pub(super) in_doubt: bool,
}

/// A discontinuity sequence: how often the server has begun anew, for then its numbers do too, and the number.
pub(super) type Sequence = (u32, u64);

#[derive(Clone, Copy, Debug)]
struct Offset {
    ticks: i64,
    trust: Trust,
}

/// What an offset is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Only a segment showed it that turned out not to be media. What was made of it lies by it.
    Doubted,
    /// A segment showed it.
    Shown,
    /// A whole segment was placed by it.
    Proved,
}

/// One lane.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(super) state: State,
    /// The segment that came through last.
    tail: Option<Tail>,
    /// The rung, or rendition, of the segment loaded last.
    pub(super) rung: Option<usize>,
    /// How far behind where the playlist has it the media of the last segment ended, and where that was.
    drift: MediaTime,
    drift_at: MediaTime,
    /// A place that no segment filled although the playlist says that one lies there.
    search: Option<Search>,
    /// A segment that was given up for a lower rung, until that is in.
    again: Option<Again>,
    /// All that there is to load was loaded, when it was last looked.
    pub(super) over: bool,
}

/// A segment to be loaded again, on a lower rung.
#[derive(Clone, Copy, Debug)]
struct Again {
    rung: usize,
    target: MediaTime,
}

#[derive(Debug, Default)]
pub(super) enum State {
    /// Free to load.
    #[default]
    Idle,
    /// Waits for the media playlist of this rung.
    AwaitPlaylist(usize),
    /// Loads a segment.
    Loading(Box<Loading>),
}

/// A segment being loaded.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) rung: usize,
    pub(super) sequence: u64,
    pub(super) discontinuity_sequence: Sequence,
    /// Where it is expected.
    pub(super) range: TimeRange,
    /// Where the playlist says that its middle is, and its end.
    playlist_middle: MediaTime,
    playlist_end: MediaTime,
    /// The place that was to be filled.
    pub(super) target: MediaTime,
    /// None while the next attempt is waited for.
    pub(super) request: Option<RequestId>,
    pub(super) cipher: Option<Cipher>,
    /// Continues what the demultiplexer holds.
    pub(super) continues: bool,
    /// Begins something else, as the playlist says.
    pub(super) discontinuity: bool,
    /// Nothing can play until its first frames are there.
    pub(super) urgent: bool,
    /// Its init section.
    pub(super) init: Option<InitSection>,
    /// There is media in its place, of another rung.
    pub(super) replaces: bool,
    /// How often the sink had forgotten frames when it was begun with.
    pub(super) forgotten: u32,
    /// Bytes that it took.
    pub(super) bytes: u64,
    /// Its bytes wait to be told where they belong on the timeline.
    pub(super) awaits_offset: bool,
    /// The request as it was sent, for another attempt when the network did its part but the bytes are bad.
    pub(super) ask: Ask,
}

/// How a segment is encrypted.
#[derive(Clone, Debug)]
pub(super) struct Cipher {
    /// The key's identity.
    pub(super) key: String,
    pub(super) url: Url,
    pub(super) encryption: Encryption,
}

/// The init section that a segment needs (`EXT-X-MAP`).
#[derive(Clone, Debug)]
pub(super) struct InitSection {
    /// The same for the same bytes.
    pub(super) identity: String,
    pub(super) url: Url,
    pub(super) range: Option<(u64, u64)>,
    pub(super) cipher: Option<Cipher>,
}

/// A segment that came through, as far as it says where to go on.
#[derive(Clone, Copy, Debug)]
struct Tail {
    rung: usize,
    sequence: u64,
    playlist_end: MediaTime,
    /// The place that it was to fill.
    target: MediaTime,
    /// Where its media ends, in every track.
    end: MediaTime,
    /// What the demultiplexer held back of it was asked for.
    flushed: bool,
    /// As of the segment when it was loaded.
    forgotten: u32,
    /// How often in a row it came for this place.
    copies: u32,
}

#[derive(Clone, Copy, Debug)]
struct Search {
    target: MediaTime,
    next: u64,
    steps: u32,
}

/// What to load next.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// This segment, whose media is expected at this distance from where the playlist has it.
    Segment { segment: &'a Segment, drift: MediaTime, continues: bool },
    /// Nothing: the end is in.
    End,
    /// Nothing: the playlist says that there is none here (EXT-X-GAP), or nobody had it.
    Gap,
    /// Nothing that was tried fills this place.
    Hole,
}

impl LaneId {
    pub(crate) const ALL: [Self; 3] = [Self::Main, Self::Audio, Self::Text];
    /// Those that playback needs.
    pub(crate) const MEDIA: [Self; 2] = [Self::Main, Self::Audio];
}

impl Lanes {
    pub(super) fn lane(&self, id: LaneId) -> &Lane {
        match id {
            LaneId::Main => &self.main,
            LaneId::Audio => &self.audio,
            LaneId::Text => &self.text,
        }
    }

    pub(super) fn lane_mut(&mut self, id: LaneId) -> &mut Lane {
        match id {
            LaneId::Main => &mut self.main,
            LaneId::Audio => &mut self.audio,
            LaneId::Text => &mut self.text,
        }
    }

    /// The lane that loads by this request.
    pub(super) fn of_request(&self, id: RequestId) -> Option<LaneId> {
        LaneId::ALL.into_iter().find(|lane| self.lane(*lane).loading().is_some_and(|l| l.request == Some(id)))
    }

    /// What is being loaded, on any lane.
    pub(super) fn loading(&self) -> impl Iterator<Item = &Loading> {
        LaneId::ALL.into_iter().filter_map(|lane| self.lane(lane).loading())
    }

    /// The offset of a discontinuity sequence, once media of it was seen.
    pub(super) fn offset(&self, discontinuity_sequence: Sequence) -> Option<i64> {
        let offset =
            self.timeline.get(&discontinuity_sequence).filter(|offset| offset.trust != Trust::Doubted);
        offset.map(|offset| offset.ticks)
    }

    /// The offset of the last discontinuity sequence that one was found of, since the server began anew as often; of the last
    /// of all, where none was: that a server began anew is not seen in every playlist.
    pub(super) fn last_offset(&self, restarts: u32) -> Option<i64> {
        let of_this = self.timeline.range((restarts, 0)..=(restarts, u64::MAX)).rev();
        let mut all = of_this.chain(self.timeline.iter().rev()).map(|(_, offset)| offset);
        let last = all.clone().find(|offset| offset.trust != Trust::Doubted).or_else(|| all.next());
        last.map(|offset| offset.ticks)
    }

    /// The offset of a sequence of which no better one will be found: its own, in doubt or not, or else the last.
    pub(super) fn likely_offset(&self, discontinuity_sequence: Sequence) -> Option<i64> {
        let own = self.timeline.get(&discontinuity_sequence).map(|offset| offset.ticks);
        own.or_else(|| self.last_offset(discontinuity_sequence.0))
    }

    /// An offset was found.
    pub(super) fn found_offset(&mut self, discontinuity_sequence: Sequence, ticks: i64) {
        let known = self.timeline.entry(discontinuity_sequence);
        let offset = known.or_insert(Offset { ticks, trust: Trust::Shown });
        if offset.trust == Trust::Doubted {
            *offset = Offset { ticks, trust: Trust::Shown };
        }
        while self.timeline.len() > MAX_OFFSETS {
            self.timeline.pop_first();
        }
    }

    /// A segment of the sequence came through.
    pub(super) fn offset_proved(&mut self, discontinuity_sequence: Sequence) {
        if let Some(offset) = self.timeline.get_mut(&discontinuity_sequence) {
            offset.trust = Trust::Proved;
        }
    }

    /// The media of the sequence lies elsewhere by now: it is placed anew.
    pub(super) fn forget_offset(&mut self, discontinuity_sequence: Sequence) {
        self.timeline.remove(&discontinuity_sequence);
    }

    /// The segment turned out not to be media: an offset that only it showed is the last to go by.
    pub(super) fn doubt_offset(&mut self, discontinuity_sequence: Sequence) {
        if let Some(offset) = self.timeline.get_mut(&discontinuity_sequence)
            && offset.trust == Trust::Shown
        {
            offset.trust = Trust::Doubted;
        }
    }
}

impl Lane {
    /// Whether a media playlist is what the lane waits for.
    pub(super) fn waits_for_playlist(&self, rung: usize) -> bool {
        matches!(self.state, State::AwaitPlaylist(r) if r == rung)
    }

    /// The segment being loaded.
    pub(super) fn loading(&self) -> Option<&Loading> {
        if let State::Loading(l) = &self.state { Some(l) } else { None }
    }

    /// The segment being loaded, to note something about it.
    pub(super) fn loading_mut(&mut self) -> Option<&mut Loading> {
        if let State::Loading(l) = &mut self.state { Some(l) } else { None }
    }

    /// The rung, or rendition, of the segment being loaded.
    pub(super) fn loading_rung(&self) -> Option<usize> {
        self.loading().map(|l| l.rung)
    }

    /// What the lane waits for, by a stable name.
    pub(super) fn waiting_for(&self) -> Option<&'static str> {
        match &self.state {
            State::Idle => None,
            State::AwaitPlaylist(_) => Some("playlist"),
            State::Loading(l) if l.request.is_none() => Some("retry"),
            State::Loading(_) => Some("segment"),
        }
    }

    /// Begins with a segment.
    pub(super) fn begin(&mut self, loading: Loading) {
        self.rung = Some(loading.rung);
        self.state = State::Loading(Box::new(loading));
    }

    /// The attempt under way came to nothing.
    pub(super) fn attempt_failed(&mut self, ask: &Ask) {
        if let State::Loading(l) = &mut self.state {
            l.request = None;
            (l.ask.failures, l.ask.spoiled) = (ask.failures, ask.spoiled);
        }
    }

    /// The segment came through, with its media at `measured`.
    /// `forgotten` is how often the sink has forgotten frames by now.
    pub(super) fn finish(&mut self, measured: TimeRange, forgotten: u32) -> Option<Box<Loading>> {
        let State::Loading(loading) = core::mem::take(&mut self.state) else { return None };
        self.again = None;
        let same = self.tail.filter(|tail| {
            (tail.rung, tail.sequence) == (loading.rung, loading.sequence)
                && is_same(tail.target, loading.target)
        });
        let copies = same.map_or(1, |tail| tail.copies + 1);
        // Loaded for the same place as before, and the place is still not filled: of some track there is nothing in it, unless
        // frames were forgotten since because a browser had taken those that they need.
        let unfilled = same.is_some_and(|tail| tail.forgotten == forgotten || copies > MAX_COPIES);
        // What a copy lacks at its end is no drift, nor what a damaged timestamp adds.
        let (length, told) = (measured.length().ticks(), loading.range.length().ticks());
        if length > told / 4 * 3 && length / 4 <= told {
            (self.drift, self.drift_at) = (measured.end - loading.playlist_end, measured.end);
        } else if measured.start.abs_diff(loading.playlist_start()) <= MISPLACED {
            // It begins where the playlist has it: what was measured before was of a copy that lacked a little.
            (self.drift, self.drift_at) = (MediaTime::ZERO, measured.start);
        }
        self.tail = Some(Tail {
            rung: loading.rung,
            sequence: loading.sequence,
            playlist_end: loading.playlist_end,
            target: loading.target,
            end: measured.end,
            flushed: false,
            forgotten: loading.forgotten,
            copies,
        });
        // The playlist put the media elsewhere than it is: the place is in the segment before or after.
        let target = loading.target;
        let away = |distance: MediaTime| {
            let length = measured.length().ticks().max(loading.range.length().ticks() / 4).max(1);
            let segments = distance.ticks() / length;
            1 + u64::try_from(segments).unwrap_or(0)
        };
        let next = if measured.start > target + MISPLACED {
            let distance = measured.start - target - MediaTime::from_ticks(1);
            loading.sequence.checked_sub(away(distance)).or(loading.sequence.checked_sub(1))
        } else if measured.end <= target {
            loading.sequence.checked_add(away(target - measured.end))
        } else if unfilled {
            loading.sequence.checked_add(1)
        } else if let Some(search) = self.search.as_mut().filter(|s| is_same(s.target, target)) {
            // It should be filled now. If it is not, this is not tried for ever.
            search.steps += 1;
            search.next = loading.sequence;
            return Some(loading);
        } else {
            self.search = None;
            return Some(loading);
        };
        let steps = self.search.filter(|s| is_same(s.target, target)).map_or(0, |s| s.steps) + 1;
        // What lies beside it will not fill a track that it leaves empty.
        let steps = if unfilled { steps.max(MAX_STEPS) } else { steps };
        self.search = Some(Search { target, next: next.unwrap_or(loading.sequence), steps });
        Some(loading)
    }

    /// Gives up what is being loaded; the result is its request.
    pub(super) fn give_up(&mut self) {
        self.tail = None;
        self.search = None;
        self.again = None;
        if matches!(self.state, State::Loading(_)) {
            self.state = State::Idle;
        }
    }

    /// Gives up what is being loaded, to load the same in another way: what came before is still what loading goes on from.
    pub(super) fn step_aside(&mut self) {
        self.again = None;
        if matches!(self.state, State::Loading(_)) {
            self.state = State::Idle;
        }
    }

    /// Gives up what is being loaded, to load the same on a lower rung.
    pub(super) fn go_down(&mut self, rung: usize) {
        if let State::Loading(loading) = core::mem::take(&mut self.state) {
            self.again = Some(Again { rung, target: loading.target });
        }
    }

    /// What is loaded next replaces what is there by media of this rung.
    pub(super) fn replace(&mut self, rung: usize, target: MediaTime) {
        self.again = Some(Again { rung, target });
    }

    /// What was loaded last is not what loading goes on from.
    pub(super) fn forget_tail(&mut self) {
        self.tail = None;
    }

    /// The rung that a segment was given up for.
    pub(super) fn again(&self) -> Option<usize> {
        self.again.map(|again| again.rung)
    }

    /// The place that the segment given up was to fill.
    pub(super) fn again_at(&self) -> Option<MediaTime> {
        self.again.map(|again| again.target)
    }

    /// The rung of the last segment that came through.
    pub(super) fn finished_rung(&self) -> Option<usize> {
        self.tail.map(|tail| tail.rung)
    }

    /// Whether the end of a playlist of `rung` was loaded last, and lies before a place.
    pub(super) fn ends_before(&self, media: &Media, rung: usize, place: MediaTime) -> bool {
        let last = media.playlist.segments.last().map(|last| last.sequence);
        self.tail.is_some_and(|tail| {
            (tail.rung, Some(tail.sequence)) == (rung, last) && tail.end <= place + MISPLACED
        })
    }

    /// Whether what is being loaded will fill `target`.
    pub(super) fn serves(&self, target: MediaTime) -> bool {
        self.loading().is_some_and(|l| l.range.start - NEAR <= target && target < l.range.end)
    }

    /// What fills `target`, in a playlist of `rung` that is `drift` behind its media where nothing closer is known. There is
    /// media up to it (`goes_on`), or none.
    pub(super) fn next_segment<'a>(
        &self,
        media: &'a Media,
        rung: usize,
        target: MediaTime,
        goes_on: bool,
        drift: MediaTime,
    ) -> Next<'a> {
        let segments = &media.playlist.segments;
        let found = match (self.search, self.tail) {
            (Some(search), _) if is_same(search.target, target) => {
                if search.steps > MAX_STEPS {
                    return Next::Hole;
                }
                // It may have been looked for beyond the beginning or the end, but not there.
                let first = segments.first().map_or(0, |first| first.sequence);
                let last = segments.last().map_or(0, |last| last.sequence);
                let next = match self.tail.map(|tail| tail.sequence) {
                    Some(before) if search.next < first && before > first => first,
                    Some(before) if search.next > last && before < last => last,
                    _ => search.next,
                };
                (media.playlist.segment(next), MediaTime::ZERO, false)
            }
            // What was loaded for this very place, or reached beyond it, and is not there was lost: it is what comes next.
            (_, Some(tail))
                if tail.end.abs_diff(target) <= NEAR
                    && !is_same(tail.target, target)
                    && (goes_on || tail.end - target <= MISPLACED) =>
            {
                let Some(segment) = after(media, rung, tail) else {
                    // A stream that has ended may have moved on before.
                    let has_left = media.playlist.window().start > tail.playlist_end + NEAR;
                    return if has_left { Next::Hole } else { Next::End };
                };
                let continues = rung == tail.rung && segment.sequence == tail.sequence.saturating_add(1);
                (Some(segment), tail.end - tail.playlist_end, continues)
            }
            _ => {
                let end = segments.last().map_or(MediaTime::ZERO, Segment::end);
                let is_over = |place: MediaTime| place + MISPLACED >= end;
                if is_over(target - drift) && (is_over(target) || media.playlist.is_live()) {
                    return Next::End;
                }
                // How far media lie from where the playlist has them was measured elsewhere: the last segment shows it here.
                let last = segments.last().filter(|_| is_over(target - drift));
                (last.or_else(|| media.segment_from(target - drift)), drift, false)
            }
        };
        match found {
            (Some(segment), ..) if segment.gap => Next::Gap,
            (Some(segment), drift, continues) => Next::Segment { segment, drift, continues },
            (None, ..) => Next::Hole,
        }
    }

    /// How far media lies behind where the playlist has it.
    pub(super) fn drift(&self) -> MediaTime {
        self.drift
    }

    /// The same, of media at a place. Durations that are rounded or wrong add up: of what does not move, media lies as much
    /// less behind as it lies before where that was measured.
    pub(super) fn drift_for(&self, place: MediaTime, is_live: bool) -> MediaTime {
        if is_live || place >= self.drift_at {
            return self.drift;
        }
        let share = place.ticks().max(0) as f64 / self.drift_at.ticks() as f64;
        MediaTime::from_ticks((self.drift.ticks() as f64 * share) as i64)
    }

    /// Where the playlist has its media is told anew.
    pub(super) fn forget_drift(&mut self) {
        self.drift = MediaTime::ZERO;
    }

    /// Whether loading has gone by a segment of another lane. The playlists say so: where either's media lie may be told by
    /// a segment that came incomplete.
    pub(super) fn has_gone_by(&self, other: &Loading) -> bool {
        self.tail.is_some_and(|tail| tail.playlist_end > other.playlist_middle)
    }

    /// The rung, or rendition, that the lane is at or on its way to.
    pub(super) fn at_rung(&self) -> Option<usize> {
        match &self.state {
            State::AwaitPlaylist(rung) => Some(*rung),
            State::Loading(l) => Some(l.rung),
            State::Idle => self.rung,
        }
    }

    /// Whether what was held back at the end is still to be asked for; asked once.
    pub(super) fn wants_flush(&mut self) -> bool {
        self.tail.as_mut().is_some_and(|tail| !core::mem::replace(&mut tail.flushed, true))
    }
}

impl Loading {
    /// `drift` is how far from where the playlist has it the media is expected.
    pub(super) fn new(
        rung: usize,
        restarts: u32,
        segment: &Segment,
        drift: MediaTime,
        target: MediaTime,
        ask: Ask,
    ) -> Self {
        let range = segment.range();
        Self {
            rung,
            sequence: segment.sequence,
            discontinuity_sequence: (restarts, segment.discontinuity_sequence),
            range: TimeRange { start: range.start + drift, end: range.end + drift },
            playlist_middle: range.start + MediaTime::from_ticks(range.length().ticks() / 2),
            playlist_end: range.end,
            target,
            request: None,
            cipher: None,
            continues: false,
            discontinuity: segment.discontinuity,
            urgent: false,
            init: None,
            replaces: false,
            forgotten: 0,
            bytes: 0,
            awaits_offset: false,
            ask,
        }
    }
}

impl Loading {
    /// Whether media there lies so far from where the segment was expected that no segment beside it fills its place.
    pub(super) fn is_far_from(&self, measured: TimeRange) -> bool {
        let reach = self.range.length().ticks().saturating_mul(i64::from(MAX_STEPS));
        measured.start.abs_diff(self.range.start).ticks() > reach
    }

    /// Where the playlist has its beginning.
    fn playlist_start(&self) -> MediaTime {
        self.playlist_middle + self.playlist_middle - self.playlist_end
    }

    /// Whether this key opens the segment or its init section.
    pub(super) fn needs_key(&self, identity: &str) -> bool {
        self.key_length(identity).is_some()
    }

    /// Bytes that this key must have to open the segment or its init section; `None` if it opens neither.
    pub(super) fn key_length(&self, identity: &str) -> Option<usize> {
        let of_init = self.init.as_ref().and_then(|init| init.cipher.as_ref());
        let mut ciphers = self.cipher.iter().chain(of_init);
        ciphers.find(|cipher| cipher.key == identity).map(|cipher| cipher.encryption.scheme.key_length())
    }
}

/// The segment after `tail`: the next number in the same playlist, and in another rung's where its numbers agree with
/// its times; else the one at the same place.
fn after(media: &Media, rung: usize, tail: Tail) -> Option<&Segment> {
    let next = media.playlist.segment(tail.sequence.saturating_add(1));
    if rung == tail.rung {
        return next;
    }
    match next {
        Some(segment) if segment.start().abs_diff(tail.playlist_end) <= NEAR => Some(segment),
        _ => media.segment_from(tail.playlist_end),
    }
}

/// Whether two places are one. What is queued and what a browser then says of it differ by roundings, and a search that began
/// anew with each would never end.
fn is_same(a: MediaTime, b: MediaTime) -> bool {
    a.abs_diff(b) <= ROUNDING
}

const ROUNDING: MediaTime = MediaTime::from_millis(5);
/// Tracks do not end on the same tick, and the last frame of a segment comes out with the next one.
const NEAR: MediaTime = MediaTime::from_millis(500);
/// Media that begins this much after the place it was to fill leaves a hole that nothing plays over.
const MISPLACED: MediaTime = MediaTime::from_millis(100);
/// Segments tried for a place before it is taken for a hole.
const MAX_STEPS: u32 = 6;
/// Copies of a segment that a browser may cut into before its place is taken for a hole.
const MAX_COPIES: u32 = 3;
/// A live stream with breaks may go on for days; what is so far back is not loaded again.
const MAX_OFFSETS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::super::requests::Purpose;
    use super::*;
    use crate::playlist::{Limits, Source, Variables, parse_media};

    /// Sound that waits for an offset of a count that only its own playlist has would wait for ever.
    #[test]
    fn a_server_that_began_anew_for_one_playlist_only_has_an_offset_for_it_too() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.last_offset(1), None);
        lanes.found_offset((0, 3), 30);
        lanes.found_offset((1, 0), 10);
        lanes.found_offset((1, 2), 12);
        assert_eq!([0, 1, 2].map(|restarts| lanes.last_offset(restarts)), [Some(30), Some(12), Some(12)]);
    }

    fn media(segments: usize, told: f64) -> Media {
        let mut text = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:9\n");
        (0..segments).for_each(|n| text += &format!("#EXTINF:{told},\n{n}.ts\n"));
        let source =
            Source { base: &Url::new(""), variables: &Variables::default(), limits: Limits::default() };
        let playlist = parse_media((text + "#EXT-X-ENDLIST\n").as_bytes(), &source).unwrap();
        Media { playlist, url: Url::new("") }
    }

    /// Loads for `target` until nothing more is to be loaded for it: how often, and what was loaded last. Media of segment `n`
    /// lie from `length` times `n` on for so long.
    fn loads_for(target: impl Fn(u32) -> MediaTime, media: &Media, length: MediaTime) -> (u32, u64) {
        let (mut lane, mut loads, mut last) = (Lane::default(), 0, 0);
        loop {
            let place = target(loads);
            let next = lane.next_segment(media, 0, place, false, MediaTime::ZERO);
            let Next::Segment { segment, drift, .. } = next else { return (loads, last) };
            last = segment.sequence;
            let ask = Ask::get(Purpose::Segment(LaneId::Main), Url::new(""));
            lane.begin(Loading::new(0, 0, segment, drift, place, ask));
            let start = MediaTime::from_ticks(length.ticks() * last as i64);
            let measured = TimeRange { start, end: start + length };
            lane.finish(measured, 0);
            loads += 1;
            if measured.contains(place) || loads > 50 {
                return (loads, last);
            }
        }
    }

    /// Segments of two seconds of which the playlist says that they are of 2.3: what was looked for was seven segments on, and the
    /// search gave up before.
    #[test]
    fn a_place_is_found_in_a_few_steps_however_far_off_the_playlist_is() {
        let at = |seconds: f64| move |_: u32| MediaTime::from_millis((seconds * 1000.0) as i64);
        let two = MediaTime::from_millis(2000);
        assert_eq!(loads_for(at(110.4), &media(56, 2.3), two), (2, 55));
        assert_eq!(loads_for(at(60.5), &media(56, 1.2), two), (2, 30));
        assert_eq!(loads_for(at(5.0), &media(56, 2.0), two), (1, 2));
    }

    /// What is queued and what the browser then says differed by a tick: the search began anew with each, for ever.
    #[test]
    fn a_search_ends_although_the_place_is_told_with_roundings() {
        let hole = |n: u32| MediaTime::from_ticks(4 * 90_000 + i64::from(n % 2));
        let (media, mut lane, mut loads) = (media(8, 2.0), Lane::default(), 0);
        while let Next::Segment { segment, drift, .. } =
            lane.next_segment(&media, 0, hole(loads), false, MediaTime::ZERO)
        {
            let (n, place) = (segment.sequence, hole(loads));
            let ask = Ask::get(Purpose::Segment(LaneId::Main), Url::new(""));
            lane.begin(Loading::new(0, 0, segment, drift, place, ask));
            // They end before the hole or begin behind it.
            let start = MediaTime::from_millis(n as i64 * 2000 + if n < 2 { -1000 } else { 1000 });
            lane.finish(TimeRange { start, end: start + MediaTime::from_millis(2000) }, 0);
            loads += 1;
            assert!(loads < 20, "for ever");
        }
        assert!(loads > 1);
    }

    #[test]
    fn a_damaged_timestamp_is_no_drift() {
        let (media, mut lane) = (media(8, 2.0), Lane::default());
        let ask = Ask::get(Purpose::Segment(LaneId::Main), Url::new(""));
        let segment = media.playlist.segment(1).unwrap();
        lane.begin(Loading::new(0, 0, segment, MediaTime::ZERO, segment.start(), ask));
        lane.finish(TimeRange { start: segment.start(), end: MediaTime::from_millis(17_755_000) }, 0);
        assert_eq!(lane.drift(), MediaTime::ZERO);
    }

    /// Frames of a segment that broke may be all that there is, and the sound is to be in step with them.
    #[test]
    fn an_offset_in_doubt_is_the_last_to_go_by() {
        let mut lanes = Lanes::default();
        lanes.found_offset((0, 1), 10);
        lanes.doubt_offset((0, 1));
        assert_eq!((lanes.offset((0, 1)), lanes.last_offset(0)), (None, Some(10)));
        lanes.found_offset((0, 0), 5);
        assert_eq!(lanes.last_offset(0), Some(5));
        lanes.found_offset((0, 1), 12);
        assert_eq!((lanes.offset((0, 1)), lanes.last_offset(0)), (Some(12), Some(12)));
        lanes.offset_proved((0, 1));
        lanes.doubt_offset((0, 1));
        assert_eq!(lanes.offset((0, 1)), Some(12));
    }
}
