//! Whether `--memory-limit` holds where an archive is hard on memory, for every command that has it.
//!
//! `cargo bench --bench memory [-- [--part N] [--record]]` makes days with a million principals, with 442,000 uses of
//! objects, with 500,000 sessions of one role, with 500,000 objects of one bucket and with 1,100 calls on 400 instances
//! each, or with an N-th of these. It takes each in, optimises the store and asks it, each within the least memory and once
//! with plenty. Exits with 1 where a peak is above its limit, where a command fails, or where an answer is another one.
//! `policy` and `check` may say instead that they need more memory.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

#[path = "hostile.rs"]
mod hostile;
#[path = "measure.rs"]
mod measure;
#[path = "record.rs"]
mod record;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use hostile::Shape;
use measure::{Ran, program, run_any};

const LEAST_MIB: u64 = 256;

const PLENTY: &str = "16GiB";

/// What is asked of each store; `OUT` is a file, `DIR` a folder of the bench.
const QUESTIONS: [(&str, &[&str]); 8] = [
    ("status", &["status"]),
    ("actions", &["actions", "--role", "*", "--format", "csv"]),
    ("check", &["check", "--role", "*", "--policy", "DIR/policy.json"]),
    ("unused", &["unused", "--authorization-details", "DIR/details.json", "--format", "json"]),
    ("policy", &["policy", "--role", "*"]),
    (
        "sql: sort all columns",
        &["sql", "SELECT * FROM events ORDER BY request_id, event_id", "--format", "csv", "--output", "OUT"],
    ),
    (
        "sql: two counts of distinct",
        &[
            "sql",
            "SELECT count(DISTINCT event_id), count(DISTINCT request_id) FROM events",
            "--format",
            "csv",
            "--output",
            "OUT",
        ],
    ),
    (
        "sql: usage by session",
        &[
            "sql",
            "SELECT principal_arn, session_name, sum(event_count) FROM usage GROUP BY 1, 2 ORDER BY 1, 2",
            "--format",
            "csv",
            "--output",
            "OUT",
        ],
    ),
];

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::data-bucket/k*"}]}"#;

const DETAILS: &str = r#"{"UserDetailList":[],"GroupDetailList":[],"Policies":[],"IsTruncated":false,"RoleDetailList":[
    {"RoleName":"role-0000007","RoleId":"AROA1","Arn":"arn:aws:iam::111122223333:role/role-0000007","Path":"/",
     "CreateDate":"2024-01-01T00:00:00Z","AttachedManagedPolicies":[],"RolePolicyList":[{"PolicyName":"p","PolicyDocument":
     {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}}]}]}"#;

struct Bench<'a> {
    folder: &'a Path,
    text: String,
    holds: bool,
}

impl Bench<'_> {
    /// Runs a command; its answer.
    fn run(&mut self, what: &str, arguments: &[&str], store: &Path, limit: &str) -> Option<(Ran, String)> {
        let out = self.folder.join("out");
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let given = arguments.iter().map(|argument| match *argument {
            "OUT" => text(&out),
            other => other.replace("DIR", &text(self.folder)),
        });
        let mut command = Command::new(program());
        command.args(given).arg("--store").arg(store);
        if arguments[0] != "status" {
            command.args(["--memory-limit", limit]);
        }
        let (ran, succeeded) = run_any(&mut command).expect("the program starts");
        let says_so = ["policy", "check"].contains(&what) && ran.stderr.contains("--memory-limit");
        if !succeeded && !says_so && !ran.stderr.is_empty() && what != "check" {
            eprintln!("{what}: {}", ran.stderr);
            self.holds = false;
        }
        let answer = if succeeded || what == "check" && !says_so {
            fs::read_to_string(&out).unwrap_or(ran.stdout.clone())
        } else {
            String::new()
        };
        let _ = fs::remove_file(out);
        Some((ran, answer))
    }

    /// Runs a command in the least memory and in plenty, and compares.
    fn compare(&mut self, what: &str, name: &str, arguments: &[&str], stores: [&Path; 2]) {
        let least = self.run(what, arguments, stores[0], &format!("{LEAST_MIB}MiB"));
        let plenty = self.run(what, arguments, stores[1], PLENTY);
        let (Some((least, answer)), Some((plenty, expected))) = (least, plenty) else { return };
        let mib = least.peak_bytes.div_ceil(1 << 20);
        let is_within = mib <= LEAST_MIB || arguments[0] == "status";
        // A status tells of sizes and times as well.
        let is_same = answer == expected || answer.is_empty() || matches!(what, "status" | "ingest" | "optimize");
        self.holds &= is_within && is_same;
        let verdict = match (is_within, is_same, answer.is_empty() && ["policy", "check"].contains(&what)) {
            (false, _, _) => "**more than the limit**",
            (_, false, _) => "**another answer**",
            (_, _, true) => "says that it needs more",
            _ => "the same",
        };
        writeln!(
            self.text,
            "| {name} | {what} | {:.1} | {mib} | {:.1} | {} | {verdict} |",
            least.seconds,
            plenty.seconds,
            plenty.peak_bytes >> 20
        )
        .expect("a string");
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let part: u64 = after("--part").map_or(1, |n| n.parse().expect("--part N"));
    let work = tempfile::tempdir().expect("a folder");
    fs::write(work.path().join("policy.json"), POLICY).expect("a policy");
    fs::write(work.path().join("details.json"), DETAILS).expect("details");
    let mut bench = Bench { folder: work.path(), text: String::new(), holds: true };
    bench.text = format!(
        "Made by `cargo bench --bench memory -- --record`. Each command within {LEAST_MIB} MiB, and beside it with plenty.\n\n\
         | a day with | command | seconds | peak MiB | seconds with plenty | peak MiB | answer |\n|---|---|---|---|---|---|---|\n"
    );
    for (name, shape) in [
        (format!("{} principals", 1_000_000 / part), Shape::Principals(1_000_000 / part)),
        (format!("{} uses of objects", 442_000 / part), Shape::Objects(442_000 / part)),
        (format!("{} sessions", 500_000 / part), Shape::Sessions(500_000 / part)),
        (format!("{} objects of a bucket", 500_000 / part), Shape::Bucket(500_000 / part)),
        (format!("{} calls on 400 instances each", 1_100 / part), Shape::Instances(1_100 / part)),
    ] {
        let archive = work.path().join("archive");
        hostile::write(shape, &archive);
        let [least, plenty] = ["least", "plenty"].map(|name| work.path().join(name));
        let stores = [least.as_path(), plenty.as_path()];
        let archive_text = archive.to_str().expect("UTF-8");
        bench.compare("ingest", &name, &["ingest", archive_text, "--quiet"], stores);
        bench.compare("optimize", &name, &["optimize", "--quiet"], stores);
        for (what, arguments) in QUESTIONS {
            bench.compare(what, &name, arguments, stores);
        }
        for folder in [&archive, &least, &plenty] {
            fs::remove_dir_all(folder).expect("removed");
        }
    }
    print!("{}", bench.text);
    record::if_asked("memory", "Memory", &bench.text);
    if bench.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
