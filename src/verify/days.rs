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

/// The hours of a chain whose digest is named by the one that follows and is not there, of its days in their order. What
/// comes before its first digest is not known to be missing: an archive may begin within a chain.
pub fn missing_hours(days: &[DigestDay]) -> Vec<(i32, u32)> {
    let mut missing = Vec::new();
    let mut has_begun = false;
    for day in days {
        for hour in 0..24 {
            let bit = 1 << hour;
            has_begun |= day.told & bit != 0;
            if has_begun && day.named & !day.told & !day.altered & bit != 0 {
                missing.push((day.day, hour));
            }
        }
    }
    missing
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
}
