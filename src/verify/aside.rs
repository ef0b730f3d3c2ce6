//! The first look at an archive: digests are read and put aside by chain, log objects by name.

use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::chain::Broken;
use super::digest::{Digest, File};
use super::error::{VerifyError, first_line, in_words};
use super::names::{DigestName, chain_of, object_of_metadata, stem};
use super::objects::{self, FilePath, FoundObject};
use super::signatures::{self, Signature};
use super::spill::Parts;
use super::window::Window;
use crate::archive::{Buffers, FindError, FindFault, Found, ObjectKind, Walk, may_be_digest, read};
use crate::util::shown;

/// A digest of an hour with a hundred thousand log objects has less.
const DIGEST_MAX_BYTES: u64 = 64 << 20;

/// Metadata of one object have less: S3 keeps 2 kB of its user's.
const METADATA_MAX_BYTES: u64 = 1 << 20;

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
                Err(error) if matches!(error.fault, FindFault::Missing) => return Err(error.into()),
                Err(error) => self.problems.add(of_find(&error)),
            }
        }
        self.read_all()
    }

    /// What may be a digest, or metadata of one, waits to be read; what has the name of a log object needs no reading.
    pub fn add(&mut self, found: Found) -> Result<(), VerifyError> {
        let is_log = matches!(found.kind, ObjectKind::Log | ObjectKind::Insight);
        let is_read = found.kind == ObjectKind::Digest
            || object_of_metadata(&found.relative).is_some()
            || is_log && !found.is_canonical;
        if !is_read {
            return self.add_object(found);
        }
        self.waiting.push(found);
        if self.waiting.len() < 2 * rayon::current_num_threads() {
            return Ok(());
        }
        self.read_all()
    }

    fn add_object(&mut self, found: Found) -> Result<(), VerifyError> {
        if self.objects.is_none() || !self.window.has(&found.relative) {
            return Ok(());
        }
        let is_metadata = object_of_metadata(&found.relative).is_some();
        let is_log = matches!(found.kind, ObjectKind::Log | ObjectKind::Insight) && !is_metadata;
        let object = self.object(&found);
        let name = stem(&found.relative).to_owned();
        let found = FoundObject { object, path: FilePath::new(&found.path), is_log };
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
        let taken: Vec<(String, Found)> = waiting.into_iter().map(|found| (self.object(&found), found)).collect();
        let look = |buffers: &mut Buffers, (object, found): (String, Found)| (look(&found, &object, buffers), found);
        let looked: Vec<(Looked, Found)> = taken.into_par_iter().map_init(Buffers::default, look).collect();
        looked.into_iter().try_for_each(|(looked, found)| self.put_aside(looked, found))
    }

    fn put_aside(&mut self, looked: Looked, found: Found) -> Result<(), VerifyError> {
        match looked {
            Looked::Digest(records) => {
                for (chain, record) in records {
                    self.chains.add(&chain, &record)?;
                }
            }
            Looked::Signatures(found) => found.into_iter().try_for_each(|found| self.add_signature(found))?,
            Looked::Object => self.add_object(found)?,
            Looked::Problem(problem) => self.problems.add(problem),
        }
        Ok(())
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

fn look(found: &Found, object: &str, buffers: &mut Buffers) -> Looked {
    if let Some(of) = object_of_metadata(&found.relative) {
        let bytes = read(&found.path, buffers, METADATA_MAX_BYTES).map(|read| read.bytes);
        let signatures = bytes.map_err(|error| in_words(&error)).and_then(|bytes| signatures::parse(&bytes, Some(of)));
        return match signatures {
            Ok(signatures) => Looked::Signatures(signatures),
            // Metadata of log objects have no signature.
            Err(_) if found.kind != ObjectKind::Digest => Looked::Object,
            Err(reason) => Looked::Problem(format!("{}: {reason}", shown::path(&found.path))),
        };
    }
    let is_named = found.kind == ObjectKind::Digest;
    if !is_named && !may_be_digest(&found.path) {
        return Looked::Object;
    }
    look_at_digest(stem(&found.relative), &found.path, object, is_named, buffers)
}

fn look_at_digest(name: &str, path: &Path, object: &str, is_named: bool, buffers: &mut Buffers) -> Looked {
    match digest(path, object, buffers) {
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

fn digest(path: &Path, object: &str, buffers: &mut Buffers) -> Result<(Digest, Vec<File>), String> {
    let read = read(path, buffers, DIGEST_MAX_BYTES).map_err(|error| in_words(&error))?;
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
