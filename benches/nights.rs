//! A simulated year of nightly ingests: what it costs to ask for one principal over the many small files they leave, after
//! `trailpare optimize`, and over a store written at once.
//!
//! `cargo bench --bench nights [-- [--nights N] [--events N] [--record]]` makes 365 nights of 2,000 events each, unless told
//! otherwise. Exits with 1 if a query over the optimised store takes more than 1.3 times as long as over the one written
//! at once, or answers otherwise.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

#[path = "record.rs"]
mod record;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arrow::util::pretty::pretty_format_batches;
use tokio::runtime::Runtime;
use trailpare::iam::Catalog;
use trailpare::ingest::{self, OptimizeOptions, Progress};
use trailpare::query;
use trailpare::store::{Store, Table};
use trailpare::synth::{self, Config};
use trailpare::usage::{self, Selection, Sessions, TimeRange};

const NIGHTS: u64 = 365;
const EVENTS_PER_NIGHT: u64 = 2_000;
const OBJECTS_PER_NIGHT: u64 = 12;
const ROUNDS: usize = 15;
const RATIO_MAX: f64 = 1.3;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let nights = after("--nights").map_or(NIGHTS, |n| n.parse().expect("--nights N")).max(1);
    let events = after("--events").map_or(EVENTS_PER_NIGHT, |n| n.parse().expect("--events N")).max(OBJECTS_PER_NIGHT);
    let (text, holds) = match run(nights, events) {
        Ok(measured) => measured,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    print!("{text}");
    record::if_asked("nights", "Nights", &text);
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was measured, for people, and whether the limit was kept.
fn run(nights: u64, events: u64) -> Outcome<(String, bool)> {
    let folder = tempfile::tempdir()?;
    let [archive, many, optimised, once] =
        ["archive", "many", "optimised", "once"].map(|name| folder.path().join(name));
    let mut last = Duration::ZERO;
    for night in 0..nights {
        let slice = archive.join(format!("night-{night}"));
        synth::generate(&config(nights, events, night), &slice, |_, _| {})?;
        let began = Instant::now();
        take_in(&slice, &many)?;
        last = began.elapsed();
    }
    let began = Instant::now();
    take_in(&archive, &once)?;
    let at_once = began.elapsed();
    copy(&many, &optimised)?;
    let (sum, took) = optimise(&optimised)?;
    let mut text = format!(
        "Made by `cargo bench --bench nights -- --record`: {nights} nights of {events} events. The last night's ingest \
         took {last:.2?}, the same at once {at_once:.1?}; optimize took {took:.1?} for {} days, made {} files of {}, {} of \
         {} bytes, and reclaimed {} bytes.\n\n",
        sum.days, sum.files_after, sum.files_before, sum.bytes_after, sum.bytes_before, sum.reclaimed.bytes
    );
    let holds = compare(&[("many nights", &many), ("optimised", &optimised), ("at once", &once)], &mut text)?;
    Ok((text, holds))
}

fn optimise(store: &Path) -> Outcome<(ingest::Optimized, Duration)> {
    let options = OptimizeOptions {
        memory_limit_bytes: 1 << 30,
        threads: threads(),
        file_bytes: 128 << 20,
        expire_older_than: Duration::ZERO,
        commit_interval: Duration::from_secs(5),
        mode: None,
    };
    let began = Instant::now();
    let sum = ingest::optimize(&Store::open(store)?, &options, Catalog::embedded(), &Progress::default())?;
    Ok((sum, began.elapsed()))
}

fn config(nights: u64, events: u64, night: u64) -> Config {
    Config {
        objects: Some(nights * OBJECTS_PER_NIGHT),
        events: Some(nights * events),
        days: nights as u32,
        slice: Some((night, nights)),
        level: 1,
        ..Config::default()
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

fn take_in(archive: &Path, store: &Path) -> Outcome<()> {
    let store = Store::open_or_create(store)?;
    let options = ingest::Options::of(vec![archive.to_owned()]);
    let summary = ingest::ingest(&store, &options, Catalog::embedded(), &Progress::default())?;
    if summary.problem_count > 0 { Err(summary.problems.join("\n").into()) } else { Ok(()) }
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Asks a store; the answer as text.
type Ask = Box<dyn Fn(&Path) -> Outcome<String>>;

/// What is asked of each store.
struct Question {
    name: String,
    ask: Ask,
}

fn questions(store: &Path) -> Outcome<Vec<Question>> {
    let principals = usage::principals(&Store::open(store)?.snapshot(None)?)?;
    let arns: Vec<String> = principals.into_iter().map(|(arn, _)| arn).filter(|arn| arn.starts_with("arn:")).collect();
    let chosen = [("busy", arns.first()), ("average", arns.get(arns.len() / 2))];
    let mut questions = Vec::new();
    for (kind, arn) in chosen.into_iter().filter_map(|(kind, arn)| Some((kind, arn?.clone()))) {
        let of_sql = arn.clone();
        questions.push(Question { name: format!("SQL, {kind}"), ask: Box::new(move |store| sql(store, &of_sql)) });
        questions.push(Question { name: format!("actions, {kind}"), ask: Box::new(move |store| actions(store, &arn)) });
    }
    Ok(questions)
}

fn sql(store: &Path, arn: &str) -> Outcome<String> {
    let snapshot = Store::open(store)?.snapshot(None)?;
    let text = format!(
        "SELECT event_source, event_name, count(*) AS n, min(event_time) AS first, max(event_time) AS last \
         FROM events WHERE principal_arn = '{arn}' GROUP BY 1, 2 ORDER BY 1, 2"
    );
    Runtime::new()?.block_on(async {
        let context = query::session(&snapshot, &query::Options::default()).await?;
        let batches = context.sql(&text).await?.collect().await?;
        Ok(pretty_format_batches(&batches)?.to_string())
    })
}

/// What `trailpare actions` reads.
fn actions(store: &Path, arn: &str) -> Outcome<String> {
    let snapshot = Store::open(store)?.snapshot_with(None, usage::STATISTICS)?;
    let selection = Selection { principals: vec![arn.to_owned()], ..Selection::default() };
    let rows = usage::read(&snapshot, &selection, &TimeRange::default(), Sessions::Together, Catalog::embedded())?;
    Ok(format!("{rows:?}"))
}

fn compare(stores: &[(&str, &Path); 3], text: &mut String) -> Outcome<bool> {
    writeln!(text, "| store | event files | usage files | events |\n|---|---|---|---|")?;
    for (name, path) in stores {
        let snapshot = Store::open(path)?.snapshot(None)?;
        let [events, usage] = [Table::Events, Table::Usage].map(|table| snapshot.files(table).len());
        writeln!(text, "| {name} | {events} | {usage} | {} |", snapshot.rows(Table::Events))?;
    }
    let [many, optimised, once] = stores.map(|(name, _)| name);
    writeln!(text, "\n| median ms | {many} | {optimised} | {once} | ratio | limit |\n|---|---|---|---|---|---|")?;
    let mut holds = true;
    for question in questions(stores[2].1)? {
        let mut times: [Vec<Duration>; 3] = Default::default();
        let mut answers: [String; 3] = Default::default();
        // In turns, so that whatever else the machine does falls on all of them; the first turn warms the caches.
        for round in 0..=ROUNDS {
            for (i, (_, path)) in stores.iter().enumerate() {
                let began = Instant::now();
                answers[i] = (question.ask)(path)?;
                if round > 0 {
                    times[i].push(began.elapsed());
                }
            }
        }
        let [many, optimised, once] = times.map(median_ms);
        let ratio = optimised / once;
        writeln!(text, "| {} | {many:.1} | {optimised:.1} | {once:.1} | {ratio:.2} | {RATIO_MAX} |", question.name)?;
        if answers.iter().any(|answer| *answer != answers[2]) {
            writeln!(text, "\n{}: the answers differ", question.name)?;
            holds = false;
        }
        holds &= ratio <= RATIO_MAX;
    }
    writeln!(text, "\n{}", if holds { "The limit is kept." } else { "The limit is not kept." })?;
    Ok(holds)
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
