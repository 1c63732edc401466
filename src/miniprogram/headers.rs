//! The headers of a response that matter, as platforms give them: names in any case, a value or a list of values.

use core::time::Duration;

use serde_json::Value;

use crate::playlist::DateTime;

/// A header by its name in lower case.
pub(super) fn header<'a>(headers: &'a Value, name: &str) -> Option<&'a str> {
    let (_, value) = headers.as_object()?.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    value.as_str().or_else(|| value.as_array()?.first()?.as_str())
}

/// The preferred form of an HTTP date (RFC 9110 §5.6.7), in milliseconds since 1970. No server sends another today.
pub(super) fn http_date(text: &str) -> Option<i64> {
    let mut parts = text.split_once(',')?.1.split_ascii_whitespace();
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    Some(DateTime::parse(&format!("{year}-{month:02}-{day}T{time}Z"))?.unix_millis())
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, which is held against the server's own.
pub(super) fn retry_after(text: &str, server_now: Option<i64>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = http_date(text)?.saturating_sub(server_now?);
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_delays() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        for other in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06", "x, 06 Foo 1994 08:49:37 GMT"] {
            assert_eq!(http_date(other), None, "{other}");
        }
        assert_eq!(retry_after(" 7 ", None), Some(Duration::from_secs(7)));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(retry_after(date, Some(784_111_770_000)), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(date, Some(784_111_780_000)), Some(Duration::ZERO));
        assert_eq!(retry_after(date, None), None);
    }

    #[test]
    fn names_in_any_case_and_values_in_lists() {
        let headers: Value = serde_json::from_str(r#"{"DATE":["a","b"],"Retry-after":"5","n":5}"#).unwrap();
        assert_eq!(header(&headers, "date"), Some("a"));
        assert_eq!(header(&headers, "retry-after"), Some("5"));
        assert_eq!(header(&headers, "n"), None);
        assert_eq!(header(&Value::Null, "date"), None);
    }
}
