//! Supplemental enhancement information (ITU-T H.264 §7.3.2.3 and H.265 §7.3.2.4): the messages of a NAL unit.

use super::annexb::unescape;

/// Whether an SEI NAL unit has a recovery point (H.264 §D.1.8, H.265 §D.2.8). `header` is the length of its header.
pub(crate) fn has_recovery_point(nal: &[u8], header: usize) -> bool {
    const RECOVERY_POINT: usize = 6;
    let rbsp = unescape(nal.get(header..).unwrap_or_default(), MAX_SEI);
    let mut rest = rbsp.as_slice();
    // Two bytes at least to a message, and one behind the last.
    while rest.len() > 2 {
        let (Some(kind), Some(size)) = (number(&mut rest), number(&mut rest)) else { return false };
        if kind == RECOVERY_POINT {
            return true;
        }
        rest = rest.get(size..).unwrap_or_default();
    }
    false
}

/// A number of a message's header: 255 as often as it fits, then the rest.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number = number.saturating_add(usize::from(byte));
        if byte != 0xff {
            return Some(number);
        }
    }
}

/// Bytes of a NAL unit that are searched.
const MAX_SEI: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_points_are_found_behind_other_messages() {
        assert!(has_recovery_point(&[0x06, 0x06, 0x01, 0xc4, 0x80], 1));
        assert!(has_recovery_point(&[0x4e, 0x01, 0x05, 0x02, 0xaa, 0xbb, 0x06, 0x01, 0xc4, 0x80], 2));
        assert!(!has_recovery_point(&[0x06, 0x05, 0x02, 0x06, 0x01, 0x80], 1));
        assert!(!has_recovery_point(&[0x06, 0xff, 0xff, 0xff], 1));
    }
}
