//! The step from events to permissions: nanoseconds an event as ingest takes it, beside the whole ingest; and how long
//! the catalogue takes to load.
//!
//! `cargo bench --bench step [-- [--record] [ARCHIVE...]]`: takes each archive (else one made by `trailpare synth`, and
//! the real one if it is there) into a store, reads the columns that the step needs and times nothing but the step: as
//! ingest has it, with its memory and with calls brought to the text by which they are counted, and without; and the
//! whole usage stage, which counts what the step says. Beside each its share of an ingest by one thread. The limits of the
//! step are 1,000 ns an event and a tenth of the ingest; exits with 1 above them.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

#[path = "measure.rs"]
mod measure;
#[path = "record.rs"]
mod record;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use measure::{median, program, run};
use trailpare::iam::{Catalog, Resolver, permissions};
use trailpare::store::{Store, Table, read_batches};
use trailpare::synth::{Config, generate};
use trailpare::usage::{Aggregator, EVENT_COLUMNS, EventColumns, KeyCanonicalisation};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STEP_NANOSECONDS_MAX: f64 = 1_000.0;
const STEP_SHARE_MAX: f64 = 0.1;

const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let given: Vec<PathBuf> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).map(PathBuf::from).collect();
    let work = tempfile::tempdir().expect("a folder");
    let mut archives: Vec<(String, PathBuf)> =
        given.into_iter().map(|path| (path.display().to_string(), path)).collect();
    if archives.is_empty() {
        let made = work.path().join("made");
        let config = Config { objects: Some(200), ..Config::default() };
        generate(&config, &made, |_, _| {}).expect("an archive to measure with");
        archives.push(("synth, typical shape".to_owned(), made));
        let real = PathBuf::from("../shared/data/real/sans-s3-lab");
        archives.extend(real.is_dir().then(|| ("real, sans-s3-lab".to_owned(), real)));
    }
    let mut text = format!("Made by `cargo bench --bench step -- --record`.\n\n{}\n", loading());
    text.push_str(
        "| archive | events | step, ns an event | its share of ingest | without its memory | whole usage stage, ns an event | its share | rows |\n|---|---|---|---|---|---|---|---|\n",
    );
    let mut holds = true;
    for (name, archive) in archives {
        let (row, step, share) = measure(&name, &archive, work.path());
        text.push_str(&row);
        holds &= step <= STEP_NANOSECONDS_MAX && share <= STEP_SHARE_MAX;
    }
    print!("{text}");
    record::if_asked("step", "The step", &text);
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Time to load the catalogue, and to read the parts of ten services.
fn loading() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/iam/catalog/tables/catalogue.txt");
    let bytes = std::fs::read(path).expect("the catalogue");
    let (mut loads, mut firsts) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let catalog = Catalog::load(&bytes).expect("a catalogue");
        loads.push(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        for prefix in ["s3", "ec2", "iam", "sts", "kms", "lambda", "logs", "rds", "sqs", "dynamodb"] {
            assert!(catalog.service(prefix).is_some());
        }
        firsts.push(began.elapsed().as_secs_f64() * 1e3);
    }
    format!(
        "Loading the catalogue ({} KB of text): {:.2} ms; reading ten services' parts of it when first asked for: {:.2} ms.\n",
        bytes.len() / 1000,
        median(loads),
        median(firsts)
    )
}

fn measure(name: &str, archive: &Path, work: &Path) -> (String, f64, f64) {
    let store = work.join("store");
    let mut command = Command::new(program());
    command.arg("ingest").arg(archive).arg("--store").arg(&store).args(["--threads", "1", "--quiet"]);
    let ingest = || {
        let _ = std::fs::remove_dir_all(&store);
        run(&mut command).expect("an ingest").seconds
    };
    let ingest = median(std::iter::repeat_with(ingest).take(ROUNDS).collect());
    let batches = batches(&store);
    let events: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let (mut with, mut without, mut stage, mut rows) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (mut step, mut alike) = (Resolver::new(Catalog::embedded()), KeyCanonicalisation::default());
        with.push(timed(&batches, |event| {
            let needed = alike.with(event, |event, _| Some(step.remembered(event).permissions.needed.len()));
            needed.expect("what was taken")
        }));
        without.push(timed(&batches, |event| permissions(Catalog::embedded(), event).needed.len()));
        let began = Instant::now();
        rows = counted(&batches);
        stage.push(began.elapsed().as_secs_f64());
    }
    let nanoseconds = |seconds: Vec<f64>| median(seconds) * 1e9 / events as f64;
    let (with, without, stage) = (nanoseconds(with), nanoseconds(without), nanoseconds(stage));
    let share = |nanoseconds: f64| nanoseconds * events as f64 / 1e9 / ingest;
    let (share_of_step, share_of_stage) = (share(with), share(stage) * 100.0);
    let mut row = String::new();
    writeln!(
        row,
        "| {name} | {events} | {with:.0} | {:.1} % | {without:.0} | {stage:.0} | {share_of_stage:.1} % | {rows} |",
        share_of_step * 100.0
    )
    .expect("a string");
    (row, with, share_of_step)
}

/// Rows of usage as an ingest makes them of one batch.
fn counted(batches: &[RecordBatch]) -> usize {
    let mut aggregator = Aggregator::resume(Resolver::new(Catalog::embedded()));
    for batch in batches {
        aggregator.add(&EventColumns::try_new(batch).expect("the columns"), |_| true);
    }
    aggregator.finish().0.len()
}

fn batches(store: &Path) -> Vec<RecordBatch> {
    let snapshot = Store::open(store).and_then(|store| store.snapshot(None)).expect("a store");
    let files = snapshot.files(Table::Events).iter();
    let read = files.flat_map(|file| read_batches(&file.path, Some(EVENT_COLUMNS), None).expect("a file"));
    read.collect::<Result<_, _>>().expect("batches")
}

/// Seconds that the step takes for all events.
fn timed(batches: &[RecordBatch], mut step: impl FnMut(&trailpare::iam::Event<'_>) -> usize) -> f64 {
    let began = Instant::now();
    let mut needed = 0;
    for batch in batches {
        let events = EventColumns::try_new(batch).expect("the columns");
        for row in 0..events.len() {
            let resources = events.resources(row);
            needed += step(&events.event(row, &resources));
        }
    }
    assert!(needed > 0);
    began.elapsed().as_secs_f64()
}
