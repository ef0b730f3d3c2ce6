//! Three service control policies as organisations have them, over everybody, against SQL over the events.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::Bench;
use super::measure::{self, program};

/// Services whose calls all go to one region (AWS Organizations User Guide, "Example SCPs: deny access to AWS based on
/// the requested Region").
const GLOBAL: [&str; 13] = [
    "iam",
    "organizations",
    "sts",
    "sso",
    "ce",
    "cloudfront",
    "route53",
    "support",
    "health",
    "identitystore",
    "signin",
    "globalaccelerator",
    "budgets",
];

/// A name, the policy, and what it denies as a condition on `event_actions`.
fn policies() -> Vec<(&'static str, Value, String)> {
    let global: Vec<String> = GLOBAL.iter().map(|service| format!("{service}:*")).collect();
    let services: Vec<String> = GLOBAL.iter().map(|service| format!("'{service}'")).collect();
    let deny = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]});
    let changes = [
        "AttachRolePolicy",
        "DetachRolePolicy",
        "PutRolePolicy",
        "DeleteRolePolicy",
        "DeleteRole",
        "UpdateAssumeRolePolicy",
        "TagRole",
    ];
    let actions: Vec<String> = changes.iter().map(|name| format!("iam:{name}")).collect();
    let listed: Vec<String> = changes.iter().map(|name| format!("'iam:{name}'")).collect();
    vec![
        (
            "deny regions",
            deny(json!({"Sid": "Regions", "Effect": "Deny", "NotAction": global, "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}})),
            format!(
                "aws_region NOT IN ('eu-west-1', 'us-east-1') AND split_part(action, ':', 1) NOT IN ({})",
                services.join(", ")
            ),
        ),
        (
            "deny leaving the organisation",
            deny(
                json!({"Sid": "Leave", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}),
            ),
            "action = 'organizations:LeaveOrganization'".to_owned(),
        ),
        (
            "protect a role",
            deny(json!({
                "Sid": "Protect", "Effect": "Deny", "Action": actions,
                "Resource": "arn:aws:iam::*:role/*-role-1*",
                "Condition": {"ArnNotLike": {
                    "aws:PrincipalArn": "arn:aws:iam::*:role/*AWSReservedSSO_AdministratorAccess_*"
                }}
            })),
            format!(
                "action IN ({}) AND resource LIKE 'arn:aws:iam::%:role/%-role-1%' \
                 AND principal_arn NOT LIKE 'arn:aws:iam::%:role/%AWSReservedSSO_AdministratorAccess_%'",
                listed.join(", ")
            ),
        ),
    ]
}

fn file(work: &Path, name: &str) -> String {
    work.join(format!("{}.json", name.replace(' ', "-"))).to_str().expect("UTF-8").to_owned()
}

/// Runs them one after the other: the most memory that one took.
pub fn run(bench: &mut Bench, store: &str, limit: &str, work: &Path) -> u64 {
    let mut peak = 0;
    for (name, policy, _) in policies() {
        let path = file(work, name);
        fs::write(&path, policy.to_string()).expect("written");
        let out = format!("{path}.answer");
        let arguments = [
            "check",
            "--everyone",
            "--scp",
            &path,
            "--store",
            store,
            "--memory-limit",
            limit,
            "--format",
            "json",
            "--limit",
            "100000",
            "--output",
            &out,
            "--quiet",
        ];
        // Exit code 4 says that something would be denied: `compare` looks at the answer itself.
        let (ran, _) = bench.run_any(&format!("check --everyone: {name}"), &arguments);
        peak = peak.max(ran.peak_bytes);
    }
    peak
}

/// The same by SQL over the events: how many uses, and of whom. A call that two accounts logged is one use. Whom the
/// called account knows by an id alone (`AWSAccount`) is of another organisation, which no policy of this one binds.
pub fn compare(bench: &mut Bench, store: &str, work: &Path) {
    bench.line("\n| policy | uses denied | principals | by SQL | |\n|---|---|---|---|---|");
    for (name, _, condition) in policies() {
        let answer = fs::read_to_string(format!("{}.answer", file(work, name))).expect("an answer");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let query = format!(
            "SELECT principal_arn, \
             count(DISTINCT concat(coalesce(shared_event_id, event_id), ' ', action, ' ', resource)) AS denied \
             FROM event_actions WHERE outcome = 'allowed' AND action IS NOT NULL \
             AND confidence NOT IN ('unverified', 'suggested') AND principal_type NOT IN ('AWSService', 'AWSAccount') \
             AND principal_arn NOT LIKE '%:role/aws-service-role/%' \
             AND ({condition}) GROUP BY 1"
        );
        let counted = sql(store, &query);
        let whom = answer["whom"].as_array().expect("a list");
        let found = whom.iter().filter(|one| one["denied"].as_u64() > Some(0)).count();
        let denied = counted.iter().filter_map(|row| row["denied"].as_u64()).sum::<u64>();
        let of = |arn: &Value| {
            counted.iter().find(|row| row["principal_arn"] == *arn).and_then(|row| row["denied"].as_u64())
        };
        let is_same = found == counted.len()
            && answer["denied"].as_u64() == Some(denied)
            && whom
                .iter()
                .all(|one| one["denied"].as_u64() == Some(0) || of(&one["principal_arn"]) == one["denied"].as_u64());
        bench.line(&format!(
            "| {name} | {} | {found} | {denied} of {} | {} |",
            answer["denied"],
            counted.len(),
            if is_same { "the same" } else { "**another answer**" }
        ));
        bench.must(is_same, "SQL counts otherwise");
    }
}

fn sql(store: &str, query: &str) -> Vec<Value> {
    let out = format!("{store}.rows.json");
    let mut command = Command::new(program());
    command.args(["sql", query, "--store", store, "--format", "json", "--output", &out]);
    measure::run(&mut command).expect("SQL that runs");
    serde_json::from_str(&fs::read_to_string(&out).expect("rows")).expect("JSON")
}
