//! `trailpare history`: every run that changed a store, and those that could not.

use std::io::{self, Write};

use super::select::{StoreArgs, open_store};
use super::table::{Format, render, row, table};
use super::{CliError, Context, Exit};
use crate::report::history::{History, Run};

/// Say who did what to a store: when, with which options, what came of it, also of runs that failed or were cut short.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A run is noted before it begins and again when it has ended: one that never ended was cut short, by a kill or a power cut.
What failed because another process was writing is there as well. Steps of `trailpare nightly` stand below it, by their number.

Examples:
  trailpare history
  trailpare history --last 7 --store /data/store
  trailpare history --format json")]
pub struct HistoryArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// So many of the last runs.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: u64,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub fn run(args: &HistoryArgs, context: &Context) -> Result<Exit, CliError> {
    let store = open_store(&args.store.store, context)?;
    let history = History::read(&store, args.last)?;
    let text = match args.format {
        Format::Table => text(&history),
        Format::Json => serde_json::to_string_pretty(&history)? + "\n",
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn text(history: &History) -> String {
    if history.runs.is_empty() {
        return "no runs yet\n".to_owned();
    }
    let mut rows = table(&["RUN", "STARTED", "TOOK", "COMMAND", "OUTCOME", "NEW EVENTS", "BY", "WHY"], &[0, 2, 5]);
    for run in &history.runs {
        let Run { run: id, parent, started, command, outcome, .. } = run;
        let took = run.seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"));
        let command = parent.map_or_else(|| command.clone(), |parent| format!("{command} (of {parent})"));
        let events = run.new_events.map_or_else(|| "-".to_owned(), |events| events.to_string());
        let why = run.error.as_deref().and_then(|text| text.lines().next()).unwrap_or("-");
        let by = run.by.as_deref().unwrap_or("-");
        row(&mut rows, [&id.to_string(), started, &took, &command, outcome, &events, by, why]);
    }
    render(&rows)
}
