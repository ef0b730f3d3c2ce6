//! The end of an ingest: for which hours there are digests, what they list and never came, and what they say of objects that
//! came before them.

use std::collections::BTreeMap;

use super::committer::Committer;
use super::error::IngestError;
use super::plan::is_wanted_place;
use super::proving::{ALTERED, NOTED_AT_ONCE, to_proof};
use super::{Options, Summary};
use crate::archive::ObjectKey;
use crate::store::{ObjectVerdict, ProofNotes, Standing, Writer};
use crate::util::shown;
use crate::verify::{DigestDay, ListedObject, Proof, Verdict};

/// Notes for which hours there are digests, what they list and never came, and, where they are proved, what they say of
/// objects that came before them.
pub(super) fn settle(options: &Options, proof: &Proof, committer: &mut Committer<'_>) -> Result<(), IngestError> {
    let Committer { writer, summary, .. } = committer;
    proof.problems.iter().for_each(|problem| summary.problem(|| problem.clone()));
    if options.verify {
        say_digests(proof, summary);
        summary.has_keys = !options.public_keys.is_empty();
    }
    let is_wanted =
        |day: &&DigestDay| is_wanted_place(options, Some(&day.account_id), Some(&day.region), Some(day.day), 0);
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
        say_altered(options, writer, summary)?;
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
    let day = date.map(crate::time::days_of);
    if !is_wanted_place(options, account_id.as_deref(), region.as_deref(), day, 1) {
        return Ok(());
    }
    match (writer.standing_of(&listed.name)?, listed.listed_by()) {
        (Standing::Taken(Some(before)), _) if options.verify && before.verdict != ObjectVerdict::Valid => {
            let Some(sha256) = before.content_sha256 else { return Ok(()) };
            let (proof, _) = to_proof(listed.judge(&sha256), Some(sha256));
            if proof != before {
                summary.verified.add(proof.verdict);
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

/// Says of every object in the store that is not what digests say, whichever run found it.
fn say_altered(options: &Options, writer: &Writer, summary: &mut Summary) -> Result<(), IngestError> {
    let (count, altered) = writer.store().altered_objects(ALTERED_MAX)?;
    let is_wanted = |name: &str| {
        let ObjectKey { account_id, region, date, .. } = ObjectKey::parse(&format!("{name}.json"));
        is_wanted_place(options, account_id.as_deref(), region.as_deref(), date.map(crate::time::days_of), 1)
    };
    let left_out = count - altered.len() as u64;
    for odd in altered.into_iter().filter(|odd| is_wanted(&odd.object)) {
        summary.tampered += 1;
        summary.problem(|| {
            let (name, reason) = (shown::name(&odd.object), odd.reason);
            format!("{name}: {ALTERED}: {reason}; it was taken in before, and its events are in the store")
        });
    }
    if left_out > 0 {
        summary.tampered += left_out;
        summary.problem(|| format!("and {left_out} log objects more that were taken in and are altered"));
    }
    Ok(())
}

/// Altered objects of a store that are looked at one by one.
const ALTERED_MAX: u64 = 10_000;

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
