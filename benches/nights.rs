//! A simulated year of nightly ingests: what it costs to ask for one principal over the many small files they leave, after
//! `trailpare optimize`, and over a store written at once.
//!
//! `cargo bench --bench nights` makes 365 nights; `cargo bench --bench nights -- NIGHTS EVENTS` makes so many, of so many
//! events each. Exits with 1 if a query over the optimised store takes more than 1.3 times as long as over the one
//! written at once, or answers otherwise.

use std::error::Error;
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
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let nights = numbers.first().copied().unwrap_or(NIGHTS).max(1);
    let events = numbers.get(1).copied().unwrap_or(EVENTS_PER_NIGHT).max(OBJECTS_PER_NIGHT);
    match run(nights, events) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(nights: u64, events: u64) -> Outcome<bool> {
    let folder = tempfile::tempdir()?;
    let [archive, many, optimised, once] =
        ["archive", "many", "optimised", "once"].map(|name| folder.path().join(name));
    let began = Instant::now();
    let mut last = Duration::ZERO;
    for night in 0..nights {
        let slice = archive.join(format!("night-{night}"));
        synth::generate(&config(nights, events, night), &slice, |_, _| {})?;
        let began = Instant::now();
        take_in(&slice, &many)?;
        last = began.elapsed();
    }
    println!("{nights} nights of {events} events: {:.1?}, the last one's ingest {last:.1?}", began.elapsed());
    let began = Instant::now();
    take_in(&archive, &once)?;
    println!("the same at once: {:.1?}", began.elapsed());
    copy(&many, &optimised)?;
    let began = Instant::now();
    let options = OptimizeOptions {
        memory_limit_bytes: 1 << 30,
        threads: threads(),
        file_bytes: 128 << 20,
        expire_older_than: Duration::ZERO,
        commit_interval: Duration::from_secs(5),
    };
    let sum = ingest::optimize(&Store::open(&optimised)?, &options, Catalog::embedded(), &Progress::default())?;
    println!(
        "optimize: {:.1?}, {} days, {} files to {}, {} bytes to {}, {} bytes reclaimed\n",
        began.elapsed(),
        sum.days,
        sum.files_before,
        sum.files_after,
        sum.bytes_before,
        sum.bytes_after,
        sum.reclaimed.bytes
    );
    compare(&[("many nights", &many), ("optimised", &optimised), ("at once", &once)])
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
    let options = ingest::Options {
        archives: vec![archive.to_owned()],
        memory_limit_bytes: 1 << 30,
        threads: threads(),
        range: TimeRange::default(),
        accounts: Vec::new(),
        regions: Vec::new(),
        rehash: false,
        commit_interval: Duration::from_secs(5),
    };
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

fn compare(stores: &[(&str, &Path); 3]) -> Outcome<bool> {
    for (name, path) in stores {
        let snapshot = Store::open(path)?.snapshot(None)?;
        let files = Table::ALL.map(|table| snapshot.files(table).len());
        println!(
            "{name:12} {} event files, {} usage files, {} events",
            files[0],
            files[1],
            snapshot.rows(Table::Events)
        );
    }
    println!("\n{:18} {:>12} {:>12} {:>12} {:>7}  limit", "median ms", stores[0].0, stores[1].0, stores[2].0, "ratio");
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
        println!("{:18} {many:12.2} {optimised:12.2} {once:12.2} {ratio:7.2}  {RATIO_MAX}", question.name);
        if answers.iter().any(|answer| *answer != answers[2]) {
            println!("{}: the answers differ", question.name);
            holds = false;
        }
        holds &= ratio <= RATIO_MAX;
    }
    println!("\n{}", if holds { "holds" } else { "above the limit" });
    Ok(holds)
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
