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

/// Every command that writes: without `--wait` it says who does, with it it waits as long as it is told.
#[test]
fn every_command_that_writes_waits_and_says_for_whom() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = text(&folder.path().join("store"));
    let export = text(&folder.path().join("store.tar"));
    assert!(run(&["ingest", "sample-logs", "--store", &store]).status.success());
    assert!(run(&["export", "--store", &store, "--out", &export]).status.success());
    // One that has the lock as long as its input is open.
    let mut other = program(&["ingest", "-", "--store", &store])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let number = other.id().to_string();
    let lock = folder.path().join("store/ingest.lock");
    while std::fs::read_to_string(&lock).unwrap_or_default().lines().next() != Some(number.as_str()) {
        assert_eq!(other.try_wait().expect("a child"), None, "it ended early");
        std::thread::sleep(Duration::from_millis(20));
    }
    let commands: [&[&str]; 8] = [
        &["ingest", "sample-logs"],
        &["optimize"],
        &["prune", "--before", "2024-03-02"],
        &["forget", "*"],
        &["fsck", "--repair"],
        &["import", &export],
        &["nightly", "sample-logs"],
        &["actions", "--principal", "*", "--archive", "sample-logs"],
    ];
    let whom = format!("process {number} (trailpare ingest, since 20");
    let ended = |wait: &[&str]| -> Vec<(f64, Output)> {
        std::thread::scope(|scope| {
            let started: Vec<_> = commands
                .iter()
                .map(|command| {
                    let args = [*command, &["--store", &store], wait].concat();
                    scope.spawn(move || {
                        let began = Instant::now();
                        let output = run(&args);
                        (began.elapsed().as_secs_f64(), output)
                    })
                })
                .collect();
            started.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        })
    };
    for (command, (_, output)) in commands.iter().zip(ended(&[])) {
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains(&whom) && said.contains("is writing to this store") && said.contains("--wait"), "{said}");
    }
    for (command, (seconds, output)) in commands.iter().zip(ended(&["--wait=2s"])) {
        let said = stderr(&output);
        assert!(seconds >= 2.0, "{command:?}: {seconds} s: {said}");
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains(&format!("waiting for {whom}")), "{command:?}: {said}");
    }
    drop(other.stdin.take());
    other.wait().expect("it ends");
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

/// Settings by their keys: value and where it is from.
fn settings(args: &[&str], variables: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let output = program(args).envs(variables.iter().copied()).output().expect("it runs");
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = value["settings"].as_array().expect("settings").iter();
    list.map(|one| (text(&one["key"]), text(&one["values"][0]), text(&one["from"]))).collect()
}

#[test]
fn configuration_comes_from_files_the_store_the_environment_and_options() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let store = text(&path("store"));
    assert!(run(&["ingest", "sample-logs", "--store", &store]).status.success());
    std::fs::create_dir_all(path("user/trailpare")).expect("made");
    let user = path("user/trailpare/trailpare.toml");
    std::fs::write(&user, format!("store = \"{store}\"\nthreads = 1\nunused-after = 30\n[profile.p]\nthreads = 2\n"))
        .unwrap();
    std::fs::write(path("store/trailpare.toml"), "unused-after = 60\n").expect("written");
    let home = text(&path("user"));
    let of = |args: &[&str], variables: &[(&str, &str)], key: &str| {
        let mut all = vec![("XDG_CONFIG_HOME", home.as_str())];
        all.extend(variables);
        // Without the one that leaves files out.
        let mut command = program(args);
        command.env_remove("TRAILPARE_CONFIG").envs(all);
        let output = command.output().expect("it runs");
        let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        let list = value["settings"].as_array().expect("settings").clone();
        let one = list.into_iter().find(|one| one["key"] == key).expect("the key");
        (one["values"][0].as_str().map(str::to_owned), one["from"].as_str().unwrap_or_default().to_owned())
    };
    let show = ["config", "--format", "json"];
    let (value, from) = of(&show, &[], "threads");
    assert_eq!((value.as_deref(), from.ends_with("trailpare.toml:2")), (Some("1"), true), "{from}");
    assert_eq!(of(&show, &[], "unused-after").0.as_deref(), Some("60"));
    assert_eq!(of(&["--profile", "p", "config", "--format", "json"], &[], "threads").0.as_deref(), Some("2"));
    let by_variable = of(&show, &[("TRAILPARE_THREADS", "3")], "threads");
    assert_eq!(by_variable, (Some("3".to_owned()), "TRAILPARE_THREADS".to_owned()));
    // What is configured holds for commands: the store needs no option.
    let mut status = program(&["status", "--format", "json"]);
    let status = status.env_remove("TRAILPARE_CONFIG").env("XDG_CONFIG_HOME", &home).output().expect("it runs");
    assert_eq!(status.status.code(), Some(0), "{}", stderr(&status));
    let none = settings(&show, &[]);
    assert!(none.iter().all(|(_, _, from)| from.is_empty()), "{none:?}");
}

#[test]
fn a_configuration_that_is_wrong_is_said_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    for (content, expected) in [
        ("\nmemory_limit = \"1GiB\"\n", "c.toml:2: no such key: memory_limit\nhint: did you mean memory-limit?"),
        ("threads = \"many\"\n", "c.toml:1: threads: not a whole number"),
        ("store = [\n", "c.toml:"),
    ] {
        std::fs::write(&file, content).expect("written");
        let said = run(&["--config", &text(&file), "status"]);
        assert_eq!(said.status.code(), Some(2));
        assert!(stderr(&said).contains(expected), "{}", stderr(&said));
    }
    let said = run(&["--config", &text(&folder.path().join("none.toml")), "status"]);
    assert!(stderr(&said).contains("no such configuration"), "{}", stderr(&said));
    // A stranger's store may not decide what is masked, or where anything is written.
    let store = folder.path().join("store");
    assert!(run(&["ingest", "sample-logs", "--store", &text(&store)]).status.success());
    for content in ["redact = \"none\"\n", "metrics = \"/etc/passwd\"\n", "catalog = \"/etc/passwd\"\n"] {
        std::fs::write(store.join("trailpare.toml"), content).expect("written");
        let said = run(&["status", "--store", &text(&store)]);
        assert_eq!(said.status.code(), Some(2));
        assert!(stderr(&said).contains("is not for a store's file"), "{}", stderr(&said));
    }
}

fn count(store: &str, sql: &str) -> String {
    let output = run(&["sql", "--store", store, "--format", "csv", sql]);
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn what_is_pruned_goes_and_no_archive_brings_it_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("store");
    let store = text(&dir);
    assert!(run(&["ingest", "sample-logs", "--store", &store]).status.success());
    let days = "SELECT count(DISTINCT event_date), count(*) FROM events WHERE event_date ";
    let (old, young) =
        (count(&store, &format!("{days}< '2024-03-03'")), count(&store, &format!("{days}>= '2024-03-03'")));
    assert!(!old.starts_with("0,") && !young.starts_with("0,"), "{old} {young}");
    let (dry, code) =
        document(&["prune", "--store", &store, "--before", "2024-03-03", "--dry-run", "--format", "json"]);
    assert_eq!((code, format!("{},{}", dry["days"]["gone"], dry["events"])), (Some(0), old));
    let (status, _) = document(&["status", "--store", &store, "--format", "json"]);
    let args = ["prune", "--store", &store, "--before", "2024-03-03", "--expire-older-than", "0", "--format", "json"];
    let (pruned, code) = document(&args);
    assert_eq!(
        (code, &pruned["events"], &pruned["principals_gone"]),
        (Some(0), &dry["events"], &dry["principals_gone"])
    );
    assert_eq!(count(&store, &format!("{days}>= '2024-03-03'")), young);
    assert_eq!(count(&store, &format!("{days}< '2024-03-03'")), "0,0");
    assert_eq!(count(&store, "SELECT count(*) FROM usage WHERE event_date < '2024-03-03'"), "0");
    for (folder, end) in [("data", "parquet"), ("usage-months", "parquet")] {
        let files = walkdir::WalkDir::new(dir.join(folder)).into_iter().flatten();
        let left: Vec<_> = files
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == end))
            .filter(|entry| entry.path().to_string_lossy().contains("2024-03-01"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    let (after, _) = document(&["status", "--store", &store, "--format", "json"]);
    assert_eq!(after["pruned"]["events"], pruned["events"]);
    assert_eq!((&after["duplicates"], &after["objects"]), (&status["duplicates"], &status["objects"]));
    assert_eq!(run(&["fsck", "--usage", "--store", &store]).status.code(), Some(0));
    // By name nothing is new; under other names the events of those days count as known.
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy).expect("made");
    let logs = walkdir::WalkDir::new("sample-logs").into_iter().flatten().filter(|entry| entry.file_type().is_file());
    for (number, log) in logs.filter(|log| !log.path().to_string_lossy().contains("Digest")).enumerate() {
        std::fs::copy(log.path(), copy.join(format!("{number}.json.gz"))).expect("copied");
    }
    for archive in ["sample-logs", &text(&copy)] {
        let (again, code) = document(&["ingest", archive, "--store", &store, "--format", "json"]);
        assert_eq!((code, &again["events"]["new"], &again["problems"]), (Some(0), &0.into(), &0.into()), "{again:#}");
    }
    assert_eq!(run(&["fsck", "--usage", "--store", &store]).status.code(), Some(0));
    // A second time there is nothing to do.
    let (nothing, _) = document(&args);
    assert_eq!((&nothing["events"], &nothing["days"]["gone"]), (&0.into(), &0.into()));
}

#[test]
fn a_wrong_clock_prunes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = text(&folder.path().join("store"));
    assert!(run(&["ingest", "sample-logs", "--store", &store]).status.success());
    // The newest day of the sample is years ago: 30 days count from it.
    let (pruned, code) = document(&["prune", "--store", &store, "--older-than", "30d", "--format", "json"]);
    assert_eq!((code, &pruned["events"]), (Some(0), &0.into()));
}

#[test]
fn a_night_does_what_is_configured_and_goes_on_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| text(&folder.path().join(name));
    let (store, config, metrics) = (path("store"), path("trailpare.toml"), path("night.prom"));
    let archive = text(&Path::new("sample-logs").canonicalize().expect("there"));
    let content = format!(
        "store = \"{store}\"\narchives = [\"{archive}\"]\nmetrics = \"{metrics}\"\noptimize-after = 1\n\
         report = \"page.html\"\nprune-older-than = \"1d\"\n"
    );
    std::fs::write(&config, content).expect("written");
    let base = ["--config", &config, "nightly", "--format", "json"];
    let nightly = |more: &[&'static str]| [&base[..], more].concat();
    // A disk that is not mounted makes no new store.
    let (missing, code) = document(&nightly(&[]));
    assert_eq!((code, &missing["outcome"]), (Some(1), &"failed".into()));
    assert!(!Path::new(&store).exists());
    let (first, code) = document(&nightly(&["--create"]));
    assert_eq!((code, &first["steps"]["ingest"]["outcome"]), (Some(0), &"done".into()), "{first:#}");
    assert!(first["steps"]["watch"]["skipped"].is_string() && Path::new(&path("page.html")).is_file());
    assert!(first["steps"]["prune"]["document"]["events"].as_u64().is_some_and(|events| events > 0));
    assert!(std::fs::read_to_string(&metrics).expect("metrics").contains("trailpare_last_run_step_exit_code{"));
    // One that is killed while it waits, and one behind it.
    let held = hold(Path::new(&store));
    let mut waiting = program(&nightly(&["--wait"])).stdout(Stdio::null()).spawn().expect("it runs");
    let until = Instant::now() + Duration::from_secs(60);
    while !runs(&store).iter().any(|run| run["outcome"] == "running") {
        assert!(Instant::now() < until, "it never began");
        std::thread::sleep(Duration::from_millis(50));
    }
    waiting.kill().expect("killed");
    waiting.wait().expect("gone");
    let (refused, code) = document(&nightly(&[]));
    assert_eq!((code, &refused["steps"]["ingest"]["outcome"]), (Some(1), &"failed".into()));
    assert!(refused["steps"]["optimize"]["skipped"].as_str().is_some_and(|why| why.contains("ingest")));
    drop(held);
    let (again, code) = document(&nightly(&[]));
    assert_eq!((code, &again["events"]["new"]), (Some(0), &0.into()), "{again:#}");
    let nights: Vec<Value> = runs(&store).into_iter().filter(|run| run["command"] == "nightly").collect();
    let outcomes: Vec<&str> = nights.iter().map(|run| run["outcome"].as_str().expect("a word")).collect();
    assert_eq!(outcomes, ["done", "failed", "cut-short", "done"]);
    assert!(runs(&store).iter().any(|run| run["parent"] == nights[0]["run"] && run["command"] == "ingest"));
}

#[test]
fn support_learns_what_it_would_ask_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = text(&folder.path().join("store"));
    let (value, code) = document(&["self-check", "--store", &store, "--format", "json"]);
    assert_eq!((code, &value["state"]), (Some(1), &"wrong".into()));
    assert!(run(&["ingest", "sample-logs", "--store", &store]).status.success());
    let (value, code) = document(&["self-check", "--store", &store, "--format", "json"]);
    let names: Vec<&str> =
        value["checks"].as_array().unwrap().iter().map(|one| one["check"].as_str().unwrap()).collect();
    for name in ["program", "catalogue", "store", "standing", "last run", "ingest", "permissions", "writable", "disk"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(matches!(code, Some(0 | 3)), "{value:#}");
    let licences = String::from_utf8(run(&["licenses"]).stdout).expect("text");
    assert!(licences.contains("datafusion") && licences.contains("Apache-2.0"), "{licences}");
    let one = String::from_utf8(run(&["licenses", "zstd-sys", "--texts"]).stdout).expect("text");
    assert!(one.contains("Redistribution"), "{one}");
}
