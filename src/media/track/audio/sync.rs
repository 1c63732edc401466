//! Finds the frames in the stream's bytes.
//!
//! A frame that follows another, or starts a PES packet, goes out as soon as it is complete. One that
//! was found by searching, or that bytes may be missing from, waits for the header behind it to confirm it. One that
//! more may belong to (Enhanced AC-3) waits for the header behind it as well.

use super::{AudioTrack, scale};
use crate::media::codec::ac3;
use crate::media::codec::frame::{self, FrameHeader, MAX_HEADER, Parsed, Role};
use crate::media::id3;
use crate::media::track::Sink;
use crate::time::TICKS_PER_SECOND;

/// What the next bytes are.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// The first bytes of a header, and the time stamp of the packet that they started in.
    Header { bytes: Short, pts: Option<i64> },
    /// A frame: `skip` bytes without use and `left` of payload are to come.
    Payload { frame: Frame, skip: usize, left: usize },
    /// A frame that is not used.
    Skip { left: usize },
}

/// A frame, or several that make one access unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) header: FrameHeader,
    pub(super) pts: Option<i64>,
    pub(super) doubtful: bool,
    /// Where the last of the frames that were joined starts in the open sample, and how many are of the main substream.
    last_at: usize,
    joined: u8,
}

/// A few bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Short {
    bytes: [u8; MAX_HEADER],
    pub(super) len: usize,
}

impl Default for State {
    fn default() -> Self {
        Self::Header { bytes: Short::default(), pts: None }
    }
}

impl AudioTrack {
    /// Takes bytes; returns the rest of them where it stops at a tag, if it is to.
    pub(super) fn run<'a>(
        &mut self,
        mut bytes: &'a [u8],
        to_tag: bool,
        sink: &mut Sink<'_>,
    ) -> Option<&'a [u8]> {
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
            self.garbage(gone, sink);
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
        // Where anything may come, only what the stream was before is believed, until that has not come for long.
        let believed = |parsed: &FrameHeader| {
            let known = self.idle > PATIENCE || self.is_known(parsed);
            self.in_sync || known && matches!(parsed.role, Role::Whole | Role::Start)
        };
        let parsed = parsed.filter(believed);
        self.in_sync &= parsed.is_some();
        parsed
    }

    /// Whether the stream has had frames like this one, or none at all.
    fn is_known(&self, header: &FrameHeader) -> bool {
        self.format.is_none_or(|format| format.same_stream(header))
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
            // A change has to be confirmed: garbage behind a frame may look like one.
            (_, None) => {
                let doubtful = !self.in_sync || !self.is_known(&header);
                Frame { header, pts, doubtful, last_at, joined: 1 }
            }
        };
        self.lock.begin();
        let payload = own.get(header.skip.min(own.len())..).unwrap_or_default();
        self.fragment.payload().extend_from_slice(payload);
        let skip = header.skip.saturating_sub(own.len());
        self.state = State::Payload { frame, skip, left: left.saturating_sub(skip) };
        self.end_payload(sink);
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
    pub(super) fn as_slice(&self) -> &[u8] {
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

/// Bytes without a frame like those before, after which another kind is believed: two of the largest frames.
const PATIENCE: u64 = 1 << 14;
/// Enhanced AC-3 has no more dependent substreams in a program. Frames behind these are part of the access unit all the same.
const MAX_DEPENDENTS: u8 = 8;
