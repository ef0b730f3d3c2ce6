//! What each construct of Sigma means, by events and expectations written by hand.

use std::path::PathBuf;

use serde_json::{Value, json};
use trailpare::detect::{Level, Rules, sql};

use super::judge;
use super::world::{World, record, rule, rules};

/// The events that the rules below are about.
fn events() -> Vec<Value> {
    vec![
        record(
            "e1",
            json!({
                "eventName": "DeleteBucket", "errorCode": "AccessDenied", "errorMessage": "User is not authorized",
                "readOnly": false, "eventTime": "2024-03-01T23:30:00Z", "requestParameters": {"bucketName": "logs-1"}
            }),
        ),
        record(
            "e2",
            json!({
                "eventName": "ConsoleLogin", "eventSource": "signin.amazonaws.com", "sourceIPAddress": "10.1.2.3",
                "additionalEventData": {"MFAUsed": "No", "LoginTo": "https://console.aws.amazon.com/x?y=*"},
                "responseElements": {"ConsoleLogin": "Success"}, "requestParameters": null
            }),
        ),
        record(
            "e3",
            json!({
                "eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com",
                "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": [
                    {"fromPort": 22, "ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}, {"cidrIp": "0.0.0.0/0"}]}},
                    {"fromPort": 443, "ipRanges": {"items": []}}
                ]}}
            }),
        ),
        record(
            "e4",
            json!({
                "eventName": "PutUserPolicy", "eventSource": "iam.amazonaws.com", "userAgent": "S3 Browser/9.5.5",
                "requestParameters": {
                    "userName": "ann", "policyDocument": "{\"Effect\":\"Allow\",\"Action\":\"s3:*\"}"
                },
                "responseElements": null, "vendor": {"score": 7}
            }),
        ),
        record(
            "e5",
            json!({
                "eventName": "CreateUser", "eventSource": "iam.amazonaws.com", "sourceIPAddress": "AWS Internal",
                "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"},
                "requestParameters": {
                    "userName": "C:\\new\\a*b", "encoded": "eHhjbWQuZXhleHg=", "empty": "", "none": null
                },
                "resources": [
                    {"ARN": "arn:aws:iam::111122223333:user/bob", "type": "AWS::IAM::User"}, {"ARN": "arn:two"}
                ]
            }),
        ),
        record(
            "e6",
            json!({
                "eventName": "Line\nBreak", "sourceIPAddress": "2001:db8::7", "recipientAccountId": "012345678901",
                "requestParameters": {"count": "12", "flag": true, "size": 1.5, "until": "2024-03-04T10:05:00Z"}
            }),
        ),
    ]
}

/// A detection, and the numbers of the events that it is about.
const CONSTRUCTS: &[(&str, &[u32])] = &[
    // Texts.
    ("s: {eventName: deletebucket}\ncondition: s", &[1]),
    ("s: {eventName|cased: deletebucket}\ncondition: s", &[]),
    ("s: {eventName|cased: DeleteBucket}\ncondition: s", &[1]),
    ("s: {eventName: [DeleteBucket, CREATEUSER]}\ncondition: s", &[1, 5]),
    ("s: {eventName: 'Delete*'}\ncondition: s", &[1]),
    ("s: {eventName: '?reateUser'}\ncondition: s", &[5]),
    ("s: {eventName: '*o*i*'}\ncondition: s", &[2, 3, 4]),
    ("s: {eventName: 'Line*Break'}\ncondition: s", &[6]),
    ("s: {eventName: 'Line?Break'}\ncondition: s", &[6]),
    ("s: {recipientAccountId: 012345678901}\ncondition: s", &[6]),
    ("s: {recipientAccountId: '012345678901'}\ncondition: s", &[6]),
    // Escapes, and what LIKE means something by.
    (
        r"s: {additionalEventData.LoginTo|endswith: '=\*'}
condition: s",
        &[2],
    ),
    (
        r"s: {requestParameters.userName: 'C:\new\a\*b'}
condition: s",
        &[5],
    ),
    (
        r"s: {requestParameters.userName: 'C:\\new\\*'}
condition: s",
        &[5],
    ),
    (
        r"s: {requestParameters.userName|startswith: 'C:\'}
condition: s",
        &[5],
    ),
    ("s: {requestParameters.bucketName: 'logs_1'}\ncondition: s", &[]),
    ("s: {eventName: '%'}\ncondition: s", &[]),
    // What is not there, null, empty.
    ("s: {errorCode: null}\ncondition: s", &[2, 3, 4, 5, 6]),
    ("s: {errorCode: null}\ncondition: not s", &[1]),
    ("s: {eventSource: iam.amazonaws.com}\nf: {errorCode: AccessDenied}\ncondition: s and not f", &[4, 5]),
    ("s: {requestParameters.empty: ''}\ncondition: s", &[5]),
    ("s: {requestParameters.none: null, eventName: CreateUser}\ncondition: s", &[5]),
    ("s: {requestParameters.none|exists: true}\ncondition: s", &[5]),
    ("s: {requestParameters.userName|exists: true}\ncondition: s", &[4, 5]),
    ("s: {requestParameters.userName|exists: false, eventSource: s3.amazonaws.com}\ncondition: s", &[1, 6]),
    ("s: {responseElements|exists: true}\ncondition: s", &[2, 4]),
    ("s: {errorCode|exists: false}\ncondition: s", &[2, 3, 4, 5, 6]),
    ("s: {errorMessage: '*'}\ncondition: s", &[1]),
    ("s: {errorMessage|contains: '*'}\ncondition: not s", &[2, 3, 4, 5, 6]),
    // Numbers and booleans, in whatever type of JSON.
    ("s: {readOnly: false}\ncondition: s", &[1]),
    ("s: {readOnly: 'FALSE'}\ncondition: s", &[1]),
    ("s: {readOnly|startswith: f}\ncondition: s", &[1]),
    ("s: {readOnly: maybe}\ncondition: s", &[]),
    ("s: {requestParameters.flag: 'true'}\ncondition: s", &[6]),
    ("s: {requestParameters.count: 12}\ncondition: s", &[6]),
    ("s: {requestParameters.ipPermissions.items.fromPort: 443}\ncondition: s", &[3]),
    ("s: {requestParameters.count|gt: 11}\ncondition: s", &[6]),
    ("s: {requestParameters.count|lte: 11.9}\ncondition: s", &[]),
    ("s: {requestParameters.size|gte: 1.5}\ncondition: s", &[6]),
    ("s: {requestParameters.ipPermissions.items.fromPort|lt: 23}\ncondition: s", &[3]),
    ("s: {vendor.score|gt: 6}\ncondition: s", &[4]),
    ("s: {recipientAccountId|lt: 99999999999}\ncondition: s", &[6]),
    // Lists and objects within.
    ("s: {requestParameters.ipPermissions.items.ipRanges.items.cidrIp: 0.0.0.0/0}\ncondition: s", &[3]),
    ("s: {requestParameters|contains: bucketname}\ncondition: s", &[1]),
    ("s: {requestParameters|contains|all: ['\"Allow\"', '\"s3:*\"']}\ncondition: s", &[4]),
    ("s: {resources.ARN: 'arn:two'}\ncondition: s", &[5]),
    ("s: {resources.type|endswith: '::User'}\ncondition: s", &[5]),
    ("s: {userIdentity|contains: root}\ncondition: s", &[5]),
    ("s: {userIdentity.userName: null}\ncondition: s", &[5]),
    ("s: {vendor|contains: score}\ncondition: s", &[4]),
    // Modifiers that change texts.
    ("s: {userAgent|contains: browser}\ncondition: s", &[4]),
    ("s: {eventName|contains|all: [Console, Log]}\ncondition: s", &[2]),
    ("s: {eventName|contains|all: [Console, Bucket]}\ncondition: s", &[]),
    ("s: {eventName|neq: [GetObject, CreateUser], eventSource: iam.amazonaws.com}\ncondition: s", &[4]),
    ("s: {errorCode|neq: AccessDenied}\ncondition: s", &[2, 3, 4, 5, 6]),
    ("s: {requestParameters.encoded|base64offset|contains: cmd.exe}\ncondition: s", &[5]),
    ("s: {requestParameters.encoded|base64: xxcmd.exexx}\ncondition: s", &[5]),
    ("s: {requestParameters.encoded|wide|base64offset|contains: cmd}\ncondition: s", &[]),
    ("s: {requestParameters.groupId|windash: sg-1}\ncondition: s", &[3]),
    ("s: {userAgent|expand: 'S3\\% Browser*'}\ncondition: s", &[]),
    // Regular expressions.
    ("s: {eventName|re: '^Delete.+t$'}\ncondition: s", &[1]),
    ("s: {eventName|re: '^delete'}\ncondition: s", &[]),
    ("s: {eventName|re|i: '^delete'}\ncondition: s", &[1]),
    ("s: {eventName|re: 'Line.Break'}\ncondition: s", &[]),
    ("s: {eventName|re|s: 'Line.Break'}\ncondition: s", &[6]),
    ("s: {eventName|re|m: '^Break$'}\ncondition: s", &[6]),
    ("s: {requestParameters.bucketName|re: '[0-9]$'}\ncondition: s", &[1]),
    ("s: {readOnly|re: '^f'}\ncondition: s", &[1]),
    // Addresses.
    ("s: {sourceIPAddress|cidr: 10.0.0.0/8}\ncondition: s", &[2]),
    ("s: {sourceIPAddress|cidr: [10.0.0.0/8, '2001:db8::/32']}\ncondition: s", &[2, 6]),
    ("s: {sourceIPAddress|cidr: 0.0.0.0/0}\ncondition: not s", &[5, 6]),
    ("s: {requestParameters.ipPermissions.items.ipRanges.items.cidrIp|cidr: 10.0.0.0/8}\ncondition: s", &[3]),
    // Times.
    ("s: {eventTime|hour: 23}\ncondition: s", &[1]),
    ("s: {eventTime|hour|gte: 22}\ncondition: s", &[1]),
    ("s: {eventTime|minute: 30, eventTime|day: 1, eventTime|week: 9, eventTime|month: 3}\ncondition: s", &[1]),
    ("s: {eventTime|year: 2023}\ncondition: s", &[]),
    ("s: {eventTime|startswith: '2024-03-01t23'}\ncondition: s", &[1]),
    ("s: {requestParameters.until|hour: 10, requestParameters.until|minute: 5}\ncondition: s", &[6]),
    // Other fields.
    ("s: {userIdentity.userName|fieldref: requestParameters.userName}\ncondition: s", &[4]),
    ("s: {userIdentity.arn|fieldref|endswith: requestParameters.userName}\ncondition: s", &[4]),
    ("s: {userIdentity.arn|contains|fieldref: userIdentity.userName}\ncondition: s", &[1, 2, 3, 4, 6]),
    ("s: {awsRegion|fieldref|neq: awsRegion}\ncondition: s", &[]),
    // Keywords.
    ("k: [allow, s3 browser]\ncondition: k", &[4]),
    ("k: {'|all': [root, bob]}\ncondition: k", &[5]),
    ("k: root\ncondition: k", &[5]),
    ("k: {'|re': 'sg-[0-9]'}\ncondition: k", &[3]),
    ("k: ['not*authorized']\ncondition: k", &[1]),
    // Maps, lists of maps, conditions.
    ("s: [{eventName: DeleteBucket}, {userAgent|contains: browser, eventName|startswith: Put}]\ncondition: s", &[1, 4]),
    ("s: {eventSource: iam.amazonaws.com, userIdentity.type: Root}\ncondition: s", &[5]),
    ("a: {eventSource: iam.amazonaws.com}\nb: {userIdentity.type: Root}\ncondition: a and not b", &[4]),
    ("a: {eventSource: iam.amazonaws.com}\nb: {eventName: DeleteBucket}\ncondition: a or b", &[1, 4, 5]),
    (
        "s_1: {eventName: DeleteBucket}\ns_2: {eventName: CreateUser}\nx: {eventName: Line*}\ncondition: 1 of s_*",
        &[1, 5],
    ),
    ("s_1: {eventSource: iam.amazonaws.com}\ns_2: {eventName: CreateUser}\ncondition: all of s_*", &[5]),
    ("a: {eventName: CreateUser}\n_b: {eventName: DeleteBucket}\ncondition: 1 of them", &[5]),
    ("a: {eventName: CreateUser}\nb: {userIdentity.type: Root}\ncondition: all of them", &[5]),
    ("a: {eventSource: iam.amazonaws.com}\nb: {eventName: CreateUser}\ncondition: not (a and not b) and a", &[5]),
    ("a: {eventName: CreateUser}\nb: {eventName: DeleteBucket}\ncondition: [a, b]", &[1, 5]),
    (
        "a: {eventName: CreateUser}\nb: {eventName: DeleteBucket}\nc: {readOnly: false}\ncondition: a or b and c",
        &[1, 5],
    ),
];

fn indented(detection: &str) -> String {
    detection.lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn every_construct_finds_what_it_means() {
    let events = events();
    let world = World::new(&events);
    let text: String = CONSTRUCTS
        .iter()
        .enumerate()
        .map(|(at, (detection, _))| rule(&format!("r{at}"), &indented(detection)))
        .collect();
    let rules = rules(&text);
    assert_eq!(rules.problems, [], "{:#?}", rules.problems);
    let found = world.ids(&rules);
    let said = sql(&rules).expect("SQL");
    let asked = world.asked(&said);
    for (at, (detection, expected)) in CONSTRUCTS.iter().enumerate() {
        let expected: Vec<String> = expected.iter().map(|number| format!("e{number}")).collect();
        assert_eq!(found.get(&format!("r{at}")).cloned().unwrap_or_default(), expected, "{detection}");
        assert_eq!(asked[at], expected, "as SQL: {detection}");
        let yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(detection).expect("YAML");
        let judged = events.iter().filter(|event| judge::meets(&yaml, event));
        let judged: Vec<&str> = judged.map(|event| event["eventID"].as_str().expect("an id")).collect();
        assert_eq!(judged, expected, "by the second evaluator: {detection}");
    }
}

/// Many values of one field are looked up in a set, and mean the same.
#[test]
fn many_values_are_one_question() {
    let world = World::new(&events());
    let many: Vec<String> = (0..300).map(|n| format!("Name{n}")).chain(["deleteBUCKET".to_owned()]).collect();
    let text = |field: &str| rule(field, &format!("    s: {{{field}: [{}]}}\n    condition: s", many.join(", ")));
    let rules =
        rules(&[text("eventName"), text("requestParameters.bucketName"), text("eventName|startswith")].concat());
    assert_eq!(rules.problems, []);
    let found = world.ids(&rules);
    assert_eq!(found.get("eventName").map(Vec::as_slice), Some(&["e1".to_owned()][..]));
    assert_eq!(found.get("eventName|startswith").map(Vec::as_slice), Some(&["e1".to_owned()][..]));
    assert_eq!(found.len(), 2);
}

/// What can't be run: a detection, where it stands, a word of what is said, a word of the remedy.
const PROBLEMS: &[(&str, &str, &str, &str)] = &[
    ("s: {eventName|frobnicate: x}\ncondition: s", "detection.s.eventName|frobnicate", "no modifier", "contains"),
    (
        "s: {eventName|contain: x}\ncondition: s",
        "detection.s.eventName|contain",
        "no modifier",
        "did you mean `contains`",
    ),
    ("s: {eventName|expand: '%admins%'}\ncondition: s", "detection.s.eventName|expand", "%admins%", "write the values"),
    ("s: {eventName|re: '(?=x)'}\ncondition: s", "detection.s.eventName|re", "regular expression", "look-around"),
    (
        "s: {eventName|re: '(a{9999}){9999}'}\ncondition: s",
        "detection.s.eventName|re",
        "regular expression",
        "Sigma has",
    ),
    ("s: {eventName|i: x}\ncondition: s", "detection.s.eventName|i", "without `re`", "re|i"),
    (
        "s: {sourceIPAddress|cidr: 10.0.0.0/99}\ncondition: s",
        "detection.s.sourceIPAddress|cidr",
        "no network",
        "10.0.0.0/8",
    ),
    ("s: {a|gt: x}\ncondition: s", "detection.s.a|gt", "no number", "take numbers"),
    ("s: {a|contains|gt: 1}\ncondition: s", "detection.s.a|contains|gt", "encodes or opens", "leave"),
    ("s: {a|base64|lt: 1}\ncondition: s", "detection.s.a|base64|lt", "encodes or opens", "leave"),
    ("s: {a|contains|hour: 1}\ncondition: s", "detection.s.a|contains|hour", "encodes or opens", "leave"),
    ("s: {a|contains|exists: true}\ncondition: s", "detection.s.a|contains|exists", "true or false", "exists: true"),
    ("s: {a|re|fieldref: b}\ncondition: s", "detection.s.a|re|fieldref", "two modifiers", "split"),
    ("s: {a|frob: b}\ncondition: s", "detection.s.a|frob", "no modifier", "fieldref"),
    ("s: {a: b}\ncondition: s | count() > nan\ntimeframe: 1h", "detection.condition", "no number", ""),
    ("s: {a|exists: maybe}\ncondition: s", "detection.s.a|exists", "true or false", "exists: true"),
    ("s: {a|base64: 'x*'}\ncondition: s", "detection.s.a|base64", "wildcards", r"\*"),
    ("s: {a|utf16: x}\ncondition: s", "detection.s.a|utf16", "no text", "base64"),
    ("s: {a|windash: '-a -b -c -d -e -f'}\ncondition: s", "detection.s.a|windash", "spellings", "split"),
    ("s: {a: [x, {b: c}]}\ncondition: s", "detection.s.a[1]", "list or a map", "one value"),
    ("s: {a: []}\ncondition: s", "detection.s.a", "no value", "leave the field out"),
    ("s: {a: !b c}\ncondition: s", "detection.s.a", "YAML tag", "without"),
    ("s: {a: b}\ncondition: s and t", "detection.condition", "`t`", "there is s"),
    ("s: {a: b}\ncondition: 1 of t*", "detection.condition", "`t*`", "search identifiers"),
    ("s: {a: b}\ncondition: 2 of them", "detection.condition", "2 of", "write it as"),
    ("s: {a: b}\ncondition: s | near t", "detection.condition", "near", "correlation"),
    ("s: {a: b}\ncondition: s | count() > 3", "detection.timeframe", "missing", "timeframe: 10m"),
    ("s: {a: b}", "detection", "no condition", "condition: selection"),
    ("s:\ncondition: s", "detection.s", "empty", "fields or keywords"),
    ("s: [[a]]\ncondition: s", "detection.s[0]", "no map", "list of maps"),
    ("s: {1: b}\ncondition: s", "detection.s", "no text", "quotes"),
];

#[test]
fn what_cannot_be_run_is_named_and_the_rest_runs() {
    let world = World::new(&events());
    for (detection, path, what, hint) in PROBLEMS {
        let text =
            [rule("bad", &indented(detection)), rule("good", "    s: {eventName: CreateUser}\n    condition: s")];
        let rules = rules(&text.concat());
        assert_eq!(rules.problems.len(), 1, "{detection}: {:?}", rules.problems);
        let problem = &rules.problems[0];
        assert_eq!((problem.place.path.as_str(), problem.place.document), (*path, 1), "{detection}: {problem}");
        assert!(problem.what.contains(what), "{detection}: {problem}");
        assert!(problem.hint.contains(hint), "{detection}: {problem}");
        assert_eq!(world.ids(&rules).len(), 1, "{detection}");
    }
}

#[test]
fn documents_that_are_no_rules_are_named() {
    let good = rule("good", "    s: {eventName: CreateUser}\n    condition: s");
    for (document, path, what) in [
        ("[1, 2]", "", "no map"),
        ("title: x", "", "no detection"),
        ("detection: {s: {a: b}, condition: s}", "", "no title"),
        ("title: x\ndetection: {s: {a: b}, condition: s}", "", "no logsource"),
        ("title: x\nlevel: grave\ndetection: {}", "level", "no level"),
        ("title: x\ntaxonomy: ecs\ndetection: {}", "taxonomy", "ecs"),
        ("action: global\ntitle: x", "action", "before Sigma 2"),
        ("title: x\ntitle: y", "", "no YAML"),
        ("title: x\ncorrelation: {type: event_count}", "correlation.rules", "names no rule"),
        (
            "title: x\ncorrelation: {type: value_percentile, rules: [good], timespan: 1h, condition: {gte: 1}}",
            "correlation.type",
            "value_percentile",
        ),
        (
            "title: x\ncorrelation: {type: event_count, rules: [good], timespan: soon, condition: {gte: 1}}",
            "correlation.timespan",
            "soon",
        ),
        (
            "title: x\ncorrelation: {type: event_count, rules: [bad], timespan: 1h, condition: {gte: 1}}",
            "correlation.rules",
            "`bad`",
        ),
        (
            "title: x\nname: x\ncorrelation: {type: event_count, rules: [x], timespan: 1h, condition: {gte: 1}}",
            "correlation.rules",
            "circle",
        ),
    ] {
        let rules = rules(&format!("---\n{document}\n{good}"));
        assert_eq!(rules.problems.len(), 1, "{document}: {:?}", rules.problems);
        let problem = &rules.problems[0];
        assert_eq!((problem.place.path.as_str(), problem.what.contains(what)), (path, true), "{document}: {problem}");
        assert!(!problem.hint.is_empty() && rules.headers().len() == 1, "{document}: {problem}");
    }
    // What is no YAML at all ends the file: where the next document begins is not known.
    let rules = rules(&format!("{good}---\ntitle: [x\n{good}"));
    assert_eq!((rules.headers().len(), rules.problems.len()), (1, 1), "{:?}", rules.problems);
    assert!(rules.problems[0].what.contains("line"), "{}", rules.problems[0]);
}

#[test]
fn other_logs_levels_and_filters() {
    let world = World::new(&events());
    let body = "    s: {eventSource: iam.amazonaws.com}\n    condition: s";
    let text = rule("iam", body);
    for (logsource, is_run) in [
        ("product: aws\n    service: cloudtrail", true),
        ("product: AWS", true),
        ("service: cloudtrail", true),
        ("product: aws\n    service: guardduty", false),
        ("product: windows\n    service: cloudtrail", false),
        ("category: x\n    product: aws\n    service: cloudtrail", false),
        ("definition: x", false),
    ] {
        let rules = rules(&text.replace("product: aws\n    service: cloudtrail", logsource));
        assert_eq!((rules.headers().len() == 1, rules.skipped.len() == 1), (is_run, !is_run), "{logsource}");
    }
    let filter = |rules: &str, condition: &str| {
        format!(
            "{text}---\ntitle: f\nlogsource:\n    product: aws\nfilter:\n    rules: {rules}\n    selection:\n        \
             userIdentity.type: Root\n    condition: {condition}\n"
        )
    };
    let ids = |text: &str| world.ids(&rules(text)).remove("iam").unwrap_or_default();
    assert_eq!(ids(&text), ["e4", "e5"]);
    assert_eq!(ids(&filter("[iam]", "not selection")), ["e4"]);
    assert_eq!(ids(&filter("any", "selection")), ["e5"]);
    assert_eq!(ids(&filter("[other]", "not selection")), ["e4", "e5"]);
    assert_eq!(rules(&filter("[other]", "not selection")).notes.len(), 1);
    let read = |level| Rules::read(&[PathBuf::from("-")], &mut text.as_bytes(), Some(level));
    assert_eq!((read(Level::Medium).headers().len(), read(Level::High).headers().len()), (1, 0));
}

#[test]
fn nothing_in_a_rule_is_taken_for_sql() {
    let world = World::new(&events());
    for value in [
        "x' OR '1'='1",
        "x'; DROP TABLE events; --",
        "x'')) OR true --",
        "\\' OR 1=1",
        "%",
        "_______",
        "\"",
        "$a",
        "\u{0}",
    ] {
        for field in ["eventName", "eventName|contains", "requestParameters.userName", "eventName|fieldref", "ev'ent"] {
            let value = serde_json::to_string(value).expect("text");
            let field = serde_json::to_string(field).expect("text");
            let rules = rules(&rule("r", &format!("    s: {{{field}: {value}}}\n    condition: s")));
            assert_eq!(rules.problems, [], "{field} {value}");
            assert!(world.ids(&rules).is_empty(), "{field} {value}");
            assert_eq!(world.asked(&sql(&rules).expect("SQL")), [Vec::<String>::new()], "{field} {value}");
        }
    }
}
