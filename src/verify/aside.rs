//! The first look at an archive: digests are read and put aside by chain, log objects by name.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::digest::{Digest, File};
use super::error::{VerifyError, first_line, in_words};
use super::links::Broken;
use super::names::{DigestName, chain_of, object_of_metadata, stem};
use super::objects::{self, FilePath, FoundObject, INFLATED_MAX_BYTES, Within};
use super::signatures::{self, Signature};
use super::spill::Parts;
use super::window::Window;
use crate::archive::{
    At, Buffers, ContainerWalk, FindError, FindFault, Found, Limits, ObjectKey, ObjectKind, Packed, Read, ReadFault,
    Refusal, Stored, Visit, WITHIN, Walk, each_member, fetch_ahead, has_events, is_container_file, is_digest,
    may_be_digest, read, sha256, stream_digest,
};
use crate::util::hex::hex;
use crate::util::shown;

/// A digest of an hour with a hundred thousand log objects has less.
const DIGEST_MAX_BYTES: u64 = 64 << 20;

/// Metadata of one object have less: S3 keeps 2 kB of its user's.
const METADATA_MAX_BYTES: u64 = 1 << 20;

/// Digests in object storage that are asked for at once.
const REMOTE_AT_ONCE: usize = 64;

/// What is told of one by one; the rest is counted.
const TOLD_MAX: usize = 10_000;

/// The first ones, and how many there are more.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    pub list: Vec<T>,
    pub left_out: u64,
}

impl<T> Default for Bounded<T> {
    fn default() -> Bounded<T> {
        Bounded { list: Vec::new(), left_out: 0 }
    }
}

impl<T> Bounded<T> {
    pub fn add(&mut self, item: T) {
        match self.list.len() < TOLD_MAX {
            true => self.list.push(item),
            false => self.left_out += 1,
        }
    }
}

/// What stands in a file of a chain.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record {
    Digest { digest: Box<Digest>, files: Vec<File> },
    Broken(Broken),
    Signature(Signature),
}

/// The same without what digests list.
#[derive(Debug, Deserialize)]
pub(super) enum Brief {
    Digest { digest: Box<Digest> },
    Broken(Broken),
    Signature(Signature),
}

/// What a look puts aside.
pub(super) struct Aside {
    pub chains: Parts,
    /// `None`: nobody asks for log objects.
    pub objects: Option<Parts>,
    pub problems: Bounded<String>,
    window: Window,
    /// Whether an object is called by its path below the archive: there is one archive alone.
    is_relative: bool,
    /// Files that wait to be read. A digest may be large: few are held at a time.
    waiting: Vec<Found>,
}

impl Aside {
    pub fn new(objects: Option<Parts>, window: Window, is_relative: bool) -> Aside {
        let (chains, problems) = (Parts::new(), Bounded::default());
        Aside { chains, objects, problems, window, is_relative, waiting: Vec::new() }
    }

    pub fn add_signature(&mut self, signature: Signature) -> Result<(), VerifyError> {
        Ok(self.chains.add(&chain_of(&signature.name), &Record::Signature(signature))?)
    }

    /// Looks at all that a walk finds.
    pub fn walk(&mut self, walk: Walk) -> Result<(), VerifyError> {
        for found in walk {
            match found {
                Ok(found) if found.is_pipe => {
                    self.problems.add(format!("{}: a pipe, which is not verified", shown::path(&found.path)));
                }
                Ok(found) => self.add(found)?,
                Err(error) if matches!(error.fault, FindFault::Missing | FindFault::Remote { .. }) => {
                    return Err(error.into());
                }
                Err(error) => self.problems.add(of_find(&error)),
            }
        }
        self.read_all()
    }

    /// What may be a digest, or metadata of one, waits to be read; what has the name of a log object needs no reading.
    pub fn add(&mut self, found: Found) -> Result<(), VerifyError> {
        if is_container(&found) {
            return self.walk_container(&found);
        }
        let is_log = matches!(found.kind, ObjectKind::Log | ObjectKind::Insight);
        let is_read = found.kind == ObjectKind::Digest
            || object_of_metadata(&found.relative).is_some()
            || is_log && !found.is_canonical;
        if !is_read {
            return self.add_object(found);
        }
        self.waiting.push(found);
        let is_remote = self.waiting.last().is_some_and(|found| found.stored.is_some());
        if self.waiting.len() < if is_remote { REMOTE_AT_ONCE } else { 2 * rayon::current_num_threads() } {
            return Ok(());
        }
        self.read_all()
    }

    fn add_object(&mut self, found: Found) -> Result<(), VerifyError> {
        if self.objects.is_none() || !self.window.has(&found.relative) {
            return Ok(());
        }
        let (object, path) = (self.object(&found), FilePath::new(&found.path));
        self.add_object_of(&found.relative, &found.kind, object, path)
    }

    fn add_object_of(
        &mut self,
        relative: &str,
        kind: &ObjectKind,
        object: String,
        path: FilePath,
    ) -> Result<(), VerifyError> {
        let is_metadata = object_of_metadata(relative).is_some();
        let is_log = matches!(kind, ObjectKind::Log | ObjectKind::Insight) && !is_metadata;
        let name = stem(relative).to_owned();
        let found = FoundObject { object, path, is_log };
        let Some(objects) = &mut self.objects else { return Ok(()) };
        Ok(objects.add(&name.clone(), &objects::Record::Found { name, found })?)
    }

    /// How an object is called: of several archives with the one that it lies in.
    fn object(&self, found: &Found) -> String {
        match self.is_relative {
            true => found.relative.clone(),
            false => found.path.to_string_lossy().into_owned(),
        }
    }

    /// Reads what waits.
    pub fn read_all(&mut self) -> Result<(), VerifyError> {
        let waiting = std::mem::take(&mut self.waiting);
        let _on_their_way = fetch_ahead(waiting.iter().filter_map(|found| found.stored.clone()).collect());
        let taken: Vec<(String, Found)> = waiting.into_iter().map(|found| (self.object(&found), found)).collect();
        let look = |buffers: &mut Buffers, (object, found): (String, Found)| {
            (look(&found.relative, &found.kind, &object, &Source::File(found.at()), buffers), found)
        };
        let looked: Vec<(Looked, Found)> = taken.into_par_iter().map_init(Buffers::default, look).collect();
        looked.into_iter().try_for_each(|(looked, found)| self.put_aside(looked, found))
    }

    fn put_aside(&mut self, looked: Looked, found: Found) -> Result<(), VerifyError> {
        // In S3 the metadata are at hand.
        let signature = found.stored.as_ref().and_then(Stored::signature);
        if let (Looked::Digest(_), Some(signature)) = (&looked, signature.and_then(Signature::of_metadata)) {
            self.add_signature(Signature { name: stem(&found.relative).to_owned(), signature })?;
        }
        if self.put_aside_known(looked)? { Ok(()) } else { self.add_object(found) }
    }

    /// Puts aside what is no object; whether it was none.
    fn put_aside_known(&mut self, looked: Looked) -> Result<bool, VerifyError> {
        match looked {
            Looked::Digest(records) => {
                for (chain, record) in records {
                    self.chains.add(&chain, &record)?;
                }
            }
            Looked::Signatures(found) => found.into_iter().try_for_each(|found| self.add_signature(found))?,
            Looked::Object => return Ok(false),
            Looked::Problem(problem) => self.problems.add(problem),
        }
        Ok(true)
    }

    /// Takes what was read of a file in a container, with its name there: it may be a digest, or have the signature of
    /// one.
    pub fn add_read(&mut self, member: &str, object: &str, read: &Read) -> Result<(), VerifyError> {
        let relative = innermost(member);
        let kind = ObjectKey::parse(relative).kind;
        let looked = look(relative, &kind, object, &Source::Read(read), &mut Buffers::default());
        self.put_aside_known(looked).map(drop)
    }

    /// Every file in a tar or zip, as those of a folder.
    fn walk_container(&mut self, found: &Found) -> Result<(), VerifyError> {
        let container = self.object(found);
        let mut buffers = Buffers::default();
        let mut outcome = Ok(());
        let walked = each_member(found.at(), &Limits::default(), DIGEST_MAX_BYTES, &mut |visit| {
            outcome = match visit {
                Visit::Refused(Refusal { name, reason, .. }) => {
                    let name = if name.is_empty() { container.clone() } else { format!("{container}{WITHIN}{name}") };
                    self.add_problem(format!("{}: {}", shown::name(&name), first_line(reason)));
                    Ok(())
                }
                Visit::Held(name, packed) => self.add_member(&container, name, Source::Held(packed), &mut buffers),
                Visit::Large(name, walk) => self.add_member(&container, name, Source::Large(walk), &mut buffers),
            };
            outcome.is_ok()
        });
        if let Err(fault) = walked {
            self.add_problem(format!("{}: {}", shown::path(&found.path), in_words(&fault)));
        }
        outcome
    }

    /// Notes what in a container was not looked at. Who asks for no log objects comes to it by himself.
    fn add_problem(&mut self, problem: String) {
        if self.objects.is_some() {
            self.problems.add(problem);
        }
    }

    fn add_member(
        &mut self,
        container: &str,
        name: &str,
        mut source: Source<'_>,
        buffers: &mut Buffers,
    ) -> Result<(), VerifyError> {
        let object = format!("{container}{WITHIN}{name}");
        let relative = innermost(name);
        let ObjectKey { kind, canonical_name, .. } = ObjectKey::parse(relative);
        if canonical_name.is_none() && !matches!(source, Source::Large(_)) {
            let looked = look(relative, &kind, &object, &source, buffers);
            if self.put_aside_known(looked)? {
                return Ok(());
            }
        }
        if self.objects.is_none() || !self.window.has(relative) {
            return Ok(());
        }
        let within = source.within(buffers);
        self.add_object_of(relative, &kind, object, FilePath::Within(within))
    }
}

/// What a file turned out to be.
enum Looked {
    /// With the chains that the records belong to.
    Digest(Vec<(String, Record)>),
    Signatures(Vec<Signature>),
    Object,
    Problem(String),
}

/// Where the bytes of an object are.
enum Source<'a> {
    File(At<'a>),
    Read(&'a Read),
    /// In a container: all of it, or what is too large for a digest.
    Held(&'a Packed),
    Large(&'a mut ContainerWalk),
}

impl Source<'_> {
    fn read(&self, buffers: &mut Buffers, cap_bytes: u64) -> Result<Read, ReadFault> {
        match self {
            Source::File(at) => read(*at, buffers, cap_bytes).map_err(|error| error.fault),
            Source::Read(read) if read.bytes.len() as u64 <= cap_bytes => Ok(Read {
                bytes: read.bytes.clone(),
                sha256: read.sha256,
                size_bytes: read.size_bytes,
                gaps: read.gaps.clone(),
            }),
            Source::Held(packed) => packed.read(buffers, cap_bytes, &|_| false).map_err(|(_, fault)| fault),
            Source::Read(_) | Source::Large(_) => Err(ReadFault::OverCap { cap_bytes }),
        }
    }

    /// How it is called where something is wrong with it.
    fn shown(&self, object: &str) -> String {
        match self {
            Source::File(at) => shown::path(at.path).to_string(),
            _ => shown::name(object).to_string(),
        }
    }

    fn may_be_digest(&self, buffers: &mut Buffers) -> bool {
        match self {
            Source::File(at) => may_be_digest(*at),
            _ => self.read(buffers, DIGEST_MAX_BYTES).is_ok_and(|read| {
                let is_digest = is_digest(&read.bytes);
                buffers.recycle(read.bytes);
                is_digest
            }),
        }
    }

    /// What is to be known of a log object in a container.
    fn within(&mut self, buffers: &mut Buffers) -> Within {
        if let Source::Large(walk) = self {
            let content = walk.content().map_err(ReadFault::Io);
            let sha256 = content.and_then(|content| stream_digest(content, 0, INFLATED_MAX_BYTES));
            let sha256 = sha256.map(|sha256| hex(&sha256)).map_err(|fault| in_words(&fault));
            return Within { sha256, has_events: true };
        }
        match self.read(buffers, INFLATED_MAX_BYTES) {
            Ok(read) => {
                let has_events = has_events(&read.bytes);
                let sha256 = match read.gaps.first() {
                    None => Ok(hex(&sha256(&read.bytes))),
                    Some(gap) => Err(first_line(&gap.reason)),
                };
                buffers.recycle(read.bytes);
                Within { sha256, has_events }
            }
            Err(fault) => Within { sha256: Err(in_words(&fault)), has_events: false },
        }
    }
}

/// Whether a file is a tar or zip; one with a name of CloudTrail's is what that says.
fn is_container(found: &Found) -> bool {
    !found.is_canonical && found.kind != ObjectKind::Digest && is_container_file(found.at())
}

/// The name of a file in the innermost of the containers that it lies in.
fn innermost(name: &str) -> &str {
    name.rsplit(WITHIN).next().unwrap_or(name)
}

fn look(relative: &str, kind: &ObjectKind, object: &str, source: &Source<'_>, buffers: &mut Buffers) -> Looked {
    if let Some(of) = object_of_metadata(relative) {
        let bytes = source.read(buffers, METADATA_MAX_BYTES).map(|read| read.bytes);
        let signatures = bytes.map_err(|fault| in_words(&fault)).and_then(|bytes| signatures::parse(&bytes, Some(of)));
        return match signatures {
            Ok(signatures) => Looked::Signatures(signatures),
            // Metadata of log objects have no signature.
            Err(_) if *kind != ObjectKind::Digest => Looked::Object,
            Err(reason) => Looked::Problem(format!("{}: {reason}", source.shown(object))),
        };
    }
    let is_named = *kind == ObjectKind::Digest;
    let is_log = matches!(kind, ObjectKind::Log | ObjectKind::Insight);
    if !is_named && (!is_log || !source.may_be_digest(buffers)) {
        return Looked::Object;
    }
    look_at_digest(stem(relative), source, object, is_named, buffers)
}

fn look_at_digest(name: &str, source: &Source<'_>, object: &str, is_named: bool, buffers: &mut Buffers) -> Looked {
    match digest(source, object, buffers) {
        Ok((mut digest, files)) => {
            let mut records = Vec::new();
            digest.is_misplaced = digest.name != name && DigestName::parse(name).is_some();
            if digest.is_misplaced {
                // It is there and it isn't: its finding is that of the other.
                records.push(broken(name, object, String::new()));
            }
            records.push((chain_of(&digest.name), Record::Digest { digest: Box::new(digest), files }));
            Looked::Digest(records)
        }
        // What people and systems put beside digests is none.
        Err(_) if !is_named || DigestName::parse(name).is_none() => Looked::Object,
        Err(reason) => Looked::Digest(vec![broken(name, object, reason)]),
    }
}

fn broken(name: &str, object: &str, reason: String) -> (String, Record) {
    let broken = Broken { object: object.to_owned(), name: name.to_owned(), reason };
    (chain_of(name), Record::Broken(broken))
}

fn digest(source: &Source<'_>, object: &str, buffers: &mut Buffers) -> Result<(Digest, Vec<File>), String> {
    let read = source.read(buffers, DIGEST_MAX_BYTES).map_err(|fault| in_words(&fault))?;
    if let Some(gap) = read.gaps.first() {
        return Err(first_line(&gap.reason));
    }
    let parsed = Digest::parse(&read.bytes, object);
    buffers.recycle(read.bytes);
    parsed
}

/// Why something was not looked at, without what helps those who take events in.
fn of_find(error: &FindError) -> String {
    format!("{}: {}", shown::path(&error.path), first_line(&error.fault.to_string()))
}
