//! The parameter sets of an H.264 stream, gathered in-band, and the decoder configuration that follows from them.

use std::collections::BTreeMap;

use crate::media::codec::h264::{self, Sps};
use crate::media::fmp4::{SampleEntry, boxed};

/// All parameter sets that are in force.
#[derive(Debug, Default)]
pub(crate) struct ParameterSets {
    sps: BTreeMap<u32, Vec<u8>>,
    pps: BTreeMap<u32, Vec<u8>>,
    /// What the sequence parameter set that came last says.
    active: Option<Sps>,
    /// What it said when the configuration was last taken.
    taken: Option<Sps>,
    changed: bool,
}

impl ParameterSets {
    /// Takes a sequence parameter set; false if it cannot be read.
    pub(crate) fn take_sps(&mut self, nal: &[u8]) -> bool {
        let Some(sps) = Sps::parse(nal).filter(|_| nal.len() <= MAX_PARAMETER_SET) else { return false };
        self.changed |= put(&mut self.sps, sps.id, nal);
        self.active = Some(sps);
        true
    }

    /// Takes a picture parameter set; false if it cannot be read.
    pub(crate) fn take_pps(&mut self, nal: &[u8]) -> bool {
        let Some(id) = h264::pps_id(nal).filter(|_| nal.len() <= MAX_PARAMETER_SET) else { return false };
        self.changed |= put(&mut self.pps, id, nal);
        true
    }

    /// What is decoded and its sample entry, if they are complete and have changed since the last time.
    pub(crate) fn take_change(&mut self) -> Option<(Sps, SampleEntry)> {
        // Sets that take turns come again and again: only what they amount to counts.
        if self.pps.is_empty() || !self.changed && self.taken == self.active {
            return None;
        }
        let sps = self.active?;
        self.changed = false;
        self.taken = self.active;
        let mut config = Vec::new();
        boxed(&mut config, b"avcC", |out| out.extend_from_slice(&self.configuration_record(&sps)));
        let entry = SampleEntry::Video {
            format: *b"avc1",
            width: u16::try_from(sps.width).unwrap_or(u16::MAX),
            height: u16::try_from(sps.height).unwrap_or(u16::MAX),
            sample_aspect: sps.sample_aspect,
            config,
        };
        Some((sps, entry))
    }

    /// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
    fn configuration_record(&self, sps: &Sps) -> Vec<u8> {
        let mut out = vec![1, sps.profile, sps.constraints, sps.level, 0xff]; // NAL unit lengths have 4 bytes
        let mut sets = |sets: &BTreeMap<u32, Vec<u8>>, reserved: u8, limit: u8| {
            let count = u8::try_from(sets.len()).unwrap_or(limit).min(limit);
            out.push(reserved | count);
            for set in sets.values().take(usize::from(count)) {
                out.extend_from_slice(&u16::try_from(set.len()).unwrap_or(0).to_be_bytes());
                out.extend_from_slice(set);
            }
        };
        sets(&self.sps, 0xe0, 31);
        sets(&self.pps, 0, 255);
        if h264::has_chroma_fields(sps.profile) {
            let depths =
                [sps.bit_depth_luma, sps.bit_depth_chroma].map(|depth| 0xf8 | depth.saturating_sub(8));
            out.push(0xfc | sps.chroma_format);
            out.extend_from_slice(&depths);
            out.push(0); // sequence parameter set extensions
        }
        out
    }
}

fn put(sets: &mut BTreeMap<u32, Vec<u8>>, id: u32, nal: &[u8]) -> bool {
    if sets.get(&id).is_some_and(|old| old == nal) {
        return false;
    }
    sets.insert(id, nal.to_vec());
    true
}

/// Bytes in a parameter set. Legal ones have some hundred at most.
pub(crate) const MAX_PARAMETER_SET: usize = 4096;
