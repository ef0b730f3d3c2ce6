//! Policies that exist: read, added to, cut down.

use std::path::Path;

use super::job::{Job, Outcome, exit, other_format, print};
use crate::cli::select::Selected;
use crate::cli::{CliError, Exit};
use crate::iam::document::Policy;
use crate::policy::narrow::{StatementUse, report};
use crate::policy::{Existing, Options, ProposeError, explain};

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

impl Job<'_> {
    /// The given policy, cut down to what was used of it.
    pub(super) fn deny_unused(
        &self,
        path: &Path,
        given: &Policy,
        options: &Options,
        selected: &Selected,
    ) -> Result<Exit, CliError> {
        let outcome = match self.outcome(&self.task(&selected.rows, Existing::CutDown(given), options)) {
            Err(ProposeError::NothingUsed(statements)) => {
                self.context.say(self.unused(&statements).trim_end());
                self.context.say(&format!("nothing that {} allows was used: it can be detached", path.display()));
                return Ok(selected.exit);
            }
            outcome => outcome.map_err(|error| self.failed(error))?,
        };
        let proposal = outcome.proposal();
        let said = proposal.cut().map(|cut| self.unused(&cut.statements)).unwrap_or_default();
        self.context.say(said.trim_end());
        let provenance = self.provenance_of(&selected.rows);
        self.say(proposal.made(), &provenance, None);
        if let Some(cut) = proposal.cut() {
            self.context.say(&format!("before: {}", explain::verdict(&cut.before)));
            self.context.say(&format!("after: {}", explain::verdict(&cut.after)));
        }
        match &outcome {
            Outcome::Unproved(unproved) => self.refuse(&unproved.findings),
            Outcome::Proved(_) => {
                self.context.say("proved: it allows nothing that it did not allow before, and all that was used of it");
            }
            Outcome::Unchecked(_) => {}
        }
        let Some(source) = outcome.source(&provenance) else { return Ok(Exit::WouldDeny) };
        let text = self.args.what.format.render(&source.with_unused(&said)).map_err(other_format)?;
        print(self.args.what.out.as_deref(), &text)?;
        Ok(exit(proposal.made(), selected.exit))
    }

    /// The report on what was not used.
    fn unused(&self, statements: &[StatementUse]) -> String {
        report(statements, if self.args.what.explain { usize::MAX } else { NAMES_MAX })
    }
}
