//! `trailpare prune`: days that are kept no longer.

use std::time::Duration;

use clap::builder::ArgGroup;
use indicatif::{HumanBytes, HumanCount};

use super::machine::{MachineArgs, parse_age};
use super::recorded::{Begun, OutcomeArgs, WaitArgs};
use super::select::StoreArgs;
use super::{CliError, Context, Exit, allocator};
use crate::ingest::{PruneOptions, PruneSummary, prune};
use crate::report::run::{Figures, prune as figures};
use crate::store::{Store, Table};
use crate::time::{MICROS_PER_DAY, day_of, format_date, now_us, parse_date};
use crate::util::shown;

/// Let go of old days: events, usage and what is counted of them; say what policies then no longer rest on.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("which").required(true).args(["older_than", "before"]),
    after_help = "\
Days go whole, by the time of their events. The ledger keeps the names of their log objects, and events of such days that
come later are not taken in: no archive brings them back. --older-than counts from today or from the newest day with
events, whichever comes first, so that a clock that is wrong deletes nothing.

Snapshots from before still have those days, for as long as --expire-older-than says: then the files are removed. With 0
they are removed at once. Policies and reports made from now on rest on the days that are left; whoever is in none of them is
named. Stopped or killed at any instant, either all of the days are gone or none, and the next run goes on.

Examples:
  trailpare prune --older-than 400d
  trailpare prune --before 2024-01-01 --dry-run
  trailpare prune --older-than 400d --expire-older-than 0 --format json"
)]
pub struct PruneArgs {
    /// Days older than this: 400d, 52w.
    #[arg(long, value_name = "AGE", value_parser = parse_days)]
    older_than: Option<i32>,
    /// Days before this one: 2024-01-01.
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    before: Option<i32>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    machine: MachineArgs,
    /// Let go of snapshots that have not been the newest for this long, and of the files that only they have.
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = parse_age)]
    expire_older_than: Duration,
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten, next_help_heading = "What it came to")]
    outcome: OutcomeArgs,
}

/// Reads an age as whole days.
pub(super) fn parse_days(text: &str) -> Result<i32, String> {
    let seconds = parse_age(text)?.as_secs();
    match i32::try_from(seconds / 86_400) {
        Ok(days) if days > 0 && seconds % 86_400 == 0 => Ok(days),
        _ => Err("not a number of days; hint: write 400d or 52w".to_owned()),
    }
}

/// Reads a day.
pub(super) fn parse_day(text: &str) -> Result<i32, String> {
    parse_date(text).ok_or_else(|| "not a day; hint: write 2024-01-01".to_owned())
}

pub fn run(args: &PruneArgs, context: &Context) -> Result<Exit, CliError> {
    let mut begun = Begun::new("prune", &args.store.store, None, context);
    let outcome = Store::open(&args.store.store).map_err(CliError::from).and_then(|store| {
        let store = args.wait.store(store, context);
        let before = match (args.before, args.older_than) {
            (Some(day), _) => day,
            (None, days) => day_before(&store, days.unwrap_or(i32::MAX))?,
        };
        let options = PruneOptions {
            before,
            expire_older_than: args.expire_older_than,
            memory_limit_bytes: args.machine.memory_limit,
            mode: args.machine.mode,
            is_dry: args.dry_run,
        };
        work(&store, &options, &mut begun, context)
    });
    begun.tell(outcome, &args.outcome)
}

/// The first day to keep, where so many are kept: counted from today or from the newest day with events, so that
/// neither a wrong clock nor an event with a wrong time deletes what is in between.
pub(super) fn day_before(store: &Store, days: i32) -> Result<i32, CliError> {
    let snapshot = store.snapshot_with(None, &[])?;
    let newest = snapshot.files(Table::Events).iter().map(|file| file.event_date).max();
    let today = day_of(now_us().max(MICROS_PER_DAY));
    Ok(newest.map_or(today, |newest| newest.min(today)).saturating_sub(days))
}

/// Prunes a store, as a run that is noted in the history; says what it came to.
pub(super) fn work(
    store: &Store,
    options: &PruneOptions,
    begun: &mut Begun<'_>,
    context: &Context,
) -> Result<(Exit, Figures), CliError> {
    allocator::stay_below(options.memory_limit_bytes);
    if !options.is_dry {
        begun.note(store);
    }
    let sum = prune(store, options)?;
    say(&sum, options.is_dry, context);
    Ok((Exit::Done, figures(&sum, options.is_dry)))
}

/// Names that are said.
const NAMES_MAX: usize = 12;

fn say(sum: &PruneSummary, is_dry: bool, context: &Context) {
    let would = if is_dry { "would be " } else { "" };
    let Some((first, last)) = sum.days else {
        context.say(&format!("no day before {} has events", format_date(sum.before)));
        return;
    };
    context.say(&format!(
        "{} days {would}pruned, {} to {}: {} events, {} files, {}; {} days are left",
        sum.day_count,
        format_date(first),
        format_date(last),
        HumanCount(sum.events),
        sum.files,
        HumanBytes(sum.bytes),
        sum.days_left
    ));
    let names = |names: &mut dyn Iterator<Item = &String>| -> String {
        names.take(NAMES_MAX).map(|name| shown::name(name).into_owned()).collect::<Vec<_>>().join(", ")
    };
    for (map, what) in [
        (&sum.principals_gone, "principals are in no day that is left: a policy for them would rest on nothing"),
        (
            &sum.principals_thinned,
            "principals used some actions in those days alone: policies made from now on lack them",
        ),
    ] {
        if !map.is_empty() {
            let more = if map.len() > NAMES_MAX { ", …" } else { "" };
            context.say(&format!("{} {what}: {}{more}", map.len(), names(&mut map.keys())));
        }
    }
    context.say(&format!(
        "{} snapshots {would}expired, {} files {would}removed, {} {would}reclaimed; snapshot {}",
        sum.reclaimed.snapshots,
        sum.reclaimed.files,
        HumanBytes(sum.reclaimed.bytes),
        sum.snapshot
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_whole_days() {
        assert_eq!((parse_days("400d"), parse_days("2w"), parse_days("48h")), (Ok(400), Ok(14), Ok(2)));
        assert!(["0", "12h", "d", "-1d", "99999999999d"].iter().all(|text| parse_days(text).is_err()));
    }
}
