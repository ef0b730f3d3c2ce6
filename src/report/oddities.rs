//! What an auditor should look at: what is in a store and should not be, and what is not and should.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Day;
use super::coverage::{Coverage, Missing, MissingBy, Place};
use crate::store::{Conflict, DayCount, FarEvents, Store, StoreError};
use crate::time::format_time;
use crate::verify::DigestDay;

/// Oddities of one kind that are listed at the most.
const LISTED_MAX: usize = 1_000;

/// Days of silence, and from the store's beginning on, that are nothing: who is there seldom is silent for longer.
const SILENT_DAYS: i32 = 7;

/// What is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// Two records of one id that say different things.
    #[serde(rename = "conflicting copies")]
    Conflict,
    /// Events after their object was delivered, or long before.
    #[serde(rename = "events far from their object's time")]
    FarEvents,
    /// An account whose first event is long after the store's first.
    #[serde(rename = "account appears")]
    Appears,
    /// An account whose last event is long before the store's last.
    #[serde(rename = "account falls silent")]
    FallsSilent,
    /// Hours without digests, between those of a chain.
    #[serde(rename = "gap between digests")]
    DigestGap,
    /// A digest that was altered.
    #[serde(rename = "digest altered")]
    DigestAltered,
    /// A chain whose first digest follows one that is not there.
    #[serde(rename = "begins within a chain of digests")]
    BeginsWithin,
    /// A log object that was taken in and is not what digests say.
    #[serde(rename = "object altered")]
    ObjectAltered,
    /// A log object that digests list, or a digest, is not there.
    #[serde(rename = "missing")]
    Missing,
    /// Hours or days without objects that stand out.
    #[serde(rename = "hours without objects that stand out")]
    StandsOut,
}

impl Kind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Conflict => "conflicting copies",
            Kind::FarEvents => "events far from their object's time",
            Kind::Appears => "account appears",
            Kind::FallsSilent => "account falls silent",
            Kind::DigestGap => "gap between digests",
            Kind::DigestAltered => "digest altered",
            Kind::BeginsWithin => "begins within a chain of digests",
            Kind::ObjectAltered => "object altered",
            Kind::Missing => "missing",
            Kind::StandsOut => "hours without objects that stand out",
        }
    }
}

/// Something odd.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Oddity {
    /// What.
    pub kind: Kind,
    /// When, or from when on, where that is known.
    pub from: Option<String>,
    /// Until when.
    pub to: Option<String>,
    /// What it is about: an event, an object, an account, a chain of digests.
    pub about: String,
    /// In words.
    pub what: String,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oddities {
    /// The first of each kind.
    pub oddities: Vec<Oddity>,
    /// How many there are of each kind.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Oddities {
    /// Reads them.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn read(store: &Store) -> Result<Oddities, StoreError> {
        let mut all: Vec<Oddity> = store.conflicts()?.into_iter().map(conflict).collect();
        all.extend(store.far_events()?.into_iter().map(far_events));
        all.extend(accounts(&store.days()?));
        all.extend(digests(&store.digest_days()?));
        let (_, altered) = store.altered_objects(u64::MAX >> 1)?;
        all.extend(altered.into_iter().map(|odd| of(Kind::ObjectAltered, None, odd.object, odd.reason)));
        let coverage = Coverage::read(store)?;
        all.extend(coverage.places.iter().flat_map(|place| place.missing.iter().map(move |one| missing(place, one))));
        all.sort_unstable();
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        all.retain(|odd| {
            let count = counts.entry(odd.kind.name()).or_default();
            *count += 1;
            *count <= LISTED_MAX as u64
        });
        Ok(Oddities { oddities: all, counts })
    }
}

fn of(kind: Kind, span: Option<(String, String)>, about: String, what: String) -> Oddity {
    let (from, to) = span.unzip();
    Oddity { kind, from, to, about, what }
}

fn conflict(conflict: Conflict) -> Oddity {
    let Conflict { event_id, event_date, path, index, first, .. } = conflict;
    let day = Day(event_date).to_string();
    let first = first.map_or("an object that is not there any more".to_owned(), |(path, _)| path);
    let what = format!("record {index} of {path} says something else than the stored one, which is from {first}");
    of(Kind::Conflict, Some((day.clone(), day)), event_id, what)
}

fn far_events(far: FarEvents) -> Oddity {
    let FarEvents { name, events, first_time_us, last_time_us } = far;
    let what = format!("{events} of its events are from more than a day before its time, or from after it");
    of(Kind::FarEvents, Some((format_time(first_time_us), format_time(last_time_us))), name, what)
}

/// Accounts that are there only from some day on, or until one. Who had been silent for long before is expected to be so again.
fn accounts(counts: &[DayCount]) -> Vec<Oddity> {
    let mut days: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for count in counts.iter().filter(|count| !count.account_id.is_empty()) {
        days.entry(&count.account_id).or_default().push(count.event_date);
    }
    let all = || counts.iter().map(|count| count.event_date);
    let (Some(first), Some(last)) = (all().min(), all().max()) else { return Vec::new() };
    let mut odd = Vec::new();
    for (account_id, mut days) in days {
        days.sort_unstable();
        days.dedup();
        let (Some(begins), Some(ends)) = (days.first().copied(), days.last().copied()) else { continue };
        let longest = days.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).max().unwrap_or_default();
        let usual = SILENT_DAYS.max(2 * longest);
        let span = || Some((Day(begins).to_string(), Day(ends).to_string()));
        if begins - first > SILENT_DAYS {
            let what =
                format!("its first event is of {}, {} days after the store's first", Day(begins), begins - first);
            odd.push(of(Kind::Appears, span(), account_id.to_owned(), what));
        }
        if last - ends > usual {
            let what = format!("its last event is of {}, {} days before the store's last", Day(ends), last - ends);
            odd.push(of(Kind::FallsSilent, span(), account_id.to_owned(), what));
        }
    }
    odd
}

/// Hours of a chain that are not as they should be, run by run.
fn digests(days: &[DigestDay]) -> Vec<Oddity> {
    let mut odd = Vec::new();
    for days in days.chunk_by(|a, b| a.chain == b.chain) {
        let by_day: BTreeMap<i32, &DigestDay> = days.iter().map(|day| (day.day, day)).collect();
        let bit = |hour: i64, mask: fn(&DigestDay) -> u32| {
            let day = i32::try_from(hour.div_euclid(24)).ok().and_then(|day| by_day.get(&day));
            day.is_some_and(|day| mask(day) >> hour.rem_euclid(24) & 1 == 1)
        };
        let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
        let hours = || i64::from(first.day) * 24..(i64::from(last.day) + 1) * 24;
        let told = |hour: &i64| bit(*hour, |day| day.told);
        let (Some(begins), Some(ends)) = (hours().find(told), hours().rfind(told)) else { continue };
        let chain = &first.chain;
        let altered = hours().filter(|hour| bit(*hour, |day| day.altered));
        odd.extend(runs(altered).map(|span| {
            of(Kind::DigestAltered, Some(span), chain.clone(), "its digest is not what AWS wrote".to_owned())
        }));
        let gaps = (begins..ends).filter(|hour| !bit(*hour, |day| day.told | day.altered | day.named));
        odd.extend(runs(gaps).map(|span| {
            let what =
                "no digest tells of this time, and none is named: the trail was stopped, or more than one is gone";
            of(Kind::DigestGap, Some(span), chain.clone(), what.to_owned())
        }));
        let within = hours().filter(|hour| *hour < begins && bit(*hour, |day| day.named));
        odd.extend(runs(within).map(|span| {
            let what = "the first digest that there is follows this one: what came before is not here";
            of(Kind::BeginsWithin, Some(span), chain.clone(), what.to_owned())
        }));
    }
    odd
}

/// Hours that follow one another, as times.
fn runs(hours: impl Iterator<Item = i64>) -> impl Iterator<Item = (String, String)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for hour in hours {
        match runs.last_mut().filter(|run| run.1 == hour) {
            Some(run) => run.1 = hour + 1,
            None => runs.push((hour, hour + 1)),
        }
    }
    let time = |hour: i64| format_time(hour.saturating_mul(3_600_000_000));
    runs.into_iter().map(move |(from, to)| (time(from), time(to)))
}

fn missing(place: &Place, missing: &Missing) -> Oddity {
    let about = format!("{} {}", place.account_id, place.region);
    let (kind, what) = match missing.by {
        MissingBy::Objects => (Kind::Missing, format!("{} log objects that digests list", missing.objects)),
        MissingBy::Digests => (Kind::Missing, "digests that the next ones name".to_owned()),
        MissingBy::Pattern => (Kind::StandsOut, "hardly another hour, or day, around it is without objects".to_owned()),
    };
    of(kind, Some((missing.from.clone(), missing.to.clone())), about, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(account: &str, event_date: i32) -> DayCount {
        DayCount { event_date, account_id: account.to_owned(), aws_region: String::new(), events: 1 }
    }

    #[test]
    fn accounts_that_appear_and_fall_silent() {
        let days = |account: &'static str, days: Vec<i32>| days.into_iter().map(move |day| count(account, day));
        let all = days("busy", (0..60).collect())
            .chain(days("late", (20..60).collect()))
            .chain(days("gone", (0..40).collect()))
            // Every two weeks: ten days of silence are nothing.
            .chain(days("seldom", vec![0, 15, 30, 45]))
            .chain(days("week", (7..53).collect()));
        let odd = accounts(&all.collect::<Vec<_>>());
        let odd: Vec<_> = odd.iter().map(|odd| (odd.kind, odd.about.as_str())).collect();
        assert_eq!(odd, [(Kind::FallsSilent, "gone"), (Kind::Appears, "late")]);
    }

    #[test]
    fn runs_of_hours() {
        let found: Vec<_> = runs([0, 1, 5].into_iter()).collect();
        let time = |hour: &str| format!("1970-01-01T{hour}:00:00Z");
        assert_eq!(found, [(time("00"), time("02")), (time("05"), time("06"))]);
    }

    #[test]
    fn hours_of_a_chain() {
        let day = |day, told, altered, named| DigestDay {
            chain: "c".to_owned(),
            day,
            told,
            altered,
            named,
            ..DigestDay::default()
        };
        let odd = digests(&[day(1, 0b1011_0010, 0b0100, 0b1111_0001), day(2, 1, 0, 0)]);
        let hour = |text: &str| Some(text.to_owned());
        let found: Vec<_> = odd.iter().map(|odd| (odd.kind, odd.from.clone(), odd.to.clone())).collect();
        assert_eq!(
            found,
            [
                (Kind::DigestAltered, hour("1970-01-02T02:00:00Z"), hour("1970-01-02T03:00:00Z")),
                (Kind::DigestGap, hour("1970-01-02T03:00:00Z"), hour("1970-01-02T04:00:00Z")),
                (Kind::DigestGap, hour("1970-01-02T08:00:00Z"), hour("1970-01-03T00:00:00Z")),
                (Kind::BeginsWithin, hour("1970-01-02T00:00:00Z"), hour("1970-01-02T01:00:00Z")),
            ]
        );
    }
}
