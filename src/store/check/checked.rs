//! What a check has looked at, and found.

use std::path::PathBuf;

use super::finding::{FileOf, Finding, FindingKind};
use super::fix::{Fix, Wrong};
use super::look::Looks;
use super::orphans::{Orphan, Stray};

/// What was looked at, and found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Data files of all snapshots.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files from before checksums were recorded: all their rows were read instead.
    pub unrecorded: u64,
    /// Files of older snapshots that a repair has set aside.
    pub set_aside: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What mends the catalog, in this order.
    pub(super) fixes: Vec<Fix>,
    /// Files to set aside, and why.
    pub(super) unsound: Vec<(FindingKind, FileOf)>,
    /// What a repair leaves: somebody put something else in the place of a data file.
    pub(super) left: Vec<String>,
    /// Files that no snapshot has.
    pub(super) strays: Vec<Stray>,
    pub(super) orphans: Vec<(PathBuf, Orphan)>,
    /// Rows of events, and whether files of usage, that got lost with what the catalog says of their files.
    pub(super) lacks_events: i64,
    pub(super) lacks_usage: bool,
    pub(super) looks: Looks,
}

impl Checked {
    pub(super) fn add(&mut self, kind: FindingKind, place: &str, event_date: Option<i32>, what: String) {
        self.findings.push(Finding { kind, place: place.to_owned(), event_date, what });
    }

    pub(super) fn add_wrong(&mut self, wrong: Vec<Wrong>) {
        for Wrong { what, fix } in wrong {
            self.add(FindingKind::Catalog, "catalog.sqlite", None, what);
            self.fixes.push(fix);
        }
    }
}
