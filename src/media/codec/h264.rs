//! ITU-T H.264: NAL unit types (table 7-1), parameter sets (§7.3.2.1), slice types.

use super::annexb::unescape;
use super::aspect::sample_aspect;
use super::bits::BitReader;
use super::nal::{NalKind, Order, ParameterSet, Slice};

/// What the NAL unit is that starts with these bytes; the second may not exist.
pub(crate) fn nal_kind(head: &[u8]) -> NalKind {
    let (Some(header), second) = (head.first(), head.get(1)) else { return NalKind::Other };
    let slice = Slice {
        // Macroblock 0, which only the first slice of a picture has.
        first: second.is_some_and(|byte| byte & 0x80 != 0),
        reference: header & 0x60 != 0,
        ..Slice::default()
    };
    match header & 0x1f {
        // Or its first partition.
        1 | 2 => NalKind::Slice(slice),
        5 => NalKind::Slice(Slice { key: true, ..slice }),
        3 | 4 | 19..=21 => NalKind::SlicePart,
        6 => NalKind::Sei,
        7 => NalKind::ParameterSet(ParameterSet::Sequence),
        8 => NalKind::ParameterSet(ParameterSet::Picture),
        9 => NalKind::Delimiter,
        10 => NalKind::EndOfSequence,
        12 => NalKind::Filler,
        14..=18 => NalKind::Prefix,
        _ => NalKind::Other,
    }
}

/// What a sequence parameter set says that a container has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sps {
    pub(crate) id: u32,
    pub(crate) profile: u8,
    pub(crate) constraints: u8,
    pub(crate) level: u8,
    pub(crate) chroma_format: u8,
    pub(crate) bit_depth_luma: u8,
    pub(crate) bit_depth_chroma: u8,
    /// Luma samples shown, after cropping.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Width and height of a sample; 1:1 where nothing is said.
    pub(crate) sample_aspect: (u16, u16),
    /// Ticks of 90 kHz that a frame lasts, where it is said.
    pub(crate) frame_duration: Option<u32>,
    separate_planes: bool,
    /// There are no field pictures.
    frames_only: bool,
    frame_num_bits: u32,
    /// Bits of the picture order count; `None` where it is counted otherwise.
    order_bits: Option<u32>,
}

impl Sps {
    /// Reads a NAL unit of type 7.
    pub(crate) fn parse(nal: &[u8]) -> Option<Self> {
        let rbsp = unescape(nal.get(1..)?, MAX_SPS);
        let (&[profile, constraints, level], fields) = rbsp.split_first_chunk::<3>()?;
        let r = &mut BitReader::new(fields);
        let mut sps = Self { profile, constraints, level, chroma_format: 1, ..Self::default() };
        (sps.bit_depth_luma, sps.bit_depth_chroma, sps.sample_aspect) = (8, 8, (1, 1));
        sps.id = r.ue().filter(|&id| id < 32)?;
        if has_chroma_fields(profile) {
            sps.chroma_format = u8::try_from(r.ue()?).ok().filter(|&format| format <= 3)?;
            sps.separate_planes = sps.chroma_format == 3 && r.bit()?;
            let depth =
                |extra: u32| u8::try_from(extra).ok().filter(|&extra| extra <= 6).map(|extra| 8 + extra);
            sps.bit_depth_luma = depth(r.ue()?)?;
            sps.bit_depth_chroma = depth(r.ue()?)?;
            r.bit()?; // qpprime_y_zero_transform_bypass_flag
            if r.bit()? {
                let lists = if sps.chroma_format == 3 { 12 } else { 8 };
                for list in 0..lists {
                    if r.bit()? {
                        skip_scaling_list(r, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        sps.frame_num_bits = r.ue().filter(|&bits| bits <= 12)? + 4;
        match r.ue()? {
            0 => sps.order_bits = Some(r.ue().filter(|&bits| bits <= 12)? + 4),
            1 => {
                r.bit()?; // delta_pic_order_always_zero_flag
                r.se()?; // offset_for_non_ref_pic
                r.se()?; // offset_for_top_to_bottom_field
                for _ in 0..r.ue().filter(|&cycle| cycle < 256)? {
                    r.se()?; // offset_for_ref_frame
                }
            }
            2 => {}
            _ => return None,
        }
        r.ue()?; // max_num_ref_frames
        r.bit()?; // gaps_in_frame_num_value_allowed_flag
        let width_mbs = r.ue()?.checked_add(1)?;
        let height_units = r.ue()?.checked_add(1)?;
        sps.frames_only = r.bit()?;
        if !sps.frames_only {
            r.bit()?; // mb_adaptive_frame_field_flag
        }
        r.bit()?; // direct_8x8_inference_flag
        let mut crop = [0; 4];
        if r.bit()? {
            crop = [r.ue()?, r.ue()?, r.ue()?, r.ue()?];
        }
        let [left, right, top, bottom] = crop;
        // Table 6-1, and equations 7-19 to 7-22.
        let chroma = if sps.separate_planes { 0 } else { sps.chroma_format };
        let fields = if sps.frames_only { 1 } else { 2 };
        let crop_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let crop_y = fields * if chroma == 1 { 2 } else { 1 };
        let cropped = |size: u32, a: u32, b: u32, unit: u32| {
            size.checked_sub(a.checked_add(b)?.checked_mul(unit)?)
                .filter(|size| (1..=MAX_SIDE).contains(size))
        };
        sps.width = cropped(width_mbs.checked_mul(16)?, left, right, crop_x)?;
        sps.height = cropped(height_units.checked_mul(16)?.checked_mul(fields)?, top, bottom, crop_y)?;
        // What follows is optional: an SPS cut short here is still good.
        if r.bit().unwrap_or(false) {
            sps.usability_information(r);
        }
        Some(sps)
    }

    /// The VUI (§E.1.1), as far as it is there.
    fn usability_information(&mut self, r: &mut BitReader<'_>) -> Option<()> {
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
            r.ue()?; // chroma_sample_loc_type_top_field
            r.ue()?; // and of the bottom field
        }
        if r.bit()? {
            // Ticks are those of fields; a frame has two (§E.2.1).
            let (units, scale) = (u64::from(r.bits(32)?), u64::from(r.bits(32)?));
            let ticks = units.saturating_mul(2 * 90_000).checked_div(scale)?;
            self.frame_duration = u32::try_from(ticks).ok().filter(|ticks| (1..=MAX_FRAME).contains(ticks));
        }
        Some(())
    }

    /// What a slice header (§7.3.3) says of its picture: whether that is a field, and its place in output order where it
    /// has one of its own.
    pub(crate) fn picture(&self, slice: &[u8]) -> Option<(bool, Option<Order>)> {
        let header = *slice.first()?;
        let rbsp = unescape(slice.get(1..)?, MAX_SLICE_HEADER);
        let r = &mut BitReader::new(&rbsp);
        let idr = header & 0x1f == 5;
        for _ in 0..3 {
            r.ue()?; // first_mb_in_slice, slice_type, pic_parameter_set_id
        }
        if self.separate_planes {
            r.bits(2)?; // colour_plane_id
        }
        r.bits(self.frame_num_bits)?;
        let field = !self.frames_only && r.bit()?;
        if field {
            r.bit()?; // bottom_field_flag
        }
        if idr {
            r.ue()?; // idr_pic_id
        }
        let order = |bits| Some(Order { low: r.bits(bits)?, bits, restarts: idr, leads: header & 0x60 != 0 });
        Some((field, self.order_bits.and_then(order)))
    }

    /// The codec string (RFC 6381 §3.3).
    pub(crate) fn codec(&self) -> String {
        format!("avc1.{:02x}{:02x}{:02x}", self.profile, self.constraints, self.level)
    }
}

/// Whether this profile's parameter sets say the chroma format and bit depths.
pub(crate) const fn has_chroma_fields(profile: u8) -> bool {
    matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

/// The id of a picture parameter set.
pub(crate) fn pps_id(nal: &[u8]) -> Option<u32> {
    let rbsp = unescape(nal.get(1..)?, 8);
    BitReader::new(&rbsp).ue().filter(|&id| id < 256)
}

/// Whether a slice is intra-coded.
pub(crate) fn is_intra_slice(nal: &[u8]) -> bool {
    let rbsp = unescape(nal.get(1..).unwrap_or_default(), 16);
    let mut reader = BitReader::new(&rbsp);
    let slice_type = reader.ue().and_then(|_first_mb| reader.ue());
    // I and SI (table 7-6).
    slice_type.is_some_and(|t| matches!(t % 5, 2 | 4))
}

fn skip_scaling_list(r: &mut BitReader<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + r.se()?).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// Bytes of a parameter set that are read; legal ones have some hundred at most.
const MAX_SPS: usize = 4096;
/// Bytes of a slice header that are read.
const MAX_SLICE_HEADER: usize = 32;
/// Samples on a side. Level 6.2 allows 16888.
const MAX_SIDE: u32 = 32_768;
/// Ticks that a frame may last to be believed: ten seconds.
const MAX_FRAME: u32 = 900_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_parameter_set_is_read() {
        let sps = Sps::parse(&hex("6764001facd9405005bb011000000300100000030320f1831960"));
        let sps = sps.unwrap();
        assert_eq!((sps.width, sps.height, sps.codec().as_str()), (1280, 720, "avc1.64001f"));
        assert_eq!((sps.sample_aspect, sps.frame_duration), ((1, 1), Some(3600)));
    }

    #[test]
    fn damaged_parameter_sets_are_refused() {
        let sps = hex("6764001facd9405005bb011000000300100000030320f1831960");
        for length in 0..10 {
            assert_eq!(Sps::parse(&sps[..length]), None, "{length} bytes");
        }
        assert_eq!(Sps::parse(&[0x67, 100, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn nal_units_that_start_an_access_unit() {
        for (header, second, starts) in [
            (0x65, 0x88, true),
            (0x41, 0x9a, true),
            (0x41, 0x4a, false),
            (0x09, 0xf0, true),
            (0x67, 0x64, true),
            (0x06, 0x05, true),
            (0x0c, 0xff, false),
        ] {
            assert_eq!(nal_kind(&[header, second]).starts_unit(), starts, "{header:#x}");
        }
        assert_eq!(nal_kind(&[0x0a]), NalKind::EndOfSequence);
        assert_eq!(nal_kind(&[]), NalKind::Other);
    }

    #[test]
    fn slice_types() {
        assert!(is_intra_slice(&[0x65, 0b1000_1000, 0x80]));
        assert!(!is_intra_slice(&[0x41, 0b1001_1010, 0x80]));
        assert!(!is_intra_slice(&[0x41]));
    }
}
