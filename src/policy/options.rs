//! What kind of policy is wanted, and where the usage came from.

use std::collections::BTreeSet;

use crate::usage::DataTrail;

/// How fine the grants are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Granularity {
    /// Whole services: `s3:*` on `*`. `iam` stays at actions: `iam:*` is every permission there is.
    Service,
    /// The actions used, on `*`.
    Action,
    /// The actions used, on the resources they were used on.
    #[default]
    Resource,
}

/// How far resource names that vary are generalised; the rule is in `generalise`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generalize {
    /// Resources as they stand in `usage`.
    None,
    /// Names that vary become `*` once more than a few distinct ones were seen.
    #[default]
    Balanced,
    /// Everything below a bucket, log group and their like becomes `*`.
    Broad,
}

/// Who gets the policy. A program does tomorrow what it did today; a person looks around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preset {
    /// Exactly what was used, as far as `generalize` says.
    #[default]
    Workload,
    /// Reads that were used are granted on any resource, and with them those whose names begin alike; what reads
    /// secrets, code or the data that people keep (objects, items, messages, log lines), and what writes, as for a
    /// workload. Statements stand together, so that it can be read.
    People,
}

/// What the policy is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Attached to, or inline in, a role, user or group.
    #[default]
    Identity,
    /// A permissions boundary: one managed policy.
    Boundary,
    /// A service control policy: an allow-list, so that what it omits is denied. Replaces `FullAWSAccess`.
    Scp,
    /// The inline policy of an Identity Center permission set: one document for every account that has it.
    PermissionSet,
    /// A policy passed with `sts:AssumeRole`.
    Session,
}

/// Where an identity policy goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// Customer managed policies.
    #[default]
    Managed,
    /// Inline in a role.
    InlineRole,
    /// Inline in a user.
    InlineUser,
    /// Inline in a group.
    InlineGroup,
}

/// What to do when the statements don't fit one policy. Only reads are ever widened (see `widen`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// Split into numbered policies; only if those are more than can be attached, widen reads until they are not.
    #[default]
    Split,
    /// Widen reads until everything fits one policy; split where that does not do.
    Widen,
    /// Split, and fail if there are too many: nothing is ever widened.
    Exact,
}

/// A condition that is made from usage when asked for. Those that the request tells and that close holes (see
/// `binding`) are made unless they are switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionKind {
    /// `aws:RequestedRegion`: the regions in which the service was used.
    Region,
    /// `aws:CalledVia`: where an action was only ever used through a service.
    CalledVia,
    /// `aws:SourceIp`: the addresses from which a statement's actions were called.
    SourceIp,
    /// `aws:SourceVpce`: the VPC endpoints through which they were called.
    SourceVpce,
    /// `aws:MultiFactorAuthPresent`: where all were called in sessions made with MFA.
    Mfa,
}

/// How to make policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What kind of policy to make.
    pub kind: Kind,
    /// Who gets the policy.
    pub preset: Preset,
    /// How finely resources are told apart.
    pub granularity: Granularity,
    /// Which names become wildcards.
    pub generalize: Generalize,
    /// More than this many distinct names in one place count as varying.
    pub distinct_max: usize,
    /// How the policy is to be attached, which sets its limits.
    pub attach: Attach,
    /// How many policies may be attached; the default of the kind where `None`.
    pub policies_max: Option<usize>,
    /// Characters a policy may have; the default of the kind where `None`.
    pub size_max: Option<usize>,
    /// What to do where the statements don't fit into the limits.
    pub fit: Fit,
    /// Write wildcards in actions where they add nothing of a higher access level than was used.
    pub collapse_actions: bool,
    /// Conditions to write beside those of `request_conditions`.
    pub conditions: BTreeSet<ConditionKind>,
    /// Write the conditions that requests tell and that close holes; `iam:PassedToService` always is.
    pub request_conditions: bool,
    /// Grant `iam:PassRole` for any service where no service can be named.
    pub pass_role_any_service: bool,
    /// Where several regions are used: `*` instead of each.
    pub any_region: bool,
    /// `*` instead of the principals' own accounts in ARNs; always so for permission sets.
    pub any_account: bool,
    /// Grant what whoever makes a resource will need as well: never used, marked and counted.
    pub siblings: bool,
    /// Try out what other options would come to, where these take several policies or do not fit; that takes longer
    /// than the policy.
    pub weigh_choices: bool,
    /// Name of the policy, and the beginning of the names of its parts.
    pub name: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            kind: Kind::default(),
            preset: Preset::default(),
            granularity: Granularity::default(),
            generalize: Generalize::default(),
            distinct_max: 5,
            attach: Attach::default(),
            policies_max: None,
            size_max: None,
            fit: Fit::default(),
            collapse_actions: false,
            conditions: BTreeSet::new(),
            request_conditions: true,
            pass_role_any_service: false,
            any_region: false,
            any_account: false,
            siblings: false,
            weigh_choices: true,
            name: "LeastPrivilege".to_owned(),
        }
    }
}

/// Where the rows came from; shown beside a policy, never inside its JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Snapshot of the store; `None` where texts must not depend on it.
    pub snapshot_id: Option<i64>,
    /// The window that was asked for, in words.
    pub window: String,
    /// Who was asked for, in words.
    pub selection: String,
    /// Version of the catalogue of actions.
    pub catalogue: String,
    /// Event sources (`s3.amazonaws.com`) of which the archive holds data events at all; `None` if nobody looked.
    pub data_event_sources: Option<BTreeSet<String>>,
    /// Which data events trails were told to log.
    pub data_trails: Vec<DataTrail>,
    /// How much of the uses that it rests on is proved by CloudTrail's digests; `None` where nothing was ever verified.
    pub evidence: Option<Evidenced>,
}

/// How many uses are proved: by account, region and day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidenced {
    /// All of them.
    pub uses: u64,
    /// Where all log objects are proved.
    pub whole: u64,
    /// Where some are; where all are too, if there are log objects without CloudTrail's names.
    pub part: u64,
    /// Whether log objects without CloudTrail's names brought events.
    pub has_unnamed: bool,
}

/// Why nothing is known to be proved where every object is that digests can list.
pub const MAY_BE_UNNAMED: &str = "some log objects have no name of CloudTrail's: an event may come from them";
