//! For which hours there are log objects, for which they are proved, and where some are missing: by account and region.
//!
//! Digests say what must be there, also that nothing must. Where there are none the pattern of the objects does: a run of hours
//! without any is missing where hardly another hour in the four weeks around it has none, and likewise of days.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Day;
use crate::store::{CoverageDay, MissingHour, Store, StoreError};
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
    /// Days that are too many to be listed.
    pub days_left_out: u64,
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
const COMPARED_MIN: u32 = 150;
const ABSENT_ONE_IN: u32 = 200;

/// Likewise of days: every other one has objects.
const COMPARED_DAYS_MIN: u32 = 10;

/// How often what stands out is left aside, so that what stands out beside it is seen.
const PASSES: usize = 3;

/// Hours without anything that are silence: what comes behind them stands by itself.
const SILENCE_HOURS: i64 = 62 * 24;

/// Hours in which a pattern is looked for: those of fifty years. More has only who makes names up.
const PATTERN_MAX_HOURS: i64 = 50 * 366 * 24;

/// Days that are listed at the most: those of thousands of accounts and regions over a year.
const DAYS_MAX: usize = 1_000_000;

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

/// The rows of one account and region.
#[derive(Default)]
struct Rows<'r> {
    objects: Vec<&'r CoverageDay>,
    digests: Vec<&'r [DigestDay]>,
    missing: Vec<(Hour, u64)>,
}

impl Rows<'_> {
    fn last(&self) -> Option<Hour> {
        let objects = self.objects.iter().filter_map(|day| hours_of(day.day, day.present).last());
        let digests = self.digests.iter().copied().flatten().filter_map(|day| hours_of(day.day, day.told).last());
        objects.chain(digests).chain(self.missing.iter().map(|(hour, _)| *hour)).max()
    }

    fn known(self) -> Known {
        let mut known = Known::default();
        for (hour, objects) in self.missing {
            *known.missing_objects.entry(hour).or_default() += objects;
        }
        for day in self.objects {
            known.present.extend(hours_of(day.day, day.present));
            known.valid.extend(hours_of(day.day, day.valid));
        }
        for days in self.digests {
            for day in days {
                known.told.extend(hours_of(day.day, day.told));
                known.signed.extend(hours_of(day.day, day.signed));
            }
            let missing = missing_hours(days).into_iter();
            known.missing_digests.extend(missing.map(|(day, hour)| i64::from(day) * 24 + i64::from(hour)));
        }
        known
    }
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
    pub fn of(objects: &[CoverageDay], digests: &[DigestDay], missing: &[MissingHour]) -> Coverage {
        let mut places: BTreeMap<(&str, &str), Rows<'_>> = BTreeMap::new();
        for day in objects {
            places.entry((&day.account_id, &day.region)).or_default().objects.push(day);
        }
        for days in digests.chunk_by(|a, b| a.chain == b.chain) {
            let Some(first) = days.first() else { continue };
            places.entry((&first.account_id, &first.region)).or_default().digests.push(days);
        }
        for missing in missing {
            let place = places.entry((&missing.account_id, &missing.region)).or_default();
            // Insight objects have names of their own.
            place.missing.push((i64::from(missing.day) * 24 + i64::from(missing.hour), missing.objects));
        }
        let last = places.values().filter_map(Rows::last).max().unwrap_or_default();
        let (mut room, mut days_left_out) = (DAYS_MAX, 0);
        // Hours take more room than days: those of one place at a time.
        let place = |((account_id, region), rows): ((&str, &str), Rows<'_>)| {
            let (account_id, region) = (account_id.to_owned(), region.to_owned());
            rows.known().place(account_id, region, last, &mut room, &mut days_left_out)
        };
        let places: Vec<Place> = places.into_iter().map(place).collect();
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
        Coverage { letters: letters.map(|state| (state.letter(), state)).into(), hours, places, days_left_out }
    }
}

impl Known {
    /// Times in which something is known, without long silence in between.
    fn segments(&self, last: Hour) -> Vec<(Hour, Hour)> {
        let known: BTreeSet<Hour> =
            self.present.iter().chain(&self.told).chain(self.missing_objects.keys()).copied().collect();
        let mut segments: Vec<(Hour, Hour)> = Vec::new();
        for hour in known {
            match segments.last_mut().filter(|segment| hour - segment.1 <= SILENCE_HOURS) {
                Some(segment) => segment.1 = hour,
                None => segments.push((hour, hour)),
            }
        }
        if let Some(segment) = segments.last_mut().filter(|segment| last - segment.1 <= SILENCE_HOURS) {
            segment.1 = last;
        }
        segments
    }

    fn place(self, account_id: String, region: String, last: Hour, room: &mut usize, left_out: &mut u64) -> Place {
        let (mut days, mut all_by_pattern): (BTreeMap<i64, [State; 24]>, _) = (BTreeMap::new(), BTreeSet::new());
        for (first, last) in self.segments(last) {
            let by_pattern = self.missing_by_pattern(first, last);
            for hour in first..=last {
                let day = hour.div_euclid(24);
                if !days.contains_key(&day) {
                    if *room == 0 {
                        *left_out += u64::from(hour.rem_euclid(24) == 0);
                        continue;
                    }
                    *room -= 1;
                }
                let hours = days.entry(day).or_insert([State::Outside; 24]);
                if let Some(state) = usize::try_from(hour.rem_euclid(24)).ok().and_then(|at| hours.get_mut(at)) {
                    *state = self.state(hour, &by_pattern);
                }
            }
            all_by_pattern.extend(by_pattern);
        }
        let day = |(day, hours): (i64, [State; 24])| DayHours {
            day: Day(i32::try_from(day).unwrap_or_default()),
            state: of_day(&hours),
            hours,
        };
        let days = days.into_iter().map(day).collect();
        let missing = self.missing(&all_by_pattern);
        Place { account_id, region, has_digests: !self.told.is_empty(), days, missing }
    }

    fn state(&self, hour: Hour, by_pattern: &BTreeSet<Hour>) -> State {
        match () {
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
        }
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
        if last - first > PATTERN_MAX_HOURS {
            return missing;
        }
        // What stands out hides what stands out beside it.
        for _ in 0..PASSES {
            let before = missing.len();
            let absent = Absent::new(self, &missing, first, last);
            for (from, to) in self.runs(first, last) {
                if missing.contains(&from) {
                    continue;
                }
                if absent.stands_out(from, to) {
                    missing.extend(from..to);
                    continue;
                }
                // Whole days of it.
                let days = (from + 23).div_euclid(24)..to.div_euclid(24);
                if !days.is_empty() && absent.days_stand_out(&days) {
                    missing.extend(days.start * 24..days.end * 24);
                }
            }
            if missing.len() == before {
                break;
            }
        }
        missing
    }

    /// Runs of hours without objects of which no digest tells. Longer ones than so many are silence.
    fn runs(&self, first: Hour, last: Hour) -> Vec<(Hour, Hour)> {
        let ends = self.present.range(first..=last).copied().chain([last + 1]);
        let begins = std::iter::once(first).chain(self.present.range(first..=last).map(|hour| hour + 1));
        let is_untold = |(from, to): &(Hour, Hour)| {
            from < to && to - from <= SILENCE_HOURS && self.told.range(*from..*to).next().is_none()
        };
        begins.zip(ends).filter(is_untold).collect()
    }
}

/// Hours and days without objects, counted up from the first, so that those of a time are two of these numbers apart.
struct Absent {
    first: Hour,
    /// Before each hour: how many are compared, and how many of them are without objects.
    hours: Vec<(u32, u32)>,
    /// Likewise of days.
    days: Vec<(u32, u32)>,
}

impl Absent {
    fn new(known: &Known, missing: &BTreeSet<Hour>, first: Hour, last: Hour) -> Absent {
        let counted = |count: (u32, u32), is_compared: bool, is_absent: bool| {
            (count.0 + u32::from(is_compared), count.1 + u32::from(is_compared && is_absent))
        };
        let (mut hours, mut days) = (vec![(0, 0)], vec![(0, 0)]);
        let (mut hour_count, mut day_count) = ((0, 0), (0, 0));
        for hour in first..=last {
            hour_count = counted(hour_count, !missing.contains(&hour), !known.present.contains(&hour));
            hours.push(hour_count);
        }
        for day in first.div_euclid(24)..=last.div_euclid(24) {
            let is_absent = known.present.range(day * 24..(day + 1) * 24).next().is_none();
            day_count = counted(day_count, !missing.contains(&(day * 24)), is_absent);
            days.push(day_count);
        }
        Absent { first, hours, days }
    }

    /// How many are compared between two, and how many of them are without objects.
    fn between(counts: &[(u32, u32)], from: i64, to: i64) -> (u32, u32) {
        let at = |index: i64| {
            let index = usize::try_from(index).unwrap_or_default().min(counts.len() - 1);
            counts.get(index).copied().unwrap_or_default()
        };
        let (from, to) = (at(from), at(to));
        (to.0.saturating_sub(from.0), to.1.saturating_sub(from.1))
    }

    fn stands_out(&self, from: Hour, to: Hour) -> bool {
        let of = |from: Hour, to: Hour| Absent::between(&self.hours, from - self.first, to - self.first);
        let (before, after) = (of(from - AROUND_HOURS, from), of(to, to + AROUND_HOURS));
        let (all, absent) = (before.0 + after.0, before.1 + after.1);
        all >= COMPARED_MIN && absent * ABSENT_ONE_IN <= all
    }

    fn days_stand_out(&self, days: &std::ops::Range<i64>) -> bool {
        let first = self.first.div_euclid(24);
        let of = |from: i64, to: i64| Absent::between(&self.days, from - first, to - first);
        let (before, after) =
            (of(days.start - AROUND_HOURS / 24, days.start), of(days.end, days.end + AROUND_HOURS / 24));
        before.0 + after.0 >= COMPARED_DAYS_MIN && before.1 + after.1 == 0
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
        let (account_id, region) = ("111122223333".to_owned(), "eu-west-1".to_owned());
        let missing = MissingHour { account_id, region, day: 1, hour: 5, objects: 2 };
        let coverage = Coverage::of(
            &[objects(1, 0b1111, 0b0111)],
            &[digests(1, 0b1_0011_1111, 0b1_0010_1111, 0b1111_1111)],
            &[missing],
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
        let coverage = Coverage::of(&busy.collect::<Vec<_>>(), &[], &[]);
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
        let coverage = Coverage::of(&few.collect::<Vec<_>>(), &[], &[]);
        let missing: Vec<_> = coverage.places[0].missing.iter().map(|one| one.from.as_str()).collect();
        assert_eq!(missing, ["1970-01-21T00:00:00Z"]);
        assert_eq!(coverage.places[0].days[19].state, State::Missing);
        assert_eq!(coverage.places[0].days[18].state, State::Present);
        // Quiet at weekends: nothing stands out.
        let weekdays = (1..60).filter(|day| day % 7 < 5).map(|day| objects(day, 0xff00, 0));
        let coverage = Coverage::of(&weekdays.collect::<Vec<_>>(), &[], &[]);
        assert_eq!(coverage.places[0].missing, []);
    }
}
