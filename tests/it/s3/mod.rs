//! Archives in S3: the store is that of the same archive on disk, whatever goes wrong on the way; a night asks for what
//! is new alone; and nothing that a server says is more than words.

mod faults;
mod hostile;
mod nights;
mod proof;
pub mod server;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use self::server::{BUCKET, Server};
use super::night::{self, stderr, text};
use trailpare::synth::{self, Config};

/// The program, speaking to a server, with an environment that has nothing of this machine's in it.
pub fn program(server: &Server, args: &[&str]) -> Command {
    let mut command = night::program(args);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    for (name, value) in [
        ("AWS_ENDPOINT_URL", server.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "a-secret-that-nobody-prints"),
        ("AWS_SESSION_TOKEN", "a-token-that-nobody-prints"),
        ("AWS_CONFIG_FILE", "/nowhere/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_MAX_ATTEMPTS", "4"),
    ] {
        command.env(name, value);
    }
    command
}

/// Takes an archive in; how the program ended.
pub fn ingest(server: &Server, source: &str, store: &Path, more: &[&str]) -> Output {
    let store = text(store);
    let mut args = vec!["ingest", source, "--store", &store];
    args.extend(more);
    let done = program(server, &args).output().expect("it runs");
    let said = [stderr(&done), String::from_utf8_lossy(&done.stdout).into_owned()].concat();
    assert!(!said.contains("nobody-prints"), "a secret is printed: {said}");
    done
}

pub fn ok(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
}

/// Everything that a store answers, but where objects were read: rows, and the ledger.
pub fn everything(store: &Path) -> (BTreeMap<&'static str, String>, Vec<String>) {
    let sql = |statement: &str| {
        let done = night::run(&["sql", "--store", &text(store), "--format", "csv", statement]);
        assert!(done.status.success(), "{}", stderr(&done));
        String::from_utf8(done.stdout).expect("UTF-8")
    };
    let rows = [
        ("events", sql("SELECT * FROM events ORDER BY event_id, event_time, event_name, additional_event_data")),
        ("usage", sql("SELECT * FROM usage ORDER BY 1, 2, 3, 13, 14, 7, 8, 6, 9, 10, 11, 12, 15, 16")),
    ];
    let catalog = rusqlite::Connection::open(store.join("catalog.sqlite")).expect("a catalog");
    let mut statement = catalog
        .prepare(
            "SELECT name || ' ' || state || ' ' || size_bytes || ' ' || coalesce(hex(sha256), '') || ' ' || records || ' ' \
             || events || ' ' || duplicates || ' ' || broken FROM trailpare_objects ORDER BY 1",
        )
        .expect("the ledger");
    let ledger = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    // What has no name of CloudTrail's has its place.
    let ledger = ledger.map(|line| line.expect("a row")).map(|line| match line.rsplit_once('/') {
        Some((_, line)) => line.to_owned(),
        None => line,
    });
    let mut ledger: Vec<String> = ledger.collect();
    ledger.sort();
    (rows.into_iter().collect(), ledger)
}

pub fn status(store: &Path) -> Value {
    night::document(&["status", "--store", &text(store), "--format", "json"]).0
}

/// An archive of some accounts, regions and days, on disk.
pub fn archive(folder: &Path, objects: u64) -> std::path::PathBuf {
    let archive = folder.join("archive");
    let config = Config { objects: Some(objects), events: Some(objects * 12), days: 12, ..Config::default() };
    synth::generate(&config, &archive, |_, _| {}).expect("an archive");
    archive
}

/// The name of the archive in the server's bucket.
pub fn bucket() -> String {
    format!("s3://{BUCKET}")
}

#[test]
fn the_store_is_that_of_the_same_archive_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = archive(folder.path(), 300);
    // What stands beside logs, in no form or place of CloudTrail's.
    let beside = archive.join("exports");
    std::fs::create_dir_all(&beside).expect("a folder");
    std::fs::write(beside.join("events.ndjson"), include_str!("export.ndjson")).expect("a file");
    std::fs::write(beside.join("README.md"), "notes").expect("a file");
    std::fs::write(beside.join("broken.json.gz"), b"\x1f\x8b\x08\0garbage").expect("a file");
    let server = Server::of(&archive, "");
    let (local, remote) = (folder.path().join("local"), folder.path().join("remote"));
    let done = night::run(&["ingest", &text(&archive), "--store", &text(&local)]);
    assert_eq!(done.status.code(), Some(3), "{}", stderr(&done));
    let done = ingest(&server, &bucket(), &remote, &[]);
    assert_eq!(done.status.code(), Some(3), "{}", stderr(&done));
    let asked = server.asked();
    assert!(asked.iter().all(|one| one.is_signed), "every request is signed");
    let gets = asked.iter().filter(|one| !one.target.contains("list-type=2")).count();
    let objects = server.keys().len();
    assert!(gets <= objects + 5, "{gets} requests for {objects} objects");
    assert_eq!(everything(&local), everything(&remote));

    // Again: nothing is new, and no object is read but that which could not be taken.
    let done = ingest(&server, &bucket(), &remote, &[]);
    assert_eq!(done.status.code(), Some(3), "{}", stderr(&done));
    let read: Vec<_> = server.asked().into_iter().filter(|one| !one.target.contains("list-type=2")).collect();
    assert!(read.len() <= 4, "{read:?}");
    assert_eq!(everything(&local), everything(&remote));

    // From disk what is known by its name is not taken again; and the other way round.
    ok(&night::run(&["ingest", &text(&archive.join("AWSLogs")), "--store", &text(&remote)]));
    ok(&ingest(&server, &format!("{}/AWSLogs", bucket()), &local, &[]));
    assert_eq!(status(&local)["events"], status(&remote)["events"]);
    assert_eq!(status(&local)["objects"], status(&remote)["objects"]);
}

#[test]
fn of_several_sources_each_event_is_taken_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = archive(folder.path(), 60);
    let server = Server::of(&archive, "copy/");
    let (once, both) = (folder.path().join("once"), folder.path().join("both"));
    ok(&night::run(&["ingest", &text(&archive), "--store", &text(&once)]));
    let source = format!("{}/copy", bucket());
    ok(&ingest(&server, &source, &both, &[&text(&archive)]));
    assert_eq!(everything(&once).1, everything(&both).1);
    // One object, named itself.
    let key = server.keys()[7].clone();
    let one = folder.path().join("one");
    ok(&ingest(&server, &format!("{}/{key}", bucket()), &one, &[]));
    assert_eq!(status(&one)["objects"], 1);
}

#[test]
fn containers_and_large_objects_come_by_way_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = archive(folder.path(), 40);
    let packed = folder.path().join("packed");
    std::fs::create_dir_all(&packed).expect("a folder");
    let tar = packed.join("logs.tar.gz");
    let made = Command::new("tar").arg("-czf").arg(&tar).arg("-C").arg(&archive).arg(".").status();
    assert!(made.expect("tar runs").success());
    // Of more than what is held in memory.
    let event = include_str!("export.ndjson").lines().next().expect("an event");
    let padding = "x".repeat(64 << 10);
    let large: String = (0..120_u32)
        .map(|i| {
            event.replacen("00000000-0000-4000-8000-000000000001", &format!("{i:08}-0000-4000-8000-0000000000ff"), 1)
        })
        .map(|line| {
            line.replacen("\"requestParameters\":null", &format!("\"requestParameters\":{{\"p\":\"{padding}\"}}"), 1)
                + "\n"
        })
        .collect();
    assert!(large.len() > 6 << 20);
    std::fs::write(packed.join("large.ndjson"), large).expect("a file");
    let server = Server::of(&packed, "");
    let (local, remote) = (folder.path().join("local"), folder.path().join("remote"));
    ok(&night::run(&["ingest", &text(&packed), "--store", &text(&local)]));
    ok(&ingest(&server, &bucket(), &remote, &[]));
    assert!(server.asked().iter().any(|one| one.range.is_some()), "a large object is read in ranges");
    assert_eq!(everything(&local).0, everything(&remote).0);
    let objects = status(&remote)["objects"].clone();
    ok(&ingest(&server, &bucket(), &remote, &[]));
    assert_eq!(status(&remote)["objects"], objects);
}

#[test]
fn requests_are_bounded_and_options_reach_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = archive(folder.path(), 120);
    let server = Server::of(&archive, "");
    server.delay(std::time::Duration::from_millis(5));
    ok(&ingest(&server, &bucket(), &folder.path().join("few"), &["--requests", "3", "--request-payer"]));
    assert!(server.most_at_once() <= 3, "{}", server.most_at_once());
    assert!(server.asked().iter().all(|one| one.payer.as_deref() == Some("requester")));
    ok(&ingest(&server, &bucket(), &folder.path().join("many"), &["--no-sign-request"]));
    assert!(server.most_at_once() > 8, "{}", server.most_at_once());
    assert!(server.asked().iter().all(|one| !one.is_signed));
    assert_eq!(status(&folder.path().join("few"))["events"], status(&folder.path().join("many"))["events"]);
}
