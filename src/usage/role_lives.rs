//! Roles that were deleted and made again: one name, several unique ids, each with the time in which it acted.
//!
//! IAM User Guide, "IAM identifiers", "Unique identifiers": a role that is made anew under a name gets another id
//! (`AROA…`). What the earlier one did, the later need not do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use super::columns::EventColumns;
use super::encode::dictionary;
use super::error::ReadError;
use super::months::days_with;
use super::select::{Cover, TimeRange};
use crate::iam::arn::Arn;
use crate::store::{DataFile, Snapshot, Stored, Table, read_dictionaries};
use crate::time::format_time;

/// When a role of a name acted under one unique id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLife {
    /// `AROA…`.
    pub unique_id: String,
    /// First event, microseconds since 1970-01-01 UTC.
    pub first_us: i64,
    /// Last event.
    pub last_us: i64,
}

/// Roles that acted under several ids, by account and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleLives(BTreeMap<RoleKey, Vec<RoleLife>>);

/// Account and name of a role, whatever its path.
type RoleKey = (String, String);

/// A role, and its unique id.
type Life = (RoleKey, String);

const COLUMNS: [&str; 3] = ["principal_arn", "session_issuer_principal_id", "event_time"];

/// Pairs of role and id that are kept: there is no end to what somebody may have made up.
const LIVES_MAX: usize = 200_000;

/// Ids of one role that are told.
const TOLD_MAX: usize = 10;

impl RoleLives {
    /// Looks through the events of a window, at the roles that are wanted.
    ///
    /// # Errors
    /// When a file can't be read.
    pub fn read(
        snapshot: &Snapshot,
        range: &TimeRange,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<RoleLives, ReadError> {
        RoleLives::of_days(snapshot, range, |_| true, is_wanted)
    }

    /// The same on some of the days.
    fn of_days(
        snapshot: &Snapshot,
        range: &TimeRange,
        is_day: impl Fn(i32) -> bool,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<RoleLives, ReadError> {
        let mut found: HashMap<Life, (i64, i64)> = HashMap::new();
        let is_open = |file: &&DataFile| range.cover(file.event_date) != Cover::None && is_day(file.event_date);
        for file in snapshot.files(Table::Events).iter().filter(is_open) {
            look(file, range, &is_wanted, &mut found)?;
        }
        let mut lives: BTreeMap<RoleKey, Vec<RoleLife>> = BTreeMap::new();
        for ((role, unique_id), (first_us, last_us)) in found {
            lives.entry(role).or_default().push(RoleLife { unique_id, first_us, last_us });
        }
        lives.retain(|_, lives| lives.len() > 1);
        let order = |a: &RoleLife, b: &RoleLife| (a.first_us, &a.unique_id).cmp(&(b.first_us, &b.unique_id));
        lives.values_mut().for_each(|lives| lives.sort_by(order));
        Ok(RoleLives(lives))
    }

    /// Of some roles, by any of their ARNs.
    ///
    /// # Errors
    /// When a file can't be read.
    pub fn of_roles<'a>(
        snapshot: &Snapshot,
        range: &TimeRange,
        arns: impl IntoIterator<Item = &'a str>,
    ) -> Result<RoleLives, ReadError> {
        let keys: BTreeSet<RoleKey> = arns.into_iter().filter_map(key).collect();
        if keys.is_empty() {
            return Ok(RoleLives::default());
        }
        let is_one = |arn: &str| key(arn).is_some_and(|key| keys.contains(&key));
        // Usage, which is small, says on which days they acted.
        let is_open = |file: &DataFile| range.cover(file.event_date) != Cover::None;
        let dates = days_with(snapshot, is_open, |stored| acts(stored, &is_one))?;
        RoleLives::of_days(snapshot, range, |date| dates.contains(&date), is_one)
    }

    /// Of the roles of events, whenever they acted.
    ///
    /// # Errors
    /// When a file can't be read, or the events lack columns.
    pub fn of_events<'a>(
        snapshot: &Snapshot,
        batches: impl IntoIterator<Item = &'a RecordBatch>,
    ) -> Result<RoleLives, ReadError> {
        let mut arns = BTreeSet::new();
        for batch in batches {
            let events = EventColumns::try_new(batch)?;
            arns.extend((0..events.len()).filter_map(|row| events.principal_arn(row)).map(str::to_owned));
        }
        RoleLives::of_roles(snapshot, &TimeRange::default(), arns.iter().map(String::as_str))
    }

    /// Of a role by its ARN, the earliest first; none of one that acted under one id.
    pub fn of(&self, arn: &str) -> &[RoleLife] {
        if self.0.is_empty() {
            return &[];
        }
        key(arn).and_then(|key| self.0.get(&key)).map_or(&[], Vec::as_slice)
    }

    /// Says of a role that it was made again; nothing of one that was not.
    pub fn said(&self, arn: &str) -> Option<String> {
        let lives = self.of(arn);
        let one = |life: &RoleLife| {
            format!("{} from {} to {}", life.unique_id, format_time(life.first_us), format_time(life.last_us))
        };
        let told: Vec<String> = lives.iter().take(TOLD_MAX).map(one).collect();
        let more = lives.len().saturating_sub(told.len());
        let more = if more > 0 { format!("; {more} more") } else { String::new() };
        (!told.is_empty()).then(|| format!("deleted and made again under its name: {}{more}", told.join("; ")))
    }
}

/// Whether a file of usage names somebody who is wanted.
fn acts(stored: &dyn Stored, is_wanted: &dyn Fn(&str) -> bool) -> Result<bool, ReadError> {
    for batch in read_dictionaries(stored, &["principal_arn"])? {
        if dictionary(&batch?, "principal_arn")?.values().iter().flatten().any(is_wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn look(
    file: &DataFile,
    range: &TimeRange,
    is_wanted: &dyn Fn(&str) -> bool,
    found: &mut HashMap<Life, (i64, i64)>,
) -> Result<(), ReadError> {
    for batch in read_dictionaries(file, &COLUMNS)? {
        let batch = batch?;
        let word = |name: &str| {
            let column = batch.column_by_name(name)?.as_dictionary_opt::<Int32Type>()?;
            Some((column.keys().clone(), column.values().as_string_opt::<i32>()?.clone()))
        };
        let times = batch.column_by_name("event_time").and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
        let (Some((arn_keys, arns)), Some((id_keys, ids)), Some(times)) =
            (word("principal_arn"), word("session_issuer_principal_id"), times)
        else {
            continue;
        };
        if !arns.iter().flatten().any(is_wanted) {
            continue;
        }
        // By places first: a role's rows lie together.
        let mut of_places: HashMap<(i32, i32), (i64, i64)> = HashMap::new();
        let mut last: Option<((i32, i32), (i64, i64))> = None;
        for ((arn, id), time) in arn_keys.iter().zip(&id_keys).zip(times) {
            let (Some(arn), Some(id), Some(time)) = (arn, id, time.filter(|time| range.contains(*time))) else {
                continue;
            };
            match &mut last {
                Some((places, times)) if *places == (arn, id) => *times = (times.0.min(time), times.1.max(time)),
                _ => {
                    last.take().into_iter().for_each(|(places, times)| widen(&mut of_places, places, times));
                    last = Some(((arn, id), (time, time)));
                }
            }
        }
        last.into_iter().for_each(|(places, times)| widen(&mut of_places, places, times));
        let text = |of: &arrow::array::StringArray, at: i32| {
            let at = usize::try_from(at).ok().filter(|at| *at < of.len() && of.is_valid(*at))?;
            Some(of.value(at).to_owned())
        };
        for ((arn, id), times) in of_places {
            let role = text(&arns, arn).filter(|arn| is_wanted(arn)).and_then(|arn| key(&arn));
            let (Some(role), Some(id)) = (role, text(&ids, id).filter(|id| !id.is_empty())) else { continue };
            let life = (role, id);
            if found.len() < LIVES_MAX || found.contains_key(&life) {
                widen(found, life, times);
            }
        }
    }
    Ok(())
}

fn widen<K: std::hash::Hash + Eq>(all: &mut HashMap<K, (i64, i64)>, key: K, times: (i64, i64)) {
    let known = all.entry(key).or_insert(times);
    *known = (known.0.min(times.0), known.1.max(times.1));
}

fn key(arn: &str) -> Option<RoleKey> {
    let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "iam")?;
    let name = parsed.resource.strip_prefix("role/")?.rsplit('/').next()?;
    Some((parsed.account.to_owned(), name.to_owned()))
}
