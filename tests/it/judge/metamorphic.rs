//! What never changes a policy, and what a policy always holds: over the records of this repository, made-up archives
//! and real ones, from events through a store to policies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use trailpare::synth::{Config, generate};

use super::harness::{by_session, event, ingest, read, run, write};
use super::{Context, Pair};

const OURS: &str = include_str!("../records/expected.jsonl");
/// So many calls of different services are one session's.
const CALLS_OF_A_SESSION: u64 = 5;

/// Calls that bring no identity of their own.
fn calls() -> Vec<Value> {
    let calls = OURS.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
    calls.filter(|call| call["more"]["userIdentity"].is_null()).collect()
}

/// The call by a session, on one of several days; `number` makes the event's id and time.
fn logged(session: &str, number: u64, call: &Value) -> Value {
    let mut event = event(session, number, call);
    event["eventTime"] = format!("2025-10-{:02}T09:{:02}:00Z", 1 + number % 5, number % 60).into();
    event
}

fn base_events(calls: &[Value]) -> Vec<Value> {
    let logged = (0..).zip(calls).map(|(n, call)| logged(&format!("s{}", n / CALLS_OF_A_SESSION), n, call));
    logged.collect()
}

/// A store of these archives, each taken in by itself.
fn store(archives: &[Vec<Value>]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (n, events) in archives.iter().enumerate() {
        let archive = folder.path().join(format!("archive-{n}"));
        for (part, events) in events.chunks(97).enumerate() {
            write(&archive.join(format!("{n}-{part}.json")), events);
        }
        ingest(&folder.path().join("store"), &archive);
    }
    folder
}

/// The policies of the base's sessions.
fn of_base(store: &tempfile::TempDir, generalize: &str) -> BTreeMap<String, Value> {
    let mut policies = by_session(&store.path().join("store"), &["--generalize", generalize, "--quiet"]);
    policies.retain(|session, _| session.starts_with('s'));
    policies
}

fn assert_same(left: &BTreeMap<String, Value>, right: &BTreeMap<String, Value>, what: &str) {
    let sessions: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differing: Vec<_> = sessions.into_iter().filter(|session| left.get(*session) != right.get(*session)).collect();
    let shown: Vec<_> =
        differing.iter().take(2).map(|session| json!([session, left.get(*session), right.get(*session)])).collect();
    assert!(
        differing.is_empty(),
        "{what}: {} of {} policies differ: {differing:?}\n{}",
        differing.len(),
        left.len(),
        shown.iter().map(|value| format!("{value:#}")).collect::<Vec<_>>().join("\n")
    );
}

/// What others did, what was denied and what nobody decided grants nobody anything.
#[test]
fn denied_undecided_and_other_sessions_events_change_no_policy() {
    let calls = calls();
    let base = base_events(&calls);
    let mut more = Vec::new();
    let fails = [
        ("AccessDenied", "Access Denied"),
        ("Client.UnauthorizedOperation", "You are not authorized to perform this operation."),
        ("ExpiredToken", "The security token included in the request is expired"),
        ("ThrottlingException", "Rate exceeded"),
    ];
    for n in 0..calls.len() {
        let session = format!("s{}", n as u64 / CALLS_OF_A_SESSION);
        for (k, (code, message)) in fails.iter().enumerate() {
            // A near call: often one of the same service.
            let mut call = calls[(n + 1 + 13 * k) % calls.len()].clone();
            call["more"] = json!({"errorCode": code, "errorMessage": message});
            call["responseElements"] = Value::Null;
            more.push(logged(&session, 100_000 + 10 * n as u64 + k as u64, &call));
        }
        // The same thing without a name of what it was done to, denied: nothing but a pattern.
        let mut vague = calls[n].clone();
        vague["requestParameters"] = Value::Null;
        vague["resources"] = Value::Null;
        vague["more"] = json!({"errorCode": "AccessDenied", "errorMessage": "Access Denied"});
        more.push(logged(&session, 200_000 + n as u64, &vague));
        let mut by_another = calls[n].clone();
        by_another["requestParameters"] = Value::Null;
        by_another["resources"] = Value::Null;
        more.push(logged(&format!("other{n}"), 300_000 + n as u64, &by_another));
        more.push(logged(&format!("other{n}"), 400_000 + n as u64, &calls[(n + 29) % calls.len()]));
    }
    let alone = store(std::slice::from_ref(&base));
    let together = store(&[[base, more].concat()]);
    for generalize in ["none", "balanced", "broad"] {
        assert_same(&of_base(&alone, generalize), &of_base(&together, generalize), generalize);
    }
}

#[test]
fn the_order_and_splitting_of_archives_change_no_policy() {
    let base = base_events(&calls());
    let mut shuffled = base.clone();
    let mut state = 7_u64;
    for n in (1..shuffled.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        shuffled.swap(n, (state >> 33) as usize % (n + 1));
    }
    let (first, rest) = shuffled.split_at(base.len() / 3);
    // Some events come twice, as CloudTrail delivers them.
    let rest = [rest, &first[..20]].concat();
    let (whole, parts) = (store(std::slice::from_ref(&base)), store(&[first.to_vec(), rest]));
    for generalize in ["none", "balanced"] {
        assert_same(&of_base(&whole, generalize), &of_base(&parts, generalize), generalize);
    }
}

/// The pairs that the events of each session were allowed, by the session's name as a file has it.
fn pairs_of_events(store: &Path) -> BTreeMap<String, Vec<Pair>> {
    let query = "SELECT DISTINCT session_name, action, resource FROM event_actions \
        WHERE outcome = 'allowed' AND action IS NOT NULL AND session_name IS NOT NULL \
        AND confidence NOT IN ('unverified', 'suggested')";
    let output = run(store, &["sql", "--format", "json", query]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("rows");
    let mut pairs = BTreeMap::<String, Vec<Pair>>::new();
    let mut names = BTreeMap::<String, String>::new();
    for row in &rows {
        let text = |key: &str| row[key].as_str().expect("text").to_owned();
        let safe: String =
            text("session_name").chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
        let safe = safe.trim_matches('-').to_owned();
        let name = names.entry(safe.to_ascii_lowercase()).or_insert_with(|| text("session_name"));
        // Two sessions of one file name, or a name that is cut: left out.
        if *name == text("session_name") && safe.len() <= 100 && !safe.is_empty() {
            pairs.entry(safe).or_default().push((text("action"), text("resource")));
        }
    }
    pairs
}

/// `none` allows each pair of the events and no other; `balanced` and `broad` hold all that `none` does.
fn check_pairs(store: &Path, sessions_min: usize) {
    // A permission set's policy is for every account that has it, by design; this asks for one of its role's own.
    let options = |generalize| {
        ["--kind", "identity", "--generalize", generalize, "--fit", "exact", "--max-policies", "20", "--quiet"]
    };
    let (pairs, exact) = (pairs_of_events(store), by_session(store, &options("none")));
    let nothing = Context::new();
    let mut compared = 0;
    let mut faults = Vec::new();
    for (session, pairs) in &pairs {
        let Some(documents) = exact.get(session) else { continue };
        let policies = read(Some(documents));
        compared += 1;
        let denied = pairs.iter().filter(|(action, resource)| !policies.allow(action, resource, &nothing));
        faults.extend(denied.map(|pair| format!("{session}: denied {pair:?}")));
        faults.extend(policies.beyond(pairs).iter().map(|pair| format!("{session}: beyond {pair:?}")));
    }
    let shown = faults.iter().take(30).cloned().collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{} faults in {compared} policies\n{shown}", faults.len());
    assert!(compared >= sessions_min, "{compared} of {} sessions", pairs.len());
    for generalize in ["balanced", "broad"] {
        let wider = by_session(store, &options(generalize));
        for session in pairs.keys().filter(|session| exact.contains_key(*session)) {
            let Some(wider) = wider.get(session) else { continue };
            let (exact, wider) = (read(exact.get(session)), read(Some(wider)));
            let lost: Vec<Pair> = exact
                .grants()
                .into_iter()
                .filter(|(action, resource)| !wider.allow(action, resource, &nothing))
                .collect();
            assert!(lost.is_empty(), "{generalize} loses of {session}: {lost:?}");
        }
    }
}

#[test]
fn policies_hold_the_pairs_of_our_records() {
    let store = store(&[base_events(&calls())]);
    check_pairs(&store.path().join("store"), 60);
}

#[test]
fn policies_hold_the_pairs_of_made_up_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    let config = Config { objects: Some(3), seed: 19, ..Config::default() };
    generate(&config, &archive, |_, _| {}).expect("an archive");
    let store = folder.path().join("store");
    ingest(&store, &archive);
    check_pairs(&store, 20);
}

#[test]
fn policies_hold_the_pairs_of_real_events() {
    let Some(data) = crate::data::dir() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    ingest(&store, &data.join("real"));
    check_pairs(&store, 5);
}
