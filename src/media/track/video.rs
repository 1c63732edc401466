//! Access units of an H.264 byte stream (ITU-T H.264 §7.4.1.2.3), timed and gathered into fragments.
//!
//! **Boundaries.** An access unit is complete when the next one starts, which is also when its duration is known:
//! the distance of their decoding times. So one unit is always held back, until the next one's first bytes, or
//! [`VideoTrack::flush`].
//!
//! **Decode times.** MP4 decode times cannot be negative, yet a stream that starts at presentation time zero and
//! has B-frames is decoded from before zero on. Decode times before zero become 0, 1, 2 ... ticks, in one
//! fragment each, so that durations and presentation times stay exact; all others are the stream's own. (Moving
//! all decode times by one constant would be as good for browsers, but libav then shows video late.)
//! A picture that would be shown before zero is dropped if it leads a key frame that is not (nothing later refers
//! to it), and else shown at zero: what follows needs it.
//!
//! Invariant: inside a fragment decode times are the sum of the durations; over fragments they only go forward,
//! except where the stream itself jumps.

use super::parameters::{MAX_PARAMETER_SET, ParameterSets};
use super::{Share, Sink, join, range};
use crate::media::codec::annexb::{Splitter, Token};
use crate::media::codec::h264::{self, NalKind};
use crate::media::cut::{Cut, Pace};
use crate::media::fmp4::{FragmentBuilder, SampleFlags, TrackConfig};
use crate::media::text::Captions;
use crate::media::timeline::Stamp;
use crate::media::{InitSection, MediaEvent, TrackKind};
use crate::time::{MediaTime, TICKS_PER_SECOND, TimeRange};

/// Makes a track of one H.264 stream.
#[derive(Debug)]
pub(crate) struct VideoTrack {
    splitter: Splitter,
    nal: Nal,
    /// A parameter set on its way in.
    parameter_set: Vec<u8>,
    parameters: ParameterSets,
    configured: bool,
    /// Time stamps of the PES packet at hand, until an access unit takes them.
    stamp: Option<Stamp>,
    unit: Option<Unit>,
    fragment: FragmentBuilder,
    /// Of the fragment being gathered.
    gathered: Gathered,
    pace: Pace,
    sequence: u32,
    clock: Clock,
    /// Ticks that a frame lasts, where the parameter sets say it.
    nominal_duration: Option<u32>,
    /// Nothing can be decoded before a key frame.
    waits_for_key: bool,
    captions: Captions,
    share: Share,
}

/// An access unit larger than [`MAX_UNIT`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

/// The NAL unit at hand.
#[derive(Clone, Copy, Debug)]
enum Nal {
    /// No start code yet.
    None,
    /// Its first byte is known, or nothing.
    Head(Option<u8>),
    /// Goes into the sample; its length field is at `at`.
    Sample { kind: NalKind, at: usize },
    /// Goes into `parameter_set`.
    ParameterSet { kind: NalKind },
    /// Goes nowhere.
    Dropped,
}

/// The access unit at hand; its bytes are the fragment's open sample.
#[derive(Clone, Copy, Debug)]
struct Unit {
    /// As in the stream, or extrapolated from the unit before.
    stamp: Option<Stamp>,
    /// Where its first slice lies in the sample.
    picture: Option<usize>,
    key: bool,
    reference: bool,
    has_sps: bool,
    /// It began in an earlier segment than the one at hand.
    from_earlier: bool,
}

/// Times of the stream as they go into the track.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    /// The next unit is not decoded before.
    floor: i64,
    /// Duration of the last unit whose duration was measured.
    duration: Option<u32>,
    /// The last unit's own time stamps.
    last: Option<Stamp>,
    /// When the last key frame is shown.
    key_pts: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Gathered {
    start: i64,
    end: i64,
    shown: Option<TimeRange>,
    starts_with_key: bool,
}

impl Default for VideoTrack {
    fn default() -> Self {
        Self {
            splitter: Splitter::default(),
            nal: Nal::None,
            parameter_set: Vec::new(),
            parameters: ParameterSets::default(),
            configured: false,
            stamp: None,
            unit: None,
            fragment: FragmentBuilder::default(),
            gathered: Gathered::default(),
            pace: Pace::default(),
            sequence: 0,
            clock: Clock::default(),
            nominal_duration: None,
            waits_for_key: true,
            captions: Captions::default(),
            share: Share::default(),
        }
    }
}

impl VideoTrack {
    /// A segment begins that continues the one before.
    pub(crate) fn begin_segment(&mut self, cut: Cut) {
        self.pace = Pace::new(cut);
        self.captions.begin_segment();
        self.share = Share::default();
    }

    /// The segment that follows has nothing to do with the one before: makes what can be made of what is there,
    /// and waits for a key frame.
    pub(crate) fn discontinue(&mut self, sink: &mut Sink<'_>) {
        self.flush(sink);
        self.clock = Clock::default();
        self.waits_for_key = true;
    }

    /// The segment at hand will not be completed: forgets what is not in a fragment yet.
    pub(crate) fn abandon(&mut self) {
        self.splitter.reset();
        self.nal = Nal::None;
        self.stamp = None;
        self.unit = None;
        self.fragment.clear();
        self.clock = Clock::default();
        self.captions.abandon();
        self.waits_for_key = true;
    }

    /// A PES packet starts.
    pub(crate) fn begin_pes(&mut self, stamp: Option<Stamp>) {
        self.stamp = stamp;
    }

    /// Bytes are missing before the next ones.
    pub(crate) fn lose(&mut self) {
        self.splitter.reset();
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), TooLarge> {
        let mut splitter = core::mem::take(&mut self.splitter);
        let result = splitter.push(bytes, |token| match token {
            Token::Bytes(bytes) => self.nal_bytes(bytes, sink),
            Token::Start => {
                self.end_nal(sink);
                self.nal = Nal::Head(None);
                Ok(())
            }
        });
        self.splitter = splitter;
        result
    }

    /// The segment is complete: puts out all complete units and says what the segment had. The unit at hand may
    /// go on in the next segment; it counts to this one.
    pub(crate) fn end_segment(&mut self, sink: &mut Sink<'_>) -> Share {
        self.seal(sink);
        let length = i64::from(self.usual_duration());
        if let Some(unit) = &mut self.unit
            && !core::mem::replace(&mut unit.from_earlier, true)
            && unit.picture.is_some()
            && (unit.key || !self.waits_for_key)
            && let Some(stamp) = unit.stamp
        {
            let start = stamp.pts.max(0);
            self.share.add(start, start.saturating_add(length), unit.key);
        }
        let captions = self.captions.end_segment(sink.out);
        self.share.cues = captions.cues;
        sink.losses.damaged_cues = sink.losses.damaged_cues.saturating_add(captions.dropped);
        self.share
    }

    /// The stream is complete: the last unit goes out too, with the duration of the one before.
    pub(crate) fn flush(&mut self, sink: &mut Sink<'_>) {
        self.splitter.reset();
        self.end_nal(sink);
        self.finish_unit(None, sink);
        self.stamp = None;
        self.seal(sink);
        self.captions.flush(MediaTime::from_ticks(self.usual_duration().into()), sink.out);
    }

    fn nal_bytes(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), TooLarge> {
        let mut bytes = bytes;
        if let Nal::Head(header) = self.nal {
            // Two bytes say whether a new access unit starts.
            let Some((&first, rest)) = bytes.split_first() else { return Ok(()) };
            let Some(header) = header else {
                self.nal = Nal::Head(Some(first));
                return self.nal_bytes(rest, sink);
            };
            self.begin_nal(header, Some(first), sink);
            bytes = rest;
        }
        match self.nal {
            Nal::Sample { .. } => {
                let payload = self.fragment.payload();
                payload.extend_from_slice(bytes);
                if self.fragment.open_sample().len() > MAX_UNIT {
                    return Err(TooLarge);
                }
            }
            Nal::ParameterSet { .. } => {
                // One byte over the limit is kept, to know that it is over.
                let room = (MAX_PARAMETER_SET + 1).saturating_sub(self.parameter_set.len());
                self.parameter_set.extend(bytes.iter().take(room));
            }
            Nal::None | Nal::Head(_) | Nal::Dropped => {}
        }
        Ok(())
    }

    fn begin_nal(&mut self, header: u8, second: Option<u8>, sink: &mut Sink<'_>) {
        let kind = NalKind::of(header, second);
        if self.unit.is_none_or(|unit| self.ends_unit(&unit, kind)) {
            self.begin_unit(sink);
        }
        match kind {
            NalKind::Sps | NalKind::Pps => {
                self.parameter_set.clear();
                self.parameter_set.push(header);
                self.parameter_set.extend(second);
                self.nal = Nal::ParameterSet { kind };
                return;
            }
            NalKind::Delimiter | NalKind::Filler => {
                self.nal = Nal::Dropped;
                return;
            }
            NalKind::Slice { .. } => self.configure(sink),
            _ => {}
        }
        let at = self.fragment.open_sample().len();
        if let (NalKind::Slice { idr, reference, .. }, Some(unit)) = (kind, &mut self.unit) {
            unit.picture.get_or_insert(at);
            unit.key |= idr;
            unit.reference |= reference;
        }
        let payload = self.fragment.payload();
        payload.extend_from_slice(&[0, 0, 0, 0, header]);
        payload.extend(second);
        self.nal = Nal::Sample { kind, at };
    }

    /// Whether a NAL unit of this kind belongs to the unit after `unit`.
    fn ends_unit(&self, unit: &Unit, kind: NalKind) -> bool {
        // A slice under new time stamps is of a new picture, even where that picture's first slice was lost.
        let new_stamp = || self.stamp.is_some_and(|stamp| unit.stamp != Some(stamp));
        unit.picture.is_some() && (kind.starts_unit() || matches!(kind, NalKind::Slice { .. }) && new_stamp())
    }

    fn end_nal(&mut self, sink: &mut Sink<'_>) {
        if let Nal::Head(Some(header)) = self.nal {
            self.begin_nal(header, None, sink);
        }
        match core::mem::replace(&mut self.nal, Nal::None) {
            Nal::Sample { kind, at } => {
                let nal = self.fragment.open_sample_mut().get_mut(at..).unwrap_or_default();
                let Some((length, nal)) = nal.split_first_chunk_mut::<4>() else { return };
                *length = u32::try_from(nal.len()).unwrap_or(0).to_be_bytes();
                if kind == NalKind::Sei {
                    self.captions.sei(nal.get(1..).unwrap_or_default());
                }
                if kind == NalKind::Sei
                    && h264::has_recovery_point(nal)
                    && let Some(unit) = &mut self.unit
                {
                    unit.key = true;
                }
            }
            Nal::ParameterSet { kind } => {
                let is_sps = kind == NalKind::Sps;
                let good = if is_sps {
                    self.parameters.take_sps(&self.parameter_set)
                } else {
                    self.parameters.take_pps(&self.parameter_set)
                };
                if !good {
                    sink.losses.damaged_parameter_sets = sink.losses.damaged_parameter_sets.saturating_add(1);
                } else if let Some(unit) = &mut self.unit {
                    unit.has_sps |= is_sps;
                }
            }
            Nal::None | Nal::Head(_) | Nal::Dropped => {}
        }
    }

    /// New parameter sets apply from the unit at hand on.
    fn configure(&mut self, sink: &mut Sink<'_>) {
        let Some((sps, entry)) = self.parameters.take_change() else { return };
        self.seal(sink);
        self.configured = true;
        self.nominal_duration = sps.frame_duration;
        let timescale = u32::try_from(TICKS_PER_SECOND).unwrap_or(0);
        let config = TrackConfig { id: TRACK_ID, timescale, entry };
        sink.out.push(MediaEvent::Init(InitSection::new(TrackKind::Video, sps.codec(), config)));
    }

    fn begin_unit(&mut self, sink: &mut Sink<'_>) {
        let before = self.unit.and_then(|unit| unit.stamp).or(self.clock.last);
        let stamp = self.stamp.take().or_else(|| before.map(|stamp| self.after(stamp)));
        self.finish_unit(stamp, sink);
        if let Some(Stamp { pts, dts }) = stamp {
            self.captions.picture(MediaTime::from_ticks(pts), MediaTime::from_ticks(dts), sink.out);
        }
        self.unit = Some(Unit {
            stamp,
            picture: None,
            key: false,
            reference: false,
            has_sps: false,
            from_earlier: false,
        });
    }

    /// The unit at hand is complete; `next` is when the one after it is decoded, if there is one.
    fn finish_unit(&mut self, next: Option<Stamp>, sink: &mut Sink<'_>) {
        let Some(unit) = self.unit.take() else { return };
        self.clock.last = unit.stamp;
        let (Some(stamp), Some(picture), true) = (unit.stamp, unit.picture, self.configured) else {
            if !self.fragment.open_sample().is_empty() {
                sink.losses.unusable_units = sink.losses.unusable_units.saturating_add(1);
            }
            self.fragment.truncate_open(0);
            return;
        };
        // An encoder that marks no picture as one to start at may still send intra pictures behind a sequence
        // parameter set: better to start there than not at all.
        let key = unit.key
            || self.waits_for_key
                && unit.has_sps
                && self
                    .fragment
                    .open_sample()
                    .get(picture.saturating_add(4)..)
                    .is_some_and(h264::is_intra_slice);
        if self.waits_for_key && !key {
            sink.losses.unusable_units = sink.losses.unusable_units.saturating_add(1);
            self.fragment.truncate_open(0);
            return;
        }
        if key {
            self.clock.key_pts = stamp.pts;
        } else if stamp.pts < 0 && self.clock.key_pts >= 0 {
            sink.losses.units_before_start = sink.losses.units_before_start.saturating_add(1);
            self.fragment.truncate_open(0);
            return;
        }
        self.waits_for_key = false;
        let flags = match (key, unit.reference) {
            (true, _) => SampleFlags::Sync,
            (false, true) => SampleFlags::Dependent,
            (false, false) => SampleFlags::Disposable,
        };
        self.commit(stamp, next, flags, unit.from_earlier, sink);
    }

    /// The open sample goes into the fragment, and the fragment out if it is long enough.
    fn commit(
        &mut self,
        stamp: Stamp,
        next: Option<Stamp>,
        flags: SampleFlags,
        from_earlier: bool,
        sink: &mut Sink<'_>,
    ) {
        let dts = stamp.dts.max(self.clock.floor);
        let pts = stamp.pts.max(0);
        let (duration, jumps) = self.duration(stamp, next);
        self.clock.floor = if jumps { 0 } else { dts.saturating_add(1) };
        if jumps {
            sink.losses.time_jumps = sink.losses.time_jumps.saturating_add(1);
        }
        if !self.fragment.is_empty() && self.gathered.end != dts {
            self.seal(sink);
        }
        let key = flags == SampleFlags::Sync;
        if self.fragment.is_empty() {
            self.gathered = Gathered { start: dts, end: dts, shown: None, starts_with_key: key };
        }
        let offset = i32::try_from(pts.saturating_sub(dts)).unwrap_or(0);
        self.fragment.commit(duration, offset, flags);
        let end = pts.saturating_add(i64::from(duration));
        self.gathered.end = dts.saturating_add(i64::from(duration));
        self.gathered.shown = Some(join(self.gathered.shown, pts, end));
        if !from_earlier {
            self.share.add(pts, end, key);
        }
        let length = self.gathered.end.saturating_sub(self.gathered.start);
        let breaks = next.is_none_or(|next| next.dts.max(self.clock.floor) != self.gathered.end);
        if from_earlier || breaks || self.fragment.is_full() || self.pace.is_due(length) {
            self.seal(sink);
            if !from_earlier {
                self.pace.cut(length);
            }
        }
    }

    /// The duration of a unit, and whether time jumps behind it.
    fn duration(&mut self, stamp: Stamp, next: Option<Stamp>) -> (u32, bool) {
        let Some(next) = next else { return (self.usual_duration(), false) };
        match next.dts.saturating_sub(stamp.dts) {
            distance @ 1..=MAX_DURATION => {
                let duration = u32::try_from(distance).unwrap_or(1);
                self.clock.duration = Some(duration);
                (duration, false)
            }
            // Time stands still, or goes back a little where a muxer leaves decode times out.
            distance if (-MAX_STEP_BACK..=0).contains(&distance) => (1, false),
            _ => (self.usual_duration(), true),
        }
    }

    /// The time stamps of a unit that has none, from those of the one before.
    fn after(&self, stamp: Stamp) -> Stamp {
        let step = i64::from(self.nominal_duration.unwrap_or_else(|| self.usual_duration()));
        Stamp { pts: stamp.pts.saturating_add(step), dts: stamp.dts.saturating_add(step) }
    }

    /// What a frame lasts whose end is not known.
    fn usual_duration(&self) -> u32 {
        self.clock.duration.or(self.nominal_duration).unwrap_or(DEFAULT_DURATION)
    }

    /// All complete units go out.
    fn seal(&mut self, sink: &mut Sink<'_>) {
        let Ok(decode_time) = u64::try_from(self.gathered.start) else { return };
        let sequence = self.sequence.wrapping_add(1);
        if let Some(data) = self.fragment.seal(TRACK_ID, sequence, decode_time) {
            self.sequence = sequence;
            let shown = self.gathered.shown.unwrap_or_else(|| range(self.gathered.start, self.gathered.end));
            sink.fragment(TrackKind::Video, shown, self.gathered.starts_with_key, data);
        }
    }
}

/// Of the only track of its init sections.
const TRACK_ID: u32 = 1;
/// Bytes in an access unit: four times an uncompressed 4K frame would be more, and no decoder takes one.
pub(crate) const MAX_UNIT: usize = 16 << 20;
/// Ticks: 30 frames a second.
const DEFAULT_DURATION: u32 = 3000;
/// Ticks that a picture stands, at most: slides of a screen recording stand long.
const MAX_DURATION: i64 = 30 * TICKS_PER_SECOND;
/// Ticks that a decode time may go back without being a jump.
const MAX_STEP_BACK: i64 = TICKS_PER_SECOND;
