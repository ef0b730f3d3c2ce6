//! What it costs to read an archive in S3 instead of on disk: time, requests, memory; and how many requests on their
//! way at once are enough.
//!
//! `cargo bench --features s3 --bench s3 [-- [--objects N] [--events N] [--record]]` makes an archive (4,000 objects of
//! 400,000 events unless told), and takes it in from disk and from a server on loopback, which answers at once, and
//! after 20 and 60 ms, as S3 does from within its region and from elsewhere. Exits with 1 if the stores differ in their
//! events. The server takes some of the cores that are measured.

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
#[allow(dead_code)]
#[path = "../tests/it/s3/server.rs"]
mod server;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use measure::{Ran, folder_bytes, median, program, run};
use server::{BUCKET, Server};
use trailpare::synth::{Config, generate};

const ROUNDS: usize = 3;

/// How long the server takes to answer, and how many requests may be on their way.
const DELAYS_MS: [u64; 3] = [0, 20, 60];
const REQUESTS: [u16; 5] = [4, 16, 32, 64, 128];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str, otherwise: u64| after(name).map_or(otherwise, |n| n.parse().expect("a number"));
    let (objects, events) = (number("--objects", 4_000), number("--events", 400_000));
    let work = tempfile::tempdir().expect("a folder");
    let archive = work.path().join("archive");
    let config = Config { objects: Some(objects), events: Some(events), days: 30, ..Config::default() };
    generate(&config, &archive, |_, _| {}).expect("an archive");
    let server = Server::of(&archive, "");

    let disk: Vec<Ran> =
        (0..ROUNDS).map(|_| ingest(&archive.to_string_lossy(), None, work.path(), &[], true)).collect();
    let (disk_seconds, disk_said) = (median(disk.iter().map(|ran| ran.seconds).collect()), counts(&disk[0]));
    let mut text = format!(
        "Made by `cargo bench --features s3 --bench s3 -- --record`{}: {} files of {:.0} MB, medians of {ROUNDS}. From disk: \
         {disk_seconds:.2} s, {:.2} s of processor time, {} MiB at the peak.\n\n",
        if cfg!(debug_assertions) { " in a build for development" } else { "" },
        server.keys().len(),
        folder_bytes(&archive) as f64 / 1e6,
        median(disk.iter().map(|ran| ran.cpu_seconds).collect()),
        peak(&disk),
    );
    text += "| the server answers after | requests at once | seconds | of those from disk | CPU seconds | peak MiB | lists | gets |\n\
             |---|---|---|---|---|---|---|---|\n";
    let mut is_same = true;
    for (delay_ms, requests) in DELAYS_MS.iter().flat_map(|delay| REQUESTS.map(|requests| (*delay, requests))) {
        server.delay(Duration::from_millis(delay_ms));
        server.asked();
        let more = ["--requests".to_owned(), requests.to_string()];
        let ran: Vec<Ran> = (0..ROUNDS).map(|_| ingest(&source(), Some(&server), work.path(), &more, true)).collect();
        let (lists, gets) = asked(&server);
        is_same &= ran.iter().all(|ran| counts(ran) == disk_said);
        let seconds = median(ran.iter().map(|ran| ran.seconds).collect());
        let cpu_seconds = median(ran.iter().map(|ran| ran.cpu_seconds).collect());
        writeln!(
            text,
            "| {delay_ms} ms | {requests} | {seconds:.2} | {:.2} | {cpu_seconds:.2} | {} | {} | {} |",
            seconds / disk_seconds,
            peak(&ran),
            lists / ROUNDS,
            gets / ROUNDS
        )
        .expect("a string");
    }
    text += &night(&server, work.path());
    if !is_same {
        text += "\nThe stores differ.\n";
    }
    print!("{text}");
    record::if_asked("s3", "Archives in S3", &text);
    if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A night in which nothing is new.
fn night(server: &Server, work: &Path) -> String {
    server.delay(Duration::from_millis(20));
    ingest(&source(), Some(server), work, &[], true);
    server.asked();
    let ran = ingest(&source(), Some(server), work, &[], false);
    let (lists, gets) = asked(server);
    format!(
        "\nAgain, with nothing new, where each answer takes 20 ms: {:.2} s, {lists} lists and {gets} gets.\n",
        ran.seconds
    )
}

fn source() -> String {
    format!("s3://{BUCKET}")
}

fn asked(server: &Server) -> (usize, usize) {
    let asked = server.asked();
    let lists = asked.iter().filter(|one| one.target.contains("list-type=2")).count();
    (lists, asked.len() - lists)
}

fn peak(ran: &[Ran]) -> u64 {
    ran.iter().map(|ran| ran.peak_bytes).max().unwrap_or(0) >> 20
}

/// What was taken in, in the program's words.
fn counts(ran: &Ran) -> String {
    ran.stderr.lines().filter(|line| line.contains("taken in") || line.contains("new events")).collect()
}

fn ingest(source: &str, server: Option<&Server>, work: &Path, more: &[String], anew: bool) -> Ran {
    let store = work.join("store");
    if anew && store.exists() {
        std::fs::remove_dir_all(&store).expect("it can be removed");
    }
    let mut command = Command::new(program());
    command.args(["ingest", source, "--store"]).arg(&store).args(more).env("TRAILPARE_CONFIG", "");
    if let Some(server) = server {
        for (name, value) in [
            ("AWS_ENDPOINT_URL", server.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_CONFIG_FILE", "/nowhere"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere"),
            ("NO_PROXY", "127.0.0.1"),
        ] {
            command.env(name, value);
        }
    }
    run(&mut command).expect("an ingest")
}
