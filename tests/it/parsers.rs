//! Parsers of what others wrote hold what they promise: a short run of the properties that the fuzz targets try for long.

mod properties;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

// Found by `properties` here as in a fuzz target.
use crate::record::oracle;

/// Texts as they are in logs, and as somebody writes them who means harm.
fn text() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "\\PC{0,6}",
        "[\\x00-\\x1f\\x7f\u{202e}\u{9b}=+@\\-\"\\\\,:/%?*.]{1,3}",
        "arn:aws:[a-z0-9]{1,4}:[a-z0-9-]{0,9}:[0-9]{0,12}:[a-z/:*-]{0,9}",
        "(password|sessionToken|secret|name|key|value|token=|PASSWORD=|arn%3A|%2f)",
        "(Records|eventTime|eventSource|eventName|tag|content|Statement|Effect|Action)",
        "2024-0[1-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z)?",
    ];
    proptest::collection::vec(parts, 0..4).prop_map(|parts| parts.concat())
}

/// JSON of any shape, with JSON in its texts.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let object = proptest::collection::vec((text(), inner.clone()), 0..5);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object.prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

/// Bytes of which some are others.
fn damaged(text: String, damage: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    let length = bytes.len().max(1);
    damage.iter().for_each(|(at, byte)| _ = bytes.get_mut(at % length).map(|old| *old = *byte));
    bytes
}

fn damage() -> impl Strategy<Value = Vec<(usize, u8)>> {
    proptest::collection::vec((any::<usize>(), any::<u8>()), 0..3)
}

/// What looks like an event.
fn event() -> impl Strategy<Value = Value> {
    (document(), text(), 0..60_u8).prop_map(|(parameters, id, second)| {
        json!({"eventVersion": "1.08", "eventTime": format!("2024-03-01T07:00:{second:02}Z"), "eventID": id,
            "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "eu-west-1",
            "userIdentity": {"type": "IAMUser", "userName": id}, "requestParameters": parameters})
    })
}

/// What looks like a policy.
fn policy() -> impl Strategy<Value = Value> {
    let name =
        || prop_oneof![Just("Action"), Just("NotAction"), Just("Resource"), Just("NotResource"), Just("Principal")];
    let some = prop_oneof![text().prop_map(Value::from), proptest::collection::vec(text(), 0..3).prop_map(Value::from)];
    let condition = (prop_oneof![Just("StringLike"), Just("Bool"), Just("ForAnyValue:StringEquals")], text(), text())
        .prop_map(|(operator, key, value)| json!({operator: {key: value}}));
    let statement = (some.clone(), some, name(), text(), proptest::option::of(condition), any::<bool>()).prop_map(
        |(actions, resources, name, sid, condition, allows)| {
            let mut statement = json!({"Sid": sid, "Effect": if allows { "Allow" } else { "Deny" }, "Action": actions});
            statement[name] = resources;
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        },
    );
    proptest::collection::vec(statement, 0..3)
        .prop_map(|statements| json!({"Version": "2012-10-17", "Statement": statements}))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redacted_json_is_json(document in document(), damage in damage()) {
        properties::redaction(document.to_string().as_bytes());
        properties::redaction(&damaged(document.to_string(), &damage));
    }

    #[test]
    fn the_tape_has_what_serde_json_has(document in document(), damage in damage()) {
        properties::json_tape(&document.to_string());
        properties::json_tape(&String::from_utf8_lossy(&damaged(document.to_string(), &damage)));
    }

    #[test]
    fn markers_and_catalogs_name_what_is_in_the_store(
        add in proptest::collection::vec(path(), 0..3), replace in proptest::collection::vec(path(), 0..3),
        damage in damage(), table in -1_i64..4, is_relative in any::<bool>(),
    ) {
        for path in add.iter().chain(&replace) {
            properties::data_path(table, path, is_relative);
        }
        properties::marker(&damaged(json!({"add": add, "replace": replace}).to_string(), &damage));
    }

    #[test]
    fn ledger_names_come_together_again(name in prop_oneof![text(), path()], sha256 in any::<[u8; 32]>()) {
        properties::ledger_names(&name, sha256);
        properties::names(&name);
        properties::arn(&name);
    }

    #[test]
    fn digests_are_read(digest in digest(), damage in damage(), key in path()) {
        properties::digest(digest.to_string().as_bytes());
        properties::digest(&damaged(digest.to_string(), &damage));
        properties::digest_name(&key);
    }

    #[test]
    fn chains_come_to_an_end(
        links in proptest::collection::vec((0..6_u8, proptest::option::of(0..6_u8)), 0..9), is_backfill in any::<bool>(),
    ) {
        properties::digest_chain(&links, is_backfill);
    }

    #[test]
    fn cells_are_one_cell_each(text in text()) {
        properties::cell(&text);
    }

    #[test]
    fn policies_come_back(policy in policy(), damage in damage()) {
        properties::policy(&policy.to_string());
        properties::policy(&json!([{"PolicyName": "p", "PolicyDocument": policy}]).to_string());
        properties::policy(&String::from_utf8_lossy(&damaged(policy.to_string(), &damage)));
    }

    #[test]
    fn what_is_undamaged_is_salvaged_whole(events in proptest::collection::vec(event(), 0..4), damage in damage()) {
        let object = json!({"Records": events}).to_string();
        properties::salvaged(object.as_bytes());
        properties::salvaged(&damaged(object, &damage));
    }

    #[test]
    fn any_form_is_brought_to_the_main_one(
        form in prop::sample::select(crate::forms::plain_samples()), damage in damage()
    ) {
        properties::forms(form.as_bytes());
        properties::forms(&damaged(form.clone(), &damage));
        properties::ocsf(&damaged(form, &damage));
    }
}

/// What looks like a digest, the answer with public keys, or metadata with signatures.
fn digest() -> impl Strategy<Value = Value> {
    let time = prop_oneof![Just("2024-03-01T07:00:00Z".to_owned()), text()];
    let files = proptest::collection::vec((path(), text()), 0..3);
    let digest =
        (time, path(), proptest::option::of((path(), text())), files).prop_map(|(time, key, before, files)| {
            let files = files.into_iter().map(|(key, hash)| json!({"s3Object": key, "hashValue": hash}));
            json!({"digestStartTime": time, "digestEndTime": time, "digestS3Bucket": "b", "digestS3Object": key,
            "digestPublicKeyFingerprint": "31", "logFiles": files.collect::<Vec<_>>(),
            "previousDigestS3Object": before.as_ref().map(|before| &before.0),
            "previousDigestSignature": before.as_ref().map(|before| &before.1)})
        });
    let keys = (text(), document()).prop_map(
        |(text, value)| json!({"PublicKeyList": [{"Value": text, "Fingerprint": text, "ValidityStartTime": value}]}),
    );
    let signatures = (path(), text()).prop_map(|(key, text)| json!({key: {"Metadata": {"signature": text}}}));
    prop_oneof![digest, keys, signatures]
}

/// What the fuzz targets `forms` and `ocsf` try for long, from every form on, where there is no fuzzer.
#[test]
#[ignore = "two minutes"]
fn forms_and_their_damages_for_long() {
    let (samples, mut state, mut count) = (crate::forms::all_samples(), 1_u64, 0_u64);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(110) {
        for sample in &samples {
            let mut bytes = sample.clone();
            for _ in 0..next() % 4 {
                let at = next() % bytes.len();
                bytes[at] = next() as u8;
            }
            if next() % 8 == 0 {
                bytes.truncate(next() % sample.len());
            }
            properties::forms(&bytes);
            properties::ocsf(&bytes);
            count += 1;
        }
    }
    eprintln!("{count} damaged samples");
}

/// Paths as a store names them, and others.
fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("main".to_owned()),
        Just("events".to_owned()),
        Just("usage".to_owned()),
        Just("..".to_owned()),
        Just("../../replaced".to_owned()),
        Just("day=2024-03-01".to_owned()),
        Just("a.parquet".to_owned()),
        Just("111122223333_CloudTrail_eu-west-1_20240301T0710Z_AAAAAAAAAAAAAAAA.json.gz".to_owned()),
        text(),
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.join("/"))
}
