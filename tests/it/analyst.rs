//! What analysts ask of `trailpare sql` beside plain questions: the list of named queries, statements that are nested
//! deep, log objects without a store.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A store without events: what is asked needs none of them.
fn empty_store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).expect("made");
    fs::write(logs.join("none.json"), "{\"Records\":[]}").expect("written");
    let out = trailpare(&folder.path().join("store"), &["--quiet", "ingest", &logs.to_string_lossy()], "");
    assert!(out.status.success(), "{}", said(&out));
    folder
}

fn trailpare(store: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env("TRAILPARE_STORE", store).env_remove("TRAILPARE_CATALOG").env_remove("TRAILPARE_QUERIES");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // One that fails early reads nothing.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn answered(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn named_queries_are_listed_by_topic_and_found_by_word() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mine.sql"), "-- Only mine.\n-- Topic: of our own\nSELECT 1 AS x").expect("written");
    let own = folder.path().to_string_lossy().into_owned();
    let list = |args: &[&str]| {
        let all = [&["sql", "--queries", &own, "--list"], args].concat();
        trailpare(folder.path(), &all, "")
    };
    let all = answered(&list(&[]));
    let topics: Vec<&str> = all.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).collect();
    assert!(topics.contains(&"of our own") && topics.contains(&"CIS metric filters"), "{topics:?}");
    assert!(all.lines().any(|line| line.starts_with("  mine") && line.ends_with("Only mine")), "{all}");
    let about = answered(&list(&["t1556.006"]));
    assert!(about.starts_with("mfa-changes\n") && about.contains("Example:"), "{about}");
    let json: serde_json::Value = serde_json::from_str(&answered(&list(&["--format", "json"]))).expect("JSON");
    let queries = json.as_array().expect("a list");
    assert!(queries.len() > 60, "{}", queries.len());
    let root_use = queries.iter().find(|query| query["name"] == "root-use").expect("there");
    assert_eq!(root_use["parameters"][0]["default"], "0001-01-01");
    let nothing = list(&["zzzzzz"]);
    assert!(!nothing.status.success() && said(&nothing).contains("no query is about zzzzzz"), "{}", said(&nothing));
}

/// Chains lean to the left without end: none of them ends the process.
#[test]
fn deep_statements_run_or_are_refused() {
    let folder = empty_store();
    let store = folder.path().join("store");
    let ask = |sql: &str| trailpare(&store, &["sql", "--format", "csv", "--threads", "2"], sql);
    let joined = |part: &str, by: &str, count: usize| vec![part; count].join(by);
    for (sql, expected) in [
        (format!("SELECT length({}) AS n", joined("'a'", " || ", 1_200)), "1200"),
        (format!("SELECT count(*) AS n FROM events WHERE {}", joined("event_name LIKE '%a%'", " OR ", 1_200)), "0"),
        (format!("SELECT count(*) AS n FROM events WHERE {}", joined("event_name <> 'a'", " AND ", 1_200)), "0"),
        (format!("SELECT count(*) AS n FROM ({})", joined("SELECT 1 AS x", " UNION ALL ", 1_900)), "1900"),
        (format!("SELECT length(concat({})) AS n", joined("'a'", ", ", 500)), "500"),
        (format!("SELECT '{{}}'{} IS NULL AS n", " -> 'a'".repeat(200)), "true"),
        (format!("SELECT {}1{} AS n", "(".repeat(40), ")".repeat(40)), "1"),
    ] {
        let text = answered(&ask(&sql));
        assert_eq!(text.lines().last(), Some(expected), "{}", sql.chars().take(80).collect::<String>());
    }
    for (sql, expected) in [
        (format!("SELECT {}", joined("'a'", " || ", 200_000)), "nested more than 2000 deep"),
        (format!("SELECT 1{}", "::bigint".repeat(100_000)), "nested more than 2000 deep"),
        (joined("SELECT 1 AS x", " UNION ALL ", 20_000), "nested more than 2000 deep"),
        (format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000)), "nested 5000 deep"),
        (format!("SELECT {}1{}", "ARRAY[".repeat(1_200), "]".repeat(1_200)), "nested 1200 deep"),
        (format!("SELECT {}1", "- ".repeat(5_000)), "RecursionLimitExceeded"),
    ] {
        let output = ask(&sql);
        let start: String = sql.chars().take(80).collect();
        assert_eq!(output.status.code(), Some(1), "{start}: {}", said(&output));
        assert!(said(&output).contains(expected), "{start}: {}", said(&output));
    }
}

/// Names that stand for names are written out before a query runs: what they come to has an end, in `WITH` and in
/// views.
#[test]
fn names_that_double_are_refused() {
    let folder = empty_store();
    let store = folder.path().join("store");
    let chain = |levels: usize| {
        let names = (1..levels).map(|n| format!(", t{n} AS (SELECT * FROM t{0} UNION ALL SELECT * FROM t{0})", n - 1));
        format!("WITH t0 AS (SELECT 1 AS x){} SELECT count(*) AS n FROM t{}", names.collect::<String>(), levels - 1)
    };
    let views = |levels: usize| {
        let names =
            (1..levels).map(|n| format!("CREATE VIEW t{n} AS SELECT * FROM t{0} UNION ALL SELECT * FROM t{0};", n - 1));
        format!(
            "CREATE VIEW t0 AS SELECT 1 AS x;{} SELECT count(*) AS n FROM t{}",
            names.collect::<String>(),
            levels - 1
        )
    };
    for sql in [chain(9), views(9)] {
        let text = answered(&trailpare(&store, &["sql", "--format", "csv"], &sql));
        assert_eq!(text.lines().last(), Some("256"), "{sql}");
    }
    for sql in [chain(40), views(40), format!("SELECT 1 WHERE 1 IN ({})", chain(40)), format!("EXPLAIN {}", chain(40))]
    {
        let output = trailpare(&store, &["sql", "--format", "csv"], &sql);
        assert_eq!(output.status.code(), Some(1), "{sql}: {}", said(&output));
        let said = said(&output);
        assert!(said.contains("comes to more than") && said.contains("name others"), "{sql}: {said}");
    }
}

fn sample_logs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs")
}

/// The table function answers as a store of the same objects does.
#[test]
fn an_archive_is_asked_without_a_store() {
    let folder = empty_store();
    let (empty, store) = (folder.path().join("store"), folder.path().join("other"));
    let logs = sample_logs().to_string_lossy().into_owned();
    answered(&trailpare(&store, &["--quiet", "ingest", &logs], ""));
    for filter in [
        "true",
        "event_date = DATE '2024-03-02'",
        "aws_region = 'eu-west-1' AND event_time >= TIMESTAMP '2024-03-02 12:00:00 UTC'",
        "recipient_account_id IN ('224226300199', '000000000000')",
    ] {
        let question = |table: &str| {
            format!(
                "SELECT event_source, count(*) AS n, min(event_id) AS id, max(principal_arn) AS arn FROM {table} \
                 WHERE {filter} GROUP BY event_source ORDER BY event_source"
            )
        };
        let ask =
            |store: &Path, table: &str| answered(&trailpare(store, &["sql", "--format", "csv"], &question(table)));
        let expected = ask(&store, "events");
        assert!(expected.lines().count() > 2, "{filter}: {expected}");
        assert_eq!(ask(&empty, &format!("cloudtrail_archive('{logs}')")), expected, "{filter}");
    }
    // Twice in one statement, and with what the catalogue knows.
    let both = format!(
        "SELECT count(*) = (SELECT count(*) FROM cloudtrail_archive('{logs}')) AS same, \
         sum(cardinality(iam_actions(*))) > 0 AS some FROM cloudtrail_archive('{logs}')"
    );
    assert_eq!(answered(&trailpare(&empty, &["sql", "--format", "csv"], &both)), "same,some\ntrue,true\n");
}

/// Where there is no store at all, none is made, and nothing else is answered.
#[test]
fn an_archive_needs_no_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let question = |table: &str| format!("SELECT count(*) AS n FROM {table}");
    let archive = question(&format!("cloudtrail_archive('{}')", sample_logs().to_string_lossy()));
    let asked = trailpare(&store, &["sql", "--format", "csv", &archive], "");
    assert_eq!(answered(&asked), "n\n889\n");
    assert!(said(&asked).contains("its tables are empty"), "{}", said(&asked));
    let other = trailpare(&store, &["sql", "--format", "csv", &question("events")], "");
    assert!(other.status.code() == Some(1) && said(&other).contains("no store here"), "{}", said(&other));
    assert!(!store.exists());
}

#[test]
fn what_an_archive_cannot_give_is_said() {
    let folder = empty_store();
    let store = folder.path().join("store");
    let logs = folder.path().join("archive");
    fs::create_dir(&logs).expect("made");
    let record = r#"{"eventVersion":"1.08","eventTime":"2024-03-01T00:00:00Z","eventID":"1","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"us-east-1","recipientAccountId":"111122223333"}"#;
    fs::write(logs.join("a.json"), format!("{{\"Records\":[{record}]}}")).expect("written");
    fs::write(logs.join("b.json"), "{\"Records\":[{\"eventName\"").expect("written");
    let question = format!("SELECT event_name FROM cloudtrail_archive('{}')", logs.display());
    let some = trailpare(&store, &["sql", "--format", "csv"], &question);
    assert_eq!(String::from_utf8_lossy(&some.stdout), "event_name\nListBuckets\n");
    // As an ingest of the same objects ends.
    let ingest = trailpare(&folder.path().join("taken"), &["ingest", &logs.to_string_lossy()], "");
    assert_eq!(some.status.code(), ingest.status.code());
    assert!(some.status.code() != Some(0) && said(&some).contains("b.json"), "{}", said(&some));
    let denied = trailpare(&store, &["sql", "--read-only"], &question);
    assert!(!denied.status.success() && said(&denied).contains("read-only"), "{}", said(&denied));
    for (sql, expected) in [
        ("SELECT 1 FROM cloudtrail_archive('/nowhere/at/all')", "there is no /nowhere/at/all"),
        ("SELECT 1 FROM cloudtrail_archive()", "takes the path"),
        ("SELECT 1 FROM cloudtrail_archive(7)", "in 'quotes'"),
    ] {
        let output = trailpare(&store, &["sql"], sql);
        assert!(!output.status.success() && said(&output).contains(expected), "{sql}: {}", said(&output));
    }
}
