//! What maintenance promises: the same rows in fewer files, nothing lost to a kill, nothing kept that nobody needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use trailpare::query;
use trailpare::store::{Store, Table};
use trailpare::usage::{self, Selection, Sessions, TimeRange};

fn trailpare(args: &[&str], store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env("TRAILPARE_STORE", store).stdin(Stdio::null());
    command
}

fn run(args: &[&str], store: &Path) -> Output {
    trailpare(args, store).output().expect("the program starts")
}

/// What it says on either output.
fn ok(args: &[&str], store: &Path) -> (String, String) {
    let output = run(args, store);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

/// Every row of a table, at a snapshot or the newest one, in an order of its own.
fn rows(store: &Path, table: &str, at: Option<i64>) -> Vec<String> {
    let sql = format!("SELECT * FROM {table}");
    let at = at.map(|at| at.to_string());
    let mut args = vec!["sql", "--format", "csv", &sql];
    args.extend(at.iter().flat_map(|at| ["--at", at.as_str()]));
    let mut lines: Vec<String> = ok(&args, store).0.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

const NIGHTS: usize = 12;

/// A store of twelve nightly ingests over four days, and one of all at once.
struct Stores {
    folder: tempfile::TempDir,
    events: Vec<String>,
    usage: Vec<String>,
}

static STORES: LazyLock<Stores> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, many, once) = (folder.path().join("archive"), folder.path().join("many"), folder.path().join("once"));
    for night in 1..=NIGHTS {
        let slice = archive.join(night.to_string());
        let (slice, part) = (slice.to_str().expect("UTF-8"), format!("{night}/{NIGHTS}"));
        let size = ["--objects", "96", "--events", "2400", "--days", "4", "--slice", &part];
        ok(&[&["synth", slice][..], &size].concat(), &many);
        ok(&["ingest", slice], &many);
    }
    ok(&["ingest", archive.to_str().expect("UTF-8")], &once);
    let (events, usage) = (rows(&once, "events", None), rows(&once, "usage", None));
    Stores { folder, events, usage }
});

/// A copy of the store of many nights.
fn nights() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    let many = STORES.folder.path().join("many");
    for entry in walkdir::WalkDir::new(&many).into_iter().flatten() {
        let target = copy.path().join(entry.path().strip_prefix(&many).expect("below it"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("made");
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
    copy
}

fn is_as_at_once(store: &Path) {
    assert!(rows(store, "events", None) == STORES.events, "events differ");
    assert!(rows(store, "usage", None) == STORES.usage, "usage differs");
}

fn files(folder: PathBuf) -> BTreeSet<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    entries.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path()).collect()
}

/// The files in the tables' folders are those of the newest snapshot: a bare glob sees what SQL sees.
fn globs_see_the_newest_snapshot(store: &Path) {
    let snapshot = Store::open(store).expect("a store").snapshot(None).expect("a snapshot");
    let live: BTreeSet<PathBuf> =
        Table::ALL.iter().flat_map(|table| snapshot.files(*table)).map(|file| file.path.clone()).collect();
    assert_eq!(files(store.join("data/main")), live);
}

fn newest(store: &Path) -> i64 {
    Store::open(store).expect("a store").snapshot(None).expect("a snapshot").id
}

/// How many files a table has of its days, the most and the fewest.
fn files_a_day(store: &Path, table: Table) -> (usize, usize) {
    let snapshot = Store::open(store).expect("a store").snapshot(None).expect("a snapshot");
    let dates: BTreeSet<i32> = snapshot.files(table).iter().map(|file| file.event_date).collect();
    let counts = dates.iter().map(|date| snapshot.files(table).iter().filter(|f| f.event_date == *date).count());
    (counts.clone().max().unwrap_or(0), counts.min().unwrap_or(0))
}

#[test]
fn many_nights_become_as_if_written_at_once() {
    let store = nights();
    let store = store.path();
    assert!(files_a_day(store, Table::Events).0 >= 3, "not many nights");
    is_as_at_once(store);
    let (_, planned) = ok(&["optimize", "--dry-run"], store);
    assert!(planned.contains("days would be merged"), "{planned}");
    assert!(files_a_day(store, Table::Events).0 >= 3, "a dry run does nothing");
    let (out, said) = ok(&["optimize", "--expire-older-than", "0"], store);
    assert!(out.is_empty() && said.contains("days merged"), "{out}{said}");
    is_as_at_once(store);
    assert_eq!(files_a_day(store, Table::Events), (1, 1));
    // What only called accounts logged has files of its own.
    assert!(files_a_day(store, Table::Usage).0 <= 2);
    globs_see_the_newest_snapshot(store);
    assert_eq!(files(store.join("data/replaced")), BTreeSet::new());
    // A second run finds nothing to do.
    let (before, snapshot) = (files(store.join("data")), newest(store));
    let (_, said) = ok(&["optimize"], store);
    assert!(said.contains("0 days merged") && said.contains("0 files removed"), "{said}");
    assert_eq!((files(store.join("data")), newest(store)), (before, snapshot));
}

#[test]
fn a_merged_file_is_sorted_and_its_statistics_find_every_row() {
    let store = nights();
    let store = store.path();
    ok(&["optimize", "--expire-older-than", "0"], store);
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) AS n FROM events {condition}");
        ok(&["sql", "--format", "csv", &sql], store).0.lines().nth(1).map(str::to_owned)
    };
    let (counts, _) = ok(
        &[
            "sql",
            "--format",
            "csv",
            "SELECT principal_arn, count(*) FROM events WHERE principal_arn LIKE 'arn:%' GROUP BY 1",
        ],
        store,
    );
    for line in counts.lines().skip(1).take(5) {
        let (arn, n) = line.rsplit_once(',').expect("two columns");
        assert_eq!(count(&format!("WHERE principal_arn = '{arn}'")).as_deref(), Some(n), "{arn}");
    }
    for file in Store::open(store).expect("a store").snapshot(None).expect("a snapshot").files(Table::Events) {
        let mut last = Vec::new();
        for batch in trailpare::store::read_batches(&file.path, Some(Table::Events.sort_order()), None).expect("a file")
        {
            let batch = batch.expect("a batch");
            let columns: Vec<_> =
                Table::Events.sort_order().iter().filter_map(|name| batch.column_by_name(name)).cloned().collect();
            let fields = columns.iter().map(|c| arrow::row::SortField::new(c.data_type().clone()));
            let converter = arrow::row::RowConverter::new(fields.collect()).expect("sortable");
            for row in converter.convert_columns(&columns).expect("sortable").iter() {
                assert!(last.as_slice() <= row.as_ref(), "{}", file.path.display());
                last = row.as_ref().to_vec();
            }
        }
    }
}

#[test]
fn an_old_snapshot_stays_readable_until_it_expires() {
    let store = nights();
    let store = store.path();
    let at = newest(store);
    let earlier = rows(store, "events", Some(at / 2));
    ok(&["optimize"], store);
    assert!(newest(store) > at);
    assert!(rows(store, "events", Some(at)) == STORES.events);
    assert!(rows(store, "usage", Some(at)) == STORES.usage);
    assert!(rows(store, "events", Some(at / 2)) == earlier);
    globs_see_the_newest_snapshot(store);
    let (_, said) = ok(&["optimize", "--expire-older-than", "0"], store);
    assert!(said.contains("snapshots expired"), "{said}");
    is_as_at_once(store);
    assert_eq!(files(store.join("data/replaced")), BTreeSet::new());
    let gone = run(&["policy", "--role", "*", "--at", &at.to_string()], store);
    let said = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert_eq!(gone.status.code(), Some(1));
    assert!(said.contains(&format!("snapshot {at} has expired; the store keeps")), "{said}");
    // The next night comes in as ever.
    let again = STORES.folder.path().join("archive");
    let (_, said) = ok(&["ingest", again.to_str().expect("UTF-8")], store);
    assert!(said.contains("0 objects taken in"), "{said}");
}

#[test]
fn a_reader_keeps_its_snapshot_while_files_are_replaced() {
    let store = nights();
    let snapshot = Store::open(store.path()).expect("a store").snapshot(None).expect("a snapshot");
    ok(&["optimize"], store.path());
    assert!(snapshot.files(Table::Events).iter().any(|file| !file.path.exists()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let counted = runtime.block_on(async {
        let context = query::session(&snapshot, &query::Options::default()).await.expect("a session");
        let batches =
            context.sql("SELECT event_id, request_parameters FROM events").await.expect("SQL").collect().await;
        batches.expect("rows").iter().map(|batch| batch.num_rows()).sum::<usize>()
    });
    assert_eq!(counted + 1, STORES.events.len());
    let everybody = Selection { principals: vec!["*".to_owned()], ..Selection::default() };
    let catalog = trailpare::iam::Catalog::embedded();
    let rows = usage::read(&snapshot, &everybody, &TimeRange::default(), Sessions::Apart, catalog).expect("usage");
    assert!(!rows.is_empty());
}

#[test]
fn killed_and_finished_it_is_as_if_it_had_run_once() {
    let args = ["optimize", "--expire-older-than", "0", "--commit-interval", "0", "--quiet"];
    let whole = nights();
    let began = Instant::now();
    ok(&args, whole.path());
    let whole = began.elapsed();
    // Kills over the time that a whole run takes, each in a run that has everything before it.
    for kill in 1..=8_u32 {
        let store = nights();
        let store = store.path();
        let mut child = trailpare(&args, store).stderr(Stdio::null()).spawn().expect("the program starts");
        std::thread::sleep(whole * kill / 9);
        // SIGKILL: nothing in the process gets to tidy up.
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        // Who only reads doesn't mend: until the next one that writes, a bare glob may see what was replaced.
        assert!(rows(store, "events", None) == STORES.events, "events differ");
        ok(&args, store);
        globs_see_the_newest_snapshot(store);
        is_as_at_once(store);
        assert_eq!(files_a_day(store, Table::Events), (1, 1));
        assert_eq!(files(store.join("data/replaced")), BTreeSet::new());
        assert_eq!(files(store.join("data/.staging")), BTreeSet::new());
    }
}

#[test]
fn what_nobody_needs_is_given_back() {
    let store = nights();
    let store = store.path();
    ok(&["optimize", "--expire-older-than", "0"], store);
    fs::create_dir_all(store.join("data/replaced")).expect("made");
    fs::write(store.join("data/replaced/events-lost.parquet"), [0; 1000]).expect("written");
    fs::write(store.join("data/.staging/lost.parquet"), [0; 24]).expect("written");
    let (_, planned) = ok(&["optimize", "--dry-run"], store);
    assert!(planned.contains("1 files would be removed, 1.00 KiB would be reclaimed"), "{planned}");
    let (_, said) = ok(&["optimize"], store);
    assert!(said.contains("1 files removed, 1.00 KiB reclaimed"), "{said}");
    assert_eq!(files(store.join("data/replaced")), BTreeSet::new());
    assert_eq!(files(store.join("data/.staging")), BTreeSet::new());
    is_as_at_once(store);
}

#[test]
fn it_waits_for_nobody_and_takes_sense() {
    let store = nights();
    let store = store.path();
    let writer = Store::open(store).expect("a store").writer().expect("nobody writes");
    let locked = run(&["optimize"], store);
    assert_eq!(locked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&locked.stderr).contains("is writing to this store"), "{locked:?}");
    drop(writer);
    assert_eq!(run(&["optimize", "--expire-older-than", "soon"], store).status.code(), Some(2));
    let little = run(&["optimize", "--memory-limit", "1MiB"], store);
    assert!(String::from_utf8_lossy(&little.stderr).contains("too little"), "{little:?}");
    assert_eq!(run(&["optimize"], &store.join("nowhere")).status.code(), Some(1));
}
