//! Runs that change a store: noted in its history, told as one document, measured for monitoring.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::machine::parse_wait;
use super::{CliError, Context, Exit};
use crate::report::run::{Figures, Head, brief, document, metrics_text, of_run, of_store, path_text};
use crate::report::status::Status;
use crate::store::{BegunRun, EndedRun, Store};
use crate::time::now_us;
use crate::util::{process, shown};

/// How long to wait for another writer.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct WaitArgs {
    /// Wait for another process that writes to the store, so long (30s, 10m, 2h) or until it is done.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "forever",
          value_parser = parse_wait)]
    wait: Option<Duration>,
}

impl WaitArgs {
    /// The store for whoever is about to write to it.
    pub fn store(self, store: Store, context: &Context) -> Store {
        let wait = self.said(&store, context);
        store.waiting(wait)
    }

    /// How long to wait.
    pub fn time(self) -> Duration {
        self.wait.unwrap_or_default()
    }

    /// How long to wait; who is waited for is said.
    pub fn said(self, store: &Store, context: &Context) -> Duration {
        let wait = self.time();
        if !wait.is_zero()
            && let Some(writer) = store.activity().writer
        {
            context.say(&format!("waiting for {writer}, which is writing to this store"));
        }
        wait
    }
}

/// What a run prints of itself.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OutcomeArgs {
    /// What it came to: for people on standard error, or as one JSON document on standard output as well.
    #[arg(long, value_enum, default_value = "text")]
    pub format: RunFormat,
    /// Write metrics of the run and the store to this file, for Prometheus (node_exporter's textfile collector).
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
}

/// How a run that changes a store tells what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RunFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// A run that has begun.
pub(super) struct Begun<'a> {
    command: &'static str,
    dir: &'a Path,
    parent: Option<i64>,
    context: &'a Context,
    started_us: i64,
    row: Option<(Store, i64)>,
}

/// Arguments that the history keeps of a run, and characters of each.
const ARGS_MAX: usize = 100;
const ARG_CHARS_MAX: usize = 1_000;

impl<'a> Begun<'a> {
    /// One on the store of a folder, perhaps as a step of another.
    pub fn new(command: &'static str, dir: &'a Path, parent: Option<i64>, context: &'a Context) -> Begun<'a> {
        // What was warned of before is not of this run.
        context.warned.take();
        Begun { command, dir, parent, context, started_us: now_us(), row: None }
    }

    /// Its number in the history, where it is noted.
    pub fn id(&self) -> Option<i64> {
        self.row.as_ref().map(|(_, id)| *id)
    }

    /// Notes it in the history of the store.
    pub fn note(&mut self, store: &Store) {
        let options: Vec<String> =
            self.context.args.iter().take(ARGS_MAX).map(|arg| arg.chars().take(ARG_CHARS_MAX).collect()).collect();
        let run = BegunRun {
            parent: self.parent,
            command: self.command,
            user: &process::user(),
            host: &process::host(),
            process: &process::identity(),
            options: &Value::from(options).to_string(),
        };
        match store.begin_history(&run) {
            Ok(id) => self.row = Some((store.clone(), id)),
            Err(error) => self.context.warn(&format!("the history does not have this run: {error}")),
        }
    }

    /// Notes what it came to; with its metrics where somebody asks for them.
    pub fn end(self, outcome: Result<(Exit, Figures), CliError>, asks_metrics: bool) -> Ended<'a> {
        let (outcome, figures) = match outcome {
            Ok((exit, figures)) => (Ok(exit), figures),
            Err(error) => (Err(error), Figures::new()),
        };
        let exit = outcome.as_ref().map_or_else(CliError::exit, |exit| *exit);
        let error = outcome.as_ref().err().map(ToString::to_string);
        let store = path_text(self.dir);
        let (warnings, warnings_left_out) = self.context.warned.take();
        let head = Head {
            command: self.command,
            store: &store,
            started_us: self.started_us,
            ended_us: now_us(),
            outcome: exit.name(),
            exit_code: exit.code(),
            error: error.as_deref(),
            warnings,
            warnings_left_out,
            peak_memory_bytes: process::peak_memory_bytes(),
        };
        self.note_end(&head, &figures);
        let metrics = asks_metrics.then(|| metrics(&head, &figures, self.dir));
        Ended { document: document(&head, &figures), outcome, figures, metrics, context: self.context }
    }

    fn note_end(&self, head: &Head<'_>, figures: &Figures) {
        let Some((store, id)) = &self.row else { return };
        let mut kept = brief(figures);
        kept.insert("seconds".to_owned(), head.seconds().into());
        kept.insert("peak_memory_bytes".to_owned(), head.peak_memory_bytes.into());
        let figures_text = Value::Object(kept).to_string();
        let ended = EndedRun {
            outcome: head.outcome,
            exit_code: head.exit_code,
            error: head.error.or(head.warnings.first().map(String::as_str)),
            new_events: figures.get("events").and_then(|events| events.get("new")).and_then(Value::as_u64),
            figures: &figures_text,
        };
        let noted = store.end_history(*id, &ended).or_else(|_| {
            // The disk may be full of files that nobody will commit: a writer removes them.
            drop(store.clone().waiting(Duration::ZERO).writer());
            store.end_history(*id, &ended)
        });
        if let Err(error) = noted {
            self.context.warn(&format!("the history does not have what this run came to: {error}"));
        }
    }
}

/// What a run came to.
pub(super) struct Ended<'a> {
    /// All of it.
    pub document: Value,
    /// How it ended.
    pub outcome: Result<Exit, CliError>,
    /// Its figures.
    pub figures: Figures,
    metrics: Option<String>,
    context: &'a Context,
}

impl<'a> Begun<'a> {
    /// Notes what it came to, and tells it as is asked for.
    pub fn tell(self, outcome: Result<(Exit, Figures), CliError>, args: &OutcomeArgs) -> Result<Exit, CliError> {
        self.end(outcome, args.metrics.is_some()).tell(args)
    }
}

impl Ended<'_> {
    /// Prints and writes what is asked for.
    pub fn tell(self, args: &OutcomeArgs) -> Result<Exit, CliError> {
        if let (Some(path), Some(metrics)) = (&args.metrics, &self.metrics)
            && let Err(error) = replace(path, metrics)
        {
            // What was done is done; that the file grows old says the rest.
            self.context.warn(&format!("cannot write the metrics {}: {error}", shown::path(path)));
        }
        if args.format == RunFormat::Json {
            let written = writeln!(io::stdout(), "{:#}", self.document);
            // Whoever went away learns the rest from the exit code.
            if let Err(error) = written
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                return self.outcome.and(Err(error.into()));
            }
        }
        self.outcome
    }
}

fn metrics(head: &Head<'_>, figures: &Figures, dir: &Path) -> String {
    let mut samples = of_run(head, figures);
    if let Ok(status) = Store::open(dir).and_then(|store| Status::read(&store)) {
        samples.extend(of_store(&status));
    }
    metrics_text(&samples, &[("store", head.store), ("command", head.command)])
}

/// Writes a file in the place of another at once: whoever reads it sees one or the other whole.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    crate::store::outside_stores(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Readable for those for whom it is made: there is nothing in it but sums.
    let mut builder = tempfile::Builder::new();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    let mut file = builder.prefix(".trailpare-").permissions(permissions).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.prom");
        for text in ["first\n", "second\n"] {
            replace(&path, text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o444, 0o444);
    }
}
