//! SQL as users ask it: the files of `tests/slt` over the archive beside them, taken in by the real ingest.
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

fn slt_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt")
}

fn slt_files() -> Vec<PathBuf> {
    let entries = fs::read_dir(slt_dir()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "slt")).collect();
    files.sort();
    assert!(!files.is_empty(), "no .slt file in {}", slt_dir().display());
    files
}

/// A store of the archive in `tests/slt/archive`.
fn snapshot(dir: &Path) -> Snapshot {
    let store = Store::open_or_create(dir).unwrap();
    let archives = vec![slt_dir().join("archive")];
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

fn run_all<D, M>(mut runner: Runner<D, M>)
where
    D: sqllogictest::AsyncDB<ColumnType = DefaultColumnType>,
    M: MakeConnection<Conn = D>,
{
    runner.with_column_validator(sqllogictest::strict_column_validator);
    let failures: Vec<String> =
        slt_files().iter().filter_map(|file| runner.run_file(file).err().map(|error| error.to_string())).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_slt_file_passes() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = snapshot(dir.path());
    run_all(Runner::new(|| async { Ok(Session::new(&snapshot)) }));
}

#[test]
fn every_named_query_has_an_slt_test() {
    let tests: String = slt_files().iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let asked: Vec<&str> = tests
        .lines()
        .filter_map(|line| line.strip_prefix("named "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for (name, _) in Library::open(None).unwrap().iter() {
        assert!(asked.contains(&name), "no .slt file runs {name}");
    }
}
