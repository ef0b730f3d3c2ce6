//! `trailpare policy`: the least-privilege policy for what was used, proved before it is printed.

mod args;
mod existing;
mod job;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use args::PolicyArgs;
use args::{Each, ProveArg};
pub use existing::{read_policies, read_policy};
pub(in crate::cli) use job::print;
use job::{Job, exit, other_format, write_file};
use names::{file_name, name_of, prefixed};

use super::select::{Selected, say_left_out};
use super::{CliError, Context, Exit, hint};
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::iam::evaluate::PolicySet;
use crate::policy::{Kind, MakeError, Options, ProposeError, Provenance, Proving, Source, Task, key_sources};
use crate::report::evidence::Proofs;
use crate::store::Store;
use crate::usage::{self, Selection, UsageRow};

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
    let proofs = Proofs::read(&Store::open(&args.select.store.store)?)?;
    let mut job = Job { args, context, catalog, existing, provenance, proofs, requests, events: None };
    if args.what.prove == ProveArg::Events && !args.what.no_check {
        job.events = Some(selected.usage_of_events(args.sessions(), catalog)?);
    }
    if let Some((path, given)) = args.existing.deny_unused.as_deref().zip(given.as_ref()) {
        return job.deny_unused(path, given, &options, &selected);
    }
    if let (Some(each), Some(folder)) = (args.what.each, &args.what.out) {
        return job.each(each, folder, &selected);
    }
    let task = job.task(&selected.rows, job.existing(), &options);
    let Some(outcome) = job.one(&task).map_err(|error| job.failed(error))? else { return Ok(selected.exit) };
    let provenance = job.provenance_of(&selected.rows);
    let Some(source) = outcome.source(&provenance) else { return Ok(Exit::WouldDeny) };
    print(args.what.out.as_deref(), &args.what.format.render(&source).map_err(other_format)?)?;
    Ok(exit(outcome.proposal().made(), selected.exit))
}

/// What `trailpare policy` would make of these rows with no further options.
pub(in crate::cli) fn default_options(rows: &[UsageRow]) -> Options {
    Options { kind: args::fitting(rows), name: name_of(rows), ..Options::default() }
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
        snapshot_id: Some(selected.snapshot.id),
        window: selected.range.to_string(),
        selection: selected.selection.to_string(),
        catalogue: catalog.version().to_owned(),
        data_event_sources: Some(usage::data_event_sources(&selected.snapshot)?),
        data_trails: usage::data_trails(&selected.snapshot)?,
        evidence: None,
    })
}

impl Job<'_> {
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
                Ok(Some(outcome)) => match outcome.source(&self.provenance_of(&rows)) {
                    Some(source) => {
                        self.write_each(folder, &file, &source)?;
                        if exit != Exit::WouldDeny && exit != Exit::Failed {
                            exit = self::exit(outcome.proposal().made(), exit);
                        }
                    }
                    None => exit = Exit::WouldDeny,
                },
                // Somebody who only did what needs no permission must not keep the others from theirs.
                Err(error @ ProposeError::Make(MakeError::Nothing { .. })) => self.context.say(&hint::said(&error)),
                // Nor must somebody whose policy does not fit.
                Err(ProposeError::Make(error @ MakeError::Fit(_))) => {
                    self.context.error(&format!("{file}: {error}"));
                    exit = Exit::Failed;
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(exit)
    }

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
