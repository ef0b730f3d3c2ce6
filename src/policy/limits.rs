//! AWS's limits on policies, each with where it is documented.

use super::options::{Attach, Kind, Options};

/// How large and how many policies may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of one policy, without white space between tokens.
    pub size_max: usize,
    /// How many policies.
    pub policies_max: usize,
    /// What they are called in messages.
    pub name: &'static str,
}

/// IAM User Guide, "IAM and AWS STS quotas" (`reference_iam-quotas`): managed policy 6,144 characters; inline policies
/// of a role 10,240, of a user 2,048, of a group 5,120 in total, which is why an inline policy is one document; session
/// policy 2,048. "IAM doesn't count white space when calculating the size of a policy against these quotas." Ten
/// managed policies for each user, role and group, on request up to 20.
const MANAGED: Limits = Limits { size_max: 6_144, policies_max: 10, name: "managed policies" };
/// Managed policies that AWS attaches on request.
pub(crate) const MANAGED_ON_REQUEST: usize = 20;
const INLINE_ROLE: Limits = Limits { size_max: 10_240, policies_max: 1, name: "the inline policy of a role" };
const INLINE_USER: Limits = Limits { size_max: 2_048, policies_max: 1, name: "the inline policy of a user" };
const INLINE_GROUP: Limits = Limits { size_max: 5_120, policies_max: 1, name: "the inline policy of a group" };
const SESSION: Limits = Limits { size_max: 2_048, policies_max: 1, name: "a session policy" };
const BOUNDARY: Limits = Limits { size_max: 6_144, policies_max: 1, name: "a permissions boundary" };

/// AWS Organizations User Guide, "Quotas for AWS Organizations" (`orgs_reference_limits`): 10,240 characters, ten
/// attached to a root, OU or account. White space counts unless the console
/// strips it, so service control policies are written without.
const SCP: Limits = Limits { size_max: 10_240, policies_max: 10, name: "service control policies" };

/// IAM Identity Center User Guide, "IAM Identity Center quotas" (`limits`): one inline policy per permission set, at
/// most 32,768 bytes, of which at most 10,240 are not white space: that the permission set becomes a role is why.
const PERMISSION_SET: Limits =
    Limits { size_max: 10_240, policies_max: 1, name: "the inline policy of a permission set" };

/// Bytes of a permission set's inline policy with its white space.
pub(crate) const PERMISSION_SET_BYTES_MAX: usize = 32_768;

impl Limits {
    /// The limits of what is asked for.
    pub fn of(options: &Options) -> Limits {
        let limits = match (options.kind, options.attach) {
            (Kind::Identity, Attach::Managed) => MANAGED,
            (Kind::Identity, Attach::InlineRole) => INLINE_ROLE,
            (Kind::Identity, Attach::InlineUser) => INLINE_USER,
            (Kind::Identity, Attach::InlineGroup) => INLINE_GROUP,
            (Kind::Boundary, _) => BOUNDARY,
            (Kind::Scp, _) => SCP,
            (Kind::PermissionSet, _) => PERMISSION_SET,
            (Kind::Session, _) => SESSION,
        };
        Limits {
            size_max: options.size_max.unwrap_or(limits.size_max),
            policies_max: options.policies_max.unwrap_or(limits.policies_max).max(1),
            name: limits.name,
        }
    }
}
