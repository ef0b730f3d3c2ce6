//! How much of the log objects there is, and of it is proved: sums by account, region and day of delivery, and what
//! digests say must be there.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::change::ObjectVerdict;
use crate::time::{format_date, parse_date};

/// The log objects of one account, region and day of delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageDay {
    /// Twelve digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Days since 1970-01-01.
    pub day: i32,
    /// How many there are.
    pub objects: u64,
    /// Events that they brought first.
    pub events: u64,
    /// Those that are proved.
    pub valid_objects: u64,
    /// Events of these.
    pub valid_events: u64,
    /// Those that are what digests say, which nobody could prove.
    pub unchecked_objects: u64,
    /// Events of these.
    pub unchecked_events: u64,
    /// Those that are not what digests say.
    pub altered_objects: u64,
    /// Hours of which there are objects, a bit each, from the lowest.
    pub present: u32,
    /// Those of them all of whose objects are proved.
    pub valid: u32,
}

/// Columns of `trailpare_coverage`.
pub(super) const COLUMNS: usize = 12;

/// The rows of `trailpare_coverage`, in the order of their keys.
pub(super) fn rows(days: &[CoverageDay]) -> Vec<Vec<Value>> {
    #[expect(clippy::cast_possible_wrap, reason = "counts of objects and events")]
    let number = |count: u64| Value::Integer(count as i64);
    let row = |day: &CoverageDay| {
        let texts = [day.account_id.clone(), day.region.clone(), format_date(day.day)].map(Value::Text);
        let counts = [day.objects, day.events, day.valid_objects, day.valid_events];
        let more = [day.unchecked_objects, day.unchecked_events, day.altered_objects];
        let hours = [day.present, day.valid].map(u64::from);
        texts.into_iter().chain(counts.into_iter().chain(more).chain(hours).map(number)).collect()
    };
    days.iter().map(row).collect()
}

/// Where and when a log object was delivered, as its name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameHour<'n> {
    pub account_id: &'n str,
    pub region: &'n str,
    /// Days since 1970-01-01.
    pub day: i32,
    /// From 0 to 23.
    pub hour: u32,
}

/// The same of a name of CloudTrail's, as prefix and tail; `None` of any other.
pub(super) fn hour_of<'n>((prefix, tail): (&'n str, &'n str)) -> Option<NameHour<'n>> {
    let mut parts = prefix.split('_');
    let (account_id, service, region) = (parts.next()?, parts.next()?, parts.next()?);
    let is_name = parts.next() == Some("") && parts.next().is_none() && service.starts_with("CloudTrail");
    let (date, time) = (tail.get(..8)?, tail.get(8..11)?);
    if !is_name || account_id.contains('/') || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    let day = parse_date(&format!("{year}-{month}-{day}"))?;
    let hour = time.strip_prefix('T')?.parse().ok().filter(|hour| *hour < 24)?;
    Some(NameHour { account_id, region, day, hour })
}

/// Sums over the log objects in the ledger, of one day or of all.
pub(super) fn sums(connection: &Connection, day: Option<i32>) -> rusqlite::Result<Vec<CoverageDay>> {
    let (from, to) = match day.map(|day| format_date(day).replace('-', "")) {
        Some(day) => (format!("{day}T"), format!("{day}U")),
        None => (String::new(), "\u{10ffff}".to_owned()),
    };
    let mut statement = connection.prepare_cached(
        "SELECT prefix, tail, events, verdict FROM trailpare_taken_objects JOIN trailpare_name_prefixes USING (prefix_id) \
         LEFT JOIN trailpare_verdicts USING (tail, prefix_id) WHERE tail >= ?1 AND tail < ?2",
    )?;
    let mut rows = statement.query([from, to])?;
    let mut sums: BTreeMap<(String, String, i32), Day> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let Some(place) = hour_of((row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?)) else { continue };
        let key = (place.account_id.to_owned(), place.region.to_owned(), place.day);
        let verdict = row.get_ref(3)?.as_str_or_null()?.and_then(ObjectVerdict::parse);
        sums.entry(key).or_default().add(place.hour, row.get(2)?, verdict);
    }
    let whole = |((account_id, region, day), sums): ((String, String, i32), Day)| CoverageDay {
        account_id,
        region,
        day,
        valid: sums.sums.present & !sums.unproved,
        ..sums.sums
    };
    Ok(sums.into_iter().map(whole).collect())
}

#[derive(Default)]
struct Day {
    sums: CoverageDay,
    /// Hours of which there are objects that are not proved.
    unproved: u32,
}

impl Day {
    fn add(&mut self, hour: u32, events: u64, verdict: Option<ObjectVerdict>) {
        let (sums, bit) = (&mut self.sums, 1 << hour);
        sums.objects += 1;
        sums.events += events;
        sums.present |= bit;
        if verdict != Some(ObjectVerdict::Valid) {
            self.unproved |= bit;
        }
        match verdict {
            Some(ObjectVerdict::Valid) => {
                sums.valid_objects += 1;
                sums.valid_events += events;
            }
            Some(ObjectVerdict::Unchecked) => {
                sums.unchecked_objects += 1;
                sums.unchecked_events += events;
            }
            Some(ObjectVerdict::Altered) => sums.altered_objects += 1,
            Some(ObjectVerdict::NotCovered) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object_rows::split;
    use super::*;

    #[test]
    fn names_of_cloudtrail_tell_where_and_when() {
        let of =
            |name: &str| hour_of(split(name)).map(|p| (p.account_id.to_owned(), p.region.to_owned(), p.day, p.hour));
        let expected = |hour| Some(("111122223333".to_owned(), "eu-west-1".to_owned(), 19_784, hour));
        assert_eq!(of("111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA"), expected(7));
        assert_eq!(of("111122223333_CloudTrail-Insight_eu-west-1_20240302T2359Z_AAAAAAAAAAAAAAAA"), expected(23));
        for other in [
            "/a/111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA.json#00112233445566778899aabbccddeeff",
            "111122223333_CloudTrail_eu-west-1_20240302T2410Z_AAAAAAAAAAAAAAAA",
            "111122223333_CloudTrail_eu-west-1_20241302T0010Z_AAAAAAAAAAAAAAAA",
            "111122223333_CloudTrail_eu-west-1_+0240302T0010Z_AAAAAAAAAAAAAAAA",
            "x",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
