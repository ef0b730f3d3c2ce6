//! Days and times as the store writes them: ISO text, UTC, microseconds since 1970-01-01.

use chrono::{DateTime, NaiveDate, SecondsFormat};

const UNIX_EPOCH_DAYS: i32 = 719_163;

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
pub fn parse_date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(days_of(date))
}

/// Days since 1970-01-01.
pub fn days_of(date: NaiveDate) -> i32 {
    use chrono::Datelike;
    date.num_days_from_ce() - UNIX_EPOCH_DAYS
}

/// Writes days since 1970-01-01 as `YYYY-MM-DD`.
pub fn format_date(days: i32) -> String {
    match NaiveDate::from_num_days_from_ce_opt(days.saturating_add(UNIX_EPOCH_DAYS)) {
        Some(date) => date.format("%Y-%m-%d").to_string(),
        None => format!("day {days}"),
    }
}

/// Writes microseconds since 1970-01-01 UTC as `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`.
pub fn format_time(time_us: i64) -> String {
    match DateTime::from_timestamp_micros(time_us) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{time_us} µs"),
    }
}

/// Writes microseconds since 1970-01-01 UTC as DuckLake does: `YYYY-MM-DD HH:MM:SS[.ffffff]+00`.
pub fn format_ducklake_time(time_us: i64) -> Option<String> {
    let time = DateTime::from_timestamp_micros(time_us)?;
    let fraction = match time.timestamp_subsec_micros() {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    Some(format!("{}{fraction}+00", time.format("%Y-%m-%d %H:%M:%S")))
}

/// How long ago 1970-01-01 UTC was. Nothing by a clock that says that it is still to come, as one without a battery does.
fn since_1970() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// The day of a time, in days since 1970-01-01, from microseconds since 1970-01-01 UTC.
#[expect(clippy::cast_possible_truncation, reason = "64 bits of microseconds are 27 bits of days")]
pub fn day_of(time_us: i64) -> i32 {
    time_us.div_euclid(MICROS_PER_DAY) as i32
}

/// Now, as microseconds since 1970-01-01 UTC.
pub fn now_us() -> i64 {
    since_1970().as_micros().try_into().unwrap_or(i64::MAX)
}

/// Whether the system's clock is before 1970, which libraries that ask it don't take.
pub fn is_before_1970() -> bool {
    std::time::SystemTime::now() < std::time::UNIX_EPOCH
}

/// A name that nothing else has, greater than those of earlier milliseconds.
pub fn fresh_id() -> uuid::Uuid {
    let now = since_1970();
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, now.as_secs(), now.subsec_nanos()))
}

/// Reads a point in time as people type it: a day, or an ISO 8601 time (UTC where no offset is given).
/// Returns microseconds since 1970-01-01 UTC; a day is its first instant.
pub fn parse_time(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_micros());
    }
    let day_time = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    for form in day_time {
        if let Ok(time) = chrono::NaiveDateTime::parse_from_str(text, form) {
            return Some(time.and_utc().timestamp_micros());
        }
    }
    Some(i64::from(parse_date(text)?) * MICROS_PER_DAY)
}

/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A moment as people type it on a command line: a day or a time, or so long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its first instant, microseconds since 1970-01-01 UTC.
    pub begin_us: i64,
    /// The first instant behind it, if it is a day; else the same.
    pub end_us: i64,
}

impl Moment {
    /// What to say about a text that is none.
    pub const HINT: &'static str =
        "not a time; hint: write 2023-07-10, 2023-07-10T12:00:00Z, 90d, 24h, 2w, now, today or yesterday";

    /// Reads a day (`2023-07-10`, `today`, `yesterday`), a time, `now`, or so long before `now_us`: `90d`, `24h`, `2w`,
    /// `30m`, `45s`.
    pub fn parse(text: &str, now_us: i64) -> Option<Moment> {
        let day = |days: i64| {
            let begin_us = days.checked_mul(MICROS_PER_DAY)?;
            Some(Moment { begin_us, end_us: begin_us.checked_add(MICROS_PER_DAY)? })
        };
        let instant = |time_us: i64| Some(Moment { begin_us: time_us, end_us: time_us });
        let today = now_us.div_euclid(MICROS_PER_DAY);
        match text {
            "now" => return instant(now_us),
            "today" => return day(today),
            "yesterday" => return day(today - 1),
            _ => {}
        }
        if let Some(days) = parse_date(text) {
            return day(i64::from(days));
        }
        match ago(text) {
            Some(ago_us) => instant(now_us.checked_sub(ago_us)?),
            None => instant(parse_time(text)?),
        }
    }
}

/// `90d` and its like, in microseconds.
fn ago(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_us = match unit {
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => MICROS_PER_DAY,
        "w" => 7 * MICROS_PER_DAY,
        _ => return None,
    };
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    number.parse::<i64>().ok().filter(|_| is_number)?.checked_mul(unit_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_round_trip() {
        for day in [-1, 0, 1, 19_548, 20_000] {
            assert_eq!(parse_date(&format_date(day)), Some(day));
        }
        assert_eq!(parse_date("2023-07-10"), Some(19_548));
        assert_eq!(parse_date("2023-7-32"), None);
    }

    #[test]
    fn times_as_typed() {
        let day = 19_548 * MICROS_PER_DAY;
        assert_eq!(parse_time("2023-07-10"), Some(day));
        assert_eq!(parse_time("2023-07-10T00:00:01Z"), Some(day + 1_000_000));
        assert_eq!(parse_time("2023-07-10 00:01"), Some(day + 60_000_000));
        assert_eq!(parse_time("2023-07-10T02:00:00+02:00"), Some(day));
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn moments_as_typed() {
        let now = 19_548 * MICROS_PER_DAY + 5;
        let of = |text: &str| Moment::parse(text, now).map(|moment| (moment.begin_us, moment.end_us - moment.begin_us));
        assert_eq!(of("90d"), Some((now - 90 * MICROS_PER_DAY, 0)));
        assert_eq!(of("2w"), of("14d"));
        assert_eq!(of("24h"), of("1d"));
        assert_eq!(of("now"), Some((now, 0)));
        assert_eq!(of("today"), Some((now - 5, MICROS_PER_DAY)));
        assert_eq!(of("yesterday"), of("2023-07-09"));
        assert_eq!(of("2023-07-10T00:00:01Z"), Some((now - 5 + 1_000_000, 0)));
        for text in ["", "d", "-1d", "+1d", "90", "9999999999999w", "90 d", "x"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn ducklake_times_sort_as_text() {
        let (a, b) = (format_ducklake_time(1_000_000), format_ducklake_time(1_000_001));
        assert_eq!(a.as_deref(), Some("1970-01-01 00:00:01+00"));
        assert!(a < b);
    }
}
