//! Records with the pairs of action and resource that each must and may lead to: one policy a record, judged.
//!
//! `expected.jsonl` is of this repository: expectations from the Service Authorization Reference, the API references
//! and the services' guides, written before the program was asked. `known.tsv` holds what is left, with reasons.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::harness::{by_session, event, ingest, read, write};
use super::{Context, Pair, Policies};

const OURS: &str = include_str!("../records/expected.jsonl");
/// Number of a record, kind of fault (`denied`, `wider`), why it is left.
const KNOWN: &str = include_str!("../records/known.tsv");
/// Of our records: how many may be denied something, and how many granted more. To be lowered, never raised.
const CEILING: (usize, usize) = (0, 0);

struct Record {
    id: u64,
    call: Value,
    must: Vec<Pair>,
    may: Vec<Pair>,
    /// Values of condition keys by action.
    context: BTreeMap<String, Context>,
}

/// What the judge says about one record.
#[derive(Default)]
struct Verdict {
    denied: Vec<Pair>,
    wider: Vec<Pair>,
}

fn pairs(value: &Value) -> Vec<Pair> {
    let entries = value.as_array().into_iter().flatten();
    let pairs = entries.flat_map(|entry| {
        let action = entry[0].as_str().expect("an action").to_owned();
        entry[1]
            .as_array()
            .expect("resources")
            .iter()
            .map(move |resource| (action.clone(), resource.as_str().expect("a resource").to_owned()))
    });
    pairs.collect()
}

fn parse(line: &str) -> Record {
    let call: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    let outcome = call["outcome"].as_str().unwrap_or("allowed");
    let is_granted = !matches!(outcome, "denied" | "notallowed");
    let mut context = BTreeMap::<String, Context>::new();
    for condition in call["cond"].as_array().into_iter().flatten() {
        let text = |at: usize| condition[at].as_str().expect("a condition");
        let known = context.entry(text(0).to_ascii_lowercase()).or_default();
        let values = known.entry(text(1).to_ascii_lowercase()).or_default();
        values.extend(text(2).split(" / ").map(str::to_owned));
    }
    let of = |name: &str| if is_granted { pairs(&call[name]) } else { Vec::new() };
    let (mut must, mut may) = (of("must"), of("may"));
    // Nobody can say whether it was decided: granting it is right, and so is not granting it.
    if outcome == "any" {
        may.append(&mut must);
    }
    Record { id: call["id"].as_u64().expect("an id"), must, may, context, call }
}

fn judge(record: &Record, policies: &Policies) -> Verdict {
    let nothing = Context::new();
    let denied = record.must.iter().filter(|(action, resource)| {
        let context = record.context.get(&action.to_ascii_lowercase()).unwrap_or(&nothing);
        !policies.allow(action, resource, context)
    });
    let known = [record.must.as_slice(), &record.may].concat();
    Verdict { denied: denied.cloned().collect(), wider: policies.beyond(&known) }
}

/// The policies of all records: those of a session of its own in one store, those that bring an identity in one each.
fn policies(records: &[Record]) -> BTreeMap<u64, Policies> {
    let has_identity = |record: &&Record| !record.call["more"]["userIdentity"].is_null();
    let (own, shared): (Vec<_>, Vec<_>) = records.iter().partition(has_identity);
    let mut policies = BTreeMap::new();
    for group in std::iter::once(shared).chain(own.into_iter().map(|record| vec![record])) {
        let folder = tempfile::tempdir().expect("a folder");
        let (archive, store) = (folder.path().join("log.json"), folder.path().join("store"));
        let events: Vec<_> =
            group.iter().map(|record| event(&format!("r{}", record.id), record.id, &record.call)).collect();
        write(&archive, &events);
        ingest(&store, &archive);
        if let [record] = group.as_slice() {
            let output =
                super::harness::run(&store, &["policy", "--principal", "*", "--generalize", "none", "--quiet"]);
            let document = serde_json::from_slice(&output.stdout).ok();
            policies.insert(record.id, read(document.as_ref()));
            continue;
        }
        let documents = by_session(&store, &["--generalize", "none", "--quiet"]);
        policies.extend(group.iter().map(|record| (record.id, read(documents.get(&format!("r{}", record.id))))));
    }
    policies
}

/// The records that are denied or granted more, and the table that says so.
fn judged(lines: &str) -> (BTreeMap<(u64, &'static str), Vec<Pair>>, String) {
    let records: Vec<Record> = lines.lines().filter(|line| !line.is_empty()).map(parse).collect();
    let policies = policies(&records);
    let (mut faults, mut table) = (BTreeMap::new(), String::new());
    for record in &records {
        let verdict = judge(record, &policies[&record.id]);
        for (kind, pairs) in [("denied", verdict.denied), ("wider", verdict.wider)] {
            if pairs.is_empty() {
                continue;
            }
            let [source, name] = ["eventSource", "eventName"].map(|key| record.call[key].as_str().unwrap_or_default());
            let shown: Vec<_> = pairs.iter().take(4).map(|(action, resource)| format!("{action} {resource}")).collect();
            writeln!(table, "{} {kind} {source} {name}: {}", record.id, shown.join("; ")).expect("a line");
            faults.insert((record.id, kind), pairs);
        }
    }
    let calls = records.iter().filter(|record| !record.must.is_empty()).count();
    let count = |kind| faults.keys().filter(|(_, of)| *of == kind).count();
    let (denied, wider) = (count("denied"), count("wider"));
    let share = |n: usize| 100.0 * n as f64 / records.len() as f64;
    writeln!(
        table,
        "{} records, {calls} of them granted something: {denied} denied ({:.1} %), {wider} wider ({:.1} %)",
        records.len(),
        share(denied),
        share(wider)
    )
    .expect("a line");
    (faults, table)
}

fn known() -> BTreeMap<(u64, &'static str), &'static str> {
    let lines = KNOWN.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parts = lines.map(|line| {
        let mut parts = line.splitn(3, '\t');
        let mut part = || parts.next().unwrap_or_else(|| panic!("three columns: {line}"));
        ((part().parse().unwrap_or_else(|e| panic!("{line}: {e}")), part()), part())
    });
    parts.collect()
}

/// Nothing is left that has no reason; and what has one is shown.
fn check(lines: &str) -> (usize, usize) {
    let (faults, table) = judged(lines);
    eprintln!("{table}");
    let known = known();
    let unknown: Vec<_> = faults.keys().filter(|fault| !known.contains_key(fault)).collect();
    for (fault, why) in known.iter().filter(|(fault, _)| faults.contains_key(fault)) {
        eprintln!("known: {} {}: {why}", fault.0, fault.1);
    }
    assert!(unknown.is_empty(), "without a known reason: {unknown:?}\n{table}");
    let count = |kind| faults.keys().filter(|(_, of)| *of == kind).count();
    (count("denied"), count("wider"))
}

#[test]
fn our_records_are_granted_as_their_sources_say() {
    let (denied, wider) = check(OURS);
    assert!(denied <= CEILING.0 && wider <= CEILING.1, "{denied} denied, {wider} wider");
    let lines: Vec<Record> = OURS.lines().map(parse).collect();
    let sources: std::collections::BTreeSet<_> =
        lines.iter().map(|record| record.call["eventSource"].as_str()).collect();
    assert!(lines.len() >= 300 && sources.len() >= 60, "{} records, {} sources", lines.len(), sources.len());
}

#[test]
fn the_handed_over_records_are_granted_as_their_sources_say() {
    let Some(data) = crate::data::dir() else { return };
    let lines = std::fs::read_to_string(data.join("iam/records.jsonl")).expect("records");
    check(&lines);
}
