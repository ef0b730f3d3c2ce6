//! Roles that were deleted and made again: one name, several unique ids, each with the time in which it acted.
//!
//! IAM User Guide, "IAM identifiers", "Unique identifiers": a role that is made anew under a name gets another id
//! (`AROA…`). What the earlier one did, the later need not do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};

use super::error::ReadError;
use super::select::{Cover, TimeRange};
use crate::iam::arn::Arn;
use crate::store::{DataFile, Snapshot, Table, read_dictionaries};
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
pub struct RoleLives(BTreeMap<(String, String), Vec<RoleLife>>);

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
        let mut found: HashMap<(String, String), (i64, i64)> = HashMap::new();
        for file in snapshot.files(Table::Events).iter().filter(|file| range.cover(file.event_date) != Cover::None) {
            look(file, range, &is_wanted, &mut found)?;
        }
        let mut lives: BTreeMap<(String, String), BTreeMap<String, (i64, i64)>> = BTreeMap::new();
        for ((arn, id), times) in found {
            if let Some(key) = key(&arn) {
                let known = lives.entry(key).or_default().entry(id).or_insert(times);
                *known = (known.0.min(times.0), known.1.max(times.1));
            }
        }
        lives.retain(|_, ids| ids.len() > 1);
        let ordered = |ids: BTreeMap<String, (i64, i64)>| {
            let of = |(unique_id, (first_us, last_us))| RoleLife { unique_id, first_us, last_us };
            let mut lives: Vec<RoleLife> = ids.into_iter().map(of).collect();
            lives.sort_by(|a, b| (a.first_us, &a.unique_id).cmp(&(b.first_us, &b.unique_id)));
            lives
        };
        Ok(RoleLives(lives.into_iter().map(|(role, ids)| (role, ordered(ids))).collect()))
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
        let keys: BTreeSet<(String, String)> = arns.into_iter().filter_map(key).collect();
        if keys.is_empty() {
            return Ok(RoleLives::default());
        }
        RoleLives::read(snapshot, range, |arn| key(arn).is_some_and(|key| keys.contains(&key)))
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

fn look(
    file: &DataFile,
    range: &TimeRange,
    is_wanted: &dyn Fn(&str) -> bool,
    found: &mut HashMap<(String, String), (i64, i64)>,
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
            let (Some(arn), Some(id)) = (text(&arns, arn).filter(|arn| is_wanted(arn)), text(&ids, id)) else {
                continue;
            };
            let is_role = arn.contains(":role/") && !id.is_empty();
            if is_role && (found.len() < LIVES_MAX || found.contains_key(&(arn.clone(), id.clone()))) {
                widen(found, (arn, id), times);
            }
        }
    }
    Ok(())
}

fn widen<K: std::hash::Hash + Eq>(all: &mut HashMap<K, (i64, i64)>, key: K, times: (i64, i64)) {
    let known = all.entry(key).or_insert(times);
    *known = (known.0.min(times.0), known.1.max(times.1));
}

/// Account and name of a role, whatever its path.
fn key(arn: &str) -> Option<(String, String)> {
    let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "iam")?;
    let name = parsed.resource.strip_prefix("role/")?.rsplit('/').next()?;
    Some((parsed.account.to_owned(), name.to_owned()))
}
