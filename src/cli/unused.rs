//! `trailpare unused`: what roles and users may do and never did.

use std::path::PathBuf;

use super::answer::OutputArgs;
use super::select::EverybodyArgs;
use super::{CliError, Context, Exit};
use crate::policy::unused::{Details, EntityUse, name, names, pages, unused};
use crate::query::Format;
use crate::report::rows;
use crate::report::unused::{entities, text};
use crate::usage::{ReadError, RoleLives, Sessions, UsageRow, data_sight};

/// Compare what roles and users may do with what they did: services, actions, policies and whole roles and users that
/// nobody needed in the window, the riskiest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The files are the output of `aws iam get-account-authorization-details`: of one account or several, whole or in pages. What
the window does not hold counts as unused. Of actions whose calls are data events (s3:GetObject, lambda:InvokeFunction, …)
nothing is said where the account has none of that service, unless a trail is known to log all of them since before --from.

Examples:
  trailpare unused --authorization-details account.json
  trailpare unused --authorization-details a.json b.json --from 2024-01-01 --format json
  trailpare unused --authorization-details account.json --only 'role/app-*'")]
pub struct UnusedArgs {
    /// Outputs of `aws iam get-account-authorization-details`.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    authorization_details: Vec<PathBuf>,
    /// Only roles and users whose ARN holds a match of this glob.
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    #[command(flatten)]
    answer: OutputArgs,
    #[command(flatten)]
    everybody: EverybodyArgs,
}

pub fn run(args: &UnusedArgs, context: &Context) -> Result<Exit, CliError> {
    let mut details = read_details(&args.authorization_details, context)?;
    if let Some(pattern) = &args.only {
        let glob = format!("*{pattern}*");
        details.entities.retain(|entity| crate::iam::wildcard_match(&glob, &entity.arn, false));
    }
    let catalog = context.catalog;
    let select = args.everybody.select();
    let (selected, found) = select.open(Sessions::Together, catalog, context)?;
    let mut found = found.into_iter().peekable();
    if found.peek().is_none() {
        return Err(selected.nobody()?);
    }
    // Of all that was used only what these roles and users did matters.
    let names = names(&details);
    let is_theirs = |row: &Result<UsageRow, ReadError>| {
        row.as_ref().map_or(true, |row| name(&row.principal_arn).is_some_and(|name| names.contains(&name)))
    };
    let held = select.memory.space().hold(found.filter(is_theirs))?;
    let sight = data_sight(&selected.snapshot)?;
    let uses = unused(&details, &held, &selected.range, &sight, catalog);
    let arns = details.entities.iter().map(|entity| entity.arn.as_str());
    let lives = RoleLives::of_roles(&selected.snapshot, &selected.range, arns)?;
    match args.answer.format {
        Format::Table => args.answer.text(&super::printable(&text(&uses, &lives)))?,
        // A list, nothing left out.
        Format::Json => args.answer.text(&(serde_json::to_string_pretty(&entities(&uses, &lives))? + "\n"))?,
        _ => args.answer.rows(rows::UNUSED, rows::unused(&entities(&uses, &lives)))?,
    }
    warn_of_strangers(&uses, context);
    context.say(&format!("snapshot {}, {}", selected.snapshot.id, selected.range));
    if details.service_linked > 0 {
        context.say(&format!("{} service-linked roles left out: their policies are AWS's", details.service_linked));
    }
    Ok(selected.exit)
}

/// An account of which nobody has any event is more likely not in the archive than idle.
fn warn_of_strangers(uses: &[EntityUse], context: &Context) {
    let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
    let mut accounts: Vec<String> = uses.iter().map(|entity| account(&entity.arn)).collect();
    accounts.sort();
    accounts.dedup();
    for account_id in accounts {
        if uses.iter().filter(|entity| account(&entity.arn) == account_id).all(|entity| entity.events == 0) {
            context.warn(&format!(
                "no role or user of account {account_id} has any event in the window: is its trail in the store?"
            ));
        }
    }
}

/// All files together: a page may name what stands in another.
pub(super) fn read_details(paths: &[PathBuf], context: &Context) -> Result<Details, CliError> {
    let mut all = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path)
            .map_err(|error| CliError::failed(format!("cannot read {}: {error}", path.display())))?;
        let read = pages(&text).map_err(|error| CliError::failed(format!("{}: {error}", path.display())))?;
        all.extend(read);
    }
    let details = Details::of(&all).map_err(|error| CliError::failed(error.to_string()))?;
    for account_id in &details.truncated {
        context.warn(&format!(
            "there is more of account {account_id} (IsTruncated): get the other pages too, and give all of them"
        ));
    }
    Ok(details)
}
