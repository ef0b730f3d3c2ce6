//! `trailpare forget PATTERN...`.

use clap::builder::NonEmptyStringValueParser;

use super::recorded::{Begun, OutcomeArgs, WaitArgs};
use super::select::StoreArgs;
use super::{CliError, Context, Exit};
use crate::iam::wildcard_match;
use crate::report::run::{Figures, forget as figures};
use crate::store::{Forget, Forgotten, Store};
use crate::util::{process, shown};

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
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten, next_help_heading = "What it came to")]
    outcome: OutcomeArgs,
}

pub fn run(args: &ForgetArgs, context: &Context) -> Result<Exit, CliError> {
    let mut begun = Begun::new("forget", &args.store.store, None, context);
    let outcome = work(args, &mut begun, context);
    begun.tell(outcome, &args.outcome)
}

fn work(args: &ForgetArgs, begun: &mut Begun<'_>, context: &Context) -> Result<(Exit, Figures), CliError> {
    // A pattern is for a whole path: `*` stands for its folders as well.
    let is_meant = |text: &str| args.patterns.iter().any(|pattern| wildcard_match(pattern, text, false));
    let by = args.by.clone().unwrap_or_else(process::user);
    let store = args.wait.store(Store::open(&args.store.store)?, context);
    if !args.dry_run {
        begun.note(&store);
    }
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
    Ok((Exit::Done, figures(&forgotten, &by, args.dry_run)))
}

fn line(one: &Forgotten) -> String {
    let record = one.index.map_or(String::new(), |index| format!(", record {index}"));
    let id = if one.what == "conflict" { format!(", event {}", shown::name(&one.name)) } else { String::new() };
    format!("forgotten: {}{record}{id}: {}", shown::name(&one.path), one.reason.replace(['\n', '\t'], " "))
}
