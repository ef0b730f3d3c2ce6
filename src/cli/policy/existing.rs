//! Policies that exist: read, added to, cut down.

use std::path::Path;

use super::{Job, print};
use crate::cli::select::Selected;
use crate::cli::{CliError, Exit};
use crate::iam::document::Policy;
use crate::policy::replay::{replay_with, set_of};
use crate::policy::{Limits, Made, NamedPolicy, Options, base, explain, parts};
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
    /// The given policy, cut down to what was used of it.
    pub(super) fn deny_unused(
        &self,
        path: &Path,
        given: Policy,
        options: &Options,
        selected: &Selected,
    ) -> Result<Exit, CliError> {
        let narrowed = base::narrow(&given, &selected.rows, &self.requests, self.catalog);
        let said = base::report(&narrowed, if self.args.what.explain { usize::MAX } else { NAMES_MAX });
        self.context.say(said.trim_end());
        let Some(policy) = narrowed.policy else {
            self.context.say(&format!("nothing that {} allows was used: it can be detached", path.display()));
            return Ok(selected.exit);
        };
        let documents = within_limits(&policy, options)?;
        let cut: Vec<Policy> = documents.iter().map(|document| document.policy.clone()).collect();
        let replayed =
            |policies| replay_with(&set_of(options.kind, policies), &selected.rows, &self.requests, self.catalog);
        let before = replayed(vec![given]);
        let after = replayed(cut);
        self.context.say(&format!("before: {}", explain::verdict(&before)));
        self.context.say(&format!("after: {}", explain::verdict(&after)));
        if after.allowed < before.allowed || after.allowed + after.depends < before.allowed + before.depends {
            self.refuse_denying(&after);
            return Ok(Exit::WouldDeny);
        }
        let made = Made::of_existing(documents, &selected.rows, options);
        let text = match self.args.what.format {
            super::Format::Markdown => crate::policy::render::markdown::render_cut(&made, &said),
            _ => self.text(&made, None)?,
        };
        print(self.args.what.out.as_deref(), &text)?;
        Ok(selected.exit)
    }
}

/// Every wildcard that was not used in full has become a list of actions, which may be longer than it was.
fn within_limits(policy: &Policy, options: &Options) -> Result<Vec<NamedPolicy>, CliError> {
    let limits = Limits::of(options);
    let too_long = || {
        CliError::failed(format!(
            "cut down it has {} characters, and {} may be {} of {}\n\
             hint: leave out --deny-unused: a policy made from the usage alone can be fitted",
            policy.size(),
            limits.name,
            limits.policies_max,
            limits.size_max
        ))
    };
    let parts = parts::parts(policy, &options.name, limits.size_max).ok_or_else(too_long)?;
    if parts.len() > limits.policies_max { Err(too_long()) } else { Ok(parts) }
}
