//! What stands in signatures: times, policies, claims.
//!
//! Times are Unix seconds. What is malformed is `None`: a signature of unknown life, not an error.

use crate::access::json::Json;
use crate::access::url_parts::Parameter;
use crate::playlist::DateTime;

/// When a signature was made or becomes valid, and when it expires.
#[derive(Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) issued: Option<i64>,
    pub(super) expires: Option<i64>,
}

impl Times {
    pub(super) fn issued(issued: Option<i64>) -> Self {
        Self { issued, expires: None }
    }

    pub(super) fn expires(expires: Option<i64>) -> Self {
        Self { issued: None, expires }
    }
}

/// A number that is not negative.
pub(super) fn number(text: &str, radix: u32) -> Option<i64> {
    i64::from_str_radix(text, radix).ok().filter(|&n| n >= 0)
}

/// A time in ten decimal or eight hexadecimal digits, which is since 2012: a date (`20240101`) is none.
pub(super) fn stamp(text: &str) -> Option<i64> {
    let radix = match text.len() {
        10 => 10,
        8 => 16,
        _ => return None,
    };
    number(text, radix).filter(|&seconds| seconds >= 0x5000_0000)
}

/// 32 hexadecimal digits.
pub(super) fn md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The time in `timestamp-rand-uid-md5`.
pub(super) fn type_a(value: &str) -> Option<i64> {
    let mut fields = value.split('-');
    let (time, _rand, _uid, hash) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    stamp(time).filter(|_| md5(hash) && fields.next().is_none())
}

/// The time in `YYYYMMDDhhmm`, by the clock of UTC+8, or in Unix seconds.
pub(super) fn type_b(text: &str) -> Option<i64> {
    if text.len() == 12 { civil(text, "+08") } else { stamp(text) }
}

/// The time in `timestamp-mac`.
pub(super) fn timed(value: &str) -> Option<i64> {
    let (time, mac) = value.split_once('-')?;
    stamp(time).filter(|_| time.len() == 10 && mac.len() >= 16)
}

/// The time in `YYYYMMDDhhmm`, with seconds or without, whatever stands between.
pub(super) fn civil(text: &str, zone: &str) -> Option<i64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let two = |at: usize| digits.get(at..at + 2);
    let (year, month, day, hour, minute) = (digits.get(..4)?, two(4)?, two(6)?, two(8)?, two(10)?);
    let second = two(12).unwrap_or("00");
    let date = DateTime::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}{zone}"))?;
    Some(date.unix_millis().div_euclid(1000))
}

/// A field of `exp=…~acl=…~hmac=…`, behind a parameter's name or not, percent-encoded or not.
pub(super) fn akamai_field(parameter: &Parameter<'_>, name: &str) -> Option<String> {
    let text = decoded(parameter.text);
    text.split('~').find_map(|field| {
        let of = |field: &str| field.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
        of(field).or_else(|| of(field.split_once('=')?.1))
    })
}

/// The policy of CloudFront, in Base64 with `-_~` for `+=/`.
pub(super) fn policy(value: &str) -> Option<Json> {
    Json::object(&value.replace('_', "=").replace('~', "/"))
}

/// `text` with its percent-encodings undone (RFC 3986 §2.1); those that are none stay.
pub(super) fn decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let nibble = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let escaped = (byte == b'%').then(|| Some((nibble(0)? << 4 | nibble(1)?) as u8)).flatten();
        out.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether `text` matches `pattern`, where `*` stands for any characters and `?` for one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    // Where to go on when what follows the last star does not fit: with one byte more under the star.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, text));
                pattern = rest;
            }
            (Some((p, p_rest)), Some((t, t_rest))) if p == t || *p == b'?' => {
                (pattern, text) = (p_rest, t_rest);
            }
            (None, None) => return true,
            _ => {
                let Some((after, [_, from @ ..])) = retry else { return false };
                retry = Some((after, from));
                (pattern, text) = (after, from);
            }
        }
    }
}
