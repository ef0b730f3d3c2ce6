//! `trailpare policy`: the least-privilege policy for what was used, proved before it is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::select::{SelectArgs, Selected};
use super::{CliError, Context, Exit};
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::iam::evaluate::PolicySet;
use crate::policy::replay::{Replay, policy_set, replay, set_of};
use crate::policy::{
    self, Attach, ConditionKind, Fit, Generalize, Granularity, Kind, Made, NamedPolicy, Options, Provenance,
};
use crate::policy::{base, explain, render};
use crate::usage::{self, UsageRow};

/// Write the least-privilege policy that covers what was used, and prove it against the very same usage.
///
/// What was denied, what is not certain and what needs no permission is shown with --explain and not granted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The policy goes to standard output, everything about it to standard error. A policy that fails its own proof is not
printed (exit code 4).

Examples:
  trailpare policy --archive ./my-trail --role 'AWSReservedSSO_AdministratorAccess_*'
  trailpare policy --role deploy --format terraform --explain
  trailpare policy --permission-set AdministratorAccess --kind permission-set
  trailpare policy --permission-set AdministratorAccess --each session --out policies/
  trailpare policy --role app --base attached.json
  trailpare policy --role app --deny-unused attached.json")]
pub struct PolicyArgs {
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten, next_help_heading = "What")]
    what: WhatArgs,
    #[command(flatten, next_help_heading = "How wide")]
    width: WidthArgs,
    #[command(flatten, next_help_heading = "Limits")]
    limits: LimitArgs,
    #[command(flatten, next_help_heading = "Policies that exist")]
    existing: ExistingArgs,
}

#[derive(Debug, clap::Args)]
struct WhatArgs {
    /// What the policy is for; where nothing is said, `permission-set` when only Identity Center roles are selected,
    /// else `identity`.
    #[arg(long, value_enum)]
    kind: Option<KindArg>,
    /// How to print it.
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Name of the policy, if not that of the role, user or permission set; parts are numbered.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: Option<String>,
    /// Say on standard error what each statement rests on, what is not granted and why, and what a trail cannot show.
    #[arg(long)]
    explain: bool,
    /// Print the policy without proving it.
    #[arg(long)]
    no_check: bool,
    /// One policy for each of these, into the folder of --out.
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, default_missing_value = "principal", requires = "out")]
    each: Option<Each>,
    /// Write into this folder (with --each) or file instead of to standard output.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct WidthArgs {
    /// How fine the grants are; for service control policies the default is `service`, else `resource`.
    #[arg(long, value_enum)]
    granularity: Option<GranularityArg>,
    /// How far names that vary (object keys, log streams, instance ids, ...) become `*`.
    #[arg(long, value_enum, default_value = "balanced")]
    generalize: GeneralizeArg,
    /// More than this many distinct names in one place count as varying.
    #[arg(long, value_name = "N", default_value_t = 5)]
    distinct: usize,
    /// Write `s3:Get*` where it adds nothing of a higher access level than was used; --explain lists what it adds.
    #[arg(long)]
    collapse_actions: bool,
    /// Conditions to write, each where everything that was used meets it (--explain says where it does not);
    /// iam:PassedToService always is.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CONDITION")]
    condition: Vec<ConditionArg>,
    /// `*` for the region in ARNs where several regions are used, instead of each.
    #[arg(long)]
    any_region: bool,
    /// `*` for the principals' own accounts in ARNs; permission sets always have it.
    #[arg(long)]
    any_account: bool,
}

#[derive(Debug, clap::Args)]
struct LimitArgs {
    /// Where the policy goes.
    #[arg(long, value_enum, default_value = "managed")]
    attach: AttachArg,
    /// What to do with what is too large. `split`: numbered policies, widened only if they are more than can be attached;
    /// `widen` (or --fit alone): widened step by step until one policy holds it; `exact`: never widened.
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, default_value = "split", default_missing_value = "widen")]
    fit: FitArg,
    /// Policies that may be attached, if not the default (ten managed policies).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_policies: Option<u16>,
    /// Characters a policy may have, if not AWS's limit.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(256..))]
    max_size: Option<u32>,
}

#[derive(Debug, clap::Args)]
struct ExistingArgs {
    /// This policy stays attached: write only what has to be granted beside it.
    #[arg(long, value_name = "FILE")]
    base: Vec<PathBuf>,
    /// Start from this policy: write it with what has to be granted more.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "each"])]
    merge: Option<PathBuf>,
    /// Cut this policy down to what was used of it, and report on standard error what was not.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "merge", "each"])]
    deny_unused: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KindArg {
    /// For a role, user or group.
    Identity,
    /// A permissions boundary.
    Boundary,
    /// A service control policy: allows what was used, so denies the rest; replaces FullAWSAccess.
    Scp,
    /// The inline policy of an Identity Center permission set, for every account that has it.
    PermissionSet,
    /// Passed with sts:AssumeRole.
    Session,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// IAM's own.
    Json,
    /// HCL: aws_iam_policy_document and aws_iam_policy.
    Terraform,
    /// A YAML template.
    Cloudformation,
    /// A JSON template.
    CloudformationJson,
    /// The shape of Access Analyzer's GetGeneratedPolicy.
    AccessAnalyzer,
    /// For a ticket.
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Each {
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
enum GranularityArg {
    /// Whole services.
    Service,
    /// Actions, on everything.
    Action,
    /// Actions on the resources they were used on.
    Resource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum GeneralizeArg {
    /// Not at all.
    None,
    /// Once more than a few distinct names were seen, segment by segment.
    Balanced,
    /// Everything below a bucket, log group and their like.
    Broad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ConditionArg {
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
enum AttachArg {
    /// Customer managed policies.
    Managed,
    /// Inline in a role.
    InlineRole,
    /// Inline in a user.
    InlineUser,
    /// Inline in a group.
    InlineGroup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FitArg {
    /// Numbered policies.
    Split,
    /// One policy, widened step by step.
    Widen,
    /// Numbered policies; fail rather than widen.
    Exact,
}

pub fn run(args: &PolicyArgs, context: &Context) -> Result<Exit, CliError> {
    let existing = existing(args)?;
    let catalog = context.catalog;
    let selected = args.select.read(catalog, context)?;
    let kind = args.what.kind.map_or_else(|| kind_of(&selected.rows), KindArg::kind);
    let mut options = args.options(kind);
    let provenance = provenance(&selected, catalog)?;
    if args.what.name.is_none() {
        options.name = name_of(&selected.rows);
    }
    let job = Job { args, context, catalog, existing, provenance };
    if let Some(path) = &args.existing.deny_unused {
        return job.deny_unused(path, &selected);
    }
    if let (Some(each), Some(folder)) = (args.what.each, &args.what.out) {
        return job.each(each, folder, &options, &selected);
    }
    let Some((text, exit)) = job.one(&selected.rows, &options)? else { return Ok(selected.exit) };
    if let Some(text) = text {
        match &args.what.out {
            Some(path) => write_file(path, &text)?,
            None => io::stdout().write_all(text.as_bytes())?,
        }
    }
    Ok(if exit == Exit::Done { selected.exit } else { exit })
}

/// Policies can't be attached to Identity Center's roles, only to their permission sets.
fn kind_of(rows: &[UsageRow]) -> Kind {
    if rows.iter().all(|row| row.permission_set.is_some()) { Kind::PermissionSet } else { Kind::Identity }
}

impl PolicyArgs {
    fn options(&self, kind: Kind) -> Options {
        let granularity = match self.width.granularity {
            Some(GranularityArg::Service) => Granularity::Service,
            Some(GranularityArg::Action) => Granularity::Action,
            Some(GranularityArg::Resource) => Granularity::Resource,
            None if kind == Kind::Scp => Granularity::Service,
            None => Granularity::Resource,
        };
        Options {
            kind,
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
            any_region: self.width.any_region,
            any_account: self.width.any_account,
            name: self.what.name.clone().unwrap_or_else(|| Options::default().name),
        }
    }
}

impl KindArg {
    pub fn kind(self) -> Kind {
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

/// Reads a policy document from a file.
pub fn read_policy(path: &Path) -> Result<Policy, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::failed(format!("cannot read the policy {}: {error}", path.display())))?;
    Policy::parse(&text).map_err(|error| CliError::failed(format!("{}: {error}", path.display())))
}

fn existing(args: &PolicyArgs) -> Result<Vec<Policy>, CliError> {
    args.existing.base.iter().chain(&args.existing.merge).map(|path| read_policy(path)).collect()
}

/// Where the usage comes from.
pub fn provenance(selected: &Selected, catalog: &Catalog) -> Result<Provenance, CliError> {
    Ok(Provenance {
        snapshot_id: selected.snapshot.id,
        window: selected.range.to_string(),
        selection: selected.selection.to_string(),
        catalogue: catalog.version().to_owned(),
        data_event_sources: Some(usage::data_event_sources(&selected.snapshot)?),
    })
}

/// Everything that making one policy needs besides the rows.
struct Job<'a> {
    args: &'a PolicyArgs,
    context: &'a Context,
    catalog: &'a Catalog,
    existing: Vec<Policy>,
    provenance: Provenance,
}

impl Job<'_> {
    /// The text of one policy and how it ends; no text if it fails its proof, nothing at all if nothing is missing.
    fn one(&self, rows: &[UsageRow], options: &Options) -> Result<Option<(Option<String>, Exit)>, CliError> {
        let lacking;
        let wanted = if self.existing.is_empty() {
            rows
        } else {
            lacking = base::missing(&self.existing, rows, self.catalog);
            lacking.as_slice()
        };
        let mut made = match policy::make(wanted, options, self.catalog) {
            Err(policy::MakeError::Nothing { .. }) if !self.existing.is_empty() => {
                self.context.say("nothing is missing: the policy given allows everything that was used");
                return Ok(None);
            }
            made => made?,
        };
        if let (Some(path), [existing]) = (&self.args.existing.merge, self.existing.as_slice()) {
            merge(path, existing, &mut made, options)?;
        }
        let proof = (!self.args.what.no_check).then(|| replay(&self.judged(&made), rows, self.catalog));
        self.say(&made, proof.as_ref());
        if let Some(proof) = proof.as_ref().filter(|proof| !proof.holds()) {
            self.refuse(proof);
            return Ok(Some((None, Exit::WouldDeny)));
        }
        Ok(Some((Some(self.text(&made, proof.as_ref())?), Exit::Done)))
    }

    /// The set in which the policy is proved: with those that stay attached beside it.
    fn judged(&self, made: &Made) -> PolicySet {
        let mut set = policy_set(made);
        if !self.args.existing.base.is_empty() {
            match made.kind {
                Kind::Identity | Kind::PermissionSet => set.identity.extend(self.existing.iter().cloned()),
                Kind::Scp => set.scps.iter_mut().for_each(|level| level.extend(self.existing.iter().cloned())),
                Kind::Session => set.session.extend(self.existing.iter().cloned()),
                Kind::Boundary => {}
            }
        }
        set
    }

    fn say(&self, made: &Made, proof: Option<&Replay>) {
        if self.args.what.explain {
            self.context.say(explain::explain(made, &self.provenance, proof).trim_end());
            return;
        }
        for line in explain::summary(made, &self.provenance, proof) {
            self.context.say(&line);
        }
        for widened in &made.widened {
            self.context.say(&explain::widened(widened));
        }
    }

    fn refuse(&self, proof: &Replay) {
        self.context.error("the policy would deny what was allowed, so it is not printed");
        for group in proof.groups.iter().take(20) {
            self.context.error(&explain::offender(group));
        }
    }

    fn text(&self, made: &Made, proof: Option<&Replay>) -> Result<String, CliError> {
        Ok(match self.args.what.format {
            Format::Json => render::json::render(made),
            Format::Terraform => render::terraform::render(made)?,
            Format::Cloudformation => render::cloudformation::yaml(made)?,
            Format::CloudformationJson => render::cloudformation::json(made)?,
            Format::AccessAnalyzer => render::access_analyzer::render(made, &self.provenance),
            Format::Markdown => render::markdown::render(made, &self.provenance, proof),
        })
    }

    /// One policy for each principal, session, account or permission set, into a folder.
    fn each(&self, each: Each, folder: &Path, options: &Options, selected: &Selected) -> Result<Exit, CliError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| CliError::failed(format!("cannot make the folder {}: {error}", folder.display())))?;
        let mut groups: BTreeMap<String, Vec<UsageRow>> = BTreeMap::new();
        for row in &selected.rows {
            groups.entry(each.key(row)).or_default().push(row.clone());
        }
        let mut exit = selected.exit;
        let mut taken = BTreeSet::new();
        for (name, rows) in groups {
            let file = file_name(&name, &mut taken);
            self.context.say(&format!("{name}: {file}"));
            let named = match &self.args.what.name {
                Some(prefix) => format!("{prefix}-{file}"),
                None => file.clone(),
            };
            let options = Options { name: named, ..options.clone() };
            match self.one(&rows, &options) {
                Ok(Some((Some(text), _))) => {
                    write_file(&folder.join(format!("{file}.{}", self.args.what.format.extension())), &text)?
                }
                Ok(Some((None, failed))) => exit = failed,
                Ok(None) => {}
                // Somebody who only did what needs no permission must not keep the others from theirs.
                Err(CliError::Failed(error))
                    if matches!(error.downcast_ref(), Some(policy::MakeError::Nothing { .. })) =>
                {
                    self.context.say(&error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(exit)
    }

    /// The given policy, cut down to what was used of it.
    fn deny_unused(&self, path: &Path, selected: &Selected) -> Result<Exit, CliError> {
        let given = read_policy(path)?;
        let narrowed = base::narrow(&given, &selected.rows, self.catalog);
        self.context.say(base::report(&narrowed).trim_end());
        let Some(policy) = narrowed.policy else {
            self.context.say(&format!("nothing that {} allows was used: it can be detached", path.display()));
            return Ok(selected.exit);
        };
        let kind = self.args.what.kind.map_or_else(|| kind_of(&selected.rows), KindArg::kind);
        let before = replay(&set_of(kind, vec![given]), &selected.rows, self.catalog);
        let after = replay(&set_of(kind, vec![policy.clone()]), &selected.rows, self.catalog);
        self.context.say(&format!("before: {}", explain::verdict(&before)));
        self.context.say(&format!("after: {}", explain::verdict(&after)));
        if after.allowed + after.depends < before.allowed + before.depends {
            self.refuse(&after);
            return Ok(Exit::WouldDeny);
        }
        let text = format!("{}\n", policy.pretty());
        match &self.args.what.out {
            Some(path) => write_file(path, &text)?,
            None => io::stdout().write_all(text.as_bytes())?,
        }
        Ok(selected.exit)
    }
}

fn merge(path: &Path, existing: &Policy, made: &mut Made, options: &Options) -> Result<(), CliError> {
    let policy = base::merged(existing, made);
    let (size, limits) = (policy.size(), policy::Limits::of(options));
    if size > limits.size_max {
        return Err(CliError::failed(format!(
            "{} with what is missing has {size} characters, and {} may have {}\n\
             hint: use --base, which writes what is missing as policies of their own",
            path.display(),
            limits.name,
            limits.size_max
        )));
    }
    let before = existing.statements.len();
    for (index, note) in made.statements.iter_mut().enumerate() {
        note.document = 0;
        note.statement = before + index;
        let sid = policy.statements.get(note.statement).and_then(|statement| statement.sid.clone());
        note.sid = sid.unwrap_or_default();
    }
    made.documents = vec![NamedPolicy { name: options.name.clone(), policy }];
    Ok(())
}

impl Each {
    fn key(self, row: &UsageRow) -> String {
        match self {
            Each::Principal => row.principal_arn.clone(),
            Each::Session => row.session_name.clone().unwrap_or_else(|| row.principal_arn.clone()),
            Each::Account => row.account_id.clone(),
            Each::PermissionSet => row.permission_set.clone().unwrap_or_else(|| row.principal_arn.clone()),
        }
    }
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Format::Json | Format::CloudformationJson | Format::AccessAnalyzer => "json",
            Format::Terraform => "tf",
            Format::Cloudformation => "yaml",
            Format::Markdown => "md",
        }
    }
}

/// A file name, also good as a policy name, that no other has: what comes after `role/` and their like, letters, digits,
/// `-` and `_`. Names come from a log, so that nothing else is let through.
fn file_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let short = if name.starts_with("arn:") {
        name.splitn(6, ':').skip(4).collect::<Vec<_>>().join("-")
    } else {
        name.to_owned()
    };
    let safe: String =
        short.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).take(100).collect();
    let safe = match safe.trim_matches('-') {
        "" => "unnamed".to_owned(),
        safe => safe.to_owned(),
    };
    let mut candidate = safe.clone();
    let mut number = 2;
    // File systems that don't tell cases apart are the reason for the lower case.
    while !taken.insert(candidate.to_ascii_lowercase()) {
        candidate = format!("{safe}-{number}");
        number += 1;
    }
    candidate
}

/// IAM API Reference, `CreatePolicy`: letters, digits and `+=,.@_-`, at most 128; some are left for the number of a part.
fn parse_name(text: &str) -> Result<String, String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if text.is_empty() || text.len() > 120 || !text.chars().all(is_allowed) {
        return Err("not a policy name; hint: up to 120 letters, digits and +=,.@_-".to_owned());
    }
    Ok(text.to_owned())
}

/// The one permission set's name, or the one role's or user's, or that of the default.
fn name_of(rows: &[UsageRow]) -> String {
    let sets: BTreeSet<Option<&str>> = rows.iter().map(|row| row.permission_set.as_deref()).collect();
    let principals: BTreeSet<&str> = rows.iter().map(|row| row.principal_arn.as_str()).collect();
    let name = match (sets.first(), principals.first()) {
        (Some(Some(set)), _) if sets.len() == 1 => *set,
        (_, Some(arn)) if principals.len() == 1 => arn.rsplit(['/', ':']).next().unwrap_or_default(),
        _ => return Options::default().name,
    };
    file_name(name, &mut BTreeSet::new())
}

fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(|error| CliError::failed(format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_single() {
        let mut taken = BTreeSet::new();
        let mut name = |text: &str| file_name(text, &mut taken);
        assert_eq!(name("arn:aws:iam::111122223333:role/team/App"), "111122223333-role-team-App");
        assert_eq!(name("arn:aws:iam::111122223333:role/team/app"), "111122223333-role-team-app-2");
        assert_eq!(name("../../etc/passwd"), "etc-passwd");
        assert_eq!(name("jane@example.org"), "jane-example-org");
        assert_eq!(name("…"), "unnamed");
    }
}
