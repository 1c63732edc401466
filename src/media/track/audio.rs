//! Frames of an audio stream, timed and gathered into fragments.
//!
//! **Times** follow the sample count, in a timescale of the sample rate, so that no rounding adds up. A time stamp
//! that is more than one frame off the count starts the count anew: audio never drifts further than that.
//!
//! **Sync.** A frame that follows another, or starts a PES packet, goes out as soon as it is complete. One that
//! was found by searching, or that bytes may be missing from, waits for the header behind it to confirm it. One that
//! more may belong to (Enhanced AC-3) waits for the header behind it as well.

use super::{SampleLock, Share, Sink, range};
use crate::media::codec::ac3;
use crate::media::codec::frame::{
    self, AudioConfig, AudioKind, FrameHeader, MAX_HEADER, Parsed, Role, Unpacker,
};
use crate::media::cut::{Cut, Pace};
use crate::media::fmp4::{FragmentBuilder, SampleEntry, SampleFlags, TrackConfig};
use crate::media::id3;
use crate::media::{InitSection, MediaEvent, TrackKind};
use crate::time::TICKS_PER_SECOND;

/// Makes a track of one audio stream.
#[derive(Debug, Default)]
pub(crate) struct AudioTrack {
    kind: Option<AudioKind>,
    state: State,
    /// Bytes that were read as a header and belong behind it; they come before the next ones.
    held: Short,
    /// Whether the next byte is known to start a frame.
    in_sync: bool,
    /// A complete frame, in the fragment's open sample, that waits for the next header.
    pending: Option<Frame>,
    /// Presentation time, in ticks, of the PES packet at hand, until a frame takes it.
    pts: Option<i64>,
    unpacker: Unpacker,
    /// Lengths of a frame's access units.
    units: Vec<usize>,
    /// The header of frames that `config` holds for.
    format: Option<FrameHeader>,
    config: Option<AudioConfig>,
    /// Where the next frame goes by the count of samples.
    next: Option<i64>,
    fragment: FragmentBuilder,
    /// Samples: where the fragment being gathered starts and ends.
    start: i64,
    end: i64,
    pace: Pace,
    sequence: u32,
    share: Share,
    /// What the frames are encrypted with.
    pub(crate) lock: SampleLock,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The first bytes of a header, and the time stamp of the packet that they started in.
    Header { bytes: Short, pts: Option<i64> },
    /// A frame: `skip` bytes without use and `left` of payload are to come.
    Payload { frame: Frame, skip: usize, left: usize },
    /// A frame that is not used.
    Skip { left: usize },
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    header: FrameHeader,
    pts: Option<i64>,
    doubtful: bool,
    /// Where the last of the frames that were joined starts in the open sample, and how many are of the main substream.
    last_at: usize,
    joined: u8,
}

/// A few bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Short {
    bytes: [u8; MAX_HEADER],
    len: usize,
}

impl Default for State {
    fn default() -> Self {
        Self::Header { bytes: Short::default(), pts: None }
    }
}

impl AudioTrack {
    /// What the stream is said to be; `None`: anything.
    pub(crate) fn set_kind(&mut self, kind: Option<AudioKind>, sink: &mut Sink<'_>) {
        if self.kind != kind {
            self.finish(sink);
            self.kind = kind;
            self.in_sync = false;
        }
    }

    /// A segment begins that continues the one before.
    pub(crate) fn begin_segment(&mut self, cut: Cut) {
        self.pace = Pace::new(cut);
        self.share = Share::default();
        self.lose();
    }

    /// The segment that follows has nothing to do with the one before.
    pub(crate) fn discontinue(&mut self, sink: &mut Sink<'_>) {
        self.flush(sink);
        self.next = None;
        self.unpacker = Unpacker::default();
    }

    /// The segment at hand will not be completed: forgets what is not in a fragment yet.
    pub(crate) fn abandon(&mut self) {
        self.state = State::default();
        self.held = Short::default();
        self.in_sync = false;
        self.pending = None;
        self.pts = None;
        self.next = None;
        self.fragment.clear();
    }

    /// A PES packet starts.
    pub(crate) fn begin_pes(&mut self, pts: Option<i64>) {
        self.pts = pts;
        self.in_sync |= matches!(self.state, State::Header { bytes: Short { len: 0, .. }, .. });
    }

    /// Bytes may be missing before the next ones.
    pub(crate) fn lose(&mut self) {
        match &mut self.state {
            State::Header { .. } | State::Skip { .. } => self.in_sync = false,
            State::Payload { frame, .. } => frame.doubtful = true,
        }
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.run(bytes, false, sink);
    }

    /// Takes the next bytes of the stream, up to an ID3 tag between frames. If there is one, returns its first bytes, and
    /// those of `bytes` behind them; the tag is not part of the stream.
    pub(crate) fn push_to_tag<'a>(
        &mut self,
        bytes: &'a [u8],
        sink: &mut Sink<'_>,
    ) -> Option<(Vec<u8>, &'a [u8])> {
        let rest = self.run(bytes, true, sink)?;
        let prefix = core::mem::take(&mut self.held).as_slice().to_vec();
        self.wait_over(sink);
        Some((prefix, rest))
    }

    /// The segment is complete: puts out all complete frames and says what the segment had.
    pub(crate) fn end_segment(&mut self, sink: &mut Sink<'_>) -> Share {
        if self.pending.is_some_and(|frame| !frame.doubtful) {
            self.wait_over(sink);
        }
        self.seal(sink);
        self.share
    }

    /// The stream is complete.
    pub(crate) fn flush(&mut self, sink: &mut Sink<'_>) {
        self.finish(sink);
        self.pts = None;
        self.seal(sink);
    }

    /// Where the next frame goes by the count of samples, in ticks.
    pub(crate) fn next_ticks(&self) -> Option<i64> {
        self.next.map(|next| self.ticks(next))
    }

    /// No more bytes come of what was begun.
    fn finish(&mut self, sink: &mut Sink<'_>) {
        let begun = match core::mem::take(&mut self.state) {
            State::Header { bytes, .. } => bytes.len.saturating_add(self.held.len),
            State::Payload { .. } | State::Skip { .. } => 0,
        };
        self.held = Short::default();
        sink.losses.audio_garbage_bytes = sink.losses.audio_garbage_bytes.saturating_add(begun as u64);
        match self.pending.take() {
            Some(frame) => self.commit(frame, sink),
            None => self.discard(sink),
        }
        self.in_sync = false;
    }

    /// Takes bytes; returns the rest of them where it stops at a tag, if it is to.
    fn run<'a>(&mut self, mut bytes: &'a [u8], to_tag: bool, sink: &mut Sink<'_>) -> Option<&'a [u8]> {
        loop {
            let held = core::mem::take(&mut self.held);
            let (taken, stopped) = if held.len > 0 {
                let (taken, stopped) = self.step(held.as_slice(), to_tag, sink);
                // What the step read too far comes first.
                self.held.extend(held.as_slice().get(taken..).unwrap_or_default());
                (0, stopped)
            } else if bytes.is_empty() {
                return None;
            } else {
                self.step(bytes, to_tag, sink)
            };
            bytes = bytes.get(taken..).unwrap_or_default();
            if stopped {
                return Some(bytes);
            }
        }
    }

    /// Takes some of the bytes, one at least: how many, and whether they end with the start of a tag.
    fn step(&mut self, bytes: &[u8], to_tag: bool, sink: &mut Sink<'_>) -> (usize, bool) {
        match &mut self.state {
            State::Header { bytes: header, pts } => {
                if header.len == 0 {
                    *pts = self.pts.take();
                }
                let (header, pts) = (*header, *pts);
                self.header(header, pts, bytes, to_tag, sink)
            }
            State::Skip { left } => {
                let taken = (*left).min(bytes.len());
                *left = left.saturating_sub(taken);
                if *left == 0 {
                    self.state = State::default();
                }
                (taken, false)
            }
            State::Payload { skip, left, .. } => {
                let skipped = (*skip).min(bytes.len());
                *skip = skip.saturating_sub(skipped);
                let rest = bytes.get(skipped..).unwrap_or_default();
                let payload = rest.get(..(*left).min(rest.len())).unwrap_or_default();
                *left = left.saturating_sub(payload.len());
                self.fragment.payload().extend_from_slice(payload);
                self.end_payload(sink);
                (skipped.saturating_add(payload.len()), false)
            }
        }
    }

    /// If the frame at hand is complete, it goes out, or waits.
    fn end_payload(&mut self, sink: &mut Sink<'_>) {
        if let State::Payload { frame, skip: 0, left: 0 } = self.state {
            let last = self.fragment.open_sample_mut().get_mut(frame.last_at..);
            self.lock.open_frame(last.unwrap_or_default());
            self.state = State::default();
            self.in_sync = true;
            if frame.doubtful || frame.header.role == Role::Start {
                self.pending = Some(frame);
            } else {
                self.commit(frame, sink);
            }
        }
    }

    /// Gathers a header and reads it.
    fn header(
        &mut self,
        mut header: Short,
        pts: Option<i64>,
        bytes: &[u8],
        to_tag: bool,
        sink: &mut Sink<'_>,
    ) -> (usize, bool) {
        let mut taken = 0_usize;
        loop {
            if to_tag && id3::may_start(header.as_slice()) {
                self.pts = self.pts.or(pts);
                self.state = State::default();
                self.held = header;
                return (taken, true);
            }
            let parsed = match frame::parse(self.kind, header.as_slice()) {
                Parsed::Need(wanted) => {
                    let rest = bytes.get(taken..).unwrap_or_default();
                    let more = wanted.saturating_sub(header.len).clamp(1, MAX_HEADER);
                    let more = rest.get(..more.min(rest.len())).unwrap_or_default();
                    if more.is_empty() {
                        self.state = State::Header { bytes: header, pts };
                        return (taken, false);
                    }
                    header.extend(more);
                    taken = taken.saturating_add(more.len());
                    continue;
                }
                Parsed::Frame(parsed) => Some(parsed),
                Parsed::No => None,
            };
            if let Some(parsed) = self.believed(parsed, pts, sink) {
                self.start(parsed, pts, header.as_slice(), sink);
                return (taken, false);
            }
            let starts = |&byte: &u8| frame::may_start(byte) || to_tag && byte == b'I';
            let found = header.as_slice().iter().skip(1).position(starts);
            let gone = found.map_or(header.len, |at| at.saturating_add(1));
            sink.losses.audio_garbage_bytes = sink.losses.audio_garbage_bytes.saturating_add(gone as u64);
            header.remove(gone);
            if header.len == 0 {
                // The next frame that starts in this packet has the time stamp.
                self.pts = self.pts.or(pts);
                self.state = State::default();
                return (taken, false);
            }
        }
    }

    /// Settles what waited for this header, and whether it is a header.
    fn believed(
        &mut self,
        parsed: Option<FrameHeader>,
        pts: Option<i64>,
        sink: &mut Sink<'_>,
    ) -> Option<FrameHeader> {
        let joins = |header: &FrameHeader| match header.role {
            Role::Dependent => true,
            Role::Start => self.pending.is_some_and(|frame| frame.is_continued_by(header, pts)),
            Role::Whole | Role::Other => false,
        };
        if self.in_sync && parsed.as_ref().is_some_and(joins) {
            return parsed;
        }
        if let Some(frame) = self.pending.take() {
            let confirmed = parsed.is_some_and(|parsed| parsed.same_stream(&frame.header));
            if confirmed || !frame.doubtful {
                self.commit(frame, sink);
            } else {
                self.discard(sink);
                self.in_sync = false;
            }
        }
        // Where anything may come, only what the stream was before is believed.
        let believed = |parsed: &FrameHeader| {
            let known = self.format.is_none_or(|format| format.same_stream(parsed));
            self.in_sync || known && matches!(parsed.role, Role::Whole | Role::Start)
        };
        let parsed = parsed.filter(believed);
        self.in_sync &= parsed.is_some();
        parsed
    }

    /// A frame starts with the bytes that were read as its header.
    fn start(&mut self, header: FrameHeader, pts: Option<i64>, bytes: &[u8], sink: &mut Sink<'_>) {
        let own = bytes.get(..header.len().min(bytes.len())).unwrap_or_default();
        self.held.extend(bytes.get(own.len()..).unwrap_or_default());
        let left = header.len().saturating_sub(own.len());
        let last_at = self.fragment.open_sample().len();
        let frame = match (header.role, self.pending.take()) {
            (Role::Other, _) | (Role::Dependent, None) => {
                self.pts = self.pts.or(pts);
                self.state = if left == 0 { State::default() } else { State::Skip { left } };
                return;
            }
            (_, Some(before)) => Frame { last_at, ..before.joined(&header) },
            (_, None) => Frame { header, pts, doubtful: !self.in_sync, last_at, joined: 1 },
        };
        self.lock.begin();
        let payload = own.get(header.skip.min(own.len())..).unwrap_or_default();
        self.fragment.payload().extend_from_slice(payload);
        let skip = header.skip.saturating_sub(own.len());
        self.state = State::Payload { frame, skip, left: left.saturating_sub(skip) };
        self.end_payload(sink);
    }

    /// The frame that waited is complete, as far as is known.
    fn wait_over(&mut self, sink: &mut Sink<'_>) {
        if let Some(frame) = self.pending.take() {
            self.commit(frame, sink);
        }
    }

    /// The open sample is a frame: its access units get their times.
    fn commit(&mut self, frame: Frame, sink: &mut Sink<'_>) {
        let mut units = core::mem::take(&mut self.units);
        let payload = self.fragment.open_sample_mut();
        let samples = self.unpacker.unpack(&frame.header, payload, &mut units);
        if let Some(samples) = samples.filter(|_| self.describe(&frame.header, sink)) {
            let mut pts = frame.pts;
            for &length in &units {
                self.commit_unit(length, samples, pts.take(), sink);
            }
            self.fragment.truncate_open(0);
        } else {
            self.discard(sink);
        }
        self.units = units;
    }

    /// Sees to it that the open sample is decoded with the right config; false if none can be told.
    fn describe(&mut self, header: &FrameHeader, sink: &mut Sink<'_>) -> bool {
        let same = self.format.is_some_and(|format| format.same_format(header));
        if self.unpacker.take_change() || !same {
            let Some(config) = self.unpacker.describe(header, self.fragment.open_sample()) else {
                return false;
            };
            self.format = Some(*header);
            if self.config.as_ref() != Some(&config) {
                self.configure(config, sink);
            }
        }
        true
    }

    /// The first bytes of the open sample are an access unit. The fragment goes out if it is long enough.
    fn commit_unit(&mut self, length: usize, samples: u32, pts: Option<i64>, sink: &mut Sink<'_>) {
        let Some(time) = self.time(pts, samples, sink) else {
            let lost = length as u64;
            sink.losses.audio_garbage_bytes = sink.losses.audio_garbage_bytes.saturating_add(lost);
            return self.fragment.drop_first(length);
        };
        let end = time.saturating_add(i64::from(samples));
        self.next = Some(end);
        if time < 0 {
            sink.losses.frames_before_start = sink.losses.frames_before_start.saturating_add(1);
            return self.fragment.drop_first(length);
        }
        if !self.fragment.is_empty() && self.end != time {
            self.seal(sink);
        }
        if self.fragment.is_empty() {
            self.start = time;
        }
        self.fragment.commit_first(length, samples, 0, SampleFlags::Sync);
        self.end = end;
        self.share.add(self.ticks(time), self.ticks(end), true);
        let length = self.ticks(end.saturating_sub(self.start));
        if self.fragment.is_full() || self.pace.is_due(length) {
            self.seal(sink);
            self.pace.cut(length);
        }
    }

    /// Where an access unit goes, in samples: by count, or by its time stamp where the two differ too much.
    fn time(&self, pts: Option<i64>, samples: u32, sink: &mut Sink<'_>) -> Option<i64> {
        let Some(pts) = pts else { return self.next };
        let stamped = self.samples(pts);
        match self.next {
            Some(counted) if stamped.abs_diff(counted) <= u64::from(samples) => Some(counted),
            Some(_) => {
                sink.losses.time_jumps = sink.losses.time_jumps.saturating_add(1);
                Some(stamped)
            }
            None => Some(stamped),
        }
    }

    fn configure(&mut self, config: AudioConfig, sink: &mut Sink<'_>) {
        self.seal(sink);
        let next = self.next_ticks();
        let entry = SampleEntry::Audio {
            format: config.format,
            channels: config.channels,
            sample_rate: config.output_rate,
            config: config.config.clone(),
        };
        let track = TrackConfig { id: TRACK_ID, timescale: config.sample_rate, entry };
        let init = InitSection::new(TrackKind::Audio, config.codec.clone(), track);
        self.config = Some(config);
        self.next = next.map(|next| self.samples(next));
        sink.out.push(MediaEvent::Init(init));
    }

    /// The open sample is no frame.
    fn discard(&mut self, sink: &mut Sink<'_>) {
        let bytes = self.fragment.open_sample().len() as u64;
        sink.losses.audio_garbage_bytes = sink.losses.audio_garbage_bytes.saturating_add(bytes);
        self.fragment.truncate_open(0);
    }

    /// All complete frames go out.
    fn seal(&mut self, sink: &mut Sink<'_>) {
        let Ok(decode_time) = u64::try_from(self.start) else { return };
        let sequence = self.sequence.wrapping_add(1);
        if let Some(data) = self.fragment.seal(TRACK_ID, sequence, decode_time) {
            self.sequence = sequence;
            let shown = range(self.ticks(self.start), self.ticks(self.end));
            sink.fragment(TrackKind::Audio, shown, true, data);
        }
    }

    fn rate(&self) -> i64 {
        self.config.as_ref().map_or(TICKS_PER_SECOND, |config| i64::from(config.sample_rate))
    }

    fn samples(&self, ticks: i64) -> i64 {
        scale(ticks, self.rate(), TICKS_PER_SECOND)
    }

    fn ticks(&self, samples: i64) -> i64 {
        scale(samples, TICKS_PER_SECOND, self.rate())
    }
}

impl Frame {
    /// Whether a frame of the same substream, with the next blocks, makes one access unit with this one.
    fn is_continued_by(&self, next: &FrameHeader, pts: Option<i64>) -> bool {
        let header = &self.header;
        let rate = i64::from(header.sample_rate.max(1));
        let ticks = |samples: u32| scale(i64::from(samples), TICKS_PER_SECOND, rate);
        // A time stamp that says something else may come out between the two.
        let agrees = pts.zip(self.pts).is_none_or(|(pts, start)| {
            let expected = start.saturating_add(ticks(header.samples));
            i64::try_from(pts.abs_diff(expected)).is_ok_and(|off| off <= ticks(next.samples))
        });
        let samples = header.samples.saturating_add(next.samples);
        !self.doubtful && agrees && header.same_stream(next) && samples <= ac3::MAX_SAMPLES
    }

    /// This frame with another one behind it, which is part of the same access unit.
    fn joined(mut self, other: &FrameHeader) -> Self {
        let header = &mut self.header;
        if other.role == Role::Start {
            header.samples = header.samples.saturating_add(other.samples);
            self.joined = self.joined.saturating_add(1);
        } else if self.joined == 1 && header.dependents < MAX_DEPENDENTS {
            // The same substreams come with each of the frames.
            header.dependents = header.dependents.saturating_add(1);
            header.locations |= other.locations;
        }
        self
    }
}

impl Short {
    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Appends what there is room for.
    fn extend(&mut self, bytes: &[u8]) {
        for (to, from) in self.bytes.iter_mut().skip(self.len).zip(bytes) {
            *to = *from;
            self.len = self.len.saturating_add(1);
        }
    }

    fn remove(&mut self, count: usize) {
        let count = count.min(self.len);
        self.bytes.rotate_left(count);
        self.len = self.len.saturating_sub(count);
    }
}

/// `value * to / from`, to the nearest.
fn scale(value: i64, to: i64, from: i64) -> i64 {
    value.saturating_mul(to).saturating_add(from / 2).div_euclid(from)
}

/// Enhanced AC-3 has no more dependent substreams in a program. Frames behind these are part of the access unit all the same.
const MAX_DEPENDENTS: u8 = 8;
/// Of the only track of its init sections.
const TRACK_ID: u32 = 2;
