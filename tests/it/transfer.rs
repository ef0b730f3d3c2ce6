//! Days of a store that are carried to another one: what comes there is what was, whatever was altered on the way is
//! refused whole, and nothing is lost where days overlap.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, Date32Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::night::{document, program, run, stderr, text};

/// An archive of four days, and a store of it that two ingests made.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    fn archive(&self) -> String {
        text(&self.folder.path().join("archive"))
    }

    fn store(&self) -> String {
        text(&self.folder.path().join("store"))
    }
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Made { folder };
    for part in ["1/2", "2/2"] {
        let size = ["--objects", "40", "--events", "1200", "--days", "4", "--duplicates", "0.05", "--slice", part];
        done(&[&["synth", &made.archive()], &size[..]].concat());
        done(&["ingest", &made.archive(), "--store", &made.store()]);
    }
    made
});

fn done(args: &[&str]) -> Output {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    output
}

/// Runs something that ends with this exit code; what it says.
fn ends(code: i32, args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
    stderr(&output)
}

/// The rows that a query gives, in an order of its own.
fn rows(store: &str, sql: &str) -> Vec<String> {
    let output = done(&["sql", "--store", store, "--format", "csv", sql]);
    let mut lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What a store says, in all the ways in which people ask it.
fn said(store: &str) -> BTreeMap<&'static str, String> {
    let mut said = BTreeMap::new();
    for (name, sql) in [("events", "SELECT * FROM events"), ("usage", "SELECT * FROM usage")] {
        said.insert(name, rows(store, sql).join("\n"));
    }
    for (name, command) in [("actions", "actions"), ("policy", "policy")] {
        let output = run(&[command, "--principal", "*", "--store", store, "--format", "json"]);
        said.insert(name, format!("{:?} {}", output.status.code(), String::from_utf8_lossy(&output.stdout)));
    }
    let (status, _) = document(&["status", "--store", store, "--format", "json"]);
    let counted =
        ["objects", "object_bytes", "records", "events", "duplicates", "records_kept_out", "usage_rows", "days"];
    let counted = counted.iter().chain(&["accounts", "regions", "conflicts"]);
    said.insert("status", counted.map(|name| format!("{name} {}\n", status[*name])).collect());
    said.insert("evidence", status["evidence"].to_string());
    done(&["fsck", "--usage", "--store", store]);
    said
}

/// Compares all but which object brought an event first: where days come in parts, that is another one.
fn compare(store: &str, expected: &BTreeMap<&'static str, String>) {
    for (name, is) in said(store).into_iter().filter(|(name, _)| *name != "evidence") {
        assert!(is == expected[name], "{name} of {store} is another: {} and {} bytes", is.len(), expected[name].len());
    }
}

fn snapshot(store: &str) -> Value {
    document(&["status", "--store", store, "--format", "json"]).0["snapshot"].clone()
}

fn days(store: &str) -> Vec<String> {
    let mut days = rows(store, "SELECT DISTINCT event_date FROM events");
    days.retain(|day| day.starts_with("20"));
    days
}

#[test]
fn a_store_that_was_carried_says_what_it_said() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let (from, file, to) = (MADE.store(), at("all.tar"), at("store"));
    let (exported, code) = document(&["export", "--store", &from, "--out", &file, "--format", "json"]);
    assert_eq!(code, Some(0), "{exported:#}");
    // The digest is that of any other program, and the same store gives the same bytes.
    let digest = |path: &str| format!("{:x}", Sha256::digest(fs::read(path).expect("a file")));
    assert_eq!(exported["sha256"], digest(&file).as_str());
    let again = done(&["export", "--store", &from, "--out", &at("again.tar")]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), format!("{}  {}\n", digest(&file), at("again.tar")));
    let (imported, code) = document(&["import", &file, "--store", &to, "--sha256", &digest(&file), "--format", "json"]);
    assert_eq!((code, &imported["outcome"]), (Some(0), &"done".into()), "{imported:#}");
    let expected = said(&from);
    compare(&to, &expected);
    assert_eq!(said(&to)["evidence"], expected["evidence"]);
    let count = |name: &str| imported["events"][name].as_u64().expect("a number");
    assert_eq!((count("new"), count("known")), (exported["exported_events"].as_u64().expect("a number"), 0));
    // Once more there is nothing to do.
    let before = snapshot(&to);
    let (second, code) = document(&["import", &file, "--store", &to, "--format", "json"]);
    assert_eq!((code, &second["events"]["new"], &second["objects"]["new"]), (Some(0), &0.into(), &0.into()));
    assert_eq!((&second["days_changed"], snapshot(&to)), (&0.into(), before));
    // The archive's objects are known: read, compared, not taken.
    let (ingested, code) = document(&["ingest", &MADE.archive(), "--store", &to, "--format", "json"]);
    let objects = &ingested["objects"];
    assert_eq!((code, &objects["new"], &ingested["events"]["new"]), (Some(0), &0.into(), &0.into()), "{ingested:#}");
    assert_eq!(objects["known"], exported["objects"]);
    compare(&to, &expected);
    let command = |store: &str| {
        let (history, _) = document(&["history", "--store", store, "--format", "json"]);
        let runs = history["runs"].as_array().expect("runs").clone();
        runs.iter().map(|run| format!("{} {}", run["command"], run["outcome"])).collect::<Vec<_>>()
    };
    assert!(command(&from).contains(&"\"export\" \"done\"".to_owned()), "{:?}", command(&from));
    assert_eq!(command(&to)[1..], ["\"import\" \"done\"", "\"import\" \"done\""]);
}

/// As pipes, and as folders.
#[test]
fn an_export_is_a_file_a_pipe_or_a_folder() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let piped = done(&["export", "--store", &MADE.store(), "--out", "-"]);
    let whole = Sha256::digest(&piped.stdout);
    assert!(stderr(&piped).contains(&format!("SHA-256 {whole:x}")), "{}", stderr(&piped));
    let mut child = program(&["import", "-", "--store", &at("a")]).stdin(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("a pipe").write_all(&piped.stdout).expect("written");
    assert!(child.wait().expect("ended").success());
    let folder = at("folder/");
    done(&["export", "--store", &MADE.store(), "--out", &folder]);
    // Each file is as it lies in the store, and the tar has the same.
    let files = Export::parse(&piped.stdout).files;
    for (name, bytes) in &files {
        assert_eq!(&fs::read(Path::new(&folder).join(name)).expect("a file"), bytes, "{name}");
        if name.ends_with(".parquet") {
            assert_eq!(&fs::read(Path::new(&MADE.store()).join(name)).expect("a file"), bytes, "{name}");
        }
    }
    assert!(files.len() > 4);
    ends(1, &["export", "--store", &MADE.store(), "--out", &folder]);
    done(&["import", &folder, "--store", &at("b")]);
    let expected = said(&MADE.store());
    compare(&at("a"), &expected);
    compare(&at("b"), &expected);
    // What is in the way of a file is none of a store's.
    let inside = format!("{}/data/x.tar", MADE.store());
    assert!(ends(1, &["export", "--store", &MADE.store(), "--out", &inside]).contains("within the store"));
}

/// Of some days what is there afterwards is what the archive says, whatever comes after whatever.
#[test]
fn days_that_overlap_lose_nothing() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let all = days(&MADE.store());
    assert!(all.len() >= 4, "{all:?}");
    let (first, last) = (all[..2].to_vec(), all[1..].to_vec());
    let mut objects = Vec::new();
    for (name, some) in [("first.tar", &first), ("last.tar", &last)] {
        let (from, to) = (some[0].as_str(), some[some.len() - 1].as_str());
        let window = ["--from", from, "--to", to];
        let base = ["export", "--store", &MADE.store(), "--out", &at(name), "--format", "json"].map(str::to_owned);
        let args: Vec<&str> = base.iter().map(String::as_str).chain(window).collect();
        let (exported, code) = document(&args);
        assert_eq!((code, &exported["days"]["count"]), (Some(0), &some.len().into()), "{exported:#}");
        objects.push(exported["objects"].as_u64().expect("a number"));
    }
    let expected = said(&MADE.store());
    for order in [["first.tar", "last.tar"], ["last.tar", "first.tar"]] {
        let store = at(&order.join("-"));
        done(&["import", &at(order[0]), "--store", &store]);
        let some = if order[0] == "first.tar" { &first } else { &last };
        let of_days = |table: &str, store: &str| {
            let list = some.iter().map(|day| format!("DATE '{day}'")).collect::<Vec<_>>().join(", ");
            rows(store, &format!("SELECT * FROM {table} WHERE event_date IN ({list})"))
        };
        for table in ["events", "usage"] {
            assert_eq!(rows(&store, &format!("SELECT * FROM {table}")), of_days(table, &MADE.store()), "{table}");
        }
        done(&["fsck", "--usage", "--store", &store]);
        done(&["import", &at(order[1]), "--store", &store]);
        for table in ["events", "usage"] {
            let sql = format!("SELECT * FROM {table}");
            assert_eq!(rows(&store, &sql), rows(&MADE.store(), &sql), "{table}");
        }
        // Objects of the edges are read again, and bring nothing that was there.
        done(&["ingest", &MADE.archive(), "--store", &store]);
        compare(&store, &expected);
    }
    let all_objects = document(&["status", "--store", &MADE.store(), "--format", "json"]).0["objects"].clone();
    let all_objects = all_objects.as_u64().expect("a number");
    assert!(objects.iter().all(|some| 0 < *some && *some < all_objects), "{objects:?} of {all_objects}");
}

/// What was imported may be of objects that this ledger doesn't have: where a proved object takes the place of another
/// one, no event of such a file is taken out. That stays known when files are merged.
#[test]
fn imported_events_may_be_of_objects_that_are_not_known() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let accounts = rows(&MADE.store(), "SELECT DISTINCT recipient_account_id FROM events");
    let account = accounts.iter().find(|id| id.len() == 12).expect("an account");
    done(&["export", "--store", &MADE.store(), "--account", account, "--out", &at("one.tar")]);
    done(&["import", &at("one.tar"), "--store", &at("store")]);
    let unmarked = || -> i64 {
        let catalog = rusqlite::Connection::open(place.path().join("store/catalog.sqlite")).expect("a catalog");
        let sql = "SELECT count(*) FROM ducklake_data_file f JOIN ducklake_table t USING (table_id) WHERE \
                   t.table_name = 'events' AND f.end_snapshot IS NULL AND NOT EXISTS (SELECT 1 FROM \
                   trailpare_file_origins o WHERE o.data_file_id = f.data_file_id AND o.snapshot_id = -1)";
        catalog.query_row(sql, [], |row| row.get(0)).expect("a number")
    };
    assert_eq!(unmarked(), 0);
    // A file of the same day that no import brought has no such mark, until it is merged with one that has.
    done(&["ingest", &MADE.archive(), "--store", &at("store")]);
    // On some days that account did nothing.
    let before = unmarked();
    done(&["optimize", "--store", &at("store")]);
    let merged = unmarked();
    assert!(merged < before, "{merged} of {before}");
}

/// An object that may have events of days that are not carried is not known where the others come to.
#[test]
fn an_ingest_behind_an_import_brings_the_other_days() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let all = days(&MADE.store());
    for day in &all {
        let (file, store) = (at(&format!("{day}.tar")), at(day));
        done(&["export", "--store", &MADE.store(), "--from", day, "--to", day, "--out", &file]);
        done(&["import", &file, "--store", &store]);
        assert_eq!(days(&store), [day.as_str()]);
        done(&["ingest", &MADE.archive(), "--store", &store]);
        for table in ["events", "usage"] {
            let sql = format!("SELECT * FROM {table}");
            assert_eq!(rows(&store, &sql), rows(&MADE.store(), &sql), "{day}, {table}");
        }
        done(&["fsck", "--usage", "--store", &store]);
    }
}

#[test]
fn an_export_of_accounts_has_what_they_logged() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let accounts = rows(&MADE.store(), "SELECT DISTINCT recipient_account_id FROM events");
    let account = accounts.iter().find(|id| id.len() == 12).expect("an account").clone();
    let args = ["--account", &account, "--out", &at("one.tar")];
    done(&[&["export", "--store", &MADE.store()], &args[..]].concat());
    let again = ["--account", &account, "--out", &at("again.tar")];
    done(&[&["export", "--store", &MADE.store()], &again[..]].concat());
    assert_eq!(fs::read(at("one.tar")).expect("a file"), fs::read(at("again.tar")).expect("a file"));
    done(&["import", &at("one.tar"), "--store", &at("store")]);
    let sql = format!("SELECT * FROM events WHERE recipient_account_id = '{account}'");
    let expected = rows(&MADE.store(), &sql);
    assert!(expected.len() > 10);
    assert_eq!(rows(&at("store"), "SELECT * FROM events"), expected);
    done(&["fsck", "--usage", "--store", &at("store")]);
    done(&["ingest", &MADE.archive(), "--store", &at("store")]);
    compare(&at("store"), &said(&MADE.store()));
    let none = ["--account", "999999999999", "--out", &at("none.tar"), "--format", "json"];
    let (nothing, code) = document(&[&["export", "--store", &MADE.store()], &none[..]].concat());
    assert_eq!((code, &nothing["exported_events"], &nothing["objects"]), (Some(0), &0.into(), &0.into()));
    let (nothing, code) = document(&["import", &at("none.tar"), "--store", &at("empty"), "--format", "json"]);
    assert_eq!((code, &nothing["events"]["new"]), (Some(0), &0.into()));
}

/// What was pruned where it comes to doesn't come back; what was pruned where it comes from is not said to be known.
#[test]
fn pruned_days_stay_where_they_are() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let all = days(&MADE.store());
    done(&["export", "--store", &MADE.store(), "--out", &at("all.tar")]);
    done(&["import", &at("all.tar"), "--store", &at("pruned")]);
    done(&["prune", "--store", &at("pruned"), "--before", &all[2], "--expire-older-than", "0"]);
    let (again, code) = document(&["import", &at("all.tar"), "--store", &at("pruned"), "--format", "json"]);
    assert_eq!((code, &again["events"]["new"]), (Some(0), &0.into()), "{again:#}");
    assert_eq!(days(&at("pruned")), all[2..]);
    done(&["export", "--store", &at("pruned"), "--out", &at("late.tar")]);
    done(&["import", &at("late.tar"), "--store", &at("fresh")]);
    assert_eq!(days(&at("fresh")), all[2..]);
    // There nothing was pruned: the archive brings all days.
    done(&["ingest", &MADE.archive(), "--store", &at("fresh")]);
    compare(&at("fresh"), &said(&MADE.store()));
}

#[test]
fn an_event_of_other_content_is_told_and_the_stored_one_stays() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let record = |name: &str, id: &str| {
        json!({"eventVersion": "1.08", "eventTime": "2024-03-01T10:00:00Z", "eventSource": "s3.amazonaws.com",
               "eventName": name, "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "eventID": id,
               "userIdentity": {"type": "Root", "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:root"}})
    };
    let ids = ["3038ebd2-c98a-4c65-9b6e-e22506292313", "3038ebd2-c98a-4c65-9b6e-e22506292314"];
    for (name, first) in [("a", "ListBuckets"), ("b", "DeleteBucket")] {
        let object = json!({"Records": [record(first, ids[0]), record("GetObject", ids[1])]});
        fs::write(at(&format!("{name}.json")), object.to_string()).expect("written");
        done(&["ingest", &at(&format!("{name}.json")), "--store", &at(name)]);
    }
    done(&["export", "--store", &at("a"), "--out", &at("a.tar")]);
    let (imported, code) = document(&["import", &at("a.tar"), "--store", &at("b"), "--format", "json"]);
    let events = json!({"new": 0, "known": 1, "of_other_content": 1});
    assert_eq!(
        (code, &imported["outcome"], &imported["events"]),
        (Some(3), &"refused".into(), &events),
        "{imported:#}"
    );
    let said = &imported["warnings"][0];
    assert!(said.as_str().is_some_and(|said| said.contains(ids[0]) && said.contains("is kept")), "{imported:#}");
    assert!(rows(&at("b"), "SELECT event_name FROM events").contains(&"DeleteBucket".to_owned()));
    let (status, _) = document(&["status", "--store", &at("b"), "--format", "json"]);
    assert_eq!((&status["conflicts"][0]["event_id"], &status["events"]), (&ids[0].into(), &2.into()));
    let before = snapshot(&at("b"));
    ends(3, &["import", &at("a.tar"), "--store", &at("b")]);
    assert_eq!(snapshot(&at("b")), before);
    done(&["fsck", "--usage", "--store", &at("b")]);
    // The conflict goes along.
    done(&["export", "--store", &at("b"), "--out", &at("b.tar")]);
    done(&["import", &at("b.tar"), "--store", &at("c")]);
    let (status, _) = document(&["status", "--store", &at("c"), "--format", "json"]);
    assert_eq!(status["conflicts"][0]["event_id"], ids[0]);
}

/// The files of an export, by a reader and writer of tars of its own.
#[derive(Clone)]
struct Export {
    files: Vec<(String, Vec<u8>)>,
}

fn block(name: &str, size: usize, kind: u8, link: &str) -> Vec<u8> {
    let mut block = vec![0; 512];
    for (at, bytes) in [(0, name), (100, "0000600\0"), (108, "0000000\0"), (116, "0000000\0"), (157, link)] {
        block[at..at + bytes.len()].copy_from_slice(bytes.as_bytes());
    }
    for (at, text) in [(124, format!("{size:011o}\0")), (136, "00000000000\0".to_owned()), (148, " ".repeat(8))] {
        block[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

impl Export {
    fn parse(mut tar: &[u8]) -> Export {
        let mut files = Vec::new();
        while tar[0] != 0 {
            let field = |from: usize, to: usize| {
                let text = tar[from..to].split(|byte| *byte == 0).next().expect("one");
                std::str::from_utf8(text).expect("text").to_owned()
            };
            let size = usize::from_str_radix(&field(124, 136), 8).expect("octal");
            files.push((field(0, 100), tar[512..512 + size].to_vec()));
            tar = &tar[512 + size.next_multiple_of(512)..];
        }
        assert_eq!(tar, [0; 1024]);
        Export { files }
    }

    fn entry(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = block(name, bytes.len(), b'0', "");
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }

    fn tar(&self) -> Vec<u8> {
        let mut out: Vec<u8> = self.files.iter().flat_map(|(name, bytes)| Export::entry(name, bytes)).collect();
        out.extend([0; 1024]);
        out
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&self.files[0].1).expect("a manifest")
    }

    /// The same with another manifest.
    fn with_manifest(&self, alter: impl FnOnce(&mut Value)) -> Export {
        let (mut altered, mut manifest) = (self.clone(), self.manifest());
        alter(&mut manifest);
        altered.files[0].1 = manifest.to_string().into_bytes();
        altered
    }

    /// The same with another first data file, and a manifest that says what it is.
    fn with_file(&self, bytes: Vec<u8>, rows: u64) -> Export {
        let sha256 = format!("{:x}", Sha256::digest(&bytes));
        let mut altered = self.with_manifest(|manifest| {
            let more = rows.wrapping_sub(manifest["files"][0]["rows"].as_u64().expect("a number"));
            manifest["events"] = manifest["events"].as_u64().expect("a number").wrapping_add(more).into();
            manifest["files"][0]["rows"] = rows.into();
            manifest["files"][0]["bytes"] = bytes.len().into();
            manifest["files"][0]["sha256"] = sha256.into();
        });
        altered.files[2].1 = bytes;
        altered
    }

    fn with_ledger(&self, text: &str) -> Export {
        let mut altered = self.with_manifest(|manifest| {
            manifest["ledger"]["bytes"] = text.len().into();
            manifest["ledger"]["sha256"] = format!("{:x}", Sha256::digest(text)).into();
            manifest["ledger"]["objects"] = text.lines().filter(|line| line.contains("\"object\"")).count().into();
            manifest["ledger"]["conflicts"] = 0.into();
        });
        altered.files[1].1 = text.as_bytes().to_vec();
        altered
    }

    /// All rows of the first data file.
    fn batch(&self) -> RecordBatch {
        let bytes = bytes::Bytes::from(self.files[2].1.clone());
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("Parquet").build().expect("a reader");
        let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("a batch")).collect();
        arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one")
    }
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
    out
}

fn with_column(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    columns[batch.schema().index_of(name).expect("a column")] = column;
    RecordBatch::try_new(batch.schema(), columns).expect("a batch")
}

/// A store that exists, an export into it, and that nothing of a bad one reaches it.
struct Target {
    place: tempfile::TempDir,
    sound: Export,
}

impl Target {
    fn new() -> Target {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("sound.tar");
        let last = days(&MADE.store()).pop().expect("a day");
        done(&["export", "--store", &MADE.store(), "--out", &text(&file)]);
        let sound = Export::parse(&fs::read(file).expect("a file"));
        let store = text(&place.path().join("store"));
        let day = text(&place.path().join("day.tar"));
        done(&["export", "--store", &MADE.store(), "--from", &last, "--out", &day]);
        done(&["import", &day, "--store", &store]);
        Target { place, sound }
    }

    fn store(&self) -> String {
        text(&self.place.path().join("store"))
    }

    /// What is in the store's folders, but for what the next writer removes, and its snapshot.
    fn state(&self) -> (Vec<PathBuf>, Value) {
        let all = walkdir::WalkDir::new(self.place.path().join("store/data")).sort_by_file_name().into_iter().flatten();
        let files = all
            .map(|entry| entry.into_path())
            .filter(|path| path.extension().is_some() && !path.to_string_lossy().contains("/.staging/"));
        (files.collect(), snapshot(&self.store()))
    }

    /// Imports it, which has to fail and change nothing.
    fn refuses(&self, what: &str, tar: &[u8], expected: &str) {
        let (file, before) = (self.place.path().join("bad.tar"), self.state());
        fs::write(&file, tar).expect("written");
        let said = ends(1, &["import", &text(&file), "--store", &self.store()]);
        assert!(said.contains(expected) && said.contains("bad.tar"), "{what}: {said}");
        assert_eq!(self.state(), before, "{what}");
    }
}

#[test]
fn what_was_altered_or_cut_on_its_way_is_refused_whole() {
    let target = Target::new();
    let tar = target.sound.tar();
    // Some words of the manifest are for people alone: the digest of the whole holds them.
    let behind = 512 + target.sound.files[0].1.len().next_multiple_of(512);
    for at in (0..40).map(|at| behind + at * (tar.len() - 1 - behind) / 39).chain([0, 130, 150, 156, 260]) {
        let mut altered = tar.clone();
        altered[at] ^= 1 << (at % 8);
        target.refuses(&format!("byte {at}"), &altered, "");
    }
    for len in [0, 1, 511, 512, 513, tar.len() / 3, tar.len() / 2, tar.len() - 1_024, tar.len() - 512, tar.len() - 1] {
        target.refuses(&format!("cut at {len}"), &tar[..len], "");
    }
    target.refuses("more", &[&tar[..], b"x"].concat(), "behind its end");
    // Whoever was told the digest is not taken in by an export that is sound in itself.
    let file = text(&target.place.path().join("sound.tar"));
    let before = target.state();
    let said = ends(1, &["import", &file, "--store", &target.store(), "--sha256", &"00".repeat(32)]);
    assert!(said.contains("not what was exported"), "{said}");
    assert_eq!(target.state(), before);
    ends(2, &["import", &file, "--store", &target.store(), "--sha256", "00"]);
    done(&["import", &file, "--store", &target.store()]);
    compare(&target.store(), &said_of_made());
}

fn said_of_made() -> BTreeMap<&'static str, String> {
    said(&MADE.store())
}

#[test]
fn an_export_that_somebody_made_up_reaches_nothing() {
    let target = Target::new();
    let sound = &target.sound;
    let victim = target.place.path().join("victim.parquet");
    fs::write(&victim, "victim").expect("written");
    for path in [
        "../../victim.parquet",
        "/tmp/victim.parquet",
        "data/main/events/day=2024-03-01/../x.parquet",
        "catalog.sqlite",
    ] {
        let mut named = sound.with_manifest(|manifest| manifest["files"][0]["path"] = path.into());
        named.files[2].0 = path.to_owned();
        target.refuses(path, &named.tar(), "is not where a file of");
    }
    // The manifest is sound, and the tar has other things.
    for (what, kind, link) in [
        ("a link", b'2', "/etc/passwd"),
        ("a hard link", b'1', "/etc/passwd"),
        ("a folder", b'5', ""),
        ("a fifo", b'6', ""),
    ] {
        let name = &sound.files[2].0;
        let mut tar: Vec<u8> = sound.files[..2].iter().flat_map(|(name, bytes)| Export::entry(name, bytes)).collect();
        tar.extend(block(name, 0, kind, link));
        tar.extend([0; 1024]);
        target.refuses(what, &tar, "not a tar as `trailpare export` writes it");
    }
    let mut more = sound.clone();
    more.files.push(("data/main/events/day=2024-03-01/more.parquet".to_owned(), vec![1]));
    target.refuses("a file more", &more.tar(), "that its manifest doesn't name");
    let mut swapped = sound.clone();
    swapped.files.swap(2, 3);
    target.refuses("another order", &swapped.tar(), "stands in its place");
    for (what, pointer, value, expected) in [
        ("a usage file", "/files/0/table", json!("usage"), "there is no table"),
        ("a day", "/files/0/day", json!("2024-02-30"), "is no day"),
        ("a size", "/files/0/bytes", json!(7), "the manifest says 7"),
        ("a huge size", "/files/0/bytes", json!(1_u64 << 60), "--memory-limit"),
        ("rows", "/events", json!(1), "rows, its manifest says 1"),
        ("another form", "/schema", json!("trailpare/export-manifest/9"), "use a newer trailpare"),
        ("objects", "/ledger/objects", json!(0), "as many lines"),
        ("a huge ledger", "/ledger/bytes", json!(1_u64 << 60), "--memory-limit"),
    ] {
        let altered = sound.with_manifest(|manifest| *manifest.pointer_mut(pointer).expect("a place") = value);
        target.refuses(what, &altered.tar(), expected);
    }
    for (what, line) in [
        ("no JSON", "x"),
        ("another kind", "{\"refused\":{}}"),
        (
            "more events than records",
            "{\"object\":{\"name\":\"a\",\"path\":\"p\",\"bytes\":1,\"sha256\":null,\"records\":1,\"events\":1,\"duplicates\":1}}",
        ),
    ] {
        target.refuses(what, &sound.with_ledger(&format!("{line}\n")).tar(), "makes no sense");
    }
    assert_eq!(fs::read(victim).expect("there"), b"victim");
}

#[test]
fn rows_that_are_none_of_the_day_are_refused() {
    let target = Target::new();
    let (sound, batch) = (&target.sound, target.sound.batch());
    let rows = batch.num_rows();
    let same = sound.with_file(parquet(&batch), rows as u64);
    assert!(rows > 20);
    let altered = |batch: &RecordBatch| sound.with_file(parquet(batch), batch.num_rows() as u64).tar();
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![1; rows]));
    target.refuses("another day", &altered(&with_column(&batch, "event_date", dates)), "its rows are not all of");
    let nulls: ArrayRef = Arc::new(Date32Array::new_null(rows));
    target.refuses("no day", &altered(&with_column(&batch, "event_date", nulls)), "its rows are not all of");
    let times = batch.column_by_name("event_time").expect("times");
    let none = arrow::array::new_null_array(times.data_type(), rows);
    target.refuses("no time", &altered(&with_column(&batch, "event_time", none)), "its rows are not all of");
    let last: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).rev().map(|row| format!("{row:012}"))));
    let unsorted = with_column(&batch, "recipient_account_id", last);
    target.refuses("another order", &altered(&unsorted), "not in the order of the table");
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("granted", DataType::Utf8, true)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(StringArray::new_null(rows)));
    let more = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch");
    target.refuses("a column more", &altered(&more), "\"granted\"");
    let number: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![1; rows]));
    let before = batch.schema();
    let fields = before.fields().iter().map(|field| match field.name().as_str() {
        "event_name" => Arc::new(Field::new("event_name", DataType::Int64, true)),
        _ => Arc::clone(field),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut columns = batch.columns().to_vec();
    columns[schema.index_of("event_name").expect("a column")] = number;
    target.refuses(
        "another type",
        &altered(&RecordBatch::try_new(schema, columns).expect("a batch")),
        "\"event_name\"",
    );
    target.refuses("rows less", &sound.with_file(parquet(&batch), rows as u64 + 1).tar(), "the manifest says");
    target.refuses("no Parquet", &sound.with_file(b"PAR1 and more of it PAR1".to_vec(), 1).tar(), "parquet");
    let cut = parquet(&batch);
    target.refuses("half of it", &sound.with_file(cut[..cut.len() / 2].to_vec(), 1).tar(), "parquet");
    // Rows that were written by another program, with the same in them, are taken: nothing but rows is.
    let file = target.place.path().join("same.tar");
    fs::write(&file, same.tar()).expect("written");
    done(&["import", &text(&file), "--store", &target.store()]);
    compare(&target.store(), &said_of_made());
}

/// An event that stands twice in what somebody made up counts once.
#[test]
fn an_event_that_stands_twice_comes_once() {
    let target = Target::new();
    let batch = target.sound.batch();
    let first = batch.slice(0, 1);
    let twice = arrow::compute::concat_batches(&batch.schema(), [&first, &batch]).expect("one");
    let file = target.place.path().join("twice.tar");
    fs::write(&file, target.sound.with_file(parquet(&twice), twice.num_rows() as u64).tar()).expect("written");
    done(&["import", &text(&file), "--store", &target.store()]);
    compare(&target.store(), &said_of_made());
}

#[test]
fn links_and_surplus_files_in_a_folder_are_refused() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    let export = |name: &str| {
        let folder = at(name) + "/";
        done(&["export", "--store", &MADE.store(), "--out", &folder]);
        folder
    };
    let surplus = export("surplus");
    fs::write(format!("{surplus}data/x"), "x").expect("written");
    assert!(ends(1, &["import", &surplus, "--store", &at("store")]).contains("that its manifest doesn't name"));
    let linked = export("linked");
    let file = PathBuf::from(&linked).join("ledger.jsonl");
    fs::rename(&file, at("elsewhere")).expect("moved");
    std::os::unix::fs::symlink(at("elsewhere"), &file).expect("linked");
    assert!(ends(1, &["import", &linked, "--store", &at("store")]).contains("links are not followed"));
    let missing = export("missing");
    fs::remove_file(PathBuf::from(&missing).join("manifest.json")).expect("removed");
    assert!(ends(1, &["import", &missing, "--store", &at("store")]).contains("manifest.json"));
    assert!(rows(&at("store"), "SELECT count(*) FROM events").contains(&"0".to_owned()));
    assert!(ends(1, &["import", &at("none.tar"), "--store", &at("store")]).contains("none.tar"));
}

/// A damaged store exports nothing.
#[test]
fn a_damaged_file_is_not_exported() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&place.path().join(name));
    done(&["ingest", &MADE.archive(), "--store", &at("store")]);
    let files = walkdir::WalkDir::new(place.path().join("store/data/main/events")).into_iter().flatten();
    let file = files.map(|entry| entry.into_path()).find(|path| path.is_file()).expect("a file");
    let mut bytes = fs::read(&file).expect("a file");
    let at_half = bytes.len() / 2;
    bytes[at_half] ^= 4;
    fs::write(&file, bytes).expect("written");
    let said = ends(1, &["export", "--store", &at("store"), "--out", &at("x.tar")]);
    assert!(said.contains("damaged") && said.contains("fsck --repair"), "{said}");
    let names = fs::read_dir(place.path()).expect("a folder").flatten();
    let left: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(left, ["store"]);
}
