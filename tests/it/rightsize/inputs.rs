//! Files that tell what is granted, and the script that collects them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use trailpare::iam::Catalog;
use trailpare::policy::unused::{Details, pages};
use trailpare::rightsize::{Answers, Inventory, Rules};

/// A stand-in for the AWS command line: answers by the words of the command, as the API references have them.
const AWS: &str = r#"#!/bin/sh
case "$*" in
  *get-caller-identity*) echo 111122223333 ;;
  *get-account-authorization-details*) echo '{"UserDetailList":[],"RoleDetailList":[{"Arn":"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef","RoleName":"AWSReservedSSO_Ops_0123456789abcdef","AttachedManagedPolicies":[],"RolePolicyList":[{"PolicyName":"AwsSSOInlinePolicy","PolicyDocument":{"Statement":[{"Effect":"Allow","Action":["s3:*","ec2:*"],"Resource":"*"}]}}]}],"GroupDetailList":[],"Policies":[],"IsTruncated":false}' ;;
  *list-instances*) printf 'arn:aws:sso:::instance/ssoins-1,d-1\n' ;;
  *list-permission-sets*) printf 'arn:aws:sso:::permissionSet/ssoins-1/ps-1\tarn:aws:sso:::permissionSet/ssoins-1/ps-2\n' ;;
  *describe-permission-set*ps-1*) echo '{"PermissionSet":{"Name":"Ops","PermissionSetArn":"arn:aws:sso:::permissionSet/ssoins-1/ps-1"}}' ;;
  *describe-permission-set*ps-2*) echo '{"PermissionSet":{"Name":"Idle","PermissionSetArn":"arn:aws:sso:::permissionSet/ssoins-1/ps-2"}}' ;;
  *list-managed-policies-in-permission-set*) echo '{"AttachedManagedPolicies":[]}' ;;
  *list-customer-managed*) echo '{"CustomerManagedPolicyReferences":[]}' ;;
  *get-inline-policy*ps-1*) echo '{"InlinePolicy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:*\",\"ec2:*\"],\"Resource\":\"*\"}]}"}' ;;
  *get-inline-policy*) echo '{"InlinePolicy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sqs:SendMessage\",\"Resource\":\"*\"}]}"}' ;;
  *get-permissions-boundary*) echo 'An error occurred (ResourceNotFoundException)' >&2; exit 254 ;;
  *list-tags-for-resource*ps-1*) echo '{"Tags":[{"Key":"team","Value":"ops"}]}' ;;
  *list-tags-for-resource*) echo '{"Tags":[]}' ;;
  *list-accounts-for-provisioned*) printf '111122223333\n' ;;
  *list-account-assignments*ps-1*) echo '{"AccountAssignments":[{"AccountId":"111122223333","PermissionSetArn":"arn:aws:sso:::permissionSet/ssoins-1/ps-1","PrincipalType":"GROUP","PrincipalId":"g-1"}]}' ;;
  *list-account-assignments*) echo '{"AccountAssignments":[{"AccountId":"111122223333","PermissionSetArn":"arn:aws:sso:::permissionSet/ssoins-1/ps-2","PrincipalType":"USER","PrincipalId":"u-2"}]}' ;;
  *list-users*) echo '{"Users":[{"UserName":"ann","UserId":"u-1"},{"UserName":"ben","UserId":"u-2"}]}' ;;
  *list-groups*text*) printf 'g-1\n' ;;
  *list-groups*) echo '{"Groups":[{"GroupId":"g-1","DisplayName":"ops"}]}' ;;
  *list-group-memberships*) echo '{"GroupMemberships":[{"GroupId":"g-1","MemberId":{"UserId":"u-1"}}]}' ;;
  *describe-organization\ *) echo '{"Organization":{"Id":"o-1","MasterAccountId":"999900001111"}}' ;;
  *list-roots*text*) printf 'r-1\n' ;;
  *list-roots*) echo '{"Roots":[{"Id":"r-1"}]}' ;;
  *list-accounts-for-parent*ou-1*) echo '{"Accounts":[{"Id":"111122223333","Name":"prod"}]}' ;;
  *list-accounts-for-parent*) echo '{"Accounts":[{"Id":"999900001111","Name":"management"}]}' ;;
  *list-organizational-units-for-parent*r-1*text*) printf 'ou-1\n' ;;
  *list-organizational-units-for-parent*r-1*) echo '{"OrganizationalUnits":[{"Id":"ou-1"}]}' ;;
  *list-organizational-units-for-parent*text*) printf 'None\n' ;;
  *list-organizational-units-for-parent*) echo '{"OrganizationalUnits":[]}' ;;
  *list-policies*) printf 'p-1\n' ;;
  *describe-policy*) echo '{"Policy":{"PolicySummary":{"Id":"p-1","Type":"SERVICE_CONTROL_POLICY"},"Content":"{\"Statement\":[{\"Effect\":\"Allow\",\"NotAction\":\"ec2:*\",\"Resource\":\"*\"}]}"}}' ;;
  *list-targets-for-policy*) echo '{"Targets":[{"TargetId":"ou-1","Type":"ORGANIZATIONAL_UNIT"}]}' ;;
  *) echo "unexpected: $*" >&2; exit 2 ;;
esac
"#;

#[test]
fn the_script_collects_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let aws = folder.path().join("aws");
    fs::write(&aws, AWS).unwrap();
    fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
    let out = folder.path().join("out");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/collect-organization.sh");
    let output = Command::new("sh").arg(script).arg(&out).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let mut answers = Answers::default();
    answers.add(&read("identity-center/answers.json")).unwrap();
    answers.add(&read("organizations/answers.json")).unwrap();
    assert!(answers.problems.is_empty(), "{:?}", answers.problems);
    let details = Details::of(&pages(&read("iam/111122223333.json")).unwrap()).unwrap();
    check(Inventory::new(details, answers, Rules::default()));
}

/// What the answers above say, by hand.
fn check(inventory: Inventory) {
    let catalog = Catalog::embedded();
    let ops = inventory.permission_set("Ops");
    assert_eq!(ops.tags["team"], "ops");
    let today = inventory.today(&ops, catalog).unwrap();
    // The service control policy of the unit takes ec2 away.
    assert!(today.granted.contains("s3:GetObject") && !today.granted.iter().any(|action| action.starts_with("ec2:")));
    // Nobody has the role of a set that was never provisioned: Identity Center says what it grants.
    let idle = inventory.today(&inventory.permission_set("Idle"), catalog).unwrap();
    assert_eq!(idle.granted.iter().collect::<Vec<_>>(), [&"sqs:SendMessage"]);
    assert_eq!(inventory.people_of("Ops").into_keys().collect::<Vec<_>>(), ["ann"]);
    assert_eq!(inventory.people_of("Idle").into_keys().collect::<Vec<_>>(), ["ben"]);
    assert_eq!(inventory.sets_of("ann").into_keys().collect::<Vec<_>>(), ["Ops"]);
    assert_eq!(inventory.scps("111122223333").len(), 1);
    assert!(inventory.scps("999900001111").is_empty(), "the management account is bound by none");
}

/// A tree that somebody made up has no end.
#[test]
fn a_circle_of_units_ends() {
    let mut answers = Answers::default();
    let text = r#"[{"Of":"a","Answer":{"Parents":[{"Id":"b","Type":"ORGANIZATIONAL_UNIT"}]}},{"Of":"b","Answer":{"Parents":[{"Id":"a","Type":"ORGANIZATIONAL_UNIT"}]}},
        {"Policy":{"PolicySummary":{"Id":"p","Type":"SERVICE_CONTROL_POLICY"},"Content":"{\"Statement\":[]}"}},{"Of":"p","Answer":{"Targets":[{"TargetId":"a"}]}}]"#;
    answers.add(text).unwrap();
    let inventory = Inventory::new(Details::default(), answers, Rules::default());
    assert!(inventory.scps("a").len() <= 1);
}

/// `trailpare synth … --organization sample-organization`, with the arguments of the sample archive.
#[test]
fn the_sample_organization_is_what_synth_makes() {
    let made = tempfile::tempdir().unwrap();
    let config = crate::synth::sample();
    trailpare::synth::organization(&config, made.path()).unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-organization");
    assert!(
        super::files(&sample) == super::files(made.path()),
        "sample-organization/ is not what this version makes: write it anew"
    );
}
