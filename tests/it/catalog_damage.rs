//! Every value in the catalog is altered, one at a time: answers stay what they are or fail, `fsck` finds it, and a repair
//! makes the store what it was.
//!
//! What is in [`UNSEEN`] is the exception, with the reason. The two lists are the specification.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use rayon::prelude::*;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use trailpare::iam::Catalog;
use trailpare::ingest::{self, Options, Progress};
use trailpare::store::{Store, StoreError, Table, read_batches};
use trailpare::synth::{Config, generate};

/// Values that `fsck` can't tell from right ones, or that nobody takes an answer from: table, column (`*` all of them),
/// why. Answers are the same whatever they are, or are these texts themselves.
const UNSEEN: &[(&str, &str, &str)] = &[
    ("ducklake_snapshot", "snapshot_time", "when a commit was made is written nowhere else; it decides expiry alone"),
    (
        "ducklake_snapshot",
        "schema_version",
        "another program may have made a version of its own; rising numbers are sound",
    ),
    ("ducklake_snapshot", "next_catalog_id", "a number that is passed over names nothing"),
    ("ducklake_snapshot", "next_file_id", "a number that is passed over names nothing"),
    ("ducklake_snapshot_changes", "*", "a note for people; DuckDB compares those of commits made beside its own"),
    ("ducklake_schema", "schema_uuid", "names the schema, and is compared with nothing"),
    ("ducklake_table", "table_uuid", "names the table, and is compared with nothing"),
    (
        "ducklake_schema_versions",
        "schema_version",
        "two tables begin with the same one, and only changes are told by it",
    ),
    ("ducklake_table_stats", "next_row_id", "a row id that is passed over names nothing"),
    ("ducklake_table_column_stats", "contains_null", "true where no null is: a bound that is too wide"),
    ("ducklake_table_column_stats", "contains_nan", "no column holds floats: it is not looked at"),
    ("ducklake_table_column_stats", "min_value", "lower than the least: a bound that is too wide"),
    ("ducklake_table_column_stats", "max_value", "greater than the greatest: a bound that is too wide"),
    ("ducklake_table_column_stats", "extra_stats", "of types that no column has"),
    ("ducklake_table_column_stats", "-", "a column without bounds is read without them"),
    ("trailpare_metadata", "*", "created_by, mode and what other programs set: no answer comes from it"),
    ("trailpare_file_checks", "-", "a file without checksums is read whole to prove it"),
    ("trailpare_row_checks", "-", "a row without a record is compared with its file"),
    ("trailpare_snapshot_checks", "-", "a snapshot without a record is compared with the files' own numbers"),
    (
        "trailpare_file_origins",
        "*",
        "a damaged file's objects are asked for by all that no file is known of, if need be",
    ),
    ("trailpare_taken_objects", "*", "of another object than was taken: that one is read again, its events are known"),
    ("trailpare_name_prefixes", "*", "the same: names of objects that come are compared with it"),
    ("trailpare_places", "*", "where an object was read; it is compared with nothing"),
    ("trailpare_runs", "*", "what a run came to, which is written nowhere else; nothing follows from it"),
    ("trailpare_history", "*", "the same, of every run"),
    ("trailpare_archives", "*", "how many objects were seen, which the next run says anew"),
    ("trailpare_object_versions", "*", "of another content than was read: that object is read again"),
    ("trailpare_containers", "*", "of another container than was taken: that one is read again, its events are known"),
    ("trailpare_usage_catalogue", "version", "another version: the day's usage is derived anew"),
];

/// Sums over the ledger that `status` prints as they are: `fsck` says when they are not those of what they sum.
const SUMS: &[&str] = &["trailpare_totals", "trailpare_days", "trailpare_coverage"];

fn is_unseen(table: &str, column: &str) -> bool {
    UNSEEN.iter().any(|(t, c, _)| *t == table && (*c == column || *c == "*"))
}

/// A folder in memory where there is one: each commit waits for the disk otherwise.
fn tempdir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}

static MADE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempdir();
    let config = Config { objects: Some(8), events: Some(90), days: 2, ..Config::default() };
    generate(&config, &folder.path().join("archive"), |_, _| {}).expect("an archive");
    let mut objects: Vec<PathBuf> = walkdir::WalkDir::new(folder.path().join("archive"))
        .into_iter()
        .flatten()
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|end| end == "gz"))
        .collect();
    objects.sort_unstable();
    let store = folder.path().join("store");
    let late = objects.split_off(objects.len() / 2);
    take_in(&store, objects);
    take_in(&store, late);
    // A merge, so that a snapshot has files that the newest doesn't have.
    let options = ingest::OptimizeOptions {
        memory_limit_bytes: 256 << 20,
        threads: 1,
        file_bytes: 128 << 20,
        expire_older_than: std::time::Duration::from_secs(1_000_000),
        commit_interval: std::time::Duration::from_secs(60),
        mode: None,
    };
    let opened = Store::open(&store).expect("a store");
    ingest::optimize(&opened, &options, Catalog::embedded(), &Progress::default()).expect("merged");
    folder
});

fn take_in(store: &Path, archives: Vec<PathBuf>) {
    let store = Store::open_or_create(store).expect("a store");
    let options = Options { threads: 1, ..Options::of(archives) };
    ingest::ingest(&store, &options, Catalog::embedded(), &Progress::default()).expect("an ingest");
}

fn copy_of(from: &Path) -> tempfile::TempDir {
    let copy = tempdir();
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let target = copy.path().join(entry.path().strip_prefix(from).expect("below it"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("made");
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
    copy
}

/// What of a catalog commands take answers from; bounds and counts of columns may be unknown, but not others.
#[derive(PartialEq)]
struct Answers {
    files: Vec<String>,
    ledger: String,
    columns: BTreeSet<String>,
}

/// All that commands take from a catalog.
fn answers(dir: &Path) -> Result<Answers, StoreError> {
    let store = Store::open(dir)?;
    let (mut files, mut columns) = (Vec::new(), BTreeSet::new());
    for at in [None, Some(1), Some(3)] {
        let snapshot = store.snapshot(at)?;
        for file in Table::ALL.iter().flat_map(|table| snapshot.files(*table)) {
            let path = file.path.strip_prefix(dir).expect("below it").to_owned();
            columns.extend(file.columns.iter().map(|column| format!("{path:?} {column:?}")));
            files.push(format!("{at:?} {path:?} {} {} {}", file.rows, file.size_bytes, file.event_date));
        }
    }
    files.sort_unstable();
    let refused = (store.refused_objects()?, store.broken_records()?);
    Ok(Answers { files, columns, ledger: format!("{:?} {:?} {refused:?}", store.totals()?, store.days()?) })
}

/// All rows, in an order of their own.
fn rows(dir: &Path, table: Table) -> Vec<String> {
    let snapshot = Store::open(dir).expect("a store").snapshot(None).expect("a snapshot");
    let mut rows = Vec::new();
    for file in snapshot.files(table) {
        for batch in read_batches(file, None, None).expect("a file") {
            let batch = batch.expect("a batch");
            let options = FormatOptions::default();
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("a column"))
                .collect();
            rows.extend(
                (0..batch.num_rows()).map(|row| {
                    columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|")
                }),
            );
        }
    }
    rows.sort_unstable();
    rows
}

/// Tables with their columns and their first row; views and SQLite's own left out.
fn tables(connection: &Connection) -> BTreeMap<String, (Vec<String>, Vec<Vec<Value>>)> {
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(names).expect("SQL");
    let names: Vec<String> =
        statement.query_map([], |row| row.get(0)).expect("SQL").collect::<Result<_, _>>().expect("names");
    let read = |name: String| {
        let mut statement = connection.prepare(&format!("SELECT * FROM {name}")).expect("SQL");
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let count = columns.len();
        let rows = statement.query_map([], |row| (0..count).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>());
        let rows = rows.expect("SQL").collect::<Result<Vec<_>, _>>().expect("rows");
        (name, (columns, rows))
    };
    names.into_iter().map(read).collect()
}

fn altered(value: &Value) -> Value {
    match value {
        Value::Null => Value::Integer(1),
        Value::Integer(number) => Value::Integer(number + 1),
        Value::Real(number) => Value::Real(number + 1.0),
        Value::Text(text) => {
            let mut bytes = text.clone().into_bytes();
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            Value::Text(String::from_utf8(bytes).unwrap_or_else(|_| "altered".to_owned()))
        }
        Value::Blob(bytes) => {
            let mut bytes = bytes.clone();
            let at = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 16;
            }
            Value::Blob(bytes)
        }
    }
}

/// One thing that is done to a row: a column that is altered, or `-`, the row goes.
#[derive(Clone, Debug)]
struct Harm {
    table: String,
    column: String,
    sql: String,
    values: Vec<Value>,
}

fn harms(connection: &Connection) -> Vec<Harm> {
    let mut harms = Vec::new();
    for (table, (columns, rows)) in tables(connection) {
        let at = if rows.len() > 2 { rows.len() / 2 } else { 0 };
        let Some(row) = rows.get(at) else { continue };
        let places: Vec<String> =
            columns.iter().enumerate().map(|(at, name)| format!("\"{name}\" IS ?{}", at + 1)).collect();
        let condition = places.join(" AND ");
        let with = |column: &str, sql: String, values: Vec<Value>| Harm {
            table: table.clone(),
            column: column.to_owned(),
            sql,
            values,
        };
        harms.push(with("-", format!("DELETE FROM {table} WHERE {condition}"), row.clone()));
        for (name, value) in columns.iter().zip(row) {
            let sql = format!("UPDATE {table} SET \"{name}\" = ?{} WHERE {condition}", columns.len() + 1);
            harms.push(with(name, sql, row.iter().cloned().chain([altered(value)]).collect()));
        }
    }
    harms
}

/// What was as it should not be.
fn outcome(harm: &Harm, before: &Answers, all: &[Vec<String>; 2]) -> Vec<String> {
    let store = copy_of(&MADE.path().join("store"));
    let dir = store.path();
    let connection = Connection::open(dir.join("catalog.sqlite")).expect("a catalog");
    match connection.execute(&harm.sql, params_from_iter(&harm.values)) {
        Ok(1..) => {}
        // What a constraint forbids can't be there.
        _ => return Vec::new(),
    }
    drop(connection);
    let what = format!("{}.{}", harm.table, harm.column);
    let mut wrong = Vec::new();
    let is_unseen = is_unseen(&harm.table, &harm.column);
    match answers(dir) {
        Ok(now) if now.files != before.files || !now.columns.is_subset(&before.columns) => {
            let differing: Vec<&String> =
                now.files.iter().filter(|line| !before.files.contains(line)).take(1).collect();
            wrong.push(format!("{what}: another answer: {differing:?}"));
        }
        Ok(now) if now.ledger != before.ledger && !SUMS.contains(&harm.table.as_str()) => {
            wrong.push(format!("{what}: another ledger: {}", now.ledger));
        }
        Ok(_) => {}
        Err(error) => {
            let said = error.to_string();
            if !said.contains("catalog.sqlite") && !said.contains(".parquet") && !said.contains("store") {
                wrong.push(format!("{what}: an error without a place: {said}"));
            }
            if !said.contains("hint:") {
                wrong.push(format!("{what}: an error without a hint: {said}"));
            }
        }
    }
    let found = Store::open_to_check(dir)
        .map_err(Into::into)
        .and_then(|store| ingest::fsck(&store, false, Catalog::embedded()));
    match &found {
        Ok(checked) if checked.findings.is_empty() && !is_unseen => wrong.push(format!("{what}: fsck finds nothing")),
        _ => {}
    }
    match ingest::repair(dir, Duration::ZERO, false, Catalog::embedded()) {
        // Objects are asked for again, or are not known any more.
        Ok((_, repaired)) if repaired.objects > 0 || repaired.catalog.is_some() => {
            take_in(dir, vec![MADE.path().join("archive")]);
        }
        Ok(_) => {}
        Err(error) => {
            wrong.push(format!("{what}: no repair: {error}"));
            return wrong;
        }
    }
    for (table, right) in Table::ALL.into_iter().zip(all) {
        let now = rows(dir, table);
        if now != *right {
            wrong.push(format!("{what}: {} has {} rows in the place of {}", table.name(), now.len(), right.len()));
        }
    }
    match ingest::fsck(&Store::open(dir).expect("a store"), true, Catalog::embedded()) {
        Ok(checked) if checked.findings.is_empty() => {}
        other => wrong.push(format!("{what}: after the repair {:?}", other.map(|checked| checked.findings))),
    }
    wrong
}

#[test]
fn every_altered_value_is_found_or_makes_no_difference_and_is_mended() {
    let store = MADE.path().join("store");
    let before = answers(&store).expect("answers");
    let all = Table::ALL.map(|table| rows(&store, table));
    let connection = Connection::open(store.join("catalog.sqlite")).expect("a catalog");
    let harms = harms(&connection);
    drop(connection);
    assert!(harms.len() > 150, "{}", harms.len());
    let wrong: Vec<String> = harms.par_iter().flat_map(|harm| outcome(harm, &before, &all)).collect();
    assert!(wrong.is_empty(), "{} of {} harms:\n{}", wrong.len(), harms.len(), wrong.join("\n"));
}

#[test]
fn a_catalog_is_made_anew_from_the_data_files() {
    let sound = MADE.path().join("store");
    let all = Table::ALL.map(|table| rows(&sound, table));
    let size = fs::metadata(sound.join("catalog.sqlite")).expect("a catalog").len() as usize;
    type Harm = fn(&mut Vec<u8>, usize);
    let harms: [(&str, Harm); 4] = [
        ("gone", |_, _| {}),
        ("no database", |bytes, _| bytes[..16].fill(7)),
        ("half", |bytes, size| bytes.truncate(size / 2)),
        ("its schema", |bytes, _| bytes[100..1024].fill(255)),
    ];
    for (what, harm) in harms {
        let store = copy_of(&sound);
        let dir = store.path();
        let catalog = dir.join("catalog.sqlite");
        let mut bytes = fs::read(&catalog).expect("a catalog");
        harm(&mut bytes, size);
        match what {
            "gone" => fs::remove_file(&catalog).expect("removed"),
            _ => fs::write(&catalog, &bytes).expect("written"),
        }
        let error = Store::open(dir).expect_err(what).to_string();
        assert!(error.contains("catalog.sqlite") && error.contains("fsck --repair"), "{what}: {error}");
        assert!(Store::open_or_create(dir).is_err(), "{what}");
        let (checked, repaired) = ingest::repair(dir, Duration::ZERO, true, Catalog::embedded()).expect(what);
        assert!(!checked.findings.is_empty() && repaired.catalog.is_some(), "{what}");
        if what != "gone" {
            let old = dir.join(repaired.catalog.expect("the old catalog"));
            assert_eq!(fs::read(old).expect("it is kept"), bytes, "{what}");
        }
        for (table, right) in Table::ALL.into_iter().zip(&all) {
            assert!(rows(dir, table) == *right, "{what}: {}", table.name());
        }
        take_in(dir, vec![MADE.path().join("archive")]);
        let (now, then) = (Store::open(dir).expect("a store"), Store::open(&sound).expect("a store"));
        assert_eq!(now.totals().expect("totals"), then.totals().expect("totals"), "{what}");
        assert_eq!(now.days().expect("days"), then.days().expect("days"), "{what}");
        assert!(rows(dir, Table::Events) == all[0] && rows(dir, Table::Usage) == all[1], "{what}");
        let checked = ingest::fsck(&now, true, Catalog::embedded()).expect("fsck");
        assert!(checked.findings.is_empty(), "{what}: {:?}", checked.findings);
    }
}
