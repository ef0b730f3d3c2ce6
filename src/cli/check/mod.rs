//! `trailpare check`: would these policies have allowed what was done?

mod everyone;

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::policy::{read_policies, read_policy};
use super::select::SelectArgs;
use super::{CliError, Context, Exit};
use crate::iam::document::Policy;
use crate::iam::evaluate::PolicySet;
use crate::policy::replay::{Group, GroupFate, Replay, allow_everything, replay_each};
use crate::policy::{explain, key_sources};
use crate::time::format_time;
use crate::usage::{ReadError, Sessions};

/// Replay the events of a window under any set of policies: what would be allowed, what denied, and what depends on
/// things that no log holds.
///
/// Only what was allowed and is certain is replayed. Resource policies are not evaluated.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 4 when something that was allowed would be denied (with --strict also when it depends).

Examples:
  trailpare check --policy policy.json --role deploy
  trailpare check --policy a.json --policy b.json --boundary boundary.json --role 'app-*' --from 90d
  trailpare check --scp root.json --scp-level ou.json --account 111122223333 --principal '*'
  trailpare check --everyone --scp deny-regions.json --from 365d")]
pub struct CheckArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Identity policies, attached or inline. None: everything is allowed by identity policies.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Policies")]
    policy: Vec<PathBuf>,
    /// The permissions boundary.
    #[arg(long, value_name = "FILE", help_heading = "Policies")]
    boundary: Option<PathBuf>,
    /// Service control policies attached at one level: one of them must allow.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Policies")]
    scp: Vec<PathBuf>,
    /// A service control policy of a further level (organizational unit, account): each level must allow.
    #[arg(long, value_name = "FILE", num_args = 1, help_heading = "Policies")]
    scp_level: Vec<PathBuf>,
    /// Session policies.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Policies")]
    session_policy: Vec<PathBuf>,
    /// Say whom these policies would have stopped, and how often: everybody in all accounts, each by itself. A level of
    /// service control policies that only denies stands beside FullAWSAccess, as it has to; service-linked roles are not
    /// bound.
    #[arg(long, conflicts_with_all = ["role", "user", "permission_set", "principal", "session", "policy", "session_policy"])]
    everyone: bool,
    /// With --everyone: accounts that service control policies do not bind, as the management account.
    #[arg(long, value_name = "ID", requires = "everyone")]
    management_account: Vec<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Groups, or with --everyone principals, to print at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Fail too when something depends on what a log cannot know.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
}

pub fn run(args: &CheckArgs, context: &Context) -> Result<Exit, CliError> {
    let policies = args.policies()?;
    if args.everyone {
        return everyone::run(args, policies, context);
    }
    let catalog = context.catalog;
    let (selected, uses) = args.select.open_exact(Sessions::Together, catalog, context)?;
    let requests = selected.requests(&key_sources::for_judging(&policies), catalog)?;
    let mut uses = uses.into_iter().peekable();
    if uses.peek().is_none() {
        return Err(selected.nobody()?);
    }
    let space_bytes = args.select.memory.space().bytes() / 2;
    let result = replay_each(&policies, uses, &requests, space_bytes, catalog)?;
    if result.ungrouped > 0 {
        let rows = result.groups.len() as u64 + result.ungrouped;
        return Err(ReadError::TooMany { rows, bytes: result.groups_bytes, space_bytes }.into());
    }
    let text = match args.format {
        Format::Table => text(&result, args.limit),
        Format::Json => format!("{:#}\n", value(&result, args.limit)),
    };
    io::stdout().write_all(text.as_bytes())?;
    context.detail(&format!("snapshot {}, {}", selected.snapshot.id, selected.range));
    let holds = if args.strict { result.is_proof() } else { result.holds() };
    Ok(if holds { selected.exit } else { Exit::WouldDeny })
}

impl CheckArgs {
    fn policies(&self) -> Result<PolicySet, CliError> {
        let read = |paths: &[PathBuf]| -> Result<Vec<Policy>, CliError> {
            let read = paths.iter().map(|path| read_policies(path)).collect::<Result<Vec<_>, _>>()?;
            Ok(read.into_iter().flatten().collect())
        };
        let mut scps = Vec::new();
        if !self.scp.is_empty() {
            scps.push(read(&self.scp)?);
        }
        for path in &self.scp_level {
            scps.push(read_policies(path)?);
        }
        let boundary = self.boundary.as_deref().map(read_policy).transpose()?;
        let session = read(&self.session_policy)?;
        if self.policy.is_empty() && boundary.is_none() && scps.is_empty() && session.is_empty() {
            return Err(CliError::Usage(
                "no policy to check\nhint: give --policy, --boundary, --scp or --session-policy".to_owned(),
            ));
        }
        let identity = if self.policy.is_empty() { vec![allow_everything()] } else { read(&self.policy)? };
        Ok(PolicySet { identity, boundary, scps, session, ..PolicySet::default() })
    }
}

fn text(result: &Replay, limit: usize) -> String {
    let mut out = format!("{}\n", explain::verdict(result));
    for group in result.groups.iter().take(limit) {
        out += &format!("  {}\n", crate::cli::printable(&explain::offender(group)));
    }
    if result.groups.len() > limit {
        out += &format!("  … and {} more (--limit)\n", result.groups.len() - limit);
    }
    out
}

fn value(result: &Replay, limit: usize) -> Value {
    let groups: Vec<Value> = result.groups.iter().take(limit).map(group).collect();
    json!({
        "allowed": result.allowed,
        "denied": result.denied,
        "depends": result.depends,
        "not_replayed": {
            "denied_at_the_time": result.were_denied,
            "undecided_at_the_time": result.undecided,
            "unverified": result.unverified,
            "too_little_known": result.incomplete,
            "impossible_names": result.impossible,
            "no_permission_needed": result.excluded,
        },
        "groups": groups,
        "groups_left_out": result.groups.len().saturating_sub(limit),
    })
}

fn group(group: &Group) -> Value {
    let (verdict, by, statement, depends_on) = match &group.fate {
        GroupFate::Denied(by) => ("denied", json!(by), Value::Null, Value::Null),
        GroupFate::Forbidden(by, name) => ("denied", json!(by), json!(name), Value::Null),
        GroupFate::Depends(on) => ("depends", Value::Null, Value::Null, json!(on)),
    };
    json!({
        "verdict": verdict,
        "by": by,
        "statement": statement,
        "depends_on": depends_on,
        "action": group.action,
        "resource": group.resource,
        "uses": group.events,
        "first_time": format_time(group.first_time_us),
        "example_event_id": group.example_event_id.as_str(),
        "principal_arn": group.principal.as_str(),
    })
}
