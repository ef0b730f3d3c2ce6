//! Made-up archives in the real key layout, for trying out and for benchmarks.
//!
//! An organisation is drawn from a seed: accounts and what is in them ([`world`](self)), people, pipelines, programs
//! and services that each have a habit, and objects with their events. Everything about an event follows from the seed
//! and its place, so that the same configuration gives the same bytes, with however many threads.

mod actors;
mod agents;
mod config;
mod dates;
mod digests;
mod error;
mod events;
mod identity;
mod jobs;
mod object;
mod organization;
mod output;
mod plan;
mod record;
mod rng;
mod scene;
mod template;
mod world;

use std::fs;
use std::path::Path;

use libdeflater::Compressor;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

pub use config::{Config, Shape};
use digests::Delivered;
pub use error::SynthError;
use object::Writer;
pub use organization::{Person, organization, people};
use output::{compress, compressor, store};
use plan::Plan;
use world::World;

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Log objects.
    pub objects: u64,
    /// Records in them.
    pub records: u64,
    /// Distinct events among them; with a slice, those that stand in no object before.
    pub events: u64,
    /// Digest objects.
    pub digests: u64,
    /// Bytes of JSON in the log objects.
    pub json_bytes: u64,
    /// Bytes of the log objects as stored.
    pub stored_bytes: u64,
}

/// Objects to make in one go, at the most.
const OBJECTS_MAX: u64 = 50_000_000;

/// Writes an archive below `out`. `progress` is told of each object: its JSON bytes and its stored bytes.
///
/// # Errors
/// A configuration that makes no sense, a folder that isn't empty, the disk.
#[expect(clippy::cast_possible_truncation, reason = "made-up numbers within the bounds that the configuration sets")]
pub fn generate(config: &Config, out: &Path, progress: impl Fn(u64, u64) + Sync) -> Result<Summary, SynthError> {
    let (objects, events) = amounts(config)?;
    check(config)?;
    let is_used = fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    // Slices are put beside one another.
    if is_used && config.slice.is_none() {
        return Err(SynthError::NotEmpty(out.to_owned()));
    }
    let world = World::new(config);
    let plan = Plan::new(config, &world, objects as usize, events);
    let writer = Writer::new(config, &world, &plan)?;
    let (slice, slices) = config.slice.unwrap_or((0, 1));
    let bound = |slice: u64| (u128::from(objects) * u128::from(slice) / u128::from(slices)) as u32;
    let written = (bound(slice)..bound(slice + 1))
        .into_par_iter()
        .map_init(Hand::default, |hand, index| hand.write(&writer, config, index, out, &progress))
        .collect::<Result<Vec<_>, SynthError>>()?;
    let mut summary = Summary::default();
    for one in &written {
        summary.objects += 1;
        summary.records += one.records;
        summary.events += one.events;
        summary.json_bytes += one.json_bytes;
        summary.stored_bytes += one.stored_bytes;
    }
    if config.digests {
        let delivered: Vec<Delivered> = written.iter().map(|one| one.delivered).collect();
        summary.digests = digests::write(&writer, &delivered, out)?;
    }
    Ok(summary)
}

/// Objects and records.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "made-up numbers within the bounds that the configuration sets"
)]
fn amounts(config: &Config) -> Result<(u64, u64), SynthError> {
    let per_object = config.shape.events_per_object();
    let (objects, events) = match (config.objects, config.events) {
        (Some(objects), Some(events)) => (objects, events),
        (Some(objects), None) => (objects, (objects as f64 * per_object).ceil() as u64),
        (None, Some(events)) => (((events as f64 / per_object).ceil() as u64).max(1), events),
        (None, None) => return Err(SynthError::Config("neither objects nor events given".to_owned())),
    };
    let fail = |text: String| Err(SynthError::Config(text));
    if objects == 0 || objects > OBJECTS_MAX {
        return fail(format!("{objects} objects\nhint: 1 to {OBJECTS_MAX}"));
    }
    if events < objects {
        return fail(format!(
            "{events} events don't fill {objects} objects\nhint: give at least as many events as objects"
        ));
    }
    // Within what one object can hold, with room for the uneven shares.
    if events / objects > 10_000_000 {
        return fail(format!("{events} events are too many for {objects} objects\nhint: give more objects"));
    }
    Ok((objects, events))
}

fn check(config: &Config) -> Result<(), SynthError> {
    let fail = |text: &str| Err(SynthError::Config(text.to_owned()));
    if !(1..=100_000).contains(&config.accounts) || !(1..=1_000_000).contains(&config.principals) {
        return fail("accounts: 1 to 100000; principals: 1 to 1000000");
    }
    if config.people.is_some_and(|people| !(1..=config.principals).contains(&people)) {
        return fail("people: 1 to as many as there are principals");
    }
    if !(2..=actors::SETS.len() + 1).contains(&config.permission_sets) {
        return fail("permission sets: 2 to 40");
    }
    if config.regions.is_empty() || !(1..=36_500).contains(&config.days) {
        return fail("at least one region, and 1 to 36500 days");
    }
    if !(0.0..=1.0).contains(&config.denial_rate) || !(0.0..=0.9).contains(&config.duplicate_rate) {
        return fail("the share of denials: 0 to 1, of duplicates: 0 to 0.9");
    }
    if config.slice.is_some_and(|(slice, slices)| slice >= slices) {
        return fail("a slice is K of N, K from 1 to N");
    }
    Ok(())
}

/// What one thread reuses.
#[derive(Default)]
struct Hand {
    json: Vec<u8>,
    compressor: Option<Compressor>,
}

struct Written {
    records: u64,
    events: u64,
    json_bytes: u64,
    stored_bytes: u64,
    delivered: Delivered,
}

impl Hand {
    fn write(
        &mut self,
        writer: &Writer<'_>,
        config: &Config,
        index: u32,
        out: &Path,
        progress: &impl Fn(u64, u64),
    ) -> Result<Written, SynthError> {
        let (times, events) = writer.write(index, &mut self.json);
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(compressor(config.level)?),
        };
        let stored = compress(&self.json, compressor)?;
        let planned = writer.plan.objects.get(index as usize);
        let folder = planned.map(|object| writer.folder(object, "CloudTrail", object.delivered)).unwrap_or_default();
        store(&out.join(folder).join(format!("{}.json.gz", writer.name(index))), &stored)?;
        let (json_bytes, stored_bytes) = (self.json.len() as u64, stored.len() as u64);
        progress(json_bytes, stored_bytes);
        let sha256 = if config.digests { Sha256::digest(&self.json).into() } else { [0; 32] };
        let records = planned.map_or(0, |object| u64::from(object.events));
        Ok(Written { records, events, json_bytes, stored_bytes, delivered: Delivered { index, sha256, times } })
    }
}
