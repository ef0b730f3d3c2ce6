//! What schedulers and monitoring live on: documents, the history, waiting, logs as JSON.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRAILPARE_")) {
        command.env_remove(name);
    }
    // Whatever this machine's configuration says.
    command.env("TRAILPARE_CONFIG", "").args(args);
    command
}

pub fn run(args: &[&str]) -> Output {
    program(args).output().expect("it runs")
}

/// What a command prints as JSON, and its exit code.
pub fn document(args: &[&str]) -> (Value, Option<i32>) {
    let done = run(args);
    let value = serde_json::from_slice(&done.stdout);
    (value.unwrap_or_else(|error| panic!("{args:?}: {error}: {}", stderr(&done))), done.status.code())
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

/// Holds a store as its writer does.
fn hold(store: &Path) -> File {
    let lock = File::options().read(true).write(true).open(store.join("ingest.lock")).expect("a lock");
    lock.try_lock().expect("nobody else has it");
    lock
}

fn runs(store: &str) -> Vec<Value> {
    let (value, code) = document(&["history", "--store", store, "--format", "json"]);
    assert_eq!(code, Some(0));
    value["runs"].as_array().expect("runs").clone()
}

#[test]
fn an_ingest_tells_everything_as_one_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = text(&folder.path().join("store"));
    let (first, code) = document(&["ingest", "sample-logs", "--store", &store, "--format", "json", "--quiet"]);
    assert_eq!((code, &first["outcome"], &first["exit_code"]), (Some(0), &"done".into(), &0.into()));
    let sum = |list: &str| -> u64 {
        first[list].as_array().expect("a list").iter().map(|one| one["new_events"].as_u64().expect("a number")).sum()
    };
    let new = first["events"]["new"].as_u64().expect("a number");
    assert!(new > 0 && sum("days") == new && sum("accounts") == new, "{first:#}");
    assert!(first["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20));
    let (second, _) = document(&["ingest", "sample-logs", "--store", &store, "--format", "json", "--quiet"]);
    assert_eq!((&second["objects"]["known"], &second["events"]["new"]), (&first["objects"]["new"], &0.into()));
    let file = text(&folder.path().join("truncated.json.gz"));
    std::fs::write(&file, [0x1f, 0x8b, 8, 0, 0, 0]).expect("written");
    let (refused, code) = document(&["ingest", &file, "--store", &store, "--format", "json"]);
    assert_eq!((code, &refused["outcome"]), (Some(3), &"refused".into()));
    assert_eq!(refused["refused"][0]["path"], file.as_str());
    let (failed, code) = document(&["ingest", &file, "--store", &text(folder.path()), "--format", "json"]);
    assert_eq!((code, &failed["outcome"], failed.get("objects")), (Some(1), &"failed".into(), None));
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("not a store")), "{failed:#}");
}

#[test]
fn the_history_tells_of_runs_that_were_done_failed_or_cut_short() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("store");
    let store = text(&dir);
    assert!(run(&["ingest", "sample-logs", "--store", &store]).status.success());
    assert!(run(&["optimize", "--store", &store]).status.success());
    let held = hold(&dir);
    assert_eq!(run(&["ingest", "sample-logs", "--store", &store]).status.code(), Some(1));
    // One that waits is killed.
    let mut waiting = program(&["ingest", "sample-logs", "--store", &store, "--wait"]).spawn().expect("it runs");
    let until = Instant::now() + Duration::from_secs(60);
    while runs(&store).len() < 4 {
        assert!(Instant::now() < until, "it never began");
        std::thread::sleep(Duration::from_millis(50));
    }
    let running = runs(&store);
    assert_eq!(running[0]["outcome"], "running");
    waiting.kill().expect("killed");
    waiting.wait().expect("gone");
    drop(held);
    let told: Vec<(String, String)> = runs(&store)
        .iter()
        .map(|run| (run["command"].as_str().unwrap().to_owned(), run["outcome"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [("ingest", "cut-short"), ("ingest", "failed"), ("optimize", "done"), ("ingest", "done")];
    assert_eq!(told, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let runs = runs(&store);
    assert!(runs[1]["error"].as_str().is_some_and(|error| error.contains("is writing to this store")));
    assert!(runs[3]["new_events"].as_u64().is_some_and(|events| events > 0));
    assert!(runs[3]["by"].as_str().is_some_and(|by| by.contains('@')));
    assert_eq!(runs[3]["options"], serde_json::json!(["ingest", "sample-logs", "--store", store]));
    let (status, _) = document(&["status", "--store", &store, "--format", "json"]);
    assert_eq!(status["last_done"]["outcome"], "cut-short");
    assert!(status["silent"]["since"].is_string());
    let table = String::from_utf8(run(&["history", "--store", &store]).stdout).expect("text");
    assert!(table.lines().count() == 5 && table.contains("cut-short"), "{table}");
}

fn wait_with(mut child: Child, within: Duration) -> Option<i32> {
    let until = Instant::now() + within;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        assert!(Instant::now() < until, "it goes on waiting");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn who_waits_for_another_writer_goes_on_behind_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("store");
    let store = text(&dir);
    assert!(run(&["ingest", "sample-logs", "--store", &store]).status.success());
    let held = hold(&dir);
    let began = Instant::now();
    let refused = run(&["optimize", "--store", &store, "--wait=1s"]);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert!(began.elapsed() >= Duration::from_secs(1));
    let child = program(&["optimize", "--store", &store, "--wait"]).stderr(Stdio::null()).spawn().expect("it runs");
    std::thread::sleep(Duration::from_millis(500));
    drop(held);
    assert_eq!(wait_with(child, Duration::from_secs(60)), Some(0));
}

#[test]
fn messages_come_as_json_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = text(&folder.path().join("store"));
    let lines = |output: &Output| -> Vec<Value> {
        stderr(output).lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    };
    let done = run(&["--log-format", "json", "ingest", "sample-logs", "--store", &store, "-v"]);
    let said = lines(&done);
    assert!(said.iter().any(|line| line["level"] == "debug") && said.iter().any(|line| line["level"] == "info"));
    let is_time = |line: &Value| line["time"].as_str().is_some_and(|time| time.ends_with('Z') && time.contains('T'));
    assert!(said.iter().all(|line| line["message"].is_string() && is_time(line)));
    let missing = lines(&run(&["--log-format=json", "status", "--store", &text(&folder.path().join("none"))]));
    assert_eq!(missing[0]["level"], "error");
    assert!(missing[0]["hint"].as_str().is_some_and(|hint| hint.contains("trailpare ingest")));
    let usage = run(&["ingest", "--log-format", "json", "--no-such-option", "x"]);
    assert_eq!((usage.status.code(), &lines(&usage)[0]["level"]), (Some(2), &"error".into()));
}
