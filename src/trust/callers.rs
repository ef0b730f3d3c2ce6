//! Names of those of whom a record holds but the unique id: who calls from another account does so in the copy that the
//! role's account has (CloudTrail User Guide, "CloudTrail userIdentity element").

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int32Type;

use super::assumption::{Assumption, Who};
use super::ways::{RoleWays, Ways};
use crate::store::{Snapshot, Table, read_dictionaries};
use crate::usage::{Cover, ReadError, TimeRange};

/// Unique id → ARN of a role or user.
#[derive(Debug, Default)]
pub(super) struct Callers {
    arns: BTreeMap<String, String>,
}

/// Ids that are kept.
const IDS_MAX: usize = 200_000;

const COLUMNS: [&str; 2] = ["user_identity_principal_id", "principal_arn"];

impl Callers {
    /// What a call tells of the role that was taken.
    pub fn note(&mut self, call: &Assumption) {
        if let Some(id) = &call.role_id {
            self.insert(id, &call.role_arn);
        }
    }

    /// An id that somebody else tells.
    pub fn insert(&mut self, id: &str, arn: &str) {
        if self.arns.len() < IDS_MAX || self.arns.contains_key(id) {
            self.arns.insert(id.to_owned(), arn.to_owned());
        }
    }

    /// Looks through the records of a window for ids that are missing.
    pub fn look_for(&mut self, ways: &Ways, snapshot: &Snapshot, range: &TimeRange) -> Result<(), ReadError> {
        let mut missing: BTreeSet<&str> = ways.roles.values().flat_map(ids).collect();
        missing.retain(|id| !self.arns.contains_key(*id));
        if missing.is_empty() {
            return Ok(());
        }
        let mut found = Vec::new();
        for file in snapshot.files(Table::Events).iter().filter(|file| range.cover(file.event_date) != Cover::None) {
            for batch in read_dictionaries(file, &COLUMNS)? {
                let batch = batch?;
                let [ids, arns] = COLUMNS.map(|name| {
                    let column = batch.column_by_name(name)?.as_dictionary_opt::<Int32Type>()?;
                    Some((column.keys().clone(), column.values().as_string_opt::<i32>()?.clone()))
                });
                let (Some((id_keys, ids)), Some((arn_keys, arns))) = (ids, arns) else { continue };
                let mut meant: BTreeSet<i32> = BTreeSet::new();
                for at in 0..ids.len() {
                    let id = if ids.is_valid(at) { ids.value(at) } else { "" };
                    if missing.contains(id.split(':').next().unwrap_or_default()) {
                        meant.extend(i32::try_from(at));
                    }
                }
                if meant.is_empty() {
                    continue;
                }
                for (id, arn) in id_keys.iter().zip(&arn_keys) {
                    let (Some(id), Some(arn)) = (id.filter(|id| meant.contains(id)), arn) else { continue };
                    let at = |key: i32| usize::try_from(key).unwrap_or_default();
                    // A stranger's record has the id in the place of the ARN.
                    let arn = arns.value(at(arn));
                    if arn.starts_with("arn:") && meant.remove(&id) {
                        found.push((ids.value(at(id)).to_owned(), arn.to_owned()));
                    }
                }
            }
        }
        for (id, arn) in found {
            let id = id.split(':').next().unwrap_or_default().to_owned();
            self.insert(&id, &arn);
        }
        Ok(())
    }

    /// The same with the name, where it is known.
    pub fn named(&self, who: &Who) -> Option<Who> {
        let Who::Unnamed(account, id) = who else { return None };
        let arn = self.arns.get(id)?;
        Who::of_arn(arn).filter(|found| matches!(found, Who::Principal(_, of) if of == account))
    }

    /// Puts names in the place of ids. What becomes the same is added up.
    pub fn name_all(&self, ways: &mut Ways) {
        for role in ways.roles.values_mut() {
            let named: Vec<_> = role.ways.keys().filter(|way| self.named(&way.who).is_some()).cloned().collect();
            for mut way in named {
                let Some(seen) = role.ways.remove(&way) else { continue };
                way.who = self.named(&way.who).unwrap_or(way.who);
                role.ways.entry(way).or_default().absorb(seen);
            }
        }
    }
}

fn ids(role: &RoleWays) -> impl Iterator<Item = &str> {
    role.ways.keys().filter_map(|way| match &way.who {
        Who::Unnamed(_, id) => Some(id.as_str()),
        _ => None,
    })
}
