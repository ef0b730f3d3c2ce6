//! What a store keeps to itself, and what its answers do to whoever reads them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_trailpare");

fn run(args: &[&str], store: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).env("TRAILPARE_STORE", store).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn out(args: &[&str], store: &Path) -> String {
    let output = run(args, store);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The same under an umask.
fn under(umask: &str, args: &[&str], store: &Path) {
    let script = format!("umask {umask}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, PROGRAM])
        .args(args)
        .env("TRAILPARE_STORE", store)
        .output()
        .expect("sh");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The permissions of folders and of files, each once.
fn modes(folder: &Path) -> (Vec<u32>, Vec<u32>) {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        let modes = if entry.file_type().is_dir() { &mut folders } else { &mut files };
        modes.push(mode);
    }
    for modes in [&mut folders, &mut files] {
        modes.sort_unstable();
        modes.dedup();
    }
    (folders, files)
}

#[test]
fn stores_and_exports_are_private_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, export) = (folder.path().join("store"), folder.path().join("answer.csv"));
        let archives = ["1", "2"].map(|part| folder.path().join(part).to_str().expect("UTF-8").to_owned());
        for (part, archive) in (1..).zip(&archives) {
            let slice = format!("{part}/2");
            out(&["synth", archive, "--objects", "8", "--events", "200", "--days", "1", "--slice", &slice], &store);
            under(umask, &["ingest", archive], &store);
        }
        assert_eq!(modes(&store), (vec![0o700], vec![0o600]), "{umask}");
        under(umask, &["optimize"], &store);
        assert_eq!(modes(&store), (vec![0o700], vec![0o600]), "{umask}");
        let export = export.to_str().expect("UTF-8");
        under(umask, &["sql", "SELECT 1", "--format", "csv", "--output", export], &store);
        assert_eq!(modes(Path::new(export)).1, [0o600], "{umask}");
        under(umask, &["optimize", "--mode", "group"], &store);
        assert_eq!(modes(&store), (vec![0o750], vec![0o640]), "{umask}");
        // It stays so for what comes later.
        fs::remove_dir_all(store.join("data/replaced")).expect("removed");
        under(umask, &["ingest", &archives[0]], &store);
        under(umask, &["optimize", "--expire-older-than", "0"], &store);
        assert_eq!(modes(&store), (vec![0o750], vec![0o640]), "{umask}");
        // A store of a version that didn't say becomes private with the next write.
        let connection = rusqlite::Connection::open(store.join("catalog.sqlite")).expect("a catalog");
        connection.execute("DELETE FROM trailpare_metadata WHERE key = 'trailpare_mode'", []).expect("SQL");
        drop(connection);
        under(umask, &["ingest", &archives[0]], &store);
        assert_eq!(modes(&store), (vec![0o700], vec![0o600]), "{umask}");
    }
}

/// An archive of one record with these parameters and answer.
fn archive(folder: &Path, parameters: &serde_json::Value, elements: &serde_json::Value) -> String {
    let record = serde_json::json!({"Records": [{
        "eventVersion": "1.09", "eventID": "3f2a1111-2222-3333-4444-555566667777", "eventTime": "2024-03-01T01:02:03Z",
        "eventSource": "rds.amazonaws.com", "eventName": "CreateDBInstance", "awsRegion": "eu-west-1",
        "eventType": "AwsApiCall", "recipientAccountId": "111122223333", "sourceIPAddress": "=cmd|' /C calc'!A0",
        "userAgent": "\u{1b}]0;owned\u{7}", "requestParameters": parameters, "responseElements": elements,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/a", "userName": "a",
            "accountId": "111122223333", "principalId": "AIDAEXAMPLE"},
    }]});
    let archive = folder.join("archive");
    fs::create_dir_all(&archive).expect("made");
    let name = "111122223333_CloudTrail_eu-west-1_20240301T0105Z_AAAAAAAAAAAAAAAA.json";
    fs::write(archive.join(name), record.to_string()).expect("written");
    archive.to_str().expect("UTF-8").to_owned()
}

#[test]
fn secrets_do_not_reach_the_store_unless_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "A1b2".repeat(100);
    let parameters = serde_json::json!({"dBInstanceIdentifier": "a", "masterUserPassword": "hunter2",
        "tags": [{"key": "password", "value": "not one"}], "options": {"PASSWORD": "hunter3", "nextToken": "page 2"},
        "document": "{\"secretString\":\"hunter4\",\"name\":\"b\"}"});
    let elements = serde_json::json!({"credentials": {"accessKeyId": "ASIAEXAMPLE", "sessionToken": long}});
    let archive = archive(folder.path(), &parameters, &elements);
    let sql = ["sql", "--format", "json", "SELECT request_parameters AS p, response_elements AS e FROM events"];
    let stored = |store: &Path| -> (serde_json::Value, serde_json::Value) {
        let answer: serde_json::Value = serde_json::from_str(&out(&sql, store)).expect("JSON");
        let of = |name: &str| serde_json::from_str(answer[0][name].as_str().expect("a text")).expect("JSON");
        (of("p"), of("e"))
    };
    let store = folder.path().join("kept");
    out(&["ingest", &archive, "--redact", "none"], &store);
    assert_eq!(stored(&store), (parameters.clone(), elements.clone()));
    let store = folder.path().join("masked");
    out(&["ingest", &archive], &store);
    let (mut expected, hidden) = (parameters, "HIDDEN_DUE_TO_SECURITY_REASONS");
    expected["masterUserPassword"] = hidden.into();
    expected["options"]["PASSWORD"] = hidden.into();
    expected["document"] = format!("{{\"secretString\":\"{hidden}\",\"name\":\"b\"}}").into();
    let (found, answered) = stored(&store);
    assert_eq!(found, expected);
    assert_eq!(answered, serde_json::json!({"credentials": {"accessKeyId": "ASIAEXAMPLE", "sessionToken": hidden}}));
}

#[test]
fn a_store_may_be_filled_with_and_without_masking() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = "hunter2".repeat(9);
    let parameters = serde_json::json!({"masterUserPassword": secret, "environment": [{"name": "DB_PASSWORD",
        "value": "hunter3"}], "document": "{\"secretString\":\"hunter4\",\"name\":\"b\"}"});
    let archive = archive(folder.path(), &parameters, &serde_json::Value::Null);
    let log = fs::read_dir(&archive).expect("a folder").flatten().next().expect("a file").path();
    let record = fs::read_to_string(&log).expect("text");
    // Other copies: to the letter, and with something changed that is no secret.
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let same = write("same.json", &format!(" {record}"));
    let other = write("other.json", &record.replace("CreateDBInstance", "DeleteDBInstance"));
    for (first, second) in [("none", "secrets"), ("secrets", "none")] {
        let store = folder.path().join(first);
        out(&["ingest", &archive, "--redact", first], &store);
        let text = String::from_utf8_lossy(&run(&["ingest", &same, "--redact", second], &store).stderr).into_owned();
        assert!(text.contains("0 new events, 1 duplicates;"), "{text}");
        assert!(run(&["status"], &store).status.success());
        let output = run(&["ingest", &other, "--redact", second], &store);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    }
}

#[test]
fn answers_do_nothing_to_a_spreadsheet_or_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = archive(folder.path(), &serde_json::json!({"a": "=1"}), &serde_json::Value::Null);
    let store = folder.path().join("store");
    out(&["ingest", &archive], &store);
    let sql = "SELECT source_ip_address, user_agent, -1 AS number, '-1' AS text, '+a,\"b' AS quoted, \
               chr(9) || '=2' AS tab, 'a' || chr(13) || chr(10) || 'b' AS lines, true AS truth, \
               [chr(27)] AS list, event_time AS \"=time\" FROM events";
    let csv = out(&["sql", "--format", "csv", sql], &store);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "source_ip_address,user_agent,number,text,quoted,tab,lines,truth,list,'=time");
    assert_eq!(
        lines[1..],
        [
            "'=cmd|' /C calc'!A0,\\u{1b}]0;owned\\u{7},-1,'-1,\"'+a,\"\"b\",'\\t=2,a\\r\\nb,true,\"[\"\"\\u001b\"\"]\",2024-03-01T01:02:03Z"
        ]
    );
    for format in ["table", "csv"] {
        let text = out(&["sql", "--format", format, sql], &store);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        let text = out(&["actions", "--principal", "*", "--by", "session", "--format", format], &store);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn an_interrupt_ends_a_query_that_never_looks_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, temporary) = (folder.path().join("store"), folder.path().join("tmp"));
    let archive = folder.path().join("archive");
    let archive = archive.to_str().expect("UTF-8");
    fs::create_dir(&temporary).expect("made");
    out(&["synth", archive, "--objects", "8", "--events", "2000", "--days", "1"], &store);
    out(&["ingest", archive], &store);
    let answer = folder.path().join("answer.csv");
    for (sql, memory) in [
        // A join that compares each row with each other one.
        (
            "SELECT count(*) FROM events a JOIN events b ON a.event_id < b.user_agent JOIN events c ON b.event_id < c.user_agent",
            "4GiB",
        ),
        (
            "SELECT a.event_id FROM events a, events b, events c ORDER BY a.event_id || b.event_id || c.event_id DESC",
            // So much that it is still collecting rows when it is interrupted.
            "8GiB",
        ),
    ] {
        let mut command = Command::new(PROGRAM);
        command.args(["sql", sql, "--memory-limit", memory, "--format", "csv", "--output"]).arg(&answer);
        command.env("TRAILPARE_STORE", &store).env("TMPDIR", &temporary).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        // Until it is at work.
        let began = Instant::now();
        while fs::read_dir(&temporary).expect("a folder").count() == 0 && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(1_500));
        assert!(child.try_wait().expect("a child").is_none(), "it is done already: {sql}");
        // SAFETY: a signal to a process that this test started and has not waited for.
        unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
        let asked = Instant::now();
        let status = child.wait().expect("it ends");
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}: {sql}", asked.elapsed());
        assert_eq!(status.code(), Some(130));
        assert_eq!(fs::read_dir(&temporary).expect("a folder").count(), 0, "temporary files stay");
        let left = fs::read_dir(folder.path()).expect("a folder").flatten().filter(|e| e.path().is_file()).count();
        assert_eq!(left, 0, "a half answer stays");
    }
}

#[test]
fn an_interrupt_ends_an_ingest_that_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, pipe) = (folder.path().join("store"), folder.path().join("pipe.json"));
    let name = std::ffi::CString::new(pipe.to_str().expect("UTF-8")).expect("no NUL");
    // SAFETY: the path is a C string that outlives the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let mut command = Command::new(PROGRAM);
    command.args(["ingest", pipe.to_str().expect("UTF-8")]).env("TRAILPARE_STORE", &store);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().expect("a child").is_none(), "it does not wait for the pipe");
    // SAFETY: a signal to a process that this test started and has not waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
    let asked = Instant::now();
    let status = child.wait().expect("it ends");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(130));
    let output = run(&["status"], &store);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// DataFusion's nested-loop join loses rows where it spills: it is to answer right or not at all.
#[test]
fn a_join_that_does_not_fit_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, archive) = (folder.path().join("store"), folder.path().join("archive"));
    let archive = archive.to_str().expect("UTF-8");
    out(&["synth", archive, "--objects", "8", "--events", "2000", "--days", "1"], &store);
    out(&["ingest", archive], &store);
    let sql = "SELECT max(a.event_id || c.event_id) AS x FROM events a JOIN events b ON a.event_id < b.user_agent \
               JOIN events c ON b.event_id < c.user_agent WHERE c.event_id < '01'";
    let answer = |memory: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(["sql", sql, "--memory-limit", memory, "--format", "csv"]).env("TRAILPARE_STORE", &store);
        command.output().expect("the program runs")
    };
    let (ample, tight) = (answer("8GiB"), answer("256MiB"));
    assert!(ample.status.success() && ample.stdout.len() > 40, "{ample:?}");
    let said = String::from_utf8_lossy(&tight.stderr).into_owned();
    assert!(tight.stdout == ample.stdout || !tight.status.success() && said.contains("--memory-limit"), "{tight:?}");
}
