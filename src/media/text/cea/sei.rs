//! Caption data in supplemental enhancement information: ITU-T H.264 §7.3.2.3.1 (and H.265 §7.3.5, the same) for the
//! messages, ATSC A/53 part 4 §6.2.3 for what is in those of type 4.

/// Hands on each `cc_data` construct (its flags and two bytes) that says something. `payload` is what follows the
/// header of an SEI NAL unit, emulation prevention bytes included.
pub(super) fn cc_data(payload: &[u8], mut sink: impl FnMut([u8; 3])) {
    let mut bytes = Unescaped { bytes: payload.iter(), zeros: 0 };
    while let (Some(kind), Some(size)) = (number(&mut bytes), number(&mut bytes)) {
        let mut message = bytes.by_ref().take(size);
        if kind == USER_DATA_REGISTERED && message.by_ref().take(ATSC.len()).eq(ATSC) {
            constructs(&mut message, &mut sink);
        }
        message.for_each(drop);
    }
}

/// `cc_data()` of A/53 (table 6.9).
fn constructs(message: &mut impl Iterator<Item = u8>, sink: &mut impl FnMut([u8; 3])) {
    let (Some(flags), Some(_)) = (message.next(), message.next()) else { return };
    if flags & PROCESS_CC_DATA == 0 {
        return;
    }
    for _ in 0..flags & COUNT {
        let (Some(kind), Some(a), Some(b)) = (message.next(), message.next(), message.next()) else { return };
        // Line 21 is never silent; what says nothing there is zero, but for parity.
        let padding = kind & DTVCC == 0 && (a | b) & 0x7f == 0;
        if kind & VALID != 0 && !padding {
            sink([kind, a, b]);
        }
    }
}

/// A number of an SEI message's header: 255 as often as it fits, then the rest.
fn number(bytes: &mut Unescaped<'_>) -> Option<usize> {
    let mut number = 0_usize;
    loop {
        let byte = bytes.next()?;
        number = number.saturating_add(usize::from(byte));
        if byte != 0xff {
            return Some(number);
        }
    }
}

/// Bytes without emulation prevention (§7.4.1.1). Most units are looked at and not used, so nothing is copied.
struct Unescaped<'a> {
    bytes: core::slice::Iter<'a, u8>,
    zeros: u8,
}

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let mut byte = *self.bytes.next()?;
        if self.zeros >= 2 && byte == 3 {
            self.zeros = 0;
            byte = *self.bytes.next()?;
        }
        self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        Some(byte)
    }
}

const USER_DATA_REGISTERED: usize = 4;
/// Country 0xb5 (United States), provider 0x0031 (ATSC), and its type of user data: captions.
const ATSC: [u8; 8] = [0xb5, 0x00, 0x31, b'G', b'A', b'9', b'4', 0x03];
const PROCESS_CC_DATA: u8 = 0x40;
const COUNT: u8 = 0x1f;
const VALID: u8 = 0x04;
/// CEA-708 rather than line 21.
const DTVCC: u8 = 0x02;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(payload: &[u8]) -> Vec<[u8; 3]> {
        let mut all = Vec::new();
        cc_data(payload, |triplet| all.push(triplet));
        all
    }

    /// An SEI message of type 4.
    fn message(constructs: &[[u8; 3]]) -> Vec<u8> {
        let body = constructs.concat();
        let mut all = vec![4, u8::try_from(ATSC.len() + 3 + body.len()).unwrap()];
        all.extend(ATSC);
        all.extend([0xc0 | u8::try_from(constructs.len()).unwrap(), 0xff]);
        all.extend(body);
        all.push(0xff);
        all
    }

    #[test]
    fn constructs_are_found_between_other_messages() {
        let triplets =
            [[0xfc, 0x94, 0x2c], [0xfc, 0x80, 0x80], [0xfe, 0, 0], [1, 1, 2], [0xfd, 0, 0], [0xff, 0, 1]];
        let mut payload = vec![5, 3, 4, 1, 1];
        payload.extend(message(&triplets));
        payload.extend(message(&triplets[..1]));
        payload.push(0x80);
        let escaped: Vec<u8> = escape(&payload);
        assert!(escaped.len() > payload.len());
        let want = [[0xfc, 0x94, 0x2c], [0xfe, 0, 0], [0xff, 0, 1], [0xfc, 0x94, 0x2c]];
        assert_eq!(found(&escaped), want);
        for length in 0..escaped.len() {
            let found = found(&escaped[..length]);
            assert_eq!(found, want[..found.len()], "{length} bytes");
        }
    }

    #[test]
    fn other_user_data_is_left_alone() {
        let sound = message(&[[0xfc, 0x94, 0x2c]]);
        for at in 2..10 {
            let mut other = sound.clone();
            other[at] ^= 1;
            assert_eq!(found(&other), [] as [[u8; 3]; 0], "byte {at}");
        }
        assert_eq!(found(&[0xff; 100]), [] as [[u8; 3]; 0]);
    }

    fn escape(bytes: &[u8]) -> Vec<u8> {
        let (mut out, mut zeros) = (Vec::new(), 0);
        for &byte in bytes {
            if zeros >= 2 && byte <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }
}
