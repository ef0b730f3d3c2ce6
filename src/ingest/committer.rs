//! One thread makes converted batches visible, in the order in which they claimed their events.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use rayon::prelude::*;

use super::batch::Converted;
use super::conflicts::{Compared, Doubt, conflicts};
use super::cross_account_calls::HeldCalls;
use super::error::IngestError;
use super::pack::Seen;
use super::planned::other_kind;
use super::proving::{ALTERED, note_proved};
use super::replaced::replace;
use super::timings::Stage;
use super::upkeep;
use super::usage_files::write_usage;
use super::{Progress, REFUSALS_MAX, Refusal, Summary, count_kind};
use crate::archive::DIGESTS;
use crate::iam::Catalog;
use crate::store::{
    Commit, Conflict, Container, Known, LedgerEntry, NO_LOG, StagedFile, Struck, UsageState, Writer, place_in,
};
use crate::usage::{self, Rollup, SharedCalls, Space};
use crate::util::shown;

/// Data files that may wait for a commit.
const COMMIT_FILES_MAX: usize = 256;

/// Records in doubt that may wait for a commit.
const COMMIT_DOUBTS_MAX: usize = 50_000;

/// Memory that they may take.
const COMMIT_DOUBTS_BYTES_MAX: usize = 32 << 20;

/// What a worker came to, and the place of its claim among all.
pub(super) type Ticketed = (u64, Result<Converted, IngestError>);

/// Makes converted batches visible, in the order of their tickets.
pub(super) struct Committer<'a> {
    pub writer: &'a mut Writer,
    pub catalog: &'a Catalog,
    pub summary: &'a mut Summary,
    pub pending: Converted,
    pub since: Instant,
    pub interval: Duration,
    pub progress: &'a Progress,
    pub shared: HeldCalls,
    /// Days of which what only the called accounts had logged was counted before.
    pub foreign_before: HashSet<i32>,
    pub threads: usize,
    /// Memory for usage that waits for a commit.
    pub usage_bytes: u64,
    /// Memory for the usage of a day that is told apart.
    pub day_bytes: u64,
    /// Names of what was refused, and of what records were kept out of.
    pub refused: HashSet<String>,
    pub partial: HashSet<String>,
    /// Containers that were taken whole and are to be noted once all is settled.
    pub containers: Vec<Container>,
    /// New events of objects that took the place of others, by their names.
    pub new_instead: HashMap<String, u64>,
    /// The run's id in the ledger.
    pub run: i64,
}

impl Committer<'_> {
    pub fn receive(
        &mut self,
        receiver: &Receiver<Ticketed>,
        done: &AtomicU64,
        known: &Known,
    ) -> Result<(), IngestError> {
        let mut waiting: BTreeMap<u64, Converted> = BTreeMap::new();
        let mut next = 1;
        for (ticket, converted) in receiver {
            waiting.insert(ticket, converted?);
            // INVARIANT: a batch is added only after every batch that may hold an event it left out.
            while let Some(converted) = waiting.remove(&next) {
                self.add(converted, known)?;
                done.store(next, Ordering::Relaxed);
                next += 1;
            }
        }
        if waiting.is_empty() { Ok(()) } else { Err(IngestError::Worker) }
    }

    /// Adds what a batch came to. `known`: what was known when it was planned.
    pub fn add(&mut self, mut converted: Converted, known: &Known) -> Result<(), IngestError> {
        converted.objects.retain(|entry| self.count(entry, known));
        self.summary.run.known += converted.known;
        self.count_seen(&converted.seen);
        note_proved(std::mem::take(&mut converted.proved), self.writer, self.summary)?;
        let struck = converted.objects.iter().filter(|entry| entry.refused.is_none());
        let struck: Vec<Struck> = struck.filter_map(|entry| struck_by(&entry.name, &entry.path, known)).collect();
        self.pending.struck.extend(converted.struck.into_iter().chain(struck));
        self.pending.doubts.extend(converted.doubts);
        self.pending.mended.extend(converted.mended);
        self.summary.json_bytes += converted.json_bytes;
        self.pending.files.extend(converted.files);
        self.progress.stages.time(Stage::Usage, || self.pending.usage.absorb(converted.usage));
        for (date, calls) in converted.shared {
            self.pending.shared.entry(date).or_default().absorb(calls);
        }
        self.pending.date = converted.date.or(self.pending.date);
        self.pending.objects.extend(converted.objects);
        converted.days.iter().for_each(|count| self.summary.new_events(count));
        self.pending.days.extend(converted.days);
        if self.since.elapsed() >= self.interval
            || self.pending.files.len() >= COMMIT_FILES_MAX
            || self.pending.usage.size_bytes() >= self.usage_bytes
            || self.pending.doubts.len() >= COMMIT_DOUBTS_MAX
            || self.pending.doubts.iter().map(Doubt::bytes).sum::<usize>() >= COMMIT_DOUBTS_BYTES_MAX
        {
            let progress = self.progress;
            progress.stages.time(Stage::Commit, || self.commit())?;
        }
        Ok(())
    }

    /// Counts an object; whether the ledger is to have it. A refusal that was accepted is not said again.
    fn count(&mut self, entry: &LedgerEntry, known: &Known) -> bool {
        let Some((reason, offset)) = &entry.refused else {
            self.count_taken(entry);
            return true;
        };
        self.refused.insert(entry.name.clone());
        if known.is_forgotten(entry) {
            self.summary.forgotten += 1;
            return false;
        }
        // One that stands needs no commit.
        let is_new = !known.has_refused(entry);
        if reason.starts_with(NO_LOG) {
            self.summary.run.foreign_files += 1;
            return is_new;
        }
        if let Some(kind) = other_kind(reason) {
            self.count_other(kind);
            return is_new;
        }
        self.summary.run.refused += 1;
        if self.summary.refusals.len() < REFUSALS_MAX {
            let (path, reason) = (entry.path.clone(), reason.clone());
            self.summary.refusals.push(Refusal { path, offset_bytes: *offset, reason });
        }
        if reason.starts_with(ALTERED) {
            self.summary.tampered += 1;
        }
        let place = offset.map_or(String::new(), |offset| format!(" at byte {offset}"));
        self.summary.problem(|| format!("{}: refused{place}: {reason}", shown::name(&entry.path)));
        is_new
    }

    /// Counts a log of another service, told by its content.
    fn count_other(&mut self, kind: &str) {
        if kind == DIGESTS {
            self.summary.run.digests += 1;
            return;
        }
        self.summary.run.other_services += 1;
        self.summary.other_log(kind);
    }

    fn count_seen(&mut self, seen: &Seen) {
        let run = &mut self.summary.run;
        run.found += seen.found;
        run.known += seen.known;
        run.digests += seen.digests;
        run.other_services += seen.other_services;
        run.foreign_files += seen.foreign_files;
        self.summary.filtered += seen.filtered;
        let kinds = &mut self.summary.other_logs;
        seen.other_logs.iter().for_each(|(kind, count)| count_kind(kinds, kind, *count));
    }

    fn count_taken(&mut self, entry: &LedgerEntry) {
        if !entry.broken.is_empty() {
            self.partial.insert(entry.name.clone());
        }
        let summary = &mut self.summary;
        summary.run.taken += 1;
        summary.object_bytes += entry.size_bytes;
        if let Some(proof) = &entry.proof {
            summary.verified.add(proof.verdict);
        }
        summary.records += entry.records;
        summary.events += entry.events;
        self.progress.events.fetch_add(entry.events, Ordering::Relaxed);
        summary.duplicates += entry.duplicates;
        summary.broken += entry.broken.len() as u64;
        for record in &entry.broken {
            let text = || {
                format!(
                    "{}: record {} at byte {} kept out: {}",
                    shown::name(&entry.path),
                    record.index,
                    record.offset_bytes,
                    record.reason
                )
            };
            summary.problem(text);
        }
    }

    pub fn commit(&mut self) -> Result<(), IngestError> {
        self.since = Instant::now();
        if self.pending.objects.is_empty() && self.pending.struck.is_empty() {
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        let paths: Vec<&Path> = pending.objects.iter().map(|entry| Path::new(&entry.path)).collect();
        let doubts = std::mem::take(&mut pending.doubts);
        let Compared { conflicts, won } = conflicts(doubts, self.writer.store(), &pending.files, &paths)?;
        conflicts.iter().for_each(|(conflict, is_won)| self.count_conflict(conflict, *is_won));
        let staging = self.writer.staging();
        let replaced = replace(won, self.writer.store(), &mut pending.files, &staging)?;
        let mut instead: HashMap<&str, u64> = HashMap::new();
        for (conflict, _) in conflicts.iter().filter(|(_, is_won)| *is_won) {
            let path = conflict.first.as_ref().map_or("", |(path, _)| path.as_str());
            *instead.entry(path).or_default() += 1;
        }
        for entry in pending.objects.iter_mut().filter(|entry| entry.displaces.is_some()) {
            entry.displaces = Some(instead.get(entry.path.as_str()).copied().unwrap_or_default());
            *self.new_instead.entry(entry.name.clone()).or_default() += entry.events;
        }
        let mut commit = Commit {
            add: pending.files,
            objects: pending.objects,
            days: pending.days,
            conflicts: conflicts.into_iter().map(|(conflict, _)| conflict).collect(),
            struck: pending.struck,
            mended: pending.mended,
            run: Some((self.run, self.summary.run.clone())),
            message: "ingest".to_owned(),
            ..Default::default()
        };
        for date in commit.add.iter().map(|file| file.event_date).collect::<std::collections::BTreeSet<_>>() {
            // A caller's copy may take the place of a called account's that was counted in an earlier ingest.
            let calls = pending.shared.get(&date);
            let is_late = calls.is_some_and(SharedCalls::has_own) && self.foreign_before.contains(&date);
            let state = if is_late || calls.is_some_and(SharedCalls::has_foreign) {
                UsageState::Unresolved
            } else {
                UsageState::Added(usage::version(self.catalog))
            };
            commit.usage.push((date, state));
        }
        commit.add.extend(self.write_days(&mut pending.usage)?);
        if !replaced.is_empty() {
            replaced.put_into(&mut commit);
        }
        self.writer.commit(&commit)?;
        pending.shared.into_iter().for_each(|(date, calls)| self.shared.add(date, calls));
        pending.date.map_or(Ok(()), |date| self.resolve_days_done(date))
    }

    /// `is_won`: the store has the other one from here on.
    fn count_conflict(&mut self, conflict: &Conflict, is_won: bool) {
        self.summary.conflicts += 1;
        if is_won {
            self.summary.problem(|| {
                let (path, offset) = conflict.first.clone().unwrap_or_default();
                format!(
                    "{}: the record at byte {} has the id {} and other content than the one in {} at byte {offset}, which is \
                     proved by digests; the store has that one from now on",
                    shown::name(&conflict.path),
                    conflict.offset_bytes,
                    shown::name(&conflict.event_id),
                    shown::name(&path)
                )
            });
            return;
        }
        let first = match &conflict.first {
            Some((path, offset)) => format!("{} at byte {offset}", shown::name(path)),
            None => "an object that is not there any more, or in a large container".to_owned(),
        };
        self.summary.problem(|| {
            format!(
                "{}: record {} at byte {} has the id {} and other content than the one in {first}; the store keeps that one",
                shown::name(&conflict.path),
                conflict.index,
                conflict.offset_bytes,
                shown::name(&conflict.event_id)
            )
        });
    }

    fn write_days(&self, usage: &mut Rollup) -> Result<Vec<StagedFile>, IngestError> {
        let staging = self.writer.staging();
        usage.days().into_par_iter().map(|(date, rows)| write_usage(&staging, date, &rows)).collect()
    }

    /// Tells apart the calls of the days that are over, where objects of `date` have come. Should more come of such a
    /// day, it is read from the store.
    #[expect(clippy::cast_possible_truncation, reason = "threads are few")]
    fn resolve_days_done(&mut self, date: i32) -> Result<(), IngestError> {
        // A day's events lie in objects of the day and the one after; each thread may be a day behind.
        let days: Vec<i32> = self.shared.days_before(date - 1 - self.threads as i32).collect();
        if !days.is_empty() {
            let space = Space::new(&self.writer.staging(), self.day_bytes);
            upkeep::resolve_days(self.writer, &days, self.catalog, &mut self.shared, &space)?;
            self.foreign_before.extend(days);
        }
        Ok(())
    }
}

/// What no longer stands as refused, once an object of this name or path is taken or known; `None` where nothing does.
pub(super) fn struck_by(name: &str, path: &str, known: &Known) -> Option<Struck> {
    // Without the content, which the name of a refusal doesn't have.
    let name = place_in(name);
    (known.is_standing(name) || known.is_standing(path))
        .then(|| Struck { name: name.to_owned(), path: path.to_owned() })
}
