//! Frames of an audio stream, timed and gathered into fragments.
//!
//! **Times** follow the sample count, in a timescale of the sample rate, so that no rounding adds up. A time stamp
//! that is more than one frame off the count starts the count anew: audio never drifts further than that.
//!
//! Where frames are is found out in [`sync`].

mod sync;

use sync::{Frame, Short, State};

use super::{SampleLock, Share, Sink, range};
use crate::media::codec::frame::{AudioConfig, AudioKind, FrameHeader, Unpacker};
use crate::media::cut::{Cut, Pace};
use crate::media::fmp4::{FragmentBuilder, SampleEntry, SampleFlags, TrackConfig};
use crate::media::{Fragment, InitSection, MediaEvent, TrackKind};
use crate::time::{MediaTime, TICKS_PER_SECOND};

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
    /// Bytes without a frame since the last one.
    idle: u64,
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

impl AudioTrack {
    /// What the stream is said to be; `None`: anything.
    pub(crate) fn set_kind(&mut self, kind: Option<AudioKind>, sink: &mut Sink<'_>) {
        if self.kind != kind {
            self.finish(sink);
            self.kind = kind;
            self.format = None;
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
        self.format = None;
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

    /// The frame that waited is complete, as far as is known.
    fn wait_over(&mut self, sink: &mut Sink<'_>) {
        if let Some(frame) = self.pending.take() {
            self.commit(frame, sink);
        }
    }

    /// The open sample is a frame: its access units get their times.
    fn commit(&mut self, frame: Frame, sink: &mut Sink<'_>) {
        self.idle = 0;
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
        self.garbage(self.fragment.open_sample().len(), sink);
        self.fragment.truncate_open(0);
    }

    /// So many bytes are no frame.
    fn garbage(&mut self, bytes: usize, sink: &mut Sink<'_>) {
        let bytes = bytes as u64;
        self.idle = self.idle.saturating_add(bytes);
        sink.losses.audio_garbage_bytes = sink.losses.audio_garbage_bytes.saturating_add(bytes);
    }

    /// All complete frames go out.
    fn seal(&mut self, sink: &mut Sink<'_>) {
        let Ok(decode_time) = u64::try_from(self.start) else { return };
        let sequence = self.sequence.wrapping_add(1);
        if let Some(data) = self.fragment.seal(TRACK_ID, sequence, decode_time) {
            self.sequence = sequence;
            let range = range(self.ticks(self.start), self.ticks(self.end));
            sink.fragment(Fragment {
                track: TrackKind::Audio,
                range,
                decoded: range,
                last_frame: MediaTime::ZERO,
                starts_with_key_frame: true,
                data,
            });
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

/// `value * to / from`, to the nearest.
pub(in crate::media) fn scale(value: i64, to: i64, from: i64) -> i64 {
    value.saturating_mul(to).saturating_add(from / 2).div_euclid(from)
}

/// Of the only track of its init sections.
const TRACK_ID: u32 = 2;
