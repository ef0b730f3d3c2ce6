//! What there is to take in: log objects found, filtered, and told from those already known. However many there are, so
//! many are planned at once as there is memory for.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

use chrono::NaiveDate;
use hashbrown::HashTable;

use super::error::IngestError;
use super::proving::{NewDigests, Unproved};
use super::{Options, Progress, Summary, count_kind};
use crate::archive::{self, Found, ObjectKey, ObjectKind, STANDARD_INPUT, WITHIN, Walk};
use crate::store::{Known, LedgerEntry, OTHER_LOG, Standing, Writer, placed_name};
use crate::time;

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
    pub identity: Identity,
    /// Other copies of the object, of the same name and size: tried when this one is bad.
    pub copies: Vec<PathBuf>,
    pub size_bytes: u64,
    pub date: Option<NaiveDate>,
    /// Whether it was named itself: whoever did so expects events in it.
    pub is_by_hand: bool,
}

/// What tells an object from others.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// Its name alone, which CloudTrail gave.
    Name,
    /// Likewise; but of the one taken in, which had this content, records were kept out.
    Again(Box<[u8; 32]>),
    /// Its place, which is its name, and its content. It is known as well if its content is that of the object with its
    /// file's name.
    Place(Option<Box<[u8; 32]>>),
    /// Its content: it can be read only once.
    Pipe,
}

/// The place of every pipe.
pub(super) const PIPE_PLACE: &str = "-";

/// An object's name in the ledger, or its place.
#[derive(Clone, Debug)]
enum Name {
    /// So much of the file's name.
    Front(usize),
    Own(Box<str>),
}

impl Planned {
    fn new(found: Found, folder: Arc<Path>, identity: Identity) -> Planned {
        let file_name = found.path.file_name().unwrap_or_default();
        let is_named = matches!(identity, Identity::Name | Identity::Again(_));
        let is_front = is_named && file_name.to_str().is_some_and(|file_name| file_name.starts_with(&found.name));
        let name = if is_front { Name::Front(found.name.len()) } else { Name::Own(found.name.into()) };
        let file_name = file_name.into();
        let copies = Vec::new();
        let (size_bytes, date, is_by_hand) = (found.size_bytes, found.date, found.is_by_hand);
        Planned { folder, file_name, name, identity, copies, size_bytes, date, is_by_hand }
    }

    /// A file in a container, with the container's path.
    pub fn member(container: &Path, member: &str, found: MemberKey, identity: Identity) -> Planned {
        let mut path = container.as_os_str().to_owned();
        path.push(format!("{WITHIN}{member}"));
        let path = PathBuf::from(path);
        let MemberKey { name, size_bytes, date } = found;
        let file_name: Box<OsStr> = path.file_name().unwrap_or_default().into();
        let folder = path.parent().unwrap_or(Path::new("")).into();
        let (name, copies) = (Name::Own(name.into()), Vec::new());
        Planned { folder, file_name, name, identity, copies, size_bytes, date, is_by_hand: false }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&*self.file_name)
    }

    /// Its name in the ledger, once its content is known.
    pub fn ledger_name(&self, sha256: &[u8; 32]) -> String {
        match &self.identity {
            Identity::Name | Identity::Again(_) => self.name().to_owned(),
            Identity::Place(_) => placed_name(self.name(), sha256),
            Identity::Pipe => placed_name(PIPE_PLACE, sha256),
        }
    }

    /// Its name in the ledger if it is refused.
    pub fn refused_name(&self, sha256: Option<&[u8; 32]>) -> String {
        match (&self.identity, sha256) {
            (Identity::Pipe, Some(sha256)) => placed_name(PIPE_PLACE, sha256),
            _ => self.name().to_owned(),
        }
    }

    /// Whether an object of this content was taken in.
    pub fn is_known(&self, sha256: &[u8; 32], known: &Known) -> bool {
        match &self.identity {
            Identity::Name => false,
            Identity::Again(before) => **before == *sha256,
            Identity::Place(named) => {
                named.as_deref().is_some_and(|named| named == sha256) || known.has_placed(self.name(), sha256)
            }
            Identity::Pipe => known.has_placed(PIPE_PLACE, sha256),
        }
    }

    /// Whether it has a name that CloudTrail gave.
    pub fn is_named(&self) -> bool {
        matches!(self.identity, Identity::Name | Identity::Again(_))
    }

    /// The name by which digests list it; of what its place tells from others that of its file.
    pub fn listed_name(&self) -> Option<Cow<'_, str>> {
        match self.identity {
            Identity::Name | Identity::Again(_) => Some(self.name().into()),
            Identity::Place(_) => ObjectKey::parse(self.file_name.to_str()?).canonical_name.map(Cow::Owned),
            Identity::Pipe => None,
        }
    }

    /// Its name, or its place.
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Front(len) => self.file_name.to_str().and_then(|name| name.get(..*len)).unwrap_or_default(),
            Name::Own(name) => name,
        }
    }

    /// Whether it is expected to hold no events.
    pub fn is_beside_logs(&self) -> bool {
        let of_member = |name: &str| archive::is_beside_logs(name.rsplit(WITHIN).next().unwrap_or(name));
        self.file_name.to_str().is_some_and(of_member)
    }

    /// Memory that it takes.
    fn bytes(&self) -> usize {
        let own_name = if let Name::Own(name) = &self.name { name.len() } else { 0 };
        let own_name =
            own_name + if matches!(self.identity, Identity::Again(_) | Identity::Place(Some(_))) { 48 } else { 0 };
        size_of::<Planned>() + self.file_name.len() + own_name + OVERHEAD_BYTES
    }
}

/// What is known of a file in a container before it is read.
pub(super) struct MemberKey {
    /// Its name, or its place.
    pub name: String,
    pub size_bytes: u64,
    pub date: Option<NaiveDate>,
}

/// What finding came to.
#[derive(Default)]
pub(super) struct Plan {
    /// New objects, by day, then by name; but of each day the large ones come first, so that no thread is left with one
    /// while the others have nothing to do.
    pub objects: Vec<Planned>,
    /// Objects that are refused without being read.
    pub refused: Vec<LedgerEntry>,
    /// Objects that are known and were never verified.
    pub unproved: Vec<Unproved>,
    /// Memory that all this takes.
    pub bytes: u64,
}

/// Finds what is new below the given paths, plan by plan.
pub(super) struct Planner<'a> {
    options: &'a Options,
    walk: Walk,
    known: Known,
    /// Log objects found in each of the archives.
    found: Vec<u64>,
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
        store: &Path,
    ) -> Result<Planner<'a>, IngestError> {
        let is_there = |path: &&PathBuf| path.as_os_str() == STANDARD_INPUT || path.exists();
        // One of several that is missing is refused, and the others are read.
        if let (Some(missing), None) = (options.archives.first(), options.archives.iter().find(is_there)) {
            return Err(IngestError::NoArchive(missing.clone()));
        }
        let find = if options.follow_links { archive::find_following } else { archive::find };
        let walk = find(&options.archives).without(store);
        let found = vec![0; options.archives.len()];
        Ok(Planner { options, walk, known, found, unread: HashSet::new(), digests, is_done: false })
    }

    /// How many log objects were found in each of the archives.
    pub fn found(&self) -> &[u64] {
        &self.found
    }

    /// Whether a place was found and not looked at.
    pub fn is_unread(&self, place: &str) -> bool {
        self.unread.contains(&place_key(place))
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

    /// Memory that what is known takes.
    pub fn known_bytes(&self) -> u64 {
        self.known.bytes() + self.digests.as_ref().map_or(0, NewDigests::bytes)
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
        let Planner { options, walk, known, found: in_archives, unread, digests, is_done } = self;
        let mut sorter = Sorter {
            options,
            writer,
            summary,
            known,
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
                    unread.insert(place_key(&error.place));
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
            Identity::Pipe => None,
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
            && !archive::may_hold_events(&found.path)
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
        } else {
            self.sort_placed(found, None);
        }
        Ok(true)
    }

    /// An object with a name that CloudTrail gave, found below a folder.
    fn sort_named(&mut self, found: Found) -> Result<(), IngestError> {
        let planned = self.planned(&found.name);
        let is_planned = planned.is_some();
        if let Some(planned) = planned.filter(|planned| planned.size_bytes == found.size_bytes) {
            let bytes = size_of::<PathBuf>() + found.path.as_os_str().len();
            planned.copies.push(found.path);
            self.plan.bytes += bytes as u64;
            self.summary.run.known += 1;
            return Ok(());
        }
        match self.known.size_bytes(&found.name) {
            Some(_) if self.known.is_partial(&found.name) => {
                let digest = self.writer.known_digest(&found.name)?;
                self.plan_object(found, digest.map_or(Identity::Name, |digest| Identity::Again(Box::new(digest))));
            }
            Some(size) if size == found.size_bytes => self.known_again(&found)?,
            Some(size) => {
                let reason = format!(
                    "changed: taken in earlier with {size} bytes, now {} bytes under the same name; the store keeps the first",
                    found.size_bytes
                );
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
            && container.modified_us == modified_us(&found.path);
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
        let folder = found.path.parent().unwrap_or(Path::new(""));
        if *self.folder != *folder {
            self.folder = folder.into();
        }
        let planned = Planned::new(found, Arc::clone(&self.folder), identity);
        self.plan.bytes += planned.bytes() as u64;
        let (objects, hasher) = (&self.plan.objects, &self.hasher);
        let rehash = |at: &u32| objects.get(*at as usize).map_or(0, |planned| hasher.hash_one(planned.name()));
        self.names.insert_unique(hasher.hash_one(planned.name()), objects.len() as u32, rehash);
        self.plan.objects.push(planned);
    }

    /// A name and size that are known: with `--rehash` the bytes are compared as well.
    fn known_again(&mut self, found: &Found) -> Result<(), IngestError> {
        self.summary.run.known += 1;
        if self.options.verify
            && matches!(self.writer.standing_of(&found.name)?, Standing::Taken(None))
            && let Some(sha256) = self.writer.known_digest(&found.name)?
        {
            let (name, path) = (found.name.clone(), found.path.clone());
            self.plan.bytes += (size_of::<Unproved>() + name.len() + path.as_os_str().len()) as u64;
            self.plan.unproved.push(Unproved { name, path, sha256 });
        }
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
                self.refuse(&found.name, &found.path, found.size_bytes, reason);
            }
            Err(error) => self.summary.problem(|| error.to_string()),
        }
        Ok(())
    }

    fn refuse(&mut self, name: &str, path: &Path, size_bytes: u64, reason: String) {
        self.plan.bytes += (size_of::<LedgerEntry>() + name.len() + path.as_os_str().len()) as u64;
        self.plan.refused.push(refused_entry(name, path, size_bytes, None, reason, None));
    }
}

/// When a file was changed last, microseconds since 1970.
pub(super) fn modified_us(path: &Path) -> Option<i64> {
    let modified = path.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(modified.as_micros()).ok()
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
        is_again: false,
        proof: None,
        far: None,
        refused: Some((reason, offset)),
    }
}

/// The kind of a known log of another kind, if that is why something is not taken.
pub(super) fn other_kind(reason: &str) -> Option<&str> {
    reason.strip_prefix(OTHER_LOG).map(|kind| kind.trim_start_matches([':', ' ']))
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
