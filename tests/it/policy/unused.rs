//! What an account never used: files as `aws iam get-account-authorization-details` writes them.

use serde_json::{Value, json};
use trailpare::iam::Catalog;
use trailpare::policy::unused::{Details, DetailsError, EntityUse, pages, unused};
use trailpare::report::unused::{entities, text};
use trailpare::usage::{DataSight, RoleLives, TimeRange};

use super::{deployer, row};

fn policy(actions: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
}

/// RFC 3986, as the API sends documents.
fn encoded(document: &Value) -> Value {
    let text = document.to_string();
    let byte = |b: u8| {
        if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }
    };
    Value::from(text.bytes().map(byte).collect::<String>())
}

fn role(name: &str, more: Value) -> Value {
    let mut role = json!({
        "Path": "/", "RoleName": name.rsplit('/').next(), "RoleId": "AROAIOSFODNN7EXAMPLE",
        "Arn": format!("arn:aws:iam::111122223333:role/{name}"), "CreateDate": "2023-01-01T00:00:00+00:00",
        "AssumeRolePolicyDocument": policy(json!("sts:AssumeRole")),
        "InstanceProfileList": [{"InstanceProfileName": name, "Roles": [{"Arn": "arn:aws:iam::111122223333:role/x"}]}],
        "RolePolicyList": [], "AttachedManagedPolicies": [], "Tags": [], "RoleLastUsed": {}
    });
    for (key, value) in more.as_object().unwrap() {
        role[key] = value.clone();
    }
    role
}

fn managed(arn: &str, versions: Value) -> Value {
    json!({"PolicyName": arn.rsplit('/').next(), "Arn": arn, "AttachmentCount": 1, "PermissionsBoundaryUsageCount": 0,
           "IsAttachable": true, "DefaultVersionId": "v2", "PolicyVersionList": versions})
}

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const LIMIT: &str = "arn:aws:iam::111122223333:policy/limit";
const TEAM: &str = "arn:aws:iam::111122223333:policy/team/deploy";

fn attached(arns: &[&str]) -> Value {
    let one = |arn: &&str| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn});
    arns.iter().map(one).collect()
}

/// Roles and users on the first page, what they refer to on the second.
fn account() -> [Value; 2] {
    let inline = |name: &str, document: Value| json!({"PolicyName": name, "PolicyDocument": document});
    let deployer = role(
        "team/deployer",
        json!({
            "RolePolicyList": [
                inline("idle", policy(json!("kinesis:PutRecord"))),
                inline("reads", encoded(&policy(json!(["s3:Get*", "s3:PutBucketPolicy"])))),
            ],
            "AttachedManagedPolicies": attached(&[ADMIN, "arn:aws:iam::aws:policy/Gone"]),
            "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": LIMIT},
        }),
    );
    let used = json!({"RoleLastUsed": {"LastUsedDate": "2023-11-15T08:00:00+00:00", "Region": "eu-central-1"},
                      "AttachedManagedPolicies": attached(&[TEAM])});
    let linked = role("aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", json!({}));
    let user = json!({"Path": "/", "UserName": "old", "Arn": "arn:aws:iam::111122223333:user/old",
                      "GroupList": ["ops", "nobody"], "AttachedManagedPolicies": []});
    let group = json!({"GroupName": "ops", "Arn": "arn:aws:iam::111122223333:group/ops",
                       "GroupPolicyList": [inline("queue", policy(json!("sqs:SendMessage")))],
                       "AttachedManagedPolicies": attached(&[TEAM])});
    let version = |id: &str, is_default: bool, document: Value| json!({"VersionId": id, "IsDefaultVersion": is_default, "Document": document, "CreateDate": "2023-01-01T00:00:00+00:00"});
    let policies = json!([
        managed(ADMIN, json!([version("v1", false, json!({"bad": true})), version("v2", true, policy(json!("*")))])),
        managed(
            LIMIT,
            json!([version("v2", true, policy(json!(["s3:*", "kinesis:*", "iam:PassRole", "iam:AttachRolePolicy"])))])
        ),
        // Without the mark the version that is named is meant.
        managed(
            TEAM,
            json!([
                {"VersionId": "v2", "Document": encoded(&policy(json!("sns:Publish")))},
                {"VersionId": "v3", "Document": policy(json!("*"))},
            ])
        ),
    ]);
    [
        json!({"UserDetailList": [user], "RoleDetailList": [deployer, role("asleep", used), linked],
               "IsTruncated": true, "Marker": "AAE"}),
        json!({"UserDetailList": [], "RoleDetailList": [], "GroupDetailList": [group], "Policies": policies,
               "IsTruncated": false}),
    ]
}

fn details(texts: &[String]) -> Details {
    let pages: Vec<_> = texts.iter().flat_map(|text| pages(text).unwrap()).collect();
    Details::of(&pages).unwrap()
}

fn uses(details: &Details) -> Vec<EntityUse> {
    unused(details, &deployer(), &TimeRange::default(), &DataSight::everything(), Catalog::embedded())
}

fn named<'a>(uses: &'a [EntityUse], name: &str) -> &'a EntityUse {
    uses.iter().find(|entity| entity.arn.ends_with(name)).unwrap()
}

#[test]
fn what_an_account_never_used() {
    let [first, second] = account().map(|page| page.to_string());
    let details = details(&[first, second]);
    assert_eq!((details.entities.len(), details.service_linked, details.truncated.len()), (3, 1, 0));
    let uses = uses(&details);
    let deployer = &uses[0];
    assert!(deployer.arn.ends_with("deployer"), "the riskiest comes first");
    assert_eq!(deployer.used, 6, "s3 and PassRole, within the boundary");
    assert_eq!(deployer.unused_policies, ["idle"]);
    assert_eq!(deployer.missing_policies, ["arn:aws:iam::aws:policy/Gone"]);
    assert_eq!(deployer.unused_services.iter().map(|s| s.service.as_str()).collect::<Vec<_>>(), ["kinesis"]);
    assert!(deployer.escalations.iter().any(|action| action.action == "iam:AttachRolePolicy"));
    assert!(deployer.escalations.iter().all(|action| action.action != "iam:PassRole"));
    let user = named(&uses, "user/old");
    assert_eq!((user.granted, user.used, user.last_time_us), (2, 0, None));
    assert_eq!(user.unused_policies, ["group ops: queue", TEAM]);
    assert_eq!(user.missing_policies, ["those of group nobody"]);
    assert!(text(&uses, &RoleLives::default()).contains("policies never needed: idle"));
    let json = serde_json::to_value(entities(&uses, &RoleLives::default())).unwrap();
    let of = |name: &str| json.as_array().unwrap().iter().find(|e| e["arn"].as_str().unwrap().ends_with(name)).unwrap();
    assert_eq!((&of("user/old")["is_unused"], &of("asleep")["is_unused"]), (&json!(true), &json!(false)));
}

/// Whole, in pages, pages one after the other in one file, a list of them, one twice: it is the same account.
#[test]
fn pages_in_every_form() {
    let [first, second] = account();
    let mut whole = first.clone();
    for (key, value) in second.as_object().unwrap() {
        if ["GroupDetailList", "Policies", "IsTruncated"].contains(&key.as_str()) {
            whole[key] = value.clone();
        }
    }
    let expected = details(&[whole.to_string()]);
    let (a, b) = (first.to_string(), second.to_string());
    for form in [
        vec![a.clone(), b.clone()],
        vec![b.clone(), a.clone()],
        vec![format!("{a}\n{b}\n")],
        vec![format!("\u{feff}{first:#}{second:#}")],
        vec![format!("[{a},{b}]")],
        vec![a.clone(), b.clone(), a.clone()],
    ] {
        assert_eq!(details(&form), expected);
    }
    let part = details(&[a]);
    assert_eq!(part.truncated.into_iter().collect::<Vec<_>>(), ["111122223333"]);
    assert_eq!(Details::of(&pages(&json!({"Policies": []}).to_string()).unwrap()), Err(DetailsError::NotDetails));
    for wrong in ["{}", "[", "", "7", r#"{"Statement":[]}"#] {
        assert!(pages(wrong).is_err(), "{wrong}");
    }
}

/// Groups of two accounts may have one name, and managed policies of AWS are the same everywhere.
#[test]
fn accounts_are_kept_apart() {
    let ours = account().map(|page| page.to_string());
    let theirs = ours
        .clone()
        .map(|text| text.replace("111122223333", "444455556666").replace("sqs:SendMessage", "sqs:ListQueues"));
    let together = details(&[ours, theirs].concat());
    assert_eq!(together.entities.len(), 6);
    let uses = uses(&together);
    for (account, action) in [("111122223333", "sqs:SendMessage"), ("444455556666", "sqs:ListQueues")] {
        let user = named(&uses, &format!("{account}:user/old"));
        let of_sqs = user.unused_services.iter().any(|service| service.service == "sqs" && service.actions == 1);
        assert!(of_sqs && user.granted == 2, "{action}");
    }
}

/// One document that nobody can read must not hide an account.
#[test]
fn an_odd_document_is_said() {
    let odd = json!({"RoleDetailList": [role("odd", json!({"RolePolicyList": [
        {"PolicyName": "broken", "PolicyDocument": {"Statement": [{"Effect": "Allow"}]}},
        {"PolicyName": "fine", "PolicyDocument": policy(json!("sns:Publish"))},
    ]}))]});
    let uses = uses(&details(&[odd.to_string()]));
    assert_eq!(uses[0].granted, 1);
    assert!(uses[0].missing_policies[0].starts_with("broken (cannot be read: "), "{:?}", uses[0].missing_policies);
}

/// IAM remembers what the archive does not hold.
#[test]
fn a_role_that_iam_saw_is_not_called_unused() {
    let [first, second] = account().map(|page| page.to_string());
    let details = details(&[first, second]);
    let said = text(&uses(&details), &RoleLives::default());
    assert!(said.contains("3 roles and users, 1 without any use"), "{said}");
    assert!(said.contains("but IAM says that it was used 2023-11-15T08:00:00Z"), "{said}");
    let later = TimeRange { from_us: Some(1_800_000_000_000_000), to_us: None };
    let uses = unused(&details, &[], &later, &DataSight::everything(), Catalog::embedded());
    assert!(named(&uses, "asleep").is_idle(), "used before the window");
}

/// Records without the issuer of a session don't say the path of its role.
#[test]
fn a_role_is_known_by_its_name() {
    let mut rows = vec![row("s3:GetObject", "arn:aws:s3:::b/k")];
    rows[0].principal_arn = "arn:aws:iam::111122223333:role/deployer".into();
    let [first, second] = account().map(|page| page.to_string());
    let uses =
        unused(&details(&[first, second]), &rows, &TimeRange::default(), &DataSight::everything(), Catalog::embedded());
    assert_eq!(named(&uses, "deployer").used, 1);
}
