//! One tar or zip, and what it came to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;

use super::count_kind;
use super::planned::{CLOCK_US, Identity, PIPE_PLACE, Planned, other_kind};
use crate::archive::{self, At, DIGESTS, Refusal, Stored, WITHIN};
use crate::store::{Container, LedgerEntry, NO_LOG};
use crate::time::now_us;

/// A file that is a container, and what it came to.
pub(super) struct Pack {
    pub path: PathBuf,
    /// Where it lies in object storage, if it does.
    stored: Option<Stored>,
    pub place: String,
    pub size_bytes: u64,
    pub modified_us: Option<i64>,
    pub date: Option<NaiveDate>,
    pub is_pipe: bool,
    pub sha256: Mutex<Option<[u8; 32]>>,
    /// Whether something in it was refused, or left out.
    pub is_partial: AtomicBool,
    pub has_files: AtomicBool,
    /// Containers of it that are not at their end: itself, and those in it.
    pub open: AtomicU64,
    pub stored_bytes: AtomicU64,
    pub objects: AtomicU64,
    pub digests: AtomicU64,
    pub other_services: AtomicU64,
    pub other_logs: Mutex<BTreeMap<String, u64>>,
    pub foreign_files: AtomicU64,
}

impl Pack {
    pub fn new(planned: &Planned) -> Pack {
        let path = planned.path();
        let is_pipe = matches!(planned.identity, Identity::Pipe);
        let place = if is_pipe { PIPE_PLACE.to_owned() } else { archive::place_of(&path) };
        let modified_us = if is_pipe { None } else { planned.at(&path).modified_us() };
        Pack {
            place,
            size_bytes: planned.size_bytes,
            modified_us,
            date: planned.date,
            is_pipe,
            stored: planned.stored.clone(),
            path,
            sha256: Mutex::default(),
            is_partial: AtomicBool::new(false),
            has_files: AtomicBool::new(false),
            open: AtomicU64::new(1),
            stored_bytes: AtomicU64::new(0),
            objects: AtomicU64::new(0),
            digests: AtomicU64::new(0),
            other_services: AtomicU64::new(0),
            other_logs: Mutex::default(),
            foreign_files: AtomicU64::new(0),
        }
    }

    /// To be read from.
    pub fn at(&self) -> At<'_> {
        At::new(&self.path, self.stored.as_ref())
    }

    /// The place and the path of something in it.
    pub fn within(&self, name: &str) -> (String, PathBuf) {
        if name.is_empty() {
            return (self.place.clone(), self.path.clone());
        }
        let mut path = self.path.as_os_str().to_owned();
        path.push(format!("{WITHIN}{name}"));
        (format!("{}{WITHIN}{name}", self.place), path.into())
    }

    pub fn refused(&self, Refusal { name, reason, offset_bytes }: Refusal) -> LedgerEntry {
        self.is_partial.store(true, Ordering::Relaxed);
        let (place, path) = self.within(&name);
        let size_bytes = if name.is_empty() { self.size_bytes } else { 0 };
        LedgerEntry::refused(&place, &path, size_bytes, None, reason, offset_bytes)
    }

    /// Refuses what has no files at all, once its end is reached.
    pub fn empty(&self) -> Option<LedgerEntry> {
        let is_empty = !self.has_files.load(Ordering::Relaxed) && !self.is_partial.load(Ordering::Relaxed);
        let refusal =
            || Refusal { name: String::new(), reason: "empty: no file is in it".to_owned(), offset_bytes: None };
        is_empty.then(|| self.refused(refusal()))
    }

    /// Notes what became of an object that is refused.
    pub fn note_refused(&self, entry: &LedgerEntry) {
        let reason = entry.refused.as_ref().map_or("", |(reason, _)| reason.as_str());
        let count = match other_kind(reason) {
            Some(DIGESTS) => &self.digests,
            Some(kind) => {
                self.count_kind(kind);
                &self.other_services
            }
            None if reason.starts_with(NO_LOG) => &self.foreign_files,
            None => return self.is_partial.store(true, Ordering::Relaxed),
        };
        self.objects.fetch_sub(1, Ordering::Relaxed);
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_kind(&self, kind: &str) {
        count_kind(&mut self.other_logs.lock().unwrap_or_else(PoisonError::into_inner), kind, 1);
    }

    /// Notes that an object turned out to be something else.
    pub fn note_beside(&self, beside: &Beside, seen: &mut Seen) {
        self.objects.fetch_sub(1, Ordering::Relaxed);
        match beside {
            Beside::Digest => {
                self.digests.fetch_add(1, Ordering::Relaxed);
                seen.digests += 1;
            }
            Beside::OtherService(service) => {
                self.other_services.fetch_add(1, Ordering::Relaxed);
                self.count_kind(service);
                seen.other_services += 1;
                count_kind(&mut seen.other_logs, service, 1);
            }
        }
    }

    /// What the ledger is to have of it, if nothing of it was refused or left out and it is what it was.
    pub fn noted(&self) -> Option<Container> {
        let sha256 = (*self.sha256.lock().unwrap_or_else(PoisonError::into_inner))?;
        let is_whole = !self.is_pipe
            && !self.is_partial.load(Ordering::Relaxed)
            && self.open.load(Ordering::Relaxed) == 0
            && self.at().size_bytes().is_ok_and(|bytes| bytes == self.size_bytes)
            && self.at().modified_us() == self.modified_us;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        is_whole.then(|| Container {
            place: self.place.clone(),
            size_bytes: self.size_bytes,
            modified_us: self.modified_us.filter(|modified| now_us() - modified > CLOCK_US),
            sha256,
            objects: count(&self.objects),
            digests: count(&self.digests),
            other_services: count(&self.other_services),
            other_logs: self.other_logs.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            foreign_files: count(&self.foreign_files),
        })
    }
}

/// What the name of an object says that it is, beside logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Digest,
    OtherService(String),
}

/// Counts of what was found in containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub found: u64,
    pub known: u64,
    pub digests: u64,
    pub other_services: u64,
    /// Those of other services, by service.
    pub other_logs: BTreeMap<String, u64>,
    pub foreign_files: u64,
    pub filtered: u64,
}

impl Seen {
    pub fn add(&mut self, other: &Seen) {
        self.found += other.found;
        self.known += other.known;
        self.digests += other.digests;
        self.other_services += other.other_services;
        other.other_logs.iter().for_each(|(kind, count)| count_kind(&mut self.other_logs, kind, *count));
        self.foreign_files += other.foreign_files;
        self.filtered += other.filtered;
    }
}
