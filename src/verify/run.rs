//! From archives to findings.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use chrono::{Days, NaiveDate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::chain::{self, Broken, Chain, Judged};
use super::claims::Trust;
use super::digest::{Digest, File};
use super::error::VerifyError;
use super::finding::{Finding, Findings, Gap, Sums};
use super::keys::PublicKeys;
use super::names::{DigestName, chain_of, object_of_metadata, stem};
use super::objects::{self, FilePath, FoundObject, Listed, Standing};
use super::signatures::{self, Signature};
use super::spans::Spans;
use super::spill::{Part, Parts, Runs};
use crate::archive::{Buffers, FindFault, Found, ObjectKey, ObjectKind, find, may_be_digest, read};
use crate::time::{MICROS_PER_DAY, days_of};
use crate::util::shown;

/// A digest of an hour with a hundred thousand log objects has less.
const DIGEST_MAX_BYTES: u64 = 64 << 20;

/// Metadata of one object have less: S3 keeps 2 kB of its user's.
const METADATA_MAX_BYTES: u64 = 1 << 20;

/// What is told of one by one; the rest is counted.
const TOLD_MAX: usize = 10_000;

/// A window of time, microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// From then on.
    pub from_us: Option<i64>,
    /// Before then.
    pub to_us: Option<i64>,
}

impl Window {
    /// Whether a time has a part in the window.
    fn overlaps(&self, start_us: i64, end_us: i64) -> bool {
        self.from_us.is_none_or(|from_us| end_us > from_us) && self.to_us.is_none_or(|to_us| start_us < to_us)
    }

    /// Whether a log object was delivered in the window, as far as its key tells.
    fn has(&self, key: &str) -> bool {
        if *self == Window::default() {
            return true;
        }
        let Some(time) = ObjectKey::parse(key).delivery_time else { return true };
        let time_us = time.and_utc().timestamp_micros();
        self.overlaps(time_us, time_us + 1)
    }

    /// Whether a digest of this day may be in the window, list what is in it, or follow on one that is.
    fn needs(&self, day: Option<NaiveDate>) -> bool {
        let Some(day) = day else { return true };
        let day_us = |day: Option<NaiveDate>| day.map_or(0, |day| i64::from(days_of(day)) * MICROS_PER_DAY);
        self.overlaps(day_us(day.checked_sub_days(Days::new(2))), day_us(day.checked_add_days(Days::new(2))))
    }
}

/// What to verify.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folders and files.
    pub archives: Vec<PathBuf>,
    /// Files with the output of `aws cloudtrail list-public-keys`.
    pub public_keys: Vec<PathBuf>,
    /// Files with the signatures of many digests.
    pub signatures: Vec<PathBuf>,
    /// Only what was delivered then.
    pub window: Window,
}

/// What is known of archives.
#[derive(Debug)]
pub struct Verified {
    /// How many of each verdict.
    pub sums: Sums,
    /// Times of which no digest tells.
    pub gaps: Vec<Gap>,
    /// Those of them that are in no list.
    pub gaps_left_out: u64,
    /// What could not be looked at.
    pub problems: Vec<String>,
    /// Those of them that are in no list.
    pub problems_left_out: u64,
    /// About each object.
    pub findings: Findings,
}

/// Verifies archives.
///
/// # Errors
/// An archive that isn't there, keys or signatures that can't be read, no room for temporary files.
pub fn verify(options: &Options) -> Result<Verified, VerifyError> {
    let keys = PublicKeys::read(&options.public_keys)?;
    let mut aside = Aside::new(options);
    for path in &options.signatures {
        let signatures = signatures::read_file(path, None)?;
        signatures.into_iter().try_for_each(|signature| aside.add_signature(signature))?;
    }
    aside.walk()?;
    let mut told = Told::default();
    let Aside { chains, objects, problems, .. } = aside;
    let mut objects = objects;
    for part in chains.into_parts() {
        told.judge(part, &keys, options, &mut objects)?;
    }
    for part in objects.into_parts() {
        let mut findings = Vec::new();
        objects::compare(part, &told.spans, &mut findings)?;
        told.add(findings)?;
    }
    told.gaps.list.sort_unstable();
    Ok(Verified {
        sums: told.sums,
        gaps: told.gaps.list,
        gaps_left_out: told.gaps.left_out,
        problems: problems.list,
        problems_left_out: problems.left_out,
        findings: Findings(told.runs.merge()?),
    })
}

/// The first ones, and how many there are more.
struct Bounded<T> {
    list: Vec<T>,
    left_out: u64,
}

impl<T> Default for Bounded<T> {
    fn default() -> Bounded<T> {
        Bounded { list: Vec::new(), left_out: 0 }
    }
}

impl<T> Bounded<T> {
    fn add(&mut self, item: T) {
        match self.list.len() < TOLD_MAX {
            true => self.list.push(item),
            false => self.left_out += 1,
        }
    }
}

/// What stands in a file of a chain.
#[derive(Debug, Serialize, Deserialize)]
enum Record {
    Digest { digest: Box<Digest>, files: Vec<File> },
    Broken(Broken),
    Signature(Signature),
}

/// The same without what digests list.
#[derive(Debug, Deserialize)]
enum Brief {
    Digest { digest: Box<Digest> },
    Broken(Broken),
    Signature(Signature),
}

/// What the walk puts aside.
struct Aside<'a> {
    options: &'a Options,
    chains: Parts,
    objects: Parts,
    problems: Bounded<String>,
}

impl<'a> Aside<'a> {
    fn new(options: &'a Options) -> Aside<'a> {
        Aside { options, chains: Parts::new(), objects: Parts::new(), problems: Bounded::default() }
    }

    fn add_signature(&mut self, signature: Signature) -> Result<(), VerifyError> {
        Ok(self.chains.add(&chain_of(&signature.name), &Record::Signature(signature))?)
    }

    fn walk(&mut self) -> Result<(), VerifyError> {
        // A digest may be large: few are held at a time.
        let at_once = 2 * rayon::current_num_threads();
        let mut waiting = Vec::new();
        for found in find(&self.options.archives) {
            match found {
                Ok(found) if found.is_pipe => {
                    self.problems.add(format!("{}: a pipe, which is not verified", shown::path(&found.path)));
                }
                Ok(found) => self.sort(found, &mut waiting)?,
                Err(error) if matches!(error.fault, FindFault::Missing) => return Err(error.into()),
                Err(error) => self.problems.add(error.to_string()),
            }
            if waiting.len() == at_once {
                self.read_all(&mut waiting)?;
            }
        }
        self.read_all(&mut waiting)
    }

    /// What may be a digest, or metadata of one, waits to be read; what has the name of a log object needs no reading.
    fn sort(&mut self, found: Found, waiting: &mut Vec<Found>) -> Result<(), VerifyError> {
        let is_log = matches!(found.kind, ObjectKind::Log | ObjectKind::Insight);
        let is_read = found.kind == ObjectKind::Digest
            || object_of_metadata(&found.relative).is_some()
            || is_log && !found.is_canonical;
        match is_read {
            true if found.kind != ObjectKind::Digest || self.options.window.needs(found.date) => waiting.push(found),
            true => {}
            false => self.add_object(found)?,
        }
        Ok(())
    }

    fn add_object(&mut self, found: Found) -> Result<(), VerifyError> {
        if !self.options.window.has(&found.relative) {
            return Ok(());
        }
        let is_metadata = object_of_metadata(&found.relative).is_some();
        let is_log = matches!(found.kind, ObjectKind::Log | ObjectKind::Insight) && !is_metadata;
        let object = self.object(&found);
        let name = stem(&found.relative).to_owned();
        let found = FoundObject { object, path: FilePath::new(&found.path), is_log };
        let key = name.clone();
        Ok(self.objects.add(&key, &objects::Record::Found { name, found })?)
    }

    /// How an object is called: of several archives with the one that it lies in.
    fn object(&self, found: &Found) -> String {
        match self.options.archives.as_slice() {
            [_] => found.relative.clone(),
            _ => found.path.to_string_lossy().into_owned(),
        }
    }

    fn read_all(&mut self, waiting: &mut Vec<Found>) -> Result<(), VerifyError> {
        let taken: Vec<(String, Found)> = waiting.drain(..).map(|found| (self.object(&found), found)).collect();
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
        let bytes = read(&found.path, buffers, METADATA_MAX_BYTES).map(|read| read.bytes).map_err(|e| e.to_string());
        let signatures = bytes.and_then(|bytes| signatures::parse(&bytes, Some(of)));
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
    let name = stem(&found.relative);
    match digest(found, object, buffers) {
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

fn digest(found: &Found, object: &str, buffers: &mut Buffers) -> Result<(Digest, Vec<File>), String> {
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let read = read(&found.path, buffers, DIGEST_MAX_BYTES).map_err(|error| first_line(error.reason()))?;
    if let Some(gap) = read.gaps.first() {
        return Err(first_line(gap.reason.clone()));
    }
    let parsed = Digest::parse(&read.bytes, object);
    buffers.recycle(read.bytes);
    parsed
}

/// What is told.
#[derive(Default)]
struct Told {
    sums: Sums,
    gaps: Bounded<Gap>,
    spans: Spans,
    runs: Runs,
}

impl Told {
    fn add(&mut self, findings: Vec<Finding>) -> Result<(), VerifyError> {
        findings.iter().for_each(|finding| self.sums.add(finding));
        Ok(self.runs.add(findings)?)
    }

    /// Judges the chains of a part, and puts what their digests list beside what is there.
    fn judge(
        &mut self,
        mut part: Part,
        keys: &PublicKeys,
        options: &Options,
        objects: &mut Parts,
    ) -> Result<(), VerifyError> {
        let mut findings = Vec::new();
        let mut standings: HashMap<(String, String), Standing> = HashMap::new();
        for (_, chain) in chains(&mut part)? {
            let is_wanted = |start_us, end_us| options.window.overlaps(start_us, end_us);
            let Judged { judgements, findings: found, gaps } = chain::judge(&chain, keys, is_wanted);
            findings.extend(found);
            gaps.into_iter().for_each(|gap| self.gaps.add(gap));
            let mut digests: Vec<_> = chain.digests.into_iter().zip(judgements).collect();
            digests.sort_by_key(|(digest, _)| digest.end_us);
            for (digest, judgement) in digests {
                if judgement.trust != Trust::Altered {
                    self.spans.add(&digest);
                }
                let standing = Standing::new(judgement.trust, &judgement.reason);
                standings.insert((digest.name, digest.sha256), standing);
            }
        }
        self.add(findings)?;
        let mut listed: HashSet<(String, String)> = HashSet::new();
        for record in part.records::<Record>()? {
            let Record::Digest { digest, files } = record? else { continue };
            let id = (digest.name, digest.sha256);
            let Some(standing) = standings.get(&id) else { continue };
            // A copy of a digest lists the same.
            if listed.contains(&id) {
                continue;
            }
            for file in files.into_iter().filter(|file| options.window.has(&file.key)) {
                let name = stem(&file.key).to_owned();
                let File { key, sha256 } = file;
                let listed = Listed { key, sha256, digest: id.0.clone(), standing: standing.clone() };
                objects.add(&name.clone(), &objects::Record::Listed { name, listed })?;
            }
            listed.insert(id);
        }
        Ok(())
    }
}

/// The chains of a part.
fn chains(part: &mut Part) -> Result<BTreeMap<String, Chain>, VerifyError> {
    let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
    for record in part.records::<Brief>()? {
        match record? {
            Brief::Digest { digest } => chains.entry(chain_of(&digest.name)).or_default().digests.push(*digest),
            Brief::Broken(broken) => chains.entry(chain_of(&broken.name)).or_default().broken.push(broken),
            Brief::Signature(Signature { name, signature }) => {
                let chain = chains.entry(chain_of(&name)).or_default();
                chain.signatures.entry(name).or_default().push(signature);
            }
        }
    }
    Ok(chains)
}
