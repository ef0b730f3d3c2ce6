//! Policies that exist: read, added to, cut down.

use std::path::Path;

use super::{Job, print};
use crate::cli::select::Selected;
use crate::cli::{CliError, Exit};
use crate::iam::document::Policy;
use crate::policy::narrow::{NarrowProof, narrow, prove_narrowed, report};
use crate::policy::render::markdown;
use crate::policy::replay::{replay_with, set_of};
use crate::policy::{Limits, Made, NamedPolicy, Options, base, explain};
use crate::usage::UsageRow;

/// Names of unused actions said of an access level, unless all are asked for.
const NAMES_MAX: usize = 8;

/// Reads the policy documents of a file: one, or the parts that `trailpare policy` wrote.
pub fn read_policies(path: &Path) -> Result<Vec<Policy>, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::failed(format!("cannot read the policy {}: {error}", path.display())))?;
    Policy::parse_all(&text).map_err(|error| CliError::failed(format!("{}: {error}", path.display())))
}

/// Reads the one policy document of a file.
pub fn read_policy(path: &Path) -> Result<Policy, CliError> {
    let mut policies = read_policies(path)?;
    match (policies.pop(), policies.len()) {
        (Some(only), 0) => Ok(only),
        (_, more) => Err(CliError::failed(format!(
            "{} holds {} policies, and here one is needed\nhint: put each into a file of its own",
            path.display(),
            more + 1
        ))),
    }
}

/// The options for what is added to `existing` in the same document: if it may be widened, it fits beside it.
pub(super) fn beside(existing: &Policy, options: &Options) -> Options {
    let room = Limits::of(options).size_max.saturating_sub(existing.size());
    Options { size_max: Some(room), policies_max: Some(1), ..options.clone() }
}

/// Puts what was made into the document that it is to be added to.
pub(super) fn merge(path: &Path, existing: &Policy, made: Made, options: &Options) -> Result<Made, CliError> {
    let mut made = made;
    let policy = base::merged(existing, &made);
    let (size, limits) = (policy.size(), Limits::of(options));
    if size > limits.size_max {
        return Err(CliError::failed(format!(
            "{} with what is missing has {size} characters, and {} may have {}\n\
             hint: use --fit, which widens what is missing, or --base, which writes it as policies of their own",
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
    made.policies_max = 1;
    Ok(made)
}

/// The document to which nothing has to be added.
pub(super) fn unchanged(existing: &Policy, rows: &[UsageRow], options: &Options) -> Made {
    let document = NamedPolicy { name: options.name.clone(), policy: existing.clone() };
    Made { policies_max: 1, ..Made::of_existing(vec![document], rows, options) }
}

impl Job<'_> {
    /// Counts what a policy that was added to grants as a whole, and what it granted before.
    pub(super) fn counted(&self, made: Made, existing: &Policy, rows: &[UsageRow], options: &Options) -> Made {
        let granted = |policy: &Policy| base::granted(policy, rows, &self.requests, options, self.catalog);
        let Some(whole) = made.documents.first().map(|document| granted(&document.policy)) else { return made };
        let before = Some(granted(existing));
        Made { excess: whole.excess, escalations: whole.escalations, before, ..made }
    }

    /// The given policy, cut down to what was used of it.
    pub(super) fn deny_unused(
        &self,
        path: &Path,
        given: &Policy,
        options: &Options,
        selected: &Selected,
    ) -> Result<Exit, CliError> {
        let narrowed = narrow(given, &selected.rows, &self.requests, options, self.catalog)?;
        let said = report(&narrowed, if self.args.what.explain { usize::MAX } else { NAMES_MAX });
        self.context.say(said.trim_end());
        let Some(made) = narrowed.made else {
            self.context.say(&format!("nothing that {} allows was used: it can be detached", path.display()));
            return Ok(selected.exit);
        };
        let proving = self.events.as_deref().unwrap_or(&selected.rows);
        let replayed = |policies| replay_with(&set_of(options.kind, policies), proving, &self.requests, self.catalog);
        let before = replayed(vec![given.clone()]);
        let after = replayed(made.documents.iter().map(|document| document.policy.clone()).collect());
        self.say(&made, None);
        self.context.say(&format!("before: {}", explain::verdict(&before)));
        self.context.say(&format!("after: {}", explain::verdict(&after)));
        if !self.args.what.no_check {
            let proof = prove_narrowed(given, &made, proving, &self.requests, options.kind, self.catalog);
            if !proof.holds() {
                self.refuse_cut(&proof);
                return Ok(Exit::WouldDeny);
            }
            self.context.say("proved: it allows nothing that it did not allow before, and all that was used of it");
        }
        let text = match self.args.what.format {
            super::Format::Markdown => markdown::render_cut(&made, &self.provenance, &said),
            _ => self.text(&made, None)?,
        };
        print(self.args.what.out.as_deref(), &text)?;
        Ok(super::exit(&made, selected.exit))
    }

    fn refuse_cut(&self, proof: &NarrowProof) {
        self.context.error("the policy cut down is not what was used of it, so it is not printed");
        for (action, resource, example) in proof.lost.iter().take(20) {
            self.context.error(&format!("{action} on {resource} was used and would be denied (example {example})"));
        }
        for beyond in proof.beyond.iter().take(20) {
            self.context
                .error(&format!("{}: {} on {} was not allowed before", beyond.sid, beyond.action, beyond.pattern));
        }
        for unspoken in proof.unspoken.iter().take(20) {
            self.context.error(&explain::without_use(unspoken));
        }
        if proof.denials_lost > 0 {
            self.context.error(&format!("{} of its denials are gone", proof.denials_lost));
        }
    }
}
