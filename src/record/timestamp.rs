//! The forms in which `eventTime` has been seen.

use chrono::{DateTime, NaiveDateTime};

/// Microseconds since 1970-01-01 UTC, and whether the text is CloudTrail's own form `YYYY-MM-DDTHH:MM:SSZ`.
///
/// Also read: a blank for `T`, a fraction, a lower-case `z`, an offset, no zone at all (UTC), a number as of
/// [`epoch_time`].
pub(super) fn parse_time(text: &str) -> Option<(i64, bool)> {
    let otherwise = || lenient(text).or_else(|| epoch_time(text.trim())).map(|time| (time, false));
    canonical(text.as_bytes()).map(|time| (time, true)).or_else(otherwise)
}

fn canonical(text: &[u8]) -> Option<i64> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1, b'Z'] = text else {
        return None;
    };
    let digit = |b: &u8| b.is_ascii_digit().then(|| i64::from(b - b'0'));
    let two = |a, b| Some(digit(a)? * 10 + digit(b)?);
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(n0, n1)?, two(s0, s1)?);
    if !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) || hour > 23 || minute > 59 || second > 59
    {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000)
}

fn month_days(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March so that the leap day is
/// last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn lenient(text: &str) -> Option<i64> {
    let text = text.trim();
    if !text.is_ascii() || text.len() > 40 {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    let iso = upper.replacen(' ', "T", 1);
    if let Ok(time) = DateTime::parse_from_rfc3339(&iso) {
        return Some(time.timestamp_micros());
    }
    if let Ok(time) = DateTime::parse_from_str(&iso, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(time.timestamp_micros());
    }
    let naive = NaiveDateTime::parse_from_str(&iso, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(naive.and_utc().timestamp_micros())
}

/// Microseconds since 1970-01-01 UTC of a number of seconds, milliseconds, microseconds or nanoseconds since then:
/// which of them its size tells, since CloudTrail began in 2013 and seconds have ten digits until 2286.
pub(super) fn epoch_time(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let micros = match whole.len() {
        9..=11 => {
            let digits = format!("{fraction:0<6}");
            number.checked_mul(1_000_000)?.checked_add(digits.get(..6)?.parse().ok()?)?
        }
        12..=14 => number.checked_mul(1_000)?,
        15..=17 => number,
        18..=19 => number / 1_000,
        _ => return None,
    };
    Some(micros)
}

/// CloudTrail's own form; `None` for a time that it can't say.
pub(super) fn format_time(time_us: i64) -> Option<String> {
    let time = DateTime::from_timestamp_micros(time_us)?;
    Some(time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let expected = 1_688_989_356_000_000;
        for (text, micros, is_canonical) in [
            ("2023-07-10T11:42:36Z", 0, true),
            ("2023-07-10 11:42:36", 0, false),
            ("2023-07-10 11:42:36.000", 0, false),
            ("2023-07-10 11:42:36.25Z", 250_000, false),
            ("2023-07-10t11:42:36z", 0, false),
            ("2023-07-10T13:42:36+02:00", 0, false),
            ("2023-07-10 13:42:36+0200", 0, false),
        ] {
            assert_eq!(parse_time(text), Some((expected + micros, is_canonical)), "{text}");
        }
        for text in ["", "yesterday", "2023-02-30T00:00:00Z", "2023-07-10T24:00:00Z", "2023-07-10"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn numbers() {
        let expected = Some(1_777_885_321_000_000);
        for text in ["1777885321", "1777885321000", "1777885321000000", "1777885321000000000", "1777885321.0"] {
            assert_eq!(epoch_time(text), expected, "{text}");
            assert_eq!(parse_time(text), expected.map(|time| (time, false)), "{text}");
        }
        assert_eq!(epoch_time("1777885321.25"), expected.map(|time| time + 250_000));
        for text in ["", "-1777885321", "20240501", "1.777885321e9", "17778853210000000000000", "."] {
            assert_eq!(epoch_time(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn canonical_times_round_trip(seconds in -62_000_000_000_i64..250_000_000_000) {
            let text = format_time(seconds * 1_000_000).unwrap_or_default();
            proptest::prop_assert_eq!(parse_time(&text), Some((seconds * 1_000_000, true)), "{}", text);
        }
    }
}
