//! ITU-T H.265: NAL unit types (table 7-1), sequence parameter sets (§7.3.2.2) and what a decoder is configured with.

use super::annexb::unescape;
use super::aspect::sample_aspect;
use super::bits::BitReader;
use super::nal::{NalKind, Order, ParameterSet, Slice};

/// What the NAL unit is that starts with these bytes; only the first two always exist.
pub(crate) fn nal_kind(head: &[u8]) -> NalKind {
    let (&[high, low], rest) = match head.split_first_chunk::<2>() {
        Some((header, rest)) => (header, rest.first()),
        None => return NalKind::Other,
    };
    let kind = high >> 1 & 0x3f;
    // Further layers are for decoders that know them. Their pictures belong to the one of the base layer.
    if high & 1 != 0 || low & 0xf8 != 0 {
        return if kind < 32 { NalKind::SlicePart } else { NalKind::Filler };
    }
    match kind {
        0..=9 | 16..=21 => NalKind::Slice(Slice {
            first: rest.is_some_and(|byte| byte & 0x80 != 0),
            key: kind >= 16,
            broken_link: (16..=18).contains(&kind),
            skipped_leading: matches!(kind, 8 | 9),
            // Which of them a higher sub-layer refers to is not said here.
            reference: true,
        }),
        32 => NalKind::ParameterSet(ParameterSet::Video),
        33 => NalKind::ParameterSet(ParameterSet::Sequence),
        34 => NalKind::ParameterSet(ParameterSet::Picture),
        35 => NalKind::Delimiter,
        36 | 37 => NalKind::EndOfSequence,
        38 => NalKind::Filler,
        39 => NalKind::Sei,
        41..=44 | 48..=55 => NalKind::Prefix,
        _ => NalKind::Other,
    }
}

/// What a sequence parameter set says that a container has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sps {
    pub(crate) id: u32,
    /// From `general_profile_space` to `general_level_idc`, as they are coded (§7.3.3).
    pub(crate) profile: [u8; 12],
    sub_layers: u8,
    sub_layers_nested: bool,
    chroma_format: u8,
    bit_depth_luma: u8,
    bit_depth_chroma: u8,
    /// Luma samples shown, inside the conformance window.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Width and height of a sample; 1:1 where nothing is said.
    pub(crate) sample_aspect: (u16, u16),
    /// Ticks of 90 kHz that a picture lasts, where it is said.
    pub(crate) frame_duration: Option<u32>,
    separate_planes: bool,
    /// Bits of the picture order count.
    order_bits: u32,
}

impl Sps {
    /// Reads a NAL unit of type 33.
    pub(crate) fn parse(nal: &[u8]) -> Option<Self> {
        let rbsp = unescape(nal.get(2..)?, MAX_SPS);
        let (&first, rest) = rbsp.split_first()?;
        let (&profile, rest) = rest.split_first_chunk::<12>()?;
        let mut sps = Self { profile, sample_aspect: (1, 1), ..Self::default() };
        sps.sub_layers = (first >> 1 & 7) + 1;
        sps.sub_layers_nested = first & 1 == 1;
        let r = &mut BitReader::new(rest);
        sub_layer_profiles(r, u32::from(sps.sub_layers) - 1)?;
        sps.id = r.ue().filter(|&id| id < 16)?;
        sps.chroma_format = u8::try_from(r.ue()?).ok().filter(|&format| format <= 3)?;
        if sps.chroma_format == 3 {
            sps.separate_planes = r.bit()?;
        }
        let (width, height) = (r.ue()?, r.ue()?);
        let window = if r.bit()? { [r.ue()?, r.ue()?, r.ue()?, r.ue()?] } else { [0; 4] };
        let [left, right, top, bottom] = window;
        // Table 6-1.
        let unit_x = if matches!(sps.chroma_format, 1 | 2) { 2 } else { 1 };
        let unit_y = if sps.chroma_format == 1 { 2 } else { 1 };
        let cropped = |size: u32, a: u32, b: u32, unit: u32| {
            size.checked_sub(a.checked_add(b)?.checked_mul(unit)?)
                .filter(|size| (1..=MAX_SIDE).contains(size))
        };
        sps.width = cropped(width, left, right, unit_x)?;
        sps.height = cropped(height, top, bottom, unit_y)?;
        let depth = |extra: u32| u8::try_from(extra).ok().filter(|&extra| extra <= 8).map(|extra| 8 + extra);
        sps.bit_depth_luma = depth(r.ue()?)?;
        sps.bit_depth_chroma = depth(r.ue()?)?;
        // All that a decoder is configured with is known. What follows only leads to the aspect ratio and the timing.
        sps.usability_information(r);
        Some(sps)
    }

    /// Goes on behind the bit depths, to the VUI (§E.2.1) and through it, as far as it is there.
    fn usability_information(&mut self, r: &mut BitReader<'_>) -> Option<()> {
        self.order_bits = r.ue()?.checked_add(4).filter(|&bits| bits <= 16)?;
        let all_layers = r.bit()?;
        for _ in 0..if all_layers { self.sub_layers } else { 1 } {
            skip_ue(r, 3)?; // sps_max_dec_pic_buffering, sps_max_num_reorder, sps_max_latency_increase
        }
        skip_ue(r, 6)?; // block sizes and transform depths
        if r.bit()? && r.bit()? {
            skip_scaling_lists(r)?;
        }
        r.bits(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
        if r.bit()? {
            r.bits(8)?; // pcm bit depths
            skip_ue(r, 2)?;
            r.bit()?; // pcm_loop_filter_disabled_flag
        }
        skip_reference_sets(r)?;
        if r.bit()? {
            for _ in 0..r.ue().filter(|&count| count <= 32)? {
                r.bits(self.order_bits + 1)?; // lt_ref_pic_poc_lsb_sps, used_by_curr_pic_lt_sps_flag
            }
        }
        r.bits(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
        if !r.bit()? {
            return None;
        }
        if r.bit()? {
            self.sample_aspect = sample_aspect(r)?;
        }
        if r.bit()? {
            r.bit()?; // overscan_appropriate_flag
        }
        if r.bit()? {
            r.bits(4)?; // video_format, video_full_range_flag
            if r.bit()? {
                r.bits(24)?; // colour primaries, transfer characteristics, matrix coefficients
            }
        }
        if r.bit()? {
            skip_ue(r, 2)?; // where chroma samples lie
        }
        r.bits(3)?; // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
        if r.bit()? {
            skip_ue(r, 4)?; // the default display window
        }
        if r.bit()? {
            let (units, scale) = (u64::from(r.bits(32)?), u64::from(r.bits(32)?));
            let ticks = units.saturating_mul(90_000).checked_div(scale)?;
            self.frame_duration = u32::try_from(ticks).ok().filter(|ticks| (1..=MAX_FRAME).contains(ticks));
        }
        Some(())
    }

    /// Where the picture goes whose first slice this is; `pps` gives the picture parameter set of an id.
    pub(crate) fn order<'a>(&self, slice: &[u8], pps: impl FnOnce(u32) -> Option<&'a [u8]>) -> Option<Order> {
        let (&[high, low], rest) = slice.split_first_chunk::<2>()?;
        let rbsp = unescape(rest, MAX_SLICE_HEADER);
        let r = &mut BitReader::new(&rbsp);
        let kind = high >> 1 & 0x3f;
        r.bit()?; // first_slice_segment_in_pic_flag
        if (16..=23).contains(&kind) {
            r.bit()?; // no_output_of_prior_pics_flag
        }
        let (has_output_flag, extra_bits) = slice_header_extras(pps(r.ue()?)?)?;
        r.bits(extra_bits)?;
        r.ue()?; // slice_type
        r.bits(u32::from(has_output_flag) + if self.separate_planes { 2 } else { 0 })?;
        let idr = matches!(kind, 19 | 20);
        let low_bits = if idr { 0 } else { r.bits(self.order_bits)? };
        // Leading pictures, higher sub-layers and what nothing refers to do not count (§8.3.1).
        let leads = low & 7 == 1 && !(6..=9).contains(&kind) && (kind > 14 || kind % 2 == 1);
        Some(Order {
            low: low_bits,
            bits: self.order_bits,
            restarts: idr || (16..=18).contains(&kind),
            leads,
        })
    }

    /// The codec string (ISO/IEC 14496-15 annex E.3).
    pub(crate) fn codec(&self) -> String {
        let [profile, compatible @ .., level] = self.profile;
        let (compatible, constraints) = compatible.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let space = ["", "A", "B", "C"].get(usize::from(profile >> 6)).copied().unwrap_or_default();
        let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
        let compatible = u32::from_be_bytes(*compatible).reverse_bits();
        let mut codec = format!("hvc1.{space}{}.{compatible:X}.{tier}{level}", profile & 0x1f);
        let kept = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        for byte in constraints.iter().take(kept) {
            codec.push_str(&format!(".{byte:X}"));
        }
        codec
    }

    /// HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1) up to its arrays of parameter sets. What it may leave
    /// open (segmentation, parallelism, frame rate) is left open.
    pub(crate) fn configuration(&self) -> [u8; 22] {
        let mut out = [0; 22];
        let fields = [
            0xf0,
            0,
            0xfc,
            0xfc | self.chroma_format,
            0xf8 | self.bit_depth_luma.saturating_sub(8),
            0xf8 | self.bit_depth_chroma.saturating_sub(8),
            0,
            0,
            // NAL unit lengths have 4 bytes.
            self.sub_layers << 3 | u8::from(self.sub_layers_nested) << 2 | 3,
        ];
        for (to, from) in out.iter_mut().zip([1].into_iter().chain(self.profile).chain(fields)) {
            *to = from;
        }
        out
    }
}

/// The id of a picture parameter set.
pub(crate) fn pps_id(nal: &[u8]) -> Option<u32> {
    let rbsp = unescape(nal.get(2..)?, 8);
    BitReader::new(&rbsp).ue().filter(|&id| id < 64)
}

/// What a picture parameter set (§7.3.2.3) says of slice headers: whether they have an output flag, and how many extra
/// bits.
fn slice_header_extras(pps: &[u8]) -> Option<(bool, u32)> {
    let rbsp = unescape(pps.get(2..)?, 16);
    let r = &mut BitReader::new(&rbsp);
    skip_ue(r, 2)?; // its id and the sequence parameter set's
    r.bit()?; // dependent_slice_segments_enabled_flag
    Some((r.bit()?, r.bits(3)?))
}

/// The id of a video parameter set.
pub(crate) fn vps_id(nal: &[u8]) -> Option<u32> {
    nal.get(2).map(|byte| u32::from(byte >> 4))
}

/// The sub-layers' part of `profile_tier_level` (§7.3.3).
fn sub_layer_profiles(r: &mut BitReader<'_>, count: u32) -> Option<()> {
    if count == 0 {
        return Some(());
    }
    let present = r.bits(16)?;
    for layer in 0..count {
        let flags = present >> (14 - 2 * layer);
        if flags & 2 != 0 {
            for _ in 0..11 {
                r.bits(8)?; // its profile
            }
        }
        if flags & 1 != 0 {
            r.bits(8)?; // its level
        }
    }
    Some(())
}

/// `scaling_list_data` (§7.3.4).
fn skip_scaling_lists(r: &mut BitReader<'_>) -> Option<()> {
    for size in 0..4_u32 {
        let matrices = if size == 3 { 2 } else { 6 };
        for _ in 0..matrices {
            if !r.bit()? {
                r.ue()?; // scaling_list_pred_matrix_id_delta
                continue;
            }
            if size > 1 {
                r.ue()?; // scaling_list_dc_coef_minus8, signed
            }
            skip_ue(r, if size == 0 { 16 } else { 64 })?; // signed ones, which have the same lengths
        }
    }
    Some(())
}

/// The candidates for short-term reference picture sets (§7.3.7).
fn skip_reference_sets(r: &mut BitReader<'_>) -> Option<()> {
    let mut pictures = 0;
    for set in 0..r.ue().filter(|&count| count <= 64)? {
        if set > 0 && r.bit()? {
            r.bit()?; // delta_rps_sign
            r.ue()?; // abs_delta_rps_minus1
            // One flag a picture of the set before, and one for that set's own; a second where the first is not set.
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = r.bit()?;
                kept += u32::from(used || r.bit()?);
            }
            pictures = kept;
        } else {
            pictures = r.ue()?.checked_add(r.ue()?).filter(|&pictures| pictures <= MAX_PICTURES)?;
            for _ in 0..pictures {
                r.ue()?; // delta_poc_minus1
                r.bit()?; // used_by_curr_pic
            }
        }
        if pictures > MAX_PICTURES {
            return None;
        }
    }
    Some(())
}

fn skip_ue(r: &mut BitReader<'_>, count: u32) -> Option<()> {
    (0..count).try_for_each(|_| r.ue().map(drop))
}

/// Bytes of a parameter set that are read; legal ones have some hundred at most.
const MAX_SPS: usize = 4096;
/// Bytes of a slice header that are read.
const MAX_SLICE_HEADER: usize = 32;
/// Luma samples on a side. Level 6.2 allows 16888.
const MAX_SIDE: u32 = 32_768;
/// Ticks that a picture may last to be believed: ten seconds.
const MAX_FRAME: u32 = 900_000;
/// Pictures in a reference picture set, at most: the decoded picture buffer holds 16.
const MAX_PICTURES: u32 = 32;
