//! CloudTrail's digests beside the log objects: what they say of each, and which objects they list that never came.
//!
//! Every ingest reads the digests that are new to the store, so that it knows for which hours there must be something. Only
//! `--verify` proves them: then all are read before the objects are, and decide what is taken.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::IngestError;
use super::remote::of_digests;
use super::{Options, Summary};
use crate::archive::{self, At, Buffers, Found, Gap, Read, ReadFault};
pub(super) use crate::store::ALTERED;
use crate::store::{ObjectProof, ObjectVerdict, ProofNotes, Writer};
use crate::util::shown;
use crate::verify::{Collector, DigestHour, Proof, Verdict, VerifyError};

/// What is noted at once.
pub(super) const NOTED_AT_ONCE: usize = 20_000;

/// CloudTrail's largest objects have some hundred megabytes; what has more is none of them.
const INFLATED_MAX_BYTES: u64 = 64 << 30;

/// Digests that an ingest comes to and that the store does not know.
#[derive(Debug)]
pub(super) struct NewDigests {
    collector: Collector,
    /// Hours of which there are digests, by chain and day.
    known: HashMap<u64, u32>,
}

fn key(chain: &str, day: i32) -> u64 {
    foldhash::quality::FixedState::with_seed(6).hash_one((chain, day))
}

impl NewDigests {
    pub fn new(writer: &Writer) -> Result<NewDigests, IngestError> {
        let known = writer.known_digests()?.into_iter().map(|(chain, day, told)| (key(&chain, day), told)).collect();
        Ok(NewDigests { collector: Collector::new(&[])?, known })
    }

    pub fn add(&mut self, found: Found) -> Result<(), IngestError> {
        let name = found.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if self.has(name) {
            return Ok(());
        }
        Ok(self.collector.add(found)?)
    }

    /// Likewise what was read of a container, with its name there and what it is called.
    pub fn add_read(&mut self, member: &str, object: &str, read: &Read) -> Result<(), IngestError> {
        let name = member.rsplit('/').next().unwrap_or(member);
        if self.has(name) {
            return Ok(());
        }
        Ok(self.collector.add_read(member, object, read)?)
    }

    /// Whether the store knows the hour of the digest in a file of this name.
    fn has(&self, name: &str) -> bool {
        let hour = name.split('.').next().and_then(DigestHour::of);
        let is_known =
            |hour: &DigestHour| self.known.get(&key(&hour.chain, hour.day)).is_some_and(|told| told & hour.bit() != 0);
        hour.as_ref().is_some_and(is_known)
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> u64 {
        (self.known.capacity() * size_of::<(u64, u64)>()) as u64
    }

    pub fn finish(self) -> Result<Proof, IngestError> {
        Ok(self.collector.finish()?)
    }
}

/// Reads all digests of the archives; `None` where nobody asked for proof.
pub(super) fn read_first(options: &Options, store: &Path) -> Result<Option<Proof>, IngestError> {
    if !options.verify {
        return Ok(None);
    }
    let find = if options.follow_links { archive::find_following } else { archive::find };
    let mut collector = Collector::new(&options.public_keys)?;
    let scope = Arc::new(of_digests(options));
    let scopes: Vec<_> = options.archives.iter().map(|_| Arc::clone(&scope)).collect();
    collector.walk(find(&options.archives).without(store).with_remote(options.remote.as_ref(), scopes))?;
    if let Some(failure) = options.remote.as_ref().and_then(|remote| remote.failure()) {
        return Err(IngestError::Remote(failure));
    }
    Ok(Some(collector.finish()?))
}

/// What is known of an object that was read.
///
/// # Errors
/// The temporary file.
pub(super) fn prove(
    proof: &Proof,
    name: &str,
    bytes: &[u8],
    gaps: &[Gap],
) -> Result<(ObjectProof, Option<String>), IngestError> {
    if let Some(gap) = gaps.first() {
        let judged = proof.judge_unsound(name, gap.reason.lines().next().unwrap_or_default())?;
        return Ok(to_proof(judged, None));
    }
    let sha256 = archive::sha256(bytes);
    Ok(to_proof(proof.judge(name, &sha256)?, Some(sha256)))
}

/// As the ledger has it, with why it is altered, if it is.
pub(super) fn to_proof(
    (verdict, reason): (Verdict, String),
    content_sha256: Option<[u8; 32]>,
) -> (ObjectProof, Option<String>) {
    let verdict = match verdict {
        Verdict::Valid => ObjectVerdict::Valid,
        Verdict::Unchecked => ObjectVerdict::Unchecked,
        Verdict::Altered => ObjectVerdict::Altered,
        _ => ObjectVerdict::NotCovered,
    };
    let altered = (verdict == ObjectVerdict::Altered).then(|| format!("{ALTERED}: {reason}"));
    // Of most it is the same, and long.
    let reason = altered.is_some().then_some(reason);
    (ObjectProof { verdict, content_sha256, reason }, altered)
}

/// What digests say of an object that was taken in before anybody verified it.
pub(super) struct Proved {
    pub name: String,
    pub path: PathBuf,
    pub judged: Result<ObjectProof, String>,
}

/// Notes what digests say of objects that were taken in before.
pub(super) fn note_proved(proved: Vec<Proved>, writer: &mut Writer, summary: &mut Summary) -> Result<(), IngestError> {
    let mut notes = ProofNotes::default();
    for Proved { name, path, judged } in proved {
        match judged {
            Ok(proof) => {
                summary.verified.add(proof.verdict);
                notes.verdicts.push((name, proof));
            }
            Err(error) => summary.problem(|| format!("{}: not verified: {error}", shown::path(&path))),
        }
    }
    Ok(writer.note_proof(&notes)?)
}

/// What digests say of an object in a file, without having all of it in memory.
pub(super) fn prove_file(name: &str, at: At<'_>, proof: &Proof, buffers: &mut Buffers) -> Result<ObjectProof, String> {
    let in_words = |error: VerifyError| error.to_string();
    match archive::inflated_digest(at, buffers, INFLATED_MAX_BYTES) {
        Ok(sha256) => {
            let judged = proof.judge(name, &sha256).map_err(in_words)?;
            Ok(to_proof(judged, Some(sha256)).0)
        }
        Err(error) if matches!(error.fault, ReadFault::Io(_)) => Err(error.reason()),
        Err(error) => {
            let reason = error.reason();
            let judged = proof.judge_unsound(name, reason.lines().next().unwrap_or_default()).map_err(in_words)?;
            Ok(to_proof(judged, None).0)
        }
    }
}
