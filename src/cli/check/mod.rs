//! `trailpare check`: would these policies have allowed what was done?

mod args;
mod everyone;

use serde_json::{Value, json};

pub use args::CheckArgs;

use super::{CliError, Context, Exit};
use crate::policy::replay::{Group, GroupFate, Replay, replay_each};
use crate::policy::{explain, key_sources};
use crate::query::Format;
use crate::report::rows;
use crate::time::format_time;
use crate::usage::{ReadError, Sessions};

pub fn run(args: &CheckArgs, context: &Context) -> Result<Exit, CliError> {
    let (policies, organization) = args.policies()?;
    if args.everyone {
        return everyone::run(args, policies, organization.as_ref(), context);
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
    match args.answer.format {
        Format::Table => args.answer.text(&text(&result, args.limit))?,
        Format::Json => args.answer.text(&format!("{:#}\n", value(&result, args.limit)))?,
        _ => {
            let groups: Vec<Value> = result.groups.iter().take(args.limit).map(group).collect();
            args.answer.rows(rows::CHECKED, rows::checked(&groups))?;
        }
    }
    context.detail(&format!("snapshot {}, {}", selected.snapshot.id, selected.range));
    let holds = if args.strict { result.is_proof() } else { result.holds() };
    Ok(if holds { selected.exit } else { Exit::WouldDeny })
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
