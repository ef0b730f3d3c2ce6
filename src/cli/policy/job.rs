//! One policy: asked for, and what is said of it.

use std::io::{self, Write};
use std::path::Path;

use super::args::PolicyArgs;
use crate::cli::{CliError, Context, Exit};
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::policy::narrow::NarrowProof;
use crate::policy::prove::Proof;
use crate::policy::replay::Replay;
use crate::policy::{
    Existing, Findings, Made, Options, Proposal, ProposeError, Proved, Provenance, Proving, RenderError, Source, Task,
    Unchecked, Unproved, explain, propose, propose_unchecked,
};
use crate::report::evidence::Proofs;
use crate::usage::{RequestValues, UsageRow};

/// Everything that making one policy needs besides the rows.
pub(super) struct Job<'a> {
    pub(super) args: &'a PolicyArgs,
    pub(super) context: &'a Context,
    pub(super) catalog: &'a Catalog,
    pub(super) existing: Vec<Policy>,
    pub(super) provenance: Provenance,
    /// What is proved of the store's log objects, if anything was verified.
    pub(super) proofs: Option<Proofs>,
    /// What the selected requests told of condition keys.
    pub(super) requests: RequestValues,
    /// The uses as the events themselves say them, where they are to prove the policy.
    pub(super) events: Option<Vec<UsageRow>>,
}

/// What became of a policy.
pub(super) enum Outcome {
    Proved(Proved),
    /// It failed its proof.
    Unproved(Box<Unproved>),
    /// With `--no-check`.
    Unchecked(Unchecked),
}

impl Outcome {
    pub(super) fn proposal(&self) -> &Proposal {
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
    pub(super) fn source<'a>(&'a self, provenance: &'a Provenance) -> Option<Source<'a>> {
        match self {
            Outcome::Proved(proved) => Some(proved.source(provenance)),
            Outcome::Unproved(_) => None,
            Outcome::Unchecked(unchecked) => Some(unchecked.source(provenance)),
        }
    }
}

/// A format that cannot hold the policy, and one that can.
pub(super) fn other_format(error: RenderError) -> CliError {
    CliError::failed(format!("{error}\nhint: use --format {}", error.instead))
}

impl Job<'_> {
    /// A policy that is asked for.
    pub(super) fn task<'t>(&'t self, rows: &'t [UsageRow], existing: Existing<'t>, options: &'t Options) -> Task<'t> {
        let proving = self.events.as_deref().map_or(Proving::Usage, Proving::Events);
        Task { rows, requests: &self.requests, proving, existing, options, catalog: self.catalog }
    }

    pub(super) fn outcome(&self, task: &Task<'_>) -> Result<Outcome, ProposeError> {
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
    pub(super) fn existing(&self) -> Existing<'_> {
        match (&self.args.existing.merge, self.existing.as_slice()) {
            (Some(_), [policy]) => Existing::AddedTo(policy),
            (_, []) => Existing::None,
            (_, policies) => Existing::Beside(policies),
        }
    }

    /// One policy, and what is said of it. `None` if the policies that exist allow everything.
    pub(super) fn one(&self, task: &Task<'_>) -> Result<Option<Outcome>, ProposeError> {
        let is_enough = "nothing is missing: the policy given allows everything that was used";
        let outcome = match self.outcome(task) {
            Err(ProposeError::NothingMissing) => {
                self.context.say(is_enough);
                return Ok(None);
            }
            outcome => outcome?,
        };
        let proposal = outcome.proposal();
        if proposal.is_unchanged() {
            self.context.say(is_enough);
        }
        let provenance = self.provenance_of(task.rows);
        self.say(proposal.made(), &provenance, outcome.findings().and_then(Findings::whole));
        if let Outcome::Unproved(unproved) = &outcome {
            self.refuse(&unproved.findings);
        }
        Ok(Some(outcome))
    }

    /// Why there is no policy, with the options that help.
    pub(super) fn failed(&self, error: ProposeError) -> CliError {
        match (error, &self.args.existing.merge) {
            (ProposeError::TooLong { size, size_max, name }, Some(path)) => CliError::failed(format!(
                "{} with what is missing has {size} characters, and {name} may have {size_max}\n\
                 hint: use --fit, which widens what is missing, or --base, which writes it as policies of their own",
                path.display(),
            )),
            (error, _) => error.into(),
        }
    }

    /// Where these rows came from, and how much of what was allowed in them is proved.
    pub(super) fn provenance_of(&self, rows: &[UsageRow]) -> Provenance {
        let is_granted = |row: &&UsageRow| row.outcome == crate::iam::Outcome::Allowed && row.action.is_some();
        let evidence = self.proofs.as_ref().map(|proofs| proofs.of_rows(rows.iter().filter(is_granted)));
        Provenance { evidence, ..self.provenance.clone() }
    }

    pub(super) fn say(&self, made: &Made, provenance: &Provenance, proof: Option<&Proof>) {
        let replay = proof.map(|proof| &proof.replay);
        if proof.is_some_and(|proof| proof.by_events) {
            self.context.say("proved by the events themselves");
        }
        if self.context.quiet {
            explain::lacks(made).iter().for_each(|line| self.context.warn(line));
        }
        if self.args.what.explain {
            self.context.say(explain::explain(made, provenance, replay).trim_end());
            return;
        }
        for line in explain::summary(made, provenance, replay) {
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

    pub(super) fn refuse(&self, findings: &Findings) {
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

/// How the command ends with a policy that is printed: whether it lacks something that was used is said first.
pub(super) fn exit(made: &Made, exit: Exit) -> Exit {
    let lacks = !made.incomplete.is_empty() || made.lacking().next().is_some();
    if lacks { Exit::Incomplete } else { exit }
}

/// To standard output, or into a file.
pub(in crate::cli) fn print(path: Option<&Path>, text: &str) -> Result<(), CliError> {
    match path {
        Some(path) => write_file(path, text),
        None => Ok(io::stdout().write_all(text.as_bytes())?),
    }
}

pub(super) fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    crate::store::write_private(path, text.as_bytes())
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", path.display())))
}
