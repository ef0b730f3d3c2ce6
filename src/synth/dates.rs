//! Times as records write them.

use super::rng;

/// Year, month, day, hour, minute, second of seconds since 1970, UTC.
pub(super) fn civil(time: i64) -> [u32; 6] {
    use chrono::{Datelike, Timelike};
    let time = chrono::DateTime::from_timestamp(time, 0).unwrap_or_default();
    let year = u32::try_from(time.year()).unwrap_or_default();
    [year, time.month(), time.day(), time.hour(), time.minute(), time.second()]
}

pub(super) fn two(n: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]);
}

/// Writes `2023-07-10T11:45:00Z`.
pub(super) fn write_iso(time: i64, out: &mut Vec<u8>) {
    let [year, month, day, hour, minute, second] = civil(time);
    two(year / 100, out);
    two(year % 100, out);
    for (separator, n) in [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)] {
        out.push(separator);
        two(n, out);
    }
    out.push(b'Z');
}

pub(super) fn write_us(time: i64, out: &mut Vec<u8>) {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let [year, month, day, hour, minute, second] = civil(time);
    let name = MONTHS.get(month.saturating_sub(1) as usize).copied().unwrap_or_default();
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    rng::number(u64::from(day), out);
    out.extend_from_slice(b", ");
    rng::number(u64::from(year), out);
    out.extend_from_slice(b", ");
    rng::number(u64::from((hour + 11) % 12 + 1), out);
    for n in [minute, second] {
        out.push(b':');
        two(n, out);
    }
    out.extend_from_slice(if hour < 12 { b" AM" } else { b" PM" });
}

/// `2024/03/01`, as in keys.
pub(super) fn write_day(time: i64, separator: u8, out: &mut Vec<u8>) {
    let [year, month, day, ..] = civil(time);
    two(year / 100, out);
    two(year % 100, out);
    out.push(separator);
    two(month, out);
    out.push(separator);
    two(day, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times() {
        assert_eq!(text(|out| write_iso(1_688_989_500, out)), "2023-07-10T11:45:00Z");
        assert_eq!(text(|out| write_us(1_688_989_500, out)), "Jul 10, 2023, 11:45:00 AM");
        assert_eq!(text(|out| write_us(1_688_947_205, out)), "Jul 10, 2023, 12:00:05 AM");
        assert_eq!(text(|out| write_day(1_688_989_500, b'/', out)), "2023/07/10");
    }
}
