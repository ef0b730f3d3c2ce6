//! `trailpare policy`: the least-privilege policy for what was used, proved before it is printed.

mod args;
mod existing;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

pub use args::PolicyArgs;
use args::{Each, ProveArg};
pub use existing::{read_policies, read_policy};
use names::{file_name, name_of, prefixed};

use super::select::{Selected, say_left_out};
use super::{CliError, Context, Exit};
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::iam::evaluate::PolicySet;
use crate::policy::prove::Proof;
use crate::policy::replay::Replay;
use crate::policy::{
    self, Existing, Findings, Kind, Made, Options, Proposal, ProposeError, Proved, Provenance, Proving, RenderError,
    Source, Task, Unchecked, Unproved, explain, key_sources, propose, propose_unchecked,
};
use crate::usage::{self, RequestValues, Selection, UsageRow};

pub fn run(args: &PolicyArgs, context: &Context) -> Result<Exit, CliError> {
    let existing = existing(args)?;
    let catalog = context.catalog;
    let selected = args.select.read_exact(args.sessions(), catalog, context)?;
    let kind = args.kind(&selected.rows);
    args.validate(kind)?;
    if kind == Kind::Scp && !is_everybody(&selected.selection) {
        context.warn(
            "a service control policy made from only some of those whom it binds\n\
             hint: select everybody, with --account ID",
        );
    }
    let mut options = args.options(kind);
    let provenance = provenance(&selected, catalog)?;
    say_left_out(&selected.snapshot, context);
    if args.what.name.is_none() {
        options.name = name_of(&selected.rows);
    }
    let given = args.existing.deny_unused.as_deref().map(read_policy).transpose()?;
    let asked = PolicySet::of_identity(existing.iter().chain(&given).cloned().collect());
    let mut sources = key_sources::for_making(&selected.rows);
    sources.extend(key_sources::for_judging(&asked));
    let requests = selected.requests(&sources, catalog)?;
    let mut job = Job { args, context, catalog, existing, provenance, requests, events: None };
    if args.what.prove == ProveArg::Events && !args.what.no_check {
        job.events = Some(selected.usage_of_events(args.sessions(), catalog)?);
    }
    if let Some((path, given)) = args.existing.deny_unused.as_deref().zip(given.as_ref()) {
        return job.deny_unused(path, given, &options, &selected);
    }
    if let (Some(each), Some(folder)) = (args.what.each, &args.what.out) {
        return job.each(each, folder, &selected);
    }
    let Some(outcome) = job.one(&job.task(&selected.rows, job.existing(), &options))? else { return Ok(selected.exit) };
    let Some(source) = outcome.source(&job.provenance) else { return Ok(Exit::WouldDeny) };
    print(args.what.out.as_deref(), &args.what.format.render(&source).map_err(other_format)?)?;
    Ok(exit(outcome.proposal().made(), selected.exit))
}

/// How the command ends with a policy that is printed: whether it lacks something that was used is said first.
fn exit(made: &Made, exit: Exit) -> Exit {
    let lacks = !made.incomplete.is_empty() || made.lacking().next().is_some();
    if lacks { Exit::Incomplete } else { exit }
}

/// Whole accounts are selected.
fn is_everybody(selection: &Selection) -> bool {
    selection.sessions.is_empty() && selection.principals.iter().any(|pattern| pattern == "*")
}

fn existing(args: &PolicyArgs) -> Result<Vec<Policy>, CliError> {
    if let Some(path) = &args.existing.merge {
        return Ok(vec![read_policy(path)?]);
    }
    let read = args.existing.base.iter().map(|path| read_policies(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(read.into_iter().flatten().collect())
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
    /// What the selected requests told of condition keys.
    requests: RequestValues,
    /// The uses as the events themselves say them, where they are to prove the policy.
    events: Option<Vec<UsageRow>>,
}

/// What became of a policy.
enum Outcome {
    Proved(Proved),
    /// It failed its proof.
    Unproved(Box<Unproved>),
    /// With `--no-check`.
    Unchecked(Unchecked),
}

impl Outcome {
    fn proposal(&self) -> &Proposal {
        match self {
            Outcome::Proved(proved) => proved.proposal(),
            Outcome::Unproved(unproved) => &unproved.proposal,
            Outcome::Unchecked(unchecked) => unchecked.proposal(),
        }
    }

    fn findings(&self) -> Option<&Findings> {
        match self {
            Outcome::Proved(proved) => Some(proved.findings()),
            Outcome::Unproved(unproved) => Some(&unproved.findings),
            Outcome::Unchecked(_) => None,
        }
    }

    /// What can be printed of it.
    fn source<'a>(&'a self, provenance: &'a Provenance) -> Option<Source<'a>> {
        match self {
            Outcome::Proved(proved) => Some(proved.source(provenance)),
            Outcome::Unproved(_) => None,
            Outcome::Unchecked(unchecked) => Some(unchecked.source(provenance)),
        }
    }
}

/// An error as it ends the command.
fn failed(error: ProposeError) -> CliError {
    match error {
        ProposeError::Make(error) => error.into(),
        other => other.into(),
    }
}

/// A format that cannot hold the policy, and one that can.
fn other_format(error: RenderError) -> CliError {
    CliError::failed(format!("{error}\nhint: use --format {}", error.instead))
}

impl Job<'_> {
    /// A policy that is asked for.
    fn task<'t>(&'t self, rows: &'t [UsageRow], existing: Existing<'t>, options: &'t Options) -> Task<'t> {
        let proving = self.events.as_deref().map_or(Proving::Usage, Proving::Events);
        Task { rows, requests: &self.requests, proving, existing, options, catalog: self.catalog }
    }

    fn outcome(&self, task: &Task<'_>) -> Result<Outcome, ProposeError> {
        if self.args.what.no_check {
            return propose_unchecked(task).map(Outcome::Unchecked);
        }
        match propose(task) {
            Ok(proved) => Ok(Outcome::Proved(proved)),
            Err(ProposeError::Unproved(unproved)) => Ok(Outcome::Unproved(unproved)),
            Err(error) => Err(error),
        }
    }

    /// What becomes of the policies that exist.
    fn existing(&self) -> Existing<'_> {
        match (&self.args.existing.merge, self.existing.as_slice()) {
            (Some(_), [policy]) => Existing::AddedTo(policy),
            (_, []) => Existing::None,
            (_, policies) => Existing::Beside(policies),
        }
    }

    /// One policy, and what is said of it. `None` if the policies that exist allow everything.
    fn one(&self, task: &Task<'_>) -> Result<Option<Outcome>, CliError> {
        let is_enough = "nothing is missing: the policy given allows everything that was used";
        let outcome = match (self.outcome(task), self.args.existing.merge.as_deref()) {
            (Err(ProposeError::NothingMissing), _) => {
                self.context.say(is_enough);
                return Ok(None);
            }
            (Err(ProposeError::TooLong { size, size_max, name }), Some(path)) => {
                return Err(existing::too_long(path, size, size_max, name));
            }
            (outcome, _) => outcome.map_err(failed)?,
        };
        let proposal = outcome.proposal();
        if proposal.is_unchanged() {
            self.context.say(is_enough);
        }
        self.say(proposal.made(), outcome.findings().and_then(Findings::whole));
        if let Outcome::Unproved(unproved) = &outcome {
            self.refuse(&unproved.findings);
        }
        Ok(Some(outcome))
    }

    fn say(&self, made: &Made, proof: Option<&Proof>) {
        let replay = proof.map(|proof| &proof.replay);
        if proof.is_some_and(|proof| proof.by_events) {
            self.context.say("proved by the events themselves");
        }
        if self.context.quiet {
            explain::lacks(made).iter().for_each(|line| self.context.warn(line));
        }
        if self.args.what.explain {
            self.context.say(explain::explain(made, &self.provenance, replay).trim_end());
            return;
        }
        for line in explain::summary(made, &self.provenance, replay) {
            self.context.say(&line);
        }
        for widened in &made.widened {
            self.context.say(&explain::widened(widened));
        }
        if self.args.width.collapse_actions {
            for note in made.statements.iter().filter(|note| !note.added_actions.is_empty()) {
                self.context.say(&format!("{} also allows: {}", note.sid, explain::added(&note.added_actions)));
            }
        }
    }

    fn refuse(&self, findings: &Findings) {
        let proof = match findings {
            Findings::Whole(proof) => proof,
            Findings::Cut(proof) => return self.refuse_cut(proof),
        };
        if !proof.replay.holds() {
            self.refuse_denying(&proof.replay);
        }
        if !proof.unspoken.is_empty() {
            self.context.error("the policy grants what no event speaks for, so it is not printed");
        }
        for unspoken in proof.unspoken.iter().take(20) {
            self.context.error(&explain::without_use(unspoken));
        }
    }

    fn refuse_denying(&self, replay: &Replay) {
        self.context.error("the policy would deny what was allowed, so it is not printed");
        for group in replay.groups.iter().take(20) {
            self.context.error(&explain::offender(group));
        }
    }

    /// One policy for each principal, session, account or permission set, into a folder.
    fn each(&self, each: Each, folder: &Path, selected: &Selected) -> Result<Exit, CliError> {
        crate::store::create_private_folder(folder)
            .map_err(|error| CliError::failed(format!("cannot make the folder {}: {error}", folder.display())))?;
        let mut groups: BTreeMap<String, Vec<UsageRow>> = BTreeMap::new();
        for row in &selected.rows {
            groups.entry(each.key(row)).or_default().push(row.clone());
        }
        let mut proving: BTreeMap<String, Vec<UsageRow>> = BTreeMap::new();
        for row in self.events.iter().flatten() {
            proving.entry(each.key(row)).or_default().push(row.clone());
        }
        let mut exit = selected.exit;
        let mut taken = BTreeSet::new();
        for (name, rows) in groups {
            let file = file_name(&name, &mut taken);
            self.context.say(&format!("{name}: {file}"));
            let by_events = proving.remove(&name).unwrap_or_default();
            let proving = if self.events.is_some() { Proving::Events(&by_events) } else { Proving::Usage };
            // Among all, some may be Identity Center's and others not.
            let name = self.args.what.name.as_ref().map_or_else(|| file.clone(), |prefix| prefixed(prefix, &file));
            let options = Options { name, ..self.args.options(self.args.kind(&rows)) };
            match self.one(&Task { proving, ..self.task(&rows, self.existing(), &options) }) {
                Ok(None) => {}
                Ok(Some(outcome)) => match outcome.source(&self.provenance) {
                    Some(source) => {
                        self.write_each(folder, &file, &source)?;
                        if exit != Exit::WouldDeny && exit != Exit::Failed {
                            exit = self::exit(outcome.proposal().made(), exit);
                        }
                    }
                    None => exit = Exit::WouldDeny,
                },
                // Somebody who only did what needs no permission must not keep the others from theirs.
                Err(CliError::Failed(error))
                    if matches!(error.downcast_ref(), Some(policy::MakeError::Nothing { .. })) =>
                {
                    self.context.say(&error.to_string());
                }
                // Nor must somebody whose policy does not fit.
                Err(CliError::Failed(error)) if matches!(error.downcast_ref(), Some(policy::MakeError::Fit(_))) => {
                    self.context.error(&format!("{file}: {error}"));
                    exit = Exit::Failed;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(exit)
    }
}

impl Job<'_> {
    fn write_each(&self, folder: &Path, file: &str, source: &Source<'_>) -> Result<(), CliError> {
        let format = self.args.what.format;
        let texts = format.files(source).map_err(other_format)?;
        let several = texts.len() > 1;
        for (number, text) in texts.into_iter().enumerate() {
            let file = if several { format!("{file}-{}", number + 1) } else { file.to_owned() };
            write_file(&folder.join(format!("{file}.{}", format.extension())), &text)?;
        }
        Ok(())
    }
}

/// To standard output, or into a file.
fn print(path: Option<&Path>, text: &str) -> Result<(), CliError> {
    match path {
        Some(path) => write_file(path, text),
        None => Ok(io::stdout().write_all(text.as_bytes())?),
    }
}

fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    crate::store::write_private(path, text.as_bytes())
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", path.display())))
}
