//! What there is to take in: log objects found, filtered, and told from those already known. However many there are, so
//! many are planned at once as there is memory for.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::NaiveDate;
use hashbrown::HashTable;

use super::error::IngestError;
use super::planned::{CLOCK_US, Changed, Identity, Planned, changed_size};
use super::proving::NewDigests;
use super::remote::{Listing, listings};
use super::{Options, Progress, Summary, count_kind};
use crate::archive::{self, FindFault, Found, ObjectKind, Place, STANDARD_INPUT, Stored, Walk, is_remote};
use crate::store::{Known, LedgerEntry, TakenBefore, Writer};
use crate::time;

/// Bytes of an object, as it is stored, that is likely larger than a batch.
const LARGE_BYTES: u64 = 8 << 20;

/// What finding came to.
#[derive(Default)]
pub(super) struct Plan {
    /// New objects, by day, then by name; but of each day the large ones come first, so that no thread is left with one
    /// while the others have nothing to do.
    pub objects: Vec<Planned>,
    /// Objects that are refused without being read.
    pub refused: Vec<LedgerEntry>,
    /// Objects that are known by their names, and whose bytes are to be compared with what was taken in.
    pub again: Vec<Planned>,
    /// Memory that all this takes.
    pub bytes: u64,
}

/// Finds what is new below the given paths, plan by plan.
pub(super) struct Planner<'a> {
    options: &'a Options,
    walk: Walk,
    /// What of each of the archives is listed, where they lie in object storage.
    listings: Vec<Listing>,
    known: Known,
    /// Log objects found in each of the archives.
    found: Vec<u64>,
    /// When what is known of each of the archives was last compared with what lies there.
    compared_us: Vec<Option<i64>>,
    /// Keys of the places of what was found and not looked at.
    unread: HashSet<u64>,
    /// Digests found on the way; `None` where they were read before.
    digests: Option<NewDigests>,
    is_done: bool,
}

impl<'a> Planner<'a> {
    pub fn new(
        options: &'a Options,
        known: Known,
        digests: Option<NewDigests>,
        writer: &Writer,
    ) -> Result<Planner<'a>, IngestError> {
        let is_there = |path: &&PathBuf| path.as_os_str() == STANDARD_INPUT || is_remote(path) || path.exists();
        // One of several that is missing is refused, and the others are read.
        if let (Some(missing), None) = (options.archives.first(), options.archives.iter().find(is_there)) {
            return Err(IngestError::NoArchive(missing.clone()));
        }
        let find = if options.follow_links { archive::find_following } else { archive::find };
        let listings = listings(options, writer)?;
        let scopes = listings.iter().map(|listing| Arc::clone(&listing.scope)).collect();
        let walk = find(&options.archives).without(writer.store().dir()).with_remote(options.remote.as_ref(), scopes);
        let compared_us = |archive: &PathBuf| Ok(writer.compared(&archive::place_of(archive))?);
        let compared_us = options.archives.iter().map(compared_us).collect::<Result<_, IngestError>>()?;
        let found = vec![0; options.archives.len()];
        Ok(Planner {
            options,
            walk,
            listings,
            known,
            found,
            compared_us,
            unread: HashSet::new(),
            digests,
            is_done: false,
        })
    }

    /// How many log objects were found in each of the archives.
    pub fn found(&self) -> &[u64] {
        &self.found
    }

    /// What of an archive is listed, where it lies in object storage.
    pub fn listing(&self, archive: usize) -> Option<&Listing> {
        self.listings.get(archive).filter(|_| self.options.archives.get(archive).is_some_and(|path| is_remote(path)))
    }

    /// Whether a place was found and not looked at.
    pub fn is_unread(&self, place: &str) -> bool {
        self.unread.contains(&place_key(place))
    }

    /// Whether everything that was found was looked at.
    pub fn has_seen_all(&self) -> bool {
        self.unread.is_empty()
    }

    /// What was taken in before, and by the plans so far.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Likewise, to be added to.
    pub fn known_mut(&mut self) -> &mut Known {
        &mut self.known
    }

    /// The digests that were found on the way.
    pub fn take_digests(&mut self) -> Option<NewDigests> {
        self.digests.take()
    }

    /// Takes them back, with those found elsewhere.
    pub fn put_digests(&mut self, digests: Option<NewDigests>) {
        self.digests = digests;
    }

    /// Memory that what is known takes, and what is on its way from object storage.
    pub fn known_bytes(&self) -> u64 {
        let remote = self.options.remote.as_ref();
        let remote_bytes = remote.map_or(0, |remote| remote.memory_bytes(self.options.memory_limit_bytes));
        self.known.bytes() + remote_bytes + self.digests.as_ref().map_or(0, NewDigests::bytes)
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
        let Planner { options, walk, known, found: in_archives, compared_us, unread, digests, is_done, .. } = self;
        let mut sorter = Sorter {
            options,
            writer,
            summary,
            known,
            compared_us,
            names: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            folder: Path::new("").into(),
            digests: digests.as_mut(),
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
                    let root = found.root;
                    if sorter.sort(found)?
                        && let Some(count) = in_archives.get_mut(root)
                    {
                        *count += 1;
                    }
                }
                Some(Err(error)) => {
                    // A key that can't be asked for hides nothing else.
                    if !matches!(error.fault, FindFault::Remote { is_prefix: false, .. }) {
                        unread.insert(place_key(&error.place));
                    }
                    sorter.refuse(&error.place, &error.path, 0, error.fault.to_string());
                }
            }
        }
        let mut plan = sorter.plan;
        plan.objects.sort_unstable_by(|a, b| {
            let first = |one: &Planned| (one.date, Reverse(Some(one.size_bytes).filter(|size| *size >= LARGE_BYTES)));
            (first(a), a.name(), &a.folder).cmp(&(first(b), b.name(), &b.folder))
        });
        Ok(plan)
    }

    /// Notes what was taken in of a plan: all but what was refused, which a copy may still make good, as it may that of
    /// which records were kept out. Of what has no
    /// name of CloudTrail's the place is noted: it isn't read twice in one run.
    pub fn note(&mut self, objects: &[Planned], refused: &HashSet<String>, partial: &HashSet<String>) {
        let taken = objects.iter().filter(|planned| !refused.contains(planned.name()));
        let noted = taken.filter_map(|planned| match planned.identity {
            Identity::Name | Identity::Again(_) => {
                Some(Known::noted(planned.name(), planned.size_bytes, partial.contains(planned.name())))
            }
            Identity::Place(_) => Some(Known::noted(&read_place(planned.name()), planned.size_bytes, false)),
            // It is known already, and looked up wherever it comes again.
            Identity::Pipe | Identity::Changed(_) => None,
        });
        let noted = noted.collect();
        self.known.extend_noted(noted);
    }
}

fn place_key(place: &str) -> u64 {
    foldhash::quality::FixedState::with_seed(5).hash_one(place)
}

/// Under which a place that was read in this run is known; the name of no object.
fn read_place(place: &str) -> String {
    format!("\0{place}")
}

/// Puts each found file where it belongs.
struct Sorter<'a> {
    options: &'a Options,
    writer: &'a Writer,
    summary: &'a mut Summary,
    known: &'a Known,
    compared_us: &'a [Option<i64>],
    /// Places of the planned objects, by their names.
    names: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// That of the object planned last, whose neighbours share it.
    folder: Arc<Path>,
    digests: Option<&'a mut NewDigests>,
    plan: Plan,
}

impl Sorter<'_> {
    /// Puts a file where it belongs; whether it is a log object, or may be one.
    fn sort(&mut self, found: Found) -> Result<bool, IngestError> {
        self.summary.run.found += 1;
        let count = match found.kind {
            ObjectKind::Log | ObjectKind::Insight | ObjectKind::Foreign => None,
            ObjectKind::Digest => Some(&mut self.summary.run.digests),
            ObjectKind::Other(_) => Some(&mut self.summary.run.other_services),
        };
        // What is in it decides: by its name it is something else.
        if let Some(count) = count
            && !may_hold_events(&found)
        {
            *count += 1;
            if let ObjectKind::Other(service) = &found.kind {
                self.summary.other_log(service);
            }
            // What is beside digests may have their signatures.
            if let Some(digests) = self.digests.as_mut().filter(|_| found.kind == ObjectKind::Digest)
                && is_wanted(self.options, &found)
            {
                digests.add(found)?;
            }
            return Ok(false);
        }
        if !is_wanted(self.options, &found) {
            self.summary.filtered += 1;
            return Ok(true);
        }
        if found.is_pipe {
            self.plan_object(found, Identity::Pipe);
        } else if found.is_canonical && !found.is_by_hand {
            self.sort_named(found)?;
        } else if found.is_canonical {
            self.sort_by_hand(found)?;
        } else if self.is_placed_version(&found)? {
            self.summary.run.known += 1;
        } else {
            self.sort_placed(found, None);
        }
        Ok(true)
    }

    /// An object with a name that CloudTrail gave, found below a folder.
    fn sort_named(&mut self, found: Found) -> Result<(), IngestError> {
        let verify = self.options.verify;
        let planned = self.planned(&found.name);
        let is_planned = planned.is_some();
        // Where digests are asked they say which of several is the right one.
        if let Some(planned) = planned.filter(|planned| verify || planned.size_bytes == found.size_bytes) {
            let bytes = size_of::<Place>() + found.path.as_os_str().len();
            planned.copies.push(Place { path: found.path, stored: found.stored });
            self.plan.bytes += bytes as u64;
            self.summary.run.known += 1;
            return Ok(());
        }
        match self.known.size_bytes(&found.name) {
            Some(_) if self.known.is_partial(&found.name) && !verify => {
                let digest = self.writer.known_digest(&found.name)?;
                self.plan_object(found, digest.map_or(Identity::Name, |digest| Identity::Again(Box::new(digest))));
            }
            Some(size) if verify || size == found.size_bytes => self.known_again(found)?,
            Some(size) => {
                let reason = changed_size(size, found.size_bytes);
                self.refuse(&found.name, &found.path, found.size_bytes, reason);
            }
            None if is_planned => {
                let reason = "another object of the same name but of another size is in this archive".to_owned();
                self.refuse(&found.name, &found.path, found.size_bytes, reason);
            }
            None => self.plan_object(found, Identity::Name),
        }
        Ok(())
    }

    /// The same, named on the command line: it is read, whatever is known of its name.
    fn sort_by_hand(&mut self, mut found: Found) -> Result<(), IngestError> {
        let digest = self.writer.known_digest(&found.name)?;
        if self.options.verify && digest.is_some() {
            return self.known_again(found);
        }
        let is_first = digest.is_none() && self.planned(&found.name).is_none();
        if is_first && self.known.size_bytes(&found.name).is_none() {
            self.plan_object(found, Identity::Name);
            return Ok(());
        }
        match digest.filter(|_| self.known.is_partial(&found.name)) {
            Some(digest) => self.plan_object(found, Identity::Again(Box::new(digest))),
            None => {
                found.name = archive::place_of(&found.path);
                self.sort_placed(found, digest);
            }
        }
        Ok(())
    }

    /// An object that its place and content tell from others. The content is seen when it is read.
    fn sort_placed(&mut self, found: Found, named: Option<[u8; 32]>) {
        let is_read = self.planned(&found.name).is_some() || self.known.size_bytes(&read_place(&found.name)).is_some();
        match is_read {
            true => self.summary.run.known += 1,
            false if self.is_known_container(&found) => {}
            false => self.plan_object(found, Identity::Place(named.map(Box::new))),
        }
    }

    /// Whether it is a tar or zip that was taken in whole and not been changed since. Its time says so, or its bytes,
    /// as of any object.
    fn is_known_container(&mut self, found: &Found) -> bool {
        let Some(container) = self.known.container(&found.name) else { return false };
        // Whether digests say something of what is in it is seen there.
        let is_same = !self.options.rehash
            && !self.options.verify
            && container.size_bytes == found.size_bytes
            && container.modified_us.is_some()
            && container.modified_us == found.at().modified_us();
        if is_same {
            let run = &mut self.summary.run;
            run.found += container.files();
            run.known += container.objects;
            run.digests += container.digests;
            run.other_services += container.other_services;
            run.foreign_files += container.foreign_files;
            let kinds = &mut self.summary.other_logs;
            container.other_logs.iter().for_each(|(kind, count)| count_kind(kinds, kind, *count));
        }
        is_same
    }

    /// The object that is planned under a name.
    fn planned(&mut self, name: &str) -> Option<&mut Planned> {
        let hash = self.hasher.hash_one(name);
        let objects = &self.plan.objects;
        let is_it = |at: &u32| objects.get(*at as usize).is_some_and(|planned| planned.name() == name);
        let at = *self.names.find(hash, is_it)?;
        self.plan.objects.get_mut(at as usize)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a batch holds fewer than 2^32 objects")]
    fn plan_object(&mut self, found: Found, identity: Identity) {
        let planned = self.new_planned(found, identity);
        let (objects, hasher) = (&self.plan.objects, &self.hasher);
        let rehash = |at: &u32| objects.get(*at as usize).map_or(0, |planned| hasher.hash_one(planned.name()));
        self.names.insert_unique(hasher.hash_one(planned.name()), objects.len() as u32, rehash);
        self.plan.objects.push(planned);
    }

    fn new_planned(&mut self, found: Found, identity: Identity) -> Planned {
        let folder = found.path.parent().unwrap_or(Path::new(""));
        if *self.folder != *folder {
            self.folder = folder.into();
        }
        let planned = Planned::new(found, Arc::clone(&self.folder), identity);
        self.plan.bytes += planned.bytes() as u64;
        planned
    }

    /// A name that is known: its bytes are compared with what was taken in where somebody asks, and where nobody has
    /// done so since the file was changed.
    fn known_again(&mut self, found: Found) -> Result<(), IngestError> {
        self.summary.run.known += 1;
        let Options { verify, rehash, .. } = *self.options;
        let is_same = match &found.stored {
            Some(stored) => self.is_version(&found, stored)?,
            None => self.is_compared(&found),
        };
        if !verify && !rehash && is_same {
            return Ok(());
        }
        let Some(before) = self.writer.taken_before(&found.name)? else { return Ok(()) };
        let before = TakenBefore { is_unproved: before.is_unproved && verify, ..before };
        // It was not read, and need not be: its bytes are those that were proved.
        if found.stored.is_some() && is_same && !rehash && !before.is_unproved {
            return Ok(());
        }
        let planned = self.new_planned(found, Identity::Changed(Box::new(Changed { before, place: None })));
        self.plan.again.push(planned);
        Ok(())
    }

    /// Whether a file was compared with what was taken in, and not been changed since: a run that went through its
    /// whole archive did so, or took it in. Only its time says so: nothing is read for it.
    fn is_compared(&self, found: &Found) -> bool {
        let compared_us = self.compared_us.get(found.root).copied().flatten();
        compared_us.zip(found.modified_us).is_some_and(|(compared, modified)| modified + CLOCK_US < compared)
    }

    /// Whether an object in object storage is what was read of its key; where nothing was, its name and its size say
    /// so.
    fn is_version(&self, found: &Found, stored: &Stored) -> Result<bool, IngestError> {
        let path = found.path.to_string_lossy();
        Ok(self.writer.known_etag(&path)?.is_none_or(|etag| stored.etag() == Some(etag.as_str())))
    }

    /// The same of one that its place and content tell from others.
    fn is_placed_version(&self, found: &Found) -> Result<bool, IngestError> {
        let Some(stored) = found.stored.as_ref().filter(|_| !self.options.rehash && !self.options.verify) else {
            return Ok(false);
        };
        let etag = self.writer.known_placed_etag(&found.path.to_string_lossy())?;
        Ok(etag.is_some() && etag.as_deref() == stored.etag())
    }

    fn refuse(&mut self, name: &str, path: &Path, size_bytes: u64, reason: String) {
        self.plan.bytes += (size_of::<LedgerEntry>() + name.len() + path.as_os_str().len()) as u64;
        self.plan.refused.push(LedgerEntry::refused(name, path, size_bytes, None, reason, None));
    }
}

/// Whether what its name says to be something else may hold events. In object storage a digest is what its name says:
/// each look would be a request.
fn may_hold_events(found: &Found) -> bool {
    match (found.may_hold_events, &found.stored) {
        (Some(may), _) => may,
        (None, Some(_)) if found.kind == ObjectKind::Digest => false,
        _ => archive::may_hold_events(found.at()),
    }
}

/// Whether what was delivered there and then is wanted: deliveries lag behind events. What has no day may be of any.
pub(super) fn is_wanted_place(
    options: &Options,
    account_id: Option<&str>,
    region: Option<&str>,
    day: Option<i32>,
    lag_days: i32,
) -> bool {
    let named = |wanted: &[String], name: Option<&str>| {
        wanted.is_empty() || name.is_none_or(|name| wanted.iter().any(|wanted| wanted == name))
    };
    let from = options.range.from_us.map(time::day_of);
    let to = options.range.to_us.map(|to_us| time::day_of(to_us - 1).saturating_add(lag_days));
    named(&options.accounts, account_id)
        && named(&options.regions, region)
        && day.is_none_or(|day| from.is_none_or(|from| day >= from) && to.is_none_or(|to| day <= to))
}

fn is_wanted(options: &Options, found: &Found) -> bool {
    is_wanted_by(options, found.account_id.as_deref(), found.region.as_deref(), found.date)
}

/// Whether an object may hold wanted events, as far as its name tells: an object delivered on a day holds events of
/// that day, or late ones of days before; the day after still brings some.
pub(super) fn is_wanted_by(
    options: &Options,
    account_id: Option<&str>,
    region: Option<&str>,
    date: Option<NaiveDate>,
) -> bool {
    is_wanted_place(options, account_id, region, date.map(time::days_of), 1)
}
