//! For which hours there are log objects, for which they are proved, and where some are missing: by account and region.
//!
//! Digests say what must be there, also that nothing must. Where there are none the pattern of the objects does: a run of hours
//! without any is missing where hardly another hour in the four weeks around it has none, and likewise of days.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Day;
use crate::store::{CoverageDay, Store, StoreError};
use crate::time::format_time;
use crate::verify::{DigestDay, missing_hours};

/// What is known of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Before the first object and digest, or behind the last.
    Outside,
    /// Signed digests say that all is there, or that nothing must be.
    Proved,
    /// There are objects, or digests that nobody could prove say that nothing is missing.
    Present,
    /// Neither objects nor digests tell.
    Unknown,
    /// Objects that digests list, or digests, are not there, or the pattern of the objects says so.
    Missing,
}

impl State {
    /// A letter for it.
    pub fn letter(self) -> char {
        match self {
            State::Outside => '-',
            State::Proved => 'p',
            State::Present => 'o',
            State::Unknown => 'u',
            State::Missing => 'm',
        }
    }
}

/// The hours of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// What the letters of hours mean.
    pub letters: BTreeMap<char, State>,
    /// Hours in each state.
    pub hours: BTreeMap<&'static str, u64>,
    /// By account and region.
    pub places: Vec<Place>,
}

/// The hours of one account and region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Twelve digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Whether there are digests of it.
    pub has_digests: bool,
    /// Every day, from the first to the last.
    pub days: Vec<DayHours>,
    /// What is missing.
    pub missing: Vec<Missing>,
}

/// The hours of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayHours {
    /// Which.
    pub day: Day,
    /// The worst of its hours; proved where all are.
    pub state: State,
    /// A letter for each hour.
    #[serde(serialize_with = "letters")]
    pub hours: [State; 24],
}

fn letters<S: serde::Serializer>(hours: &[State; 24], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&hours.iter().map(|state| state.letter()).collect::<String>())
}

/// Hours that follow one another in which something is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// When they begin.
    pub from: String,
    /// When they end.
    pub to: String,
    /// How that is known.
    pub by: MissingBy,
    /// Objects that digests list.
    pub objects: u64,
}

/// How it is known that something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingBy {
    /// Digests list objects.
    Objects,
    /// The digest that follows names one.
    Digests,
    /// Hardly another hour, or day, has none.
    Pattern,
}

/// Hours since 1970-01-01.
type Hour = i64;

/// Hours around a run without objects that are compared with it.
const AROUND_HOURS: i64 = 14 * 24;

/// So many of them there must be, and so many to one without objects.
const COMPARED_MIN: usize = 150;
const ABSENT_ONE_IN: usize = 200;

/// Likewise of days: every other one has objects.
const COMPARED_DAYS_MIN: usize = 10;

/// What is known of one account and region.
#[derive(Default)]
struct Known {
    present: BTreeSet<Hour>,
    valid: BTreeSet<Hour>,
    told: BTreeSet<Hour>,
    signed: BTreeSet<Hour>,
    missing_digests: BTreeSet<Hour>,
    missing_objects: BTreeMap<Hour, u64>,
}

fn hours_of(day: i32, mask: u32) -> impl Iterator<Item = Hour> {
    (0..24).filter(move |hour| mask & 1 << hour != 0).map(move |hour| i64::from(day) * 24 + hour)
}

impl Coverage {
    /// Reads it.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn read(store: &Store) -> Result<Coverage, StoreError> {
        Ok(Coverage::of(&store.coverage()?.unwrap_or_default(), &store.digest_days()?, &store.missing_hours()?))
    }

    /// Of objects, digests, and how many objects are missing by account, region, day and hour.
    pub fn of(
        objects: &[CoverageDay],
        digests: &[DigestDay],
        missing: &BTreeMap<(String, String, i32, u32), u64>,
    ) -> Coverage {
        let mut places: BTreeMap<(String, String), Known> = BTreeMap::new();
        for day in objects {
            let known = places.entry((day.account_id.clone(), day.region.clone())).or_default();
            known.present.extend(hours_of(day.day, day.present));
            known.valid.extend(hours_of(day.day, day.valid));
        }
        for days in digests.chunk_by(|a, b| a.chain == b.chain) {
            let Some(first) = days.first() else { continue };
            let known = places.entry((first.account_id.clone(), first.region.clone())).or_default();
            for day in days {
                known.told.extend(hours_of(day.day, day.told));
                known.signed.extend(hours_of(day.day, day.signed));
            }
            known
                .missing_digests
                .extend(missing_hours(days).into_iter().map(|(day, hour)| i64::from(day) * 24 + i64::from(hour)));
        }
        for ((account_id, region, day, hour), objects) in missing {
            let known = places.entry((account_id.clone(), region.clone())).or_default();
            known.missing_objects.insert(i64::from(*day) * 24 + i64::from(*hour), *objects);
        }
        let last = places.values().filter_map(Known::last).max().unwrap_or_default();
        let places = places.into_iter().map(|((account_id, region), known)| known.place(account_id, region, last));
        let places: Vec<Place> = places.collect();
        let mut hours: BTreeMap<&'static str, u64> = BTreeMap::new();
        for state in places.iter().flat_map(|place| &place.days).flat_map(|day| day.hours) {
            let name = match state {
                State::Outside => continue,
                State::Proved => "proved",
                State::Present => "present",
                State::Unknown => "unknown",
                State::Missing => "missing",
            };
            *hours.entry(name).or_default() += 1;
        }
        let letters = [State::Outside, State::Proved, State::Present, State::Unknown, State::Missing];
        Coverage { letters: letters.map(|state| (state.letter(), state)).into(), hours, places }
    }
}

impl Known {
    fn first(&self) -> Option<Hour> {
        let firsts = [self.present.first(), self.told.first(), self.missing_objects.keys().next()];
        firsts.into_iter().flatten().min().copied()
    }

    fn last(&self) -> Option<Hour> {
        let lasts = [self.present.last(), self.told.last(), self.missing_objects.keys().next_back()];
        lasts.into_iter().flatten().max().copied()
    }

    fn place(self, account_id: String, region: String, last: Hour) -> Place {
        let first = self.first().unwrap_or(last);
        let by_pattern = self.missing_by_pattern(first, last);
        let state = |hour: Hour| match () {
            () if hour < first || hour > last => State::Outside,
            () if self.missing_objects.contains_key(&hour) => State::Missing,
            () if self.told.contains(&hour) => match (self.signed.contains(&hour), self.present.contains(&hour)) {
                (true, false) => State::Proved,
                (true, true) if self.valid.contains(&hour) => State::Proved,
                _ => State::Present,
            },
            () if self.missing_digests.contains(&hour) => State::Missing,
            () if self.valid.contains(&hour) => State::Proved,
            () if self.present.contains(&hour) => State::Present,
            () if by_pattern.contains(&hour) => State::Missing,
            () => State::Unknown,
        };
        let days = (first.div_euclid(24)..=last.div_euclid(24)).map(|day| {
            let hours: [State; 24] = std::array::from_fn(|hour| state(day * 24 + hour as i64));
            DayHours { day: Day(i32::try_from(day).unwrap_or_default()), state: of_day(&hours), hours }
        });
        let days = days.collect();
        let missing = self.missing(&by_pattern);
        Place { account_id, region, has_digests: !self.told.is_empty(), days, missing }
    }

    /// What is missing, hour by hour put together.
    fn missing(&self, by_pattern: &BTreeSet<Hour>) -> Vec<Missing> {
        let mut hours: BTreeMap<Hour, (MissingBy, u64)> =
            by_pattern.iter().map(|hour| (*hour, (MissingBy::Pattern, 0))).collect();
        let digests = self.missing_digests.iter().filter(|hour| !self.told.contains(hour));
        hours.extend(digests.map(|hour| (*hour, (MissingBy::Digests, 0))));
        hours.extend(self.missing_objects.iter().map(|(hour, objects)| (*hour, (MissingBy::Objects, *objects))));
        let mut runs: Vec<(Hour, Hour, MissingBy, u64)> = Vec::new();
        for (hour, (by, objects)) in hours {
            match runs.last_mut().filter(|run| run.1 == hour && run.2 == by) {
                Some(run) => (run.1, run.3) = (hour + 1, run.3 + objects),
                None => runs.push((hour, hour + 1, by, objects)),
            }
        }
        let time = |hour: Hour| format_time(hour.saturating_mul(3_600_000_000));
        runs.into_iter()
            .map(|(from, to, by, objects)| Missing { from: time(from), to: time(to), by, objects })
            .collect()
    }

    /// Hours without objects of which no digest tells and that stand out: between the first object and the store's end.
    fn missing_by_pattern(&self, first: Hour, last: Hour) -> BTreeSet<Hour> {
        let mut missing = BTreeSet::new();
        let mut before = first;
        for hour in self.present.iter().copied().chain([last + 1]) {
            let (from, to) = (before, hour);
            before = hour + 1;
            if from >= to || (from..to).any(|hour| self.told.contains(&hour)) {
                continue;
            }
            if self.stands_out(from, to, first, last) {
                missing.extend(from..to);
                continue;
            }
            // Whole days of it.
            let days = (from + 23).div_euclid(24)..to.div_euclid(24);
            if !days.is_empty() && self.days_stand_out(&days, first, last) {
                missing.extend(days.start * 24..days.end * 24);
            }
        }
        missing
    }

    fn stands_out(&self, from: Hour, to: Hour, first: Hour, last: Hour) -> bool {
        let (begin, end) = (first.max(from - AROUND_HOURS), last.min(to + AROUND_HOURS - 1));
        let others = (begin..=end).filter(|hour| !(from..to).contains(hour));
        let (absent, all) =
            others.fold((0, 0), |(absent, all), hour| (absent + usize::from(!self.present.contains(&hour)), all + 1));
        all >= COMPARED_MIN && absent * ABSENT_ONE_IN <= all
    }

    fn days_stand_out(&self, days: &std::ops::Range<i64>, first: Hour, last: Hour) -> bool {
        let (begin, end) = (first.div_euclid(24).max(days.start - 14), last.div_euclid(24).min(days.end + 13));
        let has_objects = |day: i64| self.present.range(day * 24..(day + 1) * 24).next().is_some();
        let mut others = (begin..=end).filter(|day| !days.contains(day)).peekable();
        let all = others.clone().count();
        all >= COMPARED_DAYS_MIN && others.all(has_objects)
    }
}

/// The worst of a day's hours.
fn of_day(hours: &[State; 24]) -> State {
    let is = |state| hours.contains(&state);
    match () {
        () if is(State::Missing) => State::Missing,
        // Part of the day is known.
        () if is(State::Unknown) && (is(State::Present) || is(State::Proved)) => State::Present,
        () => hours.iter().copied().max().unwrap_or(State::Outside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(day: i32, present: u32, valid: u32) -> CoverageDay {
        let (account_id, region) = ("111122223333".to_owned(), "eu-west-1".to_owned());
        CoverageDay { account_id, region, day, present, valid, ..CoverageDay::default() }
    }

    fn digests(day: i32, told: u32, signed: u32, named: u32) -> DigestDay {
        let (account_id, region) = ("111122223333".to_owned(), "eu-west-1".to_owned());
        DigestDay { chain: "c".to_owned(), account_id, region, day, told, signed, altered: 0, named }
    }

    fn hours(coverage: &Coverage) -> Vec<String> {
        let days = coverage.places.iter().flat_map(|place| &place.days);
        days.map(|day| day.hours.iter().map(|state| state.letter()).collect()).collect()
    }

    const ALL: u32 = (1 << 24) - 1;

    #[test]
    fn digests_say_what_must_be_there() {
        let missing = BTreeMap::from([(("111122223333".to_owned(), "eu-west-1".to_owned(), 1, 5), 2)]);
        let coverage = Coverage::of(
            &[objects(1, 0b1111, 0b0111)],
            &[digests(1, 0b1_0011_1111, 0b1_0010_1111, 0b1111_1111)],
            &missing,
        );
        // Hour 3 has an object that is not proved, hour 4 an unsigned digest alone; hour 5 lacks objects, 6 and 7 digests.
        assert_eq!(hours(&coverage), ["pppoommmp---------------"]);
        let place = &coverage.places[0];
        assert_eq!(
            place.missing.iter().map(|missing| (missing.by, missing.objects)).collect::<Vec<_>>(),
            [(MissingBy::Objects, 2), (MissingBy::Digests, 0),]
        );
        assert_eq!(
            (place.missing[1].from.as_str(), place.missing[1].to.as_str()),
            ("1970-01-02T06:00:00Z", "1970-01-02T08:00:00Z")
        );
        assert_eq!((place.days[0].state, coverage.hours["missing"]), (State::Missing, 3));
    }

    #[test]
    fn without_digests_the_pattern_says_what_stands_out() {
        // Busy around the clock, but for six hours of the tenth day and all of the twentieth.
        let busy =
            (1..30).filter(|day| *day != 20).map(|day| objects(day, if day == 10 { ALL & !0xfc0 } else { ALL }, 0));
        let coverage = Coverage::of(&busy.collect::<Vec<_>>(), &[], &BTreeMap::new());
        let place = &coverage.places[0];
        let missing: Vec<_> = place.missing.iter().map(|one| (one.by, one.from.as_str(), one.to.as_str())).collect();
        assert_eq!(
            missing,
            [
                (MissingBy::Pattern, "1970-01-11T06:00:00Z", "1970-01-11T12:00:00Z"),
                (MissingBy::Pattern, "1970-01-21T00:00:00Z", "1970-01-22T00:00:00Z"),
            ]
        );
        // A few objects a day, but for one: the day stands out, its hours don't.
        let few = (1..30).filter(|day| *day != 20).map(|day| objects(day, 1 << (day % 24), 0));
        let coverage = Coverage::of(&few.collect::<Vec<_>>(), &[], &BTreeMap::new());
        let missing: Vec<_> = coverage.places[0].missing.iter().map(|one| one.from.as_str()).collect();
        assert_eq!(missing, ["1970-01-21T00:00:00Z"]);
        assert_eq!(coverage.places[0].days[19].state, State::Missing);
        assert_eq!(coverage.places[0].days[18].state, State::Present);
        // Quiet at weekends: nothing stands out.
        let weekdays = (1..60).filter(|day| day % 7 < 5).map(|day| objects(day, 0xff00, 0));
        let coverage = Coverage::of(&weekdays.collect::<Vec<_>>(), &[], &BTreeMap::new());
        assert_eq!(coverage.places[0].missing, []);
    }
}
