//! The parameter sets of a video stream, gathered in-band, and the decoder configuration that follows from them.

use std::collections::BTreeMap;

use crate::media::codec::nal::{Order, ParameterSet};
use crate::media::codec::{VideoCodec, h264, h265};
use crate::media::fmp4::{SampleEntry, boxed};

/// All parameter sets that are in force.
#[derive(Debug, Default)]
pub(crate) struct ParameterSets {
    vps: Sets,
    sps: Sets,
    pps: Sets,
    /// What the sequence parameter set that came last says.
    active: Option<Sps>,
    /// What it said when the configuration was last taken.
    taken: Option<Sps>,
    changed: bool,
}

/// How a stream is decoded.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) codec: String,
    pub(crate) entry: SampleEntry,
    /// Ticks that a frame lasts, where it is said.
    pub(crate) frame_duration: Option<u32>,
}

type Sets = BTreeMap<u32, Vec<u8>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sps {
    H264(h264::Sps),
    H265(h265::Sps),
}

impl ParameterSets {
    /// Takes a parameter set; false if it cannot be read.
    pub(crate) fn take(&mut self, codec: VideoCodec, kind: ParameterSet, nal: &[u8]) -> bool {
        if nal.len() > MAX_PARAMETER_SET {
            return false;
        }
        let (sets, id) = match (kind, codec) {
            (ParameterSet::Video, _) => (&mut self.vps, h265::vps_id(nal)),
            (ParameterSet::Sequence, VideoCodec::H264) => {
                let Some(sps) = h264::Sps::parse(nal) else { return false };
                self.active = Some(Sps::H264(sps));
                (&mut self.sps, Some(sps.id))
            }
            (ParameterSet::Sequence, VideoCodec::H265) => {
                let Some(sps) = h265::Sps::parse(nal) else { return false };
                self.active = Some(Sps::H265(sps));
                (&mut self.sps, Some(sps.id))
            }
            (ParameterSet::Picture, VideoCodec::H264) => (&mut self.pps, h264::pps_id(nal)),
            (ParameterSet::Picture, VideoCodec::H265) => (&mut self.pps, h265::pps_id(nal)),
        };
        let Some(id) = id else { return false };
        if sets.get(&id).is_none_or(|old| old != nal) {
            sets.insert(id, nal.to_vec());
            self.changed = true;
        }
        true
    }

    /// What its first slice says of a picture: whether it is a field, and where it goes in output order.
    pub(crate) fn picture(&self, slice: &[u8]) -> Option<(bool, Option<Order>)> {
        match &self.active? {
            Sps::H264(sps) => sps.picture(slice),
            Sps::H265(sps) => Some((false, sps.order(slice, |id| self.pps.get(&id).map(Vec::as_slice)))),
        }
    }

    /// What is decoded and how, if that is complete and has changed since the last time.
    pub(crate) fn take_change(&mut self) -> Option<Configuration> {
        // Sets that take turns come again and again: only what they amount to counts.
        if self.pps.is_empty() || !self.changed && self.taken == self.active {
            return None;
        }
        let sps = self.active?;
        self.changed = false;
        self.taken = self.active;
        let (codec, format, size, sample_aspect, frame_duration) = match &sps {
            Sps::H264(s) => (s.codec(), *b"avc1", (s.width, s.height), s.sample_aspect, s.frame_duration),
            Sps::H265(s) => (s.codec(), *b"hvc1", (s.width, s.height), s.sample_aspect, s.frame_duration),
        };
        let mut config = Vec::new();
        match &sps {
            Sps::H264(sps) => boxed(&mut config, b"avcC", |out| self.avc_configuration(sps, out)),
            Sps::H265(sps) => boxed(&mut config, b"hvcC", |out| self.hevc_configuration(sps, out)),
        }
        let (width, height) = size;
        let entry = SampleEntry::Video {
            format,
            width: u16::try_from(width).unwrap_or(u16::MAX),
            height: u16::try_from(height).unwrap_or(u16::MAX),
            sample_aspect,
            config,
        };
        Some(Configuration { codec, entry, frame_duration })
    }

    /// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
    fn avc_configuration(&self, sps: &h264::Sps, out: &mut Vec<u8>) {
        out.extend_from_slice(&[1, sps.profile, sps.constraints, sps.level, 0xff]); // NAL unit lengths have 4 bytes
        for (sets, reserved, limit) in [(&self.sps, 0xe0, 31), (&self.pps, 0, 255)] {
            let count = count(sets, limit);
            out.push(reserved | count);
            write(sets, count, out);
        }
        if h264::has_chroma_fields(sps.profile) {
            let depths =
                [sps.bit_depth_luma, sps.bit_depth_chroma].map(|depth| 0xf8 | depth.saturating_sub(8));
            out.push(0xfc | sps.chroma_format);
            out.extend_from_slice(&depths);
            out.push(0); // sequence parameter set extensions
        }
    }

    /// HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1).
    fn hevc_configuration(&self, sps: &h265::Sps, out: &mut Vec<u8>) {
        /// No set of this kind comes in-band: `hvc1` demands it.
        const COMPLETE: u8 = 0x80;
        out.extend_from_slice(&sps.configuration());
        out.push(3);
        for (kind, sets) in [(32, &self.vps), (33, &self.sps), (34, &self.pps)] {
            let count = count(sets, 64);
            out.extend_from_slice(&[COMPLETE | kind, 0, count]);
            write(sets, count, out);
        }
    }
}

fn count(sets: &Sets, limit: u8) -> u8 {
    u8::try_from(sets.len()).unwrap_or(limit).min(limit)
}

fn write(sets: &Sets, count: u8, out: &mut Vec<u8>) {
    for set in sets.values().take(usize::from(count)) {
        out.extend_from_slice(&u16::try_from(set.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(set);
    }
}

/// Bytes in a parameter set. Legal ones have some hundred at most.
pub(crate) const MAX_PARAMETER_SET: usize = 4096;
