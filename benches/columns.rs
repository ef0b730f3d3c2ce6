//! From the JSON of log objects to columns: parsing, telling the principal, encoding; each by itself, in one thread.
//!
//! `cargo bench --bench columns [-- [--record] [FOLDER]]`: reads every log object below the folder (else of a made-up
//! archive of the typical shape) into memory, then in turn, several rounds: bare `memchr` for every quote (the bytes looked
//! at and nothing else), serde_json into its tree, `record::ParsedObject::parse`, `record::principal` of every
//! `userIdentity`, `record::encode` of all records. Medians in MB of JSON a second and nanoseconds a record.

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

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use measure::median;
use serde_json::Value;
use trailpare::archive::{Buffers, ObjectKind, find, normalise, read};
use trailpare::record::{Dictionaries, Identity, ParsedObject, encode, principal};
use trailpare::synth::{Config, generate};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let work = tempfile::tempdir().expect("a folder");
    let (name, folder) = match given {
        Some(folder) => (folder.clone(), PathBuf::from(folder)),
        None => {
            let config = Config { objects: Some(40), ..Config::default() };
            generate(&config, work.path(), |_, _| {}).expect("an archive to measure with");
            ("typical shape, made up".to_owned(), work.path().to_owned())
        }
    };
    let text = format!("Made by `cargo bench --bench columns -- --record`.\n\n{}", compare(&name, &objects(&folder)));
    print!("{text}");
    record::if_asked("columns", "From JSON to columns", &text);
}

/// The JSON of every log object.
fn objects(root: &Path) -> Vec<Vec<u8>> {
    let logs = find(&[root.to_owned()]).filter_map(Result::ok).filter(|found| found.kind == ObjectKind::Log);
    let mut buffers = Buffers::default();
    let json =
        |path: PathBuf| normalise(read(&path, &mut buffers, 1 << 30).expect("an object").bytes).expect("events").json;
    logs.map(|found| found.path).map(json).collect()
}

fn compare(name: &str, objects: &[Vec<u8>]) -> String {
    let identities = identities(objects);
    let mut seconds: [Vec<f64>; 5] = Default::default();
    let mut records = 0;
    for _ in 0..ROUNDS {
        let mut dictionaries = Dictionaries::default();
        // Parsing takes the bytes: they are copied before the time begins.
        let copies: Vec<Vec<u8>> = objects.to_vec();
        let looked = timed(|| objects.iter().map(|json| memchr::memchr_iter(b'"', json).count()).sum::<usize>());
        let tree = timed(|| objects.iter().filter(|json| serde_json::from_slice::<Value>(json).is_ok()).count());
        let parse = |json| ParsedObject::parse(json, &mut dictionaries).expect("records");
        let (parsed, parsing) = timed_with(|| copies.into_iter().map(parse).collect::<Vec<ParsedObject>>());
        let telling = timed(|| identities.iter().filter(|identity| principal(identity).arn.is_some()).count());
        let rows = parsed.iter().flat_map(|object| object.records().iter().map(move |record| (object, record)));
        let mut rows: Vec<_> = rows.collect();
        records = rows.len();
        let encoding = timed(|| {
            encode(&mut rows, &mut dictionaries).map(|batch| batch.expect("a batch").num_rows()).sum::<usize>()
        });
        seconds.iter_mut().zip([looked, tree, parsing, telling, encoding]).for_each(|(all, one)| all.push(one));
    }
    let bytes: usize = objects.iter().map(Vec::len).sum();
    table(name, (bytes, records), seconds.map(median))
}

fn table(name: &str, (bytes, records): (usize, usize), seconds: [f64; 5]) -> String {
    let mut text = format!("{name}: {records} records, {:.0} MB of JSON, one thread.\n\n", bytes as f64 / 1e6);
    text.push_str("| | MB/s of JSON | ns a record | of serde_json's tree |\n|---|---|---|---|\n");
    let ways = ["every quote, by memchr", "serde_json into its tree", "parse", "principal", "encode"];
    for (way, taken) in ways.iter().zip(seconds) {
        let (speed, each) = (bytes as f64 / 1e6 / taken, taken * 1e9 / records as f64);
        writeln!(text, "| {way} | {speed:.0} | {each:.0} | {:.2} |", taken / seconds[1]).expect("a string");
    }
    text
}

fn timed(work: impl FnOnce() -> usize) -> f64 {
    let (done, seconds) = timed_with(work);
    assert!(done > 0);
    seconds
}

fn timed_with<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed().as_secs_f64())
}

/// Every `userIdentity`, with what its texts say.
fn identities(objects: &[Vec<u8>]) -> Vec<Identity<'static>> {
    let records = objects.iter().flat_map(|json| {
        let mut whole: Value = serde_json::from_slice(json).expect("JSON");
        whole["Records"].as_array_mut().map(std::mem::take).unwrap_or_default()
    });
    records.map(|record| identity(&record)).collect()
}

fn identity(record: &Value) -> Identity<'static> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(|text| Cow::Owned(text.to_owned()));
    Identity {
        identity_type: text("/userIdentity/type"),
        principal_id: text("/userIdentity/principalId"),
        arn: text("/userIdentity/arn"),
        account_id: text("/userIdentity/accountId"),
        user_name: text("/userIdentity/userName"),
        invoked_by: text("/userIdentity/invokedBy"),
        identity_provider: text("/userIdentity/identityProvider"),
        on_behalf_of_user_id: text("/userIdentity/onBehalfOf/userId"),
        issuer_arn: text("/userIdentity/sessionContext/sessionIssuer/arn"),
        issuer_account_id: text("/userIdentity/sessionContext/sessionIssuer/accountId"),
        aws_region: text("/awsRegion"),
    }
}
