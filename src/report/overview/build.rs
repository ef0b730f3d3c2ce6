//! Builds an [`Overview`], one principal at a time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::granted::Granted;
use super::people::{OfAccount, Sums};
use super::policy::Policy;
use super::principal::Principal;
use super::services::Counts;
use super::{AccountSummary, EvidenceSummary, Overview};
use crate::iam::Catalog;
use crate::policy::unused::{Details, Entity, EntityKind, name, unused};
use crate::policy::{Options, Provenance, Task, propose};
use crate::report::Day;
use crate::report::coverage::Coverage;
use crate::report::evidence::Evidence;
use crate::store::{DayCount, Store, StoreError};
use crate::usage::{Daily, DataSight, RequestValues, TimeRange, UsageRow};

/// What all principals have in common.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Where the usage comes from.
    pub provenance: &'a Provenance,
    /// When the snapshot was committed.
    pub snapshot_time: &'a str,
    /// The window.
    pub range: &'a TimeRange,
    /// What the requests told of condition keys.
    pub requests: &'a RequestValues,
    /// Uses by principal and day.
    pub daily: &'a Daily,
    /// What roles and users may do, where somebody said it.
    pub details: Option<&'a Details>,
    /// Which data events could be seen.
    pub sight: &'a DataSight,
    /// The actions of IAM.
    pub catalog: &'a Catalog,
}

/// Takes principals and makes an [`Overview`].
pub struct Builder<'a> {
    source: Source<'a>,
    entities: HashMap<(&'a str, &'a str, &'a str), &'a Entity>,
    seen: HashSet<(String, String, String)>,
    principals: Vec<Principal>,
    sums: Sums,
}

impl<'a> Builder<'a> {
    /// Nobody yet.
    pub fn new(source: Source<'a>) -> Builder<'a> {
        let entities = source.details.map(|details| details.entities.as_slice()).unwrap_or_default();
        Builder {
            source,
            entities: entities.iter().filter_map(|entity| Some((name(&entity.arn)?, entity))).collect(),
            seen: HashSet::new(),
            principals: Vec::new(),
            sums: Sums::default(),
        }
    }

    /// Takes all uses of some principals, each one's sessions apart, each resource in a row of its own. The options say
    /// which policy each gets.
    pub fn add(&mut self, batch: &[(Vec<UsageRow>, Options)]) {
        let Source { provenance, requests, catalog, .. } = self.source;
        let make = |(rows, options): &(Vec<UsageRow>, Options)| match rows.is_empty() {
            true => Policy::None { reason: String::new() },
            false => Policy::of(propose(&Task::new(rows, requests, options, catalog)), provenance),
        };
        let policies: Vec<Policy> = batch.par_iter().map(make).collect();
        for ((rows, _), policy) in batch.iter().zip(policies) {
            self.add_one(rows, policy);
        }
    }

    fn add_one(&mut self, rows: &[UsageRow], policy: Policy) {
        let Source { daily, catalog, .. } = self.source;
        let Some(first) = rows.first() else { return };
        let days =
            daily.principals.get(&first.principal_arn).into_iter().flatten().map(|(day, uses)| (Day(*day), *uses));
        let Some(mut principal) = Principal::of(rows, days.collect(), catalog) else { return };
        rows.iter().for_each(|row| self.sums.count(row));
        principal.policy = policy;
        if let Some(name) = name(&first.principal_arn) {
            self.seen.insert((name.0.to_owned(), name.1.to_owned(), name.2.to_owned()));
            principal.granted = self.entities.get(&name).and_then(|entity| self.granted(entity, rows));
        }
        self.principals.push(principal);
    }

    fn granted(&self, entity: &Entity, rows: &[UsageRow]) -> Option<Granted> {
        let details = Details { entities: vec![entity.clone()], ..Details::default() };
        let uses = unused(&details, rows, self.source.range, self.source.sight, self.source.catalog);
        uses.first().map(|used| Granted::of(entity, used))
    }

    /// The report. `whole` says that everybody was asked for: roles and users without any use are then shown as well.
    ///
    /// # Errors
    /// Those of reading the store's ledger.
    pub fn finish(mut self, store: &Store, whole: bool) -> Result<Overview, StoreError> {
        if whole {
            self.add_idle();
        }
        let days = store.days()?;
        let evidence = evidence(store, &days)?;
        let mut principals = self.principals;
        principals.sort_by(|a, b| (Reverse(a.counts.total()), &a.arn).cmp(&(Reverse(b.counts.total()), &b.arn)));
        let Source { provenance, snapshot_time, .. } = self.source;
        let accounts = accounts(&days, &self.sums.accounts);
        let (permission_sets, people) = self.sums.finish(&self.source.daily.people);
        Ok(Overview {
            snapshot: provenance.snapshot_id,
            snapshot_time: snapshot_time.to_owned(),
            window: provenance.window.clone(),
            selection: provenance.selection.clone(),
            catalogue: provenance.catalogue.clone(),
            proof: Evidence::read(store, evidence.events + store.pruned()?.events)?,
            coverage: Coverage::read(store)?,
            evidence,
            accounts,
            permission_sets,
            people,
            principals,
            data_event_sources: provenance.data_event_sources.iter().flatten().cloned().collect(),
            rightsize: None,
        })
    }

    /// Roles and users that may do something and did nothing.
    fn add_idle(&mut self) {
        let entities = self.source.details.map(|details| details.entities.as_slice()).unwrap_or_default();
        for entity in entities {
            let Some(name) = name(&entity.arn) else { continue };
            if self.seen.contains(&(name.0.to_owned(), name.1.to_owned(), name.2.to_owned())) {
                continue;
            }
            let principal_type = match entity.kind {
                EntityKind::Role => "Role",
                EntityKind::User => "IAMUser",
            };
            if let Some(granted) = self.granted(entity, &[]) {
                self.principals.push(Principal::idle(&entity.arn, principal_type, name.0, granted));
            }
        }
    }
}

fn evidence(store: &Store, days: &[DayCount]) -> Result<EvidenceSummary, StoreError> {
    let totals = store.totals()?;
    let refused = store.refused_objects()?;
    let is_missing = |one: &&crate::store::RefusedObject| !one.reason.starts_with(crate::store::NO_LOG);
    Ok(EvidenceSummary {
        objects: totals.objects,
        events: totals.events,
        first_day: days.iter().map(|count| Day(count.event_date)).min(),
        last_day: days.iter().map(|count| Day(count.event_date)).max(),
        refused_objects: refused.iter().filter(is_missing).count() as u64,
        broken_records: totals.broken,
        conflicts: store.conflicts()?.len() as u64,
    })
}

fn accounts(counts: &[DayCount], users: &BTreeMap<String, OfAccount>) -> Vec<AccountSummary> {
    let mut accounts: BTreeMap<&str, AccountSummary> = BTreeMap::new();
    let new = |account_id: &str| AccountSummary {
        account_id: account_id.to_owned(),
        events: 0,
        first_day: None,
        last_day: None,
        days: BTreeMap::new(),
        gap_days: 0,
        principals: 0,
        counts: Counts::default(),
    };
    for count in counts {
        let account = accounts.entry(&count.account_id).or_insert_with(|| new(&count.account_id));
        account.events += count.events;
        *account.days.entry(Day(count.event_date)).or_default() += count.events;
    }
    for (account_id, of) in users {
        let account = accounts.entry(account_id).or_insert_with(|| new(account_id));
        account.principals = of.principals.len();
        account.counts = of.counts;
    }
    let finish = |mut account: AccountSummary| {
        account.first_day = account.days.keys().next().copied();
        account.last_day = account.days.keys().next_back().copied();
        let span = account.first_day.zip(account.last_day).map_or(0, |(first, last)| last.0 - first.0 + 1);
        account.gap_days = u64::try_from(span).unwrap_or(0).saturating_sub(account.days.len() as u64);
        account
    };
    accounts.into_values().map(finish).collect()
}
