//! The values that condition operators compare: numbers, instants, addresses, bytes.

use std::cmp::Ordering;
use std::net::IpAddr;

/// A decimal number, compared exactly however many digits it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Without leading zeros.
    whole: String,
    /// Without trailing zeros.
    fraction: String,
}

impl Decimal {
    /// `-12.50`; no exponent.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !numeric(whole) || !numeric(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Decimal { negative: negative && !zero, whole, fraction })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            _ => {}
        }
        let size = |number: &Decimal| number.whole.len();
        let order = size(self)
            .cmp(&size(other))
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction));
        if self.negative { order.reverse() } else { order }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(i128);

const NANOSECONDS: i128 = 1_000_000_000;

impl Instant {
    /// "One of the W3C implementations of the ISO 8601 date formats or epoch (UNIX) time" (IAM User Guide,
    /// `reference_policies_elements_condition_operators`): `2020`, `2020-01`, `2020-01-31`, `2020-01-31T12:00Z`, with
    /// seconds, with a fraction, with an offset, or seconds since 1970. Four digits are a year.
    pub(super) fn parse(text: &str) -> Option<Instant> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.len() != 4 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse::<i64>().ok().map(|seconds| Instant(i128::from(seconds) * NANOSECONDS));
        }
        let (date, time) = match text.split_once(['T', 't']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let year = number(parts.next()?, 4)?;
        let month = parts.next().map_or(Some(1), |part| number(part, 2))?;
        let day = parts.next().map_or(Some(1), |part| number(part, 2))?;
        if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
            return None;
        }
        let seconds = i128::from(days_from_civil(year, month, day)) * 86_400;
        let within = match time {
            Some(time) if date.len() == 10 => time_of_day(time)?,
            Some(_) => return None,
            None => 0,
        };
        Some(Instant(seconds * NANOSECONDS + within))
    }
}

/// `12:30Z`, `12:30:15.25+02:00` → nanoseconds since midnight UTC of the date beside it.
fn time_of_day(text: &str) -> Option<i128> {
    let zone = text.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = text.split_at(zone);
    let offset_minutes = match zone.strip_prefix(['+', '-']) {
        None => (zone.len() == 1).then_some(0)?,
        Some(offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let minutes = number(hours, 2)? * 60 + number(minutes, 2)?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let (second, fraction) = match parts.next() {
        Some(part) => part.split_once('.').map_or((part, ""), |(second, fraction)| (second, fraction)),
        None => ("00", ""),
    };
    let second = number(second, 2)?;
    if hour > 24 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    let nanoseconds: i128 = format!("{fraction:0<9}").parse().ok()?;
    Some(i128::from(hour * 3_600 + (minute - offset_minutes) * 60 + second) * NANOSECONDS + nanoseconds)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day is the last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// A range of addresses in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl Network {
    /// `203.0.113.0/24`, `2001:DB8::/32`, or one address. Host bits are ignored.
    pub(super) fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Some(width), |prefix| prefix.parse().ok().filter(|bits| *bits <= width))?;
        Some(Network { address, prefix_bits })
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let same = |mine: u128, theirs: u128, width: u32| {
            // A shift by the whole width is no shift of Rust's: nothing of the address counts then.
            let ignored = width - self.prefix_bits;
            mine.checked_shr(ignored).unwrap_or(0) == theirs.checked_shr(ignored).unwrap_or(0)
        };
        match (self.address, address) {
            (IpAddr::V4(mine), IpAddr::V4(theirs)) => same(mine.to_bits().into(), theirs.to_bits().into(), 32),
            (IpAddr::V6(mine), IpAddr::V6(theirs)) => same(mine.to_bits(), theirs.to_bits(), 128),
            _ => false,
        }
    }
}

/// The bytes of standard base64 (RFC 4648, section 4), padding optional.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    // Six bits over are one character too many.
    (count < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_as_numbers() {
        let number = |text| Decimal::parse(text).unwrap();
        assert_eq!(number("10"), number("+010.00"));
        assert_eq!(number("-0"), number("0"));
        assert!(number("9") < number("10"));
        assert!(number("-10") < number("-9.5"));
        assert!(number("1.25") < number("1.3"));
        assert!(number("9007199254740993") > number("9007199254740992"));
        for text in ["", ".", "-", "1e3", "0x1", "1.2.3", "٣"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_forms_of_a_date() {
        let seconds = |text| Instant::parse(text).map(|instant| instant.0 / NANOSECONDS);
        assert_eq!(seconds("1970"), Some(0));
        assert_eq!(seconds("1970-02"), Some(31 * 86_400));
        assert_eq!(seconds("2020-01-01"), Some(1_577_836_800));
        assert_eq!(seconds("2020-01-01T00:00:01Z"), Some(1_577_836_801));
        assert_eq!(seconds("2020-01-01T02:00+02:00"), Some(1_577_836_800));
        assert_eq!(seconds("2020-02-29T12:30:15.250Z"), Some(1_582_979_415));
        assert_eq!(seconds("1577836800"), Some(1_577_836_800));
        assert!(Instant::parse("2020-01-01T00:00:00.1Z") > Instant::parse("2020-01-01T00:00:00Z"));
        for text in ["", "2020-13", "2021-02-29", "2020-01-01T00:00:00", "2020T00:00Z", "tomorrow", "2020-01-01T25:00Z"]
        {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    #[test]
    fn networks() {
        let within = |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(within("203.0.113.0/24", "203.0.113.255"));
        assert!(!within("203.0.113.0/24", "203.0.114.0"));
        assert!(within("2001:DB8:1234:5678::/64", "2001:db8:1234:5678:9::1"));
        assert!(within("0.0.0.0/0", "8.8.8.8") && within("::/0", "::1"));
        assert!(!within("0.0.0.0/0", "::1"));
        assert!(within("10.1.2.3", "10.1.2.3") && !within("10.1.2.3", "10.1.2.4"));
        assert_eq!(Network::parse("10.0.0.0/33"), None);
        assert_eq!(Network::parse("AWS Internal"), None);
    }

    #[test]
    fn base64_bytes() {
        assert_eq!(base64("QmluYXJ5VmFsdWVJbkJhc2U2NA==").as_deref(), Some(&b"BinaryValueInBase64"[..]));
        assert_eq!(base64("QQ").as_deref(), Some(&b"A"[..]));
        assert_eq!(base64("Q"), None);
        assert_eq!(base64("Q*=="), None);
    }
}
