//! The sample aspect ratio of video usability information, the same in ITU-T H.264 (table E-1) and H.265 (table E.1).

use super::bits::BitReader;

/// Reads it; `None` if the bits are used up, 1:1 if nothing useful is said.
pub(crate) fn sample_aspect(r: &mut BitReader<'_>) -> Option<(u16, u16)> {
    let indicator = r.bits(8)?;
    if indicator != 255 {
        let listed = usize::try_from(indicator).ok().and_then(|i| SAMPLE_ASPECTS.get(i.checked_sub(1)?));
        return Some(listed.copied().unwrap_or((1, 1)));
    }
    let (width, height) = (u16::try_from(r.bits(16)?).ok()?, u16::try_from(r.bits(16)?).ok()?);
    Some(if width > 0 && height > 0 { (width, height) } else { (1, 1) })
}

/// From indicator 1 on.
const SAMPLE_ASPECTS: [(u16, u16); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];
