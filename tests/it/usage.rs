//! Usage: what is counted of all events is what each of them takes by itself.

mod exact;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use trailpare::iam::{Catalog, Outcome, Resolver, permissions};
use trailpare::record::{Dictionaries, encode};
use trailpare::synth::{Config, generate};
use trailpare::usage::{Aggregator, EventColumns, is_foreign_copy};

use super::record;

/// How often an action was taken on a resource, with which outcome.
type Counts = BTreeMap<(Option<String>, String, Outcome), u64>;

fn batches(archive: &Path) -> Vec<RecordBatch> {
    let mut dictionaries = Dictionaries::default();
    let parse = |path: &PathBuf| record::parse(path, &mut dictionaries).expect("events").0;
    let objects: Vec<_> = record::files(archive).iter().map(parse).collect();
    let mut records: Vec<_> =
        objects.iter().flat_map(|object| object.records().iter().map(move |record| (object, record))).collect();
    encode(&mut records, &mut dictionaries).map(|batch| batch.expect("columns")).collect()
}

fn counted(batches: &[EventColumns]) -> Counts {
    let mut aggregator = Aggregator::resume(Resolver::new(Catalog::embedded()));
    batches.iter().for_each(|events| aggregator.add(events, |_| true));
    let mut counts = Counts::new();
    for row in aggregator.finish().0.into_rows() {
        let action = row.action.as_ref().map(|action| action.as_ref().to_owned());
        *counts.entry((action, row.resource.as_ref().to_owned(), row.outcome)).or_default() += row.event_count;
    }
    counts
}

fn one_by_one(batches: &[EventColumns]) -> Counts {
    let mut counts = Counts::new();
    for (events, row) in batches.iter().flat_map(|events| (0..events.len()).map(move |row| (events, row))) {
        if is_foreign_copy(events, row) {
            continue;
        }
        let resources = events.resources(row);
        let took = permissions(Catalog::embedded(), &events.event(row, &resources));
        let mut keys = BTreeSet::new();
        if took.no_permission.is_some() {
            keys.insert((None, "*".to_owned(), took.outcome));
        }
        for permission in &took.needed {
            let resources = permission.resources.iter().cloned();
            keys.extend(resources.map(|resource| (Some(permission.action.to_string()), resource, took.outcome)));
        }
        keys.into_iter().for_each(|key| *counts.entry(key).or_default() += 1);
    }
    counts
}

fn check(archive: &Path) {
    let batches: Vec<EventColumns> =
        batches(archive).iter().map(|batch| EventColumns::try_new(batch).expect("columns")).collect();
    let (counted, expected) = (counted(&batches), one_by_one(&batches));
    assert!(expected.len() > 20, "{}", expected.len());
    for (key, count) in &expected {
        assert_eq!(counted.get(key), Some(count), "{key:?}");
    }
    assert_eq!(counted.len(), expected.len());
}

#[test]
fn real_events_count_as_each_by_itself() {
    let Some(data) = super::data::dir() else { return };
    check(&data.join("real"));
}

#[test]
fn generated_events_count_as_each_by_itself() {
    let made = tempfile::tempdir().expect("a folder");
    let config = Config { objects: Some(8), seed: 11, ..Config::default() };
    generate(&config, made.path(), |_, _| {}).expect("an archive");
    check(made.path());
}
