//! An organisation of 40 accounts, 25 permission sets, 400 people and 2,000 roles: what `rightsize` costs over ten
//! million events, whether every policy is proved and the personas are the jobs that were drawn; what three service
//! control policies would have stopped, against SQL over the events; how large a report of 200 principals and a year
//! is.
//!
//! `cargo bench --bench organization [-- [--events N] [--record]]`. Exits with 1 where a command or a proof failed,
//! where memory is above the limit, SQL counts otherwise, or the report is too large or too slow.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

mod agreement;
mod control;
#[path = "../measure.rs"]
mod measure;
#[path = "../record.rs"]
mod record;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use measure::{Ran, program, run_any};
use serde_json::Value;
use trailpare::synth::{self, Config};

const EVENTS: u64 = 10_000_000;

/// What `rightsize` and `check` may take.
const LIMIT_MIB: u64 = 2_048;

/// Of a report of 200 principals and a year.
const REPORT_BYTES_MAX: u64 = 5_000_000;
const REPORT_SECONDS_MAX: f64 = 3.0;
const REPORT_EVENTS: u64 = 400_000;

/// People and programs of the year, who act as at least this many principals: people take several roles.
const REPORT_ACTORS: usize = 120;
const REPORT_PRINCIPALS: usize = 200;

struct Bench {
    text: String,
    holds: bool,
}

impl Bench {
    fn line(&mut self, text: &str) {
        println!("{text}");
        writeln!(self.text, "{text}").expect("a string");
    }

    fn must(&mut self, is_so: bool, what: &str) {
        if !is_so {
            self.line(&format!("**{what}**"));
            self.holds = false;
        }
    }

    /// Runs the program, which has to succeed; what it said and cost.
    fn run(&mut self, what: &str, arguments: &[&str]) -> Ran {
        let (ran, succeeded) = self.run_any(what, arguments);
        self.must(succeeded, &format!("{what} failed: {}", ran.stderr.trim()));
        ran
    }

    /// Runs the program; what it said and cost, and whether its exit code is 0.
    fn run_any(&mut self, what: &str, arguments: &[&str]) -> (Ran, bool) {
        let mut command = Command::new(program());
        command.args(arguments);
        let (ran, succeeded) = run_any(&mut command).expect("the program starts");
        let (seconds, cpu, mib) = (ran.seconds, ran.cpu_seconds, ran.peak_bytes.div_ceil(1 << 20));
        self.line(&format!("| {what} | {seconds:.1} | {cpu:.1} | {mib} |"));
        (ran, succeeded)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let events = after("--events").map_or(EVENTS, |n| n.parse().expect("--events N"));
    let work = tempfile::tempdir().expect("a folder");
    let mut bench = Bench { text: String::new(), holds: true };
    bench.line("Made by `cargo bench --bench organization -- --record`.\n");
    organization(&mut bench, events, work.path());
    report(&mut bench, work.path());
    record::if_asked("organization", "An organisation", &bench.text);
    if bench.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// 2,000 roles are those of pipelines, which have theirs in several accounts, functions and instances.
fn config(events: u64) -> Config {
    Config {
        events: Some(events),
        accounts: 40,
        people: Some(400),
        permission_sets: 25,
        principals: 1_900,
        days: 120,
        level: 1,
        ..Config::default()
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

fn organization(bench: &mut Bench, events: u64, work: &Path) {
    let [archive, files, store, cuts] = ["archive", "files", "store", "cuts"].map(|name| work.join(name));
    let config = config(events);
    synth::organization(&config, &files).expect("an organisation");
    synth::generate(&config, &archive, |_, _| {}).expect("an archive");
    bench.line(&format!(
        "{events} events of {} days, 40 accounts, 25 permission sets, 400 people.\n\n\
         | command | seconds | processor seconds | peak MiB |\n|---|---|---|---|",
        config.days
    ));
    let (archive, store, out) = (text(&archive), text(&store), text(&cuts));
    bench.run("ingest", &["ingest", &archive, "--store", &store, "--quiet"]);
    fs::remove_dir_all(&archive).expect("removed");
    let [iam, center, organizations, rules] =
        ["iam", "identity-center", "organizations", "rules.yaml"].map(|name| text(&files.join(name)));
    let limit = format!("{LIMIT_MIB}MiB");
    let arguments = [
        "rightsize",
        "--store",
        &store,
        "--out",
        &out,
        "--authorization-details",
        &iam,
        "--assignments",
        &center,
        "--organization",
        &organizations,
        "--rules",
        &rules,
        "--people",
        "--memory-limit",
        &limit,
        "--quiet",
    ];
    let ran = bench.run("rightsize --people --no-report", &[&arguments[..], &["--no-report"]].concat());
    let with_report = bench.run("rightsize --people", &arguments);
    let checked = control::run(bench, &store, &limit, work);
    bench.line("");
    let mib = ran.peak_bytes.max(with_report.peak_bytes).max(checked).div_ceil(1 << 20);
    bench.must(mib <= LIMIT_MIB, &format!("{mib} MiB are more than the limit of {LIMIT_MIB}"));
    folder(bench, &cuts, &config);
    control::compare(bench, &store, work);
}

/// What the folder says.
fn folder(bench: &mut Bench, cuts: &Path, config: &Config) {
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(cuts.join("summary.json")).expect("a summary")).expect("JSON");
    let principals = summary["principals"].as_array().expect("a list");
    let of = |kind: &str| principals.iter().filter(|one| one["kind"] == kind).count();
    let proposed = principals.iter().filter(|one| !one["statements"].is_null()).count();
    let proved = principals.iter().filter(|one| one["is_proved"] == true).count();
    let kinds = ["permission-set", "role", "user", "person", "persona", "role-group"];
    let counts: Vec<String> = kinds.iter().map(|kind| format!("{} {kind}", of(kind))).collect();
    bench.line(&format!(
        "{}: {proposed} policies proposed, {proved} proved; waves {}.\n",
        counts.join(", "),
        summary["waves"]
    ));
    bench.must(proposed == proved && proved > 0, "not every policy that is proposed is proved");
    let without: Vec<&Value> =
        principals.iter().filter(|one| one["statements"].is_null() && one["uses"].as_u64().unwrap_or(0) > 0).collect();
    for one in without.iter().take(10) {
        bench.line(&format!("- no policy: {} {}: {}", one["kind"], one["name"], one["not_proposed"]));
    }
    agreement::people(bench, cuts, config);
    agreement::roles(bench, cuts);
}

/// A report of 200 principals and a year.
fn report(bench: &mut Bench, work: &Path) {
    let [archive, store, page] = ["year", "year-store", "report.html"].map(|name| work.join(name));
    let config =
        Config { events: Some(REPORT_EVENTS), principals: REPORT_ACTORS, days: 365, level: 1, ..Config::default() };
    synth::generate(&config, &archive, |_, _| {}).expect("an archive");
    let (archive, store, page) = (text(&archive), text(&store), text(&page));
    bench.line(&format!(
        "\nA year of 200 principals, {REPORT_EVENTS} events.\n\n\
         | command | seconds | processor seconds | peak MiB |\n|---|---|---|---|"
    ));
    bench.run("ingest", &["ingest", &archive, "--store", &store, "--quiet"]);
    let ran = bench.run("report", &["report", "--store", &store, "--out", &page, "--quiet"]);
    let bytes = fs::metadata(&page).map_or(0, |found| found.len());
    let principals = fs::read_to_string(&page).map_or(0, |html| html.matches("<section class=\"principal\"").count());
    bench.line(&format!("\nThe page has {principals} principals and {bytes} bytes."));
    bench.must(principals >= REPORT_PRINCIPALS, "the report has less than 200 principals");
    bench.must(bytes > 0 && bytes <= REPORT_BYTES_MAX, "the report is larger than 5 MB");
    bench.must(ran.seconds <= REPORT_SECONDS_MAX, "the report takes more than 3 s");
}
