//! For which hours there are digests, and whether they are proved: what must be there is known for these.

use std::collections::BTreeMap;

use super::claims::Trust;
use super::digest::Digest;
use super::names::{DigestName, is_backfill};
use crate::archive::ObjectKey;
use crate::time::{MICROS_PER_DAY, day_of};

const HOUR_US: i64 = 3_600_000_000;

/// A chain's digests of one day. Of each hour a bit, from the lowest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestDay {
    /// Account, region and trail, as the names of its digests have them.
    pub chain: String,
    /// Twelve digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Days since 1970-01-01.
    pub day: i32,
    /// Hours of which there is a digest.
    pub told: u32,
    /// Those of them whose digest is signed.
    pub signed: u32,
    /// Hours of which there is a digest that was altered, and no other.
    pub altered: u32,
    /// Hours whose digest is named by the one that follows.
    pub named: u32,
}

/// The hour of which a digest tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestHour {
    /// Account, region and trail.
    pub chain: String,
    /// Days since 1970-01-01.
    pub day: i32,
    /// From 0 to 23.
    pub hour: u32,
}

impl DigestHour {
    /// By the digest's name, which has the end of its time; `None` of any other name and of a backfill digest, which tells of
    /// what came late.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours of a day")]
    pub fn of(name: &str) -> Option<DigestHour> {
        let DigestName { chain, end_us } = DigestName::parse(name)?;
        if is_backfill(&chain) {
            return None;
        }
        // Trails need not begin at a full hour: most of its time decides.
        let middle_us = end_us - HOUR_US / 2;
        let hour = middle_us.rem_euclid(MICROS_PER_DAY) / HOUR_US;
        Some(DigestHour { chain, day: day_of(middle_us), hour: hour as u32 })
    }

    /// Its bit in a [`DigestDay`].
    pub fn bit(&self) -> u32 {
        1 << self.hour
    }
}

/// Hours without digests that are one run. Whoever writes the year 9999 into a name must not make them millions.
const RUN_MAX_HOURS: i64 = 366 * 24;

/// The hours of a chain whose digests are missing, of its days in their order: the one that follows names the last of them, and
/// between it and the one before there are none. Where CloudTrail itself wrote none the next names the one before.
///
/// What comes before a chain's first digest is not known to be missing: an archive may begin within a chain.
pub fn missing_hours(days: &[DigestDay]) -> Vec<(i32, u32)> {
    let mut missing = Vec::new();
    // Without a digest since then; `None` before the first.
    let mut since: Option<i64> = None;
    for day in days {
        for hour in 0..24_u32 {
            let (bit, at) = (1 << hour, i64::from(day.day) * 24 + i64::from(hour));
            if (day.told | day.altered) & bit != 0 {
                since = Some(at + 1);
            } else if let Some(from) = since.filter(|_| day.named & bit != 0) {
                missing.extend(if at - from < RUN_MAX_HOURS { from..=at } else { at..=at });
                since = Some(at + 1);
            }
        }
    }
    let place = |at: i64| (i32::try_from(at.div_euclid(24)).ok(), u32::try_from(at.rem_euclid(24)).ok());
    missing.into_iter().filter_map(|at| Some((place(at).0?, place(at).1?))).collect()
}

/// The days of chains. An archive of a hundred accounts has some ten thousand of them a year.
#[derive(Debug, Default)]
pub(super) struct DigestDays(BTreeMap<(String, i32), DigestDay>);

impl DigestDays {
    pub fn add(&mut self, digest: &Digest, trust: Trust) {
        if let Some(previous) = &digest.previous
            && trust != Trust::Altered
        {
            self.mark(&previous.name, &previous.key, |day, bit| day.named |= bit);
        }
        self.mark(&digest.name, &digest.key, |day, bit| match trust {
            Trust::Altered => day.altered |= bit,
            Trust::Unchecked => day.told |= bit,
            Trust::Signed => (day.told, day.signed) = (day.told | bit, day.signed | bit),
        });
    }

    fn mark(&mut self, name: &str, key: &str, mark: impl Fn(&mut DigestDay, u32)) {
        let Some(hour) = DigestHour::of(name) else { return };
        let ObjectKey { account_id: Some(account_id), region: Some(region), .. } = ObjectKey::parse(key) else {
            return;
        };
        let bit = hour.bit();
        let DigestHour { chain, day, .. } = hour;
        let new = || DigestDay { chain: chain.clone(), account_id, region, day, ..DigestDay::default() };
        mark(self.0.entry((chain.clone(), day)).or_insert_with(new), bit);
    }

    pub fn into_days(self) -> Vec<DigestDay> {
        let whole = |day: DigestDay| DigestDay { altered: day.altered & !day.told, ..day };
        self.0.into_values().map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_of_a_digest_is_the_one_before_its_end() {
        let name = |end: &str| format!("111122223333_CloudTrail-Digest_eu-west-1_main_eu-west-1_{end}");
        let hour = |end: &str| DigestHour::of(&name(end)).map(|hour| (hour.day, hour.hour));
        assert_eq!(hour("19700102T000000Z"), Some((0, 23)));
        assert_eq!(hour("19700102T000007Z"), Some((0, 23)));
        assert_eq!(hour("19700102T010000Z"), Some((1, 0)));
        assert_eq!(hour("19700102T010000Z_backfill"), None);
        assert_eq!(DigestHour::of("x"), None);
    }

    #[test]
    fn what_is_missing_is_named_or_between() {
        let day = |day, told, altered, named| DigestDay { day, told, altered, named, ..DigestDay::default() };
        // Named and there; none named; the last of three named; before the first.
        assert_eq!(missing_hours(&[day(1, 0b11, 0, 0b1)]), []);
        assert_eq!(missing_hours(&[day(1, 0b1001, 0, 0b1)]), []);
        assert_eq!(missing_hours(&[day(1, 0b1_0001, 0, 0b1001)]), [(1, 1), (1, 2), (1, 3)]);
        assert_eq!(missing_hours(&[day(1, 0b10, 0, 0b1)]), []);
        // Over days without any.
        let missing = missing_hours(&[day(1, 1 << 22, 0, 0), day(3, 0b10, 0, 0b1)]);
        assert_eq!((missing.len(), missing.first(), missing.last()), (26, Some(&(1, 23)), Some(&(3, 0))));
        // An altered one is there.
        assert_eq!(missing_hours(&[day(1, 0b1001, 0b0010, 0b0110)]), [(1, 2)]);
    }
}
