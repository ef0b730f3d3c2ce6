//! Days and times as the store writes them: ISO text, UTC, microseconds since 1970-01-01.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

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

/// Now, as microseconds since 1970-01-01 UTC.
pub fn now_us() -> i64 {
    Utc::now().timestamp_micros()
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
    fn ducklake_times_sort_as_text() {
        let (a, b) = (format_ducklake_time(1_000_000), format_ducklake_time(1_000_001));
        assert_eq!(a.as_deref(), Some("1970-01-01 00:00:01+00"));
        assert!(a < b);
    }
}
