//! `trailpare synth OUT`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::{CliError, Context, Exit};
use crate::synth::{Config, Shape, generate, organization};

/// Make up an archive in the real key layout, for trying out and for benchmarks.
///
/// An organisation is drawn from the seed: accounts, people with permission sets of IAM Identity Center, pipelines,
/// functions, instances and services, each with a habit of its own; then the log objects of what they did. The same
/// arguments give the same bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --events, --objects and --shape say how many events there are; without --objects, --events and --shape say how
many objects.

Examples:
  trailpare synth ./made-up --objects 200
  trailpare synth ./made-up --objects 20000 --events 50000 --shape tiny --accounts 12 --principals 200
  trailpare synth ./made-up --events 1000000 --seed 7 --start 2024-01-01 --days 365 --digests
  trailpare synth ./made-up --objects 200 --organization ./made-up-organization
  trailpare synth ./large --events 10000000 --accounts 40 --people 400 --permission-sets 25 --principals 1900
  trailpare synth ./part3 --objects 120000 --level 1 --slice 3/10")]
pub struct SynthArgs {
    /// Folder to write to; it must be empty, unless a slice is written.
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Log objects to write.
    #[arg(long, value_name = "N", required_unless_present = "events")]
    objects: Option<u64>,
    /// Records to write.
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// The same seed gives the same archive.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How large objects are where not both --objects and --events are given.
    #[arg(long, value_enum, default_value_t = ShapeArg::Typical)]
    shape: ShapeArg,
    /// Accounts of the organisation.
    #[arg(long, value_name = "N", default_value_t = 5)]
    accounts: usize,
    /// People, roles and users; AWS services come on top.
    #[arg(long, value_name = "N", default_value_t = 60)]
    principals: usize,
    /// People among them, three of ten where not given.
    #[arg(long, value_name = "N")]
    people: Option<usize>,
    /// Permission sets that people have, 2 to 40.
    #[arg(long, value_name = "N", default_value_t = 6)]
    permission_sets: usize,
    /// Regions; the first is the organisation's home. Global services log in us-east-1 only.
    #[arg(
        long,
        value_name = "REGION,...",
        value_delimiter = ',',
        default_value = "eu-west-1,us-east-1,eu-central-1",
        value_parser = NonEmptyStringValueParser::new()
    )]
    regions: Vec<String>,
    /// First day.
    #[arg(long, value_name = "DATE", default_value = "2024-03-01", value_parser = parse_day)]
    start: NaiveDate,
    /// How many days.
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u32,
    /// Share of events that IAM refuses.
    #[arg(long, value_name = "SHARE", default_value_t = 0.02)]
    denials: f64,
    /// Share of records that stand in an earlier object already.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    duplicates: f64,
    /// Leave out data events: objects, items, invocations, messages.
    #[arg(long)]
    no_data_events: bool,
    /// Write digest objects as well.
    #[arg(long)]
    digests: bool,
    /// Compression level, 1 to 12: 6 is near CloudTrail's own, 1 is fastest.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=12))]
    level: u8,
    /// Write into this folder as well what IAM, Identity Center and Organizations would say of the same organisation: what
    /// `trailpare rightsize` takes.
    #[arg(long, value_name = "DIR")]
    organization: Option<PathBuf>,
    /// Write only the K-th of N parts of the archive, consecutive in time.
    #[arg(long, value_name = "K/N", value_parser = parse_slice)]
    slice: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ShapeArg {
    /// One to some five events.
    Tiny,
    /// About 1,100 events, 250 KB as stored.
    Typical,
    /// About 60,000 events.
    Huge,
}

fn parse_day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "not a day; hint: write 2024-03-01".to_owned())
}

/// `3/10` as the third part, counted from 0, of ten.
fn parse_slice(text: &str) -> Result<(u64, u64), String> {
    let hint = || "not a slice; hint: write 3/10 for the third of ten parts".to_owned();
    let (slice, slices) = text.split_once('/').ok_or_else(hint)?;
    let (slice, slices): (u64, u64) = (slice.parse().map_err(|_| hint())?, slices.parse().map_err(|_| hint())?);
    if (1..=slices).contains(&slice) { Ok((slice - 1, slices)) } else { Err(hint()) }
}

pub fn run(args: &SynthArgs, context: &Context) -> Result<Exit, CliError> {
    let config = Config {
        objects: args.objects,
        events: args.events,
        seed: args.seed,
        shape: match args.shape {
            ShapeArg::Tiny => Shape::Tiny,
            ShapeArg::Typical => Shape::Typical,
            ShapeArg::Huge => Shape::Huge,
        },
        accounts: args.accounts,
        principals: args.principals,
        people: args.people,
        permission_sets: args.permission_sets,
        regions: args.regions.clone(),
        start: args.start,
        days: args.days,
        denial_rate: args.denials,
        duplicate_rate: args.duplicates,
        data_events: !args.no_data_events,
        digests: args.digests,
        level: args.level,
        slice: args.slice,
    };
    if let Some(folder) = &args.organization {
        organization(&config, folder)?;
    }
    let bar = bar(context);
    let summary = generate(&config, &args.out, |_, stored_bytes| bar.inc(stored_bytes));
    bar.finish_and_clear();
    let summary = summary?;
    context.say(&format!(
        "{} log objects with {} records ({} distinct events), {} of JSON in {} as stored{}",
        summary.objects,
        summary.records,
        summary.events,
        HumanBytes(summary.json_bytes),
        HumanBytes(summary.stored_bytes),
        if summary.digests > 0 { format!("; {} digests", summary.digests) } else { String::new() },
    ));
    Ok(Exit::Done)
}

fn bar(context: &Context) -> ProgressBar {
    if !context.shows_progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {bytes} written, {bytes_per_sec}, {elapsed}");
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

#[cfg(test)]
mod tests {
    use super::parse_slice;

    #[test]
    fn slices() {
        assert_eq!(parse_slice("1/1"), Ok((0, 1)));
        assert_eq!(parse_slice("3/10"), Ok((2, 10)));
        for text in ["0/3", "4/3", "3", "a/b", "1/0"] {
            assert!(parse_slice(text).is_err(), "{text}");
        }
    }
}
