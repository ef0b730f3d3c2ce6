//! Twenty questions of analysts beside DuckDB, on the same Parquet files.
//!
//! `cargo bench --bench queries [-- [--events N] [--rounds N] [--record]]` takes in a made-up archive of N events (10
//! million unless told) and asks `questions.sql` of the program's own shell and of DuckDB, in turn, each with the same
//! threads and memory, after a question that both may warm up with. Times are those that the shell and DuckDB's own
//! process say. The limits: both answer the same, the median ratio is 1.0 at the most, no ratio is above 2.0, and the
//! program stays within its memory; else it exits with 1.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

#[path = "../measure.rs"]
mod measure;
#[path = "../peers.rs"]
mod peers;
#[path = "../record.rs"]
mod record;
#[path = "../stores.rs"]
mod stores;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use measure::{median, program, run};
use trailpare::store::{Store, Table};

/// The median over all questions may be this much of DuckDB's time.
const MEDIAN_MAX: f64 = 1.0;

/// No question may take longer than this many times DuckDB's time.
const RATIO_MAX: f64 = 2.0;

/// Differences of less are no differences.
const NOISE_SECONDS: f64 = 0.010;

const MEMORY_LIMIT_MIB: u64 = 2048;

struct Question {
    name: &'static str,
    ours: String,
    duckdb: String,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let events = after("--events").map_or(10_000_000, |n| n.parse().expect("--events N"));
    let rounds = after("--rounds").map_or(5, |n| n.parse().expect("--rounds N"));
    let Some(python) = peers::python() else { return ExitCode::FAILURE };
    let work = tempfile::tempdir().expect("a folder");
    let store = stores::made(work.path(), events);
    run(Command::new(program()).arg("optimize").arg("--store").arg(&store).arg("--quiet")).expect("an optimised store");
    let questions = questions(&store);
    let peer = Peer::new(python, work.path(), &store, &questions);

    let (mut own, mut theirs) = (vec![Vec::new(); questions.len()], vec![Vec::new(); questions.len()]);
    let mut peaks = [0; 2];
    for _ in 0..rounds {
        let (seconds, peak) = asked(work.path(), &store, &questions);
        peaks[0] = peaks[0].max(peak);
        own.iter_mut().zip(seconds).for_each(|(all, one)| all.push(one));
        let (seconds, peak) = peer.asked();
        peaks[1] = peaks[1].max(peak);
        theirs.iter_mut().zip(seconds).for_each(|(all, one)| all.push(one));
    }
    let mut holds = peaks[0] <= MEMORY_LIMIT_MIB << 20;
    let mut text = format!(
        "Made by `cargo bench --bench queries -- --record`; {events} events, {MEMORY_LIMIT_MIB} MiB each.\n\n\
         | question | trailpare, s | DuckDB, s | ratio | same answer |\n|---|---|---|---|---|\n"
    );
    let mut ratios = Vec::new();
    for (n, question) in questions.iter().enumerate() {
        let (own, theirs) = (median(own[n].clone()), median(theirs[n].clone()));
        let ratio = own / theirs;
        let same = answer(work.path(), "ours", n) == answer(work.path(), "theirs", n);
        holds &= same && (ratio <= RATIO_MAX || own - theirs <= NOISE_SECONDS);
        ratios.push(ratio);
        let same = if same { "yes" } else { "NO" };
        writeln!(text, "| {} | {own:.3} | {theirs:.3} | {ratio:.2} | {same} |", question.name).expect("a string");
    }
    let [own, theirs] = peaks.map(|bytes| bytes >> 20);
    let ratio = median(ratios);
    holds &= ratio <= MEDIAN_MAX;
    writeln!(text, "\nMedian ratio {ratio:.2}. Peak memory {own} MiB; DuckDB {theirs} MiB.").expect("a string");
    print!("{text}");
    record::if_asked("queries", "Queries", &text);
    if !holds && arguments.iter().any(|argument| argument == "--keep") {
        println!("kept: {}", work.keep().display());
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The questions of `questions.sql`, with values that the store holds.
fn questions(store: &Path) -> Vec<Question> {
    let values = values(store);
    let filled = |sql: &str| {
        values.iter().fold(sql.trim().trim_end_matches(';').to_owned(), |sql, (name, value)| sql.replace(name, value))
    };
    let blocks = include_str!("questions.sql").split("\n\n").skip(1);
    let question = |block: &'static str| {
        let (name, sql) = block.strip_prefix("-- ")?.split_once('\n')?;
        let (ours, duckdb) = sql.split_once("\n-- DuckDB\n").unwrap_or((sql, sql));
        Some(Question { name, ours: filled(ours), duckdb: filled(duckdb) })
    };
    blocks.map(|block| question(block).expect("a question has a name and its SQL")).collect()
}

/// What stands for `$name` in the questions: days, and what a common event has.
fn values(store: &Path) -> Vec<(&'static str, String)> {
    let one = |sql: &str| {
        let mut command = Command::new(program());
        command.args(["sql", "--format", "csv", "--store"]).arg(store).arg(sql);
        run(&mut command).expect("a value").stdout.lines().nth(1).expect("a row").to_owned()
    };
    let day = |part: u32| {
        one(&format!(
            "SELECT min(event_date) + CAST((max(event_date) - min(event_date)) * {part} / 10 AS int) AS day FROM events"
        ))
    };
    let of = |column: &str, condition: &str| {
        one(&format!(
            "SELECT {column} FROM events WHERE {condition} AND {column} IS NOT NULL GROUP BY 1 \
             ORDER BY count(*) DESC, 1 OFFSET 3 LIMIT 1"
        ))
    };
    vec![
        ("$from", day(4)),
        ("$to", day(5)),
        ("$address", of("source_ip_address", "source_ip_address LIKE '%.%.%.%'")),
        ("$event", one("SELECT max(event_id) AS id FROM events WHERE event_name = 'AssumeRole'")),
        ("$key", of("user_identity_access_key_id", "user_identity_access_key_id LIKE 'ASIA%'")),
        ("$needle", of("request_parameters ->> 'roleName'", "event_source = 'iam.amazonaws.com'")),
    ]
}

/// Asks the program's shell; seconds of each question, and its peak memory.
fn asked(work: &Path, store: &Path, questions: &[Question]) -> (Vec<f64>, u64) {
    let out = work.join("ours");
    fs::create_dir_all(&out).expect("a folder");
    let mut script = String::from(".mode csv\nSELECT count(event_id) FROM events;\n.timer on\n");
    for (n, question) in questions.iter().enumerate() {
        writeln!(script, ".output {}/{n}.csv\n{};", out.display(), question.ours).expect("a string");
    }
    let path = work.join("script.sql");
    fs::write(&path, script).expect("a script");
    let mut command = Command::new(program());
    command.args(["sql", "--memory-limit", &format!("{MEMORY_LIMIT_MIB}MiB"), "--store"]).arg(store);
    command.arg("--file").arg(&path);
    let ran = run(&mut command).expect("answers");
    let said = ran.stdout.lines().chain(ran.stderr.lines());
    let seconds: Vec<f64> =
        said.filter_map(|line| line.strip_prefix("Time: ")?.strip_suffix(" s")?.parse().ok()).collect();
    assert_eq!(seconds.len(), questions.len(), "{}{}", ran.stdout, ran.stderr);
    (seconds, ran.peak_bytes)
}

/// DuckDB, with what it is to be asked.
struct Peer {
    python: PathBuf,
    work: PathBuf,
}

impl Peer {
    fn new(python: PathBuf, work: &Path, store: &Path, questions: &[Question]) -> Self {
        let snapshot = Store::open(store).and_then(|store| store.snapshot(None)).expect("a store");
        let files: Vec<_> = snapshot.files(Table::Events).iter().map(|file| file.path.display().to_string()).collect();
        let texts: Vec<&str> = questions.iter().map(|question| question.duckdb.as_str()).collect();
        let written = |name: &str, list: &str| fs::write(work.join(name), list).expect("a list");
        written("files.json", &serde_json::to_string(&files).expect("a list"));
        written("questions.json", &serde_json::to_string(&texts).expect("a list"));
        fs::create_dir_all(work.join("theirs")).expect("a folder");
        Self { python, work: work.to_owned() }
    }

    /// Seconds of each question, and its peak memory.
    fn asked(&self) -> (Vec<f64>, u64) {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut command = Command::new(&self.python);
        command.arg("benches/queries/duckdb_peer.py");
        command.args(["files.json", "questions.json", "theirs"].map(|name| self.work.join(name)));
        command.arg(threads.to_string()).arg(format!("{MEMORY_LIMIT_MIB}MiB"));
        let ran = run(&mut command).expect("DuckDB's answers");
        let seconds = ran.stdout.lines().map(|line| line.parse().expect("seconds")).collect();
        (seconds, ran.peak_bytes)
    }
}

/// The rows of an answer, without the header that only the program writes.
fn answer(work: &Path, of: &str, n: usize) -> Vec<csv::StringRecord> {
    let path = work.join(of).join(format!("{n}.csv"));
    let mut reader = csv::ReaderBuilder::new().has_headers(of == "ours").flexible(true).from_path(path).expect("rows");
    reader.records().map(|row| row.expect("a row")).collect()
}
