//! The proof of a trust policy, and what it changes of today's.
//!
//! Every way in which the role was taken is put to the policy with all that the log tells of it; nothing is granted for
//! which no way speaks: each principal and each value of a condition has one, or the proof fails.

use std::collections::BTreeSet;

use super::assumption::{Call, Who};
use super::propose::further;
use super::providers::token_keys;
use super::ways::{RoleWays, Seen, Way};
use crate::iam::document::{Condition, Effect, Policy, Principal, PrincipalSpec, Statement};
use crate::iam::evaluate::{Caller, Context, ContextValue, TrustPolicy, TrustVerdict};

/// What the proof came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Calls, and sessions that tell how they came about, that are allowed.
    pub allowed: u64,
    /// The others: who, and why.
    pub refused: Vec<String>,
    /// What is granted and nobody used.
    pub unspoken: Vec<String>,
}

/// Today's policy beside the ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Calls that today's policy allows.
    pub allowed: u64,
    /// Calls for which it depends on what a log does not tell.
    pub depends: u64,
    /// Ways that today's policy does not allow: log and file are not of the same time, or the role is another.
    pub disagreements: Vec<Disagreement>,
    /// Whom today's policy names, and who never came.
    pub never_came: Vec<String>,
    /// What else it lets in, in words.
    pub openings: Vec<String>,
}

/// A way that was taken and that today's policy does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Who.
    pub who: String,
    /// The action that is not allowed.
    pub action: String,
    /// Calls.
    pub calls: u64,
    /// One of the events.
    pub example_event_id: String,
}

impl Proof {
    /// Whether all that was done is allowed, and nothing else is granted.
    pub fn holds(&self) -> bool {
        self.refused.is_empty() && self.unspoken.is_empty()
    }
}

/// What a policy makes of a way: the first action that it does not allow, and what it says of it.
fn ask<'w>(policy: &TrustPolicy, way: &'w Way, seen: &Seen) -> Result<(), (&'w str, TrustVerdict)> {
    let context = context(way, seen);
    let Some(caller) = caller(&way.who) else {
        return Err((way.call.action(), TrustVerdict::Denied { explicit: None }));
    };
    let actions = std::iter::once(way.call.action()).chain(further(way));
    for action in actions {
        let verdict = policy.evaluate(action, &caller, &context);
        if !verdict.is_allowed() {
            return Err((action, verdict));
        }
    }
    Ok(())
}

fn caller(who: &Who) -> Option<Caller<'_>> {
    match who {
        Who::Principal(arn, account) => Some(Caller::Principal { arn, account }),
        Who::Unnamed(account, unique_id) => Some(Caller::Unnamed { account, unique_id }),
        Who::Service(name) => Some(Caller::Service(name)),
        Who::Provider(name) => Some(Caller::Federated(name)),
        Who::Other(..) => None,
    }
}

/// What the log tells of the condition keys of a way; all others are unknown.
fn context(way: &Way, seen: &Seen) -> Context {
    let mut context = Context::new();
    let mut set = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            context.set(key, ContextValue::Known(vec![value.to_owned()]));
        }
    };
    match &way.who {
        Who::Principal(arn, account) => {
            set("aws:PrincipalArn", Some(arn));
            set("aws:PrincipalAccount", Some(account));
        }
        Who::Unnamed(account, id) => {
            set("aws:PrincipalAccount", Some(account));
            let is_role = id.starts_with("AROA");
            // Any session will do: the id before it is what is compared.
            let session = seen.session_names.items.first().map_or("session", String::as_str);
            let user_id = if is_role { format!("{id}:{session}") } else { id.clone() };
            set("aws:userid", Some(&user_id));
        }
        Who::Provider(provider) if way.call == Call::WithWebIdentity => {
            let (prefix, audience, subject) = token_keys(provider);
            let audience = audience.map(|key| format!("{prefix}:{key}"));
            let subject = subject.map(|key| format!("{prefix}:{key}"));
            audience.iter().for_each(|key| set(key, way.audience.as_deref()));
            subject.iter().for_each(|key| set(key, way.subject.as_deref()));
        }
        Who::Provider(_) => {
            set("SAML:aud", way.audience.as_deref());
            set("SAML:sub", seen.subjects.only());
            set("SAML:iss", seen.issuers.only());
        }
        Who::Service(_) | Who::Other(..) => set("aws:SourceAccount", way.source_account.as_deref()),
    }
    set("sts:RoleSessionName", seen.session_names.only());
    set("sts:SourceIdentity", seen.source_identities.only());
    set("aws:SourceIp", seen.source_ips.only().filter(|text| text.parse::<std::net::IpAddr>().is_ok()));
    way.pod.iter().for_each(|(key, value)| set(&format!("aws:RequestTag/{key}"), Some(value)));
    set("aws:MultiFactorAuthPresent", way.mfa.map(|mfa| if mfa { "true" } else { "false" }));
    set("sts:ExternalId", way.external_id.as_deref());
    // A call that is in the log has all of its parameters there.
    if seen.calls > 0 {
        let absent = [("sts:ExternalId", way.external_id.is_none()), ("sts:SourceIdentity", !way.has_source_identity)];
        for (key, _) in absent.iter().filter(|(_, is_absent)| *is_absent) {
            context.set(key, ContextValue::Absent);
        }
    }
    context
}

fn uses(seen: &Seen) -> u64 {
    seen.calls.saturating_add(seen.sessions)
}

/// Refusals that are told one by one.
const TOLD_MAX: usize = 20;

/// Proves a policy.
pub(super) fn prove(policy: &Policy, role: &RoleWays) -> Proof {
    let mut proof = Proof::default();
    let compiled = TrustPolicy::new(policy);
    for (way, seen) in &role.ways {
        match ask(&compiled, way, seen) {
            Ok(()) => proof.allowed = proof.allowed.saturating_add(uses(seen)),
            Err((action, verdict)) if proof.refused.len() < TOLD_MAX => {
                proof.refused.push(format!("{action} of {}: {}", way.who.text(), said(&verdict)));
            }
            Err(_) => {}
        }
    }
    for statement in &policy.statements {
        for (what, narrowed) in pieces(statement) {
            let one = TrustPolicy::new(&Policy::new(vec![narrowed]));
            if !role.ways.iter().any(|(way, seen)| speaks(&one, way, seen)) {
                let sid = statement.sid.as_deref().unwrap_or_default();
                proof.unspoken.push(format!("{what} in {sid}"));
            }
        }
    }
    proof
}

/// Whether a statement is there for a way.
fn speaks(statement: &TrustPolicy, way: &Way, seen: &Seen) -> bool {
    let Some(caller) = caller(&way.who) else { return false };
    let context = context(way, seen);
    let mut actions = std::iter::once(way.call.action()).chain(further(way));
    actions.any(|action| statement.evaluate(action, &caller, &context).is_allowed())
}

/// A statement with but one of its principals, and with but one of a condition's values, in turn.
fn pieces(statement: &Statement) -> Vec<(String, Statement)> {
    let mut pieces = Vec::new();
    for (kind, id) in named(statement) {
        let who = Principal::Of(vec![(kind.to_owned(), vec![id.to_owned()])]);
        let principal = Some(PrincipalSpec::Principal(who));
        pieces.push((id.to_owned(), Statement { principal, ..statement.clone() }));
    }
    for (at, condition) in statement.condition.iter().enumerate() {
        for (place, (key, values)) in condition.keys.iter().enumerate() {
            for value in values {
                let mut narrowed = statement.clone();
                if let Some((_, all)) =
                    narrowed.condition.get_mut(at).and_then(|one: &mut Condition| one.keys.get_mut(place))
                {
                    *all = vec![value.clone()];
                }
                pieces.push((format!("{key} {value}"), narrowed));
            }
        }
    }
    pieces
}

fn named(statement: &Statement) -> Vec<(&str, &str)> {
    match &statement.principal {
        Some(PrincipalSpec::Principal(Principal::Everyone)) => vec![("AWS", "*")],
        Some(PrincipalSpec::Principal(Principal::Of(map))) => {
            map.iter().flat_map(|(kind, ids)| ids.iter().map(|id| (kind.as_str(), id.as_str()))).collect()
        }
        _ => Vec::new(),
    }
}

fn said(verdict: &TrustVerdict) -> String {
    match verdict {
        TrustVerdict::Allowed { .. } => "allowed".to_owned(),
        TrustVerdict::Denied { explicit: Some(at) } => format!("statement {at} denies it"),
        TrustVerdict::Denied { explicit: None } => "no statement allows it".to_owned(),
        TrustVerdict::Depends { keys } => format!("depends on {}", keys.join(", ")),
    }
}

/// Compares the ways with today's policy.
pub(super) fn compare(today: &Policy, role: &RoleWays) -> Comparison {
    let mut comparison = Comparison::default();
    let compiled = TrustPolicy::new(today);
    for (way, seen) in &role.ways {
        match ask(&compiled, way, seen) {
            Ok(()) => comparison.allowed = comparison.allowed.saturating_add(uses(seen)),
            Err((_, TrustVerdict::Depends { .. })) => {
                comparison.depends = comparison.depends.saturating_add(uses(seen));
            }
            Err((action, _)) => comparison.disagreements.push(Disagreement {
                who: way.who.text(),
                action: action.to_owned(),
                calls: uses(seen),
                example_event_id: seen.example_event_id.clone(),
            }),
        }
    }
    let (mut never, mut openings) = (BTreeSet::new(), BTreeSet::new());
    for statement in today.statements.iter().filter(|statement| statement.effect == Effect::Allow) {
        for (kind, id) in named(statement) {
            match came(kind, id, role) {
                false => drop(never.insert(format!("{kind} {id}"))),
                true => openings.extend(opening(kind, id, statement)),
            }
        }
        if matches!(statement.principal, Some(PrincipalSpec::NotPrincipal(_))) {
            openings.insert("everybody but some (NotPrincipal)".to_owned());
        }
    }
    comparison.never_came = never.into_iter().collect();
    comparison.openings = openings.into_iter().collect();
    comparison
}

/// Whether somebody came whom a policy names so.
fn came(kind: &str, id: &str, role: &RoleWays) -> bool {
    let who = Principal::Of(vec![(kind.to_owned(), vec![id.to_owned()])]);
    let all = crate::iam::document::ActionSpec::Action(vec!["*".to_owned()]);
    let statement = Statement {
        principal: Some(PrincipalSpec::Principal(who)),
        ..Statement::new(Effect::Allow, all, crate::iam::document::ResourceSpec::Omitted)
    };
    let compiled = TrustPolicy::new(&Policy::new(vec![statement]));
    let verdict = |way: &Way| Some(compiled.evaluate(way.call.action(), &caller(&way.who)?, &Context::new()));
    role.ways.keys().any(|way| !matches!(verdict(way), None | Some(TrustVerdict::Denied { .. })))
}

/// What a principal of today's policy lets in beyond those who came.
fn opening(kind: &str, id: &str, statement: &Statement) -> Option<String> {
    let tests = |end: &str| {
        let keys = statement.condition.iter().flat_map(|condition| &condition.keys);
        keys.into_iter().any(|(key, _)| key.to_ascii_lowercase().ends_with(end))
    };
    let is_account = crate::iam::arn::is_account_id(id) || id.ends_with(":root");
    match kind {
        "AWS" if id == "*" => Some("everybody, in any account".to_owned()),
        "AWS" if is_account => Some(format!("everybody in the account {id} who may assume roles there")),
        "Federated" if id.contains(":oidc-provider/") && !tests(":sub") => Some(format!("any subject of {id}")),
        _ => None,
    }
}
