//! One principal, as a value with a JSON form. `docs/rightsize.md` describes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::policy::Preset;
use crate::policy::loss::Loss;
use crate::policy::replay::{Group, GroupFate, Replay};
use crate::report::trust::{TrustValue, trust_value};
use crate::rightsize::{Assessment, DISAGREEMENTS_MAX, PresetFigures, Proposal, Today};
use crate::time::format_time;
use crate::trust::RoleTrust;

/// The form of this document.
const SCHEMA: &str = "trailpare/rightsize/principal/1";

/// One principal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    schema: &'static str,
    /// `permission-set`, `role`, `user`, `person`, `persona`, `role-group`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Account of a role or user.
    pub account: Option<String>,
    /// ARN of a role or user.
    pub arn: Option<String>,
    /// The permission set of a persona, the name that a group of roles shares.
    pub of: Option<String>,
    /// `delete`, `tighten`, `ask`, `keep`.
    pub wave: &'static str,
    /// Why.
    pub reasons: Vec<String>,
    /// What is granted today; null where no file tells.
    pub today: Option<TodayValue>,
    /// What was used.
    pub used: UsedValue,
    /// What is proposed; null where nothing is.
    pub proposed: Option<ProposedValue>,
    /// Why nothing is.
    pub not_proposed: Option<String>,
    /// What is granted today and not by the proposal.
    pub loss: Option<LossValue>,
    /// Both presets side by side.
    pub presets: Vec<PresetValue>,
    /// Who used a permission set, and who has it and never did.
    pub people: Option<PeopleValue>,
    /// Of a group of roles, which, and what they share.
    pub roles: Option<RolesValue>,
    /// What was used and is not granted by what the files say.
    pub disagreements: Vec<DisagreementValue>,
    /// How many more there are.
    pub disagreements_left_out: usize,
    /// Granted actions whose use the archive would not show, by event source.
    pub not_covered_by_data_events: BTreeMap<&'static str, usize>,
    /// Of a role, who takes it, and the trust policy for that.
    pub trust: Option<TrustValue>,
}

/// What is granted today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TodayValue {
    accounts: Vec<String>,
    policies: Vec<String>,
    policies_never_needed: Vec<String>,
    policies_missing: BTreeSet<String>,
    actions: usize,
    ways_to_more: usize,
    created: Option<String>,
    iam_last_used: Option<String>,
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsedValue {
    uses: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    actions: BTreeSet<String>,
    accounts: BTreeSet<String>,
    denied: u64,
    undecided: u64,
}

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProposedValue {
    preset: &'static str,
    preset_reason: &'static str,
    policies: Vec<PolicyValue>,
    statements: Vec<StatementValue>,
    kept_actions: Vec<KeptValue>,
    siblings: Vec<String>,
    ways_to_more: BTreeMap<String, &'static str>,
    proof: Option<ProofValue>,
    not_granted: BTreeMap<&'static str, usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct PolicyValue {
    name: String,
    characters: usize,
    document: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct StatementValue {
    policy: usize,
    sid: String,
    uses: u64,
    first_time: String,
    last_time: String,
    sessions: usize,
    confidence: &'static str,
    example_event_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct KeptValue {
    action: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ProofValue {
    holds: bool,
    allowed: u64,
    denied: u64,
    depends: u64,
    grants_without_use: usize,
    not_replayed: BTreeMap<&'static str, u64>,
}

/// What is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LossValue {
    actions: usize,
    by_access_level: BTreeMap<&'static str, usize>,
    services: BTreeMap<String, usize>,
    ways_to_more_closed: BTreeMap<String, &'static str>,
    secret_reads_closed: BTreeSet<String>,
    actions_narrowed: usize,
    ways_to_more_narrowed: BTreeMap<String, &'static str>,
}

/// A preset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PresetValue {
    preset: &'static str,
    fits: bool,
    policies: Option<usize>,
    statements: Option<usize>,
    characters: Option<usize>,
    pairs: Option<usize>,
    pairs_beyond_use: Option<usize>,
    opens: Vec<String>,
}

impl PresetValue {
    /// Its name.
    pub fn preset(&self) -> &'static str {
        self.preset
    }

    /// Whether another one grants as much.
    pub fn comes_to_the_same(&self, other: &PresetValue) -> bool {
        PresetValue { preset: other.preset, ..self.clone() } == *other
    }
}

/// People of a permission set or persona.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeopleValue {
    used_it: BTreeSet<String>,
    assigned_and_never_used_it: BTreeMap<String, BTreeSet<String>>,
    shared_actions: BTreeSet<String>,
}

/// Roles of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolesValue {
    arns: BTreeSet<String>,
    shared_actions: BTreeSet<String>,
}

/// A use that the files do not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DisagreementValue {
    action: String,
    resource: String,
    why: String,
    uses: u64,
    example_event_id: String,
}

/// The word for a preset.
pub(super) fn preset(preset: Preset) -> &'static str {
    match preset {
        Preset::Workload => "workload",
        Preset::People => "people",
    }
}

impl Document {
    /// Actions that were used and allowed.
    pub(in crate::report) fn used_actions(&self) -> impl Iterator<Item = &str> {
        self.used.actions.iter().map(String::as_str)
    }

    /// Of a group of roles, their ARNs.
    pub(in crate::report) fn role_arns(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().flat_map(|roles| &roles.arns).map(String::as_str)
    }

    /// People who used it.
    pub(in crate::report) fn active_people(&self) -> impl Iterator<Item = &str> {
        self.people.iter().flat_map(|people| &people.used_it).map(String::as_str)
    }

    /// People who have it and never used it.
    pub(in crate::report) fn idle_people(&self) -> impl Iterator<Item = &str> {
        self.people.iter().flat_map(|people| people.assigned_and_never_used_it.keys()).map(String::as_str)
    }
}

/// The value of one principal; of a role with who takes it.
pub fn document(one: &Assessment<'_>, trust: Option<&RoleTrust>) -> Document {
    let subject = &one.subject;
    let shown = one.disagreements.iter().take(DISAGREEMENTS_MAX);
    Document {
        schema: SCHEMA,
        kind: subject.kind.as_str(),
        name: subject.name.clone(),
        account: subject.account.clone(),
        arn: subject.arn.clone(),
        of: subject.of.clone(),
        wave: one.wave.as_str(),
        reasons: one.reasons.clone(),
        today: one.today.as_ref().map(|today| today_value(today, &one.never_needed)),
        used: used(one),
        proposed: one.proposal.as_ref().map(proposed),
        not_proposed: one.no_proposal.as_ref().map(|none| none.why.clone()),
        loss: one.loss.as_ref().map(loss),
        presets: one.presets.iter().map(figures).collect(),
        people: people(one),
        roles: roles(one),
        disagreements: shown.map(disagreement).collect(),
        disagreements_left_out: one.disagreements.len().saturating_sub(DISAGREEMENTS_MAX),
        not_covered_by_data_events: one.unseen.clone(),
        trust: trust.map(trust_value),
    }
}

fn today_value(today: &Today<'_>, never_needed: &[String]) -> TodayValue {
    let is_way = |action: &&&str| crate::policy::privilege_escalation::escalation(action).is_some();
    TodayValue {
        accounts: today.sets.keys().cloned().collect(),
        policies: today.policies.iter().map(|identity| identity.name.clone()).collect(),
        policies_never_needed: never_needed.to_vec(),
        policies_missing: today.missing.clone(),
        actions: today.granted.len(),
        ways_to_more: today.granted.iter().filter(is_way).count(),
        created: today.created_us.map(format_time),
        iam_last_used: today.iam_last_used_us.map(format_time),
    }
}

fn used(one: &Assessment<'_>) -> UsedValue {
    let used = &one.used;
    UsedValue {
        uses: used.events,
        first_time: used.times_us.map(|(first, _)| format_time(first)),
        last_time: used.times_us.map(|(_, last)| format_time(last)),
        actions: used.actions.clone(),
        accounts: used.accounts.clone(),
        denied: used.denied,
        undecided: used.undecided,
    }
}

fn proposed(proposal: &Proposal) -> ProposedValue {
    let made = proposal.made();
    let policies = made.documents.iter().map(|document| PolicyValue {
        name: document.name.clone(),
        characters: document.policy.size(),
        document: document.policy.to_value(),
    });
    let statements = made.statements.iter().map(|note| StatementValue {
        policy: note.document,
        sid: note.sid.clone(),
        uses: note.evidence.events,
        first_time: format_time(note.evidence.first_time_us),
        last_time: format_time(note.evidence.last_time_us),
        sessions: note.evidence.sessions.len(),
        confidence: note.evidence.confidence.as_str(),
        example_event_id: note.evidence.example_event_id.to_string(),
    });
    let kept = proposal.kept_actions.iter().cloned().map(|(action, reason)| KeptValue { action, reason });
    let not_granted = [
        ("denied", made.denied.len()),
        ("undecided", made.undecided.len()),
        ("not_certain", made.unverified.len()),
        ("too_little_known", made.incomplete.len()),
        ("impossible_names", made.impossible.len()),
        ("no_permission_needed", made.excluded.len()),
    ];
    ProposedValue {
        preset: preset(proposal.preset),
        preset_reason: proposal.preset_reason,
        policies: policies.collect(),
        statements: statements.collect(),
        kept_actions: kept.collect(),
        siblings: made.siblings.clone(),
        ways_to_more: made.escalations.clone(),
        proof: proposal
            .proved
            .findings()
            .whole()
            .map(|proof| proof_value(&proof.replay, proof.unspoken.len(), proof.holds())),
        not_granted: not_granted.into(),
    }
}

fn proof_value(replay: &Replay, grants_without_use: usize, holds: bool) -> ProofValue {
    let not_replayed = [
        ("denied_at_the_time", replay.were_denied),
        ("undecided_at_the_time", replay.undecided),
        ("not_certain", replay.unverified),
        ("too_little_known", replay.incomplete),
        ("impossible_names", replay.impossible),
        ("no_permission_needed", replay.excluded),
    ];
    ProofValue {
        holds,
        allowed: replay.allowed,
        denied: replay.denied,
        depends: replay.depends,
        grants_without_use,
        not_replayed: not_replayed.into(),
    }
}

fn loss(loss: &Loss) -> LossValue {
    LossValue {
        actions: loss.actions,
        by_access_level: loss.by_access.iter().map(|(access, n)| (access.as_str(), *n)).collect(),
        services: loss.services.clone(),
        ways_to_more_closed: loss.escalations.clone(),
        secret_reads_closed: loss.secret_reads.clone(),
        actions_narrowed: loss.narrowed,
        ways_to_more_narrowed: loss.narrowed_escalations.clone(),
    }
}

fn figures(figures: &PresetFigures) -> PresetValue {
    let size = |at: usize| figures.size.and_then(|size| size.get(at).copied());
    PresetValue {
        preset: preset(figures.preset),
        fits: figures.size.is_some(),
        policies: size(0),
        statements: size(1),
        characters: size(2),
        pairs: figures.pairs.map(|(all, _)| all),
        pairs_beyond_use: figures.pairs.map(|(_, beyond)| beyond),
        opens: figures.opens.clone(),
    }
}

fn roles(one: &Assessment<'_>) -> Option<RolesValue> {
    (!one.subject.roles.is_empty()).then(|| RolesValue {
        arns: one.subject.roles.clone(),
        shared_actions: one.persona.as_ref().map(|group| group.shared.clone()).unwrap_or_default(),
    })
}

fn people(one: &Assessment<'_>) -> Option<PeopleValue> {
    if !one.subject.roles.is_empty() {
        return None;
    }
    let shared_actions = one.persona.as_ref().map(|persona| persona.shared.clone()).unwrap_or_default();
    let is_about_people = one.persona.is_some() || !one.active_people.is_empty() || !one.idle_people.is_empty();
    is_about_people.then(|| PeopleValue {
        used_it: one.active_people.clone(),
        assigned_and_never_used_it: one.idle_people.clone(),
        shared_actions,
    })
}

/// Why the files do not allow a use, in words.
pub(super) fn why(fate: &GroupFate) -> String {
    match fate {
        GroupFate::Denied(by) => format!("no {by} allows it"),
        GroupFate::Forbidden(by, name) => format!("a {by} denies it ({name})"),
        GroupFate::Depends(on) => format!("depends on {}", on.join(", ")),
    }
}

fn disagreement(group: &Group) -> DisagreementValue {
    DisagreementValue {
        action: group.action.clone(),
        resource: group.resource.clone(),
        why: why(&group.fate),
        uses: group.events,
        example_event_id: group.example_event_id.to_string(),
    }
}
