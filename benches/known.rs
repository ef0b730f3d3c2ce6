//! What a nightly run pays for the objects that it knows already.
//!
//! `cargo bench --bench known [-- [--objects N] [--record]]`: makes an archive of N log objects of one event (a million
//! unless told) and half a per cent more, takes the N in, by the default memory limit and by the least, then runs the
//! ingest again with nothing new, and with the rest. The limit is 10 s a million known objects; exits with 1 above it, or
//! where more memory was taken than given.

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
use std::path::Path;
use std::process::{Command, ExitCode};

use measure::{median, program, run};
use trailpare::synth::{Config, Shape, generate};

const ROUNDS: usize = 3;

const LIMIT_SECONDS_PER_MILLION: f64 = 10.0;

/// Parts of the archive; the last one is the night's.
const SLICES: u64 = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let known = after("--objects").map_or(1_000_000, |n| n.parse().expect("--objects N"));
    let work = tempfile::tempdir().expect("a folder");
    let (archive, store) = (work.path().join("archive"), work.path().join("store"));
    let objects = known + known / (SLICES - 1);
    let config =
        Config { objects: Some(objects), events: Some(objects), shape: Shape::Tiny, days: 200, ..Config::default() };
    let slices = |slices: std::ops::Range<u64>| {
        for slice in slices {
            let config = Config { slice: Some((slice, SLICES)), ..config.clone() };
            generate(&config, &archive, |_, _| {}).expect("an archive");
        }
    };
    slices(0..SLICES - 1);
    let least = work.path().join("least");
    let [first, of_least] =
        [(&store, 1024), (&least, 256)].map(|(store, limit_mib)| ingest(&archive, store, limit_mib));
    let nothing = median((0..ROUNDS).map(|_| ingest(&archive, &store, 1024).0).collect());
    slices(SLICES - 1..SLICES);
    let night = ingest(&archive, &store, 1024);
    let per_million = nothing * 1e6 / known as f64;
    let mut text =
        "Made by `cargo bench --bench known -- --record`.\n\n| run | seconds | peak MiB |\n|---|---|---|\n".to_owned();
    for ((seconds, peak_bytes), limit_mib) in [(first, 1024), (of_least, 256)] {
        let run = format!("{known} new objects, of {limit_mib} MiB");
        writeln!(text, "| {run} | {seconds:.1} | {} |", peak_bytes >> 20).expect("a string");
    }
    writeln!(text, "| {known} known, none new | {nothing:.1} | |").expect("a string");
    writeln!(text, "| {known} known, {} new | {:.1} | {} |", objects - known, night.0, night.1 >> 20)
        .expect("a string");
    writeln!(text, "\n{per_million:.1} s a million known objects; the limit is {LIMIT_SECONDS_PER_MILLION} s.")
        .expect("a string");
    print!("{text}");
    record::if_asked("known", "Known objects", &text);
    let is_within = first.1 <= 1024 << 20 && of_least.1 <= 256 << 20;
    if per_million <= LIMIT_SECONDS_PER_MILLION && is_within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Seconds and peak memory of one run.
fn ingest(archive: &Path, store: &Path, limit_mib: u32) -> (f64, u64) {
    let mut command = Command::new(program());
    command.arg("ingest").arg(archive).arg("--store").arg(store).arg("--quiet");
    command.arg("--memory-limit").arg(format!("{limit_mib}MiB"));
    let ran = run(&mut command).expect("an ingest");
    (ran.seconds, ran.peak_bytes)
}
