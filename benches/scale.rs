//! More than Access Analyzer takes, in one store: does time per GB stay, does memory stay, does everything arrive?
//!
//! `cargo bench --bench scale [-- [--objects N] [--gigabytes N] [--slices N] [--memory-limit 2GiB] [--record]]`
//!
//! Makes an archive of 120,000 objects and 30 GB (unless told) as `trailpare synth` does, in slices, each of a seed and days
//! of its own; takes one in, deletes it, makes the next: only one lies on the disk at a time, and none is made while the
//! ingest runs. Everything lies in a temporary folder (`TMPDIR` says where). Prints a line a slice; then time per GB
//! over all beside that over the first GB, peak memory beside the limit, the store's counts beside what was made, and
//! what start-up, `status`, `actions` and `policy` take with that store. `--record` writes into `benches/RESULTS.md`
//! after every slice. Exits with 1 when a limit is not kept or a count differs.

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
#[path = "questions.rs"]
mod questions;
#[path = "record.rs"]
mod record;

use std::error::Error;
use std::ffi::CString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use chrono::{Days, NaiveDate};
use measure::{Ran, folder_bytes, program, run};
use trailpare::store::Store;
use trailpare::synth::{Config, Shape, Summary, generate};

/// What time per GB over all may be of that over the first.
const RATIO_MAX: f64 = 1.1;

const GB: f64 = 1e9;

/// Days of the whole archive.
const DAYS: u64 = 360;

/// Objects that are made first, to learn how many bytes an event takes.
const PILOT_OBJECTS: u64 = 16;

/// Bytes of a store for each byte of its archive, with room for the marks of what was seen: for the free disk only.
const STORE_PER_GZ: f64 = 0.7;

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Arguments {
    objects: u64,
    gigabytes: f64,
    slices: u64,
    memory_limit: String,
    record: bool,
}

impl Arguments {
    fn read() -> Outcome<Arguments> {
        let given: Vec<String> = std::env::args().skip(1).collect();
        let after = |name: &str| given.iter().position(|a| a == name).and_then(|at| given.get(at + 1));
        let gigabytes = after("--gigabytes").map_or(Ok(30.0), |n| n.parse())?;
        let objects: u64 = after("--objects").map_or(Ok(120_000), |n| n.parse())?;
        let slices: u64 = after("--slices").map_or(Ok((gigabytes as u64).max(1)), |n| n.parse())?;
        if objects < slices || slices == 0 || gigabytes <= 0.0 {
            return Err("at least one slice of one object, and some bytes".into());
        }
        let memory_limit = after("--memory-limit").map_or("2GiB", String::as_str).to_owned();
        let record = given.iter().any(|argument| argument == "--record");
        Ok(Arguments { objects, gigabytes, slices, memory_limit, record })
    }

    fn limit_bytes(&self) -> Outcome<u64> {
        let digits = self.memory_limit.trim_end_matches(char::is_alphabetic);
        let unit = match &self.memory_limit[digits.len()..] {
            "GiB" => 1 << 30,
            "MiB" => 1 << 20,
            "" => 1,
            _ => return Err("--memory-limit 2GiB, 512MiB or a number of bytes".into()),
        };
        Ok(digits.parse::<u64>()? * unit)
    }
}

/// One slice: what was made, and how its ingest went.
struct Slice {
    made: Summary,
    ran: Ran,
    /// Of the whole store, after it.
    store_bytes: u64,
}

fn main() -> ExitCode {
    match measured() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measured() -> Outcome<bool> {
    let arguments = Arguments::read()?;
    let limit_bytes = arguments.limit_bytes()?;
    let work = tempfile::Builder::new().prefix("trailpare-scale-").tempdir()?;
    check_disk(work.path(), &arguments)?;
    let mut text = head(&arguments);
    print!("{text}");
    let mut slices: Vec<Slice> = Vec::new();
    let mut bytes_per_event = pilot(&arguments, work.path())?;
    for index in 0..arguments.slices {
        slices.push(slice(&arguments, index, bytes_per_event, work.path())?);
        bytes_per_event = sum(&slices, |s| s.made.stored_bytes) as f64 / sum(&slices, |s| s.made.records) as f64;
        let row = row(&slices);
        print!("{row}");
        text.push_str(&row);
        record(&arguments, &text);
    }
    let store = work.path().join("store");
    let (figures, is_bounded) = figures(&slices, limit_bytes);
    let (counts, is_whole) = counts(&slices, &store)?;
    let (answers, is_quick) = answers(&store);
    let rest = format!("\n{figures}{counts}\n{answers}");
    print!("{rest}");
    text.push_str(&rest);
    record(&arguments, &text);
    Ok(is_bounded && is_whole && is_quick)
}

fn record(arguments: &Arguments, text: &str) {
    if arguments.record {
        record::figures("scale", "Scale", text);
    }
}

fn head(arguments: &Arguments) -> String {
    format!(
        "Made by `cargo bench --bench scale -- --objects {} --gigabytes {} --slices {} --memory-limit {} --record`.\n\n\
         | slice | objects | GB gz | MB JSON | seconds | s/GB | CPU s/GB | peak MiB | store bytes per gz byte |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        arguments.objects, arguments.gigabytes, arguments.slices, arguments.memory_limit
    )
}

/// What a slice is made of: days of its own, and by its seed an organisation of its own.
fn config(arguments: &Arguments, index: u64, bytes_per_event: f64) -> Config {
    let bound = |index: u64| arguments.objects * index / arguments.slices;
    let objects = bound(index + 1) - bound(index);
    let gz_bytes = arguments.gigabytes * GB * objects as f64 / arguments.objects as f64;
    let days = DAYS.div_ceil(arguments.slices);
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap_or_default();
    Config {
        objects: Some(objects),
        events: Some(((gz_bytes / bytes_per_event) as u64).max(objects)),
        seed: index + 1,
        start: first.checked_add_days(Days::new(index * days)).unwrap_or(first),
        days: days as u32,
        ..Config::default()
    }
}

/// Bytes as stored for each event, of the first objects of the archive.
fn pilot(arguments: &Arguments, work: &Path) -> Outcome<f64> {
    let bytes = arguments.gigabytes * GB / arguments.objects as f64;
    // As many events an object as the typical shape would have in so many bytes.
    let config = config(arguments, 0, bytes.min(250e3) / Shape::Typical.events_per_object());
    let parts = config.objects.unwrap_or(1).div_ceil(PILOT_OBJECTS);
    let folder = work.join("pilot");
    let made = generate(&Config { slice: Some((0, parts)), ..config }, &folder, |_, _| {})?;
    fs::remove_dir_all(&folder)?;
    Ok(made.stored_bytes as f64 / made.records as f64)
}

/// Makes a slice, takes it in, deletes it.
fn slice(arguments: &Arguments, index: u64, bytes_per_event: f64, work: &Path) -> Outcome<Slice> {
    let (archive, store) = (work.join("slice"), work.join("store"));
    let made = generate(&config(arguments, index, bytes_per_event), &archive, |_, _| {})?;
    let mut command = Command::new(program());
    command.arg("ingest").arg(&archive).arg("--store").arg(&store).arg("--quiet");
    command.args(["--memory-limit", &arguments.memory_limit]);
    let ran = run(&mut command).ok_or("the ingest failed")?;
    fs::remove_dir_all(&archive)?;
    Ok(Slice { made, ran, store_bytes: folder_bytes(&store) })
}

fn sum(slices: &[Slice], of: impl Fn(&Slice) -> u64) -> u64 {
    slices.iter().map(of).sum()
}

/// The last slice's line.
fn row(slices: &[Slice]) -> String {
    let Some(last) = slices.last() else { return String::new() };
    let gigabytes = last.made.stored_bytes as f64 / GB;
    format!(
        "| {} | {} | {gigabytes:.3} | {:.0} | {:.1} | {:.1} | {:.1} | {} | {:.3} |\n",
        slices.len(),
        last.made.objects,
        last.made.json_bytes as f64 / 1e6,
        last.ran.seconds,
        last.ran.seconds / gigabytes,
        last.ran.cpu_seconds / gigabytes,
        last.ran.peak_bytes >> 20,
        last.store_bytes as f64 / sum(slices, |s| s.made.stored_bytes) as f64,
    )
}

/// The slices of the first GB; all, where there is less.
fn first_gigabyte(slices: &[Slice]) -> &[Slice] {
    // Slices are made to their size within some per cent.
    let reaches = |n: &usize| sum(&slices[..*n], |s| s.made.stored_bytes) as f64 >= 0.95 * GB;
    let n = (1..slices.len()).find(reaches).unwrap_or(slices.len());
    &slices[..n]
}

/// Wall and CPU seconds a GB.
fn per_gigabyte(slices: &[Slice]) -> (f64, f64) {
    let gigabytes = sum(slices, |s| s.made.stored_bytes) as f64 / GB;
    let seconds = |of: fn(&Ran) -> f64| slices.iter().map(|s| of(&s.ran)).sum::<f64>() / gigabytes;
    (seconds(|ran| ran.seconds), seconds(|ran| ran.cpu_seconds))
}

fn figures(slices: &[Slice], limit_bytes: u64) -> (String, bool) {
    let (all, first) = (per_gigabyte(slices), per_gigabyte(first_gigabyte(slices)));
    let (wall, cpu) = (all.0 / first.0, all.1 / first.1);
    let peak = slices.iter().map(|s| s.ran.peak_bytes).max().unwrap_or(0);
    let holds = wall <= RATIO_MAX && cpu <= RATIO_MAX && peak <= limit_bytes;
    let text = format!(
        "{} objects, {:.3} GB of gz, {:.1} GB of JSON, {} events in {:.0} s.\n\n\
         A GB takes {:.1} s over all and {:.1} s in the first GB: {wall:.3} times; by CPU seconds {:.1} and {:.1}: \
         {cpu:.3} times; the limit is {RATIO_MAX} times.\n\n\
         Peak memory {} MiB, {} the limit of {} MiB.\n\n",
        sum(slices, |s| s.made.objects),
        sum(slices, |s| s.made.stored_bytes) as f64 / GB,
        sum(slices, |s| s.made.json_bytes) as f64 / GB,
        sum(slices, |s| s.made.events),
        slices.iter().map(|s| s.ran.seconds).sum::<f64>(),
        all.0,
        first.0,
        all.1,
        first.1,
        peak >> 20,
        if peak <= limit_bytes { "within" } else { "OVER" },
        limit_bytes >> 20,
    );
    (text, holds)
}

/// What was made, beside what the store says of itself.
fn counts(slices: &[Slice], store: &Path) -> Outcome<(String, bool)> {
    let store = Store::open(store)?;
    let (totals, refused) = (store.totals()?, store.refused_objects()?.len() as u64);
    let (records, events) = (sum(slices, |s| s.made.records), sum(slices, |s| s.made.events));
    let pairs = [
        ("objects", sum(slices, |s| s.made.objects), totals.objects),
        ("bytes", sum(slices, |s| s.made.stored_bytes), totals.object_bytes),
        ("records", records, totals.records),
        ("events", events, totals.events),
        ("duplicates", records - events, totals.duplicates),
        ("refused", 0, refused),
        ("kept out", 0, totals.broken),
    ];
    let mut text = "| | made | in the store |\n|---|---|---|\n".to_owned();
    for (name, made, found) in pairs {
        let verdict = if made == found { "" } else { " DIFFERS" };
        writeln!(text, "| {name} | {made} | {found}{verdict} |")?;
    }
    Ok((text, pairs.iter().all(|(_, made, found)| made == found)))
}

fn answers(store: &PathBuf) -> (String, bool) {
    let principal = questions::busiest(store);
    let mut text = format!("Asked of that store, for {principal}:\n\n| command | ms | limit, ms |\n|---|---|---|\n");
    let mut holds = true;
    for (name, question, limit) in questions::of(&principal) {
        let [ms] = questions::ask(&question, [store]).map(|seconds| seconds * 1e3);
        holds &= ms <= limit;
        writeln!(text, "| {name} | {ms:.1} | {limit:.0} |").expect("a string");
    }
    (text, holds)
}

/// Whether a slice and the store find room.
fn check_disk(work: &Path, arguments: &Arguments) -> Outcome<()> {
    let free = free_bytes(work)? as f64 / GB;
    let (slice, store) = (arguments.gigabytes / arguments.slices as f64, arguments.gigabytes * STORE_PER_GZ);
    let needed = slice * 1.1 + store;
    if free >= needed {
        return Ok(());
    }
    Err(format!(
        "{}: {free:.1} GB free, {needed:.1} GB needed for a slice of {slice:.1} GB and a store of up to {store:.1} GB: \
         {:.1} GB are missing\nhint: set TMPDIR to a folder on a larger disk, or give a smaller --gigabytes",
        work.display(),
        needed - free
    )
    .into())
}

#[allow(clippy::unnecessary_cast, reason = "narrower on other systems")]
fn free_bytes(folder: &Path) -> Outcome<u64> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut stats = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: both pointers are to locals that live through the call; a zeroed `statvfs` is a valid one.
    let (outcome, stats) = unsafe { (libc::statvfs(path.as_ptr(), stats.as_mut_ptr()), stats.assume_init()) };
    if outcome != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    Ok(stats.f_bavail as u64 * stats.f_frsize as u64)
}
