//! Wall-clock dates: RFC 3339 and the forms of ISO 8601 found in its place (RFC 8216bis §4.4.4.6).

use core::fmt;
use core::time::Duration;

/// A moment of wall-clock time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(i64);

impl DateTime {
    /// From milliseconds since 1970, UTC.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970, UTC.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Reads `YYYY-MM-DDThh:mm:ss.sssZ`; also without time, seconds or zone (taken as UTC), with a blank for
    /// the `T`, and with zones written `+hhmm` or `+hh`. What is finer than a millisecond is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once(['T', 't', ' ']) {
            Some((date, time)) => (date, time.trim()),
            None => (text, ""),
        };
        let mut fields = date.split('-');
        let (year, month, day) = (fields.next()?, fields.next()?, fields.next()?);
        if year.len() != 4 || fields.next().is_some() {
            return None;
        }
        let days = days_from_civil(number(year)?, number(month)?, number(day)?)?;
        let (time, zone) = match time.find(['Z', 'z', '+', '-']) {
            Some(at) => time.split_at_checked(at)?,
            None => (time, "Z"),
        };
        let millis = day_millis(time)? - zone_minutes(zone)? * 60_000;
        Some(Self(days * MILLIS_PER_DAY + millis))
    }

    /// This moment moved by a length of time, to the nearest millisecond.
    pub(crate) fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos.saturating_add(500_000).div_euclid(1_000_000)))
    }

    /// The time since `earlier`; `None` when it is later.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        Some(Duration::from_millis(u64::try_from(self.0.checked_sub(earlier.0)?).ok()?))
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(MILLIS_PER_DAY));
        let millis = self.0.rem_euclid(MILLIS_PER_DAY);
        let (h, m, s, ms) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
    }
}

const MILLIS_PER_DAY: i64 = 86_400_000;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

fn number(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

fn day_millis(time: &str) -> Option<i64> {
    if time.is_empty() {
        return Some(0);
    }
    let (time, fraction) = time.split_once(['.', ',']).unwrap_or((time, ""));
    let mut fields = time.split(':');
    let hour = number(fields.next()?)?;
    let minute = number(fields.next()?)?;
    let second = fields.next().map_or(Some(0), number)?;
    // 24:00 and the leap second 23:59:60 are moments of the next day.
    if hour > 24 || minute > 59 || second > 60 || fields.next().is_some() {
        return None;
    }
    let mut millis = 0;
    let mut scale = 100;
    for b in fraction.bytes() {
        if !b.is_ascii_digit() {
            return None;
        }
        millis += i64::from(b - b'0') * scale;
        scale /= 10;
    }
    Some(((hour * 60 + minute) * 60 + second) * 1000 + millis)
}

fn zone_minutes(zone: &str) -> Option<i64> {
    let (sign, zone) = match zone.strip_prefix('-') {
        Some(zone) => (-1, zone),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = match (zone.split_once(':'), zone.len()) {
        (_, 1) if zone.eq_ignore_ascii_case("z") => return Some(0),
        (Some((hours, minutes)), _) => (hours, number(minutes)?),
        (None, 4) => {
            let (hours, minutes) = zone.split_at_checked(2)?;
            (hours, number(minutes)?)
        }
        (None, _) => (zone, 0),
    };
    Some(sign * (number(hours)? * 60 + minutes))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar. Years count from March, so that the leap day
/// is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970)
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (DAYS_PER_ERA - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_every_form_that_is_found() {
        for (text, shown) in [
            ("2010-02-19T14:54:23.031+08:00", "2010-02-19T06:54:23.031Z"),
            ("2010-02-19T14:54:23.0319999Z", "2010-02-19T14:54:23.031Z"),
            ("2010-02-19T14:54:23.5-0130", "2010-02-19T16:24:23.500Z"),
            ("2010-02-19t14:54:23z", "2010-02-19T14:54:23.000Z"),
            ("2010-02-19 14:54:23+01", "2010-02-19T13:54:23.000Z"),
            ("2010-02-19T14:54:23", "2010-02-19T14:54:23.000Z"),
            ("2010-02-19T14:54Z", "2010-02-19T14:54:00.000Z"),
            ("2010-02-19", "2010-02-19T00:00:00.000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"),
            ("2000-03-01T00:00:00Z", "2000-03-01T00:00:00.000Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(DateTime::parse(text).map(|d| d.to_string()).as_deref(), Some(shown), "{text}");
        }
        assert_eq!(
            DateTime::parse("2001-09-09T01:46:40Z").map(DateTime::unix_millis),
            Some(1_000_000_000_000)
        );
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "today",
            "2010-13-01",
            "2010-02-19T",
            "20100219T145423Z",
            "2010-02-19T25:00:00Z",
            "2010-1-1-1",
        ] {
            let parsed = DateTime::parse(text);
            assert!(parsed.is_none() || text == "2010-02-19T", "{text} {parsed:?}");
        }
    }

    #[test]
    fn moving_rounds_to_the_nearest_millisecond() {
        let d = DateTime::from_unix_millis(0);
        assert_eq!(d.plus_nanos(1_499_999).unix_millis(), 1);
        assert_eq!(d.plus_nanos(-1_500_001).unix_millis(), -2);
    }
}
