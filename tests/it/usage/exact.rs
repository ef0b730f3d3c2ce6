//! Usage is exact: nothing of one outcome or session changes a row of another, the order and the parting of events
//! change nothing, and what is stored is what the events say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};
use trailpare::iam::{Catalog, Outcome, Resolver};
use trailpare::ingest::{self, Options, Progress};
use trailpare::store::{Snapshot, Store};
use trailpare::synth::{Config, generate};
use trailpare::time::parse_time;
use trailpare::usage::{
    self, Aggregator, EventColumns, RESOURCES_MAX, Rollup, Selection, Sessions, Space, TimeRange, UsageRow, Uses,
};

/// One call: the second of its day, its day, who made it, what (by number), and how it ended.
#[derive(Clone, Copy, Debug)]
struct Made {
    second: u32,
    day: u32,
    session: &'static str,
    what: (u8, u32),
    error: Option<&'static str>,
}

impl Made {
    /// What it is in a table of its own.
    fn class(&self) -> (Outcome, &'static str) {
        let outcome = match self.error {
            Some("AccessDenied") => Outcome::Denied,
            Some("ThrottlingException") => Outcome::Undecided,
            _ => Outcome::Allowed,
        };
        (outcome, self.session)
    }

    fn record(&self, number: usize) -> Value {
        let (kind, which) = self.what;
        let key = format!("arn:aws:kms:eu-west-1:111122223333:key/0000-{which}");
        let (source, name, parameters) = match kind {
            0 => ("s3", "DeleteObject", json!({"bucketName": "lake", "key": format!("in/{which:04}.json")})),
            1 => ("s3", "DeleteObjects", json!({"bucketName": "lake", "delete": ""})),
            2 => ("kms", "Decrypt", json!({"keyId": key})),
            3 => ("kms", "Decrypt", json!({"encryptionAlgorithm": "SYMMETRIC_DEFAULT"})),
            4 => ("ssm", "SendCommand", json!({"documentName": "Doc", "instanceIds": [format!("i-{which:017x}")]})),
            _ => ("ssm", "SendCommand", json!({"documentName": "Doc", "targets": [{"key": "tag:a", "values": ["b"]}]})),
        };
        record(self, number, (source, name), parameters)
    }
}

fn record(made: &Made, number: usize, (source, name): (&str, &str), parameters: Value) -> Value {
    let Made { second, day, session, error, .. } = made;
    json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole", "principalId": format!("AROAEXAMPLE:{session}"), "accountId": "111122223333",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/App/{session}"),
            "sessionContext": {"sessionIssuer": {
                "type": "Role", "principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::111122223333:role/App",
                "accountId": "111122223333", "userName": "App"}},
        },
        "eventTime": format!("2024-05-{:02}T{:02}:{:02}:{:02}Z", day + 1, second / 3600, second / 60 % 60, second % 60),
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7", "userAgent": "x", "requestParameters": parameters, "responseElements": null,
        "errorCode": error, "errorMessage": error.map(|_| "Some message."),
        "eventID": format!("60000000-0000-4000-8000-{number:012}"), "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333", "eventCategory": "Management",
    })
}

/// Writes records as a log object.
fn write(folder: &Path, name: &str, records: &[Value]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, json!({ "Records": records }).to_string()).expect("written");
    path
}

fn records(calls: &[Made]) -> Vec<Value> {
    calls.iter().enumerate().map(|(number, made)| made.record(number)).collect()
}

fn counted(records: &[Value]) -> Rollup {
    let mut aggregator = Aggregator::resume(Resolver::new(Catalog::embedded()));
    if !records.is_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "a.json", records);
        for batch in super::batches(folder.path()) {
            aggregator.add(&EventColumns::try_new(&batch).expect("columns"), |_| true);
        }
    }
    aggregator.finish().0
}

/// The rows as they are stored, in text.
fn stored(mut counted: Rollup, is_wanted: impl Fn(&UsageRow<&str>) -> bool) -> Vec<String> {
    let days = counted.days();
    days.iter().flat_map(|(_, rows)| rows).filter(|row| is_wanted(row)).map(|row| format!("{row:?}")).collect()
}

fn any_call() -> impl Strategy<Value = Made> {
    let error = prop_oneof![3 => Just(None), 1 => Just(Some("AccessDenied")), 1 => Just(Some("ThrottlingException"))];
    let session = prop::sample::select(vec!["ann", "bob"]);
    (0..86_400_u32, 0..2_u32, session, (0..6_u8, 0..4_u32), error)
        .prop_map(|(second, day, session, what, error)| Made { second, day, session, what, error })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Events of other outcomes and sessions change nothing of a row: each class alone gives the rows that it gives
    /// among all.
    #[test]
    fn nothing_of_one_outcome_or_session_changes_a_row_of_another(
        calls in proptest::collection::vec(any_call(), 1..30)
    ) {
        let all: Vec<(Made, Value)> = calls.iter().copied().zip(records(&calls)).collect();
        let of_all: Vec<Value> = all.iter().map(|(_, record)| record.clone()).collect();
        for class in calls.iter().map(Made::class).collect::<BTreeSet<_>>() {
            let of_class = all.iter().filter(|(made, _)| made.class() == class).map(|(_, record)| record.clone());
            let is_of_class = |row: &UsageRow<&str>| (row.outcome, row.session_name.unwrap_or_default()) == class;
            let alone = stored(counted(&of_class.collect::<Vec<_>>()), |_| true);
            prop_assert!(!alone.is_empty());
            prop_assert_eq!(stored(counted(&of_all), is_of_class), alone);
        }
    }
}

proptest! {
    // Few, because each has many events.
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// However events are ordered and parted, the rows are the same; among them rows that overflowed.
    #[test]
    fn order_and_parts_change_nothing(
        cut in 0..700_usize,
        seed: u64,
        others in proptest::collection::vec(any_call(), 0..20),
    ) {
        let keys = (0..700_u32).map(|key| Made {
            second: key, day: 0, session: if key % 5 == 0 { "ann" } else { "bob" }, what: (0, key), error: None,
        });
        let mut all = records(&keys.chain(others).collect::<Vec<_>>());
        let expected = stored(counted(&all), |_| true);
        prop_assert_eq!(expected.iter().filter(|row| row.contains("overflow: true")).count(), 1);
        let mut state = seed | 1;
        for i in (1..all.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            all.swap(i, (state >> 33) as usize % (i + 1));
        }
        let (first, second) = all.split_at(cut);
        let (mut first, mut second) = (counted(first), counted(second));
        second.bound();
        second.contain();
        first.absorb(second);
        prop_assert_eq!(stored(first, |_| true), expected);
    }
}

#[test]
fn what_is_denied_or_another_persons_widens_nothing() {
    let call = |session, what, error| Made { second: 1, day: 0, session, what, error };
    let denied = Some("AccessDenied");
    for (calls, action, expected) in [
        (
            [call("ann", (0, 1), None), call("ann", (1, 0), denied)],
            "s3:DeleteObject",
            vec![(Outcome::Allowed, "ann", "lake/in/0001.json"), (Outcome::Denied, "ann", "lake/*")],
        ),
        (
            [call("ann", (2, 1), None), call("ann", (3, 0), denied)],
            "kms:Decrypt",
            vec![(Outcome::Allowed, "ann", "key/0000-1"), (Outcome::Denied, "ann", "key/*")],
        ),
        (
            [call("ann", (4, 1), None), call("bob", (5, 0), None)],
            "ssm:SendCommand",
            vec![(Outcome::Allowed, "ann", ":instance/i-00000000000000001"), (Outcome::Allowed, "bob", ":instance/*")],
        ),
    ] {
        let mut counted = counted(&records(&calls));
        let days = counted.days();
        let rows = days.iter().flat_map(|(_, rows)| rows).filter(|row| row.action == Some(action));
        let rows: Vec<_> =
            rows.filter(|row| !["document/", "managed-"].iter().any(|part| row.resource.contains(part))).collect();
        for (outcome, session, end) in &expected {
            let is_it = |row: &&&UsageRow<&str>| {
                (row.outcome, row.session_name) == (*outcome, Some(*session)) && row.resource.ends_with(end)
            };
            assert_eq!(rows.iter().filter(is_it).count(), 1, "{action} {end}: {rows:#?}");
        }
        assert_eq!(rows.len(), expected.len(), "{rows:#?}");
        assert!(rows.iter().all(|row| !row.overflow && row.event_count == 1));
    }
}

fn take_in(folder: &Path, archives: Vec<PathBuf>) -> Snapshot {
    let store = Store::open_or_create(&folder.join("store")).expect("a store");
    let options = Options { threads: 2, ..Options::of(archives) };
    ingest::ingest(&store, &options, Catalog::embedded(), &Progress::default()).expect("an ingest");
    store.snapshot_with(None, usage::STATISTICS).expect("a snapshot")
}

fn everybody() -> Selection {
    Selection { principals: vec!["*".to_owned()], ..Selection::default() }
}

/// Row by row, so that a difference is told by its row.
fn same(found: &[UsageRow], expected: &[UsageRow]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// What is read without an overflow is what the events say by themselves; what is read as stored is that too where
/// nothing overflowed. Gives the number of rows that count further resources.
fn check(snapshot: &Snapshot, selection: &Selection, range: &TimeRange) -> usize {
    let catalog = Catalog::embedded();
    let mut further = 0;
    for sessions in [Sessions::Apart, Sessions::Together] {
        let expected = usage::from_events(snapshot, selection, range, sessions, catalog).expect("events");
        let exact = usage::read_exact(snapshot, selection, range, sessions, catalog).expect("usage");
        assert!(!expected.is_empty() && expected.iter().all(|row| !row.overflow));
        same(&exact, &expected);
        let read = usage::read(snapshot, selection, range, sessions, catalog).expect("usage");
        further += read.iter().filter(|row| row.overflow).count();
        if !read.iter().any(|row| row.overflow) {
            same(&read, &expected);
        }
        let count = |rows: &[UsageRow]| rows.iter().map(|row| row.event_count).sum::<u64>();
        assert_eq!(count(&read), count(&expected));
        // In any memory: of nearly nothing, and of some.
        let folder = tempfile::tempdir().expect("a folder");
        for bytes in [0, 300_000] {
            let space = Space::new(folder.path(), bytes);
            let rows = |uses: Uses| uses.into_iter().collect::<Result<Vec<_>, _>>().expect("rows");
            let within = usage::read_within(snapshot, selection, range, sessions, catalog, &space);
            same(&rows(within.expect("usage")), &read);
            let within = usage::read_exact_within(snapshot, selection, range, sessions, catalog, &space);
            same(&rows(within.expect("usage")), &expected);
        }
    }
    further
}

#[test]
fn real_usage_is_what_its_events_say() {
    let Some(data) = crate::data::dir() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let snapshot = take_in(folder.path(), vec![data.join("real")]);
    let further = check(&snapshot, &everybody(), &TimeRange::default());
    assert!(further > 0, "nothing overflowed");
}

#[test]
fn generated_usage_is_what_its_events_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    let config = Config { objects: Some(20), events: Some(2_000), days: 4, accounts: 3, ..Config::default() };
    generate(&config, &archive, |_, _| {}).expect("an archive");
    let snapshot = take_in(folder.path(), vec![archive]);
    let cut = TimeRange { from_us: parse_time("2024-03-02T07:30:00Z"), to_us: parse_time("2024-03-04T07:30:00Z") };
    for range in [TimeRange::default(), cut] {
        assert_eq!(check(&snapshot, &everybody(), &range), 0);
    }
}

#[test]
fn what_overflowed_is_read_from_the_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = |day, session, keys: std::ops::Range<u32>| {
        keys.map(move |key| Made { second: key * 50, day, session, what: (0, key), error: None })
    };
    let many = RESOURCES_MAX as u32 + 300;
    let calls = keys(0, "ann", 0..many).chain(keys(0, "bob", 0..9)).chain(keys(1, "ann", 600..many)).chain([
        Made { second: 5, day: 0, session: "ann", what: (2, 1), error: None },
        Made { second: 6, day: 0, session: "ann", what: (1, 0), error: None },
    ]);
    let all = records(&calls.collect::<Vec<_>>());
    let archive = folder.path().join("archive");
    std::fs::create_dir(&archive).expect("a folder");
    for (number, part) in all.chunks(150).enumerate() {
        write(&archive, &format!("{number}.json"), part);
    }
    let snapshot = take_in(folder.path(), vec![archive]);
    let catalog = Catalog::embedded();
    let read = usage::read(&snapshot, &everybody(), &TimeRange::default(), Sessions::Apart, catalog).expect("usage");
    let further: Vec<&UsageRow> = read.iter().filter(|row| row.overflow).collect();
    let [further] = further.as_slice() else { panic!("{further:#?}") };
    assert_eq!((further.resource.as_str(), further.event_count), ("arn:aws:s3:::lake/*", 300));
    assert_eq!(further.session_name.as_deref(), Some("ann"));
    // The pattern of the call whose keys are not logged stays a row of its own.
    let is_pattern = |row: &&UsageRow| &*row.resource == "arn:aws:s3:::lake/*" && !row.overflow;
    assert_eq!(read.iter().filter(is_pattern).map(|row| row.event_count).collect::<Vec<_>>(), [1]);
    let of_bob = Selection { sessions: vec!["bob".to_owned()], ..everybody() };
    let cut = TimeRange { from_us: parse_time("2024-05-01T03:00:00Z"), to_us: None };
    assert!(check(&snapshot, &everybody(), &TimeRange::default()) > 0);
    assert_eq!(check(&snapshot, &of_bob, &TimeRange::default()), 0);
    check(&snapshot, &everybody(), &cut);
    // So it is from a month that is summed up.
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    usage::refresh_months(&store.writer().expect("the writer"), 1, 1_000_000).expect("months");
    let snapshot = store.snapshot_with(None, usage::STATISTICS).expect("a snapshot");
    assert!(check(&snapshot, &everybody(), &TimeRange::default()) > 0);
}

/// Each error by the outcome that its call has, each event by whether it is a use at all.
#[test]
fn calls_that_nobody_decided_are_shown_and_network_events_are_none() {
    let made = |error| Made { second: 1, day: 0, session: "ann", what: (2, 1), error };
    let undecided = ["ThrottlingException", "ExpiredToken", "Client.AuthFailure", "InvalidClientTokenId"];
    for code in undecided {
        let mut counted = counted(&[made(Some(code)).record(1)]);
        let days = counted.days();
        let outcomes: Vec<_> = days.iter().flat_map(|(_, rows)| rows).map(|row| (row.action, row.outcome)).collect();
        assert_eq!(outcomes, [(Some("kms:Decrypt"), Outcome::Undecided)], "{code}");
    }
    for (category, kind, is_use) in [
        ("Management", "AwsApiCall", true),
        ("Data", "AwsApiCall", true),
        ("NetworkActivity", "AwsVpceEvents", false),
        ("NetworkActivity", "AwsVpceEvent", false),
        ("NetworkActivity", "AwsApiCall", false),
        ("Insight", "AwsCloudTrailInsight", false),
        ("Aggregated", "AwsAggregatedEvent", false),
        ("Aggregated", "AwsApiCall", false),
        ("SomethingNew", "AwsApiCall", false),
        ("Management", "AwsVpceEvents", false),
    ] {
        let mut record = made(None).record(1);
        record["eventCategory"] = category.into();
        record["eventType"] = kind.into();
        let mut counted = counted(&[record]);
        let days = counted.days();
        let actions: Vec<_> = days.iter().flat_map(|(_, rows)| rows).map(|row| row.action).collect();
        assert_eq!(actions, [is_use.then_some("kms:Decrypt")], "{category} {kind}");
    }
}

/// The cases that were handed over: what must not be granted has no row that was allowed.
#[test]
fn cases_of_undecided_and_network_events() {
    let Some(data) = crate::data::dir() else { return };
    let rows = |case: &str| {
        let mut counted = Rollup::default();
        let mut aggregator = Aggregator::resume(Resolver::new(Catalog::embedded()));
        for batch in super::batches(&data.join("cases").join(case)) {
            aggregator.add(&EventColumns::try_new(&batch).expect("columns"), |_| true);
        }
        counted.absorb(aggregator.finish().0);
        counted.into_rows()
    };
    let errors = rows("55-errors-before-authz");
    for name in [
        "CreateUser",
        "DeleteUser",
        "TerminateInstances",
        "DeleteQueue",
        "DescribeInstances",
        "DeleteTable",
        "RunInstances",
    ] {
        let of_name: Vec<Outcome> =
            errors.iter().filter(|row| &*row.event_name == name).map(|row| row.outcome).collect();
        assert!(
            !of_name.is_empty() && of_name.iter().all(|outcome| *outcome == Outcome::Undecided),
            "{name} {of_name:?}"
        );
    }
    let network = rows("57-network-plural");
    let (uses, none): (Vec<&UsageRow>, Vec<&UsageRow>) = network.iter().partition(|row| row.action.is_some());
    assert_eq!(uses.iter().map(|row| row.event_count).sum::<u64>(), 1);
    assert_eq!(none.iter().map(|row| row.event_count).sum::<u64>(), 4);
}
