//! CloudTrail's digests beside the log objects: what they say of each, and which objects they list that never came.
//!
//! Every ingest reads the digests that are new to the store, so that it knows for which hours there must be something. Only
//! `--verify` proves them: then all are read before the objects are, and decide what is taken.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::committer::Committer;
use super::error::IngestError;
use super::plan::is_wanted_place;
use super::{Options, Summary};
use crate::archive::{self, Buffers, Found, Gap, ObjectKey, ReadFault};
use crate::store::{ObjectProof, ObjectVerdict, ProofNotes, Standing, Writer};
use crate::util::shown;
use crate::verify::{Collector, DigestDay, DigestHour, ListedObject, Proof, Verdict, VerifyError};

/// How the reason begins of an object that is not what digests say.
pub(super) const ALTERED: &str = "altered";

/// What is noted at once.
const NOTED_AT_ONCE: usize = 20_000;

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
        let hour = name.split('.').next().and_then(DigestHour::of);
        let is_known =
            |hour: &DigestHour| self.known.get(&key(&hour.chain, hour.day)).is_some_and(|told| told & hour.bit() != 0);
        if hour.as_ref().is_some_and(is_known) {
            return Ok(());
        }
        Ok(self.collector.add(found)?)
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
    collector.walk(find(&options.archives).without(store))?;
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

/// With why it is altered, if it is.
fn to_proof((verdict, reason): (Verdict, String), content_sha256: Option<[u8; 32]>) -> (ObjectProof, Option<String>) {
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

/// An object that was taken in before anybody verified it.
pub(super) struct Unproved {
    pub name: String,
    pub path: PathBuf,
    /// SHA-256 of the bytes as stored that were taken in.
    pub sha256: [u8; 32],
}

/// Verifies objects that were taken in before, where what lies there now is what was taken then.
pub(super) fn prove_known(
    unproved: Vec<Unproved>,
    proof: &Proof,
    writer: &mut Writer,
    summary: &mut Summary,
) -> Result<(), IngestError> {
    for some in unproved.chunks(NOTED_AT_ONCE) {
        let judged: Vec<Result<Option<ObjectProof>, String>> =
            some.par_iter().map_init(Buffers::default, |buffers, one| prove_one(one, proof, buffers)).collect();
        let mut notes = ProofNotes::default();
        for (one, judged) in some.iter().zip(judged) {
            match judged {
                Ok(Some(proof)) => {
                    note(summary, &one.name, &proof);
                    notes.verdicts.push((one.name.clone(), proof));
                }
                Ok(None) => summary.problem(|| {
                    format!(
                        "{}: changed since it was taken in: other bytes under the same name and size; not verified",
                        shown::path(&one.path)
                    )
                }),
                Err(error) => summary.problem(|| format!("{}: not verified: {error}", shown::path(&one.path))),
            }
        }
        writer.note_proof(&notes)?;
    }
    Ok(())
}

/// `None`: other bytes lie there now.
fn prove_one(one: &Unproved, proof: &Proof, buffers: &mut Buffers) -> Result<Option<ObjectProof>, String> {
    if archive::digest(&one.path).map_err(|error| error.reason())? != one.sha256 {
        return Ok(None);
    }
    let in_words = |error: VerifyError| error.to_string();
    match archive::inflated_digest(&one.path, buffers, INFLATED_MAX_BYTES) {
        Ok(sha256) => {
            let judged = proof.judge(&one.name, &sha256).map_err(in_words)?;
            Ok(Some(to_proof(judged, Some(sha256)).0))
        }
        Err(error) if matches!(error.fault, ReadFault::Io(_)) => Err(error.reason()),
        Err(error) => {
            let reason = error.reason();
            let judged = proof.judge_unsound(&one.name, reason.lines().next().unwrap_or_default()).map_err(in_words)?;
            Ok(Some(to_proof(judged, None).0))
        }
    }
}

/// Counts what was found of an object in the store, and says what is wrong with it.
fn note(summary: &mut Summary, name: &str, proof: &ObjectProof) {
    summary.verified.add(proof.verdict);
    if proof.verdict == ObjectVerdict::Altered {
        summary.tampered += 1;
        summary.problem(|| {
            format!(
                "{}: {ALTERED}: {}; it was taken in before, and its events are in the store",
                shown::name(name),
                proof.reason.as_deref().unwrap_or_default()
            )
        });
    }
}

/// Notes for which hours there are digests, what they list and never came, and, where they are proved, what they say of
/// objects that came before them.
pub(super) fn settle(options: &Options, proof: &Proof, committer: &mut Committer<'_>) -> Result<(), IngestError> {
    let Committer { writer, summary, .. } = committer;
    proof.problems.iter().for_each(|problem| summary.problem(|| problem.clone()));
    if options.verify {
        say_digests(proof, summary);
    }
    let is_wanted = |day: &&DigestDay| is_wanted_place(options, Some(&day.account_id), Some(&day.region), day.day, 0);
    let mut notes =
        ProofNotes { digests: proof.days.iter().filter(is_wanted).cloned().collect(), ..Default::default() };
    let before = missing_digests(&notes.digests);
    proof.for_each_listed(|listed| {
        settle_one(options, listed, &mut notes, writer, summary)?;
        if notes.verdicts.len() + notes.missing.len() >= NOTED_AT_ONCE {
            writer.note_proof(&std::mem::take(&mut notes))?;
        }
        Ok::<(), IngestError>(())
    })?;
    writer.note_proof(&notes)?;
    if options.verify {
        say_missing_digests(&before, writer, summary)?;
    }
    Ok(())
}

fn settle_one(
    options: &Options,
    listed: &ListedObject,
    notes: &mut ProofNotes,
    writer: &Writer,
    summary: &mut Summary,
) -> Result<(), IngestError> {
    let ObjectKey { account_id, region, date, .. } = ObjectKey::parse(&listed.key);
    let day = date.map_or(0, crate::time::days_of);
    if !is_wanted_place(options, account_id.as_deref(), region.as_deref(), day, 1) {
        return Ok(());
    }
    match (writer.standing_of(&listed.name)?, listed.listed_by()) {
        (Standing::Taken(Some(before)), _) if options.verify && before.verdict != ObjectVerdict::Valid => {
            let Some(sha256) = before.content_sha256 else { return Ok(()) };
            let (proof, _) = to_proof(listed.judge(&sha256), Some(sha256));
            if proof != before {
                note(summary, &listed.name, &proof);
                notes.verdicts.push((listed.name.clone(), proof));
            }
        }
        (Standing::Absent, Some(digest)) => {
            summary.missing += 1;
            if options.verify {
                summary.tampered += 1;
                summary.problem(|| format!("{}: missing: listed by {digest}", shown::name(&listed.key)));
            }
            notes.missing.push((listed.name.clone(), digest.to_owned()));
        }
        // Why it was not taken is said where it was not.
        (Standing::Refused, Some(digest)) => notes.missing.push((listed.name.clone(), digest.to_owned())),
        _ => {}
    }
    Ok(())
}

/// Says which digests are not what AWS wrote. Those that are missing are told by what the store knows: an archive may hold the
/// end of a chain alone.
fn say_digests(proof: &Proof, summary: &mut Summary) {
    for fault in proof.faults.iter().filter(|fault| fault.verdict == Verdict::DigestAltered) {
        summary.tampered += 1;
        summary.problem(|| format!("{}: {}: {}", shown::name(&fault.object), fault.verdict.name(), fault.reason));
    }
    if proof.faults_left_out > 0 {
        summary.tampered += proof.faults_left_out;
        summary.problem(|| format!("and {} digests more that were altered or are missing", proof.faults_left_out));
    }
    summary.signers = proof.signers.clone();
    summary.has_digests |= !proof.days.is_empty();
}

/// Chains of which a digest is named and not there, as far as these days tell.
fn missing_digests(days: &[DigestDay]) -> Vec<String> {
    let mut chains: Vec<String> =
        days.iter().filter(|day| day.named & !day.told != 0).map(|day| day.chain.clone()).collect();
    chains.dedup();
    chains
}

fn say_missing_digests(chains: &[String], writer: &Writer, summary: &mut Summary) -> Result<(), IngestError> {
    if chains.is_empty() {
        return Ok(());
    }
    let mut days: BTreeMap<String, Vec<DigestDay>> = BTreeMap::new();
    for day in writer.store().digest_days()? {
        days.entry(day.chain.clone()).or_default().push(day);
    }
    for chain in chains {
        for (day, hour) in days.get(chain).into_iter().flat_map(|days| crate::verify::missing_hours(days)) {
            summary.tampered += 1;
            let time = crate::time::format_time((i64::from(day) * 24 + i64::from(hour)) * 3_600_000_000);
            summary.problem(|| format!("{}: the digest of the hour from {time} is missing", shown::name(chain)));
        }
    }
    Ok(())
}
