//! One batch: a bounded list of log objects → data files of a day each that nobody sees yet.

use std::collections::BTreeMap;
use std::path::Path;

use hashbrown::HashMap;

use super::conflicts::Doubt;
use super::day_counts::count;
use super::day_writer::write_days;
use super::dedup::{Claimed, Dedup};
use super::error::IngestError;
use super::load::{Loaded, Memory};
use super::mended::{Elements, Standing};
use super::pack::Seen;
use super::planned::Identity;
use super::proving::Proved;
use super::remote::version;
use super::timings::{Stage, Timings};
use super::usage_files::write_counted;
use crate::iam::{Catalog, Resolver};
use crate::record::{self, Dictionaries, ParsedObject, Record};
use crate::store::{BrokenEntry, DayCount, KeptOut, LedgerEntry, ObjectVerdict, StagedFile, Struck};
use crate::time::days_of;
use crate::usage::{Aggregator, EventColumns, Rollup, SharedCalls};

/// The events of a batch that are new, and what each object brought.
pub(super) struct Claim {
    /// For each object, for each of its records: whether it is new.
    new: Vec<Vec<bool>>,
    /// Objects and their records that are not new and may say something else than what is there.
    doubtful: Vec<(usize, usize)>,
    /// Records that had been kept out and have come now.
    mended: Vec<(String, u64)>,
}

/// Claims the events of a batch: from now on they are known.
pub(super) fn claim(objects: &[Loaded], seen: &mut Dedup, standing: &mut Standing) -> Result<Claim, IngestError> {
    let mended = mended(objects, standing);
    let mut claim = Claim { new: Vec::with_capacity(objects.len()), doubtful: Vec::new(), mended };
    for (at, loaded) in objects.iter().enumerate() {
        let mut new = Vec::with_capacity(loaded.object.records().len());
        for (index, record) in loaded.object.records().iter().enumerate() {
            let claimed = seen.claim(record.event_time_us, record.event_key, record.fingerprint)?;
            if claimed == Claimed::Doubtful {
                claim.doubtful.push((at, index));
            }
            new.push(claimed == Claimed::New);
        }
        claim.new.push(new);
    }
    Ok(claim)
}

/// Which records that were kept out of earlier objects, or of others of the batch, have come; those that are kept out
/// now stand from here on.
fn mended(objects: &[Loaded], standing: &mut Standing) -> Vec<(String, u64)> {
    for loaded in objects.iter().filter(|loaded| !loaded.is_whole()) {
        let (name, broken) = (loaded.planned.ledger_name(&loaded.sha256), loaded.kept_out());
        for BrokenEntry { index, neighbours, .. } in broken {
            standing.add(KeptOut { name: name.clone(), index, neighbours });
        }
    }
    if standing.is_empty() {
        return Vec::new();
    }
    let of_object = |loaded: &Loaded| {
        let (name, events) = (loaded.planned.ledger_name(&loaded.sha256), loaded.events());
        let kept_out: Vec<u64> = loaded.unsound().iter().map(|entry| entry.index).collect();
        standing.mended_by(&Elements { name: &name, events: &events, kept_out: &kept_out })
    };
    objects.iter().flat_map(of_object).collect()
}

/// What a batch came to.
#[derive(Default)]
pub(super) struct Converted {
    pub files: Vec<StagedFile>,
    pub usage: Rollup,
    /// By day, what there is of calls between accounts.
    pub shared: BTreeMap<i32, SharedCalls>,
    /// The first object's day, as its name says it, where objects come in the order of their days.
    pub date: Option<i32>,
    pub objects: Vec<LedgerEntry>,
    pub days: Vec<DayCount>,
    /// Records that may say something else than those of the same id.
    pub doubts: Vec<Doubt>,
    /// How many objects were known by their content.
    pub known: u64,
    /// What was found in containers.
    pub seen: Seen,
    /// What digests say of what was taken in before.
    pub proved: Vec<Proved>,
    /// What stands as refused although it is known.
    pub struck: Vec<Struck>,
    /// Records that had been kept out and have come since.
    pub mended: Vec<(String, u64)>,
    pub json_bytes: u64,
}

/// Turns the new events of a batch into one data file a day, and their usage. `is_beside`: another thread is to write.
pub(super) fn convert<'c>(
    objects: &[Loaded],
    claim: &Claim,
    refused: Vec<LedgerEntry>,
    memory: &mut Memory<'c>,
    catalog: &'c Catalog,
    (staging, is_beside): (&Path, bool),
    stages: &Timings,
) -> Result<Converted, IngestError> {
    let date = objects.first().and_then(|loaded| loaded.planned.date).map(days_of);
    let (doubts, mended) = (doubts(objects, claim), claim.mended.clone());
    let mut converted = Converted { objects: refused, date, doubts, mended, ..Default::default() };
    let mut by_day: BTreeMap<i32, Vec<(&ParsedObject, &Record)>> = BTreeMap::new();
    for (loaded, new) in objects.iter().zip(&claim.new) {
        converted.json_bytes += loaded.json_bytes;
        converted.objects.push(ledger_entry(loaded, new, &mut memory.dictionaries));
        for (record, _) in loaded.object.records().iter().zip(new).filter(|(_, new)| **new) {
            by_day.entry(record.event_date).or_default().push((&loaded.object, record));
        }
    }
    let resolver = memory.resolver.take().unwrap_or_else(|| Resolver::with_others(catalog, memory.common.clone()));
    let mut aggregator = Aggregator::resume(resolver);
    let usage_bytes = memory.usage_bytes;
    let dictionaries = &mut memory.dictionaries;
    let files = write_days(staging, stages, is_beside, |write| {
        for (event_date, mut records) in by_day {
            let mut counts: HashMap<(String, String), u64> = HashMap::new();
            let mut batches = stages.time(Stage::Encode, || record::encode(&mut records, dictionaries));
            while let Some(batch) = stages.time(Stage::Encode, || batches.next()) {
                let batch = batch?;
                write(event_date, &batch)?;
                let columns = EventColumns::try_new(&batch)?;
                stages.time(Stage::Usage, || {
                    aggregator.add_bounded(
                        &columns,
                        |_| true,
                        |aggregator| {
                            aggregator.bound();
                            if aggregator.size_bytes() > usage_bytes {
                                converted.files.extend(write_counted(staging, &aggregator.take())?);
                            }
                            Ok::<_, IngestError>(())
                        },
                    )?;
                    Ok::<_, IngestError>(converted.shared.entry(event_date).or_default().add(&batch, &columns)?)
                })?;
                count(&batch, &mut counts);
            }
            converted.days.extend(counts.into_iter().map(|((account_id, aws_region), events)| DayCount {
                event_date,
                account_id,
                aws_region,
                events,
            }));
        }
        Ok(())
    })?;
    converted.files.extend(files);
    memory.resolver = Some(stages.time(Stage::Usage, || {
        let (mut counted, used) = aggregator.finish();
        counted.bound();
        converted.usage = counted;
        used
    }));
    Ok(converted)
}

/// The records that are in doubt, but for those that differ in nothing but the order of keys and the like.
fn doubts(objects: &[Loaded], claim: &Claim) -> Vec<Doubt> {
    let doubt = |(at, index): &(usize, usize)| {
        let loaded = objects.get(*at)?;
        let record = loaded.object.records().get(*index)?;
        let place = loaded.place_of(*index, record);
        let is_proved = loaded.proof.as_ref().is_some_and(|proof| proof.verdict == ObjectVerdict::Valid);
        Doubt::new(&loaded.object, record, &loaded.path, place, is_proved)
    };
    claim.doubtful.iter().filter_map(doubt).collect()
}

fn ledger_entry(loaded: &Loaded, new: &[bool], dictionaries: &mut Dictionaries) -> LedgerEntry {
    let events = new.iter().filter(|new| **new).count() as u64;
    let broken = loaded.kept_out();
    LedgerEntry {
        name: loaded.planned.ledger_name(&loaded.sha256),
        path: loaded.path.to_string_lossy().into_owned(),
        size_bytes: loaded.size_bytes,
        sha256: Some(loaded.sha256),
        records: (new.len() + broken.len()) as u64,
        events,
        duplicates: new.len() as u64 - events,
        broken,
        is_again: matches!(loaded.planned.identity, Identity::Again(_)),
        proof: loaded.proof.clone(),
        far: loaded.far_events(),
        strays: loaded.strays(new, dictionaries),
        // How many is known when they are compared.
        displaces: loaded.is_displacing.then_some(0),
        version: version(loaded.planned.stored.as_ref()),
        refused: None,
    }
}
