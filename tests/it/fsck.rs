//! Damage is found, never answered from, never made permanent, and mended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use rusqlite::Connection;
use trailpare::store::{DataFile, Store, Table, read_batches};

fn run(args: &[&str], store: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env("TRAILPARE_STORE", store).stdin(Stdio::null());
    command.output().expect("the program starts")
}

/// Runs something that ends with this exit code; what it says.
fn ends(code: i32, args: &[&str], store: &Path) -> (String, String) {
    let output = run(args, store);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{said}");
    (out, said)
}

static MADE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    for part in 1..=2 {
        let (archive, slice) = (folder.path().join("archive").join(part.to_string()), format!("{part}/2"));
        let archive = archive.to_str().expect("UTF-8");
        ends(
            0,
            &["synth", archive, "--objects", "16", "--events", "600", "--days", "2", "--slice", &slice],
            folder.path(),
        );
        ends(0, &["ingest", archive], &folder.path().join("store"));
    }
    folder
});

fn archive() -> String {
    MADE.path().join("archive").to_str().expect("UTF-8").to_owned()
}

fn store() -> tempfile::TempDir {
    let (copy, from) = (tempfile::tempdir().expect("a folder"), MADE.path().join("store"));
    for entry in walkdir::WalkDir::new(&from).into_iter().flatten() {
        let target = copy.path().join(entry.path().strip_prefix(&from).expect("below it"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("made");
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
    copy
}

/// Every row of a table, in an order of its own.
fn rows(store: &Path, table: &str) -> Vec<String> {
    let (out, _) = ends(0, &["sql", "--format", "csv", &format!("SELECT * FROM {table}")], store);
    let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn live(store: &Path, table: Table) -> Vec<DataFile> {
    Store::open(store).expect("a store").snapshot(None).expect("a snapshot").files(table).to_vec()
}

fn flip(path: &Path, at: usize, bit: u8) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[at] ^= 1 << bit;
    fs::write(path, bytes).expect("written");
}

/// The first lines of `status` that say how much there is.
fn amounts(store: &Path) -> (String, serde_json::Value) {
    let (out, _) = ends(0, &["status", "--format", "json"], store);
    let status: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let of = |name: &str| status[name].clone();
    let days = (of("days").to_string(), of("accounts").to_string());
    (
        format!("{days:?}"),
        serde_json::json!([of("objects"), of("object_bytes"), of("records"), of("events"), of("duplicates")]),
    )
}

#[test]
fn a_sound_store_is_sound() {
    let store = store();
    let (out, _) = ends(0, &["fsck", "--usage"], store.path());
    assert!(out.contains("nothing is wrong"), "{out}");
    ends(0, &["optimize", "--expire-older-than", "0"], store.path());
    let (out, _) = ends(0, &["fsck", "--usage", "--format", "json"], store.path());
    let out: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((out["findings"].as_array().map(Vec::len), out["files_without_checksum"].as_u64()), (Some(0), Some(0)));
    assert!(out["files"].as_u64() > Some(3));
}

#[test]
fn no_flipped_bit_gives_a_wrong_answer() {
    let store = store();
    let mut tried = 0;
    for file in live(store.path(), Table::Events)
        .into_iter()
        .take(1)
        .chain(live(store.path(), Table::Usage).into_iter().take(1))
    {
        let all = |file: &DataFile| read_batches(file, None, None).and_then(|all| all.collect::<Result<Vec<_>, _>>());
        let (right, sound) = (all(&file).expect("sound"), fs::read(&file.path).expect("a file"));
        // Page headers, pages, indexes, the footer, its length and the last bytes.
        let last = sound.len() - 1;
        let places = (0..60).map(|i| i * last / 60).chain([0, 4, last - 7, last - 4, last]);
        for (i, at) in places.enumerate() {
            flip(&file.path, at, (i % 8) as u8);
            match all(&file) {
                Ok(rows) => assert!(rows == right, "byte {at} of {}", file.path.display()),
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.contains(file.path.to_str().expect("UTF-8")), "{error}");
                    assert!(error.contains("fsck --repair") && error.contains("damaged (rows of 20"), "{error}");
                }
            }
            tried += 1;
            fs::write(&file.path, &sound).expect("mended");
        }
    }
    assert_eq!(tried, 130);
}

#[test]
fn sql_names_a_damaged_file_and_no_merge_takes_it() {
    let store = store();
    let file = of_many(store.path());
    let at = fs::metadata(&file.path).expect("a file").len() as usize / 2;
    flip(&file.path, at, 3);
    for args in [&["sql", "SELECT * FROM events"][..], &["optimize"]] {
        let (_, said) = ends(1, args, store.path());
        assert!(said.contains(file.path.file_name().expect("a name").to_str().expect("UTF-8")), "{said}");
        assert!(said.contains("damaged") && said.contains("hint:") && said.contains("fsck"), "{said}");
    }
    let (out, _) = ends(1, &["fsck"], store.path());
    assert!(out.contains("damaged") && out.contains("are not what was written"), "{out}");
}

/// A file of a day that has several.
fn of_many(store: &Path) -> DataFile {
    let files = live(store, Table::Events);
    let is_of_many = |file: &&DataFile| files.iter().filter(|other| other.event_date == file.event_date).count() > 1;
    files.iter().find(is_of_many).expect("a day of many files").clone()
}

/// Does something to a store; after a repair and another ingest all is as it was.
fn is_mended(harm: impl Fn(&Path) -> Vec<PathBuf>, found: &str, code: i32, is_merged: bool) {
    let store = store();
    let store = store.path();
    if is_merged {
        ends(0, &["optimize", "--expire-older-than", "0"], store);
    }
    let before = (rows(store, "events"), rows(store, "usage"), amounts(store));
    harm(store);
    let (out, _) = ends(1, &["fsck", "--usage"], store);
    assert!(out.contains(found), "{out}");
    let (out, said) = ends(code, &["fsck", "--usage", "--repair"], store);
    assert!(out.contains(found), "{out}{said}");
    if code == 3 {
        // What is missing is known by name until it has come again.
        let (out, _) = ends(3, &["status"], store);
        assert!(out.contains("to be taken in again"), "{out}");
    }
    let (out, _) = ends(0, &["fsck", "--usage"], store);
    assert!(out.contains("nothing is wrong"), "{out}");
    ends(0, &["ingest", &archive()], store);
    assert!(rows(store, "events") == before.0, "events differ");
    assert!(rows(store, "usage") == before.1, "usage differs");
    assert_eq!(amounts(store), before.2);
    ends(0, &["fsck", "--usage"], store);
}

fn first(store: &Path, table: Table) -> PathBuf {
    live(store, table).remove(0).path
}

#[test]
fn damaged_and_missing_events_come_again() {
    let damage = |store: &Path| {
        let path = first(store, Table::Events);
        flip(&path, 100, 1);
        vec![path]
    };
    let removal = |store: &Path| {
        let path = first(store, Table::Events);
        fs::remove_file(&path).expect("removed");
        vec![path]
    };
    is_mended(damage, "damaged", 3, false);
    is_mended(removal, "missing", 3, false);
    // The rows of a merged file came with two ingests.
    is_mended(damage, "damaged", 3, true);
}

#[test]
fn usage_is_derived_anew() {
    is_mended(
        |store| {
            let path = first(store, Table::Usage);
            fs::write(&path, "nothing of what was there").expect("written");
            vec![path]
        },
        "damaged",
        0,
        false,
    );
}

#[test]
fn what_the_catalog_says_of_a_file_is_put_right() {
    for sql in [
        "UPDATE ducklake_data_file SET record_count = record_count + 1 WHERE data_file_id = 0",
        "UPDATE ducklake_file_column_stats SET max_value = '!' WHERE data_file_id = 0 AND max_value > '!' \
         AND column_id = (SELECT min(column_id) FROM ducklake_file_column_stats WHERE data_file_id = 0 AND column_id > 2 \
         AND max_value > '!')",
    ] {
        let harm = |store: &Path| {
            let connection = Connection::open(store.join("catalog.sqlite")).expect("a catalog");
            assert_eq!(connection.execute(sql, []).expect("SQL"), 1);
            Vec::new()
        };
        is_mended(harm, "statistics", 0, false);
    }
}

#[test]
fn strays_and_months_are_found() {
    let store = store();
    let store = store.path();
    let stray = store.join("data/main/events/day=2024-01-01/stray.parquet");
    fs::create_dir_all(stray.parent().expect("a folder")).expect("made");
    fs::copy(first(store, Table::Events), &stray).expect("copied");
    fs::create_dir_all(store.join("usage-months")).expect("made");
    fs::write(store.join("usage-months/2024-01.x.parquet"), "x").expect("written");
    let (out, _) = ends(1, &["fsck"], store);
    assert!(out.contains("orphan") && out.contains("month"), "{out}");
    let (out, _) = ends(0, &["fsck", "--repair"], store);
    assert!(out.contains("1 files set aside") && out.contains("1 copies of usage removed"), "{out}");
    assert!(!stray.exists() && fs::read_dir(store.join("data/quarantine")).expect("a folder").count() == 1);
    ends(0, &["fsck"], store);
}

/// As a repair leaves it that could not move the file: other programs would go on reading it.
#[test]
fn a_file_that_was_set_aside_and_not_moved_is_found() {
    let store = store();
    let store = store.path();
    let file = first(store, Table::Events);
    flip(&file, 9_000, 3);
    ends(3, &["fsck", "--repair"], store);
    let quarantine = store.join("data/quarantine");
    let moved = fs::read_dir(&quarantine).expect("a folder").next().expect("a file").expect("read").path();
    assert!(!file.exists());
    fs::rename(moved, &file).expect("moved back");
    let (out, _) = ends(1, &["fsck"], store);
    assert!(out.contains("orphan"), "{out}");
    let (out, _) = ends(0, &["fsck", "--repair"], store);
    assert!(out.contains("1 files set aside"), "{out}");
    assert!(!file.exists() && fs::read_dir(quarantine).expect("a folder").count() == 1);
    ends(0, &["fsck"], store);
}

#[test]
fn stores_from_before_checksums_are_read_and_checked() {
    let store = store();
    let store = store.path();
    let before = (rows(store, "events"), rows(store, "usage"));
    let connection = Connection::open(store.join("catalog.sqlite")).expect("a catalog");
    let drop =
        "DROP TABLE trailpare_file_checks; DROP TABLE trailpare_month_checks; DROP TABLE trailpare_file_origins;";
    connection.execute_batch(drop).expect("SQL");
    std::mem::drop(connection);
    assert!((rows(store, "events"), rows(store, "usage")) == before);
    let (out, _) = ends(0, &["fsck"], store);
    assert!(out.contains("without a recorded checksum") && out.contains("nothing is wrong"), "{out}");
    // A merge writes them, and where the rows of a file came from isn't known: all objects are asked for again.
    ends(0, &["optimize", "--expire-older-than", "0"], store);
    let merged = live(store, Table::Events).into_iter().find(|file| file.checks.is_some()).expect("a merged file");
    flip(&merged.path, 100, 1);
    ends(3, &["fsck", "--repair"], store);
    ends(0, &["ingest", &archive()], store);
    assert!((rows(store, "events"), rows(store, "usage")) == before);
}

/// The catalog's entry of an events file, of which nothing is left where `of_all` says so.
fn forget(store: &Path, file: &DataFile, of_all: bool) {
    let connection = Connection::open(store.join("catalog.sqlite")).expect("a catalog");
    let beside = [
        "ducklake_file_partition_value",
        "ducklake_file_column_stats",
        "trailpare_file_checks",
        "trailpare_row_checks",
        "trailpare_file_origins",
    ];
    for table in beside.iter().filter(|_| of_all).chain(&["ducklake_data_file"]) {
        connection.execute(&format!("DELETE FROM {table} WHERE data_file_id = ?1"), [file.id]).expect("SQL");
    }
}

/// Tables that stores of older versions don't have.
const NEWER: &str = "DROP TABLE trailpare_row_checks; DROP TABLE trailpare_snapshot_checks;
    DROP TABLE trailpare_file_checks; DROP TABLE trailpare_month_checks; PRAGMA user_version = 0;";

/// Reading fails, a repair ends with this code, and if that is 3 an ingest makes all as it was, else it is at once.
fn no_rows_are_lost(what: &str, code: i32, store: &Path, before: &[Vec<String>; 2], is_said: bool) {
    if is_said {
        for args in [&["sql", "SELECT count(*) FROM events"][..], &["actions", "--principal", "*"]] {
            let (_, said) = ends(1, args, store);
            assert!(said.contains("catalog.sqlite") && said.contains("fsck --repair"), "{what}: {said}");
        }
        let archive = archive();
        let (_, said) = ends(1, &["ingest", &archive], store);
        assert!(said.contains("catalog.sqlite") && said.contains("fsck --repair"), "{what}: {said}");
    }
    ends(1, &["fsck"], store);
    let (out, said) = ends(code, &["fsck", "--repair"], store);
    if code == 3 {
        ends(0, &["ingest", &archive()], store);
    }
    for (table, before) in ["events", "usage"].into_iter().zip(before) {
        let now = rows(store, table);
        assert!(now == *before, "{what}: {table} has {} rows, not {}: {out}{said}", now.len(), before.len());
    }
    let (out, _) = ends(0, &["fsck", "--usage"], store);
    assert!(out.contains("nothing is wrong"), "{what}: {out}");
}

#[test]
fn rows_of_files_that_the_catalog_lost_are_registered_again() {
    for table in [Table::Events, Table::Usage] {
        for (of_all, is_old) in [(false, false), (true, false), (true, true)] {
            let store = store();
            let store = store.path();
            let before = ["events", "usage"].map(|table| rows(store, table));
            let file = live(store, table).remove(0);
            forget(store, &file, of_all);
            if is_old {
                let connection = Connection::open(store.join("catalog.sqlite")).expect("a catalog");
                connection.execute_batch(NEWER).expect("SQL");
            }
            let what = format!("{table:?} {of_all} {is_old}");
            no_rows_are_lost(&what, 0, store, &before, !is_old);
        }
    }
}

#[test]
fn of_a_file_whose_rows_are_partly_elsewhere_the_others_are_registered() {
    let (store, merged) = (store(), store());
    let (store, merged) = (store.path(), merged.path());
    let before = ["events", "usage"].map(|table| rows(store, table));
    let file = of_many(store);
    ends(0, &["optimize"], merged);
    let whole = live(merged, Table::Events).into_iter().find(|one| one.event_date == file.event_date).expect("merged");
    assert!(whole.rows > file.rows);
    forget(store, &file, true);
    fs::rename(&whole.path, &file.path).expect("moved");
    no_rows_are_lost("partly", 0, store, &before, true);
    // What was registered is a copy; what was there is kept.
    assert_eq!(fs::read_dir(store.join("data/quarantine")).expect("a folder").count(), 1);
}

#[test]
fn what_can_not_be_registered_again_is_asked_for() {
    let store_of = |harm: &dyn Fn(&Path, &DataFile)| {
        let store = store();
        let before = ["events", "usage"].map(|table| rows(store.path(), table));
        let file = live(store.path(), Table::Events).remove(0);
        forget(store.path(), &file, true);
        harm(store.path(), &file);
        (store, before)
    };
    let (store, before) = store_of(&|_, file| flip(&file.path, 200, 3));
    no_rows_are_lost("damaged", 3, store.path(), &before, true);
    let (store, before) = store_of(&|_, file| fs::remove_file(&file.path).expect("removed"));
    no_rows_are_lost("gone", 3, store.path(), &before, true);
}

#[test]
fn two_entries_of_one_file_are_told_apart() {
    for sql in [
        "UPDATE ducklake_data_file SET path = (SELECT path FROM ducklake_data_file WHERE data_file_id = 0) \
         WHERE data_file_id = (SELECT max(data_file_id) FROM ducklake_data_file WHERE table_id = 1 \
         AND end_snapshot IS NULL)",
        "INSERT INTO ducklake_data_file SELECT 99, table_id, begin_snapshot, end_snapshot, file_order, path, \
         path_is_relative, file_format, record_count, file_size_bytes, footer_size, row_id_start, partition_id, \
         encryption_key, mapping_id, partial_max FROM ducklake_data_file WHERE data_file_id = 0",
        "INSERT INTO ducklake_file_partition_value SELECT * FROM ducklake_file_partition_value",
        "DELETE FROM ducklake_file_partition_value WHERE data_file_id = 0",
    ] {
        let store = store();
        let before = ["events", "usage"].map(|table| rows(store.path(), table));
        let connection = Connection::open(store.path().join("catalog.sqlite")).expect("a catalog");
        assert!(connection.execute(sql, []).expect("SQL") > 0);
        drop(connection);
        no_rows_are_lost(sql, 0, store.path(), &before, true);
    }
}

#[test]
fn a_damaged_copy_of_usage_is_left_out_and_its_days_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, store) = (folder.path().join("archive"), folder.path().join("store"));
    let archive = archive.to_str().expect("UTF-8");
    ends(0, &["synth", archive, "--objects", "24", "--events", "900", "--days", "14"], folder.path());
    ends(0, &["ingest", archive], &store);
    let entries = fs::read_dir(store.join("usage-months")).expect("copies").flatten();
    let copy = entries.map(|entry| entry.path()).next().expect("a copy of usage");
    let commands: [&[&str]; 3] = [
        &["actions", "--principal", "*"],
        &["policy", "--principal", "*", "--max-policies", "1"],
        &["actions", "--principal", "*", "--by", "session"],
    ];
    let before = commands.map(|args| run(args, &store));
    let sound = fs::read(&copy).expect("a copy");
    for at in [sound.len() / 3, sound.len() / 2, sound.len() - 20] {
        flip(&copy, at, 2);
        for (args, before) in commands.into_iter().zip(&before) {
            let now = run(args, &store);
            let said = String::from_utf8_lossy(&now.stderr).into_owned();
            assert_eq!(
                (now.status.code(), &now.stdout),
                (before.status.code(), &before.stdout),
                "{args:?} {at}: {said}"
            );
            // A session's usage is read by days.
            if !args.contains(&"session") {
                let name = copy.file_name().expect("a name").to_str().expect("UTF-8");
                assert!(said.contains("left out") && said.contains(name) && said.contains("fsck --repair"), "{said}");
            }
        }
        fs::write(&copy, &sound).expect("mended");
    }
    flip(&copy, sound.len() / 2, 2);
    let (out, _) = ends(1, &["fsck"], &store);
    assert!(out.contains("month"), "{out}");
    ends(0, &["fsck", "--repair"], &store);
    let now = run(commands[0], &store);
    assert_eq!(
        (now.stdout.clone(), String::from_utf8_lossy(&now.stderr).contains("left out")),
        (before[0].stdout.clone(), false)
    );
}
