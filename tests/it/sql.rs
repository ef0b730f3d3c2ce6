//! SQL as users ask it: the files of `tests/slt` and of its folders, each over the archive beside them, taken in by the
//! real ingest.
//!
//! A statement that begins with `named` runs a query of `sql/`: `named denied-calls principal=%deploy%`.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use sqllogictest::{DB, DBOutput, DefaultColumnType, MakeConnection, Runner};
use tokio::runtime::Runtime;
use trailpare::iam::Catalog;
use trailpare::ingest::{self, Progress};
use trailpare::query::{self, Library};
use trailpare::store::{Snapshot, Store};

use super::data;

fn slt_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt")
}

/// The folders that have an archive and questions over it.
fn worlds() -> Vec<PathBuf> {
    let has_archive = |dir: &PathBuf| dir.join("archive").is_dir();
    let folders = fs::read_dir(slt_dir()).unwrap().map(|entry| entry.unwrap().path());
    let mut worlds: Vec<PathBuf> = folders.chain([slt_dir()]).filter(has_archive).collect();
    worlds.sort();
    worlds
}

fn slt_files(world: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(world).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "slt")).collect();
    files.sort();
    assert!(!files.is_empty(), "no .slt file in {}", world.display());
    files
}

/// A store of archives.
fn snapshot_of(dir: &Path, archives: Vec<PathBuf>) -> Snapshot {
    let store = Store::open_or_create(dir).unwrap();
    let options = ingest::Options { threads: 1, commit_interval: Duration::ZERO, ..ingest::Options::of(archives) };
    let summary = ingest::ingest(&store, &options, Catalog::embedded(), &Progress::default()).unwrap();
    assert_eq!((summary.broken, summary.problem_count), (0, 0), "{:?}", summary.problems);
    store.snapshot(None).unwrap()
}

/// An error in words, which is all that an `.slt` file can ask about.
#[derive(Debug)]
struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl From<query::QueryError> for Failed {
    fn from(error: query::QueryError) -> Self {
        Failed(error.to_string())
    }
}

struct Session {
    runtime: Arc<Runtime>,
    context: SessionContext,
    library: Library,
}

impl Session {
    fn new(snapshot: &Snapshot) -> Session {
        let runtime = Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
        let options = query::Options { threads: Some(2), ..query::Options::default() };
        let context = runtime.block_on(query::session(snapshot, &options)).unwrap();
        Session { runtime, context, library: Library::open(None).unwrap() }
    }

    /// The text to run and its parameters.
    fn question(&self, text: &str) -> Result<(String, HashMap<String, String>), Failed> {
        let Some(named) = text.trim().strip_prefix("named ") else { return Ok((text.to_owned(), HashMap::new())) };
        let mut words = named.split_whitespace();
        let query = self.library.get(words.next().unwrap_or_default())?;
        let given = words.map(|word| {
            let (name, value) = word.split_once('=').ok_or_else(|| Failed(format!("{word} is not NAME=VALUE")))?;
            Ok((name.to_owned(), value.to_owned()))
        });
        let parameters = query.parameters(given.collect::<Result<_, Failed>>()?)?;
        Ok((query.sql.clone(), parameters))
    }
}

impl DB for Session {
    type Error = Failed;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, text: &str) -> Result<DBOutput<DefaultColumnType>, Failed> {
        let (sql, parameters) = self.question(text)?;
        let mut output = DBOutput::StatementComplete(0);
        for statement in query::parse(&sql)? {
            let failed = |error: datafusion::error::DataFusionError| Failed(error.to_string());
            let runtime = Arc::clone(&self.runtime);
            let (schema, batches) = runtime.block_on(async {
                let stream = query::execute(&self.context, statement, &parameters).await?;
                let schema = stream.schema();
                let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(failed)?;
                Ok::<_, Failed>((schema, batches))
            })?;
            let types = schema.fields().iter().map(|field| column_type(field.data_type())).collect();
            output = DBOutput::Rows { types, rows: batches.iter().flat_map(cells).collect() };
        }
        Ok(output)
    }

    fn engine_name(&self) -> &str {
        "trailpare"
    }
}

fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        data_type if data_type.is_integer() => DefaultColumnType::Integer,
        data_type if data_type.is_floating() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    }
}

fn cells(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let cell = |column: &ArrayFormatter<'_>, row| {
        let text = column.value(row).to_string();
        if text.is_empty() { "(empty)".to_owned() } else { text }
    };
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect()
}

fn run_all<D, M>(mut runner: Runner<D, M>, world: &Path) -> Vec<String>
where
    D: sqllogictest::AsyncDB<ColumnType = DefaultColumnType>,
    M: MakeConnection<Conn = D>,
{
    runner.with_column_validator(sqllogictest::strict_column_validator);
    slt_files(world).iter().filter_map(|file| runner.run_file(file).err().map(|error| error.to_string())).collect()
}

#[test]
fn every_slt_file_passes() {
    let failures: Vec<String> = worlds()
        .iter()
        .flat_map(|world| {
            let dir = tempfile::tempdir().unwrap();
            let snapshot = snapshot_of(dir.path(), vec![world.join("archive")]);
            run_all(Runner::new(|| async { Ok(Session::new(&snapshot)) }), world)
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// A query that finds nothing anywhere is not tested.
#[test]
fn every_named_query_finds_something_in_a_test() {
    let files: Vec<PathBuf> = worlds().iter().flat_map(|world| slt_files(world)).collect();
    let tests: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let found: Vec<&str> = tests
        .iter()
        .flat_map(|text| text.split("\n\n"))
        .filter(|test| test.rsplit("\n----\n").next().is_some_and(|rows| !rows.trim().is_empty() && *test != rows))
        .flat_map(|test| test.lines().filter_map(|line| line.strip_prefix("named ")))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for (name, _) in Library::open(None).unwrap().iter() {
        assert!(found.contains(&name), "no .slt file has a row of {name}");
    }
}

/// `role-actions` derives in SQL what `trailpare actions` reads from usage: the same lines, but for calls that need no
/// permission, and but for resources that usage counts together.
fn role_actions_are_actions(archives: &[PathBuf]) {
    let dir = tempfile::tempdir().unwrap();
    drop(snapshot_of(dir.path(), archives.to_vec()));
    let said = |args: &[&str]| -> Vec<serde_json::Value> {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trailpare"));
        command.args(args).args(["--quiet", "--store"]).arg(dir.path()).env_remove("TRAILPARE_CATALOG");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let text = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let key = |line: &serde_json::Value| ["principal_arn", "action", "outcome"].map(|name| text(line, name));
    let expected: Vec<serde_json::Value> = said(&["actions", "--principal", "*", "--format", "ndjson"])
        .into_iter()
        .filter(|line| line["action"].is_string())
        .collect();
    let together: Vec<_> = expected.iter().filter(|line| line["overflow"] == true).map(key).collect();
    let lines = |all: Vec<serde_json::Value>| -> Vec<String> {
        let names =
            ["principal_arn", "action", "resource", "outcome", "confidence", "rule", "event_count", "first_time"];
        let cell = |line: &serde_json::Value, name: &str| line[name].to_string();
        let apart = all.iter().filter(|line| !together.contains(&key(line)));
        let mut lines: Vec<String> = apart
            .map(|line| names.iter().chain(&["last_time"]).map(|name| cell(line, name)).collect::<Vec<_>>().join(" "))
            .collect();
        lines.sort();
        lines
    };
    let answered = said(&["sql", "--named", "role-actions", "--format", "ndjson"]);
    let (answered, expected) = (lines(answered), lines(expected));
    assert!(expected.len() > 50, "{}", expected.len());
    for (answered, expected) in answered.iter().zip(&expected) {
        assert_eq!(answered, expected);
    }
    assert_eq!(answered.len(), expected.len());
}

#[test]
fn role_actions_are_actions_over_sample_logs() {
    role_actions_are_actions(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs")]);
}

#[test]
fn role_actions_are_actions_over_real_archives() {
    let Some(data) = data::dir() else { return };
    role_actions_are_actions(&[data.join("real/invictus"), data.join("real/sans-s3-lab")]);
}
