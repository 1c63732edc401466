//! WebVTT times (WebVTT §6.1 and §6.3 "collect WebVTT cue timings and settings", "collect a WebVTT timestamp") and the
//! X-TIMESTAMP-MAP header of HLS (RFC 8216bis §3.1.4). Times are in 90 kHz ticks: a millisecond is 90 of them.

/// The line of a cue that says when it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Timing<'a> {
    pub(super) start: i64,
    pub(super) end: i64,
    /// All that follows the times.
    pub(super) settings: &'a str,
}

/// What cue time a segment's time stamps start from. Zero to zero where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TimestampMap {
    /// 33 bits.
    pub(super) mpegts: i64,
    /// The cue time that is at this time stamp.
    pub(super) local: i64,
}

impl<'a> Timing<'a> {
    /// Reads a line with an arrow.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (start, rest) = timestamp(skip_space(line))?;
        let (end, rest) = timestamp(skip_space(skip_space(rest).strip_prefix("-->")?))?;
        Some(Self { start, end, settings: rest.trim_matches(is_space) })
    }
}

impl TimestampMap {
    /// Reads what follows `X-TIMESTAMP-MAP=`: the attributes MPEGTS and LOCAL, in any order.
    pub(super) fn parse(attributes: &str) -> Option<Self> {
        let (mut mpegts, mut local) = (None, None);
        for attribute in attributes.split(',') {
            match attribute.trim_matches(is_space).split_once(':')? {
                ("MPEGTS", value) => {
                    let (value, rest) = number(value)?;
                    mpegts = Some(i64::try_from(value.0 & MAX_STAMP).ok().filter(|_| rest.is_empty())?);
                }
                ("LOCAL", value) => local = Some(timestamp(value)?.0),
                _ => {}
            }
        }
        Some(Self { mpegts: mpegts?, local: local? })
    }
}

/// A timestamp at the start of `text`, and what follows it.
fn timestamp(text: &str) -> Option<(i64, &str)> {
    let ((first, digits), rest) = number(text)?;
    let (second, rest) = two_digits(rest.strip_prefix(':')?)?;
    let has_hours = digits != 2 || first > 59;
    let (hours, minutes, seconds, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let (third, rest) = two_digits(rest)?;
            (first, second, third, rest)
        }
        None if has_hours => return None,
        None => (0, first, second, rest),
    };
    let ((millis, digits), rest) = number(rest.strip_prefix('.')?)?;
    if digits != 3 || minutes > 59 || seconds > 59 {
        return None;
    }
    let whole = hours.saturating_mul(3600).saturating_add(minutes * 60 + seconds);
    let ticks = whole.saturating_mul(1000).saturating_add(millis).saturating_mul(90);
    // Whatever is added to it later does not overflow.
    Some((i64::try_from(ticks).unwrap_or(i64::MAX).min(MAX_TICKS), rest))
}

fn two_digits(text: &str) -> Option<(u64, &str)> {
    let ((value, digits), rest) = number(text)?;
    (digits == 2).then_some((value, rest))
}

/// A run of digits as a number (one that is too large is the largest) and its length; and what follows it.
fn number(text: &str) -> Option<((u64, usize), &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length).filter(|_| length > 0)?;
    let value = digits.bytes().fold(0_u64, |value, digit| {
        value.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0')))
    });
    Some(((value, length), rest))
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// ASCII whitespace of the Infra standard.
pub(super) fn is_space(c: char) -> bool {
    c.is_ascii_whitespace()
}

/// The largest 33-bit time stamp.
const MAX_STAMP: u64 = (1 << 33) - 1;
/// Sixteen hundred thousand years.
const MAX_TICKS: i64 = i64::MAX >> 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn times(line: &str) -> Option<(i64, i64, &str)> {
        Timing::parse(line).map(|t| (t.start / 90, t.end / 90, t.settings))
    }

    #[test]
    fn times_are_those_of_the_standard() {
        assert_eq!(times("00:01.000 --> 00:02.500"), Some((1000, 2500, "")));
        assert_eq!(
            times(" \t01:00:01.000-->123:00:02.500align:start"),
            Some((3_601_000, 442_802_500, "align:start"))
        );
        assert_eq!(
            times("00:01.000\t-->\t00:02.000 \t line:0  align:end\t"),
            Some((1000, 2000, "line:0  align:end"))
        );
        assert_eq!(
            times("00:59.999 --> 00:00.000"),
            Some((59_999, 0, "")),
            "an end before its start is no error"
        );
        for bad in [
            "00:01.00 --> 00:02.000",
            "00:01,000 --> 00:02.000",
            "0:01.000 --> 00:02.000",
            "60:01.000 --> 00:02.000",
            "00:60.000 --> 00:02.000",
            "00:60:00.000 --> 00:02.000",
            "00:01.0000 --> 00:02.000",
            "00:01.000 -> 00:02.000",
            "00:01.000 --> ",
            "--> 00:02.000",
            "-00:01.000 --> 00:02.000",
            "\u{a0}00:01.000 --> 00:02.000",
            "",
        ] {
            assert_eq!(times(bad), None, "{bad}");
        }
        let huge = format!("{}:00:00.000 --> 00:01.000", "9".repeat(5000));
        assert_eq!(Timing::parse(&huge).unwrap().start, MAX_TICKS);
    }

    #[test]
    fn maps_come_in_either_order() {
        let map = |text| TimestampMap::parse(text).map(|map| (map.mpegts, map.local));
        assert_eq!(map("MPEGTS:900000,LOCAL:00:00:00.000"), Some((900_000, 0)));
        assert_eq!(map("LOCAL:00:01.500, MPEGTS:8589934593 "), Some((1, 135_000)));
        for bad in [
            "",
            "MPEGTS:1",
            "LOCAL:00:00.000",
            "MPEGTS:x,LOCAL:00:00.000",
            "MPEGTS:1x,LOCAL:00:00.000",
            "MPEGTS:1,LOCAL:0",
        ] {
            assert_eq!(map(bad), None, "{bad}");
        }
    }
}
