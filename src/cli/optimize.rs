//! `trailpare optimize`.

use std::time::Duration;

use indicatif::HumanBytes;

use super::allocator;
use super::machine::{MachineArgs, parse_age, parse_size};
use super::recorded::{Begun, OutcomeArgs, WaitArgs};
use super::select::StoreArgs;
use super::{CliError, Context, Exit, progress};
use crate::ingest::{OptimizeOptions, Optimized, would_optimize};
use crate::report::run::{Figures, optimize as figures};
use crate::store::Store;

/// Merge the small files that many ingests leave, and give back the space of what nobody needs any more.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The events of a day that lie in several files smaller than --file-size are merged into one, sorted; a day in one file is
left alone, so that a second run does nothing. The tables' rows don't change. While it runs, the store needs room for the
merged files beside the old ones; ingests wait, readers don't.

Every state that the store had within --expire-older-than stays readable with --at, and the files for it stay on the
disk. Older snapshots go, and the files that only they had: a query that has been running for longer than that, or one
with --at on a snapshot that goes, fails. The newest snapshot always stays. Files that a crash left are removed as well.

Stopped or killed at any instant, the store is sound, and the next run goes on.

Examples:
  trailpare optimize
  trailpare optimize --dry-run
  trailpare optimize --store /data/store --expire-older-than 30d --memory-limit 2GiB")]
pub struct OptimizeArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    machine: MachineArgs,
    /// Leave files of this size and above as they are; begin a new one when one reaches it.
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse_size)]
    file_size: u64,
    /// Let go of snapshots that have not been the newest for this long: 7d, 12h, 30m, 0.
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = parse_age)]
    expire_older_than: Duration,
    /// Only say what there is to do.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten, next_help_heading = "What it came to")]
    outcome: OutcomeArgs,
}

pub fn run(args: &OptimizeArgs, context: &Context) -> Result<Exit, CliError> {
    let options = args.options();
    let mut begun = Begun::new("optimize", &args.store.store, None, context);
    let outcome = Store::open(&args.store.store).map_err(CliError::from).and_then(|store| match args.dry_run {
        true => {
            let sum = would_optimize(&store, &options)?;
            report(&sum, "would be ", context);
            Ok((Exit::Done, figures(&sum, true)))
        }
        false => work(&args.wait.store(store, context), &options, &mut begun, context),
    });
    begun.tell(outcome, &args.outcome)
}

/// Optimises a store, as a run that is noted in the history; says what it came to.
pub(super) fn work(
    store: &Store,
    options: &OptimizeOptions,
    begun: &mut Begun<'_>,
    context: &Context,
) -> Result<(Exit, Figures), CliError> {
    allocator::stay_below(options.memory_limit_bytes);
    begun.note(store);
    let sum = progress::optimize(store, options, context.catalog, context)?;
    report(&sum, "", context);
    if sum.interrupted {
        context.say("interrupted: the days that were merged stay so; run it again for the rest");
    }
    Ok((if sum.interrupted { Exit::Interrupted } else { Exit::Done }, figures(&sum, false)))
}

impl OptimizeArgs {
    fn options(&self) -> OptimizeOptions {
        OptimizeOptions {
            memory_limit_bytes: self.machine.memory_limit,
            threads: self.machine.threads(),
            file_bytes: self.file_size,
            expire_older_than: self.expire_older_than,
            commit_interval: self.machine.commit_interval(),
            mode: self.machine.mode,
        }
    }
}

/// Says on standard error what it came to, `would` before what is not done yet.
fn report(sum: &Optimized, would: &str, context: &Context) {
    let Optimized { days, files_before, files_after, bytes_before, bytes_after, reclaimed, .. } = sum;
    let bytes = match would {
        "" => format!("{} before, {} after", HumanBytes(*bytes_before), HumanBytes(*bytes_after)),
        _ => HumanBytes(*bytes_before).to_string(),
    };
    context.say(&format!("{days} days {would}merged: {files_before} files before, {files_after} after; {bytes}"));
    context.say(&format!(
        "{} snapshots {would}expired, {} files {would}removed, {} {would}reclaimed; snapshot {}",
        reclaimed.snapshots,
        reclaimed.files,
        HumanBytes(reclaimed.bytes),
        sum.snapshot
    ));
}
