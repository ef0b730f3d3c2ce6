#!/bin/sh
# Collects what `trailpare rightsize` takes: roles and users of the accounts for which there is a profile, Identity
# Center, and the organisation with its service control policies. Reads only. Needs the AWS command line, version 2.
#
#   docs/collect-organization.sh OUT [PROFILE...]
#
# Run it with credentials of the management account, or of one to which Identity Center and Organizations are delegated.
# Each PROFILE is one of ~/.aws/config for an account whose roles and users are collected; without any, those of the
# account itself.
#
# Permissions: iam:GetAccountAuthorizationDetails, sso:List*, sso:Describe*, sso:Get*, identitystore:List*,
# organizations:List*, organizations:Describe*.
set -eu

out=${1:?usage: collect-organization.sh OUT [PROFILE...]}
shift
mkdir -p "$out/iam" "$out/identity-center" "$out/organizations"
export AWS_PAGER=

# An answer that does not say of what it is, with that beside it.
of() {
  subject=$1
  shift
  answer=$("$@" --output json) || return 1
  printf '{"Of": "%s", "Answer": %s}\n' "$subject" "${answer:-null}"
}

ids() {
  "$@" --output text | tr '\t' '\n' | grep -v '^None$' | grep . || true
}

# Roles and users.
if [ $# -eq 0 ]; then
  account=$(aws sts get-caller-identity --query Account --output text)
  aws iam get-account-authorization-details --output json >"$out/iam/$account.json"
fi
for profile in "$@"; do
  account=$(aws sts get-caller-identity --profile "$profile" --query Account --output text)
  aws iam get-account-authorization-details --profile "$profile" --output json >"$out/iam/$account.json"
done

# Identity Center.
{
  for pair in $(aws sso-admin list-instances --query 'Instances[].join(`,`, [InstanceArn, IdentityStoreId])' --output text); do
    instance=${pair%,*}
    identities=${pair#*,}
    for set in $(ids aws sso-admin list-permission-sets --instance-arn "$instance" --query 'PermissionSets[]'); do
      given="--instance-arn $instance --permission-set-arn $set"
      aws sso-admin describe-permission-set $given --output json
      of "$set" aws sso-admin list-managed-policies-in-permission-set $given
      of "$set" aws sso-admin list-customer-managed-policy-references-in-permission-set $given
      of "$set" aws sso-admin get-inline-policy-for-permission-set $given
      # There may be no boundary, which is an error.
      of "$set" aws sso-admin get-permissions-boundary-for-permission-set $given 2>/dev/null || true
      of "$set" aws sso-admin list-tags-for-resource --instance-arn "$instance" --resource-arn "$set"
      for account in $(ids aws sso-admin list-accounts-for-provisioned-permission-set $given --query 'AccountIds[]'); do
        aws sso-admin list-account-assignments $given --account-id "$account" --output json
      done
    done
    aws identitystore list-users --identity-store-id "$identities" --output json
    aws identitystore list-groups --identity-store-id "$identities" --output json
    for group in $(ids aws identitystore list-groups --identity-store-id "$identities" --query 'Groups[].GroupId'); do
      aws identitystore list-group-memberships --identity-store-id "$identities" --group-id "$group" --output json
    done
  done
} >"$out/identity-center/answers.json"

# The organisation.
below() {
  of "$1" aws organizations list-accounts-for-parent --parent-id "$1"
  of "$1" aws organizations list-organizational-units-for-parent --parent-id "$1"
  for unit in $(ids aws organizations list-organizational-units-for-parent --parent-id "$1" --query 'OrganizationalUnits[].Id'); do
    below "$unit"
  done
}
{
  aws organizations describe-organization --output json
  aws organizations list-roots --output json
  for root in $(ids aws organizations list-roots --query 'Roots[].Id'); do
    below "$root"
  done
  for policy in $(ids aws organizations list-policies --filter SERVICE_CONTROL_POLICY --query 'Policies[].Id'); do
    aws organizations describe-policy --policy-id "$policy" --output json
    of "$policy" aws organizations list-targets-for-policy --policy-id "$policy"
  done
} >"$out/organizations/answers.json"
