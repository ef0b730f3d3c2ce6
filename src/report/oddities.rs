//! What an auditor should look at: what is in a store and should not be, and what is not and should.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Day;
use super::coverage::{Coverage, Missing, MissingBy, Place};
use crate::store::{Conflict, DayCount, FarEvents, ONE_NAME, Store, StoreError};
use crate::time::format_time;
use crate::verify::{DigestDay, missing_hours};

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
    /// Digests of an account and region end, and those of the same trail go on elsewhere.
    #[serde(rename = "digests end while the trail goes on")]
    EndsEarly,
    /// An account has no digests of a region of which other accounts of the same trail have some.
    #[serde(rename = "no digests of a region")]
    NoDigests,
    /// A digest that was altered.
    #[serde(rename = "digest altered")]
    DigestAltered,
    /// A chain whose first digest follows one that is not there.
    #[serde(rename = "begins within a chain of digests")]
    BeginsWithin,
    /// A log object that was taken in and is not what digests say.
    #[serde(rename = "object altered")]
    ObjectAltered,
    /// A log object that was not what digests say, and that the proved one has taken the place of.
    #[serde(rename = "altered object displaced")]
    Displaced,
    /// A log object that has the name of another one, and says something else.
    #[serde(rename = "objects of one name")]
    OneName,
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
            Kind::EndsEarly => "digests end while the trail goes on",
            Kind::NoDigests => "no digests of a region",
            Kind::DigestAltered => "digest altered",
            Kind::BeginsWithin => "begins within a chain of digests",
            Kind::ObjectAltered => "object altered",
            Kind::Displaced => "altered object displaced",
            Kind::OneName => "objects of one name",
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
        let days = store.digest_days()?;
        all.extend(digests(&days));
        all.extend(trails(&days));
        let (_, altered) = store.altered_objects(u64::MAX >> 1)?;
        all.extend(altered.into_iter().map(|odd| of(Kind::ObjectAltered, None, odd.object, odd.reason)));
        all.extend(store.displaced_objects()?.into_iter().map(displaced));
        let refused = store.refused_objects()?.into_iter();
        let of_one_name = refused.filter(|object| ONE_NAME.iter().any(|front| object.reason.starts_with(front)));
        all.extend(of_one_name.map(|object| of(Kind::OneName, None, object.path, object.reason)));
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

fn displaced((name, replaced, removed): (String, u64, u64)) -> Oddity {
    let what = format!(
        "an object of this name was taken in before it could be proved; {replaced} of its events were replaced by the proved \
         ones, and {removed} that only it had were taken out"
    );
    of(Kind::Displaced, None, name, what)
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
        let hours = |mask: fn(&DigestDay) -> u32| -> BTreeSet<i64> {
            let of_day = |day: &DigestDay| {
                let (first, mask) = (i64::from(day.day) * 24, mask(day));
                (0..24).filter(move |hour| mask >> hour & 1 == 1).map(move |hour| first + hour)
            };
            days.iter().flat_map(of_day).collect()
        };
        let (told, there) = (hours(|day| day.told), hours(|day| day.told | day.altered));
        let (Some(first), Some(begins)) = (days.first(), told.first()) else { continue };
        let chain = &first.chain;
        odd.extend(runs(hours(|day| day.altered).into_iter()).map(|span| {
            of(Kind::DigestAltered, Some(span), chain.clone(), "its digest is not what AWS wrote".to_owned())
        }));
        let missing: BTreeSet<i64> =
            missing_hours(days).into_iter().map(|(day, hour)| i64::from(day) * 24 + i64::from(hour)).collect();
        let named = hours(|day| day.named);
        // Where the one behind a gap names the one before it, CloudTrail wrote none between them.
        let pairs =
            there.range(begins..).zip(there.range(begins..).skip(1)).filter(|(before, _)| !named.contains(before));
        for (before, after) in pairs {
            let end = missing.range(before + 1..*after).next().unwrap_or(after);
            if before + 1 < *end {
                let what = "no digest tells of this time, and none is named: the trail was stopped, or wrote none";
                odd.push(of(Kind::DigestGap, Some((time(before + 1), time(*end))), chain.clone(), what.to_owned()));
            }
        }
        odd.extend(runs(named.range(..begins).copied()).map(|span| {
            let what = "the first digest that there is follows this one: what came before is not here";
            of(Kind::BeginsWithin, Some(span), chain.clone(), what.to_owned())
        }));
    }
    odd
}

/// Hours by which the digests of one place may be later than those of another.
const LATER_HOURS: i64 = 3;

/// Accounts and regions with the first and the last hour of their digests.
type Places<'d> = BTreeMap<(&'d str, &'d str), (i64, i64)>;

/// Where a trail writes digests, and where it ought to: one of several accounts or regions writes them everywhere.
fn trails(days: &[DigestDay]) -> Vec<Oddity> {
    // By trail and place the first and the last hour.
    let mut trails: BTreeMap<&str, Places<'_>> = BTreeMap::new();
    for day in days.iter().filter(|day| day.told != 0) {
        let trail = day.chain.splitn(4, '_').nth(3).unwrap_or(&day.chain);
        let (first, last) = (day.told.trailing_zeros(), 31 - day.told.leading_zeros());
        let (first, last) = (i64::from(day.day) * 24 + i64::from(first), i64::from(day.day) * 24 + i64::from(last));
        let place = trails.entry(trail).or_default().entry((&day.account_id, &day.region)).or_insert((first, last));
        *place = (place.0.min(first), place.1.max(last));
    }
    let mut odd = Vec::new();
    for (trail, places) in trails {
        let last = places.values().map(|(_, last)| *last).max().unwrap_or_default();
        for ((account_id, region), (_, ends)) in &places {
            if last - ends > LATER_HOURS {
                let span = Some((time(ends + 1), time(last + 1)));
                let what = format!("the trail {trail} has none of them here, and elsewhere it has");
                odd.push(of(Kind::EndsEarly, span, format!("{account_id} {region}"), what));
            }
        }
        let accounts: BTreeSet<&str> = places.keys().map(|(account_id, _)| *account_id).collect();
        let regions: BTreeSet<&str> = places.keys().map(|(_, region)| *region).collect();
        for region in regions {
            let lacking: Vec<&&str> =
                accounts.iter().filter(|account| !places.contains_key(&(**account, region))).collect();
            // Of one account alone it is the exception.
            if 2 * lacking.len() > accounts.len() {
                continue;
            }
            for account_id in lacking {
                let what = format!("other accounts of the trail {trail} have digests of this region");
                odd.push(of(Kind::NoDigests, None, format!("{account_id} {region}"), what));
            }
        }
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
    runs.into_iter().map(|(from, to)| (time(from), time(to)))
}

/// The beginning of an hour.
fn time(hour: i64) -> String {
    format_time(hour.saturating_mul(3_600_000_000))
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
    fn a_trail_writes_digests_everywhere() {
        let day = |account: &str, region: &str, day| DigestDay {
            chain: format!("{account}_CloudTrail-Digest_{region}_main_eu-west-1"),
            account_id: account.to_owned(),
            region: region.to_owned(),
            day,
            told: 0b1111,
            ..DigestDay::default()
        };
        let mut days = Vec::new();
        for account in ["1", "2", "3"] {
            for region in ["a", "b"] {
                days.extend((1..5).map(|at| day(account, region, at)));
            }
        }
        assert_eq!(trails(&days), []);
        // A region from some day on; a region of an account.
        days.retain(|day| !(day.account_id == "1" && day.region == "a" && day.day > 2));
        days.retain(|day| !(day.account_id == "2" && day.region == "b"));
        let odd: Vec<_> = trails(&days).into_iter().map(|odd| (odd.kind, odd.about, odd.from)).collect();
        let from = Some("1970-01-03T04:00:00Z".to_owned());
        assert_eq!(odd, [(Kind::EndsEarly, "1 a".to_owned(), from), (Kind::NoDigests, "2 b".to_owned(), None)]);
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
        // Where the one behind names the one before, none was written between them.
        assert_eq!(digests(&[day(1, 0b1001, 0, 0b0001)]), []);
        let odd = digests(&[day(1, 0b1011_0010, 0b0100, 0b0001_0001), day(2, 1, 0, 0)]);
        let hour = |text: &str| Some(text.to_owned());
        let found: Vec<_> = odd.iter().map(|odd| (odd.kind, odd.from.clone(), odd.to.clone())).collect();
        assert_eq!(
            found,
            [
                (Kind::DigestAltered, hour("1970-01-02T02:00:00Z"), hour("1970-01-02T03:00:00Z")),
                (Kind::DigestGap, hour("1970-01-02T03:00:00Z"), hour("1970-01-02T04:00:00Z")),
                (Kind::DigestGap, hour("1970-01-02T06:00:00Z"), hour("1970-01-02T07:00:00Z")),
                (Kind::DigestGap, hour("1970-01-02T08:00:00Z"), hour("1970-01-03T00:00:00Z")),
                (Kind::BeginsWithin, hour("1970-01-02T00:00:00Z"), hour("1970-01-02T01:00:00Z")),
            ]
        );
    }
}
