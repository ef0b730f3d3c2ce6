//! The arguments of `trailpare policy`, and what they come to.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::names::NAME_MAX;
use crate::cli::CliError;
use crate::cli::select::SelectArgs;
use crate::policy::{
    Attach, ConditionKind, Fit, Generalize, Granularity, Kind, Options, Preset, RENDERERS, Renderer, renderer,
};
use crate::usage::{Sessions, UsageRow};

/// Write the least-privilege policy that covers what was used, and prove it against the very same usage.
///
/// What was denied, what is not certain and what needs no permission is shown with --explain and not granted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The policy goes to standard output, everything about it to standard error. A policy that fails its own proof is not
printed (exit code 4). As JSON it is one document where there can be but one (a permission set, a boundary, an inline or
session policy, --max-policies 1), else a list of PolicyName and PolicyDocument. With --each every file is one document.

Examples:
  trailpare policy --archive ./my-trail --role 'AWSReservedSSO_AdministratorAccess_*'
  trailpare policy --role deploy --from 90d --format terraform --explain
  trailpare policy --role app --generalize none --prove events
  trailpare policy --permission-set AdministratorAccess --kind permission-set
  trailpare policy --permission-set AdministratorAccess --each session --out policies/
  trailpare policy --role app --base attached.json
  trailpare policy --role app --deny-unused attached.json")]
pub struct PolicyArgs {
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten, next_help_heading = "What")]
    pub(super) what: WhatArgs,
    #[command(flatten, next_help_heading = "How wide")]
    pub(super) width: WidthArgs,
    #[command(flatten, next_help_heading = "Limits")]
    pub(super) limits: LimitArgs,
    #[command(flatten, next_help_heading = "Policies that exist")]
    pub(super) existing: ExistingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct WhatArgs {
    /// What the policy is for; where nothing is said, `permission-set` when only Identity Center roles are selected,
    /// else `identity`.
    #[arg(long, value_enum)]
    pub(super) kind: Option<KindArg>,
    /// How to print it.
    #[arg(long, value_parser = formats(), default_value = "json")]
    pub(super) format: &'static dyn Renderer,
    /// Name of the policy, if not that of the role, user or permission set; parts are numbered.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(super) name: Option<String>,
    /// Say on standard error what each statement rests on, what is not granted and why, and what a trail cannot show.
    #[arg(long)]
    pub(super) explain: bool,
    /// What the policy is proved by: the usage in the store, or the selected events themselves, derived anew.
    #[arg(long, value_enum, value_name = "BY", default_value = "usage")]
    pub(super) prove: ProveArg,
    /// Print the policy without proving it.
    #[arg(long, conflicts_with = "prove")]
    pub(super) no_check: bool,
    /// One policy for each of these, into the folder of --out.
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, default_missing_value = "principal", requires = "out")]
    pub(super) each: Option<Each>,
    /// Write into this folder (with --each) or file instead of to standard output.
    #[arg(long, value_name = "PATH")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct WidthArgs {
    /// Who gets the policy: a program, exactly what was used; or people, who look around.
    #[arg(long, value_enum, default_value = "workload")]
    pub(super) preset: PresetArg,
    /// How fine the grants are; for service control policies the default is `service`, else `resource`.
    #[arg(long, value_enum)]
    pub(super) granularity: Option<GranularityArg>,
    /// How far names that vary (object keys, log streams, instance ids, ...) become `*`.
    #[arg(long, value_enum, default_value = "balanced")]
    pub(super) generalize: GeneralizeArg,
    /// More than this many distinct names in one place count as varying.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) distinct: usize,
    /// Write `s3:Get*` where it adds nothing of a higher access level than was used; --explain lists what it adds.
    #[arg(long)]
    pub(super) collapse_actions: bool,
    /// Conditions to write, each where everything that was used meets it (--explain says where it does not).
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CONDITION")]
    pub(super) condition: Vec<ConditionArg>,
    /// Without the conditions that the requests tell and that close holes, which stand by default: iam:PolicyARN,
    /// iam:PermissionsBoundary, iam:AWSServiceName, ec2:CreateAction, lambda:FunctionArn. iam:PassedToService stays.
    #[arg(long)]
    pub(super) no_request_conditions: bool,
    /// Grant iam:PassRole for any service where the log does not tell which service got the role. Without it such a
    /// role is not granted, the policy is incomplete, and the exit code is 5.
    #[arg(long)]
    pub(super) pass_role_any_service: bool,
    /// `*` for the region in ARNs where several regions are used, instead of each.
    #[arg(long)]
    pub(super) any_region: bool,
    /// `*` for the principals' own accounts in ARNs; permission sets always have it.
    #[arg(long)]
    pub(super) any_account: bool,
    /// Grant as well what whoever makes a resource will need: who creates also deletes, describes, changes and tags.
    /// Never used, so in statements of their own (Siblings), and counted.
    #[arg(long, conflicts_with = "deny_unused")]
    pub(super) siblings: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// Where the policy goes.
    #[arg(long, value_enum, default_value = "managed")]
    pub(super) attach: AttachArg,
    /// What to do with what is too large; --fit alone is `widen`. Writes, permissions and secrets are never widened.
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, default_value = "split", default_missing_value = "widen")]
    pub(super) fit: FitArg,
    /// Policies that may be attached, if not the default (ten managed policies). With 1 the JSON is the document
    /// alone, else a list of named documents.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) max_policies: Option<u16>,
    /// Characters a policy may have, if not AWS's limit.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(256..))]
    pub(super) max_size: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExistingArgs {
    /// This policy stays attached: write only what has to be granted beside it.
    #[arg(long, value_name = "FILE")]
    pub(super) base: Vec<PathBuf>,
    /// Start from this policy: write it with what has to be granted more.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "each"])]
    pub(super) merge: Option<PathBuf>,
    /// Cut this policy down to what was used of it, action by action and resource by resource, and say on standard
    /// error what was not used (with --explain every action). Nothing becomes wider than it is.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "base", "merge", "each", "granularity", "preset", "collapse_actions", "pass_role_any_service",
    ])]
    pub(super) deny_unused: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum KindArg {
    /// For a role, user or group; --attach says how.
    Identity,
    /// A permissions boundary: one policy of 6,144 characters.
    Boundary,
    /// A service control policy: allows what was used, so denies the rest; replaces FullAWSAccess.
    Scp,
    /// The inline policy of an Identity Center permission set, for every account that has it.
    PermissionSet,
    /// Passed with sts:AssumeRole: one policy of 2,048 characters.
    Session,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Each {
    /// Role, user, ...
    Principal,
    /// Session name: for Identity Center, the person, in all accounts.
    Session,
    /// The account in which the principals live.
    Account,
    /// Permission set.
    PermissionSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum PresetArg {
    /// Exactly what was used, as far as --generalize says.
    Workload,
    /// Reads that were used on any resource, with those whose names begin alike, but for secrets, code, parameters, objects,
    /// items, messages and log lines; writes exactly. Few statements, for reading.
    People,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum GranularityArg {
    /// Whole services: `s3:*` on `*`; of iam the actions used, for `iam:*` is every permission there is.
    Service,
    /// The actions used, on `*`.
    Action,
    /// The actions used, on the resources they were used on.
    Resource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum GeneralizeArg {
    /// Not at all: every resource stands as it was used.
    None,
    /// Where more than --distinct names were seen in one place, by what they have in common (`logs/app-*`). What is made
    /// for one occasion (an execution, a build, a log stream) always.
    Balanced,
    /// Everything below a bucket, log group and their like, and every id that AWS gives (of an instance, a volume): there
    /// `*` is all of the type, and the summary says so.
    Broad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ConditionArg {
    /// aws:RequestedRegion: the regions in which the service was used.
    Region,
    /// aws:CalledVia: where an action was only ever used through a service.
    CalledVia,
    /// aws:SourceIp: the public addresses from which all of a statement's calls came.
    SourceIp,
    /// aws:SourceVpce: the VPC endpoints through which all of them came.
    SourceVpce,
    /// aws:MultiFactorAuthPresent: where all of them came from sessions made with MFA.
    Mfa,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum AttachArg {
    /// Customer managed policies, up to ten of 6,144 characters.
    Managed,
    /// Inline in a role: one of 10,240 characters.
    InlineRole,
    /// Inline in a user: one of 2,048 characters.
    InlineUser,
    /// Inline in a group: one of 5,120 characters.
    InlineGroup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ProveArg {
    /// The usage in the store, from which the policy is made.
    Usage,
    /// The selected events, from which the usage is derived anew: slower, and independent of what the store has derived.
    Events,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FitArg {
    /// Numbered policies; only if they are more than can be attached, reads are widened.
    Split,
    /// One policy, reads widened step by step until it fits; numbered policies where that does not do.
    Widen,
    /// Numbered policies, never widened; it fails where they are too many.
    Exact,
}

impl PolicyArgs {
    /// Whether anything that is shown tells sessions apart.
    pub(super) fn sessions(&self) -> Sessions {
        let what = &self.what;
        let is_told = what.explain || what.each == Some(Each::Session) || what.format.shows_sessions();
        if is_told { Sessions::Apart } else { Sessions::Together }
    }

    /// What is asked for, or what fits: policies can't be attached to Identity Center's roles, only to their permission
    /// sets.
    pub(super) fn kind(&self, rows: &[UsageRow]) -> Kind {
        match self.what.kind {
            Some(kind) => kind.kind(),
            None => fitting(rows),
        }
    }

    /// Refuses what cannot be deployed or would be left unheard.
    pub(super) fn validate(&self, kind: Kind) -> Result<(), CliError> {
        let options = self.options(kind);
        let is_inline = options.attach != Attach::Managed;
        let refusal = if is_inline && kind != Kind::Identity {
            Some(
                "--attach says where an identity policy goes, and this is none\nhint: leave it out, or add --kind identity",
            )
        } else if kind == Kind::Boundary && !self.existing.base.is_empty() {
            Some("a permissions boundary is one policy, nothing stands beside it\nhint: use --merge instead of --base")
        } else if options.policies_max.is_some_and(|max| max > 1) && is_single(&options) {
            Some("of this kind there can be one policy only\nhint: leave out --max-policies")
        } else {
            None
        };
        refusal.map_or(Ok(()), |text| Err(CliError::Usage(text.to_owned())))
    }

    pub(super) fn options(&self, kind: Kind) -> Options {
        let granularity = match self.width.granularity {
            Some(GranularityArg::Service) => Granularity::Service,
            Some(GranularityArg::Action) => Granularity::Action,
            Some(GranularityArg::Resource) => Granularity::Resource,
            None if kind == Kind::Scp => Granularity::Service,
            None => Granularity::Resource,
        };
        Options {
            kind,
            preset: match self.width.preset {
                PresetArg::Workload => Preset::Workload,
                PresetArg::People => Preset::People,
            },
            granularity,
            generalize: match self.width.generalize {
                GeneralizeArg::None => Generalize::None,
                GeneralizeArg::Balanced => Generalize::Balanced,
                GeneralizeArg::Broad => Generalize::Broad,
            },
            distinct_max: self.width.distinct,
            attach: match self.limits.attach {
                AttachArg::Managed => Attach::Managed,
                AttachArg::InlineRole => Attach::InlineRole,
                AttachArg::InlineUser => Attach::InlineUser,
                AttachArg::InlineGroup => Attach::InlineGroup,
            },
            policies_max: self.limits.max_policies.map(usize::from),
            size_max: self.limits.max_size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)),
            fit: match self.limits.fit {
                FitArg::Split => Fit::Split,
                FitArg::Widen => Fit::Widen,
                FitArg::Exact => Fit::Exact,
            },
            collapse_actions: self.width.collapse_actions,
            conditions: self.width.condition.iter().map(|condition| condition.kind()).collect(),
            request_conditions: !self.width.no_request_conditions,
            pass_role_any_service: self.width.pass_role_any_service,
            any_region: self.width.any_region,
            any_account: self.width.any_account,
            weigh_choices: true,
            siblings: self.width.siblings,
            name: self.what.name.clone().unwrap_or_else(|| Options::default().name),
        }
    }
}

/// The kind of policy that can be attached to those whose rows they are.
pub(super) fn fitting(rows: &[UsageRow]) -> Kind {
    match rows.iter().all(|row| row.permission_set.is_some()) {
        true => Kind::PermissionSet,
        false => Kind::Identity,
    }
}

/// One document by its nature: a boundary, or what is inline, where the limit holds for all together.
fn is_single(options: &Options) -> bool {
    match options.kind {
        Kind::Boundary | Kind::PermissionSet => true,
        Kind::Identity => options.attach != Attach::Managed,
        Kind::Scp | Kind::Session => false,
    }
}

impl KindArg {
    pub(super) fn kind(self) -> Kind {
        match self {
            KindArg::Identity => Kind::Identity,
            KindArg::Boundary => Kind::Boundary,
            KindArg::Scp => Kind::Scp,
            KindArg::PermissionSet => Kind::PermissionSet,
            KindArg::Session => Kind::Session,
        }
    }
}

impl ConditionArg {
    fn kind(self) -> ConditionKind {
        match self {
            ConditionArg::Region => ConditionKind::Region,
            ConditionArg::CalledVia => ConditionKind::CalledVia,
            ConditionArg::SourceIp => ConditionKind::SourceIp,
            ConditionArg::SourceVpce => ConditionKind::SourceVpce,
            ConditionArg::Mfa => ConditionKind::Mfa,
        }
    }
}
impl Each {
    pub(super) fn key(self, row: &UsageRow) -> String {
        let of = match self {
            Each::Principal => &row.principal_arn,
            Each::Session => row.session_name.as_ref().unwrap_or(&row.principal_arn),
            Each::Account => &row.account_id,
            Each::PermissionSet => row.permission_set.as_ref().unwrap_or(&row.principal_arn),
        };
        of.to_string()
    }
}

/// One of the formats that there are, by name.
fn formats() -> impl TypedValueParser<Value = &'static dyn Renderer> {
    let known = RENDERERS.iter().map(|renderer| PossibleValue::new(renderer.name()).help(renderer.about()));
    PossibleValuesParser::new(known).try_map(|name| renderer(&name).ok_or("no such format"))
}

/// IAM API Reference, `CreatePolicy`: letters, digits and `+=,.@_-`, at most 128; some are left for the number of a
/// part.
fn parse_name(text: &str) -> Result<String, String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if text.is_empty() || text.len() > NAME_MAX || !text.chars().all(is_allowed) {
        return Err("not a policy name; hint: up to 120 letters, digits and +=,.@_-".to_owned());
    }
    Ok(text.to_owned())
}
