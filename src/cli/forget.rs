//! `trailpare forget PATTERN...`.

use clap::builder::NonEmptyStringValueParser;

use super::select::StoreArgs;
use super::{CliError, Context, Exit};
use crate::iam::wildcard_match;
use crate::store::{Forget, Forgotten, Store};
use crate::util::shown;

/// Accept for good that something was not taken: an object refused or changed, a record kept out, a record of other
/// content.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A pattern is a path or a name as `trailpare status` shows it, or an event's id; * stands for any characters, also for
folders, and ? for one. What is forgotten no longer stands in the status and doesn't make the exit code 3; who accepted
it, when and why stays in the ledger. Should the same bytes be refused again, nothing is said; other bytes are taken, or
refused anew.

Examples:
  trailpare forget '/archive/notes/*.txt'
  trailpare forget '*/.DS_Store' --note 'no logs'
  trailpare forget 3038ebd2-c98a-4c65-9b6e-e22506292313 --by alice
  trailpare forget '*' --dry-run")]
pub struct ForgetArgs {
    /// What to forget.
    #[arg(required = true, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new())]
    patterns: Vec<String>,
    #[command(flatten)]
    store: StoreArgs,
    /// Who accepts it; without it the user of this process.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Only say what would be forgotten.
    #[arg(long)]
    dry_run: bool,
}

pub fn run(args: &ForgetArgs, context: &Context) -> Result<Exit, CliError> {
    // A pattern is for a whole path: `*` stands for its folders as well.
    let is_meant = |text: &str| args.patterns.iter().any(|pattern| wildcard_match(pattern, text, false));
    let by = args.by.clone().unwrap_or_else(user);
    let store = Store::open(&args.store.store)?;
    let forget = Forget { is_meant: &is_meant, by: &by, note: args.note.as_deref(), is_dry: args.dry_run };
    let forgotten = store.writer()?.forget(&forget)?;
    if forgotten.is_empty() {
        return Err(CliError::failed(
            "nothing that was not taken is called so\nhint: `trailpare status` lists what stands, by path and name",
        ));
    }
    for one in &forgotten {
        context.say(&line(one));
    }
    let would = if args.dry_run { "would be " } else { "" };
    context.say(&format!("{} {would}forgotten, by {}", forgotten.len(), shown::name(&by)));
    Ok(Exit::Done)
}

fn line(one: &Forgotten) -> String {
    let record = one.index.map_or(String::new(), |index| format!(", record {index}"));
    let id = if one.what == "conflict" { format!(", event {}", shown::name(&one.name)) } else { String::new() };
    format!("forgotten: {}{record}{id}: {}", shown::name(&one.path), one.reason.replace(['\n', '\t'], " "))
}

/// The user of this process: its name in the system's list of users, else its number; where the system tells neither,
/// what the surroundings say.
fn user() -> String {
    let by_system = user_number().map(|number| {
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        name_of(number, &users).map_or_else(|| format!("user {number}"), str::to_owned)
    });
    let names = ["LOGNAME", "USER", "USERNAME"].iter().filter_map(|name| std::env::var(name).ok());
    let said = names.into_iter().find(|name| !name.is_empty());
    match (said, by_system) {
        // Whoever calls himself something else is both.
        (Some(said), Some(system)) if said != system => format!("{said} ({system})"),
        (said, system) => system.or(said).unwrap_or_else(|| "unknown".to_owned()),
    }
}

/// The number of the user that this process acts as.
#[cfg(target_os = "linux")]
fn user_number() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
}

#[cfg(not(target_os = "linux"))]
fn user_number() -> Option<u32> {
    None
}

/// The name of a user in a list as passwd(5) has it.
fn name_of(number: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id.parse() == Ok(number) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn users_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbad line\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!([0, 1000, 7].map(|number| super::name_of(number, users)), [Some("root"), Some("ann"), None]);
    }
}
