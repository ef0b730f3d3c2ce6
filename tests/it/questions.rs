//! `trailpare sql` and its like as analysts use them: where a store lies, what columns are called, what is refused and
//! what is said where nothing is found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn trailpare(store: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env("TRAILPARE_STORE", store).env_remove("TRAILPARE_CATALOG").output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn answered(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A store of the sample archive, in a folder whose name needs care.
fn store() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("a b%20ä:#?").join("store");
    fs::create_dir_all(store.parent().expect("a parent")).expect("made");
    let out = trailpare(&store, &["--quiet", "ingest", "sample-logs"]);
    assert!(out.status.success(), "{}", said(&out));
    (folder, store)
}

#[test]
fn a_store_is_found_by_any_path() {
    let (folder, store) = store();
    let asked = ["sql", "--format", "csv", "SELECT count(*) AS n, min(event_id) AS id FROM events"];
    let expected = answered(&trailpare(&store, &asked));
    let id = expected.trim().rsplit(',').next().expect("an id").to_owned();
    let roundabout = store.join("..").join(".").join("store");
    #[cfg(unix)]
    let linked = {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&store, &link).expect("a link");
        // What `..` behind a link means is another folder than the text says.
        link.join("..").join("store")
    };
    #[cfg(not(unix))]
    let linked = roundabout.clone();
    for path in [&roundabout, &linked] {
        assert_eq!(answered(&trailpare(path, &asked)), expected, "{}", path.display());
        assert!(answered(&trailpare(path, &["explain", &id])).contains(&id), "{}", path.display());
    }
    let mut here = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    here.args(asked).args(["--store", "../store"]).current_dir(&store).env_remove("TRAILPARE_CATALOG");
    assert_eq!(answered(&here.output().expect("it runs")), expected);
}

#[test]
fn columns_have_names() {
    let (_folder, store) = store();
    let header = |sql: &str| {
        let text = answered(&trailpare(&store, &["sql", "--format", "csv", sql]));
        text.lines().next().unwrap_or_default().to_owned()
    };
    for (sql, expected) in [
        ("SELECT max(user_agent), count(*) FROM events", "max(user_agent),count(*)"),
        (
            "SELECT useridentity.arn, useridentity.type FROM cloudtrail_logs ORDER BY useridentity.arn LIMIT 1",
            "arn,type",
        ),
        ("SELECT DISTINCT useridentity.arn FROM cloudtrail_logs ORDER BY useridentity.arn", "arn"),
        (
            "SELECT useridentity.arn, count(*) FROM cloudtrail_logs GROUP BY useridentity.arn ORDER BY count(*) DESC",
            "arn,count(*)",
        ),
        (
            "SELECT useridentity.arn, count(*) FROM cloudtrail_logs GROUP BY 1 HAVING count(*) > 0 ORDER BY 2",
            "arn,count(*)",
        ),
        ("SELECT a.event_id, b.event_id FROM events a JOIN events b USING (event_id)", "a.event_id,b.event_id"),
        (
            "SELECT useridentity.arn, useridentity.sessioncontext.sessionissuer.arn FROM cloudtrail_logs",
            "useridentity.arn,useridentity.sessioncontext.sessionissuer.arn",
        ),
        ("SELECT count_if(read_only), 1, 1 FROM events", "count_if(read_only),1,1 2"),
        ("SELECT event_name FROM events UNION ALL SELECT upper('a')", "event_name"),
        ("SELECT upper(event_name) FROM events UNION SELECT 'a' ORDER BY 1", "upper(event_name)"),
        ("SELECT e.* FROM (SELECT event_name, count(*) FROM events GROUP BY 1) e", "event_name,count(*)"),
        (
            "SELECT date_trunc('day', event_time), count(*) FROM events GROUP BY date_trunc('day', event_time) ORDER BY 1",
            "\"date_trunc('day', event_time)\",count(*)",
        ),
    ] {
        assert_eq!(header(sql), expected, "{sql}");
    }
    // Two columns of one name are two members of an object.
    let both = "SELECT * FROM (SELECT 1 AS a) x CROSS JOIN (SELECT 2 AS a) y";
    assert_eq!(answered(&trailpare(&store, &["sql", "--format", "ndjson", both])), "{\"a\":1,\"a 2\":2}\n");
}

#[test]
fn nested_cells_are_json_and_plans_keep_their_lines() {
    let (_folder, store) = store();
    let csv = "SELECT make_array(named_struct('a', 'x,\"y\"', 'b', NULL)) AS l, make_array('=1') AS m, event_date FROM events LIMIT 1";
    let text = answered(&trailpare(&store, &["sql", "--format", "csv", csv]));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row = reader.records().next().expect("a row").expect("well formed");
    let cell: serde_json::Value = serde_json::from_str(&row[0]).expect("JSON");
    assert_eq!(cell, serde_json::json!([{"a": "x,\"y\"", "b": null}]));
    assert_eq!(&row[1], "[\"=1\"]");
    let plan = answered(&trailpare(&store, &["sql", "EXPLAIN SELECT event_name FROM events WHERE read_only"]));
    let scan = plan.lines().find(|line| line.contains("DataSourceExec")).expect("a line of its own");
    assert!(plan.lines().count() > 3 && !scan.contains("FilterExec"), "{plan}");
    let cells = answered(&trailpare(&store, &["sql", "SELECT E'a\\nb' AS x"]));
    assert_eq!(cells, "x\na b\n", "any other cell is one line");
}

#[test]
fn statements_that_would_change_nothing_are_refused() {
    let (folder, store) = store();
    for sql in [
        "DROP TABLE events",
        "DROP VIEW usage",
        "CREATE VIEW v AS SELECT 1",
        "CREATE OR REPLACE VIEW events AS SELECT 1; SELECT 1",
        "DELETE FROM events; SELECT 1",
        "INSERT INTO usage SELECT * FROM usage; SELECT 1",
        "CREATE SCHEMA s; SELECT 1",
    ] {
        let out = trailpare(&store, &["sql", sql]);
        assert!(
            matches!(out.status.code(), Some(1 | 2)) && said(&out).contains("would change nothing"),
            "{sql}: {}",
            said(&out)
        );
    }
    assert_eq!(
        answered(&trailpare(&store, &["sql", "--format", "csv", "CREATE VIEW v AS SELECT 7 AS a; SELECT a FROM v; "])),
        "a\n7\n"
    );
    // Files, unless only the store may be read.
    let file = folder.path().join("known.csv");
    let copy = format!("COPY (SELECT DISTINCT event_name FROM events) TO '{}'", file.display());
    let read = format!(
        "CREATE EXTERNAL TABLE known STORED AS CSV LOCATION '{}' OPTIONS (format.has_header true); \
         SELECT count(*) = count(DISTINCT k.event_name) AS same FROM known k JOIN (SELECT DISTINCT event_name FROM events) e USING (event_name)",
        file.display()
    );
    for sql in [&copy, &read] {
        let out = trailpare(&store, &["sql", "--read-only", sql]);
        assert!(out.status.code() == Some(1) && said(&out).contains("read-only"), "{sql}: {}", said(&out));
        assert!(!file.exists());
    }
    answered(&trailpare(&store, &["sql", &copy]));
    assert_eq!(answered(&trailpare(&store, &["sql", "--format", "csv", &read])), "same\ntrue\n");
}

#[test]
fn what_was_meant_is_said() {
    let (folder, store) = store();
    let words = |args: &[&str]| {
        let out = trailpare(&store, &[&["actions"], args].concat());
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        said(&out)
    };
    let close = words(&["--permission-set", "AdministratorAcess"]);
    assert!(close.contains("did you mean --permission-set AdministratorAccess?"), "{close}");
    assert!(close.contains("the store has events from 2024-03-01T") && close.contains("in 3 accounts"), "{close}");
    let other_kind = words(&["--user", "AdministratorAccess"]);
    assert!(other_kind.contains("--permission-set AdministratorAccess"), "{other_kind}");
    let far = words(&["--role", "nobody-like-that"]);
    assert!(!far.contains("did you mean") && !far.contains("arn:"), "{far}");
    let window = words(&["--permission-set", "AdministratorAccess", "--from", "2030-01-01"]);
    assert!(window.contains("outside of this window there are events of theirs, from 2024-03-01T"), "{window}");
    // A store that can't be looked at is no store that isn't there.
    let unseen = folder.path().join("x".repeat(300));
    let out = trailpare(&unseen, &["status"]);
    assert!(out.status.code() == Some(1) && !said(&out).contains("no store here"), "{}", said(&out));
}

/// The table of public queries in `docs/functions.md` is what the list of all of them comes to, and none fails here
/// alone.
#[test]
fn public_queries_are_counted_as_they_are_listed() {
    let list = include_str!("public_queries.tsv");
    let rows: Vec<Vec<&str>> =
        list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    let mut sources: Vec<(&str, &str)> = rows.iter().map(|row| (row[0], row[1])).collect();
    sources.dedup();
    let mut places: Vec<String> = rows.iter().map(|row| format!("{} {}", row[1], row[2])).collect();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), rows.len(), "a query is listed twice");
    let documented = include_str!("../../docs/functions.md");
    for (kind, source) in sources {
        let outcomes: Vec<&str> = rows.iter().filter(|row| row[1] == source).map(|row| row[3]).collect();
        let count = |outcome: &str| outcomes.iter().filter(|one| **one == outcome).count();
        let [runs, broken, other, fails] = ["runs", "broken", "other", "fails"].map(count);
        assert_eq!(runs + broken + other + fails, outcomes.len(), "{source}: an outcome that is none");
        let row = format!("| {kind} | {source} | {} | {runs} | {broken} | {other} | {fails} |", outcomes.len());
        assert!(documented.contains(&row), "docs/functions.md lacks {row}");
        assert_eq!(fails, 0, "{source}");
    }
    assert!(rows.iter().all(|row| row[3] == "runs" || row.len() == 5), "what does not run says why");
    assert!(rows.len() > 200);
}
