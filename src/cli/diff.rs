//! `trailpare diff`: what is new, gone, or much more between two sides of use.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::machine::MemoryArgs;
use super::select::{RangeArgs, StoreArgs, everybody};
use super::{CliError, Context, Exit};
use crate::report::diff::{report, text};
use crate::rightsize::{DeployedPolicies, Side, diff};
use crate::store::Snapshot;
use crate::time::{Moment, now_us};
use crate::usage::TimeRange;
use crate::util::shown;

/// Compare two windows, two snapshots, two stores, or a store and a folder of policies: actions, resources and principals that
/// are new, gone or much more, new services and accounts, first uses of actions that lead to more.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A side is a window of the store (FROM..TO, each as with --from and --to, either may be left out), one of its snapshots (@NUMBER), the
folder of another store, or a folder that `trailpare rightsize --out` wrote: of that the actions are what its policies grant.

Exit code 3 when somebody's uses do not fit in memory.

Examples:
  trailpare diff 2024-01-01..2024-01-31 2024-02-01..2024-02-29
  trailpare diff 60d..30d 30d..
  trailpare diff @12 @15
  trailpare diff old-store/ new-store/ --format json
  trailpare diff cuts/ ..")]
pub struct DiffArgs {
    /// The side before.
    #[arg(value_name = "A")]
    first: String,
    /// The side after.
    #[arg(value_name = "B")]
    second: String,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Which store windows and snapshots are of.
    #[command(flatten, next_help_heading = "From where")]
    store: StoreArgs,
    #[command(flatten)]
    memory: MemoryArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One JSON object, nothing left out.
    Json,
}

/// A side that was opened.
enum Opened {
    Use(Box<Snapshot>, TimeRange),
    Policies(DeployedPolicies),
}

impl Opened {
    fn side(&self) -> Side<'_> {
        match self {
            Opened::Use(snapshot, range) => Side::Use(snapshot, range),
            Opened::Policies(policies) => Side::Policies(policies),
        }
    }
}

pub fn run(args: &DiffArgs, context: &Context) -> Result<Exit, CliError> {
    let (first, second) = (args.open(&args.first, context)?, args.open(&args.second, context)?);
    let difference = diff(first.side(), second.side(), context.catalog, &args.memory.space())?;
    difference.problems.iter().for_each(|problem| context.warn(&shown::name(problem)));
    let names = (shown::name(&args.first), shown::name(&args.second));
    let printed = match args.format {
        Format::Table => super::printable(&text(&difference, &names.0, &names.1)),
        Format::Json => serde_json::to_string_pretty(&report(&difference, &args.first, &args.second))? + "\n",
    };
    io::stdout().write_all(printed.as_bytes())?;
    Ok(if difference.problems.is_empty() { Exit::Done } else { Exit::Refused })
}

impl DiffArgs {
    fn open(&self, text: &str, context: &Context) -> Result<Opened, CliError> {
        let path = Path::new(text);
        if path.join("summary.json").is_file() {
            let policies = DeployedPolicies::read(path)?;
            policies.problems.iter().for_each(|problem| context.warn(&shown::name(problem)));
            return Ok(Opened::Policies(policies));
        }
        let snapshot = |store: PathBuf, at| {
            let select = everybody(&RangeArgs::default(), &[], &StoreArgs { store }, at, &self.memory);
            let (snapshot, ..) = select.snapshot(context)?;
            Ok::<Snapshot, CliError>(snapshot)
        };
        if text != ".." && path.is_dir() {
            return Ok(Opened::Use(Box::new(snapshot(path.to_owned(), None)?), TimeRange::default()));
        }
        if let Some(number) = text.strip_prefix('@').and_then(|number| number.parse().ok()) {
            return Ok(Opened::Use(Box::new(snapshot(self.store.store.clone(), Some(number))?), TimeRange::default()));
        }
        let range = window(text).ok_or_else(|| {
            CliError::Usage(format!(
                "{} is no window, no snapshot, no store and no folder of policies\nhint: write FROM..TO, @NUMBER, or a folder",
                shown::name(text)
            ))
        })?;
        if range.from_us.zip(range.to_us).is_some_and(|(from, to)| from >= to) {
            return Err(CliError::Usage(format!("{}: the window ends before it begins", shown::name(text))));
        }
        Ok(Opened::Use(Box::new(snapshot(self.store.store.clone(), None)?), range))
    }
}

/// `FROM..TO`: a day at the end is taken whole.
fn window(text: &str) -> Option<TimeRange> {
    let (from, to) = text.split_once("..")?;
    let now = now_us();
    let moment = |text: &str| if text.is_empty() { Some(None) } else { Moment::parse(text, now).map(Some) };
    Some(TimeRange { from_us: moment(from)?.map(|from| from.begin_us), to_us: moment(to)?.map(|to| to.end_us) })
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn windows() {
        let day = 86_400_000_000;
        let found = window("1970-01-02..1970-01-03").unwrap();
        assert_eq!((found.from_us, found.to_us), (Some(day), Some(3 * day)));
        assert_eq!(window("..").map(|range| (range.from_us, range.to_us)), Some((None, None)));
        assert!(window("60d..30d").is_some_and(|range| range.from_us < range.to_us));
        assert!(window("x..").is_none() && window("2024-01-01").is_none());
    }
}
