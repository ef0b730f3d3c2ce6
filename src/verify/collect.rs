//! Digests for those who take events in: what they say of an object is looked up by its name.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tempfile::SpooledTempFile;

use super::aside::{Aside, Bounded};
use super::days::DigestDay;
use super::error::VerifyError;
use super::finding::{Finding, Gap, Verdict};
use super::keys::PublicKeys;
use super::objects::{self, Listed, Record, Standing};
use super::run::{Signers, Told};
use super::spill::{Part, Parts};
use super::window::Window;
use crate::archive::{self, Found, ObjectKey, Walk};

/// Bytes of what digests list that stay in memory.
const IN_MEMORY_BYTES: usize = 8 << 20;

/// Digests that say different things of one object and are heard at the most.
const HEARD_MAX: usize = 16;

/// Gathers digests, then says what they come to.
pub struct Collector {
    aside: Aside,
    keys: PublicKeys,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    /// Nothing yet but public keys.
    ///
    /// # Errors
    /// Files that hold something else.
    pub fn new(public_keys: &[PathBuf]) -> Result<Collector, VerifyError> {
        let aside = Aside::new(None, Window::default(), false);
        Ok(Collector { aside, keys: PublicKeys::read(public_keys)? })
    }

    /// Takes a file that may be a digest, or have the signature of one. Any other is passed over.
    ///
    /// # Errors
    /// No room for temporary files.
    pub fn add(&mut self, found: Found) -> Result<(), VerifyError> {
        self.aside.add(found)
    }

    /// Takes what was read of a file in a container, with its name there and what it is called.
    ///
    /// # Errors
    /// No room for temporary files.
    pub fn add_read(&mut self, member: &str, object: &str, read: &archive::Read) -> Result<(), VerifyError> {
        self.aside.add_read(member, object, read)
    }

    /// Takes all that a walk finds.
    ///
    /// # Errors
    /// No room for temporary files, an archive that isn't there.
    pub fn walk(&mut self, walk: Walk) -> Result<(), VerifyError> {
        walk.flatten().filter(|found| !found.is_pipe).try_for_each(|found| self.add(found))
    }

    /// Judges the digests.
    ///
    /// # Errors
    /// No room for temporary files.
    pub fn finish(mut self) -> Result<Proof, VerifyError> {
        self.aside.read_all()?;
        let (mut told, mut listed) = (Told::default(), Parts::new());
        for part in self.aside.chains.into_parts() {
            told.judge(part, &self.keys, Window::default(), &mut listed)?;
        }
        let mut names = Names::new();
        listed.into_parts().try_for_each(|part| names.add(part))?;
        let Told { days, gaps, runs, signers, .. } = told;
        let mut faults = Bounded::default();
        for finding in runs.merge::<Finding>()? {
            let finding = finding?;
            if finding.verdict.is_fault() {
                faults.add(finding);
            }
        }
        Ok(Proof {
            names: names.finish(),
            days: days.into_days(),
            faults: faults.list,
            faults_left_out: faults.left_out,
            gaps: gaps.list,
            problems: self.aside.problems.list,
            signers,
        })
    }
}

/// What digests come to.
#[derive(Debug)]
pub struct Proof {
    names: Names,
    /// For which hours there are digests.
    pub days: Vec<DigestDay>,
    /// Digests that were altered or are missing.
    pub faults: Vec<Finding>,
    /// Those of them that are in no list.
    pub faults_left_out: u64,
    /// Times without digests.
    pub gaps: Vec<Gap>,
    /// What could not be read.
    pub problems: Vec<String>,
    /// Whose keys the digests name.
    pub signers: Signers,
}

impl Proof {
    /// Memory that it takes.
    pub fn bytes(&self) -> u64 {
        let days: usize = self.days.iter().map(|day| size_of::<DigestDay>() + 2 * day.chain.len()).sum();
        (self.names.index.len() * size_of::<(u64, u64)>() + IN_MEMORY_BYTES + days) as u64
    }

    /// What is known of the object of a canonical name with this SHA-256 of its inflated bytes.
    ///
    /// # Errors
    /// The temporary file.
    pub fn judge(&self, name: &str, sha256: &[u8; 32]) -> Result<(Verdict, String), VerifyError> {
        let listed = self.names.get(name)?;
        Ok(objects::judge(listed.as_ref().map_or(&[], |found| &found.listed), sha256))
    }

    /// Likewise of one that is not sound.
    ///
    /// # Errors
    /// The temporary file.
    pub fn judge_unsound(&self, name: &str, reason: &str) -> Result<(Verdict, String), VerifyError> {
        let listed = self.names.get(name)?;
        Ok(objects::judge_unsound(listed.as_ref().map_or(&[], |found| &found.listed), reason))
    }

    /// Everything that the digests list.
    ///
    /// # Errors
    /// The temporary file.
    pub fn for_each_listed<E: From<VerifyError>>(
        &self,
        mut each: impl FnMut(&ListedObject) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = 0;
        for _ in 0..self.names.index.len() {
            let (found, next) = self.names.read_at(at).map_err(VerifyError::from)?;
            at = next;
            each(&found)?;
        }
        Ok(())
    }
}

/// A log object that digests list.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListedObject {
    /// The name that CloudTrail gave it.
    pub name: String,
    /// The key that it had.
    pub key: String,
    listed: Vec<Listed>,
}

impl ListedObject {
    /// What is known of it with this SHA-256 of its inflated bytes.
    pub fn judge(&self, sha256: &[u8; 32]) -> (Verdict, String) {
        objects::judge(&self.listed, sha256)
    }

    /// Whether a digest that was not altered lists it; what such a digest is called.
    pub fn listed_by(&self) -> Option<&str> {
        let is_sure = |one: &&Listed| one.standing != Standing::Altered;
        self.listed.iter().find(is_sure).map(|one| one.digest.as_str())
    }
}

/// What is listed, by name: in a file that has no name, with the places of its lines in memory.
#[derive(Debug)]
struct Names {
    /// Hashes of names and the places of their lines.
    index: Vec<(u64, u64)>,
    /// Nobody who chooses names knows which of them come together.
    hasher: RandomState,
    lines: Mutex<SpooledTempFile>,
    len_bytes: u64,
}

impl Names {
    fn new() -> Names {
        let lines = Mutex::new(tempfile::spooled_tempfile(IN_MEMORY_BYTES));
        Names { index: Vec::new(), hasher: RandomState::new(), lines, len_bytes: 0 }
    }

    /// Adds what is listed in a part, of names that CloudTrail gives.
    fn add(&mut self, mut part: Part) -> io::Result<()> {
        let mut names: BTreeMap<String, ListedObject> = BTreeMap::new();
        for record in part.records()? {
            let Record::Listed { name, listed } = record? else { continue };
            if ObjectKey::parse(&listed.key).canonical_name.as_ref() != Some(&name) {
                continue;
            }
            let new = || ListedObject { name: name.clone(), key: listed.key.clone(), listed: Vec::new() };
            let heard = &mut names.entry(name.clone()).or_insert_with(new).listed;
            let is_said = |one: &Listed| one.sha256 == listed.sha256 && one.standing == listed.standing;
            if heard.len() < HEARD_MAX && !heard.iter().any(is_said) {
                heard.push(listed);
            }
        }
        let lines = self.lines.get_mut().map_err(|_| io::Error::other("a thread died"))?;
        for found in names.into_values() {
            let mut line = serde_json::to_vec(&found)?;
            line.push(b'\n');
            self.index.push((self.hasher.hash_one(&found.name), self.len_bytes));
            self.len_bytes += line.len() as u64;
            lines.write_all(&line)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Names {
        self.index.sort_unstable();
        self
    }

    fn get(&self, name: &str) -> io::Result<Option<ListedObject>> {
        let hash = self.hasher.hash_one(name);
        let first = self.index.partition_point(|(other, _)| *other < hash);
        for (_, at) in self.index.iter().skip(first).take_while(|(other, _)| *other == hash) {
            let (found, _) = self.read_at(*at)?;
            if found.name == name {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The line at a place, and the place of the next.
    fn read_at(&self, at: u64) -> io::Result<(ListedObject, u64)> {
        /// A line has about so many bytes.
        const LINE_BYTES: usize = 1 << 10;
        let mut lines = self.lines.lock().map_err(|_| io::Error::other("a thread died"))?;
        lines.seek(SeekFrom::Start(at))?;
        let mut line = Vec::new();
        BufReader::with_capacity(LINE_BYTES, (&mut *lines).take(self.len_bytes - at)).read_until(b'\n', &mut line)?;
        drop(lines);
        Ok((serde_json::from_slice(&line)?, at + line.len() as u64))
    }
}
