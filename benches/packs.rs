//! What containers cost: the same objects unpacked, and in tars and zips.
//!
//! `cargo bench --bench packs [-- [--events N] [--record]]` makes an archive (a million events unless told) and packs
//! it in every way. It takes each of them in once a round, so that a slow moment hits all alike. The limit: a tar and a
//! zip reach 0.8 of the speed of the unpacked objects, else it exits with 1. xz and bzip2 have no limit: one thread
//! inflates them. `TRAILPARE_BENCH_BEFORE` names another program, which takes in the unpacked objects as well.

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
#[path = "../tests/it/pack/write.rs"]
mod write;

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use measure::{median, program, run};
use trailpare::synth::{Config, generate};
use write::{Entry, ZipOptions, bzip2, gzip, tar, xz, zip_with, zstd};

const ROUNDS: usize = 5;

const LIMIT: f64 = 0.8;

/// What is taken in: its name, where it lies, what it is compared with, and whether the limit is for it.
struct Case {
    name: &'static str,
    path: PathBuf,
    of: usize,
    is_limited: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let events = after("--events").map_or(1_000_000, |n| n.parse().expect("--events N"));
    let work = tempfile::tempdir().expect("a folder");
    let cases = cases(work.path(), events);
    let before = std::env::var_os("TRAILPARE_BENCH_BEFORE").map(PathBuf::from);
    let mut seconds = vec![Vec::new(); cases.len()];
    let mut others = Vec::new();
    for _ in 0..ROUNDS {
        for (case, seconds) in cases.iter().zip(&mut seconds) {
            seconds.push(ingest(&program(), &case.path, work.path()));
        }
        others.extend(before.iter().map(|before| ingest(before, &cases[0].path, work.path())));
    }
    let medians: Vec<f64> = seconds.into_iter().map(median).collect();
    let mut text =
        format!("Made by `cargo bench --bench packs -- --record`: {events} events, medians of {ROUNDS}.\n\n");
    text += "| archive | MB stored | seconds | speed, of the same unpacked |\n|---|---|---|---|\n";
    let mut is_kept = true;
    for (case, seconds) in cases.iter().zip(&medians) {
        let ratio = medians[case.of] / seconds;
        is_kept &= !case.is_limited || ratio >= LIMIT;
        let limit = if case.is_limited { format!(" (limit {LIMIT})") } else { String::new() };
        let stored = size(&case.path) as f64 / 1e6;
        writeln!(text, "| {} | {stored:.0} | {seconds:.2} | {ratio:.2}{limit} |", case.name).expect("a string");
    }
    if !others.is_empty() {
        let other = median(others);
        writeln!(
            text,
            "\nObjects as CloudTrail writes them, by the program before: {other:.2} s, {:.2} of it now.",
            medians[0] / other
        )
        .expect("a string");
    }
    print!("{text}");
    record::if_asked("packs", "Containers", &text);
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn size(path: &Path) -> u64 {
    walkdir::WalkDir::new(path)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .sum()
}

/// The archive, and everything that it is packed in.
fn cases(work: &Path, events: u64) -> Vec<Case> {
    let (own, plain) = (work.join("own"), work.join("plain"));
    generate(&Config { events: Some(events), ..Config::default() }, &own, |_, _| {}).expect("an archive");
    let mut objects = Vec::new();
    let mut texts = Vec::new();
    for entry in
        walkdir::WalkDir::new(&own).sort_by_file_name().into_iter().flatten().filter(|e| e.file_type().is_file())
    {
        let name = entry.path().strip_prefix(&own).expect("below it").to_str().expect("UTF-8").to_owned();
        let bytes = fs::read(entry.path()).expect("an object");
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(&*bytes).read_to_end(&mut text).expect("gzip");
        let path = plain.join(name.trim_end_matches(".gz"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, &text).expect("written");
        texts.push((name.trim_end_matches(".gz").to_owned(), text));
        objects.push((name, bytes));
    }
    fn entries(all: &[(String, Vec<u8>)]) -> Vec<Entry<'_>> {
        all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect()
    }
    let (objects, texts) = (entries(&objects), entries(&texts));
    let mut cases = vec![
        Case { name: "objects as CloudTrail writes them", path: own, of: 0, is_limited: false },
        Case { name: "the same, inflated", path: plain, of: 1, is_limited: false },
    ];
    let mut add = |name, of, is_limited, bytes: &[u8]| {
        let path = work.join(format!("packed-{}", cases.len()));
        fs::write(&path, bytes).expect("written");
        cases.push(Case { name, path, of, is_limited });
    };
    let deflated = ZipOptions { method: 8, ..ZipOptions::default() };
    add("tar of objects", 0, true, &tar(&objects));
    add("zip of objects, stored", 0, true, &zip_with(&objects, ZipOptions::default()));
    add("zip of objects, deflated", 0, true, &zip_with(&objects, deflated));
    add("tar.gz of objects", 0, true, &gzip(&tar(&objects)));
    add("tar.zst of objects", 0, true, &zstd(&tar(&objects)));
    add("tar of inflated objects", 1, true, &tar(&texts));
    add("zip of inflated objects", 1, true, &zip_with(&texts, deflated));
    add("tar.gz of inflated objects", 1, true, &gzip(&tar(&texts)));
    add("tar.zst of inflated objects", 1, true, &zstd(&tar(&texts)));
    add("tar.xz of inflated objects", 1, false, &xz(&tar(&texts)));
    add("tar.bz2 of inflated objects", 1, false, &bzip2(&tar(&texts)));
    cases
}

/// Seconds of one ingest into a new store.
fn ingest(program: &Path, archive: &Path, work: &Path) -> f64 {
    let store = work.join("store");
    let _ = fs::remove_dir_all(&store);
    let mut command = Command::new(program);
    command.arg("ingest").arg(archive).arg("--store").arg(&store).arg("--quiet");
    run(&mut command).expect("an ingest").seconds
}
