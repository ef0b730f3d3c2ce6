//! What there is to take in: log objects found, filtered, and told from those already known. However many there are, so
//! many are planned at once as there is memory for.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{Days, NaiveDate};
use hashbrown::HashTable;

use super::error::IngestError;
use super::{Options, Progress, Summary};
use crate::archive::{self, Found, ObjectKind, Walk};
use crate::store::{Known, LedgerEntry, Writer};
use crate::time::MICROS_PER_DAY;

/// Bytes of an object, as it is stored, that is likely larger than a batch.
const LARGE_BYTES: u64 = 8 << 20;

/// What the allocator and the table of names take for an object beside what it asks for.
const OVERHEAD_BYTES: usize = 24;

/// One log object to be taken in: small, because there may be millions.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    folder: Arc<Path>,
    file_name: Box<OsStr>,
    name: Name,
    /// Other copies of the object, of the same name and size: tried when this one is bad.
    pub copies: Vec<PathBuf>,
    pub size_bytes: u64,
    pub date: Option<NaiveDate>,
}

/// An object's name in the ledger.
#[derive(Clone, Debug)]
enum Name {
    /// So much of the file's name.
    Front(usize),
    Own(Box<str>),
}

impl Planned {
    fn new(found: Found, folder: Arc<Path>) -> Planned {
        let file_name = found.path.file_name().unwrap_or_default();
        let is_front = file_name.to_str().is_some_and(|file_name| file_name.starts_with(&found.name));
        let name = if is_front { Name::Front(found.name.len()) } else { Name::Own(found.name.into()) };
        let file_name = file_name.into();
        Planned { folder, file_name, name, copies: Vec::new(), size_bytes: found.size_bytes, date: found.date }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&*self.file_name)
    }

    /// Identity in the ledger.
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Front(len) => self.file_name.to_str().and_then(|name| name.get(..*len)).unwrap_or_default(),
            Name::Own(name) => name,
        }
    }

    /// Memory that it takes.
    fn bytes(&self) -> usize {
        let own_name = if let Name::Own(name) = &self.name { name.len() } else { 0 };
        size_of::<Planned>() + self.file_name.len() + own_name + OVERHEAD_BYTES
    }
}

/// What finding came to.
#[derive(Default)]
pub(super) struct Plan {
    /// New objects, by day, then by name; but of each day the large ones come first, so that no thread is left with one
    /// while the others have nothing to do.
    pub objects: Vec<Planned>,
    /// Objects that are refused without being read.
    pub refused: Vec<LedgerEntry>,
    /// Memory that all this takes.
    pub bytes: u64,
}

/// Finds what is new below the given paths, plan by plan.
pub(super) struct Planner<'a> {
    options: &'a Options,
    walk: Walk,
    known: Known,
    is_done: bool,
}

impl<'a> Planner<'a> {
    pub fn new(options: &'a Options, known: Known) -> Result<Planner<'a>, IngestError> {
        if let Some(missing) = options.archives.iter().find(|path| !path.exists()) {
            return Err(IngestError::NoArchive(missing.clone()));
        }
        Ok(Planner { options, walk: archive::find(&options.archives), known, is_done: false })
    }

    /// What was taken in before, and by the plans so far.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Whether everything was found.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// What comes next, of about `bytes_max` in memory.
    pub fn next(
        &mut self,
        bytes_max: u64,
        writer: &Writer,
        progress: &Progress,
        summary: &mut Summary,
    ) -> Result<Plan, IngestError> {
        let Planner { options, walk, known, is_done } = self;
        let mut sorter = Sorter {
            options,
            writer,
            summary,
            known,
            names: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            folder: Path::new("").into(),
            plan: Plan::default(),
        };
        while sorter.plan.bytes < bytes_max {
            match walk.next().filter(|_| !progress.is_stopped()) {
                None => {
                    *is_done = true;
                    break;
                }
                Some(Ok(found)) => {
                    progress.found.fetch_add(1, Ordering::Relaxed);
                    sorter.sort(found)?;
                }
                Some(Err(error)) => sorter.summary.problem(|| error.to_string()),
            }
        }
        let mut plan = sorter.plan;
        plan.objects.sort_unstable_by(|a, b| {
            let first = |one: &Planned| (one.date, Reverse(Some(one.size_bytes).filter(|size| *size >= LARGE_BYTES)));
            (first(a), a.name(), &a.folder).cmp(&(first(b), b.name(), &b.folder))
        });
        Ok(plan)
    }

    /// Notes what was taken in of a plan: all but what was refused, which a copy may still make good.
    pub fn note(&mut self, objects: &[Planned], refused: &HashSet<String>) {
        let taken = objects.iter().filter(|planned| !refused.contains(planned.name()));
        self.known.extend(taken.map(|planned| (planned.name(), planned.size_bytes)));
    }
}

/// Puts each found file where it belongs.
struct Sorter<'a> {
    options: &'a Options,
    writer: &'a Writer,
    summary: &'a mut Summary,
    known: &'a Known,
    /// Places of the planned objects, by their names.
    names: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// That of the object planned last, whose neighbours share it.
    folder: Arc<Path>,
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
        let (hash, planned) = self.planned(&found.name);
        let is_planned = planned.is_some();
        if let Some(planned) = planned.filter(|planned| planned.size_bytes == found.size_bytes) {
            let bytes = size_of::<PathBuf>() + found.path.as_os_str().len();
            planned.copies.push(found.path);
            self.plan.bytes += bytes as u64;
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
            None if is_planned => {
                self.refuse(
                    &found,
                    "another object of the same name but of another size is in this archive".to_owned(),
                );
                Ok(())
            }
            None => {
                self.plan_object(hash, found);
                Ok(())
            }
        }
    }

    /// The object that is planned under a name, and the name's hash.
    fn planned(&mut self, name: &str) -> (u64, Option<&mut Planned>) {
        let hash = self.hasher.hash_one(name);
        let objects = &self.plan.objects;
        let is_it = |at: &u32| objects.get(*at as usize).is_some_and(|planned| planned.name() == name);
        let at = self.names.find(hash, is_it).map(|at| *at as usize);
        (hash, at.and_then(|at| self.plan.objects.get_mut(at)))
    }

    fn plan_object(&mut self, hash: u64, found: Found) {
        let folder = found.path.parent().unwrap_or(Path::new(""));
        if *self.folder != *folder {
            self.folder = folder.into();
        }
        let planned = Planned::new(found, Arc::clone(&self.folder));
        self.plan.bytes += planned.bytes() as u64;
        let (objects, hasher) = (&self.plan.objects, &self.hasher);
        let rehash = |at: &u32| objects.get(*at as usize).map_or(0, |planned| hasher.hash_one(planned.name()));
        self.names.insert_unique(hash, objects.len() as u32, rehash);
        self.plan.objects.push(planned);
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
        self.plan.bytes += (size_of::<LedgerEntry>() + found.name.len() + found.path.as_os_str().len()) as u64;
        let entry = refused_entry(&found.name, &found.path, found.size_bytes, None, reason, None);
        self.plan.refused.push(entry);
    }
}

/// The ledger's entry for a refused object.
pub(super) fn refused_entry(
    name: &str,
    path: &Path,
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
