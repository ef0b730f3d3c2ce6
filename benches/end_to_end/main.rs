//! The whole way, beside other programs on the same log objects.
//!
//! `cargo bench --bench end_to_end [-- [--rounds N] [--only NAME]... [--no-peers] [--record] [FOLDER...]]`
//!
//! Makes archives with `trailpare synth` in four shapes (and takes the folders given), then in turn, several rounds
//! each (slow ones fewer): bare libdeflate inflate, `trailpare ingest`, DuckDB, ClickHouse (chdb), trailscraper. Prints medians and ratios,
//! peak resident memory and the bytes written per byte of the archive; says where trailpare's time goes, and whether
//! it stayed within its memory limit, and once within the least there is. `--record` writes the tables into `benches/RESULTS.md`.
//!
//! The peers are Python packages (`requirements.txt`), installed into `target/peers`; without Python they are left out.
//! Exits with 1 when trailpare needed more memory than it was allowed.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

mod archives;
mod contenders;
#[path = "../measure.rs"]
mod measure;
#[path = "../peers.rs"]
mod peers;
#[path = "../record.rs"]
mod record;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use archives::Archive;
use contenders::{Contender, Outcome};
use measure::median;

/// What the ingest may take, in bytes: also what `--memory-limit` says.
const MEMORY_LIMIT_BYTES: u64 = 1 << 30;

/// The least that it may be told to stay within.
const LEAST_MEMORY_BYTES: u64 = 256 << 20;

const HEAD: &str = "## The whole way\n\nMade by `cargo bench --bench end_to_end -- --record`.\n\n";

/// Whoever took longer than this on an archive isn't run on it again.
const PATIENCE_SECONDS: f64 = 40.0;

struct Arguments {
    rounds: usize,
    only: Vec<String>,
    peers: bool,
    record: bool,
    folders: Vec<PathBuf>,
}

fn arguments() -> Arguments {
    let mut given = std::env::args().skip(1);
    let mut arguments = Arguments { rounds: 3, only: Vec::new(), peers: true, record: false, folders: Vec::new() };
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--rounds" => arguments.rounds = given.next().and_then(|n| n.parse().ok()).expect("--rounds N"),
            "--only" => arguments.only.extend(given.next()),
            "--no-peers" => arguments.peers = false,
            "--record" => arguments.record = true,
            "--bench" => {}
            folder => arguments.folders.push(PathBuf::from(folder)),
        }
    }
    arguments
}

fn main() -> ExitCode {
    let arguments = arguments();
    let work = tempfile::Builder::new().prefix("trailpare-bench-").tempdir().expect("room for archives and stores");
    let contenders = contenders::all(arguments.peers);
    let mut text = String::new();
    let mut holds = true;
    for archive in archives::all(work.path(), &arguments.folders, &arguments.only) {
        let (table, within) = compare(&archive, &contenders, arguments.rounds, work.path());
        print!("{table}");
        text.push_str(&table);
        holds &= within;
        archive.remove();
        if arguments.record {
            let machine = record::machine(&contenders::versions(&contenders));
            record::section("end_to_end", &format!("{HEAD}{machine}\n{text}"));
        }
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all contenders on one archive; their table, and whether trailpare stayed within its limit.
fn compare(archive: &Archive, contenders: &[Contender], rounds: usize, work: &std::path::Path) -> (String, bool) {
    let size = archive.size();
    let mut outcomes: Vec<Vec<Outcome>> = contenders.iter().map(|_| Vec::new()).collect();
    // One round more than is counted, with only the cheapest, so that all find the files in memory.
    contenders[0].run(archive, work);
    for _ in 0..rounds {
        for (contender, outcomes) in contenders.iter().zip(&mut outcomes) {
            let spent: f64 = outcomes.iter().map(|o| o.seconds).sum();
            if spent < PATIENCE_SECONDS {
                outcomes.extend(contender.run(archive, work));
            }
        }
    }
    let mut text = format!(
        "### {}: {} objects, {:.0} MB of JSON in {:.0} MB\n\n",
        archive.name,
        size.objects,
        size.json_bytes as f64 / 1e6,
        size.stored_bytes as f64 / 1e6,
    );
    text.push_str("| | seconds (least–most) | MB/s of JSON | objects/s | records/s | trailpare is | peak MiB | bytes per stored byte |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    let seconds: Vec<f64> = outcomes.iter().map(|o| median(o.iter().map(|o| o.seconds).collect())).collect();
    let own = contenders.iter().position(|c| c.is_own()).map_or(f64::NAN, |at| seconds[at]);
    for ((contender, outcomes), seconds) in contenders.iter().zip(&outcomes).zip(&seconds) {
        let Some(last) = outcomes.last() else {
            writeln!(text, "| {} | failed | | | | | | |", contender.name).expect("a string");
            continue;
        };
        let all = || outcomes.iter().map(|o| o.seconds);
        writeln!(
            text,
            "| {} | {seconds:.2} ({:.2}–{:.2}) | {:.0} | {:.0} | {} | {:.2} × as fast | {} | {} |",
            contender.name,
            all().fold(f64::INFINITY, f64::min),
            all().fold(0.0, f64::max),
            size.json_bytes as f64 / 1e6 / seconds,
            size.objects as f64 / seconds,
            last.records.map_or_else(|| "–".to_owned(), |n| format!("{:.0}", n as f64 / seconds)),
            seconds / own,
            outcomes
                .iter()
                .filter_map(|o| o.peak_bytes)
                .max()
                .map_or_else(|| "–".to_owned(), |b| format!("{}", b >> 20)),
            last.written_bytes
                .map_or_else(|| "–".to_owned(), |b| format!("{:.2}", b as f64 / size.stored_bytes as f64)),
        )
        .expect("a string");
    }
    text.push('\n');
    let peak = contenders.iter().zip(&outcomes).filter(|(c, _)| c.is_own()).flat_map(|(_, o)| o);
    let peak = peak.filter_map(|o| o.peak_bytes).max().unwrap_or(0);
    for (contender, outcomes) in contenders.iter().zip(&outcomes) {
        if let Some(stages) = outcomes.last().and_then(|o| o.stages.as_ref()) {
            writeln!(text, "{}: {stages}.\n", contender.name).expect("a string");
        }
    }
    let mut holds = within(&mut text, peak, MEMORY_LIMIT_BYTES);
    // An archive with objects that need more fails, and says so.
    if let Some(least) = contenders::ingest(archive, work, LEAST_MEMORY_BYTES) {
        let slower = least.seconds / own;
        writeln!(text, "Under the least limit there is it takes {slower:.1} times as long.\n").expect("a string");
        holds &= within(&mut text, least.peak_bytes.unwrap_or(0), LEAST_MEMORY_BYTES);
    }
    (text, holds)
}

/// Says whether a peak is within its limit.
fn within(text: &mut String, peak_bytes: u64, limit_bytes: u64) -> bool {
    let holds = peak_bytes <= limit_bytes;
    let verdict = if holds { "within" } else { "OVER" };
    writeln!(text, "Peak memory {} MiB, {verdict} the limit of {} MiB.\n", peak_bytes >> 20, limit_bytes >> 20)
        .expect("a string");
    holds
}
