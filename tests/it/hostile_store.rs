//! Stores that somebody else made: nothing outside them is read, moved, emptied or removed, whatever they name.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use rusqlite::Connection;

fn run(args: &[&str], store: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env("TRAILPARE_STORE", store).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A small store of two ingests, and the archive of a third.
static MADE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    for part in 1..=3 {
        let (archive, slice) = (folder.path().join(part.to_string()), format!("{part}/3"));
        let archive = archive.to_str().expect("UTF-8");
        let size = ["--objects", "12", "--events", "240", "--days", "2", "--slice", &slice];
        let output = run(&[&["synth", archive][..], &size].concat(), folder.path());
        assert!(output.status.success(), "{}", said(&output));
        if part < 3 {
            let output = run(&["ingest", archive], &folder.path().join("store"));
            assert!(output.status.success(), "{}", said(&output));
        }
    }
    folder
});

/// A copy of the store in a folder of its own, and a file beside it that is nobody's business.
struct Attack {
    folder: tempfile::TempDir,
    store: PathBuf,
    victim: PathBuf,
}

const SECRET: &str = "what the user would miss";

impl Attack {
    fn new() -> Attack {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, victim) = (folder.path().join("a/store"), folder.path().join("victim.parquet"));
        copy(&MADE.path().join("store"), &store);
        fs::write(&victim, SECRET).expect("written");
        Attack { folder, store, victim }
    }

    fn catalog(&self, sql: &str) {
        let connection = Connection::open(self.store.join("catalog.sqlite")).expect("a catalog");
        connection.execute_batch(sql).expect("SQL");
    }

    fn marker(&self, add: &[&str], replace: &[&str]) {
        let text = serde_json::json!({"add": add, "replace": replace}).to_string();
        fs::write(self.store.join("commit-in-progress"), text).expect("written");
    }

    /// Runs what writes; each must fail and name what the store names.
    fn writers_refuse(&self, named: &str) {
        let archive = MADE.path().join("3");
        let archive = archive.to_str().expect("UTF-8");
        for args in
            [&["optimize", "--expire-older-than", "0"][..], &["ingest", archive], &["fsck", "--repair"], &["optimize"]]
        {
            let output = run(args, &self.store);
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
            assert!(said.contains(named) && said.contains("hint:"), "{args:?}: {said}");
            self.is_unharmed();
        }
    }

    /// Runs what reads; nothing in the store changes.
    fn readers_change_nothing(&self) -> Vec<Output> {
        let before = contents(&self.store);
        let commands = [
            &["status"][..],
            &["sql", "SELECT count(*) FROM events"],
            &["actions", "--principal", "*"],
            &["optimize", "--dry-run"],
            &["fsck"],
        ];
        let outputs = commands.map(|args| run(args, &self.store)).into();
        let after = contents(&self.store);
        let changed: Vec<_> = after.keys().filter(|path| after.get(*path) != before.get(*path)).collect();
        assert!(after == before, "a reader changed the store: {changed:?}");
        self.is_unharmed();
        outputs
    }

    fn is_unharmed(&self) {
        assert_eq!(fs::read_to_string(&self.victim).expect("the victim is there"), SECRET);
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let target = to.join(entry.path().strip_prefix(from).expect("below it"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("made");
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    let content = |path: &Path| fs::read(path).ok();
    entries.map(|entry| (entry.path().to_owned(), content(entry.path()))).collect()
}

#[test]
fn a_marker_reaches_nothing_outside() {
    let absolute = Attack::new();
    let absolute = absolute.victim.to_str().expect("UTF-8").to_owned();
    for outside in
        ["../../../victim.parquet", "main/events/../../../../../victim.parquet", &absolute, "", "main//x.parquet"]
    {
        for (add, replace) in [(&[outside][..], &[][..]), (&[], &[outside])] {
            let attack = Attack::new();
            let outside = outside.replace(&absolute, attack.victim.to_str().expect("UTF-8"));
            let named = |paths: &[&str]| paths.iter().map(|_| outside.clone()).collect::<Vec<_>>();
            let (add, replace) = (named(add), named(replace));
            let texts = |paths: &[String]| paths.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
            attack.marker(&texts(&add).lines().collect::<Vec<_>>(), &texts(&replace).lines().collect::<Vec<_>>());
            if outside.is_empty() {
                let text = serde_json::json!({"add": add, "replace": replace}).to_string();
                fs::write(attack.store.join("commit-in-progress"), text).expect("written");
            }
            attack.readers_change_nothing();
            attack.writers_refuse("names a file that is not in it");
        }
    }
}

#[test]
fn a_marker_of_a_store_s_own_files_is_read_by_nobody_who_only_reads() {
    let attack = Attack::new();
    let stray = "main/events/day=2024-01-01/never-committed.parquet";
    let path = attack.store.join("data").join(stray);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, "half").expect("written");
    attack.marker(&[stray], &[]);
    let outputs = attack.readers_change_nothing();
    for output in &outputs[..3] {
        let said = said(output);
        assert!(output.status.success() && said.contains("cut short"), "{said}");
    }
    assert!(String::from_utf8_lossy(&outputs[4].stdout).contains("cut-short"));
    let rows = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let before = rows(&outputs[1]);
    // A writer mends it.
    let output = run(&["optimize"], &attack.store);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!path.exists() && !attack.store.join("commit-in-progress").exists());
    let output = run(&["sql", "SELECT count(*) FROM events"], &attack.store);
    assert_eq!((rows(&output), said(&output).contains("cut short")), (before, false));
}

#[test]
fn a_commit_that_was_cut_short_after_it_held_is_read_as_it_holds() {
    let attack = Attack::new();
    // A merge whose files were not moved away yet.
    let before = run(&["sql", "--format", "csv", "SELECT * FROM events ORDER BY event_id"], &attack.store).stdout;
    let live: Vec<String> = files_of(&attack.store, "data/main/events");
    let output = run(&["optimize"], &attack.store);
    assert!(output.status.success(), "{}", said(&output));
    let replaced = files_of(&attack.store, "data/replaced");
    assert!(!replaced.is_empty(), "nothing was merged");
    let mut moved = Vec::new();
    for path in live.iter().filter(|path| !attack.store.join(path).exists()) {
        let name = format!("events-{}", path.rsplit('/').next().expect("a name"));
        fs::rename(attack.store.join("data/replaced").join(name), attack.store.join(path)).expect("moved back");
        moved.push(path.strip_prefix("data/").expect("below it"));
    }
    attack.marker(&[], &moved);
    let newest: i64 = Connection::open(attack.store.join("catalog.sqlite"))
        .and_then(|c| c.query_row("SELECT max(snapshot_id) FROM ducklake_snapshot", [], |row| row.get(0)))
        .expect("a snapshot");
    for at in [newest, 2] {
        let at = at.to_string();
        let sql = ["sql", "--format", "csv", "--at", &at, "SELECT * FROM events ORDER BY event_id"];
        let output = run(&sql, &attack.store);
        assert!(output.status.success(), "{at}: {}", said(&output));
        assert!(at == "2" || output.stdout == before, "{at}");
    }
    let output = run(&["optimize"], &attack.store);
    assert!(output.status.success(), "{}", said(&output));
    assert!(moved.iter().all(|path| !attack.store.join("data").join(path).exists()), "they are moved now");
}

/// A store whose merge was cut short once it held, before its files were moved away; what its marker named.
fn cut_short() -> (Attack, Vec<String>) {
    let attack = Attack::new();
    let live: Vec<String> = files_of(&attack.store, "data/main/events");
    assert!(run(&["optimize"], &attack.store).status.success());
    let mut moved = Vec::new();
    for path in live.iter().filter(|path| !attack.store.join(path).exists()) {
        let name = format!("events-{}", path.rsplit('/').next().expect("a name"));
        fs::rename(attack.store.join("data/replaced").join(name), attack.store.join(path)).expect("moved back");
        moved.push(path.strip_prefix("data/").expect("below it").to_owned());
    }
    assert!(!moved.is_empty());
    (attack, moved)
}

#[test]
fn a_flipped_bit_in_a_marker_locks_nobody_out() {
    let sql = ["sql", "--format", "csv", "SELECT * FROM events ORDER BY event_id"];
    let text = |moved: &[String]| {
        let sums: String = moved.iter().map(|path| format!("-{path}\n")).collect();
        let crc = libdeflater::crc32(sums.as_bytes());
        serde_json::json!({"add": [], "replace": moved, "crc": crc}).to_string().into_bytes()
    };
    let (whole, moved) = cut_short();
    let length = text(&moved).len();
    fs::write(whole.store.join("commit-in-progress"), text(&moved)).expect("written");
    let output = run(&["optimize"], &whole.store);
    assert!(output.status.success(), "{}", said(&output));
    let before = run(&sql, &whole.store).stdout;
    // A bracket, a quote, names, a key, numbers, the last brace.
    for (i, at) in
        [0, 2, 11, 21, 24, length / 2, length - 18, length - 9, length - 3, length - 1].into_iter().enumerate()
    {
        let (attack, moved) = cut_short();
        let mut bytes = text(&moved);
        bytes[at] ^= 1 << (i % 7);
        fs::write(attack.store.join("commit-in-progress"), &bytes).expect("written");
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        if i == 0 {
            attack.readers_change_nothing();
        }
        let output = run(&["optimize"], &attack.store);
        let is_told = said(&output).contains("commit-in-progress") && said(&output).contains("fsck --repair");
        assert!(output.status.code() == Some(1) && is_told, "{shown}: {}", said(&output));
        let output = run(&["fsck", "--repair"], &attack.store);
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && report.contains("data/quarantine/commit-in-progress"), "{shown}: {report}");
        let output = run(&["fsck", "--usage"], &attack.store);
        assert!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(run(&sql, &attack.store).stdout == before, "{shown}");
        assert!(moved.iter().all(|path| !attack.store.join("data").join(path).exists()), "{shown}: they are moved now");
    }
}

fn files_of(store: &Path, below: &str) -> Vec<String> {
    let entries = walkdir::WalkDir::new(store.join(below)).into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.path().strip_prefix(store).expect("below it").to_string_lossy().into_owned()).collect()
}

#[test]
fn a_catalog_reaches_nothing_outside() {
    for (sql, is_read) in [
        ("UPDATE ducklake_data_file SET path = '../../../../../victim.parquet' WHERE data_file_id = 0", true),
        ("UPDATE ducklake_data_file SET path = 'VICTIM' WHERE data_file_id = 0", true),
        ("UPDATE ducklake_data_file SET path = 'VICTIM', path_is_relative = 0 WHERE data_file_id = 0", true),
        (
            "UPDATE ducklake_data_file SET path = '../../replaced/../../../../victim.parquet', end_snapshot = 2 \
          WHERE data_file_id = 0",
            false,
        ),
        ("UPDATE ducklake_data_file SET path = 'VICTIM', end_snapshot = 2 WHERE data_file_id = 0", false),
        (
            "INSERT INTO ducklake_files_scheduled_for_deletion VALUES (99, '../../../victim.parquet', 1, '2024-01-01')",
            false,
        ),
        ("INSERT INTO ducklake_files_scheduled_for_deletion VALUES (99, 'VICTIM', 1, '2024-01-01')", false),
    ] {
        let attack = Attack::new();
        attack.catalog(&sql.replace("VICTIM", attack.victim.to_str().expect("UTF-8")));
        // Whoever alters a row alters what is recorded of it.
        attack.catalog("DELETE FROM trailpare_row_checks; DELETE FROM trailpare_snapshot_checks");
        let outputs = attack.readers_change_nothing();
        for output in &outputs[..3] {
            let said = said(output);
            assert_eq!(output.status.success(), !is_read, "{sql}: {said}");
            assert!(!is_read || said.contains("names a file that is not in it"), "{sql}: {said}");
        }
        let output = run(&["optimize", "--expire-older-than", "0"], &attack.store);
        assert_eq!(output.status.code(), Some(1), "{sql}");
        assert!(said(&output).contains("names a file that is not in it"), "{sql}: {}", said(&output));
        attack.is_unharmed();
    }
}

#[test]
fn links_in_a_store_are_not_followed() {
    let day = |store: &Path| {
        let days = fs::read_dir(store.join("data/main/events")).expect("a folder").flatten().map(|day| day.path());
        let files = |day: &PathBuf| fs::read_dir(day).expect("a folder").count();
        days.max_by_key(files).expect("a day")
    };
    for place in
        ["day", "file", "data", "data/.staging", "data/replaced", "usage-months", "ingest.lock", "catalog.sqlite"]
    {
        let attack = Attack::new();
        let elsewhere = attack.folder.path().join("elsewhere");
        let path = match place {
            "day" => day(&attack.store),
            "file" => fs::read_dir(day(&attack.store)).expect("a folder").next().expect("a file").expect("one").path(),
            place => attack.store.join(place),
        };
        // The same as before, but behind a link, with something of the user's beside it.
        if path.exists() {
            fs::rename(&path, &elsewhere).expect("moved");
        } else {
            fs::create_dir_all(&elsewhere).expect("made");
        }
        if elsewhere.is_dir() {
            fs::write(elsewhere.join("mine.parquet"), SECRET).expect("written");
        }
        let before = contents(&elsewhere);
        symlink(&elsewhere, &path).expect("a link");
        if place == "file" {
            // An ingest has no need of it.
            let output = run(&["optimize"], &attack.store);
            assert!(said(&output).contains("links inside a store are not followed"), "{}", said(&output));
        } else {
            attack.writers_refuse("links inside a store are not followed");
        }
        attack.readers_change_nothing();
        assert!(contents(&elsewhere) == before, "{place}");
    }
}

#[test]
fn a_lock_that_is_a_link_empties_nothing() {
    let attack = Attack::new();
    fs::remove_file(attack.store.join("ingest.lock")).expect("removed");
    symlink(&attack.victim, attack.store.join("ingest.lock")).expect("a link");
    attack.writers_refuse("links inside a store are not followed");
}

#[test]
fn a_journal_that_names_another_file_removes_nothing() {
    let attack = Attack::new();
    // Source: SQLite, "Database File Format", section 3: a journal's end that names a super-journal.
    let name = attack.victim.to_str().expect("UTF-8").as_bytes();
    let mut journal = vec![0; 512];
    journal.extend([0, 0, 0, 1]);
    journal.extend(name);
    journal.extend((name.len() as u32).to_be_bytes());
    journal.extend(name.iter().map(|byte| u32::from(*byte)).sum::<u32>().to_be_bytes());
    journal.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    fs::write(attack.store.join("catalog.sqlite-journal"), journal).expect("written");
    attack.readers_change_nothing();
    attack.writers_refuse("names a file that is not in it");
}

#[test]
fn a_store_may_be_reached_by_a_link() {
    let attack = Attack::new();
    let link = attack.folder.path().join("link");
    symlink(&attack.store, &link).expect("a link");
    for args in [&["status"][..], &["optimize"], &["sql", "SELECT count(*) FROM events"]] {
        let output = run(args, &link);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
    }
}

/// Runs a command that must end; its exit code and what it says, a report on standard output included.
fn in_time(args: &[&str], store: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env("TRAILPARE_STORE", store).stdin(Stdio::null());
    let mut report = tempfile::tempfile().expect("a file");
    command.stdout(report.try_clone().expect("a file")).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if std::time::Instant::now() > deadline {
            child.kill().expect("killed");
            panic!("{args:?} hangs");
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said).expect("UTF-8");
    std::io::Seek::rewind(&mut report).expect("a file");
    std::io::Read::read_to_string(&mut report, &mut said).expect("UTF-8");
    (status.code(), said)
}

#[test]
fn what_is_no_plain_file_in_the_place_of_one_holds_nobody_up() {
    let archive = MADE.path().join("3");
    let archive = archive.to_str().expect("UTF-8");
    type Place = fn(&Path) -> PathBuf;
    let places: [(&str, Place); 10] = [
        ("catalog.sqlite", |store| store.join("catalog.sqlite")),
        ("catalog.sqlite-journal", |store| store.join("catalog.sqlite-journal")),
        ("catalog.sqlite-wal", |store| store.join("catalog.sqlite-wal")),
        ("ingest.lock", |store| store.join("ingest.lock")),
        ("commit-in-progress", |store| store.join("commit-in-progress")),
        ("data/replaced", |store| store.join("data/replaced")),
        ("data/.staging", |store| store.join("data/.staging")),
        ("usage-months", |store| store.join("usage-months")),
        ("usage-months/", |store| store.join("usage-months/2024-03.x.parquet")),
        (".parquet", |store| store.join(files_of(store, "data/main/events").remove(0))),
    ];
    for (name, place) in places {
        for is_fifo in [true, false] {
            let attack = Attack::new();
            let path = place(&attack.store);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            let _ = fs::remove_file(&path);
            let _ = fs::remove_dir_all(&path);
            if is_fifo {
                let c_path = std::ffi::CString::new(path.to_str().expect("UTF-8")).expect("no zero");
                // SAFETY: the path is a string that ends with a zero byte, and is only read.
                assert_eq!(unsafe { libc::mkfifo(c_path.as_ptr(), 0o600) }, 0);
            } else {
                drop(std::os::unix::net::UnixListener::bind(&path));
                if !path.exists() {
                    // The path is too long for a socket: a folder where a file should be does as well.
                    fs::create_dir_all(&path).expect("made");
                }
            }
            for args in [
                &["status"][..],
                &["sql", "SELECT * FROM events"],
                &["actions", "--principal", "*"],
                &["fsck"],
                &["optimize"],
                &["ingest", archive],
                &["fsck", "--repair"],
            ] {
                let (code, said) = in_time(args, &attack.store);
                let is_told = said.contains(name) && said.contains("hint:");
                // A copy of usage is left out, a data file that isn't needed isn't looked at.
                let is_derived = name.ends_with('/') || name == ".parquet";
                assert!(is_derived || code == Some(1), "{name} {args:?} {code:?}: {said}");
                assert!(
                    code == Some(0) || is_derived && code == Some(3) || is_told,
                    "{name} {args:?} {code:?}: {said}"
                );
                attack.is_unharmed();
            }
        }
    }
}
