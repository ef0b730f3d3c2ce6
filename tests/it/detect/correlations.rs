//! Correlations over a day of events, minute by minute.

use serde_json::{Value, json};
use trailpare::detect::Finding;

use super::world::{World, record, rule, rules};

/// An event at a minute of the day.
fn at(minute: u32, id: &str, name: &str, address: &str, more: Value) -> Value {
    let mut event = record(
        id,
        json!({
            "eventName": name, "sourceIPAddress": address,
            "eventTime": format!("2024-03-01T{:02}:{:02}:00Z", minute / 60, minute % 60),
        }),
    );
    more.as_object().expect("an object").iter().for_each(|(key, value)| event[key] = value.clone());
    event
}

/// Failed log-ins: five from one address in four minutes, two from another, later a success; keys of one user.
fn events() -> Vec<Value> {
    let failed = |minute, id: &str, address: &str, user: &str| {
        at(
            minute,
            id,
            "ConsoleLogin",
            address,
            json!({
                "errorMessage": "Failed authentication", "requestParameters": {"user": user, "bytes": minute}
            }),
        )
    };
    vec![
        failed(10, "f1", "10.0.0.1", "ann"),
        failed(11, "f2", "10.0.0.1", "bob"),
        failed(12, "f3", "10.0.0.1", "ann"),
        failed(13, "f4", "10.0.0.1", "cyd"),
        failed(14, "f5", "10.0.0.1", "ann"),
        failed(12, "g1", "10.0.0.2", "ann"),
        failed(40, "g2", "10.0.0.2", "ann"),
        at(15, "s1", "ConsoleLogin", "10.0.0.1", json!({"responseElements": {"ConsoleLogin": "Success"}})),
        at(90, "s2", "ConsoleLogin", "10.0.0.1", json!({"responseElements": {"ConsoleLogin": "Success"}})),
        at(20, "k1", "CreateAccessKey", "10.0.0.1", json!({"requestParameters": {"userName": "bob"}})),
        at(21, "u1", "UseKey", "10.0.0.9", json!({"requestParameters": {"as": "bob"}})),
        at(200, "u2", "UseKey", "10.0.0.9", json!({"requestParameters": {"as": "bob"}})),
    ]
}

fn base() -> String {
    [
        rule("failed", "    s: {errorMessage: Failed authentication}\n    condition: s"),
        rule("success", "    s: {responseElements.ConsoleLogin: Success}\n    condition: s"),
        rule("key", "    s: {eventName: CreateAccessKey}\n    condition: s"),
        rule("use", "    s: {eventName: UseKey}\n    condition: s"),
    ]
    .concat()
}

fn correlation(title: &str, body: &str) -> String {
    format!("---\ntitle: {title}\nname: {title}\nlevel: high\ncorrelation: {{{body}}}\n")
}

/// Findings of the correlation `c`: ids, group, how many.
fn found(text: &str) -> Vec<(Vec<String>, String, usize)> {
    let rules = rules(&[base(), text.to_owned()].concat());
    assert_eq!(rules.problems, [], "{text}");
    let world = World::new(&events());
    let told = |(title, finding): (String, Finding)| {
        let group: Vec<String> = finding.group.iter().map(|(field, value)| format!("{field}={value}")).collect();
        (title == "c").then(|| (finding.ids, group.join(" "), finding.events))
    };
    world.findings(&rules).into_iter().filter_map(told).collect()
}

fn expected(ids: &[&str], group: &str) -> (Vec<String>, String, usize) {
    (ids.iter().map(|id| (*id).to_owned()).collect(), group.to_owned(), ids.len())
}

#[test]
fn events_are_counted_in_windows_that_slide() {
    let count = |timespan: &str, condition: &str| {
        found(&correlation(
            "c",
            &format!(
                "type: event_count, rules: [failed], group-by: [sourceIPAddress], timespan: {timespan}, \
                 condition: {{{condition}}}"
            ),
        ))
    };
    let all = expected(&["f1", "f2", "f3", "f4", "f5"], "sourceIPAddress=10.0.0.1");
    assert_eq!(count("4m", "gte: 5"), std::slice::from_ref(&all));
    assert_eq!(count("3m", "gte: 5"), []);
    // Each window of three minutes but the last ones has three: one match.
    assert_eq!(count("2m", "gt: 2"), std::slice::from_ref(&all));
    assert_eq!(count("1h", "gte: 2"), [all.clone(), expected(&["g1", "g2"], "sourceIPAddress=10.0.0.2")]);
    // What more events can make false is judged when the window is over.
    assert_eq!(count("4m", "gte: 2, lt: 6"), std::slice::from_ref(&all));
    assert_eq!(count("4m", "eq: 5"), [all]);
    assert_eq!(
        count("10m", "lt: 2"),
        [expected(&["g1"], "sourceIPAddress=10.0.0.2"), expected(&["g2"], "sourceIPAddress=10.0.0.2")]
    );
}

#[test]
fn values_are_counted_and_summed_up() {
    let values = |kind: &str, field: &str, condition: &str| {
        found(&correlation(
            "c",
            &format!(
                "type: {kind}, rules: [failed], group-by: [sourceIPAddress], timespan: 1h, \
                 condition: {{field: {field}, {condition}}}"
            ),
        ))
    };
    let all = expected(&["f1", "f2", "f3", "f4", "f5"], "sourceIPAddress=10.0.0.1");
    let first = expected(&["f1", "f2", "f3", "f4"], "sourceIPAddress=10.0.0.1");
    // The third user came with the fourth event; the fifth belongs to the same match.
    assert_eq!(values("value_count", "requestParameters.user", "gte: 3"), std::slice::from_ref(&all));
    assert_eq!(values("value_count", "requestParameters.user", "gte: 4"), []);
    assert_eq!(values("value_sum", "requestParameters.bytes", "gt: 59"), std::slice::from_ref(&all));
    assert_eq!(values("value_sum", "requestParameters.bytes", "gt: 60"), []);
    assert_eq!(
        values("value_avg", "requestParameters.bytes", "gte: 12"),
        [all, expected(&["g1", "g2"], "sourceIPAddress=10.0.0.2")]
    );
    assert_eq!(values("value_avg", "requestParameters.user", "gte: 0"), []);
    assert_eq!(first.2, 4);
    // Without a group all belong together; an event without a value of the group belongs to none.
    let open = found(&correlation("c", "type: event_count, rules: [failed], timespan: 1h, condition: {gte: 7}"));
    assert_eq!(open.iter().map(|one| one.2).collect::<Vec<_>>(), [7]);
    let nowhere = "type: event_count, rules: [failed], group-by: [nowhere], timespan: 1h, condition: {gte: 1}";
    assert_eq!(found(&correlation("c", nowhere)), []);
}

#[test]
fn rules_that_come_together() {
    let temporal = |kind: &str, rules: &str, timespan: &str| {
        found(&correlation(
            "c",
            &format!("type: {kind}, rules: [{rules}], group-by: [sourceIPAddress], timespan: {timespan}"),
        ))
    };
    let group = "sourceIPAddress=10.0.0.1";
    assert_eq!(temporal("temporal", "success, failed", "1m"), [expected(&["f5", "s1"], group)]);
    assert_eq!(temporal("temporal_ordered", "failed, success", "1m"), [expected(&["f5", "s1"], group)]);
    assert_eq!(temporal("temporal_ordered", "success, failed", "1h"), []);
    assert_eq!(temporal("temporal_ordered", "failed, success, key", "10m"), [expected(&["f5", "s1", "k1"], group)]);
    assert_eq!(temporal("temporal_ordered", "failed, success, key", "5m"), []);
    // Of one rule two events are wanted.
    assert_eq!(temporal("temporal_ordered", "success, success", "2h"), [expected(&["s1", "s2"], group)]);
    // Fields of other names.
    let aliases = "type: temporal, rules: [key, use], group-by: [who], timespan: 5m, \
                   aliases: {who: {key: requestParameters.userName, use: requestParameters.as}}";
    assert_eq!(found(&correlation("c", aliases)), [expected(&["k1", "u1"], "who=bob")]);
}

#[test]
fn correlations_over_correlations() {
    let many = "type: event_count, rules: [failed], group-by: [sourceIPAddress], timespan: 5m, condition: {gte: 5}";
    let then = "type: temporal_ordered, rules: [many, success], group-by: [sourceIPAddress], timespan: 10m";
    // The outer one may stand first.
    let text = [correlation("c", then), correlation("many", many)].concat();
    let all = expected(&["f1", "f2", "f3", "f4", "f5", "s1"], "sourceIPAddress=10.0.0.1");
    assert_eq!(found(&text), [all]);
    let rules = rules(&[base(), text.clone()].concat());
    let told: Vec<&str> = rules.headers().iter().map(|header| header.title.as_str()).collect();
    assert_eq!(told, ["key", "use", "c"], "what a correlation is over is not told by itself");
    let generated = text.replace("timespan: 10m}", "timespan: 10m, generate: true}");
    let rules = super::world::rules(&[base(), generated].concat());
    assert_eq!(rules.headers().len(), 5, "{:?}", rules.headers());
    let over = |inner: &str| {
        let text = [base(), correlation("many", &many.replace("gte: 5", inner)), correlation("c", then)].concat();
        super::world::rules(&text).problems
    };
    assert!(over("lt: 5")[0].what.contains("`many`"), "{:?}", over("lt: 5"));
}

/// As conditions counted before Sigma 2.
#[test]
fn conditions_that_count() {
    let old = |condition: &str| {
        let body =
            format!("    s: {{errorMessage: Failed authentication}}\n    timeframe: 5m\n    condition: {condition}");
        found(&rule("c", &body))
    };
    let all = expected(&["f1", "f2", "f3", "f4", "f5"], "sourceIPAddress=10.0.0.1");
    assert_eq!(old("s | count() by sourceIPAddress > 4"), std::slice::from_ref(&all));
    assert_eq!(old("s | count(requestParameters.user) by sourceIPAddress >= 3"), [all]);
    assert_eq!(old("s | count() by sourceIPAddress > 5"), []);
}

/// Thousands of events of one group in one window cost what they are, and are counted, not listed.
#[test]
fn windows_of_many_events() {
    let events: Vec<Value> =
        (0..5_000).map(|n| at(n / 10, &format!("e{n:05}"), "Many", "10.0.0.1", json!({}))).collect();
    let text = [
        rule("many", "    s: {eventName: Many}\n    condition: s"),
        correlation(
            "c",
            "type: event_count, rules: [many], group-by: [sourceIPAddress], timespan: 1d, condition: {gte: 2}",
        ),
    ];
    let found = World::new(&events).findings(&rules(&text.concat()));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].1.events, found[0].1.ids.len()), (5_000, trailpare::detect::IDS_MAX));
    assert_eq!(found[0].1.principal.as_deref(), Some("arn:aws:iam::111122223333:user/ann"));
}
