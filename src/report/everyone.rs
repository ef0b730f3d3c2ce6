//! What policies would have stopped, whom, and how often: everybody in one run.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::policy::replay::{Group, GroupFate, Replay};
use crate::time::format_time;

/// Everybody under one set of policies.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Everyone {
    /// Principals who did something.
    pub principals: usize,
    /// Principals who would have been stopped at least once.
    pub stopped: usize,
    /// Uses that would be allowed.
    pub allowed: u64,
    /// Uses that were allowed and would be denied.
    pub denied: u64,
    /// Uses for which a log cannot tell.
    pub depends: u64,
    /// Uses that are not replayed: denied at the time, not certain, or without need of a permission.
    pub not_replayed: u64,
    /// Uses of principals whom control policies do not bind.
    pub not_bound: u64,
    /// Uses that no policy that is known denies, of principals who may be bound by others.
    pub not_known: u64,
    /// Why not all control policies are known: levels and policies that the answers lack.
    pub gaps: BTreeSet<String>,
    /// Whom, those first who would have been stopped most often.
    pub whom: Vec<Whom>,
    /// Principals beyond those that are listed.
    pub whom_left_out: usize,
}

/// One principal who would have been stopped, or may have been.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Whom {
    /// The account in which it lives.
    pub account_id: String,
    /// Its ARN.
    pub principal_arn: String,
    /// Uses that would be allowed.
    pub allowed: u64,
    /// Uses that would be denied.
    pub denied: u64,
    /// Uses for which a log cannot tell.
    pub depends: u64,
    /// What, the most frequent first.
    pub examples: Vec<Example>,
    /// Pairs of action and resource beyond those that are listed.
    pub examples_left_out: usize,
}

/// An action on a resource that would be stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// `denied` or `depends`.
    pub verdict: &'static str,
    /// The statement that denies it; null where none allows it.
    pub statement: Option<String>,
    /// What decides, where a log cannot tell.
    pub depends_on: Vec<String>,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// How often.
    pub uses: u64,
    /// The first time.
    pub first_time: String,
    /// One of the events.
    pub example_event_id: String,
}

/// Examples of one principal that are kept: everybody's are in memory at once.
const EXAMPLES_MAX: usize = 10;

/// Principals that are kept.
const WHOM_MAX: usize = 50_000;

impl Everyone {
    /// Adds one principal's replay.
    ///
    /// `is_whole` says that every policy that binds it is known: else what is not denied may be, by another.
    pub fn add(&mut self, account_id: &str, principal_arn: &str, replay: &Replay, is_whole: bool) {
        self.principals += 1;
        let open = if is_whole { &mut self.allowed } else { &mut self.not_known };
        *open += replay.allowed;
        self.denied += replay.denied;
        self.depends += replay.depends;
        self.not_replayed += replay.were_denied
            + replay.undecided
            + replay.unverified
            + replay.incomplete
            + replay.impossible
            + replay.excluded;
        self.stopped += usize::from(replay.denied > 0);
        if replay.denied == 0 && replay.depends == 0 {
            return;
        }
        if self.whom.len() >= WHOM_MAX {
            self.whom_left_out += 1;
            return;
        }
        let left_out = replay.groups.len() as u64 + replay.ungrouped;
        let examples: Vec<Example> = replay.groups.iter().take(EXAMPLES_MAX).map(example).collect();
        self.whom.push(Whom {
            account_id: account_id.to_owned(),
            principal_arn: principal_arn.to_owned(),
            allowed: replay.allowed,
            denied: replay.denied,
            depends: replay.depends,
            examples_left_out: usize::try_from(left_out).unwrap_or(usize::MAX).saturating_sub(examples.len()),
            examples,
        });
    }

    /// In order, and no more than so many.
    pub fn finish(&mut self, limit: usize) {
        self.whom.sort_by(|a, b| {
            let often = |whom: &Whom| (whom.denied, whom.depends);
            often(b)
                .cmp(&often(a))
                .then_with(|| (&a.account_id, &a.principal_arn).cmp(&(&b.account_id, &b.principal_arn)))
        });
        self.whom_left_out += self.whom.len().saturating_sub(limit);
        self.whom.truncate(limit);
    }

    /// The value that is printed.
    ///
    /// # Errors
    /// None that this type can have.
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

fn example(group: &Group) -> Example {
    let (verdict, statement, depends_on) = match &group.fate {
        GroupFate::Denied(_) => ("denied", None, Vec::new()),
        GroupFate::Forbidden(_, name) => ("denied", Some(name.clone()), Vec::new()),
        GroupFate::Depends(on) => ("depends", None, on.clone()),
    };
    Example {
        verdict,
        statement,
        depends_on,
        action: group.action.clone(),
        resource: group.resource.clone(),
        uses: group.events,
        first_time: format_time(group.first_time_us),
        example_event_id: group.example_event_id.to_string(),
    }
}
