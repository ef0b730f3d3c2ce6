//! The policy that was proved for a principal, or why there is none.

use serde::Serialize;

use crate::policy::{Made, Proposal, ProposeError, Proved, Provenance, Shown, explain};
use crate::time::format_time;

/// The policy of a principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Policy {
    /// It was made, and its proof held.
    Proved(Box<Proposed>),
    /// There is none.
    None {
        /// Why, in words.
        reason: String,
    },
}

/// A policy, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposed {
    /// One or several.
    pub documents: Vec<Document>,
    /// What `trailpare policy` says of it, one line each.
    pub summary: Vec<String>,
    /// What each statement rests on.
    pub statements: Vec<Statement>,
    /// Uses that are not granted, and why.
    pub not_granted: Vec<NotGranted>,
    /// Granted actions with which more can be gained, and what they open.
    pub escalations: Vec<(String, &'static str)>,
    /// Something that was used could not be granted: the policy lacks it.
    pub is_incomplete: bool,
    /// Actions that may be needed and leave no trace.
    pub suggestions: Vec<String>,
}

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// JSON.
    pub text: String,
    /// Characters, without white space between tokens.
    pub size: usize,
}

/// What a statement rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Its `Sid`.
    pub sid: String,
    /// Events; one that needed two actions counts for each.
    pub events: u64,
    /// Time of the first (UTC).
    pub first_time: String,
    /// Time of the last (UTC).
    pub last_time: String,
    /// Sessions.
    pub sessions: usize,
    /// How certain it is.
    pub confidence: &'static str,
    /// An event to look at.
    pub example_event_id: String,
}

/// A use that is not granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotGranted {
    /// `denied`, `undecided`, `not certain`, `incomplete`, `no such name` or `needs no permission`.
    pub kind: &'static str,
    /// The IAM action, or `eventSource:eventName` where none is known.
    pub action: String,
    /// The resource, as in `usage`.
    pub resource: String,
    /// Why.
    pub reason: String,
    /// Events.
    pub events: u64,
    /// Time of the last (UTC).
    pub last_time: String,
    /// An event to look at.
    pub example_event_id: String,
}

impl Policy {
    /// The policy, if there is one.
    pub fn proposed(&self) -> Option<&Proposed> {
        match self {
            Policy::Proved(proposed) => Some(proposed),
            Policy::None { .. } => None,
        }
    }

    pub(super) fn of(outcome: Result<Proved, ProposeError>, provenance: &Provenance) -> Policy {
        match outcome {
            Ok(proved) => Policy::Proved(Box::new(proposed(&proved, provenance))),
            Err(error) => Policy::None { reason: error.to_string() },
        }
    }
}

fn proposed(proved: &Proved, provenance: &Provenance) -> Proposed {
    let made = Proposal::made(proved.proposal());
    let replay = proved.findings().whole().map(|proof| &proof.replay);
    let documents = made.documents.iter().map(|document| Document {
        name: document.name.clone(),
        text: document.policy.pretty(),
        size: document.policy.size(),
    });
    Proposed {
        documents: documents.collect(),
        summary: explain::summary(made, provenance, replay),
        statements: statements(made),
        not_granted: not_granted(made),
        escalations: made.escalations.iter().map(|(action, opens)| (action.clone(), *opens)).collect(),
        is_incomplete: !made.incomplete.is_empty() || made.lacking().next().is_some(),
        suggestions: made.suggestions.iter().map(|suggestion| suggestion.action.clone()).collect(),
    }
}

fn statements(made: &Made) -> Vec<Statement> {
    let of = |note: &crate::policy::StatementNote| Statement {
        sid: note.sid.clone(),
        events: note.evidence.events,
        first_time: format_time(note.evidence.first_time_us),
        last_time: format_time(note.evidence.last_time_us),
        sessions: note.evidence.sessions.len(),
        confidence: note.evidence.confidence.as_str(),
        example_event_id: note.evidence.example_event_id.to_string(),
    };
    made.statements.iter().map(of).collect()
}

fn not_granted(made: &Made) -> Vec<NotGranted> {
    let lists: [(&'static str, &[Shown]); 6] = [
        ("incomplete", &made.incomplete),
        ("not certain", &made.unverified),
        ("denied", &made.denied),
        ("undecided", &made.undecided),
        ("no such name", &made.impossible),
        ("needs no permission", &made.excluded),
    ];
    let of = |kind: &'static str, shown: &Shown| NotGranted {
        kind,
        action: shown.action.clone(),
        resource: shown.resource.clone(),
        reason: shown.reason.clone(),
        events: shown.evidence.events,
        last_time: format_time(shown.evidence.last_time_us),
        example_event_id: shown.evidence.example_event_id.to_string(),
    };
    lists.iter().flat_map(|(kind, list)| list.iter().map(move |shown| of(kind, shown))).collect()
}
