//! What must hold for policies made from any usage.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::render::Source;
use super::replay::{policy_set, replay};
use super::*;
use crate::iam::Catalog;
use crate::iam::evaluate::{Compiled, Context, PolicySet, Request, Verdict};
use crate::usage::{Origin, Outcome, Smallest, Text, UsageRow};

/// What was made, proved or not.
fn as_json(made: &Made) -> String {
    let provenance = Provenance::default();
    let source = Source { made, provenance: &provenance, replay: None, unused: None };
    renderer("json").unwrap().render(&source).unwrap()
}

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
        // Writes are never opened so that something fits.
        Err(MakeError::Fit(error)) if options.size_max.is_none() || options.size_max < Some(7_000) => {
            assert!(error.to_string().contains("what would do"), "{error}");
            None
        }
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
        prop_assert!(proof.denied == 0, "{:#?}\n{}", proof.groups, as_json(&made));
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
        prop_assert!(proof.is_proof(), "{:#?}\n{}", proof.groups, as_json(&made));
        prop_assert!(!as_json(&made).contains("aws:x"));
    }

    /// At the finest the granted pairs are exactly the used ones.
    #[test]
    fn exact_means_exact(rows in proptest::collection::vec(any_row(), 1..60)) {
        let options = Options { generalize: Generalize::None, ..Options::default() };
        let Some(made) = made(&rows, &options) else { return Ok(()) };
        prop_assert_eq!(made.excess.total(), made.excess.characters);
        let knowledge = catalog_view::CatalogView::new(Catalog::embedded());
        let used: BTreeSet<(String, String)> = rows.iter().filter_map(|row| match classify::fate(row, &knowledge) {
            classify::Fate::Granted { action, resource } => Some((action, resource)),
            _ => None,
        }).collect();
        let granted: BTreeSet<(String, String)> =
            pairs(&made).into_iter().map(|(action, resource, _)| (action, resource)).collect();
        prop_assert!(granted.is_subset(&used), "{:?}", granted.difference(&used));
        // What a used pattern covers need not stand beside it.
        for (action, resource) in used.difference(&granted) {
            prop_assert!(granted.iter().any(|(a, p)| a == action && pattern::covers(p, resource)), "{action} {resource}");
        }
    }

    /// What balanced grants contains what none does, and broad what balanced does.
    #[test]
    fn wider_contains_narrower(rows in proptest::collection::vec(any_row(), 1..60), distinct_max in 0..6_usize) {
        let options = |generalize| Options { generalize, distinct_max, size_max: Some(1_000_000), ..Options::default() };
        let widths = [Generalize::None, Generalize::Balanced, Generalize::Broad];
        let Some(made) = widths.iter().map(|how| made(&rows, &options(*how))).collect::<Option<Vec<_>>>() else {
            return Ok(())
        };
        for two in made.windows(2) {
            let wider = pairs(&two[1]);
            for (action, resource, condition) in pairs(&two[0]) {
                let holds = |(a, p, c): &(String, String, String)| *a == action && *c == condition && pattern::covers(p, &resource);
                prop_assert!(wider.iter().any(holds), "{action} {resource}");
            }
        }
    }

    /// What was denied, never decided, or done in other sessions never changes a policy.
    #[test]
    fn others_change_nothing(
        rows in proptest::collection::vec(any_row(), 1..40),
        others in proptest::collection::vec((any_row(), any::<bool>()), 0..40),
        options in any_options(),
    ) {
        let refused = others.into_iter().map(|(row, is_denied)| UsageRow {
            outcome: if is_denied { Outcome::Denied } else { Outcome::Undecided },
            resource: if is_denied { row.resource.clone() } else { "arn:aws:s3:::lake/*".into() },
            ..row
        });
        let all: Vec<UsageRow> = rows.iter().cloned().chain(refused).collect();
        let documents = |rows: &[UsageRow]| made(rows, &options).map(|made| (made.documents, made.excess));
        prop_assert_eq!(documents(&rows), documents(&all));
    }

    /// However little room there is, what is opened beyond what was asked for are reads, and none of secrets.
    #[test]
    fn fitting_opens_reads_only(rows in proptest::collection::vec(any_row(), 1..60), size in 600..2_500_usize, one in any::<bool>()) {
        let fit = if one { Fit::Widen } else { Fit::Split };
        let tight = Options { size_max: Some(size), policies_max: Some(2), fit, ..Options::default() };
        let roomy = Options { size_max: Some(1_000_000), ..Options::default() };
        let (Ok(tight), Some(roomy)) = (make(&rows, &tight, Catalog::embedded()), made(&rows, &roomy)) else {
            return Ok(())
        };
        let asked: BTreeSet<(String, String)> =
            roomy.excess.openings.iter().map(|opening| (opening.action.clone(), opening.pattern.clone())).collect();
        for opening in &tight.excess.openings {
            let is_read = matches!(opening.access, Some(Access::List | Access::Read));
            let is_asked = asked.contains(&(opening.action.clone(), opening.pattern.clone()));
            let is_harmless = is_read && privilege_escalation::escalation(&opening.action).is_none() && !privilege_escalation::is_secret_read(&opening.action);
            prop_assert!(is_asked || is_harmless, "{opening:?}");
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

/// A policy that may stand somewhere.
fn any_policy() -> impl Strategy<Value = String> {
    any_policy_of(
        &["*", "s3:*", "s3:Get*", "s3:GetObject", "s3:putobject", "iam:*", "iam:PassRole", "ec2:*", "kms:D*"],
        &[
            "*",
            "arn:aws:s3:::lake/*",
            "arn:aws:s3:::lake/logs/*",
            "arn:aws:s3:::*",
            "arn:aws:s3:::lake/${aws:username}/*",
            "arn:aws:s3:::other",
            "arn:*:dynamodb:*:*:table/?",
            "arn:aws:iam::*:role/deploy",
            "arn:aws:ec2:eu-*:111122223333:instance/i-0*",
        ],
    )
}

/// A policy of these actions and resources.
fn any_policy_of(
    actions: &'static [&'static str],
    resources: &'static [&'static str],
) -> impl Strategy<Value = String> {
    let pick = |texts: &'static [&'static str]| proptest::sample::subsequence(texts, 1..=texts.len().min(3));
    let list = |texts: Vec<&str>| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(",");
    let (actions, resources) = (pick(actions), pick(resources));
    let condition = prop_oneof![
        3 => Just(""),
        1 => Just(r#","Condition":{"StringEquals":{"aws:RequestedRegion":["eu-west-1","us-east-1"]}}"#),
        1 => Just(r#","Condition":{"StringLike":{"aws:username":"j*"},"Bool":{"aws:SecureTransport":"true"}}"#),
        1 => Just(r#","Condition":{"StringEquals":{"iam:PassedToService":["lambda.amazonaws.com","ec2.amazonaws.com"]}}"#),
        1 => Just(r#","Condition":{"StringNotEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}"#),
    ];
    let says = (0..6_u8, 0..6_u8, 0..5_u8);
    let statement = (actions, resources, condition, says).prop_map(move |(actions, resources, condition, says)| {
        let action = if says.0 == 0 { "NotAction" } else { "Action" };
        let resource = if says.1 == 0 { "NotResource" } else { "Resource" };
        let effect = if says.2 == 0 { "Deny" } else { "Allow" };
        let (actions, resources) = (list(actions), list(resources));
        format!(
            r#"{{"Sid":"S3Read","Effect":"{effect}","{action}":[{actions}],"{resource}":[{resources}]{condition}}}"#
        )
    });
    let version = prop_oneof![4 => Just(r#""Version":"2012-10-17","#), 1 => Just("")];
    (version, proptest::collection::vec(statement, 1..5)).prop_map(|(version, statements)| {
        let numbered = statements.iter().enumerate().map(|(n, s)| s.replace("S3Read", &format!("S3Read{n}")));
        format!("{{{version}\"Statement\":[{}]}}", numbered.collect::<Vec<_>>().join(","))
    })
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
    let knowledge = catalog_view::CatalogView::new(Catalog::embedded());
    let mut services = knowledge.services();
    services.sort_by_key(|service| (std::cmp::Reverse(knowledge.actions_of(service).len()), *service));
    let names = services.iter().take(services_max);
    let actions = names.flat_map(|s| knowledge.actions_of(s).into_iter().map(move |name| format!("{s}:{name}")));
    actions.filter(|action| action != "iam:PassRole").take(count).map(|action| row(&action, "*")).collect()
}

/// What does not fit is refused with what would do, worked out; asked for, it is done.
#[test]
fn an_administrator_is_told_the_price() {
    let rows = administrator(800, 400);
    assert_eq!(rows.len(), 800);
    let one = Options { policies_max: Some(1), ..Options::default() };
    for fit in [Fit::Exact, Fit::Split, Fit::Widen] {
        let error = make(&rows, &Options { fit, ..one.clone() }, Catalog::embedded()).unwrap_err();
        let MakeError::Fit(FitError::TooMany { choices, .. }) = &error else { panic!("{error}") };
        let service = choices.iter().find(|choice| choice.option == "--granularity service").unwrap();
        assert_eq!(service.policies, Some(1), "{error}");
        assert!(
            !service.opens.is_empty() && error.to_string().contains("`--granularity service`: 1 policy, opens "),
            "{error}"
        );
    }
    let made = made(&rows, &Options { granularity: Granularity::Service, ..one }).unwrap();
    assert!(replay(&policy_set(&made), &rows, Catalog::embedded()).is_proof());
}

/// The largest service is not the one to open, nor one write for the sake of many.
#[test]
fn what_is_dangerous_is_never_opened() {
    let key = |n: u32| format!("arn:aws:kms:eu-west-1:111122223333:key/{n:08x}-0000-4000-8000-000000000000");
    let mut keys: Vec<UsageRow> = (0..150).map(|n| row("kms:Decrypt", &key(n))).collect();
    keys.push(row("kms:PutKeyPolicy", &key(7)));
    let mut roles: Vec<UsageRow> =
        (0..25).map(|n| row("iam:AttachRolePolicy", &format!("arn:aws:iam::111122223333:role/app-{n}"))).collect();
    roles.push(row("iam:CreateAccessKey", "arn:aws:iam::111122223333:user/ci"));
    for rows in [keys, roles] {
        for fit in [Fit::Split, Fit::Widen] {
            let made = made(&rows, &Options { fit, ..Options::default() }).unwrap();
            assert_eq!((made.excess.total(), made.widened.len()), (0, 0), "{:?}", made.excess);
            assert!(!made.escalations.is_empty());
            let tight = Options { fit, size_max: Some(900), policies_max: Some(1), ..Options::default() };
            let error = make(&rows, &tight, Catalog::embedded()).unwrap_err().to_string();
            assert!(error.contains("`--granularity action`: 1 policy, opens "), "{error}");
            assert!(error.contains("on everything (events named "), "{error}");
        }
    }
}

/// Reads that name alike things go first, and only as far as it takes.
#[test]
fn likes_are_opened_first() {
    let queue = |n: u32| format!("arn:aws:sqs:eu-west-1:111122223333:orders-{n}-in");
    let mut rows: Vec<UsageRow> = (0..80).map(|n| row("sqs:GetQueueAttributes", &queue(n))).collect();
    rows.extend((0..5).map(|n| row("sqs:SendMessage", &queue(n))));
    let one = Options { fit: Fit::Widen, size_max: Some(1_200), ..Options::default() };
    let made = made(&rows, &one).unwrap();
    let opened: Vec<(&str, &str)> =
        made.excess.openings.iter().map(|o| (o.action.as_str(), o.pattern.as_str())).collect();
    assert_eq!(opened, [("sqs:GetQueueAttributes", "arn:aws:sqs:eu-west-1:111122223333:orders-*-in")]);
    assert_eq!(made.excess.openings[0].named, 80);
}

/// Roles that are passed on, or looked at.
fn any_passed_role() -> impl Strategy<Value = UsageRow> {
    let roles = ["arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:role/p/app", "*"];
    let services = [Some("lambda.amazonaws.com"), Some("ec2.amazonaws.com"), None];
    (any_row(), 0..3_usize, 0..3_usize, 0..4_u8).prop_map(move |(like, role, service, other)| {
        let action = if other == 0 { "iam:GetRole" } else { "iam:PassRole" };
        let of = row(action, roles[role]);
        let passed_to_service = of.passed_to_service.as_ref().and(services[service]).map(Into::into);
        UsageRow { passed_to_service, origin: like.origin, aws_region: like.aws_region, via: like.via, ..of }
    })
}

/// What is cut out of a policy lies between what was used of it and the policy.
fn cut_down(rows: &[UsageRow], given: &str, options: Options, size: Option<usize>) -> Result<(), TestCaseError> {
    let catalog = Catalog::embedded();
    let none = crate::usage::RequestValues::default();
    let given = crate::iam::document::Policy::parse(given).unwrap();
    let options = Options { size_max: size, ..options };
    let Ok(narrowed) = narrow::narrow(&given, rows, &none, &options, catalog) else { return Ok(()) };
    let Some(made) = narrowed.made else { return Ok(()) };
    let proof = narrow::prove_narrowed(&given, &made, rows, &none, options.kind, catalog);
    prop_assert!(proof.holds(), "{proof:#?}\n{}\n{}", given.pretty(), as_json(&made));
    let limits = Limits::of(&options);
    prop_assert!(made.documents.len() <= limits.policies_max);
    // Another look, at requests that nobody made.
    let before = Compiled::new(&PolicySet::of_identity(vec![given.clone()]));
    let after = Compiled::new(&PolicySet::of_identity(made.documents.iter().map(|d| d.policy.clone()).collect()));
    let context = Context::new().with("aws:RequestedRegion", "eu-west-1").with("aws:username", "jane");
    for (action, resources) in USES {
        for resource in resources.iter().chain(&["arn:aws:s3:::lake/other", "arn:aws:s3:::elsewhere/a/b", "*"]) {
            let request = Request { action, resource, context: &context };
            let (was, is) = (before.evaluate(&request), after.evaluate(&request));
            let is_wider = matches!(was, Verdict::Denied { .. }) && !matches!(is, Verdict::Denied { .. })
                || is.is_allowed() && !was.is_allowed();
            prop_assert!(!is_wider, "{action} {resource}\n{}\n{}", given.pretty(), as_json(&made));
        }
    }
    for document in &made.documents {
        prop_assert!(document.policy.size() <= limits.size_max, "{}", document.policy.size());
    }
    Ok(())
}

/// Found by `cut_down_of_passed_roles_is_between`: a variable without a value may make a statement invalid as a whole,
/// and roles that another statement allows are not put beside it.
#[test]
fn what_has_a_variable_stands_apart() {
    let given = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:*","Resource":["arn:aws:iam::*:role/${aws:username}","arn:aws:s3:::other"]},
        {"Effect":"Allow","Action":"iam:Pass*","Resource":"arn:aws:iam::111122223333:role/*"}]}"#;
    let rows = [row("iam:PassRole", "*"), row("iam:PassRole", "arn:aws:iam::111122223333:role/deploy")];
    let options = Options { generalize: Generalize::None, ..Options::default() };
    cut_down(&rows, given, options, None).unwrap();
}

proptest! {
    // The same cases each time: a gate must not meet by chance what is rare.
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(3),
        ..ProptestConfig::default()
    })]

    /// What is cut out of a policy allows nothing that it did not allow, and all that was used of it.
    #[test]
    fn cut_down_is_between(
        rows in proptest::collection::vec(any_row(), 1..40),
        given in any_policy(),
        options in any_options(),
        size in prop_oneof![Just(None), (900..3_000_usize).prop_map(Some)],
    ) {
        cut_down(&rows, &given, options, size)?;
    }

    /// The same of roles that are passed on, alone: on any, and on some that are named.
    #[test]
    fn cut_down_of_passed_roles_is_between(
        rows in proptest::collection::vec(any_passed_role(), 1..6),
        given in any_policy_of(
            &["*", "iam:*", "iam:PassRole", "iam:Pass*", "iam:GetRole"],
            &[
                "*",
                "arn:aws:iam::*:role/deploy",
                "arn:aws:iam::111122223333:role/*",
                "arn:aws:iam::*:role/${aws:username}",
                "arn:aws:s3:::other",
            ],
        ),
        options in any_options(),
        size in prop_oneof![Just(None), (900..3_000_usize).prop_map(Some)],
    ) {
        cut_down(&rows, &given, options, size)?;
    }
}
