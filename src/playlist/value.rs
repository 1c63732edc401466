//! Attribute and tag values: numbers, byte ranges, resolutions, hexadecimal sequences (RFC 8216bis §4.2).
//!
//! A number is read as far as it is one; [`Read::whole`] tells whether anything else stood behind it.

/// A value, and whether it was all there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read<T> {
    pub(super) value: T,
    pub(super) whole: bool,
}

/// A decimal-integer; a fraction is cut off and makes it not whole.
pub(super) fn integer(text: &str) -> Option<Read<u64>> {
    let (digits, rest) = split_digits(text);
    Some(Read { value: digits.parse().ok()?, whole: rest.is_empty() })
}

/// A non-negative decimal-floating-point number of seconds, in nanoseconds, rounded to the nearest.
pub(super) fn nanos(text: &str) -> Option<Read<u64>> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let (digits, rest) = split_digits(unsigned);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if digits.is_empty() && fraction.is_empty() {
        return None;
    }
    let seconds: u64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let mut scale = NANOS_PER_SECOND;
    let mut sub = 0;
    for digit in fraction.bytes().map(|b| u64::from(b.wrapping_sub(b'0'))) {
        if scale == 1 {
            sub += u64::from(digit >= 5);
            break;
        }
        scale /= 10;
        sub += digit * scale;
    }
    let value = seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(sub)?;
    Some(Read { value, whole: rest.is_empty() && unsigned.len() == text.len() })
}

/// A signed decimal-floating-point number.
pub(super) fn float(text: &str) -> Option<Read<f64>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = unsigned.bytes().position(|b| !b.is_ascii_digit() && b != b'.').unwrap_or(unsigned.len());
    let end = text.len() - unsigned.len() + end;
    let value = text.get(..end)?.parse().ok()?;
    Some(Read { value, whole: end == text.len() })
}

/// A decimal-resolution, width by height.
pub(super) fn resolution(text: &str) -> Option<Read<(u32, u32)>> {
    let (width, height) = text.split_once(['x', 'X'])?;
    let (width, height) = (integer(width.trim())?, integer(height.trim())?);
    let value = (u32::try_from(width.value).ok()?, u32::try_from(height.value).ok()?);
    Some(Read { value, whole: width.whole && height.whole })
}

/// A byte range `<n>[@<o>]`: the length and, when given, the offset (§4.4.4.2).
pub(super) fn byte_range(text: &str) -> Option<Read<(u64, Option<u64>)>> {
    let (length, offset) =
        text.split_once('@').map_or((text, None), |(length, offset)| (length, Some(offset)));
    let length = integer(length.trim())?;
    let value = offset.and_then(|o| integer(o.trim()));
    length.value.checked_add(value.map_or(0, |o| o.value))?;
    let whole = length.whole && offset.is_some() == value.is_some_and(|o| o.whole);
    Some(Read { value: (length.value, value.map(|o| o.value)), whole })
}

/// A hexadecimal-sequence, with or without its `0x`; an odd number of digits counts as one leading zero more.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text).as_bytes();
    let (head, pairs) = digits.split_at_checked(digits.len() % 2)?;
    let mut out = Vec::with_capacity(digits.len().div_ceil(2));
    if let [digit] = head {
        out.push(hex_digit(*digit)?);
    }
    for pair in pairs.chunks_exact(2) {
        let [high, low] = pair else { return None };
        out.push(hex_digit(*high)? << 4 | hex_digit(*low)?);
    }
    Some(out)
}

/// An initialization vector: 128 bits as a hexadecimal-sequence (§4.4.4.4).
pub(super) fn iv(text: &str) -> Option<Read<[u8; 16]>> {
    let bytes = hex(text)?;
    let whole = bytes.len() == 16 && (text.starts_with("0x") || text.starts_with("0X"));
    let mut value = [0; 16];
    let start = value.len().checked_sub(bytes.len())?;
    value.get_mut(start..)?.copy_from_slice(&bytes);
    (!bytes.is_empty()).then_some(Read { value, whole })
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn hex_digit(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        assert_eq!(integer("128000"), Some(Read { value: 128_000, whole: true }));
        assert_eq!(integer("128000.5"), Some(Read { value: 128_000, whole: false }));
        assert_eq!(integer("18446744073709551615").map(|r| r.value), Some(u64::MAX));
        assert_eq!(integer("18446744073709551616"), None);
        assert_eq!(integer(""), None);
        assert_eq!(integer("-1"), None);

        assert_eq!(nanos("6.006"), Some(Read { value: 6_006_000_000, whole: true }));
        assert_eq!(nanos(".5"), Some(Read { value: 500_000_000, whole: true }));
        assert_eq!(nanos("4."), Some(Read { value: 4_000_000_000, whole: true }));
        assert_eq!(nanos("9.9766666666").map(|r| r.value), Some(9_976_666_667));
        assert_eq!(nanos("0.9999999999").map(|r| r.value), Some(1_000_000_000));
        assert_eq!(nanos("+5"), Some(Read { value: 5_000_000_000, whole: false }));
        assert_eq!(nanos("10s"), Some(Read { value: 10_000_000_000, whole: false }));
        assert_eq!(nanos("99999999999999"), None);
        for bad in ["", ".", "-1", "x"] {
            assert_eq!(nanos(bad), None, "{bad}");
        }

        assert_eq!(float("-12.5").map(|r| r.value), Some(-12.5));
        assert_eq!(float("29.97fps"), Some(Read { value: 29.97, whole: false }));
        assert_eq!(float("."), None);
        assert_eq!(resolution("1920x1080"), Some(Read { value: (1920, 1080), whole: true }));
        assert_eq!(resolution("1920X1080").map(|r| r.value), Some((1920, 1080)));
        assert_eq!(resolution("1920"), None);
    }

    #[test]
    fn ranges_and_hexadecimal() {
        assert_eq!(byte_range("10@20").map(|r| r.value), Some((10, Some(20))));
        assert_eq!(byte_range("10").map(|r| r.value), Some((10, None)));
        assert_eq!(byte_range("10@"), Some(Read { value: (10, None), whole: false }));
        assert_eq!(byte_range("@10"), None);
        assert_eq!(byte_range("18446744073709551615@1"), None);
        assert_eq!(hex("0xABCd"), Some(vec![0xab, 0xcd]));
        assert_eq!(hex("0x123"), Some(vec![1, 0x23]));
        assert_eq!(hex("0xg0"), None);
        let mut one = [0; 16];
        one[15] = 1;
        assert_eq!(iv("0x1"), Some(Read { value: one, whole: false }));
        assert_eq!(iv("0x00000000000000000000000000000001"), Some(Read { value: one, whole: true }));
        assert_eq!(iv("0x0000000000000000000000000000000001"), None);
        assert_eq!(iv("0x"), None);
    }
}
