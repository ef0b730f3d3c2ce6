//! The history of a store: every run that changed it, and those that could not.

use serde::Serialize;
use serde_json::Value;

use crate::store::{HistoryRun, Store, StoreError};
use crate::time::parse_time;
use crate::util::{json, process};

/// The last runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    schema: &'static str,
    /// The last first.
    pub runs: Vec<Run>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Its number.
    pub run: i64,
    /// The run that it is a step of.
    pub parent: Option<i64>,
    /// What was done: `ingest`, `optimize`, …
    pub command: String,
    /// When it began (UTC).
    pub started: String,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it took.
    pub seconds: Option<f64>,
    /// How it ended in a word; `running`, or `cut-short` where it never did.
    pub outcome: String,
    /// The exit code.
    pub exit_code: Option<u8>,
    /// What went wrong, or the first that was warned of.
    pub error: Option<String>,
    /// By which version of trailpare.
    pub version: String,
    /// Who did it: `user@host`; `None` where a version that noted none did.
    pub by: Option<String>,
    /// The command line, without the program.
    pub options: Vec<String>,
    /// The newest snapshot at its end.
    pub snapshot: Option<i64>,
    /// Events that it brought.
    pub new_events: Option<u64>,
    /// What it came to: as in its document, with numbers in the place of lists.
    pub figures: Option<Value>,
}

impl History {
    /// Reads so many of the last runs.
    ///
    /// # Errors
    /// The store.
    pub fn read(store: &Store, limit: u64) -> Result<History, StoreError> {
        let writes = store.activity().writer.is_some();
        let runs = store.history(limit)?.into_iter().map(|run| Run::of(run, writes)).collect();
        Ok(History { schema: "trailpare/history/1", runs })
    }
}

impl Run {
    /// `writes`: whether anybody writes to the store now.
    fn of(run: HistoryRun, writes: bool) -> Run {
        let runs = || match process::is_alive(&run.process) {
            Some(is_alive) if run.host == process::host() => is_alive,
            // Another machine's processes nobody here knows.
            _ => writes,
        };
        let outcome = match (&run.outcome, &run.ended) {
            (Some(outcome), Some(_)) => outcome.clone(),
            _ if runs() => "running".to_owned(),
            _ => "cut-short".to_owned(),
        };
        let time = |text: &str| parse_time(text);
        let seconds =
            run.ended.as_deref().and_then(time).zip(time(&run.started)).map(|(to, from)| (to - from) as f64 / 1e6);
        Run {
            run: run.id,
            parent: run.parent,
            command: run.command,
            started: run.started,
            ended: run.ended,
            seconds,
            outcome,
            exit_code: run.exit_code,
            error: run.error,
            version: run.version,
            by: (!run.user.is_empty()).then(|| format!("{}@{}", run.user, run.host)),
            options: serde_json::from_str(&run.options).unwrap_or_default(),
            snapshot: run.snapshot,
            new_events: run.new_events,
            figures: run.figures.and_then(|text| json::object(&text)).map(Value::Object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_never_ended_was_cut_short_unless_its_process_lives() {
        let run = |process: &str| {
            let (host, process) = (process::host(), process.to_owned());
            Run::of(HistoryRun { host, process, started: "2024-01-01T00:00:00Z".into(), ..HistoryRun::default() }, true)
        };
        assert_eq!(run(&process::identity()).outcome, "running");
        assert_eq!(run("4294967295").outcome, "cut-short");
        let elsewhere = HistoryRun { host: "no such machine".into(), ..HistoryRun::default() };
        assert_eq!(Run::of(elsewhere.clone(), true).outcome, "running");
        assert_eq!(Run::of(elsewhere, false).outcome, "cut-short");
        let ended = HistoryRun {
            started: "2024-01-01T00:00:00Z".into(),
            ended: Some("2024-01-01T00:00:01.5Z".into()),
            outcome: Some("done".into()),
            options: "[\"ingest\",\"/a\"]".into(),
            ..HistoryRun::default()
        };
        let told = Run::of(ended, false);
        assert_eq!((told.seconds, told.outcome.as_str(), told.options.len(), told.by), (Some(1.5), "done", 2, None));
    }
}
