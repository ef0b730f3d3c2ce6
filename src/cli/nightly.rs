//! `trailpare nightly`: what a night needs in one command.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, FromArgMatches};
use serde_json::{Value, json};

use super::ingest::Redact;
use super::machine::{MachineArgs, MemoryArgs, parse_age, parse_size};
use super::prune::{day_before, parse_days};
use super::recorded::{Begun, OutcomeArgs, WaitArgs};
use super::s3::S3Args;
use super::select::{RangeArgs, StoreArgs, everybody};
use super::take_in::take_in;
use super::{CliError, Context, Exit, optimize, prune, report, watch};
use crate::ingest::{OptimizeOptions, Options, PruneOptions, mergeable};
use crate::report::due::OPTIMIZE_DUE_FILES;
use crate::report::history::History;
use crate::report::run::{Figures, path_text};
use crate::store::{Store, StoreError, Table};
use crate::time::{MICROS_PER_DAY, format_date, parse_date};

/// Do what a night needs, as configured: take new log objects in, merge files where that is due, prune old days, look
/// for drift, write the report.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything can stand in trailpare.toml (`trailpare config`); options take its place. Steps that nothing is configured for are
left out: pruning without prune-older-than, watching without policies, the page without report. A step that fails ends the
night, and what was done stays; stopped or killed at any instant, the next run goes on where it was, and drift since the last
whole night is looked for. The exit code is that of the worst step: docs/exit-codes.md.

The store has to be there, so that a disk that is not mounted makes no new one; --create makes the first.

docs/nightly.md has a systemd timer, a line for cron and a CronJob for Kubernetes.

Examples:
  trailpare nightly
  trailpare --profile production nightly --format json --metrics /var/lib/node_exporter/trailpare.prom
  trailpare nightly /archive/AWSLogs --store /data/store --verify --policies /data/cuts --wait=1h")]
pub struct NightlyArgs {
    /// Folders and files to look for log objects in.
    #[arg(value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Make the store where there is none.
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten, next_help_heading = "Taking in")]
    take: TakeArgs,
    #[command(flatten, next_help_heading = "Archives in S3")]
    s3: S3Args,
    #[command(flatten, next_help_heading = "Keeping the store")]
    keep: KeepArgs,
    #[command(flatten, next_help_heading = "Looking")]
    look: LookArgs,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten, next_help_heading = "What it came to")]
    outcome: OutcomeArgs,
}

#[derive(Debug, clap::Args)]
struct TakeArgs {
    /// Only objects of this account.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    account: Vec<String>,
    /// Only objects of this region.
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    region: Vec<String>,
    /// Mask secrets before they reach the store.
    #[arg(long, value_enum, default_value = "secrets")]
    redact: Redact,
    /// Prove CloudTrail's digests first.
    #[arg(long)]
    verify: bool,
    /// Public keys, as `aws cloudtrail list-public-keys` prints them.
    #[arg(long, value_name = "FILE")]
    public_keys: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct KeepArgs {
    /// Merge small files once so many could be merged away.
    #[arg(long, value_name = "N", default_value_t = OPTIMIZE_DUE_FILES)]
    optimize_after: u64,
    /// Leave files of this size and above as they are.
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse_size)]
    file_size: u64,
    /// Let go of snapshots that have not been the newest for this long.
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = parse_age)]
    expire_older_than: Duration,
    /// Let go of days older than this.
    #[arg(long, value_name = "AGE", value_parser = parse_days)]
    prune_older_than: Option<i32>,
}

#[derive(Debug, clap::Args)]
struct LookArgs {
    /// The folder of deployed policies, to look for drift.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Report permissions that nobody used for so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    unused_after: u32,
    /// Look at people and personas too, where the folder has policies of theirs.
    #[arg(long)]
    people: bool,
    /// Write the report page to this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Outputs of `aws iam get-account-authorization-details`, for the page.
    #[arg(long, value_name = "FILE")]
    authorization_details: Vec<PathBuf>,
}

pub fn run(args: &NightlyArgs, context: &Context) -> Result<Exit, CliError> {
    let mut begun = Begun::new("nightly", &args.store.store, None, context);
    let outcome = night(args, &mut begun, context);
    begun.tell(outcome, &args.outcome)
}

/// A night on its way.
struct Night<'a> {
    args: &'a NightlyArgs,
    context: &'a Context,
    store: &'a Store,
    parent: Option<i64>,
    steps: Figures,
    worst: Exit,
    /// Why nothing more is done.
    stopped: Option<String>,
    /// The first day that new events are of.
    first_new_day: Option<i32>,
}

fn night(args: &NightlyArgs, begun: &mut Begun<'_>, context: &Context) -> Result<(Exit, Figures), CliError> {
    if args.archives.is_empty() {
        let text = "no archive to take in\nhint: set archives = [\"/archive/AWSLogs\"] in trailpare.toml, or give them";
        return Err(CliError::Usage(text.to_owned()));
    }
    let store = match Store::open(&args.store.store) {
        Err(StoreError::Missing(_)) if args.create => Store::open_or_create(&args.store.store)?,
        Err(error @ StoreError::Missing(_)) => {
            let text = format!("{error}\nhint: is its disk mounted? --create makes the first store");
            return Err(CliError::failed(text));
        }
        opened => opened?,
    };
    let store = args.wait.store(store, context);
    begun.note(&store);
    let mut night = Night {
        args,
        context,
        store: &store,
        parent: begun.id(),
        steps: Figures::new(),
        worst: Exit::Done,
        stopped: None,
        first_new_day: None,
    };
    night.ingest();
    night.optimize();
    night.prune();
    let since = night.watch();
    night.report();
    let (steps, worst) = (night.steps, night.worst);
    let newest = newest_day(&store)?.map(format_date);
    let mut figures = Figures::new();
    // The metrics and the history have the events of the whole night from here.
    if let Some(events) = steps.get("ingest").and_then(|step| step.get("document")?.get("events")) {
        figures.insert("events".to_owned(), events.clone());
    }
    figures.insert("steps".to_owned(), Value::Object(steps));
    figures.insert("newest_day".to_owned(), json!(newest));
    figures.insert("watched_since".to_owned(), json!(since.map(format_date)));
    Ok((worst, figures))
}

fn newest_day(store: &Store) -> Result<Option<i32>, StoreError> {
    let snapshot = store.snapshot_with(None, &[])?;
    Ok(snapshot.files(Table::Events).iter().map(|file| file.event_date).max())
}

impl Night<'_> {
    fn ingest(&mut self) {
        let NightlyArgs { machine, take, archives, .. } = self.args;
        let mut options = Options {
            memory_limit_bytes: machine.memory_limit,
            threads: machine.threads(),
            accounts: take.account.clone(),
            regions: take.region.clone(),
            mode: machine.mode,
            redact: take.redact == Redact::Secrets,
            verify: take.verify,
            public_keys: take.public_keys.clone(),
            commit_interval: machine.commit_interval(),
            ..Options::of(archives.clone())
        };
        let (store, context) = (self.store, self.context);
        let reached = self.args.s3.put(&mut options);
        let figures = self.step("ingest", |begun| reached.and_then(|()| take_in(store, &options, begun, context)));
        let first = figures.get("first_new_day").and_then(Value::as_str);
        self.first_new_day = first.and_then(parse_date);
    }

    fn optimize(&mut self) {
        let NightlyArgs { machine, keep, .. } = self.args;
        let files = self.store.snapshot_with(None, &[]).map(|snapshot| mergeable(&snapshot, keep.file_size).1);
        if let Ok(files) = files
            && files < keep.optimize_after.max(1)
        {
            self.skip(
                "optimize",
                &format!("not due: {files} files could be merged away, {} make it so", keep.optimize_after),
            );
            return;
        }
        let options = OptimizeOptions {
            memory_limit_bytes: machine.memory_limit,
            threads: machine.threads(),
            file_bytes: keep.file_size,
            expire_older_than: keep.expire_older_than,
            commit_interval: machine.commit_interval(),
            mode: machine.mode,
        };
        let (store, context) = (self.store, self.context);
        self.step("optimize", |begun| optimize::work(store, &options, begun, context));
    }

    fn prune(&mut self) {
        let NightlyArgs { machine, keep, .. } = self.args;
        let Some(days) = keep.prune_older_than else {
            self.skip("prune", "not configured: prune-older-than");
            return;
        };
        let (store, context) = (self.store, self.context);
        self.step("prune", |begun| {
            let options = PruneOptions {
                before: day_before(store, days)?,
                expire_older_than: keep.expire_older_than,
                memory_limit_bytes: machine.memory_limit,
                mode: machine.mode,
                is_dry: false,
            };
            prune::work(store, &options, begun, context)
        });
    }

    /// Looks for drift; from which day on.
    fn watch(&mut self) -> Option<i32> {
        let Some(policies) = &self.args.look.policies else {
            self.skip("watch", "not configured: policies");
            return None;
        };
        let (args, context) = (self.args, self.context);
        let since = self.since();
        let memory = MemoryArgs { memory_limit: args.machine.memory_limit };
        let select = everybody(&RangeArgs::default(), &[], &args.store, None, &memory);
        self.step("watch", |_| {
            let since_us = since.map(|day| i64::from(day) * MICROS_PER_DAY).or(Some(0));
            let look = &args.look;
            let asked = watch::Asked { policies, since_us, unused_days: look.unused_after, people: look.people };
            let (exit, report) = watch::look(&asked, &select, context)?;
            let figures = serde_json::to_value(report)?.as_object().cloned().unwrap_or_default();
            context.say(&format!(
                "{} findings of drift",
                figures.get("findings").and_then(Value::as_array).map_or(0, Vec::len)
            ));
            Ok((exit, figures))
        });
        since
    }

    /// The day from which on drift is looked for: the one before the newest of the last night that looked for it, or
    /// the first that new events are of; `None` where no night did so yet.
    fn since(&self) -> Option<i32> {
        let history = History::read(self.store, NIGHTS_MAX).ok()?;
        let watched = history.runs.iter().filter(|run| run.command == "nightly").find_map(|run| {
            let figures = run.figures.as_ref()?;
            let watch = figures.get("steps")?.get("watch")?;
            let is_whole = matches!(watch.get("outcome")?.as_str()?, "done" | "drifted" | "refused");
            figures.get("newest_day")?.as_str().and_then(parse_date).filter(|_| is_whole)
        })?;
        Some(self.first_new_day.map_or(watched - 1, |first| first.min(watched - 1)))
    }

    fn report(&mut self) {
        let look = &self.args.look;
        let Some(out) = &look.report else {
            self.skip("report", "not configured: report");
            return;
        };
        let mut words = vec!["report".to_owned(), "--store".to_owned(), path_text(&self.args.store.store)];
        words.extend(["--out".to_owned(), path_text(out)]);
        words.extend(["--memory-limit".to_owned(), self.args.machine.memory_limit.to_string()]);
        for path in &look.authorization_details {
            words.extend(["--authorization-details".to_owned(), path_text(path)]);
        }
        let context = self.context;
        self.step("report", |_| {
            let matches = report::ReportArgs::augment_args(clap::Command::new("report")).try_get_matches_from(words);
            let args = matches.and_then(|matches| report::ReportArgs::from_arg_matches(&matches));
            let args = args.map_err(|error| CliError::Usage(error.to_string()))?;
            let exit = report::run(&args, context)?;
            Ok((exit, Figures::from_iter([("file".to_owned(), path_text(out).into())])))
        });
    }

    fn skip(&mut self, name: &'static str, why: &str) {
        let why = self.stopped.as_deref().unwrap_or(why);
        self.steps.insert(name.to_owned(), json!({"skipped": why}));
    }

    /// Does a step, unless an earlier one failed; returns its figures.
    fn step(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Begun<'_>) -> Result<(Exit, Figures), CliError>,
    ) -> Figures {
        if self.stopped.is_some() {
            self.skip(name, "");
            return Figures::new();
        }
        let began = Instant::now();
        let mut begun = Begun::new(name, &self.args.store.store, self.parent, self.context);
        let outcome = work(&mut begun);
        let ended = begun.end(outcome, false);
        let exit = ended.outcome.as_ref().map_or_else(CliError::exit, |exit| *exit);
        let error = ended.outcome.as_ref().err().map(ToString::to_string);
        if let Some(error) = &error {
            self.context.error(&format!("{name}: {error}"));
        }
        if matches!(exit, Exit::Failed | Exit::Usage | Exit::Interrupted) {
            self.stopped = Some(format!("the step before it ended as {}: {name}", exit.name()));
        }
        self.worst = self.worst.worst(exit);
        let step = json!({
            "outcome": exit.name(),
            "exit_code": exit.code(),
            "seconds": (began.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            "error": error,
            "document": ended.document,
        });
        self.steps.insert(name.to_owned(), step);
        ended.figures
    }
}

/// Runs of the history among which the last night is looked for that was whole.
const NIGHTS_MAX: u64 = 2_000;
