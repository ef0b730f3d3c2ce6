//! How near reading log objects is to bare inflate.
//!
//! `cargo bench --bench inflate [-- FOLDER]`: reads every log object below the folder (else of made-up archives) in one
//! thread, in turn by bare libdeflate (file read into a buffer, inflated into another, nothing checked), by flate2, by
//! `archive::read`, and by `archive::read` with `archive::normalise`; several rounds, medians in MB of JSON a second.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use trailpare::archive::{Buffers, ObjectKind, find, normalise, read};
use trailpare::synth::{Config, Shape, generate};

const ROUNDS: usize = 7;

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    if let Some(folder) = given {
        return measure(&folder, Path::new(&folder));
    }
    let folder = std::env::temp_dir().join(format!("trailpare-bench-{}", std::process::id()));
    for (name, shape, objects) in
        [("tiny", Shape::Tiny, 20_000), ("typical", Shape::Typical, 200), ("huge", Shape::Huge, 4)]
    {
        let out = folder.join(name);
        let config = Config { objects: Some(objects), shape, ..Config::default() };
        generate(&config, &out, |_, _| {}).expect("an archive to measure with");
        measure(name, &out);
    }
    fs::remove_dir_all(&folder).expect("the archives made for the benchmark go away");
}

fn measure(name: &str, root: &Path) {
    let logs = find(&[root.to_owned()]).filter_map(Result::ok).filter(|found| found.kind == ObjectKind::Log);
    let paths: Vec<PathBuf> = logs.map(|found| found.path).collect();
    type Way = (&'static str, fn(&[PathBuf]) -> u64);
    let ways: [Way; 4] =
        [("libdeflate", bare), ("flate2", flate2), ("read", just_read), ("read + normalise", to_records)];
    let mut speeds = ways.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, way), speeds) in ways.iter().zip(&mut speeds) {
            let began = Instant::now();
            let bytes = way(&paths);
            speeds.push(bytes as f64 / 1e6 / began.elapsed().as_secs_f64());
        }
    }
    let medians = speeds.map(|mut speeds| {
        speeds.sort_by(f64::total_cmp);
        speeds[ROUNDS / 2]
    });
    println!("{name}: {} objects", paths.len());
    for ((way, _), median) in ways.iter().zip(medians) {
        println!("  {way:17} {median:6.0} MB/s  {:.2} of bare libdeflate", median / medians[0]);
    }
}

fn bare(paths: &[PathBuf]) -> u64 {
    let mut decompressor = libdeflater::Decompressor::new();
    let (mut stored, mut inflated, mut sum) = (Vec::new(), vec![0; 256 << 20], 0);
    for path in paths {
        stored.clear();
        fs::File::open(path).and_then(|mut file| file.read_to_end(&mut stored)).expect("an object");
        sum += decompressor.gzip_decompress(&stored, &mut inflated).expect("one sound member") as u64;
    }
    sum
}

fn flate2(paths: &[PathBuf]) -> u64 {
    let (mut inflated, mut sum) = (Vec::new(), 0);
    for path in paths {
        inflated.clear();
        let stored = fs::read(path).expect("an object");
        flate2::read::MultiGzDecoder::new(stored.as_slice()).read_to_end(&mut inflated).expect("sound members");
        sum += inflated.len() as u64;
    }
    sum
}

fn just_read(paths: &[PathBuf]) -> u64 {
    let (mut buffers, mut sum) = (Buffers::default(), 0);
    for path in paths {
        let bytes = read(path, &mut buffers, 1 << 30).expect("an object").bytes;
        sum += bytes.len() as u64;
        buffers.recycle(bytes);
    }
    sum
}

fn to_records(paths: &[PathBuf]) -> u64 {
    let (mut buffers, mut sum) = (Buffers::default(), 0);
    for path in paths {
        let bytes = read(path, &mut buffers, 1 << 30).expect("an object").bytes;
        let json = normalise(bytes).expect("events").json;
        sum += json.len() as u64;
        buffers.recycle(json);
    }
    sum
}
