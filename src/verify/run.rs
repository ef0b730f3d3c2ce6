//! From archives to findings.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::chain::{self, Broken, Chain, Judged};
use super::claims::Trust;
use super::digest::{Digest, File, hex};
use super::error::VerifyError;
use super::finding::{Finding, Findings, Gap, Sums};
use super::keys::PublicKeys;
use super::names::{DigestName, chain_of, object_of_metadata, stem};
use super::objects::{self, FilePath, FoundObject, INFLATED_MAX_BYTES, Listed, Standing, Within};
use super::signatures::{self, Signature};
use super::spans::Spans;
use super::spill::{Part, Parts, Runs};
use crate::archive::{
    Buffers, ContainerWalk, FindFault, Found, Limits, ObjectKey, ObjectKind, Packed, Read, ReadFault, Refusal, Visit,
    WITHIN, each_member, find, has_events, is_container_file, is_digest, may_be_digest, read, stream_digest,
};
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
                Ok(found) if is_container(&found) => self.walk_container(&found)?,
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
        let look = |buffers: &mut Buffers, (object, found): (String, Found)| {
            (look(&found.relative, &found.kind, &object, &mut Source::File(&found.path), buffers), found)
        };
        let looked: Vec<(Looked, Found)> = taken.into_par_iter().map_init(Buffers::default, look).collect();
        looked.into_iter().try_for_each(|(looked, found)| self.put_aside(looked, found))
    }

    fn put_aside(&mut self, looked: Looked, found: Found) -> Result<(), VerifyError> {
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

    /// Every file in a tar or zip, as those of a folder.
    fn walk_container(&mut self, found: &Found) -> Result<(), VerifyError> {
        let container = self.object(found);
        let mut buffers = Buffers::default();
        let mut outcome = Ok(());
        let walked = each_member(&found.path, &Limits::default(), DIGEST_MAX_BYTES, &mut |visit| {
            outcome = match visit {
                Visit::Refused(Refusal { name, reason, .. }) => {
                    let name = if name.is_empty() { container.clone() } else { format!("{container}{WITHIN}{name}") };
                    let reason = reason.lines().next().unwrap_or_default();
                    self.problems.add(format!("{}: {reason}", shown::name(&name)));
                    Ok(())
                }
                Visit::Held(name, packed) => self.add_member(&container, name, Source::Held(packed), &mut buffers),
                Visit::Large(name, walk) => self.add_member(&container, name, Source::Large(walk), &mut buffers),
            };
            outcome.is_ok()
        });
        if let Err(fault) = walked {
            self.problems.add(format!("{}: {fault}", shown::path(&found.path)));
        }
        outcome
    }

    fn add_member(
        &mut self,
        container: &str,
        name: &str,
        mut source: Source<'_>,
        buffers: &mut Buffers,
    ) -> Result<(), VerifyError> {
        let object = format!("{container}{WITHIN}{name}");
        let relative = name.rsplit(WITHIN).next().unwrap_or(name);
        let ObjectKey { kind, date, canonical_name, .. } = ObjectKey::parse(relative);
        let window = self.options.window;
        if kind == ObjectKind::Digest && !window.needs(date) || kind != ObjectKind::Digest && !window.has(relative) {
            return Ok(());
        }
        if canonical_name.is_none() && !matches!(source, Source::Large(_)) {
            let looked = look(relative, &kind, &object, &mut source, buffers);
            if self.put_aside_known(looked)? {
                return Ok(());
            }
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
    File(&'a Path),
    /// In a container: all of it, or what is too large for a digest.
    Held(&'a Packed),
    Large(&'a mut ContainerWalk),
}

impl Source<'_> {
    fn read(&self, buffers: &mut Buffers, cap_bytes: u64) -> Result<Read, ReadFault> {
        match self {
            Source::File(path) => read(path, buffers, cap_bytes).map_err(|error| error.fault),
            Source::Held(packed) => packed.read(buffers, cap_bytes, &|_| false).map_err(|(_, fault)| fault),
            Source::Large(_) => Err(ReadFault::OverCap { cap_bytes }),
        }
    }

    fn may_be_digest(&self, buffers: &mut Buffers) -> bool {
        match self {
            Source::File(path) => may_be_digest(path),
            _ => self.read(buffers, DIGEST_MAX_BYTES).is_ok_and(|read| is_digest(&read.bytes)),
        }
    }

    /// What is to be known of a log object in a container.
    fn within(&mut self, buffers: &mut Buffers) -> Within {
        let first_line = |fault: ReadFault| fault.to_string().lines().next().unwrap_or_default().to_owned();
        if let Source::Large(walk) = self {
            let digest =
                walk.content().map_err(ReadFault::Io).and_then(|content| stream_digest(content, 0, INFLATED_MAX_BYTES));
            return Within { sha256: digest.map(|digest| hex(&digest)).map_err(first_line), has_events: true };
        }
        match self.read(buffers, INFLATED_MAX_BYTES) {
            Ok(read) => {
                let has_events = has_events(&read.bytes);
                let sha256 = match read.gaps.first() {
                    None => Ok(hex(&Sha256::digest(&read.bytes).into())),
                    Some(gap) => Err(gap.reason.lines().next().unwrap_or_default().to_owned()),
                };
                buffers.recycle(read.bytes);
                Within { sha256, has_events }
            }
            Err(fault) => Within { sha256: Err(first_line(fault)), has_events: false },
        }
    }
}

/// Whether a file is a tar or zip; one with a name of CloudTrail's is what that says.
fn is_container(found: &Found) -> bool {
    !found.is_canonical && found.kind != ObjectKind::Digest && is_container_file(&found.path)
}

fn look(relative: &str, kind: &ObjectKind, object: &str, source: &mut Source<'_>, buffers: &mut Buffers) -> Looked {
    if let Some(of) = object_of_metadata(relative) {
        let bytes = source.read(buffers, METADATA_MAX_BYTES).map(|read| read.bytes).map_err(|e| e.to_string());
        let signatures = bytes.and_then(|bytes| signatures::parse(&bytes, Some(of)));
        return match signatures {
            Ok(signatures) => Looked::Signatures(signatures),
            // Metadata of log objects have no signature.
            Err(_) if *kind != ObjectKind::Digest => Looked::Object,
            Err(reason) => Looked::Problem(format!("{}: {reason}", shown::name(object))),
        };
    }
    let is_named = *kind == ObjectKind::Digest;
    let is_log = matches!(kind, ObjectKind::Log | ObjectKind::Insight);
    if !is_named && (!is_log || !source.may_be_digest(buffers)) {
        return Looked::Object;
    }
    let name = stem(relative);
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
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let read = source.read(buffers, DIGEST_MAX_BYTES).map_err(|fault| first_line(fault.to_string()))?;
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
