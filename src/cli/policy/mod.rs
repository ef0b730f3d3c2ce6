//! `trailpare policy`: the least-privilege policy for what was used, proved before it is printed.

mod args;
mod existing;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

pub use args::PolicyArgs;
use args::{Each, Format, ProveArg};
pub use existing::{read_policies, read_policy};
use names::{file_name, name_of, prefixed};

use super::select::{Selected, say_left_out};
use super::{CliError, Context, Exit};
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::iam::evaluate::PolicySet;
use crate::policy::prove::{Proof, prove};
use crate::policy::replay::{Replay, policy_set};
use crate::policy::{self, Fit, Kind, Made, Options, Provenance};
use crate::policy::{base, explain, key_sources, render};
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
    let proving = job.events.as_deref().unwrap_or(&selected.rows);
    match job.one(&selected.rows, proving, &options)? {
        Answer::NothingMissing => Ok(selected.exit),
        Answer::Unproved => Ok(Exit::WouldDeny),
        Answer::Proved { made, text } => {
            print(args.what.out.as_deref(), &text)?;
            Ok(exit(&made, selected.exit))
        }
    }
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

/// What making one policy came to.
enum Answer {
    /// The policies that exist allow everything.
    NothingMissing,
    /// It failed its proof.
    Unproved,
    Proved {
        made: Box<Made>,
        text: String,
    },
}

impl Job<'_> {
    /// One policy for the uses in `rows`, proved by those in `proving`.
    fn one(&self, rows: &[UsageRow], proving: &[UsageRow], options: &Options) -> Result<Answer, CliError> {
        let lacking;
        let wanted = if self.existing.is_empty() {
            rows
        } else {
            lacking = base::missing(&self.existing, rows, &self.requests, self.catalog);
            lacking.as_slice()
        };
        let merged = self.args.existing.merge.as_deref().zip(self.existing.first());
        let room = match merged {
            Some((_, existing)) if options.fit == Fit::Widen => existing::beside(existing, options),
            _ => options.clone(),
        };
        let made = match (policy::make_with(wanted, &self.requests, &room, self.catalog), merged) {
            (Err(policy::MakeError::Nothing { .. }), _) if !self.existing.is_empty() => {
                self.context.say("nothing is missing: the policy given allows everything that was used");
                let Some((_, existing)) = merged else { return Ok(Answer::NothingMissing) };
                existing::unchanged(existing, rows, options)
            }
            (made, Some((path, existing))) => existing::merge(path, existing, made?, options)?,
            (made, None) => made?,
        };
        let made = match merged {
            Some((_, existing)) => self.counted(made, existing, rows, options),
            None => made,
        };
        let proof = (!self.args.what.no_check).then(|| {
            let proof = prove(&made, &self.judged(&made), proving, &self.requests, options, self.catalog);
            Proof { by_events: self.events.is_some(), ..proof }
        });
        self.say(&made, proof.as_ref());
        if let Some(proof) = proof.as_ref().filter(|proof| !proof.holds()) {
            self.refuse(proof);
            return Ok(Answer::Unproved);
        }
        let text = self.text(&made, proof.as_ref().map(|proof| &proof.replay))?;
        Ok(Answer::Proved { made: Box::new(made), text })
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

    fn refuse(&self, proof: &Proof) {
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
            let proving = if self.events.is_some() { &by_events } else { &rows };
            // Among all, some may be Identity Center's and others not.
            let name = self.args.what.name.as_ref().map_or_else(|| file.clone(), |prefix| prefixed(prefix, &file));
            let options = Options { name, ..self.args.options(self.args.kind(&rows)) };
            match self.one(&rows, proving, &options) {
                Ok(Answer::Proved { made, text }) => {
                    self.write_each(folder, &file, &made, &text)?;
                    if exit != Exit::WouldDeny && exit != Exit::Failed {
                        exit = self::exit(&made, exit);
                    }
                }
                Ok(Answer::Unproved) => exit = Exit::WouldDeny,
                Ok(Answer::NothingMissing) => {}
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
    /// As JSON every file is one document, so that who reads them need not know how many there are.
    fn write_each(&self, folder: &Path, file: &str, made: &Made, text: &str) -> Result<(), CliError> {
        let extension = self.args.what.format.extension();
        if self.args.what.format != Format::Json {
            return write_file(&folder.join(format!("{file}.{extension}")), text);
        }
        let documents = render::json::each(made);
        let several = documents.len() > 1;
        for (number, (_, text)) in documents.into_iter().enumerate() {
            let file = if several { format!("{file}-{}", number + 1) } else { file.to_owned() };
            write_file(&folder.join(format!("{file}.{extension}")), &text)?;
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
