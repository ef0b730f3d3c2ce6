//! One test a rule, with the page of the IAM User Guide that states it.

use trailpare::iam::document::{ActionSpec, Policy, Version};
use trailpare::iam::evaluate::{ActionMatcher, Compiled, Context, Level, PolicySet, Verdict, covers_action};

use super::{absent, is_allowed, met, policy, verdict};

const ALLOW_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const BUCKET: &str = "arn:aws:s3:::amzn-s3-demo-bucket";

/// `reference_policies_evaluation-logic`: "By default, all requests are implicitly denied"; "An explicit allow […]
/// overrides this default"; "An explicit deny in any policy overrides any allows."
#[test]
fn explicit_deny_allow_implicit_deny() {
    let set = PolicySet::default();
    let denied = verdict(&set, "s3:GetObject", BUCKET, &absent());
    assert_eq!(denied, Verdict::Denied { explicit: None, by: Level::Identity });

    let set = PolicySet::of_identity(vec![
        policy(ALLOW_ALL),
        policy(r#"{"Sid":"No","Effect":"Deny","Action":"s3:*","Resource":"*"}"#),
    ]);
    assert!(verdict(&set, "ec2:RunInstances", "*", &absent()).is_allowed());
    let Verdict::Denied { explicit: Some(place), by: Level::Identity } =
        verdict(&set, "s3:GetObject", BUCKET, &absent())
    else {
        panic!("not denied")
    };
    assert_eq!((place.policy, place.statement), (1, 0));
    assert_eq!(set.statement(place).unwrap().1.sid.as_deref(), Some("No"));
}

/// `reference_policies_elements_action`: "The prefix and the action name are case insensitive"; wildcards.
#[test]
fn actions() {
    assert!(covers_action("iam:ListAccessKeys", "IAM:listaccesskeys"));
    assert!(covers_action("iam:*AccessKey*", "iam:UpdateAccessKey"));
    assert!(covers_action("sqs:*", "SQS:SendMessage"));
    assert!(covers_action("*", "sqs:SendMessage"));
    assert!(!covers_action("s3:Get*", "s3:PutObject"));
    assert!(!covers_action("s3:GetObject", "s3:GetObjectAcl"));
    let all = ["s3:GetObject", "s3:GetObjectAcl", "s3:PutObject", "ec2:RunInstances"];
    let get = ActionMatcher::new(&ActionSpec::Action(vec!["S3:Get*".to_owned()]));
    assert_eq!(get.expand(all).collect::<Vec<_>>(), ["s3:GetObject", "s3:GetObjectAcl"]);
    let not = ActionMatcher::new(&ActionSpec::NotAction(vec!["s3:*".to_owned()]));
    assert_eq!(not.expand(all).collect::<Vec<_>>(), ["ec2:RunInstances"]);
}

/// What a policy grants of the actions that exist: an outright denial takes away, a conditional one does not.
#[test]
fn granted_actions() {
    let set = PolicySet::of_identity(vec![policy(
        r#"{"Effect":"Allow","Action":["s3:*","ec2:Describe*"],"Resource":"arn:aws:s3:::b/*"},
           {"Effect":"Deny","Action":"s3:Put*","Resource":"*"},
           {"Effect":"Deny","Action":"s3:Delete*","Resource":"arn:aws:s3:::b/x"}"#,
    )]);
    let known = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "ec2:DescribeVpcs", "ec2:RunInstances"];
    assert_eq!(Compiled::new(&set).granted(known), ["s3:GetObject", "s3:DeleteObject", "ec2:DescribeVpcs"]);
}

/// `reference_policies_elements_notaction`, "NotAction with Deny": everything but IAM is denied without MFA.
#[test]
fn not_action_with_deny() {
    let statements = format!(
        r#"{ALLOW_ALL},{{"Sid":"DenyAllUsersNotUsingMFA","Effect":"Deny","NotAction":"iam:*","Resource":"*",
           "Condition":{{"BoolIfExists":{{"aws:MultiFactorAuthPresent":"false"}}}}}}"#
    );
    let with = |mfa: &str| absent().with("aws:MultiFactorAuthPresent", mfa);
    assert!(is_allowed(&statements, "iam:ListUsers", "*", &with("false")));
    assert!(!is_allowed(&statements, "s3:ListAllMyBuckets", "*", &with("false")));
    assert!(!is_allowed(&statements, "s3:ListAllMyBuckets", "*", &absent()));
    assert!(is_allowed(&statements, "s3:ListAllMyBuckets", "*", &with("true")));
}

/// `reference_policies_elements_notaction`, "NotAction with Allow": everything of S3 but deleting a bucket. "This does not
/// allow users to use the ListAllMyBuckets S3 API operation, because that action requires the "*" resource."
#[test]
fn not_action_with_allow() {
    let statements = r#"{"Effect":"Allow","NotAction":"s3:DeleteBucket","Resource":"arn:aws:s3:::*"}"#;
    assert!(is_allowed(statements, "s3:GetObject", "arn:aws:s3:::b/k", &absent()));
    assert!(!is_allowed(statements, "s3:deletebucket", "arn:aws:s3:::b", &absent()));
    assert!(!is_allowed(statements, "ec2:StartInstances", "arn:aws:ec2:eu-west-1:1:instance/i-1", &absent()));
}

/// `reference_policies_elements_notresource`: "denies access to Amazon S3 resources that are not listed".
#[test]
fn not_resource_with_deny() {
    let statements = format!(
        r#"{ALLOW_ALL},{{"Effect":"Deny","Action":"s3:*","NotResource":
           ["arn:aws:s3:::HRBucket/Payroll","arn:aws:s3:::HRBucket/Payroll/*"]}}"#
    );
    assert!(is_allowed(&statements, "s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/2024", &absent()));
    assert!(!is_allowed(&statements, "s3:GetObject", "arn:aws:s3:::HRBucket/Other", &absent()));
    assert!(is_allowed(&statements, "ec2:DescribeVpcs", "*", &absent()));
}

/// `reference_policies_elements_resource`: where an action has no resource, `*` is written.
#[test]
fn an_action_without_resource_needs_an_asterisk() {
    let statement =
        |resource: &str| format!(r#"{{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"{resource}"}}"#);
    assert!(is_allowed(&statement("*"), "ec2:DescribeInstances", "*", &absent()));
    assert!(!is_allowed(&statement("arn:aws:ec2:*:*:instance/*"), "ec2:DescribeInstances", "*", &absent()));
}

/// `reference_policies_elements_resource`: "the IAM user name is case sensitive".
#[test]
fn resources_are_case_sensitive() {
    let statement = r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::1:user/Bob"}"#;
    assert!(is_allowed(statement, "iam:GetUser", "arn:aws:iam::1:user/Bob", &absent()));
    assert!(!is_allowed(statement, "iam:GetUser", "arn:aws:iam::1:user/bob", &absent()));
}

/// `access_policies_boundaries`: "the effective permissions are the intersection of both policy types. An explicit
/// deny in either of these policies overrides the allow."
#[test]
fn boundary() {
    let mut set = PolicySet::of_identity(vec![policy(
        r#"{"Effect":"Allow","Action":["iam:CreateUser","s3:GetObject"],"Resource":"*"}"#,
    )]);
    set.boundary = Some(policy(r#"{"Effect":"Allow","Action":["s3:*","cloudwatch:*"],"Resource":"*"}"#));
    assert!(verdict(&set, "s3:GetObject", BUCKET, &absent()).is_allowed());
    let by = |action: &str| verdict(&set, action, BUCKET, &absent());
    assert_eq!(by("iam:CreateUser"), Verdict::Denied { explicit: None, by: Level::Boundary });
    assert_eq!(by("s3:PutObject"), Verdict::Denied { explicit: None, by: Level::Identity });
    assert_eq!(by("cloudwatch:PutMetricData"), Verdict::Denied { explicit: None, by: Level::Identity });
}

/// AWS Organizations User Guide, `orgs_manage_policies_scps_evaluation`: "there must be an explicit Allow statement
/// at every level from the root through each OU in the direct path to the account"; a deny at any level suffices.
#[test]
fn service_control_policies() {
    let full = || policy(ALLOW_ALL);
    let only = |services: &str| policy(&format!(r#"{{"Effect":"Allow","Action":[{services}],"Resource":"*"}}"#));
    let mut set = PolicySet::of_identity(vec![full()]);
    set.scps = vec![vec![full()], vec![only(r#""s3:*""#), only(r#""ec2:*""#)], vec![only(r#""s3:*","sqs:*""#)]];
    let by = |set: &PolicySet, action: &str| verdict(set, action, BUCKET, &absent());
    assert!(by(&set, "s3:GetObject").is_allowed());
    assert_eq!(by(&set, "ec2:RunInstances"), Verdict::Denied { explicit: None, by: Level::Scp });
    assert_eq!(by(&set, "sqs:SendMessage"), Verdict::Denied { explicit: None, by: Level::Scp });
    set.scps[0].push(policy(r#"{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}"#));
    let Verdict::Denied { explicit: Some(place), by: Level::Scp } = by(&set, "s3:GetObject") else {
        panic!("not denied")
    };
    assert_eq!((place.group, place.policy, place.statement), (0, 1, 0));
    // Allowed by every level does not grant anything.
    set.identity.clear();
    assert_eq!(by(&set, "s3:PutObject"), Verdict::Denied { explicit: None, by: Level::Identity });
}

/// AWS Organizations User Guide, `orgs_manage_policies_rcps_syntax`: they deny, for the principal `*`; all else passes, since
/// `RCPFullAWSAccess` cannot be detached.
#[test]
fn resource_control_policies() {
    let mut set = PolicySet::of_identity(vec![policy(ALLOW_ALL)]);
    set.rcps = vec![vec![policy(
        r#"{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*",
            "Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}}"#,
    )]];
    assert!(verdict(&set, "s3:GetObject", BUCKET, &absent().with("aws:PrincipalOrgID", "o-1")).is_allowed());
    let outside = verdict(&set, "s3:GetObject", BUCKET, &absent().with("aws:PrincipalOrgID", "o-2"));
    assert!(matches!(outside, Verdict::Denied { explicit: Some(_), by: Level::Rcp }));
}

/// `access_policies` "Session policies": "permissions […] are the intersection of the identity-based policies […] and
/// the session policies".
#[test]
fn session_policies() {
    let mut set = PolicySet::of_identity(vec![policy(ALLOW_ALL)]);
    set.session = vec![
        policy(r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#),
        policy(r#"{"Effect":"Allow","Action":"s3:List*","Resource":"*"}"#),
    ];
    assert!(verdict(&set, "s3:GetObject", BUCKET, &absent()).is_allowed());
    assert!(verdict(&set, "s3:ListBucket", BUCKET, &absent()).is_allowed());
    let put = verdict(&set, "s3:PutObject", BUCKET, &absent());
    assert_eq!(put, Verdict::Denied { explicit: None, by: Level::Session });
}

const OPERATORS: &str = "reference_policies_elements_condition_operators";

/// `reference_policies_elements_condition_operators`, "String condition operators".
#[test]
fn string_operators() {
    let tag = |value: &str| absent().with("aws:PrincipalTag/job-category", value);
    let key = "aws:PrincipalTag/job-category";
    assert!(met("StringEquals", key, r#""iamuser-admin""#, &tag("iamuser-admin")), "{OPERATORS}");
    assert!(!met("StringEquals", key, r#""iamuser-admin""#, &tag("IAMuser-admin")));
    assert!(!met("StringEquals", key, r#""iamuser-*""#, &tag("iamuser-admin")), "no wildcards");
    assert!(!met("StringEquals", key, r#""iamuser-admin""#, &absent()));
    assert!(met("StringNotEquals", key, r#""a""#, &tag("b")));
    assert!(met("StringNotEquals", key, r#""a""#, &absent()));
    assert!(met("StringEqualsIgnoreCase", key, r#""IamUser-ADMIN""#, &tag("iamuser-admin")));
    assert!(!met("StringNotEqualsIgnoreCase", key, r#""IamUser-ADMIN""#, &tag("iamuser-admin")));
    assert!(met("StringLike", key, r#"["x","iam*-a??in"]"#, &tag("iamuser-admin")));
    assert!(!met("StringLike", key, r#""iam""#, &tag("iamuser-admin")), "wildcards are needed for a partial match");
    assert!(!met("StringNotLike", key, r#"["x","iam*"]"#, &tag("iamuser-admin")));
    assert!(met("StringNotLike", key, r#"["x","y*"]"#, &tag("iamuser-admin")));
}

/// The same page, "Numeric condition operators".
#[test]
fn numeric_operators() {
    let keys = |value: &str| absent().with("s3:max-keys", value);
    let one = |operator: &str, value: &str| met(operator, "s3:max-keys", r#""10""#, &keys(value));
    assert!(one("NumericLessThanEquals", "10") && !one("NumericLessThanEquals", "11"));
    assert!(one("NumericLessThan", "9") && !one("NumericLessThan", "10"));
    assert!(one("NumericGreaterThan", "10.5") && !one("NumericGreaterThan", "10"));
    assert!(one("NumericGreaterThanEquals", "10.0") && !one("NumericGreaterThanEquals", "9"));
    assert!(one("NumericEquals", "010") && !one("NumericEquals", "10.01"));
    assert!(one("NumericNotEquals", "11") && !one("NumericNotEquals", "10"));
    assert!(!met("NumericLessThan", "s3:max-keys", "10", &absent()));
    assert!(!one("NumericLessThan", "few"));
}

/// The same page, "Date condition operators".
#[test]
fn date_operators() {
    let issued = |value: &str| absent().with("aws:TokenIssueTime", value);
    let one =
        |operator: &str, value: &str| met(operator, "aws:TokenIssueTime", r#""2020-01-01T00:00:01Z""#, &issued(value));
    assert!(one("DateGreaterThan", "2020-01-01T00:00:02Z") && !one("DateGreaterThan", "2020-01-01T00:00:01Z"));
    assert!(one("DateGreaterThanEquals", "2020-01-01T01:00:01+01:00"));
    assert!(one("DateLessThan", "2019-12-31") && !one("DateLessThan", "2021"));
    assert!(one("DateLessThanEquals", "1577836801") && !one("DateLessThanEquals", "1577836802"));
    assert!(one("DateEquals", "1577836801") && one("DateNotEquals", "1577836800"));
    assert!(!met("DateGreaterThan", "aws:TokenIssueTime", r#""2020-01-01T00:00:01Z""#, &absent()));
}

/// The same page, "Boolean condition operators".
#[test]
fn bool_operator() {
    let secure = |value: &str| absent().with("aws:SecureTransport", value);
    assert!(met("Bool", "aws:SecureTransport", r#""false""#, &secure("false")));
    assert!(met("Bool", "AWS:securetransport", "true", &secure("True")), "keys and booleans ignore case");
    assert!(!met("Bool", "aws:SecureTransport", r#""false""#, &secure("true")));
    assert!(!met("Bool", "aws:SecureTransport", r#""false""#, &absent()));
}

/// The same page, "Binary condition operators".
#[test]
fn binary_operator() {
    let value = r#""QmluYXJ5VmFsdWVJbkJhc2U2NA==""#;
    assert!(met("BinaryEquals", "key", value, &absent().with("key", "QmluYXJ5VmFsdWVJbkJhc2U2NA")));
    assert!(!met("BinaryEquals", "key", value, &absent().with("key", "QmluYXJ5VmFsdWU=")));
    assert!(!met("BinaryEquals", "key", value, &absent()));
}

/// The same page, "IP address condition operators".
#[test]
fn address_operators() {
    let from = |address: &str| absent().with("aws:SourceIp", address);
    let ranges = r#"["203.0.113.0/24","2001:DB8:1234:5678::/64"]"#;
    for (address, inside) in [
        ("203.0.113.77", true),
        ("203.0.114.1", false),
        ("2001:db8:1234:5678:ffff::1", true),
        ("2001:db8::1", false),
        ("cloudformation.amazonaws.com", false),
    ] {
        assert_eq!(met("IpAddress", "aws:SourceIp", ranges, &from(address)), inside, "{address}");
        assert_eq!(met("NotIpAddress", "aws:SourceIp", ranges, &from(address)), !inside, "{address}");
    }
    assert!(met("IpAddress", "aws:SourceIp", r#""203.0.113.7""#, &from("203.0.113.7")), "the default prefix is /32");
    assert!(!met("IpAddress", "aws:SourceIp", ranges, &absent()));
    assert!(met("NotIpAddress", "aws:SourceIp", ranges, &absent()));
}

/// The same page, "Amazon Resource Name (ARN) condition operators".
#[test]
fn arn_operators() {
    let pattern = r#""arn:aws:someservice:*:111122223333:finance/*""#;
    let source = |arn: &str| absent().with("aws:SourceArn", arn);
    let odd = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
    assert!(met("StringLike", "aws:SourceArn", pattern, &source(odd)));
    assert!(!met("ArnLike", "aws:SourceArn", pattern, &source(odd)));
    let plain = "arn:aws:someservice:us-east-2:111122223333:finance/a/b:c";
    for operator in ["ArnLike", "ArnEquals"] {
        assert!(met(operator, "aws:SourceArn", pattern, &source(plain)), "the two behave identically");
    }
    for operator in ["ArnNotLike", "ArnNotEquals"] {
        assert!(!met(operator, "aws:SourceArn", pattern, &source(plain)));
        assert!(met(operator, "aws:SourceArn", pattern, &source(odd)));
        assert!(met(operator, "aws:SourceArn", pattern, &absent()));
    }
}

/// The same page, "...IfExists condition operators": `THISPOLICYDOESNOTWORK` and the one that does.
#[test]
fn if_exists() {
    let values = r#"["t1.*","t2.*","m3.*"]"#;
    let kind = |value: &str| absent().with("ec2:InstanceType", value);
    assert!(!met("StringLike", "ec2:InstanceType", values, &absent()));
    assert!(met("StringLikeIfExists", "ec2:InstanceType", values, &absent()));
    assert!(met("StringLikeIfExists", "ec2:InstanceType", values, &kind("t2.micro")));
    assert!(!met("StringLikeIfExists", "ec2:InstanceType", values, &kind("m5.large")));
    let denied = r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*",
        "Condition":{"StringNotEqualsIfExists":{"aws:RequestTag/a":"b"}}}"#;
    assert!(!is_allowed(denied, "ec2:RunInstances", "*", &absent()), "still denied if the tag is missing");
}

/// The same page, "Condition operator to check existence of condition keys".
#[test]
fn null_operator() {
    let issued = absent().with("aws:TokenIssueTime", "2024-01-01T00:00:00Z");
    assert!(met("Null", "aws:TokenIssueTime", r#""true""#, &absent()));
    assert!(!met("Null", "aws:TokenIssueTime", r#""true""#, &issued));
    assert!(met("Null", "aws:TokenIssueTime", "false", &issued));
    assert!(!met("Null", "aws:TokenIssueTime", "false", &absent()));
}

/// `reference_policies_condition-single-vs-multi-valued-context-keys`: `ForAllValues`.
#[test]
fn for_all_values() {
    let allowed = r#"["PostDateTime","Message","Tags"]"#;
    let key = "dynamodb:requestedAttributes";
    let asked = |values: &[&str]| absent().with_values(key, values.iter().copied());
    let one = |operator: &str, context: &Context| met(operator, key, allowed, context);
    assert!(one("ForAllValues:StringLike", &asked(&["PostDateTime", "Message"])));
    assert!(!one("ForAllValues:StringLike", &asked(&["PostDateTime", "UserName"])));
    assert!(one("ForAllValues:StringLike", &absent()), "no keys in the request");
    assert!(one("ForAllValues:StringLike", &asked(&[])), "an empty set");
    assert!(one("ForAllValues:StringLike", &asked(&[""])), "a null dataset, such as an empty string");
    assert!(one("ForAllValues:StringNotEquals", &asked(&["ID", "UserName"])));
    assert!(!one("ForAllValues:StringNotEquals", &asked(&["ID", "Tags"])));
}

/// The same page: `ForAnyValue`.
#[test]
fn for_any_value() {
    let listed = r#"["ID","PostDateTime"]"#;
    let key = "dynamodb:requestedAttributes";
    let asked = |values: &[&str]| absent().with_values(key, values.iter().copied());
    let one = |operator: &str, context: &Context| met(operator, key, listed, context);
    assert!(one("ForAnyValue:StringLike", &asked(&["UserName", "Message", "PostDateTime"])));
    assert!(!one("ForAnyValue:StringLike", &asked(&["UserName"])));
    assert!(!one("ForAnyValue:StringLike", &absent()));
    assert!(!one("ForAnyValue:StringLike", &asked(&[])));
    assert!(!one("ForAnyValue:StringEquals", &asked(&[""])));
    assert!(!one("ForAnyValue:StringNotEquals", &absent()));
    assert!(one("ForAnyValue:StringNotEquals", &asked(&["ID", "UserName"])));
    assert!(!one("ForAnyValue:StringNotEquals", &asked(&["ID", "PostDateTime"])));
}

/// `reference_policies_condition-logic-multiple-context-keys-or-values`: operators AND, keys AND, values OR, values
/// of negated operators NOR.
#[test]
fn several_operators_keys_and_values() {
    let statement = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{
        "StringEquals":{"aws:PrincipalTag/department":["finance","hr","legal"],"aws:PrincipalTag/role":["audit","security"]},
        "ArnLike":{"aws:PrincipalArn":["arn:aws:iam::222222222222:user/Ana","arn:aws:iam::222222222222:user/Mary"]},
        "StringNotEquals":{"aws:RequestedRegion":["us-east-1","us-west-1"]}}}"#;
    let context = |department: &str, role: &str, arn: &str, region: &str| {
        absent()
            .with("aws:PrincipalTag/Department", department)
            .with("aws:PrincipalTag/role", role)
            .with("aws:PrincipalArn", arn)
            .with("aws:RequestedRegion", region)
    };
    let mary = "arn:aws:iam::222222222222:user/Mary";
    let allowed = |context: Context| is_allowed(statement, "s3:ListBucket", BUCKET, &context);
    assert!(allowed(context("hr", "security", mary, "eu-west-1")));
    assert!(!allowed(context("it", "security", mary, "eu-west-1")));
    assert!(!allowed(context("hr", "dev", mary, "eu-west-1")));
    assert!(!allowed(context("hr", "security", "arn:aws:iam::222222222222:user/Nikki", "eu-west-1")));
    assert!(!allowed(context("hr", "security", mary, "us-west-1")));
}

/// `reference_policies_variables`: in resources and in conditions, with and without default values.
#[test]
fn variables() {
    let statements = r#"
        {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::amzn-s3-demo-bucket",
         "Condition":{"StringLike":{"s3:prefix":["${aws:username}/*"]}}},
        {"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::amzn-s3-demo-bucket/${AWS:UserName}/*"},
        {"Effect":"Allow","Action":"s3:PutObject",
         "Resource":"arn:aws:s3:::amzn-s3-demo-bucket/${aws:PrincipalTag/team, 'company-wide'}/*"}"#;
    let david = absent().with("aws:username", "David");
    let object = |key: &str| format!("{BUCKET}/{key}");
    assert!(is_allowed(statements, "s3:ListBucket", BUCKET, &david.clone().with("s3:prefix", "David/x")));
    assert!(!is_allowed(statements, "s3:ListBucket", BUCKET, &david.clone().with("s3:prefix", "Ann/x")));
    assert!(is_allowed(statements, "s3:GetObject", &object("David/x"), &david));
    assert!(!is_allowed(statements, "s3:GetObject", &object("Ann/x"), &david));
    assert!(!is_allowed(statements, "s3:GetObject", &object("${aws:username}/x"), &absent()), "no value, no match");
    assert!(is_allowed(statements, "s3:PutObject", &object("company-wide/x"), &david));
    let yellow = david.with("aws:PrincipalTag/team", "yellow");
    assert!(is_allowed(statements, "s3:PutObject", &object("yellow/x"), &yellow));
    assert!(!is_allowed(statements, "s3:PutObject", &object("company-wide/x"), &yellow));
}

/// `reference_policies_variables`: `${*}`, `${?}`, `${$}`; a value put in is no pattern.
#[test]
fn special_characters() {
    let statement = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*",
        "Condition":{"StringLike":{"s3:prefix":"a${*}b${?}c${$}*${aws:username}"}}}"#;
    let allowed = |prefix: &str, user: &str| {
        let context = absent().with("s3:prefix", prefix).with("aws:username", user);
        is_allowed(statement, "s3:ListBucket", BUCKET, &context)
    };
    assert!(allowed("a*b?c$xyzme", "me"));
    assert!(!allowed("aXb?c$me", "me"));
    assert!(!allowed("a*bXc$me", "me"));
    assert!(!allowed("a*b?c$you", "*"));
    assert!(allowed("a*b?c$*", "*"));
}

/// `reference_policies_variables`: "Earlier versions of the policy language don't support policy variables."
#[test]
fn variables_need_the_version() {
    let mut old = policy(r#"{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::1:user/${aws:username}"}"#);
    let ann = absent().with("aws:username", "Ann");
    let allowed = |policy: &Policy, resource: &str| {
        verdict(&PolicySet::of_identity(vec![policy.clone()]), "iam:GetUser", resource, &ann).is_allowed()
    };
    assert!(allowed(&old, "arn:aws:iam::1:user/Ann"));
    for version in [None, Some(Version::V2008)] {
        old.version = version;
        assert!(!allowed(&old, "arn:aws:iam::1:user/Ann"));
        assert!(allowed(&old, "arn:aws:iam::1:user/${aws:username}"));
    }
}
