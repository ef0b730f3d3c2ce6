//! Policies as people see them: every format, hostile names, proofs, policies that exist already.

mod command;
mod exact;
mod existing;
mod proved;
mod unused;

use std::collections::BTreeSet;

use trailpare::iam::document::Policy;
use trailpare::iam::evaluate::PolicySet;
use trailpare::iam::{Catalog, Outcome};
use trailpare::policy::replay::{GroupFate, policy_set, replay};
use trailpare::policy::{
    Attach, Existing, Fit, Generalize, Granularity, Kind, Layout, Made, MakeError, Options, Provenance, Task, explain,
    make, narrow, propose, renderer,
};
use trailpare::usage::{RequestValues, UsageRow};

fn row(action: &str, resource: &str) -> UsageRow {
    let (service, name) = action.split_once(':').unwrap();
    UsageRow {
        event_date: 19_700,
        account_id: "111122223333".into(),
        principal_arn: "arn:aws:iam::111122223333:role/team/deployer".into(),
        principal_type: "AssumedRole".into(),
        permission_set: None,
        session_name: Some("jane@example.org".into()),
        action: Some(action.into()),
        resource: resource.into(),
        outcome: Outcome::Allowed,
        confidence: "documented".into(),
        rule: "operation table".into(),
        passed_to_service: None,
        event_source: format!("{service}.amazonaws.com").into(),
        event_name: name.into(),
        aws_region: "eu-central-1".into(),
        via: None,
        event_count: 2,
        first_time_us: 1_700_000_000_000_000,
        last_time_us: 1_700_086_400_000_000,
        example_event_id: "0d0e2f6a-0000-4000-8000-000000000001".into(),
        cross_account: false,
        overflow: false,
        origin: None,
    }
}

/// A role that deploys a function: buckets, a table, logs, a role handed on, and everything that is only shown.
fn deployer() -> Vec<UsageRow> {
    let function = "arn:aws:lambda:eu-central-1:111122223333:function:orders";
    let table = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
    let mut rows = vec![
        row("s3:GetObject", "arn:aws:s3:::data-lake/config/app.json"),
        row("s3:GetObject", "arn:aws:s3:::data-lake/config/db.json"),
        row("s3:ListBucket", "arn:aws:s3:::data-lake"),
        row("s3:GetBucketLocation", "arn:aws:s3:::data-lake"),
        row("s3:ListAllMyBuckets", "*"),
        row("lambda:CreateFunction", function),
        row("lambda:UpdateFunctionCode", function),
        row("lambda:GetFunction", function),
        row("dynamodb:DescribeTable", table),
        row("dynamodb:PutItem", table),
        row("ec2:DescribeInstances", "*"),
        row("logs:CreateLogGroup", "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/orders"),
    ];
    for day in 1..=9 {
        rows.push(row("s3:PutObject", &format!("arn:aws:s3:::artefacts/builds/2024-01-0{day}/orders.zip")));
    }
    for (role, service) in [("orders", "lambda.amazonaws.com"), ("batch", "ecs-tasks.amazonaws.com")] {
        let mut pass = row("iam:PassRole", &format!("arn:aws:iam::111122223333:role/{role}"));
        pass.passed_to_service = Some(service.into());
        pass.event_source = service.into();
        rows.push(pass);
    }
    rows.push(UsageRow {
        outcome: Outcome::Denied,
        ..row("kms:Decrypt", "arn:aws:kms:eu-central-1:111122223333:key/k")
    });
    rows.push(UsageRow { confidence: "unverified".into(), ..row("lambda:Mystery", "*") });
    rows.push(UsageRow {
        action: None,
        rule: "sts:GetCallerIdentity needs no permission".into(),
        ..row("sts:GetCallerIdentity", "*")
    });
    rows
}

fn provenance() -> Provenance {
    Provenance {
        snapshot_id: Some(41),
        window: "2023-11-14T00:00:00Z to 2023-11-16T00:00:00Z".to_owned(),
        selection: "role deployer".to_owned(),
        catalogue: "test".to_owned(),
        data_event_sources: Some(BTreeSet::from(["s3.amazonaws.com".to_owned()])),
        data_trails: Vec::new(),
        evidence: None,
    }
}

fn options() -> Options {
    Options { name: "deployer".to_owned(), ..Options::default() }
}

fn made(rows: &[UsageRow], options: &Options) -> Made {
    make(rows, options, Catalog::embedded()).unwrap()
}

/// Proved, and as the format of that name has it.
fn rendered(rows: &[UsageRow], options: &Options, format: &str) -> String {
    let none = RequestValues::default();
    let proved =
        propose(&Task::new(rows, &none, options, Catalog::embedded())).unwrap_or_else(|error| panic!("{error}"));
    renderer(format).unwrap().render(&proved.source(&provenance())).unwrap()
}

fn is_proved(made: &Made, rows: &[UsageRow]) -> bool {
    replay(&policy_set(made), rows, Catalog::embedded()).is_proof()
}

#[test]
fn json() {
    let made = made(&deployer(), &options());
    assert!(is_proved(&made, &deployer()));
    insta::assert_snapshot!(rendered(&deployer(), &options(), "json"));
}

#[test]
fn terraform() {
    insta::assert_snapshot!(rendered(&deployer(), &options(), "terraform"));
}

#[test]
fn cloudformation() {
    insta::assert_snapshot!(rendered(&deployer(), &options(), "cloudformation"));
}

#[test]
fn access_analyzer() {
    insta::assert_snapshot!(rendered(&deployer(), &options(), "access-analyzer"));
}

#[test]
fn explained() {
    let (rows, options) = (deployer(), options());
    let made = made(&rows, &options);
    let proof = replay(&policy_set(&made), &rows, Catalog::embedded());
    insta::assert_snapshot!("explained", explain::explain(&made, &provenance(), Some(&proof)));
    insta::assert_snapshot!("markdown", rendered(&rows, &options, "markdown"));
}

#[test]
fn other_kinds() {
    let rows = deployer();
    let of_scp = Options { kind: Kind::Scp, granularity: Granularity::Service, ..options() };
    assert!(is_proved(&made(&rows, &of_scp), &rows));
    insta::assert_snapshot!("scp", rendered(&rows, &of_scp, "json"));
    let mut elsewhere = rows.clone();
    for row in &mut elsewhere {
        row.account_id = "444455556666".into();
        row.principal_arn = row.principal_arn.replace("111122223333", "444455556666").into();
        row.resource = row.resource.replace("111122223333", "444455556666").into();
    }
    elsewhere.extend(rows);
    let of_set = Options { kind: Kind::PermissionSet, ..options() };
    assert!(is_proved(&made(&elsewhere, &of_set), &elsewhere));
    insta::assert_snapshot!("permission_set", rendered(&elsewhere, &of_set, "json"));
    let boundary = made(&elsewhere, &Options { kind: Kind::Boundary, ..options() });
    assert_eq!(boundary.documents.len(), 1);
    assert!(is_proved(&boundary, &elsewhere));
}

/// Names that an attacker might give to things, to be something else in a policy, a template or a ticket.
fn hostile() -> Vec<UsageRow> {
    let names = [
        "${aws:username}",
        "&{aws:username}",
        "%{if true}x%{endif}",
        "$${a}",
        "a\"b\\c",
        "`x`|y",
        "<script>",
        "#{x}",
        "!Ref X",
        "{{resolve:ssm:x}}",
        "~",
        "- a: b",
        "\u{202e}evil",
        "line\nbreak",
        "${*}",
        "é",
    ];
    names.iter().map(|name| row("s3:GetObject", &format!("arn:aws:s3:::data-lake/h/{name}"))).collect()
}

#[test]
fn every_format_says_the_same() {
    let everything = |rows: &[UsageRow], kind: Kind, attach: Attach| {
        let options = Options { kind, attach, generalize: Generalize::None, ..options() };
        let made = made(rows, &options);
        assert!(is_proved(&made, rows));
        let documents: Vec<&Policy> = made.documents.iter().map(|document| &document.policy).collect();
        assert_eq!(
            from_terraform(&rendered(rows, &options, "terraform"), documents.len()),
            statements(&documents, Some(("&{", "?{")))
        );
        if kind != Kind::Session {
            let yaml = rendered(rows, &options, "cloudformation");
            let yaml: serde_json::Value = serde_yaml_ng::from_str(&yaml).unwrap();
            let json: serde_json::Value =
                serde_json::from_str(&rendered(rows, &options, "cloudformation-json")).unwrap();
            assert_eq!(yaml, json);
            assert!(!json.to_string().contains("{{resolve:"), "a name must not fetch a secret at deployment");
            assert_eq!(from_template(&json), statements(&documents, Some(("{{resolve:", "?{resolve:"))));
        }
    };
    let both: Vec<UsageRow> = deployer().into_iter().chain(hostile()).collect();
    for rows in [deployer(), hostile(), both] {
        for (kind, attach) in [
            (Kind::Identity, Attach::Managed),
            (Kind::Identity, Attach::InlineRole),
            (Kind::Boundary, Attach::Managed),
            (Kind::PermissionSet, Attach::Managed),
            (Kind::Scp, Attach::Managed),
        ] {
            everything(&rows, kind, attach);
        }
    }
}

/// Sid → everything in the statement, sorted.
type Statements = BTreeSet<(String, Vec<String>)>;

/// `widened`: what a format reads as something else, and what stands there instead.
fn statements(policies: &[&Policy], widened: Option<(&str, &str)>) -> Statements {
    let statements = policies.iter().flat_map(|policy| &policy.statements);
    statements
        .map(|statement| {
            let mut texts: Vec<String> = statement.actions.patterns().to_vec();
            texts.extend(statement.resources.patterns().iter().cloned());
            for test in &statement.condition {
                for (key, values) in &test.keys {
                    texts.extend([test.operator.clone(), key.clone()]);
                    texts.extend(values.iter().cloned());
                }
            }
            if let Some((special, instead)) = widened {
                texts.iter_mut().for_each(|text| *text = text.replace(special, instead));
            }
            texts.sort();
            (statement.sid.clone().unwrap(), texts)
        })
        .collect()
}

fn from_template(template: &serde_json::Value) -> Statements {
    let resources = template["Resources"].as_object().unwrap();
    let documents: Vec<Policy> = resources
        .values()
        .map(|resource| {
            let properties = &resource["Properties"];
            let named = ["PolicyDocument", "Content", "InlinePolicy"].iter().find_map(|name| properties.get(name));
            Policy::from_value(named.unwrap()).unwrap()
        })
        .collect();
    statements(&documents.iter().collect::<Vec<_>>(), None)
}

fn from_terraform(text: &str, count: usize) -> Statements {
    let body: hcl::Body = hcl::parse(text).unwrap();
    assert_eq!(hcl::parse(&hcl::to_string(&body).unwrap()).unwrap(), body);
    let data: Vec<&hcl::Block> = body.blocks().filter(|block| block.identifier() == "data").collect();
    assert_eq!(data.len(), count);
    let context = hcl::eval::Context::new();
    let evaluated = |body: &hcl::Body, skip: &str| -> Vec<String> {
        use hcl::eval::Evaluate as _;
        let attributes = body.attributes().filter(|attribute| attribute.key() != skip && attribute.key() != "effect");
        attributes
            .flat_map(|attribute| match attribute.expr().evaluate(&context).unwrap() {
                hcl::Value::Array(list) => list.iter().map(|v| v.as_str().unwrap().to_owned()).collect(),
                value => vec![value.as_str().unwrap().to_owned()],
            })
            .collect()
    };
    data.iter()
        .flat_map(|data| data.body().blocks())
        .map(|statement| {
            let sid = statement.body().attributes().find(|attribute| attribute.key() == "sid").unwrap();
            let hcl::Expression::String(sid) = sid.expr() else { panic!("{sid:?}") };
            let mut texts = evaluated(statement.body(), "sid");
            for condition in statement.body().blocks() {
                texts.extend(evaluated(condition.body(), ""));
            }
            texts.sort();
            (sid.clone(), texts)
        })
        .collect()
}

#[test]
fn a_ticket_cannot_be_broken_out_of() {
    let text = rendered(&hostile(), &options(), "markdown");
    let outside: String = text.split("```").step_by(2).collect();
    assert!(!outside.contains("<script>"), "{outside}");
}

#[test]
fn what_would_be_denied_is_grouped() {
    let rows = deployer();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["s3:*","lambda:*","iam:PassRole","ec2:Describe*"],"Resource":"*"},
        {"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},
        {"Sid":"NoPuts","Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::artefacts/builds/2024-01-0?/*"}]}"#;
    let set = PolicySet::of_identity(vec![Policy::parse(policy).unwrap()]);
    let result = replay(&set, &rows, Catalog::embedded());
    assert_eq!(
        (result.denied, result.depends, result.were_denied, result.unverified, result.excluded),
        (20, 4, 2, 2, 2)
    );
    assert!(!result.holds());
    let forbidden = |fate: &GroupFate| matches!(fate, GroupFate::Forbidden(_, sid) if sid == "NoPuts");
    assert_eq!(result.groups.iter().filter(|group| forbidden(&group.fate)).count(), 9);
    let nobody = result.groups.iter().find(|group| matches!(group.fate, GroupFate::Denied(_))).unwrap();
    assert_eq!(nobody.action, "logs:CreateLogGroup");
    let depends = result.groups.last().unwrap();
    assert_eq!(depends.fate, GroupFate::Depends(vec!["aws:SourceIp".to_owned()]));
}

#[test]
fn beside_and_into_a_policy_that_exists() {
    let rows = deployer();
    let existing = Policy::parse(
        r#"{"Statement":[{"Sid":"LambdaReadOrders","Effect":"Allow","Action":["s3:*","lambda:*"],"Resource":"*"}]}"#,
    )
    .unwrap();
    let missing = trailpare::policy::existing::missing(
        std::slice::from_ref(&existing),
        &rows,
        &RequestValues::default(),
        Catalog::embedded(),
    );
    let made = made(&missing, &options());
    let granted: BTreeSet<&str> = made
        .documents
        .iter()
        .flat_map(|document| &document.policy.statements)
        .flat_map(|statement| statement.actions.patterns())
        .map(|action| action.split(':').next().unwrap())
        .collect();
    assert_eq!(granted, BTreeSet::from(["dynamodb", "ec2", "iam", "logs"]));
    let merged = trailpare::policy::existing::merged(&existing, &made);
    assert_eq!(merged.statements[0], existing.statements[0]);
    let proof = replay(&PolicySet::of_identity(vec![merged]), &rows, Catalog::embedded());
    assert!(proof.is_proof());
    let everything = Policy::parse(r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#).unwrap();
    let rest =
        trailpare::policy::existing::missing(&[everything], &rows, &RequestValues::default(), Catalog::embedded());
    assert!(matches!(make(&rest, &options(), Catalog::embedded()), Err(MakeError::Nothing { .. })));
}

#[test]
fn an_older_document_keeps_its_meaning() {
    let old = Policy::parse(
        r#"{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}"}]}"#,
    )
    .unwrap();
    let merged = trailpare::policy::existing::merged(&old, &made(&deployer(), &options()));
    assert_eq!(merged.statements[0].resources.patterns(), ["arn:aws:s3:::b/${$}{aws:username}"]);
}

#[test]
fn what_was_never_used_goes() {
    let rows = deployer();
    let given = Policy::parse(
        r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"Data","Effect":"Allow","Action":["s3:*","dynamodb:PutItem"],
         "Resource":["arn:aws:s3:::data-lake*","arn:aws:s3:::never","arn:aws:dynamodb:*:*:table/*"]},
        {"Sid":"Deploy","Effect":"Allow","Action":["lambda:*","iam:PassRole","iam:PutRolePolicy"],"Resource":"*"},
        {"Sid":"Idle","Effect":"Allow","Action":"kinesis:*","Resource":"*"},
        {"Sid":"Guard","Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}]}"#,
    )
    .unwrap();
    let none = RequestValues::default();
    let narrowed = narrow::narrow(&given, &rows, &none, &options(), Catalog::embedded()).unwrap();
    let made = narrowed.made.clone().unwrap();
    assert!(narrow::prove_narrowed(&given, &made, &rows, &none, Kind::Identity, Catalog::embedded()).holds());
    let policy = made.documents[0].policy.clone();
    insta::assert_snapshot!("narrowed", policy.pretty());
    let report = narrow::report(&narrowed.statements, 8);
    assert!(report.contains("opens a way to more: iam:PutRolePolicy"), "{report}");
    let replayed = |policy: Policy| replay(&PolicySet::of_identity(vec![policy]), &rows, Catalog::embedded()).allowed;
    assert_eq!(replayed(given), replayed(policy));
}

#[test]
fn nothing_is_widened_unless_allowed() {
    let rows: Vec<UsageRow> = (0..400)
        .map(|n| row("sqs:SendMessage", &format!("arn:aws:sqs:eu-central-1:111122223333:queue-number-{n}")))
        .collect();
    let split = made(&rows, &options());
    assert!(split.documents.len() > 1 && split.widened.is_empty() && split.excess.total() == 0);
    assert!(is_proved(&split, &rows));
    let exact = Options { fit: Fit::Exact, attach: Attach::InlineUser, ..options() };
    let error = make(&rows, &exact, Catalog::embedded()).unwrap_err().to_string();
    assert!(error.contains("the inline policy of a user may be 1\nhint:"), "{error}");
    // Writes are not widened when asked for either.
    let widen = Options { fit: Fit::Widen, attach: Attach::InlineUser, ..options() };
    let error = make(&rows, &widen, Catalog::embedded()).unwrap_err().to_string();
    assert!(error.contains("`--granularity action`: 1 policy, opens sqs:SendMessage on everything"), "{error}");
    let reads: Vec<UsageRow> =
        rows.iter().map(|row| UsageRow { action: Some("sqs:GetQueueAttributes".into()), ..row.clone() }).collect();
    let fitted = made(&reads, &widen);
    assert_eq!(fitted.documents.len(), 1);
    assert_eq!(fitted.widened.len(), 1);
    assert!(is_proved(&fitted, &reads) && fitted.excess.total() > 0);
}

/// A role may be called `off`, which in the YAML of CloudFormation is a boolean; so is its `Null`.
#[test]
fn a_name_is_no_boolean() {
    for name in ["off", "Yes", "n", "0123", "1e5", "null", "on"] {
        let given = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"aws:username":"true"}}}]}"#;
        let given = Policy::parse(given).unwrap();
        let (rows, none) = ([row("s3:GetObject", "arn:aws:s3:::data-lake/x")], RequestValues::default());
        let options = Options { name: name.to_owned(), ..options() };
        let task = Task::new(&rows, &none, &options, Catalog::embedded());
        let proved = propose(&Task { existing: Existing::CutDown(&given), ..task }).unwrap();
        let provenance = provenance();
        let text = |format: &str| renderer(format).unwrap().render(&proved.source(&provenance)).unwrap();
        let yaml = text("cloudformation");
        assert!(yaml.contains(&format!("ManagedPolicyName: '{name}'")), "{yaml}");
        assert!(!yaml.contains(&format!("\n  {name}:")) && !yaml.contains(" Null:"), "{yaml}");
        let yaml: serde_json::Value = serde_yaml_ng::from_str(&yaml).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text("cloudformation-json")).unwrap();
        assert_eq!(yaml, json);
    }
}

/// What costs only a reader's comfort comes before anything that grants more.
#[test]
fn what_stands_together_is_not_widened() {
    let actions = [
        "ec2:DescribeInstances",
        "sqs:ListQueues",
        "sns:ListTopics",
        "lambda:ListFunctions",
        "iam:ListRoles",
        "s3:ListAllMyBuckets",
        "kms:ListKeys",
        "dynamodb:ListTables",
        "sts:GetCallerIdentity",
    ];
    let rows: Vec<UsageRow> = actions.iter().map(|action| row(action, "*")).collect();
    let one = Options { policies_max: Some(1), size_max: Some(500), ..options() };
    for fit in [Fit::Split, Fit::Widen, Fit::Exact] {
        let made = made(&rows, &Options { fit, ..one.clone() });
        assert!(made.layout == Layout::Joined && made.widened.is_empty() && made.excess.total() == 0, "{made:#?}");
        assert!(is_proved(&made, &rows));
        assert_eq!(made.statements[0].sid, "ReadOfServices");
    }
    let roomy = made(&rows, &Options { size_max: Some(5_000), ..one });
    assert!(roomy.layout == Layout::ByService && roomy.statements.len() == actions.len());
}

/// Only as far as it takes: names that begin alike do, so nothing is opened further.
#[test]
fn nothing_is_widened_in_vain() {
    let table = |n: usize| format!("arn:aws:dynamodb:eu-central-1:111122223333:table/a-table-of-ours-{n}");
    let actions = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:DescribeContinuousBackups"];
    let mut rows: Vec<UsageRow> =
        (0..60).flat_map(|n| actions.iter().map(move |action| row(action, &table(n)))).collect();
    rows.extend((0..6).map(|n| row("s3:GetObject", &format!("arn:aws:s3:::data-lake/config/{n}.json"))));
    let one = Options { fit: Fit::Widen, size_max: Some(700), generalize: Generalize::None, ..options() };
    let made = made(&rows, &one);
    assert!(is_proved(&made, &rows));
    let steps: Vec<(&str, &str)> = made.widened.iter().map(|step| (step.service.as_str(), step.step)).collect();
    assert_eq!(steps, [("dynamodb", "reads: names that begin alike")]);
    assert_eq!((made.excess.unused, made.excess.spread), (0, 0), "{made:#?}");
}

/// A service acts for itself; nothing can be attached to it.
#[test]
fn services_get_no_policy() {
    let service = UsageRow {
        principal_type: "AWSService".into(),
        principal_arn: "cloudtrail.amazonaws.com".into(),
        ..row("s3:PutObject", "arn:aws:s3:::logs/x")
    };
    let alone = make(std::slice::from_ref(&service), &options(), Catalog::embedded());
    assert!(matches!(alone, Err(MakeError::Nothing { excluded: 1, .. })), "{alone:?}");
    let beside = [deployer(), vec![service]].concat();
    assert_eq!(made(&beside, &options()).documents, made(&deployer(), &options()).documents);
}

/// Denying by leaving out must not deny a service that is used, only because nobody knows which of its actions.
#[test]
fn a_service_control_policy_keeps_what_is_uncertain() {
    let mystery = UsageRow { confidence: "unverified".into(), ..row("billing:Mystery", "*") };
    let rows = [deployer(), vec![mystery]].concat();
    let scp = made(&rows, &Options { kind: Kind::Scp, granularity: Granularity::Service, ..options() });
    let actions = scp.documents[0].policy.statements[0].actions.patterns();
    assert!(actions.contains(&"billing:*".to_owned()) && !actions.contains(&"kms:*".to_owned()), "{actions:?}");
    assert_eq!(scp.uncertain_services, BTreeSet::from(["billing".to_owned()]));
    let said = explain::summary(&scp, &provenance(), None).join("\n");
    assert!(said.contains("so that they are not denied: billing") && said.contains("root too"), "{said}");
    let identity = Options { granularity: Granularity::Service, ..options() };
    assert!(!rendered(&rows, &identity, "json").contains("billing"), "granted is only what is certain");
}

#[test]
fn what_is_wider_is_said_by_kind() {
    let set = made(&deployer(), &Options { kind: Kind::PermissionSet, generalize: Generalize::None, ..options() });
    assert!(set.excess.any_account > 0);
    assert_eq!(set.excess.total(), set.excess.any_account, "nothing else is wider: {:?}", set.excess);
    let root = UsageRow { principal_arn: "arn:aws:iam::111122223333:root".into(), ..row("ssm:StartSession", "*") };
    let open = made(&[root], &options());
    assert_eq!(open.open_actions, BTreeSet::from(["ssm:StartSession".to_owned()]));
    let said = explain::summary(&open, &provenance(), None).join("\n");
    assert!(said.contains("on * because no event tells the resource: ssm:StartSession"), "{said}");
    assert!(said.contains("nothing can be attached to the root user"), "{said}");
    // All of a type is as open as `*`, though it is just what the event left open.
    let keys = made(&[row("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/*")], &options());
    assert_eq!(keys.open_actions, BTreeSet::from(["kms:Decrypt (key/*)".to_owned()]));
    let named = made(
        &[
            row("s3:GetObject", "arn:aws:s3:::b/k"),
            row("logs:PutRetentionPolicy", "arn:aws:logs:eu-west-1:111122223333:log-group:g:*"),
        ],
        &options(),
    );
    assert_eq!(named.open_actions, BTreeSet::new());
    let lens =
        made(&[row("s3:GetStorageLensConfiguration", "arn:aws:s3:us-east-1:111122223333:storage-lens/x")], &options());
    assert_eq!(lens.statements[0].sid, "S3ReadStorageLensX");
}
