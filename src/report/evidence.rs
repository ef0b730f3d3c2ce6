//! How much of the evidence is proved: of a store, of what a policy rests on, of one event.
//!
//! The ledger knows it by account, region and day of delivery, as the names of log objects have them. An event is taken
//! for proved where every object that was delivered on its day, and in the first hour of the day after it, is proved:
//! CloudTrail delivers within minutes, so that what happened shortly before midnight comes then.
//!
//! The store doesn't know which object an event came from. So nothing counts as proved where objects without
//! CloudTrail's names brought events: any event may come from them. Nor where an object of another account, region or
//! day that is not proved brought an event of there and then: the ledger has these by object
//! (`trailpare_stray_events`). Of two events of one id the proved one is in the store.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Day;
use crate::policy::{Evidenced, MAY_BE_UNNAMED};
use crate::store::{CoverageDay, Store, StoreError, Stray};
use crate::usage::UsageRow;

/// How much of the events in a store is proved by digests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Events in the store.
    pub events: u64,
    /// Those in objects that a signed digest vouches for.
    pub proved_events: u64,
    /// Those in objects that are what a digest says, whose signature nobody could check.
    pub unchecked_events: u64,
    /// Those in objects whose names CloudTrail did not give, so that no digest lists them.
    pub unnamed_events: u64,
    /// Objects that were taken in and are not what digests say.
    pub altered_objects: u64,
    /// Objects that digests list and that never came.
    pub missing_objects: u64,
    /// By account and region.
    pub places: Vec<Place>,
}

/// How much of one account and region is proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Twelve digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Events of its objects.
    pub events: u64,
    /// Those of them that are proved.
    pub proved_events: u64,
    /// Those that are what an unsigned digest says.
    pub unchecked_events: u64,
    /// Days of delivery of which something is not proved.
    pub unproved_days: Vec<Span>,
}

/// Days that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first.
    pub from: Day,
    /// The last.
    pub to: Day,
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.from),
            false => write!(f, "{} to {}", self.from, self.to),
        }
    }
}

impl Evidence {
    /// Reads it, of so many events, those that were pruned among them; `None` of a store of an older version.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn read(store: &Store, events: u64) -> Result<Option<Evidence>, StoreError> {
        let Some(days) = store.coverage()? else { return Ok(None) };
        let mut evidence = Evidence { events, missing_objects: store.missing_objects(0)?.0, ..Evidence::default() };
        for day in &days {
            evidence.proved_events += day.valid_events;
            evidence.unchecked_events += day.unchecked_events;
            evidence.altered_objects += day.altered_objects;
            let is_of = |place: &&mut Place| (&place.account_id, &place.region) == (&day.account_id, &day.region);
            match evidence.places.last_mut().filter(is_of) {
                Some(place) => place.add(day),
                None => evidence.places.push(Place::new(day)),
            }
        }
        evidence.unnamed_events = store.unnamed_events()?;
        Ok(Some(evidence))
    }

    /// Whether anything was ever proved or could be.
    pub fn is_verified(&self) -> bool {
        self.proved_events + self.unchecked_events + self.altered_objects > 0
    }
}

impl Place {
    fn new(day: &CoverageDay) -> Place {
        let mut place = Place {
            account_id: day.account_id.clone(),
            region: day.region.clone(),
            events: 0,
            proved_events: 0,
            unchecked_events: 0,
            unproved_days: Vec::new(),
        };
        place.add(day);
        place
    }

    fn add(&mut self, day: &CoverageDay) {
        self.events += day.events;
        self.proved_events += day.valid_events;
        self.unchecked_events += day.unchecked_events;
        if day.valid_objects == day.objects {
            return;
        }
        match self.unproved_days.last_mut().filter(|span| span.to.0 + 1 == day.day) {
            Some(span) => span.to = Day(day.day),
            None => self.unproved_days.push(Span { from: Day(day.day), to: Day(day.day) }),
        }
    }
}

/// A share in per cent with one decimal, never more than it is.
#[expect(clippy::cast_precision_loss, reason = "a tenth of a per cent")]
pub fn percent(part: u64, all: u64) -> String {
    if part == all {
        return "100 %".to_owned();
    }
    let tenths = (u128::from(part) * 1_000 / u128::from(all.max(1))) as f64;
    format!("{:.1} %", tenths / 10.0)
}

/// A number with its thousands apart: `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Why an event is not proved although its day is.
const STRAY: &str = "; an object of another account, region or day that is not proved has events of then and there";

/// What is proved of each account, region and day.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    /// By account, then day, then region.
    days: BTreeMap<(String, i32), BTreeMap<String, CoverageDay>>,
    /// Whether objects without CloudTrail's names brought events.
    has_unnamed: bool,
    /// Events of objects that are not proved, of another account, region or time than the objects' names say.
    strays: Vec<Stray>,
}

/// How far what happened somewhere on a day is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Whole,
    Part,
    None,
}

impl Proofs {
    /// Reads them; `None` where nothing in the store was ever verified.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn read(store: &Store) -> Result<Option<Proofs>, StoreError> {
        let days = store.coverage()?.unwrap_or_default();
        if days.iter().all(|day| day.valid_objects + day.unchecked_objects + day.altered_objects == 0) {
            return Ok(None);
        }
        let (has_unnamed, strays) = (store.unnamed_events()? > 0, store.unproved_strays()?);
        let mut proofs = Proofs { has_unnamed, strays, ..Proofs::default() };
        for day in days {
            let key = (day.account_id.clone(), day.day);
            proofs.days.entry(key).or_default().insert(day.region.clone(), day);
        }
        Ok(Some(proofs))
    }

    /// How much of the uses in these rows is proved.
    pub fn of_rows<'r>(&self, rows: impl IntoIterator<Item = &'r UsageRow>) -> Evidenced {
        let mut proved = Evidenced { has_unnamed: self.has_unnamed, ..Evidenced::default() };
        for row in rows {
            let uses = row.event_count;
            proved.uses += uses;
            match self.extent(&row.account_id, &row.aws_region, row.event_date) {
                Extent::Whole => proved.whole += uses,
                Extent::Part => proved.part += uses,
                Extent::None => {}
            }
        }
        proved
    }

    /// What is known of an event, in words.
    pub fn of_event(&self, account_id: &str, region: &str, day: i32) -> String {
        let place = format!("{account_id} in {region} on {} (UTC), and in the hour after it,", Day(day));
        match self.extent(account_id, region, day) {
            Extent::Whole => format!("proved by digests: so is every log object of {place}"),
            Extent::Part => {
                let days = self.at(account_id, region, day);
                let (valid, all) = days.iter().fold((0, 0), |(v, a), day| (v + day.valid_objects, a + day.objects));
                let unnamed = if self.has_unnamed { format!("; {MAY_BE_UNNAMED}") } else { String::new() };
                let stray = if self.is_stray(account_id, region, day) { STRAY } else { "" };
                format!("not known to be proved: of the log objects of {place} {valid} of {all} are{unnamed}{stray}")
            }
            Extent::None => format!("not proved: no log object of {place} is"),
        }
    }

    fn extent(&self, account_id: &str, region: &str, day: i32) -> Extent {
        let days = self.at(account_id, region, day);
        let (valid, all) = days.iter().fold((0, 0), |(v, a), day| (v + day.valid_objects, a + day.objects));
        // Of the day after, the first hour.
        let next = self.at(account_id, region, day + 1);
        let is_next_proved = next.iter().all(|day| day.present & !day.valid & 1 == 0);
        match (valid, all) {
            (0, _) => Extent::None,
            (valid, all) if valid == all && is_next_proved && !self.may_be_other(account_id, region, day) => {
                Extent::Whole
            }
            _ => Extent::Part,
        }
    }

    /// Whether an event of there and then may come from an object without a name, or of another place's or time's.
    fn may_be_other(&self, account_id: &str, region: &str, day: i32) -> bool {
        self.has_unnamed || self.is_stray(account_id, region, day)
    }

    fn is_stray(&self, account_id: &str, region: &str, day: i32) -> bool {
        let may_be = |said: &str, wanted: &str| said.is_empty() || said == wanted;
        self.strays.iter().any(|stray| {
            may_be(&stray.account_id, account_id)
                && may_be(&stray.region, region)
                && stray.day.is_none_or(|said| said == day)
        })
    }

    /// The days of an account and region; of all its regions where objects of that one are named after another, as
    /// those of global services may be.
    fn at(&self, account_id: &str, region: &str, day: i32) -> Vec<&CoverageDay> {
        let Some(regions) = self.days.get(&(account_id.to_owned(), day)) else { return Vec::new() };
        match regions.get(region) {
            Some(day) => vec![day],
            None => regions.values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_never_more_than_they_are() {
        assert_eq!(percent(999_999, 1_000_000), "99.9 %");
        assert_eq!(percent(12_000, 12_345), "97.2 %");
        assert_eq!((percent(0, 0), percent(0, 3), percent(3, 3)), ("100 %".into(), "0.0 %".into(), "100 %".into()));
        assert_eq!([0, 999, 1_000, 12_345_678].map(thousands), ["0", "999", "1,000", "12,345,678"]);
    }

    fn day(region: &str, day: i32, objects: u64, valid_objects: u64, present: u32, valid: u32) -> CoverageDay {
        let (account_id, region) = ("111122223333".to_owned(), region.to_owned());
        CoverageDay { account_id, region, day, objects, valid_objects, present, valid, ..CoverageDay::default() }
    }

    #[test]
    fn an_event_is_proved_with_its_day_and_the_hour_after_it() {
        let mut proofs = Proofs::default();
        let days = [
            day("eu-west-1", 1, 3, 3, 0b111, 0b111),
            day("eu-west-1", 2, 3, 2, 0b110, 0b010),
            day("eu-west-1", 4, 1, 1, 1, 1),
            day("us-east-1", 4, 1, 0, 1, 0),
            day("eu-west-1", 6, 2, 2, 2, 2),
            day("eu-west-1", 7, 2, 1, 3, 2),
        ];
        for day in days {
            proofs.days.entry((day.account_id.clone(), day.day)).or_default().insert(day.region.clone(), day);
        }
        let extent = |region: &str, day| proofs.extent("111122223333", region, day);
        assert_eq!(extent("eu-west-1", 1), Extent::Whole);
        assert_eq!((extent("eu-west-1", 2), extent("eu-west-1", 3)), (Extent::Part, Extent::None));
        assert_eq!((extent("eu-west-1", 4), extent("us-east-1", 4)), (Extent::Whole, Extent::None));
        // Of a region without objects of its own all have to be proved.
        assert_eq!((extent("aws-global", 4), extent("aws-global", 1)), (Extent::Part, Extent::Whole));
        // What came in the first hour of the day after may be of that day.
        assert_eq!(extent("eu-west-1", 6), Extent::Part);
        assert_eq!(proofs.extent("444455556666", "eu-west-1", 1), Extent::None);
        // Any event may come from an object without a name of CloudTrail's.
        proofs.has_unnamed = true;
        let extents = [1, 2, 3].map(|day| proofs.extent("111122223333", "eu-west-1", day));
        assert_eq!(extents, [Extent::Part, Extent::Part, Extent::None]);
    }
}
