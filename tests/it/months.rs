//! Months of usage summed up say what their days say.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use trailpare::iam::Catalog;
use trailpare::ingest::{self, Options, Progress};
use trailpare::store::Store;
use trailpare::synth::{Config, generate};
use trailpare::time::parse_time;
use trailpare::usage::{self, Selection, Sessions, TimeRange, UsageRow};

fn take_in(store: &Store, archives: Vec<PathBuf>) {
    let options = Options { threads: 2, commit_interval: Duration::from_secs(10), ..Options::of(archives) };
    ingest::ingest(store, &options, Catalog::embedded(), &Progress::default()).expect("an ingest");
}

fn copies(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store.join("usage-months")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// What is asked for: everybody, a few, and windows that hold a month, and that cut one.
fn questions() -> Vec<(Selection, TimeRange)> {
    let of = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>();
    let everybody = Selection { principals: of(&["*"]), ..Selection::default() };
    let roles = Selection { roles: of(&["*a*"]), accounts: of(&["*1*", "*5*"]), ..Selection::default() };
    let sets = Selection { permission_sets: of(&["*"]), ..Selection::default() };
    let whole = TimeRange::default();
    let from = TimeRange { from_us: parse_time("2024-03-03"), to_us: None };
    let cut = TimeRange { from_us: parse_time("2024-03-02T07:30:00Z"), to_us: parse_time("2024-03-06") };
    // One who did nothing on the first day.
    let late = Selection { users: of(&["*"]), ..Selection::default() };
    [everybody, roles, sets, late]
        .into_iter()
        .flat_map(|who| [whole, from, cut].map(|range| (who.clone(), range)))
        .collect()
}

fn answers(store: &Store) -> Vec<Vec<UsageRow>> {
    let snapshot = store.snapshot_with(None, usage::STATISTICS).expect("a snapshot");
    let answer = |(who, range): (Selection, TimeRange)| {
        usage::read(&snapshot, &who, &range, Sessions::Together, Catalog::embedded()).expect("usage")
    };
    questions().into_iter().map(answer).collect()
}

/// The same by the days alone.
fn answers_by_days(store: &Store) -> Vec<Vec<UsageRow>> {
    let (months, aside) = (store.dir().join("usage-months"), store.dir().join("aside"));
    fs::rename(&months, &aside).expect("moved aside");
    let answers = answers(store);
    fs::rename(&aside, &months).expect("moved back");
    answers
}

#[test]
fn answers_from_months_are_those_from_days() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    let config = Config { objects: Some(60), events: Some(6_000), days: 9, accounts: 4, ..Config::default() };
    generate(&config, &archive, |_, _| {}).expect("an archive");
    let objects = walkdir::WalkDir::new(&archive).into_iter().flatten().map(walkdir::DirEntry::into_path);
    let mut objects: Vec<PathBuf> = objects.filter(|path| path.extension().is_some_and(|end| end == "gz")).collect();
    objects.sort_unstable();
    let late = objects.split_off(objects.len() * 3 / 4);
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    take_in(&store, objects);
    let refresh = || {
        let writer = store.writer().expect("the writer");
        usage::refresh_months(&writer, 1, 1_000_000).expect("months");
    };
    refresh();
    let before = copies(store.dir());
    assert!(!before.is_empty());
    assert_eq!(answers(&store), answers_by_days(&store));
    // Nothing new: the copies stay as they are.
    refresh();
    assert_eq!(copies(store.dir()), before);
    // Late objects of days that a copy sums: it no longer stands for them until it is made anew.
    take_in(&store, late);
    assert_eq!(answers(&store), answers_by_days(&store));
    refresh();
    let after = copies(store.dir());
    assert!(after != before && after.len() == before.len(), "{after:?}");
    assert_eq!(answers(&store), answers_by_days(&store));
    // A copy that was cut short is as good as none.
    for copy in after {
        let bytes = fs::read(&copy).expect("a copy");
        fs::write(&copy, &bytes[..bytes.len() / 2]).expect("cut short");
    }
    assert_eq!(answers(&store), answers_by_days(&store));
    // One with too many rows isn't kept.
    let writer = store.writer().expect("the writer");
    usage::refresh_months(&writer, 1, 0).expect("months");
    assert_eq!(copies(store.dir()), Vec::<PathBuf>::new());
}

#[test]
fn usage_derived_anew_is_summed_up_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    let config = Config { objects: Some(40), events: Some(3_000), days: 20, ..Config::default() };
    generate(&config, &archive, |_, _| {}).expect("an archive");
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    take_in(&store, vec![archive]);
    let before = copies(store.dir());
    let catalogue = fs::read_to_string("src/iam/catalog/tables/catalogue.txt").expect("the catalogue");
    let newer = catalogue.replacen("\nversion ", "\nversion 9.", 1);
    let newer = Catalog::load(newer.as_bytes()).expect("a catalogue");
    let days = ingest::refresh_usage(&store, &newer).expect("usage");
    assert!(days > 8, "{days}");
    let after = copies(store.dir());
    assert!(!before.is_empty() && after.len() == before.len() && after != before, "{before:?} {after:?}");
    let snapshot = store.snapshot_with(None, usage::STATISTICS).expect("a snapshot");
    let files: Vec<_> = snapshot.files(trailpare::store::Table::Usage).iter().collect();
    let summed = snapshot.usage_months(&files);
    assert!(files.iter().filter(|file| summed.iter().any(|month| month.covers(file))).count() > 8);
    assert_eq!(answers(&store), answers_by_days(&store));
}
