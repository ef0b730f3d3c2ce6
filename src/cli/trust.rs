//! `trailpare trust`: who takes which role, and the trust policy that allows just them.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::rightsize::read_details_of;
use super::select::EverybodyArgs;
use super::{CliError, Context, Exit};
use crate::policy::unused::{Details, EntityKind};
use crate::policy::{trust_cloudformation, trust_label, trust_terraform};
use crate::report::trust::{markdown, text, trust_value};
use crate::trust::{Knowledge, Looked, Options, RoleName, RoleTrust, SIZE_MAX, Today, TrustQuestion, trust};
use crate::usage::Selection;

/// Say who took roles (principals, accounts, services, subjects of identity providers), with what external ids, tags,
/// source identities and second factors, and write the trust policy that allows just them, proved.
///
/// Every successful assumption of the window is allowed by the policy, and nobody is trusted for whom none speaks.
/// Refused ones are shown and not granted. With files of today's roles it says what is trusted in vain, and roles that
/// nobody took.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Sessions that act without an assumption in the log (begun earlier, or made in a region that is not logged) are
counted: a policy that leaves them out is said to be in doubt.

Exit codes: 3 when a file could not be read, 4 when a policy failed its proof, 5 when a policy is in doubt or cannot be
made though the role was taken.

Examples:
  trailpare trust --role deploy
  trailpare trust --role deploy --format policy > trust.json
  aws iam update-assume-role-policy --role-name deploy --policy-document file://trust.json
  trailpare trust --account 111122223333 --authorization-details iam/ --format markdown > trust.md")]
pub struct TrustArgs {
    /// Roles: a name, an ARN, or a glob over either; all where nothing is said.
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new(), help_heading = "Which")]
    role: Vec<String>,
    /// Only roles of this account.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), help_heading = "Which")]
    account: Vec<String>,
    /// Outputs of `aws iam get-account-authorization-details`, of any number of accounts: today's trust policies.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Which")]
    authorization_details: Vec<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Ask for a second factor of those who always gave one.
    #[arg(long, help_heading = "How")]
    require_mfa: bool,
    /// Characters that a trust policy may have: AWS allows up to 4096 on request.
    #[arg(long, value_name = "N", default_value_t = SIZE_MAX, help_heading = "How")]
    max_size: usize,
    #[command(flatten)]
    everybody: EverybodyArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// A JSON list, nothing left out.
    Json,
    /// The trust policy of the one role, as `aws iam update-assume-role-policy` takes it.
    Policy,
    /// HCL: `aws_iam_policy_document` for `assume_role_policy`.
    Terraform,
    /// YAML: the role's `AssumeRolePolicyDocument`.
    Cloudformation,
    /// For a ticket.
    Markdown,
}

/// The roles of files, and the unique ids of all that is in them.
pub(super) fn knowledge(details: &Details) -> Knowledge {
    let mut known = Knowledge::default();
    for entity in &details.entities {
        if let Some(id) = &entity.unique_id {
            known.ids.insert(id.clone(), entity.arn.clone());
        }
        if let (EntityKind::Role, Some(name)) = (entity.kind, RoleName::of(&entity.arn)) {
            let (arn, policy) = (entity.arn.clone(), entity.trust.clone());
            known.roles.insert(name, Today { arn, policy, iam_last_used_us: entity.iam_last_used_us });
        }
    }
    known
}

/// Roles by pattern; all where there is none.
pub(super) fn roles(patterns: &[String], accounts: &[String]) -> Selection {
    let all = if patterns.is_empty() { vec!["*".to_owned()] } else { patterns.to_vec() };
    Selection { roles: all, accounts: accounts.to_vec(), ..Selection::default() }
}

pub fn run(args: &TrustArgs, context: &Context) -> Result<Exit, CliError> {
    let (details, problems) = read_details_of(&args.authorization_details, context);
    let known = knowledge(&details);
    let selection = roles(&args.role, &args.account);
    let select = args.everybody.select();
    let (snapshot, range, exit) = select.snapshot(context)?;
    let space = select.memory.space();
    let question = TrustQuestion {
        snapshot: &snapshot,
        range: &range,
        selection: &selection,
        known: &known,
        options: Options { require_mfa: args.require_mfa, size_max: args.max_size },
        space: &space,
    };
    let looked = trust(&question)?;
    if looked.roles.is_empty() {
        return Err(nobody(args, &looked));
    }
    io::stdout().write_all(printed(args, &looked)?.as_bytes())?;
    context.detail(&format!("snapshot {}, {range}, {} assumptions", snapshot.id, looked.calls));
    if !matches!(args.format, Format::Table | Format::Json | Format::Markdown) {
        say(&looked, context);
    }
    Ok(match exit {
        Exit::Done if looked.roles.values().any(failed) => Exit::WouldDeny,
        Exit::Done if problems > 0 => Exit::Refused,
        Exit::Done if looked.roles.values().any(is_doubtful) => Exit::Incomplete,
        exit => exit,
    })
}

fn failed(role: &RoleTrust) -> bool {
    matches!(role.proposed, Err(crate::trust::NoTrust::Unproved(_)))
}

/// A policy that may shut somebody out, or none though somebody takes the role and the account keeps its policy.
fn is_doubtful(role: &RoleTrust) -> bool {
    use crate::trust::NoTrust::{IdentityCenter, ServiceLinked};
    match &role.proposed {
        Ok(_) => !role.doubts().is_empty(),
        Err(ServiceLinked | IdentityCenter) => false,
        Err(_) => !role.is_idle(),
    }
}

fn nobody(args: &TrustArgs, looked: &Looked) -> CliError {
    let which = if args.role.is_empty() { "any role".to_owned() } else { format!("role {}", args.role.join(", ")) };
    CliError::failed(format!(
        "nobody took {which} in the window, of {} assumptions in it\n\
         hint: `trailpare trust` without --role shows all roles",
        looked.calls
    ))
}

fn printed(args: &TrustArgs, looked: &Looked) -> Result<String, CliError> {
    let path = |role: &RoleTrust| {
        let resource = role.arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("role"));
        let path = resource.and_then(|path| path.strip_suffix(role.name.name.as_str()));
        path.filter(|path| path.starts_with('/')).unwrap_or("/").to_owned()
    };
    let each = |render: &dyn Fn(&RoleTrust) -> Option<Result<String, CliError>>| {
        let all: Result<Vec<String>, CliError> = looked.roles.values().filter_map(render).collect();
        all.map(|all| all.join("\n"))
    };
    let other = |error: crate::policy::RenderError| CliError::failed(error.to_string());
    match args.format {
        Format::Table => Ok(super::printable(&text(looked))),
        Format::Markdown => Ok(markdown(looked)),
        Format::Json => {
            let values: Vec<_> = looked.roles.values().map(trust_value).collect();
            Ok(serde_json::to_string_pretty(&values)? + "\n")
        }
        Format::Policy => only(looked).map(|policy| policy + "\n"),
        Format::Terraform => {
            let names: Vec<(&str, &str)> =
                looked.roles.keys().map(|role| (role.account.as_str(), role.name.as_str())).collect();
            let label = |role: &RoleTrust| trust_label((&role.name.account, &role.name.name), &names);
            each(&|role| Some(trust_terraform(&label(role), role.policy()?).map_err(other)))
        }
        Format::Cloudformation => match looked.roles.values().filter(|role| role.policy().is_some()).count() {
            // Templates can't stand in one file.
            0 | 1 => {
                each(&|role| Some(trust_cloudformation(&role.name.name, &path(role), role.policy()?).map_err(other)))
            }
            several => Err(one_is_needed(several)),
        },
    }
}

fn one_is_needed(several: usize) -> CliError {
    CliError::Usage(format!(
        "{several} roles have a policy, and here one is needed\nhint: name it with --role and --account"
    ))
}

/// The policy of the one role that is meant.
fn only(looked: &Looked) -> Result<String, CliError> {
    let mut roles = looked.roles.values();
    match (roles.next(), roles.next()) {
        (Some(role), None) => match &role.proposed {
            Ok((made, _)) => Ok(made.policy.pretty()),
            Err(why) => Err(CliError::failed(format!("{}: {why}", crate::util::shown::name(&role.arn)))),
        },
        _ => Err(one_is_needed(looked.roles.len())),
    }
}

/// What a policy alone does not say.
fn say(looked: &Looked, context: &Context) {
    for role in looked.roles.values() {
        let name = crate::util::shown::name(&role.arn);
        match &role.proposed {
            Ok((_, proof)) => {
                context.say(&format!("{name}: proved, {} uses allowed, nobody else trusted", proof.allowed))
            }
            Err(why) => context.warn(&format!("{name}: no policy: {why}")),
        }
        role.doubts().iter().for_each(|doubt| context.warn(&format!("{name}: {doubt}")));
        for (denial, seen) in &role.ways.denials {
            let who = denial.who.text();
            let who = crate::util::shown::name(&who);
            context.detail(&format!("{name}: refused {} times, not granted: {who}", seen.calls));
        }
    }
}
