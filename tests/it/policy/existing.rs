//! Policies that exist: cut down to what was used of them, pair by pair, and added to, counted as a whole.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use trailpare::iam::Catalog;
use trailpare::iam::document::Policy;
use trailpare::policy::narrow::{narrow, prove_narrowed};
use trailpare::policy::{Generalize, Kind, Made, MakeError, Options};
use trailpare::usage::{RequestValues, UsageRow};

use super::exact::{Store, granted, object, record};
use super::{options, row};

fn given(statements: Value) -> Policy {
    Policy::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

fn exact() -> Options {
    Options { generalize: Generalize::None, ..options() }
}

/// Cut down, and proved.
fn cut(given: &Policy, rows: &[UsageRow], options: &Options) -> Made {
    let none = RequestValues::default();
    let made = narrow(given, rows, &none, options, Catalog::embedded()).unwrap().made.unwrap();
    let proof = prove_narrowed(given, &made, rows, &none, options.kind, Catalog::embedded());
    assert!(proof.holds(), "{proof:#?}\n{}", made.documents[0].policy.pretty());
    made
}

fn pair(action: &str, resource: &str) -> (String, String) {
    (action.to_owned(), resource.to_owned())
}

fn statement_of<'a>(document: &'a Value, action: &str) -> &'a Value {
    let statements = document["Statement"].as_array().unwrap();
    let has = |statement: &&Value| statement["Action"].as_array().unwrap().iter().any(|known| known == action);
    statements.iter().find(has).unwrap_or_else(|| panic!("{action}: {document}"))
}

#[test]
fn what_stays_is_what_was_used_pair_by_pair() {
    let given = given(json!([
        {"Sid": "Data", "Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]},
        {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
    ]));
    let queue = "arn:aws:sqs:eu-central-1:111122223333:q";
    let rows = [
        row("s3:GetObject", "arn:aws:s3:::a/k"),
        row("s3:DeleteObject", "arn:aws:s3:::b/k"),
        row("s3:GetObject", "arn:aws:s3:::c/k"),
        row("sqs:SendMessage", queue),
    ];
    let made = cut(&given, &rows, &exact());
    let expected = [
        pair("s3:GetObject", "arn:aws:s3:::a/k"),
        pair("s3:DeleteObject", "arn:aws:s3:::b/k"),
        pair("sqs:SendMessage", queue),
    ];
    assert_eq!(granted(&made), BTreeSet::from(expected));
    assert_eq!((made.excess.granted, made.excess.total()), (3, 0), "{:?}", made.excess);
    // Names that vary are generalised, but no further than the policy goes itself.
    let keys = |prefix: &str| (0..9).map(|n| row("s3:GetObject", &format!("arn:aws:s3:::a/{prefix}-{n}"))).collect();
    let wide: Vec<UsageRow> = keys("log");
    let made = cut(&given, &wide, &Options { generalize: Generalize::Broad, ..options() });
    assert_eq!(granted(&made), BTreeSet::from([pair("s3:GetObject", "arn:aws:s3:::a/*")]));
    let only = self::given(json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a/log-*"}]));
    let made = cut(&only, &wide, &Options { generalize: Generalize::Broad, ..options() });
    assert_eq!(granted(&made).len(), 9);
    let made = cut(&only, &wide, &options());
    assert_eq!(granted(&made), BTreeSet::from([pair("s3:GetObject", "arn:aws:s3:::a/log-*")]));
}

#[test]
fn roles_are_passed_to_whom_they_were_passed() {
    let role = "arn:aws:iam::111122223333:role/app";
    let pass = |service: Option<&str>| UsageRow {
        passed_to_service: service.map(Into::into),
        event_source: "lambda.amazonaws.com".into(),
        event_name: "CreateFunction".into(),
        ..row("iam:PassRole", role)
    };
    let rows = [pass(Some("lambda.amazonaws.com"))];
    let condition = |given: Value, rows: &[UsageRow]| {
        let made = cut(&self::given(json!([given])), rows, &exact());
        assert_eq!(granted(&made), BTreeSet::from([pair("iam:PassRole", role)]));
        assert_eq!(made.escalations.len(), 1, "a way to more is said");
        let value: Value = serde_json::from_str(&made.documents[0].policy.pretty()).unwrap();
        value["Statement"][0]["Condition"].clone()
    };
    let lambda = json!({"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}});
    let all = json!({"Effect": "Allow", "Action": "iam:*", "Resource": "*"});
    assert_eq!(condition(all.clone(), &rows), lambda);
    let with = |operator: &str, values: Value| {
        let mut given = all.clone();
        given["Condition"] = json!({operator: {"iam:passedToService": values}});
        given
    };
    let both = json!(["ec2.amazonaws.com", "lambda.amazonaws.com"]);
    let narrowed = condition(with("StringEquals", both), &rows);
    assert_eq!(narrowed, json!({"StringEquals": {"iam:passedToService": ["lambda.amazonaws.com"]}}));
    let like = condition(with("StringLike", json!("*.amazonaws.com")), &rows);
    assert_eq!(like["StringLike"]["iam:passedToService"], json!(["*.amazonaws.com"]));
    assert_eq!(like["StringEquals"], lambda["StringEquals"]);
    // Who got it is not told: it stays as the policy has it.
    assert_eq!(condition(all, &[pass(None)]), Value::Null);
}

/// What is cut out of a statement keeps its conditions, its variables, and what it excepts.
#[test]
fn what_a_statement_says_besides_stays() {
    let eu = json!({"StringEquals": {"aws:RequestedRegion": "eu-central-1"}});
    let given = given(json!([
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*", "Condition": eu},
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::home/${aws:username}/*"},
        {"Effect": "Allow", "Action": "sqs:*", "NotResource": "arn:aws:sqs:*:*:secret-*"},
        {"Sid": "SQSWriteQ", "Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"},
    ]));
    let queue = "arn:aws:sqs:eu-central-1:111122223333:q";
    let user = |row: UsageRow| UsageRow {
        principal_type: "IAMUser".into(),
        principal_arn: "arn:aws:iam::111122223333:user/jane".into(),
        ..row
    };
    let rows = [
        row("s3:GetObject", "arn:aws:s3:::a/k"),
        user(row("s3:PutObject", "arn:aws:s3:::home/jane/k")),
        row("sqs:SendMessage", queue),
        row("sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:secret-q"),
        row("sqs:DeleteQueue", queue),
        row("sqs:ListQueues", "*"),
    ];
    let made = cut(&given, &rows, &exact());
    let value: Value = serde_json::from_str(&made.documents[0].policy.pretty()).unwrap();
    let get = statement_of(&value, "s3:GetObject");
    assert_eq!(get["Condition"], json!({"StringEquals": {"aws:RequestedRegion": ["eu-central-1"]}}));
    assert_eq!(statement_of(&value, "s3:PutObject")["Resource"], json!(["arn:aws:s3:::home/${aws:username}/*"]));
    let send = statement_of(&value, "sqs:SendMessage");
    assert_eq!((&send["Resource"], &send["Sid"]), (&json!([queue]), &json!("SQSWriteQ2")));
    assert_eq!(statement_of(&value, "sqs:ListQueues")["NotResource"], json!(["arn:aws:sqs:*:*:secret-*"]));
    let denial = statement_of(&value, "sqs:DeleteQueue");
    assert_eq!((&denial["Effect"], &denial["Sid"]), (&json!("Deny"), &json!("SQSWriteQ")));
    assert_eq!(value.to_string().matches("sqs:DeleteQueue").count(), 1, "what is denied is not allowed as well");
}

/// A resource that no event tells stays as wide as the policy has it, and no wider.
#[test]
fn what_no_event_tells_is_what_the_policy_says() {
    let given = given(json!([{"Effect": "Allow", "Action": "*",
        "Resource": ["arn:aws:s3:::a*", "arn:aws:dynamodb:*:*:table/orders"]}]));
    let rows = [row("s3:ListBucket", "*"), row("dynamodb:PutItem", "*")];
    let made = cut(&given, &rows, &exact());
    let expected =
        [pair("s3:ListBucket", "arn:aws:s3:::a*"), pair("dynamodb:PutItem", "arn:aws:dynamodb:*:*:table/orders")];
    assert_eq!(granted(&made), BTreeSet::from(expected));
}

/// The one policy of a permission set has to do in every account; the policy that is cut down says how far.
#[test]
fn a_permission_set_has_no_account() {
    let table = |account: &str| format!("arn:aws:dynamodb:eu-central-1:{account}:table/orders");
    let rows = [row("dynamodb:PutItem", &table("111122223333"))];
    let options = Options { kind: Kind::PermissionSet, ..exact() };
    for (resource, expected) in
        [("*".to_owned(), table("*")), (table("*"), table("*")), (table("111122223333"), table("111122223333"))]
    {
        let given = given(json!([{"Effect": "Allow", "Action": "dynamodb:*", "Resource": resource}]));
        assert_eq!(granted(&cut(&given, &rows, &options)), BTreeSet::from([pair("dynamodb:PutItem", &expected)]));
    }
}

/// What does not fit beside the denials is refused; in several policies every denial stands somewhere.
#[test]
fn cut_down_within_the_limits() {
    let bucket = |n: usize| format!("arn:aws:s3:::a-bucket-that-nobody-may-delete-{n:02}");
    let denied: Vec<String> = (0..30).map(bucket).collect();
    let given = given(json!([
        {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
        {"Sid": "Guard", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": denied},
    ]));
    let queue = |n: usize| format!("arn:aws:sqs:eu-central-1:111122223333:queue-{n}");
    let rows: Vec<UsageRow> = (0..40).map(|n| row("sqs:SendMessage", &queue(n))).collect();
    let small = Options { size_max: Some(2_000), policies_max: Some(3), ..exact() };
    let made = cut(&given, &rows, &small);
    assert!(made.documents.len() > 1 && made.documents.iter().all(|document| document.policy.size() <= 2_000));
    let one = Options { policies_max: Some(1), ..small };
    let error = narrow(&given, &rows, &RequestValues::default(), &one, Catalog::embedded()).unwrap_err();
    assert!(matches!(error, MakeError::Fit(_)), "{error}");
    let reads: Vec<UsageRow> = (0..40).map(|n| row("sqs:GetQueueAttributes", &queue(n))).collect();
    let fitted = cut(&given, &reads, &one);
    assert_eq!(fitted.widened.len(), 1);
    assert!(fitted.documents[0].policy.size() <= 2_000);
}

/// A policy that was added to is counted as a whole; what it granted before stands apart.
#[test]
fn what_is_added_to_is_counted_as_a_whole() {
    let store = Store::of(&[object(1, "GetObject", "k", json!({})), object(2, "DeleteObject", "k", json!({}))]);
    let path = store.path("given.json");
    let allow = json!([{"Sid": "Old", "Effect": "Allow", "Action": ["s3:GetObject", "iam:PassRole"], "Resource": "*"}]);
    fs::write(&path, json!({"Version": "2012-10-17", "Statement": allow}).to_string()).unwrap();
    let (code, document, said) = store.policy(&["--merge", path.to_str().unwrap()]);
    assert_eq!((code, document["Statement"].as_array().unwrap().len()), (0, 2), "{said}");
    for expected in [
        "2 statements (1 as before, 1 added) in 1 policy",
        "grants 3 pairs of action and resource, 2 beyond those used",
        "of these it granted before: 2 pairs of action and resource, 2 beyond those used",
        "was open before: iam:PassRole, s3:GetObject on everything",
        "granted ways to more before: iam:PassRole (hands a role to a service)",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("\nopens ") && !said.contains("grants a way to more"), "{said}");
    // Nothing is missing: the same is said.
    let everything = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    fs::write(&path, json!({"Version": "2012-10-17", "Statement": everything}).to_string()).unwrap();
    let (code, _, said) = store.policy(&["--merge", path.to_str().unwrap()]);
    assert!(
        code == 0 && said.contains("granted ways to more before: ") && said.contains("iam:PutUserPolicy"),
        "{said}"
    );
}

/// What was used and whose action is not certain is said, and the exit code says it too.
#[test]
fn what_is_not_certain_is_never_silent() {
    let mystery = record(2, "lambda.amazonaws.com", "DoMysteriousThings", json!({}));
    let store = Store::of(&[object(1, "GetObject", "k", json!({})), mystery]);
    let folder = store.path("each");
    let given = store.path("given.json");
    let allow = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    fs::write(&given, json!({"Version": "2012-10-17", "Statement": allow}).to_string()).unwrap();
    for more in [
        &[][..],
        &["--quiet"],
        &["--explain"],
        &["--no-check"],
        &["--each", "--out", folder.to_str().unwrap()],
        &["--deny-unused", given.to_str().unwrap()],
    ] {
        let (code, _, said) = store.policy(more);
        assert!(
            code == 5
                && said.contains("used and not granted, for its action is not certain: lambda:DoMysteriousThings"),
            "{more:?} {said}"
        );
    }
    // Granted as a whole, the service does not lack it.
    let (code, _, said) = store.policy(&["--granularity", "service"]);
    assert!(code == 5, "lambda was not used for certain: {said}");
    let more = record(3, "lambda.amazonaws.com", "ListFunctions20150331", json!({}));
    let mystery = record(2, "lambda.amazonaws.com", "DoMysteriousThings", json!({}));
    let store = Store::of(&[mystery, more]);
    let (code, _, said) = store.policy(&["--granularity", "service"]);
    assert_eq!(code, 0, "{said}");
}
