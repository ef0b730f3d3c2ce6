//! What there is to take in: log objects found, filtered, and told from those already known.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use chrono::{Days, NaiveDate};

use super::error::IngestError;
use super::{Options, Progress, Summary};
use crate::archive::{self, Found, ObjectKind};
use crate::store::{Known, LedgerEntry, Writer};
use crate::time::MICROS_PER_DAY;

/// Bytes of an object, as it is stored, that is likely larger than a batch.
const LARGE_BYTES: u64 = 8 << 20;

/// One log object to be taken in.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub path: PathBuf,
    /// Other copies of the object, of the same name and size: tried when this one is bad.
    pub copies: Vec<PathBuf>,
    pub name: String,
    pub size_bytes: u64,
    pub date: Option<NaiveDate>,
}

/// What finding came to.
pub(super) struct Plan {
    /// New objects, by day, then by name; but of each day the large ones come first, so that no thread is left with one
    /// while the others have nothing to do.
    pub objects: Vec<Planned>,
    /// Objects that are refused without being read.
    pub refused: Vec<LedgerEntry>,
}

/// Finds what is new below the given paths.
pub(super) fn plan(
    options: &Options,
    writer: &Writer,
    progress: &Progress,
    summary: &mut Summary,
) -> Result<Plan, IngestError> {
    if let Some(missing) = options.archives.iter().find(|path| !path.exists()) {
        return Err(IngestError::NoArchive(missing.clone()));
    }
    let mut sorter = Sorter {
        options,
        writer,
        summary,
        known: writer.known_objects()?,
        planned: HashMap::new(),
        plan: Plan { objects: Vec::new(), refused: Vec::new() },
    };
    for found in archive::find(&options.archives) {
        if progress.is_stopped() {
            break;
        }
        match found {
            Ok(found) => {
                progress.found.fetch_add(1, Ordering::Relaxed);
                sorter.sort(found)?;
            }
            Err(error) => sorter.summary.problem(|| error.to_string()),
        }
    }
    let mut plan = sorter.plan;
    plan.objects.sort_unstable_by(|a, b| {
        let first = |one: &Planned| (one.date, Reverse(Some(one.size_bytes).filter(|size| *size >= LARGE_BYTES)));
        (first(a), &a.name, &a.path).cmp(&(first(b), &b.name, &b.path))
    });
    Ok(plan)
}

/// Puts each found file where it belongs.
struct Sorter<'a> {
    options: &'a Options,
    writer: &'a Writer,
    summary: &'a mut Summary,
    known: Known,
    /// Place in the plan of each object planned in this run.
    planned: HashMap<String, usize>,
    plan: Plan,
}

impl Sorter<'_> {
    fn sort(&mut self, found: Found) -> Result<(), IngestError> {
        self.summary.run.found += 1;
        match found.kind {
            ObjectKind::Log | ObjectKind::Insight => {}
            ObjectKind::Digest => {
                self.summary.run.digests += 1;
                return Ok(());
            }
            ObjectKind::Other(_) => {
                self.summary.run.other_services += 1;
                return Ok(());
            }
            ObjectKind::Foreign => {
                self.summary.run.foreign_files += 1;
                return Ok(());
            }
        }
        if !is_wanted(self.options, &found) {
            self.summary.filtered += 1;
            return Ok(());
        }
        if let Some(planned) = self.planned.get(&found.name).and_then(|i| self.plan.objects.get_mut(*i))
            && planned.size_bytes == found.size_bytes
        {
            planned.copies.push(found.path);
            self.summary.run.known += 1;
            return Ok(());
        }
        match self.known.size_bytes(&found.name) {
            Some(size) if size == found.size_bytes => self.known_again(&found),
            Some(size) => {
                let reason = format!(
                    "changed: taken in earlier with {size} bytes, now {} bytes under the same name; the store keeps the first",
                    found.size_bytes
                );
                self.refuse(&found, reason);
                Ok(())
            }
            None if self.planned.contains_key(&found.name) => {
                self.refuse(
                    &found,
                    "another object of the same name but of another size is in this archive".to_owned(),
                );
                Ok(())
            }
            None => {
                self.planned.insert(found.name.clone(), self.plan.objects.len());
                self.plan.objects.push(Planned {
                    path: found.path,
                    copies: Vec::new(),
                    name: found.name,
                    size_bytes: found.size_bytes,
                    date: found.date,
                });
                Ok(())
            }
        }
    }

    /// A name and size that are known: with `--rehash` the bytes are compared as well.
    fn known_again(&mut self, found: &Found) -> Result<(), IngestError> {
        self.summary.run.known += 1;
        if !self.options.rehash {
            return Ok(());
        }
        let Some(known) = self.writer.known_digest(&found.name)? else { return Ok(()) };
        match archive::digest(&found.path) {
            Ok(digest) if digest == known => {}
            Ok(_) => {
                let reason =
                    "changed: the same name and size as an object taken in earlier, but other bytes".to_owned();
                self.summary.run.known -= 1;
                self.refuse(found, reason);
            }
            Err(error) => self.summary.problem(|| error.to_string()),
        }
        Ok(())
    }

    fn refuse(&mut self, found: &Found, reason: String) {
        let entry = refused_entry(&found.name, &found.path, found.size_bytes, None, reason, None);
        self.plan.refused.push(entry);
    }
}

/// The ledger's entry for a refused object.
pub(super) fn refused_entry(
    name: &str,
    path: &std::path::Path,
    size_bytes: u64,
    sha256: Option<[u8; 32]>,
    reason: String,
    offset: Option<u64>,
) -> LedgerEntry {
    LedgerEntry {
        name: name.to_owned(),
        path: path.to_string_lossy().into_owned(),
        size_bytes,
        sha256,
        records: 0,
        events: 0,
        duplicates: 0,
        broken: Vec::new(),
        refused: Some((reason, offset)),
    }
}

/// Whether an object may hold wanted events, as far as its name tells: an object delivered on a day holds events of
/// that day, or late ones of days before.
fn is_wanted(options: &Options, found: &Found) -> bool {
    let named = |wanted: &[String], name: &Option<String>| {
        wanted.is_empty() || name.as_ref().is_none_or(|name| wanted.contains(name))
    };
    named(&options.accounts, &found.account_id)
        && named(&options.regions, &found.region)
        && found.date.is_none_or(|date| {
            let from = options.range.from_us.and_then(day_of);
            // Deliveries lag behind events by minutes: the day after still brings some.
            let to =
                options.range.to_us.and_then(|to| day_of(to - 1)).and_then(|day| day.checked_add_days(Days::new(1)));
            from.is_none_or(|from| date >= from) && to.is_none_or(|to| date <= to)
        })
}

fn day_of(time_us: i64) -> Option<NaiveDate> {
    let days = u64::try_from(time_us.div_euclid(MICROS_PER_DAY)).ok()?;
    NaiveDate::default().checked_add_days(Days::new(days))
}
