//! What must hold for policies made from any usage.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::replay::{policy_set, replay};
use super::*;
use crate::iam::Catalog;
use crate::usage::{Origin, Outcome, Smallest, Text, UsageRow};

/// One row; everything that a test does not care about is filled in.
pub(crate) fn row(action: &str, resource: &str) -> UsageRow {
    let (service, name) = action.split_once(':').unwrap();
    UsageRow {
        event_date: 19_700,
        account_id: "111122223333".into(),
        principal_arn: "arn:aws:iam::111122223333:role/app".into(),
        principal_type: "AssumedRole".into(),
        permission_set: None,
        session_name: Some("s1".into()),
        action: Some(action.into()),
        resource: resource.into(),
        outcome: Outcome::Allowed,
        confidence: "documented".into(),
        rule: "test".into(),
        passed_to_service: (action == "iam:PassRole").then(|| "lambda.amazonaws.com".into()),
        event_source: format!("{service}.amazonaws.com").into(),
        event_name: name.into(),
        aws_region: "eu-west-1".into(),
        via: None,
        event_count: 3,
        first_time_us: 1_700_000_000_000_000,
        last_time_us: 1_700_000_500_000_000,
        example_event_id: "00000000-0000-4000-8000-000000000001".into(),
        cross_account: false,
        overflow: false,
        origin: None,
    }
}

const USES: &[(&str, &[&str])] = &[
    ("s3:GetObject", &["arn:aws:s3:::lake/logs/2024/*/x.json", "arn:aws:s3:::lake/a-1.txt", "arn:aws:s3:::other/k"]),
    ("s3:PutObject", &["arn:aws:s3:::lake/${*}", "arn:aws:s3:::lake/${aws:username}/x", "arn:aws:s3:::lake/日本"]),
    ("s3:ListBucket", &["arn:aws:s3:::lake", "arn:aws:s3:::other", "*"]),
    ("s3:ListAllMyBuckets", &["*", "arn:aws:s3:::lake"]),
    ("ec2:DescribeInstances", &["*"]),
    ("ec2:TerminateInstances", &["arn:aws:ec2:eu-west-1:111122223333:instance/*"]),
    (
        "dynamodb:GetItem",
        &["arn:aws:dynamodb:eu-west-1:111122223333:table/a", "arn:aws:dynamodb:us-east-1:111122223333:table/a/index/i"],
    ),
    ("dynamodb:PutItem", &["arn:aws:dynamodb:eu-west-1:111122223333:table/a"]),
    ("iam:PassRole", &["arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:role/p/app", "*"]),
    ("iam:GetRole", &["arn:aws:iam::111122223333:role/deploy"]),
    ("logs:PutLogEvents", &["arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f:log-stream:*"]),
    (
        "lambda:InvokeFunction",
        &["arn:aws:lambda:eu-west-1:111122223333:function:f:7", "arn:aws:lambda:eu-west-1:111122223333:function:f"],
    ),
    ("sqs:SendMessage", &["arn:aws:sqs:eu-west-1:444455556666:q"]),
    ("kms:Decrypt", &["arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"]),
    ("sts:AssumeRole", &["arn:aws:iam::444455556666:role/reader"]),
];

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,4}",
        "i-[0-9a-f]{8}",
        "[0-9]{4}-[0-9]{2}",
        "app-[0-9]\\.log",
        "[\\x20-\\x7e日é]{0,6}",
        Just("${*}".to_owned())
    ]
}

fn any_origin() -> impl Strategy<Value = Option<Origin>> {
    let some = |texts: &'static [&'static str]| {
        let items = proptest::sample::subsequence(texts, 0..=texts.len());
        (items, proptest::bool::weighted(0.05)).prop_map(|(items, more)| Smallest {
            more: more && !items.is_empty(),
            items: items.into_iter().map(Text::from).collect(),
        })
    };
    let ips = prop_oneof![
        4 => some(&["192.0.2.1", "198.51.100.7", "2001:db8::1"]),
        1 => some(&["", "10.0.0.1", "192.0.2.1", "AWS Internal", "cloudformation.amazonaws.com"]),
    ];
    let endpoints = prop_oneof![3 => Just(Smallest::default()), 2 => some(&["vpce-${aws:x}", "vpce-0a", "vpce-0b"])];
    let mfa = prop_oneof![Just((true, false, false)), any::<(bool, bool, bool)>()];
    let origin = (ips, endpoints, mfa).prop_map(|(mut source_ips, vpc_endpoint_ids, mfa)| {
        let (with_mfa, without_mfa, is_silent) = mfa;
        if source_ips.items.is_empty() && vpc_endpoint_ids.items.is_empty() {
            source_ips.items.push("192.0.2.1".into());
        }
        let without_vpc_endpoint = !source_ips.items.is_empty();
        let mfa_not_recorded = is_silent || !with_mfa && !without_mfa;
        Origin { source_ips, vpc_endpoint_ids, without_vpc_endpoint, with_mfa, without_mfa, mfa_not_recorded }
    });
    prop_oneof![9 => origin.prop_map(Some), 1 => Just(None)]
}

fn any_conditions() -> impl Strategy<Value = BTreeSet<ConditionKind>> {
    use ConditionKind::{CalledVia, Mfa, Region, SourceIp, SourceVpce};
    proptest::sample::subsequence(vec![Region, CalledVia, SourceIp, SourceVpce, Mfa], 0..=5)
        .prop_map(|kinds| kinds.into_iter().collect())
}

fn any_row() -> impl Strategy<Value = UsageRow> {
    let known = (0..USES.len(), 0..3_usize).prop_map(|(at, n)| {
        let (action, resources) = USES[at];
        row(action, resources[n % resources.len()])
    });
    let object = proptest::collection::vec(any_name(), 1..4).prop_map(|names| {
        // As usage writes names: what would be a wildcard is escaped.
        let key = names.join("/").replace('?', "${?}");
        let key = if key.contains("${*}") { key } else { key.replace('*', "${*}") };
        row("s3:GetObject", &format!("arn:aws:s3:::lake/{key}"))
    });
    let instance = "i-[0-9a-f]{17}"
        .prop_map(|id| row("ec2:StopInstances", &format!("arn:aws:ec2:eu-west-1:111122223333:instance/{id}")));
    let numbers = (0..4_u8, 0..4_u8, 0..6_u8, any::<bool>());
    let uses = prop_oneof![3 => known, 2 => object, 1 => instance];
    (uses, numbers, any_origin()).prop_map(|(mut row, (region, person, odd, via), origin)| {
        row.origin = origin;
        row.aws_region = ["eu-west-1", "us-east-1", "eu-west-1", ""][usize::from(region)].into();
        row.session_name = Some(format!("person{person}").into());
        row.via = via.then(|| "cloudformation.amazonaws.com".into());
        match odd {
            0 => row.outcome = Outcome::Denied,
            1 => row.confidence = "unverified".into(),
            _ => {}
        }
        row
    })
}

fn any_options() -> impl Strategy<Value = Options> {
    let granularity = prop_oneof![Just(Granularity::Service), Just(Granularity::Action), Just(Granularity::Resource)];
    let generalize = prop_oneof![Just(Generalize::None), Just(Generalize::Balanced), Just(Generalize::Broad)];
    let kind = prop_oneof![
        Just(Kind::Identity),
        Just(Kind::Boundary),
        Just(Kind::Scp),
        Just(Kind::PermissionSet),
        Just(Kind::Session)
    ];
    let fit = prop_oneof![Just(Fit::Split), Just(Fit::Widen)];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any_conditions(), 0..6_usize);
    (granularity, generalize, kind, fit, flags).prop_map(|(granularity, generalize, kind, fit, flags)| {
        let (collapse_actions, any_region, any_account, conditions, distinct_max) = flags;
        Options {
            granularity,
            generalize,
            kind,
            fit,
            collapse_actions,
            any_region,
            any_account,
            distinct_max,
            conditions,
            ..Options::default()
        }
    })
}

fn made(rows: &[UsageRow], options: &Options) -> Option<Made> {
    match make(rows, options, Catalog::embedded()) {
        Ok(made) => Some(made),
        Err(MakeError::Nothing { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is made allows everything that was allowed, keeps to the limits, and survives its own text.
    #[test]
    fn nothing_that_was_allowed_is_denied(rows in proptest::collection::vec(any_row(), 1..60), options in any_options()) {
        let Some(made) = made(&rows, &options) else { return Ok(()) };
        let proof = replay(&policy_set(&made), &rows, Catalog::embedded());
        prop_assert!(proof.denied == 0, "{:#?}\n{}", proof.groups, render::json::render(&made));
        let limits = Limits::of(&options);
        prop_assert!(made.documents.len() <= limits.policies_max);
        for document in &made.documents {
            prop_assert!(document.policy.size() <= limits.size_max);
            let again = crate::iam::document::Policy::parse(&document.policy.pretty()).unwrap();
            prop_assert_eq!(&again, &document.policy);
        }
        let sids: BTreeSet<&str> = made.statements.iter().map(|note| note.sid.as_str()).collect();
        prop_assert_eq!(sids.len(), made.statements.len());
        prop_assert!(sids.iter().all(|sid| !sid.is_empty() && sid.bytes().all(|b| b.is_ascii_alphanumeric())));
    }

    /// Conditions on the origin stand only where every call is known to meet them: nothing depends on them.
    #[test]
    fn what_is_bound_is_proved(rows in proptest::collection::vec(any_row(), 1..30), options in any_options()) {
        use ConditionKind::{Mfa, SourceIp, SourceVpce};
        let options = Options { conditions: [SourceIp, SourceVpce, Mfa].into(), ..options };
        let Some(made) = made(&rows, &options) else { return Ok(()) };
        let proof = replay(&policy_set(&made), &rows, Catalog::embedded());
        prop_assert!(proof.is_proof(), "{:#?}\n{}", proof.groups, render::json::render(&made));
        prop_assert!(!render::json::render(&made).contains("aws:x"));
    }

    /// At the finest there is no excess at all.
    #[test]
    fn exact_means_exact(rows in proptest::collection::vec(any_row(), 1..60)) {
        let options = Options { generalize: Generalize::None, ..Options::default() };
        let Some(made) = made(&rows, &options) else { return Ok(()) };
        prop_assert_eq!(made.excess.total(), 0);
        for document in &made.documents {
            for action in document.policy.statements.iter().flat_map(|s| s.actions.patterns()) {
                prop_assert!(rows.iter().any(|row| row.action.as_deref() == Some(action)), "{}", action);
            }
        }
    }

    /// The same rows give the same bytes, in whatever order and on however many days.
    #[test]
    fn order_does_not_matter(rows in proptest::collection::vec(any_row(), 1..40), options in any_options(), seed in any::<u64>()) {
        let mut shuffled = rows.clone();
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        prop_assert_eq!(made(&rows, &options), made(&shuffled, &options));
    }

    /// Cutting into many small policies changes nothing of what is allowed.
    #[test]
    fn splitting_keeps_the_union(rows in proptest::collection::vec(any_row(), 1..60)) {
        let whole = Options { size_max: Some(1_000_000), ..Options::default() };
        let small = Options { size_max: Some(700), policies_max: Some(10_000), ..Options::default() };
        let (Some(whole), Some(small)) = (made(&rows, &whole), made(&rows, &small)) else { return Ok(()) };
        prop_assert_eq!(pairs(&whole), pairs(&small));
        prop_assert!(small.documents.iter().all(|document| document.policy.size() <= 700));
        prop_assert!(small.widened.is_empty());
    }
}

/// Everything granted: action, resource, condition.
fn pairs(made: &Made) -> BTreeSet<(String, String, String)> {
    let statements = made.documents.iter().flat_map(|document| &document.policy.statements);
    statements
        .flat_map(|statement| {
            let condition = format!("{:?}", statement.condition);
            statement.actions.patterns().iter().flat_map(move |action| {
                let condition = condition.clone();
                let resources = statement.resources.patterns().iter();
                resources.map(move |resource| (action.clone(), resource.clone(), condition.clone()))
            })
        })
        .collect()
}

/// `count` actions of the catalogue, of the services with the most actions.
fn administrator(count: usize, services_max: usize) -> Vec<UsageRow> {
    let knowledge = knowledge::Knowledge::new(Catalog::embedded());
    let mut services = knowledge.services();
    services.sort_by_key(|service| (std::cmp::Reverse(knowledge.actions_of(service).len()), *service));
    let names = services.iter().take(services_max);
    let actions = names.flat_map(|s| knowledge.actions_of(s).into_iter().map(move |name| format!("{s}:{name}")));
    actions.filter(|action| action != "iam:PassRole").take(count).map(|action| row(&action, "*")).collect()
}

#[test]
fn an_administrator_fits() {
    let rows = administrator(3_000, 400);
    assert_eq!(rows.len(), 3_000);
    let exact = Options { fit: Fit::Exact, ..Options::default() };
    let refused = make(&rows, &exact, Catalog::embedded());
    assert!(matches!(refused, Err(MakeError::Fit(FitError::TooMany { .. }))));
    for fit in [Fit::Split, Fit::Widen] {
        let made = made(&rows, &Options { fit, ..Options::default() }).unwrap();
        assert_eq!(made.documents.len() == 1, fit == Fit::Widen);
        assert!(!made.widened.is_empty());
        assert!(replay(&policy_set(&made), &rows, Catalog::embedded()).is_proof());
        let steps: BTreeSet<&str> = made.widened.iter().map(|widened| widened.step).collect();
        assert!(fit == Fit::Widen || !steps.contains("the whole service"), "{steps:?}");
    }
}
