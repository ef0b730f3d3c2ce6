//! Everything that a report page shows, as one value: the store, accounts, permission sets, people, and each principal with
//! what it used, what it may do, and the policy that was proved.
//!
//! [`Builder`] takes principals one after the other, so that the usage of one is in memory at a time.

mod build;
mod cuts;
mod granted;
mod people;
mod policy;
mod principal;
mod services;

use std::collections::BTreeMap;

use serde::Serialize;

pub use build::{Builder, Source};
pub use cuts::{Cut, Cuts, CutsBuilder};
pub use granted::Granted;
pub use people::{PermissionSet, Person};
pub use policy::{Document, NotGranted, Policy, Proposed, Statement};
pub use principal::Principal;
pub use services::{ActionUse, Counts, ServiceUse};

use super::Day;
use super::coverage::Coverage;
use super::evidence::Evidence;

/// What a report shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// The newest snapshot, or the one that was asked for; `None` where the page must not depend on it.
    pub snapshot: Option<i64>,
    /// When it was committed (UTC).
    pub snapshot_time: String,
    /// The window, in words.
    pub window: String,
    /// Who was asked for, in words.
    pub selection: String,
    /// Version of the catalogue of IAM's actions.
    pub catalogue: String,
    /// What is in the store, as `status` says it.
    pub evidence: EvidenceSummary,
    /// How much of the evidence is proved, as `status` says it.
    pub proof: Option<Evidence>,
    /// For which hours there are logs; `status --coverage --format json` writes it out.
    #[serde(skip)]
    pub coverage: Coverage,
    /// By their ids.
    pub accounts: Vec<AccountSummary>,
    /// By their names.
    pub permission_sets: Vec<PermissionSet>,
    /// Identity Center's people, by session name.
    pub people: Vec<Person>,
    /// The most used first, then by ARN; those without any use last.
    pub principals: Vec<Principal>,
    /// Event sources of which there are data events at all.
    pub data_event_sources: Vec<String>,
    /// Where to cut, as `rightsize` says it; `None` where somebody is named, or nobody asked.
    pub rightsize: Option<Cuts>,
}

/// The logs that a report rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvidenceSummary {
    /// Log objects taken in.
    pub objects: u64,
    /// Events in the store.
    pub events: u64,
    /// The first day with events.
    pub first_day: Option<Day>,
    /// The last day with events.
    pub last_day: Option<Day>,
    /// Objects that were not taken, and are expected to be.
    pub refused_objects: u64,
    /// Records that could not be read.
    pub broken_records: u64,
    /// Records with the id of a stored event and other content.
    pub conflicts: u64,
}

/// One account: its events, and who lives in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountSummary {
    /// Twelve digits, or empty where records have none.
    pub account_id: String,
    /// Events that its trails recorded.
    pub events: u64,
    /// The first day with events.
    pub first_day: Option<Day>,
    /// The last day with events.
    pub last_day: Option<Day>,
    /// Day → events.
    pub days: BTreeMap<Day, u64>,
    /// Days without events, between the first and the last.
    pub gap_days: u64,
    /// Principals that live in it.
    pub principals: usize,
    /// Uses of these.
    pub counts: Counts,
}

impl Overview {
    /// Uses of all principals.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.principals.iter().for_each(|principal| sum.add(&principal.counts));
        sum
    }

    /// Actions that roles and users may take, and that they took; `None` where nobody said what they may.
    pub fn granted(&self) -> Option<(usize, usize)> {
        let mut granted = self.principals.iter().filter_map(|principal| principal.granted.as_ref()).peekable();
        granted.peek()?;
        Some(granted.fold((0, 0), |(g, u), of| (g + of.granted_actions, u + of.used_actions)))
    }
}
