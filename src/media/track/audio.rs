//! Frames of an AAC stream in ADTS, timed and gathered into fragments.
//!
//! **Times** follow the sample count, in a timescale of the sample rate, so that no rounding adds up. A time stamp
//! that is more than one frame off the count starts the count anew: audio never drifts further than that.
//!
//! **Sync.** A frame that follows another, or starts a PES packet, goes out as soon as it is complete. One that
//! was found by searching, or that bytes may be missing from, waits for the header behind it to confirm it.

use super::{SampleLock, Share, Sink, range};
use crate::media::codec::aac::{ADTS_HEADER, AacConfig, AdtsHeader};
use crate::media::cut::{Cut, Pace};
use crate::media::fmp4::{FragmentBuilder, SampleEntry, SampleFlags, TrackConfig, esds};
use crate::media::{InitSection, MediaEvent, TrackKind};
use crate::time::TICKS_PER_SECOND;

/// Makes a track of one AAC stream.
#[derive(Debug)]
pub(crate) struct AudioTrack {
    state: State,
    /// Whether the next byte is known to start a frame.
    in_sync: bool,
    /// A complete frame, in the fragment's open sample, that the next header has to confirm.
    doubtful: Option<Frame>,
    /// Presentation time, in ticks, of the PES packet at hand, until a frame takes it.
    pts: Option<i64>,
    config: Option<AacConfig>,
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
    /// The first bytes of a header.
    Header { bytes: [u8; ADTS_HEADER], len: usize },
    /// A frame: `skip` bytes of CRC and `left` of payload are to come.
    Payload { frame: Frame, skip: usize, left: usize },
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    header: AdtsHeader,
    pts: Option<i64>,
    doubtful: bool,
}

impl Default for AudioTrack {
    fn default() -> Self {
        Self {
            state: State::EMPTY,
            in_sync: false,
            doubtful: None,
            pts: None,
            config: None,
            next: None,
            fragment: FragmentBuilder::default(),
            start: 0,
            end: 0,
            pace: Pace::default(),
            sequence: 0,
            share: Share::default(),
            lock: SampleLock::default(),
        }
    }
}

impl State {
    const EMPTY: Self = Self::Header { bytes: [0; ADTS_HEADER], len: 0 };
}

impl AudioTrack {
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
    }

    /// The segment at hand will not be completed: forgets what is not in a fragment yet.
    pub(crate) fn abandon(&mut self) {
        self.state = State::EMPTY;
        self.in_sync = false;
        self.doubtful = None;
        self.pts = None;
        self.next = None;
        self.fragment.clear();
    }

    /// A PES packet starts.
    pub(crate) fn begin_pes(&mut self, pts: Option<i64>) {
        self.pts = pts;
        self.in_sync |= matches!(self.state, State::Header { len: 0, .. });
    }

    /// Bytes may be missing before the next ones.
    pub(crate) fn lose(&mut self) {
        match &mut self.state {
            State::Header { .. } => self.in_sync = false,
            State::Payload { frame, .. } => frame.doubtful = true,
        }
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) {
        while !bytes.is_empty() {
            match self.state {
                State::Header { bytes: header, len } => {
                    bytes = self.header(header, len, bytes, sink);
                }
                State::Payload { frame, skip, left } => {
                    let (_, rest) = bytes.split_at(skip.min(bytes.len()));
                    let skip = skip.saturating_sub(bytes.len());
                    let (payload, rest) = rest.split_at(left.min(rest.len()));
                    let left = left.saturating_sub(payload.len());
                    self.fragment.payload().extend_from_slice(payload);
                    bytes = rest;
                    self.state = State::Payload { frame, skip, left };
                    if left == 0 {
                        self.lock.open_frame(self.fragment.open_sample_mut());
                        self.state = State::EMPTY;
                        self.in_sync = true;
                        if frame.doubtful {
                            self.doubtful = Some(frame);
                        } else {
                            self.commit(frame, sink);
                        }
                    }
                }
            }
        }
    }

    /// The segment is complete: puts out all complete frames and says what the segment had.
    pub(crate) fn end_segment(&mut self, sink: &mut Sink<'_>) -> Share {
        self.seal(sink);
        self.share
    }

    /// The stream is complete.
    pub(crate) fn flush(&mut self, sink: &mut Sink<'_>) {
        match self.doubtful.take() {
            Some(frame) => self.commit(frame, sink),
            None => self.discard(sink),
        }
        self.state = State::EMPTY;
        self.in_sync = false;
        self.pts = None;
        self.seal(sink);
    }

    /// Gathers a header and reads it. Returns the bytes behind it.
    fn header<'a>(
        &mut self,
        mut header: [u8; ADTS_HEADER],
        len: usize,
        bytes: &'a [u8],
        sink: &mut Sink<'_>,
    ) -> &'a [u8] {
        let wanted = header.get_mut(len..).unwrap_or_default();
        let (taken, rest) = bytes.split_at(wanted.len().min(bytes.len()));
        for (to, from) in wanted.iter_mut().zip(taken) {
            *to = *from;
        }
        let len = len.saturating_add(taken.len());
        if len < ADTS_HEADER {
            self.state = State::Header { bytes: header, len };
            return rest;
        }
        let parsed = AdtsHeader::parse(&header);
        if let Some(frame) = self.doubtful.take() {
            if parsed.is_some_and(|parsed| parsed.config == frame.header.config) {
                self.commit(frame, sink);
            } else {
                self.discard(sink);
                self.in_sync = false;
            }
        }
        // Where anything may come, only what the stream was before is believed.
        let believed = |parsed: &AdtsHeader| self.in_sync || self.config.is_none_or(|c| c == parsed.config);
        let Some(parsed) = parsed.filter(believed) else {
            self.in_sync = false;
            let next = header.iter().skip(1).position(|&byte| byte == 0xff).map_or(ADTS_HEADER, |at| at + 1);
            sink.losses.audio_garbage_bytes = sink.losses.audio_garbage_bytes.saturating_add(next as u64);
            header.rotate_left(next.min(ADTS_HEADER));
            self.state = State::Header { bytes: header, len: ADTS_HEADER.saturating_sub(next) };
            return rest;
        };
        self.lock.begin();
        let frame = Frame { header: parsed, pts: self.pts.take(), doubtful: !self.in_sync };
        let skip = parsed.header_len.saturating_sub(ADTS_HEADER);
        self.state = State::Payload { frame, skip, left: parsed.payload_len };
        rest
    }

    /// The open sample is a frame: gives it its time. The fragment goes out if it is long enough.
    fn commit(&mut self, frame: Frame, sink: &mut Sink<'_>) {
        let config = frame.header.config;
        if self.config != Some(config) {
            self.configure(config, sink);
        }
        let Some(time) = self.time(&frame, sink) else { return self.discard(sink) };
        let samples = i64::from(frame.header.samples);
        self.next = Some(time.saturating_add(samples));
        if time < 0 {
            sink.losses.frames_before_start = sink.losses.frames_before_start.saturating_add(1);
            self.fragment.truncate_open(0);
            return;
        }
        if !self.fragment.is_empty() && self.end != time {
            self.seal(sink);
        }
        if self.fragment.is_empty() {
            self.start = time;
        }
        self.fragment.commit(frame.header.samples, 0, SampleFlags::Sync);
        self.end = time.saturating_add(samples);
        self.share.add(self.ticks(time), self.ticks(self.end), true);
        let length = self.ticks(self.end.saturating_sub(self.start));
        if self.fragment.is_full() || self.pace.is_due(length) {
            self.seal(sink);
            self.pace.cut(length);
        }
    }

    /// Where a frame goes, in samples: by count, or by its time stamp where the two differ too much.
    fn time(&self, frame: &Frame, sink: &mut Sink<'_>) -> Option<i64> {
        let Some(pts) = frame.pts else { return self.next };
        let stamped = self.samples(pts);
        match self.next {
            Some(counted) if stamped.abs_diff(counted) <= u64::from(frame.header.samples) => Some(counted),
            Some(_) => {
                sink.losses.time_jumps = sink.losses.time_jumps.saturating_add(1);
                Some(stamped)
            }
            None => Some(stamped),
        }
    }

    fn configure(&mut self, config: AacConfig, sink: &mut Sink<'_>) {
        self.seal(sink);
        let next = self.next.map(|next| self.ticks(next));
        self.config = Some(config);
        self.next = next.map(|next| self.samples(next));
        let entry = SampleEntry::Audio {
            format: *b"mp4a",
            channels: config.channels(),
            sample_rate: config.sample_rate(),
            config: esds(0x40, &config.specific_config()),
        };
        let track = TrackConfig { id: TRACK_ID, timescale: config.sample_rate(), entry };
        sink.out.push(MediaEvent::Init(InitSection::new(TrackKind::Audio, config.codec(), track)));
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
        self.config.map_or(TICKS_PER_SECOND, |config| i64::from(config.sample_rate()))
    }

    fn samples(&self, ticks: i64) -> i64 {
        scale(ticks, self.rate(), TICKS_PER_SECOND)
    }

    fn ticks(&self, samples: i64) -> i64 {
        scale(samples, TICKS_PER_SECOND, self.rate())
    }
}

/// `value * to / from`, to the nearest.
fn scale(value: i64, to: i64, from: i64) -> i64 {
    value.saturating_mul(to).saturating_add(from / 2).div_euclid(from)
}

/// Of the only track of its init sections.
const TRACK_ID: u32 = 2;
