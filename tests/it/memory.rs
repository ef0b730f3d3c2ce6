//! `--memory-limit` holds where an archive is hard on memory: more uses than fit. The bench of the same name has more of them.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use trailpare::synth;

use super::hostile::{self, Shape};
use super::pack::write;

const LIMIT: &str = "256MiB";

const LIMIT_BYTES: u64 = 256 << 20;

/// Calls, each with 400 uses of its own: about twice what fit at once.
const CALLS: u64 = 500;

/// Peak resident memory of a process so far. That of a child that is waited for is no less than its parent's when it began.
fn peak_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Runs the program within the limit; whether it succeeded, what it says on standard error, and its peak memory.
fn run(arguments: &[&str], store: &Path, out: &Path) -> (bool, String, u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(arguments).args(["--memory-limit", LIMIT]).env("TRAILPARE_STORE", store).stdin(Stdio::null());
    let words = out.with_extension("err");
    command.stdout(fs::File::create(out).expect("a file")).stderr(fs::File::create(&words).expect("a file"));
    let mut child = command.spawn().expect("the program starts");
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_bytes(child.id()).unwrap_or(0));
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    (status.success(), fs::read_to_string(words).expect("text"), peak)
}

/// Entries of a container.
const ENTRIES: u32 = 60_000;

#[test]
fn containers_of_many_entries_stay_within_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let names: Vec<String> = (0..ENTRIES).map(|n| format!("AWSLogs/a folder with a long name/{n:020}.json")).collect();
    let entries: Vec<write::Entry<'_>> = names.iter().map(|name| (name.as_str(), &b"{\"Records\":[]}"[..])).collect();
    for (name, bytes) in [("a.tar.xz", write::xz(&write::tar(&entries))), ("a.zip", write::zip(&entries))] {
        let (archive, store) = (folder.path().join(name), folder.path().join(format!("store-{name}")));
        fs::write(&archive, bytes).expect("written");
        let (succeeded, said, peak) =
            run(&["ingest", archive.to_str().expect("UTF-8")], &store, &folder.path().join("out"));
        assert!(succeeded && said.contains(&format!("{ENTRIES} objects taken in")), "{name}: {said}");
        assert!(peak <= LIMIT_BYTES, "{name}: {} MiB", peak >> 20);
    }
}

/// Several batches of text, compressed as CloudTrail does it, and twice: what is read at once grows most of all.
#[test]
fn containers_of_several_batches_stay_within_the_limit() {
    const EVENTS: u64 = 20_000;
    let folder = tempfile::tempdir().expect("a folder");
    let config = synth::Config { objects: Some(200), events: Some(EVENTS), days: 3, ..synth::Config::default() };
    synth::generate(&config, &folder.path().join("archive"), |_, _| {}).expect("an archive");
    let files = walkdir::WalkDir::new(folder.path().join("archive")).into_iter().flatten();
    let objects = files.filter(|file| file.file_type().is_file()).map(|file| {
        let name = file.path().file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        (name, fs::read(file.path()).expect("an object"))
    });
    let objects: Vec<(String, Vec<u8>)> = objects.collect();
    let own: Vec<write::Entry<'_>> = objects.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let mut text = Vec::new();
    let texts = objects.iter().map(|(name, bytes)| {
        text.clear();
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).expect("gzip");
        (name.trim_end_matches(".gz"), text.clone())
    });
    let texts: Vec<(&str, Vec<u8>)> = texts.collect();
    let texts: Vec<write::Entry<'_>> = texts.iter().map(|(name, text)| (*name, text.as_slice())).collect();
    for (name, bytes) in [("a.tar", write::tar(&own)), ("a.tar.gz", write::gzip(&write::tar(&texts)))] {
        let (archive, store) = (folder.path().join(name), folder.path().join(format!("store-{name}")));
        fs::write(&archive, bytes).expect("written");
        let (succeeded, said, peak) =
            run(&["ingest", archive.to_str().expect("UTF-8")], &store, &folder.path().join("out"));
        assert!(succeeded && said.contains("200 objects taken in"), "{name}: {said}");
        assert!(peak <= LIMIT_BYTES, "{name}: {} MiB", peak >> 20);
    }
}

#[test]
fn uses_that_do_not_fit_stay_within_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, store) = (folder.path().join("archive"), folder.path().join("store"));
    let out = folder.path().join("out");
    hostile::write(Shape::Instances(CALLS), &archive);
    let within = |arguments: &[&str]| {
        let (succeeded, said, peak) = run(arguments, &store, &out);
        assert!(succeeded, "{arguments:?}: {said}");
        assert!(peak <= LIMIT_BYTES, "{arguments:?}: {} MiB", peak >> 20);
        fs::read_to_string(&out).expect("text")
    };
    within(&["ingest", archive.to_str().expect("UTF-8"), "--quiet"]);
    let lines = within(&["actions", "--role", "*", "--format", "csv"]);
    // Each instance, in a line of its own, in order.
    let lines: Vec<&str> = lines.lines().skip(1).collect();
    assert_eq!(lines.len() as u64, CALLS * 400);
    assert!(lines.is_sorted_by_key(|line| line.split(',').take(3).collect::<Vec<_>>()));
    let counts = within(&[
        "sql",
        "SELECT count(DISTINCT resource), count(DISTINCT principal_arn), sum(event_count) FROM usage",
        "--format",
        "csv",
    ]);
    assert_eq!(counts.lines().nth(1), Some(format!("{},{CALLS},{}", CALLS * 400, CALLS * 400).as_str()));
    // All of them at once don't fit.
    let (succeeded, said, peak) = run(&["policy", "--role", "*"], &store, &out);
    assert!(succeeded || said.contains("--memory-limit") && said.contains("hint"), "{said}");
    assert!(peak <= LIMIT_BYTES, "policy: {} MiB", peak >> 20);
    // All of them are denied, in a group each.
    let nothing = folder.path().join("policy.json");
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    fs::write(&nothing, text).expect("written");
    let policy = nothing.to_str().expect("UTF-8");
    let (succeeded, said, peak) = run(&["check", "--role", "*", "--policy", policy], &store, &out);
    assert!(!succeeded && said.contains("--memory-limit") && said.contains("hint"), "{said}");
    assert!(peak <= LIMIT_BYTES, "check: {} MiB", peak >> 20);
}

#[test]
fn too_little_is_said_with_what_is_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in [
        &["sql", "SELECT 1"][..],
        &["actions", "--role", "x"],
        &["policy", "--role", "x"],
        &["check", "--role", "x", "--policy", "p.json"],
        &["unused", "--authorization-details", "d.json"],
        &["ingest", "archive"],
        &["optimize"],
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_trailpare"));
        program.args(command).args(["--memory-limit", "255MiB"]).env("TRAILPARE_STORE", folder.path());
        let output = program.output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
        assert!(said.contains("too little") && said.contains("256MiB"), "{command:?}: {said}");
    }
}
