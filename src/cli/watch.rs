//! `trailpare watch`: what drifted since the policies were deployed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::machine::MemoryArgs;
use super::recorded::WaitArgs;
use super::select::{RangeArgs, SelectArgs, StoreArgs, everybody};
use super::{CliError, Context, Exit};
use crate::report::watch::{Report, junit, report, sarif, text};
use crate::rightsize::{DeployedPolicies, DriftKind, WatchQuestion, watch};
use crate::time::{Moment, now_us};
use crate::util::shown;

/// Compare what was done since last night with the policies of a folder: uses that they would not allow, with the statement that
/// is missing; principals without a policy; permissions that fell unused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The folder is one that `trailpare rightsize --out` wrote; the policy*.json in it are what is deployed, edited or not.

Exit codes: 0 nothing to do (permissions that fell unused are told), 3 something could not be looked at, 5 something would be
denied, a principal has no policy, or one for emergencies acted.

Examples:
  trailpare watch --policies cuts/ --archive ./my-trail
  trailpare watch --policies cuts/ --since yesterday --format junit > drift.xml
  trailpare watch --policies cuts/ --unused-after 180 --format sarif")]
pub struct WatchArgs {
    /// The folder of policies.
    #[arg(long, value_name = "DIR")]
    policies: PathBuf,
    /// Look at uses from this time on; the last day with events where nothing is said.
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<i64>,
    /// Report permissions that nobody used for so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    unused_after: u32,
    /// Look at people and personas too, each by itself, where the folder has policies of theirs.
    #[arg(long)]
    people: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Take these archives in first (only what is new), then answer.
    #[arg(long, value_name = "PATH", help_heading = "From where")]
    archive: Vec<PathBuf>,
    #[command(flatten, next_help_heading = "From where")]
    wait: WaitArgs,
    /// Which store.
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
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML.
    Junit,
}

fn parse_since(text: &str) -> Result<i64, String> {
    Moment::parse(text, now_us()).map(|moment| moment.begin_us).ok_or_else(|| Moment::HINT.to_owned())
}

pub fn run(args: &WatchArgs, context: &Context) -> Result<Exit, CliError> {
    let everybody = everybody(&RangeArgs::default(), &args.archive, &args.store, None, &args.memory);
    let select = SelectArgs { wait: args.wait, ..everybody };
    let question =
        Asked { policies: &args.policies, since_us: args.since, unused_days: args.unused_after, people: args.people };
    let (exit, report) = look(&question, &select, context)?;
    let printed = match args.format {
        Format::Table => super::printable(&text(&report)),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        Format::Sarif => format!("{:#}\n", sarif(&report)),
        Format::Junit => junit(&report),
    };
    io::stdout().write_all(printed.as_bytes())?;
    Ok(exit)
}

/// What is compared: see [`WatchArgs`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub policies: &'a Path,
    pub since_us: Option<i64>,
    pub unused_days: u32,
    pub people: bool,
}

/// Compares what a selection of everybody did since some time with a folder of policies.
pub(super) fn look(asked: &Asked<'_>, select: &SelectArgs, context: &Context) -> Result<(Exit, Report), CliError> {
    let deployed = DeployedPolicies::read(asked.policies)?;
    let (snapshot, _, exit) = select.snapshot(context)?;
    let space = select.memory.space();
    let question = WatchQuestion {
        snapshot: &snapshot,
        since_us: asked.since_us,
        unused_days: asked.unused_days,
        deployed: &deployed,
        people: asked.people,
        catalog: context.catalog,
        space: &space,
    };
    let watched = watch(&question)?;
    watched.problems.iter().for_each(|problem| context.warn(&shown::name(problem)));
    let is_drift = watched.drift.iter().any(|drift| !matches!(drift.what, DriftKind::FellUnused { .. }));
    let exit = match exit {
        _ if is_drift => Exit::Drifted,
        Exit::Done if !watched.problems.is_empty() => Exit::Refused,
        exit => exit,
    };
    Ok((exit, report(&watched)))
}
