//! Generated rules over generated records: what is found is what the second evaluator says, and what the SQL answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::judge;
use super::world::{World, record, rules};
use trailpare::detect::sql;

/// Texts in which patterns are found now and then.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[abAB.]{0,3}",
        1 => "[ab*?\\\\%_'\"é É]{0,4}",
        1 => prop_oneof![Just("10.1.2.3".to_owned()), Just("2001:db8::1".to_owned()), Just("10.9.0.0/16".to_owned())],
        1 => (0..30_u32).prop_map(|number| number.to_string()),
        1 => Just("2024-03-01T23:05:00Z".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => (0..30_u32).prop_map(Value::from),
        4 => text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("(a|b|a\\.b)", inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn event() -> impl Strategy<Value = Value> {
    let fields = (text(), text(), prop::option::of(text()), any::<bool>(), prop::option::of(value()), value());
    let more = (prop::option::of(value()), prop::option::of(value()), 0..86_400_u32);
    (fields, more).prop_map(|((name, agent, error, read_only, parameters, extra), (other, answer, second))| {
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let mut event = json!({
            "eventName": name, "userAgent": agent, "readOnly": read_only,
            "eventTime": format!("2024-03-01T{hour:02}:{minute:02}:{second:02}Z"),
            "additionalEventData": extra,
        });
        let optional = [("errorCode", error.map(Value::from)), ("requestParameters", parameters), ("custom", other)];
        for (key, value) in optional.into_iter().chain([("responseElements", answer)]) {
            if let Some(value) = value {
                event[key] = value;
            }
        }
        event
    })
}

const FIELDS: [&str; 16] = [
    "eventName",
    "userAgent",
    "errorCode",
    "readOnly",
    "eventTime",
    "requestParameters",
    "requestParameters.a",
    "requestParameters.a.b",
    "requestParameters.b",
    "responseElements.a",
    "additionalEventData",
    "custom",
    "custom.a",
    "userIdentity.type",
    "userIdentity",
    "nowhere",
];

/// A line of a selection, as YAML in its flow style.
fn line() -> impl Strategy<Value = String> {
    let field = || prop::sample::select(FIELDS.to_vec());
    let quoted = |text: &str| serde_json::to_string(text).expect("text");
    let values = move || {
        prop_oneof![
            3 => text().prop_map(move |text| quoted(&text)),
            1 => prop::collection::vec(text(), 1..4).prop_map(move |texts| {
                format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
            }),
            1 => Just("null".to_owned()),
            1 => (0..30_u32).prop_map(|number| number.to_string()),
        ]
    };
    let texts = prop::sample::select(vec![
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|cased",
        "|contains|cased",
        "|neq",
        "|contains|all",
        "|all",
        "|contains|neq",
        "|endswith|all",
    ]);
    let of_texts =
        (field(), texts, values()).prop_filter_map("no null where a text is wanted", |(field, modifier, value)| {
            let is_plain = matches!(modifier, "" | "|cased" | "|neq" | "|all");
            (is_plain || value != "null").then(|| format!("\"{field}{modifier}\": {value}"))
        });
    let plain = "[abAB.]{1,3}";
    let encoded =
        (field(), prop::sample::select(vec!["|base64offset|contains", "|base64", "|wide", "|windash"]), plain)
            .prop_map(|(field, modifier, text)| format!("\"{field}{modifier}\": \"{text}\""));
    let regex = (field(), prop::sample::select(vec!["|re", "|re|i", "|re|m", "|re|s|i"]), "\\^?[abA.]{1,2}[+*?]?\\$?")
        .prop_map(|(field, modifier, text)| format!("\"{field}{modifier}\": '{text}'"));
    let network = (field(), prop::sample::select(vec!["10.0.0.0/8", "2001:db8::/32", "10.1.2.3"]))
        .prop_map(|(field, network)| format!("\"{field}|cidr\": \"{network}\""));
    let number =
        (field(), prop::sample::select(vec!["|lt", "|lte", "|gt", "|gte", "|hour", "|minute|gte", "|day"]), 0..30)
            .prop_map(|(field, modifier, number)| format!("\"{field}{modifier}\": {number}"));
    let exists = (field(), any::<bool>()).prop_map(|(field, is)| format!("\"{field}|exists\": {is}"));
    let other =
        (field(), prop::sample::select(vec!["", "|contains", "|startswith|cased", "|endswith", "|neq"]), field())
            .prop_map(|(field, modifier, other)| format!("\"{field}|fieldref{modifier}\": \"{other}\""));
    prop_oneof![6 => of_texts, 1 => encoded, 2 => regex, 1 => network, 2 => number, 1 => exists, 1 => other]
}

/// A search identifier: a map, a list of maps, or keywords. A field stands in a map once.
fn search() -> impl Strategy<Value = String> {
    let map = || {
        prop::collection::vec(line(), 1..4).prop_map(|lines| {
            let by_key: BTreeMap<String, String> = lines
                .into_iter()
                .map(|line| (line.split("\": ").next().unwrap_or_default().to_owned(), line))
                .collect();
            format!("{{{}}}", by_key.into_values().collect::<Vec<_>>().join(", "))
        })
    };
    prop_oneof![
        6 => map(),
        2 => prop::collection::vec(map(), 1..3).prop_map(|maps| format!("[{}]", maps.join(", "))),
        1 => prop::collection::vec("[abAB*?]{1,3}", 1..3).prop_map(|words| format!("{words:?}")),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["s_1", "s_2", "_s", "1 of s_*", "all of s_*", "1 of them", "all of them", "not s_1"]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

fn detection() -> impl Strategy<Value = String> {
    (search(), search(), search(), condition())
        .prop_map(|(a, b, c, condition)| format!("    s_1: {a}\n    s_2: {b}\n    _s: {c}\n    condition: {condition}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_find_what_the_second_evaluator_says(
        events in prop::collection::vec(event(), 1..20),
        detections in prop::collection::vec(detection(), 1..10),
    ) {
        let events: Vec<Value> =
            events.into_iter().enumerate().map(|(at, more)| {
                let mut event = record(&format!("e{at:02}"), json!({}));
                more.as_object().expect("an object").iter().for_each(|(key, value)| event[key] = value.clone());
                event
            }).collect();
        let mut text = String::new();
        for (at, detection) in detections.iter().enumerate() {
            let _ = write!(text, "---\ntitle: r{at}\nlogsource: {{product: aws}}\ndetection:\n{detection}\n");
        }
        let rules = rules(&text);
        prop_assert_eq!(&rules.problems, &[], "{}", text);
        let world = World::new(&events);
        let found = world.ids(&rules);
        let asked = world.asked(&sql(&rules).expect("SQL"));
        for (at, detection) in detections.iter().enumerate() {
            let yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(detection).expect("YAML");
            let meet = events.iter().filter(|event| judge::meets(&yaml, event));
            let id = |event: &Value| event["eventID"].as_str().expect("an id").to_owned();
            let expected: Vec<String> = meet.map(id).collect();
            let own = found.get(&format!("r{at}")).cloned().unwrap_or_default();
            prop_assert_eq!(&own, &expected, "{}\n{:#?}", detection, events);
            prop_assert_eq!(&asked[at], &expected, "as SQL: {}", detection);
        }
    }
}
