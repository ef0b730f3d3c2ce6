//! `trailpare optimize`.

use std::time::Duration;

use indicatif::HumanBytes;

use super::allocator;
use super::machine::{MachineArgs, parse_size};
use super::select::StoreArgs;
use super::{CliError, Context, Exit, progress};
use crate::ingest::{OptimizeOptions, Optimized, would_optimize};
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
}

/// Reads an age: `7d`, `12h`, `30m`, `45s`, `0`.
fn parse_age(text: &str) -> Result<Duration, String> {
    let hint = || "not an age; hint: write 7d, 12h or 30m".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| hint())?;
    let unit_seconds = match text.get(digits.len()..).unwrap_or_default() {
        "w" => 7 * 86_400,
        "d" => 86_400,
        "h" => 3_600,
        "m" | "min" => 60,
        "s" => 1,
        "" if number == 0 => 1,
        _ => return Err(hint()),
    };
    number.checked_mul(unit_seconds).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

pub fn run(args: &OptimizeArgs, context: &Context) -> Result<Exit, CliError> {
    let options = OptimizeOptions {
        memory_limit_bytes: args.machine.memory_limit,
        threads: args.machine.threads(),
        file_bytes: args.file_size,
        expire_older_than: args.expire_older_than,
        commit_interval: args.machine.commit_interval(),
        mode: args.machine.mode,
    };
    allocator::stay_below(options.memory_limit_bytes);
    let store = Store::open(&args.store.store)?;
    if args.dry_run {
        report(&would_optimize(&store, &options)?, "would be ", context);
        return Ok(Exit::Done);
    }
    let sum = progress::optimize(&store, &options, context.catalog, context)?;
    report(&sum, "", context);
    if sum.interrupted {
        context.say("interrupted: the days that were merged stay so; run it again for the rest");
        return Ok(Exit::Interrupted);
    }
    Ok(Exit::Done)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        assert_eq!(parse_age("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse_age("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(parse_age("0"), Ok(Duration::ZERO));
        for text in ["7", "d", "1y", "-1d", "99999999999999999d", ""] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }
}
