//! `trailpare export`: days of a store into one file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use indicatif::{HumanBytes, HumanCount};

use super::prune::parse_day;
use super::recorded::{Begun, OutcomeArgs, RunFormat};
use super::select::{StoreArgs, open_store};
use super::{CliError, Context, Exit};
use crate::ingest::{ExportOptions, Exported, export};
use crate::report::run::{Figures, export as figures};
use crate::store::Part;
use crate::time::format_date;
use crate::util::hex::hex;
use crate::util::shown;

/// Write days of a store into one file, to be imported into another store, on another machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file is a tar: the events of whole days as they lie in the store (Parquet, byte for byte), the log objects that go
with them, and in front manifest.json with the SHA-256 of each file. With a folder, or a name that ends with /, the
same files are written there. The same snapshot and days give the same bytes.

The SHA-256 of the file is printed, of a folder that of its manifest.json: send it by another way, for `trailpare import
--sha256`. Whoever has the file can read the events in it.

A log object goes along if all of its events do. With --from and --to, objects at the edges of the days stay out: the
next ingest on the other side reads them, and brings no event twice. With --account, files are written anew with the
events that these accounts logged. Usage is not in the file: `trailpare import` derives it.

Examples:
  trailpare export --out ./store.tar
  trailpare export --from 2024-03-01 --to 2024-03-31 --out /media/usb/march.tar
  trailpare export --account 111122223333 --out ./one-account/
  trailpare export --store /data/store --out - | zstd > store.tar.zst")]
pub struct ExportArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The first day.
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    from: Option<i32>,
    /// The last day.
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    to: Option<i32>,
    /// Only events that this account logged.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    account: Vec<String>,
    /// The file, or a folder; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten, next_help_heading = "What it came to")]
    outcome: OutcomeArgs,
}

pub fn run(args: &ExportArgs, context: &Context) -> Result<Exit, CliError> {
    let mut begun = Begun::new("export", &args.store.store, None, context);
    if args.is_piped() && args.outcome.format == RunFormat::Json {
        let text = "both the export and --format json would go to standard output\nhint: give a file with --out";
        return Err(CliError::Usage(text.to_owned()));
    }
    let outcome = work(args, &mut begun, context);
    begun.tell(outcome, &args.outcome)
}

impl ExportArgs {
    fn is_piped(&self) -> bool {
        self.out == Path::new("-")
    }
}

fn work(args: &ExportArgs, begun: &mut Begun<'_>, context: &Context) -> Result<(Exit, Figures), CliError> {
    if args.from.zip(args.to).is_some_and(|(from, to)| from > to) {
        return Err(CliError::Usage("--from must not be after --to".to_owned()));
    }
    let store = open_store(&args.store.store, context)?;
    begun.note(&store);
    let part = Part { from: args.from, to: args.to, accounts: args.account.clone() };
    let sum = export(&store, &ExportOptions { part, out: args.out.clone() })?;
    say(&sum, context);
    let sha256 = hex(&sum.sha256);
    if args.is_piped() {
        context.say(&format!("SHA-256 {sha256}"));
    } else if args.outcome.format == RunFormat::Text {
        writeln!(io::stdout(), "{sha256}  {}", shown::path(&args.out))?;
    }
    Ok((Exit::Done, figures(&sum, &args.out)))
}

fn say(sum: &Exported, context: &Context) {
    let days = span(sum.days, sum.day_count);
    context.say(&format!(
        "{days}: {} events in {} files, {} log objects; {}; snapshot {}",
        HumanCount(sum.events),
        sum.files,
        HumanCount(sum.objects),
        HumanBytes(sum.bytes),
        sum.snapshot
    ));
}

/// How many days, from when to when.
pub(super) fn span(days: Option<(i32, i32)>, count: u64) -> String {
    match days {
        Some((first, last)) => format!("{count} days, {} to {}", format_date(first), format_date(last)),
        None => "no day with events".to_owned(),
    }
}
