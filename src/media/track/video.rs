//! Access units of an H.264 or H.265 byte stream (H.264 §7.4.1.2.3, H.265 §7.4.2.4.4), timed and gathered into
//! fragments.
//!
//! **Boundaries.** An access unit is complete when the next one starts, which is also when its duration is known:
//! the distance of their decoding times. So one unit is always held back, until the next one's first bytes, or
//! [`VideoTrack::flush`].
//!
//! **Units left out.** Those before the first key frame; pictures that lead the first key frame and refer to what came
//! before it; and a picture that would be shown before the presentation starts, if it leads a key frame that is not
//! (nothing later refers to it). Another picture before the start is shown at zero: what follows needs it.
//!
//! Invariant: inside a fragment decode times are the sum of the durations; over fragments they only go forward,
//! except where the stream itself jumps.

use super::clock::{Clock, Place};
use super::order::OutputOrder;
use super::parameters::{MAX_PARAMETER_SET, ParameterSets};
use super::{SampleLock, Share, Sink, join, range};
use crate::media::codec::annexb::{Splitter, Token};
use crate::media::codec::nal::{MAX_HEAD, NalKind, ParameterSet};
use crate::media::codec::{VideoCodec, h264, sei};
use crate::media::cut::{Cut, Pace};
use crate::media::fmp4::{FragmentBuilder, SampleFlags, TrackConfig};
use crate::media::text::Captions;
use crate::media::timeline::Stamp;
use crate::media::{Fragment, InitSection, MediaEvent, TrackKind};
use crate::time::{MediaTime, TICKS_PER_SECOND, TimeRange};

/// Makes a track of one video stream.
#[derive(Debug)]
pub(crate) struct VideoTrack {
    codec: VideoCodec,
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
    order: OutputOrder,
    /// Nothing can be decoded before a key frame.
    waits_for_key: bool,
    /// What the last key frame's leading pictures refer to is not there.
    skips_leading: bool,
    /// The unit before was the last of a coded sequence.
    new_sequence: bool,
    captions: Captions,
    share: Share,
    /// What the slices are encrypted with.
    pub(crate) lock: SampleLock,
}

/// An access unit larger than [`MAX_UNIT`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

/// The NAL unit at hand.
#[derive(Clone, Copy, Debug)]
enum Nal {
    /// No start code yet.
    None,
    /// So many of the bytes that say what it is.
    Head { bytes: [u8; MAX_HEAD], len: usize },
    /// Goes into the sample; its length field is at `at`.
    Sample { kind: NalKind, at: usize },
    /// Goes into `parameter_set`.
    ParameterSet(ParameterSet),
    /// Goes nowhere.
    Dropped,
}

/// The access unit at hand; its bytes are the fragment's open sample.
#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    /// As in the stream, or extrapolated from the unit before.
    stamp: Option<Stamp>,
    stamped: bool,
    /// Where its first slice lies in the sample.
    picture: Option<usize>,
    key: bool,
    broken_link: bool,
    skipped_leading: bool,
    reference: bool,
    has_sps: bool,
    has_recovery_point: bool,
    /// The next unit starts a new coded sequence.
    ends_sequence: bool,
    /// It began in an earlier segment than the one at hand.
    from_earlier: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Gathered {
    start: i64,
    end: i64,
    /// How long the last unit lasts.
    last_frame: i64,
    shown: Option<TimeRange>,
    starts_with_key: bool,
}

impl Default for VideoTrack {
    fn default() -> Self {
        Self {
            codec: VideoCodec::default(),
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
            order: OutputOrder::default(),
            waits_for_key: true,
            skips_leading: false,
            new_sequence: false,
            captions: Captions::default(),
            share: Share::default(),
            lock: SampleLock::default(),
        }
    }
}

impl VideoTrack {
    /// From here on the stream is in this codec.
    pub(crate) fn set_codec(&mut self, codec: VideoCodec, sink: &mut Sink<'_>) {
        if self.codec != codec {
            self.flush(sink);
            self.codec = codec;
            self.parameters = ParameterSets::default();
            self.order = OutputOrder::default();
            self.configured = false;
            self.waits_for_key = true;
        }
    }

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
        self.clock.reset();
        self.order = OutputOrder::default();
        self.waits_for_key = true;
    }

    /// The segment at hand will not be completed: forgets what is not in a fragment yet.
    pub(crate) fn abandon(&mut self) {
        self.splitter.reset();
        self.nal = Nal::None;
        self.stamp = None;
        self.unit = None;
        self.fragment.clear();
        self.clock.reset();
        self.order = OutputOrder::default();
        self.captions.abandon();
        self.waits_for_key = true;
    }

    /// A PES packet starts.
    pub(crate) fn begin_pes(&mut self, stamp: Option<Stamp>) {
        self.stamp = stamp;
    }

    /// Bytes are missing before the next ones.
    pub(crate) fn lose(&mut self, sink: &mut Sink<'_>) {
        self.splitter.reset();
        // Part of a picture may be of use to a decoder. Part of a parameter set is not.
        if let Nal::ParameterSet(_) = self.nal {
            sink.losses.damaged_parameter_sets = sink.losses.damaged_parameter_sets.saturating_add(1);
        }
        if let Nal::ParameterSet(_) | Nal::Head { .. } = self.nal {
            self.nal = Nal::Dropped;
        }
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), TooLarge> {
        let mut splitter = core::mem::take(&mut self.splitter);
        let result = splitter.push(bytes, |token| match token {
            Token::Bytes(bytes) => self.nal_bytes(bytes, sink),
            Token::Start => {
                self.end_nal(sink);
                self.nal = Nal::Head { bytes: [0; MAX_HEAD], len: 0 };
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
        let length = i64::from(self.clock.usual_duration());
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
        self.place_picture();
        self.finish_unit(None, sink);
        self.stamp = None;
        self.seal(sink);
        self.captions.flush(MediaTime::from_ticks(self.clock.usual_duration().into()), sink.out);
    }

    fn nal_bytes(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), TooLarge> {
        if let Nal::Head { bytes: mut head, len } = self.nal {
            let want = self.codec.head();
            let room = head.get_mut(len..want).unwrap_or_default();
            let (taken, rest) = bytes.split_at(room.len().min(bytes.len()));
            for (to, from) in room.iter_mut().zip(taken) {
                *to = *from;
            }
            let len = len.saturating_add(taken.len());
            if len < want {
                self.nal = Nal::Head { bytes: head, len };
                return Ok(());
            }
            self.begin_nal(head.get(..len).unwrap_or_default(), sink);
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
            Nal::ParameterSet(_) => {
                // One byte over the limit is kept, to know that it is over.
                let room = (MAX_PARAMETER_SET + 1).saturating_sub(self.parameter_set.len());
                self.parameter_set.extend(bytes.iter().take(room));
            }
            Nal::None => {
                let lost = &mut sink.losses.video_garbage_bytes;
                *lost = lost.saturating_add(bytes.len() as u64);
            }
            Nal::Head { .. } | Nal::Dropped => {}
        }
        Ok(())
    }

    fn begin_nal(&mut self, head: &[u8], sink: &mut Sink<'_>) {
        self.lock.begin();
        let kind = self.codec.nal_kind(head);
        if self.unit.is_none_or(|unit| self.ends_unit(&unit, kind)) {
            self.begin_unit(sink);
        }
        match kind {
            NalKind::ParameterSet(kind) => {
                self.parameter_set.clear();
                self.parameter_set.extend_from_slice(head);
                self.nal = Nal::ParameterSet(kind);
                return;
            }
            NalKind::Delimiter | NalKind::Filler => {
                self.nal = Nal::Dropped;
                return;
            }
            NalKind::Slice(_) => self.configure(sink),
            _ => {}
        }
        let at = self.fragment.open_sample().len();
        if let Some(unit) = &mut self.unit {
            match kind {
                NalKind::Slice(slice) => {
                    unit.picture.get_or_insert(at);
                    unit.key |= slice.key;
                    unit.broken_link |= slice.broken_link;
                    unit.skipped_leading |= slice.skipped_leading;
                    unit.reference |= slice.reference;
                }
                NalKind::EndOfSequence => unit.ends_sequence = true,
                _ => {}
            }
        }
        let payload = self.fragment.payload();
        payload.extend_from_slice(&[0; 4]);
        payload.extend_from_slice(head);
        self.nal = Nal::Sample { kind, at };
    }

    /// Whether a NAL unit of this kind belongs to the unit after `unit`.
    fn ends_unit(&self, unit: &Unit, kind: NalKind) -> bool {
        // A slice under new time stamps is of a new picture, even where that picture's first slice was lost.
        let new_stamp = || self.stamp.is_some_and(|stamp| unit.stamp != Some(stamp));
        unit.picture.is_some() && (kind.starts_unit() || matches!(kind, NalKind::Slice(_)) && new_stamp())
    }

    fn end_nal(&mut self, sink: &mut Sink<'_>) {
        if let Nal::Head { bytes, len } = self.nal
            && len > 0
        {
            self.begin_nal(bytes.get(..len).unwrap_or_default(), sink);
        }
        match core::mem::replace(&mut self.nal, Nal::None) {
            Nal::Sample { kind, at } => {
                let nal = self.fragment.open_sample_mut().get_mut(at..).unwrap_or_default();
                let Some((length, nal)) = nal.split_first_chunk_mut::<4>() else { return };
                let clear = self.lock.open_nal(nal);
                *length = u32::try_from(clear).unwrap_or(0).to_be_bytes();
                if kind == NalKind::Sei {
                    self.captions.sei(nal.get(self.codec.header()..).unwrap_or_default());
                    if sei::has_recovery_point(nal, self.codec.header())
                        && let Some(unit) = &mut self.unit
                    {
                        unit.has_recovery_point = true;
                        unit.key |= self.codec == VideoCodec::H264;
                    }
                }
                self.fragment.truncate_open(at.saturating_add(clear).saturating_add(4));
            }
            Nal::ParameterSet(kind) => {
                if !self.parameters.take(self.codec, kind, &self.parameter_set) {
                    sink.losses.damaged_parameter_sets = sink.losses.damaged_parameter_sets.saturating_add(1);
                } else if let Some(unit) = &mut self.unit {
                    unit.has_sps |= kind == ParameterSet::Sequence;
                }
            }
            Nal::None | Nal::Head { .. } | Nal::Dropped => {}
        }
    }

    /// New parameter sets apply from the unit at hand on.
    fn configure(&mut self, sink: &mut Sink<'_>) {
        let Some(configuration) = self.parameters.take_change() else { return };
        self.seal(sink);
        self.configured = true;
        self.clock.nominal = configuration.frame_duration;
        let timescale = u32::try_from(TICKS_PER_SECOND).unwrap_or(0);
        let config = TrackConfig { id: TRACK_ID, timescale, entry: configuration.entry };
        sink.out.push(MediaEvent::Init(InitSection::new(TrackKind::Video, configuration.codec, config)));
    }

    fn begin_unit(&mut self, sink: &mut Sink<'_>) {
        let field = self.place_picture();
        let before = self.unit.and_then(|unit| unit.stamp).or(self.clock.last);
        let stamped = self.stamp.is_some();
        let stamp = self.stamp.take().or_else(|| before.map(|stamp| self.clock.after(stamp, field)));
        self.finish_unit(stamp, sink);
        if let Some(Stamp { pts, dts }) = stamp {
            self.captions.picture(MediaTime::from_ticks(pts), MediaTime::from_ticks(dts), sink.out);
        }
        self.unit = Some(Unit { stamp, stamped, ..Unit::default() });
    }

    /// The unit at hand is complete: finds out when it is shown if no time stamp says it, and whether it is a field.
    fn place_picture(&mut self) -> bool {
        let Some(unit) = &mut self.unit else { return false };
        let Some(at) = unit.picture else { return false };
        let slice = self.fragment.open_sample().get(at.saturating_add(4)..).unwrap_or_default();
        let (field, order) = self.parameters.picture(slice).unwrap_or_default();
        if let Some(stamp) = &mut unit.stamp {
            let (counts, frame) = (self.codec.counts(), self.clock.frame());
            stamp.pts = self.order.place(order, stamp.pts, unit.stamped, counts, frame);
        }
        field
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
        let key = unit.key || self.starts_at(&unit, picture);
        if self.waits_for_key && !key {
            sink.losses.unusable_units = sink.losses.unusable_units.saturating_add(1);
            self.fragment.truncate_open(0);
            return;
        }
        if key {
            self.clock.key_pts = stamp.pts;
            self.skips_leading = unit.broken_link || self.waits_for_key || self.new_sequence;
        } else if unit.skipped_leading && self.skips_leading {
            sink.losses.unusable_units = sink.losses.unusable_units.saturating_add(1);
            return self.leave_out();
        } else if stamp.pts < 0 && self.clock.key_pts >= 0 {
            sink.losses.units_before_start = sink.losses.units_before_start.saturating_add(1);
            return self.leave_out();
        }
        self.new_sequence = unit.ends_sequence;
        self.waits_for_key = false;
        let flags = match (key, unit.reference) {
            (true, _) => SampleFlags::Sync,
            (false, true) => SampleFlags::Dependent,
            (false, false) => SampleFlags::Disposable,
        };
        self.commit(stamp, next, flags, unit.from_earlier, sink);
    }

    /// Whether decoding may start at this unit although it is no key frame by its type.
    fn starts_at(&self, unit: &Unit, picture: usize) -> bool {
        match self.codec {
            // An encoder that marks no picture as one to start at may still send intra pictures behind a sequence
            // parameter set: better to start there than not at all.
            VideoCodec::H264 => {
                let intra = || {
                    let slice = self.fragment.open_sample().get(picture.saturating_add(4)..);
                    slice.is_some_and(h264::is_intra_slice)
                };
                self.waits_for_key && unit.has_sps && intra()
            }
            VideoCodec::H265 => self.waits_for_key && unit.has_recovery_point,
        }
    }

    /// The open sample is of a unit that is not wanted, behind one that was.
    fn leave_out(&mut self) {
        self.fragment.truncate_open(0);
        self.clock.leave_out();
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
        let Place { dts, pts, duration, jumps, goes_on } = self.clock.place(stamp, next);
        if jumps {
            sink.losses.time_jumps = sink.losses.time_jumps.saturating_add(1);
        }
        if !self.fragment.is_empty() && self.gathered.end != dts {
            self.seal(sink);
        }
        let key = flags == SampleFlags::Sync;
        if self.fragment.is_empty() {
            self.gathered = Gathered { start: dts, end: dts, starts_with_key: key, ..Gathered::default() };
        }
        let offset = i32::try_from(pts.saturating_sub(dts)).unwrap_or(0);
        self.fragment.commit(duration, offset, flags);
        let end = pts.saturating_add(i64::from(duration));
        self.gathered.last_frame = i64::from(duration);
        self.gathered.end = dts.saturating_add(self.gathered.last_frame);
        self.gathered.shown = Some(join(self.gathered.shown, pts, end));
        if !from_earlier {
            self.share.add(pts, end, key);
        }
        let length = self.gathered.end.saturating_sub(self.gathered.start);
        if from_earlier || !goes_on || self.fragment.is_full() || self.pace.is_due(length) {
            self.seal(sink);
            if !from_earlier {
                self.pace.cut(length);
            }
        }
    }

    /// All complete units go out.
    fn seal(&mut self, sink: &mut Sink<'_>) {
        let Ok(decode_time) = u64::try_from(self.gathered.start) else { return };
        let sequence = self.sequence.wrapping_add(1);
        if let Some(data) = self.fragment.seal(TRACK_ID, sequence, decode_time) {
            self.sequence = sequence;
            let shown = self.gathered.shown.unwrap_or_else(|| range(self.gathered.start, self.gathered.end));
            sink.fragment(Fragment {
                track: TrackKind::Video,
                range: shown,
                decoded: range(self.gathered.start, self.gathered.end),
                last_frame: MediaTime::from_ticks(self.gathered.last_frame),
                starts_with_key_frame: self.gathered.starts_with_key,
                data,
            });
        }
    }
}

/// Of the only track of its init sections.
const TRACK_ID: u32 = 1;
/// Bytes in an access unit: four times an uncompressed 4K frame would be more, and no decoder takes one.
pub(crate) const MAX_UNIT: usize = 16 << 20;
