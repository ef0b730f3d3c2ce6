//! One role's trust, as a value with a JSON form. `docs/trust.md` describes it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::time::format_time;
use crate::trust::{Call, Comparison, Denial, Few, Outcome, Proof, Proposed, RoleTrust, Seen, Way};

/// The form of this document.
const SCHEMA: &str = "trailpare/trust/1";

/// One role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrustValue {
    schema: &'static str,
    role_arn: String,
    account: String,
    name: String,
    /// `account`, `service`, `identity-center`: who keeps the trust policy.
    kept_by: &'static str,
    /// Calls that took it.
    calls: u64,
    assumed_by: Vec<WayValue>,
    /// Calls that are in none of these.
    calls_left_out: u64,
    refused: Vec<RefusedValue>,
    sessions: SessionsValue,
    today: Option<TodayValue>,
    proposed: Option<ProposedValue>,
    not_proposed: Option<String>,
    /// Why the proposal may shut somebody out.
    doubts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct WayValue {
    action: &'static str,
    kind: &'static str,
    who: String,
    account: Option<String>,
    external_id: Option<String>,
    audience: Option<String>,
    subject: Option<String>,
    pod: BTreeMap<String, String>,
    source_account: Option<String>,
    mfa: Option<bool>,
    #[serde(flatten)]
    seen: SeenValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct SeenValue {
    calls: u64,
    console_switches: u64,
    sessions_by_themselves: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    session_names: FewValue,
    source_ips: FewValue,
    source_identities: FewValue,
    subjects: FewValue,
    issuers: FewValue,
    tag_keys: FewValue,
    transitive_tag_keys: FewValue,
    example_event_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct FewValue {
    some: Vec<String>,
    more: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct RefusedValue {
    action: &'static str,
    kind: &'static str,
    who: String,
    external_id: Option<String>,
    subject: Option<String>,
    /// `denied`, or the error code.
    why: String,
    calls: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    source_ips: FewValue,
    example_event_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct SessionsValue {
    acted: u64,
    unexplained: u64,
    unexplained_names: FewValue,
    unexplained_from: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct TodayValue {
    policy: Option<Value>,
    iam_last_used: Option<String>,
    allowed: u64,
    depends: u64,
    never_came: Vec<String>,
    openings: Vec<String>,
    disagreements: Vec<DisagreementValue>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct DisagreementValue {
    who: String,
    action: String,
    calls: u64,
    example_event_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ProposedValue {
    policy: Value,
    characters: usize,
    statements: Vec<StatementValue>,
    widened: Vec<String>,
    proof: ProofValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct StatementValue {
    sid: String,
    calls: u64,
    sessions_by_themselves: u64,
    example_event_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ProofValue {
    holds: bool,
    allowed: u64,
    refused: Vec<String>,
    grants_without_use: Vec<String>,
}

/// Of one role.
pub fn trust_value(role: &RoleTrust) -> TrustValue {
    let ways = role.ways.ways.iter().map(|(way, seen)| way_value(way, seen));
    let refused = role.ways.denials.iter().map(|(denial, seen)| refused(denial, seen));
    let sessions = &role.sessions;
    TrustValue {
        schema: SCHEMA,
        role_arn: role.arn.clone(),
        account: role.name.account.clone(),
        name: role.name.name.clone(),
        kept_by: role.keeper.as_str(),
        calls: role.calls(),
        assumed_by: ways.collect(),
        calls_left_out: role.ways.left_out,
        refused: refused.collect(),
        sessions: SessionsValue {
            acted: sessions.seen,
            unexplained: sessions.unexplained,
            unexplained_names: few(&sessions.unexplained_names),
            unexplained_from: sessions.hints.clone(),
        },
        today: role.today.as_ref().map(|today| {
            let compared = role.comparison.clone().unwrap_or_default();
            let policy = today.policy.as_ref().map(crate::iam::document::Policy::to_value);
            self::today(policy, today.iam_last_used_us, compared)
        }),
        proposed: role.proposed.as_ref().ok().map(|(made, proof)| proposed(made, proof)),
        not_proposed: role.proposed.as_ref().err().map(ToString::to_string),
        doubts: role.doubts(),
    }
}

fn few(few: &Few) -> FewValue {
    FewValue { some: few.items.iter().cloned().collect(), more: few.more }
}

fn way_value(way: &Way, seen: &Seen) -> WayValue {
    let account = match &way.who {
        crate::trust::Who::Principal(_, account) | crate::trust::Who::Unnamed(account, _) => Some(account.clone()),
        _ => None,
    };
    WayValue {
        action: way.call.action(),
        kind: way.who.kind(),
        who: way.who.text(),
        account,
        external_id: way.external_id.clone(),
        audience: way.audience.clone(),
        subject: way.subject.clone(),
        pod: way.pod.clone(),
        source_account: way.source_account.clone(),
        mfa: way.mfa.filter(|_| way.call == Call::AssumeRole),
        seen: seen_value(seen),
    }
}

fn seen_value(seen: &Seen) -> SeenValue {
    SeenValue {
        calls: seen.calls,
        console_switches: seen.switches,
        sessions_by_themselves: seen.sessions,
        first_time: seen.times_us.map(|(first, _)| format_time(first)),
        last_time: seen.times_us.map(|(_, last)| format_time(last)),
        session_names: few(&seen.session_names),
        source_ips: few(&seen.source_ips),
        source_identities: few(&seen.source_identities),
        subjects: few(&seen.subjects),
        issuers: few(&seen.issuers),
        tag_keys: few(&seen.tag_keys),
        transitive_tag_keys: few(&seen.transitive_tag_keys),
        example_event_id: seen.example_event_id.clone(),
    }
}

/// Why somebody was refused.
pub(super) fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Denied => "denied",
        Outcome::Failed(code) => code,
    }
}

fn refused(denial: &Denial, seen: &Seen) -> RefusedValue {
    RefusedValue {
        action: denial.call.action(),
        kind: denial.who.kind(),
        who: denial.who.text(),
        external_id: denial.external_id.clone(),
        subject: denial.subject.clone(),
        why: why(&denial.outcome).to_owned(),
        calls: seen.calls,
        first_time: seen.times_us.map(|(first, _)| format_time(first)),
        last_time: seen.times_us.map(|(_, last)| format_time(last)),
        source_ips: few(&seen.source_ips),
        example_event_id: seen.example_event_id.clone(),
    }
}

fn today(policy: Option<Value>, iam_last_used_us: Option<i64>, compared: Comparison) -> TodayValue {
    let disagreement = |of: crate::trust::Disagreement| DisagreementValue {
        who: of.who,
        action: of.action,
        calls: of.calls,
        example_event_id: of.example_event_id,
    };
    TodayValue {
        policy,
        iam_last_used: iam_last_used_us.map(format_time),
        allowed: compared.allowed,
        depends: compared.depends,
        never_came: compared.never_came,
        openings: compared.openings,
        disagreements: compared.disagreements.into_iter().map(disagreement).collect(),
    }
}

fn proposed(made: &Proposed, proof: &Proof) -> ProposedValue {
    let statement = |of: &crate::trust::TrustStatement| StatementValue {
        sid: of.sid.clone(),
        calls: of.calls,
        sessions_by_themselves: of.sessions,
        example_event_id: of.example_event_id.clone(),
    };
    ProposedValue {
        policy: made.policy.to_value(),
        characters: made.policy.size(),
        statements: made.statements.iter().map(statement).collect(),
        widened: made.widened.iter().cloned().collect(),
        proof: ProofValue {
            holds: proof.holds(),
            allowed: proof.allowed,
            refused: proof.refused.clone(),
            grants_without_use: proof.unspoken.clone(),
        },
    }
}
