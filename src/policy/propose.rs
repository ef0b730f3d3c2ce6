//! The way into this room: [`propose`] makes policies from usage and hands them out proved.
//!
//! A [`Proved`] can be made here only, and only of a proof that held. Renderers take a [`Source`], which a [`Proved`]
//! has. The one other door is `Unchecked`, for the caller who was asked not to prove anything.

use super::existing::{self, TooLong};
use super::made::Made;
use super::make::{MakeError, make_with};
use super::narrow::{NarrowProof, StatementUse, narrow, prove_narrowed};
use super::options::{Fit, Kind, Options, Provenance};
use super::prove::{Proof, prove};
use super::render::Source;
use super::replay::{Replay, policy_set, replay_with, set_of};
use super::siblings::{NoRoom, with_siblings};
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::iam::evaluate::PolicySet;
use crate::usage::{RequestValues, UsageRow};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The uses that the policy is made from; their order does not matter.
    pub rows: &'a [UsageRow],
    /// What the requests behind them told of condition keys.
    pub requests: &'a RequestValues,
    /// The uses that prove it.
    pub proving: Proving<'a>,
    /// Policies that exist already.
    pub existing: Existing<'a>,
    /// What kind of policy is wanted.
    pub options: &'a Options,
    /// The actions of IAM.
    pub catalog: &'a Catalog,
}

/// The uses that prove a policy.
#[derive(Clone, Copy, Debug)]
pub enum Proving<'a> {
    /// Those that it is made from.
    Usage,
    /// Those that the events themselves say, derived anew.
    Events(&'a [UsageRow]),
}

/// What becomes of policies that exist already.
#[derive(Clone, Copy, Debug)]
pub enum Existing<'a> {
    /// There are none.
    None,
    /// They stay attached: only what they lack is granted.
    Beside(&'a [Policy]),
    /// It is written anew, with what it lacks.
    AddedTo(&'a Policy),
    /// It is cut down to what was used of it.
    CutDown(&'a Policy),
}

/// Policies that were made, to be looked at. They cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    made: Made,
    is_unchanged: bool,
    cut: Option<Cut>,
}

impl Proposal {
    /// The policies, and what is to be said beside them.
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// Nothing had to be added to the policy that exists.
    pub fn is_unchanged(&self) -> bool {
        self.is_unchanged
    }

    /// Of a policy that was cut down: how it compares with what it was.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    fn source<'a>(&'a self, provenance: &'a Provenance, replay: Option<&'a Replay>) -> Source<'a> {
        Source { made: &self.made, provenance, replay, unused: None }
    }
}

/// How a policy that was cut down compares with what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// What was used of each of its statements that allow something.
    pub statements: Vec<StatementUse>,
    /// The uses under the policy as it was.
    pub before: Replay,
    /// The uses under what is left.
    pub after: Replay,
}

/// What a proof came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Findings {
    /// Of a policy that was made or added to.
    Whole(Proof),
    /// Of a policy that was cut down.
    Cut(NarrowProof),
}

impl Findings {
    /// Nothing speaks against the policy.
    pub fn hold(&self) -> bool {
        match self {
            Findings::Whole(proof) => proof.holds(),
            Findings::Cut(proof) => proof.holds(),
        }
    }

    /// The proof of a policy that was made or added to.
    pub fn whole(&self) -> Option<&Proof> {
        match self {
            Findings::Whole(proof) => Some(proof),
            Findings::Cut(_) => None,
        }
    }
}

/// Policies whose proof held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    proposal: Proposal,
    findings: Findings,
}

impl Proved {
    /// The policies.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// The same as a value of its own.
    pub fn into_made(self) -> Made {
        self.proposal.made
    }

    /// What the proof came to.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// What a renderer takes.
    pub fn source<'a>(&'a self, provenance: &'a Provenance) -> Source<'a> {
        self.proposal.source(provenance, self.findings.whole().map(|proof| &proof.replay))
    }
}

/// Policies whose proof failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproved {
    /// The policies.
    pub proposal: Proposal,
    /// What speaks against them.
    pub findings: Findings,
}

/// Policies that nobody proved, because somebody asked for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unchecked {
    proposal: Proposal,
}

impl Unchecked {
    /// The policies.
    pub(crate) fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// What a renderer takes.
    pub(crate) fn source<'a>(&'a self, provenance: &'a Provenance) -> Source<'a> {
        self.proposal.source(provenance, None)
    }
}

/// Why there is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// It cannot be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The policies that stay attached allow everything that was used.
    #[error("nothing is missing: the policy given allows everything that was used")]
    NothingMissing,
    /// Nothing that the policy to be cut down allows was used. With it, what of its statements was not.
    #[error("nothing that the policy allows was used")]
    NothingUsed(Vec<StatementUse>),
    /// What is missing does not fit into the policy that exists.
    #[error("the policy with what is missing has {size} characters, and {name} may have {size_max}")]
    TooLong {
        /// Characters, without white space between tokens.
        size: usize,
        /// Characters that it may have.
        size_max: usize,
        /// What policies of its kind are called.
        name: &'static str,
    },
    /// With siblings it is too large.
    #[error("with siblings the policies have {size} characters, and {name} may have {size_max} each")]
    NoRoomForSiblings {
        /// Characters of all of them, without white space between tokens.
        size: usize,
        /// Characters that one may have.
        size_max: usize,
        /// What policies of its kind are called.
        name: &'static str,
    },
    /// It failed its proof.
    #[error("the policy failed its proof: {}", failure(.0))]
    Unproved(Box<Unproved>),
}

fn failure(unproved: &Unproved) -> String {
    match &unproved.findings {
        Findings::Whole(Proof { replay, unspoken, .. }) => {
            format!("{} uses would be denied, {} grants have no use", replay.denied, unspoken.len())
        }
        Findings::Cut(NarrowProof { lost, beyond, unspoken, denials_lost }) => format!(
            "{} uses would be denied, {} grants were not there before, {} have no use, {denials_lost} denials are gone",
            lost.len(),
            beyond.len(),
            unspoken.len()
        ),
    }
}

/// Makes policies from usage, and proves them.
///
/// # Errors
/// Nothing can or need be granted, it does not fit, or the proof does not hold: the error has what it found.
pub fn propose(task: &Task<'_>) -> Result<Proved, ProposeError> {
    let proposal = task.proposal()?;
    let findings = task.findings(&proposal.made);
    if findings.hold() {
        Ok(Proved { proposal: task.with_siblings(proposal)?, findings })
    } else {
        Err(ProposeError::Unproved(Box::new(Unproved { proposal, findings })))
    }
}

/// The same without the proof.
pub(crate) fn propose_unchecked(task: &Task<'_>) -> Result<Unchecked, ProposeError> {
    Ok(Unchecked { proposal: task.with_siblings(task.proposal()?)? })
}

fn too_long(TooLong { size, limits }: TooLong) -> ProposeError {
    ProposeError::TooLong { size, size_max: limits.size_max, name: limits.name }
}

impl<'a> Task<'a> {
    /// A policy from usage alone, proved by it.
    pub fn new(
        rows: &'a [UsageRow],
        requests: &'a RequestValues,
        options: &'a Options,
        catalog: &'a Catalog,
    ) -> Task<'a> {
        Task { rows, requests, proving: Proving::Usage, existing: Existing::None, options, catalog }
    }

    /// Beside what was proved, what was asked for without use: it only allows, so that the proof of what is allowed
    /// stands.
    fn with_siblings(&self, proposal: Proposal) -> Result<Proposal, ProposeError> {
        if !self.options.siblings || matches!(self.existing, Existing::CutDown(_)) {
            return Ok(proposal);
        }
        let made = with_siblings(proposal.made, self.options, self.catalog);
        let made = made.map_err(|NoRoom(size, limits)| ProposeError::NoRoomForSiblings {
            size,
            size_max: limits.size_max,
            name: limits.name,
        })?;
        Ok(Proposal { made, ..proposal })
    }

    fn proposal(&self) -> Result<Proposal, ProposeError> {
        let made = match self.existing {
            Existing::None => self.made(self.rows, self.options)?,
            Existing::Beside(policies) => match self.made(&self.missing(policies), self.options) {
                Err(MakeError::Nothing { .. }) => return Err(ProposeError::NothingMissing),
                made => made?,
            },
            Existing::AddedTo(policy) => return self.added_to(policy),
            Existing::CutDown(policy) => return self.cut_down(policy),
        };
        Ok(Proposal { made, is_unchanged: false, cut: None })
    }

    fn made(&self, rows: &[UsageRow], options: &Options) -> Result<Made, MakeError> {
        make_with(rows, self.requests, options, self.catalog)
    }

    fn missing(&self, policies: &[Policy]) -> Vec<UsageRow> {
        existing::missing(policies, self.rows, self.requests, self.catalog)
    }

    fn added_to(&self, policy: &Policy) -> Result<Proposal, ProposeError> {
        let room = match self.options.fit {
            Fit::Widen => existing::beside(policy, self.options),
            _ => self.options.clone(),
        };
        let (made, is_unchanged) = match self.made(&self.missing(std::slice::from_ref(policy)), &room) {
            Err(MakeError::Nothing { .. }) => (existing::unchanged(policy, self.rows, self.options), true),
            made => (existing::added(policy, made?, self.options).map_err(too_long)?, false),
        };
        Ok(Proposal { made: self.counted(made, policy), is_unchanged, cut: None })
    }

    /// Counts what a policy that was added to grants as a whole, and what it granted before.
    fn counted(&self, made: Made, existing: &Policy) -> Made {
        let granted = |policy: &Policy| existing::granted(policy, self.rows, self.requests, self.options, self.catalog);
        let Some(whole) = made.documents.first().map(|document| granted(&document.policy)) else { return made };
        let before = Some(granted(existing));
        Made { excess: whole.excess, escalations: whole.escalations, before, ..made }
    }

    fn cut_down(&self, policy: &Policy) -> Result<Proposal, ProposeError> {
        let narrowed = narrow(policy, self.rows, self.requests, self.options, self.catalog)?;
        let Some(made) = narrowed.made else { return Err(ProposeError::NothingUsed(narrowed.statements)) };
        let replayed =
            |policies| replay_with(&set_of(self.options.kind, policies), self.proving(), self.requests, self.catalog);
        let before = replayed(vec![policy.clone()]);
        let after = replayed(made.documents.iter().map(|document| document.policy.clone()).collect());
        let cut = Some(Cut { statements: narrowed.statements, before, after });
        Ok(Proposal { made, is_unchanged: false, cut })
    }

    fn proving(&self) -> &'a [UsageRow] {
        match self.proving {
            Proving::Usage => self.rows,
            Proving::Events(rows) => rows,
        }
    }

    fn findings(&self, made: &Made) -> Findings {
        let Task { requests, options, catalog, .. } = *self;
        if let Existing::CutDown(policy) = self.existing {
            return Findings::Cut(prove_narrowed(policy, made, self.proving(), requests, options.kind, catalog));
        }
        let proof = prove(made, &self.judged(made), self.proving(), requests, options, catalog);
        Findings::Whole(Proof { by_events: matches!(self.proving, Proving::Events(_)), ..proof })
    }

    /// The set in which the policy is proved: with those that stay attached beside it.
    fn judged(&self, made: &Made) -> PolicySet {
        let mut set = policy_set(made);
        if let Existing::Beside(policies) = self.existing {
            match made.kind {
                Kind::Identity | Kind::PermissionSet => set.identity.extend(policies.iter().cloned()),
                Kind::Scp => set.scps.iter_mut().for_each(|level| level.extend(policies.iter().cloned())),
                Kind::Session => set.session.extend(policies.iter().cloned()),
                Kind::Boundary => {}
            }
        }
        set
    }
}
