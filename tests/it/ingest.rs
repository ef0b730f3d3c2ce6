//! What an ingest promises: once, every record or a reason, each event once, whatever happens to the process.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

fn trailpare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env_remove("TRAILPARE_STORE").stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    trailpare(args).output().expect("the program starts")
}

fn ok(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn status(store: &str) -> Value {
    serde_json::from_slice(&run(&["status", "--store", store, "--format", "json"]).stdout).expect("JSON")
}

/// Every row of a table, in an order of its own.
fn export(store: &str, table: &str) -> String {
    let order =
        if table == "events" { "event_id, event_time" } else { "1, 2, 3, 13, 14, 7, 8, 6, 9, 10, 11, 12, 15, 16" };
    ok(&["sql", "--store", store, "--format", "csv", &format!("SELECT * FROM {table} ORDER BY {order}")])
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// One time in this many milliseconds apart, the same every run.
struct Times(u64);

impl Times {
    fn next_ms(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[test]
fn real_archives_count_as_an_independent_script_counts_them() {
    let Some(data) = super::data::dir() else { return };
    let real = data.join("real");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/count.py");
    let counted = Command::new("python3").arg(script).arg(&real).output();
    let Ok(counted) = counted else {
        assert!(std::env::var_os("TRAILPARE_REQUIRE_DATA").is_none(), "python3 is missing");
        eprintln!("skipped: python3 is missing");
        return;
    };
    let expected: Value = serde_json::from_slice(&counted.stdout).expect("JSON");
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    ok(&["ingest", text(&real), "--store", text(&store)]);
    let found = status(text(&store));
    for key in ["objects", "records", "events", "duplicates"] {
        assert_eq!(found[key], expected[key], "{key}");
    }
    let pairs = ok(&[
        "sql",
        "--store",
        text(&store),
        "--format",
        "json",
        "SELECT count(*) AS n FROM (SELECT DISTINCT event_source, event_name FROM events)",
    ]);
    assert_eq!(serde_json::from_str::<Value>(&pairs).expect("JSON")[0]["n"], expected["pairs"]);
    // A second run takes in nothing, under whatever path the archive lies.
    let again = run(&["ingest", text(&real.join("invictus")), text(&real), "--store", text(&store)]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("0 objects taken in"), "{again:?}");
    assert_eq!(status(text(&store))["snapshot"], found["snapshot"]);
}

#[test]
fn killed_twenty_times_and_finished_it_is_as_if_it_had_run_once() {
    let Some(data) = super::data::dir() else { return };
    let archive = data.join("real");
    let folder = tempfile::tempdir().expect("a folder");
    let (once, killed) = (folder.path().join("once"), folder.path().join("killed"));
    ok(&["ingest", text(&archive), "--store", text(&once)]);
    let mut times = Times(7);
    for _ in 0..20 {
        let mut child = trailpare(&["ingest", text(&archive), "--store", text(&killed)])
            .args(["--memory-limit", "256MiB", "--commit-interval", "0", "--quiet"])
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(Duration::from_millis(20 + times.next_ms(1_500)));
        // SIGKILL: nothing in the process gets to tidy up.
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    ok(&["ingest", text(&archive), "--store", text(&killed)]);
    for table in ["events", "usage"] {
        assert!(export(text(&once), table) == export(text(&killed), table), "{table} differs");
    }
    let files: Vec<PathBuf> = walkdir::WalkDir::new(killed.join("data"))
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.into_path())
        .collect();
    assert!(files.iter().all(|file| !text(file).contains(".staging")), "{files:?}");
    let glob = ok(&["sql", "--store", text(&killed), "--format", "json", "SELECT count(*) AS n FROM events"]);
    assert_eq!(serde_json::from_str::<Value>(&glob).expect("JSON")[0]["n"], status(text(&once))["events"]);
}

#[test]
fn of_two_at_once_both_succeed_or_one_says_why_not() {
    let archive = archive();
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let children: Vec<_> = (0..4)
        .map(|_| {
            trailpare(&["ingest", text(archive.path()), "--store", text(&store)])
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program starts")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || said.contains("is writing to this store"), "{said}");
    }
    assert_eq!(status(text(&store))["events"], 6);
}

/// Events of two objects; one event is in both.
fn archive() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let event = |id: u32, hour: u32| {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"2024-03-0{}T{hour:02}:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventType":"AwsApiCall","awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"00000000-0000-0000-0000-00000000000{id}","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","userName":"ann"}},"requestParameters":{{"bucketName":"b","key":"k{id}"}}}}"#,
            1 + id % 3
        )
    };
    let object = |ids: &[u32]| {
        format!(r#"{{"Records":[{}]}}"#, ids.iter().map(|id| event(*id, 7)).collect::<Vec<_>>().join(","))
    };
    let name = |random: &str| format!("111122223333_CloudTrail_eu-west-1_20240302T0710Z_{random}.json");
    fs::write(folder.path().join(name("AAAAAAAAAAAAAAAA")), object(&[1, 2, 3, 4])).expect("written");
    fs::write(folder.path().join(name("BBBBBBBBBBBBBBBB")), object(&[4, 5, 6])).expect("written");
    folder
}

#[test]
fn bad_objects_are_refused_and_tried_again() {
    let archive = archive();
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let bad = archive.path().join("111122223333_CloudTrail_eu-west-1_20240302T0715Z_CCCCCCCCCCCCCCCC.json");
    fs::write(&bad, r#"{"Records":[{"eventTime":"#).expect("written");
    fs::write(archive.path().join("empty.json"), "").expect("written");
    fs::write(archive.path().join("other.json"), r#"{"a":1}"#).expect("written");
    fs::write(archive.path().join("half.json"), r#"{"Records":[{"eventID":"x"},7]}"#).expect("written");
    let first = run(&["ingest", text(archive.path()), "--store", text(&store)]);
    assert_eq!(first.status.code(), Some(3), "{first:?}");
    let said = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(said.contains("refused at byte 25: truncated"), "{said}");
    let found = status(text(&store));
    assert_eq!((&found["events"], &found["duplicates"]), (&Value::from(6), &Value::from(1)));
    assert_eq!(found["refused_objects"].as_array().map(Vec::len), Some(3), "{found}");
    assert_eq!(found["broken_records"].as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(run(&["status", "--store", text(&store)]).status.code(), Some(3));
    // Mended, it is taken in.
    let good = fs::read_to_string(
        archive.path().join("111122223333_CloudTrail_eu-west-1_20240302T0710Z_BBBBBBBBBBBBBBBB.json"),
    );
    fs::write(&bad, good.expect("readable").replace("00000000-0000", "10000000-0000")).expect("written");
    run(&["ingest", text(archive.path()), "--store", text(&store)]);
    let found = status(text(&store));
    assert_eq!(found["events"], 9);
    assert_eq!(found["refused_objects"].as_array().map(Vec::len), Some(2), "{found}");
}

#[test]
fn a_changed_object_is_an_error_and_never_a_replacement() {
    let archive = archive();
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    ok(&["ingest", text(archive.path()), "--store", text(&store)]);
    let before = export(text(&store), "events");
    let object = archive.path().join("111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA.json");
    let content = fs::read_to_string(&object).expect("readable");
    // The same size: its time says that it was changed, and its bytes are compared.
    fs::write(&object, content.replace("k1", "kX")).expect("written");
    assert_eq!(run(&["ingest", text(archive.path()), "--store", text(&store)]).status.code(), Some(3));
    // Where that says nothing, only the digest tells.
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    fs::File::options().write(true).open(&object).expect("a file").set_modified(long_ago).expect("set");
    assert_eq!(run(&["ingest", text(archive.path()), "--store", text(&store)]).status.code(), Some(0));
    let rehashed = run(&["ingest", text(archive.path()), "--store", text(&store), "--rehash"]);
    assert_eq!(rehashed.status.code(), Some(3), "{rehashed:?}");
    // Another size: told at once.
    fs::write(&object, content.replace("k1", "k1111")).expect("written");
    let changed = run(&["ingest", text(archive.path()), "--store", text(&store)]);
    assert_eq!(changed.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&changed.stderr).contains("changed: taken in earlier"), "{changed:?}");
    assert_eq!(export(text(&store), "events"), before);
}

#[test]
fn a_bad_copy_gives_way_to_a_good_one() {
    let archive = archive();
    let folder = tempfile::tempdir().expect("a folder");
    let name = "111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA.json";
    let content = fs::read(archive.path().join(name)).expect("readable");
    let copy = archive.path().join("0-first");
    fs::create_dir(&copy).expect("made");
    fs::write(copy.join(name), vec![b'x'; content.len()]).expect("written");
    let store = folder.path().join("store");
    ok(&["ingest", text(archive.path()), "--store", text(&store)]);
    assert_eq!(status(text(&store))["events"], 6);
}

#[test]
fn a_call_between_accounts_counts_once_for_its_caller() {
    let archive = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let event = |id: u32, recipient: &str, identity: &str, shared: &str| {
        format!(
            r#"{{"Records":[{{"eventVersion":"1.08","eventTime":"2024-03-01T07:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventType":"AwsApiCall","awsRegion":"eu-west-1","recipientAccountId":"{recipient}","eventID":"00000000-0000-0000-0000-00000000000{id}","sharedEventID":"{shared}","userIdentity":{identity},"requestParameters":{{"bucketName":"b","key":"k"}}}}]}}"#
        )
    };
    let role = r#"{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/s","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/app","accountId":"111122223333"}}}"#;
    let other = r#"{"type":"AWSAccount","principalId":"AROAX:s","accountId":"111122223333"}"#;
    let store = folder.path().join("store");
    let take_in = |name: &str, content: String| {
        fs::write(archive.path().join(name), content).expect("written");
        ok(&["ingest", text(archive.path()), "--store", text(&store)]);
        let rows = ok(&[
            "sql",
            "--store",
            text(&store),
            "--format",
            "csv",
            "SELECT principal_arn, action, event_count, cross_account FROM usage ORDER BY 1, 2",
        ]);
        rows.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    // The called account's copy comes first and alone: it counts, for as much as it knows.
    let rows = take_in("a.json", event(1, "444455556666", other, "s1"));
    assert_eq!(rows, ["AROAX,s3:GetObject,1,true"]);
    // Then the caller's: now it counts there.
    let rows = take_in("b.json", event(2, "111122223333", role, "s1"));
    assert_eq!(rows, ["arn:aws:iam::111122223333:role/app,s3:GetObject,1,false"]);
}

/// The log objects of an archive, in the order of their names.
fn objects_of(archive: &Path) -> Vec<PathBuf> {
    let paths = walkdir::WalkDir::new(archive).into_iter().flatten().map(walkdir::DirEntry::into_path);
    let mut objects: Vec<PathBuf> = paths.filter(|path| text(path).ends_with(".json.gz")).collect();
    objects.sort_unstable();
    objects
}

/// However the days come, in one run that holds what it has seen, in commits of a batch each, or in runs that read the
/// store: calls between accounts are counted the same.
#[test]
fn calls_between_accounts_are_told_apart_however_they_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    ok(&["synth", text(&archive), "--objects", "80", "--events", "30000", "--days", "7", "--accounts", "4", "--quiet"]);
    let mut objects = objects_of(&archive);
    // An account's trail is missing: what it called in others is known from there alone.
    let account = |path: &Path| path.components().nth_back(6).map(|name| name.as_os_str().to_owned());
    let missing = account(&objects[0]);
    for path in objects.extract_if(.., |path| account(path) == missing) {
        fs::remove_file(path).expect("removed");
    }
    let [once, often, runs] = ["once", "often", "runs"].map(|name| folder.path().join(name));
    ok(&["ingest", text(&archive), "--store", text(&once)]);
    let small = ["--memory-limit", "256MiB", "--commit-interval", "0", "--threads", "1"];
    ok(&[&["ingest", text(&archive), "--store", text(&often)], &small[..]].concat());
    // One account after the other, so that the copies of a call come in different runs.
    for part in objects.chunks(objects.len().div_ceil(3)) {
        let paths = part.iter().map(|path| text(path));
        ok(&["ingest"].into_iter().chain(paths).chain(["--store", text(&runs)]).collect::<Vec<_>>());
    }
    let usage = export(text(&once), "usage");
    assert!(usage.lines().filter(|line| line.contains(",true,")).count() > 3, "calls that only the called account has");
    for other in [&often, &runs] {
        assert!(usage == export(text(other), "usage"), "{}", other.display());
    }
}

/// What fits no batch is one of its own, whatever it says of its size; what fits no memory is refused, and says what to do.
#[test]
fn objects_larger_than_a_batch_are_batches_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let make = |name: &str, events: &str, objects: &str| {
        let archive = folder.path().join(name);
        ok(&["synth", text(&archive), "--objects", objects, "--events", events, "--seed", events, "--days", "1", "-q"]);
        archive
    };
    let (large, small, vast) = (make("large", "4000", "1"), make("small", "300", "3"), make("vast", "16000", "1"));
    in_two_members(&objects_of(&large)[0]);
    let store = folder.path().join("store");
    let archives = [text(&large), text(&small), text(&vast)];
    let arguments = ["--store", text(&store), "--memory-limit", "256MiB", "--threads", "2"];
    let output = run(&[&["ingest"], &archives[..], &arguments[..]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("larger than the cap") && told.contains("raise --memory-limit"), "{told}");
    let last = &status(text(&store))["last_run"];
    assert_eq!((&last["taken"], &last["refused"]), (&Value::from(4), &Value::from(1)), "{last}");
}

/// Writes a gzip object anew in two members, of which the last says less than the whole has.
fn in_two_members(path: &Path) {
    let mut json = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path).expect("opened")).read_to_end(&mut json).expect("gzip");
    let (first, last) = json.split_at(json.len() / 10);
    let member = |part: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).and_then(|()| encoder.finish()).expect("gzip")
    };
    fs::write(path, [member(first), member(last)].concat()).expect("written");
}
