//! The history of a store: who did what to it, when, and what came of it.
//!
//! A row is written before a run begins and completed when it has ended, also by who doesn't have the writer's lock:
//! that it could not be had is part of the history. A row that nobody completed is that of a run that was cut short.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::connection::connect;
use super::error::StoreError;
use super::history_table::{migrate, runs_of};
use super::layout::catalog_path;
use super::open::Store;
use crate::time::{format_time, now_us};

/// Runs that are kept: those of years of nights.
const RUNS_MAX: i64 = 10_000;

/// A run that begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BegunRun<'a> {
    /// The run that it is a step of.
    pub parent: Option<i64>,
    /// What is done.
    pub command: &'a str,
    /// Who does it.
    pub user: &'a str,
    /// Where.
    pub host: &'a str,
    /// The process.
    pub process: &'a str,
    /// The command line, a JSON list.
    pub options: &'a str,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedRun<'a> {
    /// In a word.
    pub outcome: &'a str,
    /// The exit code.
    pub exit_code: u8,
    /// What went wrong.
    pub error: Option<&'a str>,
    /// Events that it brought.
    pub new_events: Option<u64>,
    /// A JSON object.
    pub figures: &'a str,
}

/// A run of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryRun {
    /// Its number.
    pub id: i64,
    /// The run that it is a step of.
    pub parent: Option<i64>,
    /// What was done.
    pub command: String,
    /// When it began.
    pub started: String,
    /// When it ended; `None` if it runs still or was cut short.
    pub ended: Option<String>,
    /// By which version.
    pub version: String,
    /// Who did it; empty where a version that noted none did.
    pub user: String,
    /// Where, likewise.
    pub host: String,
    /// The process, likewise.
    pub process: String,
    /// The command line, a JSON list.
    pub options: String,
    /// What it came to, in a word.
    pub outcome: Option<String>,
    /// The exit code.
    pub exit_code: Option<u8>,
    /// What went wrong.
    pub error: Option<String>,
    /// The newest snapshot at its end.
    pub snapshot: Option<i64>,
    /// Events that it brought.
    pub new_events: Option<u64>,
    /// A JSON object.
    pub figures: Option<String>,
}

impl Store {
    /// Notes that a run begins; returns its number. Needs no writer's lock.
    ///
    /// # Errors
    /// The catalog can't be written to.
    pub fn begin_history(&self, run: &BegunRun<'_>) -> Result<i64, StoreError> {
        let mut connection = connect(&self.dir)?;
        let begin = |connection: &mut Connection| {
            migrate(connection)?;
            connection.execute(
                "INSERT INTO trailpare_history (parent_id, command, started_time, version, user, host, process, options) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    run.parent,
                    run.command,
                    format_time(now_us()),
                    env!("CARGO_PKG_VERSION"),
                    run.user,
                    run.host,
                    run.process,
                    run.options
                ],
            )?;
            let id = connection.last_insert_rowid();
            connection.execute("DELETE FROM trailpare_history WHERE run_id <= ?1", [id - RUNS_MAX])?;
            Ok(id)
        };
        begin(&mut connection).map_err(StoreError::catalog(&catalog_path(&self.dir)))
    }

    /// Notes what a run came to.
    ///
    /// # Errors
    /// The catalog can't be written to.
    pub fn end_history(&self, id: i64, ended: &EndedRun<'_>) -> Result<(), StoreError> {
        let connection = connect(&self.dir)?;
        connection
            .execute(
                "UPDATE trailpare_history SET ended_time = ?2, outcome = ?3, exit_code = ?4, error = ?5, new_events = ?6, \
                 figures = ?7, snapshot_id = (SELECT max(snapshot_id) FROM ducklake_snapshot) WHERE run_id = ?1",
                params![
                    id,
                    format_time(now_us()),
                    ended.outcome,
                    ended.exit_code,
                    ended.error,
                    ended.new_events,
                    ended.figures
                ],
            )
            .map_err(StoreError::catalog(&catalog_path(&self.dir)))?;
        Ok(())
    }

    /// The last runs, the last first.
    ///
    /// # Errors
    /// The catalog.
    pub fn history(&self, limit: u64) -> Result<Vec<HistoryRun>, StoreError> {
        self.query(|connection| {
            let sql = format!("SELECT * FROM ({}) ORDER BY run_id DESC LIMIT ?1", runs_of(connection)?);
            let mut statement = connection.prepare(&sql)?;
            let runs = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], run_of)?;
            runs.collect()
        })
    }

    /// The last run of a command that ended; of `ingest` with `with_news` the last that brought events.
    ///
    /// # Errors
    /// The catalog.
    pub fn last_of_history(&self, command: &str, with_news: bool) -> Result<Option<HistoryRun>, StoreError> {
        self.query(|connection| {
            let sql = format!(
                "SELECT * FROM ({}) WHERE command = ?1 AND ended_time IS NOT NULL AND (NOT ?2 OR new_events > 0) \
                 ORDER BY run_id DESC LIMIT 1",
                runs_of(connection)?
            );
            connection.query_row(&sql, params![command, with_news], run_of).optional()
        })
    }
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<HistoryRun> {
    Ok(HistoryRun {
        id: row.get("run_id")?,
        parent: row.get("parent_id")?,
        command: row.get("command")?,
        started: row.get("started_time")?,
        ended: row.get("ended_time")?,
        version: row.get("version")?,
        user: row.get("user")?,
        host: row.get("host")?,
        process: row.get("process")?,
        options: row.get("options")?,
        outcome: row.get("outcome")?,
        exit_code: row.get("exit_code")?,
        error: row.get("error")?,
        snapshot: row.get("snapshot_id")?,
        new_events: row.get("new_events")?,
        figures: row.get("figures")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(command: &str) -> BegunRun<'_> {
        BegunRun { command, user: "ann", host: "box", process: "7:1", options: "[]", ..BegunRun::default() }
    }

    #[test]
    fn a_run_is_noted_before_and_after_whoever_writes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_or_create(folder.path()).unwrap();
        let writer = store.writer().unwrap();
        let first = store.begin_history(&begun("ingest")).unwrap();
        let second = store.begin_history(&BegunRun { parent: Some(first), ..begun("optimize") }).unwrap();
        let ended = EndedRun { outcome: "done", new_events: Some(3), figures: "{}", ..EndedRun::default() };
        store.end_history(first, &ended).unwrap();
        drop(writer);
        let runs = store.history(10).unwrap();
        assert_eq!(
            runs.iter().map(|run| (run.id, run.parent)).collect::<Vec<_>>(),
            [(second, Some(first)), (first, None)]
        );
        assert_eq!((runs[0].outcome.as_deref(), runs[0].ended.as_deref()), (None, None));
        assert_eq!((runs[1].outcome.as_deref(), runs[1].exit_code, runs[1].snapshot), (Some("done"), Some(0), Some(0)));
        assert_eq!(store.last_of_history("ingest", true).unwrap().map(|run| run.id), Some(first));
        assert_eq!(store.last_of_history("optimize", false).unwrap(), None);
        assert_eq!(store.history(1).unwrap().len(), 1);
    }

    /// A store of an older version has the runs of its ingests alone.
    #[test]
    fn old_runs_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_or_create(folder.path()).unwrap();
        let writer = store.writer().unwrap();
        let old = writer.begin_run(&["/a".to_owned()]).unwrap();
        writer.end_run(old, &super::super::change::Run { refused: 1, ..Default::default() }).unwrap();
        writer.begin_run(&["/b".to_owned()]).unwrap();
        writer.connection().execute_batch("DROP TABLE trailpare_history").unwrap();
        drop(writer);
        let before = store.history(10).unwrap();
        let told: Vec<_> = before.iter().map(|run| (run.options.as_str(), run.outcome.as_deref())).collect();
        assert_eq!(told, [("[\"/b\"]", None), ("[\"/a\"]", Some("refused"))]);
        let id = store.begin_history(&begun("optimize")).unwrap();
        assert_eq!(store.history(10).unwrap()[1..], before);
        assert_eq!(id, before[0].id + 1);
    }
}
